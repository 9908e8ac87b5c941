//! The reading of one window, until it is consistent.

use std::collections::HashMap;

use super::{Reading, Reason};
use crate::page::{Amounts, ScanRow};

/// The keys and amounts of some rows.
pub(super) type Contents<K> = HashMap<K, Amounts>;

/// A `total` of exactly this is taken for a cap: search engines count no further by default.
pub(super) const COMMON_CAP: u64 = 10_000;

/// One window on its way from the first request to all its rows.
#[derive(Clone, Debug)]
pub(super) struct Reader<R: ScanRow> {
    /// `None` before the first request of a reading.
    limit: Option<u64>,
    pages: Option<Pages<R>>,
    /// What the reading before gave, to be given again by a different reading.
    before: Option<Contents<R::Key>>,
    /// Nothing in the reading before showed that it answered this window.
    is_suspicious: bool,
    /// Two of its rows had one key and different amounts.
    has_conflict: bool,
    readings: Vec<Reading>,
}

/// The pages of the reading under way.
#[derive(Clone, Debug)]
struct Pages<R> {
    total: u64,
    rows: Vec<R>,
    /// The rows on the longest page: the API may give fewer than the limit.
    longest: u64,
}

/// What is to be done after a page.
#[derive(Debug)]
pub(super) enum Verdict<R> {
    /// Ask for the next page.
    NextPage,
    /// Ask for all of it again, by [`Reader::start_again`]: to confirm what came, or because it is
    /// inconsistent.
    Again(Cause),
    /// It has more rows than a page: cut it, or go on with [`Reader::page_on`].
    Large(u64),
    /// These are its rows.
    Whole(Vec<R>),
    /// No reading helps.
    Stuck(Reason),
}

/// Why a window is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Confirm,
    Inconsistent,
}

/// Below this page size, limits are higher than it, and from it on lower.
const SMALL: u64 = 320;
/// How many limits there are for small pages.
const FEW: u64 = 32;
/// How many limits there are for large pages.
const MANY: u64 = 100;

/// The limits that windows are asked for with. One after the other is another, so that an answer to
/// another question, from a cache or a connection that is some answers behind, echoes another limit.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    page_size: u64,
    next: u64,
}

impl Limits {
    pub(super) fn new(page_size: u64, first: u64) -> Self {
        Self { page_size, next: first }
    }

    /// The smallest limit. A window with fewer rows fits on a page, whichever limit it is asked with.
    pub(super) fn smallest(&self) -> u64 {
        match self.page_size {
            small @ ..SMALL => small.max(2), // pages overlap by a row: one of one row leads nowhere
            large => large - (large / 10).min(MANY) + 1,
        }
    }

    /// Another limit than the last ones, and than those of the readings under way.
    pub(super) fn next(&mut self, in_use: &[u64]) -> u64 {
        let mut all = (0..MANY).map(|n| self.next.wrapping_add(n));
        let n = all.find(|n| !in_use.contains(&self.limit(*n))).unwrap_or(self.next);
        self.next = n.wrapping_add(1);
        self.limit(n)
    }

    fn limit(&self, n: u64) -> u64 {
        match self.page_size {
            ..SMALL => self.smallest() + n % FEW,
            large => large - n % (large / 10).min(MANY),
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
            is_suspicious: false,
            has_conflict: false,
            readings: Vec::new(),
        }
    }

    /// Begins another reading, which asks in other words.
    pub(super) fn start_again(&mut self) {
        self.limit = None;
        self.pages = None;
    }

    /// The limit of the reading under way.
    pub(super) fn limit(&self) -> Option<u64> {
        self.limit
    }

    pub(super) fn begin(&mut self, limit: u64) {
        self.limit = Some(limit);
    }

    /// The first row of the next page: the last one that came already, so that a shift shows.
    pub(super) fn offset(&self) -> u64 {
        self.pages.as_ref().map_or(0, |pages| (pages.rows.len() as u64).saturating_sub(1))
    }

    /// Whether the answer must not come over a connection that was used before.
    pub(super) fn wants_fresh_connection(&self) -> bool {
        self.is_suspicious
    }

    pub(super) fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// The largest number of rows that any reading spoke of.
    pub(super) fn count(&self) -> u64 {
        self.readings.iter().map(|it| it.total.max(it.rows)).max().unwrap_or(0)
    }

    /// Whether nothing of it has come yet.
    pub(super) fn is_new(&self) -> bool {
        self.pages.is_none() && self.readings.is_empty()
    }

    /// Why its readings do not agree.
    pub(super) fn reason(&self) -> Reason {
        if self.has_conflict { Reason::Conflict } else { Reason::Inconsistent }
    }

    /// Takes a page. `is_proven`: its rows show that it answers this window and no other.
    /// `fitting`: a window with fewer rows fits on a page.
    pub(super) fn take(
        &mut self,
        rows: Vec<R>,
        total: Option<u64>,
        is_proven: bool,
        fitting: u64,
    ) -> Verdict<R> {
        let came = rows.len() as u64;
        self.is_suspicious = !is_proven;
        let Some(total) = total else { return self.complete(rows, came, !is_proven) };
        let Some(pages) = self.pages.take() else {
            // A full page says nothing about what comes after it, whatever `total` says.
            let count = total.max(came);
            if count < fitting && came == total {
                return self.complete(rows, total, !is_proven);
            }
            let is_large = count >= fitting;
            self.pages = Some(Pages { total, rows, longest: came });
            return if is_large { Verdict::Large(count) } else { self.page_on() };
        };
        self.append(pages, rows, total)
    }

    /// Reads the window page by page, although it has more rows than one page.
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

    /// After a page of `came` rows, `new` of them new.
    fn proceed(&mut self, mut pages: Pages<R>, came: u64, new: u64) -> Verdict<R> {
        let count = pages.rows.len() as u64;
        // The last page is not full, and the longest page may be all that the API ever gives.
        let is_full = self.limit.is_some_and(|limit| came >= limit)
            || (count > came && came >= pages.longest);
        pages.longest = pages.longest.max(came);
        if count < pages.total && new > 0 || count == pages.total && is_full {
            self.pages = Some(pages);
            return Verdict::NextPage;
        }
        self.complete(pages.rows, pages.total, true)
    }

    /// After a whole reading. `confirm`: a different reading must give the same rows.
    fn complete(&mut self, rows: Vec<R>, total: u64, confirm: bool) -> Verdict<R> {
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
                self.before = Some(contents);
                Verdict::Again(Cause::Inconsistent)
            }
            None => {
                self.before = Some(contents);
                Verdict::Again(Cause::Confirm)
            }
        }
    }

    /// Notes a reading as evidence. Whether it has as many different rows as its `total` says.
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
        self.before = None;
        Verdict::Again(Cause::Inconsistent)
    }
}
