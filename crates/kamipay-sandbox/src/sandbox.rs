//! The API as a function from a request to a response.

use std::{collections::BTreeSet, fmt, path::Path};

use chrono::{DateTime, TimeDelta, Utc};
use http::{Request, Response, StatusCode};

use crate::{
    api::Api,
    book::Book,
    calls,
    data::{Data, InvalidData},
    documented,
    fault::{Calls, Context, Fault, Faults},
    generated::Generated,
    history::History,
    list::{List, micros},
    payments::Payment,
    quirk::Quirk,
    reply::{Reply, set_request_id},
    route::Route,
    row::{CHECKOUT, Row},
    scenario::Scenario,
    schedule::Schedule,
    tokens::{FIRST_TOKEN, PASSWORD, USERNAME},
    wire::Answer,
};

/// The API of one merchant, in memory.
///
/// [`Sandbox::handle`] answers requests without IO and without a clock: [`Sandbox::set_now`] sets
/// the time, and the same requests get the same answers. [`Server`](crate::Server) puts it on a
/// port.
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
}

impl Sandbox {
    /// The merchant of the API's pages: every call is answered with the page's own example.
    ///
    /// - Lists show their example's rows for any valid period, cut by `limit` and `offset`.
    /// - Both lots of the list can be opened; the second is empty. The settlement is 12345.
    /// - The one checkout with pending charges is 42. Any other has none.
    /// - The payment `test235` is processing at the first question, then done;
    ///   `idemptency-1` is accepted, then canceled; `123456789` has failed and was returned.
    ///   Their other identifiers find them too.
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
        sandbox.api.set_checkouts(checkouts);
        sandbox
    }

    /// A merchant that has nothing yet. It is 2026-05-14T15:30:00Z.
    pub fn empty() -> Self {
        Self::from_rows([])
    }

    /// A merchant with these rows, in any order. In each list, identifiers differ.
    ///
    /// It is cheap enough for tests with thousands of sandboxes. The checkouts are those of the
    /// pending charges, or 42. It is 2026-05-14T15:30:00Z.
    pub fn from_rows(rows: impl IntoIterator<Item = Row>) -> Self {
        let (mut payments, mut checkouts) = (Vec::new(), BTreeSet::new());
        let book = Book::of_rows(rows.into_iter().map(|mut row| {
            payments.append(&mut row.payments);
            if row.list == List::PendingCharges {
                checkouts.insert(row.checkout_id);
            }
            row
        }));
        let mut sandbox = Self::new(Api::new(book, documented::now()));
        checkouts.into_iter().for_each(|checkout| sandbox.api.enroll(checkout));
        payments.into_iter().for_each(|payment| sandbox.insert_payment(payment));
        sandbox
    }

    fn new(api: Api) -> Self {
        Self {
            api,
            faults: Faults::default(),
            redirect_target: "http://elsewhere.invalid".to_owned(),
        }
    }

    /// Adds a scenario. A scenario given twice starts again.
    #[must_use]
    pub fn with_scenario(mut self, scenario: Scenario) -> Self {
        if let Some(payment) = scenario.payment() {
            self.api.add_payment(payment);
        }
        match scenario {
            Scenario::SeveralCheckouts => {
                self.api.set_checkouts(vec![CHECKOUT, CHECKOUT + 1]);
            }
            Scenario::Quirk(quirk, schedule) => self.api.quirks.set(quirk, schedule),
            Scenario::Fault(fault, schedule) => {
                self.faults.replace(fault, fault.calls(), schedule);
            }
            _ => {}
        }
        self
    }

    /// Adds a payment, see [`Sandbox::insert_payment`].
    #[must_use]
    pub fn with_payment(mut self, payment: Payment) -> Self {
        self.insert_payment(payment);
        self
    }

    /// Adds rows, see [`Sandbox::insert`].
    #[must_use]
    pub fn with_rows(mut self, rows: impl IntoIterator<Item = Row>) -> Self {
        rows.into_iter().for_each(|row| self.insert(row));
        self
    }

    /// Adds payments, rows and routes from JSON, with the field names of the API. The README shows
    /// an example with all lists.
    ///
    /// ```
    /// use kamipay_sandbox::Sandbox;
    ///
    /// let sandbox = Sandbox::empty().with_json(
    ///     r#"{"payments": [{"external_id": "order-7", "states": ["not_found", "done"]}]}"#,
    /// )?;
    /// # Ok::<(), kamipay_sandbox::InvalidData>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a field, a value or a state is not one of the known ones, an identifier is there twice, or
    /// an amount is text where the API has a number, or the other way round.
    pub fn with_json(self, json: &str) -> Result<Self, InvalidData> {
        let data = Data::from_json(json, self.api.now)?;
        Ok(self.with_data(data))
    }

    /// Adds payments, rows and routes from a JSON file, see [`Sandbox::with_json`].
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or as [`Sandbox::with_json`].
    pub fn with_file(self, path: impl AsRef<Path>) -> Result<Self, InvalidData> {
        let data = Data::from_file(path.as_ref(), self.api.now)?;
        Ok(self.with_data(data))
    }

    fn with_data(mut self, data: Data) -> Self {
        self.api.now = data.now;
        self.api.routes.extend(data.routes);
        data.payments.into_iter().for_each(|payment| self.insert_payment(payment));
        self.with_rows(data.rows)
    }

    /// Adds a call, also in place of one of the API's own, but not of `POST /auth/token`. Of
    /// several that match a request, the last one answers.
    #[must_use]
    pub fn with_route(mut self, route: Route) -> Self {
        self.api.routes.push(route);
        self
    }

    /// Adds a quirk of lists, see [`Sandbox::set_quirk`].
    #[must_use]
    pub fn with_quirk(mut self, quirk: Quirk, schedule: Schedule) -> Self {
        self.set_quirk(quirk, schedule);
        self
    }

    /// The lifetime of tokens from `POST /auth/token`. Default: one hour.
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

    /// Sets the time in the sandbox, forwards or backwards.
    pub fn set_now(&mut self, now: DateTime<Utc>) {
        self.api.now = now;
    }

    /// Adds a quirk of lists from now on. Its schedule counts requests and occasions separately in
    /// each list. It replaces the same quirk, and another reading of the same question: which ends
    /// belong to a period, how rows are sorted.
    pub fn set_quirk(&mut self, quirk: Quirk, schedule: Schedule) {
        self.api.quirks.set(quirk, schedule);
    }

    /// Ends all quirks. Rows that they inserted, removed or moved stay as they are.
    pub fn clear_quirks(&mut self) {
        self.api.quirks.clear();
    }

    /// Plans a fault for calls from now on. Its schedule counts these calls. A request has at most
    /// one fault: the one that was planned first. The others wait for the next request.
    pub fn add_fault(&mut self, fault: Fault, calls: Calls, schedule: Schedule) {
        self.faults.add(fault, calls, schedule);
    }

    /// Plans a fault for the next calls of its kind, see [`Fault::calls`].
    pub fn fail_next(&mut self, fault: Fault, times: u64) {
        self.add_fault(fault, fault.calls(), Schedule::times(times));
    }

    /// Plans a fault for the `n`-th call of its kind from now on, see [`Fault::calls`]. The next
    /// call is the first.
    pub fn fail_at(&mut self, n: u64, fault: Fault) {
        self.add_fault(fault, fault.calls(), Schedule::once().from_request(n));
    }

    /// Removes all planned faults.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// The base URL of [`Location::OtherHost`](crate::fault::Location::OtherHost), to which path
    /// and query are added. Default: `http://elsewhere.invalid`. Another
    /// [`Server`](crate::Server) there shows whether a client follows.
    pub fn set_redirect_target(&mut self, base_url: impl Into<String>) {
        self.redirect_target = base_url.into();
    }

    /// Adds a row, in place of the one with its identifier if there is one. Payouts of a lot are
    /// added as payments.
    pub fn insert(&mut self, mut row: Row) {
        row.payments.drain(..).for_each(|payment| self.api.add_payment(payment));
        if row.list == List::PendingCharges {
            self.api.enroll(row.checkout_id);
        }
        self.api.book.insert(row, self.api.next_request());
    }

    /// Adds a payment, in place of the one with its `external_id` or `kamipay_id` if there is one.
    /// It is asked before the payments of a generated merchant.
    pub fn insert_payment(&mut self, payment: Payment) {
        self.api.add_payment(payment);
    }

    /// The `external_id` of each payment that was added, in order. Payments of a generated merchant
    /// are left out.
    pub fn external_ids(&self) -> impl Iterator<Item = &str> {
        let payments = self.api.payments.iter();
        payments.filter_map(|payment| payment.identifiers().external_id.as_deref())
    }

    /// Removes a row. Returns whether there was one.
    pub fn remove(&mut self, list: List, id: &str) -> bool {
        self.api.book.remove(list, id, self.api.next_request())
    }

    /// Moves a row to another time, by which its list filters and sorts. Returns whether there was
    /// one.
    pub fn re_date(&mut self, list: List, id: &str, to: DateTime<Utc>) -> bool {
        self.api.book.re_date(list, id, micros(to), self.api.next_request())
    }

    /// The rows that existed, and when: the truth to compare with a client's list.
    pub fn history(&self) -> History {
        History::new(self.api.book.clone())
    }

    /// The number of requests so far, with those that had a fault.
    pub fn request_count(&self) -> u64 {
        self.api.requests
    }

    /// The user name for `POST /auth/token`. It is public, and the same in every sandbox.
    pub fn username(&self) -> &'static str {
        USERNAME
    }

    /// The password for `POST /auth/token`. It is public, and the same in every sandbox.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// A bearer token that is accepted from the start, at any time, until
    /// [`Sandbox::expire_tokens`]. It is public, and the same in every sandbox.
    pub fn token(&self) -> &'static str {
        FIRST_TOKEN
    }

    /// Refuses all tokens that were issued so far, and [`Sandbox::token`]. Later ones are accepted.
    pub fn expire_tokens(&mut self) {
        self.api.tokens.expire_all();
    }

    /// Answers a request. Its header `x-request-id` is the number of the request, in 32 hexadecimal
    /// digits.
    ///
    /// It ignores the host of the URI. Every request gets an answer, without a panic. A [`Fault`]
    /// that is not a response is answered with 502 here, see [`Sandbox::try_handle`].
    pub fn handle(&mut self, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
        self.try_handle(request).unwrap_or_else(|fault| {
            Reply::detail(StatusCode::BAD_GATEWAY, &fault.description()).into_response()
        })
    }

    /// Answers a request, for an in-memory transport that fails as a network does.
    ///
    /// # Errors
    ///
    /// The fault, if the client would not get a whole response. The sandbox handled the request
    /// nevertheless, as if the answer were lost on its way.
    pub fn try_handle(&mut self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Fault> {
        match self.exchange(&request, true) {
            (_, Some(fault)) if !fault.leaves_a_response() => Err(fault),
            (answer, _) => Ok(answer.response),
        }
    }

    /// Answers a request, on a used connection or a new one. Returns the fault that happened.
    pub(crate) fn exchange(
        &mut self,
        request: &Request<Vec<u8>>,
        is_used: bool,
    ) -> (Answer, Option<Fault>) {
        self.api.requests = self.api.next_request();
        let (mut answer, fault) = self.answer(request, is_used);
        for response in [Some(&mut answer.response), answer.second.as_mut()].into_iter().flatten() {
            set_request_id(response, self.api.requests);
        }
        (answer, fault)
    }

    fn answer(&mut self, request: &Request<Vec<u8>>, is_used: bool) -> (Answer, Option<Fault>) {
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
            .field("now", &self.api.now)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
