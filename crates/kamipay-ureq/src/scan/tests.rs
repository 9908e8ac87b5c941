use std::panic::{AssertUnwindSafe, catch_unwind};

use kamipay_proto::lots::ScanLots;

use super::*;
use crate::client::tests::{World, answer};
use crate::{Credentials, OnAttempt};

const NO_LOTS: &str = r#"{"lots": [], "total": 0, "limit": 1000, "offset": 0}"#;
/// An empty window is read twice.
const STILL_NO_LOTS: &str = r#"{"lots": [], "total": 0, "limit": 999, "offset": 0}"#;
const TOO_FEW: &str = r#"{"lots": [], "total": 5, "limit": 1000, "offset": 0}"#;

fn may(world: &World) -> Rows<ScanLots> {
    // 30 days: one window.
    let may = Period::parse("2026-05-01T00:00:00Z", "2026-05-31T00:00:00Z").unwrap();
    world.client().scan(ScanLots::new(may))
}

#[test]
fn rows_say_what_was_read_and_what_is_left() {
    let lot = r#"{"lot_id": "a", "transaction_hash": null, "usdt_amount": "1.50",
        "created_at": "2026-05-14T15:00:42Z", "status": "MINED"}"#;
    let one = format!(r#"{{"lots": [{lot}], "total": 1, "limit": 1000, "offset": 0}}"#);
    for threads in [0, 1, 2] {
        let mut rows = may(&World::with([answer(200, &one)]));
        if let Some(threads) = NonZero::new(threads) {
            rows = rows.on_threads(threads);
        }
        assert_eq!(rows.rest().unwrap().length().num_days(), 30);
        let lot = rows.next_within(Duration::from_secs(60)).unwrap().unwrap().unwrap();
        assert_eq!(lot.lot_id.as_str(), "a");
        assert!(rows.next().is_none());
        assert_eq!((rows.manifest().rows, rows.manifest().requests), (1, 1));
        assert!(rows.rest().unwrap().is_empty());
        let debug = format!("{rows:?}");
        assert!(debug.starts_with("Rows { rest: ") && debug.contains("threads: "), "{debug}");
    }
}

/// A failure that comes from a thread after the end.
fn fail_late(rows: &Rows<ScanLots>) {
    let error = may(&World::with([answer(400, "")])).next().unwrap().unwrap_err();
    let ScanError::Call(error) = error else { panic!("{error:?}") };
    rows.shared.lock().failure = Some(error);
}

#[test]
fn nothing_comes_after_the_end() {
    let script = |body: &'static str| {
        (0..9).map(move |n| answer(200, &body.replace("1000", &(1000 - n).to_string())))
    };
    let refused = World::with([answer(400, "")]);
    for (world, has_error) in [
        (World::with(script(NO_LOTS)), false),
        (World::with(script(TOO_FEW)), true),
        (refused, true),
    ] {
        let mut rows = may(&world);
        assert_eq!(rows.next().is_some_and(|row| row.is_err()), has_error);
        for _ in 0..3 {
            fail_late(&rows);
            assert!(rows.next().is_none());
        }
    }
}

#[test]
fn a_window_is_confirmed_on_a_fresh_connection() {
    use kamipay_proto::confirmed_charges::ScanConfirmedCharges;

    let world = World::with([answer(200, "[]"), answer(200, "[]")]);
    let day = Period::parse("2026-05-01T00:00:00Z", "2026-05-01T12:00:00Z").unwrap();
    let mut rows = world.client().scan(ScanConfirmedCharges::new(day));
    assert!(rows.next().is_none());
    assert_eq!((rows.manifest().requests, world.drops()), (2, 2)); // and at the beginning
}

#[test]
fn threads_end_with_the_rows() {
    let world = World::with([answer(200, NO_LOTS), answer(200, STILL_NO_LOTS)]);
    let mut rows = may(&world).on_threads(NonZero::new(3).unwrap());
    assert!(rows.next().is_none());
    let again = World::with([answer(200, NO_LOTS), answer(200, STILL_NO_LOTS)]);
    for rows in [rows, may(&again).on_threads(NonZero::new(3).unwrap())] {
        let shared = Arc::downgrade(&rows.shared);
        drop(rows);
        let begun = Instant::now();
        while shared.upgrade().is_some() {
            assert!(begun.elapsed() < Duration::from_secs(20), "a thread waits for ever");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_panic_of_a_thread_ends_the_scan() {
    let world = World::with([answer(200, NO_LOTS)]);
    let client = world.client_with(Credentials::token("t".parse().unwrap()), |config| {
        config.on_attempt = Some(OnAttempt::new(|_| panic!("as a test of it")));
    });
    let may = Period::parse("2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z").unwrap();
    let mut rows = client.scan(ScanLots::new(may)).on_threads(NonZero::<usize>::MIN);
    let next = AssertUnwindSafe(|| rows.next_within(Duration::from_secs(20)).is_err());
    assert!(catch_unwind(next).is_err());
}
