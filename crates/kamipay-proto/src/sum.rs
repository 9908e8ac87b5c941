//! Sums of money: exact, or none.

use rust_decimal::Decimal;

/// A sum of amounts that are added one by one: exact, or known not to be.
///
/// For one currency. Amounts of several currencies need a sum each.
///
/// ```
/// use kamipay_proto::ExactSum;
///
/// let mut sum = ExactSum::new();
/// for amount in ["29750.0", "0.05"] {
///     sum.add(amount.parse()?);
/// }
/// assert_eq!(sum.value().unwrap().to_string(), "29750.05");
/// # Ok::<_, kamipay_proto::rust_decimal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExactSum(Option<Decimal>);

impl ExactSum {
    /// Zero.
    pub const fn new() -> Self {
        Self(Some(Decimal::ZERO))
    }

    /// Adds an amount.
    pub fn add(&mut self, amount: Decimal) {
        self.0 = self.0.and_then(|sum| add(sum, amount));
    }

    /// The sum, with as many decimals as the amount that has most. `None` if it has, or had on the
    /// way, too many digits to be exact.
    pub fn value(self) -> Option<Decimal> {
        self.0
    }
}

impl Default for ExactSum {
    fn default() -> Self {
        Self::new()
    }
}

/// The sum of parts, compared with the amount of the whole that they belong to.
///
/// Both are in the unit of the whole. See [`LotDetail::check_payouts`] and
/// [`SettlementDetail::check_charges`].
///
/// [`LotDetail::check_payouts`]: crate::lots::LotDetail::check_payouts
/// [`SettlementDetail::check_charges`]: crate::settlements::SettlementDetail::check_charges
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SumCheck {
    /// The exact sum of the parts, with as many decimals as the part that has most.
    pub sum: Decimal,
    /// The amount of the whole.
    pub whole: Decimal,
}

impl SumCheck {
    /// Adds up the parts. `None` if the sum has too many digits to be exact.
    pub(crate) fn new(parts: impl IntoIterator<Item = Decimal>, whole: Decimal) -> Option<Self> {
        Some(Self { sum: exact(parts)?, whole })
    }

    /// Whether the parts add up to the whole.
    pub fn is_equal(self) -> bool {
        self.sum == self.whole
    }

    /// `whole - sum`: positive if the whole is more than its parts. `None` if the difference has
    /// too many digits to be exact.
    pub fn difference(self) -> Option<Decimal> {
        exact([self.whole, -self.sum])
    }
}

/// The exact sum of the amounts. `None` if it has too many digits.
pub(crate) fn exact(amounts: impl IntoIterator<Item = Decimal>) -> Option<Decimal> {
    amounts.into_iter().try_fold(Decimal::ZERO, add)
}

fn add(sum: Decimal, amount: Decimal) -> Option<Decimal> {
    let scale = sum.scale().max(amount.scale());
    if sum.is_zero() || amount.is_zero() {
        // `checked_add` forgets the decimals of a zero.
        let mut total = if amount.is_zero() { sum } else { amount };
        total.rescale(scale);
        return Some(total);
    }
    let total = sum.checked_add(amount)?;
    // Where the digits do not fit, `checked_add` rounds the last ones away.
    (total.scale() >= scale).then_some(total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sum_is_exact_or_none() {
        let sum = |amounts: &[&str]| {
            exact(amounts.iter().map(|amount| amount.parse().unwrap())).map(|sum| sum.to_string())
        };
        assert_eq!(sum(&[]).unwrap(), "0");
        assert_eq!(sum(&["0.1", "0.20", "-0.3"]).unwrap(), "0.00");
        assert_eq!(sum(&["12.5", "0.00"]).unwrap(), "12.50");
        assert_eq!(sum(&["0.00", "5"]).unwrap(), "5.00");
        assert_eq!(sum(&["0.00", "0", "-5.1", "5.1"]).unwrap(), "0.00");
        let most = "79228162514264337593543950335";
        assert_eq!(sum(&[most, "0.00"]).unwrap(), most);
        assert_eq!(sum(&["10027.79968000", "0.00000001"]).unwrap(), "10027.79968001");
        assert_eq!(sum(&[most, "1"]), None);
        assert_eq!(sum(&["7922816251426433759354395033.5", "0.000001"]), None);
    }

    #[test]
    fn a_sum_that_was_lost_stays_lost() {
        let mut sum = ExactSum::new();
        assert_eq!(sum.value(), Some(Decimal::ZERO));
        sum.add(Decimal::MAX);
        assert_eq!(sum.value(), Some(Decimal::MAX));
        sum.add(Decimal::ONE);
        sum.add(-Decimal::MAX);
        assert_eq!(sum.value(), None);
    }

    #[test]
    fn a_difference_is_positive_where_the_whole_is_more() {
        let check = |whole: &str| {
            let parts = ["3.15", "6.85"].map(|amount| amount.parse().unwrap());
            let check = SumCheck::new(parts, whole.parse().unwrap()).unwrap();
            (check.is_equal(), check.difference().unwrap().to_string())
        };
        assert_eq!(check("10.0"), (true, "0.00".to_owned()));
        assert_eq!(check("10.01"), (false, "0.01".to_owned()));
        assert_eq!(check("7.5"), (false, "-2.50".to_owned()));
        let most = Decimal::MAX;
        assert_eq!(SumCheck { sum: -most, whole: most }.difference(), None);
    }

    proptest! {
        #[test]
        fn a_sum_is_that_of_whole_numbers(
            amounts in prop::collection::vec((-(1_i64 << 40)..(1 << 40), 0_u32..=6), 0..20)
        ) {
            let millionths = |&(digits, scale): &(i64, u32)| {
                i128::from(digits) * 10_i128.pow(6 - scale)
            };
            let whole: i128 = amounts.iter().map(millionths).sum();
            let sum = exact(amounts.iter().map(|&(digits, scale)| Decimal::new(digits, scale)));
            let sum = sum.unwrap();
            prop_assert_eq!(sum, Decimal::from_i128_with_scale(whole, 6));
            prop_assert_eq!(sum.scale(), amounts.iter().map(|it| it.1).max().unwrap_or(0));
        }
    }
}
