//! A test of a client, as the README shows it.

use std::error::Error;

use kamipay_sandbox::{Payment, PaymentState::*, Sandbox, Server};
use kamipay_ureq::Client;
use kamipay_ureq::proto::AccessToken;
use kamipay_ureq::proto::pay_status::{Chain, GetPayStatus, PaymentTarget};

#[test]
fn an_order_is_paid_after_a_while() -> Result<(), Box<dyn Error>> {
    let order = Payment::new("order-7", [NotFound, Processing, Done]);
    let sandbox = Sandbox::empty().with_payment(order);
    let token: AccessToken = sandbox.token().parse()?;
    let server = Server::start(sandbox)?;
    let client = Client::new(server.base_url().parse()?, token);

    let question = GetPayStatus::new(PaymentTarget::external_id("order-7")?, Chain::Polygon);
    for state in ["not_found", "processing", "done", "done"] {
        assert_eq!(client.send(&question)?.state(), state);
    }
    assert_eq!(server.requests().len(), 4);
    Ok(())
}
