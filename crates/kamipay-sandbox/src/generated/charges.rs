//! Charges, the settlements that they belong to, and those that wait for one.

use std::ops::Range;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{
    FIRST_CHECKOUT, Generated, Kind, Timeline, identifier, number_of_operation, operation_id,
    timeline::{MICROS_OF_A_DAY, MICROS_OF_A_SECOND, first_multiple},
};
use crate::{
    json::{Object, array, epoch_millis, float, timestamp},
    listing::from_micros,
};

/// A settlement of a [`Generated`] merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settlement {
    /// Its number.
    pub settlement_id: i64,
    /// In ARS: the sum of its charges' `settlement_amount`.
    pub amount: Decimal,
    /// In UTC. `None` while it is in flight; lists by period do not show it then.
    pub settled_at: Option<DateTime<Utc>>,
    /// In UTC.
    pub created_at: DateTime<Utc>,
    /// The API's word: mostly `DONE`, now and then an undocumented one, or none.
    pub status: Option<&'static str>,
    /// How many charges it has.
    pub charge_count: u64,
    index: u64,
}

/// A charge of a [`Generated`] merchant that belongs to a settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Charge {
    /// `dqr_…`.
    pub kamipay_id: String,
    /// `ptxr_…`.
    pub kamipay_request_id: String,
    /// The merchant's own identifier, where there is one.
    pub external_id: Option<String>,
    /// The bank's number, which only `tx_status_lot` shows.
    pub operation_id: String,
    /// The settlement that it belongs to.
    pub settlement_id: i64,
    /// In BRL.
    pub charged_amount: Decimal,
    /// In ARS; `None` for a charge without a quote.
    pub settlement_amount: Option<Decimal>,
    /// When it was requested, in UTC.
    pub charged_timestamp: DateTime<Utc>,
    /// When it joined its settlement, in UTC: the time by which transactions are filtered.
    pub created_at: DateTime<Utc>,
    /// When it was credited, in UTC to the millisecond: the time by which `tx_status_lot` filters.
    pub credited_at: DateTime<Utc>,
    /// The store.
    pub store_id: i64,
    /// The checkout.
    pub checkout_id: i64,
    index: u64,
}

/// A charge of a [`Generated`] merchant that waits for a settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingCharge {
    /// `dqr_…`.
    pub kamipay_id: String,
    /// `ptxr_…`.
    pub kamipay_request_id: String,
    /// The merchant's own identifier, where there is one.
    pub external_id: Option<String>,
    /// In BRL.
    pub charged_amount: Decimal,
    /// In ARS.
    pub settlement_amount: Decimal,
    /// When it was requested, in UTC: the time by which pending charges are filtered.
    pub charged_timestamp: DateTime<Utc>,
    index: u64,
}

impl Generated {
    /// All settlements, oldest first, also those in flight.
    pub fn settlements(&self) -> impl Iterator<Item = Settlement> + '_ {
        (0..self.settlement_count()).map(|index| self.settlement(index))
    }

    /// How many settlements there are, also in flight.
    pub fn settlement_count(&self) -> u64 {
        match self.charges {
            0 => 0,
            charges => 1 + (charges - 1).div_ceil(self.charges_per_settlement),
        }
    }

    /// The number of every settlement, oldest first, also of those in flight.
    pub fn settlement_ids(&self) -> impl Iterator<Item = i64> + '_ {
        (0..self.settlement_count()).map(|index| self.settlement_id(index))
    }

    /// All charges that belong to a settlement, oldest first.
    pub fn charges(&self) -> impl Iterator<Item = Charge> + '_ {
        (0..self.charges).map(|index| self.charge(index))
    }

    /// How many charges belong to a settlement.
    pub fn charge_count(&self) -> u64 {
        self.charges
    }

    /// All charges that wait for a settlement, oldest first.
    pub fn pending_charges(&self) -> impl Iterator<Item = PendingCharge> + '_ {
        (0..self.pending_charges).map(|index| self.pending_charge(index))
    }

    /// How many charges wait for a settlement.
    pub fn pending_charge_count(&self) -> u64 {
        self.pending_charges
    }

    /// The time by which lists filter and sort.
    pub(crate) fn settlement_time(&self, index: u64) -> i64 {
        self.settled_at(index)
    }

    /// As the list shows it.
    pub(crate) fn listed_settlement(&self, index: u64) -> String {
        self.settlement_row(&self.settlement(index)).end()
    }

    /// As the call for one settlement shows it.
    pub(crate) fn settlement_detail(&self, index: u64) -> String {
        let charges: Vec<_> =
            self.charges_of(index).map(|index| settled_charge(&self.charge(index))).collect();
        let row = self.settlement_row(&self.settlement(index));
        row.raw("charges", array(&charges)).end()
    }

    pub(crate) fn charge_time(&self, index: u64) -> i64 {
        self.charge_times().at(index)
    }

    pub(crate) fn credit_time(&self, index: u64) -> i64 {
        to_the_millisecond(self.charge_time(index))
    }

    pub(crate) fn pending_time(&self, index: u64) -> i64 {
        self.pending_times().at(index)
    }

    pub(crate) fn listed_transaction(&self, index: u64) -> String {
        self.transaction_row(&self.charge(index))
    }

    pub(crate) fn listed_pending_charge(&self, index: u64) -> String {
        self.pending_row(&self.pending_charge(index))
    }

    pub(crate) fn listed_confirmed_charge(&self, index: u64) -> String {
        self.confirmed_row(&self.charge(index))
    }

    /// What the pool of a pending charge sums up, in ARS.
    pub(crate) fn pending_amount(&self, index: u64) -> Decimal {
        self.pending_amounts(index).1
    }

    /// Whether a charge was made in one of the stores and at one of the checkouts.
    pub(crate) fn is_charged_at(
        &self,
        index: u64,
        stores: Option<&[i64]>,
        checkouts: Option<&[i64]>,
    ) -> bool {
        let charge = self.charge(index);
        stores.is_none_or(|stores| stores.contains(&charge.store_id))
            && checkouts.is_none_or(|checkouts| checkouts.contains(&charge.checkout_id))
    }

    pub(crate) fn charge_request_id(&self, index: u64) -> String {
        self.charge(index).kamipay_request_id
    }

    pub(crate) fn charge_operation_id(&self, index: u64) -> String {
        operation_id(2 * index + 1)
    }

    pub(crate) fn pending_request_id(&self, index: u64) -> String {
        self.pending_charge(index).kamipay_request_id
    }

    /// The charge with a `kamipay_request_id`.
    pub(crate) fn find_charge(&self, request_id: &str) -> Option<u64> {
        let bits = identifier::bits_of_ulid("ptxr", request_id)?;
        let index = self.number(Kind::ChargeRequest, bits);
        (index < self.charges && self.charge_request_id(index) == request_id).then_some(index)
    }

    /// The charge with an `operation_id`.
    pub(crate) fn find_operation(&self, operation_id: &str) -> Option<u64> {
        let number = number_of_operation(operation_id).filter(|number| number % 2 == 1)?;
        let index = number / 2;
        (index < self.charges && self.charge_operation_id(index) == operation_id).then_some(index)
    }

    /// The pending charge with a `kamipay_request_id`.
    pub(crate) fn find_pending_charge(&self, request_id: &str) -> Option<u64> {
        let bits = identifier::bits_of_ulid("ptxr", request_id)?;
        let index = self.number(Kind::PendingRequest, bits);
        let is_it = index < self.pending_charges && self.pending_request_id(index) == request_id;
        is_it.then_some(index)
    }

    fn settlement(&self, index: u64) -> Settlement {
        let amounts = self.charges_of(index).filter_map(|charge| self.charge_amounts(charge).1);
        Settlement { amount: amounts.sum(), ..self.settlement_but_its_amount(index) }
    }

    /// Without the sum over its charges, which not every row shows.
    fn settlement_but_its_amount(&self, index: u64) -> Settlement {
        let charges = self.charges_of(index);
        let settled_at = self.settled_at(index);
        let bits = self.roll(Kind::SettlementTime, index);
        let created_at = settled_at.saturating_sub_unsigned(120_000_000 + bits % 480_000_000);
        Settlement {
            settlement_id: self.settlement_id(index),
            amount: Decimal::ZERO,
            settled_at: (!self.is_in_flight(index)).then(|| from_micros(settled_at)),
            created_at: from_micros(created_at),
            status: self.settlement_status(index),
            charge_count: charges.end - charges.start,
            index,
        }
    }

    /// Numbers rise, with gaps.
    pub(crate) fn settlement_id(&self, index: u64) -> i64 {
        let gap = self.roll(Kind::SettlementId, index) % 7;
        (self.first_settlement_id() + 7 * index + gap) as i64
    }

    fn first_settlement_id(&self) -> u64 {
        10_000 + self.roll(Kind::SettlementId, u64::MAX) % 80_000
    }

    pub(crate) fn settlement_index(&self, settlement_id: i64) -> Option<u64> {
        let id = u64::try_from(settlement_id).ok()?;
        let index = id.checked_sub(self.first_settlement_id())? / 7;
        let is_it = index < self.settlement_count() && self.settlement_id(index) == settlement_id;
        is_it.then_some(index)
    }

    /// The charges of a settlement: the first alone, then so many each, more or less.
    pub(crate) fn charges_of(&self, settlement: u64) -> Range<u64> {
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

    fn settlement_of(&self, charge: u64) -> u64 {
        if charge == 0 {
            return 0;
        }
        let even = 1 + (charge - 1) / self.charges_per_settlement;
        if charge >= self.first_charge_of(even + 1) { even + 1 } else { even }
    }

    /// When it was settled, or would be: after its last charge, not after the next one's first;
    /// at midnight where there is one in between. The last is settled at the end of the period.
    fn settled_at(&self, settlement: u64) -> i64 {
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
    pub(crate) fn is_in_flight(&self, settlement: u64) -> bool {
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

    fn charge_times(&self) -> Timeline {
        self.timeline(Kind::ChargeTime, self.start, self.charges)
    }

    fn charge(&self, index: u64) -> Charge {
        let created_at = self.charge_times().at(index);
        let credited_at = to_the_millisecond(created_at);
        let bits = self.roll(Kind::ChargeStore, index);
        // The payer takes from a second to five minutes.
        let requested_at = credited_at.saturating_sub_unsigned(1_000_000 + bits % 300_000_000);
        let (charged_amount, settlement_amount) = self.charge_amounts(index);
        let ulid = |prefix, kind| {
            let id_bits = self.bits(kind, index);
            identifier::ulid(prefix, requested_at / 1000, id_bits, bits as u16)
        };
        Charge {
            kamipay_id: ulid("dqr", Kind::ChargeId),
            kamipay_request_id: ulid("ptxr", Kind::ChargeRequest),
            external_id: self.order(Kind::ChargeExternalId, index, index),
            operation_id: operation_id(2 * index + 1),
            settlement_id: self.settlement_id(self.settlement_of(index)),
            charged_amount,
            settlement_amount,
            charged_timestamp: from_micros(requested_at),
            created_at: from_micros(created_at),
            credited_at: from_micros(credited_at),
            store_id: 1 + (bits >> 32) as i64 % 3,
            checkout_id: FIRST_CHECKOUT + ((bits >> 40) % self.checkouts.max(1)) as i64,
            index,
        }
    }

    /// What was charged in BRL, and what it was quoted at in ARS.
    fn charge_amounts(&self, index: u64) -> (Decimal, Option<Decimal>) {
        let (charged, quoted) = amounts(self.roll(Kind::ChargeAmount, index));
        let quoted = if self.now_and_then(Kind::ChargeNoQuote, 47, index) {
            None
        } else if self.now_and_then(Kind::ChargeTiny, 61, index) {
            Some(TINY)
        } else {
            Some(quoted)
        };
        (charged, quoted)
    }

    fn pending_times(&self) -> Timeline {
        let start = self.end.saturating_sub(7 * MICROS_OF_A_DAY).max(self.start);
        self.timeline(Kind::PendingTime, start, self.pending_charges)
    }

    fn pending_charge(&self, index: u64) -> PendingCharge {
        let requested_at = self.pending_times().at(index);
        let (charged_amount, settlement_amount) = self.pending_amounts(index);
        let bits = self.roll(Kind::PendingId, index);
        let ulid = |prefix, kind| {
            let id_bits = self.bits(kind, index);
            identifier::ulid(prefix, requested_at / 1000, id_bits, bits as u16)
        };
        PendingCharge {
            kamipay_id: ulid("dqr", Kind::PendingId),
            kamipay_request_id: ulid("ptxr", Kind::PendingRequest),
            external_id: self.order(Kind::PendingExternalId, index, self.charges + index),
            charged_amount,
            settlement_amount,
            charged_timestamp: from_micros(requested_at),
            index,
        }
    }

    fn pending_amounts(&self, index: u64) -> (Decimal, Decimal) {
        let (charged, quoted) = amounts(self.roll(Kind::PendingAmount, index));
        (charged, if self.now_and_then(Kind::PendingTiny, 61, index) { TINY } else { quoted })
    }

    /// The merchant's own name of its `number`-th order; none for one charge in nine.
    fn order(&self, kind: Kind, index: u64, number: u64) -> Option<String> {
        if self.now_and_then(kind, 9, index) {
            return None;
        }
        let bits = self.roll(kind, index);
        let letter = |place: u32| char::from(b'a' + ((bits >> (8 * place)) % 26) as u8);
        Some(format!("merchant-order-{}{}{}-{}", letter(0), letter(1), letter(2), 10_000 + number))
    }

    fn settlement_row(&self, settlement: &Settlement) -> Object {
        let index = settlement.index;
        let bits = self.roll(Kind::SettlementExtra, index);
        let row = Object::new()
            .raw("settlement_id", settlement.settlement_id)
            .text("settlement_provider_name", "provider_x")
            .maybe_text("provider_settlement_id", self.provider_id(settlement).as_deref())
            .maybe_text("external_settlement_id", self.external_settlement(settlement).as_deref())
            .raw("amount", float(settlement.amount))
            .text("currency", "ARS")
            .text("address_to", &identifier::address(self.seed, 1))
            .text("address_from", &identifier::address(self.seed, 2))
            .maybe_text(
                "settlement_message",
                (bits % 5 == 0).then(|| format!("Liquidação nº {}", index + 1)).as_deref(),
            )
            .maybe_time("settled_at", settlement.settled_at)
            .text("created_at", &timestamp(settlement.created_at))
            .maybe_text("status", settlement.status);
        if self.now_and_then(Kind::SettlementExtra, 7, index) {
            return row.raw("batch", r#"{"cycle":"daily","checkouts":[42,[43]],"fee":null}"#);
        }
        row
    }

    /// The provider's number; none before the provider confirms.
    fn provider_id(&self, settlement: &Settlement) -> Option<String> {
        settlement.settled_at?;
        let bits = self.bits(Kind::SettlementId, settlement.index);
        Some(format!("psid_{:010x}", bits >> 24))
    }

    fn external_settlement(&self, settlement: &Settlement) -> Option<String> {
        settlement.settled_at?;
        let bits = self.bits(Kind::SettlementTime, settlement.index);
        Some(identifier::hash(bits, self.seed))
    }

    fn transaction_row(&self, charge: &Charge) -> String {
        let settlement = self.settlement_but_its_amount(self.settlement_of(charge.index));
        let row = Object::new()
            .raw("settlement_id", charge.settlement_id)
            .text("kamipay_request_id", &charge.kamipay_request_id)
            .text("kamipay_id", &charge.kamipay_id)
            .maybe_text("external_id", charge.external_id.as_deref())
            .raw("charged_amount", float(charge.charged_amount))
            .text("charged_currency", "BRL")
            .maybe_float("settlement_amount", charge.settlement_amount)
            .maybe_text("settlement_currency", charge.settlement_amount.map(|_| "ARS"))
            .text("charged_timestamp", &timestamp(charge.charged_timestamp))
            .text("created_at", &timestamp(charge.created_at))
            .text("settlement_provider_name", "provider_x")
            .maybe_time("settled_at", settlement.settled_at)
            .maybe_text("provider_settlement_id", self.provider_id(&settlement).as_deref())
            .maybe_text("external_settlement_id", self.external_settlement(&settlement).as_deref());
        if self.now_and_then(Kind::ChargeExtra, 23, charge.index) {
            return row.raw("payer", r#"{"bank":"Nubank","ids":[1,{"k":[]}]}"#).end();
        }
        row.end()
    }

    fn pending_row(&self, charge: &PendingCharge) -> String {
        let row = Object::new()
            .text("kamipay_request_id", &charge.kamipay_request_id)
            .text("kamipay_id", &charge.kamipay_id)
            .maybe_text("external_id", charge.external_id.as_deref())
            .raw("charged_amount", float(charge.charged_amount))
            .text("charged_currency", "BRL")
            .raw("settlement_amount", float(charge.settlement_amount))
            .text("settlement_currency", "ARS")
            .text("charged_timestamp", &timestamp(charge.charged_timestamp));
        if self.now_and_then(Kind::PendingExtra, 8, charge.index) {
            return row.raw("eligible", r#"{"next_run":true,"reasons":[]}"#).end();
        }
        row.end()
    }

    fn confirmed_row(&self, charge: &Charge) -> String {
        let bits = self.bits(Kind::ChargeTx, charge.index);
        let external_data = match &charge.external_id {
            Some(external_id) => external_id.clone(),
            None => format!("Factura {}", charge.index + 1),
        };
        // About 5.40 BRL for a USDT, rounded to the vendor's five places.
        let credited = charge.charged_amount / Decimal::new(54, 1);
        let row = Object::new()
            .text("store_id", &charge.store_id.to_string())
            .text("checkout_id", &charge.checkout_id.to_string())
            .text("operation_id", &charge.operation_id)
            .text("tx_hash", &identifier::hash(bits, self.seed))
            .text("brl_requested", &format!("{:.2}", charge.charged_amount))
            .text("usdt_credited", &format!("{credited:.5}"))
            .text("external_data", &external_data)
            .text("request_datetime", &epoch_millis(charge.charged_timestamp))
            .text("credit_datetime", &epoch_millis(charge.credited_at));
        if self.now_and_then(Kind::ChargeExtra, 29, charge.index) {
            return row.raw("terminal", r#"{"id":7,"path":["lobby",[1]]}"#).end();
        }
        row.end()
    }
}

fn settled_charge(charge: &Charge) -> String {
    Object::new()
        .text("kamipay_id", &charge.kamipay_id)
        .maybe_text("external_id", charge.external_id.as_deref())
        .text("kamipay_request_id", &charge.kamipay_request_id)
        .raw("charged_amount", float(charge.charged_amount))
        .text("charged_currency", "BRL")
        .maybe_float("settlement_amount", charge.settlement_amount)
        .maybe_text("settlement_currency", charge.settlement_amount.map(|_| "ARS"))
        .end()
}

/// BRL, and ARS at about 250 for one, now and then to the half or the centavo.
fn amounts(bits: u64) -> (Decimal, Decimal) {
    let centavos = 200 + (bits >> 8) % [4_800, 49_800, 199_800, 49_800][(bits % 4) as usize];
    let ars = match bits / 4 % 8 {
        0 => centavos * 250 + bits / 32 % 100,
        1 => centavos * 250 / 50 * 50 + 50,
        _ => centavos * 250 / 2500 * 2500 + 2500,
    };
    (Decimal::new(centavos as i64, 2), Decimal::new(ars as i64, 2))
}

/// What Python writes as `1e-05`.
const TINY: Decimal = Decimal::from_parts(1, 0, 0, false, 5);

/// Rounded down.
fn to_the_millisecond(micros: i64) -> i64 {
    micros.div_euclid(1000) * 1000
}
