//! A merchant of a test's own, as JSON.

use std::{collections::HashMap, error::Error, fmt, fs, io, path::Path};

use chrono::{DateTime, Utc};
use http::Method;
use rust_decimal::Decimal;

mod node;
#[cfg(test)]
mod tests;

use self::node::{
    Field,
    Form::{self, Amount, Any, Array, Epoch, Flag, Integer, IntegerText, TextAmount, Time, Word},
    Node, Object,
};
use crate::{
    forms,
    json::{array, float, member, with_member},
    list::List,
    payments::{Payment, PaymentState},
    route::Route,
    row::{self, Row, Shown},
};

/// What a file or a text contains.
#[derive(Debug, Default)]
pub(crate) struct Data {
    pub(crate) now: DateTime<Utc>,
    pub(crate) payments: Vec<Payment>,
    pub(crate) rows: Vec<Row>,
    pub(crate) routes: Vec<Route>,
}

/// Data that [`Sandbox::with_json`](crate::Sandbox::with_json) or
/// [`Sandbox::with_file`](crate::Sandbox::with_file) refuses. The message names the file, the line
/// and the field, and what is allowed there.
#[derive(Debug)]
pub struct InvalidData {
    file: Option<String>,
    line: Option<usize>,
    problem: String,
    source: Option<io::Error>,
}

impl InvalidData {
    fn new(problem: String) -> Self {
        Self { file: None, line: None, problem, source: None }
    }
}

impl fmt::Display for InvalidData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}: ")?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.problem)
    }
}

impl Error for InvalidData {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}

const FILE: &[Field] = &[
    ("now", Time, false),
    ("payments", Array, false),
    ("lots", Array, false),
    ("settlements", Array, false),
    ("transactions", Array, false),
    ("pending_charges", Array, false),
    ("confirmed_charges", Array, false),
    ("routes", Array, false),
];

const PAYMENT: &[Field] = &[
    ("external_id", Form::Text, false),
    ("states", Array, false),
    ("kamipay_id", Form::Text, false),
    ("txid", Form::Text, false),
    ("operation_id", Form::Text, false),
    ("amount_usdt", TextAmount, false),
    ("amount_brl", TextAmount, false),
    ("name", Form::Text, false),
    ("pix_key", Form::Text, false),
    ("address_in", Form::Text, false),
    ("bank_txid", Form::Text, false),
    ("refund_txid", Form::Text, false),
];

const LOT: &[Field] = &[
    ("lot_id", Form::Text, false),
    ("transaction_hash", Form::Text, true),
    ("usdt_amount", TextAmount, false),
    ("created_at", Time, true),
    ("status", Word(&["PENDING", "PROCESSING", "MINED", "FAILED"]), false),
    ("payouts", Array, false),
    ("refunds", Array, false),
];

const PAYOUT: &[Field] = &[
    ("kamipay_id", Form::Text, false),
    ("amount", TextAmount, false),
    ("created_at", Time, false),
];

const REFUND: &[Field] = &[
    ("kamipay_refund_id", Form::Text, false),
    ("amount", TextAmount, false),
    ("created_at", Time, false),
];

const SETTLEMENT: &[Field] = &[
    ("settlement_id", Integer, false),
    ("settlement_provider_name", Form::Text, false),
    ("provider_settlement_id", Form::Text, true),
    ("external_settlement_id", Form::Text, true),
    ("amount", Amount, false),
    ("currency", Form::Text, false),
    ("address_to", Form::Text, false),
    ("address_from", Form::Text, false),
    ("settlement_message", Form::Text, true),
    ("settled_at", Time, true),
    ("created_at", Time, false),
    ("status", Word(&["CREATED", "PROCESSING", "DONE", "CANCELED", "FAILED"]), true),
    ("charges", Array, false),
];

/// A charge of a settlement, and the first fields of a pending one and of a transaction.
const CHARGE: &[Field] = &[
    ("kamipay_request_id", Form::Text, false),
    ("kamipay_id", Form::Text, false),
    ("external_id", Form::Text, true),
    ("charged_amount", Amount, false),
    ("charged_currency", Form::Text, false),
    ("settlement_amount", Amount, true),
    ("settlement_currency", Form::Text, true),
];

const OF_PENDING_CHARGE: &[Field] =
    &[("charged_timestamp", Time, false), (CHECKOUT, Integer, false)];

const OF_TRANSACTION: &[Field] = &[
    ("settlement_id", Integer, false),
    ("charged_timestamp", Time, true),
    ("created_at", Time, false),
    ("settlement_provider_name", Form::Text, false),
    ("settled_at", Time, true),
    ("provider_settlement_id", Form::Text, true),
    ("external_settlement_id", Form::Text, true),
];

const CONFIRMED_CHARGE: &[Field] = &[
    ("store_id", IntegerText, false),
    (CHECKOUT, IntegerText, false),
    ("operation_id", Form::Text, false),
    ("tx_hash", Form::Text, false),
    ("brl_requested", TextAmount, false),
    ("usdt_credited", TextAmount, false),
    ("external_data", Form::Text, false),
    ("request_datetime", Epoch, false),
    ("credit_datetime", Epoch, false),
];

const ROUTE: &[Field] = &[
    ("method", Form::Text, false),
    ("path", Form::Text, false),
    ("status", Integer, false),
    ("body", Any, false),
    ("needs_token", Flag, false),
];

const CHECKOUT: &str = "checkout_id";

impl Data {
    /// `now` counts where the file does not say.
    pub(crate) fn from_file(path: &Path, now: DateTime<Utc>) -> Result<Self, InvalidData> {
        let file = Some(path.display().to_string());
        let json = fs::read_to_string(path).map_err(|error| InvalidData {
            file: file.clone(),
            source: Some(error),
            ..InvalidData::new("the file cannot be read".to_owned())
        })?;
        Self::from_json(&json, now).map_err(|error| InvalidData { file, ..error })
    }

    pub(crate) fn from_json(json: &str, now: DateTime<Utc>) -> Result<Self, InvalidData> {
        let file = Node::of(json)?.object(&[FILE])?;
        let now = file.get("now").map_or(Ok(now), Node::time)?;
        let mut reading = Reading { now, data: Self::default(), seen: HashMap::new() };
        for payment in file.items("payments")? {
            reading.payment(&payment)?;
        }
        for lot in file.items("lots")? {
            reading.lot(&lot)?;
        }
        let settlements = file.items("settlements")?;
        for settlement in &settlements {
            reading.settlement(settlement)?;
        }
        for transaction in file.items("transactions")? {
            let fields = transaction.object(&[CHARGE, OF_TRANSACTION])?;
            let settlement_id = fields.required("settlement_id")?.integer()?;
            let at = fields.required("created_at")?.time()?;
            reading.transaction(&fields, settlement_id, at)?;
        }
        for settlement in &settlements {
            reading.add_up(settlement)?;
        }
        for charge in file.items("pending_charges")? {
            reading.pending_charge(&charge)?;
        }
        for charge in file.items("confirmed_charges")? {
            reading.confirmed_charge(&charge)?;
        }
        for route in file.items("routes")? {
            reading.route(&route)?;
        }
        Ok(Self { now, ..reading.data })
    }
}

struct Reading {
    now: DateTime<Utc>,
    data: Data,
    /// Where each identifier stands, by its name and value.
    seen: HashMap<(&'static str, String), String>,
}

impl Reading {
    fn payment(&mut self, node: &Node<'_>) -> Result<(), InvalidData> {
        let fields = node.object(&[PAYMENT])?;
        let external_id = self.id(&fields, "external_id", "external_id")?;
        let states = fields.required("states")?;
        let mut payment = Payment::new(external_id, []);
        for state in states.items()? {
            let name = state.text()?;
            let state = name.parse::<PaymentState>().map_err(|error| state.refuse(error))?;
            payment.states.push(state);
        }
        if payment.states.is_empty() {
            return Err(states.refuse("a payment needs at least one state, such as \"done\""));
        }
        let identifiers = &mut payment.identifiers;
        for (name, place) in [
            ("kamipay_id", &mut identifiers.kamipay_id),
            ("txid", identifiers.tx_id.get_or_insert_default()),
            ("operation_id", identifiers.operation_id.get_or_insert_default()),
        ] {
            if fields.get(name).is_some() {
                *place = self.id(&fields, name, name)?;
            }
        }
        for (name, place) in [
            ("name", &mut payment.name),
            ("pix_key", &mut payment.pix_key),
            ("address_in", &mut payment.address_in),
            ("bank_txid", &mut payment.bank_txid),
            ("refund_txid", &mut payment.refund_txid),
        ] {
            if let Some(node) = fields.get(name) {
                *place = node.text()?;
            }
        }
        for (name, place) in
            [("amount_usdt", &mut payment.amount_usdt), ("amount_brl", &mut payment.amount_brl)]
        {
            if let Some(node) = fields.get(name) {
                *place = node.amount()?;
            }
        }
        self.data.payments.push(payment);
        Ok(())
    }

    /// Without an amount, the lot has the sum of its payouts.
    fn lot(&mut self, node: &Node<'_>) -> Result<(), InvalidData> {
        let fields = node.object(&[LOT])?;
        let id = self.id(&fields, "lot_id", "lots")?;
        let at = self.time(&fields, "created_at")?;
        let (mut payouts, mut refunds, mut sum) = (Vec::new(), Vec::new(), Decimal::ZERO);
        for payout in fields.items("payouts")? {
            let fields = payout.object(&[PAYOUT])?;
            let id = self.id(&fields, "kamipay_id", "payouts")?;
            let amount = self.payout_amount(&fields, &id)?;
            sum += amount;
            let payout = forms::part_of_lot(("kamipay_id", &id), amount, at).end();
            payouts.push(with_values(payout, &fields));
        }
        for refund in fields.items("refunds")? {
            let fields = refund.object(&[REFUND])?;
            let id = self.id(&fields, "kamipay_refund_id", "refunds")?;
            let amount = fields.required("amount")?.amount()?;
            let refund = forms::part_of_lot(("kamipay_refund_id", &id), amount, at).end();
            refunds.push(with_values(refund, &fields));
        }
        if fields.get("usdt_amount").is_none() && payouts.is_empty() {
            return Err(node.refuse("usdt_amount is missing, and there are no payouts to add up"));
        }
        let row = with_fields(Row::lot(id, at, sum), &fields);
        let row = row.with_part("payouts", &array(&payouts));
        self.data.rows.push(row.with_part("refunds", &array(&refunds)));
        Ok(())
    }

    /// Each payout is a payment. Without one in the file, it is done.
    fn payout_amount(&mut self, fields: &Object<'_>, id: &str) -> Result<Decimal, InvalidData> {
        let payment = self.data.payments.iter().find(|payment| payment.kamipay_id() == id);
        if let (Some(payment), None) = (payment, fields.get("amount")) {
            return Ok(payment.amount_usdt);
        }
        let amount = fields.required("amount")?.amount()?;
        if payment.is_none() {
            let brl = amount.checked_mul(Decimal::new(54, 1)).unwrap_or(amount);
            let mut payment = Payment::new(id, [PaymentState::Done])
                .with_kamipay_id(id)
                .with_amounts(amount, brl.trunc_with_scale(2));
            payment.identifiers.external_id = None;
            self.data.payments.push(payment);
        }
        Ok(amount)
    }

    /// Its charges are transactions.
    fn settlement(&mut self, node: &Node<'_>) -> Result<(), InvalidData> {
        let fields = node.object(&[SETTLEMENT])?;
        self.id(&fields, "settlement_id", "settlements")?;
        let id = fields.required("settlement_id")?.integer()?;
        let at = self.time(&fields, "settled_at")?;
        let row = with_fields(Row::settlement(id, at, Decimal::ZERO), &fields);
        let is_settled = !fields.required("settled_at")?.is_null();
        let shown = if is_settled { Shown::ByTime } else { Shown::Never };
        self.data.rows.push(Row { shown, ..row });
        for charge in fields.items("charges")? {
            self.transaction(&charge.object(&[CHARGE])?, id, at)?;
        }
        Ok(())
    }

    /// Without an amount, a settlement has the sum of its charges.
    fn add_up(&mut self, node: &Node<'_>) -> Result<(), InvalidData> {
        let fields = node.object(&[SETTLEMENT])?;
        if fields.get("amount").is_some() {
            return Ok(());
        }
        let id = fields.required("settlement_id")?.integer()?;
        let rows = self.data.rows.iter().filter(|row| row.settlement_id == id);
        let charges: Vec<_> = rows.filter(|row| row.list == List::Transactions).collect();
        if charges.is_empty() {
            return Err(node.refuse("amount is missing, and there are no charges to add up"));
        }
        let sum = float(charges.iter().map(|charge| charge.amount).sum());
        if let Some(row) = self.settlement_row(id) {
            *row = row.clone().with_field("amount", &sum);
        }
        Ok(())
    }

    fn settlement_row(&mut self, id: i64) -> Option<&mut Row> {
        let mut rows = self.data.rows.iter_mut();
        rows.find(|row| row.list == List::Settlements && row.settlement_id == id)
    }

    /// A transaction shows the time and the provider of its settlement.
    fn transaction(
        &mut self,
        fields: &Object<'_>,
        settlement_id: i64,
        at: DateTime<Utc>,
    ) -> Result<(), InvalidData> {
        let settlement = self.settlement_row(settlement_id).map(|row| row.json.clone());
        let settlement = settlement.unwrap_or_default();
        let row = self.charge(fields, "transactions", |id, amount| {
            let names = [
                "settlement_provider_name",
                "settled_at",
                "provider_settlement_id",
                "external_settlement_id",
            ];
            let row = Row::transaction(settlement_id, id, at, amount);
            names.iter().fold(row, |row, name| match member(&settlement, name) {
                Some(json) => row.with_field(name, json),
                None => row,
            })
        })?;
        self.data.rows.push(row);
        Ok(())
    }

    fn pending_charge(&mut self, node: &Node<'_>) -> Result<(), InvalidData> {
        let fields = node.object(&[CHARGE, OF_PENDING_CHARGE])?;
        let at = fields.required("charged_timestamp")?.time()?;
        let checkout = fields.get(CHECKOUT).map(Node::integer).transpose()?;
        let row = self
            .charge(&fields, "pending_charges", |id, amount| Row::pending_charge(id, at, amount))?;
        self.data.rows.push(row.with_checkout(checkout.unwrap_or(row::CHECKOUT)));
        Ok(())
    }

    /// A charge as the function makes it from its identifier and its amount, with its fields.
    fn charge(
        &mut self,
        fields: &Object<'_>,
        list: &'static str,
        make: impl FnOnce(String, Decimal) -> Row,
    ) -> Result<Row, InvalidData> {
        let id = self.id(fields, "kamipay_request_id", list)?;
        fields.required("charged_amount")?;
        let amount = fields.required("settlement_amount")?;
        let amount = if amount.is_null() { None } else { Some(amount.amount()?) };
        let row = make(id, amount.unwrap_or_default());
        // A charge without a quote has neither.
        let row =
            if amount.is_none() { row.with_field("settlement_currency", "null") } else { row };
        Ok(with_fields(row, fields))
    }

    fn confirmed_charge(&mut self, node: &Node<'_>) -> Result<(), InvalidData> {
        let fields = node.object(&[CONFIRMED_CHARGE])?;
        let id = self.id(&fields, "operation_id", "confirmed_charges")?;
        fields.required("brl_requested")?;
        let amount = fields.required("usdt_credited")?.amount()?;
        let at = fields.required("credit_datetime")?.epoch()?;
        let mut row = Row::confirmed_charge(id, at, amount);
        if let Some(store) = fields.get("store_id") {
            row = row.with_store(store.integer()?);
        }
        if let Some(checkout) = fields.get(CHECKOUT) {
            row = row.with_checkout(checkout.integer()?);
        }
        self.data.rows.push(with_fields(row, &fields));
        Ok(())
    }

    fn route(&mut self, node: &Node<'_>) -> Result<(), InvalidData> {
        let fields = node.object(&[ROUTE])?;
        let method = fields.required("method")?;
        let path = fields.required("path")?;
        let text = method.text()?;
        let is_method = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase());
        let Some(name) = Method::from_bytes(text.as_bytes()).ok().filter(|_| is_method) else {
            return Err(method.refuse("a method is in upper case, such as \"GET\""));
        };
        let text = path.text()?;
        if !text.starts_with('/') || text.contains('?') || text == "/auth/token" {
            return Err(path.refuse(
                "a path begins with /, has no query, and is not /auth/token, such as \"/v2/oracle\"",
            ));
        }
        let status = match fields.get("status") {
            None => 200,
            Some(node) => u16::try_from(node.integer()?)
                .ok()
                .filter(|status| (100..1000).contains(status))
                .ok_or_else(|| node.refuse("a status is from 100 to 999"))?,
        };
        let route = Route::fixed(name, text, status, fields.required("body")?.json());
        let needs_token = fields.get("needs_token").map_or(Ok(true), Node::flag)?;
        self.data.routes.push(if needs_token { route } else { route.without_token() });
        Ok(())
    }

    /// The identifier of a value. No two of a kind have the same.
    fn id(
        &mut self,
        fields: &Object<'_>,
        name: &str,
        kind: &'static str,
    ) -> Result<String, InvalidData> {
        let node = fields.required(name)?;
        let id = node.text().unwrap_or_else(|_| node.json().to_owned());
        match self.seen.insert((kind, id.clone()), node.path().to_owned()) {
            None => Ok(id),
            Some(other) => Err(node.refuse(format!("{other} is {} too", node.json()))),
        }
    }

    /// A time that may be `null`, which counts as now.
    fn time(&self, fields: &Object<'_>, name: &str) -> Result<DateTime<Utc>, InvalidData> {
        let node = fields.required(name)?;
        if node.is_null() { Ok(self.now) } else { node.time() }
    }
}

/// The row with the fields as they are spelled.
fn with_fields(row: Row, fields: &Object<'_>) -> Row {
    // A pending charge does not show its checkout.
    let is_shown = |name: &str| row.list != List::PendingCharges || name != CHECKOUT;
    let values: Vec<_> = fields.values().filter(|(name, _)| is_shown(name)).collect();
    values.into_iter().fold(row, |row, (name, json)| row.with_field(name, json))
}

fn with_values(json: String, fields: &Object<'_>) -> String {
    fields.values().fold(json, |json, (name, value)| with_member(&json, name, value))
}
