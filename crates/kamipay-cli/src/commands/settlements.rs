//! `kamipay settlements …`

mod get;
mod pending;

use clap::{Args, Subcommand};
use kamipay_ureq::proto::SettlementId;
use kamipay_ureq::proto::settlements::{ScanSettlements, ScanTransactions};

pub(crate) use self::get::charges;
pub(crate) use self::pending::PendingQuery;
use super::list::{List, Query};
use crate::exit::{Exit, Failure};
use crate::time::{Asked, PeriodArgs};

#[derive(Subcommand)]
pub(crate) enum Settlements {
    /// List the settlements that were confirmed in a period, one row each
    ///
    /// The period is compared with settled_at, and can have any length. A settlement that is still
    /// under way is not in the list. Days add up: a settlement at midnight belongs to the day that
    /// begins. Rows come oldest first. All are listed, or the command ends with exit code 6 and says
    /// what is missing.
    #[command(override_usage = "kamipay settlements list [OPTIONS] --from <TIME> --to <TIME>")]
    #[command(after_help = "\
Examples:
  kamipay settlements list --from 2026-05-01 --to 2026-05-31
  kamipay settlements list --from last-month --to last-month --timezone America/Sao_Paulo
  kamipay settlements list --from 2026-05 --to 2026-05 | jq -r .settlement_id
  kamipay settlements list --from 2026-05 --to 2026-05 --totals -o json | jq -r .totals.amount.ARS")]
    List(List<SettlementsQuery>),
    Get(get::Get),
    /// List the charges that were put into settlements, one row each
    ///
    /// The period is compared with created_at, when the charge was put into its settlement, and can
    /// have any length. Days add up: a charge at midnight belongs to the day that begins. Rows come
    /// oldest first. All are listed, or the command ends with exit code 6 and says what is missing.
    #[command(
        override_usage = "kamipay settlements transactions [OPTIONS] --from <TIME> --to <TIME>"
    )]
    #[command(after_help = "\
Examples:
  kamipay settlements transactions --from 7d --to yesterday
  kamipay settlements transactions --from 2026-05-01 --to 2026-05-31 --settlement 12345
  kamipay settlements transactions --from 2026-05-14 --to 2026-05-14 --output csv > charges.csv
  kamipay settlements transactions --from 2025-01-01 --to 2025-12-31 --threads 2 \\
      --out 2025.ndjson --resume 2025.state")]
    Transactions(List<TransactionsQuery>),
    Pending(pending::Pending),
}

impl Settlements {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::List(list) => list.run(),
            Self::Get(get) => get.run(),
            Self::Transactions(list) => list.run(),
            Self::Pending(pending) => pending.run(),
        }
    }
}

/// Which settlements.
#[derive(Args)]
pub(crate) struct SettlementsQuery {
    #[command(flatten)]
    period: PeriodArgs,
}

impl Query for SettlementsQuery {
    type What = ScanSettlements;

    fn what(&self) -> Result<ScanSettlements, Failure> {
        Ok(ScanSettlements::new(self.period.period()?))
    }

    fn asked(&self) -> Result<Asked, Failure> {
        self.period.asked()
    }
}

/// Which charges of settlements.
#[derive(Args)]
pub(crate) struct TransactionsQuery {
    /// Only the charges of this settlement
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    settlement: Option<SettlementId>,
    #[command(flatten)]
    period: PeriodArgs,
}

impl Query for TransactionsQuery {
    type What = ScanTransactions;

    fn what(&self) -> Result<ScanTransactions, Failure> {
        let mut what = ScanTransactions::new(self.period.period()?);
        what.settlement_id = self.settlement;
        Ok(what)
    }

    fn asked(&self) -> Result<Asked, Failure> {
        self.period.asked()
    }
}
