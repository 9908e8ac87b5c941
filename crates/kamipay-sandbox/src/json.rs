//! JSON with the order of keys and the spelling of numbers that the API uses.

use std::{borrow::Cow, collections::BTreeMap, fmt::Display};

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde_json::value::RawValue;

/// An object under construction; keys keep the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Object {
    members: String,
}

impl Object {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A member whose value is already JSON.
    pub(crate) fn raw(mut self, key: &str, value: impl Display) -> Self {
        use std::fmt::Write as _;

        let comma = if self.members.is_empty() { "" } else { "," };
        // Writing to a `String` cannot fail.
        let _ = write!(self.members, "{comma}{}:{value}", text(key));
        self
    }

    pub(crate) fn text(self, key: &str, value: &str) -> Self {
        self.raw(key, text(value))
    }

    /// A string, or `null`.
    pub(crate) fn maybe_text(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self.raw(key, "null"),
        }
    }

    /// A JSON number as Python writes a float, or `null`.
    pub(crate) fn maybe_float(self, key: &str, value: Option<Decimal>) -> Self {
        match value {
            Some(value) => self.raw(key, float(value)),
            None => self.raw(key, "null"),
        }
    }

    /// A timestamp, or `null`.
    pub(crate) fn maybe_time(self, key: &str, value: Option<DateTime<Utc>>) -> Self {
        self.maybe_text(key, value.map(timestamp).as_deref())
    }

    pub(crate) fn end(self) -> String {
        format!("{{{}}}", self.members)
    }
}

pub(crate) fn array(rows: &[impl AsRef<str>]) -> String {
    let mut json = String::from("[");
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        json.push_str(row.as_ref());
    }
    json.push(']');
    json
}

/// The text of one member of an object.
pub(crate) fn member<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(object).ok()?;
    members.get(key).map(|value| value.get())
}

/// An object with another value, in JSON, for one of its members, or with one member more. The
/// rest keeps its spelling.
pub(crate) fn with_member(object: &str, key: &str, value: &str) -> String {
    if let Some(old) = member(object, key) {
        // A part of the object's text, so it has its place there.
        let start = old.as_ptr().addr() - object.as_ptr().addr();
        return [&object[..start], value, &object[start + old.len()..]].concat();
    }
    let start = object.trim_end().trim_end_matches('}').trim_end();
    let comma = if start.ends_with('{') { "" } else { "," };
    format!("{start}{comma}{}:{value}}}", text(key))
}

/// A number as JSON spells it, exactly. `None` for one with too many digits.
pub(crate) fn exact(text: &str) -> Option<Decimal> {
    let is_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    // Not `1_000`, `+1`, `.5`, `007` or ` 1`.
    let json: &RawValue = serde_json::from_str(text).ok().filter(|_| is_number)?;
    let text = Some(text).filter(|text| *text == json.get())?;
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let digits = Decimal::from_str_exact(digits).ok()?;
    let scale = i64::from(digits.scale()).checked_sub(exponent.parse().ok()?)?;
    let up = 10_i128.checked_pow(u32::try_from(scale.min(0).unsigned_abs()).ok()?)?;
    let scale = u32::try_from(scale.max(0)).ok()?;
    Decimal::try_from_i128_with_scale(digits.mantissa().checked_mul(up)?, scale).ok()
}

/// A quoted string. Non-ASCII text is written as it is.
pub(crate) fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

/// `2026-05-14T15:00:42.907905Z`: six digits of fraction, or none when it is zero, as Python does.
pub(crate) fn timestamp(time: DateTime<Utc>) -> String {
    let fraction = match time.timestamp_subsec_micros() {
        0 => SecondsFormat::Secs,
        _ => SecondsFormat::Micros,
    };
    time.to_rfc3339_opts(fraction, true)
}

/// `1718472442.872`: seconds since 1970 with milliseconds.
pub(crate) fn epoch_millis(time: DateTime<Utc>) -> String {
    let millis = time.timestamp_millis();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

/// USDT as Python's `Decimal` prints it with eight places: `0.88924200`, and `0E-8` for zero.
pub(crate) fn usdt(amount: Decimal) -> String {
    if amount.is_zero() { "0E-8".to_owned() } else { with_places(amount, 8) }
}

/// With at least this many decimal places. Never rounded.
pub(crate) fn with_places(amount: Decimal, least: u32) -> String {
    let amount = amount.normalize();
    format!("{amount:.*}", amount.scale().max(least) as usize)
}

/// A number as Python prints a float: `29750.0`, `5.28`, `1e-05`.
pub(crate) fn float(amount: Decimal) -> String {
    let plain = amount.normalize();
    let digits = plain.mantissa().unsigned_abs().to_string();
    // The power of ten of the first digit, as in `d.ddd * 10^exponent`.
    let exponent = digits.len() as i64 - 1 - i64::from(plain.scale());
    if !plain.is_zero() && exponent < -4 {
        let sign = if plain.is_sign_negative() { "-" } else { "" };
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{point}{rest}e-{:02}", -exponent);
    }
    if plain.scale() == 0 { format!("{plain}.0") } else { plain.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_spelled_as_python_spells_them() {
        for (amount, spelled) in [
            (Decimal::new(29_750, 0), "29750.0"),
            (Decimal::new(123_456_789, 2), "1234567.89"),
            (Decimal::new(528, 2), "5.28"),
            (Decimal::new(500, 2), "5.0"),
            (Decimal::new(1, 4), "0.0001"),
            (Decimal::new(1, 5), "1e-05"),
            (Decimal::new(-125, 7), "-1.25e-05"),
            (Decimal::new(0, 2), "0.0"),
        ] {
            assert_eq!(float(amount), spelled);
        }
    }

    #[test]
    fn usdt_has_eight_places_or_more_and_zero_is_in_scientific_notation() {
        assert_eq!(usdt(Decimal::new(889_242, 6)), "0.88924200");
        assert_eq!(usdt(Decimal::ZERO), "0E-8");
        assert_eq!(usdt(Decimal::new(1, 9)), "0.000000001");
        assert_eq!(with_places(Decimal::new(123_456_789, 7), 5), "12.3456789");
        assert_eq!(with_places(Decimal::new(12_000, 3), 2), "12.00");
    }

    #[test]
    fn numbers_are_read_exactly_or_not_at_all() {
        for (spelled, value) in [
            ("25.90", Some("25.90")),
            ("-1", Some("-1")),
            ("0E-8", Some("0.00000000")),
            ("1e-05", Some("0.00001")),
            ("12.5e+1", Some("125")),
            ("2E3", Some("2000")),
            ("99999999999999999999999999999.9", None),
            ("1e-29", None),
            ("1e40", None),
            ("1e99999999999999999999", None),
            ("0.1234567890123456789012345678901", None),
            ("1_000", None),
            ("+1", None),
            (".5", None),
            ("007", None),
            (" 1", None),
            ("1 ", None),
            ("", None),
            ("NaN", None),
            ("\u{661}", None),
        ] {
            assert_eq!(
                exact(spelled).map(|value| value.to_string()).as_deref(),
                value,
                "{spelled}"
            );
        }
    }

    #[test]
    fn times_have_six_digits_of_fraction_or_none() {
        let time = |micros| timestamp(DateTime::from_timestamp_micros(micros).unwrap());
        assert_eq!(time(1_746_646_612_907_905), "2025-05-07T19:36:52.907905Z");
        assert_eq!(time(1_746_646_612_000_000), "2025-05-07T19:36:52Z");
        assert_eq!(time(1_746_646_612_900_000), "2025-05-07T19:36:52.900000Z");
    }

    #[test]
    fn epochs_have_milliseconds() {
        let time = DateTime::from_timestamp_millis(1_718_472_442_872).unwrap();
        assert_eq!(epoch_millis(time), "1718472442.872");
    }

    #[test]
    fn one_member_is_replaced_and_the_rest_stays() {
        let object = "{ \"a\": [1, {\"b\": 0E-8}],\n \"b\": 1e-05 , \"c\": null }\n";
        assert_eq!(member(object, "b"), Some("1e-05"));
        assert_eq!(member(object, "d"), None);
        assert_eq!(
            with_member(object, "b", "2"),
            "{ \"a\": [1, {\"b\": 0E-8}],\n \"b\": 2 , \"c\": null }\n"
        );
        assert_eq!(with_member("{\"a\": 1}", "b", "[]"), "{\"a\": 1,\"b\":[]}");
        assert_eq!(with_member("{}", "b", "[]"), "{\"b\":[]}");
    }

    #[test]
    fn strings_are_escaped_and_keep_their_letters() {
        let json = Object::new().text("name", "João \"C\"\n").raw("n", 1).end();
        assert_eq!(json, r#"{"name":"João \"C\"\n","n":1}"#);
    }
}
