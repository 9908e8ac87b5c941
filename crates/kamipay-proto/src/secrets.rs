use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The secrets of a client, to hide in text from outside.
///
/// A server may echo the `Authorization` header in an error message, which then reaches the screen
/// or a log. [`Api::parse`] therefore hides the token and the secrets of [`Api::hiding`] in every
/// text that an error shows.
///
/// A secret is found in upper and lower case, with white space inside, percent-encoded, escaped as
/// in JSON or HTML, and in base64. Any 16 successive characters of it are enough. Secrets of fewer
/// than 4 characters are not hidden: they occur everywhere.
///
/// [`Api::parse`]: crate::Api::parse
/// [`Api::hiding`]: crate::Api::hiding
#[derive(Clone, Default)]
pub struct Secrets {
    /// The tokens, newest last.
    tokens: Vec<Arc<str>>,
    others: Vec<Arc<str>>,
}

/// The replacement of a secret.
const MASK: &str = "***";

/// Minimum length of a secret to hide.
const SHORTEST: usize = 4;

/// Number of successive characters of a secret that are searched for.
const GRAM: usize = 16;

/// Maximum number of tokens kept: the current one and those before it.
const TOKENS: usize = 4;

/// Maximum length of the tokens together, in bytes. A search needs about 100 times as much memory.
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

    /// Replaces each secret in `text` with `***`.
    pub fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.hider() {
            Some(hider) => hider.hide(text),
            None => Cow::Borrowed(text),
        }
    }

    /// Builds the search, only for errors. `None` if there is nothing to hide.
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

/// Finds all secrets in one pass, in linear time.
pub(crate) struct Hider {
    /// All sequences of [`GRAM`] characters in the secrets, hashed and sorted.
    grams: Vec<u64>,
    /// The secrets shorter than [`GRAM`].
    short: Vec<Vec<u8>>,
    /// The first characters of each secret.
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

    /// Adds the part of the base64 that does not depend on the text around the secret.
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

    /// Hides secrets in the strings of a JSON text. The result is JSON.
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
        // A secret that was cut off and marked with dots.
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

/// The FNV-1a hash. A collision only hides too much.
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

/// A text in lower case without white space, and the origin of each of its bytes.
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
        // In a form, `+` is a space.
        if byte.is_ascii_whitespace() || byte.is_ascii_control() || byte == b'+' {
            return;
        }
        self.bytes.push(byte.to_ascii_lowercase());
        self.places.push(place);
    }

    /// Undoes one layer of escapes of any kind. `None` if there is none.
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

/// The length of the first escape in bytes, and the byte or character it means.
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
    fn a_secret_is_hidden_in_every_spelling() {
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
    fn a_secret_inside_a_longer_base64_text_is_hidden() {
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
    fn sixteen_successive_characters_of_a_secret_are_hidden() {
        for length in GRAM..TOKEN.len() {
            for from in 0..TOKEN.len() - length {
                let part = &TOKEN[from..from + length];
                assert_eq!(secrets().hide(&format!("<{part}>")), "<***>");
            }
        }
        // Before dots, three characters are enough.
        for length in 3..GRAM {
            for dots in ["…", "..."] {
                let cut = format!("Bearer {}{dots}", &TOKEN[..length]);
                assert_eq!(secrets().hide(&cut), format!("Bearer ***{dots}"));
            }
        }
    }

    #[test]
    fn a_short_secret_is_hidden_only_whole_and_one_under_four_characters_never() {
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
    fn the_last_four_tokens_are_hidden() {
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
    fn json_with_hidden_secrets_is_still_json() {
        let hider = secrets().hider().unwrap();
        let quoted = serde_json::to_string(PASSWORD).unwrap();
        let json = format!(r#"{{"a": {quoted}, "b": [1.50, "x\"{TOKEN}\\"], "{TOKEN}": "\n"}}"#);
        assert_eq!(hider.hide_json(&json), r#"{"a": "***", "b": [1.50, "x\"***\\"], "***": "\n"}"#);
        let mut digits = Secrets::default();
        digits.add("12345678");
        let json = r#"{"amount": 12345678, "id": "12345678"}"#;
        let hidden = digits.hider().unwrap().hide_json(json).into_owned();
        assert_eq!(hidden, r#"{"amount": 12345678, "id": "***"}"#, "a number is not a string");
        assert_eq!(hider.hide_json("{\"a"), "{\"a");
        assert_eq!(hider.hide_json("{\"a\\"), "{\"a\\");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_text_without_secrets_is_unchanged(
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
