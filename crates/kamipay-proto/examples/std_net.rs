//! A blocking client over `std::net`: a login, retries, and a whole listing.
//!
//! ```console
//! $ cargo run -p kamipay-proto --example std_net
//! ```
//!
//! The transport is the function [`send`]. It knows plain HTTP only, so it can reach the sandbox. A real
//! one adds TLS. Everything else is what a client on any HTTP library needs.

#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an example does IO"
)]

use std::error::Error;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use http::{Request, Response};
use kamipay_proto::lots::ScanLots;
use kamipay_proto::retry::{Cause, FailedAttempt, Repeat, RetryBudget, RetryPolicy};
use kamipay_proto::scan::{Delivery, Scan};
use kamipay_proto::session::{Access, LoginFailure, Session, TokenUse};
use kamipay_proto::{Endpoint, IssueToken, Period, ResponseError};
use kamipay_sandbox::{Fault, Generated, Sandbox, Server};

type AnyError = Box<dyn Error>;

fn main() -> Result<(), AnyError> {
    let merchant = Generated::new(7).with_charges(2000);
    let period = Period::new(merchant.start(), merchant.end())?;
    let mut sandbox = Sandbox::generated(merchant);
    sandbox.fail_at(2, "closed-before-answer".parse::<Fault>()?);
    let login = IssueToken::new(sandbox.username(), sandbox.password());
    let server = Server::start(sandbox)?;

    let policy = RetryPolicy::default();
    let mut client = Client {
        session: Session::new(server.base_url().parse()?, login),
        budget: policy.budget(),
        policy,
        started: Instant::now(),
    };
    let mut scan = Scan::new(ScanLots::new(period));
    let mut lots = 0;
    loop {
        match scan.delivery() {
            Delivery::Row(_lot) => lots += 1,
            Delivery::Waiting => {
                let request = scan.request().expect("one request at a time");
                // Each request has a connection of its own here, so all of them are fresh.
                scan.answer(request.ticket, client.call(&request.call)?);
            }
            Delivery::Done(manifest) => {
                println!("{lots} lots, all of the period: {manifest}");
                return Ok(());
            }
            Delivery::Incomplete(missing) => return Err(missing.into()),
        }
    }
}

struct Client {
    session: Session<String>,
    policy: RetryPolicy,
    budget: RetryBudget,
    started: Instant,
}

impl Client {
    /// Makes a call with a token, and once more with another token after a 401.
    fn call<E: Endpoint>(&mut self, call: &E) -> Result<E::Output, AnyError> {
        let mut tokens = TokenUse::default();
        loop {
            match self.session.token(&mut tokens, self.started.elapsed()) {
                Access::Granted(token) => {
                    let request = call.request(token.api())?;
                    let repeat = Repeat::of(call, &request);
                    let outcome = self.retry(&request, repeat, |it| token.api().parse(call, it));
                    let is_unauthorized = matches!(&outcome, Err(Failed::Answer(error))
                        if error.status() == 401);
                    if is_unauthorized
                        && self.session.unauthorized(&mut tokens, token.clone(), repeat)
                    {
                        continue;
                    }
                    return Ok(outcome?);
                }
                Access::LogIn(_) => {
                    let (login, api) = (self.session.login().clone(), self.session.api().clone());
                    let request = login.request(&api)?;
                    let repeat = Repeat::of(&login, &request);
                    let outcome = self.retry(&request, repeat, |it| api.parse(&login, it));
                    let now = self.started.elapsed();
                    match outcome {
                        Ok(issued) => self.session.issued(&issued.access_token, now),
                        Err(error) => {
                            let failure = LoginFailure::from(error.cause());
                            self.session.failed(error.to_string(), failure, now);
                        }
                    }
                }
                Access::Failed(error) => return Err(format!("login: {error}").into()),
                Access::Busy => unreachable!("there is one thread"),
            }
        }
    }

    /// Sends a request until there is an answer, or a reason to stop.
    fn retry<T>(
        &mut self,
        request: &Request<Vec<u8>>,
        repeat: Repeat,
        parse: impl Fn(Response<Vec<u8>>) -> Result<T, ResponseError>,
    ) -> Result<T, Failed> {
        let random = RandomState::new();
        let deadline = Instant::now() + Duration::from_secs(60);
        for attempts in 1.. {
            let outcome = send(request).map_err(Failed::Io);
            let error = match outcome.and_then(|it| parse(it).map_err(Failed::Answer)) {
                Ok(answer) => {
                    self.policy.succeeded(attempts, &mut self.budget);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            let failed = FailedAttempt::new(repeat, error.cause(), attempts).with_time_left(left);
            let random = random.hash_one(attempts) as u32;
            match self.policy.decide(&failed, &mut self.budget, random) {
                Ok(delay) => {
                    println!("{error}; again in {delay:?}");
                    thread::sleep(delay);
                }
                Err(_stop) => return Err(error),
            }
        }
        unreachable!("the policy ends the attempts")
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("no answer: {0}")]
    Io(#[source] io::Error),
    #[error(transparent)]
    Answer(ResponseError),
}

impl Failed {
    fn cause(&self) -> Cause {
        match self {
            Self::Answer(error) => Cause::from(error),
            Self::Io(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => Cause::NotSent,
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Cause::TimedOut,
                _ => Cause::Closed,
            },
        }
    }
}

/// The transport: from a request to a response, on a connection of its own.
fn send(request: &Request<Vec<u8>>) -> io::Result<Response<Vec<u8>>> {
    let uri = request.uri();
    let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
    let mut stream = TcpStream::connect((host, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;

    let path = uri.path_and_query().map_or("/", |it| it.as_str());
    let mut head = format!("{} {path} HTTP/1.1\r\nhost: {host}:{port}\r\n", request.method());
    for (name, value) in request.headers() {
        let value = value.to_str().map_err(io::Error::other)?;
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = request.body().len();
    head.push_str(&format!("content-length: {length}\r\nconnection: close\r\n\r\n"));
    stream.write_all(head.as_bytes())?;
    stream.write_all(request.body())?;

    // A bound, as for every answer from outside.
    let mut answer = Vec::new();
    stream.take(32 << 20).read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n");
    let end = end.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    let body = answer.split_off(end + 4);
    let head = String::from_utf8_lossy(&answer);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let mut response = Response::builder().status(status);
    for line in lines {
        if let Some((name, value)) = line.split_once(':') {
            response = response.header(name, value.trim());
        }
    }
    response.body(body).map_err(io::Error::other)
}
