//! `GET /v1/lots`: the lots of a date range.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{LotId, LotStatus};
use crate::page::{self, Amounts, PageSize, ScanRow};
use crate::scan::{ListedBy, Scannable, Sealed, Window};
use crate::{Api, BuildError, DateRange, Endpoint, Mismatch, Period, TransactionHash, wire};

/// Lists one page of the lots of a date range.
///
/// For all lots of a period use [`ScanLots`].
///
/// ```
/// use kamipay_proto::{Api, DateRange, Endpoint, lots::ListLots};
///
/// let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
/// let january = DateRange::parse("2026-01-01T00:00:00Z", "2026-01-28T23:59:59Z")?;
/// assert_eq!(
///     ListLots::new(january).request(&api)?.uri(),
///     "https://api.kamipay.io/v1/lots?start_date=2026-01-01T00%3A00%3A00Z\
///      &end_date=2026-01-28T23%3A59%3A59Z&limit=100&offset=0",
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ListLots {
    /// The time range, sent as `start_date` and `end_date`. The vendor's page does not say which of
    /// a lot's times counts.
    pub range: DateRange,
    /// Maximum lots on the page: 1 to 1000. Default: 100.
    #[serde(default)]
    pub limit: PageSize,
    /// Number of lots to skip. Default: 0.
    #[serde(default)]
    pub offset: u64,
}

impl ListLots {
    /// Lists the first 100 lots of `range`.
    pub fn new(range: DateRange) -> Self {
        Self { range, limit: PageSize::default(), offset: 0 }
    }
}

impl Endpoint for ListLots {
    const CALL: &'static str = "GET /v1/lots";
    type Output = LotPage;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        api.get(&["v1", "lots"])
            .query("start_date", self.range.start_text())
            .query("end_date", self.range.end_text())
            .query("limit", self.limit.rows())
            .query("offset", self.offset)
            .finish()
    }

    fn verify(&self, page: &LotPage) -> Result<(), Mismatch> {
        page::verify((self.limit, self.offset), (page.limit, page.offset), page.lots.len())
    }
}

/// All lots of a period of any length, for a [`Scan`](crate::Scan).
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScanLots {
    /// The period: `start <= created_at < end`. Lots without a `created_at` (in flight) are kept.
    ///
    /// The vendor's page does not say which of a lot's times counts. If it is another one, a lot
    /// belongs to the period that lists it. If two neighbours list it, `created_at` decides.
    /// [`Manifest::outside`](crate::scan::Manifest::outside) counts lots with a `created_at` outside.
    pub period: Period,
}

impl ScanLots {
    /// All lots of `period`.
    pub fn new(period: Period) -> Self {
        Self { period }
    }
}

/// A page of lots.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct LotPage {
    /// The lots on this page.
    #[serde(deserialize_with = "wire::object::page")]
    pub lots: Vec<Lot>,
    /// Number of lots in the range.
    pub total: u64,
    /// The requested `limit`.
    pub limit: u64,
    /// The requested `offset`.
    pub offset: u64,
}

impl Sealed for ScanLots {
    const LISTED_BY: ListedBy = ListedBy::RowTimePerhaps;
}

impl Scannable for ScanLots {
    type Call = ListLots;
    type Row = Lot;

    fn period(&self) -> Option<Period> {
        Some(self.period)
    }

    fn with_period(&self, period: Period) -> Self {
        Self { period }
    }

    fn call(&self, window: Window, limit: u64, offset: u64) -> ListLots {
        ListLots { limit: PageSize::of_scan(limit), offset, ..ListLots::new(window.date_range()) }
    }

    fn page(page: LotPage) -> (Vec<Lot>, Option<u64>) {
        (page.lots, Some(page.total))
    }
}

/// A lot in a list.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Lot {
    /// The lot's identifier.
    pub lot_id: LotId,
    /// The hash of the transfer on chain; `None` until it is sent. While the lot is processing it
    /// may not be well-formed.
    pub transaction_hash: Option<TransactionHash>,
    /// The amount transferred, in USDT.
    #[serde(with = "wire::money")]
    pub usdt_amount: Decimal,
    /// When the lot was created, in UTC; `None` while it is processing.
    #[serde(default, with = "wire::timestamp::option")]
    pub created_at: Option<DateTime<Utc>>,
    /// The state of the transfer.
    pub status: LotStatus,
}

impl ScanRow for Lot {
    type Key = LotId;

    fn key(&self) -> LotId {
        self.lot_id.clone()
    }

    fn time(&self) -> Option<DateTime<Utc>> {
        self.created_at
    }

    fn amounts(&self) -> Amounts {
        [Some(self.usdt_amount), None]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResponseErrorKind;
    use crate::lots::LotStatus;

    fn call() -> ListLots {
        let range = DateRange::parse("2025-05-01T00:00:00Z", "2025-05-28T23:59:59Z").unwrap();
        ListLots::new(range)
    }

    fn page(row: &str) -> String {
        format!(r#"{{"lots": [{row}], "total": 1, "limit": 100, "offset": 0}}"#)
    }

    #[test]
    fn a_lot_needs_an_identifier_an_amount_and_a_status() {
        let row = r#"{"lot_id": "a", "usdt_amount": "1.00", "status": "PENDING"}"#;
        let lots = call().parse(http::Response::new(page(row))).unwrap().lots;
        assert_eq!((lots[0].transaction_hash.as_ref(), lots[0].created_at), (None, None));
        assert_eq!(lots[0].status, LotStatus::Pending);
        for (field, literal) in
            [("lot_id", "\"a\""), ("usdt_amount", "\"1.00\""), ("status", "\"PENDING\"")]
        {
            let given = format!("\"{field}\": {literal}");
            for spoilt in
                ["\"x\": 1".to_owned(), format!("\"{field}\": null"), format!("\"{field}\": []")]
            {
                let body = page(&row.replace(&given, &spoilt));
                let error = call().parse(http::Response::new(body)).unwrap_err();
                let ResponseErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
                assert!(fault.path.starts_with("lots[0]"), "{fault}");
                assert!(fault.to_string().contains(field), "{fault}");
            }
        }
    }

    #[test]
    fn a_lot_is_an_object_and_not_an_array() {
        let body = page(r#"["a", null, "1.00", null, "MINED"]"#);
        let error = call().parse(http::Response::new(body)).unwrap_err();
        let ResponseErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
        assert_eq!(fault.path, "lots[0]");
    }

    #[test]
    fn an_unknown_status_is_kept() {
        let row = r#"{"lot_id": "a", "usdt_amount": "1.00", "status": "ARCHIVED", "new": {}}"#;
        let lots = call().parse(http::Response::new(page(row))).unwrap().lots;
        assert_eq!(lots[0].status.as_str(), "ARCHIVED");
        assert!(serde_json::to_string(&lots).unwrap().contains("\"ARCHIVED\""));
        for word in ["mined", "MINED ", ""] {
            assert_eq!(LotStatus::from(word).as_str(), word);
            assert_ne!(LotStatus::from(word), LotStatus::Mined);
        }
    }

    #[test]
    fn the_next_page_asks_for_the_same_list() {
        let mut first = call();
        first.limit = PageSize::new(7).unwrap();
        let next = ListLots { offset: 7, ..first.clone() };
        assert_eq!((next.range, next.limit, next.offset), (first.range, first.limit, 7));
        assert!(next.parse(http::Response::new(page("").replace("100", "7"))).is_err());
    }
}
