//! Times and lengths of time, as they are given on the command line.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, Timelike as _, Utc};
use clap::Args;
use kamipay_ureq::proto::{InvalidRange, Period};

use crate::exit::Failure;
use crate::zone::{Zone, ZoneArgs};
use crate::{clock, table};

/// A required period.
#[derive(Args)]
#[command(next_help_heading = "Period")]
pub(crate) struct PeriodArgs {
    /// Start: a day or month (its start), or a time with a UTC offset
    ///
    /// A day is `2026-05-01`, `today`, `yesterday` or `7d`, seven days ago; a month is `2026-05` or
    /// `last-month`. They begin where --timezone or --utc-offset says. `2026-05-01T08:00:00-03:00`
    /// and `2026-05-01T11:00:00Z` are the same moment.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Moment,
    /// End, not included: a day or month (its end), or a time with a UTC offset
    ///
    /// `2026-05-31` is the end of that day, which is the start of the next one. So yesterday is
    /// `--from yesterday --to yesterday`, and the last seven whole days are
    /// `--from 7d --to yesterday`.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Moment,
    #[command(flatten)]
    zone: ZoneArgs,
}

/// A period that may be open at either end.
#[derive(Args)]
#[command(next_help_heading = "Period")]
pub(crate) struct OpenPeriodArgs {
    /// Start: a day or month (its start), or a time with a UTC offset; default: the API's, 30 days
    /// ago
    ///
    /// A day is `2026-05-01`, `today`, `yesterday` or `7d`, seven days ago; a month is `2026-05` or
    /// `last-month`. They begin where --timezone or --utc-offset says. `2026-05-01T08:00:00-03:00`
    /// and `2026-05-01T11:00:00Z` are the same moment.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<Moment>,
    /// End, not included: a day or month (its end), or a time with a UTC offset; default: the API's,
    /// now
    ///
    /// `2026-05-31` is the end of that day, which is the start of the next one.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<Moment>,
    #[command(flatten)]
    zone: ZoneArgs,
}

/// How a period was asked for.
pub(crate) struct Asked {
    pub(crate) zone: Zone,
    /// Whether the same words name another period on another day.
    pub(crate) moves: bool,
    /// Whether the command line shows the period in UTC.
    is_plain: bool,
}

impl Asked {
    fn new(zone: &ZoneArgs, ends: [Option<Moment>; 2]) -> Result<Self, Failure> {
        let zone = zone.zone()?;
        let days = || {
            ends.into_iter().filter_map(|end| match end? {
                Moment::Days(days) => Some(days),
                Moment::Time(_) => None,
            })
        };
        let moves = days().any(Span::moves);
        Ok(Self { is_plain: !moves && (days().count() == 0 || !zone.is_named()), zone, moves })
    }

    /// What the period is in UTC, where the command line does not show it.
    pub(crate) fn note(&self, period: Option<Period>) -> Option<String> {
        let period = period.filter(|_| !self.is_plain)?;
        let [start, end] = [period.start(), period.end()].map(|time| table::time(Some(time)));
        Some(format!("the period is {start} to {end}"))
    }
}

impl PeriodArgs {
    pub(crate) fn period(&self) -> Result<Period, Failure> {
        let (zone, now) = (self.zone.zone()?, clock::now()?);
        period(self.from.start(&zone, now)?, self.to.end(&zone, now)?)
    }

    pub(crate) fn asked(&self) -> Result<Asked, Failure> {
        Asked::new(&self.zone, [Some(self.from), Some(self.to)])
    }
}

impl OpenPeriodArgs {
    /// The period, if one is given. An open end is where the API puts it.
    pub(crate) fn period(&self) -> Result<Option<Period>, Failure> {
        let (zone, now) = (self.zone.zone()?, clock::now()?);
        let start = self.from.map(|from| from.start(&zone, now)).transpose()?;
        let end = self.to.map(|to| to.end(&zone, now)).transpose()?;
        let (start, end) = match (start, end) {
            (None, None) => return Ok(None),
            (Some(start), Some(end)) => (start, end),
            (Some(start), None) if now <= start => {
                return Err(Failure::usage(format!(
                    "--from: {} is still to come, and without --to the period ends now",
                    table::time(Some(start))
                ))
                .tip("give an earlier --from, or a --to after it"));
            }
            (Some(start), None) => (start, now),
            (None, Some(end)) => (end - Days::new(30), end), // far from chrono's first day
        };
        period(start, end).map(Some)
    }

    pub(crate) fn asked(&self) -> Result<Asked, Failure> {
        Asked::new(&self.zone, [self.from, self.to])
    }

    /// Whether the period's end is now, whenever that is.
    pub(crate) fn moves_with_the_clock(&self) -> bool {
        self.to.is_none()
    }
}

/// A period that is not empty. A saved state may have an empty one, a command may not.
fn period(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Period, Failure> {
    if start == end {
        return Err(Failure::range(&InvalidRange::Order { start, end }));
    }
    Period::new(start, end).map_err(|error| Failure::range(&error))
}

/// A moment, or whole days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Time(DateTime<Utc>),
    Days(Span),
}

impl Moment {
    fn start(self, zone: &Zone, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
        match self {
            Self::Time(time) => Ok(time),
            Self::Days(days) => start_of(days.first(zone.date(now)), zone),
        }
    }

    fn end(self, zone: &Zone, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
        match self {
            Self::Time(time) => Ok(time),
            Self::Days(days) => start_of(days.after(zone.date(now)), zone),
        }
    }
}

fn start_of(date: Option<NaiveDate>, zone: &Zone) -> Result<DateTime<Utc>, Failure> {
    date.and_then(|date| zone.start_of(date))
        .ok_or_else(|| Failure::usage("--from and --to: years go from 0000 to 9999"))
}

/// Days that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    Day(NaiveDate),
    /// By its first day.
    Month(NaiveDate),
    /// The day that is this many days ago.
    Ago(u64),
    LastMonth,
}

impl Span {
    /// Whether it is another one on another day.
    fn moves(self) -> bool {
        matches!(self, Self::Ago(_) | Self::LastMonth)
    }

    fn first(self, today: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day(date) | Self::Month(date) => Some(date),
            Self::Ago(days) => today.checked_sub_days(Days::new(days)),
            Self::LastMonth => today.with_day(1)?.checked_sub_months(Months::new(1)),
        }
    }

    /// The first day that is not part of it.
    fn after(self, today: NaiveDate) -> Option<NaiveDate> {
        let first = self.first(today)?;
        match self {
            Self::Day(_) | Self::Ago(_) => first.succ_opt(),
            Self::Month(_) | Self::LastMonth => first.checked_add_months(Months::new(1)),
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const ACCEPTED: &str = "give a day (2026-05-01, today, yesterday, 7d), a month (2026-05, \
                                last-month) or a time with a UTC offset \
                                (2026-05-01T08:00:00-03:00)";
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let day = |text: &str| {
            NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .map_err(|_| format!("the calendar has no such day; {ACCEPTED}"))
        };
        let days = |days| Ok(Self::Days(days));
        match text {
            "today" => return days(Span::Ago(0)),
            "yesterday" => return days(Span::Ago(1)),
            "last-month" => return days(Span::LastMonth),
            _ => {}
        }
        match text.as_bytes() {
            [b'1'..=b'9', .., b'd'] if text.len() <= 5 && is_digits(&text[..text.len() - 1]) => {
                return days(Span::Ago(text[..text.len() - 1].parse().unwrap_or_default()));
            }
            [b'0'..=b'9', _, _, _, b'-', _, _, b'-', _, _] if is_digits(&text.replace('-', "")) => {
                return days(Span::Day(day(text)?));
            }
            [b'0'..=b'9', _, _, _, b'-', _, _] if is_digits(&text.replace('-', "")) => {
                let first = day(&format!("{text}-01"));
                let first =
                    first.map_err(|_| format!("the calendar has no such month; {ACCEPTED}"))?;
                return days(Span::Month(first));
            }
            _ => {}
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
    use crate::zone::tests::at_offset;

    fn ends(from: &str, to: &str, zone: &Zone, now: &str) -> (String, String) {
        let [from, to] = [from, to].map(|text| text.parse::<Moment>().unwrap());
        let now = now.parse().unwrap();
        let text = |time: DateTime<Utc>| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        (text(from.start(zone, now).unwrap()), text(to.end(zone, now).unwrap()))
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
            let ends = ends(from, to, &at_offset(offset).unwrap(), "2026-11-25T00:00:00Z");
            assert_eq!(ends, (start.to_owned(), end.to_owned()));
        }
    }

    #[test]
    fn a_word_is_its_days_where_the_zone_is() {
        const NOW: &str = "2026-03-01T02:30:00Z"; // in Sao Paulo the last evening of February
        const AGO: &str = "2018-11-04T15:00:00Z"; // a day that begins at 01:00
        for (from, to, zone, now, start, end) in [
            ("today", "today", "UTC", NOW, "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
            ("yesterday", "yesterday", "UTC", NOW, "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"),
            (
                "last-month",
                "last-month",
                "UTC",
                NOW,
                "2026-02-01T00:00:00Z",
                "2026-03-01T00:00:00Z",
            ),
            ("2024-02", "2024-02", "UTC", NOW, "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
            ("2025-12", "2026-01", "UTC", NOW, "2025-12-01T00:00:00Z", "2026-02-01T00:00:00Z"),
            ("7d", "yesterday", "UTC", NOW, "2026-02-22T00:00:00Z", "2026-03-01T00:00:00Z"),
            ("1d", "1d", "UTC", NOW, "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"),
            ("today", "today", SAO_PAULO, NOW, "2026-02-28T03:00:00Z", "2026-03-01T03:00:00Z"),
            ("yesterday", "today", SAO_PAULO, NOW, "2026-02-27T03:00:00Z", "2026-03-01T03:00:00Z"),
            (
                "last-month",
                "last-month",
                SAO_PAULO,
                NOW,
                "2026-01-01T03:00:00Z",
                "2026-02-01T03:00:00Z",
            ),
            ("today", "today", SAO_PAULO, AGO, "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"),
            ("yesterday", "1d", SAO_PAULO, AGO, "2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z"),
            ("2018-11", "2018-11", SAO_PAULO, AGO, "2018-11-01T03:00:00Z", "2018-12-01T02:00:00Z"),
        ] {
            let ends = ends(from, to, &zone.parse().unwrap(), now);
            assert_eq!(ends, (start.to_owned(), end.to_owned()), "{from} to {to}, {zone}");
        }
    }

    const SAO_PAULO: &str = "America/Sao_Paulo";

    /// The end of each day is the start of the next, also where a clock change makes it short.
    #[test]
    fn days_and_months_tile() {
        let now = "2019-11-25T00:00:00Z".parse().unwrap();
        for zone in [SAO_PAULO, "America/New_York"] {
            let zone: Zone = zone.parse().unwrap();
            let mut end_before = None;
            for days in (0..=800).rev().map(Span::Ago) {
                let moment = Moment::Days(days);
                let (start, end) =
                    (moment.start(&zone, now).unwrap(), moment.end(&zone, now).unwrap());
                assert!(start < end && end_before.is_none_or(|before| before == start));
                end_before = Some(end);
            }
            let mut end_before = None;
            for month in (2017..2020).flat_map(|year| (1..=12).map(move |month| (year, month))) {
                let moment: Moment = format!("{}-{:02}", month.0, month.1).parse().unwrap();
                let (start, end) =
                    (moment.start(&zone, now).unwrap(), moment.end(&zone, now).unwrap());
                assert!(start < end && end_before.is_none_or(|before| before == start));
                end_before = Some(end);
            }
        }
    }

    #[test]
    fn a_year_after_the_last_one_is_refused() {
        let now = "2026-11-25T00:00:00Z".parse().unwrap();
        for (last, zone) in [("9999-12-31", "UTC"), ("9999-12", "UTC"), ("9999-12-31", SAO_PAULO)] {
            let last: Moment = last.parse().unwrap();
            assert!(last.end(&zone.parse().unwrap(), now).is_err());
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "Today",
            "tomorrow",
            "0d",
            "-7d",
            "7D",
            "d",
            "99999d",
            "7é",
            "2026-13",
            "2026-00",
            "2026-5",
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
