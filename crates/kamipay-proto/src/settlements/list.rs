//! `GET /v1/settlements`

use serde::{Deserialize, Serialize};

use super::Settlement;
use crate::page::{self, Page, PageSize, Paginated};
use crate::{Api, BuildError, DateRange, Endpoint, Mismatch, wire};

/// Lists the settlements that were confirmed in a date range, a page at a time.
///
/// ```
/// use kamipay_proto::{Api, DateRange, Endpoint, settlements::ListSettlements};
///
/// let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
/// let may = DateRange::parse("2026-05-01T00:00:00Z", "2026-05-28T23:59:59Z")?;
/// assert_eq!(
///     ListSettlements::new(may).request(&api)?.uri(),
///     "https://api.kamipay.io/v1/settlements?start_date=2026-05-01T00%3A00%3A00Z\
///      &end_date=2026-05-28T23%3A59%3A59Z&limit=100&offset=0",
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct ListSettlements {
    /// The range of `settled_at`: `start_date` and `end_date`.
    pub range: DateRange,
    /// How many settlements at most: 1 to 1000, 100 unless told otherwise.
    #[serde(default)]
    pub limit: PageSize,
    /// How many settlements to skip.
    #[serde(default)]
    pub offset: u64,
}

impl ListSettlements {
    /// Lists the settlements of `range`, the first 100 of them.
    pub fn new(range: DateRange) -> Self {
        Self { range, limit: PageSize::default(), offset: 0 }
    }
}

impl Endpoint for ListSettlements {
    const CALL: &'static str = "GET /v1/settlements";
    type Output = SettlementPage;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        api.get(&["v1", "settlements"])
            .query("start_date", self.range.start_text())
            .query("end_date", self.range.end_text())
            .query("limit", self.limit.rows())
            .query("offset", self.offset)
            .finish()
    }

    fn verify(&self, page: &SettlementPage) -> Result<(), Mismatch> {
        page::verify(self, page)
    }
}

impl Paginated for ListSettlements {
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

/// A page of settlements.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct SettlementPage {
    /// The settlements on this page.
    #[serde(deserialize_with = "wire::object::list")]
    pub settlements: Vec<Settlement>,
    /// How many settlements the range has.
    pub total: u64,
    /// The `limit` that was asked for.
    pub limit: u64,
    /// The `offset` that was asked for.
    pub offset: u64,
}

impl Page for SettlementPage {
    type Row = Settlement;

    fn rows(&self) -> &[Settlement] {
        &self.settlements
    }

    fn into_rows(self) -> Vec<Settlement> {
        self.settlements
    }

    fn total(&self) -> u64 {
        self.total
    }

    fn limit(&self) -> u64 {
        self.limit
    }

    fn offset(&self) -> u64 {
        self.offset
    }
}
