//! The rows that existed, as the truth for a client's list.

use crate::{
    book::{Book, Spell},
    list::List,
};

/// Which rows existed, during which requests, and at which time of their own.
///
/// Requests are counted from 1, all of them, as [`Sandbox::request_count`] does. A row that
/// exists from the start exists since request 1.
///
/// ```
/// use kamipay_sandbox::{List, Row, Sandbox};
///
/// let may = "2026-05-01T00:00:00Z".parse()?;
/// let mut sandbox = Sandbox::from_rows([Row::lot("a", may, 1.into()), Row::lot("b", may, 1.into())]);
/// sandbox.handle(http::Request::new(Vec::new()));
/// sandbox.remove(List::Lots, "b");
/// sandbox.insert(Row::lot("c", may, 1.into()));
///
/// let history = sandbox.history();
/// assert_eq!(history.throughout(List::Lots), ["a"]);
/// let rows = history.rows(List::Lots);
/// assert_eq!((rows[1].id.as_str(), rows[1].spells[0].until), ("b", Some(2)));
/// assert_eq!((rows[2].id.as_str(), rows[2].spells[0].since), ("c", 2));
/// # Ok::<(), chrono::ParseError>(())
/// ```
///
/// [`Sandbox::request_count`]: crate::Sandbox::request_count
#[derive(Debug, Clone)]
pub struct History {
    book: Book,
}

impl History {
    pub(crate) fn new(book: Book) -> Self {
        Self { book }
    }

    /// Each row that a list has or had, in the order of the identifiers.
    ///
    /// Settlements in flight of a generated merchant are left out, as in the list.
    pub fn rows(&self, list: List) -> Vec<RowHistory> {
        let rows = self.book.spells(list).into_iter();
        rows.map(|(id, spells)| RowHistory { id, spells }).collect()
    }

    /// The identifiers of the rows that always existed at the same time of their own. Every
    /// complete list of their period contains them. In order.
    pub fn throughout(&self, list: List) -> Vec<String> {
        let rows = self.rows(list).into_iter();
        rows.filter(RowHistory::is_throughout).map(|row| row.id).collect()
    }
}

/// The history of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowHistory {
    /// Its identifier in its list, see [`List`].
    pub id: String,
    /// When it existed: once, or several times if it came back or moved to another time.
    pub spells: Vec<Spell>,
}

impl RowHistory {
    fn is_throughout(&self) -> bool {
        self.spells.iter().any(|spell| spell.since <= 1 && spell.until.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{list::from_micros, row::Row};

    #[test]
    fn a_row_can_come_back_and_move() {
        let at = from_micros;
        let lot = |id: &str| Row::lot(id, at(10), 1.into());
        let mut book = Book::of_rows([lot("a"), lot("b")]);
        book.insert(lot("early"), 1);
        book.remove(List::Lots, "a", 3);
        book.insert(lot("a"), 5);
        book.re_date(List::Lots, "b", 20, 6);
        book.re_date(List::Lots, "b", 30, 6);
        let history = History::new(book);
        let spells: Vec<_> = history
            .rows(List::Lots)
            .into_iter()
            .map(|row| {
                let spell = |spell: &Spell| {
                    let until = spell.until.map_or(String::new(), |until| until.to_string());
                    format!("{}@{}..{until}", spell.at.timestamp_micros(), spell.since)
                };
                let spells: Vec<_> = row.spells.iter().map(spell).collect();
                format!("{}: {}", row.id, spells.join(" "))
            })
            .collect();
        assert_eq!(spells, ["a: 10@1..3 10@5..", "b: 10@1..6 20@6..6 30@6..", "early: 10@1.."]);
        assert_eq!(history.throughout(List::Lots), ["early"]);
        assert!(history.rows(List::Settlements).is_empty());
    }
}
