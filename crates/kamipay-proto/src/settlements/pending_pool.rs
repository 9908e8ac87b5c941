//! The total of pending charges that are read one by one.

use super::{PendingCharge, PendingTotals};
use crate::{Currency, ExactSum};

/// Adds up a pool of pending charges, row by row.
///
/// The API's own total is [`PendingTotals`], for a period that one call takes. This one is for any
/// period. Amounts of different currencies are not added up.
///
/// ```
/// use kamipay_proto::settlements::PendingPool;
/// # fn rows() -> Vec<kamipay_proto::settlements::PendingCharge> { Vec::new() }
///
/// let mut pool = PendingPool::new();
/// for charge in rows() {
///     pool.add(&charge);
/// }
/// assert_eq!(pool.totals()?.settlement_amount.to_string(), "0");
/// # Ok::<_, kamipay_proto::settlements::NoTotal>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct PendingPool {
    count: u64,
    currency: Option<Currency>,
    sum: ExactSum,
    has_other_currency: bool,
}

impl PendingPool {
    /// A pool without a charge.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a charge.
    pub fn add(&mut self, charge: &PendingCharge) {
        self.count += 1;
        let currency = self.currency.get_or_insert_with(|| charge.settlement_currency.clone());
        self.has_other_currency |= *currency != charge.settlement_currency;
        self.sum.add(charge.settlement_amount);
    }

    /// How many charges the pool has.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The currency of the first charge. `None` for an empty pool.
    pub fn currency(&self) -> Option<&Currency> {
        self.currency.as_ref()
    }

    /// The count and the exact sum of `settlement_amount`, in units of
    /// [`currency`](Self::currency).
    ///
    /// # Errors
    ///
    /// If the amounts cannot be added up.
    pub fn totals(&self) -> Result<PendingTotals, NoTotal> {
        if self.has_other_currency {
            return Err(NoTotal::Currencies);
        }
        let settlement_amount = self.sum.value().ok_or(NoTotal::TooManyDigits)?;
        Ok(PendingTotals { count: self.count, settlement_amount })
    }
}

/// Why amounts have no total.
#[derive(Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum NoTotal {
    /// The exact sum does not fit in a decimal.
    #[error("the amounts have too many digits to be added up exactly")]
    TooManyDigits,
    /// The amounts are in more than one currency.
    #[error("the amounts are in more than one currency")]
    Currencies,
}

crate::error::debug_as_text!(NoTotal);

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(amounts: &[(&str, &str)]) -> Result<(u64, String), NoTotal> {
        let mut pool = PendingPool::new();
        for (amount, currency) in amounts {
            let row = format!(
                r#"{{"kamipay_request_id": "ptxr_1", "kamipay_id": "dqr_1", "charged_amount": 5.28,
                "charged_currency": "BRL", "settlement_amount": "{amount}",
                "settlement_currency": "{currency}", "charged_timestamp": "2026-05-14T13:21:08Z"}}"#
            );
            pool.add(&serde_json::from_str(&row).unwrap());
        }
        assert_eq!(pool.count(), amounts.len() as u64);
        assert_eq!(pool.currency().map(|it| it.as_str()), amounts.first().map(|it| it.1));
        pool.totals().map(|totals| (totals.count, totals.settlement_amount.to_string()))
    }

    #[test]
    fn a_total_is_exact_and_in_one_currency_or_an_error() {
        assert_eq!(totals(&[]), Ok((0, "0".to_owned())));
        let same = [("29750.0", "ARS"), ("0.05", "ARS"), ("-1", "ARS")];
        assert_eq!(totals(&same), Ok((3, "29749.05".to_owned())));
        let other = [("1", "ARS"), ("1", "BRL"), ("1", "ARS")];
        assert_eq!(totals(&other), Err(NoTotal::Currencies));
        let most = [("79228162514264337593543950335", "ARS"), ("0.5", "ARS"), ("-1", "ARS")];
        assert_eq!(totals(&most), Err(NoTotal::TooManyDigits));
    }
}
