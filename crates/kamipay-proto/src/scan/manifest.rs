use std::fmt;

use serde::{Deserialize, Serialize};

use super::Window;

/// What a scan has read: for the record, and to compare two scans.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Manifest {
    /// Rows handed over.
    pub rows: u64,
    /// Windows whose rows were handed over.
    pub windows: u64,
    /// Requests made: one a page, read again or not.
    pub requests: u64,
    /// Windows that had too many rows, and were cut.
    pub cuts: u64,
    /// Rows on a border between two windows that came in both, and were handed over once.
    pub duplicates: u64,
    /// Windows that were not consistent, and were read again.
    pub rereads: u64,
    /// Rows that the look-back found, among `rows`.
    pub late_rows: u64,
    /// Rows that came again after they were handed over, with a time or an amount that they did not
    /// have: lots in flight that were mined meanwhile. They are handed over once, as they came first.
    pub changed: u64,
    /// Rows whose time lies outside the window they were listed in, among `rows`. If there are any,
    /// the API goes by another time than the row shows, and no row is left out for its time.
    pub outside: u64,
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rows,
            windows,
            requests,
            cuts,
            duplicates,
            rereads,
            late_rows,
            changed,
            outside,
        } = self;
        write!(f, "{rows} rows in {windows} windows, {requests} requests")?;
        for (count, what) in [
            (cuts, "windows cut"),
            (duplicates, "rows on borders dropped once"),
            (rereads, "windows read again"),
            (late_rows, "rows added meanwhile"),
            (changed, "rows changed meanwhile"),
            (outside, "rows listed by another time than they show"),
        ] {
            if *count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// A listing that cannot be completed, and why.
///
/// What was handed over is right and complete up to the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Incomplete {
    /// The window that could not be read. It and all after it are missing.
    pub window: Window,
    /// What is wrong with it.
    pub reason: Reason,
    /// What each reading of it gave.
    pub readings: Vec<Reading>,
    /// What was read before.
    pub manifest: Manifest,
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.reason {
            Reason::Inconsistent => "its readings do not agree with themselves",
            Reason::DatesIgnored => "it has more rows than the longer window it is a part of",
            Reason::Repeated => "it has just the rows of the window before it, time and again",
            Reason::Conflict => "a row came with different amounts, time and again",
            Reason::Capped => {
                "its total of exactly 10000 may be a cap, and it cannot be cut further"
            }
        };
        write!(
            f,
            "the listing is not complete: {} is missing, and all after it: {reason}",
            self.window
        )?;
        for (n, reading) in self.readings.iter().enumerate() {
            let before = if n == 0 { ": " } else { "; " };
            write!(f, "{before}{reading}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Incomplete {}

/// What is wrong with a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No reading of it gave as many different rows as its `total` said, or two readings that had
    /// to be equal never were.
    Inconsistent,
    /// The API does not seem to look at the dates: the parts of a window have more rows than the
    /// window.
    DatesIgnored,
    /// It has just the rows of the window before it: the API does not seem to look at the dates, or
    /// something on the way answers by itself.
    Repeated,
    /// A row came twice with one key and different amounts. Neither is known to be the right one.
    Conflict,
    /// Its `total` is exactly 10,000, which is where search engines stop to count, and it is too
    /// short to be cut.
    Capped,
}

/// What one reading of a window gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reading {
    /// How many rows there are by the API's count.
    pub total: u64,
    /// How many came.
    pub rows: u64,
    /// How many of them are different.
    pub distinct: u64,
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { total, rows, distinct } = self;
        write!(f, "{rows} of {total} rows")?;
        if distinct != rows {
            write!(f, ", {distinct} of them different")?;
        }
        Ok(())
    }
}
