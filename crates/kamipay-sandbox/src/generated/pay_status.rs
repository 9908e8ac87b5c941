//! What the status call answers for a payment of a generated merchant.

use rust_decimal::Decimal;

use super::{Generated, Kind, Payout, identifier};
use crate::{
    payments::{Identifiers, Payment},
    reply::Reply,
};

impl Generated {
    pub(crate) fn pay_status(&self, payout: &Payout) -> Reply {
        let bits = self.roll(Kind::PayoutName, payout.number);
        let (name, pix_key) = payee(bits);
        let minute = payout.created_at.format("%Y%m%d%H%M").to_string();
        let payment = Payment {
            identifiers: Identifiers {
                kamipay_id: payout.kamipay_id.clone(),
                external_id: payout.external_id.clone(),
                tx_id: Some(payout.tx_id.clone()),
                operation_id: Some(payout.operation_id.clone()),
            },
            amount_usdt: payout.amount.normalize().to_string(),
            amount_brl: Decimal::new(self.payout_centavos(payout.number) as i64, 2).to_string(),
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
}

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
