use std::fmt;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, parse_pem};

use crate::config::InvalidConfig;

/// The client's own certificate and its key, for a server that asks for one (mTLS):
/// [`Config::client_certificate`]. Needs the feature `rustls`.
///
/// `Debug` shows nothing of it.
///
/// [`Config::client_certificate`]: crate::Config::client_certificate
#[derive(Clone)]
pub struct ClientCertificate(pub(crate) ClientCert);

impl ClientCertificate {
    /// A certificate with the certificates of its issuers, and its private key (PKCS#8, PKCS#1 or
    /// SEC 1, not encrypted), in PEM. Both may be the same text.
    ///
    /// ```no_run
    /// use kamipay_ureq::{ClientCertificate, Config};
    ///
    /// let (certificate, key) = (std::fs::read("client.pem")?, std::fs::read("client.key")?);
    /// let mut config = Config::default();
    /// config.client_certificate = Some(ClientCertificate::from_pem(&certificate, &key)?);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no certificate or no key, or if the key is not the certificate's.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, InvalidConfig> {
        const INVALID: InvalidConfig = InvalidConfig::ClientCertificate;
        let chain = certificates_in(certificates).ok_or(INVALID)?;
        let key = PrivateKey::from_pem(key).map_err(|_| INVALID)?;
        // ureq panics at the first connection if they do not belong together.
        let provider = CryptoProvider::get_default().cloned();
        let provider = provider.unwrap_or_else(|| ring::default_provider().into());
        let to_der = |it: &Certificate<'_>| CertificateDer::from(it.der().to_vec());
        let der = PrivateKeyDer::try_from(key.der().to_vec()).map_err(|_| INVALID)?;
        CertifiedKey::from_der(chain.iter().map(to_der).collect(), der, &provider)
            .map_err(|_| INVALID)?;
        Ok(Self(ClientCert::new_with_certs(&chain, key)))
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate(..)")
    }
}

/// The certificates in a PEM text. `None` if there are none, or if the text is damaged.
pub(crate) fn certificates_in(pem: &[u8]) -> Option<Vec<Certificate<'static>>> {
    let items: Vec<PemItem<'static>> = parse_pem(pem).collect::<Result<_, _>>().ok()?;
    let certificates = items.into_iter().filter_map(|item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    (!certificates.is_empty()).then_some(certificates)
}
