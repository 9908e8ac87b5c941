//! A line on standard error with the progress of a long listing or search.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kamipay_ureq::proto::Period;
use kamipay_ureq::proto::scan::Manifest;

/// Shows progress where a person is watching: on a terminal, and without `--quiet`.
#[derive(Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    /// The period that is read, if there is one.
    period: Option<Period>,
    /// When the bar is first shown: a short listing needs none.
    from: Instant,
}

impl Progress {
    /// The progress of a search, whose length is not known.
    pub(crate) fn search(quiet: bool) -> Self {
        Self::new(quiet, None)
    }

    /// The progress of a listing, by its period.
    pub(crate) fn listing(quiet: bool, period: Option<Period>) -> Self {
        Self::new(quiet, period.filter(|period| !period.is_empty()))
    }

    fn new(quiet: bool, period: Option<Period>) -> Self {
        let is_watched = !quiet && io::stderr().is_terminal();
        let target =
            if is_watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let seconds = period.map(|period| seconds(period.end() - period.start()));
        let template = match seconds {
            Some(_) => "{bar:24.green/dim} {percent:>3}%  {msg}  {prefix}",
            None => "{spinner:.green} {msg}",
        };
        let style = ProgressStyle::with_template(template);
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━╌");
        let bar = ProgressBar::with_draw_target(seconds, target).with_style(style);
        Self { bar, period, from: Instant::now() + PATIENCE }
    }

    /// Shows what is being done now.
    pub(crate) fn say(&self, text: String) {
        if self.is_due() {
            self.bar.set_message(text);
            self.bar.tick();
        }
    }

    /// Shows how far the listing is: all before `until` is read.
    pub(crate) fn reached(&self, until: Option<DateTime<Utc>>, manifest: &Manifest, begun: u64) {
        if !self.is_due() {
            return;
        }
        let Manifest { rows, windows, .. } = manifest;
        self.bar.set_message(format!("{} rows, {windows} windows", thousands(*rows)));
        if let (Some(period), Some(until)) = (self.period, until) {
            let done = seconds(until - period.start());
            self.bar.set_prefix(left(seconds(period.length()), begun, done, self.bar.elapsed()));
            self.bar.set_position(done);
        }
        self.bar.tick();
    }

    /// How much of the period is before a time.
    pub(crate) fn seconds_until(&self, until: Option<DateTime<Utc>>) -> u64 {
        match (self.period, until) {
            (Some(period), Some(until)) => seconds(until - period.start()),
            _ => 0,
        }
    }

    /// Hides the bar while `action` writes to the terminal.
    pub(crate) fn aside<T>(&self, action: impl FnOnce() -> T) -> T {
        self.bar.suspend(action)
    }

    /// Removes the bar.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn is_due(&self) -> bool {
        !self.bar.is_hidden() && Instant::now() >= self.from
    }
}

const PATIENCE: Duration = Duration::from_millis(250);

/// How long the rest takes, if it goes on as it went so far.
fn left(all: u64, begun: u64, done: u64, elapsed: Duration) -> String {
    let (now, rest) = (done.saturating_sub(begun), all.saturating_sub(done));
    if now == 0 || elapsed < Duration::from_secs(1) {
        return String::new();
    }
    let seconds = (elapsed.as_secs_f64() * rest as f64 / now as f64).ceil();
    if seconds > 1e7 {
        return String::new();
    }
    let left = Duration::from_secs(seconds as u64); // not negative, and less than 1e7
    format!("{} left", humantime::format_duration(left))
}

fn seconds(length: chrono::TimeDelta) -> u64 {
    u64::try_from(length.num_seconds()).unwrap_or(0).max(1)
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (123_456, "123,456"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(thousands(n), text);
        }
    }

    #[test]
    fn time_left_is_told_once_it_can_be() {
        let of = |begun, done, elapsed| left(1000, begun, done, Duration::from_secs(elapsed));
        assert_eq!(of(0, 0, 10), "");
        assert_eq!(of(500, 500, 10), "");
        assert_eq!(of(0, 100, 0), "");
        assert_eq!(of(0, 100, 10), "1m 30s left");
        assert_eq!(of(500, 600, 10), "40s left"); // what an earlier run read took no time now
        assert_eq!(of(0, 1000, 10), "0s left");
    }
}
