use std::fmt;

use http::{HeaderMap, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::wire::object::Object;
use crate::wire::reason;

/// Why a response is not the answer to its call.
///
/// It keeps what came: the HTTP status, the request id for the vendor's support, and the body,
/// which only [`body`](Self::body) shows, since bodies hold names and Pix keys.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    answer: Box<Answer>,
}

impl Error {
    /// What is wrong with the answer.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The HTTP status of the answer.
    pub fn status(&self) -> StatusCode {
        self.answer.status
    }

    /// The identifier that the vendor's support finds the request by, where one came.
    pub fn request_id(&self) -> Option<&str> {
        self.answer.request_id.as_deref()
    }

    /// The body as it came. It may hold personal data, so neither `Display` nor `Debug` shows it.
    pub fn body(&self) -> &[u8] {
        &self.answer.body
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.answer.status;
        match &self.kind {
            ErrorKind::Api(refusal) => write!(f, "{refusal}")?,
            ErrorKind::UnexpectedStatus => {
                write!(f, "the API answered {status}, which is neither an answer nor a refusal")?;
                if status.is_redirection() {
                    f.write_str(" (a redirect is not followed: the token would travel along)")?;
                }
            }
            ErrorKind::Decode(_) => write!(f, "the API's answer ({status}) can not be read")?,
            ErrorKind::Mismatch(mismatch) => write!(f, "{mismatch}")?,
        }
        match self.request_id() {
            Some(id) => write!(f, " (request id {})", Shown(id)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("status", &self.answer.status)
            .field("request_id", &self.request_id())
            .field("body", &format_args!("{} bytes", self.answer.body.len()))
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Decode(decode) => Some(decode),
            _ => None, // `Display` says all of it
        }
    }
}

/// What is wrong with an answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The API refused the call, or failed: a status from 400 to 599.
    Api(ApiError),
    /// A status that the API does not use for an answer: a redirect, a partial or empty one.
    UnexpectedStatus,
    /// The API accepted the call, and its answer can not be read.
    Decode(DecodeError),
    /// The answer is to another question.
    Mismatch(Mismatch),
}

/// A refusal of the API or of a server before it: a status from 400 to 599.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the API answered {status}{}",
    match message {
        Some(message) => format!(": {}", Shown(message)),
        None => ", without a message that can be read".to_owned(),
    }
)]
#[non_exhaustive]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// What the API says about it, whichever of its servers said it: `detail`, the gateway's
    /// `message`, or where and what of each fault that its framework found in the call.
    ///
    /// `None` where the body was none of these, such as a proxy's HTML page.
    pub message: Option<String>,
}

/// A body that is not what its call promises.
///
/// It says where and why, and does not quote the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at `{path}` (line {line}, column {column}): {reason}")]
#[non_exhaustive]
pub struct DecodeError {
    /// Where, such as `settlements[3].amount`, or `.` for the whole.
    pub path: String,
    /// The line in the body, from 1; 0 where it is not known.
    pub line: usize,
    /// The column in the line, from 1; 0 where it is not known.
    pub column: usize,
    /// Whether the body ended before its JSON did: it was cut on its way. An empty body was not.
    pub truncated: bool,
    reason: String,
}

/// An answer to another question than the one asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the answer is to another question: asked for {field} {}, got {}",
    Shown(asked),
    Shown(came)
)]
#[non_exhaustive]
pub struct Mismatch {
    /// What differs, in the vendor's words, such as `offset`.
    pub field: &'static str,
    /// What was asked for.
    pub asked: String,
    /// What came.
    pub came: String,
}

impl Mismatch {
    /// Says that the answer's `field` is not the one asked for.
    pub fn new(field: &'static str, asked: impl fmt::Display, came: impl fmt::Display) -> Self {
        Self { field, asked: asked.to_string(), came: came.to_string() }
    }

    /// Holds an echo against what was asked.
    pub(crate) fn check<T: PartialEq + fmt::Display>(
        field: &'static str,
        asked: T,
        came: T,
    ) -> Result<(), Self> {
        if asked == came { Ok(()) } else { Err(Self::new(field, asked, came)) }
    }
}

/// A request that can not be built. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The call needs a token.
    #[error("the call needs a token, and there is none: log in first, or bring one")]
    NoToken,
    /// A path segment is empty or dots, and would make the path another one.
    #[error("a part of the path is empty or dots, and would ask for something else")]
    Segment,
    /// The URI is too long for any server.
    #[error("the URI is over 65,534 bytes")]
    TooLong,
    /// A value failed to write itself.
    #[error("a value in the query can not be written as text")]
    Value,
}

/// What came, kept with every error.
#[derive(Clone)]
struct Answer {
    status: StatusCode,
    request_id: Option<String>,
    body: Vec<u8>,
}

/// The one place where a status becomes an error, and a body a value.
pub(crate) fn read<T: DeserializeOwned>(
    response: &Response<impl AsRef<[u8]>>,
    verify: impl FnOnce(&T) -> Result<(), Mismatch>,
) -> Result<T, Error> {
    let (status, body) = (response.status(), response.body().as_ref());
    let kind = match status.as_u16() {
        204..=206 => ErrorKind::UnexpectedStatus, // no body, or a part of one
        200..=299 => match decode::<T>(body) {
            Ok(output) => match verify(&output) {
                Ok(()) => return Ok(output),
                Err(mismatch) => ErrorKind::Mismatch(mismatch),
            },
            Err(error) => ErrorKind::Decode(error),
        },
        400..=599 => ErrorKind::Api(ApiError { status, message: message(body) }),
        _ => ErrorKind::UnexpectedStatus,
    };
    let request_id = request_id(response.headers(), body);
    Err(Error { kind, answer: Box::new(Answer { status, request_id, body: body.to_vec() }) })
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    // Checked once for the whole body: `from_slice` would check every string again.
    let text = std::str::from_utf8(body).map_err(|_| DecodeError::whole("not UTF-8 text"))?;
    match serde_json::from_str(text) {
        Ok(Object(output)) => Ok(output),
        Err(_) => Err(locate::<T>(text)),
    }
}

/// Reads a part of a document that was kept as text, for a type that has to look at it first.
pub(crate) fn decode_part<T: DeserializeOwned, E: serde::de::Error>(text: &str) -> Result<T, E> {
    match serde_json::from_str(text) {
        Ok(Object(output)) => Ok(output),
        Err(_) => Err(E::custom(Located(&locate::<T>(text)))),
    }
}

/// Reads the text a second time, slowly, for the path of what failed.
fn locate<T: DeserializeOwned>(text: &str) -> DecodeError {
    let json = &mut serde_json::Deserializer::from_str(text);
    let Err(error) = serde_path_to_error::deserialize::<_, Object<T>>(&mut *json) else {
        return DecodeError::whole("bytes after the JSON document");
    };
    let (path, error) = (error.path().to_string(), error.into_inner());
    let said = error.to_string();
    if let Some(located) = Located::parse(&said) {
        return located;
    }
    DecodeError {
        path,
        line: error.line(),
        column: error.column(),
        truncated: error.is_eof() && !text.trim().is_empty(), // nothing at all was not cut
        reason: explain(&error, &said),
    }
}

/// The fault in words of our own: serde's texts quote the value that they stumbled over.
fn explain(error: &serde_json::Error, said: &str) -> String {
    if error.is_eof() {
        return "the document ends before it is whole".to_owned();
    }
    if error.is_syntax() {
        return "not JSON".to_owned();
    }
    if let Some(reason) = reason::ALL.into_iter().find(|reason| said.starts_with(reason)) {
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

impl DecodeError {
    fn whole(reason: &str) -> Self {
        Self {
            path: ".".to_owned(),
            line: 0,
            column: 0,
            truncated: false,
            reason: reason.to_owned(),
        }
    }
}

/// Carries a [`DecodeError`] through serde's error type, which is text.
struct Located<'a>(&'a DecodeError);

impl Located<'_> {
    const MARK: char = '\u{1}';

    fn parse(text: &str) -> Option<DecodeError> {
        let mut parts = text.strip_prefix(Self::MARK)?.split(Self::MARK);
        Some(DecodeError {
            path: parts.next()?.to_owned(),
            line: parts.next()?.parse().ok()?,
            column: parts.next()?.parse().ok()?,
            truncated: parts.next()?.parse().ok()?,
            reason: parts.next()?.to_owned(),
        })
    }
}

impl fmt::Display for Located<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, DecodeError { path, line, column, truncated, reason }) = (Self::MARK, self.0);
        write!(f, "{mark}{path}{mark}{line}{mark}{column}{mark}{truncated}{mark}{reason}{mark}")
    }
}

/// What a refusal says, whoever wrote it: `{"detail": "…"}` on the pages, `{"message": "…"}` from
/// the gateway, `detail` as a list of objects from the web framework, `msg` in the envelope of
/// the status calls.
fn message(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = |value: &Value| match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        _ => None,
    };
    match &body["detail"] {
        Value::Array(faults) => {
            let faults: Vec<String> = faults.iter().filter_map(fault).collect();
            (!faults.is_empty()).then(|| faults.join("; "))
        }
        detail => text(detail),
    }
    .or_else(|| text(&body["message"]))
    .or_else(|| text(&body["msg"]))
}

/// `query.limit: Input should be less than or equal to 1000`, without the input itself.
fn fault(fault: &Value) -> Option<String> {
    let said = fault["msg"].as_str()?;
    let place: Vec<String> = match &fault["loc"] {
        Value::Array(parts) => parts
            .iter()
            .map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned))
            .collect(),
        _ => Vec::new(),
    };
    Some(if place.is_empty() { said.to_owned() } else { format!("{}: {said}", place.join(".")) })
}

fn request_id(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let in_body = || {
        let body: Value = serde_json::from_slice(body).ok()?;
        body.get("request_id")?.as_str().map(str::to_owned)
    };
    let in_headers = || {
        let value = headers.get("x-request-id").or_else(|| headers.get("x-kong-request-id"))?;
        value.to_str().ok().map(str::to_owned)
    };
    in_body().or_else(in_headers).filter(|id| !id.is_empty())
}

/// Text of somebody else's in a message of ours: control characters escaped, and not too long.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 300;
        for (n, char) in self.0.chars().enumerate() {
            if n == LONGEST {
                return f.write_str("…");
            }
            // Direction overrides would reorder the words around them.
            if char.is_control()
                || matches!(char, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            {
                write!(f, "{}", char.escape_unicode())?;
            } else {
                write!(f, "{char}")?;
            }
        }
        Ok(())
    }
}
