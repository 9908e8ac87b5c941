use std::fmt;

use serde::{Deserialize, Serialize};

use super::Window;

/// Counts of what a scan has read.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Manifest {
    /// Rows handed over.
    pub rows: u64,
    /// Windows whose rows were handed over.
    pub windows: u64,
    /// Requests sent, including re-reads. Each asks for one page.
    pub requests: u64,
    /// Windows that were cut because they had too many rows.
    pub cuts: u64,
    /// Rows that came in two windows, and were dropped the second time.
    pub duplicates: u64,
    /// Re-reads of inconsistent windows.
    pub rereads: u64,
    /// Rows that the look-back added. Included in `rows`.
    pub late_rows: u64,
    /// Rows handed over without a time that came again with a time or with other amounts: lots in
    /// flight that were mined. They are handed over once, as they came first.
    pub changed: u64,
    /// Rows whose time lies outside the window that listed them. Included in `rows`. If there are
    /// any, the API lists by another time, or ignores the dates.
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
            (duplicates, "duplicates on window borders dropped"),
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
/// The rows handed over are right, and complete up to the start of [`window`](Self::window).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Incomplete {
    /// The window that could not be read. It and everything after it is missing.
    pub window: Window,
    /// Why the window could not be read.
    pub reason: Reason,
    /// The readings of the window.
    pub readings: Vec<Reading>,
    /// Counts of what was read before.
    pub manifest: Manifest,
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.reason {
            Reason::Inconsistent => "its readings are inconsistent",
            Reason::DatesIgnored => "it has more rows than the longer window it is a part of",
            Reason::Repeated => "each reading has the same rows as the window before it",
            Reason::Conflict => "a row came with two different amounts",
            Reason::Capped => {
                "its total of exactly 10000 may be a cap, and it cannot be cut further"
            }
        };
        write!(
            f,
            "the listing is not complete: {} and everything after it is missing: {reason}",
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

crate::error::debug_as_text!(Incomplete);

/// Why a window could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No reading had as many different rows as its `total`, or two readings that must be equal
    /// never were.
    Inconsistent,
    /// The parts of a window have more rows than the window: the API seems to ignore the dates.
    DatesIgnored,
    /// The window has the same rows as the one before it: the API seems to ignore the dates, or a
    /// cache answers in its place.
    Repeated,
    /// A row came twice with one key and different amounts. Which one is right is unknown.
    Conflict,
    /// The window's `total` is exactly 10,000, where search engines stop counting, and the window
    /// is too short to cut.
    Capped,
}

/// Counts of one reading of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reading {
    /// The API's `total`.
    pub total: u64,
    /// Rows received.
    pub rows: u64,
    /// Different rows among them.
    pub distinct: u64,
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { total, rows, distinct } = self;
        write!(f, "{rows} of {total} rows")?;
        if distinct != rows {
            write!(f, ", {distinct} distinct")?;
        }
        Ok(())
    }
}
