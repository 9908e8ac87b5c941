//! `pay status`: every state in every format, with its exit code.

use serde_json::Value;

use crate::support::{run, server, with_payments, with_token};

/// The exit codes of the questions for a payment, one after the other.
fn codes(external_id: &str, questions: usize) -> Vec<i32> {
    let server = with_payments();
    let ask = ["pay", "status", "--external-id", external_id];
    (0..questions).map(|_| run(&mut with_token(server.base_url(), &ask)).code).collect()
}

#[test]
fn exit_codes() {
    assert_eq!(codes("not-found-then-done", 6), [12, 12, 12, 12, 0, 0]);
    assert_eq!(codes("not-found-forever", 2), [12, 12]);
    assert_eq!(codes("accepted-then-done", 3), [12, 12, 0]);
    assert_eq!(codes("processing-forever", 2), [12, 12]);
    assert_eq!(codes("failed-and-refunded", 1), [10]);
    // Failed is not returned: whoever pays again on 10 must not be given it before the refund.
    assert_eq!(codes("failed-refund-pending", 3), [12, 12, 10]);
    assert_eq!(codes("canceled", 1), [11]);
    assert_eq!(codes("unknown-state", 2), [12, 12]);
    assert_eq!(codes("nobody-knows-it", 1), [12]);
}

#[test]
fn every_state_in_every_format() {
    for (name, questions) in [
        ("not-found-forever", 1),
        ("accepted-then-done", 3),
        ("failed-refund-pending", 3),
        ("canceled", 1),
        ("unknown-state", 1),
    ] {
        for format in ["table", "json", "csv"] {
            let server = with_payments();
            let ask = ["pay", "status", "--external-id", name, "--output", format];
            let told: Vec<String> = (0..questions)
                .map(|_| run(&mut with_token(server.base_url(), &ask)))
                .map(|run| format!("{}=> {}\n{}", run.out, run.code, run.err))
                .collect();
            insta::assert_snapshot!(format!("{name}-{format}"), told.join("\n"));
        }
    }
}

#[test]
fn by_any_identifier_and_on_either_chain() {
    let server = with_payments();
    for (flag, id) in [
        ("--external-id", "123456789"),
        ("--kamipay-id", "txc_01jjvpcdcwees8kfnvk9mq4gna"),
        ("--tx-id", "0xd17c0947a0ba00e932176b25f4dd0b42c6a51510e28355f433bb5f7391fc9833"),
    ] {
        for chain in [&[][..], &["--chain", "tron"]] {
            let args = [&["pay", "status", flag, id], chain].concat();
            let run = run(&mut with_token(server.base_url(), &args));
            assert_eq!((run.code, run.err.as_str()), (10, ""), "{args:?}");
            let state: Value = serde_json::from_str(&run.out).unwrap();
            assert_eq!(state["external_id"], "123456789");
            assert_eq!(state["may_pay_again"], true);
        }
    }
    let asked: Vec<String> =
        server.requests().into_iter().map(|request| request.path_and_query).collect();
    assert!(asked[0].ends_with("?target=external_id&type=pay&id=123456789&chain=polygon"));
    assert!(asked[5].ends_with("&chain=tron"));
    let by_operation = ["pay", "status", "--operation-id", "1744115063604"];
    assert_eq!(run(&mut with_token(server.base_url(), &by_operation)).code, 12);
}

/// Whatever goes wrong with the question, it does not read as if the payment had failed.
#[test]
fn an_error_says_nothing_about_the_payment() {
    let ask = ["pay", "status", "--external-id", "a", "--max-attempts", "1"];
    let watch = [&ask[..], &["--watch", "--for", "50ms", "--every", "20ms"]].concat();
    let mut told = Vec::new();
    for (status, body, code, watched) in [
        (404, r#"{"detail": "Not Found"}"#, 3, 3),
        (404, "", 3, 3),
        (403, r#"{"detail": "Forbidden"}"#, 4, 4),
        (500, r#"{"detail": "an unexpected error occurred"}"#, 5, 12),
        (200, "<html>", 5, 12),
    ] {
        let url = server(move |_, _| (status, body.to_owned()));
        for (args, code) in [(&ask[..], code), (&watch, watched)] {
            let run = run(&mut with_token(&url, args));
            assert_eq!((run.code, run.out.as_str()), (code, ""), "{status}: {}", run.err);
            assert!(run.err.contains("do not pay again"), "{status}: {}", run.err);
            assert!(!run.err.contains("does not exist"), "{status}: {}", run.err);
            if code != 12 {
                told.push(run.err);
            }
        }
    }
    let refused = run(&mut with_token(&crate::support::nobody(), &ask));
    assert_eq!(refused.code, 5);
    told.push(refused.err);
    insta::assert_snapshot!(told.join("\n"));
}

/// An answer that nobody has seen yet is neither an end nor a permission, and its money is kept.
#[test]
fn unknown_words_and_contradictions() {
    for (answer, state) in [
        (
            r#"{"status":"ok","data":{"status":"paused","amount_usdt":0.10000000000000000001,"kamipay_id":"txc_1"}}"#,
            "paused",
        ),
        (
            r#"{"status":"failed","msg":"TX not found","data":{"status":"done","kamipay_id":"txc_1"}}"#,
            "failed/done",
        ),
        (
            r#"{"status":"ok","data":{"status":"x","over":true,"may_pay_again":true,"state":"done","kamipay_id":"txc_1"}}"#,
            "x",
        ),
    ] {
        let url = server(move |_, _| (200, answer.to_owned()));
        let run = run(&mut with_token(&url, &["pay", "status", "--kamipay-id", "txc_1"]));
        assert_eq!((run.code, run.err.as_str()), (12, ""));
        let told: Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!(told["state"], state);
        assert_eq!(
            (&told["over"], &told["may_pay_again"]),
            (&Value::Bool(false), &Value::Bool(false))
        );
        assert_eq!(told["kamipay_id"], "txc_1");
        for key in ["\"state\"", "\"over\"", "\"may_pay_again\""] {
            assert_eq!(run.out.matches(key).count(), 1, "{}", run.out);
        }
        if state == "paused" {
            assert_eq!(told["amount_usdt"], "0.10000000000000000001");
        }
    }
}

#[test]
fn a_row_is_a_line_whatever_an_unknown_state_bears() {
    let pretty = "{\n  \"status\": \"ok\",\n  \"data\": {\n    \"status\": \"paused\",\n    \
                  \"usdt_amount\": 0.10,\n    \"count\": 7,\n    \"fees\": {\n      \"a \\\"\\n b\\\\\": [ 1.0,\r\n \
                  2 ]\n    }\n  }\n}";
    let url = server(move |_, _| (200, pretty.to_owned()));
    let run = run(&mut with_token(&url, &["pay", "status", "--kamipay-id", "txc_1"]));
    assert_eq!(run.out.lines().count(), 1, "{}", run.out);
    let told = r#""usdt_amount":"0.10","count":7,"fees":{"a \"\n b\\":[1.0,2]}}"#;
    assert!(run.out.trim_end().ends_with(told), "{}", run.out);
}

const HASH: &str = "0xd17c0947a0ba00e932176b25f4dd0b42c6a51510e28355f433bb5f7391fc9833";
const REFUND: &str = "0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab";

/// The body of an answer in this state about the payment txc_1, with these further fields.
fn answer(state: &str, rest: &str) -> String {
    format!(r#"{{"status":"ok","data":{{"status":"{state}","kamipay_id":"txc_1"{rest}}}}}"#)
}

/// The unit tests have all of them; here is that the program's end is the same.
#[test]
fn a_contradiction_does_not_permit_to_pay_again() {
    let field = |name: &str, value: &str| format!(r#","{name}":"{value}""#);
    let returned = field("refund_txid", REFUND) + &field("original_txid", HASH);
    let zeros = format!("0x{}", "0".repeat(64));
    let third = format!("0x{}", "7".repeat(64));
    for (state, rest, code) in [
        ("canceled", String::new(), 11),
        ("canceled", field("txid", " "), 11),
        ("canceled", field("txid", HASH), 12),
        ("canceled", field("original_txid", HASH), 12),
        ("canceled", field("refund_txid", REFUND), 12),
        ("canceled", field("bank_txid", "E1"), 12),
        ("canceled", r#","original_txid":5"#.to_owned(), 12),
        ("failed", returned.clone(), 10),
        ("failed", returned.clone() + &field("txid", HASH), 10),
        ("failed", returned.clone() + &field("txid", &third), 12),
        ("failed", returned.clone() + &field("bank_txid", "E1"), 12),
        ("failed", field("refund_txid", HASH) + &field("txid", HASH), 12),
        ("failed", field("refund_txid", &zeros), 12),
        ("failed", field("refund_txid", "0xprocessing"), 12),
    ] {
        let body = answer(state, &rest);
        let url = server(move |_, _| (200, body.clone()));
        let run = run(&mut with_token(&url, &["pay", "status", "--kamipay-id", "txc_1"]));
        assert_eq!((run.code, run.err.as_str()), (code, ""), "{state}{rest}");
        let told: Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!(told["may_pay_again"], code != 12, "{state}{rest}");
        assert_eq!((&told["state"], &told["over"]), (&state.into(), &Value::Bool(true)));
    }
}

/// The pages answer with 200 and 201.
#[test]
fn another_http_status_does_not_permit_to_pay_again() {
    let returned = format!(r#","refund_txid":"{REFUND}","original_txid":"{HASH}""#);
    let ask = ["pay", "status", "--kamipay-id", "txc_1"];
    let watch = [&ask[..], &["--watch", "--every", "10ms", "--for", "50ms"]].concat();
    for (state, rest, permits) in [("canceled", "", 11), ("failed", &*returned, 10)] {
        for (status, codes) in
            [(200, [permits; 2]), (201, [permits; 2]), (202, [5, 12]), (203, [5, 12])]
        {
            let body = answer(state, rest);
            let url = server(move |_, _| (status, body.clone()));
            for (args, code) in [&ask[..], &watch].into_iter().zip(codes) {
                let run = run(&mut with_token(&url, args));
                assert_eq!(run.code, code, "{state} {status}: {}", run.err);
                assert_eq!(run.err.contains("do not pay again"), status > 201, "{}", run.err);
                assert_eq!(run.out.contains("\"may_pay_again\":true"), status < 202, "{}", run.out);
            }
        }
    }
}

/// The page's *done* has all four identifiers: one without the one that was asked for is somebody
/// else's.
#[test]
fn done_of_nobody_is_not_done() {
    let hash = format!(r#","txid":"{HASH}""#);
    let all = format!(r#"{hash},"external_id":"7","operation_id":17"#);
    for (flag, id, without) in [
        ("--external-id", "7", format!(r#"{hash},"operation_id":17"#)),
        ("--operation-id", "17", format!(r#"{hash},"external_id":"7""#)),
        ("--tx-id", HASH, r#","external_id":"7","operation_id":17,"txid":null"#.to_owned()),
    ] {
        let ask = ["pay", "status", flag, id];
        let watch = [&ask[..], &["--watch", "--every", "10ms", "--for", "50ms"]].concat();
        for (rest, codes) in [(&all, [0, 0]), (&without, [5, 12])] {
            let body = answer("done", rest);
            let url = server(move |_, _| (200, body.clone()));
            for (args, code) in [&ask[..], &watch].into_iter().zip(codes) {
                let run = run(&mut with_token(&url, args));
                assert_eq!(run.code, code, "{flag}: {}", run.err);
                assert_eq!(run.err.contains("does not say whose it is"), code > 0, "{}", run.err);
            }
        }
    }
}

/// What would permit to pay again has to say whose it is, and asking again does not help.
#[test]
fn an_answer_that_does_not_say_whose_it_is_is_asked_for_by_another_identifier() {
    const REFUNDED: &str = r#"{"status":"ok","msg":"Tx Failed, returned","data":{"status":"failed","refund_txid":"0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab","original_txid":"0xd17c0947a0ba00e932176b25f4dd0b42c6a51510e28355f433bb5f7391fc9833","external_id":"7","kamipay_id":"txc_1"}}"#;
    const CANCELED: &str = r#"{"status":"ok","msg":"transaction canceled","data":{"status":"canceled","kamipay_id":"txc_1","external_id":"7"}}"#;
    let mut told = Vec::new();
    for (flag, id, answer) in [("--operation-id", "17", REFUNDED), ("--tx-id", HASH, CANCELED)] {
        let url = server(move |_, _| (200, answer.to_owned()));
        let ask = ["pay", "status", flag, id];
        let watch = [&ask[..], &["--watch", "--every", "10ms", "--for", "50ms"]].concat();
        for (args, code) in [(&ask[..], 5), (&watch, 12)] {
            let run = run(&mut with_token(&url, args));
            assert_eq!((run.code, run.out.as_str()), (code, ""), "{flag}: {}", run.err);
            assert!(run.err.contains("do not pay again"), "{}", run.err);
            assert!(run.err.contains("tip: ask by --external-id or --kamipay-id"), "{}", run.err);
            assert!(!run.err.contains("again goes on") && !run.err.contains("in a moment"));
            if code == 5 {
                told.push(run.err);
            }
        }
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_canceled_payment_with_a_transaction_is_not_to_be_paid_again() {
    let contradiction = r#"{"status":"ok","msg":"transaction canceled","data":{"status":"canceled","txid":"0x1","kamipay_id":"txc_1"}}"#;
    let url = server(move |_, _| (200, contradiction.to_owned()));
    let run =
        run(&mut with_token(&url, &["pay", "status", "--kamipay-id", "txc_1", "-o", "table"]));
    assert_eq!(run.code, 12);
    assert!(run.out.contains("Do not pay again"), "{}", run.out);
    assert!(run.out.contains("may_pay_again  no"), "{}", run.out);
}
