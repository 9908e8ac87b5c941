#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;
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
/// A secret is found in upper and lower case (of characters up to U+00FF), with white space inside,
/// percent-encoded, escaped as in JSON or HTML, and in base64, alone or inside a longer text. Any 16 successive bytes of it are
/// enough. Secrets of fewer than 4 bytes are not hidden: they occur everywhere. The HTML names of all
/// of ASCII and of the characters up to U+00FF are known.
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

/// Minimum length of a secret to hide, in bytes.
const SHORTEST: usize = 4;

/// Minimum length of the part of a secret before an ellipsis.
const SHORTEST_CUT: usize = 3;

/// Number of forms of a text that are searched: as it is, and with one to three layers of escapes
/// undone.
const LAYERS: usize = 4;

/// Number of successive bytes of a secret that are searched for.
const GRAM: usize = 16;

/// Maximum number of tokens kept, the current one and those before it: a day with one an hour.
const TOKENS: usize = 24;

/// Maximum length of the tokens together, in bytes. A search needs 100 to 200 times as much memory.
const TOKENS_LENGTH: usize = 16 << 10;

impl Secrets {
    pub(crate) fn add(&mut self, secret: &str) {
        self.others.push(secret.into());
    }

    pub(crate) fn add_token(&mut self, token: &str) {
        self.tokens.retain(|it| **it != *token);
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
        (!hider.dense.hashes.is_empty() || !hider.spaced.hashes.is_empty()).then_some(hider)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

/// Finds all secrets in one pass, in linear time.
pub(crate) struct Hider {
    /// Searched for in a text without white space.
    dense: Rows,
    /// Secrets that are too short without their white space: searched for with it.
    spaced: Rows,
}

/// Sequences of bytes to search for, hashed and sorted.
#[derive(Default)]
struct Rows {
    /// All sequences of [`GRAM`] bytes in the secrets, and the secrets shorter than that.
    hashes: Vec<u64>,
    lengths: BTreeSet<usize>,
    /// The first bytes of each secret, hashed backwards.
    beginnings: Vec<u64>,
}

impl Hider {
    fn new<'a>(secrets: impl Iterator<Item = &'a Arc<str>>) -> Self {
        let mut hider = Self { dense: Rows::default(), spaced: Rows::default() };
        for secret in secrets {
            hider.add(secret.as_bytes());
            for sent in sent(secret) {
                for offset in 0..3 {
                    hider.add_base64(sent.as_bytes(), offset);
                }
            }
        }
        hider.dense.sort();
        hider.spaced.sort();
        hider
    }

    /// Adds a secret, and the forms of it in a text whose escapes are undone.
    fn add(&mut self, secret: &[u8]) {
        let (mut dense, mut spaced) = (View::of(secret, false), View::of(secret, true));
        for _ in 0..LAYERS {
            if dense.bytes.len() >= SHORTEST {
                self.dense.add(&dense.bytes);
            } else if spaced.bytes.len() >= SHORTEST {
                self.spaced.add(&spaced.bytes);
            }
            if !(dense.unescape() | spaced.unescape()) {
                break;
            }
        }
    }

    /// Adds the part of the base64 that does not depend on the text around the secret.
    fn add_base64(&mut self, secret: &[u8], offset: usize) {
        let padded = [&vec![0; offset], secret].concat();
        let (first, partial) = (offset + usize::from(offset > 0), padded.len() % 3 != 0);
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded);
            let text = text.get(first..text.len() - usize::from(partial)).unwrap_or_default();
            if text.len() >= SHORTEST {
                self.add(text.as_bytes());
            }
        }
    }

    pub(crate) fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut found: Vec<(u32, u32)> = Vec::new();
        for (rows, keeps_blanks) in [(&self.dense, false), (&self.spaced, true)] {
            if rows.hashes.is_empty() {
                continue;
            }
            let mut view = View::of(text.as_bytes(), keeps_blanks);
            for _ in 0..LAYERS {
                rows.find(&view, &mut found);
                if !view.unescape() {
                    break;
                }
            }
        }
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        for (from, to) in &mut found {
            *from = floor(text, *from as usize) as u32;
            *to = ceil(text, *to as usize) as u32;
        }
        merge(&mut found);
        let (mut hidden, mut end) = (String::with_capacity(text.len()), 0);
        for (from, to) in found {
            hidden.push_str(&text[end..from as usize]);
            hidden.push_str(MASK);
            end = to as usize;
        }
        hidden.push_str(&text[end..]);
        Cow::Owned(hidden)
    }

    /// Hides secrets in the strings of a JSON text, and the numbers that contain one. The result is
    /// JSON.
    pub(crate) fn hide_json<'a>(&self, json: &'a str) -> Cow<'a, str> {
        let bytes = json.as_bytes();
        let (mut hidden, mut end, mut rest) = (String::new(), 0, 0);
        while let Some(from) = (rest..bytes.len()).find(|at| begins_scalar(bytes[*at])) {
            let (mut from, mut to) = (from, from + 1);
            let is_string = bytes[from] == b'"';
            if is_string {
                from = to;
                while bytes.get(to).is_some_and(|byte| *byte != b'"') {
                    to += 1 + usize::from(bytes[to] == b'\\');
                }
            } else {
                let is_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
                to += bytes[to..].iter().take_while(|byte| is_number(byte)).count();
            }
            let to = to.min(bytes.len());
            if let Cow::Owned(text) = self.hide(&json[from..to]) {
                hidden.push_str(&json[end..from]);
                match is_string {
                    true if serde_json::from_str::<String>(&format!("\"{text}\"")).is_ok() => {
                        hidden.push_str(&text);
                    }
                    true => hidden.push_str(MASK),
                    false => hidden.extend(["\"", MASK, "\""]),
                }
                end = to;
            }
            rest = (to + usize::from(is_string)).min(bytes.len());
        }
        if end == 0 {
            return Cow::Borrowed(json);
        }
        hidden.push_str(&json[end..]);
        Cow::Owned(hidden)
    }
}

/// Whether a string or a number of JSON begins here.
fn begins_scalar(byte: u8) -> bool {
    matches!(byte, b'"' | b'-' | b'0'..=b'9')
}

impl Rows {
    fn add(&mut self, secret: &[u8]) {
        let length = secret.len().min(GRAM);
        self.hashes.extend(secret.windows(length).map(hash));
        self.lengths.insert(length);
        let backwards = |end: usize| secret[..end].iter().rev().fold(HASH, hash_on);
        self.beginnings.extend((SHORTEST_CUT..=length).map(backwards));
    }

    fn sort(&mut self) {
        for hashes in [&mut self.hashes, &mut self.beginnings] {
            hashes.sort_unstable();
            hashes.dedup();
        }
    }

    fn find(&self, view: &View, found: &mut Vec<(u32, u32)>) {
        let bytes = &view.bytes;
        let mut add = |from: usize, to: usize| {
            let (from, to) = (view.places[from].0, view.places[to - 1].1);
            match found.last_mut() {
                Some(last) if last.0 <= from && from <= last.1 => last.1 = last.1.max(to),
                _ => found.push((from, to)),
            }
        };
        for length in &self.lengths {
            for (n, window) in bytes.windows(*length).enumerate() {
                if self.hashes.binary_search(&hash(window)).is_ok() {
                    add(n, n + length);
                }
            }
        }
        // A secret that was cut off and marked with dots.
        for (n, _) in bytes
            .windows(3)
            .enumerate()
            .filter(|(_, it)| [&b"..."[..], "…".as_bytes()].contains(it))
        {
            // Backwards from the ellipsis; the longest wins.
            let (mut cut, mut backwards) = (None, HASH);
            for (length, byte) in bytes[..n].iter().rev().take(GRAM).enumerate() {
                backwards = hash_on(backwards, byte);
                if self.beginnings.binary_search(&backwards).is_ok() {
                    cut = Some(n - length - 1);
                }
            }
            if let Some(from) = cut {
                add(from, n);
            }
        }
        merge(found);
    }
}

/// The forms of a secret in a request: as it is, in a form and in JSON.
fn sent(secret: &str) -> BTreeSet<String> {
    let form = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::to_string(secret).unwrap_or_default();
    [secret.to_owned(), form, json.trim_matches('"').to_owned()].into()
}

/// Joins ranges that touch: each form of a text finds its own.
fn merge(found: &mut Vec<(u32, u32)>) {
    found.sort_unstable();
    found.dedup_by(|next, last| {
        let touches = next.0 <= last.1;
        if touches {
            last.1 = last.1.max(next.1);
        }
        touches
    });
}

/// The FNV-1a hash. A collision only hides too much.
fn hash(row: &[u8]) -> u64 {
    row.iter().fold(HASH, hash_on)
}

const HASH: u64 = 0xcbf2_9ce4_8422_2325;

fn hash_on(hash: u64, byte: &u8) -> u64 {
    (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
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
    /// Whether white space is kept, each as one space.
    keeps_blanks: bool,
}

impl View {
    fn of(text: &[u8], keeps_blanks: bool) -> Self {
        let places = (0..text.len() as u32).map(|n| (n, n + 1)).collect();
        let mut view = Self { bytes: text.to_vec(), places, keeps_blanks };
        view.rewrite(|bytes| (1, Ok(bytes[0])));
        view
    }

    /// Undoes one layer of escapes of any kind. Returns whether there was one.
    fn unescape(&mut self) -> bool {
        let length = self.bytes.len();
        self.rewrite(unescape);
        self.bytes.len() < length
    }

    /// Rewrites each character in place: none becomes longer.
    fn rewrite(&mut self, read: impl Fn(&[u8]) -> (usize, Result<u8, char>)) {
        let (mut from, mut end) = (0, 0);
        while from < self.bytes.len() {
            let (length, char) = read(&self.bytes[from..]);
            let place = (self.places[from].0, self.places[from + length - 1].1);
            from += length;
            let mut buffer = [0; 4];
            let bytes = match char {
                Ok(byte) => {
                    buffer[0] = byte;
                    &buffer[..1]
                }
                Err(char) => char.encode_utf8(&mut buffer).as_bytes(),
            };
            for byte in bytes {
                // In a form, `+` is a space.
                let is_blank =
                    byte.is_ascii_whitespace() || byte.is_ascii_control() || *byte == b'+';
                if is_blank && !self.keeps_blanks {
                    continue;
                }
                self.bytes[end] = match byte {
                    _ if is_blank => b' ',
                    // The second byte of a capital letter up to U+00DE, such as `Ä`.
                    0x80..=0x9e if end > 0 && self.bytes[end - 1] == 0xc3 => byte | 0x20,
                    _ => byte.to_ascii_lowercase(),
                };
                self.places[end] = place;
                end += 1;
            }
        }
        self.bytes.truncate(end);
        self.places.truncate(end);
    }
}

/// The length of the first escape in bytes, and the byte or character it means.
fn unescape(bytes: &[u8]) -> (usize, Result<u8, char>) {
    let escape = match bytes {
        [b'\\', b'x', ..] => byte(bytes, 2),
        [b'\\', b'b' | b'f' | b'n' | b'r' | b't', ..] => Some((2, Ok(b' '))),
        [b'\\' | b'%', b'u', ..] | [b'&', b'#', ..] => character(bytes),
        [b'\\', other, ..] => Some((2, Ok(*other))),
        [b'%', ..] => byte(bytes, 1),
        [b'&', ..] => entity(bytes),
        _ => None,
    };
    escape.unwrap_or((1, Ok(bytes[0])))
}

type Escape = Option<(usize, Result<u8, char>)>;

/// `%41` or `\x41`.
fn byte(bytes: &[u8], from: usize) -> Escape {
    let (length, byte) = number(bytes.get(..from + 2)?, from, 16)?;
    (length == from + 2).then_some((length, Ok(u8::try_from(byte).ok()?)))
}

/// A character by its number, or by two surrogates.
fn character(bytes: &[u8]) -> Escape {
    let (length, unit) = unit(bytes)?;
    if let (0xd800..=0xdbff, Some((more, low @ 0xdc00..=0xdfff))) =
        (unit, self::unit(&bytes[length..]))
    {
        let char = char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00))?;
        return Some((length + more, Err(char)));
    }
    Some((length, Err(char::from_u32(unit)?)))
}

/// `\u00e4`, `%u00e4`, `&#228;` or `&#xe4;`.
fn unit(bytes: &[u8]) -> Option<(usize, u32)> {
    match bytes {
        [b'\\' | b'%', b'u', ..] => number(bytes.get(..6)?, 2, 16).filter(|(end, _)| *end == 6),
        [b'&', b'#', b'x', ..] => number(bytes, 3, 16),
        [b'&', b'#', ..] => number(bytes, 2, 10),
        _ => None,
    }
    .map(|(end, unit)| (end + usize::from(bytes[0] == b'&' && bytes.get(end) == Some(&b';')), unit))
}

/// The end of the digits that start at `from`, and their number.
fn number(bytes: &[u8], from: usize, radix: u32) -> Option<(usize, u32)> {
    let digits = bytes[from..].iter().map_while(|byte| char::from(*byte).to_digit(radix));
    let (count, number) = digits.fold((0, 0_u32), |(count, number), digit| {
        (count + 1, number.saturating_mul(radix).saturating_add(digit))
    });
    (count > 0).then_some((from + count, number))
}

/// The HTML names of ASCII and of the characters up to U+00FF, from a first character on. A capital
/// letter stands for both, because a view is in lower case.
const ENTITIES: [(u32, &str); 12] = [
    (0x09, "tab newline"),
    (0x21, "excl quot num dollar percnt amp apos lpar rpar ast plus comma - period sol"),
    (0x3a, "colon semi lt equals gt quest commat"),
    (0x5b, "lsqb bsol rsqb hat lowbar grave"),
    (0x5b, "lbrack - rbrack - underbar"),
    (0x7b, "lcub verbar rcub"),
    (0x7b, "lbrace vert rbrace"),
    (0xa0, "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr"),
    (
        0xb0,
        "deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest",
    ),
    (
        0xc0,
        "agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml",
    ),
    (
        0xd0,
        "eth ntilde ograve oacute ocirc otilde ouml times oslash ugrave uacute ucirc uuml yacute thorn szlig",
    ),
    (0xf7, "divide - - - - - - - yuml"),
];

fn entity(bytes: &[u8]) -> Escape {
    let end = bytes.iter().take(12).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&bytes[1..end]).ok().filter(|it| *it != "-")?;
    ENTITIES.iter().find_map(|(first, names)| {
        let at = names.split(' ').position(|it| it == name)?;
        Some((end + 1, Err(char::from_u32(first + at as u32)?)))
    })
}
