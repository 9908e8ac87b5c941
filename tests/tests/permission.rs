//! Permission to pay again, over the product of states, fields, questions and HTTP statuses: the
//! library agrees with an expectation that is written by hand.

use chrono::DateTime;
use kamipay_proto::Endpoint as _;
use kamipay_proto::pay_status::{End, PayStatus, Watch, WatchLimits};
use kamipay_tests::permission::{Case, Outcome, every_mixture, every_question, sample};

/// What one answer leads to, alone and as the only one of a watch.
fn outcome(case: &Case) -> Outcome {
    let call = case.call();
    let Ok(status) = call.parse(case.response()) else { return Outcome::Neither };
    let permission = status.permission_to_pay_again();

    let now = DateTime::UNIX_EPOCH;
    let mut watch = Watch::new(call, WatchLimits::default());
    watch.answered(status.clone(), now, 0);
    assert_eq!(watch.evidence().faults, 0, "{case:?}");
    assert_eq!(watch.permission_to_pay_again(), permission, "{case:?}");

    let outcome = match (&status, permission.is_some()) {
        (PayStatus::Done(_), false) => Outcome::Done,
        (PayStatus::Failed(_), true) => Outcome::Returned,
        (PayStatus::Canceled(_), true) => Outcome::Canceled,
        (_, false) => Outcome::Neither,
        (status, true) => panic!("{status:?} gives permission: {case:?}"),
    };
    match (watch.end(), outcome) {
        (Some(End::Done(_)), Outcome::Done)
        | (Some(End::Returned(_)), Outcome::Returned)
        | (Some(End::Canceled(_)), Outcome::Canceled)
        | (None, Outcome::Neither) => outcome,
        (end, _) => panic!("{end:?}: {case:?}"),
    }
}

/// How often each outcome came: done, returned, canceled, neither.
fn check(cases: impl Iterator<Item = Case>) -> [usize; 4] {
    let mut counts = [0; 4];
    for case in cases {
        let outcome = outcome(&case);
        assert_eq!(outcome, case.expected(), "{case:?}: {}", case.body());
        counts[outcome as usize] += 1;
    }
    counts
}

#[test]
fn f89_in_every_state_with_every_mixture_of_the_four_fields() {
    let [done, returned, canceled, neither] = check(every_mixture());
    // Done whatever the fields are. Each field that is not there can be so in three ways. A refund
    // is one of three hashes; beside it there is no transaction, one of three others (that of zeros
    // included) in either field, or the same one in both.
    assert_eq!(done, 7_usize.pow(4));
    assert_eq!(canceled, 3_usize.pow(4));
    assert_eq!(returned, 3 * 3 * (3 * 3 + 2 * 3 * 3 + 3));
    assert_eq!(neither, (13 - 1) * 7_usize.pow(4) - returned - canceled);
}

#[test]
fn by_every_question_with_every_http_status() {
    let counts = check(every_question());
    assert_eq!(counts, [270, 44, 12, 17_978]);
}

#[test]
fn in_every_spelling() {
    let counts = check(sample(20_000));
    assert!(counts.iter().all(|count| *count > 50), "{counts:?}");
}

/// What gives no permission gives none after a while in a file either, and the other way round.
#[test]
fn the_same_after_it_was_stored() {
    for case in sample(3000) {
        let Ok(status) = case.call().parse(case.response()) else { continue };
        let stored = serde_json::to_string(&status).unwrap();
        let read: PayStatus = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, status, "{stored}");
        assert_eq!(read.permission_to_pay_again(), status.permission_to_pay_again(), "{stored}");
    }
}
