//! Permission to pay again, for all combinations of states, fields, requests and HTTP statuses,
//! compared with expectations written by hand.

use chrono::DateTime;
use kamipay_proto::Endpoint as _;
use kamipay_proto::pay_status::{End, PayStatus, Watch, WatchLimits};
use kamipay_tests::permission::{Case, Outcome, every_mixture, every_question, sample};

/// The outcome of one answer, alone and in a watch.
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

/// Counts the outcomes: done, returned, canceled, neither.
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
fn every_state_with_every_combination_of_the_four_fields_has_the_expected_outcome() {
    let [done, returned, canceled, neither] = check(every_mixture());
    // Done with any fields. A field can be empty in three ways. A refund is one of three hashes, with
    // no transaction, one of three others (zeros included) in either field, or one in both.
    assert_eq!(done, 7_usize.pow(4));
    assert_eq!(canceled, 3_usize.pow(4));
    assert_eq!(returned, 3 * 3 * (3 * 3 + 2 * 3 * 3 + 3));
    assert_eq!(neither, (13 - 1) * 7_usize.pow(4) - returned - canceled);
}

#[test]
fn every_kind_of_request_with_every_http_status_has_the_expected_outcome() {
    let counts = check(every_question());
    assert_eq!(counts, [270, 38, 12, 17_984]);
}

#[test]
fn a_sample_of_all_spellings_has_the_expected_outcome() {
    let counts = check(sample(20_000));
    assert!(counts.iter().all(|count| *count > 50), "{counts:?}");
}

/// Storing an answer neither gives nor takes permission.
#[test]
fn a_stored_answer_has_the_same_outcome() {
    for case in sample(3000) {
        let Ok(status) = case.call().parse(case.response()) else { continue };
        let stored = serde_json::to_string(&status).unwrap();
        let read: PayStatus = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, status, "{stored}");
        assert_eq!(read.permission_to_pay_again(), status.permission_to_pay_again(), "{stored}");
    }
}
