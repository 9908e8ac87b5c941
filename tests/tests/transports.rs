//! Sends the same calls over `kamipay-ureq` and over an async client, and compares the results.

use std::cell::{Cell, RefCell};
use std::error::Error as StdError;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use kamipay_proto::retry::{Cause, FailedAttempt, Repeat, RetryPolicy, Stop};
use kamipay_proto::{
    AccessToken, Api, BuildError, Endpoint, IssueToken, ResponseError, ResponseErrorKind,
};
use kamipay_sandbox::{Generated, Sandbox, Server, conformance};
use kamipay_tests::{calls, with_call};
use kamipay_ureq::{Client, Config, Credentials};
use serde::Deserialize;

/// A minimal async transport, as a user would write it.
struct Async {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl Async {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .gzip(true)
            .no_proxy()
            .build()
            .unwrap();
        Self { runtime, client }
    }

    fn send(
        &self,
        request: Request<Vec<u8>>,
        time: Duration,
    ) -> Result<Response<Vec<u8>>, reqwest::Error> {
        self.runtime.block_on(async {
            let mut request = reqwest::Request::try_from(request)?;
            *request.timeout_mut() = Some(time);
            let answer = self.client.execute(request).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut response = Response::new(answer.bytes().await?.to_vec());
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok(response)
        })
    }
}

/// The result of a call, to compare: the value or the refusal.
fn outcome<T: Debug>(answer: Result<T, ResponseError>) -> String {
    match answer {
        Ok(value) => format!("{value:#?}"),
        Err(error) => format!("{error} {:?}", error.kind()),
    }
}

#[test]
fn both_transports_give_equal_values() {
    for sandbox in [Sandbox::documented(), Sandbox::generated(Generated::new(7))] {
        // Some payments change with each request, so each transport has its own sandbox.
        let token = sandbox.token();
        let blocking = Server::start(sandbox.clone()).unwrap();
        let other = Server::start(sandbox).unwrap();
        let credentials = Credentials::token(token.parse().unwrap());
        let client = Client::new(blocking.base_url().parse().unwrap(), credentials);
        let transport = Async::new();
        let api = Api::new(other.base_url().parse().unwrap(), &token.parse().unwrap());

        let mut values = 0;
        for call in calls() {
            with_call!(&call, call => {
                let ours = client.send(call).map_err(|error| error.answer().unwrap().clone());
                let request = call.request(&api).unwrap();
                let theirs = api.parse(call, transport.send(request, Duration::from_secs(10)).unwrap());
                values += u32::from(ours.is_ok());
                assert_eq!(outcome(ours), outcome(theirs));
            }, _login => {});
        }
        assert!(values >= 5, "{values}: most calls are answered");
        let seen = |server: &Server| {
            server
                .requests()
                .into_iter()
                .map(|it| (it.method, it.path_and_query))
                .collect::<Vec<_>>()
        };
        assert_eq!(seen(&blocking), seen(&other));
    }
}

#[test]
fn both_transports_give_equal_refusals() {
    // One server each, so that their requests have equal ids.
    let [blocking, other] = [(); 2].map(|()| Server::start(Sandbox::documented()).unwrap());
    let wrong: AccessToken = "wrong".parse().unwrap();
    let client = Client::new(blocking.base_url().parse().unwrap(), wrong.clone());
    let (transport, api) = (Async::new(), Api::new(other.base_url().parse().unwrap(), &wrong));
    for call in calls() {
        with_call!(&call, call => {
            let ours = client.send(call).unwrap_err();
            let request = call.request(&api).unwrap();
            let theirs =
                api.parse(call, transport.send(request, Duration::from_secs(10)).unwrap()).unwrap_err();
            assert_eq!(ours.answer().unwrap().to_string(), theirs.to_string());
            assert_eq!(ours.status(), Some(StatusCode::UNAUTHORIZED));
            assert!(matches!(theirs.kind(), ResponseErrorKind::Api(_)));
        }, _login => {});
    }
}

/// A retry loop around a user's own transport.
fn repeat<E: Endpoint>(
    call: &E,
    api: &Api,
    transport: impl Fn(&Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Cause>,
) -> Stop {
    let policy = RetryPolicy::default(); // four attempts
    let mut budget = policy.budget();
    for attempts in 1.. {
        let request = call.request(api).unwrap();
        let repeat = Repeat::of(call, &request);
        let fault = match transport(&request) {
            Ok(response) => Cause::from(&api.parse(call, response).map(drop).unwrap_err()),
            Err(fault) => fault,
        };
        if let Err(stop) =
            policy.decide(&FailedAttempt::new(repeat, fault, attempts), &mut budget, 0)
        {
            return stop;
        }
    }
    unreachable!("four attempts are the most");
}

/// A call that moves money, but is named as a `GET`.
struct Pay;

impl Endpoint for Pay {
    const CALL: &'static str = "GET /v2/pay";
    type Output = ();

    fn request(&self, api: &Api) -> Result<Request<Vec<u8>>, BuildError> {
        let mut request = api.get(&["v2", "pay"]).finish()?;
        *request.method_mut() = http::Method::POST;
        Ok(request)
    }
}

#[test]
fn a_user_s_own_transport_sends_a_post_once() {
    let api = Api::new("https://api.kamipay.io".parse().unwrap(), &"token".parse().unwrap());
    let unavailable = || Response::builder().status(503).body(Vec::new()).unwrap();
    for fault in [
        Some(Cause::NotSent),
        Some(Cause::Closed),
        Some(Cause::Truncated),
        Some(Cause::TimedOut),
        None,
    ] {
        let sent = Cell::new(0);
        let transport = |_: &Request<Vec<u8>>| {
            sent.set(sent.get() + 1);
            fault.map_or_else(|| Ok(unavailable()), Err)
        };
        assert_eq!((repeat(&Pay, &api, transport), sent.take()), (Stop::NotRepeatable, 1));
        let login = IssueToken::new("u", "p");
        assert_eq!((repeat(&login, &api, transport), sent.take()), (Stop::Attempts, 4));
        for call in calls() {
            with_call!(&call, call => {
                assert_eq!((repeat(call, &api, transport), sent.take()), (Stop::Attempts, 4));
            });
        }
    }
}

/// A call that passes any request and response through, to test the transport alone.
struct Through(RefCell<Option<Request<Vec<u8>>>>);

/// The response as a value.
#[derive(Deserialize)]
struct Captured {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Endpoint for Through {
    const CALL: &'static str = "any";
    type Output = Captured;

    fn request(&self, _api: &Api) -> Result<Request<Vec<u8>>, BuildError> {
        Ok(self.0.borrow().clone().unwrap())
    }

    fn parse(
        &self,
        response: Response<impl AsRef<[u8]> + Into<Vec<u8>>>,
    ) -> Result<Captured, ResponseError> {
        let (parts, body) = response.into_parts();
        let headers = parts.headers.iter();
        Ok(Captured {
            status: parts.status.as_u16(),
            headers: headers
                .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
                .collect(),
            body: body.as_ref().to_vec(),
        })
    }
}

#[test]
fn the_blocking_transport_protects_the_token() {
    let mut config = Config::default();
    config.attempt_timeout = Duration::from_secs(60);
    let credentials = Credentials::token("unused".parse().unwrap());
    let client =
        Client::with_config("http://localhost".parse().unwrap(), credentials, config).unwrap();
    let report = conformance::check(|request, time| -> Result<_, Box<dyn StdError>> {
        let call = Through(RefCell::new(Some(request)));
        let captured = client.until(Instant::now() + time).send(&call)?;
        let mut headers = HeaderMap::new();
        for (name, value) in captured.headers {
            headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
        let mut response = Response::new(captured.body);
        *response.status_mut() = StatusCode::from_u16(captured.status)?;
        *response.headers_mut() = headers;
        Ok(response)
    });
    report.unwrap().assert_all();
}

#[test]
fn the_async_transport_protects_the_token() {
    let transport = Async::new();
    conformance::check(|request, time| transport.send(request, time)).unwrap().assert_all();
}
