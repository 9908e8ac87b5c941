//! Tables and fields for people: aligned, shortened, safe for a terminal.

use anstyle::{AnsiColor, Style};
use chrono::{DateTime, SecondsFormat, Utc};
use comfy_table::{CellAlignment, ContentArrangement, presets};
use rust_decimal::Decimal;

use crate::text::Escaped;

/// Headings and the names of fields.
pub(crate) const STRONG: Style = Style::new().bold();

/// What is as it should be, what is not, and what is neither yet.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const OPEN: Style = AnsiColor::Yellow.on_default();

/// No cell is wider. What is longer is shortened, here only: the other formats are whole.
const WIDEST: usize = 44;

/// A column: its heading, and how it is aligned.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    name: &'static str,
    align: Align,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Align {
    Left,
    Right,
    Point,
}

/// A column of text.
pub(crate) const fn text(name: &'static str) -> Column {
    Column { name, align: Align::Left }
}

/// A column of whole numbers.
pub(crate) const fn number(name: &'static str) -> Column {
    Column { name, align: Align::Right }
}

/// A column of amounts, aligned by their decimal points, perhaps with a currency behind.
pub(crate) const fn money(name: &'static str) -> Column {
    Column { name, align: Align::Point }
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

    /// Adds a row, one cell for each column, as they came: they are escaped here.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells.iter().map(|cell| word(cell)).collect());
    }

    /// Its lines, each with a line end; `indent` stands before each.
    pub(crate) fn render(mut self, indent: &str) -> String {
        for (n, column) in self.columns.iter().enumerate() {
            if column.align == Align::Point {
                align_points(self.rows.iter_mut().filter_map(|row| row.get_mut(n)));
            }
        }
        let mut table = comfy_table::Table::new();
        table.load_preset(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.columns.iter().map(|column| column.name));
        for (column, of) in table.column_iter_mut().zip(self.columns) {
            column.set_padding((0, 2));
            if of.align != Align::Left {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.add_rows(self.rows);

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

/// Fields of one thing, a line each. The values are escaped here, and whole.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let line = |(name, value): &(&str, String)| {
        let (name, value) = (Escaped(name).to_string(), Escaped(value));
        format!("{STRONG}{name:width$}{STRONG:#}  {value}\n")
    };
    fields.iter().map(line).collect()
}

/// What stands for nothing.
pub(crate) const NONE: &str = "-";

/// A text that may be absent.
pub(crate) fn maybe(text: Option<impl AsRef<str>>) -> String {
    text.map_or_else(|| NONE.to_owned(), |text| text.as_ref().to_owned())
}

/// An amount with its currency.
pub(crate) fn amount(amount: Decimal, currency: impl AsRef<str>) -> String {
    format!("{amount} {}", currency.as_ref())
}

/// The second of a time. The other formats have its fraction, too.
pub(crate) fn second(time: Option<DateTime<Utc>>) -> String {
    maybe(time.map(|time| time.format("%Y-%m-%d %H:%M:%SZ").to_string()))
}

/// The day of a time, in UTC.
pub(crate) fn day(time: Option<DateTime<Utc>>) -> String {
    maybe(time.map(|time| time.format("%Y-%m-%d").to_string()))
}

/// A time, whole.
pub(crate) fn time(time: Option<DateTime<Utc>>) -> String {
    maybe(time.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true)))
}

/// The beginning and the end of a long hash or address.
pub(crate) fn hash(hash: Option<impl AsRef<str>>) -> String {
    let hash = maybe(hash);
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

/// Fills amounts up with spaces, so that those aligned to the right have their points below each
/// other.
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
        assert_eq!(hash(Some(long)), "0x812f8c…5bdf");
        assert_eq!(hash(Some("txid5")), "txid5");
        assert_eq!(hash(None::<&str>), "-");
        assert_eq!(shorten(&"é".repeat(44)), "é".repeat(44));
        assert_eq!(shorten(&"é".repeat(45)).chars().count(), 44);
    }
}
