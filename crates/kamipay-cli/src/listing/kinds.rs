use kamipay_ureq::proto::confirmed_charges::ScanConfirmedCharges;
use kamipay_ureq::proto::lots::ScanLots;
use kamipay_ureq::proto::scan::{ScanRow, Scannable};
use kamipay_ureq::proto::settlements::{ScanPendingCharges, ScanSettlements, ScanTransactions};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::table::{Column, hash, money, money_in, number, seconds, text};

/// A listing of the program, and how its rows are shown.
pub(crate) trait Listing:
    Scannable<Row: Serialize + ScanRow<Key: Send> + Send>
    + DeserializeOwned
    + PartialEq
    + Serialize
    + Send
    + 'static
{
    /// Its name in plans, saved states and messages.
    const NAME: &'static str;
    /// The word for one row.
    const ROW: &'static str;
    /// Whether its calls have pages.
    const HAS_PAGES: bool = true;
    /// The columns of a table: those that a person looks for.
    const TABLE: &'static [Column];
    /// The columns of CSV: all fields, in the order of the JSON.
    const CSV: &'static [&'static str];
}

impl Listing for ScanLots {
    const NAME: &'static str = "lots";
    const ROW: &'static str = "lot";
    const TABLE: &'static [Column] = &[
        text("lot_id"),
        text("status"),
        money("usdt_amount"),
        seconds("created_at"),
        hash("transaction_hash"),
    ];
    const CSV: &'static [&'static str] =
        &["lot_id", "transaction_hash", "usdt_amount", "created_at", "status"];
}

impl Listing for ScanSettlements {
    const NAME: &'static str = "settlements";
    const ROW: &'static str = "settlement";
    const TABLE: &'static [Column] = &[
        number("settlement_id"),
        text("status"),
        money_in("amount", "currency"),
        seconds("settled_at"),
        text("provider_settlement_id"),
        hash("address_to"),
    ];
    const CSV: &'static [&'static str] = &[
        "settlement_id",
        "settlement_provider_name",
        "provider_settlement_id",
        "external_settlement_id",
        "amount",
        "currency",
        "address_to",
        "address_from",
        "settlement_message",
        "settled_at",
        "created_at",
        "status",
    ];
}

impl Listing for ScanTransactions {
    const NAME: &'static str = "transactions";
    const ROW: &'static str = "charge";
    const TABLE: &'static [Column] = &[
        number("settlement_id"),
        text("external_id"),
        hash("kamipay_id"),
        money_in("charged_amount", "charged_currency"),
        money_in("settlement_amount", "settlement_currency"),
        seconds("created_at"),
    ];
    const CSV: &'static [&'static str] = &[
        "settlement_id",
        "kamipay_request_id",
        "kamipay_id",
        "external_id",
        "charged_amount",
        "charged_currency",
        "settlement_amount",
        "settlement_currency",
        "charged_timestamp",
        "created_at",
        "settlement_provider_name",
        "settled_at",
        "provider_settlement_id",
        "external_settlement_id",
    ];
}

impl Listing for ScanPendingCharges {
    const NAME: &'static str = "pending-charges";
    const ROW: &'static str = "pending charge";
    const TABLE: &'static [Column] = &[
        text("external_id"),
        hash("kamipay_id"),
        money_in("charged_amount", "charged_currency"),
        money_in("settlement_amount", "settlement_currency"),
        seconds("charged_timestamp"),
    ];
    const CSV: &'static [&'static str] = &[
        "kamipay_request_id",
        "kamipay_id",
        "external_id",
        "charged_amount",
        "charged_currency",
        "settlement_amount",
        "settlement_currency",
        "charged_timestamp",
    ];
}

impl Listing for ScanConfirmedCharges {
    const NAME: &'static str = "confirmed-charges";
    const ROW: &'static str = "charge";
    const HAS_PAGES: bool = false;
    const TABLE: &'static [Column] = &[
        number("store_id"),
        number("checkout_id"),
        text("operation_id"),
        money("brl_requested"),
        money("usdt_credited"),
        seconds("credit_datetime"),
        text("external_data"),
    ];
    const CSV: &'static [&'static str] = &[
        "store_id",
        "checkout_id",
        "operation_id",
        "tx_hash",
        "brl_requested",
        "usdt_credited",
        "external_data",
        "request_datetime",
        "credit_datetime",
    ];
}
