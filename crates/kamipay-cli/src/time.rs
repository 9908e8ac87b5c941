//! Times and lengths of time, as they are given on the command line.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveTime, Timelike as _, Utc};
use clap::Args;
use kamipay_ureq::proto::{InvalidRange, Period};

use crate::exit::Failure;
use crate::table;

/// A required period.
#[derive(Args)]
#[command(next_help_heading = "Period")]
pub(crate) struct PeriodArgs {
    /// Start: a date (its start) or a time with a UTC offset
    ///
    /// `2026-05-01` is the start of that day, by --utc-offset. `2026-05-01T08:00:00-03:00` and
    /// `2026-05-01T11:00:00Z` are the same moment.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Moment,
    /// End, not included: a date (its end) or a time with a UTC offset
    ///
    /// `2026-05-31` is the end of that day, by --utc-offset: the start of the next one.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Moment,
    #[command(flatten)]
    day: Day,
}

/// A period that may be open at either end.
#[derive(Args)]
#[command(next_help_heading = "Period")]
pub(crate) struct OpenPeriodArgs {
    /// Start: a date (its start) or a time with a UTC offset; default: the API's, 30 days ago
    ///
    /// `2026-05-01` is the start of that day, by --utc-offset. `2026-05-01T08:00:00-03:00` and
    /// `2026-05-01T11:00:00Z` are the same moment.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<Moment>,
    /// End, not included: a date (its end) or a time with a UTC offset; default: the API's, now
    ///
    /// `2026-05-31` is the end of that day, by --utc-offset: the start of the next one.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<Moment>,
    #[command(flatten)]
    day: Day,
}

#[derive(Args)]
struct Day {
    /// The UTC offset of a --from or --to that is a date: `-03:00` is Brasília
    #[arg(long, value_name = "OFFSET", default_value = "Z", allow_hyphen_values = true)]
    utc_offset: UtcOffset,
}

impl PeriodArgs {
    pub(crate) fn period(&self) -> Result<Period, Failure> {
        let (start, end) =
            (self.from.start(self.day.utc_offset)?, self.to.end(self.day.utc_offset)?);
        period(start, end)
    }
}

impl OpenPeriodArgs {
    /// The period, if one is given. An open end is where the API puts it.
    pub(crate) fn period(&self, now: DateTime<Utc>) -> Result<Option<Period>, Failure> {
        let (start, end) = match self.ends()? {
            [None, None] => return Ok(None),
            [Some(start), Some(end)] => (start, end),
            [Some(start), None] if now <= start => {
                return Err(Failure::usage(format!(
                    "--from: {} is still to come, and without --to the period ends now",
                    table::time(Some(start))
                ))
                .tip("give an earlier --from, or a --to after it"));
            }
            [Some(start), None] => (start, now),
            [None, Some(end)] => (end - Days::new(30), end), // far from chrono's first day
        };
        period(start, end).map(Some)
    }

    /// Whether the period's end is now, whenever that is.
    pub(crate) fn moves_with_the_clock(&self) -> bool {
        self.to.is_none()
    }

    fn ends(&self) -> Result<[Option<DateTime<Utc>>; 2], Failure> {
        let start = self.from.map(|from| from.start(self.day.utc_offset)).transpose()?;
        let end = self.to.map(|to| to.end(self.day.utc_offset)).transpose()?;
        Ok([start, end])
    }
}

/// A period that is not empty. A saved state may have an empty one, a command may not.
fn period(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Period, Failure> {
    if start == end {
        return Err(Failure::range(&InvalidRange::Order { start, end }));
    }
    Period::new(start, end).map_err(|error| Failure::range(&error))
}

/// A moment, or a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Time(DateTime<Utc>),
    Day(NaiveDate),
}

impl Moment {
    fn start(self, offset: UtcOffset) -> Result<DateTime<Utc>, Failure> {
        match self {
            Self::Time(time) => Ok(time),
            Self::Day(date) => start_of(date, offset),
        }
    }

    fn end(self, offset: UtcOffset) -> Result<DateTime<Utc>, Failure> {
        match self {
            Self::Time(time) => Ok(time),
            Self::Day(date) => start_of(date + Days::new(1), offset), // far from chrono's last day
        }
    }
}

fn start_of(date: NaiveDate, UtcOffset(offset): UtcOffset) -> Result<DateTime<Utc>, Failure> {
    let start = date.and_time(NaiveTime::MIN).and_local_timezone(offset).single();
    start
        .map(|start| start.to_utc())
        .ok_or_else(|| Failure::usage(format!("{date} has no start at the UTC offset {offset}")))
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const ACCEPTED: &str =
            "give a date (2026-05-01) or a time with a UTC offset (2026-05-01T08:00:00-03:00)";
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if let [b'0'..=b'9', _, _, _, b'-', _, _, b'-', _, _] = text.as_bytes() {
            if is_digits(&text.replace('-', "")) {
                let date = NaiveDate::parse_from_str(text, "%Y-%m-%d");
                return date
                    .map(Self::Day)
                    .map_err(|_| format!("the calendar has no such day; {ACCEPTED}"));
            }
        }
        if text.parse::<chrono::NaiveDateTime>().is_ok() {
            return Err(format!(
                "it has no UTC offset: write {text}Z for UTC, or {text}-03:00 for Brasília"
            ));
        }
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| ACCEPTED.to_owned())?;
        if time.nanosecond() >= 1_000_000_000 {
            return Err("a leap second cannot be sent: seconds go from 00 to 59".to_owned());
        }
        let decimals = text.split_once('.').map_or("", |(_, rest)| rest);
        if decimals.bytes().take_while(u8::is_ascii_digit).count() > 9 {
            return Err("seconds have at most 9 decimals".to_owned());
        }
        Ok(Self::Time(time.to_utc()))
    }
}

/// An offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct UtcOffset(FixedOffset);

impl FromStr for UtcOffset {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ACCEPTED: &str = "an offset from UTC is written -03:00, +05:30 or Z";
        if text == "Z" {
            return Ok(Self(FixedOffset::east_opt(0).ok_or(ACCEPTED)?));
        }
        let &[sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = text.as_bytes() else {
            return Err(ACCEPTED);
        };
        let number = |tens: u8, ones: u8| {
            let ok = tens.is_ascii_digit() && ones.is_ascii_digit();
            ok.then(|| i32::from(tens - b'0') * 10 + i32::from(ones - b'0')).ok_or(ACCEPTED)
        };
        let (hours, minutes) = (number(h1, h2)?, number(m1, m2)?);
        if hours > 23 || minutes > 59 {
            return Err("an offset from UTC has at most 23 hours and 59 minutes");
        }
        let seconds = hours * 3600 + minutes * 60;
        let seconds = if sign == b'-' { -seconds } else { seconds };
        FixedOffset::east_opt(seconds).map(Self).ok_or(ACCEPTED)
    }
}

/// Reads a length of time, such as `30s`, `10m` or `1h30m`.
pub(crate) fn length(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(length) if length.is_zero() => Err("it must be more than zero".to_owned()),
        Ok(length) => Ok(length),
        Err(_) => Err("a length of time is a number and its unit: 30s, 10m, 1h30m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(from: &str, to: &str, offset: &str) -> Result<(String, String), String> {
        let (from, to): (Moment, Moment) = (from.parse()?, to.parse()?);
        let offset: UtcOffset = offset.parse().map_err(str::to_owned)?;
        let text = |time: DateTime<Utc>| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        Ok((text(from.start(offset).unwrap()), text(to.end(offset).unwrap())))
    }

    #[test]
    fn a_date_is_its_start_in_from_and_its_end_in_to() {
        for (from, to, offset, start, end) in [
            ("2026-05-01", "2026-05-31", "Z", "2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z"),
            ("2026-05-01", "2026-05-01", "-03:00", "2026-05-01T03:00:00Z", "2026-05-02T03:00:00Z"),
            ("2026-05-01", "2026-05-01", "+05:30", "2026-04-30T18:30:00Z", "2026-05-01T18:30:00Z"),
            (
                "2026-05-01T00:00:00-03:00",
                "2026-05-01 12:00:00.000001Z",
                "+05:30",
                "2026-05-01T03:00:00Z",
                "2026-05-01T12:00:00.000001Z",
            ),
        ] {
            assert_eq!(ends(from, to, offset).unwrap(), (start.to_owned(), end.to_owned()));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "today",
            "2026-13-01",
            "2026-02-30",
            "2026-5-1",
            "20260501",
            "01/05/2026",
            "2026-05-01T00:00:00",
            "2026-05-01T25:00:00Z",
            "2026-05-01T00:00:60Z",
            "-2026-05-01",
            "2026-05-01T00:00:00.1234567891Z",
            "１２３４-05-01",
            "2026-05-01T00:00:00+0x:00",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
        for text in ["", "z", "-3", "-0300", "+24:00", "03:00", "-03:60", "−03:00", "UTC"] {
            assert!(text.parse::<UtcOffset>().is_err(), "{text}");
        }
    }

    #[test]
    fn lengths() {
        assert_eq!(length("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(length("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(length("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(length("250ms"), Ok(Duration::from_millis(250)));
        for text in ["", "30", "0s", "-1s", "soon", "10 parsecs", "99999999999999999999s"] {
            assert!(length(text).is_err(), "{text}");
        }
    }
}
