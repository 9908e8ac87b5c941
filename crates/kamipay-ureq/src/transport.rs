//! A transport of one's own: see [`Client::with_transport`](crate::Client::with_transport).

use std::error::Error as StdError;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{HeaderValue, USER_AGENT};
use http::{Request, Response};
use kamipay_proto::retry::Cause;
use kamipay_proto::{CutOff, Secrets, Shown};

use crate::config::{Config, InvalidConfig, cap};
use crate::error::{ErrorKind, Sent};
use crate::exchange::{Exchange, REFUSAL_LIMIT, is_answer};

/// The limits of one request, for the function of [`Client::with_transport`].
///
/// [`Client::with_transport`]: crate::Client::with_transport
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportLimits {
    /// The time until the last byte of the answer. The rest of the call's time, and at most
    /// [`Config::attempt_timeout`].
    pub timeout: Duration,
    /// The time to connect, within `timeout`: [`Config::connect_timeout`].
    pub connect_timeout: Duration,
    /// The longest answer, in bytes, unpacked: [`Config::body_limit_bytes`]. The client refuses a
    /// longer one, but the function should not read more.
    pub body_limit_bytes: u64,
    /// The number of the pool of connections. A kept connection may be used only for a request with
    /// the number of the request that opened it.
    ///
    /// The number grows when an answer shows that kept connections cannot be trusted, and when a
    /// scan wants to hear from another server. A function that keeps no connections ignores it.
    pub pool: u64,
}

impl TransportLimits {
    /// The limits of a request with this much time, and otherwise those of the default
    /// [`Config`]: for a test of your function.
    pub fn new(timeout: Duration) -> Self {
        let Config { connect_timeout, body_limit_bytes, .. } = Config::default();
        Self { timeout, connect_timeout: connect_timeout.min(timeout), body_limit_bytes, pool: 0 }
    }
}

/// A request that got no answer, from the function of [`Client::with_transport`].
///
/// [`Client::with_transport`]: crate::Client::with_transport
#[derive(Clone, PartialEq, Eq)]
pub struct TransportError {
    fault: TransportFault,
    text: String,
}

kamipay_proto::debug_as_text!(TransportError);

impl TransportError {
    /// What happened, and the error of the HTTP client or a text.
    ///
    /// Errors show its text and those of its sources, without the token and the password. Leave out
    /// the URL: it may contain an identifier of a payment.
    pub fn new(fault: TransportFault, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { fault, text: kamipay_proto::with_causes(&*error.into()) }
    }

    /// What happened.
    pub fn fault(&self) -> TransportFault {
        self.fault
    }

    pub(crate) fn hiding(mut self, secrets: &Secrets) -> Self {
        self.text = secrets.hide(&self.text).into_owned();
        self
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.text).fmt(f)
    }
}

impl StdError for TransportError {}

/// How far an unanswered request got. It decides whether the call is tried again, and what a wait
/// for a payment may conclude.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportFault {
    /// Nothing was sent: no connection. Tried again.
    NotSent,
    /// Nothing was sent, because the server's certificate is not valid. Not tried again.
    Untrusted,
    /// The request may have arrived, and no byte of an answer came. Tried again.
    Unanswered,
    /// The request may have arrived, and a part of an answer may have come. Tried again. The safe
    /// choice for any other error: an answer that nobody read withholds permission to pay again.
    Lost,
}

impl TransportFault {
    pub(crate) fn sent(self) -> Sent {
        match self {
            Self::NotSent | Self::Untrusted => Sent::No,
            Self::Unanswered | Self::Lost => Sent::Maybe,
        }
    }

    pub(crate) fn cause(self) -> Cause {
        match self {
            Self::NotSent => Cause::NotSent,
            Self::Untrusted => Cause::Untrusted,
            Self::Unanswered => Cause::Closed,
            Self::Lost => Cause::Truncated,
        }
    }
}

/// Over a function.
pub(crate) struct Custom<F> {
    function: F,
    user_agent: HeaderValue,
    attempt_timeout: Duration,
    connect_timeout: Duration,
    body_limit_bytes: u64,
    pool: AtomicU64,
}

impl<F> Custom<F> {
    pub(crate) fn new(config: &Config, function: F) -> Result<Self, InvalidConfig> {
        let user_agent = config.user_agent()?.try_into().map_err(|_| InvalidConfig::UserAgent)?;
        let [attempt_timeout, connect_timeout] =
            [config.attempt_timeout, config.connect_timeout].map(cap);
        let body_limit_bytes = config.body_limit_bytes;
        let pool = AtomicU64::new(0);
        Ok(Self { function, user_agent, attempt_timeout, connect_timeout, body_limit_bytes, pool })
    }
}

impl<F> fmt::Debug for Custom<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Custom(..)")
    }
}

impl<F> Exchange for Custom<F>
where
    F: Fn(Request<Vec<u8>>, TransportLimits) -> Result<Response<Vec<u8>>, TransportError>
        + Send
        + Sync,
{
    fn send(
        &self,
        mut request: Request<Vec<u8>>,
        left: Duration,
    ) -> Result<Response<Vec<u8>>, ErrorKind> {
        let timeout = left.min(self.attempt_timeout);
        let connect_timeout = timeout.min(self.connect_timeout);
        if connect_timeout.is_zero() {
            return Err(ErrorKind::TimeIsUp);
        }
        request.headers_mut().insert(USER_AGENT, self.user_agent.clone());
        let body_limit_bytes = self.body_limit_bytes;
        let pool = self.pool.load(Ordering::SeqCst);
        let limits = TransportLimits { timeout, connect_timeout, body_limit_bytes, pool };
        let mut response = (self.function)(request, limits).map_err(ErrorKind::Transport)?;

        let length = response.body().len() as u64;
        if is_answer(response.status()) {
            return if length > body_limit_bytes { Err(ErrorKind::TooLarge) } else { Ok(response) };
        }
        // The status decides, even if the body is too long.
        let limit = body_limit_bytes.min(REFUSAL_LIMIT);
        if length > limit {
            response.body_mut().truncate(limit as usize);
            response.extensions_mut().insert(CutOff);
        }
        Ok(response)
    }

    fn drop_connections(&self) {
        self.pool.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
