//! Where the vendor's pages contradict themselves or leave something open, and what we do. A test
//! for each, which quotes the page.

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

/// The example as its call reads it.
macro_rules! example {
    ($path:literal, $call:ident) => {{
        let fixture = fixture($path);
        let Call::$call(call) = &fixture.call else { panic!("another call") };
        call.parse(fixture.response()).unwrap()
    }};
}

/// The example with one literal in the place of another.
fn changed(path: &str, from: &str, to: &str) -> String {
    let text = fixture(path).text();
    assert!(text.contains(from), "{path} has no {from}");
    text.replacen(from, to, 1)
}

/// The path at which the answer with this body cannot be read.
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
/// settlements (`1234567.89`, `29750.0`, and `0` in the empty pending pool). One exact decimal for
/// all, scale kept; what does not fit is an error that names the field.
#[test]
fn row_01_amounts_are_strings_here_and_numbers_there() {
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

    // Either spelling in either place.
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
/// `txid5`. An answer's hash is text with a method that says whether it is well-formed; only what
/// goes into a path is checked.
#[test]
fn row_02_a_hash_that_is_none() {
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

/// The same hash in a question: 64 hexadecimal digits after `0x`, on Tron also without. The page's
/// own example, `0x36**************b2d3`, is masked, and a placeholder finds nothing: they are refused
/// before they are sent, where *not found* would read as if the payment was on its way.
#[test]
fn row_02_a_hash_in_a_question() {
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

/// `external_id` is text everywhere, and the number `123456789` in the failed pay status. Text in
/// our types; a number becomes its digits.
#[test]
fn row_03_an_external_id_that_is_a_number() {
    let PayStatus::Failed(failed) = example!("pay-status/failed-and-returned.json", GetPayStatus)
    else {
        panic!("another state")
    };
    assert_eq!(failed.external_id.as_ref().unwrap(), "123456789");

    // As many digits as it likes, in every place that has an external id.
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
/// `end - start has to be >0 and <24 hrs`. Refused before it is sent, strictly on both sides.
#[test]
fn row_04_a_range_that_is_backwards() {
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

/// `[1, 2, 3]` goes out as `1,2,3` from JavaScript and Go, and as `[1, 2, 3]` from Python: `1,2,3`.
#[test]
fn row_05_lists_of_numbers() {
    let mut call = ListConfirmedCharges::new();
    call.store_id = [1, 2, 3].map(StoreId::new).to_vec();
    assert_eq!(call.request(&api()).unwrap().uri().query(), Some("store_id=1,2,3"));
    call.store_id.truncate(1);
    assert_eq!(call.request(&api()).unwrap().uri().query(), Some("store_id=1"));
}

/// `request_datetime` is `"1718472442.872"`: seconds since 1970 with a fraction, in a string. A
/// UTC timestamp to the digit.
#[test]
fn row_06_times_that_are_seconds() {
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

/// `created_at` of a lot that is `PROCESSING` is `null`, which no field table says: optional. And
/// as a rule, a field is required only where every example shows it.
#[test]
fn row_07_a_lot_without_a_time() {
    let lots = example!("lots/list.json", ListLots).lots;
    assert_eq!((&lots[1].status, lots[1].created_at), (&LotStatus::Processing, None));
    assert!(lots[0].created_at.is_some());

    let absent = changed("lots/list.json", "\"created_at\": null,", "");
    let page = ListLots::new(range()).parse(response(200, absent)).unwrap();
    assert_eq!(page.lots, lots);
}

/// The "Path Parameters" of the two status pages stand in the query of their own examples.
#[test]
fn row_08_path_parameters_that_are_query_parameters() {
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

/// `"status": "failed"` with `"msg": "TX not found"` means *wait and ask again*, `data.status:
/// "failed"` means *failed and refunded*: two variants, and only the second lets one pay again.
#[test]
fn row_09_two_kinds_of_failed() {
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

/// `accepted` comes with 201 and all other states with 200: any 2xx is read by its body, but for
/// those that have none or a part of one (204, 205, 206). Permission to pay again comes with 200 and
/// 201 only.
#[test]
fn row_10_an_answer_with_201() {
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
/// to the microsecond, and rows are told apart by what identifies them.
#[test]
fn row_11_ends_that_may_be_inclusive_or_not() {
    let boundary = "2026-01-28T23:59:59.907905Z";
    let before = DateRange::parse("2026-01-01T00:00:00Z", boundary).unwrap();
    let after = DateRange::parse(boundary, "2026-02-20T00:00:00Z").unwrap();
    assert_eq!(before.end(), after.start());
    let sent = |range| ListLots::new(range).request(&api()).unwrap().uri().to_string();
    assert!(sent(before).contains("end_date=2026-01-28T23%3A59%3A59.907905Z"));
    assert!(sent(after).contains("start_date=2026-01-28T23%3A59%3A59.907905Z"));

    // The same row of two windows has the same key, and two rows never have.
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
/// in pending charges: as the tables say, field by field.
#[test]
fn row_12_an_amount_that_may_be_null_in_two_of_three_tables() {
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

/// Lots take "ISO 8601", settlements refuse a time without an offset: always RFC 3339 in UTC with
/// `Z`, and `:` as `%3A`, as JavaScript, Python and Go all send it.
#[test]
fn row_13_times_that_are_sent() {
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
    // A time without an offset never gets as far as "start_date must include a UTC offset".
    let error = DateRange::parse("2026-05-01T00:00:00", "2026-05-28T23:59:59Z").unwrap_err();
    assert!(matches!(error, InvalidRange::Text { .. }), "{error}");
}

/// Identifiers come in several lengths and alphabets (`ptxr_01kr4a2x6m1d8h6e5b3t7w1ku`,
/// `txc_test_lot1_charge_001`): opaque text, told apart by their types.
#[test]
fn row_14_identifiers_of_every_shape() {
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
/// gateway, HTML from a proxy, and 422 with a list of objects from the web framework: one error
/// that keeps status, message and request id of all, and says so where the body was none of them.
#[test]
fn row_15_refusals_of_every_shape() {
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

/// Amounts are shown in plain notation only, but the servers speak Python, where a zero of 8
/// decimals is `0E-8` and 0.00001 is `1e-05`: read where the value fits exactly.
#[test]
fn row_16_amounts_with_an_exponent() {
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

/// A list echoes `limit` and `offset` (`"limit": 100, "offset": 0`). The echo has to be what was
/// asked: all else is the answer to another question.
#[test]
fn row_17_the_echo_of_a_list() {
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

/// Newer pages of the vendor find payments by `kamipay_id` and `external_id` only, the older list
/// four targets and two chains: all are offered, and *not found* is never an end.
#[test]
fn row_18_targets_and_chains() {
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
