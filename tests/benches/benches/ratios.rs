//! `cargo bench -p kamipay-benches`: the table of ratios.
//!
//! The two sides of a ratio are run in turn, some milliseconds each, and the ratio is the median of
//! those of all turns: what else the machine does, it does to both. Time is the processor's, so that
//! a turn that had to wait for its turn is no slower.

use std::collections::HashMap;
use std::env;
use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use http::{Method, Request};
use kamipay_benches::Document;
use kamipay_proto::Endpoint;
use kamipay_tests::{Call, api, calls, with_call};
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use rustix::time::{ClockId, clock_gettime};
use serde::{Serialize, Serializer};

/// Of each side, how long it runs until it is the other's turn.
const TURN: Duration = Duration::from_millis(4);
const TURNS: usize = 101;

fn main() {
    // `cargo bench -- …` hands over what is meant for a harness; `cargo test --benches` runs us too.
    if env::args().any(|argument| argument == "--test") {
        return;
    }
    let allocations = allocations();
    let count = |name: &str, column: usize| allocations[name][column].clone();

    println!(
        "\n{:<14} {:>8} {:>8} {:>8} {:>8} {:>14}",
        "reading", "speed", "MB/s", "naive", "allocs", "naive"
    );
    for document in Document::all() {
        let Turns { ours, theirs, speed } =
            in_turn(|| document.read_exact(), || document.read_naive());
        let rate = |time: f64| document.body.len() as f64 / 1e6 / time;
        let (exact, naive) = (count(document.name, 0), count(document.name, 1));
        println!(
            "{:<14} {speed:>8.2} {:>8.0} {:>8.0} {exact:>8} {naive:>14}",
            document.name,
            rate(ours),
            rate(theirs),
        );
    }

    println!(
        "\n{:<36} {:>8} {:>8} {:>8} {:>8}",
        "building a request", "time", "ns", "reqwest", "allocs"
    );
    let (api, client) = (api(), Client::new());
    for call in calls() {
        let like = Like::new(&call);
        let name = with_call!(&call, call => name(call));
        let Turns { ours, theirs, speed } = in_turn(
            || with_call!(&call, call => drop(black_box(call.request(&api)))),
            || drop(black_box(like.build(&client))),
        );
        println!(
            "{name:<36} {:>8.2} {:>8.0} {:>8.0} {:>8}",
            1.0 / speed,
            ours * 1e9,
            theirs * 1e9,
            allocations.get(name).map_or("-", |counts| &counts[0]),
        );
    }
}

fn name<E: Endpoint>(_call: &E) -> &'static str {
    E::CALL
}

/// What the program `allocations` counts, by name.
fn allocations() -> HashMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO_BIN_EXE_allocations")).output().expect("built by cargo");
    let text = String::from_utf8(output.stdout).expect("a table");
    let row = |line: &str| {
        let mut columns = line.split('\t').map(str::to_owned);
        (columns.next().unwrap_or_default(), columns.collect())
    };
    text.lines().map(row).collect()
}

/// Seconds a run, and how many times faster ours is.
struct Turns {
    ours: f64,
    theirs: f64,
    speed: f64,
}

fn in_turn(ours: impl Fn(), theirs: impl Fn()) -> Turns {
    let runs = (runs(&ours), runs(&theirs));
    let turns: Vec<(f64, f64)> =
        (0..TURNS).map(|_| (time(&ours, runs.0), time(&theirs, runs.1))).collect();
    Turns {
        ours: median(turns.iter().map(|turn| turn.0)),
        theirs: median(turns.iter().map(|turn| turn.1)),
        speed: median(turns.iter().map(|turn| turn.1 / turn.0)),
    }
}

/// How many runs fill a turn.
fn runs(run: &impl Fn()) -> u32 {
    let (begin, mut runs) = (now(), 0);
    while now() - begin < TURN.as_secs_f64() {
        run();
        runs += 1;
    }
    runs
}

fn time(run: &impl Fn(), runs: u32) -> f64 {
    let begin = now();
    for _ in 0..runs {
        run();
    }
    (now() - begin) / f64::from(runs)
}

/// Seconds that this thread has had a processor.
fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The same request through reqwest's builder, from the same values.
struct Like {
    url: String,
    fields: Vec<(String, Value)>,
    post: bool,
}

impl Like {
    fn new(call: &Call) -> Self {
        let request: Request<Vec<u8>> =
            with_call!(call, call => call.request(&api())).expect("an example of the pages");
        let post = request.method() == Method::POST;
        let uri = request.uri();
        let form = if post { request.body() } else { uri.query().unwrap_or_default().as_bytes() };
        let fields = form_urlencoded::parse(form);
        Self {
            url: format!("https://api.kamipay.io{}", uri.path()),
            fields: fields.map(|(name, text)| (name.into_owned(), Value::new(&text))).collect(),
            post,
        }
    }

    fn build(&self, client: &Client) -> reqwest::Request {
        let request = if self.post {
            client.post(&self.url).form(&self.fields)
        } else {
            let request = client.get(&self.url).bearer_auth("token");
            request.header(CONTENT_TYPE, "application/json").query(&self.fields)
        };
        request.build().expect("an example of the pages")
    }
}

/// What a program has before it writes it into a query.
enum Value {
    Number(u64),
    Time(DateTime<Utc>),
    Text(String),
}

impl Value {
    fn new(text: &str) -> Self {
        text.parse()
            .map(Self::Number)
            .or_else(|_| text.parse().map(Self::Time))
            .unwrap_or_else(|_| Self::Text(text.to_owned()))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => to.serialize_u64(*number),
            Self::Time(time) => {
                to.serialize_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            }
            Self::Text(text) => to.serialize_str(text),
        }
    }
}
