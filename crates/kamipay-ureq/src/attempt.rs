//! What can be watched of a client: each attempt, without a secret and without a body.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use kamipay_proto::retry::{Cause, Stop};

use crate::error::ErrorKind;

/// One attempt at a call, after it ended: see [`Config::on_attempt`](crate::Config::on_attempt).
///
/// It holds neither the token, nor the body, nor the URL. Its `Display` is the line that goes to
/// the `log` crate, with the target `kamipay_ureq` at the level DEBUG:
///
/// ```text
/// GET /v1/lots, attempt 1, 30002 ms: the answer did not come in time; again in 112 ms
/// GET /v1/lots, attempt 2, 48 ms: answered
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The call, as in `GET /v1/lots/{lot_identifier}`.
    pub call: &'static str,
    /// Counts the attempts at this call, from 1.
    pub number: u32,
    /// Whether the answer was what was asked for, or what happened instead.
    pub outcome: Result<(), Cause>,
    /// The HTTP status of an answer that was an error.
    pub status: Option<StatusCode>,
    /// The identifier that the vendor's support finds the request by, where an error had one.
    pub request_id: Option<&'a str>,
    /// How long it took.
    pub took: Duration,
    /// How long it is until the next attempt. `None` if there is none.
    pub delay: Option<Duration>,
    /// Why there is no further attempt after one that failed.
    pub stop: Option<Stop>,
    pub(crate) error: Option<&'a ErrorKind>,
}

impl fmt::Display for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, attempt {}, {} ms: ", self.call, self.number, self.took.as_millis())?;
        match (self.error, self.status) {
            (None, _) => f.write_str("answered")?,
            // What the API says with it is a part of the body.
            (Some(_), Some(status)) => write!(f, "status {status}")?,
            (Some(error), None) => write!(f, "{error}")?,
        }
        match (self.delay, self.stop) {
            (Some(delay), _) => write!(f, "; again in {} ms", delay.as_millis()),
            (None, Some(stop)) => write!(f, "; not again: {stop}"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Debug for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("call", &self.call)
            .field("number", &self.number)
            .field("outcome", &self.outcome)
            .field("status", &self.status)
            .field("request_id", &self.request_id)
            .field("took", &self.took)
            .field("delay", &self.delay)
            .field("stop", &self.stop)
            .finish_non_exhaustive() // what the API says with an error is a part of the body
    }
}

/// A function that is told of each [`Attempt`].
///
/// It is called on the thread that makes the call, while other threads may wait for a login of that
/// thread: it should be quick, and must not use the client.
///
/// ```
/// use kamipay_ureq::{Config, OnAttempt};
///
/// let mut config = Config::default();
/// config.on_attempt = Some(OnAttempt::new(|attempt| eprintln!("{attempt}")));
/// ```
#[derive(Clone)]
pub struct OnAttempt(Arc<dyn Fn(&Attempt<'_>) + Send + Sync>);

impl OnAttempt {
    /// Tells `function`.
    pub fn new(function: impl Fn(&Attempt<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }

    pub(crate) fn tell(&self, attempt: &Attempt<'_>) {
        (self.0)(attempt);
    }
}

impl fmt::Debug for OnAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnAttempt(..)")
    }
}
