//! `GET /v1/settlements/pending-charges`: the charges of a checkout's next settlement.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::KamipayRequestId;
use crate::page::{self, Amounts, PendingPageSize, ScanRow};
use crate::scan::{Scannable, Sealed, Window};
use crate::{
    Api, BuildError, CheckoutId, Currency, Endpoint, ExternalId, KamipayId, Mismatch,
    OpenDateRange, Period, wire,
};

/// Lists one page of the charges in the next settlement of a checkout, oldest first.
///
/// For all of them use [`ScanPendingCharges`].
///
/// ```
/// use kamipay_proto::{Api, CheckoutId, Endpoint, settlements::ListPendingCharges};
///
/// let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
/// let mut call = ListPendingCharges::new();
/// call.checkout_id = Some(CheckoutId::new(42));
/// assert_eq!(
///     call.request(&api)?.uri(),
///     "https://api.kamipay.io/v1/settlements/pending-charges?checkout_id=42&limit=100&offset=0",
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ListPendingCharges {
    /// The checkout. Required if more than one is enrolled in the batched settlement.
    #[serde(default)]
    pub checkout_id: Option<CheckoutId>,
    /// The range of `charged_timestamp`, when the pay-in requests were created. Sent as `from` and
    /// `to`. Default: the last 30 days. A row more than one second outside is a [`Mismatch`].
    #[serde(default)]
    pub range: OpenDateRange,
    /// Maximum charges on the page: 1 to 500. Default: 100.
    #[serde(default)]
    pub limit: PendingPageSize,
    /// Number of charges to skip. Default: 0.
    #[serde(default)]
    pub offset: u64,
}

impl ListPendingCharges {
    /// Lists the first 100 pending charges of the only checkout.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Endpoint for ListPendingCharges {
    const CALL: &'static str = "GET /v1/settlements/pending-charges";
    type Output = PendingChargePage;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        api.get(&["v1", "settlements", "pending-charges"])
            .query_opt("checkout_id", self.checkout_id)
            .query_opt("from", self.range.start_text())
            .query_opt("to", self.range.end_text())
            .query("limit", self.limit.rows())
            .query("offset", self.offset)
            .finish()
    }

    fn verify(&self, page: &PendingChargePage) -> Result<(), Mismatch> {
        page::verify((self.limit, self.offset), (page.limit, page.offset), page.items.len())?;
        let ends = (self.range.start(), self.range.end());
        page::verify_times("charged_timestamp", ends, &page.items)
    }
}

/// All pending charges of a checkout, for a [`Scan`](crate::Scan).
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScanPendingCharges {
    /// The checkout. Required if more than one is enrolled in the batched settlement.
    #[serde(default)]
    pub checkout_id: Option<CheckoutId>,
    /// The period: `start <= charged_timestamp < end`, when the pay-in requests were created.
    /// Default: the last 30 days, as far back as a settlement reaches.
    #[serde(default)]
    pub period: Option<Period>,
}

impl ScanPendingCharges {
    /// All pending charges of the only checkout.
    pub fn new() -> Self {
        Self::default()
    }
}

/// A page of pending charges, with the totals of all of them.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct PendingChargePage {
    /// The charges on this page.
    #[serde(deserialize_with = "wire::object::page")]
    pub items: Vec<PendingCharge>,
    /// The totals of all pending charges, not only of this page.
    #[serde(deserialize_with = "wire::object::one")]
    pub totals: PendingTotals,
    /// The requested `limit`.
    pub limit: u64,
    /// The requested `offset`.
    pub offset: u64,
}

/// The totals of all pending charges.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct PendingTotals {
    /// Number of pending charges.
    pub count: u64,
    /// The sum of their `settlement_amount`.
    #[serde(with = "wire::money")]
    pub settlement_amount: Decimal,
}

impl Sealed for ScanPendingCharges {
    const MAX_PAGE: u64 = 500;
}

impl Scannable for ScanPendingCharges {
    type Call = ListPendingCharges;
    type Row = PendingCharge;

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
            limit: PendingPageSize::of_scan(limit),
            offset,
        }
    }

    fn page(page: PendingChargePage) -> (Vec<PendingCharge>, Option<u64>) {
        (page.items, Some(page.totals.count))
    }
}

/// A charge that waits for its settlement.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct PendingCharge {
    /// The identifier of the pay-in request (Pix id).
    pub kamipay_request_id: KamipayRequestId,
    /// kamiPay's identifier of the charge's QR code.
    pub kamipay_id: KamipayId,
    /// Your own identifier of the charge; `None` if you gave none. Prefer it to reconcile.
    pub external_id: Option<ExternalId>,
    /// The amount charged to the payer, in units of `charged_currency`.
    #[serde(with = "wire::money")]
    pub charged_amount: Decimal,
    /// The currency of `charged_amount`, usually `BRL`.
    pub charged_currency: Currency,
    /// The amount that the next settlement will deliver for the charge, in units of
    /// `settlement_currency`.
    #[serde(with = "wire::money")]
    pub settlement_amount: Decimal,
    /// The currency of `settlement_amount`: `ARS` for the batched settlement.
    pub settlement_currency: Currency,
    /// When the pay-in request was created, in UTC.
    #[serde(with = "wire::timestamp")]
    pub charged_timestamp: DateTime<Utc>,
}

impl ScanRow for PendingCharge {
    /// No page says that a request has one charge only.
    type Key = (KamipayRequestId, KamipayId);

    fn key(&self) -> Self::Key {
        (self.kamipay_request_id.clone(), self.kamipay_id.clone())
    }

    fn time(&self) -> Option<DateTime<Utc>> {
        Some(self.charged_timestamp)
    }

    fn amounts(&self) -> Amounts {
        [Some(self.charged_amount), Some(self.settlement_amount)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResponseErrorKind;

    const ROW: &str = r#"{"kamipay_request_id": "ptxr_1", "kamipay_id": "dqr_1",
        "charged_amount": 5.28, "charged_currency": "BRL", "settlement_amount": 29750.0,
        "settlement_currency": "ARS", "charged_timestamp": "2026-05-14T13:21:08Z"}"#;

    fn parse(row: &str, totals: &str) -> Result<PendingChargePage, crate::ResponseError> {
        let body =
            format!(r#"{{"items": [{row}], "totals": {totals}, "limit": 100, "offset": 0}}"#);
        ListPendingCharges::new().parse(http::Response::new(body))
    }

    const TOTALS: &str = r#"{"count": 700, "settlement_amount": 69325.0}"#;

    #[test]
    fn the_totals_count_all_pending_charges_and_not_the_page() {
        let page = parse(ROW, TOTALS).unwrap();
        assert_eq!((page.totals.count, page.items.len()), (700, 1));
        assert_eq!(page.totals.settlement_amount.to_string(), "69325.0");
        assert_eq!(page.items[0].external_id, None);
    }

    #[test]
    fn every_field_but_external_id_is_required() {
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(ROW).unwrap();
        assert_eq!(fields.len(), 7);
        for field in fields.keys() {
            for spoilt in [format!("\"x_{field}\""), format!("\"{field}\": null, \"x\"")] {
                let row = ROW.replace(&format!("\"{field}\""), &spoilt);
                let error = parse(&row, TOTALS).unwrap_err();
                let ResponseErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
                assert!(fault.path.starts_with("items[0]"), "{fault}");
                assert!(fault.to_string().contains(field.as_str()), "{fault}");
            }
        }
    }

    #[test]
    fn rows_and_totals_are_objects() {
        let row =
            r#"["ptxr_1", "dqr_1", null, 5.28, "BRL", 29750.0, "ARS", "2026-05-14T13:21:08Z"]"#;
        for (row, totals, path) in [
            (row, TOTALS, "items[0]"),
            (ROW, "[700, 69325.0]", "totals"),
            (ROW, "null", "totals"),
            (ROW, "{}", "totals"),
            (ROW, r#"{"count": 1}"#, "totals"),
            (ROW, r#"{"count": -1, "settlement_amount": 0}"#, "totals.count"),
        ] {
            let error = parse(row, totals).unwrap_err();
            let ResponseErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
            assert_eq!(fault.path, path, "{row} {totals}");
        }
    }

    #[test]
    fn the_next_page_asks_for_the_same_pool() {
        let mut first = ListPendingCharges::new();
        first.checkout_id = Some(CheckoutId::new(42));
        first.limit = PendingPageSize::MAX;
        let next = ListPendingCharges { offset: 500, ..first.clone() };
        assert_eq!(
            (next.checkout_id, next.limit, next.offset),
            (first.checkout_id, first.limit, 500)
        );
    }
}
