//! What goes from one period to the next.

use kamipay_reconcile::proto::Period;
use kamipay_reconcile::proto::chrono::{FixedOffset, TimeDelta};
use kamipay_reconcile::{
    Error, Flow, Id, Item, MemoryStore, Partial, Progress, Row, Rules, Side, StateCheck,
    StateError, StateHeader, StateLine,
};

type State = (StateHeader, Vec<StateLine>);

fn rules(day: u32) -> Rules {
    let ends = [day, day + 1].map(|day| format!("2026-05-{day:02}T00:00:00Z"));
    Rules::new(Flow::Payouts, Period::parse(&ends[0], &ends[1]).unwrap())
}

/// Rows: `ours 1 key amount 14T12 live`. Returns the shown rows and the state.
fn run(rules: Rules, state: Option<&State>, rows: &[&str]) -> (Vec<String>, State) {
    let rules = match state {
        Some((header, _)) => rules.after(header).unwrap(),
        None => rules,
    };
    let mut partial = Partial::new(rules.with_saved_state(), MemoryStore::new());
    for line in state.iter().flat_map(|it| &it.1) {
        match line {
            StateLine::Open(row) => partial.add_open(row).unwrap(),
            StateLine::Closed(key) => partial.add_closed(key).unwrap(),
        }
    }
    for text in rows {
        let words: Vec<&str> = text.split(' ').collect();
        let (side, id) = match words[0] {
            "ours" => (Side::Ours, Id::Line(words[1].parse().unwrap())),
            _ => (Side::Theirs, Id::Name(words[1])),
        };
        let time = format!("2026-05-{}:00:00Z", words[4]);
        let mut row = Row::new(side, id);
        row.key = (words[2] != "-").then_some(words[2]);
        row.amount = Some(words[3].parse().unwrap());
        row.currency = "USDT";
        row.time = Some(time.parse().unwrap());
        row.progress = match words.get(5) {
            None => Progress::Live,
            Some(&"failed") => Progress::Void,
            _ => Progress::InFlight,
        };
        row.carried = words[0].as_bytes();
        partial.add(&row).unwrap();
    }
    let report = partial.report(MemoryStore::new()).unwrap();
    assert!(report.statement().unwrap().unexplained.is_zero());
    let (mut shown, mut lines) = (Vec::new(), Vec::new());
    let mut rows = report.rows().unwrap();
    while let Some(item) = rows.next().unwrap() {
        match item {
            Item::Row(row) => {
                if row.is_shown {
                    let since = row.was_open().then(|| format!(" since {}", row.first_seen));
                    let since = since.unwrap_or_default();
                    let (id, amount) = (&row.id, row.amount.unwrap());
                    shown.push(format!("{id} {} {amount}{since}", row.bucket));
                }
                if row.is_open {
                    lines.push(StateLine::Open(Box::new(row.to_open())));
                }
            }
            Item::Closed(key) => lines.push(StateLine::Closed(key)),
        }
    }
    let header = report.state_header().unwrap();
    let mut check = StateCheck::new(&header);
    lines.iter().for_each(|line| check.add(line).unwrap());
    check.finish().unwrap();
    (shown, (header, lines))
}

fn json(lines: &[StateLine]) -> Vec<String> {
    lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect()
}

#[test]
fn a_second_booking_of_a_key_matched_yesterday_is_repeated() {
    let first = ["ours 1 a 5 13T12", "theirs l/a a 5 13T13"];
    let (shown, state) = run(rules(13), None, &first);
    assert_eq!(shown, [""; 0]);
    assert_eq!(
        json(&state.1),
        [
            r#"{"kind":"matched","key":"a","ours":["2026-05-13T12:00:00Z 5 USDT"],"theirs":["l/a"],"on":"2026-05-13"}"#
        ]
    );
    let (shown, after) = run(rules(14), Some(&state), &["ours 1 a 5 14T12"]);
    assert_eq!(shown, ["1 repeated 5"]);
    assert_eq!(after.1.len(), 2);
    // The row of kamiPay that is in the margin again is not matched again.
    let (shown, _) = run(rules(14), Some(&state), &["ours 1 a 5 14T12", "theirs l/a a 5 13T13"]);
    assert_eq!(shown, ["1 repeated 5"]);
    // Nor is the row of a ledger that has all days.
    let (shown, _) =
        run(rules(14), Some(&state), &["ours 1 a 5.00 13T12", "theirs l2/a a 5 14T12"]);
    assert_eq!(shown, ["l2/a repeated 5"]);
    let (shown, _) = run(rules(14), None, &["ours 1 a 5 14T12"]);
    assert_eq!(shown, ["1 only_ours 5"]);
}

#[test]
fn an_open_row_is_shown_again_with_its_first_day_until_it_matches() {
    let (shown, state) = run(rules(13), None, &["ours 7 a 5.50 13T12"]);
    assert_eq!(shown, ["7 only_ours 5.50"]);
    assert_eq!(
        json(&state.1),
        [concat!(
            r#"{"kind":"open","bucket":"only_ours","side":"ours","key":"a","amount":"5.50","#,
            r#""currency":"USDT","time":"2026-05-13T12:00:00Z","id":7,"first_seen":"2026-05-13","#,
            r#""carried":"ours"}"#
        )]
    );
    assert_eq!(
        serde_json::to_string(&state.0).unwrap(),
        concat!(
            r#"{"format":"kamipay-open/1","flow":"payouts","from":"2026-05-13T00:00:00Z","#,
            r#""to":"2026-05-14T00:00:00Z","utc_offset":"+00:00","since":"2026-05-13T00:00:00Z","#,
            r#""remember":35,"open":1,"matched":0,"totals":{"USDT":"5.50"},"before":null,"#,
            r#""ledger":null,"scan":null}"#
        )
    );
    let (shown, state) = run(rules(14), Some(&state), &[]);
    assert_eq!(shown, ["7 only_ours 5.50 since 2026-05-13"]);
    let (shown, state) = run(rules(15), Some(&state), &["theirs l/a a 5.5 15T01"]);
    assert_eq!(shown, [""; 0]);
    assert!(state.0.totals.is_zero());
    assert_eq!(state.1.len(), 1);
}

#[test]
fn midnight_between_the_two_rows_is_no_difference_a_day_later() {
    let lag = |day| rules(day).with_lag(TimeDelta::hours(2)).unwrap();
    let rows = ["ours 1 a 5 13T23", "theirs l/a a 5 14T01"];
    let (shown, state) = run(lag(13), None, &rows);
    assert_eq!(shown, ["1 cut_off 5"]);
    let (shown, state) = run(lag(14), Some(&state), &rows[1..]);
    assert_eq!(shown, [""; 0]);
    assert_eq!(state.1.len(), 1);
    // Before the first period nothing comes again.
    let (shown, state) = run(lag(14), None, &rows);
    assert_eq!(shown, ["l/a cut_off 5"]);
    let (shown, _) = run(lag(15), Some(&state), &[]);
    assert_eq!(shown, [""; 0]);
}

#[test]
fn what_was_under_way_is_fetched_again_and_may_fail() {
    let rows = ["ours 1 a 5 13T12", "theirs l1/a a 5 13T12 under-way"];
    let (shown, state) = run(rules(13), None, &rows);
    assert_eq!(shown, ["1 in_flight 5", "l1/a in_flight 5"]);
    let fetch = state.1.iter().filter_map(|line| match line {
        StateLine::Open(row) => row.to_fetch(),
        StateLine::Closed(_) => None,
    });
    let fetch: Vec<&str> = fetch.collect();
    assert_eq!(fetch, ["l1"]);
    let (shown, done) = run(rules(14), Some(&state), &["theirs l1/a a 5.0 13T12"]);
    assert_eq!((shown.len(), done.1.len()), (0, 1));

    let (shown, failed) = run(rules(14), Some(&state), &["theirs l1/a a 5 13T12 failed"]);
    assert_eq!(shown, ["1 void 5 since 2026-05-13"]);
    // It is not fetched again, and still known: nobody may pay twice.
    let (shown, failed) = run(rules(15), Some(&failed), &[]);
    assert_eq!(shown, ["1 void 5 since 2026-05-13"]);
    let (shown, _) = run(rules(16), Some(&failed), &["theirs l2/a a 5 16T12"]);
    assert_eq!(shown, [""; 0]);

    // Its amount may change as well.
    let (shown, _) = run(rules(14), Some(&state), &["theirs l1/a a 4 13T12"]);
    assert_eq!(
        shown,
        ["1 amount_differs 5 since 2026-05-13", "l1/a amount_differs 4 since 2026-05-13"]
    );
}

#[test]
fn a_row_that_comes_too_late_for_its_period_is_in_the_next_one() {
    let (_, state) = run(rules(13), None, &["ours 1 a 5 13T12"]);
    let (shown, _) = run(rules(14), Some(&state), &["theirs l/a a 5 13T12"]);
    assert_eq!(shown, [""; 0]);
    let (shown, _) = run(rules(14), Some(&state), &["ours 2 b 5 13T12"]);
    assert_eq!(shown, ["1 only_ours 5 since 2026-05-13", "2 only_ours 5"]);
    // Before the first period it is outside.
    let (shown, _) = run(rules(14), Some(&state), &["ours 2 b 5 12T23"]);
    assert_eq!(shown, ["1 only_ours 5 since 2026-05-13"]);
}

#[test]
fn matched_keys_are_forgotten_after_the_days_that_are_remembered() {
    let short = |day| rules(day).with_remember(3).unwrap();
    let (_, mut state) = run(short(10), None, &["ours 1 a 5 10T12", "theirs l/a a 5 10T12"]);
    for day in 11..=13 {
        state = run(short(day), Some(&state), &[]).1;
        assert_eq!(state.1.len(), 1, "{day}");
    }
    // While a row could come again, the key is remembered; then such a row is left out.
    let old = ["ours 1 a 5 10T12", "theirs l/a a 5 10T12"];
    let (shown, state) = run(short(14), Some(&state), &old);
    assert_eq!((shown.len(), state.1.len()), (0, 0));
    let (shown, _) = run(short(15), Some(&state), &old[..1]);
    assert_eq!(shown, [""; 0]);
    // It does not match either.
    let (shown, _) = run(short(15), Some(&state), &[old[0], "theirs l2/a a 5 15T12"]);
    assert_eq!(shown, ["l2/a only_theirs 5"]);
}

#[test]
fn a_transfer_may_be_under_way_for_longer_than_matched_keys_are_remembered() {
    let short = |day| rules(day).with_remember(3).unwrap();
    let rows = ["ours 1 a 5 10T12", "theirs l/a a 5 10T12 under-way"];
    let mut state = run(short(10), None, &rows).1;
    for day in 11..=15 {
        state = run(short(day), Some(&state), &[]).1;
        assert_eq!(state.1.len(), 2, "{day}");
    }
    let (shown, state) = run(short(16), Some(&state), &["theirs l/a a 5 10T12"]);
    assert_eq!(shown, [""; 0]);
    assert!(state.0.totals.is_zero());
}

#[test]
fn a_row_without_a_key_stays_open() {
    let (_, state) = run(rules(13), None, &["ours 1 - 5 13T12", "theirs l/x - 5 13T12"]);
    let (shown, _) = run(rules(14), Some(&state), &["ours 9 - 5.0 13T12"]);
    assert_eq!(shown, ["9 no_key 5.0 since 2026-05-13", "l/x no_key 5 since 2026-05-13"]);
}

#[test]
fn a_state_is_continued_only_where_it_ends() {
    let (header, _) = run(rules(13), None, &[]).1;
    assert!(rules(14).after(&header).is_ok());
    let error = rules(15).after(&header).unwrap_err();
    assert!(matches!(error, StateError::Gap { .. }));
    assert_eq!(
        error.to_string(),
        "the state ends at 2026-05-14T00:00:00Z, the period begins at 2026-05-15T00:00:00Z: begin the \
         period where the state ends"
    );
    assert!(matches!(rules(13).after(&header), Err(StateError::Overlap { .. })));
    // A period may cover several days.
    let long = Period::parse("2026-05-14T00:00:00Z", "2026-05-18T00:00:00Z").unwrap();
    assert!(Rules::new(Flow::Payouts, long).after(&header).is_ok());
    assert_eq!(Rules::new(Flow::Settlements, long).after(&header), Err(StateError::Flow));
    let zone = FixedOffset::west_opt(3 * 3600).unwrap();
    let error = rules(14).with_utc_offset(zone).after(&header).unwrap_err();
    assert_eq!(error.to_string(), "the state counts days in the zone +00:00: use the same zone");
    let longer = rules(14).with_remember(36).unwrap();
    assert_eq!(longer.after(&header), Err(StateError::Remember { days: 35 }));
}

#[test]
fn a_changed_or_cut_state_is_refused() {
    let rows = ["ours 1 a 5 13T12", "ours 2 b 5 13T12", "ours 3 c 1 13T12", "theirs l/c c 1 13T12"];
    let (_, (header, lines)) = run(rules(13), None, &rows);
    let check = |lines: &[StateLine]| {
        let mut check = StateCheck::new(&header);
        lines.iter().try_for_each(|line| check.add(line))?;
        check.finish()
    };
    assert_eq!(check(&lines), Ok(()));
    assert_eq!(check(&lines[1..]), Err(StateError::Lines { read: 2, written: 3 }));
    assert_eq!(check(&lines[..2]), Err(StateError::Lines { read: 2, written: 3 }));
    let mut changed = lines.clone();
    let StateLine::Open(row) = &mut changed[0] else { panic!() };
    row.amount = Some("5.0000000000000000000000000001".replacen('5', "0", 1).parse().unwrap());
    assert_eq!(check(&changed), Err(StateError::Totals));
}

#[test]
fn rows_of_a_state_need_rules_that_continue_it() {
    let (_, (_, lines)) = run(rules(13), None, &["ours 1 a 5 13T12"]);
    let mut partial = Partial::new(rules(14), MemoryStore::new());
    let StateLine::Open(row) = &lines[0] else { panic!() };
    assert_eq!(partial.add_open(row), Err(Error::Unrelated));
}
