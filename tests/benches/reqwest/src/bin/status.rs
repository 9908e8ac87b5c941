//! What `kamipay-ureq`'s example `status` does, over reqwest: `status BASE_URL EXTERNAL_ID`, with
//! the token in `KAMIPAY_TOKEN`.

use std::env;
use std::error::Error;
use std::time::Duration;

use reqwest::blocking::Client;
use serde::Deserialize;

#[derive(Deserialize)]
struct Answer {
    status: String,
    data: Option<Payment>,
}

#[derive(Deserialize)]
struct Payment {
    status: String,
    kamipay_id: String,
    amount_brl: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [base, id] = &arguments[..] else {
        return Err("status BASE_URL EXTERNAL_ID".into());
    };
    let client = Client::builder().timeout(Duration::from_secs(30)).build()?;
    let request = client
        .get(format!("{base}/v2/status/tx_status"))
        .query(&[("target", "external_id"), ("type", "pay"), ("id", id), ("chain", "polygon")])
        .bearer_auth(env::var("KAMIPAY_TOKEN")?);
    let answer: Answer = request.send()?.error_for_status()?.json()?;
    match answer.data {
        Some(payment) => {
            println!("{}: {}", payment.kamipay_id, payment.status);
            println!("BRL {}", payment.amount_brl.as_deref().unwrap_or("-"));
        }
        None => println!("{}", answer.status),
    }
    Ok(())
}
