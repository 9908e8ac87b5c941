//! Each attempt as a span of the `tracing` crate, inside the span of its call: status, request id,
//! duration, and what follows.
//!
//! ```console
//! $ cargo run -p kamipay-ureq --example tracing
//! ```

use std::error::Error;

use kamipay_sandbox::{Fault, Sandbox, Server};
use kamipay_ureq::proto::lots::GetLot;
use kamipay_ureq::proto::{AccessToken, Endpoint};
use kamipay_ureq::{Attempt, Client, Config, Credentials, OnAttempt};
use tracing::{info, info_span, warn};

fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_target(false).init();
    let mut sandbox = Sandbox::documented();
    sandbox.fail_at(1, "status-503".parse::<Fault>()?);
    let token: AccessToken = sandbox.token().parse()?;
    let server = Server::start(sandbox)?;

    let mut config = Config::default();
    config.on_attempt = Some(OnAttempt::new(trace));
    let base = server.base_url().parse()?;
    let client = Client::with_config(base, Credentials::token(token), config)?;

    let lot = call(&client, &GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse()?))?;
    info!(payouts = lot.payouts.len(), "a lot");
    Ok(())
}

/// Makes a call in a span of its own. Attempts happen on the thread that makes the call.
fn call<E: Endpoint>(client: &Client, endpoint: &E) -> Result<E::Output, kamipay_ureq::Error> {
    info_span!("kamipay", call = E::CALL).in_scope(|| client.send(endpoint))
}

/// An attempt holds no token, no URL and no body.
fn trace(attempt: &Attempt<'_>) {
    let number = attempt.number;
    let ms = attempt.took.as_millis();
    let status = attempt.status.map(|status| status.as_u16());
    let request_id = attempt.request_id;
    info_span!("attempt", number, status, request_id, ms).in_scope(|| match &attempt.outcome {
        Ok(()) => info!("answered"),
        Err(cause) => warn!(?cause, again_in = ?attempt.delay),
    });
}
