//! The memory that a hostile body costs.

use std::process::Command;

use kamipay_sandbox::{Calls, Fault, Schedule};
use kamipay_tests::Call;

use super::{calls, client, sandbox, send, word};

/// The server runs in this process. The client runs this test in a child process and measures itself.
#[test]
#[cfg(target_os = "linux")]
fn a_hostile_body_costs_at_most_8_mib() {
    const CHILD: &str = "KAMIPAY_TEST_HOSTILE_BODY";
    const MOST: u64 = 8 << 10; // KiB above idle, at a limit of 1 MiB

    if let Ok(base_url) = std::env::var(CHILD) {
        let lots = calls().into_iter().find(|call| matches!(call, Call::ListLots(_))).unwrap();
        let client = client(&base_url, |_| {});
        send(&client, &lots).unwrap();
        let idle = peak();
        for _ in 0..3 {
            assert_eq!(word(&send(&client, &lots)), "TooLarge");
        }
        let more = peak() - idle;
        println!("{more} KiB");
        assert!(more <= MOST, "{more} KiB above idle");
        return;
    }
    for fault in [
        Fault::named("length-gigabyte"),
        Fault::named("length-u64-max"),
        Fault::named("endless-body"),
        Fault::named("endless-chunked"),
        Fault::named("gzip-bomb"),
    ] {
        let server = sandbox();
        // Only the child's first call is answered.
        server.with_sandbox(|sandbox| {
            sandbox.add_fault(fault, Calls::Data, Schedule::always().from_request(2));
        });
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "faults::memory::a_hostile_body_costs_at_most_8_mib"])
            .arg("--nocapture")
            .env(CHILD, server.base_url())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{fault}: {said}");
        println!("{fault}: {}", said.lines().find(|line| line.ends_with("KiB")).unwrap_or("?"));
    }
}

/// The peak memory of this process, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
