//! Tables and fields for people: aligned, shortened, safe for a terminal.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};
use chrono::{DateTime, SecondsFormat, Utc};
use comfy_table::{CellAlignment, ContentArrangement, presets};
use serde::Serialize;

use crate::fields::Fields;
use crate::text::Escaped;

/// Headings and the names of fields.
pub(crate) const STRONG: Style = Style::new().bold();

/// What is right, what is wrong, and what is still open.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const OPEN: Style = AnsiColor::Yellow.on_default();

/// The width of the widest cell. Longer text is shortened, here only: the other formats have it all.
const WIDEST: usize = 44;

/// A column: the field that it shows, which is its heading, and how.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    /// With the field that has the currency.
    Money(Option<&'static str>),
    Time,
    Hash,
}

/// A column of text.
pub(crate) const fn text(name: &'static str) -> Column {
    Column { name, kind: Kind::Text }
}

/// A column of whole numbers.
pub(crate) const fn number(name: &'static str) -> Column {
    Column { name, kind: Kind::Number }
}

/// A column of amounts, aligned by their decimal points.
pub(crate) const fn money(name: &'static str) -> Column {
    Column { name, kind: Kind::Money(None) }
}

/// A column of amounts, each with its currency.
pub(crate) const fn money_in(name: &'static str, currency: &'static str) -> Column {
    Column { name, kind: Kind::Money(Some(currency)) }
}

/// A column of times, to the second. The other formats also have the fraction.
pub(crate) const fn seconds(name: &'static str) -> Column {
    Column { name, kind: Kind::Time }
}

/// A column of long hashes or addresses, shortened.
pub(crate) const fn hash(name: &'static str) -> Column {
    Column { name, kind: Kind::Hash }
}

impl Column {
    /// The heading and the cell of one row.
    pub(crate) fn field(&self, row: &Fields) -> (&'static str, String) {
        let value = row.text(self.name);
        let cell = match self.kind {
            _ if value.is_empty() => NONE.to_owned(),
            Kind::Text | Kind::Number | Kind::Money(None) => value,
            Kind::Money(Some(currency)) => amount(value, row.text(currency)).trim_end().to_owned(),
            Kind::Time => second(&value),
            Kind::Hash => short_hash(value),
        };
        (self.name, cell)
    }
}

/// A table without lines around its cells.
pub(crate) struct Table {
    columns: &'static [Column],
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &'static [Column]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, row: &impl Serialize) {
        let row = Fields::of(row);
        self.row(self.columns.iter().map(|column| column.field(&row).1).collect());
    }

    /// Adds a row of ready cells, one for each column. They are escaped here.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells.iter().map(|cell| word(cell)).collect());
    }

    /// The lines of the table, each with a line end, and with `indent` before it.
    pub(crate) fn render(&mut self, indent: &str) -> String {
        for (n, column) in self.columns.iter().enumerate() {
            if matches!(column.kind, Kind::Money(_)) {
                align_points(self.rows.iter_mut().filter_map(|row| row.get_mut(n)));
            }
        }
        let mut table = comfy_table::Table::new();
        table.load_preset(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.columns.iter().map(|column| column.name));
        for (column, of) in table.column_iter_mut().zip(self.columns) {
            column.set_padding((0, 2));
            if matches!(of.kind, Kind::Number | Kind::Money(_)) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.add_rows(&self.rows);

        let mut text = String::new();
        for (n, line) in table.lines().enumerate() {
            let line = line.trim_end();
            match n {
                0 => text.push_str(&format!("{indent}{STRONG}{line}{STRONG:#}\n")),
                _ => text.push_str(&format!("{indent}{line}\n")),
            }
        }
        text
    }
}

/// A heading, and the table below it where that has rows.
pub(crate) fn part(heading: &str, mut table: Table) -> String {
    let table = if table.rows.is_empty() { String::new() } else { table.render("  ") };
    format!("\n{heading}\n{table}")
}

/// Fields of one thing, a line each. The values are escaped here, and are not shortened.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let line = |(name, value): &(&str, String)| {
        let (name, value) = (Escaped(name).to_string(), Escaped(value));
        format!("{STRONG}{name:width$}{STRONG:#}  {value}\n")
    };
    fields.iter().map(line).collect()
}

/// These fields of a model, a line each.
pub(crate) fn fields_of(model: &impl Serialize, columns: &[Column]) -> String {
    let row = Fields::of(model);
    fields(&columns.iter().map(|column| column.field(&row)).collect::<Vec<_>>())
}

/// What stands for an absent value.
pub(crate) const NONE: &str = "-";

/// A text that may be absent.
pub(crate) fn maybe(text: Option<impl AsRef<str>>) -> String {
    text.map_or_else(|| NONE.to_owned(), |text| text.as_ref().to_owned())
}

/// An amount with its currency.
pub(crate) fn amount(amount: impl Display, currency: impl AsRef<str>) -> String {
    format!("{amount} {}", currency.as_ref())
}

/// The day of a time, in UTC.
pub(crate) fn day(time: Option<DateTime<Utc>>) -> String {
    maybe(time.map(|time| time.format("%Y-%m-%d").to_string()))
}

/// A time with its fraction of a second.
pub(crate) fn time(time: Option<DateTime<Utc>>) -> String {
    maybe(time.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true)))
}

fn second(time: &str) -> String {
    let time = time.parse::<DateTime<Utc>>();
    time.map_or_else(|_| NONE.to_owned(), |time| time.format("%Y-%m-%d %H:%M:%SZ").to_string())
}

/// The beginning and the end of a long hash or address.
fn short_hash(hash: String) -> String {
    if hash.len() <= 20 || !hash.is_ascii() {
        return hash;
    }
    format!("{}…{}", &hash[..8], &hash[hash.len() - 4..])
}

/// Somebody else's word, for people: escaped, and no wider than a cell.
pub(crate) fn word(text: &str) -> String {
    shorten(&Escaped(text).to_string())
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(WIDEST) {
        None => text.to_owned(),
        Some(_) => text.chars().take(WIDEST - 1).chain(['…']).collect(),
    }
}

/// Pads amounts, so that right-aligned ones have their points below each other.
fn align_points<'a>(cells: impl Iterator<Item = &'a mut String>) {
    let mut cells: Vec<&mut String> = cells.filter(|cell| *cell != NONE).collect();
    let parts = |cell: &str| {
        let (number, currency) = cell.split_once(' ').unwrap_or((cell, ""));
        let fraction = number.find('.').map_or(0, |point| number.len() - point);
        (fraction, currency.chars().count())
    };
    let fraction = cells.iter().map(|cell| parts(cell).0).max().unwrap_or_default();
    let currency = cells.iter().map(|cell| parts(cell).1).max().unwrap_or_default();
    for cell in &mut cells {
        let (has_fraction, has_currency) = parts(cell);
        let fill = " ".repeat(fraction - has_fraction);
        let end = cell.find(' ').unwrap_or(cell.len());
        cell.insert_str(end, &fill);
        cell.push_str(&" ".repeat(currency - has_currency));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_stand_below_each_other() {
        const COLUMNS: &[Column] = &[text("id"), money("amount"), number("n")];
        let mut table = Table::new(COLUMNS);
        for (id, amount, n) in [
            ("a", "29750.0 ARS", "1"),
            ("漢字", "-0.00000001 USDt", "10"),
            ("\x1b[2J", "7 ARS", "100"),
            ("none", "-", "-"),
        ] {
            table.row(vec![id.to_owned(), amount.to_owned(), n.to_owned()]);
        }
        let shown = anstream::adapter::strip_str(&table.render("> ")).to_string();
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn hashes_are_shortened_and_short_ones_are_not() {
        let long = "0x812f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf";
        assert_eq!(short_hash(long.to_owned()), "0x812f8c…5bdf");
        assert_eq!(short_hash("txid5".to_owned()), "txid5");
        assert_eq!(shorten(&"é".repeat(44)), "é".repeat(44));
        assert_eq!(shorten(&"é".repeat(45)).chars().count(), 44);
    }
}
