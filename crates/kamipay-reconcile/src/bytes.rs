//! Numbers, texts, amounts and times as bytes.

use kamipay_proto::chrono::{DateTime, NaiveDate, Utc};

use crate::Amount;

/// A time, which is compared more often than it is needed: seconds and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(i64, u32);

impl Moment {
    pub(crate) fn time(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(self.0, self.1)
    }
}

impl From<DateTime<Utc>> for Moment {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp(), time.timestamp_subsec_nanos())
    }
}

/// Appends bytes after their length in 4 bytes.
pub(crate) fn put_frame(to: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = to.len();
    to.extend([0; 4]);
    write(to);
    let length = u32::try_from(to.len() - start - 4).unwrap_or(u32::MAX);
    to[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

pub(crate) fn put_number(to: &mut Vec<u8>, mut number: u128) {
    if let Ok(mut short) = u64::try_from(number) {
        while short >= 0x80 {
            to.push(short as u8 | 0x80);
            short >>= 7;
        }
        return to.push(short as u8);
    }
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

fn put_signed(to: &mut Vec<u8>, number: i128) {
    put_number(to, (number << 1 ^ number >> 127) as u128);
}

pub(crate) fn put_text(to: &mut Vec<u8>, text: &[u8]) {
    match u8::try_from(text.len()) {
        Ok(length) if length < 0x80 => to.push(length),
        _ => put_number(to, text.len() as u128),
    }
    to.extend_from_slice(text);
}

pub(crate) fn put_list(to: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = to.len();
    to.push(0);
    write(to);
    let length = to.len() - start - 1;
    if length < 0x80 {
        to[start] = length as u8;
    } else {
        let list = to.split_off(start + 1);
        to.pop();
        put_text(to, &list);
    }
}

/// Nearly all numbers of units fit in 8 bytes.
const IS_WIDE: u8 = 1 << 7;

pub(crate) fn put_amount(to: &mut Vec<u8>, amount: Amount) {
    match i64::try_from(amount.units()) {
        Ok(units) => {
            to.push(amount.scale());
            to.extend(units.to_le_bytes());
        }
        Err(_) => {
            to.push(amount.scale() | IS_WIDE);
            to.extend(amount.units().to_le_bytes());
        }
    }
}

pub(crate) fn put_time(to: &mut Vec<u8>, time: DateTime<Utc>) {
    let Moment(seconds, nanos) = time.into();
    to.extend(seconds.to_le_bytes());
    put_number(to, nanos.into());
}

pub(crate) fn put_day(to: &mut Vec<u8>, day: NaiveDate) {
    put_signed(to, day.to_epoch_days().into());
}

pub(crate) fn take_frame<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (frame, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *bytes = rest;
    Some(frame)
}

pub(crate) fn take_byte(from: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = from.split_first()?;
    *from = rest;
    Some(*byte)
}

pub(crate) fn take_number(from: &mut &[u8]) -> Option<u128> {
    let mut number = 0;
    for shift in (0..u128::BITS).step_by(7) {
        let byte = take_byte(from)?;
        number |= u128::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

pub(crate) fn take_u64(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = take_byte(from)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn take_signed(from: &mut &[u8]) -> Option<i128> {
    let number = take_number(from)?;
    Some((number >> 1) as i128 ^ -((number & 1) as i128))
}

pub(crate) fn take_text<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = match from.first()? {
        short if *short < 0x80 => {
            *from = &from[1..];
            usize::from(*short)
        }
        _ => usize::try_from(take_u64(from)?).ok()?,
    };
    let (text, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(text)
}

pub(crate) fn take_amount(from: &mut &[u8]) -> Option<Amount> {
    let scale = take_byte(from)?;
    let units = match scale & IS_WIDE {
        0 => {
            let (units, rest) = from.split_first_chunk()?;
            *from = rest;
            i64::from_le_bytes(*units).into()
        }
        _ => {
            let (units, rest) = from.split_first_chunk()?;
            *from = rest;
            i128::from_le_bytes(*units)
        }
    };
    Amount::new(units, scale & !IS_WIDE)
}

pub(crate) fn take_moment(from: &mut &[u8]) -> Option<Moment> {
    let (seconds, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(Moment(i64::from_le_bytes(*seconds), take_u64(from)?.try_into().ok()?))
}

pub(crate) fn take_day(from: &mut &[u8]) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(take_signed(from)?.try_into().ok()?)
}

pub(crate) fn texts(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || take_text(&mut list))
}
