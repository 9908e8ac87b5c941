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
