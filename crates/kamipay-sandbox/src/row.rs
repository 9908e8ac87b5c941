//! Rows given one by one.

use chrono::{DateTime, Utc};
use rust_decimal::{Decimal, prelude::ToPrimitive};

use crate::{
    forms::{self, Charge, ConfirmedCharge, Settled},
    json::{Object, array, epoch_millis, exact, member, text, timestamp, with_member},
    list::{Filter, List, from_micros, micros},
    payments::Payment,
};

/// A row of a list, for [`Sandbox::from_rows`](crate::Sandbox::from_rows).
///
/// A field that the constructor does not take has the same valid value in every row.
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
    /// As the call for one lot or one settlement shows it, if not only made from the row.
    pub(crate) detail: Option<String>,
    /// The payments of a lot.
    pub(crate) payments: Vec<Payment>,
    pub(crate) shown: Shown,
    /// The part of a total.
    pub(crate) amount: Decimal,
    pub(crate) settlement_id: i64,
    pub(crate) checkout_id: i64,
    pub(crate) store_id: i64,
}

/// Which periods of its list contain a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    ByTime,
    Always,
    /// A settlement in flight.
    Never,
}

/// The checkout of a row that does not name one.
pub(crate) const CHECKOUT: i64 = 42;

impl Row {
    /// A mined lot with its amount in USDT. It has no payouts, see [`Row::with_payouts`].
    pub fn lot(lot_id: impl Into<String>, created_at: DateTime<Utc>, amount: Decimal) -> Self {
        let id = lot_id.into();
        let json = forms::lot(&id, None, amount, Some(created_at), "MINED");
        Self::new(List::Lots, id, created_at, amount, json)
    }

    /// A settlement that is done, with its amount in ARS. Its charges are the transactions with
    /// its number.
    pub fn settlement(settlement_id: i64, settled_at: DateTime<Utc>, amount: Decimal) -> Self {
        const ADDRESSES: [&str; 2] = [
            "0x7a3F9b2C1e8D5462bA9c7F3e6D85907df41A2c3B",
            "0x4f2D9aB16C3eD7849bA5d3E2F8C19075aE63C9B1",
        ];
        let settled = Settled { settlement_id, settled_at: Some(settled_at), ..Settled::default() };
        let status = Some("DONE");
        let json = forms::settlement(&settled, amount, ADDRESSES, None, settled_at, status);
        let row = Self::new(List::Settlements, settlement_id.to_string(), settled_at, amount, json);
        Self { settlement_id, ..row }
    }

    /// A charge of a settlement, with its amount in ARS.
    pub fn transaction(
        settlement_id: i64,
        kamipay_request_id: impl Into<String>,
        created_at: DateTime<Utc>,
        amount: Decimal,
    ) -> Self {
        let id = kamipay_request_id.into();
        let settled = Settled { settlement_id, ..Settled::default() };
        let json = charge(&id, created_at, amount).transaction(&settled, created_at);
        Self { settlement_id, ..Self::new(List::Transactions, id, created_at, amount, json) }
    }

    /// A charge that waits for a settlement, with its amount in ARS.
    pub fn pending_charge(
        kamipay_request_id: impl Into<String>,
        charged_timestamp: DateTime<Utc>,
        amount: Decimal,
    ) -> Self {
        let id = kamipay_request_id.into();
        let json = charge(&id, charged_timestamp, amount).pending();
        Self::new(List::PendingCharges, id, charged_timestamp, amount, json)
    }

    /// A charge that was credited, with its amount in USDT. Its time is cut to milliseconds, as
    /// the list shows it.
    pub fn confirmed_charge(
        operation_id: impl Into<String>,
        credit_datetime: DateTime<Utc>,
        amount: Decimal,
    ) -> Self {
        let id = operation_id.into();
        let charge = ConfirmedCharge {
            store_id: 1,
            checkout_id: CHECKOUT,
            operation_id: &id,
            tx_hash: &id,
            requested: Decimal::from(25),
            credited: amount,
            external_data: "",
            requested_at: credit_datetime,
            credited_at: credit_datetime,
        };
        let json = charge.row();
        Self::new(List::ConfirmedCharges, id, credit_datetime, amount, json)
    }

    fn new(list: List, id: String, at: DateTime<Utc>, amount: Decimal, json: Object) -> Self {
        Self {
            list,
            id,
            time: list_micros(list, at),
            json: json.end(),
            detail: None,
            payments: Vec::new(),
            shown: Shown::ByTime,
            amount,
            settlement_id: 0,
            checkout_id: CHECKOUT,
            store_id: 1,
        }
    }

    /// A row with everything as its JSON says.
    pub(crate) fn read(list: List, json: String) -> Self {
        let value = |name: &str| member(&json, name).map(|value| value.trim_matches('"'));
        let number = |name: &str| value(name).and_then(|value| value.parse().ok());
        Self {
            id: value(list.id_field()).unwrap_or_default().to_owned(),
            time: value(list.time_field()).and_then(time_from).unwrap_or_default(),
            amount: value("settlement_amount").and_then(exact).unwrap_or_default(),
            detail: None,
            payments: Vec::new(),
            shown: Shown::ByTime,
            settlement_id: number("settlement_id").unwrap_or_default(),
            checkout_id: number("checkout_id").unwrap_or(CHECKOUT),
            store_id: number("store_id").unwrap_or(1),
            list,
            json,
        }
    }

    /// The payouts of a lot, in place of those that it has. The status call knows each of them.
    /// The amount of the lot stays, whether they add up to it or not.
    #[must_use]
    pub fn with_payouts(self, payouts: impl IntoIterator<Item = Payment>) -> Self {
        let payments: Vec<_> = payouts.into_iter().collect();
        let row = |payment: &Payment| {
            let id = ("kamipay_id", payment.kamipay_id());
            forms::part_of_lot(id, payment.amount_usdt, self.at()).end()
        };
        let payouts = array(&payments.iter().map(row).collect::<Vec<_>>());
        Self { payments, ..self }.with_part("payouts", &payouts)
    }

    /// The refunds of a lot, in place of those that it has: the `kamipay_refund_id` and the amount
    /// in USDT of each.
    #[must_use]
    pub fn with_refunds<'a>(self, refunds: impl IntoIterator<Item = (&'a str, Decimal)>) -> Self {
        let row =
            |(id, amount)| forms::part_of_lot(("kamipay_refund_id", id), amount, self.at()).end();
        let refunds = array(&refunds.into_iter().map(row).collect::<Vec<_>>());
        self.with_part("refunds", &refunds)
    }

    /// Replaces an array that only the call for one row shows.
    pub(crate) fn with_part(mut self, name: &str, json: &str) -> Self {
        self.detail = Some(with_member(self.detail.as_ref().unwrap_or(&self.json), name, json));
        self
    }

    /// The checkout of a pending or a confirmed charge. Default: 42.
    #[must_use]
    pub fn with_checkout(mut self, checkout_id: i64) -> Self {
        self.checkout_id = checkout_id;
        if self.list == List::ConfirmedCharges {
            return self.with_field("checkout_id", &format!(r#""{checkout_id}""#));
        }
        self
    }

    /// The store of a confirmed charge. Default: 1.
    #[must_use]
    pub fn with_store(mut self, store_id: i64) -> Self {
        self.store_id = store_id;
        if self.list == List::ConfirmedCharges {
            return self.with_field("store_id", &format!(r#""{store_id}""#));
        }
        self
    }

    /// Replaces a field with a value in JSON, or adds the field. The list finds, filters and sorts
    /// the row as before: so a lot can show `null` as its `created_at`.
    #[must_use]
    pub fn with_field(mut self, name: &str, json: &str) -> Self {
        self.json = with_member(&self.json, name, json);
        self.detail = self.detail.map(|detail| with_member(&detail, name, json));
        self
    }

    /// A transaction as the call for its settlement shows it.
    pub(crate) fn charge(&self) -> String {
        let fields = [
            "kamipay_id",
            "external_id",
            "kamipay_request_id",
            "charged_amount",
            "charged_currency",
            "settlement_amount",
            "settlement_currency",
        ];
        let values = fields.map(|name| (name, member(&self.json, name)));
        let values = values.into_iter().filter_map(|(name, value)| Some((name, value?)));
        values.fold(Object::new(), |charge, (name, value)| charge.raw(name, value)).end()
    }

    /// The time by which its list is filtered and sorted.
    pub(crate) fn at(&self) -> DateTime<Utc> {
        from_micros(self.time)
    }

    /// Whether the call for one row finds it by this: its identifier, or the hash of a lot.
    pub(crate) fn is_found_by(&self, id: &str) -> bool {
        let is_hash = || {
            let hash = member(&self.json, "transaction_hash").unwrap_or_default();
            hash.trim_matches('"').eq_ignore_ascii_case(id)
        };
        self.id == id
            || self.list == List::Lots && id.starts_with("0x") | id.starts_with("0X") && is_hash()
    }

    /// Whether a filter selects it.
    pub(crate) fn matches(&self, filter: &Filter) -> bool {
        match filter {
            Filter::All => true,
            Filter::Settlement(id) => self.settlement_id == *id,
            Filter::Pool { checkout_id, .. } => self.checkout_id == *checkout_id,
            Filter::Places { stores, checkouts } => {
                stores.as_ref().is_none_or(|some| some.contains(&self.store_id))
                    && checkouts.as_ref().is_none_or(|some| some.contains(&self.checkout_id))
            }
        }
    }

    /// The same row at another time.
    pub(crate) fn moved_to(self, time: i64) -> Self {
        let (list, at) = (self.list, from_micros(time));
        Self {
            time: list_micros(list, at),
            json: with_time(list, &self.json, at),
            detail: self.detail.map(|detail| with_time(list, &detail, at)),
            shown: Shown::ByTime,
            ..self
        }
    }
}

/// A charge to which nothing happened yet.
fn charge(id: &str, at: DateTime<Utc>, amount: Decimal) -> Charge<'_> {
    Charge {
        kamipay_request_id: id,
        kamipay_id: id,
        external_id: None,
        charged_amount: Decimal::new(528, 2),
        settlement_amount: Some(amount),
        charged_timestamp: at,
    }
}

/// The time by which a list sorts a row: confirmed charges only have milliseconds.
fn list_micros(list: List, at: DateTime<Utc>) -> i64 {
    match list {
        List::ConfirmedCharges => micros(at).div_euclid(1000) * 1000,
        _ => micros(at),
    }
}

/// A row's JSON with another time, unless it shows `null` as its time.
fn with_time(list: List, json: &str, at: DateTime<Utc>) -> String {
    let field = list.time_field();
    match member(json, field) {
        None | Some("null") => json.to_owned(),
        Some(_) if list == List::ConfirmedCharges => {
            with_member(json, field, &text(&epoch_millis(at)))
        }
        Some(_) => with_member(json, field, &text(&timestamp(at))),
    }
}

/// A timestamp, or seconds since 1970 with a fraction, in microseconds.
pub(crate) fn time_from(text: &str) -> Option<i64> {
    let seconds = || exact(text)?.checked_mul(Decimal::from(1_000_000))?.to_i64();
    DateTime::parse_from_rfc3339(text)
        .map_or_else(|_| seconds(), |time| Some(time.timestamp_micros()))
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
            assert_eq!(row.list, *list);
            let _: serde_json::Value = serde_json::from_str(&row.json).unwrap();
            assert!(member(&row.json, list.time_field()).is_some());
        }
        assert_eq!(rows[4].at(), from_micros(1_777_593_600_123_000));
        assert_eq!((rows[3].checkout_id, rows[4].checkout_id, rows[4].store_id), (43, 9, 3));
    }

    #[test]
    fn a_move_changes_the_json() {
        let at = from_micros(0);
        let row = Row::lot("a", at, Decimal::ONE).moved_to(1_000_000);
        assert!(row.json.contains(r#""created_at":"1970-01-01T00:00:01Z","status""#), "{row:?}");
        let row = Row::confirmed_charge("a", at, Decimal::ONE).moved_to(2_500_700);
        assert!(row.json.ends_with(r#""credit_datetime":"2.500"}"#), "{row:?}");
        let hidden = Row::lot("a", at, Decimal::ONE).with_field("created_at", "null");
        assert!(hidden.moved_to(1).json.contains(r#""created_at":null"#));
    }
}
