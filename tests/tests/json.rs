//! A JSON tree that keeps the text of its numbers, and can be changed in one place.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON value. An object may have duplicate keys.
#[derive(Clone)]
pub(crate) enum Json {
    Object(Vec<(String, Self)>),
    Array(Vec<Self>),
    /// Any other value, as text.
    Leaf(String),
}

impl Json {
    pub(crate) fn parse(text: &str) -> Self {
        match text.trim_start().as_bytes()[0] {
            b'{' => {
                let Fields(fields) = serde_json::from_str(text).unwrap();
                Self::Object(
                    fields.into_iter().map(|(key, raw)| (key, Self::parse(raw.get()))).collect(),
                )
            }
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).unwrap();
                Self::Array(items.into_iter().map(|raw| Self::parse(raw.get())).collect())
            }
            _ => Self::Leaf(text.trim().to_owned()),
        }
    }

    /// Number of values in the tree, including this one.
    pub(crate) fn len(&self) -> usize {
        1 + match self {
            Self::Object(fields) => fields.iter().map(|(_, value)| value.len()).sum(),
            Self::Array(items) => items.iter().map(Self::len).sum::<usize>(),
            Self::Leaf(_) => 0,
        }
    }

    /// Changes the `n`th value, counted from this one in document order.
    pub(crate) fn change(&mut self, n: usize, change: &mut dyn FnMut(&mut Self)) {
        if n == 0 {
            return change(self);
        }
        let mut n = n - 1;
        let values: Vec<&mut Self> = match self {
            Self::Object(fields) => fields.iter_mut().map(|(_, value)| value).collect(),
            Self::Array(items) => items.iter_mut().collect(),
            Self::Leaf(_) => Vec::new(),
        };
        for value in values {
            if n < value.len() {
                return value.change(n, change);
            }
            n -= value.len();
        }
    }

    /// Every leaf: its JSON pointer, the last part of the pointer, and its number for `change`.
    pub(crate) fn leaves(&self) -> Vec<(String, String, usize)> {
        fn walk(json: &Json, at: &str, n: &mut usize, found: &mut Vec<(String, String, usize)>) {
            let here = *n;
            *n += 1;
            let children: Vec<(String, &Json)> = match json {
                Json::Object(fields) => fields.iter().map(|(k, v)| (k.clone(), v)).collect(),
                Json::Array(items) => {
                    items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect()
                }
                Json::Leaf(_) => {
                    let name = at.rsplit('/').next().unwrap_or_default().to_owned();
                    return found.push((at.to_owned(), name, here));
                }
            };
            for (key, child) in children {
                walk(child, &format!("{at}/{key}"), n, found);
            }
        }

        let mut found = Vec::new();
        walk(self, "", &mut 0, &mut found);
        found
    }

    /// Replaces the `n`th value with `literal`.
    pub(crate) fn with(&self, n: usize, literal: &str) -> Self {
        let mut changed = self.clone();
        changed.change(n, &mut |value| *value = Self::Leaf(literal.to_owned()));
        changed
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(fields) => {
                f.write_str("{")?;
                for (n, (key, value)) in fields.iter().enumerate() {
                    let key = serde_json::to_string(key).map_err(|_| fmt::Error)?;
                    write!(f, "{}{key}:{value}", if n == 0 { "" } else { "," })?;
                }
                f.write_str("}")
            }
            Self::Array(items) => {
                f.write_str("[")?;
                for (n, value) in items.iter().enumerate() {
                    write!(f, "{}{value}", if n == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Leaf(text) => f.write_str(text),
        }
    }
}

/// The fields of an object in order. serde's derive accepts a list of an object's values only in the
/// order of its fields.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }

        from.deserialize_map(InOrder).map(Fields)
    }
}
