//! A merchant made from a seed. No row is stored: each is a pure function of the seed and its
//! index, times never decrease with the index, and identifiers lead back to it. So a merchant of a
//! million charges costs as little as one of ten.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    list::{from_micros, micros},
    mix::{mix, roll, unmix},
};

mod charges;
pub(crate) mod identifier;
mod lists;
mod lots;
mod payouts;
mod settlements;
mod timeline;

use self::timeline::Timeline;
pub use self::{
    charges::{GeneratedCharge, GeneratedPendingCharge},
    lots::{GeneratedLot, GeneratedRefund},
    payouts::GeneratedPayout,
    settlements::GeneratedSettlement,
};

/// A merchant made from a seed, with any number of rows.
///
/// The same seed and sizes give the same bytes on every machine. By default the merchant has
/// 40 lots with up to 5 payouts each, 200 charges in 12 settlements and 9 pending charges in
/// May 2026, and one checkout, number 42.
///
/// The methods below return the truth without the API, to compare with what a client listed:
///
/// ```
/// use kamipay_sandbox::{Generated, Sandbox};
///
/// let merchant = Generated::new(7).with_lots(3).with_charges(1_000_000);
/// let sandbox = Sandbox::generated(merchant.clone());
/// // … a client lists the lots of the sandbox …
/// assert_eq!(merchant.lots().count(), 3);
/// let first = merchant.lots().next().unwrap();
/// assert_eq!(first.usdt_amount, first.payouts.iter().map(|payout| payout.amount).sum());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    seed: u64,
    /// Microseconds since 1970.
    start: i64,
    end: i64,
    lots: u64,
    max_payouts: u64,
    max_refunds: u64,
    charges: u64,
    charges_per_settlement: u64,
    pending_charges: u64,
    checkouts: u64,
}

impl Generated {
    /// A merchant that has nothing.
    pub(crate) fn nothing() -> Self {
        Self { lots: 0, charges: 0, pending_charges: 0, ..Self::new(0) }
    }

    /// A merchant with the default sizes.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            start: 1_777_593_600_000_000, // 2026-05-01T00:00:00Z
            end: 1_780_272_000_000_000,   // 2026-06-01T00:00:00Z
            lots: 40,
            max_payouts: 5,
            max_refunds: 2,
            charges: 200,
            charges_per_settlement: 19,
            pending_charges: 9,
            checkouts: 1,
        }
    }

    /// The period of all rows. The first rows are at `start`, the last ones a microsecond before
    /// `end`. An `end` before the start counts as the start. Default: May 2026.
    #[must_use]
    pub fn with_period(mut self, start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        self.start = micros(start);
        self.end = micros(end).max(self.start);
        self
    }

    /// The number of lots: at most 10 million. Default: 40.
    #[must_use]
    pub fn with_lots(mut self, lots: u64) -> Self {
        self.lots = lots.min(MOST_ROWS);
        self
    }

    /// The most payouts of a lot: from 1 to 1000. Each lot has at least one. Default: 5.
    #[must_use]
    pub fn with_max_payouts(mut self, payouts: u32) -> Self {
        self.max_payouts = u64::from(payouts).clamp(1, MOST_PARTS);
        self
    }

    /// The most refunds of a lot, which never has more refunds than payouts. Default: 2.
    #[must_use]
    pub fn with_max_refunds(mut self, refunds: u32) -> Self {
        self.max_refunds = u64::from(refunds);
        self
    }

    /// The number of charges of settlements: at most 10 million. Default: 200.
    #[must_use]
    pub fn with_charges(mut self, charges: u64) -> Self {
        self.charges = charges.min(MOST_ROWS);
        self
    }

    /// The approximate number of charges of a settlement: from 1 to 1000. The first settlement has
    /// one, as before charges were settled in batches. Default: 19.
    #[must_use]
    pub fn with_charges_per_settlement(mut self, charges: u32) -> Self {
        self.charges_per_settlement = u64::from(charges).clamp(1, MOST_PARTS);
        self
    }

    /// The number of charges that wait for a settlement: at most 10 million, all in the last seven
    /// days of the period. Default: 9.
    #[must_use]
    pub fn with_pending_charges(mut self, charges: u64) -> Self {
        self.pending_charges = charges.min(MOST_ROWS);
        self
    }

    /// The number of checkouts enrolled in batched settlement, numbered from 42: at most 1000.
    /// Without a checkout no pending charges are shown. Default: 1.
    #[must_use]
    pub fn with_checkouts(mut self, checkouts: u32) -> Self {
        self.checkouts = u64::from(checkouts).min(MOST_PARTS);
        self
    }

    /// The time of the first row.
    pub fn start(&self) -> DateTime<Utc> {
        from_micros(self.start)
    }

    /// The end of the period, a microsecond after the last row.
    pub fn end(&self) -> DateTime<Utc> {
        from_micros(self.end)
    }

    /// The numbers of the checkouts enrolled in batched settlement.
    pub(crate) fn checkout_ids(&self) -> impl Iterator<Item = i64> + use<> {
        FIRST_CHECKOUT..FIRST_CHECKOUT + self.checkouts as i64
    }

    /// The time in a sandbox with this merchant: half a day after the last row.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let end = self.end();
        end.checked_add_signed(TimeDelta::hours(12)).unwrap_or(end)
    }

    fn roll(&self, kind: Kind, index: u64) -> u64 {
        roll(self.seed, kind as u64, index)
    }

    /// True for one index in `every`. The phase depends on seed and kind. Unlike with a die, every
    /// merchant of at least `every` rows has each oddity.
    fn now_and_then(&self, kind: Kind, every: u64, index: u64) -> bool {
        (index + self.roll(kind, u64::MAX) % every) % every == 0
    }

    /// 64 bits for an identifier, from which [`Generated::number`] finds the number.
    fn bits(&self, kind: Kind, number: u64) -> u64 {
        mix(number ^ self.roll(kind, u64::MAX))
    }

    fn number(&self, kind: Kind, bits: u64) -> u64 {
        unmix(bits) ^ self.roll(kind, u64::MAX)
    }

    fn timeline(&self, kind: Kind, start: i64, count: u64) -> Timeline {
        Timeline { start, end: self.end, count, seed: self.seed, kind: kind as u64 }
    }
}

/// The purpose of a roll. Rolls for different purposes differ.
#[derive(Debug, Clone, Copy)]
enum Kind {
    LotTime = 0x10,
    LotId = 0x20,
    LotHash,
    LotPayouts,
    LotInFlight,
    LotFailed,
    LotUnknown,
    LotExtra,
    PayoutId,
    PayoutTx,
    PayoutAmount,
    PayoutZero,
    PayoutRefunded,
    PayoutState,
    PayoutExternalId,
    PayoutName,
    PayoutExtra,
    RefundId,
    RefundTx,
    SettlementId,
    SettlementSize,
    SettlementTime,
    SettlementInFlight,
    SettlementStatus,
    SettlementUnknown,
    SettlementExtra,
    ChargeTime = 0x60,
    ChargeId = 0x70,
    ChargeRequest,
    ChargeTx,
    ChargeAmount,
    ChargeTiny,
    ChargeNoQuote,
    ChargeExternalId,
    ChargeStore,
    ChargeExtra,
    PendingTime = 0x80,
    PendingId = 0x90,
    PendingRequest,
    PendingAmount,
    PendingTiny,
    PendingExternalId,
    PendingExtra,
    Address,
}

const FIRST_CHECKOUT: i64 = crate::row::CHECKOUT;
/// Even with the most parts each, fewer than there are numbers for operations.
const MOST_ROWS: u64 = 10_000_000;
/// The most parts (payouts, charges) of one whole (lot, settlement).
const MOST_PARTS: u64 = 1000;

/// A 13-digit number that looks like milliseconds since 1970, as the bank's numbers do.
fn operation_id(number: u64) -> String {
    let number = u128::from(number) + OPERATION_SHIFT;
    let spread = number * u128::from(OPERATION_FACTOR) % u128::from(OPERATION_SPAN);
    (OPERATION_FIRST + spread as u64).to_string()
}

fn number_of_operation(id: &str) -> Option<u64> {
    let spread = id.parse::<u64>().ok()?.checked_sub(OPERATION_FIRST)?;
    let number = u128::from(spread) * u128::from(OPERATION_INVERSE) % u128::from(OPERATION_SPAN);
    u64::try_from(number.checked_sub(OPERATION_SHIFT)?).ok()
}

const OPERATION_FIRST: u64 = 1_700_000_000_000;
const OPERATION_SPAN: u64 = 100_000_000_000;
/// Hides that a number is the first.
const OPERATION_SHIFT: u128 = 7;
const OPERATION_FACTOR: u64 = 61_803_398_877;
/// `OPERATION_FACTOR * OPERATION_INVERSE = 1`, modulo `OPERATION_SPAN`.
const OPERATION_INVERSE: u64 = 2_244_669_813;

#[cfg(test)]
mod tests;
