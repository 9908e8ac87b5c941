//! A blocking client of kamiPay's HTTP API, over [ureq](https://docs.rs/ureq), without tokio.
//!
//! ```
//! use kamipay_ureq::proto::{Period, lots::ScanLots};
//! use kamipay_ureq::{Client, Credentials};
//!
//! # let sandbox = kamipay_sandbox::Sandbox::documented();
//! # let (username, password) = (sandbox.username(), sandbox.password());
//! # let server = kamipay_sandbox::Server::start(sandbox)?;
//! # let url = server.base_url();
//! let client = Client::new(url.parse()?, Credentials::login(username, password));
//!
//! let may = Period::parse("2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z")?;
//! for lot in client.scan(ScanLots::new(may)) {
//!     let lot = lot?; // all of them, or an error
//!     println!("{} {} USDT {}", lot.lot_id, lot.usdt_amount, lot.status);
//! }
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! [`proto`] defines the calls and their answers. This crate sends them.
//!
//! # What it does with a call
//!
//! * It logs in when the first call needs a token, shortly before the token expires, and once more
//!   when the API answers 401. Threads share one login.
//! * It follows no redirect, because the token would travel along. It uses no proxy unless
//!   [`Config::proxy_from_env`] is set.
//! * It limits the time of a call and the size of its unpacked answer.
//! * It repeats a `GET` and a login where that may help, up to four attempts in all. The delays are
//!   random and grow. No attempt is earlier than the API asks for, or later than the end of the
//!   call. The retries of a client share a budget, which shrinks while nothing succeeds: see
//!   [`proto::retry`].
//! * It resends a `GET` or a login at once, one time, where a kept connection turns out to be
//!   closed.
//! * It sends any other call once.
//! * After a login that the API refused, it does not log in again for a while, from any thread: see
//!   [`Config::login_again_after`].
//!
//! The table of [`Error`] lists what can go wrong, whether anything was sent, whether it is tried
//! again, and what to do. [`Config::on_attempt`] is called after each attempt. The `log` crate gets
//! the same, with the target `kamipay_ureq`.
//!
//! # Cargo features
//!
//! | feature | default | effect |
//! | --- | --- | --- |
//! | `gzip` | on | Asks for answers packed with gzip. |
//! | `rustls` | on | Sends over https, and trusts Mozilla's root certificates. Without it, an https base URL is an error: [`InvalidConfig`]. |
//! | `native-roots` | off | Adds `Config::native_roots`: trust the operating system's root certificates. Turns on `rustls`. |
//! | `lazy-lookup` | off | Looks up the host when a connection is made, not for each call. Adds `Config::address`: connect to another address. |
//!
//! Without `lazy-lookup`, ureq starts a thread for each call to look up the host, even where a
//! connection is kept, and panics where the machine has no thread left. With it, a call over a kept
//! connection starts no thread, which saves much of the CPU time of a small call. The limit of a
//! look-up stays [`Config::connect_timeout`]. No address is kept for a later connection. The feature
//! uses a part of ureq that can change in any minor version, so it pins ureq to 3.5. Turn it on in
//! programs, not in libraries.
//!
//! # Your own HTTP client, and unit tests
//!
//! [`Client::with_transport`] sends over a function of yours. In a unit test it answers by itself,
//! without sockets, and makes any [`Error`]:
//!
//! ```
//! use kamipay_ureq::proto::http::Response;
//! use kamipay_ureq::proto::lots::GetLot;
//! use kamipay_ureq::{Client, Config, Credentials, Error};
//!
//! fn is_known(client: &Client, lot: &GetLot) -> Result<bool, Error> {
//!     match client.send(lot) {
//!         Ok(_) => Ok(true),
//!         Err(error) if error.status().is_some_and(|status| status == 404) => Ok(false),
//!         Err(error) => Err(error),
//!     }
//! }
//!
//! let (base, token) = ("https://api.kamipay.io".parse()?, Credentials::token("token".parse()?));
//! let client = Client::with_transport(base, token, Config::default(), |_request, _limits| {
//!     let refusal = Response::builder().status(404);
//!     Ok(refusal.body(br#"{"detail": "Lot not found"}"#.to_vec()).expect("a valid status"))
//! })?;
//! assert!(!is_known(&client, &GetLot::new("a".parse()?))?);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! Models are read from JSON: see [`proto`]. The crate `kamipay-sandbox` has whole lists and
//! payments, with and without sockets.
//!
//! # Secrets in logs
//!
//! No error and no `Debug` of this crate shows the token or the password. A function of
//! [`Config::on_traffic`] gets them unmasked, and so does a transport of yours. ureq and rustls log
//! what they send through the `log` crate, at the level TRACE. A program that installs a logger should
//! drop the targets `ureq*` and `rustls*` at that level.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod attempt;
#[cfg(feature = "rustls")]
mod certificate;
mod client;
mod clock;
mod config;
mod credentials;
mod error;
mod exchange;
mod headers;
mod login;
#[cfg(feature = "lazy-lookup")]
mod lookup;
mod scan;
mod traffic;
mod transport;
mod watch;

pub use kamipay_proto as proto;

pub use self::attempt::{Attempt, OnAttempt};
#[cfg(feature = "rustls")]
pub use self::certificate::ClientCertificate;
pub use self::client::Client;
pub use self::config::{Config, InvalidConfig};
pub use self::credentials::Credentials;
pub use self::error::{
    CertificateFault, ConnectFault, Error, ErrorKind, Sent, TimeoutFault, TlsFault,
};
pub use self::headers::{ExtraHeaders, InvalidHeader};
pub use self::scan::{NotYet, Rows, ScanError};
pub use self::traffic::{OnTraffic, Traffic};
pub use self::transport::{TransportError, TransportFault, TransportLimits};
pub use self::watch::WatchEvent;
