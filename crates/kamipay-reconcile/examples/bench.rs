//! Times the reconciliation of many rows in memory: `cargo run --release --example bench -- 1000000`.

#![expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a program may")]

use std::time::Instant;

use kamipay_reconcile::proto::Period;
use kamipay_reconcile::proto::chrono::{DateTime, TimeDelta};
use kamipay_reconcile::{Amount, Flow, MemoryStore, Partial, Row, Rules, Shown, Side};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let count: u64 = arguments.next().as_deref().unwrap_or("1000000").parse()?;
    let shown = if arguments.next().is_some() { Shown::All } else { Shown::Open };
    let start = DateTime::from_timestamp(1_778_000_000, 0).ok_or("a time")?;
    let period = Period::new(start, start + TimeDelta::days(31))?;
    let rules = Rules::new(Flow::Settlements, period).with_shown(shown);

    let begun = Instant::now();
    let mut sides =
        [Side::Ours, Side::Theirs].map(|_| Partial::new(rules.clone(), MemoryStore::new()));
    let (mut key, mut name) = (String::new(), String::new());
    for (side, partial) in [Side::Ours, Side::Theirs].into_iter().zip(&mut sides) {
        for number in 0..count {
            // In another order on each side; 1.7 % of the rows are exceptions.
            let number = number * if side == Side::Ours { 1 } else { 7919 } % count;
            use std::fmt::Write as _;
            key.clear();
            write!(key, "order-2026-{number:012}")?;
            name.clear();
            write!(name, "{}/ptxr_01jranqegkf509bq5{number:08}", number / 1000)?;
            let is_changed = side == Side::Ours && number % 60 == 0;
            let mut row = match side {
                Side::Ours => Row::new(side, number + 1),
                _ => Row::new(side, &*name),
            };
            row.key = Some(&key);
            row.amount = Amount::new(i128::from(number % 100_000) + i128::from(is_changed), 2);
            row.currency = "ARS";
            row.time = Some(start + TimeDelta::seconds((number % 2_600_000) as i64));
            row.carried = if side == Side::Ours { b"offset00" } else { b"" };
            partial.add(&row)?;
        }
    }
    let dealt = begun.elapsed();
    let [mut all, theirs] = sides;
    all.merge(theirs)?;
    let report = all.report(MemoryStore::new())?;
    let classified = begun.elapsed();
    let mut read = 0_u64;
    let mut rows = report.rows()?;
    while rows.next()?.is_some() {
        read += 1;
    }
    println!(
        "dealt {dealt:?}, classified {:?}, {read} rows read {:?}",
        classified - dealt,
        begun.elapsed() - classified
    );
    println!(
        "{} exceptions, unexplained zero: {}",
        report.exceptions(),
        report.statement()?.unexplained.is_zero()
    );
    Ok(())
}
