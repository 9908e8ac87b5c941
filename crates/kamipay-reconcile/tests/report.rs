//! What a report says besides the buckets: rows as JSON, candidates, the diagnosis, errors.

use std::num::NonZeroU16;

use kamipay_reconcile::proto::Period;
use kamipay_reconcile::proto::chrono::FixedOffset;
use kamipay_reconcile::{
    Bucket, Error, Flow, Hint, Id, Item, MemoryStore, Partial, Progress, Report, Row, Rules, Shown,
    Side, Store,
};

fn rules(flow: Flow) -> Rules {
    let day = Period::parse("2026-05-14T00:00:00-03:00", "2026-05-15T00:00:00-03:00").unwrap();
    Rules::new(flow, day).with_utc_offset(FixedOffset::west_opt(3 * 3600).unwrap())
}

/// A row: `ours 7 order-1 10.50 USDT`, with a dash for what it lacks.
fn row(text: &str) -> Row<'_> {
    let words: Vec<&str> = text.split('|').map(str::trim).collect();
    let [side, id, key, amount, currency, ..] = words[..] else { panic!("{text}") };
    let (side, id) = match side {
        "ours" => (Side::Ours, Id::Line(id.parse().unwrap())),
        "theirs" => (Side::Theirs, Id::Name(id)),
        "pool" => (Side::Pool, Id::Name(id)),
        side => panic!("{side}"),
    };
    let mut row = Row::new(side, id);
    row.key = (key != "-").then_some(key);
    row.amount = (amount != "-").then(|| amount.parse().unwrap());
    row.currency = currency;
    row.time = Some(words.get(5).unwrap_or(&"2026-05-14T12:00:00Z").parse().unwrap());
    row.progress = match words.get(6) {
        None => Progress::Live,
        Some(&"void") => Progress::Void,
        Some(_) => Progress::InFlight,
    };
    row
}

fn with<'a>(mut row: Row<'a>, change: impl FnOnce(&mut Row<'a>)) -> Row<'a> {
    change(&mut row);
    row
}

fn report(rules: Rules, rows: &[&str]) -> Report<MemoryStore> {
    let mut partial = Partial::new(rules, MemoryStore::new());
    for text in rows {
        partial.add(&row(text)).unwrap();
    }
    partial.report(MemoryStore::new()).unwrap()
}

fn json<S: Store>(report: &Report<S>) -> Vec<serde_json::Value> {
    let mut lines = Vec::new();
    let mut rows = report.rows().unwrap();
    while let Some(item) = rows.next().unwrap() {
        let Item::Row(row) = item else { panic!("nothing is saved") };
        if row.is_shown {
            lines.push(serde_json::to_value(&row).unwrap());
        }
    }
    lines
}

#[test]
fn a_row_has_the_fields_and_words_of_the_output() {
    let mut partial = Partial::new(rules(Flow::Payouts), MemoryStore::new());
    let mut ours = row("ours | 12 | txc_1 | 10.50 | usdt | 2026-05-14T12:00:00.5Z");
    ours.carried = b"memo";
    partial.add(&ours).unwrap();
    partial.add(&row("theirs | 9c/txc_1 | txc_1 | 10 | USDT")).unwrap();
    let report = partial.report(MemoryStore::new()).unwrap();
    let mut rows = report.rows().unwrap();
    let Some(Item::Row(first)) = rows.next().unwrap() else { panic!() };
    let ledger = std::collections::BTreeMap::from([("memo", first.carried.len())]);
    assert_eq!(
        serde_json::to_string(&first.with_ledger(&ledger)).unwrap(),
        r#"{"bucket":"amount_differs","side":"ours","key":"txc_1","amount":"10.50","currency":"usdt","time":"2026-05-14T12:00:00.500Z","id":12,"why":"9c/txc_1 has 10 USDT","candidates":[],"ledger":{"memo":4}}"#
    );
    let Some(Item::Row(second)) = rows.next().unwrap() else { panic!() };
    assert_eq!(
        serde_json::to_string(&second).unwrap(),
        r#"{"bucket":"amount_differs","side":"theirs","key":"txc_1","amount":"10","currency":"USDT","time":"2026-05-14T12:00:00Z","id":"9c/txc_1","why":"line 12 has 10.50 usdt","candidates":[]}"#
    );
}

#[test]
fn rows_are_sorted_by_key_then_side_then_name_and_say_why() {
    let rules = rules(Flow::Payouts).with_shown(Shown::All);
    let report = report(
        rules,
        &[
            "theirs | l2/b | b | 5 | USDT",
            "theirs | l1/b | b | 5 | USDT",
            "ours | 10 | b | 5 | USDT",
            "ours | 9 | c | 5 | USDT",
            "theirs | l1/c | c | 5 | USDT | 2026-05-14T12:00:00Z | void",
            "ours | 8 | d | 5 | USDT",
            "theirs | l3/d | d | 5 | BRL",
            "ours | 100 | e | 3 | USDT",
            "ours | 20 | e | 2 | USDT",
            "theirs | l3/e | e | 5 | usdt",
            "ours | 3 | f | 5 | USDT",
            "theirs | l3/f | f | 5 | USDT | 2026-05-16T00:00:00Z",
            "ours | 4 | g | 5 | USDT",
            "theirs | l3/g | g | 5 | USDT | 2026-05-14T12:00:00Z | under way",
            "ours | 5 | h | 5 | USDT",
            "pool | pool/h | h | 5 | USDT",
            "ours | 6 | - | 5 | USDT",
            "theirs | l3/i | i | - |",
            "ours | 7 | i | 5 | USDT",
            "theirs | l4/j | j | 1 | USDT",
            "theirs | l4/j | j | 1 | USDT",
            "ours | 1 | k | 5.00 | USDT",
            "theirs | l4/k | k | 5 | USDT",
        ],
    );
    let lines: Vec<String> = json(&report)
        .iter()
        .map(|it| {
            format!("{} {} {} {}", it["key"], it["id"], it["bucket"], it["why"]).replace('"', "")
        })
        .collect();
    assert_eq!(
        lines,
        [
            "b 10 matched matches l1/b",
            "b l1/b matched matches line 10",
            "b l2/b repeated paid twice? 1 in the books, 2 at kamiPay",
            "c 9 void only in a lot that failed, not retried yet: do not pay again",
            "c l1/c void null",
            "d 8 not_comparable l3/d has 5 BRL",
            "d l3/d not_comparable line 8 has 5 USDT",
            "e 20 group 2 to 1",
            "e 100 group 2 to 1",
            "e l3/e group 2 to 1",
            "f 3 cut_off l3/f is of 2026-05-16T00:00:00Z",
            "g 4 in_flight l3/g is under way",
            "g l3/g in_flight matches line 4",
            "h 5 pending pool/h waits for its settlement",
            "h pool/h pending matches line 5",
            "i 7 not_comparable l3/i has no amount",
            "i l3/i not_comparable line 7 has an amount, this has none",
            "j l4/j repeated paid twice? 0 in the books, 2 at kamiPay",
            "j l4/j#2 repeated paid twice? 0 in the books, 2 at kamiPay",
            "k 1 matched matches l4/k",
            "k l4/k matched matches line 1",
            "null 6 no_key null",
        ]
    );
}

/// The candidates of each row: its name, then their names and what differs.
fn candidates(report: &Report<MemoryStore>) -> Vec<String> {
    let candidate =
        |it: &serde_json::Value| format!("{} {}", it["id"], it["differs"]).replace('"', "");
    json(report)
        .iter()
        .map(|it| {
            let list = it["candidates"].as_array().unwrap().iter().map(candidate);
            format!("{}: {}", it["id"], list.collect::<Vec<_>>().join(", ")).replace('"', "")
        })
        .collect()
}

#[test]
fn a_candidate_has_nearly_the_key_or_the_amount_and_day() {
    let mut report = report(
        rules(Flow::Settlements),
        &[
            "ours | 1 | ORDER-7 | 10 | ARS",
            "theirs | 5/a | order-7 | 11 | ARS",
            "ours | 2 | 0042 | 20 | ARS",
            "theirs | 5/b | 42 | 20 | ARS",
            "ours | 3 | in voice | 30 | ARS",
            "theirs | 5/c | invoice | 31 | ARS",
            "ours | 4 | abcdé | 40 | ARS",
            "theirs | 5/d | abcd | 41 | ARS",
            "ours | 5 | other | 50.0 | ARS",
            "theirs | 5/e | thing | 50 | ars | 2026-05-15T02:00:00Z", // the 14th in the zone
            "theirs | 5/f | thing2 | 50 | BRL",
            "ours | 6 | - | 60 | ARS",
            "theirs | 5/g | - | 60.00 | ARS",
            "ours | 7 | xyzw | 70 | ARS",
            "theirs | 5/h | xzyw | 71 | ARS",
            "pool | pool/i | pooled | 80 | ARS",
            "ours | 8 | Pooled | 80 | ARS",
        ],
    );
    assert_eq!(report.explain().unwrap(), []);
    assert_eq!(
        candidates(&report),
        [
            "2: 5/b key (zeros)",
            "5/b: 2 key (zeros)",
            "1: 5/a key (case)",
            "8: pool/i key (case)",
            "5/d: 4 key (one character)",
            "4: 5/d key (one character)",
            "3: 5/c key (spaces)",
            "5/c: 3 key (spaces)",
            "5/a: 1 key (case)",
            "5: 5/e key",
            "5/e: 5 key",
            "5/f: ",
            "7: ",
            "5/h: ",
            "6: 5/g key",
            "5/g: 6 key",
        ]
    );
}

#[test]
fn another_identifier_is_a_candidate_and_hints_come_first() {
    let mut partial = Partial::new(rules(Flow::Settlements), MemoryStore::new());
    let ours = row("ours | 1 | dqr_1 | 10 | ARS");
    partial.add(&ours).unwrap();
    let others = [("kamipay_id", "dqr_1"), ("kamipay_request_id", "ptxr_9")];
    let mut theirs = row("theirs | 5/ptxr_9 | order-1 | 12 | ARS");
    theirs.others = &others;
    let mut hint = Hint::new(Side::Theirs, "5/other", "key (a payout of the same lot)");
    hint.amount = Some("12".parse().unwrap());
    let hints = [hint];
    theirs.hints = &hints;
    partial.add(&theirs).unwrap();
    let mut report = partial.report(MemoryStore::new()).unwrap();
    report.explain().unwrap();
    assert_eq!(
        candidates(&report),
        [
            "1: 5/ptxr_9 key: it is the kamipay_id",
            "5/ptxr_9: 5/other key (a payout of the same lot), 1 key: it has the kamipay_id",
        ]
    );
}

#[test]
fn long_keys_have_candidates_as_well() {
    let long = "k".repeat(70);
    let (quote, other) = ("q".repeat(70), "o".repeat(70));
    let mut partial = Partial::new(rules(Flow::Settlements), MemoryStore::new());
    let mut add = |text: &str, key: &str, others: &[(&str, &str)]| {
        partial.add(&with(row(text), |it| (it.key, it.others) = (Some(key), others))).unwrap();
    };
    add("ours | 1 | - | 10 | ARS", &long, &[]);
    add("theirs | 5/a | - | 11 | ARS", &other, &[("kamipay_id", &long)]);
    add("theirs | 5/b | - | 10 | ARS", &quote, &[]);
    let mut report = partial.report(MemoryStore::new()).unwrap();
    report.explain().unwrap();
    let found = candidates(&report);
    assert!(found.contains(&"1: 5/a key: it is the kamipay_id, 5/b key".to_owned()), "{found:?}");
}

#[test]
fn at_most_three_candidates_the_likeliest_first_and_in_any_order_of_rows() {
    let mut rows: Vec<String> = vec!["ours | 1 | key | 10 | ARS".to_owned()];
    rows.extend((0..9).map(|it| format!("theirs | 5/{it} | other{it} | 10 | ARS")));
    rows.push("theirs | 5/x | Key | 11 | ARS".to_owned());
    let mut expected = None;
    for turn in 0..rows.len() {
        rows.rotate_left(turn);
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let mut report = report(rules(Flow::Settlements), &rows);
        report.explain().unwrap();
        let found = candidates(&report);
        assert!(found.contains(&"1: 5/x key (case), 5/0 key, 5/1 key".to_owned()), "{found:?}");
        assert_eq!(*expected.get_or_insert_with(|| found.clone()), found);
    }
}

/// Books and kamiPay's rows, 30 each.
fn diagnose(change: impl Fn(usize, Row<'_>, &mut dyn FnMut(Row<'_>)), count: usize) -> Vec<String> {
    let mut partial = Partial::new(rules(Flow::Settlements), MemoryStore::new());
    for number in 0..count {
        let key = format!("order-{}", 1000 + number * 17);
        let id = format!("5/{number}");
        for side in [Side::Ours, Side::Theirs] {
            let mut row = match side {
                Side::Ours => Row::new(side, number as u64 + 1),
                _ => Row::new(side, &*id),
            };
            row.key = Some(&key);
            row.amount = Some(format!("{}.50", number + 1).parse().unwrap());
            row.currency = "ARS";
            row.time = Some("2026-05-14T12:00:00Z".parse().unwrap());
            change(number, row, &mut |row| partial.add(&row).unwrap());
        }
    }
    let mut report = partial.report(MemoryStore::new()).unwrap();
    report.explain().unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn the_diagnosis_names_what_is_probably_wrong() {
    let wrong_column = |number: usize, row: Row<'_>, add: &mut dyn FnMut(Row<'_>)| {
        let own = format!("id{number}");
        let others = [("ref", row.key.unwrap())];
        match row.side {
            Side::Ours if number > 0 => {
                add(with(row, |it| (it.key, it.others) = (Some(&*own), &others)))
            }
            _ => add(row),
        }
    };
    assert_eq!(
        diagnose(wrong_column, 30),
        ["nearly no key of the books is at kamiPay; 100 % of column `ref` are: is it the key?"]
    );
    assert_eq!(diagnose(wrong_column, 19), [""; 0]);

    let other_identifier = |number: usize, row: Row<'_>, add: &mut dyn FnMut(Row<'_>)| {
        let own = format!("ext{number}");
        let others = [("kamipay_id", row.key.unwrap())];
        match row.side {
            Side::Theirs => add(with(row, |it| (it.key, it.others) = (Some(&*own), &others))),
            _ => add(row),
        }
    };
    assert_eq!(
        diagnose(other_identifier, 20),
        [
            "nearly no key of the books is at kamiPay; 100 % of them are a `kamipay_id` there: use it as the key"
        ]
    );

    let sign = |_: usize, row: Row<'_>, add: &mut dyn FnMut(Row<'_>)| match row.side {
        Side::Ours => add(with(row, |it| it.amount = row.amount.map(|it| it.negated()))),
        _ => add(row),
    };
    assert_eq!(
        diagnose(sign, 30),
        ["100 % of the amounts have the opposite sign at kamiPay: negate the books' amounts"]
    );

    let minor = |side| {
        move |number: usize, row: Row<'_>, add: &mut dyn FnMut(Row<'_>)| {
            let amount = row.amount.filter(|_| row.side == side && number > 2);
            let amount = amount.map_or(row.amount, |it| it.times_hundred());
            add(with(row, |it| it.amount = amount));
        }
    };
    assert_eq!(
        diagnose(minor(Side::Ours), 30),
        ["90 % of the books' amounts are a hundred times kamiPay's: are they in minor units?"]
    );
    assert_eq!(diagnose(minor(Side::Ours), 29), [""; 0]); // 26 of 29 are 89 %
    assert_eq!(
        diagnose(minor(Side::Theirs), 40),
        ["92 % of the books' amounts are a hundredth of kamiPay's: are they in another unit?"]
    );
    assert_eq!(diagnose(|_, row, add| add(row), 30), [""; 0]);
}

#[test]
fn the_diagnosis_does_not_depend_on_the_order_of_keys() {
    // All of kamiPay's keys come before those of the books.
    let wrong_column = |number: usize, row: Row<'_>, add: &mut dyn FnMut(Row<'_>)| {
        let own = format!("z{number}");
        let others = [("ref", row.key.unwrap())];
        match row.side {
            Side::Ours => add(with(row, |it| (it.key, it.others) = (Some(&*own), &others))),
            _ => add(row),
        }
    };
    assert_eq!(
        diagnose(wrong_column, 11_000),
        ["nearly no key of the books is at kamiPay; 100 % of column `ref` are: is it the key?"]
    );
}

#[test]
fn a_key_of_over_10_000_rows_stops_with_the_number_of_keys() {
    let run = |rows: u64, partitions: u16| {
        let partitions = NonZeroU16::new(partitions).unwrap();
        let mut partial =
            Partial::with_partitions(rules(Flow::Settlements), MemoryStore::new(), partitions);
        for line in 0..rows {
            let mut row = Row::new(Side::Ours, line);
            row.key = Some(["ARS", "BRL", "USDT"][(line % 16).min(2) as usize]);
            partial.add(&row).unwrap();
        }
        partial.report(MemoryStore::new()).map(|report| report.count(Bucket::Repeated, Side::Ours))
    };
    let error = run(20_000, 256).unwrap_err();
    assert_eq!(
        error.to_string(),
        "3 different keys in 20000 rows, 17500 of them with \"USDT\": is this really the key?"
    );
    assert_eq!(run(20_000, 1).unwrap_err(), error);
    assert_eq!(run(11_430, 7).unwrap(), 11_430); // 10,000 of one key
    assert!(run(11_431, 7).is_err());
}

#[test]
fn rows_without_a_key_may_be_any_number() {
    let mut partial = Partial::new(rules(Flow::Settlements), MemoryStore::new());
    for _ in 0..10_001 {
        partial.add(&Row::new(Side::Ours, 1)).unwrap();
    }
    let report = partial.report(MemoryStore::new()).unwrap();
    assert_eq!(report.count(Bucket::NoKey, Side::Ours), 10_001);
}

#[test]
fn over_1000_currencies_are_an_error() {
    let mut partial = Partial::new(rules(Flow::Settlements), MemoryStore::new());
    let mut add = |number: u32| {
        let currency = format!("c{number}");
        let mut row = Row::new(Side::Ours, 1);
        (row.currency, row.amount) = (&currency, Some("1".parse().unwrap()));
        partial.add(&row)
    };
    (0..1000).for_each(|number| add(number).unwrap());
    add(999).unwrap();
    assert_eq!(add(1000), Err(Error::Currencies));
}

/// A store with faults.
#[derive(Clone, Debug, Default)]
struct Faulty {
    inner: MemoryStore,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Fault {
    #[default]
    None,
    /// The n-th append fails.
    Append,
    Read,
    /// Bytes are lost.
    Short,
    /// Whole streams are lost.
    Lost,
    /// It says that it read more than there is room for.
    TooMuch,
    /// The byte at this place is another one.
    Flip(u64),
}

#[derive(Debug, PartialEq)]
struct Full;

impl std::fmt::Display for Full {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the disk is full")
    }
}

impl std::error::Error for Full {}

impl Store for Faulty {
    type Error = Full;

    fn append(&mut self, stream: usize, bytes: &[u8]) -> Result<(), Full> {
        if self.fault == Fault::Append {
            return Err(Full);
        }
        self.inner.append(stream, bytes).map_err(|_| Full)
    }

    fn read(&self, stream: usize, offset: u64, buffer: &mut [u8]) -> Result<usize, Full> {
        if self.fault == Fault::Read {
            return Err(Full);
        }
        let read = self.inner.read(stream, offset, buffer).map_err(|_| Full)?;
        match self.fault {
            Fault::Lost => Ok(0),
            Fault::TooMuch => Ok(buffer.len() + 1),
            Fault::Short if offset + read as u64 == self.length(stream) => {
                Ok(read.saturating_sub(1))
            }
            Fault::Flip(at) if offset <= at && at < offset + read as u64 => {
                buffer[(at - offset) as usize] ^= 0x55;
                Ok(read)
            }
            _ => Ok(read),
        }
    }

    fn length(&self, stream: usize) -> u64 {
        if self.fault == Fault::Lost { 0 } else { self.inner.length(stream) }
    }
}

#[test]
fn a_failing_or_lying_store_is_an_error_or_at_least_no_panic() {
    let run = |rows_fault: Fault, runs_fault: Fault| -> Result<usize, Error<Full>> {
        let one = NonZeroU16::new(1).unwrap();
        let store = Faulty { fault: rows_fault, ..Faulty::default() };
        let mut partial = Partial::with_partitions(rules(Flow::Payouts), store, one);
        for number in 0..100 {
            let key = format!("key-{number}");
            let mut row = Row::new(Side::Ours, number);
            row.key = Some(&key);
            row.amount = Some("10.50".parse().unwrap());
            row.time = Some("2026-05-14T12:00:00Z".parse().unwrap());
            row.carried = &[7; 200]; // so that the rows are spilled
            partial.add(&row)?;
        }
        let mut report = partial.report(Faulty { fault: runs_fault, ..Faulty::default() })?;
        report.explain()?;
        report.verdict()?;
        let (mut rows, mut count) = (report.rows()?, 0);
        while rows.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    };
    assert_eq!(run(Fault::None, Fault::None), Ok(100));
    for fault in [Fault::Append, Fault::Read] {
        assert_eq!(run(fault, Fault::None), Err(Error::Store(Full)));
        assert_eq!(run(Fault::None, fault), Err(Error::Store(Full)));
    }
    for fault in [Fault::Short, Fault::Lost, Fault::TooMuch] {
        assert_eq!(run(fault, Fault::None), Err(Error::Damaged { stream: 0 }), "{fault:?}");
        assert_eq!(run(Fault::None, fault), Err(Error::Damaged { stream: 0 }), "{fault:?}");
    }
    let mut unexplained = 0;
    for at in (0..60).chain((60..2000).step_by(31)) {
        unexplained += u32::from(run(Fault::Flip(at), Fault::None) == Err(Error::Unexplained));
        let _ = run(Fault::None, Fault::Flip(at));
    }
    assert!(unexplained > 0, "an amount that changed in the store is in no sum that was read");
}

#[test]
fn without_a_saved_state_there_is_no_header_for_one() {
    let header = |rules: Rules| {
        let mut partial = Partial::new(rules, MemoryStore::new());
        partial.add(&row("ours | 1 | a | 1 | USDT")).unwrap();
        partial.report(MemoryStore::new()).unwrap().state_header().map(|it| it.open)
    };
    assert_eq!(header(rules(Flow::Payouts)), Err(Error::NotSaved));
    assert_eq!(header(rules(Flow::Payouts).with_saved_state()), Ok(1));
}

#[test]
fn only_parts_of_one_reconciliation_merge() {
    let partial = |rules: Rules, partitions: u16| {
        let partitions = NonZeroU16::new(partitions).unwrap();
        Partial::with_partitions(rules, MemoryStore::new(), partitions)
    };
    let own = || rules(Flow::Payouts);
    assert_eq!(partial(own(), 2).merge(partial(own(), 3)), Err(Error::Unrelated));
    assert_eq!(
        partial(own(), 2).merge(partial(rules(Flow::Settlements), 2)),
        Err(Error::Unrelated)
    );
    assert_eq!(partial(own(), 2).merge(partial(own(), 2)), Ok(()));

    let part = |partial: &Partial<MemoryStore>, part| {
        partial.report_part(part, MemoryStore::new()).unwrap()
    };
    let two = partial(own(), 2);
    let mut first = part(&two, 0..1);
    assert_eq!(first.verdict(), Err(Error::Incomplete { missing: 1 }));
    assert_eq!(first.merge(part(&two, 0..1)), Err(Error::Unrelated));
    let mut other = partial(own(), 2);
    other.add(&row("ours | 1 | a | 1 | USDT")).unwrap();
    assert_eq!(first.merge(part(&other, 1..2)), Err(Error::Unrelated));
    assert_eq!(first.merge(part(&two, 1..2)), Ok(()));
    assert!(first.verdict().is_ok());
}
