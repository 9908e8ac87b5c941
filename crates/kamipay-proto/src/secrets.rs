use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The secrets of a client, to be hidden in text that came from outside.
///
/// A server that echoes the `Authorization` header in its refusal would have it on the screen and in
/// the log. So [`Api::parse`] hides the token, and what [`Api::hiding`] was told, in each text that an
/// error shows.
///
/// A secret is found in any case, with white space in it, percent-encoded, escaped as in JSON or HTML,
/// and in base64; whole, and where 16 characters of it or more stand in a row. One of fewer than 4
/// characters is not looked for: it would be found everywhere.
///
/// [`Api::parse`]: crate::Api::parse
/// [`Api::hiding`]: crate::Api::hiding
#[derive(Clone, Default)]
pub struct Secrets {
    /// The tokens, the newest last.
    tokens: Vec<Arc<str>>,
    others: Vec<Arc<str>>,
}

/// What stands in the place of a secret.
const MASK: &str = "***";

/// The fewest characters that are looked for.
const SHORTEST: usize = 4;

/// As much of a secret as is looked for in a row.
const GRAM: usize = 16;

/// How many tokens are remembered: that in use, and those before it.
const TOKENS: usize = 4;

/// In bytes, all of them together: what is looked for takes a hundred times as much, for a moment.
const TOKENS_LENGTH: usize = 16 << 10;

impl Secrets {
    pub(crate) fn add(&mut self, secret: &str) {
        self.others.push(secret.into());
    }

    pub(crate) fn add_token(&mut self, token: &str) {
        self.tokens.push(token.into());
        let length = |tokens: &[Arc<str>]| tokens.iter().map(|token| token.len()).sum::<usize>();
        while self.tokens.len() > TOKENS || length(&self.tokens) > TOKENS_LENGTH.max(token.len()) {
            self.tokens.remove(0);
        }
    }

    /// The text with `***` in the place of each secret.
    pub fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.hider() {
            Some(hider) => hider.hide(text),
            None => Cow::Borrowed(text),
        }
    }

    /// Made for an error only. `None` where there is nothing to hide.
    pub(crate) fn hider(&self) -> Option<Hider> {
        let hider = Hider::new(self.tokens.iter().chain(&self.others));
        (!hider.grams.is_empty() || !hider.short.is_empty()).then_some(hider)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

/// Finds secrets in one go, in a time that grows with the text.
pub(crate) struct Hider {
    /// All rows of 16 characters that are in a secret, hashed and sorted.
    grams: Vec<u64>,
    /// The secrets that are shorter than that.
    short: Vec<Vec<u8>>,
    /// How each secret begins.
    beginnings: Vec<Vec<u8>>,
}

impl Hider {
    fn new<'a>(secrets: impl Iterator<Item = &'a Arc<str>>) -> Self {
        let mut hider = Self { grams: Vec::new(), short: Vec::new(), beginnings: Vec::new() };
        for secret in secrets {
            hider.add(secret.as_bytes());
            for offset in 0..3 {
                hider.add_base64(secret.as_bytes(), offset);
            }
            hider.grams.sort_unstable();
            hider.grams.dedup();
        }
        hider
    }

    fn add(&mut self, secret: &[u8]) {
        let secret = View::of(secret).bytes;
        if secret.len() < SHORTEST {
            return;
        }
        self.beginnings.push(secret[..secret.len().min(GRAM)].to_vec());
        if secret.len() < GRAM {
            self.short.push(secret);
        } else {
            self.grams.extend(secret.windows(GRAM).map(gram));
        }
    }

    /// The part of the base64 that is the same whatever stands before and after the secret.
    fn add_base64(&mut self, secret: &[u8], offset: usize) {
        let padded = [&vec![0; offset], secret].concat();
        let (first, partial) = (offset + usize::from(offset > 0), padded.len() % 3 != 0);
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded);
            let text = text.get(first..text.len() - usize::from(partial)).unwrap_or_default();
            if text.len() >= 2 * SHORTEST {
                self.add(text.as_bytes());
            }
        }
    }

    pub(crate) fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        let mut view = View::of(text.as_bytes());
        for _ in 0..4 {
            self.find(&view, &mut found);
            match view.unescaped() {
                Some(unescaped) => view = unescaped,
                None => break,
            }
        }
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_unstable();
        let (mut hidden, mut end) = (String::with_capacity(text.len()), 0);
        for (from, to) in found {
            if from > end || hidden.is_empty() {
                hidden.push_str(&text[end..floor(text, from).max(end)]);
                hidden.push_str(MASK);
            }
            end = end.max(ceil(text, to));
        }
        hidden.push_str(&text[end..]);
        Cow::Owned(hidden)
    }

    /// JSON with its strings hidden, and still JSON.
    pub(crate) fn hide_json<'a>(&self, json: &'a str) -> Cow<'a, str> {
        let (mut hidden, mut end, mut rest) = (String::new(), 0, 0);
        while let Some(from) = json[rest..].find('"').map(|at| rest + at + 1) {
            let (bytes, mut to) = (json.as_bytes(), from);
            while bytes.get(to).is_some_and(|byte| *byte != b'"') {
                to += 1 + usize::from(bytes[to] == b'\\');
            }
            let to = to.min(json.len());
            if let Cow::Owned(text) = self.hide(&json[from..to]) {
                let is_string = serde_json::from_str::<String>(&format!("\"{text}\"")).is_ok();
                hidden.push_str(&json[end..from]);
                hidden.push_str(if is_string { &text } else { MASK });
                end = to;
            }
            rest = (to + 1).min(json.len());
        }
        if end == 0 {
            return Cow::Borrowed(json);
        }
        hidden.push_str(&json[end..]);
        Cow::Owned(hidden)
    }

    fn find(&self, view: &View, found: &mut Vec<(usize, usize)>) {
        let bytes = &view.bytes;
        let mut add = |from: usize, to: usize| {
            let (from, to) = (view.places[from].0 as usize, view.places[to - 1].1 as usize);
            match found.last_mut() {
                Some(last) if last.0 <= from && from <= last.1 => last.1 = last.1.max(to),
                _ => found.push((from, to)),
            }
        };
        for (n, window) in bytes.windows(GRAM).enumerate() {
            if self.grams.binary_search(&gram(window)).is_ok() {
                add(n, n + GRAM);
            }
        }
        for short in &self.short {
            for (n, window) in bytes.windows(short.len()).enumerate() {
                if window == short {
                    add(n, n + short.len());
                }
            }
        }
        // A secret that was cut, by us or by somebody else.
        for (n, _) in bytes
            .windows(3)
            .enumerate()
            .filter(|(_, it)| [&b"..."[..], "…".as_bytes()].contains(it))
        {
            for beginning in &self.beginnings {
                let cut =
                    (3..=beginning.len()).rev().find(|it| bytes[..n].ends_with(&beginning[..*it]));
                if let Some(length) = cut {
                    add(n - length, n);
                }
            }
        }
    }
}

/// FNV-1a. Where two rows have one hash, a little more is hidden than has to be.
fn gram(window: &[u8]) -> u64 {
    window.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

fn ceil(text: &str, at: usize) -> usize {
    (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// A text without its white space and in small letters, and where each byte of it comes from.
struct View {
    bytes: Vec<u8>,
    places: Vec<(u32, u32)>,
}

impl View {
    fn of(text: &[u8]) -> Self {
        let mut view = Self { bytes: Vec::new(), places: Vec::new() };
        for (n, byte) in text.iter().enumerate() {
            view.push(*byte, (n as u32, n as u32 + 1));
        }
        view
    }

    fn push(&mut self, byte: u8, place: (u32, u32)) {
        // A blank in a form is a `+`.
        if byte.is_ascii_whitespace() || byte.is_ascii_control() || byte == b'+' {
            return;
        }
        self.bytes.push(byte.to_ascii_lowercase());
        self.places.push(place);
    }

    /// With one layer of escapes undone, whichever they are. `None` where there is none.
    fn unescaped(&self) -> Option<Self> {
        if !self.bytes.iter().any(|byte| matches!(byte, b'%' | b'\\' | b'&')) {
            return None;
        }
        let mut view = Self { bytes: Vec::new(), places: Vec::new() };
        let mut at = 0;
        while at < self.bytes.len() {
            let (length, char) = unescape(&self.bytes[at..]);
            let place = (self.places[at].0, self.places[at + length - 1].1);
            match char {
                Ok(byte) => view.push(byte, place),
                Err(char) => {
                    for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                        view.push(byte, place);
                    }
                }
            }
            at += length;
        }
        (view.bytes != self.bytes).then_some(view)
    }
}

/// How many bytes the first character is written with, and its byte, or the character.
fn unescape(bytes: &[u8]) -> (usize, Result<u8, char>) {
    let number = |from: usize, to: usize, radix: u32| {
        let digits = std::str::from_utf8(bytes.get(from..to)?).ok()?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(digits, radix).ok().filter(|_| is_number)
    };
    let byte = |length, code: Option<u32>| Some((length, Ok(u8::try_from(code?).ok()?)));
    let char = |length, code: Option<u32>| Some((length, Err(char::from_u32(code?)?)));
    let escape = match bytes {
        [b'%', ..] => byte(3, number(1, 3, 16)),
        [b'\\', b'u', ..] => char(6, number(2, 6, 16)),
        [b'\\', b'x', ..] => byte(4, number(2, 4, 16)),
        [b'\\', b'n' | b'r' | b't', ..] => Some((2, Ok(b' '))),
        [b'\\', other, ..] => Some((2, Ok(*other))),
        [b'&', b'#', ..] => {
            let end = bytes.iter().take(10).position(|byte| *byte == b';');
            end.and_then(|end| match bytes[2] {
                b'x' => char(end + 1, number(3, end, 16)),
                _ => char(end + 1, number(2, end, 10)),
            })
        }
        [b'&', ..] => {
            [("&amp;", b'&'), ("&lt;", b'<'), ("&gt;", b'>'), ("&quot;", b'"'), ("&apos;", b'\'')]
                .into_iter()
                .find(|(name, _)| bytes.starts_with(name.as_bytes()))
                .map(|(name, byte)| (name.len(), Ok(byte)))
        }
        _ => None,
    };
    escape.unwrap_or((1, Ok(bytes[0])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzZWNyZXQifQ.c2VjcmV0-XNpZ25hdHVy_Q";
    const PASSWORD: &str = "corréct \"h0rse\" & <staple>/+%";

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add(PASSWORD);
        secrets.add_token(TOKEN);
        secrets
    }

    #[track_caller]
    fn hidden(echo: &str) {
        for (before, after) in [("", ""), ("é ", " é"), ("a/", "%"), ("&", "\u{1b}[2J")] {
            let text = format!("{before}{echo}{after}");
            assert_eq!(secrets().hide(&text), format!("{before}***{after}"), "{text}");
        }
    }

    fn percent(text: &str, all: bool) -> String {
        let plain = |byte: u8| !all && byte.is_ascii_alphanumeric();
        text.bytes()
            .map(
                |byte| {
                    if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
                },
            )
            .collect()
    }

    #[test]
    fn a_secret_is_hidden_however_it_is_written() {
        for secret in [TOKEN, PASSWORD] {
            hidden(secret);
            hidden(&secret.to_ascii_uppercase());
            hidden(&secret.to_ascii_lowercase());
            hidden(&percent(secret, false));
            hidden(&percent(secret, true));
            hidden(&percent(secret, true).to_ascii_lowercase());
            hidden(&percent(&percent(secret, true), true));
            hidden(&secret.replace(' ', "+").replace('"', "%22"));
            let json = serde_json::to_string(secret).unwrap();
            hidden(json.trim_matches('"'));
            let twice = serde_json::to_string(json.trim_matches('"')).unwrap();
            hidden(twice.trim_matches('"'));
            let code = |char: char| format!("\\u{:04x}", u32::from(char));
            hidden(&secret.chars().map(code).collect::<String>());
            let entity = |char: char| format!("&#{};", u32::from(char));
            hidden(&secret.chars().map(entity).collect::<String>());
            let entity = |char: char| format!("&#x{:X};", u32::from(char));
            hidden(&secret.chars().map(entity).collect::<String>());
            hidden(&secret.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;"));
            let (first, rest) = secret.split_at(9);
            hidden(&format!("{first}\r\n {rest}"));
        }
        assert_eq!(
            secrets().hide(&format!("Authorization: Bearer {TOKEN}, {PASSWORD}!")),
            "Authorization: Bearer ***, ***!"
        );
    }

    #[test]
    fn a_secret_is_hidden_in_base64_with_anything_around_it() {
        for secret in [TOKEN, PASSWORD] {
            for before in ["", "u", "me", "user:", "Bearer "] {
                for after in ["", "x", "xy"] {
                    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                        let echo = engine.encode(format!("{before}{secret}{after}"));
                        let shown = secrets().hide(&echo).replace(MASK, "");
                        assert!(
                            shown.len() <= before.len() * 4 / 3 + after.len() * 4 / 3 + 8,
                            "{shown}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_part_of_a_secret_is_hidden() {
        for length in GRAM..TOKEN.len() {
            for from in 0..TOKEN.len() - length {
                let part = &TOKEN[from..from + length];
                assert_eq!(secrets().hide(&format!("<{part}>")), "<***>");
            }
        }
        // Where it was cut, a few characters do.
        for length in 3..GRAM {
            for dots in ["…", "..."] {
                let cut = format!("Bearer {}{dots}", &TOKEN[..length]);
                assert_eq!(secrets().hide(&cut), format!("Bearer ***{dots}"));
            }
        }
    }

    #[test]
    fn a_short_secret_is_hidden_whole_and_a_tiny_one_is_not() {
        let hide = |secret: &str, text: &str| {
            let mut secrets = Secrets::default();
            secrets.add(secret);
            secrets.hide(text).into_owned()
        };
        assert_eq!(hide("hunter2", "not Hunter2, and hunter3"), "not ***, and hunter3");
        assert_eq!(hide("1234", "pin=1234&x=12345"), "pin=***&x=***5");
        assert_eq!(
            hide("password1", "Incorrect username or password"),
            "Incorrect username or password"
        );
        for tiny in ["", "a", "abc", " a b c "] {
            assert_eq!(hide(tiny, "a message about abc"), "a message about abc", "{tiny}");
        }
    }

    #[test]
    fn the_last_tokens_are_remembered() {
        let mut secrets = Secrets::default();
        secrets.add("a password");
        for n in 0..10 {
            secrets.add_token(&format!("token-number-{n}"));
        }
        let seen = |n: u32| secrets.hide(&format!("<token-number-{n}>")) != "<***>";
        assert_eq!((0..10).filter(|n| seen(*n)).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(secrets.hide("a password"), MASK);
        assert_eq!(format!("{secrets:?}"), "Secrets(..)");
    }

    #[test]
    fn json_stays_json() {
        let hider = secrets().hider().unwrap();
        let quoted = serde_json::to_string(PASSWORD).unwrap();
        let json = format!(r#"{{"a": {quoted}, "b": [1.50, "x\"{TOKEN}\\"], "{TOKEN}": "\n"}}"#);
        assert_eq!(hider.hide_json(&json), r#"{"a": "***", "b": [1.50, "x\"***\\"], "***": "\n"}"#);
        let mut digits = Secrets::default();
        digits.add("12345678");
        let json = r#"{"amount": 12345678, "id": "12345678"}"#;
        let hidden = digits.hider().unwrap().hide_json(json).into_owned();
        assert_eq!(hidden, r#"{"amount": 12345678, "id": "***"}"#, "an amount is not a text");
        assert_eq!(hider.hide_json("{\"a"), "{\"a");
        assert_eq!(hider.hide_json("{\"a\\"), "{\"a\\");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_nothing_else_is_changed(
            secret in "\\PC{0,40}", text in "[ -~é…\\n]{0,60}", escapes in "[%\\\\&#xu0-9a-f;]{0,40}",
        ) {
            let mut secrets = Secrets::default();
            secrets.add(&secret);
            for text in [&text, &escapes] {
                let _ = secrets.hide(text);
                if let Some(hider) = secrets.hider() {
                    let json = serde_json::to_string(text).unwrap();
                    let hidden = hider.hide_json(&json).into_owned();
                    prop_assert!(serde_json::from_str::<String>(&hidden).is_ok(), "{}", hidden);
                    let _ = hider.hide_json(text);
                }
                prop_assert_eq!(Secrets::default().hide(text), text.as_str());
            }
            let trimmed = View::of(secret.as_bytes()).bytes.len();
            let hidden = secrets.hide(&secret).into_owned();
            prop_assert!(trimmed < SHORTEST || hidden.contains(MASK), "{}", hidden);
        }
    }
}
