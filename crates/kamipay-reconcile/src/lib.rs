//! Reconciles a merchant's books with kamiPay: payouts with lots, charges with settlements.
//!
//! Two sides of [`Row`]s go in, a [`Report`] comes out: each row in exactly one [`Bucket`], exact sums,
//! a proof that no row was lost, and rows that may explain what is left. The crate does no IO and reads
//! no clock. It knows no file format: the caller reads the ledger, fetches from kamiPay, and implements
//! [`Store`] to spill rows to disk.
//!
//! ```
//! use kamipay_reconcile::proto::{Period, lots::LotDetail};
//! use kamipay_reconcile::{Flow, Item, MemoryStore, Partial, Payouts, Row, Rules, Side, Verdict};
//! # let json = r#"{"lot_id": "9c03", "transaction_hash": null, "usdt_amount": "12.00", "created_at": null,
//! #   "status": "MINED", "refunds": [], "payouts": [
//! #   {"kamipay_id": "txc_1", "amount": "10.00", "created_at": "2026-05-14T10:00:00Z"},
//! #   {"kamipay_id": "txc_2", "amount": "2.00", "created_at": "2026-05-14T11:00:00Z"}]}"#;
//! # let lots: Vec<LotDetail> = vec![serde_json::from_str(json)?];
//! # let ledger = [("txc_1", "10"), ("txc_2", "2.01"), ("txc_3", "7.00")];
//!
//! let day = Period::parse("2026-05-14T00:00:00-03:00", "2026-05-15T00:00:00-03:00")?;
//! let mut rows = Partial::new(Rules::new(Flow::Payouts, day), MemoryStore::new());
//!
//! for (line, (key, amount)) in (1..).zip(ledger) {
//!     let mut row = Row::new(Side::Ours, line);
//!     (row.key, row.amount, row.currency) = (Some(key), Some(amount.parse()?), "USDT");
//!     row.time = Some("2026-05-14T12:00:00Z".parse()?);
//!     rows.add(&row)?;
//! }
//! let mut payouts = Payouts::new();
//! for lot in &lots {
//!     payouts.lot(lot, |row| rows.add(row))?;
//! }
//!
//! let mut report = rows.report(MemoryStore::new())?;
//! report.explain()?;
//! assert_eq!(report.verdict()?, Verdict::Exceptions);
//! let mut lines = Vec::new();
//! let mut rows = report.rows()?;
//! while let Some(Item::Row(row)) = rows.next()? {
//!     lines.push(format!("{} {} {}", row.id, row.bucket, row.why().unwrap_or_default()));
//! }
//! assert_eq!(lines, [
//!     "2 amount_differs 9c03/txc_2 has 2.00 USDT",
//!     "9c03/txc_2 amount_differs line 2 has 2.01 USDT",
//!     "3 only_ours ",
//! ]);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Steps
//!
//! 1. [`Rules`]: the period, the lag, tolerances, what is shown.
//! 2. [`Partial`]: rows, in any order. Rows are dealt by the hash of their key into partitions, which a
//!    [`Store`] keeps. Partials of several threads merge.
//! 3. [`Payouts`] and [`Charges`] make rows of kamiPay's answers. [`Settlements`] knows which
//!    settlements are done, and which have to be fetched besides.
//! 4. [`Partial::report`] classifies one partition after the other. Reports of different partitions
//!    merge.
//! 5. [`Report::explain`] looks for candidates and for what is probably wrong with the question.
//! 6. [`Report::statement`] has the sums and the proof, [`Report::rows`] the rows in the order of their
//!    keys. They serialize as JSON.
//! 7. [`LotStage`] and [`SettlementStage`] say whether lots and settlements add up by themselves.
//!
//! The order of rows, the number of partitions, and the order of merges do not change a byte.
//!
//! # Days
//!
//! By key, the parts of a report add up. By day they do not: a second booking of a key that was matched
//! yesterday is `repeated`, but alone it looks like `only_ours`. So a day continues the state of the day
//! before, with [`Rules::after`], [`Partial::add_open`] and [`Partial::add_closed`]. With
//! [`Rules::with_saved_state`] a report returns the rows and keys of the next state, and
//! [`Report::state_header`] its first line. Each [`StateLine`] is a line of JSON.
//!
//! ```
//! use kamipay_reconcile::{Item, MemoryStore, Partial, Report, Rules, StateCheck, StateHeader, StateLine};
//! # fn day(rules: Rules, header: StateHeader, lines: Vec<StateLine>, add_rows: impl Fn(&mut Partial<MemoryStore>))
//! # -> Result<(), Box<dyn std::error::Error>> {
//!
//! let mut partial = Partial::new(rules.after(&header)?.with_saved_state(), MemoryStore::new());
//! let mut check = StateCheck::new(&header); // a state that was cut would lose open rows
//! for line in &lines {
//!     check.add(line)?;
//!     match line {
//!         StateLine::Open(row) => partial.add_open(row)?, // row.to_fetch(): ask for its lot again
//!         StateLine::Closed(key) => partial.add_closed(key)?,
//!     }
//! }
//! check.finish()?;
//! add_rows(&mut partial);
//! let report = partial.report(MemoryStore::new())?;
//! println!("{}", serde_json::to_string(&report.state_header()?)?);
//! let mut rows = report.rows()?;
//! while let Some(item) = rows.next()? {
//!     let line = match item {
//!         Item::Row(row) if row.is_open => StateLine::Open(Box::new(row.to_open())),
//!         Item::Row(_) => continue,
//!         Item::Closed(key) => StateLine::Closed(key),
//!     };
//!     println!("{}", serde_json::to_string(&line)?);
//! }
//! # Ok(()) }
//! ```
//!
//! A closed group stays closed: a later row of its key does not reopen it. A row of the books dated
//! before the period counts as known if the state has its key, time, amount and currency. Line numbers
//! are not compared, because they change from ledger to ledger. A row dated after the period is not
//! saved: give it again to the period it belongs to.
//!
//! # The rules
//!
//! Rows with one key are sorted by currency (without case), amount, time and name, so the order of the
//! input does not matter.
//!
//! 1. Equal currency and amount pair off, the n-th of ours with the n-th of theirs: `matched`, or
//!    `in_flight` if kamiPay's transfer is under way.
//! 2. One is left on each side: `not_comparable` in another currency or without an amount,
//!    `within_tolerance`, or `amount_differs`.
//! 3. Several are left, with at least one on each side, in one currency, and the sums agree: `group`.
//! 4. What is left of ours, where kamiPay has no row of the key but those that failed, pairs off with
//!    the pool: `pending`, or `amount_differs`, or `not_comparable`. One row of ours alone: `void` if it
//!    failed at kamiPay, `in_time` if it is no older than the lag, else `only_ours`. One row of theirs
//!    alone: `only_theirs`.
//! 5. The rest is `repeated`.
//!
//! Rows outside the period match, and are not shown. If one side of a `matched` or `in_flight` pair is
//! outside, the other is `cut_off`. Rows without a key are `no_key`. Rows of the pool that are in no pair
//! are `pool`. What failed at kamiPay is `void`, and in no sum.
//!
//! # Memory
//!
//! A report needs the memory of about two partitions, and 16 KiB for each partition. A key with over
//! 10,000 rows stops it with [`Error::Key`], because it is probably not the key.

mod amount;
mod bucket;
mod bytes;
mod candidate;
mod charges;
mod classify;
mod diagnosis;
mod error;
mod partial;
mod payouts;
mod record;
mod registers;
mod report;
mod row;
mod rows;
mod rules;
mod run;
mod stages;
mod state;
mod store;
mod sum;
mod text;

pub use kamipay_proto as proto;

pub use self::amount::{Amount, InvalidAmount};
pub use self::bucket::Bucket;
pub use self::candidate::Candidate;
pub use self::charges::{ChargeAmount, ChargeKey, ChargeTime, Charges, Settlements};
pub use self::diagnosis::Diagnosis;
pub use self::error::{Error, LargeKey};
pub use self::partial::Partial;
pub use self::payouts::Payouts;
pub use self::report::{BucketSums, Report, Statement, Verdict};
pub use self::row::{Hint, Id, Progress, Row, Side};
pub use self::rows::{Item, NumberedId, ReportRow, Rows};
pub use self::rules::{Flow, InvalidRules, Rules, Shown};
pub use self::stages::{LotEquals, LotStage, SettlementStage};
pub use self::state::{
    Carried, ClosedKey, OpenRow, OwnedId, StateCheck, StateError, StateFormat, StateHeader,
    StateLine,
};
pub use self::store::{MemoryStore, Store};
pub use self::sum::{Overflow, Sum, Sums};
