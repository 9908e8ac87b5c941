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
    let faults = [Fault::Chunked, Fault::UntilClosed, Fault::ClosedAfterAnswer];
    all_calls(&faults, &["value"], GivesUp);
}

#[test]
fn f10_closed_before_any_byte() {
    let faults = [Fault::ClosedBeforeAnswer, Fault::ResetBeforeAnswer];
    all_calls(&faults, &["ConnectionClosed"], TriesAgain);
}

#[test]
fn f11_a_kept_connection_that_was_closed_is_no_fault() {
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
fn f12_cut_inside_the_head() {
    all_calls(&[Fault::TruncatedHead], &["ConnectionClosed"], TriesAgain);
}

#[test]
fn f13_a_body_shorter_than_its_length() {
    all_calls(&[Fault::TruncatedBody, Fault::MissingBody], &["Truncated"], TriesAgain);
    // A reset may overtake the bytes before it.
    all_calls(&[Fault::ResetBody], &["Truncated", "ConnectionClosed"], TriesAgain);
}

#[test]
fn f14_chunks_that_are_cut() {
    let faults = [Fault::TruncatedChunk, Fault::TruncatedChunkSize, Fault::MissingLastChunk];
    all_calls(&faults, &["Truncated"], TriesAgain);
    all_calls(&[Fault::ResetChunk], &["Truncated", "ConnectionClosed"], TriesAgain);
}

#[test]
fn f15_half_a_document_without_a_length_is_never_a_value() {
    all_calls(&[Fault::TruncatedUnframed], &["Truncated"], TriesAgain);
    all_calls(&[Fault::ResetUnframed], &["Truncated", "ConnectionClosed"], TriesAgain);
}

#[test]
fn f16_a_whole_document_is_whole_in_spite_of_a_reset() {
    let server = sandbox();
    for call in calls() {
        // Where the reset overtakes the document, there is another attempt.
        let client = client(server.base_url(), |config| config.retry.max_attempts = 4);
        fail(&server, Fault::ResetAfterDocument, 1);
        send(&client, &call).unwrap();
    }
}

#[test]
fn f17_a_server_that_says_nothing() {
    let faults = [Fault::SilentServer, Fault::StalledHead];
    all_calls_in_time(&faults, &["Timeout(Head)"], TriesAgain);
}

#[test]
fn f18_a_server_that_drips() {
    all_calls_in_time(&[Fault::DrippingHead], &["Timeout(Head)"], TriesAgain);
    let faults = [Fault::DrippingBody, Fault::StalledBody, Fault::StalledChunk];
    all_calls_in_time(&faults, &["Timeout(Body)"], TriesAgain);
}

#[test]
fn f19_endless_trailers() {
    // They are over the limit of a head, or the time is up first.
    let server = sandbox();
    for call in calls() {
        let client = client(server.base_url(), |config| config.attempt_timeout = SHORT);
        fail(&server, Fault::EndlessTrailers, 1);
        let word = word(&send(&client, &call));
        assert!(["Timeout(Body)", "Protocol", "TooLarge"].contains(&&*word), "{word}");
    }
}

#[test]
fn f20_a_body_without_an_end() {
    all_calls_in_time(&[Fault::UnframedKeepAlive], &["Timeout(Unframed)"], TriesAgain);
}

#[test]
fn f21_no_http() {
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
fn f22_a_head_without_end() {
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
fn f23_lengths_that_are_none() {
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
fn f24_lengths_over_the_limit() {
    all_calls(&[Fault::LengthU64Max, Fault::LengthGigabyte], &["TooLarge"], GivesUp);
}

#[test]
fn f25_bodies_without_end() {
    all_calls(&[Fault::EndlessBody, Fault::EndlessChunked], &["TooLarge"], GivesUp);
}

#[test]
fn f27_a_gzip_bomb() {
    all_calls(&[Fault::GzipBomb], &["TooLarge"], GivesUp);
}

#[test]
fn f28_encodings_that_were_not_asked_for() {
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
fn f29_no_redirect_is_followed() {
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
    assert_eq!(other.requests(), [], "the other host sees nothing, not even the token");
}

#[test]
fn f30_statuses_that_the_api_does_not_use() {
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
    // A 100 alone is not even the beginning of an answer.
    all_calls(&[Fault::InformationalOnly], &["ConnectionClosed"], TriesAgain);
}

#[test]
fn f31_f35_refusals_whatever_their_body() {
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
fn f37_asked_to_wait_too_long() {
    all_calls(&[Fault::RetryAfter3600], &["Api 429"], GivesUp);
}

#[test]
fn f38_asked_to_wait_in_words_that_are_none() {
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
fn f40_a_server_that_fails_once() {
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
fn f41_a_proxy_s_page_is_not_shown() {
    all_calls(&[Fault::Gateway502Html], &["Api 502"], TriesAgain);
    let server = sandbox();
    for call in calls() {
        fail(&server, Fault::Gateway502Html, 1);
        let error = send(&client(server.base_url(), |_| {}), &call).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("nginx") && !text.contains('<'), "{text}");
        assert!(error.answer().unwrap().body().starts_with(b"<html>"), "and yet can be had");
    }
}

#[test]
fn f42_a_status_wins_over_its_body() {
    all_calls(&[Fault::ServerErrorTruncated], &["Api 500"], TriesAgain);
    all_calls(&[Fault::ServerErrorEndless], &["Api 500"], TriesAgain);
}

#[test]
fn f44_nothing_or_a_page_instead_of_json() {
    let faults = [Fault::EmptyBody, Fault::BlankBody, Fault::CaptivePortal];
    all_calls(&faults, &["Decode"], GivesUp);
}

#[test]
fn f49_bytes_that_are_no_text() {
    all_calls(&[Fault::InvalidUtf8], &["Decode"], GivesUp);
}

#[test]
fn f61_an_answer_to_somebody_else_is_not_taken() {
    let server = sandbox();
    for call in calls() {
        let Some(word) = other_answer(&call) else { continue };
        // Once more, whatever the policy allows, and then an error.
        for (times, expected) in [(1, "value"), (2, word)] {
            fail(&server, Fault::AnotherAnswer, times);
            let before = server.requests().len();
            let outcome = send(&client(server.base_url(), |_| {}), &call);
            assert_eq!(self::word(&outcome), expected, "{call:?}: {outcome:?}");
            assert_eq!(server.requests().len() - before, 2, "{call:?}");
        }

        // One that comes uninvited is for nobody.
        let client = client(server.base_url(), |_| {});
        for fault in [Fault::ExtraAnswer, Fault::AnotherAnswer] {
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
