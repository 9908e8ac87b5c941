//! Does one thing again and again, for `callgrind`: `repeat exact page 10`.

use std::env;
use std::hint::black_box;

use kamipay_benches::Document;
use kamipay_proto::Endpoint;
use kamipay_tests::{api, calls, with_call};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [how, what, times] = &arguments[..] else {
        panic!("repeat exact|naive DOCUMENT TIMES, or repeat request CALL TIMES");
    };
    let times: u32 = times.parse().expect("a number");
    if how == "request" {
        let api = api();
        for call in calls() {
            with_call!(&call, call => {
                for _ in 0..if name(call) == what { times } else { 0 } {
                    drop(black_box(call.request(&api)));
                }
            });
        }
        return;
    }

    let documents = Document::all();
    let document = documents.iter().find(|document| document.name == what);
    let document = document.expect("the name of a document");
    for _ in 0..times {
        match how.as_str() {
            "exact" => document.read_exact(),
            "naive" => document.read_naive(),
            _ => panic!("exact or naive"),
        }
    }
    println!("{}", document.body.len()); // for instructions a byte
}

fn name<E: Endpoint>(_call: &E) -> &'static str {
    E::CALL
}
