//! A time, a day or a month, as it is given on the command line.

use std::str::FromStr;

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, Timelike as _, Utc};

use crate::exit::Failure;
use crate::zone::Zone;

/// A moment, or whole days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Time(DateTime<Utc>),
    Days(Span),
}

impl Moment {
    pub(super) fn start(self, zone: &Zone, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
        match self {
            Self::Time(time) => Ok(time),
            Self::Days(days) => start_of(days.first(zone.date(now)), zone),
        }
    }

    pub(super) fn end(self, zone: &Zone, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
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
pub(super) enum Span {
    Day(NaiveDate),
    /// By its first day.
    Month(NaiveDate),
    /// The day that is this many days ago.
    Ago(u64),
    LastMonth,
}

impl Span {
    /// Whether it is another one on another day.
    pub(super) fn moves(self) -> bool {
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
}
