//! Shares one login between the threads of a client.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kamipay_proto::retry::{Repeat, Stop};
use kamipay_proto::session::{Access, LoginFailure, Need, Session, Token, TokenUse};
use kamipay_proto::{AccessToken, Api, IssueToken};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind};

/// Gets tokens from the session, and waits for the thread that logs in.
#[derive(Debug)]
pub(crate) struct Login {
    session: Mutex<Session<Error>>,
    /// A login ended.
    ended: Condvar,
    clock: Arc<dyn Clock>,
    started: Instant,
    request: IssueToken,
    #[cfg(test)]
    waiting: std::sync::atomic::AtomicUsize,
}

impl Login {
    pub(crate) fn new(session: Session<Error>, clock: Arc<dyn Clock>) -> Self {
        Self {
            request: session.login().clone(),
            session: Mutex::new(session),
            ended: Condvar::new(),
            started: clock.now(),
            clock,
            #[cfg(test)]
            waiting: Default::default(),
        }
    }

    pub(crate) fn request(&self) -> &IssueToken {
        &self.request
    }

    /// The API for the login. Its errors also hide the tokens issued so far.
    pub(crate) fn api(&self) -> Api {
        self.lock().api().clone()
    }

    /// A token for this call: the current one, or a new one from `log_in`.
    ///
    /// Only one thread logs in at a time. The others wait for it until their deadline.
    pub(crate) fn token(
        &self,
        call: &mut TokenUse,
        deadline: Option<Instant>,
        log_in: impl Fn(Need) -> Result<AccessToken, Error>,
    ) -> Result<Token, ErrorKind> {
        let mut session = self.lock();
        loop {
            match session.token(call, self.now()) {
                Access::Granted(token) => return Ok(token),
                Access::Failed(error) => return Err(ErrorKind::Login(error)),
                Access::Busy => session = self.wait(session, deadline)?,
                Access::LogIn(need) => {
                    drop(session);
                    let turn = Turn(self);
                    let outcome = log_in(need);
                    session = self.lock();
                    match outcome {
                        Ok(token) => session.issued(&token, self.now()),
                        Err(error) => {
                            let left =
                                deadline.map(|it| it.saturating_duration_since(self.clock.now()));
                            let failure = match error.stop() {
                                Stop::Deadline => LoginFailure::OutOfTime,
                                Stop::RetryAfter
                                    if left.is_some() && error.retry_after() >= left =>
                                {
                                    LoginFailure::OutOfTime
                                }
                                _ => error.kind().cause().into(),
                            };
                            session.failed(error, failure, self.now());
                        }
                    }
                    std::mem::forget(turn);
                    self.ended.notify_all();
                }
            }
        }
    }

    /// Whether to ask for another token after a 401, and to make the call once more.
    pub(crate) fn unauthorized(&self, call: &mut TokenUse, token: Token, repeat: Repeat) -> bool {
        self.lock().unauthorized(call, token, repeat)
    }

    /// The session's time.
    fn now(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.started)
    }

    fn lock(&self) -> MutexGuard<'_, Session<Error>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        session: MutexGuard<'a, Session<Error>>,
        deadline: Option<Instant>,
    ) -> Result<MutexGuard<'a, Session<Error>>, ErrorKind> {
        #[cfg(test)]
        self.waiting.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let Some(deadline) = deadline else {
            return Ok(self.ended.wait(session).unwrap_or_else(PoisonError::into_inner));
        };
        let left = deadline.saturating_duration_since(self.clock.now());
        if left.is_zero() {
            return Err(ErrorKind::TimeIsUp);
        }
        let (session, _) =
            self.ended.wait_timeout(session, left).unwrap_or_else(PoisonError::into_inner);
        Ok(session)
    }
}

/// Gives back the turn to log in if the thread panics.
struct Turn<'a>(&'a Login);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().abandoned();
        self.0.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use kamipay_proto::Endpoint as _;

    use super::*;
    use crate::clock::simulated::Simulated;
    use crate::error::{ConnectFault, History, Sent};

    /// A renewal is tried again.
    const AGAIN_SOON: Duration = Duration::from_secs(10);
    const AGAIN: Duration = Duration::from_secs(300);

    fn held_for(time: Duration) -> (Login, Arc<Simulated>) {
        let clock = Arc::new(Simulated::new());
        let base = "http://localhost".parse().unwrap();
        let session = Session::new(base, IssueToken::new("u", "p")).with_refusal_held_for(time);
        (Login::new(session, clock.clone()), clock)
    }

    fn session() -> (Login, Arc<Simulated>) {
        held_for(AGAIN)
    }

    /// A call's way to a token, after a 401 with `refused`.
    fn ask(
        login: &Login,
        refused: Option<&Token>,
        deadline: Option<Instant>,
        log_in: impl FnOnce(Need) -> Result<AccessToken, Error>,
    ) -> Result<Token, ErrorKind> {
        let mut call = TokenUse::default();
        if let Some(token) = refused {
            let request = login.request().request(&login.api()).unwrap();
            let repeat = Repeat::of(login.request(), &request);
            assert!(login.unauthorized(&mut call, token.clone(), repeat));
        }
        let log_in = Cell::new(Some(log_in));
        login.token(&mut call, deadline, |need| log_in.take().expect("a second login")(need))
    }

    fn token(text: &str) -> Result<AccessToken, Error> {
        Ok(text.parse().unwrap())
    }

    fn error(kind: ErrorKind, stop: Stop) -> Error {
        let (attempts, elapsed) = (1, Duration::ZERO);
        Error::new("POST /auth/token", kind, History { sent: Sent::No, attempts, elapsed, stop })
    }

    /// The API cannot be reached.
    fn unreachable() -> Error {
        error(ErrorKind::Connect(ConnectFault::Refused), Stop::Attempts)
    }

    /// The API answers with this status.
    fn answered(status: u16) -> Error {
        let mut response = http::Response::new("");
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        let answer = IssueToken::new("u", "p").parse(response).unwrap_err();
        error(ErrorKind::Answer(answer), Stop::Permanent)
    }

    /// `iat` 0 and this `exp`.
    fn jwt(exp: u64) -> AccessToken {
        let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"iat":0,"exp":{exp}}}"#));
        format!("e30.{claims}.x").parse().unwrap()
    }

    #[test]
    fn a_token_is_renewed_by_the_clock_that_never_jumps() {
        let (session, clock) = session();
        ask(&session, None, None, |_| Ok(jwt(3600))).unwrap();
        for wall in [0, 4_000_000_000] {
            clock.set_wall(chrono::DateTime::from_timestamp(wall, 0).unwrap());
            let held = ask(&session, None, None, |_| panic!("not yet")).unwrap();
            assert_eq!(held.number(), 1);
        }
        clock.pass(Duration::from_millis(3_539_999));
        ask(&session, None, None, |_| panic!("not yet")).unwrap();
        clock.pass(Duration::from_millis(1));
        let need = |need| {
            assert_eq!(need, Need::Soon);
            Ok(jwt(3600))
        };
        assert_eq!(ask(&session, None, None, need).unwrap().number(), 2);
        ask(&session, None, None, |_| panic!("not yet")).unwrap();
    }

    #[test]
    fn one_login_serves_all_threads() {
        let ((session, _), logins) = (session(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    let held = ask(&session, None, None, |need| {
                        assert_eq!(need, Need::Now);
                        logins.fetch_add(1, Ordering::SeqCst);
                        thread::yield_now();
                        token("new")
                    });
                    assert_eq!(held.unwrap().number(), 1);
                });
            }
        });
        assert_eq!(logins.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_refused_token_is_renewed_once_for_all_who_had_it() {
        let (session, _) = session();
        let old = ask(&session, None, None, |_| token("old")).unwrap();
        let first = ask(&session, Some(&old), None, |_| token("new")).unwrap();
        let second = ask(&session, Some(&old), None, |_| panic!("renewed already")).unwrap();
        assert_eq!((first.number(), second.number()), (2, 2));
        assert!(ask(&session, Some(&second), None, |_| Err(unreachable())).is_err());
    }

    #[test]
    fn a_token_that_is_still_good_is_used_while_logins_fail() {
        let (session, clock) = session();
        ask(&session, None, None, |_| Ok(jwt(3600))).unwrap();
        clock.pass(Duration::from_secs(3540));
        for failure in [unreachable(), answered(503)] {
            let held = ask(&session, None, None, |_| Err(failure)).unwrap();
            assert_eq!(held.number(), 1);
            // The next one is not tried at once.
            clock.pass(AGAIN_SOON - Duration::from_millis(1));
            assert_eq!(ask(&session, None, None, |_| panic!("too early")).unwrap().number(), 1);
            clock.pass(Duration::from_millis(1));
        }
        assert_eq!(ask(&session, None, None, |_| token("new")).unwrap().number(), 2);
    }

    #[test]
    fn who_had_an_older_token_goes_on_with_the_newer_one() {
        let (session, clock) = session();
        let old = ask(&session, None, None, |_| token("old")).unwrap();
        ask(&session, Some(&old), None, |_| Ok(jwt(3600))).unwrap();
        clock.pass(Duration::from_secs(3540)); // to be renewed, and nobody can
        let held = ask(&session, Some(&old), None, |_| Err(unreachable())).unwrap();
        assert_eq!(held.number(), 2);
    }

    #[test]
    fn who_needs_no_other_token_yet_does_not_wait_for_one() {
        let (session, clock) = session();
        ask(&session, None, None, |_| Ok(jwt(3600))).unwrap();
        clock.pass(Duration::from_secs(3540));
        let renewed = ask(&session, None, None, |_| {
            // Somebody else asks meanwhile, and has no time to wait.
            let now = Some(clock.now());
            let held = ask(&session, None, now, |_| panic!("a second login")).unwrap();
            assert_eq!(held.number(), 1);
            token("new")
        });
        assert_eq!(renewed.unwrap().number(), 2);
    }

    #[test]
    fn a_login_that_was_refused_is_not_made_again_for_a_while() {
        for status in [400, 401, 403, 422] {
            let (session, clock) = session();
            assert!(ask(&session, None, None, |_| Err(answered(status))).is_err());
            for _ in 0..2 {
                let again = ask(&session, None, None, |_| panic!("asked again"));
                let Err(ErrorKind::Login(error)) = again else { panic!("{again:?}") };
                assert_eq!(error.status().unwrap(), status);
                clock.pass(AGAIN / 2 - Duration::from_millis(1));
            }
            clock.pass(Duration::from_millis(1));
            assert!(ask(&session, None, None, |_| panic!("asked again")).is_err());
            clock.pass(Duration::from_millis(1));
            assert_eq!(ask(&session, None, None, |_| token("new")).unwrap().number(), 1);
            ask(&session, None, None, |_| panic!("forgotten")).unwrap();
        }
    }

    #[test]
    fn a_login_that_failed_otherwise_is_made_again() {
        for failure in [unreachable(), answered(408), answered(429), answered(500), answered(302)] {
            let (session, _) = session();
            assert!(ask(&session, None, None, |_| Err(failure)).is_err());
            assert_eq!(ask(&session, None, None, |_| token("new")).unwrap().number(), 1);
        }
    }

    #[test]
    fn a_refused_login_does_not_take_a_token_away_that_is_still_good() {
        let (session, clock) = session();
        let held = ask(&session, None, None, |_| Ok(jwt(3600))).unwrap();
        clock.pass(Duration::from_secs(3540));
        ask(&session, None, None, |_| Err(answered(401))).unwrap();
        clock.pass(AGAIN_SOON);
        assert_eq!(ask(&session, None, None, |_| panic!("asked again")).unwrap().number(), 1);
        // Nor does it bring one where the API refused that, too.
        let refused = ask(&session, Some(&held), None, |_| panic!("asked again"));
        assert!(matches!(refused, Err(ErrorKind::Login(_))), "{refused:?}");
        clock.pass(AGAIN - AGAIN_SOON);
        assert_eq!(ask(&session, None, None, |_| token("new")).unwrap().number(), 2);
    }

    #[test]
    fn a_refusal_can_be_remembered_for_ever_or_not_at_all() {
        let (session, clock) = held_for(Duration::MAX);
        assert!(ask(&session, None, None, |_| Err(answered(401))).is_err());
        clock.pass(Duration::from_secs(1 << 30));
        assert!(ask(&session, None, None, |_| panic!("asked again")).is_err());
        let (session, _) = held_for(Duration::ZERO);
        assert!(ask(&session, None, None, |_| Err(answered(401))).is_err());
        assert!(ask(&session, None, None, |_| token("new")).is_ok());
    }

    /// Has one thread log in with this time and fail, and another one wait for it with all the time.
    fn waited_for(
        time: Option<Duration>,
        failure: Error,
    ) -> (Result<Token, ErrorKind>, Result<Token, ErrorKind>) {
        let (session, clock) = session();
        let deadline = time.map(|time| clock.now() + time);
        let (started, has_started) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let first = scope.spawn(|| {
                ask(&session, None, deadline, move |_| {
                    started.send(()).unwrap();
                    may_go.recv().unwrap();
                    Err(failure)
                })
            });
            has_started.recv().unwrap();
            let second = scope.spawn(|| ask(&session, None, None, |_| token("second")));
            let late = Some(clock.now());
            let third = ask(&session, None, late, |_| panic!("a third login"));
            assert!(matches!(third, Err(ErrorKind::TimeIsUp)));
            while session.waiting.load(Ordering::SeqCst) < 2 {
                thread::yield_now();
            }
            go.send(()).unwrap();
            (first.join().unwrap(), second.join().unwrap())
        })
    }

    #[test]
    fn who_waited_for_a_login_shares_its_failure() {
        for failure in [unreachable(), answered(401)] {
            let (first, second) = waited_for(None, failure);
            assert!(matches!(first, Err(ErrorKind::Login(_))));
            assert!(matches!(second, Err(ErrorKind::Login(_))));
        }
    }

    #[test]
    fn who_waited_for_a_login_without_time_makes_one_of_its_own() {
        let (first, second) = waited_for(None, error(ErrorKind::TimeIsUp, Stop::Deadline));
        assert!(matches!(first, Err(ErrorKind::Login(_))));
        assert_eq!(second.unwrap().number(), 1);
    }

    #[test]
    fn who_waited_for_a_login_that_could_not_wait_long_enough_makes_one_of_its_own() {
        for (seconds, is_shared) in [(None, true), (Some(60), false), (Some(61), true)] {
            let mut response = http::Response::new("");
            *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
            response.headers_mut().insert("retry-after", "60".parse().unwrap());
            let answer = IssueToken::new("u", "p").parse(response).unwrap_err();
            let failure = error(ErrorKind::Answer(answer), Stop::RetryAfter);
            let (first, second) = waited_for(seconds.map(Duration::from_secs), failure);
            assert!(matches!(first, Err(ErrorKind::Login(_))));
            // With more time, the first one could not have waited either.
            assert_eq!(second.is_err(), is_shared, "{seconds:?}");
        }
    }
}
