//! Nothing that a program may print contains a secret or personal data.

use std::error::Error as _;
use std::fmt::Debug;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use kamipay_proto::pay_status::{GetPayStatus, PaymentTarget};
use kamipay_proto::{
    AccessToken, BaseUrl, Endpoint, InvalidBaseUrl, InvalidToken, IssueToken, IssuedToken,
    ResponseError, ResponseErrorKind,
};
use kamipay_tests::{Call, api_with, calls, fixtures, response, with_call};
use kamipay_ureq::{Client, Config, Credentials, OnAttempt};

use crate::json::Json;

const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzZWNyZXQifQ.c2VjcmV0LXNpZ25hdHVyZQ";
const PASSWORD: &str = "correct horse battery staple";

fn token() -> AccessToken {
    TOKEN.parse().unwrap()
}

/// Checks that a text contains no secret: not whole, not in parts, and not as a list of bytes.
fn assert_hidden(text: &str, secrets: &[&str]) {
    for secret in secrets {
        for part in secret.split(['.', ' ']) {
            assert!(!text.contains(part), "{part} in {text}");
            let bytes = format!("{:?}", part.as_bytes());
            let bytes = bytes.trim_matches(['[', ']']);
            assert!(!text.replace(['\n', ' '], "").contains(&bytes.replace(' ', "")), "{text}");
        }
    }
}

fn debug(value: &impl Debug) -> String {
    format!("{value:?} {value:#?}")
}

/// Everything that an error shows: itself, its kind, and its sources.
fn said(error: &ResponseError) -> String {
    let mut text = format!("{error} {} {}", debug(error), debug(error.kind()));
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(" {cause} {}", debug(&cause));
        source = cause.source();
    }
    text
}

#[test]
fn no_type_that_holds_a_secret_shows_it() {
    let token = token();
    assert_eq!(token.expose(), TOKEN);
    let login = IssueToken::new("merchant@example.com", PASSWORD);
    let body = format!(r#"{{"access_token": "{TOKEN}", "token_type": "bearer"}}"#);
    let issued: IssuedToken = login.parse(response(200, body)).unwrap();
    assert_eq!(issued.access_token.expose(), TOKEN);
    let call = Call::IssueToken(login.clone());
    for text in [
        debug(&token),
        debug(&login),
        debug(&call),
        debug(&issued),
        debug(&issued.access_token),
        debug(&api_with(&token)),
        debug(&api_with(&token).get(&["v1", "lots"])),
    ] {
        assert_hidden(&text, &[TOKEN, PASSWORD]);
    }
}

#[test]
fn a_request_contains_the_token_and_does_not_show_it() {
    for call in calls() {
        let api = api_with(&token());
        let request =
            with_call!(&call, call => call.request(&api), login => login.request(&api)).unwrap();
        let header = request.headers().get("authorization");
        if let Call::IssueToken(_) = call {
            assert_eq!(header, None, "the login contains no token, not even an old one");
        } else {
            assert_eq!(header.unwrap(), &format!("Bearer {TOKEN}"));
            assert!(header.unwrap().is_sensitive());
        }
        // The login's body contains the password, and `http` shows its bytes as numbers. It is not
        // checked here: a login request must not be printed.
        assert_hidden(&debug(&request), &[TOKEN]);
        assert_hidden(&request.uri().to_string(), &[TOKEN, PASSWORD]);
    }
}

#[test]
fn an_error_does_not_quote_refused_input() {
    for text in [format!("{TOKEN} "), format!("{TOKEN}\r\n"), format!("ö{TOKEN}")] {
        let error: InvalidToken = text.parse::<AccessToken>().unwrap_err();
        assert_hidden(&format!("{error} {}", debug(&error)), &[TOKEN]);
    }
    let password = PASSWORD.replace(' ', "-");
    for text in [
        format!("https://merchant:{password}@api.kamipay.io"),
        format!("ftp://merchant:{password}@api.kamipay.io"),
        format!("https://api.kamipay.io/?token={TOKEN}"),
        format!("https://api.kamipay.io:{TOKEN}"),
        format!("https://{TOKEN}!"),
        format!("https://api.kamipay.io/{TOKEN}%"),
    ] {
        let error: InvalidBaseUrl = text.parse::<BaseUrl>().unwrap_err();
        assert_hidden(&format!("{error} {}", debug(&error)), &[TOKEN, &password]);
    }
}

/// Breaks the login's answer in every way that keeps the token in it.
#[test]
fn an_unreadable_answer_with_a_token_does_not_show_it() {
    let t = TOKEN;
    let bodies = [
        format!(r#""{t}""#),
        t.to_owned(),
        format!("Bearer {t}"),
        format!(r#"["{t}", "bearer"]"#),
        format!(r#"{{"access_token": "{t}"}}"#),
        format!(r#"{{"access_token": "{t}", "token_type": "{t}"}}"#),
        format!(r#"{{"access_token": "{t}", "token_type": ["{t}"]}}"#),
        format!(r#"{{"access_token": "{t}", "access_token": "{t}", "token_type": "bearer"}}"#),
        format!(r#"{{"access_token": "{t}", "token_type": "bearer", "token_type": "{t}"}}"#),
        format!(r#"{{"access_token": ["{t}"], "token_type": "bearer"}}"#),
        format!(r#"{{"access_token": {{"{t}": 1}}, "token_type": "bearer"}}"#),
        format!(r#"{{"access_token": "{t} {t}", "token_type": "bearer"}}"#),
        format!(r#"{{"access_token": "{t}\n", "token_type": "bearer"}}"#),
        format!(r#"{{"access_token": "ö{t}", "token_type": "bearer"}}"#),
        format!(r#"{{"access_token": "{t}\ud800", "token_type": "bearer"}}"#),
        format!(r#"{{"access_token": {t}, "token_type": "bearer"}}"#),
        format!(r#"{{"access_token": "{t}"#),
        format!(r#"{{"access_token": "{t}", "token_type": "bearer"}} {t}"#),
        format!(r#"{{"{t}": "bearer"}}"#),
        format!(r#"{{"{t}": tru}}"#),
        format!(r#"{{"{t}": "#),
        format!(r#"{{"{t}": {{"{t}": [ }}"#),
        format!("<html>{t}</html>"),
        format!("\0{t}"),
        format!("\u{1}{t}\u{1}1\u{1}1\u{1}true\u{1}{t}\u{1}"),
    ];
    for body in &bodies {
        for call in calls() {
            let result = with_call!(&call, call => call.parse(response(200, &**body)).map(drop));
            assert_hidden(&said(&result.expect_err(body)), &[TOKEN]);
        }
        for status in [204, 302, 600] {
            let result = IssueToken::new("u", "p").parse(response(status, &**body)).map(drop);
            assert_hidden(&said(&result.unwrap_err()), &[TOKEN]);
        }
    }
    let mut bytes = vec![0xff];
    bytes.extend_from_slice(TOKEN.as_bytes());
    let error = IssueToken::new("u", "p").parse(response(200, bytes)).unwrap_err();
    assert_hidden(&said(&error), &[TOKEN]);
}

/// The web framework quotes what it refuses: the login's form with the password.
#[test]
fn a_refusal_that_quotes_the_password_is_shown_without_the_quote() {
    let login = IssueToken::new("merchant@example.com", PASSWORD);
    for body in [
        format!(
            r#"{{"detail": [{{"type": "missing", "loc": ["body", "username"], "msg": "Field required",
                "input": {{"password": "{PASSWORD}"}}, "ctx": {{"given": "{PASSWORD}"}}}}]}}"#
        ),
        format!("<html>password={PASSWORD}</html>"),
        format!(r#"{{"password": "{PASSWORD}", "token": "{TOKEN}"}}"#),
        format!(r#"{{"detail": {{"password": "{PASSWORD}"}}}}"#),
        format!(r#"{{"detail": ["{PASSWORD}"]}}"#),
    ] {
        for status in [400, 401, 422, 500] {
            let error = login.parse(response(status, &*body)).unwrap_err();
            assert_hidden(&said(&error), &[TOKEN, PASSWORD]);
        }
    }
}

/// The spellings of a secret in an echo.
fn echoes(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(format!("me:{secret}"));
    let percent = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
    vec![
        secret.to_owned(),
        format!("Bearer {secret}"),
        secret.to_uppercase(),
        percent.to_string(),
        secret.replace(' ', "+"),
        format!("Basic {base64}"),
        format!("{}{secret}", "x".repeat(290)), // across the end of the shown text
        format!("{}{secret}", "x".repeat((16 << 10) - 20)), // across the end of the kept text
    ]
}

/// Answers of a server that contain a secret.
fn echoing(echo: &str) -> Vec<String> {
    let quoted = serde_json::to_string(echo).unwrap();
    let places = [
        "{\"detail\": S}",
        "{\"message\": S, \"request_id\": S}",
        "{\"msg\": S}",
        "{\"detail\": [{\"loc\": [\"body\", S], \"msg\": S, \"input\": S}]}",
        "{\"status\": \"failed\", \"msg\": S}",
        "{\"status\": S, \"msg\": S}",
        "{\"status\": \"ok\", \"msg\": S, \"data\": {\"status\": S, \"txid\": S, S: [S, {S: S}]}}",
        "{S: tru}",
        "{\"detail\": {S: S}, S: S}",
        "S",
    ];
    places.map(|body| body.replace('S', &quoted)).to_vec()
}

/// Checks the base64 text as well: its parts differ from the secret's.
fn assert_no_echo(text: &str, secret: &str, echo: &str) {
    assert_hidden(&text.to_lowercase(), &[&secret.to_lowercase()]);
    let tail = &echo[echo.len().saturating_sub(24)..];
    assert!(!text.contains(tail), "{tail} in {text:.2000}");
}

#[test]
fn a_secret_that_a_server_echoes_is_not_shown() {
    let password = "correct-horse-battery-staple";
    for (secret, api) in [
        (TOKEN, api_with(&token())),
        (TOKEN, api_with(&token()).with_token(&"the-next-token".parse().unwrap())),
        (password, api_with(&token()).hiding(password)),
    ] {
        for echo in echoes(secret) {
            for body in echoing(&echo) {
                for call in calls() {
                    let is_either = matches!(call, Call::ListLots(_) | Call::GetPayStatus(_));
                    if echo.len() > 300 && !is_either {
                        continue; // one of each kind is enough: the long ones are slow
                    }
                    for status in [200, 302, 403, 500] {
                        let mut answer = response(status, body.clone());
                        if let Ok(id) = echo.parse() {
                            answer.headers_mut().insert("x-request-id", id);
                        }
                        let outcome = with_call!(&call, call => {
                            api.parse(call, answer).map(|value| debug(&value))
                        });
                        let text = match &outcome {
                            Ok(value) => value.clone(), // a state of a payment
                            Err(error) => said(error),
                        };
                        assert_no_echo(&text, secret, &echo);
                        if let Err(error) = outcome {
                            assert_eq!(error.body(), body.as_bytes(), "the body is kept");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_login_hides_its_password_without_a_client() {
    let login = IssueToken::new("me", PASSWORD);
    for echo in echoes(PASSWORD) {
        for body in echoing(&echo) {
            let error = login.parse(response(401, body)).unwrap_err();
            assert_no_echo(&said(&error), PASSWORD, &echo);
        }
    }
}

#[test]
fn a_mismatch_shows_no_secret_as_the_identifier() {
    let api = api_with(&token());
    for fixture in fixtures().iter().filter(|fixture| fixture.is_answer()) {
        let whole = Json::parse(&fixture.text());
        for echo in echoes(TOKEN) {
            let literal = serde_json::to_string(&echo).unwrap();
            for n in 0..whole.len() {
                let answer = response(fixture.status, whole.with(n, &literal).to_string());
                let outcome = with_call!(&fixture.call, call => api.parse(call, answer).map(drop));
                // A value is not changed.
                if let Err(error) = outcome {
                    assert_no_echo(&said(&error), TOKEN, &echo);
                }
            }
        }
    }
}

/// A server that answers `granted` logins with a token, and echoes all it received in every other
/// answer.
fn echo_server(granted: usize) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let secrets = Arc::<Mutex<Vec<String>>>::default();
    let told = Arc::clone(&secrets);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut head, mut length) = (String::new(), 0);
            while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).unwrap() > 0 {}
            let of = |name: &str| {
                let line = head.lines().find(|line| line.to_lowercase().starts_with(name));
                line.map(|line| line[name.len()..].trim().to_owned()).unwrap_or_default()
            };
            length += of("content-length:").parse().unwrap_or(0);
            let authorization = of("authorization:");
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let body = String::from_utf8(body).unwrap();

            let mut secrets = secrets.lock().unwrap();
            let logins = secrets.len();
            let (status, answer) = if head.starts_with("POST") && logins < granted {
                let token = format!("token-{logins}-of-a-server-that-says-it-{}", "x".repeat(20));
                secrets.push(token.clone());
                (200, format!(r#"{{"access_token": "{token}", "token_type": "bearer"}}"#))
            } else {
                let all = format!("{authorization} {body} {}", secrets.join(" "));
                let status = if head.starts_with("POST") || logins == 2 { 403 } else { 401 };
                (
                    status,
                    format!(r#"{{"detail": "{all}", "request_id": "{authorization} {body}"}}"#),
                )
            };
            let head = format!(
                "HTTP/1.1 {status} No\r\nx-request-id: {authorization}\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n",
                answer.len()
            );
            let _ = stream.get_mut().write_all((head + &answer).as_bytes());
        }
    });
    (url, told)
}

#[test]
fn a_client_shows_no_secret_that_a_server_echoes() {
    let password = "pa55-which-nobody-may-see-either";
    for call in calls() {
        for (has_token, granted) in [(false, 1), (false, 2), (true, 2)] {
            let credentials = match has_token {
                false => Credentials::login("me", password),
                true => Credentials::token(token()),
            };
            let (url, told) = echo_server(granted);
            if has_token {
                told.lock().unwrap().extend([TOKEN.to_owned(), TOKEN.to_owned()]);
            }
            let events = Arc::<Mutex<String>>::default();
            let seen = Arc::clone(&events);
            let mut config = Config::default();
            config.on_attempt = Some(OnAttempt::new(move |attempt| {
                *seen.lock().unwrap() +=
                    &format!("{attempt} {attempt:?} {:?}\n", attempt.request_id);
            }));
            let client = Client::with_config(url.parse().unwrap(), credentials, config).unwrap();
            let error = match &call {
                // The call contains its own password.
                Call::IssueToken(_) => {
                    told.lock().unwrap().extend(["-".to_owned(), "-".to_owned()]);
                    client.send(&IssueToken::new("me", password)).map(drop).unwrap_err()
                }
                call => with_call!(call, call => client.send(call).map(drop)).unwrap_err(),
            };
            let mut text = format!("{error} {} {:?}", debug(&error), error.request_id());
            let mut source = error.source();
            while let Some(cause) = source {
                text += &format!(" {cause} {}", debug(&cause));
                source = cause.source();
            }
            text += &events.lock().unwrap();
            assert!(text.contains("***"), "it is echoed: {text}");
            for secret in told.lock().unwrap().iter().filter(|it| it.len() > 1) {
                assert!(!text.contains(&**secret), "{secret} in {text}");
            }
            assert!(!text.contains(password) && !text.contains(TOKEN), "{text}");
        }
    }
}

/// No error about a payment's answer shows the name or the Pix key.
#[test]
fn an_error_names_no_person() {
    let (name, key) = ("Maria José da Silva", "maria.jose@example.com");
    let secrets = ["Maria", "José", "Silva", "maria.jose", "@example.com"];
    for fixture in fixtures().iter().filter(|fixture| fixture.path.starts_with("pay-status/")) {
        let Call::GetPayStatus(call) = &fixture.call else { panic!("another call") };
        let text = fixture.text().replace("kamiPay Inc", name).replace("info@kamipay.io", key);
        let mut bodies: Vec<String> =
            text.char_indices().map(|(end, _)| text[..end].to_owned()).collect();
        let whole = Json::parse(&text);
        for n in 0..whole.len() {
            for literal in [
                format!("\"{name}\""),
                format!("[\"{key}\"]"),
                format!("{{\"{name}\": \"{key}\"}}"),
                format!("{{\"status\": {{\"{key}\": 1}}}}"),
                format!("\"{key}\": \"{key}\""),
                format!("\"{key}\\ud800\""),
                key.to_owned(),
                "[]".to_owned(),
                "7".to_owned(),
            ] {
                bodies.push(whole.with(n, &literal).to_string());
            }
        }
        for body in bodies {
            for status in [200, 204, 302] {
                let Err(error) = call.parse(response(status, &*body)) else { continue };
                // A mismatch shows the payment's identifier.
                if let ResponseErrorKind::Mismatch(mismatch) = error.kind() {
                    assert_eq!(mismatch.field, "kamipay_id");
                    continue;
                }
                let said = said(&error);
                for secret in secrets {
                    assert!(!said.contains(secret), "{secret} of {body} in {said}");
                }
            }
        }
    }
}

#[test]
fn a_mismatch_shows_only_identifiers() {
    for fixture in fixtures().iter().filter(|fixture| fixture.is_answer()) {
        let Call::GetPayStatus(call) = &fixture.call else { continue };
        let other = GetPayStatus::new(PaymentTarget::kamipay_id("txc_other").unwrap(), call.chain);
        let Err(error) = other.parse(fixture.response()) else {
            assert_eq!(fixture.path, "pay-status/not-found.json");
            continue;
        };
        let said = said(&error);
        assert!(said.contains("asked for kamipay_id txc_other, got txc_01"), "{said}");
        assert!(!said.contains("kamiPay Inc") && !said.contains("info@kamipay.io"), "{said}");
    }
}
