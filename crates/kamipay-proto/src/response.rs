//! Reads responses: the only place where a status becomes an error, and a body a value.

#[cfg(test)]
mod tests;

use http::response::Parts;
use http::{HeaderMap, Response};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};

use crate::Endpoint;
use crate::error::{
    Answer, ApiError, CutOff, DecodeError, Mismatch, ResponseError, ResponseErrorKind,
};
use crate::wire::object::{self, Object};
use crate::wire::reason;
use crate::wire::retry_after::retry_after;

/// Reads the response to a call.
pub(crate) fn read<E: Endpoint + ?Sized>(
    call: &E,
    response: Response<impl AsRef<[u8]> + Into<Vec<u8>>>,
) -> Result<E::Output, ResponseError> {
    let (head, body) = response.into_parts();
    let kind = match head.status.as_u16() {
        200..=299 => {
            let output = call.decode(&head, body.as_ref());
            match output
                .and_then(|output| call.verify(&output).map(|()| output).map_err(Into::into))
            {
                Ok(output) => return Ok(output),
                Err(kind) => kind,
            }
        }
        400..=599 => ResponseErrorKind::Api(ApiError { status: head.status, message: None }),
        _ => ResponseErrorKind::UnexpectedStatus,
    };
    Err(error(kind, &head, body))
}

/// An error with the message and the request id of the response.
fn error(
    kind: ResponseErrorKind,
    head: &Parts,
    body: impl AsRef<[u8]> + Into<Vec<u8>>,
) -> ResponseError {
    let said = Said::in_body(body.as_ref()).unwrap_or_default();
    let kind = match kind {
        ResponseErrorKind::Api(refusal) => {
            ResponseErrorKind::Api(ApiError { message: said.message, ..refusal })
        }
        kind => kind,
    };
    let request_id = said.request_id.or_else(|| request_id(&head.headers));
    let kind = match kind {
        ResponseErrorKind::Mismatch(Mismatch { came: Some(came), field, asked }) => {
            ResponseErrorKind::Mismatch(Mismatch { came: Some(beginning(came)), field, asked })
        }
        kind => kind,
    };
    let retry_after = retry_after(&head.headers);
    let is_cut_off = head.extensions.get::<CutOff>().is_some();
    let answer =
        Answer { status: head.status, request_id, retry_after, body: body.into(), is_cut_off };
    ResponseError::new(kind, answer)
}

/// The body, unless the status says that it is empty or partial.
pub(crate) fn whole<'a>(head: &Parts, body: &'a [u8]) -> Result<&'a [u8], ResponseErrorKind> {
    match head.status.as_u16() {
        204..=206 => Err(ResponseErrorKind::UnexpectedStatus), // no body, or a part of one
        _ => Ok(body),
    }
}

/// Reads a JSON object from a body, like the default of [`Endpoint::decode`].
///
/// A byte order mark before the document is skipped. The error names the JSON path.
///
/// # Errors
///
/// If the body is not UTF-8, not JSON, not whole, or not a `T`; or if it is over 2 MiB and has a
/// text or a depth of over 1 MiB.
pub fn decode_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    object(text(body)?)
}

/// The text of a body, unless it would cost too much to read.
pub(crate) fn text(body: &[u8]) -> Result<&str, DecodeError> {
    // Checked once for the whole body: `from_slice` would check every string again.
    let text =
        std::str::from_utf8(without_mark(body)).map_err(|error| match error.error_len() {
            Some(_) => DecodeError::whole("not UTF-8 text"),
            None => DecodeError { truncated: true, ..DecodeError::whole(CUT) }, // within a character
        })?;
    if !is_bounded(text) {
        return Err(DecodeError::whole("a text or a depth of over 1 MiB"));
    }
    Ok(text)
}

/// Reads a JSON object.
pub(crate) fn object<T: DeserializeOwned>(text: &str) -> Result<T, DecodeError> {
    match serde_json::from_str(text) {
        Ok(Object(output)) => Ok(output),
        Err(_) => Err(locate::<Object<T>>(text)),
    }
}

/// A JSON document of any type, unparsed.
pub(crate) fn document(text: &str) -> Result<&RawValue, DecodeError> {
    serde_json::from_str(text).map_err(|_| locate::<IgnoredAny>(text))
}

/// Whether a parser needs little memory for the document: no text and no depth of over 1 MiB. A
/// small document always passes.
fn is_bounded(text: &str) -> bool {
    const SMALL: usize = 2 << 20;
    const MOST: usize = 1 << 20;
    if text.len() <= SMALL {
        return true;
    }
    let (mut text, mut depth) = (text.as_bytes(), 0_usize);
    while let Some((byte, rest)) = text.split_first() {
        text = rest;
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                let mut at = 0;
                loop {
                    match text.get(at) {
                        Some(b'\\') => at += 2,
                        Some(b'"') | None => break,
                        Some(_) => at += 1,
                    }
                }
                if at > MOST {
                    return false;
                }
                text = text.get(at + 1..).unwrap_or_default();
            }
            _ => {}
        }
        if depth > MOST {
            return false;
        }
    }
    true
}

/// The body without a byte order mark.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

/// Reads the text a second time, slowly, to find the path of the error.
fn locate<T: DeserializeOwned>(text: &str) -> DecodeError {
    let json = &mut serde_json::Deserializer::from_str(text);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut *json) else {
        return DecodeError::whole("bytes after the JSON document");
    };
    let (path, error) = (place(error.path()), error.into_inner());
    let said = error.to_string();
    let cut = is_cut(&error, text);
    DecodeError {
        path,
        line: error.line(),
        column: error.column(),
        truncated: cut && !text.trim().is_empty(), // nothing at all was not cut
        reason: if cut { CUT.to_owned() } else { explain(&error, &said) },
    }
}

const CUT: &str = "the document ends before it is whole";

/// Whether the text ends inside its document.
fn is_cut(error: &serde_json::Error, text: &str) -> bool {
    if !error.is_syntax() {
        return error.is_eof();
    }
    // An end within a number, `10.` or `1e`, is a syntax error to serde_json.
    let last_line = text.rsplit('\n').next().unwrap_or_default();
    let at_end =
        error.line() == text.matches('\n').count() + 1 && error.column() == last_line.len();
    let number = text.trim_end_matches(['e', 'E', '+', '-', '.']);
    at_end
        && number != text
        && (text.ends_with('-') || number.ends_with(|c: char| c.is_ascii_digit()))
}

/// The path, such as `settlements[3].amount`. A key that cannot be a field of ours is not shown,
/// because it is text from the body.
fn place(path: &Path) -> String {
    let ours = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let mut place = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => place.push_str(&format!("[{index}]")),
            Segment::Unknown => {} // between two fields: the object itself
            Segment::Map { key } | Segment::Enum { variant: key } => {
                let known = (1..=64).contains(&key.len()) && key.bytes().all(ours);
                let dot = if place.is_empty() { "" } else { "." };
                place.push_str(dot);
                place.push_str(if known { key } else { "?" });
            }
        }
    }
    if place.is_empty() { ".".to_owned() } else { place }
}

/// The fault in words of our own: serde's texts quote the value that they stumbled over.
fn explain(error: &serde_json::Error, said: &str) -> String {
    if error.is_syntax() {
        return "not JSON".to_owned();
    }
    let is_said = |reason: &&str| {
        said.starts_with(reason) || said.starts_with("invalid type: f") && said.contains(reason)
    };
    if let Some(reason) = reason::ALL.into_iter().find(is_said) {
        return reason.to_owned();
    }
    // The name of a field of ours, and nothing of the body.
    for what in ["missing field `", "duplicate field `"] {
        if let Some((name, _)) = said.strip_prefix(what).and_then(|rest| rest.split_once('`')) {
            return format!("{what}{name}`");
        }
    }
    if said.starts_with("invalid type: null") {
        return "null, where the API promises a value".to_owned();
    }
    "a value of another type than the API promises".to_owned()
}

/// What an answer says about itself, whatever else it is.
#[derive(Default)]
struct Said {
    message: Option<String>,
    request_id: Option<String>,
}

impl Said {
    /// What a refusal says, whichever server wrote it: `{"detail": "…"}` on the pages,
    /// `{"message": "…"}` from the gateway, `detail` as a list of objects from the web framework,
    /// `msg` in the envelope of the status calls.
    fn in_body(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(without_mark(body)).ok().filter(|text| is_bounded(text))?;
        let [detail, message, msg, request_id] =
            object::pick(text, ["detail", "message", "msg", "request_id"])?;
        let words = |raw: Option<&RawValue>| words(raw?, LONGEST_KEPT);
        let of_detail = || match detail?.get() {
            list if list.starts_with('[') => faults(list),
            _ => words(detail),
        };
        let message = of_detail().or_else(|| words(message)).or_else(|| words(msg));
        Some(Self { message, request_id: words(request_id) })
    }
}

/// The request id in a response's headers.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("x-request-id").or_else(|| headers.get("x-kong-request-id"))?;
    value.to_str().ok().filter(|id| !id.is_empty()).map(|id| beginning(id.to_owned()))
}

/// As much of a text as is kept.
fn beginning(mut text: String) -> String {
    if text.len() > LONGEST_KEPT {
        let cut = (0..=LONGEST_KEPT).rev().find(|cut| text.is_char_boundary(*cut));
        text.truncate(cut.unwrap_or_default());
        text.shrink_to_fit();
        text.push('…');
    }
    text
}

/// How much is kept of a message, in bytes: far more than is shown.
const LONGEST_KEPT: usize = 16 << 10;

/// The text of a string that is not blank: as much of it as `longest` bytes in the document, and
/// then an ellipsis.
fn words(raw: &RawValue, longest: usize) -> Option<String> {
    let text = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    let unescape = |text: &str| serde_json::from_str::<String>(&format!("\"{text}\"")).ok();
    let words = if text.len() <= longest {
        unescape(text)?
    } else {
        // Of an escape that is cut in two, up to 11 bytes are there.
        let cuts = (longest - 11..=longest).rev().filter(|cut| text.is_char_boundary(*cut));
        cuts.into_iter().find_map(|cut| unescape(&text[..cut]))? + "…"
    };
    (!words.trim().is_empty()).then_some(words)
}

/// `query.limit: Input should be less than or equal to 1000`, without the input itself; some of
/// them, where there are many.
fn faults(list: &str) -> Option<String> {
    let (mut faults, mut looked_at) = (Vec::new(), 0);
    object::each(list, |raw| {
        looked_at += 1;
        faults.extend(fault(raw));
        faults.len() < 8 && looked_at < 64
    });
    (!faults.is_empty()).then(|| faults.join("; "))
}

fn fault(raw: &RawValue) -> Option<String> {
    const LONGEST: usize = 1 << 10;
    let [loc, msg] = object::pick(raw.get(), ["loc", "msg"])?;
    let said = words(msg?, LONGEST)?;
    let (mut place, mut looked_at) = (Vec::new(), 0);
    object::each(loc.map_or("", RawValue::get), |part| {
        let is_number = part.get().starts_with(|char: char| char.is_ascii_digit());
        let number = || is_number.then(|| part.get().chars().take(20).collect());
        looked_at += 1;
        place.extend(words(part, LONGEST).or_else(number));
        place.len() < 8 && looked_at < 64
    });
    Some(if place.is_empty() { said } else { format!("{}: {said}", place.join(".")) })
}
