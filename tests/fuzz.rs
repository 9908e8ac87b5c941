//! The fuzz targets and their seeds.
//!
//! `fuzz/` runs them under libFuzzer, the test `fuzzing` without a fuzzer.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderValue, Response, Uri};
use kamipay_proto::lots::{GetLot, LotDetail, LotIdentifier};
use kamipay_proto::pay_status::{self, Chain, GetPayStatus, PaymentTarget, Step, Watch};
use kamipay_proto::{AccessToken, BaseUrl, Endpoint, IssueToken, ResponseError, ResponseErrorKind};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Call, api, calls, fixtures, response, with_call};

/// A name, and a function of the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets: each decoder, and everything else that reads foreign data.
pub const TARGETS: [Target; 17] = [
    ("decode_login", |bytes| decode(0, bytes)),
    ("decode_lots", |bytes| decode(1, bytes)),
    ("decode_lot", |bytes| decode(2, bytes)),
    ("decode_settlements", |bytes| decode(3, bytes)),
    ("decode_transactions", |bytes| decode(4, bytes)),
    ("decode_pending_charges", |bytes| decode(5, bytes)),
    ("decode_settlement", |bytes| decode(6, bytes)),
    ("decode_pay_status", |bytes| decode(7, bytes)),
    ("decode_confirmed_charges", |bytes| decode(8, bytes)),
    ("refusal", refusal),
    ("amount", amount),
    ("timestamp", timestamp),
    ("retry_after", retry_after),
    ("base_url", base_url),
    ("path_and_query", path_and_query),
    ("jwt", jwt),
    ("watch", watch),
];

/// Runs the target `name`. Panics if it finds a fault.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(target, _)| *target == name);
    let (_, run) = target.unwrap_or_else(|| panic!("there is no target {name}"));
    run(bytes);
}

/// The seeds of a target: the examples of the vendor's pages, or parts of them.
pub fn seeds(name: &str) -> Vec<Vec<u8>> {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    match name {
        "refusal" => fixtures().iter().filter(|it| !it.is_answer()).map(|it| it.body()).collect(),
        "amount" => texts(&[
            "\"10027.79968000\"",
            "1234567.89",
            "0E-8",
            "1e-05",
            "\"-0.00\"",
            "0e91929901223459012234591",
            "29750.0",
        ]),
        "timestamp" => texts(&[
            "2025-05-07T19:36:52.907905Z",
            "2024-07-27 11:28:50.426788-03:00",
            "2026-09-11 01:23:45.678901+0000",
        ]),
        "retry_after" => texts(&[
            "7\0",
            "Fri, 15 May 2026 15:34:28 GMT\0Fri, 15 May 2026 15:34:21 GMT",
            "Friday, 15-May-26 15:34:28 GMT\0Fri May 15 15:34:21 2026",
        ]),
        "base_url" => texts(&[
            "https://api.kamipay.io",
            "http://[::1]:8080/kami/pay",
            "https://api2.kamipay.io:8443/v0/",
            "https://0X/",
        ]),
        "path_and_query" => texts(&[
            "9c030c8b-6d68-445b-8048-1bacd91012fa",
            "0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab",
            "0X233C86E9A23CA44D229D9C9A62439E237A6C5DD2675B2418F44D339C75E15EAB",
            "order 7 & 8?#/../é",
        ]),
        "jwt" => texts(&[
            r#"{"sub":"1","iat":1744115063,"exp":1744118663}"#,
            r#"{"exp":1744118663.5,"iat":-1}"#,
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...",
        ]),
        "watch" => vec![saved_watch()],
        _ => fixtures().iter().filter(|it| decoder(&it.call) == name).map(|it| it.body()).collect(),
    }
}

fn decoder(call: &Call) -> &'static str {
    let of = |wanted: &Call| std::mem::discriminant(wanted) == std::mem::discriminant(call);
    calls().iter().position(of).map_or("", |n| TARGETS[n].0)
}

fn decode(call: usize, bytes: &[u8]) {
    let call = &calls()[call];
    with_call!(call, call => {
        match call.parse(response(200, bytes)) {
            Ok(value) => same_again(&value),
            Err(error) => describe(&error, bytes),
        }
    }, login => match login.parse(response(200, bytes)) {
        Ok(issued) => assert!(format!("{issued:?}").contains("AccessToken(..)")),
        Err(error) => describe(&error, bytes),
    });
}

/// Checks that a value can be written and read again.
fn same_again<T: Serialize + DeserializeOwned + PartialEq + fmt::Debug>(value: &T) {
    let json = serde_json::to_string(value).expect("a model can be written");
    let again: T = serde_json::from_str(&json).expect("and read");
    assert_eq!(value, &again, "{json}");
}

fn refusal(bytes: &[u8]) {
    let status = 400 + u16::from(bytes.first().copied().unwrap_or(0)) % 200;
    let error = IssueToken::new("u", "p").parse(response(status, bytes)).expect_err("a refusal");
    assert!(matches!(error.kind(), ResponseErrorKind::Api(_)));
    describe(&error, bytes);
}

/// Checks that an error is shown in a few lines and keeps the body.
fn describe(error: &ResponseError, bytes: &[u8]) {
    assert_eq!(error.body(), bytes);
    let text = format!("{error} {error:?}");
    assert!(!error.to_string().contains(['\n', '\r', '\x1b', '\0']), "{error}");
    assert!(text.len() < 30_000, "{} bytes", text.len());
}

fn lot(amount: &str, created_at: &str) -> Option<LotDetail> {
    let id = "9c030c8b-6d68-445b-8048-1bacd91012fa";
    let body = format!(
        r#"{{"lot_id":"{id}","transaction_hash":null,"usdt_amount":{amount},
        "created_at":{created_at},"status":"PENDING","payouts":[],"refunds":[]}}"#
    );
    GetLot::new(id.parse().expect("a UUID")).parse(Response::new(body)).ok()
}

fn amount(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // Only bytes that keep the document a single value.
    if text.contains(['{', '}', '[', ']', ',', ':', '\\']) {
        return;
    }
    let Some(lot) = lot(text, "null") else { return };
    let text = text.trim().trim_matches('"');
    let kept = lot.usdt_amount.to_string();
    assert_eq!(digits(text), digits(&kept), "{text:?} became {kept:?}");
}

/// The sign, the digits without zeros at either end, and the exponent of the last digit.
fn digits(number: &str) -> (bool, String, i64) {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => (true, mantissa),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let trimmed = significant.trim_end_matches('0');
    if trimmed.is_empty() {
        return (false, String::new(), 0); // -0 is 0, and so is 0e99999999999999999999
    }
    let exponent: i64 = exponent.parse().expect("an amount's exponent is short");
    let scale = fraction.len() as i64 - exponent - (significant.len() - trimmed.len()) as i64;
    (sign, trimmed.to_owned(), scale)
}

fn timestamp(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let json = serde_json::to_string(text).expect("any text is JSON");
    let Some(time) = lot("\"1\"", &json).and_then(|lot| lot.created_at) else { return };
    let again = lot("\"1\"", &format!("{:?}", time.to_rfc3339())).and_then(|lot| lot.created_at);
    assert_eq!(again, Some(time), "{text}");
    assert!(text.len() >= 20, "a time has an offset: {text}");
}

fn retry_after(bytes: &[u8]) {
    let (value, date) = match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[][..]),
    };
    let mut answer = response(429, "");
    for (name, value) in [(RETRY_AFTER, value), (DATE, date)] {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            answer.headers_mut().append(name, value);
        }
    }
    let error = IssueToken::new("u", "p").parse(answer).expect_err("a 429");
    if let (Some(asked), Ok(text)) = (error.retry_after(), std::str::from_utf8(value)) {
        // Seconds, or a date.
        let is_seconds = text.trim().parse() == Ok(asked.as_secs());
        assert!(is_seconds || text.contains(' '), "{text:?}: {asked:?}");
    }
}

fn base_url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(base) = text.parse::<BaseUrl>() else { return };
    let written = base.to_string();
    assert_eq!(written.parse::<BaseUrl>().as_ref(), Ok(&base), "one spelling");
    let uri: Uri = written.parse().expect("a base is a URI");
    let host = uri.host().expect("with a host");
    let is_here = host == "localhost" || host.starts_with("127.") || host == "[::1]";
    assert!(uri.scheme_str() == Some("https") || is_here, "{written}");
    assert!(uri.query().is_none() && !written.contains(['@', '#', '\\', ' ']), "{written}");
}

fn path_and_query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(lot) = LotIdentifier::from_str(text) {
        let sent = lot.as_str().to_owned();
        assert!(sent == text || text.strip_prefix("0X") == sent.strip_prefix("0x"), "{sent}");
        let uri = GetLot::new(lot).request(&api()).expect("an identifier fits").uri().clone();
        let segments: Vec<&str> = uri.path().split('/').collect();
        assert_eq!(segments[..3], ["", "v1", "lots"]);
        assert_eq!((segments.len(), uri.query()), (4, None), "{uri}");
        assert_eq!(percent_decode_str(segments[3]).decode_utf8().as_deref(), Ok(&*sent));
    }
    use pay_status::TargetKind::{ExternalId, KamipayId, OperationId, TxId};
    for target in [ExternalId, KamipayId, TxId, OperationId] {
        let Ok(payment) = PaymentTarget::new(target, text) else { continue };
        let call = GetPayStatus::new(payment, Chain::Tron);
        let uri = call.request(&api()).expect("an identifier fits").uri().clone();
        assert_eq!(uri.authority().map(|it| it.as_str()), Some("api.kamipay.io"));
        assert_eq!(uri.path(), "/v2/status/tx_status");
        let query = uri.query().unwrap_or_default();
        let id = query.split('&').find_map(|pair| pair.strip_prefix("id=")).expect("an id");
        assert_eq!(query.matches('&').count(), 3, "{query}");
        let sent = match text.strip_prefix("0X") {
            Some(digits) if target == TxId => format!("0x{digits}"),
            _ => text.to_owned(),
        };
        assert_eq!(percent_decode_str(id).decode_utf8().as_deref(), Ok(&*sent));
    }
}

fn jwt(bytes: &[u8]) {
    let claims = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(bytes));
    for text in [claims.as_str(), std::str::from_utf8(bytes).unwrap_or_default()] {
        let Ok(token) = text.parse::<AccessToken>() else { continue };
        if let (Some(life), Some(end)) = (token.lifetime(), token.expires_at()) {
            assert!(!life.is_zero(), "{end}");
        }
        assert_eq!(format!("{token:?}"), "AccessToken(..)");
    }
}

fn watch(bytes: &[u8]) {
    let Ok(mut watch) = serde_json::from_slice::<Watch>(bytes) else { return };
    let now = chrono::DateTime::from_timestamp(1_778_772_000, 0).expect("a time of our days");
    if watch.permission_to_pay_again().is_some() {
        assert!(watch.end().is_some(), "permission is an end");
    }
    for _ in 0..3 {
        let _ = watch.step(now);
        watch.failed("no answer", None, now, 7);
    }
    assert!(
        !matches!(watch.step(now), Step::Send(_)) || watch.limits().first_interval.as_nanos() < 3
    );
}

/// A stored watch that is not over.
fn saved_watch() -> Vec<u8> {
    let by = PaymentTarget::kamipay_id("txc_01jranqegkf509bq5svh03ztt8").expect("short and plain");
    let mut watch = Watch::new(GetPayStatus::new(by, Chain::Polygon), Default::default());
    let now = chrono::DateTime::from_timestamp(1_778_772_000, 0).expect("a time of our days");
    let answers = fixtures();
    let processing = answers.iter().find(|it| it.path == "pay-status/processing.json");
    let status = serde_json::from_str(&processing.expect("an example").text());
    watch.answered(status.expect("an example"), now, 7);
    watch.failed("no answer", None, now, 7);
    serde_json::to_vec(&watch).expect("a watch can be written")
}
