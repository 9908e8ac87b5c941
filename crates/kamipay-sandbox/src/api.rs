//! The state behind the calls.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    book::Book,
    list::{Ask, Listing},
    payments::{Payment, PlannedPayment, Target, not_known},
    quirk::Quirks,
    reply::Reply,
    route::Route,
    row::CHECKOUT,
    tokens::Tokens,
};

#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) book: Book,
    pub(crate) payments: Vec<PlannedPayment>,
    /// Calls of a test's own. The last of several that match answers.
    pub(crate) routes: Vec<Route>,
    /// The checkouts enrolled in batched settlement.
    pub(crate) checkouts: Vec<i64>,
    /// Whether there is a checkout only because no row named one.
    has_usual_checkout: bool,
    pub(crate) may_list_confirmed_charges: bool,
    pub(crate) tokens: Tokens,
    pub(crate) quirks: Quirks,
    pub(crate) now: DateTime<Utc>,
    /// The number of requests so far.
    pub(crate) requests: u64,
}

impl Api {
    pub(crate) fn new(book: Book, now: DateTime<Utc>) -> Self {
        Self {
            book,
            payments: Vec::new(),
            routes: Vec::new(),
            checkouts: vec![CHECKOUT],
            has_usual_checkout: true,
            may_list_confirmed_charges: true,
            tokens: Tokens::new(),
            quirks: Quirks::default(),
            now,
            requests: 0,
        }
    }

    pub(crate) fn next_request(&self) -> u64 {
        self.requests.wrapping_add(1)
    }

    pub(crate) fn set_checkouts(&mut self, checkouts: Vec<i64>) {
        (self.checkouts, self.has_usual_checkout) = (checkouts, false);
    }

    /// Enrolls the checkout of a pending charge.
    pub(crate) fn enroll(&mut self, checkout: i64) {
        if std::mem::take(&mut self.has_usual_checkout) {
            self.checkouts.clear();
        }
        if !self.checkouts.contains(&checkout) {
            self.checkouts.push(checkout);
        }
    }

    /// Adds a payment, in place of the one with its `kamipay_id` or `external_id`.
    pub(crate) fn add_payment(&mut self, payment: Payment) {
        self.payments.retain(|known| !known.identifiers().are_like(&payment.identifiers));
        self.payments.push(payment.planned());
    }

    /// The page of a request.
    pub(crate) fn list(&mut self, ask: &Ask) -> Listing {
        self.quirks.list(&mut self.book, ask, self.requests)
    }

    /// The start of the pending charges' default period.
    pub(crate) fn thirty_days_ago(&self) -> DateTime<Utc> {
        self.now.checked_sub_signed(TimeDelta::days(30)).unwrap_or(DateTime::<Utc>::MIN_UTC)
    }

    /// The answer to the next question for a payment.
    pub(crate) fn pay_status(&mut self, target: Target, id: &str) -> Reply {
        let mut planned = self.payments.iter_mut();
        if let Some(payment) = planned.find(|payment| payment.identifiers().has(target, id)) {
            return payment.answer();
        }
        let merchant = self.book.merchant();
        let payout = merchant.find_payment(target, id);
        payout.map_or_else(not_known, |payout| merchant.pay_status(&payout))
    }
}
