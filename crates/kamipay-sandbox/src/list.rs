//! Lists: which rows a period contains, in which order, and which of them a page shows.
//!
//! The API's pages do not say which ends belong to a period or how most lists are sorted. The
//! sandbox decides it here: both ends are inclusive ([`Ends::default`]), and [`Order::of`] sorts.

use std::{fmt, ops::Range};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

/// One of the API's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum List {
    /// `GET /v1/lots`, by `created_at`. A row is identified by its `lot_id`.
    Lots,
    /// `GET /v1/settlements`, by `settled_at`. A row is identified by its `settlement_id`.
    Settlements,
    /// `GET /v1/settlements/transactions`, by `created_at`. A row is identified by its
    /// `kamipay_request_id`.
    Transactions,
    /// `GET /v1/settlements/pending-charges`, by `charged_timestamp`. A row is identified by its
    /// `kamipay_request_id`.
    PendingCharges,
    /// `GET /v2/status/tx_status_lot`, by `credit_datetime`. A row is identified by its `operation_id`.
    ConfirmedCharges,
}

impl List {
    /// All lists.
    pub const ALL: &'static [Self] = &[
        Self::Lots,
        Self::Settlements,
        Self::Transactions,
        Self::PendingCharges,
        Self::ConfirmedCharges,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Lots => "lots",
            Self::Settlements => "settlements",
            Self::Transactions => "transactions",
            Self::PendingCharges => "pending-charges",
            Self::ConfirmedCharges => "confirmed-charges",
        }
    }

    /// The field with the time by which the list is filtered and sorted.
    pub(crate) fn time_field(self) -> &'static str {
        match self {
            Self::Lots | Self::Transactions => "created_at",
            Self::Settlements => "settled_at",
            Self::PendingCharges => "charged_timestamp",
            Self::ConfirmedCharges => "credit_datetime",
        }
    }

    /// Confirmed charges come all at once; the other lists have pages.
    pub(crate) fn has_pages(self) -> bool {
        self != Self::ConfirmedCharges
    }

    /// The field with the identifier.
    pub(crate) fn id_field(self) -> &'static str {
        match self {
            Self::Lots => "lot_id",
            Self::Settlements => "settlement_id",
            Self::Transactions | Self::PendingCharges => "kamipay_request_id",
            Self::ConfirmedCharges => "operation_id",
        }
    }

    pub(crate) fn place(self) -> usize {
        self as usize
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A request for rows.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) list: List,
    pub(crate) window: Window,
    pub(crate) filter: Filter,
    pub(crate) page: Page,
}

/// Selects rows of a period.
#[derive(Debug, Clone)]
pub(crate) enum Filter {
    All,
    /// The charges of one settlement.
    Settlement(i64),
    /// The pool of one of the enrolled checkouts.
    Pool {
        checkout_id: i64,
        enrolled: Vec<i64>,
    },
    /// The charges of some stores and some checkouts; `None` means all.
    Places {
        stores: Option<Vec<i64>>,
        checkouts: Option<Vec<i64>>,
    },
}

/// The ends that belong to a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) start: bool,
    pub(crate) end: bool,
}

impl Default for Ends {
    fn default() -> Self {
        Self { start: true, end: true }
    }
}

/// A period, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: i64,
    pub(crate) to: i64,
    ends: Ends,
}

impl Window {
    pub(crate) fn new(from: i64, to: i64) -> Self {
        Self { from, to, ends: Ends::default() }
    }

    pub(crate) fn with_ends(self, ends: Ends) -> Self {
        Self { ends, ..self }
    }

    /// The indices of the rows in the period, of `count` rows whose times do not decrease.
    pub(crate) fn indices(&self, count: u64, time: impl Fn(u64) -> i64) -> Range<u64> {
        let first = partition_point(count, |index| self.is_before(time(index)));
        let end = partition_point(count, |index| !self.is_after(time(index)));
        first..end.max(first)
    }

    pub(crate) fn contains(&self, time: i64) -> bool {
        !self.is_before(time) && !self.is_after(time)
    }

    fn is_before(&self, time: i64) -> bool {
        time < self.from || time == self.from && !self.ends.start
    }

    fn is_after(&self, time: i64) -> bool {
        time > self.to || time == self.to && !self.ends.end
    }
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Oldest first: pending charges, as their page says.
    Ascending,
    /// Newest first: all other lists. Their pages do not say.
    Descending,
    /// A different order for each number.
    Shuffled(u64),
}

impl Order {
    pub(crate) fn of(list: List) -> Self {
        match list {
            List::PendingCharges => Self::Ascending,
            _ => Self::Descending,
        }
    }
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) limit: u64,
    pub(crate) offset: u64,
}

impl Page {
    /// The whole list.
    pub(crate) const WHOLE: Self = Self { limit: u64::MAX, offset: 0 };

    /// The part of `rows` that the page shows.
    pub(crate) fn of<T>(self, rows: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        rows.skip(offset).take(limit)
    }
}

/// One page of a list, as it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    /// As JSON.
    pub(crate) rows: Vec<String>,
    /// The number of rows on all pages.
    pub(crate) total: u64,
    /// The page as the answer names it.
    pub(crate) page: Page,
    /// The sum of the amounts of a pool.
    pub(crate) sum: Decimal,
}

/// Microseconds since 1970, the unit of all times inside the crate.
pub(crate) fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// The inverse of [`micros`].
pub(crate) fn from_micros(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// The first index for which `before` is false.
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
    fn each_end_can_be_exclusive() {
        let times = [10, 20, 20, 30, 40];
        let indices = |start, end| {
            let window = Window::new(20, 30).with_ends(Ends { start, end });
            window.indices(5, |index| times[index as usize])
        };
        assert_eq!(indices(true, true), 1..4);
        assert_eq!(indices(true, false), 1..3);
        assert_eq!(indices(false, true), 3..4);
        assert_eq!(indices(false, false), 3..3);
        let nothing = Window::new(20, 20).with_ends(Ends { start: true, end: false });
        assert_eq!(nothing.indices(5, |index| times[index as usize]), 1..1);
    }

    #[test]
    fn a_page_is_a_part() {
        let page = Page { limit: 2, offset: 1 };
        assert_eq!(page.of(0..5).collect::<Vec<_>>(), [1, 2]);
        let beyond = Page { limit: 2, offset: u64::MAX };
        assert_eq!(beyond.of(0..5).count(), 0);
        assert_eq!(Page::WHOLE.of(0..5).count(), 5);
    }
}
