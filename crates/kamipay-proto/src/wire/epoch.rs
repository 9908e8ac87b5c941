//! Seconds since 1970 with a fraction, as a string: `"1718472442.872"` (`tx_status_lot`).

use chrono::{DateTime, Utc};
use serde::Deserializer;
use serde::de::Error;

use super::timestamp::{self, is_writable, parse_nanos};
use super::{parse_integer, reason, scalar};

/// Also accepts RFC 3339, the format that [`serialize`] writes.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
    let text = scalar(from)?;
    parse(&text).or_else(|| timestamp::parse(&text)).ok_or_else(|| D::Error::custom(reason::EPOCH))
}

pub(crate) use super::timestamp::serialize;

/// Exact: without a float.
fn parse(text: &str) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = match text.split_once('.') {
        Some((seconds, fraction)) => (seconds, parse_nanos(fraction.as_bytes())?),
        None => (text, 0),
    };
    if seconds.is_empty() {
        return None;
    }
    let seconds = i64::try_from(parse_integer(seconds)?).ok()?;
    DateTime::from_timestamp(seconds, nanos).filter(|time| is_writable(*time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_of_a_second_are_exact() {
        for (text, utc) in [
            ("1718472442.872", "2024-06-15T17:27:22.872Z"),
            ("1718418515.401", "2024-06-15T02:28:35.401Z"),
            ("0", "1970-01-01T00:00:00Z"),
            ("0.000000001", "1970-01-01T00:00:00.000000001Z"),
            ("1718472442.1", "2024-06-15T17:27:22.100Z"),
        ] {
            let time = parse(text).unwrap();
            assert_eq!(timestamp::Rfc3339(time).to_string(), utc);
        }
    }

    #[test]
    fn all_other_texts_are_refused() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e9",
            "1.1234567890",
            "99999999999999999999",
            " 1",
            "253402300800",
            "1.5.5",
            "1_0",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
