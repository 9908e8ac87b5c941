use rust_decimal::Decimal;
use serde::Deserialize;

use http::StatusCode;

use super::*;
use crate::{Api, BuildError, wire};

#[derive(Debug, Deserialize)]
struct List {
    #[serde(deserialize_with = "wire::object::list")]
    rows: Vec<Row>,
    #[serde(deserialize_with = "wire::object::one")]
    totals: Totals,
    total: u64,
}

#[derive(Debug, Deserialize)]
struct Row {
    name: String,
    #[serde(with = "wire::money")]
    amount: Decimal,
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Totals {
    count: u64,
}

/// Asks for a list with this total.
struct GetList(Option<u64>);

impl Endpoint for GetList {
    const CALL: &'static str = "GET /list";
    type Output = List;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        api.get(&["list"]).finish()
    }

    fn verify(&self, list: &List) -> Result<(), Mismatch> {
        self.0.map_or(Ok(()), |total| Mismatch::check("total", total, list.total))
    }
}

const WHOLE: &str = r#"{"rows": [{"name": "a", "amount": "1.50", "note": null},
    {"name": "b", "amount": 2}], "totals": {"count": 2}, "total": 2}"#;

fn answer(status: u16, body: impl AsRef<[u8]>) -> Result<List, ResponseError> {
    let mut response = Response::new(body.as_ref());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    GetList(None).parse(response)
}

fn refusal(body: impl AsRef<[u8]>) -> ApiError {
    match answer(400, body).unwrap_err().kind().clone() {
        ResponseErrorKind::Api(refusal) => refusal,
        kind => panic!("{kind:?}"),
    }
}

fn fault(body: impl AsRef<[u8]>) -> DecodeError {
    let error = answer(200, body.as_ref()).expect_err("it is read");
    assert_eq!(error.body(), body.as_ref(), "the body can be had");
    match error.kind().clone() {
        ResponseErrorKind::Decode(fault) => fault,
        kind => panic!("{kind:?}"),
    }
}

#[test]
fn a_status_says_what_kind_of_answer_came() {
    for status in 100..=999 {
        let result = answer(status, WHOLE);
        if let Err(error) = &result {
            assert_eq!(error.status(), status);
        }
        match (status, result.as_ref().map_err(ResponseError::kind)) {
            (204..=206, Err(ResponseErrorKind::UnexpectedStatus)) => {}
            // 201 is the API's own: pay-status.txt, accepted
            (200..=203 | 207..=299, Ok(list)) => assert_eq!(list.total, 2),
            (400..=599, Err(ResponseErrorKind::Api(refusal))) => {
                assert_eq!(refusal.status, status)
            }
            (100..=199 | 300..=399 | 600.., Err(ResponseErrorKind::UnexpectedStatus)) => {}
            (_, kind) => panic!("{status}: {kind:?}"),
        }
    }
}

#[test]
fn a_refusal_is_told_in_the_words_of_whichever_server_refused() {
    for (body, message) in [
        // the pages
        (r#"{"detail": "Date range cannot exceed 31 days"}"#, "Date range cannot exceed 31 days"),
        // the gateway
        (r#"{"message": "Unauthorized", "request_id": "30e8"}"#, "Unauthorized"),
        // the envelope of the status calls
        (r#"{"status": "failed", "msg": "TX not found"}"#, "TX not found"),
        // the web framework
        (
            r#"{"detail": [{"loc": ["query", "limit"], "msg": "too large", "input": "PIX"}]}"#,
            "query.limit: too large",
        ),
        (
            r#"{"detail": [{"loc": ["body", "ids", 3], "msg": "bad"}, {"msg": "and worse"}]}"#,
            "body.ids.3: bad; and worse",
        ),
        (r#"{"detail": [{"loc": null, "msg": "bad"}, 5, {}, "x"]}"#, "bad"),
        // several, and odd ones
        (r#"{"detail": "first", "message": "second", "msg": "third"}"#, "first"),
        (r#"{"detail": " ", "message": "second", "msg": "third"}"#, "second"),
        (r#"{"detail": [], "message": {}, "msg": "third"}"#, "third"),
        ("\u{feff}{\"detail\": \"behind a byte order mark\"}", "behind a byte order mark"),
        (r#"{"detail": "first", "detail": "second", "new": "\ud800"}"#, "first"),
        (
            r#"{"detail": [{"loc": [1.5, null, {}, "a"], "msg": " "}, {"loc": "x", "msg": "bad"},
            {"loc": [1.5, null, {}, "a"], "msg": "worse"}]}"#,
            "bad; 1.5.a: worse",
        ),
    ] {
        assert_eq!(refusal(body).message.as_deref(), Some(message), "{body}");
    }
}

#[test]
fn of_a_long_refusal_its_beginning_is_kept() {
    for filling in ["x", "é", "\\n", "\\u00e9", "\\ud83d\\ude00"] {
        for offset in 0..12 {
            let text = format!("{}{}", "a".repeat(offset), filling.repeat(20_000));
            let kept = refusal(format!(r#"{{"detail": "{text}"}}"#)).message.unwrap();
            let whole: String = serde_json::from_str(&format!("\"{text}\"")).unwrap();
            let beginning = kept.strip_suffix('…').unwrap();
            assert!(whole.starts_with(beginning) && kept.len() > 1000, "{filling}");
            assert!(kept.len() <= LONGEST_KEPT + 3);
        }
    }
    let fault = |n: usize| format!(r#"{{"loc": ["{n}", "{}"], "msg": "bad"}}"#, "x".repeat(2000));
    let faults: Vec<String> = (0..1000).map(fault).collect();
    let kept = refusal(format!(r#"{{"detail": [{}]}}"#, faults.join(","))).message.unwrap();
    assert!(kept.starts_with("0.xxx") && kept.contains("…: bad; 7.x") && !kept.contains("8.x"));
    let parts = "1,".repeat(1000);
    let long = refusal(format!(r#"{{"detail": [{{"loc": [{parts}1], "msg": "bad"}}]}}"#));
    assert_eq!(long.message.unwrap(), "1.1.1.1.1.1.1.1: bad");
    let id = format!(r#"{{"request_id": "{}"}}"#, "x".repeat(1 << 20));
    let error = answer(200, id).unwrap_err();
    assert!(error.request_id().unwrap().len() <= LONGEST_KEPT + 3);
}

#[test]
fn a_refusal_that_cannot_be_read_is_still_a_refusal() {
    let large = format!("{{\"detail\": {}", "\"x\"".repeat(1 << 18));
    let deep = "[".repeat(100_000);
    for body in [
        "",
        " ",
        "<html><h1>502 Bad Gateway</h1></html>",
        "null",
        "5",
        "\"text\"",
        "[]",
        "{}",
        r#"{"detail": null}"#,
        r#"{"detail": {}}"#,
        r#"{"detail": 5, "message": true, "msg": ["x"]}"#,
        r#"{"detail": ""}"#,
        r#"{"detail": "cut"#,
        r#"{"detail": "\ud800"}"#,
        &large,
        &deep,
    ] {
        for status in [400, 401, 403, 404, 406, 409, 422, 429, 500, 502, 503, 504] {
            let error = answer(status, body).unwrap_err();
            let ResponseErrorKind::Api(refusal) = error.kind() else { panic!("{error:?}") };
            assert_eq!((refusal.status.as_u16(), &refusal.message), (status, &None));
            assert_eq!(error.body(), body.as_bytes());
            assert_eq!(
                error.to_string(),
                format!("the API answered {}, without a message that can be read", error.status())
            );
        }
    }
    assert_eq!(refusal(b"\xff{\"detail\": \"x\"}").message, None);
}

#[test]
fn a_request_id_is_found_in_the_body_and_in_the_headers() {
    let id = |header: Option<(&str, &[u8])>, body: &str| {
        let mut response = Response::new(body.to_owned());
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        if let Some((name, value)) = header {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            let value = http::HeaderValue::from_bytes(value).unwrap();
            response.headers_mut().insert(name, value);
        }
        let error = GetList(None).parse(response).unwrap_err();
        error.request_id().map(str::to_owned)
    };
    let body = r#"{"message": "Unauthorized", "request_id": "30e87ab5"}"#;
    assert_eq!(id(None, body).as_deref(), Some("30e87ab5"));
    let header = |name| Some((name, &b"h1"[..]));
    assert_eq!(id(header("X-Request-Id"), body).as_deref(), Some("30e87ab5"));
    assert_eq!(id(header("x-request-id"), "<html>").as_deref(), Some("h1"));
    assert_eq!(id(header("x-kong-request-id"), "").as_deref(), Some("h1"));
    for empty in [r#"{"request_id": ""}"#, r#"{"request_id": 5}"#, r#"{"request_id": null}"#] {
        assert_eq!(id(header("x-request-id"), empty).as_deref(), Some("h1"), "{empty}");
        assert_eq!(id(None, empty), None, "{empty}");
    }
    assert_eq!(id(Some(("x-request-id", b"")), ""), None);
    assert_eq!(id(Some(("x-request-id", b"\xff")), ""), None);
    assert_eq!(id(Some(("content-type", b"h1")), ""), None);

    let error = answer(404, r#"{"detail": "Lot not found", "request_id": "a\u001bb"}"#);
    assert_eq!(
        error.unwrap_err().to_string(),
        "the API answered 404 Not Found: Lot not found (request id a\\u{1b}b)"
    );
}

#[test]
fn text_from_outside_is_cut_and_cannot_move_the_cursor() {
    let said = format!("{{\"detail\": \"{}\"}}", "é".repeat(2000));
    let shown = answer(400, said).unwrap_err().to_string();
    assert_eq!(shown, format!("the API answered 400 Bad Request: {}…", "é".repeat(300)));
    let said = format!("{{\"detail\": \"{}\"}}", "é".repeat(300));
    assert!(answer(400, said).unwrap_err().to_string().ends_with("éé"));

    for hostile in [
        '\0', '\n', '\r', '\t', '\u{1b}', '\u{7f}', '\u{80}', '\u{9b}', '\u{61c}', '\u{200e}',
        '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}',
    ] {
        let body = serde_json::json!({"detail": format!("a{hostile}b")}).to_string();
        let error = answer(400, body).unwrap_err();
        let escaped = hostile.escape_unicode();
        assert_eq!(error.to_string(), format!("the API answered 400 Bad Request: a{escaped}b"));
        let mismatch = Mismatch::new("offset", hostile, hostile).to_string();
        let debug = format!("{error:?}");
        assert!(!mismatch.contains(hostile) && !debug.contains(hostile), "{hostile:?}");
    }
}

#[test]
fn a_whole_answer_is_read() {
    let list = answer(200, WHOLE).unwrap();
    assert_eq!(list.rows[0].amount.to_string(), "1.50");
    assert_eq!((&*list.rows[1].name, &list.rows[1].note), ("b", &None));
    assert_eq!(list.totals.count, 2);
    for whole in [
        format!("\u{feff}{WHOLE}"),
        format!(" \r\n\t{WHOLE}\n "),
        WHOLE.replacen('{', r#"{"new": {"a": [1, {"b": null}]}, "#, 1),
        // what is not read may even hold half a character
        WHOLE.replacen('{', r#"{"new": "\ud800", "#, 1),
        WHOLE.replacen("null", r#""\u0000\u202e\u001b[2J""#, 1),
    ] {
        assert!(answer(200, &whole).is_ok(), "{whole}");
    }
}

#[test]
fn what_is_no_json_document_is_refused() {
    for (body, path, truncated) in [
        ("", ".", false),
        (" \n ", ".", false),
        ("\u{feff}", ".", false),
        ("<html>captive portal</html>", ".", false),
        ("null", ".", false),
        ("5", ".", false),
        ("\"text\"", ".", false),
        ("true", ".", false),
        ("[]", ".", false),
        (r#"[[{"name": "a", "amount": 1}], {"count": 1}, 1]"#, ".", false),
        (&WHOLE.replacen(r#"{"count": 2}"#, "[2]", 1), "totals", false),
        (&WHOLE.replacen(r#"{"name": "b", "amount": 2}"#, r#"["b", 2]"#, 1), "rows[1]", false),
        (&WHOLE.replacen(r#"{"name": "b", "amount": 2}"#, "null", 1), "rows[1]", false),
        (r#"{"rows": {}}"#, "rows", false),
        (&format!("{WHOLE}{WHOLE}"), ".", false),
        (&format!("{WHOLE},"), ".", false),
        (&format!("{WHOLE}\0"), ".", false),
        (&format!("\0{WHOLE}"), ".", false),
        (&format!("\u{feff}\u{feff}{WHOLE}"), ".", false),
        (&WHOLE[..WHOLE.len() - 1], ".", true),
        (&WHOLE[..30], "rows[0]", true),
        (&WHOLE[..38], "rows[0].amount", true),
    ] {
        let fault = fault(body);
        assert_eq!((&*fault.path, fault.truncated), (path, truncated), "{body}: {fault:?}");
    }
}

#[test]
fn a_body_that_ends_within_a_number_or_a_letter_was_cut() {
    for body in [
        &b"{\"rows\": [{\"name\": \"Jos\xC3"[..],
        b"{\"rows\": [{\"amount\": -",
        b"{\"rows\": [{\"amount\": 10.",
        b"{\"rows\": [{\"amount\": 1e",
        b"{\"rows\": [{\"amount\": 1E-",
        b"{\"total\": -",
        b"{\"new\":\n1.5e+",
    ] {
        let fault = fault(body);
        assert!(fault.truncated, "{fault:?}");
        assert!(fault.to_string().ends_with("the document ends before it is whole"));
    }
    for body in [
        &b"{\"rows\": [{\"name\": \"Jos\xC3\"}]}"[..],
        b"{\"rows\": [{\"amount\": 10.}]}",
        b"{\"rows\": [{\"amount\": -}]}",
        b"{\"total\": 1.,\n",
        b"<html>e",
        // The fault is in another line, as far from its start as the end is.
        b"{\"rows\": [}\nnine more1.",
        b"{\"rows\": [}\nnine mor1.",
        b"{\"total\": x",
        b"{\"total\": 01",
    ] {
        let fault = fault(body);
        assert!(!fault.truncated, "{fault:?}");
    }
}

#[test]
fn a_key_that_comes_twice_is_refused_and_named() {
    for (from, to, path, key) in [
        (r#""amount": "1.50""#, r#""amount": "1.50", "amount": "1.50""#, "rows[0]", "amount"),
        (r#""total": 2"#, r#""total": 2, "total": 3"#, ".", "total"),
        (r#""count": 2"#, r#""count": 2, "count": 3"#, "totals", "count"),
    ] {
        let fault = fault(WHOLE.replacen(from, to, 1));
        let reason = format!("duplicate field `{key}`");
        assert_eq!(fault.reason, reason);
        assert!(fault.path.starts_with(path), "{fault:?}");
    }
}

#[test]
fn a_field_that_is_missing_or_of_another_type_is_named_and_not_quoted() {
    let missing = "missing field `";
    let null = "null, where the API promises a value";
    let other = "a value of another type than the API promises";
    for (from, to, path, reason) in [
        (r#""amount": 2"#, r#""other": 2"#, "rows[1]", missing),
        (r#""total": 2"#, r#""other": 2"#, ".", missing),
        (r#""count": 2"#, r#""other": 2"#, "totals", missing),
        (r#""name": "b""#, r#""name": null"#, "rows[1].name", null),
        (r#""amount": 2"#, r#""amount": null"#, "rows[1].amount", reason::SCALAR),
        (r#""amount": 2"#, r#""amount": "PIX""#, "rows[1].amount", reason::AMOUNT),
        (r#""amount": 2"#, r#""amount": ["PIX"]"#, "rows[1].amount", reason::SCALAR),
        (r#""amount": 2"#, r#""amount": 1e400"#, "rows[1].amount", reason::AMOUNT),
        (r#""name": "b""#, r#""name": 5550"#, "rows[1].name", other),
        (r#""name": "b""#, r#""name": ["PIX"]"#, "rows[1].name", other),
        (r#""note": null"#, r#""note": {"PIX": 1}"#, "rows[0].note", other),
        (r#""total": 2"#, r#""total": "PIX""#, "total", other),
        (r#""total": 2"#, r#""total": -5550"#, "total", other),
        (r#""total": 2"#, r#""total": 5550.5"#, "total", other),
        (r#""totals": {"count": 2}"#, r#""totals": "PIX""#, "totals", other),
        (r#""totals": {"count": 2}"#, r#""totals": null"#, "totals", null),
    ] {
        let body = WHOLE.replacen(from, to, 1);
        assert_ne!(body, WHOLE);
        let error = answer(200, &body).unwrap_err();
        let ResponseErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
        assert_eq!(fault.path, path, "{to}");
        assert!(fault.reason.starts_with(reason), "{to}: {fault}");
        assert!(fault.line > 0 && !fault.truncated, "{fault:?}");
        let shown = format!("{error} {error:?} {fault} {fault:?}");
        assert!(!shown.contains("PIX") && !shown.contains("5550"), "{shown}");
    }
}

#[test]
fn a_fault_is_where_its_line_and_column_say() {
    let fault = fault("\u{feff}{\n\"rows\": [],\n\"total\": true}");
    assert_eq!((&*fault.path, fault.line, fault.column), ("total", 3, 13));
    assert_eq!(
        fault.to_string(),
        "at `total` (line 3, column 13): a value of another type than the API promises"
    );
}

#[test]
fn a_key_of_the_body_is_not_quoted_in_the_path() {
    for key in ["maria@example.com", "a\\u001b[2J", "\\u0001x\\u00019\\u0001", "A", "é", "a b", ""]
    {
        for body in [
            format!(r#"{{"{key}": tru }}"#),
            format!(r#"{{"{key}": "#),
            format!(r#"{{"rows": [{{"{key}": [1, }}"#),
        ] {
            let fault = fault(&body);
            assert!(fault.path.ends_with('?') && fault.path.len() <= 9, "{body}: {fault:?}");
        }
    }
    assert_eq!(fault(r#"{"new_field_2": tru }"#).path, "new_field_2");
}

#[test]
fn no_depth_overflows_the_stack() {
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let lists = format!("{open}{close}");
    let objects = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    for deep in [&lists, &objects] {
        let unknown = WHOLE.replacen('{', &format!("{{\"new\": {deep}, "), 1);
        assert!(answer(200, &unknown).is_ok());
        for known in ["\"b\"", "null", "\"1.50\"", "{\"count\": 2}"] {
            let body = WHOLE.replacen(known, deep, 1);
            assert!(!fault(&body).truncated);
        }
        assert!(!fault(deep).truncated);
        assert_eq!(refusal(deep).message, None);
    }
    assert!(fault(&open).path.len() < 20);
}

#[test]
fn a_large_document_has_no_text_and_no_depth_of_its_size() {
    let (mib, blanks) = (1 << 20, " ".repeat(4 << 20));
    let text = |length: usize| format!("\"{}\"", "a".repeat(length));
    let escapes = |length: usize| format!("\"{}\"", r#"\""#.repeat(length / 2));
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for (value, fits) in [
        (text(mib), true),
        (text(mib + 1), false),
        (escapes(mib), true),
        (escapes(mib + 2), false),
        (deep(mib - 1), true),
        (deep(mib), false), // within an object
        (format!("[{}]", "[[[]]],\"]\",".repeat(100_000) + "0"), true),
    ] {
        let with = |blanks: &str| WHOLE.replacen('{', &format!("{blanks}{{\"new\": {value}, "), 1);
        assert_eq!(answer(200, with(&blanks)).is_ok(), fits, "{value:.20}");
        let is_small = with("").len() <= 2 << 20;
        assert!(!is_small || answer(200, with("")).is_ok(), "{value:.20}: as a small document");
        let refusal = |blanks: &str| format!("{blanks}{{\"new\": {value}, \"detail\": \"bad\"}}");
        assert_eq!(self::refusal(refusal(&blanks)).message.is_some(), fits);
        assert!(!is_small || self::refusal(refusal("")).message.is_some());
    }
    for cut in ["{\"a\": \"", "{\"a\": \"\\"] {
        assert!(fault(format!("{blanks}{cut}")).truncated);
    }
}

#[test]
fn text_is_utf_8_and_whole_characters() {
    for at in ["{", "\"name\": \"a", "\"total\""] {
        let mut body = WHOLE.as_bytes().to_vec();
        let at = WHOLE.find(at).unwrap() + at.len() - 1;
        body.insert(at, 0xff);
        assert_eq!(fault(&body).reason, "not UTF-8 text");
    }
    for half in [r"\ud800", r"\udc00", r"\ud800x", r"\ud800\ud800"] {
        let fault = fault(WHOLE.replacen("\"b\"", &format!("\"{half}\""), 1));
        assert_eq!((&*fault.path, &*fault.reason), ("rows[1].name", "not JSON"), "{half}");
    }
}

#[test]
fn an_error_says_its_own_level_and_its_source_the_rest() {
    let error = answer(200, "{}").unwrap_err();
    assert_eq!(error.to_string(), "the API's answer (200 OK) cannot be read");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "at `.` (line 1, column 2): missing field `rows`");
    assert!(source.source().is_none());

    let response = Response::new(WHOLE);
    let error = GetList(Some(7)).parse(response).unwrap_err();
    assert_eq!(error.to_string(), "the answer is to another question: asked for total 7, got 2");
    assert!(std::error::Error::source(&error).is_none());
    for status in [302, 204, 999] {
        let error = answer(status, WHOLE).unwrap_err();
        assert!(error.to_string().contains(&status.to_string()), "{error}");
    }
}

#[test]
fn an_error_of_main_is_a_sentence() {
    fn of<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, E>) -> String {
        format!("{:?}", result.unwrap_err())
    }
    let error = of(answer(200, "{}"));
    assert_eq!(
        error,
        "the API's answer (200 OK) cannot be read: at `.` (line 1, column 2): missing field `rows`"
    );
    let hash = "nothash".parse::<crate::pay_status::Chain>();
    let no_token = GetList(None).request(&Api::anonymous("http://localhost".parse().unwrap()));
    let target = crate::pay_status::PaymentTarget::external_id("");
    for shown in [
        of("ftp://x".parse::<crate::BaseUrl>()),
        of("".parse::<crate::AccessToken>()),
        of("x".parse::<crate::SettlementId>()),
        of("a/b".parse::<crate::lots::LotIdentifier>()),
        of(crate::Period::parse("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z")),
        of(crate::PageSize::new(0)),
        of(hash),
        of(target),
        of(no_token),
        of(answer(302, "")),
        of(answer(403, r#"{"message": "no"}"#)),
        of(GetList(Some(7)).parse(Response::new(WHOLE))),
    ] {
        assert!(shown.split(' ').count() > 4 && !shown.contains('{'), "{shown}");
    }
}

/// Removes something, and lists lines of text.
struct Own;

impl Endpoint for Own {
    const CALL: &'static str = "GET /own";
    type Output = Vec<(String, u64)>;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        api.post_form(&["own"], &[])
    }

    fn decode(&self, head: &Parts, body: &[u8]) -> Result<Self::Output, ResponseErrorKind> {
        if head.status == StatusCode::NO_CONTENT {
            return Ok(Vec::new());
        }
        let line = |line: &str| {
            let (name, amount) = line.split_once(',')?;
            Some((name.to_owned(), amount.parse().ok()?))
        };
        let lines = std::str::from_utf8(body).unwrap_or_default().lines().enumerate();
        let rows = lines.map(|(n, text)| {
            line(text)
                .ok_or_else(|| DecodeError::new(format!("line {n}"), "not a name and an amount"))
        });
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[test]
fn a_call_can_read_its_body_in_its_own_way() {
    let answer = |status: u16, body: &'static str| {
        Own.parse(Response::builder().status(status).body(body).unwrap())
    };
    assert_eq!(answer(204, "").unwrap(), []);
    assert_eq!(answer(200, "a,15\nb,2").unwrap()[0].1, 15);
    let error = answer(200, "a,15\nb").unwrap_err();
    let ResponseErrorKind::Decode(decode) = error.kind() else { panic!("{error:?}") };
    assert_eq!(decode.to_string(), "at `line 1`: not a name and an amount");
    // What is not a success is not its matter.
    assert!(matches!(answer(400, "a,1").unwrap_err().kind(), ResponseErrorKind::Api(_)));
    assert!(matches!(answer(302, "a,1").unwrap_err().kind(), ResponseErrorKind::UnexpectedStatus));
}
