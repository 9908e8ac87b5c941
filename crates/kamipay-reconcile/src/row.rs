use std::cmp::Ordering;
use std::fmt;

use kamipay_proto::chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Amount;

/// One row of either side, borrowed from its reader.
///
/// ```
/// use kamipay_reconcile::{Row, Side};
///
/// let mut row = Row::new(Side::Ours, 7); // the ledger's line 7
/// row.key = Some("order-1");
/// row.amount = Some("10.50".parse()?);
/// row.currency = "USDT";
/// row.time = Some("2026-05-14T12:00:00Z".parse()?);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Row<'a> {
    /// Where the row comes from.
    pub side: Side,
    /// The row's name in its source.
    pub id: Id<'a>,
    /// The key by which both sides are joined, compared byte by byte. Default: none.
    pub key: Option<&'a str>,
    /// The amount, in units of `currency`. `None`: the row has no quote, so it is not comparable.
    /// Default: none.
    pub amount: Option<Amount>,
    /// The currency, compared without case. Default: empty.
    pub currency: &'a str,
    /// The time that decides the period. A row without one belongs to every period. Default: none.
    pub time: Option<DateTime<Utc>>,
    /// How far the transfer is. Only rows of kamiPay can differ from live. Default: live.
    pub progress: Progress,
    /// Other identifiers of the row and their names, for candidates. Default: none.
    pub others: &'a [(&'a str, &'a str)],
    /// Rows that may explain this one, if its source knows them. They are added to the candidates
    /// that the report finds. Default: none.
    pub hints: &'a [Hint<'a>],
    /// The caller's bytes, such as the ledger's other columns. They come back with the row. Default:
    /// none.
    pub carried: &'a [u8],
}

impl<'a> Row<'a> {
    /// A live row without a key, an amount or a time.
    pub fn new(side: Side, id: impl Into<Id<'a>>) -> Self {
        Self {
            side,
            id: id.into(),
            key: None,
            amount: None,
            currency: "",
            time: None,
            progress: Progress::Live,
            others: &[],
            hints: &[],
            carried: &[],
        }
    }
}

/// Where a row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the rules name all of them")]
pub enum Side {
    /// The merchant's ledger.
    Ours,
    /// Payouts and refunds of lots, or charges of settlements.
    Theirs,
    /// Charges that wait for their settlement. They are in no sum.
    Pool,
}

impl Side {
    /// The word of the output: `ours` or `theirs`. The pool is theirs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs | Self::Pool => "theirs",
        }
    }
}

/// How far the transfer of a row is.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize,
)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the rules name all of them")]
pub enum Progress {
    /// Delivered. The books are live as well.
    #[default]
    Live,
    /// Under way, or in a state that this version does not know.
    InFlight,
    /// Failed or canceled: in no sum.
    Void,
}

/// The name of a row in its source.
///
/// The books' rows usually have lines, kamiPay's have names such as `lot_id/kamipay_id`. Lines are
/// compared as numbers and come before names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a row has one of these")]
pub enum Id<'a> {
    /// A line, counted from 1.
    Line(u64),
    /// A name. Rows of kamiPay with one key and one name are told apart by `#2`, `#3` and so on.
    Name(&'a str),
}

impl From<u64> for Id<'_> {
    fn from(line: u64) -> Self {
        Self::Line(line)
    }
}

impl<'a> From<&'a str> for Id<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => line.fmt(f),
            Self::Name(name) => f.pad(name),
        }
    }
}

/// A row that its source knows as a possible explanation of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hint<'a> {
    /// Where the row comes from.
    pub side: Side,
    /// Its name.
    pub id: Id<'a>,
    /// Its key.
    pub key: Option<&'a str>,
    /// Its amount.
    pub amount: Option<Amount>,
    /// Its currency.
    pub currency: &'a str,
    /// Its time.
    pub time: Option<DateTime<Utc>>,
    /// The field that differs.
    pub differs: &'a str,
}

impl<'a> Hint<'a> {
    /// The row `id` of this side, which differs in the field `differs`.
    pub fn new(side: Side, id: impl Into<Id<'a>>, differs: &'a str) -> Self {
        Self { side, id: id.into(), key: None, amount: None, currency: "", time: None, differs }
    }
}

/// Compares currencies without case.
pub(crate) fn cmp_currency(a: &[u8], b: &[u8]) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let fold = |byte: &u8| byte.to_ascii_uppercase();
    a.iter().map(fold).cmp(b.iter().map(fold))
}

/// Compares amounts by value. None comes first.
pub(crate) fn cmp_amount(a: Option<Amount>, b: Option<Amount>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.cmp_value(b),
        _ => a.is_some().cmp(&b.is_some()),
    }
}
