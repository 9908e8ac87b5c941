mod histories;
mod server;

use std::collections::{BTreeMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::*;
use crate::confirmed_charges::{ConfirmedCharge, ScanConfirmedCharges};
use crate::lots::{ListLots, Lot, LotPage, LotStatus, ScanLots};
use crate::settlements::{ListTransactions, ScanPendingCharges, ScanSettlements, ScanTransactions};
use crate::{DateRange, Endpoint};

/// A deterministic random number generator (splitmix64).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..n`.
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

/// A model of an API that lists lots.
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

/// Reads a scan to its end, one request at a time.
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

const SECOND: u64 = 1_000_000;
const DAY: u64 = 86_400 * SECOND;

#[test]
fn rows_come_oldest_first_in_any_order_of_the_api() {
    let times = [5, 50, 7, 7, 7, 20, 0, 99, 100, 64, 63, 65, 33];
    let mut expected: Vec<u64> = (1..).take(times.len()).collect();
    for (order, page_size) in [
        (Order::Ascending, 1000),
        (Order::Descending, 4),
        (Order::Unstable, 1000),
        (Order::Ascending, 4),
    ] {
        let mut model = Model { order, ..Model::still(times) };
        let rows = read(&mut scan(101, page_size), |call| model.answer(call)).unwrap();
        let of_time = |id: &u64| times[*id as usize - 1];
        assert!(rows.iter().filter(|id| *id % 7 != 0).is_sorted_by_key(of_time), "{rows:?}");
        let mut sorted = rows.clone();
        sorted.sort_unstable();
        expected.sort_unstable();
        assert_eq!(sorted, expected);
    }
}

#[test]
fn no_row_at_the_border_of_two_windows_is_lost() {
    let border = u64::try_from(DateRange::MAX.num_microseconds().unwrap()).unwrap();
    let times: Vec<u64> = (border - 5..border + 5).collect();
    for (includes_start, includes_end) in
        [(true, true), (true, false), (false, true), (false, false)]
    {
        let mut model = Model { includes_start, includes_end, ..Model::still(times.clone()) };
        let mut scan = scan(3 * border, 1000);
        assert_eq!(read(&mut scan, |call| model.answer(call)).unwrap().len(), times.len());
        // Those that have only rows of their neighbours as well are read twice.
        assert_eq!(scan.manifest().requests, 7);
        assert_eq!(scan.manifest().windows, 4);
    }
}

#[test]
fn an_empty_period_is_an_empty_listing() {
    let now = Period::new(start(), start()).unwrap();
    let mut scan = Scan::new(ScanLots::new(now));
    assert_eq!(read(&mut scan, |_| unreachable!()).unwrap(), [0; 0]);
    assert!(scan.state().is_done);
    assert_eq!(Scan::parts(ScanLots::new(now)).count(), 1);
}

#[test]
fn an_evenly_spread_year_costs_at_most_1_5_times_plain_paging() {
    let year = 365 * DAY;
    let mut model = Model::still((0..20_000).map(|n| year / 20_000 * n));
    let mut scan = scan(year, 200);
    assert_eq!(read(&mut scan, |call| model.answer(call)).unwrap().len(), 20_000);
    let plain = 12 * 9; // 12 windows of some 1,700 rows, 200 on a page
    assert!(scan.manifest().requests <= plain * 3 / 2, "{}", scan.manifest());
}

#[test]
fn many_rows_at_one_instant_are_paged_instead_of_cut() {
    // 20 settlements of 500 charges, each at one instant.
    let mut model = Model::still((0..10_000).map(|n| n / 500 * DAY));
    let mut scan = scan(31 * DAY, 200);
    assert_eq!(read(&mut scan, |call| model.answer(call)).unwrap().len(), 10_000);
    assert!(scan.manifest().requests < 350, "{}", scan.manifest());
}

#[test]
fn the_rows_of_the_parts_are_the_rows_of_the_scan() {
    let mut random = Random(1);
    let border = u64::try_from(DateRange::MAX.num_microseconds().unwrap()).unwrap() - 1;
    let length = 200 * DAY;
    let times = (0..500).map(|n| match n % 4 {
        0 => border * random.below(6),
        1 => border * random.below(6) + 1,
        _ => random.below(length),
    });
    let mut model = Model::still(times.collect::<Vec<_>>());
    for (includes_start, includes_end) in
        [(true, true), (true, false), (false, true), (false, false)]
    {
        (model.includes_start, model.includes_end) = (includes_start, includes_end);
        let whole = read(&mut scan(length, 40), |call| model.answer(call)).unwrap();
        let mut parts = Vec::new();
        for part in Scan::parts(ScanLots::new(period(length))) {
            let part = serde_json::from_str(&serde_json::to_string(&part).unwrap()).unwrap();
            let mut part = Scan::resume(part).with_page_size(40).unwrap();
            parts.extend(read(&mut part, |call| model.answer(call)).unwrap());
        }
        assert_eq!(parts, whole);
    }
}

#[test]
fn an_inconsistent_page_is_read_again_and_then_an_error() {
    type Lie = fn(&mut LotPage);
    let lies: [Lie; 5] = [
        |page| page.total += 1,
        |page| page.total -= 1,
        |page| page.lots.clear(),
        |page| page.lots[1] = page.lots[0].clone(),
        |page| page.total = 0,
    ];
    for lie in lies {
        for times in [1, 4, u64::MAX] {
            let mut model = Model::still([10, 20, 30]);
            let mut scan = scan(100, 1000);
            let rows = read(&mut scan, |call| {
                let mut page = model.answer(call);
                if model.requests <= times && page.lots.len() > 1 {
                    lie(&mut page);
                }
                page
            });
            if times <= 4 {
                assert_eq!(rows.unwrap().len(), 3);
            } else {
                let missing = rows.unwrap_err();
                assert_eq!(missing.reason, Reason::Inconsistent);
                assert_eq!(missing.readings.len(), 5);
                assert_eq!(missing.window.start(), Some(start() - window::OVERLAP));
            }
        }
    }
}

#[test]
fn a_full_page_is_never_the_whole_window_even_if_the_total_says_so() {
    let mut model = Model::still([10, 20, 30, 40, 50, 60]);
    let rows = read(&mut scan(100, 4), |call| {
        let page = model.answer(call);
        LotPage { total: page.lots.len() as u64, ..page } // as if there were no other page
    });
    assert_eq!(rows.unwrap(), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn no_instant_is_in_three_windows() {
    // Otherwise a row that disappears while the middle one is read could come twice.
    fn cut(window: Window, random: &mut Random, windows: &mut Vec<Window>) {
        let rows = 4 + random.below(20);
        let length = window.end().unwrap() - window.start().unwrap();
        let is_short = length < TimeDelta::seconds(200);
        match window.cut(rows, 4).filter(|_| is_short && !random.one_in(3)) {
            Some(parts) => parts.into_iter().for_each(|part| cut(part, random, windows)),
            None => windows.push(window),
        }
    }
    for seed in 0..500 {
        let mut random = Random(seed);
        let long = DAY * 31 * random.below(3);
        let length = period(long + 1 + random.below(80_000_000));
        let mut windows = Vec::new();
        for window in Cover::of::<ScanLots>(length, length).unwrap() {
            cut(window, &mut random, &mut windows);
        }
        assert_eq!(windows.first().unwrap().start(), Some(start() - window::OVERLAP));
        assert!(windows.last().unwrap().end().unwrap() >= length.end() + window::OVERLAP);
        for pair in windows.windows(2) {
            let overlap = pair[0].end().unwrap() - pair[1].start().unwrap();
            assert_eq!(overlap, window::OVERLAP, "seed {seed}: {windows:?}");
        }
        for three in windows.windows(3) {
            assert!(three[0].end() < three[2].start(), "seed {seed}: {windows:?}");
        }
    }
}

#[test]
fn an_incomplete_listing_shows_its_readings() {
    let mut model = Model::still([10, 20, 30]);
    let mut scan = scan(100, 1000).with_rereads(1);
    let missing = read(&mut scan, |call| LotPage { total: 4, ..model.answer(call) }).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "the listing is not complete: 2025-12-31T23:59:59Z to 2026-01-01T00:00:02Z and everything \
         after it is missing: its readings are inconsistent: 3 of 4 rows; 3 of 4 rows"
    );
    assert_eq!(format!("{missing:?}"), missing.to_string(), "`main` shows its error by `Debug`");
}

#[test]
fn an_api_that_ignores_the_dates_is_detected() {
    let mut model = Model::still((0..50).map(|n| n * DAY / 10));
    let everything = ListLots::new(DateRange::new(start(), at(31 * DAY)).unwrap());
    let mut scan = scan(31 * DAY, 10);
    let missing = read(&mut scan, |call| {
        let ListLots { limit, offset, .. } = *call;
        model.answer(&ListLots { limit, offset, ..everything.clone() })
    });
    assert_eq!(missing.unwrap_err().reason, Reason::Repeated);
    assert!(model.requests < 60, "{}", model.requests);
}

#[test]
fn cut_windows_with_more_rows_than_the_whole_are_an_error() {
    // The API respects the dates at first, then ignores them.
    let mut model = Model::still((0..60).map(|n| n * DAY / 2));
    let mut scan = scan(31 * DAY, 10);
    let missing = read(&mut scan, |call| {
        let mut page = model.answer(call);
        if call.range.start() > start() {
            page.total = 1000;
            page.lots.iter_mut().for_each(|lot| lot.created_at = Some(at(90 * DAY)));
        }
        page
    });
    let missing = missing.unwrap_err();
    assert_eq!(missing.reason, Reason::DatesIgnored);
    assert!(missing.manifest.rows > 0 && missing.window.start() > Some(start()), "{missing}");
}

#[test]
fn an_answer_to_another_window_is_a_mismatch() {
    let mut model = Model::still((0..50).map(|n| n * 2 * DAY));
    let mut scan = scan(100 * DAY, 1000);
    let calls: Vec<ListLots> =
        std::iter::from_fn(|| scan.request()).map(|request| request.call).collect();
    assert_eq!(calls.len(), 4);
    let answers: Vec<LotPage> = calls.iter().map(|call| model.answer(call)).collect();
    for (asked, call) in calls.iter().enumerate() {
        for (came, answer) in answers.iter().enumerate() {
            assert_eq!(call.verify(answer).is_ok(), asked == came, "{came} for {asked}");
        }
    }
}

/// Reads a scan to its end. Returns the limit of each request, and whether it is on a fresh
/// connection.
fn read_lots_with(mut answer: impl FnMut(u64, &ListLots) -> LotPage) -> (Vec<(u64, bool)>, u64) {
    let mut scan = scan(10 * DAY, 1000);
    let mut requests = Vec::new();
    loop {
        match scan.delivery() {
            Delivery::Row(_) => {}
            Delivery::Done(manifest) => return (requests, manifest.rows),
            Delivery::Incomplete(missing) => panic!("{missing}"),
            Delivery::Waiting => {
                let request = scan.request().unwrap();
                requests.push((request.call.limit.rows(), request.on_fresh_connection));
                let page = answer(requests.len() as u64, &request.call);
                request.call.verify(&page).unwrap();
                scan.answer(request.ticket, page);
            }
        }
    }
}

#[test]
fn lots_that_all_lie_outside_are_asked_for_again_on_a_fresh_connection() {
    // The first answer is one of another period, with the right limit.
    let mut model = Model::still((1..10).map(|n| n * DAY));
    let (requests, rows) = read_lots_with(|n, call| {
        let page = model.answer(call);
        let other = (20..23).map(|id| lot(id, 60 * DAY + id)).collect();
        if n == 1 { LotPage { lots: other, total: 3, ..page } } else { page }
    });
    assert_eq!((requests, rows), (vec![(1000, true), (999, true)], 9));
}

#[test]
fn lots_that_all_lie_outside_are_accepted_if_two_connections_agree() {
    // The API lists by another time than `created_at`, or ignores the dates.
    for ignores_dates in [false, true] {
        let (requests, rows) = read_lots_with(|_, call| {
            let is_listed = ignores_dates || call.range.end() > at(9 * DAY);
            let is_listed = is_listed && (ignores_dates || call.range.start() < at(9 * DAY));
            let ids = if is_listed { 20..23 } else { 0..0 };
            let lots: Vec<_> = ids.map(|id| lot(id, 60 * DAY + id)).collect();
            let (limit, offset) = (call.limit.rows(), call.offset);
            LotPage { total: lots.len() as u64, lots, limit, offset }
        });
        // Then the end of the period, where the next one does not list them, and its start.
        let mut expected = vec![(1000, true), (999, true), (998, false), (997, true)];
        expected.extend([(996, false), (995, true)].iter().filter(|_| ignores_dates));
        assert_eq!((requests, rows), (expected, 3), "{ignores_dates}");
    }
}

#[test]
fn no_lot_is_dropped_if_the_api_ignores_the_dates() {
    let (second, day) = (SECOND as i64, DAY as i64);
    for length in [1, second, 3 * second, 9 * second, 15 * second, day, 20 * day] {
        let beside = [-second, -second / 2, -1, 0, 1, second / 2, second];
        let near = beside.iter().flat_map(|offset| [*offset, length + offset]);
        let times = near.chain([-400 * day, 300 * day]);
        let items: BTreeMap<_, _> = (1..).zip(times.map(server::Item::at)).collect();
        let count = items.len();
        let mut server = server::Server::new(items, Random(0));
        server.ignores_dates = true;
        let mut scan = scan(length as u64, 1000);
        let rows = read(&mut scan, |call| server.answer::<ScanLots>(call)).unwrap();
        assert_eq!((rows.len(), scan.manifest().outside), (count, 2), "{length}");
    }
}

#[test]
fn an_empty_page_is_asked_for_again_on_a_fresh_connection() {
    // The first answer is one of another period, with the right limit. So is a page with only rows
    // of a neighbouring window.
    for beside in [false, true] {
        let mut model = Model::still((1..10).map(|n| n * DAY));
        let (requests, rows) = read_lots_with(|n, call| {
            let page = model.answer(call);
            let other: Vec<_> = beside.then(|| lot(20, 10 * DAY)).into_iter().collect();
            if n == 1 { LotPage { total: other.len() as u64, lots: other, ..page } } else { page }
        });
        assert_eq!((requests, rows), (vec![(1000, true), (999, true)], 9), "{beside}");
    }
}

#[test]
fn a_scan_begins_on_a_fresh_connection() {
    // A kept one may still return the responses to another scan with the same limits.
    let mut scan = scan(200 * DAY, 1000);
    let mut model = Model::still((1..8).map(|n| n * 28 * DAY));
    let first = [(); 3].map(|()| scan.request().unwrap());
    assert!(first.iter().all(|request| request.on_fresh_connection));
    scan.answer(first[1].ticket, model.answer(&first[1].call));
    assert!(!scan.request().unwrap().on_fresh_connection);
    assert!(Scan::resume(scan.state()).request().unwrap().on_fresh_connection);
}

#[test]
fn a_scan_that_is_done_does_not_look_back_again() {
    let mut model = Model::still([DAY]);
    let mut scan = scan(2 * DAY, 1000).with_look_back(Duration::from_secs(86_400));
    read(&mut scan, |call| model.answer(call)).unwrap();
    let mut again = Scan::resume(scan.state());
    assert_eq!(read(&mut again, |_| unreachable!()).unwrap(), [0; 0]);
}

#[test]
fn a_stopped_scan_loses_no_lot_listed_shortly_after_its_created_at() {
    // Listed 1.7 s after `created_at`, so that no row shows that the times differ.
    let lag = 1_700_000;
    let border = 62 * DAY / 3; // of two windows
    let times: Vec<u64> = (1..8).map(|n| border - 2_000_000 + n * 500_000).collect();
    let mut model = Model::still(times.iter().map(|time| time + lag));
    let mut answer = |call: &ListLots| {
        let mut page = model.answer(call);
        for lot in &mut page.lots {
            let shown = |time: DateTime<Utc>| time - TimeDelta::microseconds(lag as i64);
            lot.created_at = lot.created_at.map(shown);
        }
        page
    };
    let whole = read(&mut scan(62 * DAY, 1000), &mut answer).unwrap();
    let mut stopped = scan(62 * DAY, 1000).with_look_ahead(1);
    let mut rows = Vec::new();
    loop {
        match stopped.delivery() {
            Delivery::Row(row) => rows.push(id(&row)),
            Delivery::Waiting if stopped.manifest().windows == 1 => break,
            Delivery::Waiting => {
                let request = stopped.request().unwrap();
                stopped.answer(request.ticket, answer(&request.call));
            }
            other => panic!("{other:?}"),
        }
    }
    rows.extend(read(&mut Scan::resume(stopped.state()), &mut answer).unwrap());
    rows.sort_unstable();
    let mut whole = whole;
    whole.sort_unstable();
    assert_eq!(rows, whole);
    assert_eq!(rows.len(), times.len());
}

/// Reads two parts of a listing of lots, which the API lists by another time: (listed, shown).
fn read_in_parts(lots: &[(u64, u64)]) -> Vec<u64> {
    let mut model = Model::still(lots.iter().map(|(listed, _)| *listed));
    let mut rows = Vec::new();
    for part in Scan::parts(ScanLots::new(period(60 * DAY))) {
        let part = read(&mut Scan::resume(part), |call| {
            let mut page = model.answer(call);
            for row in &mut page.lots {
                let shown = at(lots[id(row) as usize - 1].1);
                row.created_at = row.created_at.map(|_| shown);
            }
            page
        });
        rows.extend(part.unwrap());
    }
    rows.sort_unstable();
    rows
}

#[test]
fn a_lot_at_the_border_of_two_parts_is_in_exactly_one_of_them() {
    let border = 30 * DAY;
    let second = 1_000_000;
    // Listed later than it shows, and no row shows that the times differ.
    assert_eq!(read_in_parts(&[(border + 6 * second / 5, border - second / 2)]), [1]);
    // Listed earlier than it shows; only a row in the first part shows that the times differ.
    let (early, hint) = ((border - second / 4, border + second / 4), (DAY, 59 * DAY));
    assert_eq!(read_in_parts(&[early, hint]), [1, 2]);
    for n in 0..80 {
        let listed = border - 2 * second + n * second / 20;
        for shown in [listed, listed - second, listed + second, listed - 3 * second, 2 * DAY] {
            assert_eq!(read_in_parts(&[(listed, shown)]), [1], "{n} {shown}");
            assert_eq!(read_in_parts(&[(listed, shown), hint]), [1, 2], "{n} {shown}");
        }
    }
}

#[test]
fn more_lots_in_flight_than_fit_on_a_page_are_paged() {
    for (page_size, lots) in [(1, 34), (10, 200), (100, 1500)] {
        let mut requests = 0;
        let mut scan = scan(31 * DAY, page_size);
        let rows = read(&mut scan, |call| {
            requests += 1;
            let (limit, offset) = (call.limit.rows(), call.offset);
            let ids = (offset..lots).take(limit as usize);
            let rows = ids.map(|id| Lot { created_at: None, ..lot(id, 0) }).collect();
            LotPage { lots: rows, total: lots, limit, offset }
        });
        assert_eq!(rows.unwrap().len() as u64, lots);
        assert!(requests < 5000, "{page_size} a page: {requests} requests");
    }
}

#[test]
fn an_empty_list_of_confirmed_charges_is_asked_for_twice() {
    let mut scan = Scan::new(ScanConfirmedCharges::new(period(DAY / 2)));
    let first = scan.request().unwrap();
    scan.answer(first.ticket, Vec::new()); // could be the response to any request
    assert!(matches!(scan.delivery(), Delivery::Waiting));
    let second = scan.request().unwrap();
    assert!(second.on_fresh_connection);
    scan.answer(second.ticket, vec![charge(1, at(DAY / 4))]);
    assert!(matches!(scan.delivery(), Delivery::Row(_)));
    assert!(matches!(scan.delivery(), Delivery::Done(manifest) if manifest.requests == 2));
}

#[test]
fn pages_that_do_not_overlap_by_their_row_are_read_again() {
    // The second page begins a row too late and ends with a new row, so the count is right.
    let mut model = Model::still([1; 6]);
    let mut scan = scan(3, 4);
    let mut requests = 0;
    let rows = read(&mut scan, |call| {
        requests += 1;
        let mut page = model.answer(call);
        if requests == 2 {
            page.lots.remove(0);
            page.lots.push(lot(99, 1));
        }
        page
    });
    assert_eq!(rows.unwrap(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(scan.manifest().rereads, 1);
}

#[test]
fn a_lot_in_flight_comes_once_and_its_change_is_counted() {
    // In flight in the first window, mined before the next one is read.
    let mut requests = 0;
    let mut scan = Scan::new(ScanLots::new(period(90 * DAY))).with_look_ahead(1);
    let mut rows = 0;
    let manifest = loop {
        match scan.delivery() {
            Delivery::Row(_) => rows += 1,
            Delivery::Done(manifest) => break manifest,
            Delivery::Incomplete(missing) => panic!("{missing}"),
            Delivery::Waiting => {
                let ScanRequest { ticket, call, .. } = scan.request().unwrap();
                let is_in = call.range.start() < at(50 * DAY) && at(50 * DAY) < call.range.end();
                requests += 1;
                let is_mined = requests > 2; // a lot without a time does not prove its window
                let lots = match (is_mined, is_in) {
                    (false, _) => vec![Lot { created_at: None, ..lot(1, 0) }],
                    (true, true) => vec![lot(1, 50 * DAY)],
                    (true, false) => Vec::new(),
                };
                let (limit, offset) = (call.limit.rows(), call.offset);
                scan.answer(ticket, LotPage { total: lots.len() as u64, lots, limit, offset });
            }
        }
    };
    assert_eq!((rows, manifest.rows, manifest.changed), (1, 1, 1));
}

fn charge(id: u64, credited: DateTime<Utc>) -> ConfirmedCharge {
    let charge = format!(
        r#"{{"operation_id": {id}, "store_id": 1, "checkout_id": 1, "tx_hash": "0x{id}",
        "brl_requested": "1.50", "usdt_credited": "0.25", "external_data": null,
        "request_datetime": "{credited:?}", "credit_datetime": "{credited:?}"}}"#
    );
    serde_json::from_str(&charge).unwrap()
}

/// Two windows of lots. The API answers the second one, and its parts, with the first one's rows,
/// `times` times.
fn second_window_late(times: u32) -> Result<Vec<u64>, Box<Incomplete>> {
    let mut model = Model::still((0..8).map(|n| n * 5 * DAY + DAY));
    let first = ListLots::new(DateRange::new(start(), at(20 * DAY)).unwrap());
    let mut late = 0;
    read(&mut scan(40 * DAY, 1000), |call| {
        let is_late = call.range.start() > start() && late < times;
        late += u32::from(is_late);
        let range = if is_late { first.range } else { call.range };
        model.answer(&ListLots { range, ..call.clone() })
    })
}

#[test]
fn a_window_with_the_rows_of_the_one_before_is_not_accepted() {
    for times in 0..30 {
        match second_window_late(times) {
            Ok(rows) => assert_eq!(rows.len(), 8, "{times}"),
            Err(missing) => assert_eq!(missing.reason, Reason::Repeated, "{times}"),
        }
    }
    assert!(second_window_late(4).is_ok());
    assert_eq!(second_window_late(u32::MAX).unwrap_err().reason, Reason::Repeated);
}

/// The second window gets the rows of the first one, and so does what is left of it after its first
/// seconds. Those seconds are answered rightly: they have no row, or one of their own.
#[test]
fn the_rest_of_a_window_with_the_rows_of_the_one_before_is_not_accepted() {
    let own = 20 * DAY + 2_000_000; // behind the overlap
    for times in [vec![], vec![own], vec![own, 22 * DAY], vec![own, 22 * DAY, 23 * DAY]] {
        let mut model = Model::still((0..4).map(|n| n * 5 * DAY + DAY).chain(times));
        let first = ListLots::new(DateRange::new(start(), at(20 * DAY)).unwrap());
        let mut scan = scan(40 * DAY, 1000);
        let missing = read(&mut scan, |call| {
            let is_short = call.range.end() - call.range.start() < TimeDelta::seconds(10);
            let is_late = call.range.start() > start() && !is_short;
            let range = if is_late { first.range } else { call.range };
            model.answer(&ListLots { range, ..call.clone() })
        });
        let missing = missing.unwrap_err();
        assert_eq!(missing.reason, Reason::Repeated);
        assert_eq!(missing.window.start(), Some(at(20 * DAY)));
    }
}

/// The scan looks at the end of the period before it hands over the first row.
#[test]
fn a_listing_without_its_ends_is_missing_from_its_start() {
    let earlier = Lot { created_at: Some(start() - TimeDelta::days(1)), ..lot(1, 0) };
    let mut flicker = 0;
    let mut scan = scan(20 * DAY, 1000).with_rereads(2);
    let missing = read(&mut scan, |call| {
        let is_edge = call.range.start() > at(10 * DAY);
        flicker += u64::from(is_edge);
        LotPage {
            lots: vec![earlier.clone(), lot(2, DAY)],
            total: if is_edge { 3 + flicker } else { 2 },
            limit: call.limit.rows(),
            offset: call.offset,
        }
    });
    let missing = missing.unwrap_err();
    assert!(missing.window.start().is_some_and(|it| it <= start()), "{missing}");
    assert_eq!(scan.state().scan.period.start(), start());
}

#[test]
fn an_api_that_ignores_the_dates_of_two_windows_is_found_out() {
    let mut scan = scan(40 * DAY, 1000);
    let missing = read(&mut scan, |call| LotPage {
        lots: (1..6).map(|id| lot(id, id * 7 * DAY)).collect(),
        total: 5,
        limit: call.limit.rows(),
        offset: call.offset,
    });
    let missing = missing.unwrap_err();
    assert_eq!(missing.reason, Reason::Repeated);
    // The rest begins with the second window: its first part is not sure either.
    assert_eq!(missing.window.start(), Some(at(20 * DAY)));
    assert_eq!(scan.state().scan.period.start(), at(20 * DAY));
}

/// Reads rows that all have their listed time in the overlap of two windows.
fn read_the_overlap<S: server::Listed>(later: &[i64]) -> (usize, Manifest) {
    let days = if S::MAX_WINDOW < TimeDelta::days(2) { 2 } else { 40 };
    let whole = Period::new(start(), start() + TimeDelta::days(days)).unwrap();
    let border = Cover::of::<S>(whole, whole).unwrap().nth(1).unwrap().start().unwrap();
    let border = server::micros(border);
    let items = (1..).zip(later).map(|(n, later)| {
        let listed = border + n as i64 * 100_000;
        (n, server::Item { shown: listed + later, ..server::Item::at(listed) })
    });
    let mut server = server::Server::new(items.collect(), Random(0));
    let mut scan = Scan::new(S::of(whole));
    let mut rows = 0;
    loop {
        match scan.delivery() {
            Delivery::Row(_) => rows += 1,
            Delivery::Done(manifest) => return (rows, manifest),
            Delivery::Incomplete(missing) => panic!("{later:?}: {missing}"),
            Delivery::Waiting => {
                let request = scan.request().unwrap();
                let page = server.answer::<S>(&request.call);
                request.call.verify(&page).unwrap();
                scan.answer(request.ticket, page);
            }
        }
    }
}

#[test]
fn rows_listed_in_the_overlap_are_no_repetition_whatever_time_they_show() {
    let second = 1_000_000;
    for later in [[30, 90], [1, 7], [-30, -90], [0, 0], [3600, 7200], [-3600, -7200], [-3600, 7200]]
    {
        let later = later.map(|seconds| seconds * second);
        assert_eq!(read_the_overlap::<ScanConfirmedCharges>(&later).0, 2);
        let (rows, manifest) = read_the_overlap::<ScanLots>(&later);
        assert_eq!(rows, 2);
        assert!(manifest.requests < 30, "{manifest}");
    }
}

#[test]
fn many_lots_in_flight_are_read_by_any_number_of_threads() {
    for (page_size, lots, threads) in
        [(20, 60, 4), (20, 60, 16), (20, 300, 8), (100, 600, 8), (1000, 1200, 4)]
    {
        // Also with lots that show another time than they are listed by.
        for others in [0, 3] {
            let what = ScanLots::new(period(31 * DAY));
            let mut scan = Scan::new(what).with_page_size(page_size).unwrap();
            scan.raise_look_ahead(threads * 2);
            let mut under_way = VecDeque::new();
            let (mut rows, mut requests) = (0, 0);
            loop {
                match scan.delivery() {
                    Delivery::Row(_) => rows += 1,
                    Delivery::Done(_) => break,
                    Delivery::Incomplete(missing) => panic!("{page_size} {lots}: {missing}"),
                    Delivery::Waiting => {
                        while under_way.len() < threads {
                            let Some(request) = scan.request() else { break };
                            under_way.push_back(request);
                        }
                        let ScanRequest { ticket, call, .. } = under_way.pop_front().unwrap();
                        requests += 1;
                        let (limit, offset) = (call.limit.rows(), call.offset);
                        let is_in = call.range.start() < at(DAY) && at(DAY) < call.range.end();
                        let others = if is_in { others } else { 0 };
                        let total = lots + others;
                        let lot = |id| Lot {
                            created_at: (id >= lots).then(|| at(60 * DAY)),
                            ..lot(id, 0)
                        };
                        let lots = (offset..total).take(limit as usize).map(lot).collect();
                        scan.answer(ticket, LotPage { lots, total, limit, offset });
                    }
                }
            }
            assert_eq!(rows, lots + others, "{page_size} a page");
            assert!(requests < 20_000, "{page_size} a page, {lots} lots: {requests}");
        }
    }
}

#[test]
fn no_reading_repeats_a_url() {
    // Each window has more rows at one time than a page.
    for (threads, page_size) in [(1, 20), (16, 20), (64, 20), (50, 100)] {
        let (length, rows) = (31 * DAY * 30, page_size * 2);
        let items = (0..30).flat_map(|window| {
            let time = (window * 31 + 15) * DAY as i64;
            (0..rows).map(move |n| (window as u64 * rows + n, server::Item::at(time)))
        });
        let mut server = server::Server::new(items.collect(), Random(1));
        let whole = Period::new(start(), at(length)).unwrap();
        let mut scan = Scan::new(ScanTransactions::new(whole)).with_page_size(page_size).unwrap();
        scan.raise_look_ahead(threads * 2);
        let (mut under_way, mut urls) = (VecDeque::new(), HashSet::new());
        let mut most = 0;
        loop {
            match scan.delivery() {
                Delivery::Row(_) => {}
                Delivery::Done(manifest) => break assert_eq!(manifest.rows, rows * 30),
                Delivery::Incomplete(missing) => panic!("{missing}"),
                Delivery::Waiting => {
                    while under_way.len() < threads {
                        let Some(request) = scan.request() else { break };
                        under_way.push_back(request);
                    }
                    most = most.max(under_way.len());
                    let limits: HashSet<u64> =
                        under_way.iter().map(|request| request.call.limit.rows()).collect();
                    assert_eq!(limits.len(), under_way.len(), "limits under way differ");
                    let request = under_way.pop_front().unwrap();
                    assert!(urls.insert(format!("{:?}", request.call)), "{:?}", request.call);
                    let page = server.answer::<ScanTransactions>(&request.call);
                    scan.answer(request.ticket, page);
                }
            }
        }
        assert!(most >= threads.min(40), "{most} of {threads} requests under way");
    }
}

#[test]
fn readings_that_a_cut_moves_behind_the_look_ahead_do_not_keep_all_limits() {
    // Each window has more rows at one time than a page. The first one is cut into more parts than
    // the look-ahead, while a page of every other window is under way.
    let (windows, month) = (55, 30 * DAY);
    let times = (0..windows).flat_map(|n| [n * month + DAY; 140]);
    let items: BTreeMap<_, _> =
        (0..).zip(times.map(|time| server::Item::at(time as i64))).collect();
    let rows = items.len() as u64;
    let mut server = server::Server::new(items, Random(1));
    let what = ScanTransactions::new(period(windows * month));
    let mut scan = Scan::new(what).with_page_size(20).unwrap().with_look_ahead(500);
    let mut under_way = Vec::new();
    loop {
        match scan.delivery() {
            Delivery::Row(_) => {}
            Delivery::Done(manifest) => break assert_eq!(manifest.rows, rows),
            Delivery::Incomplete(missing) => panic!("{missing}"),
            Delivery::Waiting => {
                under_way.extend(std::iter::from_fn(|| scan.request()));
                let is_first =
                    |it: &ScanRequest<ListTransactions>| it.call.range.start() < at(month / 2);
                let is_other = |it: &_| !is_first(it) && it.call.offset == 0;
                let next = under_way.iter().position(is_other);
                let next = next.or_else(|| under_way.iter().position(is_first)).unwrap_or(0);
                assert!(next < under_way.len(), "nothing is under way: {}", scan.manifest());
                let request = under_way.remove(next);
                let mut page = server.answer::<ScanTransactions>(&request.call);
                if is_first(&request) && request.call.range.end() > at(month) {
                    page.total = 10_001;
                }
                scan.answer(request.ticket, page);
            }
        }
    }
}

/// Two scans read in turn over one connection, which falls behind once.
#[test]
fn two_scans_in_turn_do_not_take_each_others_answers() {
    let month = 31 * DAY as i64;
    let items: BTreeMap<_, _> =
        (0..40).map(|n| (n, server::Item::at(n as i64 * month + 5 * DAY as i64))).collect();
    // The first one has rows in each window, the other one has none, or the same rows.
    for (from, others) in [(100, 0), (0, 40), (20, 20)] {
        for behind_at in 0..30 {
            let mut server = server::Server::new(items.clone(), Random(1));
            let mut ways = server::Ways::<ScanTransactions>::new(false, 1);
            let scan = |from| {
                let [from, to] = [from, from + 40].map(|n| server::at(n * month));
                Scan::new(ScanTransactions::new(Period::new(from, to).unwrap()))
            };
            let mut scans = [scan(0), scan(from)];
            let (mut rows, mut done, mut requests) = ([0, 0], [false, false], 0);
            while done != [true, true] {
                for n in [1, 0] {
                    match scans[n].delivery() {
                        Delivery::Row(_) => rows[n] += 1,
                        Delivery::Done(_) => done[n] = true,
                        Delivery::Incomplete(missing) => panic!("{missing}"),
                        Delivery::Waiting => {
                            let request = scans[n].request().unwrap();
                            let call = &request.call;
                            if requests == behind_at {
                                ways.fall_behind(0, &mut server, call);
                            }
                            requests += 1;
                            if request.on_fresh_connection {
                                ways.close(|_| false);
                            }
                            let mut page = ways.send(0, &mut server, call);
                            if call.verify(&page).is_err() {
                                ways.close(|_| false);
                                page = ways.send(0, &mut server, call);
                            }
                            call.verify(&page).unwrap();
                            scans[n].answer(request.ticket, page);
                        }
                    }
                }
            }
            assert_eq!(rows, [40, others], "behind at request {behind_at}");
        }
    }
}

#[test]
fn a_window_never_uses_up_more_limits_than_there_are() {
    // A server that never agrees with itself, and more re-reads than limits.
    for page_size in [1, 20, 500, 1000] {
        let mut scan = scan(2, page_size).with_rereads(u32::MAX);
        let mut limits = HashSet::new();
        let missing = loop {
            match scan.delivery() {
                Delivery::Waiting => {
                    let ScanRequest { ticket, call, .. } = scan.request().unwrap();
                    assert!(limits.insert(call.limit.rows()), "{}", call.limit.rows());
                    let (limit, offset) = (call.limit.rows(), call.offset);
                    scan.answer(ticket, LotPage { lots: Vec::new(), total: 1, limit, offset });
                }
                Delivery::Incomplete(missing) => break missing,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(missing.readings.len(), limits.len());
        assert!((50..=100).contains(&limits.len()), "{}", limits.len());
    }
}

/// The charges may have been credited after the end of their window.
#[test]
fn the_same_charges_on_the_border_of_two_windows_are_not_a_repetition() {
    let charge = |id: u64, millis: i64| charge(id, start() + TimeDelta::milliseconds(millis));
    let mut scan = Scan::new(ScanConfirmedCharges::new(period(DAY)));
    let late = [charge(2, 86_399_000), charge(3, 86_402_500)];
    let mut rows = 0;
    loop {
        match scan.delivery() {
            Delivery::Row(_) => rows += 1,
            Delivery::Done(manifest) => break assert_eq!((rows, manifest.rereads), (3, 0)),
            Delivery::Incomplete(missing) => panic!("{missing}"),
            Delivery::Waiting => {
                let request = scan.request().unwrap();
                let is_tail = request.call.range.unwrap().start() > start();
                let others = (!is_tail).then(|| charge(1, 5_000));
                scan.answer(request.ticket, late.iter().cloned().chain(others).collect());
            }
        }
    }
}

#[test]
fn a_look_back_on_the_last_window_is_not_a_repetition() {
    let mut model = Model::still([DAY, 2 * DAY, 3 * DAY]);
    let mut scan = scan(5 * DAY, 1000).with_look_back(Duration::from_secs(5 * 86_400));
    assert_eq!(read(&mut scan, |call| model.answer(call)).unwrap(), [1, 2, 3]);
    assert_eq!(scan.manifest().rereads, 0);
}

#[test]
fn a_window_whose_paging_fails_is_cut_and_its_parts_are_not_paged() {
    // Rows are close together, and the API's second pages are always wrong.
    let mut model = Model::still((0..30).map(|n| 1000 + n * 10_000_000));
    let mut scan = scan(DAY, 10);
    let rows = read(&mut scan, |call| {
        let mut page = model.answer(call);
        page.total += u64::from(call.offset > 0);
        page
    });
    assert_eq!(rows.unwrap().len(), 30);
    // One window was paged until no re-read was left.
    assert_eq!(scan.manifest().rereads, 4);
}

/// Reads three rows at one instant, on pages of two.
fn read_by_offset<S: Scannable>(
    what: S,
    list: &str,
    total: impl Fn(u64) -> String,
    row: impl Fn(u64) -> String,
) -> ScanState<S> {
    let mut scan = Scan::new(what).with_page_size(2).unwrap();
    let mut keys = HashSet::new();
    loop {
        match scan.delivery() {
            Delivery::Row(row) => assert!(keys.insert(row.key())),
            Delivery::Incomplete(missing) => panic!("{missing}"),
            Delivery::Waiting => {
                let ScanRequest { ticket, call, .. } = scan.request().unwrap();
                let api =
                    crate::Api::new("http://localhost".parse().unwrap(), &"t".parse().unwrap());
                let uri = call.request(&api).unwrap().uri().to_string();
                let number = |name: &str| -> u64 {
                    let (_, rest) = uri.split_once(name).unwrap();
                    rest.split('&').next().unwrap().parse().unwrap()
                };
                let (limit, offset) = (number("limit="), number("offset="));
                assert!((2..4).contains(&limit));
                let rows: Vec<String> = (offset..3).take(limit as usize).map(&row).collect();
                let (rows, total) = (rows.join(","), total(3));
                let page = format!(
                    r#"{{"{list}": [{rows}], {total}, "limit": {limit}, "offset": {offset}}}"#
                );
                scan.answer(ticket, call.parse(http::Response::new(page)).unwrap());
            }
            Delivery::Done(manifest) => {
                // Three pages with a limit of two, then two with a limit of three.
                assert_eq!((keys.len(), manifest.rows, manifest.requests), (3, 3, 5));
                return scan.state();
            }
        }
    }
}

#[test]
fn every_listing_with_pages_is_read_by_offset_and_stored() {
    let instant = period(2); // too short to be cut
    let total = |n: u64| format!(r#""total": {n}"#);
    let lot = |n: u64| {
        format!(
            r#"{{"lot_id": "{n}", "transaction_hash": null, "usdt_amount": "1.50",
            "created_at": "2026-01-01T00:00:00.000001Z", "status": "MINED"}}"#
        )
    };
    let state = read_by_offset(ScanLots::new(instant), "lots", total, lot);
    assert!(state.is_done && state.scan.period.is_empty());

    let settlement = |n: u64| {
        format!(
            r#"{{"settlement_id": {n}, "settlement_provider_name": "p",
            "provider_settlement_id": null, "external_settlement_id": null, "amount": 1.50,
            "currency": "ARS", "address_to": "0x7a", "address_from": "0x4f",
            "settlement_message": null, "settled_at": "2026-01-01T00:00:00.000001Z",
            "created_at": "2026-01-01T00:00:00Z", "status": "DONE"}}"#
        )
    };
    let state = read_by_offset(ScanSettlements::new(instant), "settlements", total, settlement);
    assert!(state.is_done && state.scan.period.is_empty());

    let charge = |n: u64| {
        format!(
            r#""kamipay_request_id": "ptxr_{n}", "kamipay_id": "dqr_1", "external_id": "e",
            "charged_amount": 5.28, "charged_currency": "BRL", "settlement_amount": 29750.0,
            "settlement_currency": "ARS", "charged_timestamp": "2026-01-01T00:00:00.000001Z""#
        )
    };
    let transaction = |n: u64| {
        format!(
            r#"{{{}, "settlement_id": 1, "created_at": "2026-01-01T00:00:00.000001Z",
            "settlement_provider_name": "p", "settled_at": null,
            "provider_settlement_id": null, "external_settlement_id": null}}"#,
            charge(n)
        )
    };
    let mut what = ScanTransactions::new(instant);
    what.settlement_id = Some(1.into());
    let state = read_by_offset(what, "transactions", total, transaction);
    assert!(state.is_done && state.scan.period.is_empty());
    assert_eq!(state.scan.settlement_id, Some(1.into()));

    let totals = |n: u64| format!(r#""totals": {{"count": {n}, "settlement_amount": 1.0}}"#);
    let pending = |n: u64| format!("{{{}}}", charge(n));
    let mut what = ScanPendingCharges::new();
    what.checkout_id = Some(42.into());
    what.period = Some(instant);
    let state = read_by_offset(what, "items", totals, pending);
    assert!(state.is_done && state.scan.period.unwrap().is_empty());
    assert_eq!(state.scan.checkout_id, Some(42.into()));

    let what = ScanConfirmedCharges::new(period(DAY));
    let later = Period::new(at(DAY / 2), at(DAY)).unwrap();
    assert_eq!(what.with_period(later).period, later);
}

#[test]
fn windows_are_whole_seconds_around_the_period() {
    let half = Period::new(at(500_000), at(10_500_000)).unwrap();
    let call = Scan::new(ScanConfirmedCharges::new(half)).request().unwrap().call;
    let range = call.range.unwrap();
    assert_eq!((range.start(), range.end()), (at(0), at(11_000_000)));
}

#[test]
fn a_manifest_shows_its_counts() {
    let mut manifest = Manifest::default();
    assert_eq!(manifest.to_string(), "0 rows in 0 windows, 0 requests");
    (manifest.rows, manifest.windows, manifest.requests) = (6, 5, 7);
    (manifest.cuts, manifest.duplicates, manifest.rereads, manifest.late_rows) = (1, 2, 3, 4);
    assert_eq!(
        manifest.to_string(),
        "6 rows in 5 windows, 7 requests, 1 windows cut, 2 duplicates on window borders dropped, \
         3 windows read again, 4 rows added meanwhile"
    );
}

#[test]
fn a_row_in_two_windows_counts_as_a_duplicate() {
    let mut model = Model::still([5, 20 * DAY, 20 * DAY + 5_000_000]);
    let mut scan = scan(40 * DAY, 1000); // two windows
    assert_eq!(read(&mut scan, |call| model.answer(call)).unwrap(), [1, 2, 3]);
    assert_eq!(scan.manifest().duplicates, 1);
}

#[test]
fn a_state_forgets_rows_that_cannot_come_again() {
    let mut model = Model::still((0..20).map(|n| n * 10 * DAY));
    let mut first = scan(200 * DAY, 1000);
    for _ in 0..3 {
        while !matches!(first.delivery(), Delivery::Row(_)) {
            let request = first.request().unwrap();
            first.answer(request.ticket, model.answer(&request.call));
        }
    }
    let state = first.state();
    assert!(!state.seen.is_empty());
    let mut rest = Scan::resume(state);
    assert_eq!(read(&mut rest, |call| model.answer(call)).unwrap().len(), 17);
    let state = rest.state();
    assert!(state.seen.len() <= 2, "{:?}", state.seen); // the rows of the last window
}

#[test]
fn a_scan_that_is_done_sends_no_request() {
    let mut model = Model::still([1, 2, 3]);
    let mut scan = scan(10, 1000);
    assert_eq!(scan.rest(), Some(period(10)));
    read(&mut scan, |call| model.answer(call)).unwrap();
    assert_eq!(scan.rest().map(Period::is_empty), Some(true));
    let mut again = Scan::resume(scan.state());
    assert!(again.request().is_none());
    assert!(matches!(again.delivery(), Delivery::Done(manifest) if manifest.rows == 3));
    // A listing without a period has no rest: only `is_done` says it.
    let pool = ScanState { is_done: true, ..Scan::new(ScanPendingCharges::new()).state() };
    assert!(Scan::resume(pool).request().is_none());
}

#[test]
fn the_look_ahead_limits_the_windows_under_way() {
    let asked = |mut scan: Scan<ScanLots>| std::iter::from_fn(|| scan.request()).count();
    let year = || scan(365 * DAY, 1000);
    assert_eq!(asked(year()), 4);
    assert_eq!(asked(year().with_look_ahead(0)), 1);
    for (windows, raised) in [(2, 4), (6, 6), (99, 12)] {
        let mut scan = year();
        scan.raise_look_ahead(windows);
        assert_eq!(asked(scan), raised);
    }
}

#[test]
fn cuts_are_forgotten_with_their_parts() {
    let mut model = Model::still((0..500).map(|n| n * n * 1_000_000));
    let mut scan = scan(250_000_000_000, 10);
    read(&mut scan, |call| model.answer(call)).unwrap();
    assert!(scan.manifest().cuts > 2 && scan.cuts.is_empty(), "{:?}", scan.cuts);
}

#[test]
fn a_period_in_the_last_second_of_year_9999_can_be_read() {
    fn calls<S: Scannable>(what: S) -> usize {
        let calls = |mut scan: Scan<S>| std::iter::from_fn(move || scan.request()).count();
        let parts: Vec<_> = Scan::parts(what.clone()).collect();
        assert_eq!(parts.len(), 1);
        let part = ScanState { continues: true, ..parts[0].clone() };
        assert_eq!(calls(Scan::resume(part)), 2); // with its border
        let border = Window::border(what.period().unwrap());
        assert!(border.end().unwrap() - border.start().unwrap() <= window::OVERLAP * 2);
        assert!(border.end().unwrap() >= what.period().unwrap().start() - window::OVERLAP);
        calls(Scan::new(what))
    }
    for start in ["9999-12-31T12:00:00Z", "9999-12-31T23:59:59.999998Z"] {
        let last = Period::parse(start, "9999-12-31T23:59:59.999999Z").unwrap();
        assert_eq!(calls(ScanConfirmedCharges::new(last)), 1);
        assert_eq!(calls(ScanLots::new(last)), 1);
    }
}

#[test]
fn a_total_of_u64_max_ends_the_scan() {
    let mut model = Model::still([10, 20, 30]);
    let mut scan = scan(31 * DAY, 1000);
    let missing = read(&mut scan, |call| LotPage { total: u64::MAX, ..model.answer(call) });
    assert!(missing.is_err());
    assert!(model.requests < 100, "{}", model.requests);
}

#[test]
fn a_row_removed_and_one_added_between_two_pages_hide_no_other_row() {
    // The count and `total` stay the same, and the row at the seam is in neither page.
    let mut model = Model::still([1, 1, 1, 1, 1, 1]);
    let mut scan = scan(3, 4);
    let rows = read(&mut scan, |call| {
        if model.requests == 1 {
            model.lots.remove(&1);
            model.lots.insert(9, 1);
        }
        model.answer(call)
    });
    assert_eq!(rows.unwrap(), [2, 3, 4, 5, 6, 9]);
    assert!(scan.manifest().rereads > 0);
}

#[test]
fn a_total_that_changes_between_two_pages_is_read_again() {
    let mut model = Model::still([1, 1, 1, 1, 1, 1]);
    let mut scan = scan(3, 4);
    let rows = read(&mut scan, |call| {
        if model.requests == 1 {
            model.lots.insert(9, 1); // the two pages together have as many rows as the new total
        }
        model.answer(call)
    });
    assert_eq!(rows.unwrap(), [1, 2, 3, 4, 5, 6, 9]);
    assert_eq!(scan.manifest().rereads, 1);
}

#[test]
fn a_period_of_ten_thousand_years_is_planned_while_it_is_read() {
    let ever = Period::parse("0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z").unwrap();
    let mut confirmed = Scan::new(ScanConfirmedCharges::new(ever));
    for _ in 0..100 {
        let request = confirmed.request().unwrap();
        confirmed.answer(request.ticket, Vec::new());
        assert!(matches!(confirmed.delivery(), Delivery::Waiting));
        assert!(confirmed.queue.len() <= confirmed.look_ahead);
    }
    assert_eq!(Scan::parts(ScanLots::new(ever)).count(), 117_821);
    let last = Scan::parts(ScanLots::new(ever)).last().unwrap();
    assert_eq!(last.scan.period.end(), ever.end());
}

#[test]
fn a_look_back_finds_rows_that_were_added() {
    let mut model = Model::still([10 * SECOND, 60 * SECOND, 90 * SECOND]);
    let mut scan = scan(100 * SECOND, 1000).with_look_back(Duration::from_secs(50));
    let rows = read(&mut scan, |call| {
        if model.requests == 1 {
            model.lots.insert(1001, 70 * SECOND);
            model.lots.insert(1002, 20 * SECOND); // older than the look-back
        }
        model.answer(call)
    });
    assert_eq!(rows.unwrap(), [1, 2, 3, 1001]);
    assert_eq!((scan.manifest().rows, scan.manifest().late_rows), (4, 1));
}

#[test]
fn a_look_back_survives_a_stop() {
    for stop_after in 0..6 {
        let mut model = Model::still([10, 60, 61, 90]);
        let mut scan = scan(100, 1000).with_look_back(Duration::from_micros(50));
        let (mut rows, mut has_stopped) = (Vec::new(), false);
        loop {
            if rows.len() == stop_after && !has_stopped {
                has_stopped = true;
                let state = serde_json::to_string(&scan.state()).unwrap();
                scan = Scan::resume(serde_json::from_str(&state).unwrap());
            }
            match scan.delivery() {
                Delivery::Row(row) => rows.push(id(&row)),
                Delivery::Done(_) => break,
                Delivery::Incomplete(missing) => panic!("{missing}"),
                Delivery::Waiting => {
                    let request = scan.request().unwrap();
                    let page = model.answer(&request.call);
                    model.lots.insert(1001, 70);
                    scan.answer(request.ticket, page);
                }
            }
        }
        rows.sort_unstable();
        assert_eq!(rows, [1, 2, 3, 4, 1001], "stopped after {stop_after}");
    }
}

#[test]
fn an_answer_to_an_unknown_ticket_is_ignored() {
    let mut model = Model::still([10 * SECOND, 20 * SECOND]);
    let mut scan = scan(100 * SECOND, 1000);
    let request = scan.request().unwrap();
    assert!(scan.request().is_none());
    scan.give_back(request.ticket);
    scan.answer(request.ticket, model.answer(&request.call)); // too late
    assert!(matches!(scan.delivery(), Delivery::Waiting));
    let again = scan.request().unwrap();
    scan.answer(again.ticket, model.answer(&again.call));
    scan.answer(again.ticket, model.answer(&again.call)); // twice
    assert_eq!(read(&mut scan, |_| unreachable!()).unwrap(), [1, 2]);
}

#[test]
fn pages_and_windows_in_memory_are_bounded() {
    let rows = 100_000;
    let mut scan = scan(365 * DAY, 1000).with_look_ahead(3);
    let step = 365 * DAY / rows;
    let (mut most, mut remembered) = (0, 0);
    let mut count = 0;
    loop {
        match scan.delivery() {
            Delivery::Row(_) => count += 1,
            Delivery::Waiting => {
                let request = scan.request().unwrap();
                let micros = |time: DateTime<Utc>| {
                    (time - start()).num_microseconds().unwrap().max(0) as u64
                };
                let (from, to) =
                    (micros(request.call.range.start()), micros(request.call.range.end()));
                let ids = from.div_ceil(step)..(to / step + 1).min(rows);
                let total = ids.end - ids.start;
                let limit = request.call.limit.rows();
                let lots = ids.take(limit as usize).map(|id| lot(id, id * step)).collect();
                scan.answer(request.ticket, LotPage { lots, total, limit, offset: 0 });
                let held = |node: &Node<Lot>| match &node.progress {
                    Progress::Ready(rows) => rows.len(),
                    _ => 0,
                };
                most = most.max(scan.queue.iter().map(held).sum());
                remembered = remembered.max(scan.handed_over.remembered());
            }
            Delivery::Done(manifest) => {
                assert_eq!((count, manifest.rows), (rows, rows));
                break;
            }
            Delivery::Incomplete(missing) => panic!("{missing}"),
        }
    }
    assert!(most <= 3000, "{most} rows held at once");
    assert!(remembered <= 4000, "{remembered} rows remembered at once");
}

#[test]
fn every_listing_can_be_scanned() {
    fn calls<S: Scannable>(what: S) -> Vec<S::Call>
    where
        S::Call: Clone,
    {
        let mut scan = Scan::new(what).with_look_ahead(9);
        std::iter::from_fn(|| scan.request().map(|request| request.call)).collect()
    }
    let second = window::OVERLAP;
    let range = |days: [u64; 2]| {
        DateRange::new(at(days[0] * DAY) - second, at(days[1] * DAY) + second).unwrap()
    };

    let what = ScanTransactions {
        settlement_id: Some(7.into()),
        ..ScanTransactions::new(period(20 * DAY))
    };
    let [call] = &calls(what)[..] else { panic!() };
    assert_eq!((call.range, call.settlement_id), (range([0, 20]), Some(7.into())));
    assert_eq!(call.limit.rows(), 1000);
    assert_eq!(calls(ScanSettlements::new(period(40 * DAY))).len(), 2);

    let mut what = ScanPendingCharges::new();
    what.checkout_id = Some(42.into());
    let [call] = &calls(what.clone())[..] else { panic!() };
    assert_eq!((call.range.start(), call.range.end()), (None, None));
    assert_eq!((call.checkout_id, call.limit.rows()), (Some(42.into()), 500));
    what.period = Some(period(62 * DAY));
    let [first, .., last] = &calls(what)[..] else { panic!() };
    assert_eq!(first.range.start(), Some(start() - second));
    assert_eq!(last.range.end(), Some(at(62 * DAY) + second));

    let mut what = ScanConfirmedCharges::new(period(2 * DAY));
    what.store_id = vec![1.into()];
    let calls = calls(what);
    assert_eq!(calls.len(), 3);
    for pair in calls.windows(2) {
        let [before, after] = [pair[0].range.unwrap(), pair[1].range.unwrap()];
        assert_eq!(before.end() - after.start(), TimeDelta::seconds(1));
    }
    assert_eq!(calls[0].store_id, [1.into()]);
}

#[test]
fn a_page_size_has_the_api_s_bounds() {
    let scan = || Scan::new(ScanLots::new(period(DAY)));
    assert!(scan().with_page_size(0).is_err());
    assert!(scan().with_page_size(1001).is_err());
    assert!(scan().with_page_size(1000).is_ok());
    assert!(Scan::new(ScanPendingCharges::new()).with_page_size(501).is_err());
}
