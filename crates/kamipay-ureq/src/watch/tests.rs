use kamipay_proto::pay_status::{Chain, Evidence, GetPayStatus, PaymentTarget, WatchLimits};
use kamipay_proto::retry::{Cause, Stop};

use super::*;
use crate::client::tests::{World, answer, closed, refused, wait};
use crate::clock::Clock as _;
use crate::error::{CertificateFault, History, TimeoutFault, TlsFault};

const SECOND: Duration = Duration::from_secs(1);
const NOT_FOUND: &str = r#"{"status": "failed", "msg": "TX not found"}"#;

fn call() -> GetPayStatus {
    GetPayStatus::new(PaymentTarget::external_id("order 7").unwrap(), Chain::Polygon)
}

fn watch() -> Watch {
    Watch::new(call(), WatchLimits::default())
}

fn in_state(state: &str) -> String {
    format!(
        r#"{{"status": "ok", "data": {{"status": "{state}", "kamipay_id": "txc_1",
        "external_id": "order 7"}}}}"#
    )
}

fn still_unknown(end: End) -> Evidence {
    match end {
        End::StillUnknown(evidence) => evidence,
        end => panic!("{end:?}"),
    }
}

#[test]
fn it_asks_and_sleeps_until_the_end() {
    let world = World::with([
        answer(200, NOT_FOUND),
        answer(200, NOT_FOUND),
        closed(),
        answer(503, ""),
        answer(201, &in_state("accepted")),
        answer(200, &in_state("canceled")),
    ]);
    let mut watch = watch();
    let mut states = Vec::new();
    let end = world.client().watch(&mut watch, |watch| {
        states.push(watch.last().unwrap().state().to_owned());
    });
    assert!(matches!(end.unwrap(), End::Canceled(_)));
    assert!(watch.permission_to_pay_again().is_some());
    assert_eq!(states, ["not_found", "accepted", "canceled"]);
    // The watch's intervals, and no retries but the one for a kept connection.
    assert_eq!(world.clock.slept().len(), 4);
    assert_eq!(world.seen().len(), 6);
    assert_eq!((watch.evidence().questions, watch.evidence().faults), (5, 1));
}

#[test]
fn faults_use_the_watch_up_and_do_not_end_it() {
    for fault in [refused(), Err(ErrorKind::TooLarge), answer(500, ""), answer(429, "")] {
        let world = World::new();
        world.then_always(fault);
        let mut watch = watch();
        let on_change = |watch: &Watch| assert!(watch.evidence().was_unclear, "no state");
        let evidence = still_unknown(world.client().watch(&mut watch, on_change).unwrap());
        assert_eq!((evidence.questions, evidence.faults), (33, 33));
        assert_eq!(world.clock.passed(), 600 * SECOND, "not a moment longer");
        assert_eq!(world.seen().len(), 33, "no retries");
        assert!(watch.permission_to_pay_again().is_none());
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_not_forgotten() {
    let processing = in_state("processing")
        .replace("\"kamipay_id\"", "\"amount_usdt\": \"lots\", \"kamipay_id\"");
    let world = World::with([answer(200, &processing)]);
    world.then_always(answer(200, &in_state("canceled")));
    let mut watch = watch();
    still_unknown(world.client().watch(&mut watch, |_| {}).unwrap());
    assert!(watch.evidence().was_unclear && watch.permission_to_pay_again().is_none());
}

#[test]
fn an_answer_that_nobody_could_read_withholds_permission() {
    let body = Err(ErrorKind::Timeout(TimeoutFault::Body));
    let whole = in_state("done");
    let cut = answer(200, &whole[..whole.len() - 1]);
    // A chunk that is broken in the middle of a body.
    let garbled = Err(ErrorKind::Protocol);
    let broken = Err(ErrorKind::Io(std::io::ErrorKind::Other));
    let [truncated, too_large, encoding] =
        [ErrorKind::Truncated, ErrorKind::TooLarge, ErrorKind::Encoding].map(Err);
    let faults = [truncated, too_large, encoding, body, cut, garbled, broken];
    for fault in faults {
        let shown = format!("{fault:?}");
        let world = World::with([fault]);
        world.then_always(answer(200, &in_state("canceled")));
        let mut watch = watch();
        still_unknown(world.client().watch(&mut watch, |_| {}).unwrap());
        assert_eq!(watch.permission_to_pay_again(), None, "{shown}");
    }
    let head = Err(ErrorKind::Timeout(TimeoutFault::Head));
    for fault in [refused(), closed(), head, answer(502, "<html>")] {
        let world = World::with([fault]);
        world.then_always(answer(200, &in_state("canceled")));
        let mut watch = watch();
        world.client().watch(&mut watch, |_| {}).unwrap();
        assert!(watch.permission_to_pay_again().is_some());
    }
}

/// The answer names ours in another place, and the next answer is not behind.
#[test]
fn a_watch_sees_an_answer_that_a_single_call_would_ask_for_again() {
    let other = in_state("done").replace(r#""order 7""#, r#""order 8", "note": "order 7""#);
    let world = World::with([answer(200, &other)]);
    world.then_always(answer(200, &in_state("canceled")));
    let mut watch = watch();
    still_unknown(world.client().watch(&mut watch, |_| {}).unwrap());
    assert!(watch.evidence().was_unclear);
}

#[test]
fn a_refusal_that_ends_the_wait_is_not_forgotten_by_the_watch() {
    let world = World::with([answer(409, &in_state("done"))]);
    world.then_always(answer(200, &in_state("canceled")));
    let mut watch = watch();
    world.client().watch(&mut watch, |_| {}).unwrap_err();
    still_unknown(world.client().watch(&mut watch, |_| {}).unwrap());
    assert_eq!(watch.permission_to_pay_again(), None);
}

#[test]
fn a_401_that_shows_a_payment_is_seen_by_the_watch() {
    let token = r#"{"access_token": "t", "token_type": "bearer"}"#;
    let answers = [answer(200, token), answer(401, &in_state("done")), answer(200, token)];
    let world = World::with(answers);
    world.then_always(answer(200, &in_state("canceled")));
    let mut watch = watch();
    world.login().watch(&mut watch, |_| {}).unwrap_err();
    still_unknown(world.login().watch(&mut watch, |_| {}).unwrap());
    assert_eq!(watch.permission_to_pay_again(), None);
}

#[test]
fn a_payment_that_arrives_as_the_answer_to_the_login_is_seen_by_the_watch() {
    let token = r#"{"access_token": "t", "token_type": "bearer"}"#;
    let world = World::with([answer(200, &in_state("done")), answer(200, token)]);
    world.then_always(answer(200, &in_state("canceled")));
    let mut watch = watch();
    still_unknown(world.login().watch(&mut watch, |_| {}).unwrap());
    assert_eq!(watch.permission_to_pay_again(), None);
}

/// Also where the login was repeated, or its answer could not be read.
#[test]
fn an_answer_to_a_login_that_may_show_a_payment_withholds_permission() {
    let token = || answer(200, r#"{"access_token": "t", "token_type": "bearer"}"#);
    let canceled = || answer(200, &in_state("canceled"));
    for first in [
        answer(503, &in_state("done")),
        Err(ErrorKind::Truncated),
        Err(ErrorKind::TooLarge),
        Err(ErrorKind::Timeout(TimeoutFault::Body)),
    ] {
        let world = World::with([first.clone(), token()]);
        world.then_always(canceled());
        let mut watch = watch();
        still_unknown(world.login().watch(&mut watch, |_| {}).unwrap());
        assert_eq!(watch.permission_to_pay_again(), None, "{first:?}");

        let world = World::with([first.clone(), token(), canceled(), canceled()]);
        let client = world.login();
        let status = client.send(&call()).or_else(|_| client.send(&call()));
        let is_repeated = !matches!(first, Err(ErrorKind::TooLarge));
        let permission = status.unwrap().permission_to_pay_again();
        assert_eq!(permission.is_none(), is_repeated, "{first:?}"); // a second call is another
    }
}

/// The payment is asked for with the old token, so that no error shows the failed renewal.
#[test]
fn an_early_renewal_that_may_show_a_payment_withholds_permission() {
    use base64::Engine as _;
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"{"iat":0,"exp":3600}"#);
    let token = format!(r#"{{"access_token": "e30.{claims}.", "token_type": "bearer"}}"#);
    let world = World::with([answer(200, &token), answer(200, NOT_FOUND)]);
    let client = world.login();
    client.send(&call()).unwrap();
    world.clock.pass(3570 * SECOND);
    world.then([answer(200, &in_state("done")), answer(200, &in_state("canceled"))]);
    world.then_always(answer(200, NOT_FOUND));
    let mut watch = watch();
    still_unknown(client.watch(&mut watch, |_| {}).unwrap());
    assert!(watch.evidence().seen.iter().any(|it| it.state == "canceled"));
}

#[test]
fn a_failure_that_ends_the_wait_is_saved_with_what_it_showed() {
    let world = World::with([answer(404, &in_state("done"))]);
    let (mut watch, mut saved) = (watch(), None);
    world.client().watch(&mut watch, |watch| saved = Some(watch.clone())).unwrap_err();
    assert_eq!(saved, Some(watch));
}

/// Both answers came within one call.
#[test]
fn a_retry_gives_no_permission_that_an_answer_before_it_may_contradict() {
    let whole = in_state("done");
    for first in [answer(200, &whole[..whole.len() - 1]), answer(500, &whole)] {
        let world = World::with([first, answer(200, &in_state("canceled"))]);
        let status = world.client().send(&call()).unwrap();
        assert_eq!((status.state(), status.permission_to_pay_again()), ("canceled", None));
        assert!(!status.is_over());
    }
    for first in [closed(), answer(503, ""), answer(502, "<html>Bad Gateway</html>")] {
        let world = World::with([first, answer(200, &in_state("canceled"))]);
        let status = world.client().send(&call()).unwrap();
        assert!(status.permission_to_pay_again().is_some());
    }
}

#[test]
fn a_watch_that_is_saved_at_each_change_forgets_nothing() {
    let receipt =
        in_state("accepted").replace("\"kamipay_id\"", "\"bank_txid\": \"E1\", \"kamipay_id\"");
    for second in [answer(200, &receipt), answer(200, &format!("{receipt}x"))] {
        let world = World::with([answer(200, &in_state("accepted")), second]);
        let mut limits = WatchLimits::default();
        limits.max_questions = 2;
        let mut watch = watch().with_limits(limits);
        let mut saved = watch.clone();
        still_unknown(world.client().watch(&mut watch, |watch| saved = watch.clone()).unwrap());
        let facts = |watch: &Watch| (watch.evidence().was_paid, watch.evidence().was_unclear);
        assert_eq!(facts(&saved), facts(&watch));
        assert_ne!(facts(&saved), (false, false));
    }
}

#[test]
fn what_a_fault_said_is_kept_without_the_payment() {
    let world = World::with([refused()]);
    world.then_always(answer(200, &in_state("done")));
    let mut watch = watch();
    world.client().watch(&mut watch, |_| {}).unwrap();
    assert_eq!(
        watch.evidence().last_fault.as_deref(),
        Some("GET /v2/status/tx_status: no connection: the host refuses connections to this port")
    );
}

#[test]
fn the_api_is_not_asked_earlier_than_it_asks_for() {
    let world = World::with([wait(429, "45"), answer(200, &in_state("done"))]);
    world.client().watch(&mut watch(), |_| {}).unwrap();
    assert_eq!(world.clock.slept(), [45 * SECOND]);
}

#[test]
fn a_refusal_before_any_answer_is_an_error() {
    for status in [400, 401, 403, 404, 422] {
        let world = World::with([closed(), answer(status, "")]);
        let mut watch = watch();
        let error = world.client().watch(&mut watch, |_| {}).unwrap_err();
        assert_eq!(error.status().unwrap(), status);
        assert!(watch.end().is_none() && watch.permission_to_pay_again().is_none());
        // A refused login, too.
        let world = World::with([answer(status, "")]);
        let error = world.login().watch(&mut watch, |_| {}).unwrap_err();
        assert_eq!((error.status().unwrap().as_u16(), error.stop()), (status, Stop::Permanent));
    }
    // After an answer, it is waited out.
    for status in [400, 401, 403, 404, 422] {
        let world = World::with([answer(200, NOT_FOUND), answer(status, "")]);
        world.then_always(answer(200, &in_state("done")));
        let end = world.client().watch(&mut watch(), |_| {}).unwrap();
        assert!(matches!(end, End::Done(_)), "{status}: {end:?}");
    }
}

#[test]
fn an_invalid_certificate_before_any_answer_is_an_error() {
    let certificate = || Err(ErrorKind::Tls(TlsFault::Certificate(CertificateFault::Expired)));
    let world = World::with([certificate()]);
    let error = world.client().watch(&mut watch(), |_| {}).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Tls(_)), "{error:?}");
    let world = World::with([certificate()]);
    let error = world.login().watch(&mut watch(), |_| {}).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Login(_)), "{error:?}");
    assert!(world.clock.slept().is_empty());
    // After an answer, it is waited out. A damaged record always is.
    let tls = |fault| Err(ErrorKind::Tls(fault));
    let world = World::with([tls(TlsFault::Record), answer(200, NOT_FOUND), certificate()]);
    world.then_always(answer(200, &in_state("done")));
    let end = world.client().watch(&mut watch(), |_| {}).unwrap();
    assert!(matches!(end, End::Done(_)), "{end:?}");
}

#[test]
fn a_call_fails_for_the_cause_of_its_login() {
    let error = |kind| {
        let history = History {
            sent: crate::Sent::No,
            attempts: 0,
            elapsed: Duration::ZERO,
            stop: Stop::Permanent,
        };
        Error::new("GET /v2/status/tx_status", kind, history)
    };
    let too_long = || ErrorKind::Build(kamipay_proto::BuildError::TooLong);
    assert_eq!(error(too_long()).cause(), Cause::NoRequest);
    assert_eq!(error(ErrorKind::Login(error(too_long()))).cause(), Cause::NoRequest);
    let expired = ErrorKind::Tls(TlsFault::Certificate(CertificateFault::Expired));
    assert_eq!(error(ErrorKind::Login(error(expired))).cause(), Cause::Untrusted);
    // It ends the wait as still unknown.
    assert_eq!(error(ErrorKind::TimeIsUp).cause(), Cause::Permanent);
}

#[test]
fn a_tick_hears_of_all_that_happens() {
    let world = World::with([answer(200, NOT_FOUND), closed(), answer(200, NOT_FOUND)]);
    world.then_always(answer(200, &in_state("done")));
    let mut events = Vec::new();
    let mut lefts = Vec::new();
    let end = world.client().watch_with(&mut watch(), |watch, event| {
        let event = match event {
            WatchEvent::Asking => format!("question {}", watch.evidence().questions + 1),
            WatchEvent::Waiting { left } => {
                lefts.push(left);
                "wait".to_owned()
            }
            WatchEvent::Answered { is_new } => {
                format!("{} {is_new}", watch.last().unwrap().state())
            }
            WatchEvent::Failed(error) => error.to_string(),
        };
        if events.last() != Some(&event) {
            events.push(event); // a slow machine has more ticks
        }
        ControlFlow::<()>::Continue(())
    });
    assert!(matches!(end, ControlFlow::Continue(Ok(End::Done(_)))), "{end:?}");
    assert_eq!(
        events,
        [
            "question 1",
            "not_found true",
            "wait",
            "question 2",
            "not_found false",
            "wait",
            "question 3",
            "done true"
        ]
    );
    // The first interval: three quarters of 2 s, and then of 3 s.
    assert_eq!(&lefts[..2], [Duration::from_millis(1500), Duration::from_millis(1450)]);
    let slept = world.clock.slept();
    assert!(slept.iter().all(|time| *time <= TICK), "{slept:?}");
    assert_eq!(slept.iter().sum::<Duration>(), Duration::from_millis(1500 + 2250));
}

#[test]
fn a_failed_question_is_told_once_it_is_kept() {
    let world = World::with([answer(500, "")]);
    world.then_always(answer(200, &in_state("done")));
    let mut faults = Vec::new();
    let end = world.client().watch_with(&mut watch(), |watch, event| {
        if let WatchEvent::Failed(error) = event {
            assert_eq!(watch.evidence().last_fault.as_deref(), Some(&*error.to_string()));
            faults.push(error.status().unwrap().as_u16());
        }
        ControlFlow::<()>::Continue(())
    });
    assert!(matches!(end, ControlFlow::Continue(Ok(End::Done(_)))), "{end:?}");
    assert_eq!(faults, [500]);
}

#[test]
fn a_fault_is_kept_with_its_causes() {
    let world = World::with([answer(500, "")]);
    world.then_always(answer(200, r#"{"access_token": "s3cret", "token_type": "bearer"}"#));
    let mut watch = watch();
    let mut limits = WatchLimits::default();
    limits.max_questions = 1;
    watch = watch.with_limits(limits);
    let client = world.client_with(crate::Credentials::login("u", "p"), |config| {
        config.retry.max_attempts = 1;
    });
    still_unknown(client.watch(&mut watch, |_| {}).unwrap());
    let fault = watch.evidence().last_fault.clone().unwrap();
    assert!(fault.contains("logging in failed: POST /auth/token: the API answered 500"), "{fault}");
}

#[test]
fn a_tick_can_end_the_wait_at_each_event() {
    for (event, after, asked) in [("Asking", 0, 0), ("Answered", 1, 1), ("Waiting", 1, 1)] {
        let world = World::new();
        world.then_always(answer(200, NOT_FOUND));
        let mut watch = watch();
        let end = world.client().watch_with(&mut watch, |watch, now| {
            let is_it = format!("{now:?}").starts_with(event);
            if is_it {
                ControlFlow::Break(watch.evidence().questions)
            } else {
                ControlFlow::Continue(())
            }
        });
        assert!(matches!(end, ControlFlow::Break(questions) if questions == after), "{end:?}");
        assert_eq!(world.seen().len(), asked, "{event}");
        assert!(world.clock.slept().is_empty(), "{event}");
        assert!(watch.permission_to_pay_again().is_none() && watch.end().is_none());
        // It can be continued.
        world.then_always(answer(200, &in_state("done")));
        assert!(matches!(world.client().watch(&mut watch, |_| {}).unwrap(), End::Done(_)));
    }
}

#[test]
fn what_may_pass_is_waited_out_even_before_any_answer() {
    for status in [408, 429, 500] {
        let world = World::with([answer(status, "")]);
        world.then_always(answer(200, &in_state("done")));
        let end = world.client().watch(&mut watch(), |_| {}).unwrap();
        assert!(matches!(end, End::Done(_)), "{status}: {end:?}");
    }
}

#[test]
fn the_client_s_deadline_ends_the_wait_and_not_the_watch() {
    let world = World::new();
    world.then_always(answer(200, &in_state("processing")));
    let mut watch = watch();
    let client = world.client();
    let until = client.until(world.clock.now() + 100 * SECOND);
    let evidence = still_unknown(until.watch(&mut watch, |_| {}).unwrap());
    assert!((60 * SECOND..=100 * SECOND).contains(&world.clock.passed()));
    assert!(evidence.questions > 5 && watch.end().is_none());
    // With no time at all nothing is asked.
    world.seen();
    world.clock.pass(100 * SECOND - world.clock.passed());
    assert_eq!(still_unknown(until.watch(&mut watch, |_| {}).unwrap()), evidence);
    assert_eq!(world.seen().len(), 0);
    // Not even when a question is due.
    world.clock.pass(60 * SECOND);
    assert_eq!(still_unknown(until.watch(&mut watch, |_| {}).unwrap()), evidence);
    assert_eq!(world.seen().len(), 0);
    // A client with more time goes on.
    world.then_always(answer(200, &in_state("done")));
    assert!(matches!(client.watch(&mut watch, |_| {}).unwrap(), End::Done(_)));
}

#[test]
fn a_jump_of_the_wall_clock_does_not_end_it() {
    let world = World::with([answer(200, NOT_FOUND), answer(200, NOT_FOUND)]);
    world.then_always(answer(200, &in_state("done")));
    let mut watch = watch();
    let clock = std::sync::Arc::clone(&world.clock);
    let end = world.client().watch(&mut watch, |_| {
        clock.set_wall(chrono::DateTime::from_timestamp(4_000_000_000, 0).unwrap());
    });
    assert!(matches!(end.unwrap(), End::Done(_)));
    assert_eq!(watch.evidence().questions, 3);
}
