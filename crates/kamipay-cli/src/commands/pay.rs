//! `kamipay pay …`

#[cfg(test)]
mod tests;
mod watch;

use std::collections::HashSet;
use std::fmt;

use anstyle::Style;
use clap::{Args, Subcommand};
use kamipay_ureq::proto::TransactionHash;
use kamipay_ureq::proto::pay_status::{
    Chain, FailedPayment, GetPayStatus, PayStatus, PaymentTarget,
};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use self::watch::Waiting;
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::output::{Output, Thing};
use crate::table::{self, BAD, GOOD, OPEN, STRONG};

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

/// Show the state of one payment, and what it permits
///
/// Two questions are answered: is it over, and may it be paid again? Not found is neither: it comes
/// while a payment is on its way. To take it for a failure is to pay twice. Only a payment that was
/// canceled and never sent, or failed and was returned, may be paid again. An answer that contradicts
/// itself does not permit it: canceled with a transaction, failed with a bank's receipt.
///
/// JSON is {"state", "over", "may_pay_again", "msg", …the API's fields of the payment…}, where
/// `state` is accepted, processing, done, failed, canceled, not_found, or the API's own word for a
/// state that this program does not know. With --watch, `json` is the last state (`state` is null if
/// no answer came at all), and `ndjson` and `csv` are all of them, as they come.
#[derive(Args)]
#[command(
    override_usage = "kamipay pay status [OPTIONS] --external-id <ID>\n       (or --kamipay-id <ID>, --tx-id <HASH>, --operation-id <NUMBER>)"
)]
#[command(after_help = "\
Exit codes, with --watch and without it:
   0  done: it was paid
  10  over: it failed, and was returned. It may be paid again
  11  over: it was canceled, and no funds moved. It may be paid again
  12  not over, or not known (yet); or failed, and no refund shows; or it contradicts itself, or
      what was seen before. Do not pay again
 130  stopped by Ctrl-C; 143: by SIGTERM. Nothing is decided
  (1 to 5 as everywhere: see kamipay --help. They say nothing about the payment: do not pay again)

Examples:
  kamipay pay status --external-id order-7
  kamipay pay status --external-id order-7 --watch --for 30m
  kamipay pay status --kamipay-id txc_01jranqegkf509bq5svh03ztt8 --output json | jq .may_pay_again
  kamipay pay status --tx-id 0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab")]
pub(crate) struct Status {
    #[command(flatten)]
    by: By,
    /// The blockchain that it was paid on: polygon or tron
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
    /// Your own identifier: the best choice, you know it before anything is sent
    #[arg(long, value_name = "ID", value_parser = |id: &str| PaymentTarget::external_id(id))]
    #[arg(allow_hyphen_values = true)]
    external_id: Option<PaymentTarget>,
    /// kamiPay's identifier (txc_…): as good, once you have it
    #[arg(long, value_name = "ID", value_parser = |id: &str| PaymentTarget::kamipay_id(id))]
    #[arg(allow_hyphen_values = true)]
    kamipay_id: Option<PaymentTarget>,
    /// The hash of the transaction; there is none until the payment is on chain
    ///
    /// It is 0x and 64 hexadecimal digits, on Tron also without 0x. A canceled payment has none: an
    /// answer that says so is not taken for this one's.
    #[arg(long, value_name = "HASH", value_parser = |id: &str| PaymentTarget::tx_id(id))]
    #[arg(allow_hyphen_values = true)]
    tx_id: Option<PaymentTarget>,
    /// The bank's number
    ///
    /// An answer about a payment that was canceled, or failed, does not contain it: one that would
    /// permit to pay again is not taken for this one's.
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
        // clap sees to it that there is one.
        let payment = self.by.payment().ok_or_else(|| Failure::usage("which payment?"))?;
        let call = GetPayStatus::new(payment.clone(), self.chain);
        // Before a login, too: nothing is sent.
        call.check().map_err(|error| {
            Failure::usage(format!("--tx-id: {error}")).tip("for a payment on Tron: --chain tron")
        })?;
        if self.waiting.watch {
            return self.waiting.run(call, payment, self.output, &self.connection);
        }
        let client = self.connection.client()?;
        let status = client.send(&call).map_err(|error| Failure::question(payment, &error))?;
        let report = Report::of(payment, &status)?;
        self.output.thing(&report)?;
        Ok(report.meaning.exit())
    }
}

/// What a state means for a program that pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Accepted,
    Processing,
    Paid,
    Returned,
    /// Failed, and nothing proves that the funds came back.
    NotReturned,
    /// Failed with a refund, and yet with something that contradicts it.
    ReturnedOddly,
    Canceled,
    /// Canceled, and yet with a transaction or a receipt, or seen on its way before.
    CanceledOddly,
    NotKnown,
    Unnamed,
}

impl Meaning {
    /// A watch may forbid what its last answer alone would permit.
    pub(crate) fn of(status: &PayStatus, may_pay_again: bool) -> Self {
        match status {
            PayStatus::Accepted(_) => Self::Accepted,
            PayStatus::Processing(_) => Self::Processing,
            PayStatus::Done(_) => Self::Paid,
            PayStatus::Failed(_) if may_pay_again => Self::Returned,
            PayStatus::Failed(payment) if has_refund(payment) => Self::ReturnedOddly,
            PayStatus::Failed(_) => Self::NotReturned,
            PayStatus::Canceled(_) if may_pay_again => Self::Canceled,
            PayStatus::Canceled(_) => Self::CanceledOddly,
            PayStatus::NotFound { .. } => Self::NotKnown,
            _ => Self::Unnamed,
        }
    }

    fn exit(self) -> Exit {
        match self {
            Self::Paid => Exit::Done,
            Self::Returned => Exit::Returned,
            Self::Canceled => Exit::Canceled,
            // Scripts take 10 and 11 for permission to pay again: nothing less gives them.
            Self::NotReturned | Self::ReturnedOddly | Self::CanceledOddly => Exit::NotOver,
            Self::Accepted | Self::Processing | Self::NotKnown | Self::Unnamed => Exit::NotOver,
        }
    }

    /// In a few words.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::Accepted | Self::Processing => "wait and ask again",
            Self::Paid => "paid",
            Self::Returned => "returned: may be paid again",
            Self::NotReturned => "refund not visible yet: do not pay again",
            Self::Canceled => "no funds moved: may be paid again",
            Self::ReturnedOddly | Self::CanceledOddly => "contradicts itself: do not pay again",
            Self::NotKnown => "NOT a failure: wait and ask again",
            Self::Unnamed => "not known to be over: do not pay again",
        }
    }

    fn long(self) -> &'static [&'static str] {
        match self {
            Self::Accepted => &[
                "Accepted, and not yet sent to the blockchain.",
                "Wait and ask again. Do not pay again.",
            ],
            Self::Processing => &[
                "Sent to the blockchain, and not yet confirmed.",
                "Wait and ask again. Do not pay again.",
            ],
            Self::Paid => &["Paid. Nothing is left to do."],
            Self::Returned => &[
                "Failed and returned: the funds came back with the transaction refund_txid.",
                "You may pay again, with a new external_id.",
            ],
            Self::NotReturned => &[
                "Failed, and the refund is not visible yet.",
                "Do not pay again before the refund has a transaction (refund_txid).",
                "Ask again, or ask kamiPay.",
            ],
            Self::ReturnedOddly => &[
                "Failed, and yet not plainly returned: a bank's receipt, or hashes that contradict.",
                "Do not pay again before kamiPay has cleared that up.",
            ],
            Self::Canceled => &[
                "Canceled: it was never sent, and no funds moved.",
                "You may pay again, with a new external_id.",
            ],
            Self::CanceledOddly => &[
                "Canceled, and yet it has a transaction or a receipt, or was seen on its way.",
                "Do not pay again before kamiPay has cleared that up.",
            ],
            Self::NotKnown => &[
                "Not known (yet): this is NOT a failure.",
                "Wait and ask again; do not pay again.",
                "If it stays so: is it the right kind of identifier, and the right chain?",
            ],
            Self::Unnamed => &[
                "A state that this program does not know, so it is not taken for an end.",
                "Wait and ask again; do not pay again.",
            ],
        }
    }

    pub(crate) fn style(self) -> Style {
        match self {
            Self::Paid | Self::Returned | Self::Canceled => GOOD,
            Self::NotReturned | Self::ReturnedOddly | Self::CanceledOddly => BAD,
            Self::Accepted | Self::Processing | Self::NotKnown | Self::Unnamed => OPEN,
        }
    }
}

/// Whether a refund shows, be it believed or not.
pub(crate) fn has_refund(payment: &FailedPayment) -> bool {
    payment.refund_txid.as_ref().is_some_and(TransactionHash::is_well_formed)
}

/// A state with what it permits, and the API's fields of the payment.
struct Report {
    payment: PaymentTarget,
    state: String,
    over: bool,
    may_pay_again: bool,
    meaning: Meaning,
    msg: Option<String>,
    fields: Fields,
}

impl Report {
    /// What one answer says.
    fn of(payment: &PaymentTarget, status: &PayStatus) -> Result<Self, Failure> {
        Self::new(payment, status, status.permission_to_pay_again().is_some())
    }

    /// A watch may forbid what its last answer alone would permit.
    fn new(
        payment: &PaymentTarget,
        status: &PayStatus,
        may_pay_again: bool,
    ) -> Result<Self, Failure> {
        let broken = |error: serde_json::Error| {
            Failure::other(format!("the state of the payment cannot be written: {error}"))
        };
        // The models write the answer as the API does, and an unknown state word for word.
        let json = serde_json::to_string(status).map_err(broken)?;
        let answer: Answer = serde_json::from_str(&json).map_err(broken)?;
        Ok(Self {
            payment: payment.clone(),
            state: status.state().to_owned(),
            over: status.is_over(),
            may_pay_again,
            meaning: Meaning::of(status, may_pay_again),
            msg: status.msg().map(str::to_owned),
            fields: answer.data.map(Fields::of).unwrap_or_default(),
        })
    }

    /// The first line of CSV.
    fn header() -> Vec<String> {
        ["state", "over", "may_pay_again", "msg"]
            .into_iter()
            .chain(CSV)
            .map(str::to_owned)
            .collect()
    }

    /// The other line of CSV.
    fn row(&self) -> Vec<String> {
        let mut row = vec![
            self.state.clone(),
            self.over.to_string(),
            self.may_pay_again.to_string(),
            self.msg.clone().unwrap_or_default(),
        ];
        row.extend(CSV.map(|name| self.fields.get(name).map(plain).unwrap_or_default()));
        row
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("state", &self.state)?;
        map.serialize_entry("over", &self.over)?;
        map.serialize_entry("may_pay_again", &self.may_pay_again)?;
        map.serialize_entry("msg", &self.msg)?;
        for (name, value) in &self.fields.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Thing for Report {
    fn table(&self) -> String {
        let (state, meaning) = (&self.state, self.meaning);
        let style = meaning.style();
        let mut text =
            format!("{STRONG}{}{STRONG:#}\n", crate::text::Escaped(&self.payment.to_string()));
        text.push('\n');
        for line in meaning.long() {
            text.push_str(&format!("{style}{line}{style:#}\n"));
        }
        text.push('\n');
        let yes = |yes| if yes { "yes" } else { "no" }.to_owned();
        let mut fields = vec![
            ("state", state.clone()),
            ("over", yes(self.over)),
            ("may_pay_again", yes(self.may_pay_again)),
            ("msg", table::maybe(self.msg.as_ref())),
        ];
        for (name, value) in &self.fields.0 {
            let value = plain(value);
            fields.push((name, if value.is_empty() { table::NONE.to_owned() } else { value }));
        }
        text.push_str(&table::fields(&fields));
        text
    }

    fn csv(&self) -> Vec<Vec<String>> {
        vec![Self::header(), self.row()]
    }
}

/// The fields of a payment in any state.
const CSV: [&str; 12] = [
    "operation_id",
    "address_in",
    "txid",
    "amount_usdt",
    "amount_brl",
    "bank_txid",
    "name",
    "kamipay_id",
    "external_id",
    "pix_key",
    "refund_txid",
    "original_txid",
];

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Option<Box<RawValue>>,
}

/// The fields of a JSON object as they stand there: order and digits are kept.
#[derive(Default)]
struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// The fields of an object; anything else is one field `data`.
    fn of(data: Box<RawValue>) -> Self {
        serde_json::from_str(data.get())
            .unwrap_or_else(|_| Self(vec![("data".to_owned(), one_line(data))]))
    }

    fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let (mut fields, mut names) = (Fields::default(), HashSet::new());
                while let Some(name) = map.next_key::<String>()? {
                    // `status` is our `state`, and no field of theirs takes the place of ours.
                    let ours = ["status", "state", "over", "may_pay_again", "msg"];
                    if ours.contains(&name.as_str()) || !names.insert(name.clone()) {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    let value = money(&name, one_line(map.next_value()?));
                    fields.0.push((name, value));
                }
                Ok(fields)
            }
        }

        from.deserialize_map(Object)
    }
}

/// Money is a string, in a state that has no model, too.
fn money(name: &str, value: Box<RawValue>) -> Box<RawValue> {
    let is_amount = name == "amount" || name.starts_with("amount_") || name.ends_with("_amount");
    let number = |text: &str| text.starts_with(|char: char| char == '-' || char.is_ascii_digit());
    match value.get() {
        text if is_amount && number(text) => {
            RawValue::from_string(format!("\"{text}\"")).unwrap_or(value)
        }
        _ => value,
    }
}

/// JSON as it came, but for the white space outside its strings: a row is a line.
fn one_line(value: Box<RawValue>) -> Box<RawValue> {
    let (mut in_string, mut is_escaped) = (false, false);
    let mut line = value.get().to_owned();
    line.retain(|char| {
        match char {
            '"' if !is_escaped => in_string = !in_string,
            '\\' if !is_escaped => {
                is_escaped = true;
                return true;
            }
            _ => {}
        }
        is_escaped = false;
        in_string || !char.is_ascii_whitespace()
    });
    RawValue::from_string(line).unwrap_or(value)
}

/// A string's text, nothing for null, and JSON for all else.
fn plain(value: &RawValue) -> String {
    match value.get() {
        "null" => String::new(),
        text => serde_json::from_str(text).unwrap_or_else(|_| text.to_owned()),
    }
}
