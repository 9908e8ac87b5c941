use chrono::TimeDelta;

use super::Window;
use crate::confirmed_charges::{ConfirmedCharge, ListConfirmedCharges, ScanConfirmedCharges};
use crate::lots::{ListLots, Lot, LotPage, ScanLots};
use crate::page::Page;
use crate::settlements::{
    ListPendingCharges, ListSettlements, ListTransactions, PendingCharge, PendingChargePage,
    ScanPendingCharges, ScanSettlements, ScanTransactions, Settlement, SettlementPage, Transaction,
    TransactionPage,
};
use crate::{DateRange, Endpoint, EpochRange, PageSize, PendingPageSize, Period, Row};

/// A listing that a [`Scan`](super::Scan) can read. Only the listings of this crate are.
pub trait Scannable: Clone + sealed::Sealed {
    /// The call for one page.
    type Call: Endpoint;
    /// A row of the listing.
    type Row: Row;

    /// The longest window that a call takes.
    const MAX_WINDOW: TimeDelta;
    /// The largest page.
    const MAX_PAGE: u64;
    /// The time that the API lists by.
    const LISTED_BY: ListedBy;

    /// The period that is listed; `None` for the API's own.
    fn period(&self) -> Option<Period>;

    /// The same listing of another period.
    #[must_use]
    fn with_period(&self, period: Period) -> Self;

    #[doc(hidden)]
    fn call(&self, window: Window, limit: u64, offset: u64) -> Self::Call;

    /// The rows, and how many there are in all where the API says it.
    #[doc(hidden)]
    fn page(output: <Self::Call as Endpoint>::Output) -> (Vec<Self::Row>, Option<u64>);

    /// Whether the rows show that they answer this window and no other. What cannot show it is
    /// asked for twice.
    #[doc(hidden)]
    fn is_proven(window: Window, rows: &[Self::Row]) -> bool {
        let _ = (window, rows);
        true // the echo and the rows' times were compared with the request
    }
}

/// The time that the API lists by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListedBy {
    /// [`Row::time`]; the page says so.
    RowTime,
    /// [`Row::time`], as long as no row shows that it is another one; the page does not say.
    RowTimePerhaps,
    /// One of several times; the page does not say which.
    Unknown,
}

mod sealed {
    #[expect(unnameable_types, reason = "so that the trait is implemented here alone")]
    pub trait Sealed {}
}

fn date_range(window: Window) -> DateRange {
    let (start, end) =
        window.start().zip(window.end()).expect("only pending charges have open windows");
    DateRange::new(start, end).expect("a window is no longer than a call takes")
}

fn page_size(rows: u64) -> PageSize {
    PageSize::new(rows).expect("a scan's page is no larger than a call takes")
}

fn rows<P: Page>(page: P) -> (Vec<P::Row>, Option<u64>) {
    let total = page.total();
    (page.into_rows(), Some(total))
}

impl sealed::Sealed for ScanLots {}

impl Scannable for ScanLots {
    type Call = ListLots;
    type Row = Lot;

    const MAX_WINDOW: TimeDelta = DateRange::MAX;
    const MAX_PAGE: u64 = 1000;
    const LISTED_BY: ListedBy = ListedBy::RowTimePerhaps;

    fn period(&self) -> Option<Period> {
        Some(self.period)
    }

    fn with_period(&self, period: Period) -> Self {
        Self { period }
    }

    fn call(&self, window: Window, limit: u64, offset: u64) -> ListLots {
        ListLots { limit: page_size(limit), offset, ..ListLots::new(date_range(window)) }
    }

    fn page(page: LotPage) -> (Vec<Lot>, Option<u64>) {
        rows(page)
    }

    /// Rows that all lie outside are suspicious, though the API may go by another time.
    fn is_proven(window: Window, lots: &[Lot]) -> bool {
        let mut times = lots.iter().filter_map(|lot| lot.created_at).peekable();
        times.peek().is_none() || times.any(|time| window.contains(time))
    }
}

impl sealed::Sealed for ScanSettlements {}

impl Scannable for ScanSettlements {
    type Call = ListSettlements;
    type Row = Settlement;

    const MAX_WINDOW: TimeDelta = DateRange::MAX;
    const MAX_PAGE: u64 = 1000;
    const LISTED_BY: ListedBy = ListedBy::RowTime;

    fn period(&self) -> Option<Period> {
        Some(self.period)
    }

    fn with_period(&self, period: Period) -> Self {
        Self { period }
    }

    fn call(&self, window: Window, limit: u64, offset: u64) -> ListSettlements {
        ListSettlements {
            limit: page_size(limit),
            offset,
            ..ListSettlements::new(date_range(window))
        }
    }

    fn page(page: SettlementPage) -> (Vec<Settlement>, Option<u64>) {
        rows(page)
    }
}

impl sealed::Sealed for ScanTransactions {}

impl Scannable for ScanTransactions {
    type Call = ListTransactions;
    type Row = Transaction;

    const MAX_WINDOW: TimeDelta = DateRange::MAX;
    const MAX_PAGE: u64 = 1000;
    const LISTED_BY: ListedBy = ListedBy::RowTime;

    fn period(&self) -> Option<Period> {
        Some(self.period)
    }

    fn with_period(&self, period: Period) -> Self {
        Self { period, ..self.clone() }
    }

    fn call(&self, window: Window, limit: u64, offset: u64) -> ListTransactions {
        ListTransactions {
            settlement_id: self.settlement_id,
            limit: page_size(limit),
            offset,
            ..ListTransactions::new(date_range(window))
        }
    }

    fn page(page: TransactionPage) -> (Vec<Transaction>, Option<u64>) {
        rows(page)
    }
}

impl sealed::Sealed for ScanPendingCharges {}

impl Scannable for ScanPendingCharges {
    type Call = ListPendingCharges;
    type Row = PendingCharge;

    const MAX_WINDOW: TimeDelta = DateRange::MAX;
    const MAX_PAGE: u64 = 500;
    const LISTED_BY: ListedBy = ListedBy::RowTime;

    fn period(&self) -> Option<Period> {
        self.period
    }

    fn with_period(&self, period: Period) -> Self {
        Self { period: Some(period), ..self.clone() }
    }

    fn call(&self, window: Window, limit: u64, offset: u64) -> ListPendingCharges {
        ListPendingCharges {
            checkout_id: self.checkout_id,
            range: window.range(),
            limit: PendingPageSize::new(limit)
                .expect("a scan's page is no larger than a call takes"),
            offset,
        }
    }

    fn page(page: PendingChargePage) -> (Vec<PendingCharge>, Option<u64>) {
        rows(page)
    }
}

impl sealed::Sealed for ScanConfirmedCharges {}

impl Scannable for ScanConfirmedCharges {
    type Call = ListConfirmedCharges;
    type Row = ConfirmedCharge;

    const MAX_WINDOW: TimeDelta = EpochRange::MAX;
    /// The call has no pages, and gives all rows at once.
    const MAX_PAGE: u64 = u64::MAX;
    const LISTED_BY: ListedBy = ListedBy::Unknown;

    fn period(&self) -> Option<Period> {
        Some(self.period)
    }

    fn with_period(&self, period: Period) -> Self {
        Self { period, ..self.clone() }
    }

    fn call(&self, window: Window, _limit: u64, _offset: u64) -> ListConfirmedCharges {
        let (start, end) =
            window.start().zip(window.end()).expect("only pending charges have open windows");
        ListConfirmedCharges {
            store_id: self.store_id.clone(),
            checkout_id: self.checkout_id.clone(),
            range: Some(
                EpochRange::new(start, end).expect("a window is no longer than a call takes"),
            ),
        }
    }

    fn page(charges: Vec<ConfirmedCharge>) -> (Vec<ConfirmedCharge>, Option<u64>) {
        (charges, None)
    }

    /// The answer repeats nothing of the request, and an empty one could answer any.
    fn is_proven(window: Window, charges: &[ConfirmedCharge]) -> bool {
        charges.iter().any(|charge| {
            [charge.request_datetime, charge.credit_datetime]
                .into_iter()
                .all(|time| window.is_inside(time))
        })
    }
}
