//! Remembers the rows that were handed over, to drop duplicates and to find contradictions.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::reading::Contents;
use super::window::Edge;
use super::{ListedBy, LookBackState, Purpose, ScanState, Scannable, Seen, Window};
use crate::Period;
use crate::page::{Amounts, ScanRow};

/// Maximum time between two rows that are both in two windows: the overlap, and the tolerance at
/// each of its ends.
const WIDEST_OVERLAP: TimeDelta = TimeDelta::seconds(4);

/// The rows that were handed over and may come again.
#[derive(Clone, Debug)]
pub(super) struct HandedOver<K> {
    /// Rows of a stored state, and until when they may come again.
    seen: Contents<K>,
    seen_until: Option<DateTime<Utc>>,
    /// The rows of the previous window. Those in the overlap come again in the next one.
    previous: Contents<K>,
    previous_end: Option<DateTime<Utc>>,
    /// Rows that the previous part hands over, unless their time decides.
    border: Contents<K>,
    /// Rows without a time. They are few, and may come again in any window.
    in_flight: Contents<K>,
    look_back: Option<LookBack<K>>,
    /// Whether the previous window had the rows of the one before it.
    is_repeated: bool,
    /// The rows of a window that the next one has as well, and its end.
    repeated: (Contents<K>, Option<DateTime<Utc>>),
    /// The rows listed in the windows of an [`Edge`].
    edges: HashMap<Window, HashSet<K>>,
}

#[derive(Clone, Debug)]
struct LookBack<K> {
    period: Period,
    /// The rows of the period that were handed over.
    handed_over: Contents<K>,
    is_due: bool,
}

/// A row that came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It had a time.
    Timed,
    /// It had no time. `changed`: now it has one, or other amounts.
    InFlight { changed: bool },
}

impl<K: Clone + Eq + std::hash::Hash + Ord> HandedOver<K> {
    pub(super) fn resume<S: Scannable<Row: ScanRow<Key = K>>>(state: &ScanState<S>) -> Self {
        Self {
            seen: contents(&state.seen),
            seen_until: state.seen_until,
            previous: Contents::new(),
            previous_end: None,
            border: Contents::new(),
            in_flight: contents(&state.in_flight),
            look_back: state.look_back.as_ref().map(|it| LookBack {
                period: it.period,
                handed_over: contents(&it.handed_over),
                is_due: !state.is_done,
            }),
            is_repeated: false,
            repeated: (Contents::new(), None),
            edges: HashMap::new(),
        }
    }

    /// The state of the rest `what`, while the window `current` is handed over.
    pub(super) fn state<S: Scannable<Row: ScanRow<Key = K>>>(
        &self,
        what: S,
        current: Option<(Window, &Contents<K>)>,
    ) -> ScanState<S> {
        let (window, now) = current.unzip();
        let none = Contents::new();
        let now = now.unwrap_or(&none);
        let mut state = ScanState::new(what);
        state.seen = sorted(self.seen.iter().chain(&self.previous).chain(now));
        let ends = [self.seen_until, self.previous_end, window.and_then(|it| it.end())];
        state.seen_until = ends.into_iter().flatten().max();
        state.in_flight = sorted(&self.in_flight);
        state.look_back = self.look_back.as_ref().map(|it| LookBackState {
            period: it.period,
            handed_over: sorted(it.handed_over.iter().chain(now)),
        });
        state
    }

    /// Number of rows without a time.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub(super) fn look_back_on(&mut self, period: Period) {
        if self.look_back.is_none() {
            let handed_over = self.seen.clone();
            self.look_back = Some(LookBack { period, handed_over, is_due: true });
        }
    }

    /// The period of the look-back. Returns it once.
    pub(super) fn take_look_back(&mut self) -> Option<Period> {
        let look_back = self.look_back.as_mut().filter(|it| it.is_due)?;
        look_back.is_due = false;
        self.edges.clear(); // they may have new rows, too
        Some(look_back.period)
    }

    /// Whether a row without a time was not handed over yet. Another window may have handed it over
    /// with a time since these rows were requested.
    pub(super) fn has_new_in_flight<R: ScanRow<Key = K>>(&self, rows: &[R]) -> bool {
        let is_new = |row: &&R| row.time().is_none() && !self.in_flight.contains_key(&row.key());
        rows.iter().any(|row| is_new(&row))
    }

    /// Whether a neighbouring period hands the row over. `whole`: the period of the whole listing.
    pub(super) fn belongs_to_neighbor<S: Scannable<Row: ScanRow<Key = K>>>(
        &self,
        row: &S::Row,
        purpose: Purpose,
        whole: Option<Period>,
    ) -> bool {
        let Some((time, whole)) = row.time().zip(whole) else { return false };
        match S::LISTED_BY {
            ListedBy::RowTime => {
                let look_back = self.look_back.as_ref().filter(|_| purpose == Purpose::LookBack);
                let period = look_back.map_or(whole, |it| it.period);
                time < period.start() || period.end() <= time
            }
            // Its time may not be the one it is listed by. It is dropped only if the neighbour
            // lists it.
            ListedBy::RowTimePerhaps => Edge::passed_by(time, whole).is_some_and(|edge| {
                let is_in =
                    |window| self.edges.get(&window).is_some_and(|it| it.contains(&row.key()));
                is_in(edge.shared) && !is_in(edge.elsewhere)
            }),
            ListedBy::Unknown => false,
        }
    }

    /// A window to read before these rows can be handed over: it shows whether a neighbouring
    /// period has one of them.
    pub(super) fn unknown_edge<S: Scannable<Row: ScanRow<Key = K>>>(
        &self,
        rows: &[S::Row],
        whole: Option<Period>,
    ) -> Option<Window> {
        let whole = whole.filter(|_| S::LISTED_BY == ListedBy::RowTimePerhaps)?;
        rows.iter().find_map(|row| {
            let edge = Edge::passed_by(row.time()?, whole)?;
            match self.edges.get(&edge.shared) {
                None => Some(edge.shared),
                Some(shared) if shared.contains(&row.key()) => {
                    Some(edge.elsewhere).filter(|it| !self.edges.contains_key(it))
                }
                Some(_) => None,
            }
        })
    }

    pub(super) fn remember_edge(&mut self, window: Window, rows: &[impl ScanRow<Key = K>]) {
        self.edges.insert(window, rows.iter().map(ScanRow::key).collect());
    }

    /// Forgets rows that cannot come again in `window` or later.
    pub(super) fn enter(&mut self, window: Window) {
        let is_over = |until| window.start().is_some_and(|start| start > until);
        if self.seen_until.is_some_and(is_over) {
            self.seen.clear();
            self.seen_until = None;
        }
    }

    /// How the row came before, if it did.
    pub(super) fn known(
        &self,
        row: &impl ScanRow<Key = K>,
        purpose: Purpose,
        by_border: bool,
    ) -> Option<Known> {
        let key = row.key();
        if let Some(amounts) = self.in_flight.get(&key) {
            let changed = row.time().is_some() || *amounts != row.amounts();
            return Some(Known::InFlight { changed });
        }
        let is_timed = match (purpose, &self.look_back) {
            (Purpose::LookBack, Some(it)) => it.handed_over.contains_key(&key),
            _ => {
                self.previous.contains_key(&key)
                    || self.seen.contains_key(&key)
                    || (by_border && self.border.contains_key(&key))
            }
        };
        is_timed.then_some(Known::Timed)
    }

    /// Whether the row came before, with a time and other amounts.
    pub(super) fn contradicts(&self, row: &impl ScanRow<Key = K>) -> bool {
        let (key, amounts) = (row.key(), row.amounts());
        let looked_at = self.look_back.iter().map(|it| &it.handed_over);
        row.time().is_some()
            && [&self.previous, &self.seen, &self.border]
                .into_iter()
                .chain(looked_at)
                .any(|before| before.get(&key).is_some_and(|before| *before != amounts))
    }

    /// Whether `rows` has the keys of the previous window, and times that span more than the overlap.
    /// These times may differ from those that the API lists by.
    pub(super) fn is_repetition<R: ScanRow<Key = K>>(&self, rows: &[R]) -> bool {
        let mut timed = rows.iter().filter_map(|row| Some((row, row.time()?)));
        if timed.clone().count() != self.previous.len() {
            return false;
        }
        let times = || timed.clone().map(|(_, time)| time);
        let Some((earliest, latest)) = times().min().zip(times().max()) else { return false };
        latest - earliest > WIDEST_OVERLAP
            && timed.all(|(row, _)| self.previous.contains_key(&row.key()))
    }

    /// Whether the previous window had the rows of the one before it.
    pub(super) fn is_repeated(&self) -> bool {
        self.is_repeated
    }

    /// Remembers that the next window has the rows of the previous one.
    pub(super) fn remember_repeated(&mut self) {
        self.repeated = (self.previous.clone(), self.previous_end);
    }

    /// Whether a part of the next window lies behind the repeated one, and has one of its rows.
    pub(super) fn is_behind_and_repeats(
        &self,
        part: Window,
        rows: &[impl ScanRow<Key = K>],
    ) -> bool {
        let (repeated, end) = &self.repeated;
        part.start() > *end
            && rows.iter().any(|row| row.time().is_some() && repeated.contains_key(&row.key()))
    }

    /// Number of remembered rows with a time.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.previous.len() + self.seen.len()
    }

    pub(super) fn remember_in_flight(&mut self, row: &impl ScanRow<Key = K>) {
        self.in_flight.insert(row.key(), row.amounts());
    }

    /// Remembers a window after all its rows were handed over.
    ///
    /// With `continues_repetition`, the next window is another part of the same repetition.
    pub(super) fn close(
        &mut self,
        window: Window,
        purpose: Purpose,
        contents: Contents<K>,
        continues_repetition: bool,
    ) {
        if let Some(look_back) = &mut self.look_back {
            let start = look_back.period.start() - WIDEST_OVERLAP;
            if window.end().is_some_and(|end| end >= start) {
                look_back.handed_over.extend(contents.iter().map(|(key, it)| (key.clone(), *it)));
            }
        }
        match purpose {
            Purpose::Border => self.border = contents,
            Purpose::HandOver => {
                self.is_repeated = !contents.is_empty() && contents == self.previous;
                if continues_repetition {
                    self.previous.extend(contents);
                } else {
                    self.previous = contents;
                    self.repeated = (Contents::new(), None);
                }
                self.previous_end = window.end();
            }
            Purpose::Edge | Purpose::LookBack => {}
        }
    }
}

fn contents<K: Clone + Eq + std::hash::Hash>(seen: &[Seen<K>]) -> Contents<K> {
    seen.iter().map(|row| (row.key.clone(), row.amounts)).collect()
}

fn sorted<'a, K: Clone + Ord + 'a>(
    rows: impl IntoIterator<Item = (&'a K, &'a Amounts)>,
) -> Vec<Seen<K>> {
    let mut rows: Vec<_> =
        rows.into_iter().map(|(key, amounts)| Seen::new(key.clone(), *amounts)).collect();
    rows.sort();
    rows.dedup_by(|a, b| a.key == b.key);
    rows
}
