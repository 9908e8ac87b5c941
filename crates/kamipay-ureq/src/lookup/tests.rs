use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use super::*;
use crate::error::{Stage, classify};

const SHORT: Duration = Duration::from_millis(100);

fn config() -> Config {
    Agent::config_builder()
        .proxy(None)
        .timeout_resolve(Some(50 * SHORT))
        .timeout_connect(Some(50 * SHORT))
        .timeout_global(Some(100 * SHORT))
        .build()
}

/// Answers this many requests on one connection, and closes it.
fn serve(requests: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        drop(listener); // nobody accepts connections there any more
        answer(stream, requests);
    });
    port
}

fn answer(mut stream: TcpStream, requests: usize) {
    let mut seen = Vec::new();
    for _ in 0..requests {
        while !seen.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            seen.extend(byte);
        }
        seen.clear();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
    }
}

fn get(agent: &Agent, url: &str) -> Result<String, ErrorKind> {
    let mut response = agent.get(url).call().map_err(|error| classify(error, Stage::Head))?;
    Ok(response.body_mut().read_to_string().unwrap())
}

fn on(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[test]
fn a_kept_connection_needs_no_look_up_and_a_new_one_has_its_own() {
    static PORT: AtomicU16 = AtomicU16::new(0);
    static LOOK_UPS: AtomicU32 = AtomicU32::new(0);
    let agent = agent_with(config(), None, |host, port| {
        assert_eq!((host, port), ("api.test", 80));
        LOOK_UPS.fetch_add(1, Ordering::SeqCst);
        Ok(vec![on(PORT.load(Ordering::SeqCst))])
    });
    PORT.store(serve(3), Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(get(&agent, "http://api.test/").unwrap(), "ok");
    }
    assert_eq!(LOOK_UPS.load(Ordering::SeqCst), 1);
    // The host moves, and nothing accepts connections at the old address.
    PORT.store(serve(1), Ordering::SeqCst);
    let moved = (0..100).find_map(|_| get(&agent, "http://api.test/").ok());
    assert_eq!(moved.as_deref(), Some("ok"));
    assert_eq!(LOOK_UPS.load(Ordering::SeqCst), 2);
}

#[test]
fn each_address_of_a_host_is_tried() {
    static GOOD: AtomicU16 = AtomicU16::new(0);
    let agent = agent_with(config(), None, |_, _| {
        let mut addresses = vec![on(1); 15];
        addresses.push(on(GOOD.load(Ordering::SeqCst)));
        addresses.extend([on(1); 5]); // more than ureq has room for
        Ok(addresses)
    });
    GOOD.store(serve(1), Ordering::SeqCst);
    assert_eq!(get(&agent, "http://api.test/").unwrap(), "ok");
}

#[test]
fn an_address_needs_no_look_up() {
    let agent = agent_with(config(), None, |host, _| panic!("{host} is looked up"));
    let url = format!("http://127.0.0.1:{}/", serve(1));
    assert_eq!(get(&agent, &url).unwrap(), "ok");
    let uri = |text: &str| text.parse::<Uri>().unwrap();
    assert_eq!(host_and_port(&uri("https://[2001:db8::1]/")), Some(("2001:db8::1", 443)));
    assert_eq!(host_and_port(&uri("http://[::1]:8080/")), Some(("::1", 8080)));
    assert_eq!(host_and_port(&uri("http://localhost/")), Some(("localhost", 80)));
}

#[test]
fn a_look_up_that_hangs_ends_in_the_time_of_a_connection() {
    for (resolve, global, is_connect) in
        [(SHORT, 50 * SHORT, true), (50 * SHORT, SHORT, false), (SHORT, SHORT, true)]
    {
        let config = Agent::config_builder()
            .proxy(None)
            .timeout_resolve(Some(resolve))
            .timeout_connect(Some(resolve))
            .timeout_global(Some(global))
            .build();
        let hang = |_: &str, _: u16| loop {
            thread::park();
        };
        let kind = get(&agent_with(config, None, hang), "http://api.test/").unwrap_err();
        match kind {
            ErrorKind::Connect(ConnectFault::Timeout) => assert!(is_connect, "{resolve:?}"),
            ErrorKind::Timeout(_) => assert!(!is_connect || resolve == global, "{resolve:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_host_that_is_not_found_is_not_connected_to() {
    let not_found = agent_with(config(), None, |_, _| {
        Err(io::Error::other("failed to lookup address information: Name or service not known"))
    });
    for agent in [not_found, agent_with(config(), None, |_, _| Ok(Vec::new()))] {
        let kind = get(&agent, "http://api.test/").unwrap_err();
        assert!(matches!(kind, ErrorKind::Connect(ConnectFault::Dns)), "{kind:?}");
    }
}

#[test]
fn the_time_of_the_attempt_includes_the_look_up() {
    let uri = Uri::from_static("http://api.test/");
    let agent = agent(config(), None);
    let details = |after: Duration, reason| ConnectionDetails {
        uri: &uri,
        addrs: Later.empty(),
        config: agent.config(),
        request_level: false,
        resolver: &Later,
        now: ureq::unversioned::transport::time::Instant::now(),
        timeout: NextTimeout { after: after.into(), reason, ..NextTimeout::default() },
        current_time: std::sync::Arc::new(ureq::unversioned::transport::time::Instant::now),
        run_connector: std::sync::Arc::new(|_| Err(Error::ConnectionFailed)),
        register_shutdown: std::sync::Arc::new(|_| Ok(())),
    };
    for (after, reason, took, left, why) in [
        // The connection has its whole time again …
        (50, Timeout::Connect, 0, 50, Timeout::Connect),
        (50, Timeout::Connect, 50, 50, Timeout::Connect),
        // … as far as the attempt has any left.
        (50, Timeout::Connect, 51, 49, Timeout::Global),
        (50, Timeout::Connect, 99, 1, Timeout::Global),
        (30, Timeout::Global, 20, 10, Timeout::Global),
    ] {
        let details = details(after * SHORT, reason);
        let timeout = connect_timeout(&details, took * SHORT).unwrap();
        assert_eq!((*timeout.after, timeout.reason), (left * SHORT, why), "{took}");
    }
    for (after, reason, took) in [(50, Timeout::Connect, 100), (30, Timeout::Global, 30)] {
        let error = connect_timeout(&details(after * SHORT, reason), took * SHORT).unwrap_err();
        assert!(matches!(error, Error::Timeout(Timeout::Global)), "{error:?}");
    }
}
