use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};

use clap::Args;
use kamipay_ureq::proto::ExactSum;
use serde_json::{Map, Value, json};

use super::Listing;
use crate::commands::count;
use crate::exit::Failure;
use crate::output::{Format, Output};
use crate::progress::thousands;
use crate::table::{self, Column, NONE, Table, number, text};
use crate::view::View;
use crate::zone::Zone;

/// Whether to add up.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub(super) struct TotalsArgs {
    /// Add up the amounts, exactly and by currency, and print the sums on standard error
    ///
    /// A terminal shows them without this flag. In JSON they are part of the value:
    /// {"rows": […], "totals": {…}}. An incomplete list has no totals. Those of a resumed list are
    /// of the rows that this run reads, and a note says so.
    #[arg(long)]
    totals: bool,
}

impl TotalsArgs {
    /// Whether they were asked for.
    pub(super) fn are_wanted(&self) -> bool {
        self.totals
    }

    /// The totals to add up, if somebody will see them.
    pub(super) fn begin(&self, output: Output) -> Option<Totals> {
        let are_seen = self.totals || !output.is_quiet() && io::stderr().is_terminal();
        are_seen.then(Totals::default)
    }

    /// What of them belongs into the output.
    pub(super) fn in_json<S: Listing>(
        &self,
        totals: Option<&Totals>,
        format: Format,
    ) -> Result<Option<Value>, Failure> {
        let totals = totals.filter(|_| self.totals && format == Format::Json);
        totals.map(Totals::json::<S>).transpose()
    }

    /// Prints them on standard error, unless they are in the output.
    pub(super) fn print<S: Listing>(
        &self,
        totals: &Totals,
        format: Format,
        output: Output,
        rows_before: u64,
    ) -> Result<(), Failure> {
        if self.totals && format == Format::Json {
            return Ok(());
        }
        totals.print::<S>();
        if rows_before > 0 {
            output.warn(&format!(
                "the totals are of the {} of this run, without the {} of the runs before",
                count(totals.all.rows, "row"),
                thousands(rows_before),
            ));
        }
        // An inexact sum that was asked for is an error.
        if self.totals { totals.json::<S>().map(drop) } else { Ok(()) }
    }
}

/// The sums of a listing, and of its rows in each state.
#[derive(Default)]
pub(super) struct Totals {
    all: Sums,
    /// Empty if the rows have no states.
    by_status: BTreeMap<String, Sums>,
}

/// The sums of some rows.
#[derive(Default)]
struct Sums {
    rows: u64,
    /// By field and currency: how many amounts, and their sum.
    sums: BTreeMap<(&'static str, String), (u64, ExactSum)>,
    /// How many rows have no amount in a field.
    missing: BTreeMap<&'static str, u64>,
}

impl Totals {
    pub(super) fn add<S: Listing>(&mut self, row: &S::Row) {
        self.all.add::<S>(row);
        if let Some(status) = S::status(row) {
            let status = status.unwrap_or_default().to_owned();
            self.by_status.entry(status).or_default().add::<S>(row);
        }
    }

    /// One JSON object.
    ///
    /// # Errors
    ///
    /// If a sum has too many digits.
    fn json<S: Listing>(&self) -> Result<Value, Failure> {
        let mut totals = self.all.json::<S>()?;
        let by_status = self.by_status.iter().map(|(status, sums)| {
            sums.json::<S>().map(|sums| (status.clone(), Value::Object(sums)))
        });
        if !self.by_status.is_empty() {
            totals.insert("by_status".to_owned(), by_status.collect::<Result<_, _>>()?);
        }
        Ok(Value::Object(totals))
    }

    /// Prints the totals on standard error.
    fn print<S: Listing>(&self) {
        const COLUMNS: &[Column] = &[text("total"), number("rows"), number("sum")];
        let mut table = Table::new(COLUMNS, &View { width: None, zone: Zone::UTC });
        let mut row = |name: &str, rows: u64, currency: &str, sum: Option<ExactSum>| {
            let sum = match sum.map(ExactSum::value) {
                Some(Some(sum)) => table::amount(sum, currency).trim_end().to_owned(),
                Some(None) => format!("{TOO_MANY_DIGITS}, {currency}"),
                None => NONE.to_owned(),
            };
            table.row(vec![name.to_owned(), rows.to_string(), sum]);
        };
        for field in S::AMOUNTS {
            for (currency, (rows, sum)) in self.all.of(field) {
                row(field, *rows, currency, Some(*sum));
                if self.by_status.len() < 2 {
                    continue;
                }
                for (status, sums) in &self.by_status {
                    if let Some((rows, sum)) = sums.sums.get(&(*field, currency.clone())) {
                        let status = if status.is_empty() { NONE } else { status };
                        row(&format!("  {status}"), *rows, currency, Some(*sum));
                    }
                }
            }
            if let Some(rows) = self.all.missing.get(field) {
                row(&format!("no {field}"), *rows, "", None);
            }
        }
        if self.all.rows > 0 {
            let _ = anstream::stderr().write_all(table.render("").0.as_bytes());
        }
    }
}

impl Sums {
    fn add<S: Listing>(&mut self, row: &S::Row) {
        self.rows += 1;
        for (field, (amount, currency)) in S::AMOUNTS.iter().zip(S::amounts(row)) {
            let Some(amount) = amount else {
                *self.missing.entry(field).or_default() += 1;
                continue;
            };
            let currency = currency.unwrap_or_default().to_owned();
            let (rows, sum) = self.sums.entry((field, currency)).or_default();
            *rows += 1;
            sum.add(amount);
        }
    }

    /// The sums of a field, by currency.
    fn of(&self, field: &str) -> impl Iterator<Item = (&String, &(u64, ExactSum))> {
        let sums = self.sums.iter().filter(move |((other, _), _)| *other == field);
        sums.map(|((_, currency), sum)| (currency, sum))
    }

    fn json<S: Listing>(&self) -> Result<Map<String, Value>, Failure> {
        let mut totals = Map::new();
        totals.insert("count".to_owned(), self.rows.into());
        for field in S::AMOUNTS {
            let sums = self.of(field).map(|(currency, (_, sum))| match sum.value() {
                Some(sum) => Ok((currency.clone(), Value::String(sum.to_string()))),
                None => Err(Failure::other(format!(
                    "--totals: {field} in {currency} has {TOO_MANY_DIGITS} for an exact sum"
                ))),
            });
            totals.insert((*field).to_owned(), sums.collect::<Result<_, _>>()?);
        }
        totals.insert("missing".to_owned(), json!(self.missing));
        Ok(totals)
    }
}

const TOO_MANY_DIGITS: &str = "too many digits";
