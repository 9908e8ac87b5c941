use std::mem;

use serde::Serialize;
use serde_json::Value;

use super::columns::Columns;
use super::format::Format;
use super::lines::{Lines, json};
use crate::exit::Failure;
use crate::fields::Fields;
use crate::table::{DIM, Table};
use crate::text::Escaped;

/// The place that the rows of a listing go to: `ndjson` and `csv` as they come, `json` and `table` at
/// the end.
pub(crate) struct List {
    format: Format,
    lines: Lines,
    table: Table,
    columns: Columns,
    json: Vec<String>,
    rows: u64,
}

impl List {
    pub(crate) fn new(format: Format, lines: Lines, columns: Columns) -> Self {
        let lines = if format.streams() { lines } else { lines.with_pager() };
        Self { format, lines, table: columns.table(), columns, json: Vec::new(), rows: 0 }
    }

    /// Writes the line above all rows, where the format has one.
    pub(crate) fn header(&mut self) -> Result<(), Failure> {
        match self.format {
            Format::Csv => self.lines.csv(&self.columns.csv),
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
            Format::Csv if self.columns.is_chosen => {
                self.lines.csv(Fields::of(row).cells(&self.columns.csv))?;
            }
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

    /// Writes what comes after the last row. `summary` is the last line of a table,
    /// and `totals` go into JSON, if there are any.
    pub(crate) fn finish(&mut self, summary: &str, totals: Option<&Value>) -> Result<(), Failure> {
        match self.format {
            Format::Table => {
                let table = mem::replace(&mut self.table, self.columns.table());
                let (mut text, left_out) = match self.rows {
                    0 => (String::new(), Vec::new()),
                    _ => table.render(""),
                };
                if self.rows > 0 {
                    text.push('\n');
                }
                text.push_str(&format!("{}\n", Escaped(summary)));
                if !left_out.is_empty() {
                    let words =
                        format!("not shown: {} (--wide shows all columns)", left_out.join(", "));
                    let words = self.columns.view.prose("", &words);
                    text.push_str(&format!("{DIM}{}{DIM:#}\n", words.trim_end()));
                }
                self.lines.text(&text)?;
            }
            Format::Json => {
                let last = self.json.len().saturating_sub(1);
                if totals.is_some() {
                    self.lines.line("{\n\"rows\": ")?;
                }
                self.lines.line(if self.json.is_empty() { "[" } else { "[\n" })?;
                for (n, row) in self.json.iter().enumerate() {
                    let end = if n == last { "" } else { "," };
                    self.lines.json_text(&format!("  {row}{end}"))?;
                }
                match totals {
                    Some(totals) => {
                        let totals = json(totals, serde_json::to_string)?;
                        self.lines.json_text(&format!("],\n\"totals\": {totals}\n}}"))?;
                    }
                    None => self.lines.line("]\n")?,
                }
            }
            Format::Ndjson | Format::Csv => {}
        }
        Ok(())
    }
}
