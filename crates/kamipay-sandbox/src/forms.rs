//! The rows of the API as it writes them: which fields, in which order, spelled in which way.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::json::{Object, epoch_millis, float, timestamp, usdt, with_places};

/// A row of `GET /v1/lots`.
pub(crate) fn lot(
    lot_id: &str,
    transaction_hash: Option<&str>,
    usdt_amount: Decimal,
    created_at: Option<DateTime<Utc>>,
    status: &str,
) -> Object {
    Object::new()
        .text("lot_id", lot_id)
        .maybe_text("transaction_hash", transaction_hash)
        .text("usdt_amount", &usdt(usdt_amount))
        .maybe_time("created_at", created_at)
        .text("status", status)
}

/// A payout or a refund of a lot.
pub(crate) fn part_of_lot(id: (&str, &str), amount: Decimal, created_at: DateTime<Utc>) -> Object {
    Object::new()
        .text(id.0, id.1)
        .text("amount", &usdt(amount))
        .text("created_at", &timestamp(created_at))
}

/// What a settlement and its transactions have in common.
#[derive(Default)]
pub(crate) struct Settled {
    pub(crate) settlement_id: i64,
    pub(crate) settled_at: Option<DateTime<Utc>>,
    pub(crate) provider_id: Option<String>,
    pub(crate) external_id: Option<String>,
}

/// A row of `GET /v1/settlements`.
pub(crate) fn settlement(
    settled: &Settled,
    amount: Decimal,
    addresses: [&str; 2],
    message: Option<&str>,
    created_at: DateTime<Utc>,
    status: Option<&str>,
) -> Object {
    Object::new()
        .raw("settlement_id", settled.settlement_id)
        .text("settlement_provider_name", PROVIDER)
        .maybe_text("provider_settlement_id", settled.provider_id.as_deref())
        .maybe_text("external_settlement_id", settled.external_id.as_deref())
        .raw("amount", float(amount))
        .text("currency", "ARS")
        .text("address_to", addresses[0])
        .text("address_from", addresses[1])
        .maybe_text("settlement_message", message)
        .maybe_time("settled_at", settled.settled_at)
        .text("created_at", &timestamp(created_at))
        .maybe_text("status", status)
}

const PROVIDER: &str = "provider_x";

/// A charge, settled or pending.
pub(crate) struct Charge<'a> {
    pub(crate) kamipay_request_id: &'a str,
    pub(crate) kamipay_id: &'a str,
    pub(crate) external_id: Option<&'a str>,
    /// In BRL.
    pub(crate) charged_amount: Decimal,
    /// In ARS.
    pub(crate) settlement_amount: Option<Decimal>,
    pub(crate) charged_timestamp: DateTime<Utc>,
}

impl Charge<'_> {
    /// A row of `GET /v1/settlements/transactions`.
    pub(crate) fn transaction(&self, settled: &Settled, created_at: DateTime<Utc>) -> Object {
        let row = Object::new().raw("settlement_id", settled.settlement_id);
        self.with_timestamp(self.with_identifiers(row))
            .text("created_at", &timestamp(created_at))
            .text("settlement_provider_name", PROVIDER)
            .maybe_time("settled_at", settled.settled_at)
            .maybe_text("provider_settlement_id", settled.provider_id.as_deref())
            .maybe_text("external_settlement_id", settled.external_id.as_deref())
    }

    /// A row of `GET /v1/settlements/pending-charges`.
    pub(crate) fn pending(&self) -> Object {
        self.with_timestamp(self.with_identifiers(Object::new()))
    }

    /// A charge of `GET /v1/settlements/{settlement_id}`.
    pub(crate) fn of_settlement(&self) -> Object {
        let row = Object::new()
            .text("kamipay_id", self.kamipay_id)
            .maybe_text("external_id", self.external_id)
            .text("kamipay_request_id", self.kamipay_request_id);
        self.with_amounts(row)
    }

    fn with_identifiers(&self, row: Object) -> Object {
        row.text("kamipay_request_id", self.kamipay_request_id)
            .text("kamipay_id", self.kamipay_id)
            .maybe_text("external_id", self.external_id)
    }

    fn with_timestamp(&self, row: Object) -> Object {
        self.with_amounts(row).text("charged_timestamp", &timestamp(self.charged_timestamp))
    }

    fn with_amounts(&self, row: Object) -> Object {
        row.raw("charged_amount", float(self.charged_amount))
            .text("charged_currency", "BRL")
            .maybe_float("settlement_amount", self.settlement_amount)
            .maybe_text("settlement_currency", self.settlement_amount.map(|_| "ARS"))
    }
}

/// A row of `GET /v2/status/tx_status_lot`.
pub(crate) struct ConfirmedCharge<'a> {
    pub(crate) store_id: i64,
    pub(crate) checkout_id: i64,
    pub(crate) operation_id: &'a str,
    pub(crate) tx_hash: &'a str,
    /// In BRL.
    pub(crate) requested: Decimal,
    /// In USDT.
    pub(crate) credited: Decimal,
    pub(crate) external_data: &'a str,
    pub(crate) requested_at: DateTime<Utc>,
    pub(crate) credited_at: DateTime<Utc>,
}

impl ConfirmedCharge<'_> {
    pub(crate) fn row(&self) -> Object {
        Object::new()
            .text("store_id", &self.store_id.to_string())
            .text("checkout_id", &self.checkout_id.to_string())
            .text("operation_id", self.operation_id)
            .text("tx_hash", self.tx_hash)
            .text("brl_requested", &with_places(self.requested, 2))
            .text("usdt_credited", &with_places(self.credited, 5))
            .text("external_data", self.external_data)
            .text("request_datetime", &epoch_millis(self.requested_at))
            .text("credit_datetime", &epoch_millis(self.credited_at))
    }
}
