//! `kamipay pay status --watch`

use std::io::{self, IsTerminal as _};
use std::ops::ControlFlow;
use std::time::Duration;

use chrono::SubsecRound as _;
use clap::Args;
use kamipay_ureq::proto::pay_status::{
    End, Evidence, GetPayStatus, PayStatus, PaymentTarget, Sighting, Watch, WatchLimits,
};
use kamipay_ureq::{Client, Error, WatchEvent};

use super::{Meaning, Report, has_refund};
use crate::commands::count;
use crate::connection::Connection;
use crate::exit::{self, Exit, Failure};
use crate::output::{Format, Lines, Output};
use crate::progress::Progress;
use crate::stop::Stop;
use crate::view::View;
use crate::{table, time};

/// Whether to wait for the end, and how.
#[derive(Args)]
#[command(next_help_heading = "Waiting")]
pub(super) struct Waiting {
    /// Wait until the payment is over, and print each change of its state
    ///
    /// Keeps asking after "not found", a failure whose refund does not show yet, a state that this
    /// program does not know, and a question without an answer. Each question is sent once: the next
    /// one is the retry. The wait ends at once if the API refuses the first question (exit code 4 for
    /// a wrong token or password, otherwise 3), or if its certificate is invalid (5).
    #[arg(long)]
    pub(super) watch: bool,
    /// How long to wait. At the end the program asks once more
    ///
    /// The last question is there so that nobody acts on an old answer. It can take up to --timeout
    /// longer. --deadline ends the command in any case.
    #[arg(long = "for", value_name = "TIME", default_value = "10m", requires = "watch")]
    #[arg(value_parser = time::length)]
    time_limit: Duration,
    /// Maximum interval between the first question and the second
    ///
    /// Each later interval is half as long again, up to 30s, or up to TIME if that is longer.
    #[arg(long, value_name = "TIME", default_value = "2s", requires = "watch")]
    #[arg(value_parser = interval)]
    every: Duration,
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = time::length(text)?;
    if interval < Duration::from_millis(10) {
        return Err("the minimum is 10ms".to_owned());
    }
    Ok(interval)
}

impl Waiting {
    /// Waits, and prints what changes.
    pub(super) fn run(
        &self,
        call: GetPayStatus,
        payment: &PaymentTarget,
        output: Output,
        connection: &Connection,
    ) -> Result<Exit, Failure> {
        let client = connection.client_that_asks_once()?;
        let stop = Stop::on_signals()?;
        let mut watch = Watch::new(call, self.limits());
        let progress = Progress::search(connection.hides_progress(output.is_quiet()));
        let mut changes = Changes::new(payment, output, &progress)?;
        let end = follow(&mut watch, &mut changes, &client, &stop);
        progress.end();
        let end = end?;
        changes.finish(&watch)?;
        let (exit, words) = match end {
            End::Done(_) => (Exit::Done, "paid".to_owned()),
            End::Returned(payment) => {
                let refund = payment.refund_txid.as_ref().map(|it| it.as_str()).unwrap_or_default();
                let words = format!(
                    "failed, and returned with the transaction {refund}: you may pay again, with a \
                     new external_id"
                );
                (Exit::Returned, words)
            }
            End::Canceled(_) => {
                let words = "canceled, and no funds moved: you may pay again, with a new \
                             external_id";
                (Exit::Canceled, words.to_owned())
            }
            End::StillUnknown(evidence) => return Err(unknown(&evidence, changes.is_nameless)),
        };
        output.note(&words);
        Ok(exit)
    }

    fn limits(&self) -> WatchLimits {
        let mut limits = WatchLimits::default();
        limits.time_limit = self.time_limit;
        limits.first_interval = self.every;
        limits.max_interval = limits.max_interval.max(self.every);
        // The time is the only limit. Intervals grow, so this is a few questions a minute.
        limits.max_questions = u32::MAX;
        limits
    }
}

/// Waits for the end, prints what happens, and stops on a signal.
fn follow(
    watch: &mut Watch,
    changes: &mut Changes,
    client: &Client,
    stop: &Stop,
) -> Result<End, Failure> {
    let end = client.watch_with(watch, |watch, event| {
        let happened = match event {
            WatchEvent::Answered { is_new, .. } => changes.answer(watch, is_new),
            WatchEvent::Failed(error) => {
                changes.fault(error);
                Ok(())
            }
            // A signal does not discard an answer, which may be the last.
            _ => match (stop.is_wanted(), event) {
                (Some(exit), _) => Err(stopped(exit, watch)),
                (None, WatchEvent::Waiting { left, .. }) => {
                    changes.waiting(watch.evidence(), left);
                    Ok(())
                }
                (None, _) => Ok(()),
            },
        };
        happened.map_or_else(ControlFlow::Break, ControlFlow::Continue)
    });
    match end {
        ControlFlow::Continue(end) => {
            end.map_err(|error| Failure::question(changes.payment, &error))
        }
        ControlFlow::Break(failure) => Err(failure),
    }
}

/// Prints each change of state.
struct Changes<'a> {
    payment: &'a PaymentTarget,
    output: Output,
    format: Format,
    lines: Lines,
    progress: &'a Progress,
    /// Whether the last answer does not name its payment.
    is_nameless: bool,
}

impl<'a> Changes<'a> {
    fn new(
        payment: &'a PaymentTarget,
        output: Output,
        progress: &'a Progress,
    ) -> Result<Self, Failure> {
        let format = output.format();
        let mut lines = Lines::beside(progress).for_output(output);
        if format == Format::Csv {
            lines.csv(Report::header())?;
            lines.flush()?;
        }
        Ok(Self { payment, output, format, lines, progress, is_nameless: false })
    }

    fn answer(&mut self, watch: &Watch, is_new: bool) -> Result<(), Failure> {
        self.is_nameless = false;
        if is_new { self.print(watch) } else { Ok(()) }
    }

    /// Prints the newest state.
    fn print(&mut self, watch: &Watch) -> Result<(), Failure> {
        let (Some(status), Some(seen)) = (watch.last(), watch.evidence().seen.last()) else {
            return Ok(());
        };
        let report = self.report(watch, status)?;
        match self.format {
            Format::Json => return Ok(()), // one value, at the end
            Format::Table => self.lines.text(&line(seen, report.meaning))?,
            Format::Ndjson => self.lines.json(&report)?,
            Format::Csv => self.lines.csv(report.row())?,
        }
        self.lines.flush()
    }

    /// Prints the last state, in a format that is printed at the end.
    fn finish(&mut self, watch: &Watch) -> Result<(), Failure> {
        match (self.format, watch.last()) {
            (Format::Json, Some(status)) => {
                self.output.thing(&self.report(watch, status)?, &View::screen())?;
            }
            (Format::Json, None) => self.lines.line(NO_ANSWER)?,
            _ => {}
        }
        self.lines.flush()
    }

    fn report(&self, watch: &Watch, status: &PayStatus) -> Result<Report, Failure> {
        Report::new(self.payment, status, watch.permission_to_pay_again().is_some())
    }

    /// Shows a question without an answer on a terminal.
    fn fault(&mut self, error: &Error) {
        self.is_nameless = exit::is_nameless(error);
        if io::stderr().is_terminal() {
            let note = format!("no answer; the program asks again: {}", error.with_causes());
            self.progress.aside(|| self.output.note(&note));
        }
    }

    fn waiting(&self, evidence: &Evidence, left: Duration) {
        let state = evidence.seen.last().map_or("no answer yet", |seen| &seen.state);
        let seconds = left.as_secs_f64().ceil();
        let questions = count(evidence.questions.into(), "question");
        self.progress.say(format!("{}, {questions}, next in {seconds} s", table::word(state)));
    }
}

/// The JSON if no answer came: still one value, without permission to pay again.
const NO_ANSWER: &str = "{
  \"state\": null,
  \"over\": false,
  \"may_pay_again\": false,
  \"msg\": null
}
";

/// `2026-05-14T15:00:03Z  not_found   Not found yet: this is NOT a failure.`
fn line(seen: &Sighting, meaning: Meaning) -> String {
    let time = table::time(Some(seen.first.trunc_subsecs(0)));
    let (style, words) = (meaning.style(), meaning.long()[0]);
    format!("{time}  {style}{:<10}  {words}{style:#}\n", table::word(&seen.state))
}

/// The error when the time is up.
fn unknown(evidence: &Evidence, is_nameless: bool) -> Failure {
    let before = match evidence.seen.split_last() {
        Some((_, before)) if !before.is_empty() => {
            let last = before.iter().skip(before.len().saturating_sub(5));
            let last: Vec<String> = last.map(sighted).collect();
            format!("; before that: {}", last.join(", "))
        }
        _ => String::new(),
    };
    let failure = Failure::unknown(format!("{evidence}{before}")).tip(
        "this is neither a failure nor permission to pay again, however long it lasts. Only a refund \
         with a transaction gives permission, or the cancellation of a payment that was never sent",
    );
    let failure = match &evidence.last {
        _ if is_nameless => return failure.tip(exit::BY_ANOTHER),
        // Another run does not know what this one saw.
        _ if evidence.was_unclear || evidence.was_paid => {
            return failure.tip(
                "an answer showed, or may have shown, that funds moved: ask kamiPay what became of \
                 the payment. Another run would not know that answer",
            );
        }
        None => failure.tip("is the base URL right, and is this machine online?"),
        Some(PayStatus::NotFound { .. }) => {
            failure.tip("is it the right kind of identifier, and the right chain?")
        }
        Some(PayStatus::Failed(payment)) if has_refund(payment) => {
            return failure.tip(
                "a bank receipt or a hash contradicts the refund, in this answer or an earlier one: \
                 ask kamiPay what became of the payment",
            );
        }
        Some(PayStatus::Failed(_)) => {
            failure.tip("it failed, and no refund shows yet: if this does not change, ask kamiPay")
        }
        Some(PayStatus::Canceled(_)) => {
            return failure
                .tip("canceled, but it was sent: ask kamiPay what became of the payment");
        }
        Some(_) => failure,
    };
    let failure = if evidence.was_sent { failure.tip(SENT) } else { failure };
    failure.tip(
        "to keep waiting, run the same command again, with a longer --for or --deadline if you like",
    )
}

/// What the next run would not know.
const SENT: &str = "the payment was sent, so no cancellation is true: if another run says canceled, \
                    ask kamiPay before you pay again";

fn stopped(exit: Exit, watch: &Watch) -> Failure {
    let questions = count(watch.evidence().questions.into(), "question");
    let last = match watch.evidence().seen.last() {
        Some(seen) => format!("the last state was {}", sighted(seen)),
        None => "no answer came yet".to_owned(),
    };
    let evidence = watch.evidence();
    let failure = Failure::stopped(exit, format!("after {questions}: {last}. Nothing is decided"));
    let failure = if evidence.was_sent { failure.tip(SENT) } else { failure };
    failure.tip(if evidence.was_unclear || evidence.was_paid {
        "do not pay again: an answer showed, or may have shown, that funds moved. Ask kamiPay"
    } else {
        "do not pay again. To keep waiting, run the same command again"
    })
}

fn sighted(seen: &Sighting) -> String {
    let [first, last] = [seen.first, seen.last].map(|it| table::time(Some(it.trunc_subsecs(0))));
    let state = table::word(&seen.state);
    match seen.times {
        1 => format!("{state} (once, at {first})"),
        times => format!("{state} ({times} times, from {first} to {last})"),
    }
}
