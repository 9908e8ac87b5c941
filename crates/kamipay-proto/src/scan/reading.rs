//! Reads one window until it is consistent.

use std::collections::HashMap;

use super::{Reading, Reason};
use crate::page::{Amounts, ScanRow};

/// The keys and amounts of some rows.
pub(super) type Contents<K> = HashMap<K, Amounts>;

/// A `total` of exactly this counts as a cap: search engines stop counting here by default.
pub(super) const COMMON_CAP: u64 = 10_000;

/// Reads one window.
#[derive(Clone, Debug)]
pub(super) struct Reader<R: ScanRow> {
    /// `None` before the first request of a reading.
    limit: Option<u64>,
    pages: Option<Pages<R>>,
    /// The previous reading, which the next one must confirm.
    before: Option<Contents<R::Key>>,
    /// The limits of its readings. None is used twice, so no reading repeats a URL.
    limits: Vec<u64>,
    /// Whether the previous reading may have been the response to another request.
    is_suspicious: bool,
    /// Whether two rows had one key and different amounts.
    has_conflict: bool,
    readings: Vec<Reading>,
}

/// The pages of the reading under way.
#[derive(Clone, Debug)]
struct Pages<R> {
    total: u64,
    rows: Vec<R>,
    /// Whether a page showed that it answers this window.
    is_proven: bool,
    /// Rows on the longest page. The API may return fewer than the limit.
    longest: u64,
}

/// What to do after a page.
#[derive(Debug)]
pub(super) enum Verdict<R> {
    /// Request the next page.
    NextPage,
    /// Read the window again, with [`Reader::start_again`].
    Again(Cause),
    /// The window has more rows than a page: cut it, or continue with [`Reader::page_on`].
    Large(u64),
    /// The window's rows.
    Whole(Vec<R>),
    /// Another reading cannot help.
    Stuck(Reason),
}

/// Why a window is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Confirm,
    Inconsistent,
}

/// Maximum number of different limits.
const MANY: u64 = 100;
/// Number of different limits for pages of fewer rows than this.
const FEW: u64 = 50;

/// The limits of the requests: as many as a tenth of the largest page, up to 100, from the page size
/// upwards or from the largest page downwards.
///
/// Readings that are under way have different limits, and so do those of one window. So another
/// request's response, from a cache or from a connection that is behind, echoes another limit.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    max: u64,
    page_size: u64,
    next: u64,
}

impl Limits {
    /// `first`: the number of the first limit to use.
    pub(super) fn new(max: u64, first: u64) -> Self {
        Self { max, page_size: max, next: first }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        (self.max / 10).min(MANY).min(self.page_size.max(FEW))
    }

    /// The smallest limit. A window with fewer rows fits on one page with any limit.
    pub(super) fn smallest(&self) -> u64 {
        let smallest = self.page_size.min(self.max - self.count() + 1);
        smallest.max(2) // pages overlap by a row, so one row would never advance
    }

    /// The limit that is longest out of use, if one is not `taken`.
    pub(super) fn next(&mut self, taken: impl Fn(u64) -> bool) -> Option<u64> {
        let count = self.count();
        let mut all = (0..count).map(|n| (self.next % count + n) % count);
        let n = all.find(|n| !taken(self.limit(*n)))?;
        self.next = n + 1;
        Some(self.limit(n))
    }

    /// Upwards from the page size, or downwards from the largest page.
    fn limit(&self, n: u64) -> u64 {
        match self.page_size {
            small if small.max(2) == self.smallest() => small.max(2) + n,
            _ => self.max - n,
        }
    }

    pub(super) fn page_size(&self) -> u64 {
        self.page_size
    }

    pub(super) fn set_page_size(&mut self, rows: u64) {
        self.page_size = rows;
    }
}

impl<R: ScanRow> Reader<R> {
    pub(super) fn new() -> Self {
        Self {
            limit: None,
            pages: None,
            before: None,
            limits: Vec::new(),
            is_suspicious: false,
            has_conflict: false,
            readings: Vec::new(),
        }
    }

    /// Begins another reading, with another limit.
    pub(super) fn start_again(&mut self) {
        self.limit = None;
        self.pages = None;
    }

    /// The limit of the reading under way.
    pub(super) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// The limits of all its readings.
    pub(super) fn used_limits(&self) -> &[u64] {
        &self.limits
    }

    pub(super) fn begin(&mut self, limit: u64) {
        if self.limit.is_none() {
            self.limits.push(limit);
        }
        self.limit = Some(limit);
    }

    /// The offset of the next page. It overlaps by one row, to detect shifts.
    pub(super) fn offset(&self) -> u64 {
        self.pages.as_ref().map_or(0, |pages| (pages.rows.len() as u64).saturating_sub(1))
    }

    /// Whether the next request needs a new connection.
    pub(super) fn wants_fresh_connection(&self) -> bool {
        self.is_suspicious && self.pages.is_none()
    }

    pub(super) fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// The largest number of rows in any reading, by count or `total`.
    pub(super) fn count(&self) -> u64 {
        self.readings.iter().map(|it| it.total.max(it.rows)).max().unwrap_or(0)
    }

    /// Whether no page has arrived yet.
    pub(super) fn is_new(&self) -> bool {
        self.pages.is_none() && self.readings.is_empty()
    }

    /// Why the readings do not agree.
    pub(super) fn reason(&self) -> Reason {
        if self.has_conflict { Reason::Conflict } else { Reason::Inconsistent }
    }

    /// Takes a page. `is_proven`: its rows show that it answers this window. `fitting`: a window
    /// with fewer rows fits on one page.
    pub(super) fn take(
        &mut self,
        rows: Vec<R>,
        total: Option<u64>,
        is_proven: bool,
        fitting: u64,
    ) -> Verdict<R> {
        let came = rows.len() as u64;
        let Some(total) = total else { return self.complete(rows, came, is_proven, !is_proven) };
        let Some(mut pages) = self.pages.take() else {
            // More rows may follow a full page, even if `total` says otherwise.
            let count = total.max(came);
            if count < fitting && came == total {
                return self.complete(rows, total, is_proven, !is_proven);
            }
            let is_large = count >= fitting;
            self.pages = Some(Pages { total, rows, is_proven, longest: came });
            return if is_large { Verdict::Large(count) } else { self.page_on() };
        };
        pages.is_proven |= is_proven;
        self.append(pages, rows, total)
    }

    /// Reads a window of more than one page.
    pub(super) fn page_on(&mut self) -> Verdict<R> {
        match self.pages.take() {
            Some(pages) => {
                let came = pages.rows.len() as u64;
                self.proceed(pages, came, came)
            }
            None => Verdict::NextPage,
        }
    }

    fn append(&mut self, mut pages: Pages<R>, rows: Vec<R>, total: u64) -> Verdict<R> {
        let came = rows.len() as u64;
        let mut rows = rows.into_iter();
        let is_seamless = match (pages.rows.last(), rows.next()) {
            (Some(last), Some(first)) => {
                last.key() == first.key() && last.amounts() == first.amounts()
            }
            _ => false,
        };
        pages.rows.extend(rows);
        if !is_seamless || total != pages.total {
            self.note(&pages.rows, total);
            return self.inconsistent();
        }
        self.proceed(pages, came, came - 1)
    }

    /// Continues after a page of `came` rows, `new` of them new.
    fn proceed(&mut self, mut pages: Pages<R>, came: u64, new: u64) -> Verdict<R> {
        let count = pages.rows.len() as u64;
        // A last page is shorter than the limit, and shorter than the longest page: the API may
        // return fewer rows than the limit.
        let is_full = self.limit.is_some_and(|limit| came >= limit)
            || (count > came && came >= pages.longest);
        pages.longest = pages.longest.max(came);
        if count < pages.total && new > 0 || count == pages.total && is_full {
            self.pages = Some(pages);
            return Verdict::NextPage;
        }
        self.complete(pages.rows, pages.total, pages.is_proven, true)
    }

    /// Ends a reading. `confirm`: another reading must give the same rows.
    fn complete(&mut self, rows: Vec<R>, total: u64, is_proven: bool, confirm: bool) -> Verdict<R> {
        self.is_suspicious = !is_proven;
        if !self.note(&rows, total) {
            return self.inconsistent();
        }
        if !confirm {
            return Verdict::Whole(rows);
        }
        if total == COMMON_CAP {
            return Verdict::Stuck(Reason::Capped);
        }
        let contents: Contents<_> = rows.iter().map(|row| (row.key(), row.amounts())).collect();
        match &self.before {
            Some(before) if *before == contents => Verdict::Whole(rows),
            Some(_) => {
                self.is_suspicious = true;
                self.before = Some(contents);
                Verdict::Again(Cause::Inconsistent)
            }
            None => {
                self.before = Some(contents);
                Verdict::Again(Cause::Confirm)
            }
        }
    }

    /// Adds a reading to the evidence. Returns whether it has as many different rows as its
    /// `total`.
    fn note(&mut self, rows: &[R], total: u64) -> bool {
        let mut contents = Contents::with_capacity(rows.len());
        for row in rows {
            let amounts = row.amounts();
            let other = contents.insert(row.key(), amounts);
            self.has_conflict |= other.is_some_and(|other| other != amounts);
        }
        let (rows, distinct) = (rows.len() as u64, contents.len() as u64);
        self.readings.push(Reading { total, rows, distinct });
        rows == total && distinct == total
    }

    fn inconsistent(&mut self) -> Verdict<R> {
        self.is_suspicious = true;
        self.before = None;
        Verdict::Again(Cause::Inconsistent)
    }
}
