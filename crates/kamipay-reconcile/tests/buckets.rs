//! Every bucket, compared with a slow answer that is written from the rules alone.

use std::num::NonZeroU16;

use kamipay_reconcile::{Bucket, Item, MemoryStore, Partial, Report, Shown, Side, Verdict};

mod common;

use common::{Answer, Case, Dice, TestRow, case, oracle, units};

fn report(case: &Case, rows: &[TestRow], partitions: u16) -> Report<MemoryStore> {
    partial(case, rows, partitions).report(MemoryStore::new()).unwrap()
}

fn partial(case: &Case, rows: &[TestRow], partitions: u16) -> Partial<MemoryStore> {
    let rules = case.rules().with_shown(Shown::All);
    let partitions = NonZeroU16::new(partitions).unwrap();
    let mut partial = Partial::with_partitions(rules, MemoryStore::new(), partitions);
    for row in rows {
        partial.add(&row.row()).unwrap();
    }
    partial
}

/// The report of what is open has the same sums, and its rows.
fn check_open(case: &Case, all: &Report<MemoryStore>) {
    let mut partial = Partial::new(case.rules(), MemoryStore::new());
    case.rows.iter().for_each(|row| partial.add(&row.row()).unwrap());
    let open = partial.report(MemoryStore::new()).unwrap();
    assert_eq!(open.statement().unwrap(), all.statement().unwrap());
    let (mut open_rows, mut all_rows) = (open.rows().unwrap(), all.rows().unwrap());
    while let Some(item) = all_rows.next().unwrap() {
        let Item::Row(row) = item else { panic!("nothing is saved") };
        if row.bucket.is_timing() || row.bucket.is_exception(row.side == Side::Ours) {
            let open = loop {
                let Some(Item::Row(open)) = open_rows.next().unwrap() else { panic!("{row:?}") };
                // A row of the pool is there for candidates, and is not shown.
                if open.is_shown {
                    break serde_json::to_string(&open).unwrap();
                }
            };
            assert_eq!(open, serde_json::to_string(&row).unwrap());
        }
    }
    while let Some(item) = open_rows.next().unwrap() {
        assert!(matches!(item, Item::Row(row) if !row.is_shown));
    }
    for bucket in Bucket::ALL {
        for side in [Side::Ours, Side::Theirs, Side::Pool] {
            assert_eq!(open.count(bucket, side), all.count(bucket, side));
        }
    }
}

fn answer(report: &Report<MemoryStore>) -> Answer {
    let mut answer = Vec::new();
    let mut rows = report.rows().unwrap();
    while let Some(item) = rows.next().unwrap() {
        let Item::Row(row) = item else { panic!("nothing is saved") };
        if row.is_shown {
            answer.push((row.side.as_str(), row.id.to_string(), row.bucket.as_str()));
        }
    }
    answer.sort();
    answer
}

fn text(report: &Report<MemoryStore>) -> String {
    let mut text = format!("{:?}\n", report.statement().unwrap());
    for bucket in Bucket::ALL {
        let counts = [Side::Ours, Side::Theirs, Side::Pool].map(|side| report.count(bucket, side));
        text += &format!("{bucket} {counts:?}\n");
    }
    let mut rows = report.rows().unwrap();
    while let Some(item) = rows.next().unwrap() {
        let Item::Row(row) = item else { panic!("nothing is saved") };
        text += &serde_json::to_string(&row).unwrap();
        text += &format!("{:?}\n", row.carried);
    }
    text
}

/// KAMIPAY_CASES: how many. Default: 20,000.
#[expect(clippy::disallowed_methods, reason = "a test may be told how long to search")]
fn cases() -> u64 {
    std::env::var("KAMIPAY_CASES").map_or(20_000, |count| count.parse().unwrap())
}

#[test]
fn every_row_is_in_the_bucket_of_the_rules() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..cases() {
        let case = case(&mut Dice::new(seed));
        let report = report(&case, &case.rows, 3);
        let expected = oracle(&case);
        seen.extend(expected.iter().map(|it| (it.0, it.2)));
        assert_eq!(answer(&report), expected, "seed {seed}: {:#?}", case.rows);

        check_open(&case, &report);
        // Each row of the period is counted once, and the sums are those of the rows.
        let sides = [Side::Ours, Side::Theirs, Side::Pool];
        let counted: u64 = Bucket::ALL
            .into_iter()
            .flat_map(|bucket| sides.map(|side| report.count(bucket, side)))
            .sum();
        assert_eq!(counted, expected.len() as u64);
        let statement = report.statement().unwrap();
        assert!(statement.unexplained.is_zero(), "seed {seed}: {statement:?}");
        for (currency, sum) in statement.ours.iter() {
            let is_inside = |row: &&TestRow| {
                row.side == Side::Ours
                    && row.currency.eq_ignore_ascii_case(currency)
                    && row.time.is_none_or(|time| case.start <= time && time < case.end)
            };
            let amounts = case.rows.iter().filter(is_inside).filter_map(|row| row.amount);
            assert_eq!(units(&sum.to_string()), amounts.map(units).sum::<i128>());
        }
        let is_exception = |it: &(&str, String, &str)| {
            let exceptions = [
                "amount_differs",
                "not_comparable",
                "only_ours",
                "only_theirs",
                "repeated",
                "no_key",
            ];
            exceptions.contains(&it.2) || it.2 == "void" && it.0 == "ours"
        };
        let timing = ["in_flight", "in_time", "pending", "cut_off"];
        let verdict = match expected.iter().any(is_exception) {
            true => Verdict::Exceptions,
            false if expected.iter().any(|it| timing.contains(&it.2)) => Verdict::TimingOnly,
            false => Verdict::Closed,
        };
        assert_eq!(report.verdict().unwrap(), verdict);
        assert_eq!(
            report.exceptions(),
            expected.iter().filter(|it| is_exception(it)).count() as u64
        );
    }
    // Each bucket occurs on each side that can have it.
    assert_eq!(seen.len(), 12 + 14, "{seen:?}");
}

#[test]
fn neither_order_nor_partitions_nor_split_changes_a_byte() {
    for seed in 0..cases() / 10 {
        let mut dice = Dice::new(seed);
        let case = case(&mut dice);
        let expected = text(&report(&case, &case.rows, 1));
        let mut rows = case.rows.clone();
        dice.shuffle(&mut rows);
        let partitions = 1 + dice.below(9) as u16;
        assert_eq!(text(&report(&case, &rows, partitions)), expected, "seed {seed}");

        // Partials of parts of the rows, merged in any order.
        let mut parts: Vec<_> = rows
            .chunks(1 + dice.below(rows.len()))
            .map(|rows| partial(&case, rows, partitions))
            .collect();
        dice.shuffle(&mut parts);
        let mut whole = parts.pop().unwrap();
        let mut rest = parts.pop();
        for part in parts {
            match &mut rest {
                Some(rest) if dice.one_in(2) => rest.merge(part).unwrap(),
                _ => whole.merge(part).unwrap(),
            }
        }
        if let Some(rest) = rest {
            whole.merge(rest).unwrap();
        }
        assert_eq!(text(&whole.report(MemoryStore::new()).unwrap()), expected, "seed {seed}");

        // Reports of parts of the partitions, merged in any order.
        let mut reports: Vec<_> = (0..usize::from(partitions))
            .map(|it| whole.report_part(it..it + 1, MemoryStore::new()).unwrap())
            .collect();
        dice.shuffle(&mut reports);
        let mut report = reports.pop().unwrap();
        for part in reports {
            assert!(report.statement().is_err());
            report.merge(part).unwrap();
        }
        assert_eq!(text(&report), expected, "seed {seed}");
    }
}
