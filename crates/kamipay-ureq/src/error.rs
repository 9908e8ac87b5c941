use std::fmt;
use std::io;

use http::StatusCode;
use kamipay_proto as proto;

/// Why a call has no answer that can be used.
///
/// [`sent`](Self::sent) tells what became of the call: not sent, perhaps processed, or answered.
/// The call is named by its method and path (`GET /v1/lots`), never by its full URL.
#[derive(Clone, Debug)]
pub struct Error {
    call: &'static str,
    kind: Box<ErrorKind>,
}

impl Error {
    pub(crate) fn new(call: &'static str, kind: impl Into<ErrorKind>) -> Self {
        Self { call, kind: Box::new(kind.into()) }
    }

    /// The call, as in `GET /v1/lots/{lot_identifier}`.
    pub fn call(&self) -> &'static str {
        self.call
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// What became of the call.
    pub fn sent(&self) -> Sent {
        match &*self.kind {
            ErrorKind::Build(_)
            | ErrorKind::Login(_)
            | ErrorKind::TimeIsUp
            | ErrorKind::Connect(_)
            | ErrorKind::Tls(TlsFault::Certificate(_) | TlsFault::Handshake) => Sent::No,
            ErrorKind::Tls(TlsFault::Record)
            | ErrorKind::Timeout
            | ErrorKind::ConnectionClosed
            | ErrorKind::Truncated
            | ErrorKind::Protocol
            | ErrorKind::TooLarge
            | ErrorKind::Encoding
            | ErrorKind::Io(_) => Sent::Maybe,
            ErrorKind::Answer(_) => Sent::Answered,
        }
    }

    /// The API's answer, where there is one: to the call, or to the login that it needed.
    pub fn answer(&self) -> Option<&proto::Error> {
        match &*self.kind {
            ErrorKind::Answer(error) => Some(error),
            ErrorKind::Login(error) => error.answer(),
            _ => None,
        }
    }

    /// The HTTP status of the API's answer, where there is one: to the call, or to the login that
    /// it needed.
    pub fn status(&self) -> Option<StatusCode> {
        self.answer().map(proto::Error::status)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&*self.kind)
    }
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sent {
    /// Nothing of it reached the API.
    No,
    /// It was sent, at least in part, and the answer did not come or was not whole: the API may
    /// have processed it, or not.
    Maybe,
    /// The API answered, and the answer is the error.
    Answered,
}

/// What went wrong with a call.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call can not be made into a request. Not sent.
    #[error("the request can not be built")]
    Build(#[source] proto::BuildError),
    /// The call needs a token, and logging in for one failed. Not sent.
    #[error("logging in failed")]
    Login(#[source] Error),
    /// The time for the call was up before it could be sent. Not sent.
    #[error("the time was up before the request could be sent")]
    TimeIsUp,
    /// No connection. Not sent.
    #[error("no connection: {0}")]
    Connect(ConnectFault),
    /// TLS failed. Not sent, or perhaps processed where a record of the answer was damaged.
    #[error("TLS failed: {0}")]
    Tls(TlsFault),
    /// The answer, or the rest of it, did not come in time. Perhaps processed.
    #[error("the answer did not come in time")]
    Timeout,
    /// The connection was closed before an answer began. Perhaps processed.
    #[error("the connection was closed before an answer came")]
    ConnectionClosed,
    /// The answer ended before it was whole. Perhaps processed.
    #[error("the answer was cut off")]
    Truncated,
    /// What came is not HTTP. Perhaps processed.
    #[error("the answer is not HTTP/1.1")]
    Protocol,
    /// The answer is longer than the limit for its head or its body. Perhaps processed.
    #[error("the answer is longer than the limit")]
    TooLarge,
    /// The answer is packed in a way that was not asked for, or is damaged. Perhaps processed.
    #[error("the answer's encoding is neither plain nor gzip, or it is damaged")]
    Encoding,
    /// Another fault of the connection. Perhaps processed.
    #[error("the connection failed: {0}")]
    Io(io::ErrorKind),
    /// The API answered, and the answer is the error.
    #[error(transparent)]
    Answer(#[from] proto::Error),
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectFault {
    /// The host's name is not known.
    #[error("the host's name was not found")]
    Dns,
    /// The host did not take the connection in time, or its name was not looked up in time.
    #[error("the host did not answer in time")]
    Timeout,
    /// The host refuses connections to this port.
    #[error("the host refuses connections to this port")]
    Refused,
    /// There is no way to the host.
    #[error("the host can not be reached")]
    Unreachable,
    /// The proxy did not give a connection.
    #[error("the proxy gave no connection")]
    Proxy,
}

/// Why TLS failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// The server's certificate is not good: why.
    #[error("{0}")]
    Certificate(&'static str),
    /// The two sides did not come to terms.
    #[error("the server does not speak TLS as expected")]
    Handshake,
    /// A part of the answer was damaged.
    #[error("a part of the answer was damaged")]
    Record,
}

impl From<proto::BuildError> for ErrorKind {
    fn from(error: proto::BuildError) -> Self {
        Self::Build(error)
    }
}

/// What ureq says, in words of our own: some of its texts hold the URL.
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
        Error::Timeout(_) => ErrorKind::Timeout,
        Error::Rustls(error) => ErrorKind::Tls(tls_fault(&error, stage)),
        Error::Tls(_) | Error::TlsRequired => ErrorKind::Tls(TlsFault::Handshake),
        Error::LargeResponseHeader(..) => ErrorKind::TooLarge,
        Error::Decompress(_, error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            ErrorKind::Truncated
        }
        Error::Decompress(..) => ErrorKind::Encoding,
        Error::Io(error) => classify_io(&error, stage),
        Error::BodyStalled => ErrorKind::Truncated, // closed within the length of a chunk
        _ => ErrorKind::Protocol,
    }
}

/// How far the exchange had come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No head of an answer yet.
    Head,
    /// In the middle of the answer's body.
    Body,
}

fn classify_io(error: &io::Error, stage: Stage) -> ErrorKind {
    // TLS faults come as `InvalidData`, not as ureq's own kind.
    if let Some(error) = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
        return ErrorKind::Tls(tls_fault(error, stage));
    }
    // The standard library has no kind for it.
    if error.to_string().starts_with("failed to lookup address information") {
        return ErrorKind::Connect(ConnectFault::Dns);
    }
    match (error.kind(), stage) {
        (io::ErrorKind::ConnectionRefused, _) => ErrorKind::Connect(ConnectFault::Refused),
        (
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable,
            Stage::Head,
        ) => ErrorKind::Connect(ConnectFault::Unreachable),
        (
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected,
            stage,
        ) => match stage {
            Stage::Head => ErrorKind::ConnectionClosed,
            Stage::Body => ErrorKind::Truncated,
        },
        (io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock, _) => ErrorKind::Timeout,
        (kind, _) => ErrorKind::Io(kind),
    }
}

fn tls_fault(error: &rustls::Error, stage: Stage) -> TlsFault {
    use rustls::CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, UnknownIssuer,
    };
    match (error, stage) {
        (rustls::Error::InvalidCertificate(error), _) => TlsFault::Certificate(match error {
            Expired | ExpiredContext { .. } => "the server's certificate has expired",
            NotValidYet | NotValidYetContext { .. } => "the server's certificate is not valid yet",
            NotValidForName | NotValidForNameContext { .. } => {
                "the server's certificate is for another host"
            }
            UnknownIssuer => "the server's certificate is from an issuer that is not trusted",
            _ => "the server's certificate is not good",
        }),
        // After the handshake, before the head: the request was sent, and the answer damaged.
        (rustls::Error::DecryptError | rustls::Error::PeerSentOversizedRecord, _)
        | (_, Stage::Body) => TlsFault::Record,
        (_, Stage::Head) => TlsFault::Handshake,
    }
}
