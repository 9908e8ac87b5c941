//! Questions about payments in a queue: stored as JSON lines, read back, and sent by another process.
//!
//! ```console
//! $ cargo run -p kamipay-proto --example queue
//! ```

#![allow(clippy::disallowed_macros, reason = "an example does IO")]

use std::error::Error;

use kamipay_proto::pay_status::{Chain, GetPayStatus, PaymentTarget};
use kamipay_proto::{Api, Endpoint};
use kamipay_sandbox::{Sandbox, Scenario};

fn main() -> Result<(), Box<dyn Error>> {
    // One process writes what is to be asked. A request has no secret in it.
    let mut queue = String::new();
    for order in ["not-found-then-done", "order-8"] {
        let call = GetPayStatus::new(PaymentTarget::external_id(order)?, Chain::Polygon);
        queue.push_str(&serde_json::to_string(&call)?);
        queue.push('\n');
    }
    print!("{queue}");

    // Another one reads it, with the API's address and a token of its own.
    let mut sandbox = Sandbox::documented().with_scenario(Scenario::NotFoundThenDone);
    let api = Api::new("https://api.kamipay.io".parse()?, &sandbox.token().parse()?);
    for line in queue.lines() {
        let call: GetPayStatus = serde_json::from_str(line)?;
        let response = sandbox.handle(call.request(&api)?); // any transport
        let status = api.parse(&call, response)?;
        println!("{}: {}", call.payment.id(), status.state());
    }

    // What a constructor refuses is refused from a file, too.
    let typo = r#"{"payment": {"target": "tx_id", "id": "nothash"}, "chain": "polygon"}"#;
    println!("{}", serde_json::from_str::<GetPayStatus>(typo).unwrap_err());
    Ok(())
}
