//! What is open at the end of a period, for the next one.

mod check;

use kamipay_proto::Period;
use kamipay_proto::chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::check::{StateCheck, StateError};
use crate::candidate::Candidate;
use crate::record::Origin;
use crate::rows::ReportRow;
use crate::text::{day, optional_time, time_text};
use crate::{Amount, Bucket, Flow, Id, Progress, Row, Rules, Side, Sums};

/// A line of a state, as JSON: [`StateHeader`] first, then open rows and closed keys in any order.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the format has no other lines")]
pub enum StateLine {
    /// A row that is still open.
    Open(Box<OpenRow>),
    /// A key whose rows were matched.
    #[serde(rename = "matched")]
    Closed(ClosedKey),
}

/// The first line of a state.
///
/// The hashes are the caller's: SHA-256 in hexadecimal, of the state that this one continues, of the
/// ledger and of the saved scan.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StateHeader {
    /// The name and version of the format.
    pub format: StateFormat,
    /// What is reconciled.
    pub flow: Flow,
    /// The start of the period.
    #[serde(with = "time_text")]
    pub from: DateTime<Utc>,
    /// The end of the period.
    #[serde(with = "time_text")]
    pub to: DateTime<Utc>,
    /// The zone in which days are counted.
    #[serde(with = "offset")]
    pub utc_offset: FixedOffset,
    /// The start of the first period of the chain.
    #[serde(with = "time_text")]
    pub since: DateTime<Utc>,
    /// For how many days matched keys are remembered.
    pub remember: u16,
    /// The number of open rows in the state.
    pub open: u64,
    /// The number of matched keys in the state.
    pub matched: u64,
    /// The sums of the open rows, ours less theirs.
    pub totals: Sums,
    /// The hash of the state before.
    #[serde(default)]
    pub before: Option<String>,
    /// The hash of the ledger.
    #[serde(default)]
    pub ledger: Option<String>,
    /// The hash of the saved scan.
    #[serde(default)]
    pub scan: Option<String>,
}

/// The name and version of a state's format.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum StateFormat {
    /// The only one so far.
    #[default]
    #[serde(rename = "kamipay-open/1")]
    Open1,
}

/// A row that is open at the end of a period.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OpenRow {
    /// The bucket. `None`: the row is in no period, and is kept because an open row refers to it.
    pub bucket: Option<Bucket>,
    /// Where it comes from.
    #[serde(with = "side")]
    pub side: Side,
    /// Its key.
    pub key: Option<String>,
    /// Its amount.
    pub amount: Option<Amount>,
    /// The currency of the amount.
    pub currency: String,
    /// Its time.
    #[serde(with = "optional_time")]
    pub time: Option<DateTime<Utc>>,
    /// Its name in its source.
    #[serde(with = "id")]
    pub id: OwnedId,
    /// Why it is in its bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The day on which it was open for the first time.
    #[serde(with = "day")]
    pub first_seen: NaiveDate,
    /// How far its transfer is.
    #[serde(default, skip_serializing_if = "is_live")]
    pub progress: Progress,
    /// Its other identifiers and their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<(String, String)>,
    /// Rows that may explain it, from its source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// The caller's bytes.
    #[serde(default, skip_serializing_if = "Carried::is_empty")]
    pub carried: Carried,
}

/// A row's name in its source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a row has one of these")]
pub enum OwnedId {
    /// A line, counted from 1.
    Line(u64),
    /// A name.
    Name(String),
}

/// Bytes that are a text in JSON if they can be.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[expect(clippy::exhaustive_enums, reason = "bytes are a text or not")]
pub enum Carried {
    /// UTF-8.
    Text(String),
    /// Other bytes.
    Bytes(Vec<u8>),
    /// No bytes.
    #[default]
    None,
}

/// A key whose rows were matched, so that a row outside a later period is not matched again.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ClosedKey {
    /// The key.
    pub key: String,
    /// The rows of the books: time, amount and currency. Line numbers change from ledger to ledger.
    pub ours: Vec<String>,
    /// The names of kamiPay's rows.
    pub theirs: Vec<String>,
    /// The last day of the period in which they were matched.
    #[serde(with = "day")]
    pub on: NaiveDate,
}

impl Rules {
    /// Continues a state: its open rows are reconciled again, and its matched keys are not.
    ///
    /// # Errors
    ///
    /// If the state is of another flow or zone, or the period does not begin where it ends.
    pub fn after(mut self, state: &StateHeader) -> Result<Self, StateError> {
        if state.flow != self.flow {
            return Err(StateError::Flow);
        }
        if state.utc_offset != self.utc_offset {
            return Err(StateError::Zone { state: state.utc_offset });
        }
        let (end, start) = (state.to, self.period.start());
        if start > end {
            return Err(StateError::Gap { end, start });
        }
        if start < end {
            return Err(StateError::Overlap { end, start });
        }
        if state.remember < self.remember {
            return Err(StateError::Remember { days: state.remember });
        }
        self.since = Some(state.since);
        Ok(self)
    }
}

impl StateHeader {
    pub(crate) fn new(rules: &Rules, (open, matched): (u64, u64), totals: Sums) -> Self {
        Self {
            format: StateFormat::Open1,
            flow: rules.flow,
            from: rules.period.start(),
            to: rules.period.end(),
            utc_offset: rules.utc_offset,
            since: rules.since.unwrap_or_else(|| rules.period.start()),
            remember: rules.remember,
            open,
            matched,
            totals,
            before: None,
            ledger: None,
            scan: None,
        }
    }

    /// The period.
    pub fn period(&self) -> Option<Period> {
        Period::new(self.from, self.to).ok()
    }
}

impl OpenRow {
    pub(crate) fn new(row: &ReportRow<'_>) -> Self {
        Self {
            bucket: (!row.is_outside).then_some(row.bucket),
            side: row.side,
            key: row.key.map(str::to_owned),
            amount: row.amount,
            currency: row.currency.to_owned(),
            time: row.time,
            id: match row.id.line() {
                Some(line) => OwnedId::Line(line),
                None => OwnedId::Name(row.id.to_string()),
            },
            why: row.why(),
            first_seen: row.first_seen,
            progress: row.progress,
            others: row.others().map(|(name, text)| (name.to_owned(), text.to_owned())).collect(),
            candidates: row.hints().collect(),
            carried: row.carried.into(),
        }
    }

    /// The lot or settlement to fetch again, because the row's transfer was under way.
    ///
    /// Give its rows to the next period's [`Partial`](crate::Partial): a row with the name of an open
    /// one replaces it.
    pub fn to_fetch(&self) -> Option<&str> {
        let OwnedId::Name(name) = &self.id else { return None };
        let is_under_way = self.side == Side::Theirs && self.progress == Progress::InFlight;
        name.split_once('/').filter(|_| is_under_way).map(|(source, _)| source)
    }

    pub(crate) fn origin(&self) -> Origin {
        self.bucket.map_or(Origin::Outside, |_| Origin::Carried(self.first_seen))
    }

    pub(crate) fn parts(&self) -> (Vec<(&str, &str)>, Vec<crate::Hint<'_>>) {
        let others = self.others.iter().map(|(name, text)| (&**name, &**text)).collect();
        (others, self.candidates.iter().map(Candidate::hint).collect())
    }

    pub(crate) fn row<'a>(
        &'a self,
        (others, hints): &'a (Vec<(&'a str, &'a str)>, Vec<crate::Hint<'a>>),
    ) -> Row<'a> {
        Row {
            key: self.key.as_deref(),
            amount: self.amount,
            currency: &self.currency,
            time: self.time,
            progress: self.progress,
            others,
            hints,
            carried: self.carried.as_bytes(),
            ..Row::new(self.side, self.id.as_id())
        }
    }
}

impl OwnedId {
    /// The same name, borrowed.
    pub fn as_id(&self) -> Id<'_> {
        match self {
            Self::Line(line) => Id::Line(*line),
            Self::Name(name) => Id::Name(name),
        }
    }
}

impl From<Id<'_>> for OwnedId {
    fn from(id: Id<'_>) -> Self {
        match id {
            Id::Line(line) => Self::Line(line),
            Id::Name(name) => Self::Name(name.to_owned()),
        }
    }
}

impl Carried {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
            Self::None => &[],
        }
    }

    fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

impl From<&[u8]> for Carried {
    fn from(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok("") => Self::None,
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Bytes(bytes.to_owned()),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_live(progress: &Progress) -> bool {
    *progress == Progress::Live
}

pub(crate) mod side {
    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        Ours,
        Theirs,
    }

    pub(crate) fn serialize<S: Serializer>(side: &Side, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(side.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Side, D::Error> {
        Ok(match Word::deserialize(from)? {
            Word::Ours => Side::Ours,
            Word::Theirs => Side::Theirs,
        })
    }
}

pub(crate) mod id {
    use super::*;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Json {
        Line(u64),
        Name(String),
    }

    pub(crate) fn serialize<S: Serializer>(id: &OwnedId, to: S) -> Result<S::Ok, S::Error> {
        match id {
            OwnedId::Line(line) => to.serialize_u64(*line),
            OwnedId::Name(name) => to.serialize_str(name),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<OwnedId, D::Error> {
        Ok(match Json::deserialize(from)? {
            Json::Line(line) => OwnedId::Line(line),
            Json::Name(name) => OwnedId::Name(name),
        })
    }
}

mod offset {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(it: &FixedOffset, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(it)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<FixedOffset, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}
