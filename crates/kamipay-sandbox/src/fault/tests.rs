//! Faults without a network: names and responses.

use http::{Request, Response};

use super::*;
use crate::{sandbox::Sandbox, scenario::Scenario, schedule::Schedule};

const LOT: &str = "/v1/lots/9c030c8b-6d68-445b-8048-1bacd91012fa";
const LOTS: &str = "/v1/lots?start_date=2026-01-01&end_date=2026-01-02";

fn request(uri: &str) -> Request<Vec<u8>> {
    let authorization = format!("Bearer {}", crate::tokens::FIRST_TOKEN);
    let request = Request::get(uri).header("authorization", authorization);
    request.header("host", "127.0.0.1:4321").body(Vec::new()).unwrap()
}

fn get(sandbox: &mut Sandbox, uri: &str) -> Result<Response<Vec<u8>>, Fault> {
    sandbox.try_handle(request(uri))
}

fn log_in(sandbox: &mut Sandbox) -> u16 {
    sandbox.handle(Request::post("/auth/token").body(Vec::new()).unwrap()).status().as_u16()
}

fn answered(fault: Fault) -> Response<Vec<u8>> {
    let mut sandbox = Sandbox::documented();
    sandbox.add_fault(fault, Calls::All, Schedule::once());
    get(&mut sandbox, LOT).unwrap()
}

fn body(response: &Response<Vec<u8>>) -> String {
    String::from_utf8_lossy(response.body()).into_owned()
}

#[test]
fn names_read_back_and_differ() {
    let mut names: Vec<_> = Scenario::all().map(|scenario| scenario.to_string()).collect();
    for fault in Fault::all() {
        assert_eq!(fault.to_string().parse(), Ok(fault));
        let name = fault.name().unwrap();
        assert_eq!(name.parse(), Ok(Scenario::Fault(fault, Schedule::once())));
        let always = format!("{name}-always");
        assert_eq!(always.parse(), Ok(Scenario::Fault(fault, Schedule::always())));
        names.push(always);
    }
    for name in &names {
        assert!(name.bytes().all(|b| b == b'-' || b.is_ascii_lowercase() || b.is_ascii_digit()));
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    let error = "truncated".parse::<Fault>().unwrap_err().to_string();
    assert!(error.starts_with(r#"there is no fault "truncated"; there are: truncated-head, "#));
}

#[test]
fn a_response_or_the_fault() {
    for fault in Fault::all() {
        let mut sandbox = Sandbox::documented();
        sandbox.add_fault(fault, Calls::Data, Schedule::once());
        let handled = sandbox.clone().handle(request(LOT));
        let tried = get(&mut sandbox, LOT);
        assert_eq!(tried.is_ok(), fault.leaves_a_response(), "{fault}");
        match tried {
            Ok(response) => {
                assert_eq!(response.status(), handled.status(), "{fault}");
                assert_eq!(response.headers(), handled.headers(), "{fault}");
                assert_eq!(response.body(), handled.body(), "{fault}");
            }
            Err(tried) => {
                assert_eq!(tried, fault);
                assert_eq!(handled.status(), 502);
                let body: serde_json::Value = serde_json::from_slice(handled.body()).unwrap();
                assert_eq!(body["detail"], fault.description());
            }
        }
        let after = get(&mut sandbox, LOT).unwrap().status();
        // A token that has expired stays so.
        assert_eq!(
            after,
            if fault == Fault::named("token-expires") { 401 } else { 200 },
            "{fault}"
        );
    }
}

#[test]
fn statuses_and_their_bodies() {
    let mut lines = Vec::new();
    for fault in Fault::all().filter(|fault| fault.leaves_a_response()) {
        let response = answered(fault);
        let header = |name| response.headers().get(name).map(|value| value.as_bytes());
        let header = |name| header(name).map_or("", |value| std::str::from_utf8(value).unwrap());
        let mut body = body(&response).replace(['\r', '\n'], "");
        if body.len() > 90 {
            body = format!("{}… {} bytes", &body[..40], response.body().len());
        }
        lines.push(format!(
            "{fault}: {} [{}] [{}{}] {body}",
            response.status().as_u16(),
            header("content-type"),
            header("location"),
            header("retry-after"),
        ));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn login_and_data_calls_have_their_own_faults() {
    let mut sandbox = Sandbox::documented()
        .with_scenario(Scenario::Fault(Fault::named("login-503"), Schedule::always()));
    assert_eq!(log_in(&mut sandbox), 503);
    assert_eq!(get(&mut sandbox, LOT).unwrap().status(), 200);
    sandbox.clear_faults();
    sandbox.fail_at(2, Fault::named("status-409"));
    assert_eq!(log_in(&mut sandbox), 422);
    assert_eq!(get(&mut sandbox, LOT).unwrap().status(), 200);
    assert_eq!(log_in(&mut sandbox), 422);
    assert_eq!(get(&mut sandbox, LOT).unwrap().status(), 409);
    sandbox.add_fault(Fault::named("status-500"), Calls::All, Schedule::always());
    assert_eq!(log_in(&mut sandbox), 500);
    assert_eq!(get(&mut sandbox, LOT).unwrap().status(), 500);
}

#[test]
fn a_scenario_given_again_starts_again() {
    let sandbox = Sandbox::documented()
        .with_scenario(Scenario::Fault(Fault::named("garbage"), Schedule::once()));
    let mut sandbox =
        sandbox.with_scenario(Scenario::Fault(Fault::named("garbage"), Schedule::once()));
    assert_eq!(get(&mut sandbox, LOT).unwrap_err(), Fault::named("garbage"));
    get(&mut sandbox, LOT).unwrap();
    assert_eq!(sandbox.request_count(), 2);
}

#[test]
fn a_login_replaces_an_expired_token() {
    let mut sandbox = Sandbox::documented();
    sandbox.fail_next(Fault::named("token-expires"), 1);
    assert_eq!(get(&mut sandbox, LOT).unwrap().status(), 401);
    let form = "username=merchant%40example.com&password=correct%2Bhorse%3Dbattery";
    let request = Request::post("/auth/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.into());
    let answer: serde_json::Value =
        serde_json::from_slice(sandbox.handle(request.unwrap()).body()).unwrap();
    let authorization = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    let request = Request::get(LOT).header("authorization", authorization).body(Vec::new());
    assert_eq!(sandbox.handle(request.unwrap()).status(), 200);
}

#[test]
fn the_answer_to_another_request_has_another_identifier() {
    let mut sandbox = Sandbox::documented();
    sandbox.fail_next(Fault::named("another-answer"), 3);
    let lot = body(&get(&mut sandbox, LOT).unwrap());
    assert!(lot.contains("9c030c8b-6d68-445b-8048-1bacd91012f0"), "{lot}");
    assert!(!lot.contains("9c030c8b-6d68-445b-8048-1bacd91012fa"), "{lot}");
    let list = body(&get(&mut sandbox, LOTS).unwrap());
    assert!(list.ends_with(r#""total":2,"limit":100,"offset":1}"#), "{list}");
    let uri = "/v2/status/tx_status?target=external_id&type=pay&chain=tron&id=test235";
    let status = body(&get(&mut sandbox, uri).unwrap());
    assert!(status.contains("test230") && !status.contains("test235"), "{status}");
}

#[test]
fn redirects_lead_to_the_target() {
    let mut sandbox = Sandbox::documented();
    sandbox.set_redirect_target("http://127.0.0.1:9");
    sandbox.fail_next(Fault::named("redirect-308"), 1);
    let response = get(&mut sandbox, LOTS).unwrap();
    assert_eq!(response.headers()["location"], format!("http://127.0.0.1:9{LOTS}"));
}

#[test]
fn a_fault_without_a_name_works_and_is_described() {
    let teapot = Fault::Status(418, Body::Empty);
    assert_eq!((teapot.name(), teapot.group()), (None, "others"));
    assert_eq!(teapot.to_string(), "status 418 with an empty body");
    assert_eq!(answered(teapot).status(), 418);
    assert_eq!(answered(Fault::Status(42, Body::Json)).status(), 500);
    const CUT: &[Piece] = &[Piece::Drip(5), Piece::Head(Framing::Length), Piece::Reset];
    assert_eq!(
        Fault::Wire(CUT).to_string(),
        "a byte per 5 ms, a head with a length, the connection reset"
    );
    assert!(!Fault::Wire(CUT).leaves_a_response());
}
