//! Settlements: off-chain transfers that deliver the charges that were collected.

mod get;
mod list;
mod pending_charges;
mod transactions;

pub use get::{GetSettlement, SettledCharge, SettlementDetail};
pub use list::{ListSettlements, ScanSettlements, Settlement, SettlementPage};
pub use pending_charges::{
    ListPendingCharges, PendingCharge, PendingChargePage, PendingTotals, ScanPendingCharges,
};
pub use transactions::{ListTransactions, ScanTransactions, Transaction, TransactionPage};

use crate::wire::identifier::identifier;
use crate::wire::string_enum::string_enum;

identifier! {
    /// The identifier of a pay-in request (`ptxr_…`), the Pix id.
    pub struct KamipayRequestId;
}

string_enum! {
    /// How far a settlement has come.
    ///
    /// A word that has no name here is kept, and read by `as_str`.
    pub enum SettlementStatus {
        /// Created; the transfer was not issued yet.
        Created = "CREATED",
        /// The transfer was issued, and waits for its provider to confirm.
        Processing = "PROCESSING",
        /// Confirmed by the provider: the funds are with the merchant.
        Done = "DONE",
        /// Canceled before it was complete, mostly because the transfer was not attempted.
        Canceled = "CANCELED",
        /// Failed for good; kamiPay resolves it by hand.
        Failed = "FAILED",
    }
}
