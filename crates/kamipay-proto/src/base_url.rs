//! The API's address.

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
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

crate::error::debug_as_text!(InvalidBaseUrl);
