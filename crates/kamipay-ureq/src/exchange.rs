//! One request, one response: ureq with every bound set.

use std::fmt;
use std::io::Read;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Request, Response, StatusCode};

use crate::config::{Config, InvalidConfig, cap};
use crate::error::{ErrorKind, Stage, classify};

/// Sends a request and reads its answer whole, once.
pub(crate) trait Exchange: fmt::Debug + Send + Sync {
    /// Within the time that is `left`, or the limit of an attempt where that is shorter.
    fn send(
        &self,
        request: Request<Vec<u8>>,
        left: Duration,
    ) -> Result<Response<Vec<u8>>, ErrorKind>;

    /// Starts over with no connection kept.
    fn drop_connections(&self);
}

/// So much is read of what comes with a status that is no answer.
const REFUSAL_LIMIT: u64 = 1 << 20;

/// Over ureq.
#[derive(Debug)]
pub(crate) struct Sockets {
    agent: RwLock<ureq::Agent>,
    attempt_timeout: Duration,
    connect_timeout: Duration,
    body_limit: u64,
}

impl Sockets {
    pub(crate) fn new(config: &Config) -> Result<Self, InvalidConfig> {
        Ok(Self {
            agent: RwLock::new(config.agent()?),
            attempt_timeout: cap(config.attempt_timeout),
            connect_timeout: cap(config.connect_timeout),
            body_limit: config.body_limit_bytes,
        })
    }

    fn run(
        &self,
        request: Request<impl ureq::AsSendBody>,
        left: Duration,
    ) -> Result<Response<ureq::Body>, ureq::Error> {
        let agent = self.agent.read().unwrap_or_else(PoisonError::into_inner).clone();
        // The agent's own limits are those of a whole attempt. A setting for the one request costs
        // a TLS configuration of its own, so it is made only where less time is left.
        if left == self.attempt_timeout {
            return agent.run(request);
        }
        let connect = Some(left.min(self.connect_timeout));
        let request = agent
            .configure_request(request)
            .timeout_resolve(connect)
            .timeout_connect(connect)
            .timeout_global(Some(left))
            .build();
        agent.run(request)
    }

    /// What can be known before the body is read.
    fn check_head(&self, headers: &HeaderMap) -> Result<(), ErrorKind> {
        let is = |name, word: &str| {
            headers
                .get_all(name)
                .iter()
                .all(|value| value.as_bytes().eq_ignore_ascii_case(word.as_bytes()))
        };
        // ureq removes the header of what it unpacks.
        if !is(CONTENT_ENCODING, "identity") || !is(TRANSFER_ENCODING, "chunked") {
            return Err(ErrorKind::Encoding);
        }
        match content_length(headers) {
            Some(length) if length > self.body_limit => Err(ErrorKind::TooLarge),
            _ => Ok(()),
        }
    }
}

impl Exchange for Sockets {
    fn send(
        &self,
        request: Request<Vec<u8>>,
        left: Duration,
    ) -> Result<Response<Vec<u8>>, ErrorKind> {
        let (parts, body) = request.into_parts();
        let left = left.min(self.attempt_timeout);
        let answer = if body.is_empty() {
            // An empty `Vec` would send `content-length: 0` with a GET.
            self.run(Request::from_parts(parts, ()), left)
        } else {
            self.run(Request::from_parts(parts, body), left)
        };
        let (parts, mut body) = answer.map_err(|error| classify(error, Stage::Head))?.into_parts();
        if !is_answer(parts.status) {
            // The status says it all, whatever becomes of the rest.
            let mut bytes = Vec::new();
            let limit = self.body_limit.min(REFUSAL_LIMIT);
            let _ = body.as_reader().take(limit).read_to_end(&mut bytes);
            return Ok(Response::from_parts(parts, bytes));
        }

        self.check_head(&parts.headers)?;
        let is_framed =
            [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| parts.headers.contains_key(name));
        let stage = if is_framed { Stage::Body } else { Stage::UnframedBody };
        // ureq's own limit counts the packed bytes; half a kilobyte can be half a gigabyte.
        let mut bytes = Vec::with_capacity(expected_length(&parts.headers));
        let limit = self.body_limit.saturating_add(1);
        match body.as_reader().take(limit).read_to_end(&mut bytes) {
            Ok(_) if bytes.len() as u64 > self.body_limit => Err(ErrorKind::TooLarge),
            Ok(_) => Ok(Response::from_parts(parts, bytes)),
            Err(error) => match classify(error.into(), stage) {
                // Without a length it is the JSON that tells whether it is whole.
                ErrorKind::Truncated if !is_framed => Ok(Response::from_parts(parts, bytes)),
                kind => Err(kind),
            },
        }
    }

    fn drop_connections(&self) {
        let mut agent = self.agent.write().unwrap_or_else(PoisonError::into_inner);
        *agent = agent.config().new_agent();
    }
}

/// How much room a body gets before it comes. No header is believed more than a page's worth.
fn expected_length(headers: &HeaderMap) -> usize {
    content_length(headers).map_or(0, |length| length.min(1 << 20) as usize)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether the body matters: the API answers with 200 and 201.
fn is_answer(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200..=203 | 207..=299)
}
