//! The calls: their parameters, their refusals, and whom they ask for the rows.

use http::{Method, Request, StatusCode, header};
use rust_decimal::Decimal;

use crate::{
    json::{Object, array, float, text},
    listing::{Ask, Filter, Listing, Page, Window},
    payments::{Target, not_known},
    query::{Parameters, Time, parse_integer, segments},
    reply::Reply,
    row::List,
    sandbox::Sandbox,
};

/// Whether a request is for the call that needs no token.
pub(crate) fn is_login(request: &Request<Vec<u8>>) -> bool {
    segments(request.uri().path()).iter().map(String::as_str).eq(["auth", "token"])
}

/// `POST /auth/token`
pub(crate) fn issue_token(
    sandbox: &mut Sandbox,
    request: &Request<Vec<u8>>,
) -> Result<Reply, Reply> {
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
    if username != sandbox.username() || password != sandbox.password() {
        return Err(Reply::incorrect_credentials());
    }
    let now = sandbox.now();
    let token = sandbox.tokens.issue(now);
    let body = Object::new().text("access_token", &token).text("token_type", "bearer");
    Ok(Reply::ok(body.end()))
}

/// All calls that need a token.
pub(crate) fn answer(sandbox: &mut Sandbox, request: &Request<Vec<u8>>) -> Result<Reply, Reply> {
    let path = segments(request.uri().path());
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    let call = match path[..] {
        ["v1", "lots"] => Call::ListLots,
        ["v1", "lots", identifier] => Call::GetLot(identifier),
        ["v1", "settlements"] => Call::ListSettlements,
        ["v1", "settlements", "transactions"] => Call::ListTransactions,
        ["v1", "settlements", "pending-charges"] => Call::ListPendingCharges,
        ["v1", "settlements", settlement_id] => Call::GetSettlement(settlement_id),
        ["v2", "status", "tx_status"] => Call::GetStatus,
        ["v2", "status", "tx_status_lot"] => Call::ListConfirmedCharges,
        _ => return Err(Reply::not_found()),
    };
    if request.method() != Method::GET {
        return Err(Reply::method_not_allowed("GET"));
    }
    let query = request.uri().query().unwrap_or_default();
    let query = Parameters::parse("query", query.as_bytes());
    match call {
        Call::ListLots => list_lots(sandbox, query),
        Call::GetLot(identifier) => get_lot(sandbox, identifier),
        Call::ListSettlements => list_settlements(sandbox, query),
        Call::ListTransactions => list_transactions(sandbox, query),
        Call::ListPendingCharges => list_pending_charges(sandbox, query),
        Call::GetSettlement(settlement_id) => get_settlement(sandbox, settlement_id),
        Call::GetStatus => get_status(sandbox, &query),
        Call::ListConfirmedCharges => list_confirmed_charges(sandbox, query),
    }
}

enum Call<'a> {
    ListLots,
    GetLot(&'a str),
    ListSettlements,
    ListTransactions,
    ListPendingCharges,
    GetSettlement(&'a str),
    GetStatus,
    ListConfirmedCharges,
}

/// `GET /v1/lots`
fn list_lots(sandbox: &mut Sandbox, mut query: Parameters) -> Result<Reply, Reply> {
    let (start, end) = (query.required_time("start_date"), query.required_time("end_date"));
    let page = query.page(1000);
    query.check()?;
    let window = start.until(end)?;
    let (lots, _) = sandbox.list(&Ask { list: List::Lots, window, filter: Filter::All, page });
    Ok(list("lots", &lots))
}

/// `GET /v1/lots/{lot_identifier}`
fn get_lot(sandbox: &Sandbox, identifier: &str) -> Result<Reply, Reply> {
    sandbox
        .book
        .find_lot(identifier)
        .map(Reply::ok)
        .ok_or_else(|| Reply::detail(StatusCode::NOT_FOUND, "Lot not found"))
}

/// `GET /v1/settlements`
fn list_settlements(sandbox: &mut Sandbox, mut query: Parameters) -> Result<Reply, Reply> {
    let (start, end) = (query.required_time("start_date"), query.required_time("end_date"));
    let page = query.page(1000);
    query.check()?;
    let window = start.with_offset()?.until(end.with_offset()?)?;
    let ask = Ask { list: List::Settlements, window, filter: Filter::All, page };
    let (settlements, _) = sandbox.list(&ask);
    Ok(list("settlements", &settlements))
}

/// `GET /v1/settlements/transactions`
fn list_transactions(sandbox: &mut Sandbox, mut query: Parameters) -> Result<Reply, Reply> {
    let (start, end) = (query.required_time("start_date"), query.required_time("end_date"));
    let settlement_id = query.integer("settlement_id");
    let page = query.page(1000);
    query.check()?;
    let window = start.with_offset()?.until(end.with_offset()?)?;
    let filter = settlement_id.map_or(Filter::All, Filter::Settlement);
    let (transactions, _) = sandbox.list(&Ask { list: List::Transactions, window, filter, page });
    Ok(list("transactions", &transactions))
}

/// `GET /v1/settlements/pending-charges`
fn list_pending_charges(sandbox: &mut Sandbox, mut query: Parameters) -> Result<Reply, Reply> {
    let checkout_id = query.integer("checkout_id");
    let (from, to) = (query.time("from"), query.time("to"));
    let page = query.page(500);
    query.check()?;
    let to = to.unwrap_or_else(|| Time::new("to", sandbox.now()));
    let from = from.unwrap_or_else(|| Time::new("from", sandbox.thirty_days_ago()));
    let window = from.with_offset()?.until(to.with_offset()?)?;
    let checkout_id = match (checkout_id, &sandbox.checkouts[..]) {
        (Some(checkout_id), _) => Some(checkout_id),
        (None, [only]) => Some(*only),
        (None, []) => None,
        (None, _) => return Err(Reply::bad_request(CHECKOUT_REQUIRED)),
    };
    let enrolled = checkout_id.filter(|id| sandbox.checkouts.contains(id));
    let (charges, sum) = match enrolled {
        Some(checkout_id) => {
            let filter = Filter::Pool { checkout_id, enrolled: sandbox.checkouts.clone() };
            sandbox.list(&Ask { list: List::PendingCharges, window, filter, page })
        }
        None => (Listing { rows: Vec::new(), total: 0, page }, Decimal::ZERO),
    };
    // The sum of nothing is an integer in Python, and so it is in the pages' example.
    let sum = if charges.total == 0 { "0".to_owned() } else { float(sum) };
    let totals = Object::new().raw("count", charges.total).raw("settlement_amount", sum);
    let body = Object::new()
        .raw("items", array(&charges.rows))
        .raw("totals", totals.end())
        .raw("limit", charges.page.limit)
        .raw("offset", charges.page.offset);
    Ok(Reply::ok(body.end()))
}

/// `GET /v1/settlements/{settlement_id}`
fn get_settlement(sandbox: &Sandbox, settlement_id: &str) -> Result<Reply, Reply> {
    let Some(id) = parse_integer(settlement_id) else {
        let mut path = Parameters::parse("path", b"");
        path.note_integer("settlement_id", settlement_id);
        path.check()?;
        return Err(Reply::not_found());
    };
    let settlement = sandbox.book.find_settlement(id);
    let refusal = || Reply::detail(StatusCode::NOT_FOUND, "Settlement not found");
    settlement.map(Reply::ok).ok_or_else(refusal)
}

/// `GET /v2/status/tx_status`
///
/// The page calls missing and invalid parameters a bad request with a text as `detail`, unlike the
/// others, whose framework answers 422. Any payment is found on either chain.
fn get_status(sandbox: &mut Sandbox, query: &Parameters) -> Result<Reply, Reply> {
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
        "pay" => Ok(sandbox.pay_status(target, id)),
        // The sandbox keeps no charges by these identifiers.
        "charge" => Ok(not_known()),
        _ => Err(invalid("type", "pay, charge", kind)),
    }
}

/// `GET /v2/status/tx_status_lot`
fn list_confirmed_charges(sandbox: &mut Sandbox, mut query: Parameters) -> Result<Reply, Reply> {
    if !sandbox.may_list_confirmed_charges {
        return Err(Reply::detail(StatusCode::UNAUTHORIZED, "Endpoint Not Authorized"));
    }
    let (stores, checkouts) = (query.integers("store_id"), query.integers("checkout_id"));
    let (start, end) = (query.epoch("start"), query.epoch("end"));
    query.check()?;
    // The page says that both are optional, not what they then are: the day up to now.
    let end = end.unwrap_or_else(|| match start {
        Some(start) => start.saturating_add(DEFAULT_LENGTH),
        None => sandbox.now().timestamp_micros(),
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
    let (charges, _) = sandbox.list(&ask);
    Ok(Reply::ok(array(&charges.rows)))
}

const CHECKOUT_REQUIRED: &str = "checkout_id is required: this client has multiple checkouts \
     enrolled in batched settlement";

const MICROS_OF_A_DAY: i64 = 86_400_000_000;
/// A day less a second, for a period with only one end or none.
const DEFAULT_LENGTH: i64 = MICROS_OF_A_DAY - 1_000_000;

/// The envelope of a list, which tells `limit` and `offset` back.
fn list(name: &str, listing: &Listing) -> Reply {
    let body = Object::new()
        .raw(name, array(&listing.rows))
        .raw("total", listing.total)
        .raw("limit", listing.page.limit)
        .raw("offset", listing.page.offset);
    Reply::ok(body.end())
}
