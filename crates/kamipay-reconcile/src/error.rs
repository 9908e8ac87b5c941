use std::fmt;

use crate::Overflow;

/// Why there is no report. `E` is the store's error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error<E> {
    /// The store failed.
    Store(E),
    /// A sum is out of range.
    Overflow,
    /// The rows have over 1000 different currencies.
    Currencies,
    /// Too many rows have the same key.
    Key(LargeKey),
    /// A row is over 1 GiB.
    RowTooLong,
    /// The store returned other bytes than it was given.
    Damaged {
        /// The stream of the store.
        stream: usize,
    },
    /// Parts of different reconciliations, of different numbers of partitions, or twice the same.
    Unrelated,
    /// The sums of the rows that were read are not those of the buckets: a row was lost or counted
    /// twice. Nothing in the report can be relied on.
    Unexplained,
    /// The rules do not save a state: see [`Rules::with_saved_state`](crate::Rules::with_saved_state).
    NotSaved,
    /// Some partitions are missing, so the sums prove nothing.
    Incomplete {
        /// How many are missing.
        missing: usize,
    },
}

/// Too many rows of one key: it is probably not the key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LargeKey {
    /// The key that most rows have.
    pub key: String,
    /// How many rows have it.
    pub rows: u64,
    /// How many different keys all rows with a key have.
    pub keys: u64,
    /// How many rows have a key.
    pub of: u64,
}

impl<E> From<Overflow> for Error<E> {
    fn from(_: Overflow) -> Self {
        Self::Overflow
    }
}

impl<E> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(_) => f.write_str("rows cannot be stored for the reconciliation"),
            Self::Overflow => Overflow.fmt(f),
            Self::Currencies => {
                f.write_str("over 1000 different currencies: is this really the currency's column?")
            }
            Self::Key(large) => large.fmt(f),
            Self::RowTooLong => f.write_str("a row is over 1 GiB"),
            Self::Damaged { stream } => {
                write!(f, "stream {stream} of the store does not contain what was written to it")
            }
            Self::Unrelated => f.write_str(
                "the parts do not belong together: merge different parts of one reconciliation, \
                 with the same rules and number of partitions",
            ),
            Self::Unexplained => {
                f.write_str("a row was lost or counted twice: the sums of the rows do not agree")
            }
            Self::NotSaved => f.write_str("the rules do not save a state: use `with_saved_state`"),
            Self::Incomplete { missing } => {
                write!(f, "{missing} partitions are missing: merge their reports first")
            }
        }
    }
}

impl fmt::Display for LargeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, rows, keys, of } = self;
        let different =
            if *keys == 1 { "1 key".to_owned() } else { format!("{keys} different keys") };
        let key: String = key.chars().take(60).collect();
        write!(f, "{different} in {of} rows, {rows} of them with {key:?}: is this really the key?")
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}
