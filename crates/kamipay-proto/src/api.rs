//! Requests: the only place that joins URLs and sets headers.

#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::sync::Arc;

use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::uri::{self, Authority, Scheme};
use http::{Method, Request, Response, Uri};
use percent_encoding::percent_encode_byte;
use serde::Serialize;

use crate::{AccessToken, BaseUrl, BuildError, Endpoint, ResponseError, Secrets, response};

/// The API's address and the client's token.
///
/// `Debug` does not show the token.
#[derive(Clone, Debug)]
pub struct Api {
    base: BaseUrl,
    scheme: Scheme,
    authority: Authority,
    /// The headers of every call with a token. `None` without one.
    headers: Option<HeaderMap>,
    /// Texts that errors must not show.
    secrets: Arc<Secrets>,
}

impl Api {
    /// The API at `base`, with a bearer token.
    pub fn new(base: BaseUrl, token: &AccessToken) -> Self {
        Self::anonymous(base).with_token(token)
    }

    /// The same API with another token. Errors hide the earlier tokens too.
    #[must_use]
    pub fn with_token(&self, token: &AccessToken) -> Self {
        let mut headers = HeaderMap::with_capacity(3);
        headers.insert(AUTHORIZATION, token.to_header());
        // It means nothing on a GET, but nearly every example of the pages sends it.
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // A cache could return an earlier state of a payment, or an earlier page.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let mut api = Self { headers: Some(headers), ..self.clone() };
        api.hide_token(token);
        api
    }

    pub(crate) fn hide_token(&mut self, token: &AccessToken) {
        Arc::make_mut(&mut self.secrets).add_token(token.expose());
    }

    /// Also hides this text in errors: a password, or another secret that a server could echo. See
    /// [`Secrets`].
    #[must_use]
    pub fn hiding(mut self, secret: &str) -> Self {
        Arc::make_mut(&mut self.secrets).add(secret);
        self
    }

    /// Reads the response to a call, like [`Endpoint::parse`]. Hides the client's secrets in errors,
    /// and in the API's words about the state of a payment.
    ///
    /// [`ResponseError::body`] returns the body unchanged. Values, such as a recipient's name, are
    /// not changed either.
    ///
    /// ```
    /// use kamipay_proto::{Api, lots::GetLot};
    ///
    /// let api = Api::new("https://api.kamipay.io".parse()?, &"a-token-of-ours".parse()?);
    /// let call = GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse()?);
    /// let refusal = http::Response::builder().status(403);
    /// let refusal = refusal.body(r#"{"message": "no route for Bearer a-token-of-ours"}"#)?;
    /// let error = api.parse(&call, refusal).unwrap_err();
    /// assert_eq!(error.to_string(), "the API answered 403 Forbidden: no route for Bearer ***");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`Endpoint::parse`].
    pub fn parse<E: Endpoint>(
        &self,
        call: &E,
        response: Response<impl AsRef<[u8]> + Into<Vec<u8>>>,
    ) -> Result<E::Output, ResponseError> {
        let mut output = call.parse(response).map_err(|error| error.hiding(&self.secrets))?;
        call.hide(&mut output, &self.secrets);
        Ok(output)
    }

    /// The request id in a response's headers, for the vendor's support. Hides the client's secrets
    /// in it. [`ResponseError::request_id`] is the one of an error, which the body can name too.
    ///
    /// ```
    /// use kamipay_proto::Api;
    ///
    /// let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
    /// let response = http::Response::builder().header("x-request-id", "0f3a").body(())?;
    /// assert_eq!(api.request_id(response.headers()).as_deref(), Some("0f3a"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn request_id(&self, headers: &HeaderMap) -> Option<String> {
        response::request_id(headers).map(|id| self.secrets.hide(&id).into_owned())
    }

    /// The secrets that errors hide.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The API at `base`, without a token. Only [`IssueToken`](crate::IssueToken) can be called.
    pub fn anonymous(base: BaseUrl) -> Self {
        let (scheme, rest) = base.as_str().split_once("://").expect("a base URL has a scheme");
        let scheme = if scheme == "https" { Scheme::HTTPS } else { Scheme::HTTP };
        let authority = rest.split('/').next().unwrap_or(rest);
        let authority = authority.parse().expect("a base URL has a plain host and port");
        Self { base, scheme, authority, headers: None, secrets: Arc::default() }
    }

    /// The API's address.
    pub fn base_url(&self) -> &BaseUrl {
        &self.base
    }

    /// Starts a `GET` request with these path segments. Each segment is percent-encoded by itself, so
    /// an identifier cannot change the path.
    ///
    /// Use it in your own [`Endpoint`], for a call that this crate does not have.
    pub fn get(&self, segments: &[&str]) -> GetRequest<'_> {
        GetRequest { api: self, target: self.join(segments), separator: b'?' }
    }

    /// A `POST` request with these path segments and a JSON body.
    ///
    /// A `POST` must not arrive twice, so a transport does not repeat it: see
    /// [`Repeat`](crate::retry::Repeat). Write amounts as text. A float loses digits.
    ///
    /// ```
    /// use kamipay_proto::Api;
    ///
    /// #[derive(serde::Serialize)]
    /// struct Note<'a> { text: &'a str }
    ///
    /// let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
    /// let request = api.post_json(&["v2", "notes"], &Note { text: "paid" })?;
    /// assert_eq!(request.uri(), "https://api.kamipay.io/v2/notes");
    /// assert_eq!(request.body(), br#"{"text":"paid"}"#);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`GetRequest::finish`], and [`BuildError::Body`] if the body cannot be written as
    /// JSON.
    pub fn post_json(
        &self,
        segments: &[&str],
        body: &(impl Serialize + ?Sized),
    ) -> Result<Request<Vec<u8>>, BuildError> {
        let body = serde_json::to_vec(body).map_err(|_| BuildError::Body)?;
        let headers = self.headers.clone().ok_or(BuildError::NoToken)?;
        self.post(segments, headers, "application/json", body)
    }

    /// A `POST` request with these path segments and a form body. A transport does not repeat it.
    ///
    /// # Errors
    ///
    /// The errors of [`GetRequest::finish`].
    pub fn post_form(
        &self,
        segments: &[&str],
        fields: &[(&str, &str)],
    ) -> Result<Request<Vec<u8>>, BuildError> {
        let headers = self.headers.clone().ok_or(BuildError::NoToken)?;
        self.post(segments, headers, FORM, form(fields))
    }

    /// The form of [`IssueToken`](crate::IssueToken), the only call without a token.
    pub(crate) fn post_login(
        &self,
        segments: &[&str],
        fields: &[(&str, &str)],
    ) -> Result<Request<Vec<u8>>, BuildError> {
        self.post(segments, HeaderMap::new(), FORM, form(fields))
    }

    fn post(
        &self,
        segments: &[&str],
        mut headers: HeaderMap,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<Request<Vec<u8>>, BuildError> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri(self.join(segments)?)?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// The base URL's path, followed by these segments.
    fn join(&self, segments: &[&str]) -> Result<UriText, BuildError> {
        let base = &self.base.as_str()[self.origin_length()..];
        // Room for a query: one allocation for most requests.
        let length = segments.iter().map(|segment| segment.len() + 1).sum::<usize>();
        let mut target = UriText(Vec::with_capacity(base.len() + length + 160));
        target.0.extend_from_slice(base.as_bytes());
        for segment in segments {
            // `/lots/` would be the list, and `/lots/..` its parent.
            if matches!(*segment, "" | "." | "..") {
                return Err(BuildError::Segment);
            }
            target.push(b'/');
            target.push_encoded(segment);
        }
        Ok(target)
    }

    /// Only the path is parsed. The scheme and the host are those of the base URL.
    fn uri(&self, target: UriText) -> Result<Uri, BuildError> {
        if self.origin_length() + target.0.len() > LONGEST_URI {
            return Err(BuildError::TooLong);
        }
        let mut parts = uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(target.0.try_into().map_err(|_| BuildError::TooLong)?);
        Uri::from_parts(parts).map_err(|_| BuildError::TooLong)
    }

    /// The length of the base URL without its path.
    fn origin_length(&self) -> usize {
        self.scheme.as_str().len() + "://".len() + self.authority.as_str().len()
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    let body = String::with_capacity(160); // one allocation for most forms
    form_urlencoded::Serializer::new(body).extend_pairs(fields).finish().into_bytes()
}

/// The maximum that the `http` crate accepts, in bytes.
const LONGEST_URI: usize = 65_534;

/// A `GET` request under construction: see [`Api::get`].
#[derive(Clone, Debug)]
#[must_use = "a request is built by `finish`"]
pub struct GetRequest<'a> {
    api: &'a Api,
    target: Result<UriText, BuildError>,
    separator: u8,
}

impl GetRequest<'_> {
    /// Adds `name=value` to the query. The value is percent-encoded.
    pub fn query(mut self, name: &str, value: impl fmt::Display) -> Self {
        if let Ok(target) = &mut self.target {
            target.push(self.separator);
            target.push_encoded(name);
            target.push(b'=');
            self.separator = b'&';
            self.write(value);
        }
        self
    }

    /// Fails only if the value's `Display` fails.
    fn write(&mut self, value: impl fmt::Display) {
        if let Ok(target) = &mut self.target {
            if write!(target, "{value}").is_err() {
                self.target = Err(BuildError::Value);
            }
        }
    }

    /// Adds `name=value` to the query if there is a value.
    pub fn query_opt(self, name: &str, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Adds `name=1,2,3` to the query if there are values. The commas are not encoded.
    pub fn query_list<T: fmt::Display>(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let mut values = values.into_iter();
        let Some(first) = values.next() else { return self };
        self = self.query(name, first);
        for value in values {
            if let Ok(target) = &mut self.target {
                target.push(b',');
            }
            self.write(value);
        }
        self
    }

    /// Builds the request.
    ///
    /// # Errors
    ///
    /// If there is no token, if a path segment is empty or dots, or if the URI is over 65,534
    /// bytes.
    pub fn finish(self) -> Result<Request<Vec<u8>>, BuildError> {
        let headers = self.api.headers.clone().ok_or(BuildError::NoToken)?;
        let mut request = Request::new(Vec::new());
        *request.uri_mut() = self.api.uri(self.target?)?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// A path with its query. Text written to it is percent-encoded.
#[derive(Clone)]
struct UriText(Vec<u8>);

impl UriText {
    fn push(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Encodes everything except the `unreserved` characters of RFC 3986.
    fn push_encoded(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    self.0.push(byte);
                }
                _ => self.0.extend_from_slice(percent_encode_byte(byte).as_bytes()),
            }
        }
    }
}

impl fmt::Write for UriText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_encoded(text);
        Ok(())
    }
}

impl fmt::Debug for UriText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.0), f)
    }
}
