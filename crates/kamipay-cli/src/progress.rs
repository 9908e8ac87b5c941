//! A line on standard error that says how far a long search has come.

use std::io::{self, IsTerminal as _, Write as _};

/// Shows progress where a person is watching: on a terminal, and without `--quiet`.
pub(crate) struct Progress {
    is_watched: bool,
    is_shown: bool,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { is_watched: !quiet && io::stderr().is_terminal(), is_shown: false }
    }

    /// Says how far it is, in the place of what was said before.
    pub(crate) fn say(&mut self, text: &str) {
        if self.is_watched {
            let _ = write!(io::stderr(), "\r\x1b[K{text}");
            self.is_shown = true;
        }
    }

    /// Makes room for something else.
    pub(crate) fn clear(&mut self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
            self.is_shown = false;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
