//! A model of a server and of the caches and connections in front of it.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::Random;
use crate::confirmed_charges::{ConfirmedCharge, ListConfirmedCharges, ScanConfirmedCharges};
use crate::lots::{ListLots, Lot, LotPage, LotStatus, ScanLots};
use crate::scan::Scannable;
use crate::settlements::{
    ListPendingCharges, ListSettlements, ListTransactions, PendingCharge, PendingChargePage,
    PendingTotals, ScanPendingCharges, ScanSettlements, ScanTransactions, Settlement,
    SettlementPage, Transaction, TransactionPage,
};
use crate::{CheckoutId, Endpoint, Period, SettlementId, StoreId};

pub(super) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap() // 2026-01-01
}

pub(super) fn at(micros: i64) -> DateTime<Utc> {
    start() + TimeDelta::microseconds(micros)
}

pub(super) fn micros(time: DateTime<Utc>) -> i64 {
    (time - start()).num_microseconds().unwrap()
}

/// A row of the model. Times are microseconds since [`start`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Item {
    /// The time that the server lists by.
    pub(super) listed: i64,
    /// The time that a lot shows, and a confirmed charge as well.
    pub(super) shown: i64,
    /// Whether the row shows its time.
    pub(super) is_dated: bool,
    /// Its place among the rows of one time.
    pub(super) place: u64,
}

impl Item {
    pub(super) fn at(time: i64) -> Self {
        Self { listed: time, shown: time, is_dated: true, place: 0 }
    }
}

/// The parameters of a call.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) limit: u64,
    pub(super) offset: u64,
}

/// A listing that the model can answer.
pub(super) trait Listed: Scannable {
    fn of(period: Period) -> Self;
    fn ask(call: &Self::Call) -> Ask;
    fn row(id: u64, item: Item) -> Self::Row;
    fn answer(rows: Vec<Self::Row>, total: u64, ask: &Ask) -> Page<Self>;
    fn id(row: &Self::Row) -> u64;
}

pub(super) type Page<S> = <<S as Scannable>::Call as Endpoint>::Output;

impl Listed for ScanLots {
    fn of(period: Period) -> Self {
        Self::new(period)
    }

    fn ask(call: &ListLots) -> Ask {
        let (from, to) = (micros(call.range.start()), micros(call.range.end()));
        Ask { from, to, limit: call.limit.rows(), offset: call.offset }
    }

    fn row(id: u64, item: Item) -> Lot {
        Lot {
            lot_id: id.to_string().as_str().into(),
            transaction_hash: None,
            usdt_amount: Decimal::ONE,
            created_at: item.is_dated.then(|| at(item.shown)),
            status: LotStatus::Mined,
        }
    }

    fn answer(lots: Vec<Lot>, total: u64, ask: &Ask) -> LotPage {
        LotPage { lots, total, limit: ask.limit, offset: ask.offset }
    }

    fn id(row: &Lot) -> u64 {
        row.lot_id.as_str().parse().unwrap()
    }
}

impl Listed for ScanTransactions {
    fn of(period: Period) -> Self {
        Self::new(period)
    }

    fn ask(call: &ListTransactions) -> Ask {
        let (from, to) = (micros(call.range.start()), micros(call.range.end()));
        Ask { from, to, limit: call.limit.rows(), offset: call.offset }
    }

    /// Two charges of one request differ only by `kamipay_id`.
    fn row(id: u64, item: Item) -> Transaction {
        Transaction {
            settlement_id: SettlementId::new(1),
            kamipay_request_id: (id / 2).to_string().as_str().into(),
            kamipay_id: id.to_string().as_str().into(),
            external_id: None,
            charged_amount: Decimal::from(id),
            charged_currency: "BRL".into(),
            settlement_amount: None,
            settlement_currency: None,
            charged_timestamp: None,
            created_at: at(item.listed),
            settlement_provider_name: "p".to_owned(),
            settled_at: None,
            provider_settlement_id: None,
            external_settlement_id: None,
        }
    }

    fn answer(transactions: Vec<Transaction>, total: u64, ask: &Ask) -> TransactionPage {
        TransactionPage { transactions, total, limit: ask.limit, offset: ask.offset }
    }

    fn id(row: &Transaction) -> u64 {
        row.kamipay_id.as_str().parse().unwrap()
    }
}

impl Listed for ScanSettlements {
    fn of(period: Period) -> Self {
        Self::new(period)
    }

    fn ask(call: &ListSettlements) -> Ask {
        let (from, to) = (micros(call.range.start()), micros(call.range.end()));
        Ask { from, to, limit: call.limit.rows(), offset: call.offset }
    }

    fn row(id: u64, item: Item) -> Settlement {
        Settlement {
            settlement_id: SettlementId::new(id),
            settlement_provider_name: "p".to_owned(),
            provider_settlement_id: None,
            external_settlement_id: None,
            amount: Decimal::ONE,
            currency: "ARS".into(),
            address_to: "0x7a".to_owned(),
            address_from: "0x4f".to_owned(),
            settlement_message: None,
            settled_at: item.is_dated.then(|| at(item.listed)),
            created_at: start(),
            status: None,
        }
    }

    fn answer(settlements: Vec<Settlement>, total: u64, ask: &Ask) -> SettlementPage {
        SettlementPage { settlements, total, limit: ask.limit, offset: ask.offset }
    }

    fn id(row: &Settlement) -> u64 {
        row.settlement_id.number()
    }
}

impl Listed for ScanPendingCharges {
    fn of(period: Period) -> Self {
        Self { period: Some(period), ..Self::new() }
    }

    fn ask(call: &ListPendingCharges) -> Ask {
        let (from, to) = (call.range.start().unwrap(), call.range.end().unwrap());
        Ask { from: micros(from), to: micros(to), limit: call.limit.rows(), offset: call.offset }
    }

    fn row(id: u64, item: Item) -> PendingCharge {
        PendingCharge {
            kamipay_request_id: (id / 2).to_string().as_str().into(),
            kamipay_id: id.to_string().as_str().into(),
            external_id: None,
            charged_amount: Decimal::ONE,
            charged_currency: "BRL".into(),
            settlement_amount: Decimal::ONE,
            settlement_currency: "ARS".into(),
            charged_timestamp: at(item.listed),
        }
    }

    fn answer(items: Vec<PendingCharge>, count: u64, ask: &Ask) -> PendingChargePage {
        let totals = PendingTotals { count, settlement_amount: Decimal::from(count) };
        PendingChargePage { items, totals, limit: ask.limit, offset: ask.offset }
    }

    fn id(row: &PendingCharge) -> u64 {
        row.kamipay_id.as_str().parse().unwrap()
    }
}

impl Listed for ScanConfirmedCharges {
    fn of(period: Period) -> Self {
        Self::new(period)
    }

    fn ask(call: &ListConfirmedCharges) -> Ask {
        let range = call.range.unwrap();
        let (from, to) = (micros(range.start()), micros(range.end()));
        Ask { from, to, limit: u64::MAX, offset: 0 }
    }

    fn row(id: u64, item: Item) -> ConfirmedCharge {
        ConfirmedCharge {
            store_id: StoreId::new(1),
            checkout_id: CheckoutId::new(1),
            operation_id: id.to_string().as_str().into(),
            tx_hash: "txid5".into(),
            brl_requested: Decimal::ONE,
            usdt_credited: Decimal::ONE,
            external_data: None,
            request_datetime: at(item.listed.min(item.shown)),
            credit_datetime: at(item.listed.max(item.shown)),
        }
    }

    fn answer(rows: Vec<ConfirmedCharge>, _total: u64, _ask: &Ask) -> Vec<ConfirmedCharge> {
        rows
    }

    fn id(row: &ConfirmedCharge) -> u64 {
        row.operation_id.as_str().parse().unwrap()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Order {
    Ascending,
    Descending,
    /// A new order for each request.
    Unstable,
}

/// Which replica answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    Rotating,
    Random,
    /// Each connection has its own.
    Sticky,
}

#[derive(Debug)]
pub(super) struct Server {
    /// The rows of each replica, by id.
    pub(super) replicas: Vec<BTreeMap<u64, Item>>,
    pub(super) turn: Turn,
    /// Whether every second replica sorts rows of one time in reverse.
    pub(super) ties_differ: bool,
    pub(super) order: Order,
    /// The precision of the filter, in microseconds.
    pub(super) step: i64,
    /// Whether the filter cuts the rows' times to `step` as well as the ends of the period.
    pub(super) cuts_rows: bool,
    pub(super) includes_start: bool,
    pub(super) includes_end: bool,
    pub(super) ignores_dates: bool,
    pub(super) most_rows: Option<u64>,
    pub(super) most_total: Option<u64>,
    /// Whether rows after `most_total` are never listed.
    pub(super) ends_at_most_total: bool,
    pub(super) requests: u64,
    pub(super) random: Random,
}

impl Server {
    pub(super) fn new(items: BTreeMap<u64, Item>, random: Random) -> Self {
        Self {
            replicas: vec![items],
            turn: Turn::Sticky,
            ties_differ: false,
            order: Order::Ascending,
            step: 1,
            cuts_rows: false,
            includes_start: true,
            includes_end: true,
            ignores_dates: false,
            most_rows: None,
            most_total: None,
            ends_at_most_total: false,
            requests: 0,
            random,
        }
    }

    fn cut(&self, time: i64) -> i64 {
        time.div_euclid(self.step) * self.step
    }

    pub(super) fn holds(&self, item: Item, ask: &Ask) -> bool {
        if !item.is_dated || self.ignores_dates {
            return true; // in flight: in every period
        }
        let time = if self.cuts_rows { self.cut(item.listed) } else { item.listed };
        let (from, to) = (self.cut(ask.from), self.cut(ask.to));
        (from < time && time < to)
            || (self.includes_start && time == from)
            || (self.includes_end && time == to)
    }

    pub(super) fn answer<S: Listed>(&mut self, call: &S::Call) -> Page<S> {
        self.answer_on::<S>(0, call)
    }

    fn answer_on<S: Listed>(&mut self, connection: u64, call: &S::Call) -> Page<S> {
        self.requests += 1;
        let ask = S::ask(call);
        let count = self.replicas.len();
        let replica = match self.turn {
            Turn::Rotating => self.requests as usize % count,
            Turn::Random => self.random.below(count as u64) as usize,
            Turn::Sticky => (Random(connection).next() % count as u64) as usize,
        };
        let holds = |item: &Item| self.holds(*item, &ask);
        let mut rows: Vec<(u64, Item)> = self.replicas[replica]
            .iter()
            .filter(|(_, item)| holds(item))
            .map(|(id, item)| (*id, *item))
            .collect();
        let ties_down = self.ties_differ && replica % 2 == 1;
        rows.sort_by_key(|(id, item)| {
            let time = if item.is_dated { item.listed } else { i64::MAX };
            (time, if ties_down { u64::MAX - item.place } else { item.place }, *id)
        });
        match self.order {
            Order::Ascending => {}
            Order::Descending => rows.reverse(),
            Order::Unstable => {
                let seed = self.requests << 32;
                rows.sort_by_key(|(id, _)| Random(id ^ seed).next());
            }
        }
        let mut total = rows.len() as u64;
        if let Some(most) = self.most_total {
            total = total.min(most);
            if self.ends_at_most_total {
                rows.truncate(most as usize);
            }
        }
        let limit = ask.limit.min(self.most_rows.unwrap_or(u64::MAX));
        let page = rows.into_iter().skip(ask.offset as usize);
        let page = page.take(limit.try_into().unwrap_or(usize::MAX));
        S::answer(page.map(|(id, item)| S::row(id, item)).collect(), total, &ask)
    }
}

/// What is between a client and the server: a cache by URL, and connections that may be behind.
pub(super) struct Ways<S: Listed> {
    cache: Option<BTreeMap<String, Page<S>>>,
    ways: Vec<Way<S>>,
    connections: u64,
}

/// A connection.
struct Way<S: Listed> {
    number: u64,
    /// Answers to earlier requests, which arrive first.
    late: VecDeque<Page<S>>,
    /// Whether it is closed after the request under way.
    is_last: bool,
}

impl<S: Listed> Way<S> {
    fn new(number: u64) -> Self {
        Self { number, late: VecDeque::new(), is_last: false }
    }
}

impl<S: Listed<Call: std::fmt::Debug>> Ways<S>
where
    Page<S>: Clone,
{
    pub(super) fn new(has_cache: bool, connections: usize) -> Self {
        let (ways, connections) = ((1..).take(connections).map(Way::new), connections as u64);
        let ways = ways.collect();
        Self { cache: has_cache.then(BTreeMap::new), ways, connections }
    }

    /// Number of answers that a connection is behind.
    pub(super) fn late(&self, way: usize) -> usize {
        self.ways[way].late.len()
    }

    /// Puts a connection one more answer behind.
    pub(super) fn fall_behind(&mut self, way: usize, server: &mut Server, call: &S::Call) {
        let way = &mut self.ways[way];
        let answer = server.answer_on::<S>(way.number, call);
        way.late.push_back(answer);
    }

    /// Closes a connection, and opens another one.
    fn renew(&mut self, way: usize) {
        self.connections += 1;
        self.ways[way] = Way::new(self.connections);
    }

    /// Closes all connections. Those with a request under way are closed after its response.
    pub(super) fn close(&mut self, is_in_use: impl Fn(usize) -> bool) {
        for way in 0..self.ways.len() {
            match is_in_use(way) {
                true => self.ways[way].is_last = true,
                false => self.renew(way),
            }
        }
    }

    pub(super) fn send(&mut self, way: usize, server: &mut Server, call: &S::Call) -> Page<S> {
        let page = self.respond(way, server, call);
        if self.ways[way].is_last {
            self.renew(way);
        }
        page
    }

    fn respond(&mut self, way: usize, server: &mut Server, call: &S::Call) -> Page<S> {
        let way = &mut self.ways[way];
        let answer = match &mut self.cache {
            Some(cache) => {
                let entry = cache.entry(format!("{call:?}"));
                entry.or_insert_with(|| server.answer_on::<S>(way.number, call)).clone()
            }
            None => server.answer_on::<S>(way.number, call),
        };
        way.late.push_back(answer);
        way.late.pop_front().unwrap()
    }
}
