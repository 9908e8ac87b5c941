//! Tables: they fit the screen, and show what was asked for.

use kamipay_sandbox::Generated;
use unicode_width::UnicodeWidthStr as _;

use crate::support::{
    documented, generated, in_may, nobody, run, server, with_payments, with_token,
};

const LOT: &str = "9c030c8b-6d68-445b-8048-1bacd91012fa";
const DOCUMENTED_DAY: [&str; 4] = ["--from", "2024-06-15", "--to", "2024-06-15"];

fn lists(day: &[&'static str]) -> Vec<Vec<&'static str>> {
    vec![
        in_may(&["lots", "list"]),
        in_may(&["settlements", "list"]),
        in_may(&["settlements", "transactions"]),
        vec!["settlements", "pending"],
        [&["charges", "confirmed"], day].concat(),
    ]
}

/// A table on a screen of this width.
fn table(url: &str, args: &[&str], columns: &str) -> String {
    let mut command = with_token(url, &[args, &["--output", "table", "--quiet"]].concat());
    run(command.env("COLUMNS", columns)).good()
}

#[test]
fn on_screens() {
    let server = with_payments();
    let mut all = lists(&DOCUMENTED_DAY);
    all.push(vec!["lots", "get", LOT]);
    all.push(in_may(&["lots", "find-payout", "txc_test_lot1_charge_002"]));
    all.push(vec!["settlements", "get", "12345"]);
    all.push(vec!["pay", "status", "--external-id", "done"]);
    for columns in ["80", "120"] {
        let shown = all.iter().map(|args| {
            let table = table(server.base_url(), args, columns);
            let widest = table.lines().map(|line| line.width()).max().unwrap();
            assert!(widest <= columns.parse().unwrap(), "{table}");
            format!("$ kamipay {}\n{table}", args.join(" "))
        });
        insta::assert_snapshot!(columns, shown.collect::<Vec<_>>().join("\n"));
    }
}

/// For any width that has room for the most important column, and data of any length.
#[test]
fn every_table_fits_every_screen() {
    let merchant = Generated::new(11);
    let server = generated(&merchant);
    let lot = merchant.lots().find(|lot| !lot.refunds.is_empty()).unwrap().lot_id;
    let day = ["--from", "2026-05-14", "--to", "2026-05-14T12:00:00Z"];
    let mut all = lists(&day);
    all.push(vec!["lots", "get", &lot]);
    for args in all {
        for columns in ["60", "72", "80", "100", "120", "200"] {
            let width: usize = columns.parse().unwrap();
            if args[1] == "get" && width < 70 {
                continue; // it shows whole hashes
            }
            let table = table(server.base_url(), &args, columns);
            for line in table.lines() {
                assert!(line.width() <= width, "{columns}:\n{table}");
            }
        }
    }
}

#[test]
fn a_table_for_a_file_is_not_shortened() {
    let server = documented();
    for more in [&[][..], &["--wide"]] {
        let columns = if more.is_empty() { "" } else { "40" };
        let args = [&in_may(&["lots", "list"]), more].concat();
        let table = table(server.base_url(), &args, columns);
        assert!(table.contains(LOT) && !table.contains('…'), "{table}");
        assert!(table.contains("931f0b90635f5bdf") && !table.contains("not shown"), "{table}");
    }
}

#[test]
fn wide_shows_every_field() {
    let server = documented();
    for args in lists(&DOCUMENTED_DAY) {
        let csv = [&args[..], &["--output", "csv", "--quiet"]].concat();
        let csv = run(&mut with_token(server.base_url(), &csv)).good();
        let mut fields: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
        let wide = table(server.base_url(), &[&args[..], &["--wide"]].concat(), "80");
        let mut shown: Vec<&str> = wide.lines().next().unwrap().split_whitespace().collect();
        fields.sort_unstable();
        shown.sort_unstable();
        assert_eq!(shown, fields, "{args:?}");
        // A currency has a column of its own here.
        assert!(!wide.contains("29750.0 ARS"), "{wide}");
    }
}

#[test]
fn columns_are_chosen_by_name() {
    let server = documented();
    let args = in_may(&["lots", "list", "--columns", "usdt_amount,lot_id,transaction_hash"]);
    let shown = table(server.base_url(), &args, "40");
    let heading: Vec<&str> = shown.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(heading, ["usdt_amount", "lot_id", "transaction_hash"]);
    assert!(!shown.contains("not shown"), "{shown}");

    let csv = [&args[..], &["--output", "csv", "--quiet"]].concat();
    let csv = run(&mut with_token(server.base_url(), &csv)).good();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "usdt_amount,lot_id,transaction_hash");
    assert_eq!(lines[2], format!("10027.79968000,{LOT},{HASH}"));
}

const HASH: &str = "0x812f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf";

#[test]
fn columns_that_are_refused() {
    let refused = |args: &[&str]| {
        let run = run(&mut with_token(&nobody(), &in_may(&[&["lots", "list"], args].concat())));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
        format!("$ kamipay lots list {}\n{}", args.join(" "), run.err)
    };
    let refusals = [
        refused(&["--output", "table", "--columns", "lot_id,amount"]),
        refused(&["--output", "csv", "--columns", ""]),
        refused(&["--output", "csv", "--columns", "status,lot_id,status"]),
        refused(&["--output", "json", "--columns", "status"]),
        refused(&["--columns", "status"]),
        refused(&["--columns", "status", "--output", "csv", "--resume", "s", "--out", "o"]),
    ];
    insta::assert_snapshot!(refusals.join("\n"));
}

/// The formats for programs have UTC in any zone.
#[test]
fn times_in_a_table_are_those_of_the_zone() {
    let server = documented();
    let list = in_may(&["settlements", "list"]);
    let get = vec!["settlements", "get", "12345"];
    let find = in_may(&["lots", "find-payout", "txc_test_lot1_charge_002"]);
    for (args, utc, local) in [
        (&list, "2026-05-14 15:00:42Z", "2026-05-14 12:00:42-03"),
        (&get, "2026-05-14T15:00:42Z", "2026-05-14T12:00:42-03:00"),
        (&find, "2025-05-07 19:07:19Z", "2025-05-07 16:07:19-03"),
    ] {
        assert!(table(server.base_url(), args, "").contains(utc));
        for zone in [["--utc-offset", "-03:00"], ["--timezone", "America/Sao_Paulo"]] {
            let there = [&args[..], &zone].concat();
            let shown = table(server.base_url(), &there, "");
            assert!(shown.contains(local), "{shown}");
            for format in ["json", "ndjson", "csv"] {
                let of = |args: &[&str]| {
                    let args = [args, &["--output", format, "--quiet"]].concat();
                    run(&mut with_token(server.base_url(), &args)).good()
                };
                assert_eq!(of(&there), of(args), "{format}");
            }
        }
    }
}

/// A program reads whole identifiers, on whatever screen.
#[test]
fn only_tables_are_shortened() {
    let long = "order-".to_owned() + &"7".repeat(300);
    let body = format!(
        r#"[{{"store_id":"1","checkout_id":"1","operation_id":"{long}","tx_hash":"{long}","brl_requested":"25.00","usdt_credited":"5.00000","external_data":"{long}","request_datetime":"1778745600.1","credit_datetime":"1778745601.1"}}]"#
    );
    let url = server(move |_, _| (200, body.clone()));
    let args =
        ["charges", "confirmed", "--from", "2026-05-14", "--to", "2026-05-14T12:00:00Z", "--quiet"];
    for format in ["json", "ndjson", "csv"] {
        let mut command = with_token(&url, &[&args[..], &["--output", format]].concat());
        let shown = run(command.env("COLUMNS", "40")).good();
        assert!(shown.matches("7".repeat(300).as_str()).count() == 3 && !shown.contains('…'));
    }
    let shown = table(&url, &args[..6], "80");
    assert!(shown.lines().all(|line| line.width() <= 80) && shown.contains('…'), "{shown}");
}

#[test]
fn states_have_colours_where_colour_is_wanted() {
    let server = documented();
    let args = in_may(&["lots", "list", "--output", "table"]);
    let colours = |variables: &[(&str, &str)]| {
        let mut command = with_token(server.base_url(), &args);
        run(command.envs(variables.iter().copied())).out.contains("\x1b[32mMINED\x1b[0m")
    };
    let force = ("CLICOLOR_FORCE", "1");
    assert!(colours(&[force]));
    assert!(!colours(&[]));
    assert!(!colours(&[force, ("NO_COLOR", "1")]));
}
