//! What goes to standard output: data, in one of four formats, in whole lines.

mod columns;
mod file;
mod format;
mod lines;
mod list;
mod pager;
mod spreadsheet;

use serde::Serialize;

pub(crate) use self::columns::{ColumnArgs, Columns};
pub(crate) use self::file::{Mark, RowsFile, StandardOutput, is_at, place};
pub(crate) use self::format::{Format, Output, note};
pub(crate) use self::lines::{Lines, is_closed};
pub(crate) use self::list::List;
use crate::exit::Failure;
use crate::fields::Fields;
use crate::view::View;

/// One thing with its parts.
pub(crate) trait Thing: Serialize {
    /// The columns of CSV.
    fn columns() -> Vec<&'static str>;

    /// Text for people, with styles.
    fn table(&self, view: &View) -> String;

    /// The rows of CSV. Default: one, the thing itself.
    fn rows(&self) -> Vec<Fields> {
        vec![Fields::of(&self)]
    }
}

impl Output {
    /// Prints one thing.
    pub(crate) fn thing<T: Thing>(self, thing: &T, view: &View) -> Result<(), Failure> {
        let lines = Lines::new().for_output(self);
        let mut lines = if self.format().streams() { lines } else { lines.with_pager() };
        match self.format() {
            Format::Table => lines.text(&thing.table(view))?,
            Format::Json => lines.json_text(&lines::json(thing, serde_json::to_string_pretty)?)?,
            Format::Ndjson => lines.json(thing)?,
            Format::Csv => {
                let columns = T::columns();
                lines.csv(&columns)?;
                for row in thing.rows() {
                    lines.csv(row.cells(&columns))?;
                }
            }
        }
        lines.flush()
    }
}
