//! Random books, and a slow answer to compare with, written from the rules alone.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses a part")]

use std::collections::BTreeMap;

use kamipay_reconcile::proto::Period;
use kamipay_reconcile::proto::chrono::{DateTime, TimeDelta, Utc};
use kamipay_reconcile::{Flow, Id, Progress, Row, Rules, Side};

/// A generator of numbers: the same seed gives the same case on every machine.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ word >> 31) as usize % end
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            list.swap(end, self.below(end + 1));
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct TestRow {
    pub side: Side,
    pub line: u64,
    pub name: String,
    pub key: Option<&'static str>,
    pub amount: Option<&'static str>,
    pub currency: &'static str,
    pub time: Option<DateTime<Utc>>,
    pub progress: Progress,
    pub carried: &'static str,
}

impl TestRow {
    pub fn row(&self) -> Row<'_> {
        let id = if self.side == Side::Ours { Id::Line(self.line) } else { Id::Name(&self.name) };
        let mut row = Row::new(self.side, id);
        row.key = self.key;
        row.amount = self.amount.map(|amount| amount.parse().unwrap());
        row.currency = self.currency;
        row.time = self.time;
        row.progress = self.progress;
        row.carried = self.carried.as_bytes();
        row
    }
}

pub struct Case {
    pub rows: Vec<TestRow>,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub as_of: DateTime<Utc>,
    pub lag: TimeDelta,
    pub tolerances: Vec<(&'static str, &'static str)>,
}

impl Case {
    pub fn rules(&self) -> Rules {
        let period = Period::new(self.start, self.end).unwrap();
        let rules = Rules::new(Flow::Payouts, period).with_as_of(self.as_of);
        let rules = rules.with_lag(self.lag).unwrap();
        self.tolerances.iter().fold(rules, |rules, (currency, most)| {
            rules.with_tolerance(currency, most.parse().unwrap()).unwrap()
        })
    }
}

pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_778_000_000 + seconds, 0).unwrap()
}

const AMOUNTS: [&str; 14] = [
    "10",
    "10.00",
    "10.01",
    "10.010",
    "5",
    "-5",
    "0",
    "0.00",
    "15",
    "20.01",
    "-10",
    "10.000000000000000000000000001",
    "10.000000000000000001",
    "0.0000000000000000000000000001",
];

/// A small case with many equal keys, amounts and times, mostly at and around the bounds.
pub fn case(dice: &mut Dice) -> Case {
    let (start, end) = (at(1000), at(2000));
    let lag = TimeDelta::seconds(dice.pick(&[0, 0, 100, 300]));
    let as_of = dice.pick(&[end, end, at(2050), at(1500)]);
    let nano = TimeDelta::nanoseconds(1);
    let times = [
        start,
        start - nano,
        end,
        end - nano,
        as_of - lag,
        as_of - lag - nano,
        as_of - lag + nano,
        start - lag,
        end + lag,
        at(1500),
        at(1500),
        at(1600),
        at(1100),
        at(1900),
    ];
    let simple = dice.one_in(2);
    let times = if simple { &times[9..13] } else { &times[..] };
    let amounts = if dice.one_in(2) { &AMOUNTS[..5] } else { &AMOUNTS[..] };
    let currencies: &[&str] = match dice.below(3) {
        0 => &["USDT"],
        1 => &["USDT", "usdt", "USDt"],
        _ => &["USDT", "usdt", "BRL", ""],
    };
    let keys: &[&str] = match dice.below(3) {
        0 => &["a"],
        1 => &["a", "b"],
        _ => &["a", "A", "b", "", "00"],
    };
    let most = dice.pick(&[2, 3, 4, 6, 9, 14]);
    let count = 1 + dice.below(most);
    let mut tolerances = Vec::new();
    if dice.one_in(2) {
        let most = dice.pick(&["0", "0.01", "0.000000000000000001", "5.01", "0.0100"]);
        tolerances.push((dice.pick(&["usdt", "BRL"]), most));
    }
    let rows = (1..=count as u64)
        .map(|line| {
            let side = dice.pick(&[
                Side::Ours,
                Side::Ours,
                Side::Ours,
                Side::Theirs,
                Side::Theirs,
                Side::Theirs,
                Side::Pool,
            ]);
            let name =
                format!("{}{}", if side == Side::Pool { "pool/" } else { "l/" }, dice.below(3));
            TestRow {
                side,
                line,
                name,
                key: if dice.one_in(12) { None } else { Some(dice.pick(keys)) },
                amount: if dice.one_in(10) { None } else { Some(dice.pick(amounts)) },
                currency: dice.pick(currencies),
                time: if dice.one_in(25) { None } else { Some(dice.pick(times)) },
                progress: match (side, dice.below(8)) {
                    (Side::Theirs, 0) => Progress::InFlight,
                    (Side::Theirs, 1) => Progress::Void,
                    _ => Progress::Live,
                },
                carried: dice.pick(&["", "", "x", "y"]),
            }
        })
        .collect();
    Case { rows, start, end, as_of, lag, tolerances }
}

/// An amount in 10^-28.
pub fn units(amount: &str) -> i128 {
    let (whole, decimals) = amount.split_once('.').unwrap_or((amount, ""));
    format!("{whole}{decimals:0<28}").parse().unwrap()
}

fn amount_of(row: &TestRow) -> Option<i128> {
    row.amount.map(units)
}

/// The bucket of each row of the period: (side, name or line, bucket).
pub type Answer = Vec<(&'static str, String, &'static str)>;

pub fn oracle(case: &Case) -> Answer {
    let is_inside =
        |row: &TestRow| row.time.is_none_or(|time| case.start <= time && time < case.end);
    let mut answer = Vec::new();
    let mut keys: Vec<Option<&str>> = case.rows.iter().map(|row| row.key).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let mut rows: Vec<TestRow> =
            case.rows.iter().filter(|row| row.key == key).cloned().collect();
        rows.sort_by_key(|row| {
            let decimals = row.amount.map(|it| it.split_once('.').map_or(0, |it| it.1.len()));
            (
                row.currency.to_uppercase(),
                amount_of(row),
                (row.time.is_none(), row.time),
                (row.progress, row.currency, row.carried, decimals),
                if row.side == Side::Ours {
                    (0, row.line, "".into())
                } else {
                    (1, 0, row.name.clone())
                },
            )
        });
        // Names that come again get a number.
        let mut seen: BTreeMap<(bool, String), u32> = BTreeMap::new();
        let mut names = Vec::new();
        for row in &rows {
            if row.side == Side::Ours {
                names.push(row.line.to_string());
                continue;
            }
            let count = seen.entry((row.side == Side::Pool, row.name.clone())).or_default();
            *count += 1;
            names.push(if *count == 1 {
                row.name.clone()
            } else {
                format!("{}#{count}", row.name)
            });
        }
        let mut buckets = vec![""; rows.len()];
        if key.is_some() {
            decide(case, &rows, &is_inside, &mut buckets);
        }
        for ((row, name), bucket) in rows.iter().zip(names).zip(buckets) {
            let side = if row.side == Side::Ours { "ours" } else { "theirs" };
            let bucket = match bucket {
                "" if row.side == Side::Pool => "pool",
                "" if row.progress == Progress::Void => "void",
                "" if key.is_none() => "no_key",
                bucket => bucket,
            };
            if is_inside(row) {
                answer.push((side, name, bucket));
            }
        }
    }
    answer.sort();
    answer
}

fn decide(
    case: &Case,
    rows: &[TestRow],
    is_inside: &dyn Fn(&TestRow) -> bool,
    buckets: &mut [&'static str],
) {
    let list = |is: &dyn Fn(&TestRow) -> bool| -> Vec<usize> {
        (0..rows.len()).filter(|index| is(&rows[*index])).collect()
    };
    let currency = |index: usize| rows[index].currency.to_uppercase();
    let amount = |index: usize| amount_of(&rows[index]);
    let ours = list(&|row| row.side == Side::Ours);
    let theirs = list(&|row| row.side == Side::Theirs && row.progress != Progress::Void);
    let failed = list(&|row| row.side == Side::Theirs && row.progress == Progress::Void);
    let pool = list(&|row| row.side == Side::Pool);
    // 1
    let mut left_ours = ours.clone();
    let mut left_theirs = theirs.clone();
    for &a in &ours {
        let is_equal = |b: &usize| {
            amount(a).is_some() && amount(a) == amount(*b) && currency(a) == currency(*b)
        };
        let Some(b) = left_theirs.iter().copied().find(|b| is_equal(b)) else { continue };
        left_ours.retain(|it| *it != a);
        left_theirs.retain(|it| *it != b);
        let bucket = match (is_inside(&rows[a]) && is_inside(&rows[b]), rows[b].progress) {
            (false, _) => "cut_off",
            (true, Progress::InFlight) => "in_flight",
            (true, _) => "matched",
        };
        (buckets[a], buckets[b]) = (bucket, bucket);
    }
    // 2
    if let ([a], [b]) = (&left_ours[..], &left_theirs[..]) {
        let (a, b) = (*a, *b);
        let bucket = match (amount(a), amount(b)) {
            (Some(ours), Some(theirs)) if currency(a) == currency(b) => {
                let tolerance = case
                    .tolerances
                    .iter()
                    .find(|it| it.0.to_uppercase() == currency(a))
                    .map(|it| units(it.1));
                let is_within = tolerance.is_some_and(|most| (ours - theirs).abs() <= most);
                if is_within { "within_tolerance" } else { "amount_differs" }
            }
            _ => "not_comparable",
        };
        (buckets[a], buckets[b]) = (bucket, bucket);
        return;
    }
    // 3
    if !left_ours.is_empty() && !left_theirs.is_empty() {
        let all: Vec<usize> = left_ours.iter().chain(&left_theirs).copied().collect();
        let is_one_currency = all.iter().all(|it| currency(*it) == currency(all[0]));
        let is_quoted = all.iter().all(|it| amount(*it).is_some());
        let sum = |list: &[usize]| list.iter().map(|it| amount(*it).unwrap()).sum::<i128>();
        if is_one_currency && is_quoted && sum(&left_ours) == sum(&left_theirs) {
            for index in all {
                buckets[index] = "group";
            }
            return;
        }
    }
    // 4
    if theirs.is_empty() {
        for (&a, &b) in left_ours.iter().zip(&pool) {
            let bucket = match (amount(a), amount(b)) {
                (Some(ours), Some(waits)) if currency(a) == currency(b) => {
                    if ours == waits {
                        "pending"
                    } else {
                        "amount_differs"
                    }
                }
                _ => "not_comparable",
            };
            (buckets[a], buckets[b]) = (bucket, bucket);
        }
        if let ([a], "") = (&ours[..], ours.first().map_or("", |a| buckets[*a])) {
            buckets[*a] = match rows[*a].time {
                _ if !failed.is_empty() => "void",
                Some(time) if case.as_of - time <= case.lag => "in_time",
                _ => "only_ours",
            };
        }
    }
    if let (true, [b]) = (ours.is_empty(), &theirs[..]) {
        buckets[*b] = "only_theirs";
    }
    // 5
    for index in left_ours.into_iter().chain(left_theirs) {
        if buckets[index].is_empty() {
            buckets[index] = "repeated";
        }
    }
}
