use std::num::NonZero;
use std::time::{Duration, Instant};

use clap::Args;
use kamipay_ureq::proto::Period;
use kamipay_ureq::proto::scan::{Manifest, Scan, ScanState};
use kamipay_ureq::{Client, Rows};

use super::Listing;
use crate::exit::Failure;
use crate::progress::Progress;
use crate::stop::Stop;

/// How a scan is read.
#[derive(Args)]
pub(crate) struct Requests {
    /// Number of requests at a time, 1 to 64; the rows and their order are the same
    #[arg(long, value_name = "N", default_value = "1", allow_hyphen_values = true)]
    #[arg(value_parser = threads)]
    threads: NonZero<usize>,
    /// Maximum rows per request; default: as many as the API allows
    ///
    /// It also limits memory: about four pages are held per request.
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
    /// Sets the page size of a scan.
    pub(crate) fn set<S: Listing>(&self, scan: Scan<S>) -> Result<Scan<S>, Failure> {
        let Some(rows) = self.page_size else { return Ok(scan) };
        if !S::HAS_PAGES {
            return Err(Failure::usage(format!(
                "--page-size: the API returns {} without pages, a whole window at once",
                S::NAME
            )));
        }
        scan.with_page_size(rows).map_err(|error| Failure::usage(format!("--page-size: {error}")))
    }
}

/// The scan that is being read.
pub(crate) struct Reading<'a, S: Listing> {
    rows: Rows<S>,
    /// How many rows were read in this run.
    read: u64,
    /// Whether nothing was there at the last look.
    is_idle: bool,
    progress: &'a Progress,
    stop: &'a Stop,
    begun: u64,
    looked: Instant,
    saved: Instant,
    saved_windows: u64,
}

/// What comes next from a scan.
pub(crate) enum Next<R> {
    Row(R),
    /// Nothing yet.
    Idle,
    End,
}

/// How long to wait for a row before looking for a signal.
const TICK: Duration = Duration::from_millis(50);
/// How often the progress is shown while rows come.
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
        Self {
            begun: progress.seconds_until(rows.rest().map(|rest| rest.start())),
            saved_windows: rows.manifest().windows,
            rows,
            read: 0,
            is_idle: false,
            progress,
            stop,
            looked: Instant::now(),
            saved: Instant::now(),
        }
    }

    /// The next row, waiting for it where the last look found nothing.
    ///
    /// # Errors
    ///
    /// If a signal asks the program to stop, or the scan fails.
    pub(crate) fn next(&mut self) -> Result<Next<S::Row>, Failure> {
        if let Some(exit) = self.stop.is_wanted() {
            return Err(Failure::interrupted(exit));
        }
        let next = self.rows.next_within(if self.is_idle { TICK } else { Duration::ZERO });
        self.is_idle = next.is_err();
        match next {
            Ok(Some(Ok(row))) => {
                self.read += 1;
                Ok(Next::Row(row))
            }
            Ok(Some(Err(error))) => Err(Failure::scan(&format!("listing {}", S::NAME), &error)),
            Ok(None) => Ok(Next::End),
            Err(_) => Ok(Next::Idle),
        }
    }

    /// Shows the progress. Whether it is time to save the state: after each window, and after each
    /// second in a long one.
    pub(crate) fn is_save_due(&mut self) -> bool {
        let now = Instant::now();
        if now - self.looked < LOOK {
            return false;
        }
        self.looked = now;
        let manifest = self.rows.manifest();
        self.progress.reached(self.rest().map(|rest| rest.start()), &manifest, self.begun);
        let is_due =
            manifest.windows != self.saved_windows || now - self.saved > Duration::from_secs(1);
        if is_due {
            (self.saved, self.saved_windows) = (now, manifest.windows);
        }
        is_due
    }

    /// How many rows were read in this run.
    pub(crate) fn read(&self) -> u64 {
        self.read
    }

    /// What of the period is left to read.
    pub(crate) fn rest(&self) -> Option<Period> {
        self.rows.rest()
    }

    /// The state after the last row.
    pub(crate) fn state(&self) -> ScanState<S> {
        self.rows.state()
    }

    /// What to know about a complete listing.
    pub(crate) fn notes(&self) -> Vec<String> {
        let Manifest { outside, changed, .. } = self.rows.manifest();
        let were = |n: u64| if n == 1 { "1 row was".to_owned() } else { format!("{n} rows were") };
        let outside = (outside > 0).then(|| {
            format!(
                "{} listed for another time than the one shown: the API goes by another time, so \
                 days may not add up",
                were(outside)
            )
        });
        let changed = (changed > 0).then(|| {
            format!(
                "{} in flight, and got a time or another amount meanwhile: shown as it was first",
                were(changed)
            )
        });
        outside.into_iter().chain(changed).collect()
    }
}
