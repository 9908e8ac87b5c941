use proptest::prelude::*;

use super::*;
use crate::pay_status::{Chain, PaymentTarget};

const HASH: &str = "0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab";
const REFUND: &str = "0x96a48088522ccaae8f60afa7d66290d0c2b3ebd3bb70630df79f105258d36547";
const SECOND: Duration = Duration::from_secs(1);
/// The middle of all random numbers: a wait of three quarters of the interval.
const HALF: u32 = 1 << 31;

fn call() -> GetPayStatus {
    GetPayStatus::new(PaymentTarget::external_id("order 7").unwrap(), Chain::Polygon)
}

fn watch() -> Watch {
    Watch::new(call(), WatchLimits::default())
}

/// A time, in seconds after the start.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_778_772_000 + seconds, 0).unwrap()
}

fn status(json: &str) -> PayStatus {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn in_state(state: &str, rest: &str) -> PayStatus {
    status(&format!(
        r#"{{"status": "ok", "data": {{"status": "{state}", "kamipay_id": "txc_1",
        "external_id": "order 7"{rest}}}}}"#
    ))
}

/// The result of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letter {
    NotFound,
    Accepted,
    Processing,
    Done,
    FailedWithRefund,
    FailedWithoutRefund,
    Canceled,
    Unknown,
    ServerError,
    TimeOut,
}

use Letter::*;

const ALPHABET: [Letter; 10] = [
    NotFound,
    Accepted,
    Processing,
    Done,
    FailedWithRefund,
    FailedWithoutRefund,
    Canceled,
    Unknown,
    ServerError,
    TimeOut,
];

impl Letter {
    fn status(self) -> Option<PayStatus> {
        Some(match self {
            NotFound => status(r#"{"status": "failed", "msg": "TX not found"}"#),
            Accepted => in_state("accepted", ""),
            Processing => in_state("processing", &format!(r#", "txid": "{HASH}""#)),
            Done => in_state("done", &format!(r#", "txid": "{HASH}", "amount_usdt": "25.90674""#)),
            FailedWithRefund => in_state(
                "failed",
                &format!(r#", "original_txid": "{HASH}", "refund_txid": "{REFUND}""#),
            ),
            FailedWithoutRefund => {
                in_state("failed", &format!(r#", "original_txid": "{HASH}", "refund_txid": null"#))
            }
            Canceled => in_state("canceled", r#", "txid": null, "amount_usdt": null"#),
            Unknown => in_state("under_review", &format!(r#", "refund_txid": "{REFUND}""#)),
            ServerError | TimeOut => return None,
        })
    }

    fn tell(self, watch: &mut Watch, status: Option<&PayStatus>, now: DateTime<Utc>) {
        match status {
            Some(status) => _ = watch.answered(status.clone(), now, HALF),
            None if self == TimeOut => watch.failed("no answer in time", None, now, HALF),
            None => watch.failed("502 Bad Gateway", Some(SECOND), now, HALF),
        }
    }
}

/// Tries every sequence of up to six answers.
#[test]
fn only_sequences_that_end_canceled_or_refunded_give_permission() {
    let statuses: Vec<Option<PayStatus>> = ALPHABET.iter().map(|it| it.status()).collect();
    // The watch after each sequence that has not ended it.
    let limits = WatchLimits { max_questions: 6, ..WatchLimits::default() };
    let (mut sequences, mut ends) = (0_u32, [0_u32; 4]);
    let mut open = vec![(Watch::new(call(), limits), at(0), Vec::new())];
    while let Some((watch, now, letters)) = open.pop() {
        for (letter, status) in ALPHABET.iter().zip(&statuses) {
            let (mut watch, mut now): (Watch, _) = (watch.clone(), now);
            loop {
                match watch.step(now) {
                    Step::Wait(time) => now += time,
                    Step::Send(_) => break,
                    Step::Over(end) => panic!("{letters:?}: {end:?}"),
                }
            }
            letter.tell(&mut watch, status.as_ref(), now);
            let mut letters: Vec<Letter> = letters.clone();
            letters.push(*letter);
            sequences += 1;

            let permission = watch.permission_to_pay_again();
            let may_pay_again = match letter {
                Canceled => !letters.iter().any(|letter| {
                    [Processing, FailedWithoutRefund, Unknown].contains(letter) // shows it was sent
                }),
                _ => *letter == FailedWithRefund,
            };
            // After a fault the answer before it counts, which did not end the watch.
            assert_eq!(permission.is_some(), may_pay_again, "{letters:?}");
            match (watch.end(), letter) {
                (Some(End::Done(_)), Done) => ends[0] += 1,
                (Some(End::Returned(_)), FailedWithRefund) => ends[1] += 1,
                (Some(End::Canceled(_)), Canceled) => ends[2] += 1,
                (Some(End::StillUnknown(evidence)), _) => {
                    ends[3] += 1;
                    assert!(letters.len() == 6 && !may_pay_again && *letter != Done);
                    let faults =
                        letters.iter().filter(|it| matches!(it, ServerError | TimeOut)).count();
                    assert_eq!((evidence.questions, evidence.faults as usize), (6, faults));
                    let seen: u32 = evidence.seen.iter().map(|it| it.times).sum();
                    assert_eq!(seen as usize, 6 - faults);
                }
                (None, _) => {
                    assert!(letters.len() < 6 && !may_pay_again && *letter != Done);
                    open.push((watch, now, letters));
                }
                (end, _) => panic!("{letters:?}: {end:?}"),
            }
        }
    }
    // Of the ten letters three show that the payment was sent, and three end the watch: two once it
    // was sent. `open[n]`: the sequences of n letters that do not end it, [never sent, sent].
    let mut open = vec![[1, 0]];
    for n in 0..6 {
        let [without, with]: [u32; 2] = open[n];
        open.push([4 * without, 3 * without + 8 * with]);
    }
    let all = |n: usize| open[n].iter().sum::<u32>();
    let asked: u32 = (0..6).map(all).sum();
    let cancelable: u32 = open[..6].iter().map(|[without, _]| without).sum();
    assert_eq!(sequences, 10 * asked);
    assert_eq!(ends, [asked, asked, cancelable, all(6)]);
}

#[test]
fn intervals_grow_by_half_and_half_of_each_is_random() {
    for (random, waits) in [
        (0, [1000, 1500, 2250, 3375, 5062, 7593, 11390, 15000, 15000]),
        (HALF, [1500, 2250, 3375, 5062, 7593, 11390, 17085, 22500, 22500]),
        (u32::MAX, [1999, 2999, 4499, 6749, 10124, 15187, 22781, 29999, 29999]),
    ] {
        let (mut watch, mut now) = (watch(), at(0));
        for (question, wait) in waits.iter().enumerate() {
            assert_eq!(watch.step(now), Step::Send(&call()), "{question}");
            // Answers and faults have the same intervals.
            if question % 2 == 0 {
                watch.answered(NotFound.status().unwrap(), now, random);
            } else {
                watch.failed("no answer", None, now, random);
            }
            let Step::Wait(time) = watch.step(now) else { panic!("{question}") };
            assert_eq!(time.as_millis(), *wait, "{question}");
            now += time - Duration::from_nanos(1);
            assert_eq!(watch.step(now), Step::Wait(Duration::from_nanos(1)));
            now += Duration::from_nanos(1);
        }
    }
}

/// An answer and what it shows about the funds, written by hand instead of by the code under test.
struct Shown {
    name: &'static str,
    status: PayStatus,
    was_sent: bool,
    was_paid: bool,
    transaction: Option<char>,
    refund: Option<char>,
    /// Whether it gives permission as the first answer.
    permits: bool,
}

/// A hash of one digit, sixty-four times.
fn hash_of(digit: char) -> String {
    format!("0x{}", String::from(digit).repeat(64))
}

/// Answers that contradict themselves or each other, and those that do not.
fn contradictions() -> Vec<Shown> {
    let contradicting = |inner: &str, rest: &str| {
        status(&format!(
            r#"{{"status": "failed", "msg": "TX not found", "data": {{"status": "{inner}",
            "external_id": "order 7"{rest}}}}}"#
        ))
    };
    let field = |name: &str, digit| format!(r#", "{name}": "{}""#, hash_of(digit));
    let (txid, original) = (field("txid", 'a'), field("original_txid", 'a'));
    let (refund, receipt) = (field("refund_txid", 'b'), r#", "bank_txid": "E1""#);
    let returned = format!("{original}{refund}");
    let shown = |name, status| Shown {
        name,
        status,
        was_sent: true,
        was_paid: false,
        transaction: None,
        refund: None,
        permits: false,
    };
    let (a, b) = (Some('a'), Some('b'));
    let unsent = |name, status| Shown { was_sent: false, ..shown(name, status) };
    vec![
        unsent("not found", NotFound.status().unwrap()),
        unsent("accepted", in_state("accepted", r#", "txid": "", "bank_txid": null"#)),
        unsent("unnamed", in_state("under_review", r#", "txid": " ""#)),
        unsent("unnamed in a failed envelope", contradicting("canceled", "")),
        Shown { permits: true, ..unsent("canceled", Canceled.status().unwrap()) },
        shown("accepted with txid", in_state("accepted", r#", "txid": "0xprocessing""#)),
        shown("accepted with a number", in_state("accepted", r#", "original_txid": 5"#)),
        Shown { transaction: a, ..shown("processing", in_state("processing", &txid)) },
        Shown {
            transaction: Some('c'),
            ..shown("processing with another txid", in_state("processing", &field("txid", 'c')))
        },
        Shown {
            transaction: b,
            ..shown("processing with the refund", in_state("processing", &field("txid", 'b')))
        },
        shown("processing without txid", in_state("processing", "")),
        Shown { was_paid: true, ..shown("unnamed with receipt", in_state("paused", receipt)) },
        Shown { refund: b, ..shown("unnamed with refund", in_state("paused", &refund)) },
        Shown {
            refund: Some('d'),
            ..shown("unnamed with another refund", in_state("paused", &field("refund_txid", 'd')))
        },
        Shown { was_paid: true, ..shown("failed/done", contradicting("done", "")) },
        Shown { was_paid: true, ..shown("failed/done, receipt", contradicting("done", receipt)) },
        shown("failed/processing", contradicting("Processing ", "")),
        shown("failed/failed", contradicting("failed", "")),
        Shown { was_paid: true, ..shown("done in an odd word", in_state("DONE", "")) },
        Shown { transaction: a, ..shown("canceled with txid", in_state("canceled", &txid)) },
        Shown {
            transaction: a,
            ..shown("canceled with original", in_state("canceled", &original))
        },
        Shown { refund: b, ..shown("canceled with refund", in_state("canceled", &refund)) },
        Shown { was_paid: true, ..shown("canceled with receipt", in_state("canceled", receipt)) },
        Shown {
            transaction: a,
            refund: b,
            permits: true,
            ..shown("failed and returned", in_state("failed", &returned))
        },
        shown("failed", in_state("failed", "")),
        Shown {
            transaction: a,
            ..shown(
                "failed with a refund of zeros",
                in_state("failed", &format!("{original}{}", field("refund_txid", '0'))),
            )
        },
        Shown {
            transaction: a,
            ..shown(
                "failed with a placeholder",
                in_state("failed", &format!(r#"{original}, "refund_txid": "0xprocessing""#)),
            )
        },
        Shown {
            transaction: a,
            refund: b,
            was_paid: true,
            ..shown("failed with receipt", in_state("failed", &format!("{returned}{receipt}")))
        },
    ]
}

/// A second implementation of the rule, over all answers so far.
fn is_permitted(shown: &[&Shown]) -> bool {
    let last = shown.last().unwrap();
    let one = |pick: fn(&Shown) -> Option<char>| {
        let mut all: Vec<char> = shown.iter().filter_map(|it| pick(it)).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let (transactions, refunds) = (one(|it| it.transaction), one(|it| it.refund));
    let is_canceled = matches!(last.status, PayStatus::Canceled(_));
    last.permits
        && match is_canceled {
            true => shown.iter().all(|it| !it.was_sent),
            false => {
                shown.iter().all(|it| !it.was_paid)
                    && refunds.len() == 1
                    && transactions.len() <= 1
                    && transactions != refunds
            }
        }
}

/// Tries every sequence of up to three answers, with the watch stored in between.
#[test]
fn a_later_answer_cannot_undo_what_an_earlier_one_showed() {
    let answers = contradictions();
    let (mut sequences, mut permitted) = (0, 0);
    let mut open: Vec<(Watch, Vec<&Shown>)> = vec![(watch(), Vec::new())];
    while let Some((before, shown)) = open.pop() {
        for answer in &answers {
            let mut watch = before.clone();
            watch.answered(answer.status.clone(), at(10 * shown.len() as i64), HALF);
            let shown: Vec<&Shown> = shown.iter().copied().chain([answer]).collect();
            sequences += 1;

            let names = || shown.iter().map(|it| it.name).collect::<Vec<_>>();
            assert_eq!(watch.evidence().faults, 0, "{:?}", names());
            let may_pay_again = watch.permission_to_pay_again().is_some();
            assert_eq!(may_pay_again, is_permitted(&shown), "{:?}", names());
            assert_eq!(watch.end().is_some(), may_pay_again, "{:?}", names());
            permitted += usize::from(may_pay_again);
            if !may_pay_again && shown.len() < 3 {
                open.push((if shown.len() == 1 { saved(&watch) } else { watch }, shown));
            }
        }
    }
    assert_eq!((sequences, permitted), (20_552, 341));
}

#[test]
fn a_payment_that_was_sent_cannot_be_canceled() {
    let hash = format!(r#", "txid": "{HASH}""#);
    for (state, rest) in [
        ("processing", ""),
        ("failed", ""),
        ("accepted", &*hash),
        ("canceled", &*hash),
        ("under_review", &*hash),
    ] {
        let mut watch = watch();
        assert!(watch.answered(in_state(state, rest), at(0), HALF), "{state}");
        // Another process continues.
        let mut watch = saved(&watch);
        watch.answered(Canceled.status().unwrap(), at(9), HALF);
        assert!(watch.last().unwrap().permission_to_pay_again().is_some());
        assert!(watch.permission_to_pay_again().is_none() && watch.end().is_none(), "{state}");
        // It can still be returned.
        watch.answered(FailedWithRefund.status().unwrap(), at(19), HALF);
        assert!(matches!(watch.end(), Some(End::Returned(_))), "{state}");
    }
    for (state, rest) in [("accepted", r#", "txid": """#), ("under_review", "")] {
        let mut watch = watch();
        watch.answered(in_state(state, rest), at(0), HALF);
        watch.answered(Canceled.status().unwrap(), at(9), HALF);
        assert!(matches!(watch.end(), Some(End::Canceled(_))), "{state}");
    }
}

#[test]
fn a_payment_that_was_paid_out_cannot_be_returned() {
    for (state, rest) in [
        ("processing", r#", "bank_txid": "E1""#),
        ("canceled", r#", "bank_txid": "E1""#),
        ("under_review", r#", "bank_txid": 5"#),
    ] {
        let mut watch = watch();
        watch.answered(in_state(state, rest), at(0), HALF);
        assert!(watch.evidence().was_paid);
        for letter in [FailedWithRefund, Canceled] {
            let mut watch = saved(&watch);
            watch.answered(letter.status().unwrap(), at(9), HALF);
            assert!(watch.last().unwrap().permission_to_pay_again().is_some());
            assert!(watch.permission_to_pay_again().is_none() && watch.end().is_none(), "{state}");
            // It can still be done.
            watch.answered(Done.status().unwrap(), at(19), HALF);
            assert!(matches!(watch.end(), Some(End::Done(_))));
        }
    }
}

/// Tells a watch of a response as a transport does.
fn tell(watch: &mut Watch, status: u16, body: impl Into<Vec<u8>>, now: DateTime<Utc>) {
    let response = http::Response::builder().status(status).body(body.into()).unwrap();
    match watch.call.clone().parse(response) {
        Ok(status) => _ = watch.answered(status, now, HALF),
        Err(error) => {
            watch.unreadable(&error);
            watch.failed(&error, None, now, HALF);
        }
    }
}

/// The answers have an amount with too many decimals.
#[test]
fn an_answer_that_cannot_be_read_withholds_permission() {
    let unreadable = |state: &str, id: &str| {
        format!(
            r#"{{"status": "ok", "data": {{"status": "{state}", "kamipay_id": "txc_1",
            "amount_usdt": "0.00000000000000000000000000001", "external_id": "{id}"}}}}"#
        )
    };
    for letter in [Canceled, FailedWithRefund] {
        for state in ["accepted", "processing", "canceled", "done", "failed", "x"] {
            let mut watch = watch();
            tell(&mut watch, 200, unreadable(state, "order 7"), at(0));
            let mut watch = saved(&watch);
            watch.answered(letter.status().unwrap(), at(9), HALF);
            let is_read = matches!(state, "failed" | "x"); // without an amount that is read
            let permits = state == "x" || (is_read && letter == FailedWithRefund);
            assert_eq!(watch.permission_to_pay_again().is_some(), permits, "{state}");
        }
        let mut watch = watch();
        watch.lost();
        let mut watch = saved(&watch);
        watch.answered(letter.status().unwrap(), at(9), HALF);
        assert_eq!((watch.permission_to_pay_again(), watch.end()), (None, None));
        // *Done* still ends the watch.
        watch.answered(Done.status().unwrap(), at(19), HALF);
        assert!(matches!(watch.end(), Some(End::Done(_))));
    }
}

#[test]
fn an_answer_that_shows_nothing_of_the_payment_withholds_nothing() {
    let other = r#"{"status": "ok", "data": {"status": "done", "kamipay_id": "txc_2",
        "external_id": "order 8", "bank_txid": "E1"}}"#;
    for (status, body) in [
        (200, other),
        (200, &other.replace("order 8", "order 70")),
        (200, &other.replace(r#""order 8""#, "123456789")),
        (200, "\u{feff}<!-- a proxy --><html>Log in</html>"),
        (200, "<?xml version=\"1.0\"?><html>Log in</html>"),
        (200, ""),
        (200, " \n"),
        (200, "<!doctype html><p>Log in to the network, and you are done"),
        (200, "\n<HTML>captive portal</html>"),
        (204, ""),
        (302, "<a href=x>"),
        (404, r#"{"detail": "no such route"}"#),
        (500, r#"{"detail": "Internal Server Error"}"#),
        (502, "<html>Bad Gateway</html>"),
        (504, "abandoned"),
    ] {
        let mut watch = watch();
        tell(&mut watch, status, body, at(0));
        assert_eq!(watch.evidence().faults, 1, "{status} {body}");
        tell(&mut watch, 200, r#"{"status": "failed", "msg": "TX not found"}"#, at(5));
        watch.answered(Canceled.status().unwrap(), at(9), HALF);
        assert!(watch.permission_to_pay_again().is_some(), "{status} {body}");
        // An answer after the end does not undo it.
        watch.lost();
        let response = http::Response::new(b"{}".to_vec());
        watch.unreadable(&call().parse(response).unwrap_err());
        assert!(watch.permission_to_pay_again().is_some());
    }
}

#[test]
fn a_receipt_in_an_unusable_answer_of_any_form_is_kept() {
    let done = |id: &str, more: &str| {
        format!(
            r#"{{"status": "ok", "data": {{"status": "done", "kamipay_id": "txc_1"{id},
            "txid": "{HASH}", "bank_txid": "E1"{more}}}}}"#
        )
    };
    let named = r#", "external_id": "order 7""#;
    let whole = done(named, "");
    let inner = &whole["{\"status\": \"ok\", \"data\": ".len()..whole.len() - 1];
    let utf_16 = |bytes: fn(u16) -> [u8; 2]| whole.encode_utf16().flat_map(bytes).collect();
    let latin_1 = {
        let body = done(named, r#", "name": "Jos"#);
        [body.trim_end_matches('}').as_bytes(), b"\xe9\"}}"].concat()
    };
    let text = |text: String| text.into_bytes();
    let in_webhook = |state: &str| {
        format!(
            r#"{{"status": "{state}", "transaction_hash": "{HASH}", "external_id": "order 7",
            "kamipay_id": "txc_1"}}"#
        )
    };
    let in_field = |name: &str, value: &str| {
        format!(
            r#"{{"status": "ok", "data": {{"status": "accepted", "kamipay_id": "txc_1",
            "external_id": "order 7", "{name}": "{value}"}}}}"#
        )
    };
    let answers: Vec<(u16, Vec<u8>)> = vec![
        // They do not name the payment.
        (200, text(done("", ""))),
        (200, text(done(r#", "external_id": null"#, ""))),
        (200, text(done(r#", "external_id": ["order 7"]"#, ""))),
        (200, text(done(r#", "external_id": {}"#, ""))),
        (200, text(done(r#", "external_id": NaN"#, ""))),
        (200, text(done(r#", "external_id": 0"#, ""))),
        (200, text(done(r#", "external_id": false"#, ""))),
        (200, text(done(r#", "external_id": " order 7""#, ""))),
        // They are not one JSON document.
        (200, text(done(named, r#", "bank_txid": null"#))),
        (200, text(done(named, r#", "status": "canceled""#))),
        (200, text(done(named, r#", "kamipay_id": "txc_1""#))),
        (200, text(done(named, r#", "name": "5" pipe""#))),
        (200, latin_1),
        (200, [whole.as_bytes(), b"\xc3"].concat()),
        (200, text(format!("{whole} x"))),
        (200, text(format!("{whole}{{}}"))),
        (200, text(format!("{whole}\0"))),
        (200, text(whole.replace("}}", ",}}"))),
        (200, text(whole.replace("}}", r#", "x": NaN}}"#))),
        (200, text(whole.replace("bank_txid", "bank_txi\\u0064").replace("}}", "}"))),
        (200, utf_16(u16::to_le_bytes)),
        (200, utf_16(u16::to_be_bytes)),
        (200, text(whole.replace('"', "'"))),
        (200, text("<payment><bank_txid>E1</bank_txid></payment>".to_owned())),
        // A document of another shape.
        (200, text(format!("[{whole}]"))),
        (200, text(serde_json::to_string(&whole).unwrap())),
        (200, text(serde_json::json!({"statusCode": 200, "body": &whole}).to_string())),
        (200, text(whole.replace(r#""data": {"#, r#""data": {"data": {"#))),
        (200, text(whole.replace(r#""ok""#, r#""success""#))),
        (200, text(whole.replace(r#""ok""#, r#""failed""#))),
        (200, text(whole.replace(r#""data""#, r#""payment""#))),
        (200, text(whole.replace(r#""ok", "data""#, r#""failed", "error""#))),
        (200, text(format!(r#"{{"status": "failed", "data": [{inner}]}}"#))),
        (200, text(format!(r#"{{"status": "ok", "data": [{inner}]}}"#))),
        (200, text(serde_json::json!({"status": "failed", "data": inner}).to_string())),
        (200, text(serde_json::json!({"status": "failed", "msg": inner}).to_string())),
        (200, text(inner.replace("done", "success"))),
        (200, text(inner.replace("done", "failed"))),
        (200, text(inner.to_owned())),
        (200, text(r#"{"status": "failed", "data": {"status": ["done"]}}"#.to_owned())),
        (200, text(r#"{"status": "failed", "data": {"status": {"name": "done"}}}"#.to_owned())),
        (200, text(format!(r#"{{"status": "failed", "data": {{}}, "error": {inner}}}"#))),
        (
            200,
            text(format!(
                r#"{{"status": "ok", "data": {{"status": "under_review", "kamipay_id": "txc_1",
                "external_id": "order 7", "payment": {inner}}}}}"#
            )),
        ),
        (
            200,
            text(
                r#"{"status": "ok", "bank_txid": "E1", "data": {"status": "accepted",
                "kamipay_id": "txc_1", "external_id": "order 7"}}"#
                    .to_owned(),
            ),
        ),
        (200, text(whole.replace("bank_txid", "Bank_TxId").replace("done", "under_review"))),
        // Other names and words, and the form of a hash or a receipt.
        (200, text(in_webhook("mined"))),
        (200, text(in_webhook("failed"))),
        (200, text(in_webhook("ok"))),
        (200, text(r#"{"status": "completed"}"#.to_owned())),
        (200, text(r#"{"status": "PAID."}"#.to_owned())),
        (200, text(in_field("transaction_hash", HASH))),
        (200, text(in_field("end_to_end_id", "x"))),
        (200, text(in_field("proof", HASH))),
        (200, text(in_field("proof", "E60746948202405141500abcdefghijkl"))),
        (200, text(in_field("stage", "Done."))),
        (200, text(in_field("raw", r#"{\"stage\": \"done\"}"#))),
        (200, text(r#"{"status": "failed", "data": "eyJiYW5rIjoxfQ=="}"#.to_owned())),
        (200, text(r#"{"status": "success", "data": "eyJiYW5rIjoxfQ=="}"#.to_owned())),
        // The same payment under another spelling of its name.
        (200, text(whole.replace("order 7", "order+7"))),
        (200, text(whole.replace("order 7", "order&#32;7"))),
        (500, text(r"status:\tdone".to_owned())),
        (500, text("status%3Ddone".to_owned())),
        (500, b"\x1f\x8b\x08packed".to_vec()),
        (502, text(in_webhook("x"))),
        // Undocumented statuses.
        (206, text(whole.clone())),
        (409, text(whole.clone())),
        (409, text(r#"{"detail": "the payment is done"}"#.to_owned())),
        (500, text(whole.clone())),
    ];
    for (status, body) in answers {
        let shown = String::from_utf8_lossy(&body).into_owned();
        for letter in [Canceled, FailedWithRefund] {
            let mut watch = watch();
            tell(&mut watch, status, body.clone(), at(0));
            assert_eq!(watch.end(), None, "{status} {shown}");
            let mut watch = saved(&watch);
            watch.answered(letter.status().unwrap(), at(9), HALF);
            assert_eq!(watch.permission_to_pay_again(), None, "{status} {shown}");
        }
    }
}

#[test]
fn what_the_vendor_documents_beside_the_state_withholds_nothing() {
    for letter in [Canceled, FailedWithRefund] {
        for field in [
            r#", "error_message": "The transfer was not done.""#,
            r#", "transfer_description": "job done", "payer_name": "Receba""#,
            r#", "transaction_hash": null, "e2e_id": "", "new": {}"#,
        ] {
            let mut watch = watch();
            let refund = format!(r#", "original_txid": "{HASH}", "refund_txid": "{REFUND}""#);
            let (state, rest) = match letter {
                Canceled => ("canceled", ""),
                _ => ("failed", &*refund),
            };
            watch.answered(in_state("accepted", field), at(0), HALF);
            watch.answered(in_state(state, &format!("{rest}{field}")), at(9), HALF);
            assert!(watch.permission_to_pay_again().is_some(), "{state}{field}");
        }
    }
}

/// It had another name in the first answer, and says which payment it is in the second.
#[test]
fn an_answer_about_another_payment_is_remembered_by_its_identifier() {
    let other = |id: &str| {
        format!(
            r#"{{"status": "ok", "data": {{"status": "done", "kamipay_id": "{id}",
            "external_id": "order 8", "bank_txid": "E1"}}}}"#
        )
    };
    for (ids, permits) in [
        (vec!["txc_2"], true),
        (vec!["txc_2", "txc_1"], false),
        ((2..40).map(|_| "txc_2").collect(), true),
    ] {
        let mut watch = watch();
        for id in &ids {
            tell(&mut watch, 200, other(id), at(0));
        }
        let mut watch = saved(&watch);
        watch.answered(Canceled.status().unwrap(), at(9), HALF);
        assert_eq!(watch.permission_to_pay_again().is_some(), permits, "{ids:?}");
    }
    // Also if the identifier is known already, and if more payments came than are remembered.
    let mut known = watch();
    known.answered(in_state("accepted", ""), at(0), HALF);
    tell(&mut known, 200, other("txc_1"), at(5));
    let mut many = watch();
    (0..17).for_each(|n| tell(&mut many, 200, other(&format!("txc_x{n}")), at(0)));
    for mut watch in [known, many] {
        watch.answered(Canceled.status().unwrap(), at(9), HALF);
        assert_eq!(watch.permission_to_pay_again(), None);
    }
    // A driver that parsed the answer by itself.
    let mut watch = watch();
    let done = r#"{"status": "ok", "data": {"status": "done", "kamipay_id": "txc_1",
        "external_id": null, "bank_txid": "E1"}}"#;
    watch.answered(status(done), at(0), HALF);
    watch.answered(Canceled.status().unwrap(), at(9), HALF);
    assert_eq!(watch.permission_to_pay_again(), None);
}

#[test]
fn a_saved_watch_with_a_hidden_secret_can_be_read() {
    let api = crate::Api::anonymous("https://api.kamipay.io".parse().unwrap()).hiding("rder");
    let frozen = in_state("frozen", "");
    let mut watch = watch();
    let body = serde_json::to_string(&frozen).unwrap();
    watch.answered(api.parse(&call(), http::Response::new(body)).unwrap(), at(0), HALF);
    assert!(format!("{:?}", watch.last()).contains("***"));
    let json = serde_json::to_string(&watch).unwrap();
    let read: Watch = serde_json::from_str(&json).unwrap();
    assert_eq!(read.evidence().seen, watch.evidence().seen);
}

/// Secrets are hidden only in what is shown.
#[test]
fn a_secret_that_is_a_part_of_an_identifier_hides_nothing_from_the_rules() {
    let base = "https://api.kamipay.io".parse().unwrap();
    let api = crate::Api::anonymous(base).hiding("order 7").hiding("233c86e9").hiding("done");
    let receipt = r#"{"status": "ok", "data": {"status": "under_review", "kamipay_id": "txc_1",
        "external_id": "order 7", "bank_txid": "E1"}}"#;
    let hash = format!(
        r#"{{"status": "ok", "data": {{"status": "under_review", "kamipay_id": "txc_1",
        "external_id": "order 7", "txid": "{HASH}"}}}}"#
    );
    let other = in_state(
        "failed",
        &format!(r#", "original_txid": "{}", "refund_txid": "{REFUND}""#, hash_of('b')),
    );
    for (body, next) in [
        (receipt, Canceled.status().unwrap()),
        (receipt, FailedWithRefund.status().unwrap()),
        (&hash, other),
        (r#"{"status": "done"}"#, Canceled.status().unwrap()),
    ] {
        let mut watch = watch();
        let status = api.parse(&call(), http::Response::new(body)).unwrap();
        assert!(!format!("{status:?}").contains("order 7"));
        watch.answered(status, at(0), HALF);
        watch.answered(next, at(9), HALF);
        assert_eq!((watch.evidence().faults, watch.permission_to_pay_again()), (0, None), "{body}");
    }
}

#[test]
fn two_payments_under_one_external_id_give_no_permission() {
    for letter in [Canceled, FailedWithRefund] {
        let mut watch = watch();
        let other = r#"{"status": "ok", "data": {"status": "accepted", "kamipay_id": "txc_other",
            "external_id": "order 7"}}"#;
        watch.answered(call().parse(http::Response::new(other)).unwrap(), at(0), HALF);
        let mut watch = saved(&watch);
        watch.answered(letter.status().unwrap(), at(9), HALF);
        assert_eq!(watch.permission_to_pay_again(), None);
    }
}

#[test]
fn a_refund_with_an_undocumented_status_is_kept() {
    let refund = |digit: &str| {
        format!(
            r#"{{"status": "ok", "data": {{"status": "failed", "kamipay_id": "txc_1",
            "external_id": "order 7", "refund_txid": "0x{}"}}}}"#,
            digit.repeat(64)
        )
    };
    let mut response = http::Response::new(refund("a"));
    *response.status_mut() = http::StatusCode::ACCEPTED;
    let mut watch = watch();
    watch.unreadable(&call().parse(response).unwrap_err());
    watch.answered(call().parse(http::Response::new(refund("b"))).unwrap(), at(9), HALF);
    assert_eq!(watch.permission_to_pay_again(), None);
}

/// Older versions noted less of an answer.
#[test]
fn a_stored_watch_notes_its_last_answer_again() {
    let mut watch = watch();
    watch.answered(in_state("processing", r#", "bank_txid": "E1""#), at(0), HALF);
    let json = serde_json::to_string(&watch).unwrap();
    let old = json.replace(
        r#""was_sent":true,"was_paid":true,"was_unclear":false,"transactions":[],"refunds":[],"#,
        "",
    );
    assert_ne!(old, json);
    assert_eq!(serde_json::from_str::<Watch>(&old).unwrap(), watch);
}

#[test]
fn an_answer_after_the_end_is_ignored() {
    for end in [Done, Canceled, FailedWithRefund] {
        let mut watch = watch();
        assert!(watch.answered(end.status().unwrap(), at(0), HALF));
        let ended = watch.clone();
        for late in ALPHABET {
            late.tell(&mut watch, late.status().as_ref(), at(1));
            assert_eq!(watch, ended, "{late:?} after {end:?}");
        }
    }
}

#[test]
fn when_the_time_is_up_it_asks_once_more() {
    let (mut watch, mut now) = (watch(), at(0));
    let mut questions = 0;
    let end = loop {
        match watch.step(now) {
            Step::Wait(time) => now += time,
            Step::Send(_) => {
                questions += 1;
                watch.answered(Processing.status().unwrap(), now, HALF);
            }
            Step::Over(end) => break end,
        }
    };
    assert_eq!(now, at(600));
    assert_eq!(questions, 33);
    let End::StillUnknown(evidence) = end else { panic!("{end:?}") };
    assert_eq!(evidence.asked, Some(at(600)));
    assert_eq!(
        evidence.to_string(),
        "still unknown after 33 questions in 600 s: processing since 2026-05-14T15:20:00Z, seen 33 \
         times"
    );
    assert!(!watch.answered(Done.status().unwrap(), now, 0), "it is over");
    watch.failed("late", None, now, 0);
    assert_eq!(watch.evidence(), &evidence);

    // With more time it continues.
    let limits = WatchLimits { time_limit: 660 * SECOND, ..WatchLimits::default() };
    let mut watch = watch.with_limits(limits);
    assert!(watch.end().is_none());
    assert_eq!(watch.step(at(600)), Step::Send(&call()));
    assert!(watch.answered(Done.status().unwrap(), at(600), 0));
    assert!(matches!(watch.step(at(600)), Step::Over(End::Done(_))));
}

#[test]
fn the_last_allowed_question_ends_it_at_once() {
    let limits = WatchLimits { max_questions: 2, ..WatchLimits::default() };
    let mut watch = Watch::new(call(), limits.clone());
    watch.failed("500", None, at(0), 0);
    assert!(watch.end().is_none());
    watch.failed("time-out", None, at(1), 0);
    let Some(End::StillUnknown(evidence)) = watch.end() else { panic!("{:?}", watch.end()) };
    assert_eq!(
        evidence.to_string(),
        "still unknown after 2 questions in 1 s: no answer at all; 2 without an answer, the last \
         one: time-out"
    );
    assert_eq!(watch.permission_to_pay_again(), None);

    let mut watch = Watch::new(call(), WatchLimits { max_questions: 0, ..limits });
    assert!(matches!(watch.step(at(0)), Step::Over(End::StillUnknown(_))));
}

#[test]
fn it_waits_at_least_as_long_as_retry_after_says() {
    let mut watch = watch();
    watch.step(at(0));
    watch.failed("429", Some(45 * SECOND), at(0), HALF);
    assert_eq!(watch.step(at(0)), Step::Wait(45 * SECOND));
    watch.failed("429", Some(SECOND), at(45), HALF);
    assert_eq!(watch.step(at(45)), Step::Wait(Duration::from_millis(2250)), "not later either");
    // A wait that fits the time limit exactly is waited; a longer one ends the watch.
    watch.failed("429", Some(500 * SECOND), at(100), HALF);
    assert_eq!(watch.step(at(100)), Step::Wait(500 * SECOND));
    let mut beyond = watch.clone();
    beyond.failed("429", Some(501 * SECOND), at(100), HALF);
    assert!(matches!(beyond.step(at(100)), Step::Over(End::StillUnknown(_))));
}

#[test]
fn evidence_counts_each_state_with_its_first_and_last_time() {
    let mut watch = watch();
    let tell = [
        (NotFound, true),
        (NotFound, false),
        (TimeOut, false),
        (Processing, true),
        (NotFound, true),
        (FailedWithoutRefund, true),
        (ServerError, false),
        (FailedWithoutRefund, false),
    ];
    for (second, (letter, is_new)) in (0..).zip(tell) {
        match letter.status() {
            Some(status) => assert_eq!(watch.answered(status, at(second), 0), is_new, "{second}"),
            None => letter.tell(&mut watch, None, at(second)),
        }
    }
    let seen: Vec<_> = watch
        .evidence()
        .seen
        .iter()
        .map(|it| (it.state.as_str(), it.first, it.last, it.times))
        .collect();
    assert_eq!(
        seen,
        [
            ("not_found", at(0), at(1), 2),
            ("processing", at(3), at(3), 1),
            ("not_found", at(4), at(4), 1),
            ("failed", at(5), at(7), 2),
        ]
    );
    let evidence = watch.evidence();
    assert_eq!((evidence.questions, evidence.faults), (8, 2));
    assert_eq!((evidence.started, evidence.asked), (Some(at(0)), Some(at(7))));
    assert_eq!(evidence.last, FailedWithoutRefund.status());
    assert_eq!(evidence.last_fault.as_deref(), Some("502 Bad Gateway"));
    // The word stays the same, but the refund is new.
    assert!(watch.answered(FailedWithRefund.status().unwrap(), at(8), 0));
    assert_eq!(watch.permission_to_pay_again().unwrap().refund_txid().unwrap().as_str(), REFUND);
}

#[test]
fn an_answer_that_contradicts_itself_does_not_end_the_watch() {
    let refund_of_itself = format!(r#", "original_txid": "{HASH}", "refund_txid": "{HASH}""#);
    for odd in [
        in_state("canceled", &format!(r#", "txid": "{HASH}""#)),
        in_state("failed", &refund_of_itself),
        in_state("failed", r#", "refund_txid": "txid5""#),
        status(r#"{"status": "failed", "data": {"status": "done", "external_id": "order 7"}}"#),
    ] {
        let mut watch = watch();
        watch.answered(odd.clone(), at(0), 0);
        assert_eq!(watch.end(), None, "{odd:?}");
        assert_eq!(watch.permission_to_pay_again(), None, "{odd:?}");
    }
}

#[test]
fn an_answer_about_another_payment_is_a_failed_question() {
    let mut watch = watch();
    let other = Canceled.status().unwrap();
    let other = serde_json::to_string(&other).unwrap().replace("order 7", "order 8");
    assert!(!watch.answered(status(&other), at(0), 0));
    assert_eq!(watch.end(), None);
    assert_eq!(watch.permission_to_pay_again(), None);
    assert_eq!((watch.evidence().questions, watch.evidence().faults), (1, 1));
    let said = watch.evidence().last_fault.clone().unwrap();
    assert!(said.contains("asked for external_id order 7, got order 8"), "{said}");
}

#[test]
fn an_invalid_certificate_or_a_refusal_ends_the_wait_before_the_first_answer() {
    let (before, mut after) = (watch(), watch());
    after.answered(in_state("accepted", ""), at(0), HALF);
    for (cause, ends_before, ends_after) in [
        (Cause::NoRequest, true, true),
        (Cause::Untrusted, true, false),
        (Cause::NotSent, false, false),
        (Cause::Closed, false, false),
        (Cause::Truncated, false, false),
        (Cause::TimedOut, false, false),
        (Cause::Mismatch, false, false),
        (Cause::Permanent, false, false),
    ] {
        assert_eq!(before.is_ended_by(cause), ends_before, "{cause:?}");
        assert_eq!(after.is_ended_by(cause), ends_after, "{cause:?}");
    }
    for code in 100..=999 {
        let cause = Cause::Status(http::StatusCode::from_u16(code).unwrap(), Some(SECOND));
        let is_refusal = (400..=499).contains(&code) && code != 408 && code != 429;
        assert_eq!(before.is_ended_by(cause), is_refusal, "{code}");
        assert!(!after.is_ended_by(cause), "{code}");
    }
    // A failed question does not count as an answer.
    let mut unanswered = watch();
    unanswered.failed("closed", None, at(0), HALF);
    assert!(unanswered.is_ended_by(Cause::Untrusted));
}

#[test]
fn times_are_shown_in_milliseconds() {
    let mut watch = watch();
    let now = at(0) + Duration::from_nanos(1_234_567);
    watch.answered(in_state("accepted", ""), now, HALF);
    assert!(watch.evidence().to_string().contains(":00.001Z"), "{}", watch.evidence());
}

#[test]
fn an_error_s_text_is_shortened_and_escaped() {
    let mut watch = watch();
    watch.failed(format!("a\n\x1b[31m{}", "x".repeat(1000)), None, at(0), 0);
    let said = watch.evidence().last_fault.clone().unwrap();
    assert!(said.starts_with("a\\u{a}\\u{1b}[31mxx") && said.chars().count() < 400, "{said}");
}

#[test]
fn a_clock_that_is_set_back_costs_at_most_one_interval() {
    for back in [1, 86_400] {
        let mut watch = watch();
        assert!(matches!(watch.step(at(0)), Step::Send(_)));
        watch.answered(Processing.status().unwrap(), at(500), HALF);
        let Step::Wait(time) = watch.step(at(500 - back)) else { panic!() };
        assert_eq!(time.as_millis(), 1500);
        // The time limit still counts the time before.
        assert!(matches!(watch.step(at(600 - back)), Step::Send(_)));
        watch.answered(Processing.status().unwrap(), at(600 - back), HALF);
        assert!(matches!(watch.step(at(600 - back)), Step::Over(End::StillUnknown(_))));
    }
    // The same before the first answer.
    let mut watch = watch();
    watch.step(at(0));
    assert!(matches!(watch.step(at(-86_400)), Step::Send(_)));
    watch.answered(Processing.status().unwrap(), at(-86_400), HALF);
    assert!(matches!(watch.step(at(-86_400)), Step::Wait(_)));
}

#[test]
fn a_clock_that_is_set_forward_ends_it_after_one_more_question() {
    let mut watch = watch();
    watch.step(at(0));
    watch.answered(Processing.status().unwrap(), at(1), HALF);
    assert!(matches!(watch.step(at(86_400)), Step::Send(_)));
    watch.answered(Processing.status().unwrap(), at(86_400), HALF);
    assert!(matches!(watch.step(at(86_400)), Step::Over(End::StillUnknown(_))));
}

#[test]
fn limits_of_zero_and_of_the_maximum_do_not_overflow() {
    let max = WatchLimits {
        time_limit: Duration::MAX,
        max_questions: u32::MAX,
        first_interval: Duration::MAX,
        max_interval: Duration::MAX,
    };
    let mut watch = Watch::new(call(), max);
    watch.failed("no answer", Some(Duration::MAX), at(0), u32::MAX);
    assert_eq!(watch.step(at(0)), Step::Wait(Duration::MAX));
    assert!(watch.end().is_none());

    let zero = WatchLimits {
        time_limit: Duration::ZERO,
        max_questions: u32::MAX,
        first_interval: Duration::ZERO,
        max_interval: Duration::ZERO,
    };
    let mut watch = Watch::new(call(), zero);
    assert!(matches!(watch.step(at(0)), Step::Send(_)), "once");
    watch.answered(Processing.status().unwrap(), at(0), 0);
    assert!(matches!(watch.step(at(0)), Step::Over(End::StillUnknown(_))));

    let mut ends_of_time = Watch::new(call(), WatchLimits::default());
    for now in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC] {
        let _ = ends_of_time.step(now);
        ends_of_time.failed("no answer", None, now, u32::MAX);
    }
}

/// The watch, stored and read in two formats.
fn saved(watch: &Watch) -> Watch {
    let json = serde_json::to_string_pretty(watch).unwrap();
    let read: Watch = serde_json::from_str(&json).unwrap();
    assert_eq!(&read, watch, "{json}");
    // Unlike a bare `PayStatus`, it can be read from a reader and a `Value`.
    assert_eq!(&serde_json::from_reader::<_, Watch>(json.as_bytes()).unwrap(), watch);
    let value = serde_json::to_value(watch).unwrap();
    assert_eq!(&serde_json::from_value::<Watch>(value).unwrap(), watch);
    read
}

#[test]
fn a_stored_watch_looks_like_this() {
    let mut watch = watch();
    watch.step(at(0));
    watch.answered(Processing.status().unwrap(), at(1), HALF);
    watch.failed("502 Bad Gateway", None, at(3), HALF);
    insta::assert_snapshot!(serde_json::to_string_pretty(&saved(&watch)).unwrap());
}

#[test]
fn a_watch_of_an_older_or_newer_version_can_be_read() {
    let call = serde_json::to_string(&call()).unwrap();
    // An older version has fewer fields.
    let old: Watch = serde_json::from_str(&format!(r#"{{"call": {call}}}"#)).unwrap();
    assert_eq!(old, watch());
    let old = format!(
        r#"{{"call": {call}, "limits": {{"max_questions": 7}}, "evidence": {{"questions": 6}}}}"#
    );
    let old: Watch = serde_json::from_str(&old).unwrap();
    assert_eq!((old.limits().max_questions, old.limits().time_limit), (7, 600 * SECOND));
    assert_eq!(old.evidence().questions, 6);
    // A newer version has more fields.
    let mut watch = watch();
    watch.answered(Processing.status().unwrap(), at(1), HALF);
    let json = serde_json::to_string(&watch).unwrap();
    let new = json
        .replacen('{', r#"{"new": [1], "#, 1)
        .replace(r#""limits":{"#, r#""limits":{"new": {}, "#)
        .replace(r#""evidence":{"#, r#""evidence":{"new": null, "#)
        .replace(r#""seen":[{"#, r#""seen":[{"new": 1, "#);
    assert_eq!(new.matches("new").count(), 4, "{new}");
    assert_eq!(serde_json::from_str::<Watch>(&new).unwrap(), watch);
}

#[test]
fn a_stored_watch_about_two_payments_is_refused() {
    let mut watch = watch();
    watch.answered(Canceled.status().unwrap(), at(0), 0);
    let json = serde_json::to_string(&watch).unwrap();
    let other = json.replacen("order 7", "order 8", 1);
    let error = serde_json::from_str::<Watch>(&other).unwrap_err().to_string();
    assert!(error.contains("asked for external_id order 8, got order 7"), "{error}");
    let error = serde_json::from_str::<Watch>(&json.replace("txc_1", "\\u0000")).unwrap_err();
    assert!(error.to_string().contains("the last answer cannot be read"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_watch_stored_after_every_step_takes_the_same_steps(
        letters in prop::collection::vec(0..ALPHABET.len(), 1..20),
        randoms in prop::collection::vec(any::<u32>(), 20),
        jumps in prop::collection::vec(-2000_i64..2000, 20),
    ) {
        let (mut one, mut other, mut now) = (watch(), watch(), at(0));
        for ((letter, random), jump) in letters.into_iter().zip(randoms).zip(jumps) {
            for _ in 0..3 {
                other = saved(&other);
                prop_assert_eq!(one.step(now), other.step(now));
                if let Step::Wait(time) = one.step(now) {
                    prop_assert!(time <= Duration::from_secs(30));
                    now += time;
                }
            }
            for watch in [&mut one, &mut other] {
                match ALPHABET[letter].status() {
                    Some(status) => _ = watch.answered(status, now, random),
                    None => watch.failed("no answer", None, now, random),
                }
            }
            other = saved(&other);
            prop_assert_eq!(&one, &other);
            now += TimeDelta::milliseconds(jump);
        }
    }

    #[test]
    fn every_sequence_of_answers_ends_within_the_limits(
        letters in prop::collection::vec(0..ALPHABET.len(), 101),
        took in 0_i64..100,
    ) {
        let (mut watch, mut now) = (watch(), at(0));
        for letter in letters {
            loop {
                match watch.step(now) {
                    Step::Wait(time) => now += time,
                    Step::Send(_) => break,
                    Step::Over(_) => return Ok(()),
                }
            }
            now += TimeDelta::seconds(took);
            ALPHABET[letter].tell(&mut watch, ALPHABET[letter].status().as_ref(), now);
            prop_assert!(now <= at(600 + took), "no question after the time is up");
        }
        prop_assert!(watch.end().is_some());
    }
}
