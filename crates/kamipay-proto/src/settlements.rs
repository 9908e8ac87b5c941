//! Settlements: off-chain transfers that deliver collected charges to the merchant.

mod get;
mod list;
mod pending_charges;
mod pending_pool;
mod transactions;

pub use get::{GetSettlement, SettledCharge, SettlementDetail};
pub use list::{ListSettlements, ScanSettlements, Settlement, SettlementPage};
pub use pending_charges::{
    ListPendingCharges, PendingCharge, PendingChargePage, PendingTotals, ScanPendingCharges,
};
pub use pending_pool::{NoTotal, PendingPool};
pub use transactions::{ListTransactions, ScanTransactions, Transaction, TransactionPage};

use crate::wire::identifier::identifier;
use crate::wire::string_enum::string_enum;

identifier! {
    /// The identifier of a pay-in request (`ptxr_…`), the Pix id.
    pub struct KamipayRequestId;
}

string_enum! {
    /// The state of a settlement.
    ///
    /// A state that this version does not know is kept: see [`as_str`](Self::as_str).
    pub enum SettlementStatus {
        /// Created; the transfer is not issued yet.
        Created = "CREATED",
        /// The transfer is issued; the provider has not confirmed it yet.
        Processing = "PROCESSING",
        /// The provider confirmed: the merchant has the funds.
        Done = "DONE",
        /// Canceled before completion, usually because the transfer was not attempted.
        Canceled = "CANCELED",
        /// Failed permanently; kamiPay resolves it manually.
        Failed = "FAILED",
    }
}
