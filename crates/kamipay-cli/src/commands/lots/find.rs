//! `kamipay lots find-payout`

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use kamipay_ureq::Client;
use kamipay_ureq::proto::lots::{
    GetLot, Lot, LotDetail, LotIdentifier, LotStatus, Payout, ScanLots,
};
use kamipay_ureq::proto::scan::ScanRow;
use kamipay_ureq::proto::{KamipayId, Period};
use serde::Serialize;

use super::{csv_header, csv_lot, csv_payout, head, payouts_table};
use crate::commands::count;
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::output::{Output, Thing};
use crate::progress::Progress;
use crate::table;
use crate::time::PeriodArgs;

/// Find the lot that holds a payout
///
/// Opens lot after lot until one holds the payout, and prints that lot with that payout alone. A
/// kamipay_id such as txc_01jranqegkf509bq5svh03ztt8 bears the time when it was made, and its lot
/// comes soon after: the search begins there, goes on to --to, and looks before it last. Other
/// identifiers are searched for from --to back to --from.
///
/// A lot that FAILED is no answer while there may be another: its payouts may be retried in a later
/// lot, so that the search goes on to --to, and prints the failed lot only where no other holds the
/// payout.
///
/// A payout that is in no lot of the period ends with exit code 1: it can be in a lot that was
/// created later.
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
pub(crate) struct FindPayout {
    /// kamiPay's identifier of the payout, such as txc_01jranqegkf509bq5svh03ztt8
    #[arg(value_name = "KAMIPAY_ID", value_parser = kamipay_id)]
    kamipay_id: KamipayId,
    #[command(flatten)]
    period: PeriodArgs,
    #[command(flatten)]
    output: Output,
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

impl FindPayout {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let client = self.connection.client()?;
        let period = self.period.period()?;
        let progress = Progress::search(self.output.is_quiet());
        let mut search = Search {
            client: &client,
            kamipay_id: &self.kamipay_id,
            progress: &progress,
            opened: HashSet::new(),
            failed: None,
        };
        let outcome = search.run(period);
        progress.end();
        let outcome = outcome.map_err(|failure| match &search.failed {
            Some(found) => failure.tip(found.failed_words()),
            None => failure,
        });
        let Some(found) = outcome? else {
            return Err(self.not_found(period, search.opened.len()));
        };
        self.output.thing(&found)?;
        if found.is_failed() {
            self.output.note(&format!(
                "this lot FAILED, and no other up to {} holds the payout: it may be retried in a \
                 later one. What became of it: kamipay pay status --kamipay-id {}",
                table::time(Some(period.end())),
                self.kamipay_id
            ));
        }
        Ok(Exit::Done)
    }

    fn not_found(&self, period: Period, lots: usize) -> Failure {
        Failure::other(format!(
            "the payout {} is in none of the {} from {}",
            self.kamipay_id,
            count(lots as u64, "lot"),
            period_words(period),
        ))
        .tip("a payout can be in a lot that was created later: search on from --to")
        .tip(format!("what became of it: kamipay pay status --kamipay-id {}", self.kamipay_id))
    }
}

fn period_words(period: Period) -> String {
    let [start, end] = [period.start(), period.end()].map(|time| table::time(Some(time)));
    format!("{start} to {end}")
}

/// A search on its way.
struct Search<'a> {
    client: &'a Client,
    kamipay_id: &'a KamipayId,
    progress: &'a Progress,
    opened: HashSet<<Lot as ScanRow>::Key>,
    /// What there is if nothing better comes.
    failed: Option<Found>,
}

impl Search<'_> {
    fn run(&mut self, period: Period) -> Result<Option<Found>, Failure> {
        let parts = order(period, made_at(self.kamipay_id));
        let (after, before): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|(_, order)| *order == Order::OldestFirst);
        for parts in [after, before] {
            for (part, order) in parts {
                if let Some(found) = self.part(part, order)? {
                    return Ok(Some(found));
                }
            }
            // A retry is later than the payout, so it is not before it.
            if self.failed.is_some() {
                break;
            }
        }
        Ok(self.failed.take())
    }

    fn part(&mut self, part: Period, order: Order) -> Result<Option<Found>, Failure> {
        self.progress.say(format!("listing lots from {}", table::time(Some(part.start()))));
        let lots = self.client.scan(ScanLots::new(part));
        let lots = lots.map(|lot| lot.map_err(|error| Failure::scan("listing lots", &error)));
        match order {
            // As they come: what is after the one that is looked for is not even asked for.
            Order::OldestFirst => self.look_into(lots),
            Order::NewestFirst => {
                let mut lots = lots.collect::<Result<Vec<_>, _>>()?;
                // Those without a time are still under way, so they are the newest.
                lots.sort_by_key(|lot| (lot.created_at.is_none(), lot.created_at));
                self.look_into(lots.into_iter().rev().map(Ok))
            }
        }
    }

    fn look_into(
        &mut self,
        lots: impl Iterator<Item = Result<Lot, Failure>>,
    ) -> Result<Option<Found>, Failure> {
        for lot in lots {
            let lot = lot?;
            if !self.opened.insert(lot.key()) {
                continue;
            }
            self.progress.say(format!(
                "looking into lot {} of {}",
                self.opened.len(),
                table::second(lot.created_at)
            ));
            match self.open(&lot)? {
                Some(found) if found.is_failed() => self.keep(found),
                Some(found) => return Ok(Some(found)),
                None => {}
            }
        }
        Ok(None)
    }

    /// The last of the lots that failed.
    fn keep(&mut self, found: Found) {
        let kept = self.failed.as_ref().map(|kept| kept.lot.created_at);
        if kept <= Some(found.lot.created_at) {
            self.failed = Some(found);
        }
    }

    fn open(&self, lot: &Lot) -> Result<Option<Found>, Failure> {
        let id = LotIdentifier::try_from(&lot.lot_id).map_err(|error| {
            Failure::other(format!("the lot {} cannot be read: {error}", lot.lot_id))
        })?;
        let lot = self
            .client
            .send(&GetLot::new(id))
            .map_err(|error| Failure::call(&format!("reading the lot {}", lot.lot_id), &error))?;
        let payout = lot.payouts.iter().find(|payout| payout.kamipay_id == *self.kamipay_id);
        Ok(payout.cloned().map(|payout| Found { lot, payout }))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    OldestFirst,
    NewestFirst,
}

/// The period in parts, the likely ones first: small ones where the search begins, and each twice
/// as long as the one before it.
fn order(period: Period, made_at: Option<DateTime<Utc>>) -> Vec<(Period, Order)> {
    let (from, to) = (period.start(), period.end());
    // A lot cannot be older than what is in it, but for two clocks that do not agree.
    let begin = made_at.map(|time| time - TimeDelta::minutes(1)).filter(|begin| *begin < to);
    let middle = begin.map_or(to, |begin| begin.max(from));

    let mut parts = Vec::new();
    let mut start = middle;
    let mut length = SHORTEST;
    while start < to {
        let end = to.min(start + length);
        parts.push((start, end, Order::OldestFirst));
        (start, length) = (end, LONGEST.min(length * 2));
    }
    let (mut end, mut length) = (middle, SHORTEST);
    while from < end {
        let start = from.max(end - length);
        parts.push((start, end, Order::NewestFirst));
        (end, length) = (start, LONGEST.min(length * 2));
    }
    let overlapping = |(start, end, order)| {
        // Neighbours overlap, whatever the API makes of their ends.
        let end = to.min(end + TimeDelta::microseconds(1));
        Period::new(start, end).ok().map(|part| (part, order))
    };
    parts.into_iter().filter_map(overlapping).collect()
}

const SHORTEST: TimeDelta = TimeDelta::hours(1);
/// What one call takes.
const LONGEST: TimeDelta = TimeDelta::days(31);

/// When a kamipay_id was made: those that are seen bear a ULID, whose first ten letters are
/// milliseconds. No page promises it, so it says where to begin, and nothing else.
fn made_at(kamipay_id: &KamipayId) -> Option<DateTime<Utc>> {
    const LETTERS: &[u8] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let (_, ulid) = kamipay_id.as_str().split_once('_')?;
    if ulid.len() != 26 {
        return None;
    }
    let mut millis = 0;
    for letter in ulid.bytes().take(10) {
        let digit = LETTERS.iter().position(|known| *known == letter.to_ascii_lowercase())?;
        millis = millis * 32 + i64::try_from(digit).ok()?;
    }
    DateTime::from_timestamp_millis(millis)
}

/// A payout, and the lot that holds it.
struct Found {
    lot: LotDetail,
    payout: Payout,
}

impl Found {
    fn is_failed(&self) -> bool {
        self.lot.status == LotStatus::Failed
    }

    fn failed_words(&self) -> String {
        format!(
            "the lot {} of {} holds the payout, and FAILED; whether a later one does is not known",
            self.lot.lot_id,
            table::second(self.lot.created_at)
        )
    }
}

impl Serialize for Found {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let lot = &self.lot;
        let mut found = to.serialize_struct("Found", 6)?;
        found.serialize_field("lot_id", &lot.lot_id)?;
        found.serialize_field("transaction_hash", &lot.transaction_hash)?;
        found.serialize_field("usdt_amount", &lot.usdt_amount.to_string())?;
        found.serialize_field("created_at", &lot.created_at.map(|at| table::time(Some(at))))?;
        found.serialize_field("status", &lot.status)?;
        found.serialize_field("payout", &self.payout)?;
        found.end()
    }
}

impl Thing for Found {
    fn table(&self) -> String {
        let others = self.lot.payouts.len().saturating_sub(1) as u64;
        let mut text = table::fields(&head(&self.lot));
        text.push_str(&payouts_table(std::slice::from_ref(&self.payout)));
        if others > 0 {
            text.push_str(&format!("  beside {} in this lot\n", count(others, "other payout")));
        }
        text
    }

    fn csv(&self) -> Vec<Vec<String>> {
        vec![csv_header(), csv_lot(&self.lot), csv_payout(&self.lot, &self.payout)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identifiers_of_the_pages_bear_their_times() {
        for (id, time) in [
            ("txc_01jranqegkf509bq5svh03ztt8", Some("2025-04-08")),
            ("txc_01jjvpcdcwees8kfnvk9mq4gna", Some("2025-01-30")),
            ("txc_01jkg5vktaer5aew712kjgrsn2", Some("2025-02-07")),
            ("txc_test_lot1_charge_002", None),
            ("txc_", None),
            ("", None),
        ] {
            let day = made_at(&id.into()).map(|time| table::day(Some(time)));
            assert_eq!(day.as_deref(), time, "{id}");
        }
    }

    #[test]
    fn a_search_misses_no_moment_and_begins_where_it_is_likely() {
        let period = Period::parse("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z").unwrap();
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        for made_at in [
            None,
            Some(at("2024-01-01T00:00:00Z")),
            Some(at("2025-01-01T00:00:00Z")),
            Some(at("2025-06-01T12:00:00Z")),
            Some(at("2027-01-01T00:00:00Z")),
        ] {
            let parts = order(period, made_at);
            assert!(parts.len() < 40, "{made_at:?}: {}", parts.len());
            let mut sorted: Vec<Period> = parts.iter().map(|(part, _)| *part).collect();
            sorted.sort_by_key(|part| part.start());
            assert_eq!(sorted[0].start(), period.start());
            assert_eq!(sorted[sorted.len() - 1].end(), period.end());
            assert!(sorted.windows(2).all(|two| two[0].end() > two[1].start()), "{made_at:?}");
            assert!(sorted.iter().all(|part| part.length() <= LONGEST + TimeDelta::hours(1)));
        }
        let (first, how) = order(period, Some(at("2025-06-01T12:00:00Z")))[0];
        assert_eq!((first.start(), how), (at("2025-06-01T11:59:00Z"), Order::OldestFirst));
        let (first, how) = order(period, None)[0];
        assert_eq!((first.end(), how), (period.end(), Order::NewestFirst));
        let empty = Period::parse("2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z").unwrap();
        assert!(order(empty, None).is_empty());
    }
}
