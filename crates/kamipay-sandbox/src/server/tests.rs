//! The server on real sockets: answers, refusals, and its end.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use proptest::prelude::*;

use super::*;
use crate::generated::Generated;

fn start() -> Server {
    Server::start(Sandbox::documented()).unwrap()
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    // A test must fail instead of waiting forever.
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// The answer to these bytes, after which the client sends no more.
fn exchange(server: &Server, bytes: &[u8]) -> String {
    let mut stream = connect(server);
    // The server may refuse before it has read all of it.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(path: &str, headers: &str) -> String {
    let token = crate::tokens::FIRST_TOKEN;
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{headers}\r\n")
}

/// One answer from a connection that stays open: its head and its body.
fn read_answer(stream: &mut BufReader<TcpStream>) -> (String, Vec<u8>) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).unwrap(), 0, "closed after {head:?}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    (head, body)
}

#[test]
fn its_health_can_be_asked_for_at_any_time() {
    let server = start();
    server.with_sandbox(|sandbox| sandbox.fail_next(Fault::named("status-503"), 1));
    for method in ["GET", "HEAD"] {
        let answer =
            exchange(&server, format!("{method} /health HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert_eq!(answer.ends_with(r#"{"status":"ok"}"#), method == "GET");
    }
    // Neither counted nor recorded: the fault is still planned.
    assert_eq!(server.with_sandbox(|sandbox| sandbox.request_count()), 0);
    let answer = exchange(&server, get("/v1/lots/a", "").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert!(answer.contains(&format!("x-request-id: {}\r\n", requests[0].request_id)));
}

#[test]
fn it_listens_on_loopback_only() {
    let server = start();
    assert!(server.address().ip().is_loopback());
    assert_eq!(server.base_url(), format!("http://127.0.0.1:{}", server.address().port()));
}

#[test]
fn a_port_can_be_chosen_but_not_taken() {
    let server = start();
    let port = server.address().port();
    Server::start_on(port, Sandbox::documented()).unwrap_err();
    drop(server);
}

#[test]
fn many_requests_on_one_connection() {
    let server = start();
    let mut stream = BufReader::new(connect(&server));
    for _ in 0..3 {
        stream.get_mut().write_all(get("/v1/settlements/12345", "").as_bytes()).unwrap();
        let (head, body) = read_answer(&mut stream);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(body.starts_with(b"{\n  \"settlement_id\": 12345,"));
    }
    // Two at once, the second byte by byte.
    let two = [get("/v1/lots/a", ""), get("/nowhere", "")].concat();
    let (first, rest) = two.split_at(two.len() - 20);
    stream.get_mut().write_all(first.as_bytes()).unwrap();
    for byte in rest.bytes() {
        stream.get_mut().write_all(&[byte]).unwrap();
    }
    assert_eq!(read_answer(&mut stream).1, br#"{"detail":"Lot not found"}"#);
    assert_eq!(read_answer(&mut stream).1, br#"{"detail":"Not Found"}"#);
    assert_eq!(server.requests().len(), 5);
}

#[test]
fn its_requests_contain_no_secrets() {
    let server = start();
    let form = "username=merchant%40example.com&password=correct%2Bhorse%3Dbattery";
    let log_in = format!(
        "POST /auth/token?password=correct+horse HTTP/1.1\r\nHost: x\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    assert!(exchange(&server, log_in.as_bytes()).contains("access_token"));
    exchange(&server, get("/v1/lots?limit=1&x=%2F", "").as_bytes());
    let requests: Vec<_> = server
        .requests()
        .iter()
        .map(|request| {
            format!("{} {} {}", request.method, request.path_and_query, request.status.as_u16())
        })
        .collect();
    assert_eq!(requests, ["POST /auth/token 200", "GET /v1/lots?limit=1&x=%2F 422"]);
    let debug = format!("{server:?} {:?}", server.requests());
    assert!(!debug.contains("horse") && !debug.contains(crate::tokens::FIRST_TOKEN), "{debug}");
}

#[test]
fn the_sandbox_can_be_changed_between_requests() {
    let server = start();
    let open = get("/v1/settlements/12345", "");
    assert!(exchange(&server, open.as_bytes()).starts_with("HTTP/1.1 200 "));
    server.with_sandbox(Sandbox::expire_tokens);
    assert!(exchange(&server, open.as_bytes()).starts_with("HTTP/1.1 401 "));
    // Even after a panic in the middle.
    let panicked = thread::scope(|scope| {
        scope.spawn(|| server.with_sandbox(|_| panic!("on purpose"))).join().is_err()
    });
    assert!(panicked);
    assert!(exchange(&server, open.as_bytes()).starts_with("HTTP/1.1 401 "));
}

#[test]
fn large_answers_are_compressed_on_request() {
    let server = Server::start(Sandbox::generated(Generated::new(1))).unwrap();
    let path = "/v1/lots?start_date=2026-05-01&end_date=2026-06-01";
    let mut stream = BufReader::new(connect(&server));
    let mut ask = |headers: &str| {
        stream.get_mut().write_all(get(path, headers).as_bytes()).unwrap();
        read_answer(&mut stream)
    };
    let (head, plain) = ask("");
    assert!(!head.contains("content-encoding"), "{head}");
    let (head, compressed) = ask("Accept-Encoding: gzip\r\n");
    assert!(head.contains("content-encoding: gzip\r\n"), "{head}");
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&compressed[..]).read_to_end(&mut text).unwrap();
    assert_eq!(text, plain);
}

#[test]
fn malformed_requests_are_refused() {
    let server = start();
    let headers = |count: usize| "X-Filler: aaaaaaaaaa\r\n".repeat(count);
    for (name, bytes, status) in [
        ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n".to_vec(), 400),
        ("no host", b"GET / HTTP/1.1\r\n\r\n".to_vec(), 400),
        ("half a head", b"GET / HTTP/1.1\r\nHost: x\r\n".to_vec(), 400),
        ("half a body", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na".to_vec(), 400),
        ("10,000 headers", get("/", &headers(10_000)).into_bytes(), 431),
        ("one huge header", get("/", &format!("X: {}\r\n", "a".repeat(200_000))).into_bytes(), 431),
        ("a long path", get(&format!("/{}", "a".repeat(20_000)), "").into_bytes(), 414),
        (
            "a chunked body",
            b"POST /auth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                .to_vec(),
            411,
        ),
        (
            "a large body",
            b"POST /auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".to_vec(),
            413,
        ),
        ("an expectation", get("/", "Expect: a-miracle\r\n").into_bytes(), 417),
        ("a path in the target", get("/v1/lots/../../etc/passwd", "").into_bytes(), 404),
        ("an encoded path", get("/v1/lots/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "").into_bytes(), 404),
        ("another method", get("/v1/lots", "").replace("GET", "PATCHY").into_bytes(), 405),
        ("a proxy's target", get("http://example.com/v1/settlements/1", "").into_bytes(), 404),
        ("a tunnel", get("example.com:443", "").replace("GET", "CONNECT").into_bytes(), 404),
        ("an asterisk", get("*", "").replace("GET", "OPTIONS").into_bytes(), 404),
    ] {
        let answer = exchange(&server, &bytes);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answer:.200}");
    }
    assert!(exchange(&server, b"").is_empty());
    assert!(exchange(&server, get("/v1/settlements/12345", "").as_bytes()).contains(" 200 OK"));
}

#[test]
fn a_body_that_waits_for_permission() {
    let server = start();
    let mut stream = BufReader::new(connect(&server));
    let head = "POST /auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\
                Expect: 100-Continue\r\n\r\n";
    stream.get_mut().write_all(head.as_bytes()).unwrap();
    assert_eq!(read_answer(&mut stream).0, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.get_mut().write_all(b"a=b").unwrap();
    assert!(read_answer(&mut stream).0.starts_with("HTTP/1.1 422 "));
}

#[test]
fn a_head_alone_has_no_body() {
    let server = start();
    let head = get("/v1/lots", "").replace("GET", "HEAD");
    let answer = exchange(&server, head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{answer}");
    assert!(answer.contains("content-length: 31\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn a_connection_closes_when_the_client_says_so() {
    let server = start();
    for request in [
        get("/nowhere", "Connection: close\r\n"),
        "GET /nowhere HTTP/1.0\r\nAuthorization: Bearer x\r\n\r\n".to_owned(),
    ] {
        let mut stream = connect(&server);
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        // Ends, though the client did not close its side.
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
}

fn start_with(limits: Limits) -> Server {
    Server::start_with(0, Sandbox::documented(), limits).unwrap()
}

const A_MOMENT: Duration = Duration::from_millis(20);

#[test]
fn a_silent_client_gets_no_answer() {
    let server = start_with(Limits { idle: A_MOMENT, ..Limits::default() });
    let mut answer = String::new();
    connect(&server).read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "");
}

#[test]
fn a_request_that_stops_in_the_middle_gets_408() {
    let server = start_with(Limits { request: A_MOMENT, ..Limits::default() });
    for start in
        ["GET / HTTP/1.1\r\nHost", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234"]
    {
        let mut stream = connect(&server);
        stream.write_all(start.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn one_connection_too_many_is_turned_away() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let server = start_with(limits);
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut stream = BufReader::new(connect(&server));
        stream.get_mut().write_all(get("/", "").as_bytes()).unwrap();
        read_answer(&mut stream);
        kept.push(stream);
    }
    let mut answer = String::new();
    connect(&server).read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
}

#[test]
fn dropping_it_ends_open_connections_and_all_threads() {
    let server = start();
    let threads = server.listener.threads();
    let mut idle = BufReader::new(connect(&server));
    idle.get_mut().write_all(get("/", "").as_bytes()).unwrap();
    read_answer(&mut idle);
    let mut half = connect(&server);
    half.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    drop(server);
    // Every thread held it.
    assert!(threads.strong_count() == 0);
    assert_eq!(idle.read(&mut [0; 1]).unwrap_or(0), 0);
    // A refusal of half a request, or nothing.
    let _ = half.read_to_end(&mut Vec::new());
}

#[test]
fn only_the_last_requests_are_kept() {
    let server = start();
    for number in 0..MOST_REQUESTS + 5 {
        let request = Request::get(format!("/{number}")).body(Vec::new()).unwrap();
        server.served.answer(&request, false);
    }
    let requests = server.requests();
    assert_eq!(requests.len(), MOST_REQUESTS);
    assert_eq!(requests[0].path_and_query, "/5");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn it_survives_any_bytes(
        opening in prop_oneof![
            Just(&b""[..]),
            Just(&b"GET / HTTP/1.1\r\nHost: x\r\n"[..]),
            Just(&b"POST /auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"[..]),
        ],
        bytes in proptest::collection::vec(any::<u8>(), 0..2000),
        end in prop_oneof![Just(&b""[..]), Just(&b"\n"[..]), Just(&b"\r\n\r\n"[..])],
    ) {
        static SERVER: std::sync::LazyLock<Server> = std::sync::LazyLock::new(start);
        let answer = exchange(&SERVER, &[opening, &bytes, end].concat());
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        prop_assert!(refused, "{}", answer);
    }
}
