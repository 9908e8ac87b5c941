//! Whether lots and settlements add up, each by itself.
//!
//! The examples of the vendor's pages do not: differences are reported, and prove nothing.

use kamipay_proto::lots::LotDetail;
use kamipay_proto::rust_decimal::Decimal;
use kamipay_proto::settlements::{Settlement, SettlementDetail, Transaction};
use kamipay_proto::{Currency, SettlementId};
use serde::Serialize;

use crate::{Amount, Overflow, Sum, Sums};

/// A lot's amount, compared with its payouts and refunds, in USDT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LotStage {
    /// The lot.
    pub lot_id: String,
    /// The lot's `usdt_amount`.
    pub amount: Amount,
    /// The sum of its payouts.
    pub payouts: Sum,
    /// The sum of its refunds.
    pub refunds: Sum,
    /// What the amount is equal to.
    pub equals: LotEquals,
    /// The amount less the payouts.
    pub difference: Sum,
}

/// What a lot's amount is equal to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "there is nothing else to compare with")]
pub enum LotEquals {
    /// The sum of the payouts.
    Payouts,
    /// The sum of the payouts, less that of the refunds.
    PayoutsLessRefunds,
    /// Neither of them.
    Neither,
}

impl LotStage {
    /// Adds up the payouts and refunds of a lot.
    ///
    /// # Errors
    ///
    /// If a sum is out of range.
    pub fn new(lot: &LotDetail) -> Result<Self, Overflow> {
        let payouts = sum(lot.payouts.iter().map(|payout| payout.amount))?;
        let refunds = sum(lot.refunds.iter().map(|refund| refund.amount))?;
        let amount = Amount::from(lot.usdt_amount);
        let mut difference = payouts.negated();
        difference.add(amount)?;
        let mut less_refunds = difference.clone();
        less_refunds.merge(&refunds)?;
        let equals = if difference.is_zero() {
            LotEquals::Payouts
        } else if less_refunds.is_zero() {
            LotEquals::PayoutsLessRefunds
        } else {
            LotEquals::Neither
        };
        let lot_id = lot.lot_id.as_str().to_owned();
        Ok(Self { lot_id, amount, payouts, refunds, equals, difference })
    }
}

/// A settlement's amount, compared with the quotes of its charges: delivered against promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SettlementStage {
    /// The settlement.
    pub settlement_id: u64,
    /// The amount delivered, in units of `currency`.
    pub delivered: Amount,
    /// The currency of the settlement.
    pub currency: String,
    /// The sum of the quotes in this currency.
    pub promised: Sum,
    /// The number of charges without a quote in this currency.
    pub unquoted: u64,
    /// What the payers paid, by currency.
    pub charged: Sums,
}

impl SettlementStage {
    /// A settlement of the list, to which its charges are [added](Self::add).
    pub fn new(settlement: &Settlement) -> Self {
        Self::of(settlement.settlement_id, settlement.amount, &settlement.currency)
    }

    /// A settlement with its charges.
    ///
    /// # Errors
    ///
    /// If a sum is out of range.
    pub fn with_charges(settlement: &SettlementDetail) -> Result<Self, Overflow> {
        let mut stage = Self::of(settlement.settlement_id, settlement.amount, &settlement.currency);
        for charge in &settlement.charges {
            let quoted = (charge.settlement_amount, charge.settlement_currency.as_ref());
            stage.add_charge(quoted, (charge.charged_amount, &charge.charged_currency))?;
        }
        Ok(stage)
    }

    /// Adds a charge. Those of other settlements are left out.
    ///
    /// # Errors
    ///
    /// If a sum is out of range.
    pub fn add(&mut self, charge: &Transaction) -> Result<(), Overflow> {
        if charge.settlement_id.number() != self.settlement_id {
            return Ok(());
        }
        let quoted = (charge.settlement_amount, charge.settlement_currency.as_ref());
        self.add_charge(quoted, (charge.charged_amount, &charge.charged_currency))
    }

    /// What was delivered less what was promised.
    ///
    /// # Errors
    ///
    /// If the difference is out of range.
    pub fn difference(&self) -> Result<Sum, Overflow> {
        let mut difference = self.promised.negated();
        difference.add(self.delivered)?;
        Ok(difference)
    }

    /// Units of the settlement's currency for each unit that the payers paid, with 8 decimals, the
    /// rest cut off. `None` if they paid in more than one currency, or nothing, or the rate has too
    /// many digits.
    pub fn implied_rate(&self) -> Option<Amount> {
        let mut charged = self.charged.iter();
        let (Some((_, charged)), None) = (charged.next(), charged.next()) else { return None };
        let charged: Amount = charged.to_string().parse().ok()?;
        let ten = |count: u8| 10_i128.checked_pow(count.into());
        let delivered =
            self.delivered.units().checked_mul(ten(8)?)?.checked_mul(ten(charged.scale())?)?;
        let charged = charged.units().checked_mul(ten(self.delivered.scale())?)?;
        Amount::new(delivered.checked_div(charged)?, 8)
    }

    fn of(settlement_id: SettlementId, delivered: Decimal, currency: &Currency) -> Self {
        Self {
            settlement_id: settlement_id.number(),
            delivered: delivered.into(),
            currency: currency.as_str().to_owned(),
            promised: Sum::ZERO,
            unquoted: 0,
            charged: Sums::new(),
        }
    }

    fn add_charge(
        &mut self,
        (quote, currency): (Option<Decimal>, Option<&Currency>),
        (charged, charged_currency): (Decimal, &Currency),
    ) -> Result<(), Overflow> {
        let is_its = currency.is_some_and(|it| it.as_str().eq_ignore_ascii_case(&self.currency));
        match quote.filter(|_| is_its) {
            Some(quote) => self.promised.add(quote.into())?,
            None => self.unquoted += 1,
        }
        self.charged.add(charged_currency.as_str(), charged.into())
    }
}

fn sum(amounts: impl Iterator<Item = Decimal>) -> Result<Sum, Overflow> {
    let mut sum = Sum::ZERO;
    for amount in amounts {
        sum.add(amount.into())?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lot_equals_its_payouts_or_payouts_less_refunds_or_neither() {
        let stage = |amount: &str, refunds: &str| {
            let json = format!(
                r#"{{"lot_id": "a", "transaction_hash": null, "usdt_amount": "{amount}",
                "created_at": null, "status": "MINED", "payouts": [
                {{"kamipay_id": "1", "amount": "7.5", "created_at": "2026-05-14T00:00:00Z"}},
                {{"kamipay_id": "2", "amount": "2.50", "created_at": "2026-05-14T00:00:00Z"}}],
                "refunds": [{refunds}]}}"#
            );
            let stage = LotStage::new(&serde_json::from_str(&json).unwrap()).unwrap();
            (stage.equals, stage.difference.to_string())
        };
        let refund =
            r#"{"kamipay_refund_id": "r", "amount": "1", "created_at": "2026-05-14T00:00:00Z"}"#;
        assert_eq!(stage("10", ""), (LotEquals::Payouts, "0.00".to_owned()));
        assert_eq!(stage("10.000", refund), (LotEquals::Payouts, "0.000".to_owned()));
        assert_eq!(stage("9", refund), (LotEquals::PayoutsLessRefunds, "-1.00".to_owned()));
        assert_eq!(stage("9", ""), (LotEquals::Neither, "-1.00".to_owned()));
        assert_eq!(stage("11", refund), (LotEquals::Neither, "1.00".to_owned()));
    }

    #[test]
    fn what_is_delivered_is_compared_with_the_quotes_of_its_currency() {
        let charge = |quote: &str| {
            format!(
                r#"{{"kamipay_id": "q", "kamipay_request_id": "r", "charged_amount": "4.00",
                "charged_currency": "BRL"{quote}}}"#
            )
        };
        let charges = [
            charge(r#", "settlement_amount": "1000.5", "settlement_currency": "ars""#),
            charge(r#", "settlement_amount": "7", "settlement_currency": "BRL""#),
            charge(""),
        ];
        let json = format!(
            r#"{{"settlement_id": 5, "settlement_provider_name": "p", "amount": "1000.25",
            "currency": "ARS", "address_to": "a", "address_from": "b",
            "created_at": "2026-05-14T14:55:18Z", "charges": [{}]}}"#,
            charges.join(",")
        );
        let stage = SettlementStage::with_charges(&serde_json::from_str(&json).unwrap()).unwrap();
        assert_eq!((stage.promised.to_string(), stage.unquoted), ("1000.5".to_owned(), 2));
        assert_eq!(stage.difference().unwrap().to_string(), "-0.25");
        assert_eq!(stage.charged.of("brl").to_string(), "12.00");
        assert_eq!(stage.implied_rate().unwrap().to_string(), "83.35416666");
        let none = SettlementStage { charged: Sums::new(), ..stage };
        assert_eq!(none.implied_rate(), None);
    }
}
