//! Reads every JSON example of the vendor's pages.

use std::error::Error as _;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use kamipay_proto::Endpoint;
use kamipay_tests::{Fixture, fixtures, folder, with_call};

#[test]
fn every_example_matches_its_snapshot() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for fixture in fixtures() {
            let name = fixture.path.replace('/', "__").replace(['.'], "_");
            insta::assert_snapshot!(name, described(&fixture));
        }
    });
}

/// The call, the status, and the complete value or error.
fn described(fixture: &Fixture) -> String {
    fn call<E: Endpoint>(_: &E) -> &'static str {
        E::CALL
    }

    let response = fixture.response();
    with_call!(&fixture.call, asked => {
        let mut text = format!("{} answers {}\n\n", call(asked), response.status());
        match asked.parse(response) {
            Ok(value) => write!(text, "{value:#?}").unwrap(),
            Err(error) => {
                writeln!(text, "{error}").unwrap();
                let mut source = error.source();
                while let Some(cause) = source {
                    writeln!(text, "  {cause}").unwrap();
                    source = cause.source();
                }
                write!(text, "\n{error:#?}").unwrap();
            }
        }
        text
    })
}

#[test]
fn an_example_is_a_value_if_its_status_is_2xx_and_else_an_error() {
    for fixture in fixtures() {
        let is_value = with_call!(&fixture.call, call => call.parse(fixture.response()).is_ok());
        assert_eq!(is_value, fixture.is_answer(), "{}", fixture.path);
    }
}

#[test]
fn every_fixture_is_read_by_a_test() {
    let mut files = Vec::new();
    for page in fs::read_dir(folder()).unwrap() {
        let page = page.unwrap();
        for file in fs::read_dir(page.path()).unwrap() {
            let (page, file) = (page.file_name(), file.unwrap().file_name());
            files.push(format!("{}/{}", page.to_str().unwrap(), file.to_str().unwrap()));
        }
    }
    files.sort();
    let mut read: Vec<&str> = fixtures().iter().map(|fixture| fixture.path).collect();
    read.sort_unstable();
    assert_eq!(read, files, "fixtures() in lib.rs is the table that drives the tests");
}
