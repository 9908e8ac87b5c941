use proptest::prelude::*;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    timestamp::parse(text).unwrap()
}

#[test]
fn a_date_range_is_31_days_at_most() {
    let start = at("2026-05-01T00:00:00Z");
    assert!(DateRange::new(start, start + DateRange::MAX).is_ok());
    assert!(DateRange::new(start, start + TimeDelta::microseconds(1)).is_ok());
    let over = DateRange::new(start, start + DateRange::MAX + TimeDelta::nanoseconds(1));
    assert_eq!(
        over.unwrap_err().to_string(),
        "2026-05-01T00:00:00Z to 2026-06-01T00:00:00.000001Z is 31 days and 1µs: \
         a date range cannot exceed 31 days"
    );
    assert!(matches!(DateRange::new(start, start), Err(InvalidRange::Order { .. })));
    let backwards = DateRange::new(start, start - TimeDelta::seconds(1));
    assert_eq!(
        backwards.unwrap_err().to_string(),
        "2026-05-01T00:00:00Z to 2026-04-30T23:59:59Z is not a range: the end must be after the start"
    );
}

#[test]
fn an_epoch_range_is_less_than_a_day() {
    // tx-status-lot.txt: `end - start has to be >0 and <24 hrs`
    let start = at("2026-05-01T00:00:00Z");
    let day = TimeDelta::hours(24);
    assert!(EpochRange::new(start, start + day - TimeDelta::seconds(1)).is_ok());
    for end in [start + day, start + day - TimeDelta::milliseconds(1), start + day * 2] {
        assert!(matches!(EpochRange::new(start, end), Err(InvalidRange::NotWithinADay { .. })));
    }
    assert!(matches!(EpochRange::new(start, start), Err(InvalidRange::Order { .. })));
    // the page's own example asks from 1718472442 to 1718418515
    let example = [1_718_472_442, 1_718_418_515].map(|s| DateTime::from_timestamp(s, 0).unwrap());
    assert!(matches!(EpochRange::new(example[0], example[1]), Err(InvalidRange::Order { .. })));
    assert!(EpochRange::new(example[1], example[0]).is_ok());
}

#[test]
fn rounding_never_makes_a_range_smaller() {
    let (start, end) = (at("2026-05-01T00:00:00.123456789Z"), at("2026-05-01T08:00:00.000000001Z"));
    let range = DateRange::new(start, end).unwrap();
    assert_eq!(range.start_text().to_string(), "2026-05-01T00:00:00.123456Z");
    assert_eq!(range.end_text().to_string(), "2026-05-01T08:00:00.000001Z");
    let range = EpochRange::new(start, end).unwrap();
    assert_eq!(range.start(), at("2026-05-01T00:00:00Z"));
    assert_eq!(range.end(), at("2026-05-01T08:00:01Z"));
}

#[test]
fn backwards_by_less_than_the_rounding_is_backwards() {
    let start = at("2026-05-01T00:00:00Z");
    for (from, to) in [(900, 100), (900, 900), (1_500, 1_400), (900_000, 100_000)] {
        let [from, to] = [from, to].map(|nanos| start + TimeDelta::nanoseconds(nanos));
        let is_order = |it: Result<(), InvalidRange>| {
            assert!(matches!(it, Err(InvalidRange::Order { .. })), "{from} {to} {it:?}");
        };
        is_order(DateRange::new(from, to).map(drop));
        is_order(EpochRange::new(from, to).map(drop));
        is_order(OpenDateRange::new(Some(from), Some(to)).map(drop));
        if from == to {
            assert!(Period::new(from, to).unwrap().is_empty());
        } else {
            is_order(Period::new(from, to).map(drop));
        }
    }
}

#[test]
fn an_open_range_with_two_ends_is_31_days_at_most() {
    let start = at("2026-05-01T00:00:00Z");
    for (from, to) in [(Some(start), None), (None, Some(start)), (None, None)] {
        let range = OpenDateRange::new(from, to).unwrap();
        assert_eq!((range.start(), range.end()), (from, to));
        let text = |time: Option<Rfc3339>| time.map(|time| time.to_string());
        let texts = [from, to].map(|time| time.map(|_| "2026-05-01T00:00:00Z".to_owned()));
        assert_eq!([text(range.start_text()), text(range.end_text())], texts);
    }
    let day = DateRange::new(start, start + TimeDelta::days(1)).unwrap();
    let open = OpenDateRange::from(day);
    assert_eq!((open.start(), open.end()), (Some(day.start()), Some(day.end())));
    assert!(OpenDateRange::new(Some(start), Some(start)).is_err());
    assert!(OpenDateRange::new(Some(start), Some(start + TimeDelta::days(32))).is_err());
}

#[test]
fn a_period_has_any_length() {
    let start = at("2026-05-01T00:00:00Z");
    let none = Period::new(start, start).unwrap();
    assert!(none.is_empty() && none.length() == TimeDelta::zero());
    let days = |from: i64, to: i64| {
        Period::new(start + TimeDelta::days(from), start + TimeDelta::days(to)).unwrap()
    };
    let week = days(0, 7);
    assert!(!week.is_empty() && week.length() == TimeDelta::days(7));
    for (from, left) in [(-1, days(0, 7)), (3, days(3, 7)), (7, days(7, 7)), (8, days(7, 7))] {
        assert_eq!(week.starting_at(start + TimeDelta::days(from)), left);
    }
    for (length, newest) in [(-1, days(7, 7)), (2, days(5, 7)), (7, week), (8, week)] {
        assert_eq!(week.newest(TimeDelta::days(length)), newest);
    }
}

#[test]
fn an_offset_is_required() {
    let error = DateRange::parse("2026-05-01T00:00:00", "2026-05-02T00:00:00Z").unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"2026-05-01T00:00:00\" is not a date and time with a UTC offset, such as \
         2026-05-01T00:00:00Z or 2026-05-01T00:00:00-03:00"
    );
}

#[test]
fn a_year_outside_0_to_9999_is_refused() {
    let now = at("2026-05-01T00:00:00Z");
    let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    for (start, end) in [(now, last), (first, now), (first, last), (last, last), (last, first)] {
        assert!(matches!(DateRange::new(start, end), Err(InvalidRange::Year { .. })));
        assert!(matches!(EpochRange::new(start, end), Err(InvalidRange::Year { .. })));
        assert!(OpenDateRange::new(Some(start), Some(end)).is_err());
    }
    for time in [first, last] {
        assert!(OpenDateRange::new(Some(time), None).is_err());
        assert!(OpenDateRange::new(None, Some(time)).is_err());
    }
}

#[test]
fn a_leap_second_is_rounded_to_a_time_that_can_be_read() {
    let leap = chrono::NaiveDate::from_ymd_opt(2016, 12, 31)
        .and_then(|day| day.and_hms_nano_opt(23, 59, 59, 1_500_000_000))
        .unwrap()
        .and_utc();
    for range in [
        DateRange::new(leap, leap + TimeDelta::hours(1)).unwrap(),
        DateRange::new(leap - TimeDelta::hours(1), leap).unwrap(),
    ] {
        let json = serde_json::to_string(&range).unwrap();
        assert!(!json.contains(":60"), "{json}");
        assert_eq!(serde_json::from_str::<DateRange>(&json).unwrap(), range);
    }
    for range in [
        EpochRange::new(leap, leap + TimeDelta::hours(1)).unwrap(),
        EpochRange::new(leap - TimeDelta::hours(1), leap).unwrap(),
    ] {
        let json = serde_json::to_string(&range).unwrap();
        assert_eq!(serde_json::from_str::<EpochRange>(&json).unwrap(), range);
    }
    let open = OpenDateRange::new(Some(leap), None).unwrap();
    let json = serde_json::to_string(&open).unwrap();
    assert_eq!(serde_json::from_str::<OpenDateRange>(&json).unwrap(), open);
}

#[test]
fn deserializing_checks_what_the_constructor_checks() {
    let range = DateRange::parse("2026-05-01T00:00:00Z", "2026-05-31T00:00:00.5Z").unwrap();
    let json = serde_json::to_string(&range).unwrap();
    assert_eq!(json, r#"{"start":"2026-05-01T00:00:00Z","end":"2026-05-31T00:00:00.500Z"}"#);
    assert_eq!(serde_json::from_str::<DateRange>(&json).unwrap(), range);
    let value = serde_json::to_value(range).unwrap();
    assert_eq!(serde_json::from_value::<DateRange>(value).unwrap(), range);
    let long = json.replace("05-31", "07-31");
    assert!(serde_json::from_str::<DateRange>(&long).is_err());
    assert!(serde_json::from_str::<EpochRange>(&json).is_err());
    assert!(serde_json::from_str::<OpenDateRange>(&long).is_err());
    assert_eq!(serde_json::from_str::<OpenDateRange>("{}").unwrap(), OpenDateRange::default());
}

proptest! {
    #[test]
    fn no_time_panics(
        a in -8_334_601_228_800_000_i64..8_210_266_876_799_999, length: i64, nanos in 0_u32..1_000_000_000,
    ) {
        let Some(start) = DateTime::from_timestamp_millis(a) else { return Ok(()) };
        let end = TimeDelta::try_milliseconds(length % 10_000_000_000)
            .and_then(|length| start.checked_add_signed(length))
            .unwrap_or(start);
        let (start, end) = (start.with_nanosecond(nanos).unwrap_or(start), end);
        let check = |result: Result<(), InvalidRange>| result.map_err(|error| error.to_string());
        let _ = check(DateRange::new(start, end).map(drop));
        let _ = check(EpochRange::new(start, end).map(drop));
        let _ = check(OpenDateRange::new(Some(start), None).map(drop));
        if let Ok(range) = DateRange::new(start, end) {
            prop_assert!(range.start() <= start && end <= range.end());
            prop_assert!(range.end() - range.start() <= DateRange::MAX);
        }
    }
}
