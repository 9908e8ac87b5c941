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

mod get;
mod permission;
mod unclear;
mod watch;

pub use get::{Chain, GetPayStatus, InvalidChain, InvalidPaymentTarget, PaymentTarget, TargetKind};
pub use permission::PermissionToPayAgain;
pub use watch::{End, Evidence, Sighting, Step, Watch, WatchLimits};

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
/// It reads JSON only.
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
    pub name: Option<String>,
    /// kamiPay's identifier of the payment.
    pub kamipay_id: KamipayId,
    /// Your own identifier of the payment, if you gave one.
    pub external_id: Option<ExternalId>,
    /// The recipient's Pix key.
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
        let raw = <&RawValue>::deserialize(from)?.get();
        let mut dense = raw.bytes().filter(|byte| !byte.is_ascii_whitespace());
        // Three bytes are enough: no longer value begins like one of these.
        let first = [dense.next(), dense.next(), dense.next()];
        Ok(match first.map(|byte| byte.unwrap_or_default()) {
            [b'{', b'}', 0] | [b'[', b']', 0] | [b'"', b'"', 0] | [b'n', ..] => Self::Nothing,
            _ if raw.starts_with('{') => Self::Object,
            _ => Self::Other,
        })
    }
}

/// The text of a string, `None` for `null`, and the JSON of any other value.
///
/// Evidence that funds moved must not get lost over its type, by being dropped or as an error.
fn whatever<'de, D: Deserializer<'de>, T: From<String>>(from: D) -> Result<Option<T>, D::Error> {
    let raw = <&RawValue>::deserialize(from)?.get();
    let text = || serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned());
    Ok((raw != "null").then(|| T::from(text())))
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
        let text = <&RawValue>::deserialize(from)?.get();
        Self::from_json(text).map_err(|DecodeError { path, reason, .. }| {
            D::Error::custom(format_args!("{reason}, at `{path}` of the payment"))
        })
    }
}

/// Writes what the API sent.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Endpoint, ResponseError, ResponseErrorKind};

    const HASH: &str = "0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab";
    const OTHER: &str = "0x96a48088522ccaae8f60afa7d66290d0c2b3ebd3bb70630df79f105258d36547";
    const PLACEHOLDER: &str = "0xprocessing123456789012345678901234567890123456789012345678901234";

    fn answer(status: u16, body: &str) -> Result<PayStatus, ResponseError> {
        let payment = PaymentTarget::kamipay_id("txc_1").unwrap();
        let mut response = http::Response::new(body);
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        GetPayStatus::new(payment, Chain::Polygon).parse(response)
    }

    fn read(body: &str) -> PayStatus {
        let status = answer(200, body).unwrap_or_else(|error| panic!("{body}: {error:?}"));
        // Every state survives being stored.
        for json in [
            serde_json::to_string(&status).unwrap(),
            serde_json::to_string_pretty(&status).unwrap(),
        ] {
            assert_eq!(serde_json::from_str::<PayStatus>(&json).unwrap(), status, "{body}");
        }
        status
    }

    fn fault(body: &str) -> DecodeError {
        let error = answer(200, body).expect_err(body);
        let ResponseErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
        fault.clone()
    }

    #[test]
    fn each_state_says_whether_it_is_over_and_what_it_permits() {
        let data = |state: &str, rest: &str| {
            format!(
                r#"{{"status": "ok", "msg": "m", "data": {{"status": "{state}",
                "kamipay_id": "txc_1", "external_id": 7{rest}}}}}"#
            )
        };
        for (body, state, over, permitted) in [
            (data("accepted", ""), "accepted", false, false),
            (data("processing", ""), "processing", false, false),
            (data("done", ""), "done", true, false),
            (data("canceled", ""), "canceled", true, true),
            (data("failed", ""), "failed", true, false),
            (data("failed", &format!(r#", "refund_txid": "{OTHER}""#)), "failed", true, true),
            (data("expired", ""), "expired", false, false),
            (r#"{"status": "failed", "msg": "m"}"#.to_owned(), "not_found", false, false),
            (r#"{"status": "pending", "msg": "m"}"#.to_owned(), "pending", false, false),
        ] {
            let status = read(&body);
            assert_eq!((status.state(), status.is_over()), (state, over), "{body}");
            assert_eq!(status.msg(), Some("m"));
            let permission = status.permission_to_pay_again();
            assert_eq!(permission.is_some(), permitted, "{body}");
            if let Some(permission) = permission {
                assert_eq!(permission.kamipay_id(), &KamipayId::from("txc_1"));
                assert_eq!(permission.external_id(), Some(&ExternalId::from("7")));
                let refund = permission.refund_txid().map(TransactionHash::as_str);
                assert_eq!(refund, (state == "failed").then_some(OTHER));
            }
            let is_unknown = matches!(status, PayStatus::_Unnamed(_));
            assert_eq!(is_unknown, ["expired", "pending"].contains(&state));
            let has_payment = ["accepted", "processing", "done", "canceled"].contains(&state);
            assert_eq!(status.payment().is_some(), has_payment);
        }
    }

    #[test]
    fn a_failed_envelope_is_not_a_failed_payment() {
        // pay-status.txt: "TX not found" means wait, `data.status` means returned
        let unknown = read(r#"{"status": "failed", "msg": "TX not found"}"#);
        assert!(
            matches!(&unknown, PayStatus::NotFound { msg: Some(msg) } if msg == "TX not found")
        );
        for nothing in ["null", "{}", "{ }", "[]", "[\n]", "\"\"", "\" \""] {
            let body =
                format!(r#"{{"status": "failed", "msg": "TX not found", "data": {nothing}}}"#);
            assert_eq!(read(&body), unknown);
        }
        assert_eq!(read(r#"{"status": "failed"}"#).msg(), None);
        assert!(matches!(read(r#"{"status": "failed", "msg": null}"#), PayStatus::NotFound { .. }));
    }

    #[test]
    fn ok_without_data_is_an_error() {
        for (body, path) in [
            (r#"{"status": "ok"}"#, "."),
            (r#"{"status": "ok", "msg": "Request ok"}"#, "."),
            (r#"{"status": "ok", "data": null}"#, "data"),
            (r#"{"status": "ok", "data": {}}"#, "data"),
            (r#"{"status": "ok", "data": []}"#, "data"),
            (r#"{"status": "ok", "data": ""}"#, "data"),
            (r#"{"status": "ok", "data": "done"}"#, "data"),
            (r#"{"status": "ok", "data": ["done"]}"#, "data"),
            (r#"{"status": "ok", "data": ["frozen"]}"#, "data"),
            (r#"{"status": "ok", "data": {"status": null}}"#, "data.status"),
            (r#"{"status": "ok", "data": {"status": 5}}"#, "data.status"),
            (r#"{"status": "ok", "data": {"status": ["done"]}}"#, "data.status"),
            (r#"{"status": "ok", "data": {"status": "done"}}"#, "data"),
            (r#"{"status": "ok", "data": {"status": "failed"}}"#, "data"),
            (
                r#"{"status": "ok", "data": {"status": "done", "kamipay_id": null}}"#,
                "data.kamipay_id",
            ),
            (r#"{"msg": "TX not found"}"#, "."),
            (r#"{"status": null}"#, "status"),
            (
                r#"{"status": true, "data": {"status": "canceled", "kamipay_id": "txc_1"}}"#,
                "status",
            ),
            (r#"["ok", "m", {"status": "canceled", "kamipay_id": "txc_1"}]"#, "."),
            ("{}", "."),
            ("[]", "."),
            ("null", "."),
            ("\"canceled\"", "."),
        ] {
            assert_eq!(fault(body).path, path, "{body}");
        }
    }

    #[test]
    fn a_duplicate_key_is_an_error() {
        for body in [
            r#"{"status": "failed", "status": "ok", "data": {"status": "done", "kamipay_id": "a"}}"#,
            r#"{"status": "ok", "data": {"status": "done", "status": "canceled", "kamipay_id": "a"}}"#,
            r#"{"status": "ok", "data": {"status": "canceled", "txid": "x", "txid": null,
                "kamipay_id": "a"}}"#,
            r#"{"status": "ok", "data": {"status": "done", "kamipay_id": "a"},
                "data": {"status": "canceled", "kamipay_id": "a"}}"#,
            r#"{"status": "failed", "data": {"status": "done"}, "data": null}"#,
            r#"{"status": "ok", "data": {"status": "canceled", "kamipay_id": "a",
                "refund_txid": "x", "refund_txid": ""}}"#,
            r#"{"status": "ok", "data": {"status": "failed", "kamipay_id": "a", "bank_txid": "E1",
                "bank_txi\u0064": null}}"#,
            r#"{"status": "ok", "data": {"status": "frozen", "txid": "x", "txid": null}}"#,
            r#"{"status": "failed", "data": {"status": "done", "txid": "x", "txid": null}}"#,
        ] {
            assert!(fault(body).to_string().contains("duplicate field"), "{body}");
        }
    }

    #[test]
    fn an_unknown_state_is_kept_whole() {
        let body = r#"{"status": "ok", "msg": "m", "data": {"status": "frozen", "reason": "court",
            "amount_usdt": 1.10, "new": [1e5, {"a": null}], "kamipay_id": "txc_1"}}"#;
        let status = read(&format!("\n {body} "));
        assert_eq!((status.state(), status.msg()), ("frozen", Some("m")));
        assert_eq!(serde_json::to_string(&status).unwrap(), body);
        for word in ["CANCELED", "cancelled", "canceled ", "Done", "refunded", ""] {
            let body = format!(
                r#"{{"status": "ok", "data": {{"status": "{word}", "kamipay_id": "txc_1"}}}}"#
            );
            let status = read(&body);
            assert_eq!((status.state(), status.is_over()), (word, false));
            assert_eq!(status.permission_to_pay_again(), None);
        }
    }

    #[test]
    fn an_answer_that_contradicts_itself_has_both_words_and_is_not_over() {
        for (body, word) in [
            (r#"{"status": "failed", "data": {"status": "done"}}"#, "failed/done"),
            (
                r#"{"status": "failed", "data": {"status": "canceled", "kamipay_id": "txc_1"}}"#,
                "failed/canceled",
            ),
            (r#"{"status": "failed", "data": {"x": 1}}"#, "failed/"),
            (r#"{"status": "failed", "data": "canceled"}"#, "failed/"),
            (r#"{"status": "failed", "data": [null]}"#, "failed/"),
            (r#"{"status": "failed", "data": false}"#, "failed/"),
            (r#"{"status": "error", "data": {"status": "done"}}"#, "error/done"),
            (r#"{"status": "error", "data": 5}"#, "error/"),
            (r#"{"status": "error", "data": {}}"#, "error"),
            (r#"{"status": "canceled"}"#, "canceled"),
            (r#"{"status": "OK", "data": {"status": "canceled"}}"#, "OK/canceled"),
        ] {
            let status = read(body);
            assert_eq!((status.state(), &*serde_json::to_string(&status).unwrap()), (word, body));
            assert!(!status.is_over() && status.permission_to_pay_again().is_none(), "{body}");
        }
    }

    /// The body of an answer in `state`, with the further fields `rest`.
    fn body(state: &str, rest: &str) -> String {
        format!(
            r#"{{"status": "ok", "data": {{"status": "{state}", "kamipay_id": "txc_1"{rest}}}}}"#
        )
    }

    #[test]
    fn a_canceled_payment_with_any_of_the_four_fields_gives_no_permission() {
        for name in ["txid", "original_txid", "refund_txid", "bank_txid"] {
            for (value, is_there) in [
                ("null", false),
                (r#""""#, false),
                (r#"" \t\u00a0\u2003""#, false),
                (r#""\u200b""#, true),
                (r#""x""#, true),
                (r#""null""#, true),
                (&format!("\"{HASH}\""), true),
                (&format!("\"{PLACEHOLDER}\""), true),
                (&format!("\"0x{}\"", "0".repeat(64)), true),
                (r#""0""#, true),
                // Of another type.
                ("0", true),
                ("-1.50", true),
                ("false", true),
                ("[]", true),
                ("{}", true),
                (r#"{"hash": null}"#, true),
                (r#""\ud800""#, true), // half a character
            ] {
                let status = read(&body("canceled", &format!(r#", "{name}": {value}"#)));
                let permission = status.permission_to_pay_again();
                assert_eq!(permission.is_none(), is_there, "{name}: {value}");
                assert!(status.is_over());
            }
        }
    }

    #[test]
    fn a_failed_payment_gives_permission_with_one_refund_of_one_transaction() {
        let third = format!("0x{}", "7".repeat(64));
        let (bare, upper) = (&HASH[2..], HASH.to_uppercase()); // `0X…`
        let spaced = format!(" {OTHER} ");
        let zeros = "0".repeat(64);
        let zero = format!("0x{zeros}");
        // The refund, the original, the `txid` and the bank's receipt.
        for (refund, original, txid, bank, permits) in [
            (OTHER, HASH, "", "", true),
            (OTHER, "", "", " ", true),
            (OTHER, bare, &*upper, "", true),
            (OTHER, "", HASH, "", true),
            (OTHER, PLACEHOLDER, "", "", true),
            (&OTHER[2..], HASH, "", "", true), // on Tron
            (&OTHER.to_uppercase().replace('X', "x"), HASH, "", "", true),
            // Not the hash of a refund.
            ("", HASH, "", "", false),
            (" ", HASH, "", "", false),
            (PLACEHOLDER, HASH, "", "", false),
            ("txid5", HASH, "", "", false),
            (&spaced, HASH, "", "", false),
            (&zero, HASH, "", "", false),
            (&zeros, HASH, "", "", false),
            (&zero.replace('x', "X"), HASH, "", "", false),
            (&OTHER.replace("0x", "0X"), HASH, "", "", false),
            (&OTHER.replace('a', "а"), HASH, "", "", false), // the Cyrillic letter
            (&OTHER.replacen('6', "６", 1), HASH, "", "", false),
            // The refund is the transaction itself.
            (HASH, HASH, "", "", false),
            (HASH, &upper, "", "", false),
            (HASH, bare, "", "", false),
            (bare, HASH, "", "", false),
            (HASH, "", HASH, "", false),
            (OTHER, "", &spaced, "", false),
            (OTHER, HASH, OTHER, "", false),
            // Two transactions and a refund.
            (OTHER, HASH, &third, "", false),
            (OTHER, HASH, "x", "", false),
            (OTHER, HASH, &zero, "", false),
            // The bank has paid it out.
            (OTHER, HASH, "", "E2001818", false),
            (OTHER, HASH, "", OTHER, false),
            (OTHER, HASH, "", "0", false),
        ] {
            let rest = format!(
                r#", "refund_txid": "{refund}", "original_txid": "{original}", "txid": "{txid}",
                "bank_txid": "{bank}""#
            );
            let status = read(&body("failed", &rest));
            assert_eq!(status.permission_to_pay_again().is_some(), permits, "{rest}");
            assert!(status.is_over());
        }
        for odd in ["5", "{}", "[]", "true"] {
            let refunded = format!(r#", "refund_txid": "{OTHER}", "original_txid": "{HASH}""#);
            for (name, permits) in [("bank_txid", false), ("txid", false), ("new", true)] {
                let status = read(&body("failed", &format!(r#"{refunded}, "{name}": {odd}"#)));
                assert_eq!(status.permission_to_pay_again().is_some(), permits, "{name}: {odd}");
            }
            let status = read(&body("failed", &format!(r#", "refund_txid": {odd}"#)));
            assert_eq!(status.permission_to_pay_again(), None);
        }
    }

    /// They may be about another payment, or about this one.
    #[test]
    fn a_hash_in_another_place_gives_no_permission() {
        let nested = format!(r#", "retries": [{{"txid": "{HASH}"}}], "new": {{"txid": "{HASH}"}}"#);
        let status = read(&body("canceled", &nested));
        assert_eq!((status.state(), status.is_over()), ("canceled", false));
        assert_eq!(status.permission_to_pay_again(), None);
        let stored = serde_json::to_string(&status).unwrap();
        assert_eq!(read(&stored), status);
        let refund = format!(r#", "refund": {{"refund_txid": "{OTHER}"}}, "refund_txid": null"#);
        assert_eq!(read(&body("failed", &refund)).permission_to_pay_again(), None);
    }

    #[test]
    fn only_a_2xx_has_a_state_and_only_200_and_201_give_permission() {
        let canceled = r#"{"status": "ok", "data": {"status": "canceled", "kamipay_id": "txc_1"}}"#;
        let unknown = r#"{"status": "failed", "msg": "TX not found"}"#;
        for status in 100..=999 {
            for body in [canceled, unknown] {
                let result = answer(status, body);
                let is_answer = match body {
                    _ if body == canceled => matches!(status, 200 | 201),
                    _ => matches!(status, 200..=203 | 207..=299),
                };
                assert_eq!(result.is_ok(), is_answer, "{status}");
                let permission = result.ok().and_then(|status| status.permission_to_pay_again());
                assert_eq!(permission.is_some(), is_answer && body == canceled, "{status}");
            }
        }
    }

    /// Any JSON value.
    fn anything() -> impl Strategy<Value = Value> {
        let texts = ["", " ", "x", HASH, OTHER, PLACEHOLDER, "ok", "failed", "canceled", "done"];
        prop_oneof![
            4 => prop::sample::select(texts.to_vec()).prop_map(Value::from),
            1 => Just(Value::Null),
            1 => prop::sample::select(vec![
                json!(true), json!(0), json!(-1.5), json!([]), json!({}), json!(["canceled"]),
                json!({"status": "canceled"}),
            ]),
            1 => ".{0,8}".prop_map(Value::from),
        ]
    }

    fn mixture() -> impl Strategy<Value = Value> {
        let words = ["ok", "failed", "canceled", "done", "Ok", "ok "];
        let word = || prop_oneof![8 => prop::sample::select(words.to_vec()).prop_map(Value::from), 1 => anything()];
        let names = [
            "txid",
            "bank_txid",
            "refund_txid",
            "original_txid",
            "external_id",
            "name",
            "amount_usdt",
            "new",
        ];
        let rest =
            prop::collection::btree_map(prop::sample::select(names.to_vec()), anything(), 0..5);
        (word(), word(), rest, any::<bool>()).prop_map(|(top, state, rest, has_id)| {
            let mut data: serde_json::Map<String, Value> =
                rest.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            data.insert("status".to_owned(), state);
            if has_id {
                data.insert("kamipay_id".to_owned(), json!("txc_1"));
            }
            json!({"status": top, "msg": "transaction canceled", "data": data})
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn only_canceled_and_refunded_payments_give_permission(body in mixture(), status in 200_u16..204) {
            let Ok(pay_status) = answer(status, &body.to_string()) else { return Ok(()) };
            let data = &body["data"];
            let (top, state) = (body["status"].as_str(), data["status"].as_str());
            let none = |name: &str| {
                data[name].is_null() || data[name].as_str().is_some_and(|it| it.trim().is_empty())
            };
            let hash = |name: &str| {
                data[name].as_str().is_some_and(|text| TransactionHash::from(text).is_well_formed())
            };

            if pay_status.is_over() {
                prop_assert_eq!(top, Some("ok"));
                prop_assert!(matches!(state, Some("done" | "failed" | "canceled")));
            }
            if let Some(permission) = pay_status.permission_to_pay_again() {
                prop_assert_eq!(top, Some("ok"));
                prop_assert!(none("bank_txid") && status < 202);
                match state {
                    Some("canceled") => {
                        prop_assert!(["txid", "original_txid", "refund_txid"].into_iter().all(none));
                    }
                    Some("failed") => {
                        prop_assert!(hash("refund_txid"));
                        prop_assert_ne!(&data["refund_txid"], &data["original_txid"]);
                        prop_assert_ne!(&data["refund_txid"], &data["txid"]);
                    }
                    _ => prop_assert!(false, "{}", body),
                }
                prop_assert_eq!(permission.kamipay_id().as_str(), "txc_1");
            }
            let json = serde_json::to_string(&pay_status).unwrap();
            prop_assert_eq!(serde_json::from_str::<PayStatus>(&json).unwrap(), pay_status);
        }
    }
}
