//! Tables and fields for people: aligned, shortened to the screen, safe for a terminal.

mod cells;
mod column;
mod layout;

use std::fmt::Display;

use anstyle::{AnsiColor, Style};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use self::cells::{align_points, shorten};
use self::column::Kind;
pub(crate) use self::column::{
    Column, hash, identifier, money, money_in, number, seconds, state, text, time_of,
};
use self::layout::Need;
use crate::fields::Fields;
use crate::text::Escaped;
use crate::view::View;

/// Headings and the names of fields.
pub(crate) const STRONG: Style = Style::new().bold();

/// What is said beside the data.
pub(crate) const DIM: Style = Style::new().dimmed();

/// What is right, what is wrong, and what is still open.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const OPEN: Style = AnsiColor::Yellow.on_default();

/// The width of a word of somebody else among our own.
const WIDEST: usize = 44;

/// The width that shorter cells are filled up to. A longer one moves the rest of its row.
const FILLED: usize = 120;

/// The width that the most important column has at least, if it needs that much.
const FIRST: usize = 24;

/// A table without lines around its cells.
pub(crate) struct Table {
    columns: Vec<Column>,
    /// The columns from the most important to the least.
    order: Vec<usize>,
    /// Whether no column is left out.
    keeps_all: bool,
    view: View,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table of which the last columns are left out where they do not fit.
    pub(crate) fn new(columns: &[Column], view: &View) -> Self {
        let order = (0..columns.len()).collect();
        let (columns, view) = (columns.to_vec(), view.clone());
        Self { columns, order, keeps_all: false, view, rows: Vec::new() }
    }

    /// Leaves out these columns first, and of them the first one first.
    pub(crate) fn without_first(mut self, least: &[&str]) -> Self {
        let rank = |n: &usize| least.iter().rev().position(|name| *name == self.columns[*n].name);
        self.order.sort_by_key(rank);
        self
    }

    /// Leaves out no column.
    pub(crate) fn with_all(self) -> Self {
        Self { keeps_all: true, ..self }
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, row: &impl Serialize) {
        let row = Fields::of(row);
        let cells = self.columns.iter().map(|column| column.cell(&row, &self.view)).collect();
        self.row(cells);
    }

    /// Adds a row of ready cells, one for each column. They are escaped here.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells.iter().map(|cell| Escaped(cell).to_string()).collect());
    }

    /// The lines of the table, each with a line end, and with `indent` before it. And the columns
    /// that did not fit.
    pub(crate) fn render(mut self, indent: &str) -> (String, Vec<&'static str>) {
        for (n, column) in self.columns.iter().enumerate() {
            if matches!(column.kind, Kind::Money(_)) {
                align_points(self.rows.iter_mut().filter_map(|row| row.get_mut(n)));
            }
        }
        let widths = self.widths(indent.len());
        let mut text = String::new();
        self.line(&mut text, indent, &widths, |column, _| (column.name, STRONG));
        for row in &self.rows {
            self.line(&mut text, indent, &widths, |column, n| (&row[n], column.style(&row[n])));
        }
        let left_out = self.columns.iter().zip(&widths).filter(|(_, width)| width.is_none());
        let left_out = left_out.map(|(column, _)| column.name).collect();
        (text, left_out)
    }

    fn widths(&self, indent: usize) -> Vec<Option<usize>> {
        let longest = |n: usize| {
            let cells = self.rows.iter().map(|row| row[n].width()).max();
            cells.unwrap_or_default().max(self.columns[n].name.len())
        };
        let longest = (0..self.columns.len()).map(longest);
        let Some(screen) = self.view.width else {
            return longest.map(|width| Some(width.min(FILLED))).collect();
        };
        let needs = self.columns.iter().zip(longest);
        let mut needs: Vec<Need> = needs.map(|(column, longest)| column.need(longest)).collect();
        if let Some(need) = self.order.first().and_then(|first| needs.get_mut(*first)) {
            need.least = need.least.max(need.all.min(FIRST.min(screen)));
        }
        layout::widths(&needs, &self.order, screen.saturating_sub(indent), self.keeps_all)
    }

    fn line<'a>(
        &'a self,
        text: &mut String,
        indent: &str,
        widths: &[Option<usize>],
        cell: impl Fn(&Column, usize) -> (&'a str, Style),
    ) {
        text.push_str(indent);
        let mut owed = 0; // spaces, if anything follows
        for (n, (column, width)) in self.columns.iter().zip(widths).enumerate() {
            let Some(width) = *width else { continue };
            let (cell, style) = cell(column, n);
            let cell = match self.view.width {
                Some(_) => column.shorten(cell, width),
                None => cell.to_owned(),
            };
            let shown = cell.trim_end();
            let fill = width.saturating_sub(cell.width());
            let (before, after) = if column.is_right_aligned() { (fill, 0) } else { (0, fill) };
            text.push_str(&" ".repeat(owed + before));
            text.push_str(&format!("{style}{shown}{style:#}"));
            owed = after + layout::GAP + cell.len() - shown.len();
        }
        text.push('\n');
    }
}

/// A heading, and the table below it where that has rows.
pub(crate) fn part(heading: &str, table: Table) -> String {
    let table = if table.rows.is_empty() { String::new() } else { table.render("  ").0 };
    format!("\n{heading}\n{table}")
}

/// Fields of one thing, a line each. The values are escaped here, and are not shortened. One that
/// does not fit beside its name begins below it.
pub(crate) fn fields(fields: &[(&str, String)], view: &View) -> String {
    let fields = fields.iter().map(|(name, value)| (*name, value.clone(), Style::new()));
    styled(&fields.collect::<Vec<_>>(), view)
}

/// These fields of a model, a line each.
pub(crate) fn fields_of(model: &impl Serialize, columns: &[Column], view: &View) -> String {
    let row = Fields::of(model);
    let field = |column: &Column| {
        let cell = column.cell(&row, view);
        let style = column.style(&cell);
        (column.name, cell, style)
    };
    styled(&columns.iter().map(field).collect::<Vec<_>>(), view)
}

fn styled(fields: &[(&str, String, Style)], view: &View) -> String {
    let width = fields.iter().map(|(name, ..)| name.width()).max().unwrap_or_default();
    let line = |(name, value, style): &(&str, String, Style)| {
        let (name, value) = (Escaped(name).to_string(), Escaped(value).to_string());
        match view.width {
            Some(most) if width + layout::GAP + value.width() > most => {
                format!("{STRONG}{name}{STRONG:#}\n{}", view.prose("  ", &value))
            }
            _ => format!("{STRONG}{name:width$}{STRONG:#}  {style}{value}{style:#}\n"),
        }
    };
    fields.iter().map(line).collect()
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

/// Somebody else's word, for people: escaped, and not too long.
pub(crate) fn word(text: &str) -> String {
    shorten(&Escaped(text).to_string(), WIDEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::Zone;

    fn table(columns: &[Column], width: Option<usize>, rows: &[&[&str]]) -> Table {
        let mut table = Table::new(columns, &View { width, zone: Zone::UTC });
        for row in rows {
            table.row(row.iter().map(|&cell| cell.to_owned()).collect());
        }
        table
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn amounts_stand_below_each_other() {
        let columns = [text("id"), money("amount"), number("n")];
        let rows: [&[&str]; 4] = [
            &["a", "29750.0 ARS", "1"],
            &["漢字", "-0.00000001 USDt", "10"],
            &["\x1b[2J", "7 ARS", "100"],
            &["none", "-", "-"],
        ];
        insta::assert_snapshot!(plain(&table(&columns, None, &rows).render("> ").0));
    }

    const HASH: &str = "0x812f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf";

    #[test]
    fn what_does_not_fit_is_shortened_or_left_out() {
        let columns = [identifier("id"), state("status"), text("words"), hash("hash")];
        let rows: [&[&str]; 2] = [
            &[
                "9c030c8b-6d68-445b-8048-1bacd91012fa",
                "MINED",
                "Conceição 漢字 and more words",
                HASH,
            ],
            &["b", "FAILED", "-", "txid5"],
        ];
        let of = |width| {
            let (text, left_out) = table(&columns, width, &rows).render("");
            let text = plain(&text);
            let widest = text.lines().map(|line| line.width()).max().unwrap();
            assert!(width.is_none_or(|width| widest <= width), "{text}");
            format!("{width:?} {left_out:?}\n{text}")
        };
        let widths = [None, Some(150), Some(100), Some(80), Some(60), Some(45), Some(20)];
        insta::assert_snapshot!(widths.map(of).join("\n"));
    }

    #[test]
    fn states_have_colours_and_other_words_have_not() {
        let columns = [state("status"), text("word")];
        let shown = table(&columns, None, &[&["DONE", "DONE"], &["NEW", "-"]]).render("").0;
        assert!(shown.contains(&format!("{GOOD}DONE{GOOD:#}    DONE\n")), "{shown:?}");
        assert!(shown.contains("\nNEW     -\n"), "{shown:?}");
    }

    #[test]
    fn a_long_cell_does_not_fill_the_others() {
        let long = "x".repeat(100_000);
        let shown =
            table(&[text("a"), text("b")], None, &[&[&long, "1"], &["2", "3"]]).render("").0;
        assert!(shown.len() < 101_000);
    }

    #[test]
    fn a_field_that_does_not_fit_begins_below_its_name() {
        let view = View { width: Some(70), zone: Zone::UTC };
        let shown = fields(&[("transaction_hash", HASH.to_owned()), ("id", "1".to_owned())], &view);
        assert_eq!(plain(&shown), format!("transaction_hash\n  {HASH}\nid                1\n"));
    }
}
