//! `GET /v2/status/tx_status`: the state of one payment.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use http::StatusCode;
use http::response::Parts;
use serde::{Deserialize, Serialize};

use super::PayStatus;
use super::permission::Traces;
use super::unclear::Unusable;
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

    /// An earlier attempt may have shown that funds moved.
    fn distrust(&self, status: &mut PayStatus) {
        status.withhold();
    }

    fn hide(&self, status: &mut PayStatus, secrets: &Secrets) {
        if let Some(hider) = secrets.hider() {
            status.hide(&hider);
        }
    }
}

impl GetPayStatus {
    /// What an unusable answer means for this payment.
    pub(super) fn judge(&self, answer: &ResponseError) -> Unusable {
        let body = answer.body();
        let is_mismatch = matches!(answer.kind(), ResponseErrorKind::Mismatch(_));
        if let Some(status) = response::text(body)
            .and_then(PayStatus::from_json)
            .ok()
            .filter(|_| is_mismatch && answer.status().is_success())
        {
            return self.judge_other(&status, body);
        }
        if answer.may_show_funds() { Unusable::MayShowFunds } else { Unusable::Harmless }
    }

    /// What an answer means that has not the requested identifier.
    pub(super) fn judge_other(&self, status: &PayStatus, body: &[u8]) -> Unusable {
        let is_named = identifier(status, self.payment.target)
            .is_some_and(|id| !id.trim().is_empty())
            || self.payment.target == TargetKind::TxId;
        match status.kamipay_id().filter(|id| !id.trim().is_empty()) {
            Some(id) if is_named && !self.is_mentioned(body) => Unusable::AnotherPayment(id.into()),
            _ => Unusable::MayShowFunds,
        }
    }

    /// Whether the requested identifier is a text in a body.
    fn is_mentioned(&self, body: &[u8]) -> bool {
        let id = match hash_digits(&self.payment.id) {
            Some(digits) if self.payment.target == TargetKind::TxId => digits.to_owned(),
            _ => format!("\"{}\"", self.payment.id),
        };
        body.windows(id.len()).any(|it| it.eq_ignore_ascii_case(id.as_bytes()))
    }
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
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this cannot be the {} of a payment: {}", target.as_str(), match target {
    TargetKind::TxId => "a transaction hash is 0x and 64 hexadecimal digits, on Tron also without 0x",
    _ => "it is 1 to 1024 bytes long, without line ends and other control characters",
})]
#[non_exhaustive]
pub struct InvalidPaymentTarget {
    /// The kind of identifier.
    pub target: TargetKind,
}

crate::error::debug_as_text!(InvalidPaymentTarget);

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
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a chain is polygon or tron")]
#[non_exhaustive]
pub struct InvalidChain;

crate::error::debug_as_text!(InvalidChain);
