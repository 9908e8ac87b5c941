//! The wait for a payment.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{FailedPayment, GetPayStatus, PayStatus, Payment, PermissionToPayAgain};
use crate::error::Shown;
use crate::retry::{Cause, part};
use crate::wire::timestamp;
use crate::{Endpoint, KamipayId, ResponseError, TransactionHash};

/// The wait for a payment to come to its end, as plain data: without a clock, sleep or sockets.
///
/// It says what to do next ([`step`](Self::step)), and is told what came of it
/// ([`answered`](Self::answered), [`failed`](Self::failed), [`unreadable`](Self::unreadable), [`lost`](Self::lost)):
///
/// ```
/// use kamipay_proto::pay_status::{Chain, End, GetPayStatus, PaymentTarget, Step, Watch, WatchLimits};
/// # use kamipay_proto::pay_status::PayStatus;
/// # fn send(_: &GetPayStatus) -> Result<PayStatus, String> {
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
///             Err(error) => watch.failed(error, None, now, random), // see `is_ended_by`, too
///         },
///         Step::Wait(time) => now += time, // sleep, or look after another watch meanwhile
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
/// # What it waits for
///
/// * *Done*, and *canceled* or *failed* with permission to pay again, are the ends. Everything else
///   is waited out: not found, a state that has no name here, *failed* as long as no refund shows, an
///   answer that contradicts itself or one before it, a call without an answer.
/// * No answer is forgotten: what was seen on its way is not canceled any more; what was paid out is
///   not returned; a payment has one transaction and one refund, and they differ. Each answer is
///   judged by the table of the [module](super), as if all four fields of all answers stood in it.
/// * After an answer that could not be used, no answer gives permission: see
///   [`unreadable`](Self::unreadable) and [`lost`](Self::lost).
/// * It ends at the latest with its [limits](WatchLimits). When the time is up it asks once more, so
///   that it does not end on an old answer.
/// * Permission to pay again comes from the last answer ([`permission_to_pay_again`]). No number of
///   *not found*, no fault, and no limit gives it.
///
/// # Saved and resumed
///
/// A watch is serde data, in any format: written to a file and read by another process it goes on
/// as if nothing had happened. So time is what a clock on the wall says. One that is set back costs
/// one interval more; one that is set forward ends the watch earlier, after another question.
/// Data that an older version wrote can be read, and fields that a newer one added are ignored.
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

/// How long a [`Watch`] waits, and how often it asks.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct WatchLimits {
    /// The time from the first question to the last. 10 minutes unless told otherwise.
    pub time_limit: Duration,
    /// How many questions are asked, those without an answer included. 100 unless told otherwise.
    pub max_questions: u32,
    /// The longest time between the first two questions. Each further interval is half as long
    /// again. 2 seconds unless told otherwise.
    pub first_interval: Duration,
    /// The longest time between any two questions. 30 seconds unless told otherwise.
    ///
    /// A time that is waited is a random one from the half of the interval to all of it.
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

/// What a [`Watch`] is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever drives a watch has to do all of it")]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and not for long")]
pub enum Step<'a> {
    /// Send this, and tell what came of it.
    Send(&'a GetPayStatus),
    /// Nothing for so long.
    Wait(Duration),
    /// Nothing any more.
    Over(End),
}

/// How a [`Watch`] ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever pays has to mind each of them")]
pub enum End {
    /// Paid.
    Done(Payment),
    /// Failed and returned: the refund has a hash.
    Returned(FailedPayment),
    /// Never sent: no funds were used.
    Canceled(Payment),
    /// Not known after all that time or all those questions. It is not a failure, and not permission
    /// to pay again.
    StillUnknown(Evidence),
}

/// What a [`Watch`] saw. Its `Display` is a sentence for whoever has to find out more.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Evidence {
    /// When the watch began.
    #[serde(with = "timestamp::option")]
    pub started: Option<DateTime<Utc>>,
    /// When the last question was answered, or failed.
    #[serde(with = "timestamp::option")]
    pub asked: Option<DateTime<Utc>>,
    /// How many questions were asked.
    pub questions: u32,
    /// How many of them had no answer that could be used.
    pub faults: u32,
    /// Whether any answer shows that the payment was sent: then it is not canceled any more.
    pub was_sent: bool,
    /// Whether any answer shows that it was paid out, by the bank's receipt or as *done*: then it does
    /// not fail any more.
    pub was_paid: bool,
    /// Whether any answer may have shown more than could be read: then no later one gives permission.
    pub was_unclear: bool,
    /// The well-formed hashes of its transaction (`txid`, `original_txid`). Two contradict each other.
    pub transactions: Vec<TransactionHash>,
    /// The well-formed hashes of its refund. Two contradict each other.
    pub refunds: Vec<TransactionHash>,
    /// kamiPay's identifiers of the payment. Two contradict each other.
    pub kamipay_ids: Vec<KamipayId>,
    /// What was seen: a state after the other, and the same one only if there was another between.
    pub seen: Vec<Sighting>,
    /// The last answer.
    #[serde(with = "as_text")]
    pub last: Option<PayStatus>,
    /// What the last question without an answer met with.
    pub last_fault: Option<String>,
}

/// A state that a [`Watch`] saw.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sighting {
    /// The state: see [`PayStatus::state`]. At most 200 characters of it.
    pub state: String,
    /// When it was seen first.
    #[serde(with = "timestamp")]
    pub first: DateTime<Utc>,
    /// When it was seen last.
    #[serde(with = "timestamp")]
    pub last: DateTime<Utc>,
    /// How often.
    pub times: u32,
}

impl Watch {
    /// Waits for the payment that `call` asks for. The time begins with the first step.
    pub fn new(call: GetPayStatus, limits: WatchLimits) -> Self {
        Self { call, limits, evidence: Evidence::default(), wait: None }
    }

    /// The same watch with other limits: one that ended as *still unknown* goes on, if they allow
    /// for it.
    #[must_use]
    pub fn with_limits(mut self, limits: WatchLimits) -> Self {
        self.limits = limits;
        self
    }

    /// What it asks.
    pub fn call(&self) -> &GetPayStatus {
        &self.call
    }

    /// How long it waits.
    pub fn limits(&self) -> &WatchLimits {
        &self.limits
    }

    /// What it saw so far.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The last answer. Whether it permits to pay again is for
    /// [`permission_to_pay_again`](Self::permission_to_pay_again) of the watch to say: those before
    /// it may contradict.
    pub fn last(&self) -> Option<&PayStatus> {
        self.evidence.last.as_ref()
    }

    /// Permission to repeat the payment, where the last answer gives it and neither that answer nor one
    /// before it shows anything that contradicts: see the [module](super).
    pub fn permission_to_pay_again(&self) -> Option<PermissionToPayAgain> {
        self.evidence.permission(self.last()?)
    }

    /// What to do now.
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

    /// How it ended, if it did.
    pub fn end(&self) -> Option<End> {
        match self.last() {
            Some(PayStatus::Done(payment)) => return Some(End::Done(payment.clone())),
            // With a hash that can be looked up, and no contradiction: then it is permitted.
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

    /// Takes the answer to a question. Returns whether it is another state than the one before.
    ///
    /// `random` is any number, each as likely as the others. An answer that comes after the end is
    /// not used, and one about another payment is a question without an answer.
    pub fn answered(&mut self, status: PayStatus, now: DateTime<Utc>, random: u32) -> bool {
        if self.is_over() {
            return false;
        }
        if let Err(mismatch) = self.call.verify(&status) {
            self.failed(mismatch, None, now, random);
            return false;
        }
        self.evidence.note(&status);
        // Failed, and failed with its refund, are two states: the first one gives no permission.
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

    /// Whether a question that failed for this cause ends the wait: asking again would not help. It
    /// says nothing about the payment.
    ///
    /// | the question | ends the wait |
    /// | --- | --- |
    /// | cannot be asked: no request can be made of it | yes |
    /// | met a certificate that is not valid | before the first answer |
    /// | was refused: a status from 400 to 499, but for 408 and 429 | before the first answer |
    /// | failed for any other cause | no |
    ///
    /// A wrong password or the wrong host is not worth waiting for. Once the API has answered, the
    /// same question is asked again. A question that needs a login fails for the cause of the login.
    ///
    /// A transport asks this before [`failed`](Self::failed), and does not call that where the wait
    /// ends.
    pub fn is_ended_by(&self, cause: Cause) -> bool {
        let is_refused = match cause {
            Cause::NoRequest => return true,
            Cause::Untrusted => true,
            Cause::Status(status, _) => status.is_client_error() && !cause.may_pass(),
            _ => false,
        };
        is_refused && self.last().is_none()
    }

    /// Takes a question that had no answer: what it met with, and how long the API asks to wait
    /// (`Retry-After`), if it does.
    ///
    /// The text is kept as evidence, so that it should hold no secret; the errors of this crate
    /// hold none.
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

    /// Takes an answer that cannot be used: one that cannot be read, does not say whose it is, or has a
    /// status that the API does not use. Call it before [`failed`](Self::failed) where there was an
    /// answer.
    ///
    /// It may have shown that funds moved, so no later answer gives permission to pay again. That
    /// does not hold for an answer about another payment, an HTML page, an answer without a body, and
    /// a refusal or a server error that does not speak of funds.
    pub fn unreadable(&mut self, answer: &ResponseError) {
        if !self.is_over() {
            self.evidence.was_unclear |= self.call.may_be_about_funds(answer);
        }
    }

    /// Takes an answer that did not come to be read: cut off on its way, too long, or packed in a way
    /// that is not known. Call it before [`failed`](Self::failed).
    ///
    /// It may have shown that funds moved, so no later answer gives permission to pay again.
    pub fn lost(&mut self) {
        if !self.is_over() {
            self.evidence.was_unclear = true;
        }
    }

    /// Counts a question, and plans the next one.
    fn asked(&mut self, retry_after: Option<Duration>, now: DateTime<Utc>, random: u32) {
        self.mind_the_clock(now);
        self.evidence.started.get_or_insert(now);
        self.evidence.questions = self.evidence.questions.saturating_add(1);
        self.evidence.asked = Some(now);
        let half = self.interval() / 2;
        // The last question is asked when the time is up, unless the API asks for more.
        let wait = half + part(half, random);
        let wait = self.time_left(now).map_or(wait, |left| wait.min(left));
        self.wait = Some(wait.max(retry_after.unwrap_or_default()));
    }

    /// The longest time until the next question.
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

    /// Until the time is up. `None` where it never is.
    fn time_left(&self, now: DateTime<Utc>) -> Option<Duration> {
        let limit = TimeDelta::from_std(self.limits.time_limit).ok()?;
        let end = self.evidence.started.unwrap_or(now).checked_add_signed(limit)?;
        Some((end - now).to_std().unwrap_or_default())
    }

    /// Whether there is no further question: none is left, or no time.
    fn is_spent(&self) -> bool {
        if self.evidence.questions >= self.limits.max_questions {
            return true;
        }
        let (Some(asked), Some(wait)) = (self.evidence.asked, self.wait) else { return false };
        self.time_left(asked).is_some_and(|left| left.is_zero() || wait > left)
    }

    /// A clock that was set back takes the start along, so that the watch is no longer than told.
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

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { questions, faults, .. } = self;
        write!(f, "still unknown after {questions} questions")?;
        if let (Some(started), Some(asked)) = (self.started, self.asked) {
            write!(f, " in {} s", (asked - started).num_seconds())?;
        }
        match self.seen.last() {
            Some(last) => {
                let state = Shown(&last.state);
                let since = timestamp::Rfc3339(last.first.trunc_subsecs(3));
                write!(f, ": {state} since {since}, seen {} times", last.times)?;
            }
            None => f.write_str(": no answer at all")?,
        }
        if let Some(fault) = &self.last_fault {
            write!(f, "; {faults} without an answer, the last one: {}", Shown(fault))?;
        }
        if self.was_unclear {
            f.write_str("; an answer may have shown more than could be read")?;
        }
        Ok(())
    }
}

/// The most of a state's word that is kept with its time, in characters.
const LONGEST_STATE: usize = 200;

/// What stands in a file.
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
            call.verify(&last)?; // the end of another payment would be permission for this one
            evidence.note(&last); // an older version looked at less of it
            evidence.last = Some(last);
        }
        Ok(Self { call, limits, evidence, wait })
    }
}

/// An answer as JSON in a string: it holds money, which no other format would keep as it is.
mod as_text {
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::PayStatus;

    pub(super) fn serialize<S: Serializer>(
        status: &Option<PayStatus>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let text = status.as_ref().map(serde_json::to_string).transpose();
        text.map_err(S::Error::custom)?.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<PayStatus>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let status = text.map(|text| serde_json::from_str(&text)).transpose();
        status.map_err(|_| D::Error::custom("the last answer cannot be read"))
    }
}
