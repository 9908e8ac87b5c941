//! The steps that send an answer.

use std::{
    io,
    net::TcpStream,
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use socket2::SockRef;

use super::{gzip::gzip, socket};

/// What the request says about the form of the answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Form {
    pub(super) head_only: bool,
    pub(super) gzip: bool,
    pub(super) keep_alive: bool,
}

/// What is sent, step by step, and how the connection continues.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sending {
    pub(super) steps: Vec<Step>,
    pub(super) end: End,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Send(Vec<u8>),
    /// Sends the bytes again and again, up to this many in all.
    Repeat(Vec<u8>, u64),
    /// Sends the bytes with a pause after each.
    Drip(Vec<u8>, Duration),
    /// Waits until the client closes the connection.
    Hold,
}

/// How a connection continues after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    KeepAlive,
    Close,
    Reset,
}

impl Sending {
    /// A response as it is.
    pub(super) fn of(response: Response<Vec<u8>>, form: Form) -> Self {
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

    /// The answer to a request that could not be read. The connection ends with it.
    pub(super) fn refusal(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or_default();
        let mut response = Response::new(format!(r#"{{"detail":"{reason}"}}"#).into_bytes());
        *response.status_mut() = status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        Self::of(response, Form::default())
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
                Step::Send(bytes) => socket::write(stream, bytes, deadline)?,
                Step::Repeat(unit, length) => socket::repeat(stream, unit, *length, deadline)?,
                Step::Drip(bytes, pause) => socket::drip(stream, bytes, *pause, deadline)?,
                Step::Hold => socket::hold(stream, deadline)?,
            }
        }
        if self.end == End::Reset {
            // Closing now sends a reset instead of waiting for bytes that are on their way.
            SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
        }
        Ok(())
    }
}

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

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn sending(length: usize, form: Form) -> (String, Vec<u8>) {
        let sending = Sending::of(Response::new(vec![b'x'; length]), form);
        let [Step::Send(bytes)] = &sending.steps[..] else { panic!("{sending:?}") };
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        (String::from_utf8(bytes[..end].to_vec()).unwrap(), bytes[end..].to_vec())
    }

    #[test]
    fn head_and_body() {
        let form = Form { keep_alive: true, ..Form::default() };
        let (head, body) = sending(3, form);
        assert_eq!(head, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n");
        assert_eq!(body, b"xxx");
    }

    #[test]
    fn a_head_alone_has_the_length_of_the_body() {
        let (head, body) = sending(3, Form { head_only: true, ..Form::default() });
        assert_eq!(head, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\n");
        assert_eq!(body, b"");
    }

    #[test]
    fn large_bodies_are_compressed() {
        let form = Form { gzip: true, keep_alive: true, ..Form::default() };
        let (head, body) = sending(5000, form);
        assert!(head.contains("content-encoding: gzip\r\n"), "{head}");
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut text).unwrap();
        assert_eq!(text, vec![b'x'; 5000]);
        let (head, body) = sending(LEAST_TO_COMPRESS, form);
        assert!(!head.contains("content-encoding"), "{head}");
        assert_eq!(body.len(), LEAST_TO_COMPRESS);
    }

    #[test]
    fn accept_encoding_with_gzip() {
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
