//! The rows of a report as bytes: a sorted run for each partition.

use std::cmp::Ordering;
use std::ops::Range;

use kamipay_proto::chrono::NaiveDate;

use crate::bytes;
use crate::classify::{Member, Why};
use crate::record::{self, Entry, Name, Record};
use crate::row::Side;
use crate::{Bucket, Error, Store};

pub(crate) const SHOWN: u8 = 1;
pub(crate) const OPENED: u8 = 2;
pub(crate) const OUTSIDE: u8 = 4;
pub(crate) const MARKER: u8 = 8;

/// Writes the rows of a partition, sorted.
pub(crate) struct Run<S> {
    pub(crate) store: S,
    /// The streams with rows, and how many bytes the store was given for each.
    pub(crate) streams: Vec<(usize, u64)>,
    frames: Vec<u8>,
    index: Vec<Range<usize>>,
}

impl<S: Store> Run<S> {
    pub(crate) fn new(store: S) -> Self {
        Self { store, streams: Vec::new(), frames: Vec::new(), index: Vec::new() }
    }

    pub(crate) fn add(
        &mut self,
        member: &Member<'_>,
        bucket: Bucket,
        flags: u8,
        members: &[Member<'_>],
    ) {
        self.push(|to| {
            bytes::put_frame(to, |to| to.extend(member.record.bytes));
            to.extend([flags, bucket as u8]);
            bytes::put_number(to, member.number.into());
            to.push(member.first_seen.is_some().into());
            if let Some(day) = member.first_seen {
                bytes::put_day(to, day);
            }
            match member.why {
                Why::Partner(index) if flags & OUTSIDE == 0 => {
                    let partner = &members[index];
                    to.push(1);
                    bytes::put_number(to, partner.number.into());
                    // The partner's other columns are not repeated.
                    let short = partner.record.bytes.len() - partner.record.carried.len();
                    bytes::put_text(to, &partner.record.bytes[..short]);
                }
                Why::Counts { ours, theirs, live } => {
                    to.push(2);
                    [ours, theirs, live]
                        .into_iter()
                        .for_each(|count| bytes::put_number(to, count as u128));
                }
                _ => to.push(0),
            }
        });
    }

    pub(crate) fn add_marker(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.push(|to| {
            write(to);
            to.extend([MARKER, 0, 1, 0, 0]);
        });
    }

    fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.frames.len();
        bytes::put_frame(&mut self.frames, write);
        self.index.push(start..self.frames.len());
    }

    pub(crate) fn finish(&mut self, stream: usize) -> Result<(), Error<S::Error>> {
        if self.index.is_empty() {
            return Ok(());
        }
        let frames = &self.frames;
        let frame = |range: &Range<usize>| &frames[range.start + 4..range.end];
        self.index.sort_unstable_by(|a, b| cmp_frames(frame(a), frame(b)));
        let (mut piece, mut written) = (Vec::new(), 0);
        for range in &self.index {
            piece.extend_from_slice(&frames[range.clone()]);
            if piece.len() >= 64 << 10 {
                self.store.append(stream, &piece).map_err(Error::Store)?;
                written += piece.len() as u64;
                piece.clear();
            }
        }
        self.store.append(stream, &piece).map_err(Error::Store)?;
        self.streams.push((stream, written + piece.len() as u64));
        self.frames.clear();
        self.index.clear();
        Ok(())
    }
}

/// The order of a report: key, side, name. Rows without a key come last.
pub(crate) fn cmp_frames(a: &[u8], b: &[u8]) -> Ordering {
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
    pub(crate) flags: u8,
    pub(crate) bucket: Bucket,
    pub(crate) number: u64,
    pub(crate) first_seen: Option<NaiveDate>,
    pub(crate) reason: Reason<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Reason<'a> {
    Nothing,
    Partner(Record<'a>, u64),
    Counts { ours: u64, theirs: u64, live: u64 },
}

impl<'a> Frame<'a> {
    pub(crate) fn read(mut frame: &'a [u8]) -> Option<Self> {
        let from = &mut frame;
        let entry = record::read(bytes::take_frame(from)?)?;
        let flags = bytes::take_byte(from)?;
        let bucket = Bucket::from_index(bytes::take_byte(from)?)?;
        let number = bytes::take_u64(from)?;
        let first_seen = match bytes::take_byte(from)? {
            0 => None,
            _ => Some(bytes::take_day(from)?),
        };
        let reason = match bytes::take_byte(from)? {
            0 => Reason::Nothing,
            1 => {
                let number = bytes::take_u64(from)?;
                let Entry::Record(record) = record::read(bytes::take_text(from)?)? else {
                    return None;
                };
                Reason::Partner(record, number)
            }
            _ => Reason::Counts {
                ours: bytes::take_u64(from)?,
                theirs: bytes::take_u64(from)?,
                live: bytes::take_u64(from)?,
            },
        };
        Some(Self { entry, flags, bucket, number, first_seen, reason })
    }
}

impl<'a> Frame<'a> {
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.entry, Entry::Record(record) if record.side == Side::Ours)
    }

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
}
