//! `kamipay scan …`

use std::fs;
use std::io::{self, Read as _};

use clap::{Args, Subcommand};
use kamipay_ureq::proto::lots::ScanLots;
use kamipay_ureq::proto::scan;
use kamipay_ureq::proto::settlements::ScanSettlements;

use super::charges::Places;
use super::settlements::{OfCheckout, OfSettlement};
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::listing::{Listing, Parts, Plan, Requests};
use crate::output::Lines;
use crate::stop::Stop;
use crate::time::{OpenPeriodArgs, PeriodArgs};

#[derive(Subcommand)]
#[command(after_help = WORKED_EXAMPLE)]
pub(crate) enum Scan {
    /// Print the parts of a scan, one JSON object a line; no connection is needed
    #[command(subcommand, arg_required_else_help = true, after_help = WORKED_EXAMPLE)]
    Plan(What),
    Run(Run),
}

const WORKED_EXAMPLE: &str = "\
A year on four processes, with GNU parallel:
  kamipay scan plan transactions --from 2025-01-01 --to 2025-12-31 > plan
  parallel --pipe -N1 -k -j4 --halt now,fail=1 kamipay scan run - < plan > 2025.ndjson

The rows are those of `kamipay settlements transactions`, in the same order: -k keeps it. A part
that fails ends with an exit code other than 0; run its line again, and throw away what it printed.";

impl Scan {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Plan(what) => what.plan(),
            Self::Run(run) => run.run(),
        }
    }
}

/// Which listing.
#[derive(Subcommand)]
pub(crate) enum What {
    /// The parts of `kamipay lots list`
    #[command(after_help = "\
Examples:
  kamipay scan plan lots --from 2025-01-01 --to 2025-12-31 > plan
  kamipay scan plan lots --from 2025-01-01 --to 2025-12-31 | kamipay scan run")]
    Lots {
        #[command(flatten)]
        period: PeriodArgs,
    },
    /// The parts of `kamipay settlements list`
    #[command(after_help = "\
Examples:
  kamipay scan plan settlements --from 2025-01-01 --to 2025-12-31 > plan
  kamipay scan plan settlements --from 2025-01-01 --to 2025-12-31 | kamipay scan run")]
    Settlements {
        #[command(flatten)]
        period: PeriodArgs,
    },
    /// The parts of `kamipay settlements transactions`
    #[command(after_help = "\
Examples:
  kamipay scan plan transactions --from 2025-01-01 --to 2025-12-31 > plan
  kamipay scan plan transactions --from 2025-01-01 --to 2025-12-31 --settlement 12345 > plan")]
    Transactions {
        #[command(flatten)]
        of: OfSettlement,
        #[command(flatten)]
        period: PeriodArgs,
    },
    /// The parts of `kamipay settlements pending`
    #[command(after_help = "\
Examples:
  kamipay scan plan pending-charges --from 2025-01-01 --to 2025-12-31 > plan
  kamipay scan plan pending-charges --from 2025-01-01 --to 2025-12-31 --checkout 42 > plan")]
    PendingCharges {
        #[command(flatten)]
        of: OfCheckout,
        #[command(flatten)]
        period: OpenPeriodArgs,
    },
    /// The parts of `kamipay charges confirmed`
    #[command(after_help = "\
Examples:
  kamipay scan plan confirmed-charges --from 2025-01-01 --to 2025-12-31 > plan
  kamipay scan plan confirmed-charges --from 2025-01-01 --to 2025-12-31 --store 1,2 > plan")]
    ConfirmedCharges {
        #[command(flatten)]
        of: Places,
        #[command(flatten)]
        period: PeriodArgs,
    },
}

impl What {
    fn plan(&self) -> Result<Exit, Failure> {
        match self {
            Self::Lots { period } => print(ScanLots::new(period.period()?)),
            Self::Settlements { period } => print(ScanSettlements::new(period.period()?)),
            Self::Transactions { of, period } => print(of.scan(period)?),
            Self::PendingCharges { of, period } => print(of.scan(period)?),
            Self::ConfirmedCharges { of, period } => print(of.scan(period)?),
        }
    }
}

fn print<S: Listing>(what: S) -> Result<Exit, Failure> {
    let mut lines = Lines::new();
    for part in scan::Scan::parts(what) {
        let line = serde_json::to_string(&S::plan(part));
        let line = line.map_err(|error| Failure::other(format!("no line for a part: {error}")))?;
        lines.line(&(line + "\n"))?;
    }
    lines.flush()?;
    Ok(Exit::Done)
}

/// Read parts of a scan, and print their rows
///
/// Each line is a part, as `kamipay scan plan` prints them: one or more, of one listing or several.
/// The rows come as NDJSON, part after part. What all parts print, one after the other, is the
/// whole listing. A part is whole, or the run ends with an exit code other than 0, names its line,
/// and says how many of the rows before it are whole.
#[derive(Args)]
#[command(
    override_usage = "kamipay scan run [OPTIONS] [FILE]",
    after_help = "\
Examples:
  kamipay scan run plan > 2025.ndjson
  kamipay scan plan lots --from 2025-01-01 --to 2025-12-31 | kamipay scan run > lots.ndjson
  head -1 plan | kamipay scan run - --threads 2 > first-part.ndjson"
)]
pub(crate) struct Run {
    /// The lines; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: String,
    #[command(flatten)]
    requests: Requests,
    /// Nothing on standard error but errors
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Run {
    fn run(&self) -> Result<Exit, Failure> {
        let client = self.connection.client()?;
        let parts = self.parts()?;
        let stop = Stop::on_signals()?;
        let (requests, quiet) = (&self.requests, self.quiet);
        let mut run = Parts { requests, client: &client, quiet, stop: &stop, printed: 0 };
        for (line, part) in parts {
            match part {
                Plan::Lots(part) => run.print(line, part),
                Plan::Settlements(part) => run.print(line, part),
                Plan::Transactions(part) => run.print(line, part),
                Plan::PendingCharges(part) => run.print(line, part),
                Plan::ConfirmedCharges(part) => run.print(line, part),
            }?;
        }
        Ok(Exit::Done)
    }

    /// All parts, each with the number of its line. Nothing is sent before all are looked at.
    fn parts(&self) -> Result<Vec<(usize, Plan)>, Failure> {
        let mut text = String::new();
        let read = match self.file.as_str() {
            "-" => io::stdin().read_to_string(&mut text).map(drop),
            file => fs::read_to_string(file).map(|lines| text = lines),
        };
        read.map_err(|error| Failure::usage(format!("{}: cannot be read: {error}", self.file)))?;
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let parts = lines.map(|(n, line)| {
            let n = n + 1;
            serde_json::from_str(line).map(|part| (n, part)).map_err(|error| {
                Failure::usage(format!("line {n}: it is no part of a scan: {error}"))
                    .tip("kamipay scan plan prints such lines")
            })
        });
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        if parts.is_empty() {
            return Err(Failure::usage("there is no line to run")
                .tip("kamipay scan plan lots --from … --to … | kamipay scan run"));
        }
        Ok(parts)
    }
}
