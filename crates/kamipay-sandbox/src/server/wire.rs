//! From a response to bytes on a socket. Nothing else writes to one.

use std::{
    io::{self, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use socket2::SockRef;

use super::connection::{is_timeout, read_before};

mod faulty;

/// What the request says about the form of the answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Form {
    pub(super) head_only: bool,
    pub(super) gzip: bool,
    pub(super) keep_alive: bool,
}

/// What is sent, step by step, and what becomes of the connection then.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wire {
    steps: Vec<Step>,
    pub(super) end: End,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Send(Vec<u8>),
    /// Sends something again and again, until so many bytes are sent in all.
    Repeat(Vec<u8>, u64),
    /// Sends a byte every 100 ms.
    Drip(Vec<u8>),
    /// Waits until the client closes the connection.
    Hold,
}

/// What becomes of a connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    KeepAlive,
    Close,
    Reset,
}

impl Wire {
    pub(super) fn new(response: Response<Vec<u8>>, form: Form) -> Self {
        let (mut parts, mut body) = response.into_parts();
        if form.gzip && body.len() > LEAST_TO_COMPRESS {
            parts.headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            body = gzip(&body);
        }
        let has_body = !parts.status.is_informational()
            && !matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if has_body {
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        if !form.keep_alive {
            parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let mut bytes = head(parts.status, &parts.headers);
        if has_body && !form.head_only {
            bytes.append(&mut body);
        }
        let end = if form.keep_alive { End::KeepAlive } else { End::Close };
        Self { steps: vec![Step::Send(bytes)], end }
    }

    /// An answer to something that is no request of ours; the connection ends with it.
    pub(super) fn refusal(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or_default();
        let response = crate::reply::Reply::detail(status, reason).into_response();
        Self::new(response, Form::default())
    }

    /// The permission to send a body.
    pub(super) fn go_on() -> Self {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
        Self { steps: vec![Step::Send(bytes)], end: End::KeepAlive }
    }

    /// Takes all steps, before the deadline.
    pub(super) fn send(&self, stream: &TcpStream, deadline: Instant) -> io::Result<()> {
        for step in &self.steps {
            match step {
                Step::Send(bytes) => send(stream, bytes, deadline)?,
                Step::Repeat(unit, length) => repeat(stream, unit, *length, deadline)?,
                Step::Drip(bytes) => drip(stream, bytes, deadline)?,
                Step::Hold => {
                    let mut unread = [0; 1024];
                    while read_before(stream, &mut unread, deadline)? > 0 {}
                }
            }
        }
        if self.end == End::Reset {
            // Closing now sends a reset instead of waiting for what is on its way.
            SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
        }
        Ok(())
    }
}

fn send(mut stream: &TcpStream, mut rest: &[u8], deadline: Instant) -> io::Result<()> {
    while !rest.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_write_timeout(Some(left))?;
        match stream.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(sent) => rest = &rest[sent..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// However much it is, no more is held in memory than a few KiB.
fn repeat(stream: &TcpStream, unit: &[u8], length: u64, deadline: Instant) -> io::Result<()> {
    let units = unit.repeat((REPEATED / unit.len().max(1)).max(1));
    let mut left = length;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(units.len());
        send(stream, &units[..now], deadline)?;
        left -= now as u64;
    }
    Ok(())
}

/// In bytes, of what is repeated at a time.
const REPEATED: usize = 16 * 1024;

fn drip(stream: &TcpStream, bytes: &[u8], deadline: Instant) -> io::Result<()> {
    let mut reads = true;
    for byte in bytes {
        send(stream, &[*byte], deadline)?;
        // Waiting for the client to say something, one hears at once when it goes away.
        let until = Instant::now() + DRIP;
        while reads && Instant::now() < until {
            match read_before(stream, &mut [0; 1024], until.min(deadline)) {
                // It sends no more, and may still be listening.
                Ok(0) => reads = false,
                Ok(_) => {}
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(error),
            }
        }
        if !reads {
            thread::sleep(until.saturating_duration_since(Instant::now()));
        }
    }
    Ok(())
}

const DRIP: Duration = Duration::from_millis(100);

/// Whether a client accepts gzip.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|coding| {
            let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
            let quality = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse);
            name.trim().eq_ignore_ascii_case("gzip").then_some(quality.unwrap_or(0.0))
        })
        .any(|quality: f32| quality > 0.0)
}

/// In bytes. Compressing less would hardly save any.
const LEAST_TO_COMPRESS: usize = 1024;

fn head(status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
    let reason = status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn wire(length: usize, form: Form) -> (String, Vec<u8>) {
        let wire = Wire::new(Response::new(vec![b'x'; length]), form);
        let [Step::Send(bytes)] = &wire.steps[..] else { panic!("{wire:?}") };
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        (String::from_utf8(bytes[..end].to_vec()).unwrap(), bytes[end..].to_vec())
    }

    #[test]
    fn head_and_body() {
        let form = Form { keep_alive: true, ..Form::default() };
        let (head, body) = wire(3, form);
        assert_eq!(head, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n");
        assert_eq!(body, b"xxx");
    }

    #[test]
    fn a_head_alone_tells_the_length_of_the_body() {
        let (head, body) = wire(3, Form { head_only: true, ..Form::default() });
        assert_eq!(head, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\n");
        assert_eq!(body, b"");
    }

    #[test]
    fn large_bodies_are_compressed() {
        let form = Form { gzip: true, keep_alive: true, ..Form::default() };
        let (head, body) = wire(5000, form);
        assert!(head.contains("content-encoding: gzip\r\n"), "{head}");
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut text).unwrap();
        assert_eq!(text, vec![b'x'; 5000]);
        let (head, body) = wire(LEAST_TO_COMPRESS, form);
        assert!(!head.contains("content-encoding"), "{head}");
        assert_eq!(body.len(), LEAST_TO_COMPRESS);
    }

    #[test]
    fn a_client_who_does_not_read_is_not_waited_for() {
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let wire = Wire { steps: vec![Step::Repeat(vec![0], u64::MAX)], end: End::Close };
        let deadline = Instant::now() + Duration::from_millis(20);
        wire.send(&stream, deadline).unwrap_err();
        drop(client);
    }

    #[test]
    fn who_accepts_gzip() {
        for (value, accepts) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("deflate", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(accepts_gzip(&headers), accepts, "{value}");
        }
    }
}
