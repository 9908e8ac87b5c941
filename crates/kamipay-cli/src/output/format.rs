use std::io::{self, IsTerminal as _, Write as _};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use crate::text::Escaped;

/// How to print.
#[derive(Args, Clone, Copy)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// The format; `table` on a terminal, `ndjson` otherwise
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
    /// Make CSV safe to open in Excel, LibreOffice or Google Sheets
    ///
    /// A spreadsheet runs a cell such as `=HYPERLINK(…)` as a formula, and names and messages are
    /// text that others wrote. This flag puts an apostrophe before text that begins like a formula
    /// (= + - @, also after spaces or a semicolon). Numbers stay as they are. Without it CSV
    /// contains the exact text, for programs.
    #[arg(long)]
    spreadsheet: bool,
    /// Print nothing but errors on standard error
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// For people: aligned, fits the terminal, and goes to the PAGER if it is long
    Table,
    /// One JSON value: an array for a list, an object for one thing
    Json,
    /// One JSON object per line, printed as it comes
    Ndjson,
    /// A header, then one row per line, printed as it comes
    Csv,
}

impl Format {
    /// Whether rows are printed as they come.
    pub(crate) fn streams(self) -> bool {
        matches!(self, Self::Ndjson | Self::Csv)
    }
}

impl Output {
    pub(crate) fn format(self) -> Format {
        let is_terminal = || io::stdout().is_terminal();
        self.output.unwrap_or_else(|| if is_terminal() { Format::Table } else { Format::Ndjson })
    }

    /// The format for `flag`, which needs rows to be written as they come.
    pub(crate) fn streaming_format(self, flag: &str) -> Result<Format, Failure> {
        let format = self.output.unwrap_or(Format::Ndjson);
        if !format.streams() {
            return Err(Failure::usage(format!(
                "{flag} is for rows that are written as they come, and --output {} is written at \
                 the end",
                if format == Format::Table { "table" } else { "json" },
            ))
            .tip("--output ndjson or --output csv"));
        }
        Ok(format)
    }

    pub(crate) fn is_quiet(self) -> bool {
        self.quiet
    }

    pub(crate) fn is_for_spreadsheet(self) -> bool {
        self.spreadsheet
    }

    /// Says something about the data on standard error, unless `--quiet` is given.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// Prints a note, even with `--quiet`.
    pub(crate) fn warn(self, text: &str) {
        note(text);
    }
}

/// Says something on standard error.
pub(crate) fn note(text: &str) {
    let _ = anstream::stderr().write_all(format!("note: {}\n", Escaped(text)).as_bytes());
}
