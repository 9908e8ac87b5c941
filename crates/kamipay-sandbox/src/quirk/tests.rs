//! Each quirk through `Sandbox::handle`, as a plain reader of pages sees it.

use chrono::{DateTime, Utc};
use http::Request;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    book::Spell,
    generated::Generated,
    history::{History, RowHistory},
    list::List,
    row::Row,
    sandbox::Sandbox,
    scenario::Scenario,
};

/// A second of the 1st of May 2026, which has ten rows in each list: 0, 10, … 90.
fn at(second: u32) -> DateTime<Utc> {
    DateTime::from_timestamp(MAY + i64::from(second), 0).unwrap()
}

const MAY: i64 = 1_777_593_600;

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for n in 0..10 {
        let (time, amount) = (at(10 * n), n.into());
        let id = format!("{n}");
        rows.push(Row::lot(&id, time, amount));
        rows.push(Row::settlement(n.into(), time, amount));
        rows.push(Row::transaction(n.into(), &id, time, amount));
        rows.push(Row::pending_charge(&id, time, amount));
        rows.push(Row::confirmed_charge(&id, time, amount));
    }
    rows
}

fn sandbox() -> Sandbox {
    Sandbox::from_rows(rows())
}

fn with(quirk: Quirk) -> Sandbox {
    sandbox().with_quirk(quirk, quirk.schedule())
}

/// A page as it was answered.
#[derive(Debug, PartialEq)]
struct Page {
    ids: Vec<String>,
    total: u64,
    limit: u64,
    offset: u64,
}

/// Asks for the seconds of a period, both given.
fn ask(sandbox: &mut Sandbox, list: List, from: u32, to: u32, limit: u64, offset: u64) -> Page {
    let time = |second| at(second).format("%Y-%m-%dT%H:%M:%SZ");
    let (path, start, end, rows, id) = match list {
        List::Lots => ("/v1/lots", "start_date", "end_date", "lots", "lot_id"),
        List::Settlements => {
            ("/v1/settlements", "start_date", "end_date", "settlements", "settlement_id")
        }
        List::Transactions => {
            let path = "/v1/settlements/transactions";
            (path, "start_date", "end_date", "transactions", "kamipay_request_id")
        }
        List::PendingCharges => {
            ("/v1/settlements/pending-charges", "from", "to", "items", "kamipay_request_id")
        }
        List::ConfirmedCharges => ("/v2/status/tx_status_lot", "start", "end", "", "operation_id"),
    };
    let uri = if list.has_pages() {
        format!("{path}?{start}={}&{end}={}&limit={limit}&offset={offset}", time(from), time(to))
    } else {
        format!("{path}?start={}&end={}", MAY + i64::from(from), MAY + i64::from(to))
    };
    let authorization = format!("Bearer {}", sandbox.token());
    let request = Request::get(uri).header("authorization", authorization).body(Vec::new());
    let response = sandbox.handle(request.unwrap());
    assert_eq!(response.status(), 200, "{}", String::from_utf8_lossy(response.body()));
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    let rows = if list.has_pages() { &body[rows] } else { &body };
    let ids = rows.as_array().unwrap().iter().map(|row| match &row[id] {
        Value::String(id) => id.clone(),
        id => id.to_string(),
    });
    let total = body["total"].as_u64().or_else(|| body["totals"]["count"].as_u64());
    Page {
        ids: ids.collect(),
        total: total.unwrap_or_default(),
        limit: body["limit"].as_u64().unwrap_or_default(),
        offset: body["offset"].as_u64().unwrap_or_default(),
    }
}

/// The identifiers on all pages of three rows, as many pages as ten rows take.
fn read(sandbox: &mut Sandbox, list: List) -> Vec<String> {
    let pages = [0, 3, 6, 9, 12];
    pages.iter().flat_map(|offset| ask(sandbox, list, 0, 90, 3, *offset).ids).collect()
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

fn all() -> Vec<String> {
    (0..10).map(|n| n.to_string()).collect()
}

/// The one row of a list that did not always exist at one time.
fn changed(history: &History, list: List) -> RowHistory {
    let throughout = history.throughout(list);
    let mut rows = history.rows(list);
    rows.retain(|row| !throughout.contains(&row.id));
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

fn paged() -> impl Iterator<Item = List> {
    List::ALL.iter().copied().filter(|list| list.has_pages())
}

#[test]
fn names_read_back() {
    for quirk in Quirk::ALL {
        assert_eq!(quirk.to_string().parse(), Ok(*quirk));
        assert_eq!(quirk.name().parse(), Ok(Scenario::Quirk(*quirk, quirk.schedule())));
        let is_always = quirk.schedule() == Schedule::always();
        let always = format!("{quirk}-always").parse::<Scenario>();
        let expected = (!is_always).then_some(Scenario::Quirk(*quirk, Schedule::always()));
        assert_eq!(always.ok(), expected);
    }
    "exclusive".parse::<Quirk>().unwrap_err();
}

#[test]
fn ends_belong_to_a_period_or_not() {
    for list in List::ALL {
        for (quirk, ids) in [
            (Quirk::InclusiveEnds, &["2", "3", "4"][..]),
            (Quirk::ExclusiveEnds, &["2", "3"]),
            (Quirk::ExclusiveStart, &["3", "4"]),
            (Quirk::ExclusiveBothEnds, &["3"]),
        ] {
            let page = ask(&mut with(quirk), *list, 20, 40, 100, 0);
            assert_eq!(sorted(page.ids), ids, "{list} {quirk}");
        }
    }
}

#[test]
fn a_later_reading_replaces_the_one_before() {
    let mut sandbox = with(Quirk::ExclusiveEnds);
    sandbox.set_quirk(Quirk::Ascending, Schedule::always());
    sandbox.set_quirk(Quirk::ExclusiveStart, Schedule::once());
    let mut ids = || ask(&mut sandbox, List::Lots, 20, 40, 100, 0).ids;
    assert_eq!(ids(), ["3", "4"]);
    assert_eq!(ids(), ["2", "3", "4"]);
    sandbox.clear_quirks();
    assert_eq!(ask(&mut sandbox, List::Lots, 20, 40, 100, 0).ids, ["4", "3", "2"]);
}

#[test]
fn lists_have_an_order_or_none() {
    for list in List::ALL {
        let ids = |quirk| ask(&mut with(quirk), *list, 0, 90, 100, 0).ids;
        assert_eq!(ids(Quirk::Ascending), all(), "{list}");
        let descending: Vec<_> = all().into_iter().rev().collect();
        assert_eq!(ids(Quirk::Descending), descending, "{list}");
        let mut unstable = with(Quirk::UnstableOrder);
        let orders = [0; 2].map(|_| ask(&mut unstable, *list, 0, 90, 100, 0).ids);
        assert_ne!(orders[0], orders[1], "{list}");
        assert_eq!(orders.map(sorted), [all(), all()], "{list}");
    }
}

#[test]
fn a_row_appears_in_front_and_stays() {
    for list in paged() {
        for order in [Quirk::Ascending, Quirk::Descending] {
            let mut sandbox = with(Quirk::InsertWhilePaging).with_quirk(order, Schedule::always());
            let first = ask(&mut sandbox, list, 0, 90, 3, 0);
            let second = ask(&mut sandbox, list, 0, 90, 3, 3);
            assert_eq!((first.total, second.total), (10, 11), "{list}");
            assert_eq!(second.ids[0], first.ids[2], "{list}: no row was pushed back");
            let again = sorted(ask(&mut sandbox, list, 0, 90, 100, 0).ids);
            assert_eq!(again.len(), 11);
            let history = sandbox.history();
            let row = changed(&history, list);
            assert_eq!((row.spells[0].since, row.spells[0].until), (2, None));
            assert!(again.contains(&row.id));
            assert_eq!(history.throughout(list), all());
            assert_eq!(history.rows(list).len(), 11);
        }
    }
}

#[test]
fn a_row_in_front_disappears() {
    for list in paged() {
        let mut sandbox = with(Quirk::RemoveWhilePaging);
        let ids = read(&mut sandbox, list);
        let history = sandbox.history();
        let gone = changed(&history, list);
        assert_eq!((gone.spells.len(), gone.spells[0].until), (1, Some(2)));
        // Shown before it went, and another row was left out.
        assert_eq!(sorted(ids.clone()).len(), 9, "{list}");
        assert!(ids[..3].contains(&gone.id), "{list}");
        let missed: Vec<_> =
            history.throughout(list).into_iter().filter(|id| !ids.contains(id)).collect();
        assert_eq!(missed.len(), 1, "{list}");
        assert_eq!(sorted(read(&mut sandbox, list)), history.throughout(list));
    }
}

#[test]
fn a_row_moves_in_front_and_the_total_says_nothing() {
    for list in paged() {
        let mut sandbox = with(Quirk::ReDateWhilePaging);
        let first = ask(&mut sandbox, list, 0, 90, 3, 0);
        let second = ask(&mut sandbox, list, 0, 90, 3, 3);
        assert_eq!((first.total, second.total), (10, 10), "{list}");
        assert_eq!(second.ids[0], first.ids[2], "{list}");
        let history = sandbox.history();
        let moved = changed(&history, list);
        let [before, after] = &moved.spells[..] else { panic!("{moved:?}") };
        assert_eq!((before.until, after.since), (Some(2), 2));
        assert_ne!(before.at, after.at);
        assert!(!first.ids.contains(&moved.id));
        assert_eq!(sorted(read(&mut sandbox, list)), all());
    }
}

#[test]
fn a_late_row_is_in_a_period_that_was_read() {
    for list in List::ALL {
        let mut sandbox = with(Quirk::LateRow);
        assert_eq!(ask(&mut sandbox, *list, 0, 40, 100, 0).ids.len(), 5);
        assert_eq!(ask(&mut sandbox, *list, 0, 40, 100, 0).ids.len(), 5);
        assert_eq!(ask(&mut sandbox, *list, 40, 90, 100, 0).ids.len(), 6);
        assert_eq!(ask(&mut sandbox, *list, 0, 40, 100, 0).ids.len(), 6, "{list}");
        assert_eq!(ask(&mut sandbox, *list, 40, 90, 100, 0).ids.len(), 6);
        let history = sandbox.history();
        let Spell { at: time, since, until } = changed(&history, *list).spells[0];
        assert!(at(0) < time && time < at(40));
        assert_eq!((since, until), (3, None));
    }
}

#[test]
fn pages_contain_wrong_values() {
    for list in paged() {
        let page = |sandbox: &mut Sandbox, offset| ask(sandbox, list, 0, 90, 3, offset);
        let right = |offset| page(&mut sandbox(), offset);

        let mut empty = with(Quirk::EmptyPage);
        assert_eq!(page(&mut empty, 0), right(0));
        assert_eq!(page(&mut empty, 3), Page { ids: Vec::new(), ..right(3) });
        assert_eq!(page(&mut empty, 3), right(3));

        let mut short = with(Quirk::ShortPage);
        assert_eq!(page(&mut short, 9), right(9));
        assert_eq!(page(&mut short, 3), Page { ids: right(3).ids[..2].to_vec(), ..right(3) });
        assert_eq!(page(&mut short, 3), right(3));

        let mut echo = with(Quirk::WrongEcho);
        assert_eq!(page(&mut echo, 3), Page { offset: 4, ..right(3) });
        assert_eq!(page(&mut echo, 3), Page { limit: 4, ..right(3) });
        assert_eq!(page(&mut echo, 3), right(3));

        let mut high = with(Quirk::LyingTotalHigh);
        assert_eq!([3; 3].map(|offset| page(&mut high, offset).total), [11, 11, 10]);
        let mut low = with(Quirk::LyingTotalLow);
        assert_eq!([3; 3].map(|offset| page(&mut low, offset).total), [9, 9, 10]);

        let mut twice = with(Quirk::DuplicateRow);
        let doubled = page(&mut twice, 3);
        let ids = right(3).ids;
        assert_eq!(doubled.ids, [&*ids[0], &*ids[1], &*ids[1]]);
        assert_eq!(page(&mut twice, 3), right(3));
    }
}

#[test]
fn a_list_with_one_page_is_disturbed_too() {
    for (quirk, rows) in [(Quirk::EmptyPage, 0), (Quirk::ShortPage, 9), (Quirk::DuplicateRow, 11)] {
        let mut sandbox = with(quirk);
        assert_eq!(ask(&mut sandbox, List::Lots, 0, 90, 100, 0).ids.len(), rows, "{quirk}");
        assert_eq!(ask(&mut sandbox, List::Lots, 0, 90, 100, 0).ids.len(), 10, "{quirk}");
    }
    // A list without pages and a total has fewer ways to lie.
    let mut sandbox = sandbox();
    for quirk in Quirk::ALL.iter().filter(|quirk| quirk.topic() == Topic::Page) {
        sandbox.set_quirk(*quirk, Schedule::always());
    }
    assert_eq!(ask(&mut sandbox, List::ConfirmedCharges, 0, 90, 0, 0).ids.len(), 11);
}

#[test]
fn quirks_with_always_never_stop() {
    let always = |name: &str| sandbox().with_scenario(name.parse().unwrap());
    let mut high = always("lying-total-high-always");
    assert!((0..9).all(|_| ask(&mut high, List::Lots, 0, 90, 3, 0).total == 11));
    let mut insert = always("insert-while-paging-always");
    let totals: Vec<_> =
        (0..5).map(|_| ask(&mut insert, List::Settlements, 0, 90, 3, 3).total).collect();
    assert_eq!(totals, [11, 12, 13, 14, 15]);
    let mut remove = always("remove-while-paging-always");
    let totals: Vec<_> = (0..12).map(|_| ask(&mut remove, List::Lots, 0, 90, 3, 3).total).collect();
    assert_eq!(totals, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]);
}

#[test]
fn a_schedule_is_each_list_s_own() {
    let quirk = Quirk::LyingTotalHigh;
    let mut sandbox = sandbox().with_quirk(quirk, Schedule::once().from_request(2));
    let mut total = |list| ask(&mut sandbox, list, 0, 90, 3, 0).total;
    assert_eq!([0; 3].map(|_| total(List::Lots)), [10, 11, 10]);
    assert_eq!([0; 3].map(|_| total(List::Settlements)), [10, 11, 10]);
}

#[test]
fn the_same_requests_get_the_same_answers() {
    for quirk in Quirk::ALL {
        let generated = || {
            let merchant = Generated::new(3).with_period(at(0), at(90));
            Sandbox::generated(merchant).with_quirk(*quirk, Schedule::always())
        };
        let (mut one, mut other) = (generated(), generated());
        for list in List::ALL {
            assert_eq!(read(&mut one, *list), read(&mut other, *list), "{quirk} {list}");
        }
        for list in List::ALL {
            assert_eq!(one.history().rows(*list), other.history().rows(*list));
        }
    }
}

#[test]
fn quirks_leave_the_documented_examples_readable() {
    for quirk in Quirk::ALL {
        let mut sandbox = Sandbox::documented().with_quirk(*quirk, Schedule::always());
        for list in List::ALL {
            for offset in [0, 1, 1, 2, 9] {
                ask(&mut sandbox, *list, 0, 90, 1, offset);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Lists show the rows of the history, after any changes.
    #[test]
    fn lists_and_history_agree(
        start in prop::collection::vec((0..5_usize, 0..20_u32, 0..=100_u32), 0..30),
        steps in prop::collection::vec(
            (0..5_usize, 0..20_u32, 0..=100_u32, 0..4, 0..12_usize),
            0..20,
        ),
        quirks in prop::sample::subsequence(Quirk::ALL, 0..4),
        generated: bool,
    ) {
        let row = |list: usize, id: u32, second| {
            let id = id.to_string();
            match List::ALL[list] {
                List::Lots => Row::lot(id, at(second), 1.into()),
                List::Settlements => Row::settlement(id.parse().unwrap(), at(second), 1.into()),
                List::Transactions => Row::transaction(1, id, at(second), 1.into()),
                List::PendingCharges => Row::pending_charge(id, at(second), 1.into()),
                List::ConfirmedCharges => Row::confirmed_charge(id, at(second), 1.into()),
            }
        };
        let mut sandbox = if generated {
            Sandbox::generated(Generated::new(5).with_period(at(0), at(100)))
        } else {
            Sandbox::from_rows([])
        };
        for (list, id, second) in start {
            sandbox.insert(row(list, id, second));
        }
        for quirk in quirks {
            sandbox.set_quirk(quirk, Schedule::always());
        }
        for (list, id, second, action, offset) in steps {
            match action {
                0 => sandbox.insert(row(list, id, second)),
                1 => drop(sandbox.remove(List::ALL[list], &id.to_string())),
                2 => drop(sandbox.re_date(List::ALL[list], &id.to_string(), at(second))),
                _ => {}
            }
            ask(&mut sandbox, List::ALL[list], second, 101, 3, offset as u64);
        }
        sandbox.clear_quirks();
        for list in List::ALL {
            let shown = sorted(ask(&mut sandbox, *list, 0, 101, 500, 0).ids);
            let rows = sandbox.history().rows(*list).into_iter();
            let exist = rows.filter(|row| row.spells.iter().any(|spell| spell.until.is_none()));
            prop_assert_eq!(shown, exist.map(|row| row.id).collect::<Vec<_>>());
        }
    }
}
