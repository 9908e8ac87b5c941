//! A line on standard error that says how far a long search has come.

use std::io::{self, IsTerminal as _, Write as _};

/// Shows progress where a person is watching: on a terminal, and without `--quiet`.
pub(crate) struct Progress {
    shown: bool,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { shown: !quiet && io::stderr().is_terminal() }
    }

    /// Says how far it is, in the place of what was said before.
    pub(crate) fn say(&self, text: &str) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K{text}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.say("");
    }
}
