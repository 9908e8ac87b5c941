//! Whether to make a call once more, and when: a decision without a clock, randomness or sleep.
//!
//! A transport says what happened, and is told how long to wait or why to stop:
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
//! // The first attempt met a closed connection. Half of the way to the longest delay is asked for:
//! let failure = FailedAttempt::new(repeat, Cause::Closed, 1).with_time_left(Duration::from_secs(30));
//! assert_eq!(policy.decide(&failure, &mut budget, u32::MAX / 2 + 1), Ok(Duration::from_millis(100)));
//!
//! // The API asks for more time than there is: nobody waits in vain.
//! let fault = Cause::Status(http::StatusCode::TOO_MANY_REQUESTS, Some(Duration::from_secs(3600)));
//! let failure = FailedAttempt::new(repeat, fault, 2).with_time_left(Duration::from_secs(29));
//! assert_eq!(policy.decide(&failure, &mut budget, 0), Err(Stop::RetryAfter));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # The rules
//!
//! * Only what may pass is tried again: no connection, a connection that was closed, an answer that
//!   was cut or did not come in time, a 5xx, a 429, a 408.
//! * An answer to another request: once more, at once, on a fresh connection.
//! * Only a call that may arrive twice is repeated: a `GET`, and `POST /auth/token`.
//! * The delay is random between nothing and a ceiling that doubles: 0.2 s, 0.4 s, … 10 s ("full
//!   jitter": clients that failed together do not come back together).
//! * Never earlier than the API's `Retry-After` asks for.
//! * Never later than the deadline: what does not fit is not waited for.
//! * In an outage a client does not multiply its calls: retries are paid for from a budget, which
//!   only successes fill up again.

#[cfg(test)]
mod tests;

use std::time::Duration;

use http::{Method, Request, StatusCode};

use crate::error::{ResponseError, ResponseErrorKind};
use crate::{Endpoint, IssueToken};

/// When to make a call again, and how often.
///
/// ```
/// use kamipay_proto::retry::RetryPolicy;
///
/// let mut policy = RetryPolicy::default();
/// policy.max_attempts = 1; // never again
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often a call is made, the first time included. 4 unless told otherwise; 0 is as good as
    /// 1.
    pub max_attempts: u32,
    /// The ceiling of the delay before the second attempt. It doubles with each further one. 0.2
    /// seconds unless told otherwise.
    pub first_delay: Duration,
    /// The highest ceiling of a delay. 10 seconds unless told otherwise.
    pub max_delay: Duration,
    /// The longest `Retry-After` that is waited for, if the deadline allows for it. A minute unless
    /// told otherwise.
    pub max_retry_after: Duration,
    /// How many tokens the budget of a client holds. 100 unless told otherwise.
    pub budget_tokens: u32,
    /// How many of them a retry costs. 10 unless told otherwise; 0 for retries without a budget.
    pub retry_cost_tokens: u32,
    /// How many a call gives back that succeeds at once. 1 unless told otherwise. One that succeeds
    /// after retries gives back what they cost.
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
    /// A full budget, for one client and all its threads.
    pub fn budget(&self) -> RetryBudget {
        RetryBudget { tokens: self.budget_tokens }
    }

    /// Whether to make the call again after this delay, or why not.
    ///
    /// `random` is any number, each as likely as the others. A retry is paid for from the `budget`.
    ///
    /// # Errors
    ///
    /// Why the call is not made again.
    pub fn decide(
        &self,
        failure: &FailedAttempt,
        budget: &mut RetryBudget,
        random: u32,
    ) -> Result<Duration, Stop> {
        if !failure.cause.may_pass() {
            return Err(Stop::Permanent);
        }
        if !failure.repeat.is_allowed() {
            return Err(Stop::NotRepeatable);
        }
        if failure.cause == Cause::Mismatch {
            // Once, at once, and whatever `max_attempts` is: the connection was behind, or not.
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
        // As much as is left is too much: an attempt takes time, too.
        if delay >= left {
            return Err(Stop::Deadline);
        }
        budget.tokens = budget.tokens.checked_sub(self.retry_cost_tokens).ok_or(Stop::Budget)?;
        Ok(delay)
    }

    /// Fills the budget after a call that succeeded, at its first attempt or a later one.
    pub fn succeeded(&self, attempts: u32, budget: &mut RetryBudget) {
        let back = match attempts.saturating_sub(1) {
            0 => self.success_tokens,
            retries => self.retry_cost_tokens.saturating_mul(retries),
        };
        budget.tokens = budget.tokens.saturating_add(back).min(self.budget_tokens);
    }

    /// The longest delay after so many attempts.
    fn ceiling(&self, attempts: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first_delay.saturating_mul(doubled).min(self.max_delay)
    }
}

/// What is left for retries. One for all calls of a client: see [`RetryPolicy::budget`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryBudget {
    tokens: u32,
}

impl RetryBudget {
    /// How many tokens are left.
    pub fn tokens(&self) -> u32 {
        self.tokens
    }
}

/// Whether a call may arrive twice: a `GET` may, and `POST /auth/token`, and no other call.
///
/// A transport asks for it with the request that it is about to send. There is no other way to have
/// one:
///
/// ```compile_fail,E0423
/// use kamipay_proto::retry::Repeat;
///
/// let repeat = Repeat(true);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat(bool);

impl Repeat {
    /// Whether this call may arrive twice, with this request.
    ///
    /// The request's own method counts: what a call of your own is named by says nothing.
    pub fn of<E: Endpoint, B>(_call: &E, request: &Request<B>) -> Self {
        let is_login = request.method() == Method::POST && E::CALL == IssueToken::CALL;
        Self(request.method() == Method::GET || is_login)
    }

    /// Whether the call may be made again after a failure that may have reached the API.
    pub fn is_allowed(self) -> bool {
        self.0
    }
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedAttempt {
    /// Whether the call may arrive twice.
    pub repeat: Repeat,
    /// What happened.
    pub cause: Cause,
    /// How often the call was made, this time included. Of a [`Cause::Mismatch`]: how often that
    /// was the answer.
    pub attempts: u32,
    /// How much time there is until the call has to be over. `None` for no end.
    pub time_left: Option<Duration>,
}

impl FailedAttempt {
    /// A call that was made `attempts` times, with no end to its time.
    ///
    /// Nothing is assumed about the call. Without [`Repeat`] there is no failure:
    ///
    /// ```compile_fail,E0061
    /// use kamipay_proto::retry::{FailedAttempt, Cause};
    ///
    /// let failure = FailedAttempt::new(Cause::Closed, 1);
    /// ```
    pub fn new(repeat: Repeat, cause: Cause, attempts: u32) -> Self {
        Self { repeat, cause, attempts, time_left: None }
    }

    /// There is so much time left.
    #[must_use]
    pub fn with_time_left(mut self, left: Duration) -> Self {
        self.time_left = Some(left);
        self
    }
}

/// What happened to an attempt, as far as it matters for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// There was no connection, and nothing was sent.
    NotSent,
    /// The connection was closed or failed before an answer came.
    Closed,
    /// The answer was cut off.
    Truncated,
    /// The answer did not come in time.
    TimedOut,
    /// The answer was to another request. It passes on a fresh connection, or not at all.
    Mismatch,
    /// The API answered with this status, and asked for so much time with `Retry-After`.
    Status(StatusCode, Option<Duration>),
    /// No request can be made of the call.
    NoRequest,
    /// The server's certificate is not valid. Nothing was sent.
    Untrusted,
    /// Anything else that the next attempt would meet again: an answer that is too long, or one that
    /// cannot be read.
    Permanent,
}

impl Cause {
    /// Whether it may have passed by the next attempt.
    pub fn may_pass(self) -> bool {
        match self {
            Self::NotSent | Self::Closed | Self::Truncated | Self::TimedOut | Self::Mismatch => {
                true
            }
            // 408 is what some servers say to a connection that was idle, before they close it.
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

/// Of an answer that is an error.
impl From<&ResponseError> for Cause {
    fn from(error: &ResponseError) -> Self {
        match error.kind() {
            ResponseErrorKind::Api(refusal) => Self::Status(refusal.status, error.retry_after()),
            ResponseErrorKind::Decode(decode) if decode.truncated => Self::Truncated,
            // One that does not say whose it is may be about this payment, and must not be dropped.
            ResponseErrorKind::Mismatch(mismatch) if mismatch.came.is_some() => Self::Mismatch,
            _ => Self::Permanent,
        }
    }
}

/// Why a call is not made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Stop {
    /// The same would happen again.
    #[error("the same would happen again")]
    Permanent,
    /// The call is neither a `GET` nor `POST /auth/token`: it must not arrive twice.
    #[error("the call must not arrive twice")]
    NotRepeatable,
    /// It was made as often as the policy allows.
    #[error("no attempt was left")]
    Attempts,
    /// The next attempt would come after the deadline.
    #[error("there was no time for another attempt")]
    Deadline,
    /// The API asks for more time than there is, or than the policy allows.
    #[error("the API asks to wait longer than there is time")]
    RetryAfter,
    /// Too many calls failed before this one.
    #[error("too many calls failed lately for another attempt")]
    Budget,
}

/// `random` parts of the 2^32 of a time.
pub(crate) fn part(time: Duration, random: u32) -> Duration {
    let nanos = (time.as_nanos() * u128::from(random)) >> 32;
    let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    // Less than `time`, so both fit.
    Duration::new(u64::try_from(seconds).unwrap_or(u64::MAX), u32::try_from(nanos).unwrap_or(0))
}
