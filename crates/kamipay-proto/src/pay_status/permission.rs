//! When a payment may be repeated: one rule, for a single answer and for a watch.

#[cfg(doc)]
use super::Watch;
use super::unclear::Unusable;
use super::{Evidence, FailedPayment, PayStatus, Unnamed, unclear};
use crate::identifiers::{hash_digits, same_hash};
use crate::{ExternalId, KamipayId, TransactionHash};

/// Permission to repeat a payment: the first one was canceled before any funds moved, or failed and
/// was refunded.
///
/// Only [`PayStatus::permission_to_pay_again`] and [`Watch::permission_to_pay_again`] create it, by
/// the rules of the [module](super). Let your function that pays again take it as an argument: then
/// nobody can call that function by mistake.
///
/// Each value can be used once, but the same answer gives a new value each time, also after it was
/// stored. Record in your own books that you repeated the payment.
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
/// It cannot be constructed:
///
/// ```compile_fail,E0451
/// use kamipay_proto::pay_status::PermissionToPayAgain;
///
/// fn forge(kamipay_id: kamipay_proto::KamipayId) -> PermissionToPayAgain {
///     PermissionToPayAgain { kamipay_id, external_id: None, refund_txid: None }
/// }
/// ```
///
/// deserialized:
///
/// ```compile_fail,E0277
/// use kamipay_proto::pay_status::PermissionToPayAgain;
///
/// fn read(json: &str) -> PermissionToPayAgain {
///     serde_json::from_str(json).unwrap()
/// }
/// ```
///
/// created by default:
///
/// ```compile_fail,E0277
/// use kamipay_proto::pay_status::PermissionToPayAgain;
///
/// fn default() -> PermissionToPayAgain {
///     std::iter::empty().map(|permission: PermissionToPayAgain| permission).last().unwrap_or_default()
/// }
/// ```
///
/// used twice:
///
/// ```compile_fail,E0382
/// # fn pay_again(permission: kamipay_proto::pay_status::PermissionToPayAgain) {}
/// fn twice(permission: kamipay_proto::pay_status::PermissionToPayAgain) {
///     pay_again(permission);
///     pay_again(permission);
/// }
/// ```
///
/// or cloned:
///
/// ```compile_fail,E0599
/// # fn pay_again(permission: kamipay_proto::pay_status::PermissionToPayAgain) {}
/// fn twice(permission: kamipay_proto::pay_status::PermissionToPayAgain) {
///     pay_again(permission.clone());
///     pay_again(permission);
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a permission does nothing by itself: pass it to your code that pays again"]
pub struct PermissionToPayAgain {
    kamipay_id: KamipayId,
    external_id: Option<ExternalId>,
    refund_txid: Option<TransactionHash>,
}

impl PermissionToPayAgain {
    /// kamiPay's identifier of the first payment.
    pub fn kamipay_id(&self) -> &KamipayId {
        &self.kamipay_id
    }

    /// Your own identifier of the first payment, if you gave one.
    ///
    /// The new payment needs a new identifier.
    pub fn external_id(&self) -> Option<&ExternalId> {
        self.external_id.as_ref()
    }

    /// The transaction that returned the funds; `None` if they never moved.
    pub fn refund_txid(&self) -> Option<&TransactionHash> {
        self.refund_txid.as_ref()
    }
}

impl PayStatus {
    /// Permission to repeat the payment, by the rules of the [module](super). `None` if this answer
    /// does not give it.
    pub fn permission_to_pay_again(&self) -> Option<PermissionToPayAgain> {
        let mut evidence = Evidence::default();
        evidence.note(self);
        evidence.permission(self)
    }

    /// The fields that show that funds moved, in any state.
    pub(super) fn traces(&self) -> Traces<'_> {
        fn texts<'a>(
            hashes: [&'a Option<TransactionHash>; 3],
            receipt: &'a Option<String>,
        ) -> [Option<&'a str>; 4] {
            let [a, b, c] = hashes.map(|hash| hash.as_ref().map(TransactionHash::as_str));
            [a, b, c, receipt.as_deref()]
        }
        let [txid, original_txid, refund_txid, bank_txid] = match self {
            Self::Accepted(it) | Self::Processing(it) | Self::Done(it) | Self::Canceled(it) => {
                texts([&it.txid, &it.original_txid, &it.refund_txid], &it.bank_txid)
            }
            Self::Failed(it) => {
                texts([&it.txid, &it.original_txid, &it.refund_txid], &it.bank_txid)
            }
            Self::_Unnamed(Unnamed { known: it, .. }) => {
                [&it.txid, &it.original_txid, &it.refund_txid, &it.bank_txid].map(Option::as_deref)
            }
            Self::NotFound { .. } => [None; 4],
        }
        .map(|text| text.map(str::trim).filter(|text| !text.is_empty()));
        Traces { txid, original_txid, refund_txid, bank_txid }
    }

    fn is_unclear(&self) -> bool {
        matches!(self, Self::_Unnamed(it) if it.is_unclear)
    }

    pub(super) fn kamipay_id(&self) -> Option<&str> {
        match self {
            Self::Failed(it) => Some(it.kamipay_id.as_str()),
            Self::_Unnamed(it) => it.known.kamipay_id.as_deref(),
            status => status.payment().map(|it| it.kamipay_id.as_str()),
        }
    }

    /// Whether the state implies that the payment was sent, and whether it implies *done*.
    fn is_sent_and_paid(&self) -> (bool, bool) {
        match self {
            Self::Done(_) => (true, true),
            Self::Processing(_) | Self::Failed(_) => (true, false),
            Self::Accepted(_) | Self::Canceled(_) | Self::NotFound { .. } => (false, false),
            // `failed` outside `data` means not found. `Done` is unknown as well, so ignore case.
            Self::_Unnamed(it) => {
                let outer = &it.known.envelope;
                let inner = it.known.status.as_deref().unwrap_or_default();
                let is = |word: &str, state: &str| word.trim().eq_ignore_ascii_case(state);
                let either = |state| is(outer, state) || is(inner, state);
                let is_paid = unclear::is_paid_word(outer) || unclear::is_paid_word(inner);
                (is_paid || either("processing") || is(inner, "failed"), is_paid)
            }
        }
    }
}

/// The fields that show that funds moved; `None` for empty ones.
pub(super) struct Traces<'a> {
    pub(super) txid: Option<&'a str>,
    pub(super) original_txid: Option<&'a str>,
    pub(super) refund_txid: Option<&'a str>,
    bank_txid: Option<&'a str>,
}

impl Evidence {
    /// Adds what an answer shows about the funds.
    pub(super) fn note(&mut self, status: &PayStatus) {
        self.was_unclear |= status.is_unclear();
        let Traces { txid, original_txid, refund_txid, bank_txid } = status.traces();
        let (is_sent, is_paid) = status.is_sent_and_paid();
        let hashes = [txid, original_txid, refund_txid];
        self.was_sent |= is_sent || hashes.into_iter().chain([bank_txid]).any(|it| it.is_some());
        self.was_paid |= is_paid || bank_txid.is_some();
        for hash in [txid, original_txid].into_iter().flatten() {
            keep(&mut self.transactions, hash);
        }
        if let Some(hash) = refund_txid {
            keep(&mut self.refunds, hash);
        }
        let is_other = |id: &str| self.others.iter().any(|it| it.as_str() == id);
        self.was_unclear |= status.kamipay_id().is_some_and(is_other);
        // Two are enough to contradict.
        let id = status.kamipay_id().filter(|id| !id.trim().is_empty());
        if let Some(id) = id.filter(|id| self.kamipay_ids.iter().all(|it| it.as_str() != *id)) {
            if self.kamipay_ids.len() < 2 {
                self.kamipay_ids.push(id.into());
            }
        }
    }

    /// Counts what permission to pay again depends on, beside the last answer.
    #[doc(hidden)] // for transports that save a watch at each change
    pub fn facts(&self) -> [usize; 7] {
        [
            usize::from(self.was_sent),
            usize::from(self.was_paid),
            usize::from(self.was_unclear),
            self.transactions.len(),
            self.refunds.len(),
            self.kamipay_ids.len(),
            self.others.len(),
        ]
    }

    /// Keeps what an unusable answer may show.
    pub(super) fn keep_unusable(&mut self, answer: Unusable) {
        const MOST: usize = 16;
        match answer {
            Unusable::Harmless => {}
            Unusable::AnotherPayment(id) if !self.kamipay_ids.contains(&id) => {
                if !self.others.contains(&id) {
                    self.was_unclear |= self.others.len() == MOST;
                    self.others.truncate(MOST - 1);
                    self.others.push(id);
                }
            }
            Unusable::AnotherPayment(_) | Unusable::MayShowFunds => self.was_unclear = true,
        }
    }

    /// The rule. `status` is the last answer that was [noted](Self::note).
    pub(super) fn permission(&self, status: &PayStatus) -> Option<PermissionToPayAgain> {
        if self.was_unclear || self.kamipay_ids.len() > 1 {
            return None;
        }
        let (kamipay_id, external_id, refund_txid) = match status {
            PayStatus::Canceled(payment) if !self.was_sent => {
                (&payment.kamipay_id, &payment.external_id, None)
            }
            PayStatus::Failed(payment) => {
                let refund = self.refund(payment, &status.traces())?;
                (&payment.kamipay_id, &payment.external_id, Some(refund.clone()))
            }
            _ => return None,
        };
        if kamipay_id.as_str().trim().is_empty() {
            return None; // it names no payment
        }
        let (kamipay_id, external_id) = (kamipay_id.clone(), external_id.clone());
        Some(PermissionToPayAgain { kamipay_id, external_id, refund_txid })
    }

    /// The refund of a failed payment, if its hash is well-formed and nothing contradicts it.
    fn refund<'a>(
        &self,
        payment: &'a FailedPayment,
        traces: &Traces<'_>,
    ) -> Option<&'a TransactionHash> {
        let refund = payment.refund_txid.as_ref().filter(|it| it.is_well_formed())?;
        let is_its = |hash: &TransactionHash| same_hash(hash.as_str(), refund.as_str());
        // A refund of zeros was not noted.
        let is_the_only_refund = !self.refunds.is_empty() && self.refunds.iter().all(is_its);
        let is_of_one_transaction = self.transactions.len() <= 1
            && match (traces.txid, traces.original_txid) {
                (Some(txid), Some(original)) => same_hash(txid, original),
                _ => true,
            };
        let is_returned = is_the_only_refund
            && is_of_one_transaction
            && !self.transactions.iter().any(is_its)
            && !self.was_paid;
        is_returned.then_some(refund)
    }
}

/// Adds a well-formed hash, unless it is known. Two are enough to contradict.
///
/// The API writes placeholders for hashes it does not have yet. A hash of zeros is one.
fn keep(hashes: &mut Vec<TransactionHash>, text: &str) {
    let is_hash = hash_digits(text).is_some_and(|digits| digits.bytes().any(|byte| byte != b'0'));
    if is_hash && hashes.len() < 2 && !hashes.iter().any(|hash| same_hash(hash.as_str(), text)) {
        hashes.push(TransactionHash::from(text));
    }
}
