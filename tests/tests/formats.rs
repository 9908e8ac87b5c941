//! Stored models: which formats give them back, with all digits. The table is in the docs of
//! `kamipay_proto`.

use std::fmt::Debug;

use kamipay_proto::Endpoint;
use kamipay_proto::lots::LotDetail;
use kamipay_proto::pay_status::{PayStatus, Payment};
use kamipay_tests::{Call, fixtures, with_call};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// A model inside an enum of the user's.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type")]
enum Tagged<T> {
    Seen(T),
}

/// The same, with the tag beside it.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", content = "model")]
enum Adjacent<T> {
    Seen(T),
}

/// A model among the fields of the user's.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Flat<T> {
    note: String,
    #[serde(flatten)]
    model: T,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
enum Untagged<T> {
    Seen(T),
}

/// What the docs show for a status: its text in a field of its own.
#[derive(Debug, Deserialize, Serialize)]
struct Stored {
    order: String,
    status: Box<RawValue>,
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

type Read<T> = Result<T, String>;

fn said<T, E: ToString>(result: Result<T, E>) -> Read<T> {
    result.map_err(|error| error.to_string())
}

/// Each format, and the model after a way through it.
fn through<T: Serialize + DeserializeOwned + Clone>(model: &T) -> Vec<(&'static str, Read<T>)> {
    let text = json(model);
    let value = serde_json::to_value(model).unwrap();
    let mut cbor = Vec::new();
    ciborium::into_writer(model, &mut cbor).unwrap();
    let (named, plain) =
        (rmp_serde::to_vec_named(model).unwrap(), rmp_serde::to_vec(model).unwrap());
    let tagged = json(&Tagged::Seen(model.clone()));
    let adjacent = json(&Adjacent::Seen(model.clone()));
    let flat = json(&Flat { note: "mine".to_owned(), model: model.clone() });
    let untagged = json(&Untagged::Seen(model.clone()));
    vec![
        ("JSON text", said(serde_json::from_str(&text))),
        ("JSON bytes", said(serde_json::from_slice(text.as_bytes()))),
        ("adjacent tag", said(serde_json::from_str(&adjacent)).map(|Adjacent::Seen(it)| it)),
        ("reader", said(serde_json::from_reader(text.as_bytes()))),
        ("Value", said(serde_json::from_value(value.clone()))),
        ("&Value", said(T::deserialize(&value))),
        ("tag", said(serde_json::from_str(&tagged)).map(|Tagged::Seen(it)| it)),
        ("flatten", said(serde_json::from_str(&flat)).map(|it: Flat<T>| it.model)),
        ("untagged", said(serde_json::from_str(&untagged)).map(|Untagged::Seen(it)| it)),
        ("CBOR", said(ciborium::from_reader(&*cbor))),
        ("MessagePack, named", said(rmp_serde::from_slice(&named))),
        ("MessagePack", said(rmp_serde::from_slice(&plain))),
    ]
}

/// The model comes back with every digit, which equal `Decimal`s may differ in.
fn comes_back<T: Serialize + DeserializeOwned + Clone + Debug>(model: &T) {
    for (format, read) in through(model) {
        let read = read.unwrap_or_else(|error| panic!("{format}: {error}"));
        assert_eq!(format!("{read:?}"), format!("{model:?}"), "{format}");
    }
}

#[test]
fn every_model_with_amounts_as_text_comes_back_from_every_format() {
    let mut seen = 0;
    for fixture in fixtures().iter().filter(|fixture| fixture.is_answer()) {
        if matches!(fixture.call, Call::GetPayStatus(_)) {
            continue; // below
        }
        if let Call::ListConfirmedCharges(call) = &fixture.call {
            call.parse(fixture.response()).unwrap().iter().for_each(comes_back);
            seen += 1;
            continue; // a list cannot have a tag
        }
        with_call!(&fixture.call, call => {
            comes_back(&call.parse(fixture.response()).unwrap());
            seen += 1;
        }, _secret => {});
    }
    assert_eq!(seen, 8);
}

#[test]
fn a_payment_comes_back_from_every_format_and_its_status_from_json_text() {
    let mut payments = 0;
    for fixture in fixtures().iter().filter(|fixture| fixture.is_answer()) {
        let Call::GetPayStatus(call) = &fixture.call else { continue };
        let status = call.parse(fixture.response()).unwrap();
        if let Some(payment) = status.payment() {
            let mut payment = payment.clone();
            payment.msg = None; // it is outside of the payment
            comes_back::<Payment>(&payment);
            payments += 1;
        }
        for (format, read) in through(&status) {
            match (format, read) {
                ("JSON text" | "JSON bytes" | "adjacent tag", read) => {
                    assert_eq!(read.as_ref(), Ok(&status), "{format}");
                }
                (_, Ok(_)) => panic!("{format} may have lost a key that came twice"),
                (_, Err(error)) => {
                    let says_what_to_do =
                        error.contains("serde_json::from_str") || format == "untagged"; // serde drops the error
                    assert!(says_what_to_do, "{format}: {error}");
                }
            }
        }
        let stored = Stored { order: "7".to_owned(), status: to_raw_value(&status).unwrap() };
        let line = serde_json::to_string(&stored).unwrap();
        let stored: Stored = serde_json::from_str(&line).unwrap();
        assert_eq!(serde_json::from_str::<PayStatus>(stored.status.get()).unwrap(), status);
    }
    assert_eq!(payments, 4);
}

/// The API's own text has amounts as numbers too. Only JSON text has all their digits.
#[test]
fn a_number_that_a_format_may_have_rounded_is_refused_with_advice() {
    const LOT: &str = r#"{"lot_id": "a", "transaction_hash": null, "usdt_amount": 9961.790,
        "created_at": null, "status": "PENDING", "payouts": [], "refunds": []}"#;
    let read =
        |text: &str| serde_json::from_str::<LotDetail>(text).unwrap().usdt_amount.to_string();
    assert_eq!(read(LOT), "9961.790");

    let value: serde_json::Value = serde_json::from_str(LOT).unwrap();
    let mut cbor = Vec::new();
    ciborium::into_writer(&value, &mut cbor).unwrap();
    let flat = LOT.replacen('{', r#"{"note": "mine", "#, 1);
    let tagged = LOT.replacen('{', r#"{"type": "Seen", "#, 1);
    for (format, read) in [
        ("Value", said(serde_json::from_value::<LotDetail>(value.clone()))),
        ("&Value", said(LotDetail::deserialize(&value))),
        ("reader", said(serde_json::from_reader(LOT.as_bytes()))),
        ("CBOR", said(ciborium::from_reader(&*cbor))),
        ("MessagePack", said(rmp_serde::from_slice(&rmp_serde::to_vec_named(&value).unwrap()))),
        ("flatten", said(serde_json::from_str::<Flat<LotDetail>>(&flat)).map(|it| it.model)),
        ("tag", said(serde_json::from_str(&tagged)).map(|Tagged::Seen(it)| it)),
    ] {
        let error = read.expect_err(format);
        assert!(error.contains("serde_json::from_str"), "{format}: {error}");
    }

    for amount in [r#"{"a": "5"}"#, "[5]", "null", "true", "\"five\""] {
        let flat = flat.replace("9961.790", amount);
        let read = serde_json::from_str::<Flat<LotDetail>>(&flat);
        assert!(read.is_err(), "{amount} is not an amount");
    }

    // A whole number is exact in every format. As text, every number is.
    for amount in ["0", "9961", "-5", "\"9961.790\""] {
        let text = LOT.replace("9961.790,", &format!("{amount},"));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let lot: LotDetail = serde_json::from_value(value).unwrap();
        assert_eq!(lot.usdt_amount.to_string(), amount.trim_matches('"'));
        let flat = text.replacen('{', r#"{"note": "mine", "#, 1);
        let lot = serde_json::from_str::<Flat<LotDetail>>(&flat).unwrap().model;
        assert_eq!(lot.usdt_amount.to_string(), amount.trim_matches('"'));
    }
}

/// An answer of the user's own with a model inside says the same.
#[test]
fn an_answer_with_a_model_inside_says_what_to_do() {
    let body = br#"{"note": "mine", "lot_id": "a", "transaction_hash": null, "usdt_amount": 1.5,
        "created_at": null, "status": "PENDING", "payouts": [], "refunds": []}"#;
    let error = kamipay_proto::decode_json::<Flat<LotDetail>>(body).unwrap_err();
    assert!(error.to_string().contains("serde_json::from_str"), "{error}");
}
