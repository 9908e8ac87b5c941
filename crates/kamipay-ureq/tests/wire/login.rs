use std::thread;

use kamipay_sandbox::{Sandbox, Server};
use kamipay_ureq::{Client, Credentials, ErrorKind, Sent};

use crate::get;

fn paths(server: &Server) -> Vec<String> {
    server.requests().iter().map(|it| it.path_and_query.to_owned()).collect()
}

const LOT: &str = "/v1/lots/9c030c8b-6d68-445b-8048-1bacd91012fa";

fn start() -> (Server, Client) {
    let sandbox = Sandbox::documented();
    let credentials = Credentials::login(sandbox.username(), sandbox.password());
    let server = Server::start(sandbox).unwrap();
    let client = Client::new(server.base_url().parse().unwrap(), credentials);
    (server, client)
}

#[test]
fn the_first_call_logs_in_and_the_others_do_not() {
    let (server, client) = start();
    assert_eq!(server.requests().len(), 0);
    get(&client).unwrap();
    get(&client.clone()).unwrap();
    assert_eq!(paths(&server), ["/auth/token", LOT, LOT]);
}

#[test]
fn a_401_renews_the_token_once() {
    let (server, client) = start();
    get(&client).unwrap();
    server.with_sandbox(Sandbox::expire_tokens);
    get(&client).unwrap();
    assert_eq!(paths(&server), ["/auth/token", LOT, LOT, "/auth/token", LOT]);
}

#[test]
fn a_second_401_is_the_answer() {
    let unauthorized = || b"HTTP/1.1 401 X\r\ncontent-length: 0\r\n\r\n".to_vec();
    let token = || crate::whole(r#"{"access_token": "t", "token_type": "bearer"}"#);
    let answers = [token(), unauthorized(), token(), unauthorized(), token()];
    let script = answers
        .into_iter()
        .flat_map(|answer| [crate::server::ReadRequest, crate::server::Reply(answer)]);
    let server = crate::server::Server::start(vec![script.collect()]);
    let client = Client::new(server.url.parse().unwrap(), Credentials::login("u", "p"));
    let error = get(&client).unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(401));
    assert_eq!(error.sent(), Sent::Answered);
    assert_eq!(server.seen().len(), 4);
}

#[test]
fn a_token_of_one_s_own_is_not_renewed() {
    let (server, _) = start();
    let token = Credentials::token("not-good".parse().unwrap());
    let client = Client::new(server.base_url().parse().unwrap(), token);
    let error = get(&client).unwrap_err();
    assert_eq!(
        error.to_string(),
        "GET /v1/lots/{lot_identifier}: the API answered 401 Unauthorized: Incorrect Credentials \
         (request id 00000000000000000000000000000001)"
    );
    assert_eq!(paths(&server), [LOT]);
}

#[test]
fn a_login_that_is_refused_means_not_sent() {
    let (server, _) = start();
    let base = server.base_url().parse().unwrap();
    let client = Client::new(base, Credentials::login("nobody", "s3cret"));
    let error = get(&client).unwrap_err();
    assert_eq!(error.sent(), Sent::No);
    assert_eq!(error.status().map(|status| status.as_u16()), Some(401));
    let ErrorKind::Login(login) = error.kind() else { panic!("{error:?}") };
    assert_eq!(error.to_string(), "GET /v1/lots/{lot_identifier}: logging in failed");
    assert!(login.to_string().starts_with("POST /auth/token: the API answered 401"), "{login}");
    assert!(!format!("{error:?}").contains("s3cret"));
    assert_eq!(paths(&server), ["/auth/token"]);
}

#[test]
fn many_threads_share_one_login() {
    let (server, client) = start();
    for round in 1..=2 {
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| get(&client).unwrap());
            }
        });
        let logins = paths(&server).iter().filter(|path| *path == "/auth/token").count();
        assert_eq!(logins, round);
        server.with_sandbox(Sandbox::expire_tokens);
    }
}
