//! Reconciliation.
mod amount;
mod bucket;
mod candidate;
mod charges;
mod classify;
mod error;
mod partial;
mod payouts;
mod record;
mod registers;
mod report;
mod row;
mod rules;
mod stages;
mod state;
mod store;
mod sum;
mod text;

pub use kamipay_proto as proto;

pub use self::amount::{Amount, InvalidAmount};
pub use self::bucket::Bucket;
pub use self::candidate::{Candidate, Diagnosis};
pub use self::charges::{ChargeAmount, ChargeKey, ChargeTime, Charges, Settlements};
pub use self::error::{Error, LargeKey};
pub use self::partial::Partial;
pub use self::payouts::Payouts;
pub use self::report::{BucketSums, Item, NumberedId, Report, ReportRow, Rows, Statement, Verdict};
pub use self::row::{Hint, Id, Progress, Row, Side};
pub use self::rules::{Flow, InvalidRules, Rules, Shown};
pub use self::stages::{LotEquals, LotStage, SettlementStage};
pub use self::state::{
    Carried, ClosedKey, OpenRow, OwnedId, StateCheck, StateError, StateFormat, StateHeader,
    StateLine,
};
pub use self::store::{MemoryStore, Store};
pub use self::sum::{Overflow, Sum, Sums};
