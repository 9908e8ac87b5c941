//! Confirmed charges: what was paid in within a day, by store and checkout (tx_status_lot).

mod list;

pub use list::ListConfirmedCharges;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire;
use crate::{CheckoutId, OperationId, StoreId, TransactionHash};

/// A charge that was paid and credited.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(remote = "Self")] // see `Deserialize` below
#[non_exhaustive]
pub struct ConfirmedCharge {
    /// The store that it was charged in.
    pub store_id: StoreId,
    /// The checkout that it was charged at.
    pub checkout_id: CheckoutId,
    /// The bank's number of the charge.
    pub operation_id: OperationId,
    /// The hash of the transfer that credited it, as the API gave it.
    pub tx_hash: TransactionHash,
    /// The amount charged to the payer, in BRL.
    #[serde(with = "wire::money")]
    pub brl_requested: Decimal,
    /// The amount credited, in USDT.
    #[serde(with = "wire::money")]
    pub usdt_credited: Decimal,
    /// Your own text with the charge.
    ///
    /// Shown with every charge of the page, but yours to give: taken as absent where it is `null`.
    pub external_data: Option<String>,
    /// When the charge was requested, in UTC.
    #[serde(with = "wire::epoch")]
    pub request_datetime: DateTime<Utc>,
    /// When the charge was credited, in UTC.
    #[serde(with = "wire::epoch")]
    pub credit_datetime: DateTime<Utc>,
}

// The list has no object around it whose field could say that its rows are objects.
impl<'de> Deserialize<'de> for ConfirmedCharge {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::deserialize(wire::object::MapOnly(from))
    }
}

impl Serialize for ConfirmedCharge {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, to)
    }
}
