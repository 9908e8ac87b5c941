//! One request, one response: ureq with all limits set.

use std::fmt;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Request, Response, StatusCode};
use kamipay_proto::{BaseUrl, CutOff};

use crate::config::{Config, InvalidConfig, cap, new_agent};
use crate::error::{ErrorKind, Stage, classify};

/// Sends a request and reads its answer whole, once.
pub(crate) trait Exchange: fmt::Debug + Send + Sync {
    /// Takes at most the time that is `left`, and at most the limit of an attempt.
    fn send(
        &self,
        request: Request<Vec<u8>>,
        left: Duration,
    ) -> Result<Response<Vec<u8>>, ErrorKind>;

    /// Closes the kept connections.
    fn drop_connections(&self);
}

/// The most that is read of a body with an error status.
pub(crate) const REFUSAL_LIMIT: u64 = 1 << 20;

/// Over ureq.
#[derive(Debug)]
pub(crate) struct Sockets {
    agent: RwLock<ureq::Agent>,
    attempt_timeout: Duration,
    connect_timeout: Duration,
    body_limit: u64,
    address: Option<SocketAddr>,
}

impl Sockets {
    pub(crate) fn new(config: &Config, base: &BaseUrl) -> Result<Self, InvalidConfig> {
        Ok(Self {
            agent: RwLock::new(config.agent(base)?),
            attempt_timeout: cap(config.attempt_timeout),
            connect_timeout: cap(config.connect_timeout),
            body_limit: config.body_limit_bytes,
            address: config.address(),
        })
    }

    fn run(
        &self,
        request: Request<impl ureq::AsSendBody>,
        left: Duration,
    ) -> Result<Response<ureq::Body>, ureq::Error> {
        let agent = self.agent.read().unwrap_or_else(PoisonError::into_inner).clone();
        // The agent's limits are those of a whole attempt. Limits for one request cost a TLS
        // configuration, so they are set only where less time is left.
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

    /// Refuses what the head shows to be too long or wrongly packed.
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
        if left.is_zero() || self.connect_timeout.is_zero() {
            return Err(ErrorKind::TimeIsUp); // ureq would allow a second
        }
        let answer = if body.is_empty() {
            // An empty `Vec` would send `content-length: 0` with a GET.
            self.run(Request::from_parts(parts, ()), left)
        } else {
            self.run(Request::from_parts(parts, body), left)
        };
        let (parts, mut body) = answer.map_err(|error| classify(error, Stage::Head))?.into_parts();
        if !is_answer(parts.status) {
            // The status decides, even if the body is cut off.
            let mut bytes = Vec::new();
            let limit = self.body_limit.min(REFUSAL_LIMIT);
            let is_whole = read(body.as_reader(), None, limit, &mut bytes).is_ok()
                && (bytes.len() as u64) < limit;
            let mut response = Response::from_parts(parts, bytes);
            if !is_whole {
                response.extensions_mut().insert(CutOff);
            }
            return Ok(response);
        }

        self.check_head(&parts.headers)?;
        let is_framed =
            [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| parts.headers.contains_key(name));
        let stage = if is_framed { Stage::Body } else { Stage::UnframedBody };
        let (mut bytes, length) = (Vec::new(), content_length(&parts.headers));
        // Without a length, ureq takes any end of the connection for the body's. Then the JSON, or
        // gzip, shows whether it is whole.
        match read(body.as_reader(), length, self.body_limit, &mut bytes) {
            Ok(()) if bytes.len() as u64 > self.body_limit => Err(ErrorKind::TooLarge),
            Ok(()) => Ok(Response::from_parts(parts, bytes)),
            Err(error) => Err(classify(error.into(), stage)),
        }
    }

    fn drop_connections(&self) {
        let mut agent = self.agent.write().unwrap_or_else(PoisonError::into_inner);
        *agent = new_agent(agent.config().clone(), self.address);
    }
}

/// Reads up to one byte over the limit, which shows that there is more. The capacity doubles at
/// first, and grows by an eighth where it is large, so that it is little more than the body needs.
///
/// ureq's own limit counts packed bytes: half a kilobyte can unpack to half a gigabyte.
fn read(mut from: impl Read, length: Option<u64>, limit: u64, to: &mut Vec<u8>) -> io::Result<()> {
    /// The most capacity that a header can ask for: about a page.
    const MOST_AT_FIRST: u64 = 1 << 20;
    const LARGE: usize = 4 << 20;

    // A power of two: glibc gives a large buffer of any other size back to the system after each
    // page, and asks for it again.
    let first = |length: u64| (length.min(MOST_AT_FIRST - 1) + 1).next_power_of_two();
    let mut room = length.map_or(8 << 10, first);
    loop {
        let left = limit.saturating_add(1).saturating_sub(to.len() as u64);
        let step = left.min(room);
        to.reserve_exact(step as usize);
        let read = from.by_ref().take(step).read_to_end(to)? as u64;
        if read < step || read == left {
            return Ok(());
        }
        room = if to.len() < LARGE { to.len() } else { to.len() / 8 } as u64;
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether the body is an answer. The API uses 200 and 201. Any other 2xx that can have a whole body
/// is read like them.
pub(crate) fn is_answer(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200..=203 | 207..=299)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ConnectFault;

    #[test]
    fn a_body_exactly_at_the_limit_is_read() {
        for (length, limit) in [(0, 0), (1, 0), (99, 100), (100, 100), (101, 100), (900, 100)] {
            for known in [None, Some(0), Some(length as u64), Some(u64::MAX)] {
                let (body, mut bytes) = (vec![b' '; length], Vec::new());
                read(&body[..], known, limit, &mut bytes).unwrap();
                assert_eq!(bytes.len(), length.min(limit as usize + 1), "{length} of {limit}");
                assert_eq!(bytes.len() as u64 > limit, length as u64 > limit);
            }
        }
        let mut bytes = Vec::new();
        read(&b"{}"[..], None, u64::MAX, &mut bytes).unwrap();
        assert_eq!(bytes, b"{}");
    }

    #[test]
    fn a_body_without_end_is_read_up_to_the_limit() {
        let mut bytes = Vec::new();
        read(io::repeat(b' '), None, 1 << 20, &mut bytes).unwrap();
        assert_eq!(bytes.len(), (1 << 20) + 1);
    }

    #[test]
    fn a_body_has_little_more_room_than_it_needs() {
        for length in [0, 1, 8 << 10, (8 << 10) + 1, 600_000, 3 << 20, 5 << 20, 33 << 20] {
            for known in [None, Some(length as u64), Some(0), Some(u64::MAX)] {
                let mut bytes = Vec::new();
                read(io::repeat(b' ').take(length as u64), known, 32 << 20, &mut bytes).unwrap();
                assert_eq!(bytes.len(), length.min((32 << 20) + 1));
                let over = bytes.capacity() - bytes.len();
                assert!(over <= 4 << 20, "{over} more than {length}");
            }
        }
    }

    #[test]
    fn what_came_before_an_error_is_kept() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let mut bytes = Vec::new();
        let error = read(b"{}".chain(Broken), None, 100, &mut bytes).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(bytes, b"{}");
    }

    #[test]
    fn no_length_is_believed_more_than_a_page_s_worth() {
        for (length, room) in [(0, 32), ((1 << 20) - 1, 1 << 20), (u64::MAX, 1 << 20)] {
            let mut bytes = Vec::new();
            read(&b"{}"[..], Some(length), u64::MAX, &mut bytes).unwrap();
            assert!(bytes.capacity() <= room, "{length}: {}", bytes.capacity());
        }
        let length = |length: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_LENGTH, length.parse().unwrap());
            content_length(&headers)
        };
        assert_eq!(length("18446744073709551615"), Some(u64::MAX));
        assert_eq!([length("18446744073709551616"), length("-1"), length("x")], [None; 3]);
    }

    #[test]
    fn without_any_time_nothing_is_sent() {
        let base = "http://127.0.0.1:1".parse().unwrap();
        let send = |connect_timeout, attempt_timeout, left| {
            let config = Config { connect_timeout, attempt_timeout, ..Config::default() };
            let request = Request::get("http://127.0.0.1:1/").body(Vec::new()).unwrap();
            format!("{:?}", Sockets::new(&config, &base).unwrap().send(request, left).unwrap_err())
        };
        let second = Duration::from_secs(1);
        assert_eq!(send(second, second, second), "Connect(Refused)");
        assert_eq!(send(Duration::ZERO, second, second), "TimeIsUp");
        assert_eq!(send(second, Duration::ZERO, second), "TimeIsUp");
        assert_eq!(send(second, second, Duration::ZERO), "TimeIsUp");
    }

    #[test]
    fn a_look_up_has_the_time_of_a_connection() {
        let base = "http://localhost".parse().unwrap();
        let agent = Config::default().agent(&base).unwrap();
        let timeouts = agent.config().timeouts();
        assert_eq!(timeouts.resolve, Some(Duration::from_secs(5)));
        assert_eq!(timeouts.connect, Some(Duration::from_secs(5)));
        let error = ureq::Error::Timeout(ureq::Timeout::Resolve);
        let kind = classify(error, Stage::Head);
        assert!(
            matches!(kind, ErrorKind::Connect(ConnectFault::Timeout)),
            "not sent, and tried again: {kind:?}"
        );
    }

    #[test]
    fn a_machine_without_sockets_has_not_sent() {
        for code in [23, 24] {
            let kind = classify(io::Error::from_raw_os_error(code).into(), Stage::Head);
            assert!(matches!(kind, ErrorKind::Connect(ConnectFault::NoSocket)), "{kind:?}");
            let kind = classify(io::Error::from_raw_os_error(code).into(), Stage::Body);
            assert!(matches!(kind, ErrorKind::Io(_)), "{kind:?}");
        }
    }

    #[test]
    fn only_200_and_its_like_are_answers() {
        for status in 100..=999 {
            let is_one = matches!(status, 200 | 201 | 202 | 203 | 207..=299);
            assert_eq!(is_answer(StatusCode::from_u16(status).unwrap()), is_one, "{status}");
        }
    }
}
