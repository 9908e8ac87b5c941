use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

#[cfg(feature = "native-roots")]
use kamipay_ureq::InvalidConfig;
use kamipay_ureq::{
    CertificateFault, Client, Config, ConnectFault, Credentials, Error, ErrorKind, Sent, TlsFault,
};
use rcgen::{CertificateParams, CertifiedKey, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

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
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certificate.key_pair.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .unwrap();
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
    let mut config = Config::default();
    config.retry.max_attempts = 1;
    config.root_certificates_pem = Some(trusted.cert.pem().into_bytes());
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
