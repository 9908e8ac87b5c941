//! The state of a payment, and what it permits.
//!
//! Two questions, answered by the type so that nobody has to guess:
//!
//! * *Is it over?* [`PayStatus::is_over`]: done, failed or canceled, and nothing else.
//! * *May I pay again?* [`PayStatus::permission_to_pay_again`]: only after a cancellation, or a
//!   failure that names its refund.
//!
//! "TX not found" is neither. It comes while the bank has not begun with a payment that is on its
//! way, and whoever takes it for a failure pays twice: wait and ask again.

mod get;

pub use get::{Chain, GetPayStatus, InvalidChain, InvalidPaymentTarget, PaymentTarget, Target};

use rust_decimal::Decimal;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::decode_part;
use crate::wire;
use crate::{ExternalId, KamipayId, OperationId, TransactionHash};

/// The state of a payment to a Brazilian account.
///
/// ```
/// use kamipay_proto::pay_status::PayStatus;
///
/// let status: PayStatus = serde_json::from_str(r#"{"status": "failed", "msg": "TX not found"}"#)?;
/// assert!(matches!(status, PayStatus::NotFound { .. }));
/// assert!(!status.is_over());
/// assert!(status.permission_to_pay_again().is_none());
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PayStatus {
    /// Known, and not yet sent to the blockchain. Wait and ask again.
    Accepted(Payment),
    /// Sent to the blockchain, and not yet confirmed. Wait and ask again.
    Processing(Payment),
    /// Paid.
    Done(Payment),
    /// Sent, failed and returned. Not the envelope's `failed`, which is [`Self::NotFound`].
    Failed(FailedPayment),
    /// Never sent to the blockchain: no funds were used.
    Canceled(Payment),
    /// Not known to the bank, or not known yet. Wait and ask again; it is never a failure.
    ///
    /// It may also mean that the payment was asked for by the wrong kind of identifier, or on the
    /// wrong chain.
    #[non_exhaustive]
    NotFound {
        /// What the API says, `TX not found`.
        msg: Option<String>,
    },
    /// A state without a name here, kept whole: see [`Self::state`] and [`Self::unnamed_json`].
    #[doc(hidden)]
    _Unnamed(Unnamed),
}

impl PayStatus {
    /// The state in a word: `accepted`, `processing`, `done`, `failed`, `canceled`, `not_found`,
    /// or the API's own word for a state that has no name here.
    ///
    /// For an answer that contradicts itself (not found, and yet with a payment's data) the word is
    /// made of both, such as `failed/done`, so that no program takes it for either.
    pub fn state(&self) -> &str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Processing(_) => "processing",
            Self::Done(_) => "done",
            Self::Failed(_) => "failed",
            Self::Canceled(_) => "canceled",
            Self::NotFound { .. } => "not_found",
            Self::_Unnamed(unnamed) => &unnamed.word,
        }
    }

    /// Whether the payment has come to its end: done, failed or canceled.
    ///
    /// Not known is no end, and neither is a state that has no name here.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Failed(_) | Self::Canceled(_))
    }

    /// Leave to make the same payment once more, where this state gives it.
    ///
    /// Given by [`Self::Canceled`], and by [`Self::Failed`] with the hash of its refund. An answer
    /// that contradicts itself gives none: a cancellation with a transaction or a bank's receipt, a
    /// refund whose hash is none, or is the hash of the payment itself.
    pub fn permission_to_pay_again(&self) -> Option<PermissionToPayAgain> {
        match self {
            Self::Canceled(payment) if !payment.was_sent() => Some(PermissionToPayAgain {
                kamipay_id: payment.kamipay_id.clone(),
                external_id: payment.external_id.clone(),
                refund_txid: None,
            }),
            Self::Failed(payment) => Some(PermissionToPayAgain {
                kamipay_id: payment.kamipay_id.clone(),
                external_id: payment.external_id.clone(),
                refund_txid: Some(payment.refund()?.clone()),
            }),
            _ => None,
        }
    }

    /// What is known of a payment that is accepted, processing, done or canceled.
    pub fn payment(&self) -> Option<&Payment> {
        match self {
            Self::Accepted(payment)
            | Self::Processing(payment)
            | Self::Done(payment)
            | Self::Canceled(payment) => Some(payment),
            Self::Failed(_) | Self::NotFound { .. } | Self::_Unnamed(_) => None,
        }
    }

    /// What the API says with the state, such as `Tx Failed, returned`.
    pub fn msg(&self) -> Option<&str> {
        match self {
            Self::Accepted(payment)
            | Self::Processing(payment)
            | Self::Done(payment)
            | Self::Canceled(payment) => payment.msg.as_deref(),
            Self::Failed(payment) => payment.msg.as_deref(),
            Self::NotFound { msg } => msg.as_deref(),
            Self::_Unnamed(unnamed) => unnamed.msg.as_deref(),
        }
    }

    /// The whole answer as JSON, where its state has no name here.
    pub fn unnamed_json(&self) -> Option<&str> {
        match self {
            Self::_Unnamed(unnamed) => Some(&unnamed.json),
            _ => None,
        }
    }
}

/// What is known of a payment. How much that is depends on how far it has come.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Payment {
    /// The bank's number of the payment.
    pub operation_id: Option<OperationId>,
    /// The address that the USDT went to.
    pub address_in: Option<String>,
    /// The hash of the transaction; `None` until it is sent.
    pub txid: Option<TransactionHash>,
    /// The amount paid in USDT; `None` until it is sent.
    #[serde(default, with = "wire::money::option")]
    pub amount_usdt: Option<Decimal>,
    /// The amount paid out in BRL.
    #[serde(default, with = "wire::money::option")]
    pub amount_brl: Option<Decimal>,
    /// The bank's receipt (Pix end-to-end id); `None` until the transaction is confirmed.
    pub bank_txid: Option<String>,
    /// Whom it was paid to.
    pub name: Option<String>,
    /// kamiPay's identifier of the payment.
    pub kamipay_id: KamipayId,
    /// Your own identifier of the payment, where you gave one.
    pub external_id: Option<ExternalId>,
    /// The Pix key that it was paid to.
    pub pix_key: Option<String>,
    /// What the API says with the state, such as `Request ok`; it stands beside `data`.
    #[serde(skip)]
    pub msg: Option<String>,
}

impl Payment {
    /// Whether anything says that funds moved. An empty text says no more than `null`.
    fn was_sent(&self) -> bool {
        let txid = self.txid.as_ref().map(TransactionHash::as_str);
        [txid, self.bank_txid.as_deref()].into_iter().flatten().any(|text| !text.is_empty())
    }
}

/// What is known of a payment that failed and was returned.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct FailedPayment {
    /// The hash of the transaction that returned the funds; `None` until there is one.
    pub refund_txid: Option<TransactionHash>,
    /// The hash of the transaction that failed.
    pub original_txid: Option<TransactionHash>,
    /// Your own identifier of the payment, where you gave one.
    pub external_id: Option<ExternalId>,
    /// kamiPay's identifier of the payment.
    pub kamipay_id: KamipayId,
    /// What the API says with the state, such as `Tx Failed, returned`; it stands beside `data`.
    #[serde(skip)]
    pub msg: Option<String>,
}

impl FailedPayment {
    /// The refund, where its hash can be looked up: the API has placeholders for hashes.
    fn refund(&self) -> Option<&TransactionHash> {
        let original = self.original_txid.as_ref().map(TransactionHash::as_str);
        self.refund_txid.as_ref().filter(|refund| {
            refund.is_well_formed()
                && !original.is_some_and(|original| get::same_hash(original, refund.as_str()))
        })
    }
}

/// Leave to make a payment once more: the first one was canceled before any funds moved, or
/// failed and was refunded.
///
/// It comes from [`PayStatus::permission_to_pay_again`] and from nowhere else. A function that
/// pays again can take it as an argument, and can then not be called by mistake:
///
/// ```
/// use kamipay_proto::pay_status::{PayStatus, PermissionToPayAgain};
///
/// fn pay_again(permission: PermissionToPayAgain) { /* … */ }
///
/// # let json = r#"{"status": "ok", "msg": "transaction canceled", "data": {"status": "canceled",
/// #   "txid": null, "amount_usdt": null, "kamipay_id": "txc_01jkg5vktaer5aew712kjgrsn2"}}"#;
/// let status: PayStatus = serde_json::from_str(json)?;
/// if let Some(permission) = status.permission_to_pay_again() {
///     pay_again(permission);
/// }
/// # Ok::<_, serde_json::Error>(())
/// ```
///
/// It can not be made:
///
/// ```compile_fail,E0451
/// use kamipay_proto::pay_status::PermissionToPayAgain;
///
/// fn forge(kamipay_id: kamipay_proto::KamipayId) -> PermissionToPayAgain {
///     PermissionToPayAgain { kamipay_id, external_id: None, refund_txid: None }
/// }
/// ```
///
/// not read from a file:
///
/// ```compile_fail,E0277
/// use kamipay_proto::pay_status::PermissionToPayAgain;
///
/// fn read(json: &str) -> PermissionToPayAgain {
///     serde_json::from_str(json).unwrap()
/// }
/// ```
///
/// not had by default:
///
/// ```compile_fail,E0277
/// use kamipay_proto::pay_status::PermissionToPayAgain;
///
/// fn default() -> PermissionToPayAgain {
///     std::iter::empty().map(|permission: PermissionToPayAgain| permission).last().unwrap_or_default()
/// }
/// ```
///
/// not used twice:
///
/// ```compile_fail,E0382
/// # fn pay_again(permission: kamipay_proto::pay_status::PermissionToPayAgain) {}
/// fn twice(permission: kamipay_proto::pay_status::PermissionToPayAgain) {
///     pay_again(permission);
///     pay_again(permission);
/// }
/// ```
///
/// and not copied:
///
/// ```compile_fail,E0599
/// # fn pay_again(permission: kamipay_proto::pay_status::PermissionToPayAgain) {}
/// fn twice(permission: kamipay_proto::pay_status::PermissionToPayAgain) {
///     pay_again(permission.clone());
///     pay_again(permission);
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "paying again is up to you: the permission does nothing by itself"]
pub struct PermissionToPayAgain {
    kamipay_id: KamipayId,
    external_id: Option<ExternalId>,
    refund_txid: Option<TransactionHash>,
}

impl PermissionToPayAgain {
    /// The payment that came to nothing.
    pub fn kamipay_id(&self) -> &KamipayId {
        &self.kamipay_id
    }

    /// Your own identifier of the payment that came to nothing, where you gave one.
    ///
    /// The API wants another one for another payment.
    pub fn external_id(&self) -> Option<&ExternalId> {
        self.external_id.as_ref()
    }

    /// The transaction that returned the funds; `None` where they never moved.
    pub fn refund_txid(&self) -> Option<&TransactionHash> {
        self.refund_txid.as_ref()
    }
}

/// An answer whose state has no name here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unnamed {
    word: Box<str>,
    msg: Option<String>,
    json: Box<str>,
}

// What stands in the answer.

#[derive(Deserialize)]
struct Envelope {
    status: String,
    #[serde(default)]
    msg: Option<String>,
    #[serde(default)]
    data: Presence,
}

#[derive(Deserialize)]
struct Around<T> {
    #[serde(deserialize_with = "wire::object::one", bound = "T: Deserialize<'de>")]
    data: T,
}

#[derive(Deserialize)]
struct State {
    status: String,
}

/// Whether there is any `data`: an empty one is none.
#[derive(Default)]
struct Presence(bool);

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(from)?.get();
        let dense: String = raw.split_ascii_whitespace().collect();
        Ok(Self(!matches!(&*dense, "null" | "{}" | "[]" | "\"\"")))
    }
}

impl<'de> Deserialize<'de> for PayStatus {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // The tag first, then the concrete type from the same text: money can not be read through
        // serde's own tagged enums, which hold a number as an `f64` in between.
        let text = <&RawValue>::deserialize(from)?.get();
        let Envelope { status: envelope, msg, data } = decode_part(text)?;
        if envelope == "failed" && !data.0 {
            return Ok(Self::NotFound { msg });
        }
        if envelope != "ok" {
            let state = decode_part::<Around<State>, D::Error>(text).ok();
            let word = match state {
                Some(state) => format!("{envelope}/{}", state.data.status).into(),
                None if data.0 => format!("{envelope}/").into(), // not an answer to be taken for a plain one
                None => envelope.into(),
            };
            return Ok(Self::_Unnamed(Unnamed { word, msg, json: text.into() }));
        }

        let state = decode_part::<Around<State>, _>(text)?.data.status;
        let payment = |msg| -> Result<Payment, D::Error> {
            let payment = decode_part::<Around<Payment>, _>(text)?.data;
            Ok(Payment { msg, ..payment })
        };
        match &*state {
            "accepted" => payment(msg).map(Self::Accepted),
            "processing" => payment(msg).map(Self::Processing),
            "done" => payment(msg).map(Self::Done),
            "canceled" => payment(msg).map(Self::Canceled),
            "failed" => {
                let payment = decode_part::<Around<FailedPayment>, _>(text)?.data;
                Ok(Self::Failed(FailedPayment { msg, ..payment }))
            }
            _ => Ok(Self::_Unnamed(Unnamed { word: state.into(), msg, json: text.into() })),
        }
    }
}

/// In the shape in which the API answers.
impl Serialize for PayStatus {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a, T> {
            status: &'a str,
            msg: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            data: Option<Tagged<'a, T>>,
        }
        #[derive(Serialize)]
        struct Tagged<'a, T> {
            status: &'a str,
            #[serde(flatten)]
            payment: &'a T,
        }
        fn written<'a, T>(status: &'a PayStatus, payment: &'a T) -> Written<'a, T> {
            let data = Some(Tagged { status: status.state(), payment });
            Written { status: "ok", msg: status.msg(), data }
        }

        match self {
            Self::Accepted(payment)
            | Self::Processing(payment)
            | Self::Done(payment)
            | Self::Canceled(payment) => written(self, payment).serialize(to),
            Self::Failed(payment) => written(self, payment).serialize(to),
            Self::NotFound { msg } => {
                Written::<()> { status: "failed", msg: msg.as_deref(), data: None }.serialize(to)
            }
            Self::_Unnamed(unnamed) => {
                let json: &RawValue =
                    serde_json::from_str(&unnamed.json).map_err(S::Error::custom)?;
                json.serialize(to)
            }
        }
    }
}
