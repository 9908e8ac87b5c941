//! What the sandbox's server does by name, to every kind of call.

use std::thread;
use std::time::{Duration, Instant};

use kamipay_sandbox::Fault;
use kamipay_tests::Call;

use super::{calls, client, fail, is_idle, sandbox, send, word};

/// Long enough for an answer, and shorter than anything that never comes.
const LONG: Duration = Duration::from_secs(20);
/// For what takes until the time is up. On a busy machine an answer has to begin in it.
const SHORT: Duration = Duration::from_millis(300);

/// What has to become of a fault.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The first time is the last.
    GivesUp,
    /// It is tried again, and the second time there is an answer.
    TriesAgain,
}

use Then::{GivesUp, TriesAgain};

/// Every kind of call meets every one of these faults: once, and then again and again.
///
/// The outcome is one of the `words`, which are more than one where the network decides which.
fn all_calls(faults: &[Fault], words: &[&str], then: Then) {
    let server = sandbox();
    for fault in faults {
        for call in calls() {
            scenario(&server, *fault, &call, LONG, words, then);
        }
    }
}

/// The same, for what takes until the time is up: all at once.
fn all_calls_in_time(faults: &[Fault], words: &[&str], then: Then) {
    thread::scope(|scope| {
        for call in calls() {
            scope.spawn(move || {
                let server = sandbox();
                for fault in faults {
                    scenario(&server, *fault, &call, SHORT, words, then);
                }
            });
        }
    });
}

fn scenario(
    server: &kamipay_sandbox::Server,
    fault: Fault,
    call: &Call,
    time: Duration,
    words: &[&str],
    then: Then,
) {
    let requests = || server.requests().len();
    let what = |outcome: &str| format!("{fault}, {call:?}: {outcome}");

    // As the last attempt: the outcome as it is.
    fail(server, fault, 1);
    let before = requests();
    let once = client(server.base_url(), |config| config.attempt_timeout = time);
    let outcome = send(&once, call);
    assert!(words.contains(&&*word(&outcome)), "{}", what(&format!("{outcome:?}")));
    assert_eq!(requests() - before, 1, "{}", what("one request"));

    // As the first of two.
    fail(server, fault, 1);
    let before = requests();
    let twice = client(server.base_url(), |config| {
        config.attempt_timeout = time;
        config.retry.max_attempts = 2;
    });
    let outcome = send(&twice, call);
    match then {
        TriesAgain => {
            assert!(outcome.is_ok(), "{}", what(&format!("{outcome:?}")));
            assert_eq!(requests() - before, 2, "{}", what("two requests"));
        }
        GivesUp => {
            assert!(words.contains(&&*word(&outcome)), "{}", what(&format!("{outcome:?}")));
            assert_eq!(requests() - before, 1, "{}", what("one request"));
        }
    }
}

#[test]
fn without_a_fault_every_call_has_an_answer() {
    let faults = [
        Fault::named("chunked"),
        Fault::named("until-closed"),
        Fault::named("closed-after-answer"),
    ];
    all_calls(&faults, &["value"], GivesUp);
}

#[test]
fn f10_closed_before_any_byte() {
    let faults = [Fault::named("closed-before-answer"), Fault::named("reset-before-answer")];
    all_calls(&faults, &["ConnectionClosed"], TriesAgain);
}

#[test]
fn f11_a_kept_connection_that_was_closed_is_no_fault() {
    let server = sandbox();
    for fault in [Fault::named("pooled-connection-closed"), Fault::named("pooled-connection-reset")]
    {
        for call in calls() {
            let client = client(server.base_url(), |_| {});
            send(&client, &call).unwrap();
            fail(&server, fault, 1);
            let before = server.requests().len();
            send(&client, &call).unwrap_or_else(|error| panic!("{fault}, {call:?}: {error:?}"));
            assert_eq!(server.requests().len() - before, 2, "{fault}, {call:?}");
            assert_eq!(server.requests()[before].fault, Some(fault));
        }
    }
}

#[test]
fn f12_cut_inside_the_head() {
    all_calls(&[Fault::named("truncated-head")], &["ConnectionClosed"], TriesAgain);
}

#[test]
fn f13_a_body_shorter_than_its_length() {
    all_calls(
        &[Fault::named("truncated-body"), Fault::named("missing-body")],
        &["Truncated"],
        TriesAgain,
    );
    // A reset may overtake the bytes before it.
    all_calls(&[Fault::named("reset-body")], &["Truncated", "ConnectionClosed"], TriesAgain);
}

#[test]
fn f14_chunks_that_are_cut() {
    let faults = [
        Fault::named("truncated-chunk"),
        Fault::named("truncated-chunk-size"),
        Fault::named("missing-last-chunk"),
    ];
    all_calls(&faults, &["Truncated"], TriesAgain);
    all_calls(&[Fault::named("reset-chunk")], &["Truncated", "ConnectionClosed"], TriesAgain);
}

#[test]
fn f15_half_a_document_without_a_length_is_never_a_value() {
    all_calls(&[Fault::named("truncated-unframed")], &["Truncated"], TriesAgain);
    all_calls(&[Fault::named("reset-unframed")], &["Truncated", "ConnectionClosed"], TriesAgain);
}

#[test]
fn f16_a_whole_document_is_whole_in_spite_of_a_reset() {
    let server = sandbox();
    for call in calls() {
        // Where the reset overtakes the document, there is another attempt.
        let client = client(server.base_url(), |config| config.retry.max_attempts = 4);
        fail(&server, Fault::named("reset-after-document"), 1);
        send(&client, &call).unwrap();
    }
}

#[test]
fn f17_a_server_that_says_nothing() {
    let faults = [Fault::named("silent-server"), Fault::named("stalled-head")];
    all_calls_in_time(&faults, &["Timeout(Head)"], TriesAgain);
}

#[test]
fn f18_a_server_that_drips() {
    all_calls_in_time(&[Fault::named("dripping-head")], &["Timeout(Head)"], TriesAgain);
    let faults = [
        Fault::named("dripping-body"),
        Fault::named("stalled-body"),
        Fault::named("stalled-chunk"),
    ];
    all_calls_in_time(&faults, &["Timeout(Body)"], TriesAgain);
}

#[test]
fn f19_endless_trailers() {
    // They are over the limit of a head, or the time is up first.
    let server = sandbox();
    for call in calls() {
        let client = client(server.base_url(), |config| config.attempt_timeout = SHORT);
        fail(&server, Fault::named("endless-trailers"), 1);
        let word = word(&send(&client, &call));
        assert!(["Timeout(Body)", "Protocol", "TooLarge"].contains(&&*word), "{word}");
    }
}

#[test]
fn f20_a_body_without_an_end() {
    all_calls_in_time(&[Fault::named("unframed-keep-alive")], &["Timeout(Unframed)"], TriesAgain);
}

#[test]
fn f21_no_http() {
    let faults = [
        Fault::named("garbage"),
        Fault::named("ssh-banner"),
        Fault::named("html-without-head"),
        Fault::named("http2-preface"),
        Fault::named("http2-status-line"),
        Fault::named("status-000"),
    ];
    all_calls(&faults, &["Protocol"], GivesUp);
}

#[test]
fn f22_a_head_without_end() {
    let faults = [
        Fault::named("too-many-headers"),
        Fault::named("huge-header"),
        Fault::named("endless-header"),
        Fault::named("endless-informational"),
        Fault::named("endless-blank-lines"),
    ];
    all_calls(&faults, &["TooLarge", "Protocol"], GivesUp);
}

#[test]
fn f23_lengths_that_are_none() {
    let faults = [
        Fault::named("conflicting-lengths"),
        Fault::named("negative-length"),
        Fault::named("huge-length"),
        Fault::named("bad-chunk-size"),
        Fault::named("huge-chunk-size"),
    ];
    all_calls(&faults, &["Protocol"], GivesUp);
}

#[test]
fn f24_lengths_over_the_limit() {
    all_calls(
        &[Fault::named("length-u64-max"), Fault::named("length-gigabyte")],
        &["TooLarge"],
        GivesUp,
    );
}

#[test]
fn f25_bodies_without_end() {
    all_calls(
        &[Fault::named("endless-body"), Fault::named("endless-chunked")],
        &["TooLarge"],
        GivesUp,
    );
}

#[test]
fn f27_a_gzip_bomb() {
    all_calls(&[Fault::named("gzip-bomb")], &["TooLarge"], GivesUp);
}

#[test]
fn f28_encodings_that_were_not_asked_for() {
    let faults = [
        Fault::named("false-gzip"),
        Fault::named("damaged-gzip"),
        Fault::named("gzip-twice"),
        Fault::named("content-encoding-br"),
        Fault::named("content-encoding-deflate"),
        Fault::named("transfer-encoding-gzip"),
    ];
    all_calls(&faults, &["Encoding"], GivesUp);
    all_calls(&[Fault::named("truncated-gzip")], &["Truncated"], TriesAgain);
}

#[test]
fn f29_no_redirect_is_followed() {
    let (server, other) = (sandbox(), sandbox());
    server.with_sandbox(|sandbox| sandbox.set_redirect_target(other.base_url()));
    for (fault, status) in [
        (Fault::named("redirect-301"), 301),
        (Fault::named("redirect-302"), 302),
        (Fault::named("redirect-303"), 303),
        (Fault::named("redirect-307"), 307),
        (Fault::named("redirect-308"), 308),
        (Fault::named("redirect-other-port"), 302),
        (Fault::named("redirect-plain-http"), 302),
        (Fault::named("redirect-scheme-relative"), 302),
        (Fault::named("redirect-nowhere"), 302),
        (Fault::named("redirect-loop"), 302),
    ] {
        let word = format!("UnexpectedStatus {status}");
        for call in calls() {
            scenario(&server, fault, &call, LONG, &[&word], GivesUp);
        }
    }
    assert_eq!(other.requests(), [], "the other host sees nothing, not even the token");
}

#[test]
fn f30_statuses_that_the_api_does_not_use() {
    for (fault, status) in [
        (Fault::named("status-101"), 101),
        (Fault::named("status-204"), 204),
        (Fault::named("status-205"), 205),
        (Fault::named("status-206"), 206),
        (Fault::named("status-304"), 304),
        (Fault::named("status-600"), 600),
        (Fault::named("status-999"), 999),
    ] {
        all_calls(&[fault], &[&format!("UnexpectedStatus {status}")], GivesUp);
    }
    // A 100 alone is not even the beginning of an answer.
    all_calls(&[Fault::named("informational-only")], &["ConnectionClosed"], TriesAgain);
}

#[test]
fn f31_f35_refusals_whatever_their_body() {
    for (status, faults) in [
        (
            400,
            [
                Fault::named("status-400"),
                Fault::named("status-400-html"),
                Fault::named("status-400-empty"),
                Fault::named("status-400-huge"),
            ],
        ),
        (
            403,
            [
                Fault::named("status-403"),
                Fault::named("status-403-html"),
                Fault::named("status-403-empty"),
                Fault::named("status-403-huge"),
            ],
        ),
        (
            404,
            [
                Fault::named("status-404"),
                Fault::named("status-404-html"),
                Fault::named("status-404-empty"),
                Fault::named("status-404-huge"),
            ],
        ),
        (
            406,
            [
                Fault::named("status-406"),
                Fault::named("status-406-html"),
                Fault::named("status-406-empty"),
                Fault::named("status-406-huge"),
            ],
        ),
        (
            409,
            [
                Fault::named("status-409"),
                Fault::named("status-409-html"),
                Fault::named("status-409-empty"),
                Fault::named("status-409-huge"),
            ],
        ),
        (
            422,
            [
                Fault::named("status-422"),
                Fault::named("status-422-html"),
                Fault::named("status-422-empty"),
                Fault::named("status-422-huge"),
            ],
        ),
    ] {
        all_calls(&faults, &[&format!("Api {status}")], GivesUp);
    }
}

#[test]
fn f37_asked_to_wait_too_long() {
    all_calls(&[Fault::named("retry-after-3600")], &["Api 429"], GivesUp);
}

#[test]
fn f38_asked_to_wait_in_words_that_are_none() {
    let faults = [
        Fault::named("status-429"),
        Fault::named("status-429-html"),
        Fault::named("status-429-empty"),
        Fault::named("status-429-huge"),
        Fault::named("retry-after-past-date"),
        Fault::named("retry-after-negative"),
        Fault::named("retry-after-plus"),
        Fault::named("retry-after-fraction"),
        Fault::named("retry-after-list"),
        Fault::named("retry-after-empty"),
        Fault::named("retry-after-overlong"),
        Fault::named("retry-after-foreign-digit"),
        Fault::named("retry-after-words"),
    ];
    all_calls(&faults, &["Api 429"], TriesAgain);
}

#[test]
fn f40_a_server_that_fails_once() {
    for (fault, status) in [
        (Fault::named("status-500"), 500),
        (Fault::named("status-502"), 502),
        (Fault::named("status-503"), 503),
        (Fault::named("status-504"), 504),
    ] {
        all_calls(&[fault], &[&format!("Api {status}")], TriesAgain);
    }
}

#[test]
fn f41_a_proxy_s_page_is_not_shown() {
    all_calls(&[Fault::named("gateway-502-html")], &["Api 502"], TriesAgain);
    let server = sandbox();
    for call in calls() {
        fail(&server, Fault::named("gateway-502-html"), 1);
        let error = send(&client(server.base_url(), |_| {}), &call).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("nginx") && !text.contains('<'), "{text}");
        assert!(error.answer().unwrap().body().starts_with(b"<html>"), "and yet can be had");
    }
}

#[test]
fn f42_a_status_wins_over_its_body() {
    all_calls(&[Fault::named("server-error-truncated")], &["Api 500"], TriesAgain);
    all_calls(&[Fault::named("server-error-endless")], &["Api 500"], TriesAgain);
}

#[test]
fn f44_nothing_or_a_page_instead_of_json() {
    let faults =
        [Fault::named("empty-body"), Fault::named("blank-body"), Fault::named("captive-portal")];
    all_calls(&faults, &["Decode"], GivesUp);
}

#[test]
fn f49_bytes_that_are_no_text() {
    all_calls(&[Fault::named("invalid-utf8")], &["Decode"], GivesUp);
}

#[test]
fn f61_an_answer_to_somebody_else_is_not_taken() {
    let server = sandbox();
    for call in calls() {
        let Some(word) = other_answer(&call) else { continue };
        // Once more, whatever the policy allows, and then an error.
        for (times, expected) in [(1, "value"), (2, word)] {
            fail(&server, Fault::named("another-answer"), times);
            let before = server.requests().len();
            let outcome = send(&client(server.base_url(), |_| {}), &call);
            assert_eq!(self::word(&outcome), expected, "{call:?}: {outcome:?}");
            assert_eq!(server.requests().len() - before, 2, "{call:?}");
        }

        // One that comes uninvited is for nobody.
        let client = client(server.base_url(), |_| {});
        for fault in [Fault::named("extra-answer"), Fault::named("another-answer")] {
            fail(&server, fault, 1);
            let _ = send(&client, &call);
            send(&client, &call).unwrap_or_else(|error| panic!("{fault}, {call:?}: {error:?}"));
        }
    }
}

/// What comes of somebody else's answer. `None` where nothing in it tells whose it is.
fn other_answer(call: &Call) -> Option<&'static str> {
    match call {
        Call::IssueToken(_) | Call::ListConfirmedCharges(_) => None,
        _ => Some("Mismatch"),
    }
}

/// No attempt takes longer than it may.
#[test]
fn f17_f18_f19_f20_a_deadline_is_kept() {
    // On a machine with nothing else to do a tenth of a second is plenty.
    let late = if is_idle() { Duration::from_millis(100) } else { Duration::from_secs(5) };
    let (server, time) = (sandbox(), Duration::from_millis(100));
    let mut worst = Duration::ZERO;
    for fault in [
        Fault::named("silent-server"),
        Fault::named("stalled-head"),
        Fault::named("dripping-head"),
        Fault::named("stalled-body"),
        Fault::named("stalled-chunk"),
        Fault::named("dripping-body"),
        Fault::named("endless-trailers"),
        Fault::named("unframed-keep-alive"),
    ] {
        for call in calls().into_iter().take(if is_idle() { usize::MAX } else { 2 }) {
            fail(&server, fault, 1);
            let begun = Instant::now();
            let client = client(server.base_url(), |config| config.retry.max_attempts = 4);
            let error = send(&client.until(begun + time), &call).unwrap_err();
            let over = begun.elapsed().saturating_sub(time);
            assert!(over <= late, "{fault}, {call:?}: {over:?} over the deadline: {error:?}");
            worst = worst.max(over);
        }
    }
    println!("at worst {worst:?} over the deadline");
}
