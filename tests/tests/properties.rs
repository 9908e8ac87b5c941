//! Properties of every input.

use http::Uri;
use kamipay_proto::confirmed_charges::ListConfirmedCharges;
use kamipay_proto::lots::{GetLot, ListLots, LotIdentifier};
use kamipay_proto::pay_status::{Chain, GetPayStatus, PaymentTarget, TargetKind};
use kamipay_proto::settlements::{
    GetSettlement, ListPendingCharges, ListSettlements, ListTransactions,
};
use kamipay_proto::{
    Api, CheckoutId, DateRange, Endpoint, EpochRange, IssueToken, OpenDateRange, PageSize,
    PendingPageSize, ResponseError, ResponseErrorKind, SettlementId, StoreId,
};
use kamipay_tests::{Call, Fixture, api, calls, fixtures, response, with_call};
use proptest::prelude::*;
use proptest::sample::Index;
use rust_decimal::Decimal;

use crate::json::Json;

/// Reads a body as the answer to a call. It must not panic, and an error must be displayable.
fn read(call: &Call, status: u16, body: &[u8]) -> Result<(), ResponseError> {
    let result = with_call!(call, call => call.parse(response(status, body)).map(drop));
    if let Err(error) = &result {
        let _ = format!("{error} {error:?}");
        assert_eq!(error.body(), body);
        assert_eq!(error.status(), status);
    }
    result
}

fn json_fixtures() -> impl Iterator<Item = Fixture> {
    fixtures().into_iter().filter(|fixture| fixture.path.ends_with(".json"))
}

fn truncated(error: &ResponseError) -> bool {
    matches!(error.kind(), ResponseErrorKind::Decode(decode) if decode.truncated)
}

#[test]
fn a_truncated_body_is_an_error_that_says_so() {
    for fixture in json_fixtures() {
        let body = fixture.body();
        let whole = body.trim_ascii_end().len();
        for end in 0..whole {
            let error = read(&fixture.call, fixture.status, &body[..end])
                .expect_err("accepted a truncated body");
            if fixture.is_answer() {
                // An empty body does not count as truncated.
                let cut = String::from_utf8_lossy(&body[..end]);
                let within = !cut.trim().is_empty();
                assert_eq!(truncated(&error), within, "{}: {error:?} of {cut}", fixture.path);
            } else {
                // The status counts; the message is dropped.
                assert!(error.to_string().ends_with("without a message that can be read"));
            }
        }
        let result = read(&fixture.call, fixture.status, &body[..whole]);
        assert_eq!(result.is_ok(), fixture.is_answer(), "{}", fixture.path);
    }
}

#[test]
fn a_body_truncated_inside_a_number_or_a_character_is_an_error_that_says_so() {
    let (call, status) = (&calls()[1], 200);
    for body in [
        // "José", truncated inside the é
        &b"{\"lots\": [], \"name\": \"Jos\xC3"[..],
        b"\xEF",
        b"\xEF\xBB",
        b"{\"lots\": [{\"usdt_amount\": 10.",
        b"{\"lots\": [{\"usdt_amount\": -",
        b"{\"lots\": [{\"usdt_amount\": 1e",
        b"{\"lots\": [{\"usdt_amount\": 1e-",
        b"{\"total\": 1.",
        b"{\"unknown\": -",
        b"{\"unknown\": 1.5E+",
        b"{\"unknown\": \"\\u00",
        b"{\"unknown\": tru",
        b"{\"unknown\": [[[",
    ] {
        let error = read(call, status, body).unwrap_err();
        assert!(truncated(&error), "{:?}: {error:?}", String::from_utf8_lossy(body));
    }
    for body in [
        &b"{\"lots\": [], \"name\": \"Jos\xC3\"}"[..],
        b"{\"lots\": [{\"usdt_amount\": 10.}]}",
        b"{\"lots\": [{\"usdt_amount\": -}]}",
        b"{\"total\": 1.,",
        b"{\"total\": x",
        b"<html>",
        b"{}",
        b"{} {",
        b"",
        b" \r\n",
        b"\xEF\xBB\xBF",
    ] {
        let error = read(call, status, body).unwrap_err();
        assert!(!truncated(&error), "{:?}: {error:?}", String::from_utf8_lossy(body));
    }
}

/// The JSON values that replace a value.
const INSTEAD: [&str; 22] = [
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "1e400",
    "-0.0",
    "123456789012345678901234567890",
    "\"\"",
    "\" \"",
    "\"x\"",
    "\"\\u0000\\u202e\\u001b[2J\"",
    "\"\\ud800\"",
    "\"NaN\"",
    "\"2026-02-30T00:00:00Z\"",
    "[]",
    "[[]]",
    "[null]",
    "{}",
    "{\"status\":\"canceled\"}",
    "{\"a\":{\"b\":[1,{}]}}",
    "\u{1}",
];

#[test]
fn no_parser_panics_if_a_value_is_replaced_removed_or_repeated() {
    for fixture in json_fixtures() {
        let whole = Json::parse(&fixture.text());
        let mut bodies = Vec::new();
        for n in 0..whole.len() {
            bodies.extend(INSTEAD.iter().map(|literal| whole.with(n, literal)));

            let mut change = |change: &mut dyn FnMut(&mut Json)| {
                let mut changed = whole.clone();
                changed.change(n, change);
                bodies.push(changed);
            };
            change(&mut |value| *value = Json::Array(vec![value.clone()]));
            change(&mut |value| *value = Json::Leaf(format!("{:?}", value.to_string())));
            // The list of an object's values, which serde's derive would accept.
            change(&mut |value| {
                if let Json::Object(fields) = value {
                    *value = Json::Array(fields.drain(..).map(|(_, value)| value).collect());
                }
            });
            for key in 0..30 {
                let mut fits = true;
                change(&mut |value| match value {
                    Json::Object(fields) if key < fields.len() => drop(fields.remove(key)),
                    _ => fits = false,
                });
                if !fits {
                    break;
                }
                change(&mut |value| {
                    if let Json::Object(fields) = value {
                        fields.push(fields[key].clone());
                    }
                });
            }
        }
        for body in bodies {
            let body = body.to_string();
            for status in [200, 201, 204, 400, 401, 422, 500] {
                let _ = read(&fixture.call, status, body.as_bytes());
            }
        }
    }
}

#[test]
fn a_duplicate_key_of_a_field_that_is_read_is_an_error() {
    // Unknown keys may occur twice.
    for fixture in json_fixtures().filter(Fixture::is_answer) {
        let whole = Json::parse(&fixture.text());
        for (pointer, name, _) in whole.leaves() {
            let Some((parent, _)) = pointer.rsplit_once('/') else { continue };
            let mut found = false;
            for n in 0..whole.len() {
                let mut changed = whole.clone();
                let mut hit = false;
                changed.change(n, &mut |value| {
                    if let Json::Object(fields) = value {
                        if let Some(field) = fields.iter().find(|field| field.0 == name).cloned() {
                            fields.push(field);
                            hit = true;
                        }
                    }
                });
                if hit {
                    found = true;
                    let error = read(&fixture.call, fixture.status, changed.to_string().as_bytes())
                        .expect_err("accepted a duplicate key");
                    assert!(
                        format!("{error:?}").contains("duplicate field"),
                        "{} {parent}/{name}: {error:?}",
                        fixture.path
                    );
                }
            }
            assert!(found, "{pointer}");
        }
    }
}

#[test]
fn the_list_of_an_object_s_values_is_not_the_object() {
    for fixture in json_fixtures().filter(Fixture::is_answer) {
        let whole = Json::parse(&fixture.text());
        for n in 0..whole.len() {
            let (mut changed, mut hit) = (whole.clone(), false);
            changed.change(n, &mut |value| {
                if let Json::Object(fields) = value {
                    hit = true;
                    *value = Json::Array(fields.drain(..).map(|(_, value)| value).collect());
                }
            });
            if hit {
                let result = read(&fixture.call, fixture.status, changed.to_string().as_bytes());
                assert!(result.is_err(), "{}: {changed}", fixture.path);
            }
        }
    }
}

/// The names of all fields with amounts.
const AMOUNTS: [&str; 9] = [
    "usdt_amount",
    "amount",
    "charged_amount",
    "settlement_amount",
    "amount_usdt",
    "amount_brl",
    "brl_requested",
    "usdt_credited",
    "price",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_bytes_make_a_parser_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200), status in 100_u16..1000,
    ) {
        for call in calls() {
            let _ = read(&call, status, &bytes);
        }
    }

    #[test]
    fn no_json_like_text_makes_a_parser_panic(
        text in "[\\[\\]{}:,\"\\\\a-c0-3.eEtrufalsn -]{0,80}", status in 200_u16..600,
    ) {
        for call in calls() {
            let _ = read(&call, status, text.as_bytes());
        }
    }

    #[test]
    fn no_damage_to_an_example_makes_a_parser_panic(
        damage in prop::collection::vec((any::<Index>(), 0..4, any::<u8>()), 1..5),
        status in prop::sample::select(vec![200_u16, 201, 400, 422, 500]),
    ) {
        for fixture in fixtures() {
            let mut body = fixture.body();
            for (at, kind, byte) in &damage {
                if body.is_empty() {
                    break;
                }
                let at = at.index(body.len());
                match kind {
                    0 => body[at] ^= byte,
                    1 => body.insert(at, *byte),
                    2 => drop(body.remove(at)),
                    _ => body.truncate(at),
                }
            }
            let _ = read(&fixture.call, status, &body);
        }
    }

    #[test]
    fn amounts_keep_their_digits(
        mantissa in -(1_i128 << 95)..(1_i128 << 95), scale in 0_u32..=28,
    ) {
        let digits = Decimal::from_i128_with_scale(mantissa, scale).to_string();
        for fixture in json_fixtures().filter(Fixture::is_answer) {
            let whole = Json::parse(&fixture.text());
            for (pointer, name, n) in whole.leaves() {
                if !AMOUNTS.contains(&&*name) {
                    continue;
                }
                for literal in [digits.clone(), format!("\"{digits}\"")] {
                    let body = whole.with(n, &literal).to_string();
                    let value = with_call!(&fixture.call,
                        call => serde_json::to_value(call.parse(response(200, &*body)).unwrap()),
                        _secret => unreachable!("a token has no amount")
                    ).unwrap();
                    let came = value.pointer(&pointer).and_then(|value| value.as_str());
                    prop_assert_eq!(came, Some(&*digits), "{} {}", fixture.path, pointer);
                }
            }
        }
    }

    #[test]
    fn a_server_decodes_the_parameters_of_a_uri_as_they_were_given(
        id in "\\PC{1,40}", target in targets(), tron: bool, lot in "[A-Za-z1-9_-][A-Za-z0-9_-]{0,127}",
        number: u64, numbers in prop::collection::vec(any::<u64>(), 0..5), offset: u64,
        limit in 1_u64..=500, start in 0_i64..253_000_000_000, length in 1_i64..86_400,
        base in prop::sample::select(vec!["https://api.kamipay.io", "http://[::1]:8080/kami/pay"]),
    ) {
        let api = Api::new(base.parse().unwrap(), &"token".parse().unwrap());
        let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
        let text = |seconds| at(seconds).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let (end, seconds) = (start + length, |seconds: i64| seconds.to_string());
        let range = DateRange::new(at(start), at(end)).unwrap();
        let list = || {
            numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
        };

        let chain = if tron { Chain::Tron } else { Chain::Polygon };
        let id = match target {
            TargetKind::TxId => format!("0x{number:064x}"),
            _ => id,
        };
        let call = GetPayStatus::new(PaymentTarget::new(target, &id).unwrap(), chain);
        check(&api, base, &call, &["v2", "status", "tx_status"], &[
            ("target", target.as_str().to_owned()),
            ("type", "pay".to_owned()),
            ("id", id),
            ("chain", if tron { "tron" } else { "polygon" }.to_owned()),
        ])?;

        let call = GetLot::new(lot.parse::<LotIdentifier>().unwrap());
        check(&api, base, &call, &["v1", "lots", &lot], &[])?;
        let call = GetSettlement::new(SettlementId::new(number));
        check(&api, base, &call, &["v1", "settlements", &number.to_string()], &[])?;

        let ends = vec![("start_date", text(start)), ("end_date", text(end))];
        let page = vec![("limit", limit.to_string()), ("offset", offset.to_string())];

        let mut call = ListLots::new(range);
        (call.limit, call.offset) = (PageSize::new(limit).unwrap(), offset);
        check(&api, base, &call, &["v1", "lots"], &[ends.clone(), page.clone()].concat())?;

        let mut call = ListSettlements::new(range);
        (call.limit, call.offset) = (PageSize::new(limit).unwrap(), offset);
        check(&api, base, &call, &["v1", "settlements"], &[ends.clone(), page.clone()].concat())?;

        let mut call = ListTransactions::new(range);
        (call.limit, call.offset) = (PageSize::new(limit).unwrap(), offset);
        call.settlement_id = Some(SettlementId::new(number));
        let settlement = vec![("settlement_id", number.to_string())];
        check(&api, base, &call, &["v1", "settlements", "transactions"],
            &[ends, settlement, page.clone()].concat())?;

        let mut call = ListPendingCharges::new();
        (call.limit, call.offset) = (PendingPageSize::new(limit).unwrap(), offset);
        call.checkout_id = Some(CheckoutId::new(number));
        call.range = OpenDateRange::from(range);
        let query = vec![
            ("checkout_id", number.to_string()), ("from", text(start)), ("to", text(end)),
        ];
        check(&api, base, &call, &["v1", "settlements", "pending-charges"],
            &[query, page].concat())?;

        let mut call = ListConfirmedCharges::new();
        call.store_id = numbers.iter().copied().map(StoreId::new).collect();
        call.checkout_id = numbers.iter().copied().map(CheckoutId::new).collect();
        call.range = Some(EpochRange::new(at(start), at(end)).unwrap());
        let mut query = vec![("start", seconds(start)), ("end", seconds(end))];
        if !numbers.is_empty() {
            query.splice(0..0, [("store_id", list()), ("checkout_id", list())]);
        }
        check(&api, base, &call, &["v2", "status", "tx_status_lot"], &query)?;
    }

    #[test]
    fn a_server_decodes_the_login_as_it_was_given(
        username in "\\PC{0,40}", password in any::<String>(),
    ) {
        let request = IssueToken::new(&username, &password).request(&api()).unwrap();
        let fields: Vec<(String, String)> =
            form_urlencoded::parse(request.body()).into_owned().collect();
        let sent = [("username", username), ("password", password)];
        prop_assert_eq!(fields, sent.map(|(name, value)| (name.to_owned(), value)));
    }
}

fn targets() -> impl Strategy<Value = TargetKind> {
    prop::sample::select(vec![
        TargetKind::ExternalId,
        TargetKind::KamipayId,
        TargetKind::TxId,
        TargetKind::OperationId,
    ])
}

/// Decodes the URI as a server would.
fn check(
    api: &Api,
    base: &str,
    call: &impl Endpoint,
    path: &[&str],
    query: &[(&str, String)],
) -> Result<(), TestCaseError> {
    let request = call.request(api).unwrap();
    let uri = request.uri();
    let base: Uri = base.parse().unwrap();
    prop_assert_eq!(uri.scheme(), base.scheme());
    prop_assert_eq!(uri.authority(), base.authority());
    let below = uri.path().strip_prefix(base.path().trim_end_matches('/')).unwrap();
    let decode =
        |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let parts: Vec<String> = below.split('/').skip(1).map(decode).collect();
    prop_assert_eq!(parts, path);
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(uri.query().unwrap_or("").as_bytes()).into_owned().collect();
    let query: Vec<(String, String)> =
        query.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    prop_assert_eq!(pairs, query);
    Ok(())
}
