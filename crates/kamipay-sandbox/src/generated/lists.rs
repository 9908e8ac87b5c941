//! The lists of a generated merchant, each by index. Times never decrease with the index.

use std::ops::Range;

use super::{
    Generated, Kind, charges::to_the_millisecond, identifier, number_of_operation, operation_id,
};
use crate::list::{Filter, List, Window};

impl Generated {
    /// The number of rows, also of those that the list does not show.
    pub(crate) fn count(&self, list: List) -> u64 {
        match list {
            List::Lots => self.lots,
            List::Settlements => self.settlement_count(),
            List::Transactions | List::ConfirmedCharges => self.charges,
            List::PendingCharges => self.pending_charges,
        }
    }

    /// The time of a row, in microseconds since 1970.
    pub(crate) fn time(&self, list: List, index: u64) -> i64 {
        match list {
            List::Lots => self.lot_times().at(index),
            List::Settlements => self.settled_at(index),
            List::Transactions => self.charge_times().at(index),
            List::PendingCharges => self.pending_times().at(index),
            List::ConfirmedCharges => to_the_millisecond(self.charge_times().at(index)),
        }
    }

    pub(crate) fn json(&self, list: List, index: u64) -> String {
        let row = match list {
            List::Lots => self.lot_row(index),
            List::Settlements => self.settlement_row(index),
            List::Transactions => self.transaction_row(index),
            List::PendingCharges => self.pending_row(index),
            List::ConfirmedCharges => self.confirmed_row(index),
        };
        row.end()
    }

    /// As the call for one lot or one settlement shows it.
    pub(crate) fn detail(&self, list: List, index: u64) -> Option<String> {
        match list {
            List::Lots => Some(self.lot_detail(index).end()),
            List::Settlements => Some(self.settlement_detail(index).end()),
            _ => None,
        }
    }

    pub(crate) fn id(&self, list: List, index: u64) -> String {
        match list {
            List::Lots => self.lot_id(index),
            List::Settlements => self.settlement_id(index).to_string(),
            List::Transactions => self.charge(index).kamipay_request_id,
            List::PendingCharges => self.pending_charge(index).kamipay_request_id,
            List::ConfirmedCharges => operation_id(2 * index + 1),
        }
    }

    /// The row with an identifier, or the lot with a hash.
    pub(crate) fn find(&self, list: List, id: &str) -> Option<u64> {
        let ptxr = |kind| Some(self.number(kind, identifier::bits_of_ulid("ptxr", id)?));
        let index = match list {
            List::Lots => return self.lot_index(id),
            List::Settlements => self.settlement_index(id.parse().ok()?)?,
            List::Transactions => ptxr(Kind::ChargeRequest)?,
            List::PendingCharges => ptxr(Kind::PendingRequest)?,
            List::ConfirmedCharges => number_of_operation(id)? / 2,
        };
        (index < self.count(list) && self.id(list, index) == id).then_some(index)
    }

    /// The rows of a period. The list shows those of them that [`Generated::shows`] selects.
    pub(crate) fn indices(&self, list: List, window: Window, filter: &Filter) -> Range<u64> {
        let indices = window.indices(self.count(list), |index| self.time(list, index));
        let Filter::Settlement(id) = filter else { return indices };
        // The charges of a settlement are neighbours, so nothing has to search for them.
        let Some(settlement) = self.find(List::Settlements, &id.to_string()) else { return 0..0 };
        let charges = self.charges_of(settlement);
        let start = indices.start.max(charges.start);
        start..indices.end.min(charges.end).max(start)
    }

    /// Whether the list shows all rows of a period.
    pub(crate) fn shows_all(&self, list: List, filter: &Filter) -> bool {
        let everywhere = matches!(filter, Filter::Places { stores: None, checkouts: None });
        matches!(list, List::Lots | List::Transactions) || everywhere
    }

    pub(crate) fn shows(&self, list: List, index: u64, filter: &Filter) -> bool {
        match (list, filter) {
            (List::Settlements, _) => !self.is_in_flight(index),
            (_, Filter::Pool { checkout_id, enrolled }) => {
                let place = (index % enrolled.len().max(1) as u64) as usize;
                enrolled.get(place) == Some(checkout_id)
            }
            (_, Filter::Places { stores, checkouts }) => {
                let charge = self.charge(index);
                stores.as_ref().is_none_or(|some| some.contains(&charge.store_id))
                    && checkouts.as_ref().is_none_or(|some| some.contains(&charge.checkout_id))
            }
            _ => true,
        }
    }
}
