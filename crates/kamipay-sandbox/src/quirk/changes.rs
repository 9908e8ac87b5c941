//! Rows that appear, disappear and move between two requests.

use rust_decimal::Decimal;

use crate::{
    book::{Book, Entry},
    generated::identifier,
    list::{Ask, Filter, List, Order, Page, Window, from_micros},
    mix::mix,
    row::{CHECKOUT, Row},
};

/// A request that is about to be answered.
pub(super) struct Occasion<'a> {
    pub(super) book: &'a mut Book,
    pub(super) ask: &'a Ask,
    pub(super) order: Order,
    /// Its number.
    pub(super) request: u64,
    /// The periods of earlier requests for the list.
    pub(super) before: &'a [Window],
}

/// `None` if there was no occasion.
type Happened = Option<()>;

impl Occasion<'_> {
    /// A row appears in front of the page.
    pub(super) fn insert(self, inserted: &mut u64) -> Happened {
        let (entries, offset) = self.paging()?;
        let time = self.time_in_front(&entries[..offset]);
        let row = self.row(time, inserted);
        self.book.insert(row, self.request);
        Some(())
    }

    /// A row in front of the page disappears.
    pub(super) fn remove(self) -> Happened {
        let (entries, offset) = self.paging()?;
        let id = self.book.row_id(self.ask.list, entries[offset / 2]);
        self.book.remove(self.ask.list, &id, self.request).then_some(())
    }

    /// A row behind the beginning of the page moves in front of it.
    pub(super) fn re_date(self) -> Happened {
        let (entries, offset) = self.paging()?;
        let entry = entries[offset..].get((entries.len() - offset) / 2)?;
        let id = self.book.row_id(self.ask.list, *entry);
        let time = self.time_in_front(&entries[..offset]);
        self.book.re_date(self.ask.list, &id, time, self.request).then_some(())
    }

    /// A row appears in the period of an earlier request that does not overlap with this one.
    pub(super) fn insert_late(self, inserted: &mut u64) -> Happened {
        let now = self.ask.window;
        let before = self.before.iter().rev();
        let window = before.copied().find(|then| then.to <= now.from || then.from >= now.to)?;
        let time = middle(window.from, window.to);
        let row = self.row(time, inserted);
        self.book.insert(row, self.request);
        Some(())
    }

    /// The rows of the list, and how many of them come before the page. `None` for the first page.
    fn paging(&self) -> Option<(Vec<Entry>, usize)> {
        let offset = usize::try_from(self.ask.page.offset).ok().filter(|offset| *offset > 0)?;
        let ask = Ask { page: Page::WHOLE, ..self.ask.clone() };
        let entries = self.book.entries(&ask, self.order);
        (!entries.is_empty()).then(|| {
            let offset = offset.min(entries.len());
            (entries, offset)
        })
    }

    /// A time in the period that puts a row before the last of these.
    fn time_in_front(&self, entries: &[Entry]) -> i64 {
        let Window { from, to, .. } = self.ask.window;
        let edge = if self.order == Order::Ascending { from } else { to };
        let inside = |time: i64| time.clamp(from, to);
        // Where there is room between two of them, or else in the middle of the period.
        let times = std::iter::once(edge).chain(entries.iter().map(|entry| inside(entry.time)));
        let times: Vec<_> = times.collect();
        let gap = times.windows(2).find(|pair| pair[0].abs_diff(pair[1]) >= LEAST_GAP);
        gap.map_or_else(|| middle(from, to), |pair| middle(pair[0], pair[1]))
    }

    /// A row that matches the request.
    fn row(&self, time: i64, inserted: &mut u64) -> Row {
        let number = *inserted;
        *inserted += 1;
        let bits = mix(number ^ INSERTED);
        let at = from_micros(time);
        let amount = Decimal::new(1_000 + (bits % 100_000) as i64, 2);
        let request_id = || identifier::ulid("ptxr", time.div_euclid(1000), bits, number as u16);
        let of = match self.ask.filter {
            Filter::Settlement(id) => id,
            _ => FIRST_SETTLEMENT,
        };
        match self.ask.list {
            List::Lots => Row::lot(identifier::uuid(bits, INSERTED), at, amount),
            List::Settlements => Row::settlement(FIRST_SETTLEMENT + number as i64, at, amount),
            List::Transactions => Row::transaction(of, request_id(), at, amount),
            List::PendingCharges => {
                let checkout = match self.ask.filter {
                    Filter::Pool { checkout_id, .. } => checkout_id,
                    _ => CHECKOUT,
                };
                Row::pending_charge(request_id(), at, amount).with_checkout(checkout)
            }
            List::ConfirmedCharges => {
                let (store, checkout) = match &self.ask.filter {
                    Filter::Places { stores, checkouts } => (first(stores), first(checkouts)),
                    _ => (None, None),
                };
                let operation = (FIRST_OPERATION + number).to_string();
                let row = Row::confirmed_charge(operation, at, amount);
                let row = row.with_store(store.unwrap_or(1));
                row.with_checkout(checkout.unwrap_or(CHECKOUT))
            }
        }
    }
}

/// Makes identifiers differ from those of generated merchants.
const INSERTED: u64 = 0x1a7e;
const FIRST_SETTLEMENT: i64 = 900_000_001;
const FIRST_OPERATION: u64 = 1_900_000_000_001;
/// In microseconds. The middle of a smaller gap could be at its end when cut to milliseconds.
const LEAST_GAP: u64 = 2_001;

fn first(ids: &Option<Vec<i64>>) -> Option<i64> {
    ids.as_ref().and_then(|ids| ids.first().copied())
}

fn middle(one: i64, other: i64) -> i64 {
    // Between two `i64`.
    ((i128::from(one) + i128::from(other)) / 2) as i64
}
