//! `kamipay lots find-payout`

use chrono::{DateTime, SubsecRound as _, Utc};
use clap::Args;
use kamipay_ureq::proto::lots::{FindPayout, FindPayoutStep, FoundPayout};
use kamipay_ureq::proto::{KamipayId, Period};
use kamipay_ureq::{Client, Rows};
use serde::Serialize;
use serde::ser::{SerializeStruct as _, Serializer};

use super::{CSV, LOT, payouts, rows};
use crate::commands::count;
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::fields::Fields;
use crate::output::{Output, Thing};
use crate::progress::Progress;
use crate::table;
use crate::time::PeriodArgs;
use crate::view::{View, WideArgs};

/// Find the lot that holds a payout
///
/// Opens lot after lot until one holds the payout, and prints that lot with that payout alone. A
/// kamipay_id such as txc_01jranqegkf509bq5svh03ztt8 contains the time when it was made, and its lot
/// comes soon after: the search begins there, goes on to --to, and looks at the time before last.
/// Other identifiers are searched for from --to back to --from.
///
/// A lot that FAILED does not end the search, because its payouts may be retried in a later lot. It
/// is printed only if no other lot up to --to holds the payout.
///
/// If no lot of the period holds the payout, the exit code is 7. It can be in a lot that was created
/// later.
#[derive(Args)]
#[command(
    override_usage = "kamipay lots find-payout [OPTIONS] <KAMIPAY_ID> --from <TIME> --to <TIME>"
)]
#[command(after_help = "\
Examples:
  kamipay lots find-payout txc_01jranqegkf509bq5svh03ztt8 --from 2026-05-01 --to 2026-05-31
  kamipay lots find-payout txc_01jranqegkf509bq5svh03ztt8 --from 2026-05-14 --to 2026-05-15 \\
      --output json | jq -r .lot_id

JSON is the lot with a field `payout`; CSV has the rows `lot` and `payout` of `kamipay lots get`.")]
pub(crate) struct Find {
    /// kamiPay's identifier of the payout, such as txc_01jranqegkf509bq5svh03ztt8
    #[arg(value_name = "KAMIPAY_ID", value_parser = kamipay_id)]
    kamipay_id: KamipayId,
    #[command(flatten)]
    period: PeriodArgs,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    wide: WideArgs,
    #[command(flatten)]
    connection: Connection,
}

fn kamipay_id(text: &str) -> Result<KamipayId, &'static str> {
    let plain = |char: char| char.is_ascii_graphic();
    if text.is_empty() || text.len() > 1024 || !text.chars().all(plain) {
        return Err("a kamipay_id is 1 to 1024 visible ASCII characters, such as \
                    txc_01jranqegkf509bq5svh03ztt8");
    }
    Ok(text.into())
}

impl Find {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let client = self.connection.client()?;
        let period = self.period.period()?;
        let asked = self.period.asked()?;
        if let Some(note) = asked.note(Some(period)) {
            self.output.note(&note);
        }
        let progress = Progress::search(self.connection.hides_progress(self.output.is_quiet()));
        let mut search = FindPayout::new(self.kamipay_id.clone(), period);
        let found = follow(&mut search, &client, &progress);
        progress.end();
        let unsearched = unsearched(&search);
        let found = found.map_err(|failure| {
            let failure = match search.failed() {
                Some(FoundPayout { lot, .. }) => failure.tip(format!(
                    "the lot {} of {} holds the payout, and FAILED; whether a later one does is \
                     not known",
                    lot.lot_id,
                    table::time(lot.created_at)
                )),
                None => failure,
            };
            match &unsearched {
                Some(times) => {
                    failure.tip(format!("not searched completely: lots created {times}"))
                }
                None => failure,
            }
        })?;
        let found = found.ok_or_else(|| self.not_found(period, search.lots_opened()))?;
        self.output.thing(&Found(&found), &self.wide.view(asked.zone))?;
        if found.is_failed() {
            self.output.note(&format!(
                "this lot FAILED, and no other up to {} holds the payout: it may be retried in a \
                 later one. {}",
                table::time(Some(period.end())),
                self.what_became_of_it()
            ));
            if let Some(times) = unsearched {
                self.output.note(&format!(
                    "lots created {times} were not searched: they are older than the payout"
                ));
            }
        }
        Ok(Exit::Done)
    }

    fn not_found(&self, period: Period, lots: u64) -> Failure {
        let [start, end] = [period.start(), period.end()].map(|time| table::time(Some(time)));
        Failure::not_found(format!(
            "the payout {} is in none of the {} from {start} to {end}",
            self.kamipay_id,
            count(lots, "lot"),
        ))
        .tip("a payout can be in a lot that was created later: search on from --to")
        .tip(self.what_became_of_it())
    }

    fn what_became_of_it(&self) -> String {
        format!("what became of it: kamipay pay status --kamipay-id {}", self.kamipay_id)
    }
}

/// The times whose lots were not all searched, if there are any.
fn unsearched(search: &FindPayout) -> Option<String> {
    let second = |time: DateTime<Utc>| table::time(Some(time.trunc_subsecs(0)));
    let times = search.unsearched().into_iter();
    let times = times.map(|it| format!("from {} to {}", second(it.start()), second(it.end())));
    let times: Vec<String> = times.collect();
    (!times.is_empty()).then(|| times.join(" and "))
}

/// Does what the search asks for, until it is over.
fn follow(
    search: &mut FindPayout,
    client: &Client,
    progress: &Progress,
) -> Result<Option<FoundPayout>, Failure> {
    let mut lots: Option<Rows<_>> = None;
    loop {
        match search.step() {
            FindPayoutStep::List(what) => {
                progress
                    .say(format!("listing lots from {}", table::time(Some(what.period.start()))));
                lots = Some(client.scan(what));
            }
            FindPayoutStep::NextLot => {
                let lot = lots.as_mut().and_then(Iterator::next).transpose();
                let lot = lot.map_err(|error| Failure::scan("listing lots", &error))?;
                search.listed(lot).map_err(|error| {
                    Failure::other(format!("a lot of the listing cannot be opened: {error}"))
                })?;
            }
            FindPayoutStep::Open(call) => {
                progress.say(format!("opening lot {}: {}", search.lots_opened() + 1, call.lot));
                let lot = client.send(&call).map_err(|error| {
                    Failure::call(&format!("reading the lot {}", call.lot), &error)
                })?;
                search.opened(lot);
            }
            FindPayoutStep::Over(found) => return Ok(found.map(|found| *found)),
        }
    }
}

/// A lot with the payout alone.
struct Found<'a>(&'a FoundPayout);

impl Serialize for Found<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let FoundPayout { lot, payout, .. } = self.0;
        let mut found = to.serialize_struct("Found", 6)?;
        found.serialize_field("lot_id", &lot.lot_id)?;
        found.serialize_field("transaction_hash", &lot.transaction_hash)?;
        found.serialize_field("usdt_amount", &lot.usdt_amount.to_string())?;
        found.serialize_field("created_at", &lot.created_at.map(|at| table::time(Some(at))))?;
        found.serialize_field("status", &lot.status)?;
        found.serialize_field("payout", payout)?;
        found.end()
    }
}

impl Thing for Found<'_> {
    fn columns() -> Vec<&'static str> {
        CSV.to_vec()
    }

    fn table(&self, view: &View) -> String {
        let FoundPayout { lot, payout, .. } = self.0;
        let text = table::fields_of(lot, LOT, view) + &payouts(&[payout], view);
        match lot.payouts.len() as u64 - 1 {
            0 => text,
            others => text + &format!("  beside {} in this lot\n", count(others, "other payout")),
        }
    }

    fn rows(&self) -> Vec<Fields> {
        rows(&self.0.lot, &[&self.0.payout])
    }
}
