//! The calls through `Sandbox::handle`: the pages' examples, the pages' refusals, and anything else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use proptest::prelude::*;

use super::*;

mod own;

/// Status and body of a GET with the first token.
fn get(sandbox: &mut Sandbox, uri: &str) -> (u16, String) {
    let authorization = format!("Bearer {}", sandbox.token());
    send(sandbox, Method::GET, uri, &[("authorization", &authorization)], b"")
}

fn send(
    sandbox: &mut Sandbox,
    method: Method,
    uri: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, String) {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = sandbox.handle(request.body(body.to_vec()).unwrap());
    assert_eq!(response.headers()["content-type"], "application/json");
    (response.status().as_u16(), String::from_utf8(response.into_body()).unwrap())
}

fn log_in(sandbox: &mut Sandbox, form: &str) -> (u16, String) {
    let form_type = [("content-type", "application/x-www-form-urlencoded")];
    send(sandbox, Method::POST, "/auth/token", &form_type, form.as_bytes())
}

/// JSON without its insignificant white space: what is left are the literals, digit by digit.
fn literals(json: &str) -> String {
    let (mut kept, mut in_string, mut escaped) = (String::new(), false, false);
    for letter in json.chars() {
        if in_string || !letter.is_ascii_whitespace() {
            kept.push(letter);
        }
        match letter {
            '"' if !escaped => in_string = !in_string,
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
    }
    kept
}

const LOTS_PERIOD: &str = "start_date=2026-01-01T00%3A00%3A00Z&end_date=2026-01-28T23%3A59%3A59Z";
const MAY: &str = "start_date=2026-05-01T00%3A00%3A00Z&end_date=2026-05-28T23%3A59%3A59Z";

#[test]
fn each_call_answers_with_its_example() {
    let hash = "0x812f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf";
    let upper = format!("0x{}", hash[2..].to_uppercase());
    let lots = format!("/v1/lots?{LOTS_PERIOD}&limit=100&offset=0");
    let tx = "/v2/status/tx_status?type=pay&chain=polygon&target=";
    let epochs = "start=1718418515&end=1718472442";
    for (uri, status, example) in [
        (lots.as_str(), 200, include_str!("../documented/lots.json")),
        (&format!("/v1/lots?{LOTS_PERIOD}"), 200, include_str!("../documented/lots.json")),
        (
            "/v1/lots/9c030c8b-6d68-445b-8048-1bacd91012fa",
            200,
            include_str!("../documented/lot.json"),
        ),
        (&format!("/v1/lots/{hash}"), 200, include_str!("../documented/lot.json")),
        (&format!("/v1/lots/{upper}"), 200, include_str!("../documented/lot.json")),
        (
            &format!("/v1/settlements?{MAY}&limit=100&offset=0"),
            200,
            include_str!("../documented/settlements.json"),
        ),
        (
            &format!("/v1/settlements/transactions?{MAY}&settlement_id=12345"),
            200,
            include_str!("../documented/transactions.json"),
        ),
        (
            "/v1/settlements/pending-charges?checkout_id=42&from=2026-04-14T15%3A30%3A00Z&limit=100&offset=0",
            200,
            include_str!("../documented/pending_charges.json"),
        ),
        (
            "/v1/settlements/pending-charges",
            200,
            include_str!("../documented/pending_charges.json"),
        ),
        (
            "/v1/settlements/pending-charges?checkout_id=43",
            200,
            include_str!("../documented/pending_charges_empty.json"),
        ),
        ("/v1/settlements/12345", 200, include_str!("../documented/settlement.json")),
        (
            &format!("/v2/status/tx_status_lot?store_id=1,2,3&checkout_id=1,2,3&{epochs}"),
            200,
            include_str!("../documented/confirmed_charges.json"),
        ),
        (
            &format!("/v2/status/tx_status_lot?store_id=%5B1,+2,+3%5D&{epochs}"),
            200,
            include_str!("../documented/confirmed_charges.json"),
        ),
        ("/v2/status/tx_status_lot", 200, "[]"), // the last day, which the example is not of
        (
            &format!("{tx}external_id&id=123456789"),
            200,
            include_str!("../documented/pay_failed.json"),
        ),
        (
            &format!("{tx}tx_id&id=0x36**************b2d3"),
            200,
            include_str!("../documented/pay_not_found.json"),
        ),
        (
            &format!("{tx}external_id&id=idemptency-1"),
            201,
            include_str!("../documented/pay_accepted.json"),
        ),
    ] {
        let (answered, body) = get(&mut Sandbox::documented(), uri);
        assert_eq!((answered, literals(&body)), (status, literals(example)), "{uri}");
    }
}

#[test]
fn documented_payments_advance_whichever_identifier_is_asked_for() {
    let mut sandbox = Sandbox::documented();
    let asked = "/v2/status/tx_status?type=pay&chain=tron&target=";
    for (target_and_id, status, example) in [
        ("external_id&id=test235", 200, include_str!("../documented/pay_processing.json")),
        (
            "kamipay_id&id=txc_01jranqegkf509bq5svh03ztt8",
            200,
            include_str!("../documented/pay_done.json"),
        ),
        ("operation_id&id=1744115063604", 200, include_str!("../documented/pay_done.json")),
        (
            "tx_id&id=0X233C86E9A23CA44D229D9C9A62439E237A6C5DD2675B2418F44D339C75E15EAB",
            200,
            include_str!("../documented/pay_done.json"),
        ),
        (
            "kamipay_id&id=txc_01jkg5vktaer5aew712kjgrsn2",
            201,
            include_str!("../documented/pay_accepted.json"),
        ),
        ("external_id&id=idemptency-1", 200, include_str!("../documented/pay_canceled.json")),
        (
            "kamipay_id&id=txc_01jjvpcdcwees8kfnvk9mq4gna",
            200,
            include_str!("../documented/pay_failed.json"),
        ),
        ("operation_id&id=test235", 200, include_str!("../documented/pay_not_found.json")),
    ] {
        let (answered, body) = get(&mut sandbox, &format!("{asked}{target_and_id}"));
        assert_eq!((answered, literals(&body)), (status, literals(example)), "{target_and_id}");
    }
}

#[test]
fn documented_lists_are_cut_by_limit_and_offset() {
    let mut sandbox = Sandbox::documented();
    let (_, body) = get(&mut sandbox, &format!("/v1/lots?{LOTS_PERIOD}&limit=1&offset=1"));
    insta::assert_snapshot!(literals(&body), @r#"{"lots":[{"lot_id":"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee","transaction_hash":"0xprocessing123456789012345678901234567890123456789012345678901234","usdt_amount":"100.00000000","created_at":null,"status":"PROCESSING"}],"total":2,"limit":1,"offset":1}"#);
    let (_, body) = get(&mut sandbox, "/v1/settlements/pending-charges?limit=1&offset=2");
    insta::assert_snapshot!(body, @r#"{"items":[],"totals":{"count":2,"settlement_amount":69325.0},"limit":1,"offset":2}"#);
    let uri = format!("/v1/settlements/transactions?{MAY}&settlement_id=1");
    let (_, body) = get(&mut sandbox, &uri);
    insta::assert_snapshot!(body, @r#"{"transactions":[],"total":0,"limit":100,"offset":0}"#);
}

#[test]
fn the_second_documented_lot_is_empty() {
    for id in [
        "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "0xprocessing123456789012345678901234567890123456789012345678901234",
    ] {
        let (status, body) = get(&mut Sandbox::documented(), &format!("/v1/lots/{id}"));
        assert_eq!(status, 200);
        insta::allow_duplicates! {
            insta::assert_snapshot!(literals(&body), @r#"{"lot_id":"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee","transaction_hash":"0xprocessing123456789012345678901234567890123456789012345678901234","usdt_amount":"100.00000000","created_at":null,"status":"PROCESSING","payouts":[],"refunds":[]}"#);
        }
    }
}

#[test]
fn refusals_have_the_words_of_the_pages() {
    let day = |start: &str, end: &str| format!("start_date={start}&end_date={end}");
    let long = day("2026-05-01T00:00:00Z", "2026-06-01T00:00:01Z");
    let backwards = day("2026-05-02T00:00:00Z", "2026-05-01T00:00:00Z");
    let empty = day("2026-05-01T00:00:00Z", "2026-05-01T00:00:00Z");
    let no_offset = day("2026-05-01T00:00:00", "2026-05-02T00:00:00Z");
    let no_offset_at_the_end = day("2026-05-01T00:00:00Z", "2026-05-02T00:00:00");
    let too_long = "Date range cannot exceed 31 days";
    let wrong_order = "end_date must be after start_date";
    let offset = |name| format!("{name} must include a UTC offset (e.g. 2026-05-01T00:00:00Z)");
    let range = "end - start has to be >0 and <24 hrs";
    for (uri, status, detail) in [
        (format!("/v1/lots?{long}"), 400, too_long.to_owned()),
        (format!("/v1/lots?{backwards}"), 400, wrong_order.to_owned()),
        (format!("/v1/lots?{empty}"), 400, wrong_order.to_owned()),
        (format!("/v1/settlements?{long}"), 400, too_long.to_owned()),
        (format!("/v1/settlements?{backwards}"), 400, wrong_order.to_owned()),
        (format!("/v1/settlements?{no_offset}"), 400, offset("start_date")),
        (format!("/v1/settlements/transactions?{long}"), 400, too_long.to_owned()),
        (format!("/v1/settlements/transactions?{no_offset_at_the_end}"), 400, offset("end_date")),
        ("/v1/settlements/pending-charges?from=2026-05-01".to_owned(), 400, offset("from")),
        (
            "/v1/settlements/pending-charges?from=2026-04-13T15:29:59Z".to_owned(),
            400,
            too_long.to_owned(),
        ),
        ("/v1/lots/no-such-lot".to_owned(), 404, "Lot not found".to_owned()),
        ("/v1/lots/..%2F..%2Fetc%2Fpasswd".to_owned(), 404, "Lot not found".to_owned()),
        ("/v1/lots/".to_owned(), 404, "Lot not found".to_owned()),
        ("/v1/settlements/1".to_owned(), 404, "Settlement not found".to_owned()),
        (
            "/v2/status/tx_status_lot?start=1718472442&end=1718418515".to_owned(),
            406,
            range.to_owned(),
        ),
        ("/v2/status/tx_status_lot?start=0&end=0".to_owned(), 406, range.to_owned()),
        ("/v2/status/tx_status_lot?start=0&end=86400".to_owned(), 406, range.to_owned()),
        ("/v1/lots/../../x".to_owned(), 404, "Not Found".to_owned()),
        ("/".to_owned(), 404, "Not Found".to_owned()),
        ("/v1".to_owned(), 404, "Not Found".to_owned()),
    ] {
        let (answered, body) = get(&mut Sandbox::documented(), &uri);
        let expected = serde_json::json!({ "detail": detail }).to_string();
        assert_eq!((answered, body), (status, expected), "{uri}");
    }
}

#[test]
fn what_is_just_allowed() {
    for uri in [
        "/v1/lots?start_date=2026-05-01&end_date=2026-06-01",
        "/v1/settlements?start_date=2026-05-01T00:00:00Z&end_date=2026-06-01T00:00:00Z&limit=1000",
        "/v1/settlements/pending-charges?limit=500&from=2026-04-13T15:30:00Z",
        "/v2/status/tx_status_lot?start=0&end=86399",
        "/v2/status/tx_status_lot?start=0&end=1",
    ] {
        let (status, body) = get(&mut Sandbox::documented(), uri);
        assert_eq!(status, 200, "{uri}: {body}");
    }
}

#[test]
fn parameters_are_refused_by_the_framework() {
    for (uri, kind, parameter) in [
        ("/v1/lots", "missing", "start_date"),
        ("/v1/settlements?start_date=2026-05-01T00:00:00Z", "missing", "end_date"),
        ("/v1/lots?start_date=x&end_date=2026-05-01", "datetime_from_date_parsing", "start_date"),
        (
            "/v1/lots?start_date=2026-05-01T00:00:00+00:00&end_date=2026-05-02",
            "datetime_from_date_parsing",
            "start_date",
        ),
        (
            "/v1/lots?start_date=2026-05-01&end_date=2026-05-02&limit=0",
            "greater_than_equal",
            "limit",
        ),
        (
            "/v1/lots?start_date=2026-05-01&end_date=2026-05-02&limit=1001",
            "less_than_equal",
            "limit",
        ),
        (
            "/v1/lots?start_date=2026-05-01&end_date=2026-05-02&offset=-1",
            "greater_than_equal",
            "offset",
        ),
        ("/v1/settlements/pending-charges?limit=501", "less_than_equal", "limit"),
        ("/v1/settlements/pending-charges?checkout_id=a", "int_parsing", "checkout_id"),
        ("/v1/settlements/abc", "int_parsing", "settlement_id"),
        ("/v2/status/tx_status_lot?store_id=a", "int_parsing", "store_id"),
        ("/v2/status/tx_status_lot?start=soon", "float_parsing", "start"),
    ] {
        let (status, body) = get(&mut Sandbox::documented(), uri);
        assert_eq!(status, 422, "{uri}");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["detail"][0]["type"], kind, "{uri}");
        assert_eq!(body["detail"][0]["loc"][1], parameter, "{uri}");
    }
}

#[test]
fn the_status_of_a_payment_needs_all_four_parameters() {
    let whole = "target=external_id&type=pay&id=a&chain=polygon";
    for (query, detail) in [
        ("type=pay&id=a&chain=polygon", r#"{"detail":"target is required"}"#),
        ("target=tx_id&id=a&chain=polygon", r#"{"detail":"type is required"}"#),
        ("target=tx_id&type=pay&id=&chain=polygon", r#"{"detail":"id is required"}"#),
        ("target=tx_id&type=pay&id=a", r#"{"detail":"chain is required"}"#),
        (
            "target=pix&type=pay&id=a&chain=polygon",
            r#"{"detail":"target must be one of external_id, kamipay_id, tx_id, operation_id, not \"pix\""}"#,
        ),
        (
            "target=tx_id&type=pay&id=a&chain=bitcoin",
            r#"{"detail":"chain must be one of polygon, tron, not \"bitcoin\""}"#,
        ),
        (
            "target=tx_id&type=loan&id=a&chain=tron",
            r#"{"detail":"type must be one of pay, charge, not \"loan\""}"#,
        ),
    ] {
        let (status, body) =
            get(&mut Sandbox::documented(), &format!("/v2/status/tx_status?{query}"));
        assert_eq!((status, body.as_str()), (400, detail), "{query}");
    }
    let (status, body) = get(&mut Sandbox::documented(), &format!("/v2/status/tx_status?{whole}"));
    assert_eq!((status, body.as_str()), (200, r#"{"status":"failed","msg":"TX not found"}"#));
}

#[test]
fn several_checkouts_need_a_checkout_id() {
    let mut sandbox = Sandbox::documented().with_scenario(Scenario::SeveralCheckouts);
    let (status, body) = get(&mut sandbox, "/v1/settlements/pending-charges");
    assert_eq!(status, 400);
    insta::assert_snapshot!(body, @r#"{"detail":"checkout_id is required: this client has multiple checkouts enrolled in batched settlement"}"#);
    let (_, body) = get(&mut sandbox, "/v1/settlements/pending-charges?checkout_id=42");
    assert_eq!(literals(&body), literals(include_str!("../documented/pending_charges.json")));
    let merchant = Generated::new(1).with_checkouts(0);
    let (status, body) = get(&mut Sandbox::generated(merchant), "/v1/settlements/pending-charges");
    assert_eq!(status, 200);
    let empty = include_str!("../documented/pending_charges_empty.json");
    assert_eq!(literals(&body), literals(empty));
}

#[test]
fn the_right_to_confirmed_charges_can_be_missing() {
    let mut sandbox = Sandbox::documented().without_confirmed_charges();
    let answer = get(&mut sandbox, "/v2/status/tx_status_lot");
    assert_eq!(answer, (401, r#"{"detail":"Endpoint Not Authorized"}"#.to_owned()));
}

#[test]
fn stores_and_checkouts_filter_confirmed_charges() {
    let mut sandbox = Sandbox::documented();
    let (_, body) = get(&mut sandbox, "/v2/status/tx_status_lot?store_id=2,3");
    assert_eq!(body, "[]");
    let (_, body) = get(&mut sandbox, "/v2/status/tx_status_lot?store_id=1&checkout_id=2");
    assert_eq!(body, "[]");
}

#[test]
fn who_has_no_token_is_refused_by_the_gateway() {
    for uri in ["/v1/lots", "/nowhere"] {
        let answer = send(&mut Sandbox::documented(), Method::GET, uri, &[], b"");
        let body = r#"{"message":"Unauthorized","request_id":"00000000000000000000000000000001"}"#;
        assert_eq!(answer, (401, body.to_owned()));
    }
    let mut sandbox = Sandbox::documented();
    for header in ["Bearer wrong", "Bearer", "", "Basic abc", "Bearer sandbox"] {
        let headers = [("authorization", header)];
        let answer = send(&mut sandbox, Method::GET, "/v1/lots", &headers, b"");
        assert_eq!(answer, (401, r#"{"detail":"Incorrect Credentials"}"#.to_owned()), "{header}");
    }
}

#[test]
fn log_in_and_use_the_token_until_it_expires() {
    let mut sandbox = Sandbox::documented().with_token_life(TimeDelta::minutes(5));
    let form = "username=merchant%40example.com&password=correct%2Bhorse%3Dbattery";
    let (status, body) = log_in(&mut sandbox, form);
    assert_eq!(status, 200);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["token_type"], "bearer");
    let token = body["access_token"].as_str().unwrap();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["iat"], sandbox.now().timestamp());
    assert_eq!(claims["exp"], sandbox.now().timestamp() + 300);
    let bearer = format!("bearer {token}");
    let open = |sandbox: &mut Sandbox| {
        send(sandbox, Method::GET, "/v1/settlements/12345", &[("authorization", &bearer)], b"").0
    };
    assert_eq!(open(&mut sandbox), 200);
    let issued = sandbox.now();
    sandbox.set_now(issued + TimeDelta::seconds(299));
    assert_eq!(open(&mut sandbox), 200);
    sandbox.set_now(issued + TimeDelta::seconds(300));
    assert_eq!(open(&mut sandbox), 401);
    sandbox.set_now(issued);
    sandbox.expire_tokens();
    assert_eq!(open(&mut sandbox), 401);
    assert_eq!(get(&mut sandbox, "/v1/settlements/12345").0, 401);
}

#[test]
fn a_log_in_can_be_wrong() {
    let mut sandbox = Sandbox::documented();
    // The `+` was not encoded and means a blank.
    let blank = "username=merchant%40example.com&password=correct+horse%3Dbattery";
    let refused = (401, r#"{"detail":"Incorrect Credentials"}"#.to_owned());
    assert_eq!(log_in(&mut sandbox, blank), refused);
    let (status, body) = log_in(&mut sandbox, "username=a");
    assert_eq!(status, 422);
    insta::assert_snapshot!(body, @r#"{"detail":[{"type":"missing","loc":["body","password"],"msg":"Field required","input":null}]}"#);
    let json = [("content-type", "application/json")];
    let body = br#"{"username":"a","password":"b"}"#;
    let answer = send(&mut sandbox, Method::POST, "/auth/token", &json, body);
    assert_eq!(answer.0, 422);
    assert_eq!(send(&mut sandbox, Method::GET, "/auth/token", &[], b"").0, 405);
}

#[test]
fn other_methods_are_not_allowed() {
    let mut sandbox = Sandbox::documented();
    let authorization = format!("Bearer {}", sandbox.token());
    for method in [Method::POST, Method::DELETE, Method::HEAD] {
        let headers = [("authorization", authorization.as_str())];
        let answer = send(&mut sandbox, method, "/v1/lots", &headers, b"");
        assert_eq!(answer, (405, r#"{"detail":"Method Not Allowed"}"#.to_owned()));
    }
}

#[test]
fn a_scenario_given_again_starts_again() {
    let uri =
        "/v2/status/tx_status?target=external_id&type=pay&chain=polygon&id=accepted-then-done";
    let mut sandbox = Sandbox::documented().with_scenario(Scenario::AcceptedThenDone);
    assert_eq!(get(&mut sandbox, uri).0, 201);
    assert_eq!(get(&mut sandbox, uri).0, 200);
    let mut sandbox = sandbox.with_scenario(Scenario::AcceptedThenDone);
    assert_eq!(get(&mut sandbox, uri).0, 201);
}

#[test]
fn scenarios_work_with_either_merchant() {
    for scenario in Scenario::all().filter(|scenario| scenario.has_payment()) {
        let uri =
            format!("/v2/status/tx_status?target=external_id&type=pay&chain=tron&id={scenario}");
        let documented = get(&mut Sandbox::documented().with_scenario(scenario), &uri);
        let generated = Sandbox::generated(Generated::new(1)).with_scenario(scenario);
        assert_eq!(documented, get(&mut generated.clone(), &uri));
    }
}

#[test]
fn debug_tells_no_secret() {
    let sandbox = Sandbox::documented();
    let text = format!("{sandbox:?}");
    assert!(!text.contains(sandbox.token()) && !text.contains(sandbox.password()), "{text}");
}

fn any_uri() -> impl Strategy<Value = String> {
    let path = prop_oneof![
        Just("/auth/token".to_owned()),
        Just("/v1/lots".to_owned()),
        Just("/v1/settlements".to_owned()),
        Just("/v1/settlements/transactions".to_owned()),
        Just("/v1/settlements/pending-charges".to_owned()),
        Just("/v2/status/tx_status".to_owned()),
        Just("/v2/status/tx_status_lot".to_owned()),
        "/v1/(lots|settlements)/[ -~]{0,80}",
        "/v1/lots/0x[0-9a-fA-F]{60,66}",
        "[ -~]{0,40}",
    ];
    let name = prop_oneof![
        "start_date|end_date|from|to|limit|offset|settlement_id|checkout_id",
        "store_id|start|end|target|type|id|chain",
    ];
    let value = prop_oneof![
        "-?[0-9]{1,25}",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|%2B00:00|)",
        "2026-0[1-9]-0[1-9](T00:00:00Z)?",
        "external_id|kamipay_id|tx_id|operation_id|pay|charge|polygon|tron",
        "(payout-|txc_|0x)[0-9a-z-]{0,70}",
        "[ -~]{0,30}",
    ];
    let query = proptest::collection::vec((name, value), 0..6);
    (path, query).prop_map(|(path, query)| {
        let query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{path}?{}", query.join("&"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_makes_it_panic(
        uri in any_uri(),
        method in "GET|GET|GET|POST|HEAD|[A-Z]{1,9}",
        token: bool,
        header in "[ -~]{0,60}",
        body: Vec<u8>,
        generated: bool,
        now in prop_oneof![-8_000_000_000_000_i64..8_000_000_000_000, 1_777_000_000..1_781_000_000_i64],
    ) {
        let mut sandbox = if generated {
            Sandbox::generated(Generated::new(3).with_checkouts(2))
        } else {
            Sandbox::documented()
        };
        sandbox.set_now(DateTime::from_timestamp(now, 0).unwrap());
        let authorization =
            if token { format!("Bearer {}", sandbox.token()) } else { header.clone() };
        let request = Request::builder()
            .method(method.as_str())
            .uri(uri)
            .header("authorization", authorization)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-other", header)
            .body(body);
        if let Ok(request) = request {
            let response = sandbox.handle(request);
            let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
            prop_assert!(!body.is_null());
        }
    }
}
