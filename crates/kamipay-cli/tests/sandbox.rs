//! `sandbox` and `demo`.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use crate::support::{in_may, kamipay, run, with_token};

/// A running sandbox, its URL, and what else is said.
struct Serving {
    child: Child,
    url: String,
}

impl Serving {
    fn start(args: &[&str]) -> Self {
        let mut command = kamipay(&[&["sandbox"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim_end().to_owned() }
    }

    /// What is said on standard error, up to its last line.
    fn words(mut self) -> String {
        let mut lines = BufReader::new(self.child.stderr.take().unwrap()).lines();
        let mut words = String::new();
        while !words.contains("KAMIPAY_PASSWORD=") {
            words.push_str(&lines.next().unwrap().unwrap());
            words.push('\n');
        }
        words
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_first_line_is_the_url_and_all_payments_are_there() {
    let serving = Serving::start(&[]);
    assert!(serving.url.starts_with("http://127.0.0.1:"), "{}", serving.url);
    let lots = run(&mut with_token(&serving.url, &in_may(&["lots", "list"]))).good();
    assert_eq!(lots.lines().count(), 40);
    let status = ["pay", "status", "--external-id", "failed-and-refunded"];
    assert_eq!(run(&mut with_token(&serving.url, &status)).code, 10);
}

#[test]
fn a_merchant_is_as_large_as_you_like() {
    let serving = Serving::start(&["--year", "2025", "--lots", "1500", "--charges", "1200"]);
    for (list, rows) in [(["lots", "list"], 1500), (["settlements", "transactions"], 1200)] {
        let args = [&list[..], &["--from", "2025-01-01", "--to", "2025-12-31"]].concat();
        assert_eq!(run(&mut with_token(&serving.url, &args)).good().lines().count(), rows);
    }
    let words = serving.words();
    assert!(words.contains("in 2025.") && words.contains("--from 2025-01-01"), "{words}");
}

#[test]
fn scenarios_and_seeds_are_chosen() {
    let one = Serving::start(&["--seed", "2", "--scenario", "canceled"]);
    let two = Serving::start(&["--seed", "3", "--scenario", "canceled", "--scenario", "done"]);
    let list = in_may(&["lots", "list"]);
    let lots = [&one, &two].map(|it| run(&mut with_token(&it.url, &list)).good());
    assert_ne!(lots[0], lots[1]);
    let code = |it: &Serving, id| {
        run(&mut with_token(&it.url, &["pay", "status", "--external-id", id])).code
    };
    assert_eq!((code(&one, "canceled"), code(&one, "done")), (11, 12));
    assert_eq!((code(&two, "canceled"), code(&two, "done")), (11, 0));
}

/// What is printed to be copied can be run.
#[test]
fn the_commands_to_try_work() {
    let serving = Serving::start(&[]);
    let url = serving.url.clone();
    let demo = run(&mut kamipay(&["demo"])).good();
    let (_, next) = demo.split_once("Now you").unwrap();
    let mut tried = 0;
    let commands = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim).filter_map(|line| line.strip_prefix("kamipay "));
        lines.map(|line| line.split(';').next().unwrap().to_owned()).collect()
    };
    let mut try_all = |text: &str| {
        for command in commands(text) {
            let args: Vec<&str> = command.split_whitespace().collect();
            if matches!(args[0], "sandbox" | "--help") {
                continue;
            }
            let run = run(&mut with_token(&url, &args));
            assert!(matches!(run.code, 0 | 10..=12), "{command}: {}", run.err);
            tried += 1;
        }
    };
    try_all(next);
    let err = Serving::start(&[]).words();
    try_all(&err);
    assert!(tried > 12, "{tried}");
    assert!(err.contains("export KAMIPAY_BASE_URL=http://127.0.0.1:"), "{err}");
    assert!(err.contains("export KAMIPAY_USERNAME=merchant@example.com"), "{err}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it() {
    use std::os::unix::process::ExitStatusExt as _;

    let mut serving = Serving::start(&[]);
    let id = serving.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(serving.child.wait().unwrap().signal(), Some(2));
}

#[test]
fn the_demo_is_the_whole_tour() {
    let demo = run(&mut kamipay(&["demo"])).good();
    for landmark in [
        "A merchant's morning",
        "POST /auth/token",
        "GET /v1/lots ",
        "GET /v1/lots/{lot_identifier}",
        "ok: the payouts add up to",
        "GET /v1/settlements ",
        "GET /v1/settlements/{settlement_id}",
        "ok: the charges add up to",
        "GET /v1/settlements/pending-charges",
        "9 charges are waiting",
        "GET /v2/status/tx_status",
        "NOT a failure: wait and ask again",
        "refund not visible yet: do not pay again",
        "returned: may be paid again",
        "no funds moved: may be paid again",
        "under_review  not known to be over: do not pay again",
        "under_review is on none of the API's pages",
        "DONE_PARTIALLY is on none of the API's pages",
        "kamipay sandbox",
    ] {
        assert!(demo.replace('\n', " \n").contains(landmark), "{landmark} is missing in:\n{demo}");
    }
    assert!(demo.lines().all(|line| line.chars().count() <= 80), "{demo}");
    assert!(!demo.contains('\x1b'));

    // The port is another one each time, and nothing else.
    let again = run(kamipay(&["demo"]).env("NO_COLOR", "1").env("CLICOLOR_FORCE", "")).good();
    let [a, b] = [&demo, &again].map(|demo| demo.lines().skip(2).collect::<Vec<_>>());
    assert_eq!(a, b);
}
