//! The time zone that days begin by, and that tables show times in.

use std::str::FromStr;

use chrono::{DateTime, Datelike as _, FixedOffset, NaiveDate, SecondsFormat, Utc};
use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use crate::exit::Failure;

/// Where days begin.
#[derive(Args)]
#[command(next_help_heading = "Time zone")]
pub(crate) struct ZoneArgs {
    /// The UTC offset of days, and of the times in tables: `-03:00` is Brasília
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true, conflicts_with = "timezone")]
    #[arg(value_parser = offset)]
    utc_offset: Option<Zone>,
    /// The time zone of days, and of the times in tables, by its IANA name: America/Sao_Paulo
    ///
    /// A day with a clock change is as long as it is there: 23 or 25 hours. Default:
    /// KAMIPAY_TIMEZONE, or UTC. The formats for programs have all times in UTC.
    #[arg(long, value_name = "NAME")]
    timezone: Option<Zone>,
}

impl ZoneArgs {
    pub(crate) fn zone(&self) -> Result<Zone, Failure> {
        if let Some(zone) = self.utc_offset.as_ref().or(self.timezone.as_ref()) {
            return Ok(zone.clone());
        }
        match std::env::var("KAMIPAY_TIMEZONE") {
            Ok(name) if !name.is_empty() => name
                .parse()
                .map_err(|error| Failure::usage(format!("KAMIPAY_TIMEZONE: {name}: {error}"))),
            _ => Ok(Zone::UTC),
        }
    }
}

/// A time zone, or an offset from UTC.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    pub(crate) const UTC: Self = Self(TimeZone::UTC);

    /// Whether its offset from UTC depends on the day.
    pub(crate) fn is_named(&self) -> bool {
        self.0.iana_name().is_some_and(|name| name != "UTC")
    }

    /// The day that a moment is in.
    pub(crate) fn date(&self, time: DateTime<Utc>) -> NaiveDate {
        self.local(time).date_naive()
    }

    /// The first moment of a day. A day that the zone skips begins when the next one does.
    pub(crate) fn start_of(&self, date: NaiveDate) -> Option<DateTime<Utc>> {
        let year = i16::try_from(date.year()).ok()?;
        let [month, day] = [date.month(), date.day()].map(|n| i8::try_from(n).unwrap_or(0));
        let midnight = Date::new(year, month, day).ok()?.at(0, 0, 0, 0);
        let midnight = self.0.to_ambiguous_timestamp(midnight);
        let start = match midnight.offset() {
            // The clock jumps over midnight: the day begins with the jump.
            AmbiguousOffset::Gap { .. } => {
                self.0.following(midnight.earlier().ok()?).next()?.timestamp()
            }
            _ => midnight.earlier().ok()?,
        };
        DateTime::from_timestamp(start.as_second(), 0)
    }

    /// A time to the second, with its offset: `2026-05-14 10:21:12-03`.
    pub(crate) fn second(&self, time: DateTime<Utc>) -> String {
        let local = self.local(time);
        let offset = match local.format("%::z").to_string().as_str() {
            "+00:00:00" => "Z".to_owned(),
            offset => offset.strip_suffix(":00").map_or(offset, short).to_owned(),
        };
        local.format("%Y-%m-%d %H:%M:%S").to_string() + &offset
    }

    /// A time with its fraction of a second: `2026-05-14T10:21:12.5-03:00`.
    pub(crate) fn exact(&self, time: DateTime<Utc>) -> String {
        self.local(time).to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }

    fn local(&self, time: DateTime<Utc>) -> DateTime<FixedOffset> {
        let offset = Timestamp::from_second(time.timestamp()).map(|time| self.0.to_offset(time));
        let offset = offset.ok().and_then(|offset| FixedOffset::east_opt(offset.seconds()));
        time.with_timezone(&offset.unwrap_or_else(|| chrono::Offset::fix(&Utc)))
    }
}

fn short(offset: &str) -> &str {
    offset.strip_suffix(":00").unwrap_or(offset)
}

impl FromStr for Zone {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        TimeZone::get(name).map(Self).map_err(|_| {
            "it is not the IANA name of a time zone: America/Sao_Paulo is one, and for an offset \
             there is --utc-offset"
        })
    }
}

fn offset(text: &str) -> Result<Zone, &'static str> {
    const ACCEPTED: &str = "an offset from UTC is written -03:00, +05:30 or Z";
    if text == "Z" {
        return Ok(Zone::UTC);
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
    Offset::from_seconds(seconds).map(|it| Zone(TimeZone::fixed(it))).map_err(|_| ACCEPTED)
}

#[cfg(test)]
pub(crate) mod tests {
    use chrono::Days;

    use super::*;

    pub(crate) fn at_offset(text: &str) -> Result<Zone, &'static str> {
        offset(text)
    }

    fn start(zone: &str, date: &str) -> String {
        let zone: Zone = zone.parse().unwrap();
        let start = zone.start_of(date.parse().unwrap()).unwrap();
        start.to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }

    #[test]
    fn a_day_begins_at_its_first_moment() {
        for (zone, date, first) in [
            ("America/Sao_Paulo", "2026-05-14", "2026-05-14T03:00:00Z"),
            // At 00:00 the clock went to 01:00, until 2018.
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),
            ("America/Sao_Paulo", "2018-11-05", "2018-11-05T02:00:00Z"),
            // At 24:00 the clock went back to 23:00.
            ("America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00Z"),
            ("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00Z"),
            ("America/New_York", "2026-03-08", "2026-03-08T05:00:00Z"),
            ("America/New_York", "2026-03-09", "2026-03-09T04:00:00Z"),
            ("America/New_York", "2026-11-01", "2026-11-01T04:00:00Z"),
            ("America/New_York", "2026-11-02", "2026-11-02T05:00:00Z"),
            // 00:00 comes twice.
            ("America/Havana", "2025-11-02", "2025-11-02T04:00:00Z"),
            // From 23:30 to 00:30.
            ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00Z"),
            // The zone has no such day.
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
            ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"),
        ] {
            assert_eq!(start(zone, date), first, "{zone} {date}");
        }
    }

    /// Whatever the clocks do, each moment is in one day.
    #[test]
    fn days_tile() {
        for name in ["America/Sao_Paulo", "America/New_York", "Africa/Cairo", "Asia/Kolkata"] {
            let zone: Zone = name.parse().unwrap();
            let mut lengths = std::collections::BTreeSet::new();
            for date in [2014, 2018, 2026].map(|year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap())
            {
                for date in date.iter_days().take(365) {
                    let next = date + Days::new(1);
                    let [start, end] = [date, next].map(|date| zone.start_of(date).unwrap());
                    assert_eq!(zone.date(start), date, "{name}");
                    assert_eq!(zone.date(end - chrono::TimeDelta::nanoseconds(1)), date, "{name}");
                    lengths.insert((end - start).num_hours());
                }
            }
            let all: &[i64] = if name == "Asia/Kolkata" { &[24] } else { &[23, 24, 25] };
            assert_eq!(lengths.into_iter().collect::<Vec<_>>(), all, "{name}");
        }
    }

    #[test]
    fn a_time_is_shown_with_its_offset() {
        let time: DateTime<Utc> = "2026-05-14T13:21:12.25Z".parse().unwrap();
        for (zone, second, exact) in [
            (Zone::UTC, "2026-05-14 13:21:12Z", "2026-05-14T13:21:12.250Z"),
            (offset("-03:00").unwrap(), "2026-05-14 10:21:12-03", "2026-05-14T10:21:12.250-03:00"),
            (
                offset("+05:30").unwrap(),
                "2026-05-14 18:51:12+05:30",
                "2026-05-14T18:51:12.250+05:30",
            ),
            (
                "America/New_York".parse().unwrap(),
                "2026-05-14 09:21:12-04",
                "2026-05-14T09:21:12.250-04:00",
            ),
        ] {
            assert_eq!(
                (zone.second(time), zone.exact(time)),
                (second.to_owned(), exact.to_owned())
            );
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "z", "-3", "-0300", "+24:00", "03:00", "-03:60", "−03:00", "UTC"] {
            assert!(offset(text).is_err(), "{text}");
        }
        for name in ["", "Brasilia", "-03:00", "America", "../../etc/passwd", "America/Sao Paulo"] {
            assert!(name.parse::<Zone>().is_err(), "{name}");
        }
    }
}
