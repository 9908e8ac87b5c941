use std::fmt;
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kamipay_proto::Period;
use kamipay_proto::scan::{
    Delivery, Incomplete, Manifest, Scan, ScanRequest, ScanRow, ScanState, Scannable,
};

use crate::{Client, Error};

impl Client {
    /// Reads a whole listing lazily: each row once, or an error that says what is missing.
    ///
    /// ```
    /// use kamipay_ureq::proto::{Period, lots::ScanLots};
    /// # use kamipay_ureq::{Client, Credentials};
    /// # let sandbox = kamipay_sandbox::Sandbox::generated(kamipay_sandbox::Generated::new(7));
    /// # let token = sandbox.token().parse()?;
    /// # let server = kamipay_sandbox::Server::start(sandbox)?;
    /// # let client = Client::new(server.base_url().parse()?, Credentials::token(token));
    ///
    /// let year = Period::parse("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")?;
    /// let mut lots = client.scan(ScanLots::new(year));
    /// for lot in &mut lots {
    ///     let lot = lot?; // an error ends the scan: what came before it is not the whole
    ///     println!("{} {} USDT", lot.lot_id, lot.usdt_amount);
    /// }
    /// println!("{}", lots.manifest());
    /// # assert!(lots.manifest().rows > 0);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn scan<S: Scannable>(&self, what: S) -> Rows<S> {
        self.run_scan(Scan::new(what))
    }

    /// Reads the rest of a scan from its state.
    pub fn resume_scan<S: Scannable>(&self, state: ScanState<S>) -> Rows<S> {
        self.run_scan(Scan::resume(state))
    }

    /// Reads a scan with its own settings.
    pub fn run_scan<S: Scannable>(&self, scan: Scan<S>) -> Rows<S> {
        let work =
            Work { scan, failure: None, is_over: false, has_ended: false, has_panicked: false };
        let (client, work) = (self.clone(), Mutex::new(work));
        let shared = Arc::new(Shared { client, work, changed: Condvar::new() });
        Rows { shared, threads: Vec::new() }
    }
}

/// The rows of a scan, oldest first. An iterator that reads them as it goes.
///
/// It ends after an error. [`state`](Self::state) says where to continue.
#[must_use = "nothing is read until rows are asked for"]
pub struct Rows<S: Scannable> {
    shared: Arc<Shared<S>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared<S: Scannable> {
    client: Client,
    work: Mutex<Work<S>>,
    changed: Condvar,
}

struct Work<S: Scannable> {
    scan: Scan<S>,
    failure: Option<Error>,
    /// No further request is sent.
    is_over: bool,
    /// No further row is returned.
    has_ended: bool,
    has_panicked: bool,
}

impl<S: Scannable> Rows<S> {
    /// Prefetches on `threads` threads, one request each. Rows and their order stay the same.
    ///
    /// A thread ends with the rows or the iterator, after the request that it waits for. Where the
    /// machine has too few threads left, fewer threads read, or the calling one does.
    pub fn on_threads(mut self, threads: NonZero<usize>) -> Self
    where
        S: Send + 'static,
        S::Row: Send,
        <S::Row as ScanRow>::Key: Send,
    {
        // For each thread, a window that it reads and one that waits to be returned.
        self.shared.lock().scan.raise_look_ahead(threads.get().saturating_mul(2));
        self.threads.extend((0..threads.get()).map_while(|_| {
            let shared = Arc::clone(&self.shared);
            thread::Builder::new().spawn(move || shared.read_ahead()).ok()
        }));
        self
    }

    /// What was read so far. After the last row, the whole.
    pub fn manifest(&self) -> Manifest {
        self.shared.lock().scan.manifest().clone()
    }

    /// The part of the period without returned rows. `None` for a listing without a period.
    pub fn rest(&self) -> Option<Period> {
        self.shared.lock().scan.rest()
    }

    /// The state after the last returned row, for [`Client::resume_scan`].
    pub fn state(&self) -> ScanState<S> {
        self.shared.lock().scan.state()
    }

    /// The next row, if it comes within `patience`: for a program that can be interrupted.
    ///
    /// Needs [`on_threads`](Self::on_threads). Without threads it is [`next`](Self::next), and takes
    /// as long as a call.
    ///
    /// ```
    /// # use kamipay_ureq::proto::{Period, lots::ScanLots};
    /// # use kamipay_ureq::{Client, Credentials};
    /// # let sandbox = kamipay_sandbox::Sandbox::generated(kamipay_sandbox::Generated::new(7));
    /// # let token = sandbox.token().parse()?;
    /// # let server = kamipay_sandbox::Server::start(sandbox)?;
    /// # let client = Client::new(server.base_url().parse()?, Credentials::token(token));
    /// # let year = Period::parse("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")?;
    /// use std::num::NonZero;
    /// use std::time::Duration;
    ///
    /// let mut lots = client.scan(ScanLots::new(year)).on_threads(NonZero::<usize>::MIN);
    /// let mut ids = Vec::new();
    /// loop {
    ///     match lots.next_within(Duration::from_millis(50)) {
    ///         Ok(Some(lot)) => ids.push(lot?.lot_id),
    ///         Ok(None) => break,
    ///         Err(_not_yet) => println!("{} so far", lots.manifest()), // or stop here
    ///     }
    /// }
    /// # assert_eq!(ids.len() as u64, lots.manifest().rows);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If no row came in time. The scan goes on.
    pub fn next_within(
        &mut self,
        patience: Duration,
    ) -> Result<Option<Result<S::Row, ScanError>>, NotYet> {
        // A time beyond the clock's range is not a deadline.
        self.next_by(Instant::now().checked_add(patience))
    }

    fn next_by(
        &self,
        deadline: Option<Instant>,
    ) -> Result<Option<Result<S::Row, ScanError>>, NotYet> {
        let mut work = self.shared.lock();
        loop {
            if work.has_ended {
                return Ok(None);
            }
            match work.scan.delivery() {
                Delivery::Row(row) => return Ok(Some(Ok(row))),
                Delivery::Incomplete(missing) => {
                    self.end(work);
                    return Ok(Some(Err(ScanError::Incomplete(missing))));
                }
                Delivery::Waiting => {
                    if let Some(error) = work.failure.take() {
                        self.end(work);
                        return Ok(Some(Err(ScanError::Call(error))));
                    }
                    assert!(!work.has_panicked, "a thread of the scan panicked");
                    work = self.go_on(work, deadline)?;
                }
                _ => {
                    self.end(work);
                    return Ok(None);
                }
            }
        }
    }

    /// Nothing follows, whatever the threads still get.
    fn end(&self, mut work: MutexGuard<'_, Work<S>>) {
        work.has_ended = true;
        work.is_over = true;
        self.shared.changed.notify_all();
    }

    /// Waits for the threads, or reads on this one.
    fn go_on<'a>(
        &'a self,
        mut work: MutexGuard<'a, Work<S>>,
        deadline: Option<Instant>,
    ) -> Result<MutexGuard<'a, Work<S>>, NotYet> {
        if self.threads.is_empty() {
            return Ok(match work.scan.request() {
                Some(request) => self.shared.ask(work, request),
                None => work, // unreachable: without a request on its way there is one to send
            });
        }
        let changed = &self.shared.changed;
        // A returned row made room: idle threads may have a request to send.
        changed.notify_all();
        let Some(deadline) = deadline else {
            return Ok(changed.wait(work).unwrap_or_else(PoisonError::into_inner));
        };
        let patience = deadline.saturating_duration_since(Instant::now());
        if patience.is_zero() {
            return Err(NotYet);
        }
        let woken = changed.wait_timeout(work, patience);
        Ok(woken.unwrap_or_else(PoisonError::into_inner).0)
    }
}

impl<S: Scannable> Iterator for Rows<S> {
    type Item = Result<S::Row, ScanError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_by(None).unwrap_or(None) // without a deadline, it always comes in time
    }
}

impl<S: Scannable> std::iter::FusedIterator for Rows<S> {}

impl<S: Scannable> Drop for Rows<S> {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.changed.notify_all();
    }
}

impl<S: Scannable> fmt::Debug for Rows<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("rest", &self.rest())
            .field("manifest", &self.manifest())
            .field("threads", &self.threads.len())
            .finish_non_exhaustive()
    }
}

impl<S: Scannable> Shared<S> {
    /// Sends requests until the end of the scan. The body of a thread.
    fn read_ahead(&self) {
        let _alarm = Alarm(self);
        let mut work = self.lock();
        while !work.is_over {
            work = match work.scan.request() {
                Some(request) => self.ask(work, request),
                None => self.changed.wait(work).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn ask<'a>(
        &'a self,
        work: MutexGuard<'a, Work<S>>,
        request: ScanRequest<S::Call>,
    ) -> MutexGuard<'a, Work<S>> {
        drop(work);
        if request.on_fresh_connection {
            self.client.drop_connections();
        }
        let outcome = self.client.send(&request.call);
        let mut work = self.lock();
        match outcome {
            Ok(output) => work.scan.answer(request.ticket, output),
            Err(error) => {
                work.scan.give_back(request.ticket);
                work.failure.get_or_insert(error);
                work.is_over = true;
            }
        }
        self.changed.notify_all();
        work
    }

    fn lock(&self) -> MutexGuard<'_, Work<S>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reports a thread that panicked, so that nothing waits for its answer.
struct Alarm<'a, S: Scannable>(&'a Shared<S>);

impl<S: Scannable> Drop for Alarm<'_, S> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().has_panicked = true;
            self.0.changed.notify_all();
        }
    }
}

/// Why a scan ended early. The rows before it are right, but not all.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// A call failed. The scan can be resumed from [`Rows::state`].
    #[error(transparent)]
    Call(Error),
    /// The API's answers contradict each other, even when read again.
    #[error(transparent)]
    Incomplete(Box<Incomplete>),
}

kamipay_proto::debug_as_text!(ScanError);

/// No row came in time. See [`Rows::next_within`].
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no row came in time")]
#[non_exhaustive]
pub struct NotYet;

kamipay_proto::debug_as_text!(NotYet);

#[cfg(test)]
mod tests;
