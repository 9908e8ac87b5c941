//! What a watch saw.

use std::fmt;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::{Deserialize, Serialize};

use super::PayStatus;
use crate::error::Shown;
use crate::wire::timestamp;
use crate::{KamipayId, TransactionHash};

/// What a [`Watch`](super::Watch) saw. `Display` writes one sentence for a log or a support request.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Evidence {
    /// The first step of the watch, in UTC.
    #[serde(with = "timestamp::option")]
    pub started: Option<DateTime<Utc>>,
    /// The last answer or failure, in UTC.
    #[serde(with = "timestamp::option")]
    pub asked: Option<DateTime<Utc>>,
    /// Number of questions.
    pub questions: u32,
    /// Number of questions without a usable answer.
    pub faults: u32,
    /// Whether any answer shows that the payment was sent. Then it cannot be canceled.
    pub was_sent: bool,
    /// Whether any answer shows that the payment was paid out, by a receipt of the bank or as
    /// *done*. Then it cannot fail.
    pub was_paid: bool,
    /// Whether an answer may have shown more than could be read. No later answer then gives
    /// permission.
    pub was_unclear: bool,
    /// Well-formed hashes of the transaction (`txid`, `original_txid`). Two contradict each other.
    pub transactions: Vec<TransactionHash>,
    /// Well-formed hashes of the refund. Two contradict each other.
    pub refunds: Vec<TransactionHash>,
    /// kamiPay's identifiers of the payment. Two contradict each other.
    pub kamipay_ids: Vec<KamipayId>,
    /// kamiPay's identifiers in answers about other payments. If a later answer has one of them, it
    /// was the same payment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) others: Vec<KamipayId>,
    /// The states in the order they were seen. Equal states in a row are one entry.
    pub seen: Vec<Sighting>,
    /// The last answer.
    #[serde(with = "as_text")]
    pub last: Option<PayStatus>,
    /// The error of the last failed question.
    pub last_fault: Option<String>,
}

/// A state that a [`Watch`](super::Watch) saw, once or several times in a row.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sighting {
    /// The state: see [`PayStatus::state`]. At most 200 characters of it.
    pub state: String,
    /// The first time it was seen, in UTC.
    #[serde(with = "timestamp")]
    pub first: DateTime<Utc>,
    /// The last time it was seen, in UTC.
    #[serde(with = "timestamp")]
    pub last: DateTime<Utc>,
    /// Number of times it was seen.
    pub times: u32,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { questions, faults, .. } = self;
        write!(f, "still unknown after {questions} questions")?;
        if let (Some(started), Some(asked)) = (self.started, self.asked) {
            write!(f, " in {} s", (asked - started).num_seconds())?;
        }
        match self.seen.last() {
            Some(last) => {
                let state = Shown(&last.state);
                let since = timestamp::Rfc3339(last.first.trunc_subsecs(3));
                write!(f, ": {state} since {since}, seen {} times", last.times)?;
            }
            None => f.write_str(": no answer at all")?,
        }
        if let Some(fault) = &self.last_fault {
            write!(f, "; {faults} without an answer, the last one: {}", Shown(fault))?;
        }
        if self.was_unclear {
            f.write_str("; an answer may have shown more than could be read")?;
        }
        Ok(())
    }
}

/// An answer as JSON in a string: no other format keeps its amounts exactly.
mod as_text {
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::PayStatus;

    pub(super) fn serialize<S: Serializer>(
        status: &Option<PayStatus>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let text = status.as_ref().map(serde_json::to_string).transpose();
        text.map_err(S::Error::custom)?.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<PayStatus>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let status = text.map(|text| serde_json::from_str(&text)).transpose();
        status.map_err(|_| D::Error::custom("the last answer cannot be read"))
    }
}
