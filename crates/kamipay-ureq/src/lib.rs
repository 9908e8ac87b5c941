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
//! What the calls and their answers are is the matter of [`proto`]; this crate brings them over.
//!
//! # What it does with a call
//!
//! * It logs in when the first call needs it, again shortly before the token ends, and once more
//!   when the API answers 401; many threads share one login.
//! * It follows no redirect, because the token would travel along, and uses no proxy unless
//!   [asked to](Config::proxy_from_env).
//! * It bounds the time of a call and the size of its answer, which counts when it is unpacked.
//! * It makes a `GET` and a login again where that may help, four times in all unless told
//!   otherwise: after growing, random delays, not earlier than the API asks for, within the time of
//!   the call, and less and less while nothing succeeds ([`proto::retry`]). Where a connection
//!   turns out to have been closed while it was idle, it sends them once more at once.
//! * It makes any other call once, whatever happens.
//! * A login that the API refuses is not made again for a while, by no thread: see
//!   [`Config::login_again_after`].
//!
//! What can go wrong, whether anything was sent, whether it is tried again and what to do: the
//! table of [`Error`]. Each attempt can be watched: [`Config::on_attempt`], or the `log` crate with
//! the target `kamipay_ureq`.
//!
//! Looking up a host takes a thread for each call, which ends with the look-up, and panics inside
//! ureq where the machine has no thread left.
//!
//! # Secrets in logs
//!
//! No error and no `Debug` of this crate shows the token or the password. ureq and rustls log what
//! they send through the `log` crate, at the level TRACE: a program that installs a logger does
//! well to drop the targets `ureq*` and `rustls*` at that level.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod attempt;
mod client;
mod clock;
mod config;
mod credentials;
mod error;
mod exchange;
mod login;
mod scan;
mod watch;

pub use kamipay_proto as proto;

pub use self::attempt::{Attempt, OnAttempt};
pub use self::client::Client;
pub use self::config::{Config, InvalidConfig};
pub use self::credentials::Credentials;
pub use self::error::{
    CertificateFault, ConnectFault, Error, ErrorKind, Sent, TimeoutFault, TlsFault,
};
pub use self::scan::{NotYet, Rows, ScanError};
pub use self::watch::WatchEvent;
