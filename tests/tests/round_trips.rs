//! Requests and answers survive JSON.

use std::fmt::Debug;

use kamipay_proto::Endpoint;
use kamipay_proto::confirmed_charges::ListConfirmedCharges;
use kamipay_proto::lots::{GetLot, ListLots};
use kamipay_proto::pay_status::GetPayStatus;
use kamipay_proto::settlements::{
    GetSettlement, ListPendingCharges, ListSettlements, ListTransactions,
};
use kamipay_tests::{Fixture, calls, fixtures, with_call};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Through a string and a `Value`: a request has no amounts, so any format works.
fn there_and_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(request: &T) {
    let json = serde_json::to_string(request).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), request);
    assert_eq!(&serde_json::from_reader::<_, T>(json.as_bytes()).unwrap(), request);
    let value = serde_json::to_value(request).unwrap();
    assert_eq!(&serde_json::from_value::<T>(value).unwrap(), request);
}

#[test]
fn every_request_is_read_as_it_was_written() {
    for call in calls() {
        with_call!(&call, call => there_and_back(call), _secret => {});
    }
    for call in [ListPendingCharges::new(), ListPendingCharges::default()] {
        there_and_back(&call);
    }
    there_and_back(&ListConfirmedCharges::new());
}

/// A queued request outlives the program that wrote it, so its format must not change.
#[test]
fn the_format_of_a_request_does_not_change() {
    let mut written = String::new();
    for call in calls() {
        with_call!(&call, call => {
            written += &serde_json::to_string(call).unwrap();
            written += "\n";
        }, _secret => {});
    }
    insta::assert_snapshot!(written, @r#"
    {"range":{"start":"2026-01-01T00:00:00Z","end":"2026-01-28T23:59:59Z"},"limit":100,"offset":0}
    {"lot":"9c030c8b-6d68-445b-8048-1bacd91012fa"}
    {"range":{"start":"2026-05-01T00:00:00Z","end":"2026-05-28T23:59:59Z"},"limit":100,"offset":0}
    {"range":{"start":"2026-05-01T00:00:00Z","end":"2026-05-28T23:59:59Z"},"settlement_id":12345,"limit":100,"offset":0}
    {"checkout_id":42,"range":{"start":"2026-04-14T00:00:00Z","end":null},"limit":100,"offset":0}
    {"settlement_id":12345}
    {"payment":{"target":"external_id","id":"idemptency-1"},"chain":"polygon"}
    {"store_id":[1,2,3],"checkout_id":[1,2,3],"range":{"start":"2024-06-15T02:28:35Z","end":"2024-06-15T17:27:22Z"}}
    "#);
}

#[test]
fn a_request_may_omit_fields_with_a_default() {
    let range = r#"{"start": "2026-05-01T00:00:00Z", "end": "2026-05-28T23:59:59Z"}"#;
    let call: ListLots = serde_json::from_str(&format!("{{\"range\": {range}}}")).unwrap();
    assert_eq!((call.limit.rows(), call.offset), (100, 0));
    let call: ListPendingCharges = serde_json::from_str("{}").unwrap();
    assert_eq!(call, ListPendingCharges::new());
    let call: ListConfirmedCharges = serde_json::from_str("{}").unwrap();
    assert_eq!(call, ListConfirmedCharges::new());
}

#[test]
fn an_invalid_request_is_not_read() {
    fn refused<T: DeserializeOwned + Debug>(json: &str, because: &str) {
        let error = serde_json::from_str::<T>(json).expect_err(json).to_string();
        assert!(error.contains(because), "{json}: {error}");
        let value = serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert!(serde_json::from_value::<T>(value).is_err(), "{json}");
    }

    let good = r#"{"start": "2026-05-01T00:00:00Z", "end": "2026-05-28T23:59:59Z"}"#;
    for (range, because) in [
        (r#"{"start": "2026-05-01T00:00:00Z", "end": "2026-06-01T00:00:01Z"}"#, "31 days"),
        (r#"{"start": "2026-05-01T00:00:00Z", "end": "2026-05-01T00:00:00Z"}"#, "after the start"),
        (r#"{"start": "2026-05-02T00:00:00Z", "end": "2026-05-01T00:00:00Z"}"#, "after the start"),
        (r#"{"start": "2026-05-01T00:00:00", "end": "2026-05-28T23:59:59Z"}"#, "offset"),
        (r#"{"start": "2026-05-01T00:00:00Z"}"#, "end"),
        (r#"{"start": 5, "end": 6}"#, "invalid type"),
    ] {
        let json = format!("{{\"range\": {range}}}");
        refused::<ListLots>(&json, because);
        refused::<ListSettlements>(&json, because);
        refused::<ListTransactions>(&json, because);
    }
    for page in
        ["\"limit\": 0", "\"limit\": 1001", "\"limit\": -1", "\"limit\": 1e2", "\"offset\": -1"]
    {
        let json = format!("{{\"range\": {good}, {page}}}");
        refused::<ListLots>(&json, "");
        refused::<ListSettlements>(&json, "");
        refused::<ListTransactions>(&json, "");
    }
    let json = format!("{{\"range\": {good}, \"limit\": 1001}}");
    refused::<ListLots>(&json, "use 1 to 1000");
    refused::<ListTransactions>(&format!("{{\"range\": {good}, \"settlement_id\": -1}}"), "");

    refused::<ListPendingCharges>(r#"{"limit": 501}"#, "use 1 to 500");
    refused::<ListPendingCharges>(r#"{"limit": 0}"#, "use 1 to 500");
    refused::<ListPendingCharges>(r#"{"checkout_id": "x"}"#, "whole number");
    let long = r#"{"range": {"start": "2026-05-01T00:00:00Z", "end": "2026-07-01T00:00:00Z"}}"#;
    refused::<ListPendingCharges>(long, "31 days");

    for (range, because) in [
        (r#"{"start": "2026-05-01T00:00:00Z", "end": "2026-05-02T00:00:00Z"}"#, "24 hours"),
        (r#"{"start": "2026-05-01T00:00:00Z", "end": "2026-05-01T00:00:00Z"}"#, "after the start"),
    ] {
        refused::<ListConfirmedCharges>(&format!("{{\"range\": {range}}}"), because);
    }
    refused::<ListConfirmedCharges>(r#"{"store_id": [-1]}"#, "");

    for lot in ["", ".", "..", "a/b", "a?b", "0x812f", "a\\u0000b"] {
        refused::<GetLot>(&format!("{{\"lot\": \"{lot}\"}}"), "");
    }
    refused::<GetSettlement>(r#"{"settlement_id": -1}"#, "");
    refused::<GetSettlement>(r#"{"settlement_id": "12345/charges"}"#, "");

    for (target, id, chain) in [
        ("external_id", "", "polygon"),
        ("external_id", "a\\r\\nb", "polygon"),
        ("bank_txid", "a", "polygon"),
        ("external_id", "a", "ethereum"),
        ("external_id", "a", "Polygon"),
        ("tx_id", "nothash", "polygon"),
        ("tx_id", "0x36**************b2d3", "tron"),
    ] {
        let payment = format!(r#"{{"target": "{target}", "id": "{id}"}}"#);
        refused::<GetPayStatus>(&format!(r#"{{"payment": {payment}, "chain": "{chain}"}}"#), "");
    }
}

#[test]
fn every_answer_is_read_as_it_was_written() {
    let mut seen = 0;
    for fixture in fixtures().iter().filter(|fixture| fixture.is_answer()) {
        with_call!(&fixture.call, call => {
            there_and_back_as_text(call, fixture);
            seen += 1;
        }, _secret => {});
    }
    assert_eq!(seen, 14);
}

fn there_and_back_as_text<E>(call: &E, fixture: &Fixture)
where
    E: Endpoint<Output: Serialize + PartialEq + Debug>,
{
    let value = call.parse(fixture.response()).unwrap();
    for json in
        [serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap()]
    {
        let again: E::Output = serde_json::from_str(&json).unwrap();
        assert_eq!(again, value);
        // `Decimal`s of different scale compare as equal, so compare their digits.
        assert_eq!(format!("{again:?}"), format!("{value:?}"), "{}", fixture.path);
        assert!(call.verify(&again).is_ok());
        assert_eq!(serde_json::to_string(&again).unwrap(), serde_json::to_string(&value).unwrap());
    }
}
