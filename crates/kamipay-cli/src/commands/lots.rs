//! `kamipay lots …`

mod find;

use clap::{Args, Subcommand};
use kamipay_ureq::proto::SumCheck;
use kamipay_ureq::proto::lots::{GetLot, LotDetail, LotIdentifier, ScanLots};
use serde::Serialize;

use super::count;
use super::list::{List, Query};
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::fields::Fields;
use crate::output::{Output, Thing};
use crate::table::{
    self, BAD, Column, GOOD, Table, identifier, money, seconds, state, text, time_of,
};
use crate::time::{Asked, PeriodArgs};
use crate::view::{View, ViewArgs};

#[derive(Subcommand)]
pub(crate) enum Lots {
    /// List the lots of a period, one row each
    ///
    /// The period can have any length. Rows come oldest first by created_at, and days add up: a lot
    /// belongs to the day of its created_at. Lots in flight have none, and are in every listing. The
    /// API's pages leave open whether it goes by another time: then a lot belongs to the day that
    /// lists it, and a note says so. All lots are listed, or the command ends with exit code 6 and
    /// says what is missing.
    #[command(override_usage = "kamipay lots list [OPTIONS] --from <TIME> --to <TIME>")]
    #[command(after_help = "\
Examples:
  kamipay lots list --from 2026-05-01 --to 2026-05-31
  kamipay lots list --from yesterday --to yesterday --timezone America/Sao_Paulo
  kamipay lots list --from 2026-05 --to 2026-05 --utc-offset -03:00 --output csv > may.csv
  kamipay lots list --from 2026-05 --to 2026-05 --columns created_at,usdt_amount --output csv
  kamipay lots list --from 2026-05-14T00:00:00Z --to 2026-05-14T12:00:00Z | jq -r .lot_id
  kamipay lots list --from 2025-01-01 --to 2025-12-31 --out 2025.ndjson --resume 2025.state")]
    List(List<LotsQuery>),
    Get(Get),
    FindPayout(find::Find),
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

/// Which lots.
#[derive(Args)]
pub(crate) struct LotsQuery {
    #[command(flatten)]
    period: PeriodArgs,
}

impl Query for LotsQuery {
    type What = ScanLots;

    fn what(&self) -> Result<ScanLots, Failure> {
        Ok(ScanLots::new(self.period.period()?))
    }

    fn asked(&self) -> Result<Asked, Failure> {
        self.period.asked()
    }
}

/// Show one lot with its payouts and refunds
///
/// A table compares the sum of the payouts with usdt_amount. JSON has the payouts and refunds as
/// lists in the lot. CSV has a row for each part, with its kind in the column `kind`: first the `lot`,
/// then each `payout` and each `refund`, all with the lot_id. The column `amount` of the payouts adds
/// up to `usdt_amount` of the lot.
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
    view: ViewArgs,
    #[command(flatten)]
    connection: Connection,
}

impl Get {
    fn run(&self) -> Result<Exit, Failure> {
        let view = self.view.view()?;
        let lot =
            self.connection.client()?.send(&GetLot::new(self.lot.clone())).map_err(|error| {
                Failure::lookup(&format!("reading the lot {}", self.lot), &error)
            })?;
        self.output.thing(&lot, &view)?;
        Ok(Exit::Done)
    }
}

/// The fields of a lot alone.
const LOT: &[Column] = &[
    text("lot_id"),
    state("status"),
    text("usdt_amount"),
    time_of("created_at"),
    text("transaction_hash"),
];

const CSV: &[&str] = &[
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

impl Thing for LotDetail {
    fn columns() -> Vec<&'static str> {
        CSV.to_vec()
    }

    fn table(&self, view: &View) -> String {
        table::fields_of(self, LOT, view) + &parts(self, view)
    }

    fn rows(&self) -> Vec<Fields> {
        let refunds = self.refunds.iter().map(|refund| row("refund", self, refund));
        rows(self, &self.payouts).into_iter().chain(refunds).collect()
    }
}

/// The rows of a lot and of payouts in it.
fn rows(lot: &LotDetail, payouts: &[impl Serialize]) -> Vec<Fields> {
    let payouts = payouts.iter().map(|payout| row("payout", lot, payout));
    [Fields::of(lot).with("kind", &"lot")].into_iter().chain(payouts).collect()
}

fn row(kind: &str, lot: &LotDetail, part: &impl Serialize) -> Fields {
    Fields::of(part).with("kind", &kind).with("lot_id", &lot.lot_id)
}

/// The payouts and refunds, with their sums.
pub(crate) fn parts(lot: &LotDetail, view: &View) -> String {
    const REFUNDS: &[Column] =
        &[identifier("kamipay_refund_id"), money("amount"), seconds("created_at")];
    let mut text = payouts(&lot.payouts, view);
    let check = check("the payouts add up to", lot.check_payouts(), "usdt_amount", "USDT");
    text.push_str(&view.prose("  ", &check));
    text.push_str(&part("refund", &lot.refunds, REFUNDS, view));
    match lot.refunded() {
        Some(sum) if !lot.refunds.is_empty() => {
            text + &format!("  the refunds add up to {sum} USDT\n")
        }
        _ => text,
    }
}

fn payouts(payouts: &[impl Serialize], view: &View) -> String {
    const PAYOUTS: &[Column] = &[identifier("kamipay_id"), money("amount"), seconds("created_at")];
    part("payout", payouts, PAYOUTS, view)
}

fn part(one: &str, rows: &[impl Serialize], columns: &[Column], view: &View) -> String {
    let mut table = Table::new(columns, view);
    rows.iter().for_each(|row| table.add(row));
    table::part(&count(rows.len() as u64, one), table)
}

/// Says whether parts add up to the amount of the whole, which is `field`.
pub(crate) fn check(words: &str, check: Option<SumCheck>, field: &str, currency: &str) -> String {
    let Some(check) = check else {
        return format!("{BAD}check:{BAD:#} the amounts have too many digits to be summed exactly");
    };
    let SumCheck { sum, whole, .. } = check;
    if check.is_equal() {
        return format!("{GOOD}ok:{GOOD:#} {words} {sum} {currency}, the {field}");
    }
    let gap = check.difference().map(|gap| {
        let than_the_sum = if gap.is_sign_negative() { "less" } else { "more" };
        format!(", which is {} {currency} {than_the_sum}", gap.abs())
    });
    format!(
        "{BAD}check:{BAD:#} {words} {sum} {currency}, and {field} is {whole}{}",
        gap.unwrap_or_default()
    )
}
