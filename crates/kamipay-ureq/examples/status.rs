//! The state of a payment, and permission to make it again.
//!
//! ```console
//! $ cargo run -p kamipay-ureq --example status
//! $ KAMIPAY_TOKEN=… cargo run -p kamipay-ureq --example status -- https://api.kamipay.io order-7
//! ```
//!
//! Without arguments it asks a sandbox inside of the process.

use std::env;
use std::error::Error;

use kamipay_sandbox::{Sandbox, Scenario, Server};
use kamipay_ureq::proto::pay_status::{
    Chain, GetPayStatus, PayStatus, PaymentTarget, PermissionToPayAgain,
};
use kamipay_ureq::{Client, Credentials};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [base, order] => {
            let token = Credentials::token(env::var("KAMIPAY_TOKEN")?.parse()?);
            look_after(&Client::new(base.parse()?, token), order)
        }
        [] => {
            let states = [Scenario::NotFoundForever, Scenario::Done, Scenario::Canceled];
            let sandbox = states.into_iter().fold(Sandbox::documented(), Sandbox::with_scenario);
            let token = Credentials::token(sandbox.token().parse()?);
            let server = Server::start(sandbox)?;
            let client = Client::new(server.base_url().parse()?, token);
            states.iter().try_for_each(|order| look_after(&client, &order.to_string()))
        }
        _ => Err("status [BASE_URL EXTERNAL_ID]".into()),
    }
}

fn look_after(client: &Client, order: &str) -> Result<(), Box<dyn Error>> {
    let payment = PaymentTarget::external_id(order)?;
    let status = client.send(&GetPayStatus::new(payment, Chain::Polygon))?;
    match (&status, status.permission_to_pay_again()) {
        (_, Some(permission)) => pay_again(order, permission),
        (PayStatus::Done(payment), None) => {
            println!("{order}: paid, receipt {}", payment.bank_txid.as_deref().unwrap_or("none"));
        }
        (PayStatus::NotFound { .. }, None) => println!("{order}: not known yet: ask again later"),
        (other, None) => println!("{order}: {}: do not pay again", other.state()),
    }
    Ok(())
}

/// Only a cancellation or a refund gives permission, so nothing else can call this.
fn pay_again(order: &str, permission: PermissionToPayAgain) {
    println!("{order}: {} may be paid again, with a new external_id", permission.kamipay_id());
}
