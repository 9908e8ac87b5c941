//! Payments, and what the status call answers for them.

use http::StatusCode;

use crate::{
    json::{Object, text},
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

/// The state of a payment.
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

/// A payment with everything that an answer can show.
#[derive(Debug, Clone)]
pub(crate) struct Payment {
    pub(crate) identifiers: Identifiers,
    pub(crate) amount_usdt: String,
    pub(crate) amount_brl: String,
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
            .text("amount_usdt", &self.amount_usdt)
            .text("amount_brl", &self.amount_brl)
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

    /// Few fields, and `external_id` is a number where it is all digits.
    fn failed(&self, msg: &str, refund_txid: Option<Option<&str>>) -> Reply {
        let external_id = match &self.identifiers.external_id {
            Some(id) if id.bytes().all(|byte| byte.is_ascii_digit()) => id.clone(),
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
