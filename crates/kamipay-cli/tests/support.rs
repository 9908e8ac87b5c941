//! The program, the sandbox, and a server whose answers are made up.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Output};

use kamipay_sandbox::{Generated, Sandbox, Scenario, Server};

/// The program with these arguments and nothing in its environment.
pub(crate) fn kamipay(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kamipay"));
    command.args(args).env_clear();
    command
}

/// The program, as the sandbox's merchant.
pub(crate) fn with_token(base_url: &str, args: &[&str]) -> Command {
    let mut command = kamipay(args);
    command.env("KAMIPAY_BASE_URL", base_url);
    command.env("KAMIPAY_TOKEN", Sandbox::documented().token());
    command
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// Without a word on standard error, and with the exit code 0. The lot of the API's page is
    /// outside the period that the page asks for, of which there is a note.
    #[track_caller]
    pub(crate) fn good(self) -> String {
        let is_known = |line: &&str| line.starts_with("note: 1 row was listed for another time");
        let words: Vec<&str> = self.err.lines().filter(|line| !is_known(line)).collect();
        assert_eq!((self.code, &words[..]), (0, &[][..]), "{}", self.out);
        self.out
    }
}

pub(crate) fn run(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Run {
        code: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

pub(crate) fn documented() -> Server {
    Server::start(Sandbox::documented()).unwrap()
}

pub(crate) fn generated(merchant: &Generated) -> Server {
    Server::start(Sandbox::generated(merchant.clone())).unwrap()
}

pub(crate) fn with_payments() -> Server {
    let all = Scenario::all().filter(|scenario| scenario.has_payment());
    Server::start(all.fold(Sandbox::documented(), Sandbox::with_scenario)).unwrap()
}

/// A base URL at which nobody listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A base URL at which somebody listens and never answers.
pub(crate) fn silence() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// A server that answers the n-th request, from 0, as it is told, until the program ends.
pub(crate) fn server(
    answer: impl Fn(usize, &str) -> (u16, String) + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let stream = stream.unwrap();
            let target = read_request(&stream);
            let (status, body) = answer(n, &target);
            let body = match asked("limit=", &target) {
                // An answer contains the limit that it was asked for.
                Some(limit) => body.replace(r#""limit":1000"#, &format!(r#""limit":{limit}"#)),
                None => body,
            };
            // A status of 0: the body is cut in the middle.
            let (status, length) =
                if status == 0 { (200, body.len() + 10) } else { (status, body.len()) };
            let head = format!(
                "HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = (&stream).write_all((head + &body).as_bytes());
        }
    });
    url
}

fn read_request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut target, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if target.is_empty() {
            target = line.split(' ').nth(1).unwrap().to_owned();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    target
}

/// A page of lots with these numbers. Their time lies inside a window, away from its ends: so one
/// reading shows that they are its rows.
pub(crate) fn lots(numbers: std::ops::Range<u32>, total: u32, offset: u32) -> (u16, String) {
    let lot = |n| {
        format!(
            r#"{{"lot_id":"lot-{n}","transaction_hash":null,"usdt_amount":"{n}.50","created_at":"2026-05-01T12:00:00Z","status":"MINED"}}"#
        )
    };
    let lots: Vec<String> = numbers.map(lot).collect();
    let lots = lots.join(",");
    (200, format!(r#"{{"lots":[{lots}],"total":{total},"limit":1000,"offset":{offset}}}"#))
}

/// The offset that a list was asked for.
pub(crate) fn offset(target: &str) -> u32 {
    asked("offset=", target).unwrap()
}

fn asked(name: &str, target: &str) -> Option<u32> {
    let (_, rest) = target.split_once(name)?;
    rest.split('&').next()?.parse().ok()
}

pub(crate) const MAY: [&str; 4] = ["--from", "2026-05-01", "--to", "2026-05-31"];

/// These arguments, and all of May.
pub(crate) fn in_may<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [args, &MAY].concat()
}
