//! Plans the windows of a period, and cuts them.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{ListedBy, Scannable};
use crate::wire::timestamp;
use crate::{DateRange, OpenDateRange, Period, page};

/// The overlap of neighbouring windows, and the margin around a period.
///
/// One second: the API may compare whole seconds, and include or exclude either end.
pub(super) const OVERLAP: TimeDelta = TimeDelta::seconds(1);

/// The shortest window after a cut, in seconds: an overlap at each end, and one second between. So
/// no instant is in three windows.
const SHORTEST: i64 = 3;

/// The time range of one request of a scan. Open for a listing without a period.
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

    /// The border that a part shares with the previous part.
    pub(super) fn border(period: Period) -> Self {
        let start = whole_second(period.start());
        let end = later(start, OVERLAP);
        Self::new(if end == start { start - OVERLAP } else { start }, end)
    }

    /// The overlap of the requests for two periods that meet at `time`.
    fn around(time: DateTime<Utc>) -> Self {
        let start = whole_second(time);
        let end = if start < time { later(start, OVERLAP) } else { start };
        Self::new(earlier(start, OVERLAP), later(end, OVERLAP))
    }

    /// The start, in UTC. `None` if open.
    pub fn start(&self) -> Option<DateTime<Utc>> {
        self.start
    }

    /// The end, in UTC. `None` if open.
    pub fn end(&self) -> Option<DateTime<Utc>> {
        self.end
    }

    /// The same window with another start.
    pub(super) fn starting_at(self, start: DateTime<Utc>) -> Self {
        Self { start: Some(start), ..self }
    }

    /// The range for a call that needs both ends.
    pub(crate) fn date_range(self) -> DateRange {
        let (start, end) =
            self.start.zip(self.end).expect("only pending charges have open windows");
        DateRange::new(start, end).expect("a window is no longer than a call takes")
    }

    /// The range for a call with optional ends.
    pub(crate) fn range(self) -> OpenDateRange {
        OpenDateRange::new(self.start, self.end).expect("a window is no longer than a call takes")
    }

    /// Whether `time` lies in the window, with a tolerance of one second.
    pub(crate) fn contains(self, time: DateTime<Utc>) -> bool {
        page::is_within(time, (self.start, self.end))
    }

    /// Whether `time` lies in this window and in no neighbour.
    pub(crate) fn is_inside(self, time: DateTime<Utc>) -> bool {
        self.start.is_none_or(|start| time > start + OVERLAP * 2)
            && self.end.is_none_or(|end| time < end - OVERLAP * 2)
    }

    /// Cuts the window behind its overlap with the previous one. `None` if it is too short.
    pub(super) fn cut_behind_overlap(self) -> Option<Vec<Self>> {
        let (start, end) = (self.start?, self.end?);
        let border = later(start, TimeDelta::seconds(SHORTEST));
        let is_long = end - border >= TimeDelta::seconds(SHORTEST);
        is_long.then(|| vec![Self::new(start, border), Self::new(border - OVERLAP, end)])
    }

    /// Cuts the window into parts of about four fifths of a page each, if its rows are spread
    /// evenly. At least four parts, so that their sum shows if the API ignores the dates.
    ///
    /// `None` if the window is too short to cut.
    pub(super) fn cut(self, rows: u64, page_size: u64) -> Option<Vec<Self>> {
        let (start, end) = (self.start?, self.end?);
        let seconds = (end - start).num_seconds();
        let wanted = rows.saturating_mul(5) / page_size.saturating_mul(4) + 1;
        let parts =
            i64::try_from(wanted).unwrap_or(i64::MAX).clamp(4, 4096).min(seconds / SHORTEST);
        if parts < 2 {
            return None;
        }
        let border = |n: i64| start + TimeDelta::seconds(share(seconds, n, parts));
        Some(
            (0..parts)
                .map(|n| {
                    let is_last = n + 1 == parts;
                    Self::new(border(n), if is_last { end } else { border(n + 1) + OVERLAP })
                })
                .collect(),
        )
    }
}

/// Where to look for a row whose time lies beyond an end of a period.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    /// The overlap with the neighbouring period. A row listed here is in both periods.
    pub(super) shared: Window,
    /// A window far from [`shared`](Self::shared). If the row is listed here too, the API ignores
    /// the dates.
    pub(super) elsewhere: Window,
}

impl Edge {
    const FAR: TimeDelta = TimeDelta::seconds(10);

    /// The end of `period` beyond which `time` lies.
    pub(super) fn passed_by(time: DateTime<Utc>, period: Period) -> Option<Self> {
        let (start, end) = (period.start(), period.end());
        let (near, far) = match time {
            _ if time < start => (start, end.max(later(start, Self::FAR))),
            _ if time >= end => (end, start.min(earlier(end, Self::FAR))),
            _ => return None,
        };
        Some(Self { shared: Window::around(near), elsewhere: Window::around(far) })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        page::Ends((self.start, self.end)).fmt(f)
    }
}

/// Iterates over the windows of a period: equal in length, and short enough for a call.
///
/// Borders are whole seconds. Each window reaches [`OVERLAP`] into the next. Where the row's time
/// decides, the first window starts and the last one ends outside the period by the same margin.
#[derive(Clone, Debug)]
pub(super) struct Cover {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    /// The margins before the first window and after the last one.
    margins: [TimeDelta; 2],
    /// How much longer each part is than its share.
    overlap: TimeDelta,
    parts: i64,
    next: i64,
}

impl Cover {
    /// `outer`: the period of the whole listing, at whose ends the row's time decides.
    pub(super) fn of<S: Scannable>(period: Period, outer: Period) -> Option<Self> {
        if period.is_empty() {
            return None;
        }
        let mut start = whole_second(period.start());
        let mut end = whole_second(period.end());
        if end < period.end() {
            end = later(end, OVERLAP);
        }
        if start == end {
            start -= OVERLAP; // within the last second of year 9999
        }
        let longest = (S::MAX_WINDOW - OVERLAP * 2).num_seconds();
        let length = (end - start).num_seconds();
        let parts = length / longest + i64::from(length % longest > 0);
        let margin = |is_outer| if is_outer { margin::<S>() } else { TimeDelta::zero() };
        let margins =
            [margin(period.start() <= outer.start()), margin(period.end() >= outer.end())];
        let overlap = match S::LISTED_BY {
            ListedBy::RowTime => TimeDelta::zero(),
            ListedBy::RowTimePerhaps | ListedBy::Unknown => OVERLAP,
        };
        Some(Self { start, end, margins, overlap, parts, next: 0 })
    }

    fn border(&self, n: i64) -> DateTime<Utc> {
        let seconds = (self.end - self.start).num_seconds();
        self.start + TimeDelta::seconds(share(seconds, n, self.parts))
    }

    /// The periods of the windows, without margins. Together they are `whole`.
    pub(super) fn periods(self, whole: Period) -> impl Iterator<Item = Period> {
        // Where the row's time may not decide, neighbours overlap, and the first has the rows.
        (0..self.parts).filter_map(move |n| {
            let start = self.border(n).max(whole.start());
            let is_last = n + 1 == self.parts;
            let end = if is_last { whole.end() } else { later(self.border(n + 1), self.overlap) };
            Period::new(start, end).ok()
        })
    }
}

impl Iterator for Cover {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        let n = self.next;
        if n == self.parts {
            return None;
        }
        self.next += 1;
        let (start, end) = (self.border(n), self.border(n + 1));
        let [before, behind] = self.margins;
        let start = if n == 0 { earlier(start, before) } else { start };
        let end = later(end, if self.next == self.parts { behind } else { OVERLAP });
        Some(Window::new(start, end))
    }
}

/// The margin that a listing is asked for around its period.
fn margin<S: Scannable>() -> TimeDelta {
    match S::LISTED_BY {
        ListedBy::RowTime | ListedBy::RowTimePerhaps => OVERLAP,
        ListedBy::Unknown => TimeDelta::zero(),
    }
}

/// The `n`-th of `parts` borders, in whole seconds.
fn share(seconds: i64, n: i64, parts: i64) -> i64 {
    let second = i128::from(seconds) * i128::from(n) / i128::from(parts);
    i64::try_from(second).unwrap_or(seconds)
}

fn whole_second(time: DateTime<Utc>) -> DateTime<Utc> {
    crate::range::floor(time, 1_000_000_000)
}

/// Later by `step`, unless that is after year 9999.
fn later(time: DateTime<Utc>, step: TimeDelta) -> DateTime<Utc> {
    Some(time + step).filter(|it| timestamp::is_writable(*it)).unwrap_or(time)
}

/// Earlier by `step`, unless that is before year 0.
fn earlier(time: DateTime<Utc>, step: TimeDelta) -> DateTime<Utc> {
    Some(time - step).filter(|it| timestamp::is_writable(*it)).unwrap_or(time)
}
