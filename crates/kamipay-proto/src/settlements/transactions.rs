//! `GET /v1/settlements/transactions`: the charges in the settlements of a date range.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::KamipayRequestId;
use crate::page::{self, Amounts, PageSize, ScanRow};
use crate::scan::{Scannable, Sealed, Window};
use crate::{
    Api, BuildError, Currency, DateRange, Endpoint, ExternalId, KamipayId, Mismatch, Period,
    SettlementId, wire,
};

/// Lists one page of the charges that were put into settlements in a date range.
///
/// For all charges of a period use [`ScanTransactions`].
///
/// ```
/// use kamipay_proto::{Api, DateRange, Endpoint, SettlementId, settlements::ListTransactions};
///
/// let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
/// let may = DateRange::parse("2026-05-01T00:00:00Z", "2026-05-28T23:59:59Z")?;
/// let mut call = ListTransactions::new(may);
/// call.settlement_id = Some(SettlementId::new(12345));
/// assert_eq!(
///     call.request(&api)?.uri(),
///     "https://api.kamipay.io/v1/settlements/transactions?start_date=2026-05-01T00%3A00%3A00Z\
///      &end_date=2026-05-28T23%3A59%3A59Z&settlement_id=12345&limit=100&offset=0",
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ListTransactions {
    /// The range of `created_at`, sent as `start_date` and `end_date`. A row more than one second
    /// outside is a [`Mismatch`].
    pub range: DateRange,
    /// Only charges of this settlement. Default: all settlements.
    #[serde(default)]
    pub settlement_id: Option<SettlementId>,
    /// Maximum charges on the page: 1 to 1000. Default: 100.
    #[serde(default)]
    pub limit: PageSize,
    /// Number of charges to skip. Default: 0.
    #[serde(default)]
    pub offset: u64,
}

impl ListTransactions {
    /// Lists the first 100 charges of `range`.
    pub fn new(range: DateRange) -> Self {
        Self { range, settlement_id: None, limit: PageSize::default(), offset: 0 }
    }
}

impl Endpoint for ListTransactions {
    const CALL: &'static str = "GET /v1/settlements/transactions";
    type Output = TransactionPage;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        api.get(&["v1", "settlements", "transactions"])
            .query("start_date", self.range.start_text())
            .query("end_date", self.range.end_text())
            .query_opt("settlement_id", self.settlement_id)
            .query("limit", self.limit.rows())
            .query("offset", self.offset)
            .finish()
    }

    fn verify(&self, page: &TransactionPage) -> Result<(), Mismatch> {
        page::verify(
            (self.limit, self.offset),
            (page.limit, page.offset),
            page.transactions.len(),
        )?;
        page::verify_times("created_at", self.range.ends(), &page.transactions)?;
        let Some(asked) = self.settlement_id else { return Ok(()) };
        match page.transactions.iter().find(|row| row.settlement_id != asked) {
            Some(other) => Err(Mismatch::new("settlement_id", asked, other.settlement_id)),
            None => Ok(()),
        }
    }
}

/// All charges put into settlements in a period of any length, for a [`Scan`](crate::Scan).
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScanTransactions {
    /// The period: `start <= created_at < end`.
    pub period: Period,
    /// Only charges of this settlement. Default: all settlements.
    #[serde(default)]
    pub settlement_id: Option<SettlementId>,
}

impl ScanTransactions {
    /// All charges of `period`.
    pub fn new(period: Period) -> Self {
        Self { period, settlement_id: None }
    }
}

/// A page of charges with their settlements.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct TransactionPage {
    /// The charges on this page.
    #[serde(deserialize_with = "wire::object::page")]
    pub transactions: Vec<Transaction>,
    /// Number of charges in the range.
    pub total: u64,
    /// The requested `limit`.
    pub limit: u64,
    /// The requested `offset`.
    pub offset: u64,
}

impl Sealed for ScanTransactions {}

impl Scannable for ScanTransactions {
    type Call = ListTransactions;
    type Row = Transaction;

    fn period(&self) -> Option<Period> {
        Some(self.period)
    }

    fn with_period(&self, period: Period) -> Self {
        Self { period, ..self.clone() }
    }

    fn call(&self, window: Window, limit: u64, offset: u64) -> ListTransactions {
        ListTransactions {
            settlement_id: self.settlement_id,
            limit: PageSize::of_scan(limit),
            offset,
            ..ListTransactions::new(window.date_range())
        }
    }

    fn page(page: TransactionPage) -> (Vec<Transaction>, Option<u64>) {
        (page.transactions, Some(page.total))
    }
}

/// A charge and its settlement.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Transaction {
    /// The number of the settlement.
    pub settlement_id: SettlementId,
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
    /// The quoted amount, in units of `settlement_currency`; `None` for a charge without a quote.
    #[serde(default, with = "wire::money::option")]
    pub settlement_amount: Option<Decimal>,
    /// The currency of `settlement_amount`, such as `ARS`.
    pub settlement_currency: Option<Currency>,
    /// When the pay-in request was created, in UTC.
    #[serde(default, with = "wire::timestamp::option")]
    pub charged_timestamp: Option<DateTime<Utc>>,
    /// When the charge was put into the settlement, in UTC.
    #[serde(with = "wire::timestamp")]
    pub created_at: DateTime<Utc>,
    /// The provider that executed the settlement.
    pub settlement_provider_name: String,
    /// When the settlement was confirmed, in UTC; `None` while it is under way.
    #[serde(default, with = "wire::timestamp::option")]
    pub settled_at: Option<DateTime<Utc>>,
    /// The provider's identifier of the settlement.
    pub provider_settlement_id: Option<String>,
    /// A further reference of the settlement.
    pub external_settlement_id: Option<String>,
}

impl ScanRow for Transaction {
    /// A charge of a failed settlement can be in another one, and the vendor's pages do not say
    /// that a request has only one charge.
    type Key = (SettlementId, KamipayRequestId, KamipayId);

    fn key(&self) -> Self::Key {
        (self.settlement_id, self.kamipay_request_id.clone(), self.kamipay_id.clone())
    }

    fn time(&self) -> Option<DateTime<Utc>> {
        Some(self.created_at)
    }

    fn amounts(&self) -> Amounts {
        [Some(self.charged_amount), self.settlement_amount]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResponseErrorKind;
    use crate::page::ScanRow;

    const ROW: &str = r#"{"settlement_id": 12345, "kamipay_request_id": "ptxr_1",
        "kamipay_id": "dqr_1", "charged_amount": 5.28, "charged_currency": "BRL",
        "created_at": "2026-05-14T13:21:12Z", "settlement_provider_name": "p"}"#;

    fn call(settlement: Option<u64>) -> ListTransactions {
        let may = DateRange::parse("2026-05-01T00:00:00Z", "2026-05-28T23:59:59Z").unwrap();
        let mut call = ListTransactions::new(may);
        call.settlement_id = settlement.map(SettlementId::new);
        call
    }

    fn body(rows: &[&str]) -> http::Response<String> {
        let rows = rows.join(",");
        http::Response::new(format!(
            r#"{{"transactions": [{rows}], "total": 9, "limit": 100, "offset": 0}}"#
        ))
    }

    #[test]
    fn a_charge_of_another_settlement_is_a_mismatch() {
        let other = ROW.replace("12345", "6");
        assert!(call(None).parse(body(&[ROW, &other])).is_ok());
        assert!(call(Some(12345)).parse(body(&[ROW, ROW])).is_ok());
        assert!(call(Some(12345)).parse(body(&[])).is_ok());
        let error = call(Some(12345)).parse(body(&[ROW, &other])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the answer is to another question: asked for settlement_id 12345, got 6"
        );
    }

    #[test]
    fn nullable_fields_of_the_page_s_table_may_be_null_or_absent() {
        let absent = call(None).parse(body(&[ROW])).unwrap();
        let nulls = r#"{"external_id": null, "settlement_amount": null,
            "settlement_currency": null, "charged_timestamp": null, "settled_at": null,
            "provider_settlement_id": null, "external_settlement_id": null, "#;
        assert_eq!(call(None).parse(body(&[&ROW.replacen('{', nulls, 1)])).unwrap(), absent);

        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(ROW).unwrap();
        assert_eq!(fields.len(), 7);
        for field in fields.keys() {
            let row = ROW.replace(&format!("\"{field}\""), &format!("\"x_{field}\""));
            let error = call(None).parse(body(&[ROW, &row])).unwrap_err();
            let ResponseErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
            assert_eq!(fault.path, "transactions[1]");
            assert!(fault.to_string().contains(field.as_str()), "{fault}");
        }
    }

    #[test]
    fn a_transaction_is_an_object_and_not_an_array() {
        let row = r#"[12345, "ptxr_1", "dqr_1", null, 5.28, "BRL", null, null, null,
            "2026-05-14T13:21:12Z", "p", null, null, null]"#;
        let error = call(None).parse(body(&[row])).unwrap_err();
        assert!(matches!(error.kind(), ResponseErrorKind::Decode(_)), "{error:?}");
    }

    #[test]
    fn a_charge_of_two_settlements_is_two_rows() {
        let other = ROW.replace("12345", "6");
        let page = call(None).parse(body(&[ROW, &other, ROW])).unwrap();
        let keys: Vec<_> = page.transactions.iter().map(ScanRow::key).collect();
        assert_eq!(keys[0], keys[2]);
        assert_ne!(keys[0], keys[1]);
    }
}
