//! Rows, dealt into partitions by the hash of their key.

use std::num::NonZeroU16;
use std::ops::Range;

use kamipay_proto::chrono::{DateTime, Utc};

use crate::record::{self, Origin};
use crate::registers::Registers;
use crate::row::{Progress, Row, Side};
use crate::state::{ClosedKey, OpenRow};
use crate::{Error, Rules, Store};

/// Rows that were read, in any order and from any source.
///
/// Rows are dealt by their key into partitions, which a [`Store`] keeps. Read the two sides on two
/// threads into two partials, each with a store of its own, and [`merge`](Self::merge) them. Neither
/// the order of rows and merges nor the number of partitions changes the report.
#[derive(Clone, Debug)]
pub struct Partial<S> {
    pub(crate) rules: Rules,
    pub(crate) parts: Vec<Part<S>>,
    pub(crate) partitions: usize,
    pub(crate) read: Tally,
    buffer: Vec<u8>,
}

/// A store, and the bytes not yet written to it.
#[derive(Clone, Debug)]
pub(crate) struct Part<S> {
    pub(crate) store: S,
    tails: Vec<Vec<u8>>,
    /// How many bytes of each partition the store was given. It may return no more and no fewer.
    written: Vec<u64>,
}

/// Bytes of a partition buffered before they are written.
const TAIL: usize = 16 << 10;
const LONGEST_ROW: usize = 1 << 30;

impl<S: Store> Partial<S> {
    /// The number of partitions by default: 256.
    pub const PARTITIONS: NonZeroU16 = NonZeroU16::new(256).unwrap();

    /// Empty, with 256 partitions.
    pub fn new(rules: Rules, store: S) -> Self {
        Self::with_partitions(rules, store, Self::PARTITIONS)
    }

    /// Without a row. The report needs the memory of about two partitions, and 16 KiB for each.
    pub fn with_partitions(rules: Rules, store: S, partitions: NonZeroU16) -> Self {
        let partitions = usize::from(partitions.get());
        let part =
            Part { store, tails: vec![Vec::new(); partitions], written: vec![0; partitions] };
        Self { rules, parts: vec![part], partitions, read: Tally::default(), buffer: Vec::new() }
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Adds a row of this period's input.
    ///
    /// # Errors
    ///
    /// If the store fails or a sum is out of range. The partial is then incomplete: drop it.
    pub fn add(&mut self, row: &Row<'_>) -> Result<(), Error<S::Error>> {
        // Only kamiPay's transfers are under way or fail.
        let row = &match row.side {
            Side::Theirs => *row,
            Side::Ours | Side::Pool => Row { progress: Progress::Live, ..*row },
        };
        self.read.count(row.side, row.progress);
        if is_counted(row, &self.rules) {
            self.read.add(Source::Input, row)?;
        }
        self.deal(row, Origin::Fresh)
    }

    /// Adds an open row of the state of the period before. The rules have to
    /// [continue](Rules::after) it.
    ///
    /// # Errors
    ///
    /// Those of [`add`](Self::add), and [`Error::Unrelated`] if the rules continue no state.
    pub fn add_open(&mut self, open: &OpenRow) -> Result<(), Error<S::Error>> {
        if self.rules.since.is_none() {
            return Err(Error::Unrelated);
        }
        let (origin, parts) = (open.origin(), open.parts());
        let row = open.row(&parts);
        if origin != Origin::Outside {
            self.read.opened(row.side);
            self.read.add(Source::State, &row)?;
        }
        self.deal(&row, origin)
    }

    /// Adds a remembered key of the state of the period before. The rules have to
    /// [continue](Rules::after) it.
    ///
    /// # Errors
    ///
    /// Those of [`add`](Self::add), and [`Error::Unrelated`] if the rules continue no state.
    pub fn add_closed(&mut self, closed: &ClosedKey) -> Result<(), Error<S::Error>> {
        if self.rules.since.is_none() {
            return Err(Error::Unrelated);
        }
        let partition = self.partition(record::hash(closed.key.as_bytes()));
        let part = &mut self.parts[0];
        let tail = &mut part.tails[partition];
        let ours = closed.ours.iter().map(String::as_bytes);
        let theirs = closed.theirs.iter().map(String::as_bytes);
        record::write_marker(closed.key.as_bytes(), closed.on, ours, theirs, tail);
        part.spill(partition)
    }

    /// Adds the rows of another partial.
    ///
    /// # Errors
    ///
    /// If its rules or its number of partitions differ, or a sum is out of range.
    pub fn merge(&mut self, other: Self) -> Result<(), Error<S::Error>> {
        if self.rules != other.rules || self.partitions != other.partitions {
            return Err(Error::Unrelated);
        }
        self.read.merge(&other.read)?;
        self.parts.extend(other.parts);
        Ok(())
    }

    fn deal(&mut self, row: &Row<'_>, origin: Origin) -> Result<(), Error<S::Error>> {
        let length = row.carried.len() + row.key.map_or(0, str::len) + row.currency.len();
        if length > LONGEST_ROW {
            return Err(Error::RowTooLong);
        }
        let hash = match row.key {
            Some(key) => record::hash(key.as_bytes()),
            None => record::hash_of_keyless(row, &self.rules, &mut self.buffer),
        };
        let partition = self.partition(hash);
        let part = &mut self.parts[0];
        record::write(row, origin, &mut part.tails[partition]);
        part.spill(partition)
    }

    fn partition(&self, hash: u64) -> usize {
        ((hash >> 32) as usize * self.partitions) >> 32
    }

    /// All bytes of a partition, of all stores.
    pub(crate) fn load(&self, partition: usize, to: &mut Vec<u8>) -> Result<(), Error<S::Error>> {
        to.clear();
        for part in &self.parts {
            let damaged = || Error::Damaged { stream: partition };
            let start = to.len();
            let length = part.stored(partition)?;
            let length = usize::try_from(length).map_err(|_| damaged())?;
            to.resize(start + length, 0);
            let mut read = 0;
            while read < length {
                let rest = &mut to[start + read..];
                let longest = rest.len();
                let more = part.store.read(partition, read as u64, rest).map_err(Error::Store)?;
                if more == 0 || more > longest {
                    return Err(damaged());
                }
                read += more;
            }
            to.extend_from_slice(&part.tails[partition]);
        }
        Ok(())
    }

    /// The length of a partition in bytes.
    pub(crate) fn length(&self, partition: usize) -> u64 {
        self.parts
            .iter()
            .map(|part| part.written[partition] + part.tails[partition].len() as u64)
            .sum()
    }

    /// Calls `each` with the records of a partition, piece by piece.
    pub(crate) fn scan(
        &self,
        partition: usize,
        mut each: impl FnMut(&[u8]) -> Result<(), Error<S::Error>>,
    ) -> Result<(), Error<S::Error>> {
        let damaged = || Error::Damaged { stream: partition };
        for part in &self.parts {
            let mut reader = Reader::new(partition, part.stored(partition)?);
            while let Some(frame) = reader.next(&part.store)? {
                each(frame)?;
            }
            for frame in record::frames(&part.tails[partition]) {
                each(frame.ok_or_else(damaged)?)?;
            }
        }
        Ok(())
    }
}

impl<S: Store> Part<S> {
    fn spill(&mut self, partition: usize) -> Result<(), Error<S::Error>> {
        let tail = &mut self.tails[partition];
        if tail.len() >= TAIL {
            self.store.append(partition, tail).map_err(Error::Store)?;
            self.written[partition] += tail.len() as u64;
            tail.clear();
        }
        Ok(())
    }

    /// The length of a partition in the store. It must be what was written.
    fn stored(&self, partition: usize) -> Result<u64, Error<S::Error>> {
        check_length(&self.store, partition, self.written[partition])
    }
}

/// A store that lost the end of a stream may lose whole records.
pub(crate) fn check_length<S: Store>(
    store: &S,
    stream: usize,
    written: u64,
) -> Result<u64, Error<S::Error>> {
    match store.length(stream) == written {
        true => Ok(written),
        false => Err(Error::Damaged { stream }),
    }
}

/// Whether a row of the input is in the sums that are made while reading.
pub(crate) fn is_counted(row: &Row<'_>, rules: &Rules) -> bool {
    row.side != Side::Pool && row.progress != Progress::Void && is_of_period(row.time, rules)
}

/// Whether a row belongs to the period, or arrived late for an earlier one of the chain.
pub(crate) fn is_of_period(time: Option<DateTime<Utc>>, rules: &Rules) -> bool {
    let Some(time) = time else { return true };
    let is_late = || {
        let earliest = rules.since.map(|since| since.max(rules.horizon()));
        earliest.is_some_and(|earliest| earliest <= time && time < rules.period.start())
    };
    rules.contains(time) || is_late()
}

/// Reads records from a stream of a store, piece by piece.
#[derive(Debug)]
pub(crate) struct Reader {
    stream: usize,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    /// The length of the stream.
    length: u64,
}

const PIECE: usize = 16 << 10;

impl Reader {
    pub(crate) fn new(stream: usize, length: u64) -> Self {
        Self { stream, buffer: Vec::new(), start: 0, end: 0, offset: 0, length }
    }

    pub(crate) fn stream(&self) -> usize {
        self.stream
    }

    /// The bytes of a range that was returned last.
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// Makes the next record current. Returns it, or none at the end.
    pub(crate) fn next<S: Store>(&mut self, store: &S) -> Result<Option<&[u8]>, Error<S::Error>> {
        Ok(self.next_range(store)?.map(|range| self.bytes(range)))
    }

    /// Makes the next record current. Returns its place, or none at the end.
    pub(crate) fn next_range<S: Store>(
        &mut self,
        store: &S,
    ) -> Result<Option<Range<usize>>, Error<S::Error>> {
        loop {
            let unread = &self.buffer[self.start..self.end];
            let needed = match unread.first_chunk::<4>() {
                Some(length) => 4 + u32::from_le_bytes(*length) as usize,
                None => 4,
            };
            if needed > 4 && unread.len() >= needed || needed == 4 && unread.len() >= 4 {
                let from = self.start + 4;
                self.start += needed;
                return Ok(Some(from..self.start));
            }
            if !self.fill(store, needed)? {
                return match self.start == self.end && self.offset == self.length {
                    true => Ok(None),
                    false => Err(self.damaged()),
                };
            }
        }
    }

    fn damaged<E>(&self) -> Error<E> {
        Error::Damaged { stream: self.stream }
    }

    /// Reads on, until at least `needed` bytes are unread. False at the end of the stream.
    fn fill<S: Store>(&mut self, store: &S, needed: usize) -> Result<bool, Error<S::Error>> {
        if needed as u64 > self.length {
            return Ok(false); // also of a damaged length
        }
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.buffer.len() < needed.max(PIECE) {
            let longest = usize::try_from(self.length).unwrap_or(usize::MAX);
            self.buffer.resize(needed.max(PIECE.min(longest)), 0);
        }
        let space = &mut self.buffer[self.end..];
        let longest = space.len();
        let read = store.read(self.stream, self.offset, space).map_err(Error::Store)?;
        if read > longest {
            return Err(self.damaged());
        }
        self.end += read;
        self.offset += read as u64;
        Ok(read > 0)
    }
}

/// What was read, counted and added up while reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) rows: [u64; 3],
    pub(crate) void: u64,
    pub(crate) opened: [u64; 2],
    pub(crate) sums: Registers<2>,
}

/// Where a row was read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    Input,
    State,
}

impl Tally {
    fn count(&mut self, side: Side, progress: Progress) {
        self.rows[side as usize] += 1;
        self.void += u64::from(progress == Progress::Void);
    }

    fn opened(&mut self, side: Side) {
        self.opened[usize::from(side != Side::Ours)] += 1;
    }

    fn add<E>(&mut self, source: Source, row: &Row<'_>) -> Result<(), Error<E>> {
        let Some(amount) = row.amount else { return Ok(()) };
        self.sums.add(source as usize, row.side, row.currency.as_bytes(), amount)
    }

    fn merge<E>(&mut self, other: &Self) -> Result<(), Error<E>> {
        for (count, more) in self.rows.iter_mut().zip(other.rows) {
            *count += more;
        }
        for (count, more) in self.opened.iter_mut().zip(other.opened) {
            *count += more;
        }
        self.void += other.void;
        self.sums.merge(&other.sums)
    }
}
