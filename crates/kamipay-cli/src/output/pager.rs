//! A pager for what does not fit the screen.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::{Child, Command, Stdio};

use unicode_width::UnicodeWidthStr as _;

use crate::exit::{Exit, Failure};
use crate::stop;

/// Shows a text with the pager. Returns `false` if it has to be printed, because it fits the screen,
/// there is no pager, or the pager failed.
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
    let end = child.wait();
    if is_terminated() {
        return Err(Failure::stopped(Exit::Terminated, "while the pager was open"));
    }
    match end.map(|status| status.code()) {
        Ok(Some(0)) => Ok(true),
        Ok(Some(code)) if code <= 128 => Ok(false), // not found, or it did not want to
        // By a signal, which a shell turns into a number above 128.
        _ => Err(Failure::incomplete("the pager was killed")
            .tip("what it showed may not be the whole: to print it, set KAMIPAY_PAGER=cat")),
    }
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
