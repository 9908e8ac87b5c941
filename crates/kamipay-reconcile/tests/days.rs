//! A month of daily runs, each with the state of the day before, against one run over the month.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

use kamipay_reconcile::proto::Period;
use kamipay_reconcile::proto::chrono::{DateTime, TimeDelta, Utc};
use kamipay_reconcile::{
    Bucket, Flow, Id, Item, MemoryStore, Partial, Progress, Report, Row, Rules, Shown, Side,
    StateCheck, StateHeader, StateLine,
};

mod common;

use common::Dice;

#[derive(Clone, Debug)]
struct Event {
    tag: String,
    side: Side,
    name: String,
    key: Option<&'static str>,
    amount: &'static str,
    currency: &'static str,
    time: DateTime<Utc>,
    /// The progress from each day on.
    progress: [Progress; DAYS],
}

const DAYS: usize = 5;

fn start() -> DateTime<Utc> {
    "2026-05-01T00:00:00Z".parse().unwrap()
}

fn day(number: usize) -> DateTime<Utc> {
    start() + TimeDelta::days(number as i64)
}

struct World {
    events: Vec<Event>,
    lag: TimeDelta,
    /// Each day's ledger has all rows so far, not only the day's.
    is_growing: bool,
}

fn world(dice: &mut Dice) -> World {
    let lag = TimeDelta::hours(dice.pick(&[0, 1, 6, 24, 36]));
    let is_growing = dice.one_in(2);
    let count = 2 + dice.below(14);
    let keys = &["a", "b", "c"][..1 + dice.below(3)];
    let mut events = Vec::new();
    for number in 0..count {
        let side = dice.pick(&[Side::Ours, Side::Theirs]);
        let hours = (DAYS * 24) as i64 + 2 * lag.num_hours();
        let earliest = if side == Side::Ours && !is_growing { start() } else { start() - lag };
        let time = start() - lag
            + TimeDelta::minutes(dice.below(hours as usize * 2) as i64 * 30)
            + TimeDelta::seconds(if is_growing { number as i64 } else { 0 });
        let time = time.max(earliest);
        let mut progress = [Progress::Live; DAYS];
        if side == Side::Theirs && dice.one_in(3) {
            let last = dice.pick(&[Progress::Live, Progress::Void, Progress::InFlight]);
            let from = dice.below(DAYS);
            for (day, progress) in progress.iter_mut().enumerate() {
                *progress = if day < from { Progress::InFlight } else { last };
            }
        }
        events.push(Event {
            tag: format!("r{number:02}"),
            side,
            name: format!("lot{}/{number}", dice.below(3)),
            key: if dice.one_in(10) { None } else { Some(dice.pick(keys)) },
            amount: dice.pick(&["10", "10.00", "10", "7", "3", "-10"]),
            currency: dice.pick(&["USDT", "USDT", "usdt", "BRL"]),
            time,
            progress,
        });
    }
    World { events, lag, is_growing }
}

impl Event {
    fn add(&self, day: usize, line: u64, to: &mut Partial<MemoryStore>) {
        let id = if self.side == Side::Ours { Id::Line(line) } else { Id::Name(&self.name) };
        let mut row = Row::new(self.side, id);
        row.key = self.key;
        row.amount = Some(self.amount.parse().unwrap());
        row.currency = self.currency;
        row.time = Some(self.time);
        row.progress = self.progress[day];
        row.carried = self.tag.as_bytes();
        to.add(&row).unwrap();
    }
}

fn rules(world: &World, from: usize, to: usize) -> Rules {
    let period = Period::new(day(from), day(to)).unwrap();
    let rules = Rules::new(Flow::Payouts, period).with_shown(Shown::All);
    rules.with_lag(world.lag).unwrap()
}

fn partial(rules: Rules, dice: &mut Dice) -> Partial<MemoryStore> {
    let partitions = NonZeroU16::new(1 + dice.below(3) as u16).unwrap();
    Partial::with_partitions(rules, MemoryStore::new(), partitions)
}

/// The buckets of the shown rows, by tag; and the lines of the state.
fn read(report: &Report<MemoryStore>) -> (BTreeMap<String, Bucket>, Vec<StateLine>) {
    let (mut buckets, mut lines) = (BTreeMap::new(), Vec::new());
    let mut rows = report.rows().unwrap();
    while let Some(item) = rows.next().unwrap() {
        match item {
            Item::Row(row) => {
                if row.is_shown {
                    let tag = String::from_utf8(row.carried.to_vec()).unwrap();
                    assert_eq!(buckets.insert(tag, row.bucket), None, "in one bucket only");
                }
                if row.is_open {
                    lines.push(StateLine::Open(Box::new(row.to_open())));
                }
            }
            Item::Closed(key) => lines.push(StateLine::Closed(key)),
        }
    }
    (buckets, lines)
}

/// What is written is read.
fn reread(header: &StateHeader, lines: &[StateLine]) -> (StateHeader, Vec<StateLine>) {
    let json = serde_json::to_string(header).unwrap();
    let header: StateHeader = serde_json::from_str(&json).unwrap();
    let again = |line: &StateLine| {
        let json = serde_json::to_string(line).unwrap();
        let read: StateLine = serde_json::from_str(&json).unwrap();
        assert_eq!(&read, line, "{json}");
        read
    };
    let lines: Vec<StateLine> = lines.iter().map(again).collect();
    let mut check = StateCheck::new(&header);
    lines.iter().for_each(|line| check.add(line).unwrap());
    check.finish().unwrap();
    (header, lines)
}

struct Days {
    buckets: BTreeMap<String, Bucket>,
    /// Keys of which a group was closed: later rows do not open it again.
    grouped: BTreeSet<Option<&'static str>>,
}

fn run_days(world: &World, dice: &mut Dice) -> Days {
    let mut state: Option<(StateHeader, Vec<StateLine>)> = None;
    let mut days = Days { buckets: BTreeMap::new(), grouped: BTreeSet::new() };
    for today in 0..DAYS {
        let mut rules = rules(world, today, today + 1).with_saved_state();
        if let Some((header, _)) = &state {
            rules = rules.after(header).unwrap();
        }
        let fetch = rules.fetch();
        let mut partial = partial(rules, dice);
        let mut fetched = BTreeSet::new();
        for line in state.iter().flat_map(|it| &it.1) {
            match line {
                StateLine::Open(row) => {
                    partial.add_open(row).unwrap();
                    if row.to_fetch().is_some() {
                        fetched.insert(row.carried.as_bytes().to_vec());
                    }
                }
                StateLine::Closed(key) => partial.add_closed(key).unwrap(),
            }
        }
        let mut events: Vec<(u64, &Event)> = (1..).zip(&world.events).collect();
        dice.shuffle(&mut events);
        for (number, (line, event)) in (1..).zip(events) {
            let is_fetched = fetch.start() <= event.time && event.time < fetch.end();
            let is_read = match event.side {
                Side::Ours if world.is_growing => event.time < day(today + 1),
                Side::Ours => day(today) <= event.time && event.time < day(today + 1),
                _ => is_fetched || fetched.contains(event.tag.as_bytes()),
            };
            if is_read {
                event.add(today, if world.is_growing { line } else { number }, &mut partial);
            }
        }
        let report = partial.report(MemoryStore::new()).unwrap();
        let statement = report.statement().unwrap();
        assert!(statement.unexplained.is_zero(), "{statement:?}");
        // What was open is what is opened.
        let mut opening = statement.opening_ours.clone();
        opening.subtract(&statement.opening_theirs).unwrap();
        if let Some((header, _)) = &state {
            assert!(opening.have_values_of(&header.totals));
        }
        let (buckets, lines) = read(&report);
        for (tag, bucket) in &buckets {
            if matches!(bucket, Bucket::Group | Bucket::WithinTolerance) {
                let event = world.events.iter().find(|it| it.tag == *tag).unwrap();
                days.grouped.insert(event.key);
            }
        }
        days.buckets.extend(buckets);
        state = Some(reread(&report.state_header().unwrap(), &lines));
    }
    days
}

#[expect(clippy::disallowed_methods, reason = "a test may be told how long to search")]
fn cases() -> u64 {
    std::env::var("KAMIPAY_CASES").map_or(1_000, |count| count.parse().unwrap())
}

#[test]
fn days_equal_the_month() {
    let (mut compared, mut skipped) = (0, 0);
    for seed in 0..cases() {
        let mut dice = Dice::new(seed);
        let world = world(&mut dice);
        let days = run_days(&world, &mut dice);
        let mut whole = partial(rules(&world, 0, DAYS), &mut dice);
        let fetch = whole.rules().fetch();
        for (line, event) in (1..).zip(&world.events) {
            let is_read = match event.side {
                Side::Ours => event.time < day(DAYS),
                _ => fetch.start() <= event.time && event.time < fetch.end(),
            };
            if is_read {
                event.add(DAYS - 1, line, &mut whole);
            }
        }
        let (buckets, _) = read(&whole.report(MemoryStore::new()).unwrap());
        for event in &world.events {
            let is_failed = event.progress[DAYS - 1] == Progress::Void;
            let bucket = buckets.get(&event.tag);
            if is_failed || bucket == Some(&Bucket::Group) || days.grouped.contains(&event.key) {
                skipped += 1;
                continue;
            }
            compared += 1;
            let same = world.events.iter().filter(|it| it.key == event.key);
            let rows: Vec<String> = same.map(|it| format!("{it:?}")).collect();
            let told = || format!("seed {seed}: {event:?} of\n{}", rows.join("\n"));
            assert_eq!(days.buckets.get(&event.tag), bucket, "{}", told());
        }
    }
    assert!(compared > 3 * skipped, "{compared} compared, {skipped} skipped");
}
