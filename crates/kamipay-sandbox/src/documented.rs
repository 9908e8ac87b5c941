//! The merchant of the API's pages. Rows are pieces of the examples' text, so that every number
//! and string is spelled as it is there.

use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    json::array,
    listing::{Listing, Order, Page},
    payments::{Identifiers, ScriptedPayment},
    reply::Reply,
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

pub(crate) fn lots(page: Page) -> Listing {
    show(&rows(LOTS, "lots"), page)
}

/// The first lot is the page's; the second exists too, with nothing in it.
pub(crate) fn lot(identifier: &str) -> Option<String> {
    let is_it = |row: &&&RawValue| {
        let ids: LotIds<'_> = parse(row.get());
        ids.lot_id == identifier || ids.transaction_hash.eq_ignore_ascii_case(identifier)
    };
    let lots = rows(LOTS, "lots");
    let row = lots.iter().find(is_it)?;
    let ids: LotIds<'_> = parse(row.get());
    let first: LotIds<'_> = parse(LOT);
    if ids.lot_id == first.lot_id {
        return Some(LOT.to_owned());
    }
    let members = row.get().trim_end().trim_end_matches('}').trim_end();
    Some(format!("{members},\"payouts\":[],\"refunds\":[]}}"))
}

pub(crate) fn settlements(page: Page) -> Listing {
    show(&rows(SETTLEMENTS, "settlements"), page)
}

pub(crate) fn settlement(settlement_id: i64) -> Option<String> {
    let id: SettlementId = parse(SETTLEMENT);
    (id.settlement_id == settlement_id).then(|| SETTLEMENT.to_owned())
}

pub(crate) fn transactions(settlement_id: Option<i64>, page: Page) -> Listing {
    let mut rows = rows(TRANSACTIONS, "transactions");
    rows.retain(|row| {
        let id: SettlementId = parse(row.get());
        settlement_id.is_none_or(|wanted| wanted == id.settlement_id)
    });
    show(&rows, page)
}

/// The items and the sum of their `settlement_amount`, which the page shows as `69325.0`.
pub(crate) fn pending_charges(page: Page) -> (Listing, String) {
    let totals: PendingTotals<'_> = parse(PENDING_CHARGES);
    let sum = totals.totals.settlement_amount.get().to_owned();
    (show(&rows(PENDING_CHARGES, "items"), page), sum)
}

pub(crate) fn confirmed_charges(stores: Option<&[i64]>, checkouts: Option<&[i64]>) -> String {
    let mut rows: Vec<&RawValue> = parse(CONFIRMED_CHARGES);
    rows.retain(|row| {
        let ids: StoreIds<'_> = parse(row.get());
        among(stores, ids.store_id) && among(checkouts, ids.checkout_id)
    });
    array(&rows.iter().map(|row| row.get()).collect::<Vec<_>>())
}

/// The three payments of the pay status page. `test235` is processing when asked for the first
/// time, and done from then on; `idemptency-1` is accepted, then canceled; `123456789` has failed
/// and was returned.
pub(crate) fn payments() -> Vec<ScriptedPayment> {
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
        ScriptedPayment::new(test, vec![ok(PAY_PROCESSING), ok(PAY_DONE)]),
        ScriptedPayment::new(canceled, vec![accepted, ok(PAY_CANCELED)]),
        ScriptedPayment::new(failed, vec![ok(PAY_FAILED)]),
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
struct PendingTotals<'a> {
    #[serde(borrow)]
    totals: PendingTotal<'a>,
}

#[derive(Deserialize)]
struct PendingTotal<'a> {
    #[serde(borrow)]
    settlement_amount: &'a RawValue,
}

/// The rows of a list's example, as text. They stand there newest first, as lists are answered.
fn rows(example: &'static str, name: &str) -> Vec<&'static RawValue> {
    let mut members: std::collections::BTreeMap<&str, &RawValue> = parse(example);
    parse(members.remove(name).map_or("[]", RawValue::get))
}

fn show(rows: &[&RawValue], page: Page) -> Listing {
    let shown = page.of(rows.iter(), Order::Ascending, |row| row.get().to_owned());
    Listing { rows: shown, total: rows.len() as u64 }
}

fn among(wanted: Option<&[i64]>, id: &str) -> bool {
    wanted.is_none_or(|wanted| wanted.iter().any(|wanted| wanted.to_string() == id))
}

/// Reads one of the examples.
fn parse<'a, T: Deserialize<'a>>(example: &'a str) -> T {
    // The examples are compiled in, and the tests read each of them.
    serde_json::from_str(example).expect("an example of the pages is valid JSON")
}
