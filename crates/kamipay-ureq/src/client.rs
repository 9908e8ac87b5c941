use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use http::{Method, Request, Response, StatusCode};
use kamipay_proto::{AccessToken, Api, BaseUrl, Endpoint, IssueToken};

use crate::config::{Config, InvalidConfig};
use crate::credentials::{Credentials, Source};
use crate::error::{Error, ErrorKind};
use crate::exchange::Exchange;
use crate::login::Session;

/// A blocking client of kamiPay's API.
///
/// A clone is cheap, and shares connections and the token. So does every thread that uses it.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
    deadline: Option<Instant>,
}

#[derive(Debug)]
struct Shared {
    exchange: Exchange,
    identity: Identity,
    config: Config,
    /// Whether there can be a connection that was kept, and closed by the server meanwhile.
    has_kept: AtomicBool,
}

#[derive(Debug)]
enum Identity {
    Token(Api),
    Login(Box<Login>),
}

#[derive(Debug)]
struct Login {
    request: IssueToken,
    anonymous: Api,
    session: Session,
}

impl Client {
    /// Calls the API at `base` with these credentials, and with the defaults of [`Config`].
    pub fn new(base: BaseUrl, credentials: impl Into<Credentials>) -> Self {
        Self::with_config(base, credentials, Config::default())
            .expect("the default configuration has no part that could be wrong")
    }

    /// Calls the API at `base` with these credentials and this configuration.
    ///
    /// # Errors
    ///
    /// If a part of the configuration can not be used.
    pub fn with_config(
        base: BaseUrl,
        credentials: impl Into<Credentials>,
        config: Config,
    ) -> Result<Self, InvalidConfig> {
        let identity = match credentials.into().0 {
            Source::Token(token) => Identity::Token(Api::new(base, &token)),
            Source::Login(request) => {
                let session = Session::new(base.clone());
                Identity::Login(Box::new(Login {
                    request,
                    anonymous: Api::anonymous(base),
                    session,
                }))
            }
        };
        let exchange = Exchange::new(&config)?;
        let shared = Shared { exchange, identity, config, has_kept: AtomicBool::new(false) };
        Ok(Self { shared: Arc::new(shared), deadline: None })
    }

    /// The same client, all of whose calls end by `deadline`. It shares connections and the token
    /// with this one.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self { shared: Arc::clone(&self.shared), deadline: Some(deadline) }
    }

    /// Makes a call, and reads its answer.
    ///
    /// # Errors
    ///
    /// If there is no answer, or none that can be used. [`Error::sent`] tells what became of the
    /// call.
    pub fn send<E: Endpoint>(&self, endpoint: &E) -> Result<E::Output, Error> {
        let fail = |kind| Error::new(E::CALL, kind);
        let deadline = self.call_deadline();

        match &self.shared.identity {
            Identity::Token(api) => self.attempt(endpoint, api, deadline).map_err(fail),
            Identity::Login(login) => {
                let log_in = || self.log_in(login, deadline);
                let held = login.session.token(None, deadline, log_in).map_err(fail)?;
                match self.attempt(endpoint, &held.api, deadline) {
                    Err(kind) if is_unauthorized(&kind) => {
                        // Once: a second 401 is not about the token's age.
                        let held =
                            login.session.token(Some(&held), deadline, log_in).map_err(fail)?;
                        self.attempt(endpoint, &held.api, deadline).map_err(fail)
                    }
                    answer => answer.map_err(fail),
                }
            }
        }
    }

    fn log_in(&self, login: &Login, deadline: Option<Instant>) -> Result<AccessToken, Error> {
        let issued = self.attempt(&login.request, &login.anonymous, deadline);
        issued.map(|issued| issued.access_token).map_err(|kind| Error::new(IssueToken::CALL, kind))
    }

    /// Sends a call with a token, and reads its answer.
    fn attempt<E: Endpoint>(
        &self,
        endpoint: &E,
        api: &Api,
        deadline: Option<Instant>,
    ) -> Result<E::Output, ErrorKind> {
        let request = endpoint.request(api)?;
        let response = self.deliver(request, E::CALL, deadline)?;
        let answer = endpoint.parse(response);
        answer.map_err(|error| match error.kind() {
            // Neither a length nor the closing of a connection tells a whole answer: its JSON does.
            kamipay_proto::ErrorKind::Decode(decode) if decode.truncated => ErrorKind::Truncated,
            kamipay_proto::ErrorKind::Mismatch(_) => {
                // A connection that is one answer behind stays one behind.
                self.shared.exchange.drop_connections();
                ErrorKind::Answer(error)
            }
            _ => ErrorKind::Answer(error),
        })
    }

    /// Sends a request, and once more where it met a connection that the server had given up.
    fn deliver(
        &self,
        request: Request<Vec<u8>>,
        call: &'static str,
        deadline: Option<Instant>,
    ) -> Result<Response<Vec<u8>>, ErrorKind> {
        let repeatable = request.method() == Method::GET || call == IssueToken::CALL;
        let again =
            (repeatable && self.shared.has_kept.load(Ordering::Relaxed)).then(|| request.clone());

        let mut outcome = self.shared.exchange.send(request, deadline);
        if let (Err(ErrorKind::ConnectionClosed), Some(request)) = (&outcome, again) {
            outcome = self.shared.exchange.send(request, deadline);
        }
        if outcome.is_ok() {
            self.shared.has_kept.store(true, Ordering::Relaxed);
        }
        outcome
    }

    fn call_deadline(&self) -> Option<Instant> {
        // Too far for the clock is no deadline.
        let of_call = Instant::now().checked_add(self.shared.config.call_timeout);
        match (of_call, self.deadline) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

fn is_unauthorized(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::Answer(error) if error.status() == StatusCode::UNAUTHORIZED)
}
