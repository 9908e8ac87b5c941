//! The exit code and the output for an answer, over the product of states, fields, questions and HTTP
//! statuses.

use kamipay_tests::permission::{Case, Outcome, every_mixture, every_question, sample};
use kamipay_ureq::proto::Endpoint as _;
use serde_json::Value;

use super::*;
use crate::output::Thing as _;
use crate::zone::Zone;

fn check(cases: impl Iterator<Item = Case>) {
    let mut exits = [0; 4];
    for case in cases {
        let expected = case.expected();
        exits[expected as usize] += 1;
        let call = case.call();
        let Ok(status) = call.parse(case.response()) else {
            // It ends as an error, which has none of these exit codes.
            assert_eq!(expected, Outcome::Neither, "{case:?}");
            continue;
        };
        let report = Report::of(&call.payment, &status).unwrap();
        let exit = match expected {
            Outcome::Done => Exit::Done,
            Outcome::Returned => Exit::Returned,
            Outcome::Canceled => Exit::Canceled,
            Outcome::Neither => Exit::NotOver,
        };
        assert_eq!(report.meaning.exit(), exit, "{case:?}");

        let may_pay_again = matches!(expected, Outcome::Returned | Outcome::Canceled);
        let json: Value = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
        assert_eq!(json["may_pay_again"], may_pay_again, "{case:?}");
        assert_eq!(json["state"], status.state(), "{case:?}");
        let (header, row) = (Report::header(), report.row());
        assert_eq!(header[2], "may_pay_again");
        assert_eq!(row[2], may_pay_again.to_string(), "{case:?}");
        let table = report.table(&View { width: None, zone: Zone::UTC });
        assert_eq!(table.contains("You may pay again"), may_pay_again, "{table}");
        assert_eq!(report.meaning.short().contains("may be paid again"), may_pay_again);
    }
    assert!(exits.iter().all(|times| *times > 10), "{exits:?}");
}

#[test]
fn in_every_state_with_every_mixture_of_the_four_fields() {
    check(every_mixture());
}

#[test]
fn by_every_question_with_every_http_status() {
    check(every_question());
}

#[test]
fn in_every_spelling() {
    check(sample(10_000));
}
