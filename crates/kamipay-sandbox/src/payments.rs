//! Payments whose state advances by question: the documented ones and those of scenarios.

use http::StatusCode;

use crate::reply::Reply;

/// By which identifier a payment is asked for.
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
    /// Whether this is the payment with the identifier; hashes without regard to case.
    pub(crate) fn has(&self, target: Target, id: &str) -> bool {
        match target {
            Target::Kamipay => self.kamipay_id == id,
            Target::External => self.external_id.as_deref() == Some(id),
            Target::Operation => self.operation_id.as_deref() == Some(id),
            Target::Tx => self.tx_id.as_ref().is_some_and(|tx_id| tx_id.eq_ignore_ascii_case(id)),
        }
    }
}

/// A payment with its answers: the first question gets the first answer, and so on. The last
/// answer stays.
#[derive(Debug, Clone)]
pub(crate) struct ScriptedPayment {
    identifiers: Identifiers,
    answers: Vec<Reply>,
    asked: usize,
}

impl ScriptedPayment {
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

/// What is answered for a payment that is not known (yet): HTTP 200 all the same.
pub(crate) fn not_known() -> Reply {
    Reply::ok(r#"{"status":"failed","msg":"TX not found"}"#)
}

/// The answer for a payment that is known, around its `data`. `accepted` comes with HTTP 201.
pub(crate) fn known(msg: &str, status: &str, data: &str) -> Reply {
    let code = if status == "accepted" { StatusCode::CREATED } else { StatusCode::OK };
    let body = crate::json::Object::new().text("status", "ok").text("msg", msg).raw("data", data);
    Reply::new(code, body.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_order_and_the_last_stays() {
        let answers = ["1", "2"].map(Reply::ok).to_vec();
        let mut payment = ScriptedPayment::new(Identifiers::default(), answers);
        let bodies: Vec<_> = (0..4).map(|_| payment.answer().body).collect();
        assert_eq!(bodies, ["1", "2", "2", "2"]);
    }

    #[test]
    fn only_hashes_are_found_in_any_case() {
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
