//! Reads one document again and again, for `callgrind`: `repeat exact page 10`.

use std::env;

use kamipay_benches::Document;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [how, name, times] = &arguments[..] else {
        panic!("repeat exact|naive DOCUMENT TIMES");
    };
    let documents = Document::all();
    let document = documents.iter().find(|document| document.name == name);
    let document = document.expect("the name of a document");
    for _ in 0..times.parse().expect("a number") {
        match how.as_str() {
            "exact" => document.read_exact(),
            _ => document.read_naive(),
        }
    }
    println!("{}", document.body.len());
}
