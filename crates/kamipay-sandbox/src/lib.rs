//! The kamiPay API in a box, for tests and demos.
//!
//! It has every call, with the documented answers and the documented refusals, for a merchant in
//! memory. It needs no account and no network.
//!
//! # A test of a client
//!
//! ```
//! use kamipay_sandbox::{Payment, PaymentState::*, Sandbox, Server};
//! use kamipay_ureq::proto::{AccessToken, pay_status::{Chain, GetPayStatus, PaymentTarget}};
//! use kamipay_ureq::Client;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::empty().with_payment(Payment::new("order-7", [Processing, Done]));
//! let token: AccessToken = sandbox.token().parse()?;
//! let server = Server::start(sandbox)?;
//! let client = Client::new(server.base_url().parse()?, token);
//! let question = GetPayStatus::new(PaymentTarget::external_id("order-7")?, Chain::Polygon);
//! assert_eq!(client.send(&question)?.state(), "processing");
//! assert_eq!(client.send(&question)?.state(), "done");
//! # Ok(())
//! # }
//! ```
//!
//! Any other HTTP client needs [`Server::base_url`], and [`Sandbox::token`] in the header
//! `Authorization: Bearer …`. The server stops when it is dropped. [`Server::requests`] returns the
//! requests so far. A client with its own transport needs no server: [`Sandbox::handle`] is the API
//! as a function.
//!
//! # Data
//!
//! - [`Sandbox::documented`] answers with the examples of the API's pages, digit by digit.
//! - [`Sandbox::generated`] answers for a merchant made from a seed ([`Generated`]), with any
//!   number of lots, payouts, settlements and charges. A million rows cost as little as ten. They
//!   include those that break careless clients: rows on the borders of a period and at midnight,
//!   equal timestamps, null identifiers, amounts in scientific notation, statuses and fields that
//!   no page documents.
//! - [`Sandbox::empty`] has nothing until a test adds its own [`Payment`]s and [`Row`]s, or a JSON
//!   file of them ([`Sandbox::with_file`]). They can be added to any other sandbox, too.
//!   [`Sandbox::insert`], [`Sandbox::remove`] and [`Sandbox::re_date`] change rows between two
//!   requests. [`Sandbox::from_rows`] is cheap enough for ten thousand random histories.
//!
//! [`Sandbox::with_route`] adds calls that the sandbox does not have, see [`Route`]. Each answer has
//! an `x-request-id`.
//!
//! [`Sandbox::with_scenario`] adds behaviour by name, see [`Scenario`]: payments in a certain
//! state, quirks of lists, faults of the network.
//!
//! # Lists that change while a client pages
//!
//! A [`Quirk`] is another reading of what the pages leave open, or a disturbance.
//! [`Sandbox::history`] returns the rows that existed, as the truth for a client's result:
//!
//! ```
//! use kamipay_sandbox::{Generated, List, Quirk, Sandbox, Schedule, Server};
//!
//! # fn main() -> std::io::Result<()> {
//! let sandbox = Sandbox::generated(Generated::new(7))
//!     .with_quirk(Quirk::ExclusiveEnds, Schedule::always())
//!     .with_quirk(Quirk::InsertWhilePaging, Schedule::times(2).from_request(3));
//! let server = Server::start(sandbox)?;
//! // … a client lists all lots …
//! let must_be_there = server.with_sandbox(|sandbox| sandbox.history()).throughout(List::Lots);
//! # assert_eq!(must_be_there.len(), 40);
//! # Ok(())
//! # }
//! ```
//!
//! # Faults
//!
//! A [`Fault`] happens instead of an answer: to the next calls, to the n-th, to all, to logins:
//!
//! ```
//! use kamipay_sandbox::{Calls, Fault, Sandbox, Schedule, Server};
//!
//! # fn main() -> std::io::Result<()> {
//! let server = Server::start(Sandbox::documented())?;
//! server.with_sandbox(|sandbox| {
//!     sandbox.fail_next(Fault::named("truncated-body"), 2);
//!     sandbox.add_fault(Fault::Login(503), Calls::Login, Schedule::always());
//! });
//! // … a client asks three times, and has to log in …
//! # Ok(())
//! # }
//! ```
//!
//! The server produces all of them on its sockets. Without a server, [`Sandbox::try_handle`]
//! returns an error for a fault that is not a response. [`Server::requests`] contains the fault of
//! each request.
//!
//! # Your own transport
//!
//! [`conformance::check`] tempts a transport with redirects, cut answers and endless servers, and
//! reports what it did.
//!
//! # Decisions where the pages are silent
//!
//! - Both ends of a period are inclusive, unless a quirk says otherwise. Lots are filtered by
//!   `created_at` (by the internal one where `null` is shown), settlements by `settled_at`,
//!   transactions by `created_at`, pending charges by `charged_timestamp`, confirmed charges by
//!   `credit_datetime`.
//! - Pending charges come oldest first, as their page says; all other lists newest first.
//! - A date without an offset is UTC for lots. The settlement calls refuse it, as their page says.
//! - Missing parameters and parameters that are not numbers are refused with 422 and a list of
//!   problems, as the API's web framework does; by `tx_status` with 400, as its page says.
//! - `tx_status` finds a payment on either chain.
//! - `tx_status_lot` without `start` and `end` returns the day up to now.
//!
//! # Deterministic
//!
//! The same seed, time and requests give the same answers on every machine. Data does not depend
//! on a clock: the time is set by [`Sandbox::set_now`].
//!
//! # Not in scope
//!
//! TLS, webhooks, and the calls that move money.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod api;
mod book;
mod calls;
pub mod conformance;
mod data;
mod documented;
pub mod fault;
mod forms;
mod generated;
mod history;
mod json;
mod list;
mod mix;
mod names;
mod payments;
mod query;
mod quirk;
mod reply;
mod route;
mod row;
mod sandbox;
mod scenario;
mod schedule;
mod server;
mod tokens;
mod wire;

pub use book::Spell;
pub use data::InvalidData;
pub use fault::{Calls, Fault};
pub use generated::{
    Generated, GeneratedCharge, GeneratedLot, GeneratedPayout, GeneratedPendingCharge,
    GeneratedRefund, GeneratedSettlement,
};
pub use history::{History, RowHistory};
pub use list::List;
pub use names::UnknownScenario;
pub use payments::{Payment, PaymentState};
pub use quirk::Quirk;
pub use route::Route;
pub use row::Row;
pub use sandbox::Sandbox;
pub use scenario::Scenario;
pub use schedule::Schedule;
pub use server::{Received, Server};
