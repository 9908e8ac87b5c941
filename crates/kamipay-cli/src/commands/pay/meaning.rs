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
    /// Failed with a refund, and yet with something that contradicts it.
    ReturnedOddly,
    Canceled,
    /// Canceled, and yet with a transaction or a receipt, or seen on its way before.
    CanceledOddly,
    NotKnown,
    Unnamed,
}

impl Meaning {
    /// A watch may forbid what its last answer alone would permit.
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
            // Scripts take 10 and 11 for permission to pay again: nothing less gives them.
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
            Self::Unnamed => "not known to be over: do not pay again",
        }
    }

    pub(super) fn long(self) -> &'static [&'static str] {
        match self {
            Self::Accepted => &[
                "Accepted, and not yet sent to the blockchain.",
                "Wait and ask again. Do not pay again.",
            ],
            Self::Processing => &[
                "Sent to the blockchain, and not yet confirmed.",
                "Wait and ask again. Do not pay again.",
            ],
            Self::Paid => &["Paid. Nothing is left to do."],
            Self::Returned => &[
                "Failed and returned: the funds came back with the transaction refund_txid.",
                "You may pay again, with a new external_id.",
            ],
            Self::NotReturned => &[
                "Failed, and the refund is not visible yet.",
                "Do not pay again before the refund has a transaction (refund_txid).",
                "Ask again, or ask kamiPay.",
            ],
            Self::ReturnedOddly => &[
                "Failed, and yet not plainly returned: a bank's receipt, or hashes that contradict.",
                "Do not pay again before kamiPay has cleared that up.",
            ],
            Self::Canceled => &[
                "Canceled: it was never sent, and no funds moved.",
                "You may pay again, with a new external_id.",
            ],
            Self::CanceledOddly => &[
                "Canceled, and yet it has a transaction or a receipt, or was seen on its way.",
                "Do not pay again before kamiPay has cleared that up.",
            ],
            Self::NotKnown => &[
                "Not known (yet): this is NOT a failure.",
                "Wait and ask again; do not pay again.",
                "If it stays so: is it the right kind of identifier, and the right chain?",
            ],
            Self::Unnamed => &[
                "A state that this program does not know, so it is not taken for an end.",
                "Wait and ask again; do not pay again.",
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

/// Whether a refund shows, be it believed or not.
pub(super) fn has_refund(payment: &FailedPayment) -> bool {
    payment.refund_txid.as_ref().is_some_and(TransactionHash::is_well_formed)
}
