//! `kamipay scan …`

use std::fs;
use std::io::{self, Read as _};

use clap::{Args, Subcommand};
use kamipay_ureq::Client;
use kamipay_ureq::proto::confirmed_charges::ScanConfirmedCharges;
use kamipay_ureq::proto::lots::ScanLots;
use kamipay_ureq::proto::scan::{self, ScanState, Scannable as _};
use kamipay_ureq::proto::settlements::{ScanPendingCharges, ScanSettlements, ScanTransactions};
use serde::{Deserialize, Serialize};

use super::charges::ConfirmedQuery;
use super::list::Query;
use super::lots::LotsQuery;
use super::settlements::{PendingQuery, SettlementsQuery, TransactionsQuery};
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::listing::{Listing, Next, Reading, Requests};
use crate::output::{Columns, Format, Lines, List, note};
use crate::progress::Progress;
use crate::stop::Stop;

#[derive(Subcommand)]
#[command(after_help = WORKED_EXAMPLE)]
pub(crate) enum Scan {
    /// Print the parts of a scan, one JSON object per line; needs no connection
    #[command(subcommand, arg_required_else_help = true, after_help = WORKED_EXAMPLE)]
    Plan(What),
    Run(Box<Run>),
}

const WORKED_EXAMPLE: &str = "\
A year on four processes, with GNU parallel:
  kamipay scan plan transactions --from 2025-01-01 --to 2025-12-31 > plan
  parallel --pipe -N1 -k -j4 --halt now,fail=1 kamipay scan run - < plan > 2025.ndjson

The rows are those of `kamipay settlements transactions`, in the same order: -k keeps it. If a
part fails, the exit code is not 0: throw away what it printed, and run its line again.";

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
    Lots(LotsQuery),
    /// The parts of `kamipay settlements list`
    #[command(after_help = "\
Examples:
  kamipay scan plan settlements --from 2025-01-01 --to 2025-12-31 > plan
  kamipay scan plan settlements --from 2025-01-01 --to 2025-12-31 | kamipay scan run")]
    Settlements(SettlementsQuery),
    /// The parts of `kamipay settlements transactions`
    #[command(after_help = "\
Examples:
  kamipay scan plan transactions --from 2025-01-01 --to 2025-12-31 > plan
  kamipay scan plan transactions --from 2025-01-01 --to 2025-12-31 --settlement 12345 > plan")]
    Transactions(TransactionsQuery),
    /// The parts of `kamipay settlements pending`
    #[command(after_help = "\
Examples:
  kamipay scan plan pending-charges --from 2025-01-01 --to 2025-12-31 > plan
  kamipay scan plan pending-charges --from 2025-01-01 --to 2025-12-31 --checkout 42 > plan")]
    PendingCharges(PendingQuery),
    /// The parts of `kamipay charges confirmed`
    #[command(after_help = "\
Examples:
  kamipay scan plan confirmed-charges --from 2025-01-01 --to 2025-12-31 > plan
  kamipay scan plan confirmed-charges --from 2025-01-01 --to 2025-12-31 --store 1,2 > plan")]
    ConfirmedCharges(ConfirmedQuery),
}

impl What {
    fn plan(&self) -> Result<Exit, Failure> {
        match self {
            Self::Lots(query) => plan(query),
            Self::Settlements(query) => plan(query),
            Self::Transactions(query) => plan(query),
            Self::PendingCharges(query) => plan(query),
            Self::ConfirmedCharges(query) => plan(query),
        }
    }
}

/// A line of a plan.
#[derive(Serialize)]
struct Line<S: Listing> {
    list: &'static str,
    #[serde(flatten)]
    part: ScanState<S>,
}

/// The same line, for `kamipay scan run`.
#[derive(Deserialize)]
#[serde(tag = "list", rename_all = "kebab-case")]
enum Part {
    Lots(ScanState<ScanLots>),
    Settlements(ScanState<ScanSettlements>),
    Transactions(ScanState<ScanTransactions>),
    PendingCharges(ScanState<ScanPendingCharges>),
    ConfirmedCharges(ScanState<ScanConfirmedCharges>),
}

fn plan<Q: Query>(query: &Q) -> Result<Exit, Failure> {
    let mut lines = Lines::new();
    let what = query.what()?;
    if let Some(text) = query.asked()?.note(what.period()) {
        note(&text);
    }
    for part in scan::Scan::parts(what) {
        lines.json(&Line { list: Q::What::NAME, part })?;
    }
    lines.flush()?;
    Ok(Exit::Done)
}

/// Read parts of a scan, and print their rows
///
/// Each line is a part, as `kamipay scan plan` prints it. There can be many, of several listings. The
/// rows come as NDJSON, part after part. What all parts print, one after the other, is the whole
/// listing. If a part cannot be read as a whole, the exit code is not 0, and the error names its line
/// and the number of complete rows before it.
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
    /// The file with the lines; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: String,
    #[command(flatten)]
    requests: Requests,
    /// Print nothing but errors on standard error
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Run {
    fn run(&self) -> Result<Exit, Failure> {
        if self.file == "-" {
            self.connection.check_standard_input("the parts")?;
        }
        let client = self.connection.client()?;
        let parts = self.parts()?;
        let stop = Stop::on_signals()?;
        let mut run = Running { run: self, client: &client, stop: &stop, printed: 0 };
        for (line, part) in parts {
            match part {
                Part::Lots(part) => run.print(line, part),
                Part::Settlements(part) => run.print(line, part),
                Part::Transactions(part) => run.print(line, part),
                Part::PendingCharges(part) => run.print(line, part),
                Part::ConfirmedCharges(part) => run.print(line, part),
            }?;
        }
        Ok(Exit::Done)
    }

    /// All parts, each with the number of its line. All are checked before anything is sent.
    fn parts(&self) -> Result<Vec<(usize, Part)>, Failure> {
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
                Failure::usage(format!("line {n}: it is not a part of a scan: {error}"))
                    .tip("such lines are printed by kamipay scan plan")
            })
        });
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        if parts.is_empty() {
            return Err(Failure::usage("no line to run")
                .tip("kamipay scan plan lots --from … --to … | kamipay scan run"));
        }
        Ok(parts)
    }
}

/// Parts that are read and printed one after the other.
struct Running<'a> {
    run: &'a Run,
    client: &'a Client,
    stop: &'a Stop,
    /// The rows of all parts so far.
    printed: u64,
}

impl Running<'_> {
    /// Prints the rows of a part, which is this line of the plan.
    fn print<S: Listing>(&mut self, line: usize, part: ScanState<S>) -> Result<(), Failure> {
        let requests = &self.run.requests;
        let hides_progress = self.run.connection.hides_progress(self.run.quiet);
        let scan = requests.set(scan::Scan::resume(part))?;
        let progress = Progress::listing(hides_progress, scan.what().period());
        let lines = Lines::beside(&progress);
        let mut list = List::new(Format::Ndjson, lines, Columns::all::<S>());
        let mut reading = Reading::new(requests, self.client, scan, &progress, self.stop);
        let mut read_all = || loop {
            match reading.next() {
                Ok(Next::Row(row)) => list.row(&row)?,
                Ok(Next::Idle) => list.flush()?,
                Ok(Next::End) => return list.flush().map(Ok),
                Err(failure) => return list.flush().map(|()| Err(failure)),
            }
            reading.is_save_due(); // nothing is saved, and the progress is shown
        };
        // The outer error is of the output, as in [`Settings::print`](crate::listing::Settings).
        let end = read_all();
        progress.end();
        let before = self.printed;
        self.printed += reading.read();
        let failure = match end {
            Ok(Ok(())) => {
                for text in reading.notes().iter().filter(|_| !self.run.quiet) {
                    note(&format!("line {line}: {text}"));
                }
                return Ok(());
            }
            Ok(Err(failure)) => failure.after_rows(self.printed, "that were printed"),
            Err(failure) => failure,
        };
        let failure = failure.at(&format!("line {line}"));
        Err(if before == 0 {
            failure.tip("throw away what this run printed, and run the same lines again")
        } else {
            failure.tip(format!(
                "the first {before} rows are whole, those of the lines before {line}: keep them \
                 (head -n {before}), and run the lines from {line} on again (tail -n +{line})"
            ))
        })
    }
}
