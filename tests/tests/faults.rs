//! Faults and bad inputs: the rows `F01` to `F89` of the table in the README.
//!
//! The table names the tests of each row, in any crate. [`rows`] checks that they exist.

mod answers;
mod login;
mod memory;
mod network;
mod rows;
mod sockets;

use std::time::Duration;

use kamipay_proto::ResponseErrorKind as Problem;
use kamipay_sandbox::{Calls, Fault, Sandbox, Schedule, Server};
use kamipay_tests::{Call, with_call};
use kamipay_ureq::{Client, Config, Credentials, Error, ErrorKind};

/// A sandbox with the examples of the vendor's pages.
fn sandbox() -> Server {
    Server::start(Sandbox::documented()).unwrap()
}

/// A client with the sandbox's first token. It does not retry by default, and retries after 1 ms.
fn client(base_url: &str, set: impl FnOnce(&mut Config)) -> Client {
    let mut config = Config::default();
    config.retry.max_attempts = 1;
    config.retry.first_delay = Duration::from_millis(1);
    config.body_limit_bytes = 1 << 20;
    set(&mut config);
    let token = Sandbox::documented().token().parse().unwrap();
    let base = base_url.parse().unwrap();
    Client::with_config(base, Credentials::token(token), config).unwrap()
}

/// Makes the sandbox fail in the next `times` calls.
fn fail(server: &Server, fault: Fault, times: u64) {
    server.with_sandbox(|sandbox| {
        sandbox.add_fault(fault, Calls::All, Schedule::times(times));
    });
}

/// One call of each kind that the sandbox can answer.
fn calls() -> Vec<Call> {
    let mut calls = kamipay_tests::calls();
    for call in &mut calls {
        if let Call::IssueToken(login) = call {
            let sandbox = Sandbox::documented();
            login.username = sandbox.username().to_owned();
            login.password = sandbox.password().to_owned();
        }
    }
    calls
}

/// Whether the machine is idle, so that times can be asserted.
fn is_idle() -> bool {
    std::env::var_os("KAMIPAY_TESTS_ON_IDLE_MACHINE").is_some()
}

fn send(client: &Client, call: &Call) -> Result<(), Error> {
    with_call!(call, call => client.send(call).map(|_| ()))
}

/// The outcome of a call in a word, such as `value`, `Truncated` or `Api 503`.
fn word(outcome: &Result<(), Error>) -> String {
    let Err(error) = outcome else { return "value".to_owned() };
    match error.kind() {
        ErrorKind::Answer(answer) => {
            let status = answer.status().as_u16();
            match answer.kind() {
                Problem::Api(_) => format!("Api {status}"),
                Problem::UnexpectedStatus => format!("UnexpectedStatus {status}"),
                Problem::Decode(_) => "Decode".to_owned(),
                Problem::Mismatch(_) => "Mismatch".to_owned(),
                problem => format!("{problem:?}"),
            }
        }
        ErrorKind::Login(login) => format!("Login({})", word(&Err(login.clone()))),
        kind => format!("{kind:?}"),
    }
}
