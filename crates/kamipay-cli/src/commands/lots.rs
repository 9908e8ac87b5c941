//! `kamipay lots …`

use clap::{Args, Subcommand};
use kamipay_ureq::proto::KamipayId;
use kamipay_ureq::proto::lots::{GetLot, ListLots, Lot, LotDetail, LotIdentifier, Payout, Refund};
use kamipay_ureq::proto::{Page as _, PageSize};
use rust_decimal::Decimal;
use serde::Serialize;

use super::count;
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::output::{Count, Output, Record, Thing};
use crate::table::{self, BAD, Column, GOOD, Table, money, text};
use crate::time::Period;
use crate::{listing, sum};

#[derive(Subcommand)]
pub(crate) enum Lots {
    List(List),
    Get(Get),
    FindPayout(FindPayout),
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
/// The period is at most 31 days long. All its lots are listed, or the command fails: with exit
/// code 6 where rows came or went while they were read.
#[derive(Args)]
#[command(override_usage = "kamipay lots list [OPTIONS] --from <TIME> --to <TIME>")]
#[command(after_help = "\
Examples:
  kamipay lots list --from 2026-05-01 --to 2026-05-31
  kamipay lots list --from 2026-05-01 --to 2026-05-31 --utc-offset -03:00 --output csv > may.csv
  kamipay lots list --from 2026-05-14T00:00:00Z --to 2026-05-14T12:00:00Z | jq -r .lot_id")]
pub(crate) struct List {
    #[command(flatten)]
    period: Period,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

impl List {
    fn run(&self) -> Result<Exit, Failure> {
        let client = self.connection.client()?;
        let call = list(&self.period)?;
        self.output.list(&client, call, &mut Count("lot"))
    }
}

fn list(period: &Period) -> Result<ListLots, Failure> {
    let mut call = ListLots::new(period.range()?);
    call.limit = PageSize::MAX;
    Ok(call)
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
/// the `lot`, then come a row for each `payout` and each `refund`, all with the lot_id. So the
/// column `amount` of the payouts adds up to `usdt_amount` of the lot.
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
            let gap = sum::exact([whole, -sum])
                .map(|gap| {
                    format!(
                        ", which is {gap} {currency} {}",
                        if gap.is_sign_negative() { "less" } else { "more" }
                    )
                })
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

/// Find the lot that holds a payout
///
/// Lists the lots of the period and opens one after the other, the newest first, until one holds
/// the payout. The lot is printed with that payout alone. A payout that is in none of them ends
/// with exit code 1: it can be in a lot that was created later.
#[derive(Args)]
#[command(
    override_usage = "kamipay lots find-payout [OPTIONS] <KAMIPAY_ID> --from <TIME> --to <TIME>"
)]
#[command(after_help = "\
Examples:
  kamipay lots find-payout txc_01jranqegkf509bq5svh03ztt8 --from 2026-05-01 --to 2026-05-31
  kamipay lots find-payout txc_01jranqegkf509bq5svh03ztt8 --from 2026-05-14 --to 2026-05-15 \\
      --output json | jq -r .lot_id

JSON is the lot with a field `payout`; CSV has the rows `lot` and `payout` of `kamipay lots get`.")]
pub(crate) struct FindPayout {
    /// kamiPay's identifier of the payout, such as txc_01jranqegkf509bq5svh03ztt8
    #[arg(value_name = "KAMIPAY_ID", value_parser = kamipay_id)]
    kamipay_id: KamipayId,
    #[command(flatten)]
    period: Period,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

fn kamipay_id(text: &str) -> Result<KamipayId, &'static str> {
    let plain = |char: char| char.is_ascii_graphic();
    if text.is_empty() || text.len() > 1024 || !text.chars().all(plain) {
        return Err("a kamipay_id is 1 to 1024 visible ASCII characters, such as \
                    txc_01jranqegkf509bq5svh03ztt8");
    }
    Ok(text.into())
}

impl FindPayout {
    fn run(&self) -> Result<Exit, Failure> {
        let client = self.connection.client()?;
        let call = list(&self.period)?;
        let range = call.range;
        let mut lots = Vec::new();
        for page in listing::pages(&client, call) {
            lots.extend(page?.into_rows());
        }
        // Those without a time are still under way, so they are the newest.
        lots.sort_by_key(|lot| std::cmp::Reverse((lot.created_at.is_none(), lot.created_at)));

        let mut progress = self.output.progress();
        for (n, lot) in lots.iter().enumerate() {
            progress.say(&format!("looking into lot {} of {}", n + 1, lots.len()));
            if let Some(found) = self.look_into(lot, &client)? {
                drop(progress);
                self.output.thing(&found)?;
                return Ok(Exit::Done);
            }
        }
        drop(progress);
        let text = |time| table::time(Some(time));
        Err(Failure::other(format!(
            "the payout {} is in none of the {} from {} to {}",
            self.kamipay_id,
            count(lots.len() as u64, "lot"),
            text(range.start()),
            text(range.end()),
        ))
        .tip("a payout can be in a lot that was created later: search on from --to")
        .tip(format!("what became of it: kamipay pay status --kamipay-id {}", self.kamipay_id)))
    }

    fn look_into(
        &self,
        lot: &Lot,
        client: &kamipay_ureq::Client,
    ) -> Result<Option<Found>, Failure> {
        let id = LotIdentifier::try_from(&lot.lot_id).map_err(|error| {
            Failure::other(format!("the lot {} can not be read: {error}", lot.lot_id))
        })?;
        let lot = client
            .send(&GetLot::new(id))
            .map_err(|error| Failure::call(&format!("reading the lot {}", lot.lot_id), &error))?;
        let payout = lot.payouts.iter().find(|payout| payout.kamipay_id == self.kamipay_id);
        Ok(payout.cloned().map(|payout| Found { lot, payout }))
    }
}

/// A payout, and the lot that holds it.
struct Found {
    lot: LotDetail,
    payout: Payout,
}

impl Serialize for Found {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let lot = &self.lot;
        let mut found = to.serialize_struct("Found", 6)?;
        found.serialize_field("lot_id", &lot.lot_id)?;
        found.serialize_field("transaction_hash", &lot.transaction_hash)?;
        found.serialize_field("usdt_amount", &lot.usdt_amount.to_string())?;
        found.serialize_field("created_at", &lot.created_at.map(|at| table::time(Some(at))))?;
        found.serialize_field("status", &lot.status)?;
        found.serialize_field("payout", &self.payout)?;
        found.end()
    }
}

impl Thing for Found {
    fn table(&self) -> String {
        let others = self.lot.payouts.len().saturating_sub(1) as u64;
        let mut text = table::fields(&head(&self.lot));
        text.push_str(&payouts_table(std::slice::from_ref(&self.payout)));
        if others > 0 {
            text.push_str(&format!("  beside {} in this lot\n", count(others, "other payout")));
        }
        text
    }

    fn csv(&self) -> Vec<Vec<String>> {
        vec![csv_header(), csv_lot(&self.lot), csv_payout(&self.lot, &self.payout)]
    }
}
