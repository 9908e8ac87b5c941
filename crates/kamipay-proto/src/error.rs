//! The error types, and nothing else: `response` makes them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::Secrets;

/// Why a response is not the answer to its call.
///
/// It keeps what came: the HTTP status, the request id for the vendor's support, and the body,
/// which only [`body`](Self::body) shows, since bodies hold names and Pix keys.
#[derive(Clone)]
pub struct ResponseError {
    kind: ResponseErrorKind,
    answer: Arc<Answer>, // of a login that failed, many errors tell
}

impl ResponseError {
    pub(crate) fn new(kind: ResponseErrorKind, answer: Answer) -> Self {
        Self { kind, answer: Arc::new(answer) }
    }

    /// What is wrong with the answer.
    pub fn kind(&self) -> &ResponseErrorKind {
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

    /// How long the API asks to wait before the next call: `Retry-After`, where it can be
    /// understood.
    ///
    /// A date there is held against the answer's own `Date`; without one it is not understood.
    pub fn retry_after(&self) -> Option<Duration> {
        self.answer.retry_after
    }

    /// The body as it came. It may hold personal data, and echo secrets, so neither `Display` nor
    /// `Debug` shows it.
    pub fn body(&self) -> &[u8] {
        &self.answer.body
    }

    /// Hides secrets in every text that came from outside and is shown.
    pub(crate) fn hiding(mut self, secrets: &Secrets) -> Self {
        let Some(hider) = secrets.hider() else { return self };
        let hide = |text: &mut String| {
            if let Cow::Owned(hidden) = hider.hide(text) {
                *text = hidden;
            }
        };
        if self.answer.request_id.is_some() {
            Arc::make_mut(&mut self.answer).request_id.iter_mut().for_each(hide);
        }
        match &mut self.kind {
            ResponseErrorKind::Api(refusal) => refusal.message.iter_mut().for_each(hide),
            ResponseErrorKind::Decode(decode) => hide(&mut decode.path),
            ResponseErrorKind::Mismatch(mismatch) => mismatch.came.iter_mut().for_each(hide),
            ResponseErrorKind::UnexpectedStatus => {}
        }
        self
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.answer.status;
        match &self.kind {
            ResponseErrorKind::Api(refusal) => write!(f, "{refusal}")?,
            ResponseErrorKind::UnexpectedStatus => {
                write!(f, "the API answered {status}, which is neither an answer nor a refusal")?;
                if status.is_redirection() {
                    f.write_str(" (a redirect is not followed: the token would travel along)")?;
                }
            }
            ResponseErrorKind::Decode(_) => {
                write!(f, "the API's answer ({status}) cannot be read")?
            }
            ResponseErrorKind::Mismatch(mismatch) => write!(f, "{mismatch}")?,
        }
        match self.request_id() {
            Some(id) => write!(f, " (request id {})", Shown(id)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseError")
            .field("kind", &self.kind)
            .field("status", &self.answer.status)
            .field("request_id", &self.request_id())
            .field("body", &format_args!("{} bytes", self.answer.body.len()))
            .finish()
    }
}

impl std::error::Error for ResponseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ResponseErrorKind::Decode(decode) => Some(decode),
            _ => None, // `Display` says all of it
        }
    }
}

/// What is wrong with an answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ResponseErrorKind {
    /// The API refused the call, or failed: a status from 400 to 599.
    Api(ApiError),
    /// A status that the API does not use for this answer: a redirect, a partial or empty one, or
    /// another one than 200 and 201 for a state that gives permission to pay again.
    UnexpectedStatus,
    /// The API accepted the call, and its answer cannot be read.
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
#[error(
    "at `{path}`{}: {reason}",
    match line {
        0 => String::new(),
        _ => format!(" (line {line}, column {column})"),
    }
)]
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
    pub(crate) reason: String,
}

/// An answer to another question than the one asked, or one that has to say to which, and does not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// What differs, in the vendor's words, such as `offset`.
    pub field: &'static str,
    /// What was asked for.
    pub asked: String,
    /// What came; `None` where the answer does not say it.
    pub came: Option<String>,
}

impl Mismatch {
    /// Says that the answer's `field` is not the one asked for.
    pub fn new(field: &'static str, asked: impl fmt::Display, came: impl fmt::Display) -> Self {
        Self { field, asked: asked.to_string(), came: Some(came.to_string()) }
    }

    /// Says that the answer has no such `field`, and that nothing tells whom it is about.
    pub fn none(field: &'static str, asked: impl fmt::Display) -> Self {
        Self { field, asked: asked.to_string(), came: None }
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

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (field, asked) = (self.field, Shown(&self.asked));
        match &self.came {
            Some(came) => {
                let came = Shown(came);
                write!(
                    f,
                    "the answer is to another question: asked for {field} {asked}, got {came}"
                )
            }
            None => write!(f, "the answer does not say whose it is: asked for {field} {asked}"),
        }
    }
}

impl std::error::Error for Mismatch {}

/// A request that cannot be built. Nothing was sent.
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
    /// A transaction hash on Polygon is without its `0x`.
    #[error(
        "a transaction hash is 0x and 64 hexadecimal digits: without 0x it can be on Tron only"
    )]
    Hash,
    /// A body cannot be written as JSON.
    #[error("the body cannot be written as JSON")]
    Body,
    /// A value failed to write itself.
    #[error("a value in the query cannot be written as text")]
    Value,
}

/// What came, kept with every error.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

impl From<DecodeError> for ResponseErrorKind {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<Mismatch> for ResponseErrorKind {
    fn from(error: Mismatch) -> Self {
        Self::Mismatch(error)
    }
}

impl DecodeError {
    /// What is wrong at this path of the body, such as `data.amount`. Neither may quote the body:
    /// both are shown.
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        let (path, reason) = (path.into(), reason.into());
        Self { path, line: 0, column: 0, truncated: false, reason }
    }

    /// Of the whole document.
    pub(crate) fn whole(reason: &str) -> Self {
        Self::new(".", reason)
    }
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
            // Direction overrides would reorder the words around them, separators begin a line.
            let format = matches!(
                char,
                '\u{61c}'
                    | '\u{200e}'..='\u{200f}'
                    | '\u{2028}'..='\u{202e}'
                    | '\u{2066}'..='\u{2069}'
                    | '\u{feff}'
            );
            if char.is_control() || format {
                write!(f, "{}", char.escape_unicode())?;
            } else {
                write!(f, "{char}")?;
            }
        }
        Ok(())
    }
}
