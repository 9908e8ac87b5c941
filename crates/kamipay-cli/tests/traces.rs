//! `--verbose` and `--trace`.

use std::fs;
use std::path::{Path, PathBuf};

use kamipay_sandbox::Sandbox;
use serde_json::Value;

use crate::support::{documented, in_may, kamipay, nobody, run, server, with_token};

fn file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("traces");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    let _ = fs::remove_file(&file);
    file
}

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The times are other ones in each run.
fn timeless(text: &str) -> String {
    let words = text.split(' ').collect::<Vec<_>>();
    let mut out = words.clone();
    for at in 1..words.len() {
        if words[at].starts_with("ms") {
            out[at - 1] = "…";
        }
    }
    out.join(" ")
}

#[test]
fn verbose_shows_each_attempt_on_standard_error() {
    let url = server(|n, target| match (target, n) {
        ("/auth/token", _) => {
            (200, r#"{"access_token": "t0ken", "token_type": "bearer"}"#.to_owned())
        }
        (_, 1) => (503, r#"{"message": "busy", "request_id": "a7"}"#.to_owned()),
        _ => (200, r#"{"rate": "5.10"}"#.to_owned()),
    });
    let args = ["api", "GET", "/v2/oracle?pair=BRLUSDT", "--base-url", &url, "--verbose"];
    let mut command = kamipay(&args);
    let run = run(command.env("KAMIPAY_USERNAME", "me").env("KAMIPAY_PASSWORD", "pa55"));
    assert_eq!((run.code, run.out.as_str()), (0, r#"{"rate": "5.10"}"#), "{}", run.err);
    assert_eq!(
        timeless(&run.err),
        "POST /auth/token, attempt 1, … ms: status 200 OK\n\
         GET /v2/oracle, attempt 1, … ms: status 503 Service Unavailable (request id a7); again in … ms\n\
         GET /v2/oracle, attempt 2, … ms: status 200 OK\n"
    );

    let list = in_may(&["lots", "list", "-v", "--max-attempts", "1"]);
    let refused = crate::support::run(&mut with_token(&nobody(), &list));
    assert_eq!(refused.code, 5);
    let first = refused.err.lines().next().unwrap();
    assert!(first.starts_with("GET /v1/lots, attempt 1, "), "{first}");
    assert!(first.contains("refuses connections") && first.contains("not again:"), "{first}");
}

/// Every field that the API could have of a person, and one that nobody knows.
const PERSON: &str = r#"{"status":"ok","msg":"key of MARIA SILVA, maria@example.com, (11) 99999-9999","data":{
"status":"done","kamipay_id":"txc_1","external_id":"order-7","amount_usdt":"0.81000000000000000001","amount_brl":4.10,
"name":"Maria Silva","payer_name":"Maria Silva","pix_key":"maria@example.com","reformated_key":"+5511999999999",
"document":"123.456.789-09","cpf":"12345678909","cnpj":"12.345.678/0001-95","payer_document":12345678909,
"bank_account_nr":"690-5813-004","email":"maria@example.com","phone":"+55 11 99999-9999","address_in":"0x1c0aCF85",
"emv":"00020126580014br.gov.bcb.pix","external_data":"for Maria Silva","brand_new":"Maria Silva",
"txid":"0x812f8c44","bank_txid":"E607Q5A3F-1572","created_at":"2026-05-01T12:00:00Z"}}"#;

#[test]
fn a_trace_has_what_support_needs_and_nothing_personal() {
    let issued = "t0ken-which-nobody-may-see";
    let url = server(move |n, target| match (target, n) {
        ("/auth/token", _) => {
            (200, format!(r#"{{"access_token": "{issued}", "token_type": "bearer"}}"#))
        }
        (_, 1) => {
            (500, format!(r#"{{"detail": "no route for Bearer {issued} of 123.456.789-09"}}"#))
        }
        (_, 2) => (502, "<html>Maria Silva</html>".to_owned()),
        _ => (200, PERSON.to_owned()),
    });
    let file = file("person");
    let path = file.to_str().unwrap();
    let args =
        ["api", "GET", "/v1/payments/maria%40example.com?pix_key=maria%40example.com&limit=5"];
    let mut command = kamipay(&[&args[..], &["--base-url", &url, "--trace", path]].concat());
    command.env("KAMIPAY_USERNAME", "maria@example.com");
    let get = run(command.env("KAMIPAY_PASSWORD", "pa55-which-nobody-may-see"));
    assert_eq!((get.code, get.out.as_str(), get.err.as_str()), (0, PERSON, ""));
    let args = ["api", "POST", "/v1/payments/payToPixKey", "-f", "pix_key=maria@example.com"];
    let more = ["-f", "payer_name=Maria Silva", "-F", "amount=4.10", "-f", "external_id=order-7"];
    let post = [&args[..], &more, &["--trace", path]].concat();
    run(with_token(&url, &post).env("KAMIPAY_TOKEN", issued)).good();

    let text = fs::read_to_string(&file).unwrap();
    let small = text.to_lowercase();
    for personal in [
        "maria",
        "silva",
        "example.com",
        "99999",
        "123.456",
        "12345678909",
        "0001-95",
        "690-5813",
        "0x1c0a",
        "000201",
        "nobody-may-see",
        "pa55",
    ] {
        assert!(!small.contains(personal), "{personal} is in {text}");
    }
    let lines = lines(&file);
    assert_eq!(lines.len(), 5, "{text}");
    for (line, (method, call, status)) in lines.iter().zip([
        ("POST", "POST /auth/token", 200),
        ("GET", "a call by hand", 500),
        ("GET", "a call by hand", 502),
        ("GET", "a call by hand", 200),
        ("POST", "a call by hand", 200),
    ]) {
        assert_eq!((line["method"].as_str(), line["call"].as_str()), (Some(method), Some(call)));
        assert_eq!(line["answer"]["status"], status);
        assert!(line["took_ms"].is_u64() && line["time"].as_str().unwrap().ends_with('Z'));
    }
    assert_eq!(lines[0]["request"]["body"], "username=***&password=***");
    assert_eq!(lines[1]["request"]["headers"]["authorization"], "***");
    let url = format!("{url}/v1/payments/***?pix_key=***&limit=5");
    assert_eq!(lines[1]["url"], url);
    assert_eq!(lines[2]["answer"]["body"], "*** (24 bytes, not JSON)");
    for shown in [
        r#""kamipay_id":"txc_1""#,
        r#""amount_usdt":"0.81000000000000000001""#,
        r#""amount_brl":4.10"#,
        r#""txid":"0x812f8c44""#,
        r#""created_at":"2026-05-01T12:00:00Z""#,
        r#""msg":"key of ***, ***, ***""#,
        r#"{"pix_key":"***","payer_name":"***","external_id":"order-7","amount":4.10}"#,
    ] {
        assert!(text.contains(shown), "{shown} is not in {text}");
    }
}

#[test]
fn listings_watches_and_logins_are_traced_too() {
    let server = documented();
    let sandbox = Sandbox::documented();
    let file = file("all");
    let path = file.to_str().unwrap();
    let of = |args: &[&str]| {
        let args = [args, &["--trace", path]].concat();
        run(with_token(server.base_url(), &args)
            .env("KAMIPAY_CONFIG_DIR", file.with_extension("d")))
    };
    of(&in_may(&["lots", "list", "--threads", "2"])).good();
    of(&["pay", "status", "--external-id", "order-7", "--watch", "--for", "1ms"]);
    of(&["login"]);
    assert_eq!(lines(&file).len(), server.requests().len());
    assert!(!fs::read_to_string(&file).unwrap().contains(sandbox.token()));
    let none = of(&[
        "lots",
        "list",
        "--from",
        "2026-05-01",
        "--to",
        "2026-05-01",
        "--base-url",
        &nobody(),
        "--max-attempts",
        "1",
    ]);
    assert_eq!(none.code, 5);
    let last = lines(&file).pop().unwrap();
    assert_eq!(last["answer"]["error"], "no connection: the host refuses connections to this port");
}

#[cfg(unix)]
#[test]
fn a_trace_is_for_its_owner_s_eyes() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let server = documented();
    let file = file("eyes");
    let path = file.to_str().unwrap();
    let list = in_may(&["lots", "list", "--trace", path]);
    run(&mut with_token(server.base_url(), &list)).good();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&file).unwrap();
    let sent = server.requests().len();
    let refused = |why: &str| {
        let run = run(&mut with_token(server.base_url(), &list));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
        assert!(run.err.contains(why), "{}", run.err);
    };
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    refused("chmod 600");
    let other = file.with_extension("other");
    fs::rename(&file, &other).unwrap();
    symlink(&other, &file).unwrap();
    refused("it cannot be opened");
    fs::remove_file(&file).unwrap();
    fs::create_dir_all(&file).unwrap();
    refused("it cannot be opened");
    fs::remove_dir(&file).unwrap();
    assert_eq!(fs::read(&other).unwrap(), before);
    assert_eq!(server.requests().len(), sent, "nothing was sent");
}
