//! Reads and writes the API's values.

pub(crate) mod epoch;
pub(crate) mod identifier;
pub(crate) mod money;
pub(crate) mod object;
pub(crate) mod raw;
pub(crate) mod retry_after;
pub(crate) mod string_enum;
pub(crate) mod timestamp;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Why a value was refused. These texts may be shown: they never quote the value.
pub(crate) mod reason {
    pub(crate) const AMOUNT: &str = "not an amount that can be kept exactly: at most 28 decimals \
        and 28 to 29 digits, written like 10027.79968000 or 1e-05";
    pub(crate) const EPOCH: &str = "not seconds since 1970 with at most 9 decimals";
    pub(crate) const INTEGER: &str = "not a whole number from 0 to 18446744073709551615";
    pub(crate) const ROWS: &str = "more rows than a page can have";
    pub(crate) const PAYMENT: &str = "longer than 256 KiB, the limit for one payment";
    pub(crate) const SCALAR: &str = "neither a string nor a number";
    pub(crate) const TIMESTAMP: &str =
        "not a timestamp with an offset, such as 2026-05-14T15:00:42.907905Z";
    pub(crate) const TOKEN: &str = "not a bearer token: 1 to 16384 visible ASCII characters";
    pub(crate) const TOKEN_TYPE: &str = "not `bearer`, the only supported type";

    /// Also what [`raw`](super::raw) expects, after "invalid type: floating point `1.5`, expected".
    pub(crate) const ROUNDED: &str = "a text or a whole number: this format may have rounded any \
        other number, so read the JSON text with serde_json::from_str";
    pub(crate) const OBJECT: &str = "an object, which can be read from JSON text only, with \
        serde_json::from_str";
    pub(crate) const STATUS: &str = "a payment's status can be read from JSON text only, with \
        serde_json::from_str: other formats lose keys that come twice";

    pub(crate) const ALL: [&str; 12] = [
        AMOUNT, EPOCH, INTEGER, OBJECT, PAYMENT, ROUNDED, ROWS, SCALAR, STATUS, TIMESTAMP, TOKEN,
        TOKEN_TYPE,
    ];
}

/// The text of a string, or the exact text of a number: from JSON text of any number, from another
/// format of a whole number.
pub(crate) fn scalar<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    match raw::json(from)? {
        Cow::Borrowed(json) => plain(json),
        Cow::Owned(json) => plain(&json).map(|text| Cow::Owned(text.into_owned())),
    }
}

/// The text of a JSON string or number.
fn plain<E: Error>(json: &str) -> Result<Cow<'_, str>, E> {
    match json.as_bytes() {
        [b'"', text @ .., b'"'] if !text.contains(&b'\\') => {
            Ok(Cow::Borrowed(&json[1..json.len() - 1]))
        }
        [b'"', ..] => serde_json::from_str(json).map(Cow::Owned).map_err(E::custom),
        [b'-' | b'0'..=b'9', ..] => Ok(Cow::Borrowed(json)),
        _ => Err(E::custom(reason::SCALAR)),
    }
}

/// A whole number: a JSON number or a string of digits.
pub(crate) fn integer<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    struct Integer;

    impl Visitor<'_> for Integer {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number")
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
            Ok(number)
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
            u64::try_from(number).map_err(|_| E::custom(reason::INTEGER))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
            parse_integer(text).ok_or_else(|| E::custom(reason::INTEGER))
        }
    }

    from.deserialize_any(Integer)
}

/// Accepts digits only. `u64::from_str` accepts `+5` as well.
pub(crate) fn parse_integer(text: &str) -> Option<u64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Reads a string and passes it to `read` without a copy.
pub(crate) fn text<'de, D, T, F>(from: D, read: F) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    F: FnOnce(&str) -> Result<T, &'static str>,
{
    struct Text<T, F>(F, PhantomData<T>);

    impl<T, F: FnOnce(&str) -> Result<T, &'static str>> Visitor<'_> for Text<T, F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            (self.0)(text).map_err(E::custom)
        }
    }

    from.deserialize_str(Text(read, PhantomData))
}
