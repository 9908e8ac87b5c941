//! `GET /v2/status/tx_status`: the state of one payment.

#[cfg(test)]
mod tests;

use http::StatusCode;
use http::response::Parts;
use serde::{Deserialize, Serialize};

use super::permission::Traces;
use super::unclear::Unusable;
use super::{Chain, PayStatus, PaymentTarget, TargetKind};
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
            _ => format!("\"{}\"", self.payment.id()),
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
            // The refund is another transaction. Its hash does not identify the payment.
            _ if status.permission_to_pay_again().is_some() => [txid, original_txid, None],
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
