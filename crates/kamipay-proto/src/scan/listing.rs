use chrono::TimeDelta;

use super::Window;
use crate::page::ScanRow;
use crate::{DateRange, Endpoint, Period};

/// A listing that a [`Scan`](super::Scan) can read. Only the listings of this crate are.
pub trait Scannable: Clone + Sealed {
    /// The call for one page.
    type Call: Endpoint;
    /// A row of the listing.
    type Row: ScanRow;

    /// The longest window that a call takes.
    const MAX_WINDOW: TimeDelta = DateRange::MAX;
    /// The largest page.
    const MAX_PAGE: u64 = 1000;
    /// The time that the API lists by.
    const LISTED_BY: ListedBy = ListedBy::RowTime;

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
    /// [`ScanRow::time`]; the page says so.
    RowTime,
    /// [`ScanRow::time`], as long as no row shows that it is another one; the page does not say.
    RowTimePerhaps,
    /// One of several times; the page does not say which.
    Unknown,
}

/// Lets [`Scannable`] be implemented in this crate alone.
#[expect(unnameable_types, reason = "so that the trait is implemented here alone")]
pub trait Sealed {}
