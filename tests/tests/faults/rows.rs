//! Checks that each row of the fault table in the README names its tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The row about dependencies, which `cargo deny` checks.
const OF_THE_BUILD: &str = "F88";

#[test]
fn every_row_names_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let tests: BTreeSet<String> = [root.join("crates"), root.join("tests/tests")]
        .iter()
        .flat_map(|folder| sources(folder))
        .flat_map(|file| test_names(&fs::read_to_string(file).unwrap()))
        .collect();

    let rows: Vec<Vec<&str>> = include_str!("../../README.md")
        .lines()
        .filter(|line| line.strip_prefix("| F").is_some_and(|it| it.as_bytes()[0].is_ascii_digit()))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() > 80 && rows.is_sorted_by(|a, b| a[0] < b[0]));
    for row in rows {
        let [number, .., named] = row[..] else { panic!("{row:?}") };
        assert_eq!(row.len(), 5, "{number}");
        assert!(number == OF_THE_BUILD || !named.is_empty(), "{number} names no test");
        for name in named.split(',').map(|name| name.trim().trim_matches('`')) {
            assert!(name.is_empty() || tests.contains(name), "{number}: there is no test {name}");
        }
    }
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

/// The functions that follow `#[test]`, with other attributes in between.
fn test_names(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim_start) {
        if let Some(rest) = line.strip_prefix("fn ") {
            let name = rest.split('(').next().unwrap_or_default();
            names.extend(is_test.then(|| name.to_owned()));
            is_test = false;
        } else if line == "#[test]" {
            is_test = true;
        }
    }
    names
}
