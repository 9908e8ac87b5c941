//! `GET /v1/settlements/{settlement_id}`

use serde::{Deserialize, Serialize};

use super::SettlementDetail;
use crate::{Api, BuildError, Endpoint, Mismatch, SettlementId};

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
    /// Which settlement.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    const DETAIL: &str = r#"{"settlement_id": 12345, "settlement_provider_name": "p",
        "amount": 1.50, "currency": "ARS", "address_to": "a", "address_from": "b",
        "created_at": "2026-05-14T14:55:18Z", "charges": [{"kamipay_id": "dqr_1",
        "kamipay_request_id": "ptxr_1", "charged_amount": 5.28, "charged_currency": "BRL"}]}"#;

    fn parse(asked: u64, body: &str) -> Result<SettlementDetail, crate::Error> {
        GetSettlement::new(SettlementId::new(asked)).parse(http::Response::new(body))
    }

    #[test]
    fn another_settlement_is_not_the_answer() {
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
    fn the_charges_are_a_list_of_objects() {
        let charges = &DETAIL[DETAIL.find('[').unwrap()..DETAIL.len() - 1];
        for (spoilt, path) in [
            (r#"[["dqr_1", null, "ptxr_1", 5.28, "BRL", null, null]]"#, "charges[0]"),
            ("[null]", "charges[0]"),
            ("[[]]", "charges[0]"),
            ("{}", "charges"),
            ("null", "charges"),
        ] {
            let error = parse(12345, &DETAIL.replace(charges, spoilt)).unwrap_err();
            let ErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
            assert_eq!(fault.path, path, "{spoilt}");
        }
        assert!(parse(12345, &DETAIL.replace(charges, "[]")).unwrap().charges.is_empty());
    }
}
