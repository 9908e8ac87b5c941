//! Calls that are not sent, and resources that they leave behind.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use kamipay_sandbox::{Calls, Fault, Schedule};
use kamipay_ureq::Sent;
use socket2::{Domain, Socket, Type};

use super::{calls, client, sandbox, send, word};

/// Checks that no call is sent, and that each is retried.
fn not_sent(base_url: &str, words: &[&str]) {
    for call in calls() {
        let client = client(base_url, |config| {
            config.retry.max_attempts = 2;
            config.connect_timeout = Duration::from_millis(100);
        });
        let outcome = send(&client, &call);
        assert!(words.contains(&&*word(&outcome)), "{call:?}: {outcome:?}");
        let error = outcome.unwrap_err();
        assert_eq!((error.sent(), error.attempts()), (Sent::No, 2), "{call:?}");
    }
}

#[test]
fn an_unknown_host_name_is_not_sent() {
    // Without a name server the look-up may time out.
    not_sent("https://no-such-host.invalid", &["Connect(Dns)", "Connect(Timeout)"]);
}

#[test]
fn a_refused_connection_is_not_sent() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    not_sent(&format!("http://{free}"), &["Connect(Refused)"]);
}

#[test]
fn a_connection_that_is_not_accepted_times_out() {
    // The backlog is full, so further connections are dropped silently.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        waiting.push(stream);
        assert!(waiting.len() < 100, "the backlog never fills");
    }
    not_sent(&format!("http://{address}"), &["Connect(Timeout)"]);
}

/// Faults that leave an answer unread.
#[cfg(target_os = "linux")]
const HALF_READ: [&str; 4] =
    ["length-gigabyte", "truncated-body", "too-many-headers", "server-error-truncated"];

/// Counts in a child process, which runs this test.
#[test]
#[cfg(target_os = "linux")]
fn no_socket_stays_open_after_a_fault() {
    const CHILD: &str = "KAMIPAY_TEST_OPEN_FILES";
    if let Ok(base_url) = std::env::var(CHILD) {
        let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let client = client(&base_url, |config| config.body_limit_bytes = 1 << 12);
        let calls = calls();
        let round = |rounds: usize| {
            for n in 0..rounds {
                send(&client, &calls[1 + n % 8]).unwrap_err();
            }
        };
        round(10);
        let before = open();
        round(rounds());
        let after = open();
        assert!(after <= before, "{before} file descriptors, and then {after}");
        return;
    }
    let server = sandbox();
    server.with_sandbox(|sandbox| {
        for (n, fault) in (1..).zip(HALF_READ) {
            let times = rounds() as u64 / 4;
            sandbox.add_fault(
                Fault::named(fault),
                Calls::Data,
                Schedule::times(times).from_request(n),
            );
        }
        sandbox.add_fault(Fault::named("closed-before-answer"), Calls::Data, Schedule::always());
    });
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::network::no_socket_stays_open_after_a_fault"])
        .env(CHILD, server.base_url())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert!(server.requests().len() >= rounds(), "the last 10,000 are kept");
}

/// 10,000 on an idle machine, fewer among other tests.
#[cfg(target_os = "linux")]
fn rounds() -> usize {
    if super::is_idle() { 10_000 } else { 2_000 }
}
