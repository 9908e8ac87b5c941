use serde::Serialize;

use super::format::Format;
use super::lines::{Lines, json};
use crate::exit::Failure;
use crate::table::{Column, Table};
use crate::text::Escaped;

/// The place that the rows of a listing go to: `ndjson` and `csv` as they come, `json` and `table` at
/// the end.
pub(crate) struct List {
    format: Format,
    lines: Lines,
    table: Table,
    csv: &'static [&'static str],
    json: Vec<String>,
    rows: u64,
}

impl List {
    /// With the columns of a table, those that a person looks for, and of CSV, which are all fields.
    pub(crate) fn new(
        format: Format,
        lines: Lines,
        table: &'static [Column],
        csv: &'static [&'static str],
    ) -> Self {
        Self { format, lines, table: Table::new(table), csv, json: Vec::new(), rows: 0 }
    }

    /// Writes the line above all rows, where the format has one.
    pub(crate) fn header(&mut self) -> Result<(), Failure> {
        match self.format {
            Format::Csv => self.lines.csv(self.csv),
            _ => Ok(()),
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, row: &impl Serialize) -> Result<(), Failure> {
        self.rows += 1;
        match self.format {
            Format::Table => self.table.add(row),
            Format::Json => self.json.push(json(row, serde_json::to_string)?),
            Format::Ndjson => self.lines.json(row)?,
            Format::Csv => self.lines.csv(row)?,
        }
        Ok(())
    }

    /// How many rows are printed, or are in the buffer.
    pub(crate) fn printed(&self) -> u64 {
        if self.format.streams() { self.rows } else { 0 }
    }

    /// Writes what is in the buffer.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.lines.flush()
    }

    /// Where the lines go.
    pub(crate) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Adds what comes after the last row. `summary` is the last line of a table.
    pub(crate) fn finish(&mut self, summary: &str) -> Result<(), Failure> {
        match self.format {
            Format::Table => {
                let table =
                    if self.rows == 0 { String::new() } else { self.table.render("") + "\n" };
                self.lines.text(&format!("{table}{}\n", Escaped(summary)))?;
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
        Ok(())
    }
}
