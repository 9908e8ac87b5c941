//! Which payment is meant: an identifier, its kind, and a chain.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::identifiers::hash_digits;

/// A payment's identifier and its kind.
///
/// The vendor's newer pages list `kamipay_id` and `external_id` only; older pages list all four
/// kinds. So *not found* may also mean that the API does not search by this kind.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(try_from = "Unchecked")]
pub struct PaymentTarget {
    pub(super) target: TargetKind,
    pub(super) id: String,
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
    /// On Tron the `0x` is optional. On Polygon [`GetPayStatus`](super::GetPayStatus) refuses a hash without it.
    ///
    /// A payment has no hash until it is on chain, and the vendor's newer pages do not list this
    /// kind: prefer `external_id` or `kamipay_id`. A cancellation found by `tx_id` gives no
    /// permission to pay again: it contains no hash to match. Nor does a failed payment found by the
    /// hash of its refund.
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
