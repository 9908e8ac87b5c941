use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::*;
use crate::Endpoint;
use crate::lots::{ListLots, Lot, LotPage, LotStatus, ScanLots};

/// Small, fast and the same on every machine (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to less than `n`.
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap() // 2026-01-01
}

fn at(micros: u64) -> DateTime<Utc> {
    start() + TimeDelta::microseconds(i64::try_from(micros).unwrap())
}

fn period(micros: u64) -> Period {
    Period::new(start(), at(micros)).unwrap()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Ascending,
    Descending,
    Unstable,
}

/// An API that lists lots: which are there, and how it reads and sorts.
#[derive(Debug)]
struct Model {
    lots: BTreeMap<u64, u64>,
    includes_start: bool,
    includes_end: bool,
    order: Order,
    requests: u64,
}

impl Model {
    fn still(lots: impl IntoIterator<Item = u64>) -> Self {
        Self {
            lots: (1..).zip(lots).collect(),
            includes_start: true,
            includes_end: true,
            order: Order::Ascending,
            requests: 0,
        }
    }

    fn holds(&self, time: u64, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        let time = at(time);
        (from < time && time < to)
            || (self.includes_start && time == from)
            || (self.includes_end && time == to)
    }

    fn answer(&mut self, call: &ListLots) -> LotPage {
        self.requests += 1;
        let (from, to) = (call.range.start(), call.range.end());
        let mut lots: Vec<(u64, u64)> = self
            .lots
            .iter()
            .filter(|(_, time)| self.holds(**time, from, to))
            .map(|(id, time)| (*time, *id))
            .collect();
        match self.order {
            Order::Ascending => lots.sort_unstable(),
            Order::Descending => lots.sort_unstable_by(|a, b| b.cmp(a)),
            Order::Unstable => {
                let requests = self.requests;
                lots.sort_by_key(|lot| Random(lot.1 ^ (requests << 32)).next());
            }
        }
        let total = lots.len() as u64;
        let (limit, offset) = (call.limit.rows(), call.offset);
        let page = lots.into_iter().skip(offset as usize).take(limit as usize);
        LotPage { lots: page.map(|(time, id)| lot(id, time)).collect(), total, limit, offset }
    }
}

fn lot(id: u64, time: u64) -> Lot {
    Lot {
        lot_id: id.to_string().as_str().into(),
        transaction_hash: None,
        usdt_amount: Decimal::ONE,
        created_at: (id % 7 != 0).then(|| at(time)), // null while it is processing
        status: LotStatus::Mined,
    }
}

fn id(lot: &Lot) -> u64 {
    lot.lot_id.as_str().parse().unwrap()
}

/// Reads a scan to its end, one request after the other.
fn read(
    scan: &mut Scan<ScanLots>,
    mut answer: impl FnMut(&ListLots) -> LotPage,
) -> Result<Vec<u64>, Box<Incomplete>> {
    let mut rows = Vec::new();
    loop {
        match scan.delivery() {
            Delivery::Row(row) => rows.push(id(&row)),
            Delivery::Done(_) => return Ok(rows),
            Delivery::Incomplete(missing) => return Err(missing),
            Delivery::Waiting => {
                let request = scan.request().expect("nothing is on its way");
                let page = answer(&request.call);
                request.call.verify(&page).unwrap();
                scan.answer(request.ticket, page);
            }
        }
    }
}

fn scan(micros: u64, page_size: u64) -> Scan<ScanLots> {
    Scan::new(ScanLots::new(period(micros))).with_page_size(page_size).unwrap()
}

const DAY: u64 = 86_400_000_000;

/// What a history may do to the data between two requests.
struct Outcome {
    is_complete: bool,
    is_still: bool,
    order: Order,
    requests: u64,
}

/// One random history: data with rows on every border, one reading of the ends, one order, rows
/// that come and go between any two requests, answers that come in any order or not at all, and
/// the scan stopped and resumed anywhere.
fn history(seed: u64) -> Outcome {
    let mut random = Random(seed);
    let length = match random.below(3) {
        0 => 4 + random.below(60),          // every microsecond is a border
        1 => DAY * (1 + random.below(100)), // windows of 31 days
        _ => 1_000 + random.below(DAY),
    };
    let page_size = 2 + random.below(7);
    let instant = random.below(length + 1);
    let mut any_time = {
        let mut random = Random(random.next());
        move || match random.below(8) {
            0 => 0,
            1 => length,
            2 => instant, // more rows at one time than a page holds
            3 => (31 * DAY - 1) * random.below(4) % (length + 1),
            4 => length * random.below(9) / 8, // where a window is cut
            5 => (length * random.below(9) / 8 + 1) % (length + 1),
            _ => random.below(length + 1),
        }
    };
    let mut model = Model {
        lots: (1..=random.below(60)).map(|id| (id, any_time())).collect(),
        includes_start: random.one_in(2),
        includes_end: random.one_in(2),
        order: [Order::Ascending, Order::Descending, Order::Unstable][random.below(3) as usize],
        requests: 0,
    };
    let unrest = [0, 0, 30, 10, 3][random.below(5) as usize];
    let in_flight = 1 + random.below(4) as usize;
    let mut stops = random.below(4);

    let what = period(length);
    let must: BTreeSet<u64> = model
        .lots
        .iter()
        .filter(|(_, time)| model.holds(**time, what.start(), what.end()))
        .map(|(id, _)| *id)
        .collect();
    let (mut gone, mut ever, mut next_id) = (BTreeSet::new(), model.lots.clone(), 1_000);
    let set = |scan: Scan<ScanLots>| {
        scan.with_page_size(page_size).unwrap().with_look_ahead(in_flight).with_rereads(8)
    };
    let mut scan = set(Scan::new(ScanLots::new(what)));
    let mut on_their_way: Vec<Request<ListLots>> = Vec::new();
    let mut handed_over: BTreeMap<u64, u64> = BTreeMap::new();

    let is_complete = loop {
        assert!(model.requests < 20_000, "seed {seed} does not come to an end: {model:?}");
        if unrest > 0 && random.one_in(unrest) {
            for _ in 0..=random.below(2) {
                if random.one_in(2) {
                    next_id += 1;
                    let time = any_time();
                    model.lots.insert(next_id, time);
                    ever.insert(next_id, time);
                } else if let Some(id) = model.lots.keys().nth(random.below(60) as usize).copied() {
                    model.lots.remove(&id);
                    gone.insert(id);
                }
            }
        }
        if stops > 0 && random.one_in(12) {
            stops -= 1;
            let state = serde_json::to_string(&scan.state()).unwrap();
            scan = set(Scan::resume(serde_json::from_str(&state).unwrap()));
            on_their_way.clear();
        }
        match scan.delivery() {
            Delivery::Row(row) => *handed_over.entry(id(&row)).or_default() += 1,
            Delivery::Done(_) => break true,
            Delivery::Incomplete(_) => break false,
            Delivery::Waiting => {
                while on_their_way.len() < in_flight {
                    let Some(request) = scan.request() else { break };
                    on_their_way.push(request);
                }
                let any = random.below(on_their_way.len() as u64) as usize;
                let request = on_their_way.swap_remove(any);
                if random.one_in(20) {
                    scan.give_back(request.ticket); // it got no answer
                } else {
                    let page = model.answer(&request.call);
                    request.call.verify(&page).unwrap();
                    scan.answer(request.ticket, page);
                }
            }
        }
    };

    for (id, times) in &handed_over {
        assert_eq!(*times, 1, "seed {seed}: {id} was handed over {times} times");
        assert!(ever.contains_key(id), "seed {seed}: {id} was never there");
    }
    if is_complete {
        let missing: Vec<_> =
            must.difference(&gone).filter(|id| !handed_over.contains_key(*id)).collect();
        assert!(missing.is_empty(), "seed {seed}: {missing:?} were there throughout: {model:?}");
    }
    Outcome { is_complete, is_still: unrest == 0, order: model.order, requests: model.requests }
}

#[test]
fn no_history_loses_a_row_or_gives_it_twice() {
    let (mut complete, mut requests) = (0, 0);
    for seed in 0..15_000 {
        let outcome = history(seed);
        complete += u64::from(outcome.is_complete);
        requests += outcome.requests;
        if outcome.is_still && !outcome.is_complete {
            // Only where more rows stand at one instant than a page holds, in another order each
            // time, is a still API beyond reading.
            assert_eq!(outcome.order, Order::Unstable, "seed {seed}");
        }
    }
    assert!(complete > 11_000, "{complete}: an error must be the exception ({requests} requests)");
}
