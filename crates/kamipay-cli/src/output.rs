//! What goes to standard output: data, in one of four formats, in whole lines.

mod spreadsheet;

use std::io::{self, IsTerminal as _, Write as _};

use anstream::{AutoStream, ColorChoice};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use crate::listing::OutFile;
use crate::progress::Progress;
use crate::table::{Column, Table};
use crate::text::{Escaped, EscapedJson};

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
    /// Nothing on standard error but errors
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// For people: aligned, long hashes and times shortened
    Table,
    /// One JSON value: an array for a list, an object for one thing
    Json,
    /// A JSON object a line, printed as it comes
    Ndjson,
    /// A header and a row a line, printed as it comes
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

    /// The format of rows that have to be printed as they come, for `flag`.
    pub(crate) fn streaming_format(self, flag: &str) -> Result<Format, Failure> {
        let format = self.output.unwrap_or(Format::Ndjson);
        if !format.streams() {
            return Err(Failure::usage(format!(
                "{flag} is for rows that are written as they come, and --output {} is written when \
                 the listing is whole",
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

    /// Says something about the data on standard error.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// The same, of what cannot be undone: not even `--quiet` hides it.
    pub(crate) fn warn(self, text: &str) {
        let _ = anstream::stderr().write_all(format!("note: {}\n", Escaped(text)).as_bytes());
    }

    /// Prints one thing.
    pub(crate) fn thing<T: Thing>(self, thing: &T) -> Result<(), Failure> {
        let mut lines = Lines::new().for_output(self);
        match self.format() {
            Format::Table => lines.text(&thing.table())?,
            Format::Json => lines.json_text(&json(thing, serde_json::to_string_pretty)?)?,
            Format::Ndjson => lines.json(thing)?,
            Format::Csv => {
                for record in thing.csv() {
                    lines.csv(&record)?;
                }
            }
        }
        lines.flush()
    }
}

/// A row of a list.
pub(crate) trait Record: Serialize {
    /// The columns of a table: those that a person looks for.
    const TABLE: &'static [Column];
    /// The columns of CSV: all fields, in the order in which they are serialised.
    const CSV: &'static [&'static str];

    /// The cells of a table.
    fn cells(&self) -> Vec<String>;
}

/// One thing with what belongs to it.
pub(crate) trait Thing: Serialize {
    /// Text for people, with styles.
    fn table(&self) -> String;

    /// CSV: the header, and at least one row.
    fn csv(&self) -> Vec<Vec<String>>;
}

/// A list while it is printed: `ndjson` and `csv` as the rows come, the others once they are all
/// there.
pub(crate) struct List<R> {
    format: Format,
    lines: Lines,
    table: Table,
    json: Vec<String>,
    rows: u64,
    of: std::marker::PhantomData<R>,
}

impl<R: Record> List<R> {
    pub(crate) fn new(format: Format, lines: Lines) -> Self {
        let table = Table::new(R::TABLE);
        Self { format, lines, table, json: Vec::new(), rows: 0, of: std::marker::PhantomData }
    }

    /// The line above all rows, where the format has one.
    pub(crate) fn header(&mut self) -> Result<(), Failure> {
        match self.format {
            Format::Csv => self.lines.csv(R::CSV),
            _ => Ok(()),
        }
    }

    pub(crate) fn row(&mut self, row: &R) -> Result<(), Failure> {
        self.rows += 1;
        match self.format {
            Format::Table => self.table.row(row.cells()),
            Format::Json => self.json.push(json(row, serde_json::to_string)?),
            Format::Ndjson => self.lines.json(row)?,
            Format::Csv => self.lines.csv(row)?,
        }
        Ok(())
    }

    /// How many rows are printed, or on their way.
    pub(crate) fn printed(&self) -> u64 {
        if self.format.streams() { self.rows } else { 0 }
    }

    /// Brings out all that is there.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.lines.flush()
    }

    /// Where the rows go.
    pub(crate) fn lines(&self) -> &Lines {
        &self.lines
    }

    pub(crate) fn finish(&mut self, summary: &str) -> Result<(), Failure> {
        match self.format {
            Format::Table => {
                let table = std::mem::replace(&mut self.table, Table::new(R::TABLE));
                let table = if self.rows == 0 { String::new() } else { table.render("") };
                let gap = if self.rows == 0 { "" } else { "\n" };
                self.lines.text(&format!("{table}{gap}{}\n", Escaped(summary)))?;
            }
            Format::Json if self.json.is_empty() => self.lines.line("[]\n")?,
            Format::Json => {
                let last = self.json.len() - 1;
                for (n, row) in self.json.iter().enumerate() {
                    let start = if n == 0 { "[\n  " } else { "  " };
                    let end = if n == last { "\n]" } else { "," };
                    self.lines.json_text(&format!("{start}{row}{end}"))?;
                }
            }
            Format::Ndjson | Format::Csv => {}
        }
        self.lines.flush()
    }
}

/// The models write money as JSON strings, so nothing is rounded here.
fn json<T: Serialize>(
    value: &T,
    write: impl FnOnce(&T) -> serde_json::Result<String>,
) -> Result<String, Failure> {
    write(value).map_err(|error| Failure::other(format!("cannot be written as JSON: {error}")))
}

/// Whether standard output was closed when the program began.
///
/// Rust opens /dev/null in its place, for reading and writing; a shell's `> /dev/null` is for
/// writing alone.
#[cfg(unix)]
pub(crate) fn is_closed() -> bool {
    use std::os::unix::fs::MetadataExt as _;

    use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};

    let out = io::stdout();
    let (Ok(flags), Ok(known)) = (fcntl_getfl(&out), fstat(&out)) else { return true };
    flags & OFlags::RWMODE == OFlags::RDWR
        && FileType::from_raw_mode(known.st_mode) == FileType::CharacterDevice
        && std::fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == known.st_rdev)
}

#[cfg(not(unix))]
pub(crate) fn is_closed() -> bool {
    false
}

/// Standard output or a file, in whole lines: whoever stops the program finds no half one.
pub(crate) struct Lines {
    ready: Vec<u8>,
    /// Whether a terminal would obey what is written.
    is_terminal: bool,
    /// Whether a spreadsheet would take a cell for a formula.
    is_for_spreadsheet: bool,
    /// In place of standard output.
    file: Option<OutFile>,
    /// What may be on the same terminal.
    progress: Option<Progress>,
}

impl Lines {
    /// So much goes into a pipe at once, or not at all.
    const AT_ONCE: usize = 4096;

    /// To standard output.
    pub(crate) fn new() -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self {
            ready: Vec::new(),
            is_terminal,
            is_for_spreadsheet: false,
            file: None,
            progress: None,
        }
    }

    /// To a file.
    pub(crate) fn to_file(file: OutFile) -> Self {
        Self { file: Some(file), is_terminal: false, ..Self::new() }
    }

    /// To standard output, which the progress has to make room for if it is the same terminal.
    pub(crate) fn beside(progress: &Progress) -> Self {
        let lines = Self::new();
        Self { progress: lines.is_terminal.then(|| progress.clone()), ..lines }
    }

    /// As these arguments say.
    pub(crate) fn for_output(self, output: Output) -> Self {
        Self { is_for_spreadsheet: output.spreadsheet, ..self }
    }

    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&OutFile> {
        self.file.as_ref()
    }

    /// Text with styles, which are left out where they would not be understood.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        let plain;
        let text = match AutoStream::choice(&io::stdout()) {
            ColorChoice::Never => {
                plain = anstream::adapter::strip_str(text).to_string();
                &plain
            }
            _ => text,
        };
        text.split_inclusive('\n').try_for_each(|line| self.line(line))
    }

    /// A line of JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        self.json_text(&json(value, serde_json::to_string)?)
    }

    /// JSON, whose last line has no end yet.
    fn json_text(&mut self, text: &str) -> Result<(), Failure> {
        if self.is_terminal {
            return self.line(&format!("{}\n", EscapedJson(text)));
        }
        self.line(&format!("{text}\n"))
    }

    /// A line with its end.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Failure> {
        if self.ready.len() + line.len() > Self::AT_ONCE {
            self.flush()?;
        }
        self.ready.extend_from_slice(line.as_bytes());
        Ok(())
    }

    /// A row of CSV.
    pub(crate) fn csv(&mut self, record: impl Serialize) -> Result<(), Failure> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        let broken =
            |error: &dyn std::fmt::Display| Failure::other(format!("cannot be written: {error}"));
        writer.serialize(record).map_err(|error| broken(&error))?;
        let line = writer.into_inner().map_err(|error| broken(&error))?;
        let line = match self.is_for_spreadsheet {
            true => spreadsheet::harmless(&line).map_err(|error| broken(&error))?,
            false => line,
        };
        let line = String::from_utf8(line).map_err(|error| broken(&error))?;
        match line.strip_suffix('\n') {
            Some(cells) if self.is_terminal => self.line(&format!("{}\n", Escaped(cells))),
            _ => self.line(&line),
        }
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        if self.ready.is_empty() {
            return Ok(());
        }
        if let Some(file) = &mut self.file {
            file.append(&self.ready)?;
        } else {
            let write = || {
                let mut out = io::stdout().lock();
                out.write_all(&self.ready)?;
                out.flush()
            };
            match &self.progress {
                Some(progress) => progress.aside(write)?,
                None => write()?,
            }
        }
        self.ready.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(is_terminal: bool, write: impl FnOnce(&mut Lines)) -> String {
        let mut lines = Lines { is_terminal, ..Lines::new() };
        write(&mut lines);
        String::from_utf8(lines.ready).unwrap()
    }

    #[test]
    fn data_does_not_move_the_cursor_of_a_terminal() {
        let evil = "\u{1b}]0;owned\u{7}\u{9b}2J\u{7f}\u{202e}\r\nx,\"y\" João";
        let csv = |lines: &mut Lines| lines.csv([evil, "1.50"]).unwrap();
        let shown = written(true, csv);
        let words = r#"\u{1b}]0;owned\u{7}\u{9b}2J\u{7f}\u{202e}\u{d}\u{a}x,""y"" João"#;
        assert_eq!(shown, format!("\"{words}\",1.50\n"));
        assert!(written(false, csv).contains(&evil.replace('"', "\"\"")));

        let value = std::collections::BTreeMap::from([("name", evil), ("other", "\u{2066}")]);
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        for write in [&|lines: &mut Lines| lines.json(&value).unwrap(), &|lines: &mut Lines| {
            lines.json_text(&pretty).unwrap()
        }] as [&dyn Fn(&mut Lines); 2]
        {
            let shown = written(true, write);
            assert!(shown.contains(r"owned\u0007\u009b2J\u007f\u202e\r\nx"), "{shown}");
            assert!(shown.chars().all(|char| char == '\n' || !char.is_control()), "{shown}");
            let [shown, piped] = [&shown, &written(false, write)]
                .map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
            assert_eq!((&shown, shown["name"].as_str()), (&piped, Some(evil)));
        }
        assert_eq!(written(false, |lines| lines.json_text(&pretty).unwrap()), pretty + "\n");
    }
}
