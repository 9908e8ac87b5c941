use std::sync::{Arc, Mutex};
use std::time::Instant;

use http::StatusCode;
use kamipay_proto::lots::{GetLot, LotDetail, ScanLots};
use kamipay_proto::pay_status::{Chain, GetPayStatus, PaymentTarget, Watch, WatchLimits};
use kamipay_proto::retry::Stop;
use kamipay_proto::{Api, BuildError, Endpoint, Period};
use kamipay_sandbox::{Generated, Sandbox, Scenario};

use super::*;
use crate::{Client, Credentials, Error, ExtraHeaders};

const LOT: &str = r#"{"lot_id":"9c030c8b-6d68-445b-8048-1bacd91012fa","transaction_hash":null,
"usdt_amount":"10027.79968000","created_at":null,"status":"PENDING","payouts":[],"refunds":[]}"#;

type Answer = Result<Response<Vec<u8>>, TransportError>;

fn client(
    set: impl FnOnce(&mut Config),
    function: impl Fn(Request<Vec<u8>>, TransportLimits) -> Answer + Send + Sync + 'static,
) -> Client {
    let mut config = Config::default();
    config.retry.first_delay = Duration::ZERO;
    set(&mut config);
    let token = Credentials::token("s3cret-token".parse().unwrap());
    Client::with_transport("http://localhost".parse().unwrap(), token, config, function).unwrap()
}

fn get(client: &Client) -> Result<LotDetail, Error> {
    client.send(&GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse().unwrap()))
}

/// A call with a header of its own.
struct Traced;

impl Endpoint for Traced {
    const CALL: &'static str = "GET /v1/lots/{lot_identifier}";
    type Output = LotDetail;

    fn request(&self, api: &Api) -> Result<Request<Vec<u8>>, BuildError> {
        let mut request =
            api.get(&["v1", "lots", "9c030c8b-6d68-445b-8048-1bacd91012fa"]).finish()?;
        request.headers_mut().insert("traceparent", HeaderValue::from_static("00-its-own"));
        Ok(request)
    }
}

fn answer(status: u16, body: impl Into<Vec<u8>>) -> Answer {
    Ok(Response::builder().status(status).body(body.into()).unwrap())
}

#[test]
fn a_fault_says_what_was_sent_and_whether_to_try_again() {
    for (fault, sent, attempts, may_show_funds) in [
        (TransportFault::NotSent, Sent::No, 4, false),
        (TransportFault::Untrusted, Sent::No, 1, false),
        (TransportFault::Unanswered, Sent::Maybe, 4, false),
        (TransportFault::Lost, Sent::Maybe, 4, true),
    ] {
        let fails = move |_, _| Err(TransportError::new(fault, "no luck"));
        let error = get(&client(|_| {}, fails)).unwrap_err();
        assert_eq!((error.sent(), error.attempts()), (sent, attempts), "{fault:?}");
        assert_eq!(error.kind().may_show_funds(), may_show_funds, "{fault:?}");
        assert!(error.to_string().contains(": no luck"), "{error}");
        assert_eq!(error.answer().map(|it| it.status()), None);
    }
}

#[test]
fn an_error_shows_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("no connection")]
    struct Outer(#[source] std::io::Error);

    let cable = Outer(std::io::Error::other("the cable is cut"));
    let error = TransportError::new(TransportFault::NotSent, cable);
    assert_eq!(error.to_string(), "no connection: the cable is cut");
    assert_eq!(format!("{error:?}"), "no connection: the cable is cut");
}

#[test]
fn a_lost_answer_withholds_permission_to_pay_again() {
    let canceled = r#"{"status": "ok", "msg": "transaction canceled", "data": {"status": "canceled",
        "operation_id": null, "address_in": null, "txid": null, "amount_usdt": null,
        "amount_brl": null, "bank_txid": null, "name": null, "kamipay_id": "txc_1",
        "external_id": "order-7", "pix_key": null}}"#;
    for (fault, may_be_paid_again) in [
        (TransportFault::NotSent, true),
        (TransportFault::Unanswered, true),
        (TransportFault::Lost, false),
    ] {
        let first = Mutex::new(Some(TransportError::new(fault, "no luck")));
        let client = client(
            |_| {},
            move |_, _| match first.lock().unwrap().take() {
                Some(error) => Err(error),
                None => answer(200, canceled),
            },
        );
        let target = PaymentTarget::external_id("order-7").unwrap();
        let mut limits = WatchLimits::default();
        limits.first_interval = Duration::ZERO;
        limits.max_questions = 3;
        let mut watch = Watch::new(GetPayStatus::new(target, Chain::Polygon), limits);
        client.watch(&mut watch, |_| {}).unwrap();
        let permission = watch.permission_to_pay_again();
        assert_eq!(permission.is_some(), may_be_paid_again, "{fault:?}");
    }
}

#[test]
fn no_secret_of_the_client_is_shown() {
    let with_key = |config: &mut Config| {
        config.headers.set("x-gateway-key", "of the gateway").unwrap();
        config.headers.set_public("x-shop", "shop-7").unwrap();
    };
    let echo = |request: &Request<Vec<u8>>| {
        let mut texts: Vec<_> =
            request.headers().iter().map(|(_, value)| value.to_str().unwrap().to_owned()).collect();
        texts.sort();
        texts.join(" ")
    };
    let fails = move |request: Request<Vec<u8>>, _| {
        Err(TransportError::new(TransportFault::Untrusted, echo(&request)))
    };
    let refuses = move |request: Request<Vec<u8>>, _| {
        answer(403, format!("{{\"message\": \"{}\"}}", echo(&request)))
    };
    for error in
        [get(&client(with_key, fails)).unwrap_err(), get(&client(with_key, refuses)).unwrap_err()]
    {
        for shown in [error.to_string(), format!("{error:?}"), format!("{:?}", error.kind())] {
            assert!(!shown.contains("s3cret") && !shown.contains("of the gateway"), "{shown}");
            assert!(shown.contains("Bearer *** ") && shown.contains("shop-7"), "{shown}");
        }
    }
}

#[test]
fn every_request_has_the_additional_headers_unless_the_call_has_its_own() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let sees = Arc::clone(&seen);
    let user_agent_suffix = Some("my-shop/2.1".to_owned());
    let mut config = Config { user_agent_suffix, ..Config::default() };
    config.headers.set("x-gateway-key", "of the gateway").unwrap();
    config.headers.set_public("traceparent", "00-client").unwrap();
    let sandbox = Sandbox::documented();
    let login = Credentials::login(sandbox.username(), sandbox.password());
    let sandbox = Mutex::new(sandbox);
    let function = move |request: Request<Vec<u8>>, _: TransportLimits| {
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        let headers = ["x-gateway-key", "traceparent", "user-agent"].map(header).join(", ");
        sees.lock().unwrap().push(format!("{}: {headers}", request.uri().path()));
        Ok(sandbox.lock().unwrap().handle(request))
    };
    let base = "http://localhost".parse().unwrap();
    let client = Client::with_transport(base, login, config, function).unwrap();
    get(&client).unwrap();
    let mut more = ExtraHeaders::new();
    more.set_public("traceparent", "00-call").unwrap();
    get(&client.with_headers(&more)).unwrap();
    get(&client).unwrap();
    client.with_headers(&more).send(&Traced).unwrap();
    let agent = concat!("kamipay-ureq/", env!("CARGO_PKG_VERSION"), " my-shop/2.1");
    let lot = "/v1/lots/9c030c8b-6d68-445b-8048-1bacd91012fa";
    let line = |path: &str, trace: &str| format!("{path}: of the gateway, {trace}, {agent}");
    assert_eq!(
        *seen.lock().unwrap(),
        [
            line("/auth/token", "00-client"),
            line(lot, "00-client"),
            line(lot, "00-call"),
            line(lot, "00-client"),
            line(lot, "00-its-own"),
        ]
    );
}

#[test]
fn the_function_knows_the_limits() {
    let told: Arc<Mutex<Vec<TransportLimits>>> = Arc::default();
    let tells = Arc::clone(&told);
    let set = |config: &mut Config| {
        config.attempt_timeout = Duration::from_secs(20);
        config.connect_timeout = Duration::from_secs(3);
        config.body_limit_bytes = 1000;
    };
    let client = client(set, move |_, limits| {
        tells.lock().unwrap().push(limits);
        answer(200, LOT)
    });
    get(&client).unwrap();
    get(&client.until(Instant::now() + Duration::from_secs(2))).unwrap();
    client.drop_connections();
    get(&client).unwrap();
    let (told, seconds) = (told.lock().unwrap(), Duration::from_secs);
    assert_eq!(TransportLimits::new(seconds(2)).connect_timeout, seconds(2));
    let default = TransportLimits::new(seconds(30));
    assert_eq!((default.connect_timeout, default.body_limit_bytes), (seconds(5), 32 << 20));
    assert_eq!((told[0].timeout, told[0].connect_timeout), (seconds(20), seconds(3)));
    assert_eq!(told[0].body_limit_bytes, 1000);
    assert!(told[1].timeout <= seconds(2) && told[1].connect_timeout == told[1].timeout);
    assert_eq!([told[0].pool, told[1].pool, told[2].pool], [0, 0, 1]);
}

#[test]
fn without_any_time_the_function_is_not_called() {
    for set in [
        (|config| config.attempt_timeout = Duration::ZERO) as fn(&mut Config),
        |config| config.connect_timeout = Duration::ZERO,
        |config| config.call_timeout = Duration::ZERO,
    ] {
        let error = get(&client(set, |_, _| panic!("it is called"))).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::TimeIsUp), "{error}");
    }
}

#[test]
fn another_request_s_response_asks_for_another_pool() {
    let pools: Arc<Mutex<Vec<u64>>> = Arc::default();
    let sees = Arc::clone(&pools);
    let other = LOT.replace("9c030c8b", "aaaaaaaa");
    let client = client(
        |_| {},
        move |_, limits| {
            let mut pools = sees.lock().unwrap();
            pools.push(limits.pool);
            answer(200, if pools.len() == 1 { &*other } else { LOT })
        },
    );
    get(&client).unwrap();
    assert_eq!(*pools.lock().unwrap(), [0, 1]);
}

#[test]
fn a_body_over_the_limit_is_refused() {
    for (length, is_whole) in [(LOT.len(), true), (LOT.len() + 1, false)] {
        let padded = format!("{LOT:length$}");
        let set = |config: &mut Config| config.body_limit_bytes = LOT.len() as u64;
        let read = get(&client(set, move |_, _| answer(200, &*padded)));
        match read {
            Ok(_) => assert!(is_whole),
            Err(error) => assert!(!is_whole && matches!(error.kind(), ErrorKind::TooLarge)),
        }
    }
    // Of an error, the status decides; what was cut may have shown something.
    let error = get(&client(|_| {}, |_, _| answer(403, vec![b' '; (1 << 20) + 1]))).unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::FORBIDDEN));
    assert_eq!(error.answer().unwrap().body().len(), 1 << 20);
    assert!(error.kind().may_show_funds());
    let error = get(&client(|_| {}, |_, _| answer(403, vec![b' '; 1 << 20]))).unwrap_err();
    assert!(!error.kind().may_show_funds());
}

#[test]
fn a_scan_and_a_watch_run_over_a_function() {
    let mut sandbox = Sandbox::generated(Generated::new(7).with_lots(300));
    sandbox.fail_at(2, "status-503".parse().unwrap());
    sandbox.fail_at(4, "reset-before-answer".parse().unwrap());
    let token: kamipay_proto::AccessToken = sandbox.token().parse().unwrap();
    let sandbox = Arc::new(Mutex::new(sandbox));
    let api = Arc::clone(&sandbox);
    let mut config = Config::default();
    config.retry.first_delay = Duration::ZERO;
    let function = move |request, _: TransportLimits| {
        let answer = api.lock().unwrap().try_handle(request);
        answer.map_err(|fault| TransportError::new(TransportFault::Lost, fault.to_string()))
    };
    let base = "https://api.kamipay.io".parse().unwrap();
    let client = Client::with_transport(base, token, config, function).unwrap();
    let year = Period::parse("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z").unwrap();
    let mut lots = client.scan(ScanLots::new(year));
    let ids: Vec<_> = (&mut lots).map(|lot| lot.unwrap().lot_id).collect();
    assert_eq!((ids.len(), lots.manifest().rows), (300, 300));
}

#[test]
fn an_error_of_each_kind_can_be_made_in_a_test() {
    // Of the protocol: a response, read by the call.
    let call = GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse().unwrap());
    let response = Response::builder().status(429).header("retry-after", "9").body("{}").unwrap();
    let error = call.parse(response).unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(9)));
    // Of the client: a function that fails.
    let error = get(&client(
        |config| config.retry.max_attempts = 1,
        |_, _| Err(TransportError::new(TransportFault::NotSent, "the cable is cut")),
    ));
    let error = error.unwrap_err();
    assert_eq!((error.sent(), error.stop()), (Sent::No, Stop::Attempts));
    // Of a scan: the same.
    let client = client(|_| {}, |_, _| answer(403, r#"{"message": "no"}"#));
    let day = Period::parse("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z").unwrap();
    let error = client.scan(ScanLots::new(day)).next().unwrap().unwrap_err();
    assert!(matches!(error, crate::ScanError::Call(_)), "{error}");
}

#[test]
fn a_payment_is_waited_for_over_a_function() {
    let sandbox = Sandbox::documented().with_scenario(Scenario::NotFoundThenDone);
    let token = Credentials::token(sandbox.token().parse().unwrap());
    let sandbox = Mutex::new(sandbox);
    let function = move |request, _: TransportLimits| Ok(sandbox.lock().unwrap().handle(request));
    let base = "https://api.kamipay.io".parse().unwrap();
    let client = Client::with_transport(base, token, Config::default(), function).unwrap();
    let target = PaymentTarget::external_id("not-found-then-done").unwrap();
    let mut limits = WatchLimits::default();
    limits.first_interval = Duration::ZERO;
    let mut watch = Watch::new(GetPayStatus::new(target, Chain::Polygon), limits);
    let end = client.watch(&mut watch, |_| {}).unwrap();
    assert!(matches!(end, kamipay_proto::pay_status::End::Done(_)), "{end:?}");
}
