//! Whole listings: read by a scan, printed as they come, and gone on with where they stopped.

mod kinds;
mod out;
mod saved;

use std::fs::File;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, SubsecRound as _, Utc};
use clap::Args;
use kamipay_ureq::proto::Period;
use kamipay_ureq::proto::scan::{Scan, ScanState};
use kamipay_ureq::{Client, Rows, ScanError};

pub(crate) use self::kinds::{Listing, Plan};
pub(crate) use self::out::OutFile;
use self::out::{is_at, place, standard_output, to_its_end};
use self::saved::{Saved, Store};
use crate::connection::Connection;
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
    /// is nothing left. FILE belongs to one command, base URL and user name.
    ///
    /// The period has to be over: what is whole now would not be whole later. The rows have to go
    /// to a file, because only there it is sure that they arrived: --out, where each row is there
    /// once in any case, or standard output that is appended to a file (>> ROWS; with systemd
    /// StandardOutput=append:, not truncate:), where the rows of the last second may come twice
    /// after a kill (SIGKILL), but not after Ctrl-C or an error.
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
        connection: &Connection,
        mut each: impl FnMut(&S::Row),
        words: impl FnOnce(u64) -> String,
    ) -> Result<bool, Failure> {
        let client = connection.client()?;
        let format = self.format(output)?;
        let period = what.period();
        self.check(period)?;
        let Begun { scan, kept, out, is_new, has_header } = self.begin(what, format, connection)?;
        let progress = Progress::listing(output.is_quiet(), period);
        let lines = out.map_or_else(|| Lines::beside(&progress), Lines::to_file);
        let mut list = List::new(format, lines);
        if !has_header {
            list.header()?;
        }
        if !is_new && scan.state().is_done {
            list.flush()?;
            progress.end();
            output.note(&format!(
                "the listing is whole, with {} rows; to read it again, remove the file of --resume",
                thousands(scan.manifest().rows),
            ));
            return Ok(false);
        }

        let mut keep = |rows: &Rows<S>, list: &mut List<S::Row>| match &kept {
            Some(kept) => {
                list.flush()?;
                kept.save(rows.state(), list.lines().file())
            }
            None => Ok(()),
        };
        let stop = Stop::on_signals()?;
        let mut reading = Reading::new(&self.requests, &client, scan, &progress, &stop);
        let outcome = reading.print(&mut list, &mut each, &mut keep);
        progress.end();
        match outcome {
            Ok(()) => {
                list.finish(&words(reading.read))?;
                keep(&reading.rows, &mut list)?;
                Ok(is_new)
            }
            Err(Cut::Output(failure)) => Err(failure),
            Err(cut) => {
                keep(&reading.rows, &mut list)?;
                list.flush()?;
                Err(self.how_to_go_on(cut.words(&reading, list.printed()), &reading, &list, format))
            }
        }
    }

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
        let Some(state) = &self.resume else { return Ok(()) };
        check_is_over(period, SystemTime::now().into())?;
        let names = Store::names(state);
        let is_taken = match (&self.out, standard_output()) {
            (Some(out), _) => names.iter().any(|name| place(name) == place(out)),
            (None, Some(file)) => names.iter().any(|name| is_at(&file, name) == Some(true)),
            (None, None) => return Err(no_file()),
        };
        if is_taken {
            return Err(Failure::usage(
                "the rows and the state of --resume would go to the same file",
            )
            .tip(format!(
                "the state also needs {} and {}",
                names[1].display(),
                names[2].display()
            )));
        }
        Ok(())
    }

    /// Where the listing begins, or goes on. Nothing is written before all of it fits together.
    fn begin<S: Listing>(
        &self,
        what: S,
        format: Format,
        connection: &Connection,
    ) -> Result<Begun<S>, Failure> {
        let scan = self.requests.set(Scan::new(what.clone()))?;
        let scan = match self.look_back {
            Some(length) => scan.with_look_back(length),
            None => scan,
        };
        let Some(path) = &self.resume else {
            let out = self.out.as_deref().map(OutFile::new).transpose()?;
            return Ok(Begun { scan, kept: None, out, is_new: true, has_header: false });
        };
        let store = Store::lock(path)?;
        let mut fresh =
            Saved::new(what, connection.account()?, format, self.look_back, scan.state());
        let saved = store.load(&fresh)?;
        if let Some(saved) = &saved {
            fresh.keep_username_of(saved);
        }
        let out = self.open_out(saved.as_ref())?;
        let printed = if out.is_none() { standard_output() } else { None };
        let bytes = printed.as_ref().map(to_its_end).transpose()?;
        let has_header = match (&saved, bytes) {
            (Some(saved), Some(bytes)) => is_appended(saved, bytes)?,
            // Killed before the first line was known to be in the file, it is not.
            (Some(saved), None) => saved.is_begun(),
            (None, _) => false,
        };
        let is_new = saved.is_none();
        let scan = match saved {
            Some(saved) => self.requests.set(Scan::resume(saved.state))?,
            None => scan,
        };
        let kept = Kept { store, fresh, printed };
        if is_new && out.is_some() {
            // Before the first line: killed in between, the next run knows whose the file is.
            kept.save(scan.state(), out.as_ref())?;
        }
        Ok(Begun { scan, kept: Some(kept), out, is_new, has_header })
    }

    fn open_out<S: Listing>(&self, saved: Option<&Saved<S>>) -> Result<Option<OutFile>, Failure> {
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
            (Some(path), None) => OutFile::new(path).map(Some),
        }
    }

    fn how_to_go_on<S: Listing>(
        &self,
        failure: Failure,
        reading: &Reading<S>,
        list: &List<S::Row>,
        format: Format,
    ) -> Failure {
        let failure = match format {
            Format::Json | Format::Table => {
                failure.tip("nothing was printed: this format is printed when the listing is whole")
            }
            _ => failure,
        };
        match (&self.resume, reading.rows.rest()) {
            (Some(path), _) => failure.tip(format!(
                "to go on, give the same command again: {} holds where it stands",
                path.display()
            )),
            (None, Some(rest)) if list.printed() > 0 && !rest.is_empty() => failure
                .tip(format!(
                    "all rows before {0} are there; --from {0} reads the rest, and rows from then \
                     on may come again",
                    table::time(Some(rest.start()))
                ))
                .tip(
                    "with --resume FILE a listing goes on where it stood, and nothing comes twice",
                ),
            _ => failure,
        }
    }
}

/// A listing that can be read.
struct Begun<S: Listing> {
    scan: Scan<S>,
    kept: Option<Kept<S>>,
    out: Option<OutFile>,
    /// Whether no run before this one read of it.
    is_new: bool,
    /// Whether lines were written before, the header among them.
    has_header: bool,
}

/// Where it is kept how far a listing is.
struct Kept<S: Listing> {
    store: Store,
    fresh: Saved<S>,
    /// Standard output, where the rows go there.
    printed: Option<File>,
}

impl<S: Listing> Kept<S> {
    fn save(&self, state: ScanState<S>, out: Option<&OutFile>) -> Result<(), Failure> {
        let printed = self.printed.as_ref().map(to_its_end).transpose()?;
        self.store.save(&self.fresh.at(state, out, printed))
    }
}

/// A state that says "whole" stays so, and what is booked after today would never be read.
fn check_is_over(period: Option<Period>, now: DateTime<Utc>) -> Result<(), Failure> {
    let Some(end) = period.map(|period| period.end()).filter(|end| *end > now) else {
        return Ok(());
    };
    let [end, now] = [end, now.trunc_subsecs(0)].map(|time| table::time(Some(time)));
    Err(Failure::usage(format!(
        "--resume: the period ends at {end}, which is still to come, and what comes until then \
         would never be read"
    ))
    .tip(format!("give a --to that is over, such as --to {now}"))
    .tip("without --resume the period may end when it likes"))
}

/// Whether standard output's file still has what was written to it before. A shell's `>` in place of
/// `>>` empties it, which is no loss as long as there were no rows.
fn is_appended<S: Listing>(saved: &Saved<S>, bytes: u64) -> Result<bool, Failure> {
    let (before, rows) = (saved.printed.unwrap_or_default(), saved.state.manifest.rows);
    if bytes >= before || rows == 0 {
        return Ok(bytes >= before);
    }
    Err(Failure::usage(format!(
        "--resume: {} rows were written before, and standard output is a file with {} bytes, which \
         had {} when the state was saved",
        thousands(rows),
        thousands(bytes),
        thousands(before)
    ))
    .tip("append to the file that they are in: >> FILE")
    .tip("if they are lost, remove the file of --resume, and all are read again"))
}

fn no_file() -> Failure {
    Failure::usage("--resume: standard output is not a file, so nobody knows which rows arrived")
        .tip("give --out FILE, or append standard output to a file: >> FILE")
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

impl Cut {
    /// What is said of it, after so many rows were printed.
    fn words<S: Listing>(self, reading: &Reading<S>, printed: u64) -> Failure {
        match self {
            Self::Output(failure) => failure,
            Self::Scan(error) => {
                Failure::scan(&format!("listing {}", S::NAME), &error).after_rows(printed)
            }
            Self::Stop(exit) => {
                let rows = if printed == 1 { "row" } else { "rows" };
                let rest = reading.rows.rest();
                let until = rest.map(|rest| table::time(Some(rest.start())));
                let until = until.map(|until| format!(", whole up to {until}")).unwrap_or_default();
                Failure::stopped(exit, format!("after {} {rows}{until}", thousands(printed)))
            }
        }
    }
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

/// Parts of scans, printed one after the other, as `kamipay scan run` does.
pub(crate) struct Parts<'a> {
    pub(crate) requests: &'a Requests,
    pub(crate) client: &'a Client,
    pub(crate) quiet: bool,
    pub(crate) stop: &'a Stop,
    pub(crate) printed: u64,
}

impl Parts<'_> {
    /// Prints the rows of a part.
    pub(crate) fn print<S: Listing>(&mut self, part: ScanState<S>) -> Result<(), Failure> {
        let scan = self.requests.set(Scan::resume(part))?;
        let progress = Progress::listing(self.quiet, scan.what().period());
        let mut list = List::<S::Row>::new(Format::Ndjson, Lines::beside(&progress));
        let mut reading = Reading::new(self.requests, self.client, scan, &progress, self.stop);
        let outcome = reading.print(&mut list, &mut |_| (), &mut |_, _| Ok(()));
        progress.end();
        self.printed += reading.read;
        match outcome {
            Ok(()) => list.finish(""),
            Err(Cut::Output(failure)) => Err(failure),
            Err(cut) => {
                list.flush()?;
                let failure = cut.words(&reading, self.printed);
                Err(failure.tip("throw away what this run printed, and run the same lines again"))
            }
        }
    }
}
