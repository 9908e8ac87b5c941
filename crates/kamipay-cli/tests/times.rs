//! Days by name and by time zone: which period is asked for, and what is said about it.

use std::fs;
use std::process::Command;

use crate::support::{documented, in_may, kamipay, nobody, run, with_token};

/// A plan, which says what would be asked for, and what standard error says.
fn plan(more: &[&str], variables: &[(&str, &str)]) -> (String, String) {
    let mut command = kamipay(&[&["scan", "plan", "lots"], more].concat());
    let run = run(command.env("KAMIPAY_NOW", "2026-03-01T02:30:00Z").envs(variables.to_vec()));
    assert_eq!(run.code, 0, "{}", run.err);
    let all = |name: &str| {
        let name = format!("\"{name}\":\"");
        let times = run.out.split(&name).skip(1).map(|rest| rest.split('"').next().unwrap());
        times.map(str::to_owned).collect::<Vec<_>>()
    };
    let (start, end) = (all("start").swap_remove(0), all("end").pop().unwrap());
    (format!("{start} to {end}"), run.err)
}

const YESTERDAY: [&str; 4] = ["--from", "yesterday", "--to", "yesterday"];
const SAO_PAULO: &str = "America/Sao_Paulo";

#[test]
fn words_are_days_of_the_zone() {
    for (args, variables, period) in [
        (&YESTERDAY[..], &[][..], "2026-02-28T00:00:00Z to 2026-03-01T00:00:00Z"),
        (
            &[&YESTERDAY[..], &["--timezone", SAO_PAULO]].concat(),
            &[],
            "2026-02-27T03:00:00Z to 2026-02-28T03:00:00Z",
        ),
        (
            &YESTERDAY,
            &[("KAMIPAY_TIMEZONE", SAO_PAULO)],
            "2026-02-27T03:00:00Z to 2026-02-28T03:00:00Z",
        ),
        (
            &[&YESTERDAY[..], &["--utc-offset", "Z"]].concat(),
            &[("KAMIPAY_TIMEZONE", SAO_PAULO)],
            "2026-02-28T00:00:00Z to 2026-03-01T00:00:00Z",
        ),
        (
            &["--from", "2025-12", "--to", "last-month", "--timezone", "UTC"],
            &[],
            "2025-12-01T00:00:00Z to 2026-03-01T00:00:00Z",
        ),
        (
            &["--from", "7d", "--to", "yesterday"],
            &[("KAMIPAY_TIMEZONE", "")],
            "2026-02-22T00:00:00Z to 2026-03-01T00:00:00Z",
        ),
    ] {
        let (planned, err) = plan(args, variables);
        assert_eq!(planned, period, "{args:?}");
        assert_eq!(err, format!("note: the period is {period}\n"), "{args:?}");
    }
}

/// A day with a clock change is as long as it is there, and days tile.
#[test]
fn a_day_with_a_clock_change_is_whole() {
    for (zone, day, period) in [
        (SAO_PAULO, "2018-11-03", "2018-11-03T03:00:00Z to 2018-11-04T03:00:00Z"),
        (SAO_PAULO, "2018-11-04", "2018-11-04T03:00:00Z to 2018-11-05T02:00:00Z"),
        (SAO_PAULO, "2018-11-05", "2018-11-05T02:00:00Z to 2018-11-06T02:00:00Z"),
        ("America/New_York", "2026-03-08", "2026-03-08T05:00:00Z to 2026-03-09T04:00:00Z"),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00:00Z to 2026-11-02T05:00:00Z"),
    ] {
        let (planned, err) = plan(&["--from", day, "--to", day, "--timezone", zone], &[]);
        assert_eq!(planned, period);
        assert_eq!(err, format!("note: the period is {period}\n"));
    }
}

/// Where the command line shows the period, nothing is said about it.
#[test]
fn a_plain_period_needs_no_note() {
    let day = ["--from", "2026-02-01", "--to", "2026-02-02"];
    let times = ["--from", "2026-02-01T00:00:00Z", "--to", "2026-02-01T12:00:00Z"];
    for args in [
        &day[..],
        &[&day[..], &["--utc-offset", "-03:00"]].concat(),
        &[&times[..], &["--timezone", SAO_PAULO]].concat(),
    ] {
        assert_eq!(plan(args, &[]).1, "", "{args:?}");
    }
    let server = documented();
    let args = [&["settlements", "list", "--quiet"], &YESTERDAY[..]].concat();
    run(&mut with_token(server.base_url(), &args)).good();
    let find = [&["lots", "find-payout", "txc_1"], &YESTERDAY[..]].concat();
    let find = run(with_token(server.base_url(), &find).env("KAMIPAY_NOW", "2026-03-01T02:30:00Z"));
    let note = "note: the period is 2026-02-28T00:00:00Z to 2026-03-01T00:00:00Z\n";
    assert!(find.err.starts_with(note), "{}", find.err);
    // Without an end the period ends now, by the same clock.
    let pending = ["settlements", "pending", "--from", "yesterday"];
    let mut pending = with_token(server.base_url(), &pending);
    let pending = run(pending.env("KAMIPAY_NOW", "2026-05-15T02:30:00Z"));
    let note = "note: the period is 2026-05-14T00:00:00Z to 2026-05-15T02:30:00Z\n";
    assert_eq!((pending.code, pending.err.as_str()), (0, note));
    assert_eq!(pending.out.lines().count(), 2);
}

#[test]
fn zones_that_are_refused() {
    let refused = |args: &[&str], variable: (&str, &str)| {
        let mut command = with_token(&nobody(), &in_may(&[&["lots", "list"], args].concat()));
        let run = run(command.env(variable.0, variable.1));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
        format!("$ {}={} kamipay lots list {}\n{}", variable.0, variable.1, args.join(" "), run.err)
    };
    let none = ("KAMIPAY_TIMEZONE", "");
    let refusals = [
        refused(&["--timezone", "Brasilia"], none),
        refused(&["--timezone", SAO_PAULO, "--utc-offset", "-03:00"], none),
        refused(&[], ("KAMIPAY_TIMEZONE", "-03:00")),
        refused(&[], ("KAMIPAY_NOW", "soon")),
    ];
    insta::assert_snapshot!(refusals.join("\n"));
}

/// The same words name another period on the next day: a state keeps its own.
#[test]
fn a_listing_of_yesterday_is_not_resumed_as_another_day() {
    let server = documented();
    let dir = std::env::temp_dir().join(format!("kamipay-times-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let [state, out] = ["state", "out"].map(|name| dir.join(name).display().to_string());
    let on = |now: &str| -> Command {
        let files = ["--resume", &state, "--out", &out];
        let args = [&["settlements", "list"], &YESTERDAY[..], &files].concat();
        let mut command = with_token(server.base_url(), &args);
        command.env("KAMIPAY_NOW", now);
        command
    };
    let first = run(&mut on("2026-05-15T10:00:00Z"));
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(first.err.contains("the period is 2026-05-14T00:00:00Z to 2026-05-15T00:00:00Z"));
    let rows = fs::read_to_string(&out).unwrap();
    assert_eq!(rows.lines().count(), 1);

    let same_day = run(&mut on("2026-05-15T23:59:59Z"));
    assert!(same_day.code == 0 && same_day.err.contains("the listing is whole"));
    let next_day = run(&mut on("2026-05-16T00:00:00Z"));
    assert_eq!(next_day.code, 2, "{}", next_day.err);
    assert!(next_day.err.contains("words such as `yesterday` name another"), "{}", next_day.err);
    assert!(next_day.err.contains("2026-05-14T00:00:00Z"), "{}", next_day.err);
    assert_eq!(fs::read_to_string(&out).unwrap(), rows);

    let times = ["--from", "2026-05-14", "--to", "2026-05-14", "--resume", &state, "--out", &out];
    let args = [&["settlements", "list"], &times[..]].concat();
    let absolute = run(&mut with_token(server.base_url(), &args));
    assert!(absolute.code == 0 && absolute.err.contains("the listing is whole"));
    fs::remove_dir_all(&dir).unwrap();
}
