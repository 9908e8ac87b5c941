//! Whole listings: read by a scan, printed as they come, and gone on with where they stopped.

mod kinds;
mod out;
mod saved;

use std::num::NonZero;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use kamipay_ureq::proto::Endpoint as _;
use kamipay_ureq::proto::scan::{Incomplete, Reason, Scan, ScanState};
use kamipay_ureq::{Client, Rows, ScanError};

pub(crate) use self::kinds::{Listing, Plan};
pub(crate) use self::out::OutFile;
use self::saved::{Saved, Store};
use crate::exit::{Exit, Failure};
use crate::output::{Format, Lines, List, Output};
use crate::progress::{Progress, thousands};
use crate::stop::Stop;
use crate::{table, time};

/// How to read and keep a listing that may be long.
#[derive(Args)]
#[command(next_help_heading = "Long listings")]
pub(crate) struct Settings {
    #[command(flatten)]
    requests: Requests,
    /// Read the newest part of the period once more at the end: 2h, 1d
    ///
    /// For rows that are booked late, into a time that was read already. Only what was added
    /// is printed, after all other rows.
    #[arg(long, value_name = "TIME", value_parser = time::length)]
    look_back: Option<Duration>,
    /// Keep in FILE where the listing stands, and go on from there if FILE exists
    ///
    /// The same command again goes on after Ctrl-C, an error or a kill, and says so when there
    /// is nothing left. On standard output no row comes twice after Ctrl-C or an error; after a
    /// kill (SIGKILL) those of the last second may. With --out each row is there once in any case.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Write the rows to FILE, in place of standard output: ndjson unless --output csv
    ///
    /// Without --resume, FILE must not have anything in it. With it, FILE is cut back to what is
    /// known to be right, and rows are appended.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How to ask.
#[derive(Args)]
pub(crate) struct Requests {
    /// How many requests are on their way at a time; the rows are the same, in the same order
    #[arg(long, value_name = "N", default_value = "1", allow_hyphen_values = true)]
    #[arg(value_parser = threads)]
    threads: NonZero<usize>,
    /// How many rows a request may bring, in place of as many as the API allows
    ///
    /// It also bounds memory: about four pages are held for a request on its way.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    page_size: Option<u64>,
}

fn threads(text: &str) -> Result<NonZero<usize>, &'static str> {
    text.parse()
        .ok()
        .filter(|n: &NonZero<usize>| n.get() <= 64)
        .ok_or("it is a number from 1 to 64")
}

impl Requests {
    fn set<S: Listing>(&self, scan: Scan<S>) -> Result<Scan<S>, Failure> {
        let Some(rows) = self.page_size else { return Ok(scan) };
        if !S::HAS_PAGES {
            return Err(Failure::usage(format!(
                "--page-size: the API gives {} without pages, all of a window at once",
                S::NAME
            )));
        }
        scan.with_page_size(rows).map_err(|error| Failure::usage(format!("--page-size: {error}")))
    }
}

impl Settings {
    /// Whether it may be gone on with later.
    pub(crate) fn resumes(&self) -> bool {
        self.resume.is_some()
    }

    /// Prints a listing, or what is left of it. Whether all of it came in this run.
    pub(crate) fn print<S: Listing>(
        &self,
        what: S,
        output: Output,
        client: &Client,
        mut each: impl FnMut(&S::Row),
        words: impl FnOnce(u64) -> String,
    ) -> Result<bool, Failure> {
        let format = match (&self.out, &self.resume) {
            (Some(_), _) => output.streaming_format("--out")?,
            (None, Some(_)) => output.streaming_format("--resume")?,
            (None, None) => output.format(),
        };
        if self.out.is_some() && self.out == self.resume {
            return Err(Failure::usage("--out and --resume name the same file: give each its own"));
        }
        let period = what.period();
        if period.is_none() && self.look_back.is_some() {
            return Err(Failure::usage("--look-back needs a period: give --from and --to"));
        }
        let scan = self.requests.set(Scan::new(what.clone()))?;

        let store = self.resume.as_deref().map(Store::lock).transpose()?;
        let fresh = Saved::new(what, format, self.look_back);
        let saved = match &store {
            Some(store) => store.load(&fresh)?,
            None => None,
        };
        let is_new = saved.is_none();
        // Killed before the first line was known to be in the file, it is not.
        let is_begun = saved.as_ref().is_some_and(Saved::is_begun);
        let out = self.open_out(saved.as_ref(), store.as_ref(), &fresh)?;
        let scan = match saved.map(|saved| saved.state) {
            Some(state) if state.is_done => {
                output.note(&format!(
                    "the listing is whole, with {} rows; to read it again, remove the file of \
                     --resume",
                    thousands(state.manifest.rows),
                ));
                return Ok(false);
            }
            Some(state) => self.requests.set(Scan::resume(state))?,
            None => match self.look_back {
                Some(length) => {
                    scan.with_look_back(TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX))
                }
                None => scan,
            },
        };

        let progress = Progress::listing(output.is_quiet(), period);
        let lines = match out {
            Some(out) => Lines::to_file(out),
            None => Lines::beside(&progress),
        };
        let mut list = List::new(format, lines);
        if !is_begun {
            list.header()?;
        }
        let mut keep = |rows: &Rows<S>, list: &mut List<S::Row>| match &store {
            Some(store) => {
                list.flush()?;
                store.save(&fresh.at(rows.state(), list.lines().file()))
            }
            None => Ok(()),
        };
        let stop = Stop::on_signals()?;
        let mut reading = Reading::new(&self.requests, client, scan, &progress, &stop);
        let outcome = reading.print(&mut list, &mut each, &mut keep);
        progress.end();
        match outcome {
            Ok(()) => {
                let rows = reading.read;
                list.finish(&words(rows))?;
                keep(&reading.rows, &mut list)?;
                Ok(is_new)
            }
            Err(cut) => {
                if !matches!(cut, Cut::Output(_)) {
                    keep(&reading.rows, &mut list)?;
                    list.flush()?;
                }
                Err(self.words(cut, &reading, &list, format))
            }
        }
    }

    fn open_out<S: Listing>(
        &self,
        saved: Option<&Saved<S>>,
        store: Option<&Store>,
        fresh: &Saved<S>,
    ) -> Result<Option<OutFile>, Failure> {
        match (&self.out, saved) {
            (None, Some(Saved { out: Some(mark), .. })) => Err(Failure::usage(format!(
                "--resume: the rows of this listing go to a file: give --out {}",
                mark.file.display()
            ))),
            (None, _) => Ok(None),
            (Some(path), Some(Saved { out: Some(mark), .. })) => {
                OutFile::again(path, mark).map(Some)
            }
            (Some(_), Some(_)) => Err(Failure::usage(
                "--resume: the rows of this listing go to standard output: leave --out away",
            )),
            (Some(path), _) => {
                OutFile::check_new(path)?;
                // The state first: killed in between, the next run knows whose the file is.
                if let Some(store) = store {
                    store.save(&fresh.at(fresh.state.clone(), None).with_empty_out(path))?;
                }
                OutFile::new(path).map(Some)
            }
        }
    }

    /// Why the listing is not whole, and how to go on.
    fn words<S: Listing>(
        &self,
        cut: Cut,
        reading: &Reading<S>,
        list: &List<S::Row>,
        format: Format,
    ) -> Failure {
        let printed = list.printed();
        let until = reading.rows.rest().map(|rest| (rest.start(), rest.end()));
        let failure = match cut {
            Cut::Output(failure) => return failure,
            Cut::Stop(exit) => stopped(exit, printed, until.map(|(until, _)| until)),
            Cut::Scan(error) => short::<S>(&error, printed),
        };
        let failure = match format {
            Format::Json | Format::Table => {
                failure.tip("nothing was printed: this format is printed when the listing is whole")
            }
            _ => failure,
        };
        match (&self.resume, until) {
            (Some(path), _) => failure.tip(format!(
                "to go on, give the same command again: {} holds where it stands",
                path.display()
            )),
            (None, Some((start, end))) if printed > 0 && start < end => failure
                .tip(format!(
                    "all rows before {0} are there; --from {0} reads the rest, and rows from then \
                     on may come again",
                    table::time(Some(start))
                ))
                .tip(
                    "with --resume FILE a listing goes on where it stood, and nothing comes twice",
                ),
            _ => failure,
        }
    }
}

fn stopped(exit: Exit, printed: u64, until: Option<DateTime<Utc>>) -> Failure {
    let by = if exit == Exit::Terminated { "SIGTERM" } else { "Ctrl-C" };
    let rows = if printed == 1 { "row" } else { "rows" };
    let until = match until {
        Some(until) => format!(", whole up to {}", table::time(Some(until))),
        None => String::new(),
    };
    Failure::stopped(exit, format!("by {by}, after {} {rows}{until}", thousands(printed)))
}

fn short<S: Listing>(error: &ScanError, printed: u64) -> Failure {
    match error {
        ScanError::Incomplete(missing) => incomplete::<S>(missing).after_rows(printed),
        ScanError::Call(error) => Failure::call("reading the list", error).after_rows(printed),
        other => Failure::other(other.to_string()).after_rows(printed),
    }
}

fn incomplete<S: Listing>(missing: &Incomplete) -> Failure {
    let failure = Failure::incomplete(format!("{}: {missing}", S::Call::CALL));
    match missing.reason {
        Reason::DatesIgnored => {
            failure.tip("the API seems not to look at the dates that it is asked for: tell kamiPay")
        }
        _ => failure.tip(
            "rows came or went while they were read, or the API counts wrong: go on in a moment, \
             and tell kamiPay if that does not help",
        ),
    }
}

/// Why a listing ended before its end.
pub(crate) enum Cut {
    /// Somebody wanted it.
    Stop(Exit),
    /// It could not be read.
    Scan(ScanError),
    /// It could not be written.
    Output(Failure),
}

/// A scan on its way to the output.
pub(crate) struct Reading<'a, S: Listing> {
    pub(crate) rows: Rows<S>,
    /// How many rows were read in this run.
    pub(crate) read: u64,
    progress: &'a Progress,
    stop: &'a Stop,
    begun: u64,
    looked: Instant,
    kept: Instant,
    kept_windows: u64,
}

/// How often somebody who waits for an answer looks up.
const TICK: Duration = Duration::from_millis(50);
/// How often somebody who has rows to print looks up.
const LOOK: Duration = Duration::from_millis(20);

impl<'a, S: Listing> Reading<'a, S> {
    pub(crate) fn new(
        requests: &Requests,
        client: &Client,
        scan: Scan<S>,
        progress: &'a Progress,
        stop: &'a Stop,
    ) -> Self {
        let rows = client.run_scan(scan).on_threads(requests.threads);
        let begun = progress.seconds_until(rows.rest().map(|rest| rest.start()));
        let now = Instant::now();
        let kept_windows = rows.manifest().windows;
        Self { rows, read: 0, progress, stop, begun, looked: now, kept: now, kept_windows }
    }

    /// Brings out row after row. What `keep` keeps is right whenever it is called.
    pub(crate) fn print(
        &mut self,
        list: &mut List<S::Row>,
        each: &mut impl FnMut(&S::Row),
        keep: &mut impl FnMut(&Rows<S>, &mut List<S::Row>) -> Result<(), Failure>,
    ) -> Result<(), Cut> {
        keep(&self.rows, list).map_err(Cut::Output)?;
        loop {
            if let Some(exit) = self.stop.is_wanted() {
                return Err(Cut::Stop(exit));
            }
            let next = match self.rows.next_within(Duration::ZERO) {
                Ok(next) => next,
                Err(_) => {
                    // Nothing is there, so there is time.
                    list.flush().map_err(Cut::Output)?;
                    match self.rows.next_within(TICK) {
                        Ok(next) => next,
                        Err(_) => {
                            self.look_up(list, keep)?;
                            continue;
                        }
                    }
                }
            };
            match next {
                Some(Ok(row)) => {
                    each(&row);
                    list.row(&row).map_err(Cut::Output)?;
                    self.read += 1;
                    self.look_up(list, keep)?;
                }
                Some(Err(error)) => return Err(Cut::Scan(error)),
                None => return Ok(()),
            }
        }
    }

    fn look_up(
        &mut self,
        list: &mut List<S::Row>,
        keep: &mut impl FnMut(&Rows<S>, &mut List<S::Row>) -> Result<(), Failure>,
    ) -> Result<(), Cut> {
        let now = Instant::now();
        if now - self.looked < LOOK {
            return Ok(());
        }
        self.looked = now;
        let manifest = self.rows.manifest();
        let until = self.rows.rest().map(|rest| rest.start());
        self.progress.reached(until, &manifest, self.begun);
        // After each window, and where those are long, after each second.
        if manifest.windows != self.kept_windows || now - self.kept > Duration::from_secs(1) {
            (self.kept, self.kept_windows) = (now, manifest.windows);
            keep(&self.rows, list).map_err(Cut::Output)?;
        }
        Ok(())
    }
}

/// Prints the rows of a part of a scan, as `kamipay scan run` does.
pub(crate) fn print_part<S: Listing>(
    requests: &Requests,
    client: &Client,
    part: ScanState<S>,
    output: (bool, &Stop),
    before: u64,
) -> Result<u64, Failure> {
    let (quiet, stop) = output;
    let scan = requests.set(Scan::resume(part))?;
    let progress = Progress::listing(quiet, scan.what().period());
    let mut list = List::<S::Row>::new(Format::Ndjson, Lines::beside(&progress));
    let mut reading = Reading::new(requests, client, scan, &progress, stop);
    let outcome = reading.print(&mut list, &mut |_| (), &mut |_, _| Ok(()));
    progress.end();
    let printed = before + reading.read;
    match outcome {
        Ok(()) => list.finish("").map(|()| printed),
        Err(Cut::Output(failure)) => Err(failure),
        Err(cut) => {
            list.flush()?;
            let failure = match cut {
                Cut::Stop(exit) => {
                    stopped(exit, printed, reading.rows.rest().map(|rest| rest.start()))
                }
                Cut::Scan(error) => short::<S>(&error, printed),
                Cut::Output(failure) => failure,
            };
            Err(failure.tip("throw away what this run printed, and run the same lines again"))
        }
    }
}
