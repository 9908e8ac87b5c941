use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use kamipay_ureq::proto::pay_status::{Chain, GetPayStatus, PaymentTarget, Watch, WatchLimits};
use kamipay_ureq::{ErrorKind, Sent, WatchEvent};

use crate::server::{Hold, ReadRequest, Reply, Server, WriteForever};
use crate::{LOT, client, get, ok, whole};

const SHORT: Duration = Duration::from_millis(150);

#[test]
fn an_answer_that_does_not_come_ends_the_attempt() {
    for script in [
        vec![Hold],
        vec![ReadRequest, Hold],
        vec![ReadRequest, Reply(b"HTTP/1.1 200".to_vec()), Hold],
        vec![ReadRequest, Reply(ok("content-length: 9999\r\n", "{")), Hold],
        vec![ReadRequest, Reply(ok("", "{")), Hold], // kept alive, without a length
        vec![ReadRequest, Reply(ok("transfer-encoding: chunked\r\n", "1\r\n{\r\n")), Hold],
        vec![
            ReadRequest,
            Reply(ok("transfer-encoding: chunked\r\n", "0\r\n")),
            WriteForever(b"x: y\r\n".to_vec()),
        ],
    ] {
        let server = Server::start(vec![script]);
        let error = get(&client(&server.url, |config| config.attempt_timeout = SHORT)).unwrap_err();
        let kind = error.kind();
        // Endless trailers may reach the limit of a head before the time is up.
        assert!(matches!(kind, ErrorKind::Timeout(_) | ErrorKind::Protocol), "{kind:?}");
        assert_eq!(error.sent(), Sent::Maybe);
    }
}

#[test]
fn the_call_and_the_client_have_deadlines_too() {
    let server = Server::start(vec![vec![ReadRequest, Hold], vec![ReadRequest, Hold]]);
    let by_call = client(&server.url, |config| config.call_timeout = SHORT);
    assert!(matches!(get(&by_call).unwrap_err().kind(), ErrorKind::Timeout(_)));
    let by_deadline = client(&server.url, |_| {}).until(Instant::now() + SHORT);
    assert!(matches!(get(&by_deadline).unwrap_err().kind(), ErrorKind::Timeout(_)));
    assert_eq!(server.seen().len(), 2);

    let error = get(&by_deadline).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::TimeIsUp), "{error:?}");
    assert_eq!(error.sent(), Sent::No);
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn a_wait_can_be_interrupted_while_a_question_has_no_answer() {
    let server = Server::start(vec![vec![ReadRequest, Hold]]);
    let payment = PaymentTarget::external_id("order 7").unwrap();
    let mut watch = Watch::new(GetPayStatus::new(payment, Chain::Polygon), WatchLimits::default());
    let client = client(&server.url, |config| config.attempt_timeout = 4 * SHORT);
    let mut asking = 0;
    let end = client.watch_with(&mut watch, |_, event| {
        assert!(matches!(event, WatchEvent::Asking), "{event:?}");
        asking += 1;
        if asking == 2 { ControlFlow::Break("Ctrl-C") } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(end, ControlFlow::Break("Ctrl-C")), "{end:?}");
    assert_eq!((watch.evidence().questions, watch.evidence().faults), (0, 0));
}

#[test]
fn zero_and_the_longest_time_are_times() {
    let server = Server::start(vec![vec![ReadRequest, Reply(whole(LOT))]]);
    let long = client(&server.url, |config| {
        config.attempt_timeout = Duration::MAX;
        config.connect_timeout = Duration::MAX;
        config.call_timeout = Duration::MAX;
        config.body_limit_bytes = u64::MAX;
    });
    get(&long).unwrap();
    for zero in [
        client(&server.url, |config| config.attempt_timeout = Duration::ZERO),
        client(&server.url, |config| config.call_timeout = Duration::ZERO),
    ] {
        assert!(matches!(get(&zero).unwrap_err().kind(), ErrorKind::TimeIsUp));
    }
    let zero = client(&server.url, |config| config.connect_timeout = Duration::ZERO);
    assert_eq!(get(&zero).unwrap_err().sent(), Sent::No);
    assert_eq!(server.seen().len(), 1);
}
