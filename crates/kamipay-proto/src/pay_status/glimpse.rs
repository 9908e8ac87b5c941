//! What an answer shows of the funds although it cannot be used: cut in its form, not in its meaning.
//!
//! It looks for names and values, not for a document: a key that comes twice, bytes after the end, or
//! a letter that is not UTF-8 hides nothing.

/// A name with its value, and how many objects and lists are around it.
pub(super) struct Field {
    pub(super) name: String,
    /// The text of a string, or the literal as it came; empty for `null`. An object or a list is its
    /// first byte.
    pub(super) value: String,
    pub(super) depth: usize,
}

/// The longest name and value that are looked at. No identifier and no hash of the API is as long;
/// of a longer value it is enough that it is there.
const LONGEST: usize = 1100;

/// All names with their values, in time that grows with the body.
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

/// The value that begins here, and where to look on: within it, if it is an object or a list.
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

/// The string that begins with this quote, and where it ends.
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

/// As text, its escapes undone. UTF-16 has a zero at each ASCII letter.
fn text(bytes: &[u8]) -> String {
    let bytes: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).take(LONGEST).collect();
    let text = String::from_utf8_lossy(&bytes);
    let plain = text.contains('\\').then(|| serde_json::from_str(&format!("\"{text}\"")).ok());
    plain.flatten().unwrap_or_else(|| text.into_owned()).trim().to_owned()
}

/// Blanks, and the zeros of UTF-16.
fn skip_blanks(body: &[u8], from: usize) -> usize {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    let rest = &body[from.min(body.len())..];
    from + rest.iter().position(|byte| !is_blank(byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_what_is_no_document() {
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
