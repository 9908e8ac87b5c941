//! `kamipay settlements pending`

use clap::Args;
use kamipay_ureq::proto::settlements::{
    ListPendingCharges, PendingCharge, PendingPool, PendingTotals, ScanPendingCharges,
};
use kamipay_ureq::proto::{CheckoutId, DateRange, OpenDateRange};

use crate::commands::count;
use crate::commands::list::{List, Query};
use crate::exit::{Exit, Failure};
use crate::listing::{Listing as _, Summary};
use crate::output::{Format, Thing};
use crate::table::{self, text};
use crate::time::{Asked, OpenPeriodArgs};
use crate::view::View;

/// List the charges that the next settlement will take, one row each
///
/// Each checkout has its own pool. The last line of a table says how many charges there are and what
/// they add up to. The other formats say it on standard error, unless --quiet is given. --totals
/// prints it alone, as data: `count` and `settlement_amount`. They are the API's own where it takes
/// the period in one call.
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
    /// Print only the totals: count and settlement_amount of the whole pool
    #[arg(long, conflicts_with_all = ["resume", "out", "look_back"])]
    totals: bool,
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
        let what = query.what()?;
        if self.totals {
            settings.output().thing(&self.totals(what)?, &View::screen())?;
            return Ok(Exit::Done);
        }
        if settings.resumes() && query.period.moves_with_the_clock() {
            return Err(Failure::usage(
                "--resume: without --to the period moves on with the clock",
            )
            .tip("give both, --from and --to"));
        }
        let mut pool = PendingPool::new();
        let is_all = settings.print(what, &query.asked()?, &mut pool)?;
        if is_all && settings.output().format() != Format::Table {
            settings.output().note(&pool.words(pool.count()));
        }
        Ok(Exit::Done)
    }

    /// The API's own where it takes the period in one call, else added up.
    fn totals(&self, what: ScanPendingCharges) -> Result<PendingTotals, Failure> {
        const DOING: &str = "listing pending-charges";
        let client = self.list.settings.connection().client()?;
        let range = match what.period {
            None => Some(OpenDateRange::default()),
            Some(period) => DateRange::new(period.start(), period.end()).ok().map(Into::into),
        };
        if let Some(range) = range {
            let mut call = ListPendingCharges::new();
            (call.checkout_id, call.range) = (what.checkout_id, range);
            let page = client.send(&call).map_err(|error| Failure::call(DOING, &error))?;
            return Ok(page.totals);
        }
        let mut pool = PendingPool::new();
        for row in client.scan(what) {
            pool.add(&row.map_err(|error| Failure::scan(DOING, &error))?);
        }
        pool.totals().map_err(|error| Failure::other(error.to_string()))
    }
}

impl Summary<PendingCharge> for PendingPool {
    fn add(&mut self, row: &PendingCharge) {
        self.add(row);
    }

    fn words(&self, rows: u64) -> String {
        let count = count(rows, ScanPendingCharges::ROW);
        let Ok(PendingTotals { settlement_amount, .. }) = self.totals() else { return count };
        let currency = self.currency().map(|it| format!(" {it}")).unwrap_or_default();
        format!("{count}, settlement_amount {settlement_amount}{currency} in all")
    }
}

impl Thing for PendingTotals {
    const CSV: &'static [&'static str] = &["count", "settlement_amount"];

    fn table(&self, view: &View) -> String {
        table::fields_of(self, &[text("count"), text("settlement_amount")], view)
    }
}
