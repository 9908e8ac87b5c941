//! What became of the rows: the truth against which a client's list can be held.

use std::collections::{BTreeMap, btree_map};

use chrono::{DateTime, Utc};

use crate::{book::Book, listing::from_micros, row::List};

/// Which rows existed, when they did, and at which time of theirs.
///
/// Requests are counted from 1, all of them, as [`Sandbox::request_count`] counts. A row that
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

    /// Every row that a list has or had, in the order of their identifiers.
    ///
    /// Of a generated merchant, settlements in flight are not among them, as no list shows them.
    pub fn rows(&self, list: List) -> Vec<RowHistory> {
        let mut spells: BTreeMap<String, Vec<Spell>> = BTreeMap::new();
        for change in self.changes().iter().filter(|change| change.list == list) {
            let spells = spells.entry(change.id.clone()).or_default();
            let (from, to) = match change.kind {
                ChangeKind::Inserted { at } => (None, Some(at)),
                ChangeKind::Removed { at } => (Some(at), None),
                ChangeKind::Moved { from, to } => (Some(from), Some(to)),
            };
            if let Some(at) = from {
                if spells.is_empty() {
                    spells.push(Spell { at, since: 1, until: None });
                }
                if let Some(spell) = spells.last_mut() {
                    spell.until = Some(change.request);
                }
            }
            spells.extend(to.map(|at| Spell { at, since: change.request, until: None }));
        }
        for (id, time) in self.book.rows(list) {
            if let btree_map::Entry::Vacant(entry) = spells.entry(id) {
                entry.insert(vec![Spell { at: from_micros(time), since: 1, until: None }]);
            }
        }
        spells.into_iter().map(|(id, spells)| RowHistory { id, spells }).collect()
    }

    /// The identifiers of the rows that a list always had, at the same time of theirs: those that
    /// no complete list of their period may miss. In order.
    pub fn throughout(&self, list: List) -> Vec<String> {
        let rows = self.rows(list).into_iter();
        rows.filter(RowHistory::is_throughout).map(|row| row.id).collect()
    }

    /// All changes, in the order in which they happened.
    pub fn changes(&self) -> &[Change] {
        self.book.changes()
    }
}

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowHistory {
    /// What it is known by in its list, see [`List`].
    pub id: String,
    /// When it existed: once, or several times if it came back or moved to another time.
    pub spells: Vec<Spell>,
}

impl RowHistory {
    /// Whether it existed from the first request to the last, at the same time of its own.
    pub fn is_throughout(&self) -> bool {
        self.spells.iter().any(|spell| spell.since <= 1 && spell.until.is_none())
    }

    /// Whether it existed for each of these requests, at the same time of its own.
    pub fn exists_during(&self, first: u64, last: u64) -> bool {
        self.spells
            .iter()
            .any(|spell| spell.since <= first && spell.until.is_none_or(|until| until > last))
    }
}

/// A while in which a row existed unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spell {
    /// The row's time, by which its list is filtered, in UTC.
    pub at: DateTime<Utc>,
    /// The first request that could see it.
    pub since: u64,
    /// The first request that could not see it any more.
    pub until: Option<u64>,
}

/// Something that happened to a row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The list.
    pub list: List,
    /// What the row is known by in its list, see [`List`].
    pub id: String,
    /// The first request that saw the change. It may still be to come.
    pub request: u64,
    /// What happened.
    pub kind: ChangeKind,
}

/// What happened to a row. Times are in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It appeared.
    Inserted {
        /// The row's time.
        at: DateTime<Utc>,
    },
    /// It disappeared.
    Removed {
        /// The row's time.
        at: DateTime<Utc>,
    },
    /// It got another time.
    Moved {
        /// The row's time before.
        from: DateTime<Utc>,
        /// The row's time since then.
        to: DateTime<Utc>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Row;

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
        let history = book.history();
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
        let rows = history.rows(List::Lots);
        assert!(rows[0].exists_during(1, 2) && rows[0].exists_during(5, 9));
        assert!(!rows[0].exists_during(2, 3) && !rows[0].exists_during(4, 5));
        assert_eq!(history.changes().len(), 5);
        assert!(history.rows(List::Settlements).is_empty());
    }
}
