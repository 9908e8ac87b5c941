//! The merchant of the API's pages. Rows are pieces of the examples' text, so that every number
//! and string is spelled as it is there.

use chrono::{DateTime, Utc};
use http::StatusCode;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    json::{member, with_member},
    listing::Filter,
    payments::{Identifiers, PlannedPayment},
    reply::Reply,
    row::List,
};

/// When it is in the sandbox: shortly after the settlement of the examples.
pub(crate) fn now() -> DateTime<Utc> {
    // 2026-05-14T15:30:00Z
    DateTime::from_timestamp(1_778_772_600, 0).unwrap_or_default()
}

/// The only checkout enrolled, as in the pending charges example.
pub(crate) const CHECKOUT: i64 = 42;

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

/// How many rows a list's example has.
pub(crate) fn count(list: List) -> u64 {
    rows(list).len() as u64
}

/// A row of a list's example, the oldest first.
pub(crate) fn row(list: List, index: u64) -> &'static str {
    usize::try_from(index)
        .ok()
        .and_then(|index| rows(list).get(index).copied())
        .map_or("{}", RawValue::get)
}

pub(crate) fn row_id(list: List, index: u64) -> String {
    let row = row(list, index);
    match list {
        List::Lots => parse::<LotIds<'_>>(row).lot_id.to_owned(),
        List::Settlements => parse::<SettlementId>(row).settlement_id.to_string(),
        List::Transactions | List::PendingCharges => {
            parse::<RequestId<'_>>(row).kamipay_request_id.to_owned()
        }
        List::ConfirmedCharges => parse::<OperationId<'_>>(row).operation_id.to_owned(),
    }
}

/// The time that a row is listed by. `None` for lots: their page does not say.
pub(crate) fn time(list: List, index: u64) -> Option<DateTime<Utc>> {
    let name = match list {
        List::Lots => return None,
        List::Settlements => "settled_at",
        List::Transactions => "created_at",
        List::PendingCharges => "charged_timestamp",
        List::ConfirmedCharges => {
            let seconds = member(row(list, index), "credit_datetime")?.trim_matches('"');
            let (seconds, millis) = seconds.split_once('.')?;
            let millis = seconds.parse::<i64>().ok()? * 1000 + millis.parse::<i64>().ok()?;
            return DateTime::from_timestamp_millis(millis);
        }
    };
    let text = member(row(list, index), name)?.trim_matches('"');
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

/// Whether a row is among those meant.
pub(crate) fn matches(list: List, index: u64, filter: &Filter) -> bool {
    let row = || row(list, index);
    match filter {
        Filter::All => true,
        Filter::Settlement(wanted) => parse::<SettlementId>(row()).settlement_id == *wanted,
        Filter::Pool { checkout_id, .. } => *checkout_id == CHECKOUT,
        Filter::Places { stores, checkouts } => {
            let ids: StoreIds<'_> = parse(row());
            among(stores.as_deref(), ids.store_id) && among(checkouts.as_deref(), ids.checkout_id)
        }
    }
}

/// What a row of the pending charges adds to the sum of its pool.
pub(crate) fn pending_amount(index: u64) -> Decimal {
    let amount = member(row(List::PendingCharges, index), "settlement_amount");
    amount.and_then(|amount| amount.parse().ok()).unwrap_or_default()
}

/// The lot with a `lot_id` or a hash.
pub(crate) fn lot_index(identifier: &str) -> Option<u64> {
    let is_it = |index: &u64| {
        let ids: LotIds<'_> = parse(row(List::Lots, *index));
        ids.lot_id == identifier || ids.transaction_hash.eq_ignore_ascii_case(identifier)
    };
    (0..count(List::Lots)).find(is_it)
}

/// One lot is the page's; the other exists too, with nothing in it.
pub(crate) fn lot_detail(index: u64) -> String {
    if row_id(List::Lots, index) == parse::<LotIds<'_>>(LOT).lot_id {
        return LOT.to_owned();
    }
    let row = with_member(row(List::Lots, index), "payouts", "[]");
    with_member(&row, "refunds", "[]")
}

/// The one settlement is the page's.
pub(crate) fn settlement_detail() -> String {
    SETTLEMENT.to_owned()
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

#[derive(Deserialize)]
struct LotIds<'a> {
    lot_id: &'a str,
    transaction_hash: &'a str,
}

#[derive(Deserialize)]
struct SettlementId {
    settlement_id: i64,
}

#[derive(Deserialize)]
struct StoreIds<'a> {
    store_id: &'a str,
    checkout_id: &'a str,
}

#[derive(Deserialize)]
struct RequestId<'a> {
    kamipay_request_id: &'a str,
}

#[derive(Deserialize)]
struct OperationId<'a> {
    operation_id: &'a str,
}

/// The rows of a list's example, as text, the oldest first. The examples show pending charges so,
/// and all others the other way round.
fn rows(list: List) -> Vec<&'static RawValue> {
    let (example, name) = match list {
        List::ConfirmedCharges => return newest_first(parse(CONFIRMED_CHARGES)),
        List::Lots => (LOTS, "lots"),
        List::Settlements => (SETTLEMENTS, "settlements"),
        List::Transactions => (TRANSACTIONS, "transactions"),
        List::PendingCharges => (PENDING_CHARGES, "items"),
    };
    let rows = parse(member(example, name).unwrap_or("[]"));
    if list == List::PendingCharges { rows } else { newest_first(rows) }
}

fn newest_first(mut rows: Vec<&'static RawValue>) -> Vec<&'static RawValue> {
    rows.reverse();
    rows
}

fn among(wanted: Option<&[i64]>, id: &str) -> bool {
    wanted.is_none_or(|wanted| wanted.iter().any(|wanted| wanted.to_string() == id))
}

/// Reads one of the examples.
fn parse<'a, T: Deserialize<'a>>(example: &'a str) -> T {
    // The examples are compiled in, and the tests read each of them.
    serde_json::from_str(example).expect("an example of the pages is valid JSON")
}
