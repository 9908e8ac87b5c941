//! No secret in anything that the program prints, whatever goes wrong.

use std::process::Command;

use kamipay_sandbox::Sandbox;

use crate::support::{
    documented, in_may, kamipay, lots, nobody, offset, run, server, silence, with_payments,
};

const TOKEN: &str = "t0ken-which-nobody-may-see";
const PASSWORD: &str = "pa55-which-nobody-may-see";

fn commands() -> Vec<Vec<&'static str>> {
    vec![
        in_may(&["lots", "list", "--timeout", "50ms"]),
        vec!["lots", "get", "9c030c8b-6d68-445b-8048-1bacd91012fa", "--timeout", "50ms", "-v"],
        vec!["pay", "status", "--external-id", "test235", "--deadline", "50ms", "--verbose"],
        vec!["settlements", "pending", "--output", "table", "--timeout", "50ms"],
    ]
}

/// Runs it and looks at all that it printed.
#[track_caller]
fn is_silent_about(command: &mut Command, secrets: &[&str]) {
    let run = run(command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1"));
    for secret in secrets {
        assert!(!run.out.contains(secret), "{}", run.out);
        assert!(!run.err.contains(secret), "{}", run.err);
    }
}

#[test]
fn no_secret_is_printed_whatever_goes_wrong() {
    let (_listener, silence) = silence();
    let bases = [
        documented().base_url().to_owned(), // stopped
        nobody(),
        silence,
        server(|_, _| (401, r#"{"message": "Unauthorized", "request_id": "1"}"#.to_owned())),
        server(|_, _| (500, String::new())),
        server(|_, _| (302, String::new())),
        server(|_, _| (200, "<html>".to_owned())),
        server(|_, _| (0, "{".to_owned())),
        echo(
            403,
            &format!(r#"{{"message": "no route for Bearer {TOKEN}", "request_id": "{TOKEN}"}}"#),
        ),
        echo(401, &format!(r#"{{"detail": "{TOKEN} and {PASSWORD} are wrong"}}"#)),
        echo(
            422,
            &format!(r#"{{"detail": [{{"loc": ["body", "{PASSWORD}"], "msg": "{TOKEN}"}}]}}"#),
        ),
        echo(
            200,
            &format!(
                r#"{{"status": "ok", "data": {{"status": "done", "kamipay_id": "a",
            "external_id": "{TOKEN} {PASSWORD}"}}}}"#
            ),
        ),
        echo(
            200,
            &format!(
                r#"{{"status": "ok", "msg": "{PASSWORD}", "data": {{"status": "{TOKEN}",
            "external_id": "test235", "{TOKEN}": ["{PASSWORD}", "Bearer {TOKEN}"]}}}}"#
            ),
        ),
        echo(200, &format!(r#"{{"status": "failed", "msg": "no {TOKEN} {PASSWORD}"}}"#)),
        server(|_, _| (400, format!(r#"{{"detail": "{PASSWORD} is wrong for {TOKEN}"}}"#))), // the login
        server(|n, target| match n {
            0 => (200, format!(r#"{{"access_token": "{TOKEN}", "token_type": "bearer"}}"#)),
            1 => lots(0..2, 4, offset(target)),
            _ => lots(0..2, 4, 0),
        }),
        "https://127.0.0.1:1".to_owned(),
        "http://api.kamipay.io".to_owned(),
        format!("https://me:{PASSWORD}@api.kamipay.io"),
        format!("https://api.kamipay.io/?token={TOKEN}"),
        PASSWORD.to_owned(),
    ];
    // Beside each other, because the program waits before it asks again.
    std::thread::scope(|scope| {
        for base in &bases {
            scope.spawn(|| is_silent_at(base));
        }
    });
}

/// Answers a login, and then everything else with this.
fn echo(status: u16, body: &str) -> String {
    let body = body.to_owned();
    server(move |_, target| match target {
        "/auth/token" => (200, format!(r#"{{"access_token": "{TOKEN}", "token_type": "bearer"}}"#)),
        _ => (status, body.clone()),
    })
}

fn is_silent_at(base: &str) {
    let secrets = [TOKEN, PASSWORD];
    for args in commands() {
        let args = [&args[..], &["--max-attempts", "2"]].concat();
        let mut by_variable = kamipay(&args);
        by_variable.env("KAMIPAY_BASE_URL", base).env("KAMIPAY_TOKEN", TOKEN);
        is_silent_about(&mut by_variable, &secrets);

        let flags = ["--base-url", base, "--username", "me", "--password", PASSWORD];
        is_silent_about(&mut kamipay(&[&args[..], &flags].concat()), &secrets);
    }
}

#[test]
fn no_secret_is_printed_when_all_is_well() {
    let server = with_payments();
    let sandbox = Sandbox::documented();
    let mut by_token = kamipay(&in_may(&["lots", "list"]));
    by_token.env("KAMIPAY_BASE_URL", server.base_url()).env("KAMIPAY_TOKEN", sandbox.token());
    is_silent_about(&mut by_token, &[sandbox.token()]);

    let mut by_name = kamipay(&in_may(&["lots", "list"]));
    by_name.env("KAMIPAY_BASE_URL", server.base_url());
    by_name.env("KAMIPAY_USERNAME", sandbox.username());
    by_name.env("KAMIPAY_PASSWORD", sandbox.password());
    is_silent_about(&mut by_name, &[sandbox.password(), "eyJ"]);
    is_silent_about(&mut kamipay(&["demo"]), &[sandbox.password(), "eyJ"]);
}

#[test]
fn no_secret_of_a_proxy_is_printed() {
    let list = in_may(&["lots", "list", "--proxy-from-env", "--max-attempts", "1"]);
    for proxy in ["http://me:@127.0.0.1:1", "nonsense://me:@127.0.0.1:1"] {
        let proxy = proxy.replace("me:", &format!("me:{PASSWORD}"));
        let mut command = kamipay(&list);
        command.env("KAMIPAY_BASE_URL", "https://api.example.com").env("KAMIPAY_TOKEN", TOKEN);
        is_silent_about(command.env("ALL_PROXY", &proxy), &[TOKEN, PASSWORD]);
    }
}

#[test]
fn no_secret_is_printed_in_usage_errors_and_help() {
    let spaced = format!("{TOKEN} {PASSWORD}");
    let variables = [
        ("KAMIPAY_BASE_URL", "https://api.kamipay.io"),
        ("KAMIPAY_TOKEN", &spaced),
        ("KAMIPAY_USERNAME", "me"),
        ("KAMIPAY_PASSWORD", PASSWORD),
    ];
    for only in [&variables[..], &variables[..2], &variables[..3]] {
        for args in [&["lots", "list", "--help"][..], &["lots", "list", "-h"], &["lots"]] {
            is_silent_about(kamipay(args).envs(only.iter().copied()), &[TOKEN, PASSWORD]);
        }
        let list = in_may(&["lots", "list"]);
        is_silent_about(kamipay(&list).envs(only.iter().copied()), &[TOKEN, PASSWORD]);
        let wrong = ["lots", "list", "--from", "never"];
        is_silent_about(kamipay(&wrong).envs(only.iter().copied()), &[TOKEN, PASSWORD]);
    }
}
