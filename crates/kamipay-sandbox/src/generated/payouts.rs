//! Payouts: parts of lots, and payments for the status call.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{Generated, Kind, identifier, number_of_operation, operation_id};
use crate::{
    forms,
    list::from_micros,
    payments::{Identifiers, Payment, PaymentState, Target},
    reply::Reply,
};

/// A payout of a [`GeneratedLot`](super::GeneratedLot). The status call knows it as a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GeneratedPayout {
    /// Its lot.
    pub lot_id: String,
    /// `txc_…`.
    pub kamipay_id: String,
    /// The merchant's own identifier.
    pub external_id: Option<String>,
    /// The bank's number.
    pub operation_id: String,
    /// The hash of its transaction, which differs from the lot's.
    pub tx_id: String,
    /// In USDT.
    pub amount: Decimal,
    /// In UTC.
    pub created_at: DateTime<Utc>,
    /// Its state, which does not change.
    pub state: PaymentState,
    number: u64,
}

impl GeneratedPayout {
    /// Its number among the payouts of all lots.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    fn identifiers(&self) -> Identifiers {
        Identifiers {
            kamipay_id: self.kamipay_id.clone(),
            external_id: self.external_id.clone(),
            tx_id: Some(self.tx_id.clone()),
            operation_id: Some(self.operation_id.clone()),
        }
    }
}

impl Generated {
    /// The payouts of all lots, oldest lot first: the payments of the status call.
    pub fn payments(&self) -> impl Iterator<Item = GeneratedPayout> + '_ {
        (0..self.lots).flat_map(|lot| self.payouts_of(lot))
    }

    pub(super) fn payouts_of(&self, lot: u64) -> impl Iterator<Item = GeneratedPayout> + '_ {
        (0..self.payout_count(lot)).map(move |place| self.payout(lot, place))
    }

    /// The payment with an identifier.
    pub(crate) fn find_payment(&self, target: Target, id: &str) -> Option<GeneratedPayout> {
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
        payout.identifiers().has(target, id).then_some(payout)
    }

    /// The answer of the status call.
    pub(crate) fn pay_status(&self, payout: &GeneratedPayout) -> Reply {
        let bits = self.roll(Kind::PayoutName, payout.number);
        let (name, pix_key) = payee(bits);
        let minute = payout.created_at.format("%Y%m%d%H%M").to_string();
        let payment = Payment {
            identifiers: payout.identifiers(),
            states: vec![payout.state],
            amount_usdt: payout.amount.normalize(),
            amount_brl: Decimal::new(self.payout_centavos(payout.number) as i64, 2),
            name,
            pix_key,
            address_in: identifier::address(self.seed, Kind::Address as u64),
            bank_txid: identifier::bank_txid(&minute, bits),
            refund_txid: identifier::hash(self.bits(Kind::RefundTx, payout.number), self.seed),
            undocumented: ("on_hold", "checks", r#"[{"name":"limits","passed":true},["a",[]]]"#),
            has_extra: self.now_and_then(Kind::PayoutExtra, 13, payout.number),
        };
        payment.answer(payout.state)
    }

    /// As the call for one lot shows it.
    pub(super) fn payout_row(&self, payout: &GeneratedPayout) -> String {
        let id = ("kamipay_id", payout.kamipay_id.as_str());
        let row = forms::part_of_lot(id, payout.amount, payout.created_at);
        if self.now_and_then(Kind::PayoutExtra, 23, payout.number) {
            return row.raw("labels", r#"{"team":"payroll","tags":["may",7]}"#).end();
        }
        row.end()
    }

    fn payout_count(&self, lot: u64) -> u64 {
        1 + self.roll(Kind::LotPayouts, lot) % self.max_payouts
    }

    fn payout(&self, lot: u64, place: u64) -> GeneratedPayout {
        let number = lot * self.max_payouts + place;
        let bits = self.roll(Kind::PayoutAmount, number);
        // Up to half an hour before its lot; payouts of one lot have times of their own.
        let before = 1_000_000 + (bits >> 20) % 1_800_000_000;
        let created_at = self.lot_times().at(lot).saturating_sub_unsigned(before);
        GeneratedPayout {
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

    /// The payout in centavos. The amount in USDT follows from it, at a rate of 5.40.
    fn payout_centavos(&self, number: u64) -> u64 {
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

    /// A state that is possible in the state of the lot.
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

    /// One payout in 41 pays nothing. The vendor writes it as `0E-8`.
    fn is_zero(&self, number: u64) -> bool {
        self.now_and_then(Kind::PayoutZero, 41, number)
    }
}

/// A failed payment shows it as a number, as the pages do with `123456789`.
const FIRST_NUMERIC_EXTERNAL_ID: u64 = 7_000_000_000;

/// A name, and a Pix key: an address, a CPF, a phone number or a random key.
fn payee(bits: u64) -> (String, String) {
    const FIRST: [(&str, &str); 8] = [
        ("João", "joao"),
        ("Maria", "maria"),
        ("José", "jose"),
        ("Antônia", "antonia"),
        ("Luís", "luis"),
        ("Inês", "ines"),
        ("Francisca", "francisca"),
        ("Thaís", "thais"),
    ];
    const LAST: [(&str, &str); 8] = [
        ("Conceição", "conceicao"),
        ("da Silva", "silva"),
        ("Gonçalves", "goncalves"),
        ("Araújo", "araujo"),
        ("de Assunção", "assuncao"),
        ("Müller", "muller"),
        ("D'Ávila", "davila"),
        ("Nuñez", "nunez"),
    ];
    let first = FIRST[(bits % 8) as usize];
    let last = LAST[(bits / 8 % 8) as usize];
    let digits = bits >> 16;
    let pix_key = match bits / 64 % 4 {
        0 => format!("{}.{}@example.com", first.1, last.1),
        1 => format!("{:011}", digits % 100_000_000_000),
        2 => format!("+55119{:08}", digits % 100_000_000),
        _ => identifier::uuid(digits, bits),
    };
    (format!("{} {}", first.0, last.0), pix_key)
}
