//! The state of a payment, and what it permits.
//!
//! Two questions, answered by the type so that nobody has to guess:
//!
//! * *Is it over?* [`PayStatus::is_over`]: done, failed or canceled, and nothing else.
//! * *May I pay again?* [`PayStatus::permission_to_pay_again`]: only after a cancellation, or a
//!   failure that names its refund.
//!
//! "TX not found" is neither. It comes while the bank has not begun with a payment that is on its
//! way, and whoever takes it for a failure pays twice: wait and ask again. [`Watch`] does that.

mod get;
mod watch;

pub use get::{Chain, GetPayStatus, InvalidChain, InvalidPaymentTarget, PaymentTarget, Target};
pub use watch::{End, Evidence, Sighting, Step, Watch, WatchLimits};

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

    /// Whether anything in it says that the payment was sent to the blockchain.
    fn says_that_it_was_sent(&self) -> bool {
        match self {
            Self::Processing(_) | Self::Done(_) | Self::Failed(_) => true,
            Self::Accepted(payment) | Self::Canceled(payment) => payment.was_sent(),
            Self::NotFound { .. } => false,
            Self::_Unnamed(_) => get::has_hash(self),
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
/// pays again can take it as an argument, and can then not be called by mistake. What is used once is
/// the value, not the payment: the same answer gives another one each time it is asked, also after it
/// was saved. That the payment was made again is for your own books to know.
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
#[doc(hidden)]
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Endpoint, Error, ErrorKind};

    const HASH: &str = "0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab";
    const OTHER: &str = "0x96a48088522ccaae8f60afa7d66290d0c2b3ebd3bb70630df79f105258d36547";
    const PLACEHOLDER: &str = "0xprocessing123456789012345678901234567890123456789012345678901234";
    const NAMED: [&str; 5] = ["accepted", "processing", "done", "failed", "canceled"];

    fn answer(status: u16, body: &str) -> Result<PayStatus, Error> {
        let payment = PaymentTarget::kamipay_id("txc_1").unwrap();
        let mut response = http::Response::new(body);
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        GetPayStatus::new(payment, Chain::Polygon).parse(response)
    }

    fn read(body: &str) -> PayStatus {
        let status = answer(200, body).unwrap_or_else(|error| panic!("{body}: {error:?}"));
        // Whatever it is, it is the same after a while in a file.
        for json in [
            serde_json::to_string(&status).unwrap(),
            serde_json::to_string_pretty(&status).unwrap(),
        ] {
            assert_eq!(serde_json::from_str::<PayStatus>(&json).unwrap(), status, "{body}");
        }
        status
    }

    fn fault(body: &str) -> crate::DecodeError {
        let error = answer(200, body).expect_err(body);
        let ErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
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
            assert_eq!(status.unnamed_json().is_some(), ["expired", "pending"].contains(&state));
            let has_payment = ["accepted", "processing", "done", "canceled"].contains(&state);
            assert_eq!(status.payment().is_some(), has_payment);
        }
    }

    #[test]
    fn two_kinds_of_failed_are_two_types() {
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
    fn ok_without_data_is_never_a_state() {
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
    fn a_key_that_comes_twice_is_no_state() {
        for body in [
            r#"{"status": "failed", "status": "ok", "data": {"status": "done", "kamipay_id": "a"}}"#,
            r#"{"status": "ok", "data": {"status": "done", "status": "canceled", "kamipay_id": "a"}}"#,
            r#"{"status": "ok", "data": {"status": "canceled", "txid": "x", "txid": null,
                "kamipay_id": "a"}}"#,
            r#"{"status": "ok", "data": {"status": "done", "kamipay_id": "a"},
                "data": {"status": "canceled", "kamipay_id": "a"}}"#,
            r#"{"status": "failed", "data": {"status": "done"}, "data": null}"#,
        ] {
            assert!(fault(body).to_string().contains("duplicate field"), "{body}");
        }
    }

    #[test]
    fn a_state_without_a_name_is_kept_whole() {
        let body = r#"{"status": "ok", "msg": "m", "data": {"status": "frozen", "reason": "court",
            "amount_usdt": 1.10, "new": [1e5, {"a": null}], "kamipay_id": "txc_1"}}"#;
        let status = read(&format!("\n {body} "));
        assert_eq!((status.state(), status.msg()), ("frozen", Some("m")));
        assert_eq!(status.unnamed_json(), Some(body));
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
    fn an_answer_that_contradicts_itself_is_neither() {
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
            assert_eq!((status.state(), status.unnamed_json()), (word, Some(body)));
            assert!(!status.is_over() && status.permission_to_pay_again().is_none(), "{body}");
        }
    }

    /// What a field of `data` may hold, as JSON, or nothing at all.
    fn field(name: &str, json: Option<&str>) -> String {
        json.map(|json| format!(", \"{name}\": {json}")).unwrap_or_default()
    }

    #[test]
    fn permission_comes_from_two_mixtures_of_all() {
        let quoted = |text: &str| format!("\"{text}\"");
        let (hash, other, placeholder) = (quoted(HASH), quoted(OTHER), quoted(PLACEHOLDER));
        let bare = quoted(&HASH[2..]);
        let upper = quoted(&HASH.to_uppercase()); // `0X…`
        let texts = [None, Some("null"), Some("\"\"")];

        let (mut permitted, mut asked) = (0, 0);
        for top in ["ok", "failed", "OK", "pending", "canceled", ""] {
            for state in NAMED.into_iter().chain(["CANCELED", "refunded", "not_found", ""]) {
                for txid in texts.into_iter().chain([Some("\"x\""), Some(&*hash)]) {
                    for bank in texts.into_iter().chain([Some("\"E2001818\""), Some("\" \"")]) {
                        for refund in texts
                            .into_iter()
                            .chain([&*placeholder, "\"x\"", &hash, &other, &bare].map(Some))
                        {
                            for original in
                                texts.into_iter().chain([&*hash, &upper, &bare].map(Some))
                            {
                                let data = [
                                    field("txid", txid),
                                    field("bank_txid", bank),
                                    field("refund_txid", refund),
                                    field("original_txid", original),
                                ];
                                let body = format!(
                                    r#"{{"status": "{top}", "data": {{"status": "{state}",
                                    "kamipay_id": "txc_1"{}}}}}"#,
                                    data.concat()
                                );
                                let status = answer(200, &body).unwrap();
                                asked += 1;

                                let unsent = texts.contains(&txid) && texts.contains(&bank);
                                let is_hash = [&*hash, &other, &bare].map(Some).contains(&refund);
                                let same = refund != Some(&*other) && !texts.contains(&original);
                                let may = match (top, state) {
                                    ("ok", "canceled") => unsent,
                                    ("ok", "failed") => is_hash && !same,
                                    _ => false,
                                };
                                let permission = status.permission_to_pay_again();
                                assert_eq!(permission.is_some(), may, "{body}");
                                let over =
                                    top == "ok" && ["done", "failed", "canceled"].contains(&state);
                                assert_eq!(status.is_over(), over, "{body}");
                                permitted += usize::from(may);
                            }
                        }
                    }
                }
            }
        }
        // 9 of txid and bank_txid for any refund; 3 hashes but for those of the original itself
        assert_eq!((permitted, asked), (9 * 8 * 6 + 25 * (3 + 6 + 3), 6 * 9 * 25 * 48));
    }

    #[test]
    fn no_other_http_status_and_no_refusal_is_a_state() {
        let canceled = r#"{"status": "ok", "data": {"status": "canceled", "kamipay_id": "txc_1"}}"#;
        let unknown = r#"{"status": "failed", "msg": "TX not found"}"#;
        for status in 100..=999 {
            for body in [canceled, unknown] {
                let result = answer(status, body);
                let is_answer = matches!(status, 200..=203 | 207..=299);
                assert_eq!(result.is_ok(), is_answer, "{status}");
                let permission = result.ok().and_then(|status| status.permission_to_pay_again());
                assert_eq!(permission.is_some(), is_answer && body == canceled, "{status}");
            }
        }
    }

    /// Anything that might stand in the place of a value.
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
        fn no_mixture_gives_permission_but_the_two(body in mixture(), status in 200_u16..204) {
            let Ok(pay_status) = answer(status, &body.to_string()) else { return Ok(()) };
            let data = &body["data"];
            let (top, state) = (body["status"].as_str(), data["status"].as_str());
            let none = |name: &str| data[name].is_null() || data[name] == "";
            let hash = |name: &str| {
                data[name].as_str().is_some_and(|text| TransactionHash::from(text).is_well_formed())
            };

            if pay_status.is_over() {
                prop_assert_eq!(top, Some("ok"));
                prop_assert!(matches!(state, Some("done" | "failed" | "canceled")));
            }
            if let Some(permission) = pay_status.permission_to_pay_again() {
                prop_assert_eq!(top, Some("ok"));
                match state {
                    Some("canceled") => prop_assert!(none("txid") && none("bank_txid")),
                    Some("failed") => {
                        prop_assert!(hash("refund_txid"));
                        prop_assert_ne!(&data["refund_txid"], &data["original_txid"]);
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
