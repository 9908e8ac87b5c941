//! Wrong arguments: what was wrong, by which rule, and what would be accepted.

use crate::support::{in_may, kamipay, nobody, run, with_token};

/// Each is refused with exit code 2, and before anything is sent.
fn refused(args: &[&str]) -> String {
    let run = run(&mut with_token(&nobody(), args));
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}: {}", run.err);
    format!("$ kamipay {}\n{}", args.join(" "), run.err)
}

#[test]
fn periods() {
    let list = |from, to| refused(&["lots", "list", "--from", from, "--to", to]);
    let refusals = [
        list("2026-05-01", "tomorrow"),
        list("2026-13", "2026-05"),
        list("2026-02-30", "2026-03-01"),
        list("2026-05-01T00:00:00", "2026-05-31"),
        list("01/05/2026", "2026-05-31"),
        list("2026-05-31", "2026-05-01"),
        refused(&["lots", "list", "--from", "2026-05-01"]),
        refused(&in_may(&["lots", "list", "--utc-offset", "Brasilia"])),
        refused(&["settlements", "pending", "--from", "2026-05-31", "--to", "2026-05-01"]),
        refused(&["charges", "confirmed", "--from", "2026-05-14T01:00:00Z", "--to", "2026-05-13"]),
        refused(&["scan", "plan", "lots", "--from", "2026-05-31", "--to", "2026-05-01"]),
        refused(&in_may(&["lots", "find-payout", "txc_1", "--utc-offset", "-3"])),
    ];
    insta::assert_snapshot!(refusals.join("\n"));
}

/// Every command that takes a period: what stands before `--from`.
const WITH_PERIOD: [&[&str]; 11] = [
    &["lots", "list"],
    &["lots", "find-payout", "txc_1"],
    &["settlements", "list"],
    &["settlements", "transactions"],
    &["settlements", "pending"],
    &["charges", "confirmed"],
    &["scan", "plan", "lots"],
    &["scan", "plan", "settlements"],
    &["scan", "plan", "transactions"],
    &["scan", "plan", "pending-charges"],
    &["scan", "plan", "confirmed-charges"],
];

/// For the API, too, the end has to be after the start.
#[test]
fn a_period_that_ends_before_it_begins_or_at_once_is_refused() {
    let periods: [(&[&str], &str); 8] = [
        (&["--from", "2026-05-01", "--to", "2026-04-30"], "the end must be after the start"),
        (&["--from", "2026-05-02", "--to", "2026-04-30"], "the end must be after the start"),
        (
            &["--from", "2026-05-01T00:00:00Z", "--to", "2026-05-01T00:00:00Z"],
            "the end must be after the start",
        ),
        (
            &["--from", "2026-05-01T00:00:00Z", "--to", "2026-04-30T21:00:00-03:00"],
            "the end must be after the start",
        ),
        (
            &["--from", "2026-05-01", "--to", "2026-04-30", "--utc-offset", "-03:00"],
            "2026-05-01T03:00:00Z to 2026-05-01T03:00:00Z is not a range",
        ),
        (
            &["--from", "2026-05-01", "--to", "2026-05-01T00:00:00Z"],
            "2026-05-01T00:00:00Z to 2026-05-01T00:00:00Z is not a range",
        ),
        (
            &["--from", "2026-05-01T03:00:00Z", "--to", "2026-04-30", "--utc-offset", "-03:00"],
            "2026-05-01T03:00:00Z to 2026-05-01T03:00:00Z is not a range",
        ),
        (
            &["--from", "2026-05-01T12:00:00Z", "--to", "2026-04-30", "--utc-offset", "+05:30"],
            "the end must be after the start",
        ),
    ];
    for command in WITH_PERIOD {
        for (period, why) in periods {
            let refusal = refused(&[command, period].concat());
            assert!(refusal.contains(why), "{refusal}");
        }
    }
    for command in [&["settlements", "pending"][..], &["scan", "plan", "pending-charges"]] {
        let refusal = refused(&[command, &["--from", "8999-01-01"]].concat());
        assert!(refusal.contains("is still to come"), "{refusal}");
    }
    let totals = ["settlements", "pending", "--totals", "--from", "2026-05-01"];
    refused(&[&totals[..], &["--to", "2026-04-30"]].concat());
}

#[test]
fn one_date_twice_is_one_day() {
    for command in WITH_PERIOD.iter().filter(|command| command[0] == "scan") {
        let day = ["--from", "2026-05-14", "--to", "2026-05-14", "--utc-offset", "-03:00"];
        let plan = run(&mut kamipay(&[command, &day[..]].concat())).good();
        for end in [r#""start":"2026-05-14T03:00:00Z""#, r#""end":"2026-05-15T03:00:00Z""#] {
            assert!(plan.contains(end), "{plan}");
        }
    }
}

#[test]
fn identifiers() {
    let refusals = [
        refused(&["lots", "get", ".."]),
        refused(&["lots", "get", "a/b"]),
        refused(&["lots", "get", ""]),
        refused(&["lots", "get", "0x812f8c44"]),
        refused(&["settlements", "get", "twelve"]),
        refused(&["settlements", "get", "-1"]),
        refused(&["settlements", "get", "99999999999999999999"]),
        refused(&["settlements", "pending", "--checkout", "99999999999999999999"]),
        refused(&["charges", "confirmed", "--store", "1,99999999999999999999"]),
        refused(&in_may(&["settlements", "transactions", "--settlement", "1.5"])),
        refused(&["settlements", "pending", "--checkout", "x"]),
        refused(&["charges", "confirmed", "--store", "1,2,x"]),
        refused(&in_may(&["lots", "find-payout", "a b"])),
        refused(&["pay", "status", "--external-id", ""]),
        refused(&["pay", "status", "--external-id", "a\nb"]),
        refused(&["pay", "status", "--external-id", "a", "--chain", "bitcoin"]),
        refused(&["pay", "status", "--external-id", "a", "--tx-id", HASH]),
        refused(&["pay", "status", "--tx-id", "nothash"]),
        refused(&["pay", "status", "--tx-id", "0x36**************b2d3", "--watch"]),
        refused(&["pay", "status", "--tx-id", &HASH[2..]]),
        refused(&["pay", "status"]),
    ];
    insta::assert_snapshot!(refusals.join("\n"));
}

const HASH: &str = "0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab";

#[test]
fn a_transaction_is_asked_for_by_a_hash() {
    let form = "64 hexadecimal digits";
    for hash in ["nothash", "0x17", "", " ", &HASH[..65], &HASH.replace('a', "g")] {
        for more in [&[][..], &["--watch"], &["--chain", "tron"]] {
            let refusal = refused(&[&["pay", "status", "--tx-id", hash], more].concat());
            assert!(refusal.contains(form) || hash.is_empty(), "{refusal}");
        }
    }
    // Nor is there a login for a hash of the other chain.
    let bare = ["pay", "status", "--tx-id", &HASH[2..]];
    let server = crate::support::documented();
    let mut login = with_token(server.base_url(), &bare);
    login.env("KAMIPAY_TOKEN", "").env("KAMIPAY_USERNAME", "me").env("KAMIPAY_PASSWORD", "pa55");
    let run = run(&mut login);
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
    assert!(run.err.contains(form), "{}", run.err);
    assert_eq!(server.requests().len(), 0);

    let tron = [&bare[..], &["--chain", "tron"]].concat();
    let upper = ["pay", "status", "--tx-id", &HASH.to_uppercase()];
    for (args, id) in
        [(&tron[..], &HASH[2..]), (&upper, &format!("0x{}", &HASH.to_uppercase()[2..]))]
    {
        crate::support::run(&mut with_token(server.base_url(), args));
        let asked = server.requests().pop().unwrap().path_and_query;
        assert!(asked.contains(&format!("&id={id}&")), "{asked}");
    }
}

#[test]
fn the_others() {
    let refusals = [
        refused(&in_may(&["lots", "list", "--output", "xml"])),
        refused(&in_may(&["lots", "list", "--spreadsheet"])),
        refused(&in_may(&["lots", "list", "--spreadsheet", "--output", "json"])),
        refused(&["pay", "status", "--external-id", "a", "--spreadsheet", "--output", "table"]),
        refused(&in_may(&["lots", "list", "--timeout", "30"])),
        refused(&in_may(&["lots", "list", "--timeout", "0s"])),
        refused(&in_may(&["lots", "list", "--deadline", "soon"])),
        refused(&in_may(&["lots", "list", "--max-attempts", "0"])),
        refused(&in_may(&["lots", "list", "--max-attempts", "101"])),
        refused(&["pay", "status", "--external-id", "a", "--for", "10m"]),
        refused(&["pay", "status", "--external-id", "a", "--every", "1s"]),
        refused(&["pay", "status", "--external-id", "a", "--watch", "--for", "10"]),
        refused(&["pay", "status", "--external-id", "a", "--watch", "--every", "9ms"]),
        refused(&in_may(&["lots", "lst"])),
        refused(&["lots", "get"]),
        refused(&["sandbox", "--port", "99999"]),
        refused(&["sandbox", "--seed", "-1"]),
        refused(&["demo", "--output", "json"]),
    ];
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn a_wrong_scenario_is_told_which_there_are() {
    let refusal = refused(&["sandbox", "--scenario", "not-found"]);
    for scenario in ["not-found-then-done", "not-found-forever"] {
        assert!(refusal.contains(scenario), "{refusal}");
    }
}

#[test]
fn connections() {
    let with = |variables: &[(&str, &str)]| {
        let mut command = kamipay(&in_may(&["lots", "list"]));
        let run = run(command.envs(variables.iter().copied()));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
        let names: Vec<String> =
            variables.iter().map(|(name, value)| format!("{name}={value} ")).collect();
        format!("$ {}kamipay lots list …\n{}", names.concat(), run.err)
    };
    let base = ("KAMIPAY_BASE_URL", "https://api.kamipay.io");
    let token = ("KAMIPAY_TOKEN", "t0ken");
    let (username, password) = (("KAMIPAY_USERNAME", "me"), ("KAMIPAY_PASSWORD", "pa55"));
    let refusals = [
        with(&[]),
        with(&[("KAMIPAY_BASE_URL", ""), token]),
        with(&[base]),
        with(&[base, ("KAMIPAY_TOKEN", ""), ("KAMIPAY_USERNAME", "")]),
        with(&[base, username]),
        with(&[base, password]),
        with(&[base, token, username]),
        with(&[base, token, username, password]),
        with(&[("KAMIPAY_BASE_URL", "http://api.kamipay.io"), token]),
        with(&[("KAMIPAY_BASE_URL", "api.kamipay.io"), token]),
        with(&[("KAMIPAY_BASE_URL", "https://me:pa55@api.kamipay.io"), token]),
        with(&[base, ("KAMIPAY_TOKEN", "two words")]),
    ];
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn an_empty_variable_is_as_good_as_none() {
    let server = crate::support::documented();
    let mut command = with_token(server.base_url(), &in_may(&["lots", "list"]));
    command.env("KAMIPAY_USERNAME", "").env("KAMIPAY_PASSWORD", "");
    assert_eq!(run(&mut command).good().lines().count(), 2);
}

#[test]
fn flags_do_what_the_variables_do() {
    let server = crate::support::documented();
    let url = server.base_url();
    let sandbox = kamipay_sandbox::Sandbox::documented();
    let by_token = in_may(&["lots", "list", "--base-url", url, "--token", sandbox.token()]);
    let (username, password) = (sandbox.username(), sandbox.password());
    let by_name = ["lots", "list", "--base-url", url, "--username", username];
    let by_name = in_may(&[&by_name[..], &["--password", password]].concat());
    for args in [by_token, by_name] {
        assert_eq!(run(&mut kamipay(&args)).good().lines().count(), 2);
    }
    let paths: Vec<String> =
        server.requests().into_iter().map(|request| request.path_and_query).collect();
    assert_eq!(paths.iter().filter(|path| *path == "/auth/token").count(), 1);
}

#[test]
fn a_day_begins_where_the_offset_says() {
    let server = crate::support::documented();
    for (args, start, end) in [
        // Asked for a second wider: the program leaves out rows by their time.
        (["2026-05-01", "2026-05-30", "Z"], "2026-04-30T23:59:59Z", "2026-05-31T00:00:01Z"),
        (["2026-05-01", "2026-05-02", "-03:00"], "2026-05-01T02:59:59Z", "2026-05-03T03:00:01Z"),
        (
            ["2026-05-01T10:00:00+02:00", "2026-05-02", "+05:30"],
            "2026-05-01T07:59:59Z",
            "2026-05-02T18:30:01Z",
        ),
    ] {
        let [from, to, offset] = args;
        let args = ["lots", "list", "--from", from, "--to", to, "--utc-offset", offset];
        run(&mut with_token(server.base_url(), &args)).good();
        let period = format!("?start_date={start}&end_date={end}&limit=1000&offset=0");
        let asked = server.requests().into_iter().map(|it| it.path_and_query.replace("%3A", ":"));
        let asked: Vec<String> = asked.collect();
        assert!(asked.iter().any(|it| it.ends_with(&period)), "{period}: {asked:?}");
    }
}

#[test]
fn a_proxy_in_the_environment_is_not_used() {
    let server = crate::support::documented();
    for proxy in [nobody(), "not a proxy".to_owned()] {
        let mut command = with_token(server.base_url(), &in_may(&["lots", "list"]));
        for variable in ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "all_proxy"] {
            command.env(variable, &proxy);
        }
        run(&mut command).good();
    }
}
