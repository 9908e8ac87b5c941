#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::uri::{self, Authority, Scheme};
use http::{Method, Request, Response, Uri};
use percent_encoding::percent_encode_byte;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{AccessToken, BuildError, Endpoint, ResponseError, Secrets};

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

    /// The secrets that errors hide.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The API at `base`, without a token. Only [`IssueToken`](crate::IssueToken) can be called.
    pub fn anonymous(base: BaseUrl) -> Self {
        let (scheme, rest) = base.0.split_once("://").expect("a base URL has a scheme");
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
        let base = &self.base.0[self.origin_length()..];
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

/// The API's base URL, such as `https://api.kamipay.io`.
///
/// It has the scheme `https`, a host, and optionally a port and a path. The scheme `http` is accepted
/// only for this machine (`localhost`, `127.0.0.0/8`, `[::1]`), because it would expose the token.
///
/// ```
/// use kamipay_proto::BaseUrl;
///
/// let base: BaseUrl = "https://api.kamipay.io".parse()?;
/// assert_eq!(base.as_str(), "https://api.kamipay.io");
/// assert!("http://api.kamipay.io".parse::<BaseUrl>().is_err());
/// # Ok::<_, kamipay_proto::InvalidBaseUrl>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The URL, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidBaseUrl::Scheme)?;
        let secure = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => true,
            _ if scheme.eq_ignore_ascii_case("http") => false,
            _ => return Err(InvalidBaseUrl::Scheme),
        };
        if rest.contains(['?', '#']) {
            return Err(InvalidBaseUrl::Query);
        }
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(InvalidBaseUrl::UserInfo);
        }
        let (host, port) = split_port(authority)?;
        let host = parse_host(host)?;
        if !secure && !is_loopback(&host) {
            return Err(InvalidBaseUrl::PlainText);
        }
        let path = path.trim_end_matches('/');
        check_path(path)?;

        let scheme = if secure { "https" } else { "http" };
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self(format!("{scheme}://{host}{port}{path}")))
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), InvalidBaseUrl> {
    let port_at = match authority.rfind(']') {
        Some(end) if end + 1 == authority.len() => return Ok((authority, None)),
        Some(end) => end + 1,
        None => match authority.find(':') {
            Some(at) => at,
            None => return Ok((authority, None)),
        },
    };
    let (host, port) = authority.split_at(port_at);
    // `u16::from_str` alone takes `+443`; ureq reads `:99999`, `:-1` and `:` as 80 or 443.
    let digits = port.strip_prefix(':').ok_or(InvalidBaseUrl::Host)?;
    match digits.parse::<u16>() {
        Ok(1..) if !digits.starts_with('+') => Ok((host, digits.parse().ok())),
        _ => Err(InvalidBaseUrl::Port),
    }
}

fn parse_host(host: &str) -> Result<String, InvalidBaseUrl> {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let address = address.parse::<Ipv6Addr>().map_err(|_| InvalidBaseUrl::Host)?;
        return Ok(format!("[{address}]"));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let labels = host.strip_suffix('.').unwrap_or(host);
    let named = labels.split('.').all(|label| {
        (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-')
    });
    // A name that ends in digits is an address. Programs disagree about `127.1`.
    let last = labels.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit())
        || matches!(last.as_bytes(), [b'0', b'x' | b'X', ..]);
    if !named || host.len() > 253 || (numeric && host.parse::<Ipv4Addr>().is_err()) {
        return Err(InvalidBaseUrl::Host);
    }
    Ok(host.to_ascii_lowercase())
}

fn is_loopback(host: &str) -> bool {
    let v6 = host.trim_start_matches('[').trim_end_matches(']').parse::<Ipv6Addr>();
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || v6.is_ok_and(|address| address.is_loopback())
}

fn check_path(path: &str) -> Result<(), InvalidBaseUrl> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let ok = |segment: &str| {
        !matches!(segment, "" | "." | "..") && segment.bytes().all(plain) && segment.len() <= 1024
    };
    if path.is_empty() || path[1..].split('/').all(ok) {
        return Ok(());
    }
    Err(InvalidBaseUrl::Path)
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for BaseUrl {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

/// An invalid [`BaseUrl`]. The text is not shown, because it may contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBaseUrl {
    /// It does not start with `https://` or `http://`.
    #[error("a base URL starts with https://, such as https://api.kamipay.io")]
    Scheme,
    /// It contains a user name or a password.
    #[error("a base URL holds no user name and no password: they are given apart from it")]
    UserInfo,
    /// It has no host, or the host has characters other than letters and digits.
    #[error(
        "the base URL's host is not a name of letters, digits, '-' and '.', and no IP address \
         either (a name in other letters is given in its xn-- form)"
    )]
    Host,
    /// A port out of range.
    #[error("the base URL's port is not a number from 1 to 65535")]
    Port,
    /// A path with empty, dotted or encoded segments.
    #[error("the base URL's path holds something else than letters, digits and '-._~', or ..")]
    Path,
    /// A query or a fragment.
    #[error("a base URL has no '?' and no '#'")]
    Query,
    /// Plain-text HTTP to another machine.
    #[error(
        "http:// is for this machine only (localhost, 127.0.0.1, [::1]): a token does not travel \
         in clear, so use https://"
    )]
    PlainText,
}
