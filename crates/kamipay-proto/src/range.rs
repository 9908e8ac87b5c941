#[cfg(test)]
mod tests;

use chrono::{DateTime, Datelike, Days, TimeDelta, Timelike, Utc};
use serde::{Deserialize, Serialize};

use crate::page;
use crate::wire::timestamp::{self, Rfc3339, is_writable};

/// The range of a list call: at most 31 days, with the end after the start.
///
/// The API does not document whether the ends are inclusive. They are sent in UTC, in microseconds,
/// the precision of the API's own timestamps. A finer start is rounded down and a finer end up, so
/// the range never gets smaller.
///
/// ```
/// use kamipay_proto::DateRange;
///
/// let may = DateRange::parse("2026-05-01T00:00:00Z", "2026-05-31T21:00:00-03:00")?;
/// assert_eq!(may.end().to_string(), "2026-06-01 00:00:00 UTC");
///
/// let error = DateRange::parse("2026-05-01T00:00:00Z", "2026-07-01T00:00:00Z").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "2026-05-01T00:00:00Z to 2026-07-01T00:00:00Z is 61 days: a date range cannot exceed 31 days"
/// );
/// # Ok::<_, kamipay_proto::InvalidRange>(())
/// ```
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(try_from = "Ends")]
pub struct DateRange {
    #[serde(with = "timestamp")]
    start: DateTime<Utc>,
    #[serde(with = "timestamp")]
    end: DateTime<Utc>,
}

impl DateRange {
    /// Maximum length: 31 days.
    pub const MAX: TimeDelta = TimeDelta::days(31);

    /// The range from `start` to `end`.
    ///
    /// # Errors
    ///
    /// If `end` is not after `start`, or more than 31 days after it.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Self, InvalidRange> {
        let (start, end) = widened(start, end, MICROSECOND)?;
        if end - start > Self::MAX {
            return Err(InvalidRange::TooLong { start, end });
        }
        Ok(Self { start, end })
    }

    /// Parses both ends: RFC 3339 with a UTC offset.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new), and [`InvalidRange::Text`].
    pub fn parse(start: &str, end: &str) -> Result<Self, InvalidRange> {
        Self::new(parse(start)?, parse(end)?)
    }

    pub(crate) fn ends(self) -> page::OpenEnds {
        (Some(self.start), Some(self.end))
    }

    /// The start.
    pub fn start(self) -> DateTime<Utc> {
        self.start
    }

    /// The end.
    pub fn end(self) -> DateTime<Utc> {
        self.end
    }

    pub(crate) fn start_text(self) -> Rfc3339 {
        Rfc3339(self.start)
    }

    pub(crate) fn end_text(self) -> Rfc3339 {
        Rfc3339(self.end)
    }
}

impl TryFrom<Ends> for DateRange {
    type Error = InvalidRange;

    fn try_from(ends: Ends) -> Result<Self, InvalidRange> {
        Self::new(ends.start, ends.end)
    }
}

/// A range with optional ends: at most 31 days if both are given.
///
/// Pending charges use it. The API's default start is 30 days ago, its default end is now.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(try_from = "OpenEnds")]
pub struct OpenDateRange {
    #[serde(with = "timestamp::option")]
    start: Option<DateTime<Utc>>,
    #[serde(with = "timestamp::option")]
    end: Option<DateTime<Utc>>,
}

impl OpenDateRange {
    /// The range from `start` to `end`. `None`: open.
    ///
    /// # Errors
    ///
    /// If both are given, and `end` is not after `start`, or more than 31 days after it. If a year
    /// is not 0 to 9999.
    pub fn new(
        start: Option<DateTime<Utc>>,
        end: Option<DateTime<Utc>>,
    ) -> Result<Self, InvalidRange> {
        if let (Some(start), Some(end)) = (start, end) {
            return DateRange::new(start, end).map(Self::from);
        }
        let (start, end) = (start.map(floor_micros), end.map(ceil_micros));
        start.or(end).map_or(Ok(()), check_year)?;
        Ok(Self { start, end })
    }

    /// The start. `None`: open.
    pub fn start(self) -> Option<DateTime<Utc>> {
        self.start
    }

    /// The end. `None`: open.
    pub fn end(self) -> Option<DateTime<Utc>> {
        self.end
    }

    pub(crate) fn start_text(self) -> Option<Rfc3339> {
        self.start.map(Rfc3339)
    }

    pub(crate) fn end_text(self) -> Option<Rfc3339> {
        self.end.map(Rfc3339)
    }
}

impl From<DateRange> for OpenDateRange {
    fn from(range: DateRange) -> Self {
        Self { start: Some(range.start), end: Some(range.end) }
    }
}

impl TryFrom<OpenEnds> for OpenDateRange {
    type Error = InvalidRange;

    fn try_from(ends: OpenEnds) -> Result<Self, InvalidRange> {
        Self::new(ends.start, ends.end)
    }
}

/// The range of `tx_status_lot`: whole seconds, less than 24 hours, with the end after the start.
///
/// A fraction of a second is rounded down at the start and up at the end.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(try_from = "Ends")]
pub struct EpochRange {
    #[serde(with = "timestamp")]
    start: DateTime<Utc>,
    #[serde(with = "timestamp")]
    end: DateTime<Utc>,
}

impl EpochRange {
    /// Maximum length: 23:59:59 hours.
    pub const MAX: TimeDelta = TimeDelta::seconds(24 * 60 * 60 - 1);

    /// The range from `start` to `end`.
    ///
    /// # Errors
    ///
    /// If `end` is not after `start`, or 24 hours or more after it. The API refuses exactly 24
    /// hours as well.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Self, InvalidRange> {
        let (start, end) = widened(start, end, SECOND)?;
        if end - start > Self::MAX {
            return Err(InvalidRange::NotWithinADay { start, end });
        }
        Ok(Self { start, end })
    }

    /// The start.
    pub fn start(self) -> DateTime<Utc> {
        self.start
    }

    /// The end.
    pub fn end(self) -> DateTime<Utc> {
        self.end
    }
}

impl TryFrom<Ends> for EpochRange {
    type Error = InvalidRange;

    fn try_from(ends: Ends) -> Result<Self, InvalidRange> {
        Self::new(ends.start, ends.end)
    }
}

/// The period of a [`Scan`](crate::Scan): of any length, with the end not before the start.
///
/// The ends are rounded to microseconds, like those of a [`DateRange`]. A period with equal ends is
/// empty.
///
/// ```
/// use kamipay_proto::Period;
///
/// let year = Period::parse("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z")?;
/// assert_eq!(year.length().num_days(), 365);
/// # Ok::<_, kamipay_proto::InvalidRange>(())
/// ```
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(try_from = "Ends")]
pub struct Period {
    #[serde(with = "timestamp")]
    start: DateTime<Utc>,
    #[serde(with = "timestamp")]
    end: DateTime<Utc>,
}

impl Period {
    /// The period from `start` to `end`.
    ///
    /// # Errors
    ///
    /// If `end` is before `start`, or a year is not 0 to 9999.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Self, InvalidRange> {
        if start == end {
            let time = floor_micros(start);
            check_year(time)?;
            return Ok(Self { start: time, end: time });
        }
        let (start, end) = widened(start, end, MICROSECOND)?;
        Ok(Self { start, end })
    }

    /// Parses both ends: RFC 3339 with a UTC offset.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new), and [`InvalidRange::Text`].
    pub fn parse(start: &str, end: &str) -> Result<Self, InvalidRange> {
        Self::new(parse(start)?, parse(end)?)
    }

    /// The start.
    pub fn start(self) -> DateTime<Utc> {
        self.start
    }

    /// The end.
    pub fn end(self) -> DateTime<Utc> {
        self.end
    }

    /// The time from start to end.
    pub fn length(self) -> TimeDelta {
        self.end - self.start
    }

    /// Whether start and end are equal.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The rest of the period from `start` on.
    pub(crate) fn starting_at(self, start: DateTime<Utc>) -> Self {
        Self { start: start.clamp(self.start, self.end), ..self }
    }

    /// The last `length` of the period.
    pub(crate) fn newest(self, length: TimeDelta) -> Self {
        let length = length.clamp(TimeDelta::zero(), self.length());
        Self { start: floor_micros(self.end - length), ..self }
    }
}

impl From<DateRange> for Period {
    fn from(range: DateRange) -> Self {
        Self { start: range.start, end: range.end }
    }
}

impl From<EpochRange> for Period {
    fn from(range: EpochRange) -> Self {
        Self { start: range.start, end: range.end }
    }
}

impl TryFrom<Ends> for Period {
    type Error = InvalidRange;

    fn try_from(ends: Ends) -> Result<Self, InvalidRange> {
        Self::new(ends.start, ends.end)
    }
}

/// A range that the API would reject. Nothing was sent.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRange {
    /// The end is not after the start.
    #[error(
        "{} to {} is not a range: the end must be after the start", Rfc3339(*start), Rfc3339(*end)
    )]
    Order {
        /// The start that was given.
        start: DateTime<Utc>,
        /// The end that was given.
        end: DateTime<Utc>,
    },
    /// More than 31 days.
    #[error(
        "{} to {} is {}: a date range cannot exceed 31 days",
        Rfc3339(*start), Rfc3339(*end), length(*start, *end)
    )]
    TooLong {
        /// The start that was given.
        start: DateTime<Utc>,
        /// The end that was given.
        end: DateTime<Utc>,
    },
    /// 24 hours or more.
    #[error(
        "{} to {} is {}: a range of confirmed charges must be less than 24 hours, so 23:59:59 at most",
        Rfc3339(*start), Rfc3339(*end), length(*start, *end)
    )]
    NotWithinADay {
        /// The start that was given.
        start: DateTime<Utc>,
        /// The end that was given.
        end: DateTime<Utc>,
    },
    /// A year that RFC 3339 cannot represent.
    #[error("the year {year} cannot be sent: use 0000 to 9999")]
    Year {
        /// The year that was given.
        year: i32,
    },
    /// A text that is not a date and time with an offset.
    #[error(
        "{:?} is not a date and time with a UTC offset, such as 2026-05-01T00:00:00Z or \
         2026-05-01T00:00:00-03:00", .text.chars().take(60).collect::<String>()
    )]
    Text {
        /// The text that was given.
        text: String,
    },
}

crate::error::debug_as_text!(InvalidRange);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ends {
    #[serde(with = "timestamp")]
    start: DateTime<Utc>,
    #[serde(with = "timestamp")]
    end: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenEnds {
    #[serde(default, with = "timestamp::option")]
    start: Option<DateTime<Utc>>,
    #[serde(default, with = "timestamp::option")]
    end: Option<DateTime<Utc>>,
}

const MICROSECOND: u32 = 1_000; // in nanoseconds
const SECOND: u32 = 1_000_000_000;

fn parse(text: &str) -> Result<DateTime<Utc>, InvalidRange> {
    timestamp::parse(text).ok_or_else(|| InvalidRange::Text { text: text.to_owned() })
}

fn check_year(time: DateTime<Utc>) -> Result<(), InvalidRange> {
    if is_writable(time) { Ok(()) } else { Err(InvalidRange::Year { year: time.year() }) }
}

/// The ends in whole steps of this many nanoseconds. They are compared before they are rounded, too:
/// rounding apart would turn a short backwards range.
fn widened(
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    step: u32,
) -> Result<(DateTime<Utc>, DateTime<Utc>), InvalidRange> {
    check_order(start, end)?;
    let (start, end) = (floor(start, step), ceil(end, step));
    check_order(start, end)?;
    Ok((start, end))
}

fn check_order(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<(), InvalidRange> {
    check_year(start)?;
    check_year(end)?;
    if end <= start {
        return Err(InvalidRange::Order { start, end });
    }
    Ok(())
}

fn floor_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    floor(time, MICROSECOND)
}

fn ceil_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    ceil(time, MICROSECOND)
}

/// Rounds down to a multiple of `step` nanoseconds. A leap second, chrono's `23:59:60`, counts as
/// the end of the second before it: neither the API nor this crate can read it.
pub(crate) fn floor(time: DateTime<Utc>, step: u32) -> DateTime<Utc> {
    let nanos = time.nanosecond().min(999_999_999);
    time.with_nanosecond(nanos - nanos % step).unwrap_or(time)
}

/// Rounds up to a multiple of `step` nanoseconds.
fn ceil(time: DateTime<Utc>, step: u32) -> DateTime<Utc> {
    let floor = floor(time, step);
    if floor == time {
        return time;
    }
    floor.checked_add_signed(TimeDelta::nanoseconds(step.into())).unwrap_or(time)
}

/// `45 days`, or `31 days and 1s` if the days alone would not show the fault.
fn length(start: DateTime<Utc>, end: DateTime<Utc>) -> String {
    let days = (end - start).num_days();
    let rest = u64::try_from(days)
        .ok()
        .and_then(|days| start.checked_add_days(Days::new(days)))
        .and_then(|whole| (end - whole).to_std().ok())
        .unwrap_or_default();
    match (days, rest.is_zero()) {
        (0, _) => format!("{rest:?}"),
        (1, true) => "1 day".to_owned(),
        (_, true) => format!("{days} days"),
        (_, false) => format!("{days} days and {rest:?}"),
    }
}
