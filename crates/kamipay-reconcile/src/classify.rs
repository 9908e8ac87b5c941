//! The buckets of the rows of one key.
//!
//! The rules have numbers, which the comments use:
//!
//! 1. Equal currency and amount pair off, the n-th of ours with the n-th of theirs.
//! 2. One is left on each side.
//! 3. Several are left, and their sums agree.
//! 4. What is left of ours, where theirs has nothing; then one row alone.
//! 5. The rest.

use std::borrow::Cow;
use std::cmp::Ordering;

use kamipay_proto::chrono::{DateTime, NaiveDate, Utc};

use crate::partial::is_of_period;
use crate::record::{Marker, Name, Origin, Record, text};
use crate::row::{Progress, Side, cmp_amount, cmp_currency};
use crate::{Amount, Bucket, Overflow, Rules, Sum};

/// A row of the key, and what becomes of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    pub(crate) record: Record<'a>,
    /// 2 for the second row with the same name.
    pub(crate) number: u32,
    pub(crate) scope: Scope,
    /// Of each row that is [inside](Scope::Inside).
    pub(crate) bucket: Option<Bucket>,
    pub(crate) why: Why,
    /// When the row was open for the first time, if a state says so.
    pub(crate) first_seen: Option<NaiveDate>,
    /// Whether nothing can change for the row any more.
    pub(crate) is_closed: bool,
}

/// How a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// In the period, or open since an earlier one.
    Inside,
    /// Before the period. Serves to match.
    Before,
    /// After the period. Serves to match.
    After,
    /// The state has the row already, or had it.
    Known,
    /// Older than what the state remembers.
    Forgotten,
}

/// Why a row is in its bucket. Rows are numbers of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Nothing,
    Partner(usize),
    Counts { ours: usize, theirs: usize, live: usize },
}

/// What a state said about amounts that are in other rows as well: to be subtracted from the sums
/// that were made while reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restated<'a> {
    pub(crate) side: Side,
    pub(crate) currency: &'a [u8],
    pub(crate) amount: Amount,
}

/// Numbers of members, kept to spare allocations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    ours: Vec<usize>,
    theirs: Vec<usize>,
    pool: Vec<usize>,
    left: Vec<usize>,
    numbers: Vec<usize>,
}

impl<'a> Member<'a> {
    pub(crate) fn new(record: Record<'a>) -> Self {
        Self {
            record,
            number: 1,
            scope: Scope::Forgotten,
            bucket: None,
            why: Why::Nothing,
            first_seen: None,
            is_closed: false,
        }
    }

    pub(crate) fn is_inside(&self) -> bool {
        self.scope == Scope::Inside
    }

    /// Whether the row is an amount of a side: not of the pool, and not of what failed.
    pub(crate) fn is_movement(&self) -> bool {
        self.record.side != Side::Pool && self.record.progress != Progress::Void
    }

    /// The name with its number.
    pub(crate) fn name(&self) -> Cow<'a, [u8]> {
        match self.record.id {
            Name::Text(name) if self.number < 2 => name.into(),
            Name::Text(name) => format!("{}#{}", text(name), self.number).into_bytes().into(),
            Name::Line(line) => line.to_string().into_bytes().into(),
        }
    }

    /// What names a row of the books in a state. A ledger's line numbers change from day to day.
    pub(crate) fn content(&self) -> String {
        let Record { amount, currency, .. } = self.record;
        let time = self.record.time().map_or_else(|| "-".to_owned(), crate::text::time);
        let amount = amount.map_or_else(|| "-".to_owned(), |amount| amount.shortest().to_string());
        format!("{time} {amount} {}", crate::sum::fold(text(currency)))
    }
}

/// Decides the scope and the bucket of each member. All have the same key, or none has one.
pub(crate) fn classify<'a>(
    members: &mut [Member<'a>],
    markers: &[Marker<'a>],
    rules: &Rules,
    scratch: &mut Scratch,
    restated: &mut Vec<Restated<'a>>,
) -> Result<(), Overflow> {
    members.sort_unstable_by(|a, b| a.record.cmp(&b.record));
    let [first, ..] = members else { return Ok(()) };
    let has_key = first.record.key.is_some();
    number(members, &mut scratch.numbers);
    scope(members, markers, rules, restated);
    if has_key {
        let marked = [
            markers.iter().map(|it| it.ours().count()).sum(),
            markers.iter().map(|it| it.theirs().count()).sum(),
        ];
        bucket(members, marked, rules, scratch)?;
        // While a transfer of the key is under way, it may fail, and all its rows pair otherwise.
        let is_under_way = |it: &Member<'_>| {
            it.record.progress == Progress::InFlight
                && !matches!(it.scope, Scope::Known | Scope::Forgotten)
        };
        if members.iter().any(is_under_way) {
            members.iter_mut().for_each(|it| it.is_closed = false);
        }
    }
    for member in members.iter_mut().filter(|it| it.is_inside() && it.bucket.is_none()) {
        member.bucket = Some(match (member.record.side, member.record.progress) {
            (Side::Pool, _) => Bucket::Pool,
            (_, Progress::Void) => Bucket::Void,
            _ => Bucket::NoKey, // with a key, all others have a bucket
        });
    }
    Ok(())
}

/// Tells rows of kamiPay with one name apart, in the order of members.
fn number(members: &mut [Member<'_>], numbers: &mut Vec<usize>) {
    numbers.clear();
    let is_numbered =
        |it: &Member<'_>| it.record.side != Side::Ours && it.record.origin == Origin::Fresh;
    numbers.extend((0..members.len()).filter(|index| is_numbered(&members[*index])));
    if numbers.len() < 2 {
        return;
    }
    let name = |index: usize| (members[index].record.side, members[index].record.id);
    numbers.sort_by(|a, b| name(*a).cmp(&name(*b)));
    for pair in 1..numbers.len() {
        let [before, index] = [numbers[pair - 1], numbers[pair]];
        if (members[before].record.side, members[before].record.id)
            == (members[index].record.side, members[index].record.id)
        {
            members[index].number = members[before].number + 1;
        }
    }
}

fn scope<'a>(
    members: &mut [Member<'a>],
    markers: &[Marker<'a>],
    rules: &Rules,
    restated: &mut Vec<Restated<'a>>,
) {
    for member in members.iter_mut() {
        match member.record.origin {
            Origin::Fresh => member.scope = scope_of(&member.record, rules),
            Origin::Outside => member.scope = Scope::Before,
            Origin::Carried(day) => {
                member.scope = Scope::Inside;
                member.first_seen = Some(day);
            }
        }
    }
    let has_carried = members.iter().any(|it| it.record.origin != Origin::Fresh);
    if has_carried || !markers.is_empty() {
        recognize(members, markers, rules, restated);
    }
}

fn scope_of(record: &Record<'_>, rules: &Rules) -> Scope {
    let Some(time) = record.time() else { return Scope::Inside };
    if time >= rules.period.end() {
        return Scope::After;
    }
    if time >= rules.period.start() {
        return Scope::Inside;
    }
    let is_movement = record.side != Side::Pool && record.progress != Progress::Void;
    if is_movement && is_of_period(Some(time), rules) {
        return Scope::Inside; // too late for its own period
    }
    match rules.since {
        Some(since) if since <= time && time < rules.horizon() => Scope::Forgotten,
        _ => Scope::Before,
    }
}

/// Finds the rows that the state has: open ones, which the fresh row replaces, and matched ones.
fn recognize<'a>(
    members: &mut [Member<'a>],
    markers: &[Marker<'a>],
    rules: &Rules,
    restated: &mut Vec<Restated<'a>>,
) {
    let is_early = |it: &Member<'_>| it.record.time().is_none_or(|it| it < rules.period.start());
    let identity = |it: &Member<'a>| match it.record.side {
        Side::Ours => Cow::from(it.content().into_bytes()),
        _ => it.name(),
    };
    let restate = |it: &Member<'a>, restated: &mut Vec<Restated<'a>>, is_added: bool| {
        let Record { side, currency, amount, .. } = it.record;
        if let Some(amount) = amount.filter(|_| it.is_movement()) {
            let amount = if is_added { amount } else { amount.negated() };
            restated.push(Restated { side, currency, amount });
        }
    };
    // (side, identity, 0 for carried or 1 for matched, member), each used once
    let mut known: Vec<(Side, Cow<'a, [u8]>, u8, usize)> = Vec::new();
    for (index, member) in members.iter().enumerate() {
        if member.record.origin != Origin::Fresh {
            known.push((member.record.side, identity(member), 0, index));
        }
    }
    for marker in markers {
        known.extend(marker.ours().map(|id| (Side::Ours, id.into(), 1, usize::MAX)));
        known.extend(marker.theirs().map(|id| (Side::Theirs, id.into(), 1, usize::MAX)));
    }
    known.sort();
    let mut is_used = vec![false; known.len()];
    for index in 0..members.len() {
        let fresh = members[index];
        let is_ours = fresh.record.side == Side::Ours;
        if fresh.record.origin != Origin::Fresh
            || fresh.record.side == Side::Pool
            || is_ours && !is_early(&fresh)
        {
            continue;
        }
        let identity = identity(&fresh);
        let wanted = (fresh.record.side, &identity);
        let mut at = known.partition_point(|it| (it.0, &it.1) < wanted);
        while is_used.get(at).is_some_and(|is_used| *is_used) {
            at += 1;
        }
        let Some(found) = known.get(at).filter(|it| (it.0, &it.1) == wanted) else { continue };
        is_used[at] = true;
        let is_counted = fresh.is_movement() && is_of_period(fresh.record.time(), rules);
        match found.3 {
            usize::MAX => {
                members[index].scope = Scope::Known;
                if is_counted {
                    restate(&fresh, restated, true);
                }
            }
            carried => {
                let before = members[carried];
                members[carried].scope = Scope::Known;
                members[index].first_seen = before.first_seen;
                if fresh.is_movement() && before.is_movement() {
                    members[index].scope = before.scope;
                }
                if before.is_inside() {
                    restate(&before, restated, true);
                }
                match members[index].is_inside() {
                    true if !is_counted => restate(&fresh, restated, false),
                    false if is_counted => restate(&fresh, restated, true),
                    _ => {}
                }
            }
        }
    }
}

/// Rules 1 to 5. `marked`: how many rows of ours and theirs earlier periods matched.
fn bucket(
    members: &mut [Member<'_>],
    marked: [usize; 2],
    rules: &Rules,
    scratch: &mut Scratch,
) -> Result<(), Overflow> {
    let Scratch { ours, theirs, pool, left, .. } = scratch;
    let mut is_failed = false;
    for list in [&mut *ours, &mut *theirs, &mut *pool, &mut *left] {
        list.clear();
    }
    for (index, member) in members.iter().enumerate() {
        match (member.record.side, member.scope) {
            (_, Scope::Known | Scope::Forgotten) => {}
            (Side::Ours, _) => ours.push(index),
            (Side::Pool, _) => pool.push(index),
            (Side::Theirs, _) if member.record.progress == Progress::Void => is_failed = true,
            (Side::Theirs, _) => theirs.push(index),
        }
    }
    let is_live = |index: &usize| members[*index].record.progress == Progress::Live;
    let counts = Why::Counts {
        ours: ours.len() + marked[0],
        theirs: theirs.len() + marked[1],
        live: theirs.iter().filter(|index| is_live(index)).count() + marked[1],
    };
    let all = (ours.len() + marked[0], theirs.len() + marked[1]);

    pair_off(members, ours, theirs, left); // 1
    let (left_ours, left_theirs) = (&*left, &*theirs);
    match (&left_ours[..], &left_theirs[..]) {
        (&[a], &[b]) => {
            let bucket = compare(members[a].record, members[b].record, rules); // 2
            settle(members, &[a], &[b], bucket);
        }
        ([_, ..], [_, ..]) if sums_agree(members, left_ours, left_theirs)? => {
            settle(members, left_ours, left_theirs, Bucket::Group); // 3
            let why = Why::Counts { ours: left_ours.len(), theirs: left_theirs.len(), live: 0 };
            for &index in left_ours.iter().chain(left_theirs) {
                members[index].why = why;
            }
        }
        _ => {
            if all.1 == 0 {
                for (&a, &b) in left_ours.iter().zip(&*pool) {
                    let bucket = compare_pool(members[a].record, members[b].record); // 4
                    settle(members, &[a], &[b], bucket);
                }
            }
            match (all, &left_ours[..], &left_theirs[..]) {
                ((1, 0), &[alone], _) => {
                    let alone = &mut members[alone];
                    if alone.is_inside() && alone.bucket.is_none() {
                        alone.bucket = Some(alone_in_books(alone.record.time(), is_failed, rules));
                    }
                }
                ((0, 1), _, &[alone]) => settle(members, &[], &[alone], Bucket::OnlyTheirs),
                _ => {}
            }
            for &index in left_ours.iter().chain(left_theirs) {
                let member = &mut members[index];
                if member.is_inside() && member.bucket.is_none() {
                    (member.bucket, member.why) = (Some(Bucket::Repeated), counts); // 5
                }
            }
        }
    }
    Ok(())
}

/// Rule 1. Leaves the rest of ours in `left`, and the rest of theirs in `theirs`.
fn pair_off(
    members: &mut [Member<'_>],
    ours: &[usize],
    theirs: &mut Vec<usize>,
    left: &mut Vec<usize>,
) {
    let (mut next, mut kept) = (0, 0);
    for &a in ours {
        let a_record = members[a].record;
        let found = loop {
            let Some(&b) = theirs.get(next) else { break None };
            match cmp_quote(&members[b].record, &a_record) {
                Ordering::Less => {
                    theirs[kept] = b;
                    (next, kept) = (next + 1, kept + 1);
                }
                Ordering::Equal if a_record.amount.is_some() => {
                    next += 1;
                    break Some(b);
                }
                _ => break None,
            }
        };
        let Some(b) = found else {
            left.push(a);
            continue;
        };
        let is_inside = members[a].is_inside() && members[b].is_inside();
        let bucket = match members[b].record.progress {
            _ if !is_inside => Bucket::CutOff,
            Progress::Live => Bucket::Matched,
            _ => Bucket::InFlight,
        };
        settle(members, &[a], &[b], bucket);
    }
    theirs.copy_within(next.., kept);
    theirs.truncate(theirs.len() - next + kept);
}

fn cmp_quote(a: &Record<'_>, b: &Record<'_>) -> Ordering {
    cmp_currency(a.currency, b.currency).then_with(|| cmp_amount(a.amount, b.amount))
}

/// Gives rows that belong together their bucket.
fn settle(members: &mut [Member<'_>], a: &[usize], b: &[usize], bucket: Bucket) {
    let is_good = matches!(
        bucket,
        Bucket::Matched | Bucket::WithinTolerance | Bucket::Group | Bucket::CutOff
    );
    // A row after the period comes in the next one.
    let is_final = |it: &Member<'_>| it.scope != Scope::After;
    let rows = || a.iter().chain(b);
    let is_closed = is_good
        && rows().all(|index| is_final(&members[*index]))
        && rows().any(|index| members[*index].is_inside());
    for &index in rows() {
        let member = &mut members[index];
        member.is_closed = is_closed;
        if member.is_inside() {
            member.bucket = Some(bucket);
        }
    }
    if let (&[a], &[b]) = (a, b) {
        (members[a].why, members[b].why) = (Why::Partner(b), Why::Partner(a));
    }
}

/// Rule 2.
fn compare(a: Record<'_>, b: Record<'_>, rules: &Rules) -> Bucket {
    let (Some(ours), Some(theirs)) = (a.amount, b.amount) else { return Bucket::NotComparable };
    if cmp_currency(a.currency, b.currency).is_ne() {
        return Bucket::NotComparable;
    }
    match rules.tolerance(text(a.currency)) {
        Some(tolerance) if ours.is_within(tolerance, theirs) => Bucket::WithinTolerance,
        _ => Bucket::AmountDiffers,
    }
}

/// Rule 4, with a row of the pool.
fn compare_pool(a: Record<'_>, b: Record<'_>) -> Bucket {
    if a.amount.is_none() || b.amount.is_none() || cmp_currency(a.currency, b.currency).is_ne() {
        return Bucket::NotComparable;
    }
    if cmp_amount(a.amount, b.amount).is_eq() { Bucket::Pending } else { Bucket::AmountDiffers }
}

/// Rule 4, with nothing at kamiPay.
fn alone_in_books(time: Option<DateTime<Utc>>, is_failed: bool, rules: &Rules) -> Bucket {
    if is_failed {
        return Bucket::Void;
    }
    match time {
        Some(time) if rules.as_of - time <= rules.lag => Bucket::InTime,
        _ => Bucket::OnlyOurs,
    }
}

/// Rule 3: all rows are in one currency, and the sums of both sides agree.
fn sums_agree(members: &[Member<'_>], ours: &[usize], theirs: &[usize]) -> Result<bool, Overflow> {
    let currency = members[ours[0]].record.currency;
    let mut difference = Sum::ZERO;
    for (&index, is_ours) in
        ours.iter().map(|index| (index, true)).chain(theirs.iter().map(|index| (index, false)))
    {
        let record = &members[index].record;
        let Some(amount) = record.amount else { return Ok(false) };
        if cmp_currency(record.currency, currency).is_ne() {
            return Ok(false);
        }
        difference.add(if is_ours { amount } else { amount.negated() })?;
    }
    Ok(difference.is_zero())
}
