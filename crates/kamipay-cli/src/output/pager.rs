//! A pager for what does not fit the screen.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::{Child, Command, Stdio};

use unicode_width::UnicodeWidthStr as _;

use crate::exit::{Exit, Failure};
use crate::stop;

/// Shows a text with the pager. Returns `false` if it is not shown, because it fits the screen, or
/// there is no pager.
///
/// Only for a terminal.
pub(super) fn show(text: &str) -> Result<bool, Failure> {
    let Some(command) = command().filter(|_| !fits(text)) else { return Ok(false) };
    // Ctrl-C is for the pager. Ended now, this program would leave it alone with the terminal.
    let is_terminated = stop::hold_signals()?;
    let Ok(mut child) = spawn(&command) else { return Ok(false) };
    if let Some(mut to) = child.stdin.take() {
        // A pager that was quit reads no further.
        let _ = to.write_all(text.as_bytes());
    }
    let is_found = wait(&mut child);
    if is_terminated() {
        return Err(Failure::stopped(Exit::Terminated, "while the pager was open"));
    }
    Ok(is_found)
}

/// The pager of the user: `KAMIPAY_PAGER`, or `PAGER`. An empty one and `cat` mean no pager.
fn command() -> Option<OsString> {
    let ours = std::env::var_os("KAMIPAY_PAGER");
    let command = ours.or_else(|| std::env::var_os("PAGER"))?;
    let is_none = matches!(command.to_string_lossy().trim(), "" | "cat");
    (!is_none).then_some(command)
}

fn spawn(command: &OsString) -> io::Result<Child> {
    let mut pager = if cfg!(unix) {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command);
        shell
    } else {
        let command = command.to_string_lossy();
        let mut words = command.split_whitespace();
        let mut pager = Command::new(words.next().unwrap_or_default());
        pager.args(words);
        pager
    };
    // One screen without a keypress, colours, and the text stays after the end. It is UTF-8 in any
    // locale.
    for (name, value) in [("LESS", "FRX"), ("LESSCHARSET", "utf-8"), ("LV", "-c")] {
        if std::env::var_os(name).is_none() {
            pager.env(name, value);
        }
    }
    pager.stdin(Stdio::piped()).spawn()
}

/// Waits for the pager's end. Whether the shell found it.
fn wait(child: &mut Child) -> bool {
    match child.wait() {
        Ok(status) => !matches!(status.code(), Some(126 | 127)),
        Err(_) => true,
    }
}

fn fits(text: &str) -> bool {
    let Some((width, height)) = terminal_size::terminal_size_of(io::stdout()) else {
        return false;
    };
    let width = usize::from(width.0).max(1);
    let rows = text.lines().map(|line| {
        let line = anstream::adapter::strip_str(line).to_string();
        line.width().div_ceil(width).max(1)
    });
    rows.sum::<usize>() < usize::from(height.0)
}
