//! The result: counts, sums and the proof at once, rows as a sorted stream.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;

use kamipay_proto::chrono::{DateTime, NaiveDate, Utc};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::candidate::{Candidate, Explanations};
use crate::classify::{Member, Restated, Scope, Scratch, Why, classify};
use crate::error::LargeKey;
use crate::partial::{Partial, Reader, Source, Tally};
use crate::record::{self, Entry, Marker, Moment, Name, Origin, Record, text};
use crate::registers::Registers;
use crate::row::{Id, Progress, Side, cmp_currency};
use crate::state::{ClosedKey, OpenRow, StateHeader};
use crate::{Amount, Bucket, Error, Flow, Rules, Shown, Store, Sums};

/// A report, or a part of one.
///
/// Reports of other partitions of the same rows merge. Counts, sums and the proof are there at once.
/// [`rows`](Self::rows) reads the rows in the order of their keys, with bounded memory.
#[derive(Clone, Debug)]
pub struct Report<S> {
    pub(crate) rules: Rules,
    read: Tally,
    /// The start and the end of the period.
    bounds: [Moment; 2],
    /// Which partitions are in the report.
    is_done: Vec<bool>,
    counts: [[u64; 3]; 15],
    sums: Registers<PLACES>,
    pub(crate) pairs: Pairs,
    saved: (u64, u64),
    first_seen: Option<NaiveDate>,
    /// Stores, and which of their streams have rows.
    pub(crate) runs: Vec<(S, Vec<usize>)>,
    pub(crate) explanations: Explanations,
}

/// Buckets first, then what the state said already, then what is open.
const PLACES: usize = Bucket::ALL.len() + 2;
const RESTATED: usize = Bucket::ALL.len();
const OPEN: usize = Bucket::ALL.len() + 1;

/// A key with more rows than this stops the report.
const MOST_ROWS: usize = 10_000;
/// A partition over this length is searched for such a key before it is loaded, in bytes.
const LARGE: u64 = 64 << 20;

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
        let mut run =
            Run { store: runs, streams: Vec::new(), frames: Vec::new(), index: Vec::new() };
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
                    if rows < large.rows || rows <= 1 {
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
    /// Adds the report of other partitions of the same rows.
    ///
    /// # Errors
    ///
    /// If it is of other rows, or has a partition that this one has.
    pub fn merge(&mut self, other: Self) -> Result<(), Error<S::Error>> {
        let is_twice = self.is_done.iter().zip(&other.is_done).any(|(a, b)| *a && *b);
        if self.rules != other.rules
            || self.read != other.read
            || self.is_done.len() != other.is_done.len()
            || is_twice
        {
            return Err(Error::Unrelated);
        }
        for (is_done, more) in self.is_done.iter_mut().zip(other.is_done) {
            *is_done |= more;
        }
        let counts = self.counts.as_flattened_mut().iter_mut();
        for (count, more) in counts.zip(other.counts.as_flattened()) {
            *count += more;
        }
        self.sums.merge(&other.sums)?;
        self.pairs.merge(other.pairs);
        self.saved.0 += other.saved.0;
        self.saved.1 += other.saved.1;
        self.first_seen = self.first_seen.into_iter().chain(other.first_seen).min();
        self.runs.extend(other.runs);
        self.explanations = Explanations::default();
        Ok(())
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// How many rows were read, also those outside the period and those of the pool.
    pub fn rows_read(&self, side: Side) -> u64 {
        self.read.rows[side as usize]
    }

    /// How many rows were open in the state before.
    pub fn rows_opened(&self, is_ours: bool) -> u64 {
        self.read.opened[usize::from(!is_ours)]
    }

    /// How many rows of a side are in a bucket.
    pub fn count(&self, bucket: Bucket, side: Side) -> u64 {
        self.counts[bucket as usize][side as usize]
    }

    /// How many rows need a person.
    pub fn exceptions(&self) -> u64 {
        let sides = [Side::Ours, Side::Theirs, Side::Pool];
        let of = |bucket: Bucket| {
            sides.map(|side| match bucket.is_exception(side == Side::Ours) {
                true => self.count(bucket, side),
                false => 0,
            })
        };
        Bucket::ALL.into_iter().flat_map(of).sum()
    }

    /// How many rows are open for their time only.
    pub fn timing(&self) -> u64 {
        let timing = Bucket::ALL.into_iter().filter(|bucket| bucket.is_timing());
        timing.map(|bucket| self.counts[bucket as usize].iter().sum::<u64>()).sum()
    }

    /// The answer in one word.
    ///
    /// # Errors
    ///
    /// If partitions are missing.
    pub fn verdict(&self) -> Result<Verdict, Error<S::Error>> {
        self.check_complete()?;
        Ok(match (self.exceptions(), self.timing()) {
            (0, 0) => Verdict::Closed,
            (0, _) => Verdict::TimingOnly,
            _ => Verdict::Exceptions,
        })
    }

    /// The currencies of all amounts that were read, in capitals and in alphabetical order.
    pub fn currencies(&self) -> Vec<&str> {
        self.read.sums.currencies().collect()
    }

    /// The day on which the oldest open row was seen first.
    pub fn oldest(&self) -> Option<NaiveDate> {
        self.first_seen
    }

    /// The sums, and the proof that no row was lost or counted twice.
    ///
    /// # Errors
    ///
    /// If partitions are missing, or a sum is out of range.
    pub fn statement(&self) -> Result<Statement, Error<S::Error>> {
        self.check_complete()?;
        let sides = |ours: &mut dyn FnMut(bool) -> Sums| [ours(true), ours(false)];
        let opening = sides(&mut |is_ours| self.read.sums.sums(Source::State as usize, is_ours));
        let input = sides(&mut |is_ours| self.read.sums.sums(Source::Input as usize, is_ours));
        let restated = sides(&mut |is_ours| self.sums.sums(RESTATED, is_ours));
        let mut unexplained = Sums::new();
        for [ours, theirs] in [&opening, &input] {
            unexplained.merge(ours)?;
            unexplained.subtract(theirs)?;
        }
        let mut buckets = Vec::new();
        for bucket in Bucket::ALL {
            let [ours, theirs] = sides(&mut |is_ours| self.sums.sums(bucket as usize, is_ours));
            let mut residual = ours.clone();
            residual.subtract(&theirs)?;
            unexplained.subtract(&residual)?;
            buckets.push(BucketSums { bucket, ours, theirs, residual });
        }
        unexplained.subtract(&restated[0])?;
        unexplained.merge(&restated[1])?;
        let [opening_ours, opening_theirs] = opening;
        let [mut ours, mut theirs] = input;
        ours.subtract(&restated[0])?;
        theirs.subtract(&restated[1])?;
        Ok(Statement {
            opening_ours,
            opening_theirs,
            ours,
            theirs,
            buckets,
            closing: self.closing()?,
            unexplained,
        })
    }

    /// The first line of the state for the next period. The caller adds the hashes.
    ///
    /// # Errors
    ///
    /// If partitions are missing, or a sum is out of range.
    pub fn state_header(&self) -> Result<StateHeader, Error<S::Error>> {
        self.check_complete()?;
        Ok(StateHeader::new(&self.rules, self.saved, self.closing()?))
    }

    /// Reads the rows, sorted by key, then side, then name. Rows without a key come last.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn rows(&self) -> Result<Rows<'_, S>, Error<S::Error>> {
        let mut rows = Rows {
            report: self,
            runs: Vec::new(),
            heap: Vec::new(),
            one_sided: 0,
            is_current: false,
        };
        for (store, streams) in &self.runs {
            for &stream in streams {
                let mut run = OpenRun { store, reader: Reader::new(stream), frame: 0..0 };
                if run.advance()? {
                    rows.runs.push(run);
                }
            }
        }
        rows.heap = (0..rows.runs.len()).collect();
        for index in (0..rows.heap.len()).rev() {
            rows.sift_down(index);
        }
        Ok(rows)
    }

    fn closing(&self) -> Result<Sums, Error<S::Error>> {
        let mut closing = self.sums.sums(OPEN, true);
        closing.subtract(&self.sums.sums(OPEN, false))?;
        Ok(closing)
    }

    fn check_complete(&self) -> Result<(), Error<S::Error>> {
        match self.is_done.iter().filter(|is_done| !**is_done).count() {
            0 => Ok(()),
            missing => Err(Error::Incomplete { missing }),
        }
    }

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
                run.add_marker(|to| record::put_frame(to, |to| to.extend(marker.bytes)));
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

/// The answer of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "an answer is one of these")]
pub enum Verdict {
    /// Both sides agree.
    Closed,
    /// Both sides agree but for what is open for its time only.
    TimingOnly,
    /// Some rows need a person.
    Exceptions,
}

/// The sums of a report, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Statement {
    /// The rows of the books that were open in the state before.
    pub opening_ours: Sums,
    /// kamiPay's rows that were open in the state before.
    pub opening_theirs: Sums,
    /// The books' rows of the period, as read, less those that the state had already.
    pub ours: Sums,
    /// kamiPay's rows of the period, as read, less those that the state had already.
    pub theirs: Sums,
    /// The sums of the buckets, in the order of [`Bucket::ALL`].
    pub buckets: Vec<BucketSums>,
    /// What is open at the end, ours less theirs.
    pub closing: Sums,
    /// Opening and period, ours less theirs, less all residuals. The former is added up while rows
    /// are read, the latter while they are classified. Zero, unless a row was lost or counted twice.
    pub unexplained: Sums,
}

/// The sums of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BucketSums {
    /// The bucket.
    pub bucket: Bucket,
    /// The rows of the books.
    pub ours: Sums,
    /// The rows of kamiPay.
    pub theirs: Sums,
    /// Ours less theirs.
    pub residual: Sums,
}

impl Pairs {
    fn merge(&mut self, other: Self) {
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

const SHOWN: u8 = 1;
const OPENED: u8 = 2;
const OUTSIDE: u8 = 4;
const MARKER: u8 = 8;

/// Writes the rows of a partition, sorted.
struct Run<S> {
    store: S,
    streams: Vec<usize>,
    frames: Vec<u8>,
    index: Vec<Range<usize>>,
}

impl<S: Store> Run<S> {
    fn add(&mut self, member: &Member<'_>, bucket: Bucket, flags: u8, members: &[Member<'_>]) {
        self.push(|to| {
            record::put_frame(to, |to| to.extend(member.record.bytes));
            to.extend([flags, bucket as u8]);
            record::put_number(to, member.number.into());
            to.push(member.first_seen.is_some().into());
            if let Some(day) = member.first_seen {
                record::put_day(to, day);
            }
            match member.why {
                Why::Partner(index) if flags & OUTSIDE == 0 => {
                    let partner = &members[index];
                    to.push(1);
                    record::put_number(to, partner.number.into());
                    // The partner's other columns are not repeated.
                    let short = partner.record.bytes.len() - partner.record.carried.len();
                    record::put_text(to, &partner.record.bytes[..short]);
                }
                Why::Counts { ours, theirs, live } => {
                    to.push(2);
                    [ours, theirs, live]
                        .into_iter()
                        .for_each(|count| record::put_number(to, count as u128));
                }
                _ => to.push(0),
            }
        });
    }

    fn add_marker(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.push(|to| {
            write(to);
            to.extend([MARKER, 0, 1, 0, 0]);
        });
    }

    fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.frames.len();
        record::put_frame(&mut self.frames, write);
        self.index.push(start..self.frames.len());
    }

    fn finish(&mut self, stream: usize) -> Result<(), Error<S::Error>> {
        if self.index.is_empty() {
            return Ok(());
        }
        let frames = &self.frames;
        let frame = |range: &Range<usize>| &frames[range.start + 4..range.end];
        self.index.sort_unstable_by(|a, b| cmp_frames(frame(a), frame(b)));
        let mut piece = Vec::new();
        for range in &self.index {
            piece.extend_from_slice(&frames[range.clone()]);
            if piece.len() >= 64 << 10 {
                self.store.append(stream, &piece).map_err(Error::Store)?;
                piece.clear();
            }
        }
        self.store.append(stream, &piece).map_err(Error::Store)?;
        self.streams.push(stream);
        self.frames.clear();
        self.index.clear();
        Ok(())
    }
}

/// The order of a report: key, side, name. Rows without a key come last.
fn cmp_frames(a: &[u8], b: &[u8]) -> Ordering {
    fn key(frame: &[u8]) -> (bool, Option<&[u8]>) {
        let key = frame.get(4..).and_then(record::key_of).flatten();
        (key.is_none(), key)
    }
    fn rest(frame: &[u8]) -> Option<(u8, Option<Name<'_>>, u64)> {
        let frame = Frame::read(frame)?;
        Some(match frame.entry {
            Entry::Marker(_) => (2, None, 0),
            Entry::Record(it) => (u8::from(it.side != Side::Ours), Some(it.id), frame.number),
        })
    }
    key(a).cmp(&key(b)).then_with(|| rest(a).cmp(&rest(b))).then_with(|| a.cmp(b))
}

/// A row of a run.
pub(crate) struct Frame<'a> {
    pub(crate) entry: Entry<'a>,
    flags: u8,
    bucket: Bucket,
    pub(crate) number: u64,
    first_seen: Option<NaiveDate>,
    reason: Reason<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Reason<'a> {
    Nothing,
    Partner(Record<'a>, u64),
    Counts { ours: u64, theirs: u64, live: u64 },
}

impl<'a> Frame<'a> {
    pub(crate) fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let from = &mut bytes;
        let entry = record::read(record::take_frame(from)?)?;
        let flags = record::take_byte(from)?;
        let bucket = Bucket::from_index(record::take_byte(from)?)?;
        let number = record::take_u64(from)?;
        let first_seen = match record::take_byte(from)? {
            0 => None,
            _ => Some(record::take_day(from)?),
        };
        let reason = match record::take_byte(from)? {
            0 => Reason::Nothing,
            1 => {
                let number = record::take_u64(from)?;
                let Entry::Record(record) = record::read(record::take_text(from)?)? else {
                    return None;
                };
                Reason::Partner(record, number)
            }
            _ => Reason::Counts {
                ours: record::take_u64(from)?,
                theirs: record::take_u64(from)?,
                live: record::take_u64(from)?,
            },
        };
        Some(Self { entry, flags, bucket, number, first_seen, reason })
    }
}

/// The rows of a report, in order. Read them with [`next`](Self::next).
pub struct Rows<'a, S> {
    report: &'a Report<S>,
    runs: Vec<OpenRun<'a, S>>,
    /// Numbers of runs. The first has the next row.
    heap: Vec<usize>,
    /// How many rows that may have candidates came so far.
    one_sided: usize,
    /// Whether the first row of the heap was returned.
    is_current: bool,
}

struct OpenRun<'a, S> {
    store: &'a S,
    reader: Reader,
    frame: Range<usize>,
}

/// What the rows of a report consist of.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing else")]
#[expect(clippy::large_enum_variant, reason = "nearly all are rows, and one is kept at a time")]
pub enum Item<'a> {
    /// A row. It is to be shown, or to be saved in the state, or both.
    Row(ReportRow<'a>),
    /// A key for the state.
    Closed(ClosedKey),
}

/// A row with its bucket.
///
/// It serializes as the program's `--output ndjson`. [`with_ledger`](Self::with_ledger) adds the
/// caller's columns.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReportRow<'a> {
    /// The bucket.
    pub bucket: Bucket,
    /// Where the row comes from.
    pub side: Side,
    /// The key.
    pub key: Option<&'a str>,
    /// The amount, with the digits that came.
    pub amount: Option<Amount>,
    /// The currency, as it came.
    pub currency: &'a str,
    /// The time.
    pub time: Option<DateTime<Utc>>,
    /// The name in its source.
    pub id: NumberedId<'a>,
    /// How far the transfer is.
    pub progress: Progress,
    /// The day on which the row was open for the first time.
    pub first_seen: NaiveDate,
    /// Rows that may explain this one, the likeliest first. See [`Report::explain`].
    pub candidates: Vec<Candidate>,
    /// The caller's bytes.
    pub carried: &'a [u8],
    /// Whether the row is of the period and to be shown.
    pub is_shown: bool,
    /// Whether the row is to be saved in the state for the next period.
    pub is_open: bool,
    pub(crate) is_outside: bool,
    record: Record<'a>,
    reason: Reason<'a>,
    flow: Flow,
    was_open: bool,
}

/// A row's name in its source, with its number if several have this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberedId<'a> {
    id: Id<'a>,
    number: u64,
}

impl NumberedId<'_> {
    /// The line of the ledger.
    pub fn line(&self) -> Option<u64> {
        match self.id {
            Id::Line(line) => Some(line),
            Id::Name(_) => None,
        }
    }
}

impl fmt::Display for NumberedId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            ..=1 => self.id.fmt(f),
            number => write!(f, "{}#{number}", self.id),
        }
    }
}

impl Serialize for NumberedId<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.line() {
            Some(line) => to.serialize_u64(line),
            None => to.collect_str(self),
        }
    }
}

impl<S: Store> OpenRun<'_, S> {
    fn advance(&mut self) -> Result<bool, Error<S::Error>> {
        match self.reader.next_range(self.store)? {
            Some(frame) => {
                self.frame = frame;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn frame(&self) -> &[u8] {
        self.reader.bytes(self.frame.clone())
    }
}

impl<S: Store> Rows<'_, S> {
    /// The next row. `None` at the end.
    ///
    /// # Errors
    ///
    /// If the store fails.
    #[expect(clippy::should_implement_trait, reason = "a row borrows from its reader")]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, Error<S::Error>> {
        if !self.advance()? {
            return Ok(None);
        }
        let frame = self.frame()?;
        let candidates = match frame.is_one_sided() {
            true => self.report.explanations.of(self.one_sided - 1),
            false => &[],
        };
        Ok(Some(frame.item(self.report, candidates)))
    }

    /// Makes the next row current. False at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, Error<S::Error>> {
        if self.is_current {
            if !self.runs[self.heap[0]].advance()? {
                self.heap.swap_remove(0);
            }
            self.sift_down(0);
        }
        self.is_current = !self.heap.is_empty();
        if self.is_current {
            self.one_sided += usize::from(self.frame()?.is_one_sided());
        }
        Ok(self.is_current)
    }

    /// The current row.
    pub(crate) fn frame(&self) -> Result<Frame<'_>, Error<S::Error>> {
        let run = &self.runs[self.heap[0]];
        Frame::read(run.frame()).ok_or(Error::Damaged { stream: run.reader.stream() })
    }

    fn sift_down(&mut self, mut index: usize) {
        while index < self.heap.len() {
            let frame = |at: usize| self.runs[self.heap[at]].frame();
            let children =
                [2 * index + 1, 2 * index + 2].into_iter().filter(|it| *it < self.heap.len());
            let Some(least) = children.min_by(|a, b| cmp_frames(frame(*a), frame(*b))) else {
                return;
            };
            if cmp_frames(frame(index), frame(least)).is_le() {
                return;
            }
            self.heap.swap(index, least);
            index = least;
        }
    }
}

impl<S> fmt::Debug for Rows<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("runs", &self.runs.len()).finish_non_exhaustive()
    }
}

impl<'a> Frame<'a> {
    /// Whether the row may have candidates.
    pub(crate) fn is_one_sided(&self) -> bool {
        let is_one_sided =
            matches!(self.bucket, Bucket::OnlyOurs | Bucket::OnlyTheirs | Bucket::NoKey);
        is_one_sided && self.flags & SHOWN != 0
    }

    /// Whether the row may explain another one.
    pub(crate) fn is_candidate(&self) -> bool {
        let is_left = matches!(self.bucket, Bucket::InTime | Bucket::Pool);
        self.is_one_sided() || is_left && self.flags & (OUTSIDE | MARKER) == 0
    }

    fn item<S>(self, report: &Report<S>, candidates: &[Candidate]) -> Item<'a> {
        let record = match self.entry {
            Entry::Record(record) => record,
            Entry::Marker(marker) => {
                let owned = |id: &[u8]| text(id).to_owned();
                return Item::Closed(ClosedKey {
                    key: text(marker.key).to_owned(),
                    ours: marker.ours().map(owned).collect(),
                    theirs: marker.theirs().map(owned).collect(),
                    on: marker.on,
                });
            }
        };
        let hints = record.hints().map(|hint| Candidate::from(&hint));
        Item::Row(ReportRow {
            bucket: self.bucket,
            side: record.side,
            key: record.key.map(text),
            amount: record.amount,
            currency: text(record.currency),
            time: record.time(),
            id: NumberedId { id: record.id(), number: self.number },
            progress: record.progress,
            first_seen: self.first_seen.unwrap_or_else(|| report.rules.last_day()),
            candidates: hints.chain(candidates.iter().cloned()).take(3).collect(),
            carried: record.carried,
            is_shown: self.flags & SHOWN != 0,
            is_open: self.flags & OPENED != 0,
            is_outside: self.flags & OUTSIDE != 0,
            was_open: self.first_seen.is_some(),
            record,
            reason: self.reason,
            flow: report.rules.flow,
        })
    }
}

impl<'a> ReportRow<'a> {
    /// Why the row is in its bucket, in English. `None` where the bucket says it all.
    pub fn why(&self) -> Option<String> {
        let is_ours = self.side == Side::Ours;
        Some(match (self.reason, self.bucket) {
            (Reason::Partner(other, number), bucket) => {
                let id = match other.id() {
                    Id::Line(line) => format!("line {line}"),
                    id => NumberedId { id, number }.to_string(),
                };
                match (bucket, other.amount, other.time()) {
                    (Bucket::AmountDiffers | Bucket::WithinTolerance, Some(amount), _) => {
                        format!("{id} has {amount} {}", text(other.currency))
                    }
                    (Bucket::NotComparable, Some(amount), _) if self.amount.is_some() => {
                        format!("{id} has {amount} {}", text(other.currency))
                    }
                    (Bucket::NotComparable, Some(_), _) => {
                        format!("{id} has an amount, this has none")
                    }
                    (Bucket::NotComparable, None, _) => format!("{id} has no amount"),
                    (Bucket::CutOff, _, Some(time)) => {
                        format!("{id} is of {}", crate::text::time(time))
                    }
                    (Bucket::InFlight, ..) if is_ours => format!("{id} is under way"),
                    (Bucket::Pending, ..) if is_ours => format!("{id} waits for its settlement"),
                    _ => format!("matches {id}"),
                }
            }
            (Reason::Counts { ours, theirs, .. }, Bucket::Group) => format!("{ours} to {theirs}"),
            (Reason::Counts { ours, theirs, live }, _) => {
                let is_twice = self.flow == Flow::Payouts && live > 1 && ours < live;
                let twice = if is_twice { "paid twice? " } else { "" };
                format!("{twice}{ours} in the books, {theirs} at kamiPay")
            }
            (Reason::Nothing, Bucket::Void) if is_ours => match self.flow {
                Flow::Payouts => "only in a lot that failed, not retried yet: do not pay again",
                Flow::Settlements => "only in a settlement that failed or was canceled",
            }
            .to_owned(),
            (Reason::Nothing, _) => return None,
        })
    }

    /// Whether kamiPay's rows say that a payment was made more often than the books do: the gravest
    /// exception.
    pub fn is_paid_twice(&self) -> bool {
        match self.reason {
            Reason::Counts { ours, live, .. } => {
                self.bucket == Bucket::Repeated
                    && self.flow == Flow::Payouts
                    && live > 1
                    && ours < live
            }
            _ => false,
        }
    }

    /// Whether the row was open in the state before.
    pub fn was_open(&self) -> bool {
        self.was_open
    }

    /// The other identifiers and their names.
    pub fn others(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.record.others()
    }

    /// The candidates that came with the row.
    pub(crate) fn hints(&self) -> impl Iterator<Item = Candidate> {
        self.record.hints().map(|hint| Candidate::from(&hint))
    }

    /// The row for a state.
    pub fn to_open(&self) -> OpenRow {
        OpenRow::new(self)
    }

    /// The row with the ledger's other columns, to be serialized.
    pub fn with_ledger<'b, L: Serialize>(&'b self, ledger: &'b L) -> impl Serialize + 'b {
        WithLedger { row: self, ledger: Some(ledger) }
    }
}

struct WithLedger<'b, L> {
    row: &'b ReportRow<'b>,
    ledger: Option<&'b L>,
}

impl<L: Serialize> Serialize for WithLedger<'_, L> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let row = self.row;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("bucket", &row.bucket)?;
        map.serialize_entry("side", row.side.as_str())?;
        map.serialize_entry("key", &row.key)?;
        map.serialize_entry("amount", &row.amount)?;
        map.serialize_entry("currency", row.currency)?;
        map.serialize_entry("time", &row.time.map(crate::text::time))?;
        map.serialize_entry("id", &row.id)?;
        map.serialize_entry("why", &row.why())?;
        map.serialize_entry("candidates", &row.candidates)?;
        if row.was_open {
            map.serialize_entry("first_seen", &row.first_seen.to_string())?;
        }
        if let Some(ledger) = self.ledger {
            map.serialize_entry("ledger", ledger)?;
        }
        map.end()
    }
}

impl Serialize for ReportRow<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        WithLedger::<()> { row: self, ledger: None }.serialize(to)
    }
}
