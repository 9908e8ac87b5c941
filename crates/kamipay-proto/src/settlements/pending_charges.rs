//! `GET /v1/settlements/pending-charges`

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::PendingCharge;
use crate::page::{self, Page, Paginated, PendingPageSize};
use crate::{Api, BuildError, CheckoutId, Endpoint, Mismatch, OpenDateRange, wire};

/// Lists the charges that the next settlement of a checkout would take, a page at a time, the
/// oldest first.
///
/// ```
/// use kamipay_proto::{Api, CheckoutId, Endpoint, settlements::ListPendingCharges};
///
/// let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
/// let mut call = ListPendingCharges::new();
/// call.checkout_id = Some(CheckoutId::new(42));
/// assert_eq!(
///     call.request(&api)?.uri(),
///     "https://api.kamipay.io/v1/settlements/pending-charges?checkout_id=42&limit=100&offset=0",
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct ListPendingCharges {
    /// Which checkout; required where more than one is enrolled in the batched settlement.
    #[serde(default)]
    pub checkout_id: Option<CheckoutId>,
    /// The range of the requests' `created_at`: `from` and `to`. Open, it is the last 30 days.
    #[serde(default)]
    pub range: OpenDateRange,
    /// How many charges at most: 1 to 500, 100 unless told otherwise.
    #[serde(default)]
    pub limit: PendingPageSize,
    /// How many charges to skip.
    #[serde(default)]
    pub offset: u64,
}

impl ListPendingCharges {
    /// Lists the pending charges of the only checkout, the first 100 of them.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Endpoint for ListPendingCharges {
    const CALL: &'static str = "GET /v1/settlements/pending-charges";
    type Output = PendingChargePage;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        api.get(&["v1", "settlements", "pending-charges"])
            .query_opt("checkout_id", self.checkout_id)
            .query_opt("from", self.range.start_text())
            .query_opt("to", self.range.end_text())
            .query("limit", self.limit.rows())
            .query("offset", self.offset)
            .finish()
    }

    fn verify(&self, page: &PendingChargePage) -> Result<(), Mismatch> {
        page::verify(self, page)
    }
}

impl Paginated for ListPendingCharges {
    fn limit(&self) -> u64 {
        self.limit.rows()
    }

    fn offset(&self) -> u64 {
        self.offset
    }

    fn with_offset(&self, offset: u64) -> Self {
        Self { offset, ..self.clone() }
    }
}

/// A page of pending charges, with the totals of the whole pool.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct PendingChargePage {
    /// The charges on this page.
    #[serde(deserialize_with = "wire::object::list")]
    pub items: Vec<PendingCharge>,
    /// The totals of the whole pool, not of this page.
    #[serde(deserialize_with = "wire::object::one")]
    pub totals: PendingTotals,
    /// The `limit` that was asked for.
    pub limit: u64,
    /// The `offset` that was asked for.
    pub offset: u64,
}

/// The totals of a pool of pending charges.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct PendingTotals {
    /// How many charges the pool has.
    pub count: u64,
    /// The sum of their `settlement_amount`.
    #[serde(with = "wire::money")]
    pub settlement_amount: Decimal,
}

impl Page for PendingChargePage {
    type Row = PendingCharge;

    fn rows(&self) -> &[PendingCharge] {
        &self.items
    }

    fn into_rows(self) -> Vec<PendingCharge> {
        self.items
    }

    fn total(&self) -> u64 {
        self.totals.count
    }

    fn limit(&self) -> u64 {
        self.limit
    }

    fn offset(&self) -> u64 {
        self.offset
    }
}
