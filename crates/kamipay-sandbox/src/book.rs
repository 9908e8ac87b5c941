//! The rows of a sandbox: those of the merchant, and all changes since.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::value::RawValue;

use crate::{
    generated::Generated,
    json::{array, member, text, with_member},
    list::{Ask, Filter, List, Listing, Order, from_micros},
    mix::mix,
    row::{Row, Shown},
};

/// All rows, and what became of them.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    merchant: Generated,
    edits: [Edits; List::ALL.len()],
}

/// The difference between a list and the merchant's rows.
#[derive(Debug, Clone, Default)]
struct Edits {
    /// In the order of time. Of equal times the earlier added comes first.
    added: Vec<Row>,
    /// Indices of the merchant's rows that are removed.
    removed: BTreeSet<u64>,
    /// The rows that changed, by identifier.
    spells: BTreeMap<String, Vec<Spell>>,
}

/// A time span in which a row existed unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spell {
    /// The row's time, by which its list is filtered, in UTC.
    pub at: DateTime<Utc>,
    /// The first request that could see it.
    pub since: u64,
    /// The first request that could no longer see it.
    pub until: Option<u64>,
}

/// A row that a list shows.
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

impl Book {
    pub(crate) fn of_merchant(merchant: Generated) -> Self {
        Self { merchant, edits: Default::default() }
    }

    /// These rows and no merchant.
    pub(crate) fn of_rows(rows: impl IntoIterator<Item = Row>) -> Self {
        let mut book = Self::of_merchant(Generated::nothing());
        for row in rows {
            book.edits[row.list.place()].added.push(row);
        }
        for edits in &mut book.edits {
            edits.added.sort_by_key(|row| row.time);
        }
        book
    }

    /// The page of a request.
    pub(crate) fn select(&self, ask: &Ask, order: Order) -> Listing {
        let edits = &self.edits[ask.list.place()];
        let is_unchanged = edits.added.is_empty() && edits.removed.is_empty();
        if is_unchanged && !matches!(order, Order::Shuffled(_)) {
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
        Listing { rows, total, page: ask.page, sum }
    }

    /// Reads only the rows of the page where possible: there may be millions.
    fn select_unchanged(&self, ask: &Ask, order: Order) -> Listing {
        let (merchant, list) = (&self.merchant, ask.list);
        let indices = merchant.indices(list, ask.window, &ask.filter);
        let shows_all = merchant.shows_all(list, &ask.filter);
        let shown =
            indices.clone().filter(|index| shows_all || merchant.shows(list, *index, &ask.filter));
        let show = |index| merchant.json(list, index);
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
            List::PendingCharges => shown.map(|index| merchant.pending_amounts(index).1).sum(),
            _ => Decimal::ZERO,
        };
        Listing { rows, total, page: ask.page, sum }
    }

    /// The rows of a request, on all pages.
    pub(crate) fn entries(&self, ask: &Ask, order: Order) -> Vec<Entry> {
        let (merchant, list) = (&self.merchant, ask.list);
        let edits = &self.edits[list.place()];
        let own = merchant
            .indices(list, ask.window, &ask.filter)
            .filter(|index| !edits.removed.contains(index))
            .filter(|index| merchant.shows(list, *index, &ask.filter))
            .map(|index| Entry { time: merchant.time(list, index), place: Place::Merchant(index) });
        let added = (0_usize..)
            .zip(&edits.added)
            .filter(|(_, row)| match row.shown {
                Shown::ByTime => ask.window.contains(row.time),
                Shown::Always => true,
                Shown::Never => false,
            })
            .filter(|(_, row)| row.matches(&ask.filter))
            .map(|(place, row)| Entry { time: row.time, place: Place::Added(place) });
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
            Place::Merchant(index) => self.merchant.json(list, index),
            Place::Added(place) => self.edits[list.place()].added[place].json.clone(),
        }
    }

    pub(crate) fn row_id(&self, list: List, entry: Entry) -> String {
        match entry.place {
            Place::Merchant(index) => self.merchant.id(list, index),
            Place::Added(place) => self.edits[list.place()].added[place].id.clone(),
        }
    }

    /// The part of a pending charge in the total of its pool.
    fn amount(&self, entry: Entry) -> Decimal {
        match entry.place {
            Place::Merchant(index) => self.merchant.pending_amounts(index).1,
            Place::Added(place) => self.edits[List::PendingCharges.place()].added[place].amount,
        }
    }

    /// Adds a row, in place of the one with its identifier if there is one.
    pub(crate) fn insert(&mut self, row: Row, request: u64) {
        self.remove(row.list, &row.id, request);
        self.add(row, request);
    }

    /// Removes a row. Returns whether there was one.
    pub(crate) fn remove(&mut self, list: List, id: &str, request: u64) -> bool {
        self.take(list, id, request).is_some()
    }

    /// Moves a row to another time. Returns whether there was one.
    pub(crate) fn re_date(&mut self, list: List, id: &str, time: i64, request: u64) -> bool {
        let Some(row) = self.take(list, id, request) else { return false };
        self.add(row.moved_to(time), request);
        true
    }

    fn add(&mut self, row: Row, request: u64) {
        let Edits { added, spells, .. } = &mut self.edits[row.list.place()];
        if row.shown != Shown::Never {
            let spell = Spell { at: row.at(), since: request, until: None };
            spells.entry(row.id.clone()).or_default().push(spell);
        }
        let place = added.partition_point(|known| known.time <= row.time);
        added.insert(place, row);
    }

    /// Takes a row out of its list.
    fn take(&mut self, list: List, id: &str, request: u64) -> Option<Row> {
        let Edits { added, removed, spells } = &mut self.edits[list.place()];
        let row = if let Some(place) = added.iter().position(|row| row.id == id) {
            added.remove(place)
        } else {
            let index = self.merchant.find(list, id).filter(|index| removed.insert(*index))?;
            let time = self.merchant.time(list, index);
            let detail = self.merchant.detail(list, index);
            Row { time, detail, ..Row::read(list, self.merchant.json(list, index)) }
        };
        if row.shown == Shown::Never {
            return Some(row);
        }
        let spells = spells.entry(row.id.clone()).or_default();
        if spells.is_empty() {
            spells.push(Spell { at: row.at(), since: 1, until: None });
        }
        if let Some(spell) = spells.last_mut() {
            spell.until = Some(request);
        }
        Some(row)
    }

    /// A lot by its `lot_id` or hash with its payouts and refunds, or a settlement by its number
    /// with its charges.
    pub(crate) fn detail(&self, list: List, id: &str) -> Option<String> {
        let edits = &self.edits[list.place()];
        let detail = if let Some(row) = edits.added.iter().find(|row| row.is_found_by(id)) {
            row.detail.clone().unwrap_or_else(|| row.json.clone())
        } else {
            let index = self.merchant.find(list, id)?;
            let moved = edits.removed.contains(&index);
            if moved { None } else { self.merchant.detail(list, index) }?
        };
        if list == List::Settlements {
            return Some(self.with_added_charges(id, detail));
        }
        let or_none = |detail: String, name| match member(&detail, name) {
            Some(_) => detail,
            None => with_member(&detail, name, "[]"),
        };
        Some(or_none(or_none(detail, "payouts"), "refunds"))
    }

    /// A settlement with the transactions that were added to it.
    fn with_added_charges(&self, settlement_id: &str, detail: String) -> String {
        let charges = member(&detail, "charges");
        let added = self.edits[List::Transactions.place()].added.iter();
        let added = added
            .filter(|row| row.settlement_id.to_string() == settlement_id)
            // A transaction that only moved to another time is among the charges.
            .filter(|row| !charges.is_some_and(|charges| charges.contains(&text(&row.id))))
            .map(Row::charge);
        let added: Vec<_> = added.collect();
        if charges.is_some() && added.is_empty() {
            return detail;
        }
        let known: Vec<&RawValue> =
            charges.and_then(|charges| serde_json::from_str(charges).ok()).unwrap_or_default();
        let known = known.into_iter().map(|charge| charge.get().to_owned());
        let charges = array(&known.chain(added).collect::<Vec<_>>());
        with_member(&detail, "charges", &charges)
    }

    /// The spells of each row that a list has or had, by identifier. Rows that the list does not
    /// show are left out.
    pub(crate) fn spells(&self, list: List) -> BTreeMap<String, Vec<Spell>> {
        let Edits { added, removed, spells } = &self.edits[list.place()];
        let merchant = &self.merchant;
        let own = (0..merchant.count(list))
            .filter(|index| !removed.contains(index))
            .filter(|index| merchant.shows(list, *index, &Filter::All))
            .map(|index| (merchant.id(list, index), merchant.time(list, index)));
        let mut spells = spells.clone();
        let added = added.iter().filter(|row| row.shown != Shown::Never);
        for (id, time) in own.chain(added.map(|row| (row.id.clone(), row.time))) {
            let unchanged = || vec![Spell { at: from_micros(time), since: 1, until: None }];
            spells.entry(id).or_insert_with(unchanged);
        }
        spells
    }

    /// The merchant. Without one: a generated merchant that has nothing.
    pub(crate) fn merchant(&self) -> &Generated {
        &self.merchant
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::{Page, Window};

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
        let mut book = Book::of_merchant(merchant);
        for list in List::ALL {
            let exist = |book: &Book| {
                let rows = book.spells(*list).into_values().map(|spells| *spells.last().unwrap());
                rows.filter(|spell| spell.until.is_none()).count()
            };
            let before = exist(&book);
            let id = book.spells(*list).into_keys().nth(1).unwrap();
            assert!(book.re_date(*list, &id, 5_000_000, 1), "{list}");
            assert_eq!(book.spells(*list)[&id][1].at, from_micros(5_000_000));
            assert_eq!(exist(&book), before);
            assert!(book.remove(*list, &id, 2), "{list}");
            assert_eq!(exist(&book), before - 1);
            assert!(!book.remove(*list, &id, 3), "{list}");
        }
    }

    #[test]
    fn details_follow_their_rows() {
        let merchant = Generated::new(5);
        let lot = merchant.lots().next().unwrap();
        let mut book = Book::of_merchant(merchant);
        book.re_date(List::Lots, &lot.lot_id, 0, 1);
        let detail = book.detail(List::Lots, &lot.transaction_hash.unwrap()).unwrap();
        assert!(detail.contains(r#""created_at":"1970-01-01T00:00:00Z""#), "{detail}");
        assert!(detail.contains(r#""payouts":[{"#), "{detail}");
        book.remove(List::Lots, &lot.lot_id, 1);
        assert_eq!(book.detail(List::Lots, &lot.lot_id), None);
        book.insert(Row::settlement(3, from_micros(0), Decimal::ONE), 1);
        book.insert(Row::transaction(3, "ptxr_1", from_micros(0), Decimal::ONE), 1);
        let detail = book.detail(List::Settlements, "3").unwrap();
        assert!(detail.contains(r#""charges":[{"kamipay_id":"ptxr_1","#), "{detail}");
        assert_eq!(book.detail(List::Settlements, "4"), None);
    }

    #[test]
    fn a_lot_is_found_by_its_hash_in_any_case() {
        let row = lot("a", 1).with_field("transaction_hash", r#""0xab""#);
        let book = Book::of_rows([row, lot("b", 2)]);
        let detail = book.detail(List::Lots, "0XAB").unwrap();
        assert!(detail.contains(r#""lot_id":"a""#), "{detail}");
        assert_eq!(book.detail(List::Lots, "0xabc"), None);
        assert_eq!(book.detail(List::Lots, "ab"), None);
    }
}
