//! What is measured, and what it is measured against.
//!
//! The anchor is what one writes in ten minutes without this project: `serde_json::from_slice` into
//! `f64` and `String`, timestamps left as text. It is not exact, checks nothing, and is the fastest
//! that serde's derive gives for so little work.

#![allow(clippy::exhaustive_structs, reason = "nobody depends on this")]

mod documents;
mod naive;

use std::hint::black_box;

use http::Response;
use kamipay_proto::lots::GetLot;
use kamipay_proto::pay_status::{Chain, GetPayStatus, PaymentTarget};
use kamipay_proto::settlements::ListTransactions;
use kamipay_proto::{DateRange, Endpoint, PageSize};

use self::documents::{LOT_ID, lot, spaced};
pub use self::documents::{page, pay_status};

/// An answer of the API, and two ways to read it.
pub struct Document {
    /// What the tables call it.
    pub name: &'static str,
    /// The answer's body.
    pub body: String,
    /// How many rows it has.
    pub rows: usize,
    exact: Read,
    naive: fn(&[u8]),
}

type Read = Box<dyn Fn(&[u8])>;

impl Document {
    /// Everything that is read in the tables.
    pub fn all() -> Vec<Self> {
        let (page, lot) = (page(0, 1000), lot());
        vec![
            Self {
                name: "page, spaced",
                body: spaced(&page),
                rows: 1000,
                exact: exact(transactions(0)),
                naive: naive::read::<naive::Page>,
            },
            Self {
                name: "page",
                body: page,
                rows: 1000,
                exact: exact(transactions(0)),
                naive: naive::read::<naive::Page>,
            },
            Self {
                name: "lot",
                body: lot,
                rows: 1000,
                exact: exact(GetLot::new(LOT_ID.parse().expect("a UUID"))),
                naive: naive::read::<naive::Lot>,
            },
            Self {
                name: "pay status",
                body: pay_status(),
                rows: 1,
                exact: exact(payment()),
                naive: naive::read::<naive::PayStatus>,
            },
        ]
    }

    /// Reads it with this project: exact, typed, and held against its call.
    pub fn read_exact(&self) {
        (self.exact)(self.body.as_bytes());
    }

    /// Reads it as the anchor does.
    pub fn read_naive(&self) {
        (self.naive)(self.body.as_bytes());
    }
}

/// The call that a page answers.
pub fn transactions(offset: u64) -> ListTransactions {
    let may = DateRange::parse("2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z");
    let mut call = ListTransactions::new(may.expect("31 days"));
    (call.limit, call.offset) = (PageSize::MAX, offset);
    call
}

/// The call that a pay status answers.
pub fn payment() -> GetPayStatus {
    let payment = PaymentTarget::kamipay_id(documents::PAYMENT).expect("short and plain");
    GetPayStatus::new(payment, Chain::Polygon)
}

fn exact<E: Endpoint + 'static>(call: E) -> Read {
    Box::new(move |body| {
        black_box(call.parse(Response::new(body)).expect("made to be read"));
    })
}
