//! Complete listings: a scan is read, its rows are printed as they come, and its state is saved.

mod kinds;
mod reading;
mod saved;
mod totals;
mod words;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};
use clap::Args;
use kamipay_ureq::proto::Period;
use kamipay_ureq::proto::scan::Scan;

pub(crate) use self::kinds::Listing;
pub(crate) use self::reading::{Next, Reading, Requests};
use self::saved::{Content, Saved};
use self::totals::TotalsArgs;
use crate::commands::count;
use crate::connection::Connection;
use crate::exit::Failure;
use crate::output::{ColumnArgs, Format, Lines, List, Output, RowsFile, StandardOutput, place};
use crate::progress::{Progress, thousands};
use crate::stop::Stop;
use crate::time::Asked;
use crate::{clock, table, time};

/// How to read, print and keep a listing.
#[derive(Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    columns: ColumnArgs,
    #[command(flatten)]
    totals: TotalsArgs,
    #[command(flatten)]
    keeping: Keeping,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
#[command(next_help_heading = "Long listings")]
struct Keeping {
    #[command(flatten)]
    requests: Requests,
    /// Read the newest part of the period again at the end: 2h, 1d
    ///
    /// For rows that are booked late, into a time that was read already. Only the added rows are
    /// printed, after all others.
    #[arg(long, value_name = "TIME", value_parser = time::length)]
    look_back: Option<Duration>,
    /// Save the state of the listing in FILE, and resume from it if FILE exists
    ///
    /// The same command resumes after Ctrl-C, an error or a kill, and says so when nothing is left.
    /// FILE belongs to one command, base URL and user name.
    ///
    /// The period must be over: a complete listing would not stay complete. The rows must go to a
    /// file, because only there the program can check that they arrived: --out, or standard output
    /// that is appended to a file (>> ROWS; with systemd StandardOutput=append:, not truncate:). Each
    /// row is there once, also after a kill or a full disk. A file that was changed meanwhile is
    /// refused. Rows that something else appended to standard output's file are kept.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Write the rows to FILE instead of standard output; ndjson unless --output csv
    ///
    /// Without --resume, FILE must be empty or new. With it, FILE is cut back to the rows that the
    /// state knows, which is said on standard error, and rows are appended. One run at a time can use
    /// FILE.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How many bytes of lines a state keeps before they are written.
const HELD: usize = 1 << 20;

impl Settings {
    /// Whether the listing can be resumed.
    pub(crate) fn resumes(&self) -> bool {
        self.keeping.resume.is_some()
    }

    /// Prints a listing, or what is left of it.
    pub(crate) fn print<S: Listing>(&self, what: S, asked: &Asked) -> Result<(), Failure> {
        let (output, keeping) = (self.output, &self.keeping);
        let client = self.connection.client()?;
        let format = keeping.format(output)?;
        let columns = self.columns.of::<S>(format, &asked.zone)?;
        let period = what.period();
        keeping.check(period)?;
        if let Some(note) = asked.note(period) {
            output.note(&note);
        }
        let scan = keeping.scan(&what)?;
        let (scan, mut saved, file) = match &keeping.resume {
            Some(path) => {
                let account = self.connection.account()?;
                let as_what = (format, output.is_for_spreadsheet());
                let mut this =
                    Content::new(what, account, as_what, keeping.look_back, scan.state());
                this.moves = asked.moves;
                let (saved, file) = keeping.resume(path, this, output)?;
                let scan = match saved.is_new {
                    true => scan,
                    false => keeping.requests.set(Scan::resume(saved.content().state.clone()))?,
                };
                (scan, Some(saved), Some(file))
            }
            None => (scan, None, keeping.out.as_deref().map(begin).transpose()?),
        };

        let is_new = saved.as_ref().is_none_or(|saved| saved.is_new);
        let rows_before = scan.manifest().rows;
        let has_header = rows_before > 0 || file.as_ref().is_some_and(RowsFile::is_begun);
        let progress = Progress::listing(self.connection.hides_progress(output.is_quiet()), period);
        let lines = file.map_or_else(|| Lines::beside(&progress), Lines::to_file);
        let is_kept = saved.is_some();
        let lines = if is_kept { lines.held() } else { lines };
        let mut list = List::new(format, lines.for_output(output), columns);
        if !has_header {
            list.header()?;
        }
        let mut save = |state, list: &mut List| {
            if let (Some(saved), Some(file)) = (&mut saved, list.lines().file()) {
                saved.save(state, list.lines().ready(), file)?;
            }
            list.flush()
        };
        if !is_new && scan.state().is_done {
            if !has_header {
                save(scan.state(), &mut list)?;
            }
            progress.end();
            output.note(&format!(
                "the listing is whole, with {} rows; to read it again, remove the file of --resume",
                thousands(scan.manifest().rows),
            ));
            if self.totals.are_wanted() {
                output.warn("no totals: this run read no rows");
            }
            return Ok(());
        }

        let stop = Stop::on_signals()?;
        let mut reading = Reading::new(&keeping.requests, &client, scan, &progress, &stop);
        let mut totals = self.totals.begin(output);
        let mut read_all = || {
            save(reading.state(), &mut list)?;
            loop {
                match reading.next() {
                    Ok(Next::Row(row)) => {
                        if let Some(totals) = &mut totals {
                            totals.add::<S>(&row);
                        }
                        list.row(&row)?;
                    }
                    Ok(Next::Idle) if is_kept => {}
                    Ok(Next::Idle) => list.flush()?,
                    Ok(Next::End) => {
                        let in_json = self.totals.in_json::<S>(totals.as_ref(), format)?;
                        let summary = count(reading.read(), S::ROW);
                        break list.finish(&summary, in_json.as_ref()).map(Ok);
                    }
                    Err(failure) => break Ok(Err(failure)),
                }
                if reading.is_save_due() || list.lines().ready().len() >= HELD {
                    save(reading.state(), &mut list)?;
                }
            }
        };
        // The outer error is of the output, after which nothing is saved.
        let end = read_all();
        progress.end();
        let end = end.and_then(|end| {
            save(reading.state(), &mut list)?;
            if is_kept {
                save(reading.state(), &mut list)?; // now without lines to come
            } else if let Some(file) = list.lines().file() {
                file.settle()?;
            }
            Ok(end)
        });
        match end {
            Ok(Ok(())) => {
                reading.notes().iter().for_each(|note| output.note(note));
                match totals {
                    Some(totals) => self.totals.print::<S>(&totals, format, output, rows_before),
                    None => Ok(()),
                }
            }
            Ok(Err(failure)) => {
                let rows = list
                    .lines()
                    .file()
                    .map_or_else(|| "that were printed".to_owned(), RowsFile::what);
                let failure = failure.after_rows(list.printed(), &rows);
                let failure = match self.totals.are_wanted() {
                    true => failure.tip("there are no totals of a list that is not whole"),
                    false => failure,
                };
                Err(keeping.how_to_go_on(failure, reading.rest(), list.printed(), format))
            }
            Err(failure) => Err(keeping.the_same_again(failure)),
        }
    }
}

impl Keeping {
    fn format(&self, output: Output) -> Result<Format, Failure> {
        match (&self.out, &self.resume) {
            (Some(_), _) => output.streaming_format("--out"),
            (None, Some(_)) => output.streaming_format("--resume"),
            (None, None) => Ok(output.format()),
        }
    }

    fn check(&self, period: Option<Period>) -> Result<(), Failure> {
        if period.is_none() && self.look_back.is_some() {
            return Err(Failure::usage("--look-back needs a period: give --from and --to"));
        }
        match self.resume {
            Some(_) => check_is_over(period, clock::now()?),
            None => Ok(()),
        }
    }

    /// The scan from its start.
    fn scan<S: Listing>(&self, what: &S) -> Result<Scan<S>, Failure> {
        let scan = self.requests.set(Scan::new(what.clone()))?;
        Ok(match self.look_back {
            Some(length) => scan.with_look_back(length),
            None => scan,
        })
    }

    /// Opens the state and the file of the rows. Nothing is written before both fit together.
    fn resume<S: Listing>(
        &self,
        path: &Path,
        this: Content<S>,
        output: Output,
    ) -> Result<(Saved<S>, RowsFile), Failure> {
        let printed = self.check_places(path)?;
        let mut saved = Saved::open(path, this)?;
        if !saved.is_new {
            self.check_way(saved.content())?;
        }
        let file = match (&self.out, printed) {
            (_, Some(printed)) => printed.lock(),
            (Some(path), None) => RowsFile::open(path),
            (None, None) => Err(no_file()),
        }?;
        let Content { state, out: mark, next, .. } = saved.content();
        let file = match saved.is_new {
            true => file.begin()?,
            false => file.go_on(mark, next, (state.manifest.rows, state.is_done), output)?,
        };
        if saved.is_new || !state.is_done {
            // Before the first line: after a kill in between, the next run knows the file.
            saved.save(state.clone(), "", &file)?;
        }
        Ok((saved, file))
    }

    /// Rows and state go to different files. Returns standard output, if the rows go there.
    fn check_places(&self, state: &Path) -> Result<Option<StandardOutput>, Failure> {
        let names = saved::names(state);
        let (printed, is_taken) = match &self.out {
            Some(out) => (None, names.iter().any(|name| place(name) == place(out))),
            None => {
                let printed = RowsFile::standard_output().ok_or_else(no_file)?;
                let is_taken = names.iter().any(|name| printed.is_at(name));
                (Some(printed), is_taken)
            }
        };
        if !is_taken {
            return Ok(printed);
        }
        let [_, new, lock] = names.map(|name| name.display().to_string());
        Err(Failure::usage("the rows and the state of --resume would go to the same file")
            .tip(format!("the state also needs {new} and {lock}")))
    }

    /// The rows go where they went before.
    fn check_way<S: Listing>(&self, saved: &Content<S>) -> Result<(), Failure> {
        match (&self.out, &saved.out.file) {
            (None, Some(file)) => Err(Failure::usage(format!(
                "--resume: the rows of this listing go to a file: give --out {}",
                file.display()
            ))),
            (Some(_), None) => Err(Failure::usage(
                "--resume: the rows of this listing go to standard output: leave --out away",
            )),
            (Some(path), Some(_)) if saved.state.manifest.rows > 0 && !path.exists() => {
                Err(Failure::usage(format!(
                    "--out {}: it is gone, and the rows of this listing were in it",
                    path.display()
                ))
                .tip("give the file that the listing was written to so far")
                .tip("to begin again, remove the file of --resume"))
            }
            _ => Ok(()),
        }
    }

    fn how_to_go_on(
        &self,
        failure: Failure,
        rest: Option<Period>,
        printed: u64,
        format: Format,
    ) -> Failure {
        if self.resume.is_some() {
            return self.the_same_again(failure);
        }
        match rest {
            _ if !format.streams() => {
                failure.tip("nothing was printed: this format is printed when the listing is whole")
            }
            Some(rest) if printed > 0 && !rest.is_empty() => failure
                .tip(format!(
                    "all rows before {0} are there; --from {0} reads the rest, and rows from then \
                     on may come again",
                    table::time(Some(rest.start()))
                ))
                .tip("with --resume FILE a listing can be resumed, and no row comes twice"),
            _ => failure,
        }
    }

    fn the_same_again(&self, failure: Failure) -> Failure {
        let Some(path) = &self.resume else { return failure };
        failure.tip(format!(
            "to go on, give the same command again: {} has the state of the listing",
            path.display()
        ))
    }
}

fn begin(path: &Path) -> Result<RowsFile, Failure> {
    RowsFile::open(path)?.begin()
}

/// A complete listing stays complete in its state: rows that come later would never be read.
fn check_is_over(period: Option<Period>, now: DateTime<Utc>) -> Result<(), Failure> {
    let Some(end) = period.map(Period::end).filter(|end| *end > now) else {
        return Ok(());
    };
    let [end, now] = [end, now.trunc_subsecs(0)].map(|time| table::time(Some(time)));
    Err(Failure::usage(format!(
        "--resume: the period ends at {end}, which is still to come, and rows that come until then \
         would never be read"
    ))
    .tip(format!("give a --to that is over, such as --to {now}"))
    .tip("without --resume the period may end at any time"))
}

fn no_file() -> Failure {
    Failure::usage(
        "--resume: standard output is not a file that can be read back, so the program cannot \
         check which rows arrived",
    )
    .tip("give --out FILE, or append standard output to a file: >> FILE")
}
