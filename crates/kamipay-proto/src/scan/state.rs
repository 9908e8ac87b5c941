use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Key, Manifest, Scannable};
use crate::Period;
use crate::wire::timestamp;

/// Where a scan stands, as plain data: to go on later or elsewhere, and a part of a scan that is
/// shared out.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
#[non_exhaustive]
pub struct ScanState<S: Scannable> {
    /// What is left to read.
    pub scan: S,
    /// Rows in what is left that were handed over already, up to `seen_until`.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Key<S>>,
    /// Until when rows in `seen` can come again.
    #[serde(default, with = "timestamp::option", skip_serializing_if = "Option::is_none")]
    pub seen_until: Option<DateTime<Utc>>,
    /// Whether another part hands over the rows on the first instant.
    #[serde(default)]
    pub continues: bool,
    /// Whether nothing is left.
    #[serde(default)]
    pub is_done: bool,
    /// The part that is to be read once more at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_back: Option<LookBackState<Key<S>>>,
    /// What was read so far.
    #[serde(default)]
    pub manifest: Manifest,
}

impl<S: Scannable> ScanState<S> {
    /// Nothing read yet.
    pub fn new(scan: S) -> Self {
        Self {
            scan,
            seen: Vec::new(),
            seen_until: None,
            continues: false,
            is_done: false,
            look_back: None,
            manifest: Manifest::default(),
        }
    }
}

/// The newest part of a scan's period, which is read twice.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LookBackState<K> {
    /// The part.
    pub period: Period,
    /// Its rows that were handed over.
    pub handed_over: Vec<K>,
}
