use std::fmt::{self, Debug};
use std::hash::Hash;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Mismatch;
use crate::wire::timestamp::Rfc3339;

/// A row of a listing.
pub trait ScanRow {
    /// The type of the row's unique key.
    type Key: Clone + Debug + Eq + Hash + Ord + Serialize + DeserializeOwned;

    /// The row's unique key within its listing.
    fn key(&self) -> Self::Key;

    /// The time that the listing is requested by, in UTC. `None` if the row does not show it.
    fn time(&self) -> Option<DateTime<Utc>>;

    /// The row's amounts. Equal keys with different amounts are a contradiction.
    fn amounts(&self) -> Amounts;
}

/// The amounts of a [`ScanRow`], in the order of its fields.
pub type Amounts = [Option<Decimal>; 2];

/// How far a row's time may lie outside the requested range: the API may compare whole seconds.
pub(crate) const TOLERANCE: TimeDelta = TimeDelta::seconds(1);

/// Whether a time lies between two ends, with a [`TOLERANCE`].
pub(crate) fn is_within(time: DateTime<Utc>, ends: OpenEnds) -> bool {
    let (start, end) = ends;
    start.is_none_or(|start| time >= start - TOLERANCE)
        && end.is_none_or(|end| time <= end + TOLERANCE)
}

/// Start and end of a range. `None`: open.
pub(crate) type OpenEnds = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// Checks that each row's time lies in the requested range. `field` is the API's name of the time.
///
/// A cache, or a connection that is one answer behind, returns rows of another range.
pub(crate) fn verify_times<'a, R: ScanRow + 'a>(
    field: &'static str,
    ends: OpenEnds,
    rows: impl IntoIterator<Item = &'a R>,
) -> Result<(), Mismatch> {
    let mut times = rows.into_iter().filter_map(ScanRow::time);
    match times.find(|time| !is_within(*time, ends)) {
        Some(time) => Err(Mismatch::new(field, Ends(ends), Rfc3339(time))),
        None => Ok(()),
    }
}

/// Displays a range in messages.
pub(crate) struct Ends(pub(crate) OpenEnds);

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            (Some(start), Some(end)) => write!(f, "{} to {}", Rfc3339(start), Rfc3339(end)),
            (Some(start), None) => write!(f, "from {}", Rfc3339(start)),
            (None, Some(end)) => write!(f, "until {}", Rfc3339(end)),
            (None, None) => f.write_str("the API's own period"),
        }
    }
}

/// Checks that a page has the requested `limit` and `offset`, and at most `limit` rows.
pub(crate) fn verify<const MAX: u16>(
    asked: (BoundedPageSize<MAX>, u64),
    echoed: (u64, u64),
    rows: usize,
) -> Result<(), Mismatch> {
    let limit = asked.0.rows();
    Mismatch::check("limit", limit, echoed.0)?;
    Mismatch::check("offset", asked.1, echoed.1)?;
    let rows = rows as u64;
    if rows > limit { Err(Mismatch::new("rows: at most", limit, rows)) } else { Ok(()) }
}

/// Maximum rows on a page: 1 to `MAX`. Default: 100.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct BoundedPageSize<const MAX: u16>(u16);

/// Maximum rows on a page of lots, settlements or transactions: 1 to 1000. Default: 100.
pub type PageSize = BoundedPageSize<1000>;

/// Maximum rows on a page of pending charges: 1 to 500. Default: 100.
pub type PendingPageSize = BoundedPageSize<500>;

impl<const MAX: u16> BoundedPageSize<MAX> {
    /// The API's maximum.
    pub const MAX: Self = Self(MAX);

    /// A page of `rows` rows.
    ///
    /// # Errors
    ///
    /// If `rows` is 0 or above the API's maximum.
    pub fn new(rows: u64) -> Result<Self, InvalidPageSize> {
        match u16::try_from(rows) {
            Ok(size) if (1..=MAX).contains(&size) => Ok(Self(size)),
            _ => Err(InvalidPageSize { rows, max: MAX }),
        }
    }

    pub(crate) fn of_scan(rows: u64) -> Self {
        Self::new(rows).expect("a scan's page is no larger than a call takes")
    }

    /// The number of rows.
    pub fn rows(self) -> u64 {
        self.0.into()
    }
}

impl<const MAX: u16> Default for BoundedPageSize<MAX> {
    fn default() -> Self {
        Self(100)
    }
}

impl<const MAX: u16> TryFrom<u64> for BoundedPageSize<MAX> {
    type Error = InvalidPageSize;

    fn try_from(rows: u64) -> Result<Self, InvalidPageSize> {
        Self::new(rows)
    }
}

impl<const MAX: u16> From<BoundedPageSize<MAX>> for u64 {
    fn from(size: BoundedPageSize<MAX>) -> Self {
        size.rows()
    }
}

/// A page size that the API would reject. Nothing was sent.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a page cannot have {rows} rows: use 1 to {max}")]
#[non_exhaustive]
pub struct InvalidPageSize {
    /// The requested number of rows.
    pub rows: u64,
    /// The API's maximum.
    pub max: u16,
}

crate::error::debug_as_text!(InvalidPageSize);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;

    #[test]
    fn a_page_has_1_to_1000_rows_and_pending_charges_1_to_500() {
        for rows in [1, 100, 1000] {
            assert_eq!(PageSize::new(rows).unwrap().rows(), rows);
        }
        assert!(PendingPageSize::new(500).is_ok());
        assert_eq!(PageSize::MAX.rows(), 1000);
        assert_eq!(PendingPageSize::MAX.rows(), 500);
        assert_eq!(PageSize::default().rows(), 100);
        for rows in [0, 1001, 65_536, 65_537, u64::MAX] {
            assert!(PageSize::new(rows).is_err(), "{rows}");
            assert!(PendingPageSize::new(rows).is_err(), "{rows}");
        }
        assert_eq!(
            PendingPageSize::new(501).unwrap_err().to_string(),
            "a page cannot have 501 rows: use 1 to 500"
        );
    }

    #[test]
    fn deserializing_checks_the_size() {
        assert_eq!(serde_json::to_string(&PageSize::MAX).unwrap(), "1000");
        assert!(serde_json::from_str::<PageSize>("1000").is_ok());
        assert!(serde_json::from_str::<PageSize>("0").is_err());
        assert!(serde_json::from_str::<PendingPageSize>("501").is_err());
    }

    #[test]
    fn rows_outside_the_requested_range_are_a_mismatch() {
        use crate::confirmed_charges::ListConfirmedCharges;
        use crate::settlements::{ListPendingCharges, ListSettlements, ListTransactions};

        let (from, to) = ("2026-05-14T00:00:00Z", "2026-05-14T12:00:00Z");
        let range = crate::DateRange::parse(from, to).unwrap();
        let settlements = |time: &str| {
            let body = format!(
                r#"{{"settlements": [{{"settlement_id": 1, "settlement_provider_name": "p",
                "amount": 1.50, "currency": "ARS", "address_to": "0x7a", "address_from": "0x4f",
                "settled_at": "{time}", "created_at": "2020-05-14T14:55:18Z"}}],
                "total": 1, "limit": 100, "offset": 0}}"#
            );
            ListSettlements::new(range).parse(http::Response::new(body)).map(drop)
        };
        let charge = r#""kamipay_request_id": "ptxr_1", "kamipay_id": "dqr_1",
            "charged_amount": 5.28, "charged_currency": "BRL", "settlement_amount": 29750.0,
            "settlement_currency": "ARS""#;
        let transactions = |time: &str| {
            let body = format!(
                r#"{{"transactions": [{{{charge}, "settlement_id": 1, "created_at": "{time}",
                "settlement_provider_name": "p"}}], "total": 1, "limit": 100, "offset": 0}}"#
            );
            ListTransactions::new(range).parse(http::Response::new(body)).map(drop)
        };
        let pending = |time: &str| {
            let mut call = ListPendingCharges::new();
            call.range = range.into();
            let body = format!(
                r#"{{"items": [{{{charge}, "charged_timestamp": "{time}"}}], "limit": 100,
                "totals": {{"count": 1, "settlement_amount": 1.0}}, "offset": 0}}"#
            );
            call.parse(http::Response::new(body)).map(drop)
        };
        let confirmed = |requested: &str, credited: &str| {
            let mut call = ListConfirmedCharges::new();
            call.range = Some(crate::EpochRange::new(range.start(), range.end()).unwrap());
            let body = format!(
                r#"[{{"store_id": 1, "checkout_id": 1, "operation_id": "1", "tx_hash": "txid1",
                "brl_requested": "1.00", "usdt_credited": "1.00",
                "request_datetime": "{requested}", "credit_datetime": "{credited}"}}]"#
            );
            call.parse(http::Response::new(body)).map(drop)
        };
        let other = "2020-01-01T00:00:00Z";
        for (time, is_in) in [
            (from, true),
            (to, true),
            ("2026-05-13T23:59:59Z", true), // the API may compare whole seconds
            ("2026-05-14T12:00:01Z", true),
            ("2026-05-13T23:59:58.999999Z", false),
            ("2026-05-14T12:00:01.000001Z", false),
            (other, false),
        ] {
            let answers = [
                settlements(time),
                transactions(time),
                pending(time),
                confirmed(time, other),
                confirmed(other, time),
            ];
            for (n, answer) in answers.into_iter().enumerate() {
                match answer {
                    Ok(()) => assert!(is_in, "{n} {time}"),
                    Err(error) => {
                        assert!(!is_in, "{n} {time}: {error}");
                        let crate::ResponseErrorKind::Mismatch(it) = error.kind() else {
                            panic!("{error}")
                        };
                        assert_eq!(it.asked, format!("{from} to {to}"));
                    }
                }
            }
        }
    }

    #[test]
    fn another_limit_or_offset_or_too_many_rows_are_a_mismatch() {
        let asked = (PageSize::new(3).unwrap(), 5);
        for rows in 0..=3 {
            assert_eq!(verify(asked, (3, 5), rows), Ok(()));
        }
        for (echoed, rows, error) in [
            ((4, 5), 3, Mismatch::new("limit", 3, 4)),
            ((2, 5), 3, Mismatch::new("limit", 3, 2)),
            ((3, 0), 3, Mismatch::new("offset", 5, 0)),
            ((3, 8), 3, Mismatch::new("offset", 5, 8)),
            ((3, 5), 4, Mismatch::new("rows: at most", 3, 4)),
        ] {
            assert_eq!(verify(asked, echoed, rows), Err(error));
        }
    }

    /// Parses the second page of a list, and four answers that echo another page.
    fn second_page<C: Endpoint<Output: Debug>>(call: C, list: &str, row: &str, total: &str) {
        let answer = |limit: u64, offset: u64| {
            let body =
                format!(r#"{{"{list}": [{row}], {total}, "limit": {limit}, "offset": {offset}}}"#);
            call.parse(http::Response::new(body))
        };
        assert!(answer(3, 3).is_ok(), "{list}");
        for (limit, offset) in [(3, 0), (3, 4), (2, 3), (1000, 3)] {
            let error = answer(limit, offset).unwrap_err();
            assert!(error.to_string().contains("another question"), "{list} {limit} {offset}");
        }
    }

    #[test]
    fn every_list_compares_the_echoed_limit_and_offset() {
        use crate::lots::ListLots;
        use crate::settlements::{ListPendingCharges, ListSettlements, ListTransactions};

        let may = crate::DateRange::parse("2026-05-01T00:00:00Z", "2026-05-31T00:00:00Z").unwrap();
        let (limit, total) = (PageSize::new(3).unwrap(), r#""total": 4"#);
        let lot = r#"{"lot_id": "l", "transaction_hash": null, "usdt_amount": "1.50",
            "created_at": "2026-05-14T15:00:42Z", "status": "MINED"}"#;
        second_page(ListLots { limit, offset: 3, ..ListLots::new(may) }, "lots", lot, total);

        let settlement = r#"{"settlement_id": 1, "settlement_provider_name": "p", "amount": 1.50,
            "currency": "ARS", "address_to": "0x7a", "address_from": "0x4f",
            "settled_at": "2026-05-14T15:00:42Z", "created_at": "2026-05-14T14:55:18Z"}"#;
        let call = ListSettlements { limit, offset: 3, ..ListSettlements::new(may) };
        second_page(call, "settlements", settlement, total);

        let charge = r#""kamipay_request_id": "ptxr_1", "kamipay_id": "dqr_1",
            "charged_amount": 5.28, "charged_currency": "BRL", "settlement_amount": 29750.0,
            "settlement_currency": "ARS""#;
        let transaction = format!(
            r#"{{{charge}, "settlement_id": 1, "created_at": "2026-05-14T15:00:42Z",
            "settlement_provider_name": "p"}}"#
        );
        let call = ListTransactions { limit, offset: 3, ..ListTransactions::new(may) };
        second_page(call, "transactions", &transaction, total);

        let limit = PendingPageSize::new(3).unwrap();
        let row = format!(r#"{{{charge}, "charged_timestamp": "2026-05-14T15:00:42Z"}}"#);
        let totals = r#""totals": {"count": 4, "settlement_amount": 1.0}"#;
        let call = ListPendingCharges { limit, offset: 3, ..ListPendingCharges::new() };
        second_page(call, "items", &row, totals);
    }
}
