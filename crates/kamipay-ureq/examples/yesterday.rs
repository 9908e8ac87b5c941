//! Yesterday's settlements in São Paulo, with an exact sum for each currency.
//!
//! ```console
//! $ cargo run -p kamipay-ureq --example yesterday
//! ```
//!
//! The API is a sandbox inside of the process, and its time is 1 June.

use std::collections::BTreeMap;

use kamipay_sandbox::{Generated, Sandbox, Server};
use kamipay_ureq::proto::chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveTime, Utc};
use kamipay_ureq::proto::settlements::ScanSettlements;
use kamipay_ureq::proto::{ExactSum, Period};
use kamipay_ureq::{Client, Credentials};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::generated(Generated::new(7).with_charges(20_000));
    let (now, token) = (sandbox.now(), Credentials::token(sandbox.token().parse()?)); // `Utc::now()`
    let server = Server::start(sandbox)?;
    let client = Client::new(server.base_url().parse()?, token);

    let day = yesterday(now).ok_or("the calendar has no yesterday")?;
    println!("{} to {}", day.start(), day.end());
    let mut sums = BTreeMap::<String, ExactSum>::new();
    for settlement in client.scan(ScanSettlements::new(day)) {
        let settlement = settlement?; // an error says that the sums would not be whole
        println!(
            "{:>8} {:>14} {}",
            settlement.settlement_id, settlement.amount, settlement.currency
        );
        sums.entry(settlement.currency.to_string()).or_default().add(settlement.amount);
    }
    for (currency, sum) in sums {
        println!("{:>8} {:>14} {currency}", "sum", sum.value().ok_or("too many digits")?);
    }
    Ok(())
}

/// The day before, from midnight to midnight. São Paulo has been 3 hours behind UTC all year since
/// 2019; a place with daylight saving time needs the crate `chrono-tz`.
fn yesterday(now: DateTime<Utc>) -> Option<Period> {
    let sao_paulo = FixedOffset::west_opt(3 * 60 * 60)?;
    let today = now.with_timezone(&sao_paulo).date_naive();
    let midnight = |date: NaiveDate| {
        let time = date.and_time(NaiveTime::MIN).and_local_timezone(sao_paulo).single()?;
        Some(time.to_utc())
    };
    Period::new(midnight(today.checked_sub_days(Days::new(1))?)?, midnight(today)?).ok()
}
