//! A whole listing over an async client: four requests under way at once, rows in the order of time,
//! and an error if the listing is not complete.
//!
//! ```console
//! $ cargo run -p kamipay-proto --example async_scan
//! ```

#![allow(clippy::disallowed_macros, reason = "an example does IO")]

use std::error::Error;

use kamipay_proto::scan::{Delivery, Scan, Scannable};
use kamipay_proto::settlements::ScanTransactions;
use kamipay_proto::{Api, Endpoint, Period};
use kamipay_sandbox::{Generated, Sandbox, Server};
use tokio::task::JoinSet;

type AnyError = Box<dyn Error + Send + Sync>;

/// The transport: from a request to an answer.
async fn send<E: Endpoint>(
    client: &reqwest::Client,
    api: &Api,
    call: &E,
) -> Result<E::Output, AnyError> {
    let answer = client.execute(call.request(api)?.try_into()?).await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = http::Response::new(answer.bytes().await?);
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    Ok(api.parse(call, response)?)
}

/// Reads a listing, and hands over its rows.
async fn scan<S>(
    client: &reqwest::Client,
    api: &Api,
    mut scan: Scan<S>,
    mut row: impl FnMut(S::Row),
) -> Result<(), AnyError>
where
    S: Scannable,
    S::Call: Clone + Send + Sync + 'static,
    <S::Call as Endpoint>::Output: Send + 'static,
{
    let mut under_way = JoinSet::new();
    loop {
        match scan.delivery() {
            Delivery::Row(next) => row(next),
            Delivery::Done(manifest) => {
                println!("{manifest}");
                return Ok(());
            }
            Delivery::Incomplete(missing) => return Err(missing.into()),
            Delivery::Waiting => {
                while under_way.len() < 4 {
                    let Some(request) = scan.request() else { break };
                    let (client, api) = (client.clone(), api.clone());
                    under_way.spawn(async move {
                        (request.ticket, send(&client, &api, &request.call).await)
                    });
                }
                let Some(answer) = under_way.join_next().await else { continue };
                let (ticket, output) = answer?;
                scan.answer(ticket, output?); // or `give_back` the ticket, and ask again
            }
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), AnyError> {
    let merchant = Generated::new(7).with_charges(20_000);
    let period = Period::new(merchant.start(), merchant.end())?;
    let sandbox = Sandbox::generated(merchant);
    let token = sandbox.token().parse()?;
    let server = Server::start(sandbox)?;

    let api = Api::new(server.base_url().parse()?, &token);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let mut charges = 0;
    scan(&client, &api, Scan::new(ScanTransactions::new(period)), |_charge| charges += 1).await?;
    println!("{charges} charges of 20000");
    Ok(())
}
