use std::net::SocketAddr;
use std::time::Duration;

use kamipay_proto::BaseUrl;
use kamipay_proto::retry::RetryPolicy;
#[cfg(feature = "native-roots")]
use ureq::tls::Certificate;
#[cfg(feature = "rustls")]
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Proxy, ProxyProtocol};

use crate::attempt::OnAttempt;
#[cfg(feature = "rustls")]
use crate::certificate::{ClientCertificate, certificates_in};
use crate::headers::ExtraHeaders;
use crate::traffic::OnTraffic;

/// How a [`Client`](crate::Client) sends.
///
/// ```
/// use std::time::Duration;
/// use kamipay_ureq::Config;
///
/// let mut config = Config::default();
/// config.attempt_timeout = Duration::from_secs(10);
/// config.retry.max_attempts = 2;
/// config.user_agent_suffix = Some("my-shop/2.1".to_owned());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The time to look up the host, and the same again to connect to it, including TLS.
    /// Default: 5 seconds.
    pub connect_timeout: Duration,
    /// The time for one attempt, from the look-up of the host to the last byte of the answer.
    /// Default: 30 seconds.
    pub attempt_timeout: Duration,
    /// The time for one call: logging in, every attempt, and the delays between them.
    /// Default: 2 minutes.
    pub call_timeout: Duration,
    /// When a call is repeated, and how often. All clones of a client share its budget.
    pub retry: RetryPolicy,
    /// The time after a refused login without another one: until then, each call fails with its
    /// error. Default: 5 minutes. Sending a wrong password with every call locks the account.
    pub login_again_after: Duration,
    /// The longest answer, in bytes, unpacked. Default: 32 MiB. A page of 1000 rows has about
    /// 0.6 MB.
    pub body_limit_bytes: u64,
    /// An addition to the header `user-agent`, such as `my-shop/2.1`: visible ASCII and spaces.
    /// Default: none.
    pub user_agent_suffix: Option<String>,
    /// Additional headers of each request, such as one for a gateway. Default: none.
    pub headers: ExtraHeaders,
    /// Whether to use the environment's HTTP proxy: the first of `ALL_PROXY`, `HTTPS_PROXY` and
    /// `HTTP_PROXY` that is not empty, in capitals or small letters, except for the hosts of
    /// `NO_PROXY`. Default: no. A base URL on this machine (`http://`) never uses a proxy.
    pub proxy_from_env: bool,
    /// The root certificates to trust, in PEM. Default: Mozilla's, which are part of the crate.
    /// Needs the feature `rustls`.
    #[cfg(feature = "rustls")]
    pub root_certificates_pem: Option<Vec<u8>>,
    /// The client's own certificate, for a server that asks for one (mTLS). Default: none. Needs the
    /// feature `rustls`.
    #[cfg(feature = "rustls")]
    pub client_certificate: Option<ClientCertificate>,
    /// Connects to this address in place of those of the base URL's host, like `curl --resolve`. TLS
    /// still compares the certificate with the host's name. Not together with
    /// [`proxy_from_env`](Self::proxy_from_env). Default: none. Needs the feature `lazy-lookup`.
    #[cfg(feature = "lazy-lookup")]
    pub address: Option<SocketAddr>,
    /// Whether to trust the operating system's root certificates in place of Mozilla's. Default: no.
    /// [`root_certificates_pem`](Self::root_certificates_pem) comes first. Needs the feature
    /// `native-roots`.
    #[cfg(feature = "native-roots")]
    pub native_roots: bool,
    /// Called after each attempt. Default: none. The `log` crate gets the same, with the target
    /// `kamipay_ureq` at the level DEBUG.
    pub on_attempt: Option<OnAttempt>,
    /// Called with each request and its answer, secrets included, for a trace. Default: none.
    pub on_traffic: Option<OnTraffic>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            attempt_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(120),
            retry: RetryPolicy::default(),
            login_again_after: Duration::from_secs(5 * 60),
            body_limit_bytes: 32 << 20,
            user_agent_suffix: None,
            headers: ExtraHeaders::new(),
            proxy_from_env: false,
            #[cfg(feature = "rustls")]
            root_certificates_pem: None,
            #[cfg(feature = "rustls")]
            client_certificate: None,
            #[cfg(feature = "lazy-lookup")]
            address: None,
            #[cfg(feature = "native-roots")]
            native_roots: false,
            on_attempt: None,
            on_traffic: None,
        }
    }
}

impl Config {
    pub(crate) fn agent(&self, base: &BaseUrl) -> Result<ureq::Agent, InvalidConfig> {
        #[cfg(not(feature = "rustls"))]
        if base.as_str().starts_with("https://") {
            return Err(InvalidConfig::NoTls);
        }
        if self.address().is_some() && self.proxy_from_env {
            return Err(InvalidConfig::AddressOrProxy);
        }
        let is_plain = base.as_str().starts_with("http://");
        if is_plain && self.address().is_some_and(|address| !address.ip().is_loopback()) {
            return Err(InvalidConfig::PlainText);
        }
        let builder = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(self.proxy(base)?)
            .user_agent(self.user_agent()?)
            .timeout_resolve(Some(cap(self.connect_timeout)))
            .timeout_connect(Some(cap(self.connect_timeout)))
            .timeout_global(Some(cap(self.attempt_timeout)));
        #[cfg(feature = "rustls")]
        let builder = builder.tls_config(self.tls()?);
        // Another crate may turn on ureq's own feature.
        #[cfg(not(feature = "gzip"))]
        let builder = builder.accept_encoding("identity");
        Ok(new_agent(builder.build(), self.address()))
    }

    pub(crate) fn user_agent(&self) -> Result<String, InvalidConfig> {
        let name = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
        match &self.user_agent_suffix {
            None => Ok(name.to_owned()),
            // ureq panics if it is not a header value.
            Some(suffix) if suffix.bytes().all(|byte| matches!(byte, b' '..=b'~')) => {
                Ok(format!("{name} {suffix}").trim_end().to_owned())
            }
            Some(_) => Err(InvalidConfig::UserAgent),
        }
    }

    /// The address to connect to in place of the host's.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        #[cfg(feature = "lazy-lookup")]
        return self.address;
        #[cfg(not(feature = "lazy-lookup"))]
        None
    }

    fn proxy(&self, base: &BaseUrl) -> Result<Option<Proxy>, InvalidConfig> {
        // Only this machine gets plain text, and it needs no proxy.
        if !self.proxy_from_env || base.as_str().starts_with("http://") {
            return Ok(None);
        }
        // In ureq's order. ureq would ignore a broken one.
        for variable in
            ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]
        {
            let proxy = std::env::var(variable).unwrap_or_default(); // empty: none
            if !proxy.is_empty() && !is_usable(&proxy) {
                return Err(InvalidConfig::Proxy { variable });
            }
        }
        Ok(Proxy::try_from_env())
    }

    #[cfg(feature = "rustls")]
    fn tls(&self) -> Result<TlsConfig, InvalidConfig> {
        let roots = match &self.root_certificates_pem {
            Some(pem) => RootCerts::from(certificates_in(pem).ok_or(InvalidConfig::Certificates)?),
            #[cfg(feature = "native-roots")]
            None if self.native_roots => RootCerts::from(native_certificates()?),
            None => RootCerts::WebPki,
        };
        let certificate = self.client_certificate.as_ref().map(|it| it.0.clone());
        Ok(TlsConfig::builder().root_certs(roots).client_cert(certificate).build())
    }
}

#[cfg(feature = "lazy-lookup")]
pub(crate) use crate::lookup::agent as new_agent;

#[cfg(not(feature = "lazy-lookup"))]
pub(crate) fn new_agent(config: ureq::config::Config, _: Option<SocketAddr>) -> ureq::Agent {
    config.new_agent()
}

/// With a SOCKS proxy, which it does not support here, ureq would connect to the API directly.
fn is_usable(proxy: &str) -> bool {
    let protocol = Proxy::new(proxy).map(|proxy| proxy.protocol());
    matches!(protocol, Ok(ProxyProtocol::Http | ProxyProtocol::Https))
}

#[cfg(feature = "native-roots")]
fn native_certificates() -> Result<Vec<Certificate<'static>>, InvalidConfig> {
    let found = rustls_native_certs::load_native_certs().certs;
    let certificates = found.iter().map(|found| Certificate::from_der(found).to_owned());
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() { Err(InvalidConfig::NativeRoots) } else { Ok(certificates) }
}

/// Keeps a time within what a clock can add to now, which `Duration::MAX` is not.
pub(crate) fn cap(time: Duration) -> Duration {
    time.min(Duration::from_secs(365 * 24 * 60 * 60))
}

/// A configuration that cannot be used. Nothing was sent.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// The user agent's suffix is not a header value.
    #[error("the user agent's suffix contains something else than visible ASCII and spaces")]
    UserAgent,
    /// The environment's proxy is not an HTTP proxy.
    #[error("the variable {variable} does not hold an HTTP proxy's URL, such as http://proxy:3128")]
    Proxy {
        /// The environment variable.
        variable: &'static str,
    },
    /// The root certificates are not a list of certificates in PEM.
    #[cfg(feature = "rustls")]
    #[error("the root certificates are not a list of certificates in PEM")]
    Certificates,
    /// The client's certificate and key are not in PEM, or do not belong together.
    #[cfg(feature = "rustls")]
    #[error(
        "the client's certificate is not one or more certificates in PEM, or the key is not the \
         private key of the first"
    )]
    ClientCertificate,
    /// An address and a proxy are set. Only the proxy looks up the host.
    #[error("an address cannot be used with a proxy: set only one of `address`, `proxy_from_env`")]
    AddressOrProxy,
    /// The base URL is `http://`, and the address is not of this machine: the token would be sent
    /// unencrypted.
    #[error("an http:// base URL needs an address of this machine, because nothing is encrypted")]
    PlainText,
    /// The operating system has no root certificates.
    #[cfg(feature = "native-roots")]
    #[error("the operating system has no root certificates that can be read")]
    NativeRoots,
    /// The base URL is https, and the crate was built without TLS.
    #[cfg(not(feature = "rustls"))]
    #[error("https needs TLS: build kamipay-ureq with its feature `rustls`")]
    NoTls,
}

kamipay_proto::debug_as_text!(InvalidConfig);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_end_at_a_year() {
        let year = Duration::from_secs(31_536_000);
        for (time, capped) in [
            (Duration::ZERO, Duration::ZERO),
            (year - Duration::from_nanos(1), year - Duration::from_nanos(1)),
            (year, year),
            (Duration::MAX, year),
        ] {
            assert_eq!(cap(time), capped);
        }
    }

    #[test]
    fn a_user_agent_is_a_header() {
        let with = |suffix: Option<&str>| {
            let user_agent_suffix = suffix.map(str::to_owned);
            Config { user_agent_suffix, ..Config::default() }.user_agent()
        };
        let name = concat!("kamipay-ureq/", env!("CARGO_PKG_VERSION"));
        assert_eq!(with(None).unwrap(), name);
        assert_eq!(with(Some("")).unwrap(), name);
        assert_eq!(with(Some("my-shop/2.1 ~")).unwrap(), format!("{name} my-shop/2.1 ~"));
        for suffix in ["a\r\nb", "\t", "é", "\u{7f}"] {
            assert_eq!(with(Some(suffix)), Err(InvalidConfig::UserAgent));
        }
    }

    #[cfg(not(feature = "rustls"))]
    #[test]
    fn without_tls_https_is_refused() {
        let agent = |base: &str| Config::default().agent(&base.parse().unwrap()).map(|_| ());
        assert_eq!(agent("https://api.kamipay.io"), Err(InvalidConfig::NoTls));
        assert_eq!(agent("http://localhost"), Ok(()));
    }

    #[test]
    fn gzip_is_asked_for_where_it_can_be_read() {
        let agent = Config::default().agent(&"http://localhost".parse().unwrap()).unwrap();
        let asked = format!("{:?}", agent.config().accept_encoding());
        assert_eq!(asked.contains("identity"), !cfg!(feature = "gzip"), "{asked}");
    }

    #[test]
    fn only_an_http_proxy_is_one() {
        for proxy in ["http://proxy:3128", "https://proxy", "http://user:pass@10.0.0.1:8080"] {
            assert!(is_usable(proxy), "{proxy}");
        }
        for proxy in ["socks5://proxy:1080", "socks4://proxy", "nonsense://", " ", "http://"] {
            assert!(!is_usable(proxy), "{proxy}");
        }
    }
}
