//! `GET /v2/status/tx_status_lot`: the confirmed charges of less than a day.

use std::fmt;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::ConfirmedCharge;
use crate::page;
use crate::scan::{ListedBy, Scannable, Sealed, Window};
use crate::wire::timestamp::Rfc3339;
use crate::{Api, BuildError, CheckoutId, Endpoint, EpochRange, Mismatch, Period, StoreId};

/// Lists the confirmed charges of less than 24 hours. This call has no pages.
///
/// For a longer period use [`ScanConfirmedCharges`].
///
/// ```
/// use kamipay_proto::confirmed_charges::ListConfirmedCharges;
/// use kamipay_proto::{Api, Endpoint, EpochRange, StoreId};
/// # use chrono::DateTime;
/// # let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
///
/// let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
/// let mut call = ListConfirmedCharges::new();
/// call.store_id = [1, 2, 3].map(StoreId::new).to_vec();
/// call.range = Some(EpochRange::new(at(1718418515), at(1718472442))?);
/// assert_eq!(
///     call.request(&api)?.uri(),
///     "https://api.kamipay.io/v2/status/tx_status_lot?store_id=1,2,3\
///      &start=1718418515&end=1718472442",
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ListConfirmedCharges {
    /// Only charges of these stores. Default: empty, all stores.
    #[serde(default)]
    pub store_id: Vec<StoreId>,
    /// Only charges of these checkouts. Default: empty, all checkouts.
    #[serde(default)]
    pub checkout_id: Vec<CheckoutId>,
    /// The time range, sent as `start` and `end`. Default: `None`.
    ///
    /// The vendor's page does not say which range the API uses by default. Set it if the range
    /// matters.
    #[serde(default)]
    pub range: Option<EpochRange>,
}

impl ListConfirmedCharges {
    /// Lists the confirmed charges of all stores and checkouts.
    pub fn new() -> Self {
        Self::default()
    }
}

/// All confirmed charges of a period of any length, for a [`Scan`](crate::Scan).
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScanConfirmedCharges {
    /// The period. Rows are in the order of `credit_datetime`.
    ///
    /// The vendor's page does not say which of a charge's times counts, or whether the ends are
    /// inclusive. So days may not add up: a charge at the border of two days can be in both or in
    /// neither.
    pub period: Period,
    /// Only charges of these stores. Default: empty, all stores.
    #[serde(default)]
    pub store_id: Vec<StoreId>,
    /// Only charges of these checkouts. Default: empty, all checkouts.
    #[serde(default)]
    pub checkout_id: Vec<CheckoutId>,
}

impl ScanConfirmedCharges {
    /// All confirmed charges of `period`.
    pub fn new(period: Period) -> Self {
        Self { period, store_id: Vec::new(), checkout_id: Vec::new() }
    }
}

impl Endpoint for ListConfirmedCharges {
    const CALL: &'static str = "GET /v2/status/tx_status_lot";
    type Output = Vec<ConfirmedCharge>;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        api.get(&["v2", "status", "tx_status_lot"])
            .query_list("store_id", &self.store_id)
            .query_list("checkout_id", &self.checkout_id)
            .query_opt("start", self.range.map(|range| range.start().timestamp()))
            .query_opt("end", self.range.map(|range| range.end().timestamp()))
            .finish()
    }

    /// The answer echoes nothing of the request, so each row is compared with it: its store and
    /// checkout must be requested ones, and one of its times must lie in the range, with a
    /// tolerance of one second.
    fn verify(&self, charges: &Vec<ConfirmedCharge>) -> Result<(), Mismatch> {
        for charge in charges {
            among("store_id", &self.store_id, charge.store_id)?;
            among("checkout_id", &self.checkout_id, charge.checkout_id)?;
            let Some(range) = self.range else { continue };
            let ends = (Some(range.start()), Some(range.end()));
            let times = [charge.request_datetime, charge.credit_datetime];
            if !times.iter().any(|time| page::is_within(*time, ends)) {
                let came = Rfc3339(charge.credit_datetime);
                return Err(Mismatch::new("credit_datetime", page::Ends(ends), came));
            }
        }
        Ok(())
    }
}

impl Sealed for ScanConfirmedCharges {
    const MAX_WINDOW: TimeDelta = EpochRange::MAX;
    /// The call has no pages.
    const MAX_PAGE: u64 = u64::MAX;
    const LISTED_BY: ListedBy = ListedBy::Unknown;
}

impl Scannable for ScanConfirmedCharges {
    type Call = ListConfirmedCharges;
    type Row = ConfirmedCharge;

    fn period(&self) -> Option<Period> {
        Some(self.period)
    }

    fn with_period(&self, period: Period) -> Self {
        Self { period, ..self.clone() }
    }

    fn call(&self, window: Window, _limit: u64, _offset: u64) -> ListConfirmedCharges {
        let (start, end) =
            window.start().zip(window.end()).expect("only pending charges have open windows");
        ListConfirmedCharges {
            store_id: self.store_id.clone(),
            checkout_id: self.checkout_id.clone(),
            range: Some(
                EpochRange::new(start, end).expect("a window is no longer than a call takes"),
            ),
        }
    }

    fn page(charges: Vec<ConfirmedCharge>) -> (Vec<ConfirmedCharge>, Option<u64>) {
        (charges, None)
    }

    /// An answer echoes nothing of the request, so an empty one could answer any.
    fn is_proven(window: Window, charges: &[ConfirmedCharge]) -> bool {
        charges.iter().any(|charge| {
            [charge.request_datetime, charge.credit_datetime]
                .into_iter()
                .all(|time| window.is_inside(time))
        })
    }
}

fn among<T: Copy + PartialEq + fmt::Display>(
    field: &'static str,
    asked: &[T],
    came: T,
) -> Result<(), Mismatch> {
    if asked.is_empty() || asked.contains(&came) {
        return Ok(());
    }
    let asked: Vec<String> = asked.iter().map(T::to_string).collect();
    Err(Mismatch::new(field, asked.join(","), came))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"[{"store_id": "1", "checkout_id": "7", "operation_id": "5",
        "tx_hash": "txid5", "brl_requested": "25.00", "usdt_credited": "5.00000",
        "request_datetime": "1718472442.872", "credit_datetime": "1718472443.872"}]"#;

    fn ask(
        stores: &[u64],
        checkouts: &[u64],
    ) -> Result<Vec<ConfirmedCharge>, crate::ResponseError> {
        let mut call = ListConfirmedCharges::new();
        call.store_id = stores.iter().copied().map(StoreId::new).collect();
        call.checkout_id = checkouts.iter().copied().map(CheckoutId::new).collect();
        call.parse(http::Response::new(BODY))
    }

    #[test]
    fn a_charge_of_another_store_or_checkout_is_a_mismatch() {
        for (stores, checkouts) in
            [(&[][..], &[][..]), (&[1], &[7]), (&[3, 1], &[]), (&[], &[7, 9])]
        {
            assert_eq!(ask(stores, checkouts).unwrap().len(), 1);
        }
        for (stores, checkouts, message) in [
            (&[2, 3][..], &[7][..], "asked for store_id 2,3, got 1"),
            (&[1], &[8], "asked for checkout_id 8, got 7"),
            (&[], &[1], "asked for checkout_id 1, got 7"),
        ] {
            let error = ask(stores, checkouts).unwrap_err().to_string();
            assert_eq!(error, format!("the answer is to another question: {message}"));
        }
    }
}
