//! kamiPay's HTTP API without IO: builds an [`http::Request`], reads an [`http::Response`].
//!
//! # In scope
//!
//! * Validated requests as plain data, answers as exact types, errors that say what to do
//! * Complete listings: every row of a period once, or an error that says what is missing
//!   ([`scan`])
//! * The state of a payment, permission to repeat it, and the wait for its end ([`pay_status`])
//! * Whether and when to repeat a call ([`retry`])
//!
//! # Out of scope
//!
//! * Sockets, TLS, threads, sleep, clocks, randomness, environment variables: use a transport, such
//!   as the crate `kamipay-ureq` or your own HTTP client
//! * Calls that move money, QR codes, webhooks: write your own [`Endpoint`] for a call that is not
//!   here
//!
//! # Any HTTP client in a few lines
//!
//! A transport is any function from an [`http::Request`] to an [`http::Response`]:
//!
//! ```
//! use kamipay_proto::{Api, Endpoint, lots::GetLot};
//!
//! let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
//! let call = GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse()?);
//! let request = call.request(&api)?;
//! assert_eq!(request.uri().path(), "/v1/lots/9c030c8b-6d68-445b-8048-1bacd91012fa");
//!
//! // Send `request` with any HTTP client, blocking or async, and parse its response:
//! # let response = http::Response::new(br#"{"lot_id":"9c030c8b-6d68-445b-8048-1bacd91012fa","transaction_hash":null,
//! # "usdt_amount":"10027.79968000","created_at":null,"status":"PENDING","payouts":[],"refunds":[]}"#);
//! let lot = api.parse(&call, response)?;
//! assert_eq!(lot.usdt_amount.to_string(), "10027.79968000");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! Configure the client, since few have these defaults: no redirects (they would receive the
//! token), 4xx and 5xx as responses, a limit on the size and time of a body, gzip decoding.
//!
//! # Conventions
//!
//! * **Money is exact.** An amount keeps all digits and the scale of the answer, whether it is a
//!   JSON string or number. An amount that cannot be kept exactly (more than 28 decimals, or more
//!   than 96 bits of digits) is an error that names the field. Amounts may be negative; `-0` is 0.
//!   They are written as JSON strings.
//! * **Times are UTC.**
//! * **New words of the API break nothing.** Unknown fields are ignored. Unknown states are kept,
//!   and never count as final.
//! * **`chrono`, `http` and `rust_decimal`** are part of the public API, and re-exported.
//!
//! # Stored models
//!
//! Requests and answers are serde data. They are written with amounts as text, and come back with
//! all digits:
//!
//! | format | a model that was written | [`PayStatus`] | the API's own text, with amounts as numbers |
//! | --- | --- | --- | --- |
//! | JSON text: `from_str`, `from_slice` | yes | yes | yes |
//! | JSON in a text column, such as SQLite's | yes | yes | yes |
//! | JSONB, `serde_json::Value`, `from_reader` | yes | no | no |
//! | inside `#[serde(tag = "…", content = "…")]` | yes | yes | yes |
//! | inside `#[serde(tag = "…")]`, `flatten`, `untagged` | yes | no | no |
//! | CBOR, MessagePack | yes | no | no |
//!
//! *No* is an error that names `serde_json::from_str`, never another amount: only JSON text keeps all
//! digits of a number. It also keeps keys that come twice, which withhold permission to pay again,
//! so a [`PayStatus`] is read from nothing else. Keep such a text in a field of its own:
//!
//! ```
//! use kamipay_proto::pay_status::PayStatus;
//! use serde_json::value::{RawValue, to_raw_value};
//!
//! #[derive(serde::Deserialize, serde::Serialize)]
//! struct Stored {
//!     order: String,
//!     status: Box<RawValue>, // or a `String`, or a column of type TEXT. Not JSONB
//! }
//!
//! # let status: PayStatus = serde_json::from_str(r#"{"status": "failed", "msg": "TX not found"}"#)?;
//! let line = serde_json::to_string(&Stored { order: "7".to_owned(), status: to_raw_value(&status)? })?;
//!
//! let stored: Stored = serde_json::from_str(&line)?;
//! let again: PayStatus = serde_json::from_str(stored.status.get())?;
//! assert_eq!(again, status);
//! # Ok::<_, serde_json::Error>(())
//! ```
//!
//! # In unit tests
//!
//! A model is read from JSON, and an error comes from a response that the call reads:
//!
//! ```
//! use kamipay_proto::{Endpoint, lots::{GetLot, LotDetail}};
//!
//! let lot: LotDetail = serde_json::from_str(
//!     r#"{"lot_id": "a", "transaction_hash": null, "usdt_amount": "9.750", "created_at": null,
//!         "status": "PENDING", "payouts": [], "refunds": []}"#,
//! )?;
//! assert_eq!(lot.usdt_amount.to_string(), "9.750");
//!
//! let refusal = http::Response::builder().status(404).body(r#"{"detail": "Lot not found"}"#)?;
//! let error = GetLot::new("a".parse()?).parse(refusal).unwrap_err();
//! assert_eq!(error.to_string(), "the API answered 404 Not Found: Lot not found");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! [`PayStatus`]: pay_status::PayStatus

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod api;
mod auth;
mod base_url;
mod endpoint;
mod error;
mod identifiers;
mod page;
mod range;
mod response;
mod secrets;
mod wire;

pub mod confirmed_charges;
pub mod lots;
pub mod pay_status;
pub mod retry;
pub mod scan;
pub mod session;
pub mod settlements;
mod sum;

pub use self::api::{Api, GetRequest};
pub use self::auth::{AccessToken, InvalidToken, IssueToken, IssuedToken};
pub use self::base_url::{BaseUrl, InvalidBaseUrl};
pub use self::endpoint::Endpoint;
pub use self::error::{
    ApiError, BuildError, CutOff, DecodeError, Mismatch, ResponseError, ResponseErrorKind,
};
#[doc(hidden)]
pub use self::error::{Shown, with_causes};
pub use self::identifiers::{
    CheckoutId, Currency, ExternalId, InvalidNumber, KamipayId, OperationId, SettlementId, StoreId,
    TransactionHash,
};
pub use self::page::{BoundedPageSize, InvalidPageSize, PageSize, PendingPageSize};
pub use self::range::{DateRange, EpochRange, InvalidRange, OpenDateRange, Period};
pub use self::response::decode_json;
pub use self::scan::Scan;
pub use self::secrets::Secrets;
pub use self::sum::{ExactSum, SumCheck};
#[doc(hidden)]
pub use self::wire::string_enum::Unknown;
pub use {chrono, http, rust_decimal};
