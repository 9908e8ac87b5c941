//! Memory and time of the worst bodies of each kind.
//!
//! It counts every allocated byte, so it is a separate program. It prints the table in the README:
//!
//! ```console
//! $ cargo test --release -p kamipay-tests --test worst -- --nocapture
//! ```

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use kamipay_proto::{Api, Endpoint, ResponseError, ResponseErrorKind};
use kamipay_tests::{Call, api_with, calls, response, with_call};
use kamipay_ureq::{Client, Config, Credentials};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;

/// Maximum memory over the body's size, for a body without requested rows.
const MOST_OVER: usize = 8 * MIB;

/// A body of any size: a head, a repeated unit, and a tail.
struct Body {
    name: &'static str,
    call: &'static str,
    status: u16,
    head: String,
    unit: String,
    tail: String,
    /// Whether the answer has the requested rows, which need memory themselves.
    is_value: bool,
}

impl Body {
    fn call(&self) -> Call {
        calls()
            .into_iter()
            .find(|call| with_call!(call, call => name(call) == self.call))
            .expect("one of the calls")
    }

    fn of(&self, size: usize) -> Vec<u8> {
        // A longer answer about one payment is refused before it is parsed.
        let size = if self.call == STATUS { size.min(256 << 10) } else { size };
        let times = size.saturating_sub(self.head.len() + self.tail.len()) / self.unit.len();
        let mut body = Vec::with_capacity(size.max(self.head.len() + self.tail.len()));
        body.extend(self.head.bytes());
        for _ in 0..times {
            body.extend(self.unit.bytes());
        }
        // Removes the comma before the end of a list.
        if self.unit.ends_with(',') && self.tail.starts_with([']', '}']) && body.pop() == Some(b'[')
        {
            body.push(b'[');
        }
        body.extend(self.tail.bytes());
        body
    }
}

fn body(
    name: &'static str,
    call: &'static str,
    status: u16,
    [head, unit, tail]: [&str; 3],
) -> Body {
    let [head, unit, tail] = [head, unit, tail].map(str::to_owned);
    Body { name, call, status, head, unit, tail, is_value: false }
}

const LOTS: &str = "GET /v1/lots";
const LOT: &str = "GET /v1/lots/{lot_identifier}";
const CHARGES: &str = "GET /v2/status/tx_status_lot";
const STATUS: &str = "GET /v2/status/tx_status";
const LOGIN: &str = "POST /auth/token";

/// The worst known bodies of each kind.
fn bodies() -> Vec<Body> {
    let row = r#"{"lot_id":"","usdt_amount":0,"status":""},"#;
    let payout = r#"{"kamipay_id":"","amount":0,"created_at":"2026-05-14T15:00:42Z"},"#;
    let charge = r#"{"store_id":0,"checkout_id":0,"operation_id":0,"tx_hash":"","brl_requested":0,"usdt_credited":0,"request_datetime":"0","credit_datetime":"0"},"#;
    let lot = r#"{"lot_id":"l","usdt_amount":0,"status":"","refunds":[],"payouts":["#;
    let unnamed = r#"{"status":"ok","data":{"status":"frozen""#;
    let word = r#"{"status":"ok","data":{"status":""#;
    let field = r#"{"status":"ok","data":{"status":"frozen","note":""#;
    let receipt = r#"{"status":"ok","data":{"status":"frozen","bank_txid":""#;
    let mut bodies = vec![
        // Refusals and undocumented statuses.
        body("refusal: list of small objects", LOTS, 400, ["[", r#"{"":0},"#, "]"]),
        body("refusal: small objects in detail", LOTS, 400, [r#"{"detail":["#, r#"{"":0},"#, "]}"]),
        body("refusal: faults", LOTS, 422, [r#"{"detail":["#, r#"{"msg":"a"},"#, "]}"]),
        body("refusal: empty faults", LOTS, 422, [r#"{"detail":["#, r#"{"msg":""},"#, "]}"]),
        body(
            "refusal: places of a fault",
            LOTS,
            422,
            [r#"{"detail":[{"msg":"a","loc":["#, "0,", "]}]}"],
        ),
        body("refusal: numbers in detail", LOTS, 422, [r#"{"detail":["#, "0,", "]}"]),
        body("refusal: keys", LOTS, 400, ["{\"a\":0", ",\"a\":0", "}"]),
        body("refusal: repeated detail", LOTS, 400, ["{\"a\":0", ",\"detail\":[0]", "}"]),
        body("refusal: message", LOTS, 400, [r#"{"detail":""#, "a", "\"}"]),
        body("refusal: message of escapes", LOTS, 400, [r#"{"detail":""#, r"\n", "\"}"]),
        body("refusal: key of escapes", LOTS, 400, ["{\"", r"\n", "\":0}"]),
        body("refusal: depth", LOTS, 400, [r#"{"detail":"#, "[", ""]),
        body("refusal: HTML", LOTS, 502, ["<html>", "<p>", "</html>"]),
        body("redirect: small objects", LOTS, 302, ["[", r#"{"":0},"#, "]"]),
        body("redirect: request id", LOTS, 302, [r#"{"request_id":""#, r"\n", "\"}"]),
        // Pages.
        body("page: small objects", LOTS, 200, ["[", r#"{"":0},"#, "]"]),
        body(
            "page: minimal rows",
            LOTS,
            200,
            [r#"{"lots":["#, row, r#"],"total":0,"limit":100,"offset":0}"#],
        ),
        body(
            "page: minimal rows, then another type",
            LOTS,
            200,
            [r#"{"lots":["#, row, r#"0],"total":0,"limit":100,"offset":0}"#],
        ),
        body("page: minimal rows, then cut", LOTS, 200, [r#"{"lots":["#, row, ""]),
        body(
            "page: small objects in a new field",
            LOTS,
            200,
            [r#"{"new":["#, r#"{"":0},"#, r#"],"lots":[],"total":0,"limit":100,"offset":0}"#],
        ),
        body(
            "page: keys",
            LOTS,
            200,
            [r#"{"lots":[],"total":0,"limit":100,"offset":0"#, ",\"a\":0", "}"],
        ),
        body(
            "page: keys, then another type",
            LOTS,
            200,
            [r#"{"lots":[],"total":0,"limit":100"#, ",\"a\":0", ",\"offset\":{}}"],
        ),
        body("page: key", LOTS, 200, ["{\"", "a", "\":0}"]),
        body("page: key of escapes", LOTS, 200, ["{\"", r"\n", "\":0}"]),
        body("page: key of escapes without an end", LOTS, 200, ["{\"", r"\n", ""]),
        body("page: depth in a new field", LOTS, 200, [r#"{"new":"#, "[", ""]),
        body("page: objects in depth", LOTS, 200, ["", r#"{"a":"#, ""]),
        body("page: depth in a row", LOTS, 200, [r#"{"lots":[{"lot_id":"#, "[", ""]),
        body(
            "page: text of escapes in a row",
            LOTS,
            200,
            [r#"{"lots":[{"lot_id":"1","usdt_amount":0,"status":""#, r"\n", "\"}]}"],
        ),
        body(
            "page: number of many digits",
            LOTS,
            200,
            [r#"{"lots":[{"lot_id":"1","usdt_amount":"#, "1", "}]}"],
        ),
        body("page: not UTF-8 at its end", LOTS, 200, ["{\"a\":\"", "a", "\u{1}\"}"]),
        body("page: blanks", LOTS, 200, ["", " ", "{}"]),
        body("page: lines", LOTS, 200, ["{\"total\":", "\n", "1e"]),
        // Single values.
        body("charges: small objects", CHARGES, 200, ["[", r#"{"":0},"#, "]"]),
        body(
            "token: token",
            LOGIN,
            200,
            [r#"{"token_type":"bearer","access_token":""#, "a", "\"}"],
        ),
        body(
            "token: type of escapes",
            LOGIN,
            200,
            [r#"{"access_token":"a","token_type":""#, r"\n", "\"}"],
        ),
        body("token: keys", LOGIN, 200, ["{\"a\":0", ",\"a\":0", "}"]),
        body(
            "token: refusal with small objects",
            LOGIN,
            401,
            [r#"{"detail":["#, r#"{"":0},"#, "]}"],
        ),
        // Payments.
        body(
            "status: small objects as data",
            STATUS,
            200,
            [r#"{"status":"ok","data":["#, r#"{"":0},"#, "]}"],
        ),
        body(
            "status: small objects, not found",
            STATUS,
            200,
            [r#"{"status":"failed","data":["#, r#"{"":0},"#, "]}"],
        ),
        body("status: keys of a state without a name", STATUS, 200, [unnamed, ",\"a\":0", "}}"]),
        body(
            "status: a state's word",
            STATUS,
            200,
            [r#"{"status":"ok","data":{"status":""#, "a", "\"}}"],
        ),
        body(
            "status: a state's word of escapes",
            STATUS,
            200,
            [r#"{"status":"ok","data":{"status":""#, r"\n", "\"}}"],
        ),
        body("status: the envelope's word", STATUS, 200, [r#"{"status":""#, r"\n", "\"}"]),
        body("status: msg", STATUS, 200, [r#"{"status":"failed","msg":""#, r"\n", "\"}"]),
        body(
            "status: hash of small objects",
            STATUS,
            200,
            [r#"{"status":"ok","data":{"status":"frozen","txid":["#, r#"{"":0},"#, "]}}"],
        ),
        body("status: blanks as data", STATUS, 200, [r#"{"status":"failed","data":{"#, " ", "}}"]),
        body("status: depth", STATUS, 200, [r#"{"status":"ok","data":"#, "[", ""]),
    ];
    // The token, cut again and again, in a text with several layers of escapes.
    for (name, head, unit, tail) in [
        ("status: tokens in a state's word", word, "t0k...", "%2525252541\"}}"),
        ("status: escaped tokens in a state's word", word, "t0k...%252525", "\"}}"),
        ("status: parts of tokens in a state's word", word, "t0kent0kent0kent.", "%2525252541\"}}"),
        ("status: dots in a state's word", word, ".", "%2525252541\"}}"),
        ("status: entities in a state's word", word, "&zzzz;", "%2525252541\"}}"),
        ("status: digits of an entity in a state's word", word, "0", "\"}}"),
        ("status: tokens in msg", r#"{"status":"failed","msg":""#, "t0k...", "%2525252541\"}"),
        ("status: tokens in a field", field, "t0k...", "%2525252541\"}}"),
        ("status: tokens in fields", unnamed, r#","t0k...%252541":"t0k...%252541""#, "}}"),
        ("status: tokens in a receipt", receipt, "t0k...", "%2525252541\"}}"),
    ] {
        let head = if unit == "0" { format!("{head}&#") } else { head.to_owned() };
        bodies.push(body(name, STATUS, 200, [&head, unit, tail]));
    }
    // Requested rows in lists without pages.
    for value in [
        body("lot: minimal payouts", LOT, 200, [lot, payout, "]}"]),
        body("lot: minimal payouts, then another type", LOT, 200, [lot, payout, "0]}"]),
        body("charges: minimal rows", CHARGES, 200, ["[", charge, "]"]),
        body("charges: minimal rows, then another type", CHARGES, 200, ["[", charge, "0]"]),
    ] {
        bodies.push(Body { is_value: true, ..value });
    }
    bodies
}

/// Parses an answer. The error is kept until it is measured.
fn parse(call: &Call, status: u16, body: Vec<u8>) -> Result<(), ResponseError> {
    // With a token of usual length, as a transport does.
    static API: LazyLock<Api> = LazyLock::new(|| api_with(&"t0ken".repeat(200).parse().unwrap()));
    let response = response(status, body);
    with_call!(call, call => API.parse(call, response).map(|value| drop(black_box(value))))
}

fn word(outcome: &Result<(), ResponseError>) -> &'static str {
    match outcome.as_ref().map_err(ResponseError::kind) {
        Ok(()) => "value",
        Err(ResponseErrorKind::Api(_)) => "Api",
        Err(ResponseErrorKind::UnexpectedStatus) => "UnexpectedStatus",
        Err(ResponseErrorKind::Decode(_)) => "Decode",
        Err(ResponseErrorKind::Mismatch(_)) => "Mismatch",
        Err(_) => "another",
    }
}

/// The memory of a body over its own size, its outcome, and the time.
fn measure(body: &Body, size: usize) -> (usize, &'static str, Duration) {
    let call = body.call();
    let bytes = body.of(size);
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let begun = cpu_time();
    let outcome = parse(&call, body.status, bytes);
    // A program prints the error.
    if let Err(error) = &outcome {
        let mut text = String::new();
        write!(text, "{error} {error:?} {:?}", std::error::Error::source(error)).unwrap();
        assert!(text.len() < 40_000, "{}: {} bytes of text", body.name, text.len());
    }
    let took = cpu_time() - begun;
    (ALLOCATOR.peak_usage() - before, word(&outcome), took)
}

/// The memory of a client at a limit of 1 MiB, for an answer of that size, gzipped, over a socket.
fn measure_client(body: &Body) -> usize {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&body.of(MIB)).unwrap();
    let packed = packed.finish().unwrap();
    let head = format!(
        "HTTP/1.1 {} -\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.status,
        packed.len()
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 8192]).unwrap(); // a request fits one read
        stream.write_all(&[head.as_bytes(), &packed].concat()).unwrap();
    });

    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let mut config = Config::default();
    config.body_limit_bytes = MIB as u64;
    config.retry.max_attempts = 1;
    let credentials = Credentials::token("t0ken".repeat(200).parse().unwrap());
    let client = Client::with_config(url.parse().unwrap(), credentials, config).unwrap();
    let call = body.call();
    let outcome = with_call!(&call, call => client.send(call).map(|value| drop(black_box(value))));
    if let Err(error) = &outcome {
        assert!(!matches!(error.kind(), kamipay_ureq::ErrorKind::TooLarge), "{error:?}");
        let _ = format!("{error} {error:?}");
    }
    server.join().unwrap();
    ALLOCATOR.peak_usage() - before
}

/// The CPU time of this thread, if the system provides it.
fn cpu_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

fn name<E: Endpoint>(_call: &E) -> &'static str {
    E::CALL
}

#[test]
fn no_body_needs_more_memory_than_guaranteed() {
    // Without optimization, the default limit would take minutes.
    let (half, full) = if cfg!(debug_assertions) { (MIB, 2 * MIB) } else { (16 * MIB, 32 * MIB) };
    println!(
        "| body | outcome | KiB, client | KiB over 1 MiB | KiB over {0} MiB | ms for {0} MiB | ms, twice as long = 2 |",
        full / MIB
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
    let mut faults = Vec::new();
    for body in bodies() {
        let small = measure(&body, MIB);
        let before = if half == MIB { small } else { measure(&body, half) };
        let after = measure(&body, full);
        let ((small, outcome, _), over) = (small, after.0);
        let client = measure_client(&body);
        println!(
            "| {} | {outcome} | {} | {} | {} | {:.0} | {:.1} |",
            body.name,
            client >> 10,
            small >> 10,
            over >> 10,
            after.2.as_secs_f64() * 1e3,
            after.2.as_secs_f64() / before.2.as_secs_f64(),
        );
        let most_over = if body.is_value { 3 * full } else { MOST_OVER };
        if client > MOST_OVER || over > most_over {
            let name = body.name;
            faults.push(format!("{name}: {client} at 1 MiB, {over} over {full}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
