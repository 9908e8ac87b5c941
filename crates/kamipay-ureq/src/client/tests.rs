//! The client's decisions, with a clock that a test moves and an API without sockets.

use std::collections::VecDeque;
use std::fmt;

use kamipay_proto::lots::{GetLot, LotDetail};
use kamipay_proto::retry::Cause;

use super::*;
use crate::attempt::OnAttempt;
use crate::clock::simulated::Simulated;
use crate::error::{CertificateFault, ConnectFault, TimeoutFault, TlsFault};
use crate::transport::TransportFault;

const LOT: &str = r#"{"lot_id":"9c030c8b-6d68-445b-8048-1bacd91012fa","transaction_hash":null,
"usdt_amount":"10027.79968000","created_at":null,"status":"PENDING","payouts":[],"refunds":[]}"#;
const TOKEN: &str = r#"{"access_token": "s3cret", "token_type": "bearer"}"#;
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

pub(crate) type Answer = Result<Response<Vec<u8>>, ErrorKind>;

/// Answers by a script, and takes as long for it as the script says.
pub(crate) struct Api {
    clock: Arc<Simulated>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    script: VecDeque<(Answer, Duration)>,
    /// What comes when the script is over.
    last: Option<Answer>,
    /// The call and the time that was left.
    seen: Vec<(String, Duration)>,
    drops: u32,
}

#[derive(Clone)]
pub(crate) struct World {
    api: Arc<Api>,
    pub(crate) clock: Arc<Simulated>,
    attempts: Arc<Mutex<Vec<String>>>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Api(..)")
    }
}

impl Exchange for Arc<Api> {
    fn send(&self, request: Request<Vec<u8>>, left: Duration) -> Answer {
        let mut state = self.state.lock().unwrap();
        let call = format!("{} {}", request.method(), request.uri().path());
        state.seen.push((call, left));
        let (answer, took) = match state.script.pop_front() {
            Some(next) => next,
            None => (state.last.clone().expect("no further request is expected"), Duration::ZERO),
        };
        self.clock.pass(took.min(left));
        if took > left { Err(timeout()) } else { answer }
    }

    fn drop_connections(&self) {
        self.state.lock().unwrap().drops += 1;
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(Simulated::new());
        let api = Arc::new(Api { clock: Arc::clone(&clock), state: Mutex::default() });
        Self { api, clock, attempts: Arc::default() }
    }

    pub(crate) fn with(script: impl IntoIterator<Item = Answer>) -> Self {
        let world = Self::new();
        world.then(script);
        world
    }

    pub(crate) fn then(&self, script: impl IntoIterator<Item = Answer>) {
        let script = script.into_iter().map(|answer| (answer, Duration::ZERO));
        self.api.state.lock().unwrap().script.extend(script);
    }

    pub(crate) fn then_after(&self, took: Duration, answer: Answer) {
        self.api.state.lock().unwrap().script.push_back((answer, took));
    }

    pub(crate) fn then_always(&self, answer: Answer) {
        self.api.state.lock().unwrap().last = Some(answer);
    }

    pub(crate) fn client_with(
        &self,
        credentials: Credentials,
        set: impl FnOnce(&mut Config),
    ) -> Client {
        let mut config = Config::default();
        let attempts = Arc::clone(&self.attempts);
        config.on_attempt = Some(OnAttempt::new(move |attempt| {
            let debug = format!("{attempt:?}");
            assert!(debug.starts_with("Attempt { call: ") && !debug.contains("s3cret"), "{debug}");
            attempts.lock().unwrap().push(attempt.to_string());
        }));
        set(&mut config);
        let exchange = Box::new(Arc::clone(&self.api));
        let base = "http://localhost".parse().unwrap();
        Client::with_parts(base, credentials, config, exchange, Arc::clone(&self.clock) as _)
    }

    /// How often all connections were dropped.
    pub(crate) fn drops(&self) -> u32 {
        self.api.state.lock().unwrap().drops
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(Credentials::token("t".parse().unwrap()), |_| {})
    }

    pub(crate) fn login(&self) -> Client {
        self.client_with(Credentials::login("u", "p"), |_| {})
    }

    /// The calls that came since this was asked last.
    pub(crate) fn seen(&self) -> Vec<String> {
        let seen = std::mem::take(&mut self.api.state.lock().unwrap().seen);
        seen.into_iter().map(|(call, _)| call).collect()
    }

    pub(crate) fn times(&self) -> Vec<Duration> {
        let seen = std::mem::take(&mut self.api.state.lock().unwrap().seen);
        seen.into_iter().map(|(_, left)| left).collect()
    }

    pub(crate) fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.attempts.lock().unwrap())
    }
}

fn timeout() -> ErrorKind {
    ErrorKind::Timeout(TimeoutFault::Head)
}

pub(crate) fn refused() -> Answer {
    Err(ErrorKind::Connect(ConnectFault::Refused))
}

pub(crate) fn closed() -> Answer {
    Err(ErrorKind::ConnectionClosed)
}

pub(crate) fn answer(status: u16, body: &str) -> Answer {
    Ok(Response::builder().status(status).body(body.as_bytes().to_vec()).unwrap())
}

pub(crate) fn wait(status: u16, seconds: &str) -> Answer {
    let response = Response::builder().status(status).header("retry-after", seconds);
    Ok(response.body(br#"{"message": "slow down", "request_id": "r-1"}"#.to_vec()).unwrap())
}

fn lot() -> Answer {
    answer(200, LOT)
}

fn get(client: &Client) -> Result<LotDetail, Error> {
    client.send(&GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse().unwrap()))
}

/// A call that moves money.
struct Pay;

impl Endpoint for Pay {
    const CALL: &'static str = "POST /v1/payments/payToPixKey";
    type Output = LotDetail;

    fn request(
        &self,
        api: &kamipay_proto::Api,
    ) -> Result<Request<Vec<u8>>, kamipay_proto::BuildError> {
        let mut request = api.get(&["v1", "payments", "payToPixKey"]).finish()?;
        *request.method_mut() = http::Method::POST;
        Ok(request)
    }

    fn verify(&self, lot: &LotDetail) -> Result<(), kamipay_proto::Mismatch> {
        GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse().unwrap()).verify(lot)
    }
}

/// Every kind of error, and whether it is tried again: the table of [`Error`].
fn every_kind() -> Vec<(Answer, bool)> {
    let own = |fault| Err(ErrorKind::Transport(TransportError::new(fault, "no luck")));
    let mut kinds = vec![
        (Err(ErrorKind::Connect(ConnectFault::Dns)), true),
        (Err(ErrorKind::Connect(ConnectFault::Timeout)), true),
        (Err(ErrorKind::Connect(ConnectFault::Refused)), true),
        (Err(ErrorKind::Connect(ConnectFault::Unreachable)), true),
        (Err(ErrorKind::Connect(ConnectFault::NoSocket)), true),
        (Err(ErrorKind::Connect(ConnectFault::Proxy)), true),
        (Err(ErrorKind::Timeout(TimeoutFault::Head)), true),
        (Err(ErrorKind::Timeout(TimeoutFault::Body)), true),
        (Err(ErrorKind::Timeout(TimeoutFault::Unframed)), true),
        (closed(), true),
        (Err(ErrorKind::Truncated), true),
        (answer(200, &LOT[..80]), true),
        (Err(ErrorKind::Io(std::io::ErrorKind::Other)), true),
        (Err(ErrorKind::Tls(TlsFault::Certificate(CertificateFault::Expired))), false),
        (Err(ErrorKind::Tls(TlsFault::Refused)), false),
        (Err(ErrorKind::Tls(TlsFault::Handshake)), false),
        (Err(ErrorKind::Tls(TlsFault::Record)), false),
        (own(TransportFault::NotSent), true),
        (own(TransportFault::Unanswered), true),
        (own(TransportFault::Lost), true),
        (own(TransportFault::Untrusted), false),
        (Err(ErrorKind::Protocol), false),
        (Err(ErrorKind::TooLarge), false),
        (Err(ErrorKind::Encoding), false),
        (answer(200, ""), false),
        (answer(200, "<html>"), false),
    ];
    for status in 300..=599 {
        kinds.push((answer(status, ""), matches!(status, 408 | 429) || status >= 500));
    }
    kinds
}

#[test]
fn what_may_pass_is_tried_again_and_nothing_else() {
    for (fault, is_repeated) in every_kind() {
        let world = World::with([fault.clone(), lot()]);
        let answer = get(&world.client());
        assert_eq!(answer.is_ok(), is_repeated, "{fault:?}");
        assert_eq!(world.seen().len(), if is_repeated { 2 } else { 1 }, "{fault:?}");
        assert_eq!(world.clock.slept().len(), usize::from(is_repeated), "{fault:?}");
        if let Err(error) = answer {
            assert_eq!((error.attempts(), error.stop()), (1, Stop::Permanent), "{fault:?}");
        }
    }
}

#[test]
fn a_call_that_may_not_arrive_twice_is_made_once() {
    for (fault, is_repeated) in every_kind() {
        let world = World::with([fault]);
        let client = world.client();
        client.shared.kept.store(KEPT_CONNECTIONS, Ordering::Relaxed);
        let error = client.send(&Pay).unwrap_err();
        let stop = if is_repeated { Stop::NotRepeatable } else { Stop::Permanent };
        assert_eq!((error.stop(), error.attempts()), (stop, 1));
        assert_eq!(world.seen(), ["POST /v1/payments/payToPixKey"]);
    }
}

#[test]
fn a_call_that_moves_money_is_not_made_again_with_another_token() {
    let world = World::with([answer(200, TOKEN), answer(401, ""), answer(200, TOKEN), lot()]);
    let client = world.login();
    let error = client.send(&Pay).unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.attempts()), (401, 1));
    let [login, pay] = ["POST /auth/token", "POST /v1/payments/payToPixKey"];
    assert_eq!(world.seen(), [login, pay]);
    // The next one has a new token.
    client.send(&Pay).unwrap();
    assert_eq!(world.seen(), [login, pay]);
}

#[test]
fn four_attempts_with_longer_and_longer_delays() {
    let world = World::new();
    world.then_always(closed());
    let error = get(&world.client()).unwrap_err();
    assert_eq!((error.attempts(), error.stop()), (4, Stop::Attempts));
    assert_eq!(world.clock.slept(), [100 * MS, 200 * MS, 400 * MS], "half of each ceiling");
    assert_eq!(error.elapsed(), 700 * MS);
    assert_eq!(
        error.to_string(),
        "GET /v1/lots/{lot_identifier}: the connection was closed before an answer came (after 4 \
         attempts)"
    );
    assert_eq!(world.seen().len(), 4);
}

#[test]
fn the_api_is_not_asked_earlier_than_it_asks_for() {
    for status in [429, 503] {
        let world = World::with([wait(status, "7"), lot()]);
        get(&world.client()).unwrap();
        assert_eq!(world.clock.slept(), [7 * SECOND]);
    }
}

#[test]
fn what_takes_too_long_is_passed_on_at_once() {
    let world = World::with([wait(429, "3600")]);
    let error = get(&world.client()).unwrap_err();
    assert_eq!((error.stop(), error.elapsed()), (Stop::RetryAfter, Duration::ZERO));
    assert_eq!(error.retry_after(), Some(3600 * SECOND));
    assert_eq!(error.request_id(), Some("r-1"));
    assert_eq!(
        error.to_string(),
        "GET /v1/lots/{lot_identifier}: the API answered 429 Too Many Requests: slow down (request \
         id r-1) (the API asks to wait 3600 s)"
    );

    // Longer than there is time, to the millisecond.
    for (left, is_waited_for) in [(7000, false), (7001, true)] {
        let world = World::with([wait(429, "7"), lot()]);
        let client = world.client().until(world.clock.now() + left * MS);
        assert_eq!(get(&client).is_ok(), is_waited_for, "{left}");
    }
}

#[test]
fn what_cannot_be_understood_is_not_waited_for() {
    for value in ["-1", "+7", "1.5", "7, 8", "", "100000000000000000000", "soon"] {
        let world = World::with([wait(429, value), lot()]);
        get(&world.client()).unwrap();
        assert_eq!(world.clock.slept(), [100 * MS], "{value}");
    }
}

#[test]
fn no_wall_clock_changes_a_delay() {
    for wall in [0, 4_000_000_000] {
        let world = World::with([closed(), wait(503, "Fri, 15 May 2026 15:34:28 GMT"), lot()]);
        world.clock.set_wall(chrono::DateTime::from_timestamp(wall, 0).unwrap());
        get(&world.client()).unwrap();
        assert_eq!(world.clock.slept(), [100 * MS, 200 * MS]);
    }
}

#[test]
fn one_deadline_bounds_attempts_and_delays() {
    // Each attempt takes 40 s but for the limit of 30 s, and the call has 2 minutes.
    let world = World::new();
    for _ in 0..4 {
        world.then_after(40 * SECOND, lot());
    }
    let error = get(&world.client()).unwrap_err();
    assert_eq!(error.kind().to_string(), "the answer did not come in time");
    assert_eq!((error.attempts(), error.stop()), (4, Stop::Attempts));
    assert_eq!(error.elapsed(), 120 * SECOND, "not a moment longer");
    // What is left for the last one is less than the limit.
    assert_eq!(world.times(), [30 * SECOND, 30 * SECOND, 30 * SECOND, 29_300 * MS]);

    let world = World::new();
    world.then_always(closed());
    let client = world.client().until(world.clock.now() + 150 * MS);
    let error = get(&client).unwrap_err();
    assert_eq!((error.attempts(), error.stop()), (2, Stop::Deadline));
    assert!(
        error.to_string().ends_with("(after 2 attempts; there was no time for another attempt)")
    );
    assert_eq!(error.elapsed(), 100 * MS);
}

#[test]
fn the_time_that_is_up_does_not_hide_what_happened() {
    #[derive(Debug)]
    struct Oversleeping(Arc<Simulated>);
    impl Clock for Oversleeping {
        fn now(&self) -> Instant {
            self.0.now()
        }
        fn utc(&self) -> chrono::DateTime<chrono::Utc> {
            self.0.utc()
        }
        fn sleep(&self, _: Duration) {
            self.0.sleep(3600 * SECOND);
        }
        fn random(&self) -> u32 {
            0
        }
    }
    let world = World::with([answer(503, "")]);
    let clock = Arc::new(Oversleeping(Arc::clone(&world.clock)));
    let client = Client::with_parts(
        "http://localhost".parse().unwrap(),
        Credentials::token("t".parse().unwrap()),
        Config::default(),
        Box::new(Arc::clone(&world.api)),
        clock,
    );
    let error = get(&client).unwrap_err();
    assert_eq!(error.status().unwrap(), 503);
    assert_eq!((error.stop(), error.attempts()), (Stop::Deadline, 1));
    assert_eq!(error.sent(), Sent::Answered);

    let error = get(&world.client().until(world.clock.now())).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::TimeIsUp));
    assert_eq!((error.sent(), error.attempts(), error.stop()), (Sent::No, 0, Stop::Deadline));
    assert_eq!(
        error.to_string(),
        "GET /v1/lots/{lot_identifier}: the time was up before the request could be sent"
    );
}

#[test]
fn a_total_outage_of_2000_calls() {
    for fault in [refused(), closed(), answer(503, ""), Err(timeout())] {
        let world = World::with([lot()]);
        let client = world.client();
        get(&client).unwrap(); // a connection is kept
        world.seen();
        world.then_always(fault.clone());
        let mut last = None;
        for _ in 0..2000 {
            last = Some(get(&client).unwrap_err());
        }
        let requests = world.seen().len();
        assert!(requests <= 2040, "at most 1.02 requests a call: {requests} of {fault:?}");
        let last = last.unwrap();
        assert_eq!((last.stop(), last.attempts()), (Stop::Budget, 1));
        assert!(
            last.to_string().ends_with("(too many calls failed lately for another attempt)"),
            "{last}"
        );
    }
}

#[test]
fn a_kept_connection_that_was_closed_is_made_up_for_at_once() {
    let world = World::with([lot(), closed(), lot(), closed(), refused(), lot()]);
    let client = world.client();
    get(&client).unwrap();
    get(&client).unwrap();
    assert_eq!(world.clock.slept(), [], "at once");
    assert_eq!(world.drops(), 1, "and over a new connection");
    // It is one attempt, and the next one is a retry like any other.
    get(&client).unwrap();
    assert_eq!(world.clock.slept(), [100 * MS]);
    assert_eq!(world.seen().len(), 6);
    assert!(world.told()[2].starts_with("GET /v1/lots/{lot_identifier}, attempt 1, 0 ms: no conn"));
}

#[test]
fn in_an_outage_kept_connections_run_out() {
    let world = World::with([lot()]);
    let client = world.client_with(Credentials::token("t".parse().unwrap()), |config| {
        config.retry.max_attempts = 1;
    });
    get(&client).unwrap();
    world.then_always(closed());
    world.seen();
    let requests: Vec<usize> = (0..5)
        .map(|_| {
            get(&client).unwrap_err();
            world.seen().len()
        })
        .collect();
    assert_eq!(requests, [2, 2, 2, 1, 1]);
}

#[test]
fn there_has_to_be_time_for_it() {
    let world = World::with([lot()]);
    let client = world.client_with(Credentials::token("t".parse().unwrap()), |config| {
        config.retry.max_attempts = 1;
    });
    get(&client).unwrap();
    world.seen();
    // It took all the time to find out that the connection was closed.
    world.then_after(30 * SECOND, closed());
    let error = get(&client).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ConnectionClosed), "{error:?}");
    assert_eq!(world.times(), [30 * SECOND]);
    // What it took is gone for the second one.
    world.then_after(29 * SECOND, closed());
    world.then([lot()]);
    get(&client).unwrap();
    assert_eq!(world.times(), [30 * SECOND, SECOND]);
}

#[test]
fn what_became_of_a_call_is_what_became_of_all_its_attempts() {
    for (script, sent) in [
        (vec![refused(), refused(), refused(), refused()], Sent::No),
        (vec![closed(), refused(), refused(), refused()], Sent::Maybe),
        (vec![answer(503, ""), refused(), refused(), refused()], Sent::Maybe),
        (vec![refused(), refused(), refused(), closed()], Sent::Maybe),
        (vec![refused(), refused(), Err(timeout()), answer(500, "")], Sent::Answered),
    ] {
        let world = World::with(script);
        assert_eq!(get(&world.client()).unwrap_err().sent(), sent);
    }
}

#[test]
fn a_401_is_answered_with_a_new_token_once() {
    let world = World::with([
        answer(200, TOKEN),
        answer(401, ""),
        answer(200, TOKEN),
        // It may still have to be tried again, as often as any other.
        closed(),
        closed(),
        closed(),
        lot(),
    ]);
    let client = world.client_with(Credentials::login("u", "p"), |config| {
        config.retry.max_attempts = 4;
    });
    get(&client).unwrap();
    let get = "GET /v1/lots/9c030c8b-6d68-445b-8048-1bacd91012fa";
    let log_in = "POST /auth/token";
    assert_eq!(world.seen()[..3], [log_in, get, log_in]);
}

#[test]
fn a_renewal_is_no_retry() {
    let (token, unauthorized) = (answer(200, TOKEN), answer(401, ""));
    let late = || Err(timeout());
    let world = World::with([late(), late(), late(), late()]);
    world.then([token.clone(), unauthorized.clone(), token.clone(), lot()]);
    let client = world.login();
    get(&client).unwrap_err(); // of the login, which costs three retries
    assert_eq!(client.budget().tokens(), 70);
    get(&client).unwrap();
    assert_eq!(client.budget().tokens(), 70 + 3, "three answers at once, the renewal one of them");

    // After it there are as many attempts as ever.
    let world = World::with([token.clone(), unauthorized, token, late(), late(), late(), lot()]);
    get(&world.login()).unwrap();
    assert_eq!(world.clock.slept(), [100 * MS, 200 * MS, 400 * MS]);
}

#[test]
fn an_answer_to_another_question_is_asked_for_once_more_on_a_fresh_connection() {
    let other = || answer(200, &LOT.replace("9c030c8b", "aaaaaaaa"));
    let world = World::with([other(), lot()]);
    get(&world.client()).unwrap();
    assert_eq!((world.drops(), world.clock.slept()), (1, vec![Duration::ZERO]));

    // Once, whatever the policy allows, and beside what it allows.
    for policy in [1, 4] {
        let world = World::with([other(), other(), lot()]);
        let client = world.client_with(Credentials::token("t".parse().unwrap()), |config| {
            config.retry.max_attempts = policy;
        });
        let error = get(&client).unwrap_err();
        assert_eq!((error.attempts(), error.stop()), (2, Stop::Permanent));
        assert!(error.to_string().contains("another question"), "{error}");
        assert_eq!(world.drops(), 2);
    }
    let world = World::with([answer(503, ""), other(), answer(503, ""), lot()]);
    get(&world.client()).unwrap();
    assert_eq!(world.drops(), 1);

    // No other answer costs the connections.
    let world = World::with([answer(200, "{}")]);
    get(&world.client()).unwrap_err();
    assert_eq!(world.drops(), 0);
}

#[test]
fn a_document_that_is_cut_is_cut_off() {
    let world = World::new();
    world.then_always(answer(200, &LOT[..80]));
    let error = get(&world.client()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Truncated), "{error:?}");
    assert_eq!((error.sent(), error.attempts()), (Sent::Maybe, 4));
}

#[test]
fn a_401_after_the_renewal_is_the_answer() {
    let (token, unauthorized) = (answer(200, TOKEN), answer(401, ""));
    let script = [token.clone(), unauthorized.clone(), token, unauthorized.clone()];
    let world = World::with(script);
    let error = get(&world.login()).unwrap_err();
    assert_eq!((error.attempts(), error.stop()), (2, Stop::Permanent));
    assert_eq!((error.status().unwrap().as_u16(), error.sent()), (401, Sent::Answered));
    assert_eq!(world.seen().len(), 4, "2 data and 1 more login after the first");
    assert_eq!(world.clock.slept(), []);

    // With a token that was given there is nothing to renew.
    let world = World::with([unauthorized]);
    let error = get(&world.client()).unwrap_err();
    assert_eq!((error.attempts(), error.stop()), (1, Stop::Permanent));
}

#[test]
fn a_refused_login_is_the_end_of_it() {
    for status in [400, 401, 403, 422] {
        let world = World::with([answer(status, r#"{"detail": "no", "request_id": "r-1"}"#)]);
        let client = world.login();
        for _ in 0..100 {
            let error = get(&client).unwrap_err();
            assert_eq!((error.sent(), error.attempts()), (Sent::No, 0));
            assert_eq!(error.status().unwrap().as_u16(), status);
            assert_eq!((error.stop(), error.request_id()), (Stop::Permanent, Some("r-1")));
            let ErrorKind::Login(login) = error.kind() else { panic!("{error:?}") };
            assert_eq!((login.attempts(), login.call()), (1, IssueToken::CALL));
        }
        assert_eq!(world.seen(), ["POST /auth/token"], "once");
        // Until the memory of it fades.
        world.clock.pass(300 * SECOND);
        world.then([answer(200, TOKEN), lot()]);
        get(&client).unwrap();
    }
}

#[test]
fn a_login_is_tried_again_like_a_get() {
    let world = World::with([closed(), wait(503, "2"), answer(200, TOKEN), lot()]);
    get(&world.login()).unwrap();
    assert_eq!(world.clock.slept(), [100 * MS, 2 * SECOND]);
    assert_eq!(world.seen().len(), 4);

    let world = World::new();
    world.then_always(refused());
    let error = get(&world.login()).unwrap_err();
    assert_eq!((error.attempts(), error.stop(), error.sent()), (0, Stop::Attempts, Sent::No));
    assert_eq!(error.to_string(), "GET /v1/lots/{lot_identifier}: logging in failed");
    let login = std::error::Error::source(&error).unwrap().to_string();
    assert!(login.ends_with("(after 4 attempts)"), "{login}");
    assert_eq!(world.seen().len(), 4);
}

#[test]
fn the_login_s_time_is_the_call_s() {
    let world = World::with([]);
    world.then_after(25 * SECOND, answer(200, TOKEN));
    world.then_after(25 * SECOND, lot());
    let client = world.login().until(world.clock.now() + 40 * SECOND);
    let error = get(&client).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout(_)), "{error:?}");
    assert_eq!(error.elapsed(), 40 * SECOND);
    assert_eq!(world.times(), [30 * SECOND, 15 * SECOND]);
}

#[test]
fn a_call_does_not_wait_long_for_a_token_that_it_does_not_need_yet() {
    use base64::Engine as _;
    let claims =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"{"iat":1000,"exp":4600}"#);
    let token = format!(r#"{{"access_token": "e30.{claims}.x", "token_type": "bearer"}}"#);
    let world = World::with([answer(200, &token), lot()]);
    let client = world.login();
    get(&client).unwrap();
    world.seen();

    // The login is silent: 5 seconds at most, once, and not again at once.
    world.clock.pass(3540 * SECOND);
    world.then_after(3600 * SECOND, answer(200, &token));
    world.then([lot(), lot()]);
    get(&client).unwrap();
    get(&client).unwrap();
    assert_eq!(world.times(), [5 * SECOND, 30 * SECOND, 30 * SECOND]);
    assert_eq!(world.clock.slept(), [], "no retry");

    // With little time, the call has half of it.
    world.clock.pass(10 * SECOND);
    world.then_after(3600 * SECOND, answer(200, &token));
    world.then([lot()]);
    get(&client.until(world.clock.now() + 4 * SECOND)).unwrap();
    assert_eq!(world.times(), [2 * SECOND, 2 * SECOND]);

    world.clock.pass(10 * SECOND);
    world.then([answer(200, &token), lot(), lot()]);
    get(&client).unwrap();
    get(&client).unwrap();
    assert_eq!(world.seen().len(), 3);
}

/// Over sockets, with the time alone made up.
#[test]
fn a_login_that_is_down_does_not_stop_the_calls() {
    use kamipay_sandbox::{Calls, Fault, Sandbox, Schedule, Server};

    let sandbox = Sandbox::documented();
    let credentials = Credentials::login(sandbox.username(), sandbox.password());
    let server = Server::start(sandbox).unwrap();
    let clock = Arc::new(Simulated::new());
    let (config, base) = (Config::default(), server.base_url().parse().unwrap());
    let sockets = Box::new(Sockets::new(&config, &base).unwrap());
    let client = Client::with_parts(base, credentials, config, sockets, Arc::clone(&clock) as _);
    let logins = || {
        let requests = server.requests();
        requests.iter().filter(|it| it.path_and_query == "/auth/token").count()
    };
    get(&client).unwrap();
    assert_eq!(logins(), 1);

    clock.pass(3540 * SECOND); // a minute before the end
    server.with_sandbox(|sandbox| {
        sandbox.add_fault(Fault::named("login-503"), Calls::Login, Schedule::always());
    });
    for _ in 0..3 {
        get(&client).unwrap();
    }
    assert_eq!(logins(), 2, "one try, and no retries");
    clock.pass(10 * SECOND);
    get(&client).unwrap();
    assert_eq!(logins(), 3, "later again");

    server.with_sandbox(Sandbox::clear_faults);
    clock.pass(10 * SECOND);
    for _ in 0..3 {
        get(&client).unwrap();
    }
    assert_eq!(logins(), 4);
    assert_eq!(clock.slept(), []);
}

#[test]
fn every_answer_tells_its_status_and_request_id() {
    let with_id = |status: u16, id: &str, body: &str| {
        let response = Response::builder().status(status).header("x-request-id", id);
        Ok(response.body(body.as_bytes().to_vec()).unwrap())
    };
    let world = World::with([
        with_id(200, "r-1", TOKEN),
        with_id(503, "r-2 s3cret", ""),
        with_id(500, "r-3", r#"{"request_id": "of the body"}"#),
        with_id(200, "r-4", &LOT[..50]),
        with_id(201, "r-5 s3cret", LOT),
    ]);
    world.clock.set_random(0);
    get(&world.login()).unwrap();
    let call = "GET /v1/lots/{lot_identifier}, attempt";
    assert_eq!(
        world.told(),
        [
            "POST /auth/token, attempt 1, 0 ms: status 200 OK (request id r-1)".to_owned(),
            format!(
                "{call} 1, 0 ms: status 503 Service Unavailable (request id r-2 ***); again in 0 ms"
            ),
            format!(
                "{call} 2, 0 ms: status 500 Internal Server Error (request id of the body); again \
                 in 0 ms"
            ),
            format!("{call} 3, 0 ms: the answer was cut off (request id r-4); again in 0 ms"),
            format!("{call} 4, 0 ms: status 201 Created (request id r-5 ***)"),
        ]
    );
}

#[test]
fn each_attempt_is_told_without_secrets() {
    let world = World::with([
        answer(200, TOKEN),
        answer(401, r#"{"message": "Unauthorized: s3cret"}"#),
        answer(200, TOKEN),
        answer(502, "<html>s3cret"),
        lot(),
    ]);
    world.clock.set_random(0);
    get(&world.login()).unwrap();
    let call = "GET /v1/lots/{lot_identifier}, attempt";
    assert_eq!(
        world.told(),
        [
            "POST /auth/token, attempt 1, 0 ms: status 200 OK".to_owned(),
            format!("{call} 1, 0 ms: status 401 Unauthorized; again in 0 ms"),
            "POST /auth/token, attempt 1, 0 ms: status 200 OK".to_owned(),
            format!("{call} 2, 0 ms: status 502 Bad Gateway; again in 0 ms"),
            format!("{call} 3, 0 ms: status 200 OK"),
        ]
    );

    let world = World::new();
    world.then_after(12 * MS, refused());
    world.then([Err(ErrorKind::TooLarge)]);
    get(&world.client()).unwrap_err();
    assert_eq!(
        world.told(),
        [
            format!(
                "{call} 1, 12 ms: no connection: the host refuses connections to this port; again \
                 in 100 ms"
            ),
            format!(
                "{call} 2, 0 ms: the answer is longer than the limit; not again: another attempt \
                 would fail the same way"
            ),
        ]
    );
}

#[test]
fn an_attempt_can_be_taken_apart() {
    let world = World::with([wait(503, "1"), answer(404, "")]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let attempts = Arc::clone(&seen);
    let client = world.client_with(Credentials::token("t".parse().unwrap()), |config| {
        config.on_attempt = Some(OnAttempt::new(move |attempt| {
            let status = attempt.status.map(|status| status.as_u16());
            let id = attempt.request_id.map(str::to_owned);
            let outcome = attempt.outcome;
            attempts.lock().unwrap().push((status, id, outcome, attempt.delay, attempt.stop));
        }));
    });
    get(&client).unwrap_err();
    let status = |code, asked| Err(Cause::Status(StatusCode::from_u16(code).unwrap(), asked));
    assert_eq!(
        *seen.lock().unwrap(),
        [
            (Some(503), Some("r-1".to_owned()), status(503, Some(SECOND)), Some(SECOND), None),
            (Some(404), None, status(404, None), None, Some(Stop::Permanent)),
        ]
    );
    assert_eq!(format!("{:?}", client.shared.config.on_attempt), "Some(OnAttempt(..))");
}

#[test]
fn times_at_the_edge_are_times() {
    for (set, is_answered) in [
        ((|config| config.call_timeout = Duration::MAX) as fn(&mut Config), true),
        (|config| config.call_timeout = Duration::ZERO, false),
        (|config| config.attempt_timeout = Duration::MAX, true),
        (|config| config.attempt_timeout = Duration::ZERO, false),
        (|config| config.login_again_after = Duration::MAX, true),
        (|config| config.retry.max_attempts = 0, true),
        (|config| config.retry.max_attempts = u32::MAX, true),
        (|config| config.retry.first_delay = Duration::MAX, true),
        (|config| config.retry.max_delay = Duration::MAX, true),
        (|config| config.retry.budget_tokens = 0, true),
    ] {
        let world = World::with([lot()]);
        let client = world.client_with(Credentials::token("t".parse().unwrap()), set);
        assert_eq!(get(&client).is_ok(), is_answered);
        world.then([closed(), closed(), lot()]);
        let _ = get(&client);
    }
}
