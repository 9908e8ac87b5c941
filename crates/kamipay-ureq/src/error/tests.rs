use super::*;

#[cfg(feature = "rustls")]
#[test]
fn each_fault_of_tls_has_its_kind() {
    use rustls::Error::{DecryptError, HandshakeNotComplete};
    for (error, stage, kind) in [
        (HandshakeNotComplete, Stage::Head, "Tls(Handshake)"),
        (DecryptError, Stage::Head, "Tls(Record)"),
        (HandshakeNotComplete, Stage::Body, "Tls(Record)"),
    ] {
        assert_eq!(format!("{:?}", classify(ureq::Error::Rustls(error), stage)), kind);
    }
}

/// Faults that no test server can cause.
#[test]
fn each_fault_of_ureq_has_its_kind() {
    use ureq::Error;
    let of = |error, stage| format!("{:?}", classify(error, stage));
    for (error, kind) in [
        (Error::HostNotFound, "Connect(Dns)"),
        (Error::ConnectionFailed, "Connect(Unreachable)"),
        (Error::InvalidProxyUrl, "Connect(Proxy)"),
        (Error::ConnectProxyFailed("407".to_owned()), "Connect(Proxy)"),
        (Error::TlsRequired, "Tls(Handshake)"),
        (Error::Other("?".into()), "Protocol"),
        (Error::Other(Box::new(ErrorKind::Connect(ConnectFault::NoThread))), "Connect(NoThread)"),
    ] {
        assert_eq!(of(error, Stage::Head), kind);
    }
    assert_eq!(of(Error::BodyStalled, Stage::Body), "Truncated");
}

#[cfg(feature = "gzip")]
#[test]
fn each_fault_of_gzip_has_its_kind() {
    for (kind, word) in [
        (io::ErrorKind::UnexpectedEof, "Truncated"),
        (io::ErrorKind::ConnectionReset, "Truncated"),
        (io::ErrorKind::InvalidInput, "Encoding"),
    ] {
        let error = ureq::Error::Decompress("gzip", kind.into());
        assert_eq!(format!("{:?}", classify(error, Stage::UnframedBody)), word);
    }
}
