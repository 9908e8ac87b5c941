//! The state of a payment, and permission to repeat it.
//!
//! * *Is the payment over?* [`PayStatus::is_over`]: only when done, failed or canceled.
//! * *May I pay again?* [`PayStatus::permission_to_pay_again`]: only if the payment was canceled
//!   before it was sent, or failed and names its refund.
//!
//! "TX not found" answers neither question. The API returns it until the bank starts to process the
//! payment. A program that treats it as a failure pays twice. Wait and ask again, or let a
//! [`Watch`] do so.
//!
//! # When an answer gives permission
//!
//! Four fields of `data` show where the funds went: `txid`, `original_txid`, `refund_txid` and
//! `bank_txid`. They are read in every state, including states for which the vendor's pages do not
//! list them. A field is *empty* if it is absent, `null` or white space. A value of any other type
//! than text is not empty.
//!
//! | state | gives permission if |
//! | --- | --- |
//! | *canceled* | all four fields are empty |
//! | *failed* | `refund_txid` is a well-formed hash, is not all zeros, and differs from `txid` and `original_txid`; if neither of these two is empty, they are the same hash; `bank_txid` is empty |
//! | any other | never |
//!
//! [`GetPayStatus`] also requires the HTTP status 200 or 201, and the identifier that was asked
//! for. A [`Watch`] applies the table to all answers it received: a later answer cannot undo what
//! an earlier one showed.
//!
//! An answer may show funds outside these fields: in a field next to `data`, or in an object inside
//! it. Unless it is *done*, such an answer counts as an unknown state, and gives no permission.
//! After it, or after an unusable answer, a watch never gives permission. A new watch knows nothing
//! of an earlier one.

#[cfg(test)]
mod tests;

mod evidence;
mod get;
mod permission;
mod target;
mod unclear;
mod watch;

pub use evidence::{Evidence, Sighting};
pub use get::GetPayStatus;
pub use permission::PermissionToPayAgain;
pub use target::{Chain, InvalidChain, InvalidPaymentTarget, PaymentTarget, TargetKind};
pub use watch::{End, Step, Watch, WatchLimits};

use std::borrow::Cow;
use std::fmt;

use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::DecodeError;
use crate::response::{document, object};
use crate::secrets::Hider;
use crate::wire;
use crate::{ExternalId, KamipayId, OperationId, TransactionHash};

/// The state of a payment to a Brazilian account.
///
/// [`GetPayStatus`] reads it from a response, checks the HTTP status and compares the identifier.
/// Deserializing does neither: use it only for an answer that [`GetPayStatus`] read and you stored.
/// It is read from JSON text only: see [the formats](crate#stored-models).
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
    /// Not yet sent to the blockchain. Wait and ask again.
    Accepted(Payment),
    /// Sent to the blockchain, not yet confirmed. Wait and ask again.
    Processing(Payment),
    /// Paid.
    Done(Payment),
    /// Sent, failed and returned: `data.status` is `failed`. A `failed` outside `data` is
    /// [`Self::NotFound`].
    Failed(FailedPayment),
    /// Never sent to the blockchain: no funds were used.
    Canceled(Payment),
    /// Not known to the bank, or not yet. Wait and ask again: this is never a failure.
    ///
    /// The request may also name the wrong kind of identifier, or the wrong chain.
    #[non_exhaustive]
    NotFound {
        /// The API's message, `TX not found`.
        msg: Option<String>,
    },
    /// A state that this version does not know. [`Self::state`] returns its word, `Serialize`
    /// writes the whole answer.
    #[doc(hidden)]
    _Unnamed(Unnamed),
}

impl PayStatus {
    /// The state in one word: `accepted`, `processing`, `done`, `failed`, `canceled`, `not_found`,
    /// or the API's word for a state that this version does not know.
    ///
    /// An answer that contradicts itself (not found, but with a payment's data) has both words,
    /// such as `failed/done`, so that no program mistakes it for either.
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

    /// Whether the payment is done, failed or canceled.
    ///
    /// `false` for not found, and for a state that this version does not know.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Failed(_) | Self::Canceled(_))
    }

    /// The payment, if it is accepted, processing, done or canceled.
    pub fn payment(&self) -> Option<&Payment> {
        match self {
            Self::Accepted(payment)
            | Self::Processing(payment)
            | Self::Done(payment)
            | Self::Canceled(payment) => Some(payment),
            Self::Failed(_) | Self::NotFound { .. } | Self::_Unnamed(_) => None,
        }
    }

    /// Takes away the permission to pay again, and with it the name of the state. A stored answer
    /// gives none either.
    fn withhold(&mut self) {
        if self.permission_to_pay_again().is_none() {
            return;
        }
        let json = serde_json::to_string(self).unwrap_or_default();
        let known = object::<Around<Known>>(&json).map(|it| it.data).unwrap_or_default();
        let json = json.replacen('{', &format!("{{\"{}\":true,", unclear::WITHHELD), 1);
        *self = Self::_Unnamed(Unnamed {
            word: self.state().into(),
            msg: self.msg().map(str::to_owned),
            json: json.into(),
            known: Known { envelope: "ok".into(), ..known },
            is_unclear: true,
        });
    }

    /// The API's message about the state, such as `Tx Failed, returned`.
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

    /// Hides secrets in the message, and in all of an unknown state. The fields of a known state
    /// describe the payment and stay as they are.
    fn hide(&mut self, hider: &Hider) {
        let hide = |text: &mut String| *text = hider.hide(text).into_owned();
        match self {
            Self::Accepted(it) | Self::Processing(it) | Self::Done(it) | Self::Canceled(it) => {
                it.msg.iter_mut().for_each(hide);
            }
            Self::Failed(it) => it.msg.iter_mut().for_each(hide),
            Self::NotFound { msg } => msg.iter_mut().for_each(hide),
            Self::_Unnamed(it) => {
                it.msg.iter_mut().for_each(hide);
                it.word = hider.hide(&it.word).into();
                it.json = hider.hide_json(&it.json).into();
            }
        }
    }
}

/// A payment. Its fields fill up as it progresses.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Payment {
    /// The bank's number of the payment.
    pub operation_id: Option<OperationId>,
    /// The address that received the USDT.
    #[serde(default, deserialize_with = "whatever")]
    pub address_in: Option<String>,
    /// The hash of the transaction; `None` until it is sent.
    #[serde(default, deserialize_with = "whatever")]
    pub txid: Option<TransactionHash>,
    /// The amount paid, in USDT; `None` until the transaction is sent.
    #[serde(default, with = "wire::money::option")]
    pub amount_usdt: Option<Decimal>,
    /// The amount paid out, in BRL.
    #[serde(default, with = "wire::money::option")]
    pub amount_brl: Option<Decimal>,
    /// The bank's receipt (Pix end-to-end id); `None` until the transaction is confirmed.
    #[serde(default, deserialize_with = "whatever")]
    pub bank_txid: Option<String>,
    /// The recipient's name.
    #[serde(default, deserialize_with = "whatever")]
    pub name: Option<String>,
    /// kamiPay's identifier of the payment.
    pub kamipay_id: KamipayId,
    /// Your own identifier of the payment, if you gave one.
    pub external_id: Option<ExternalId>,
    /// The recipient's Pix key. A JSON number becomes its digits.
    #[serde(default, deserialize_with = "whatever")]
    pub pix_key: Option<String>,
    /// The hash of the transaction that failed. By the vendor's pages only a failed payment has it:
    /// here it contradicts the state.
    #[serde(default, deserialize_with = "whatever", skip_serializing_if = "Option::is_none")]
    pub original_txid: Option<TransactionHash>,
    /// The hash of the transaction that returned the funds. By the vendor's pages only a failed
    /// payment has it: here it contradicts the state.
    #[serde(default, deserialize_with = "whatever", skip_serializing_if = "Option::is_none")]
    pub refund_txid: Option<TransactionHash>,
    /// The API's message, such as `Request ok`. It is outside `data`.
    #[serde(skip)]
    pub msg: Option<String>,
}

/// A payment that failed and was returned.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct FailedPayment {
    /// The hash of the transaction that returned the funds; `None` until there is one.
    #[serde(default, deserialize_with = "whatever")]
    pub refund_txid: Option<TransactionHash>,
    /// The hash of the transaction that failed.
    #[serde(default, deserialize_with = "whatever")]
    pub original_txid: Option<TransactionHash>,
    /// Your own identifier of the payment, where you gave one.
    pub external_id: Option<ExternalId>,
    /// kamiPay's identifier of the payment.
    pub kamipay_id: KamipayId,
    /// The hash of the transaction, under its name in the other states. The pages do not show it in
    /// a failed payment: another hash than `original_txid` contradicts the state.
    #[serde(default, deserialize_with = "whatever", skip_serializing_if = "Option::is_none")]
    pub txid: Option<TransactionHash>,
    /// The bank's receipt. The pages do not show it in a failed payment: it contradicts the state.
    #[serde(default, deserialize_with = "whatever", skip_serializing_if = "Option::is_none")]
    pub bank_txid: Option<String>,
    /// The API's message, such as `Tx Failed, returned`. It is outside `data`.
    #[serde(skip)]
    pub msg: Option<String>,
}

/// An answer with a state that this version does not know.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unnamed {
    word: Box<str>,
    msg: Option<String>,
    json: Box<str>,
    known: Known,
    is_unclear: bool,
}

/// The fields that are read from the `data` of an unknown state.
#[derive(Clone, Default, Deserialize, PartialEq, Eq, Hash)]
#[serde(default)]
struct Known {
    /// The word, with secrets.
    #[serde(skip)]
    envelope: Box<str>,
    #[serde(deserialize_with = "beginning")]
    status: Option<String>,
    #[serde(deserialize_with = "beginning")]
    kamipay_id: Option<String>,
    #[serde(deserialize_with = "beginning")]
    external_id: Option<String>,
    #[serde(deserialize_with = "beginning")]
    operation_id: Option<String>,
    #[serde(deserialize_with = "beginning")]
    txid: Option<String>,
    #[serde(deserialize_with = "beginning")]
    original_txid: Option<String>,
    #[serde(deserialize_with = "beginning")]
    refund_txid: Option<String>,
    #[serde(deserialize_with = "beginning")]
    bank_txid: Option<String>,
}

/// For the rules only: never shown, so secrets are not hidden in it.
impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known(..)")
    }
}

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

/// What the value of `data` is.
#[derive(Default, PartialEq)]
enum Presence {
    /// Absent, `null`, or an empty object, list or string.
    #[default]
    Nothing,
    Object,
    Other,
}

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(from)?;
        Ok(match raw.get().starts_with('{') {
            _ if unclear::is_empty(raw) => Self::Nothing,
            true => Self::Object,
            false => Self::Other,
        })
    }
}

/// The text of a string, `None` for `null`, and the JSON of any other value.
///
/// A value of any type is kept: it may be evidence that funds moved, and an odd type must not make
/// the answer unreadable.
fn whatever<'de, D: Deserializer<'de>, T: From<String>>(from: D) -> Result<Option<T>, D::Error> {
    let json = wire::raw::json(from)?;
    let text = || serde_json::from_str(&json).unwrap_or_else(|_| json.to_string());
    Ok((json != "null").then(|| T::from(text())))
}

/// Like [`whatever`], but keeps only the beginning of a long value. A long value is neither an
/// identifier nor a hash; it only counts as not empty.
fn beginning<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    const LONGEST: usize = 16 << 10;
    let raw = <&RawValue>::deserialize(from)?;
    if raw.get().len() <= LONGEST {
        return whatever(raw).map_err(D::Error::custom);
    }
    Ok(Some(raw.get().chars().take(LONGEST / 4).collect()))
}

impl PayStatus {
    /// Reads an answer: its tag first, then the concrete type from the same text. Money cannot be
    /// read through serde's own tagged enums, which hold a number as an `f64` in between.
    fn from_json(text: &str) -> Result<Self, DecodeError> {
        let text = document(text)?.get();
        if text.len() > 256 << 10 {
            return Err(DecodeError::whole(wire::reason::PAYMENT)); // an unknown state keeps all of it
        }
        let Envelope { status: envelope, msg, data } = object(text)?;
        let is_unclear = unclear::is_unclear(text);
        let unnamed = |word: String, msg, known| {
            let known = Known { envelope: envelope.as_str().into(), ..known };
            Self::_Unnamed(Unnamed { word: word.into(), msg, json: text.into(), known, is_unclear })
        };
        if envelope == "failed" && data == Presence::Nothing && !is_unclear {
            return Ok(Self::NotFound { msg });
        }
        if envelope != "ok" {
            let known = match data {
                Presence::Object => object::<Around<Known>>(text)?.data,
                Presence::Nothing | Presence::Other => Known::default(),
            };
            let word = match data {
                Presence::Nothing if envelope != "failed" => envelope.clone(),
                // A contradiction, which must not look like a plain state.
                _ => format!("{envelope}/{}", known.status.as_deref().unwrap_or_default()),
            };
            return Ok(unnamed(word, msg, known));
        }

        let state = object::<Around<State>>(text)?.data.status;
        let payment = |msg| -> Result<Payment, DecodeError> {
            let payment = object::<Around<Payment>>(text)?.data;
            Ok(Payment { msg, ..payment })
        };
        match &*state {
            "done" => payment(msg).map(Self::Done),
            _ if is_unclear => {
                let known = object::<Around<Known>>(text)?.data;
                Ok(unnamed(state, msg, known))
            }
            "accepted" => payment(msg).map(Self::Accepted),
            "processing" => payment(msg).map(Self::Processing),
            "canceled" => payment(msg).map(Self::Canceled),
            "failed" => {
                let payment = object::<Around<FailedPayment>>(text)?.data;
                Ok(Self::Failed(FailedPayment { msg, ..payment }))
            }
            _ => {
                let known = object::<Around<Known>>(text)?.data;
                Ok(unnamed(state, msg, known))
            }
        }
    }
}

impl<'de> Deserialize<'de> for PayStatus {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // Keys that come twice withhold permission, and no other format keeps them.
        let Cow::Borrowed(text) = wire::raw::json(from)? else {
            return Err(D::Error::custom(wire::reason::STATUS));
        };
        Self::from_json(text).map_err(|DecodeError { path, reason, .. }| {
            D::Error::custom(format_args!("{reason}, at `{path}` of the payment"))
        })
    }
}

/// Writes what the API sent. `"_withheld": true` is added where an earlier answer to the same call
/// withholds permission to pay again.
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
