//! The merchant of the API's pages. Rows are pieces of the examples' text, so every number and
//! string is spelled as it is there.

use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    json::member,
    list::{List, micros},
    payments::{Identifiers, PlannedPayment},
    reply::Reply,
    row::{Row, Shown},
};

/// The time in the sandbox: shortly after the settlement of the examples.
pub(crate) fn now() -> DateTime<Utc> {
    // 2026-05-14T15:30:00Z
    DateTime::from_timestamp(1_778_772_600, 0).unwrap_or_default()
}

const LOTS: &str = include_str!("documented/lots.json");
const LOT: &str = include_str!("documented/lot.json");
const SETTLEMENTS: &str = include_str!("documented/settlements.json");
const SETTLEMENT: &str = include_str!("documented/settlement.json");
const TRANSACTIONS: &str = include_str!("documented/transactions.json");
const PENDING_CHARGES: &str = include_str!("documented/pending_charges.json");
const CONFIRMED_CHARGES: &str = include_str!("documented/confirmed_charges.json");
const PAY_ACCEPTED: &str = include_str!("documented/pay_accepted.json");
const PAY_CANCELED: &str = include_str!("documented/pay_canceled.json");
const PAY_PROCESSING: &str = include_str!("documented/pay_processing.json");
const PAY_DONE: &str = include_str!("documented/pay_done.json");
const PAY_FAILED: &str = include_str!("documented/pay_failed.json");

/// The rows of all examples.
pub(crate) fn rows() -> Vec<Row> {
    List::ALL.iter().flat_map(|list| rows_of(*list)).collect()
}

fn rows_of(list: List) -> Vec<Row> {
    let rows: Vec<&RawValue> = match list {
        List::Lots => parse(member(LOTS, "lots").unwrap_or("[]")),
        List::Settlements => parse(member(SETTLEMENTS, "settlements").unwrap_or("[]")),
        List::Transactions => parse(member(TRANSACTIONS, "transactions").unwrap_or("[]")),
        List::PendingCharges => parse(member(PENDING_CHARGES, "items").unwrap_or("[]")),
        List::ConfirmedCharges => parse(CONFIRMED_CHARGES),
    };
    let row = |(index, json): (usize, &&RawValue)| {
        let row = Row::read(list, json.get().to_owned());
        let time = match list {
            // Their page asks for 2026 and shows a lot of 2025 and one without a time.
            List::Lots => micros(now()) - index as i64,
            // Their page shows a charge after its period.
            List::ConfirmedCharges => row.time.min(CONFIRMED_CHARGES_END),
            _ => row.time,
        };
        let detail = match list {
            List::Lots if index == 0 => Some(LOT.to_owned()),
            List::Settlements => Some(SETTLEMENT.to_owned()),
            _ => None,
        };
        let shown = if list == List::Lots { Shown::Always } else { Shown::ByTime };
        Row { time, detail, shown, ..row }
    };
    rows.iter().enumerate().map(row).collect()
}

const CONFIRMED_CHARGES_END: i64 = 1_718_472_442_000_000;

/// The three payments of the pay status page: `test235` is processing at the first question, then
/// done; `idemptency-1` is accepted, then canceled; `123456789` has failed and was returned.
pub(crate) fn payments() -> Vec<PlannedPayment> {
    vec![
        payment(&[PAY_PROCESSING, PAY_DONE]),
        payment(&[PAY_ACCEPTED, PAY_CANCELED]),
        payment(&[PAY_FAILED]),
    ]
}

/// A payment with these answers, and the identifiers of the last one.
fn payment(answers: &[&str]) -> PlannedPayment {
    let data = answers.last().and_then(|answer| member(answer, "data")).unwrap_or("{}");
    let text =
        |name| Some(member(data, name)?.trim_matches('"').to_owned()).filter(|it| it != "null");
    let identifiers = Identifiers {
        kamipay_id: text("kamipay_id").unwrap_or_default(),
        external_id: text("external_id"),
        tx_id: text("txid").or_else(|| text("original_txid")),
        operation_id: text("operation_id"),
    };
    let reply = |answer: &&str| match *answer {
        PAY_ACCEPTED => Reply::new(StatusCode::CREATED, PAY_ACCEPTED),
        answer => Reply::ok(answer),
    };
    PlannedPayment::new(identifiers, answers.iter().map(reply).collect())
}

/// Reads one of the examples.
fn parse<'a, T: Deserialize<'a>>(example: &'a str) -> T {
    // The examples are compiled in, and the tests read each of them.
    serde_json::from_str(example).expect("an example of the pages is valid JSON")
}
