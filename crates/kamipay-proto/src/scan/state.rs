use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Key, Manifest, Scannable};
use crate::Period;
use crate::page::Amounts;
use crate::wire::timestamp;

/// The rest of a scan, or a part of one, as plain data: continue it later, or on another machine.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[non_exhaustive]
pub struct ScanState<S: Scannable> {
    /// The listing that is left to read.
    pub scan: S,
    /// Rows that were handed over and may come again until `seen_until`.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(crate) seen: Vec<Seen<Key<S>>>,
    /// The period of the whole listing, if this is a part or a rest of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outer: Option<Period>,
    /// The latest time, in UTC, at which rows in `seen` may come again.
    #[serde(default, with = "timestamp::option", skip_serializing_if = "Option::is_none")]
    pub(crate) seen_until: Option<DateTime<Utc>>,
    /// Rows without a time that were handed over. They may come again in any window.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub(crate) in_flight: Vec<Seen<Key<S>>>,
    /// Whether the previous part hands over the rows on the first border.
    #[serde(default)]
    pub(crate) continues: bool,
    /// Whether nothing is left.
    #[serde(default)]
    pub is_done: bool,
    /// The part to read again at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) look_back: Option<LookBackState<Key<S>>>,
    /// Counts of what was read so far.
    #[serde(default)]
    pub manifest: Manifest,
}

impl<S: Scannable> ScanState<S> {
    pub(crate) fn new(scan: S) -> Self {
        Self {
            scan,
            seen: Vec::new(),
            outer: None,
            seen_until: None,
            in_flight: Vec::new(),
            continues: false,
            is_done: false,
            look_back: None,
            manifest: Manifest::default(),
        }
    }
}

/// The newest part of a scan's period, which is read again at the end.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct LookBackState<K> {
    /// The period to read again.
    pub(crate) period: Period,
    /// The rows in the period that were handed over.
    pub(crate) handed_over: Vec<Seen<K>>,
}

/// A row that was handed over: its key and its amounts.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Seen<K> {
    /// The row's unique key.
    pub(crate) key: K,
    /// Its amounts.
    #[serde(with = "amounts")]
    pub(crate) amounts: Amounts,
}

impl<K> Seen<K> {
    pub(super) fn new(key: K, amounts: Amounts) -> Self {
        Self { key, amounts }
    }
}

/// Amounts as JSON strings.
mod amounts {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::page::Amounts;
    use crate::wire::{money, reason};

    pub(super) fn serialize<S: Serializer>(amounts: &Amounts, to: S) -> Result<S::Ok, S::Error> {
        amounts.map(|amount| amount.map(|amount| amount.to_string())).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Amounts, D::Error> {
        let [first, second] = <[Option<String>; 2]>::deserialize(from)?;
        let parse = |text: Option<String>| match text {
            Some(text) => {
                money::parse(&text).map(Some).ok_or_else(|| D::Error::custom(reason::AMOUNT))
            }
            None => Ok(None),
        };
        Ok([parse(first)?, parse(second)?])
    }
}
