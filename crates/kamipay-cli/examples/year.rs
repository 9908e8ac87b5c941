//! A year of a merchant with a million charges, read by the program: is it whole, how long does it
//! take, how much memory, and how many requests?
//!
//! ```console
//! $ cargo build --release -p kamipay-cli
//! $ cargo run --release -p kamipay-cli --example year -- target/release/kamipay 1000000 --threads 2
//! ```

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use kamipay_sandbox::{Generated, Sandbox, Server};
use rust_decimal::Decimal;
use serde_json::Value;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let program = args.next().ok_or("give the program, and how many charges")?;
    let charges: u64 = args.next().ok_or("give the number of charges")?.parse()?;
    let (start, end) = ("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
    let period: (DateTime<Utc>, DateTime<Utc>) = (start.parse()?, end.parse()?);
    let merchant = Generated::new(7).with_period(period.0, period.1).with_charges(charges);
    let server = Server::start(Sandbox::generated(merchant.clone()))?;

    let begun = Instant::now();
    let mut child = Command::new(program)
        .args(["settlements", "transactions", "--from", start, "--to", end, "--output", "ndjson"])
        .args(args)
        .env("KAMIPAY_BASE_URL", server.base_url())
        .env("KAMIPAY_TOKEN", Sandbox::documented().token())
        .stdout(Stdio::piped())
        .spawn()?;
    let pid = child.id();
    let peak = std::thread::spawn(move || {
        let mut peak = None;
        while let Some(now) = peak_memory(pid) {
            peak = Some(now);
            std::thread::sleep(Duration::from_millis(10));
        }
        peak
    });
    let mut ids = HashSet::new();
    let (mut sum, mut last) = (Decimal::ZERO, None);
    let mut lines = 0_u64;
    for line in BufReader::new(child.stdout.take().ok_or("no output")?).lines() {
        let row: Value = serde_json::from_str(&line?)?;
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        sum += text("charged_amount").parse::<Decimal>()?;
        lines += 1;
        ids.insert(text("kamipay_request_id"));
        let now: DateTime<Utc> = text("created_at").parse()?;
        assert!(last <= Some(now), "oldest first");
        last = Some(now);
    }
    let status = child.wait()?;
    let elapsed = begun.elapsed();

    let truth: Decimal = merchant.charges().map(|charge| charge.charged_amount).sum();
    let asked = server.with_sandbox(|sandbox| sandbox.request_count());
    println!("exit: {status}");
    println!("rows: {lines}, {} different; truth: {}", ids.len(), merchant.charge_count());
    println!("charged_amount: {sum}; truth: {truth}");
    println!("time: {elapsed:.1?}, reading and checking the rows here included");
    println!("peak memory of the program: {:?} kB", peak.join().ok().flatten());
    println!("requests: {asked}; plain paging would make {}", plain(&merchant, period));
    let is_whole = status.success() && (lines, ids.len() as u64, sum) == (charges, charges, truth);
    if is_whole { Ok(()) } else { Err("the listing is not the truth".into()) }
}

/// Windows of 31 days, each by pages of 1000.
fn plain(merchant: &Generated, (start, end): (DateTime<Utc>, DateTime<Utc>)) -> u64 {
    let mut windows = [0_u64; 12];
    for charge in merchant.charges() {
        let window = (charge.created_at - start).num_days() / TimeDelta::days(31).num_days();
        if let Some(rows) = usize::try_from(window).ok().and_then(|at| windows.get_mut(at)) {
            *rows += u64::from(charge.created_at <= end);
        }
    }
    windows.iter().map(|rows| rows.div_ceil(1000).max(1)).sum()
}

/// The most memory that a process had so far, in kB.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
