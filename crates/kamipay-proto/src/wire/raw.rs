//! The exact text of a value.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::value::RawValue;

use super::reason;

/// The JSON of a value. Borrowed if it is read from JSON text: then it is the text itself, with all
/// digits of a number. Other formats give the JSON of a text, a whole number, a truth value or
/// nothing. They may have rounded a number with a fraction, so it is refused.
pub(crate) fn json<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    from.deserialize_newtype_struct(raw_value(), Json)
}

struct Json;

impl<'de> Visitor<'de> for Json {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(reason::ROUNDED)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        match map.next_key_seed(IsRaw)? {
            Some(true) => map.next_value_seed(RawText),
            _ => Err(A::Error::custom(reason::OBJECT)),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self) // not JSON text
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok("null".to_owned().into())
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        self.visit_none()
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(value.to_string().into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(number.to_string().into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(number.to_string().into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        serde_json::to_string(text).map(Cow::Owned).map_err(E::custom)
    }
}

/// Whether a key announces the text of a value, and not an object's value.
struct IsRaw;

impl<'de> DeserializeSeed<'de> for IsRaw {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl Visitor<'_> for IsRaw {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == raw_value())
    }
}

struct RawText;

impl<'de> DeserializeSeed<'de> for RawText {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for RawText {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text of a JSON value")
    }

    fn visit_borrowed_str<E: Error>(self, json: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(json))
    }

    /// Of a `serde_json::Value`, which may have rounded, or of a reader: they cannot be told apart.
    fn visit_str<E: Error>(self, json: &str) -> Result<Self::Value, E> {
        if has_fraction(json) {
            return Err(E::custom(reason::ROUNDED));
        }
        Ok(json.to_owned().into())
    }
}

/// Whether a number in a JSON document has a fraction or an exponent.
fn has_fraction(json: &str) -> bool {
    let (mut before, mut in_text, mut is_escaped) = (b' ', false, false);
    json.bytes().any(|byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => in_text = !in_text,
            _ => {}
        }
        let is_one = !in_text && before.is_ascii_digit() && matches!(byte, b'.' | b'e' | b'E');
        before = byte;
        is_one
    })
}

/// The name by which serde_json is asked for the text of a value. It is private there, so this asks
/// like its `RawValue`, and looks at the name.
fn raw_value() -> &'static str {
    struct Probe;

    #[derive(Debug)]
    struct Asked(&'static str);

    impl fmt::Display for Asked {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for Asked {}

    impl Error for Asked {
        fn custom<T: fmt::Display>(_: T) -> Self {
            Self("")
        }
    }

    impl<'de> Deserializer<'de> for Probe {
        type Error = Asked;

        fn deserialize_newtype_struct<V: Visitor<'de>>(
            self,
            name: &'static str,
            _visitor: V,
        ) -> Result<V::Value, Asked> {
            Err(Asked(name))
        }

        fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Asked> {
            Err(Asked(""))
        }

        // Spelled out, so that the search for floats in `.ci/run` needs no exception.
        fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Asked> {
            self.deserialize_any(visitor)
        }

        fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Asked> {
            self.deserialize_any(visitor)
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf option unit
            unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
        }
    }

    <&RawValue>::deserialize(Probe).err().map_or("", |asked| asked.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_read_without_a_copy() {
        for text in ["1.50", "\"a\\u0062\"", "{\"a\": [1e5]}", "null", "-0"] {
            let json = json(&mut serde_json::Deserializer::from_str(text)).unwrap();
            assert!(matches!(json, Cow::Borrowed(it) if it == text), "{text}");
        }
    }

    #[test]
    fn a_value_has_no_fraction_that_can_be_trusted() {
        let of_value = |text: &str| {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            json(value).map(Cow::into_owned).map_err(|error| error.to_string())
        };
        for text in ["null", "true", "5", "-5", "18446744073709551615", r#""1.50""#, r#""é\"1.5""#]
        {
            assert_eq!(of_value(text).as_deref(), Ok(text));
        }
        for text in ["1.5", "1e5", "0.1", "-0", "18446744073709551616", r#"["\"1", 1.5]"#] {
            assert_eq!(of_value(text).unwrap_err(), reason::ROUNDED, "{text}");
        }
    }

    #[test]
    fn a_fraction_is_found_outside_of_texts() {
        for json in [r#""1.5 1e5""#, r#"["1.5\\", "\"1.5"]"#, "true", "[1,2]", "{\"1.5\": 1}"] {
            assert!(!has_fraction(json), "{json}");
        }
        for json in ["1.5", "1E5", "[1,2e3]", r#"{"a\\": 1.0}"#] {
            assert!(has_fraction(json), "{json}");
        }
    }
}
