//! A wait for a payment that outlives the process: saved to a file with each change, and resumed.
//!
//! ```text
//! resume_watch FILE          begin, or go on where the file says
//! ```
//!
//! The API is a sandbox here, inside of the process, and its payment takes five questions.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kamipay_sandbox::{Sandbox, Scenario, Server};
use kamipay_ureq::Client;
use kamipay_ureq::proto::AccessToken;
use kamipay_ureq::proto::pay_status::{
    Chain, End, GetPayStatus, PaymentTarget, Watch, WatchLimits,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let sandbox = Sandbox::documented().with_scenario(Scenario::NotFoundThenDone);
    let token: AccessToken = sandbox.token().parse()?;
    let server = Server::start(sandbox)?;
    let client = Client::new(server.base_url().parse()?, token);

    let file = match std::env::args_os().nth(1) {
        Some(file) => PathBuf::from(file),
        None => std::env::temp_dir().join(format!("watch-{}.json", std::process::id())),
    };

    // The first process stops after two questions.
    let mut watch = open(&file)?;
    watch = {
        let limits = watch.limits().clone();
        let mut first = limits.clone();
        first.max_questions = watch.evidence().questions + 2;
        let mut stopped = watch.with_limits(first);
        let end = client.watch(&mut stopped, |watch| save(&file, watch))?;
        println!("stopped: {}", said(&end));
        stopped.with_limits(limits)
    };
    save(&file, &watch);
    drop(watch);

    // Another process reads the file, and goes on.
    let mut watch = open(&file)?;
    let end = client.watch(&mut watch, |watch| save(&file, watch))?;
    println!("resumed: {}", said(&end));
    for sighting in &watch.evidence().seen {
        println!("  {} seen {} times", sighting.state, sighting.times);
    }
    assert!(matches!(end, End::Done(_)) && watch.evidence().questions == 5);
    fs::remove_file(&file)?;
    Ok(())
}

/// The watch in the file, or a new one.
fn open(file: &Path) -> Result<Watch> {
    if file.exists() {
        return Ok(serde_json::from_str(&fs::read_to_string(file)?)?);
    }
    let payment = PaymentTarget::external_id(Scenario::NotFoundThenDone.to_string())?;
    let mut limits = WatchLimits::default();
    limits.first_interval = Duration::from_millis(20); // 2 s would do, but not for an example
    Ok(Watch::new(GetPayStatus::new(payment, Chain::Polygon), limits))
}

/// Writes a second file and renames it, so that there is always a whole one.
fn save(file: &Path, watch: &Watch) {
    let new = file.with_extension("new");
    let written = serde_json::to_string_pretty(watch)
        .map_err(std::io::Error::other)
        .and_then(|json| fs::write(&new, json))
        .and_then(|()| fs::rename(&new, file));
    if let Err(error) = written {
        eprintln!("not saved: {error}"); // the wait is worth more than the file
    }
}

fn said(end: &End) -> String {
    match end {
        End::Done(payment) => {
            format!("paid, receipt {}", payment.bank_txid.as_deref().unwrap_or("none"))
        }
        End::Returned(_) | End::Canceled(_) => "may be paid again".to_owned(),
        End::StillUnknown(evidence) => format!("do not pay again! {evidence}"),
    }
}
