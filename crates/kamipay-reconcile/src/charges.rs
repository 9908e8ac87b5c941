//! Rows of settlements: charges, and the pending pool.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kamipay_proto::chrono::{DateTime, Utc};
use kamipay_proto::rust_decimal::Decimal;
use kamipay_proto::settlements::{
    PendingCharge, Settlement, SettlementDetail, SettlementStatus, Transaction,
};
use kamipay_proto::{Currency, ExternalId, SettlementId};

use crate::row::{Progress, Row, Side};

/// Makes rows of charges.
///
/// A transaction has no status. Read the list of settlements first, into [`Settlements`]. It lacks
/// what is in flight, canceled or failed, because it goes by `settled_at`: fetch each settlement that
/// a transaction names and [`Settlements::progress`] does not know.
///
/// ```
/// use kamipay_reconcile::{Charges, MemoryStore, Partial, Settlements};
/// # use kamipay_reconcile::{Flow, Rules, proto::Period};
/// # use kamipay_reconcile::proto::settlements::{Settlement, SettlementDetail, Transaction};
/// # use kamipay_reconcile::proto::SettlementId;
/// # let (list, transactions) = (Vec::<Settlement>::new(), Vec::<Transaction>::new());
/// # fn fetch(id: SettlementId) -> Result<SettlementDetail, std::io::Error> { unreachable!() }
/// # let day = Period::parse("2026-05-14T00:00:00Z", "2026-05-15T00:00:00Z")?;
/// # let rules = Rules::new(Flow::Settlements, day);
///
/// let mut settlements = Settlements::new();
/// for settlement in &list {
///     settlements.add(settlement);
/// }
/// let mut theirs = Partial::new(rules, MemoryStore::new());
/// let mut charges = Charges::new();
/// for charge in &transactions {
///     let progress = match settlements.progress(charge.settlement_id) {
///         Some(progress) => progress,
///         None => settlements.add_detail(&fetch(charge.settlement_id)?),
///     };
///     charges.transaction(charge, progress, |row| theirs.add(row))?;
/// }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Charges {
    /// The key of all rows. Default: `external_id`.
    pub key: ChargeKey,
    /// The amount of all rows. Default: the quote.
    pub amount: ChargeAmount,
    /// The time that decides the period. Default: when the charge was put into the settlement.
    pub time: ChargeTime,
    name: String,
}

/// The key of charges. Rows without one are reported as such.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChargeKey {
    /// The merchant's own identifier.
    #[default]
    ExternalId,
    /// kamiPay's identifier of the QR code.
    KamipayId,
    /// The identifier of the pay-in request, the Pix id.
    KamipayRequestId,
}

/// The amount of charges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChargeAmount {
    /// `settlement_amount`, what the merchant gets. A charge without a quote is not comparable.
    #[default]
    Quoted,
    /// `charged_amount`, what the payer paid.
    Charged,
}

/// The time of charges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChargeTime {
    /// `created_at` of the transaction, when the charge was put into the settlement.
    #[default]
    CreatedAt,
    /// `settled_at` of the settlement. What is not settled has no time: it belongs to every period.
    SettledAt,
}

impl Charges {
    /// By `external_id`, quote, and `created_at`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `each` with the row of a charge. `progress` is that of its settlement.
    pub fn transaction<T>(
        &mut self,
        charge: &Transaction,
        progress: Progress,
        each: impl FnOnce(&Row<'_>) -> T,
    ) -> T {
        let time = match self.time {
            ChargeTime::CreatedAt => Some(charge.created_at),
            ChargeTime::SettledAt => charge.settled_at,
        };
        let charge = Charge {
            ids: [
                charge.external_id.as_ref().map(ExternalId::as_str),
                Some(charge.kamipay_id.as_str()),
                Some(charge.kamipay_request_id.as_str()),
            ],
            charged: (Some(charge.charged_amount), Some(&charge.charged_currency)),
            quoted: (charge.settlement_amount, charge.settlement_currency.as_ref()),
            settlement: Some(charge.settlement_id),
        };
        self.row(&charge, time, progress, each)
    }

    /// Calls `each` with rows of a settlement that was fetched because the state of the period before
    /// has charges of it in flight.
    ///
    /// Charges of a settlement have no time of their own. `open` gets a row's name, and returns the
    /// time of the open row with this name. Other rows are left out: the transactions have them.
    ///
    /// # Errors
    ///
    /// That of `each`.
    pub fn settlement<E>(
        &mut self,
        settlement: &SettlementDetail,
        mut open: impl FnMut(&str) -> Option<Option<DateTime<Utc>>>,
        mut each: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let progress = progress(settlement.status.as_ref());
        for charge in &settlement.charges {
            let id = charge.kamipay_request_id.as_str();
            let Some(mut time) = open(&format!("{}/{id}", settlement.settlement_id)) else {
                continue;
            };
            if self.time == ChargeTime::SettledAt {
                time = settlement.settled_at;
            }
            let charge = Charge {
                ids: [
                    charge.external_id.as_ref().map(ExternalId::as_str),
                    Some(charge.kamipay_id.as_str()),
                    Some(id),
                ],
                charged: (Some(charge.charged_amount), Some(&charge.charged_currency)),
                quoted: (charge.settlement_amount, charge.settlement_currency.as_ref()),
                settlement: Some(settlement.settlement_id),
            };
            self.row(&charge, time, progress, &mut each)?;
        }
        Ok(())
    }

    /// Calls `each` with the row of a charge in the pending pool. The pool is a state, so its rows are
    /// in no sum.
    ///
    /// An empty pool is no evidence: a merchant in 1:1 mode never has one.
    pub fn pending<T>(&mut self, charge: &PendingCharge, each: impl FnOnce(&Row<'_>) -> T) -> T {
        let time = Some(charge.charged_timestamp);
        let charge = Charge {
            ids: [
                charge.external_id.as_ref().map(ExternalId::as_str),
                Some(charge.kamipay_id.as_str()),
                Some(charge.kamipay_request_id.as_str()),
            ],
            charged: (Some(charge.charged_amount), Some(&charge.charged_currency)),
            quoted: (Some(charge.settlement_amount), Some(&charge.settlement_currency)),
            settlement: None,
        };
        self.row(&charge, time, Progress::Live, each)
    }

    fn row<T>(
        &mut self,
        charge: &Charge<'_>,
        time: Option<DateTime<Utc>>,
        progress: Progress,
        each: impl FnOnce(&Row<'_>) -> T,
    ) -> T {
        const NAMES: [&str; 3] = ["external_id", "kamipay_id", "kamipay_request_id"];
        let key = match self.key {
            ChargeKey::ExternalId => 0,
            ChargeKey::KamipayId => 1,
            ChargeKey::KamipayRequestId => 2,
        };
        let mut others = [("", ""); 2];
        let mut count = 0;
        for (index, name) in NAMES.into_iter().enumerate().filter(|(index, _)| *index != key) {
            if let Some(id) = charge.ids[index] {
                others[count] = (name, id);
                count += 1;
            }
        }
        let request = charge.ids[2].unwrap_or_default();
        self.name.clear();
        let _ = match charge.settlement {
            Some(settlement) => write!(self.name, "{settlement}/{request}"),
            None => write!(self.name, "pool/{request}"),
        }; // a String takes everything
        let side = if charge.settlement.is_some() { Side::Theirs } else { Side::Pool };
        let mut row = Row::new(side, &*self.name);
        row.key = charge.ids[key];
        let (amount, currency) = match self.amount {
            ChargeAmount::Quoted => charge.quoted,
            ChargeAmount::Charged => charge.charged,
        };
        row.amount = amount.filter(|_| currency.is_some()).map(Into::into);
        row.currency = currency.map_or("", Currency::as_str);
        row.time = time;
        row.progress = progress;
        row.others = &others[..count];
        each(&row)
    }
}

/// What all kinds of charges have.
struct Charge<'a> {
    ids: [Option<&'a str>; 3],
    charged: (Option<Decimal>, Option<&'a Currency>),
    quoted: (Option<Decimal>, Option<&'a Currency>),
    /// None: in the pool.
    settlement: Option<SettlementId>,
}

/// Done is live, canceled and failed are void. All others are in flight, also unknown states.
fn progress(status: Option<&SettlementStatus>) -> Progress {
    match status {
        Some(SettlementStatus::Done) => Progress::Live,
        Some(SettlementStatus::Canceled | SettlementStatus::Failed) => Progress::Void,
        _ => Progress::InFlight,
    }
}

/// How far settlements are, by their number: 8 bytes for each.
#[derive(Clone, Debug, Default)]
pub struct Settlements {
    /// Numbers and progress, packed. Sorted but for the last ones.
    packed: Vec<u64>,
    is_unsorted: bool,
    /// Numbers that cannot be packed.
    large: BTreeMap<u64, Progress>,
}

impl Settlements {
    /// Without a settlement.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a settlement of the list.
    pub fn add(&mut self, settlement: &Settlement) -> Progress {
        self.set(settlement.settlement_id, settlement.status.as_ref())
    }

    /// Adds a settlement that was fetched by its number.
    pub fn add_detail(&mut self, settlement: &SettlementDetail) -> Progress {
        self.set(settlement.settlement_id, settlement.status.as_ref())
    }

    /// How far a settlement is, as it was added last. `None`: fetch it.
    pub fn progress(&mut self, settlement: SettlementId) -> Option<Progress> {
        self.sort();
        let number = settlement.number();
        if number > MOST_PACKED {
            return self.large.get(&number).copied();
        }
        let after = self.packed.partition_point(|it| it >> 2 <= number);
        let last = self.packed[..after].last().filter(|it| **it >> 2 == number)?;
        Some(match last & 3 {
            0 => Progress::Live,
            1 => Progress::InFlight,
            _ => Progress::Void,
        })
    }

    fn set(&mut self, settlement: SettlementId, status: Option<&SettlementStatus>) -> Progress {
        let (number, progress) = (settlement.number(), progress(status));
        if number > MOST_PACKED {
            self.large.insert(number, progress);
            return progress;
        }
        let packed = number << 2 | progress as u64;
        match self.packed.last() {
            Some(last) if !self.is_unsorted && last >> 2 < number => {}
            None => {}
            Some(_) => self.is_unsorted = true,
        }
        self.packed.push(packed);
        progress
    }

    /// The last one of equal numbers counts.
    fn sort(&mut self) {
        if !self.is_unsorted {
            return;
        }
        self.packed.sort_by_key(|it| it >> 2); // stable
        self.packed.reverse();
        self.packed.dedup_by_key(|it| *it >> 2);
        self.packed.reverse();
        self.is_unsorted = false;
    }
}

const MOST_PACKED: u64 = u64::MAX >> 2;

#[cfg(test)]
mod tests {
    use super::*;

    const CHARGE: &str = r#"{"settlement_id": 12345, "kamipay_request_id": "ptxr_1",
        "kamipay_id": "dqr_1", "external_id": "order-1", "charged_amount": 5.28, "charged_currency":
        "BRL", "settlement_amount": "1450.10", "settlement_currency": "ARS", "created_at":
        "2026-05-14T13:21:12Z", "settled_at": null, "settlement_provider_name": "p",
        "charged_timestamp": "2026-05-14T13:21:08Z"}"#;

    fn show(row: &Row<'_>) -> String {
        format!(
            "{:?} {} {:?} {} {} {:?} {:?} {:?}",
            row.side,
            row.id,
            row.key,
            row.amount.map_or_else(|| "-".to_owned(), |it| it.to_string()),
            row.currency,
            row.time.map(|it| it.timestamp() - 1_778_764_868),
            row.progress,
            row.others
        )
    }

    fn charges(key: ChargeKey, amount: ChargeAmount, time: ChargeTime) -> Charges {
        Charges { key, amount, time, ..Charges::new() }
    }

    #[test]
    fn a_charge_has_one_of_its_identifiers_as_key_and_the_others_beside() {
        let charge: Transaction = serde_json::from_str(CHARGE).unwrap();
        let pending: PendingCharge = serde_json::from_str(CHARGE).unwrap();
        let mut by = charges(ChargeKey::ExternalId, ChargeAmount::Quoted, ChargeTime::CreatedAt);
        assert_eq!(
            by.transaction(&charge, Progress::InFlight, show),
            "Theirs 12345/ptxr_1 Some(\"order-1\") 1450.10 ARS Some(4) InFlight \
             [(\"kamipay_id\", \"dqr_1\"), (\"kamipay_request_id\", \"ptxr_1\")]"
        );
        let mut by =
            charges(ChargeKey::KamipayRequestId, ChargeAmount::Charged, ChargeTime::SettledAt);
        assert_eq!(
            by.transaction(&charge, Progress::Live, show),
            "Theirs 12345/ptxr_1 Some(\"ptxr_1\") 5.28 BRL None Live \
             [(\"external_id\", \"order-1\"), (\"kamipay_id\", \"dqr_1\")]"
        );
        assert_eq!(
            by.pending(&pending, show),
            "Pool pool/ptxr_1 Some(\"ptxr_1\") 5.28 BRL Some(0) Live \
             [(\"external_id\", \"order-1\"), (\"kamipay_id\", \"dqr_1\")]"
        );
        let mut by = charges(ChargeKey::KamipayId, ChargeAmount::Quoted, ChargeTime::CreatedAt);
        assert!(by.pending(&pending, show).contains("Some(\"dqr_1\") 1450.10 ARS"));
    }

    #[test]
    fn a_charge_without_a_quote_or_a_key_has_none() {
        let bare = CHARGE.replace("\"order-1\"", "null").replace("\"1450.10\"", "null");
        let charge: Transaction = serde_json::from_str(&bare).unwrap();
        assert_eq!(
            Charges::new().transaction(&charge, Progress::Void, show),
            "Theirs 12345/ptxr_1 None - ARS Some(4) Void \
             [(\"kamipay_id\", \"dqr_1\"), (\"kamipay_request_id\", \"ptxr_1\")]"
        );
        let uncertain = CHARGE.replace("\"ARS\"", "null");
        let charge: Transaction = serde_json::from_str(&uncertain).unwrap();
        assert!(Charges::new().transaction(&charge, Progress::Void, |row| row.amount.is_none()));
    }

    #[test]
    fn a_settlement_that_was_fetched_again_has_the_times_of_the_open_rows() {
        let detail = format!(
            r#"{{"settlement_id": 12345, "settlement_provider_name": "p", "amount": 1.50,
            "currency": "ARS", "address_to": "a", "address_from": "b", "status": "FAILED",
            "created_at": "2026-05-14T14:55:18Z", "charges": [{CHARGE}, {}]}}"#,
            CHARGE.replace("ptxr_1", "ptxr_2")
        );
        let detail: SettlementDetail = serde_json::from_str(&detail).unwrap();
        let mut rows = Vec::new();
        let time = "2026-05-14T13:21:12Z".parse().unwrap();
        let open = |name: &str| (name == "12345/ptxr_1").then_some(Some(time));
        let each = |row: &Row<'_>| {
            rows.push(show(row));
            Ok::<_, ()>(())
        };
        Charges::new().settlement(&detail, open, each).unwrap();
        assert_eq!(rows.len(), 1);
        assert!(
            rows[0].starts_with("Theirs 12345/ptxr_1 Some(\"order-1\") 1450.10 ARS Some(4) Void")
        );
    }

    #[test]
    fn a_settlement_is_as_far_as_it_was_added_last() {
        let mut settlements = Settlements::new();
        let mut set = |number: u64, word: Option<&str>| {
            settlements.set(SettlementId::new(number), word.map(SettlementStatus::from).as_ref())
        };
        assert_eq!(set(7, Some("CREATED")), Progress::InFlight);
        assert_eq!(set(9, Some("DONE")), Progress::Live);
        assert_eq!(set(8, Some("CANCELED")), Progress::Void);
        assert_eq!(set(8, None), Progress::InFlight);
        assert_eq!(set(7, Some("FAILED")), Progress::Void);
        assert_eq!(set(u64::MAX, Some("done")), Progress::InFlight);
        assert_eq!(set(u64::MAX, Some("DONE")), Progress::Live);
        assert_eq!(set(MOST_PACKED, Some("PROCESSING")), Progress::InFlight);
        let mut progress = |number| settlements.progress(SettlementId::new(number));
        assert_eq!(
            [6, 7, 8].map(&mut progress),
            [None, Some(Progress::Void), Some(Progress::InFlight)]
        );
        assert_eq!([9, 10].map(&mut progress), [Some(Progress::Live), None]);
        assert_eq!(
            [MOST_PACKED, u64::MAX].map(&mut progress),
            [Some(Progress::InFlight), Some(Progress::Live)]
        );
        assert_eq!(progress(MOST_PACKED - 1), None);
        settlements.set(SettlementId::new(7), Some(&SettlementStatus::Done));
        assert_eq!(settlements.progress(SettlementId::new(7)), Some(Progress::Live));
    }
}
