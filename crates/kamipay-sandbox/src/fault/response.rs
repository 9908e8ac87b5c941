//! Faults as HTTP responses.

use chrono::TimeDelta;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};

use super::{Body, Context, Fault, Location};
use crate::{
    json::{Object, member, with_member},
    query::segments,
};

/// The response instead of the true answer.
pub(super) fn instead(fault: Fault, context: &Context<'_>) -> Option<Response<Vec<u8>>> {
    let with_retry_after = |status, value: &str| {
        with_header(refusal(status, Body::Json), header::RETRY_AFTER, value.as_bytes())
    };
    Some(match fault {
        Fault::Status(_, Body::Answer) => return None,
        Fault::Status(status, body) => refusal(status, body),
        Fault::Redirect(status, location) => {
            let response = refusal(status, Body::Empty);
            match uri(location, context) {
                Some(uri) => with_header(response, header::LOCATION, uri.as_bytes()),
                None => response,
            }
        }
        Fault::RetryAfter(status, value) => with_retry_after(status, value),
        Fault::RetryAfterDate(status, seconds) => {
            let now = context.now;
            let then = TimeDelta::try_seconds(seconds).and_then(|it| now.checked_add_signed(it));
            let then = then.unwrap_or(now).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            with_retry_after(status, &then)
        }
        Fault::Login(429) => with_retry_after(429, "7"),
        Fault::Login(status) => refusal(status, Body::Json),
        Fault::TokenExpires | Fault::OtherAnswer(_) | Fault::Wire(_) => return None,
    })
}

/// The answer to a similar request, made from the answer to this one.
pub(super) fn of_another_request(
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
            body.replace(&id, &similar(&id))
        }
    };
    *response.body_mut() = body.into_bytes();
    response
}

/// The `id` of a request, or the end of its path.
fn identifier(request: &Request<Vec<u8>>) -> String {
    let query = request.uri().query().unwrap_or_default();
    let id = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "id");
    let last = || segments(request.uri().path()).pop().unwrap_or_default();
    id.map_or_else(last, |(_, id)| id.into_owned())
}

/// The identifier with another last letter.
fn similar(id: &str) -> String {
    let mut letters: Vec<_> = id.chars().collect();
    if let Some(last) = letters.last_mut() {
        *last = if *last == '0' { '1' } else { '0' };
    }
    letters.into_iter().collect()
}

/// A status that HTTP does not allow counts as 500.
pub(super) fn with_status(mut response: Response<Vec<u8>>, status: u16) -> Response<Vec<u8>> {
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn refusal(status: u16, body: Body) -> Response<Vec<u8>> {
    const JSON: &str = "application/json";
    const HTML: &str = "text/html";

    let response = with_status(Response::default(), status);
    let reason = response.status().canonical_reason().unwrap_or("Unknown");
    let detail = |text: &str| Object::new().text("detail", text).end().into_bytes();
    let (kind, body) = match body {
        Body::Json if status == 401 => (JSON, detail("Incorrect Credentials")),
        Body::Json => (JSON, detail(reason)),
        Body::Large(length) => (JSON, detail(&"x".repeat(length))),
        Body::Html => {
            let title = format!("{status} {reason}");
            let page = format!(
                "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n\
                 <center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n\
                 </body>\r\n</html>\r\n"
            );
            (HTML, page.into_bytes())
        }
        Body::CaptivePortal => (HTML, PORTAL.into()),
        Body::Text(text) => (JSON, text.into()),
        Body::AllBytes => (JSON, (0..=u8::MAX).collect()),
        Body::Empty | Body::Answer => ("", Vec::new()),
    };
    let response = response.map(|_: Vec<u8>| body);
    let response = match kind {
        "" => response,
        kind => with_header(response, header::CONTENT_TYPE, kind.as_bytes()),
    };
    match status {
        101 => with_header(response, header::UPGRADE, b"websocket"),
        500.. if kind == HTML => with_header(response, header::SERVER, b"nginx"),
        _ => response,
    }
}

const PORTAL: &str = "<!DOCTYPE html><html><head><title>Wi-Fi</title></head>\
     <body><form action=\"/login\"><h1>Welcome to the hotel</h1></form></body></html>\n";

/// Leaves out a value that HTTP does not allow.
fn with_header(
    mut response: Response<Vec<u8>>,
    name: HeaderName,
    value: &[u8],
) -> Response<Vec<u8>> {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

fn uri(location: Location, context: &Context<'_>) -> Option<String> {
    let uri = context.request.uri();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = context.request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
    Some(match location {
        Location::OtherHost => format!("{}{path}", context.other_host),
        Location::OtherPort => {
            let port = port.parse().unwrap_or(80_u16) ^ 1;
            format!("http://{name}:{port}{path}")
        }
        Location::PlainHttp => format!("http://{name}{path}"),
        Location::SchemeRelative => format!("//elsewhere.invalid{path}"),
        Location::Same => path.to_owned(),
        Location::Missing => return None,
    })
}
