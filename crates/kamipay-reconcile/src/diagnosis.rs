//! What is probably wrong with the question, if nearly all rows are one-sided.

use std::collections::BTreeMap;
use std::fmt;

use crate::candidate::Columns;
use crate::report::Pairs;
use crate::row::Side;
use crate::{Bucket, Report, Store};

/// What is probably wrong with the question.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Diagnosis {
    /// Another column of the books has kamiPay's keys.
    BooksColumn {
        /// The column.
        column: String,
        /// The share of its rows that have a key of kamiPay, in percent.
        percent: u64,
    },
    /// The books' keys are another identifier of kamiPay.
    TheirIdentifier {
        /// The identifier.
        name: String,
        /// The share of the books' keys, in percent.
        percent: u64,
    },
    /// The amounts have the opposite sign.
    Sign {
        /// The share of the keys on both sides, in percent.
        percent: u64,
    },
    /// The amounts of one side are a hundred times those of the other.
    Hundredfold {
        /// Whether the books' amounts are the larger ones.
        is_ours: bool,
        /// The share of the keys on both sides, in percent.
        percent: u64,
    },
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BooksColumn { column, percent } => write!(
                f,
                "nearly no key of the books is at kamiPay; {percent} % of column `{column}` are: is \
                 it the key?"
            ),
            Self::TheirIdentifier { name, percent } => write!(
                f,
                "nearly no key of the books is at kamiPay; {percent} % of them are a `{name}` there: \
                 use it as the key"
            ),
            Self::Sign { percent } => write!(
                f,
                "{percent} % of the amounts have the opposite sign at kamiPay: negate the books' amounts"
            ),
            Self::Hundredfold { is_ours: true, percent } => write!(
                f,
                "{percent} % of the books' amounts are a hundred times kamiPay's: are they in minor \
                 units?"
            ),
            Self::Hundredfold { is_ours: false, percent } => write!(
                f,
                "{percent} % of the books' amounts are a hundredth of kamiPay's: are they in another \
                 unit?"
            ),
        }
    }
}

/// From so many rows a side on.
const LEAST_ROWS: u64 = 20;
/// In percent.
const MOSTLY: u64 = 90;

impl<S: Store> Report<S> {
    pub(crate) fn diagnose(&self, columns: Columns) -> Vec<Diagnosis> {
        let rows = |side| {
            let buckets =
                Bucket::ALL.into_iter().filter(|it| side == Side::Ours || *it != Bucket::Void);
            buckets.map(|bucket| self.count(bucket, side)).sum::<u64>()
        };
        let (ours, theirs) = (rows(Side::Ours), rows(Side::Theirs));
        let mut found = Vec::new();
        if ours < LEAST_ROWS || theirs < LEAST_ROWS {
            return found;
        }
        let count = |bucket| self.count(bucket, Side::Ours) + self.count(bucket, Side::Theirs);
        let alone = [Bucket::OnlyOurs, Bucket::InTime, Bucket::NoKey].map(count);
        let is_mostly = |part: u64, of: u64| part * 100 >= of * MOSTLY;
        let ours_alone = alone.iter().sum::<u64>() - self.count(Bucket::NoKey, Side::Theirs);
        let theirs_alone =
            self.count(Bucket::OnlyTheirs, Side::Theirs) + self.count(Bucket::NoKey, Side::Theirs);
        if is_mostly(ours_alone, ours) && is_mostly(theirs_alone, theirs) {
            let best = |hits: BTreeMap<String, u64>| {
                let best = hits.into_iter().rev().max_by_key(|it| it.1)?;
                let percent = (best.1 * 100).checked_div(columns.of)?;
                (percent >= 50).then_some((best.0, percent))
            };
            found.extend(
                best(columns.books)
                    .map(|(column, percent)| Diagnosis::BooksColumn { column, percent }),
            );
            found.extend(
                best(columns.theirs)
                    .map(|(name, percent)| Diagnosis::TheirIdentifier { name, percent }),
            );
        }
        let Pairs { found: keys, opposite, ours_hundredfold, theirs_hundredfold, .. } = self.pairs;
        if keys >= LEAST_ROWS {
            let percent = |part: u64| is_mostly(part, keys).then(|| part * 100 / keys);
            found.extend(percent(opposite).map(|percent| Diagnosis::Sign { percent }));
            let hundredfold = |is_ours| move |percent| Diagnosis::Hundredfold { is_ours, percent };
            found.extend(percent(ours_hundredfold).map(hundredfold(true)));
            found.extend(percent(theirs_hundredfold).map(hundredfold(false)));
        }
        found
    }
}
