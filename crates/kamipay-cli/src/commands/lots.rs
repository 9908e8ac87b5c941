//! `kamipay lots …`

mod find;

use clap::{Args, Subcommand};
use kamipay_ureq::proto::lots::{GetLot, Lot, LotDetail, LotIdentifier, Payout, Refund, ScanLots};
use rust_decimal::Decimal;

use super::count;
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::listing::Settings;
use crate::output::{Output, Record, Thing};
use crate::sum;
use crate::table::{self, BAD, Column, GOOD, Table, money, text};
use crate::time::PeriodArgs;

#[derive(Subcommand)]
pub(crate) enum Lots {
    List(List),
    Get(Get),
    FindPayout(find::FindPayout),
}

impl Lots {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::List(list) => list.run(),
            Self::Get(get) => get.run(),
            Self::FindPayout(find) => find.run(),
        }
    }
}

/// List the lots of a period, a row each
///
/// The period may have any length. Rows come oldest first by created_at, and days add up: a lot
/// belongs to the day of its created_at. Lots in flight have none, and are in every listing. If a
/// row shows that the API goes by another time, which its pages leave open, no row is left out for
/// its created_at, and a note says so. All lots are listed, or the command ends with exit code 6 and
/// says what is missing.
#[derive(Args)]
#[command(override_usage = "kamipay lots list [OPTIONS] --from <TIME> --to <TIME>")]
#[command(after_help = "\
Examples:
  kamipay lots list --from 2026-05-01 --to 2026-05-31
  kamipay lots list --from 2026-05-01 --to 2026-05-31 --utc-offset -03:00 --output csv > may.csv
  kamipay lots list --from 2026-05-14T00:00:00Z --to 2026-05-14T12:00:00Z | jq -r .lot_id
  kamipay lots list --from 2025-01-01 --to 2025-12-31 --out 2025.ndjson --resume 2025.state")]
pub(crate) struct List {
    #[command(flatten)]
    period: PeriodArgs,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    connection: Connection,
}

impl List {
    fn run(&self) -> Result<Exit, Failure> {
        let what = ScanLots::new(self.period.period()?);
        let words = |rows| count(rows, "lot");
        self.settings.print(what, self.output, &self.connection, |_| (), words)?;
        Ok(Exit::Done)
    }
}

impl Record for Lot {
    const TABLE: &'static [Column] = &[
        text("lot_id"),
        text("status"),
        money("usdt_amount"),
        text("created_at"),
        text("transaction_hash"),
    ];
    const CSV: &'static [&'static str] =
        &["lot_id", "transaction_hash", "usdt_amount", "created_at", "status"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.lot_id.to_string(),
            self.status.to_string(),
            self.usdt_amount.to_string(),
            table::second(self.created_at),
            table::hash(self.transaction_hash.as_ref()),
        ]
    }
}

/// Show one lot with its payouts and refunds
///
/// A table holds the sum of the payouts against usdt_amount. JSON keeps payouts and refunds as
/// lists in the lot. CSV has a row for each part, told apart by the column `kind`: the first row is
/// the `lot`, then come a row for each `payout` and each `refund`, all with the lot_id. The
/// column `amount` of the payouts can be held against `usdt_amount` of the lot.
#[derive(Args)]
#[command(override_usage = "kamipay lots get [OPTIONS] <ID>")]
#[command(after_help = "\
Examples:
  kamipay lots get 9c030c8b-6d68-445b-8048-1bacd91012fa
  kamipay lots get 0x812f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf
  kamipay lots get 9c030c8b-6d68-445b-8048-1bacd91012fa --output json | jq '.payouts[]'")]
pub(crate) struct Get {
    /// A lot_id, or the hash of the lot's transaction
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    lot: LotIdentifier,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

impl Get {
    fn run(&self) -> Result<Exit, Failure> {
        let client = self.connection.client()?;
        let call = GetLot::new(self.lot.clone());
        let lot = client
            .send(&call)
            .map_err(|error| Failure::call(&format!("reading the lot {}", self.lot), &error))?;
        self.output.thing(&lot)?;
        Ok(Exit::Done)
    }
}

impl Thing for LotDetail {
    fn table(&self) -> String {
        table::fields(&head(self)) + &parts(self)
    }

    fn csv(&self) -> Vec<Vec<String>> {
        let mut rows = vec![csv_header(), csv_lot(self)];
        rows.extend(self.payouts.iter().map(|payout| csv_payout(self, payout)));
        rows.extend(self.refunds.iter().map(|refund| {
            let id = refund.kamipay_refund_id.to_string();
            csv_part("refund", self, ["", &id], refund.amount, table::time(Some(refund.created_at)))
        }));
        rows
    }
}

fn head(lot: &LotDetail) -> Vec<(&'static str, String)> {
    vec![
        ("lot_id", lot.lot_id.to_string()),
        ("status", lot.status.to_string()),
        ("usdt_amount", lot.usdt_amount.to_string()),
        ("created_at", table::time(lot.created_at)),
        ("transaction_hash", table::maybe(lot.transaction_hash.as_ref())),
    ]
}

/// The payouts and refunds, with their sums.
pub(crate) fn parts(lot: &LotDetail) -> String {
    let sum = lot.payouts.iter().map(|payout| payout.amount);
    let check = check("the payouts add up to", sum, lot.usdt_amount, "usdt_amount", "USDT");
    format!("{}  {check}\n{}", payouts_table(&lot.payouts), refunds_table(&lot.refunds))
}

fn payouts_table(payouts: &[Payout]) -> String {
    const COLUMNS: &[Column] = &[text("kamipay_id"), money("amount"), text("created_at")];
    let mut table = Table::new(COLUMNS);
    for payout in payouts {
        table.row(vec![
            payout.kamipay_id.to_string(),
            payout.amount.to_string(),
            table::second(Some(payout.created_at)),
        ]);
    }
    part(&count(payouts.len() as u64, "payout"), payouts.is_empty(), table)
}

fn refunds_table(refunds: &[Refund]) -> String {
    const COLUMNS: &[Column] = &[text("kamipay_refund_id"), money("amount"), text("created_at")];
    let mut table = Table::new(COLUMNS);
    for refund in refunds {
        table.row(vec![
            refund.kamipay_refund_id.to_string(),
            refund.amount.to_string(),
            table::second(Some(refund.created_at)),
        ]);
    }
    let mut text = part(&count(refunds.len() as u64, "refund"), refunds.is_empty(), table);
    if let Some(sum) = sum::exact(refunds.iter().map(|refund| refund.amount)) {
        if !refunds.is_empty() {
            text.push_str(&format!("  the refunds add up to {sum} USDT\n"));
        }
    }
    text
}

/// A table below a heading.
pub(crate) fn part(heading: &str, is_empty: bool, table: Table) -> String {
    let table = if is_empty { String::new() } else { table.render("  ") };
    format!("\n{heading}\n{table}")
}

/// Holds the sum of the parts against the amount of the whole, and says what came of it.
pub(crate) fn check(
    words: &str,
    parts: impl IntoIterator<Item = Decimal>,
    whole: Decimal,
    field: &str,
    currency: &str,
) -> String {
    match sum::exact(parts) {
        Some(sum) if sum == whole => {
            format!("{GOOD}ok:{GOOD:#} {words} {sum} {currency}, the {field}")
        }
        Some(sum) => {
            let than_it = if whole < sum { "less" } else { "more" };
            let gap = sum::exact([whole, -sum])
                .map(|gap| format!(", which is {} {currency} {than_it}", gap.abs()))
                .unwrap_or_default();
            format!("{BAD}check:{BAD:#} {words} {sum} {currency}, and {field} is {whole}{gap}")
        }
        None => format!("{BAD}check:{BAD:#} the amounts have too many digits to be summed exactly"),
    }
}

const CSV: [&str; 9] = [
    "kind",
    "lot_id",
    "transaction_hash",
    "usdt_amount",
    "status",
    "kamipay_id",
    "kamipay_refund_id",
    "amount",
    "created_at",
];

fn csv_header() -> Vec<String> {
    CSV.map(str::to_owned).to_vec()
}

fn csv_lot(lot: &LotDetail) -> Vec<String> {
    vec![
        "lot".to_owned(),
        lot.lot_id.to_string(),
        lot.transaction_hash.as_ref().map(ToString::to_string).unwrap_or_default(),
        lot.usdt_amount.to_string(),
        lot.status.to_string(),
        String::new(),
        String::new(),
        String::new(),
        lot.created_at.map(|time| table::time(Some(time))).unwrap_or_default(),
    ]
}

fn csv_payout(lot: &LotDetail, payout: &Payout) -> Vec<String> {
    let id = payout.kamipay_id.to_string();
    csv_part("payout", lot, [&id, ""], payout.amount, table::time(Some(payout.created_at)))
}

fn csv_part(
    kind: &str,
    lot: &LotDetail,
    [kamipay_id, kamipay_refund_id]: [&str; 2],
    amount: Decimal,
    created_at: String,
) -> Vec<String> {
    let lot_id = lot.lot_id.to_string();
    let amount = amount.to_string();
    [kind, &lot_id, "", "", "", kamipay_id, kamipay_refund_id, &amount, &created_at]
        .map(str::to_owned)
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_more_or_less_and_never_negative() {
        let said = |whole: &str| {
            let parts = ["3.15", "6.85"].map(|amount| amount.parse().unwrap());
            check("the payouts add up to", parts, whole.parse().unwrap(), "usdt_amount", "USDT")
        };
        assert!(said("10.0").contains("ok:"), "{}", said("10.0"));
        assert!(said("10.01").ends_with("which is 0.01 USDT more"), "{}", said("10.01"));
        assert!(said("7.5").ends_with("which is 2.50 USDT less"), "{}", said("7.5"));
    }
}
