//! Complete listings: every row of a period once, or an error that says what is missing.
//!
//! The API limits the period of a call, pages by offset, and does not document inclusive ends, sort
//! order, or rows that appear between two pages. A [`Scan`] reads any period. It is a state machine
//! without IO: it names the next call ([`Scan::request`]), takes the response ([`Scan::answer`]),
//! and hands over rows ([`Scan::delivery`]).
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
//!             let request = scan.request().expect("no request is under way");
//!             let output = send(&request.call)?; // with any client, also several at once
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
//! * **Windows.** The scan cuts the period into windows that the API accepts, and cuts each of them
//!   until its rows fit on one page. Neighbours overlap by one second, so it does not matter how
//!   the API treats their ends. A row in two windows is handed over once.
//! * **Pages.** A page below its limit, with as many different rows as its `total`, is the whole
//!   window. Rows too close together to cut are paged by offset. Pages overlap by one row, to
//!   detect shifts. Two readings in succession, with different page borders, must give the same
//!   rows.
//! * **Re-reads.** The scan reads an inconsistent window again, up to [`Scan::with_rereads`] times.
//!   If that does not help, it ends as [`Incomplete`], with the evidence.
//! * **Matching.** The readings of a window and the requests under way have different limits (1000,
//!   999, …), and a scan starts on a fresh connection, so that another request's response does not
//!   match. Rows outside the window are a [`Mismatch`](crate::Mismatch), except lots. A window
//!   without a row that only this window can have, such as an empty one, is asked for again on a
//!   fresh connection ([`ScanRequest::on_fresh_connection`]) until two readings agree.
//! * **Ends.** A period is half-open, `start <= time < end`, so that days add up to the month. The
//!   scan asks for one second more and drops rows by their time. It does so where the vendor's page
//!   names the time that the API lists by (settlements, transactions, pending charges). The page of
//!   lots does not name it. A lot whose `created_at` lies outside the period is dropped only if the
//!   neighbouring period lists it too. To find out, the scan reads the two seconds around that end.
//!   It also reads a window far away: a lot in both shows that the API ignores the dates, and is
//!   kept. Rows without a time are kept. Confirmed charges have two times, and the page does not
//!   say which counts: there the API decides about rows at the ends.
//! * **Order.** Oldest first. Rows without a time (lots in flight) come first in their window,
//!   once. The number of threads changes neither the rows nor their order.
//!
//! # What is guaranteed
//!
//! | the API, or a server in front of it | a row that is listed throughout, with one time, comes |
//! | --- | --- |
//! | includes or excludes the ends of a window, to 1 µs, 1 ms or 1 s | once |
//! | sorts in any order, even another one each time | once; if it sorts anew each time and 3 seconds hold more rows than a page: once or [`Incomplete`] |
//! | adds or removes other rows between requests | once; if paged rows never settle: [`Incomplete`] |
//! | has replicas that lag or differ, and answer in any turn | once, if all replicas have it; if they never agree on a paged window: [`Incomplete`] |
//! | caches by URL | once: no reading of a window in pages repeats a URL |
//! | is one or two answers behind on a connection | once, or an error |
//! | counts wrong or returns too few rows, for a while | once, after another reading |
//! | does so permanently | [`Incomplete`] |
//! | returns fewer rows than the limit it echoes | once, with more requests |
//! | counts to 10,000 at most | once; if 3 seconds hold more rows: [`Incomplete`] |
//! | lists lots by another time than `created_at` | once, and days add up |
//! | ignores the dates | an error, if rows' times or two windows can show it. Other lots are kept; [`Manifest::outside`] counts those outside |
//! | lists a row without a time, later with one | once, as it came first |
//! | returns a row again with other amounts | [`Incomplete`] |
//!
//! Not guaranteed:
//!
//! * A row that only some replicas have is listed or not. If they also list rows of one time in
//!   different orders, for as long as a paged window is read, another row of that time can be
//!   missing.
//! * A row *added* to a window that was handed over (a payment booked late) is not in the scan.
//!   [`Scan::with_look_back`] reads the newest part again at the end.
//! * A row whose time *changes* during the scan can be missing or come twice.
//! * A row missing from both the answer and its `total` is not noticed. The same holds for a page
//!   and a `total` capped at the same number, and for a list without a `total`.
//! * Two scans of one list by one client in turn, with overlapping periods or different filters,
//!   can take each other's responses on a connection that is behind, if their limits happen to be
//!   equal.
//! * A cache filled before the scan that ignores `Cache-Control` returns old rows.
//!
//! Memory is bounded by the pages in flight, not by the period: see [`Scan::with_look_ahead`].
//!
//! # Parts, and resuming
//!
//! [`Scan::parts`] cuts a scan into parts, to read in any order on any machine. In the order of the
//! parts, their rows are the rows of the scan. A lot in flight belongs to the first part. A lot
//! that is mined while the parts are read can be in none or two of them. So can a lot or confirmed
//! charge that appears or disappears at the border of two parts. A part is a [`ScanState`], plain
//! serde data. [`Scan::state`] is the same for the rest of a stopped scan.

mod delivery;
mod listing;
mod manifest;
mod reading;
mod state;
#[cfg(test)]
mod tests;
mod window;

pub use crate::page::{Amounts, ScanRow};
pub use listing::Scannable;
pub(crate) use listing::{ListedBy, Sealed};
pub use manifest::{Incomplete, Manifest, Reading, Reason};
pub use state::ScanState;
use state::{LookBackState, Seen};
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

/// Maximum pages of a window that is paged although it could be cut.
const MOST_PAGES: u64 = 10;

/// Reads a whole listing: see the [module](self).
#[derive(Clone, Debug)]
pub struct Scan<S: Scannable> {
    what: S,
    rereads: u32,
    look_ahead: usize,
    limits: Limits,

    /// The windows that are not planned yet.
    cover: Option<Cover>,
    /// The planned windows, in the order of time, until they are handed over.
    queue: VecDeque<Node<S::Row>>,
    /// The windows that were cut, by their number.
    cuts: HashMap<u64, Cut>,
    /// The last number of a window or request.
    numbers: u64,
    /// Number of windows that were handed over.
    closed: u64,

    /// Whether the previous part hands over the rows on the border.
    continues: bool,
    /// Whether no response was taken yet.
    is_untouched: bool,
    /// The period of the whole listing, of which this may be a part. Rows outside are dropped where
    /// their time decides.
    outer: Option<Period>,
    handed_over: HandedOver<Key<S>>,
    current: Option<Current<S::Row>>,
    /// The part of the period that is not handed over completely.
    rest: Option<Period>,
    manifest: Manifest,
    is_done: bool,
}

/// A call to send, and the ticket for its response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScanRequest<C> {
    /// Names the request in [`Scan::answer`] and [`Scan::give_back`].
    pub ticket: Ticket,
    /// The call to send.
    pub call: C,
    /// Whether to close kept connections first. The last response may have answered an earlier
    /// request on its connection, and only a new connection can show that.
    pub on_fresh_connection: bool,
}

/// Identifies a request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

/// The scan's next output.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a driver of a scan must handle each")]
pub enum Delivery<R> {
    /// The next row.
    Row(R),
    /// No row until the next response arrives.
    Waiting,
    /// All rows were handed over.
    Done(Manifest),
    /// The listing cannot be completed. The rows so far are right, but not all.
    Incomplete(Box<Incomplete>),
}

/// A planned window, until it is handed over.
#[derive(Clone, Debug)]
struct Node<R: ScanRow> {
    number: u64,
    window: Window,
    purpose: Purpose,
    progress: Progress<R>,
    reader: Reader<R>,
    /// Number of windows that were handed over when its reading began.
    begun: u64,
    /// The window that it was cut from, in [`Scan::cuts`].
    cut: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    HandOver,
    /// The overlap with the previous part, which hands over its rows.
    Border,
    /// Shows which rows a neighbouring period has too.
    Edge,
    /// Read again, for rows that were added.
    LookBack,
}

/// A window that was cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Its number of rows. `u64::MAX`: do not page its parts.
    rows: u64,
    /// How many more rows its parts may have.
    left: u64,
    /// Number of its parts with more than half of its rows.
    large_parts: u32,
    /// Whether it was cut because it has the rows of the previous window.
    is_repetition: bool,
}

impl Cut {
    fn of(rows: u64, page_size: u64) -> Self {
        // Twice: a row on a border is in both parts. Plus a page: rows are added meanwhile.
        let left = rows.saturating_mul(2).saturating_add(page_size);
        Self { rows, left, large_parts: 0, is_repetition: false }
    }

    fn by_force(rows: u64, page_size: u64) -> Self {
        Self { rows: u64::MAX, ..Self::of(rows, page_size) }
    }
}

#[derive(Clone, Debug)]
enum Progress<R> {
    /// The next request is not sent yet.
    Waiting,
    /// Under way.
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
    /// All rows of the window that have a time.
    contents: Contents<R::Key>,
    handed_over: Contents<R::Key>,
}

impl<S: Scannable> Scan<S> {
    /// Reads a listing from its start.
    pub fn new(what: S) -> Self {
        Self::resume(ScanState::new(what))
    }

    /// Continues a stopped scan, or reads a part of one.
    pub fn resume(state: ScanState<S>) -> Self {
        let period = state.scan.period();
        let outer = state.outer.or(period);
        let first = match period {
            // Other limits than the previous part, which may be read at the same time.
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

    /// Rows per page. Default: the API's maximum.
    ///
    /// Windows are cut to about this many rows, so smaller pages need less memory and more
    /// requests. Each reading asks for another limit: up to 99 more rows, or fewer where the API's
    /// maximum is near. No effect for confirmed charges, which have no pages.
    ///
    /// # Errors
    ///
    /// If `rows` is 0 or above the API's maximum.
    pub fn with_page_size(mut self, rows: u64) -> Result<Self, InvalidPageSize> {
        if !(1..=S::MAX_PAGE).contains(&rows) {
            let max = u16::try_from(S::MAX_PAGE).unwrap_or(u16::MAX);
            return Err(InvalidPageSize { rows, max });
        }
        self.limits.set_page_size(rows);
        Ok(self)
    }

    /// Maximum re-reads of an inconsistent window. Default: 4. The number of limits (50 to 100) is a
    /// maximum as well.
    #[must_use]
    pub fn with_rereads(mut self, rereads: u32) -> Self {
        self.rereads = rereads;
        self
    }

    /// Maximum windows that are requested or held at a time. Default: 4.
    ///
    /// Each holds one page of rows in memory, or ten pages where rows are close together.
    #[must_use]
    pub fn with_look_ahead(mut self, windows: usize) -> Self {
        self.look_ahead = windows.max(1);
        self
    }

    /// Raises the maximum of [`with_look_ahead`](Self::with_look_ahead) to at least `windows`.
    pub fn raise_look_ahead(&mut self, windows: usize) {
        self.look_ahead = self.look_ahead.max(windows);
    }

    /// Reads the last `length` of the period again at the end, and hands over the rows that were
    /// added to it. Default: no look-back.
    ///
    /// The keys of all rows in that time are held in memory and in [`state`](Self::state). A stored
    /// state keeps its look-back. No effect for a listing without a period.
    #[must_use]
    pub fn with_look_back(mut self, length: Duration) -> Self {
        if let Some(period) = self.what.period() {
            let newest = period.newest(TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX));
            self.handed_over.look_back_on(newest);
        }
        self
    }

    /// Cuts a scan into parts, each as long as one call of the API allows. In the order of the
    /// parts, their rows are the rows of the scan.
    ///
    /// Each part after the first sends at least two more requests, for the border with the previous
    /// part.
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
            // Where the row's time decides, a part is a period like any other.
            let outer = whole_period.filter(|_| S::LISTED_BY != ListedBy::RowTime);
            ScanState { continues: n > 0, outer, ..ScanState::new(part) }
        });
        whole.into_iter().chain(parts)
    }

    /// The listing.
    pub fn what(&self) -> &S {
        &self.what
    }

    /// Counts of what was read so far.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The part of the period that is not handed over completely. `None` for a listing without a
    /// period.
    pub fn rest(&self) -> Option<Period> {
        self.rest
    }

    /// The state after the last row that was handed over.
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

    /// The next call to send, if there is one now. Several can be under way at once.
    pub fn request(&mut self) -> Option<ScanRequest<S::Call>> {
        self.refill();
        let ticket = Ticket(self.number());
        let is_read =
            |node: &&Node<_>| matches!(node.progress, Progress::Waiting | Progress::Asked(_));
        let under_way = self.queue.iter().filter(is_read);
        let in_use: Vec<_> = under_way.filter_map(|node| node.reader.limit()).collect();
        let waiting = self.queue.iter_mut().enumerate();
        let waiting = waiting.filter(|(_, node)| matches!(node.progress, Progress::Waiting));
        // Without a limit to give, no reading begins. Those that have begun go on, also behind the
        // look-ahead, where a cut may have moved them: else they could keep every limit.
        let (node, limit) = { waiting }.find_map(|(n, node)| {
            let limit = match node.reader.limit() {
                Some(limit) => limit,
                None if n < self.look_ahead => {
                    let used = node.reader.used_limits();
                    self.limits.next(|limit| in_use.contains(&limit) || used.contains(&limit))?
                }
                None => return None,
            };
            Some((node, limit))
        })?;
        node.progress = Progress::Asked(ticket);
        if node.reader.limit().is_none() {
            node.begun = self.closed;
        }
        node.reader.begin(limit);
        self.manifest.requests += 1;
        let call = self.what.call(node.window, limit, node.reader.offset());
        // Also for the first requests: their connections may be behind with another scan's
        // responses.
        let on_fresh_connection = node.reader.wants_fresh_connection() || self.is_untouched;
        Some(ScanRequest { ticket, call, on_fresh_connection })
    }

    /// Takes the response to a request. A response to an unknown ticket is ignored.
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

    /// Gives back a request that got no response, to send it again.
    pub fn give_back(&mut self, ticket: Ticket) {
        if let Some(at) = self.find(ticket) {
            self.queue[at].progress = Progress::Waiting;
        }
    }

    /// The next output.
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
                    // An edge is read for the rows of the window behind it.
                    let mut windows = self.queue.iter().filter(|it| it.purpose != Purpose::Edge);
                    let missing = windows.next().unwrap_or(node);
                    // The first part of a repetition may be missing as well.
                    let rest = self.rest.filter(|_| self.is_of_repetition(missing));
                    let window = rest
                        .map_or(missing.window, |rest| missing.window.starting_at(rest.start()));
                    return Delivery::Incomplete(Box::new(Incomplete {
                        window,
                        reason: *reason,
                        readings: node.reader.readings().to_vec(),
                        manifest: self.manifest.clone(),
                    }));
                }
                // Since this reading began, a row may have come in a window that was handed over.
                Progress::Ready(rows)
                    if node.begun < self.closed && self.handed_over.has_new_in_flight(rows) =>
                {
                    self.read_again(0, Cause::Confirm, Reason::Inconsistent);
                }
                Progress::Ready(rows) => {
                    if let Some(reason) = self.objection(node, rows) {
                        self.read_again(0, Cause::Inconsistent, reason);
                    } else if let Some(window) = self.unknown_edge(node, rows) {
                        let edge = self.node(window, Purpose::Edge, None);
                        self.queue.push_front(edge);
                    } else if !self.cut_repetition() {
                        self.open_window();
                    }
                }
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

    /// Plans windows up to the look-ahead.
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
        let has_had_its_rereads =
            cause == Cause::Inconsistent && node.reader.readings().len() > self.rereads as usize;
        let has_used_all_limits = node.reader.used_limits().len() as u64 >= self.limits.count();
        if has_had_its_rereads || has_used_all_limits {
            return self.cut_or_fail(at, reason);
        }
        self.manifest.rereads += u64::from(cause == Cause::Inconsistent);
        node.reader.start_again();
        node.progress = Progress::Waiting;
    }

    /// Cuts a window whose paging failed: smaller windows need no paging.
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

    /// Cuts a window if it is long enough.
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

    fn replace(&mut self, at: usize, windows: Vec<Window>, mut cut: Cut) {
        let Some(whole) = self.queue.remove(at) else { return };
        cut.is_repetition |= self.is_of_repetition(&whole);
        self.manifest.cuts += 1;
        self.cuts.insert(whole.number, cut);
        for (n, window) in windows.into_iter().enumerate() {
            let part = self.node(window, whole.purpose, Some(whole.number));
            self.queue.insert(at + n, part);
        }
        self.forget_cut(whole.cut);
    }

    /// Forgets a cut after the last of its parts.
    fn forget_cut(&mut self, cut: Option<u64>) {
        let Some(cut) = cut else { return };
        if !self.queue.iter().any(|node| node.cut == Some(cut)) {
            self.cuts.remove(&cut);
        }
    }

    /// Whether another cut would not help: this part has most rows of the window it was cut from.
    ///
    /// The charges of one settlement share one instant. To page twice costs fewer requests than to
    /// cut down to that instant, if the pages are few. If two parts have most rows, these rows are
    /// in every part (lots in flight), and cutting never helps.
    fn is_dense(&mut self, at: usize, count: u64) -> bool {
        let most = self.limits.page_size().saturating_mul(MOST_PAGES);
        let whole = self.queue[at].cut.and_then(|cut| self.cuts.get_mut(&cut));
        let Some(whole) = whole.filter(|whole| count > whole.rows / 2) else { return false };
        whole.large_parts += 1;
        count != COMMON_CAP && (count <= most || whole.large_parts > 1)
    }

    /// Whether the parts of a window have no more rows than the window. Otherwise the API ignores
    /// the dates, and cutting would never end.
    ///
    /// A page with times inside the window and none outside proves that it does not ignore them.
    /// The window's `total` may have been capped.
    fn fits_its_whole(&mut self, at: usize, rows: &[S::Row], total: u64) -> bool {
        let node = &self.queue[at];
        let mut times = rows.iter().filter_map(ScanRow::time).peekable();
        if times.peek().is_some() && times.all(|time| node.window.contains(time)) {
            return true;
        }
        let Some(whole) = node.cut.and_then(|cut| self.cuts.get_mut(&cut)) else { return true };
        // Rows without a time are in every window. Where there are some, the other pages may have
        // nothing else.
        let timed = rows.iter().filter(|row| row.time().is_some()).count();
        let counted = match timed {
            _ if timed < rows.len() => timed as u64,
            0 => 0,
            _ => total.saturating_sub(self.handed_over.in_flight() as u64),
        };
        match whole.left.checked_sub(counted) {
            Some(left) => {
                whole.left = left;
                true
            }
            None => false,
        }
    }

    /// Why a consistent window contradicts the rows before it.
    fn objection(&self, node: &Node<S::Row>, rows: &[S::Row]) -> Option<Reason> {
        if matches!(node.purpose, Purpose::Border | Purpose::Edge) {
            return None;
        }
        // No instant is in three windows.
        let is_third = self.is_repetition(node, rows) && self.handed_over.is_repeated();
        let is_second = self.is_of_repetition(node)
            && self.handed_over.is_behind_and_repeats(node.window, rows);
        if is_third || is_second {
            return Some(Reason::Repeated);
        }
        rows.iter().any(|row| self.handed_over.contradicts(row)).then_some(Reason::Conflict)
    }

    fn is_repetition(&self, node: &Node<S::Row>, rows: &[S::Row]) -> bool {
        node.purpose == Purpose::HandOver && self.handed_over.is_repetition(rows)
    }

    /// Cuts the first window behind the overlap if it has the rows of the previous window. They may
    /// all be listed in the overlap: then only the first part has them. If the API ignores the
    /// dates, or answers another request, the second part has some of them.
    fn cut_repetition(&mut self) -> bool {
        let Some(node) = self.queue.front() else { return false };
        let Progress::Ready(rows) = &node.progress else { return false };
        if self.is_of_repetition(node) || !self.is_repetition(node, rows) {
            return false;
        }
        let Some(windows) = node.window.cut_behind_overlap() else { return false };
        let cut = Cut::by_force(rows.len() as u64, self.limits.page_size());
        self.handed_over.remember_repeated();
        self.replace(0, windows, Cut { is_repetition: true, ..cut });
        true
    }

    /// Whether the node is a part of a window that has the rows of the previous one.
    fn is_of_repetition(&self, node: &Node<S::Row>) -> bool {
        let whole = node.cut.and_then(|cut| self.cuts.get(&cut));
        whole.is_some_and(|whole| whole.is_repetition)
    }

    /// The window to read before these rows can be handed over.
    fn unknown_edge(&self, node: &Node<S::Row>, rows: &[S::Row]) -> Option<Window> {
        let is_handed_over = matches!(node.purpose, Purpose::HandOver | Purpose::LookBack);
        let whole = self.outer.filter(|_| is_handed_over);
        self.handed_over.unknown_edge::<S>(rows, whole)
    }

    /// Drops rows that are not to be handed over, and sorts the rest.
    fn open_window(&mut self) {
        let Some(node) = self.queue.pop_front() else { return };
        let Progress::Ready(rows) = node.progress else { return };
        self.forget_cut(node.cut);
        let Node { window, purpose, .. } = node;
        if purpose == Purpose::Edge {
            return self.handed_over.remember_edge(window, &rows);
        }
        self.handed_over.enter(window);
        let mut contents = Contents::with_capacity(rows.len());
        let mut new = Vec::with_capacity(rows.len());
        for row in rows {
            // Where the time does not decide for sure, the border tells the parts apart.
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
            if self.handed_over.belongs_to_neighbor::<S>(&row, purpose, self.outer) {
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
        let continues_repetition = purpose == Purpose::HandOver
            && self.queue.front().is_some_and(|next| self.is_of_repetition(next));
        self.handed_over.close(window, purpose, contents, continues_repetition);
        self.closed += 1;
        if purpose == Purpose::HandOver {
            self.continues = false;
            self.manifest.windows += 1;
            self.refill();
            let next = self.queue.front().filter(|node| node.purpose == Purpose::HandOver);
            // Only the last part shows whether the API respects the dates of the first one.
            if !continues_repetition {
                let start = next.and_then(|node| node.window.start());
                let after = |rest: Period| rest.starting_at(start.unwrap_or_else(|| rest.end()));
                self.rest = self.rest.map(after);
            }
        }
    }

    /// Takes the next row of the current window, and notes it as handed over.
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
