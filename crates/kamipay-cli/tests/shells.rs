//! Completions in real shells, and the manual pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{kamipay, run};

/// A new folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shells").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs a script in a shell. `None`, and a word about it, where the shell is not installed.
fn in_shell(shell: &str, args: &[&str], folder: &Path) -> Option<String> {
    let mut command = Command::new(shell);
    let program = Path::new(env!("CARGO_BIN_EXE_kamipay")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    command.args(args).current_dir(folder).stdin(Stdio::null()).env("ZDOTDIR", folder);
    command.env("PATH", format!("{}:{path}", program.display())).env("TERM", "dumb");
    let Ok(output) = command.output() else {
        eprintln!("skipped: {shell} is not installed");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What is typed, and what a shell offers for it.
const OFFERED: [(&str, &[&str]); 6] = [
    ("kamipay set", &["settlements"]),
    ("kamipay lots ", &["list", "get", "find-payout"]),
    ("kamipay lots list --fr", &["--from"]),
    ("kamipay settlements list --output ", &["table", "json", "ndjson", "csv"]),
    ("kamipay completions p", &["powershell"]),
    ("kamipay help lots l", &["list"]),
];

#[test]
fn bash_completes() {
    let folder = folder("bash");
    fs::write(folder.join("kamipay"), script("bash")).unwrap();
    for (line, offered) in OFFERED {
        let ask = r#"
            source ./kamipay
            read -ra COMP_WORDS <<< "$1"
            [[ $1 == *' ' ]] && COMP_WORDS+=('')
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$1 COMP_POINT=${#1}
            complete -p kamipay > /dev/null
            _kamipay kamipay "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            printf '%s\n' "${COMPREPLY[@]}""#;
        let args = ["--noprofile", "--norc", "-ec", ask, "bash", line];
        let Some(words) = in_shell("bash", &args, &folder) else { return };
        let words: Vec<&str> = words.lines().collect();
        for word in offered {
            assert!(words.contains(word), "{line}: {words:?}");
        }
        assert!(!words.contains(&"demo"), "{line}: {words:?}");
    }
}

/// A terminal with zsh in it, as a person has it, and the tabulator key.
#[test]
fn zsh_completes() {
    let folder = folder("zsh");
    fs::write(folder.join("_kamipay"), script("zsh")).unwrap();
    // It reads until all words are there. The end of the time is a failure.
    let ask = r#"
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell "stty cols 200; fpath=($PWD \$fpath); autoload -Uz compinit"
        zpty -w shell "compinit -u -d $PWD/dump; LISTMAX=999; setopt no_list_ambiguous"
        zpty -w shell "bindkey '^I' complete-word; PS1=rea''dy"
        zpty -r shell text '*ready*'
        zpty -n -w shell "$1"$'\t'
        text= line=$1 && shift
        for word; do
            while [[ $text != *"${word#${line##* }}"* ]]; do zpty -r shell more '?*'; text+=$more; done
        done
        print -r -- "$text""#;
    for (line, offered) in OFFERED {
        let args = [&["20", "zsh", "-f", "-c", ask, "zsh", line], offered].concat();
        if in_shell("zsh", &["-f", "-c", "true"], &folder).is_none() {
            return;
        }
        in_shell("timeout", &args, &folder);
    }
}

#[test]
fn every_shell_has_a_script() {
    for (shell, word) in [
        ("bash", "complete -F _kamipay"),
        ("zsh", "#compdef kamipay"),
        ("fish", "complete -c kamipay"),
        ("powershell", "Register-ArgumentCompleter -Native -CommandName 'kamipay'"),
    ] {
        let script = script(shell);
        assert!(script.contains(word), "{shell}: {script}");
        assert!(script.contains("find-payout"), "{shell}: {script}");
    }
    let other = run(&mut kamipay(&["completions", "tcsh"]));
    assert_eq!(other.code, 2, "{}", other.err);
    assert!(other.err.contains("[possible values: bash, zsh, fish, powershell]"), "{}", other.err);
}

fn script(shell: &str) -> String {
    let script = run(kamipay(&["completions", shell]).envs(SECRETS)).good();
    assert!(!script.contains("s3cret"), "{script}");
    script
}

/// Variables, whose values belong into no script and no page.
const SECRETS: [(&str, &str); 4] = [
    ("KAMIPAY_BASE_URL", "https://s3cret.example.com"),
    ("KAMIPAY_TOKEN", "s3cret"),
    ("KAMIPAY_USERNAME", "s3cret"),
    ("KAMIPAY_PASSWORD", "s3cret"),
];

#[test]
fn each_command_has_a_manual_page() {
    let pages = folder("man").join("new/man1");
    let out = pages.to_str().unwrap();
    for _ in 0..2 {
        assert_eq!(run(kamipay(&["man", "--out", out]).envs(SECRETS)).good(), "");
    }
    let mut names: Vec<String> = fs::read_dir(&pages)
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in ["kamipay.1", "kamipay-lots-list.1", "kamipay-scan-plan-lots.1"] {
        assert!(names.iter().any(|it| it == name), "{names:?}");
    }
    for name in &names {
        let page = fs::read_to_string(pages.join(name)).unwrap();
        assert!(!page.contains("s3cret"), "{name}");
        // Its words are those of the help.
        let command = name.trim_end_matches(".1").replace("find-payout", "find_payout");
        let command = command.replace("pending-charges", "pending_charges");
        let command = command.replace("confirmed-charges", "confirmed_charges");
        let words: Vec<String> =
            command.split('-').skip(1).map(|word| word.replace('_', "-")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let help = run(&mut kamipay(&[&["help"], &words[..]].concat())).good();
        let about = help.lines().next().unwrap();
        let plain = page.replace("\\-", "-").replace("\\*(Aq", "'");
        assert!(plain.contains(about), "{name}: {about}");
    }

    let taken = run(&mut kamipay(&["man", "--out", &format!("{out}/kamipay.1")]));
    assert_eq!(taken.code, 1);
    assert!(taken.err.contains("cannot write the pages"), "{}", taken.err);
}

#[test]
fn help_knows_every_command() {
    for words in [&[][..], &["lots"], &["lots", "list"], &["scan", "plan", "lots"]] {
        let help = run(&mut kamipay(&[&["help"], words].concat())).good();
        assert_eq!(help, run(&mut kamipay(&[words, &["--help"]].concat())).good());
    }
    let unknown = run(&mut kamipay(&["help", "lots", "nope"]));
    assert_eq!((unknown.code, unknown.out.as_str()), (2, ""));
    assert!(unknown.err.contains("unrecognized subcommand 'nope'"), "{}", unknown.err);
}
