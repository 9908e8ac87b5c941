#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::time::Duration;

use http::StatusCode;
use kamipay_proto as proto;
use kamipay_proto::retry::{Cause, Stop};

use crate::transport::{TransportError, TransportFault};

/// A call that failed.
///
/// [`sent`](Self::sent) says whether it was not sent, perhaps processed, or answered. The message
/// names the call by its method and path (`GET /v1/lots`), never by its full URL.
///
/// | [what happened](ErrorKind) | [was it sent](Sent) | tried again | what to do |
/// | --- | --- | --- | --- |
/// | `Build`: no request can be made of it | no | no | correct the call |
/// | `Login`: logging in failed | no | as the login's own error says | look at that error, and correct a wrong password |
/// | `TimeIsUp`: the deadline came first | no | no | give it more time |
/// | `Connect`: no connection (name, refused, unreachable, time, sockets, threads) | no | yes | check the base URL and the network |
/// | `Connect(Proxy)` | no | yes | check the proxy |
/// | `Tls(Certificate)`: a certificate that is not valid | no, not even the token | no | check the base URL, the clock, and who intercepts TLS |
/// | `Tls(Refused)`: the server refuses the client's certificate, or asks for one | no | no | set [`client_certificate`](crate::Config::client_certificate) |
/// | `Tls(Handshake)`: it does not speak TLS | no | no | check the base URL's port |
/// | `Tls(Record)`: the answer was damaged | perhaps | no | find out who tampers with it |
/// | `Timeout`: no answer, or no end of it, in time | perhaps | yes | ask again later, or give it more time |
/// | `ConnectionClosed`: closed before an answer | perhaps | yes, and at once where the connection had been kept | ask again later |
/// | `Truncated`: the answer was cut off | perhaps | yes | ask again later |
/// | `Io`: another fault of the connection | perhaps | yes | ask again later |
/// | `Protocol`: not HTTP/1.1 | perhaps | no | check the base URL and its port |
/// | `TooLarge`: longer than the limit | perhaps | no | raise [`body_limit_bytes`](crate::Config::body_limit_bytes), if the API sent the answer |
/// | `Encoding`: neither plain nor gzip, or damaged | perhaps | no | look for a proxy that changes answers |
/// | `Transport`: your own transport failed | as its [`TransportFault`] says | as that says | see its text |
/// | `Answer`, status 401 | answered | once, with a new token, where the client can log in | check the credentials |
/// | `Answer`, status 408 | answered | yes | ask again later |
/// | `Answer`, status 429 | answered | yes, not before `Retry-After` | ask less often |
/// | `Answer`, status 500 to 599 | answered | yes, not before `Retry-After` | ask again later |
/// | `Answer`, any other status | answered | no | see the message; a redirect is not followed |
/// | `Answer`, status 2xx, not as the call's type says | answered | no | find out whether the API answers, and whether it has changed: [`answer`](Self::answer) contains the body |
/// | `Answer`, to another request | answered | once, at once, on a new connection | find out whether something in between mixes up answers, such as a proxy |
///
/// Only a `GET` and the login are tried again, as [`RetryPolicy`](proto::retry::RetryPolicy) says
/// and within the time of the call. Any other call is sent once. [`attempts`](Self::attempts) counts
/// the attempts, and [`stop`](Self::stop) says why there was no further one.
///
/// A `GET` can always be repeated without harm. No error says whether a *payment* may be repeated:
/// see [`proto::pay_status`].
#[derive(Clone)]
pub struct Error {
    call: &'static str,
    kind: Box<ErrorKind>,
    sent: Sent,
    attempts: u32,
    elapsed: Duration,
    stop: Stop,
}

kamipay_proto::debug_as_text!(Error);

impl Error {
    pub(crate) fn new(call: &'static str, kind: impl Into<ErrorKind>, history: History) -> Self {
        let kind = Box::new(kind.into());
        let History { sent, attempts, elapsed, stop } = history;
        let sent = match (kind.sent(), sent) {
            (Sent::No, before) if before != Sent::No => Sent::Maybe,
            (now, _) => now,
        };
        Self { call, kind, sent, attempts, elapsed, stop }
    }

    /// The call, as in `GET /v1/lots/{lot_identifier}`.
    pub fn call(&self) -> &'static str {
        self.call
    }

    /// What went wrong, at the last attempt.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Whether the call was sent, over all attempts.
    pub fn sent(&self) -> Sent {
        self.sent
    }

    /// The number of attempts. Resending after a kept connection turned out to be closed is not
    /// counted. A login is another call.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The time of the login, all attempts, and the delays between them.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Why there was no further attempt.
    pub fn stop(&self) -> Stop {
        self.stop
    }

    /// The API's answer to the call, or to the login that it needed. `None` without an answer.
    pub fn answer(&self) -> Option<&proto::ResponseError> {
        match &*self.kind {
            ErrorKind::Answer(error) => Some(error),
            ErrorKind::Login(error) => error.answer(),
            _ => None,
        }
    }

    /// The HTTP status of [`answer`](Self::answer).
    pub fn status(&self) -> Option<StatusCode> {
        self.answer().map(proto::ResponseError::status)
    }

    /// The request's identifier for the vendor's support, where the answer contains one.
    pub fn request_id(&self) -> Option<&str> {
        self.answer().and_then(proto::ResponseError::request_id)
    }

    /// How long the API asks to wait before the next call, from `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        self.answer().and_then(proto::ResponseError::retry_after)
    }

    /// The error and its causes in one line, like `Debug`. `Display` shows the error alone.
    pub fn with_causes(&self) -> String {
        proto::with_causes(self)
    }

    /// What happened, for the rules of [`proto::retry`] and for [`Watch::is_ended_by`]. A call that
    /// needed a login fails for the cause of the login.
    ///
    /// [`Watch::is_ended_by`]: proto::pay_status::Watch::is_ended_by
    pub fn cause(&self) -> Cause {
        match &*self.kind {
            ErrorKind::Login(login) => login.cause(),
            kind => kind.cause(),
        }
    }
}

/// `GET /v1/lots: the answer was cut off (after 4 attempts)`
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.kind)?;
        if matches!(*self.kind, ErrorKind::Login(_) | ErrorKind::TimeIsUp) {
            return Ok(()); // the login's own error says it; no time is no attempt
        }
        let mut notes = Vec::new();
        if self.attempts > 1 {
            notes.push(format!("after {} attempts", self.attempts));
        }
        match (self.stop, self.retry_after()) {
            (Stop::Permanent | Stop::NotRepeatable | Stop::Attempts, _) => {}
            (Stop::RetryAfter, Some(asked)) => {
                notes.push(format!("the API asks to wait {} s", asked.as_secs()));
            }
            (stop, _) => notes.push(stop.to_string()),
        }
        if notes.is_empty() { Ok(()) } else { write!(f, " ({})", notes.join("; ")) }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&*self.kind)
    }
}

/// The attempts that end with an error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History {
    /// Whether an attempt before the last one was sent.
    pub(crate) sent: Sent,
    pub(crate) attempts: u32,
    pub(crate) elapsed: Duration,
    pub(crate) stop: Stop,
}

/// Whether a call was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sent {
    /// Nothing of it reached the API.
    No,
    /// It was sent, at least in part, and no whole answer came. The API may have processed it.
    Maybe,
    /// The API answered, and the answer is the error.
    Answered,
}

/// What went wrong with a call.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No request can be made of the call. Not sent.
    #[error("the request cannot be built")]
    Build(#[source] proto::BuildError),
    /// The call needs a token, and logging in for one failed. Not sent.
    #[error("logging in failed")]
    Login(#[source] Error),
    /// The deadline passed before the call could be sent. Not sent.
    #[error("the time was up before the request could be sent")]
    TimeIsUp,
    /// No connection. Not sent.
    #[error("no connection: {0}")]
    Connect(ConnectFault),
    /// TLS failed. Not sent, or perhaps processed where a record of the answer was damaged.
    #[error("TLS failed: {0}")]
    Tls(TlsFault),
    /// The answer, or the rest of it, did not come in time. Perhaps processed.
    #[error("{0}")]
    Timeout(TimeoutFault),
    /// The connection was closed before an answer began. Perhaps processed.
    #[error("the connection was closed before an answer came")]
    ConnectionClosed,
    /// The answer ended before it was whole. Perhaps processed.
    #[error("the answer was cut off")]
    Truncated,
    /// What came is not HTTP. Perhaps processed.
    #[error("the answer is not HTTP/1.1: is it another port, such as one for TLS?")]
    Protocol,
    /// The answer is longer than the limit for its head or its body. Perhaps processed.
    #[error("the answer is longer than the limit")]
    TooLarge,
    /// The answer is packed in another way than gzip, or is damaged. Perhaps processed.
    #[error("the answer's encoding is neither plain nor gzip, or it is damaged")]
    Encoding,
    /// Another fault of the connection. Perhaps processed.
    #[error("the connection failed: {0}")]
    Io(io::ErrorKind),
    /// The function of [`Client::with_transport`](crate::Client::with_transport) failed. Its
    /// [`TransportFault`] says whether anything was sent.
    #[error("{0}")]
    Transport(TransportError),
    /// The API answered, and the answer is the error.
    #[error(transparent)]
    Answer(#[from] proto::ResponseError),
}

impl ErrorKind {
    fn sent(&self) -> Sent {
        match self {
            Self::Build(_)
            | Self::Login(_)
            | Self::TimeIsUp
            | Self::Connect(_)
            | Self::Tls(TlsFault::Certificate(_) | TlsFault::Refused | TlsFault::Handshake) => {
                Sent::No
            }
            Self::Tls(TlsFault::Record)
            | Self::Timeout(_)
            | Self::ConnectionClosed
            | Self::Truncated
            | Self::Protocol
            | Self::TooLarge
            | Self::Encoding
            | Self::Io(_) => Sent::Maybe,
            Self::Transport(error) => error.fault().sent(),
            Self::Answer(_) => Sent::Answered,
        }
    }

    /// What the rules of [`proto::retry`] need to know.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::Connect(_) => Cause::NotSent,
            Self::Timeout(_) => Cause::TimedOut,
            Self::ConnectionClosed | Self::Io(_) => Cause::Closed,
            Self::Truncated => Cause::Truncated,
            Self::Transport(error) => error.fault().cause(),
            Self::Answer(error) => Cause::from(error),
            Self::Build(_) => Cause::NoRequest,
            Self::Tls(TlsFault::Certificate(_) | TlsFault::Refused) => Cause::Untrusted,
            Self::Login(_)
            | Self::TimeIsUp
            | Self::Tls(TlsFault::Handshake | TlsFault::Record)
            | Self::Protocol
            | Self::TooLarge
            | Self::Encoding => Cause::Permanent,
        }
    }

    /// Whether an answer came that cannot be used, and may show that funds moved.
    pub(crate) fn may_show_funds(&self) -> bool {
        match self {
            Self::Answer(answer) => answer.may_show_funds(),
            kind => kind.is_lost_answer(),
        }
    }

    /// Whether an answer may have begun to come that nobody could read. `Protocol` and `Io` can be
    /// faults in the middle of a body.
    pub(crate) fn is_lost_answer(&self) -> bool {
        match self {
            Self::Truncated
            | Self::TooLarge
            | Self::Encoding
            | Self::Protocol
            | Self::Io(_)
            | Self::Tls(TlsFault::Record)
            | Self::Timeout(TimeoutFault::Body | TimeoutFault::Unframed) => true,
            Self::Transport(error) => error.fault() == TransportFault::Lost,
            Self::Build(_)
            | Self::Login(_)
            | Self::TimeIsUp
            | Self::Connect(_)
            | Self::Tls(TlsFault::Certificate(_) | TlsFault::Refused | TlsFault::Handshake)
            | Self::Timeout(TimeoutFault::Head)
            | Self::ConnectionClosed
            | Self::Answer(_) => false,
        }
    }

    /// Whether this attempt or one before it was sent.
    pub(crate) fn sent_after(&self, before: Sent) -> Sent {
        match self.sent() {
            Sent::No => before,
            _ => Sent::Maybe,
        }
    }
}

/// What did not come in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeoutFault {
    /// The head of the answer.
    #[error("the answer did not come in time")]
    Head,
    /// The rest of its body.
    #[error("the answer did not end in time")]
    Body,
    /// The end of a body that has neither a length nor chunks: the server has to close the
    /// connection, and did not.
    #[error("the answer did not end in time: it has no length, and the connection stayed open")]
    Unframed,
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectFault {
    /// The host's name is not known.
    #[error("the host's name was not found")]
    Dns,
    /// The host did not accept the connection in time, or its look-up took too long.
    #[error("the host did not answer in time")]
    Timeout,
    /// The host refuses connections to this port.
    #[error("the host refuses connections to this port")]
    Refused,
    /// The host cannot be reached.
    #[error("the host cannot be reached")]
    Unreachable,
    /// This machine has no socket left.
    #[error("too many files and connections are open on this machine")]
    NoSocket,
    /// This machine has no thread left to look up the host.
    #[error("too many threads run on this machine")]
    NoThread,
    /// The proxy did not give a connection.
    #[error("the proxy gave no connection")]
    Proxy,
}

/// Why TLS failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// The server's certificate is not valid.
    #[error("the server's certificate {0}")]
    Certificate(CertificateFault),
    /// The server refuses the client's certificate, or asks for one.
    #[error("the server refuses the client's certificate, or asks for one")]
    Refused,
    /// The handshake failed.
    #[error("the server does not speak TLS as expected")]
    Handshake,
    /// A part of the answer was damaged.
    #[error("a part of the answer was damaged")]
    Record,
}

/// Why a certificate is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// It has expired.
    #[error("has expired")]
    Expired,
    /// It is not valid yet.
    #[error("is not valid yet")]
    NotValidYet,
    /// It is for another host.
    #[error("is for another host")]
    OtherHost,
    /// Its issuer is not trusted.
    #[error("is from an issuer that is not trusted")]
    UnknownIssuer,
    /// Any other fault.
    #[error("is not valid")]
    Other,
}

impl From<proto::BuildError> for ErrorKind {
    fn from(error: proto::BuildError) -> Self {
        Self::Build(error)
    }
}

/// Translates ureq's errors, because some of its messages contain the URL.
pub(crate) fn classify(error: ureq::Error, stage: Stage) -> ErrorKind {
    use ureq::{Error, Timeout};
    match error {
        Error::HostNotFound => ErrorKind::Connect(ConnectFault::Dns),
        Error::ConnectionFailed => ErrorKind::Connect(ConnectFault::Unreachable),
        Error::ConnectProxyFailed(_) | Error::InvalidProxyUrl => {
            ErrorKind::Connect(ConnectFault::Proxy)
        }
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            ErrorKind::Connect(ConnectFault::Timeout)
        }
        Error::Timeout(_) => ErrorKind::Timeout(stage.timeout()),
        #[cfg(feature = "rustls")]
        Error::Rustls(error) => ErrorKind::Tls(tls_fault(&error, stage)),
        Error::Tls(_) | Error::TlsRequired => ErrorKind::Tls(TlsFault::Handshake),
        Error::LargeResponseHeader(..) => ErrorKind::TooLarge,
        #[cfg(feature = "gzip")]
        Error::Decompress(_, error) if is_end(&error) => ErrorKind::Truncated,
        #[cfg(feature = "gzip")]
        Error::Decompress(..) => ErrorKind::Encoding,
        Error::Io(error) => classify_io(&error, stage),
        Error::BodyStalled => ErrorKind::Truncated, // closed within the length of a chunk
        Error::Other(error) => error.downcast().map_or(ErrorKind::Protocol, |kind| *kind),
        _ => ErrorKind::Protocol,
    }
}

/// Whether the other side closed the connection, in one way or another.
pub(crate) fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
    )
}

/// The part of the exchange that failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before the end of the answer's head.
    Head,
    /// In the answer's body.
    Body,
    /// In a body that ends with the connection.
    UnframedBody,
}

impl Stage {
    fn timeout(self) -> TimeoutFault {
        match self {
            Self::Head => TimeoutFault::Head,
            Self::Body => TimeoutFault::Body,
            Self::UnframedBody => TimeoutFault::Unframed,
        }
    }
}

fn classify_io(error: &io::Error, stage: Stage) -> ErrorKind {
    // TLS faults come as `InvalidData`, not as ureq's own kind.
    #[cfg(feature = "rustls")]
    if let Some(error) = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
        return ErrorKind::Tls(tls_fault(error, stage));
    }
    // The standard library has no kind for a name that is not found.
    if error.to_string().starts_with("failed to lookup address information") {
        return ErrorKind::Connect(ConnectFault::Dns);
    }
    // Nor for EMFILE and ENFILE.
    if stage == Stage::Head && matches!(error.raw_os_error(), Some(23 | 24)) {
        return ErrorKind::Connect(ConnectFault::NoSocket);
    }
    match (error.kind(), stage) {
        (io::ErrorKind::ConnectionRefused, _) => ErrorKind::Connect(ConnectFault::Refused),
        (
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable,
            Stage::Head,
        ) => ErrorKind::Connect(ConnectFault::Unreachable),
        (_, stage) if is_end(error) => match stage {
            Stage::Head => ErrorKind::ConnectionClosed,
            Stage::Body | Stage::UnframedBody => ErrorKind::Truncated,
        },
        (io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock, stage) => {
            ErrorKind::Timeout(stage.timeout())
        }
        (kind, _) => ErrorKind::Io(kind),
    }
}

#[cfg(feature = "rustls")]
fn tls_fault(error: &rustls::Error, stage: Stage) -> TlsFault {
    use rustls::AlertDescription as Alert;
    use rustls::CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, UnknownIssuer,
    };
    match (error, stage) {
        // With TLS 1.3 it comes after the request, which the server has not read.
        (
            rustls::Error::AlertReceived(
                Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied,
            ),
            Stage::Head,
        ) => TlsFault::Refused,
        (rustls::Error::InvalidCertificate(error), _) => TlsFault::Certificate(match error {
            Expired | ExpiredContext { .. } => CertificateFault::Expired,
            NotValidYet | NotValidYetContext { .. } => CertificateFault::NotValidYet,
            NotValidForName | NotValidForNameContext { .. } => CertificateFault::OtherHost,
            UnknownIssuer => CertificateFault::UnknownIssuer,
            _ => CertificateFault::Other,
        }),
        // After the handshake, before the head: the request was sent, and the answer damaged.
        (rustls::Error::DecryptError | rustls::Error::PeerSentOversizedRecord, _)
        | (_, Stage::Body | Stage::UnframedBody) => TlsFault::Record,
        (_, Stage::Head) => TlsFault::Handshake,
    }
}
