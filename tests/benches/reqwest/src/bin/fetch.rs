//! `fetch pages|statuses BASE_URL COUNT`, over reqwest and with the naive models.

#[path = "../../../src/naive.rs"]
mod naive;

use std::env;
use std::error::Error;

use reqwest::blocking::Client;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [what, base, count] = &arguments[..] else {
        return Err("fetch pages|statuses BASE_URL COUNT".into());
    };
    let client = Client::new();
    let count: u64 = count.parse()?;
    for n in 0..count {
        let request = match what.as_str() {
            "pages" => client.get(format!("{base}/v1/settlements/transactions")).query(&[
                ("start_date", "2026-05-01T00:00:00Z"),
                ("end_date", "2026-06-01T00:00:00Z"),
                ("limit", "1000"),
                ("offset", &(1000 * n).to_string()),
            ]),
            _ => client.get(format!("{base}/v2/status/tx_status")).query(&[
                ("target", "kamipay_id"),
                ("type", "pay"),
                ("id", "txc_01jranqegkf509bq5svh03ztt8"),
                ("chain", "polygon"),
            ]),
        };
        let body = request.bearer_auth("token").send()?.error_for_status()?.bytes()?;
        match what.as_str() {
            "pages" => naive::read::<naive::Page>(&body),
            _ => naive::read::<naive::PayStatus>(&body),
        }
    }
    Ok(())
}
