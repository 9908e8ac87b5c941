//! The quirks of a sandbox, and how often each happened in which list.

use super::{Quirk, Topic, changes};
use crate::{
    book::Book,
    list::{Ask, Ends, List, Listing, Order, Page, Window},
    schedule::Schedule,
};

/// Quirks and the past that they depend on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quirks {
    active: Vec<Active>,
    /// The last requested periods of each list, the newest at the end.
    windows: [Vec<Window>; List::ALL.len()],
    /// The number of rows that appeared.
    inserted: u64,
}

#[derive(Debug, Clone)]
struct Active {
    quirk: Quirk,
    schedule: Schedule,
    asked: [u64; List::ALL.len()],
    done: [u64; List::ALL.len()],
}

impl Quirks {
    pub(crate) fn set(&mut self, quirk: Quirk, schedule: Schedule) {
        let topic = quirk.topic();
        let is_choice = matches!(topic, Topic::Ends | Topic::Order);
        self.active
            .retain(|known| known.quirk != quirk && !(is_choice && known.quirk.topic() == topic));
        let none = [0; List::ALL.len()];
        self.active.push(Active { quirk, schedule, asked: none, done: none });
    }

    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }

    /// Answers a request for a list, the `request`-th of all requests.
    pub(crate) fn list(&mut self, book: &mut Book, ask: &Ask, request: u64) -> Listing {
        let place = ask.list.place();
        for active in &mut self.active {
            active.asked[place] += 1;
        }
        let ends = match self.happens(ask, Topic::Ends) {
            Some(Quirk::ExclusiveEnds) => Ends { start: true, end: false },
            Some(Quirk::ExclusiveStart) => Ends { start: false, end: true },
            Some(Quirk::ExclusiveBothEnds) => Ends { start: false, end: false },
            _ => Ends::default(),
        };
        let order = match self.happens(ask, Topic::Order) {
            Some(Quirk::Ascending) => Order::Ascending,
            Some(Quirk::Descending) => Order::Descending,
            Some(Quirk::UnstableOrder) => Order::Shuffled(request),
            _ => Order::of(ask.list),
        };
        let ask = Ask { window: ask.window.with_ends(ends), ..ask.clone() };
        self.change_rows(book, &ask, order, request);
        let mut listing = book.select(&ask, order);
        self.change_page(&ask, &mut listing);
        self.remember(&ask);
        listing
    }

    /// The quirks of a topic that are due.
    fn due(&mut self, topic: Topic, place: usize) -> impl Iterator<Item = &mut Active> {
        self.active.iter_mut().filter(move |active| {
            active.quirk.topic() == topic
                && active.schedule.is_due(active.asked[place], active.done[place])
        })
    }

    /// The quirk of a topic that happens now.
    fn happens(&mut self, ask: &Ask, topic: Topic) -> Option<Quirk> {
        let place = ask.list.place();
        let due = self.due(topic, place).next()?;
        due.done[place] += 1;
        Some(due.quirk)
    }

    fn change_rows(&mut self, book: &mut Book, ask: &Ask, order: Order, request: u64) {
        let place = ask.list.place();
        let before = self.windows[place].clone();
        let mut inserted = self.inserted;
        for active in self.due(Topic::Rows, place) {
            let before = &before[..];
            let occasion = changes::Occasion { book: &mut *book, ask, order, request, before };
            let happened = match active.quirk {
                Quirk::InsertWhilePaging => occasion.insert(&mut inserted),
                Quirk::RemoveWhilePaging => occasion.remove(),
                Quirk::ReDateWhilePaging => occasion.re_date(),
                _ => occasion.insert_late(&mut inserted),
            };
            active.done[place] += u64::from(happened.is_some());
        }
        self.inserted = inserted;
    }

    fn change_page(&mut self, ask: &Ask, listing: &mut Listing) {
        let place = ask.list.place();
        for active in self.due(Topic::Page, place) {
            let happened = change_page(active.quirk, active.done[place], ask.list, listing);
            active.done[place] += u64::from(happened);
        }
    }

    fn remember(&mut self, ask: &Ask) {
        let windows = &mut self.windows[ask.list.place()];
        windows.retain(|known| (known.from, known.to) != (ask.window.from, ask.window.to));
        if windows.len() == MOST_WINDOWS {
            windows.remove(0);
        }
        windows.push(ask.window);
    }
}

/// Enough to find one that does not overlap with the present one.
const MOST_WINDOWS: usize = 8;

/// Falsifies an answer. Returns whether there was an occasion.
fn change_page(quirk: Quirk, done: u64, list: List, listing: &mut Listing) -> bool {
    let Listing { rows, total, page: Page { limit, offset }, .. } = listing;
    let shown = rows.len() as u64;
    let is_whole = *offset == 0 && shown == *total;
    let is_later = *offset > 0;
    match quirk {
        Quirk::DuplicateRow => {
            let place = rows.len() / 2;
            if rows.is_empty() || place + 1 >= usize::try_from(*limit).unwrap_or(usize::MAX) {
                return false;
            }
            rows.insert(place, rows[place].clone());
            if shown == *limit {
                rows.pop();
            }
            true
        }
        // The others cannot be seen where a list comes whole, without a total.
        _ if !list.has_pages() => false,
        Quirk::EmptyPage => {
            let happens = !rows.is_empty() && (is_later || is_whole);
            if happens {
                rows.clear();
            }
            happens
        }
        Quirk::ShortPage => {
            let is_last = offset.saturating_add(shown) >= *total;
            let happens = !rows.is_empty() && (!is_last || is_whole);
            if happens {
                rows.pop();
            }
            happens
        }
        Quirk::WrongEcho => {
            let echo = if done % 2 == 0 { offset } else { limit };
            *echo = echo.wrapping_add(1);
            true
        }
        Quirk::LyingTotalHigh => {
            *total += 1;
            true
        }
        Quirk::LyingTotalLow => {
            let happens = *total > 0;
            *total = total.saturating_sub(1);
            happens
        }
        _ => false,
    }
}
