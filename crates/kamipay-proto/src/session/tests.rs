use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;

use super::*;
use crate::Endpoint as _;

const SECOND: Duration = Duration::from_secs(1);

/// `iat` 0 and this `exp`.
fn jwt(exp: u64) -> AccessToken {
    let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"iat":0,"exp":{exp}}}"#));
    format!("e30.{claims}.x").parse().unwrap()
}

fn session() -> Session<&'static str> {
    Session::new("http://localhost".parse().unwrap(), IssueToken::new("u", "p"))
}

/// Whether a login may arrive twice, and a `POST` of a user's own may not.
fn repeat(may: bool) -> Repeat {
    let login = IssueToken::new("u", "p");
    let api = Api::anonymous("http://localhost".parse().unwrap());
    let mut request = login.request(&api).unwrap();
    if !may {
        *request.method_mut() = http::Method::PUT;
    }
    Repeat::of(&login, &request)
}

#[track_caller]
fn granted(access: Access<&str>) -> Token {
    match access {
        Access::Granted(token) => token,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_is_renewed_a_minute_or_a_tenth_before_its_end() {
    let now = Duration::from_secs(7);
    let after = |token: &AccessToken| renew_at(token, now).map(|at| (at - now).as_millis());
    assert_eq!(after(&jwt(86_400)), Some(86_340_000));
    assert_eq!(after(&jwt(3600)), Some(3_540_000));
    assert_eq!(after(&jwt(601)), Some(541_000));
    assert_eq!(after(&jwt(600)), Some(540_000));
    assert_eq!(after(&jwt(599)), Some(539_100));
    assert_eq!(after(&jwt(100)), Some(90_000));
    assert_eq!(after(&jwt(1)), Some(900));
}

#[test]
fn a_token_whose_life_makes_no_sense_is_used_until_a_401() {
    let now = Duration::from_secs(7);
    assert_eq!(renew_at(&"opaque".parse().unwrap(), now), None);
    assert_eq!(renew_at(&jwt(0), now), None);
    assert!(renew_at(&jwt(u64::MAX / 2), now) > Some(Duration::from_secs(1 << 60)));
    for claims in [
        r#"{"exp":9999999999}"#,
        r#"{"exp":1}"#,
        r#"{"iat":1}"#,
        r#"{"iat":9,"exp":1}"#,
        r#"{"iat":0,"exp":"3600"}"#,
        r#"{"iat":0,"exp":null}"#,
        r#"{"iat":-9223372036854775808,"exp":9223372036854775807}"#,
    ] {
        let token = format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims));
        assert_eq!(renew_at(&token.parse().unwrap(), now), None, "{claims}");
    }
}

#[test]
fn one_login_serves_all_calls_and_those_that_waited_share_its_failure() {
    for failure in [LoginFailure::Transient, LoginFailure::OutOfTime, LoginFailure::Refused] {
        let mut session = session();
        let (mut first, mut second) = (TokenUse::default(), TokenUse::default());
        assert!(matches!(session.token(&mut first, SECOND), Access::LogIn(Need::Now)));
        assert!(matches!(session.token(&mut second, SECOND), Access::Busy));
        assert!(matches!(session.token(&mut second, SECOND), Access::Busy));
        session.failed("no", failure, SECOND);
        assert!(matches!(session.token(&mut first, SECOND), Access::Failed("no")));
        match session.token(&mut second, SECOND) {
            Access::Failed("no") => assert_ne!(failure, LoginFailure::OutOfTime),
            Access::LogIn(Need::Now) => assert_eq!(failure, LoginFailure::OutOfTime),
            other => panic!("{failure:?}: {other:?}"),
        }
    }
}

#[test]
fn a_failure_is_shared_with_those_who_waited_even_while_another_login_is_under_way() {
    let mut session = session();
    let mut calls = [TokenUse::default(), TokenUse::default(), TokenUse::default()];
    assert!(matches!(session.token(&mut calls[0], SECOND), Access::LogIn(_)));
    assert!(matches!(session.token(&mut calls[1], SECOND), Access::Busy));
    session.failed("first", LoginFailure::Transient, SECOND);
    assert!(matches!(session.token(&mut calls[2], SECOND), Access::LogIn(_)));
    assert!(matches!(session.token(&mut calls[1], SECOND), Access::Failed("first")));
}

#[test]
fn an_early_renewal_that_fails_does_not_fail_a_call_that_needs_a_token_now() {
    for (failure, is_shared) in [
        (LoginFailure::Transient, false),
        (LoginFailure::OutOfTime, false),
        (LoginFailure::Refused, true),
    ] {
        let mut session = session();
        let (mut first, mut second) = (TokenUse::default(), TokenUse::default());
        assert!(matches!(session.token(&mut first, SECOND), Access::LogIn(_)));
        session.issued(&jwt(3600), SECOND);
        let token = granted(session.token(&mut second, SECOND));
        let late = 3600 * SECOND;
        assert!(matches!(session.token(&mut first, late), Access::Granted(_)));
        assert!(matches!(session.token(&mut first, late), Access::LogIn(Need::Soon)));
        // The API refuses the token meanwhile.
        assert!(session.unauthorized(&mut second, token, repeat(true)));
        assert!(matches!(session.token(&mut second, late), Access::Busy));
        session.failed("no", failure, late);
        match session.token(&mut second, late) {
            Access::Failed("no") => assert!(is_shared, "{failure:?}"),
            Access::LogIn(Need::Now) => assert!(!is_shared, "{failure:?}"),
            other => panic!("{failure:?}: {other:?}"),
        }
    }
}

#[test]
fn an_abandoned_login_is_made_by_the_next_call() {
    let mut session = session();
    assert!(matches!(session.token(&mut TokenUse::default(), SECOND), Access::LogIn(_)));
    session.abandoned();
    assert!(matches!(session.token(&mut TokenUse::default(), SECOND), Access::LogIn(_)));
}

#[test]
fn a_call_gets_one_new_token_after_a_401() {
    let mut session = session();
    let mut call = TokenUse::default();
    assert!(matches!(session.token(&mut call, SECOND), Access::LogIn(_)));
    session.issued(&"old".parse().unwrap(), SECOND);
    let old = granted(session.token(&mut call, SECOND));
    assert!(session.unauthorized(&mut call, old.clone(), repeat(true)));
    assert!(matches!(session.token(&mut call, SECOND), Access::LogIn(Need::Now)));
    session.issued(&"new".parse().unwrap(), SECOND);
    let new = granted(session.token(&mut call, SECOND));
    assert_eq!((old.number(), new.number()), (1, 2));
    assert!(!session.unauthorized(&mut call, new, repeat(true)), "a second 401 ends the call");

    // Another call that had the old token takes the new one.
    let mut late = TokenUse::default();
    assert!(session.unauthorized(&mut late, old, repeat(true)));
    assert_eq!(granted(session.token(&mut late, SECOND)).number(), 2);
}

/// In either order: the API refuses the token, and then its renewal, or an early renewal first.
#[test]
fn a_refused_token_is_not_used_after_its_renewal_was_refused() {
    for is_early in [false, true] {
        let mut session = session();
        let (mut first, mut second) = (TokenUse::default(), TokenUse::default());
        assert!(matches!(session.token(&mut first, SECOND), Access::LogIn(_)));
        session.issued(&jwt(3600), SECOND);
        let token = granted(session.token(&mut first, SECOND));
        let late = if is_early { 3600 * SECOND } else { 2 * SECOND };
        let refuse = |session: &mut Session<&'static str>| {
            session.failed("no", LoginFailure::Refused, late);
        };
        if is_early {
            assert!(matches!(session.token(&mut second, late), Access::LogIn(Need::Soon)));
            refuse(&mut session);
            assert_eq!(granted(session.token(&mut second, late)).number(), 1);
        }
        assert!(session.unauthorized(&mut first, token.clone(), repeat(true)));
        if !is_early {
            assert!(matches!(session.token(&mut first, late), Access::LogIn(Need::Now)));
            // Whether the renewal is refused is not known yet.
            assert_eq!(granted(session.token(&mut TokenUse::default(), late)).number(), 1);
            refuse(&mut session);
        }
        for call in [&mut first, &mut second, &mut TokenUse::default()] {
            assert!(matches!(session.token(call, late), Access::Failed("no")), "{is_early}");
        }
        // After a while the renewal is tried again. That it fails brings no old token back.
        let again = late + 300 * SECOND;
        let mut third = TokenUse::default();
        assert!(matches!(session.token(&mut third, again), Access::LogIn(Need::Now)));
        session.failed("closed", LoginFailure::Transient, again);
        assert!(matches!(session.token(&mut third, again), Access::Failed("closed")));
        assert!(matches!(session.token(&mut third, again), Access::LogIn(Need::Now)));
        session.issued(&jwt(3600), again);
        assert_eq!(granted(session.token(&mut third, again)).number(), 2);
    }
}

#[test]
fn a_call_that_must_not_arrive_twice_ends_at_a_401_and_the_next_call_logs_in() {
    let mut session = session();
    let mut call = TokenUse::default();
    assert!(matches!(session.token(&mut call, SECOND), Access::LogIn(_)));
    session.issued(&"old".parse().unwrap(), SECOND);
    let old = granted(session.token(&mut call, SECOND));
    assert!(!session.unauthorized(&mut call, old, repeat(false)));
    assert!(matches!(session.token(&mut TokenUse::default(), SECOND), Access::LogIn(Need::Now)));
}

#[test]
fn a_token_that_ends_while_it_is_asked_for_is_used_by_the_call_that_got_it() {
    let mut session = session();
    let mut call = TokenUse::default();
    assert!(matches!(session.token(&mut call, SECOND), Access::LogIn(_)));
    session.issued(&jwt(1), SECOND);
    assert_eq!(granted(session.token(&mut call, 9 * SECOND)).number(), 1);
    assert!(matches!(session.token(&mut call, 9 * SECOND), Access::LogIn(Need::Soon)));
}

#[test]
fn only_a_no_of_the_api_is_a_refusal() {
    for status in 400..=599 {
        let cause = Cause::Status(StatusCode::from_u16(status).unwrap(), None);
        let is_refusal = LoginFailure::from(cause) == LoginFailure::Refused;
        assert_eq!(is_refusal, status < 500 && status != 408 && status != 429, "{status}");
    }
    for cause in [Cause::NotSent, Cause::Closed, Cause::TimedOut, Cause::Permanent] {
        assert_eq!(LoginFailure::from(cause), LoginFailure::Transient);
    }
}

#[test]
fn an_answer_that_echoes_the_password_or_an_older_token_is_hidden() {
    let mut session: Session<&str> = Session::new(
        "http://localhost".parse().unwrap(),
        IssueToken::new("merchant", "a-long-password"),
    );
    for token in ["the-older-token", "the-newer-token"] {
        let mut call = TokenUse::default();
        if let Some(token) = session.token.clone() {
            session.unauthorized(&mut call, token, repeat(true));
        }
        assert!(matches!(session.token(&mut call, SECOND), Access::LogIn(_)));
        session.issued(&token.parse().unwrap(), SECOND);
    }
    let token = granted(session.token(&mut TokenUse::default(), SECOND));
    let refusal = http::Response::builder().status(403);
    let body = r#"{"message": "the-older-token the-newer-token a-long-password"}"#;
    let call = crate::lots::GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse().unwrap());
    let error = token.api().parse(&call, refusal.body(body).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "the API answered 403 Forbidden: *** *** ***");
}

#[test]
fn a_refused_renewal_shows_no_token_that_was_issued_before() {
    let mut session = session();
    let tokens: Vec<String> = (0..24).map(|n| format!("token-{n:02}-of-this-session")).collect();
    for token in &tokens {
        session.issued(&token.parse().unwrap(), SECOND);
        let mut refusal = http::Response::new(format!("{{\"detail\": \"{}\"}}", tokens.join(" ")));
        *refusal.status_mut() = StatusCode::FORBIDDEN;
        let error = session.api().parse(session.login(), refusal).unwrap_err().to_string();
        for issued in tokens.iter().filter(|it| *it <= token) {
            assert!(!error.contains(&**issued), "{issued} in {error}");
        }
    }
    let anonymous = session.api().get(&["v1", "lots"]).finish();
    assert_eq!(anonymous.unwrap_err(), crate::BuildError::NoToken);
}
