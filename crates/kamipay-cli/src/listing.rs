//! Complete lists: page after page, until every row that the API counts was seen once.

use std::collections::HashSet;

use kamipay_ureq::Client;
use kamipay_ureq::proto::{Page, Paginated, Row};

use crate::exit::Failure;

/// The pages of a list, from the first to the last.
///
/// The API says nothing about rows that appear or go while one is paging. So the pages are held
/// against each other: the same `total` on all of them, no row twice, no page without rows before
/// the end. A list that breaks this ends with a failure, and is never taken for the whole.
pub(crate) fn pages<E>(client: &Client, first: E) -> Pages<'_, E>
where
    E: Paginated,
    E::Output: Page,
{
    Pages { client, next: Some(first), total: None, seen: HashSet::new() }
}

type Key<E> = <<<E as kamipay_ureq::proto::Endpoint>::Output as Page>::Row as Row>::Key;

/// See [`pages`].
pub(crate) struct Pages<'a, E>
where
    E: Paginated,
    E::Output: Page,
{
    client: &'a Client,
    next: Option<E>,
    total: Option<u64>,
    seen: HashSet<Key<E>>,
}

impl<E> Iterator for Pages<'_, E>
where
    E: Paginated,
    E::Output: Page,
{
    type Item = Result<E::Output, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let call = self.next.take()?;
        let page = match self.client.send(&call) {
            Ok(page) => page,
            Err(error) => return Some(Err(Failure::call("reading the list", &error))),
        };
        if let Err(why) = self.check(&page) {
            return Some(Err(Failure::incomplete(format!("{}: {why}", E::CALL))
                .tip("rows came or went while the list was read: try again in a moment")));
        }
        let seen = self.seen.len() as u64;
        if seen < page.total() {
            self.next = Some(call.with_offset(seen));
        }
        Some(Ok(page))
    }
}

impl<E> Pages<'_, E>
where
    E: Paginated,
    E::Output: Page,
{
    fn check(&mut self, page: &E::Output) -> Result<(), String> {
        let (total, before) = (page.total(), self.seen.len());
        let known = *self.total.get_or_insert(total);
        if total != known {
            return Err(format!("the list had {known} rows in all, and now it has {total}"));
        }
        for row in page.rows() {
            if !self.seen.insert(row.key()) {
                return Err("the same row came twice, so that another may be missing".to_owned());
            }
        }
        let seen = self.seen.len();
        if seen as u64 > total {
            return Err(format!("{seen} rows came, and the API counts {total}"));
        }
        if seen == before && (seen as u64) < total {
            return Err(format!("a page without rows came after {seen} of {total} rows"));
        }
        Ok(())
    }
}
