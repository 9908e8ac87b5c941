use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Endpoint, ResponseError, ResponseErrorKind};

const HASH: &str = "0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab";
const OTHER: &str = "0x96a48088522ccaae8f60afa7d66290d0c2b3ebd3bb70630df79f105258d36547";
const PLACEHOLDER: &str = "0xprocessing123456789012345678901234567890123456789012345678901234";

fn answer(status: u16, body: &str) -> Result<PayStatus, ResponseError> {
    let payment = PaymentTarget::kamipay_id("txc_1").unwrap();
    let mut response = http::Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    GetPayStatus::new(payment, Chain::Polygon).parse(response)
}

fn read(body: &str) -> PayStatus {
    let status = answer(200, body).unwrap_or_else(|error| panic!("{body}: {error:?}"));
    // Every state survives being stored.
    for json in
        [serde_json::to_string(&status).unwrap(), serde_json::to_string_pretty(&status).unwrap()]
    {
        assert_eq!(serde_json::from_str::<PayStatus>(&json).unwrap(), status, "{body}");
    }
    status
}

fn fault(body: &str) -> DecodeError {
    let error = answer(200, body).expect_err(body);
    let ResponseErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
    fault.clone()
}

#[test]
fn each_state_says_whether_it_is_over_and_what_it_permits() {
    let data = |state: &str, rest: &str| {
        format!(
            r#"{{"status": "ok", "msg": "m", "data": {{"status": "{state}",
            "kamipay_id": "txc_1", "external_id": 7{rest}}}}}"#
        )
    };
    for (body, state, over, permitted) in [
        (data("accepted", ""), "accepted", false, false),
        (data("processing", ""), "processing", false, false),
        (data("done", ""), "done", true, false),
        (data("canceled", ""), "canceled", true, true),
        (data("failed", ""), "failed", true, false),
        (data("failed", &format!(r#", "refund_txid": "{OTHER}""#)), "failed", true, true),
        (data("expired", ""), "expired", false, false),
        (r#"{"status": "failed", "msg": "m"}"#.to_owned(), "not_found", false, false),
        (r#"{"status": "pending", "msg": "m"}"#.to_owned(), "pending", false, false),
    ] {
        let status = read(&body);
        assert_eq!((status.state(), status.is_over()), (state, over), "{body}");
        assert_eq!(status.msg(), Some("m"));
        let permission = status.permission_to_pay_again();
        assert_eq!(permission.is_some(), permitted, "{body}");
        if let Some(permission) = permission {
            assert_eq!(permission.kamipay_id(), &KamipayId::from("txc_1"));
            assert_eq!(permission.external_id(), Some(&ExternalId::from("7")));
            let refund = permission.refund_txid().map(TransactionHash::as_str);
            assert_eq!(refund, (state == "failed").then_some(OTHER));
        }
        let is_unknown = matches!(status, PayStatus::_Unnamed(_));
        assert_eq!(is_unknown, ["expired", "pending"].contains(&state));
        let has_payment = ["accepted", "processing", "done", "canceled"].contains(&state);
        assert_eq!(status.payment().is_some(), has_payment);
    }
}

#[test]
fn a_failed_envelope_is_not_a_failed_payment() {
    // pay-status.txt: "TX not found" means wait, `data.status` means returned
    let unknown = read(r#"{"status": "failed", "msg": "TX not found"}"#);
    assert!(matches!(&unknown, PayStatus::NotFound { msg: Some(msg) } if msg == "TX not found"));
    for nothing in ["null", "{}", "{ }", "[]", "[\n]", "\"\"", "\" \""] {
        let body = format!(r#"{{"status": "failed", "msg": "TX not found", "data": {nothing}}}"#);
        assert_eq!(read(&body), unknown);
    }
    assert_eq!(read(r#"{"status": "failed"}"#).msg(), None);
    assert!(matches!(read(r#"{"status": "failed", "msg": null}"#), PayStatus::NotFound { .. }));
}

#[test]
fn ok_without_data_is_an_error() {
    for (body, path) in [
        (r#"{"status": "ok"}"#, "."),
        (r#"{"status": "ok", "msg": "Request ok"}"#, "."),
        (r#"{"status": "ok", "data": null}"#, "data"),
        (r#"{"status": "ok", "data": {}}"#, "data"),
        (r#"{"status": "ok", "data": []}"#, "data"),
        (r#"{"status": "ok", "data": ""}"#, "data"),
        (r#"{"status": "ok", "data": "done"}"#, "data"),
        (r#"{"status": "ok", "data": ["done"]}"#, "data"),
        (r#"{"status": "ok", "data": ["frozen"]}"#, "data"),
        (r#"{"status": "ok", "data": {"status": null}}"#, "data.status"),
        (r#"{"status": "ok", "data": {"status": 5}}"#, "data.status"),
        (r#"{"status": "ok", "data": {"status": ["done"]}}"#, "data.status"),
        (r#"{"status": "ok", "data": {"status": "done"}}"#, "data"),
        (r#"{"status": "ok", "data": {"status": "failed"}}"#, "data"),
        (r#"{"status": "ok", "data": {"status": "done", "kamipay_id": null}}"#, "data.kamipay_id"),
        (r#"{"msg": "TX not found"}"#, "."),
        (r#"{"status": null}"#, "status"),
        (r#"{"status": true, "data": {"status": "canceled", "kamipay_id": "txc_1"}}"#, "status"),
        (r#"["ok", "m", {"status": "canceled", "kamipay_id": "txc_1"}]"#, "."),
        ("{}", "."),
        ("[]", "."),
        ("null", "."),
        ("\"canceled\"", "."),
    ] {
        assert_eq!(fault(body).path, path, "{body}");
    }
}

#[test]
fn a_duplicate_key_is_an_error() {
    for body in [
        r#"{"status": "failed", "status": "ok", "data": {"status": "done", "kamipay_id": "a"}}"#,
        r#"{"status": "ok", "data": {"status": "done", "status": "canceled", "kamipay_id": "a"}}"#,
        r#"{"status": "ok", "data": {"status": "canceled", "txid": "x", "txid": null,
            "kamipay_id": "a"}}"#,
        r#"{"status": "ok", "data": {"status": "done", "kamipay_id": "a"},
            "data": {"status": "canceled", "kamipay_id": "a"}}"#,
        r#"{"status": "failed", "data": {"status": "done"}, "data": null}"#,
        r#"{"status": "ok", "data": {"status": "canceled", "kamipay_id": "a",
            "refund_txid": "x", "refund_txid": ""}}"#,
        r#"{"status": "ok", "data": {"status": "failed", "kamipay_id": "a", "bank_txid": "E1",
            "bank_txi\u0064": null}}"#,
        r#"{"status": "ok", "data": {"status": "frozen", "txid": "x", "txid": null}}"#,
        r#"{"status": "failed", "data": {"status": "done", "txid": "x", "txid": null}}"#,
    ] {
        assert!(fault(body).to_string().contains("duplicate field"), "{body}");
    }
}

#[test]
fn an_unknown_state_is_kept_whole() {
    let body = r#"{"status": "ok", "msg": "m", "data": {"status": "frozen", "reason": "court",
        "amount_usdt": 1.10, "new": [1e5, {"a": null}], "kamipay_id": "txc_1"}}"#;
    let status = read(&format!("\n {body} "));
    assert_eq!((status.state(), status.msg()), ("frozen", Some("m")));
    assert_eq!(serde_json::to_string(&status).unwrap(), body);
    for word in ["CANCELED", "cancelled", "canceled ", "Done", "refunded", ""] {
        let body =
            format!(r#"{{"status": "ok", "data": {{"status": "{word}", "kamipay_id": "txc_1"}}}}"#);
        let status = read(&body);
        assert_eq!((status.state(), status.is_over()), (word, false));
        assert_eq!(status.permission_to_pay_again(), None);
    }
}

#[test]
fn an_answer_that_contradicts_itself_has_both_words_and_is_not_over() {
    for (body, word) in [
        (r#"{"status": "failed", "data": {"status": "done"}}"#, "failed/done"),
        (
            r#"{"status": "failed", "data": {"status": "canceled", "kamipay_id": "txc_1"}}"#,
            "failed/canceled",
        ),
        (r#"{"status": "failed", "data": {"x": 1}}"#, "failed/"),
        (r#"{"status": "failed", "data": "canceled"}"#, "failed/"),
        (r#"{"status": "failed", "data": [null]}"#, "failed/"),
        (r#"{"status": "failed", "data": false}"#, "failed/"),
        (r#"{"status": "error", "data": {"status": "done"}}"#, "error/done"),
        (r#"{"status": "error", "data": 5}"#, "error/"),
        (r#"{"status": "error", "data": {}}"#, "error"),
        (r#"{"status": "canceled"}"#, "canceled"),
        (r#"{"status": "OK", "data": {"status": "canceled"}}"#, "OK/canceled"),
    ] {
        let status = read(body);
        assert_eq!((status.state(), &*serde_json::to_string(&status).unwrap()), (word, body));
        assert!(!status.is_over() && status.permission_to_pay_again().is_none(), "{body}");
    }
}

/// The body of an answer in `state`, with the further fields `rest`.
fn body(state: &str, rest: &str) -> String {
    format!(r#"{{"status": "ok", "data": {{"status": "{state}", "kamipay_id": "txc_1"{rest}}}}}"#)
}

#[test]
fn a_canceled_payment_with_any_of_the_four_fields_gives_no_permission() {
    for name in ["txid", "original_txid", "refund_txid", "bank_txid"] {
        for (value, is_there) in [
            ("null", false),
            (r#""""#, false),
            (r#"" \t\u00a0\u2003""#, false),
            (r#""\u200b""#, true),
            (r#""x""#, true),
            (r#""null""#, true),
            (&format!("\"{HASH}\""), true),
            (&format!("\"{PLACEHOLDER}\""), true),
            (&format!("\"0x{}\"", "0".repeat(64)), true),
            (r#""0""#, true),
            // Of another type.
            ("0", true),
            ("-1.50", true),
            ("false", true),
            ("[]", true),
            ("{}", true),
            (r#"{"hash": null}"#, true),
            (r#""\ud800""#, true), // half a character
        ] {
            let status = read(&body("canceled", &format!(r#", "{name}": {value}"#)));
            let permission = status.permission_to_pay_again();
            assert_eq!(permission.is_none(), is_there, "{name}: {value}");
            assert!(status.is_over());
        }
    }
}

#[test]
fn a_failed_payment_gives_permission_with_one_refund_of_one_transaction() {
    let third = format!("0x{}", "7".repeat(64));
    let (bare, upper) = (&HASH[2..], HASH.to_uppercase()); // `0X…`
    let spaced = format!(" {OTHER} ");
    let zeros = "0".repeat(64);
    let zero = format!("0x{zeros}");
    // The refund, the original, the `txid` and the bank's receipt.
    for (refund, original, txid, bank, permits) in [
        (OTHER, HASH, "", "", true),
        (OTHER, "", "", " ", true),
        (OTHER, bare, &*upper, "", true),
        (OTHER, "", HASH, "", true),
        (OTHER, PLACEHOLDER, "", "", true),
        (&OTHER[2..], HASH, "", "", true), // on Tron
        (&OTHER.to_uppercase().replace('X', "x"), HASH, "", "", true),
        // Not the hash of a refund.
        ("", HASH, "", "", false),
        (" ", HASH, "", "", false),
        (PLACEHOLDER, HASH, "", "", false),
        ("txid5", HASH, "", "", false),
        (&spaced, HASH, "", "", false),
        (&zero, HASH, "", "", false),
        (&zeros, HASH, "", "", false),
        (&zero.replace('x', "X"), HASH, "", "", false),
        (&OTHER.replace("0x", "0X"), HASH, "", "", false),
        (&OTHER.replace('a', "а"), HASH, "", "", false), // the Cyrillic letter
        (&OTHER.replacen('6', "６", 1), HASH, "", "", false),
        // The refund is the transaction itself.
        (HASH, HASH, "", "", false),
        (HASH, &upper, "", "", false),
        (HASH, bare, "", "", false),
        (bare, HASH, "", "", false),
        (HASH, "", HASH, "", false),
        (OTHER, "", &spaced, "", false),
        (OTHER, HASH, OTHER, "", false),
        // Two transactions and a refund.
        (OTHER, HASH, &third, "", false),
        (OTHER, HASH, "x", "", false),
        (OTHER, HASH, &zero, "", false),
        // The bank has paid it out.
        (OTHER, HASH, "", "E2001818", false),
        (OTHER, HASH, "", OTHER, false),
        (OTHER, HASH, "", "0", false),
    ] {
        let rest = format!(
            r#", "refund_txid": "{refund}", "original_txid": "{original}", "txid": "{txid}",
            "bank_txid": "{bank}""#
        );
        let status = read(&body("failed", &rest));
        assert_eq!(status.permission_to_pay_again().is_some(), permits, "{rest}");
        assert!(status.is_over());
    }
    for odd in ["5", "{}", "[]", "true"] {
        let refunded = format!(r#", "refund_txid": "{OTHER}", "original_txid": "{HASH}""#);
        for (name, permits) in [("bank_txid", false), ("txid", false), ("new", true)] {
            let status = read(&body("failed", &format!(r#"{refunded}, "{name}": {odd}"#)));
            assert_eq!(status.permission_to_pay_again().is_some(), permits, "{name}: {odd}");
        }
        let status = read(&body("failed", &format!(r#", "refund_txid": {odd}"#)));
        assert_eq!(status.permission_to_pay_again(), None);
    }
}

/// They may be about another payment, or about this one.
#[test]
fn a_hash_in_another_place_gives_no_permission() {
    let nested = format!(r#", "retries": [{{"txid": "{HASH}"}}], "new": {{"txid": "{HASH}"}}"#);
    let status = read(&body("canceled", &nested));
    assert_eq!((status.state(), status.is_over()), ("canceled", false));
    assert_eq!(status.permission_to_pay_again(), None);
    let stored = serde_json::to_string(&status).unwrap();
    assert_eq!(read(&stored), status);
    let refund = format!(r#", "refund": {{"refund_txid": "{OTHER}"}}, "refund_txid": null"#);
    assert_eq!(read(&body("failed", &refund)).permission_to_pay_again(), None);
}

#[test]
fn only_a_2xx_has_a_state_and_only_200_and_201_give_permission() {
    let canceled = r#"{"status": "ok", "data": {"status": "canceled", "kamipay_id": "txc_1"}}"#;
    let unknown = r#"{"status": "failed", "msg": "TX not found"}"#;
    for status in 100..=999 {
        for body in [canceled, unknown] {
            let result = answer(status, body);
            let is_answer = match body {
                _ if body == canceled => matches!(status, 200 | 201),
                _ => matches!(status, 200..=203 | 207..=299),
            };
            assert_eq!(result.is_ok(), is_answer, "{status}");
            let permission = result.ok().and_then(|status| status.permission_to_pay_again());
            assert_eq!(permission.is_some(), is_answer && body == canceled, "{status}");
        }
    }
}

/// Any JSON value.
fn anything() -> impl Strategy<Value = Value> {
    let texts = ["", " ", "x", HASH, OTHER, PLACEHOLDER, "ok", "failed", "canceled", "done"];
    prop_oneof![
        4 => prop::sample::select(texts.to_vec()).prop_map(Value::from),
        1 => Just(Value::Null),
        1 => prop::sample::select(vec![
            json!(true), json!(0), json!(-1.5), json!([]), json!({}), json!(["canceled"]),
            json!({"status": "canceled"}),
        ]),
        1 => ".{0,8}".prop_map(Value::from),
    ]
}

fn mixture() -> impl Strategy<Value = Value> {
    let words = ["ok", "failed", "canceled", "done", "Ok", "ok "];
    let word = || prop_oneof![8 => prop::sample::select(words.to_vec()).prop_map(Value::from), 1 => anything()];
    let names = [
        "txid",
        "bank_txid",
        "refund_txid",
        "original_txid",
        "external_id",
        "name",
        "amount_usdt",
        "new",
    ];
    let rest = prop::collection::btree_map(prop::sample::select(names.to_vec()), anything(), 0..5);
    (word(), word(), rest, any::<bool>()).prop_map(|(top, state, rest, has_id)| {
        let mut data: serde_json::Map<String, Value> =
            rest.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        data.insert("status".to_owned(), state);
        if has_id {
            data.insert("kamipay_id".to_owned(), json!("txc_1"));
        }
        json!({"status": top, "msg": "transaction canceled", "data": data})
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn only_canceled_and_refunded_payments_give_permission(body in mixture(), status in 200_u16..204) {
        let Ok(pay_status) = answer(status, &body.to_string()) else { return Ok(()) };
        let data = &body["data"];
        let (top, state) = (body["status"].as_str(), data["status"].as_str());
        let none = |name: &str| {
            data[name].is_null() || data[name].as_str().is_some_and(|it| it.trim().is_empty())
        };
        let hash = |name: &str| {
            data[name].as_str().is_some_and(|text| TransactionHash::from(text).is_well_formed())
        };

        if pay_status.is_over() {
            prop_assert_eq!(top, Some("ok"));
            prop_assert!(matches!(state, Some("done" | "failed" | "canceled")));
        }
        if let Some(permission) = pay_status.permission_to_pay_again() {
            prop_assert_eq!(top, Some("ok"));
            prop_assert!(none("bank_txid") && status < 202);
            match state {
                Some("canceled") => {
                    prop_assert!(["txid", "original_txid", "refund_txid"].into_iter().all(none));
                }
                Some("failed") => {
                    prop_assert!(hash("refund_txid"));
                    prop_assert_ne!(&data["refund_txid"], &data["original_txid"]);
                    prop_assert_ne!(&data["refund_txid"], &data["txid"]);
                }
                _ => prop_assert!(false, "{}", body),
            }
            prop_assert_eq!(permission.kamipay_id().as_str(), "txc_1");
        }
        let json = serde_json::to_string(&pay_status).unwrap();
        prop_assert_eq!(serde_json::from_str::<PayStatus>(&json).unwrap(), pay_status);
    }
}
