use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Scannable;
use crate::wire::timestamp::{self, Rfc3339};
use crate::{OpenDateRange, Period, range};

/// The time that one request of a scan asks about; open for a listing without a period.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
pub struct Window {
    #[serde(with = "timestamp::option")]
    start: Option<DateTime<Utc>>,
    #[serde(with = "timestamp::option")]
    end: Option<DateTime<Utc>>,
}

impl Window {
    pub(super) fn open() -> Self {
        Self { start: None, end: None }
    }

    fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        Self { start: Some(start), end: Some(end) }
    }

    /// What a part of a scan has in common with the part before it.
    pub(super) fn border<S: Scannable>(period: Period) -> Self {
        let start = floor(period.start(), S::RESOLUTION);
        match a_step_after(start, S::RESOLUTION) {
            Some(end) => Self::new(start, end),
            None => Self::new(start - S::RESOLUTION, start),
        }
    }

    /// Its start.
    pub fn start(&self) -> Option<DateTime<Utc>> {
        self.start
    }

    /// Its end.
    pub fn end(&self) -> Option<DateTime<Utc>> {
        self.end
    }

    /// The two ends, for a call.
    pub(super) fn range(self) -> OpenDateRange {
        OpenDateRange::new(self.start, self.end).expect("a window is no longer than a call takes")
    }

    /// As a period, where it has two ends.
    pub(super) fn period(self) -> Option<Period> {
        Period::new(self.start?, self.end?).ok()
    }

    /// Into parts that have about four fifths of a page each if their rows lie evenly. At least
    /// four, so that an API which does not look at the dates shows in their sum.
    ///
    /// `None` where it is too short to be cut.
    pub(super) fn cut<S: Scannable>(self, rows: u64, page_size: u64) -> Option<Vec<Self>> {
        let (start, end) = (self.start?, self.end?);
        let steps = steps(end - start, S::RESOLUTION);
        let wanted = rows.saturating_mul(5) / page_size.saturating_mul(4) + 1;
        // So long that nothing is in three windows: an overlap at each end, and a step between.
        let parts = i64::try_from(wanted).unwrap_or(i64::MAX).clamp(4, 4096).min(steps / 3);
        if parts < 2 {
            return None;
        }
        let border = |n: i64| {
            let step = i128::from(steps) * i128::from(n) / i128::from(parts);
            start + times(S::RESOLUTION, i64::try_from(step).unwrap_or(steps))
        };
        Some(
            (0..parts)
                .map(|n| {
                    let is_last = n + 1 == parts;
                    let to = if is_last { end } else { border(n + 1) + S::RESOLUTION };
                    Self::new(border(n), to)
                })
                .collect(),
        )
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.start, self.end) {
            (Some(start), Some(end)) => write!(f, "{} to {}", Rfc3339(start), Rfc3339(end)),
            (Some(start), None) => write!(f, "from {}", Rfc3339(start)),
            (None, Some(end)) => write!(f, "until {}", Rfc3339(end)),
            (None, None) => f.write_str("the API's own period"),
        }
    }
}

/// The windows of a period, each as long as the API takes, and a step of its clock into the next.
#[derive(Clone, Debug)]
pub(super) struct Cover {
    next: Option<DateTime<Utc>>,
    end: DateTime<Utc>,
    longest: TimeDelta,
    overlap: TimeDelta,
}

impl Cover {
    pub(super) fn of<S: Scannable>(period: Period) -> Option<Self> {
        if period.is_empty() {
            return None;
        }
        let mut start = floor(period.start(), S::RESOLUTION);
        let mut end = floor(period.end(), S::RESOLUTION);
        if end < period.end() {
            end = a_step_after(end, S::RESOLUTION).unwrap_or(end);
        }
        if start == end {
            start -= S::RESOLUTION; // within the last step of all times
        }
        Some(Self { next: Some(start), end, longest: S::MAX_WINDOW, overlap: S::RESOLUTION })
    }
}

impl Iterator for Cover {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        let start = self.next?;
        if self.end - start <= self.longest {
            self.next = None;
            return Some(Window::new(start, self.end));
        }
        let end = start + self.longest;
        self.next = Some(end - self.overlap);
        Some(Window::new(start, end))
    }
}

/// `None` where that can not be written.
fn a_step_after(time: DateTime<Utc>, step: TimeDelta) -> Option<DateTime<Utc>> {
    Some(time + step).filter(|later| timestamp::is_writable(*later))
}

fn floor(time: DateTime<Utc>, step: TimeDelta) -> DateTime<Utc> {
    let nanos = step.num_nanoseconds().and_then(|nanos| u32::try_from(nanos).ok());
    range::floor(time, nanos.expect("the API's clock has steps of a second at most"))
}

fn steps(length: TimeDelta, step: TimeDelta) -> i64 {
    let micros = |time: TimeDelta| time.num_microseconds().unwrap_or(i64::MAX);
    micros(length) / micros(step)
}

fn times(step: TimeDelta, n: i64) -> TimeDelta {
    TimeDelta::microseconds(step.num_microseconds().unwrap_or(1).saturating_mul(n))
}
