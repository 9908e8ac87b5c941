//! Names and values in an answer that is not valid JSON.
//!
//! An unusable answer can still show that funds moved. Duplicate keys, bytes after the end, and
//! bytes that are not UTF-8 hide nothing from this search.

/// A name and its value.
pub(super) struct Field {
    pub(super) name: String,
    /// The text of a string, or a literal as it came. Empty for `null`. The first byte of an object
    /// or list.
    pub(super) value: String,
    /// How many objects and lists enclose it.
    pub(super) depth: usize,
}

/// Maximum length of a name or value, in bytes. Identifiers and hashes are shorter. Of a longer
/// value only its presence counts.
const LONGEST: usize = 1100;

/// All names with their values, in linear time.
pub(super) fn fields(body: &[u8]) -> impl Iterator<Item = Field> {
    let (mut at, mut depth) = (0, 0_usize);
    std::iter::from_fn(move || {
        loop {
            match *body.get(at)? {
                b'{' | b'[' => (depth, at) = (depth + 1, at + 1),
                b'}' | b']' => (depth, at) = (depth.saturating_sub(1), at + 1),
                b'"' => {
                    let (name, end) = string(body, at);
                    at = skip_blanks(body, end);
                    if body.get(at) != Some(&b':') {
                        continue;
                    }
                    let start = skip_blanks(body, at + 1);
                    let (value, end) = value(body, start);
                    at = end;
                    return Some(Field { name, value, depth });
                }
                _ => at += 1,
            }
        }
    })
}

/// The value that begins at `start`, and where the search continues: inside an object or list, or
/// after any other value.
fn value(body: &[u8], start: usize) -> (String, usize) {
    match body.get(start) {
        Some(b'"') => string(body, start),
        Some(open @ (b'{' | b'[')) => (char::from(*open).to_string(), start),
        _ => {
            let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b'"' | b'\n');
            let rest = &body[start.min(body.len())..];
            let length = rest.iter().position(is_end).unwrap_or(rest.len());
            let literal = text(&rest[..length]);
            (if literal == "null" { String::new() } else { literal }, start + length)
        }
    }
}

/// The string that begins at `quote`, and its end.
fn string(body: &[u8], quote: usize) -> (String, usize) {
    let mut end = quote + 1;
    while let Some(byte) = body.get(end) {
        match byte {
            b'"' => return (text(&body[quote + 1..end]), end + 1),
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    (text(&body[(quote + 1).min(body.len())..]), body.len())
}

/// The bytes as text, unescaped. Zeros are skipped: in UTF-16 each ASCII letter has one.
fn text(bytes: &[u8]) -> String {
    let bytes: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).take(LONGEST).collect();
    let text = String::from_utf8_lossy(&bytes);
    let plain = text.contains('\\').then(|| serde_json::from_str(&format!("\"{text}\"")).ok());
    plain.flatten().unwrap_or_else(|| text.into_owned()).trim().to_owned()
}

/// The next position that is neither white space nor a zero of UTF-16.
fn skip_blanks(body: &[u8], from: usize) -> usize {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    let rest = &body[from.min(body.len())..];
    from + rest.iter().position(|byte| !is_blank(byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_invalid_json() {
        let found = |body: &[u8]| -> Vec<(String, String, usize)> {
            fields(body).map(|it| (it.name, it.value, it.depth)).collect()
        };
        let field = |name: &str, value: &str, depth| (name.to_owned(), value.to_owned(), depth);
        for (body, expected) in [
            (
                &br#"{"a": "x", "a": "y"} {"b": 5"#[..],
                vec![("a", "x", 1), ("a", "y", 1), ("b", "5", 1)],
            ),
            (br#"{"a": [{"b": null}]}"#, vec![("a", "[", 1), ("b", "", 3)]),
            (
                b"{\"n\": \"Jos\xe9\", \"tx\\u0069d\": \" 0x1 \"",
                vec![("n", "Jos\u{fffd}", 1), ("txid", "0x1", 1)],
            ),
            (
                br#"{"msg": "say \"txid\": 5", "x": tru"#,
                vec![("msg", "say \"txid\": 5", 1), ("x", "tru", 1)],
            ),
            (b"{\0\"\0a\0\"\0:\0 \0\"\0x\0\"\0}\0", vec![("a", "x", 1)]),
            (br#""a" "b" : "open"#, vec![("b", "open", 0)]),
            (br#"{"a":"#, vec![("a", "", 1)]),
            (b"\"a\":\"\\", vec![("a", "\\", 0)]),
            (b"", vec![]),
            (b"<html>", vec![]),
        ] {
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(name, value, depth)| field(name, value, depth))
                .collect();
            assert_eq!(found(body), expected, "{}", String::from_utf8_lossy(body));
        }
    }
}
