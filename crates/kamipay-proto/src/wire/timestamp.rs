//! Timestamps: read as RFC 3339 with any offset, written in UTC.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc};
use serde::{Deserializer, Serializer};

use super::{reason, text};

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
    text(from, |text| parse(text).ok_or(reason::TIMESTAMP))
}

pub(crate) fn serialize<S: Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&Rfc3339(*time))
}

/// An optional timestamp.
pub(crate) mod option {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<DateTime<Utc>>, D::Error> {
        #[derive(Deserialize)]
        struct Time(#[serde(with = "super")] DateTime<Utc>);

        Ok(Option::<Time>::deserialize(from)?.map(|time| time.0))
    }

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<DateTime<Utc>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, to),
            None => to.serialize_none(),
        }
    }
}

/// Displays `2026-05-14T15:00:42Z`, with 0, 3, 6 or 9 decimals.
#[derive(Clone, Copy)]
pub(crate) struct Rfc3339(pub(crate) DateTime<Utc>);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.0.naive_utc();
        let nanos = time.nanosecond();
        if !is_writable(self.0) || nanos >= 1_000_000_000 {
            // Only in messages about a time that cannot be sent, or a leap second.
            return fmt::Debug::fmt(&self.0, f);
        }
        let mut text = *b"0000-00-00T00:00:00.000000000";
        write_digits(&mut text[0..4], time.year().unsigned_abs());
        write_digits(&mut text[5..7], time.month());
        write_digits(&mut text[8..10], time.day());
        write_digits(&mut text[11..13], time.hour());
        write_digits(&mut text[14..16], time.minute());
        write_digits(&mut text[17..19], time.second());
        if nanos > 0 {
            write_digits(&mut text[20..29], nanos);
        }
        let length = match nanos {
            0 => 19,
            _ if nanos % 1_000_000 == 0 => 23,
            _ if nanos % 1000 == 0 => 26,
            _ => 29,
        };
        f.write_str(std::str::from_utf8(&text[..length]).map_err(|_| fmt::Error)?)?;
        f.write_str("Z")
    }
}

/// Fills `digits`, with leading zeros.
fn write_digits(digits: &mut [u8], mut number: u32) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Whether RFC 3339 can represent this time in UTC: years 0 to 9999.
pub(crate) fn is_writable(time: DateTime<Utc>) -> bool {
    (0..=9999).contains(&time.year())
}

/// Parses RFC 3339, and two variants in the vendor's pages: a space for the `T`, and an offset
/// without a colon. chrono's parser drops digits after the ninth decimal, and accepts 60 as a
/// second.
pub(crate) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let (clock, rest) = text.as_bytes().split_first_chunk::<19>()?;
    let marks = [clock[4], clock[7], clock[13], clock[16]];
    if marks != *b"--::" || !matches!(clock[10], b'T' | b't' | b' ') {
        return None;
    }
    let field = |from: usize, to: usize| number(&clock[from..to]);
    let (nanos, offset) = match rest {
        [b'.', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (fraction, offset) = rest.split_at(digits);
            (parse_nanos(fraction)?, offset)
        }
        offset => (0, offset),
    };

    let year = i32::try_from(field(0, 4)?).ok()?;
    let time = NaiveDate::from_ymd_opt(year, field(5, 7)?, field(8, 10)?)?.and_hms_nano_opt(
        field(11, 13)?,
        field(14, 16)?,
        field(17, 19)?,
        nanos,
    )?;
    if let [b'Z' | b'z'] = offset {
        return Some(time.and_utc());
    }
    let time = time.checked_sub_signed(parse_offset(offset)?)?.and_utc();
    is_writable(time).then_some(time)
}

/// The 1 to 9 decimals of a second, as nanoseconds.
pub(super) fn parse_nanos(fraction: &[u8]) -> Option<u32> {
    if !(1..=9).contains(&fraction.len()) {
        return None;
    }
    let missing = u32::try_from(9 - fraction.len()).ok()?;
    Some(number(fraction)? * 10_u32.pow(missing))
}

fn parse_offset(offset: &[u8]) -> Option<TimeDelta> {
    let (sign, hours, minutes) = match *offset {
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => {
            (sign, number(&[h1, h2])?, number(&[m1, m2])?)
        }
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i64::from(hours * 3600 + minutes * 60);
    match sign {
        b'+' => Some(TimeDelta::seconds(seconds)),
        b'-' => Some(TimeDelta::seconds(-seconds)),
        _ => None,
    }
}

/// Parses up to 9 digits. It checks them after the loop, which is faster.
fn number(digits: &[u8]) -> Option<u32> {
    let (number, all_digits) = digits.iter().fold((0_u32, true), |(number, all_digits), byte| {
        let digit = byte.wrapping_sub(b'0');
        (number.wrapping_mul(10).wrapping_add(digit.into()), all_digits & (digit < 10))
    });
    all_digits.then_some(number)
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        parse(text).map(|time| Rfc3339(time).to_string())
    }

    #[test]
    fn every_format_of_the_vendor_s_pages_is_read() {
        for (text, utc) in [
            ("2025-05-07T19:36:52.907905Z", "2025-05-07T19:36:52.907905Z"),
            ("2026-05-14T15:00:42Z", "2026-05-14T15:00:42Z"),
            ("2024-07-27 11:28:50.426788-03:00", "2024-07-27T14:28:50.426788Z"),
            ("2026-09-11 01:23:45.678901+0000", "2026-09-11T01:23:45.678901Z"),
            ("2023-08-01T11:00:00+00:00", "2023-08-01T11:00:00Z"),
            ("2023-08-01t11:00:00.5z", "2023-08-01T11:00:00.500Z"),
            ("2023-08-01T11:00:00.123456789+23:59", "2023-07-31T11:01:00.123456789Z"),
            ("2024-02-29T23:59:59.999999-03:00", "2024-03-01T02:59:59.999999Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(utc), "{text}");
        }
    }

    #[test]
    fn a_time_that_rfc_3339_cannot_represent_is_displayed_as_chrono_does() {
        let year = DateTime::from_timestamp(253_402_300_800, 0).unwrap();
        assert_eq!(Rfc3339(year).to_string(), "+10000-01-01T00:00:00Z");
        let before = DateTime::from_timestamp(-62_167_219_201, 0).unwrap();
        assert_eq!(Rfc3339(before).to_string(), "-0001-12-31T23:59:59Z");
        let leap = DateTime::from_timestamp(1_483_228_799, 1_500_000_000).unwrap();
        assert_eq!(Rfc3339(leap).to_string(), "2016-12-31T23:59:60.500Z");
    }

    #[test]
    fn all_other_texts_are_refused() {
        for text in [
            "",
            " ",
            "2026-05-14",
            "2026-05-14T15:00Z",
            "2026-05-14T15:00:42",
            "2026-05-14T24:00:00Z",
            "2026-13-14T15:00:42Z",
            "2026-02-30T15:00:42Z",
            "2026-05-14T15:60:42Z",
            "2026-05-14T15:00:60Z",
            "10000-05-14T15:00:42Z",
            "+10000-05-14T15:00:42Z",
            "2026-05-14T15:00:42.Z",
            "2026-05-14T15:00:42.1234567890Z",
            "2026-05-14T15:00:42+24:00",
            "2026-05-14T15:00:42+03:60",
            "2026-05-14T15:00:42+03",
            "2026-05-14T15:00:42 Z",
            " 2026-05-14T15:00:42Z",
            "2026-05-14T15:00:42Z ",
            "2026-05-14_15:00:42Z",
            "2026/05/14T15:00:42Z",
            "2026-05-0:T15:00:42Z", // after 9 comes the colon
            "2026-05-0/T15:00:42Z",
            "2026-05-14T15:00:42−03:00",
            "٢٠26-05-14T15:00:42Z",
            "0000-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "1718472442.872",
            "-026-05-14T15:00:42Z",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn an_instant_is_the_same_in_every_format(
            seconds in -62_167_132_800_i64..253_402_214_400, nanos in 0_u32..1_000_000_000,
            offset in -1439_i32..=1439,
        ) {
            let time = DateTime::from_timestamp(seconds, nanos).unwrap();
            let zone = chrono::FixedOffset::east_opt(offset * 60).unwrap();
            let text = time.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Nanos, false);
            prop_assert_eq!(parse(&text), Some(time));
            prop_assert_eq!(parse(&text.replacen('T', " ", 1)), Some(time));
            let written = Rfc3339(time).to_string();
            prop_assert_eq!(&written, &time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
            prop_assert_eq!(parse(&written), Some(time));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}", like in "[0-9TZ:.+ -]{15,40}") {
            let _ = (parse(&text), parse(&like));
        }
    }
}
