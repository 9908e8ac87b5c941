use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use kamipay_proto::Api;

/// Additional headers of each request, also of a login: [`Config::headers`] for all calls of a
/// client, [`Client::with_headers`] for some.
///
/// A header that the call itself sets comes first. `Debug` shows only values of
/// [`set_public`](Self::set_public).
///
/// ```
/// use kamipay_ureq::{Config, ExtraHeaders};
///
/// let mut config = Config::default();
/// config.headers.set("x-gateway-key", "a secret of ours")?; // hidden in errors
/// config.headers.set_public("x-shop", "shop-7")?;
///
/// let taken = ExtraHeaders::new().set("Authorization", "Bearer mine").unwrap_err();
/// assert_eq!(
///     taken.to_string(),
///     "the header authorization cannot be added: the client sets it itself, from its credentials"
/// );
/// # Ok::<_, kamipay_ureq::InvalidHeader>(())
/// ```
///
/// [`Config::headers`]: crate::Config::headers
/// [`Client::with_headers`]: crate::Client::with_headers
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraHeaders(HeaderMap);

impl ExtraHeaders {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a header. Errors and logs hide its value, like a token, if it has at least 4 bytes.
    ///
    /// # Errors
    ///
    /// If the name or the value is not a header's, or if the client or HTTP itself sets this header.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), InvalidHeader> {
        self.insert(name, value, true)
    }

    /// Sets a header that is not a secret, such as `traceparent`. Errors may show its value.
    ///
    /// # Errors
    ///
    /// The errors of [`set`](Self::set).
    pub fn set_public(&mut self, name: &str, value: &str) -> Result<(), InvalidHeader> {
        self.insert(name, value, false)
    }

    fn insert(&mut self, name: &str, value: &str, is_secret: bool) -> Result<(), InvalidHeader> {
        let name: HeaderName = name.parse().map_err(|_| InvalidHeader::Name)?;
        if let Some(why) = taken(&name) {
            return Err(InvalidHeader::Taken { name: name.to_string(), why });
        }
        // Tabs and other bytes are valid, but servers differ in what they make of them.
        let is_plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let value = HeaderValue::from_str(value).ok().filter(|_| is_plain);
        let Some(mut value) = value else {
            return Err(InvalidHeader::Value { name: name.to_string() });
        };
        value.set_sensitive(is_secret);
        self.0.insert(name, value);
        Ok(())
    }

    /// These headers, and those of `other`, which replace headers with the same name.
    pub(crate) fn merged(mut self, other: &Self) -> Self {
        for (name, value) in &other.0 {
            self.0.insert(name, value.clone());
        }
        self
    }

    /// The API, hiding these headers' values in errors.
    pub(crate) fn hide_in(&self, api: Api) -> Api {
        let secrets = self.0.values().filter(|value| value.is_sensitive());
        secrets.filter_map(|value| value.to_str().ok()).fold(api, Api::hiding)
    }

    /// Adds the headers that the request does not have.
    pub(crate) fn add_to(&self, request: &mut HeaderMap) {
        for (name, value) in &self.0 {
            request.entry(name).or_insert_with(|| value.clone());
        }
    }
}

/// Why nobody else may set this header.
fn taken(name: &HeaderName) -> Option<&'static str> {
    Some(match *name {
        header::AUTHORIZATION => "the client sets it itself, from its credentials",
        header::USER_AGENT => "the client sets it itself: see `Config::user_agent_suffix`",
        header::CACHE_CONTROL | header::CONTENT_TYPE => "the client sets it itself",
        header::ACCEPT_ENCODING
        | header::CONNECTION
        | header::CONTENT_ENCODING
        | header::CONTENT_LENGTH
        | header::EXPECT
        | header::HOST
        | header::TE
        | header::TRAILER
        | header::TRANSFER_ENCODING
        | header::UPGRADE => "HTTP itself sets it",
        header::PROXY_AUTHORIZATION => "it is for a proxy: put it into the proxy's URL",
        header::RANGE
        | header::IF_MATCH
        | header::IF_MODIFIED_SINCE
        | header::IF_NONE_MATCH
        | header::IF_RANGE
        | header::IF_UNMODIFIED_SINCE => "the answer would not be whole",
        _ => return None,
    })
}

/// A header that cannot be added.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHeader {
    /// The name is not a header's. It may be a secret in the wrong place, so it is not shown.
    #[error("a header's name is ASCII letters, digits and hyphens, such as traceparent")]
    Name,
    /// The value is not a header's.
    #[error("the value of the header {name} contains something else than visible ASCII and spaces")]
    Value {
        /// The header's name.
        name: String,
    },
    /// The client or HTTP sets this header.
    #[error("the header {name} cannot be added: {why}")]
    Taken {
        /// The header's name.
        name: String,
        /// Who sets it.
        why: &'static str,
    },
}

kamipay_proto::debug_as_text!(InvalidHeader);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_the_client_or_http_sets_is_refused() {
        for name in [
            "Authorization",
            "AUTHORIZATION",
            "user-agent",
            "cache-control",
            "content-type",
            "content-length",
            "transfer-encoding",
            "host",
            "connection",
            "accept-encoding",
            "proxy-authorization",
            "range",
            "if-none-match",
        ] {
            let mut headers = ExtraHeaders::new();
            for error in [headers.set(name, "x"), headers.set_public(name, "x")] {
                assert!(matches!(error, Err(InvalidHeader::Taken { .. })), "{name}");
            }
            assert_eq!(headers, ExtraHeaders::new());
        }
    }

    #[test]
    fn what_is_not_a_header_is_refused_and_not_shown() {
        let mut headers = ExtraHeaders::new();
        for name in ["", " ", "a b", "x:", "é", "a\r\nb", "s3cret: "] {
            let error = headers.set(name, "x").unwrap_err();
            assert_eq!(error, InvalidHeader::Name, "{name:?}");
            assert!(!error.to_string().contains("s3cret"));
        }
        for value in ["a\r\nauthorization: x", "\n", "\t", "\0", "é", "s3cret\u{7f}"] {
            let error = headers.set("x-key", value).unwrap_err();
            assert_eq!(error, InvalidHeader::Value { name: "x-key".to_owned() });
        }
        assert_eq!(headers, ExtraHeaders::new());
    }

    #[test]
    fn a_secret_value_is_not_shown() {
        let mut headers = ExtraHeaders::new();
        headers.set("x-key", "s3cret").unwrap();
        headers.set_public("traceparent", "00-1").unwrap();
        let shown = format!("{headers:?}");
        assert!(!shown.contains("s3cret") && shown.contains("00-1"), "{shown}");
    }
}
