//! The API as a function from a request to a response.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use http::{Request, Response, StatusCode};

use crate::{
    api::Api,
    book::Book,
    calls, documented,
    fault::{Calls, Context, Fault, Faults},
    generated::Generated,
    history::History,
    list::{List, micros},
    quirk::Quirk,
    reply::Reply,
    row::{CHECKOUT, Row},
    scenario::Scenario,
    schedule::Schedule,
    tokens::{FIRST_TOKEN, PASSWORD, USERNAME},
    wire::Answer,
};

/// The API of one merchant, in memory.
///
/// It answers requests by [`Sandbox::handle`], which does no IO and reads no clock: the time is
/// what [`Sandbox::set_now`] says, and the same requests get the same answers.
/// [`Server`](crate::Server) puts it on a port.
///
/// ```
/// use kamipay_sandbox::{Sandbox, Scenario};
///
/// let mut sandbox = Sandbox::documented().with_scenario(Scenario::NotFoundThenDone);
/// let request = http::Request::get("/v1/lots/9c030c8b-6d68-445b-8048-1bacd91012fa")
///     .header("authorization", format!("Bearer {}", sandbox.token()))
///     .body(Vec::new())?;
/// let response = sandbox.handle(request);
/// assert_eq!(response.status(), 200);
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone)]
pub struct Sandbox {
    api: Api,
    faults: Faults,
    redirect_target: String,
    scenarios: Vec<Scenario>,
}

impl Sandbox {
    /// The merchant of the API's pages: every call is answered with the page's own example.
    ///
    /// - Lists show their example's rows for any valid period, cut by `limit` and `offset`.
    /// - Both lots of the list can be opened; the second is empty. The settlement is 12345.
    /// - The one checkout with pending charges is 42. Any other has none.
    /// - The payment `test235` is processing on the first question and done afterwards;
    ///   `idemptency-1` is accepted, then canceled; `123456789` has failed and was returned.
    ///   They are found by their other identifiers too.
    /// - It is 2026-05-14T15:30:00Z.
    pub fn documented() -> Self {
        let mut sandbox = Self::from_rows(documented::rows());
        sandbox.api.payments = documented::payments();
        sandbox
    }

    /// A merchant made from a seed. It is half a day after the end of its period.
    pub fn generated(merchant: Generated) -> Self {
        let (checkouts, now) = (merchant.checkout_ids().collect(), merchant.now());
        let mut sandbox = Self::new(Api::new(Book::of_merchant(merchant), now));
        sandbox.api.checkouts = checkouts;
        sandbox
    }

    /// A merchant with these rows, in any order. In each list, identifiers differ. There are no
    /// payments but those of scenarios.
    ///
    /// It is as cheap as the rows are few, for tests that need thousands of sandboxes. The
    /// checkouts are those of the pending charges, or 42. It is 2026-05-14T15:30:00Z.
    pub fn from_rows(rows: impl IntoIterator<Item = Row>) -> Self {
        let book = Book::of_rows(rows);
        let checkouts: Vec<_> = book.checkouts().into_iter().collect();
        let mut sandbox = Self::new(Api::new(book, documented::now()));
        if !checkouts.is_empty() {
            sandbox.api.checkouts = checkouts;
        }
        sandbox
    }

    fn new(api: Api) -> Self {
        Self {
            api,
            faults: Faults::default(),
            redirect_target: "http://elsewhere.invalid".to_owned(),
            scenarios: Vec::new(),
        }
    }

    /// Takes on a scenario, besides those that it has. A scenario given twice starts again.
    #[must_use]
    pub fn with_scenario(mut self, scenario: Scenario) -> Self {
        if let Some(payment) = scenario.payment() {
            self.api.add_payment(payment);
        }
        match scenario {
            Scenario::SeveralCheckouts => {
                self.api.checkouts = vec![CHECKOUT, CHECKOUT + 1];
            }
            Scenario::Quirk(quirk, schedule) => self.api.quirks.set(quirk, schedule),
            Scenario::Fault(fault, schedule) => {
                self.faults.replace(fault, fault.calls(), schedule);
            }
            _ => {}
        }
        self.scenarios.retain(|known| *known != scenario);
        self.scenarios.push(scenario);
        self
    }

    /// Takes on a quirk of lists, see [`Sandbox::set_quirk`].
    #[must_use]
    pub fn with_quirk(mut self, quirk: Quirk, schedule: Schedule) -> Self {
        self.set_quirk(quirk, schedule);
        self
    }

    /// Tokens from `POST /auth/token` live so long: one hour by default.
    #[must_use]
    pub fn with_token_life(mut self, life: TimeDelta) -> Self {
        self.api.tokens.set_life(life);
        self
    }

    /// A merchant without the right to `GET /v2/status/tx_status_lot`, which then answers 401
    /// `Endpoint Not Authorized`.
    #[must_use]
    pub fn without_confirmed_charges(mut self) -> Self {
        self.api.may_list_confirmed_charges = false;
        self
    }

    /// The time in the sandbox.
    pub fn now(&self) -> DateTime<Utc> {
        self.api.now
    }

    /// Moves the time in the sandbox, forwards or backwards.
    pub fn set_now(&mut self, now: DateTime<Utc>) {
        self.api.now = now;
    }

    /// Takes on a quirk of lists, from now on and besides those that it has. Its schedule counts
    /// requests and occasions in each list by itself. The same quirk replaces the one before, as
    /// does another reading of the same thing: which ends belong to a period, how rows are sorted.
    pub fn set_quirk(&mut self, quirk: Quirk, schedule: Schedule) {
        self.api.quirks.set(quirk, schedule);
    }

    /// Ends all quirks. Rows that they inserted, removed or moved stay as they are.
    pub fn clear_quirks(&mut self) {
        self.api.quirks.clear();
    }

    /// Plans a fault for some of the requests from now on. Its schedule counts the requests that
    /// it concerns. A request has one fault at most: of several that are due the one that was
    /// planned first, and the others wait for the next request.
    pub fn add_fault(&mut self, fault: Fault, calls: Calls, schedule: Schedule) {
        self.faults.add(fault, calls, schedule);
    }

    /// Plans a fault for the next so many calls that it concerns by itself ([`Fault::calls`]): all
    /// but logging in, mostly.
    pub fn fail_next(&mut self, fault: Fault, times: u64) {
        self.add_fault(fault, fault.calls(), Schedule::times(times));
    }

    /// Plans a fault for the `n`-th call from now on, of those that it concerns by itself
    /// ([`Fault::calls`]). The next call is the first.
    pub fn fail_at(&mut self, n: u64, fault: Fault) {
        self.add_fault(fault, fault.calls(), Schedule::once().from_request(n));
    }

    /// Forgets all faults that were planned.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Where [`Location::OtherHost`](crate::fault::Location::OtherHost) leads: `http://elsewhere.invalid` by default.
    /// Path and query are added. With the base URL of another [`Server`](crate::Server) one sees
    /// whether a client follows.
    pub fn set_redirect_target(&mut self, base_url: impl Into<String>) {
        self.redirect_target = base_url.into();
    }

    /// A row appears, in place of the one with its identifier if there is one.
    pub fn insert(&mut self, row: Row) {
        if row.list == List::PendingCharges && !self.api.checkouts.contains(&row.checkout_id) {
            self.api.checkouts.push(row.checkout_id);
        }
        self.api.book.insert(row, self.api.next_request());
    }

    /// A row disappears. Returns whether there was one.
    pub fn remove(&mut self, list: List, id: &str) -> bool {
        self.api.book.remove(list, id, self.api.next_request())
    }

    /// A row moves to another time, by which its list filters and sorts. Returns whether there was
    /// one.
    pub fn re_date(&mut self, list: List, id: &str, to: DateTime<Utc>) -> bool {
        self.api.book.re_date(list, id, micros(to), self.api.next_request())
    }

    /// Which rows existed, and when: the truth against which a client's list can be held.
    pub fn history(&self) -> History {
        History::new(self.api.book.clone())
    }

    /// How many requests were handled so far, whatever became of them.
    pub fn request_count(&self) -> u64 {
        self.api.requests
    }

    /// The user name that `POST /auth/token` takes. It is public, and the same in every sandbox.
    pub fn username(&self) -> &'static str {
        USERNAME
    }

    /// The password that `POST /auth/token` takes. It is public, and the same in every sandbox.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// A bearer token that is accepted from the start, whatever the time, until
    /// [`Sandbox::expire_tokens`]. It is public, and the same in every sandbox.
    pub fn token(&self) -> &'static str {
        FIRST_TOKEN
    }

    /// From now on refuses every token that was accepted before, [`Sandbox::token`] too. Those
    /// issued later are accepted.
    pub fn expire_tokens(&mut self) {
        self.api.tokens.expire_all();
    }

    /// Answers a request.
    ///
    /// Of its URI only path and query count. Whatever the request, there is an answer: there are
    /// no panics. A [`Fault`] that no response can say is answered with 502 here, see
    /// [`Sandbox::try_handle`].
    pub fn handle(&mut self, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
        self.try_handle(request).unwrap_or_else(|fault| {
            Reply::detail(StatusCode::BAD_GATEWAY, &fault.description()).into_response()
        })
    }

    /// Answers a request, for an in-memory transport that wants to fail as a network does.
    ///
    /// # Errors
    ///
    /// The fault, where the client would not get a whole response. The request was handled all the
    /// same, as when an answer is lost on its way.
    pub fn try_handle(&mut self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Fault> {
        match self.exchange(&request, true) {
            (_, Some(fault)) if !fault.leaves_a_response() => Err(fault),
            (answer, _) => Ok(answer.response),
        }
    }

    /// Answers a request on a connection that served a request before, or not. With the fault
    /// that happened.
    pub(crate) fn exchange(
        &mut self,
        request: &Request<Vec<u8>>,
        is_used: bool,
    ) -> (Answer, Option<Fault>) {
        self.api.requests = self.api.next_request();
        let Some(fault) = self.faults.next(calls::is_login(request), is_used) else {
            return (Answer::new(calls::answer(&mut self.api, request)), None);
        };
        let context = Context { request, now: self.api.now, other_host: &self.redirect_target };
        if let Some(response) = fault.response(&context) {
            return (Answer::new(response), Some(fault));
        }
        if fault == Fault::TokenExpires {
            self.api.tokens.expire_all();
        }
        let (response, second) = fault.change(request, calls::answer(&mut self.api, request));
        (Answer { response, second, pieces: fault.pieces() }, Some(fault))
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("merchant", self.api.book.merchant())
            .field("scenarios", &self.scenarios)
            .field("now", &self.api.now)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
