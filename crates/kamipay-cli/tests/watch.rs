//! `pay status --watch`: each change of state, and what the end permits.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kamipay_sandbox::{Fault, Sandbox, Schedule, Server};
use serde_json::Value;

use crate::support::{Run, nobody, run, server, silence, with_payments, with_token};

/// Watches the sandbox's payment of this name.
fn watch(server: &Server, name: &str, more: &[&str]) -> Run {
    let args = ["pay", "status", "--external-id", name, "--watch", "--every", "10ms"];
    run(&mut with_token(server.base_url(), &[&args[..], more].concat()))
}

/// Watches a server that answers the n-th question so, with time enough for this many questions on
/// a machine of any speed.
fn watch_for(
    questions: usize,
    answer: impl Fn(usize) -> String + Clone + Send + Sync + 'static,
    more: &[&str],
) -> Run {
    for time in ["100ms", "1s", "10s", "100s"] {
        let (asked, answer) = (Arc::new(AtomicUsize::new(0)), answer.clone());
        let count = Arc::clone(&asked);
        let url = server(move |n, _| {
            count.store(n + 1, Ordering::SeqCst);
            (200, answer(n))
        });
        let args = ["pay", "status", "--kamipay-id", "a", "--watch", "--every", "10ms"];
        let ended = run(&mut with_token(&url, &[&args[..], &["--for", time], more].concat()));
        if asked.load(Ordering::SeqCst) >= questions {
            return ended;
        }
    }
    panic!("100 s are too short for {questions} questions");
}

/// The states of NDJSON.
fn states(out: &str) -> Vec<String> {
    let state = |line: &str| serde_json::from_str::<Value>(line).unwrap()["state"].clone();
    out.lines().map(|line| state(line).as_str().unwrap().to_owned()).collect()
}

/// The text without its times.
fn timeless(text: &str) -> String {
    let is_time = |word: &str| word.len() >= 20 && word.starts_with("20") && word.contains("Z");
    let words = text.split_inclusive([' ', '\n', ',']);
    words
        .map(|word| if is_time(word) { format!("TIME{}", &word[20..]) } else { word.into() })
        .collect()
}

#[test]
fn each_end_has_its_words_and_its_exit_code() {
    let server = with_payments();
    for (name, code, changes, words) in [
        (
            "not-found-then-done",
            0,
            &["not_found", "accepted", "processing", "done"][..],
            "note: paid",
        ),
        ("done", 0, &["done"], "note: paid"),
        (
            "failed-refund-pending",
            10,
            &["failed", "failed"],
            "note: failed, and returned with the transaction 0x",
        ),
        (
            "failed-and-refunded",
            10,
            &["failed"],
            "note: failed, and returned with the transaction 0x",
        ),
        ("canceled", 11, &["canceled"], "note: canceled, and no funds moved: you may pay again"),
    ] {
        let ended = watch(&server, name, &[]);
        assert_eq!((ended.code, &states(&ended.out)[..]), (code, &owned(changes)[..]), "{name}");
        assert!(ended.err.starts_with(words), "{}", ended.err);
        let last: Value = serde_json::from_str(ended.out.lines().last().unwrap()).unwrap();
        assert_eq!(last["may_pay_again"], code > 0, "{name}");
        // The last answer is still the same.
        assert_eq!(watch(&server, name, &["--quiet"]).err, "");
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().copied().map(str::to_owned).collect()
}

#[test]
fn what_is_not_known_is_no_end() {
    let server = with_payments();
    for (name, state, words) in [
        ("not-found-forever", "not_found", "is it the right kind of identifier"),
        ("processing-forever", "processing", "to keep waiting, run the same command again"),
        ("unknown-state", "under_review", "Only a refund with a transaction"),
    ] {
        // An unknown end is not what --quiet is for.
        for quiet in [&[][..], &["--quiet"]] {
            let ended = watch(&server, name, &[&["--for", "100ms"], quiet].concat());
            assert_eq!((ended.code, states(&ended.out)), (12, owned(&[state])), "{}", ended.err);
            assert!(ended.err.starts_with("do not pay again: still unknown after "));
            assert!(ended.err.contains(&format!(": {state} since 20")), "{}", ended.err);
            assert!(ended.err.contains(" times") && ended.err.contains(words), "{}", ended.err);
        }
    }
    // Failed, and no refund: no end to a wait.
    let server = with_payments();
    let ended = watch(&server, "failed-refund-pending", &["--for", "1ms"]);
    assert_eq!((ended.code, states(&ended.out)), (12, owned(&["failed"])), "{}", ended.err);
    assert!(ended.err.contains("no refund shows yet"), "{}", ended.err);
    // What was before is told, too.
    let ended = watch_for(2, not_found_then_paused, &[]);
    assert_eq!((ended.code, states(&ended.out)), (12, owned(&["not_found", "paused"])));
    assert!(ended.err.contains("; before that: not_found (once, at 20"), "{}", ended.err);
}

/// Values are printed whole where a program reads them, and nowhere else.
#[test]
fn a_long_word_of_a_state_is_shortened_for_people() {
    let long = |n| {
        let word = format!("{}\u{1b}", char::from(b'a' + (n % 6) as u8)).repeat(10_000);
        serde_json::json!({ "status": word }).to_string()
    };
    for (format, is_whole) in [("table", false), ("ndjson", true)] {
        let ended = watch_for(2, long, &["-o", format]);
        assert_eq!(ended.code, 12, "{:.999}", ended.err);
        assert!(ended.err.contains("; before that: "), "{:.999}", ended.err);
        assert!(ended.err.len() < 3000, "{} bytes", ended.err.len());
        assert_eq!(ended.out.len() > 20_000, is_whole, "{} bytes", ended.out.len());
    }
}

/// Not found once, and in another state from then on.
fn not_found_then_paused(n: usize) -> String {
    match n {
        0 => r#"{"status":"failed","msg":"TX not found"}"#,
        _ => r#"{"status":"ok","data":{"status":"paused","kamipay_id":"a"}}"#,
    }
    .to_owned()
}

/// What an earlier answer showed is not forgotten.
#[test]
fn a_contradiction_on_the_way_is_no_end() {
    const HASH: &str = "0xd17c0947a0ba00e932176b25f4dd0b42c6a51510e28355f433bb5f7391fc9833";
    const REFUND: &str = "0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab";
    let answer = |state: &str, rest: &str| {
        format!(r#"{{"status":"ok","data":{{"status":"{state}","kamipay_id":"a"{rest}}}}}"#)
    };
    let contradicting = |rest: &str| {
        answer("done", rest).replacen(r#""ok""#, r#""failed","msg":"TX not found""#, 1)
    };
    let receipt = r#","bank_txid":"E1""#;
    let canceled = || answer("canceled", "");
    let returned =
        || answer("failed", &format!(r#","refund_txid":"{REFUND}","original_txid":"{HASH}""#));
    let other = format!(r#","txid":"0x{}""#, "7".repeat(64));
    let refund = format!(r#","txid":"{REFUND}""#);
    for (first, then, code) in [
        (contradicting(receipt), canceled(), 12),
        (contradicting(""), canceled(), 12),
        (contradicting(receipt), returned(), 12),
        (answer("paused", receipt), canceled(), 12),
        (answer("paused", receipt), returned(), 12),
        (answer("canceled", receipt), returned(), 12),
        (answer("processing", &other), returned(), 12),
        (answer("processing", &refund), returned(), 12),
        (answer("processing", r#","amount_brl":"lots""#), canceled(), 12),
        (answer("paused", ""), canceled(), 11),
        (answer("processing", ""), returned(), 10),
    ] {
        let told = format!("{first} {then}");
        let ended = watch_for(2, move |n| if n == 0 { &first } else { &then }.clone(), &[]);
        assert_eq!(ended.code, code, "{told}: {}", ended.err);
        assert_eq!(ended.out.contains("\"may_pay_again\":true"), code != 12, "{}", ended.out);
        assert_eq!(ended.err.contains("ask kamiPay what became of"), code == 12, "{}", ended.err);
        assert!(!ended.err.contains("the same command again"), "{}", ended.err);
    }
}

/// What was sent is not canceled, so that no word of it permits to pay again.
#[test]
fn a_canceled_payment_that_was_sent_is_no_end() {
    let sent = r#"{"status":"ok","data":{"status":"processing","txid":"0x1","kamipay_id":"a"}}"#;
    let failed = r#"{"status":"ok","data":{"status":"failed","txid":"0x1","kamipay_id":"a"}}"#;
    let canceled = r#"{"status":"ok","data":{"status":"canceled","kamipay_id":"a"}}"#;
    let mut told = Vec::new();
    for first in [sent, failed] {
        for format in ["table", "json", "ndjson", "csv"] {
            let answer = move |n| if n == 0 { first } else { canceled }.to_owned();
            let ended = watch_for(2, answer, &["--output", format]);
            assert_eq!(ended.code, 12, "{}", ended.err);
            assert!(ended.err.contains("ask kamiPay what became of"), "{}", ended.err);
            for word in ["may_pay_again\":true", "may_pay_again\": true", "canceled,true,true"] {
                assert!(!ended.out.contains(word), "{}", ended.out);
            }
            assert!(!ended.out.contains("never sent"), "{}", ended.out);
            told.push(timeless(&ended.out));
        }
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn every_format() {
    for format in ["table", "json", "ndjson", "csv"] {
        let told: Vec<String> =
            ["not-found-then-done", "failed-refund-pending", "canceled", "unknown-state"]
                .into_iter()
                .map(|name| {
                    let time = if name == "unknown-state" { "100ms" } else { "1m" };
                    let more = ["--for", time, "--output", format, "--quiet"];
                    let run = watch(&with_payments(), name, &more);
                    format!("{}=> {}\n", timeless(&run.out), run.code)
                })
                .collect();
        insta::assert_snapshot!(format!("watch-{format}"), told.join("\n"));
    }
}

#[test]
fn faults_on_the_way_are_waited_out() {
    let server = with_payments();
    for (fault, first) in [(Fault::named("gateway-502-html"), 2), (Fault::named("unauthorized"), 4)]
    {
        let schedule = Schedule::once().from_request(first);
        server.with_sandbox(|it| it.add_fault(fault, fault.calls(), schedule));
    }
    let ended = watch(&server, "not-found-then-done", &[]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(states(&ended.out), ["not_found", "accepted", "processing", "done"]);
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    assert_eq!(server.requests().len(), 7);
}

#[test]
fn no_answer_at_all_is_not_known_and_still_one_json_value() {
    let args = ["pay", "status", "--external-id", "a", "--watch", "--every", "10ms", "-o", "json"];
    let (_listener, silence) = silence();
    for (url, more) in [(nobody(), ["--for", "50ms"]), (silence, ["--deadline", "50ms"])] {
        let ended = run(&mut with_token(&url, &[&args[..], &more].concat()));
        assert_eq!(ended.code, 12, "{}", ended.err);
        let told: Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!((&told["state"], &told["may_pay_again"]), (&Value::Null, &Value::Bool(false)));
        assert!(ended.err.contains("no answer at all"), "{}", ended.err);
    }
}

#[test]
fn the_deadline_is_the_end_of_a_wait_too() {
    let server = with_payments();
    let ended = watch(&server, "processing-forever", &["--deadline", "500ms"]);
    assert_eq!((ended.code, states(&ended.out)), (12, owned(&["processing"])), "{}", ended.err);
}

#[test]
fn what_waiting_cannot_mend_ends_it_at_once() {
    let args = ["pay", "status", "--external-id", "a", "--watch"];
    let sandbox = Server::start(Sandbox::documented()).unwrap();
    let token = run(with_token(sandbox.base_url(), &args).env("KAMIPAY_TOKEN", "other"));
    let mut login = with_token(sandbox.base_url(), &args);
    login.env("KAMIPAY_TOKEN", "").env("KAMIPAY_USERNAME", "me").env("KAMIPAY_PASSWORD", "no");
    let login = run(&mut login);
    let forbidden = server(|_, _| (403, String::new()));
    let refused = server(|_, _| (422, r#"{"detail": "no such chain"}"#.to_owned()));
    for (run, code) in [
        (token, 4),
        (login, 4),
        (run(&mut with_token(&forbidden, &args)), 4),
        (run(&mut with_token(&refused, &args)), 3),
    ] {
        assert_eq!((run.code, run.out.as_str()), (code, ""), "{}", run.err);
        assert!(run.err.starts_with("error: asking for external_id a: "), "{}", run.err);
    }
}

#[test]
fn a_request_that_came_too_slowly_is_asked_again() {
    let server = server(|n, _| match n {
        0 => (408, String::new()),
        _ => (200, r#"{"status":"ok","data":{"status":"canceled","kamipay_id":"a"}}"#.to_owned()),
    });
    let args = ["pay", "status", "--kamipay-id", "a", "--watch", "--every", "10ms"];
    let ended = run(&mut with_token(&server, &args));
    assert_eq!(ended.code, 11, "{}", ended.err);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_at_once() {
    let server = with_payments();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let args = ["pay", "status", "--external-id", "processing-forever", "--watch"];
        let args = [&args[..], &["--every", "1h", "--for", "2h"]].concat();
        let mut command = with_token(server.base_url(), &args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
        assert_eq!(states(&first), ["processing"]);
        crate::scans::signal(&child, signal);
        let ended = crate::scans::ended(child, String::new()); // long before an hour is over
        assert_eq!((ended.code, ended.out.as_str()), (code, ""), "{}", ended.err);
        let words = "after 1 question: the last state was processing (once, at ";
        assert!(ended.err.contains(words), "{}", ended.err);
        assert!(
            ended.err.contains("Nothing is decided\n  tip: the payment was sent"),
            "{}",
            ended.err
        );
        assert!(ended.err.contains("tip: do not pay again"), "{}", ended.err);
    }
}

#[cfg(unix)]
#[test]
fn a_signal_does_not_wait_for_the_answer() {
    let (listener, url) = silence();
    let args = ["pay", "status", "--external-id", "a", "--watch", "-o", "json"];
    let mut command = with_token(&url, &args);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _connection = listener.accept().unwrap(); // so it has asked
    crate::scans::signal(&child, "-INT");
    let ended = crate::scans::ended(child, String::new());
    assert_eq!((ended.code, ended.out.as_str()), (130, ""));
    assert!(ended.err.contains("after 0 questions: no answer came yet"), "{}", ended.err);
}

#[test]
fn one_attempt_is_one_request_and_four_recover() {
    let ask = ["pay", "status", "--external-id", "done", "--max-attempts"];
    for (attempts, code, requests) in [("1", 5, 1), ("4", 0, 2)] {
        let server = with_payments();
        server.with_sandbox(|it| it.fail_next(Fault::named("gateway-502-html"), 1));
        let run = run(&mut with_token(server.base_url(), &[&ask[..], &[attempts]].concat()));
        assert_eq!((run.code, server.requests().len()), (code, requests), "{}", run.err);
    }
}

/// The README's script says what each end permits.
#[cfg(unix)]
#[test]
fn the_script_of_the_readme_runs() {
    let readme = include_str!("../README.md");
    let (_, section) = readme.split_once("## Waiting for a payment").unwrap();
    let (_, script) = section.split_once("```sh\n").unwrap();
    let (script, _) = script.split_once("```").unwrap();
    let long = "--for 30m > \"$order.ndjson\"";
    assert!(script.contains(long), "{script}");
    let server = with_payments();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_kamipay")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    for (order, words) in [
        ("not-found-then-done", "is paid"),
        ("failed-refund-pending", "pay again, with a new external_id"),
        ("canceled", "pay again, with a new external_id"),
        ("processing-forever", "still not known: do NOT pay again"),
    ] {
        let time = if order == "processing-forever" { "100ms" } else { "100s" };
        let script = script.replace(long, &format!("--for {time} --every 10ms -q > $1"));
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &script, "sh", "/dev/null"]).env_clear().env("PATH", &path);
        shell.env("order", order).env("KAMIPAY_BASE_URL", server.base_url());
        let run = run(shell.env("KAMIPAY_TOKEN", Sandbox::documented().token()));
        assert!(run.code == 0 && run.out.contains(words), "{order}: {run:?}");
    }
}
