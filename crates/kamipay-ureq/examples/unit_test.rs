//! A function that uses the client, and its unit tests without sockets.
//!
//! ```console
//! $ cargo run -p kamipay-ureq --example unit_test
//! $ cargo test -p kamipay-ureq --example unit_test
//! ```

use kamipay_ureq::proto::pay_status::{Chain, GetPayStatus, PaymentTarget};
use kamipay_ureq::{Client, Credentials, Error};

/// What the shop shows for an order.
fn shown(client: &Client, order: &str) -> Result<String, Error> {
    let payment = PaymentTarget::external_id(order).expect("an order's number is a short text");
    let status = client.send(&GetPayStatus::new(payment, Chain::Polygon))?;
    Ok(match status.payment().and_then(|payment| payment.amount_brl) {
        Some(amount) => format!("{}, BRL {amount}", status.state()),
        None => status.state().to_owned(),
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = kamipay_sandbox::Sandbox::documented();
    let token = Credentials::token(sandbox.token().parse()?);
    let server = kamipay_sandbox::Server::start(sandbox)?;
    let client = Client::new(server.base_url().parse()?, token);
    println!("order-7: {}", shown(&client, "order-7")?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use kamipay_ureq::proto::http::Response;
    use kamipay_ureq::{Config, Sent, TransportError, TransportFault};

    use super::*;

    type Answer = Result<Response<Vec<u8>>, TransportError>;

    /// A client whose requests all get this answer.
    fn client(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Client {
        let mut config = Config::default();
        config.retry.max_attempts = 1; // no delays
        let base = "https://api.kamipay.io".parse().unwrap();
        let token = Credentials::token("token".parse().unwrap());
        Client::with_transport(base, token, config, move |_, _| answer()).unwrap()
    }

    #[test]
    fn an_amount_keeps_its_digits() {
        let client = client(|| {
            let body = r#"{"status": "ok", "msg": "Request ok", "data": {"status": "done",
                "operation_id": null, "address_in": null, "txid": null, "amount_usdt": "18.94120",
                "amount_brl": 100.50, "bank_txid": null, "name": null, "kamipay_id": "txc_1",
                "external_id": "order-7", "pix_key": null}}"#;
            Ok(Response::new(body.into()))
        });
        assert_eq!(shown(&client, "order-7").unwrap(), "done, BRL 100.50");
    }

    #[test]
    fn a_refusal_keeps_its_message() {
        let client = client(|| {
            let refusal = Response::builder().status(403);
            Ok(refusal.body(br#"{"message": "no access"}"#.to_vec()).unwrap())
        });
        let error = shown(&client, "order-7").unwrap_err();
        assert_eq!(error.status().unwrap(), 403);
        assert!(error.to_string().ends_with("the API answered 403 Forbidden: no access"));
    }

    #[test]
    fn without_a_network_nothing_was_sent() {
        let client = client(|| Err(TransportError::new(TransportFault::NotSent, "no network")));
        let error = shown(&client, "order-7").unwrap_err();
        assert_eq!((error.sent(), error.attempts()), (Sent::No, 1));
    }
}
