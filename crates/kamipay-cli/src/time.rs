//! Times and lengths of time, as they are given on the command line.

mod moment;

use std::time::Duration;

use chrono::{DateTime, Days, Utc};
use clap::Args;
use kamipay_ureq::proto::{InvalidRange, Period};

use self::moment::{Moment, Span};
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
