use proptest::prelude::*;

use super::*;

/// A call that may arrive twice.
const MAY: Repeat = Repeat(true);
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn decide(failure: &FailedAttempt, random: u32) -> Result<Duration, Stop> {
    let policy = RetryPolicy::default();
    policy.decide(failure, &mut policy.budget(), random)
}

fn status(status: u16) -> Cause {
    Cause::Status(StatusCode::from_u16(status).unwrap(), None)
}

fn asks_for(time: Duration) -> Cause {
    Cause::Status(StatusCode::TOO_MANY_REQUESTS, Some(time))
}

#[test]
fn only_temporary_failures_are_repeated() {
    for fault in [Cause::NotSent, Cause::Closed, Cause::Truncated, Cause::TimedOut] {
        assert_eq!(decide(&FailedAttempt::new(MAY, fault, 1), 0), Ok(Duration::ZERO), "{fault:?}");
    }
    for cause in [Cause::Permanent, Cause::NoRequest, Cause::Untrusted] {
        assert_eq!(decide(&FailedAttempt::new(MAY, cause, 1), 0), Err(Stop::Permanent));
    }
    for code in 100..=999 {
        let is_passing = matches!(code, 408 | 429) || (500..600).contains(&code);
        let decision = decide(&FailedAttempt::new(MAY, status(code), 1), 0);
        assert_eq!(decision.is_ok(), is_passing, "{code}");
        assert_eq!(decision == Err(Stop::Permanent), !is_passing, "{code}");
    }
}

#[test]
fn a_call_that_must_not_arrive_twice_is_not_repeated() {
    for fault in [Cause::NotSent, Cause::Closed, Cause::Truncated, Cause::TimedOut, status(503)] {
        let failure = FailedAttempt::new(Repeat(false), fault, 1);
        assert_eq!(decide(&failure, 0), Err(Stop::NotRepeatable));
    }
}

/// A call whose name, method and path may differ.
struct Custom<const CALL: usize>(Method, &'static str);

const NAMES: [&str; 3] = ["GET /v1/lots", "POST /v2/pay", IssueToken::CALL];

impl<const CALL: usize> Endpoint for Custom<CALL> {
    const CALL: &'static str = NAMES[CALL];
    type Output = ();

    fn request(&self, _: &crate::Api) -> Result<Request<Vec<u8>>, crate::BuildError> {
        let mut request = Request::new(Vec::new());
        *request.method_mut() = self.0.clone();
        *request.uri_mut() = format!("https://localhost{}", self.1).parse().unwrap();
        Ok(request)
    }
}

#[test]
fn only_a_get_and_the_login_may_arrive_twice() {
    fn may<E: Endpoint>(call: &E) -> bool {
        let api = crate::Api::new("https://localhost".parse().unwrap(), &"token".parse().unwrap());
        Repeat::of(call, &call.request(&api).unwrap()).is_allowed()
    }
    assert!(may(&IssueToken::new("u", "p")));
    assert!(may(&crate::lots::GetLot::new(
        "9c030c8b-6d68-445b-8048-1bacd91012fa".parse().unwrap()
    )));
    for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "get", "QUERY"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let is_get = method == Method::GET;
        for (path, is_login) in [
            ("/auth/token", true),
            ("/base/of/a/proxy/auth/token", true),
            ("/auth/token?a=b", true),
            ("/v2/pay", false),
            ("/v2/pay?next=/auth/token", false),
            ("/auth/token/v2/pay", false),
            ("/v2/pay-auth/token", false),
            ("/auth/token/", false),
            ("/", false),
        ] {
            assert_eq!(may(&Custom::<0>(method.clone(), path)), is_get, "{method} {path}");
            assert_eq!(may(&Custom::<1>(method.clone(), path)), is_get, "{method} {path}");
            let is_login = is_login && method == "POST";
            assert_eq!(
                may(&Custom::<2>(method.clone(), path)),
                is_get || is_login,
                "{method} {path}"
            );
        }
    }
}

#[test]
fn there_are_four_attempts() {
    for (attempts, decision) in [
        (0, Ok(Duration::ZERO)),
        (1, Ok(Duration::ZERO)),
        (2, Ok(Duration::ZERO)),
        (3, Ok(Duration::ZERO)),
        (4, Err(Stop::Attempts)),
        (5, Err(Stop::Attempts)),
        (u32::MAX, Err(Stop::Attempts)),
    ] {
        assert_eq!(
            decide(&FailedAttempt::new(MAY, Cause::Closed, attempts), 0),
            decision,
            "{attempts}"
        );
    }
    for max_attempts in [0, 1] {
        let policy = RetryPolicy { max_attempts, ..RetryPolicy::default() };
        let decision =
            policy.decide(&FailedAttempt::new(MAY, Cause::Closed, 1), &mut policy.budget(), 0);
        assert_eq!(decision, Err(Stop::Attempts));
    }
}

#[test]
fn the_delay_is_random_below_a_ceiling_that_doubles() {
    let policy = RetryPolicy { max_attempts: u32::MAX, ..RetryPolicy::default() };
    for (attempts, ceiling) in [
        (0, 200 * MS),
        (1, 200 * MS),
        (2, 400 * MS),
        (3, 800 * MS),
        (4, 1600 * MS),
        (5, 3200 * MS),
        (6, 6400 * MS),
        (7, 10 * SECOND),
        (8, 10 * SECOND),
        (32, 10 * SECOND),
        (33, 10 * SECOND),
        (u32::MAX - 1, 10 * SECOND),
    ] {
        let failure = FailedAttempt::new(MAY, Cause::Closed, attempts);
        let delay = |random| policy.decide(&failure, &mut policy.budget(), random).unwrap();
        assert_eq!(delay(0), Duration::ZERO);
        assert_eq!(delay(1 << 31), ceiling / 2, "{attempts}");
        assert!(delay(u32::MAX) < ceiling && delay(u32::MAX) + 3 * MS / 1000 > ceiling);
    }
}

#[test]
fn the_delay_is_never_shorter_than_retry_after() {
    let policy = RetryPolicy::default();
    for random in [0, 1 << 31, u32::MAX] {
        let failure = FailedAttempt::new(MAY, asks_for(7 * SECOND), 1);
        assert_eq!(policy.decide(&failure, &mut policy.budget(), random), Ok(7 * SECOND));
        // A `Retry-After` shorter than the delay changes nothing.
        let failure = FailedAttempt::new(MAY, asks_for(MS), 3);
        let delay = policy.decide(&failure, &mut policy.budget(), random).unwrap();
        assert_eq!(delay, part(800 * MS, random).max(MS));
    }
    // A 503 may have a `Retry-After` as well.
    let fault = Cause::Status(StatusCode::SERVICE_UNAVAILABLE, Some(7 * SECOND));
    assert_eq!(decide(&FailedAttempt::new(MAY, fault, 1), 0), Ok(7 * SECOND));
}

#[test]
fn a_retry_after_beyond_the_deadline_or_the_maximum_stops_at_once() {
    let failure = |asked| FailedAttempt::new(MAY, asks_for(asked), 1).with_time_left(7 * SECOND);
    assert_eq!(decide(&failure(7 * SECOND - MS), 0), Ok(7 * SECOND - MS));
    assert_eq!(decide(&failure(7 * SECOND), 0), Err(Stop::RetryAfter));
    assert_eq!(decide(&failure(7 * SECOND + MS), 0), Err(Stop::RetryAfter));
    // The maximum holds without a deadline.
    assert_eq!(decide(&FailedAttempt::new(MAY, asks_for(60 * SECOND), 1), 0), Ok(60 * SECOND));
    let hour = FailedAttempt::new(MAY, asks_for(60 * SECOND + MS), 1);
    assert_eq!(decide(&hour, 0), Err(Stop::RetryAfter));
    assert_eq!(
        decide(&FailedAttempt::new(MAY, asks_for(Duration::MAX), 1), 0),
        Err(Stop::RetryAfter)
    );
}

#[test]
fn a_delay_that_reaches_the_deadline_stops_at_once() {
    let failure = |left| FailedAttempt::new(MAY, Cause::Closed, 1).with_time_left(left);
    let half = 1 << 31; // 100 ms
    assert_eq!(decide(&failure(101 * MS), half), Ok(100 * MS));
    assert_eq!(decide(&failure(100 * MS), half), Err(Stop::Deadline));
    assert_eq!(decide(&failure(Duration::ZERO), 0), Err(Stop::Deadline));
}

#[test]
fn a_retry_costs_10_of_100_tokens() {
    let policy = RetryPolicy::default();
    let mut budget = policy.budget();
    let failure = FailedAttempt::new(MAY, Cause::Closed, 1);
    for left in (0..100).rev().step_by(10) {
        assert!(policy.decide(&failure, &mut budget, 0).is_ok());
        assert_eq!(budget.tokens, left - 9);
    }
    assert_eq!(policy.decide(&failure, &mut budget, 0), Err(Stop::Budget));
    assert_eq!(budget.tokens, 0);

    // A success returns one token; after retries, their cost.
    for tokens in 1..=9 {
        policy.succeeded(1, &mut budget);
        assert_eq!(budget.tokens, tokens);
        assert_eq!(policy.decide(&failure, &mut budget, 0), Err(Stop::Budget));
        assert_eq!(budget.tokens, tokens, "a retry that is refused costs nothing");
    }
    policy.succeeded(2, &mut budget);
    assert_eq!(budget.tokens, 19);
    policy.succeeded(4, &mut budget);
    assert_eq!(budget.tokens, 49);
    policy.succeeded(7, &mut budget);
    assert_eq!(budget.tokens, 100, "no more than full");
}

#[test]
fn a_call_that_is_not_repeated_costs_no_tokens() {
    let policy = RetryPolicy::default();
    let mut budget = policy.budget();
    for failure in [
        FailedAttempt::new(MAY, Cause::Permanent, 1),
        FailedAttempt::new(Repeat(false), Cause::Closed, 1),
        FailedAttempt::new(MAY, Cause::Closed, 4),
        FailedAttempt::new(MAY, Cause::Closed, 1).with_time_left(Duration::ZERO),
        FailedAttempt::new(MAY, asks_for(3600 * SECOND), 1),
    ] {
        assert!(policy.decide(&failure, &mut budget, 0).is_err());
        assert_eq!(budget, policy.budget());
    }
}

#[test]
fn a_policy_of_zeros_or_maxima_does_not_overflow() {
    let policy = RetryPolicy {
        max_attempts: u32::MAX,
        first_delay: Duration::MAX,
        max_delay: Duration::MAX,
        max_retry_after: Duration::MAX,
        budget_tokens: u32::MAX,
        retry_cost_tokens: u32::MAX,
        success_tokens: u32::MAX,
    };
    let mut budget = policy.budget();
    let failure = FailedAttempt::new(MAY, asks_for(Duration::MAX - MS), u32::MAX - 1);
    assert!(policy.decide(&failure, &mut budget, u32::MAX).is_ok());
    policy.succeeded(u32::MAX, &mut budget);
    policy.succeeded(1, &mut budget);
    assert_eq!(budget.tokens, u32::MAX);

    let policy = RetryPolicy {
        first_delay: Duration::ZERO,
        max_delay: Duration::ZERO,
        max_retry_after: Duration::ZERO,
        budget_tokens: 0,
        retry_cost_tokens: 0,
        ..policy
    };
    let mut budget = policy.budget();
    let closed = FailedAttempt::new(MAY, Cause::Closed, 1);
    assert_eq!(policy.decide(&closed, &mut budget, 7), Ok(Duration::ZERO), "without a budget");
    let asked = FailedAttempt::new(MAY, asks_for(Duration::ZERO), 1);
    assert_eq!(policy.decide(&asked, &mut budget, 7), Ok(Duration::ZERO));
}

/// Simulates `calls` calls of which `faults_percent` of the attempts fail. Returns the number of
/// answers, the number of requests, and the reasons of the calls that stopped.
fn simulate(calls: u32, faults_percent: u64, seed: u64) -> (u32, u32, Vec<Stop>) {
    let policy = RetryPolicy::default();
    let (mut budget, mut state) = (policy.budget(), seed);
    let mut random = || {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) >> 32
    };
    let (mut answers, mut requests, mut stops) = (0, 0, Vec::new());
    for _ in 0..calls {
        let (mut attempts, mut left) = (0, 120 * SECOND);
        loop {
            attempts += 1;
            requests += 1;
            if random() % 100 >= faults_percent {
                answers += 1;
                policy.succeeded(attempts, &mut budget);
                break;
            }
            let failure = FailedAttempt::new(MAY, status(503), attempts).with_time_left(left);
            match policy.decide(&failure, &mut budget, u32::try_from(random()).unwrap()) {
                Ok(delay) => left -= delay,
                Err(stop) => {
                    stops.push(stop);
                    break;
                }
            }
        }
    }
    (answers, requests, stops)
}

#[test]
fn an_outage_costs_at_most_1_02_requests_a_call() {
    for seed in 0..20 {
        let (answers, requests, stops) = simulate(2000, 100, seed);
        assert_eq!(answers, 0);
        assert!(requests <= 2040, "{requests}");
        assert_eq!(requests, 2010, "what a full budget pays for");
        assert!(stops[10..].iter().all(|stop| *stop == Stop::Budget));
    }
}

#[test]
fn nearly_every_call_survives_5_or_20_percent_of_lost_attempts() {
    let (mut at_5, mut at_20) = (0, 0);
    for seed in 0..20 {
        let (answers, requests, _) = simulate(20_000, 5, seed);
        assert!(answers >= 19_980, "99.9 % each time: {answers}");
        assert!(requests < 21_300, "{requests}");
        at_5 += answers;
        let (answers, requests, _) = simulate(20_000, 20, seed);
        assert!(answers >= 19_940, "99.7 % each time: {answers}");
        assert!(requests < 25_400, "{requests}");
        at_20 += answers;
    }
    assert!(at_5 >= 399_980, "100.0 % in all: {at_5}");
    assert!(at_20 >= 399_200, "99.8 % in all: {at_20}");
}

#[test]
fn each_response_error_has_its_cause() {
    use crate::Endpoint;
    use crate::lots::{GetLot, LotDetail};

    let read = |code: u16, body: &str| -> Result<LotDetail, ResponseError> {
        let response = http::Response::builder().status(code).header("retry-after", "7");
        let call = GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse().unwrap());
        call.parse(response.body(body.to_owned()).unwrap())
    };
    let fault = |code, body| Cause::from(&read(code, body).unwrap_err());
    let asked = Some(7 * SECOND);
    assert_eq!(fault(429, ""), Cause::Status(StatusCode::TOO_MANY_REQUESTS, asked));
    assert_eq!(fault(502, "<html>"), Cause::Status(StatusCode::BAD_GATEWAY, asked));
    assert_eq!(fault(404, "{}"), Cause::Status(StatusCode::NOT_FOUND, asked));
    assert_eq!(fault(200, r#"{"lot_id""#), Cause::Truncated);
    assert_eq!(fault(200, ""), Cause::Permanent);
    assert_eq!(fault(200, "<html>"), Cause::Permanent);
    assert_eq!(fault(302, ""), Cause::Permanent);
    assert_eq!(fault(600, ""), Cause::Permanent);
}

proptest! {
    #[test]
    fn no_decision_panics_or_overshoots(
        attempts: u32,
        left in prop::option::of(0_u64..100_000),
        asked in prop::option::of(0_u64..100_000),
        random: u32,
        code in 100_u16..1000,
    ) {
        let policy = RetryPolicy { max_attempts: u32::MAX, ..RetryPolicy::default() };
        let mut failure = FailedAttempt::new(MAY,
            Cause::Status(StatusCode::from_u16(code).unwrap(), asked.map(Duration::from_millis)),
            attempts,
        );
        failure.time_left = left.map(Duration::from_millis);
        if let Ok(delay) = policy.decide(&failure, &mut policy.budget(), random) {
            prop_assert!(failure.time_left.is_none_or(|left| delay < left));
            prop_assert!(asked.is_none_or(|asked| delay >= Duration::from_millis(asked)));
            prop_assert!(delay <= policy.max_delay.max(policy.max_retry_after));
        }
    }

    #[test]
    fn a_part_is_less_than_the_whole(seconds: u64, nanos in 0_u32..1_000_000_000, random: u32) {
        let whole = Duration::new(seconds, nanos);
        let part = part(whole, random);
        prop_assert!(part < whole || whole.is_zero());
        let exact = whole.as_nanos() * u128::from(random) / (1 << 32);
        prop_assert_eq!(part.as_nanos(), exact);
    }
}

#[test]
fn an_answer_without_the_identifier_is_not_dropped_for_a_second_one() {
    use crate::pay_status::{Chain, GetPayStatus, PaymentTarget};

    // It has a receipt that a second answer, canceled, would hide.
    let call = GetPayStatus::new(PaymentTarget::external_id("7").unwrap(), Chain::Polygon);
    let body = |id: &str| {
        format!(
            r#"{{"status": "ok", "data": {{"status": "done", "kamipay_id": "txc_1",
            "bank_txid": "E1"{id}}}}}"#
        )
    };
    let nobody_s = call.parse(http::Response::new(body(""))).unwrap_err();
    assert_eq!(Cause::from(&nobody_s), Cause::Permanent);
    let other = call.parse(http::Response::new(body(r#", "external_id": "8""#))).unwrap_err();
    assert_eq!(Cause::from(&other), Cause::Mismatch);
}
