//! `GET /v1/lots`

use serde::{Deserialize, Serialize};

use super::Lot;
use crate::page::{self, Page, PageSize, Paginated};
use crate::{Api, BuildError, DateRange, Endpoint, Mismatch, wire};

/// Lists the lots of a date range, a page at a time.
///
/// ```
/// use kamipay_proto::{Api, DateRange, Endpoint, lots::ListLots};
///
/// let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
/// let january = DateRange::parse("2026-01-01T00:00:00Z", "2026-01-28T23:59:59Z")?;
/// assert_eq!(
///     ListLots::new(january).request(&api)?.uri(),
///     "https://api.kamipay.io/v1/lots?start_date=2026-01-01T00%3A00%3A00Z\
///      &end_date=2026-01-28T23%3A59%3A59Z&limit=100&offset=0",
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct ListLots {
    /// Of which time: `start_date` and `end_date`.
    pub range: DateRange,
    /// How many lots at most: 1 to 1000, 100 unless told otherwise.
    #[serde(default)]
    pub limit: PageSize,
    /// How many lots to skip.
    #[serde(default)]
    pub offset: u64,
}

impl ListLots {
    /// Lists the lots of `range`, the first 100 of them.
    pub fn new(range: DateRange) -> Self {
        Self { range, limit: PageSize::default(), offset: 0 }
    }
}

impl Endpoint for ListLots {
    const CALL: &'static str = "GET /v1/lots";
    type Output = LotPage;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        api.get(&["v1", "lots"])
            .query("start_date", self.range.start_text())
            .query("end_date", self.range.end_text())
            .query("limit", self.limit.rows())
            .query("offset", self.offset)
            .finish()
    }

    fn verify(&self, page: &LotPage) -> Result<(), Mismatch> {
        page::verify(self, page)
    }
}

impl Paginated for ListLots {
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

/// A page of lots.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct LotPage {
    /// The lots on this page.
    #[serde(deserialize_with = "wire::object::list")]
    pub lots: Vec<Lot>,
    /// How many lots the range has.
    pub total: u64,
    /// The `limit` that was asked for.
    pub limit: u64,
    /// The `offset` that was asked for.
    pub offset: u64,
}

impl Page for LotPage {
    type Row = Lot;

    fn rows(&self) -> &[Lot] {
        &self.lots
    }

    fn into_rows(self) -> Vec<Lot> {
        self.lots
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
