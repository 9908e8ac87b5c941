//! The rows of a report, as they are read.

use std::fmt;
use std::ops::Range;

use kamipay_proto::chrono::{DateTime, NaiveDate, Utc};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::candidate::Candidate;
use crate::partial::{Reader, check_length};
use crate::record::{Entry, Record, text};
use crate::row::{Id, Progress, Side};
use crate::run::{Frame, MARKER, OPENED, OUTSIDE, Reason, SHOWN, cmp_frames};
use crate::state::{ClosedKey, OpenRow};
use crate::{Amount, Bucket, Error, Flow, Report, Store};

/// The rows of a report, in order. Read them with [`next`](Self::next).
pub struct Rows<'a, S> {
    report: &'a Report<S>,
    runs: Vec<OpenRun<'a, S>>,
    /// Numbers of runs. The first has the next row.
    heap: Vec<usize>,
    /// How many rows of theirs and ours that may have candidates came so far.
    one_sided: [usize; 2],
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

impl<'a, S: Store> Rows<'a, S> {
    pub(crate) fn new(report: &'a Report<S>) -> Result<Self, Error<S::Error>> {
        let (runs, heap) = (Vec::new(), Vec::new());
        let mut rows = Self { report, runs, heap, one_sided: [0; 2], is_current: false };
        for (store, streams) in &report.runs {
            for &(stream, written) in streams {
                let reader = Reader::new(stream, check_length(store, stream, written)?);
                let mut run = OpenRun { store, reader, frame: 0..0 };
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

    /// The next row. `None` at the end.
    ///
    /// # Errors
    ///
    /// If the store fails.
    #[expect(clippy::should_implement_trait, reason = "a row borrows from its reader")]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, Error<S::Error>> {
        // Other rows are there for the diagnosis alone.
        loop {
            if !self.advance()? {
                return Ok(None);
            }
            if self.frame()?.flags & (SHOWN | OPENED | MARKER) != 0 {
                break;
            }
        }
        let frame = self.frame()?;
        let candidates = match frame.is_one_sided() {
            true => {
                let is_ours = frame.is_ours();
                self.report.explanations.of(is_ours, self.one_sided[usize::from(is_ours)] - 1)
            }
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
            let frame = self.frame()?;
            let (is_one_sided, is_ours) = (frame.is_one_sided(), frame.is_ours());
            self.one_sided[usize::from(is_ours)] += usize::from(is_one_sided);
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
        if self.is_outside {
            return None; // it is kept for other rows, and in no bucket
        }
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
