#[cfg(test)]
pub(crate) mod tests;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode};
use kamipay_proto::retry::{Cause, FailedAttempt, Repeat, RetryBudget, RetryPolicy, Stop};
use kamipay_proto::session::{Need, Session, TokenUse};
use kamipay_proto::{AccessToken, Api, BaseUrl, Endpoint, IssueToken};

use crate::attempt::Attempt;
use crate::clock::{Clock, System};
use crate::config::{Config, InvalidConfig};
use crate::credentials::{Credentials, Source};
use crate::error::{Error, ErrorKind, History, Sent};
use crate::exchange::{Exchange, Sockets};
use crate::headers::ExtraHeaders;
use crate::login::Login;
use crate::traffic::Traffic;
use crate::transport::{Custom, TransportError, TransportLimits};

/// Maximum idle connections: ureq's own limit for a host.
const KEPT_CONNECTIONS: u32 = 3;

/// Maximum wait for a new token while the old one is still good.
const EARLY_RENEWAL: Duration = Duration::from_secs(5);

/// A blocking client of kamiPay's API.
///
/// A clone is cheap. Clones and threads share connections, the token and the budget for retries.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
    deadline: Option<Instant>,
    /// The configuration's, and those of this clone.
    headers: ExtraHeaders,
}

#[derive(Debug)]
struct Shared {
    exchange: Box<dyn Exchange>,
    clock: Arc<dyn Clock>,
    identity: Identity,
    config: Config,
    budget: Mutex<RetryBudget>,
    /// Maximum idle connections that the server may have closed.
    kept: AtomicU32,
    /// Number of unusable login responses that may show moved funds: a payment's response can
    /// arrive in place of the login's.
    doubts: AtomicU32,
}

#[derive(Debug)]
enum Identity {
    Token(Api),
    Login(Box<Login>),
}

impl Client {
    /// A client of the API at `base`, with these credentials and the default [`Config`].
    ///
    /// ```
    /// use kamipay_ureq::{Client, Credentials};
    ///
    /// # let (url, token) = ("https://api.kamipay.io", "token"); // from the environment
    /// let client = Client::new(url.parse()?, Credentials::token(token.parse()?));
    /// # let (url, username, password) = ("https://api.kamipay.io", "merchant@example.com", "a password");
    /// let client = Client::new(url.parse()?, Credentials::login(username, password));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If `base` is https and the crate was built without its feature `rustls`. With that feature
    /// it never panics. [`with_config`](Self::with_config) returns an error instead.
    pub fn new(base: BaseUrl, credentials: impl Into<Credentials>) -> Self {
        Self::with_config(base, credentials, Config::default())
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// A client of the API at `base`, with these credentials and this configuration.
    ///
    /// # Errors
    ///
    /// If the configuration is invalid.
    pub fn with_config(
        base: BaseUrl,
        credentials: impl Into<Credentials>,
        config: Config,
    ) -> Result<Self, InvalidConfig> {
        let exchange = Box::new(Sockets::new(&config, &base)?);
        Ok(Self::with_parts(base, credentials.into(), config, exchange, Arc::new(System::new())))
    }

    /// A client that sends over a function of yours: your own HTTP client, or a unit test without
    /// sockets. Login, retries, deadlines, scans and watches stay the same.
    ///
    /// ```
    /// use kamipay_ureq::proto::http::Response;
    /// use kamipay_ureq::proto::pay_status::{Chain, GetPayStatus, PayStatus, PaymentTarget};
    /// use kamipay_ureq::{Client, Config, Credentials, TransportError, TransportFault};
    ///
    /// let base = "https://api.kamipay.io".parse()?;
    /// let token = Credentials::token("token".parse()?);
    /// let client = Client::with_transport(base, token, Config::default(), |request, _limits| {
    ///     match request.uri().query() {
    ///         Some(query) if query.contains("order-7") => Ok(Response::new(
    ///             br#"{"status": "failed", "msg": "TX not found"}"#.to_vec(),
    ///         )),
    ///         _ => Err(TransportError::new(TransportFault::Untrusted, "an unknown certificate")),
    ///     }
    /// })?;
    ///
    /// let ask = |order| {
    ///     let target = PaymentTarget::external_id(order).expect("a short text");
    ///     client.send(&GetPayStatus::new(target, Chain::Polygon))
    /// };
    /// assert!(matches!(ask("order-7")?, PayStatus::NotFound { .. }));
    /// let error = ask("order-8").unwrap_err();
    /// assert_eq!(error.to_string(), "GET /v2/status/tx_status: an unknown certificate");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The function sends one request and returns its response, whatever the status is. It is called
    /// on the thread of the call, and from several threads at once. It must
    ///
    /// * follow no redirect, because the token would travel along;
    /// * end within [`TransportLimits::timeout`], because the client cannot interrupt it;
    /// * return the whole body, unpacked. A 2xx response that is cut off is the error
    ///   [`Lost`](crate::TransportFault::Lost). Any other is returned with the extension
    ///   [`CutOff`](kamipay_proto::CutOff);
    /// * not try again, because the client does.
    ///
    /// Of the configuration, only the settings for connections have no effect: the proxy, the
    /// certificates and the address.
    ///
    /// # Errors
    ///
    /// If the configuration is invalid.
    pub fn with_transport<F>(
        base: BaseUrl,
        credentials: impl Into<Credentials>,
        config: Config,
        function: F,
    ) -> Result<Self, InvalidConfig>
    where
        F: Fn(Request<Vec<u8>>, TransportLimits) -> Result<Response<Vec<u8>>, TransportError>
            + Send
            + Sync
            + 'static,
    {
        let exchange = Box::new(Custom::new(&config, function)?);
        Ok(Self::with_parts(base, credentials.into(), config, exchange, Arc::new(System::new())))
    }

    pub(crate) fn with_parts(
        base: BaseUrl,
        credentials: Credentials,
        config: Config,
        exchange: Box<dyn Exchange>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let identity = match credentials.0 {
            Source::Token(token) => Identity::Token(Api::new(base, &token)),
            Source::Login(request) => {
                let session =
                    Session::new(base, request).with_refusal_held_for(config.login_again_after);
                Identity::Login(Box::new(Login::new(session, Arc::clone(&clock))))
            }
        };
        let budget = Mutex::new(config.retry.budget());
        let kept = AtomicU32::new(0);
        let doubts = AtomicU32::new(0);
        let headers = config.headers.clone();
        let shared = Shared { exchange, clock, identity, config, budget, kept, doubts };
        Self { shared: Arc::new(shared), deadline: None, headers }
    }

    /// The same client with a deadline for all its calls. It shares connections, the token and the
    /// budget for retries with this one.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self.clone() }
    }

    /// The same client with more headers for all its calls, such as the `traceparent` of one of them.
    /// They replace headers with the same name. It shares connections, the token and the budget for
    /// retries with this one.
    ///
    /// ```
    /// # use kamipay_ureq::proto::lots::{GetLot, LotDetail};
    /// use kamipay_ureq::{Client, ExtraHeaders};
    ///
    /// fn get(client: &Client, lot: &GetLot, trace: &str) -> Result<LotDetail, Box<dyn std::error::Error>> {
    ///     let mut headers = ExtraHeaders::new();
    ///     headers.set_public("traceparent", trace)?;
    ///     Ok(client.with_headers(&headers).send(lot)?)
    /// }
    /// ```
    #[must_use]
    pub fn with_headers(&self, headers: &ExtraHeaders) -> Self {
        Self { headers: self.headers.clone().merged(headers), ..self.clone() }
    }

    /// Sends a call and reads its answer. Repeats a `GET` as the configuration's [`RetryPolicy`]
    /// says.
    ///
    /// # Errors
    ///
    /// If there is no answer, or if it cannot be used. [`Error::sent`] says whether the call may have
    /// been processed.
    pub fn send<E: Endpoint>(&self, endpoint: &E) -> Result<E::Output, Error> {
        self.send_by(endpoint, &self.shared.config.retry, 0)
    }

    /// Sends a call once, for a caller that repeats it by itself. Returns every answer, also another
    /// request's response.
    pub(crate) fn send_once<E: Endpoint>(&self, endpoint: &E) -> Result<E::Output, Error> {
        self.send_by(endpoint, &self.once(), 1)
    }

    /// Sends a call with this policy. `mismatches` is the number of other requests' responses so far.
    fn send_by<E: Endpoint>(
        &self,
        endpoint: &E,
        policy: &RetryPolicy,
        mismatches: u32,
    ) -> Result<E::Output, Error> {
        let deadline = self.call_deadline();
        match &self.shared.identity {
            Identity::Token(api) => {
                self.repeat(endpoint, policy, deadline, Tokens::Fixed(api), mismatches)
            }
            Identity::Login(login) => {
                self.repeat(endpoint, policy, deadline, Tokens::By(login), mismatches)
            }
        }
    }

    /// Makes the next call use a new connection.
    pub(crate) fn drop_connections(&self) {
        self.shared.exchange.drop_connections();
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.shared.clock
    }

    /// The deadline for all calls of this client.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Changes whenever a login may have received a payment's response.
    pub(crate) fn doubts(&self) -> u32 {
        self.shared.doubts.load(Ordering::Relaxed)
    }

    /// The policy with a single attempt.
    pub(crate) fn once(&self) -> RetryPolicy {
        let mut policy = self.shared.config.retry.clone();
        policy.max_attempts = 1;
        policy
    }

    fn log_in(
        &self,
        login: &Login,
        need: Need,
        deadline: Option<Instant>,
    ) -> Result<AccessToken, Error> {
        let log_in = |policy: &RetryPolicy, deadline| {
            self.repeat(login.request(), policy, deadline, Tokens::Fixed(&login.api()), 0)
        };
        let issued = match need {
            Need::Now => log_in(&self.shared.config.retry, deadline),
            Need::Soon => {
                // Leave time for the call itself.
                let now = self.shared.clock.now();
                let left = deadline.map(|it| it.saturating_duration_since(now) / 2);
                let end = now.checked_add(left.unwrap_or(EARLY_RENEWAL).min(EARLY_RENEWAL));
                log_in(&self.once(), end)
            }
        };
        issued.map(|issued| issued.access_token)
    }

    /// Repeats a call until there is an answer or a reason to stop.
    fn repeat<E: Endpoint>(
        &self,
        endpoint: &E,
        policy: &RetryPolicy,
        deadline: Option<Instant>,
        tokens: Tokens<'_>,
        mismatches_before: u32,
    ) -> Result<E::Output, Error> {
        let clock = &*self.shared.clock;
        let started = clock.now();
        let mut history =
            History { sent: Sent::No, attempts: 0, elapsed: Duration::ZERO, stop: Stop::Permanent };
        // The last failure, which is reported if the time runs out.
        let mut before: Option<ErrorKind> = None;
        let mut token_use = TokenUse::default();
        // Whether an unusable answer may contradict the one that follows.
        let (mut may_have_shown, doubts) = (false, self.doubts());
        // The policy does not count attempts after a renewal or a mismatch.
        let (mut renewals, mut mismatches) = (0, 0);
        let end = |history: History, kind, stop| {
            let elapsed = clock.now().saturating_duration_since(started);
            Err(Error::new(E::CALL, kind, History { elapsed, stop, ..history }))
        };
        loop {
            let access = match tokens {
                Tokens::Fixed(api) => Ok((api.clone(), None)),
                Tokens::By(login) => {
                    let log_in = |need| self.log_in(login, need, deadline);
                    let token = login.token(&mut token_use, deadline, log_in);
                    token.map(|token| (token.api().clone(), Some((login, token))))
                }
            };
            let (api, token) = match access {
                Ok(access) => access,
                Err(ErrorKind::Login(error)) => {
                    let stop = error.stop();
                    return end(history, ErrorKind::Login(error), stop);
                }
                Err(kind) => return end(history, before.unwrap_or(kind), Stop::Deadline),
            };
            let api = self.headers.hide_in(api);
            let mut request = match endpoint.request(&api) {
                Ok(request) => request,
                Err(error) => return end(history, ErrorKind::Build(error), Stop::Permanent),
            };
            self.headers.add_to(request.headers_mut());
            let repeat = Repeat::of(endpoint, &request);

            let asked_at = clock.now();
            let Some(left) = self.time_left(deadline, asked_at) else {
                // The delay took longer than planned.
                let kind = before.unwrap_or(ErrorKind::TimeIsUp);
                return end(history, kind, Stop::Deadline);
            };
            history.attempts += 1;
            let (head, outcome) = self.attempt(endpoint, &api, request, repeat, left);
            let now = clock.now();
            let took = now.saturating_duration_since(asked_at);
            let kind = match outcome {
                Ok(mut output) => {
                    if may_have_shown || doubts != self.doubts() {
                        endpoint.distrust(&mut output);
                    }
                    self.tell::<E>(&history, &head, Ok(()), took, Err(None));
                    let attempts = history.attempts - renewals - mismatches;
                    policy.succeeded(attempts, &mut self.budget());
                    return Ok(output);
                }
                Err(kind) => kind,
            };
            let may_show = kind.may_show_funds();
            may_have_shown |= may_show;
            if may_show && E::CALL == IssueToken::CALL {
                self.shared.doubts.fetch_add(1, Ordering::Relaxed);
            }
            // A caller that asks again gets every answer.
            let is_shown = may_show && mismatches_before > 0;
            let unauthorized = token.filter(|_| is_unauthorized(&kind) && !is_shown);
            let is_renewed = unauthorized
                .is_some_and(|(login, token)| login.unauthorized(&mut token_use, token, repeat));
            if is_renewed {
                renewals = 1;
                self.tell::<E>(&history, &head, Err(&kind), took, Ok(Duration::ZERO));
            } else {
                let cause = kind.cause();
                mismatches += u32::from(cause == Cause::Mismatch);
                let attempts = match cause {
                    Cause::Mismatch => mismatches_before + mismatches,
                    _ => history.attempts - renewals - mismatches,
                };
                let mut failure = FailedAttempt::new(repeat, cause, attempts);
                failure.time_left = deadline.map(|it| it.saturating_duration_since(now));
                let random = clock.random();
                let decision = policy.decide(&failure, &mut self.budget(), random);
                self.tell::<E>(&history, &head, Err(&kind), took, decision.map_err(Some));
                match decision {
                    Ok(delay) => clock.sleep(delay),
                    Err(stop) => return end(history, kind, stop),
                }
            }
            history.sent = kind.sent_after(history.sent);
            before = Some(kind);
        }
    }

    /// Sends a request and reads its answer. Also returns what the answer's head says.
    fn attempt<E: Endpoint>(
        &self,
        endpoint: &E,
        api: &Api,
        request: Request<Vec<u8>>,
        repeat: Repeat,
        left: Duration,
    ) -> (Head, Result<E::Output, ErrorKind>) {
        let delivered = self.show::<E>(request, |request| self.deliver(request, repeat, left));
        let response = match delivered {
            Ok(response) => response,
            Err(ErrorKind::Transport(error)) => {
                let error = error.hiding(api.secrets());
                return (Head::default(), Err(ErrorKind::Transport(error)));
            }
            Err(kind) => return (Head::default(), Err(kind)),
        };
        let status = Some(response.status());
        // To hide secrets costs more than the rest of a small call.
        let request_id = self.is_told().then(|| api.request_id(response.headers())).flatten();
        let head = Head { status, request_id };
        let answer = api.parse(endpoint, response).map_err(|error| match error.kind() {
            // Only the JSON document itself shows that the answer is whole.
            kamipay_proto::ResponseErrorKind::Decode(decode) if decode.truncated => {
                ErrorKind::Truncated
            }
            kamipay_proto::ResponseErrorKind::Mismatch(_) => {
                // A connection that is one answer behind stays behind.
                self.drop_connections();
                ErrorKind::Answer(error)
            }
            _ => ErrorKind::Answer(error),
        });
        (head, answer)
    }

    /// Shows the request and its answer to the function of the configuration, if there is one.
    fn show<E: Endpoint>(
        &self,
        request: Request<Vec<u8>>,
        deliver: impl FnOnce(Request<Vec<u8>>) -> Result<Response<Vec<u8>>, ErrorKind>,
    ) -> Result<Response<Vec<u8>>, ErrorKind> {
        let Some(on_traffic) = &self.shared.config.on_traffic else { return deliver(request) };
        let (shown, started) = (request.clone(), self.shared.clock.now());
        let outcome = deliver(request);
        let took = self.shared.clock.now().saturating_duration_since(started);
        let (call, outcome_shown) = (E::CALL, outcome.as_ref());
        on_traffic.tell(&Traffic { call, request: &shown, outcome: outcome_shown, took });
        outcome
    }

    /// Sends a request, and sends it again if the server had closed the idle connection.
    fn deliver(
        &self,
        request: Request<Vec<u8>>,
        repeat: Repeat,
        left: Duration,
    ) -> Result<Response<Vec<u8>>, ErrorKind> {
        let Shared { exchange, clock, kept, .. } = &*self.shared;
        let again =
            (repeat.is_allowed() && kept.load(Ordering::Relaxed) > 0).then(|| request.clone());

        let started = clock.now();
        let mut outcome = exchange.send(request, left);
        if let (Err(ErrorKind::ConnectionClosed), Some(request)) = (&outcome, again) {
            let left = left.saturating_sub(clock.now().saturating_duration_since(started));
            // At most once for each idle connection, so that an outage does not multiply calls.
            let take = |kept: u32| kept.checked_sub(1);
            let taken = kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
            if taken.is_ok() && !left.is_zero() {
                exchange.drop_connections(); // the others are as old
                outcome = exchange.send(request, left);
            }
        }
        if outcome.is_ok() {
            kept.store(KEPT_CONNECTIONS, Ordering::Relaxed);
        }
        outcome
    }

    /// Whether anybody listens to [`tell`](Self::tell).
    fn is_told(&self) -> bool {
        self.shared.config.on_attempt.is_some()
            || log::log_enabled!(target: "kamipay_ureq", log::Level::Debug)
    }

    /// Reports an attempt. `next` is the delay before the next one, or the reason to stop.
    fn tell<E: Endpoint>(
        &self,
        history: &History,
        head: &Head,
        outcome: Result<(), &ErrorKind>,
        took: Duration,
        next: Result<Duration, Option<Stop>>,
    ) {
        let error = outcome.err();
        // A body can name the request too.
        let of_error = match error {
            Some(ErrorKind::Answer(answer)) => answer.request_id(),
            _ => None,
        };
        let attempt = Attempt {
            call: E::CALL,
            number: history.attempts,
            outcome: outcome.map_err(ErrorKind::cause),
            status: head.status,
            request_id: of_error.or(head.request_id.as_deref()),
            took,
            delay: next.ok(),
            stop: next.err().flatten(),
            error,
        };
        log::debug!(target: "kamipay_ureq", "{attempt}");
        if let Some(on_attempt) = &self.shared.config.on_attempt {
            on_attempt.tell(&attempt);
        }
    }

    fn budget(&self) -> MutexGuard<'_, RetryBudget> {
        self.shared.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time limit of an attempt that begins now. `None` if no time is left.
    fn time_left(&self, deadline: Option<Instant>, now: Instant) -> Option<Duration> {
        let left = match deadline {
            Some(deadline) => deadline.saturating_duration_since(now),
            None => Duration::MAX,
        };
        let left = left.min(self.shared.config.attempt_timeout);
        (!left.is_zero()).then_some(left)
    }

    fn call_deadline(&self) -> Option<Instant> {
        // A time that the clock cannot represent is no deadline.
        let of_call = self.shared.clock.now().checked_add(self.shared.config.call_timeout);
        match (of_call, self.deadline) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

/// What the head of an answer says. Empty without an answer.
#[derive(Default)]
struct Head {
    status: Option<StatusCode>,
    request_id: Option<String>,
}

/// The tokens of a call.
#[derive(Clone, Copy)]
enum Tokens<'a> {
    Fixed(&'a Api),
    By(&'a Login),
}

fn is_unauthorized(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::Answer(error) if error.status() == StatusCode::UNAUTHORIZED)
}
