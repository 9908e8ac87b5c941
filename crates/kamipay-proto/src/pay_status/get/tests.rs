use serde_json::Value;

use super::*;
use crate::pay_status::{InvalidChain, InvalidPaymentTarget};

const TXID: &str = "0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab";
const REFUND: &str = "0x96a48088522ccaae8f60afa7d66290d0c2b3ebd3bb70630df79f105258d36547";
const OTHER: &str = "0x812f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf";
const ORIGINAL: &str = "0xd17c0947a0ba00e932176b25f4dd0b42c6a51510e28355f433bb5f7391fc9833";

/// An answer in `state`, with all identifiers.
fn answer(state: &str) -> String {
    format!(
        r#"{{"status": "ok", "data": {{"status": "{state}", "operation_id": 1744115063604,
        "txid": "{TXID}", "kamipay_id": "txc_1", "external_id": "test235",
        "refund_txid": "{REFUND}", "original_txid": "{ORIGINAL}"}}}}"#
    )
}

fn ask(target: TargetKind, id: &str, body: &str) -> Result<PayStatus, ResponseError> {
    let call = GetPayStatus::new(PaymentTarget::new(target, id).unwrap(), Chain::Polygon);
    call.parse(http::Response::new(body))
}

fn assert_other(target: TargetKind, id: &str, body: &str) {
    let error = ask(target, id, body).expect_err(body);
    let ResponseErrorKind::Mismatch(mismatch) = error.kind() else { panic!("{error:?}") };
    assert_eq!((mismatch.field, &*mismatch.asked), (target.as_str(), id), "{body}");
}

#[test]
fn an_answer_contains_the_identifier_that_was_asked_for() {
    // The last one is an unknown state.
    for state in ["accepted", "processing", "done", "canceled", "refunding"] {
        let body = answer(state);
        for (target, id, other) in [
            (TargetKind::ExternalId, "test235", "test23"),
            (TargetKind::ExternalId, "test235", "TEST235"),
            (TargetKind::KamipayId, "txc_1", "TXC_1"),
            (TargetKind::OperationId, "1744115063604", "01744115063604"),
            (TargetKind::TxId, TXID, OTHER),
        ] {
            assert_eq!(ask(target, id, &body).unwrap().state(), state);
            assert_other(target, other, &body);
        }
    }
    // Of a payment that is done only `txid` counts.
    for hash in [ORIGINAL, REFUND] {
        assert_other(TargetKind::TxId, hash, &answer("done"));
        assert!(ask(TargetKind::TxId, hash, &answer("refunding")).is_ok());
    }
}

#[test]
fn a_failed_payment_matches_each_of_its_transactions() {
    let body = answer("failed");
    for (target, id) in [
        (TargetKind::ExternalId, "test235"),
        (TargetKind::KamipayId, "txc_1"),
        (TargetKind::TxId, TXID),
        (TargetKind::TxId, ORIGINAL),
        (TargetKind::TxId, REFUND),
    ] {
        assert_eq!(ask(target, id, &body).unwrap().state(), "failed");
    }
    assert_other(TargetKind::TxId, OTHER, &body);
    assert_other(TargetKind::ExternalId, "other", &body);
    assert_other(TargetKind::KamipayId, "other", &body);
}

#[test]
fn the_requested_transaction_is_not_the_refund() {
    for original in ["null".to_owned(), format!("\"{OTHER}\"")] {
        let body = format!(
            r#"{{"status": "ok", "msg": "Tx Failed, returned", "data": {{"status": "failed",
            "refund_txid": "{REFUND}", "original_txid": {original}, "kamipay_id": "txc_1"}}}}"#
        );
        assert!(
            ask(TargetKind::KamipayId, "txc_1", &body).unwrap().permission_to_pay_again().is_some()
        );
        assert!(ask(TargetKind::TxId, REFUND, &body).is_err(), "{body}");
    }
}

#[test]
fn an_answer_that_was_distrusted_gives_no_permission_after_it_was_stored() {
    let call = GetPayStatus::new(PaymentTarget::kamipay_id("txc_1").unwrap(), Chain::Polygon);
    for data in [
        r#""status": "canceled", "txid": null, "pix_key": 11999999999"#.to_owned(),
        format!(r#""status": "failed", "refund_txid": "{REFUND}""#),
    ] {
        let body = format!(r#"{{"status": "ok", "data": {{{data}, "kamipay_id": "txc_1"}}}}"#);
        let mut status = call.parse(http::Response::new(body)).unwrap();
        assert!(status.permission_to_pay_again().is_some(), "{data}");
        call.distrust(&mut status);
        let state = status.state().to_owned();
        for _ in 0..3 {
            assert!(status.permission_to_pay_again().is_none(), "{data}");
            assert_eq!((status.state(), status.is_over()), (&*state, false));
            status = serde_json::from_str(&serde_json::to_string(&status).unwrap()).unwrap();
        }
    }
}

#[test]
fn an_answer_without_a_kamipay_id_gives_no_permission() {
    let body = r#"{"status": "ok", "data": {"status": "canceled", "external_id": "a",
        "kamipay_id": " "}}"#;
    let status = ask(TargetKind::ExternalId, "a", body).unwrap();
    assert!(status.permission_to_pay_again().is_none());
}

/// A known state requires text or a whole number.
#[test]
fn the_identifiers_of_an_unknown_state_are_compared_as_they_came() {
    let body = answer("refunding");
    assert_other(TargetKind::OperationId, "17", &body);
    assert_other(TargetKind::OperationId, "17", &body.replace("1744115063604", "17.0"));
    assert!(ask(TargetKind::OperationId, "17", &body.replace("1744115063604", "17")).is_ok());
    assert!(ask(TargetKind::OperationId, "17", &body.replace("1744115063604", "null")).is_ok());
}

#[test]
fn a_chain_is_written_as_the_api_s_word() {
    for (chain, word) in [(Chain::Polygon, "polygon"), (Chain::Tron, "tron")] {
        assert_eq!((chain.as_str(), &*format!("{chain:>8}")), (word, &*format!("{word:>8}")));
        assert_eq!(word.parse(), Ok(chain));
    }
    assert_eq!("Polygon".parse::<Chain>(), Err(InvalidChain));
    let payment = PaymentTarget::tx_id(TXID).unwrap();
    assert_eq!(payment.to_string(), format!("tx_id {TXID}"));
}

#[test]
fn a_hash_is_the_same_in_either_case_and_with_or_without_its_prefix() {
    for state in ["done", "refunding"] {
        for id in [
            TXID.to_owned(),
            TXID.to_uppercase(),
            TXID.replace("0x", ""),
            TXID.replace("0x", "").to_uppercase(),
            TXID.replace("0x", "0X"),
        ] {
            assert!(ask(TargetKind::TxId, &id, &answer(state)).is_ok(), "{id}");
        }
    }
}

/// The answer without the identifier, in every way to leave it out.
fn without(body: &str, target: TargetKind) -> Vec<String> {
    let names: &[&str] = match target {
        TargetKind::TxId => &["txid", "original_txid", "refund_txid"],
        _ => &[target.as_str()],
    };
    let spellings = match target {
        TargetKind::KamipayId => &["", " "][..], // an answer without the field is an error
        _ => &["", " ", "null", "absent"],
    };
    let body: Value = serde_json::from_str(body).unwrap();
    let bodies = spellings.iter().map(|spelling| {
        let mut body = body.clone();
        let data = body["data"].as_object_mut().unwrap();
        for name in names {
            match *spelling {
                "absent" => drop(data.remove(*name).unwrap()),
                "null" => data[*name] = Value::Null,
                text => data[*name] = text.into(),
            }
        }
        body.to_string()
    });
    bodies.collect()
}

#[test]
fn a_state_that_is_not_final_may_lack_the_identifier() {
    for state in ["accepted", "processing", "refunding"] {
        for (target, id) in [
            (TargetKind::ExternalId, "anything"),
            (TargetKind::KamipayId, "anything"),
            (TargetKind::OperationId, "anything"),
            (TargetKind::TxId, OTHER),
        ] {
            for body in without(&answer(state), target) {
                assert!(ask(target, id, &body).is_ok(), "{body}");
            }
        }
    }
    for target in
        [TargetKind::ExternalId, TargetKind::KamipayId, TargetKind::TxId, TargetKind::OperationId]
    {
        let body = r#"{"status": "failed", "msg": "TX not found"}"#;
        assert!(ask(target, OTHER, body).is_ok());
    }
}

#[test]
fn a_final_state_contains_the_identifier_that_was_asked_for() {
    let targets = [
        (TargetKind::ExternalId, "test235"),
        (TargetKind::KamipayId, "txc_1"),
        (TargetKind::OperationId, "1744115063604"),
        (TargetKind::TxId, TXID),
    ];
    for (target, id) in targets {
        for body in without(&answer("done"), target) {
            assert_other(target, id, &body);
        }
        // With a receipt neither state gives permission.
        for state in ["canceled", "failed"] {
            let answer = answer(state).replace("\"txid\"", "\"bank_txid\": \"E1\", \"txid\"");
            for body in without(&answer, target) {
                // The vendor's pages do not list it for that state.
                match (state, target) {
                    ("canceled", TargetKind::TxId) | (_, TargetKind::OperationId) => {
                        assert!(ask(target, id, &body).is_ok(), "{body}");
                    }
                    _ => assert_other(target, id, &body),
                }
            }
        }
    }
}

#[test]
fn what_gives_permission_contains_the_identifier_that_was_asked_for() {
    let unsent = answer("canceled").replace(TXID, "");
    let canceled = unsent.replace(REFUND, "").replace(ORIGINAL, "");
    let failed = answer("failed").replace(TXID, "");
    for body in [&canceled, &failed] {
        for (target, id) in [(TargetKind::KamipayId, "txc_1"), (TargetKind::ExternalId, "test235")]
        {
            let status = ask(target, id, body).unwrap();
            assert!(status.permission_to_pay_again().is_some(), "{body}");
            for body in without(body, target) {
                assert_other(target, id, &body);
            }
        }
    }
    // A canceled payment was never sent, so it has no hash.
    assert_other(TargetKind::TxId, TXID, &canceled);
    assert_other(TargetKind::OperationId, "1744115063604", &failed);
    let error = ask(TargetKind::OperationId, "17", &failed).unwrap_err();
    assert_eq!(error.to_string(), "the answer does not say whose it is: asked for operation_id 17");
    // Without permission the number may be missing.
    let pending = failed.replace(REFUND, "");
    assert!(ask(TargetKind::OperationId, "17", &pending).is_ok());
}

#[test]
fn only_200_and_201_give_permission() {
    let canceled = answer("canceled").replace(TXID, "").replace(REFUND, "").replace(ORIGINAL, "");
    let failed = answer("failed").replace(TXID, "");
    let call = GetPayStatus::new(PaymentTarget::kamipay_id("txc_1").unwrap(), Chain::Polygon);
    for status in 200..300 {
        let parse = |body: &str| {
            let mut response = http::Response::new(body.to_owned());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            call.parse(response)
        };
        for body in [&canceled, &failed] {
            match parse(body) {
                Ok(it) => {
                    assert!(status < 202 && it.permission_to_pay_again().is_some(), "{status}");
                }
                Err(error) => {
                    assert!(status > 201, "{status}: {error}");
                    assert!(
                        matches!(error.kind(), ResponseErrorKind::UnexpectedStatus),
                        "{error:?}"
                    );
                }
            }
        }
        // Without permission any 2xx with a body is read.
        let has_body = !matches!(status, 204..=206);
        for state in ["accepted", "processing", "done", "refunding", "canceled", "failed"] {
            assert_eq!(parse(&answer(state)).is_ok(), has_body, "{status} {state}");
        }
    }
}

#[test]
fn a_tx_id_is_64_hexadecimal_digits() {
    let (digits, upper) = (&TXID[2..], TXID.to_uppercase());
    for (id, sent) in [(TXID, TXID), (digits, digits), (&upper, &*format!("0x{}", &upper[2..]))] {
        let payment = PaymentTarget::tx_id(id).unwrap();
        assert_eq!(payment.id(), sent);
        assert_eq!(PaymentTarget::new(TargetKind::TxId, id), Ok(payment.clone()));
        let saved = format!(r#"{{"target": "tx_id", "id": "{id}"}}"#);
        assert_eq!(serde_json::from_str::<PaymentTarget>(&saved).unwrap(), payment);
    }
    for id in [
        "nothash",
        "0x36**************b2d3", // the page's example, masked
        "",
        "0x",
        "0x17",
        &TXID[..65],
        &format!("{TXID}0"),
        &format!("0x{TXID}"),
        &format!(" {TXID}"),
        &format!("{TXID}\n"),
        &TXID.replace('a', "g"),
        &TXID.replacen("ab", "é", 1), // as long in bytes
    ] {
        let error = PaymentTarget::tx_id(id).unwrap_err();
        assert_eq!(error, InvalidPaymentTarget { target: TargetKind::TxId }, "{id}");
        assert_eq!(PaymentTarget::new(TargetKind::TxId, id), Err(error));
        let saved = serde_json::json!({"target": "tx_id", "id": id}).to_string();
        assert!(serde_json::from_str::<PaymentTarget>(&saved).is_err(), "{id}");
        assert_eq!(
            error.to_string(),
            "this cannot be the tx_id of a payment: a transaction hash is 0x and 64 hexadecimal \
             digits, on Tron also without 0x"
        );
    }
}

#[test]
fn a_hash_without_0x_is_refused_on_polygon() {
    let api = Api::new("https://api.kamipay.io".parse().unwrap(), &"token".parse().unwrap());
    let mut call = GetPayStatus::new(PaymentTarget::tx_id(&TXID[2..]).unwrap(), Chain::Tron);
    let uri = call.request(&api).unwrap().uri().to_string();
    assert!(uri.ends_with(&format!("&id={}&chain=tron", &TXID[2..])), "{uri}");
    call.chain = Chain::Polygon;
    assert_eq!(call.check(), Err(BuildError::Hash));
    assert_eq!(call.request(&api).unwrap_err(), BuildError::Hash);
    // Other identifiers are not hashes.
    call.payment = PaymentTarget::external_id(&TXID[2..]).unwrap();
    assert!(call.request(&api).is_ok());
}

#[test]
fn an_identifier_is_1_to_1024_bytes_without_control_characters() {
    for target in [TargetKind::ExternalId, TargetKind::KamipayId, TargetKind::OperationId] {
        for id in [
            "a",
            " ",
            "é😀",
            "../x",
            "a&b=c#d?e%2e",
            "0x36**************b2d3",
            &TXID.to_uppercase(),
            &"x".repeat(1024),
        ] {
            let payment = PaymentTarget::new(target, id).unwrap();
            assert_eq!((payment.id(), payment.target), (id, target));
        }
        for id in
            ["", "a\r\nb", "\0", "a\tb", "\u{7f}", "\u{85}", &"x".repeat(1025), &"é".repeat(513)]
        {
            let error = PaymentTarget::new(target, id).unwrap_err();
            assert_eq!(error, InvalidPaymentTarget { target });
            let words = format!("this cannot be the {} of a payment: it is 1", target.as_str());
            assert!(error.to_string().starts_with(&words), "{error}");
        }
    }
}
