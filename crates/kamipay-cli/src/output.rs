//! What goes to standard output: data, in one of four formats, in whole lines.

mod file;
mod format;
mod lines;
mod list;
mod spreadsheet;

use serde::Serialize;

pub(crate) use self::file::{Mark, RowsFile, StandardOutput, is_at, place};
pub(crate) use self::format::{Format, Output, note};
pub(crate) use self::lines::{Lines, is_closed};
pub(crate) use self::list::List;
use crate::exit::Failure;
use crate::fields::Fields;

/// One thing with its parts.
pub(crate) trait Thing: Serialize {
    /// The columns of CSV.
    const CSV: &'static [&'static str];

    /// Text for people, with styles.
    fn table(&self) -> String;

    /// The rows of CSV. Default: one, the thing itself.
    fn rows(&self) -> Vec<Fields> {
        vec![Fields::of(&self)]
    }
}

impl Output {
    /// Prints one thing.
    pub(crate) fn thing<T: Thing>(self, thing: &T) -> Result<(), Failure> {
        let mut lines = Lines::new().for_output(self);
        match self.format() {
            Format::Table => lines.text(&thing.table())?,
            Format::Json => lines.json_text(&lines::json(thing, serde_json::to_string_pretty)?)?,
            Format::Ndjson => lines.json(thing)?,
            Format::Csv => {
                lines.csv(T::CSV)?;
                for row in thing.rows() {
                    lines.csv(row.cells(T::CSV))?;
                }
            }
        }
        lines.flush()
    }
}
