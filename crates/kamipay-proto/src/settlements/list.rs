//! `GET /v1/settlements`: the settlements of a date range.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::SettlementStatus;
use crate::page::{self, Amounts, PageSize, ScanRow};
use crate::scan::{Scannable, Sealed, Window};
use crate::{Api, BuildError, Currency, DateRange, Endpoint, Mismatch, Period, SettlementId, wire};

/// Lists one page of the settlements that were confirmed in a date range.
///
/// For all settlements of a period use [`ScanSettlements`].
///
/// ```
/// use kamipay_proto::{Api, DateRange, Endpoint, settlements::ListSettlements};
///
/// let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
/// let may = DateRange::parse("2026-05-01T00:00:00Z", "2026-05-28T23:59:59Z")?;
/// assert_eq!(
///     ListSettlements::new(may).request(&api)?.uri(),
///     "https://api.kamipay.io/v1/settlements?start_date=2026-05-01T00%3A00%3A00Z\
///      &end_date=2026-05-28T23%3A59%3A59Z&limit=100&offset=0",
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ListSettlements {
    /// The range of `settled_at`, sent as `start_date` and `end_date`. A row more than one second
    /// outside is a [`Mismatch`].
    pub range: DateRange,
    /// Maximum settlements on the page: 1 to 1000. Default: 100.
    #[serde(default)]
    pub limit: PageSize,
    /// Number of settlements to skip. Default: 0.
    #[serde(default)]
    pub offset: u64,
}

impl ListSettlements {
    /// Lists the first 100 settlements of `range`.
    pub fn new(range: DateRange) -> Self {
        Self { range, limit: PageSize::default(), offset: 0 }
    }
}

impl Endpoint for ListSettlements {
    const CALL: &'static str = "GET /v1/settlements";
    type Output = SettlementPage;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        api.get(&["v1", "settlements"])
            .query("start_date", self.range.start_text())
            .query("end_date", self.range.end_text())
            .query("limit", self.limit.rows())
            .query("offset", self.offset)
            .finish()
    }

    fn verify(&self, page: &SettlementPage) -> Result<(), Mismatch> {
        page::verify((self.limit, self.offset), (page.limit, page.offset), page.settlements.len())?;
        page::verify_times("settled_at", self.range.ends(), &page.settlements)
    }
}

/// All settlements confirmed in a period of any length, for a [`Scan`](crate::Scan).
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScanSettlements {
    /// The period: `start <= settled_at < end`. Settlements without a `settled_at` are kept.
    pub period: Period,
}

impl ScanSettlements {
    /// All settlements of `period`.
    pub fn new(period: Period) -> Self {
        Self { period }
    }
}

/// A page of settlements.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct SettlementPage {
    /// The settlements on this page.
    #[serde(deserialize_with = "wire::object::page")]
    pub settlements: Vec<Settlement>,
    /// Number of settlements in the range.
    pub total: u64,
    /// The requested `limit`.
    pub limit: u64,
    /// The requested `offset`.
    pub offset: u64,
}

impl Sealed for ScanSettlements {}

impl Scannable for ScanSettlements {
    type Call = ListSettlements;
    type Row = Settlement;

    fn period(&self) -> Option<Period> {
        Some(self.period)
    }

    fn with_period(&self, period: Period) -> Self {
        Self { period }
    }

    fn call(&self, window: Window, limit: u64, offset: u64) -> ListSettlements {
        ListSettlements {
            limit: PageSize::of_scan(limit),
            offset,
            ..ListSettlements::new(window.date_range())
        }
    }

    fn page(page: SettlementPage) -> (Vec<Settlement>, Option<u64>) {
        (page.settlements, Some(page.total))
    }
}

/// A settlement in a list.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Settlement {
    /// The settlement's number.
    pub settlement_id: SettlementId,
    /// The provider that executed the transfer.
    pub settlement_provider_name: String,
    /// The provider's identifier of the transfer; `None` until the provider confirms.
    pub provider_settlement_id: Option<String>,
    /// A further reference, such as the hash of a transfer on chain.
    pub external_settlement_id: Option<String>,
    /// The amount delivered, in units of `currency`.
    #[serde(with = "wire::money")]
    pub amount: Decimal,
    /// The currency of `amount`, such as `ARS`.
    pub currency: Currency,
    /// The wallet or account that the funds were delivered to.
    pub address_to: String,
    /// kamiPay's vault that the funds came from.
    pub address_from: String,
    /// A message sent with the transfer.
    pub settlement_message: Option<String>,
    /// When the settlement was confirmed, in UTC; `None` while it is under way.
    #[serde(default, with = "wire::timestamp::option")]
    pub settled_at: Option<DateTime<Utc>>,
    /// When the settlement was created, in UTC.
    #[serde(with = "wire::timestamp")]
    pub created_at: DateTime<Utc>,
    /// The state of the settlement.
    pub status: Option<SettlementStatus>,
}

impl ScanRow for Settlement {
    type Key = SettlementId;

    fn key(&self) -> SettlementId {
        self.settlement_id
    }

    fn time(&self) -> Option<DateTime<Utc>> {
        self.settled_at
    }

    fn amounts(&self) -> Amounts {
        [Some(self.amount), None]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResponseErrorKind;
    use crate::settlements::SettlementStatus;

    const ROW: &str = r#"{"settlement_id": 1, "settlement_provider_name": "p",
        "amount": 1.50, "currency": "ARS", "address_to": "a", "address_from": "b",
        "created_at": "2026-05-14T14:55:18Z"}"#;

    fn parse(row: &str) -> Result<SettlementPage, crate::ResponseError> {
        let may = DateRange::parse("2026-05-01T00:00:00Z", "2026-05-28T23:59:59Z").unwrap();
        let body = format!(r#"{{"settlements": [{row}], "total": 1, "limit": 100, "offset": 0}}"#);
        ListSettlements::new(may).parse(http::Response::new(body))
    }

    #[test]
    fn nullable_fields_of_the_page_s_table_may_be_null_or_absent() {
        let absent = parse(ROW).unwrap();
        let nulls = r#"{"provider_settlement_id": null, "external_settlement_id": null,
            "settlement_message": null, "settled_at": null, "status": null, "#;
        assert_eq!(parse(&ROW.replacen('{', nulls, 1)).unwrap(), absent);
        let row = &absent.settlements[0];
        assert_eq!((&row.status, row.settled_at), (&None, None));
        assert_eq!(row.amount.to_string(), "1.50");
    }

    #[test]
    fn all_other_fields_are_required() {
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(ROW).unwrap();
        assert_eq!(fields.len(), 7);
        for field in fields.keys() {
            for spoilt in [format!("\"x_{field}\""), format!("\"{field}\": null, \"x\"")] {
                let error = parse(&ROW.replace(&format!("\"{field}\""), &spoilt)).unwrap_err();
                let ResponseErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
                assert!(fault.path.starts_with("settlements[0]"), "{fault}");
                assert!(fault.to_string().contains(field.as_str()), "{fault}");
            }
        }
    }

    #[test]
    fn a_settlement_is_an_object_and_not_an_array() {
        let row = r#"[1, "p", null, null, 1.50, "ARS", "a", "b", null, null,
            "2026-05-14T14:55:18Z", null]"#;
        assert!(matches!(parse(row).unwrap_err().kind(), ResponseErrorKind::Decode(_)));
    }

    #[test]
    fn an_unknown_status_is_kept() {
        let row = ROW.replacen('{', r#"{"status": "ON_HOLD", "#, 1);
        let page = parse(&row).unwrap();
        assert_eq!(page.settlements[0].status.as_ref().unwrap().as_str(), "ON_HOLD");
        for (word, status) in [
            ("CREATED", SettlementStatus::Created),
            ("PROCESSING", SettlementStatus::Processing),
            ("DONE", SettlementStatus::Done),
            ("CANCELED", SettlementStatus::Canceled),
            ("FAILED", SettlementStatus::Failed),
        ] {
            assert_eq!((SettlementStatus::from(word), status.as_str()), (status.clone(), word));
        }
    }
}
