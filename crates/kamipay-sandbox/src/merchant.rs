//! Whose rows are listed: one answer for each list to how many there are, when, and how they look.

use std::ops::Range;

use rust_decimal::Decimal;

use crate::{
    documented,
    generated::Generated,
    listing::{Filter, Window, micros},
    row::List,
};

/// Who has rows by itself. They have indices, by which their times never decrease.
#[derive(Debug, Clone)]
pub(crate) enum Merchant {
    Documented,
    Generated(Generated),
    /// Nobody: all rows are given one by one.
    Nobody,
}

impl Merchant {
    /// How many rows there are, those that the list does not show included.
    pub(crate) fn count(&self, list: List) -> u64 {
        match self {
            Self::Documented => documented::count(list),
            Self::Generated(merchant) => match list {
                List::Lots => merchant.lot_count(),
                List::Settlements => merchant.settlement_count(),
                List::Transactions | List::ConfirmedCharges => merchant.charge_count(),
                List::PendingCharges => merchant.pending_charge_count(),
            },
            Self::Nobody => 0,
        }
    }

    /// The rows of a period. Of them those count which [`Merchant::shows`].
    pub(crate) fn indices(&self, list: List, window: Window, filter: &Filter) -> Range<u64> {
        match self {
            // The page of the lots asks for 2026 and shows a lot of 2025.
            Self::Documented if list == List::Lots => 0..self.count(list),
            Self::Documented => {
                // The page of the confirmed charges shows two within a second of its ends.
                let second = i64::from(list == List::ConfirmedCharges) * 1_000_000;
                let window = Window::new(window.from - second, window.to + 2 * second);
                window.indices(self.count(list), |index| self.time(list, index))
            }
            Self::Generated(merchant) => {
                let indices = window.indices(self.count(list), |index| self.time(list, index));
                let Filter::Settlement(id) = filter else { return indices };
                // Charges of a settlement are neighbours, so that nobody has to look for them.
                let Some(settlement) = merchant.settlement_index(*id) else { return 0..0 };
                let of = merchant.charges_of(settlement);
                let start = indices.start.max(of.start);
                start..indices.end.min(of.end).max(start)
            }
            Self::Nobody => 0..0,
        }
    }

    /// Whether all rows count that [`Merchant::indices`] gives.
    pub(crate) fn shows_all(&self, list: List, filter: &Filter) -> bool {
        match self {
            Self::Documented => matches!(filter, Filter::All),
            Self::Generated(_) => {
                let everywhere = matches!(filter, Filter::Places { stores: None, checkouts: None });
                matches!(list, List::Lots | List::Transactions) || everywhere
            }
            Self::Nobody => true,
        }
    }

    pub(crate) fn shows(&self, list: List, index: u64, filter: &Filter) -> bool {
        match self {
            Self::Documented => documented::matches(list, index, filter),
            Self::Generated(merchant) => match (list, filter) {
                (List::Settlements, _) => !merchant.is_in_flight(index),
                (_, Filter::Pool { checkout_id, enrolled }) => {
                    let place = (index % enrolled.len().max(1) as u64) as usize;
                    enrolled.get(place) == Some(checkout_id)
                }
                (_, Filter::Places { stores, checkouts }) => {
                    merchant.is_charged_at(index, stores.as_deref(), checkouts.as_deref())
                }
                _ => true,
            },
            Self::Nobody => false,
        }
    }

    /// When a row happened, in microseconds since 1970.
    pub(crate) fn time(&self, list: List, index: u64) -> i64 {
        match self {
            Self::Documented => documented::time(list, index).map_or_else(
                // As recent as can be, in the order of the page.
                || micros(documented::now()) - self.count(list) as i64 + index as i64,
                micros,
            ),
            Self::Generated(merchant) => match list {
                List::Lots => merchant.lot_time(index),
                List::Settlements => merchant.settlement_time(index),
                List::Transactions => merchant.charge_time(index),
                List::PendingCharges => merchant.pending_time(index),
                List::ConfirmedCharges => merchant.credit_time(index),
            },
            Self::Nobody => 0,
        }
    }

    /// As JSON.
    pub(crate) fn row(&self, list: List, index: u64) -> String {
        match self {
            Self::Documented => documented::row(list, index).to_owned(),
            Self::Generated(merchant) => match list {
                List::Lots => merchant.listed_lot(index),
                List::Settlements => merchant.listed_settlement(index),
                List::Transactions => merchant.listed_transaction(index),
                List::PendingCharges => merchant.listed_pending_charge(index),
                List::ConfirmedCharges => merchant.listed_confirmed_charge(index),
            },
            Self::Nobody => String::new(),
        }
    }

    pub(crate) fn row_id(&self, list: List, index: u64) -> String {
        match self {
            Self::Documented => documented::row_id(list, index),
            Self::Generated(merchant) => match list {
                List::Lots => merchant.lot_id(index),
                List::Settlements => merchant.settlement_id(index).to_string(),
                List::Transactions => merchant.charge_request_id(index),
                List::PendingCharges => merchant.pending_request_id(index),
                List::ConfirmedCharges => merchant.charge_operation_id(index),
            },
            Self::Nobody => String::new(),
        }
    }

    pub(crate) fn find(&self, list: List, id: &str) -> Option<u64> {
        match self {
            Self::Documented => (0..self.count(list)).find(|index| self.row_id(list, *index) == id),
            Self::Generated(merchant) => match list {
                List::Lots => merchant.lot_index(id),
                List::Settlements => merchant.settlement_index(id.parse().ok()?),
                List::Transactions => merchant.find_charge(id),
                List::PendingCharges => merchant.find_pending_charge(id),
                List::ConfirmedCharges => merchant.find_operation(id),
            },
            Self::Nobody => None,
        }
    }

    /// The lot with a `lot_id` or a hash.
    pub(crate) fn find_lot(&self, identifier: &str) -> Option<u64> {
        match self {
            Self::Documented => documented::lot_index(identifier),
            Self::Generated(merchant) => merchant.lot_index(identifier),
            Self::Nobody => None,
        }
    }

    /// As the call for one lot or one settlement shows it.
    pub(crate) fn detail(&self, list: List, index: u64) -> Option<String> {
        match (self, list) {
            (Self::Documented, List::Lots) => Some(documented::lot_detail(index)),
            (Self::Documented, List::Settlements) => Some(documented::settlement_detail()),
            (Self::Generated(merchant), List::Lots) => Some(merchant.lot_detail(index)),
            (Self::Generated(merchant), List::Settlements) => {
                Some(merchant.settlement_detail(index))
            }
            _ => None,
        }
    }

    /// What a pending charge adds to the sum of its pool.
    pub(crate) fn pending_amount(&self, index: u64) -> Decimal {
        match self {
            Self::Documented => documented::pending_amount(index),
            Self::Generated(merchant) => merchant.pending_amount(index),
            Self::Nobody => Decimal::ZERO,
        }
    }
}
