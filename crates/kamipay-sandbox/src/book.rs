//! The rows of a sandbox: those that the merchant has by itself, and what became of them since.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::{
    history::{Change, ChangeKind, History},
    json::{array, with_member},
    listing::{Ask, Filter, Order, Window, from_micros},
    merchant::Merchant,
    mix::mix,
    row::{List, Row, with_time},
};

/// All rows, and all changes to them.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    merchant: Merchant,
    edits: [Edits; List::ALL.len()],
    changes: Vec<Change>,
}

/// How the rows of a list differ from those that the merchant has by itself.
#[derive(Debug, Clone, Default)]
struct Edits {
    /// In the order of time; of equal times the earlier added first.
    added: Vec<Row>,
    /// Indices of the merchant's rows that are gone.
    removed: BTreeSet<u64>,
}

/// A row that a list shows, in whatever order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) time: i64,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Merchant(u64),
    Added(usize),
}

/// Part of the rows that were asked for, and what is said about all of them.
pub(crate) struct Selection {
    pub(crate) rows: Vec<String>,
    pub(crate) total: u64,
    /// Of the amounts of all rows of a pool.
    pub(crate) sum: Decimal,
}

impl Book {
    pub(crate) fn new(merchant: Merchant) -> Self {
        Self { merchant, edits: Default::default(), changes: Vec::new() }
    }

    /// Nobody's rows but these.
    pub(crate) fn of_rows(rows: impl IntoIterator<Item = Row>) -> Self {
        let mut book = Self::new(Merchant::Nobody);
        for row in rows {
            book.edits[row.list.place()].added.push(row);
        }
        for edits in &mut book.edits {
            edits.added.sort_by_key(|row| row.time);
        }
        book
    }

    /// The part of the rows that a request shows.
    pub(crate) fn select(&self, ask: &Ask, order: Order) -> Selection {
        let edits = &self.edits[ask.list.place()];
        let is_as_it_was = edits.added.is_empty() && edits.removed.is_empty();
        if is_as_it_was && !matches!(order, Order::Shuffled(_)) {
            return self.select_unchanged(ask, order);
        }
        let entries = self.entries(ask, order);
        let sum = match ask.list {
            List::PendingCharges => entries.iter().map(|entry| self.amount(*entry)).sum(),
            _ => Decimal::ZERO,
        };
        let total = entries.len() as u64;
        let rows = ask.page.of(entries.into_iter());
        let rows = rows.map(|entry| self.row(ask.list, entry)).collect();
        Selection { rows, total, sum }
    }

    /// Looks at no row but those of the page where that is possible: there may be millions.
    fn select_unchanged(&self, ask: &Ask, order: Order) -> Selection {
        let (merchant, list) = (&self.merchant, ask.list);
        let indices = merchant.indices(list, ask.window, &ask.filter);
        let shows_all = merchant.shows_all(list, &ask.filter);
        let shown =
            indices.clone().filter(|index| shows_all || merchant.shows(list, *index, &ask.filter));
        let show = |index| merchant.row(list, index);
        let rows: Vec<_> = match order {
            Order::Ascending => ask.page.of(shown.clone()).map(show).collect(),
            _ => ask.page.of(shown.clone().rev()).map(show).collect(),
        };
        let total = if !list.has_pages() {
            rows.len() as u64
        } else if shows_all {
            indices.end - indices.start
        } else {
            shown.clone().count() as u64
        };
        let sum = match list {
            List::PendingCharges => shown.map(|index| merchant.pending_amount(index)).sum(),
            _ => Decimal::ZERO,
        };
        Selection { rows, total, sum }
    }

    /// All rows that a request is about, on whatever page.
    pub(crate) fn entries(&self, ask: &Ask, order: Order) -> Vec<Entry> {
        let (merchant, list) = (&self.merchant, ask.list);
        let edits = &self.edits[list.place()];
        let own = merchant
            .indices(list, ask.window, &ask.filter)
            .filter(|index| !edits.removed.contains(index))
            .filter(|index| merchant.shows(list, *index, &ask.filter))
            .map(|index| Entry { time: merchant.time(list, index), place: Place::Merchant(index) });
        let added = in_window(&edits.added, ask.window)
            .filter(|place| ask.filter.matches(&edits.added[*place]))
            .map(|place| Entry { time: edits.added[place].time, place: Place::Added(place) });
        let mut entries: Vec<_> = own.chain(added).collect();
        match order {
            Order::Ascending => entries.sort_by_key(|entry| entry.time),
            Order::Descending => {
                entries.sort_by_key(|entry| entry.time);
                entries.reverse();
            }
            Order::Shuffled(number) => entries.sort_by_key(|entry| match entry.place {
                Place::Merchant(index) => mix(number ^ mix(index)),
                Place::Added(place) => mix(number ^ mix(!(place as u64))),
            }),
        }
        entries
    }

    fn row(&self, list: List, entry: Entry) -> String {
        match entry.place {
            Place::Merchant(index) => self.merchant.row(list, index),
            Place::Added(place) => self.edits[list.place()].added[place].json.clone(),
        }
    }

    pub(crate) fn row_id(&self, list: List, entry: Entry) -> String {
        match entry.place {
            Place::Merchant(index) => self.merchant.row_id(list, index),
            Place::Added(place) => self.edits[list.place()].added[place].id.clone(),
        }
    }

    /// What a pending charge adds to the sum of its pool.
    fn amount(&self, entry: Entry) -> Decimal {
        match entry.place {
            Place::Merchant(index) => self.merchant.pending_amount(index),
            Place::Added(place) => self.edits[List::PendingCharges.place()].added[place].amount,
        }
    }

    /// A row appears, and takes the place of the one with its identifier if there is one.
    pub(crate) fn insert(&mut self, row: Row, request: u64) {
        self.remove(row.list, &row.id, request);
        let kind = ChangeKind::Inserted { at: row.at() };
        self.changes.push(Change { list: row.list, id: row.id.clone(), request, kind });
        self.add(row);
    }

    /// A row disappears. Whether there was one.
    pub(crate) fn remove(&mut self, list: List, id: &str, request: u64) -> bool {
        let Some(row) = self.take(list, id) else { return false };
        let kind = ChangeKind::Removed { at: row.at() };
        self.changes.push(Change { list, id: row.id, request, kind });
        true
    }

    /// A row moves to another time. Whether there was one.
    pub(crate) fn re_date(&mut self, list: List, id: &str, time: i64, request: u64) -> bool {
        let Some(row) = self.take(list, id) else { return false };
        let from = row.at();
        let row = row.moved_to(time);
        let kind = ChangeKind::Moved { from, to: row.at() };
        self.changes.push(Change { list, id: row.id.clone(), request, kind });
        self.add(row);
        true
    }

    fn add(&mut self, row: Row) {
        let added = &mut self.edits[row.list.place()].added;
        let place = added.partition_point(|known| known.time <= row.time);
        added.insert(place, row);
    }

    /// Takes a row out of its list.
    fn take(&mut self, list: List, id: &str) -> Option<Row> {
        let edits = &mut self.edits[list.place()];
        if let Some(place) = edits.added.iter().position(|row| row.id == id) {
            return Some(edits.added.remove(place));
        }
        let index = self.merchant.find(list, id)?;
        if !edits.removed.insert(index) {
            return None;
        }
        let amount = match list {
            List::PendingCharges => self.merchant.pending_amount(index),
            _ => Decimal::ZERO,
        };
        Some(Row::of_merchant(
            list,
            self.merchant.row_id(list, index),
            self.merchant.time(list, index),
            self.merchant.row(list, index),
            amount,
        ))
    }

    /// The lot with a `lot_id` or a hash, with payouts and refunds.
    pub(crate) fn find_lot(&self, identifier: &str) -> Option<String> {
        let empty = |row: &str| with_member(&with_member(row, "payouts", "[]"), "refunds", "[]");
        self.find(List::Lots, identifier, self.merchant.find_lot(identifier), empty)
    }

    /// The settlement with a number, with its charges.
    pub(crate) fn find_settlement(&self, id: i64) -> Option<String> {
        let with_charges = |row: &str| {
            let charges = self.edits[List::Transactions.place()].added.iter();
            let charges: Vec<_> =
                charges.filter(|row| row.settlement_id == id).map(|row| &row.json).collect();
            with_member(row, "charges", &array(&charges))
        };
        let id = id.to_string();
        self.find(List::Settlements, &id, self.merchant.find(List::Settlements, &id), with_charges)
    }

    /// A row that was added is shown with what `complete` adds; one that the merchant has by
    /// itself with what it has, at the time to which it may have been moved.
    fn find(
        &self,
        list: List,
        id: &str,
        index: Option<u64>,
        complete: impl FnOnce(&str) -> String,
    ) -> Option<String> {
        let edits = &self.edits[list.place()];
        let own_id = index.map(|index| self.merchant.row_id(list, index));
        let id = own_id.as_deref().unwrap_or(id);
        let added = edits.added.iter().find(|row| row.id == id);
        match (index, added) {
            (Some(index), Some(row)) => {
                let detail = self.merchant.detail(list, index)?;
                Some(with_time(list, &detail, row.at()))
            }
            (Some(index), None) if edits.removed.contains(&index) => None,
            (Some(index), None) => self.merchant.detail(list, index),
            (None, Some(row)) => Some(complete(&row.json)),
            (None, None) => None,
        }
    }

    pub(crate) fn history(&self) -> History {
        History::new(self.clone())
    }

    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Identifier and time of every row of a list that exists now, also of those that the list
    /// does not show.
    pub(crate) fn rows(&self, list: List) -> impl Iterator<Item = (String, i64)> + '_ {
        let edits = &self.edits[list.place()];
        let own = (0..self.merchant.count(list))
            .filter(|index| !edits.removed.contains(index))
            .filter(move |index| self.merchant.shows(list, *index, &Filter::All))
            .map(move |index| (self.merchant.row_id(list, index), self.merchant.time(list, index)));
        own.chain(edits.added.iter().map(|row| (row.id.clone(), row.time)))
    }

    /// The merchant of a generated sandbox.
    pub(crate) fn merchant(&self) -> &Merchant {
        &self.merchant
    }

    /// The checkouts of the pending charges that were added.
    pub(crate) fn checkouts(&self) -> BTreeSet<i64> {
        let added = &self.edits[List::PendingCharges.place()].added;
        added.iter().map(|row| row.checkout_id).collect()
    }
}

impl Filter {
    /// Whether a row that was added is among those meant.
    fn matches(&self, row: &Row) -> bool {
        match self {
            Self::All => true,
            Self::Settlement(id) => row.settlement_id == *id,
            Self::Pool { checkout_id, .. } => row.checkout_id == *checkout_id,
            Self::Places { stores, checkouts } => {
                stores.as_ref().is_none_or(|some| some.contains(&row.store_id))
                    && checkouts.as_ref().is_none_or(|some| some.contains(&row.checkout_id))
            }
        }
    }
}

impl Row {
    /// A row that the merchant had by itself. To where it belongs is read from its JSON.
    fn of_merchant(list: List, id: String, time: i64, json: String, amount: Decimal) -> Self {
        let number = |name: &str| {
            let value = crate::json::member(&json, name)?;
            value.trim_matches('"').parse().ok()
        };
        let mut row = Self::lot(id, from_micros(time), amount);
        row.settlement_id = number("settlement_id").unwrap_or_default();
        row.checkout_id = number("checkout_id").unwrap_or(row.checkout_id);
        row.store_id = number("store_id").unwrap_or(row.store_id);
        Self { list, time, json, ..row }
    }
}

/// The places of the rows in a period.
fn in_window(rows: &[Row], window: Window) -> std::ops::Range<usize> {
    let indices = window.indices(rows.len() as u64, |place| rows[place as usize].time);
    // Not more than there are rows.
    indices.start as usize..indices.end as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{generated::Generated, listing::Page};

    fn ids(book: &Book, order: Order, window: Window) -> Vec<String> {
        let ask = Ask { list: List::Lots, window, filter: Filter::All, page: Page::WHOLE };
        book.entries(&ask, order).iter().map(|entry| book.row_id(List::Lots, *entry)).collect()
    }

    fn lot(id: &str, time: i64) -> Row {
        Row::lot(id, from_micros(time), Decimal::ONE)
    }

    #[test]
    fn rows_are_found_in_their_order() {
        let mut book = Book::of_rows([lot("c", 30), lot("a", 10), lot("b", 20)]);
        let all = Window::new(0, 100);
        assert_eq!(ids(&book, Order::Ascending, all), ["a", "b", "c"]);
        assert_eq!(ids(&book, Order::Descending, all), ["c", "b", "a"]);
        assert_eq!(ids(&book, Order::Ascending, Window::new(10, 20)), ["a", "b"]);
        book.insert(lot("d", 20), 1);
        assert!(book.re_date(List::Lots, "a", 25, 2));
        assert!(book.remove(List::Lots, "c", 3));
        assert_eq!(ids(&book, Order::Ascending, all), ["b", "d", "a"]);
        assert!(!book.remove(List::Lots, "c", 3));
        assert!(!book.re_date(List::Settlements, "a", 0, 3));
    }

    #[test]
    fn a_shuffled_list_has_every_row_once_and_each_number_another_order() {
        let book = Book::of_rows((0..20).map(|time| lot(&time.to_string(), time)));
        let all = Window::new(0, 100);
        let orders: Vec<_> = (0..3).map(|n| ids(&book, Order::Shuffled(n), all)).collect();
        assert_ne!(orders[0], orders[1]);
        assert_ne!(orders[1], orders[2]);
        assert_eq!(orders[0], ids(&book, Order::Shuffled(0), all));
        for mut order in orders {
            order.sort();
            order.dedup();
            assert_eq!(order.len(), 20);
        }
    }

    #[test]
    fn the_merchant_s_own_rows_move_and_go() {
        let merchant = Generated::new(5);
        let mut book = Book::new(Merchant::Generated(merchant.clone()));
        for list in List::ALL {
            let before: Vec<_> = book.rows(*list).collect();
            let (id, _) = before[1].clone();
            assert!(book.re_date(*list, &id, 5_000_000, 1), "{list}");
            assert_eq!(book.rows(*list).find(|row| row.0 == id).unwrap().1, 5_000_000);
            assert!(book.remove(*list, &id, 2), "{list}");
            assert_eq!(book.rows(*list).count(), before.len() - 1);
            assert!(!book.remove(*list, &id, 3), "{list}");
        }
    }

    #[test]
    fn details_follow_their_rows() {
        let merchant = Generated::new(5);
        let lot = merchant.lots().next().unwrap();
        let mut book = Book::new(Merchant::Generated(merchant));
        book.re_date(List::Lots, &lot.lot_id, 0, 1);
        let detail = book.find_lot(&lot.transaction_hash.unwrap()).unwrap();
        assert!(detail.contains(r#""created_at":"1970-01-01T00:00:00Z""#), "{detail}");
        assert!(detail.contains(r#""payouts":[{"#), "{detail}");
        book.remove(List::Lots, &lot.lot_id, 1);
        assert_eq!(book.find_lot(&lot.lot_id), None);
        book.insert(Row::settlement(3, from_micros(0), Decimal::ONE), 1);
        book.insert(Row::transaction(3, "ptxr_1", from_micros(0), Decimal::ONE), 1);
        let detail = book.find_settlement(3).unwrap();
        assert!(detail.contains(r#""charges":[{"settlement_id":3,"#), "{detail}");
        assert_eq!(book.find_settlement(4), None);
    }
}
