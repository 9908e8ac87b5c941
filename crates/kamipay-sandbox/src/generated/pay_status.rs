//! What the status call answers for a payment of a generated merchant.

use rust_decimal::Decimal;

use super::{Generated, Kind, PaymentState, Payout, identifier};
use crate::{
    json::{Object, text},
    payments::{known, not_known},
    reply::Reply,
};

impl Generated {
    pub(crate) fn pay_status(&self, payout: &Payout) -> Reply {
        match payout.state {
            PaymentState::NotFound => not_known(),
            PaymentState::Accepted => {
                known("transaction in progress", "accepted", &self.unsent("accepted", payout))
            }
            PaymentState::Canceled => {
                known("transaction canceled", "canceled", &self.unsent("canceled", payout))
            }
            PaymentState::Processing => self.sent("processing", payout),
            PaymentState::Done => self.sent("done", payout),
            PaymentState::Undocumented => self.sent("on_hold", payout),
            PaymentState::FailedAndRefunded => {
                let bits = self.bits(Kind::RefundTx, payout.number);
                let refund = identifier::hash(bits, self.seed);
                known("Tx Failed, returned", "failed", &failed(payout, Some(&refund)))
            }
            PaymentState::FailedRefundPending => {
                known("Tx Failed", "failed", &failed(payout, None))
            }
        }
    }

    /// Nothing was sent to the blockchain.
    fn unsent(&self, status: &str, payout: &Payout) -> String {
        Object::new()
            .text("status", status)
            .raw("txid", "null")
            .raw("amount_usdt", "null")
            .text("kamipay_id", &payout.kamipay_id)
            .maybe_text("external_id", payout.external_id.as_deref())
            .end()
    }

    /// The payment is on the blockchain.
    fn sent(&self, status: &str, payout: &Payout) -> Reply {
        let bits = self.roll(Kind::PayoutName, payout.number);
        let (name, pix_key) = payee(bits);
        let minute = payout.created_at.format("%Y%m%d%H%M").to_string();
        let bank_txid = (status == "done").then(|| identifier::bank_txid(&minute, bits));
        let brl = Decimal::new(self.payout_centavos(payout.number) as i64, 2);
        let data = Object::new()
            .text("status", status)
            .text("operation_id", &payout.operation_id)
            .text("address_in", &identifier::address(self.seed, Kind::Address as u64))
            .text("txid", &payout.tx_id)
            .text("amount_usdt", &payout.amount.normalize().to_string())
            .text("amount_brl", &brl.to_string())
            .maybe_text("bank_txid", bank_txid.as_deref())
            .text("name", &name)
            .text("kamipay_id", &payout.kamipay_id)
            .maybe_text("external_id", payout.external_id.as_deref())
            .text("pix_key", &pix_key);
        let data = if status == "on_hold" || self.now_and_then(Kind::PayoutExtra, 13, payout.number)
        {
            data.raw("checks", r#"[{"name":"limits","passed":true},["a",[]]]"#)
                .text("service_type", "prepaid")
        } else {
            data
        };
        known("Request ok", status, &data.end())
    }
}

/// The few fields that a failed payment has. Its `external_id` is a number where it is all digits.
fn failed(payout: &Payout, refund_txid: Option<&str>) -> String {
    let external_id = match &payout.external_id {
        Some(id) if id.bytes().all(|byte| byte.is_ascii_digit()) => id.clone(),
        Some(id) => text(id),
        None => "null".to_owned(),
    };
    Object::new()
        .text("status", "failed")
        .maybe_text("refund_txid", refund_txid)
        .text("original_txid", &payout.tx_id)
        .raw("external_id", external_id)
        .text("kamipay_id", &payout.kamipay_id)
        .end()
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
