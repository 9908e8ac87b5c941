//! Answers: a status and a JSON body, with the API's own refusals.

use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use crate::json::{Object, array};

/// The answer to a call. `Err(Reply)` is a refusal, `Ok(Reply)` the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    allow: Option<&'static str>,
}

impl Reply {
    pub(crate) fn new(status: StatusCode, body: impl Into<String>) -> Self {
        Self { status, body: body.into(), allow: None }
    }

    pub(crate) fn ok(body: impl Into<String>) -> Self {
        Self::new(StatusCode::OK, body)
    }

    /// `{"detail": "…"}`, the form of nearly every refusal.
    pub(crate) fn detail(status: StatusCode, detail: &str) -> Self {
        Self::new(status, Object::new().text("detail", detail).end())
    }

    pub(crate) fn bad_request(detail: &str) -> Self {
        Self::detail(StatusCode::BAD_REQUEST, detail)
    }

    /// For a wrong token or password.
    pub(crate) fn incorrect_credentials() -> Self {
        Self::detail(StatusCode::UNAUTHORIZED, "Incorrect Credentials")
    }

    /// For a request without a token: the gateway in front of the API answers.
    pub(crate) fn gateway_unauthorized(request: u64) -> Self {
        let body =
            Object::new().text("message", "Unauthorized").text("request_id", &request_id(request));
        Self::new(StatusCode::UNAUTHORIZED, body.end())
    }

    /// For parameters that the web framework refuses. Each problem is an object with `type`, `loc`,
    /// `msg` and `input`.
    pub(crate) fn unprocessable(problems: &[String]) -> Self {
        let body = Object::new().raw("detail", array(problems));
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, body.end())
    }

    pub(crate) fn not_found() -> Self {
        Self::detail(StatusCode::NOT_FOUND, "Not Found")
    }

    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let reply = Self::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
        Self { allow: Some(allow), ..reply }
    }

    pub(crate) fn into_response(self) -> Response<Vec<u8>> {
        let mut response = Response::new(self.body.into_bytes());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

/// The identifier of the request with this number.
pub(crate) fn request_id(request: u64) -> String {
    format!("{request:032x}")
}

/// Names the request in the header `x-request-id`, unless the response has one.
pub(crate) fn set_request_id(response: &mut Response<Vec<u8>>, request: u64) {
    // Digits are a valid value.
    if let Ok(id) = HeaderValue::from_str(&request_id(request)) {
        response.headers_mut().entry(X_REQUEST_ID).or_insert(id);
    }
}

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
