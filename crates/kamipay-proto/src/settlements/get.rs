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
