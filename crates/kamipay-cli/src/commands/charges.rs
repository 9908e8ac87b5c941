//! `kamipay charges …`

use clap::{Args, Subcommand};
use kamipay_ureq::proto::confirmed_charges::ScanConfirmedCharges;
use kamipay_ureq::proto::{CheckoutId, StoreId};

use super::list::{List, Query};
use crate::exit::{Exit, Failure};
use crate::time::{Asked, PeriodArgs};

#[derive(Subcommand)]
pub(crate) enum Charges {
    /// List the charges that were paid and credited in a period, one row each
    ///
    /// Rows come oldest first. The period can have any length. A call takes less than a day, so a
    /// year is some 370 calls, and one more for each day without a charge: an empty answer is asked
    /// for twice, because it could answer any day. Not every account may make these calls: kamiPay
    /// allows them (exit code 4 otherwise).
    ///
    /// Days do not add up here: the API does not say whether it goes by the request or the credit of
    /// a charge, nor whether the ends of a period are included. A charge on the border of two days
    /// can be in both, or in neither. List the whole period at once, and split it by
    /// credit_datetime.
    #[command(override_usage = "kamipay charges confirmed [OPTIONS] --from <TIME> --to <TIME>")]
    #[command(mut_arg("page_size", |arg| arg.hide(true)))] // this call has no pages
    #[command(after_help = "\
Examples:
  kamipay charges confirmed --from 2026-05-14 --to 2026-05-14 --store 1,2
  kamipay charges confirmed --from 2026-05-14T09:00:00-03:00 --to 2026-05-14T18:00:00-03:00 \\
      --checkout 1 --output csv > today.csv
  kamipay charges confirmed --from 2025-01-01 --to 2025-12-31 --threads 2 \\
      --out 2025.ndjson --resume 2025.state")]
    Confirmed(List<ConfirmedQuery>),
}

impl Charges {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Confirmed(list) => list.run(),
        }
    }
}

/// Which confirmed charges.
#[derive(Args)]
pub(crate) struct ConfirmedQuery {
    /// Only the charges of these stores: 1 or 1,2,3
    #[arg(long, value_name = "ID,…", value_delimiter = ',', allow_hyphen_values = true)]
    store: Vec<StoreId>,
    /// Only the charges of these checkouts: 1 or 1,2,3
    #[arg(long, value_name = "ID,…", value_delimiter = ',', allow_hyphen_values = true)]
    checkout: Vec<CheckoutId>,
    #[command(flatten)]
    period: PeriodArgs,
}

impl Query for ConfirmedQuery {
    type What = ScanConfirmedCharges;

    fn what(&self) -> Result<ScanConfirmedCharges, Failure> {
        let mut what = ScanConfirmedCharges::new(self.period.period()?);
        what.store_id.clone_from(&self.store);
        what.checkout_id.clone_from(&self.checkout);
        Ok(what)
    }

    fn asked(&self) -> Result<Asked, Failure> {
        self.period.asked()
    }
}
