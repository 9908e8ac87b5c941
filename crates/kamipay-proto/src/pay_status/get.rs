//! `GET /v2/status/tx_status`

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PayStatus;
use crate::{Api, BuildError, Endpoint, Mismatch, TransactionHash};

/// Asks for the state of one payment.
///
/// ```
/// use kamipay_proto::pay_status::{Chain, GetPayStatus, PaymentTarget};
/// use kamipay_proto::{Api, Endpoint};
///
/// let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
/// let call = GetPayStatus::new(PaymentTarget::external_id("order 7")?, Chain::Polygon);
/// assert_eq!(
///     call.request(&api)?.uri(),
///     "https://api.kamipay.io/v2/status/tx_status?target=external_id&type=pay&id=order%207\
///      &chain=polygon",
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GetPayStatus {
    /// Which payment.
    pub payment: PaymentTarget,
    /// The blockchain that it was paid on.
    pub chain: Chain,
}

impl GetPayStatus {
    /// Asks for the state of this payment.
    pub fn new(payment: PaymentTarget, chain: Chain) -> Self {
        Self { payment, chain }
    }
}

impl Endpoint for GetPayStatus {
    const CALL: &'static str = "GET /v2/status/tx_status";
    type Output = PayStatus;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        api.get(&["v2", "status", "tx_status"])
            .query("target", self.payment.target.as_str())
            .query("type", "pay")
            .query("id", &self.payment.id)
            .query("chain", self.chain.as_str())
            .finish()
    }

    fn verify(&self, status: &PayStatus) -> Result<(), Mismatch> {
        let PaymentTarget { target, id } = &self.payment;
        let same = match target {
            Target::TxId => same_hash,
            _ => |a: &str, b: &str| a == b,
        };
        let borne = borne(status, *target);
        match borne.first() {
            Some(first) if !borne.iter().any(|text| same(text, id)) => {
                Err(Mismatch::new(target.as_str(), id, first))
            }
            // Leave to pay again is for the payment that was asked for, and no other.
            None if status.permission_to_pay_again().is_some() => {
                Err(Mismatch::none(target.as_str(), id))
            }
            // Null until the payment has come so far, and then nothing to hold against.
            _ => Ok(()),
        }
    }
}

/// Hexadecimal in either case, with `0x` or without.
pub(super) fn same_hash(a: &str, b: &str) -> bool {
    fn digits(hash: &str) -> &str {
        hash.strip_prefix("0x").or_else(|| hash.strip_prefix("0X")).unwrap_or(hash)
    }
    digits(a).eq_ignore_ascii_case(digits(b))
}

/// Whether an answer bears the hash of any transaction.
pub(super) fn has_hash(status: &PayStatus) -> bool {
    !borne(status, Target::TxId).is_empty()
}

/// The identifiers of this kind that an answer bears.
fn borne(status: &PayStatus, target: Target) -> Vec<String> {
    let hash = |hash: &Option<TransactionHash>| hash.as_ref().map(ToString::to_string);
    let texts = match (status, target) {
        (PayStatus::NotFound { .. }, _) => Vec::new(),
        (PayStatus::_Unnamed(unnamed), _) => {
            let json: Value = serde_json::from_str(&unnamed.json).unwrap_or_default();
            let keys: &[&str] = match target {
                Target::TxId => &["txid", "original_txid", "refund_txid"],
                _ => &[target.as_str()],
            };
            let text = |value: &Value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) if !number.is_f64() => Some(number.to_string()),
                _ => None,
            };
            keys.iter().map(|key| text(&json["data"][key])).collect()
        }
        (PayStatus::Failed(failed), Target::KamipayId) => vec![Some(failed.kamipay_id.to_string())],
        (PayStatus::Failed(failed), Target::ExternalId) => {
            vec![failed.external_id.as_ref().map(ToString::to_string)]
        }
        (PayStatus::Failed(failed), Target::TxId) => {
            vec![hash(&failed.original_txid), hash(&failed.refund_txid)]
        }
        (PayStatus::Failed(_), Target::OperationId) => Vec::new(),
        (status, target) => {
            let payment = status.payment();
            vec![payment.and_then(|payment| match target {
                Target::KamipayId => Some(payment.kamipay_id.to_string()),
                Target::ExternalId => payment.external_id.as_ref().map(ToString::to_string),
                Target::TxId => hash(&payment.txid),
                Target::OperationId => payment.operation_id.as_ref().map(ToString::to_string),
            })]
        }
    };
    texts.into_iter().flatten().filter(|text| !text.is_empty()).collect()
}

/// Which payment is meant: an identifier, and of which kind it is.
///
/// Newer pages of the vendor say that payments are found by `kamipay_id` and `external_id` only,
/// older ones list all four kinds. So *not found* may also mean that the payment was asked for by
/// the wrong kind.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(try_from = "Unchecked")]
pub struct PaymentTarget {
    target: Target,
    id: String,
}

impl PaymentTarget {
    /// By your own identifier. The best choice: you know it before anything is sent.
    ///
    /// # Errors
    ///
    /// If it is empty, over 1024 bytes, or holds control characters.
    pub fn external_id(id: impl AsRef<str>) -> Result<Self, InvalidPaymentTarget> {
        Self::new(Target::ExternalId, id.as_ref())
    }

    /// By kamiPay's identifier (`txc_…`). As good, once you have it.
    ///
    /// # Errors
    ///
    /// If it is empty, over 1024 bytes, or holds control characters.
    pub fn kamipay_id(id: impl AsRef<str>) -> Result<Self, InvalidPaymentTarget> {
        Self::new(Target::KamipayId, id.as_ref())
    }

    /// By the hash of the transaction. There is none until the payment is on chain, and newer
    /// pages do not offer it: prefer the other two. A cancellation is not believed: its answer has
    /// no hash that could say whose it is.
    ///
    /// # Errors
    ///
    /// If it is empty, over 1024 bytes, or holds control characters.
    pub fn tx_id(id: impl AsRef<str>) -> Result<Self, InvalidPaymentTarget> {
        Self::new(Target::TxId, id.as_ref())
    }

    /// By the bank's number. Newer pages do not offer it: prefer `external_id` and `kamipay_id`.
    /// A cancellation and a refund are not believed: their answers do not have that number, so that
    /// nothing says whose they are.
    ///
    /// # Errors
    ///
    /// If it is empty, over 1024 bytes, or holds control characters.
    pub fn operation_id(id: impl AsRef<str>) -> Result<Self, InvalidPaymentTarget> {
        Self::new(Target::OperationId, id.as_ref())
    }

    /// By an identifier of any kind.
    ///
    /// # Errors
    ///
    /// If it is empty, over 1024 bytes, or holds control characters.
    pub fn new(target: Target, id: &str) -> Result<Self, InvalidPaymentTarget> {
        if !(1..=1024).contains(&id.len()) || id.chars().any(char::is_control) {
            return Err(InvalidPaymentTarget { target });
        }
        Ok(Self { target, id: id.to_owned() })
    }

    /// Of which kind the identifier is.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The identifier.
    pub fn id(&self) -> &str {
        &self.id
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    target: Target,
    id: String,
}

impl TryFrom<Unchecked> for PaymentTarget {
    type Error = InvalidPaymentTarget;

    fn try_from(unchecked: Unchecked) -> Result<Self, InvalidPaymentTarget> {
        Self::new(unchecked.target, &unchecked.id)
    }
}

impl fmt::Display for PaymentTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.target.as_str(), self.id)
    }
}

/// By which kind of identifier a payment is asked for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Target {
    /// Your own identifier.
    ExternalId,
    /// kamiPay's identifier.
    KamipayId,
    /// The hash of the transaction.
    TxId,
    /// The bank's number.
    OperationId,
}

impl Target {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExternalId => "external_id",
            Self::KamipayId => "kamipay_id",
            Self::TxId => "tx_id",
            Self::OperationId => "operation_id",
        }
    }
}

/// An identifier that no payment has. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this can not be the {} of a payment: it is 1 to 1024 bytes long, without line ends and other \
     control characters", target.as_str()
)]
#[non_exhaustive]
pub struct InvalidPaymentTarget {
    /// Which kind of identifier it was to be.
    pub target: Target,
}

/// The blockchain of a payment.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Chain {
    /// Polygon.
    Polygon,
    /// Tron.
    Tron,
}

impl Chain {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Polygon => "polygon",
            Self::Tron => "tron",
        }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Chain {
    type Err = InvalidChain;

    fn from_str(text: &str) -> Result<Self, InvalidChain> {
        match text {
            "polygon" => Ok(Self::Polygon),
            "tron" => Ok(Self::Tron),
            _ => Err(InvalidChain),
        }
    }
}

/// A word that is no blockchain which the API pays on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chain is polygon or tron")]
#[non_exhaustive]
pub struct InvalidChain;

#[cfg(test)]
mod tests {
    use super::*;

    const TXID: &str = "0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab";
    const REFUND: &str = "0x96a48088522ccaae8f60afa7d66290d0c2b3ebd3bb70630df79f105258d36547";
    const ORIGINAL: &str = "0xd17c0947a0ba00e932176b25f4dd0b42c6a51510e28355f433bb5f7391fc9833";

    /// An answer in this state with these identifiers.
    fn answer(state: &str) -> String {
        format!(
            r#"{{"status": "ok", "data": {{"status": "{state}", "operation_id": 1744115063604,
            "txid": "{TXID}", "kamipay_id": "txc_1", "external_id": "test235",
            "refund_txid": "{REFUND}", "original_txid": "{ORIGINAL}"}}}}"#
        )
    }

    fn ask(target: Target, id: &str, body: &str) -> Result<PayStatus, crate::Error> {
        let call = GetPayStatus::new(PaymentTarget::new(target, id).unwrap(), Chain::Polygon);
        call.parse(http::Response::new(body))
    }

    fn assert_other(target: Target, id: &str, body: &str) {
        let error = ask(target, id, body).expect_err(body);
        let crate::ErrorKind::Mismatch(mismatch) = error.kind() else { panic!("{error:?}") };
        assert_eq!((mismatch.field, &*mismatch.asked), (target.as_str(), id), "{body}");
    }

    #[test]
    fn an_answer_bears_the_identifier_that_was_asked_for() {
        // One state after the other, and one without a name here.
        for state in ["accepted", "processing", "done", "canceled", "refunding"] {
            let body = answer(state);
            for (target, id) in [
                (Target::ExternalId, "test235"),
                (Target::KamipayId, "txc_1"),
                (Target::OperationId, "1744115063604"),
                (Target::TxId, TXID),
            ] {
                assert_eq!(ask(target, id, &body).unwrap().state(), state);
                assert_other(target, "other", &body);
                assert_other(target, &id[1..], &body);
            }
            for (target, id) in [(Target::ExternalId, "TEST235"), (Target::KamipayId, "TXC_1")] {
                assert_other(target, id, &body);
            }
        }
    }

    #[test]
    fn a_failed_payment_answers_to_both_of_its_transactions() {
        let body = answer("failed");
        for (target, id) in [
            (Target::ExternalId, "test235"),
            (Target::KamipayId, "txc_1"),
            (Target::TxId, ORIGINAL),
            (Target::TxId, REFUND),
        ] {
            assert_eq!(ask(target, id, &body).unwrap().state(), "failed");
        }
        assert_other(Target::TxId, TXID, &body);
        assert_other(Target::ExternalId, "other", &body);
        assert_other(Target::KamipayId, "other", &body);
    }

    #[test]
    fn a_state_without_a_name_is_held_against_what_it_bears() {
        let body = answer("refunding");
        let number = body.replace("1744115063604", "17.0"); // no number of a bank
        assert!(ask(Target::OperationId, "17", &number).is_ok());
        assert_other(Target::OperationId, "17", &body);
    }

    #[test]
    fn a_chain_is_a_word() {
        for (chain, word) in [(Chain::Polygon, "polygon"), (Chain::Tron, "tron")] {
            assert_eq!((chain.as_str(), &*format!("{chain:>8}")), (word, &*format!("{word:>8}")));
            assert_eq!(word.parse(), Ok(chain));
        }
        assert_eq!("Polygon".parse::<Chain>(), Err(InvalidChain));
        let payment = PaymentTarget::tx_id(TXID).unwrap();
        assert_eq!(payment.to_string(), format!("tx_id {TXID}"));
    }

    #[test]
    fn a_hash_is_the_same_in_either_case_and_with_or_without_its_prefix() {
        for state in ["done", "refunding"] {
            for id in [
                TXID.to_owned(),
                TXID.to_uppercase(),
                TXID.replace("0x", ""),
                TXID.replace("0x", "").to_uppercase(),
                TXID.replace("0x", "0X"),
            ] {
                assert!(ask(Target::TxId, &id, &answer(state)).is_ok(), "{id}");
            }
        }
        assert!(same_hash("0x0a", "0X0A") && same_hash("0a", "0x0A"));
        assert!(!same_hash("0x0a", "0xa") && !same_hash("0x0x0a", "0x0a"));
    }

    #[test]
    fn an_answer_without_the_identifier_is_not_held_against_it() {
        for (target, from) in [
            (Target::ExternalId, r#""external_id": "test235""#),
            (Target::OperationId, r#""operation_id": 1744115063604"#),
            (Target::TxId, &format!(r#""txid": "{TXID}""#)),
        ] {
            for to in ["\"x\": 1".to_owned(), from.split(' ').next().unwrap().to_owned() + "null"] {
                let body = answer("accepted").replace(from, &to);
                assert_ne!(body, answer("accepted"));
                assert!(ask(target, "anything", &body).is_ok(), "{body}");
            }
        }
        for target in [Target::ExternalId, Target::KamipayId, Target::TxId, Target::OperationId] {
            let body = r#"{"status": "failed", "msg": "TX not found"}"#;
            assert!(ask(target, "anything", body).is_ok());
        }
    }

    #[test]
    fn what_would_permit_to_pay_again_bears_the_identifier_that_was_asked_for() {
        let canceled = answer("canceled").replace(TXID, "");
        let failed = answer("failed");
        for body in [&canceled, &failed] {
            assert!(ask(Target::KamipayId, "txc_1", body).unwrap().is_over());
            let nobody_s = body.replace("\"test235\"", "null");
            assert_other(Target::ExternalId, "test235", &nobody_s);
        }
        // Whoever has the hash of a transaction has sent one, which no cancellation undoes.
        assert_other(Target::TxId, TXID, &canceled);
        assert_other(Target::OperationId, "1744115063604", &failed);
        let error = ask(Target::OperationId, "17", &failed).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the answer does not say whose it is: asked for operation_id 17"
        );
        // Where it permits nothing, there is nothing to lose.
        let pending = failed.replace(&format!("\"{REFUND}\""), "null");
        assert!(ask(Target::OperationId, "17", &pending).is_ok());
    }

    #[test]
    fn an_identifier_is_1_to_1024_bytes_without_control_characters() {
        for id in
            ["a", " ", "é😀", "../x", "a&b=c#d?e%2e", "0x36**************b2d3", &"x".repeat(1024)]
        {
            let payment = PaymentTarget::external_id(id).unwrap();
            assert_eq!((payment.id(), payment.target()), (id, Target::ExternalId));
        }
        for id in
            ["", "a\r\nb", "\0", "a\tb", "\u{7f}", "\u{85}", &"x".repeat(1025), &"é".repeat(513)]
        {
            let error = PaymentTarget::tx_id(id).unwrap_err();
            assert_eq!(error, InvalidPaymentTarget { target: Target::TxId });
            assert!(error.to_string().starts_with("this can not be the tx_id of a payment: "));
        }
    }
}
