use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use kamipay_proto::rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An exact amount: a whole number of units, and the number of decimals.
///
/// It keeps the digits as they came: `10.00` stays `10.00`. Compare values with
/// [`cmp_value`](Self::cmp_value); `==` also compares the decimals.
///
/// ```
/// use kamipay_reconcile::Amount;
///
/// let amount: Amount = "-10.50".parse()?;
/// assert_eq!((amount.units(), amount.scale()), (-1050, 2));
/// assert!(amount.has_value_of("-10.5".parse()?));
/// assert!("1,234.56".parse::<Amount>().is_err());
/// # Ok::<_, kamipay_reconcile::InvalidAmount>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Amount {
    units: i128,
    scale: u8,
}

impl Amount {
    /// The largest number of units, also below zero: 2^96 - 1, that of a [`Decimal`].
    pub const MAX_UNITS: i128 = (1 << 96) - 1;
    /// The largest number of decimals, that of a [`Decimal`].
    pub const MAX_SCALE: u8 = 28;

    /// `units` divided by 10^`scale`. `None` beyond [`MAX_UNITS`](Self::MAX_UNITS) or
    /// [`MAX_SCALE`](Self::MAX_SCALE).
    pub const fn new(units: i128, scale: u8) -> Option<Self> {
        let fits =
            units >= -Self::MAX_UNITS && units <= Self::MAX_UNITS && scale <= Self::MAX_SCALE;
        if fits { Some(Self { units, scale }) } else { None }
    }

    /// The number of units: 1050 in `10.50`.
    pub const fn units(self) -> i128 {
        self.units
    }

    /// The number of decimals: 2 in `10.50`.
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// The amount with the other sign.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self { units: -self.units, scale: self.scale }
    }

    /// The amount of which this one is a hundredth, or `None` if that is too large.
    pub fn times_hundred(self) -> Option<Self> {
        match self.scale.checked_sub(2) {
            Some(scale) => Some(Self { scale, ..self }),
            None => Self::new(self.units * 10_i128.pow(2 - u32::from(self.scale)), 0),
        }
    }

    /// Compares the values: `10.0` and `10.00` are equal.
    pub fn cmp_value(self, other: Self) -> Ordering {
        if self.scale == other.scale {
            return self.units.cmp(&other.units);
        }
        Exact::from(self).cmp(&Exact::from(other))
    }

    /// Whether the values are equal: `10.0` and `10.00` are.
    pub fn has_value_of(self, other: Self) -> bool {
        self.cmp_value(other).is_eq()
    }

    /// Whether the values differ by at most `tolerance`.
    pub fn is_within(self, tolerance: Self, other: Self) -> bool {
        let difference = Exact::from(self).minus(Exact::from(other));
        let limit = Exact::from(tolerance);
        difference <= limit && Exact::ZERO.minus(difference) <= limit
    }

    /// The same value with as few decimals as possible.
    pub(crate) fn shortest(mut self) -> Self {
        while self.scale > 0 && self.units % 10 == 0 {
            self = Self { units: self.units / 10, scale: self.scale - 1 };
        }
        self
    }

    /// The whole part, rounded down.
    pub(crate) fn whole(self) -> i128 {
        Exact::from(self).whole
    }
}

impl From<Decimal> for Amount {
    /// Converts exactly: a [`Decimal`] always fits.
    fn from(amount: Decimal) -> Self {
        let scale = u8::try_from(amount.scale()).unwrap_or(Self::MAX_SCALE); // at most 28
        Self { units: amount.mantissa(), scale }
    }
}

impl From<Amount> for Decimal {
    /// Converts exactly: an [`Amount`] always fits.
    fn from(amount: Amount) -> Self {
        Self::from_i128_with_scale(amount.units, amount.scale.into())
    }
}

impl FromStr for Amount {
    type Err = InvalidAmount;

    /// Reads an optional minus, digits, and perhaps a point and digits. Nothing else: no plus, no
    /// exponent, no blanks, no separators.
    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        parse(text.as_bytes())
            .ok_or_else(|| InvalidAmount { text: text.chars().take(60).collect() })
    }
}

fn parse(text: &[u8]) -> Option<Amount> {
    let (is_negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        text => (false, text),
    };
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &b"0"[..0]),
    };
    if whole.is_empty() || fraction.is_empty() && whole.len() != text.len() {
        return None;
    }
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| byte - b'0');
    let units = if whole.len() + fraction.len() <= 18 {
        let mut units = 0_i64;
        for byte in whole.iter().chain(fraction) {
            units = units * 10 + i64::from(digit(byte)?);
        }
        units.into()
    } else {
        let mut units = 0_i128;
        for byte in whole.iter().chain(fraction) {
            units = units.checked_mul(10)?.checked_add(digit(byte)?.into())?;
        }
        units
    };
    Amount::new(if is_negative { -units } else { units }, u8::try_from(fraction.len()).ok()?)
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.units.unsigned_abs();
        let sign = if self.units < 0 { "-" } else { "" };
        let one = 10_u128.pow(self.scale.into());
        match usize::from(self.scale) {
            0 => f.pad(&format!("{sign}{digits}")),
            scale => f.pad(&format!("{sign}{}.{:0scale$}", digits / one, digits % one)),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is not an [`Amount`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidAmount {
    /// The first 60 characters of the text.
    pub text: String,
}

impl fmt::Display for InvalidAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not an exact amount: digits, with a point and at most 28 decimals, such as \
             -1234.50, and at most 28 digits in all",
            self.text
        )
    }
}

impl std::error::Error for InvalidAmount {}

/// A value as a whole part and a part of one, in 10^-28. The second is not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exact {
    whole: i128,
    part: i128,
}

impl Exact {
    pub(crate) const ZERO: Self = Self { whole: 0, part: 0 };
    const ONE: i128 = 10_i128.pow(28);

    pub(crate) fn new(units: i128, scale: u8) -> Self {
        let one = 10_i128.pow(scale.into());
        let (whole, part) = (units.div_euclid(one), units.rem_euclid(one));
        Self { whole, part: part * (Self::ONE / one) }
    }

    fn minus(self, other: Self) -> Self {
        Self::normal(self.whole - other.whole, self.part - other.part)
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self::normal(self.whole + other.whole, self.part + other.part)
    }

    fn normal(whole: i128, part: i128) -> Self {
        Self { whole: whole + part.div_euclid(Self::ONE), part: part.rem_euclid(Self::ONE) }
    }

    pub(crate) fn is_negative(self) -> bool {
        self.whole < 0
    }

    /// The text with this many decimals, which have to be enough.
    pub(crate) fn text(self, scale: u8) -> String {
        let sign = if self.is_negative() { "-" } else { "" };
        let plain = if self.is_negative() { Self::ZERO.minus(self) } else { self };
        let scale = usize::from(scale);
        let decimals = format!("{:028}", plain.part);
        let point = if scale == 0 { "" } else { "." };
        format!("{sign}{}{point}{}", plain.whole, &decimals[..scale])
    }
}

impl From<Amount> for Exact {
    fn from(amount: Amount) -> Self {
        Self::new(amount.units, amount.scale)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn an_amount_keeps_its_digits() {
        for text in [
            "0",
            "0.00",
            "10.50",
            "-10.50",
            "-0.5",
            "10027.79968000",
            "0.30000000000000004",
            "79228162514264337593543950335",
            "-7.9228162514264337593543950335",
            "0.0000000000000000000000000001",
            "999999999999999999",
            "1000000000000000000",
        ] {
            assert_eq!(amount(text).to_string(), text);
            let json = format!("\"{text}\"");
            assert_eq!(serde_json::to_string(&amount(text)).unwrap(), json);
            assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), amount(text));
        }
        assert_eq!(amount("-0.00").to_string(), "0.00");
        assert_eq!(amount("007.50").to_string(), "7.50");
        assert_eq!(format!("{:>8}", amount("-1.5")), "    -1.5");
    }

    #[test]
    fn a_text_that_is_not_plainly_an_amount_is_refused() {
        for text in [
            "",
            "-",
            "+1",
            ".5",
            "1.",
            "-.5",
            "1e3",
            "1,5",
            "1_000",
            "1.000.000",
            " 1",
            "1 ",
            "--1",
            "NaN",
            "١",
            "0x1",
            "1-",
            "(1)",
            "79228162514264337593543950336",
            "0.00000000000000000000000000000",
            "1.00000000000000000000000000001",
            "340282366920938463463374607431768211456000",
        ] {
            assert!(text.parse::<Amount>().is_err(), "{text:?}");
        }
        assert_eq!(
            "1,5".parse::<Amount>().unwrap_err().to_string(),
            "\"1,5\" is not an exact amount: digits, with a point and at most 28 decimals, such as \
             -1234.50, and at most 28 digits in all"
        );
    }

    #[test]
    fn values_are_compared_without_their_zeros() {
        let most = "79228162514264337593543950335";
        let order = [
            "-79228162514264337593543950335",
            "-1.5",
            "-0.5",
            "-0.0000000000000000000000000001",
            "0",
            "0.0000000000000000000000000001",
            "0.30",
            "0.31",
            "1",
            "9.999",
            most,
        ];
        for (i, a) in order.iter().enumerate() {
            for (j, b) in order.iter().enumerate() {
                assert_eq!(amount(a).cmp_value(amount(b)), i.cmp(&j), "{a} {b}");
            }
        }
        assert!(amount("10.0").has_value_of(amount("10.000")));
        assert_ne!(amount("10.0"), amount("10.000"));
    }

    #[test]
    fn a_tolerance_is_inclusive() {
        let is_within = |a, b| amount(a).is_within(amount("0.01"), amount(b));
        assert!(is_within("1.00", "1.01") && is_within("1.01", "1"));
        assert!(is_within("-0.005", "0.005") && is_within("0.005", "-0.005"));
        assert!(!is_within("1", "1.0100000000000000000000000001"));
        assert!(!is_within("1.0100000000000000000000000001", "1"));
        assert!(!is_within("79228162514264337593543950335", "-79228162514264337593543950335"));
    }

    #[test]
    fn a_hundredfold_is_exact() {
        let hundred = |text: &str| amount(text).times_hundred().map(|it| it.to_string());
        assert_eq!(hundred("10.50").as_deref(), Some("1050"));
        assert_eq!(hundred("10.5").as_deref(), Some("1050"));
        assert_eq!(hundred("-3").as_deref(), Some("-300"));
        assert_eq!(hundred("0.123").as_deref(), Some("12.3"));
        assert_eq!(hundred("79228162514264337593543950335"), None);
    }

    proptest! {
        #[test]
        fn every_decimal_converts_exactly(units in -(1_i128 << 95)..(1_i128 << 95), scale in 0_u32..=28) {
            let decimal = Decimal::from_i128_with_scale(units, scale);
            let converted = Amount::from(decimal);
            prop_assert_eq!(converted.to_string(), decimal.to_string());
            prop_assert_eq!(Decimal::from(converted), decimal);
            prop_assert_eq!(amount(&decimal.to_string()), converted);
            prop_assert_eq!(Exact::from(converted).text(converted.scale()), decimal.to_string());
        }

        #[test]
        fn order_is_that_of_decimals(
            a in (-2000_i64..2000, 0_u32..4), b in (-2000_i64..2000, 0_u32..4), limit in 0_i64..500
        ) {
            let [a, b] = [a, b].map(|(units, scale)| Decimal::new(units, scale));
            let limit = Decimal::new(limit, 2);
            prop_assert_eq!(Amount::from(a).cmp_value(b.into()), a.cmp(&b));
            prop_assert_eq!(Amount::from(a).is_within(limit.into(), b.into()), (a - b).abs() <= limit);
        }

        #[test]
        fn no_text_panics(text in ".{0,40}", digits in "-?[0-9.]{0,60}") {
            let _ = text.parse::<Amount>();
            if let Ok(parsed) = digits.parse::<Amount>() {
                prop_assert!(parsed.to_string().parse::<Amount>().unwrap() == parsed);
            }
        }
    }
}
