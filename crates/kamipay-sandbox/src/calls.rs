//! The calls: their parameters, their refusals and their answers.

use http::{Method, Request, Response, StatusCode, header};
use rust_decimal::Decimal;

use crate::{
    api::Api,
    json::{Object, array, float, text},
    list::{Ask, Filter, List, Listing, Page, Window, micros},
    payments::{Target, not_known},
    query::{Parameters, Time, parse_integer, segments},
    reply::Reply,
    route::Route,
    tokens::{PASSWORD, USERNAME},
};

/// Answers a request.
pub(crate) fn answer(api: &mut Api, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
    let is_own = |route: &&Route| !is_login(request) && route.matches(request);
    let Some(route) = api.routes.iter().rev().find(is_own) else {
        return reply(api, request).unwrap_or_else(|refusal| refusal).into_response();
    };
    match authorize(api, request) {
        Err(refusal) if route.needs_token => refusal.into_response(),
        _ => route.answer(request),
    }
}

/// A call. It gets the last segment of its path and its query.
type Call = fn(&mut Api, &str, Parameters) -> Result<Reply, Reply>;

fn reply(api: &mut Api, request: &Request<Vec<u8>>) -> Result<Reply, Reply> {
    if is_login(request) {
        return log_in(api, request);
    }
    authorize(api, request)?;
    let path = segments(request.uri().path());
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    let call: Call = match path[..] {
        ["v1", "lots"] => list_lots,
        ["v1", "lots", _] => get_lot,
        ["v1", "settlements"] => list_settlements,
        ["v1", "settlements", "transactions"] => list_transactions,
        ["v1", "settlements", "pending-charges"] => list_pending_charges,
        ["v1", "settlements", _] => get_settlement,
        ["v2", "status", "tx_status"] => get_status,
        ["v2", "status", "tx_status_lot"] => list_confirmed_charges,
        _ => return Err(Reply::not_found()),
    };
    if request.method() != Method::GET {
        return Err(Reply::method_not_allowed("GET"));
    }
    let query = request.uri().query().unwrap_or_default();
    let last = path.last().copied().unwrap_or_default();
    call(api, last, Parameters::parse("query", query.as_bytes()))
}

fn authorize(api: &Api, request: &Request<Vec<u8>>) -> Result<(), Reply> {
    let Some(header) = request.headers().get(header::AUTHORIZATION) else {
        return Err(Reply::gateway_unauthorized(api.requests));
    };
    let token = header
        .to_str()
        .ok()
        .and_then(|header| header.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    match token {
        Some(token) if api.tokens.accept(token, api.now) => Ok(()),
        _ => Err(Reply::incorrect_credentials()),
    }
}

/// Whether a request is for `POST /auth/token`, the call that needs no token.
pub(crate) fn is_login(request: &Request<Vec<u8>>) -> bool {
    segments(request.uri().path()).iter().map(String::as_str).eq(["auth", "token"])
}

/// `POST /auth/token`
fn log_in(api: &mut Api, request: &Request<Vec<u8>>) -> Result<Reply, Reply> {
    if request.method() != Method::POST {
        return Err(Reply::method_not_allowed("POST"));
    }
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let is_form = content_type.and_then(|value| value.to_str().ok()).is_some_and(|value| {
        let kind = value.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    });
    let mut form = Parameters::parse("body", if is_form { request.body() } else { b"" });
    let (username, password) = (form.required("username"), form.required("password"));
    form.check()?;
    if username != USERNAME || password != PASSWORD {
        return Err(Reply::incorrect_credentials());
    }
    let token = api.tokens.issue(api.now);
    let body = Object::new().text("access_token", &token).text("token_type", "bearer");
    Ok(Reply::ok(body.end()))
}

/// `GET /v1/lots`
fn list_lots(api: &mut Api, _: &str, query: Parameters) -> Result<Reply, Reply> {
    list_period(api, List::Lots, query, |start, end| start.until(end))
}

/// `GET /v1/settlements`
fn list_settlements(api: &mut Api, _: &str, query: Parameters) -> Result<Reply, Reply> {
    list_period(api, List::Settlements, query, with_offsets)
}

/// `GET /v1/settlements/transactions`
fn list_transactions(api: &mut Api, _: &str, query: Parameters) -> Result<Reply, Reply> {
    list_period(api, List::Transactions, query, with_offsets)
}

/// The period of a settlement call: times without an offset are refused.
fn with_offsets(start: Time, end: Time) -> Result<Window, Reply> {
    start.with_offset()?.until(end.with_offset()?)
}

fn list_period(
    api: &mut Api,
    list: List,
    mut query: Parameters,
    period: fn(Time, Time) -> Result<Window, Reply>,
) -> Result<Reply, Reply> {
    let (start, end) = (query.required_time("start_date"), query.required_time("end_date"));
    let settlement_id = match list {
        List::Transactions => query.integer("settlement_id"),
        _ => None,
    };
    let page = query.page(1000);
    query.check()?;
    let window = period(start, end)?;
    let filter = settlement_id.map_or(Filter::All, Filter::Settlement);
    let listing = api.list(&Ask { list, window, filter, page });
    let body =
        Object::new().raw(&list.to_string(), array(&listing.rows)).raw("total", listing.total);
    Ok(Reply::ok(with_page(body, listing.page)))
}

/// An envelope ends with `limit` and `offset`.
fn with_page(body: Object, page: Page) -> String {
    body.raw("limit", page.limit).raw("offset", page.offset).end()
}

/// `GET /v1/lots/{lot_identifier}`
fn get_lot(api: &mut Api, identifier: &str, _: Parameters) -> Result<Reply, Reply> {
    detail(api, List::Lots, identifier, "Lot not found")
}

/// `GET /v1/settlements/{settlement_id}`
fn get_settlement(api: &mut Api, settlement_id: &str, _: Parameters) -> Result<Reply, Reply> {
    let Some(id) = parse_integer(settlement_id) else {
        let mut path = Parameters::parse("path", b"");
        path.note_integer("settlement_id", settlement_id);
        path.check()?;
        return Err(Reply::not_found());
    };
    detail(api, List::Settlements, &id.to_string(), "Settlement not found")
}

fn detail(api: &Api, list: List, id: &str, refusal: &str) -> Result<Reply, Reply> {
    let detail = api.book.detail(list, id).map(Reply::ok);
    detail.ok_or_else(|| Reply::detail(StatusCode::NOT_FOUND, refusal))
}

/// `GET /v1/settlements/pending-charges`
fn list_pending_charges(api: &mut Api, _: &str, mut query: Parameters) -> Result<Reply, Reply> {
    let checkout_id = query.integer("checkout_id");
    let (from, to) = (query.time("from"), query.time("to"));
    let page = query.page(500);
    query.check()?;
    let to = to.unwrap_or_else(|| Time::new("to", api.now));
    let from = from.unwrap_or_else(|| Time::new("from", api.thirty_days_ago()));
    let window = from.with_offset()?.until(to.with_offset()?)?;
    let checkout_id = match (checkout_id, &api.checkouts[..]) {
        (Some(checkout_id), _) => Some(checkout_id),
        (None, [only]) => Some(*only),
        (None, []) => None,
        (None, _) => return Err(Reply::bad_request(CHECKOUT_REQUIRED)),
    };
    let enrolled = checkout_id.filter(|id| api.checkouts.contains(id));
    let charges = match enrolled {
        Some(checkout_id) => {
            let filter = Filter::Pool { checkout_id, enrolled: api.checkouts.clone() };
            api.list(&Ask { list: List::PendingCharges, window, filter, page })
        }
        None => Listing { rows: Vec::new(), total: 0, page, sum: Decimal::ZERO },
    };
    // The sum of nothing is an integer in Python, and so it is in the pages' example.
    let sum = if charges.total == 0 { "0".to_owned() } else { float(charges.sum) };
    let totals = Object::new().raw("count", charges.total).raw("settlement_amount", sum);
    let body = Object::new().raw("items", array(&charges.rows)).raw("totals", totals.end());
    Ok(Reply::ok(with_page(body, charges.page)))
}

/// `GET /v2/status/tx_status`
///
/// Missing and invalid parameters are a bad request with a text as `detail`, as its page says. The
/// framework of the other calls answers 422. Any payment is found on either chain.
fn get_status(api: &mut Api, _: &str, query: Parameters) -> Result<Reply, Reply> {
    let parameter = |name: &str| {
        let value = query.get(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| Reply::bad_request(&format!("{name} is required")))
    };
    let invalid = |name: &str, words: &str, value: &str| {
        Reply::bad_request(&format!("{name} must be one of {words}, not {}", text(value)))
    };
    let target = parameter("target")?;
    let kind = parameter("type")?;
    let id = parameter("id")?;
    let chain = parameter("chain")?;
    let Some(target) = Target::parse(target) else {
        return Err(invalid("target", "external_id, kamipay_id, tx_id, operation_id", target));
    };
    if !matches!(chain, "polygon" | "tron") {
        return Err(invalid("chain", "polygon, tron", chain));
    }
    match kind {
        "pay" => Ok(api.pay_status(target, id)),
        // The sandbox knows no charges by these identifiers.
        "charge" => Ok(not_known()),
        _ => Err(invalid("type", "pay, charge", kind)),
    }
}

/// `GET /v2/status/tx_status_lot`
fn list_confirmed_charges(api: &mut Api, _: &str, mut query: Parameters) -> Result<Reply, Reply> {
    if !api.may_list_confirmed_charges {
        return Err(Reply::detail(StatusCode::UNAUTHORIZED, "Endpoint Not Authorized"));
    }
    let (stores, checkouts) = (query.integers("store_id"), query.integers("checkout_id"));
    let (start, end) = (query.epoch("start"), query.epoch("end"));
    query.check()?;
    // The page says that both are optional, not their defaults. Here: the day up to now.
    let end = end.unwrap_or_else(|| match start {
        Some(start) => start.saturating_add(DEFAULT_LENGTH),
        None => micros(api.now),
    });
    let start = start.unwrap_or_else(|| end.saturating_sub(DEFAULT_LENGTH));
    let length = end.saturating_sub(start);
    if length <= 0 || length >= MICROS_OF_A_DAY {
        let detail = "end - start has to be >0 and <24 hrs";
        return Err(Reply::detail(StatusCode::NOT_ACCEPTABLE, detail));
    }
    let ask = Ask {
        list: List::ConfirmedCharges,
        window: Window::new(start, end),
        filter: Filter::Places { stores, checkouts },
        page: Page::WHOLE,
    };
    let charges = api.list(&ask);
    Ok(Reply::ok(array(&charges.rows)))
}

const CHECKOUT_REQUIRED: &str = "checkout_id is required: this client has multiple checkouts \
     enrolled in batched settlement";

const MICROS_OF_A_DAY: i64 = 86_400_000_000;
/// A day less a second, for a period with only one end or none.
const DEFAULT_LENGTH: i64 = MICROS_OF_A_DAY - 1_000_000;
