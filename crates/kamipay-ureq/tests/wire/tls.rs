use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use kamipay_ureq::{
    CertificateFault, Client, ClientCertificate, Config, ConnectFault, Credentials, Error,
    ErrorKind, InvalidConfig, Sent, TlsFault,
};
use rcgen::{CertificateParams, CertifiedKey, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, Stream};

use crate::server::read_request;
use crate::{LOT, get, ok, whole};

fn certificate(host: &str, set: impl FnOnce(&mut CertificateParams)) -> CertifiedKey {
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    set(&mut params);
    let key_pair = KeyPair::generate().unwrap();
    CertifiedKey { cert: params.self_signed(&key_pair).unwrap(), key_pair }
}

/// Serves one connection. `end` gets the socket after the answer.
fn serve(
    certificate: &CertifiedKey,
    answer: Vec<u8>,
    end: impl FnOnce(&mut TcpStream) + Send + 'static,
) -> (u16, Receiver<String>) {
    serve_to(None, certificate, answer, end)
}

/// Like [`serve`], but only to clients with this certificate.
fn serve_to(
    client: Option<&CertifiedKey>,
    certificate: &CertifiedKey,
    answer: Vec<u8>,
    end: impl FnOnce(&mut TcpStream) + Send + 'static,
) -> (u16, Receiver<String>) {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certificate.key_pair.serialize_der()));
    let config = ServerConfig::builder();
    let config = match client {
        None => config.with_no_client_auth(),
        Some(client) => {
            let mut roots = RootCertStore::empty();
            roots.add(client.cert.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
            config.with_client_cert_verifier(verifier)
        }
    };
    let config = config.with_single_cert(vec![certificate.cert.der().clone()], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (seen, saw) = channel();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut tls = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = Stream::new(&mut tls, &mut socket);
        if let Some(request) = read_request(&mut stream) {
            seen.send(request).unwrap();
            let _ = stream.write_all(&answer);
            let _ = stream.flush();
            end(&mut socket);
        }
        let _ = socket.shutdown(Shutdown::Write);
    });
    (port, saw)
}

fn ask(port: u16, trusted: &CertifiedKey) -> Result<String, Error> {
    ask_with(port, trusted, |_| {})
}

fn ask_with(
    port: u16,
    trusted: &CertifiedKey,
    set: impl FnOnce(&mut Config),
) -> Result<String, Error> {
    let mut config = Config::default();
    config.retry.max_attempts = 1;
    config.root_certificates_pem = Some(trusted.cert.pem().into_bytes());
    set(&mut config);
    let base = format!("https://localhost:{port}").parse().unwrap();
    let credentials = Credentials::token("s3cret-token".parse().unwrap());
    let client = Client::with_config(base, credentials, config).unwrap();
    get(&client).map(|lot| lot.usdt_amount.to_string())
}

#[test]
fn a_trusted_server_is_asked() {
    let certificate = certificate("localhost", |_| {});
    let (port, _saw) = serve(&certificate, whole(LOT), |_| {});
    assert_eq!(ask(port, &certificate).unwrap(), "10027.79968000");
}

#[test]
fn a_server_with_an_invalid_certificate_gets_no_token() {
    let trusted = certificate("localhost", |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "another issuer");
    });
    let other_host = certificate("api.example.com", |_| {});
    let expired = certificate("localhost", |params| params.not_after = date_time_ymd(2020, 1, 1));
    let early = certificate("localhost", |params| params.not_before = date_time_ymd(3000, 1, 1));
    use CertificateFault::*;
    for (served, trusted, why, text) in [
        (&certificate("localhost", |_| {}), &trusted, UnknownIssuer, "issuer that is not trusted"),
        (&other_host, &other_host, OtherHost, "for another host"),
        (&expired, &expired, Expired, "has expired"),
        (&early, &early, NotValidYet, "is not valid yet"),
    ] {
        let (port, saw) = serve(served, whole(LOT), |_| {});
        let error = ask(port, trusted).unwrap_err();
        let ErrorKind::Tls(TlsFault::Certificate(fault)) = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(*fault, why);
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.sent(), Sent::No);
        assert!(saw.recv().is_err(), "something was sent");
    }
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_the_client_s() {
    let server = certificate("localhost", |_| {});
    let shop = certificate("shop", |_| {});
    let other = certificate("shop", |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "another issuer");
    });
    let ask_as = |client: Option<&CertifiedKey>| {
        let (port, saw) = serve_to(Some(&shop), &server, whole(LOT), |_| {});
        let answer = ask_with(port, &server, |config| {
            config.client_certificate = client.map(|client| {
                let (certificate, key) = (client.cert.pem(), client.key_pair.serialize_pem());
                ClientCertificate::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap()
            });
        });
        (answer, saw.recv().is_ok())
    };
    let (answer, was_seen) = ask_as(Some(&shop));
    assert_eq!((answer.unwrap().as_str(), was_seen), ("10027.79968000", true));
    for client in [None, Some(&other)] {
        let (answer, was_seen) = ask_as(client);
        let error = answer.unwrap_err();
        assert!(!was_seen, "the server made something of the request");
        // TLS 1.3: the client may have sent its request before the server says no.
        let kind = error.kind();
        assert!(
            matches!(kind, ErrorKind::Tls(TlsFault::Refused) | ErrorKind::ConnectionClosed),
            "{error}"
        );
    }
}

#[test]
fn a_key_has_to_be_the_certificate_s() {
    let (one, other) = (certificate("shop", |_| {}), certificate("shop", |_| {}));
    let (certificate, key) = (one.cert.pem(), one.key_pair.serialize_pem());
    let from = |certificate: &str, key: &str| {
        ClientCertificate::from_pem(certificate.as_bytes(), key.as_bytes()).map(|_| ())
    };
    assert_eq!(from(&certificate, &key), Ok(()));
    let both = format!("{key}\n{certificate}");
    assert_eq!(from(&both, &both), Ok(()));
    let damaged = certificate.replacen("MI", "M!", 1);
    for (certificate, key) in [
        (&*certificate, &*other.key_pair.serialize_pem()),
        ("", &key),
        (&key, &key),
        (&certificate, ""),
        (&certificate, &certificate),
        (&damaged, &key),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key),
        (&certificate, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    ] {
        assert_eq!(from(certificate, key), Err(InvalidConfig::ClientCertificate));
    }
    let shown = ClientCertificate::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    assert_eq!(format!("{shown:?}"), "ClientCertificate(..)");
}

#[cfg(feature = "lazy-lookup")]
#[test]
fn an_address_takes_the_place_of_the_host_s() {
    let served = certificate("api.kamipay.test", |_| {});
    let at = |host: &str, port: u16, set: fn(&mut Config)| {
        let mut config = Config::default();
        config.retry.max_attempts = 1;
        config.root_certificates_pem = Some(served.cert.pem().into_bytes());
        config.address = Some(([127, 0, 0, 1], port).into());
        set(&mut config);
        let token = Credentials::token("s3cret-token".parse().unwrap());
        Client::with_config(format!("https://{host}").parse().unwrap(), token, config)
    };
    for _ in 0..2 {
        let (port, saw) = serve(&served, whole(LOT), |_| {});
        let client = at("api.kamipay.test", port, |_| {}).unwrap();
        assert_eq!(get(&client).unwrap().usdt_amount.to_string(), "10027.79968000");
        assert!(saw.recv().unwrap().contains("host: api.kamipay.test\r\n"));
    }
    // TLS still compares the name.
    for host in ["api.example.com", "192.0.2.1"] {
        let (port, saw) = serve(&served, whole(LOT), |_| {});
        let error = get(&at(host, port, |_| {}).unwrap()).unwrap_err();
        let fault = ErrorKind::Tls(TlsFault::Certificate(CertificateFault::OtherHost));
        assert_eq!(format!("{:?}", error.kind()), format!("{fault:?}"));
        assert!(saw.recv().is_err(), "something was sent");
    }
    let both = at("api.kamipay.test", 1, |config| config.proxy_from_env = true);
    assert_eq!(both.map(|_| ()), Err(InvalidConfig::AddressOrProxy));
}

#[cfg(feature = "lazy-lookup")]
#[test]
fn a_token_is_not_sent_unencrypted_to_an_address_elsewhere() {
    let to = |address: &str| {
        let mut config = Config::default();
        config.address = Some(address.parse().unwrap());
        let token = Credentials::token("token".parse().unwrap());
        Client::with_config("http://localhost:1".parse().unwrap(), token, config).map(|_| ())
    };
    assert_eq!(to("10.0.0.5:80"), Err(InvalidConfig::PlainText));
    assert_eq!([to("127.0.0.1:80"), to("[::1]:80")], [Ok(()), Ok(())]);
}

#[test]
fn an_answer_without_its_end_is_whole_only_as_json() {
    // ureq says `Ok` to an end without close_notify, and to one without a length.
    let certificate = certificate("localhost", |_| {});
    let (port, _saw) = serve(&certificate, ok("", LOT), |_| {});
    assert_eq!(ask(port, &certificate).unwrap(), "10027.79968000");
    let (port, _saw) = serve(&certificate, ok("", &LOT[..50]), |_| {});
    let error = ask(port, &certificate).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Truncated), "{error:?}");
}

#[test]
fn a_damaged_record_is_no_answer() {
    let certificate = certificate("localhost", |_| {});
    let half = ok("content-length: 9999\r\n", &LOT[..50]);
    let (port, _saw) = serve(&certificate, half, |socket| {
        let mut record = vec![0x17, 3, 3, 0, 40];
        record.extend([7; 40]);
        socket.write_all(&record).unwrap();
    });
    let error = ask(port, &certificate).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Tls(TlsFault::Record)), "{error:?}");
    assert_eq!(error.sent(), Sent::Maybe);
}

#[test]
fn a_server_without_tls_gets_no_token() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let error = ask(port, &certificate("localhost", |_| {})).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Tls(TlsFault::Handshake)), "{error:?}");
    assert_eq!(error.sent(), Sent::No);
}

#[test]
fn tls_is_not_http() {
    let certificate = certificate("localhost", |_| {});
    let (port, saw) = serve(&certificate, whole(LOT), |_| {});
    let error = crate::get_from(&format!("http://localhost:{port}")).unwrap_err();
    // A TLS alert, or nothing: not HTTP.
    let kind = error.kind();
    assert!(matches!(kind, ErrorKind::Protocol | ErrorKind::ConnectionClosed), "{kind:?}");
    if matches!(kind, ErrorKind::Protocol) {
        assert!(error.to_string().contains("one for TLS?"), "a hint: {error}");
    }
    assert!(saw.recv().is_err(), "it made nothing of the request");
}

#[test]
fn a_handshake_that_stalls_ends_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for said in [&b""[..], b"\x16\x03\x03\x00\x7a\x02"] {
        let (done, is_done) = channel::<()>();
        let accepting = listener.try_clone().unwrap();
        thread::spawn(move || {
            let (mut socket, _) = accepting.accept().unwrap();
            socket.write_all(said).unwrap();
            let _ = is_done.recv(); // open until the client gives up
        });
        let mut config = Config::default();
        config.retry.max_attempts = 1;
        config.connect_timeout = Duration::from_millis(150);
        let base = format!("https://localhost:{port}").parse().unwrap();
        let credentials = Credentials::token("s3cret-token".parse().unwrap());
        let error = get(&Client::with_config(base, credentials, config).unwrap()).unwrap_err();
        let kind = error.kind();
        assert!(matches!(kind, ErrorKind::Connect(ConnectFault::Timeout)), "{kind:?}");
        assert_eq!(error.sent(), Sent::No);
        drop(done);
    }
}

/// In a process of its own, because a variable names the operating system's certificates.
#[cfg(feature = "native-roots")]
#[test]
fn the_operating_system_s_certificates_are_trusted_on_demand() {
    const PORT: &str = "KAMIPAY_TEST_PORT";
    let client = |port: &str| {
        let mut config = Config::default();
        config.retry.max_attempts = 1;
        config.native_roots = true;
        let base = format!("https://localhost:{port}").parse().unwrap();
        Client::with_config(base, Credentials::token("t".parse().unwrap()), config)
    };
    if let Ok(port) = std::env::var(PORT) {
        match client(&port) {
            Ok(client) => _ = get(&client).unwrap(),
            Err(error) => assert_eq!((error, &*port), (InvalidConfig::NativeRoots, "1")),
        }
        return;
    }
    let certificate = certificate("localhost", |_| {});
    let (port, saw) = serve(&certificate, whole(LOT), |_| {});
    let file = std::env::temp_dir().join(format!("kamipay-root-{}.pem", std::process::id()));
    std::fs::write(&file, certificate.cert.pem()).unwrap();
    let run = |port: &str, file: &std::path::Path| {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tls::the_operating_system_s_certificates_are_trusted_on_demand"])
            .env(PORT, port)
            .env("SSL_CERT_FILE", file)
            .env_remove("SSL_CERT_DIR")
            .status();
        assert!(status.unwrap().success());
    };
    run(&port.to_string(), &file);
    assert!(saw.recv().unwrap().starts_with("GET /v1/lots/"));
    std::fs::remove_file(&file).unwrap();
    run("1", &file); // removed
}
