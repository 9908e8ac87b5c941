//! The state of a payment: `status BASE_URL EXTERNAL_ID`, with the token in `KAMIPAY_TOKEN`.
//!
//! ```text
//! KAMIPAY_TOKEN=… cargo run -p kamipay-ureq --example status -- https://api.kamipay.io order-7
//! ```

use std::env;
use std::error::Error;

use kamipay_ureq::proto::AccessToken;
use kamipay_ureq::proto::pay_status::{Chain, GetPayStatus, PaymentTarget};
use kamipay_ureq::{Client, Credentials};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [base, id] = &arguments[..] else {
        return Err("status BASE_URL EXTERNAL_ID".into());
    };
    let token: AccessToken = env::var("KAMIPAY_TOKEN")?.parse()?;
    let client = Client::new(base.parse()?, Credentials::token(token));

    let payment = PaymentTarget::external_id(id)?;
    let status = client.send(&GetPayStatus::new(payment, Chain::Polygon))?;
    println!("{}", status.state());
    if let Some(payment) = status.payment() {
        println!("{}", payment.kamipay_id);
        if let Some(amount) = payment.amount_brl {
            println!("BRL {amount}");
        }
    }
    if status.permission_to_pay_again().is_some() {
        println!("it may be paid again");
    } else if !status.is_over() {
        println!("it is on its way, or not known yet: wait, and ask again");
    }
    Ok(())
}
