use std::time::Duration;

use kamipay_proto::pay_status::{End, Step, Watch};

use crate::client::Client;
use crate::error::{Error, ErrorKind};

impl Client {
    /// Waits for a payment to come to its end: asks, sleeps, and asks again. `on_change` is told of
    /// each new state; it can save the watch, too.
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
    /// A question that has no answer is a question asked, and the wait goes on: here the intervals
    /// of the watch are the delays, so that each is made once. A [deadline of the
    /// client](Self::until) ends the wait as *still unknown*; the watch can be waited for again.
    ///
    /// # Errors
    ///
    /// What [ends a watch](Error::ends_watch): a question that cannot be asked at all, or that is
    /// refused before it was answered once. It says nothing about the payment.
    pub fn watch(
        &self,
        watch: &mut Watch,
        mut on_change: impl FnMut(&Watch),
    ) -> Result<End, Error> {
        let once = self.once();
        // The time of the wall, but without its jumps.
        let (started, wall) = (self.clock().now(), self.clock().utc());
        let now = || wall + self.clock().now().saturating_duration_since(started);
        loop {
            let outcome = match watch.step(now()) {
                Step::Over(end) => return Ok(end),
                Step::Wait(time) => {
                    if self.left().is_some_and(|left| left <= time) {
                        return Ok(End::StillUnknown(watch.evidence().clone()));
                    }
                    self.clock().sleep(time);
                    continue;
                }
                Step::Send(call) => self.send_by(call, &once),
            };
            match outcome {
                Ok(status) => {
                    if watch.answered(status, now(), self.clock().random()) {
                        on_change(watch);
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::TimeIsUp) => {
                    return Ok(End::StillUnknown(watch.evidence().clone()));
                }
                Err(error) if error.ends_watch(watch) => return Err(error),
                Err(error) => {
                    if let Some(answer) = error.answer() {
                        watch.unreadable(answer);
                    }
                    watch.failed(&error, error.retry_after(), now(), self.clock().random());
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
