//! The help texts, which are how most people learn what the program can do.

use crate::support::{kamipay, run};

fn help(args: &[&str]) -> String {
    run(&mut kamipay(&[args, &["--help"]].concat())).good()
}

#[test]
fn the_program() {
    insta::assert_snapshot!(help(&[]));
}

#[test]
fn the_commands() {
    let commands: [&[&str]; 16] = [
        &["lots"],
        &["settlements"],
        &["charges"],
        &["pay"],
        &["lots", "get"],
        &["lots", "find-payout"],
        &["settlements", "pending"],
        &["charges", "confirmed"],
        &["pay", "status"],
        &["scan"],
        &["scan", "plan"],
        &["scan", "plan", "transactions"],
        &["scan", "run"],
        &["login"],
        &["whoami"],
        &["api"],
    ];
    for command in commands {
        insta::assert_snapshot!(command.join("-"), help(command));
    }
}

#[test]
fn the_sandbox_lists_its_scenarios() {
    let help = help(&["sandbox"]);
    assert!(help.lines().count() < 80, "{help}");
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("The first line on standard output is the base URL"), "{help}");
    let list = run(&mut kamipay(&["sandbox", "--list-scenarios"])).good();
    for scenario in kamipay_sandbox::Scenario::all() {
        let line = format!("  {scenario:26}  {}\n", scenario.description());
        assert!(list.contains(&line), "{line} is missing in {list}");
        assert_eq!(list.lines().filter(|line| *line == scenario.group()).count(), 1, "{list}");
        if scenario.has_payment() {
            assert!(
                words.contains(&format!("{scenario},")) || words.contains(&format!("{scenario}."))
            );
        }
    }
}

#[test]
fn every_command_has_an_example_that_parses() {
    let leaves: [&[&str]; 23] = [
        &["lots", "list"],
        &["lots", "get"],
        &["lots", "find-payout"],
        &["settlements", "list"],
        &["settlements", "get"],
        &["settlements", "transactions"],
        &["settlements", "pending"],
        &["charges", "confirmed"],
        &["pay", "status"],
        &["scan", "plan", "lots"],
        &["scan", "plan", "settlements"],
        &["scan", "plan", "transactions"],
        &["scan", "plan", "pending-charges"],
        &["scan", "plan", "confirmed-charges"],
        &["scan", "run"],
        &["sandbox"],
        &["demo"],
        &["completions"],
        &["man"],
        &["login"],
        &["logout"],
        &["whoami"],
        &["api"],
    ];
    for leaf in leaves {
        let help = help(leaf);
        let (_, examples) = help.split_once("Examples:\n").unwrap();
        let joined = examples.replace("\\\n", "");
        let examples: Vec<&str> =
            joined.lines().filter_map(|line| line.trim().strip_prefix("kamipay ")).collect();
        assert!(examples.len() >= 2, "{leaf:?}");
        for example in examples {
            let args = example.split(['|', '>']).next().unwrap();
            let args: Vec<&str> = args.split_whitespace().collect();
            let own = ["sandbox", "demo", "man", "login", "logout", "whoami"];
            if own.contains(&args[0]) {
                continue; // they have tests of their own
            }
            let run = run(&mut kamipay(&args));
            if args.starts_with(&["scan", "plan"]) || args[0] == "completions" {
                run.good();
                continue;
            }
            // The first thing that is missing is the API.
            assert!(run.err.starts_with("error: no base URL"), "{example}: {}", run.err);
        }
    }
}

#[test]
fn secrets_are_pointed_to_their_variables() {
    for short in ["-h", "--help"] {
        let run = run(&mut kamipay(&["lots", "list", short]));
        let help = run.good();
        let (_, connection) = help.split_once("Connection (").unwrap();
        assert!(connection.starts_with("better in variables"), "{help}");
        for variable in ["BASE_URL", "TOKEN", "USERNAME", "PASSWORD"] {
            let words: Vec<&str> = help.split_whitespace().collect();
            assert!(words.join(" ").contains(&format!("[env: KAMIPAY_{variable}]")), "{help}");
        }
    }
}

#[test]
fn the_version() {
    let version = run(&mut kamipay(&["--version"])).good();
    assert_eq!(version, format!("kamipay {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn without_arguments_there_is_help() {
    for args in [&[][..], &["lots"], &["pay"]] {
        let run = run(&mut kamipay(args));
        assert_eq!((run.code, run.out.as_str()), (2, ""));
        assert!(run.err.contains("Usage: kamipay"), "{}", run.err);
    }
}
