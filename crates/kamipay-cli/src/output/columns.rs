use clap::Args;

use super::format::Format;
use crate::exit::Failure;
use crate::listing::Listing;
use crate::table::{Column, Table};
use crate::view::{View, WideArgs};
use crate::zone::Zone;

/// Which columns a listing has.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ColumnArgs {
    /// The columns of a table or of CSV, in this order; default: those that fit, and in CSV all
    ///
    /// They are the names of the fields in the JSON. None of them is left out of a table.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "resume")]
    columns: Vec<String>,
    #[command(flatten)]
    wide: WideArgs,
}

impl ColumnArgs {
    /// The columns of this listing. Refuses names that it does not have.
    pub(crate) fn of<S: Listing>(&self, format: Format, zone: &Zone) -> Result<Columns, Failure> {
        let view = self.wide.view(zone.clone());
        let of_names = |names: &[&str]| {
            let column = |name: &&str| S::FIELDS.iter().find(|column| column.name() == *name);
            names.iter().filter_map(column).map(|column| column.beside(names)).collect()
        };
        if self.columns.is_empty() {
            let table = of_names(if self.wide.is_wide() { S::CSV } else { S::TABLE });
            let csv = S::CSV.to_vec();
            return Ok(Columns { table, csv, least: S::LEAST, is_chosen: false, view });
        }
        if !matches!(format, Format::Table | Format::Csv) {
            return Err(Failure::usage("--columns is for tables and CSV")
                .tip("give --output csv or --output table; for JSON, jq chooses fields"));
        }
        let mut chosen = Vec::new();
        for name in &self.columns {
            let Some(known) = S::CSV.iter().find(|known| *known == name) else {
                return Err(Failure::usage(format!(
                    "--columns: {} have no column {name:?}",
                    S::NAME
                ))
                .tip(format!("their columns are {}", S::CSV.join(", "))));
            };
            if chosen.contains(known) {
                return Err(Failure::usage(format!("--columns: {name} is there twice")));
            }
            chosen.push(*known);
        }
        let table = of_names(&chosen);
        Ok(Columns { table, csv: chosen, least: S::LEAST, is_chosen: true, view })
    }
}

/// The columns of a listing.
pub(crate) struct Columns {
    table: Vec<Column>,
    pub(super) csv: Vec<&'static str>,
    least: &'static [&'static str],
    /// Whether they were asked for by name.
    pub(super) is_chosen: bool,
    pub(super) view: View,
}

impl Columns {
    /// All columns, for a format that has all.
    pub(crate) fn all<S: Listing>() -> Self {
        let (table, csv) = (S::FIELDS.to_vec(), S::CSV.to_vec());
        Self { table, csv, least: S::LEAST, is_chosen: false, view: View::screen() }
    }

    pub(super) fn table(&self) -> Table {
        let table = Table::new(&self.table, &self.view).without_first(self.least);
        if self.is_chosen { table.with_all() } else { table }
    }
}
