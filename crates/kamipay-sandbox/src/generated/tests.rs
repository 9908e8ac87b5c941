//! The generated merchant: does it add up, can all of it be listed and found, is it the same
//! everywhere?

use std::collections::{BTreeMap, BTreeSet};

use http::Request;
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::Value;

use super::*;
use crate::{PaymentState, Sandbox, Scenario};

fn get(sandbox: &mut Sandbox, uri: &str) -> String {
    let authorization = format!("Bearer {}", sandbox.token());
    let request = Request::get(uri).header("authorization", authorization).body(Vec::new());
    let response = sandbox.handle(request.unwrap());
    let status = response.status();
    let body = String::from_utf8(response.into_body()).unwrap();
    assert!(status.is_success(), "{uri}: {status} {body}");
    body
}

fn get_json(sandbox: &mut Sandbox, uri: &str) -> Value {
    serde_json::from_str(&get(sandbox, uri)).unwrap()
}

/// All rows of a list, page by page.
fn list(sandbox: &mut Sandbox, path: &str, rows: &str, limit: usize) -> Vec<Value> {
    let mut listed = Vec::new();
    loop {
        let uri = format!("{path}&limit={limit}&offset={}", listed.len());
        let mut page = get_json(sandbox, &uri);
        assert_eq!(page["limit"], limit);
        assert_eq!(page["offset"], listed.len());
        let total = page.get("total").unwrap_or_else(|| &page["totals"]["count"]).as_u64().unwrap();
        let page = page[rows].as_array_mut().unwrap();
        assert!(page.len() <= limit);
        if page.is_empty() {
            assert_eq!(listed.len() as u64, total);
            return listed;
        }
        listed.append(page);
    }
}

fn texts(rows: &[Value], field: &str) -> Vec<String> {
    rows.iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
}

fn decimal(text: &str) -> Decimal {
    text.parse().or_else(|_| Decimal::from_scientific(text)).unwrap()
}

const MAY: &str = "start_date=2026-05-01T00:00:00Z&end_date=2026-06-01T00:00:00Z";

#[test]
fn a_merchant_has_something_of_everything() {
    for seed in 0..50 {
        let merchant = Generated::new(seed);
        let lots: Vec<_> = merchant.lots().collect();
        let statuses: BTreeSet<_> = lots.iter().map(|lot| lot.status).collect();
        assert_eq!(
            statuses,
            ["FAILED", "MINED", "PENDING", "PROCESSING", "REORGANIZED"].into(),
            "seed {seed}"
        );
        let states: BTreeSet<_> =
            merchant.payments().map(|payment| format!("{:?}", payment.state)).collect();
        assert_eq!(states.len(), 8, "seed {seed}: {states:?}");
        assert!(merchant.payments().any(|payment| payment.external_id.is_none()));
        assert!(merchant.payments().any(|payment| payment.amount.is_zero()), "seed {seed}");
        assert!(merchant.charges().any(|charge| charge.settlement_amount.is_none()));
        assert!(merchant.charges().any(|charge| charge.external_id.is_none()));
        let settlements: Vec<_> = merchant.settlements().collect();
        assert_eq!(settlements.len(), 12);
        assert!(settlements.iter().any(|settlement| settlement.settled_at.is_none()));
        assert!(settlements.iter().any(|settlement| settlement.status == Some("DONE_PARTIALLY")));
        let body = get(&mut Sandbox::generated(merchant), &format!("/v1/lots?{MAY}"));
        assert!(body.contains("network_fee") && body.contains(r#""created_at":null"#));
    }
}

#[test]
fn lots_can_be_listed_and_found() {
    for seed in [1, 2, 3] {
        let merchant = Generated::new(seed).with_lots(100).with_max_payouts(9);
        let mut sandbox = Sandbox::generated(merchant.clone());
        let listed = list(&mut sandbox, &format!("/v1/lots?{MAY}"), "lots", 7);
        let newest_first: Vec<_> =
            listed.iter().map(|lot| lot["lot_id"].as_str().unwrap()).collect();
        let mut oldest_first: Vec<_> = merchant.lot_ids().collect();
        oldest_first.reverse();
        assert_eq!(newest_first, oldest_first);
        for (lot, row) in merchant.lots().zip(listed.iter().rev()) {
            assert_eq!(decimal(row["usdt_amount"].as_str().unwrap()), lot.usdt_amount);
            let detail = get_json(&mut sandbox, &format!("/v1/lots/{}", lot.lot_id));
            for (field, value) in row.as_object().unwrap() {
                assert_eq!(detail[field], *value);
            }
            if let Some(hash) = &lot.transaction_hash {
                assert_eq!(hash.len(), 66);
                let by_hash = get_json(&mut sandbox, &format!("/v1/lots/{}", hash.to_uppercase()));
                assert_eq!(by_hash, detail);
            }
            let payouts = detail["payouts"].as_array().unwrap();
            let sum: Decimal = texts(payouts, "amount").iter().map(|amount| decimal(amount)).sum();
            assert_eq!(sum, lot.usdt_amount);
            let refunds = detail["refunds"].as_array().unwrap();
            assert_eq!(refunds.len(), lot.refunds.len());
            let refunded: Vec<_> = lot
                .payouts
                .iter()
                .filter(|payout| payout.state == PaymentState::FailedAndRefunded)
                .map(|payout| (&payout.kamipay_id, payout.amount))
                .collect();
            let refunds: Vec<_> =
                lot.refunds.iter().map(|refund| (&refund.kamipay_id, refund.amount)).collect();
            assert_eq!(refunds, refunded);
        }
    }
}

#[test]
fn payments_are_found_by_each_identifier() {
    let merchant = Generated::new(11);
    let mut sandbox = Sandbox::generated(merchant.clone());
    let mut seen = BTreeSet::new();
    for payment in merchant.payments() {
        let mut answers = BTreeSet::new();
        for (target, id) in [
            ("kamipay_id", Some(payment.kamipay_id.clone())),
            ("external_id", payment.external_id.clone()),
            ("tx_id", Some(payment.tx_id.to_uppercase())),
            ("operation_id", Some(payment.operation_id.clone())),
        ] {
            let Some(id) = id else { continue };
            assert!(seen.insert(id.clone()), "{id} is there twice");
            let uri =
                format!("/v2/status/tx_status?target={target}&id={id}&type=pay&chain=polygon");
            answers.insert(get(&mut sandbox, &uri));
        }
        assert_eq!(answers.len(), 1, "{payment:?}");
        let answer: Value = serde_json::from_str(answers.first().unwrap()).unwrap();
        let state = match payment.state {
            PaymentState::NotFound => {
                assert_eq!(answer["msg"], "TX not found");
                continue;
            }
            PaymentState::Accepted => "accepted",
            PaymentState::Processing => "processing",
            PaymentState::Done => "done",
            PaymentState::FailedAndRefunded
            | PaymentState::FailedRefundPending
            | PaymentState::FailedRefundAbsent => "failed",
            PaymentState::Canceled => "canceled",
            PaymentState::Undocumented => "on_hold",
        };
        assert_eq!(answer["data"]["status"], state);
        assert_eq!(answer["data"]["kamipay_id"], payment.kamipay_id);
        if let Some(refund) = answer["data"].get("refund_txid") {
            assert_eq!(refund.is_string(), payment.state == PaymentState::FailedAndRefunded);
        }
        if payment.external_id.is_none() {
            assert!(answer["data"]["external_id"].is_null());
        }
    }
    // One letter off.
    let payment = merchant.payments().next().unwrap();
    for (target, id) in [
        ("kamipay_id", &payment.kamipay_id),
        ("tx_id", &payment.tx_id),
        ("operation_id", &payment.operation_id),
    ] {
        let last = if id.ends_with('0') { '1' } else { '0' };
        let other = format!("{}{last}", &id[..id.len() - 1]);
        let uri = format!("/v2/status/tx_status?target={target}&id={other}&type=pay&chain=polygon");
        assert_eq!(get(&mut sandbox, &uri), r#"{"status":"failed","msg":"TX not found"}"#);
    }
}

#[test]
fn settlements_are_the_sum_of_their_charges() {
    let merchant = Generated::new(5).with_charges(1_000).with_charges_per_settlement(10);
    let mut sandbox = Sandbox::generated(merchant.clone());
    let mut sums = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for charge in merchant.charges() {
        *sums.entry(charge.settlement_id).or_insert(Decimal::ZERO) +=
            charge.settlement_amount.unwrap_or_default();
        *counts.entry(charge.settlement_id).or_insert(0) += 1;
    }
    let ids: Vec<_> = merchant.settlement_ids().collect();
    assert_eq!(ids, sums.keys().copied().collect::<Vec<_>>());
    for settlement in merchant.settlements() {
        let id = settlement.settlement_id;
        assert_eq!(settlement.amount, sums[&id]);
        assert_eq!(settlement.charge_count, counts[&id]);
        let detail = get_json(&mut sandbox, &format!("/v1/settlements/{id}"));
        assert_eq!(detail["charges"].as_array().unwrap().len() as u64, settlement.charge_count);
        assert_eq!(detail["settled_at"].is_null(), settlement.settled_at.is_none());
        let path = format!("/v1/settlements/transactions?{MAY}&settlement_id={id}");
        let transactions = list(&mut sandbox, &path, "transactions", 4);
        let mut ids = texts(&transactions, "kamipay_id");
        ids.reverse();
        assert_eq!(ids, texts(detail["charges"].as_array().unwrap(), "kamipay_id"));
    }
    let listed = list(&mut sandbox, &format!("/v1/settlements?{MAY}"), "settlements", 3);
    let listed: Vec<_> =
        listed.iter().rev().map(|row| row["settlement_id"].as_i64().unwrap()).collect();
    let settled: Vec<_> = merchant
        .settlements()
        .filter(|settlement| settlement.settled_at.is_some())
        .map(|settlement| settlement.settlement_id)
        .collect();
    assert_eq!(listed, settled);
    assert!(listed.len() < ids.len());
}

#[test]
fn transactions_and_confirmed_charges_are_the_charges() {
    let merchant = Generated::new(6).with_charges(300);
    let mut sandbox = Sandbox::generated(merchant.clone());
    let path = format!("/v1/settlements/transactions?{MAY}");
    let mut listed = texts(&list(&mut sandbox, &path, "transactions", 97), "kamipay_id");
    listed.reverse();
    assert_eq!(listed, merchant.charges().map(|charge| charge.kamipay_id).collect::<Vec<_>>());
    let (mut confirmed, day) = (Vec::new(), 86_399);
    let mut start = merchant.start().timestamp();
    while start <= merchant.end().timestamp() {
        let uri = format!("/v2/status/tx_status_lot?start={start}&end={}.999", start + day - 1);
        let rows = get_json(&mut sandbox, &uri);
        let mut ids = texts(rows.as_array().unwrap(), "operation_id");
        ids.reverse();
        confirmed.append(&mut ids);
        start += day;
    }
    assert_eq!(confirmed, merchant.charges().map(|charge| charge.operation_id).collect::<Vec<_>>());
}

#[test]
fn pending_charges_are_shared_among_the_checkouts() {
    let merchant = Generated::new(8).with_pending_charges(50).with_checkouts(3);
    let mut sandbox = Sandbox::generated(merchant.clone());
    let mut listed = Vec::new();
    for checkout_id in merchant.checkout_ids() {
        let path = format!("/v1/settlements/pending-charges?checkout_id={checkout_id}");
        let items = list(&mut sandbox, &path, "items", 4);
        assert!(
            items.is_sorted_by_key(|item| item["charged_timestamp"].as_str().unwrap().to_owned())
        );
        listed.append(&mut texts(&items, "kamipay_id"));
    }
    listed.sort();
    let mut all: Vec<_> = merchant.pending_charges().map(|charge| charge.kamipay_id).collect();
    all.sort();
    assert_eq!(listed, all);
}

#[test]
fn totals_are_over_the_whole_pool() {
    let merchant = Generated::new(8);
    let mut sandbox = Sandbox::generated(merchant.clone());
    let body = get(&mut sandbox, "/v1/settlements/pending-charges?limit=1&offset=3");
    let sum: Decimal = merchant.pending_charges().map(|charge| charge.settlement_amount).sum();
    let totals =
        format!(r#""totals":{{"count":9,"settlement_amount":{}}}"#, crate::json::float(sum));
    assert!(body.contains(&totals), "{totals} in {body}");
}

#[test]
fn the_first_and_the_last_row_are_on_the_borders_of_the_period() {
    let mut sandbox = Sandbox::generated(Generated::new(9));
    for (path, rows, time) in [
        ("/v1/lots", "lots", "created_at"),
        ("/v1/settlements", "settlements", "settled_at"),
        ("/v1/settlements/transactions", "transactions", "created_at"),
    ] {
        let listed = list(&mut sandbox, &format!("{path}?{MAY}"), rows, 100);
        assert_eq!(listed[0][time], "2026-05-31T23:59:59.999999Z", "{path}");
        assert_eq!(listed.last().unwrap()[time], "2026-05-01T00:00:00Z", "{path}");
    }
    // Both ends are inclusive, so two periods that touch share the rows on their border.
    let count = |sandbox: &mut Sandbox, start: &str, end: &str| {
        let uri = format!("/v1/lots?start_date={start}&end_date={end}");
        get_json(sandbox, &uri)["total"].as_u64().unwrap()
    };
    assert_eq!(count(&mut sandbox, "2026-04-30T00:00:00Z", "2026-05-01T00:00:00Z"), 1);
    let last = "2026-05-31T23:59:59.999999Z";
    assert_eq!(count(&mut sandbox, last, "2026-06-02T00:00:00Z"), 1);
    assert_eq!(count(&mut sandbox, "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"), 0);
}

/// The same on every machine, and in every version: a change here is a change for our users.
#[test]
fn a_seed_is_a_promise() {
    let merchant = Generated::new(42);
    let lot = merchant.lots().find(|lot| !lot.refunds.is_empty()).unwrap();
    let settlement = merchant.settlement_ids().nth(3).unwrap();
    let mut sandbox = Sandbox::generated(merchant.clone());
    let mut uris = vec![
        format!("/v1/lots?{MAY}&limit=5"),
        format!("/v1/lots/{}", lot.lot_id),
        format!("/v1/settlements?{MAY}&limit=4"),
        format!("/v1/settlements/{settlement}"),
        format!("/v1/settlements/transactions?{MAY}&limit=5&offset=40"),
        "/v1/settlements/pending-charges".to_owned(),
        "/v2/status/tx_status_lot?start=1778000000&end=1778050000".to_owned(),
    ];
    let mut states = BTreeMap::new();
    for payment in merchant.payments() {
        states.entry(format!("{:?}", payment.state)).or_insert(payment.kamipay_id);
    }
    let status = "/v2/status/tx_status?type=pay&chain=polygon&target=kamipay_id&id=";
    uris.extend(states.values().map(|id| format!("{status}{id}")));
    let answers: Vec<_> =
        uris.iter().map(|uri| format!("GET {uri}\n{}\n", get(&mut sandbox, uri))).collect();
    insta::assert_snapshot!(answers.join("\n"));
}

#[test]
fn a_million_charges_a_year_cost_nothing_until_asked_for() {
    let time = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
    let merchant = Generated::new(1)
        .with_period(time(1_767_225_600), time(1_798_761_600)) // 2026
        .with_charges(1_000_000)
        .with_lots(1_000_000);
    let mut sandbox = Sandbox::generated(merchant.clone());
    let middle = "start_date=2026-06-15T00:00:00Z&end_date=2026-07-15T00:00:00Z";
    let page = get_json(
        &mut sandbox,
        &format!("/v1/settlements/transactions?{middle}&limit=1000&offset=40000"),
    );
    assert_eq!(page["transactions"].as_array().unwrap().len(), 1000);
    let total = page["total"].as_u64().unwrap();
    assert!((82_100..82_300).contains(&total), "{total}");
    let page = get_json(&mut sandbox, &format!("/v1/lots?{middle}&limit=10&offset=70000"));
    for lot in page["lots"].as_array().unwrap() {
        let id = lot["lot_id"].as_str().unwrap();
        assert_eq!(get_json(&mut sandbox, &format!("/v1/lots/{id}"))["lot_id"], id);
    }
    let page = get_json(&mut sandbox, &format!("/v1/settlements?{middle}&limit=10"));
    for settlement in page["settlements"].as_array().unwrap() {
        let id = settlement["settlement_id"].as_i64().unwrap();
        assert_eq!(get_json(&mut sandbox, &format!("/v1/settlements/{id}"))["settlement_id"], id);
    }
}

#[test]
fn small_merchants_are_merchants_too() {
    for (lots, charges, pending) in [(0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 3, 3)] {
        let merchant = Generated::new(1)
            .with_lots(lots)
            .with_charges(charges)
            .with_pending_charges(pending)
            .with_charges_per_settlement(1)
            .with_max_payouts(1)
            .with_max_refunds(0);
        assert_eq!(merchant.lots().count() as u64, lots);
        assert_eq!(merchant.settlements().count() as u64, charges);
        let mut sandbox = Sandbox::generated(merchant);
        let listed = list(&mut sandbox, &format!("/v1/lots?{MAY}"), "lots", 10);
        assert_eq!(listed.len() as u64, lots);
        let path = format!("/v1/settlements/transactions?{MAY}");
        assert_eq!(list(&mut sandbox, &path, "transactions", 10).len() as u64, charges);
        let pool = list(&mut sandbox, "/v1/settlements/pending-charges?limit=10", "items", 10);
        assert_eq!(pool.len() as u64, pending);
    }
}

#[test]
fn several_checkouts_share_the_pool_of_one() {
    let sandbox = Sandbox::generated(Generated::new(4));
    let mut sandbox = sandbox.with_scenario(Scenario::SeveralCheckouts);
    let mut count = |checkout: u32| {
        let uri = format!("/v1/settlements/pending-charges?checkout_id={checkout}");
        get_json(&mut sandbox, &uri)["totals"]["count"].as_u64().unwrap()
    };
    assert_eq!((count(42), count(43), count(44)), (5, 4, 0));
}

#[test]
fn operation_numbers_read_back() {
    for number in [0, 1, 2, 12_345, 19_999_999_999] {
        let id = operation_id(number);
        assert_eq!(id.len(), 13);
        assert_eq!(number_of_operation(&id), Some(number));
    }
    assert_eq!(number_of_operation("1"), None);
    assert_eq!(number_of_operation("x"), None);
    assert!(number_of_operation("18446744073709551615").is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_period_lists_what_happened_in_it(
        seed: u64,
        lots in 0_u64..60,
        charges in 0_u64..120,
        per_settlement in 1_u32..30,
        from in 1_777_500_000_i64..1_780_300_000,
        length in 1_i64..2_600_000,
    ) {
        let merchant = Generated::new(seed)
            .with_lots(lots)
            .with_charges(charges)
            .with_charges_per_settlement(per_settlement);
        let (from, to) = (
            DateTime::from_timestamp(from, 0).unwrap(),
            DateTime::from_timestamp(from + length, 0).unwrap(),
        );
        let period = format!(
            "start_date={}&end_date={}",
            crate::json::timestamp(from),
            crate::json::timestamp(to)
        );
        let mut sandbox = Sandbox::generated(merchant.clone());
        let inside = |time: DateTime<Utc>| from <= time && time <= to;

        let listed = list(&mut sandbox, &format!("/v1/lots?{period}"), "lots", 9);
        let mut expected: Vec<_> =
            merchant.lots().filter(|lot| inside(lot.created_at)).map(|lot| lot.lot_id).collect();
        expected.reverse();
        prop_assert_eq!(texts(&listed, "lot_id"), expected);

        let path = format!("/v1/settlements/transactions?{period}");
        let listed = list(&mut sandbox, &path, "transactions", 13);
        let mut expected: Vec<_> = merchant
            .charges()
            .filter(|charge| inside(charge.created_at))
            .map(|charge| charge.kamipay_id)
            .collect();
        expected.reverse();
        prop_assert_eq!(texts(&listed, "kamipay_id"), expected);

        let listed = list(&mut sandbox, &format!("/v1/settlements?{period}"), "settlements", 5);
        let mut expected: Vec<_> = merchant
            .settlements()
            .filter(|settlement| settlement.settled_at.is_some_and(inside))
            .map(|settlement| settlement.settlement_id)
            .collect();
        expected.reverse();
        let listed: Vec<_> =
            listed.iter().map(|row| row["settlement_id"].as_i64().unwrap()).collect();
        prop_assert_eq!(listed, expected);
    }
}
