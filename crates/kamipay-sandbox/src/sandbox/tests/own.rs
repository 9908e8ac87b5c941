//! Payments and rows of a test's own, alone and beside generated ones.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::*;
use crate::PaymentState::{self, *};

/// The merchants that own data is added to.
fn merchants() -> [Sandbox; 3] {
    [Sandbox::empty(), Sandbox::documented(), Sandbox::generated(Generated::new(7))]
}

fn json(sandbox: &mut Sandbox, uri: &str) -> Value {
    let (status, body) = get(sandbox, uri);
    assert!(matches!(status, 200 | 201), "{uri}: {status} {body}");
    serde_json::from_str(&body).unwrap()
}

/// The `status` of a payment, or the message if there is none.
fn status_of(sandbox: &mut Sandbox, target: &str, id: &str) -> String {
    let id = utf8_percent_encode(id, NON_ALPHANUMERIC);
    let uri = format!("/v2/status/tx_status?target={target}&type=pay&id={id}&chain=polygon");
    let body = json(sandbox, &uri);
    body["data"]["status"].as_str().or_else(|| body["msg"].as_str()).unwrap().to_owned()
}

#[test]
fn a_payment_goes_through_its_states_whichever_identifier_is_asked_for() {
    for mut sandbox in merchants() {
        let payment = Payment::new("order-7", [NotFound, Accepted, Processing, Done])
            .with_kamipay_id("txc_mine")
            .with_operation_id("17");
        let tx_id = payment.tx_id().unwrap().to_uppercase().replacen("0X", "0x", 1);
        sandbox.insert_payment(payment);
        for (target, id, status) in [
            ("external_id", "order-7", "TX not found"),
            ("kamipay_id", "txc_mine", "accepted"),
            ("tx_id", &tx_id, "processing"),
            ("operation_id", "17", "done"),
            ("external_id", "order-7", "done"),
        ] {
            assert_eq!(status_of(&mut sandbox, target, id), status, "{target}");
        }
    }
}

#[test]
fn an_external_id_may_be_any_text() {
    for id in ["7", "007", "João & Cia. + 50%/ç?", " ", "\u{1f980}", "\"'\\", "done"] {
        let mut sandbox = Sandbox::empty().with_payment(Payment::new(id, [FailedRefundPending]));
        assert_eq!(status_of(&mut sandbox, "external_id", id), "failed", "{id:?}");
        assert_eq!(status_of(&mut sandbox, "external_id", &format!("{id}x")), "TX not found");
    }
}

#[test]
fn a_payment_replaces_the_one_with_its_identifier_even_a_generated_one() {
    let generated = Generated::new(7).payments().find(|it| it.external_id.is_some()).unwrap();
    let id = generated.external_id.unwrap();
    let mut sandbox = Sandbox::generated(Generated::new(7))
        .with_payment(Payment::new(&*id, [Done]))
        .with_payment(Payment::new(&*id, [Canceled]).with_kamipay_id("txc_mine"));
    assert_eq!(status_of(&mut sandbox, "external_id", &id), "canceled");
    let same = Payment::new("another", [Accepted]).with_kamipay_id("txc_mine");
    sandbox.insert_payment(same);
    assert_eq!(status_of(&mut sandbox, "kamipay_id", "txc_mine"), "accepted");
}

#[test]
fn a_refused_question_does_not_advance_a_payment() {
    let mut sandbox = Sandbox::empty().with_payment(Payment::new("a", [Accepted, Done]));
    sandbox.fail_next(Fault::named("status-503"), 1);
    let question = "/v2/status/tx_status?target=external_id&type=pay&id=a&chain=tron";
    assert_eq!(get(&mut sandbox, question).0, 503);
    assert_eq!(get(&mut sandbox, question).0, 201);
    assert_eq!(status_of(&mut sandbox, "external_id", "a"), "done");
}

#[test]
fn names_of_states_read_back() {
    for state in PaymentState::ALL {
        assert_eq!(state.to_string().parse(), Ok(*state));
    }
    let error = "refunded".parse::<PaymentState>().unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"there is no state "refunded"; there are: failed_and_refunded"#
    );
}

#[test]
fn the_payouts_of_a_lot_are_payments() {
    let at = "2026-05-14T12:00:00Z".parse().unwrap();
    let payouts = [
        Payment::new("order-7", [Processing, Done]).with_amounts("1.5".parse().unwrap(), 8.into()),
        Payment::new("order-8", [FailedAndRefunded]).with_kamipay_id("txc_8"),
    ];
    let id = payouts[0].kamipay_id().to_owned();
    let lot = Row::lot("lot-1", at, 2.into())
        .with_payouts(payouts)
        .with_refunds([("rpt_8", "25.90674".parse().unwrap())]);
    for mut sandbox in [Sandbox::from_rows([lot.clone()])]
        .into_iter()
        .chain(merchants().map(|sandbox| sandbox.with_rows([lot.clone()])))
    {
        let detail = json(&mut sandbox, "/v1/lots/lot-1");
        assert_eq!(detail["usdt_amount"], "2.00000000");
        assert_eq!(detail["payouts"][0]["kamipay_id"], id);
        assert_eq!(detail["payouts"][0]["amount"], "1.50000000");
        assert_eq!(detail["payouts"][1]["kamipay_id"], "txc_8");
        assert_eq!(detail["refunds"][0]["kamipay_refund_id"], "rpt_8");
        assert_eq!(detail["refunds"][0]["created_at"], "2026-05-14T12:00:00Z");
        assert_eq!(status_of(&mut sandbox, "kamipay_id", &id), "processing");
        assert_eq!(status_of(&mut sandbox, "external_id", "order-7"), "done");
        assert_eq!(status_of(&mut sandbox, "kamipay_id", "txc_8"), "failed");
    }
}

#[test]
fn a_charge_of_a_settlement_is_in_its_answer_and_among_the_transactions() {
    let merchant = Generated::new(7);
    let of_generated = merchant.settlements().find(|it| it.settled_at.is_some()).unwrap();
    let at = merchant.start();
    let mut sandbox = Sandbox::generated(merchant).with_rows([
        Row::settlement(7, at, 3.into()),
        Row::transaction(7, "ptxr_mine", at, 3.into()),
        Row::transaction(of_generated.settlement_id, "ptxr_too", at, 4.into()),
    ]);
    for (id, more, mine) in
        [(7, 0, "ptxr_mine"), (of_generated.settlement_id, of_generated.charge_count, "ptxr_too")]
    {
        let detail = json(&mut sandbox, &format!("/v1/settlements/{id}"));
        let charges = detail["charges"].as_array().unwrap();
        assert_eq!(charges.len() as u64, more + 1);
        let mine_in_it = charges.last().unwrap();
        assert_eq!(mine_in_it["kamipay_request_id"], mine);
        assert_eq!(mine_in_it.as_object().unwrap().len(), 7);
        let uri = format!("/v1/settlements/transactions?{MAY}&settlement_id={id}");
        let transactions = json(&mut sandbox, &uri);
        let is_mine = |row: &&Value| row["kamipay_request_id"] == mine;
        let rows = transactions["transactions"].as_array().unwrap();
        assert_eq!(rows.iter().filter(is_mine).count(), 1);
        assert_eq!(rows.len(), charges.len());
    }
    // A charge that moves to another time is still one charge.
    let moved = Generated::new(7).charges().find(|it| it.settlement_id != 7).unwrap();
    let id = moved.settlement_id;
    assert!(sandbox.re_date(List::Transactions, &moved.kamipay_request_id, at));
    let charges = json(&mut sandbox, &format!("/v1/settlements/{id}"))["charges"].clone();
    let is_it = |row: &&Value| row["kamipay_request_id"] == moved.kamipay_request_id.as_str();
    assert_eq!(charges.as_array().unwrap().iter().filter(is_it).count(), 1);
}

#[test]
fn a_route_is_a_call_with_a_token_and_faults() {
    let mut sandbox = Sandbox::documented()
        .with_route(Route::fixed(Method::GET, "/v2/oracle", 200, r#"{"price":"5"}"#))
        .with_route(Route::fixed(Method::GET, "/v2/oracle", 202, r#"{"price":"5.40"}"#))
        .with_route(Route::fixed(Method::GET, "/open", 999, "null").without_token())
        .with_route(Route::fixed(Method::GET, "/v1/lots/{lot}/notes", 1000, "[]"))
        .with_route(Route::fixed(Method::POST, "/auth/token", 200, "{}").without_token())
        .with_route(Route::new(Method::POST, "/v2/pay/{id}", |request| {
            let body = format!("{} {}", request.uri(), String::from_utf8_lossy(request.body()));
            let response = Response::builder().header("content-type", "application/json");
            response.status(201).header("x-request-id", "own").body(body.into_bytes()).unwrap()
        }));
    let ask = |sandbox: &mut Sandbox, method, uri: &str, token: &str| {
        send(sandbox, method, uri, &[("authorization", token)], b"body")
    };
    let token = format!("Bearer {}", sandbox.token());
    for (method, uri, token, status, body) in [
        (Method::GET, "/v2/oracle?pair=BRLUSDT", &*token, 202, r#"{"price":"5.40"}"#),
        (Method::GET, "/v2/oracle", "Bearer wrong", 401, r#"{"detail":"Incorrect Credentials"}"#),
        (Method::GET, "/open", "Bearer wrong", 999, "null"),
        (Method::GET, "/v1/lots/7/notes", &token, 500, "[]"),
        (Method::POST, "/v2/pay/a%2Fb?c=d", &token, 201, "/v2/pay/a%2Fb?c=d body"),
        (Method::GET, "/v2/pay/a", &token, 404, r#"{"detail":"Not Found"}"#),
        (Method::GET, "/v2/oracle/", &token, 404, r#"{"detail":"Not Found"}"#),
    ] {
        let answer = ask(&mut sandbox, method, uri, token);
        assert_eq!(answer, (status, body.to_owned()), "{uri}");
    }
    assert!(log_in(&mut sandbox, "").1.contains("Field required"));
    sandbox.fail_next(Fault::named("status-503"), 1);
    assert_eq!(ask(&mut sandbox, Method::GET, "/v2/oracle", &token).0, 503);
}

#[test]
fn every_answer_has_the_id_of_its_request() {
    let mut sandbox = Sandbox::documented()
        .with_scenario("status-503".parse().unwrap())
        .with_route(Route::fixed(Method::GET, "/own", 200, "[]").without_token());
    let ids: Vec<_> = ["/v1/lots", "/v1/lots", "/own", "/own"]
        .map(|uri| sandbox.handle(Request::get(uri).body(Vec::new()).unwrap()))
        .iter()
        .map(|response| response.headers()["x-request-id"].to_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids, (1..=4).map(|n| format!("{n:032x}")).collect::<Vec<_>>());
    // The gateway's refusal names the same in its body.
    let response = sandbox.handle(Request::get("/v1/lots").body(Vec::new()).unwrap());
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(body["request_id"], response.headers()["x-request-id"].to_str().unwrap());
}

#[test]
fn the_only_checkout_is_the_one_of_the_pending_charges() {
    let charge = || Row::pending_charge("a", documented::now(), 1.into());
    for (mut sandbox, count) in [
        (Sandbox::empty().with_rows([charge().with_checkout(7)]), Some(1)),
        (Sandbox::from_rows([charge().with_checkout(7)]), Some(1)),
        (Sandbox::empty(), Some(0)),
        (Sandbox::documented().with_rows([charge().with_checkout(7)]), None),
        (Sandbox::documented().with_rows([charge()]), Some(3)),
    ] {
        let (status, body) = get(&mut sandbox, "/v1/settlements/pending-charges");
        assert_eq!(status == 200, count.is_some());
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["totals"]["count"].as_u64(), count);
    }
}
