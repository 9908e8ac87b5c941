//! `kamipay settlements …`

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::time::SystemTime;

use clap::{Args, Subcommand};
use kamipay_ureq::Client;
use kamipay_ureq::proto::settlements::{
    GetSettlement, ListPendingCharges, PendingCharge, ScanPendingCharges, ScanSettlements,
    ScanTransactions, SettledCharge, Settlement, SettlementDetail, Transaction,
};
use kamipay_ureq::proto::{CheckoutId, Currency, DateRange, OpenDateRange, SettlementId};
use rust_decimal::Decimal;
use serde::Serialize;

use super::count;
use super::lots::{check, part};
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::listing::Settings;
use crate::output::{Format, Output, Record, Thing};
use crate::sum;
use crate::table::{self, Column, Table, money, number, text};
use crate::time::{OpenPeriodArgs, PeriodArgs};

#[derive(Subcommand)]
pub(crate) enum Settlements {
    List(List),
    Get(Get),
    Transactions(Transactions),
    Pending(Pending),
}

impl Settlements {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::List(list) => list.run(),
            Self::Get(get) => get.run(),
            Self::Transactions(transactions) => transactions.run(),
            Self::Pending(pending) => pending.run(),
        }
    }
}

/// List the settlements that were confirmed in a period, a row each
///
/// The period is one of settled_at, and may have any length: a settlement that is still under way is
/// not in the list. Days add up: a settlement at midnight belongs to the day that begins. Rows come
/// oldest first. All are listed, or the command ends with exit code 6 and says what is missing.
#[derive(Args)]
#[command(override_usage = "kamipay settlements list [OPTIONS] --from <TIME> --to <TIME>")]
#[command(after_help = "\
Examples:
  kamipay settlements list --from 2026-05-01 --to 2026-05-31
  kamipay settlements list --from 2026-05-14 --to 2026-05-14 --utc-offset -03:00 --output csv
  kamipay settlements list --from 2026-05-01 --to 2026-05-31 | jq -r .settlement_id")]
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
        let what = ScanSettlements::new(self.period.period()?);
        let words = |rows| count(rows, "settlement");
        self.settings.print(what, self.output, &self.connection, |_| (), words)?;
        Ok(Exit::Done)
    }
}

impl Record for Settlement {
    const TABLE: &'static [Column] = &[
        number("settlement_id"),
        text("status"),
        money("amount"),
        text("settled_at"),
        text("provider_settlement_id"),
        text("address_to"),
    ];
    const CSV: &'static [&'static str] = &SETTLEMENT;

    fn cells(&self) -> Vec<String> {
        vec![
            self.settlement_id.to_string(),
            table::maybe(self.status.as_ref().map(|status| status.as_str())),
            table::amount(self.amount, &self.currency),
            table::second(self.settled_at),
            table::maybe(self.provider_settlement_id.as_ref()),
            table::hash(Some(&self.address_to)),
        ]
    }
}

/// The fields of a settlement, in the order of the API.
const SETTLEMENT: [&str; 12] = [
    "settlement_id",
    "settlement_provider_name",
    "provider_settlement_id",
    "external_settlement_id",
    "amount",
    "currency",
    "address_to",
    "address_from",
    "settlement_message",
    "settled_at",
    "created_at",
    "status",
];

/// Show one settlement with its charges
///
/// A table holds the sum of the charges against the amount. JSON keeps the charges as a list in the
/// settlement. CSV has a row for each part, told apart by the column `kind`: the first row is the
/// `settlement`, then comes a row for each `charge`, all with the settlement_id.
#[derive(Args)]
#[command(override_usage = "kamipay settlements get [OPTIONS] <ID>")]
#[command(after_help = "\
Examples:
  kamipay settlements get 12345
  kamipay settlements get 12345 --output csv > settlement-12345.csv
  kamipay settlements get 12345 --output json | jq -r '.charges[].external_id'")]
pub(crate) struct Get {
    /// The settlement's number
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    settlement: SettlementId,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

impl Get {
    fn run(&self) -> Result<Exit, Failure> {
        let client = self.connection.client()?;
        let settlement = client.send(&GetSettlement::new(self.settlement)).map_err(|error| {
            Failure::call(&format!("reading the settlement {}", self.settlement), &error)
        })?;
        self.output.thing(&settlement)?;
        Ok(Exit::Done)
    }
}

impl Thing for SettlementDetail {
    fn table(&self) -> String {
        let text = table::fields(&[
            ("settlement_id", self.settlement_id.to_string()),
            ("status", table::maybe(self.status.as_ref().map(|status| status.as_str()))),
            ("amount", table::amount(self.amount, &self.currency)),
            ("settled_at", table::time(self.settled_at)),
            ("created_at", table::time(Some(self.created_at))),
            ("settlement_provider_name", self.settlement_provider_name.clone()),
            ("provider_settlement_id", table::maybe(self.provider_settlement_id.as_ref())),
            ("external_settlement_id", table::maybe(self.external_settlement_id.as_ref())),
            ("address_to", self.address_to.clone()),
            ("address_from", self.address_from.clone()),
            ("settlement_message", table::maybe(self.settlement_message.as_ref())),
        ]);
        text + &charges(self, usize::MAX)
    }

    fn csv(&self) -> Vec<Vec<String>> {
        let mut header: Vec<String> = vec!["kind".to_owned()];
        header.extend(SETTLEMENT.map(str::to_owned));
        header.extend(CHARGE.map(str::to_owned));

        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let time = |time: Option<_>| if time.is_some() { table::time(time) } else { String::new() };
        let mut head = vec![
            "settlement".to_owned(),
            self.settlement_id.to_string(),
            self.settlement_provider_name.clone(),
            text(self.provider_settlement_id.as_ref()),
            text(self.external_settlement_id.as_ref()),
            self.amount.to_string(),
            self.currency.to_string(),
            self.address_to.clone(),
            self.address_from.clone(),
            text(self.settlement_message.as_ref()),
            time(self.settled_at),
            time(Some(self.created_at)),
            self.status.as_ref().map(ToString::to_string).unwrap_or_default(),
        ];
        head.resize(header.len(), String::new());

        let mut rows = vec![header, head];
        for charge in &self.charges {
            let mut row = vec!["charge".to_owned(), self.settlement_id.to_string()];
            row.resize(1 + SETTLEMENT.len(), String::new());
            row.extend([
                charge.kamipay_id.to_string(),
                charge.external_id.as_ref().map(ToString::to_string).unwrap_or_default(),
                charge.kamipay_request_id.to_string(),
                charge.charged_amount.to_string(),
                charge.charged_currency.to_string(),
                charge.settlement_amount.map(|amount| amount.to_string()).unwrap_or_default(),
                charge.settlement_currency.as_ref().map(ToString::to_string).unwrap_or_default(),
            ]);
            rows.push(row);
        }
        rows
    }
}

/// The charges, `most` of them, with the sum of all.
pub(crate) fn charges(settlement: &SettlementDetail, most: usize) -> String {
    let mut table = Table::new(CHARGES);
    for charge in settlement.charges.iter().take(most) {
        table.row(vec![
            table::maybe(charge.external_id.as_ref()),
            table::hash(Some(&charge.kamipay_id)),
            table::amount(charge.charged_amount, &charge.charged_currency),
            quote(charge.settlement_amount, charge.settlement_currency.as_ref()),
        ]);
    }
    let all = settlement.charges.len();
    let mut text = part(&count(all as u64, "charge"), all == 0, table);
    if let more @ 1.. = all.saturating_sub(most) {
        text.push_str(&format!("  and {more} more\n"));
    }
    format!("{text}  {}\n", check_charges(settlement))
}

const CHARGES: &[Column] =
    &[text("external_id"), text("kamipay_id"), money("charged_amount"), money("settlement_amount")];

/// What the charges were quoted at, held against what was delivered.
fn check_charges(settlement: &SettlementDetail) -> String {
    let quote = |charge: &SettledCharge| {
        let same = charge.settlement_currency.as_ref() == Some(&settlement.currency);
        charge.settlement_amount.filter(|_| same)
    };
    let quotes: Vec<_> = settlement.charges.iter().filter_map(quote).collect();
    let words = match settlement.charges.len() - quotes.len() {
        0 => "the charges add up to".to_owned(),
        n => format!("without {} the charges add up to", count(n as u64, "unquoted charge")),
    };
    check(&words, quotes, settlement.amount, "amount", settlement.currency.as_str())
}

/// The fields of a charge of a settlement, in the order of the API.
const CHARGE: [&str; 7] = [
    "kamipay_id",
    "external_id",
    "kamipay_request_id",
    "charged_amount",
    "charged_currency",
    "settlement_amount",
    "settlement_currency",
];

fn quote(amount: Option<Decimal>, currency: Option<&Currency>) -> String {
    match (amount, currency) {
        (Some(amount), Some(currency)) => table::amount(amount, currency),
        (Some(amount), None) => amount.to_string(),
        (None, _) => table::NONE.to_owned(),
    }
}

/// List the charges that were put into settlements, a row each
///
/// The period is one of created_at, when the charge was put into its settlement, and may have any
/// length. Days add up: a charge at midnight belongs to the day that begins. Rows come oldest first.
/// All are listed, or the command ends with exit code 6 and says what is missing.
#[derive(Args)]
#[command(override_usage = "kamipay settlements transactions [OPTIONS] --from <TIME> --to <TIME>")]
#[command(after_help = "\
Examples:
  kamipay settlements transactions --from 2026-05-01 --to 2026-05-31
  kamipay settlements transactions --from 2026-05-01 --to 2026-05-31 --settlement 12345
  kamipay settlements transactions --from 2026-05-14 --to 2026-05-14 --output csv > charges.csv
  kamipay settlements transactions --from 2025-01-01 --to 2025-12-31 --threads 2 \\
      --out 2025.ndjson --resume 2025.state")]
pub(crate) struct Transactions {
    #[command(flatten)]
    of: OfSettlement,
    #[command(flatten)]
    period: PeriodArgs,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    connection: Connection,
}

/// Which charges.
#[derive(Args)]
pub(crate) struct OfSettlement {
    /// The charges of this settlement only
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    settlement: Option<SettlementId>,
}

impl OfSettlement {
    pub(crate) fn scan(&self, period: &PeriodArgs) -> Result<ScanTransactions, Failure> {
        let mut what = ScanTransactions::new(period.period()?);
        what.settlement_id = self.settlement;
        Ok(what)
    }
}

impl Transactions {
    fn run(&self) -> Result<Exit, Failure> {
        let what = self.of.scan(&self.period)?;
        let words = |rows| count(rows, "charge");
        self.settings.print(what, self.output, &self.connection, |_| (), words)?;
        Ok(Exit::Done)
    }
}

impl Record for Transaction {
    const TABLE: &'static [Column] = &[
        number("settlement_id"),
        text("external_id"),
        text("kamipay_id"),
        money("charged_amount"),
        money("settlement_amount"),
        text("created_at"),
    ];
    const CSV: &'static [&'static str] = &[
        "settlement_id",
        "kamipay_request_id",
        "kamipay_id",
        "external_id",
        "charged_amount",
        "charged_currency",
        "settlement_amount",
        "settlement_currency",
        "charged_timestamp",
        "created_at",
        "settlement_provider_name",
        "settled_at",
        "provider_settlement_id",
        "external_settlement_id",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.settlement_id.to_string(),
            table::maybe(self.external_id.as_ref()),
            table::hash(Some(&self.kamipay_id)),
            table::amount(self.charged_amount, &self.charged_currency),
            quote(self.settlement_amount, self.settlement_currency.as_ref()),
            table::second(Some(self.created_at)),
        ]
    }
}

/// List the charges that the next settlement will take, a row each
///
/// Each checkout has a pool of its own. A table shows below its rows how many there are and what
/// they add up to, the other formats say it on standard error (--quiet for nothing), and --totals
/// prints it alone, as data: `count` and `settlement_amount`, by the API's own count where the
/// period is one that it takes at once.
///
/// Without --from and --to the period is the API's own, the last 30 days. With one of them it
/// reaches to now, or 30 days back.
#[derive(Args)]
#[command(override_usage = "kamipay settlements pending [OPTIONS]")]
#[command(after_help = "\
Examples:
  kamipay settlements pending
  kamipay settlements pending --checkout 42 --output csv > pending.csv
  kamipay settlements pending --totals --output json | jq -r .settlement_amount")]
pub(crate) struct Pending {
    #[command(flatten)]
    of: OfCheckout,
    /// The totals alone: count and settlement_amount of the whole pool
    #[arg(long, conflicts_with_all = ["resume", "out", "look_back"])]
    totals: bool,
    #[command(flatten)]
    period: OpenPeriodArgs,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    connection: Connection,
}

/// Whose pool.
#[derive(Args)]
pub(crate) struct OfCheckout {
    /// Which checkout; needed where more than one is enrolled in batched settlement
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    checkout: Option<CheckoutId>,
}

impl OfCheckout {
    pub(crate) fn scan(&self, period: &OpenPeriodArgs) -> Result<ScanPendingCharges, Failure> {
        let mut what = ScanPendingCharges::new();
        what.checkout_id = self.checkout;
        what.period = period.period(SystemTime::now().into())?;
        Ok(what)
    }
}

impl Pending {
    fn run(&self) -> Result<Exit, Failure> {
        let what = self.of.scan(&self.period)?;
        if self.totals {
            let client = self.connection.client()?;
            self.output.thing(&self.totals(&client, what)?)?;
            return Ok(Exit::Done);
        }
        if self.settings.resumes() && self.period.moves_with_the_clock() {
            return Err(Failure::usage(
                "--resume: without --to the period moves on with the clock",
            )
            .tip("give both, --from and --to"));
        }
        // Both the rows and the last line want it.
        let pool = RefCell::new(Pool::new());
        let add = |row: &PendingCharge| pool.borrow_mut().add(row);
        let words = |_| pool.borrow().to_string();
        let is_all = self.settings.print(what, self.output, &self.connection, add, words)?;
        if is_all && self.output.format() != Format::Table {
            self.output.note(&pool.borrow().to_string());
        }
        Ok(Exit::Done)
    }

    /// The API's own where it takes the period at once; else added up.
    fn totals(&self, client: &Client, what: ScanPendingCharges) -> Result<Totals, Failure> {
        const DOING: &str = "listing pending-charges";
        let range = match what.period {
            None => Some(OpenDateRange::default()),
            Some(period) => DateRange::new(period.start(), period.end()).ok().map(Into::into),
        };
        let Some(range) = range else {
            let mut pool = Pool::new();
            for row in client.scan(what) {
                pool.add(&row.map_err(|error| Failure::scan(DOING, &error))?);
            }
            let sum = pool.sum.ok_or_else(|| {
                Failure::other("the amounts have too many digits to be summed exactly")
            })?;
            return Ok(Totals { count: pool.count, settlement_amount: sum.to_string() });
        };
        let mut call = ListPendingCharges::new();
        call.checkout_id = what.checkout_id;
        call.range = range;
        let page = client.send(&call).map_err(|error| Failure::call(DOING, &error))?;
        let settlement_amount = page.totals.settlement_amount.to_string();
        Ok(Totals { count: page.totals.count, settlement_amount })
    }
}

/// A pool as it is read.
struct Pool {
    count: u64,
    /// `None` where it cannot be kept exactly.
    sum: Option<Decimal>,
    currencies: BTreeSet<String>,
}

impl Pool {
    fn new() -> Self {
        Self { count: 0, sum: Some(Decimal::ZERO), currencies: BTreeSet::new() }
    }

    fn add(&mut self, row: &PendingCharge) {
        self.count += 1;
        self.sum = self.sum.and_then(|sum| sum::exact([sum, row.settlement_amount]));
        self.currencies.insert(row.settlement_currency.to_string());
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&count(self.count, "pending charge"))?;
        let Some(sum) = self.sum else { return Ok(()) };
        write!(f, ", settlement_amount {sum}")?;
        let currencies: Vec<&str> = self.currencies.iter().map(String::as_str).collect();
        if !currencies.is_empty() {
            write!(f, " {}", currencies.join("/"))?;
        }
        f.write_str(" in all")
    }
}

/// What a pool is as a whole.
#[derive(Serialize)]
struct Totals {
    count: u64,
    settlement_amount: String,
}

impl Thing for Totals {
    fn table(&self) -> String {
        table::fields(&[
            ("count", self.count.to_string()),
            ("settlement_amount", self.settlement_amount.clone()),
        ])
    }

    fn csv(&self) -> Vec<Vec<String>> {
        vec![
            vec!["count".to_owned(), "settlement_amount".to_owned()],
            vec![self.count.to_string(), self.settlement_amount.clone()],
        ]
    }
}

impl Record for PendingCharge {
    const TABLE: &'static [Column] = &[
        text("external_id"),
        text("kamipay_id"),
        money("charged_amount"),
        money("settlement_amount"),
        text("charged_timestamp"),
    ];
    const CSV: &'static [&'static str] = &[
        "kamipay_request_id",
        "kamipay_id",
        "external_id",
        "charged_amount",
        "charged_currency",
        "settlement_amount",
        "settlement_currency",
        "charged_timestamp",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            table::maybe(self.external_id.as_ref()),
            table::hash(Some(&self.kamipay_id)),
            table::amount(self.charged_amount, &self.charged_currency),
            table::amount(self.settlement_amount, &self.settlement_currency),
            table::second(Some(self.charged_timestamp)),
        ]
    }
}
