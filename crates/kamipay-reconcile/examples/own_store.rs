//! Reconciles a ledger that is spilled to files, with two threads: one for each side.
//!
//! ```console
//! $ cargo run -p kamipay-reconcile --example own_store
//! ```
//!
//! The ledger is a list in the program, and kamiPay's side is one lot. Instead, read yours, and fetch the
//! lots of [`Rules::fetch`](kamipay_reconcile::Rules::fetch) with any client.

#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an example does IO"
)]

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::thread;

use kamipay_reconcile::proto::Period;
use kamipay_reconcile::proto::chrono::TimeDelta;
use kamipay_reconcile::proto::lots::LotDetail;
use kamipay_reconcile::{Flow, Item, Partial, Payouts, Row, Rules, Side, Store};

/// A file for each stream, in a directory of its own.
struct Files {
    directory: PathBuf,
    lengths: Vec<u64>,
}

impl Files {
    fn new(name: &str) -> io::Result<Self> {
        let directory = std::env::temp_dir().join(format!("kamipay-{}-{name}", std::process::id()));
        std::fs::create_dir(&directory)?;
        Ok(Self { directory, lengths: Vec::new() })
    }

    fn path(&self, stream: usize) -> PathBuf {
        self.directory.join(stream.to_string())
    }
}

impl Store for Files {
    type Error = io::Error;

    fn append(&mut self, stream: usize, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(stream))?;
        file.write_all(bytes)?;
        if self.lengths.len() <= stream {
            self.lengths.resize(stream + 1, 0);
        }
        self.lengths[stream] += bytes.len() as u64;
        Ok(())
    }

    fn read(&self, stream: usize, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = File::open(self.path(stream))?;
        file.seek(SeekFrom::Start(offset))?;
        let length = (self.length(stream).saturating_sub(offset)).min(buffer.len() as u64) as usize;
        file.read_exact(&mut buffer[..length])?;
        Ok(length)
    }

    fn length(&self, stream: usize) -> u64 {
        self.lengths.get(stream).copied().unwrap_or(0)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

const LEDGER: [(&str, &str, &str); 4] = [
    ("txc_1", "10.00", "2026-05-14T09:00:00Z"),
    ("txc_2", "2.01", "2026-05-14T09:10:00Z"),
    ("TXC_4", "5.00", "2026-05-14T09:20:00Z"),
    ("txc_5", "8.00", "2026-05-14T23:50:00Z"),
];

const LOT: &str = r#"{"lot_id": "9c030c8b", "transaction_hash": null, "usdt_amount": "17.00",
    "created_at": "2026-05-14T10:00:00Z", "status": "MINED", "refunds": [], "payouts": [
    {"kamipay_id": "txc_1", "amount": "10.00", "created_at": "2026-05-14T09:00:01Z"},
    {"kamipay_id": "txc_2", "amount": "2.00", "created_at": "2026-05-14T09:10:01Z"},
    {"kamipay_id": "txc_4", "amount": "5.00", "created_at": "2026-05-14T09:20:01Z"}]}"#;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn read_ledger(rules: Rules) -> Result<Partial<Files>> {
    let mut ours = Partial::new(rules, Files::new("ours")?);
    for (line, (key, amount, time)) in (1..).zip(LEDGER) {
        let mut row = Row::new(Side::Ours, line);
        (row.key, row.amount, row.currency) = (Some(key), Some(amount.parse()?), "USDT");
        row.time = Some(time.parse()?);
        ours.add(&row)?;
    }
    Ok(ours)
}

fn read_lots(rules: Rules) -> Result<Partial<Files>> {
    let mut theirs = Partial::new(rules, Files::new("theirs")?);
    let lot: LotDetail = serde_json::from_str(LOT)?;
    Payouts::new().lot(&lot, |row| theirs.add(row))?;
    Ok(theirs)
}

fn main() -> Result<()> {
    let day = Period::parse("2026-05-14T00:00:00Z", "2026-05-15T00:00:00Z")?;
    let rules = Rules::new(Flow::Payouts, day).with_lag(TimeDelta::minutes(30))?;

    let (ours, theirs) = thread::scope(|scope| {
        let theirs = scope.spawn(|| read_lots(rules.clone()));
        (read_ledger(rules.clone()), theirs.join())
    });
    let mut rows = ours?;
    rows.merge(theirs.map_err(|_| "a thread panicked")??)?;

    let mut report = rows.report(Files::new("report")?)?;
    for diagnosis in report.explain()? {
        println!("{diagnosis}");
    }
    println!("{:?}: {} rows need a person", report.verdict()?, report.exceptions());
    for sums in report.statement()?.buckets {
        for (currency, sum) in sums.residual.iter() {
            println!("{:16} {sum:>8} {currency}", sums.bucket);
        }
    }
    let mut rows = report.rows()?;
    while let Some(item) = rows.next()? {
        if let Item::Row(row) = item {
            println!("{}", serde_json::to_string(&row)?);
        }
    }
    Ok(())
}
