//! Fetches pages of 1000 rows, or the state of a payment, one after the other:
//! `fetch pages|statuses BASE_URL COUNT`.
//!
//! What `end_to_end` measures; its like over reqwest is in `reqwest/`.

use std::env;
use std::error::Error;

use kamipay_benches::{payment, transactions};
use kamipay_proto::AccessToken;
use kamipay_ureq::Client;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [what, base, count] = &arguments[..] else {
        return Err("fetch pages|statuses BASE_URL COUNT".into());
    };
    let token: AccessToken = "token".parse()?;
    let client = Client::new(base.parse()?, token);
    let count: u64 = count.parse()?;
    let mut rows = 0;
    for n in 0..count {
        match what.as_str() {
            "pages" => rows += client.send(&transactions(1000 * n))?.transactions.len(),
            "statuses" => rows += usize::from(client.send(&payment())?.is_over()),
            _ => return Err("pages or statuses".into()),
        }
    }
    println!("{rows}");
    Ok(())
}
