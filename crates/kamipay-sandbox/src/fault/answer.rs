//! Faults that an HTTP response says.

use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};

use super::Fault;
use crate::{
    json::{Object, member, with_member},
    reply::Reply,
};

/// What an answer may depend on.
pub(crate) struct Context<'a> {
    pub(crate) request: &'a Request<Vec<u8>>,
    pub(crate) now: DateTime<Utc>,
    /// Where redirects to another host lead: a scheme and a host, and perhaps a port.
    pub(crate) elsewhere: &'a str,
}

/// The response that the fault is, unless it spoils the true one.
pub(crate) fn answer(fault: Fault, context: &Context<'_>) -> Option<Response<Vec<u8>>> {
    if let Some(location) = location(fault, context) {
        let status = redirect_status(fault);
        let response = refusal(status, Content::Empty);
        return Some(with_header(response, header::LOCATION, location.as_bytes()));
    }
    if let Some(retry_after) = retry_after(fault, context.now) {
        let status = match fault {
            Fault::Status503RetryAfter => 503,
            _ => 429,
        };
        let response = refusal(status, Content::Json);
        return Some(with_header(response, header::RETRY_AFTER, retry_after.as_bytes()));
    }
    if let Some((status, content)) = status(fault) {
        return Some(refusal(status, content));
    }
    let ok = |kind: &'static str, body: Vec<u8>| {
        with_header(Response::new(body), header::CONTENT_TYPE, kind.as_bytes())
    };
    let response = match fault {
        Fault::RedirectNowhere => refusal(302, Content::Empty),
        Fault::Unauthorized => Reply::incorrect_credentials().into_response(),
        Fault::Login401 => Reply::incorrect_credentials().into_response(),
        Fault::Status101 => {
            let response = refusal(101, Content::Empty);
            with_header(response, header::UPGRADE, b"websocket")
        }
        Fault::Gateway502Html => {
            let response = refusal(502, Content::Html);
            with_header(response, header::SERVER, b"nginx")
        }
        Fault::EmptyBody => ok(JSON, Vec::new()),
        Fault::BlankBody => ok(JSON, b" \r\n\t ".to_vec()),
        Fault::CaptivePortal => ok(HTML, PORTAL.as_bytes().to_vec()),
        Fault::InvalidUtf8 => ok(JSON, (0..=u8::MAX).collect()),
        _ => return None,
    };
    Some(response)
}

/// The status with which the true answer is sent.
pub(crate) fn other_status(fault: Fault) -> Option<StatusCode> {
    let status = match fault {
        Fault::Status206 => 206,
        Fault::Status600 => 600,
        Fault::Status999 => 999,
        _ => return None,
    };
    StatusCode::from_u16(status).ok()
}

/// The answer to a request that is much like this one, made from the answer to this one.
pub(crate) fn somebody_elses(
    request: &Request<Vec<u8>>,
    mut response: Response<Vec<u8>>,
) -> Response<Vec<u8>> {
    let Ok(body) = std::str::from_utf8(response.body()) else { return response };
    let offset = member(body, "offset").and_then(|offset| offset.parse::<u64>().ok());
    let body = match offset {
        Some(offset) => with_member(body, "offset", &offset.wrapping_add(1).to_string()),
        None => {
            let id = identifier(request);
            if id.len() < 2 {
                return response;
            }
            body.replace(&id, &other_identifier(&id))
        }
    };
    *response.body_mut() = body.into_bytes();
    response
}

/// What a request asks for: its `id`, or what its path ends with.
fn identifier(request: &Request<Vec<u8>>) -> String {
    let query = request.uri().query().unwrap_or_default();
    let id = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "id");
    let last = || crate::calls::segments(request.uri().path()).pop().unwrap_or_default();
    id.map_or_else(last, |(_, id)| id.into_owned())
}

/// One of the same form: its last letter is another.
fn other_identifier(id: &str) -> String {
    let mut letters: Vec<_> = id.chars().collect();
    if let Some(last) = letters.last_mut() {
        *last = if *last == '0' { '1' } else { '0' };
    }
    letters.into_iter().collect()
}

#[derive(Debug, Clone, Copy)]
enum Content {
    Json,
    Html,
    Empty,
    Huge,
}

const JSON: &str = "application/json";
const HTML: &str = "text/html";
const PORTAL: &str = "<!DOCTYPE html><html><head><title>Wi-Fi</title></head>\
     <body><form action=\"/login\"><h1>Welcome to the hotel</h1></form></body></html>\n";
const MEGABYTE: usize = 1_000_000;

fn status(fault: Fault) -> Option<(u16, Content)> {
    use Content::{Empty, Html, Huge, Json};
    Some(match fault {
        Fault::Status204 => (204, Empty),
        Fault::Status205 => (205, Empty),
        Fault::Status304 => (304, Empty),
        Fault::Status400 | Fault::Login400 => (400, Json),
        Fault::Status400Html => (400, Html),
        Fault::Status400Empty => (400, Empty),
        Fault::Status400Huge => (400, Huge),
        Fault::Status403 | Fault::Login403 => (403, Json),
        Fault::Status403Html => (403, Html),
        Fault::Status403Empty => (403, Empty),
        Fault::Status403Huge => (403, Huge),
        Fault::Status404 => (404, Json),
        Fault::Status404Html => (404, Html),
        Fault::Status404Empty => (404, Empty),
        Fault::Status404Huge => (404, Huge),
        Fault::Status406 => (406, Json),
        Fault::Status406Html => (406, Html),
        Fault::Status406Empty => (406, Empty),
        Fault::Status406Huge => (406, Huge),
        Fault::Status409 => (409, Json),
        Fault::Status409Html => (409, Html),
        Fault::Status409Empty => (409, Empty),
        Fault::Status409Huge => (409, Huge),
        Fault::Status422 => (422, Json),
        Fault::Status422Html => (422, Html),
        Fault::Status422Empty => (422, Empty),
        Fault::Status422Huge => (422, Huge),
        Fault::Status429 => (429, Json),
        Fault::Status429Html => (429, Html),
        Fault::Status429Empty => (429, Empty),
        Fault::Status429Huge => (429, Huge),
        Fault::Status500 => (500, Json),
        Fault::Status502 => (502, Json),
        Fault::Status503 | Fault::Login503 => (503, Json),
        Fault::Status504 => (504, Json),
        _ => return None,
    })
}

fn refusal(status: u16, content: Content) -> Response<Vec<u8>> {
    // All statuses above are between 100 and 999.
    let status = StatusCode::from_u16(status).unwrap_or_default();
    let reason = status.canonical_reason().unwrap_or("Unknown");
    let (kind, body) = match content {
        Content::Json => (JSON, Object::new().text("detail", reason).end()),
        Content::Html => {
            let title = format!("{} {reason}", status.as_u16());
            let page = format!(
                "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n\
                 <center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n\
                 </body>\r\n</html>\r\n"
            );
            (HTML, page)
        }
        Content::Empty => ("", String::new()),
        Content::Huge => (JSON, Object::new().text("detail", &"x".repeat(MEGABYTE)).end()),
    };
    let mut response = Response::new(body.into_bytes());
    *response.status_mut() = status;
    if kind.is_empty() {
        response
    } else {
        with_header(response, header::CONTENT_TYPE, kind.as_bytes())
    }
}

fn with_header(
    mut response: Response<Vec<u8>>,
    name: HeaderName,
    value: &[u8],
) -> Response<Vec<u8>> {
    // What cannot stand in a header is left out.
    if let Ok(value) = HeaderValue::from_bytes(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

fn redirect_status(fault: Fault) -> u16 {
    match fault {
        Fault::Redirect301 => 301,
        Fault::Redirect303 => 303,
        Fault::Redirect307 => 307,
        Fault::Redirect308 => 308,
        _ => 302,
    }
}

fn location(fault: Fault, context: &Context<'_>) -> Option<String> {
    let uri = context.request.uri();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = context.request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
    Some(match fault {
        Fault::Redirect301
        | Fault::Redirect302
        | Fault::Redirect303
        | Fault::Redirect307
        | Fault::Redirect308 => format!("{}{path}", context.elsewhere),
        Fault::RedirectOtherPort => {
            let port = port.parse().unwrap_or(80_u16) ^ 1;
            format!("http://{name}:{port}{path}")
        }
        Fault::RedirectPlainHttp => format!("http://{name}{path}"),
        Fault::RedirectSchemeRelative => format!("//elsewhere.invalid{path}"),
        Fault::RedirectLoop => path.to_owned(),
        _ => return None,
    })
}

fn retry_after(fault: Fault, now: DateTime<Utc>) -> Option<String> {
    let value = match fault {
        Fault::TooManyRequests | Fault::Login429 | Fault::Status503RetryAfter => "7",
        Fault::RetryAfter1 => "1",
        Fault::RetryAfter3600 => "3600",
        Fault::RetryAfterDate => {
            let then = now.checked_add_signed(TimeDelta::seconds(7)).unwrap_or(now);
            return Some(then.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
        }
        Fault::RetryAfterFarDate => "Thu, 31 Dec 2099 23:59:59 GMT",
        Fault::RetryAfterPastDate => "Sun, 06 Nov 1994 08:49:37 GMT",
        Fault::RetryAfterNegative => "-1",
        Fault::RetryAfterPlus => "+7",
        Fault::RetryAfterFraction => "1.5",
        Fault::RetryAfterList => "7, 8",
        Fault::RetryAfterEmpty => "",
        Fault::RetryAfterOverlong => "100000000000000000000",
        Fault::RetryAfterForeignDigit => "\u{661}",
        Fault::RetryAfterWords => "soon",
        _ => return None,
    };
    Some(value.to_owned())
}
