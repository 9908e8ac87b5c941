//! `kamipay settlements pending`

use clap::Args;
use kamipay_ureq::proto::CheckoutId;
use kamipay_ureq::proto::settlements::ScanPendingCharges;

use crate::commands::list::{List, Query};
use crate::exit::{Exit, Failure};
use crate::time::{Asked, OpenPeriodArgs};

/// List the charges that the next settlement will take, one row each
///
/// Each checkout has its own pool. --totals says what the charges add up to, in each currency.
///
/// Without --from and --to the period is the API's own, the last 30 days. With one of them it
/// reaches to now, or 30 days back.
#[derive(Args)]
#[command(override_usage = "kamipay settlements pending [OPTIONS]")]
#[command(after_help = "\
Examples:
  kamipay settlements pending
  kamipay settlements pending --checkout 42 --output csv > pending.csv
  kamipay settlements pending --totals --output json | jq -r .totals.settlement_amount.ARS")]
pub(crate) struct Pending {
    #[command(flatten)]
    list: List<PendingQuery>,
}

/// Which pending charges.
#[derive(Args)]
pub(crate) struct PendingQuery {
    /// Which checkout; required if more than one is enrolled in batched settlement
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    checkout: Option<CheckoutId>,
    #[command(flatten)]
    period: OpenPeriodArgs,
}

impl Query for PendingQuery {
    type What = ScanPendingCharges;

    fn what(&self) -> Result<ScanPendingCharges, Failure> {
        let mut what = ScanPendingCharges::new();
        what.checkout_id = self.checkout;
        what.period = self.period.period()?;
        Ok(what)
    }

    fn asked(&self) -> Result<Asked, Failure> {
        self.period.asked()
    }
}

impl Pending {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let List { query, settings } = &self.list;
        if settings.resumes() && query.period.moves_with_the_clock() {
            return Err(Failure::usage(
                "--resume: without --to the period moves on with the clock",
            )
            .tip("give both, --from and --to"));
        }
        self.list.run()
    }
}
