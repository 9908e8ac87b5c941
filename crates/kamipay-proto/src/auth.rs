//! `POST /auth/token`: exchanges a user name and a password for a bearer token.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use http::HeaderValue;
use serde::{Deserialize, Deserializer};

use crate::wire::{object, reason};
use crate::{Api, BuildError, Endpoint, ResponseError, Secrets, response};

/// Logs in: exchanges a user name and a password for a bearer token.
///
/// This request contains a secret, so it cannot be serialised. `Debug` does not show the password.
///
/// ```
/// use kamipay_proto::{Api, Endpoint, IssueToken};
///
/// let api = Api::anonymous("https://api.kamipay.io".parse()?);
/// let login = IssueToken::new("merchant@example.com", "a password");
/// let request = login.request(&api)?;
/// assert_eq!(request.body(), b"username=merchant%40example.com&password=a+password");
///
/// # let response = http::Response::new(r#"{"access_token": "eyJhbGciOiJIUzI1NiJ9", "token_type": "bearer"}"#);
/// let issued = login.parse(response)?;
/// let api = Api::new(api.base_url().clone(), &issued.access_token);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct IssueToken {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl IssueToken {
    /// Logs in as `username`.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into(), password: password.into() }
    }
}

impl Endpoint for IssueToken {
    const CALL: &'static str = "POST /auth/token";
    type Output = IssuedToken;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        let fields = [("username", self.username.as_str()), ("password", self.password.as_str())];
        api.post_login(&["auth", "token"], &fields)
    }

    /// Hides the password in errors.
    fn parse(
        &self,
        response: http::Response<impl AsRef<[u8]> + Into<Vec<u8>>>,
    ) -> Result<IssuedToken, ResponseError> {
        response::read(self, response).map_err(|error| {
            let mut secrets = Secrets::default();
            secrets.add(&self.password);
            error.hiding(&secrets)
        })
    }
}

impl fmt::Debug for IssueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssueToken").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The answer to [`IssueToken`]. A `token_type` other than `bearer` is an error.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct IssuedToken {
    /// The token for the other calls.
    pub access_token: AccessToken,
    /// `bearer`, in upper or lower case.
    #[serde(deserialize_with = "bearer")]
    pub token_type: String,
}

fn bearer<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    crate::wire::text(from, |kind| {
        if kind.eq_ignore_ascii_case("bearer") {
            Ok(kind.to_owned())
        } else {
            Err(reason::TOKEN_TYPE)
        }
    })
}

/// A bearer token: 1 to 16,384 visible ASCII characters.
///
/// Only [`expose`](Self::expose) returns its text. `Debug` does not show it, and it cannot be
/// serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(Box<str>);

impl AccessToken {
    /// The token's text. Do not log it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The time from the token's issue to its end: `exp` minus `iat` of a JWT. No clock is needed.
    ///
    /// `None` if the token is not a JWT, if one of the two is missing, or if `exp` is not after `iat`.
    /// Use such a token until the API answers 401.
    pub fn lifetime(&self) -> Option<Duration> {
        let claims = self.claims()?;
        let seconds = u64::try_from(claims.exp?.checked_sub(claims.iat?)?).ok()?;
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }

    /// The token's end by the API's clock, in UTC: `exp` of a JWT.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(self.claims()?.exp?, 0)
    }

    pub(crate) fn to_header(&self) -> HeaderValue {
        let mut header = HeaderValue::try_from(format!("Bearer {}", self.0))
            .expect("a token is visible ASCII, which any header can hold");
        header.set_sensitive(true);
        header
    }

    /// The JWT's claims. They are not verified, and say only when to ask for another token.
    fn claims(&self) -> Option<Claims> {
        let mut parts = self.0.split('.');
        let (_header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
        let [exp, iat] = object::pick(std::str::from_utf8(&claims).ok()?, ["exp", "iat"])?
            .map(|seconds| seconds?.get().parse().ok());
        Some(Claims { exp, iat })
    }
}

/// Times in seconds since 1970.
struct Claims {
    exp: Option<i64>,
    iat: Option<i64>,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(..)")
    }
}

impl FromStr for AccessToken {
    type Err = InvalidToken;

    fn from_str(token: &str) -> Result<Self, InvalidToken> {
        match token.len() {
            1..=16_384 if token.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Self(token.into()))
            }
            _ => Err(InvalidToken),
        }
    }
}

impl<'de> Deserialize<'de> for AccessToken {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        crate::wire::text(from, |token| token.parse().map_err(|InvalidToken| reason::TOKEN))
    }
}

/// An invalid bearer token. The text is not shown.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token is 1 to 16384 visible ASCII characters, without spaces or line ends")]
#[non_exhaustive]
pub struct InvalidToken;

crate::error::debug_as_text!(InvalidToken);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ResponseErrorKind;

    fn parse(body: &str) -> Result<IssuedToken, ResponseError> {
        IssueToken::new("u", "p").parse(http::Response::new(body))
    }

    fn jwt(claims: &str) -> AccessToken {
        format!("eyJhbGciOiJIUzI1NiJ9.{}.c2ln", URL_SAFE_NO_PAD.encode(claims)).parse().unwrap()
    }

    #[test]
    fn the_form_is_urlencoded_and_bears_no_token() {
        let api = Api::new("https://api.kamipay.io".parse().unwrap(), &"old".parse().unwrap());
        let request = IssueToken::new("josé@x", "a&b=c\r\n+ %\0").request(&api).unwrap();
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "https://api.kamipay.io/auth/token");
        assert_eq!(request.headers().len(), 1);
        assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
        let body = String::from_utf8(request.into_body()).unwrap();
        assert_eq!(body, "username=jos%C3%A9%40x&password=a%26b%3Dc%0D%0A%2B+%25%00");
    }

    #[test]
    fn only_a_bearer_token_is_taken() {
        let issued = parse(r#"{"access_token": "abc.def", "token_type": "bearer"}"#).unwrap();
        assert_eq!(issued.access_token.expose(), "abc.def");
        assert!(parse(r#"{"access_token": "abc", "token_type": "Bearer", "x": 1}"#).is_ok());
        for (body, path) in [
            (r#"{"access_token": "secret", "token_type": "mac"}"#, "token_type"),
            (r#"{"access_token": "secret"}"#, "."),
            (r#"{"token_type": "bearer"}"#, "."),
            (r#"{"access_token": "", "token_type": "bearer"}"#, "access_token"),
            (r#"{"access_token": "sec ret", "token_type": "bearer"}"#, "access_token"),
            (r#"{"access_token": "sec\r\nret", "token_type": "bearer"}"#, "access_token"),
            (r#"{"access_token": 5, "token_type": "bearer"}"#, "access_token"),
            (r#"{"access_token": null, "token_type": "bearer"}"#, "access_token"),
            (r#"["secret", "bearer"]"#, "."),
        ] {
            let error = parse(body).unwrap_err();
            let ResponseErrorKind::Decode(decode) = error.kind() else { panic!("{error:?}") };
            assert_eq!(decode.path, path, "{body}");
            assert!(!format!("{error:?} {error} {decode}").contains("ret"), "{error:?}");
        }
        let long =
            format!(r#"{{"access_token": "{}", "token_type": "bearer"}}"#, "x".repeat(1 << 20));
        assert!(parse(&long).is_err());
    }

    #[test]
    fn what_is_secret_is_not_shown_and_the_rest_is() {
        let token: AccessToken = "s3cret".parse().unwrap();
        assert_eq!(format!("{token:?}"), "AccessToken(..)");
        let login = IssueToken::new("merchant@example.com", "s3cret");
        assert_eq!(format!("{login:?}"), r#"IssueToken { username: "merchant@example.com", .. }"#);
    }

    #[test]
    fn a_token_fits_a_header() {
        for token in ["", " ", "a b", "a\tb", "a\r\n", "a\0", "ö", &"x".repeat(200_000)] {
            assert_eq!(token.parse::<AccessToken>(), Err(InvalidToken));
        }
        assert!("x".repeat(16_384).parse::<AccessToken>().is_ok());
        assert!("x".repeat(16_385).parse::<AccessToken>().is_err());
    }

    #[test]
    fn the_life_of_a_token_is_in_its_claims() {
        assert_eq!(jwt(r#"{"iat": 100, "exp": 3700}"#).lifetime(), Some(Duration::from_secs(3600)));
        assert_eq!(jwt(r#"{"exp": 3700}"#).expires_at(), DateTime::from_timestamp(3700, 0));
        for claims in [
            r#"{"exp": 3700}"#,
            r#"{"iat": 3700}"#,
            r#"{"iat": 3700, "exp": 3700}"#,
            r#"{"iat": 3700, "exp": 100}"#,
            r#"{"iat": 100, "exp": "3700"}"#,
            r#"{"iat": -9223372036854775808, "exp": 9223372036854775807}"#,
            r#"{"iat": 100, "exp": 99999999999999999999}"#,
            "[]",
            "nonsense",
        ] {
            assert_eq!(jwt(claims).lifetime(), None, "{claims}");
        }
        // the documented example is cut short
        for token in ["eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...", "opaque", "..", "a.b.c.d", "a.!.c"]
        {
            let token: AccessToken = token.parse().unwrap();
            assert_eq!((token.lifetime(), token.expires_at()), (None, None));
        }
    }

    proptest! {
        #[test]
        fn no_token_panics(token in "[ -~]{0,80}", claims in "\\PC{0,60}", exp: i64, iat: i64) {
            if let Ok(token) = token.parse::<AccessToken>() {
                let _ = (token.lifetime(), token.expires_at());
            }
            let _ = jwt(&claims).lifetime();
            let token = jwt(&format!(r#"{{"exp":{exp},"iat":{iat}}}"#));
            let _ = (token.lifetime(), token.expires_at());
        }
    }
}
