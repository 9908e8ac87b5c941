//! Faults of the network, of something between client and API, or of the API.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use http::{Request, Response};

use crate::{names::UnknownScenario, wire::is_whole_answer};

mod named;
mod planned;
mod response;

pub use crate::wire::{Framing, Piece};
pub(crate) use planned::Faults;

/// Happens instead of an answer, or to an answer.
///
/// More than a hundred have a name, see [`Fault::all`]. Others are made from the same parts:
///
/// ```
/// use kamipay_sandbox::{Calls, Fault, Sandbox, Schedule, fault::Body};
///
/// let mut sandbox = Sandbox::documented();
/// sandbox.fail_next(Fault::named("truncated-body"), 2); // the next two calls
/// sandbox.fail_at(5, "gateway-502-html".parse()?); // the fifth call from now on
/// sandbox.add_fault(Fault::Status(418, Body::Empty), Calls::Login, Schedule::always());
/// # Ok::<(), kamipay_sandbox::UnknownScenario>(())
/// ```
///
/// A [`Server`](crate::Server) produces all of them on its sockets. Without a server,
/// [`Sandbox::handle`](crate::Sandbox::handle) answers with those that are a response, and
/// [`Sandbox::try_handle`](crate::Sandbox::try_handle) returns the others as errors.
///
/// A status is a number from 100 to 999. Another number counts as 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// A status and a body instead of the answer.
    Status(u16, Body),
    /// A redirect: its status and its target.
    Redirect(u16, Location),
    /// A refusal: its status and its `retry-after`.
    RetryAfter(u16, &'static str),
    /// A refusal: its status and, as a date in `retry-after`, this many seconds from the time in
    /// the sandbox.
    RetryAfterDate(u16, i64),
    /// The sandbox no longer accepts the tokens that it issued, and answers 401.
    TokenExpires,
    /// A refusal of a login: its status. 429 has a `retry-after` of 7 s.
    Login(u16),
    /// The answer to another request: another identifier, another offset.
    OtherAnswer(Order),
    /// These pieces on the wire.
    Wire(&'static [Piece]),
}

/// The body of a [`Fault::Status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Body {
    /// The body of the true answer.
    Answer,
    /// A refusal as the API writes it, in JSON.
    Json,
    /// A refusal with a text of this many bytes, in JSON.
    Large(usize),
    /// The HTML page of a proxy.
    Html,
    /// The HTML page of a hotel's network.
    CaptivePortal,
    /// This text, as JSON.
    Text(&'static str),
    /// Each byte once, as JSON.
    AllBytes,
    /// Nothing.
    Empty,
}

/// The target of a [`Fault::Redirect`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Location {
    /// Another host, see [`Sandbox::set_redirect_target`](crate::Sandbox::set_redirect_target).
    OtherHost,
    /// Another port of the same host.
    OtherPort,
    /// `http://` and the same host, also for a client that uses HTTPS.
    PlainHttp,
    /// `//elsewhere.invalid`, without a scheme.
    SchemeRelative,
    /// The requested path.
    Same,
    /// No target.
    Missing,
}

/// When the answer to another request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Order {
    /// Before the true answer, on a connection that served a request before. Other connections
    /// are spared.
    Before,
    /// Instead of the true answer.
    Instead,
    /// At once after the true answer, for the next request of the connection.
    After,
}

/// The calls that a [`Fault`] is planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Calls {
    /// All calls.
    All,
    /// All but `POST /auth/token`.
    Data,
    /// `POST /auth/token`.
    Login,
}

impl Fault {
    /// The fault with this name, for tests. `parse` is for names from outside.
    ///
    /// # Panics
    ///
    /// If no fault has the name.
    #[track_caller]
    pub fn named(name: &str) -> Self {
        name.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    /// The faults with a name, group by group.
    pub fn all() -> impl Iterator<Item = Self> {
        named::all().map(|(_, _, fault)| fault)
    }

    /// The fault's name, if it has one.
    pub fn name(self) -> Option<&'static str> {
        named::all().find(|(_, _, fault)| *fault == self).map(|(_, name, _)| name)
    }

    /// The group of the fault's name: `connections`, `heads`, … Without a name: `others`.
    pub fn group(self) -> &'static str {
        named::all().find(|(_, _, fault)| *fault == self).map_or("others", |(group, _, _)| group)
    }

    /// What happens, in one line.
    pub fn description(self) -> String {
        match self {
            Self::Status(status, body) => format!("status {status} with {body}"),
            Self::Redirect(status, location) => format!("status {status} to {location}"),
            Self::RetryAfter(status, value) => {
                format!("status {status} with the retry-after `{}`", value.escape_debug())
            }
            Self::RetryAfterDate(status, seconds) => {
                format!("status {status} with a date in {seconds} s as retry-after")
            }
            Self::TokenExpires => {
                "status 401: tokens issued so far are no longer accepted".to_owned()
            }
            Self::Login(status) => format!("status {status} for logins"),
            Self::OtherAnswer(order) => format!("another request's answer comes {order}"),
            Self::Wire(pieces) => {
                pieces.iter().map(Piece::to_string).collect::<Vec<_>>().join(", ")
            }
        }
    }

    /// The calls that it is meant for. Mostly all but logins.
    pub const fn calls(self) -> Calls {
        if matches!(self, Self::Login(_)) { Calls::Login } else { Calls::Data }
    }

    /// Whether it happens only on a connection that served a request before.
    pub(crate) fn needs_used_connection(self) -> bool {
        match self {
            Self::Wire(pieces) => pieces.contains(&Piece::Reused),
            fault => fault == Self::OtherAnswer(Order::Before),
        }
    }

    /// Whether a client gets a whole response nevertheless.
    pub(crate) fn leaves_a_response(self) -> bool {
        match self {
            Self::Wire(pieces) => is_whole_answer(pieces),
            fault => fault != Self::OtherAnswer(Order::Before),
        }
    }

    pub(crate) fn pieces(self) -> Option<&'static [Piece]> {
        if let Self::Wire(pieces) = self { Some(pieces) } else { None }
    }

    /// The response instead of the true answer, for faults that do not need the true answer.
    pub(crate) fn response(self, context: &Context<'_>) -> Option<Response<Vec<u8>>> {
        response::instead(self, context)
    }

    /// The true answer as the fault changes it, and a second answer that follows at once.
    pub(crate) fn change(
        self,
        request: &Request<Vec<u8>>,
        answer: Response<Vec<u8>>,
    ) -> (Response<Vec<u8>>, Option<Response<Vec<u8>>>) {
        let other = || response::of_another_request(request, answer.clone());
        match self {
            Self::Status(status, _) => (response::with_status(answer, status), None),
            Self::OtherAnswer(Order::Before) => (other(), Some(answer)),
            Self::OtherAnswer(Order::Instead) => (other(), None),
            Self::OtherAnswer(Order::After) => {
                let second = other();
                (answer, Some(second))
            }
            _ => (answer, None),
        }
    }
}

/// What a response of a fault depends on.
pub(crate) struct Context<'a> {
    pub(crate) request: &'a Request<Vec<u8>>,
    pub(crate) now: DateTime<Utc>,
    /// The base URL of [`Location::OtherHost`].
    pub(crate) other_host: &'a str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&self.description()),
        }
    }
}

impl FromStr for Fault {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let fault = named::all().find(|(_, known, _)| *known == name).map(|(_, _, fault)| fault);
        let names = || named::all().map(|(_, name, _)| name);
        fault.ok_or_else(|| UnknownScenario::new("fault", name, names()))
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer => f.write_str("the body of the answer"),
            Self::Json => f.write_str("JSON"),
            Self::Large(length) => write!(f, "{length} bytes of JSON"),
            Self::Html => f.write_str("the HTML page of a proxy"),
            Self::CaptivePortal => f.write_str("the HTML page of a hotel's network"),
            Self::Text(text) => write!(f, "the text `{}`", text.escape_debug()),
            Self::AllBytes => f.write_str("each byte once"),
            Self::Empty => f.write_str("an empty body"),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherHost => "another host",
            Self::OtherPort => "another port of the same host",
            Self::PlainHttp => "http:// on the same host",
            Self::SchemeRelative => "//elsewhere.invalid",
            Self::Same => "the requested path",
            Self::Missing => "nowhere: it has no location",
        })
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "first, on a connection that was used before",
            Self::Instead => "instead of the answer",
            Self::After => "at once after the answer",
        })
    }
}

impl Calls {
    fn include(self, is_login: bool) -> bool {
        match self {
            Self::All => true,
            Self::Data => !is_login,
            Self::Login => is_login,
        }
    }
}

#[cfg(test)]
mod tests;
