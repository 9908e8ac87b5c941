use std::fmt;

use serde::{Deserialize, Serialize};

/// The one bucket of a row.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the words of the output are fixed")]
pub enum Bucket {
    /// Both sides agree.
    Matched,
    /// Both sides agree but for a tolerated difference.
    WithinTolerance,
    /// Several rows of one key add up to the same sum on both sides.
    Group,
    /// Both sides agree, and kamiPay's transfer is under way.
    InFlight,
    /// Only in the books, for no longer than the lag.
    InTime,
    /// In the books, and in kamiPay's pending pool.
    Pending,
    /// Both sides agree, and the other side's row is outside the period.
    CutOff,
    /// Only in what failed at kamiPay. An exception if the row is ours.
    Void,
    /// One row on each side, with other amounts.
    AmountDiffers,
    /// One row on each side, in other currencies or without an amount.
    NotComparable,
    /// Only in the books.
    OnlyOurs,
    /// Only at kamiPay.
    OnlyTheirs,
    /// More rows of the key on one side than on the other.
    Repeated,
    /// Without a key.
    NoKey,
    /// In the pending pool, and in no sum.
    Pool,
}

impl Bucket {
    /// All of them, in the order of a report.
    pub const ALL: [Self; 15] = [
        Self::Matched,
        Self::WithinTolerance,
        Self::Group,
        Self::InFlight,
        Self::InTime,
        Self::Pending,
        Self::CutOff,
        Self::Void,
        Self::AmountDiffers,
        Self::NotComparable,
        Self::OnlyOurs,
        Self::OnlyTheirs,
        Self::Repeated,
        Self::NoKey,
        Self::Pool,
    ];

    /// The word of the output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::WithinTolerance => "within_tolerance",
            Self::Group => "group",
            Self::InFlight => "in_flight",
            Self::InTime => "in_time",
            Self::Pending => "pending",
            Self::CutOff => "cut_off",
            Self::Void => "void",
            Self::AmountDiffers => "amount_differs",
            Self::NotComparable => "not_comparable",
            Self::OnlyOurs => "only_ours",
            Self::OnlyTheirs => "only_theirs",
            Self::Repeated => "repeated",
            Self::NoKey => "no_key",
            Self::Pool => "pool",
        }
    }

    /// Open for its time only.
    pub const fn is_timing(self) -> bool {
        matches!(self, Self::InFlight | Self::InTime | Self::Pending | Self::CutOff)
    }

    /// Whether a row in this bucket needs a person. `is_ours`: the row is of the books. What failed
    /// at kamiPay is an exception only there.
    pub const fn is_exception(self, is_ours: bool) -> bool {
        match self {
            Self::Void => is_ours,
            Self::AmountDiffers
            | Self::NotComparable
            | Self::OnlyOurs
            | Self::OnlyTheirs
            | Self::Repeated
            | Self::NoKey => true,
            _ => false,
        }
    }

    pub(crate) fn from_index(index: u8) -> Option<Self> {
        Self::ALL.get(usize::from(index)).copied()
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_output() {
        for (index, bucket) in (0..).zip(Bucket::ALL) {
            assert_eq!(bucket as u8, index);
            assert_eq!(Bucket::from_index(index), Some(bucket));
            let json = format!("\"{bucket}\"");
            assert_eq!(serde_json::to_string(&bucket).unwrap(), json);
            assert_eq!(serde_json::from_str::<Bucket>(&json).unwrap(), bucket);
        }
        assert_eq!(Bucket::from_index(15), None);
    }

    #[test]
    fn a_bucket_is_timing_or_an_exception_or_neither() {
        let words = |is: &dyn Fn(Bucket) -> bool| {
            Bucket::ALL.into_iter().filter(|it| is(*it)).map(Bucket::as_str).collect::<Vec<_>>()
        };
        let timing = ["in_flight", "in_time", "pending", "cut_off"];
        assert_eq!(words(&|it| it.is_timing()), timing);
        let exceptions = [
            "void",
            "amount_differs",
            "not_comparable",
            "only_ours",
            "only_theirs",
            "repeated",
            "no_key",
        ];
        assert_eq!(words(&|it| it.is_exception(true)), exceptions);
        assert_eq!(words(&|it| it.is_exception(false)), exceptions[1..]);
    }
}
