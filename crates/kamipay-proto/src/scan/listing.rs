use chrono::TimeDelta;

use super::Window;
use crate::page::ScanRow;
use crate::{DateRange, Endpoint, Period};

/// A listing that a [`Scan`](super::Scan) can read. Only listings of this crate implement it.
pub trait Scannable: Clone + Sealed {
    /// The call for one page.
    type Call: Endpoint;
    /// A row of the listing.
    type Row: ScanRow;

    /// The period of the listing; `None` for the API's own.
    fn period(&self) -> Option<Period>;

    /// The same listing, of another period.
    #[must_use]
    fn with_period(&self, period: Period) -> Self;

    #[doc(hidden)]
    fn call(&self, window: Window, limit: u64, offset: u64) -> Self::Call;

    /// The rows, and the API's `total` if it sends one.
    #[doc(hidden)]
    fn page(output: <Self::Call as Endpoint>::Output) -> (Vec<Self::Row>, Option<u64>);

    /// Whether the rows show that they answer `window`: one of them is in no other window of the
    /// scan. If not, two readings have to agree.
    #[doc(hidden)]
    fn is_proven(window: Window, rows: &[Self::Row]) -> bool {
        rows.iter().filter_map(ScanRow::time).any(|time| window.is_inside(time))
    }
}

/// The time that the API lists by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(unnameable_types, reason = "only `Sealed` names it")]
pub enum ListedBy {
    /// [`ScanRow::time`], as the vendor's page says.
    RowTime,
    /// Perhaps [`ScanRow::time`]. The vendor's page does not say.
    RowTimePerhaps,
    /// One of several times. The vendor's page does not say which.
    Unknown,
}

/// Seals [`Scannable`].
#[expect(unnameable_types, reason = "so that only this crate implements the trait")]
pub trait Sealed {
    /// Maximum length of a window in one call.
    const MAX_WINDOW: TimeDelta = DateRange::MAX;
    /// Maximum rows on a page.
    const MAX_PAGE: u64 = 1000;
    /// The time that the API lists by.
    const LISTED_BY: ListedBy = ListedBy::RowTime;
}
