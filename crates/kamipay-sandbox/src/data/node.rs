//! A place in a JSON text, which knows its line and its path.

use std::fmt;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::InvalidData;
use crate::{json::exact, row::time_from};

/// A field's name, the form of its value, and whether it may be `null`.
pub(super) type Field = (&'static str, Form, bool);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    /// One of these.
    Word(&'static [&'static str]),
    Integer,
    IntegerText,
    /// An amount as a number.
    Amount,
    /// An amount as text.
    TextAmount,
    /// With an offset.
    Time,
    /// Seconds since 1970, as text.
    Epoch,
    Flag,
    /// Read item by item.
    Array,
    Any,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    whole: &'a str,
    json: &'a str,
    path: String,
}

impl<'a> Node<'a> {
    pub(super) fn of(whole: &'a str) -> Result<Self, InvalidData> {
        let json: &RawValue = serde_json::from_str(whole).map_err(|error| InvalidData {
            line: Some(error.line()),
            ..InvalidData::new(format!("not JSON: {error}"))
        })?;
        Ok(Self { whole, json: json.get(), path: String::new() })
    }

    /// As it is spelled.
    pub(super) fn json(&self) -> &'a str {
        self.json
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn is_null(&self) -> bool {
        self.json == "null"
    }

    /// An error at this place.
    pub(super) fn refuse(&self, problem: impl fmt::Display) -> InvalidData {
        // A part of the text, so it has its place there.
        let before = &self.whole[..self.json.as_ptr().addr() - self.whole.as_ptr().addr()];
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let colon = if self.path.is_empty() { "" } else { ": " };
        let problem = format!("{}{colon}{problem}", self.path);
        InvalidData { line: Some(line), ..InvalidData::new(problem) }
    }

    /// The members of an object that may have these fields only.
    pub(super) fn object(&self, allowed: &[&[Field]]) -> Result<Object<'a>, InvalidData> {
        let members: Members<'a> = serde_json::from_str(self.json)
            .map_err(|_| self.refuse(format!("{} is not an object", self.shown())))?;
        let mut object = Object { node: self.clone(), members: Vec::new() };
        for (name, value) in members.0 {
            let dot = if self.path.is_empty() { "" } else { "." };
            let path = format!("{}{dot}{}", self.path, name.escape_debug());
            let node = Self { whole: self.whole, json: value.get(), path };
            let mut fields = allowed.iter().copied().flatten();
            let Some(&(name, form, may_be_null)) = fields.find(|field| field.0 == name) else {
                let names: Vec<_> =
                    allowed.iter().copied().flatten().map(|field| field.0).collect();
                let names = names.join(", ");
                return Err(node.refuse(format!("there is no such field; there are: {names}")));
            };
            if object.get(name).is_some() {
                return Err(node.refuse("the field is there twice"));
            }
            if !(may_be_null && node.is_null()) {
                node.check(form)?;
            }
            object.members.push((name, form, node));
        }
        Ok(object)
    }

    pub(super) fn items(&self) -> Result<Vec<Self>, InvalidData> {
        let items: Vec<&'a RawValue> = serde_json::from_str(self.json)
            .map_err(|_| self.refuse(format!("{} is not an array", self.shown())))?;
        let item = |(index, json): (usize, &&'a RawValue)| {
            let path = format!("{}[{index}]", self.path);
            Self { whole: self.whole, json: json.get(), path }
        };
        Ok(items.iter().enumerate().map(item).collect())
    }

    pub(super) fn text(&self) -> Result<String, InvalidData> {
        serde_json::from_str(self.json)
            .map_err(|_| self.refuse(format!("{} is not text in quotes", self.shown())))
    }

    pub(super) fn integer(&self) -> Result<i64, InvalidData> {
        let number = self.json.trim_matches('"').parse();
        number.map_err(|_| self.refuse(format!("{} is not an integer", self.shown())))
    }

    pub(super) fn flag(&self) -> Result<bool, InvalidData> {
        let flag = self.json.parse();
        flag.map_err(|_| self.refuse(format!("{} is neither true nor false", self.shown())))
    }

    pub(super) fn amount(&self) -> Result<Decimal, InvalidData> {
        let amount = exact(self.json.trim_matches('"'));
        let amount = amount.filter(|amount| amount.normalize().scale() <= MOST_PLACES);
        amount.filter(|amount| amount.abs() < MOST).ok_or_else(|| {
            self.refuse(format!(
                "{} is not an amount with at most 15 digits before the point and {MOST_PLACES} \
                 after it",
                self.shown()
            ))
        })
    }

    pub(super) fn time(&self) -> Result<DateTime<Utc>, InvalidData> {
        let time = self.text().ok().and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
        let time = time.ok_or_else(|| {
            let problem = "is not a time with an offset, such as \"2026-05-14T12:00:00Z\"";
            self.refuse(format!("{} {problem}", self.shown()))
        });
        Ok(time?.to_utc())
    }

    pub(super) fn epoch(&self) -> Result<DateTime<Utc>, InvalidData> {
        let micros = self.text().ok().filter(|text| exact(text).is_some());
        let micros = micros.and_then(|text| time_from(&text));
        micros.and_then(DateTime::from_timestamp_micros).ok_or_else(|| {
            let problem = "is not a text of seconds since 1970, such as \"1718472443.872\"";
            self.refuse(format!("{} {problem}", self.shown()))
        })
    }

    fn check(&self, form: Form) -> Result<(), InvalidData> {
        let is_text = self.json.starts_with('"');
        let bare = self.json.trim_matches('"');
        match form {
            _ if self.is_null() && form != Form::Any => Err(self.refuse("it must not be null")),
            Form::TextAmount | Form::IntegerText if !is_text => {
                Err(self.refuse(format!("{} is not text: write \"{bare}\"", self.shown())))
            }
            Form::Amount | Form::Integer if is_text => {
                Err(self.refuse(format!("{} is text: write the number {bare}", self.shown())))
            }
            Form::Text => self.text().map(drop),
            Form::Integer | Form::IntegerText => self.integer().map(drop),
            Form::Amount | Form::TextAmount => self.amount().map(drop),
            Form::Time => self.time().map(drop),
            Form::Epoch => self.epoch().map(drop),
            Form::Flag => self.flag().map(drop),
            Form::Word(words) if !words.contains(&self.text()?.as_str()) => {
                let words = words.join(", ");
                Err(self.refuse(format!("{} is none of: {words}", self.shown())))
            }
            Form::Word(_) | Form::Array | Form::Any => Ok(()),
        }
    }

    /// The value as it is spelled, but not too much of it.
    fn shown(&self) -> String {
        let mut letters = self.json.chars().take_while(|letter| *letter != '\n');
        let start: String = letters.by_ref().take(40).collect();
        let more = if start.len() < self.json.len() { "…" } else { "" };
        start + more
    }
}

/// So that sums of thousands of them are exact.
const MOST_PLACES: u32 = 10;
const MOST: Decimal = Decimal::from_parts(2_764_472_320, 232_830, 0, false, 0); // 10^15

/// An object whose fields have their form.
#[derive(Debug)]
pub(super) struct Object<'a> {
    node: Node<'a>,
    members: Vec<(&'static str, Form, Node<'a>)>,
}

impl<'a> Object<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&Node<'a>> {
        let member = self.members.iter().find(|(known, ..)| *known == name);
        member.map(|(.., node)| node)
    }

    pub(super) fn required(&self, name: &str) -> Result<&Node<'a>, InvalidData> {
        self.get(name).ok_or_else(|| self.node.refuse(format!("{name} is missing")))
    }

    /// The items of an array. Without the array there are none.
    pub(super) fn items(&self, name: &str) -> Result<Vec<Node<'a>>, InvalidData> {
        self.get(name).map_or(Ok(Vec::new()), Node::items)
    }

    /// Name and JSON of each field that is not an array.
    pub(super) fn values(&self) -> impl Iterator<Item = (&'static str, &'a str)> + '_ {
        let values = self.members.iter().filter(|(_, form, _)| *form != Form::Array);
        values.map(|(name, _, node)| (*name, node.json()))
    }
}

/// The members of an object in their order, each as often as it is there.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_amount_is_the_documented_one() {
        assert_eq!(MOST, Decimal::from(10_i64.pow(15)));
    }
}
