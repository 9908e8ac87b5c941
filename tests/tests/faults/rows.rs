//! Which row of the fault table is tested where.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rows whose tests are named for what they are about, beside the code that they hold.
const ELSEWHERE: [(u8, &str, &str); 17] = [
    (63, "crates/kamipay-proto/src/scan/tests/histories.rs", "rows_that_come_and_go"),
    (63, "tests/tests/scans.rs", "every_quirk_ends_in_the_whole_or_in_an_error"),
    (64, "tests/tests/scans.rs", "a_fault_in_the_middle_leaves_a_scan_that_goes_on"),
    (65, "crates/kamipay-proto/src/range.rs", "a_date_range_is_31_days_at_most"),
    (65, "crates/kamipay-proto/src/range.rs", "an_epoch_range_is_less_than_a_day"),
    (66, "crates/kamipay-proto/src/api.rs", "no_part_leaves_its_place"),
    (66, "crates/kamipay-proto/src/lots/get.rs", "an_identifier_stays_in_its_segment"),
    (67, "tests/tests/properties.rs", "a_uri_is_taken_apart_into_what_it_was_built_from"),
    (68, "crates/kamipay-proto/src/auth.rs", "a_token_fits_a_header"),
    (68, "tests/tests/properties.rs", "the_login_is_taken_apart_into_what_it_was_built_from"),
    (69, "crates/kamipay-proto/src/api.rs", "anything_that_could_be_read_two_ways_is_refused"),
    (70, "crates/kamipay-proto/src/api.rs", "no_part_leaves_its_place"),
    (74, "tests/tests/secrets.rs", "the_types_that_hold_a_secret_do_not_show_it"),
    (75, "tests/tests/secrets.rs", "an_answer_with_a_token_that_can_not_be_read_does_not_show_it"),
    (76, "crates/kamipay-proto/src/auth.rs", "only_a_bearer_token_is_taken"),
    (85, "crates/kamipay-sandbox/src/server/tests.rs", "it_survives_any_bytes"),
    (85, "crates/kamipay-sandbox/src/server/tests.rs", "malformed_requests_are_refused"),
];

/// About the dependencies, which `cargo deny` looks after.
const OF_THE_BUILD: u8 = 88;

/// The rows of the table in the tests' README.
fn rows() -> impl Iterator<Item = u8> {
    let readme = include_str!("../../README.md");
    readme.lines().filter_map(|line| line.strip_prefix("| F")?.get(..2)?.parse().ok())
}

#[test]
fn every_row_has_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut tests: BTreeMap<u8, BTreeSet<String>> = BTreeMap::new();
    for file in sources(&root.join("crates")).into_iter().chain(sources(&root.join("tests/tests")))
    {
        let text = fs::read_to_string(&file).unwrap();
        for name in text.lines().filter_map(test_name) {
            for row in rows_of(name) {
                tests.entry(row).or_default().insert(name.to_owned());
            }
        }
    }
    for (row, file, name) in ELSEWHERE {
        let text = fs::read_to_string(root.join(file)).unwrap();
        assert!(text.lines().filter_map(test_name).any(|it| it == name), "{file}: {name}");
        tests.entry(row).or_default().insert(name.to_owned());
    }

    assert!(rows().is_sorted() && rows().count() > 80);
    for row in rows() {
        let names = tests.remove(&row).unwrap_or_default();
        assert!(row == OF_THE_BUILD || !names.is_empty(), "no test for F{row:02}");
        for name in names {
            println!("F{row:02} {name}"); // seen with --nocapture
        }
    }
    assert_eq!(tests, BTreeMap::new(), "rows that the table does not have");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn test_name(line: &str) -> Option<&str> {
    let name = line.trim_start().strip_prefix("fn ")?;
    name.split_once('(').map(|(name, _)| name)
}

/// `f31_f35_refusals_…` is about F31 and F35.
fn rows_of(name: &str) -> impl Iterator<Item = u8> {
    name.split('_').map_while(|part| match part.strip_prefix('f')?.as_bytes() {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some((a - b'0') * 10 + (b - b'0')),
        _ => None,
    })
}
