use proptest::prelude::*;

use super::*;

const ID: &str = "txc_01jranqegkf509bq5svh03ztt8"; // of 2025-04-08

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The listed lots by name and time; those marked hold the payout with a status.
struct Book(Vec<ListedLot>);

type ListedLot = (String, Option<DateTime<Utc>>, Option<&'static str>);

impl Book {
    fn new(lots: &[(&str, &str, Option<&'static str>)]) -> Self {
        Self(lots.iter().map(|it| (it.0.to_owned(), it.1.parse().ok(), it.2)).collect())
    }

    fn list(&self, period: Period) -> Vec<Lot> {
        let is_in = |time: DateTime<Utc>| period.start() <= time && time < period.end();
        let rows = self.0.iter().filter(|it| it.1.is_none_or(is_in));
        rows.map(|(id, time, _)| read(id, *time, "MINED", "")).collect()
    }

    fn open(&self, id: &str) -> LotDetail {
        let (id, time, holds) = self.0.iter().find(|it| it.0 == id).unwrap();
        let payout = holds.map(|_| {
            format!(
                r#"{{"kamipay_id": "{ID}", "amount": "1", "created_at": "2025-04-08T00:00:00Z"}}"#
            )
        });
        let parts = format!(r#", "payouts": [{}], "refunds": []"#, payout.unwrap_or_default());
        read(id, *time, holds.unwrap_or("MINED"), &parts)
    }

    /// Searches to the end. The names of the opened lots, and of the result.
    fn search(&self, search: &mut FindPayout) -> (Vec<String>, Option<String>) {
        let (mut rows, mut opened) = (Vec::new().into_iter(), Vec::new());
        loop {
            match search.step() {
                FindPayoutStep::List(what) => rows = self.list(what.period).into_iter(),
                FindPayoutStep::NextLot => search.listed(rows.next()).unwrap(),
                FindPayoutStep::Open(call) => {
                    opened.push(call.lot.to_string());
                    search.opened(self.open(call.lot.as_str()));
                }
                FindPayoutStep::Over(found) => {
                    assert_eq!(search.lots_opened(), opened.len() as u64);
                    return (opened, found.map(|it| it.lot.lot_id.to_string()));
                }
            }
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(
    id: &str,
    time: Option<DateTime<Utc>>,
    status: &str,
    rest: &str,
) -> T {
    let time = time.map_or_else(|| "null".to_owned(), |time| format!("{:?}", time.to_rfc3339()));
    serde_json::from_str(&format!(
        r#"{{"lot_id": "{id}", "transaction_hash": null, "usdt_amount": "1", "created_at": {time}, "status": "{status}"{rest}}}"#
    ))
    .unwrap()
}

fn find(id: &str) -> FindPayout {
    let year = Period::parse("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z").unwrap();
    FindPayout::new(id.into(), year)
}

#[test]
fn the_first_lot_that_holds_the_payout_ends_the_search() {
    let book = Book::new(&[
        ("before", "2025-04-01T00:00:00Z", None),
        ("a", "2025-04-09T12:00:00Z", None),
        ("b", "2025-04-09T12:30:00Z", Some("MINED")),
        ("c", "2025-04-10T00:00:00Z", None),
    ]);
    let mut search = find(ID);
    assert_eq!(book.search(&mut search), (vec!["a".into(), "b".into()], Some("b".into())));
    let unsearched = search.unsearched();
    assert_eq!(unsearched.first().unwrap().start(), at("2025-01-01T00:00:00Z"));
    assert_eq!(unsearched.last().unwrap().end(), at("2026-01-01T00:00:00Z"));

    // Without a time in the identifier, from the end.
    let (opened, _) = book.search(&mut find("txc_1"));
    assert_eq!(opened, ["c", "b", "a", "before"]);
}

#[test]
fn lots_in_flight_are_the_newest_and_each_lot_is_opened_once() {
    let book = Book::new(&[
        ("flying", "", None),
        ("old", "2025-12-31T23:10:00Z", None),
        ("new", "2025-12-31T23:50:00Z", None),
    ]);
    let mut search = find("txc_1");
    assert_eq!(book.search(&mut search).0, ["flying", "new", "old"]);
    assert!(search.unsearched().is_empty());
}

#[test]
fn a_failed_lot_is_the_result_only_where_no_other_holds_the_payout() {
    let days = ["2025-04-08T12:00:00Z", "2025-06-01T00:00:00Z", "2025-12-01T00:00:00Z"];
    let of = |statuses: [Option<&'static str>; 3]| {
        let lots: Vec<_> = [0, 1, 2].map(|n| (["a", "b", "c"][n], days[n], statuses[n])).into();
        Book::new(&lots)
    };
    let (failed, mined) = (Some("FAILED"), Some("MINED"));
    for (statuses, lot) in [
        ([failed, mined, None], Some("b")),
        ([failed, None, mined], Some("c")),
        ([failed, failed, None], Some("b")),
        ([failed, None, failed], Some("c")),
        ([None, failed, None], Some("b")),
        ([None, None, None], None),
    ] {
        for id in [ID, "txc_1"] {
            let mut search = FindPayout { kamipay_id: ID.into(), ..find(id) };
            let (_, found) = of(statuses).search(&mut search);
            assert_eq!(found.as_deref(), lot, "{id} {statuses:?}");
        }
    }
}

#[test]
fn nothing_before_the_payout_is_listed_after_a_failed_lot() {
    let book = Book::new(&[("a", "2025-04-09T00:00:00Z", Some("FAILED"))]);
    let mut search = find(ID);
    assert_eq!(book.search(&mut search).1.as_deref(), Some("a"));
    assert!(search.failed().is_some_and(FoundPayout::is_failed));
    let [before] = search.unsearched()[..] else { panic!("{:?}", search.unsearched()) };
    assert_eq!(before.start(), at("2025-01-01T00:00:00Z"));
    assert!(before.end() < at("2025-04-09T00:00:00Z"));
}

#[test]
fn a_lot_that_cannot_be_opened_is_an_error() {
    let mut search = find(ID);
    assert!(matches!(search.step(), FindPayoutStep::List(_)));
    assert!(matches!(search.step(), FindPayoutStep::NextLot));
    let lot = read("a/b", None, "MINED", "");
    assert_eq!(search.listed(Some(lot)), Err(InvalidLotIdentifier::LotId));
    assert!(matches!(search.step(), FindPayoutStep::NextLot));
}

#[test]
fn the_identifiers_of_the_pages_contain_their_times() {
    for (id, time) in [
        ("txc_01jranqegkf509bq5svh03ztt8", Some("2025-04-08")),
        ("txc_01jjvpcdcwees8kfnvk9mq4gna", Some("2025-01-30")),
        ("txc_01jkg5vktaer5aew712kjgrsn2", Some("2025-02-07")),
        ("txc_test_lot1_charge_002", None),
        ("txc_", None),
        ("", None),
    ] {
        let day = made_at(&id.into()).map(|time| time.format("%Y-%m-%d").to_string());
        assert_eq!(day.as_deref(), time, "{id}");
    }
}

#[test]
fn the_parts_cover_the_period_and_begin_where_the_payout_is_likely() {
    let period = Period::parse("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z").unwrap();
    for made_at in [
        None,
        Some(at("2024-01-01T00:00:00Z")),
        Some(at("2025-01-01T00:00:00Z")),
        Some(at("2025-06-01T12:00:00Z")),
        Some(at("2027-01-01T00:00:00Z")),
    ] {
        let parts = plan(period, made_at);
        assert!(parts.len() < 40, "{made_at:?}: {}", parts.len());
        let mut sorted: Vec<Period> = parts.iter().map(|part| part.period).collect();
        sorted.sort_by_key(|part| part.start());
        assert_eq!(sorted[0].start(), period.start());
        assert_eq!(sorted[sorted.len() - 1].end(), period.end());
        assert!(sorted.windows(2).all(|two| two[0].end() > two[1].start()), "{made_at:?}");
        assert!(sorted.iter().all(|part| part.length() <= LONGEST + TimeDelta::hours(1)));
    }
    let first = plan(period, Some(at("2025-06-01T12:00:00Z")))[0];
    let begin = (first.period.start(), first.order);
    assert_eq!(begin, (at("2025-06-01T11:59:00Z"), Order::OldestFirst));
    let first = plan(period, None)[0];
    assert_eq!((first.period.end(), first.order), (period.end(), Order::NewestFirst));
    let empty = Period::parse("2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z").unwrap();
    assert!(plan(empty, None).is_empty());
}

proptest! {
    /// Wherever the lots stand, a payout that one of them holds is found.
    #[test]
    fn no_lot_of_the_period_is_missed(
        lots in prop::collection::vec((0_i64..365 * 24 * 60, 0..3), 1..12),
        with_time in any::<bool>(),
    ) {
        let start = at("2025-01-01T00:00:00Z");
        let lots = lots.iter().enumerate().map(|(n, (minute, holds))| {
            let holds = [None, Some("FAILED"), Some("MINED")][*holds as usize];
            (format!("lot-{n}"), Some(start + TimeDelta::minutes(*minute)), holds)
        });
        let book = Book(lots.collect());
        let mut search = FindPayout {
            kamipay_id: ID.into(),
            ..find(if with_time { ID } else { "txc_1" })
        };
        let (mut opened, found) = book.search(&mut search);
        let status = found.map(|id| book.open(&id).status);
        let any = |status| book.0.iter().any(|it| it.2 == Some(status));
        if any("MINED") && search.failed().is_none() {
            prop_assert_eq!(status, Some(LotStatus::Mined));
        } else {
            prop_assert_eq!(status.is_some(), any("MINED") || any("FAILED"));
        }
        opened.sort();
        let all = opened.len();
        opened.dedup();
        prop_assert_eq!(opened.len(), all);
    }
}
