//! `GET /v2/status/tx_status`: the state of one payment.

use std::fmt;
use std::str::FromStr;

use http::StatusCode;
use http::response::Parts;
use serde::{Deserialize, Serialize};

use super::PayStatus;
use super::permission::Traces;
use super::unclear;
use crate::identifiers::{hash_digits, same_hash};
use crate::{
    Api, BuildError, Endpoint, ExternalId, Mismatch, OperationId, ResponseError, ResponseErrorKind,
    Secrets, response,
};

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
    /// The payment to look up.
    pub payment: PaymentTarget,
    /// The blockchain of the payment.
    pub chain: Chain,
}

impl GetPayStatus {
    /// Asks for the state of `payment` on `chain`.
    pub fn new(payment: PaymentTarget, chain: Chain) -> Self {
        Self { payment, chain }
    }

    /// Checks that the payment can be looked up on the chain.
    ///
    /// [`Endpoint::request`] checks the same. Call this to find the error before a login.
    ///
    /// # Errors
    ///
    /// [`BuildError::Hash`]: the identifier is a hash without `0x`, and the chain is not Tron.
    pub fn check(&self) -> Result<(), BuildError> {
        let PaymentTarget { target, id } = &self.payment;
        match (target, self.chain) {
            (TargetKind::TxId, Chain::Polygon) if !id.starts_with("0x") => Err(BuildError::Hash),
            _ => Ok(()),
        }
    }
}

impl Endpoint for GetPayStatus {
    const CALL: &'static str = "GET /v2/status/tx_status";
    type Output = PayStatus;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        self.check()?;
        api.get(&["v2", "status", "tx_status"])
            .query("target", self.payment.target.as_str())
            .query("type", "pay")
            .query("id", &self.payment.id)
            .query("chain", self.chain.as_str())
            .finish()
    }

    /// An answer with another identifier is another request's response. A final state, and one that
    /// gives permission, must contain the identifier that was asked for, if the vendor's pages list
    /// it for that state. In other states it may still be null.
    fn verify(&self, status: &PayStatus) -> Result<(), Mismatch> {
        let PaymentTarget { target, id } = &self.payment;
        let is_same = match target {
            TargetKind::TxId => same_hash,
            _ => |a: &str, b: &str| a == b,
        };
        let identifiers = identifiers(status, *target);
        match identifiers.first() {
            Some(_) if identifiers.iter().any(|it| is_same(it, id)) => Ok(()),
            Some(first) => Err(Mismatch::new(target.as_str(), id, first)),
            None if must_contain(status, *target) => Err(Mismatch::none(target.as_str(), id)),
            None => Ok(()),
        }
    }

    /// Reads the body of any 2xx, but accepts permission to pay again only with a documented
    /// status: 200 or 201.
    fn decode(&self, head: &Parts, body: &[u8]) -> Result<PayStatus, ResponseErrorKind> {
        let status = PayStatus::from_json(response::text(response::whole(head, body)?)?)?;
        self.verify(&status)?;
        let is_documented = matches!(head.status, StatusCode::OK | StatusCode::CREATED);
        if !is_documented && status.permission_to_pay_again().is_some() {
            return Err(ResponseErrorKind::UnexpectedStatus);
        }
        Ok(status)
    }

    fn hide(&self, status: &mut PayStatus, secrets: &Secrets) {
        if let Some(hider) = secrets.hider() {
            status.hide(&hider);
        }
    }
}

impl GetPayStatus {
    /// Whether an unusable answer may show that funds of this payment moved.
    pub(super) fn may_be_about_funds(&self, answer: &ResponseError) -> bool {
        let body = answer.body();
        match answer.kind() {
            // Another payment's, if it names that in a text, and ours is nowhere in it.
            ResponseErrorKind::Mismatch(Mismatch { came: Some(came), .. }) => {
                let named = format!("\"{came}\"");
                !contains(body, &named) || contains(body, self.payment.digits_or_id())
            }
            _ if answer.status().is_success() => {
                !body.trim_ascii().is_empty() && !unclear::is_page(body)
            }
            _ => unclear::may_show_funds(body),
        }
    }
}

/// Whether a text occurs in a body. Ignores ASCII case.
fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|it| it.eq_ignore_ascii_case(text.as_bytes()))
}

/// The identifiers of the kind `target` in an answer.
fn identifiers(status: &PayStatus, target: TargetKind) -> Vec<&str> {
    let found = if target == TargetKind::TxId {
        let Traces { txid, original_txid, refund_txid, .. } = status.traces();
        match status {
            PayStatus::Done(_) => [txid, None, None], // a payment that is done has no others
            _ => [txid, original_txid, refund_txid],
        }
    } else {
        [identifier(status, target), None, None]
    };
    found.into_iter().flatten().filter(|text| !text.trim().is_empty()).collect()
}

fn identifier(status: &PayStatus, target: TargetKind) -> Option<&str> {
    let (kamipay_id, external_id, operation_id) = match status {
        PayStatus::NotFound { .. } => return None,
        PayStatus::Failed(it) => (Some(it.kamipay_id.as_str()), it.external_id.as_ref(), None),
        PayStatus::_Unnamed(it) => {
            let it = &it.known;
            return match target {
                TargetKind::KamipayId => it.kamipay_id.as_deref(),
                TargetKind::ExternalId => it.external_id.as_deref(),
                TargetKind::OperationId => it.operation_id.as_deref(),
                TargetKind::TxId => None,
            };
        }
        PayStatus::Accepted(it)
        | PayStatus::Processing(it)
        | PayStatus::Done(it)
        | PayStatus::Canceled(it) => {
            (Some(it.kamipay_id.as_str()), it.external_id.as_ref(), it.operation_id.as_ref())
        }
    };
    match target {
        TargetKind::KamipayId => kamipay_id,
        TargetKind::ExternalId => external_id.map(ExternalId::as_str),
        TargetKind::OperationId => operation_id.map(OperationId::as_str),
        TargetKind::TxId => None,
    }
}

/// Whether an answer in this state must contain the identifier of the kind `target`.
fn must_contain(status: &PayStatus, target: TargetKind) -> bool {
    match status {
        PayStatus::Done(_) => true,
        _ if status.permission_to_pay_again().is_some() => true,
        PayStatus::Failed(_) => target != TargetKind::OperationId,
        PayStatus::Canceled(_) => matches!(target, TargetKind::KamipayId | TargetKind::ExternalId),
        _ => false,
    }
}

/// A payment's identifier and its kind.
///
/// The vendor's newer pages list `kamipay_id` and `external_id` only; older pages list all four
/// kinds. So *not found* may also mean that the API does not search by this kind.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(try_from = "Unchecked")]
pub struct PaymentTarget {
    target: TargetKind,
    id: String,
}

impl PaymentTarget {
    /// Your own identifier. Prefer this kind: you know it before the payment is sent.
    ///
    /// # Errors
    ///
    /// If `id` is empty, longer than 1024 bytes, or contains control characters.
    pub fn external_id(id: impl AsRef<str>) -> Result<Self, InvalidPaymentTarget> {
        Self::new(TargetKind::ExternalId, id.as_ref())
    }

    /// kamiPay's identifier (`txc_…`).
    ///
    /// # Errors
    ///
    /// If `id` is empty, longer than 1024 bytes, or contains control characters.
    pub fn kamipay_id(id: impl AsRef<str>) -> Result<Self, InvalidPaymentTarget> {
        Self::new(TargetKind::KamipayId, id.as_ref())
    }

    /// The hash of the transaction: `0x` (or `0X`, which is sent as `0x`) and 64 hexadecimal
    /// digits.
    ///
    /// On Tron the `0x` is optional. On Polygon [`GetPayStatus`] refuses a hash without it.
    ///
    /// A payment has no hash until it is on chain, and the vendor's newer pages do not list this
    /// kind: prefer `external_id` or `kamipay_id`. A cancellation found by `tx_id` gives no
    /// permission to pay again: it contains no hash to match.
    ///
    /// # Errors
    ///
    /// If `id` has another form, such as the masked `0x36**************b2d3` of the vendor's page.
    pub fn tx_id(id: impl AsRef<str>) -> Result<Self, InvalidPaymentTarget> {
        Self::new(TargetKind::TxId, id.as_ref())
    }

    /// The bank's number.
    ///
    /// The vendor's newer pages do not list this kind: prefer `external_id` or `kamipay_id`. By the
    /// pages, the answers for a cancellation and a refund do not contain the number. Without it
    /// they give no permission to pay again.
    ///
    /// # Errors
    ///
    /// If `id` is empty, longer than 1024 bytes, or contains control characters.
    pub fn operation_id(id: impl AsRef<str>) -> Result<Self, InvalidPaymentTarget> {
        Self::new(TargetKind::OperationId, id.as_ref())
    }

    /// An identifier of the kind `target`.
    ///
    /// # Errors
    ///
    /// If `id` is empty, longer than 1024 bytes, or contains control characters. For a hash, if it
    /// does not have the form that [`tx_id`](Self::tx_id) describes.
    pub fn new(target: TargetKind, id: &str) -> Result<Self, InvalidPaymentTarget> {
        let is_valid = match target {
            TargetKind::TxId => hash_digits(id).is_some(),
            _ => (1..=1024).contains(&id.len()) && !id.chars().any(char::is_control),
        };
        if !is_valid {
            return Err(InvalidPaymentTarget { target });
        }
        let id = match (target, id.strip_prefix("0X")) {
            (TargetKind::TxId, Some(digits)) => format!("0x{digits}"),
            _ => id.to_owned(),
        };
        Ok(Self { target, id })
    }

    /// The identifier as it occurs in an answer. A hash without its `0x`, which may be missing
    /// there.
    fn digits_or_id(&self) -> &str {
        let digits = hash_digits(&self.id).filter(|_| self.target == TargetKind::TxId);
        digits.unwrap_or(&self.id)
    }

    /// The identifier.
    pub fn id(&self) -> &str {
        &self.id
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    target: TargetKind,
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

/// The kind of identifier that a payment is looked up by.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TargetKind {
    /// Your own identifier.
    ExternalId,
    /// kamiPay's identifier.
    KamipayId,
    /// The hash of the transaction.
    TxId,
    /// The bank's number.
    OperationId,
}

impl TargetKind {
    /// The API's word for it, such as `external_id`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExternalId => "external_id",
            Self::KamipayId => "kamipay_id",
            Self::TxId => "tx_id",
            Self::OperationId => "operation_id",
        }
    }
}

/// An identifier of a form that no payment has. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this cannot be the {} of a payment: {}", target.as_str(), match target {
    TargetKind::TxId => "a transaction hash is 0x and 64 hexadecimal digits, on Tron also without 0x",
    _ => "it is 1 to 1024 bytes long, without line ends and other control characters",
})]
#[non_exhaustive]
pub struct InvalidPaymentTarget {
    /// The kind of identifier.
    pub target: TargetKind,
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
    /// The API's word for it: `polygon` or `tron`.
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

/// A word that does not name a [`Chain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chain is polygon or tron")]
#[non_exhaustive]
pub struct InvalidChain;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const TXID: &str = "0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab";
    const REFUND: &str = "0x96a48088522ccaae8f60afa7d66290d0c2b3ebd3bb70630df79f105258d36547";
    const OTHER: &str = "0x812f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf";
    const ORIGINAL: &str = "0xd17c0947a0ba00e932176b25f4dd0b42c6a51510e28355f433bb5f7391fc9833";

    /// An answer in `state`, with all identifiers.
    fn answer(state: &str) -> String {
        format!(
            r#"{{"status": "ok", "data": {{"status": "{state}", "operation_id": 1744115063604,
            "txid": "{TXID}", "kamipay_id": "txc_1", "external_id": "test235",
            "refund_txid": "{REFUND}", "original_txid": "{ORIGINAL}"}}}}"#
        )
    }

    fn ask(target: TargetKind, id: &str, body: &str) -> Result<PayStatus, ResponseError> {
        let call = GetPayStatus::new(PaymentTarget::new(target, id).unwrap(), Chain::Polygon);
        call.parse(http::Response::new(body))
    }

    fn assert_other(target: TargetKind, id: &str, body: &str) {
        let error = ask(target, id, body).expect_err(body);
        let ResponseErrorKind::Mismatch(mismatch) = error.kind() else { panic!("{error:?}") };
        assert_eq!((mismatch.field, &*mismatch.asked), (target.as_str(), id), "{body}");
    }

    #[test]
    fn an_answer_contains_the_identifier_that_was_asked_for() {
        // The last one is an unknown state.
        for state in ["accepted", "processing", "done", "canceled", "refunding"] {
            let body = answer(state);
            for (target, id, other) in [
                (TargetKind::ExternalId, "test235", "test23"),
                (TargetKind::ExternalId, "test235", "TEST235"),
                (TargetKind::KamipayId, "txc_1", "TXC_1"),
                (TargetKind::OperationId, "1744115063604", "01744115063604"),
                (TargetKind::TxId, TXID, OTHER),
            ] {
                assert_eq!(ask(target, id, &body).unwrap().state(), state);
                assert_other(target, other, &body);
            }
        }
        // Of a payment that is done only `txid` counts.
        for hash in [ORIGINAL, REFUND] {
            assert_other(TargetKind::TxId, hash, &answer("done"));
            assert!(ask(TargetKind::TxId, hash, &answer("refunding")).is_ok());
        }
    }

    #[test]
    fn a_failed_payment_matches_each_of_its_transactions() {
        let body = answer("failed");
        for (target, id) in [
            (TargetKind::ExternalId, "test235"),
            (TargetKind::KamipayId, "txc_1"),
            (TargetKind::TxId, TXID),
            (TargetKind::TxId, ORIGINAL),
            (TargetKind::TxId, REFUND),
        ] {
            assert_eq!(ask(target, id, &body).unwrap().state(), "failed");
        }
        assert_other(TargetKind::TxId, OTHER, &body);
        assert_other(TargetKind::ExternalId, "other", &body);
        assert_other(TargetKind::KamipayId, "other", &body);
    }

    /// A known state requires text or a whole number.
    #[test]
    fn the_identifiers_of_an_unknown_state_are_compared_as_they_came() {
        let body = answer("refunding");
        assert_other(TargetKind::OperationId, "17", &body);
        assert_other(TargetKind::OperationId, "17", &body.replace("1744115063604", "17.0"));
        assert!(ask(TargetKind::OperationId, "17", &body.replace("1744115063604", "17")).is_ok());
        assert!(ask(TargetKind::OperationId, "17", &body.replace("1744115063604", "null")).is_ok());
    }

    #[test]
    fn a_chain_is_written_as_the_api_s_word() {
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
                assert!(ask(TargetKind::TxId, &id, &answer(state)).is_ok(), "{id}");
            }
        }
    }

    /// The answer without the identifier, in every way to leave it out.
    fn without(body: &str, target: TargetKind) -> Vec<String> {
        let names: &[&str] = match target {
            TargetKind::TxId => &["txid", "original_txid", "refund_txid"],
            _ => &[target.as_str()],
        };
        let spellings = match target {
            TargetKind::KamipayId => &["", " "][..], // an answer without the field is an error
            _ => &["", " ", "null", "absent"],
        };
        let body: Value = serde_json::from_str(body).unwrap();
        let bodies = spellings.iter().map(|spelling| {
            let mut body = body.clone();
            let data = body["data"].as_object_mut().unwrap();
            for name in names {
                match *spelling {
                    "absent" => drop(data.remove(*name).unwrap()),
                    "null" => data[*name] = Value::Null,
                    text => data[*name] = text.into(),
                }
            }
            body.to_string()
        });
        bodies.collect()
    }

    #[test]
    fn a_state_that_is_not_final_may_lack_the_identifier() {
        for state in ["accepted", "processing", "refunding"] {
            for (target, id) in [
                (TargetKind::ExternalId, "anything"),
                (TargetKind::KamipayId, "anything"),
                (TargetKind::OperationId, "anything"),
                (TargetKind::TxId, OTHER),
            ] {
                for body in without(&answer(state), target) {
                    assert!(ask(target, id, &body).is_ok(), "{body}");
                }
            }
        }
        for target in [
            TargetKind::ExternalId,
            TargetKind::KamipayId,
            TargetKind::TxId,
            TargetKind::OperationId,
        ] {
            let body = r#"{"status": "failed", "msg": "TX not found"}"#;
            assert!(ask(target, OTHER, body).is_ok());
        }
    }

    #[test]
    fn a_final_state_contains_the_identifier_that_was_asked_for() {
        let targets = [
            (TargetKind::ExternalId, "test235"),
            (TargetKind::KamipayId, "txc_1"),
            (TargetKind::OperationId, "1744115063604"),
            (TargetKind::TxId, TXID),
        ];
        for (target, id) in targets {
            for body in without(&answer("done"), target) {
                assert_other(target, id, &body);
            }
            // With a receipt neither state gives permission.
            for state in ["canceled", "failed"] {
                let answer = answer(state).replace("\"txid\"", "\"bank_txid\": \"E1\", \"txid\"");
                for body in without(&answer, target) {
                    // The vendor's pages do not list it for that state.
                    match (state, target) {
                        ("canceled", TargetKind::TxId) | (_, TargetKind::OperationId) => {
                            assert!(ask(target, id, &body).is_ok(), "{body}");
                        }
                        _ => assert_other(target, id, &body),
                    }
                }
            }
        }
    }

    #[test]
    fn what_gives_permission_contains_the_identifier_that_was_asked_for() {
        let unsent = answer("canceled").replace(TXID, "");
        let canceled = unsent.replace(REFUND, "").replace(ORIGINAL, "");
        let failed = answer("failed").replace(TXID, "");
        for body in [&canceled, &failed] {
            for (target, id) in
                [(TargetKind::KamipayId, "txc_1"), (TargetKind::ExternalId, "test235")]
            {
                let status = ask(target, id, body).unwrap();
                assert!(status.permission_to_pay_again().is_some(), "{body}");
                for body in without(body, target) {
                    assert_other(target, id, &body);
                }
            }
        }
        // A canceled payment was never sent, so it has no hash.
        assert_other(TargetKind::TxId, TXID, &canceled);
        assert_other(TargetKind::OperationId, "1744115063604", &failed);
        let error = ask(TargetKind::OperationId, "17", &failed).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the answer does not say whose it is: asked for operation_id 17"
        );
        // Without permission the number may be missing.
        let pending = failed.replace(REFUND, "");
        assert!(ask(TargetKind::OperationId, "17", &pending).is_ok());
    }

    #[test]
    fn only_200_and_201_give_permission() {
        let canceled =
            answer("canceled").replace(TXID, "").replace(REFUND, "").replace(ORIGINAL, "");
        let failed = answer("failed").replace(TXID, "");
        let call = GetPayStatus::new(PaymentTarget::kamipay_id("txc_1").unwrap(), Chain::Polygon);
        for status in 200..300 {
            let parse = |body: &str| {
                let mut response = http::Response::new(body.to_owned());
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                call.parse(response)
            };
            for body in [&canceled, &failed] {
                match parse(body) {
                    Ok(it) => {
                        assert!(status < 202 && it.permission_to_pay_again().is_some(), "{status}");
                    }
                    Err(error) => {
                        assert!(status > 201, "{status}: {error}");
                        assert!(
                            matches!(error.kind(), ResponseErrorKind::UnexpectedStatus),
                            "{error:?}"
                        );
                    }
                }
            }
            // Without permission any 2xx with a body is read.
            let has_body = !matches!(status, 204..=206);
            for state in ["accepted", "processing", "done", "refunding", "canceled", "failed"] {
                assert_eq!(parse(&answer(state)).is_ok(), has_body, "{status} {state}");
            }
        }
    }

    #[test]
    fn a_tx_id_is_64_hexadecimal_digits() {
        let (digits, upper) = (&TXID[2..], TXID.to_uppercase());
        for (id, sent) in [(TXID, TXID), (digits, digits), (&upper, &*format!("0x{}", &upper[2..]))]
        {
            let payment = PaymentTarget::tx_id(id).unwrap();
            assert_eq!(payment.id(), sent);
            assert_eq!(PaymentTarget::new(TargetKind::TxId, id), Ok(payment.clone()));
            let saved = format!(r#"{{"target": "tx_id", "id": "{id}"}}"#);
            assert_eq!(serde_json::from_str::<PaymentTarget>(&saved).unwrap(), payment);
        }
        for id in [
            "nothash",
            "0x36**************b2d3", // the page's example, masked
            "",
            "0x",
            "0x17",
            &TXID[..65],
            &format!("{TXID}0"),
            &format!("0x{TXID}"),
            &format!(" {TXID}"),
            &format!("{TXID}\n"),
            &TXID.replace('a', "g"),
            &TXID.replacen("ab", "é", 1), // as long in bytes
        ] {
            let error = PaymentTarget::tx_id(id).unwrap_err();
            assert_eq!(error, InvalidPaymentTarget { target: TargetKind::TxId }, "{id}");
            assert_eq!(PaymentTarget::new(TargetKind::TxId, id), Err(error));
            let saved = serde_json::json!({"target": "tx_id", "id": id}).to_string();
            assert!(serde_json::from_str::<PaymentTarget>(&saved).is_err(), "{id}");
            assert_eq!(
                error.to_string(),
                "this cannot be the tx_id of a payment: a transaction hash is 0x and 64 hexadecimal \
                 digits, on Tron also without 0x"
            );
        }
    }

    #[test]
    fn a_hash_without_0x_is_refused_on_polygon() {
        let api = Api::new("https://api.kamipay.io".parse().unwrap(), &"token".parse().unwrap());
        let mut call = GetPayStatus::new(PaymentTarget::tx_id(&TXID[2..]).unwrap(), Chain::Tron);
        let uri = call.request(&api).unwrap().uri().to_string();
        assert!(uri.ends_with(&format!("&id={}&chain=tron", &TXID[2..])), "{uri}");
        call.chain = Chain::Polygon;
        assert_eq!(call.check(), Err(BuildError::Hash));
        assert_eq!(call.request(&api).unwrap_err(), BuildError::Hash);
        // Other identifiers are not hashes.
        call.payment = PaymentTarget::external_id(&TXID[2..]).unwrap();
        assert!(call.request(&api).is_ok());
    }

    #[test]
    fn an_identifier_is_1_to_1024_bytes_without_control_characters() {
        for target in [TargetKind::ExternalId, TargetKind::KamipayId, TargetKind::OperationId] {
            for id in [
                "a",
                " ",
                "é😀",
                "../x",
                "a&b=c#d?e%2e",
                "0x36**************b2d3",
                &TXID.to_uppercase(),
                &"x".repeat(1024),
            ] {
                let payment = PaymentTarget::new(target, id).unwrap();
                assert_eq!((payment.id(), payment.target), (id, target));
            }
            for id in [
                "",
                "a\r\nb",
                "\0",
                "a\tb",
                "\u{7f}",
                "\u{85}",
                &"x".repeat(1025),
                &"é".repeat(513),
            ] {
                let error = PaymentTarget::new(target, id).unwrap_err();
                assert_eq!(error, InvalidPaymentTarget { target });
                let words = format!("this cannot be the {} of a payment: it is 1", target.as_str());
                assert!(error.to_string().starts_with(&words), "{error}");
            }
        }
    }
}
