//! `kamipay charges …`

use clap::{Args, Subcommand};
use kamipay_ureq::proto::confirmed_charges::{ConfirmedCharge, ListConfirmedCharges};
use kamipay_ureq::proto::{CheckoutId, StoreId};

use super::count;
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::output::{Output, Record};
use crate::table::{self, Column, money, number, text};
use crate::time::Period;

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
/// The period is less than 24 hours long, as the API demands: a whole day takes two calls, each
/// for one half. Not every account may make this call; kamiPay allows it (exit code 4 otherwise).
#[derive(Args)]
#[command(override_usage = "kamipay charges confirmed [OPTIONS] --from <TIME> --to <TIME>")]
#[command(after_help = "\
Examples:
  kamipay charges confirmed --from 2026-05-14 --to 2026-05-14T12:00:00Z
  kamipay charges confirmed --from 2026-05-14T12:00:00Z --to 2026-05-14 --store 1,2
  kamipay charges confirmed --from 2026-05-14T09:00:00-03:00 --to 2026-05-14T18:00:00-03:00 \\
      --checkout 1 --output csv > today.csv")]
pub(crate) struct Confirmed {
    /// The charges of these stores only: 1 or 1,2,3
    #[arg(long, value_name = "ID,…", value_delimiter = ',', allow_hyphen_values = true)]
    store: Vec<StoreId>,
    /// The charges of these checkouts only: 1 or 1,2,3
    #[arg(long, value_name = "ID,…", value_delimiter = ',', allow_hyphen_values = true)]
    checkout: Vec<CheckoutId>,
    #[command(flatten)]
    period: Period,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

impl Confirmed {
    fn run(&self) -> Result<Exit, Failure> {
        let client = self.connection.client()?;
        let mut call = ListConfirmedCharges::new();
        call.store_id.clone_from(&self.store);
        call.checkout_id.clone_from(&self.checkout);
        call.range = Some(self.period.epoch_range()?);
        let charges = client
            .send(&call)
            .map_err(|error| Failure::call("reading the confirmed charges", &error))?;
        self.output.rows(&charges, &count(charges.len() as u64, "charge"))
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
