//! `kamipay charges …`

use clap::{Args, Subcommand};
use kamipay_ureq::proto::confirmed_charges::{ConfirmedCharge, ScanConfirmedCharges};
use kamipay_ureq::proto::{CheckoutId, StoreId};

use super::count;
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::listing::Settings;
use crate::output::{Output, Record};
use crate::table::{self, Column, money, number, text};
use crate::time::PeriodArgs;

#[derive(Subcommand)]
pub(crate) enum Charges {
    Confirmed(Confirmed),
}

impl Charges {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Confirmed(confirmed) => confirmed.run(),
        }
    }
}

/// List the charges that were paid and credited in a period, a row each
///
/// The rows come oldest first. The period may have any length. A call takes less than a day, so a
/// year is some 370 calls, and one more for each day without a charge: an empty answer is asked for
/// twice, since it could answer any day. Not every account may make them; kamiPay allows it (exit
/// code 4 otherwise).
///
/// Days do not add up here: the API does not say whether it goes by the request or the credit of a
/// charge, nor whether the ends of a period belong to it. A charge on the border of two days can be
/// in both, or in neither. List the whole period at once, and split it by credit_datetime.
#[derive(Args)]
#[command(override_usage = "kamipay charges confirmed [OPTIONS] --from <TIME> --to <TIME>")]
#[command(mut_arg("page_size", |arg| arg.hide(true)))] // this call has no pages
#[command(after_help = "\
Examples:
  kamipay charges confirmed --from 2026-05-14 --to 2026-05-14 --store 1,2
  kamipay charges confirmed --from 2026-05-14T09:00:00-03:00 --to 2026-05-14T18:00:00-03:00 \\
      --checkout 1 --output csv > today.csv
  kamipay charges confirmed --from 2025-01-01 --to 2025-12-31 --threads 2 \\
      --out 2025.ndjson --resume 2025.state")]
pub(crate) struct Confirmed {
    #[command(flatten)]
    places: Places,
    #[command(flatten)]
    period: PeriodArgs,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    connection: Connection,
}

/// Whose charges.
#[derive(Args)]
pub(crate) struct Places {
    /// The charges of these stores only: 1 or 1,2,3
    #[arg(long, value_name = "ID,…", value_delimiter = ',', allow_hyphen_values = true)]
    store: Vec<StoreId>,
    /// The charges of these checkouts only: 1 or 1,2,3
    #[arg(long, value_name = "ID,…", value_delimiter = ',', allow_hyphen_values = true)]
    checkout: Vec<CheckoutId>,
}

impl Places {
    pub(crate) fn scan(&self, period: &PeriodArgs) -> Result<ScanConfirmedCharges, Failure> {
        let mut what = ScanConfirmedCharges::new(period.period()?);
        what.store_id.clone_from(&self.store);
        what.checkout_id.clone_from(&self.checkout);
        Ok(what)
    }
}

impl Confirmed {
    fn run(&self) -> Result<Exit, Failure> {
        let what = self.places.scan(&self.period)?;
        let words = |rows| count(rows, "charge");
        self.settings.print(what, self.output, &self.connection, |_| (), words)?;
        Ok(Exit::Done)
    }
}

impl Record for ConfirmedCharge {
    const TABLE: &'static [Column] = &[
        number("store_id"),
        number("checkout_id"),
        text("operation_id"),
        money("brl_requested"),
        money("usdt_credited"),
        text("credit_datetime"),
        text("external_data"),
    ];
    const CSV: &'static [&'static str] = &[
        "store_id",
        "checkout_id",
        "operation_id",
        "tx_hash",
        "brl_requested",
        "usdt_credited",
        "external_data",
        "request_datetime",
        "credit_datetime",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.store_id.to_string(),
            self.checkout_id.to_string(),
            self.operation_id.to_string(),
            self.brl_requested.to_string(),
            self.usdt_credited.to_string(),
            table::second(Some(self.credit_datetime)),
            table::maybe(self.external_data.as_ref()),
        ]
    }
}
