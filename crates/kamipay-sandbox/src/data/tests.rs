//! The example of the README, and what is refused.

use super::*;
use crate::{Generated, Sandbox};

const EXAMPLE: &str = include_str!("../../examples/merchant.json");

fn refusal(json: &str) -> String {
    Data::from_json(json, DateTime::default()).unwrap_err().to_string()
}

/// The body of a GET with the first token.
fn get(sandbox: &mut Sandbox, uri: &str) -> String {
    let request = http::Request::get(uri)
        .header("authorization", format!("Bearer {}", sandbox.token()))
        .body(Vec::new());
    String::from_utf8(sandbox.handle(request.unwrap()).into_body()).unwrap()
}

#[test]
fn the_example_is_answered_as_it_is_spelled() {
    const PERIOD: &str = "start_date=2026-05-14T00:00:00Z&end_date=2026-05-15T00:00:00Z";
    let calls = [
        format!("/v1/lots?{PERIOD}"),
        "/v1/lots/9c030c8b-6d68-445b-8048-1bacd91012fa".to_owned(),
        format!("/v1/settlements?{PERIOD}"),
        "/v1/settlements/7".to_owned(),
        format!("/v1/settlements/transactions?{PERIOD}&settlement_id=7&limit=1&offset=1"),
        "/v1/settlements/pending-charges".to_owned(),
        "/v2/status/tx_status_lot?start=1778770800&end=1778770801".to_owned(),
        "/v2/oracle?pair=BRLUSDT".to_owned(),
        "/v2/status/tx_status?target=external_id&type=pay&chain=tron&id=order-7".to_owned(),
        "/v2/status/tx_status?target=external_id&type=pay&chain=tron&id=order-7".to_owned(),
        "/v2/status/tx_status?target=external_id&type=pay&chain=tron&id=order-8".to_owned(),
        "/v2/status/tx_status?target=kamipay_id&type=pay&chain=tron\
         &id=txc_01kr4a2y9n3s7v4n6b8s3d5e9q"
            .to_owned(),
    ];
    let mut alone = Sandbox::empty().with_json(EXAMPLE).unwrap();
    let mut beside = Sandbox::generated(Generated::new(7)).with_json(EXAMPLE).unwrap();
    let mut answers = String::new();
    for call in &calls {
        let answer = get(&mut alone, call);
        let is_list = call.contains("start_date") && !call.contains("settlement_id");
        if !is_list && !call.contains("pending") && !call.contains("tx_status_lot") {
            assert_eq!(get(&mut beside, call), answer, "{call}");
        }
        answers.push_str(&format!("{call}\n  {answer}\n"));
    }
    insta::assert_snapshot!(answers);
    assert_eq!(beside.now(), alone.now());
}

#[test]
fn the_readme_shows_the_example_and_the_test_that_runs() {
    const README: &str = include_str!("../../README.md");
    assert!(README.contains(EXAMPLE));
    let (_, test) = include_str!("../../tests/order.rs").split_once("\n\n").unwrap();
    assert!(README.contains(test));
    for state in PaymentState::ALL {
        assert!(README.contains(&format!("`{state}`")), "{state}");
    }
}

#[test]
fn sums_are_exact_and_other_sums_are_kept() {
    let settlement = |amount: &str| {
        let json = format!(
            r#"{{"settlements": [{{"settlement_id": 7, "settled_at": "2026-05-14T00:00:00Z" {amount},
            "charges": [
              {{"kamipay_request_id": "a", "charged_amount": 1, "settlement_amount": 0.1}},
              {{"kamipay_request_id": "b", "charged_amount": 1, "settlement_amount": null}}]}}],
            "transactions": [{{"settlement_id": 7, "kamipay_request_id": "c", "settled_at": null,
              "charged_amount": 1, "settlement_amount": 0.2, "created_at": "2026-05-14T00:00:00Z"}}]}}"#
        );
        get(&mut Sandbox::empty().with_json(&json).unwrap(), "/v1/settlements/7")
    };
    assert!(settlement("").contains(r#""amount":0.3,"#));
    assert!(settlement("").contains(r#""settlement_amount":null,"settlement_currency":null"#));
    assert!(settlement(r#", "amount": 1e-05"#).contains(r#""amount":1e-05,"#));
    let lot = |amount: &str| {
        let json = format!(
            r#"{{"lots": [{{"lot_id": "a", "created_at": null, "status": "PROCESSING" {amount},
            "payouts": [{{"kamipay_id": "p", "amount": "0.1"}},
              {{"kamipay_id": "q", "amount": "0.2"}}]}}]}}"#
        );
        get(&mut Sandbox::empty().with_json(&json).unwrap(), "/v1/lots/a")
    };
    assert!(lot("").contains(r#""usdt_amount":"0.30000000","created_at":null"#));
    assert!(lot(r#", "usdt_amount": "0E-8""#).contains(r#""usdt_amount":"0E-8","#));
}

#[test]
fn a_settlement_in_flight_is_found_but_not_listed() {
    let mut sandbox = Sandbox::empty()
        .with_json(
            r#"{"settlements": [{"settlement_id": 7, "amount": 5, "settled_at": null,
            "status": "PROCESSING"}]}"#,
        )
        .unwrap();
    let list = "/v1/settlements?start_date=2026-05-01T00:00:00Z&end_date=2026-05-30T00:00:00Z";
    assert!(get(&mut sandbox, list).contains(r#""settlements":[],"total":0"#));
    assert!(get(&mut sandbox, "/v1/settlements/7").contains(r#""settled_at":null"#));
    assert!(sandbox.history().rows(List::Settlements).is_empty());
    assert!(sandbox.remove(List::Settlements, "7"));
    assert!(sandbox.history().rows(List::Settlements).is_empty());
}

#[test]
fn a_refusal_names_the_line_the_field_and_what_is_allowed() {
    let lot = |field: &str| {
        format!(
            "{{\n \"lots\": [\n  {{\"lot_id\": \"a\", \"created_at\": \"2026-05-14T00:00:00Z\",\n\
             {field}}}]}}"
        )
    };
    let payment = |field: &str| format!(r#"{{"payments": [{{"external_id": "a"{field}}}]}}"#);
    let charge = |fields: &str| {
        format!(r#"{{"pending_charges": [{{"kamipay_request_id": "a", {fields}}}]}}"#)
    };
    let route = |fields: &str| format!(r#"{{"routes": [{{{fields}}}]}}"#);
    let refused = [
        String::new(),
        "[]".to_owned(),
        "{\n\"lots\": [}".to_owned(),
        r#"{"lot": []}"#.to_owned(),
        r#"{"\u001b[31m": []}"#.to_owned(),
        r#"{"lots": [], "lots": []}"#.to_owned(),
        r#"{"lots": {}}"#.to_owned(),
        r#"{"lots": [7]}"#.to_owned(),
        r#"{"lots": [{}]}"#.to_owned(),
        r#"{"now": "2026-05-14"}"#.to_owned(),
        r#"{"now": null}"#.to_owned(),
        lot(r#""usdt_amuont": "1""#),
        lot(r#""usdt_amount": 25.90"#),
        lot(r#""usdt_amount": null"#),
        lot(r#""usdt_amount": "1,000.00""#),
        lot(r#""usdt_amount": "0.12345678901""#),
        lot(r#""usdt_amount": "1000000000000000""#),
        lot(r#""usdt_amount": "1", "status": "MINDE""#),
        lot(r#""status": "MINED""#),
        lot(r#""payouts": [{"kamipay_id": "b"}]"#),
        lot(
            r#""payouts": [{"kamipay_id": "b", "amount": "1"}, {"kamipay_id": "b", "amount": "1"}]"#,
        ),
        lot(r#""refunds": [{"kamipay_refund_id": "b", "amount": 1}]"#),
        payment(""),
        payment(r#", "states": []"#),
        payment(r#", "states": "done""#),
        payment(r#", "states": ["done", "paid"]"#),
        payment(r#", "states": ["done"], "amount_usdt": 1"#),
        payment(r#", "states": ["done"]}, {"external_id": "a", "states": ["done"]"#),
        charge(r#""charged_amount": "5.28""#),
        charge(r#""charged_amount": null"#),
        charge(r#""checkout_id": "42""#),
        charge(r#""settlement_amount": 1, "charged_timestamp": "2026-05-14T00:00:00Z""#),
        r#"{"confirmed_charges": [{"operation_id": "a", "store_id": 1}]}"#.to_owned(),
        r#"{"confirmed_charges": [{"operation_id": "a", "credit_datetime": "soon"}]}"#.to_owned(),
        r#"{"settlements": [{"settlement_id": 7, "settled_at": "2026-05-14T00:00:00Z"}]}"#
            .to_owned(),
        route(r#""method": "get", "path": "/a", "body": 1"#),
        route(r#""method": "GET", "path": "a", "body": 1"#),
        route(r#""method": "GET", "path": "/a", "body": 1, "status": 1000"#),
        route(r#""method": "GET", "path": "/a", "needs_token": "no""#),
    ];
    let refusals: Vec<_> = refused.iter().map(|json| refusal(json)).collect();
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn a_lot_without_a_time_is_of_now() {
    let json = r#"{"lots": [{"lot_id": "a", "created_at": null, "usdt_amount": "1"}]}"#;
    let list = |day: &str| format!("/v1/lots?start_date={day}T00:00:00Z&end_date={day}T23:00:00Z");
    for (sandbox, json, day) in [
        (Sandbox::empty(), json.to_owned(), "2026-05-14"),
        (Sandbox::generated(Generated::new(7)), json.to_owned(), "2026-06-01"),
        (
            Sandbox::empty(),
            json.replace("{\"lots", r#"{"now": "2026-07-01T01:00:00Z", "lots"#),
            "2026-07-01",
        ),
    ] {
        let answer = get(&mut sandbox.with_json(&json).unwrap(), &list(day));
        assert!(answer.contains(r#"[{"lot_id":"a","#), "{day}: {answer}");
    }
}

#[test]
fn a_refusal_names_the_file() {
    let path = std::env::temp_dir().join(format!("kamipay-sandbox-{}.json", std::process::id()));
    fs::write(&path, "{\n\n\"lot\": 1}").unwrap();
    let error = Sandbox::empty().with_file(&path).unwrap_err();
    fs::remove_file(&path).unwrap();
    let place = format!("{}:3: lot: there is no such field", path.display());
    assert!(error.to_string().starts_with(&place), "{error}");
    assert!(error.source().is_none());
    let error = Sandbox::empty().with_file(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: the file cannot be read", path.display()));
    assert!(error.source().is_some());
}

/// Whatever one byte of the example becomes, it is read or refused.
#[test]
fn no_data_makes_it_panic() {
    for (place, _) in EXAMPLE.char_indices() {
        for other in ["", "\"", "9", "e", "null"] {
            let json = [&EXAMPLE[..place], other, &EXAMPLE[place + 1..]].concat();
            if let Err(error) = Data::from_json(&json, DateTime::default()) {
                assert!(error.to_string().starts_with("line "), "{error}");
            }
        }
    }
}
