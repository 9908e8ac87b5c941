//! Proxies, and authorities of one's own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, mpsc};

use rcgen::{CertificateParams, CertifiedKey, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::{documented, in_may, lots, run, with_token};

#[test]
fn an_authority_of_one_s_own_is_trusted_on_demand() {
    let certificate = certificate("localhost");
    let url = serve_tls(&certificate);
    let file = std::env::temp_dir().join(format!("kamipay-ca-{}.pem", std::process::id()));
    let list = ["lots", "list", "--from", "2026-05-01", "--to", "2026-05-30"]; // one window
    let path = file.to_str().unwrap();
    let with = |pem: &str| {
        std::fs::write(&file, pem).unwrap();
        run(with_token(&url, &list).env("KAMIPAY_CA_FILE", path))
    };

    assert_eq!(with(&certificate.cert.pem()).good().lines().count(), 2);
    let by_flag = [&list[..], &["--ca-file", path]].concat();
    assert_eq!(run(&mut with_token(&url, &by_flag)).good().lines().count(), 2);

    for other in [Some(self::certificate("localhost")), None] {
        let untrusted = match other {
            Some(other) => with(&other.cert.pem()),
            None => run(with_token(&url, &list).env("KAMIPAY_CA_FILE", "")),
        };
        assert_eq!((untrusted.code, untrusted.out.as_str()), (5, ""), "{}", untrusted.err);
        assert!(untrusted.err.contains("--ca-file FILE"), "{}", untrusted.err);
    }

    let none = with("nonsense");
    assert_eq!((none.code, none.out.as_str()), (2, ""), "{}", none.err);
    assert!(none.err.starts_with(&format!("error: --ca-file {path}: the root certificates")));
    std::fs::remove_file(&file).unwrap();
    let missing = run(&mut with_token(&url, &by_flag));
    assert_eq!((missing.code, missing.out.as_str()), (2, ""), "{}", missing.err);
    assert!(missing.err.contains("it cannot be read"), "{}", missing.err);
}

fn certificate(host: &str) -> CertifiedKey {
    let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    let key_pair = KeyPair::generate().unwrap();
    CertifiedKey { cert: params.self_signed(&key_pair).unwrap(), key_pair }
}

/// Answers with two lots, whoever asks, as long as the program runs.
fn serve_tls(certificate: &CertifiedKey) -> String {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certificate.key_pair.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = BufReader::new(StreamOwned::new(tls, socket.unwrap()));
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                if !stream.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                    break;
                }
            }
            let (_, body) = lots(0..2, 2, 0);
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = stream.get_mut().write_all((head + &body).as_bytes());
            let _ = stream.get_mut().flush();
        }
    });
    url
}

#[test]
fn a_proxy_is_asked_on_demand() {
    let list = in_may(&["lots", "list", "--proxy-from-env", "--max-attempts", "1"]);
    let proxy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let (seen, saw) = mpsc::channel();
    std::thread::spawn(move || {
        for socket in proxy.incoming() {
            let mut line = String::new();
            let mut socket = BufReader::new(socket.unwrap());
            socket.read_line(&mut line).unwrap();
            let _ = seen.send(line);
            let _ = socket.get_mut().write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n");
        }
    });
    for variable in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
        let run = run(with_token("https://api.example.com", &list).env(variable, &url));
        assert_eq!((run.code, run.out.as_str()), (5, ""), "{}", run.err);
        let asked = saw.try_recv().unwrap();
        assert!(asked.starts_with("CONNECT api.example.com:443 HTTP/1.1"), "{asked}");
    }

    for broken in ["nonsense://", "socks5://127.0.0.1:1"] {
        let broken = run(with_token("https://api.example.com", &list).env("ALL_PROXY", broken));
        assert_eq!((broken.code, broken.out.as_str()), (2, ""), "{}", broken.err);
        let words = "error: --proxy-from-env: the variable ALL_PROXY does not hold ";
        assert!(broken.err.starts_with(words), "{}", broken.err);
    }
    // This machine needs none.
    let here = run(with_token(documented().base_url(), &list).env("ALL_PROXY", &url));
    assert_eq!(here.good().lines().count(), 2);
    assert!(saw.try_recv().is_err());
}
