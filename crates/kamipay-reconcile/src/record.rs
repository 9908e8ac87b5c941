//! Rows as bytes. A partition is a sequence of records, each after its length.

use std::cmp::Ordering;

use kamipay_proto::chrono::{DateTime, NaiveDate, Utc};

use crate::bytes::{
    Moment, put_amount, put_day, put_frame, put_list, put_number, put_text, put_time, take_amount,
    take_byte, take_day, take_frame, take_moment, take_text, take_u64, texts,
};
use crate::row::{Hint, Id, Progress, Row, Side, cmp_amount, cmp_currency};
use crate::{Amount, Rules};

/// A row that was read back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) side: Side,
    pub(crate) progress: Progress,
    pub(crate) origin: Origin,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) amount: Option<Amount>,
    pub(crate) moment: Option<Moment>,
    pub(crate) currency: &'a [u8],
    pub(crate) id: Name<'a>,
    /// Names and texts, as they were written.
    pub(crate) others: &'a [u8],
    pub(crate) hints: &'a [u8],
    pub(crate) carried: &'a [u8],
    /// All bytes of the record.
    pub(crate) bytes: &'a [u8],
}

/// An [`Id`] before its text is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name<'a> {
    Line(u64),
    Text(&'a [u8]),
}

/// Where a row was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In this period's input.
    Fresh,
    /// In the state of the period before, where it is open since this day.
    Carried(NaiveDate),
    /// In the state of the period before. It is in no period of the chain, and serves to match.
    Outside,
}

/// What a state remembers of a key whose rows were matched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marker<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) on: NaiveDate,
    ours: &'a [u8],
    theirs: &'a [u8],
    pub(crate) bytes: &'a [u8],
}

impl<'a> Marker<'a> {
    pub(crate) fn ours(self) -> impl Iterator<Item = &'a [u8]> {
        texts(self.ours)
    }

    pub(crate) fn theirs(self) -> impl Iterator<Item = &'a [u8]> {
        texts(self.theirs)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry<'a> {
    Record(Record<'a>),
    Marker(Marker<'a>),
}

const SIDE_MARKER: u8 = 3;
const HAS_KEY: u8 = 1 << 4;
const HAS_AMOUNT: u8 = 1 << 5;
const HAS_TIME: u8 = 1 << 6;
const IS_LINE: u8 = 1 << 7;

/// Names of identifiers that are written as their number.
const NAMES: [&str; 4] = ["external_id", "kamipay_id", "kamipay_request_id", "transaction_hash"];

/// Appends a row after its length.
pub(crate) fn write(row: &Row<'_>, origin: Origin, to: &mut Vec<u8>) {
    put_frame(to, |to| {
        let flags = row.side as u8
            | (row.progress as u8) << 2
            | if row.key.is_some() { HAS_KEY } else { 0 }
            | if row.amount.is_some() { HAS_AMOUNT } else { 0 }
            | if row.time.is_some() { HAS_TIME } else { 0 }
            | if matches!(row.id, Id::Line(_)) { IS_LINE } else { 0 };
        to.push(flags);
        if let Some(key) = row.key {
            put_text(to, key.as_bytes());
        }
        match origin {
            Origin::Fresh => to.push(0),
            Origin::Carried(day) => {
                to.push(1);
                put_day(to, day);
            }
            Origin::Outside => to.push(2),
        }
        if let Some(amount) = row.amount {
            put_amount(to, amount);
        }
        if let Some(time) = row.time {
            put_time(to, time);
        }
        put_text(to, row.currency.as_bytes());
        match row.id {
            Id::Line(line) => put_number(to, line.into()),
            Id::Name(name) => put_text(to, name.as_bytes()),
        }
        put_list(to, |to| {
            for (name, text) in row.others {
                match (0_u8..).zip(NAMES).find(|(_, known)| known == name) {
                    Some((number, _)) => to.push(number),
                    None => {
                        to.push(u8::MAX);
                        put_text(to, name.as_bytes());
                    }
                }
                put_text(to, text.as_bytes());
            }
        });
        put_list(to, |to| row.hints.iter().for_each(|hint| put_hint(to, hint)));
        to.extend_from_slice(row.carried);
    });
}

/// Appends what is remembered of a key after its length.
pub(crate) fn write_marker<'a>(
    key: &[u8],
    on: NaiveDate,
    ours: impl Iterator<Item = &'a [u8]>,
    theirs: impl Iterator<Item = &'a [u8]>,
    to: &mut Vec<u8>,
) {
    put_frame(to, |to| {
        to.push(SIDE_MARKER | HAS_KEY);
        put_text(to, key);
        put_day(to, on);
        put_list(to, |to| ours.for_each(|id| put_text(to, id)));
        put_list(to, |to| theirs.for_each(|id| put_text(to, id)));
    });
}

/// The records of a partition. `None` for one that is damaged.
pub(crate) fn frames(mut bytes: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let frame = take_frame(&mut bytes);
        if frame.is_none() {
            bytes = &[];
        }
        Some(frame)
    })
}

/// The key, which stands in front of the rest.
pub(crate) fn key_of(record: &[u8]) -> Option<Option<&[u8]>> {
    let (flags, mut rest) = record.split_first()?;
    match flags & HAS_KEY {
        0 => Some(None),
        _ => take_text(&mut rest).map(Some),
    }
}

pub(crate) fn is_marker(record: &[u8]) -> bool {
    record.first().is_some_and(|flags| flags & 3 == SIDE_MARKER)
}

pub(crate) fn read(bytes: &[u8]) -> Option<Entry<'_>> {
    let mut rest = bytes;
    let flags = take_byte(&mut rest)?;
    let key = match flags & HAS_KEY {
        0 => None,
        _ => Some(take_text(&mut rest)?),
    };
    let side = match flags & 3 {
        0 => Side::Ours,
        1 => Side::Theirs,
        2 => Side::Pool,
        _ => {
            return Some(Entry::Marker(Marker {
                key: key?,
                on: take_day(&mut rest)?,
                ours: take_text(&mut rest)?,
                theirs: take_text(&mut rest)?,
                bytes,
            }));
        }
    };
    let progress = match (flags >> 2) & 3 {
        0 => Progress::Live,
        1 => Progress::InFlight,
        _ => Progress::Void,
    };
    let origin = match take_byte(&mut rest)? {
        0 => Origin::Fresh,
        1 => Origin::Carried(take_day(&mut rest)?),
        _ => Origin::Outside,
    };
    let amount = match flags & HAS_AMOUNT {
        0 => None,
        _ => Some(take_amount(&mut rest)?),
    };
    let moment = match flags & HAS_TIME {
        0 => None,
        _ => Some(take_moment(&mut rest)?),
    };
    let currency = take_text(&mut rest)?;
    let id = match flags & IS_LINE {
        0 => Name::Text(take_text(&mut rest)?),
        _ => Name::Line(take_u64(&mut rest)?),
    };
    let others = take_text(&mut rest)?;
    let hints = take_text(&mut rest)?;
    Some(Entry::Record(Record {
        side,
        progress,
        origin,
        key,
        amount,
        moment,
        currency,
        id,
        others,
        hints,
        carried: rest,
        bytes,
    }))
}

impl<'a> Record<'a> {
    pub(crate) fn time(&self) -> Option<DateTime<Utc>> {
        self.moment.and_then(Moment::time)
    }

    /// The other identifiers: names and texts.
    pub(crate) fn others(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut rest = self.others;
        std::iter::from_fn(move || {
            let name = match take_byte(&mut rest)? {
                u8::MAX => text(take_text(&mut rest)?),
                number => NAMES.get(usize::from(number)).copied()?,
            };
            Some((name, text(take_text(&mut rest)?)))
        })
    }

    pub(crate) fn hints(&self) -> impl Iterator<Item = Hint<'a>> {
        let mut rest = self.hints;
        std::iter::from_fn(move || take_hint(&mut rest))
    }

    pub(crate) fn id(&self) -> Id<'a> {
        match self.id {
            Name::Line(line) => Id::Line(line),
            Name::Text(name) => Id::Name(text(name)),
        }
    }

    /// The order within a key: equal rows are told apart by the rest of their record, then by line.
    pub(crate) fn cmp(&self, other: &Self) -> Ordering {
        cmp_currency(self.currency, other.currency)
            .then_with(|| cmp_amount(self.amount, other.amount))
            .then_with(|| {
                (self.moment.is_none(), self.moment).cmp(&(other.moment.is_none(), other.moment))
            })
            .then_with(|| self.cmp_rest(other))
    }

    fn cmp_rest(&self, other: &Self) -> Ordering {
        let rest = |it: &Self| (it.progress, it.currency, it.others, it.hints, it.carried);
        let name = |it: &Self| match it.id {
            Name::Line(line) => (0, line, &[][..]),
            Name::Text(name) => (1, 0, name),
        };
        let scale = |it: &Self| it.amount.map(Amount::scale);
        rest(self)
            .cmp(&rest(other))
            .then_with(|| scale(self).cmp(&scale(other)))
            .then_with(|| name(self).cmp(&name(other)))
            .then_with(|| self.bytes.cmp(other.bytes))
    }
}

/// The texts of a record were texts when they were written.
pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("\u{fffd}")
}

/// Decides the partition, and groups the rows of one. It is the same on every machine.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let mut hash = mix(0, bytes.len() as u64);
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    let mut rest = bytes;
    while let Some((chunk, more)) = rest.split_first_chunk() {
        hash = mix(hash, word(chunk));
        rest = more;
    }
    // The last 8 bytes, also those that are in a chunk already.
    hash = match bytes.last_chunk() {
        Some(last) => mix(hash, word(last)),
        None => mix(hash, bytes.iter().fold(0, |rest, byte| rest << 8 | u64::from(*byte))),
    };
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(FACTOR);
    hash ^ hash >> 29
}

/// The hash of a row without a key: of what names it in the next period as well.
pub(crate) fn hash_of_keyless(row: &Row<'_>, rules: &Rules, buffer: &mut Vec<u8>) -> u64 {
    buffer.clear();
    buffer.push(row.side as u8);
    match (row.side, row.id) {
        (Side::Ours, _) if rules.since.is_some() => {
            buffer.extend(row.currency.bytes().map(|byte| byte.to_ascii_uppercase()));
            buffer.extend(row.time.map_or(0, |time| time.timestamp()).to_le_bytes());
            buffer.extend(row.amount.map_or(0, Amount::whole).to_le_bytes());
        }
        (_, Id::Line(line)) => buffer.extend(line.to_le_bytes()),
        (_, Id::Name(name)) => buffer.extend(name.split('#').next().unwrap_or_default().bytes()),
    }
    hash(buffer)
}

fn put_hint(to: &mut Vec<u8>, hint: &Hint<'_>) {
    let flags = hint.side as u8
        | if hint.key.is_some() { HAS_KEY } else { 0 }
        | if hint.amount.is_some() { HAS_AMOUNT } else { 0 }
        | if hint.time.is_some() { HAS_TIME } else { 0 }
        | if matches!(hint.id, Id::Line(_)) { IS_LINE } else { 0 };
    to.push(flags);
    match hint.id {
        Id::Line(line) => put_number(to, line.into()),
        Id::Name(name) => put_text(to, name.as_bytes()),
    }
    put_text(to, hint.key.unwrap_or_default().as_bytes());
    if let Some(amount) = hint.amount {
        put_amount(to, amount);
    }
    if let Some(time) = hint.time {
        put_time(to, time);
    }
    for text in [hint.currency, hint.differs] {
        put_text(to, text.as_bytes());
    }
}

fn take_hint<'a>(from: &mut &'a [u8]) -> Option<Hint<'a>> {
    let flags = take_byte(from)?;
    let id = match flags & IS_LINE {
        0 => Id::Name(text(take_text(from)?)),
        _ => Id::Line(take_u64(from)?),
    };
    let key = text(take_text(from)?);
    Some(Hint {
        side: match flags & 3 {
            0 => Side::Ours,
            1 => Side::Theirs,
            _ => Side::Pool,
        },
        key: (flags & HAS_KEY != 0).then_some(key),
        amount: if flags & HAS_AMOUNT != 0 { Some(take_amount(from)?) } else { None },
        time: match flags & HAS_TIME {
            0 => None,
            _ => take_moment(from)?.time(),
        },
        id,
        currency: text(take_text(from)?),
        differs: text(take_text(from)?),
    })
}
