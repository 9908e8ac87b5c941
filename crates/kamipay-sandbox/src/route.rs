//! Calls that the sandbox does not have.

use std::{fmt, sync::Arc};

use http::{Method, Request, Response, StatusCode};

use crate::{query::segments, reply::Reply};

type Function = dyn Fn(&Request<Vec<u8>>) -> Response<Vec<u8>> + Send + Sync;

/// A call that the sandbox does not have, for [`Sandbox::with_route`](crate::Sandbox::with_route).
///
/// It is answered like the other calls: it needs a token, has faults, and is among
/// [`Server::requests`](crate::Server::requests).
///
/// ```
/// use http::{Method, Response};
/// use kamipay_sandbox::{Route, Sandbox};
///
/// let sandbox = Sandbox::empty()
///     .with_route(Route::fixed(Method::GET, "/v2/oracle", 200, r#"{"price": "5.40"}"#))
///     .with_route(Route::new(Method::POST, "/v2/pay/{id}", |request| {
///         Response::new(request.body().clone())
///     }));
/// ```
#[derive(Clone)]
pub struct Route {
    method: Method,
    path: String,
    pub(crate) needs_token: bool,
    answer: Arc<Function>,
}

impl Route {
    /// A call that a function answers. A segment of the path in braces matches any segment:
    /// `/v2/pay/{id}`. The query does not matter.
    ///
    /// The function must not use the [`Server`](crate::Server) of its sandbox.
    pub fn new(
        method: Method,
        path: impl Into<String>,
        answer: impl Fn(&Request<Vec<u8>>) -> Response<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self { method, path: path.into(), needs_token: true, answer: Arc::new(answer) }
    }

    /// A call that is always answered with this status and this JSON. A status that HTTP does not
    /// allow counts as 500.
    pub fn fixed(
        method: Method,
        path: impl Into<String>,
        status: u16,
        json: impl Into<String>,
    ) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let reply = Reply::new(status, json);
        Self::new(method, path, move |_| reply.clone().into_response())
    }

    /// Answers requests without a token, too.
    #[must_use]
    pub fn without_token(self) -> Self {
        Self { needs_token: false, ..self }
    }

    pub(crate) fn matches(&self, request: &Request<Vec<u8>>) -> bool {
        let (own, asked) = (segments(&self.path), segments(request.uri().path()));
        let is_any = |segment: &str| segment.starts_with('{') && segment.ends_with('}');
        self.method == request.method()
            && own.len() == asked.len()
            && own.iter().zip(&asked).all(|(own, asked)| is_any(own) || own == asked)
    }

    pub(crate) fn answer(&self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        (self.answer)(request)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({} {})", self.method, self.path)
    }
}
