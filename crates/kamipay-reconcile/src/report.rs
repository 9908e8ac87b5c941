//! The result: counts, sums and the proof at once, rows as a sorted stream.

mod classified;

use kamipay_proto::chrono::NaiveDate;
use serde::Serialize;

pub(crate) use self::classified::Pairs;
use crate::bytes::Moment;
use crate::candidate::Explanations;
use crate::partial::{Source, Tally};
use crate::registers::Registers;
use crate::row::Side;
use crate::state::StateHeader;
use crate::{Bucket, Error, Rows, Rules, Store, Sums};

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
    pub(crate) runs: Vec<(S, Vec<(usize, u64)>)>,
    pub(crate) explanations: Explanations,
}

/// Buckets first, then what the state said already, then what is open.
const PLACES: usize = Bucket::ALL.len() + 2;
const RESTATED: usize = Bucket::ALL.len();
const OPEN: usize = Bucket::ALL.len() + 1;

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
    /// If partitions are missing, a sum is out of range, or the proof fails.
    pub fn verdict(&self) -> Result<Verdict, Error<S::Error>> {
        if !self.statement()?.unexplained.is_zero() {
            return Err(Error::Unexplained);
        }
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
    /// If partitions are missing, a sum is out of range, or the rules save no state.
    pub fn state_header(&self) -> Result<StateHeader, Error<S::Error>> {
        self.check_complete()?;
        if !self.rules.is_saved {
            return Err(Error::NotSaved);
        }
        Ok(StateHeader::new(&self.rules, self.saved, self.closing()?))
    }

    /// Reads the rows, sorted by key, then side, then name. Rows without a key come last.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn rows(&self) -> Result<Rows<'_, S>, Error<S::Error>> {
        Rows::new(self)
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
