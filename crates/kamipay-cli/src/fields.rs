//! The fields of a value as JSON has them, by name: what tables and CSV are made of.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// The fields of a JSON object, with their order and all digits. Of two with one name, the first.
#[derive(Default)]
pub(crate) struct Fields(pub(crate) Vec<(String, Box<RawValue>)>);

impl Fields {
    /// The fields of a model.
    pub(crate) fn of(model: &impl Serialize) -> Self {
        let json = serde_json::to_string(model).and_then(|json| serde_json::from_str(&json));
        json.expect("a model is a JSON object")
    }

    /// The same fields, and one more at the end.
    pub(crate) fn with(mut self, name: &str, value: &impl Serialize) -> Self {
        let value = to_raw_value(value).expect("a model's field is JSON");
        self.0.push((name.to_owned(), value));
        self
    }

    /// A string's text, nothing for null and for a field that is not there, and JSON for all else.
    pub(crate) fn text(&self, name: &str) -> String {
        let field = self.0.iter().find(|(other, _)| other == name);
        field.map(|(_, value)| plain(value)).unwrap_or_default()
    }

    /// A row of CSV with these columns.
    pub(crate) fn cells(&self, columns: &[&str]) -> Vec<String> {
        columns.iter().map(|name| self.text(name)).collect()
    }
}

/// A string's text, nothing for null, and JSON for all else.
pub(crate) fn plain(value: &RawValue) -> String {
    match value.get() {
        "null" => String::new(),
        text => serde_json::from_str(text).unwrap_or_else(|_| text.to_owned()),
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let (mut fields, mut names) = (Fields::default(), HashSet::new());
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if names.insert(name.clone()) {
                        fields.0.push((name, value));
                    }
                }
                Ok(fields)
            }
        }

        from.deserialize_map(Object)
    }
}
