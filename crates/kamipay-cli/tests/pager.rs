//! The pager, on a pseudo terminal.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use kamipay_sandbox::{Generated, Sandbox, Server};

use crate::support::{generated, in_may};

/// A terminal of 80 columns and 24 lines, which util-linux's `script` makes, and what runs in it.
struct Terminal {
    script: Child,
    out: ChildStdout,
    seen: String,
    files: PathBuf,
}

impl Terminal {
    /// Runs a shell's line. `None` where there is no `script`: the test is skipped.
    fn run(name: &str, server: &Server, line: &str) -> Option<Self> {
        let version = Command::new("script").arg("--version").output();
        if !version.is_ok_and(|version| version.status.success()) {
            eprintln!("skipped: there is no `script`, which makes a terminal");
            return None;
        }
        let files = std::env::temp_dir().join(format!("kamipay-{name}-{}", std::process::id()));
        fs::create_dir_all(&files).unwrap();
        let kamipay = env!("CARGO_BIN_EXE_kamipay");
        // The shell survives Ctrl-C to tell what became of the program.
        let line = format!(
            "trap : INT; stty cols 80 rows 24; kamipay() {{ '{kamipay}' \"$@\"; }}; {line}"
        );
        let mut script = Command::new("timeout"); // a pager that waits for a key ends as well
        script.args(["--foreground", "60", "script", "-qefc", &line, "/dev/null"]);
        script.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("TERM", "xterm");
        script.env("SHELL", "/bin/sh").env("FILES", &files);
        script.env("KAMIPAY_BASE_URL", server.base_url());
        script.env("KAMIPAY_TOKEN", Sandbox::documented().token());
        script.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = script.spawn().unwrap();
        let out = script.stdout.take().unwrap();
        Some(Self { script, out, seen: String::new(), files })
    }

    /// Reads until the screen shows this.
    fn wait_for(&mut self, text: &str) {
        let mut some = [0; 4096];
        while !self.seen.contains(text) {
            let n = self.out.read(&mut some).unwrap();
            assert!(n > 0, "{text:?} is not in {:?}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&some[..n]));
        }
    }

    fn press(&mut self, keys: &str) {
        self.script.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// The exit code, and all that the screen showed.
    fn end(mut self) -> (i32, String) {
        let mut rest = Vec::new();
        self.out.read_to_end(&mut rest).unwrap();
        let code = self.script.wait().unwrap().code().unwrap();
        fs::remove_dir_all(&self.files).unwrap();
        (code, self.seen + &String::from_utf8_lossy(&rest))
    }
}

fn merchant() -> Server {
    generated(&Generated::new(11))
}

/// The list of 40 lots, which does not fit 24 lines.
fn list(more: &[&str]) -> String {
    format!("kamipay {}", in_may(&[&["lots", "list", "--quiet"], more].concat()).join(" "))
}

#[test]
fn what_does_not_fit_goes_to_the_pager() {
    let server = merchant();
    let pager = "export KAMIPAY_PAGER='echo LESS=$LESS; sed s/^/page:/'; ";
    for (name, args) in [("table", list(&[])), ("json", list(&["--output", "json"]))] {
        let Some(terminal) = Terminal::run(name, &server, &format!("{pager}{args}")) else {
            return;
        };
        let (code, seen) = terminal.end();
        assert!(seen.starts_with("LESS=FRX\r\npage:"), "{seen}");
        assert_eq!(code, 0);
        assert!(seen.lines().skip(1).all(|line| line.starts_with("page:")), "{seen}");
        assert!(seen.lines().count() > 40, "{seen}");
    }
}

/// What fits, what streams, and what goes elsewhere needs none. Nor does who wants none.
#[test]
fn where_there_is_no_pager() {
    let server = merchant();
    let short = "kamipay lots list --quiet --from 2026-05-01 --to 2026-05-02";
    for (name, line) in [
        ("short", format!("PAGER='echo paged' {short}")),
        ("ndjson", format!("PAGER='echo paged' {}", list(&["--output", "ndjson"]))),
        ("csv", format!("PAGER='echo paged' {}", list(&["--output", "csv"]))),
        ("pipe", format!("PAGER='echo paged' {} | cat", list(&["--output", "table"]))),
        ("none", list(&[])),
        ("empty", format!("KAMIPAY_PAGER= PAGER='echo paged' {}", list(&[]))),
        ("cat", format!("KAMIPAY_PAGER=' cat' PAGER='echo paged' {}", list(&[]))),
    ] {
        let Some(terminal) = Terminal::run(name, &server, &line) else { return };
        let (code, seen) = terminal.end();
        assert_eq!(code, 0, "{name}: {seen}");
        assert!(!seen.contains("paged") && seen.lines().count() > 2, "{name}: {seen}");
    }
}

#[test]
fn without_the_pager_that_was_named_the_table_is_printed() {
    let server = merchant();
    let line = format!("PAGER=no-such-pager {}", list(&[]));
    let Some(terminal) = Terminal::run("missing", &server, &line) else { return };
    let (code, seen) = terminal.end();
    assert!(code == 0 && seen.contains("no-such-pager") && seen.contains("40 lots"), "{seen}");
}

/// Without `COLUMNS`, too.
#[test]
fn a_table_fits_the_terminal() {
    let server = merchant();
    let Some(terminal) = Terminal::run("fits", &server, &list(&[])) else { return };
    let (_, seen) = terminal.end();
    assert!(seen.contains("\x1b[32mMINED\x1b[0m"), "{seen}");
    let seen = anstream::adapter::strip_str(&seen).to_string();
    assert!(seen.lines().all(|line| line.chars().count() <= 80), "{seen}");
    assert!(seen.contains("not shown: transaction_hash"), "{seen}");
    for (name, variables) in [("plain", "NO_COLOR=1"), ("none", "CLICOLOR=0")] {
        let Some(terminal) = Terminal::run(name, &server, &format!("{variables} {}", list(&[])))
        else {
            return;
        };
        assert!(!terminal.end().1.contains('\x1b'), "{variables}");
    }
}

#[test]
fn a_pager_that_is_quit_ends_well() {
    let server = generated(&Generated::new(1).with_lots(5000));
    let line = format!("PAGER='head -1' {}; echo code $?", list(&[]));
    let Some(terminal) = Terminal::run("quit", &server, &line) else { return };
    let (_, seen) = terminal.end();
    assert!(seen.contains("lot_id") && seen.ends_with("code 0\r\n"), "{seen}");
    assert_eq!(seen.lines().count(), 2, "{seen}");
}

#[test]
fn a_pager_that_is_killed_or_fails_has_not_shown_all() {
    let server = merchant();
    for (name, pager, code, is_printed) in
        [("killed", "kill -9 $$", 6, false), ("wrong", "sh -c \"exit 2\"", 0, true)]
    {
        let line = format!("PAGER='{pager}' {}; echo code $?", list(&[]));
        let Some(terminal) = Terminal::run(name, &server, &line) else { return };
        let (_, seen) = terminal.end();
        assert!(seen.contains(&format!("code {code}")), "{name}: {seen}");
        assert_eq!(seen.contains("40 lots"), is_printed, "{name}: {seen}");
    }
}

/// Ctrl-C is the pager's: pressed twice, the program still waits for it, and the terminal is as
/// before.
#[test]
fn ctrl_c_in_a_pager_leaves_nothing_broken() {
    let server = merchant();
    // It ends at a line, and counts the signals before it.
    let pager = "n=0; trap 'n=$((n+1)); echo signal $n' INT; cat > /dev/null; echo ready; \
                 until read -r _ < /dev/tty; do :; done; echo ended after $n";
    let line = format!(
        "stty -g > $FILES/before; export PAGER; PAGER=$(cat $FILES/pager); {}; \
                        echo code $?; stty -g | cmp - $FILES/before && echo the same terminal",
        list(&[])
    );
    let line = format!("until [ -s $FILES/pager ]; do :; done; {line}");
    let Some(mut terminal) = Terminal::run("ctrl-c", &server, &line) else { return };
    fs::write(terminal.files.join("new"), pager).unwrap();
    fs::rename(terminal.files.join("new"), terminal.files.join("pager")).unwrap();
    terminal.wait_for("ready");
    terminal.press("\x03");
    terminal.wait_for("signal 1");
    terminal.press("\x03");
    terminal.wait_for("signal 2");
    terminal.press("\n");
    let (_, seen) = terminal.end();
    let (_, end) = seen.split_once("ended after 2").unwrap();
    assert!(end.contains("code 0") && end.contains("the same terminal"), "{seen}");
}

/// Without `--totals`, because somebody is there.
#[test]
fn a_list_on_a_terminal_ends_with_its_totals() {
    let server = merchant();
    let line = list(&[]).replace("--quiet ", "");
    let Some(terminal) = Terminal::run("totals", &server, &line) else { return };
    let (code, seen) = terminal.end();
    let seen = anstream::adapter::strip_str(&seen).to_string();
    let (_, totals) = seen.split_once("40 lots").unwrap();
    assert!(code == 0 && totals.contains("usdt_amount      40  "), "{totals}");
    assert!(totals.contains("  FAILED"), "{totals}");
    let quiet = Terminal::run("quiet", &server, &list(&[])).unwrap().end().1;
    assert!(!quiet.contains("sum"), "{quiet}");
}

/// The real one, where there is one.
#[test]
fn less_shows_colours_and_gives_the_terminal_back() {
    let version = Command::new("less").arg("--version").output();
    if !version.is_ok_and(|version| version.stdout.starts_with(b"less ")) {
        eprintln!("skipped: there is no `less`");
        return;
    }
    let server = merchant();
    let line = format!(
        "stty -g > $FILES/before; PAGER=less {}; echo code $?; \
         stty -g | cmp - $FILES/before && echo the same terminal",
        list(&[])
    );
    let Some(mut terminal) = Terminal::run("less", &server, &line) else { return };
    terminal.wait_for(":\x1b[K"); // its prompt
    terminal.press("G");
    terminal.wait_for("40 lots");
    terminal.press("q");
    let (_, seen) = terminal.end();
    assert!(seen.contains("\x1b[32mMINED\x1b[0m") && seen.contains('…'), "{seen}");
    assert!(seen.contains("code 0") && seen.contains("the same terminal"), "{seen}");
}
