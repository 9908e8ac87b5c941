//! Every exit code but those of `pay status`, with what is said on standard error.

use kamipay_sandbox::{Sandbox, Scenario, Server};

use crate::support::{
    Run, documented, in_may, kamipay, lots, nobody, run, server, silence, with_token,
};

const LOT: &str = "9c030c8b-6d68-445b-8048-1bacd91012fa";

fn ends(code: i32, run: &Run) -> String {
    assert_eq!((run.code, run.out.as_str()), (code, ""), "{}", run.err);
    run.err.clone()
}

#[test]
fn one_is_any_other_error() {
    let sandbox = documented();
    let port = sandbox.address().port().to_string();
    let taken = ends(1, &run(&mut kamipay(&["sandbox", "--port", &port])));
    assert!(taken.starts_with(&format!("error: cannot listen on port {port} of 127.0.0.1: ")));
    assert!(taken.ends_with("  tip: without --port a free one is taken\n"), "{taken}");
}

#[test]
fn three_is_a_refusal() {
    let several = Sandbox::documented().with_scenario(Scenario::SeveralCheckouts);
    let several = Server::start(several).unwrap();
    let pending = run(&mut with_token(several.base_url(), &["settlements", "pending"]));
    let pending = ends(3, &pending);

    let many = server(|_, _| (429, r#"{"message": "API rate limit exceeded"}"#.to_owned()));
    let many = ends(3, &run(&mut with_token(&many, &in_may(&["lots", "list"]))));
    let html = server(|_, _| (404, "<html>\x1b[31mno such host</html>".to_owned()));
    let html = ends(3, &run(&mut with_token(&html, &in_may(&["settlements", "list"]))));
    // Another server's, a login's, and a payment's 404: none of them says that a thing does not exist.
    let html_lot = server(|_, _| (404, "<html>no such host</html>".to_owned()));
    let html_lot = ends(3, &run(&mut with_token(&html_lot, &["lots", "get", LOT])));
    let no_login = server(|_, _| (404, r#"{"detail": "Not Found"}"#.to_owned()));
    let mut login = with_token(&no_login, &["lots", "get", LOT]);
    login.env("KAMIPAY_TOKEN", "").env("KAMIPAY_USERNAME", "me").env("KAMIPAY_PASSWORD", "no");
    ends(3, &run(&mut login));
    for watch in [&[][..], &["--watch"]] {
        let status = [&["pay", "status", "--external-id", "order-7"], watch].concat();
        let run = run(&mut with_token(&no_login, &status));
        assert_eq!(run.code, 3, "{}", run.err);
        assert!(run.err.contains("do not pay again"), "{}", run.err);
    }
    insta::assert_snapshot!([pending, many, html, html_lot].join("\n"));
}

#[test]
fn seven_is_a_thing_that_does_not_exist() {
    let sandbox = documented();
    let of = |args: &[&str]| ends(7, &run(&mut with_token(sandbox.base_url(), args)));
    insta::assert_snapshot!(
        [
            of(&["lots", "get", &LOT.replace('9', "8")]),
            of(&["settlements", "get", "54321"]),
            of(&in_may(&["lots", "find-payout", "txc_nowhere"])),
        ]
        .join("\n")
    );

    // A search that could not open a lot has not found that there is none.
    let url = server(|_, target| match target.contains("/lots?") {
        true => lots(0..2, 2, 0),
        false => (404, r#"{"detail": "Not Found"}"#.to_owned()),
    });
    let find = in_may(&["lots", "find-payout", "txc_nowhere"]);
    ends(3, &run(&mut with_token(&url, &find)));
}

#[test]
fn four_is_not_authenticated_or_not_allowed() {
    let sandbox = Server::start(Sandbox::documented().without_confirmed_charges()).unwrap();
    let list = in_may(&["lots", "list"]);
    let token = ends(4, &run(with_token(sandbox.base_url(), &list).env("KAMIPAY_TOKEN", "other")));

    let mut login = with_token(sandbox.base_url(), &list);
    login.env("KAMIPAY_TOKEN", "").env("KAMIPAY_USERNAME", "me").env("KAMIPAY_PASSWORD", "no");
    let login = ends(4, &run(&mut login));

    let charges = ["charges", "confirmed", "--from", "2026-05-14", "--to", "2026-05-14T12:00:00Z"];
    let charges = ends(4, &run(&mut with_token(sandbox.base_url(), &charges)));

    let forbidden = server(|_, _| (403, r#"{"detail": "Forbidden"}"#.to_owned()));
    let forbidden = ends(4, &run(&mut with_token(&forbidden, &["lots", "get", LOT])));

    let refused =
        server(|_, _| (400, r#"{"detail": "Incorrect username or password"}"#.to_owned()));
    let mut refused = with_token(&refused, &list);
    refused.env("KAMIPAY_TOKEN", "").env("KAMIPAY_USERNAME", "me").env("KAMIPAY_PASSWORD", "no");
    let refused = ends(4, &run(&mut refused));
    insta::assert_snapshot!([token, login, charges, forbidden, refused].join("\n"));
}

#[test]
fn five_is_no_usable_answer() {
    let list = in_may(&["lots", "list"]);
    let of = |url: &str| ends(5, &run(&mut with_token(url, &list)));
    let failed = server(|_, _| (500, r#"{"detail": "an unexpected error occurred"}"#.to_owned()));
    let gateway = server(|_, _| (502, "<html>Bad Gateway</html>".to_owned()));
    let cut = server(|_, _| (0, r#"{"lots": ["#.to_owned()));
    let html = server(|_, _| (200, "<html>Welcome</html>".to_owned()));
    let broken = server(|_, _| {
        let (status, body) = lots(0..2, 2, 0);
        (status, body.replace(r#""1.50""#, r#""1.5o""#))
    });
    let other = server(|_, _| lots(0..1, 1, 7));
    let redirect = server(|_, _| (302, String::new()));
    let errors = [
        of(&nobody()),
        of(&failed),
        of(&gateway),
        of(&cut),
        of(&html),
        of(&broken),
        of(&other),
        of(&redirect),
    ];
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn five_is_also_no_answer_in_time() {
    let (_listener, url) = silence();
    let timeout = in_may(&["lots", "list", "--timeout", "50ms"]);
    let timeout = ends(5, &run(&mut with_token(&url, &timeout)));
    let deadline = ["lots", "get", LOT, "--deadline", "50ms"];
    let deadline = ends(5, &run(&mut with_token(&url, &deadline)));
    insta::assert_snapshot!([timeout, deadline].join("\n"));
}

/// Two windows: in the first, all is well.
const TWO_WINDOWS: [&str; 4] = ["--from", "2026-05-01", "--to", "2026-06-30"];

#[test]
fn six_is_a_list_that_cannot_be_whole() {
    let list = [&["lots", "list", "--deadline", "3s"], &TWO_WINDOWS[..]].concat();
    let second = |answer: fn(usize) -> (u16, String)| {
        server(move |n, _| if n == 0 { lots(0..2, 2, 0) } else { answer(n) })
    };
    let moved = second(|n| lots(2..4, 5 + u32::try_from(n).unwrap(), 0));
    let short = second(|_| lots(2..4, 3, 0));
    let empty = second(|_| lots(2..2, 4, 0));
    let many = second(|_| lots(2..4, 1, 0));
    let refused = second(|_| (403, String::new()));

    let mut errors = Vec::new();
    for url in [&moved, &short, &empty, &many, &refused] {
        let run = run(&mut with_token(url, &list));
        assert_eq!((run.code, run.out.lines().count()), (6, 2), "{}", run.err);
        errors.push(run.err);
    }
    insta::assert_snapshot!(errors.join("\n"));
}

/// Something answers in the API's place, and always the same.
#[test]
fn six_is_also_a_window_that_repeats_the_one_before_it() {
    let url = server(|_, _| {
        let (status, body) = lots(0..2, 2, 0);
        (status, body.replacen("2026-05-01", "2026-05-02", 1)) // not at one moment, on a border
    });
    let list = [&["lots", "list"], &TWO_WINDOWS[..]].concat();
    let run = run(&mut with_token(&url, &list));
    assert_eq!((run.code, run.out.lines().count()), (6, 2), "{}", run.err);
    insta::assert_snapshot!(run.err);
}

#[test]
fn nothing_is_printed_as_if_it_were_whole() {
    for (format, lines) in [("json", 0), ("table", 0), ("csv", 3), ("ndjson", 2)] {
        let url = server(|n, _| if n == 0 { lots(0..2, 2, 0) } else { lots(0..0, 4, 0) });
        let args = [&["lots", "list", "--output", format], &TWO_WINDOWS[..]].concat();
        let run = run(&mut with_token(&url, &args));
        assert_eq!((run.code, run.out.lines().count()), (6, lines), "{format}: {}", run.err);
        assert_eq!(run.err.contains("INCOMPLETE: the 2 rows"), lines > 0, "{}", run.err);
    }
}
