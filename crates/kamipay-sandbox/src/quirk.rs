//! Readings and disturbances of lists, by name.

use std::{fmt, str::FromStr};

use crate::{names::UnknownScenario, schedule::Schedule};

mod changes;
mod state;

pub(crate) use self::state::Quirks;

macro_rules! quirks {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal $topic:ident $schedule:expr, $description:literal;)+) => {
        /// A behaviour of lists: one of several readings of the API's pages, or a disturbance
        /// while a client is paging.
        ///
        /// Each has a default [`Schedule`]. Readings (which ends belong to a period, how rows are
        /// sorted) always hold. Disturbances happen once or twice in each list, so that a careful
        /// client recovers by reading again. [`Sandbox::with_quirk`](crate::Sandbox::with_quirk)
        /// sets another schedule, and `-always` after the name of a
        /// [`Scenario`](crate::Scenario) makes it permanent.
        ///
        /// What happens depends only on the requests. Rows that appear are real: they stay.
        /// [`Sandbox::history`](crate::Sandbox::history) contains all changes.
        ///
        /// ```
        /// use kamipay_sandbox::{Quirk, Sandbox, Schedule};
        ///
        /// let sandbox = Sandbox::documented()
        ///     .with_quirk(Quirk::ExclusiveEnds, Quirk::ExclusiveEnds.schedule())
        ///     .with_quirk(Quirk::EmptyPage, Schedule::times(3).from_request(2));
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Quirk {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Quirk {
            /// All quirks.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The quirk's name.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What it does, in one line.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description),+ }
            }

            /// Of two quirks of one topic with one answer (ends, order) the later one counts.
            fn topic(self) -> Topic {
                match self { $(Self::$variant => Topic::$topic),+ }
            }

            /// Its schedule by default.
            pub const fn schedule(self) -> Schedule {
                match self { $(Self::$variant => $schedule),+ }
            }
        }
    };
}

quirks! {
    /// Both ends belong to a period. The default.
    InclusiveEnds "inclusive-ends" Ends Schedule::always(),
        "both ends belong to a period (the default)";
    /// The start belongs to a period, the end does not.
    ExclusiveEnds "exclusive-ends" Ends Schedule::always(),
        "the end of a period does not belong to it";
    /// The end belongs to a period, the start does not.
    ExclusiveStart "exclusive-start" Ends Schedule::always(),
        "the start of a period does not belong to it";
    /// Neither end belongs to a period. Adjoining periods never show the rows between them, and
    /// nothing reveals it.
    ExclusiveBothEnds "exclusive-both-ends" Ends Schedule::always(),
        "neither end of a period belongs to it";
    /// All lists come oldest first.
    Ascending "ascending" Order Schedule::always(), "all lists come oldest first";
    /// All lists come newest first.
    Descending "descending" Order Schedule::always(), "all lists come newest first";
    /// All lists come in another order with every request.
    UnstableOrder "unstable-order" Order Schedule::always(),
        "all lists come in another order with every request";
    /// Before a later page of a list is answered, a row appears in front of it: the page repeats
    /// a row.
    InsertWhilePaging "insert-while-paging" Rows Schedule::once(),
        "a row appears in front of the page that is asked for, and stays";
    /// Before a later page of a list is answered, a row in front of it disappears: the page
    /// leaves out a row.
    RemoveWhilePaging "remove-while-paging" Rows Schedule::once(),
        "a row in front of the page that is asked for disappears";
    /// Before a later page of a list is answered, a row that was not shown yet gets another time
    /// and is now in front of the page. The total stays the same.
    ReDateWhilePaging "re-date-while-paging" Rows Schedule::once(),
        "a row behind the page that is asked for moves in front of it";
    /// A row appears in a period that was asked for before, when another one is asked for.
    LateRow "late-row" Rows Schedule::once(),
        "a row appears in a period that was asked for before";
    /// A page has no rows though the total says that there are more. Of a list with several
    /// pages it is a later one.
    EmptyPage "empty-page" Page Schedule::once(),
        "a page has no rows though the total says more";
    /// A page that is not the last has a row less than its limit. Of a list with one page it is
    /// that one.
    ShortPage "short-page" Page Schedule::once(),
        "a page has fewer rows than there are, one is left out";
    /// The answer contains another `offset` than the request, the next time another `limit`.
    WrongEcho "wrong-echo" Page Schedule::times(2),
        "an answer contains another offset, then another limit";
    /// The total is one more than there are rows.
    LyingTotalHigh "lying-total-high" Page Schedule::times(2), "the total is one too high";
    /// The total is one less than there are rows.
    LyingTotalLow "lying-total-low" Page Schedule::times(2), "the total is one too low";
    /// A page shows a row twice, and so has no room for its last row if it was full.
    DuplicateRow "duplicate-row" Page Schedule::once(), "a page shows a row twice";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Topic {
    Ends,
    Order,
    /// Which rows there are, and when.
    Rows,
    /// What an answer says.
    Page,
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Quirk {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let quirk = Self::ALL.iter().find(|quirk| quirk.name() == name);
        quirk.copied().ok_or_else(|| {
            UnknownScenario::new("quirk", name, Self::ALL.iter().map(|quirk| quirk.name()))
        })
    }
}

#[cfg(test)]
mod tests;
