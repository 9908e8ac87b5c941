//! Settlements: off-chain transfers that deliver the charges that were collected.

mod get;
mod list;
mod pending_charges;
mod transactions;

pub use get::GetSettlement;
pub use list::{ListSettlements, ScanSettlements, SettlementPage};
pub use pending_charges::{
    ListPendingCharges, PendingChargePage, PendingTotals, ScanPendingCharges,
};
pub use transactions::{ListTransactions, ScanTransactions, TransactionPage};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::page::{Amounts, Row};
use crate::wire;
use crate::wire::identifier::identifier;
use crate::wire::string_enum::string_enum;
use crate::{Currency, ExternalId, KamipayId, SettlementId};

/// A settlement, as the list shows it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Settlement {
    /// The settlement's number.
    pub settlement_id: SettlementId,
    /// Who executed the transfer.
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
    /// The vault of kamiPay that they came from.
    pub address_from: String,
    /// A message with the transfer.
    pub settlement_message: Option<String>,
    /// When the settlement was confirmed, in UTC; `None` while it is under way.
    #[serde(default, with = "wire::timestamp::option")]
    pub settled_at: Option<DateTime<Utc>>,
    /// When the settlement was created, in UTC.
    #[serde(with = "wire::timestamp")]
    pub created_at: DateTime<Utc>,
    /// How far the settlement has come.
    pub status: Option<SettlementStatus>,
}

impl Row for Settlement {
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

/// A settlement with its charges.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct SettlementDetail {
    /// The settlement's number.
    pub settlement_id: SettlementId,
    /// Who executed the transfer.
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
    /// The vault of kamiPay that they came from.
    pub address_from: String,
    /// A message with the transfer.
    pub settlement_message: Option<String>,
    /// When the settlement was confirmed, in UTC; `None` while it is under way.
    #[serde(default, with = "wire::timestamp::option")]
    pub settled_at: Option<DateTime<Utc>>,
    /// When the settlement was created, in UTC.
    #[serde(with = "wire::timestamp")]
    pub created_at: DateTime<Utc>,
    /// How far the settlement has come.
    pub status: Option<SettlementStatus>,
    /// The charges in the settlement.
    #[serde(deserialize_with = "wire::object::list")]
    pub charges: Vec<SettledCharge>,
}

/// A charge of one settlement: a row of `charges` of [`SettlementDetail`].
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct SettledCharge {
    /// kamiPay's identifier of the charge's QR code.
    pub kamipay_id: KamipayId,
    /// Your own identifier of the charge, the first choice to reconcile by; `None` where you gave
    /// none.
    pub external_id: Option<ExternalId>,
    /// The identifier of the pay-in request (Pix id).
    pub kamipay_request_id: KamipayRequestId,
    /// The amount charged to the payer, in units of `charged_currency`.
    #[serde(with = "wire::money")]
    pub charged_amount: Decimal,
    /// The currency of `charged_amount`, mostly `BRL`.
    pub charged_currency: Currency,
    /// The amount that the charge was quoted at, in units of `settlement_currency`; `None` for a
    /// charge without a quote.
    #[serde(default, with = "wire::money::option")]
    pub settlement_amount: Option<Decimal>,
    /// The currency of `settlement_amount`, such as `ARS`.
    pub settlement_currency: Option<Currency>,
}

/// A charge with the settlement that it is in.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Transaction {
    /// The number of the settlement.
    pub settlement_id: SettlementId,
    /// The identifier of the pay-in request (Pix id).
    pub kamipay_request_id: KamipayRequestId,
    /// kamiPay's identifier of the charge's QR code.
    pub kamipay_id: KamipayId,
    /// Your own identifier of the charge, the first choice to reconcile by; `None` where you gave
    /// none.
    pub external_id: Option<ExternalId>,
    /// The amount charged to the payer, in units of `charged_currency`.
    #[serde(with = "wire::money")]
    pub charged_amount: Decimal,
    /// The currency of `charged_amount`, mostly `BRL`.
    pub charged_currency: Currency,
    /// The amount that the charge was quoted at, in units of `settlement_currency`; `None` for a
    /// charge without a quote.
    #[serde(default, with = "wire::money::option")]
    pub settlement_amount: Option<Decimal>,
    /// The currency of `settlement_amount`, such as `ARS`.
    pub settlement_currency: Option<Currency>,
    /// When the pay-in request was created, in UTC.
    #[serde(default, with = "wire::timestamp::option")]
    pub charged_timestamp: Option<DateTime<Utc>>,
    /// When the charge was put into the settlement, in UTC.
    #[serde(with = "wire::timestamp")]
    pub created_at: DateTime<Utc>,
    /// Who executed the settlement.
    pub settlement_provider_name: String,
    /// When the settlement was confirmed, in UTC; `None` while it is under way.
    #[serde(default, with = "wire::timestamp::option")]
    pub settled_at: Option<DateTime<Utc>>,
    /// The provider's identifier of the settlement.
    pub provider_settlement_id: Option<String>,
    /// A further reference of the settlement.
    pub external_settlement_id: Option<String>,
}

impl Row for Transaction {
    /// A charge whose settlement failed can come back in another one, and no page says that a
    /// request has one charge only.
    type Key = (SettlementId, KamipayRequestId, KamipayId);

    fn key(&self) -> Self::Key {
        (self.settlement_id, self.kamipay_request_id.clone(), self.kamipay_id.clone())
    }

    fn time(&self) -> Option<DateTime<Utc>> {
        Some(self.created_at)
    }

    fn amounts(&self) -> Amounts {
        [Some(self.charged_amount), self.settlement_amount]
    }
}

/// A charge that waits for its settlement.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct PendingCharge {
    /// The identifier of the pay-in request (Pix id).
    pub kamipay_request_id: KamipayRequestId,
    /// kamiPay's identifier of the charge's QR code.
    pub kamipay_id: KamipayId,
    /// Your own identifier of the charge, the first choice to reconcile by; `None` where you gave
    /// none.
    pub external_id: Option<ExternalId>,
    /// The amount charged to the payer, in units of `charged_currency`.
    #[serde(with = "wire::money")]
    pub charged_amount: Decimal,
    /// The currency of `charged_amount`, mostly `BRL`.
    pub charged_currency: Currency,
    /// The amount that the next settlement will deliver for the charge, in units of
    /// `settlement_currency`.
    #[serde(with = "wire::money")]
    pub settlement_amount: Decimal,
    /// The currency of `settlement_amount`: `ARS` for the batched settlement.
    pub settlement_currency: Currency,
    /// When the pay-in request was created, in UTC.
    #[serde(with = "wire::timestamp")]
    pub charged_timestamp: DateTime<Utc>,
}

impl Row for PendingCharge {
    /// No page says that a request has one charge only.
    type Key = (KamipayRequestId, KamipayId);

    fn key(&self) -> Self::Key {
        (self.kamipay_request_id.clone(), self.kamipay_id.clone())
    }

    fn time(&self) -> Option<DateTime<Utc>> {
        Some(self.charged_timestamp)
    }

    fn amounts(&self) -> Amounts {
        [Some(self.charged_amount), Some(self.settlement_amount)]
    }
}

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
