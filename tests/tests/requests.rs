//! Every complete request in the vendor's pages.

use http::Request;
use kamipay_proto::confirmed_charges::ListConfirmedCharges;
use kamipay_proto::lots::{GetLot, ListLots};
use kamipay_proto::pay_status::{Chain, GetPayStatus, PaymentTarget};
use kamipay_proto::settlements::{
    GetSettlement, ListPendingCharges, ListSettlements, ListTransactions,
};
use kamipay_proto::{
    Api, BuildError, CheckoutId, DateRange, Endpoint, EpochRange, InvalidRange, IssueToken,
    OpenDateRange, SettlementId, StoreId,
};
use kamipay_tests::{api, calls, with_call};

/// Checks the whole request: a `GET` of `uri`.
fn assert_get(call: &impl Endpoint, uri: &str) {
    let headers =
        "authorization: Bearer token\ncache-control: no-cache\ncontent-type: application/json\n";
    assert_eq!(written(&call.request(&api()).unwrap()), format!("GET {uri}\n{headers}\n"));
}

/// The method, the URI, the headers in order, and the body.
fn written(request: &Request<Vec<u8>>) -> String {
    let mut headers: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
        .collect();
    headers.sort();
    let body = std::str::from_utf8(request.body()).unwrap();
    format!("{} {}\n{}\n{body}", request.method(), request.uri(), headers.concat())
}

fn at(seconds: i64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(seconds, 0).unwrap()
}

#[test]
fn lots_list() {
    let range = DateRange::parse("2026-01-01T00:00:00Z", "2026-01-28T23:59:59Z").unwrap();
    assert_get(
        &ListLots::new(range),
        "https://api.kamipay.io/v1/lots?start_date=2026-01-01T00%3A00%3A00Z\
         &end_date=2026-01-28T23%3A59%3A59Z&limit=100&offset=0",
    );
}

#[test]
fn lots_get_by_lot_id_and_by_hash() {
    for lot in [
        "9c030c8b-6d68-445b-8048-1bacd91012fa",
        "0x812f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf",
    ] {
        assert_get(
            &GetLot::new(lot.parse().unwrap()),
            &format!("https://api.kamipay.io/v1/lots/{lot}"),
        );
    }
}

#[test]
fn settlements_list() {
    let range = DateRange::parse("2026-05-01T00:00:00Z", "2026-05-28T23:59:59Z").unwrap();
    assert_get(
        &ListSettlements::new(range),
        "https://api.kamipay.io/v1/settlements?start_date=2026-05-01T00%3A00%3A00Z\
         &end_date=2026-05-28T23%3A59%3A59Z&limit=100&offset=0",
    );
}

/// The page omits `limit` and `offset`. We send their defaults, to compare them with the answer.
#[test]
fn settlements_transactions() {
    let range = DateRange::parse("2026-05-01T00:00:00Z", "2026-05-28T23:59:59Z").unwrap();
    let mut call = ListTransactions::new(range);
    call.settlement_id = Some(SettlementId::new(12345));
    assert_get(
        &call,
        "https://api.kamipay.io/v1/settlements/transactions?start_date=2026-05-01T00%3A00%3A00Z\
         &end_date=2026-05-28T23%3A59%3A59Z&settlement_id=12345&limit=100&offset=0",
    );
    call.settlement_id = None;
    assert_get(
        &call,
        "https://api.kamipay.io/v1/settlements/transactions?start_date=2026-05-01T00%3A00%3A00Z\
         &end_date=2026-05-28T23%3A59%3A59Z&limit=100&offset=0",
    );
}

#[test]
fn settlements_pending_charges() {
    let mut call = ListPendingCharges::new();
    call.checkout_id = Some(CheckoutId::new(42));
    let from = "2026-04-14T00:00:00Z".parse().unwrap();
    call.range = OpenDateRange::new(Some(from), None).unwrap();
    assert_get(
        &call,
        "https://api.kamipay.io/v1/settlements/pending-charges?checkout_id=42\
         &from=2026-04-14T00%3A00%3A00Z&limit=100&offset=0",
    );
    // "optional when the client has a single enrolled checkout"
    assert_get(
        &ListPendingCharges::new(),
        "https://api.kamipay.io/v1/settlements/pending-charges?limit=100&offset=0",
    );
}

#[test]
fn settlements_get() {
    assert_get(
        &GetSettlement::new(SettlementId::new(12345)),
        "https://api.kamipay.io/v1/settlements/12345",
    );
}

/// The page masks its hash with asterisks, `0x36**************b2d3`, which is not a hash.
#[test]
fn pay_status() {
    assert!(PaymentTarget::tx_id("0x36**************b2d3").is_err());
    let hash = "0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab";
    assert_get(
        &GetPayStatus::new(PaymentTarget::tx_id(hash).unwrap(), Chain::Polygon),
        &format!(
            "https://api.kamipay.io/v2/status/tx_status?target=tx_id&type=pay&id={hash}\
             &chain=polygon"
        ),
    );
    // Other identifiers may contain asterisks.
    assert_get(
        &GetPayStatus::new(PaymentTarget::external_id("0x36**b2d3").unwrap(), Chain::Polygon),
        "https://api.kamipay.io/v2/status/tx_status?target=external_id&type=pay\
         &id=0x36%2A%2Ab2d3&chain=polygon",
    );
}

#[test]
fn pay_status_by_each_target_on_each_chain() {
    let hash = "0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab";
    for (payment, target) in [
        (PaymentTarget::external_id("test235"), "external_id"),
        (PaymentTarget::kamipay_id("test235"), "kamipay_id"),
        (PaymentTarget::tx_id(hash), "tx_id"),
        (PaymentTarget::operation_id("test235"), "operation_id"),
    ] {
        let payment = payment.unwrap();
        let id = payment.id();
        for (chain, word) in [(Chain::Polygon, "polygon"), (Chain::Tron, "tron")] {
            assert_get(
                &GetPayStatus::new(payment.clone(), chain),
                &format!(
                    "https://api.kamipay.io/v2/status/tx_status?target={target}&type=pay&id={id}\
                     &chain={word}"
                ),
            );
        }
    }
}

/// The range of the page's example, 1718472442 to 1718418515, is reversed.
#[test]
fn tx_status_lot() {
    let (start, end) = (at(1_718_472_442), at(1_718_418_515));
    assert!(matches!(EpochRange::new(start, end), Err(InvalidRange::Order { .. })));

    let mut call = ListConfirmedCharges::new();
    call.store_id = [1, 2, 3].map(StoreId::new).to_vec();
    call.checkout_id = [1, 2, 3].map(CheckoutId::new).to_vec();
    call.range = Some(EpochRange::new(end, start).unwrap());
    assert_get(
        &call,
        "https://api.kamipay.io/v2/status/tx_status_lot?store_id=1,2,3&checkout_id=1,2,3\
         &start=1718418515&end=1718472442",
    );
    // every parameter is optional
    assert_get(&ListConfirmedCharges::new(), "https://api.kamipay.io/v2/status/tx_status_lot");
}

#[test]
fn the_login() {
    let request = IssueToken::new("merchant@example.com", "a password").request(&api()).unwrap();
    assert_eq!(
        written(&request),
        "POST https://api.kamipay.io/auth/token\n\
         content-type: application/x-www-form-urlencoded\n\n\
         username=merchant%40example.com&password=a+password"
    );
}

/// Hosts of the vendor's own clients, and a proxy with a path.
#[test]
fn a_base_may_be_any_host_and_have_a_path() {
    for base in [
        "https://api2.kamipay.io",
        "https://devnakamotoapi2.kamipay.io",
        "https://proxy.example.com:8443/kami/pay",
        "http://127.0.0.1:8080",
    ] {
        let api = Api::new(base.parse().unwrap(), &"token".parse().unwrap());
        let request = GetSettlement::new(SettlementId::new(12345)).request(&api).unwrap();
        assert_eq!(request.uri(), format!("{base}/v1/settlements/12345").as_str());
    }
}

#[test]
fn the_path_of_a_request_is_that_of_its_call() {
    fn template<E: Endpoint>(_: &E) -> &'static str {
        E::CALL
    }

    for call in calls() {
        with_call!(&call, call => {
            let request = call.request(&api()).unwrap();
            let (method, path) = template(call).split_once(' ').unwrap();
            assert_eq!(request.method(), method);
            let (path, asked) = (path.split('/'), request.uri().path().split('/'));
            assert_eq!(path.clone().count(), asked.clone().count());
            for (named, asked) in path.zip(asked) {
                assert!(named == asked || named.starts_with('{'), "{named}: {asked}");
            }
        });
    }
}

#[test]
fn without_a_token_only_the_login_can_be_built() {
    let nobody = Api::anonymous(api().base_url().clone());
    for call in calls() {
        let built = with_call!(&call, call => call.request(&nobody).map(drop), login => {
            login.request(&nobody).unwrap();
            Err(BuildError::NoToken)
        });
        assert_eq!(built, Err(BuildError::NoToken));
    }
}
