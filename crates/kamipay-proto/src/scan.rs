//! Complete listings: a period of any length, every row once, or an error that says what is
//! missing.
//!
//! The API caps the period of a call, pages by offset, and says nothing about inclusive ends, sort
//! order, or rows that appear while one is paging. A [`Scan`] takes any period and deals with all
//! of that. It is a state machine without IO: it says what to ask ([`Scan::request`]), is told
//! what came ([`Scan::answer`]), and hands rows over ([`Scan::delivery`]).
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
//!             let request = scan.request().expect("nothing is on its way, so something is to be asked");
//!             let output = send(&request.call)?; // with any client; ask several at once if you like
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
//! * The period is cut into windows that the API accepts. Neighbours overlap by the finest step of
//!   the API's clock (a microsecond; a second for confirmed charges), and a row that comes in both
//!   is handed over once. So it does not matter whether the API takes a window's start and end as
//!   inclusive or exclusive.
//! * A window is cut further until all its rows fit on one page with room to spare. A page that is
//!   not full, and has as many different rows as its `total` says, is one look at the whole window:
//!   no offset, and nothing that could shift between two requests.
//! * Anything else (an empty or short page, a row twice, a `total` that disagrees) is read again, a
//!   bounded number of times, and is then an error with the evidence.
//! * One window after the other is asked for with another limit (1000, 999, …), so that the answer to
//!   another window's question, from a cache or a connection that is one answer behind, is seldom
//!   taken: it echoes another limit. Where limits do not tell, a window that has just the rows of
//!   the one before it is read again.
//! * Rows that stand at one instant can not be cut apart, and rows that stand close together are
//!   not worth cutting apart (the charges of one settlement). They are paged by offset, ten pages at
//!   most where it could be helped, and as often as it takes until two readings one after the other
//!   give the same rows: what comes and goes between two pages can hide a row from the count once,
//!   and not twice in the same way.
//! * Rows come oldest first, whatever order the API has, and rows whose time does not show (lots in
//!   flight) at the start of their window. So one thread and many give the same, row by row; a scan
//!   that was resumed, in parts or with other pages cuts other windows, and can have rows without a
//!   time in other places among the same rows.
//!
//! # What is guaranteed
//!
//! | the API | a row that is there throughout, at one time |
//! | --- | --- |
//! | takes the ends of a window as inclusive or exclusive, in any combination | is handed over exactly once; only for rows exactly on the two ends of the *period* it is the API's reading that decides |
//! | sorts in any order, or in another one each time | is handed over exactly once; where more rows than a page holds stand at one instant, in another order each time, the scan may end with [`Incomplete`] |
//! | gains or loses other rows between any two requests | is handed over exactly once; where they never stop among rows that have to be paged, the scan ends with [`Incomplete`] |
//! | answers to another `offset` or `limit` | no such answer is taken: [`Endpoint::verify`] |
//! | counts wrong, returns too few rows or an empty page, for a while | is handed over exactly once, after a re-read |
//! | does so for good | the scan ends with [`Incomplete`] |
//! | ignores the dates that it is asked for | the scan ends with [`Incomplete`], where there are two windows that could show it |
//!
//! What no client can guarantee, and what helps:
//!
//! * A row that is *added* to a window that was handed over already (a payment booked late) is not
//!   in this scan. [`Scan::with_look_back`] reads the newest part once more at the end, and hands
//!   over what was added.
//! * A row whose date *moves* while the scan runs is handed over, not handed over, or handed over
//!   twice, depending on where it moves from and to. Scan the period again, later.
//! * An API that leaves a row out of its answer and of its `total` alike is not found out.
//!
//! Memory is bounded by the pages in flight, not by the period: see [`Scan::with_look_ahead`].
//!
//! # In parts, and on other machines
//!
//! [`Scan::parts`] cuts a scan into parts that can be read anywhere and in any order: each is a
//! [`ScanState`], which is plain serde data. Their rows, one part after the other, are the rows of
//! the scan. [`Scan::state`] is the same kind of data for what is left of a scan that was stopped.

mod listing;
mod manifest;
mod state;
#[cfg(test)]
mod tests;
mod window;

pub use listing::Scannable;
pub use manifest::{Incomplete, Manifest, Reading, Reason};
pub use state::{LookBackState, ScanState};
pub use window::Window;

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use self::window::Cover;
use crate::page::{InvalidPageSize, Row};
use crate::{Endpoint, Period};

type Output<S> = <<S as Scannable>::Call as Endpoint>::Output;
type Key<S> = <<S as Scannable>::Row as Row>::Key;

/// The most pages of a window that is paged although it could be cut.
const MOST_PAGES: u64 = 10;

/// The reading of a whole listing: see the [module](self).
#[derive(Clone, Debug)]
pub struct Scan<S: Scannable> {
    what: S,
    page_size: u64,
    rereads: u32,
    look_ahead: usize,
    look_back: Option<LookBack<Key<S>>>,

    /// The windows that are not planned yet, behind those that are.
    cover: Option<Cover>,
    /// The windows that are asked for, or wait to be handed over, in the order of time.
    queue: VecDeque<Node<S::Row>>,
    /// The windows that were cut, by their tickets.
    cuts: HashMap<u64, Cut>,
    tickets: u64,

    /// Rows of a saved state that are not to be handed over again, up to a time.
    seen: HashSet<Key<S>>,
    seen_until: Option<DateTime<Utc>>,
    /// The rows of the window before: one on the border is among the next one's too.
    previous: HashSet<Key<S>>,
    previous_end: Option<DateTime<Utc>>,
    current: Option<Current<S::Row>>,
    /// What of the period is not handed over whole.
    rest: Option<Period>,
    manifest: Manifest,
    is_done: bool,
}

/// A call to make, and what to name when its answer comes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request<C> {
    /// For [`Scan::answer`] or [`Scan::give_back`].
    pub ticket: Ticket,
    /// What to send.
    pub call: C,
}

/// Names a request that is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

/// What a scan has for whoever reads its rows.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever drives a scan has to deal with each")]
pub enum Delivery<R> {
    /// The next row.
    Row(R),
    /// Nothing until an answer comes.
    Waiting,
    /// All rows were handed over.
    Done(Manifest),
    /// The listing can not be completed. What was handed over is right, and not the whole.
    Incomplete(Box<Incomplete>),
}

/// A window on its way from being planned to being handed over.
#[derive(Clone, Debug)]
struct Node<R: Row> {
    ticket: u64,
    window: Window,
    purpose: Purpose,
    progress: Progress<R>,
    readings: Vec<Reading>,
    /// Which cut it comes from, in [`Scan::cuts`].
    cut: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    HandOver,
    /// The overlap with a part that somebody else reads: its rows are theirs.
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
}

impl Cut {
    fn of(rows: u64, page_size: u64) -> Self {
        // Twice, because a row on a border is in both parts; a page, because rows are added.
        Self { rows, left: rows.saturating_mul(2).saturating_add(page_size) }
    }

    fn by_force(rows: u64, page_size: u64) -> Self {
        Self { rows: u64::MAX, ..Self::of(rows, page_size) }
    }
}

#[derive(Clone, Debug)]
enum Progress<R: Row> {
    /// To be asked: the first page, or the next one of a window that is paged.
    Waiting(Option<Pages<R>>),
    /// Asked.
    Asked(Option<Pages<R>>),
    Ready(Vec<R>),
    Failed(Reason),
}

/// A window of several pages, being read by offset.
#[derive(Clone, Debug)]
struct Pages<R: Row> {
    total: u64,
    rows: Vec<R>,
    /// What the reading before gave, to be given again.
    before: Option<HashSet<R::Key>>,
}

/// The window whose rows are being handed over.
#[derive(Clone, Debug)]
struct Current<R: Row> {
    window: Window,
    purpose: Purpose,
    rows: std::vec::IntoIter<R>,
    /// All rows of the window, handed over or not.
    keys: HashSet<R::Key>,
    handed_over: Vec<R::Key>,
}

#[derive(Clone, Debug)]
struct LookBack<K> {
    period: Period,
    /// The rows of this time that were handed over.
    handed_over: HashSet<K>,
    is_due: bool,
}

impl<S: Scannable> Scan<S> {
    /// Reads this listing from its start.
    pub fn new(what: S) -> Self {
        Self::resume(ScanState::new(what))
    }

    /// Goes on where a scan stood, or reads a part of one.
    pub fn resume(state: ScanState<S>) -> Self {
        let mut scan = Self {
            page_size: S::MAX_PAGE,
            rereads: 4,
            look_ahead: 4,
            look_back: state.look_back.map(|it| LookBack {
                period: it.period,
                handed_over: it.handed_over.into_iter().collect(),
                is_due: true,
            }),
            cover: None,
            queue: VecDeque::new(),
            cuts: HashMap::new(),
            tickets: 0,
            seen: state.seen.into_iter().collect(),
            seen_until: state.seen_until,
            previous: HashSet::new(),
            previous_end: None,
            current: None,
            rest: state.scan.period(),
            manifest: state.manifest,
            is_done: state.is_done,
            what: state.scan,
        };
        match scan.what.period() {
            _ if scan.is_done => {}
            None => scan.append(Window::open(), Purpose::HandOver),
            Some(period) => {
                if state.continues && !period.is_empty() {
                    scan.append(Window::border::<S>(period), Purpose::Border);
                }
                scan.cover = Cover::of::<S>(period);
            }
        }
        scan
    }

    /// Asks for pages of so many rows, in place of the largest ones that the API gives.
    ///
    /// It is also the most rows that a window may have, so that a smaller page means less memory
    /// and more requests. Windows are asked for with up to 7 rows less, by turns, so that their
    /// answers can be told apart; of less than 20 rows, all are asked for alike. A listing without
    /// pages (the confirmed charges) takes no notice.
    ///
    /// # Errors
    ///
    /// If `rows` is 0 or more than the API allows.
    pub fn with_page_size(mut self, rows: u64) -> Result<Self, InvalidPageSize> {
        if !(1..=S::MAX_PAGE).contains(&rows) {
            let max = u16::try_from(S::MAX_PAGE).unwrap_or(u16::MAX);
            return Err(InvalidPageSize { rows, max });
        }
        self.page_size = rows;
        Ok(self)
    }

    /// Reads a window that is not consistent so many times again before it gives up: 4 unless told
    /// otherwise.
    #[must_use]
    pub fn with_rereads(mut self, rereads: u32) -> Self {
        self.rereads = rereads;
        self
    }

    /// Has at most so many windows asked for or waiting to be handed over at a time: 4 unless told
    /// otherwise. For each, a page of rows is held, or ten where rows stand close together.
    #[must_use]
    pub fn with_look_ahead(mut self, windows: usize) -> Self {
        self.look_ahead = windows.max(1);
        self
    }

    /// Has at least so many windows asked for or waiting to be handed over at a time.
    pub fn raise_look_ahead(&mut self, windows: usize) {
        self.look_ahead = self.look_ahead.max(windows);
    }

    /// Reads the newest part of the period once more at the end, and hands over the rows that were
    /// added to it meanwhile.
    ///
    /// The keys of all rows in this part are held in memory, and in [`state`](Self::state). A
    /// state that was saved with a look-back has it still. Nothing without a period.
    #[must_use]
    pub fn with_look_back(mut self, length: Duration) -> Self {
        if let (Some(period), None) = (self.what.period(), &self.look_back) {
            let newest = period.newest(TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX));
            let handed_over = self.seen.clone();
            self.look_back = Some(LookBack { period: newest, handed_over, is_due: true });
        }
        self
    }

    /// The scan in parts, each no longer than the API takes at once: their rows, one part after the
    /// other, are the rows of the scan.
    ///
    /// A part asks once more than it would otherwise, for the rows on its border that the part
    /// before it hands over.
    pub fn parts(what: S) -> impl Iterator<Item = ScanState<S>> {
        let whole =
            what.period().is_none_or(Period::is_empty).then(|| ScanState::new(what.clone()));
        let windows = what.period().and_then(Cover::of::<S>).into_iter().flatten();
        let parts = windows.enumerate().filter_map(move |(n, window)| {
            let part = what.with_period(window.period()?);
            Some(ScanState { continues: n > 0, ..ScanState::new(part) })
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
        let mut state = ScanState::new(match self.rest {
            Some(rest) => self.what.with_period(rest),
            None => self.what.clone(),
        });
        let mut seen: HashSet<&Key<S>> = self.seen.iter().chain(&self.previous).collect();
        state.seen_until = self.seen_until.max(self.previous_end);
        if let Some(current) = &self.current {
            seen.extend(&current.handed_over);
            state.seen_until = state.seen_until.max(current.window.end());
        }
        state.seen = sorted(seen);
        state.look_back = self.look_back.as_ref().map(|it| {
            let handed_over = match &self.current {
                Some(current) => it.handed_over.iter().chain(&current.handed_over).collect(),
                None => it.handed_over.iter().collect(),
            };
            LookBackState { period: it.period, handed_over: sorted(handed_over) }
        });
        state.continues = self.queue.front().is_some_and(|node| node.purpose == Purpose::Border);
        state.is_done = self.is_done;
        state.manifest = self.manifest.clone();
        state
    }

    /// The next call to make, if one can be made now. Several can be on their way at once.
    pub fn request(&mut self) -> Option<Request<S::Call>> {
        self.refill();
        let mut ahead = self.queue.iter_mut().take(self.look_ahead);
        let node = ahead.find(|node| matches!(node.progress, Progress::Waiting(_)))?;
        let Progress::Waiting(pages) = &mut node.progress else { return None };
        let pages = pages.take();
        let offset = pages.as_ref().map_or(0, |pages| pages.rows.len() as u64);
        node.progress = Progress::Asked(pages);
        self.manifest.requests += 1;
        let limit = limit(self.page_size, node.ticket);
        let call = self.what.call(node.window, limit, offset);
        Some(Request { ticket: Ticket(node.ticket), call })
    }

    /// Takes the answer to a request. One that nobody waits for is not used.
    pub fn answer(&mut self, ticket: Ticket, output: Output<S>) {
        let Some(at) = self.find(ticket) else { return };
        let Progress::Asked(pages) = &mut self.queue[at].progress else { return };
        let pages = pages.take();
        let (rows, total) = S::page(output);
        match (pages, total) {
            (None, None) => {
                let all = rows.len() as u64;
                self.take_window(at, rows, all);
            }
            (None, Some(total)) => self.take_page(at, rows, total),
            (Some(pages), total) => self.take_next_page(at, pages, rows, total.unwrap_or(0)),
        }
    }

    /// Gives a request back that got no answer: it is to be asked again.
    pub fn give_back(&mut self, ticket: Ticket) {
        let Some(at) = self.find(ticket) else { return };
        if let Progress::Asked(pages) = &mut self.queue[at].progress {
            self.queue[at].progress = Progress::Waiting(pages.take());
        }
    }

    /// What is there to be handed over.
    pub fn delivery(&mut self) -> Delivery<S::Row> {
        loop {
            if let Some(current) = &mut self.current {
                if let Some(row) = current.rows.next() {
                    current.handed_over.push(row.key());
                    self.manifest.rows += 1;
                    if current.purpose == Purpose::LookBack {
                        self.manifest.late_rows += 1;
                    }
                    return Delivery::Row(row);
                }
                self.close_window();
            }
            self.refill();
            let Some(node) = self.queue.front_mut() else {
                if self.plan_look_back() {
                    continue;
                }
                self.is_done = true;
                return Delivery::Done(self.manifest.clone());
            };
            match &mut node.progress {
                Progress::Waiting(_) | Progress::Asked(_) => return Delivery::Waiting,
                Progress::Failed(reason) => {
                    return Delivery::Incomplete(Box::new(Incomplete {
                        window: node.window,
                        reason: *reason,
                        readings: node.readings.clone(),
                        manifest: self.manifest.clone(),
                    }));
                }
                Progress::Ready(rows)
                    if node.purpose == Purpose::HandOver
                        && is_repetition::<S>(rows, &self.previous) =>
                {
                    if node.readings.len() > self.rereads as usize {
                        node.progress = Progress::Failed(Reason::Repeated);
                    } else {
                        self.read_again(0, None);
                    }
                }
                Progress::Ready(rows) => {
                    let (rows, window, purpose) = (std::mem::take(rows), node.window, node.purpose);
                    let cut = node.cut;
                    self.queue.pop_front();
                    self.forget_cut(cut);
                    self.open_window(window, purpose, rows);
                }
            }
        }
    }

    fn find(&self, Ticket(ticket): Ticket) -> Option<usize> {
        self.queue.iter().position(|node| node.ticket == ticket)
    }

    /// Plans no more than is to be asked for soon.
    fn refill(&mut self) {
        while self.queue.len() < self.look_ahead {
            let Some(window) = self.cover.as_mut().and_then(Cover::next) else { return };
            self.append(window, Purpose::HandOver);
        }
    }

    fn plan_look_back(&mut self) -> bool {
        let Some(look_back) = self.look_back.as_mut().filter(|it| it.is_due) else { return false };
        look_back.is_due = false;
        let windows: Vec<_> = Cover::of::<S>(look_back.period).into_iter().flatten().collect();
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
        self.tickets += 1;
        let progress = Progress::Waiting(None);
        Node { ticket: self.tickets, window, purpose, progress, readings: Vec::new(), cut }
    }

    /// All rows of a window, in one look.
    fn take_window(&mut self, at: usize, rows: Vec<S::Row>, total: u64) {
        if self.record(at, &rows, total) {
            self.queue[at].progress = Progress::Ready(rows);
        } else {
            self.read_again(at, None);
        }
    }

    /// The first page of a window, and mostly all of it.
    fn take_page(&mut self, at: usize, rows: Vec<S::Row>, total: u64) {
        if !self.fits_its_whole(at, total) {
            self.record(at, &rows, total);
            self.queue[at].progress = Progress::Failed(Reason::DatesIgnored);
            return;
        }
        // A full page says nothing about what comes after it, whatever `total` says.
        let count = total.max(rows.len() as u64);
        if count < self.limit(at) {
            self.take_window(at, rows, total);
            return;
        }
        if !self.is_dense(at, count) {
            if let Some(windows) = self.queue[at].window.cut::<S>(count, self.page_size) {
                let whole = self.queue[at].cut.and_then(|cut| self.cuts.get(&cut));
                let cut = match whole {
                    Some(whole) if whole.rows == u64::MAX => Cut::by_force(count, self.page_size),
                    _ => Cut::of(count, self.page_size),
                };
                self.cut(at, windows, cut);
                return;
            }
        }
        self.take_next_page(at, Pages { total, rows: Vec::new(), before: None }, rows, total);
    }

    /// A page of a window that has several.
    fn take_next_page(
        &mut self,
        at: usize,
        mut pages: Pages<S::Row>,
        rows: Vec<S::Row>,
        total: u64,
    ) {
        let is_last = (rows.len() as u64) < self.limit(at);
        pages.rows.extend(rows);
        let count = pages.rows.len() as u64;
        if total == pages.total && count <= total && !is_last {
            self.queue[at].progress = Progress::Waiting(Some(pages));
            return;
        }
        // Also where the page before was the last one, full to its end, and this one is empty.
        let is_consistent = self.record(at, &pages.rows, total);
        if total != pages.total || !is_consistent {
            self.read_again(at, None);
            return;
        }
        // Rows that come and go between two pages can hide each other from the count. They can not
        // do so twice with the same rows.
        let now = keys(&pages.rows);
        match &pages.before {
            Some(before) if *before == now => {
                self.queue[at].progress = Progress::Ready(pages.rows);
            }
            Some(_) => self.read_again(at, Some((total, now))),
            None => {
                let pages = Pages { total, rows: Vec::new(), before: Some(now) };
                self.queue[at].progress = Progress::Waiting(Some(pages));
            }
        }
    }

    /// Notes a reading as evidence: whether it is as many different rows as its `total` says.
    fn record(&mut self, at: usize, rows: &[S::Row], total: u64) -> bool {
        let (rows, distinct) = (rows.len() as u64, keys(rows).len() as u64);
        self.queue[at].readings.push(Reading { total, rows, distinct });
        rows == total && distinct == total
    }

    fn read_again(&mut self, at: usize, before: Option<(u64, HashSet<Key<S>>)>) {
        let limit = self.limit(at);
        let node = &mut self.queue[at];
        if node.readings.len() > self.rereads as usize {
            // Paging was a short cut, if the window can be cut: smaller ones need no paging.
            let count = node.readings.iter().map(|it| it.total.max(it.rows)).max().unwrap_or(0);
            let windows =
                if count < limit { None } else { node.window.cut::<S>(count, self.page_size) };
            match windows {
                Some(windows) => self.cut(at, windows, Cut::by_force(count, self.page_size)),
                None => self.queue[at].progress = Progress::Failed(Reason::Inconsistent),
            }
            return;
        }
        self.manifest.rereads += 1;
        node.progress = Progress::Waiting(before.map(|(total, before)| Pages {
            total,
            rows: Vec::new(),
            before: Some(before),
        }));
    }

    fn cut(&mut self, at: usize, windows: Vec<Window>, cut: Cut) {
        let Some(whole) = self.queue.remove(at) else { return };
        self.manifest.cuts += 1;
        self.cuts.insert(whole.ticket, cut);
        for (n, window) in windows.into_iter().enumerate() {
            let part = self.node(window, whole.purpose, Some(whole.ticket));
            self.queue.insert(at + n, part);
        }
        self.forget_cut(whole.cut);
    }

    /// Nobody asks about a cut after the last of its parts.
    fn forget_cut(&mut self, cut: Option<u64>) {
        let Some(cut) = cut else { return };
        if !self.queue.iter().any(|node| node.cut == Some(cut)) {
            self.cuts.remove(&cut);
        }
    }

    /// How many rows a window is asked for.
    fn limit(&self, at: usize) -> u64 {
        limit(self.page_size, self.queue[at].ticket)
    }

    /// Whether cutting has not helped: most rows of the window that this one was cut from are in it.
    ///
    /// The charges of one settlement stand at one instant. To cut down to it costs more requests
    /// than to page twice, as long as the pages are few.
    fn is_dense(&self, at: usize, count: u64) -> bool {
        let whole = self.queue[at].cut.and_then(|cut| self.cuts.get(&cut));
        whole.is_some_and(|whole| count > whole.rows / 2)
            && count <= self.page_size.saturating_mul(MOST_PAGES)
    }

    /// Whether the parts of a window have no more rows than it had: else the API does not look at
    /// the dates, and cutting further would go on for ever.
    fn fits_its_whole(&mut self, at: usize, total: u64) -> bool {
        let node = &self.queue[at];
        if !node.readings.is_empty() {
            return true; // counted when it was read first
        }
        let Some(whole) = node.cut.and_then(|cut| self.cuts.get_mut(&cut)) else { return true };
        match whole.left.checked_sub(total) {
            Some(left) => {
                whole.left = left;
                true
            }
            None => false,
        }
    }

    /// Takes out what was handed over before, and puts the rest in order.
    fn open_window(&mut self, window: Window, purpose: Purpose, rows: Vec<S::Row>) {
        if self.seen_until.is_some_and(|until| window.start().is_some_and(|start| start > until)) {
            self.seen.clear();
            self.seen_until = None;
        }
        let (keys, count) = (keys(&rows), rows.len() as u64);
        let is_known = |key: &Key<S>| match purpose {
            Purpose::Border => true,
            Purpose::HandOver => self.previous.contains(key) || self.seen.contains(key),
            Purpose::LookBack => {
                self.look_back.as_ref().is_some_and(|it| it.handed_over.contains(key))
            }
        };
        let mut rows: Vec<S::Row> = rows.into_iter().filter(|row| !is_known(&row.key())).collect();
        rows.sort_by_cached_key(|row| (row.time(), row.key()));
        if purpose == Purpose::HandOver {
            self.manifest.duplicates += count - rows.len() as u64;
        }
        let rows = rows.into_iter();
        self.current = Some(Current { window, purpose, rows, keys, handed_over: Vec::new() });
    }

    fn close_window(&mut self) {
        let Some(current) = self.current.take() else { return };
        if let Some(look_back) = &mut self.look_back {
            if current.window.end().is_some_and(|end| end >= look_back.period.start()) {
                look_back.handed_over.extend(current.keys.iter().cloned());
            }
        }
        if current.purpose == Purpose::HandOver {
            self.manifest.windows += 1;
            self.refill();
            let next = self.queue.front().filter(|node| node.purpose == Purpose::HandOver);
            let start = next.and_then(|node| node.window.start());
            self.rest = self.rest.map(|rest| rest.starting_at(start.unwrap_or_else(|| rest.end())));
        }
        if current.purpose != Purpose::LookBack {
            self.previous = current.keys;
            self.previous_end = current.window.end();
        }
    }
}

/// One window after the other with another limit, so that their answers can be told apart.
fn limit(page_size: u64, ticket: u64) -> u64 {
    let kinds = (page_size / 10).clamp(1, 8);
    page_size - (ticket - 1) % kinds
}

/// Whether these rows are those of the window before, and not because they stand on the border.
fn is_repetition<S: Scannable>(rows: &[S::Row], previous: &HashSet<Key<S>>) -> bool {
    if rows.len() != previous.len() {
        return false;
    }
    let mut times = rows.iter().filter_map(Row::time);
    let Some(first) = times.next() else { return false };
    let (earliest, latest) = times
        .fold((first, first), |(earliest, latest), time| (earliest.min(time), latest.max(time)));
    latest - earliest > S::RESOLUTION && rows.iter().all(|row| previous.contains(&row.key()))
}

fn keys<R: Row>(rows: &[R]) -> HashSet<R::Key> {
    rows.iter().map(Row::key).collect()
}

fn sorted<K: Clone + Ord>(keys: HashSet<&K>) -> Vec<K> {
    let mut keys: Vec<K> = keys.into_iter().cloned().collect();
    keys.sort();
    keys
}
