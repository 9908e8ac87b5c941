//! The kamiPay API in a box.
//!
//! All calls, their documented answers and their documented refusals, for a merchant who exists
//! in memory only: for tests, demos and trying things out. It needs no account and no network.
//!
//! # Four lines to a running API
//!
//! ```
//! use kamipay_sandbox::{Sandbox, Server};
//!
//! # fn main() -> std::io::Result<()> {
//! let sandbox = Sandbox::documented();
//! let token = sandbox.token();
//! let server = Server::start(sandbox)?;
//! let base_url = server.base_url(); // http://127.0.0.1:…
//! // Point any HTTP client at `base_url`, with the header `Authorization: Bearer {token}`.
//! # assert!(base_url.starts_with("http://127.0.0.1:"));
//! # assert!(!token.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! The server stops when it is dropped. [`Server::requests`] tells what it was asked. A client
//! with a transport of its own needs no server: [`Sandbox::handle`] is the API as a function.
//!
//! # Whose data
//!
//! - [`Sandbox::documented`] answers with the examples of the API's pages, to the digit.
//! - [`Sandbox::generated`] answers for a merchant made from a seed ([`Generated`]), with as many
//!   lots, payouts, settlements and charges as you like, a million as lightly as ten. It brings
//!   what breaks careless clients: rows on the borders of a period and at midnight, equal
//!   timestamps, null identifiers, amounts in scientific notation, statuses and fields that no
//!   page documents.
//!
//! [`Sandbox::with_scenario`] adds behaviour by name, see [`Scenario`].
//!
//! # What it decides where the pages are silent
//!
//! - Both ends of a period are inclusive. Lots are filtered by `created_at` (by the internal one
//!   where `null` is shown), settlements by `settled_at`, transactions by `created_at`, pending
//!   charges by `charged_timestamp`, confirmed charges by `credit_datetime`.
//! - Pending charges come oldest first, as their page says; all other lists newest first.
//! - A date without an offset is UTC for lots; the settlement calls refuse it, as their page says.
//! - Parameters that are missing or no numbers are refused with 422 and a list of problems, as
//!   the API's web framework does; by `tx_status` with 400, as its page says.
//! - `tx_status` finds a payment on either chain.
//! - `tx_status_lot` without `start` and `end` is about the day up to now.
//!
//! # Deterministic
//!
//! The same seed, time and requests give the same answers on every machine. No clock is read for
//! data: it is what [`Sandbox::set_now`] says.
//!
//! # Not in scope
//!
//! TLS, webhooks, and the calls that move money.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod book;
mod calls;
pub mod conformance;
mod documented;
mod fault;
mod generated;
mod history;
mod json;
mod listing;
mod merchant;
mod mix;
mod names;
mod payments;
mod query;
mod quirk;
mod reply;
mod row;
mod sandbox;
mod scenario;
mod schedule;
mod server;
mod tokens;

pub use fault::{Calls, Fault};
pub use generated::{
    Charge, Generated, Lot, PaymentState, Payout, PendingCharge, Refund, Settlement,
};
pub use history::{Change, ChangeKind, History, RowHistory, Spell};
pub use names::UnknownScenario;
pub use quirk::Quirk;
pub use row::{List, Row};
pub use sandbox::Sandbox;
pub use scenario::Scenario;
pub use schedule::Schedule;
pub use server::{Received, Server};
