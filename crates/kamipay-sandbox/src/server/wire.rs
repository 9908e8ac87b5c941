//! From a response to bytes on a socket. Nothing else writes to one.

use std::{
    io::{self, Write},
    net::TcpStream,
    time::Instant,
};

use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

/// What the request says about the form of the answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Form {
    pub(super) head_only: bool,
    pub(super) gzip: bool,
    pub(super) keep_alive: bool,
}

/// Bytes to send, and whether the connection ends after them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wire {
    pub(super) bytes: Vec<u8>,
    pub(super) close: bool,
}

impl Wire {
    pub(super) fn new(response: Response<Vec<u8>>, form: Form) -> Self {
        let (mut parts, mut body) = response.into_parts();
        if form.gzip && body.len() > LEAST_TO_COMPRESS {
            parts.headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            body = gzip(&body);
        }
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        if !form.keep_alive {
            parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let mut bytes = head(parts.status, &parts.headers);
        if !form.head_only {
            bytes.append(&mut body);
        }
        Self { bytes, close: !form.keep_alive }
    }

    /// An answer to something that is no request of ours; the connection ends with it.
    pub(super) fn refusal(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or_default();
        let response = crate::reply::Reply::detail(status, reason).into_response();
        Self::new(response, Form::default())
    }

    /// Sends the bytes, all before the deadline.
    pub(super) fn send(&self, mut stream: &TcpStream, deadline: Instant) -> io::Result<()> {
        let mut rest = &self.bytes[..];
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

fn gzip(body: &[u8]) -> Vec<u8> {
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
        let end = wire.bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        (String::from_utf8(wire.bytes[..end].to_vec()).unwrap(), wire.bytes[end..].to_vec())
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
        let wire = Wire { bytes: vec![0; 64 * 1024 * 1024], close: true };
        let deadline = Instant::now() + std::time::Duration::from_millis(20);
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
