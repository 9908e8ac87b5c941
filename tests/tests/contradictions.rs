//! Contradictions and gaps in the vendor's pages, and how this client handles each. Every test quotes
//! the page.

use chrono::{SecondsFormat, TimeDelta};
use kamipay_proto::confirmed_charges::ListConfirmedCharges;
use kamipay_proto::lots::{ListLots, LotDetail, LotIdentifier, LotStatus};
use kamipay_proto::pay_status::{Chain, GetPayStatus, PayStatus, PaymentTarget, TargetKind};
use kamipay_proto::scan::ScanRow;
use kamipay_proto::settlements::{
    GetSettlement, ListPendingCharges, ListSettlements, ListTransactions,
};
use kamipay_proto::{
    DateRange, Endpoint, EpochRange, InvalidRange, OpenDateRange, ResponseError, ResponseErrorKind,
    StoreId,
};
use kamipay_tests::{Call, Fixture, api, fixtures, response, with_call};
use rust_decimal::Decimal;

const HASH: &str = "0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab";

fn fixture(path: &str) -> Fixture {
    fixtures().into_iter().find(|fixture| fixture.path == path).expect(path)
}

/// The example, parsed by its call.
macro_rules! example {
    ($path:literal, $call:ident) => {{
        let fixture = fixture($path);
        let Call::$call(call) = &fixture.call else { panic!("another call") };
        call.parse(fixture.response()).unwrap()
    }};
}

/// The example with `from` replaced by `to`.
fn changed(path: &str, from: &str, to: &str) -> String {
    let text = fixture(path).text();
    assert!(text.contains(from), "{path} has no {from}");
    text.replacen(from, to, 1)
}

/// The JSON path of the decoding error for this body.
fn unreadable(path: &str, body: &str) -> String {
    let call = fixture(path).call;
    let error: ResponseError = with_call!(&call, call => call.parse(response(200, body)).map(drop))
        .expect_err("it is read");
    let ResponseErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
    fault.path.clone()
}

fn digits(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

/// Amounts are strings in lots, pay status and tx_status_lot (`"10027.79968000"`), and numbers in
/// settlements (`1234567.89`, `29750.0`, and `0` in the empty pending pool). All become an exact
/// decimal with its scale. A value that does not fit is an error that names the field.
#[test]
fn amounts_are_read_from_strings_and_numbers() {
    let lots = example!("lots/list.json", ListLots);
    let settlements = example!("settlements/list.json", ListSettlements);
    let transactions = example!("settlements/transactions.json", ListTransactions);
    let empty = example!("settlements/pending-charges-empty.json", ListPendingCharges);
    let payment = example!("pay-status/done.json", GetPayStatus);
    let charges = example!("tx-status-lot/list.json", ListConfirmedCharges);
    for (amount, text, scale) in [
        (lots.lots[0].usdt_amount, "10027.79968000", 8),
        (settlements.settlements[0].amount, "1234567.89", 2),
        (transactions.transactions[0].settlement_amount.unwrap(), "29750.0", 1),
        (transactions.transactions[0].charged_amount, "5.28", 2),
        (empty.totals.settlement_amount, "0", 0),
        (payment.payment().unwrap().amount_usdt.unwrap(), "0.54103", 5),
        (charges[0].usdt_credited, "5.00000", 5),
    ] {
        assert_eq!((amount, amount.scale(), &*amount.to_string()), (digits(text), scale, text));
    }

    // Both spellings in both places.
    let number = changed("lots/list.json", "\"10027.79968000\"", "10027.79968000");
    let lots = ListLots::new(range()).parse(response(200, number)).unwrap();
    assert_eq!(lots.lots[0].usdt_amount.to_string(), "10027.79968000");
    // No `f64` has these digits.
    let long = changed("settlements/get.json", "1234567.89", "1234567890123456789.123456789");
    let settlement = GetSettlement::new(12345.into()).parse(response(200, long)).unwrap();
    assert_eq!(settlement.amount.to_string(), "1234567890123456789.123456789");

    for unfit in ["0.00000000000000000000000000001", "79228162514264337593543950336", "1e29"] {
        let body = changed("settlements/list.json", "1234567.89", unfit);
        assert_eq!(unreadable("settlements/list.json", &body), "settlements[0].amount");
        let body = changed("lots/list.json", "100.00000000", unfit);
        assert_eq!(unreadable("lots/list.json", &body), "lots[1].usdt_amount");
    }
}

/// A hash is "0x-prefixed, 66 characters", yet one example is `0xprocessing1234…` and another
/// `txid5`. A hash in an answer is text, with a method that says whether it is well-formed. A hash in
/// a path is checked.
#[test]
fn a_malformed_hash_in_an_answer_is_kept_as_text() {
    let lots = example!("lots/list.json", ListLots).lots;
    let [mined, processing] = &lots[..] else { panic!("two lots") };
    assert!(mined.transaction_hash.as_ref().unwrap().is_well_formed());
    let placeholder = processing.transaction_hash.as_ref().unwrap();
    assert_eq!(
        placeholder.as_str(),
        "0xprocessing123456789012345678901234567890123456789012345678901234"
    );
    assert!(!placeholder.is_well_formed());
    assert!(LotIdentifier::try_from(placeholder).is_err());
    assert!(LotIdentifier::try_from(mined.transaction_hash.as_ref().unwrap()).is_ok());

    let charges = example!("tx-status-lot/list.json", ListConfirmedCharges);
    assert_eq!(charges[0].tx_hash, "txid5");
    assert!(!charges[0].tx_hash.is_well_formed());
}

/// A hash in a request is `0x` and 64 hexadecimal digits, on Tron also without `0x`. The page's own
/// example, `0x36**************b2d3`, is masked. Such hashes and placeholders are refused before they
/// are sent: the API's *not found* would look like a payment under way.
#[test]
fn a_malformed_hash_in_a_request_is_refused() {
    for refused in ["0x36**************b2d3", "nothash", "txid5", &HASH[..65], "0x"] {
        assert!(PaymentTarget::tx_id(refused).is_err(), "{refused}");
    }
    for chain in [Chain::Polygon, Chain::Tron] {
        assert!(GetPayStatus::new(PaymentTarget::tx_id(HASH).unwrap(), chain).check().is_ok());
        let bare = GetPayStatus::new(PaymentTarget::tx_id(&HASH[2..]).unwrap(), chain);
        assert_eq!(bare.check().is_ok(), chain == Chain::Tron);
        assert_eq!(bare.request(&api()).is_ok(), chain == Chain::Tron);
    }
}

/// `external_id` is text everywhere except in the failed pay status, where it is the number
/// `123456789`. Our types have text; a number becomes its digits.
#[test]
fn an_external_id_that_is_a_number_becomes_its_digits() {
    let PayStatus::Failed(failed) = example!("pay-status/failed-and-returned.json", GetPayStatus)
    else {
        panic!("another state")
    };
    assert_eq!(failed.external_id.as_ref().unwrap(), "123456789");

    // Any number of digits, in every type with an external id.
    let number = "123456789012345678901234567890";
    for (path, from) in [
        ("pay-status/done.json", "\"test235\""),
        ("settlements/transactions.json", "\"merchant-order-aaa-11112\""),
        ("settlements/pending-charges.json", "\"merchant-order-aaa-11112\""),
        ("settlements/get.json", "\"merchant-order-aaa-11112\""),
    ] {
        let body = changed(path, from, number);
        let call = fixture(path).call;
        let json = with_call!(&call,
            call => serde_json::to_string(&call.parse(response(200, body)).unwrap()).unwrap(),
            _secret => unreachable!());
        assert!(json.contains(&format!("\"{number}\"")), "{json}");
    }
}

/// The example asks for `start=1718472442` and `end=1718418515`, backwards, while the error says
/// `end - start has to be >0 and <24 hrs`. Both bounds are checked before it is sent.
#[test]
fn a_reversed_or_too_long_range_is_refused() {
    let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    let (start, end) = (at(1_718_472_442), at(1_718_418_515));
    assert!(matches!(EpochRange::new(start, end), Err(InvalidRange::Order { .. })));
    assert!(EpochRange::new(end, start).is_ok());

    let day = TimeDelta::hours(24);
    assert!(EpochRange::new(start, start).is_err());
    assert!(EpochRange::new(start, start + TimeDelta::seconds(1)).is_ok());
    assert!(EpochRange::new(start, start + day - TimeDelta::seconds(1)).is_ok());
    assert!(matches!(EpochRange::new(start, start + day), Err(InvalidRange::NotWithinADay { .. })));

    let refused = fixture("tx-status-lot/error-range.json");
    let error = ListConfirmedCharges::new().parse(refused.response()).unwrap_err();
    assert!(error.to_string().ends_with("end - start has to be >0 and <24 hrs"), "{error}");
}

/// The JavaScript and Go examples send `[1, 2, 3]` as `1,2,3`, the Python example as `[1, 2, 3]`. We
/// send `1,2,3`.
#[test]
fn a_list_of_numbers_is_sent_with_commas() {
    let mut call = ListConfirmedCharges::new();
    call.store_id = [1, 2, 3].map(StoreId::new).to_vec();
    assert_eq!(call.request(&api()).unwrap().uri().query(), Some("store_id=1,2,3"));
    call.store_id.truncate(1);
    assert_eq!(call.request(&api()).unwrap().uri().query(), Some("store_id=1"));
}

/// `request_datetime` is `"1718472442.872"`: seconds since 1970 with a fraction, in a string. It
/// becomes an exact UTC time.
#[test]
fn a_time_in_seconds_is_read_exactly() {
    let charge = &example!("tx-status-lot/list.json", ListConfirmedCharges)[0];
    let text =
        |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::Nanos, true);
    assert_eq!(text(charge.request_datetime), "2024-06-15T17:27:22.872000000Z");
    assert_eq!(text(charge.credit_datetime), "2024-06-15T17:27:23.872000000Z");

    // No `f64` of this size has nine decimals.
    let body = changed("tx-status-lot/list.json", "1718472442.872", "1718472442.123456789");
    let charges = ListConfirmedCharges::new().parse(response(200, body)).unwrap();
    assert_eq!(text(charges[0].request_datetime), "2024-06-15T17:27:22.123456789Z");
}

/// `created_at` of a `PROCESSING` lot is `null` in an example, although no field table says so: it is
/// optional. A field is required only if every example has it.
#[test]
fn a_lot_may_have_no_created_at() {
    let lots = example!("lots/list.json", ListLots).lots;
    assert_eq!((&lots[1].status, lots[1].created_at), (&LotStatus::Processing, None));
    assert!(lots[0].created_at.is_some());

    let absent = changed("lots/list.json", "\"created_at\": null,", "");
    let page = ListLots::new(range()).parse(response(200, absent)).unwrap();
    assert_eq!(page.lots, lots);
}

/// The "Path Parameters" of the two status pages are in the query of their examples.
#[test]
fn status_parameters_are_sent_in_the_query() {
    let payment = PaymentTarget::kamipay_id("txc_01jranqegkf509bq5svh03ztt8").unwrap();
    let request = GetPayStatus::new(payment, Chain::Tron).request(&api()).unwrap();
    assert_eq!(request.uri().path(), "/v2/status/tx_status");
    assert_eq!(
        request.uri().query(),
        Some("target=kamipay_id&type=pay&id=txc_01jranqegkf509bq5svh03ztt8&chain=tron")
    );
    let request = ListConfirmedCharges::new().request(&api()).unwrap();
    assert_eq!(request.uri().path(), "/v2/status/tx_status_lot");
}

/// `"status": "failed"` with `"msg": "TX not found"` means *wait and ask again*. `data.status:
/// "failed"` means *failed and refunded*. They are two variants; only the second gives permission to
/// pay again.
#[test]
fn a_failed_envelope_and_a_failed_payment_are_two_variants() {
    let unknown = example!("pay-status/not-found.json", GetPayStatus);
    assert!(
        matches!(&unknown, PayStatus::NotFound { msg: Some(msg), .. } if msg == "TX not found")
    );
    assert_eq!((unknown.state(), unknown.is_over()), ("not_found", false));
    assert!(unknown.permission_to_pay_again().is_none());

    let returned = example!("pay-status/failed-and-returned.json", GetPayStatus);
    assert!(matches!(returned, PayStatus::Failed(_)));
    assert_eq!((returned.state(), returned.is_over()), ("failed", true));
    let permission = returned.permission_to_pay_again().unwrap();
    assert_eq!(
        permission.refund_txid().unwrap(),
        "0x96a48088522ccaae8f60afa7d66290d0c2b3ebd3bb70630df79f105258d36547"
    );
}

/// `accepted` has status 201, all other states 200. The body of any 2xx is read, except of those
/// without a body or with a part of one (204, 205, 206). Only 200 and 201 give permission to pay
/// again.
#[test]
fn a_payment_is_read_with_any_2xx_that_has_a_body() {
    for path in ["pay-status/accepted.json", "pay-status/done.json", "pay-status/not-found.json"] {
        let fixture = fixture(path);
        let Call::GetPayStatus(call) = &fixture.call else { panic!("another call") };
        let state = call.parse(fixture.response()).unwrap();
        for status in 200..300 {
            let result = call.parse(response(status, fixture.body()));
            if let 204..=206 = status {
                assert!(matches!(result.unwrap_err().kind(), ResponseErrorKind::UnexpectedStatus));
            } else {
                assert_eq!(result.unwrap(), state, "{status}");
            }
        }
    }
    for path in ["pay-status/canceled.json", "pay-status/failed-and-returned.json"] {
        let fixture = fixture(path);
        let Call::GetPayStatus(call) = &fixture.call else { panic!("another call") };
        for status in 200..300 {
            match call.parse(response(status, fixture.body())) {
                Ok(state) => {
                    assert!(status < 202 && state.permission_to_pay_again().is_some(), "{status}");
                }
                Err(error) => {
                    assert!(status > 201, "{status}: {error}");
                    assert!(
                        matches!(error.kind(), ResponseErrorKind::UnexpectedStatus),
                        "{status}"
                    );
                }
            }
        }
    }
}

/// Ranges end at `23:59:59Z` in the examples while timestamps carry microseconds
/// (`19:36:52.907905Z`), and no page says whether ends are inclusive. Windows share their boundary,
/// to the microsecond, and duplicate rows are found by their keys.
#[test]
fn a_row_in_two_windows_has_one_key() {
    let boundary = "2026-01-28T23:59:59.907905Z";
    let before = DateRange::parse("2026-01-01T00:00:00Z", boundary).unwrap();
    let after = DateRange::parse(boundary, "2026-02-20T00:00:00Z").unwrap();
    assert_eq!(before.end(), after.start());
    let sent = |range| ListLots::new(range).request(&api()).unwrap().uri().to_string();
    assert!(sent(before).contains("end_date=2026-01-28T23%3A59%3A59.907905Z"));
    assert!(sent(after).contains("start_date=2026-01-28T23%3A59%3A59.907905Z"));

    // The same row has the same key in both windows; different rows have different keys.
    fn keys<R: ScanRow>(rows: &[R]) -> Vec<R::Key> {
        let mut keys: Vec<_> = rows.iter().chain(rows).map(ScanRow::key).collect();
        keys.sort();
        keys.dedup();
        keys
    }
    assert_eq!(keys(&example!("lots/list.json", ListLots).lots).len(), 2);
    assert_eq!(keys(&example!("settlements/list.json", ListSettlements).settlements).len(), 1);
    assert_eq!(
        keys(&example!("settlements/transactions.json", ListTransactions).transactions).len(),
        1
    );
    assert_eq!(
        keys(&example!("settlements/pending-charges.json", ListPendingCharges).items).len(),
        2
    );
}

/// `settlement_amount` is "number | null" in transactions and in the detail's charges, and "number"
/// in pending charges. The types follow the tables.
#[test]
fn a_settlement_amount_may_be_null_where_the_table_says_so() {
    let null =
        |path| changed(path, "\"settlement_amount\": 29750.0", "\"settlement_amount\": null");
    let Call::ListTransactions(call) = fixture("settlements/transactions.json").call else {
        panic!("another call")
    };
    let page = call.parse(response(200, null("settlements/transactions.json"))).unwrap();
    assert_eq!(page.transactions[0].settlement_amount, None);

    let detail = GetSettlement::new(12345.into());
    let detail = detail.parse(response(200, null("settlements/get.json"))).unwrap();
    assert_eq!(detail.charges[0].settlement_amount, None);
    assert_eq!(detail.charges[1].settlement_amount.unwrap().to_string(), "39575.0");

    let path = "settlements/pending-charges.json";
    assert_eq!(unreadable(path, &null(path)), "items[0].settlement_amount");
}

/// Lots accept "ISO 8601", settlements refuse a time without an offset. We always send RFC 3339 in
/// UTC with `Z`, and `:` as `%3A`, as the examples in JavaScript, Python and Go do.
#[test]
fn times_are_sent_in_utc() {
    let range = DateRange::parse("2026-05-01T00:00:00-03:00", "2026-05-28T23:59:59.5Z").unwrap();
    let mut pending = ListPendingCharges::new();
    pending.range = OpenDateRange::from(range);
    for (uri, start, end) in [
        (ListLots::new(range).request(&api()), "start_date", "end_date"),
        (ListSettlements::new(range).request(&api()), "start_date", "end_date"),
        (ListTransactions::new(range).request(&api()), "start_date", "end_date"),
        (pending.request(&api()), "from", "to"),
    ] {
        let uri = uri.unwrap().uri().to_string();
        let sent = format!("{start}=2026-05-01T03%3A00%3A00Z&{end}=2026-05-28T23%3A59%3A59.500Z&");
        assert!(uri.contains(&sent), "{uri}");
    }
    // A time without an offset is refused before it is sent.
    let error = DateRange::parse("2026-05-01T00:00:00", "2026-05-28T23:59:59Z").unwrap_err();
    assert!(matches!(error, InvalidRange::Text { .. }), "{error}");
}

/// Identifiers come in several lengths and alphabets (`ptxr_01kr4a2x6m1d8h6e5b3t7w1ku`,
/// `txc_test_lot1_charge_001`). They are opaque text, with a type for each kind.
#[test]
fn identifiers_are_opaque() {
    let lot = example!("lots/get.json", GetLot);
    assert_eq!(lot.payouts[0].kamipay_id, "txc_test_lot1_charge_001");
    assert_eq!(lot.refunds[0].kamipay_refund_id, "rpt_test_lot1_refund_001");
    let settlement = example!("settlements/get.json", GetSettlement);
    assert_eq!(settlement.charges[0].kamipay_request_id, "ptxr_01kr3m9p7n2s4d8h6e5b3t7w1k");
    assert_eq!(settlement.charges[1].kamipay_request_id, "ptxr_01kr4a2x6m1d8h6e5b3t7w1ku");

    for id in ["", " ", "7", "ptxr é 😀", &"x".repeat(10_000)] {
        let body = changed("lots/get.json", "txc_test_lot1_charge_001", id);
        let lot: LotDetail = serde_json::from_str(&body).unwrap();
        assert_eq!(lot.payouts[0].kamipay_id, id);
    }
}

/// Refusals are `{"detail": "…"}` on these pages, `{"message": "…", "request_id": "…"}` from the
/// gateway, HTML from a proxy, and 422 with a list of objects from the web framework. All become one
/// error type with status, message and request id. For any other body it says so.
#[test]
fn every_form_of_a_refusal_keeps_its_status_message_and_request_id() {
    let refused = |path| {
        let fixture = fixture(path);
        let error = with_call!(&fixture.call, call => call.parse(fixture.response()).map(drop))
            .unwrap_err();
        assert_eq!(error.body(), fixture.body());
        let ResponseErrorKind::Api(refusal) = error.kind() else { panic!("{error:?}") };
        let id = error.request_id().map(str::to_owned);
        (refusal.status.as_u16(), refusal.message.clone(), id)
    };
    let said = |text: &str| Some(text.to_owned());
    assert_eq!(refused("lots/get-error-not-found.json"), (404, said("Lot not found"), None));
    assert_eq!(
        refused("gateway/unauthorized.json"),
        (401, said("Unauthorized"), said("30e87ab5xxxxxxxxxxxxf8249f594cfb"))
    );
    assert_eq!(
        refused("gateway/validation-error.json"),
        (
            422,
            said(
                "query.limit: Input should be less than or equal to 1000; \
                 query.start_date: Field required"
            ),
            None
        )
    );
    assert_eq!(refused("gateway/bad-gateway.html"), (502, None, None));
    let html = fixture("gateway/bad-gateway.html");
    let error = ListLots::new(range()).parse(html.response()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the API answered 502 Bad Gateway, without a message that can be read"
    );
}

/// The examples have plain notation only. The servers run Python, which writes a zero of 8 decimals as
/// `0E-8` and 0.00001 as `1e-05`. Exponents are read if the value fits exactly.
#[test]
fn amounts_with_an_exponent_are_read() {
    for (literal, text) in [
        ("0E-8", "0.00000000"),
        ("1e-05", "0.00001"),
        ("1.5E+3", "1500"),
        ("1e-28", "0.0000000000000000000000000001"),
    ] {
        for literal in [literal.to_owned(), format!("\"{literal}\"")] {
            let body = changed("lots/list.json", "\"10027.79968000\"", &literal);
            let page = ListLots::new(range()).parse(response(200, body)).unwrap();
            assert_eq!(page.lots[0].usdt_amount.to_string(), text);
            let body = changed("settlements/get.json", "1234567.89", &literal);
            let detail = GetSettlement::new(12345.into()).parse(response(200, body)).unwrap();
            assert_eq!(detail.amount.to_string(), text);
        }
    }
    let body = changed("lots/list.json", "\"10027.79968000\"", "1e-29");
    assert_eq!(unreadable("lots/list.json", &body), "lots[0].usdt_amount");
}

/// A list echoes `limit` and `offset` (`"limit": 100, "offset": 0`). If the echo differs from the
/// request, the answer is another request's response.
#[test]
fn a_list_must_echo_the_requested_limit_and_offset() {
    fn mismatch<E: Endpoint>(call: &E, path: &str, from: &str, to: &str) -> (&'static str, String) {
        let body = changed(path, from, to);
        let error = call.parse(response(200, body)).map(drop).unwrap_err();
        let ResponseErrorKind::Mismatch(mismatch) = error.kind() else { panic!("{error:?}") };
        (mismatch.field, mismatch.came.clone().unwrap())
    }
    fn check<E: Endpoint>(call: &E, second: &E, path: &str) {
        assert!(call.parse(response(200, fixture(path).body())).is_ok());
        let (limit, offset) = (r#""limit": 100"#, r#""offset": 0"#);
        assert_eq!(mismatch(call, path, limit, r#""limit": 50"#), ("limit", "50".to_owned()));
        assert_eq!(mismatch(call, path, offset, r#""offset": 9"#), ("offset", "9".to_owned()));
        let body = changed(path, "\"offset\": 0", "\"x\": 0");
        assert!(call.parse(response(200, body)).is_err());
        // The second page is not the first.
        assert!(second.parse(response(200, fixture(path).body())).is_err());
    }
    for path in [
        "lots/list.json",
        "settlements/list.json",
        "settlements/transactions.json",
        "settlements/pending-charges.json",
        "settlements/pending-charges-empty.json",
    ] {
        macro_rules! check {
            ($call:expr) => {{
                let mut second = $call.clone();
                second.offset = 100;
                check($call, &second, path);
            }};
        }
        match &fixture(path).call {
            Call::ListLots(call) => check!(call),
            Call::ListSettlements(call) => check!(call),
            Call::ListTransactions(call) => check!(call),
            Call::ListPendingCharges(call) => check!(call),
            call => panic!("{call:?}"),
        }
    }
}

/// Newer pages of the vendor list `kamipay_id` and `external_id` only, older ones four targets and two
/// chains. All are offered, and *not found* is never final.
#[test]
fn every_target_on_every_chain_is_sent_and_not_found_is_not_final() {
    let offered = [
        (TargetKind::ExternalId, "external_id"),
        (TargetKind::KamipayId, "kamipay_id"),
        (TargetKind::TxId, "tx_id"),
        (TargetKind::OperationId, "operation_id"),
    ];
    for (target, word) in offered {
        for (chain, name) in [(Chain::Polygon, "polygon"), (Chain::Tron, "tron")] {
            assert_eq!((target.as_str(), chain.as_str()), (word, name));
            let id = if target == TargetKind::TxId { HASH } else { "1" };
            let call = GetPayStatus::new(PaymentTarget::new(target, id).unwrap(), chain);
            let query = format!("target={word}&type=pay&id={id}&chain={name}");
            assert_eq!(call.request(&api()).unwrap().uri().query(), Some(&*query));
            let not_found = fixture("pay-status/not-found.json").response();
            let status = call.parse(not_found).unwrap();
            assert!(!status.is_over() && status.permission_to_pay_again().is_none());
        }
    }
}

fn range() -> DateRange {
    DateRange::parse("2026-01-01T00:00:00Z", "2026-01-28T23:59:59Z").unwrap()
}
