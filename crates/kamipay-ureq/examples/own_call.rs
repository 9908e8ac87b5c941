//! A call that the crate does not have: `GET /v2/oracle`, with the login, the retries and the errors
//! of the client.
//!
//! ```console
//! $ cargo run -p kamipay-ureq --example own_call
//! ```
//!
//! A function answers in place of the API.

use kamipay_ureq::proto::http::{Request, Response};
use kamipay_ureq::proto::{Api, BuildError, Endpoint, Mismatch};
use kamipay_ureq::{Client, Config, Credentials};

/// The price of an amount. A `GET`, so the client tries it again where that may help.
struct GetQuote {
    pair: String,
    amount: String, // amounts are text: a float loses digits
}

#[derive(serde::Deserialize)]
struct Quote {
    pair: String,
    quote: String,
}

impl Endpoint for GetQuote {
    const CALL: &'static str = "GET /v2/oracle";
    type Output = Quote;

    fn request(&self, api: &Api) -> Result<Request<Vec<u8>>, BuildError> {
        let request = api.get(&["v2", "oracle"]);
        request.query("pair", &self.pair).query("amount", &self.amount).finish()
    }

    /// An answer to another request is an error.
    fn verify(&self, quote: &Quote) -> Result<(), Mismatch> {
        match quote.pair == self.pair {
            true => Ok(()),
            false => Err(Mismatch::new("pair", &self.pair, &quote.pair)),
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base = "https://api.kamipay.io".parse()?;
    let token = Credentials::token("token".parse()?);
    let client = Client::with_transport(base, token, Config::default(), |request, _| {
        println!("{} {}", request.method(), request.uri());
        Ok(Response::new(br#"{"pair": "BRLUSDT", "quote": "18.9412"}"#.to_vec()))
    })?;

    let call = |pair: &str| GetQuote { pair: pair.to_owned(), amount: "100".to_owned() };
    println!("{}", client.send(&call("BRLUSDT"))?.quote);
    if let Err(error) = client.send(&call("ARSUSDT")) {
        println!("{error}"); // the answer was about BRLUSDT
    }
    Ok(())
}
