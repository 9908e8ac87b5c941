//! The search for the lot that holds a payout.

#[cfg(test)]
mod tests;

use std::collections::{HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use super::{GetLot, InvalidLotIdentifier, Lot, LotDetail, LotId, LotIdentifier, LotStatus};
use super::{Payout, ScanLots};
use crate::{KamipayId, Period};

/// Finds the lot that holds a payout. The API has no such call, so lots are listed and opened.
///
/// It is a state machine without IO: [`step`](Self::step) says what to do, [`listed`](Self::listed)
/// and [`opened`](Self::opened) take the result.
///
/// ```
/// use kamipay_proto::Period;
/// use kamipay_proto::lots::{FindPayout, FindPayoutStep, Lot, LotDetail, GetLot, ScanLots};
/// # struct Client;
/// # impl Client {
/// #     fn scan(&self, _: ScanLots) -> std::vec::IntoIter<Result<Lot, std::io::Error>> { vec![].into_iter() }
/// #     fn send(&self, _: &GetLot) -> Result<LotDetail, std::io::Error> { unreachable!() }
/// # }
/// # let client = Client;
///
/// let may = Period::parse("2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z")?;
/// let mut search = FindPayout::new("txc_01jranqegkf509bq5svh03ztt8".into(), may);
/// let mut lots = None;
/// let found = loop {
///     match search.step() {
///         FindPayoutStep::List(what) => lots = Some(client.scan(what)),
///         FindPayoutStep::NextLot => {
///             let lot = lots.as_mut().and_then(Iterator::next).transpose()?;
///             search.listed(lot)?;
///         }
///         FindPayoutStep::Open(call) => search.opened(client.send(&call)?),
///         FindPayoutStep::Over(found) => break found,
///     }
/// };
/// assert!(found.is_none() && search.unsearched().is_empty());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # The order
///
/// A lot is created soon after its payouts. Where the payout's identifier contains the time at which
/// it was made (a ULID), the search begins there, goes on to the end of the period, and looks at the
/// time before last. Otherwise it goes from the end of the period back to its start. It lists an hour
/// first, then two, four and so on. Each lot is opened once.
///
/// # Lots that failed
///
/// The payouts of a lot with the status [`Failed`](LotStatus::Failed) may be retried in a later lot.
/// So a failed lot does not end the search: it is the result only where no other lot holds the
/// payout, and then the last one is.
#[derive(Clone, Debug)]
pub struct FindPayout {
    kamipay_id: KamipayId,
    /// What is left to list, the likely parts first.
    parts: VecDeque<Part>,
    /// The part whose lots are listed or opened now.
    current: Option<Part>,
    is_listing: bool,
    /// Lots of the current part, the next one to open last.
    to_open: Vec<(Option<DateTime<Utc>>, GetLot)>,
    seen: HashSet<LotId>,
    lots_opened: u64,
    failed: Option<FoundPayout>,
    found: Option<FoundPayout>,
}

/// What to do next in a search for a payout.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a driver handles each step")]
pub enum FindPayoutStep {
    /// Begin to list these lots, with any [`Scan`](crate::Scan). The listing before is over.
    List(ScanLots),
    /// Read the next row of that listing, and hand it over with [`FindPayout::listed`].
    NextLot,
    /// Send this call, and hand its output over with [`FindPayout::opened`].
    Open(GetLot),
    /// The search is over. `None` if no lot of the period holds the payout.
    Over(Option<Box<FoundPayout>>),
}

/// A payout, and the lot that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct FoundPayout {
    /// The lot.
    pub lot: LotDetail,
    /// The payout, which is one of the lot's.
    pub payout: Payout,
}

impl FoundPayout {
    /// Whether the lot failed, so that the payout may be retried in a later one.
    pub fn is_failed(&self) -> bool {
        self.lot.status == LotStatus::Failed
    }
}

impl FindPayout {
    /// Searches the lots that were created in `period`, of any length.
    pub fn new(kamipay_id: KamipayId, period: Period) -> Self {
        Self {
            parts: plan(period, made_at(&kamipay_id)),
            kamipay_id,
            current: None,
            is_listing: false,
            to_open: Vec::new(),
            seen: HashSet::new(),
            lots_opened: 0,
            failed: None,
            found: None,
        }
    }

    /// What to do next.
    ///
    /// [`FindPayoutStep::List`] comes once for each listing. Any other step comes again until its
    /// result is handed over.
    pub fn step(&mut self) -> FindPayoutStep {
        if self.found.is_some() {
            return FindPayoutStep::Over(self.found.clone().map(Box::new));
        }
        if let Some(part) = self.current {
            match self.to_open.last() {
                // As they come: what is listed after the lot in question is not even asked for.
                Some((_, call)) if part.order == Order::OldestFirst || !self.is_listing => {
                    return FindPayoutStep::Open(call.clone());
                }
                _ if self.is_listing => return FindPayoutStep::NextLot,
                _ => self.current = None,
            }
        }
        // A retry is later than the payout, so it is not before it.
        let is_left = |part: &&Part| self.failed.is_none() || part.order == Order::OldestFirst;
        let Some(&part) = self.parts.front().filter(is_left) else {
            return FindPayoutStep::Over(self.failed.clone().map(Box::new));
        };
        self.parts.pop_front();
        (self.current, self.is_listing) = (Some(part), true);
        FindPayoutStep::List(ScanLots::new(part.period))
    }

    /// Takes the next lot of the listing, or `None` at its end.
    ///
    /// # Errors
    ///
    /// If the lot cannot be opened, because its identifier is not one that can be sent.
    pub fn listed(&mut self, lot: Option<Lot>) -> Result<(), InvalidLotIdentifier> {
        match lot {
            Some(lot) if !self.seen.contains(&lot.lot_id) => {
                let call = GetLot::new(LotIdentifier::try_from(&lot.lot_id)?);
                self.to_open.push((lot.created_at, call));
                self.seen.insert(lot.lot_id);
            }
            Some(_) => {}
            None => {
                self.is_listing = false;
                // Those without a time are in flight, so they are the newest.
                self.to_open.sort_by_key(|(created_at, _)| (created_at.is_none(), *created_at));
            }
        }
        Ok(())
    }

    /// Takes the lot that was opened.
    pub fn opened(&mut self, lot: LotDetail) {
        self.to_open.pop();
        self.lots_opened += 1;
        let payout = lot.payouts.iter().find(|payout| payout.kamipay_id == self.kamipay_id);
        let Some(payout) = payout.cloned() else { return };
        let found = FoundPayout { lot, payout };
        let is_later = |earlier: &FoundPayout| earlier.lot.created_at <= found.lot.created_at;
        if !found.is_failed() {
            self.found = Some(found);
        } else if self.failed.as_ref().is_none_or(is_later) {
            self.failed = Some(found);
        }
    }

    /// How many lots were opened so far.
    pub fn lots_opened(&self) -> u64 {
        self.lots_opened
    }

    /// The last failed lot that holds the payout, so far.
    pub fn failed(&self) -> Option<&FoundPayout> {
        self.failed.as_ref()
    }

    /// The parts of the period whose lots were not all looked at so far, in the order of time.
    pub fn unsearched(&self) -> Vec<Period> {
        let parts = self.current.iter().chain(&self.parts).map(|part| part.period);
        let mut parts: Vec<Period> = parts.collect();
        parts.sort_by_key(|part| part.start());
        parts.into_iter().fold(Vec::new(), |mut joined: Vec<Period>, part| {
            match joined.last_mut() {
                Some(last) if part.start() <= last.end() => {
                    let end = last.end().max(part.end());
                    *last = Period::new(last.start(), end).unwrap_or(*last); // in order, so it is one
                }
                _ => joined.push(part),
            }
            joined
        })
    }
}

/// A part of the period, and which of its lots is opened first.
#[derive(Clone, Copy, Debug)]
struct Part {
    period: Period,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    OldestFirst,
    NewestFirst,
}

const SHORTEST: TimeDelta = TimeDelta::hours(1);
/// As long as one call takes.
const LONGEST: TimeDelta = TimeDelta::days(31);

/// The parts of a period, the likely ones first: short where the search begins, each twice as long
/// as the one before.
fn plan(period: Period, made_at: Option<DateTime<Utc>>) -> VecDeque<Part> {
    let (from, to) = (period.start(), period.end());
    // A lot is not older than its payouts, but two clocks may differ.
    let begin = made_at.map(|time| time - TimeDelta::minutes(1)).filter(|begin| *begin < to);
    let middle = begin.map_or(to, |begin| begin.max(from));

    let mut parts = VecDeque::new();
    let mut push = |start, end, order| {
        // Neighbours overlap, whatever the API makes of their ends.
        let end = to.min(end + TimeDelta::microseconds(1));
        parts.extend(Period::new(start, end).ok().map(|period| Part { period, order }));
    };
    let (mut start, mut length) = (middle, SHORTEST);
    while start < to {
        let end = to.min(start + length);
        push(start, end, Order::OldestFirst);
        (start, length) = (end, LONGEST.min(length * 2));
    }
    let (mut end, mut length) = (middle, SHORTEST);
    while from < end {
        let start = from.max(end - length);
        push(start, end, Order::NewestFirst);
        (end, length) = (start, LONGEST.min(length * 2));
    }
    parts
}

/// When a `kamipay_id` was made: those seen so far contain a ULID, whose first ten letters are
/// milliseconds. No page promises it, so it only says where to begin.
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
