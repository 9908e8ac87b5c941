//! What happens when the reader of standard output goes away, and when the disk is full.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use kamipay_sandbox::Generated;

use crate::support::{documented, generated, in_may, run, with_token};

#[test]
fn a_reader_who_has_enough_gets_no_words() {
    let server = generated(&Generated::new(1).with_lots(5000));
    for format in ["ndjson", "csv", "json", "table"] {
        let args = in_may(&["lots", "list", "--output", format]);
        let mut command = with_token(server.base_url(), &args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(!first.is_empty());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{format}");
        assert_eq!(output.status.code(), Some(141), "{format}");
    }
}

/// Stopped at any moment, it leaves whole lines.
#[test]
fn lines_are_whole_wherever_it_is_stopped() {
    let server = generated(&Generated::new(1).with_lots(5000));
    for format in ["ndjson", "csv"] {
        for read in [1, 5_000, 70_000, 300_000] {
            let args = in_may(&["lots", "list", "--output", format]);
            let mut child =
                with_token(server.base_url(), &args).stdout(Stdio::piped()).spawn().unwrap();
            let mut out = child.stdout.take().unwrap();
            let mut text = vec![0; read];
            out.read_exact(&mut text).unwrap();
            child.kill().unwrap();
            out.read_to_end(&mut text).unwrap();
            child.wait().unwrap();
            assert!(text.ends_with(b"\n"), "{format} after {read}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let server = documented();
    let demo = ["demo"];
    let list = in_may(&["lots", "list"]);
    let status = ["pay", "status", "--external-id", "test235"];
    for args in [&demo[..], &list, &status, &["--help"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = with_token(server.base_url(), args);
        let output = command.stdout(full).stderr(Stdio::piped()).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {err}");
        assert!(err.starts_with("error: cannot write to standard output: "), "{err}");
    }
}

#[cfg(unix)]
#[test]
fn without_standard_error_there_is_no_panic() {
    let server = documented();
    for redirection in ["2>&-", "2>/dev/full"] {
        let script = format!("\"$0\" lots get 00000000-0000-0000-0000-000000000000 {redirection}");
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_kamipay")]).env_clear();
        shell
            .env("KAMIPAY_BASE_URL", server.base_url())
            .env("KAMIPAY_TOKEN", "sandbox-token-accepted-from-the-start");
        let run = run(&mut shell);
        assert_eq!((run.code, run.out.as_str()), (7, ""), "{redirection}");
    }
}
