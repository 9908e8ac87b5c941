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
    let faults = [Fault::Chunked, Fault::UntilClosed, Fault::ClosedAfterAnswer];
    all_calls(&faults, &["value"], GivesUp);
}

#[test]
fn a_connection_closed_before_any_byte_is_retried() {
    let faults = [Fault::ClosedBeforeAnswer, Fault::ResetBeforeAnswer];
    all_calls(&faults, &["ConnectionClosed"], TriesAgain);
}

#[test]
fn a_kept_connection_that_was_closed_is_replaced_at_once() {
    let server = sandbox();
    for fault in [Fault::PooledConnectionClosed, Fault::PooledConnectionReset] {
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
    all_calls(&[Fault::TruncatedHead], &["ConnectionClosed"], TriesAgain);
}

#[test]
fn a_body_shorter_than_its_length_is_truncated() {
    all_calls(&[Fault::TruncatedBody, Fault::MissingBody], &["Truncated"], TriesAgain);
    // A reset may discard the bytes before it.
    all_calls(&[Fault::ResetBody], &["Truncated", "ConnectionClosed"], TriesAgain);
}

#[test]
fn cut_chunks_are_truncated() {
    let faults = [Fault::TruncatedChunk, Fault::TruncatedChunkSize, Fault::MissingLastChunk];
    all_calls(&faults, &["Truncated"], TriesAgain);
    all_calls(&[Fault::ResetChunk], &["Truncated", "ConnectionClosed"], TriesAgain);
}

#[test]
fn half_a_document_without_a_length_is_truncated() {
    all_calls(&[Fault::TruncatedUnframed], &["Truncated"], TriesAgain);
    all_calls(&[Fault::ResetUnframed], &["Truncated", "ConnectionClosed"], TriesAgain);
}

#[test]
fn a_whole_document_before_a_reset_is_a_value() {
    let server = sandbox();
    for call in calls() {
        // If the reset discards the document, the call is retried.
        let client = client(server.base_url(), |config| config.retry.max_attempts = 4);
        fail(&server, Fault::ResetAfterDocument, 1);
        send(&client, &call).unwrap();
    }
}

#[test]
fn a_silent_server_times_out() {
    let faults = [Fault::SilentServer, Fault::StalledHead];
    all_calls_in_time(&faults, &["Timeout(Head)"], TriesAgain);
}

#[test]
fn a_dripping_server_times_out() {
    all_calls_in_time(&[Fault::DrippingHead], &["Timeout(Head)"], TriesAgain);
    let faults = [Fault::DrippingBody, Fault::StalledBody, Fault::StalledChunk];
    all_calls_in_time(&faults, &["Timeout(Body)"], TriesAgain);
}

#[test]
fn endless_trailers_end_in_an_error() {
    // They exceed the limit of a head, or the deadline.
    let server = sandbox();
    for call in calls() {
        let client = client(server.base_url(), |config| config.attempt_timeout = SHORT);
        fail(&server, Fault::EndlessTrailers, 1);
        let word = word(&send(&client, &call));
        assert!(["Timeout(Body)", "Protocol", "TooLarge"].contains(&&*word), "{word}");
    }
}

#[test]
fn a_body_without_length_on_an_open_connection_times_out() {
    all_calls_in_time(&[Fault::UnframedKeepAlive], &["Timeout(Unframed)"], TriesAgain);
}

#[test]
fn an_answer_that_is_not_http_1_1_is_an_error() {
    let faults = [
        Fault::Garbage,
        Fault::SshBanner,
        Fault::HtmlWithoutHead,
        Fault::Http2Preface,
        Fault::Http2StatusLine,
        Fault::Status000,
    ];
    all_calls(&faults, &["Protocol"], GivesUp);
}

#[test]
fn an_endless_head_is_an_error() {
    let faults = [
        Fault::TooManyHeaders,
        Fault::HugeHeader,
        Fault::EndlessHeader,
        Fault::EndlessInformational,
        Fault::EndlessBlankLines,
    ];
    all_calls(&faults, &["TooLarge", "Protocol"], GivesUp);
}

#[test]
fn invalid_lengths_are_an_error() {
    let faults = [
        Fault::ConflictingLengths,
        Fault::NegativeLength,
        Fault::HugeLength,
        Fault::BadChunkSize,
        Fault::HugeChunkSize,
    ];
    all_calls(&faults, &["Protocol"], GivesUp);
}

#[test]
fn a_length_over_the_limit_is_refused_before_reading() {
    all_calls(&[Fault::LengthU64Max, Fault::LengthGigabyte], &["TooLarge"], GivesUp);
}

#[test]
fn an_endless_body_is_refused_at_the_limit() {
    all_calls(&[Fault::EndlessBody, Fault::EndlessChunked], &["TooLarge"], GivesUp);
}

#[test]
fn a_gzip_bomb_is_refused_at_the_limit() {
    all_calls(&[Fault::GzipBomb], &["TooLarge"], GivesUp);
}

#[test]
fn an_encoding_that_was_not_requested_is_an_error() {
    let faults = [
        Fault::FalseGzip,
        Fault::DamagedGzip,
        Fault::GzipTwice,
        Fault::ContentEncodingBr,
        Fault::ContentEncodingDeflate,
        Fault::TransferEncodingGzip,
    ];
    all_calls(&faults, &["Encoding"], GivesUp);
    all_calls(&[Fault::TruncatedGzip], &["Truncated"], TriesAgain);
}

#[test]
fn no_redirect_is_followed() {
    let (server, other) = (sandbox(), sandbox());
    server.with_sandbox(|sandbox| sandbox.set_redirect_target(other.base_url()));
    for (fault, status) in [
        (Fault::Redirect301, 301),
        (Fault::Redirect302, 302),
        (Fault::Redirect303, 303),
        (Fault::Redirect307, 307),
        (Fault::Redirect308, 308),
        (Fault::RedirectOtherPort, 302),
        (Fault::RedirectPlainHttp, 302),
        (Fault::RedirectSchemeRelative, 302),
        (Fault::RedirectNowhere, 302),
        (Fault::RedirectLoop, 302),
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
        (Fault::Status101, 101),
        (Fault::Status204, 204),
        (Fault::Status205, 205),
        (Fault::Status206, 206),
        (Fault::Status304, 304),
        (Fault::Status600, 600),
        (Fault::Status999, 999),
    ] {
        all_calls(&[fault], &[&format!("UnexpectedStatus {status}")], GivesUp);
    }
    // An answer must follow a 100.
    all_calls(&[Fault::InformationalOnly], &["ConnectionClosed"], TriesAgain);
}

#[test]
fn a_refusal_with_any_body_is_not_retried() {
    for (status, faults) in [
        (
            400,
            [Fault::Status400, Fault::Status400Html, Fault::Status400Empty, Fault::Status400Huge],
        ),
        (
            403,
            [Fault::Status403, Fault::Status403Html, Fault::Status403Empty, Fault::Status403Huge],
        ),
        (
            404,
            [Fault::Status404, Fault::Status404Html, Fault::Status404Empty, Fault::Status404Huge],
        ),
        (
            406,
            [Fault::Status406, Fault::Status406Html, Fault::Status406Empty, Fault::Status406Huge],
        ),
        (
            409,
            [Fault::Status409, Fault::Status409Html, Fault::Status409Empty, Fault::Status409Huge],
        ),
        (
            422,
            [Fault::Status422, Fault::Status422Html, Fault::Status422Empty, Fault::Status422Huge],
        ),
    ] {
        all_calls(&faults, &[&format!("Api {status}")], GivesUp);
    }
}

#[test]
fn a_retry_after_beyond_the_deadline_is_not_waited_for() {
    all_calls(&[Fault::RetryAfter3600], &["Api 429"], GivesUp);
}

#[test]
fn an_invalid_retry_after_is_ignored() {
    let faults = [
        Fault::Status429,
        Fault::Status429Html,
        Fault::Status429Empty,
        Fault::Status429Huge,
        Fault::RetryAfterPastDate,
        Fault::RetryAfterNegative,
        Fault::RetryAfterPlus,
        Fault::RetryAfterFraction,
        Fault::RetryAfterList,
        Fault::RetryAfterEmpty,
        Fault::RetryAfterOverlong,
        Fault::RetryAfterForeignDigit,
        Fault::RetryAfterWords,
    ];
    all_calls(&faults, &["Api 429"], TriesAgain);
}

#[test]
fn a_5xx_is_retried() {
    for (fault, status) in [
        (Fault::Status500, 500),
        (Fault::Status502, 502),
        (Fault::Status503, 503),
        (Fault::Status504, 504),
    ] {
        all_calls(&[fault], &[&format!("Api {status}")], TriesAgain);
    }
}

#[test]
fn a_proxy_s_html_page_is_not_shown() {
    all_calls(&[Fault::Gateway502Html], &["Api 502"], TriesAgain);
    let server = sandbox();
    for call in calls() {
        fail(&server, Fault::Gateway502Html, 1);
        let error = send(&client(server.base_url(), |_| {}), &call).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("nginx") && !text.contains('<'), "{text}");
        assert!(error.answer().unwrap().body().starts_with(b"<html>"), "the body is kept");
    }
}

#[test]
fn a_5xx_with_a_truncated_or_endless_body_keeps_its_status() {
    all_calls(&[Fault::ServerErrorTruncated], &["Api 500"], TriesAgain);
    all_calls(&[Fault::ServerErrorEndless], &["Api 500"], TriesAgain);
}

#[test]
fn an_empty_200_or_an_html_page_is_not_retried() {
    let faults = [Fault::EmptyBody, Fault::BlankBody, Fault::CaptivePortal];
    all_calls(&faults, &["Decode"], GivesUp);
}

#[test]
fn a_body_that_is_not_utf_8_is_not_retried() {
    all_calls(&[Fault::InvalidUtf8], &["Decode"], GivesUp);
}

#[test]
fn another_request_s_response_is_a_mismatch() {
    let server = sandbox();
    for call in calls() {
        let Some(word) = other_answer(&call) else { continue };
        // Retried once, regardless of the policy.
        for (times, expected) in [(1, "value"), (2, word)] {
            fail(&server, Fault::AnotherAnswer, times);
            let before = server.requests().len();
            let outcome = send(&client(server.base_url(), |_| {}), &call);
            assert_eq!(self::word(&outcome), expected, "{call:?}: {outcome:?}");
            assert_eq!(server.requests().len() - before, 2, "{call:?}");
        }

        // An unsolicited response is discarded.
        let client = client(server.base_url(), |_| {});
        for fault in [Fault::ExtraAnswer, Fault::AnotherAnswer] {
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
        Fault::SilentServer,
        Fault::StalledHead,
        Fault::DrippingHead,
        Fault::StalledBody,
        Fault::StalledChunk,
        Fault::DrippingBody,
        Fault::EndlessTrailers,
        Fault::UnframedKeepAlive,
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
