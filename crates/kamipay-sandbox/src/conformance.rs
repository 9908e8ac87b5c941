//! The rules for a transport, and a check.
//!
//! A transport is a function from an HTTP request to a response, around any HTTP client. Many
//! defaults of clients are wrong where money is at stake: they follow redirects with the token, turn
//! refusals into errors without a body, wait forever, or accept half an answer. [`check`] starts
//! servers that tempt a transport to do each of these, and reports.
//!
//! ```
//! use std::io::{Error, ErrorKind::*, Read, Result, Write};
//! use std::{net::TcpStream, time::{Duration, Instant}};
//!
//! use http::{Request, Response};
//!
//! /// A connection for each request. It supports neither TLS nor gzip.
//! fn transport(request: Request<Vec<u8>>, deadline: Duration) -> Result<Response<Vec<u8>>> {
//!     let end = Instant::now() + deadline;
//!     let (parts, body) = request.into_parts();
//!     let host = parts.uri.authority().ok_or(InvalidInput)?.as_str();
//!     let path = parts.uri.path_and_query().ok_or(InvalidInput)?;
//!     let mut head = format!("{} {path} HTTP/1.1\r\nhost: {host}\r\n", parts.method);
//!     for (name, value) in &parts.headers {
//!         head += &format!("{name}: {}\r\n", value.to_str().map_err(Error::other)?);
//!     }
//!     if !body.is_empty() {
//!         head += &format!("content-length: {}\r\n", body.len());
//!     }
//!     head += "connection: close\r\n\r\n";
//!     let mut stream = TcpStream::connect(host)?;
//!     stream.write_all(&[head.as_bytes(), &body].concat())?;
//!
//!     let (mut answer, mut chunk) = (Vec::new(), [0; 4096]);
//!     loop {
//!         let left = end.saturating_duration_since(Instant::now());
//!         if left.is_zero() {
//!             return Err(TimedOut.into());
//!         }
//!         stream.set_read_timeout(Some(left))?;
//!         match stream.read(&mut chunk)? {
//!             0 => break,
//!             length => answer.extend(&chunk[..length]),
//!         }
//!     }
//!
//!     let split = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or(UnexpectedEof)?;
//!     let head = std::str::from_utf8(&answer[..split]).map_err(Error::other)?;
//!     let mut body = &answer[split + 4..];
//!     let mut response = Response::builder().status(head.get(9..12).ok_or(InvalidData)?);
//!     for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
//!         response = response.header(name, value);
//!     }
//!     let headers = response.headers_ref().ok_or(InvalidData)?;
//!     let mut whole = Vec::new();
//!     if headers.contains_key("transfer-encoding") {
//!         loop {
//!             let line = body.windows(2).position(|two| two == b"\r\n").ok_or(UnexpectedEof)?;
//!             let size = std::str::from_utf8(&body[..line]).map_err(Error::other)?;
//!             let size = usize::from_str_radix(size, 16).map_err(Error::other)?;
//!             whole.extend(body.get(line + 2..line + 2 + size).ok_or(UnexpectedEof)?);
//!             body = body.get(line + size + 4..).ok_or(UnexpectedEof)?;
//!             if size == 0 {
//!                 break;
//!             }
//!         }
//!     } else {
//!         whole.extend(body);
//!         if headers.get("content-length").is_some_and(|it| *it != *body.len().to_string()) {
//!             return Err(UnexpectedEof.into());
//!         }
//!     }
//!     response.body(whole).map_err(Error::other)
//! }
//!
//! # fn main() -> Result<()> {
//! let report = kamipay_sandbox::conformance::check(transport)?;
//! println!("{report}");
//! report.assert_all();
//! # Ok(())
//! # }
//! ```
//!
//! For an asynchronous client, the closure blocks on it.
//!
//! TLS is not checked: the client's library refuses certificates.

use std::{
    fmt, io,
    time::{Duration, Instant},
};

use http::{Request, Response};

mod checks;
mod probe;

/// Checks a transport. It takes about a second if the transport is good.
///
/// The transport gets a request with an absolute URI, and the time for everything up to the end of
/// the body. It returns a response of any status with the whole body, or an error if there was no
/// whole response in time. It may keep connections open.
///
/// # Errors
///
/// If a server cannot be started. A failed check is a part of the report, not an error.
pub fn check<E: fmt::Display>(
    transport: impl FnMut(Request<Vec<u8>>, Duration) -> Result<Response<Vec<u8>>, E>,
) -> io::Result<Report> {
    run(transport, checks::ALL)
}

fn run<E: fmt::Display>(
    mut transport: impl FnMut(Request<Vec<u8>>, Duration) -> Result<Response<Vec<u8>>, E>,
    checks: &[checks::Check],
) -> io::Result<Report> {
    let mut transport =
        |request, deadline| transport(request, deadline).map_err(|error| error.to_string());
    let mut subject = Subject { transport: &mut transport };
    let mut done = Vec::new();
    for (name, description, rule) in checks {
        let outcome = match rule.run(&mut subject) {
            Ok(()) => Ok(()),
            Err(Problem::Found(problem)) => Err(problem),
            Err(Problem::Io(error)) => return Err(error),
        };
        done.push(Check { name, description, outcome });
    }
    Ok(Report { checks: done })
}

/// The results of all checks. Its `Display` has a line for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    checks: Vec<Check>,
}

impl Report {
    fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.outcome.is_err())
    }

    /// Whether no check failed.
    pub fn is_passed(&self) -> bool {
        self.failures().next().is_none()
    }

    /// Asserts in a test that all checks passed.
    ///
    /// # Panics
    ///
    /// With the report, if a check failed.
    #[track_caller]
    pub fn assert_all(&self) {
        assert!(self.is_passed(), "the transport breaks a rule:\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, check) in self.checks.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{check}")?;
        }
        Ok(())
    }
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Check {
    /// Such as `redirects`.
    name: &'static str,
    /// The rule.
    description: &'static str,
    /// How the transport broke the rule.
    outcome: Result<(), String>,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, description, outcome } = self;
        match outcome {
            Ok(()) => write!(f, "ok      {name}: {description}"),
            Err(problem) => write!(f, "FAILED  {name}: {description}, but {problem}"),
        }
    }
}

/// Why a check did not pass.
enum Problem {
    Found(String),
    /// The check could not run.
    Io(io::Error),
}

impl From<String> for Problem {
    fn from(problem: String) -> Self {
        Self::Found(problem)
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

type Transport<'a> =
    dyn FnMut(Request<Vec<u8>>, Duration) -> Result<Response<Vec<u8>>, String> + 'a;

/// The transport that is checked.
struct Subject<'a> {
    transport: &'a mut Transport<'a>,
}

impl Subject<'_> {
    fn send(&mut self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, String> {
        (self.transport)(request, AMPLE)
    }

    /// The answer or an error, and its time.
    fn timed(
        &mut self,
        request: Request<Vec<u8>>,
        deadline: Duration,
    ) -> (Result<Response<Vec<u8>>, String>, Duration) {
        let start = Instant::now();
        let answer = (self.transport)(request, deadline);
        (answer, start.elapsed())
    }
}

/// A deadline that a good transport does not reach.
const AMPLE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
