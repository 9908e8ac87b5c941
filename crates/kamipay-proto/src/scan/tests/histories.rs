//! Random histories of a scan, for one kind of trouble each. A complete scan loses no row and
//! repeats none.
//!
//! `KAMIPAY_HISTORIES=20000 cargo test --release -p kamipay-proto histories` runs more of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::server::{Ask, Item, Listed, Order, Page, Server, Turn, Ways, at, start};
use super::{DAY, Random};
use crate::confirmed_charges::ScanConfirmedCharges;
use crate::lots::ScanLots;
use crate::scan::{Delivery, ListedBy, Reason, Scan, ScanRequest, ScanRow, ScanState};
use crate::settlements::{ScanPendingCharges, ScanSettlements, ScanTransactions};
use crate::{Endpoint, Period};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    /// Rows are added and removed; the API sorts in any order.
    Unrest,
    Cache,
    Replicas,
    Flicker,
    Filter,
    Behind,
    Caps,
    /// Rows without a time get one.
    InFlight,
}

/// The end of a history.
#[derive(Debug)]
struct Ended {
    is_complete: bool,
    is_still: bool,
    order: Order,
}

/// Number of histories of each kind.
#[expect(clippy::disallowed_methods, reason = "a switch of the tests")]
fn histories() -> u64 {
    let given = std::env::var("KAMIPAY_HISTORIES").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(500)
}

struct World<S: Listed> {
    random: Random,
    server: Server,
    ways: Ways<S>,
    trouble: Trouble,
    /// Number of connections, each with a request under way.
    connections: usize,
    /// How much later than it is listed a row shows that it was, if it may differ.
    lag: i64,
    unrest: u64,
    length: i64,
    instant: i64,
    next_id: u64,
    /// Rows that were not listed throughout, on all replicas, with one time.
    unsteady: BTreeSet<u64>,
    ever: BTreeSet<u64>,
    away: Vec<(u64, Item)>,
}

impl<S: Listed<Call: std::fmt::Debug>> World<S>
where
    Page<S>: Clone,
{
    fn new(seed: u64, trouble: Trouble) -> Self {
        let mut random = Random(seed);
        let second = 1_000_000;
        let length = match random.below(4) {
            0 => 1 + random.below(2_500_000) as i64,
            1 => (4 + random.below(60) as i64) * second,
            2 => DAY as i64 * (1 + random.below(if S::MAX_PAGE > 1000 { 6 } else { 100 }) as i64),
            _ => random.below(DAY) as i64 + 1,
        };
        let instant = random.below(length as u64 + 1) as i64;
        let items = BTreeMap::new();
        let connections = match random.below(16) {
            0 => 64,
            1..=3 => 16,
            _ => 1 + random.below(4) as usize,
        };
        let lag = match random.below(6) {
            0 => random.below(10 * second as u64),
            1 => random.below(600 * second as u64),
            2 => random.below(2 * DAY),
            _ => 0,
        };
        let mut world = Self {
            server: Server::new(items, Random(random.next())),
            ways: Ways::new(trouble == Trouble::Cache, connections),
            connections,
            lag: if random.one_in(2) { lag as i64 } else { -(lag as i64) },
            random,
            trouble,
            unrest: 0,
            length,
            instant,
            next_id: 1000,
            unsteady: BTreeSet::new(),
            ever: BTreeSet::new(),
            away: Vec::new(),
        };
        let mut rows = BTreeMap::new();
        for id in 1..=world.random.below(60) {
            rows.insert(id, world.any_item(id));
            world.ever.insert(id);
        }
        let dense = if matches!(trouble, Trouble::Cache | Trouble::Unrest) { 2 } else { 8 };
        if world.random.one_in(dense) {
            // More rows at one time than pages have.
            let lag = world.shown_later();
            for id in 100..150 + world.random.below(200) {
                let listed = world.instant;
                let shown = listed + lag;
                rows.insert(id, Item { shown, place: id, ..Item::at(listed) });
                world.ever.insert(id);
            }
        }
        world.server.replicas = vec![rows];
        world.set_up();
        world
    }

    fn set_up(&mut self) {
        let random = &mut self.random;
        let server = &mut self.server;
        server.order = match random.below(8) {
            0 if self.trouble != Trouble::Replicas => Order::Unstable,
            0..=3 => Order::Ascending,
            _ => Order::Descending,
        };
        server.includes_start = random.one_in(2);
        server.includes_end = random.one_in(2);
        match self.trouble {
            Trouble::Unrest => self.unrest = [0, 0, 30, 10, 3][random.below(5) as usize],
            Trouble::Cache => self.unrest = [30, 10, 3][random.below(3) as usize],
            Trouble::Flicker => self.unrest = 1 + random.below(4),
            Trouble::InFlight => self.unrest = 1 + random.below(20),
            Trouble::Behind => self.unrest = 1 + random.below(8),
            Trouble::Replicas => {
                let rows = server.replicas[0].clone();
                server.replicas = vec![rows; 1 + random.below(3) as usize];
                server.turn =
                    [Turn::Rotating, Turn::Random, Turn::Sticky][random.below(3) as usize];
                server.ties_differ = random.one_in(3);
                // Each replica lacks a row or two, permanently or until it catches up.
                for replica in 0..server.replicas.len() {
                    for _ in 0..random.below(3) {
                        let ids: Vec<u64> = server.replicas[replica].keys().copied().collect();
                        if !ids.is_empty() {
                            let id = ids[random.below(ids.len() as u64) as usize];
                            server.replicas[replica].remove(&id);
                            self.unsteady.insert(id);
                        }
                    }
                }
                self.unrest = [0, 30, 5][random.below(3) as usize];
            }
            Trouble::Filter => {
                server.step = [1, 1_000, 1_000_000][random.below(3) as usize];
                server.cuts_rows = random.one_in(2);
            }
            Trouble::Caps => {
                if S::LISTED_BY == ListedBy::Unknown {
                    // Confirmed charges have neither pages nor a total.
                } else if random.one_in(2) {
                    server.most_rows = Some(2 + random.below(20));
                } else {
                    server.most_total = Some(1 + random.below(60));
                }
            }
        }
    }

    fn any_item(&mut self, place: u64) -> Item {
        let (length, second) = (self.length, 1_000_000);
        let random = &mut self.random;
        let listed = match random.below(9) {
            0 => 0,
            1 => length,
            2 | 3 => self.instant, // more rows at one time than a page holds
            4 => length * random.below(9) as i64 / 8 / second * second, // where a window is cut
            5 => length * random.below(9) as i64 / 8 / second * second + second - 1,
            6 => -1 - random.below(1_000_000) as i64, // just outside
            7 => length + random.below(1_000_000) as i64,
            _ => random.below(length as u64 + 1) as i64,
        };
        let shown = listed + self.shown_later();
        let random = &mut self.random;
        let can_fly = S::LISTED_BY == ListedBy::RowTimePerhaps; // lots alone have rows without a time
        let is_dated = self.trouble != Trouble::InFlight || !can_fly || !random.one_in(4);
        let shown = if is_dated { shown } else { listed };
        Item { listed, shown, is_dated, place }
    }

    /// How much later than it is listed a row shows that it was: none of the lists whose page names
    /// the time. A charge is credited when it pleases after its request.
    fn shown_later(&mut self) -> i64 {
        match S::LISTED_BY {
            ListedBy::RowTime => 0,
            ListedBy::RowTimePerhaps => self.lag,
            ListedBy::Unknown => {
                let lag = self.random.below(self.lag.unsigned_abs() * 2 + 1) as i64;
                lag * self.lag.signum()
            }
        }
    }

    /// Changes the server between two requests.
    fn live(&mut self, way: usize, call: &S::Call) {
        if self.unrest == 0 || !self.random.one_in(self.unrest) {
            return;
        }
        match self.trouble {
            Trouble::Behind => {
                let most = 1 + self.random.below(2) as usize;
                while self.ways.late(way) < most {
                    self.ways.fall_behind(way, &mut self.server, call);
                }
            }
            Trouble::Flicker => {
                // A row disappears for one request.
                for (id, item) in std::mem::take(&mut self.away) {
                    self.server.replicas[0].insert(id, item);
                }
                for _ in 0..=self.random.below(2) {
                    let nth = self.random.below(60) as usize;
                    let Some(id) = self.server.replicas[0].keys().nth(nth).copied() else { return };
                    let item = self.server.replicas[0].remove(&id).unwrap();
                    self.away.push((id, item));
                    self.unsteady.insert(id);
                }
            }
            Trouble::InFlight => {
                let flying = |(_, item): &(&u64, &mut Item)| !item.is_dated;
                let mut flying = self.server.replicas[0].iter_mut().filter(flying);
                if let Some((_, item)) = flying.next() {
                    item.is_dated = true;
                }
            }
            _ if self.random.one_in(2) => self.trade_places(),
            _ => {
                for _ in 0..=self.random.below(2) {
                    let replica = self.random.below(self.server.replicas.len() as u64) as usize;
                    if self.random.one_in(2) {
                        self.next_id += 1;
                        let item = self.any_item(self.next_id);
                        self.unsteady.insert(self.next_id);
                        self.ever.insert(self.next_id);
                        self.server.replicas[replica].insert(self.next_id, item);
                    } else {
                        let nth = self.random.below(60) as usize;
                        let rows = &mut self.server.replicas[replica];
                        if let Some(id) = rows.keys().nth(nth).copied() {
                            rows.remove(&id);
                            self.unsteady.insert(id);
                        }
                    }
                }
            }
        }
    }

    /// A row leaves, another row of its time takes its place, and a new row comes in that one's
    /// place, on all replicas. No count changes.
    fn trade_places(&mut self) {
        let rows = &self.server.replicas[0];
        let nth = self.random.below(rows.len() as u64) as usize;
        let Some((leaves, left)) = rows.iter().nth(nth).map(|(id, item)| (*id, *item)) else {
            return;
        };
        let is_beside = |(id, item): &(&u64, &Item)| **id != leaves && item.listed == left.listed;
        let beside: Vec<u64> = rows.iter().filter(is_beside).map(|(id, _)| *id).collect();
        if beside.is_empty() {
            return;
        }
        let moves = beside[self.random.below(beside.len() as u64) as usize];
        self.next_id += 1;
        for rows in &mut self.server.replicas {
            rows.remove(&leaves);
            if let Some(moved) = rows.get_mut(&moves) {
                let came = *moved;
                moved.place = left.place;
                rows.insert(self.next_id, came);
            }
        }
        self.unsteady.extend([leaves, self.next_id]);
        self.ever.insert(self.next_id);
    }
}

/// Rows that a complete scan must hand over, and rows that it must not.
fn must_and_must_not<S: Listed>(server: &Server, length: i64) -> (BTreeSet<u64>, BTreeSet<u64>) {
    let second = 1_000_000;
    let ceil = -(-length).div_euclid(second) * second;
    let ask = |from, to| Ask { from, to, limit: 0, offset: 0 };
    // What this listing asks for, and what those before and after it ask for as well.
    let asked = ask(-second, ceil + second);
    let before = ask(-second, second);
    let after = ask(length.div_euclid(second) * second - second, ceil + second);
    let (mut must, mut must_not) = (BTreeSet::new(), BTreeSet::new());
    for (id, item) in server.replicas.iter().flatten() {
        let [is_in, is_out] = match S::LISTED_BY {
            // The API decides about rows at the ends of the period.
            ListedBy::Unknown => [
                second < item.listed && item.listed < length - second,
                item.listed < -second * 2 || length + second * 2 < item.listed,
            ],
            ListedBy::RowTimePerhaps if item.is_dated => {
                let is_in = server.holds(*item, &asked)
                    && match item.shown {
                        ..0 => !server.holds(*item, &before),
                        shown if shown >= length => !server.holds(*item, &after),
                        _ => true,
                    };
                [is_in, !is_in]
            }
            _ => {
                let is_in = 0 <= item.listed && item.listed < length;
                [is_in, !is_in]
            }
        };
        if is_in {
            must.insert(*id);
        }
        if is_out {
            must_not.insert(*id);
        }
    }
    (must, must_not)
}

fn history<S>(seed: u64, trouble: Trouble) -> Ended
where
    S: Listed<Call: std::fmt::Debug + Clone, Row: std::fmt::Debug>
        + serde::Serialize
        + serde::de::DeserializeOwned,
    Page<S>: Clone,
{
    let mut world = World::<S>::new(seed, trouble);
    let period = Period::new(start(), at(world.length)).unwrap();
    let (must, must_not) = must_and_must_not::<S>(&world.server, world.length);

    let page_size = match world.random.below(8) {
        0 => 20 + world.random.below(20),
        1 => 160 + world.random.below(200),
        _ => 1 + world.random.below(8),
    };
    // In parts, each read on its own; or the whole, with stops.
    let is_in_parts = world.random.one_in(5) && trouble != Trouble::InFlight;
    let look_back = (!is_in_parts && world.random.one_in(4))
        .then(|| Duration::from_micros(world.random.below(world.length as u64 + 1)));
    let look_ahead = world.connections * 2;
    let set = |scan: Scan<S>| {
        let scan = scan.with_look_ahead(look_ahead).with_rereads(8);
        let scan = scan.with_page_size(page_size.min(S::MAX_PAGE)).unwrap();
        match look_back {
            Some(length) => scan.with_look_back(length),
            None => scan,
        }
    };
    // Another scan, of a time without rows, on the same connections.
    let far = 50_000 * DAY as i64;
    let mut other = (trouble == Trouble::Behind && world.random.one_in(3))
        .then(|| Scan::new(S::of(Period::new(at(far), at(far + 3000 * DAY as i64)).unwrap())));
    let mut parts: Vec<ScanState<S>> = if is_in_parts {
        Scan::parts(S::of(period)).collect()
    } else {
        vec![ScanState::new(S::of(period))]
    };
    parts.reverse();
    let mut scan = set(Scan::resume(parts.pop().unwrap()));
    let mut stops = world.random.below(4);
    let mut under_way: Vec<(usize, ScanRequest<S::Call>)> = Vec::new();
    let mut handed_over: BTreeMap<u64, u64> = BTreeMap::new();
    let mut times = Vec::new();

    let is_complete = loop {
        assert!(world.server.requests < 60_000, "{trouble:?} {seed} does not end");
        if stops > 0 && world.random.one_in(12) {
            stops -= 1;
            let state = serde_json::to_string(&scan.state()).unwrap();
            scan = set(Scan::resume(serde_json::from_str(&state).unwrap()));
            under_way.clear();
            times.clear();
        }
        match scan.delivery() {
            Delivery::Row(row) => {
                *handed_over.entry(S::id(&row)).or_default() += 1;
                times.extend(row.time());
            }
            Delivery::Done(_) => match parts.pop() {
                Some(part) => scan = set(Scan::resume(part)),
                None => break true,
            },
            Delivery::Incomplete(_missing) => break false,
            Delivery::Waiting => {
                while under_way.len() < world.connections {
                    let Some(request) = scan.request() else { break };
                    let is_free = |way: &usize| under_way.iter().all(|(other, _)| other != way);
                    let first = world.random.below(world.connections as u64) as usize;
                    let ways = (first..world.connections).chain(0..first);
                    let way = { ways }.find(is_free).unwrap();
                    under_way.push((way, request));
                }
                let any = world.random.below(under_way.len() as u64) as usize;
                let (way, request) = under_way.swap_remove(any);
                let is_in_use = |way| under_way.iter().any(|(other, _)| *other == way);
                if world.random.one_in(20) {
                    scan.give_back(request.ticket); // it got no response
                    continue;
                }
                if let Some(other) = other.as_mut().filter(|_| world.random.one_in(2)) {
                    if let Some(ScanRequest { ticket, call, on_fresh_connection, .. }) =
                        other.request()
                    {
                        if on_fresh_connection {
                            world.ways.close(is_in_use);
                        }
                        let page = world.ways.send(way, &mut world.server, &call);
                        match call.verify(&page) {
                            Ok(()) => other.answer(ticket, page),
                            Err(_) => {
                                world.ways.close(is_in_use);
                                other.give_back(ticket);
                            }
                        }
                        other.delivery();
                    }
                }
                world.live(way, &request.call);
                if request.on_fresh_connection {
                    world.ways.close(is_in_use);
                }
                let mut page = world.ways.send(way, &mut world.server, &request.call);
                if request.call.verify(&page).is_err() {
                    world.ways.close(is_in_use);
                    page = world.ways.send(way, &mut world.server, &request.call);
                }
                match request.call.verify(&page) {
                    Ok(()) => scan.answer(request.ticket, page),
                    Err(_) => break false,
                }
            }
        }
    };

    let context =
        || format!("{trouble:?} {seed}, {period:?}, {page_size} a page: {:?}", world.server);
    for (id, count) in &handed_over {
        // A part drops the rows of its border. A row that comes and goes there can be in two parts.
        let may_be_in_two = is_in_parts && S::LISTED_BY != ListedBy::RowTime;
        if may_be_in_two && world.unsteady.contains(id) {
            continue;
        }
        assert_eq!(*count, 1, "{id} was handed over {count} times: {}", context());
        assert!(world.ever.contains(id), "{id} was never there: {}", context());
        assert!(
            !must_not.contains(id) || world.unsteady.contains(id) || trouble == Trouble::InFlight,
            "{id} is not of the period: {}",
            context()
        );
    }
    if is_complete {
        let missing: Vec<_> =
            must.difference(&world.unsteady).filter(|id| !handed_over.contains_key(*id)).collect();
        assert!(missing.is_empty(), "{missing:?} were there throughout: {}", context());
    }
    Ended { is_complete, is_still: world.unrest == 0, order: world.server.order }
}

/// Runs all histories of one kind. At least `percent` of the scans must complete: an error is wrong
/// if another reading could help.
#[expect(clippy::disallowed_macros, reason = "a figure of the tests")]
fn run(trouble: Trouble, percent: u64) {
    let count = histories();
    let mut complete = 0;
    for seed in 0..count {
        let ended = match seed % 5 {
            0 => history::<ScanLots>(seed, trouble),
            1 => history::<ScanTransactions>(seed, trouble),
            2 => history::<ScanSettlements>(seed, trouble),
            3 => history::<ScanPendingCharges>(seed, trouble),
            _ => history::<ScanConfirmedCharges>(seed, trouble),
        };
        complete += u64::from(ended.is_complete);
        if trouble == Trouble::Unrest && ended.is_still && !ended.is_complete {
            // Only an unstable order may keep a scan of an unchanging server from completing.
            assert_eq!(ended.order, Order::Unstable, "{seed}");
        }
    }
    println!("{trouble:?}: {complete} of {count} ended well"); // seen with --nocapture
    assert!(complete * 100 >= count * percent, "{trouble:?}: {complete} of {count} ended well");
}

#[test]
fn rows_that_come_and_go() {
    run(Trouble::Unrest, 86);
}

#[test]
fn a_cache_by_url() {
    run(Trouble::Cache, 82);
}

#[test]
fn replicas_that_differ() {
    run(Trouble::Replicas, 76);
}

#[test]
fn rows_that_flicker() {
    run(Trouble::Flicker, 80);
}

#[test]
fn filters_of_any_step_with_any_ends() {
    run(Trouble::Filter, 94);
}

#[test]
fn connections_that_are_behind() {
    run(Trouble::Behind, 94);
}

#[test]
fn capped_limits_and_totals() {
    run(Trouble::Caps, 79);
}

#[test]
fn rows_in_flight_that_get_a_time() {
    run(Trouble::InFlight, 94);
}

/// The ids of a period, read by scans of `days` days each.
fn ids_by<S: Listed<Call: std::fmt::Debug>>(server: &mut Server, whole: i64, days: i64) -> Vec<u64>
where
    Page<S>: Clone,
{
    let day = DAY as i64;
    let mut ids = Vec::new();
    for from in (0..whole).step_by(days as usize) {
        let to = (from + days).min(whole);
        let mut scan = Scan::new(S::of(Period::new(at(from * day), at(to * day)).unwrap()));
        loop {
            match scan.delivery() {
                Delivery::Row(row) => ids.push(S::id(&row)),
                Delivery::Done(_) => break,
                Delivery::Incomplete(missing) => panic!("{missing}"),
                Delivery::Waiting => {
                    let request = scan.request().unwrap();
                    let page = server.answer::<S>(&request.call);
                    request.call.verify(&page).unwrap();
                    scan.answer(request.ticket, page);
                }
            }
        }
    }
    ids.sort_unstable();
    ids
}

/// `lag`: how much later than it is listed a row shows that it was.
fn days_add_up<S: Listed<Call: std::fmt::Debug>>(year: i64, lag: i64)
where
    Page<S>: Clone,
{
    let (day, second) = (DAY as i64, 1_000_000);
    // At midnight and just beside it, on each border of weeks and months.
    let beside = [-second, -1_000, -1, 0, 1, 1_000, second];
    let times = (0..=year).step_by(7).chain((0..=year).step_by(30)).collect::<BTreeSet<_>>();
    let times = times.into_iter().flat_map(|n| beside.map(|offset| n * day + offset));
    // Some are listed at the border, and some show that time.
    let rows = times.flat_map(|time| [time, time - lag]).collect::<BTreeSet<_>>().into_iter();
    let rows = rows.map(|listed| Item { shown: listed + lag, ..Item::at(listed) });
    let items: BTreeMap<u64, Item> = (1..).zip(rows).collect();
    for ends in 0..4 {
        for (step, cuts_rows) in
            [(1, false), (1_000, false), (1_000, true), (second, false), (second, true)]
        {
            let mut server = Server::new(items.clone(), Random(0));
            (server.includes_start, server.includes_end) = (ends & 1 > 0, ends & 2 > 0);
            (server.step, server.cuts_rows) = (step, cuts_rows);
            let whole = ids_by::<S>(&mut server, year, year);
            let context = format!("{ends} {step} {cuts_rows} {lag}");
            let (expected, _) = must_and_must_not::<S>(&server, year * day);
            assert_eq!(whole, expected.into_iter().collect::<Vec<_>>(), "{context}");
            for days in [1, 7, 30] {
                let ids = ids_by::<S>(&mut server, year, days);
                assert_eq!(ids, whole, "{context} by {days}");
            }
        }
    }
}

#[test]
fn days_weeks_and_months_of_settlements_add_up_to_the_year() {
    days_add_up::<ScanSettlements>(365, 0);
}

#[test]
fn days_weeks_and_months_of_transactions_add_up_to_the_year() {
    days_add_up::<ScanTransactions>(365, 0);
}

#[test]
fn days_weeks_and_months_of_pending_charges_add_up_to_the_year() {
    days_add_up::<ScanPendingCharges>(365, 0);
}

#[test]
fn days_weeks_and_months_of_lots_add_up_to_the_year() {
    days_add_up::<ScanLots>(365, 0);
}

#[test]
fn days_of_lots_add_up_whatever_time_the_api_lists_by() {
    for millis in [1, 900, 1_000, 1_700, 2_000, 2_500, 3_000, 10_000, 180_000, 400_000_000] {
        days_add_up::<ScanLots>(10, millis * 1_000);
        days_add_up::<ScanLots>(10, -millis * 1_000);
    }
}

#[test]
fn a_total_and_a_listing_capped_at_10_000_rows_are_an_error() {
    // 10,500 charges in one second.
    let items = (1..=10_500).map(|id| (id, Item::at(5))).collect();
    let mut server = Server::new(items, Random(0));
    (server.most_total, server.ends_at_most_total) = (Some(10_000), true);
    let mut scan = Scan::new(ScanTransactions::new(Period::new(start(), at(DAY as i64)).unwrap()));
    let missing = loop {
        match scan.delivery() {
            Delivery::Incomplete(missing) => break missing,
            Delivery::Waiting => {
                let request = scan.request().unwrap();
                let page = server.answer::<ScanTransactions>(&request.call);
                scan.answer(request.ticket, page);
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(missing.reason, Reason::Capped);
    assert!(missing.to_string().contains("exactly 10000 may be a cap"), "{missing}");
}

#[test]
fn two_amounts_under_one_key_are_never_merged() {
    use rust_decimal::Decimal;

    // The row is in the overlap of two windows, the second time with another amount.
    let border = 20 * DAY as i64;
    let items = BTreeMap::from([(1, Item::at(border + 500_000))]);
    for changes in [0, 1, u64::MAX] {
        let mut server = Server::new(items.clone(), Random(0));
        let whole = Period::new(start(), at(2 * border)).unwrap();
        let mut scan = Scan::new(ScanTransactions::new(whole));
        let mut second = 0;
        let (rows, missing) = loop {
            match scan.delivery() {
                Delivery::Row(_) => {}
                Delivery::Done(manifest) => break (manifest.rows, None),
                Delivery::Incomplete(missing) => {
                    break (missing.manifest.rows, Some(missing.reason));
                }
                Delivery::Waiting => {
                    let request = scan.request().unwrap();
                    let mut page = server.answer::<ScanTransactions>(&request.call);
                    if request.call.range.start() > start() {
                        second += 1;
                        if second <= changes {
                            page.transactions[0].charged_amount += Decimal::ONE;
                        }
                    }
                    scan.answer(request.ticket, page);
                }
            }
        };
        assert_eq!(rows, 1);
        assert_eq!(missing, (changes > 1).then_some(Reason::Conflict));
    }
}
