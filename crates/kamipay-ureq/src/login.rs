//! The token in use: issued on first need, renewed before it ends, one login for all threads.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kamipay_proto::retry::Stop;
use kamipay_proto::{AccessToken, Api};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind};

/// Renewed so long before the end of its life, or a tenth of it where that is less.
const RENEW_BEFORE_END: Duration = Duration::from_secs(60);

/// After a renewal failed while the token is still good, the next is tried so much later.
const RENEW_AGAIN: Duration = Duration::from_secs(10);

/// The token of a client that logs in.
#[derive(Debug)]
pub(crate) struct Session {
    anonymous: Api,
    /// How long a refused login is not made again.
    again_after: Duration,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Held>,
    /// With the token that was issued last, refused meanwhile or not.
    latest: Option<Api>,
    issued: u64,
    /// Somebody is logging in right now.
    busy: bool,
    /// How the login that ended last failed, for those who waited for it.
    logins: u64,
    failure: Option<Error>,
    /// The API said no, and is not asked again before this time.
    refusal: Option<(Error, Option<Instant>)>,
    #[cfg(test)]
    waiting: usize,
}

/// A token in use.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) api: Api,
    /// Counts the tokens, to tell whether somebody else has renewed one meanwhile.
    number: u64,
    renew_at: Option<Instant>,
}

impl Held {
    /// One that is never renewed.
    pub(crate) fn fixed(api: Api) -> Self {
        Self { api, number: 0, renew_at: None }
    }
}

/// How much a login matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// There is no token to go on with.
    Now,
    /// The token in use is still good for a while: no call is to wait for another one.
    Soon,
}

impl Session {
    pub(crate) fn new(anonymous: Api, again_after: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { anonymous, again_after, clock, state: Mutex::default(), changed: Condvar::new() }
    }

    /// A token that is not `refused`: the one in use, or one that `login` brings.
    ///
    /// Only one thread logs in at a time; the others wait for it until their deadline, and share
    /// its failure. A login that the API refused is not made again for a while.
    pub(crate) fn token(
        &self,
        refused: Option<&Held>,
        deadline: Option<Instant>,
        login: impl FnOnce(Need) -> Result<AccessToken, Error>,
    ) -> Result<Held, ErrorKind> {
        let mut state = self.lock();
        let need = loop {
            let now = self.clock.now();
            let usable = state
                .token
                .as_ref()
                .filter(|held| refused.is_none_or(|it| it.number < held.number));
            let need = match usable {
                Some(held) if held.renew_at.is_none_or(|at| now < at) => return Ok(held.clone()),
                // Good for a little longer, and somebody is renewing it.
                Some(held) if state.busy => return Ok(held.clone()),
                Some(_) => Need::Soon,
                None => Need::Now,
            };
            if !state.busy {
                match (&state.refusal, usable) {
                    (Some((_, until)), _) if until.is_some_and(|until| now >= until) => {}
                    (Some(_), Some(held)) => return Ok(held.clone()),
                    (Some((refusal, _)), None) => return Err(ErrorKind::Login(refusal.clone())),
                    (None, _) => {}
                }
                break need;
            }
            let waited_for = state.logins;
            #[cfg(test)]
            (state.waiting += 1);
            state = self.wait(state, deadline)?;
            if state.logins != waited_for {
                // That others had no time left says nothing about those who have.
                let failure = state.failure.as_ref().filter(|it| it.stop() != Stop::Deadline);
                if let Some(failure) = failure.cloned() {
                    return Err(ErrorKind::Login(failure));
                }
            }
        };
        state.busy = true;
        drop(state);

        let turn = Turn(self);
        let outcome = login(need);
        let now = self.clock.now();
        let mut state = self.lock();
        state.logins += 1;
        let answer = match outcome {
            Ok(token) => {
                state.issued += 1;
                state.failure = None;
                state.refusal = None;
                // An answer may still echo the token before.
                let latest = state.latest.as_ref().unwrap_or(&self.anonymous);
                let api = latest.with_token(&token);
                state.latest = Some(api.clone());
                let held = Held { api, number: state.issued, renew_at: renew_at(&token, now) };
                state.token = Some(held.clone());
                Ok(held)
            }
            Err(error) => {
                if is_refusal(&error) {
                    let until = now.checked_add(self.again_after); // too far is for ever
                    state.refusal = Some((error.clone(), until));
                }
                state.failure = Some(error.clone());
                match &mut state.token {
                    // The old one was not refused: go on with it.
                    Some(held) if refused.is_none_or(|it| it.number < held.number) => {
                        held.renew_at = now.checked_add(RENEW_AGAIN);
                        Ok(held.clone())
                    }
                    _ => Err(ErrorKind::Login(error)),
                }
            }
        };
        drop(state);
        drop(turn);
        answer
    }

    /// Has the next call bring another token, unless somebody did already.
    pub(crate) fn refuse(&self, held: &Held) {
        let mut state = self.lock();
        state.token.take_if(|token| token.number <= held.number);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        deadline: Option<Instant>,
    ) -> Result<MutexGuard<'a, State>, ErrorKind> {
        let Some(deadline) = deadline else {
            return Ok(self.changed.wait(state).unwrap_or_else(PoisonError::into_inner));
        };
        let left = deadline.saturating_duration_since(self.clock.now());
        if left.is_zero() {
            return Err(ErrorKind::TimeIsUp);
        }
        let (state, _) =
            self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        Ok(state)
    }
}

/// The turn to log in, given back whatever happens.
struct Turn<'a>(&'a Session);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().busy = false;
        self.0.changed.notify_all();
    }
}

/// Whether the API understood the login and said no: asking again can only lock the account.
fn is_refusal(error: &Error) -> bool {
    error.status().is_some_and(|it| it.is_client_error() && !matches!(it.as_u16(), 408 | 429))
}

/// When to renew a token that came now: a tenth of its life, or a minute, before its end. `None`
/// where its life is not known: until a 401.
///
/// Its life is a matter of two numbers in it. The end alone could only be held against a clock on
/// the wall, and clocks on walls are wrong.
fn renew_at(token: &AccessToken, now: Instant) -> Option<Instant> {
    let life = token.lifetime()?;
    now.checked_add(life - RENEW_BEFORE_END.min(life / 10))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use kamipay_proto::{Endpoint as _, IssueToken};

    use super::*;
    use crate::clock::simulated::Simulated;
    use crate::error::{ConnectFault, History, Sent};

    const AGAIN: Duration = Duration::from_secs(300);

    fn session() -> (Session, Arc<Simulated>) {
        let clock = Arc::new(Simulated::new());
        (
            Session::new(Api::anonymous("http://localhost".parse().unwrap()), AGAIN, clock.clone()),
            clock,
        )
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
    fn a_token_is_renewed_a_minute_or_a_tenth_before_its_end() {
        let now = Instant::now();
        let after =
            |token: &AccessToken| renew_at(token, now).map(|at| at.duration_since(now).as_millis());
        assert_eq!(after(&jwt(86_400)), Some(86_340_000));
        assert_eq!(after(&jwt(3600)), Some(3_540_000));
        assert_eq!(after(&jwt(601)), Some(541_000));
        assert_eq!(after(&jwt(600)), Some(540_000));
        assert_eq!(after(&jwt(599)), Some(539_100));
        assert_eq!(after(&jwt(100)), Some(90_000));
        assert_eq!(after(&jwt(1)), Some(900));
    }

    #[test]
    fn f77_a_token_whose_life_makes_no_sense_is_used_until_a_401() {
        let now = Instant::now();
        assert_eq!(renew_at(&"opaque".parse().unwrap(), now), None);
        assert_eq!(renew_at(&jwt(0), now), None);
        assert_eq!(renew_at(&jwt(u64::MAX / 2), now), None);
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
    fn f78_a_token_is_renewed_by_the_clock_that_never_jumps() {
        let (session, clock) = session();
        session.token(None, None, |_| Ok(jwt(3600))).unwrap();
        for wall in [0, 4_000_000_000] {
            clock.set_wall(chrono::DateTime::from_timestamp(wall, 0).unwrap());
            let held = session.token(None, None, |_| panic!("not yet")).unwrap();
            assert_eq!(held.number, 1);
        }
        clock.pass(Duration::from_millis(3_539_999));
        session.token(None, None, |_| panic!("not yet")).unwrap();
        clock.pass(Duration::from_millis(1));
        let need = |need| {
            assert_eq!(need, Need::Soon);
            Ok(jwt(3600))
        };
        assert_eq!(session.token(None, None, need).unwrap().number, 2);
        session.token(None, None, |_| panic!("not yet")).unwrap();
    }

    #[test]
    fn one_login_serves_all_threads() {
        let ((session, _), logins) = (session(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    let held = session.token(None, None, |need| {
                        assert_eq!(need, Need::Now);
                        logins.fetch_add(1, Ordering::SeqCst);
                        thread::yield_now();
                        token("new")
                    });
                    assert_eq!(held.unwrap().number, 1);
                });
            }
        });
        assert_eq!(logins.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_refused_token_is_renewed_once_for_all_who_had_it() {
        let (session, _) = session();
        let old = session.token(None, None, |_| token("old")).unwrap();
        let first = session.token(Some(&old), None, |_| token("new")).unwrap();
        let second = session.token(Some(&old), None, |_| panic!("renewed already")).unwrap();
        assert_eq!((first.number, second.number), (2, 2));
        assert!(session.token(Some(&second), None, |_| Err(unreachable())).is_err());
    }

    #[test]
    fn f80_a_token_that_is_still_good_is_used_while_logins_fail() {
        let (session, clock) = session();
        session.token(None, None, |_| Ok(jwt(3600))).unwrap();
        clock.pass(Duration::from_secs(3540));
        for failure in [unreachable(), answered(503)] {
            let held = session.token(None, None, |_| Err(failure)).unwrap();
            assert_eq!(held.number, 1);
            // The next one is not tried at once.
            clock.pass(RENEW_AGAIN - Duration::from_millis(1));
            assert_eq!(session.token(None, None, |_| panic!("too early")).unwrap().number, 1);
            clock.pass(Duration::from_millis(1));
        }
        assert_eq!(session.token(None, None, |_| token("new")).unwrap().number, 2);
    }

    #[test]
    fn f80_who_had_an_older_token_goes_on_with_the_newer_one() {
        let (session, clock) = session();
        let old = session.token(None, None, |_| token("old")).unwrap();
        session.token(Some(&old), None, |_| Ok(jwt(3600))).unwrap();
        clock.pass(Duration::from_secs(3540)); // to be renewed, and nobody can
        let held = session.token(Some(&old), None, |_| Err(unreachable())).unwrap();
        assert_eq!(held.number, 2);
    }

    #[test]
    fn f80_who_needs_no_other_token_yet_does_not_wait_for_one() {
        let (session, clock) = session();
        session.token(None, None, |_| Ok(jwt(3600))).unwrap();
        clock.pass(Duration::from_secs(3540));
        let renewed = session.token(None, None, |_| {
            // Somebody else asks meanwhile, and has no time to wait.
            let now = Some(clock.now());
            let held = session.token(None, now, |_| panic!("a second login")).unwrap();
            assert_eq!(held.number, 1);
            token("new")
        });
        assert_eq!(renewed.unwrap().number, 2);
    }

    #[test]
    fn a_login_that_was_refused_is_not_made_again_for_a_while() {
        for status in [400, 401, 403, 422] {
            let (session, clock) = session();
            assert!(session.token(None, None, |_| Err(answered(status))).is_err());
            for _ in 0..2 {
                let again = session.token(None, None, |_| panic!("asked again"));
                let Err(ErrorKind::Login(error)) = again else { panic!("{again:?}") };
                assert_eq!(error.status().unwrap(), status);
                clock.pass(AGAIN / 2 - Duration::from_millis(1));
            }
            clock.pass(Duration::from_millis(1));
            assert!(session.token(None, None, |_| panic!("asked again")).is_err());
            clock.pass(Duration::from_millis(1));
            assert_eq!(session.token(None, None, |_| token("new")).unwrap().number, 1);
            session.token(None, None, |_| panic!("forgotten")).unwrap();
        }
    }

    #[test]
    fn a_login_that_failed_otherwise_is_made_again() {
        for failure in [unreachable(), answered(408), answered(429), answered(500), answered(302)] {
            let (session, _) = session();
            assert!(session.token(None, None, |_| Err(failure)).is_err());
            assert_eq!(session.token(None, None, |_| token("new")).unwrap().number, 1);
        }
    }

    #[test]
    fn f80_a_refused_login_does_not_take_a_token_away_that_is_still_good() {
        let (session, clock) = session();
        let held = session.token(None, None, |_| Ok(jwt(3600))).unwrap();
        clock.pass(Duration::from_secs(3540));
        session.token(None, None, |_| Err(answered(401))).unwrap();
        clock.pass(RENEW_AGAIN);
        assert_eq!(session.token(None, None, |_| panic!("asked again")).unwrap().number, 1);
        // Nor does it bring one where the API refused that, too.
        let refused = session.token(Some(&held), None, |_| panic!("asked again"));
        assert!(matches!(refused, Err(ErrorKind::Login(_))), "{refused:?}");
        clock.pass(AGAIN - RENEW_AGAIN);
        assert_eq!(session.token(None, None, |_| token("new")).unwrap().number, 2);
    }

    #[test]
    fn f86_a_refusal_can_be_remembered_for_ever_or_not_at_all() {
        let clock = Arc::new(Simulated::new());
        let base = Api::anonymous("http://localhost".parse().unwrap());
        let session = Session::new(base.clone(), Duration::MAX, clock.clone());
        assert!(session.token(None, None, |_| Err(answered(401))).is_err());
        clock.pass(Duration::from_secs(1 << 30));
        assert!(session.token(None, None, |_| panic!("asked again")).is_err());
        let session = Session::new(base, Duration::ZERO, clock);
        assert!(session.token(None, None, |_| Err(answered(401))).is_err());
        assert!(session.token(None, None, |_| token("new")).is_ok());
    }

    /// Has one thread log in and fail, and another one wait for it.
    fn waited_for(failure: Error) -> (Result<Held, ErrorKind>, Result<Held, ErrorKind>) {
        let (session, clock) = session();
        let (started, has_started) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let first = scope.spawn(|| {
                session.token(None, None, move |_| {
                    started.send(()).unwrap();
                    may_go.recv().unwrap();
                    Err(failure)
                })
            });
            has_started.recv().unwrap();
            let second = scope.spawn(|| session.token(None, None, |_| token("second")));
            let late = Some(clock.now());
            let third = session.token(None, late, |_| panic!("a third login"));
            assert!(matches!(third, Err(ErrorKind::TimeIsUp)));
            while session.lock().waiting < 2 {
                thread::yield_now();
            }
            go.send(()).unwrap();
            (first.join().unwrap(), second.join().unwrap())
        })
    }

    #[test]
    fn who_waited_for_a_login_shares_its_failure() {
        for failure in [unreachable(), answered(401)] {
            let (first, second) = waited_for(failure);
            assert!(matches!(first, Err(ErrorKind::Login(_))));
            assert!(matches!(second, Err(ErrorKind::Login(_))));
        }
    }

    #[test]
    fn who_waited_for_a_login_without_time_makes_one_of_its_own() {
        let (first, second) = waited_for(error(ErrorKind::TimeIsUp, Stop::Deadline));
        assert!(matches!(first, Err(ErrorKind::Login(_))));
        assert_eq!(second.unwrap().number, 1);
    }
}
