//! Lists: which rows a period holds, in which order, and which of them a page shows.
//!
//! The API's pages say neither whether the ends of a period are inclusive nor how most lists are
//! sorted. What the sandbox does is decided here and nowhere else: both ends are inclusive
//! ([`Window::indices`]), and [`Order`] says who is sorted how.

use std::ops::Range;

use chrono::{DateTime, Utc};

/// A period, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    from: i64,
    to: i64,
}

impl Window {
    pub(crate) fn new(from: i64, to: i64) -> Self {
        Self { from, to }
    }

    /// The indices of the rows in the period, of `count` rows whose times do not decrease.
    pub(crate) fn indices(&self, count: u64, time: impl Fn(u64) -> i64) -> Range<u64> {
        let first = partition_point(count, |index| time(index) < self.from);
        let end = partition_point(count, |index| time(index) <= self.to);
        first..end.max(first)
    }
}

/// How a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Oldest first: pending charges, as their page says.
    Ascending,
    /// Newest first: all other lists. Their pages do not say.
    Descending,
}

/// Which part of the list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) limit: u64,
    pub(crate) offset: u64,
}

impl Page {
    /// The part of `rows` that the page shows; `rows` are in the order of time.
    pub(crate) fn of<T>(
        self,
        rows: impl DoubleEndedIterator<Item = T>,
        order: Order,
        show: impl FnMut(T) -> String,
    ) -> Vec<String> {
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        match order {
            Order::Ascending => rows.skip(offset).take(limit).map(show).collect(),
            Order::Descending => rows.rev().skip(offset).take(limit).map(show).collect(),
        }
    }
}

/// One page of a list: its rows as JSON, and how many rows there are in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) rows: Vec<String>,
    pub(crate) total: u64,
}

/// Microseconds since 1970, the unit of all times inside the crate.
pub(crate) fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// The first index for which `before` no longer holds.
fn partition_point(count: u64, before: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_period_are_inclusive() {
        let times = [10, 20, 20, 30, 40];
        let indices = |from, to| Window::new(from, to).indices(5, |index| times[index as usize]);
        assert_eq!(indices(20, 30), 1..4);
        assert_eq!(indices(21, 29), 3..3);
        assert_eq!(indices(0, 100), 0..5);
        assert_eq!(indices(40, 41), 4..5);
        assert_eq!(indices(41, 42), 5..5);
        assert_eq!(indices(30, 20), 3..3);
    }

    #[test]
    fn a_page_is_cut_after_sorting() {
        let page = Page { limit: 2, offset: 1 };
        assert_eq!(page.of(0..5, Order::Ascending, |row| row.to_string()), ["1", "2"]);
        assert_eq!(page.of(0..5, Order::Descending, |row| row.to_string()), ["3", "2"]);
        let beyond = Page { limit: 2, offset: u64::MAX };
        assert!(beyond.of(0..5, Order::Descending, |row| row.to_string()).is_empty());
    }
}
