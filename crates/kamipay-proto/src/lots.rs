//! Lots: on-chain transfers that settle many payouts at once.

mod get;
mod list;

pub use get::{GetLot, InvalidLotIdentifier, LotIdentifier};
pub use list::{ListLots, LotPage, ScanLots};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::page::{Amounts, Row};
use crate::wire;
use crate::wire::identifier::identifier;
use crate::wire::string_enum::string_enum;
use crate::{KamipayId, TransactionHash};

/// A lot, as the list shows it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Lot {
    /// The lot's identifier.
    pub lot_id: LotId,
    /// The hash of the transfer on chain; `None` where it was not sent yet, and not always a
    /// well-formed one while it is processing.
    pub transaction_hash: Option<TransactionHash>,
    /// The amount transferred, in USDT.
    #[serde(with = "wire::money")]
    pub usdt_amount: Decimal,
    /// When the lot was created, in UTC; `None` while it is processing.
    #[serde(default, with = "wire::timestamp::option")]
    pub created_at: Option<DateTime<Utc>>,
    /// How far the transfer has come.
    pub status: LotStatus,
}

impl Row for Lot {
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

/// A lot with the payouts it settled and the refunds that came out of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct LotDetail {
    /// The lot's identifier.
    pub lot_id: LotId,
    /// The hash of the transfer on chain; `None` where it was not sent yet, and not always a
    /// well-formed one while it is processing.
    pub transaction_hash: Option<TransactionHash>,
    /// The amount transferred, in USDT.
    #[serde(with = "wire::money")]
    pub usdt_amount: Decimal,
    /// When the lot was created, in UTC; `None` while it is processing.
    #[serde(default, with = "wire::timestamp::option")]
    pub created_at: Option<DateTime<Utc>>,
    /// How far the transfer has come.
    pub status: LotStatus,
    /// The payouts in the lot.
    #[serde(deserialize_with = "wire::object::list")]
    pub payouts: Vec<Payout>,
    /// Refunds that occurred after the lot was settled.
    #[serde(deserialize_with = "wire::object::list")]
    pub refunds: Vec<Refund>,
}

/// One payout of a lot.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Payout {
    /// kamiPay's identifier of the payment.
    pub kamipay_id: KamipayId,
    /// The amount paid out, in USDT.
    #[serde(with = "wire::money")]
    pub amount: Decimal,
    /// When the payout was created, in UTC.
    #[serde(with = "wire::timestamp")]
    pub created_at: DateTime<Utc>,
}

/// One refund of a lot.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Refund {
    /// kamiPay's identifier of the refund.
    pub kamipay_refund_id: KamipayRefundId,
    /// The amount refunded, in USDT.
    #[serde(with = "wire::money")]
    pub amount: Decimal,
    /// When the refund was created, in UTC.
    #[serde(with = "wire::timestamp")]
    pub created_at: DateTime<Utc>,
}

identifier! {
    /// kamiPay's identifier of a lot.
    pub struct LotId;
}

identifier! {
    /// kamiPay's identifier of a refund (`rpt_…`).
    pub struct KamipayRefundId;
}

string_enum! {
    /// How far a lot's transfer has come.
    ///
    /// A word that has no name here is kept, and read by `as_str`.
    pub enum LotStatus {
        /// Created, not yet sent on chain.
        Pending = "PENDING",
        /// Being processed on chain.
        Processing = "PROCESSING",
        /// Confirmed on chain.
        Mined = "MINED",
        /// Failed; its payouts may be retried in a new lot.
        Failed = "FAILED",
    }
}
