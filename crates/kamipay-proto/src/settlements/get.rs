//! `GET /v1/settlements/{settlement_id}`: one settlement with its charges.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{KamipayRequestId, SettlementStatus};
use crate::{
    Api, BuildError, Currency, Endpoint, ExternalId, KamipayId, Mismatch, SettlementId, SumCheck,
    wire,
};

/// Reads one settlement with its charges.
///
/// ```
/// use kamipay_proto::{Api, Endpoint, SettlementId, settlements::GetSettlement};
///
/// let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
/// let call = GetSettlement::new(SettlementId::new(12345));
/// assert_eq!(call.request(&api)?.uri(), "https://api.kamipay.io/v1/settlements/12345");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GetSettlement {
    /// The settlement to read.
    pub settlement_id: SettlementId,
}

impl GetSettlement {
    /// Reads the settlement with this number.
    pub fn new(settlement_id: SettlementId) -> Self {
        Self { settlement_id }
    }
}

impl Endpoint for GetSettlement {
    const CALL: &'static str = "GET /v1/settlements/{settlement_id}";
    type Output = SettlementDetail;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        api.get(&["v1", "settlements", &self.settlement_id.to_string()]).finish()
    }

    fn verify(&self, settlement: &SettlementDetail) -> Result<(), Mismatch> {
        Mismatch::check("settlement_id", self.settlement_id, settlement.settlement_id)
    }
}

/// A settlement with its charges.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct SettlementDetail {
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
    /// The charges in the settlement.
    #[serde(deserialize_with = "wire::object::list")]
    pub charges: Vec<SettledCharge>,
}

impl SettlementDetail {
    /// The sum of the charges' quotes compared with `amount`, in units of `currency`. `None` if the
    /// sum has too many digits to be exact.
    ///
    /// [Unquoted charges](Self::unquoted_charges) are not in the sum.
    pub fn check_charges(&self) -> Option<SumCheck> {
        SumCheck::new(self.charges.iter().filter_map(|charge| self.quote(charge)), self.amount)
    }

    /// How many charges have no quote in the settlement's currency.
    pub fn unquoted_charges(&self) -> usize {
        self.charges.iter().filter(|charge| self.quote(charge).is_none()).count()
    }

    fn quote(&self, charge: &SettledCharge) -> Option<Decimal> {
        let is_in_its_currency = charge.settlement_currency.as_ref() == Some(&self.currency);
        charge.settlement_amount.filter(|_| is_in_its_currency)
    }
}

/// A charge in a [`SettlementDetail`].
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct SettledCharge {
    /// kamiPay's identifier of the charge's QR code.
    pub kamipay_id: KamipayId,
    /// Your own identifier of the charge; `None` if you gave none. Prefer it to reconcile.
    pub external_id: Option<ExternalId>,
    /// The identifier of the pay-in request (Pix id).
    pub kamipay_request_id: KamipayRequestId,
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResponseErrorKind;

    const DETAIL: &str = r#"{"settlement_id": 12345, "settlement_provider_name": "p",
        "amount": 1.50, "currency": "ARS", "address_to": "a", "address_from": "b",
        "created_at": "2026-05-14T14:55:18Z", "charges": [{"kamipay_id": "dqr_1",
        "kamipay_request_id": "ptxr_1", "charged_amount": 5.28, "charged_currency": "BRL"}]}"#;

    fn parse(asked: u64, body: &str) -> Result<SettlementDetail, crate::ResponseError> {
        GetSettlement::new(SettlementId::new(asked)).parse(http::Response::new(body))
    }

    #[test]
    fn another_settlement_is_a_mismatch() {
        assert_eq!(parse(12345, DETAIL).unwrap().charges.len(), 1);
        let error = parse(1, DETAIL).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the answer is to another question: asked for settlement_id 1, got 12345"
        );
    }

    #[test]
    fn a_charge_without_a_quote_or_an_external_id_is_read() {
        let charge = &parse(12345, DETAIL).unwrap().charges[0];
        assert_eq!((&charge.external_id, charge.settlement_amount), (&None, None));
        assert_eq!(charge.settlement_currency, None);
    }

    #[test]
    fn only_quotes_in_the_settlement_s_currency_are_added_up() {
        let charge = |quote: &str| {
            format!(
                r#"{{"kamipay_id": "dqr_1", "kamipay_request_id": "ptxr_1", "charged_amount": 5,
                "charged_currency": "BRL"{quote}}}"#
            )
        };
        let charges = [
            r#", "settlement_amount": 1.25, "settlement_currency": "ARS""#,
            r#", "settlement_amount": 0.2, "settlement_currency": "ARS""#,
            r#", "settlement_amount": 7, "settlement_currency": "BRL""#,
            r#", "settlement_amount": 7"#,
            r#", "settlement_currency": "ARS""#,
        ];
        let charges = charges.map(charge).join(",");
        let from = DETAIL.find('[').unwrap();
        let settlement = parse(12345, &format!("{}[{charges}]}}", &DETAIL[..from])).unwrap();
        let check = settlement.check_charges().unwrap();
        assert_eq!(
            (check.sum.to_string(), check.whole.to_string()),
            ("1.45".into(), "1.50".into())
        );
        assert_eq!(settlement.unquoted_charges(), 3);
    }

    #[test]
    fn charges_are_a_list_of_objects() {
        let charges = &DETAIL[DETAIL.find('[').unwrap()..DETAIL.len() - 1];
        for (spoilt, path) in [
            (r#"[["dqr_1", null, "ptxr_1", 5.28, "BRL", null, null]]"#, "charges[0]"),
            ("[null]", "charges[0]"),
            ("[[]]", "charges[0]"),
            ("{}", "charges"),
            ("null", "charges"),
        ] {
            let error = parse(12345, &DETAIL.replace(charges, spoilt)).unwrap_err();
            let ResponseErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
            assert_eq!(fault.path, path, "{spoilt}");
        }
        assert!(parse(12345, &DETAIL.replace(charges, "[]")).unwrap().charges.is_empty());
    }
}
