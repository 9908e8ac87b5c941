//! The sandbox's named faults, with every kind of call.

use std::thread;
use std::time::{Duration, Instant};

use kamipay_sandbox::Fault;
use kamipay_tests::Call;

use super::{calls, client, fail, is_idle, sandbox, send, word};

/// Long enough for an answer, short enough to wait for one that never arrives.
const LONG: Duration = Duration::from_secs(20);
/// For faults that last until the deadline. On a busy machine an answer must begin in this time.
const SHORT: Duration = Duration::from_millis(300);

/// What happens after a fault.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The call is not repeated.
    GivesUp,
    /// The call is repeated, and gets an answer.
    TriesAgain,
}

use Then::{GivesUp, TriesAgain};

/// Runs every kind of call against each of `faults`, once and permanently.
///
/// The outcome must be one of `words`. There are several where the network decides.
fn all_calls(faults: &[Fault], words: &[&str], then: Then) {
    let server = sandbox();
    for fault in faults {
        for call in calls() {
            scenario(&server, *fault, &call, LONG, words, then);
        }
    }
}

/// Like [`all_calls`], in parallel, for faults that last until the deadline.
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

    // Without retries.
    fail(server, fault, 1);
    let before = requests();
    let once = client(server.base_url(), |config| config.attempt_timeout = time);
    let outcome = send(&once, call);
    assert!(words.contains(&&*word(&outcome)), "{}", what(&format!("{outcome:?}")));
    assert_eq!(requests() - before, 1, "{}", what("one request"));

    // With one retry.
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
fn a_connection_closed_before_any_byte_is_retried() {
    let faults = [Fault::named("closed-before-answer"), Fault::named("reset-before-answer")];
    all_calls(&faults, &["ConnectionClosed"], TriesAgain);
}

#[test]
fn a_kept_connection_that_was_closed_is_replaced_at_once() {
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
fn an_answer_truncated_in_its_head_is_retried() {
    all_calls(&[Fault::named("truncated-head")], &["ConnectionClosed"], TriesAgain);
}

#[test]
fn a_body_shorter_than_its_length_is_truncated() {
    all_calls(
        &[Fault::named("truncated-body"), Fault::named("missing-body")],
        &["Truncated"],
        TriesAgain,
    );
    // A reset may discard the bytes before it.
    all_calls(&[Fault::named("reset-body")], &["Truncated", "ConnectionClosed"], TriesAgain);
}

#[test]
fn cut_chunks_are_truncated() {
    let faults = [
        Fault::named("truncated-chunk"),
        Fault::named("truncated-chunk-size"),
        Fault::named("missing-last-chunk"),
    ];
    all_calls(&faults, &["Truncated"], TriesAgain);
    all_calls(&[Fault::named("reset-chunk")], &["Truncated", "ConnectionClosed"], TriesAgain);
}

#[test]
fn half_a_document_without_a_length_is_truncated() {
    all_calls(&[Fault::named("truncated-unframed")], &["Truncated"], TriesAgain);
    all_calls(&[Fault::named("reset-unframed")], &["Truncated", "ConnectionClosed"], TriesAgain);
}

#[test]
fn a_whole_document_before_a_reset_is_a_value() {
    let server = sandbox();
    for call in calls() {
        // If the reset discards the document, the call is retried.
        let client = client(server.base_url(), |config| config.retry.max_attempts = 4);
        fail(&server, Fault::named("reset-after-document"), 1);
        send(&client, &call).unwrap();
    }
}

#[test]
fn a_silent_server_times_out() {
    let faults = [Fault::named("silent-server"), Fault::named("stalled-head")];
    all_calls_in_time(&faults, &["Timeout(Head)"], TriesAgain);
}

#[test]
fn a_dripping_server_times_out() {
    all_calls_in_time(&[Fault::named("dripping-head")], &["Timeout(Head)"], TriesAgain);
    let faults = [
        Fault::named("dripping-body"),
        Fault::named("stalled-body"),
        Fault::named("stalled-chunk"),
    ];
    all_calls_in_time(&faults, &["Timeout(Body)"], TriesAgain);
}

#[test]
fn endless_trailers_end_in_an_error() {
    // They exceed the limit of a head, or the deadline.
    let server = sandbox();
    for call in calls() {
        let client = client(server.base_url(), |config| config.attempt_timeout = SHORT);
        fail(&server, Fault::named("endless-trailers"), 1);
        let word = word(&send(&client, &call));
        assert!(["Timeout(Body)", "Protocol", "TooLarge"].contains(&&*word), "{word}");
    }
}

#[test]
fn a_body_without_length_on_an_open_connection_times_out() {
    all_calls_in_time(&[Fault::named("unframed-keep-alive")], &["Timeout(Unframed)"], TriesAgain);
}

#[test]
fn an_answer_that_is_not_http_1_1_is_an_error() {
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
fn an_endless_head_is_an_error() {
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
fn invalid_lengths_are_an_error() {
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
fn a_length_over_the_limit_is_refused_before_reading() {
    all_calls(
        &[Fault::named("length-u64-max"), Fault::named("length-gigabyte")],
        &["TooLarge"],
        GivesUp,
    );
}

#[test]
fn an_endless_body_is_refused_at_the_limit() {
    all_calls(
        &[Fault::named("endless-body"), Fault::named("endless-chunked")],
        &["TooLarge"],
        GivesUp,
    );
}

#[test]
fn a_gzip_bomb_is_refused_at_the_limit() {
    all_calls(&[Fault::named("gzip-bomb")], &["TooLarge"], GivesUp);
}

#[test]
fn an_encoding_that_was_not_requested_is_an_error() {
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
fn no_redirect_is_followed() {
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
    assert_eq!(other.requests(), [], "the other host receives nothing");
}

#[test]
fn a_status_that_the_api_does_not_use_is_an_error() {
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
    // An answer must follow a 100.
    all_calls(&[Fault::named("informational-only")], &["ConnectionClosed"], TriesAgain);
}

#[test]
fn a_refusal_with_any_body_is_not_retried() {
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
fn a_retry_after_beyond_the_deadline_is_not_waited_for() {
    all_calls(&[Fault::named("retry-after-3600")], &["Api 429"], GivesUp);
}

#[test]
fn an_invalid_retry_after_is_ignored() {
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
fn a_5xx_is_retried() {
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
fn a_proxy_s_html_page_is_not_shown() {
    all_calls(&[Fault::named("gateway-502-html")], &["Api 502"], TriesAgain);
    let server = sandbox();
    for call in calls() {
        fail(&server, Fault::named("gateway-502-html"), 1);
        let error = send(&client(server.base_url(), |_| {}), &call).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("nginx") && !text.contains('<'), "{text}");
        assert!(error.answer().unwrap().body().starts_with(b"<html>"), "the body is kept");
    }
}

#[test]
fn a_5xx_with_a_truncated_or_endless_body_keeps_its_status() {
    all_calls(&[Fault::named("server-error-truncated")], &["Api 500"], TriesAgain);
    all_calls(&[Fault::named("server-error-endless")], &["Api 500"], TriesAgain);
}

#[test]
fn an_empty_200_or_an_html_page_is_not_retried() {
    let faults =
        [Fault::named("empty-body"), Fault::named("blank-body"), Fault::named("captive-portal")];
    all_calls(&faults, &["Decode"], GivesUp);
}

#[test]
fn a_body_that_is_not_utf_8_is_not_retried() {
    all_calls(&[Fault::named("invalid-utf8")], &["Decode"], GivesUp);
}

#[test]
fn another_request_s_response_is_a_mismatch() {
    let server = sandbox();
    for call in calls() {
        let Some(word) = other_answer(&call) else { continue };
        // Retried once, regardless of the policy.
        for (times, expected) in [(1, "value"), (2, word)] {
            fail(&server, Fault::named("another-answer"), times);
            let before = server.requests().len();
            let outcome = send(&client(server.base_url(), |_| {}), &call);
            assert_eq!(self::word(&outcome), expected, "{call:?}: {outcome:?}");
            assert_eq!(server.requests().len() - before, 2, "{call:?}");
        }

        // An unsolicited response is discarded.
        let client = client(server.base_url(), |_| {});
        for fault in [Fault::named("extra-answer"), Fault::named("another-answer")] {
            fail(&server, fault, 1);
            let _ = send(&client, &call);
            send(&client, &call).unwrap_or_else(|error| panic!("{fault}, {call:?}: {error:?}"));
        }
    }
}

/// The outcome of another request's response. `None` if nothing in it identifies the request.
fn other_answer(call: &Call) -> Option<&'static str> {
    match call {
        Call::IssueToken(_) | Call::ListConfirmedCharges(_) => None,
        _ => Some("Mismatch"),
    }
}

#[test]
fn a_deadline_is_kept_to_100_ms() {
    // On an idle machine, 100 ms are plenty.
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
