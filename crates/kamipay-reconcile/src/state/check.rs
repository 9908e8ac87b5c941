//! Whether a state is whole, and can be continued.

use std::fmt;

use kamipay_proto::chrono::{DateTime, FixedOffset, Utc};

use super::{StateHeader, StateLine};
use crate::{Overflow, Side, Sums};

/// Checks that a state is whole, while its lines are read.
///
/// ```
/// # use kamipay_reconcile::{StateCheck, StateHeader, StateLine};
/// # fn read(header: &StateHeader, lines: Vec<StateLine>) -> Result<(), kamipay_reconcile::StateError> {
/// let mut check = StateCheck::new(header);
/// for line in &lines {
///     check.add(line)?;
/// }
/// check.finish()
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct StateCheck<'a> {
    header: &'a StateHeader,
    open: u64,
    matched: u64,
    totals: Sums,
}

impl<'a> StateCheck<'a> {
    /// Begins after the first line.
    pub fn new(header: &'a StateHeader) -> Self {
        Self { header, open: 0, matched: 0, totals: Sums::new() }
    }

    /// Counts a line.
    ///
    /// # Errors
    ///
    /// If a sum is out of range.
    pub fn add(&mut self, line: &StateLine) -> Result<(), StateError> {
        let StateLine::Open(row) = line else {
            self.matched += 1;
            return Ok(());
        };
        self.open += 1;
        if let (Some(amount), Some(_)) = (row.amount, row.bucket) {
            let amount = if row.side == Side::Ours { amount } else { amount.negated() };
            self.totals.add(&row.currency, amount)?;
        }
        Ok(())
    }

    /// Compares with the first line.
    ///
    /// # Errors
    ///
    /// If lines are missing or changed.
    pub fn finish(self) -> Result<(), StateError> {
        let header = self.header;
        if (self.open, self.matched) != (header.open, header.matched) {
            return Err(StateError::Lines {
                read: self.open + self.matched,
                written: header.open.saturating_add(header.matched),
            });
        }
        if !self.totals.have_values_of(&header.totals) {
            return Err(StateError::Totals);
        }
        Ok(())
    }
}

/// A state that cannot be continued.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateError {
    /// The state is of the other flow.
    Flow,
    /// The state counts days in another zone.
    Zone {
        /// The state's zone.
        state: FixedOffset,
    },
    /// Days are missing between the state and the period.
    Gap {
        /// The end of the state.
        end: DateTime<Utc>,
        /// The start of the period.
        start: DateTime<Utc>,
    },
    /// The period begins before the state ends.
    Overlap {
        /// The end of the state.
        end: DateTime<Utc>,
        /// The start of the period.
        start: DateTime<Utc>,
    },
    /// The state forgot matched keys earlier than is asked for.
    Remember {
        /// The state's days.
        days: u16,
    },
    /// Lines are missing, or there are too many.
    Lines {
        /// How many were read.
        read: u64,
        /// How many were written.
        written: u64,
    },
    /// The open rows do not add up to the totals.
    Totals,
    /// A sum is out of range.
    Overflow,
}

impl From<Overflow> for StateError {
    fn from(_: Overflow) -> Self {
        Self::Overflow
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::text::time;

        match self {
            Self::Flow => f.write_str("the state is of the other flow: use the state of this one"),
            Self::Zone { state } => {
                write!(f, "the state counts days in the zone {state}: use the same zone")
            }
            Self::Gap { end, start } => write!(
                f,
                "the state ends at {}, the period begins at {}: begin the period where the state ends",
                time(*end),
                time(*start)
            ),
            Self::Overlap { end, start } => write!(
                f,
                "the state ends at {}, after the period begins at {}: use the state before",
                time(*end),
                time(*start)
            ),
            Self::Remember { days } => write!(
                f,
                "the state remembers matched keys for {days} days only: do not ask for more"
            ),
            Self::Lines { read, written } => write!(
                f,
                "the state has {read} lines after the first, and was written with {written}: it is \
                 damaged"
            ),
            Self::Totals => f.write_str(
                "the open rows of the state do not add up to its totals: it was changed",
            ),
            Self::Overflow => Overflow.fmt(f),
        }
    }
}

impl std::error::Error for StateError {}
