use kamipay_ureq::proto::{self, Endpoint, pay_status};
use kamipay_ureq::{Client, Config, ConnectFault, Credentials, ErrorKind, InvalidConfig, Sent};

use crate::server::{ReadRequest, Reply, Server};
use crate::{LOT, client, get, get_from, ok, whole};

#[test]
fn a_get_has_no_body_and_a_post_has_a_length() {
    let token = r#"{"access_token": "from-login", "token_type": "bearer"}"#;
    let server =
        Server::start(vec![vec![ReadRequest, Reply(whole(token)), ReadRequest, Reply(whole(LOT))]]);
    let mut config = Config::default();
    config.user_agent_suffix = Some("my-shop/2.1".to_owned());
    let credentials = Credentials::login("josé", "pass word&");
    let client = Client::with_config(server.url.parse().unwrap(), credentials, config).unwrap();
    get(&client).unwrap();

    let host = server.url.trim_start_matches("http://");
    let seen: Vec<(String, Vec<String>, String)> =
        server.seen().iter().map(|it| parts(it)).collect();
    let agent = concat!("user-agent: kamipay-ureq/", env!("CARGO_PKG_VERSION"), " my-shop/2.1");
    let host = &format!("host: {host}");
    let form = "content-type: application/x-www-form-urlencoded";
    let (line, headers, body) = &seen[0];
    assert_eq!(line, "POST /auth/token HTTP/1.1");
    assert_eq!(
        headers,
        &["accept-encoding: gzip", "accept: */*", "content-length: 40", form, host, agent]
    );
    assert_eq!(body, "username=jos%C3%A9&password=pass+word%26");

    let (line, headers, body) = &seen[1];
    assert_eq!(line, "GET /v1/lots/9c030c8b-6d68-445b-8048-1bacd91012fa HTTP/1.1");
    let token = "authorization: Bearer from-login";
    let json = "content-type: application/json";
    let cache = "cache-control: no-cache";
    let expected = ["accept-encoding: gzip", "accept: */*", token, cache, json, host, agent];
    assert_eq!(headers, &expected);
    assert_eq!(body, "");
}

/// The request line, the headers in alphabetical order, and the body.
fn parts(request: &str) -> (String, Vec<String>, String) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n").map(str::to_owned);
    let line = lines.next().unwrap();
    let mut headers: Vec<String> = lines.collect();
    headers.sort();
    (line, headers, body.to_owned())
}

#[test]
fn no_redirect_is_followed() {
    for status in [301, 302, 303, 307, 308] {
        let other = Server::once(whole(LOT));
        let answer = format!(
            "HTTP/1.1 {status} Moved\r\nlocation: {}/v1/lots\r\ncontent-length: 0\r\n\r\n",
            other.url
        );
        let server = Server::once(answer);
        let error = get_from(&server.url).unwrap_err();
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status), "{error:?}");
        assert_eq!(error.sent(), Sent::Answered);
        assert!(matches!(
            error.answer().unwrap().kind(),
            proto::ResponseErrorKind::UnexpectedStatus
        ));
        assert!(error.to_string().contains("a redirect is not followed"), "{error}");
        assert_eq!(other.seen().len(), 0);
    }
}

#[test]
fn a_status_that_the_api_does_not_use_is_an_error() {
    for status in [204, 205, 206, 304, 600, 999] {
        let body = if matches!(status, 204 | 304) { "" } else { LOT };
        let head = format!("HTTP/1.1 {status} What\r\n");
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("content-length: {}\r\n", body.len())
        };
        let server = Server::once(format!("{head}{length}\r\n{body}"));
        let error = get_from(&server.url).unwrap_err();
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status), "{error:?}");
        assert!(matches!(
            error.answer().unwrap().kind(),
            proto::ResponseErrorKind::UnexpectedStatus
        ));
    }
}

#[test]
fn a_refusal_keeps_its_status_and_its_body() {
    for (status, body, said) in [
        (
            400,
            r#"{"detail": "Date range cannot exceed 31 days"}"#,
            ": Date range cannot exceed 31 days",
        ),
        (404, r#"{"detail": "Lot not found"}"#, ": Lot not found"),
        (429, r#"{"message": "slow down", "request_id": "r-1"}"#, ": slow down (request id r-1)"),
        (502, "<html>Bad gateway", ", without a message that can be read"),
        (503, "", ", without a message that can be read"),
    ] {
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let server = Server::once(answer);
        let error = get_from(&server.url).unwrap_err();
        assert_eq!(error.sent(), Sent::Answered);
        assert_eq!(error.answer().unwrap().body(), body.as_bytes());
        let reason = http::StatusCode::from_u16(status).unwrap();
        assert_eq!(
            error.to_string(),
            format!("GET /v1/lots/{{lot_identifier}}: the API answered {reason}{said}")
        );
    }
}

#[test]
fn what_is_not_http_is_refused() {
    let many = "x: y\r\n".repeat(200);
    let long = format!("x: {}\r\n", "y".repeat(200_000));
    for (answer, kind) in [
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(), "Protocol"),
        (b"<html>hello</html>\r\n\r\n".to_vec(), "Protocol"),
        (b"HTTP/1.1 000 Zero\r\n\r\n".to_vec(), "Protocol"),
        (ok("content-length: 5\r\ncontent-length: 6\r\n", LOT), "Protocol"),
        (ok("content-length: -1\r\n", LOT), "Protocol"),
        (ok("transfer-encoding: chunked\r\n", "zz\r\n{}"), "Protocol"),
        (ok(&many, LOT), "Protocol"),
        (ok(&long, LOT), "TooLarge"),
    ] {
        let server = Server::once(answer.clone());
        let error = get_from(&server.url).unwrap_err();
        let answer = String::from_utf8_lossy(&answer[..40.min(answer.len())]).into_owned();
        assert_eq!(format!("{:?}", error.kind()), kind, "{answer}");
        assert_eq!(error.sent(), Sent::Maybe);
    }
}

#[test]
fn no_error_names_more_than_the_call() {
    let target = pay_status::PaymentTarget::external_id("order-of-joão").unwrap();
    let call = pay_status::GetPayStatus::new(target, pay_status::Chain::Polygon);
    for answer in [
        "",
        "HTTP/1.1 500 X\r\n\r\n",
        "nonsense\r\n\r\n",
        "HTTP/1.1 302 X\r\nlocation: /?a=s3cret-token\r\n\r\n",
    ] {
        let server = Server::once(answer);
        let client = client(&server.url, |_| {});
        let error = client.send(&call).unwrap_err();
        assert_eq!(error.call(), pay_status::GetPayStatus::CALL);
        let text = format!("{error} {error:?} {error:#?} {client:?}");
        for secret in ["s3cret", "order-of", "type=pay"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn a_user_agent_that_is_not_a_header_is_refused() {
    for suffix in ["a\r\nb", "a\nb", "ö", "a\0"] {
        let mut config = Config::default();
        config.user_agent_suffix = Some(suffix.to_owned());
        let credentials = Credentials::token("t".parse().unwrap());
        let client = Client::with_config("https://localhost".parse().unwrap(), credentials, config);
        assert_eq!(client.unwrap_err(), InvalidConfig::UserAgent);
    }
}

#[test]
fn a_file_without_a_certificate_is_refused() {
    for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        let mut config = Config::default();
        config.root_certificates_pem = Some(pem.as_bytes().to_vec());
        let credentials = Credentials::token("t".parse().unwrap());
        let client = Client::with_config("https://localhost".parse().unwrap(), credentials, config);
        assert_eq!(client.unwrap_err(), InvalidConfig::Certificates);
    }
}

/// The test runs itself as another process, with another environment.
#[test]
fn a_proxy_is_used_only_when_asked_for() {
    const CHILD: &str = "KAMIPAY_TEST_PROXY";
    if let Ok(url) = std::env::var(CHILD) {
        get_from(&url).unwrap(); // the proxy is not asked
        let client = |base: &str| {
            let mut config = Config::default();
            config.proxy_from_env = true;
            config.retry.max_attempts = 1;
            let credentials = Credentials::token("t".parse().unwrap());
            Client::with_config(base.parse().unwrap(), credentials, config)
        };
        // Not for this machine either: the token would leave it in plain text.
        get(&client(&url).unwrap()).unwrap();
        let other = client("https://api.invalid");
        match std::env::var("ALL_PROXY").unwrap().as_str() {
            "" => {
                let error = get(&other.unwrap()).unwrap_err();
                let is_looked_up =
                    |fault| matches!(fault, ConnectFault::Dns | ConnectFault::Timeout);
                assert!(matches!(error.kind(), ErrorKind::Connect(fault) if is_looked_up(*fault)));
            }
            "http://127.0.0.1:1" => {
                let error = get(&other.unwrap()).unwrap_err();
                let refused = ErrorKind::Connect(ConnectFault::Refused);
                assert_eq!(format!("{:?}", error.kind()), format!("{refused:?}"));
            }
            _ => assert_eq!(other.unwrap_err(), InvalidConfig::Proxy { variable: "ALL_PROXY" }),
        }
        return;
    }
    for proxy in ["http://127.0.0.1:1", "nonsense://", "socks5://127.0.0.1:1", ""] {
        let answer = || vec![ReadRequest, Reply(whole(LOT))];
        let server = Server::start(vec![answer(), answer()]);
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "head::a_proxy_is_used_only_when_asked_for"])
            .env("ALL_PROXY", proxy)
            .env("http_proxy", proxy)
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .env(CHILD, &server.url)
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        assert_eq!(server.seen().len(), 2);
    }
}
