//! Tokens and logins, against the sandbox.

use std::sync::Barrier;
use std::thread;

use kamipay_proto::IssueToken;
use kamipay_proto::retry::Stop;
use kamipay_sandbox::{Calls, Fault, Sandbox, Schedule, Server};
use kamipay_tests::Call;
use kamipay_ureq::{Client, Credentials, Sent};

use super::{calls, sandbox, send, word};

const LOGIN: &str = "/auth/token";

fn log_in(server: &Server) -> Client {
    let login = IssueToken::new(Sandbox::documented().username(), Sandbox::documented().password());
    Client::new(server.base_url().parse().unwrap(), Credentials::from(login))
}

/// All calls but the login.
fn data_calls() -> impl Iterator<Item = Call> {
    calls().into_iter().filter(|call| !matches!(call, Call::IssueToken(_)))
}

/// The number of logins and of other calls since the request `since`.
fn counts(server: &Server, since: usize) -> (usize, usize) {
    let requests = server.requests();
    let is_login = |path: &str| path == LOGIN;
    let logins = requests[since..].iter().filter(|it| is_login(&it.path_and_query)).count();
    (logins, requests.len() - since - logins)
}

#[test]
fn an_expired_token_is_renewed() {
    let server = sandbox();
    for call in data_calls() {
        let client = log_in(&server);
        send(&client, &call).unwrap();
        let since = server.requests().len();
        server.with_sandbox(Sandbox::expire_tokens);
        send(&client, &call).unwrap();
        assert_eq!(counts(&server, since), (1, 2), "{call:?}");
    }
}

#[test]
fn a_second_401_is_the_answer() {
    let server = sandbox();
    for call in data_calls() {
        let client = log_in(&server);
        send(&client, &call).unwrap();
        let since = server.requests().len();
        server.with_sandbox(|sandbox| {
            sandbox.add_fault(Fault::named("unauthorized"), Calls::Data, Schedule::times(2));
        });
        let outcome = send(&client, &call);
        assert_eq!(word(&outcome), "Api 401");
        let error = outcome.unwrap_err();
        assert_eq!((error.attempts(), error.stop()), (2, Stop::Permanent));
        assert_eq!(counts(&server, since), (1, 2), "{call:?}");
    }
}

#[test]
fn a_refused_login_is_not_repeated() {
    for (fault, status) in [
        (Fault::named("login-400"), 400),
        (Fault::named("login-401"), 401),
        (Fault::named("login-403"), 403),
    ] {
        let server = sandbox();
        server.with_sandbox(|sandbox| {
            sandbox.add_fault(fault, Calls::Login, Schedule::always());
        });
        let client = log_in(&server);
        // Neither other threads nor later calls repeat it.
        let together = Barrier::new(16);
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    together.wait();
                    for call in data_calls() {
                        let outcome = send(&client, &call);
                        assert_eq!(word(&outcome), format!("Login(Api {status})"));
                        let error = outcome.unwrap_err();
                        assert_eq!((error.sent(), error.attempts()), (Sent::No, 0));
                        assert_eq!(error.status().unwrap().as_u16(), status);
                    }
                });
            }
        });
        assert_eq!(counts(&server, 0), (1, 0), "{fault}");
    }
}

#[test]
fn a_login_that_fails_in_another_way_is_repeated() {
    let server = sandbox();
    server.with_sandbox(|sandbox| {
        sandbox.add_fault(Fault::named("login-503"), Calls::Login, Schedule::once());
    });
    for call in data_calls() {
        send(&log_in(&server), &call).unwrap();
    }
    assert_eq!(counts(&server, 0), (9, 8), "the first login is sent twice");
}

#[test]
fn many_threads_share_one_login() {
    const THREADS: usize = 64;
    let server = sandbox();
    let client = log_in(&server);
    for round in 0..3 {
        let since = server.requests().len();
        let together = Barrier::new(THREADS);
        let answers: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|number| {
                    let (client, together) = (&client, &together);
                    let call = data_calls().nth(number % 8).unwrap();
                    scope.spawn(move || {
                        together.wait();
                        usize::from(send(client, &call).is_ok())
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(answers, THREADS, "64 answers");
        assert_eq!(counts(&server, since).0, 1, "one login, in round {round}");
        server.with_sandbox(Sandbox::expire_tokens);
    }
}
