//! Each fault on real sockets.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::*;
use crate::{
    fault::{Calls, Piece},
    scenario::Scenario,
    schedule::Schedule,
};

const LOT: &str = "/v1/lots/9c030c8b-6d68-445b-8048-1bacd91012fa";

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    // A test must fail instead of waiting forever.
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn send(stream: &mut TcpStream, path: &str) {
    let token = crate::tokens::FIRST_TOKEN;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:4321\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
}

/// The answer to a request, up to `most` bytes, and how it ends.
fn exchange(stream: &mut TcpStream, path: &str, most: usize) -> (Vec<u8>, &'static str) {
    send(stream, path);
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return (bytes, "closed"),
            Ok(length) => bytes.extend(&chunk[..length]),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                return (bytes, "reset");
            }
            Err(error) => panic!("{error}: {:?}", String::from_utf8_lossy(&bytes)),
        }
        if bytes.len() >= most {
            return (bytes, "more");
        }
    }
}

/// One answer from a connection that stays open.
fn read_answer(stream: &mut BufReader<TcpStream>) -> String {
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut answer).unwrap(), 0, "closed after {answer:?}");
    }
    let length = answer.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    answer + std::str::from_utf8(&body).unwrap()
}

fn start(fault: Fault) -> Server {
    Server::start(Sandbox::documented().with_scenario(Scenario::Fault(fault, Schedule::always())))
        .unwrap()
}

/// A server whose endless answers end soon.
fn start_short(fault: Fault) -> Server {
    let mut sandbox = Sandbox::documented();
    sandbox.add_fault(fault, Calls::Data, Schedule::always());
    let moment = Duration::from_millis(400);
    let limits = Limits { idle: moment, pieces: moment, ..Limits::default() };
    Server::start_with(0, sandbox, limits).unwrap()
}

fn is_dripping(fault: Fault) -> bool {
    matches!(fault, Fault::Wire(pieces) if pieces.contains(&Piece::Drip(100)))
}

fn transcript(fault: Fault) -> String {
    const MOST: usize = 300_000;
    let server = start_short(fault);
    let mut stream = connect(&server);
    if fault.needs_used_connection() {
        // The first request is spared.
        send(&mut stream, "/nowhere");
        let mut reader = BufReader::new(stream);
        read_answer(&mut reader);
        stream = reader.into_inner();
    }
    let (bytes, end) = exchange(&mut stream, LOT, MOST);
    let text = bytes.escape_ascii().to_string();
    let text = match text.len() {
        length if length > 160 => format!("{} … {}", &text[..90], &text[length - 60..]),
        _ => text,
    };
    match end {
        "more" => format!("{fault}: {} … and so on", &text[..90]),
        end => format!("{fault}: {text} ({} bytes, {end})", bytes.len()),
    }
}

#[test]
fn each_fault_in_bytes() {
    let faults = Fault::all().filter(|fault| !is_dripping(*fault));
    let faults: Vec<_> = faults.collect();
    let parts = thread::scope(|scope| {
        let threads: Vec<_> = faults
            .chunks(faults.len().div_ceil(32))
            .map(|part| scope.spawn(|| part.iter().copied().map(transcript).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    insta::assert_snapshot!(parts.concat().join("\n"));
}

#[test]
fn a_byte_at_a_time() {
    for fault in [Fault::named("dripping-head"), Fault::named("dripping-body")] {
        let server = start(fault);
        let mut stream = BufReader::new(connect(&server));
        send(stream.get_mut(), LOT);
        if fault == Fault::named("dripping-body") {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                stream.read_line(&mut head).unwrap();
            }
        }
        for _ in 0..3 {
            let mut byte = [0; 100];
            assert_eq!(stream.get_mut().read(&mut byte).unwrap(), 1);
        }
    }
}

#[test]
fn dropping_the_server_ends_endless_answers() {
    for fault in [
        Fault::named("silent-server"),
        Fault::named("stalled-head"),
        Fault::named("dripping-head"),
        Fault::named("endless-header"),
        Fault::named("endless-blank-lines"),
        Fault::named("stalled-body"),
        Fault::named("dripping-body"),
        Fault::named("endless-trailers"),
        Fault::named("unframed-keep-alive"),
        Fault::named("length-gigabyte"),
        Fault::named("endless-body"),
        Fault::named("gzip-bomb"),
    ] {
        let server = start(fault);
        let threads = server.listener.threads();
        // One client does not read, another one has said all that it will say.
        let mut deaf = connect(&server);
        send(&mut deaf, LOT);
        let mut done = connect(&server);
        send(&mut done, LOT);
        done.shutdown(Shutdown::Write).unwrap();
        while server.requests().len() < 2 {
            thread::yield_now();
        }
        let (ended, end) = mpsc::channel();
        thread::spawn(move || {
            drop(server);
            ended.send(()).unwrap();
        });
        end.recv_timeout(Duration::from_secs(10)).unwrap_or_else(|_| panic!("{fault}"));
        // Every thread held it.
        assert!(threads.strong_count() == 0, "{fault}");
    }
}

#[test]
fn the_server_does_not_wait_for_a_client_that_left() {
    for fault in [
        Fault::named("silent-server"),
        Fault::named("dripping-body"),
        Fault::named("endless-body"),
        Fault::named("stalled-body"),
    ] {
        let server = start(fault);
        let threads = server.listener.threads();
        let mut stream = connect(&server);
        send(&mut stream, LOT);
        while server.requests().is_empty() {
            thread::yield_now();
        }
        drop(stream);
        // The listener and its accepting thread.
        while threads.strong_count() > 2 {
            thread::yield_now();
        }
    }
}

#[test]
fn a_used_connection_is_closed_and_a_fresh_one_serves() {
    for (fault, end) in [
        (Fault::named("pooled-connection-closed"), "closed"),
        (Fault::named("pooled-connection-reset"), "reset"),
    ] {
        let server = Server::start(Sandbox::documented()).unwrap();
        server.with_sandbox(|sandbox| sandbox.fail_next(fault, 1));
        let mut stream = BufReader::new(connect(&server));
        send(stream.get_mut(), LOT);
        assert!(read_answer(&mut stream).starts_with("HTTP/1.1 200 OK\r\n"));
        assert_eq!(exchange(stream.get_mut(), LOT, 1), (Vec::new(), end));
        let mut stream = BufReader::new(connect(&server));
        for _ in 0..2 {
            send(stream.get_mut(), LOT);
            assert!(read_answer(&mut stream).starts_with("HTTP/1.1 200 OK\r\n"));
        }
        let faults: Vec<_> = server.requests().iter().map(|request| request.fault).collect();
        assert_eq!(faults, [None, Some(fault), None, None]);
    }
}

#[test]
fn a_second_answer_waits_for_the_next_request() {
    let server = Server::start(Sandbox::documented()).unwrap();
    server.with_sandbox(|sandbox| sandbox.fail_next(Fault::named("extra-answer"), 1));
    let mut stream = BufReader::new(connect(&server));
    send(stream.get_mut(), LOT);
    assert!(read_answer(&mut stream).contains("\"9c030c8b-6d68-445b-8048-1bacd91012fa\""));
    send(stream.get_mut(), "/v1/settlements/12345");
    assert!(read_answer(&mut stream).contains("\"9c030c8b-6d68-445b-8048-1bacd91012f0\""));
    assert!(read_answer(&mut stream).contains("12345"));
}

#[test]
fn the_answer_to_another_request_comes_first() {
    let server = Server::start(Sandbox::documented()).unwrap();
    server.with_sandbox(|sandbox| sandbox.fail_next(Fault::named("stale-answer"), 1));
    let mut stream = BufReader::new(connect(&server));
    let other = "\"9c030c8b-6d68-445b-8048-1bacd91012f0\"";
    for stale in [false, true, false] {
        send(stream.get_mut(), LOT);
        assert_eq!(read_answer(&mut stream).contains(other), stale);
    }
}

#[test]
fn chunks_and_unframed_bodies_contain_the_same_answer() {
    let whole = |fault| {
        let server = start(fault);
        let mut stream = connect(&server);
        send(&mut stream, LOT);
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    let expected = include_str!("../documented/lot.json");
    assert_eq!(whole(Fault::named("until-closed")), expected);
    let (mut rest, mut body) = (whole(Fault::named("chunked")), String::new());
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&after[..size]);
        rest = after[size + 2..].to_owned();
    }
    assert_eq!(body, expected);
}
