//! Lots: on-chain transfers, each of which settles many payouts.

mod find_payout;
mod get;
mod list;

pub use find_payout::{FindPayout, FindPayoutStep, FoundPayout};
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
    /// The state of a lot's transfer.
    ///
    /// A state that this version does not know is kept: see [`as_str`](Self::as_str).
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
