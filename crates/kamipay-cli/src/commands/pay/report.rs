use kamipay_ureq::proto::pay_status::{PayStatus, PaymentTarget};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::Meaning;
use crate::exit::Failure;
use crate::fields::{Fields, plain};
use crate::output::Thing;
use crate::table::{self, NONE, STRONG};
use crate::text::Escaped;
use crate::view::View;

/// A state with what it permits, and the API's fields of the payment.
pub(super) struct Report {
    payment: PaymentTarget,
    pub(super) meaning: Meaning,
    fields: Fields,
}

/// The fields that this program adds. The API's fields do not replace them.
const OURS: [&str; 4] = ["state", "over", "may_pay_again", "msg"];

impl Report {
    /// What one answer says.
    pub(super) fn of(payment: &PaymentTarget, status: &PayStatus) -> Result<Self, Failure> {
        Self::new(payment, status, status.permission_to_pay_again().is_some())
    }

    /// `may_pay_again` is not always what the status says: an earlier answer may contradict it.
    pub(super) fn new(
        payment: &PaymentTarget,
        status: &PayStatus,
        may_pay_again: bool,
    ) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            data: Option<Box<RawValue>>,
        }

        // An answer serializes in the API's form; an unknown state as the text that came.
        let answer = serde_json::to_string(status).and_then(|it| serde_json::from_str(&it));
        let Answer { data } = answer.map_err(|error| {
            Failure::other(format!("the state of the payment cannot be written: {error}"))
        })?;
        let mut fields = Fields::default()
            .with("state", &status.state())
            .with("over", &status.is_over())
            .with("may_pay_again", &may_pay_again)
            .with("msg", &status.msg());
        let data = data.map(|data| {
            serde_json::from_str(data.get())
                .unwrap_or_else(|_| Fields(vec![("data".to_owned(), data)]))
        });
        for (name, value) in data.unwrap_or_default().0 {
            // `status` is our `state`.
            if name != "status" && !OURS.contains(&name.as_str()) {
                let value = money(&name, one_line(value));
                fields.0.push((name, value));
            }
        }
        let meaning = Meaning::of(status, may_pay_again);
        Ok(Self { payment: payment.clone(), meaning, fields })
    }

    /// The header of CSV.
    pub(super) fn header() -> &'static [&'static str] {
        COLUMNS
    }

    /// A row of CSV.
    pub(super) fn row(&self) -> Vec<String> {
        self.fields.cells(COLUMNS)
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.fields.serialize(to)
    }
}

const COLUMNS: &[&str] = &[
    "state",
    "over",
    "may_pay_again",
    "msg",
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

impl Thing for Report {
    fn columns() -> Vec<&'static str> {
        COLUMNS.to_vec()
    }

    fn table(&self, view: &View) -> String {
        let payment = self.payment.to_string();
        let mut text = format!("{STRONG}{}{STRONG:#}\n\n", Escaped(&payment));
        let style = self.meaning.style();
        for line in self.meaning.long() {
            text.push_str(&format!("{style}{}{style:#}\n", view.prose("", line).trim_end()));
        }
        let shown = |(name, value): &'_ (String, Box<RawValue>)| match plain(value).as_str() {
            "" => NONE.to_owned(),
            "true" if OURS.contains(&name.as_str()) => "yes".to_owned(),
            "false" if OURS.contains(&name.as_str()) => "no".to_owned(),
            text => text.to_owned(),
        };
        let fields = self.fields.0.iter().map(|field| (field.0.as_str(), shown(field)));
        text + "\n" + &table::fields(&fields.collect::<Vec<_>>(), view)
    }
}

/// Makes an amount a string. The API's number comes unchanged in a state without a model.
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

/// Removes white space outside strings: a row is a line.
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
