//! Sums of money that are exact, or none.

use rust_decimal::Decimal;

/// The sum of the amounts; `None` where it cannot be kept exactly.
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
    // Where the digits do not fit, the last ones are rounded away.
    (total.scale() >= scale).then_some(total)
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            sum(&["79228162514264337593543950335", "0.00"]).unwrap(),
            "79228162514264337593543950335"
        );
        assert_eq!(sum(&["10027.79968000", "0.00000001"]).unwrap(), "10027.79968001");
        assert_eq!(sum(&["79228162514264337593543950335", "1"]), None);
        assert_eq!(sum(&["7922816251426433759354395033.5", "0.000001"]), None);
    }
}
