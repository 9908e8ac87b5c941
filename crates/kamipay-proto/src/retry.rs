//! Decides whether and when to repeat a call, without clock, randomness or sleep.
//!
//! A transport reports a failure and gets a delay, or a reason to stop:
//!
//! ```
//! use std::time::Duration;
//! use kamipay_proto::retry::{FailedAttempt, Cause, Repeat, RetryPolicy, Stop};
//! use kamipay_proto::{Api, Endpoint, lots::GetLot};
//!
//! let policy = RetryPolicy::default();
//! let mut budget = policy.budget();
//!
//! let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
//! let call = GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse()?);
//! let request = call.request(&api)?;
//! let repeat = Repeat::of(&call, &request); // a GET: it may arrive twice
//!
//! // The connection was closed in the first attempt. The delay is half of the longest one:
//! let failure = FailedAttempt::new(repeat, Cause::Closed, 1).with_time_left(Duration::from_secs(30));
//! assert_eq!(policy.decide(&failure, &mut budget, u32::MAX / 2 + 1), Ok(Duration::from_millis(100)));
//!
//! // `Retry-After` is longer than the time left:
//! let fault = Cause::Status(http::StatusCode::TOO_MANY_REQUESTS, Some(Duration::from_secs(3600)));
//! let failure = FailedAttempt::new(repeat, fault, 2).with_time_left(Duration::from_secs(29));
//! assert_eq!(policy.decide(&failure, &mut budget, 0), Err(Stop::RetryAfter));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # The rules
//!
//! * Only temporary failures are repeated: no connection, a closed connection, an answer that is
//!   cut or late, and the statuses 5xx, 429 and 408.
//! * Another request's response is repeated once, at once, on a fresh connection.
//! * Only a call that may arrive twice is repeated: a `GET`, or `POST /auth/token`.
//! * The delay is random, from zero to a ceiling that doubles: 0.2 s, 0.4 s, … 10 s. This "full
//!   jitter" spreads clients that failed together.
//! * The delay is never shorter than the API's `Retry-After`.
//! * The delay never reaches the deadline: if it would, the call stops at once.
//! * Retries are paid from a budget that only successes refill. So a client does not multiply its
//!   calls in an outage.

#[cfg(test)]
mod tests;

use std::time::Duration;

use http::{Method, Request, StatusCode};

use crate::error::{ResponseError, ResponseErrorKind};
use crate::{Endpoint, IssueToken};

/// The limits and delays of repeated calls.
///
/// ```
/// use kamipay_proto::retry::RetryPolicy;
///
/// let mut policy = RetryPolicy::default();
/// policy.max_attempts = 1; // no retries
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Maximum attempts of a call, including the first one. Default: 4. 0 means 1.
    pub max_attempts: u32,
    /// Ceiling of the delay before the second attempt. It doubles for each further attempt.
    /// Default: 0.2 seconds.
    pub first_delay: Duration,
    /// Maximum ceiling of a delay. Default: 10 seconds.
    pub max_delay: Duration,
    /// Maximum `Retry-After` to wait for. A longer one stops the call. Default: 60 seconds.
    pub max_retry_after: Duration,
    /// Tokens in a full budget. Default: 100.
    pub budget_tokens: u32,
    /// Tokens that a retry costs. Default: 10. 0 turns the budget off.
    pub retry_cost_tokens: u32,
    /// Tokens that a call returns to the budget if its first attempt succeeds. Default: 1. A call
    /// that succeeds after retries returns their cost.
    pub success_tokens: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            first_delay: Duration::from_millis(200),
            max_delay: Duration::from_secs(10),
            max_retry_after: Duration::from_secs(60),
            budget_tokens: 100,
            retry_cost_tokens: 10,
            success_tokens: 1,
        }
    }
}

impl RetryPolicy {
    /// A full budget, to share among all calls of a client.
    pub fn budget(&self) -> RetryBudget {
        RetryBudget { tokens: self.budget_tokens }
    }

    /// Returns the delay before the next attempt, and takes its cost from `budget`.
    ///
    /// `random` is a uniformly distributed number.
    ///
    /// # Errors
    ///
    /// The reason not to repeat the call.
    pub fn decide(
        &self,
        failure: &FailedAttempt,
        budget: &mut RetryBudget,
        random: u32,
    ) -> Result<Duration, Stop> {
        if !failure.cause.is_temporary() {
            return Err(Stop::Permanent);
        }
        if !failure.repeat.is_allowed() {
            return Err(Stop::NotRepeatable);
        }
        if failure.cause == Cause::Mismatch {
            // Once, at once, regardless of `max_attempts`: a fresh connection helps, or nothing
            // does.
            let is_first = failure.attempts <= 1 && failure.time_left != Some(Duration::ZERO);
            return if is_first { Ok(Duration::ZERO) } else { Err(Stop::Permanent) };
        }
        if failure.attempts >= self.max_attempts {
            return Err(Stop::Attempts);
        }
        let asked = failure.cause.retry_after();
        let left = failure.time_left.unwrap_or(Duration::MAX);
        if asked.is_some_and(|asked| asked > self.max_retry_after || asked >= left) {
            return Err(Stop::RetryAfter);
        }
        let delay = part(self.ceiling(failure.attempts), random).max(asked.unwrap_or_default());
        // The attempt itself takes time as well.
        if delay >= left {
            return Err(Stop::Deadline);
        }
        budget.tokens = budget.tokens.checked_sub(self.retry_cost_tokens).ok_or(Stop::Budget)?;
        Ok(delay)
    }

    /// Refills the budget after a call that succeeded at attempt number `attempts`.
    pub fn succeeded(&self, attempts: u32, budget: &mut RetryBudget) {
        let back = match attempts.saturating_sub(1) {
            0 => self.success_tokens,
            retries => self.retry_cost_tokens.saturating_mul(retries),
        };
        budget.tokens = budget.tokens.saturating_add(back).min(self.budget_tokens);
    }

    /// The maximum delay after this many attempts.
    fn ceiling(&self, attempts: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first_delay.saturating_mul(doubled).min(self.max_delay)
    }
}

/// The tokens left for retries, shared by all calls of a client: see [`RetryPolicy::budget`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryBudget {
    tokens: u32,
}

impl RetryBudget {
    /// The tokens left.
    pub fn tokens(&self) -> u32 {
        self.tokens
    }
}

/// Whether a call may arrive twice: only a `GET` and `POST /auth/token` may.
///
/// [`Repeat::of`] is the only way to create it, from the request that is about to be sent:
///
/// ```compile_fail,E0423
/// use kamipay_proto::retry::Repeat;
///
/// let repeat = Repeat(true);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat(bool);

impl Repeat {
    /// Whether this call with this request may arrive twice.
    ///
    /// The method and the path of the request decide, not the name of the call alone: a `POST` to
    /// another path is not a login, whatever its name is. The base URL may have a path before
    /// `/auth/token`.
    pub fn of<E: Endpoint, B>(_call: &E, request: &Request<B>) -> Self {
        let path = IssueToken::CALL.strip_prefix("POST ").filter(|_| E::CALL == IssueToken::CALL);
        let is_login = request.method() == Method::POST
            && path.is_some_and(|path| request.uri().path().ends_with(path));
        Self(request.method() == Method::GET || is_login)
    }

    /// Whether the call may be repeated even if the failed attempt reached the API.
    pub fn is_allowed(self) -> bool {
        self.0
    }
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedAttempt {
    /// Whether the call may arrive twice.
    pub repeat: Repeat,
    /// Why the attempt failed.
    pub cause: Cause,
    /// Attempts so far, including this one. For a [`Cause::Mismatch`]: mismatches so far.
    pub attempts: u32,
    /// Time left until the deadline. `None`: no deadline. Default: `None`.
    pub time_left: Option<Duration>,
}

impl FailedAttempt {
    /// A failed attempt without a deadline.
    ///
    /// Whether the call may arrive twice has no default:
    ///
    /// ```compile_fail,E0061
    /// use kamipay_proto::retry::{FailedAttempt, Cause};
    ///
    /// let failure = FailedAttempt::new(Cause::Closed, 1);
    /// ```
    pub fn new(repeat: Repeat, cause: Cause, attempts: u32) -> Self {
        Self { repeat, cause, attempts, time_left: None }
    }

    /// Sets the time left until the deadline.
    #[must_use]
    pub fn with_time_left(mut self, left: Duration) -> Self {
        self.time_left = Some(left);
        self
    }
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// No connection: nothing was sent.
    NotSent,
    /// The connection closed or failed before an answer arrived.
    Closed,
    /// The answer was cut off.
    Truncated,
    /// The answer did not arrive in time.
    TimedOut,
    /// Another request's response arrived.
    Mismatch,
    /// The API answered with this status, and possibly a `Retry-After`.
    Status(StatusCode, Option<Duration>),
    /// No request can be made of the call.
    NoRequest,
    /// The server's certificate is not valid, or it refuses the client's. Nothing was sent.
    Untrusted,
    /// Any other failure that repeats: an answer that is too long, or cannot be read.
    Permanent,
}

impl Cause {
    /// Whether the next attempt may succeed.
    pub(crate) fn is_temporary(self) -> bool {
        match self {
            Self::NotSent | Self::Closed | Self::Truncated | Self::TimedOut | Self::Mismatch => {
                true
            }
            // Some servers send a 408 on an idle connection before they close it.
            Self::Status(status, _) => matches!(status.as_u16(), 408 | 429 | 500..=599),
            Self::NoRequest | Self::Untrusted | Self::Permanent => false,
        }
    }

    fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Status(_, retry_after) => retry_after,
            _ => None,
        }
    }
}

impl From<&ResponseError> for Cause {
    fn from(error: &ResponseError) -> Self {
        match error.kind() {
            ResponseErrorKind::Api(refusal) => Self::Status(refusal.status, error.retry_after()),
            ResponseErrorKind::Decode(decode) if decode.truncated => Self::Truncated,
            // Without an identifier the answer may be about this payment, and must not be dropped.
            ResponseErrorKind::Mismatch(mismatch) if mismatch.came.is_some() => Self::Mismatch,
            _ => Self::Permanent,
        }
    }
}

/// Why a call is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Stop {
    /// Another attempt would fail the same way.
    #[error("another attempt would fail the same way")]
    Permanent,
    /// The call must not arrive twice: it is neither a `GET` nor `POST /auth/token`.
    #[error("the call must not arrive twice")]
    NotRepeatable,
    /// [`RetryPolicy::max_attempts`] is reached.
    #[error("no attempt was left")]
    Attempts,
    /// The delay reaches the deadline.
    #[error("there was no time for another attempt")]
    Deadline,
    /// `Retry-After` is longer than the time left, or than [`RetryPolicy::max_retry_after`].
    #[error("the API asks to wait longer than there is time")]
    RetryAfter,
    /// The budget is spent: too many calls failed before this one.
    #[error("too many calls failed lately for another attempt")]
    Budget,
}

/// `time * random / 2^32`.
pub(crate) fn part(time: Duration, random: u32) -> Duration {
    let nanos = (time.as_nanos() * u128::from(random)) >> 32;
    let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    // Less than `time`, so both fit.
    Duration::new(u64::try_from(seconds).unwrap_or(u64::MAX), u32::try_from(nanos).unwrap_or(0))
}
