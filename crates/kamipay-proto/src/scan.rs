//! Complete listings: a period of any length, every row once, or an error that says what is
//! missing.
//!
//! The API limits the period of a call, pages by offset, and says nothing about inclusive ends, sort
//! order, or rows that appear while one is paging. A [`Scan`] takes any period. It is a state
//! machine without IO: it says what to ask ([`Scan::request`]), takes the response
//! ([`Scan::answer`]), and hands over rows ([`Scan::delivery`]).
//!
//! ```
//! use kamipay_proto::scan::{Delivery, Scan};
//! use kamipay_proto::{Endpoint, Period, lots::ScanLots};
//!
//! # fn send<E: Endpoint>(_call: &E) -> Result<E::Output, Box<dyn std::error::Error>> {
//! #     Ok(serde_json::from_str(r#"{"lots": [], "total": 0, "limit": 1000, "offset": 0}"#)?)
//! # }
//! let year = Period::parse("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z")?;
//! let mut scan = Scan::new(ScanLots::new(year));
//! let manifest = loop {
//!     match scan.delivery() {
//!         Delivery::Row(lot) => println!("{} {}", lot.lot_id, lot.usdt_amount),
//!         Delivery::Done(manifest) => break manifest,
//!         Delivery::Incomplete(missing) => return Err(missing.into()),
//!         Delivery::Waiting => {
//!             let request = scan.request().expect("no request is under way, so there is one to make");
//!             let output = send(&request.call)?; // with any client; several at once if you like
//!             scan.answer(request.ticket, output);
//!         }
//!     }
//! };
//! println!("{manifest}");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it reads
//!
//! * The period is cut into windows that the API accepts. Neighbours overlap by a second, and a row
//!   in both is handed over once. So neither end needs to be inclusive, and the API may compare
//!   whole seconds.
//! * A period is half-open, `start <= time < end`, where the page names the time that the API goes
//!   by (settlements, transactions, pending charges), and for lots by `created_at` as long as no row
//!   shows that it is another time. So days add up to the month, whatever the API does at the ends:
//!   the scan asks a second more, and leaves out rows by their time. Rows without a time are kept.
//!   Confirmed charges have two times, and the page does not say which one counts: there the API
//!   decides about rows on the ends.
//! * A window is cut further until its rows fit on one page. A page that is not full, and has as many
//!   different rows as its `total` says, is one look at the whole window.
//! * Rows that stand too close to be cut apart are paged by offset. Pages overlap by a row, so that
//!   a shift between two requests shows. Two readings in turn, with different page borders, must
//!   give the same rows.
//! * What does not agree is read again, a bounded number of times, and is then an error with the
//!   evidence.
//! * Each reading asks for another limit (1000, 999, …). So a response to another request, from a
//!   cache or a connection that is some answers behind, does not match. A scan begins on a fresh
//!   connection, which is not behind with another scan's. Rows whose time lies outside
//!   the window are a [`Mismatch`](crate::Mismatch). What cannot show which window it answers (an
//!   empty list of confirmed charges, lots that all lie outside) is asked for again on a fresh
//!   connection ([`ScanRequest::on_fresh_connection`]), until two readings agree.
//! * Rows come oldest first. Rows without a time (lots in flight) come first in their window, once.
//!   One thread and several give the same rows in the same order.
//!
//! # What is guaranteed
//!
//! | the API, or a server before it | a row that is listed throughout, at one time |
//! | --- | --- |
//! | takes the ends of a window as inclusive or exclusive, to 1 µs, 1 ms or 1 s | exactly once |
//! | sorts in any order, also another one each time | exactly once; more rows in 3 seconds than fit on a page, in another order each time: may end as [`Incomplete`] |
//! | gains or loses other rows between any two requests | exactly once; without end, among rows that are paged: [`Incomplete`] |
//! | has replicas that lag, or differ by some rows, and answer in any turn | exactly once for rows that all replicas have; [`Incomplete`] where the replicas never agree on a window that is paged |
//! | answers from a cache by URL | exactly once: no reading repeats a URL |
//! | is one or two answers behind on a connection | exactly once, or an error |
//! | counts wrong, or returns too few rows, for a while | exactly once, after another reading |
//! | does so for good | [`Incomplete`] |
//! | gives fewer rows a page than the limit it echoes | exactly once, with more requests |
//! | counts no further than 10,000 | exactly once; more than that in 3 seconds: [`Incomplete`] |
//! | ignores the dates | an error, where there are two windows that could show it |
//! | lists a row without a time, and later with one | exactly once, as it came first |
//! | gives a row with other amounts the second time | [`Incomplete`] |
//!
//! What no client can guarantee:
//!
//! * A row that only some replicas have is listed by chance.
//! * A row that is *added* to a window that was handed over already (a payment booked late) is not
//!   in this scan. [`Scan::with_look_back`] reads the newest part once more at the end.
//! * A row whose time *moves* while the scan runs can be missed or come twice.
//! * An API that leaves a row out of its answer and out of its `total` alike is not found out: so a
//!   page and a `total` that are capped at the same number, and a list without a `total`.
//! * A cache that was filled before the scan, and ignores `Cache-Control`, answers with rows of then.
//!
//! Memory is bounded by the pages in flight, not by the period: see [`Scan::with_look_ahead`].
//!
//! # In parts, and on other machines
//!
//! [`Scan::parts`] cuts a scan into parts that can be read anywhere and in any order. Each is a
//! [`ScanState`], which is plain serde data. Their rows, one part after the other, are the rows of
//! the scan. A lot in flight belongs to the first part; if it is mined while the parts are read, it
//! can be in none or two. So can a lot or a confirmed charge that comes or goes at the border of two
//! parts. [`Scan::state`] is the same kind of data for the rest of a scan that was
//! stopped.

mod delivery;
mod listing;
mod manifest;
mod reading;
mod state;
#[cfg(test)]
mod tests;
mod window;

pub use crate::page::{Amounts, ScanRow};
pub(crate) use listing::Sealed;
pub use listing::{ListedBy, Scannable};
pub use manifest::{Incomplete, Manifest, Reading, Reason};
pub use state::{LookBackState, ScanState, Seen};
pub use window::Window;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use chrono::TimeDelta;

use self::delivery::{HandedOver, Known};
use self::reading::{COMMON_CAP, Cause, Contents, Limits, Reader, Verdict};
use self::window::Cover;
use crate::page::InvalidPageSize;
use crate::{Endpoint, Period};

type Output<S> = <<S as Scannable>::Call as Endpoint>::Output;
type Key<S> = <<S as Scannable>::Row as ScanRow>::Key;

/// The most pages of a window that is paged although it could be cut.
const MOST_PAGES: u64 = 10;

/// The reading of a whole listing: see the [module](self).
#[derive(Clone, Debug)]
pub struct Scan<S: Scannable> {
    what: S,
    rereads: u32,
    look_ahead: usize,
    limits: Limits,

    /// The windows that are not planned yet, behind those that are.
    cover: Option<Cover>,
    /// The windows that are asked for, or wait to be handed over, in the order of time.
    queue: VecDeque<Node<S::Row>>,
    /// What is known of the windows that were cut, by their number.
    cuts: HashMap<u64, Cut>,
    /// How many windows and requests there were, to number the next one.
    numbers: u64,
    /// How many windows were handed over.
    closed: u64,

    /// Whether the part before this one hands over the rows on the border.
    continues: bool,
    /// Whether no response was taken yet.
    is_untouched: bool,
    /// The period of the whole listing, of which this may be a part or a rest: rows outside are not
    /// of it, where their time decides.
    outer: Option<Period>,
    handed_over: HandedOver<Key<S>>,
    current: Option<Current<S::Row>>,
    /// What of the period is not handed over whole.
    rest: Option<Period>,
    manifest: Manifest,
    is_done: bool,
}

/// A call to make, and what to name when its response comes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScanRequest<C> {
    /// For [`Scan::answer`] or [`Scan::give_back`].
    pub ticket: Ticket,
    /// What to send.
    pub call: C,
    /// Whether to close the kept connections first. The last response could have been one to an
    /// earlier request on its connection, and another connection would tell.
    pub on_fresh_connection: bool,
}

/// Names a request that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

/// The scan's next output.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a driver of a scan must handle each")]
pub enum Delivery<R> {
    /// The next row.
    Row(R),
    /// Nothing until a response comes.
    Waiting,
    /// All rows were handed over.
    Done(Manifest),
    /// The listing cannot be completed. What was handed over is right, and not the whole.
    Incomplete(Box<Incomplete>),
}

/// A window on its way from being planned to being handed over.
#[derive(Clone, Debug)]
struct Node<R: ScanRow> {
    number: u64,
    window: Window,
    purpose: Purpose,
    progress: Progress<R>,
    reader: Reader<R>,
    /// How many windows were handed over when its reading began.
    begun: u64,
    /// Which cut it comes from, in [`Scan::cuts`].
    cut: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    HandOver,
    /// The overlap with the part before this one, which hands over its rows.
    Border,
    /// Read before, and once more for what was added.
    LookBack,
}

/// A window that was cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// How many rows it had; more than any number where its parts are not to be paged.
    rows: u64,
    /// How many more rows its parts may have.
    left: u64,
    /// How many of its parts have more than half of its rows.
    large_parts: u32,
}

impl Cut {
    fn of(rows: u64, page_size: u64) -> Self {
        // Twice, because a row on a border is in both parts; a page, because rows are added.
        Self { rows, left: rows.saturating_mul(2).saturating_add(page_size), large_parts: 0 }
    }

    fn by_force(rows: u64, page_size: u64) -> Self {
        Self { rows: u64::MAX, ..Self::of(rows, page_size) }
    }
}

#[derive(Clone, Debug)]
enum Progress<R> {
    /// To be asked for.
    Waiting,
    /// Asked for by this request.
    Asked(Ticket),
    Ready(Vec<R>),
    Failed(Reason),
}

/// The window whose rows are being handed over.
#[derive(Clone, Debug)]
struct Current<R: ScanRow> {
    window: Window,
    purpose: Purpose,
    rows: std::vec::IntoIter<R>,
    /// All rows of the window with a time, handed over or not.
    contents: Contents<R::Key>,
    handed_over: Contents<R::Key>,
}

impl<S: Scannable> Scan<S> {
    /// Reads this listing from its start.
    pub fn new(what: S) -> Self {
        Self::resume(ScanState::new(what))
    }

    /// Continues a scan where it stopped, or reads a part of one.
    pub fn resume(state: ScanState<S>) -> Self {
        let period = state.scan.period();
        let outer = state.outer.or(period);
        let first = match period {
            // Other limits than the part before, which may be read at the same time.
            Some(period) if state.continues => period.start().timestamp().unsigned_abs() / 86_400,
            _ => 0,
        };
        let mut scan = Self {
            rereads: 4,
            look_ahead: 4,
            limits: Limits::new(S::MAX_PAGE, first),
            cover: None,
            queue: VecDeque::new(),
            cuts: HashMap::new(),
            numbers: 0,
            closed: 0,
            current: None,
            rest: period,
            is_done: state.is_done,
            continues: state.continues,
            is_untouched: true,
            outer,
            handed_over: HandedOver::resume(&state),
            what: state.scan,
            manifest: state.manifest,
        };
        match period {
            _ if scan.is_done => {}
            None => scan.append(Window::open(), Purpose::HandOver),
            Some(period) => {
                if scan.continues && !period.is_empty() {
                    scan.append(Window::border(period), Purpose::Border);
                }
                scan.cover = Cover::of::<S>(period, outer.unwrap_or(period));
            }
        }
        scan
    }

    /// The number of rows to ask for on a page. Default: the most that the API gives.
    ///
    /// It is also about the most rows that a window may have, so a smaller page means less memory
    /// and more requests. Each reading asks for another limit: up to a tenth fewer rows, or, below
    /// 320, up to 32 more. The confirmed charges have no pages: no effect.
    ///
    /// # Errors
    ///
    /// If `rows` is 0 or more than the API allows.
    pub fn with_page_size(mut self, rows: u64) -> Result<Self, InvalidPageSize> {
        if !(1..=S::MAX_PAGE).contains(&rows) {
            let max = u16::try_from(S::MAX_PAGE).unwrap_or(u16::MAX);
            return Err(InvalidPageSize { rows, max });
        }
        self.limits.set_page_size(rows);
        Ok(self)
    }

    /// Maximum re-reads of an inconsistent window. Default: 4.
    #[must_use]
    pub fn with_rereads(mut self, rereads: u32) -> Self {
        self.rereads = rereads;
        self
    }

    /// Maximum windows that are asked for, or wait to be handed over, at a time. Default: 4.
    ///
    /// For each, a page of rows is held, or ten where rows stand close together.
    #[must_use]
    pub fn with_look_ahead(mut self, windows: usize) -> Self {
        self.look_ahead = windows.max(1);
        self
    }

    /// Raises the maximum of [`with_look_ahead`](Self::with_look_ahead) to `windows`.
    pub fn raise_look_ahead(&mut self, windows: usize) {
        self.look_ahead = self.look_ahead.max(windows);
    }

    /// Reads the newest part of the period once more at the end, and hands over the rows that were
    /// added to it meanwhile.
    ///
    /// The keys of all rows in this part are held in memory, and in [`state`](Self::state). A state
    /// that was saved with a look-back still has it. Without a period: no effect.
    #[must_use]
    pub fn with_look_back(mut self, length: Duration) -> Self {
        if let Some(period) = self.what.period() {
            let newest = period.newest(TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX));
            self.handed_over.look_back_on(newest);
        }
        self
    }

    /// The scan in parts, each no longer than the API takes at once: their rows, one part after the
    /// other, are the rows of the scan.
    ///
    /// A part makes one request more than it would otherwise, for the rows on its border that the
    /// part before it hands over.
    pub fn parts(what: S) -> impl Iterator<Item = ScanState<S>> {
        let whole_period = what.period();
        let whole =
            what.period().is_none_or(Period::is_empty).then(|| ScanState::new(what.clone()));
        let periods = what.period().and_then(|period| {
            let cover = Cover::of::<S>(period, period)?;
            Some(cover.periods(period))
        });
        let parts = periods.into_iter().flatten().enumerate().map(move |(n, period)| {
            let part = what.with_period(period);
            // Where the time is sure, a part is a period like any other.
            let outer = whole_period.filter(|_| S::LISTED_BY != ListedBy::RowTime);
            ScanState { continues: n > 0, outer, ..ScanState::new(part) }
        });
        whole.into_iter().chain(parts)
    }

    /// What is read.
    pub fn what(&self) -> &S {
        &self.what
    }

    /// What was read so far.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What of the period is not handed over whole. `None` for a listing without a period.
    pub fn rest(&self) -> Option<Period> {
        self.rest
    }

    /// The state after the row that was handed over last.
    pub fn state(&self) -> ScanState<S> {
        let rest = match self.rest {
            Some(rest) => self.what.with_period(rest),
            None => self.what.clone(),
        };
        let current = self.current.as_ref().map(|it| (it.window, &it.handed_over));
        let mut state = self.handed_over.state(rest, current);
        state.continues = self.continues;
        state.outer = self.outer;
        state.is_done = self.is_done;
        state.manifest = self.manifest.clone();
        state
    }

    /// The next call to make, if one can be made now. Several can be under way at once.
    pub fn request(&mut self) -> Option<ScanRequest<S::Call>> {
        self.refill();
        let ticket = Ticket(self.number());
        let in_use: Vec<_> = self.queue.iter().filter_map(|node| node.reader.limit()).collect();
        let mut ahead = self.queue.iter_mut().take(self.look_ahead);
        let node = ahead.find(|node| matches!(node.progress, Progress::Waiting))?;
        node.progress = Progress::Asked(ticket);
        let limit = match node.reader.limit() {
            Some(limit) => limit,
            None => {
                node.begun = self.closed;
                self.limits.next(&in_use)
            }
        };
        node.reader.begin(limit);
        self.manifest.requests += 1;
        let call = self.what.call(node.window, limit, node.reader.offset());
        // The first ones too: their connections may be behind with the responses to another scan.
        let on_fresh_connection = node.reader.wants_fresh_connection() || self.is_untouched;
        Some(ScanRequest { ticket, call, on_fresh_connection })
    }

    /// Takes the response to a request. One that nothing waits for is not used.
    pub fn answer(&mut self, ticket: Ticket, output: Output<S>) {
        let Some(at) = self.find(ticket) else { return };
        self.is_untouched = false;
        let (rows, total) = S::page(output);
        if let Some(total) = total.filter(|_| self.queue[at].reader.is_new()) {
            if !self.fits_its_whole(at, &rows, total) {
                self.queue[at].progress = Progress::Failed(Reason::DatesIgnored);
                return;
            }
        }
        let node = &mut self.queue[at];
        node.progress = Progress::Waiting;
        let is_proven = S::is_proven(node.window, &rows);
        let verdict = node.reader.take(rows, total, is_proven, self.limits.smallest());
        self.follow(at, verdict);
    }

    /// Gives a request back that got no response: it is asked again.
    pub fn give_back(&mut self, ticket: Ticket) {
        if let Some(at) = self.find(ticket) {
            self.queue[at].progress = Progress::Waiting;
        }
    }

    /// The next row, or why there is none.
    pub fn delivery(&mut self) -> Delivery<S::Row> {
        loop {
            if let Some(row) = self.next_row() {
                return Delivery::Row(row);
            }
            self.close_window();
            self.refill();
            let Some(node) = self.queue.front() else {
                if self.plan_look_back() {
                    continue;
                }
                self.is_done = true;
                return Delivery::Done(self.manifest.clone());
            };
            match &node.progress {
                Progress::Waiting | Progress::Asked(_) => return Delivery::Waiting,
                Progress::Failed(reason) => {
                    return Delivery::Incomplete(Box::new(Incomplete {
                        window: node.window,
                        reason: *reason,
                        readings: node.reader.readings().to_vec(),
                        manifest: self.manifest.clone(),
                    }));
                }
                // Read ahead, and now it may be in a window that was handed over meanwhile.
                Progress::Ready(rows)
                    if node.begun < self.closed && self.handed_over.has_new_in_flight(rows) =>
                {
                    self.read_again(0, Cause::Confirm, Reason::Inconsistent);
                }
                Progress::Ready(rows) => match self.objection(node, rows) {
                    Some(reason) => self.read_again(0, Cause::Inconsistent, reason),
                    None => self.open_window(),
                },
            }
        }
    }

    fn find(&self, ticket: Ticket) -> Option<usize> {
        self.queue
            .iter()
            .position(|node| matches!(node.progress, Progress::Asked(asked) if asked == ticket))
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Plans no more than is to be asked for soon.
    fn refill(&mut self) {
        while self.queue.len() < self.look_ahead {
            let Some(window) = self.cover.as_mut().and_then(Cover::next) else { return };
            self.append(window, Purpose::HandOver);
        }
    }

    fn plan_look_back(&mut self) -> bool {
        let Some(period) = self.handed_over.take_look_back() else { return false };
        let windows: Vec<_> = Cover::of::<S>(period, period).into_iter().flatten().collect();
        for window in windows {
            self.append(window, Purpose::LookBack);
        }
        true
    }

    fn append(&mut self, window: Window, purpose: Purpose) {
        let node = self.node(window, purpose, None);
        self.queue.push_back(node);
    }

    fn node(&mut self, window: Window, purpose: Purpose, cut: Option<u64>) -> Node<S::Row> {
        let (number, progress, reader) = (self.number(), Progress::Waiting, Reader::new());
        Node { number, window, purpose, progress, reader, begun: 0, cut }
    }

    fn follow(&mut self, at: usize, verdict: Verdict<S::Row>) {
        match verdict {
            Verdict::NextPage => {}
            Verdict::Whole(rows) => self.queue[at].progress = Progress::Ready(rows),
            Verdict::Again(cause) => {
                let reason = self.queue[at].reader.reason();
                self.read_again(at, cause, reason);
            }
            Verdict::Stuck(reason) => self.cut_or_fail(at, reason),
            Verdict::Large(count) => {
                if self.is_dense(at, count) || !self.cut(at, count) {
                    let verdict = self.queue[at].reader.page_on();
                    self.follow(at, verdict);
                }
            }
        }
    }

    fn read_again(&mut self, at: usize, cause: Cause, reason: Reason) {
        let node = &mut self.queue[at];
        if cause == Cause::Inconsistent {
            if node.reader.readings().len() > self.rereads as usize {
                return self.cut_or_fail(at, reason);
            }
            self.manifest.rereads += 1;
        }
        node.reader.start_again();
        node.progress = Progress::Waiting;
    }

    /// Paging was a short cut, if the window can be cut: smaller ones need no paging.
    fn cut_or_fail(&mut self, at: usize, reason: Reason) {
        let node = &self.queue[at];
        let (window, count) = (node.window, node.reader.count());
        let windows = match reason {
            Reason::Repeated | Reason::DatesIgnored => None,
            _ if count < self.limits.smallest() => None,
            _ => window.cut(count, self.limits.page_size()),
        };
        match windows {
            Some(windows) => {
                self.replace(at, windows, Cut::by_force(count, self.limits.page_size()));
            }
            None => self.queue[at].progress = Progress::Failed(reason),
        }
    }

    /// Cuts a window, if it is long enough.
    fn cut(&mut self, at: usize, count: u64) -> bool {
        let (node, page_size) = (&self.queue[at], self.limits.page_size());
        let Some(windows) = node.window.cut(count, page_size) else { return false };
        let cut = match node.cut.and_then(|cut| self.cuts.get(&cut)) {
            Some(whole) if whole.rows == u64::MAX => Cut::by_force(count, page_size),
            _ => Cut::of(count, page_size),
        };
        self.replace(at, windows, cut);
        true
    }

    fn replace(&mut self, at: usize, windows: Vec<Window>, cut: Cut) {
        let Some(whole) = self.queue.remove(at) else { return };
        self.manifest.cuts += 1;
        self.cuts.insert(whole.number, cut);
        for (n, window) in windows.into_iter().enumerate() {
            let part = self.node(window, whole.purpose, Some(whole.number));
            self.queue.insert(at + n, part);
        }
        self.forget_cut(whole.cut);
    }

    /// No window asks about a cut after the last of its parts.
    fn forget_cut(&mut self, cut: Option<u64>) {
        let Some(cut) = cut else { return };
        if !self.queue.iter().any(|node| node.cut == Some(cut)) {
            self.cuts.remove(&cut);
        }
    }

    /// Whether cutting has not helped: most rows of the window that this one was cut from are in it.
    ///
    /// The charges of one settlement stand at one instant. To cut down to it costs more requests
    /// than to page twice, as long as the pages are few. Where two parts have most rows, these are in
    /// every part (lots in flight), and no cut helps.
    fn is_dense(&mut self, at: usize, count: u64) -> bool {
        let most = self.limits.page_size().saturating_mul(MOST_PAGES);
        let whole = self.queue[at].cut.and_then(|cut| self.cuts.get_mut(&cut));
        let Some(whole) = whole.filter(|whole| count > whole.rows / 2) else { return false };
        whole.large_parts += 1;
        count != COMMON_CAP && (count <= most || whole.large_parts > 1)
    }

    /// Whether the parts of a window have no more rows than it had: else the API does not look at
    /// the dates, and cutting further would never end. A page that shows dates within the window,
    /// and none outside, is proof enough: a `total` may be capped.
    fn fits_its_whole(&mut self, at: usize, rows: &[S::Row], total: u64) -> bool {
        let node = &self.queue[at];
        let mut times = rows.iter().filter_map(ScanRow::time).peekable();
        if times.peek().is_some() && times.all(|time| node.window.contains(time)) {
            return true;
        }
        let Some(whole) = node.cut.and_then(|cut| self.cuts.get_mut(&cut)) else { return true };
        // Rows without a time are in every window.
        let undated = rows.iter().filter(|row| row.time().is_none()).count();
        let undated = undated.max(self.handed_over.in_flight()) as u64;
        match whole.left.checked_sub(total.saturating_sub(undated)) {
            Some(left) => {
                whole.left = left;
                true
            }
            None => false,
        }
    }

    /// Why the rows of a window are not believed, although it is consistent in itself.
    fn objection(&self, node: &Node<S::Row>, rows: &[S::Row]) -> Option<Reason> {
        if node.purpose == Purpose::Border {
            return None;
        }
        if node.purpose == Purpose::HandOver && self.handed_over.is_repetition(rows) {
            return Some(Reason::Repeated);
        }
        rows.iter().any(|row| self.handed_over.contradicts(row)).then_some(Reason::Conflict)
    }

    /// Takes out what is not to be handed over, and puts the rest in order.
    fn open_window(&mut self) {
        let Some(node) = self.queue.pop_front() else { return };
        let Progress::Ready(rows) = node.progress else { return };
        self.forget_cut(node.cut);
        let Node { window, purpose, .. } = node;
        if S::LISTED_BY == ListedBy::RowTimePerhaps {
            self.handed_over.listed_by_another_time |=
                rows.iter().any(|row| is_outside(row, window));
        }
        self.handed_over.enter(window);
        let mut contents = Contents::with_capacity(rows.len());
        let mut new = Vec::with_capacity(rows.len());
        for row in rows {
            let by_time = self.handed_over.is_decided_by_time::<S>(&row);
            // Parts of a listing whose time is not sure are told apart by their border.
            let by_border = S::LISTED_BY != ListedBy::RowTime;
            let known = self.handed_over.known(&row, purpose, by_border);
            if row.time().is_some() {
                contents.insert(row.key(), row.amounts());
            }
            if purpose == Purpose::Border {
                if row.time().is_none() {
                    self.handed_over.remember_in_flight(&row);
                }
                continue;
            }
            if by_time && !self.handed_over.is_in_period(&row, purpose, self.outer) {
                continue;
            }
            match known {
                None => new.push(row),
                Some(Known::Timed) => {
                    self.manifest.duplicates += u64::from(purpose == Purpose::HandOver);
                }
                Some(Known::InFlight { changed }) => self.manifest.changed += u64::from(changed),
            }
        }
        new.sort_by_cached_key(|row| (row.time(), row.key()));
        let (rows, handed_over) = (new.into_iter(), Contents::new());
        self.current = Some(Current { window, purpose, rows, contents, handed_over });
    }

    fn close_window(&mut self) {
        let Some(Current { window, purpose, contents, .. }) = self.current.take() else { return };
        self.handed_over.close(window, purpose, contents);
        self.closed += 1;
        if purpose == Purpose::HandOver {
            self.continues = false;
            self.manifest.windows += 1;
            self.refill();
            let next = self.queue.front().filter(|node| node.purpose == Purpose::HandOver);
            let start = next.and_then(|node| node.window.start());
            self.rest = self.rest.map(|rest| rest.starting_at(start.unwrap_or_else(|| rest.end())));
        }
    }

    /// Notes the next row of the current window as handed over.
    fn next_row(&mut self) -> Option<S::Row> {
        let current = self.current.as_mut()?;
        let row = current.rows.next()?;
        match row.time() {
            Some(_) => drop(current.handed_over.insert(row.key(), row.amounts())),
            None => self.handed_over.remember_in_flight(&row),
        }
        self.manifest.rows += 1;
        self.manifest.late_rows += u64::from(current.purpose == Purpose::LookBack);
        self.manifest.outside += u64::from(is_outside(&row, current.window));
        Some(row)
    }
}

/// Whether a row's time lies outside the window that it was listed in.
fn is_outside(row: &impl ScanRow, window: Window) -> bool {
    row.time().is_some_and(|time| !window.contains(time))
}
