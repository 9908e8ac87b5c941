//! The attempts of a client, without secrets and bodies.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use kamipay_proto::Shown;
use kamipay_proto::retry::{Cause, Stop};

use crate::error::ErrorKind;

/// One attempt at a call, after it ended: see [`Config::on_attempt`](crate::Config::on_attempt).
///
/// It contains neither token, body nor URL. Its `Display` is the line in the log:
///
/// ```text
/// GET /v1/lots, attempt 1, 30002 ms: the answer did not come in time; again in 112 ms
/// GET /v1/lots, attempt 2, 48 ms: status 200 OK (request id 0f3a)
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The call, as in `GET /v1/lots/{lot_identifier}`.
    pub call: &'static str,
    /// Counts the attempts at this call, from 1.
    pub number: u32,
    /// Success, or what happened instead.
    pub outcome: Result<(), Cause>,
    /// The HTTP status of the answer. `None` without an answer.
    pub status: Option<StatusCode>,
    /// The request's identifier for the vendor's support, where the answer contains one.
    pub request_id: Option<&'a str>,
    /// Its duration.
    pub took: Duration,
    /// The time until the next attempt. `None` if there is not another one.
    pub delay: Option<Duration>,
    /// Why no further attempt follows a failed one.
    pub stop: Option<Stop>,
    pub(crate) error: Option<&'a ErrorKind>,
}

impl fmt::Display for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, attempt {}, {} ms: ", self.call, self.number, self.took.as_millis())?;
        match (self.error, self.status) {
            // The API's message is a part of the body.
            (None | Some(ErrorKind::Answer(_)), Some(status)) => write!(f, "status {status}")?,
            (Some(error), _) => write!(f, "{error}")?,
            (None, None) => {} // an answer has a status
        }
        if let Some(id) = self.request_id {
            write!(f, " (request id {})", Shown(id))?;
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
            .finish_non_exhaustive() // the API's message is a part of the body
    }
}

/// A function to call after each [`Attempt`].
///
/// It runs on the thread of the call, and other threads may wait for a login of that thread. It has
/// to be quick, and must not use the client.
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
    /// Calls `function` after each attempt.
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
