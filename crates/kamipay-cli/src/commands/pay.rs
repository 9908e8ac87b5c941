//! `kamipay pay …`

mod meaning;
mod report;
#[cfg(test)]
mod tests;
mod watch;

use clap::{Args, Subcommand};
use kamipay_ureq::proto::pay_status::{Chain, GetPayStatus, PaymentTarget};

pub(crate) use self::meaning::Meaning;
use self::meaning::has_refund;
use self::report::Report;
use self::watch::Waiting;
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::view::View;

#[derive(Subcommand)]
pub(crate) enum Pay {
    Status(Status),
}

impl Pay {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Status(status) => status.run(),
        }
    }
}

/// Show the state of one payment, and whether it may be paid again
///
/// The answer "not found" is not a failure: it also comes while a payment is on its way. If you pay
/// again after it, you may pay twice. A payment may be paid again only if it was canceled and never
/// sent, or if it failed and was returned. An answer that contradicts itself gives no permission:
/// canceled with a transaction, or failed with a bank receipt.
///
/// JSON is {"state", "over", "may_pay_again", "msg", …the API's fields of the payment…}. `state` is
/// accepted, processing, done, failed, canceled, not_found, or the API's own word for a state that
/// this program does not know. With --watch, `json` prints the last state (`state` is null if no
/// answer came); `ndjson` and `csv` print each state as it comes.
#[derive(Args)]
#[command(
    override_usage = "kamipay pay status [OPTIONS] --external-id <ID>\n       (or --kamipay-id <ID>, --tx-id <HASH>, --operation-id <NUMBER>)"
)]
#[command(after_help = "\
Exit codes, with --watch and without it:
   0  done: paid
  10  over: failed and returned. It may be paid again
  11  over: canceled, and no funds moved. It may be paid again
  12  not over, or not known yet; failed, and no refund shows; or the answer contradicts itself or
      an earlier one. Do not pay again
 130  stopped by Ctrl-C (143: by SIGTERM). Nothing is decided
1 to 5 mean the same as in all commands: see kamipay --help. They say nothing about the payment, so
do not pay again.

Examples:
  kamipay pay status --external-id order-7
  kamipay pay status --external-id order-7 --watch --for 30m
  kamipay pay status --kamipay-id txc_01jranqegkf509bq5svh03ztt8 --output json | jq .may_pay_again
  kamipay pay status --tx-id 0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab")]
pub(crate) struct Status {
    #[command(flatten)]
    by: By,
    /// The payment's blockchain: polygon or tron
    #[arg(help_heading = "Payment")]
    #[arg(long, value_name = "CHAIN", default_value = "polygon")]
    chain: Chain,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

/// Which payment.
#[derive(Args)]
#[group(required = true, multiple = false)]
#[command(next_help_heading = "Payment")]
struct By {
    /// Your own identifier. The best choice: you know it before anything is sent
    #[arg(long, value_name = "ID", value_parser = |id: &str| PaymentTarget::external_id(id))]
    #[arg(allow_hyphen_values = true)]
    external_id: Option<PaymentTarget>,
    /// kamiPay's identifier (txc_…). Just as good, once you have it
    #[arg(long, value_name = "ID", value_parser = |id: &str| PaymentTarget::kamipay_id(id))]
    #[arg(allow_hyphen_values = true)]
    kamipay_id: Option<PaymentTarget>,
    /// The transaction's hash. A payment has none before it is on the blockchain
    ///
    /// 0x and 64 hexadecimal digits; on Tron also without 0x. A canceled payment has no hash, so the
    /// answer "canceled" is refused: it may be about another payment.
    #[arg(long, value_name = "HASH", value_parser = |id: &str| PaymentTarget::tx_id(id))]
    #[arg(allow_hyphen_values = true)]
    tx_id: Option<PaymentTarget>,
    /// The bank's number
    ///
    /// An answer about a canceled or failed payment does not contain this number. It may be about
    /// another payment, so an answer that would give permission to pay again is refused.
    #[arg(long, value_name = "NUMBER", value_parser = |id: &str| PaymentTarget::operation_id(id))]
    #[arg(allow_hyphen_values = true)]
    operation_id: Option<PaymentTarget>,
}

impl By {
    fn payment(&self) -> Option<&PaymentTarget> {
        [&self.external_id, &self.kamipay_id, &self.tx_id, &self.operation_id]
            .into_iter()
            .find_map(Option::as_ref)
    }
}

impl Status {
    fn run(&self) -> Result<Exit, Failure> {
        // clap requires one.
        let payment = self.by.payment().ok_or_else(|| Failure::usage("which payment?"))?;
        let call = GetPayStatus::new(payment.clone(), self.chain);
        // Before the login: nothing is sent.
        call.check().map_err(|error| {
            Failure::usage(format!("--tx-id: {error}")).tip("for a payment on Tron: --chain tron")
        })?;
        if self.waiting.watch {
            return self.waiting.run(call, payment, self.output, &self.connection);
        }
        let client = self.connection.client()?;
        let status = client.send(&call).map_err(|error| Failure::question(payment, &error))?;
        let report = Report::of(payment, &status)?;
        self.output.thing(&report, &View::screen())?;
        Ok(report.meaning.exit())
    }
}
