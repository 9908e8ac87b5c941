use std::net::TcpListener;

use kamipay_ureq::proto::{self, IssueToken};
use kamipay_ureq::{Client, ConnectFault, Credentials, ErrorKind, Sent};

use crate::server::{Hold, ReadRequest, Reply, Reset, Server};
use crate::{LOT, client, get, get_from, whole};

#[test]
fn one_connection_serves_many_calls() {
    let calls = (0..5).flat_map(|_| [ReadRequest, Reply(whole(LOT))]).collect();
    let server = Server::start(vec![calls]);
    let client = client(&server.url, |_| {});
    for _ in 0..5 {
        get(&client).unwrap();
    }
}

#[test]
fn a_kept_connection_that_was_closed_costs_nothing() {
    // Closed, or reset, when the second request arrives.
    for last in [vec![ReadRequest], vec![Reset]] {
        let mut first = vec![ReadRequest, Reply(whole(LOT))];
        first.extend(last);
        let second = vec![ReadRequest, Reply(whole(LOT))];
        let server = Server::start(vec![first, second]);
        let client = client(&server.url, |_| {});
        get(&client).unwrap();
        get(&client).unwrap();
    }
}

#[test]
fn a_login_is_resent_on_a_kept_connection_too() {
    let token = r#"{"access_token": "t", "token_type": "bearer"}"#;
    let unauthorized = b"HTTP/1.1 401 X\r\ncontent-length: 0\r\n\r\n".to_vec();
    let server = Server::start(vec![
        vec![ReadRequest, Reply(whole(token)), ReadRequest, Reply(unauthorized), ReadRequest],
        vec![ReadRequest, Reply(whole(token)), ReadRequest, Reply(whole(LOT))],
    ]);
    let client = Client::new(server.url.parse().unwrap(), Credentials::login("u", "p"));
    get(&client).unwrap();
    let calls: Vec<_> = server.seen().iter().map(|seen| seen[..8].to_owned()).collect();
    assert_eq!(calls, ["POST /au", "GET /v1/", "POST /au", "POST /au", "GET /v1/"]);
}

#[test]
fn a_fresh_connection_that_is_closed_is_an_error() {
    for script in [vec![], vec![ReadRequest], vec![Reset]] {
        let server = Server::start(vec![script]);
        let error = get_from(&server.url).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::ConnectionClosed), "{error:?}");
        assert_eq!(error.sent(), Sent::Maybe);
        assert!(server.seen().len() <= 1);
    }
}

#[test]
fn a_head_that_is_cut_is_an_error() {
    for head in ["H", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-le"] {
        let server = Server::once(head);
        let error = get_from(&server.url).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::ConnectionClosed), "{head:?}: {error:?}");
    }
}

#[test]
fn another_request_s_answer_is_asked_for_once_more_on_a_new_connection() {
    let other = || Reply(whole(LOT.replace("9c030c8b", "aaaaaaaa")));
    // A connection that is one answer behind stays behind.
    let behind = || vec![ReadRequest, other(), ReadRequest, other(), Hold];
    let right = || vec![ReadRequest, Reply(whole(LOT)), Hold];
    let server = Server::start(vec![behind(), right()]);
    get(&client(&server.url, |_| {})).unwrap();
    assert_eq!(server.seen().len(), 2);

    let server = Server::start(vec![behind(), behind(), right()]);
    let client = client(&server.url, |_| {});
    let error = get(&client).unwrap_err();
    assert!(
        matches!(error.answer().unwrap().kind(), proto::ResponseErrorKind::Mismatch(_)),
        "{error:?}"
    );
    get(&client).unwrap(); // on a new connection
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn no_connection_means_not_sent() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = get_from(&format!("http://{free}")).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connect(ConnectFault::Refused)), "{error:?}");
    assert_eq!(error.sent(), Sent::No);
    assert_eq!(
        error.to_string(),
        "GET /v1/lots/{lot_identifier}: no connection: the host refuses connections to this port"
    );

    let error = get_from("https://no-such-host.invalid").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connect(ConnectFault::Dns)), "{error:?}");
    assert_eq!(error.sent(), Sent::No);
}

#[test]
fn a_call_that_cannot_be_built_is_not_sent() {
    struct Nowhere;
    impl proto::Endpoint for Nowhere {
        const CALL: &'static str = "GET /..";
        type Output = ();
        fn request(&self, api: &proto::Api) -> Result<http::Request<Vec<u8>>, proto::BuildError> {
            api.get(&[".."]).finish()
        }
    }
    let server = Server::start(vec![]);
    let error = client(&server.url, |_| {}).send(&Nowhere).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Build(proto::BuildError::Segment)));
    assert_eq!(error.sent(), Sent::No);
    assert_eq!(server.seen().len(), 0);
}

#[test]
fn credentials_of_a_login_hide_the_password() {
    let login = IssueToken::new("u", "s3cret");
    assert!(!format!("{:?}", Credentials::from(login)).contains("s3cret"));
}
