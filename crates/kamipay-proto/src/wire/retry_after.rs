//! `Retry-After`: seconds, or an HTTP date.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, HeaderName, RETRY_AFTER};

/// How long the API asks to wait. `None` without a valid `Retry-After`.
///
/// A date is compared with the answer's own `Date`, which is from the same clock: the local clock
/// may be wrong. Without a `Date`, a date is ignored.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = only(headers, RETRY_AFTER)?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let [then, now] = [text, only(headers, DATE)?].map(date);
    then?.duration_since(now?).ok()
}

/// The value of a header that occurs exactly once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.to_str().ok()?.trim_matches([' ', '\t'])),
        _ => None,
    }
}

fn date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const NOW: &str = "Fri, 15 May 2026 15:34:21 GMT";

    fn read(headers: &[(&HeaderName, &str)]) -> Option<Duration> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        retry_after(&map)
    }

    fn seconds(value: &str) -> Option<u64> {
        let alone = read(&[(&RETRY_AFTER, value)]);
        assert_eq!(alone, read(&[(&RETRY_AFTER, value), (&DATE, NOW)]), "{value}");
        alone.map(|time| time.as_secs())
    }

    #[test]
    fn retry_after_in_seconds_is_read() {
        for (value, time) in [
            ("0", 0),
            ("7", 7),
            (" 7\t", 7),
            ("007", 7),
            ("3600", 3600),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(seconds(value), Some(time), "{value}");
        }
    }

    #[test]
    fn a_retry_after_that_is_neither_seconds_nor_a_date_is_ignored() {
        for value in [
            "-1",
            "+7",
            "1.5",
            "7, 8",
            "7 8",
            "",
            " ",
            "100000000000000000000",
            "١",
            "soon",
            "7s",
            "0x7",
            "1e3",
            "18446744073709551616",
        ] {
            assert_eq!(seconds(value), None, "{value}");
        }
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[(&RETRY_AFTER, "7"), (&RETRY_AFTER, "8")]), None, "two values");
    }

    #[test]
    fn a_retry_after_date_is_compared_with_the_answer_s_date() {
        let until = |then, now| read(&[(&RETRY_AFTER, then), (&DATE, now)]).map(|it| it.as_secs());
        assert_eq!(until("Fri, 15 May 2026 15:34:28 GMT", NOW), Some(7));
        assert_eq!(until(NOW, NOW), Some(0));
        // the two older forms of RFC 9110
        assert_eq!(until("Friday, 15-May-26 15:34:28 GMT", NOW), Some(7));
        assert_eq!(until("Fri May 15 15:34:28 2026", NOW), Some(7));
        // the next year
        assert_eq!(until("Sat, 15 May 2027 15:34:21 GMT", NOW), Some(365 * 86_400));
    }

    #[test]
    fn a_retry_after_date_in_the_past_is_ignored() {
        for then in ["Fri, 15 May 2026 15:34:20 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"] {
            assert_eq!(read(&[(&RETRY_AFTER, then), (&DATE, NOW)]), None, "{then}");
        }
    }

    #[test]
    fn an_invalid_retry_after_date_is_ignored() {
        for then in [
            "Sat, 15 May 2026 15:34:28 GMT", // a Friday
            "Fri, 15 May 2026 15:34:28 +0000",
            "Fri, 15 May 2026 25:34:28 GMT",
            "2026-05-15T15:34:28Z",
            "Fri, 31 Dec 9999 23:59:60 GMT",
        ] {
            assert_eq!(read(&[(&RETRY_AFTER, then), (&DATE, NOW)]), None, "{then}");
        }
    }

    #[test]
    fn a_retry_after_date_without_the_answer_s_date_is_ignored() {
        let then = "Fri, 15 May 2026 15:34:28 GMT";
        assert_eq!(read(&[(&RETRY_AFTER, then)]), None);
        for now in ["", "today", "2026-05-15T15:34:21Z"] {
            assert_eq!(read(&[(&RETRY_AFTER, then), (&DATE, now)]), None, "{now}");
            assert_eq!(read(&[(&RETRY_AFTER, "7"), (&DATE, now)]), Some(Duration::from_secs(7)));
        }
        assert_eq!(read(&[(&RETRY_AFTER, then), (&DATE, NOW), (&DATE, NOW)]), None);
    }

    proptest! {
        #[test]
        fn no_retry_after_panics(value: Vec<u8>, date: Vec<u8>, digits in "[0-9]{1,25}") {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_bytes(&value);
            if let Ok(value) = &value {
                headers.insert(RETRY_AFTER, value.clone());
            }
            if let Ok(date) = HeaderValue::from_bytes(&date) {
                headers.insert(DATE, date);
            }
            let _ = retry_after(&headers);
            prop_assert_eq!(seconds(&digits), digits.parse::<u64>().ok());
        }
    }
}
