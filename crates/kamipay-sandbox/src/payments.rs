//! Payments, and what the status call answers for them.

use std::{fmt, str::FromStr};

use http::StatusCode;
use rust_decimal::Decimal;

use crate::{
    generated::identifier,
    json::{Object, text},
    mix::{mix, roll},
    names::UnknownScenario,
    reply::Reply,
};

/// The identifier that a payment is asked for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    External,
    Kamipay,
    Tx,
    Operation,
}

impl Target {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "external_id" => Some(Self::External),
            "kamipay_id" => Some(Self::Kamipay),
            "tx_id" => Some(Self::Tx),
            "operation_id" => Some(Self::Operation),
            _ => None,
        }
    }
}

/// The identifiers of one payment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identifiers {
    pub(crate) kamipay_id: String,
    pub(crate) external_id: Option<String>,
    pub(crate) tx_id: Option<String>,
    pub(crate) operation_id: Option<String>,
}

impl Identifiers {
    /// Whether two payments cannot both exist.
    pub(crate) fn are_like(&self, other: &Self) -> bool {
        self.kamipay_id == other.kamipay_id
            || self.external_id.is_some() && self.external_id == other.external_id
    }

    /// Whether this is the payment with the identifier. Hashes match in any case.
    pub(crate) fn has(&self, target: Target, id: &str) -> bool {
        match target {
            Target::Kamipay => self.kamipay_id == id,
            Target::External => self.external_id.as_deref() == Some(id),
            Target::Operation => self.operation_id.as_deref() == Some(id),
            Target::Tx => self.tx_id.as_ref().is_some_and(|tx_id| tx_id.eq_ignore_ascii_case(id)),
        }
    }
}

/// The state of a payment. Its name is the variant's in snake case, such as `not_found`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PaymentState {
    /// The API does not know the payment.
    NotFound,
    /// Known, not sent yet. HTTP 201.
    Accepted,
    /// Sent.
    Processing,
    /// Done.
    Done,
    /// Failed and returned, with the transaction of the refund.
    FailedAndRefunded,
    /// Failed, not returned yet: the transaction of the refund is `null`.
    FailedRefundPending,
    /// Failed. The answer does not mention a refund.
    FailedRefundAbsent,
    /// Never sent.
    Canceled,
    /// A state that no page documents, with fields that no page documents.
    Undocumented,
}

impl PaymentState {
    /// All states.
    pub const ALL: &'static [Self] = &[
        Self::NotFound,
        Self::Accepted,
        Self::Processing,
        Self::Done,
        Self::FailedAndRefunded,
        Self::FailedRefundPending,
        Self::FailedRefundAbsent,
        Self::Canceled,
        Self::Undocumented,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Accepted => "accepted",
            Self::Processing => "processing",
            Self::Done => "done",
            Self::FailedAndRefunded => "failed_and_refunded",
            Self::FailedRefundPending => "failed_refund_pending",
            Self::FailedRefundAbsent => "failed_refund_absent",
            Self::Canceled => "canceled",
            Self::Undocumented => "undocumented",
        }
    }
}

impl fmt::Display for PaymentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for PaymentState {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().map(|state| state.name());
        let state = Self::ALL.iter().copied().find(|state| state.name() == name);
        state.ok_or_else(|| UnknownScenario::new("state", name, known))
    }
}

/// A payment of your own, with the states that it goes through.
///
/// Each question for it, by any of its identifiers, advances its state. The last state stays.
/// Everything but the `external_id` has a valid default, made from the `external_id`.
///
/// ```
/// use kamipay_sandbox::{Payment, PaymentState::*, Sandbox};
///
/// let payment = Payment::new("order-7", [NotFound, Processing, Done]);
/// let sandbox = Sandbox::empty().with_payment(payment);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    pub(crate) identifiers: Identifiers,
    pub(crate) states: Vec<PaymentState>,
    pub(crate) amount_usdt: Decimal,
    pub(crate) amount_brl: Decimal,
    pub(crate) name: String,
    pub(crate) pix_key: String,
    pub(crate) address_in: String,
    pub(crate) bank_txid: String,
    pub(crate) refund_txid: String,
    /// The undocumented state, and name and JSON of an undocumented field.
    pub(crate) undocumented: (&'static str, &'static str, &'static str),
    /// Whether documented states have undocumented fields too.
    pub(crate) has_extra: bool,
}

impl Payment {
    /// A payment of 25.90674 USDT (139.90 BRL). The first question gets the first state. Without a
    /// state it is never found.
    pub fn new(
        external_id: impl Into<String>,
        states: impl IntoIterator<Item = PaymentState>,
    ) -> Self {
        const SENT_AT: i64 = 1_778_772_000_000;

        let external_id = external_id.into();
        let seed = external_id.bytes().fold(0, |seed, byte| mix(seed ^ u64::from(byte)));
        let hash = |kind| identifier::hash(roll(seed, kind, 0), seed);
        Self {
            identifiers: Identifiers {
                kamipay_id: identifier::ulid("txc", SENT_AT, seed, mix(seed) as u16),
                external_id: Some(external_id),
                tx_id: Some(hash(1)),
                operation_id: Some((SENT_AT.unsigned_abs() + seed % 600_000).to_string()),
            },
            states: states.into_iter().collect(),
            amount_usdt: Decimal::new(2_590_674, 5),
            amount_brl: Decimal::new(13_990, 2),
            name: "João Conceição".to_owned(),
            pix_key: "joao.conceicao@example.com".to_owned(),
            address_in: "0x1c0acf85329f8985a46656dfa159488fedce1ab4".to_owned(),
            bank_txid: identifier::bank_txid("202605141521", seed),
            refund_txid: hash(2),
            undocumented: (
                "under_review",
                "review",
                r#"{"reasons":["document"],"level":2,"history":[[],{"by":null}]}"#,
            ),
            has_extra: false,
        }
    }

    /// Replaces its `kamipay_id`, such as `txc_01jranqegkf509bq5svh03ztt8`.
    #[must_use]
    pub fn with_kamipay_id(mut self, kamipay_id: impl Into<String>) -> Self {
        self.identifiers.kamipay_id = kamipay_id.into();
        self
    }

    /// Replaces the hash of its transaction: `0x` and 64 hexadecimal digits.
    #[must_use]
    pub fn with_tx_id(mut self, tx_id: impl Into<String>) -> Self {
        self.identifiers.tx_id = Some(tx_id.into());
        self
    }

    /// Replaces the bank's number of it.
    #[must_use]
    pub fn with_operation_id(mut self, operation_id: impl Into<String>) -> Self {
        self.identifiers.operation_id = Some(operation_id.into());
        self
    }

    /// Replaces its amounts, in USDT and in BRL.
    #[must_use]
    pub fn with_amounts(mut self, usdt: Decimal, brl: Decimal) -> Self {
        (self.amount_usdt, self.amount_brl) = (usdt, brl);
        self
    }

    /// Its `kamipay_id`.
    pub fn kamipay_id(&self) -> &str {
        &self.identifiers.kamipay_id
    }

    /// The hash of its transaction.
    pub fn tx_id(&self) -> Option<&str> {
        self.identifiers.tx_id.as_deref()
    }

    /// The bank's number of it.
    pub fn operation_id(&self) -> Option<&str> {
        self.identifiers.operation_id.as_deref()
    }

    /// With an answer for each of its states.
    pub(crate) fn planned(self) -> PlannedPayment {
        let answers = self.states.iter().map(|state| self.answer(*state)).collect();
        PlannedPayment::new(self.identifiers, answers)
    }

    pub(crate) fn answer(&self, state: PaymentState) -> Reply {
        let refund = Some(self.refund_txid.as_str());
        match state {
            PaymentState::NotFound => not_known(),
            PaymentState::Accepted => self.unsent("transaction in progress", "accepted"),
            PaymentState::Canceled => self.unsent("transaction canceled", "canceled"),
            PaymentState::Processing => self.sent("processing"),
            PaymentState::Done => self.sent("done"),
            PaymentState::Undocumented => self.sent(self.undocumented.0),
            PaymentState::FailedAndRefunded => self.failed("Tx Failed, returned", Some(refund)),
            PaymentState::FailedRefundPending => self.failed("Tx Failed", Some(None)),
            PaymentState::FailedRefundAbsent => self.failed("Tx Failed", None),
        }
    }

    /// Not on the blockchain.
    fn unsent(&self, msg: &str, status: &str) -> Reply {
        let data = Object::new()
            .text("status", status)
            .raw("txid", "null")
            .raw("amount_usdt", "null")
            .text("kamipay_id", &self.identifiers.kamipay_id)
            .maybe_text("external_id", self.identifiers.external_id.as_deref());
        known(msg, status, data)
    }

    /// On the blockchain.
    fn sent(&self, status: &str) -> Reply {
        let bank_txid = (status == "done").then_some(self.bank_txid.as_str());
        let Identifiers { kamipay_id, external_id, tx_id, operation_id } = &self.identifiers;
        let data = Object::new()
            .text("status", status)
            .maybe_text("operation_id", operation_id.as_deref())
            .text("address_in", &self.address_in)
            .maybe_text("txid", tx_id.as_deref())
            .text("amount_usdt", &self.amount_usdt.to_string())
            .text("amount_brl", &self.amount_brl.to_string())
            .maybe_text("bank_txid", bank_txid)
            .text("name", &self.name)
            .text("kamipay_id", kamipay_id)
            .maybe_text("external_id", external_id.as_deref())
            .text("pix_key", &self.pix_key);
        let (undocumented, field, json) = self.undocumented;
        let data = if self.has_extra || status == undocumented {
            data.raw(field, json).text("service_type", "prepaid")
        } else {
            data
        };
        known("Request ok", status, data)
    }

    /// Few fields, and `external_id` is a number where it is one.
    fn failed(&self, msg: &str, refund_txid: Option<Option<&str>>) -> Reply {
        let external_id = match &self.identifiers.external_id {
            // Not `007`: that is not JSON.
            Some(id) if id.parse::<u64>().is_ok_and(|number| number.to_string() == *id) => {
                id.clone()
            }
            Some(id) => text(id),
            None => "null".to_owned(),
        };
        let data = Object::new().text("status", "failed");
        let data = match refund_txid {
            Some(refund_txid) => data.maybe_text("refund_txid", refund_txid),
            None => data,
        };
        let data = data
            .maybe_text("original_txid", self.identifiers.tx_id.as_deref())
            .raw("external_id", external_id)
            .text("kamipay_id", &self.identifiers.kamipay_id);
        known(msg, "failed", data)
    }
}

/// The answer for a payment that is not known: HTTP 200 nevertheless.
pub(crate) fn not_known() -> Reply {
    Reply::ok(r#"{"status":"failed","msg":"TX not found"}"#)
}

fn known(msg: &str, status: &str, data: Object) -> Reply {
    let code = if status == "accepted" { StatusCode::CREATED } else { StatusCode::OK };
    let body = Object::new().text("status", "ok").text("msg", msg).raw("data", data.end());
    Reply::new(code, body.end())
}

/// A payment with a plan: the first question gets the first answer, and so on. The last answer
/// stays.
#[derive(Debug, Clone)]
pub(crate) struct PlannedPayment {
    identifiers: Identifiers,
    answers: Vec<Reply>,
    asked: usize,
}

impl PlannedPayment {
    pub(crate) fn new(identifiers: Identifiers, answers: Vec<Reply>) -> Self {
        Self { identifiers, answers, asked: 0 }
    }

    pub(crate) fn identifiers(&self) -> &Identifiers {
        &self.identifiers
    }

    pub(crate) fn answer(&mut self) -> Reply {
        let answer = self.answers.get(self.asked).or_else(|| self.answers.last());
        let answer = answer.cloned().unwrap_or_else(not_known);
        self.asked = self.asked.saturating_add(1);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_order_and_the_last_stays() {
        let answers = ["1", "2"].map(Reply::ok).to_vec();
        let mut payment = PlannedPayment::new(Identifiers::default(), answers);
        let bodies: Vec<_> = (0..4).map(|_| payment.answer().body).collect();
        assert_eq!(bodies, ["1", "2", "2", "2"]);
    }

    #[test]
    fn an_external_id_of_any_text_is_json_in_every_state() {
        use PaymentState::*;
        for id in ["0", "7", "007", "", "order-7", "-7", "\u{661}", "a \"b\"\n", "123456789"] {
            for state in [Accepted, Processing, Done, FailedAndRefunded, Canceled, Undocumented] {
                let body = Payment::new(id, []).answer(state).body;
                let body: serde_json::Value = serde_json::from_str(&body).expect(&body);
                let external_id = &body["data"]["external_id"];
                let spelled = external_id.as_str().map(str::to_owned);
                assert_eq!(spelled.unwrap_or_else(|| external_id.to_string()), id);
            }
        }
    }

    #[test]
    fn only_hashes_match_in_any_case() {
        let identifiers = Identifiers {
            kamipay_id: "txc_a".to_owned(),
            tx_id: Some("0xab".to_owned()),
            ..Identifiers::default()
        };
        assert!(identifiers.has(Target::Tx, "0xAB"));
        assert!(!identifiers.has(Target::Kamipay, "TXC_A"));
        assert!(!identifiers.has(Target::External, ""));
    }
}
