//! Whole listings: read by a scan, printed as they come, and gone on with where they stopped.

mod kinds;
mod out;
mod saved;

use std::io::Write as _;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, SubsecRound as _, Utc};
use clap::Args;
use kamipay_ureq::proto::Period;
use kamipay_ureq::proto::scan::{Manifest, Scan, ScanState};
use kamipay_ureq::{Client, Rows, ScanError};

pub(crate) use self::kinds::{Listing, Plan};
pub(crate) use self::out::OutFile;
use self::out::{StandardOutput, place};
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
    /// to a file, because only there it is sure that they arrived: --out, or standard output that
    /// is appended to a file (>> ROWS; with systemd StandardOutput=append:, not truncate:). Each
    /// row is there once, also after a kill or a full disk; a file that was changed meanwhile is
    /// refused.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Write the rows to FILE, in place of standard output: ndjson unless --output csv
    ///
    /// Without --resume, FILE must not have anything in it. With it, FILE is cut back to what the
    /// state knows, which is said on standard error, and rows are appended. FILE is for one run at
    /// a time.
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
        let Begun { scan, kept, out, is_new } = self.begin(what, format, output, connection)?;
        let has_header = scan.manifest().rows > 0 || out.as_ref().is_some_and(OutFile::is_begun);
        let progress = Progress::listing(output.is_quiet(), period);
        let lines = out.map_or_else(|| Lines::beside(&progress), Lines::to_file);
        let mut list = List::new(format, lines.for_output(output));
        if !has_header {
            list.header()?;
        }
        let keep = |state, list: &mut List<S::Row>, ended| {
            list.flush()?;
            let out = list.lines().file();
            match (&kept, out) {
                (Some(kept), Some(out)) => kept.save(state, out, ended),
                (None, Some(out)) if ended => out.settle(),
                _ => Ok(()),
            }
        };
        if !is_new && scan.state().is_done {
            if !has_header {
                keep(scan.state(), &mut list, true)?;
            }
            progress.end();
            output.note(&format!(
                "the listing is whole, with {} rows; to read it again, remove the file of --resume",
                thousands(scan.manifest().rows),
            ));
            return Ok(false);
        }

        let stop = Stop::on_signals()?;
        let mut reading = Reading::new(&self.requests, &client, scan, &progress, &stop);
        let mut on_the_way = |rows: &Rows<S>, list: &mut _| match kept {
            Some(_) => keep(rows.state(), list, false),
            None => Ok(()),
        };
        let outcome = reading.print(&mut list, &mut each, &mut on_the_way);
        progress.end();
        match outcome {
            Ok(()) => {
                list.finish(&words(reading.read))?;
                keep(reading.rows.state(), &mut list, true)?;
                for note in notes(&reading.rows.manifest()) {
                    output.note(&note);
                }
                Ok(is_new)
            }
            Err(Cut::Output(failure)) => Err(self.the_same_again(failure)),
            Err(cut) => {
                keep(reading.rows.state(), &mut list, true)?;
                let rows = list.lines().file().map_or_else(printed, OutFile::what);
                let failure = cut.words(&reading, list.printed(), &rows);
                Err(self.how_to_go_on(failure, &reading, &list, format))
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
        match self.resume {
            Some(_) => check_is_over(period, SystemTime::now().into()),
            None => Ok(()),
        }
    }

    /// Where the listing begins, or goes on. Nothing is written before all of it fits together.
    fn begin<S: Listing>(
        &self,
        what: S,
        format: Format,
        output: Output,
        connection: &Connection,
    ) -> Result<Begun<S>, Failure> {
        let scan = self.requests.set(Scan::new(what.clone()))?;
        let scan = match self.look_back {
            Some(length) => scan.with_look_back(length),
            None => scan,
        };
        let Some(state) = &self.resume else {
            let out = self.out.as_deref().map(|path| OutFile::open(path)?.begin()).transpose()?;
            return Ok(Begun { scan, kept: None, out, is_new: true });
        };
        let printed = self.check_places(state)?;
        let store = Store::lock(state)?;
        let as_what = (format, output.is_for_spreadsheet());
        let account = connection.account()?;
        let mut fresh = Saved::new(what, account, as_what, self.look_back, scan.state());
        let saved = store.load(&fresh)?;
        if let Some(saved) = &saved {
            fresh.keep_username_of(saved);
            self.check_way(saved)?;
        }
        let is_new = saved.is_none();
        let open = || match (&self.out, printed) {
            (_, Some(printed)) => printed.lock(),
            (Some(path), None) => OutFile::open(path),
            (None, None) => Err(no_file()),
        };
        let (scan, out) = match saved {
            Some(saved) => {
                let out = open()?.go_on(&saved.out, &saved.state, format, output)?;
                (self.requests.set(Scan::resume(saved.state))?, out)
            }
            None => (scan, open()?.begin()?),
        };
        let kept = Kept { store, fresh };
        if is_new || !scan.state().is_done {
            // Before the first line: killed in between, the next run knows whose the file is.
            kept.save(scan.state(), &out, false)?;
        }
        Ok(Begun { scan, kept: Some(kept), out: Some(out), is_new })
    }

    /// Rows and state go to different files. Returns standard output's, where the rows go there.
    fn check_places(&self, state: &Path) -> Result<Option<StandardOutput>, Failure> {
        let names = Store::names(state);
        let (printed, is_taken) = match &self.out {
            Some(out) => (None, names.iter().any(|name| place(name) == place(out))),
            None => {
                let printed = OutFile::standard_output().ok_or_else(no_file)?;
                let is_taken = names.iter().any(|name| printed.is_at(name));
                (Some(printed), is_taken)
            }
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
        Ok(printed)
    }

    /// The rows go where they went before.
    fn check_way<S: Listing>(&self, saved: &Saved<S>) -> Result<(), Failure> {
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
            (Some(_), _) => self.the_same_again(failure),
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

    fn the_same_again(&self, failure: Failure) -> Failure {
        let Some(path) = &self.resume else { return failure };
        failure.tip(format!(
            "to go on, give the same command again: {} holds where it stands",
            path.display()
        ))
    }
}

/// A listing that can be read.
struct Begun<S: Listing> {
    scan: Scan<S>,
    kept: Option<Kept<S>>,
    out: Option<OutFile>,
    /// Whether no run before this one read of it.
    is_new: bool,
}

/// Where it is kept how far a listing is.
struct Kept<S: Listing> {
    store: Store,
    fresh: Saved<S>,
}

impl<S: Listing> Kept<S> {
    /// In this order: a state never says more than is on the disk.
    fn save(&self, state: ScanState<S>, out: &OutFile, ended: bool) -> Result<(), Failure> {
        out.settle()?;
        self.store.save(&self.fresh.at(state, out.mark(ended)))
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

fn no_file() -> Failure {
    Failure::usage(
        "--resume: standard output is not a file that can be read back, so nobody knows which rows \
         arrived",
    )
    .tip("give --out FILE, or append standard output to a file: >> FILE")
}

fn printed() -> String {
    "that were printed".to_owned()
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
    /// What is said of it, after so many rows were printed. `what` says which rows.
    fn words<S: Listing>(self, reading: &Reading<S>, printed: u64, what: &str) -> Failure {
        match self {
            Self::Output(failure) => failure,
            Self::Scan(error) => {
                Failure::scan(&format!("listing {}", S::NAME), &error).after_rows(printed, what)
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

fn note_of_line(line: usize, note: &str) {
    let note = format!("note: line {line}: {note}\n");
    let _ = anstream::stderr().write_all(note.as_bytes());
}

/// What a user should know of a listing that is whole.
fn notes(manifest: &Manifest) -> Vec<String> {
    let were = |n: u64| if n == 1 { "1 row was".to_owned() } else { format!("{n} rows were") };
    let mut notes = Vec::new();
    if manifest.outside > 0 {
        notes.push(format!(
            "{} listed for another time than the one shown: the API goes by another time, so days \
             may not add up",
            were(manifest.outside)
        ));
    }
    if manifest.changed > 0 {
        notes.push(format!(
            "{} in flight, and got a time or another amount meanwhile: shown as it was first",
            were(manifest.changed)
        ));
    }
    notes
}

/// Parts of scans, printed one after the other, as `kamipay scan run` does.
pub(crate) struct Parts<'a> {
    pub(crate) requests: &'a Requests,
    pub(crate) client: &'a Client,
    pub(crate) quiet: bool,
    pub(crate) stop: &'a Stop,
    /// The rows of all parts so far.
    pub(crate) printed: u64,
}

impl Parts<'_> {
    /// Prints the rows of a part, which is this line of the plan.
    pub(crate) fn print<S: Listing>(
        &mut self,
        line: usize,
        part: ScanState<S>,
    ) -> Result<(), Failure> {
        let scan = self.requests.set(Scan::resume(part))?;
        let progress = Progress::listing(self.quiet, scan.what().period());
        let mut list = List::<S::Row>::new(Format::Ndjson, Lines::beside(&progress));
        let mut reading = Reading::new(self.requests, self.client, scan, &progress, self.stop);
        let outcome = reading.print(&mut list, &mut |_| (), &mut |_, _| Ok(()));
        progress.end();
        let whole = self.printed;
        self.printed += reading.read;
        let failure = match outcome {
            Ok(()) => match list.finish("") {
                Ok(()) => {
                    for note in notes(&reading.rows.manifest()).iter().filter(|_| !self.quiet) {
                        note_of_line(line, note);
                    }
                    return Ok(());
                }
                Err(failure) => failure,
            },
            Err(Cut::Output(failure)) => failure,
            Err(cut) => {
                list.flush()?;
                cut.words(&reading, self.printed, &printed())
            }
        };
        let failure = failure.at(&format!("line {line}"));
        Err(if whole == 0 {
            failure.tip("throw away what this run printed, and run the same lines again")
        } else {
            failure.tip(format!(
                "the first {whole} rows are whole, those of the lines before {line}: keep them \
                 (head -n {whole}), and run the lines from {line} on again (tail -n +{line})"
            ))
        })
    }
}
