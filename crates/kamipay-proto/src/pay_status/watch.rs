//! Waits for a payment to end.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Evidence, FailedPayment, GetPayStatus, PayStatus, Payment, PermissionToPayAgain, Sighting,
};
use crate::error::Shown;
use crate::retry::{Cause, part};
use crate::{Endpoint, ResponseError};

/// Waits for a payment to end. A state machine without clock, sleep or sockets.
///
/// [`step`](Self::step) says what to do next. Report the result with [`answered`](Self::answered),
/// or with [`unreadable`](Self::unreadable) or [`lost`](Self::lost), and [`failed`](Self::failed):
///
/// ```
/// use kamipay_proto::pay_status::{Chain, End, GetPayStatus, PaymentTarget, Step, Watch, WatchLimits};
/// # use kamipay_proto::pay_status::PayStatus;
/// # fn send(_: &GetPayStatus) -> Result<PayStatus, kamipay_proto::ResponseError> {
/// #     Ok(serde_json::from_str(r#"{"status": "ok", "msg": "transaction canceled", "data": {"status": "canceled",
/// #         "txid": null, "amount_usdt": null, "kamipay_id": "txc_1", "external_id": "order 7"}}"#).unwrap())
/// # }
/// # let mut now: chrono::DateTime<chrono::Utc> = "2026-05-14T15:00:00Z".parse()?;
/// # let random = 7;
///
/// let call = GetPayStatus::new(PaymentTarget::external_id("order 7")?, Chain::Polygon);
/// let mut watch = Watch::new(call, WatchLimits::default());
/// let end = loop {
///     match watch.step(now) {
///         Step::Send(call) => match send(call) {
///             Ok(status) => _ = watch.answered(status, now, random),
///             Err(error) => {
///                 watch.unreadable(&error); // or `lost`, where the answer was cut off
///                 watch.failed(&error, error.retry_after(), now, random); // see `is_ended_by`
///             }
///         },
///         Step::Wait(time) => now += time, // sleep, or drive another watch meanwhile
///         Step::Over(end) => break end,
///     }
/// };
/// match end {
///     End::Done(payment) => println!("paid: {}", payment.kamipay_id),
///     End::Returned(_) | End::Canceled(_) => {
///         let permission = watch.permission_to_pay_again().expect("the end gives it");
///         println!("may be paid again: {}", permission.kamipay_id());
///     }
///     End::StillUnknown(evidence) => println!("do not pay again! {evidence}"),
/// }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # When it ends
///
/// * A watch ends with *done*, or with *canceled* or *failed* if they give permission to pay again.
/// * It waits through everything else: *not found*, an unknown state, *failed* without a refund, an
///   answer that contradicts itself or an earlier one, a failed request.
/// * It forgets no answer. A payment that was sent cannot be canceled. A payment that was paid out
///   cannot be returned. A payment has one transaction and one refund, and they differ. The table
///   of the [module](super) applies to the last answer, with the four fields of all answers.
/// * It ends at its [limits](WatchLimits) at the latest. When the time is up it asks once more, so
///   that it does not end with an old answer.
/// * After an answer that cannot be used, no answer gives permission to pay again: see
///   [`unreadable`](Self::unreadable) and [`lost`](Self::lost).
/// * Only the last answer can give permission to pay again ([`permission_to_pay_again`]). Repeated
///   *not found*, failed requests and limits never do.
///
/// # Store and resume
///
/// A watch is serde data, in any format. Another process can read it and continue. Times are
/// therefore wall-clock times, in UTC. A clock that is set back costs at most one more interval. A
/// clock that is set forward ends the watch earlier, after one more question. Data of older
/// versions can be read; fields of newer versions are ignored.
///
/// Let one process at a time use a stored watch. If two do, the one that stores last overwrites what
/// the other one saw.
///
/// [`permission_to_pay_again`]: Self::permission_to_pay_again
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(try_from = "Saved")]
pub struct Watch {
    call: GetPayStatus,
    limits: WatchLimits,
    evidence: Evidence,
    /// How long to wait after the last question.
    #[serde(skip_serializing_if = "Option::is_none")]
    wait: Option<Duration>,
}

/// The limits and intervals of a [`Watch`].
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct WatchLimits {
    /// Time from the first question to the last. Default: 10 minutes.
    pub time_limit: Duration,
    /// Maximum questions, including those without an answer. Default: 100.
    pub max_questions: u32,
    /// First interval between questions. Each further interval is 1.5 times as long. Default: 2
    /// seconds.
    ///
    /// The watch waits a random part of the interval, at least half of it.
    pub first_interval: Duration,
    /// Maximum interval between questions. Default: 30 seconds.
    pub max_interval: Duration,
}

impl Default for WatchLimits {
    fn default() -> Self {
        Self {
            time_limit: Duration::from_secs(600),
            max_questions: 100,
            first_interval: Duration::from_secs(2),
            max_interval: Duration::from_secs(30),
        }
    }
}

/// The next step of a [`Watch`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver of a watch must handle each")]
#[expect(clippy::large_enum_variant, reason = "one value exists at a time, briefly")]
pub enum Step<'a> {
    /// Send this request and report the result.
    Send(&'a GetPayStatus),
    /// Wait this long before the next question.
    Wait(Duration),
    /// The watch is over.
    Over(End),
}

/// How a [`Watch`] ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a payer must handle each")]
pub enum End {
    /// Paid.
    Done(Payment),
    /// Failed and returned: the refund has a hash.
    Returned(FailedPayment),
    /// Never sent: no funds were used.
    Canceled(Payment),
    /// Still unknown at the limit of time or questions. This is neither a failure nor permission to
    /// pay again.
    StillUnknown(Evidence),
}

impl Watch {
    /// Waits for the payment of `call`. The time starts with the first [`step`](Self::step).
    pub fn new(call: GetPayStatus, limits: WatchLimits) -> Self {
        Self { call, limits, evidence: Evidence::default(), wait: None }
    }

    /// Replaces the limits. A watch that ended as [`End::StillUnknown`] continues, if the new
    /// limits allow it.
    #[must_use]
    pub fn with_limits(mut self, limits: WatchLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The limits and intervals.
    pub fn limits(&self) -> &WatchLimits {
        &self.limits
    }

    /// What the watch saw so far.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The last answer.
    ///
    /// For permission to pay again ask the [watch](Self::permission_to_pay_again), not this answer:
    /// an earlier answer may contradict it.
    pub fn last(&self) -> Option<&PayStatus> {
        self.evidence.last.as_ref()
    }

    /// Permission to repeat the payment, if the last answer gives it and no earlier answer
    /// contradicts it: see the [module](super).
    pub fn permission_to_pay_again(&self) -> Option<PermissionToPayAgain> {
        self.evidence.permission(self.last()?)
    }

    /// The next step at the time `now`.
    pub fn step(&mut self, now: DateTime<Utc>) -> Step<'_> {
        self.mind_the_clock(now);
        if let Some(end) = self.end() {
            return Step::Over(end);
        }
        self.evidence.started.get_or_insert(now);
        match self.left_to_wait(now) {
            Some(time) => Step::Wait(time),
            None => Step::Send(&self.call),
        }
    }

    /// The end, if the watch is over.
    pub fn end(&self) -> Option<End> {
        match self.last() {
            Some(PayStatus::Done(payment)) => return Some(End::Done(payment.clone())),
            Some(status) if self.evidence.permission(status).is_some() => match status {
                PayStatus::Canceled(payment) => return Some(End::Canceled(payment.clone())),
                PayStatus::Failed(payment) => return Some(End::Returned(payment.clone())),
                _ => {}
            },
            _ => {}
        }
        self.is_spent().then(|| End::StillUnknown(self.evidence.clone()))
    }

    fn is_over(&self) -> bool {
        let is_final = |status: &PayStatus| {
            matches!(status, PayStatus::Done(_)) || self.evidence.permission(status).is_some()
        };
        self.last().is_some_and(is_final) || self.is_spent()
    }

    /// Takes an answer. Returns whether the state changed.
    ///
    /// `random` is a uniformly distributed number. An answer about another payment counts as a
    /// failed question. An answer after the end is ignored.
    pub fn answered(&mut self, status: PayStatus, now: DateTime<Utc>, random: u32) -> bool {
        if self.is_over() {
            return false;
        }
        if let Err(mismatch) = self.call.verify(&status) {
            let json = serde_json::to_string(&status).unwrap_or_default();
            self.evidence.keep_unusable(self.call.judge_other(&status, json.as_bytes()));
            self.failed(mismatch, None, now, random);
            return false;
        }
        self.evidence.note(&status);
        // A failed payment changes when its refund appears, although the word stays the same.
        let permits = self.evidence.permission(&status).is_some();
        let is_new = permits || self.last().is_none_or(|last| last.state() != status.state());
        match self.evidence.seen.last_mut() {
            Some(sighting) if !is_new => {
                sighting.last = now;
                sighting.times = sighting.times.saturating_add(1);
            }
            _ => {
                let state = status.state().chars().take(LONGEST_STATE).collect();
                self.evidence.seen.push(Sighting { state, first: now, last: now, times: 1 });
            }
        }
        self.evidence.last = Some(status);
        self.asked(None, now, random);
        is_new
    }

    /// Whether a question that failed for this cause ends the wait, because another question cannot
    /// help. It says nothing about the payment.
    ///
    /// | the question | ends the wait |
    /// | --- | --- |
    /// | cannot be made into a request | yes |
    /// | met an invalid certificate | before the first answer |
    /// | was refused: a status from 400 to 499, except 408 and 429 | before the first answer |
    /// | failed for any other cause | no |
    ///
    /// A wrong password or host stays wrong. Once the API has answered, the watch keeps asking. A
    /// question whose login failed has the cause of the login.
    ///
    /// Call it before [`failed`](Self::failed), and do not call `failed` if the wait ends.
    pub fn is_ended_by(&self, cause: Cause) -> bool {
        let is_refused = match cause {
            Cause::NoRequest => return true,
            Cause::Untrusted => true,
            Cause::Status(status, _) => status.is_client_error() && !cause.is_temporary(),
            _ => false,
        };
        is_refused && self.last().is_none()
    }

    /// Takes a failed question: its error, and the API's `Retry-After` if there is one.
    ///
    /// `random` is a uniformly distributed number. The error's text is kept as evidence, so it must
    /// not contain a secret. The errors of this crate contain none.
    pub fn failed(
        &mut self,
        fault: impl fmt::Display,
        retry_after: Option<Duration>,
        now: DateTime<Utc>,
        random: u32,
    ) {
        if self.is_over() {
            return;
        }
        self.evidence.faults = self.evidence.faults.saturating_add(1);
        self.evidence.last_fault = Some(Shown(&fault.to_string()).to_string());
        self.asked(retry_after, now, random);
    }

    /// Takes an unusable answer: one that cannot be read, does not name its payment, or has an
    /// undocumented HTTP status. Call it before [`failed`](Self::failed).
    ///
    /// The answer may have shown that funds moved, so no later answer gives permission to pay
    /// again. Exceptions: an answer about another payment, an empty body, and a page, refusal or
    /// server error that does not mention funds. The other payment's `kamipay_id` is remembered, in
    /// case a later answer shows that it is the same payment.
    pub fn unreadable(&mut self, answer: &ResponseError) {
        if !self.is_over() {
            self.evidence.keep_unusable(self.call.judge(answer));
        }
    }

    /// Takes an answer that the transport could not read: truncated, too long, or in an unknown
    /// encoding. Call it before [`failed`](Self::failed).
    ///
    /// The answer may have shown that funds moved, so no later answer gives permission to pay
    /// again.
    pub fn lost(&mut self) {
        if !self.is_over() {
            self.evidence.was_unclear = true;
        }
    }

    /// Counts a question and plans the next one.
    fn asked(&mut self, retry_after: Option<Duration>, now: DateTime<Utc>, random: u32) {
        self.mind_the_clock(now);
        self.evidence.started.get_or_insert(now);
        self.evidence.questions = self.evidence.questions.saturating_add(1);
        self.evidence.asked = Some(now);
        let half = self.interval() / 2;
        // The last question is due when the time is up, unless `Retry-After` is longer.
        let wait = half + part(half, random);
        let wait = self.time_left(now).map_or(wait, |left| wait.min(left));
        self.wait = Some(wait.max(retry_after.unwrap_or_default()));
    }

    /// The maximum wait until the next question.
    fn interval(&self) -> Duration {
        let (mut interval, max) = (self.limits.first_interval, self.limits.max_interval);
        for _ in 1..self.evidence.questions {
            if interval >= max || interval.is_zero() {
                break;
            }
            interval = interval.saturating_add(interval / 2);
        }
        interval.min(max)
    }

    fn left_to_wait(&self, now: DateTime<Utc>) -> Option<Duration> {
        let passed = (now - self.evidence.asked?).to_std().unwrap_or_default();
        self.wait?.checked_sub(passed).filter(|left| !left.is_zero())
    }

    /// The time left. `None` if it never ends.
    fn time_left(&self, now: DateTime<Utc>) -> Option<Duration> {
        let limit = TimeDelta::from_std(self.limits.time_limit).ok()?;
        let end = self.evidence.started.unwrap_or(now).checked_add_signed(limit)?;
        Some((end - now).to_std().unwrap_or_default())
    }

    /// Whether no question is left, or no time for one.
    fn is_spent(&self) -> bool {
        if self.evidence.questions >= self.limits.max_questions {
            return true;
        }
        let (Some(asked), Some(wait)) = (self.evidence.asked, self.wait) else { return false };
        self.time_left(asked).is_some_and(|left| left.is_zero() || wait > left)
    }

    /// Shifts the start if the clock was set back, so that the watch does not exceed its limit.
    fn mind_the_clock(&mut self, now: DateTime<Utc>) {
        let latest = self.evidence.asked.max(self.evidence.started);
        let Some(back) = latest.map(|latest| latest - now).filter(|it| *it > TimeDelta::zero())
        else {
            return;
        };
        for time in [&mut self.evidence.started, &mut self.evidence.asked].into_iter().flatten() {
            *time = time.checked_sub_signed(back).unwrap_or(now);
        }
    }
}

/// Maximum length of a state in a [`Sighting`], in characters.
const LONGEST_STATE: usize = 200;

/// A stored watch.
#[derive(Deserialize)]
struct Saved {
    call: GetPayStatus,
    #[serde(default)]
    limits: WatchLimits,
    #[serde(default)]
    evidence: Evidence,
    #[serde(default)]
    wait: Option<Duration>,
}

impl TryFrom<Saved> for Watch {
    type Error = crate::Mismatch;

    fn try_from(saved: Saved) -> Result<Self, crate::Mismatch> {
        let Saved { call, limits, mut evidence, wait } = saved;
        if let Some(last) = evidence.last.take() {
            // Else another payment's end could give permission for this one. A state without a name
            // gives none, and secrets are hidden in it.
            if !matches!(last, PayStatus::_Unnamed(_)) {
                call.verify(&last)?;
            }
            evidence.note(&last); // older versions noted less
            evidence.last = Some(last);
        }
        Ok(Self { call, limits, evidence, wait })
    }
}
