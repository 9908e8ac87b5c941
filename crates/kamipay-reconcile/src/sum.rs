use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::amount::{Amount, Exact};

/// An exact sum: a register for each number of decimals.
///
/// Adding and merging never round, so their order does not matter. The sum has as many decimals as
/// the amount that has most.
///
/// ```
/// use kamipay_reconcile::Sum;
///
/// let mut sum = Sum::ZERO;
/// for amount in ["79228162514264337593543950335", "0.4", "-79228162514264337593543950335"] {
///     sum.add(amount.parse()?)?;
/// }
/// assert_eq!(sum.to_string(), "0.4");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Sum {
    registers: [i128; REGISTERS],
    scale: u8,
}

const REGISTERS: usize = Amount::MAX_SCALE as usize + 1;
/// Half of the type's range: the registers together then fit in one.
const LIMIT: i128 = i128::MAX / 2;

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Self = Self { registers: [0; REGISTERS], scale: 0 };

    /// Adds an amount.
    ///
    /// # Errors
    ///
    /// If the sum is out of range. Over a thousand million amounts of any size fit.
    pub fn add(&mut self, amount: Amount) -> Result<(), Overflow> {
        self.add_units(amount.units(), amount.scale())
    }

    /// Subtracts an amount.
    ///
    /// # Errors
    ///
    /// If the sum is out of range.
    pub fn subtract(&mut self, amount: Amount) -> Result<(), Overflow> {
        self.add(amount.negated())
    }

    /// Adds another sum.
    ///
    /// # Errors
    ///
    /// If the sum is out of range.
    pub fn merge(&mut self, other: &Self) -> Result<(), Overflow> {
        self.scale = self.scale.max(other.scale);
        (0_u8..).zip(other.registers).try_for_each(|(scale, units)| match units {
            0 => Ok(()),
            units => self.add_units(units, scale),
        })
    }

    /// The sum with the other sign.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self { registers: self.registers.map(|units| -units), scale: self.scale }
    }

    /// Whether the sum is zero.
    pub fn is_zero(&self) -> bool {
        self.exact() == Exact::ZERO
    }

    /// Whether the sum is below zero.
    pub fn is_negative(&self) -> bool {
        self.exact().is_negative()
    }

    /// Whether two sums have the same value, with any number of decimals.
    pub fn has_value_of(&self, other: &Self) -> bool {
        self.exact() == other.exact()
    }

    fn add_units(&mut self, units: i128, scale: u8) -> Result<(), Overflow> {
        let register = &mut self.registers[usize::from(scale)];
        let sum = register.checked_add(units).filter(|sum| (-LIMIT..=LIMIT).contains(sum));
        *register = sum.ok_or(Overflow)?;
        self.scale = self.scale.max(scale);
        Ok(())
    }

    pub(crate) fn exact(&self) -> Exact {
        (0_u8..)
            .zip(self.registers)
            .filter(|(_, units)| *units != 0)
            .fold(Exact::ZERO, |sum, (scale, units)| sum.plus(Exact::new(units, scale)))
    }
}

impl Default for Sum {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.exact().text(self.scale))
    }
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sum({self})")
    }
}

impl Serialize for Sum {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sum {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        parse(&text).ok_or_else(|| serde::de::Error::custom("this is not an exact sum"))
    }
}

/// A sum may have more digits than an amount.
fn parse(text: &str) -> Option<Sum> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole.strip_prefix('-').unwrap_or(whole)) || !is_digits(decimals) {
        return None;
    }
    let scale = u8::try_from(decimals.len()).ok().filter(|scale| *scale <= Amount::MAX_SCALE)?;
    let sign = if whole.starts_with('-') { "-" } else { "" };
    let mut sum = Sum::ZERO;
    sum.add_units(whole.parse().ok()?, 0).ok()?;
    sum.add_units(format!("{sign}0{decimals}").parse().ok()?, scale).ok()?;
    Some(sum)
}

/// A sum that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overflow;

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sum of the amounts has too many digits to be exact")
    }
}

impl std::error::Error for Overflow {}

/// A sum for each currency, in alphabetical order. Currencies are in capitals.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Sums(BTreeMap<String, Sum>);

impl Sums {
    /// Without a currency.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of different currencies.
    pub(crate) fn of_currencies(sums: impl Iterator<Item = (String, Sum)>) -> Self {
        Self(sums.map(|(currency, sum)| (fold(&currency), sum)).collect())
    }

    /// The sum of a currency, in either case. Zero if there is none.
    pub fn of(&self, currency: &str) -> Sum {
        self.0.get(&fold(currency)).cloned().unwrap_or_default()
    }

    /// The currencies and their sums.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Sum)> {
        self.0.iter().map(|(currency, sum)| (&**currency, sum))
    }

    /// Whether all sums are zero.
    pub fn is_zero(&self) -> bool {
        self.0.values().all(Sum::is_zero)
    }

    /// Whether all sums have the same values. A currency without a sum counts as zero.
    pub fn have_values_of(&self, other: &Self) -> bool {
        let currencies = self.0.keys().chain(other.0.keys());
        currencies.into_iter().all(|it| self.of(it).has_value_of(&other.of(it)))
    }

    /// Adds an amount.
    ///
    /// # Errors
    ///
    /// If the sum is out of range.
    pub fn add(&mut self, currency: &str, amount: Amount) -> Result<(), Overflow> {
        self.entry(currency).add(amount)
    }

    /// Adds other sums.
    ///
    /// # Errors
    ///
    /// If a sum is out of range.
    pub fn merge(&mut self, other: &Self) -> Result<(), Overflow> {
        other.0.iter().try_for_each(|(currency, sum)| self.entry(currency).merge(sum))
    }

    /// Subtracts other sums.
    ///
    /// # Errors
    ///
    /// If a sum is out of range.
    pub fn subtract(&mut self, other: &Self) -> Result<(), Overflow> {
        other.0.iter().try_for_each(|(currency, sum)| self.entry(currency).merge(&sum.negated()))
    }

    fn entry(&mut self, currency: &str) -> &mut Sum {
        self.0.entry(fold(currency)).or_default()
    }
}

/// The form in which currencies are compared.
pub(crate) fn fold(currency: &str) -> String {
    currency.to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(amounts: &[&str]) -> Sum {
        let mut sum = Sum::ZERO;
        for amount in amounts {
            sum.add(amount.parse().unwrap()).unwrap();
        }
        sum
    }

    #[test]
    fn a_sum_never_rounds() {
        assert_eq!(sum(&[]).to_string(), "0");
        assert_eq!(sum(&["0.1", "0.20", "-0.3"]).to_string(), "0.00");
        let most = "79228162514264337593543950335";
        let negative = format!("-{most}");
        assert_eq!(sum(&[most, &negative, "0.4"]).to_string(), "0.4");
        assert_eq!(sum(&[most, "0.4", &negative]).to_string(), "0.4");
        let tiny = "0.0000000000000000000000000001";
        assert_eq!(sum(&[most, tiny]).to_string(), format!("{most}.{}", &tiny[2..]));
        assert_eq!(sum(&["-0.5", "-0.7"]).to_string(), "-1.2");
        assert_eq!(sum(&["-0.5", "0.2"]).to_string(), "-0.3");
        assert!(sum(&["-0.5", "0.2"]).is_negative() && !sum(&["-0.5", "0.50"]).is_negative());
        assert!(sum(&["-0.5", "0.50"]).is_zero());
    }

    #[test]
    fn an_overflow_is_an_error() {
        for (start, scale) in
            [("79228162514264337593543950335", 0), ("-7.9228162514264337593543950335", 28)]
        {
            let mut sum = sum(&[start]);
            let doubled = (0..40).find(|_| sum.merge(&sum.clone()).is_err());
            assert_eq!(doubled, Some(30), "scale {scale}");
            let mut other = Sum::ZERO;
            other.add("1".parse().unwrap()).unwrap();
            let text = sum.to_string();
            assert_eq!(parse(&text).unwrap().to_string(), text);
        }
        // All registers at their limits fit in a text.
        let full = Sum { registers: [LIMIT; REGISTERS], scale: 28 };
        assert!(!full.is_negative() && full.negated().is_negative());
        assert_eq!(format!("-{full}"), full.negated().to_string());
    }

    #[test]
    fn a_sum_is_read_as_it_was_written() {
        for text in ["0", "-0.5", "0.00", "-12.3456", "792281625142643375935439503350.01"] {
            let json = format!("\"{text}\"");
            let read: Sum = serde_json::from_str(&json).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), json);
        }
        for text in ["", "-", ".", "1e3", "+1", "1.-5", "--1", "1,5"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn currencies_are_added_without_case_and_apart() {
        let mut sums = Sums::new();
        for (currency, amount) in [("USDt", "1.5"), ("ARS", "2"), ("usdt", "-0.25")] {
            sums.add(currency, amount.parse().unwrap()).unwrap();
        }
        assert_eq!(serde_json::to_string(&sums).unwrap(), r#"{"ARS":"2","USDT":"1.25"}"#);
        assert_eq!(sums.of("Usdt").to_string(), "1.25");
        let mut none = Sums::new();
        assert!(none.is_zero() && !none.have_values_of(&sums) && !sums.have_values_of(&none));
        none.subtract(&sums).unwrap();
        none.merge(&sums).unwrap();
        assert!(none.is_zero() && none.have_values_of(&Sums::new()));
    }

    proptest! {
        #[test]
        fn neither_order_nor_split_changes_a_sum(
            amounts in prop::collection::vec((any::<i64>(), 0_u8..=28), 0..20), at in 0_usize..20
        ) {
            let add = |amounts: &mut dyn Iterator<Item = &(i64, u8)>| {
                let mut sum = Sum::ZERO;
                for &(units, scale) in amounts {
                    sum.add(Amount::new(units.into(), scale).unwrap()).unwrap();
                }
                sum
            };
            let whole = add(&mut amounts.iter());
            prop_assert_eq!(add(&mut amounts.iter().rev()), whole.clone());
            let (first, second) = amounts.split_at(at.min(amounts.len()));
            let mut merged = add(&mut second.iter());
            merged.merge(&add(&mut first.iter())).unwrap();
            prop_assert_eq!(merged.to_string(), whole.to_string());
            prop_assert_eq!(merged, whole.clone());
            let negated = whole.negated();
            prop_assert_eq!(parse(&negated.to_string()).unwrap().to_string(), negated.to_string());
        }
    }
}
