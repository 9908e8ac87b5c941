//! Totals: exact, by currency, of the whole listing, or said not to be.

use std::collections::BTreeMap;
use std::fs;

use kamipay_sandbox::{Fault, Generated};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::scans::Dir;
use crate::support::{Run, documented, generated, in_may, lots, offset, run, server, with_token};

const DOCUMENTED_DAY: [&str; 4] = ["--from", "2024-06-15", "--to", "2024-06-15"];

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn totals(url: &str, args: &[&str], format: &str) -> Run {
    run(&mut with_token(url, &[args, &["--totals", "--output", format]].concat()))
}

fn decimal(value: &Value) -> Decimal {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn every_list_has_totals() {
    let server = documented();
    let lists = [
        in_may(&["lots", "list"]),
        in_may(&["settlements", "list"]),
        in_may(&["settlements", "transactions"]),
        vec!["settlements", "pending"],
        [&["charges", "confirmed"], &DOCUMENTED_DAY[..]].concat(),
    ];
    let mut shown = Vec::new();
    for list in lists {
        let csv = totals(server.base_url(), &list, "csv");
        assert_eq!(csv.code, 0);
        let rows = run(&mut with_token(server.base_url(), &[&list[..], &["--quiet"]].concat()));
        let value = totals(server.base_url(), &list, "json");
        let as_json = json(&value.out);
        let expected: Vec<Value> = rows.good().lines().map(json).collect();
        assert_eq!(as_json["rows"], Value::Array(expected), "{list:?}");
        assert!(!value.err.contains("sum"), "{}", value.err);
        shown.push(format!("$ kamipay {}\n{}{}", list.join(" "), csv.err, as_json["totals"]));
    }
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn they_are_one_value_with_the_rows_in_json() {
    let list = in_may(&["settlements", "list"]);
    insta::assert_snapshot!(totals(documented().base_url(), &list, "json").good());
    let none = ["lots", "list", "--from", "2020-01-01", "--to", "2020-01-31"];
    let none = totals(generated(&Generated::new(1)).base_url(), &none, "json").good();
    assert_eq!(
        json(&none),
        json(r#"{"rows": [], "totals": {"count": 0, "usdt_amount": {}, "missing": {}}}"#)
    );
}

/// To the last digit, and those of the states add up to those of all.
#[test]
fn they_are_exact() {
    let merchant = Generated::new(11);
    let server = generated(&merchant);
    let value = json(&totals(server.base_url(), &in_may(&["lots", "list"]), "json").out);
    let sum: Decimal = merchant.lots().map(|lot| lot.usdt_amount).sum();
    assert_eq!(decimal(&value["totals"]["usdt_amount"]["USDT"]), sum);
    assert_eq!(value["totals"]["count"], value["rows"].as_array().unwrap().len());
    let mut by_status: BTreeMap<&str, (u64, Decimal)> = BTreeMap::new();
    for row in value["rows"].as_array().unwrap() {
        let (rows, sum) = by_status.entry(row["status"].as_str().unwrap()).or_default();
        *rows += 1;
        *sum += decimal(&row["usdt_amount"]);
    }
    let told = value["totals"]["by_status"].as_object().unwrap();
    assert_eq!(told.len(), by_status.len());
    for (status, (rows, sum)) in by_status {
        assert_eq!(told[status]["count"], rows);
        assert_eq!(decimal(&told[status]["usdt_amount"]["USDT"]), sum);
    }

    let pending: Decimal = merchant.pending_charges().map(|it| it.settlement_amount).sum();
    for period in [&[][..], &["--from", "2026-01-01", "--to", "2026-06-01"]] {
        let args = [&["settlements", "pending"], period].concat();
        let value = json(&totals(server.base_url(), &args, "json").out);
        assert_eq!(decimal(&value["totals"]["settlement_amount"]["ARS"]), pending);
        assert_eq!(value["totals"]["count"], 9);
    }
}

/// A server with pending charges of these amounts.
fn pool(charges: &'static [(&str, &str)]) -> String {
    server(move |_, target| {
        let charge = |(n, (amount, currency)): (usize, &(&str, &str))| {
            format!(
                r#"{{"kamipay_request_id":"ptxr_{n}","kamipay_id":"dqr_{n}","external_id":null,"charged_amount":"0.10","charged_currency":"BRL","settlement_amount":"{amount}","settlement_currency":"{currency}","charged_timestamp":"2026-05-14T13:21:{n:02}Z"}}"#
            )
        };
        let at = offset(target) as usize;
        let items: Vec<String> = charges.iter().enumerate().skip(at).map(charge).collect();
        let (count, items) = (charges.len(), items.join(","));
        let body = format!(
            r#"{{"items":[{items}],"totals":{{"count":{count},"settlement_amount":"1"}},"limit":1000,"offset":{at}}}"#
        );
        (200, body)
    })
}

#[test]
fn two_currencies_are_never_added() {
    let url = pool(&[("29750.0", "ARS"), ("0.01", "USD"), ("39575.05", "ARS")]);
    let value = json(&totals(&url, &["settlements", "pending"], "json").out);
    assert_eq!(
        value["totals"],
        json(
            r#"{"count": 3, "charged_amount": {"BRL": "0.30"}, "missing": {},
                "settlement_amount": {"ARS": "69325.05", "USD": "0.01"}}"#
        )
    );
    insta::assert_snapshot!(totals(&url, &["settlements", "pending"], "ndjson").err);
}

const MOST: &str = "79228162514264337593543950335";

#[test]
fn a_sum_with_too_many_digits_is_an_error() {
    let url = pool(&[(MOST, "ARS"), ("1", "ARS"), ("2", "USD")]);
    let error = "error: --totals: settlement_amount in ARS has too many digits for an exact sum\n";
    let value = totals(&url, &["settlements", "pending"], "json");
    assert_eq!((value.code, value.out.as_str(), value.err.as_str()), (1, "", error));
    let rows = totals(&url, &["settlements", "pending"], "ndjson");
    assert_eq!((rows.code, rows.out.lines().count()), (1, 3));
    assert!(rows.err.ends_with(error) && rows.err.contains("too many digits, ARS"), "{}", rows.err);
    assert!(rows.err.contains("2 USD"), "{}", rows.err);
}

/// Sums of a part would be taken for those of the whole.
#[test]
fn an_incomplete_list_has_none() {
    let url = server(|n, target| match (n, offset(target)) {
        (0, 0) => lots(0..1000, 1500, 0),
        _ => (500, String::new()),
    });
    let list = in_may(&["lots", "list", "--max-attempts", "1"]);
    for format in ["ndjson", "csv", "json"] {
        let broken = totals(&url, &list, format);
        assert!(broken.code == 5 || broken.code == 6, "{}", broken.err);
        assert!(broken.err.contains("no totals of a list that is not whole"), "{}", broken.err);
        assert!(!broken.err.contains("USDT") && !broken.out.contains("totals"), "{}", broken.err);
    }
}

/// What an earlier run printed is not added up again, which is said.
#[test]
fn a_resumed_list_says_which_rows_they_are_of() {
    let merchant = Generated::new(3).with_charges(900);
    let server = generated(&merchant);
    let dir = Dir::new("totals");
    let [state, out] = ["state", "out"].map(|name| dir.file(name));
    let files = ["--page-size", "100", "--resume", &state, "--out", &out, "--max-attempts", "1"];
    let list = in_may(&[&["settlements", "transactions"][..], &files].concat());
    // The rows are in the file, wherever the first run breaks.
    server.with_sandbox(|it| {
        let later = kamipay_sandbox::Schedule::always().from_request(4);
        it.add_fault(Fault::named("redirect-302"), Fault::named("redirect-302").calls(), later);
    });
    let first = totals(server.base_url(), &list, "ndjson");
    assert_ne!(first.code, 0, "{}", first.err);
    assert!(!first.err.contains("BRL"), "{}", first.err);
    let before = fs::read_to_string(&out).unwrap().lines().count();
    assert!(before > 0, "{}", first.err);

    server.with_sandbox(kamipay_sandbox::Sandbox::clear_faults);
    let second = totals(server.base_url(), &list, "ndjson");
    assert_eq!(second.code, 0, "{}", second.err);
    let text = fs::read_to_string(&out).unwrap();
    let rows: Vec<Value> = text.lines().skip(before).map(json).collect();
    let words = format!("the totals are of the {} rows of this run", rows.len());
    assert!(second.err.contains(&words), "{}", second.err);
    let sum: Decimal = rows.iter().map(|row| decimal(&row["charged_amount"])).sum();
    assert!(second.err.contains(&format!(" {sum} BRL")), "{sum}: {}", second.err);

    let third = totals(server.base_url(), &list, "ndjson");
    assert!(third.code == 0 && third.err.contains("no totals: this run read no rows"));
}

/// Nobody asked for them, so standard error is as quiet as before.
#[test]
fn elsewhere_than_on_a_terminal_they_are_asked_for() {
    let server = documented();
    for format in ["table", "json", "ndjson", "csv"] {
        let args = ["settlements", "pending", "--output", format];
        assert!(!run(&mut with_token(server.base_url(), &args)).good().contains("totals"));
    }
    let table = totals(server.base_url(), &["settlements", "pending", "--quiet"], "table");
    assert!(table.out.ends_with("\n2 pending charges\n"), "{}", table.out);
    assert!(table.err.contains("69325.0 ARS"), "{}", table.err);
}
