//! Settlements and which charges belong to them.

use std::ops::Range;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{
    Generated, Kind, identifier,
    timeline::{MICROS_OF_A_DAY, MICROS_OF_A_SECOND, first_multiple},
};
use crate::{
    forms::{self, Settled},
    json::{Object, array},
    list::from_micros,
};

/// A settlement of a [`Generated`] merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GeneratedSettlement {
    /// Its number.
    pub settlement_id: i64,
    /// In ARS: the sum of its charges' `settlement_amount`.
    pub amount: Decimal,
    /// In UTC. `None` while it is in flight: lists then leave it out.
    pub settled_at: Option<DateTime<Utc>>,
    /// In UTC.
    pub created_at: DateTime<Utc>,
    /// The API's word: mostly `DONE`, now and then an undocumented one, or none.
    pub status: Option<&'static str>,
    /// The number of its charges.
    pub charge_count: u64,
}

impl Generated {
    /// All settlements, oldest first, also those in flight.
    pub fn settlements(&self) -> impl Iterator<Item = GeneratedSettlement> + '_ {
        (0..self.settlement_count()).map(|index| self.settlement(index))
    }

    /// The number of every settlement, oldest first, also of those in flight.
    pub fn settlement_ids(&self) -> impl Iterator<Item = i64> + '_ {
        (0..self.settlement_count()).map(|index| self.settlement_id(index))
    }

    pub(super) fn settlement_count(&self) -> u64 {
        match self.charges {
            0 => 0,
            charges => 1 + (charges - 1).div_ceil(self.charges_per_settlement),
        }
    }

    /// As the list shows it.
    pub(super) fn settlement_row(&self, index: u64) -> Object {
        let settlement = self.settlement(index);
        let bits = self.roll(Kind::SettlementExtra, index);
        let message = (bits % 5 == 0).then(|| format!("Liquidação nº {}", index + 1));
        let (to, from) = (identifier::address(self.seed, 1), identifier::address(self.seed, 2));
        let row = forms::settlement(
            &self.settled(index),
            settlement.amount,
            [&to, &from],
            message.as_deref(),
            settlement.created_at,
            settlement.status,
        );
        if self.now_and_then(Kind::SettlementExtra, 7, index) {
            return row.raw("batch", r#"{"cycle":"daily","checkouts":[42,[43]],"fee":null}"#);
        }
        row
    }

    /// As the call for one settlement shows it.
    pub(super) fn settlement_detail(&self, index: u64) -> Object {
        let charges: Vec<_> = self
            .charges_of(index)
            .map(|charge| self.charge(charge).form().of_settlement().end())
            .collect();
        self.settlement_row(index).raw("charges", array(&charges))
    }

    /// What its transactions show of it. The provider has no identifiers before it confirms.
    pub(super) fn settled(&self, index: u64) -> Settled {
        let is_settled = !self.is_in_flight(index);
        let provider_id = || format!("psid_{:010x}", self.bits(Kind::SettlementId, index) >> 24);
        let external_id = || identifier::hash(self.bits(Kind::SettlementTime, index), self.seed);
        Settled {
            settlement_id: self.settlement_id(index),
            settled_at: is_settled.then(|| from_micros(self.settled_at(index))),
            provider_id: is_settled.then(provider_id),
            external_id: is_settled.then(external_id),
        }
    }

    fn settlement(&self, index: u64) -> GeneratedSettlement {
        let charges = self.charges_of(index);
        let settled_at = self.settled_at(index);
        let bits = self.roll(Kind::SettlementTime, index);
        let created_at = settled_at.saturating_sub_unsigned(120_000_000 + bits % 480_000_000);
        GeneratedSettlement {
            settlement_id: self.settlement_id(index),
            amount: charges.clone().filter_map(|charge| self.charge_amounts(charge).1).sum(),
            settled_at: (!self.is_in_flight(index)).then(|| from_micros(settled_at)),
            created_at: from_micros(created_at),
            status: self.settlement_status(index),
            charge_count: charges.end - charges.start,
        }
    }

    /// Numbers rise, with gaps.
    pub(super) fn settlement_id(&self, index: u64) -> i64 {
        let gap = self.roll(Kind::SettlementId, index) % 7;
        (self.first_settlement_id() + 7 * index + gap) as i64
    }

    fn first_settlement_id(&self) -> u64 {
        10_000 + self.roll(Kind::SettlementId, u64::MAX) % 80_000
    }

    /// Its index, unless the number is in a gap.
    pub(super) fn settlement_index(&self, settlement_id: i64) -> Option<u64> {
        Some(u64::try_from(settlement_id).ok()?.checked_sub(self.first_settlement_id())? / 7)
    }

    /// The charges of a settlement. The first settlement has one.
    pub(super) fn charges_of(&self, settlement: u64) -> Range<u64> {
        self.first_charge_of(settlement)..self.first_charge_of(settlement + 1)
    }

    fn first_charge_of(&self, settlement: u64) -> u64 {
        match settlement {
            0 => 0,
            1 => self.charges.min(1),
            _ if settlement >= self.settlement_count() => self.charges,
            _ => {
                let even = 1 + (settlement - 1) * self.charges_per_settlement;
                // Fewer than the next settlement has at least, so that none is left empty.
                even - self.roll(Kind::SettlementSize, settlement)
                    % (1 + self.charges_per_settlement / 3)
            }
        }
    }

    pub(super) fn settlement_of(&self, charge: u64) -> u64 {
        if charge == 0 {
            return 0;
        }
        let even = 1 + (charge - 1) / self.charges_per_settlement;
        if charge >= self.first_charge_of(even + 1) { even + 1 } else { even }
    }

    /// The time of the settlement, also of one in flight: after its last charge and not after the
    /// first charge of the next; at midnight where there is one in between. The last settlement is
    /// at the end of the period.
    pub(super) fn settled_at(&self, settlement: u64) -> i64 {
        let times = self.charge_times();
        let charges = self.charges_of(settlement);
        let after = times.at(charges.end.saturating_sub(1));
        if charges.end >= self.charges || settlement == 0 {
            return after;
        }
        let until = times.at(charges.end);
        let between = after..until.saturating_add(1);
        first_multiple(MICROS_OF_A_DAY, &between)
            .or_else(|| first_multiple(MICROS_OF_A_SECOND, &between))
            .unwrap_or(until)
    }

    /// The last but one, and a few others.
    pub(super) fn is_in_flight(&self, settlement: u64) -> bool {
        let left = self.settlement_count() - settlement;
        left == 2 && settlement > 0
            || left > 2
                && settlement > 0
                && self.now_and_then(Kind::SettlementInFlight, 23, settlement)
    }

    fn settlement_status(&self, settlement: u64) -> Option<&'static str> {
        let bits = self.roll(Kind::SettlementStatus, settlement);
        if self.is_in_flight(settlement) {
            return Some(["CREATED", "PROCESSING", "FAILED", "CANCELED"][(bits % 4) as usize]);
        }
        if self.now_and_then(Kind::SettlementStatus, 41, settlement) {
            None
        } else if self.now_and_then(Kind::SettlementUnknown, 6, settlement) {
            Some("DONE_PARTIALLY")
        } else {
            Some("DONE")
        }
    }
}
