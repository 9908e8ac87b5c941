//! kamiPay's HTTP API as plain values: build an [`http::Request`], read an [`http::Response`].
//!
//! # In scope
//!
//! * Requests as plain data that cannot be wrong, answers as exact types, errors that say what to
//!   do
//! * A whole period, every row of it once, or an error that says what is missing ([`scan`])
//! * What a payment's state permits, and the wait for it ([`pay_status`])
//! * Whether to make a call again ([`retry`])
//!
//! # Out of scope
//!
//! * Sockets, TLS, threads, sleeping, clocks, randomness, environment variables: a transport has
//!   these, such as the crate `kamipay-ureq`, or the HTTP client that your program has already
//! * The calls that move money, QR codes, webhooks: a call that is not here can be an [`Endpoint`]
//!   of your own
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
//! // Hand `request` to any HTTP client, async or not, and its answer back:
//! # let response = http::Response::new(br#"{"lot_id":"9c030c8b-6d68-445b-8048-1bacd91012fa","transaction_hash":null,
//! # "usdt_amount":"10027.79968000","created_at":null,"status":"PENDING","payouts":[],"refunds":[]}"#);
//! let lot = api.parse(&call, response)?;
//! assert_eq!(lot.usdt_amount.to_string(), "10027.79968000");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! What such a client has to be told, because few do it unasked: not to follow redirects (the
//! token would travel along), to hand over 4xx and 5xx as responses, to limit the size of a body
//! and the time it takes, to undo gzip.
//!
//! # What holds everywhere
//!
//! * **Money is exact.** An amount is the decimal that stands in the answer, all its digits and its
//!   scale kept, whether it was written as a JSON string or number. What cannot be kept exactly
//!   (more than 28 decimals, or than 96 bits of digits) is an error that names the field.
//!   Amounts may be negative; `-0` is 0. They are written back as JSON strings.
//! * **Times are UTC.**
//! * **A word that the API adds tomorrow breaks nothing**: unknown fields are ignored, unknown
//!   states kept, and never taken for an end.
//! * **Models are read from JSON text**, by `serde_json::from_str` or `from_slice`. Anything with
//!   money in it refuses `from_value` and `from_reader`, since a `Value` may have rounded already.
//!   Requests hold no money, and are read from any format.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod api;
mod auth;
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

pub use self::api::{Api, BaseUrl, GetRequest, InvalidBaseUrl};
pub use self::auth::{AccessToken, InvalidToken, IssueToken, IssuedToken};
pub use self::endpoint::Endpoint;
pub use self::error::{
    ApiError, BuildError, DecodeError, Mismatch, ResponseError, ResponseErrorKind,
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
#[doc(hidden)]
pub use self::wire::string_enum::Unknown;
