//! CSV for spreadsheets, which take some text for a formula.

/// A line of CSV whose text no spreadsheet takes for a formula.
pub(super) fn harmless(line: &[u8]) -> csv::Result<Vec<u8>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line);
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in reader.records() {
        writer.write_record(record?.iter().map(cell))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// A cell with an apostrophe before all that begins like a formula.
///
/// Where semicolons separate cells, as in Brazil, a spreadsheet also splits a cell at its own.
fn cell(text: &str) -> String {
    let first = if text.starts_with(ENDS) { "'" } else { "" };
    text.split_inclusive(ENDS)
        .fold(first.to_owned(), |cell, part| cell + if is_formula(part) { "'" } else { "" } + part)
}

fn is_formula(part: &str) -> bool {
    let text = part.trim_matches(|char: char| is_skipped(char) || ENDS.contains(&char));
    text.starts_with(STARTS) && !is_number(text)
}

/// What a cell may be split at.
const ENDS: [char; 4] = [';', '\t', '\r', '\n'];

/// What begins a formula, in full-width and small forms, too.
const STARTS: [char; 12] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫'];

/// What a spreadsheet does not see before it.
fn is_skipped(char: char) -> bool {
    char == '"'
        || char.is_whitespace()
        || char.is_control()
        || matches!(char, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(char, '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// An amount below zero, as the API writes it.
fn is_number(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let Some(number) = text.strip_prefix('-') else { return false };
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    is_digits(whole) && is_digits(decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_begins_like_a_formula_gets_an_apostrophe() {
        for (text, shown) in [
            (r#"=HYPERLINK("http://evil","x")"#, r#"'=HYPERLINK("http://evil","x")"#),
            ("+1+1", "'+1+1"),
            ("+5511999", "'+5511999"),
            ("-1+1", "'-1+1"),
            ("-1.", "'-1."),
            ("-", "'-"),
            ("--1", "'--1"),
            ("-1e5", "'-1e5"),
            ("@SUM(1)", "'@SUM(1)"),
            ("  =1", "'  =1"),
            ("\u{a0}=1", "'\u{a0}=1"),
            ("\u{feff}=1", "'\u{feff}=1"),
            ("\u{200b}\u{0}=1", "'\u{200b}\u{0}=1"),
            ("＝1", "'＝1"),
            ("＋1", "'＋1"),
            ("－1", "'－1"),
            ("＠1", "'＠1"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("\n=1", "'\n'=1"),
            ("x\n=1", "x\n'=1"),
            ("x;=1", "x;'=1"),
            ("x; \"=1", "x;' \"=1"),
            ("x;-1", "x;-1"),
            ("\"=1\"", "'\"=1\""),
        ] {
            assert_eq!(cell(text), shown);
            assert_eq!(cell(shown), shown, "twice is as good as once");
        }
    }

    #[test]
    fn amounts_and_harmless_text_stay_as_they_are() {
        for text in [
            "",
            "0",
            "-1.50",
            "-0.00000001",
            "29750.0",
            "-7",
            "a=b",
            "João - Conceição",
            "a@b.c",
            "'=1",
            "2026-05-14T12:00:00-03:00",
            "x; y",
            "#REF",
            "1+1",
        ] {
            assert_eq!(cell(text), text);
        }
    }

    #[test]
    fn a_line_stays_one_record() {
        let line = "a,\"=1,\"\"x\"\"\n=2\",-1.50,\"\",+x\n";
        let harmless = harmless(line.as_bytes()).unwrap();
        let words = "a,\"'=1,\"\"x\"\"\n'=2\",-1.50,,'+x\n";
        assert_eq!(String::from_utf8(harmless).unwrap(), words);
    }
}
