//! Lots, their payouts and their refunds.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{Generated, Kind, identifier, number_of_operation, operation_id};
use crate::{
    json::{Object, array, timestamp, usdt},
    listing::from_micros,
    mix::mix,
    payments::{PaymentState, Target},
};

/// A lot of a [`Generated`] merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lot {
    /// Its UUID.
    pub lot_id: String,
    /// `None` before it is sent. While it is sent it may be no hash at all (`0xprocessing…`).
    pub transaction_hash: Option<String>,
    /// In USDT: the sum of its payouts.
    pub usdt_amount: Decimal,
    /// The time by which lists filter, in UTC. The API shows `null` for it while the lot is
    /// `PROCESSING`.
    pub created_at: DateTime<Utc>,
    /// The API's word: `PENDING`, `PROCESSING`, `MINED`, `FAILED`, now and then an undocumented one.
    pub status: &'static str,
    /// Its payouts.
    pub payouts: Vec<Payout>,
    /// Its refunds, each of one payout.
    pub refunds: Vec<Refund>,
}

/// A payout of a [`Lot`], which is also a payment whose status can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Payout {
    /// The lot that it belongs to.
    pub lot_id: String,
    /// `txc_…`.
    pub kamipay_id: String,
    /// The merchant's own identifier, where there is one.
    pub external_id: Option<String>,
    /// The bank's number.
    pub operation_id: String,
    /// The hash of its own transaction, which is not the lot's.
    pub tx_id: String,
    /// In USDT.
    pub amount: Decimal,
    /// In UTC.
    pub created_at: DateTime<Utc>,
    /// What the status call answers.
    pub state: PaymentState,
    pub(super) number: u64,
}

/// A refund of a [`Lot`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refund {
    /// `rpt_…`.
    pub kamipay_refund_id: String,
    /// The payout that was returned.
    pub kamipay_id: String,
    /// In USDT: what the payout's amount was.
    pub amount: Decimal,
    /// In UTC.
    pub created_at: DateTime<Utc>,
}

impl Generated {
    /// All lots, oldest first.
    pub fn lots(&self) -> impl Iterator<Item = Lot> + '_ {
        (0..self.lots).map(|index| self.lot(index))
    }

    /// How many lots there are.
    pub fn lot_count(&self) -> u64 {
        self.lots
    }

    /// The `lot_id` of every lot, oldest first.
    pub fn lot_ids(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.lots).map(|index| self.lot_id(index))
    }

    /// The payouts of all lots, oldest lot first: the payments whose status can be asked for.
    pub fn payments(&self) -> impl Iterator<Item = Payout> + '_ {
        (0..self.lots).flat_map(|index| self.lot(index).payouts)
    }

    pub(crate) fn lot_time(&self, index: u64) -> i64 {
        self.lot_times().at(index)
    }

    /// As the list shows it.
    pub(crate) fn listed_lot(&self, index: u64) -> String {
        self.lot_row(index, &self.lot(index)).end()
    }

    /// As the call for one lot shows it.
    pub(crate) fn lot_detail(&self, index: u64) -> String {
        let lot = self.lot(index);
        let payouts: Vec<_> = lot.payouts.iter().map(|payout| self.payout_row(payout)).collect();
        let refunds: Vec<_> = lot.refunds.iter().map(refund_row).collect();
        let row = self.lot_row(index, &lot);
        row.raw("payouts", array(&payouts)).raw("refunds", array(&refunds)).end()
    }

    /// The payment with an identifier, by whichever of its four.
    pub(crate) fn find_payment(&self, target: Target, id: &str) -> Option<Payout> {
        let number = match target {
            Target::Kamipay => self.number(Kind::PayoutId, identifier::bits_of_ulid("txc", id)?),
            Target::Tx => self.number(Kind::PayoutTx, identifier::bits_of_hash(id)?),
            Target::Operation => {
                let number = number_of_operation(id)?;
                if number % 2 != 0 {
                    return None;
                }
                number / 2
            }
            Target::External => match id.strip_prefix("payout-") {
                Some(rest) => rest.split('-').next()?.parse().ok()?,
                None => id.parse::<u64>().ok()?.checked_sub(FIRST_NUMERIC_EXTERNAL_ID)?,
            },
        };
        let (lot, place) = (number / self.max_payouts, number % self.max_payouts);
        if lot >= self.lots || place >= self.payout_count(lot) {
            return None;
        }
        let payout = self.payout(lot, place);
        let is_it = match target {
            Target::Kamipay => payout.kamipay_id == id,
            Target::Tx => payout.tx_id.eq_ignore_ascii_case(id),
            Target::Operation => payout.operation_id == id,
            Target::External => payout.external_id.as_deref() == Some(id),
        };
        is_it.then_some(payout)
    }

    fn lot(&self, index: u64) -> Lot {
        let payouts: Vec<_> =
            (0..self.payout_count(index)).map(|place| self.payout(index, place)).collect();
        let created_at = from_micros(self.lot_times().at(index));
        let refunds = payouts
            .iter()
            .filter(|payout| payout.state == PaymentState::FailedAndRefunded)
            .map(|payout| self.refund(payout, created_at))
            .collect();
        Lot {
            lot_id: self.lot_id(index),
            transaction_hash: self.lot_hash(index),
            usdt_amount: payouts.iter().map(|payout| payout.amount).sum(),
            created_at,
            status: self.lot_status(index),
            payouts,
            refunds,
        }
    }

    fn lot_times(&self) -> super::Timeline {
        self.timeline(Kind::LotTime, self.start, self.lots)
    }

    pub(crate) fn lot_id(&self, index: u64) -> String {
        identifier::uuid(self.bits(Kind::LotId, index), self.seed)
    }

    fn lot_hash(&self, index: u64) -> Option<String> {
        let bits = self.bits(Kind::LotHash, index);
        match self.lot_status(index) {
            "PENDING" => None,
            "PROCESSING" if bits % 2 == 0 => None,
            // As long as a hash, but none, as in the pages' example.
            "PROCESSING" => Some(format!("0xprocessing{bits:054}")),
            _ => Some(identifier::hash(bits, self.seed)),
        }
    }

    /// Mostly `MINED`. The last but one is `PENDING`, the one before it `PROCESSING`.
    fn lot_status(&self, index: u64) -> &'static str {
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
    pub(crate) fn lot_index(&self, identifier: &str) -> Option<u64> {
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

    fn payout_count(&self, lot: u64) -> u64 {
        1 + self.roll(Kind::LotPayouts, lot) % self.max_payouts
    }

    fn payout(&self, lot: u64, place: u64) -> Payout {
        let number = lot * self.max_payouts + place;
        let bits = self.roll(Kind::PayoutAmount, number);
        // Up to half an hour before its lot; payouts of one lot have times of their own.
        let before = 1_000_000 + (bits >> 20) % 1_800_000_000;
        let created_at = self.lot_times().at(lot).saturating_sub_unsigned(before);
        Payout {
            lot_id: self.lot_id(lot),
            kamipay_id: identifier::ulid(
                "txc",
                created_at / 1000,
                self.bits(Kind::PayoutId, number),
                bits as u16,
            ),
            external_id: self.payout_external_id(number),
            operation_id: operation_id(2 * number),
            tx_id: identifier::hash(self.bits(Kind::PayoutTx, number), self.seed),
            amount: self.payout_amount(number),
            created_at: from_micros(created_at),
            state: self.payment_state(lot, place),
            number,
        }
    }

    /// None for one in twelve; digits only, which the API may write as a number, for one in ten.
    fn payout_external_id(&self, number: u64) -> Option<String> {
        let bits = self.roll(Kind::PayoutExternalId, number);
        if self.now_and_then(Kind::PayoutExternalId, 12, number) {
            None
        } else if number % 10 == bits % 10 {
            Some((FIRST_NUMERIC_EXTERNAL_ID + number).to_string())
        } else {
            Some(format!("payout-{number:06}-{:04x}", bits >> 48))
        }
    }

    /// What is paid in centavos. The amount in USDT follows from it, at a rate of 5.40.
    pub(super) fn payout_centavos(&self, number: u64) -> u64 {
        if self.is_zero(number) {
            return 0;
        }
        let bits = self.roll(Kind::PayoutAmount, number);
        // Many small ones, few large ones: up to 80, 800, 8000 BRL.
        300 + (bits >> 8) % [7_700, 79_700, 799_700, 79_700][(bits % 4) as usize]
    }

    fn payout_amount(&self, number: u64) -> Decimal {
        // In millionths of a USDT: centavos / 100 / 5.40 * 1,000,000.
        let micros = self.payout_centavos(number) * 100_000 / 54;
        Decimal::new(micros as i64, 6)
    }

    /// What can be, given the state of the lot.
    fn payment_state(&self, lot: u64, place: u64) -> PaymentState {
        let number = lot * self.max_payouts + place;
        let bits = self.roll(Kind::PayoutState, number);
        match self.lot_status(lot) {
            "PENDING" => PaymentState::Accepted,
            "PROCESSING" if place % 3 == 0 => PaymentState::NotFound,
            "PROCESSING" => PaymentState::Processing,
            "FAILED" => PaymentState::Canceled,
            _ if self.fails(lot, place) => {
                let before = (0..place).filter(|place| self.fails(lot, *place)).count();
                // The refunds of a lot are limited, and some take their time.
                if before as u64 >= self.max_refunds || (number / 9) % 3 == 0 {
                    PaymentState::FailedRefundPending
                } else {
                    PaymentState::FailedAndRefunded
                }
            }
            _ if self.now_and_then(Kind::PayoutState, 14, number) => PaymentState::Undocumented,
            _ if bits % 16 == 0 => PaymentState::Processing,
            _ => PaymentState::Done,
        }
    }

    fn fails(&self, lot: u64, place: u64) -> bool {
        let number = lot * self.max_payouts + place;
        self.now_and_then(Kind::PayoutRefunded, 9, number) && !self.is_zero(number)
    }

    /// Now and then nothing is paid, which the vendor writes as `0E-8`.
    fn is_zero(&self, number: u64) -> bool {
        self.now_and_then(Kind::PayoutZero, 41, number)
    }

    fn refund(&self, payout: &Payout, lot_created_at: DateTime<Utc>) -> Refund {
        let bits = self.roll(Kind::RefundId, payout.number);
        let created_at = lot_created_at
            .timestamp_micros()
            .saturating_add_unsigned(60_000_000 + (bits >> 16) % 3_600_000_000);
        Refund {
            kamipay_refund_id: identifier::ulid(
                "rpt",
                created_at / 1000,
                self.bits(Kind::RefundId, payout.number),
                bits as u16,
            ),
            kamipay_id: payout.kamipay_id.clone(),
            amount: payout.amount,
            created_at: from_micros(created_at),
        }
    }

    fn lot_row(&self, index: u64, lot: &Lot) -> Object {
        let created_at = (lot.status != "PROCESSING").then_some(lot.created_at);
        let row = Object::new()
            .text("lot_id", &lot.lot_id)
            .maybe_text("transaction_hash", lot.transaction_hash.as_deref())
            .text("usdt_amount", &usdt(lot.usdt_amount))
            .maybe_time("created_at", created_at)
            .text("status", lot.status);
        if !self.now_and_then(Kind::LotExtra, 19, index) {
            return row;
        }
        let block = 80_000_000 + mix(index) % 1_000_000;
        row.raw("network_fee", format!(r#"{{"token":"POL","amount":"0.00213","block":{block}}}"#))
            .raw("attempts", r#"[{"no":1,"error":null},[]]"#)
    }

    fn payout_row(&self, payout: &Payout) -> String {
        let row = Object::new()
            .text("kamipay_id", &payout.kamipay_id)
            .text("amount", &usdt(payout.amount))
            .text("created_at", &timestamp(payout.created_at));
        if self.now_and_then(Kind::PayoutExtra, 23, payout.number) {
            return row.raw("labels", r#"{"team":"payroll","tags":["may",7]}"#).end();
        }
        row.end()
    }
}

/// Written as a number by the failed state, as the pages do with `123456789`.
pub(super) const FIRST_NUMERIC_EXTERNAL_ID: u64 = 7_000_000_000;

fn refund_row(refund: &Refund) -> String {
    Object::new()
        .text("kamipay_refund_id", &refund.kamipay_refund_id)
        .text("amount", &usdt(refund.amount))
        .text("created_at", &timestamp(refund.created_at))
        .end()
}
