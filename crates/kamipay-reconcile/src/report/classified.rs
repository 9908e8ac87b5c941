//! How a report is made: one partition after the other, one key after the other.

use std::ops::Range;

use super::{OPEN, RESTATED, Report};
use crate::bytes::{self, Moment};
use crate::candidate::Explanations;
use crate::classify::{Member, Restated, Scope, Scratch, classify};
use crate::error::LargeKey;
use crate::record::{self, Entry, Marker, Origin, Record, text};
use crate::registers::Registers;
use crate::row::{Progress, Side, cmp_currency};
use crate::run::{OPENED, OUTSIDE, Run, SHOWN};
use crate::{Amount, Bucket, Error, Partial, Shown, Store};

/// A key with more rows than this stops the report.
const MOST_ROWS: usize = 10_000;
/// A partition over this length is searched for such a key before it is loaded, in bytes.
const LARGE: u64 = 64 << 20;

impl<S: Store> Partial<S> {
    /// Classifies all rows. The report's rows are kept in `runs` until they are read.
    ///
    /// # Errors
    ///
    /// If a store fails, a sum is out of range, or a key has over 10,000 rows.
    pub fn report(&self, runs: S) -> Result<Report<S>, Error<S::Error>> {
        self.report_part(0..self.partitions, runs)
    }

    /// Classifies the rows of some partitions, for another thread or machine.
    ///
    /// # Errors
    ///
    /// Those of [`report`](Self::report).
    pub fn report_part(
        &self,
        partitions: Range<usize>,
        runs: S,
    ) -> Result<Report<S>, Error<S::Error>> {
        let mut report = Report {
            rules: self.rules.clone(),
            read: self.read.clone(),
            bounds: [self.rules.period.start(), self.rules.period.end()].map(Moment::from),
            is_done: vec![false; self.partitions],
            counts: [[0; 3]; 15],
            sums: Registers::default(),
            pairs: Pairs::default(),
            saved: (0, 0),
            first_seen: None,
            runs: Vec::new(),
            explanations: Explanations::default(),
        };
        let mut run = Run::new(runs);
        let mut bytes = Vec::new();
        let mut scratch = Scratch::default();
        for partition in partitions {
            let Some(is_done) = report.is_done.get_mut(partition) else { break };
            *is_done = true;
            if self.length(partition) > LARGE && self.has_large_key(partition)? {
                return Err(self.large_key());
            }
            self.load(partition, &mut bytes)?;
            match report.partition(&bytes, partition, &mut run, &mut scratch) {
                Err(Error::Key(_)) => return Err(self.large_key()),
                result => result?,
            }
            run.finish(partition)?;
        }
        report.runs.push((run.store, run.streams));
        Ok(report)
    }

    fn has_large_key(&self, partition: usize) -> Result<bool, Error<S::Error>> {
        let hashes = self.hashes(partition)?;
        Ok(hashes.chunk_by(|a, b| a == b).any(|same| same.len() > MOST_ROWS))
    }

    /// The hashes of the keys of a partition, sorted.
    fn hashes(&self, partition: usize) -> Result<Vec<u64>, Error<S::Error>> {
        let mut hashes = Vec::new();
        self.scan(partition, |frame| {
            if let Some(Some(key)) = record::key_of(frame).filter(|_| !record::is_marker(frame)) {
                hashes.push(record::hash(key));
            }
            Ok(())
        })?;
        hashes.sort_unstable();
        Ok(hashes)
    }

    /// Looks through all partitions, so that the error does not depend on their number.
    fn large_key(&self) -> Error<S::Error> {
        let search = || {
            let mut large = LargeKey { key: String::new(), rows: 0, keys: 0, of: 0 };
            for partition in 0..self.partitions {
                let hashes = self.hashes(partition)?;
                large.of += hashes.len() as u64;
                for same in hashes.chunk_by(|a, b| a == b) {
                    large.keys += 1;
                    let rows = same.len() as u64;
                    // The key that stopped the report has more.
                    if rows < large.rows || rows <= MOST_ROWS as u64 {
                        continue;
                    }
                    let mut key = String::new();
                    self.scan(partition, |frame| {
                        match record::key_of(frame).flatten() {
                            Some(it) if key.is_empty() && record::hash(it) == same[0] => {
                                key = text(it).to_owned();
                            }
                            _ => {}
                        }
                        Ok(())
                    })?;
                    if rows > large.rows || key < large.key {
                        (large.rows, large.key) = (rows, key);
                    }
                }
            }
            Ok(large)
        };
        search().map_or_else(|error| error, Error::Key)
    }
}

impl<S: Store> Report<S> {
    /// Classifies the rows of a partition and writes what is shown or saved.
    fn partition(
        &mut self,
        bytes: &[u8],
        stream: usize,
        run: &mut Run<S>,
        scratch: &mut Scratch,
    ) -> Result<(), Error<S::Error>> {
        let damaged = || Error::Damaged { stream };
        let mut index = Vec::new();
        for frame in record::frames(bytes) {
            let frame = frame.ok_or_else(damaged)?;
            let key = record::key_of(frame).ok_or_else(damaged)?;
            // Rows without a key are classified apart from each other, so they are one group.
            index.push((key.map_or(0, record::hash), key, frame));
        }
        index.sort_unstable_by_key(|it| it.0);
        for same in index.chunk_by_mut(|a, b| a.0 == b.0) {
            // Different keys rarely have the same hash.
            if same.iter().any(|it| it.1 != same[0].1) {
                same.sort_unstable_by_key(|it| it.1);
            }
        }
        let (mut members, mut markers, mut restated) = (Vec::new(), Vec::new(), Vec::new());
        for group in index.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            if let [(_, Some(_), a), (_, _, b)] = group {
                let (a, b) = (record::read(a), record::read(b));
                if self.take_pair(a.ok_or_else(damaged)?, b.ok_or_else(damaged)?)? {
                    continue;
                }
            }
            members.clear();
            markers.clear();
            for (_, _, frame) in group {
                match record::read(frame).ok_or_else(damaged)? {
                    Entry::Record(record) => members.push(Member::new(record)),
                    Entry::Marker(marker) => markers.push(marker),
                }
            }
            if members.len() > MOST_ROWS && group[0].1.is_some() {
                let none = LargeKey { key: String::new(), rows: 0, keys: 0, of: 0 };
                return Err(Error::Key(none));
            }
            restated.clear();
            classify(&mut members, &markers, &self.rules, scratch, &mut restated)?;
            self.take(&members, &markers, &restated, run)?;
        }
        Ok(())
    }

    /// Takes the usual group, a matched pair, on a short way: most rows are in one. False if it is
    /// another group.
    fn take_pair(&mut self, a: Entry<'_>, b: Entry<'_>) -> Result<bool, Error<S::Error>> {
        let (Entry::Record(a), Entry::Record(b)) = (a, b) else { return Ok(false) };
        let [start, end] = self.bounds;
        let is_short = !self.rules.is_saved && self.rules.shown == Shown::Open;
        let is_plain = |it: &Record<'_>| {
            it.origin == Origin::Fresh
                && it.progress == Progress::Live
                && it.moment.is_some_and(|moment| start <= moment && moment < end)
        };
        let is_pair =
            matches!((a.side, b.side), (Side::Ours, Side::Theirs) | (Side::Theirs, Side::Ours));
        let (Some(a_amount), Some(b_amount)) = (a.amount, b.amount) else { return Ok(false) };
        let is_matched = is_short
            && is_pair
            && is_plain(&a)
            && is_plain(&b)
            && a_amount.has_value_of(b_amount)
            && cmp_currency(a.currency, b.currency).is_eq();
        if !is_matched {
            return Ok(false);
        }
        self.pairs.found += 1;
        for (it, amount) in [(a, a_amount), (b, b_amount)] {
            self.counts[Bucket::Matched as usize][it.side as usize] += 1;
            self.sums.add(Bucket::Matched as usize, it.side, it.currency, amount)?;
        }
        Ok(true)
    }

    /// Counts the rows of a key, adds them up, and writes what is shown or saved.
    fn take(
        &mut self,
        members: &[Member<'_>],
        markers: &[Marker<'_>],
        restated: &[Restated<'_>],
        run: &mut Run<S>,
    ) -> Result<(), Error<S::Error>> {
        for it in restated {
            self.sums.add(RESTATED, it.side, it.currency, it.amount)?;
        }
        self.pairs.add(members);
        let is_saved = self.rules.is_saved;
        let (mut has_open, mut has_closed) = (false, false);
        for member in members {
            has_closed |= member.is_closed;
            let Some(bucket) = member.bucket else { continue };
            let Record { side, currency, amount, .. } = member.record;
            self.counts[bucket as usize][side as usize] += 1;
            let amount = amount.filter(|_| member.is_movement());
            if let Some(amount) = amount {
                self.sums.add(bucket as usize, side, currency, amount)?;
            }
            let is_shown = match self.rules.shown {
                Shown::Open => bucket.is_timing() || bucket.is_exception(side == Side::Ours),
                Shown::All => true,
            };
            let is_open = !member.is_closed && member.is_movement();
            if is_open {
                has_open = true;
                let first_seen = member.first_seen.unwrap_or_else(|| self.rules.last_day());
                self.first_seen = self.first_seen.into_iter().chain([first_seen]).min();
                if let Some(amount) = amount {
                    self.sums.add(OPEN, side, currency, amount)?;
                }
            }
            let flags = if is_shown { SHOWN } else { 0 } | if is_open { OPENED } else { 0 };
            if is_shown || is_saved && is_open || bucket == Bucket::Pool {
                self.saved.0 += u64::from(is_saved && is_open);
                run.add(member, bucket, flags, members);
            }
        }
        if is_saved {
            self.save(members, markers, (has_open, has_closed), run);
        }
        Ok(())
    }

    /// Writes what the next period needs besides open rows.
    fn save(
        &mut self,
        members: &[Member<'_>],
        markers: &[Marker<'_>],
        (has_open, has_closed): (bool, bool),
        run: &mut Run<S>,
    ) {
        // What failed, and kamiPay's rows before the first period, may explain later rows of the books,
        // and the next period does not read them again. So it is with all that an open row refers to.
        for member in members {
            let Record { side, progress, key, .. } = member.record;
            let is_recent = member.record.time().is_none_or(|time| time >= self.rules.horizon());
            let is_kept = match member.scope {
                Scope::Before => {
                    !member.is_closed && (has_open || side == Side::Theirs && is_recent)
                }
                Scope::Inside => progress == Progress::Void,
                _ => false,
            };
            if is_kept && side != Side::Pool && key.is_some() {
                self.saved.0 += 1;
                run.add(member, Bucket::Void, OPENED | OUTSIDE, members);
            }
        }
        let last_day = self.rules.last_day();
        for marker in markers {
            let age = last_day.signed_duration_since(marker.on).num_days();
            if age <= self.rules.remember.into() {
                self.saved.1 += 1;
                run.add_marker(|to| bytes::put_frame(to, |to| to.extend(marker.bytes)));
            }
        }
        if !has_closed {
            return;
        }
        let closed = || members.iter().filter(|it| it.is_closed);
        let Some(key) = members.first().and_then(|it| it.record.key) else { return };
        let ours = closed().filter(|it| it.record.side == Side::Ours);
        let theirs = closed().filter(|it| it.record.side == Side::Theirs);
        let ours: Vec<_> = ours.map(Member::content).collect();
        let theirs: Vec<_> = theirs.map(Member::name).collect();
        let (ours, theirs) = (ours.iter().map(|it| it.as_bytes()), theirs.iter().map(|it| &**it));
        self.saved.1 += 1;
        run.add_marker(|to| record::write_marker(key, last_day, ours, theirs, to));
    }
}

/// Rows of both sides with one key and other amounts, for the diagnosis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pairs {
    /// The key is on both sides.
    pub(crate) found: u64,
    pub(crate) differ: u64,
    pub(crate) opposite: u64,
    pub(crate) ours_hundredfold: u64,
    pub(crate) theirs_hundredfold: u64,
}

impl Pairs {
    pub(super) fn merge(&mut self, other: Self) {
        self.found += other.found;
        self.differ += other.differ;
        self.opposite += other.opposite;
        self.ours_hundredfold += other.ours_hundredfold;
        self.theirs_hundredfold += other.theirs_hundredfold;
    }

    fn add(&mut self, members: &[Member<'_>]) {
        let is = |side| {
            move |it: &&Member<'_>| {
                it.record.side == side
                    && it.is_movement()
                    && !matches!(it.scope, Scope::Known | Scope::Forgotten)
            }
        };
        let ours = members.iter().filter(is(Side::Ours));
        let Some(a) = ours.clone().next().filter(|it| it.record.key.is_some()) else { return };
        let Some(b) = members.iter().find(is(Side::Theirs)) else { return };
        self.found += 1;
        let (false, true) = (a.is_closed, a.bucket == Some(Bucket::AmountDiffers)) else { return };
        let (Some(a), Some(b)) = (a.record.amount, b.record.amount) else { return };
        self.differ += 1;
        self.opposite += u64::from(a.has_value_of(b.negated()));
        let is_hundredfold =
            |a: Amount, b: Amount| b.times_hundred().is_some_and(|b| a.has_value_of(b));
        self.ours_hundredfold += u64::from(is_hundredfold(a, b));
        self.theirs_hundredfold += u64::from(is_hundredfold(b, a));
    }
}
