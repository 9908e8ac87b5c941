//! Rows given one by one, and the lists that they are in.

use std::fmt;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{
    documented,
    json::{epoch_millis, float, text, timestamp, usdt, with_member},
    listing::{from_micros, micros},
};

/// One of the API's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum List {
    /// `GET /v1/lots`, by `created_at`. A row is known by its `lot_id`.
    Lots,
    /// `GET /v1/settlements`, by `settled_at`. A row is known by its `settlement_id`.
    Settlements,
    /// `GET /v1/settlements/transactions`, by `created_at`. A row is known by its
    /// `kamipay_request_id`.
    Transactions,
    /// `GET /v1/settlements/pending-charges`, by `charged_timestamp`. A row is known by its
    /// `kamipay_request_id`.
    PendingCharges,
    /// `GET /v2/status/tx_status_lot`, by `credit_datetime`. A row is known by its `operation_id`.
    ConfirmedCharges,
}

impl List {
    /// All lists.
    pub const ALL: &'static [Self] = &[
        Self::Lots,
        Self::Settlements,
        Self::Transactions,
        Self::PendingCharges,
        Self::ConfirmedCharges,
    ];

    /// The list's name, such as `pending-charges`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lots => "lots",
            Self::Settlements => "settlements",
            Self::Transactions => "transactions",
            Self::PendingCharges => "pending-charges",
            Self::ConfirmedCharges => "confirmed-charges",
        }
    }

    /// The field with the time by which the list is filtered and sorted.
    pub(crate) fn time_field(self) -> &'static str {
        match self {
            Self::Lots | Self::Transactions => "created_at",
            Self::Settlements => "settled_at",
            Self::PendingCharges => "charged_timestamp",
            Self::ConfirmedCharges => "credit_datetime",
        }
    }

    /// Confirmed charges come all at once; the other lists have pages.
    pub(crate) fn has_pages(self) -> bool {
        self != Self::ConfirmedCharges
    }

    pub(crate) fn place(self) -> usize {
        self as usize
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A row of a list, for a [`Sandbox`](crate::Sandbox) whose rows are given one by one.
///
/// What the constructors do not ask for is the same in every row, and valid.
///
/// ```
/// use kamipay_sandbox::{Row, Sandbox};
///
/// let at = "2026-05-01T00:00:00Z".parse()?;
/// let later = "2026-05-02T00:00:00Z".parse()?;
/// let mut sandbox = Sandbox::from_rows([
///     Row::lot("lot-1", at, 10.into()),
///     Row::lot("lot-2", later, 20.into()).with_field("status", r#""FAILED""#),
/// ]);
/// sandbox.insert(Row::lot("lot-3", at, 30.into()));
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub(crate) list: List,
    pub(crate) id: String,
    /// In microseconds since 1970.
    pub(crate) time: i64,
    pub(crate) json: String,
    /// What the totals of a list sum up.
    pub(crate) amount: Decimal,
    pub(crate) settlement_id: i64,
    pub(crate) checkout_id: i64,
    pub(crate) store_id: i64,
}

impl Row {
    /// A lot that was mined, with its amount in USDT. It has no payouts.
    pub fn lot(lot_id: impl Into<String>, created_at: DateTime<Utc>, amount: Decimal) -> Self {
        let id = lot_id.into();
        let json = format!(
            r#"{{"lot_id":{},"transaction_hash":null,"usdt_amount":"{}","created_at":"{}","status":"MINED"}}"#,
            text(&id),
            usdt(amount),
            timestamp(created_at),
        );
        Self::new(List::Lots, id, created_at, amount, json)
    }

    /// A settlement that is done, with its amount in ARS. Its charges are the transactions with
    /// its number.
    pub fn settlement(settlement_id: i64, settled_at: DateTime<Utc>, amount: Decimal) -> Self {
        let settled = timestamp(settled_at);
        let json = format!(
            r#"{{"settlement_id":{settlement_id},"settlement_provider_name":"provider_x","provider_settlement_id":null,"external_settlement_id":null,"amount":{},"currency":"ARS","address_to":"0x7a3F9b2C1e8D5462bA9c7F3e6D85907df41A2c3B","address_from":"0x4f2D9aB16C3eD7849bA5d3E2F8C19075aE63C9B1","settlement_message":null,"settled_at":"{settled}","created_at":"{settled}","status":"DONE"}}"#,
            float(amount),
        );
        let id = settlement_id.to_string();
        let row = Self::new(List::Settlements, id, settled_at, amount, json);
        Self { settlement_id, ..row }
    }

    /// A charge that belongs to a settlement, with its amount in ARS.
    pub fn transaction(
        settlement_id: i64,
        kamipay_request_id: impl Into<String>,
        created_at: DateTime<Utc>,
        amount: Decimal,
    ) -> Self {
        let id = kamipay_request_id.into();
        let (quoted, created) = (text(&id), timestamp(created_at));
        let json = format!(
            r#"{{"settlement_id":{settlement_id},"kamipay_request_id":{quoted},"kamipay_id":{quoted},"external_id":null,"charged_amount":5.28,"charged_currency":"BRL","settlement_amount":{},"settlement_currency":"ARS","charged_timestamp":"{created}","created_at":"{created}","settlement_provider_name":"provider_x","settled_at":null,"provider_settlement_id":null,"external_settlement_id":null}}"#,
            float(amount),
        );
        let row = Self::new(List::Transactions, id, created_at, amount, json);
        Self { settlement_id, ..row }
    }

    /// A charge that waits for a settlement, with its amount in ARS.
    pub fn pending_charge(
        kamipay_request_id: impl Into<String>,
        charged_timestamp: DateTime<Utc>,
        amount: Decimal,
    ) -> Self {
        let id = kamipay_request_id.into();
        let quoted = text(&id);
        let json = format!(
            r#"{{"kamipay_request_id":{quoted},"kamipay_id":{quoted},"external_id":null,"charged_amount":5.28,"charged_currency":"BRL","settlement_amount":{},"settlement_currency":"ARS","charged_timestamp":"{}"}}"#,
            float(amount),
            timestamp(charged_timestamp),
        );
        Self::new(List::PendingCharges, id, charged_timestamp, amount, json)
    }

    /// A charge that was credited, with its amount in USDT. The list tells its time to the
    /// millisecond, and what is finer is cut off.
    pub fn confirmed_charge(
        operation_id: impl Into<String>,
        credit_datetime: DateTime<Utc>,
        amount: Decimal,
    ) -> Self {
        let id = operation_id.into();
        let (quoted, credited) = (text(&id), epoch_millis(credit_datetime));
        let json = format!(
            r#"{{"store_id":"1","checkout_id":"{}","operation_id":{quoted},"tx_hash":{quoted},"brl_requested":"25.00","usdt_credited":"{amount:.5}","external_data":"","request_datetime":"{credited}","credit_datetime":"{credited}"}}"#,
            documented::CHECKOUT,
        );
        Self::new(List::ConfirmedCharges, id, credit_datetime, amount, json)
    }

    fn new(list: List, id: String, at: DateTime<Utc>, amount: Decimal, json: String) -> Self {
        Self {
            list,
            id,
            time: list_micros(list, at),
            json,
            amount,
            settlement_id: 0,
            checkout_id: documented::CHECKOUT,
            store_id: 1,
        }
    }

    /// The checkout that it belongs to: 42 by default. For pending and confirmed charges.
    #[must_use]
    pub fn with_checkout(mut self, checkout_id: i64) -> Self {
        self.checkout_id = checkout_id;
        if self.list == List::ConfirmedCharges {
            return self.with_field("checkout_id", &format!(r#""{checkout_id}""#));
        }
        self
    }

    /// The store that it belongs to: 1 by default. For confirmed charges.
    #[must_use]
    pub fn with_store(mut self, store_id: i64) -> Self {
        self.store_id = store_id;
        if self.list == List::ConfirmedCharges {
            return self.with_field("store_id", &format!(r#""{store_id}""#));
        }
        self
    }

    /// Shows a field with another value, given as JSON, or shows one more field. By what the row
    /// is found, filtered and sorted stays as it was: so a lot can show `null` for `created_at`.
    #[must_use]
    pub fn with_field(mut self, name: &str, json: &str) -> Self {
        self.json = with_member(&self.json, name, json);
        self
    }

    /// The list that it is in.
    pub fn list(&self) -> List {
        self.list
    }

    /// What it is known by in its list, see [`List`].
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The time by which its list is filtered and sorted, in UTC.
    pub fn at(&self) -> DateTime<Utc> {
        from_micros(self.time)
    }

    /// The same row at another time.
    pub(crate) fn moved_to(mut self, time: i64) -> Self {
        let at = from_micros(time);
        self.time = list_micros(self.list, at);
        self.json = with_time(self.list, &self.json, at);
        self
    }
}

/// The time by which a list knows a row: confirmed charges have no more than milliseconds.
fn list_micros(list: List, at: DateTime<Utc>) -> i64 {
    match list {
        List::ConfirmedCharges => micros(at).div_euclid(1000) * 1000,
        _ => micros(at),
    }
}

/// A row's JSON with another time, unless it shows `null` for it.
pub(crate) fn with_time(list: List, json: &str, at: DateTime<Utc>) -> String {
    let field = list.time_field();
    match crate::json::member(json, field) {
        None | Some("null") => json.to_owned(),
        Some(_) if list == List::ConfirmedCharges => {
            with_member(json, field, &text(&epoch_millis(at)))
        }
        Some(_) => with_member(json, field, &text(&timestamp(at))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_spelled_as_the_pages_spell_theirs() {
        let at = from_micros(1_777_593_600_123_456);
        let rows = [
            Row::lot("a \"lot\"", at, Decimal::ZERO),
            Row::settlement(7, at, Decimal::new(1_234_567, 2)),
            Row::transaction(7, "ptxr_1", at, Decimal::new(1, 5)),
            Row::pending_charge("ptxr_2", at, Decimal::from(29_750)).with_checkout(43),
            Row::confirmed_charge("17", at, Decimal::from(5)).with_store(3).with_checkout(9),
        ];
        let json: Vec<_> = rows.iter().map(|row| row.json.as_str()).collect();
        insta::assert_snapshot!(json.join("\n"));
        for (row, list) in rows.iter().zip(List::ALL) {
            assert_eq!(row.list(), *list);
            let _: serde_json::Value = serde_json::from_str(&row.json).unwrap();
            assert!(crate::json::member(&row.json, list.time_field()).is_some());
        }
        assert_eq!(rows[4].at(), from_micros(1_777_593_600_123_000));
        assert_eq!((rows[3].checkout_id, rows[4].checkout_id, rows[4].store_id), (43, 9, 3));
    }

    #[test]
    fn a_row_moves_in_its_json_too() {
        let at = from_micros(0);
        let row = Row::lot("a", at, Decimal::ONE).moved_to(1_000_000);
        assert!(row.json.contains(r#""created_at":"1970-01-01T00:00:01Z","status""#), "{row:?}");
        let row = Row::confirmed_charge("a", at, Decimal::ONE).moved_to(2_500_700);
        assert!(row.json.ends_with(r#""credit_datetime":"2.500"}"#), "{row:?}");
        let hidden = Row::lot("a", at, Decimal::ONE).with_field("created_at", "null");
        assert!(hidden.moved_to(1).json.contains(r#""created_at":null"#));
    }
}
