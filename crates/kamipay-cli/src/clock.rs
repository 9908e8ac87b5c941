//! The time that words such as `today` and all defaults go by.

use std::sync::OnceLock;
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use crate::exit::Failure;

/// Now: one moment for the whole command, so that two ends of a period cannot fall on two days.
///
/// The variable `KAMIPAY_NOW` replaces the clock, for tests.
pub(crate) fn now() -> Result<DateTime<Utc>, Failure> {
    static NOW: OnceLock<Result<DateTime<Utc>, String>> = OnceLock::new();
    let read = || match std::env::var("KAMIPAY_NOW") {
        Ok(text) if !text.is_empty() => match DateTime::parse_from_rfc3339(&text) {
            Ok(time) => Ok(time.to_utc()),
            Err(error) => Err(format!("KAMIPAY_NOW: {text} is not a time: {error}")),
        },
        _ => Ok(SystemTime::now().into()),
    };
    NOW.get_or_init(read).clone().map_err(Failure::usage)
}
