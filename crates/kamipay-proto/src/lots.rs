//! Lots: on-chain transfers that settle many payouts at once.

mod get;
mod list;

pub use get::{GetLot, InvalidLotIdentifier, LotDetail, LotIdentifier, Payout, Refund};
pub use list::{ListLots, Lot, LotPage, ScanLots};

use crate::wire::identifier::identifier;
use crate::wire::string_enum::string_enum;

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
