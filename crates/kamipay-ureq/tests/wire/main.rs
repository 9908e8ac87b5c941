//! The client against a broken network and a broken server, on real sockets.

mod body;
mod connection;
mod head;
mod login;
mod server;
mod time;
mod tls;

use kamipay_ureq::proto::lots::{GetLot, LotDetail};
use kamipay_ureq::{Client, Config, Credentials, Error};

pub(crate) const LOT: &str = r#"{"lot_id":"9c030c8b-6d68-445b-8048-1bacd91012fa","transaction_hash":null,
"usdt_amount":"10027.79968000","created_at":null,"status":"PENDING","payouts":[],"refunds":[]}"#;

/// A client with a token and these settings. Default: one attempt.
pub(crate) fn client(url: &str, set: impl FnOnce(&mut Config)) -> Client {
    let mut config = Config::default();
    config.retry.max_attempts = 1;
    set(&mut config);
    let token = "s3cret-token".parse().unwrap();
    Client::with_config(url.parse().unwrap(), Credentials::token(token), config).unwrap()
}

/// Asks for the lot of [`LOT`].
pub(crate) fn get(client: &Client) -> Result<LotDetail, Error> {
    client.send(&GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse().unwrap()))
}

/// `get`, with a new client.
pub(crate) fn get_from(url: &str) -> Result<LotDetail, Error> {
    get(&client(url, |_| {}))
}

/// `HTTP/1.1 200 OK` with these headers and this body.
pub(crate) fn ok(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{headers}\r\n").as_bytes(), body.as_ref()].concat()
}

/// `HTTP/1.1 200 OK` with its length.
pub(crate) fn whole(body: impl AsRef<[u8]>) -> Vec<u8> {
    ok(&format!("content-length: {}\r\n", body.as_ref().len()), body)
}
