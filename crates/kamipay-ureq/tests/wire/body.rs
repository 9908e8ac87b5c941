use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use kamipay_ureq::{ErrorKind, Sent};

use crate::server::{Hold, Pause, ReadRequest, Reply, Reset, Server, WriteForever};
use crate::{LOT, client, get, get_from, ok, whole};

fn chunked(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        write!(bytes, "{:x}\r\n", part.len()).unwrap();
        bytes.extend(*part);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const CHUNKED: &str = "transfer-encoding: chunked\r\n";

#[test]
fn an_answer_is_read_in_every_framing() {
    let lot = LOT.as_bytes();
    let packed = gzip(lot);
    for answer in [
        whole(LOT),
        ok("", LOT), // until the connection closes
        ok(CHUNKED, chunked(&[&lot[..7], &lot[7..8], &lot[8..]])),
        ok(&format!("content-encoding: gzip\r\ncontent-length: {}\r\n", packed.len()), &packed),
        ok(&format!("{CHUNKED}content-encoding: gzip\r\n"), chunked(&[&packed[..9], &packed[9..]])),
        ok(&format!("{CHUNKED}content-encoding: identity\r\n"), chunked(&[lot])),
    ] {
        let server = Server::once(answer.clone());
        let lot = get_from(&server.url).unwrap_or_else(|error| {
            panic!("{error:?}: {}", String::from_utf8_lossy(&answer));
        });
        assert_eq!(lot.usdt_amount.to_string(), "10027.79968000");
    }
}

#[test]
fn half_an_answer_is_cut_off_and_never_a_value() {
    let half = &LOT[..LOT.len() / 2];
    let all_but_one = &LOT[..LOT.len() - 1];
    let packed = gzip(LOT.as_bytes());
    let length = LOT.len();
    let mut answers = vec![
        ok("", half), // ureq: `Ok` with half a body
        ok("", all_but_one),
        ok(&format!("content-length: {length}\r\n"), half),
        ok(&format!("content-length: {length}\r\n"), all_but_one),
        ok(&format!("content-length: {length}\r\n"), ""),
        ok("content-encoding: gzip\r\n", &packed[..packed.len() / 2]),
    ];
    let chunks = chunked(&[&LOT.as_bytes()[..20], &LOT.as_bytes()[20..]]);
    for cut in [0, 1, 3, 10, 25, chunks.len() - 8] {
        answers.push(ok(CHUNKED, &chunks[..cut]));
    }
    for answer in answers {
        let server = Server::once(answer.clone());
        let error = get_from(&server.url).unwrap_err();
        let answer = String::from_utf8_lossy(&answer);
        assert!(matches!(error.kind(), ErrorKind::Truncated), "{error:?}: {answer}");
        assert_eq!(error.sent(), Sent::Maybe);
        assert_eq!(error.to_string(), "GET /v1/lots/{lot_identifier}: the answer was cut off");
    }
}

/// The head of each framing of a packed answer, and its body.
fn packed_framings() -> Vec<(String, Vec<u8>)> {
    let packed = gzip(LOT.as_bytes());
    let (first, rest) = packed.split_at(9);
    let length = format!("content-length: {}\r\n", packed.len());
    [(&*length, packed.clone()), (CHUNKED, chunked(&[first, rest])), ("", packed.clone())]
        .map(|(headers, body)| (format!("{headers}content-encoding: gzip\r\n"), body))
        .to_vec()
}

#[test]
fn a_packed_answer_cut_at_any_byte_is_asked_for_again() {
    for (headers, body) in packed_framings() {
        let answer = ok(&headers, &body);
        let scripts = |cut: usize, is_reset: bool| {
            let part = Reply(ok(&headers, &body[..cut]));
            let cut = if is_reset { vec![part, Reset] } else { vec![ReadRequest, part] };
            vec![cut, vec![ReadRequest, Reply(answer.clone())]]
        };
        // `0` and a line end is the last chunk: all of the body came.
        let whole = body.len() - if headers.contains("chunked") { 2 } else { 0 };
        for cut in 0..whole {
            for is_reset in [false, true] {
                let what = format!("{cut} of {}, {headers}, reset: {is_reset}", body.len());
                let once = Server::start(scripts(cut, is_reset));
                let error = get_from(&once.url).expect_err(&what);
                match error.kind() {
                    ErrorKind::Truncated => {}
                    // A reset may overtake the bytes before it.
                    ErrorKind::ConnectionClosed if is_reset => {}
                    kind => panic!("{what}: {kind:?}"),
                }
                let twice = Server::start(scripts(cut, is_reset));
                let client = client(&twice.url, |config| {
                    config.retry.max_attempts = 2;
                    config.retry.first_delay = Duration::ZERO;
                });
                let lot = get(&client).unwrap_or_else(|error| panic!("{what}: {error:?}"));
                assert_eq!(lot.usdt_amount.to_string(), "10027.79968000");
            }
        }
    }
}

#[test]
fn a_packed_answer_with_nothing_in_it_is_cut_off_in_every_framing() {
    for headers in ["", "content-length: 0\r\n", CHUNKED] {
        let body = if headers == CHUNKED { "0\r\n\r\n" } else { "" };
        let server = Server::once(ok(&format!("{headers}content-encoding: gzip\r\n"), body));
        let error = get_from(&server.url).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Truncated), "{error:?}");
    }
}

#[test]
fn a_status_wins_over_a_packed_body_cut_at_any_byte() {
    let refusal = gzip(br#"{"detail": "because"}"#);
    for status in [400, 404, 500, 503] {
        for cut in 0..=refusal.len() {
            for headers in ["", &format!("content-length: {}\r\n", refusal.len())] {
                let head =
                    format!("HTTP/1.1 {status} No\r\ncontent-encoding: gzip\r\n{headers}\r\n");
                let server = Server::once([head.as_bytes(), &refusal[..cut]].concat());
                let error = get_from(&server.url).unwrap_err();
                assert_eq!(error.status().map(|it| it.as_u16()), Some(status), "{error:?}");
                if cut == refusal.len() {
                    assert!(error.to_string().ends_with("because"), "{error}");
                }
            }
        }
    }
}

#[test]
fn a_reset_in_the_middle_is_cut_off() {
    for headers in ["", "content-length: 9999\r\n", CHUNKED] {
        let half =
            ok(headers, if headers == CHUNKED { "40\r\n{\"lot_id\"" } else { "{\"lot_id\"" });
        // Closing with unread bytes resets the connection.
        let server = Server::start(vec![vec![Reply(half), Reset]]);
        let error = get_from(&server.url).unwrap_err();
        let kind = error.kind();
        // A reset may overtake the bytes before it.
        assert!(matches!(kind, ErrorKind::Truncated | ErrorKind::ConnectionClosed), "{kind:?}");
        assert_eq!(error.sent(), Sent::Maybe);
    }
}

#[test]
fn a_whole_document_before_a_reset_is_whole() {
    let server = Server::start(vec![vec![Reply(ok("", LOT)), Pause, Reset]]);
    assert_eq!(get_from(&server.url).unwrap().usdt_amount.to_string(), "10027.79968000");
    let packed = ok("content-encoding: gzip\r\n", gzip(LOT.as_bytes()));
    let server = Server::start(vec![vec![Reply(packed), Pause, Reset]]);
    assert_eq!(get_from(&server.url).unwrap().usdt_amount.to_string(), "10027.79968000");
    let server = Server::start(vec![vec![Reply(ok("", &LOT[..50])), Pause, Reset]]);
    let error = get_from(&server.url).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Truncated), "{error:?}");
}

#[test]
fn the_limit_counts_unpacked_bytes_and_is_exact() {
    // The JSON document is padded with blanks: all of it is the answer.
    let padded = |length: usize| format!("{LOT}{}", " ".repeat(length - LOT.len()));
    let limit = 100_000;
    for (length, fits) in [(limit - 1, true), (limit, true), (limit + 1, false), (limit * 9, false)]
    {
        let body = padded(length);
        let packed = gzip(body.as_bytes());
        assert!(packed.len() < limit / 10);
        for answer in [
            whole(&body),
            ok("", &body),
            ok(CHUNKED, chunked(&[body.as_bytes()])),
            ok(&format!("content-encoding: gzip\r\ncontent-length: {}\r\n", packed.len()), &packed),
        ] {
            let server = Server::once(answer);
            let answer = get(&client(&server.url, |config| config.body_limit_bytes = limit as u64));
            match answer {
                Ok(_) => assert!(fits, "{length}"),
                Err(error) => {
                    assert!(!fits, "{length}: {error:?}");
                    assert!(matches!(error.kind(), ErrorKind::TooLarge), "{error:?}");
                }
            }
        }
    }
}

#[test]
fn a_huge_answer_ends_at_the_limit() {
    // With a length, it is not read at all. Without an end, it is read up to the limit.
    let announced = ok("content-length: 18446744073709551615\r\n", "{");
    let bomb = gzip(&vec![b' '; 64 << 20]);
    let length = format!("content-length: {}\r\n", bomb.len());
    for script in [
        vec![ReadRequest, Reply(announced), Hold],
        vec![ReadRequest, Reply(ok("", "")), WriteForever(vec![b' '; 1 << 16])],
        vec![ReadRequest, Reply(ok(CHUNKED, "")), WriteForever(b"8\r\n        \r\n".repeat(1000))],
        vec![ReadRequest, Reply(ok(&format!("content-encoding: gzip\r\n{length}"), &bomb))],
    ] {
        let server = Server::start(vec![script]);
        let error =
            get(&client(&server.url, |config| config.body_limit_bytes = 1 << 20)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::TooLarge), "{error:?}");
    }
}

#[test]
fn an_encoding_that_was_not_asked_for_is_refused() {
    let mut damaged = gzip(LOT.as_bytes());
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    for answer in [
        ok(&format!("content-encoding: br\r\ncontent-length: {}\r\n", LOT.len()), LOT),
        ok(&format!("content-encoding: gzip, gzip\r\ncontent-length: {}\r\n", LOT.len()), LOT),
        ok("content-encoding: gzip\r\n", &damaged),
        ok("content-encoding: gzip\r\n", LOT),
    ] {
        let server = Server::once(answer);
        let error = get_from(&server.url).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Encoding), "{error:?}");
        assert_eq!(error.sent(), Sent::Maybe);
    }
}

/// The status decides, but the body may have shown a payment.
#[test]
fn the_body_of_an_error_that_is_not_read_whole_may_show_funds() {
    let with_status = |status: u16, headers: &str, body: &[u8]| {
        [format!("HTTP/1.1 {status} X\r\n{headers}\r\n").as_bytes(), body].concat()
    };
    let long = vec![b' '; (1 << 20) + 7];
    let damaged = &gzip(&[b'x'; 4000])[..20];
    let packed = format!("content-encoding: deflate\r\ncontent-length: {}\r\n", damaged.len());
    for (answer, may_show_funds) in [
        (with_status(500, "content-length: 90\r\n", b"{}"), true),
        (with_status(500, &format!("content-length: {}\r\n", long.len()), &long), true),
        (with_status(206, "content-encoding: gzip\r\ncontent-length: 20\r\n", damaged), true),
        (with_status(500, &packed, damaged), true),
        (with_status(500, "content-length: 2\r\n", b"{}"), false),
    ] {
        let server = Server::once(answer.clone());
        let error = get_from(&server.url).unwrap_err();
        let answer = String::from_utf8_lossy(&answer[..60.min(answer.len())]).into_owned();
        assert_eq!(error.answer().unwrap().may_show_funds(), may_show_funds, "{answer}");
    }
}
