use kamipay_ureq::proto::confirmed_charges::{ConfirmedCharge, ScanConfirmedCharges};
use kamipay_ureq::proto::lots::{Lot, ScanLots};
use kamipay_ureq::proto::scan::{ScanRow, Scannable};
use kamipay_ureq::proto::settlements::{
    PendingCharge, ScanPendingCharges, ScanSettlements, ScanTransactions, Settlement, Transaction,
};
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::table::{Column, hash, identifier, money, money_in, number, seconds, state, text};

/// An amount of a row, and its currency. Either may be absent.
pub(crate) type Amount<'a> = (Option<Decimal>, Option<&'a str>);

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
    /// All fields, in the order of the JSON.
    const FIELDS: &'static [Column];
    /// Their names: the columns of CSV.
    const CSV: &'static [&'static str];
    /// The columns of a table: those that a person looks for.
    const TABLE: &'static [&'static str];
    /// The columns that a narrow table leaves out first, in this order. After them, the last ones.
    const LEAST: &'static [&'static str] = &[];
    /// The fields with amounts, which are added up.
    const AMOUNTS: &'static [&'static str];

    /// The amounts of a row, in the order of [`AMOUNTS`](Self::AMOUNTS).
    fn amounts(row: &Self::Row) -> Vec<Amount<'_>>;

    /// The state of a row, where rows have one.
    fn status(_: &Self::Row) -> Option<Option<&str>> {
        None
    }
}

const fn names<const N: usize>(fields: &[Column]) -> [&'static str; N] {
    let (mut names, mut n) = ([""; N], 0);
    while n < N {
        names[n] = fields[n].name();
        n += 1;
    }
    names
}

impl Listing for ScanLots {
    const NAME: &'static str = "lots";
    const ROW: &'static str = "lot";
    const FIELDS: &'static [Column] = &[
        identifier("lot_id"),
        hash("transaction_hash"),
        money("usdt_amount"),
        seconds("created_at"),
        state("status"),
    ];
    const CSV: &'static [&'static str] = &names::<{ Self::FIELDS.len() }>(Self::FIELDS);
    const TABLE: &'static [&'static str] =
        &["lot_id", "status", "usdt_amount", "created_at", "transaction_hash"];
    const AMOUNTS: &'static [&'static str] = &["usdt_amount"];

    fn amounts(row: &Lot) -> Vec<Amount<'_>> {
        vec![(Some(row.usdt_amount), Some("USDT"))]
    }

    fn status(row: &Lot) -> Option<Option<&str>> {
        Some(Some(row.status.as_str()))
    }
}

impl Listing for ScanSettlements {
    const NAME: &'static str = "settlements";
    const ROW: &'static str = "settlement";
    const FIELDS: &'static [Column] = &[
        number("settlement_id"),
        text("settlement_provider_name"),
        identifier("provider_settlement_id"),
        identifier("external_settlement_id"),
        money_in("amount", "currency"),
        text("currency"),
        hash("address_to"),
        hash("address_from"),
        text("settlement_message"),
        seconds("settled_at"),
        seconds("created_at"),
        state("status"),
    ];
    const CSV: &'static [&'static str] = &names::<{ Self::FIELDS.len() }>(Self::FIELDS);
    const TABLE: &'static [&'static str] = &[
        "settlement_id",
        "status",
        "amount",
        "settled_at",
        "provider_settlement_id",
        "address_to",
    ];
    const AMOUNTS: &'static [&'static str] = &["amount"];

    fn amounts(row: &Settlement) -> Vec<Amount<'_>> {
        vec![(Some(row.amount), Some(row.currency.as_str()))]
    }

    fn status(row: &Settlement) -> Option<Option<&str>> {
        Some(row.status.as_ref().map(|status| status.as_str()))
    }
}

impl Listing for ScanTransactions {
    const NAME: &'static str = "transactions";
    const ROW: &'static str = "charge";
    const FIELDS: &'static [Column] = &[
        number("settlement_id"),
        identifier("kamipay_request_id"),
        identifier("kamipay_id"),
        identifier("external_id"),
        money_in("charged_amount", "charged_currency"),
        text("charged_currency"),
        money_in("settlement_amount", "settlement_currency"),
        text("settlement_currency"),
        seconds("charged_timestamp"),
        seconds("created_at"),
        text("settlement_provider_name"),
        seconds("settled_at"),
        identifier("provider_settlement_id"),
        identifier("external_settlement_id"),
    ];
    const CSV: &'static [&'static str] = &names::<{ Self::FIELDS.len() }>(Self::FIELDS);
    const TABLE: &'static [&'static str] = &[
        "settlement_id",
        "external_id",
        "kamipay_id",
        "charged_amount",
        "settlement_amount",
        "created_at",
    ];
    const LEAST: &'static [&'static str] = &["kamipay_id", "charged_amount", "settlement_id"];
    const AMOUNTS: &'static [&'static str] = &["charged_amount", "settlement_amount"];

    fn amounts(row: &Transaction) -> Vec<Amount<'_>> {
        vec![
            (Some(row.charged_amount), Some(row.charged_currency.as_str())),
            (row.settlement_amount, row.settlement_currency.as_ref().map(|it| it.as_str())),
        ]
    }
}

impl Listing for ScanPendingCharges {
    const NAME: &'static str = "pending-charges";
    const ROW: &'static str = "pending charge";
    const FIELDS: &'static [Column] = &[
        identifier("kamipay_request_id"),
        identifier("kamipay_id"),
        identifier("external_id"),
        money_in("charged_amount", "charged_currency"),
        text("charged_currency"),
        money_in("settlement_amount", "settlement_currency"),
        text("settlement_currency"),
        seconds("charged_timestamp"),
    ];
    const CSV: &'static [&'static str] = &names::<{ Self::FIELDS.len() }>(Self::FIELDS);
    const TABLE: &'static [&'static str] =
        &["external_id", "kamipay_id", "charged_amount", "settlement_amount", "charged_timestamp"];
    const LEAST: &'static [&'static str] = &["kamipay_id", "charged_amount"];
    const AMOUNTS: &'static [&'static str] = &["charged_amount", "settlement_amount"];

    fn amounts(row: &PendingCharge) -> Vec<Amount<'_>> {
        vec![
            (Some(row.charged_amount), Some(row.charged_currency.as_str())),
            (Some(row.settlement_amount), Some(row.settlement_currency.as_str())),
        ]
    }
}

impl Listing for ScanConfirmedCharges {
    const NAME: &'static str = "confirmed-charges";
    const ROW: &'static str = "charge";
    const HAS_PAGES: bool = false;
    const FIELDS: &'static [Column] = &[
        number("store_id"),
        number("checkout_id"),
        identifier("operation_id"),
        hash("tx_hash"),
        money("brl_requested"),
        money("usdt_credited"),
        text("external_data"),
        seconds("request_datetime"),
        seconds("credit_datetime"),
    ];
    const CSV: &'static [&'static str] = &names::<{ Self::FIELDS.len() }>(Self::FIELDS);
    const TABLE: &'static [&'static str] = &[
        "store_id",
        "checkout_id",
        "operation_id",
        "brl_requested",
        "usdt_credited",
        "credit_datetime",
        "external_data",
    ];
    const LEAST: &'static [&'static str] = &["external_data", "store_id", "checkout_id"];
    const AMOUNTS: &'static [&'static str] = &["brl_requested", "usdt_credited"];

    fn amounts(row: &ConfirmedCharge) -> Vec<Amount<'_>> {
        vec![(Some(row.brl_requested), Some("BRL")), (Some(row.usdt_credited), Some("USDT"))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<S: Listing>() {
        let fields = S::CSV;
        let names = S::TABLE.iter().chain(S::AMOUNTS);
        for name in names {
            assert!(fields.contains(name), "{name} of {}", S::NAME);
        }
        assert!(S::LEAST.iter().all(|name| S::TABLE.contains(name)), "{}", S::NAME);
    }

    #[test]
    fn columns_are_fields() {
        check::<ScanLots>();
        check::<ScanSettlements>();
        check::<ScanTransactions>();
        check::<ScanPendingCharges>();
        check::<ScanConfirmedCharges>();
    }
}
