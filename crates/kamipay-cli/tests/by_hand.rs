//! `kamipay api`: calls that have no command.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use crate::support::{Run, documented, kamipay, nobody, run, server, with_token};

const TOKEN: &str = "t0ken-which-nobody-may-see";

/// A server that keeps the requests, head and body, and answers all with this.
fn recorder(status: u16, body: &[u8]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::<Mutex<Vec<String>>>::default();
    let (kept, body) = (Arc::clone(&requests), body.to_owned());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let mut reader = BufReader::new(&stream);
            let (mut text, mut length) = (String::new(), 0);
            while !text.ends_with("\r\n\r\n") && reader.read_line(&mut text).unwrap() > 0 {
                let line = text.lines().last().unwrap().to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut sent = vec![0; length];
            reader.read_exact(&mut sent).unwrap();
            kept.lock().unwrap().push(text + std::str::from_utf8(&sent).unwrap());
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = (&stream).write_all(&[head.as_bytes(), &body].concat());
        }
    });
    (url, requests)
}

/// The first line and the body of the requests.
fn lines(requests: &Mutex<Vec<String>>) -> Vec<String> {
    let line = |request: &String| {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        format!("{} {body}", head.lines().next().unwrap()).trim_end().to_owned()
    };
    requests.lock().unwrap().iter().map(line).collect()
}

fn by_hand(url: &str, args: &[&str]) -> Run {
    let mut command = with_token(url, &[&["api"], args].concat());
    run(command.stdin(Stdio::null()))
}

#[test]
fn an_answer_comes_as_it_is() {
    let bodies: [&[u8]; 9] = [
        br#"{"rate": 0.10000000000000000001, "big": 12345678901234567890123, "e": 1e400}"#,
        b"{\n  \"a\" :\t[ 1.50 , -0, 1E+2 ]\r\n}\n\n",
        br#"{"name": "Jos\u00e9 \u001b[31m", "name": "twice"}"#,
        b"[1, 2]",
        b"5",
        b"",
        b"plain text",
        b"%PDF-1.7 \xff\xfe\0",
        b"\xEF\xBB\xBF{}",
    ];
    for body in bodies {
        let (url, _) = recorder(200, body);
        let mut command = with_token(&url, &["api", "GET", "/v2/oracle"]);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!((&output.stdout[..], &output.stderr[..]), (body, &b""[..]));
    }
}

#[test]
fn fields_go_where_the_method_has_them() {
    let (url, requests) = recorder(201, b"{}");
    for (args, line) in [
        (
            &["GET", "/v2/oracle", "-f", "pair=BRLUSDT", "-f", "amount=100"][..],
            "GET /v2/oracle?pair=BRLUSDT&amount=100 HTTP/1.1",
        ),
        (&["get", "/v1/lots?limit=5", "-f", "limit=6"], "GET /v1/lots?limit=5&limit=6 HTTP/1.1"),
        (&["DELETE", "/v1/x", "-f", "a=1"], "DELETE /v1/x?a=1 HTTP/1.1"),
        (&["POST", "/v1/x"], "POST /v1/x HTTP/1.1"),
        (
            &["POST", "/v1/x?y=1", "-f", "amount=1.50", "-F", "value=1.50", "-f", "t=a\"b=c"],
            r#"POST /v1/x?y=1 HTTP/1.1 {"amount":"1.50","t":"a\"b=c","value":1.50}"#,
        ),
        (
            &["PUT", "/v1/x", "-F", "n=0.10000000000000000001", "-F", "list=[1, null]"],
            r#"PUT /v1/x HTTP/1.1 {"n":0.10000000000000000001,"list":[1, null]}"#,
        ),
        (&["patch", "/v1/x", "-f", "a="], r#"PATCH /v1/x HTTP/1.1 {"a":""}"#),
    ] {
        let run = by_hand(&url, args);
        assert_eq!(run.code, 0, "{}", run.err);
        assert_eq!(lines(&requests).last().unwrap(), line);
    }
    let file = std::env::temp_dir().join(format!("kamipay-body-{}.json", std::process::id()));
    let body = "{ \"amount\": 1.50000000000000000000001 }\n";
    std::fs::write(&file, body).unwrap();
    by_hand(&url, &["POST", "/v1/x", "--input", file.to_str().unwrap()]).good();
    std::fs::remove_file(&file).unwrap();
    let last = requests.lock().unwrap().last().unwrap().clone();
    assert!(last.ends_with(&format!("\r\n\r\n{body}")), "{last}");
    assert!(last.to_ascii_lowercase().contains("content-type: application/json\r\n"), "{last}");

    // What is wrong is not sent.
    let sent = lines(&requests).len();
    for args in [
        &["HEAD", "/v1/x"][..],
        &["GET", "v1/x"],
        &["GET", "//evil.example/v1/x"],
        &["GET", "https://evil.example/v1/x"],
        &["GET", "/v1/../x"],
        &["GET", "/v1/%2e%2e/x"],
        &["GET", "/v1/x", "-f", "novalue"],
        &["GET", "/v1/x", "-f", "=value"],
        &["GET", "/v1/x", "-F", "a=1"],
        &["GET", "/v1/x", "--input", "-"],
        &["POST", "/v1/x", "-F", "a=text"],
        &["POST", "/v1/x", "-F", "a=1 2"],
        &["POST", "/v1/x", "-f", "amount=1", "-F", "amount=2"],
        &["POST", "/v1/x", "--input", "-"], // empty
        &["POST", "/v1/x", "--input", "/nowhere"],
        &["POST", "/v1/x", "--input", "-", "-f", "a=1"],
        &["POST", "/v1/x", "--input", "-", "--token-file", "-"],
    ] {
        let run = by_hand(&url, args);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?} {}", run.err);
    }
    assert_eq!(lines(&requests).len(), sent);
}

#[test]
fn only_a_get_is_repeated() {
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let times = if method == "GET" { 3 } else { 1 };
        for status in [500, 503, 429] {
            let (url, requests) = recorder(status, br#"{"detail": "try again later"}"#);
            let run = by_hand(&url, &[method, "/v1/x", "--max-attempts", "3"]);
            assert_eq!(run.code, if status == 429 { 3 } else { 5 }, "{}", run.err);
            assert_eq!(lines(&requests).len(), times, "{method} {status}");
            let is_warned = run.err.contains("may have been processed: find out before");
            assert_eq!(is_warned, method != "GET", "{}", run.err);
            assert!(method == "GET" || !run.err.contains("ask again"), "{}", run.err);
        }
        // Cut off in the middle of the answer.
        let cut = server(|_, _| (0, "{".to_owned()));
        let cut = by_hand(&cut, &[method, "/v1/x", "--max-attempts", "2"]);
        assert_eq!(cut.code, 5, "{}", cut.err);
        assert_eq!(cut.err.contains("find out before"), method != "GET", "{}", cut.err);
        let run = by_hand(&nobody(), &[method, "/v1/x", "--max-attempts", "1"]);
        assert_eq!(run.code, 5, "{}", run.err);
        assert_eq!(run.err.contains("nothing was sent"), method != "GET", "{}", run.err);
        assert!(!run.err.contains("find out before"), "{}", run.err);
    }
}

#[test]
fn a_refusal_is_printed_and_its_exit_code_is_its_own() {
    for (status, code) in [(400, 3), (401, 4), (403, 4), (404, 7), (422, 3), (429, 3), (302, 5)] {
        let body = br#"{"detail": [{"loc": ["query"], "msg": "no", "x": 1.50}]}"#;
        let (url, _) = recorder(status, body);
        let run = by_hand(&url, &["GET", "/v2/x?pix_key=7", "--max-attempts", "1"]);
        assert_eq!((run.code, run.out.as_bytes()), (code, &body[..]), "{status} {}", run.err);
        assert!(run.err.starts_with("error: GET /v2/x: the API answered"), "{}", run.err);
        assert!(!run.err.contains("pix_key"), "{}", run.err);
    }
    let (url, _) = recorder(404, b"<html>");
    assert_eq!(by_hand(&url, &["GET", "/v2/x"]).code, 3, "another server's");
}

/// It must not look as if the call had not been made.
#[test]
fn a_call_whose_answer_cannot_be_written_was_made() {
    if !std::path::Path::new("/dev/full").exists() {
        eprintln!("skipped: there is no /dev/full");
        return;
    }
    for (method, is_said) in [("POST", true), ("DELETE", true), ("GET", false)] {
        let (url, requests) = recorder(201, br#"{"msg": "created"}"#);
        let mut command = kamipay(&["api", method, "/v1/x", "--base-url", &url, "--token", TOKEN]);
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let run = command.stdout(full).output().unwrap();
        let said = String::from_utf8(run.stderr).unwrap();
        assert_eq!((run.status.code(), lines(&requests).len()), (Some(1), 1), "{said}");
        assert_eq!(said.contains("the call was made and accepted"), is_said, "{said}");
        assert_eq!(said.contains("do not make it again"), is_said, "{said}");
    }
}

#[test]
fn a_404_says_nothing_about_a_payment() {
    let (url, _) = recorder(404, br#"{"detail": "no such charge"}"#);
    let run = by_hand(&url, &["GET", "/v1/charges/order-7"]);
    assert_eq!(run.code, 7);
    assert!(run.err.contains("a 404 does not mean that it failed"), "{}", run.err);
    assert!(!run.err.contains("does not exist"), "{}", run.err);
}

#[test]
fn tx_not_found_keeps_its_meaning() {
    let not_found = br#"{"status": "failed", "msg": "TX not found"}"#;
    let args = ["GET", "/v2/status/tx_status", "-f", "id=order-7"];
    let (url, _) = recorder(200, not_found);
    let shown = by_hand(&url, &args);
    assert_eq!((shown.code, shown.out.as_bytes()), (0, &not_found[..]));
    assert!(shown.err.contains("\"TX not found\" is not a failure"), "{}", shown.err);
    assert_eq!(by_hand(&url, &[&args[..], &["--quiet"]].concat()).err, "");
    for status in [404, 400, 500] {
        let (url, _) = recorder(status, not_found);
        let run = by_hand(&url, &[&args[..], &["--max-attempts", "1"]].concat());
        assert_eq!(run.code, if status == 500 { 5 } else { 3 }, "{}", run.err);
        assert!(run.err.contains("this says nothing about a payment: do not pay again"));
        for word in ["may pay", "does not exist", "may be paid", "ask again"] {
            assert!(!run.err.contains(word), "{}", run.err);
        }
    }
}

#[test]
fn no_secret_is_printed_with_a_refusal() {
    let password = "pa55-which-nobody-may-see";
    let issued = format!(r#"{{"access_token": "{TOKEN}", "token_type": "bearer"}}"#);
    for status in [400, 401, 404, 500] {
        let issued = issued.clone();
        let url = server(move |_, target| match target {
            "/auth/token" => (200, issued.clone()),
            _ => (status, format!(r#"{{"detail": "{TOKEN} and {password}"}}"#)),
        });
        for method in ["GET", "POST"] {
            let args = ["api", method, "/v1/x", "--max-attempts", "1", "--base-url", &url];
            let mut command = kamipay(&args);
            command.env("KAMIPAY_USERNAME", "me").env("KAMIPAY_PASSWORD", password);
            let run = run(&mut command);
            assert!(run.out.contains(r#""detail": "*** and ***""#), "{}", run.out);
            for secret in [TOKEN, password] {
                assert!(!run.out.contains(secret) && !run.err.contains(secret), "{}", run.err);
            }
        }
    }
}

#[test]
fn it_logs_in_and_finds_what_the_commands_find() {
    let server = documented();
    let sandbox = kamipay_sandbox::Sandbox::documented();
    let path = "/v1/lots/9c030c8b-6d68-445b-8048-1bacd91012fa";
    let mut command = kamipay(&["api", "GET", path, "--base-url", server.base_url()]);
    command.env("KAMIPAY_USERNAME", sandbox.username());
    let lot = run(command.env("KAMIPAY_PASSWORD", sandbox.password())).good();
    assert!(lot.contains("9c030c8b-6d68-445b-8048-1bacd91012fa"), "{lot}");
}
