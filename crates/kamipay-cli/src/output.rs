//! What goes to standard output: data, in one of four formats, in whole lines.

use std::io::{self, IsTerminal as _, Write as _};

use anstream::{AutoStream, ColorChoice};
use clap::{Args, ValueEnum};
use kamipay_ureq::Client;
use kamipay_ureq::proto::{Page, Paginated};
use serde::Serialize;

use crate::commands::count;
use crate::exit::{Exit, Failure};
use crate::listing;
use crate::progress::Progress;
use crate::table::{Column, Table};
use crate::text::Escaped;

/// How to print.
#[derive(Args, Clone, Copy)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// The format; `table` on a terminal, `ndjson` otherwise
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
    /// Nothing on standard error but errors
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
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

impl Output {
    pub(crate) fn format(self) -> Format {
        let is_terminal = || io::stdout().is_terminal();
        self.output.unwrap_or_else(|| if is_terminal() { Format::Table } else { Format::Ndjson })
    }

    pub(crate) fn progress(self) -> Progress {
        Progress::new(self.quiet)
    }

    /// Says something about the data on standard error.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            let _ = anstream::stderr().write_all(format!("note: {}\n", Escaped(text)).as_bytes());
        }
    }

    /// Prints one thing.
    pub(crate) fn thing<T: Thing>(self, thing: &T) -> Result<(), Failure> {
        let mut lines = Lines::default();
        match self.format() {
            Format::Table => lines.text(&thing.table())?,
            Format::Json => lines.line(&(json(thing, serde_json::to_string_pretty)? + "\n"))?,
            Format::Ndjson => lines.line(&(json(thing, serde_json::to_string)? + "\n"))?,
            Format::Csv => {
                for record in thing.csv() {
                    lines.csv(&record)?;
                }
            }
        }
        Ok(lines.flush()?)
    }

    /// Prints all rows of a list; the summary is the last line of a table.
    pub(crate) fn list<E>(
        self,
        client: &Client,
        call: E,
        summary: &mut impl Summary<E::Output>,
    ) -> Result<Exit, Failure>
    where
        E: Paginated,
        E::Output: Page<Row: Record>,
    {
        let mut list = List::new(self.format())?;
        let mut progress = self.progress();
        let mut seen = 0;
        for page in listing::pages(client, call) {
            let page = page.map_err(|failure| failure.after_rows(list.printed))?;
            progress.clear();
            summary.page(&page);
            let total = page.total();
            for row in page.into_rows() {
                list.row(&row)?;
                seen += 1;
            }
            list.lines.flush()?;
            if seen < total {
                progress.say(&format!("{seen} of {total} rows"));
            }
        }
        drop(progress);
        list.finish(&summary.words(seen))?;
        Ok(Exit::Done)
    }

    /// Prints all rows of a list that came at once.
    pub(crate) fn rows<R: Record>(self, rows: &[R], summary: &str) -> Result<Exit, Failure> {
        let mut list = List::new(self.format())?;
        for row in rows {
            list.row(row)?;
        }
        list.finish(summary)?;
        Ok(Exit::Done)
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

/// What is said about a list as a whole.
pub(crate) trait Summary<P> {
    /// Takes note of a page.
    fn page(&mut self, page: &P);

    /// A line about all of its rows.
    fn words(&self, rows: u64) -> String;
}

/// How many rows: of what.
pub(crate) struct Count(pub(crate) &'static str);

impl<P> Summary<P> for Count {
    fn page(&mut self, _: &P) {}

    fn words(&self, rows: u64) -> String {
        count(rows, self.0)
    }
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
struct List<R> {
    format: Format,
    lines: Lines,
    table: Table,
    json: Vec<String>,
    rows: u64,
    /// How many rows are on standard output, or on their way to it.
    printed: u64,
    of: std::marker::PhantomData<R>,
}

impl<R: Record> List<R> {
    fn new(format: Format) -> Result<Self, Failure> {
        let mut lines = Lines::default();
        if format == Format::Csv {
            lines.csv(R::CSV)?;
        }
        let table = Table::new(R::TABLE);
        let of = std::marker::PhantomData;
        Ok(Self { format, lines, table, json: Vec::new(), rows: 0, printed: 0, of })
    }

    fn row(&mut self, row: &R) -> Result<(), Failure> {
        self.rows += 1;
        match self.format {
            Format::Table => self.table.row(row.cells()),
            Format::Json => self.json.push(json(row, serde_json::to_string)?),
            Format::Ndjson => self.lines.line(&(json(row, serde_json::to_string)? + "\n"))?,
            Format::Csv => self.lines.csv(row)?,
        }
        if matches!(self.format, Format::Ndjson | Format::Csv) {
            self.printed += 1;
        }
        Ok(())
    }

    fn finish(mut self, summary: &str) -> Result<(), Failure> {
        match self.format {
            Format::Table => {
                let table = if self.rows == 0 { String::new() } else { self.table.render("") };
                let gap = if self.rows == 0 { "" } else { "\n" };
                self.lines.text(&format!("{table}{gap}{}\n", Escaped(summary)))?;
            }
            Format::Json if self.json.is_empty() => self.lines.line("[]\n")?,
            Format::Json => {
                let last = self.json.len() - 1;
                for (n, row) in self.json.iter().enumerate() {
                    let start = if n == 0 { "[\n  " } else { "  " };
                    let end = if n == last { "\n]\n" } else { ",\n" };
                    self.lines.line(&format!("{start}{row}{end}"))?;
                }
            }
            Format::Ndjson | Format::Csv => {}
        }
        Ok(self.lines.flush()?)
    }
}

/// The models write money as JSON strings, so nothing is rounded here.
fn json<T: Serialize>(
    value: &T,
    write: impl FnOnce(&T) -> serde_json::Result<String>,
) -> Result<String, Failure> {
    write(value).map_err(|error| Failure::other(format!("cannot be written as JSON: {error}")))
}

/// Standard output, in whole lines: whoever stops the program finds no half one.
#[derive(Default)]
pub(crate) struct Lines {
    ready: Vec<u8>,
}

impl Lines {
    /// So much goes into a pipe at once, or not at all.
    const AT_ONCE: usize = 4096;

    /// Text with styles, which are left out where they would not be understood.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
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

    /// A line with its end.
    pub(crate) fn line(&mut self, line: &str) -> io::Result<()> {
        if self.ready.len() + line.len() > Self::AT_ONCE {
            self.flush()?;
        }
        self.ready.extend_from_slice(line.as_bytes());
        Ok(())
    }

    fn csv(&mut self, record: impl Serialize) -> Result<(), Failure> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        let broken =
            |error: &dyn std::fmt::Display| Failure::other(format!("cannot be written: {error}"));
        writer.serialize(record).map_err(|error| broken(&error))?;
        let line = writer.into_inner().map_err(|error| broken(&error))?;
        let line = String::from_utf8(line).map_err(|error| broken(&error))?;
        Ok(self.line(&line)?)
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(&self.ready)?;
        self.ready.clear();
        out.flush()
    }
}
