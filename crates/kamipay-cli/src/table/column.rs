//! What a column shows, and how.

use anstyle::Style;
use chrono::{DateTime, Utc};
use unicode_width::UnicodeWidthStr as _;

use super::cells::{middle, shorten};
use super::layout::Need;
use super::{BAD, GOOD, NONE, OPEN, WIDEST, amount};
use crate::fields::Fields;
use crate::view::View;
use crate::zone::Zone;

/// A column: the field that it shows, which is its heading, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Identifier,
    Hash,
    State,
    Number,
    /// With the field that has the currency.
    Money(Option<&'static str>),
    Second,
    Time,
}

/// A column of text, of which the beginning says most.
pub(crate) const fn text(name: &'static str) -> Column {
    Column { name, kind: Kind::Text }
}

/// A column of identifiers, of which both ends say most.
pub(crate) const fn identifier(name: &'static str) -> Column {
    Column { name, kind: Kind::Identifier }
}

/// A column of long hashes or addresses: whole, or very short.
pub(crate) const fn hash(name: &'static str) -> Column {
    Column { name, kind: Kind::Hash }
}

/// A column of states, which have colours.
pub(crate) const fn state(name: &'static str) -> Column {
    Column { name, kind: Kind::State }
}

/// A column of whole numbers.
pub(crate) const fn number(name: &'static str) -> Column {
    Column { name, kind: Kind::Number }
}

/// A column of amounts, aligned by their decimal points.
pub(crate) const fn money(name: &'static str) -> Column {
    Column { name, kind: Kind::Money(None) }
}

/// A column of amounts, each with its currency.
pub(crate) const fn money_in(name: &'static str, currency: &'static str) -> Column {
    Column { name, kind: Kind::Money(Some(currency)) }
}

/// A column of times, to the second. The other formats also have the fraction.
pub(crate) const fn seconds(name: &'static str) -> Column {
    Column { name, kind: Kind::Second }
}

/// A field with a time and its fraction.
pub(crate) const fn time_of(name: &'static str) -> Column {
    Column { name, kind: Kind::Time }
}

impl Column {
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// The same column. An amount has no currency where that is a column of its own.
    pub(crate) fn beside(self, names: &[&str]) -> Self {
        match self.kind {
            Kind::Money(Some(currency)) if names.contains(&currency) => money(self.name),
            _ => self,
        }
    }

    /// The cell of one row.
    pub(super) fn cell(&self, row: &Fields, view: &View) -> String {
        let value = row.text(self.name);
        let time = |show: fn(&Zone, DateTime<Utc>) -> String| match value.parse() {
            Ok(time) => show(&view.zone, time),
            Err(_) => value.clone(),
        };
        match self.kind {
            _ if value.is_empty() => NONE.to_owned(),
            Kind::Money(Some(currency)) => amount(value, row.text(currency)).trim_end().to_owned(),
            Kind::Second => time(Zone::second),
            Kind::Time => time(Zone::exact),
            _ => value,
        }
    }

    /// What its cells need. The heading is never shortened.
    pub(super) fn need(&self, longest: usize) -> Need {
        let (all, least, partly) = match self.kind {
            Kind::Text => (longest.min(WIDEST), 12, true),
            Kind::Identifier => (longest.min(WIDEST), 16, true),
            Kind::Hash => (longest, 13, false),
            _ => (longest, usize::MAX, true),
        };
        let heading = self.name.len();
        Need { all: all.max(heading), least: least.min(all).max(heading), partly }
    }

    pub(super) fn shorten(&self, cell: &str, width: usize) -> String {
        match self.kind {
            _ if cell.width() <= width => cell.to_owned(),
            Kind::Text => shorten(cell, width),
            Kind::Identifier => middle(cell, (width - 1).div_ceil(2), (width - 1) / 2),
            Kind::Hash => middle(cell, 8, 4),
            _ => cell.to_owned(),
        }
    }

    /// The colour of a cell.
    pub(super) fn style(&self, cell: &str) -> Style {
        match (self.kind, cell) {
            (Kind::State, "MINED" | "DONE") => GOOD,
            (Kind::State, "FAILED" | "CANCELED") => BAD,
            (Kind::State, "PENDING" | "PROCESSING" | "CREATED") => OPEN,
            _ => Style::new(),
        }
    }

    pub(super) fn is_right_aligned(&self) -> bool {
        matches!(self.kind, Kind::Number | Kind::Money(_))
    }
}
