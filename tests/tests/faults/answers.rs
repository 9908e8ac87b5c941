//! Faulty answers, in memory.

use kamipay_proto::lots::{GetLot, LotDetail};
use kamipay_proto::pay_status::{Chain, GetPayStatus, PayStatus, PaymentTarget};
use kamipay_proto::{DecodeError, Endpoint, ResponseError, ResponseErrorKind};
use kamipay_tests::{Call, Fixture, calls, fixtures, response, with_call};
use proptest::prelude::*;
use serde_json::Value;

fn parse(call: &Call, status: u16, body: &[u8]) -> Result<(), ResponseError> {
    with_call!(call, call => call.parse(response(status, body)).map(|_| ()))
}

#[track_caller]
fn refused(call: &Call, body: impl AsRef<[u8]>) -> DecodeError {
    let body = body.as_ref();
    let text = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
    let error = parse(call, 200, body).expect_err(&format!("{call:?}: {text}"));
    assert_eq!(error.body(), body, "the body is kept");
    match error.kind() {
        ResponseErrorKind::Decode(decode) => decode.clone(),
        kind => panic!("{call:?}: {kind:?}: {text}"),
    }
}

/// The examples that are not refusals.
fn answers() -> impl Iterator<Item = Fixture> {
    fixtures().into_iter().filter(Fixture::is_answer)
}

#[test]
fn a_refusal_with_any_body_keeps_its_status() {
    let huge = format!(r#"{{"detail": "{}"}}"#, "x".repeat(1 << 20));
    for call in calls() {
        for status in [400, 401, 403, 404, 406, 409, 422, 429, 500, 502, 503, 504] {
            for (body, said) in [
                (r#"{"detail": "because"}"#, Some("because")),
                (r#"{"message": "because"}"#, Some("because")),
                ("<html>because</html>", None),
                ("", None),
                ("null", None),
                ("{\"detail\": \"be", None),
                (&huge[..if status == 400 { huge.len() } else { 0 }], Some("xxx")),
            ] {
                let said = said.filter(|_| !body.is_empty());
                let error = parse(&call, status, body.as_bytes()).unwrap_err();
                assert_eq!((error.status().as_u16(), error.body()), (status, body.as_bytes()));
                let ResponseErrorKind::Api(refusal) = error.kind() else { panic!("{error:?}") };
                let message = refusal.message.as_deref();
                assert_eq!(message.is_some(), said.is_some(), "{body:.40}");
                assert!(message.unwrap_or("").starts_with(said.unwrap_or("")), "{body:.40}");
                assert!(error.to_string().len() < 1000, "it is short");
            }
        }
    }
}

#[test]
fn an_empty_body_or_an_html_page_is_an_error() {
    for call in calls() {
        for body in ["", " ", "\r\n\t ", "<html>Welcome</html>", "<!DOCTYPE html>"] {
            assert!(!refused(&call, body).truncated, "nothing was cut: {body:?}");
        }
    }
}

#[test]
fn json_of_another_shape_is_an_error() {
    for call in calls() {
        for body in ["null", "0", "-1.5", "true", "\"text\"", "[]", "[{}]", "[[]]", "{}"] {
            let is_list = matches!(call, Call::ListConfirmedCharges(_));
            if !(is_list && body == "[]") {
                refused(&call, body);
            }
        }
    }
    // An array instead of an object and vice versa, everywhere.
    for fixture in answers() {
        let whole: Value = serde_json::from_str(&fixture.text()).unwrap();
        for path in paths(&whole) {
            let other = match whole.pointer(&path).unwrap() {
                Value::Object(fields) => Value::Array(fields.values().cloned().collect()),
                Value::Array(_) => Value::Object(serde_json::Map::new()),
                _ => continue,
            };
            let mut body = whole.clone();
            *body.pointer_mut(&path).unwrap() = other;
            refused(&fixture.call, body.to_string());
        }
    }
}

/// The JSON pointers of all values in a document.
fn paths(value: &Value) -> Vec<String> {
    let mut paths = vec![String::new()];
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(values) => {
            values.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (key, value) in children {
        paths.extend(super::answers::paths(value).iter().map(|path| format!("/{key}{path}")));
    }
    paths
}

#[test]
fn bytes_before_or_after_the_document_are_an_error() {
    for fixture in answers() {
        let whole = fixture.text();
        let whole = whole.trim();
        for tail in ["x", "0", "\0", ",", "}", "]", whole, "\u{feff}"] {
            let fault = refused(&fixture.call, format!("{whole}{tail}"));
            assert!(!fault.truncated, "{tail:.20}");
        }
        for body in [format!("\u{feff}{whole}"), format!(" \r\n{whole}\t\n")] {
            parse(&fixture.call, fixture.status, body.as_bytes()).unwrap();
        }
        refused(&fixture.call, format!("\u{feff}\u{feff}{whole}"));
    }
}

#[test]
fn a_duplicate_field_is_an_error() {
    let mut doubled = 0;
    for fixture in answers() {
        let whole: Value = serde_json::from_str(&fixture.text()).unwrap();
        for path in paths(&whole) {
            // The duplicate comes last, or before the original.
            let Some(body) = with_field_twice(&fixture.text(), &whole, &path) else { continue };
            doubled += 1;
            let outcome = parse(&fixture.call, fixture.status, body.as_bytes());
            // An unknown field may have duplicates.
            if is_read(&fixture, &whole, &path) {
                assert!(outcome.is_err(), "{path} in {body}");
            }
        }
    }
    assert!(doubled > 150, "{doubled}");
}

/// The document with a duplicate of the field at `path`.
fn with_field_twice(text: &str, whole: &Value, path: &str) -> Option<String> {
    let (parent, key) = path.rsplit_once('/')?;
    whole.pointer(parent)?.as_object()?;
    let mark = "twice-here";
    let mut body = whole.clone();
    let fields = body.pointer_mut(parent)?.as_object_mut()?;
    let value = fields.get(key)?.clone();
    fields.insert(mark.to_owned(), value);
    let body = body.to_string();
    assert!(!text.contains(mark));
    Some(body.replace(mark, key))
}

/// Whether the field is read: another type in its place is an error.
fn is_read(fixture: &Fixture, whole: &Value, path: &str) -> bool {
    let mut body = whole.clone();
    *body.pointer_mut(path).unwrap() = serde_json::json!([[{}]]);
    let is_empty_list = matches!(whole.pointer(path), Some(Value::Array(list)) if list.is_empty());
    !is_empty_list && parse(&fixture.call, fixture.status, body.to_string().as_bytes()).is_err()
}

#[test]
fn deeply_nested_json_overflows_no_stack() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    let [lists, objects] = [deep("[", "]"), deep("{\"a\":", "}").replace(":}", ":0}")];
    let no_end = "[".repeat(100_000);
    for fixture in answers() {
        let whole = fixture.text();
        let whole = whole.trim();
        for deep in [&lists, &objects, &no_end] {
            // In an unknown field it is ignored or refused; at the top it is an error.
            let end = whole.rfind('}').unwrap(); // of a row, where the answer is a list
            let body = format!("{},\"unknown\":{deep}{}", &whole[..end], &whole[end..]);
            let _ = parse(&fixture.call, fixture.status, body.as_bytes());
            refused(&fixture.call, deep);
        }
        // In a known field it is an error.
        let value: Value = serde_json::from_str(whole).unwrap();
        let fields = value.as_object().or_else(|| value[0].as_object()).unwrap();
        for key in fields.keys() {
            let deep = format!("\"{key}\":{lists},\"x\":");
            let body = whole.replacen(&format!("\"{key}\":"), &deep, 1);
            let _ = parse(&fixture.call, fixture.status, body.as_bytes());
        }
    }
}

#[test]
fn a_body_that_is_not_utf_8_is_an_error() {
    for fixture in answers() {
        let whole = fixture.body();
        for at in 0..whole.len() {
            for bad in [b'\xff', b'\xc3', b'\x80'] {
                let mut body = whole.clone();
                body[at] = bad;
                // An invalid byte in any place is an error.
                refused(&fixture.call, body);
            }
        }
    }
    let lot = r#"{"lot_id":"\ud800","transaction_hash":null,"usdt_amount":"1","created_at":null,
        "status":"PENDING","payouts":[],"refunds":[]}"#;
    let call = Call::GetLot(GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse().unwrap()));
    refused(&call, lot);
}

#[test]
fn a_missing_or_mistyped_field_is_named_and_its_value_not_quoted() {
    const MARK: &str = "do-not-quote-me";
    for fixture in answers() {
        let whole: Value = serde_json::from_str(&fixture.text()).unwrap();
        for path in paths(&whole).into_iter().skip(1) {
            let wrong = [
                None,
                Some(Value::Null),
                Some(serde_json::json!({ MARK: MARK })),
                Some(serde_json::json!([MARK])),
                Some(serde_json::json!(MARK)),
                Some(serde_json::json!(true)),
            ];
            for value in wrong {
                let mut body = whole.clone();
                match value {
                    Some(value) => *body.pointer_mut(&path).unwrap() = value,
                    None => {
                        let (parent, key) = path.rsplit_once('/').unwrap();
                        let Some(fields) = body.pointer_mut(parent).unwrap().as_object_mut() else {
                            continue;
                        };
                        fields.remove(key);
                    }
                }
                let body = body.to_string();
                let Err(error) = parse(&fixture.call, fixture.status, body.as_bytes()) else {
                    continue;
                };
                if let ResponseErrorKind::Decode(fault) = error.kind() {
                    assert!(!format!("{error} {error:?} {fault} {fault:?}").contains(MARK));
                    assert!(!fault.path.is_empty() && !fault.truncated);
                }
            }
        }
    }
}

#[test]
fn unknown_fields_words_and_states_are_accepted() {
    for fixture in answers() {
        let whole: Value = serde_json::from_str(&fixture.text()).unwrap();
        for path in paths(&whole) {
            let mut body = whole.clone();
            if let Some(fields) = body.pointer_mut(&path).unwrap().as_object_mut() {
                fields.insert("new_field".to_owned(), serde_json::json!({"a": [null, 1.5, {}]}));
                // `Value` keeps 29750.0 and all other amounts of the examples.
                parse(&fixture.call, fixture.status, body.to_string().as_bytes())
                    .unwrap_or_else(|error| panic!("{path}: {error:?}"));
            }
        }
    }
    let body = lot("\"1\"", "null").replace("PENDING", "SOMETHING_NEW");
    let lot: LotDetail = serde_json::from_str(&body).unwrap();
    assert_eq!(lot.status.as_str(), "SOMETHING_NEW");
    let status = pay("refunding", "");
    assert_eq!((status.state(), status.is_over()), ("refunding", false));
}

fn lot(amount: &str, created_at: &str) -> String {
    format!(
        r#"{{"lot_id":"9c030c8b-6d68-445b-8048-1bacd91012fa","transaction_hash":null,
        "usdt_amount":{amount},"created_at":{created_at},"status":"PENDING","payouts":[],"refunds":[]}}"#
    )
}

fn read_lot(amount: &str, created_at: &str) -> Result<LotDetail, ResponseError> {
    let call = GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse().unwrap());
    call.parse(response(200, lot(amount, created_at)))
}

fn amount(literal: &str) -> Option<String> {
    match read_lot(literal, "null") {
        Ok(lot) => Some(lot.usdt_amount.to_string()),
        Err(error) => {
            // Unquoted, `1_000` and `.5` are not JSON.
            let ResponseErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
            assert!(fault.path == "usdt_amount" || fault.path == ".", "{fault:?}");
            None
        }
    }
}

#[test]
fn an_amount_that_is_invalid_or_not_exact_is_an_error() {
    for text in [
        "NaN",
        "Infinity",
        "1_000",
        "+1",
        ".5",
        "1.",
        "1.000,00",
        "",
        " 1",
        "1 ",
        "--1",
        "0x1",
        "1e",
        "e5",
        "1e400",
        "1e-400",
        "١",
        "1,5",
        // 29 decimals, and 97 bits
        "0.00000000000000000000000000001",
        "79228162514264337593543950336",
        "12345678901234567890.1234567890",
    ] {
        assert_eq!(amount(&format!("\"{text}\"")), None, "{text}");
        if text.trim() == text {
            assert_eq!(amount(text), None, "{text}"); // JSON allows blanks around a number
        }
    }
    for other in ["null", "true", "[]", "{}", "[1]"] {
        assert_eq!(amount(other), None, "{other}");
    }
    for (text, exact) in [("0E-8", "0.00000000"), ("1e-05", "0.00001"), ("1E+2", "100")] {
        assert_eq!(amount(text).as_deref(), Some(exact));
        assert_eq!(amount(&format!("\"{text}\"")).as_deref(), Some(exact));
    }
}

#[test]
fn an_amount_keeps_its_digits_and_its_sign() {
    for (text, kept) in [
        ("99325.0", "99325.0"),
        ("9.961790", "9.961790"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("79228162514264337593543950335", "79228162514264337593543950335"),
        ("-79228162514264337593543950335", "-79228162514264337593543950335"),
        ("0.0000000000000000000000000001", "0.0000000000000000000000000001"),
        ("-1.50", "-1.50"),
        ("-0", "0"),
        ("-0.00", "0.00"),
    ] {
        assert_eq!(amount(text).as_deref(), Some(kept));
        assert_eq!(amount(&format!("\"{text}\"")).as_deref(), Some(kept));
    }
}

fn created(text: &str) -> Option<String> {
    let lot = read_lot("\"1\"", &format!("\"{text}\"")).ok()?;
    Some(lot.created_at?.to_rfc3339())
}

#[test]
fn a_time_needs_an_offset_in_any_of_the_vendor_s_formats() {
    for text in [
        "2026-05-14T15:00:42",
        "2026-05-14",
        "2026-05-14T24:00:00Z",
        "2026-13-14T15:00:42Z",
        "2026-02-29T15:00:42Z",
        "10000-05-14T15:00:42Z",
        " 2026-05-14T15:00:42Z",
        "2026-05-14T15:00:42Z ",
        "2026-05-14T15:00:60Z",
        "2026-05-14T15:00:42.Z",
        "2026-05-14T15:00:42.1234567891Z",
        "2026-05-14T15:00:42+24:00",
        "1778770842",
        "",
    ] {
        assert_eq!(created(text), None, "{text}");
    }
    for text in [
        "2026-05-14T15:00:42Z",
        "2026-05-14 15:00:42Z",
        "2026-05-14T12:00:42-03:00",
        "2026-05-14 12:00:42-0300",
        "2026-05-14T15:00:42.0Z",
        "2026-05-14T15:00:42.000000000Z",
        "2026-05-14t15:00:42z",
    ] {
        assert_eq!(created(text).as_deref(), Some("2026-05-14T15:00:42+00:00"), "{text}");
    }
    assert_eq!(
        created("2026-05-14T15:00:42.123456789Z").as_deref(),
        Some("2026-05-14T15:00:42.123456789+00:00")
    );
}

fn pay(state: &str, rest: &str) -> PayStatus {
    let body = format!(
        r#"{{"status": "ok", "data": {{"status": "{state}", "kamipay_id": "txc_1"{rest}}}}}"#
    );
    serde_json::from_str(&body).unwrap()
}

#[test]
fn not_found_and_failed_are_two_variants() {
    let not_found: PayStatus =
        serde_json::from_str(r#"{"status": "failed", "msg": "TX not found"}"#).unwrap();
    assert!(matches!(not_found, PayStatus::NotFound { .. }));
    assert!(!not_found.is_over() && not_found.permission_to_pay_again().is_none());
    let failed = pay("failed", "");
    assert!(matches!(failed, PayStatus::Failed(_)));
    assert!(failed.is_over() && failed.permission_to_pay_again().is_none());
}

#[test]
fn a_pay_status_without_data_is_an_error() {
    let target = PaymentTarget::kamipay_id("txc_1").unwrap();
    let call = Call::GetPayStatus(GetPayStatus::new(target, Chain::Polygon));
    for data in ["", r#", "data": null"#, r#", "data": {}"#, r#", "data": []"#, r#", "data": """#] {
        refused(&call, format!(r#"{{"status": "ok", "msg": "Request ok"{data}}}"#));
    }
}

#[test]
fn a_page_with_another_limit_offset_or_size_is_a_mismatch() {
    let mut lists = 0;
    for fixture in answers() {
        let whole: Value = serde_json::from_str(&fixture.text()).unwrap();
        for echo in ["limit", "offset"] {
            let Some(number) = whole.get(echo).and_then(Value::as_u64) else { continue };
            lists += 1;
            for other in [number + 1, number.wrapping_sub(1).min(9_999), u64::MAX] {
                let mut body = whole.clone();
                body[echo] = other.into();
                let error = parse(&fixture.call, 200, body.to_string().as_bytes()).expect_err(echo);
                let ResponseErrorKind::Mismatch(mismatch) = error.kind() else {
                    panic!("{error:?}")
                };
                assert_eq!(
                    (mismatch.field, mismatch.came.clone()),
                    (echo, Some(other.to_string()))
                );
            }
        }
    }
    assert_eq!(lists, 10, "five examples of four lists");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_truncated_answer_is_an_error_that_says_so(at in any::<prop::sample::Index>()) {
        for fixture in answers() {
            let text = fixture.text();
            let text = text.trim_end();
            let at = at.index(text.len());
            let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            let fault = refused(&fixture.call, &text[..at]);
            prop_assert_eq!(fault.truncated, !text[..at].trim().is_empty(), "{}", &text[..at]);
        }
    }
}
