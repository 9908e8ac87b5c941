//! Lots and their refunds.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{Generated, GeneratedPayout, Kind, Timeline, identifier};
use crate::{
    forms,
    json::{Object, array},
    list::from_micros,
    mix::mix,
    payments::PaymentState,
};

/// A lot of a [`Generated`] merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GeneratedLot {
    /// Its UUID.
    pub lot_id: String,
    /// `None` before it is sent. While it is sent it may be a placeholder (`0xprocessing…`).
    pub transaction_hash: Option<String>,
    /// In USDT: the sum of its payouts.
    pub usdt_amount: Decimal,
    /// The time by which lists filter, in UTC. The API shows `null` for it while the lot is
    /// `PROCESSING`.
    pub created_at: DateTime<Utc>,
    /// The API's word: `PENDING`, `PROCESSING`, `MINED`, `FAILED`, now and then an undocumented one.
    pub status: &'static str,
    /// Its payouts.
    pub payouts: Vec<GeneratedPayout>,
    /// Its refunds, each of one payout.
    pub refunds: Vec<GeneratedRefund>,
}

/// A refund of a [`GeneratedLot`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GeneratedRefund {
    /// `rpt_…`.
    pub kamipay_refund_id: String,
    /// The payout that was returned.
    pub kamipay_id: String,
    /// In USDT: the amount of the payout.
    pub amount: Decimal,
    /// In UTC.
    pub created_at: DateTime<Utc>,
}

impl Generated {
    /// All lots, oldest first.
    pub fn lots(&self) -> impl Iterator<Item = GeneratedLot> + '_ {
        (0..self.lots).map(|index| self.lot(index))
    }

    /// The `lot_id` of every lot, oldest first.
    pub fn lot_ids(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.lots).map(|index| self.lot_id(index))
    }

    /// As the list shows it.
    pub(super) fn lot_row(&self, index: u64) -> Object {
        let lot = self.lot(index);
        let created_at = (lot.status != "PROCESSING").then_some(lot.created_at);
        let hash = lot.transaction_hash.as_deref();
        let row = forms::lot(&lot.lot_id, hash, lot.usdt_amount, created_at, lot.status);
        if !self.now_and_then(Kind::LotExtra, 19, index) {
            return row;
        }
        let block = 80_000_000 + mix(index) % 1_000_000;
        row.raw("network_fee", format!(r#"{{"token":"POL","amount":"0.00213","block":{block}}}"#))
            .raw("attempts", r#"[{"no":1,"error":null},[]]"#)
    }

    /// As the call for one lot shows it.
    pub(super) fn lot_detail(&self, index: u64) -> Object {
        let lot = self.lot(index);
        let payouts: Vec<_> = lot.payouts.iter().map(|payout| self.payout_row(payout)).collect();
        let refund = |refund: &GeneratedRefund| {
            let id = ("kamipay_refund_id", refund.kamipay_refund_id.as_str());
            forms::part_of_lot(id, refund.amount, refund.created_at).end()
        };
        let refunds: Vec<_> = lot.refunds.iter().map(refund).collect();
        self.lot_row(index).raw("payouts", array(&payouts)).raw("refunds", array(&refunds))
    }

    fn lot(&self, index: u64) -> GeneratedLot {
        let payouts: Vec<_> = self.payouts_of(index).collect();
        let created_at = from_micros(self.lot_times().at(index));
        let refunds = payouts
            .iter()
            .filter(|payout| payout.state == PaymentState::FailedAndRefunded)
            .map(|payout| self.refund(payout, created_at))
            .collect();
        GeneratedLot {
            lot_id: self.lot_id(index),
            transaction_hash: self.lot_hash(index),
            usdt_amount: payouts.iter().map(|payout| payout.amount).sum(),
            created_at,
            status: self.lot_status(index),
            payouts,
            refunds,
        }
    }

    pub(super) fn lot_times(&self) -> Timeline {
        self.timeline(Kind::LotTime, self.start, self.lots)
    }

    pub(super) fn lot_id(&self, index: u64) -> String {
        identifier::uuid(self.bits(Kind::LotId, index), self.seed)
    }

    fn lot_hash(&self, index: u64) -> Option<String> {
        let bits = self.bits(Kind::LotHash, index);
        match self.lot_status(index) {
            "PENDING" => None,
            "PROCESSING" if bits % 2 == 0 => None,
            // Not a hash but as long as one, as in the pages' example.
            "PROCESSING" => Some(format!("0xprocessing{bits:054}")),
            _ => Some(identifier::hash(bits, self.seed)),
        }
    }

    /// Mostly `MINED`. The last but one is `PENDING`, the one before it `PROCESSING`.
    pub(super) fn lot_status(&self, index: u64) -> &'static str {
        match self.lots - index {
            1 => return "MINED",
            2 => return "PENDING",
            3 => return "PROCESSING",
            _ => {}
        }
        if self.now_and_then(Kind::LotUnknown, 37, index) {
            "REORGANIZED"
        } else if self.now_and_then(Kind::LotFailed, 17, index) {
            "FAILED"
        } else if self.now_and_then(Kind::LotInFlight, 29, index) {
            "PROCESSING"
        } else {
            "MINED"
        }
    }

    /// The lot with a `lot_id` or a hash.
    pub(super) fn lot_index(&self, identifier: &str) -> Option<u64> {
        let by_id = identifier::bits_of_uuid(identifier)
            .map(|bits| self.number(Kind::LotId, bits))
            .filter(|index| *index < self.lots && self.lot_id(*index) == identifier);
        if by_id.is_some() {
            return by_id;
        }
        let bits = match identifier.get(..12) {
            Some(start) if start.eq_ignore_ascii_case("0xprocessing") => {
                identifier.get(12..)?.parse().ok()?
            }
            _ => identifier::bits_of_hash(identifier)?,
        };
        let index = self.number(Kind::LotHash, bits);
        let is_it = index < self.lots
            && self.lot_hash(index).is_some_and(|hash| hash.eq_ignore_ascii_case(identifier));
        is_it.then_some(index)
    }

    fn refund(&self, payout: &GeneratedPayout, lot_created_at: DateTime<Utc>) -> GeneratedRefund {
        let number = payout.number();
        let bits = self.roll(Kind::RefundId, number);
        let created_at = lot_created_at
            .timestamp_micros()
            .saturating_add_unsigned(60_000_000 + (bits >> 16) % 3_600_000_000);
        GeneratedRefund {
            kamipay_refund_id: identifier::ulid(
                "rpt",
                created_at / 1000,
                self.bits(Kind::RefundId, number),
                bits as u16,
            ),
            kamipay_id: payout.kamipay_id.clone(),
            amount: payout.amount,
            created_at: from_micros(created_at),
        }
    }
}
