//! Charges, settled and pending.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{
    FIRST_CHECKOUT, Generated, Kind, Timeline, identifier, operation_id, timeline::MICROS_OF_A_DAY,
};
use crate::{
    forms::{self, ConfirmedCharge},
    json::Object,
    list::from_micros,
};

/// A charge of a [`Generated`] merchant that belongs to a settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GeneratedCharge {
    /// `dqr_…`.
    pub kamipay_id: String,
    /// `ptxr_…`.
    pub kamipay_request_id: String,
    /// The merchant's own identifier.
    pub external_id: Option<String>,
    /// The bank's number, which only `tx_status_lot` shows.
    pub operation_id: String,
    /// Its settlement.
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
}

/// A charge of a [`Generated`] merchant that waits for a settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GeneratedPendingCharge {
    /// `dqr_…`.
    pub kamipay_id: String,
    /// `ptxr_…`.
    pub kamipay_request_id: String,
    /// The merchant's own identifier.
    pub external_id: Option<String>,
    /// In BRL.
    pub charged_amount: Decimal,
    /// In ARS.
    pub settlement_amount: Decimal,
    /// When it was requested, in UTC: the time by which pending charges are filtered.
    pub charged_timestamp: DateTime<Utc>,
}

impl GeneratedCharge {
    pub(super) fn form(&self) -> forms::Charge<'_> {
        forms::Charge {
            kamipay_request_id: &self.kamipay_request_id,
            kamipay_id: &self.kamipay_id,
            external_id: self.external_id.as_deref(),
            charged_amount: self.charged_amount,
            settlement_amount: self.settlement_amount,
            charged_timestamp: self.charged_timestamp,
        }
    }
}

impl Generated {
    /// All charges of settlements, oldest first.
    pub fn charges(&self) -> impl Iterator<Item = GeneratedCharge> + '_ {
        (0..self.charges).map(|index| self.charge(index))
    }

    /// The number of charges of settlements.
    pub fn charge_count(&self) -> u64 {
        self.charges
    }

    /// All charges that wait for a settlement, oldest first.
    pub fn pending_charges(&self) -> impl Iterator<Item = GeneratedPendingCharge> + '_ {
        (0..self.pending_charges).map(|index| self.pending_charge(index))
    }

    /// The number of charges that wait for a settlement.
    pub fn pending_charge_count(&self) -> u64 {
        self.pending_charges
    }

    pub(super) fn transaction_row(&self, index: u64) -> Object {
        let charge = self.charge(index);
        let settled = self.settled(self.settlement_of(index));
        let row = charge.form().transaction(&settled, charge.created_at);
        if self.now_and_then(Kind::ChargeExtra, 23, index) {
            return row.raw("payer", r#"{"bank":"Nubank","ids":[1,{"k":[]}]}"#);
        }
        row
    }

    pub(super) fn pending_row(&self, index: u64) -> Object {
        let charge = self.pending_charge(index);
        let form = forms::Charge {
            kamipay_request_id: &charge.kamipay_request_id,
            kamipay_id: &charge.kamipay_id,
            external_id: charge.external_id.as_deref(),
            charged_amount: charge.charged_amount,
            settlement_amount: Some(charge.settlement_amount),
            charged_timestamp: charge.charged_timestamp,
        };
        let row = form.pending();
        if self.now_and_then(Kind::PendingExtra, 8, index) {
            return row.raw("eligible", r#"{"next_run":true,"reasons":[]}"#);
        }
        row
    }

    pub(super) fn confirmed_row(&self, index: u64) -> Object {
        let charge = self.charge(index);
        let bill = format!("Factura {}", index + 1);
        let confirmed = ConfirmedCharge {
            store_id: charge.store_id,
            checkout_id: charge.checkout_id,
            operation_id: &charge.operation_id,
            tx_hash: &identifier::hash(self.bits(Kind::ChargeTx, index), self.seed),
            requested: charge.charged_amount,
            // About 5.40 BRL for a USDT.
            credited: (charge.charged_amount / Decimal::new(54, 1)).trunc_with_scale(5),
            external_data: charge.external_id.as_deref().unwrap_or(&bill),
            requested_at: charge.charged_timestamp,
            credited_at: charge.credited_at,
        };
        let row = confirmed.row();
        if self.now_and_then(Kind::ChargeExtra, 29, index) {
            return row.raw("terminal", r#"{"id":7,"path":["lobby",[1]]}"#);
        }
        row
    }

    pub(super) fn charge_times(&self) -> Timeline {
        self.timeline(Kind::ChargeTime, self.start, self.charges)
    }

    pub(super) fn charge(&self, index: u64) -> GeneratedCharge {
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
        GeneratedCharge {
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
        }
    }

    /// The amount in BRL, and its quote in ARS.
    pub(super) fn charge_amounts(&self, index: u64) -> (Decimal, Option<Decimal>) {
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

    pub(super) fn pending_times(&self) -> Timeline {
        let start = self.end.saturating_sub(7 * MICROS_OF_A_DAY).max(self.start);
        self.timeline(Kind::PendingTime, start, self.pending_charges)
    }

    pub(super) fn pending_charge(&self, index: u64) -> GeneratedPendingCharge {
        let requested_at = self.pending_times().at(index);
        let (charged_amount, settlement_amount) = self.pending_amounts(index);
        let bits = self.roll(Kind::PendingId, index);
        let ulid = |prefix, kind| {
            let id_bits = self.bits(kind, index);
            identifier::ulid(prefix, requested_at / 1000, id_bits, bits as u16)
        };
        GeneratedPendingCharge {
            kamipay_id: ulid("dqr", Kind::PendingId),
            kamipay_request_id: ulid("ptxr", Kind::PendingRequest),
            external_id: self.order(Kind::PendingExternalId, index, self.charges + index),
            charged_amount,
            settlement_amount,
            charged_timestamp: from_micros(requested_at),
        }
    }

    pub(crate) fn pending_amounts(&self, index: u64) -> (Decimal, Decimal) {
        let (charged, quoted) = amounts(self.roll(Kind::PendingAmount, index));
        (charged, if self.now_and_then(Kind::PendingTiny, 61, index) { TINY } else { quoted })
    }

    /// The merchant's name of its `number`-th order. One charge in nine has none.
    fn order(&self, kind: Kind, index: u64, number: u64) -> Option<String> {
        if self.now_and_then(kind, 9, index) {
            return None;
        }
        let bits = self.roll(kind, index);
        let letter = |place: u32| char::from(b'a' + ((bits >> (8 * place)) % 26) as u8);
        Some(format!("merchant-order-{}{}{}-{}", letter(0), letter(1), letter(2), 10_000 + number))
    }
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

/// Python writes it as `1e-05`.
const TINY: Decimal = Decimal::from_parts(1, 0, 0, false, 5);

/// Rounded down.
pub(super) fn to_the_millisecond(micros: i64) -> i64 {
    micros.div_euclid(1000) * 1000
}
