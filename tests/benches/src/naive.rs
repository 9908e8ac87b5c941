//! The anchor: what one writes in ten minutes. `reqwest/` includes this file as it is.

#![expect(dead_code, reason = "a struct that is only filled has to have the fields")]

use std::hint::black_box;

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) {
    black_box(serde_json::from_slice::<T>(body).expect("made to be read"));
}

#[derive(Deserialize)]
pub(crate) struct Page {
    transactions: Vec<Transaction>,
    total: u64,
    limit: u64,
    offset: u64,
}

#[derive(Deserialize)]
struct Transaction {
    settlement_id: u64,
    kamipay_request_id: String,
    kamipay_id: String,
    external_id: Option<String>,
    charged_amount: f64,
    charged_currency: String,
    settlement_amount: Option<f64>,
    settlement_currency: Option<String>,
    charged_timestamp: Option<String>,
    created_at: String,
    settlement_provider_name: String,
    settled_at: Option<String>,
    provider_settlement_id: Option<String>,
    external_settlement_id: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Lot {
    lot_id: String,
    transaction_hash: Option<String>,
    usdt_amount: String,
    created_at: Option<String>,
    status: String,
    payouts: Vec<Payout>,
    refunds: Vec<Refund>,
}

#[derive(Deserialize)]
struct Payout {
    kamipay_id: String,
    amount: String,
    created_at: String,
}

#[derive(Deserialize)]
struct Refund {
    kamipay_refund_id: String,
    amount: String,
    created_at: String,
}

#[derive(Deserialize)]
pub(crate) struct PayStatus {
    status: String,
    msg: String,
    data: Payment,
}

#[derive(Deserialize)]
struct Payment {
    status: String,
    operation_id: Option<String>,
    address_in: Option<String>,
    txid: Option<String>,
    amount_usdt: Option<String>,
    amount_brl: Option<String>,
    bank_txid: Option<String>,
    name: Option<String>,
    kamipay_id: String,
    external_id: Option<String>,
    pix_key: Option<String>,
}
