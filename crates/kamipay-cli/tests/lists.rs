//! Lists over several pages, and the search for a payout.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use kamipay_sandbox::{Fault, Generated, Sandbox, Schedule};
use serde_json::Value;

use crate::support::{generated, in_may, run, server, with_token};

fn rows(ndjson: &str) -> Vec<Value> {
    ndjson.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn keys(ndjson: &str, key: &str) -> BTreeSet<String> {
    let rows = rows(ndjson);
    let keys: BTreeSet<String> = rows.iter().map(|row| row[key].to_string()).collect();
    assert_eq!(keys.len(), rows.len(), "a row twice");
    keys
}

#[test]
fn every_row_of_every_page_once() {
    let merchant = Generated::new(3).with_lots(2500).with_charges(2300).with_pending_charges(1100);
    let server = generated(&merchant);
    let list = |args: &[&str]| run(&mut with_token(server.base_url(), args)).good();

    let lots = list(&in_may(&["lots", "list"]));
    let truth: BTreeSet<String> = merchant.lot_ids().map(|id| format!("{id:?}")).collect();
    assert_eq!(keys(&lots, "lot_id"), truth);

    let transactions = list(&in_may(&["settlements", "transactions"]));
    let truth: BTreeSet<String> =
        merchant.charges().map(|charge| format!("{:?}", charge.kamipay_request_id)).collect();
    assert_eq!(keys(&transactions, "kamipay_request_id"), truth);

    let pending = list(&["settlements", "pending", "--quiet"]);
    let truth: BTreeSet<String> = merchant
        .pending_charges()
        .map(|charge| format!("{:?}", charge.kamipay_request_id))
        .collect();
    assert_eq!(keys(&pending, "kamipay_request_id"), truth);

    let settled = merchant.settlements().filter(|settlement| settlement.settled_at.is_some());
    let truth: BTreeSet<String> = settled.map(|one| one.settlement_id.to_string()).collect();
    assert_eq!(keys(&list(&in_may(&["settlements", "list"])), "settlement_id"), truth);

    let asked =
        server.requests().iter().filter(|it| it.path_and_query.contains("/v1/lots")).count();
    // A window that was read ahead is read once more where it shows new lots in flight.
    assert!(asked <= 20, "{asked} requests: a page is as large as it may be");
}

#[test]
fn a_settlement_s_transactions_are_its_charges() {
    let merchant = Generated::new(5);
    let server = generated(&merchant);
    let settlement = merchant.settlements().nth(2).unwrap();
    let id = settlement.settlement_id.to_string();
    let args = in_may(&["settlements", "transactions", "--settlement", &id]);
    let listed = run(&mut with_token(server.base_url(), &args)).good();
    assert_eq!(listed.lines().count() as u64, settlement.charge_count);

    let get = ["settlements", "get", &id];
    let detail = run(&mut with_token(server.base_url(), &get)).good();
    let detail: Value = serde_json::from_str(&detail).unwrap();
    let of = |row: &Value| row["kamipay_request_id"].to_string();
    let charges: BTreeSet<String> = detail["charges"].as_array().unwrap().iter().map(of).collect();
    assert_eq!(keys(&listed, "kamipay_request_id"), charges);
}

#[test]
fn confirmed_charges_are_filtered_by_store_and_checkout() {
    let merchant = Generated::new(5);
    let server = generated(&merchant);
    let list = |more: &[&str]| {
        let day = ["--from", "2026-05-14", "--to", "2026-05-14T23:59:59Z"];
        let args = [&["charges", "confirmed"], &day[..], more].concat();
        rows(&run(&mut with_token(server.base_url(), &args)).good())
    };
    let all = list(&[]);
    let some = list(&["--store", "1,2", "--checkout", "42"]);
    let truth = all.iter().filter(|row| row["store_id"] == 1 || row["store_id"] == 2).count();
    assert!(!all.is_empty() && truth < all.len());
    assert_eq!(some.len(), truth);
    assert!(list(&["--store", "99"]).is_empty());
}

#[test]
fn a_payout_is_found_and_the_search_ends_there() {
    let (start, end) = ("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
    let merchant =
        Generated::new(7).with_lots(3000).with_period(start.parse().unwrap(), end.parse().unwrap());
    let server = generated(&merchant);
    let lots: Vec<_> = merchant.lots().collect();
    for n in [2999, 2000, 700, 0] {
        let (lot, before) = (&lots[n], server.requests().len());
        let payout = lot.payouts.last().unwrap();
        let args = ["lots", "find-payout", &payout.kamipay_id, "--from", start, "--to", end];
        let found = run(&mut with_token(server.base_url(), &args)).good();
        let found: Value = serde_json::from_str(&found).unwrap();
        assert_eq!(found["lot_id"], *lot.lot_id);
        assert_eq!(found["payout"]["kamipay_id"], *payout.kamipay_id);
        let amount: rust_decimal::Decimal =
            found["payout"]["amount"].as_str().unwrap().parse().unwrap();
        assert_eq!(amount, payout.amount);
        let asked = server.requests().split_off(before);
        let opened = asked.iter().filter(|it| !it.path_and_query.contains('?')).count();
        // A lot comes within half an hour of its payouts, and another one may be in between.
        assert!(
            opened <= 3 && asked.len() <= 6,
            "lot {n}: {opened} lots, {} requests",
            asked.len()
        );
    }
}

#[test]
fn a_payout_whose_name_says_nothing_is_searched_for_from_the_end() {
    let merchant = Generated::new(7);
    let server = generated(&merchant);
    let find =
        |id: &str| run(&mut with_token(server.base_url(), &in_may(&["lots", "find-payout", id])));
    let missing = find("txc_nowhere");
    assert_eq!(missing.code, 7);
    assert!(missing.err.contains("is in none of the 40 lots"), "{}", missing.err);
    let opened: Vec<String> = server
        .requests()
        .into_iter()
        .map(|request| request.path_and_query)
        .filter(|path| !path.contains('?'))
        .collect();
    let newest_first: Vec<String> =
        merchant.lots().map(|lot| format!("/v1/lots/{}", lot.lot_id)).collect();
    assert_eq!(opened.len(), 40, "each lot once");
    assert_eq!(opened.last(), newest_first.first());
    // A time that is not the payout's is not trusted either.
    let early =
        format!("txc_00000000{}", &merchant.lots().next().unwrap().payouts[0].kamipay_id[12..]);
    assert_eq!(find(&early).code, 7);
}

/// Its payouts may be retried in a later lot: <https://docs.kamipay.io>, Lots.
#[test]
fn a_lot_that_failed_is_no_answer_while_there_may_be_another() {
    let find = |statuses: [&'static str; 2], id: &str| {
        let url = two_lots(statuses, id);
        let args = ["lots", "find-payout", id, "--from", "2025-04-01", "--to", "2025-04-30"];
        let run = run(&mut with_token(&url, &args));
        assert_eq!(run.code, 0, "{}", run.err);
        let found: Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!(found["payout"]["kamipay_id"], id);
        (found["lot_id"].as_str().unwrap().to_owned(), run.err)
    };
    // The first contains its time, so that the search begins there; the other one begins at the end.
    for id in ["txc_01jranqegkf509bq5svh03ztt8", "txc_1"] {
        for (statuses, lot) in
            [(["FAILED", "MINED"], "b"), (["MINED", "FAILED"], "a"), (["MINED", "MINED"], "")]
        {
            let (found, err) = find(statuses, id);
            assert!(found.starts_with(lot) && err.is_empty(), "{id} {statuses:?}: {found} {err}");
        }
        let (found, err) = find(["FAILED", "FAILED"], id);
        assert_eq!(found, "b", "the later one");
        assert!(err.contains("this lot FAILED") && err.contains("in a later one"), "{err}");
        assert!(err.contains(&format!("kamipay pay status --kamipay-id {id}\n")), "{err}");
    }
}

/// A retry is later than the payout, so that nothing before it is read.
#[test]
fn after_a_lot_that_failed_nothing_before_the_payout_is_searched() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let id = "txc_01jranqegkf509bq5svh03ztt8"; // of 2025-04-08
    let lots = answers_of_two_lots(["FAILED", "FAILED"], id);
    let url = server({
        let asked = Arc::clone(&asked);
        move |_, target| {
            asked.lock().unwrap().push(target.to_owned());
            lots(target)
        }
    });
    let args = ["lots", "find-payout", id, "--from", "2025-01-01", "--to", "2025-04-30"];
    let found = run(&mut with_token(&url, &args));
    assert!(found.code == 0 && found.err.contains("this lot FAILED"), "{}", found.err);
    let words = "lots created from 2025-01-01T00:00:00Z to 2025-04-08T";
    let is_told = |line: &&str| line.contains(words) && line.contains("were not searched");
    assert!(found.err.lines().any(|line| is_told(&line)), "{}", found.err);
    let asked = asked.lock().unwrap();
    let starts = asked.iter().filter_map(|target| target.split("start_date=").nth(1));
    assert_eq!(starts.map(|start| &start[..10]).min(), Some("2025-04-08"));
}

#[test]
fn an_error_does_not_hide_the_lot_that_failed() {
    let id = "txc_01jranqegkf509bq5svh03ztt8";
    let lots = answers_of_two_lots(["FAILED", "MINED"], id);
    let url = server(move |_, target| match target.rsplit('/').next() {
        Some("b") => (404, r#"{"detail": "Not Found"}"#.to_owned()),
        _ => lots(target),
    });
    let args = ["lots", "find-payout", id, "--from", "2025-04-01", "--to", "2025-04-30"];
    let found = run(&mut with_token(&url, &args));
    assert_eq!((found.code, found.out.as_str()), (3, ""), "{}", found.err);
    insta::assert_snapshot!(found.err);
}

/// For a payout that may be there, and for all that can be said without it.
#[test]
fn a_search_that_failed_says_what_was_not_searched() {
    let server = generated(&Generated::new(7));
    let find = |id: &str, request: u64| {
        server.with_sandbox(|it| {
            let schedule = Schedule::always().from_request(request);
            it.add_fault(
                Fault::named("redirect-302"),
                Fault::named("redirect-302").calls(),
                schedule,
            );
        });
        let failed = run(&mut with_token(server.base_url(), &in_may(&["lots", "find-payout", id])));
        server.with_sandbox(Sandbox::clear_faults);
        assert_eq!((failed.code, failed.out.as_str()), (5, ""), "{}", failed.err);
        let tips = failed.err.lines().filter(|line| line.contains("not searched completely"));
        tips.map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    let middle = "txc_01krnr3zg0f509bq5svh03ztt8"; // of the middle of May
    let told: Vec<String> =
        [("txc_1", 1), ("txc_1", 9), (middle, 1), (middle, 9)].map(|(id, n)| find(id, n)).into();
    insta::assert_snapshot!(told.join("\n"));
}

/// The lots `a` and, a day later, `b`. Both hold the payout.
fn two_lots(statuses: [&'static str; 2], payout: &str) -> String {
    let answer = answers_of_two_lots(statuses, payout);
    server(move |_, target| answer(target))
}

fn answers_of_two_lots(
    statuses: [&'static str; 2],
    payout: &str,
) -> impl Fn(&str) -> (u16, String) + Send + Sync + 'static {
    let payout = payout.to_owned();
    let lot = move |name: &str, rest: &str| {
        let n = usize::from(name == "b");
        let (day, status) = (9 + n, statuses[n]);
        format!(
            r#"{{"lot_id":"{name}","transaction_hash":null,"usdt_amount":"1.5","created_at":"2025-04-{day:02}T00:00:00Z","status":"{status}"{rest}}}"#
        )
    };
    move |target| {
        let Some((_, query)) = target.split_once('?') else {
            let rest = format!(
                r#","payouts":[{{"kamipay_id":"{payout}","amount":"1.5","created_at":"2025-04-08T00:00:00Z"}}],"refunds":[]"#
            );
            return (200, lot(target.rsplit('/').next().unwrap(), &rest));
        };
        let time = |name: &str| query.split(name).nth(1).unwrap()[..10].to_owned();
        let period = time("start_date=")..time("end_date=");
        let days = [("a", "2025-04-09"), ("b", "2025-04-10")];
        let rows: Vec<String> = days
            .iter()
            .filter(|(_, day)| period.contains(&(*day).to_owned()))
            .map(|(name, _)| lot(name, ""))
            .collect();
        let (rows, total) = (rows.join(","), rows.len());
        let at = crate::support::offset(target);
        (200, format!(r#"{{"lots":[{rows}],"total":{total},"limit":1000,"offset":{at}}}"#))
    }
}
