//! Transports that are good, and one for each thing that can be wrong with one.

use std::{
    io::{Error, ErrorKind, Read, Write},
    net::TcpStream,
};

use flate2::read::{GzDecoder, MultiGzDecoder};
use http::{HeaderValue, Method, header};

use super::*;

/// What is wrong with a transport.
#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    None,
    FollowsRedirects,
    FollowsRedirectsToItself,
    TakesRefusalsForErrors,
    TakesHalfBodies,
    TakesHalfChunks,
    TakesPartialForWhole,
    DoesNotUnpack,
    UnpacksTwice,
    IgnoresDeadlines,
    CountsFromTheLastByte,
    WaitsForTheEnd,
    SendsALength,
    DecodesThePath,
    MangledForm,
    LosesHeaders,
    LosesResponseHeaders,
    KeepsText,
    KnowsNoChunks,
    RetriesRefusals,
    AnswersForTheServer,
    Stubborn,
}

type Answer = Result<Response<Vec<u8>>, Error>;

fn flawed(flaw: Flaw) -> impl FnMut(Request<Vec<u8>>, Duration) -> Answer {
    let mut dead = false;
    move |request, deadline| {
        if flaw == Flaw::Stubborn {
            // It keeps one connection, and does not get another when that is closed.
            let third = request.uri().path() == "/3";
            dead |= request.uri().path() == "/2";
            if dead && third {
                return Err(ErrorKind::BrokenPipe.into());
            }
        }
        let mut answer = transport(flaw, &request, deadline);
        if flaw == Flaw::RetriesRefusals && answer.as_ref().is_ok_and(|it| it.status() == 503) {
            answer = transport(flaw, &request, deadline);
        }
        let location = answer.as_ref().ok().and_then(|answer| {
            answer.headers().get(header::LOCATION)?.to_str().ok().map(str::to_owned)
        });
        if let Some(location) = location {
            let follows = match flaw {
                Flaw::FollowsRedirects => location.starts_with("http"),
                Flaw::FollowsRedirectsToItself => location.starts_with('/'),
                _ => false,
            };
            if follows {
                let mut again = Request::get("/").body(Vec::new()).unwrap();
                *again.headers_mut() = request.headers().clone();
                let host = request.uri().authority().unwrap();
                let location = match location.starts_with('/') {
                    true => format!("http://{host}{location}"),
                    false => location,
                };
                *again.uri_mut() = location.parse().unwrap();
                return transport(flaw, &again, deadline);
            }
        }
        match answer {
            Ok(answer)
                if flaw == Flaw::TakesRefusalsForErrors && answer.status().as_u16() >= 400 =>
            {
                Err(Error::other(answer.status().to_string()))
            }
            Err(_) if flaw == Flaw::AnswersForTheServer => Ok(Response::default()),
            answer => answer,
        }
    }
}

/// A connection for each request.
fn transport(flaw: Flaw, request: &Request<Vec<u8>>, deadline: Duration) -> Answer {
    let end = Instant::now() + deadline;
    let host = request.uri().authority().unwrap().as_str();
    let mut path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let mut body = request.body().clone();
    let mut headers = request.headers().clone();
    match flaw {
        Flaw::DecodesThePath => path = path.replace("%C3%A9", "e").replace("%2F", "/"),
        Flaw::MangledForm => body = String::from_utf8(body).unwrap().replace('+', "%20").into(),
        Flaw::LosesHeaders => drop(headers.remove("x-note")),
        Flaw::SendsALength => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        _ => {}
    }
    if request.method() == Method::POST {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let unpacks = matches!(flaw, Flaw::None | Flaw::UnpacksTwice);
    if unpacks || flaw == Flaw::DoesNotUnpack {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if flaw != Flaw::WaitsForTheEnd {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let mut head = format!("{} {path} HTTP/1.1\r\nhost: {host}\r\n", request.method());
    for (name, value) in &headers {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    let mut stream = TcpStream::connect(host)?;
    stream.write_all(&[head.as_bytes(), b"\r\n", &body].concat())?;

    let mut answer = Vec::new();
    loop {
        let left = match flaw {
            Flaw::IgnoresDeadlines => Duration::from_secs(60),
            Flaw::CountsFromTheLastByte => deadline,
            _ => end.saturating_duration_since(Instant::now()),
        };
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => answer.extend(&chunk[..length]),
            Err(_) if flaw == Flaw::TakesPartialForWhole && !answer.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    read(flaw, &answer)
}

fn read(flaw: Flaw, answer: &[u8]) -> Answer {
    let eof = || Error::from(ErrorKind::UnexpectedEof);
    let split = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(eof)?;
    let head = std::str::from_utf8(&answer[..split]).unwrap();
    let mut body = &answer[split + 4..];
    let mut response = Response::builder().status(&head[9..12]);
    for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
        response = response.header(name, value);
    }
    let headers = response.headers_ref().unwrap();
    let mut whole = Vec::new();
    if headers.contains_key("transfer-encoding") && flaw != Flaw::KnowsNoChunks {
        loop {
            let Some(line) = body.windows(2).position(|two| two == b"\r\n") else {
                if flaw == Flaw::TakesHalfChunks {
                    break;
                }
                return Err(eof());
            };
            let size = usize::from_str_radix(std::str::from_utf8(&body[..line]).unwrap(), 16);
            let size = size.map_err(Error::other)?;
            whole.extend(body.get(line + 2..line + 2 + size).ok_or_else(eof)?);
            body = body.get(line + size + 4..).ok_or_else(eof)?;
            if size == 0 {
                break;
            }
        }
    } else {
        whole.extend(body);
        let length = headers.get("content-length");
        let takes_half = matches!(flaw, Flaw::TakesHalfBodies | Flaw::TakesPartialForWhole);
        if !takes_half && length.is_some_and(|length| *length != *body.len().to_string()) {
            return Err(eof());
        }
    }
    let is_packed = headers.contains_key("content-encoding");
    if is_packed && flaw != Flaw::DoesNotUnpack {
        let mut unpacked = Vec::new();
        MultiGzDecoder::new(&whole[..]).read_to_end(&mut unpacked)?;
        whole = unpacked;
    }
    if flaw == Flaw::UnpacksTwice && whole.starts_with(b"\x1f\x8b") {
        let mut unpacked = Vec::new();
        GzDecoder::new(&whole[..]).read_to_end(&mut unpacked)?;
        whole = unpacked;
    }
    if flaw == Flaw::KeepsText {
        whole = String::from_utf8_lossy(&whole).into_owned().into();
    }
    let mut response = response.body(whole).unwrap();
    if flaw == Flaw::LosesResponseHeaders {
        response.headers_mut().clear();
    }
    Ok(response)
}

fn failures(flaw: Flaw) -> Vec<&'static str> {
    let report = check(flawed(flaw)).unwrap();
    report.failures().map(|check| check.name).collect()
}

#[test]
fn a_good_transport_passes() {
    let report = check(flawed(Flaw::None)).unwrap();
    report.assert_all();
    assert_eq!(report.checks.len(), checks::ALL.len());
    insta::assert_snapshot!(report.to_string());
}

#[test]
fn each_flaw_is_found() {
    let deadlines =
        ["deadline-before-head", "deadline-in-head", "deadline-in-body", "deadline-dripping"];
    let flaws: &[(Flaw, &[&str])] = &[
        (Flaw::FollowsRedirects, &["redirects"]),
        (Flaw::FollowsRedirectsToItself, &["redirects"]),
        (Flaw::TakesRefusalsForErrors, &["client-errors", "server-errors", "retry-after"]),
        (Flaw::TakesHalfBodies, &["truncated-length"]),
        (Flaw::TakesHalfChunks, &["truncated-chunks"]),
        (Flaw::DoesNotUnpack, &["large-body", "gzip-once"]),
        (Flaw::UnpacksTwice, &["gzip-once"]),
        (Flaw::IgnoresDeadlines, &deadlines),
        (Flaw::CountsFromTheLastByte, &["deadline-dripping"]),
        (Flaw::SendsALength, &["get-without-body"]),
        (Flaw::DecodesThePath, &["request-line"]),
        (Flaw::MangledForm, &["form-body"]),
        (Flaw::LosesHeaders, &["request-headers"]),
        (Flaw::LosesResponseHeaders, &["retry-after"]),
        (Flaw::KeepsText, &["response-bytes", "large-body", "gzip-once"]),
        (Flaw::RetriesRefusals, &["server-errors", "retry-after"]),
        (Flaw::Stubborn, &["closed-connection"]),
    ];
    std::thread::scope(|scope| {
        for (flaw, expected) in flaws {
            scope.spawn(move || assert_eq!(failures(*flaw), *expected));
        }
    });
}

#[test]
fn a_transport_with_several_flaws_fails_several_checks() {
    let partial = failures(Flaw::TakesPartialForWhole);
    for name in ["truncated-length", "reset", "deadline-in-body"] {
        assert!(partial.contains(&name), "{partial:?}");
    }
    // It waits in each check until the server gives up.
    let keep_alive: Vec<_> = checks::ALL.iter().filter(|check| check.0 == "keep-alive").collect();
    let waits = run(flawed(Flaw::WaitsForTheEnd), &[*keep_alive[0]]).unwrap();
    assert!(!waits.is_passed(), "{waits}");
    let chunks = failures(Flaw::KnowsNoChunks);
    assert!(chunks.contains(&"chunked") && chunks.contains(&"truncated-chunks"), "{chunks:?}");
    let lies = failures(Flaw::AnswersForTheServer);
    assert!(lies.contains(&"no-answer") && lies.contains(&"reset"), "{lies:?}");
}

#[test]
fn a_report_contains_the_problems() {
    let report = check(|_, _| Err::<Response<Vec<u8>>, _>("no network today")).unwrap();
    let text = report.to_string();
    assert!(text.contains(
        "FAILED  request-line: method, path and query arrive as they were given, but no readable \
         request arrived\n"
    ));
    assert!(text.contains("FAILED  client-errors: "), "{text}");
    assert!(text.contains("with status 400 Bad Request, there was an error: no network today"));
    let panic = std::panic::catch_unwind(|| report.assert_all()).unwrap_err();
    let panic = panic.downcast_ref::<String>().unwrap();
    assert!(panic.starts_with("the transport breaks a rule:\n"), "{panic}");
}
