//! The token in use: issued on first need, renewed before it ends, one login for all threads.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kamipay_proto::{AccessToken, Api, BaseUrl};

use crate::error::{Error, ErrorKind};

/// Renewed so long before the end of its life, or a tenth of it where that is less.
const RENEW_BEFORE_END: Duration = Duration::from_secs(60);

/// After a renewal failed while the token is still good, the next is tried so much later.
const RENEW_AGAIN: Duration = Duration::from_secs(10);

/// The token of a client that logs in.
#[derive(Debug)]
pub(crate) struct Session {
    base: BaseUrl,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Held>,
    issued: u64,
    /// Somebody is logging in right now.
    busy: bool,
    /// How the login that ended last failed, for those who waited for it.
    logins: u64,
    failure: Option<Error>,
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

impl Session {
    pub(crate) fn new(base: BaseUrl) -> Self {
        Self { base, state: Mutex::default(), changed: Condvar::new() }
    }

    /// A token that is not `refused`: the one in use, or one that `login` brings.
    ///
    /// Only one thread logs in at a time; the others wait for it until their deadline, and share
    /// its failure.
    pub(crate) fn token(
        &self,
        refused: Option<&Held>,
        deadline: Option<Instant>,
        login: impl FnOnce() -> Result<AccessToken, Error>,
    ) -> Result<Held, ErrorKind> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let usable = state
                .token
                .as_ref()
                .filter(|held| refused.is_none_or(|it| it.number < held.number));
            match usable {
                Some(held) if held.renew_at.is_none_or(|at| now < at) => return Ok(held.clone()),
                // Good for a little longer, and somebody is renewing it.
                Some(held) if state.busy => return Ok(held.clone()),
                _ => {}
            }
            if !state.busy {
                break;
            }
            let waited_for = state.logins;
            #[cfg(test)]
            (state.waiting += 1);
            state = self.wait(state, deadline)?;
            if state.logins != waited_for {
                if let Some(failure) = state.failure.clone() {
                    return Err(ErrorKind::Login(failure));
                }
            }
        }
        state.busy = true;
        drop(state);

        let turn = Turn(self);
        let outcome = login();
        let mut state = self.lock();
        state.logins += 1;
        let answer = match outcome {
            Ok(token) => {
                state.issued += 1;
                state.failure = None;
                let held = Held {
                    api: Api::new(self.base.clone(), &token),
                    number: state.issued,
                    renew_at: renew_at(&token, Instant::now(), SystemTime::now()),
                };
                state.token = Some(held.clone());
                Ok(held)
            }
            Err(error) => {
                state.failure = Some(error.clone());
                match &mut state.token {
                    // The old one was not refused: go on with it.
                    Some(held) if refused.is_none_or(|it| it.number < held.number) => {
                        held.renew_at = Instant::now().checked_add(RENEW_AGAIN);
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
        let left = deadline.saturating_duration_since(Instant::now());
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

/// When to renew a token that came now. `None` where its life is not known: until a 401.
fn renew_at(token: &AccessToken, now: Instant, wall: SystemTime) -> Option<Instant> {
    // Two claims need no clock. With `exp` alone there is only the wall clock to ask, once; where
    // that makes no sense, the token is used until a 401.
    let life = token.lifetime().or_else(|| {
        let end = u64::try_from(token.expires_at()?.timestamp()).ok()?;
        let wall = wall.duration_since(UNIX_EPOCH).ok()?;
        Duration::from_secs(end).checked_sub(wall)
    })?;
    now.checked_add(life - RENEW_BEFORE_END.min(life / 10))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::error::ConnectFault;

    fn session() -> Session {
        Session::new("http://localhost".parse().unwrap())
    }

    fn token(text: &str) -> Result<AccessToken, Error> {
        Ok(text.parse().unwrap())
    }

    fn refused() -> Error {
        Error::new("POST /auth/token", ErrorKind::Connect(ConnectFault::Refused))
    }

    /// `iat` 0 and this `exp`.
    fn jwt(exp: u64) -> AccessToken {
        let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"iat":0,"exp":{exp}}}"#));
        format!("e30.{claims}.x").parse().unwrap()
    }

    #[test]
    fn a_token_is_renewed_a_minute_or_a_tenth_before_its_end() {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let after = |token: &AccessToken| {
            renew_at(token, now, wall).map(|at| at.duration_since(now).as_millis())
        };
        assert_eq!(after(&jwt(3600)), Some(3_540_000));
        assert_eq!(after(&jwt(600)), Some(540_000));
        assert_eq!(after(&jwt(100)), Some(90_000));
        assert_eq!(after(&jwt(1)), Some(900));
        assert_eq!(after(&jwt(0)), None);
        assert_eq!(after(&jwt(u64::MAX / 2)), None);
        assert_eq!(after(&"opaque".parse().unwrap()), None);
    }

    #[test]
    fn one_login_serves_all_threads() {
        let (session, logins) = (session(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    let held = session.token(None, None, || {
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
        let session = session();
        let old = session.token(None, None, || token("old")).unwrap();
        let first = session.token(Some(&old), None, || token("new")).unwrap();
        let second = session.token(Some(&old), None, || panic!("renewed already")).unwrap();
        assert_eq!((first.number, second.number), (2, 2));
        assert!(session.token(Some(&second), None, || Err(refused())).is_err());
    }

    #[test]
    fn who_waited_for_a_login_shares_its_failure() {
        let session = session();
        let (started, has_started) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let first = scope.spawn(|| {
                session.token(None, None, move || {
                    started.send(()).unwrap();
                    may_go.recv().unwrap();
                    Err(refused())
                })
            });
            has_started.recv().unwrap();
            let second = scope.spawn(|| session.token(None, None, || panic!("a second login")));
            let late = Some(Instant::now());
            let third = session.token(None, late, || panic!("a third login"));
            assert!(matches!(third, Err(ErrorKind::TimeIsUp)));
            while session.lock().waiting < 2 {
                thread::yield_now();
            }
            go.send(()).unwrap();
            assert!(matches!(first.join().unwrap(), Err(ErrorKind::Login(_))));
            assert!(matches!(second.join().unwrap(), Err(ErrorKind::Login(_))));
        });
    }
}
