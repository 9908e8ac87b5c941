//! Amounts: read from a JSON string or number, with all digits and the scale.

use rust_decimal::Decimal;
use serde::de::Error;
use serde::{Deserializer, Serializer};

use super::{reason, scalar};

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
    parse(&scalar(from)?).ok_or_else(|| D::Error::custom(reason::AMOUNT))
}

pub(crate) fn serialize<S: Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(amount)
}

/// An optional amount.
pub(crate) mod option {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Decimal>, D::Error> {
        #[derive(Deserialize)]
        struct Amount(#[serde(with = "super")] Decimal);

        Ok(Option::<Amount>::deserialize(from)?.map(|amount| amount.0))
    }

    pub(crate) fn serialize<S: Serializer>(
        amount: &Option<Decimal>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match amount {
            Some(amount) => to.collect_str(amount),
            None => to.serialize_none(),
        }
    }
}

/// Parses JSON's grammar for numbers, with exponents. `None` if the value does not fit exactly.
///
/// `Decimal::from_str` rounds values that do not fit, and accepts `1_000`, `+1` and `.5`.
pub(crate) fn parse(text: &str) -> Option<Decimal> {
    let (negative, text) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        text => (false, text),
    };
    let (whole, rest, number) = take_digits(text, 0);
    let (fraction, rest, number) = match rest {
        [b'.', rest @ ..] => match take_digits(rest, number) {
            ([], ..) => return None,
            parts => parts,
        },
        rest => (&[][..], rest, number),
    };
    let exponent = match rest {
        [] => 0,
        [b'e' | b'E', rest @ ..] => parse_exponent(rest)?,
        _ => return None,
    };
    if matches!(whole, [] | [b'0', _, ..]) {
        return None;
    }

    let mut mantissa = match whole.len() + fraction.len() {
        ..=19 => u128::from(number), // 19 digits fit in 64 bits
        _ => join(whole, fraction)?,
    };
    let mut scale = i64::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    if mantissa == 0 {
        scale = scale.max(0); // 0E+3 is zero, however large the exponent
    }
    while scale < 0 {
        mantissa = mantissa.checked_mul(10)?;
        scale += 1;
    }

    let scale = u32::try_from(scale).ok().filter(|scale| *scale <= Decimal::MAX_SCALE)?;
    let [low, middle, high, 0] = words(mantissa) else { return None };
    Some(Decimal::from_parts(low, middle, high, negative, scale)) // -0 becomes 0
}

/// The digits at the start of `text`, the rest, and `number` with these digits appended. The number
/// is wrong if it has more than 19 digits.
fn take_digits(text: &[u8], mut number: u64) -> (&[u8], &[u8], u64) {
    let mut end = 0;
    while let Some(byte @ b'0'..=b'9') = text.get(end) {
        number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
        end += 1;
    }
    let (digits, rest) = text.split_at(end);
    (digits, rest, number)
}

/// The number with these digits.
fn join(whole: &[u8], fraction: &[u8]) -> Option<u128> {
    whole.iter().chain(fraction).try_fold(0_u128, |number, digit| {
        number.checked_mul(10)?.checked_add(u128::from(digit - b'0'))
    })
}

/// The number in words of 32 bits, lowest first.
fn words(number: u128) -> [u32; 4] {
    [0, 32, 64, 96].map(|shift| (number >> shift) as u32)
}

fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // The cap is larger than any exponent that fits, and cannot overflow.
    let value = digits.iter().fold(0_i64, |value, byte| {
        value.saturating_mul(10).saturating_add(i64::from(byte - b'0')).min(1_000_000_000_000)
    });
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, serde::Serialize)]
    struct Row {
        #[serde(with = "super")]
        amount: Decimal,
    }

    fn read(literal: &str) -> Option<String> {
        let row = serde_json::from_str::<Row>(&format!(r#"{{"amount":{literal}}}"#)).ok()?;
        Some(row.amount.to_string())
    }

    #[test]
    fn strings_and_numbers_keep_their_digits_and_scale() {
        // lots: `"10027.79968000"`; settlements: `1234567.89`, `29750.0`, and `0` in the empty pool
        for text in ["10027.79968000", "1234567.89", "29750.0", "0", "5.28", "9.961790"] {
            assert_eq!(read(text).as_deref(), Some(text));
            assert_eq!(read(&format!("\"{text}\"")).as_deref(), Some(text));
        }
        assert_eq!(read("0.30000000000000004").as_deref(), Some("0.30000000000000004"));
        assert_eq!(read("-12.50").as_deref(), Some("-12.50"));
        assert_eq!(
            read("79228162514264337593543950335").as_deref(),
            Some("79228162514264337593543950335")
        );
    }

    #[test]
    fn exponents_are_read_if_the_value_fits() {
        for (text, value) in [
            ("0E-8", "0.00000000"),
            ("1E-7", "0.0000001"),
            ("1e-05", "0.00001"),
            ("1.50E+2", "150"),
            ("1.5e0", "1.5"),
            ("12e2", "1200"),
            ("0e999999999999999999999", "0"),
            ("1e28", "10000000000000000000000000000"),
        ] {
            assert_eq!(read(text).as_deref(), Some(value), "{text}");
            assert_eq!(read(&format!("\"{text}\"")).as_deref(), Some(value), "{text}");
        }
    }

    #[test]
    fn an_amount_that_does_not_fit_exactly_is_refused() {
        for text in [
            "79228162514264337593543950336",
            "0.00000000000000000000000000001",
            "1e29",
            "1e-29",
            "0e-29",
            "1e-99999999999999999999",
            "1e99999999999999999999",
            "123456789012345678901234567890",
            "1.00000000000000000000000000000",
        ] {
            assert_eq!(read(text), None, "{text}");
            assert_eq!(read(&format!("\"{text}\"")), None, "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_json_number_is_refused() {
        for text in [
            "", " ", "NaN", "Infinity", "1_000", "1__0", "+1", ".5", "1.", "1.000,00", "1,5",
            "--1", "-", "1e", "1e+", "1e1.5", "0x10", "01", "00", " 1", "1 ", "١", "1.5.5", "e5",
            "-.5",
        ] {
            assert_eq!(read(&format!("\"{text}\"")), None, "{text:?}");
        }
        for json in ["null", "true", "{}", "[]", "[1]", "{\"a\":1}"] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn minus_zero_is_zero() {
        assert_eq!(read("-0").as_deref(), Some("0"));
        assert_eq!(read("\"-0.00\"").as_deref(), Some("0.00"));
    }

    #[test]
    fn escaped_digits_are_digits() {
        assert_eq!(read(r#""1\u0030.5""#).as_deref(), Some("10.5"));
    }

    #[test]
    fn a_value_that_may_have_been_rounded_is_refused() {
        let value: serde_json::Value = serde_json::from_str(r#"{"amount": 1.5}"#).unwrap();
        assert!(serde_json::from_value::<Row>(value).is_err());
    }

    proptest! {
        #[test]
        fn every_decimal_is_read_as_it_was_written(mantissa in -(1_i128 << 95)..(1_i128 << 95), scale in 0_u32..=28) {
            let amount = Decimal::from_i128_with_scale(mantissa, scale);
            let written = serde_json::to_string(&Row { amount }).unwrap();
            prop_assert_eq!(&written, &format!("{{\"amount\":\"{amount}\"}}"));
            for json in [written, format!("{{\"amount\":{amount}}}")] {
                let read: Row = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(read.amount, amount);
                prop_assert_eq!(read.amount.scale(), amount.scale());
                prop_assert_eq!(read.amount.to_string(), amount.to_string());
            }
        }

        #[test]
        fn scientific_notation_equals_the_plain_number(
            mantissa in 0_u64..1_000_000_000_000, exponent in -16_i32..=16
        ) {
            let plain = if exponent >= 0 {
                format!("{mantissa}{}", "0".repeat(exponent as usize)).parse::<Decimal>().unwrap()
            } else {
                Decimal::from_i128_with_scale(i128::from(mantissa), exponent.unsigned_abs())
            };
            prop_assert_eq!(parse(&format!("{mantissa}e{exponent}")), Some(plain));
            prop_assert_eq!(parse(&format!("{mantissa}E{exponent:+03}")), Some(plain));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}", digits in "[-+0-9eE._]{0,60}") {
            let _ = parse(&text);
            if let Some(amount) = parse(&digits) {
                prop_assert_eq!(parse(&amount.to_string()), Some(amount));
            }
        }
    }
}
