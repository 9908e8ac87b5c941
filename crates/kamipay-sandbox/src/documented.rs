//! The merchant of the API's pages. Rows are pieces of the examples' text, so every number and
//! string is spelled as it is there.

use chrono::{DateTime, Utc};
use http::StatusCode;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    json::member,
    list::{List, micros},
    payments::{Identifiers, PlannedPayment},
    reply::Reply,
    row::Row,
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
        let time = match list {
            // Their page asks for 2026 and shows a lot of 2025 and one without a time.
            List::Lots => micros(now()) - index as i64,
            // Their page shows a charge after its period.
            List::ConfirmedCharges => time(list, json.get()).min(CONFIRMED_CHARGES_END),
            _ => time(list, json.get()),
        };
        let row = Row::read(list, time, json.get().to_owned());
        let detail = match list {
            List::Lots if index == 0 => Some(LOT.to_owned()),
            List::Settlements => Some(SETTLEMENT.to_owned()),
            _ => None,
        };
        Row { detail, is_in_all_periods: list == List::Lots, ..row }
    };
    rows.iter().enumerate().map(row).collect()
}

const CONFIRMED_CHARGES_END: i64 = 1_718_472_442_000_000;

/// The time by which a list sorts a row.
fn time(list: List, json: &str) -> i64 {
    let text = member(json, list.time_field()).unwrap_or_default().trim_matches('"');
    let seconds = || text.parse::<Decimal>().ok()?.checked_mul(Decimal::from(1_000_000))?.to_i64();
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_micros());
    time.ok().or_else(seconds).unwrap_or_default()
}

/// The three payments of the pay status page. `test235` is processing when asked for the first
/// time, and done from then on; `idemptency-1` is accepted, then canceled; `123456789` has failed
/// and was returned.
pub(crate) fn payments() -> Vec<PlannedPayment> {
    let ok = |body: &str| Reply::ok(body);
    let test = Identifiers {
        kamipay_id: "txc_01jranqegkf509bq5svh03ztt8".to_owned(),
        external_id: Some("test235".to_owned()),
        tx_id: Some(
            "0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab".to_owned(),
        ),
        operation_id: Some("1744115063604".to_owned()),
    };
    let canceled = Identifiers {
        kamipay_id: "txc_01jkg5vktaer5aew712kjgrsn2".to_owned(),
        external_id: Some("idemptency-1".to_owned()),
        ..Identifiers::default()
    };
    let failed = Identifiers {
        kamipay_id: "txc_01jjvpcdcwees8kfnvk9mq4gna".to_owned(),
        external_id: Some("123456789".to_owned()),
        tx_id: Some(
            "0xd17c0947a0ba00e932176b25f4dd0b42c6a51510e28355f433bb5f7391fc9833".to_owned(),
        ),
        operation_id: None,
    };
    let accepted = Reply::new(StatusCode::CREATED, PAY_ACCEPTED);
    vec![
        PlannedPayment::new(test, vec![ok(PAY_PROCESSING), ok(PAY_DONE)]),
        PlannedPayment::new(canceled, vec![accepted, ok(PAY_CANCELED)]),
        PlannedPayment::new(failed, vec![ok(PAY_FAILED)]),
    ]
}

/// Reads one of the examples.
fn parse<'a, T: Deserialize<'a>>(example: &'a str) -> T {
    // The examples are compiled in, and the tests read each of them.
    serde_json::from_str(example).expect("an example of the pages is valid JSON")
}
