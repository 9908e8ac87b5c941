//! The times of a list's rows: a pure function of the index that never decreases.

use std::ops::Range;

use crate::mix::roll;

/// `count` instants from `start` to `end`, in microseconds since 1970, without `end` itself. The
/// first is at the start, the last a microsecond before the end, and each of the others in its own
/// equal slot.
///
/// Some instants are at midnight UTC to the microsecond, some equal the one before, some have no
/// fraction: all of them break careless clients.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeline {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) count: u64,
    pub(crate) seed: u64,
    /// Makes the instants of lists differ.
    pub(crate) kind: u64,
}

impl Timeline {
    pub(crate) fn at(&self, index: u64) -> i64 {
        if index == 0 {
            return self.start;
        }
        if index + 1 >= self.count {
            return (self.end - 1).max(self.start);
        }
        if self.is_tied(index) {
            return self.slot(index);
        }
        if self.is_tied(index + 1) {
            return self.slot(index + 1);
        }
        self.within(index, self.slot(index)..self.slot(index + 1))
    }

    /// Whether the row shares its instant, the border of their slots, with the row before.
    fn is_tied(&self, index: u64) -> bool {
        roll(self.seed, self.kind + 1, index) % 32 == 0
    }

    /// Where the row's slot starts.
    fn slot(&self, index: u64) -> i64 {
        let span = i128::from(self.end) - i128::from(self.start);
        let start = i128::from(self.start) + span * i128::from(index) / i128::from(self.count);
        // Between `start` and `end`, which are `i64`.
        start as i64
    }

    fn within(&self, index: u64, slot: Range<i64>) -> i64 {
        let bits = roll(self.seed, self.kind, index);
        if let Some(midnight) = first_multiple(MICROS_OF_A_DAY, &slot) {
            // Nearly every long slot contains a midnight: take one in eight.
            if slot.end - slot.start < MICROS_OF_A_DAY / 4 || bits % 8 == 0 {
                return midnight;
            }
        }
        let Some(length) = u64::try_from(slot.end - slot.start).ok().filter(|n| *n > 0) else {
            return slot.start;
        };
        // Less than `length`, which came from an `i64`.
        let time = slot.start + ((bits >> 8) % length) as i64;
        if bits % 4 == 1 {
            first_multiple(MICROS_OF_A_SECOND, &(time..slot.end)).unwrap_or(time)
        } else {
            time
        }
    }
}

/// The first multiple of `unit` in a range.
pub(crate) fn first_multiple(unit: i64, range: &Range<i64>) -> Option<i64> {
    let multiple = range.start.div_euclid(unit) * unit;
    let multiple = if multiple < range.start { multiple + unit } else { multiple };
    range.contains(&multiple).then_some(multiple)
}

pub(crate) const MICROS_OF_A_SECOND: i64 = 1_000_000;
pub(crate) const MICROS_OF_A_DAY: i64 = 86_400 * MICROS_OF_A_SECOND;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_midnight_of_a_busy_year_has_a_row() {
        let days = 365;
        let timeline =
            Timeline { start: 0, end: days * MICROS_OF_A_DAY, count: 100_000, seed: 7, kind: 0 };
        let mut midnights: Vec<_> =
            (0..100_000).map(|i| timeline.at(i)).filter(|t| t % MICROS_OF_A_DAY == 0).collect();
        midnights.dedup();
        // A midnight is missed where its slot's row is tied to a border instead.
        assert!(midnights.len() > 300, "{}", midnights.len());
    }

    #[test]
    fn some_rows_share_an_instant_and_some_have_no_fraction() {
        let timeline = Timeline { start: 0, end: MICROS_OF_A_DAY, count: 1_000, seed: 7, kind: 0 };
        let times: Vec<_> = (0..1_000).map(|i| timeline.at(i)).collect();
        assert!(times.windows(2).filter(|pair| pair[0] == pair[1]).count() > 5);
        assert!(times.iter().filter(|time| *time % MICROS_OF_A_SECOND == 0).count() > 100);
    }

    proptest! {
        #[test]
        fn times_do_not_decrease(
            seed: u64,
            kind in 0_u64..100,
            count in 1_u64..300,
            start in -1_000_000_000_i64..2_000_000_000_000_000,
            span in 0_i64..40_000_000_000_000,
        ) {
            let end = start + span;
            let timeline = Timeline { start, end, count, seed, kind };
            let times: Vec<_> = (0..count).map(|index| timeline.at(index)).collect();
            prop_assert!(times.is_sorted());
            prop_assert_eq!(times[0], start);
            if count > 1 {
                prop_assert_eq!(*times.last().unwrap(), (end - 1).max(start));
            }
        }
    }
}
