//! Shared by the tests: every example of the vendor's pages, with the call that it answers.

#![allow(clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "nobody depends on this")]

/// Compiles the README's code.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod fuzz;
pub mod permission;

use std::fs;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use http::{Response, StatusCode};
use kamipay_proto::confirmed_charges::ListConfirmedCharges;
use kamipay_proto::lots::{GetLot, ListLots};
use kamipay_proto::pay_status::{Chain, GetPayStatus, PaymentTarget};
use kamipay_proto::settlements::{
    GetSettlement, ListPendingCharges, ListSettlements, ListTransactions,
};
use kamipay_proto::{
    AccessToken, Api, CheckoutId, DateRange, EpochRange, IssueToken, OpenDateRange, SettlementId,
    StoreId,
};

/// A call of any kind: see [`with_call!`].
#[derive(Clone, Debug)]
pub enum Call {
    /// `POST /auth/token`
    IssueToken(IssueToken),
    /// `GET /v1/lots`
    ListLots(ListLots),
    /// `GET /v1/lots/{lot_identifier}`
    GetLot(GetLot),
    /// `GET /v1/settlements`
    ListSettlements(ListSettlements),
    /// `GET /v1/settlements/transactions`
    ListTransactions(ListTransactions),
    /// `GET /v1/settlements/pending-charges`
    ListPendingCharges(ListPendingCharges),
    /// `GET /v1/settlements/{settlement_id}`
    GetSettlement(GetSettlement),
    /// `GET /v2/status/tx_status`
    GetPayStatus(GetPayStatus),
    /// `GET /v2/status/tx_status_lot`
    ListConfirmedCharges(ListConfirmedCharges),
}

/// Runs one expression for any kind of [`Call`]: `with_call!(call, call => call.request(&api))`.
///
/// `secret => …` is a separate expression for the login: neither the login nor its answer can be
/// written as JSON.
#[macro_export]
macro_rules! with_call {
    ($any:expr, $call:ident => $body:expr) => {
        $crate::with_call!($any, $call => $body, $call => $body)
    };
    ($any:expr, $call:ident => $body:expr, $secret:ident => $other:expr) => {
        match $any {
            $crate::Call::IssueToken($secret) => $other,
            $crate::Call::ListLots($call) => $body,
            $crate::Call::GetLot($call) => $body,
            $crate::Call::ListSettlements($call) => $body,
            $crate::Call::ListTransactions($call) => $body,
            $crate::Call::ListPendingCharges($call) => $body,
            $crate::Call::GetSettlement($call) => $body,
            $crate::Call::GetPayStatus($call) => $body,
            $crate::Call::ListConfirmedCharges($call) => $body,
        }
    };
}

/// An example of an answer in the vendor's pages.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// Its file in `fixtures/`.
    pub path: &'static str,
    /// Its HTTP status.
    pub status: u16,
    /// The call that it answers.
    pub call: Call,
}

impl Fixture {
    /// The body, byte for byte.
    pub fn body(&self) -> Vec<u8> {
        let path = folder().join(self.path);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The body of a JSON example.
    pub fn text(&self) -> String {
        String::from_utf8(self.body()).expect("the examples are UTF-8")
    }

    /// The answer.
    pub fn response(&self) -> Response<Vec<u8>> {
        response(self.status, self.body())
    }

    /// Whether it is the requested value, and not a refusal.
    pub fn is_answer(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// An answer with this body.
pub fn response<B>(status: u16, body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).expect("a status has three digits");
    response
}

/// The folder of the examples.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The API of the examples, with the token `token`.
pub fn api() -> Api {
    api_with(&"token".parse().expect("visible ASCII"))
}

/// The API of the examples.
pub fn api_with(token: &AccessToken) -> Api {
    Api::new("https://api.kamipay.io".parse().expect("a host of the vendor"), token)
}

/// One call of each kind, from the vendor's pages.
pub fn calls() -> Vec<Call> {
    vec![
        issue_token(),
        list_lots(),
        get_lot(),
        list_settlements(),
        list_transactions(),
        list_pending_charges(),
        get_settlement(),
        get_pay_status(PaymentTarget::external_id("idemptency-1").expect("short and plain")),
        list_confirmed_charges(),
    ]
}

/// Every example, and error bodies of the gateway and of a proxy.
pub fn fixtures() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    let mut add = |path, status, call: &Call| {
        fixtures.push(Fixture { path, status, call: call.clone() });
    };

    let call = issue_token();
    add("auth/token.json", 200, &call);

    let call = list_lots();
    add("lots/list.json", 200, &call);
    add("lots/list-error-range.json", 400, &call);
    add("lots/list-error-order.json", 400, &call);
    add("lots/list-error-credentials.json", 401, &call);
    let call = get_lot();
    add("lots/get.json", 200, &call);
    add("lots/get-error-credentials.json", 401, &call);
    add("lots/get-error-not-found.json", 404, &call);

    let call = list_settlements();
    add("settlements/list.json", 200, &call);
    add("settlements/list-error-range.json", 400, &call);
    add("settlements/list-error-order.json", 400, &call);
    add("settlements/list-error-offset.json", 400, &call);
    add("settlements/list-error-credentials.json", 401, &call);
    let call = list_transactions();
    add("settlements/transactions.json", 200, &call);
    add("settlements/transactions-error-range.json", 400, &call);
    add("settlements/transactions-error-offset.json", 400, &call);
    add("settlements/transactions-error-credentials.json", 401, &call);
    let call = list_pending_charges();
    add("settlements/pending-charges.json", 200, &call);
    add("settlements/pending-charges-empty.json", 200, &call);
    add("settlements/pending-charges-error-checkout.json", 400, &call);
    add("settlements/pending-charges-error-offset.json", 400, &call);
    add("settlements/pending-charges-error-range.json", 400, &call);
    add("settlements/pending-charges-error-credentials.json", 401, &call);
    let call = get_settlement();
    add("settlements/get.json", 200, &call);
    add("settlements/get-error-credentials.json", 401, &call);
    add("settlements/get-error-not-found.json", 404, &call);

    let by = |id| get_pay_status(PaymentTarget::kamipay_id(id).expect("short and plain"));
    let call = by("txc_01jranqegkf509bq5svh03ztt8");
    add("pay-status/processing.json", 200, &call);
    add("pay-status/done.json", 200, &call);
    add("pay-status/failed-and-returned.json", 200, &by("txc_01jjvpcdcwees8kfnvk9mq4gna"));
    add("pay-status/not-found.json", 200, &call);
    let call = by("txc_01jkg5vktaer5aew712kjgrsn2");
    add("pay-status/accepted.json", 201, &call);
    add("pay-status/canceled.json", 200, &call);
    add("pay-status/error.json", 400, &call);

    let call = list_confirmed_charges();
    add("tx-status-lot/list.json", 200, &call);
    add("tx-status-lot/error-not-authorized.json", 401, &call);
    add("tx-status-lot/error-range.json", 406, &call);
    add("tx-status-lot/error-unexpected.json", 500, &call);

    let call = list_lots();
    add("gateway/unauthorized.json", 401, &call);
    add("gateway/validation-error.json", 422, &call);
    add("gateway/bad-gateway.html", 502, &call);
    fixtures
}

fn issue_token() -> Call {
    Call::IssueToken(IssueToken::new("merchant@example.com", "a password"))
}

fn list_lots() -> Call {
    Call::ListLots(ListLots::new(range("2026-01-01T00:00:00Z", "2026-01-28T23:59:59Z")))
}

fn get_lot() -> Call {
    let lot = "9c030c8b-6d68-445b-8048-1bacd91012fa".parse().expect("a UUID");
    Call::GetLot(GetLot::new(lot))
}

fn list_settlements() -> Call {
    Call::ListSettlements(ListSettlements::new(may()))
}

fn list_transactions() -> Call {
    let mut call = ListTransactions::new(may());
    call.settlement_id = Some(SettlementId::new(12345));
    Call::ListTransactions(call)
}

fn list_pending_charges() -> Call {
    let mut call = ListPendingCharges::new();
    call.checkout_id = Some(CheckoutId::new(42));
    let from = "2026-04-14T00:00:00Z".parse().expect("a time");
    call.range = OpenDateRange::new(Some(from), None).expect("one end breaks no rule");
    Call::ListPendingCharges(call)
}

fn get_settlement() -> Call {
    Call::GetSettlement(GetSettlement::new(SettlementId::new(12345)))
}

fn get_pay_status(payment: PaymentTarget) -> Call {
    Call::GetPayStatus(GetPayStatus::new(payment, Chain::Polygon))
}

fn list_confirmed_charges() -> Call {
    let mut call = ListConfirmedCharges::new();
    call.store_id = [1, 2, 3].map(StoreId::new).to_vec();
    call.checkout_id = [1, 2, 3].map(CheckoutId::new).to_vec();
    // The page has them in reverse.
    let [start, end] =
        [1_718_418_515, 1_718_472_442].map(|seconds| DateTime::from_timestamp(seconds, 0));
    let range = EpochRange::new(start.expect("a time"), end.expect("a time"));
    call.range = Some(range.expect("within a day"));
    Call::ListConfirmedCharges(call)
}

fn may() -> DateRange {
    range("2026-05-01T00:00:00Z", "2026-05-28T23:59:59Z")
}

fn range(start: &str, end: &str) -> DateRange {
    DateRange::parse(start, end).expect("the pages' own range")
}
