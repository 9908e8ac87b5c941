//! `kamipay settlements get`

use clap::Args;
use kamipay_ureq::proto::SettlementId;
use kamipay_ureq::proto::settlements::{GetSettlement, ScanSettlements, SettlementDetail};

use crate::commands::count;
use crate::commands::lots::check;
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::fields::Fields;
use crate::listing::Listing as _;
use crate::output::{Output, Thing};
use crate::table::{self, Column, Table, identifier, money_in, state, text, time_of};
use crate::view::{View, ViewArgs};

/// Show one settlement with its charges
///
/// A table compares the sum of the charges with the amount. JSON has the charges as a list in the
/// settlement. CSV has a row for each part, with its kind in the column `kind`: first the
/// `settlement`, then each `charge`, all with the settlement_id.
#[derive(Args)]
#[command(override_usage = "kamipay settlements get [OPTIONS] <ID>")]
#[command(after_help = "\
Examples:
  kamipay settlements get 12345
  kamipay settlements get 12345 --output csv > settlement-12345.csv
  kamipay settlements get 12345 --output json | jq -r '.charges[].external_id'")]
pub(crate) struct Get {
    /// The settlement's number
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    settlement: SettlementId,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    view: ViewArgs,
    #[command(flatten)]
    connection: Connection,
}

impl Get {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let view = self.view.view()?;
        let settlement =
            self.connection.client()?.send(&GetSettlement::new(self.settlement)).map_err(
                |error| {
                    Failure::lookup(&format!("reading the settlement {}", self.settlement), &error)
                },
            )?;
        self.output.thing(&settlement, &view)?;
        Ok(Exit::Done)
    }
}

impl Thing for SettlementDetail {
    fn columns() -> Vec<&'static str> {
        const CHARGE: [&str; 7] = [
            "kamipay_id",
            "external_id",
            "kamipay_request_id",
            "charged_amount",
            "charged_currency",
            "settlement_amount",
            "settlement_currency",
        ];
        let settlement = ScanSettlements::FIELDS.iter().map(Column::name);
        ["kind"].into_iter().chain(settlement).chain(CHARGE).collect()
    }

    fn table(&self, view: &View) -> String {
        const SETTLEMENT: &[Column] = &[
            text("settlement_id"),
            state("status"),
            money_in("amount", "currency"),
            time_of("settled_at"),
            time_of("created_at"),
            text("settlement_provider_name"),
            text("provider_settlement_id"),
            text("external_settlement_id"),
            text("address_to"),
            text("address_from"),
            text("settlement_message"),
        ];
        table::fields_of(self, SETTLEMENT, view) + &charges(self, usize::MAX, view)
    }

    fn rows(&self) -> Vec<Fields> {
        let id = &self.settlement_id;
        let charge = |charge| Fields::of(charge).with("kind", &"charge").with("settlement_id", id);
        let settlement = Fields::of(self).with("kind", &"settlement");
        [settlement].into_iter().chain(self.charges.iter().map(charge)).collect()
    }
}

/// The first `most` charges, with the sum of all.
pub(crate) fn charges(settlement: &SettlementDetail, most: usize, view: &View) -> String {
    const CHARGES: &[Column] = &[
        identifier("external_id"),
        identifier("kamipay_id"),
        money_in("charged_amount", "charged_currency"),
        money_in("settlement_amount", "settlement_currency"),
    ];
    let mut table = Table::new(CHARGES, view).without_first(&["kamipay_id", "charged_amount"]);
    settlement.charges.iter().take(most).for_each(|charge| table.add(charge));
    let all = settlement.charges.len();
    let mut text = table::part(&count(all as u64, "charge"), table);
    if let more @ 1.. = all.saturating_sub(most) {
        text.push_str(&format!("  and {more} more\n"));
    }
    let words = match settlement.unquoted_charges() as u64 {
        0 => "the charges add up to".to_owned(),
        n => format!("without {} the charges add up to", count(n, "unquoted charge")),
    };
    let currency = settlement.currency.as_str();
    text + &view.prose("  ", &check(&words, settlement.check_charges(), "amount", currency))
}
