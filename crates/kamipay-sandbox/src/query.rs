//! Reads parameters, and refuses them as the API's web framework does.

use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use percent_encoding::percent_decode_str;
use rust_decimal::{Decimal, prelude::ToPrimitive};

use crate::{
    json::{Object, text},
    list::{Page, Window, micros},
    reply::Reply,
};

/// The segments of a path, decoded.
pub(crate) fn segments(path: &str) -> Vec<String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split('/').map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned()).collect()
}

/// The parameters of one request, and the problems of those that were read so far.
///
/// A parameter that cannot be read is noted and gets a placeholder. [`Parameters::check`] then
/// refuses the request with all problems at once, so a placeholder is never used.
#[derive(Debug)]
pub(crate) struct Parameters {
    /// `query`, or `body` for a form.
    place: &'static str,
    pairs: Vec<(String, String)>,
    /// As JSON.
    problems: Vec<String>,
}

impl Parameters {
    /// Reads `a=1&b=2`, where `+` is a blank and `%2B` a plus.
    pub(crate) fn parse(place: &'static str, encoded: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(encoded).into_owned().collect();
        Self { place, pairs, problems: Vec::new() }
    }

    /// A parameter's value. Of several with one name the last counts.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn required(&mut self, name: &str) -> String {
        match self.get(name) {
            Some(value) => value.to_owned(),
            None => {
                self.note("missing", name, "Field required", None);
                String::new()
            }
        }
    }

    pub(crate) fn integer(&mut self, name: &str) -> Option<i64> {
        let value = self.get(name)?.to_owned();
        let number = parse_integer(&value);
        if number.is_none() {
            self.note_integer(name, &value);
        }
        number
    }

    /// Integers with commas between them, over all parameters with the name. Brackets
    /// are allowed: one of the pages' examples sends them.
    pub(crate) fn integers(&mut self, name: &str) -> Option<Vec<i64>> {
        let values: Vec<_> =
            self.pairs.iter().filter(|(key, _)| key == name).map(|(_, v)| v.clone()).collect();
        let mut numbers = Vec::new();
        for value in &values {
            let inner = value.trim();
            let inner =
                inner.strip_prefix('[').and_then(|v| v.strip_suffix(']')).unwrap_or(inner).trim();
            for item in inner.split(',').filter(|_| !inner.is_empty()) {
                match parse_integer(item) {
                    Some(number) => numbers.push(number),
                    None => self.note_integer(name, value),
                }
            }
        }
        if numbers.is_empty() { None } else { Some(numbers) }
    }

    /// `limit` and `offset`.
    pub(crate) fn page(&mut self, largest: i64) -> Page {
        let limit = self.integer_within("limit", 1..=largest, 100);
        let offset = self.integer_within("offset", 0..=i64::MAX, 0);
        Page { limit: limit.unsigned_abs(), offset: offset.unsigned_abs() }
    }

    pub(crate) fn time(&mut self, name: &'static str) -> Option<Time> {
        let value = self.get(name)?.to_owned();
        let time = Time::parse(name, &value);
        if time.is_none() {
            let message = "Input should be a valid datetime or date";
            self.note("datetime_from_date_parsing", name, message, Some(&value));
        }
        time
    }

    pub(crate) fn required_time(&mut self, name: &'static str) -> Time {
        if self.get(name).is_none() {
            self.note("missing", name, "Field required", None);
        }
        self.time(name).unwrap_or(Time { name, micros: 0, has_offset: false })
    }

    /// Seconds since 1970, perhaps with a fraction.
    pub(crate) fn epoch(&mut self, name: &str) -> Option<i64> {
        let value = self.get(name)?.to_owned();
        let micros = Decimal::from_str_exact(value.trim())
            .ok()
            .and_then(|seconds| seconds.checked_mul(Decimal::from(1_000_000)))
            .and_then(|micros| micros.trunc().to_i64());
        if micros.is_none() {
            let message = "Input should be a valid number, unable to parse string as a number";
            self.note("float_parsing", name, message, Some(&value));
        }
        micros
    }

    /// Refuses the request if there was a problem.
    pub(crate) fn check(&self) -> Result<(), Reply> {
        if self.problems.is_empty() { Ok(()) } else { Err(Reply::unprocessable(&self.problems)) }
    }

    fn integer_within(&mut self, name: &str, range: RangeInclusive<i64>, default: i64) -> i64 {
        let Some(number) = self.integer(name) else {
            return default;
        };
        let (kind, relation, key, bound) = if number < *range.start() {
            ("greater_than_equal", "greater", "ge", range.start())
        } else if number > *range.end() {
            ("less_than_equal", "less", "le", range.end())
        } else {
            return number;
        };
        let message = format!("Input should be {relation} than or equal to {bound}");
        let limits = Object::new().raw(key, bound).end();
        let problem = self.problem(kind, name, &message, self.get(name)).raw("ctx", limits);
        self.problems.push(problem.end());
        default
    }

    pub(crate) fn note_integer(&mut self, name: &str, value: &str) {
        let message = "Input should be a valid integer, unable to parse string as an integer";
        self.note("int_parsing", name, message, Some(value));
    }

    fn note(&mut self, kind: &str, name: &str, message: &str, input: Option<&str>) {
        let problem = self.problem(kind, name, message, input).end();
        self.problems.push(problem);
    }

    fn problem(&self, kind: &str, name: &str, message: &str, input: Option<&str>) -> Object {
        Object::new()
            .text("type", kind)
            .raw("loc", format!("[{},{}]", text(self.place), text(name)))
            .text("msg", message)
            .maybe_text("input", input)
    }
}

/// An instant from a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time {
    name: &'static str,
    micros: i64,
    has_offset: bool,
}

impl Time {
    pub(crate) fn new(name: &'static str, time: DateTime<Utc>) -> Self {
        Self { name, micros: micros(time), has_offset: true }
    }

    /// ISO 8601: a date, or a date and time with or without an offset. Without one it is UTC.
    fn parse(name: &'static str, value: &str) -> Option<Self> {
        if let Ok(time) = DateTime::parse_from_rfc3339(value) {
            return Some(Self { name, micros: time.timestamp_micros(), has_offset: true });
        }
        let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
            .into_iter()
            .find_map(|format| NaiveDateTime::parse_from_str(value, format).ok())
            .or_else(|| {
                let date = NaiveDate::parse_from_str(value, "%Y-%m-%d").ok()?;
                date.and_hms_opt(0, 0, 0)
            })?;
        Some(Self { name, micros: local.and_utc().timestamp_micros(), has_offset: false })
    }

    /// Settlements require an offset. Lots do not.
    pub(crate) fn with_offset(self) -> Result<Self, Reply> {
        if self.has_offset {
            return Ok(self);
        }
        let name = self.name;
        let detail = format!("{name} must include a UTC offset (e.g. 2026-05-01T00:00:00Z)");
        Err(Reply::bad_request(&detail))
    }

    /// The period from this time to `end`: in order, and at most 31 days.
    pub(crate) fn until(self, end: Self) -> Result<Window, Reply> {
        if end.micros <= self.micros {
            let detail = format!("{} must be after {}", end.name, self.name);
            return Err(Reply::bad_request(&detail));
        }
        if end.micros.saturating_sub(self.micros) > MICROS_OF_31_DAYS {
            return Err(Reply::bad_request("Date range cannot exceed 31 days"));
        }
        Ok(Window::new(self.micros, end.micros))
    }
}

/// An integer as the web framework reads it from text.
pub(crate) fn parse_integer(value: &str) -> Option<i64> {
    value.trim().parse().ok()
}

const MICROS_OF_31_DAYS: i64 = TimeDelta::days(31).num_milliseconds() * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn query(encoded: &str) -> Parameters {
        Parameters::parse("query", encoded.as_bytes())
    }

    fn detail(reply: Result<impl std::fmt::Debug, Reply>) -> String {
        reply.unwrap_err().body
    }

    #[test]
    fn the_query_is_decoded() {
        let query = query("a=1+2&b=1%2B2&c=Jo%C3%A3o&d=x%3Dy%26z&a=last");
        assert_eq!(query.get("a"), Some("last"));
        assert_eq!(query.get("b"), Some("1+2"));
        assert_eq!(query.get("c"), Some("João"));
        assert_eq!(query.get("d"), Some("x=y&z"));
        assert_eq!(query.get("e"), None);
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let mut query = query("limit=0&offset=a");
        query.required_time("start_date");
        query.page(1000);
        let detail = detail(query.check());
        insta::assert_snapshot!(detail, @r#"{"detail":[{"type":"missing","loc":["query","start_date"],"msg":"Field required","input":null},{"type":"greater_than_equal","loc":["query","limit"],"msg":"Input should be greater than or equal to 1","input":"0","ctx":{"ge":1}},{"type":"int_parsing","loc":["query","offset"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"a"}]}"#);
    }

    #[test]
    fn lists_of_integers() {
        for (encoded, numbers) in [
            ("store_id=1,2,3", Some(vec![1, 2, 3])),
            ("store_id=%5B1,%202,%203%5D", Some(vec![1, 2, 3])),
            ("store_id=[1]", Some(vec![1])),
            ("store_id=1&store_id=2", Some(vec![1, 2])),
            ("store_id=", None),
            ("store_id=[]", None),
            ("", None),
        ] {
            let mut query = query(encoded);
            assert_eq!(query.integers("store_id"), numbers, "{encoded}");
            query.check().unwrap();
        }
        let mut query = query("store_id=1,,2");
        query.integers("store_id");
        query.check().unwrap_err();
    }

    #[test]
    fn times_with_and_without_offset() {
        let micros = 1_777_593_600_000_000; // 2026-05-01T00:00:00Z
        for (value, has_offset) in [
            ("2026-05-01T00:00:00Z", true),
            ("2026-05-01T00:00:00.000000+00:00", true),
            ("2026-04-30T21:00:00-03:00", true),
            ("2026-05-01T00:00:00", false),
            ("2026-05-01 00:00:00.0", false),
            ("2026-05-01T00:00", false),
            ("2026-05-01", false),
        ] {
            let time = Time::parse("from", value);
            assert_eq!(time, Some(Time { name: "from", micros, has_offset }), "{value}");
        }
        // The last arrives from a client that does not encode the `+` of an offset.
        for value in ["", "yesterday", "2026-13-01", "2026-05-01T00:00:00 00:00"] {
            assert_eq!(Time::parse("from", value), None, "{value}");
        }
    }

    #[test]
    fn periods_are_in_order_and_not_too_long() {
        let time = |name, value| Time::parse(name, value).unwrap();
        let start = time("start_date", "2026-05-01T00:00:00Z");
        start.until(time("end_date", "2026-06-01T00:00:00Z")).unwrap();
        assert_eq!(
            detail(start.until(time("end_date", "2026-06-01T00:00:00.000001Z"))),
            r#"{"detail":"Date range cannot exceed 31 days"}"#
        );
        assert_eq!(
            detail(start.until(time("end_date", "2026-05-01T00:00:00Z"))),
            r#"{"detail":"end_date must be after start_date"}"#
        );
        assert_eq!(
            detail(time("start_date", "2026-05-01").with_offset()),
            r#"{"detail":"start_date must include a UTC offset (e.g. 2026-05-01T00:00:00Z)"}"#
        );
    }

    #[test]
    fn epochs_are_seconds() {
        assert_eq!(query("start=1718472442").epoch("start"), Some(1_718_472_442_000_000));
        assert_eq!(query("start=1718472442.872").epoch("start"), Some(1_718_472_442_872_000));
        for bad in ["start=soon", "start=", "start=99999999999999999999999999999"] {
            let mut query = query(bad);
            assert_eq!(query.epoch("start"), None);
            query.check().unwrap_err();
        }
    }
}
