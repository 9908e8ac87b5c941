//! The head of a request: from bytes to a [`Request`] without a body yet, or to a refusal.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};

/// A request line longer than this is refused.
pub(super) const MOST_TARGET: usize = 8 * 1024;
/// A head longer than this is refused.
pub(super) const MOST_HEAD: usize = 64 * 1024;
pub(super) const MOST_HEADERS: usize = 100;
/// A body longer than this is refused.
pub(super) const MOST_BODY: usize = 64 * 1024;

/// A complete head, and what it says about what follows.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) request: Request<()>,
    /// Its length in bytes.
    pub(super) length: usize,
    pub(super) body_length: usize,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(super) expects_continue: bool,
    /// Whether another request may follow on the connection.
    pub(super) keeps_alive: bool,
}

/// Reads a head. `None`: more bytes are needed.
pub(super) fn parse(buffer: &[u8]) -> Result<Option<Head>, StatusCode> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => {
            let target_is_whole = parsed.version.is_some();
            if !target_is_whole && buffer.len() > MOST_TARGET {
                return Err(StatusCode::URI_TOO_LONG);
            }
            if buffer.len() > MOST_HEAD {
                return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
            }
            return Ok(None);
        }
        Err(httparse::Error::TooManyHeaders) => {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        Err(_) => return Err(StatusCode::BAD_REQUEST),
    };
    let target = parsed.path.unwrap_or_default();
    if target.len() > MOST_TARGET {
        return Err(StatusCode::URI_TOO_LONG);
    }
    if length > MOST_HEAD {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    let bad_request = |_| StatusCode::BAD_REQUEST;
    let mut request = Request::new(());
    let method = parsed.method.unwrap_or_default();
    *request.method_mut() =
        Method::from_bytes(method.as_bytes()).map_err(|_| StatusCode::BAD_REQUEST)?;
    *request.uri_mut() = target.parse::<Uri>().map_err(|_| StatusCode::BAD_REQUEST)?;
    for header in parsed.headers.iter() {
        let name =
            HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| StatusCode::BAD_REQUEST)?;
        let value = HeaderValue::from_bytes(header.value).map_err(|_| StatusCode::BAD_REQUEST)?;
        request.headers_mut().try_append(name, value).map_err(bad_request)?;
    }
    let is_1_1 = parsed.version == Some(1);
    let headers = request.headers();
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 || is_1_1 && hosts == 0 {
        return Err(StatusCode::BAD_REQUEST);
    }
    let body_length = body_length(request.method(), headers)?;
    let expects_continue = match headers.get(header::EXPECT) {
        None => false,
        Some(value) if value.as_bytes().eq_ignore_ascii_case(b"100-continue") => true,
        Some(_) => return Err(StatusCode::EXPECTATION_FAILED),
    };
    let keeps_alive = is_1_1 && !has_token(headers, header::CONNECTION, "close");
    Ok(Some(Head { request, length, body_length, expects_continue, keeps_alive }))
}

/// Bodies come with their length, in one piece: chunked ones are refused.
fn body_length(method: &Method, headers: &HeaderMap) -> Result<usize, StatusCode> {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(StatusCode::LENGTH_REQUIRED);
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else {
        let has_body = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
        return if has_body { Err(StatusCode::LENGTH_REQUIRED) } else { Ok(0) };
    };
    if lengths.any(|other| other != length) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let digits = length.to_str().map_err(|_| StatusCode::BAD_REQUEST)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(StatusCode::BAD_REQUEST);
    }
    // More digits than fit are too many bytes, too.
    let length = digits.parse().unwrap_or(usize::MAX);
    if length > MOST_BODY { Err(StatusCode::PAYLOAD_TOO_LARGE) } else { Ok(length) }
}

/// Whether a header that lists tokens has one of them.
fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|listed| listed.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn status(head: &str) -> u16 {
        match parse(head.as_bytes()) {
            Ok(Some(_)) => 200,
            Ok(None) => 100,
            Err(status) => status.as_u16(),
        }
    }

    #[test]
    fn a_head() {
        let bytes = b"POST /a?b=%20 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
        let head = parse(bytes).unwrap().unwrap();
        assert_eq!(head.request.method(), Method::POST);
        assert_eq!(head.request.uri(), "/a?b=%20");
        assert_eq!(&bytes[head.length..], b"abc");
        assert_eq!(head.body_length, 3);
        assert!(head.keeps_alive && !head.expects_continue);
    }

    #[test]
    fn heads_that_are_refused() {
        let get = "GET / HTTP/1.1\r\nHost: x\r\n";
        let post = "POST / HTTP/1.1\r\nHost: x\r\n";
        for (head, expected) in [
            (format!("{get}\r\n"), 200),
            (get.to_owned(), 100),
            (format!("{post}\r\n"), 411),
            (format!("{post}Transfer-Encoding: chunked\r\n\r\n"), 411),
            (format!("{post}Content-Length: 65537\r\n\r\n"), 413),
            (format!("{post}Content-Length: 65536\r\n\r\n"), 200),
            (format!("{post}Content-Length: 99999999999999999999999\r\n\r\n"), 413),
            (format!("{post}Content-Length: -1\r\n\r\n"), 400),
            (format!("{post}Content-Length: +1\r\n\r\n"), 400),
            (format!("{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400),
            (format!("{post}Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), 200),
            (format!("{get}Expect: 100-continue\r\n\r\n"), 200),
            (format!("{get}Expect: a-miracle\r\n\r\n"), 417),
            (format!("{get}Host: y\r\n\r\n"), 400),
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
            ("GET / HTTP/1.0\r\n\r\n".to_owned(), 200),
            ("GET / HTTP/2.0\r\n\r\n".to_owned(), 400),
            ("\u{16}\u{3}\u{1} a TLS hello\r\n\r\n".to_owned(), 400),
            (format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(MOST_TARGET)), 414),
            (format!("GET /{}", "a".repeat(MOST_TARGET)), 414),
            (format!("{get}A: {}", "a".repeat(MOST_HEAD)), 431),
            (format!("{get}{}\r\n", "A: b\r\n".repeat(MOST_HEADERS)), 431),
        ] {
            assert_eq!(status(&head), expected, "{:.60}", head);
        }
    }

    #[test]
    fn a_connection_closes_on_request_or_with_http_1_0() {
        for (rest, keeps_alive) in [
            ("1.1\r\nHost: x\r\n\r\n", true),
            ("1.1\r\nHost: x\r\nConnection: keep-alive, Close\r\n\r\n", false),
            ("1.0\r\n\r\n", false),
        ] {
            let head = parse(format!("GET / HTTP/{rest}").as_bytes()).unwrap().unwrap();
            assert_eq!(head.keeps_alive, keeps_alive);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>, rest: Vec<u8>) {
            let _ = parse(&bytes);
            let _ = parse(&[b"GET / HTTP/1.1\r\n", &rest[..]].concat());
        }
    }
}
