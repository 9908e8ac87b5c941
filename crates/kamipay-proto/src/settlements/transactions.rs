//! `GET /v1/settlements/transactions`

use serde::{Deserialize, Serialize};

use super::Transaction;
use crate::page::{self, Page, PageSize, Paginated};
use crate::{Api, BuildError, DateRange, Endpoint, Mismatch, SettlementId, wire};

/// Lists the charges that were put into settlements in a date range, a page at a time.
///
/// ```
/// use kamipay_proto::{Api, DateRange, Endpoint, SettlementId, settlements::ListTransactions};
///
/// let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
/// let may = DateRange::parse("2026-05-01T00:00:00Z", "2026-05-28T23:59:59Z")?;
/// let mut call = ListTransactions::new(may);
/// call.settlement_id = Some(SettlementId::new(12345));
/// assert_eq!(
///     call.request(&api)?.uri(),
///     "https://api.kamipay.io/v1/settlements/transactions?start_date=2026-05-01T00%3A00%3A00Z\
///      &end_date=2026-05-28T23%3A59%3A59Z&settlement_id=12345&limit=100&offset=0",
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct ListTransactions {
    /// The range of the charges' `created_at`: `start_date` and `end_date`.
    pub range: DateRange,
    /// The charges of this settlement only.
    #[serde(default)]
    pub settlement_id: Option<SettlementId>,
    /// How many charges at most: 1 to 1000, 100 unless told otherwise.
    #[serde(default)]
    pub limit: PageSize,
    /// How many charges to skip.
    #[serde(default)]
    pub offset: u64,
}

impl ListTransactions {
    /// Lists the charges of `range`, the first 100 of them.
    pub fn new(range: DateRange) -> Self {
        Self { range, settlement_id: None, limit: PageSize::default(), offset: 0 }
    }
}

impl Endpoint for ListTransactions {
    const CALL: &'static str = "GET /v1/settlements/transactions";
    type Output = TransactionPage;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        api.get(&["v1", "settlements", "transactions"])
            .query("start_date", self.range.start_text())
            .query("end_date", self.range.end_text())
            .query_opt("settlement_id", self.settlement_id)
            .query("limit", self.limit.rows())
            .query("offset", self.offset)
            .finish()
    }

    fn verify(&self, page: &TransactionPage) -> Result<(), Mismatch> {
        page::verify(self, page)?;
        let Some(asked) = self.settlement_id else { return Ok(()) };
        match page.transactions.iter().find(|row| row.settlement_id != asked) {
            Some(other) => Err(Mismatch::new("settlement_id", asked, other.settlement_id)),
            None => Ok(()),
        }
    }
}

impl Paginated for ListTransactions {
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

/// A page of charges with their settlements.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct TransactionPage {
    /// The charges on this page.
    #[serde(deserialize_with = "wire::object::list")]
    pub transactions: Vec<Transaction>,
    /// How many charges the range has.
    pub total: u64,
    /// The `limit` that was asked for.
    pub limit: u64,
    /// The `offset` that was asked for.
    pub offset: u64,
}

impl Page for TransactionPage {
    type Row = Transaction;

    fn rows(&self) -> &[Transaction] {
        &self.transactions
    }

    fn into_rows(self) -> Vec<Transaction> {
        self.transactions
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
