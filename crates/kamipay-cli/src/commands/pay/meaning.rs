use anstyle::Style;
use kamipay_ureq::proto::TransactionHash;
use kamipay_ureq::proto::pay_status::{FailedPayment, PayStatus};

use crate::exit::Exit;
use crate::table::{BAD, GOOD, OPEN};

/// What a state means for a program that pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Accepted,
    Processing,
    Paid,
    Returned,
    /// Failed, and nothing proves that the funds came back.
    NotReturned,
    /// Failed with a refund, but something contradicts it.
    ReturnedOddly,
    Canceled,
    /// Canceled, but a transaction, a receipt or an earlier answer contradicts that.
    CanceledOddly,
    NotKnown,
    Unnamed,
}

impl Meaning {
    /// `may_pay_again` is not always what the status says: an earlier answer may contradict it.
    pub(crate) fn of(status: &PayStatus, may_pay_again: bool) -> Self {
        match status {
            PayStatus::Accepted(_) => Self::Accepted,
            PayStatus::Processing(_) => Self::Processing,
            PayStatus::Done(_) => Self::Paid,
            PayStatus::Failed(_) if may_pay_again => Self::Returned,
            PayStatus::Failed(payment) if has_refund(payment) => Self::ReturnedOddly,
            PayStatus::Failed(_) => Self::NotReturned,
            PayStatus::Canceled(_) if may_pay_again => Self::Canceled,
            PayStatus::Canceled(_) => Self::CanceledOddly,
            PayStatus::NotFound { .. } => Self::NotKnown,
            _ => Self::Unnamed,
        }
    }

    pub(super) fn exit(self) -> Exit {
        match self {
            Self::Paid => Exit::Done,
            Self::Returned => Exit::Returned,
            Self::Canceled => Exit::Canceled,
            // Scripts read 10 and 11 as permission to pay again.
            Self::NotReturned | Self::ReturnedOddly | Self::CanceledOddly => Exit::NotOver,
            Self::Accepted | Self::Processing | Self::NotKnown | Self::Unnamed => Exit::NotOver,
        }
    }

    /// In a few words.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::Accepted | Self::Processing => "wait and ask again",
            Self::Paid => "paid",
            Self::Returned => "returned: may be paid again",
            Self::NotReturned => "refund not visible yet: do not pay again",
            Self::Canceled => "no funds moved: may be paid again",
            Self::ReturnedOddly | Self::CanceledOddly => "contradicts itself: do not pay again",
            Self::NotKnown => "NOT a failure: wait and ask again",
            Self::Unnamed => "unknown state: do not pay again",
        }
    }

    pub(super) fn long(self) -> &'static [&'static str] {
        match self {
            Self::Accepted => &[
                "Accepted, but not sent to the blockchain yet.",
                "Wait and ask again. Do not pay again.",
            ],
            Self::Processing => &[
                "Sent to the blockchain, but not confirmed yet.",
                "Wait and ask again. Do not pay again.",
            ],
            Self::Paid => &["Paid. There is nothing left to do."],
            Self::Returned => &[
                "Failed and returned: the funds came back in the transaction refund_txid.",
                "You may pay again, with a new external_id.",
            ],
            Self::NotReturned => &[
                "Failed, and no refund shows yet.",
                "Do not pay again until the refund has a transaction (refund_txid).",
                "Ask again later, or ask kamiPay.",
            ],
            Self::ReturnedOddly => &[
                "Failed, but a bank receipt or a hash contradicts the refund.",
                "Do not pay again until kamiPay has explained this.",
            ],
            Self::Canceled => &[
                "Canceled: it was never sent, and no funds moved.",
                "You may pay again, with a new external_id.",
            ],
            Self::CanceledOddly => &[
                "Canceled, but a transaction, a receipt or an earlier answer contradicts that.",
                "Do not pay again until kamiPay has explained this.",
            ],
            Self::NotKnown => &[
                "Not found yet: this is NOT a failure.",
                "Wait and ask again. Do not pay again.",
                "If this does not change: is it the right kind of identifier, and the right chain?",
            ],
            Self::Unnamed => &[
                "This program does not know this state, so the payment may not be over.",
                "Wait and ask again. Do not pay again.",
            ],
        }
    }

    pub(crate) fn style(self) -> Style {
        match self {
            Self::Paid | Self::Returned | Self::Canceled => GOOD,
            Self::NotReturned | Self::ReturnedOddly | Self::CanceledOddly => BAD,
            Self::Accepted | Self::Processing | Self::NotKnown | Self::Unnamed => OPEN,
        }
    }
}

/// Whether the answer shows a refund, even if something contradicts it.
pub(super) fn has_refund(payment: &FailedPayment) -> bool {
    payment.refund_txid.as_ref().is_some_and(TransactionHash::is_well_formed)
}
