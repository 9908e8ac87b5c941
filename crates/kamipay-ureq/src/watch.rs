//! The wait for a payment.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::panic;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use kamipay_proto::pay_status::{End, GetPayStatus, PayStatus, Step, Watch};

use crate::client::Client;
use crate::error::{Error, ErrorKind};

/// What a [`Client`] that waits for a payment does: see [`Client::watch_with`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum WatchEvent<'a> {
    /// It asks: before each question, and every 50 ms while the answer has not come.
    Asking,
    /// It waits, with this much time left until the next question: every 50 ms.
    #[non_exhaustive]
    Waiting {
        /// Until the next question.
        left: Duration,
    },
    /// An answer came: [`Watch::last`].
    #[non_exhaustive]
    Answered {
        /// Whether its state differs from the one before.
        is_new: bool,
    },
    /// A question failed, and is asked again.
    Failed(&'a Error),
}

/// The time between two calls of a tick.
const TICK: Duration = Duration::from_millis(50);

impl Client {
    /// Waits for the end of a payment: asks, sleeps, and asks again. Calls `on_change` with each new
    /// state, and when an answer shows anything else that permission to pay again depends on. A watch
    /// that is saved there forgets nothing.
    ///
    /// ```
    /// use kamipay_ureq::proto::pay_status::{
    ///     Chain, End, GetPayStatus, PaymentTarget, Watch, WatchLimits,
    /// };
    /// # use std::time::Duration;
    /// # use kamipay_sandbox::{Sandbox, Scenario, Server};
    /// # use kamipay_ureq::Client;
    /// # let sandbox = Sandbox::documented().with_scenario(Scenario::NotFoundThenDone);
    /// # let token: kamipay_ureq::proto::AccessToken = sandbox.token().parse()?;
    /// # let server = Server::start(sandbox)?;
    /// # let client = Client::new(server.base_url().parse()?, token);
    ///
    /// let payment = PaymentTarget::external_id("not-found-then-done")?;
    /// let mut limits = WatchLimits::default();
    /// limits.time_limit = Duration::from_secs(5 * 60);
    /// # limits.first_interval = Duration::ZERO;
    /// let mut watch = Watch::new(GetPayStatus::new(payment, Chain::Polygon), limits);
    ///
    /// let end = client.watch(&mut watch, |watch| println!("{:?}", watch.last()))?;
    /// match end {
    ///     End::Done(payment) => println!("paid, receipt {:?}", payment.bank_txid),
    ///     End::Returned(_) | End::Canceled(_) => {
    ///         let permission = watch.permission_to_pay_again();
    ///     }
    ///     End::StillUnknown(evidence) => println!("do not pay again! {evidence}"),
    /// }
    /// # assert_eq!(watch.last().unwrap().state(), "done");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A question without an answer counts as a question, and the wait goes on: a question is sent
    /// once, because the watch's own intervals are the delays between attempts. A [deadline of the
    /// client](Self::until) ends the wait as *still unknown*. The same watch can then be continued.
    ///
    /// # Errors
    ///
    /// A failure that [ends the wait](Watch::is_ended_by). It says nothing about the payment.
    pub fn watch(
        &self,
        watch: &mut Watch,
        mut on_change: impl FnMut(&Watch),
    ) -> Result<End, Error> {
        let mut before = watch.evidence().facts();
        let ControlFlow::Continue(end) = self.drive::<Infallible>(watch, None, |watch, event| {
            let facts = watch.evidence().facts();
            if matches!(event, WatchEvent::Answered { is_new: true }) || facts != before {
                on_change(watch);
            }
            before = facts;
            ControlFlow::Continue(())
        });
        if watch.evidence().facts() != before {
            on_change(watch); // a failure that ended the wait
        }
        end
    }

    /// Like [`watch`](Self::watch), for a program that can be interrupted or shows progress. Calls
    /// `tick` at each [`WatchEvent`]. The wait ends when `tick` breaks, with the value that it breaks
    /// with.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use kamipay_ureq::WatchEvent;
    /// # use std::sync::atomic::{AtomicBool, Ordering};
    /// # use kamipay_ureq::proto::pay_status::{Chain, GetPayStatus, PaymentTarget, Watch, WatchLimits};
    /// # use kamipay_sandbox::{Sandbox, Server};
    /// # let sandbox = Sandbox::documented();
    /// # let token: kamipay_ureq::proto::AccessToken = sandbox.token().parse()?;
    /// # let server = Server::start(sandbox)?;
    /// # let client = kamipay_ureq::Client::new(server.base_url().parse()?, token);
    /// # let call = GetPayStatus::new(PaymentTarget::external_id("order 7")?, Chain::Polygon);
    /// # let mut watch = Watch::new(call, WatchLimits::default());
    /// # static INTERRUPTED: AtomicBool = AtomicBool::new(true); // by a handler of Ctrl-C
    ///
    /// let end = client.watch_with(&mut watch, |watch, event| {
    ///     match event {
    ///         WatchEvent::Waiting { left, .. } => println!("next question in {left:?}"),
    ///         WatchEvent::Answered { .. } => println!("{:?}", watch.last()),
    ///         WatchEvent::Failed(error) => println!("{error}"),
    ///         _ => {}
    ///     }
    ///     if INTERRUPTED.load(Ordering::Relaxed) {
    ///         return ControlFlow::Break("interrupted: do not pay again");
    ///     }
    ///     ControlFlow::Continue(())
    /// });
    /// match end {
    ///     ControlFlow::Continue(end) => println!("{:?}", end?), // as from `watch`
    ///     ControlFlow::Break(reason) => println!("{reason}"),
    /// }
    /// # assert_eq!(watch.evidence().questions, 0);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Each question is sent on a thread of its own. A break does not wait for its answer, and the
    /// watch stays as it was before the question.
    pub fn watch_with<B>(
        &self,
        watch: &mut Watch,
        tick: impl FnMut(&Watch, WatchEvent<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B, Result<End, Error>> {
        self.drive(watch, Some(TICK), tick)
    }

    /// `every` is the time between two ticks. `None` where the tick never breaks.
    fn drive<B>(
        &self,
        watch: &mut Watch,
        every: Option<Duration>,
        mut tick: impl FnMut(&Watch, WatchEvent<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B, Result<End, Error>> {
        // The time of the wall, but without its jumps.
        let (started, wall) = (self.clock().now(), self.clock().utc());
        let now = || wall + self.clock().now().saturating_duration_since(started);
        let mut doubts = self.doubts();
        loop {
            let call = match watch.step(now()) {
                Step::Over(end) => return ControlFlow::Continue(Ok(end)),
                Step::Send(call) => call.clone(),
                Step::Wait(time) => {
                    if self.left().is_some_and(|left| left <= time) {
                        let evidence = watch.evidence().clone();
                        return ControlFlow::Continue(Ok(End::StillUnknown(evidence)));
                    }
                    let tick = |left| tick(watch, WatchEvent::Waiting { left });
                    self.pause(time, every, tick)?;
                    continue;
                }
            };
            let outcome = self.ask(call, every, || tick(watch, WatchEvent::Asking))?;
            // Also of a login by another thread between two questions.
            if doubts != self.doubts() {
                doubts = self.doubts();
                watch.lost();
            }
            let event = match outcome {
                Ok(status) => {
                    let is_new = watch.answered(status, now(), self.clock().random());
                    tick(watch, WatchEvent::Answered { is_new })
                }
                Err(error) if matches!(error.kind(), ErrorKind::TimeIsUp) => {
                    let evidence = watch.evidence().clone();
                    return ControlFlow::Continue(Ok(End::StillUnknown(evidence)));
                }
                Err(error) => {
                    // Also where it ends the wait: the same watch can be continued.
                    match error.kind() {
                        ErrorKind::Answer(answer) => watch.unreadable(answer),
                        kind if kind.may_show_funds() => watch.lost(),
                        _ => {}
                    }
                    if watch.is_ended_by(error.cause()) {
                        return ControlFlow::Continue(Err(error));
                    }
                    let retry_after = error.retry_after();
                    watch.failed(error.with_causes(), retry_after, now(), self.clock().random());
                    tick(watch, WatchEvent::Failed(&error))
                }
            };
            event?;
        }
    }

    fn pause<B>(
        &self,
        time: Duration,
        every: Option<Duration>,
        mut tick: impl FnMut(Duration) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let started = self.clock().now();
        loop {
            let left = time.saturating_sub(self.clock().now().saturating_duration_since(started));
            if left.is_zero() {
                return ControlFlow::Continue(());
            }
            tick(left)?;
            self.clock().sleep(every.map_or(left, |every| every.min(left)));
        }
    }

    fn ask<B>(
        &self,
        call: GetPayStatus,
        every: Option<Duration>,
        mut tick: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B, Result<PayStatus, Error>> {
        tick()?;
        let Some(every) = every else {
            return ControlFlow::Continue(self.send_once(&call));
        };
        let (sender, answer) = mpsc::channel();
        let (client, question) = (self.clone(), call.clone());
        let send = move || _ = sender.send(client.send_once(&question));
        let Ok(thread) = thread::Builder::new().spawn(send) else {
            return ControlFlow::Continue(self.send_once(&call)); // no thread is left
        };
        loop {
            match answer.recv_timeout(every) {
                Ok(answer) => return ControlFlow::Continue(answer),
                Err(RecvTimeoutError::Timeout) => tick()?,
                Err(RecvTimeoutError::Disconnected) => {
                    let panic = thread.join().expect_err("it ended without sending");
                    panic::resume_unwind(panic);
                }
            }
        }
    }

    /// Until the client's deadline. `None` where it has none.
    fn left(&self) -> Option<Duration> {
        let deadline = self.deadline()?;
        Some(deadline.saturating_duration_since(self.clock().now()))
    }
}

#[cfg(test)]
mod tests;
