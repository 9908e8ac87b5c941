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
//! * **Answers are read from JSON text**, with `serde_json::from_str` or `from_slice`. Types with
//!   amounts refuse `from_value` and `from_reader`: a `Value` may have rounded. Requests contain no
//!   amounts and can be read from any format.
//! * **`chrono`, `http` and `rust_decimal`** are part of the public API, and re-exported.

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
#[doc(hidden)]
pub use self::error::with_causes;
pub use self::error::{
    ApiError, BuildError, CutOff, DecodeError, Mismatch, ResponseError, ResponseErrorKind,
};
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
