//! How wide a table may be, and in which time zone its times are.

use std::io;

use clap::Args;
use unicode_width::UnicodeWidthStr as _;

use crate::exit::Failure;
use crate::zone::{Zone, ZoneArgs};

/// How wide tables are.
#[derive(Args, Clone, Copy)]
#[command(next_help_heading = "Output")]
pub(crate) struct WideArgs {
    /// Show all columns of a table, and shorten nothing
    ///
    /// Without it a table fits the terminal, or COLUMNS: the columns that matter least are left out,
    /// and long identifiers are shortened in the middle. A table that goes to a file or a pipe is
    /// not shortened.
    #[arg(long)]
    wide: bool,
}

impl WideArgs {
    pub(crate) fn is_wide(self) -> bool {
        self.wide
    }

    pub(crate) fn view(self, zone: Zone) -> View {
        View { width: if self.wide { None } else { screen() }, zone }
    }
}

/// The arguments of a command that shows one thing.
#[derive(Args)]
pub(crate) struct ViewArgs {
    #[command(flatten)]
    wide: WideArgs,
    #[command(flatten)]
    zone: ZoneArgs,
}

impl ViewArgs {
    pub(crate) fn view(&self) -> Result<View, Failure> {
        Ok(self.wide.view(self.zone.zone()?))
    }
}

/// How a table is shown.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// The columns of the screen. `None`: any number.
    pub(crate) width: Option<usize>,
    pub(crate) zone: Zone,
}

impl View {
    /// On this screen, with times in UTC.
    pub(crate) fn screen() -> Self {
        Self { width: screen(), zone: Zone::UTC }
    }

    /// A sentence in lines that fit, after `indent`.
    pub(crate) fn prose(&self, indent: &str, text: &str) -> String {
        let (mut lines, mut used) = (indent.to_owned(), indent.len());
        for (n, word) in text.split(' ').enumerate() {
            let width = anstream::adapter::strip_str(word).to_string().width();
            if n > 0 && self.width.is_some_and(|most| used + 1 + width > most) {
                lines.push_str(&format!("\n{indent}"));
                used = indent.len();
            } else if n > 0 {
                lines.push(' ');
                used += 1;
            }
            lines.push_str(word);
            used += width;
        }
        lines + "\n"
    }
}

/// The width of the screen: of the variable `COLUMNS`, or of the terminal.
fn screen() -> Option<usize> {
    let variable = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let columns = variable.filter(|columns| *columns > 0);
    columns.or_else(|| {
        let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
        Some(usize::from(width.0)).filter(|width| *width > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_broken_between_words() {
        let view = |width| View { width, zone: Zone::UTC };
        let text = "\x1b[31mcheck:\x1b[0m the 漢字 add up";
        assert_eq!(view(None).prose("  ", text), format!("  {text}\n"));
        let lines = "  \x1b[31mcheck:\x1b[0m the\n  漢字 add\n  up\n";
        assert_eq!(view(Some(12)).prose("  ", text), lines);
        assert_eq!(view(Some(3)).prose("", "longer a"), "longer\na\n");
    }
}
