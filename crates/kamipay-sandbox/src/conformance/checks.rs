//! The checks, one by one.

use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, header};

use self::Rule::{By, EndsInTime, IsError, IsResponse, IsWhole};
use super::{
    Problem, Subject,
    probe::{PATIENCE, Probe},
};
use crate::{
    fault::{Context, Fault},
    mix::mix,
    schedule::Schedule,
    wire::gzip,
};

/// A name, what must hold, and how to check it.
pub(super) type Check = (&'static str, &'static str, Rule);

/// How a rule is checked.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    By(fn(&mut Subject<'_>) -> Result<(), Problem>),
    /// With each of these faults the whole body comes.
    IsWhole(&'static [&'static str]),
    /// Each of these faults is a response with its body, after one request.
    IsResponse(&'static [&'static str]),
    /// Each of these faults is an error.
    IsError(&'static [&'static str]),
    /// With each of these faults the transport gives up in time.
    EndsInTime(&'static [&'static str]),
}

impl Rule {
    pub(super) fn run(self, subject: &mut Subject<'_>) -> Result<(), Problem> {
        match self {
            Self::By(check) => check(subject),
            Self::IsWhole(faults) => faults.iter().try_for_each(|it| is_whole(subject, it)),
            Self::IsResponse(faults) => {
                faults.iter().try_for_each(|it| is_response(subject, it).map(|_| ()))
            }
            Self::IsError(faults) => faults.iter().try_for_each(|it| is_error(subject, it)),
            Self::EndsInTime(faults) => faults.iter().try_for_each(|it| ends_in_time(subject, it)),
        }
    }
}

pub(super) const ALL: &[Check] = &[
    ("request-line", "method, path and query arrive as they were given", By(request_line)),
    ("request-headers", "headers arrive as they were given, each once", By(request_headers)),
    ("get-without-body", "a GET has neither a body nor the length of one", By(get_without_body)),
    ("form-body", "a form arrives byte by byte, with its length", By(form_body)),
    ("response-bytes", "any bytes of a body are kept", By(response_bytes)),
    ("large-body", "a large body comes whole", By(large_body)),
    ("keep-alive", "an answer ends with its length, not with the connection", By(keep_alive)),
    ("chunked", "a body in chunks is assembled", IsWhole(&["chunked"])),
    (
        "until-closed",
        "a body without a length ends with the connection",
        IsWhole(&["until-closed"]),
    ),
    ("gzip-once", "gzip is not asked for, or unpacked once", By(gzip_once)),
    (
        "client-errors",
        "a status of 400 or more is a response with its body",
        IsResponse(CLIENT_ERRORS),
    ),
    (
        "server-errors",
        "a status of 500 or more is a response with its body",
        IsResponse(&["status-500", "gateway-502-html", "status-503", "status-504"]),
    ),
    ("retry-after", "the headers of a refusal are kept", By(retry_after)),
    ("redirects", "no redirect is followed, least of all with the token", By(redirects)),
    (
        "truncated-length",
        "a body shorter than its length is an error",
        IsError(&["truncated-body", "missing-body"]),
    ),
    (
        "truncated-chunks",
        "chunks without their end are an error",
        IsError(&["truncated-chunk", "truncated-chunk-size", "missing-last-chunk"]),
    ),
    (
        "reset",
        "a connection reset in the body is an error",
        IsError(&["reset-body", "reset-chunk"]),
    ),
    (
        "no-answer",
        "a connection closed without an answer is an error",
        IsError(&["closed-before-answer", "reset-before-answer", "truncated-head"]),
    ),
    (
        "closed-connection",
        "a connection closed between requests does no harm",
        By(closed_connection),
    ),
    (
        "deadline-before-head",
        "the deadline ends the wait for an answer",
        EndsInTime(&["silent-server"]),
    ),
    (
        "deadline-in-head",
        "the deadline ends the wait for the rest of a head",
        EndsInTime(&["stalled-head"]),
    ),
    (
        "deadline-in-body",
        "the deadline ends the wait for the rest of a body",
        EndsInTime(&["stalled-body", "stalled-chunk"]),
    ),
    (
        "deadline-dripping",
        "bytes now and then do not extend the deadline",
        EndsInTime(&["dripping-body"]),
    ),
];

const CLIENT_ERRORS: &[&str] = &[
    "status-400",
    "unauthorized",
    "status-403-html",
    "status-404",
    "status-422-empty",
    "status-429",
];

const TOKEN: &str = "Bearer a-token-for-this-server-only";
const BODY: &[u8] = r#"{"name":"João Conceição","amounts":["0E-8",1e-05,"9.961790"]}"#.as_bytes();
/// With everything that clients like to decode, encode again or clean up.
const PATH: &str =
    "/v1/lots/a%2Fb%20c%C3%A9..%2e?start_date=2026-05-01T00%3A00%3A00%2B00%3A00&x=a+b&y=&z=%7E~";

fn get(server: &Probe, path: &str) -> Request<Vec<u8>> {
    let request = Request::get(format!("{}{path}", server.base_url));
    // All parts are valid.
    request.header(header::AUTHORIZATION, TOKEN).body(Vec::new()).unwrap_or_default()
}

fn log_in(server: &Probe) -> Request<Vec<u8>> {
    Request::post(format!("{}/auth/token", server.base_url))
        .header(header::CONTENT_TYPE, FORM_TYPE)
        .body(FORM.as_bytes().to_vec())
        .unwrap_or_default()
}

const FORM_TYPE: &str = "application/x-www-form-urlencoded";
const FORM: &str = "username=jos%C3%A9%40example.com&password=correct%2Bhorse+battery%3D%26%25";

fn serve(body: &[u8]) -> Result<Probe, Problem> {
    Ok(Probe::start(body)?)
}

fn serve_fault(fault: &str) -> Result<Probe, Problem> {
    Ok(Probe::failing(BODY, Fault::named(fault), Schedule::always())?)
}

/// The one request that a server was asked.
fn asked(server: &Probe) -> Result<Request<Vec<u8>>, Problem> {
    let mut asked = server.requests();
    match (asked.pop(), asked.len()) {
        (Some(request), 0) => Ok(request),
        (None, _) => Err("no readable request arrived".to_owned().into()),
        (_, more) => Err(format!("the request was sent {} times", more + 1).into()),
    }
}

fn answered(answer: Result<Response<Vec<u8>>, String>) -> Result<Response<Vec<u8>>, Problem> {
    answer.map_err(|error| format!("there was an error: {error}").into())
}

fn same_body(response: &Response<Vec<u8>>, expected: &[u8]) -> Result<(), Problem> {
    let body = response.body();
    if body == expected {
        return Ok(());
    }
    let place = body.iter().zip(expected).take_while(|(one, other)| one == other).count();
    let (length, expected) = (body.len(), expected.len());
    Err(format!("{length} bytes came of {expected}, and they differ from byte {place} on").into())
}

fn check(holds: bool, problem: impl FnOnce() -> String) -> Result<(), Problem> {
    if holds { Ok(()) } else { Err(problem().into()) }
}

fn request_line(subject: &mut Subject<'_>) -> Result<(), Problem> {
    let server = serve(BODY)?;
    let answer = subject.send(get(&server, PATH));
    let asked = asked(&server)?;
    answered(answer)?;
    let target = asked.uri().path_and_query().map_or("", |path| path.as_str());
    check(target == PATH, || format!("{target} arrived instead of {PATH}"))?;
    check(asked.method() == Method::GET, || format!("{} arrived instead of GET", asked.method()))
}

fn request_headers(subject: &mut Subject<'_>) -> Result<(), Problem> {
    let server = serve(BODY)?;
    let mut request = get(&server, "/v1/lots");
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    headers.insert("x-note", header::HeaderValue::from_static("a, \"b\"; c=d"));
    let given = headers.clone();
    let answer = subject.send(request);
    let asked = asked(&server)?;
    answered(answer)?;
    for (name, value) in &given {
        let arrived: Vec<_> = asked.headers().get_all(name).iter().collect();
        check(arrived == [value], || format!("{name} arrived {} times or changed", arrived.len()))?;
    }
    let host = asked.headers().get(header::HOST).map(|host| host.as_bytes());
    let expected = &server.address;
    check(host == Some(expected.as_bytes()), || format!("the host is not {expected}"))
}

fn get_without_body(subject: &mut Subject<'_>) -> Result<(), Problem> {
    let server = serve(BODY)?;
    let answer = subject.send(get(&server, "/v1/lots"));
    let asked = asked(&server)?;
    answered(answer)?;
    no_body(asked.headers())
}

fn no_body(headers: &HeaderMap) -> Result<(), Problem> {
    for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        check(!headers.contains_key(&name), || format!("it has the header {name}"))?;
    }
    Ok(())
}

fn form_body(subject: &mut Subject<'_>) -> Result<(), Problem> {
    let server = serve(BODY)?;
    let answer = subject.send(log_in(&server));
    if server.requests().is_empty() {
        let status = answer.map_or(0, |answer| answer.status().as_u16());
        let problem = if status == 411 { "its length is missing" } else { "it did not arrive" };
        return Err(problem.to_owned().into());
    }
    let asked = asked(&server)?;
    answered(answer)?;
    check(asked.method() == Method::POST, || format!("it came with {}", asked.method()))?;
    check(asked.body() == FORM.as_bytes(), || {
        format!("{} came", String::from_utf8_lossy(asked.body()))
    })?;
    let kind = asked.headers().get(header::CONTENT_TYPE);
    check(kind.is_some_and(|kind| kind == FORM_TYPE), || "its content-type changed".to_owned())
}

fn response_bytes(subject: &mut Subject<'_>) -> Result<(), Problem> {
    // A byte order mark, all bytes, and what text files like to have at their ends.
    let bytes: Vec<_> = b"\xef\xbb\xbf".iter().copied().chain(0..=u8::MAX).collect();
    let bytes = [&bytes[..], b"\r\n\n\0 \r\n\r\n"].concat();
    let server = serve(&bytes)?;
    let response = answered(subject.send(get(&server, "/v1/lots")))?;
    same_body(&response, &bytes)
}

fn large_body(subject: &mut Subject<'_>) -> Result<(), Problem> {
    let bytes = noise(600_000);
    let server = serve(&bytes)?;
    let response = answered(subject.send(get(&server, "/v1/lots")))?;
    same_body(&response, &bytes)
}

/// Bytes that do not compress.
fn noise(length: u64) -> Vec<u8> {
    (0..length).map(|index| mix(index) as u8).collect()
}

fn keep_alive(subject: &mut Subject<'_>) -> Result<(), Problem> {
    let server = serve(BODY)?;
    for _ in 0..2 {
        // The server waits longer than that before it closes an idle connection.
        let (answer, time) = subject.timed(get(&server, "/v1/lots"), Duration::from_secs(2));
        same_body(&answered(answer)?, BODY)?;
        check(time < Duration::from_secs(2), || "it waited for more".to_owned())?;
    }
    Ok(())
}

fn gzip_once(subject: &mut Subject<'_>) -> Result<(), Problem> {
    // The body itself is gzip, so that unpacking it twice gives something else.
    let packed = gzip(&noise(5_000));
    let server = serve(&packed)?;
    let response = answered(subject.send(get(&server, "/v1/lots")))?;
    same_body(&response, &packed)
}

fn retry_after(subject: &mut Subject<'_>) -> Result<(), Problem> {
    for fault in ["too-many-requests", "status-503-retry-after"] {
        let response = is_response(subject, fault)?;
        let header = response.headers().get(header::RETRY_AFTER);
        check(header.is_some_and(|header| header == "7"), || "retry-after is lost".to_owned())?;
    }
    Ok(())
}

/// Whether a refusal comes as the response that it is, after one request.
fn is_response(subject: &mut Subject<'_>, fault: &str) -> Result<Response<Vec<u8>>, Problem> {
    let server = serve_fault(fault)?;
    let request = get(&server, "/v1/lots");
    let now = chrono::DateTime::UNIX_EPOCH;
    let context = Context { request: &request, now, other_host: "" };
    let expected = Fault::named(fault).response(&context).unwrap_or_default();
    let about = |problem| match problem {
        Problem::Found(problem) => format!("with status {}, {problem}", expected.status()).into(),
        problem => problem,
    };
    let answer = answered(subject.send(request)).map_err(about)?;
    let (status, wanted) = (answer.status(), expected.status());
    check(status == wanted, || format!("{status} arrived instead of {wanted}"))?;
    same_body(&answer, expected.body()).map_err(about)?;
    asked(&server).map_err(about)?;
    Ok(answer)
}

fn redirects(subject: &mut Subject<'_>) -> Result<(), Problem> {
    for fault in [
        "redirect-301",
        "redirect-302",
        "redirect-303",
        "redirect-307",
        "redirect-308",
        "redirect-loop",
    ] {
        let elsewhere = serve(BODY)?;
        let server = Probe::redirecting(Fault::named(fault), &elsewhere.base_url)?;
        for request in [get(&server, "/v1/lots"), log_in(&server)] {
            let before = server.requests().len();
            // The response or an error, but no request to another server.
            let _ = subject.send(request);
            let followed = elsewhere.requests();
            let has_token =
                |asked: &Request<_>| asked.headers().contains_key(header::AUTHORIZATION);
            let token = if followed.iter().any(has_token) { ", with the token" } else { "" };
            check(followed.is_empty(), || format!("{fault} led to another server{token}"))?;
            let times = server.requests().len() - before;
            check(times == 1, || format!("{fault} was followed, {times} requests in all"))?;
        }
    }
    Ok(())
}

fn is_whole(subject: &mut Subject<'_>, fault: &str) -> Result<(), Problem> {
    let server = serve_fault(fault)?;
    let response = answered(subject.send(get(&server, "/v1/lots")))?;
    same_body(&response, BODY)
}

fn is_error(subject: &mut Subject<'_>, fault: &str) -> Result<(), Problem> {
    let server = serve_fault(fault)?;
    let Ok(answer) = subject.send(get(&server, "/v1/lots")) else { return Ok(()) };
    let (length, all) = (answer.body().len(), BODY.len());
    Err(format!("{fault} gave a response, with {length} of {all} bytes").into())
}

fn closed_connection(subject: &mut Subject<'_>) -> Result<(), Problem> {
    let fault = Fault::named("pooled-connection-closed");
    let server = Probe::failing(BODY, fault, Schedule::once())?;
    same_body(&answered(subject.send(get(&server, "/1")))?, BODY)?;
    // Perhaps on the same connection, which then ends without an answer. Both a second attempt on
    // a new connection and an error are good.
    let (answer, time) = subject.timed(get(&server, "/2"), super::AMPLE);
    if let Ok(answer) = answer {
        same_body(&answer, BODY)?;
    }
    check(time < super::AMPLE, || "it waited for an answer".to_owned())?;
    same_body(&answered(subject.send(get(&server, "/3")))?, BODY)
}

/// The transport gives up well before the server does.
fn ends_in_time(subject: &mut Subject<'_>, fault: &str) -> Result<(), Problem> {
    let server = serve_fault(fault)?;
    let (answer, time) = subject.timed(get(&server, "/v1/lots"), DEADLINE);
    check(answer.is_err(), || format!("{fault} gave a response"))?;
    check(time < DEADLINE + MARGIN, || {
        let (time, deadline) = (time.as_millis(), DEADLINE.as_millis());
        format!("with {fault} it took {time} ms instead of {deadline} ms")
    })
}

const DEADLINE: Duration = Duration::from_millis(200);
/// The rest of the time until the server gives up.
const MARGIN: Duration = PATIENCE.saturating_sub(Duration::from_millis(350));
