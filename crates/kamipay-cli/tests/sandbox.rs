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

const DATA: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../kamipay-sandbox/examples/merchant.json");

#[test]
fn data_of_one_s_own_is_the_whole_merchant_or_stands_beside_one() {
    let alone = Serving::start(&["--data", DATA]);
    let beside = Serving::start(&["--data", DATA, "--seed", "2", "--scenario", "canceled"]);
    let code = |it: &Serving, id| {
        run(&mut with_token(&it.url, &["pay", "status", "--external-id", id])).code
    };
    for (serving, lots) in [(&alone, 1), (&beside, 41)] {
        let list = run(&mut with_token(&serving.url, &in_may(&["lots", "list"]))).good();
        assert_eq!(list.lines().count(), lots);
        let lot = ["lots", "get", "9c030c8b-6d68-445b-8048-1bacd91012fa"];
        let lot = run(&mut with_token(&serving.url, &lot)).good();
        assert!(lot.contains("35.90674000"), "{lot}");
        // Not found, processing, done.
        assert_eq!([(); 3].map(|()| code(serving, "order-7")), [12, 12, 0]);
    }
    assert_eq!((code(&alone, "canceled"), code(&beside, "canceled")), (12, 11));

    let words = alone.words();
    assert!(words.contains(&format!("The data of {DATA}. Ctrl-C")), "{words}");
    for line in ["--from 2026-04-14 --to 2026-05-14\n", "pay status --external-id order-8\n"] {
        assert!(words.contains(line), "{words}");
    }
    let words = beside.words();
    let both = format!("The data of {DATA}, and a merchant made from the seed 2, in May 2026.");
    assert!(words.contains(&both), "{words}");
}

#[test]
fn data_that_is_wrong_is_refused_with_its_place() {
    let name = format!("kamipay-data-{}.json", std::process::id());
    let file = std::env::temp_dir().join(name);
    let serve = || run(&mut kamipay(&["sandbox", "--data", file.to_str().unwrap()]));
    let missing = serve();
    assert_eq!((missing.code, missing.out.as_str()), (2, ""));
    let words = format!("error: --data {}: the file cannot be read: ", file.display());
    assert!(missing.err.starts_with(&words), "{}", missing.err);

    std::fs::write(&file, "{\n  \"payments\": [{\"external_id\": 7}]\n}").unwrap();
    let wrong = serve();
    std::fs::remove_file(&file).unwrap();
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""));
    let words = "2: payments[0].external_id: 7 is not text in quotes";
    let words = format!("error: --data {}:{words}\n", file.display());
    assert!(wrong.err.starts_with(&words), "{}", wrong.err);
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
    let own = Serving::start(&["--data", DATA]);
    for command in commands(&Serving::start(&["--data", DATA]).words()) {
        let args: Vec<&str> = command.split_whitespace().collect();
        let run = run(&mut with_token(&own.url, &args));
        assert!(matches!(run.code, 0 | 10..=12), "{command}: {}", run.err);
    }
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
        "under_review  unknown state: do not pay again",
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
