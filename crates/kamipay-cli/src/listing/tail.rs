use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta};
use kamipay_ureq::proto::Period;
use serde_json::Value;

use crate::output::Format;

/// The rows that a run could have written after its state was saved.
pub(super) struct Tail {
    pub(super) format: Format,
    pub(super) columns: &'static [&'static str],
    /// The column with their time.
    pub(super) time: &'static str,
    /// What the state has not read.
    pub(super) rest: Option<Period>,
}

impl Tail {
    /// Whether these may be lines that a run wrote before it was killed, the last one perhaps in part.
    ///
    /// Another listing appends rows of the same form: only their time tells them apart. So there has
    /// to be one with a time among whole rows, and none whose time the state has read already, or was
    /// not asked for.
    pub(super) fn could_be(&self, tail: &[u8]) -> bool {
        let Some(times) = (match self.format {
            Format::Csv => self.times_in_csv(tail),
            _ => self.times_in_ndjson(tail),
        }) else {
            return false;
        };
        let Some(rest) = self.rest else { return true };
        let tolerance = TimeDelta::seconds(1);
        let (start, end) = (rest.start() - tolerance, rest.end() + tolerance);
        let mut timed = times.iter().flatten().peekable();
        (times.is_empty() || timed.peek().is_some())
            && timed.all(|time| {
                DateTime::parse_from_rfc3339(time).is_ok_and(|time| start <= time && time <= end)
            })
    }

    /// The times of the whole rows. `None` if there is anything but rows.
    fn times_in_csv(&self, tail: &[u8]) -> Option<Vec<Option<String>>> {
        let is_whole =
            tail.ends_with(b"\n") && tail.iter().filter(|it| **it == b'"').count() % 2 == 0;
        let mut lines = csv::ReaderBuilder::new();
        let lines = lines.has_headers(false).flexible(true).from_reader(tail).into_records();
        let mut records = lines.collect::<Result<Vec<_>, _>>().ok()?;
        let last = records.pop()?;
        let (width, place) =
            (self.columns.len(), self.columns.iter().position(|name| *name == self.time)?);
        if is_whole {
            records.push(last);
        } else if last.len() > width {
            return None;
        }
        let time = |row: csv::StringRecord| {
            (row.len() == width).then(|| Some(row[place].to_owned()).filter(|it| !it.is_empty()))
        };
        records.into_iter().map(time).collect()
    }

    fn times_in_ndjson(&self, tail: &[u8]) -> Option<Vec<Option<String>>> {
        let begin = format!("{{\"{}\":", self.columns.first()?);
        let (whole, part) = match tail.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => tail.split_at(end + 1),
            None => (&[][..], tail),
        };
        let is_part = part.iter().zip(begin.as_bytes()).all(|(is, should)| is == should);
        if tail.is_empty() || !is_part {
            return None;
        }
        let time = |line: &[u8]| {
            let row: BTreeMap<String, Value> = serde_json::from_slice(line).ok()?;
            let is_row = row.len() == self.columns.len()
                && self.columns.iter().all(|name| row.contains_key(*name));
            is_row.then(|| row[self.time].as_str().map(str::to_owned))
        };
        whole.split_inclusive(|byte| *byte == b'\n').map(time).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_and_a_part_of_one_may_be_cut_off() {
        const COLUMNS: &[&str] = &["id", "name", "at"];
        let [one, two] = ["2026-05-10T00:00:00Z", "2026-05-20T00:00:00.5Z"];
        let ndjson = format!(
            "{{\"id\":1,\"name\":\"a\",\"at\":\"{one}\"}}\n{{\"id\":2,\"name\":\"b\\n\",\"at\":null}}\n\
             {{\"id\":3,\"name\":\"c\",\"at\":\"{two}\"}}\n"
        );
        let csv = format!("1,\"a\n,\"\"b\",{one}\n2,c,\n3,d,{two}\n");
        let rest = |from, to| Some(Period::parse(from, to).unwrap());
        for (format, rows) in [(Format::Ndjson, &ndjson), (Format::Csv, &csv)] {
            let known = |rest| Tail { format, columns: COLUMNS, time: "at", rest };
            let could_be = |tail: &str| {
                known(rest("2026-05-10T00:00:00Z", "2026-05-21T00:00:00Z"))
                    .could_be(tail.as_bytes())
            };
            for end in 1..=rows.len() {
                assert!(could_be(&rows[..end]), "{}", &rows[..end]);
            }
            for more in ["mine\n", "\0\0\0\n", "1,2,3,4\n", "{\"id\":1}\n", "note: x\n1,2,3,4"] {
                for tail in [more.to_owned(), format!("{rows}{more}"), format!("{more}{rows}")] {
                    assert!(!could_be(&tail), "{tail}");
                }
            }
            assert!(!could_be(""));
            // Of another listing: read already, not asked for, or nothing that could tell.
            for other in [
                rest("2026-05-11T00:00:00Z", "2026-05-21T00:00:00Z"),
                rest("2026-05-10T00:00:00Z", "2026-05-19T00:00:00Z"),
                rest("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"),
            ] {
                assert!(!known(other).could_be(rows.as_bytes()), "{other:?}");
            }
            let undated = match format {
                Format::Csv => "2,c,\n",
                _ => "{\"id\":2,\"name\":\"b\",\"at\":null}\n",
            };
            assert!(!could_be(undated));
        }
    }
}
