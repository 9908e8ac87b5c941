//! The error types. `response` creates them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::Secrets;

/// An error and its causes in one line.
#[doc(hidden)] // for the other crates
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Implements `Debug` as the error and its causes, because `main` shows its error by `Debug`.
#[doc(hidden)] // for the other crates
#[macro_export]
macro_rules! debug_as_text {
    ($name:ident) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&$crate::with_causes(self))
            }
        }
    };
}

pub(crate) use debug_as_text;

/// A response that is not the answer to its call.
///
/// It keeps the HTTP status, the request id for the vendor's support, and the body. Only
/// [`body`](Self::body) shows the body, because bodies contain names and Pix keys.
#[derive(Clone)]
pub struct ResponseError {
    kind: ResponseErrorKind,
    answer: Arc<Answer>, // of a login that failed, many errors tell
}

impl ResponseError {
    pub(crate) fn new(kind: ResponseErrorKind, answer: Answer) -> Self {
        Self { kind, answer: Arc::new(answer) }
    }

    /// What is wrong with the response.
    pub fn kind(&self) -> &ResponseErrorKind {
        &self.kind
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.answer.status
    }

    /// The request id for the vendor's support, if the response has one.
    pub fn request_id(&self) -> Option<&str> {
        self.answer.request_id.as_deref()
    }

    /// The time to wait before the next call: the `Retry-After` header, if it is valid.
    ///
    /// A date there is compared with the response's own `Date` header. Without one it is ignored.
    pub fn retry_after(&self) -> Option<Duration> {
        self.answer.retry_after
    }

    /// The unchanged body. It may contain personal data and echoed secrets, so `Display` and `Debug`
    /// do not show it.
    pub fn body(&self) -> &[u8] {
        &self.answer.body
    }

    /// Whether the transport said that the body is not whole: see [`CutOff`].
    pub(crate) fn is_cut_off(&self) -> bool {
        self.answer.is_cut_off
    }

    /// Hides secrets in the texts from outside that are shown.
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

debug_as_text!(ResponseError);

impl std::error::Error for ResponseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ResponseErrorKind::Decode(decode) => Some(decode),
            _ => None, // `Display` says all of it
        }
    }
}

/// What is wrong with a response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ResponseErrorKind {
    /// The API refused the call or failed: a status from 400 to 599.
    Api(ApiError),
    /// A status that the API does not use here: a redirect, an empty or partial answer, or a status
    /// other than 200 and 201 for a state that gives permission to pay again.
    UnexpectedStatus,
    /// The API accepted the call, but its answer cannot be read.
    Decode(DecodeError),
    /// The answer is to another request.
    Mismatch(Mismatch),
}

/// A refusal by the API or by a server in front of it: a status from 400 to 599.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
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
    /// The API's message: its `detail`, the gateway's `message`, or the place and text of each
    /// invalid parameter.
    ///
    /// `None` for any other body, such as a proxy's HTML page.
    pub message: Option<String>,
}

debug_as_text!(ApiError);

/// A body that is not the answer that the call promises.
///
/// It says where and why, but does not quote the body.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "at `{path}`{}: {reason}",
    match line {
        0 => String::new(),
        _ => format!(" (line {line}, column {column})"),
    }
)]
#[non_exhaustive]
pub struct DecodeError {
    /// The JSON path, such as `settlements[3].amount`, or `.` for the whole document.
    pub path: String,
    /// The line in the body, from 1. 0 if unknown.
    pub line: usize,
    /// The column in the line, from 1. 0 if unknown.
    pub column: usize,
    /// Whether the body ends inside its JSON document, because it was cut off. False for an empty body.
    pub truncated: bool,
    pub(crate) reason: String,
}

debug_as_text!(DecodeError);

/// An answer to another request, or an answer without the field that says to which.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// The vendor's name of the field that differs, such as `offset`.
    pub field: &'static str,
    /// The requested value.
    pub asked: String,
    /// The value in the answer. `None` if the answer does not contain it.
    pub came: Option<String>,
}

debug_as_text!(Mismatch);

impl Mismatch {
    /// A mismatch of `field`, with the requested value and the value in the answer.
    pub fn new(field: &'static str, asked: impl fmt::Display, came: impl fmt::Display) -> Self {
        Self { field, asked: asked.to_string(), came: Some(came.to_string()) }
    }

    /// A mismatch of a `field` that the answer does not contain.
    pub fn none(field: &'static str, asked: impl fmt::Display) -> Self {
        Self { field, asked: asked.to_string(), came: None }
    }

    /// Compares an echo with the request.
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

/// A request that could not be built. Nothing was sent.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The call needs a token.
    #[error("the call needs a token: log in first, or give one")]
    NoToken,
    /// A path segment is empty or dots, which would change the path.
    #[error("a part of the path is empty or dots, which would change the path")]
    Segment,
    /// The URI is too long.
    #[error("the URI is over 65,534 bytes")]
    TooLong,
    /// A transaction hash on Polygon has no `0x`.
    #[error(
        "a transaction hash is 0x and 64 hexadecimal digits: without 0x it can be on Tron only"
    )]
    Hash,
    /// A body cannot be written as JSON.
    #[error("the body cannot be written as JSON")]
    Body,
    /// A value's `Display` failed.
    #[error("a value in the query cannot be written as text")]
    Value,
}

debug_as_text!(BuildError);

/// Marks a response whose body is not whole, because the connection failed or the body is too long.
///
/// A transport puts it into the response's extensions if the status is an error. The status then
/// decides, but the body may have shown something that nobody read.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a mark")]
pub struct CutOff;

/// The response, kept with every error.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
    pub(crate) is_cut_off: bool,
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
    /// An error at this path of the body, such as `data.amount`. Errors show both texts, so do not
    /// quote the body in them.
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        let (path, reason) = (path.into(), reason.into());
        Self { path, line: 0, column: 0, truncated: false, reason }
    }

    /// An error of the whole document.
    pub(crate) fn whole(reason: &str) -> Self {
        Self::new(".", reason)
    }
}

/// Text from outside in a message: shortened, with control characters escaped.
#[doc(hidden)] // for the other crates
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper")]
pub struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 300;
        for (n, char) in self.0.chars().enumerate() {
            if n == LONGEST {
                return f.write_str("…");
            }
            // Direction overrides would reorder the text around them. Separators would begin a line.
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
