//! Foreign text, made safe for a terminal.

use std::fmt::{self, Write as _};

/// Writes control characters, escape sequences and direction overrides as `\u{1b}`, so that no
/// name can move the cursor, colour the screen or turn the words around it.
///
/// For what a terminal shows. Elsewhere JSON and CSV have the exact text.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            if is_unsafe(char) {
                write!(f, "{}", char.escape_unicode())?;
            } else {
                f.write_char(char)?;
            }
        }
        Ok(())
    }
}

/// Writes such characters in JSON as `\u001b`, so that it is the same JSON.
pub(crate) struct EscapedJson<'a>(pub(crate) &'a str);

impl fmt::Display for EscapedJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            // White space of this kind is never in a string.
            if is_unsafe(char) && !char.is_ascii_whitespace() {
                write!(f, "\\u{:04x}", u32::from(char))?;
            } else {
                f.write_char(char)?;
            }
        }
        Ok(())
    }
}

fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{061c}'                   // Arabic letter mark
                | '\u{200e}'..='\u{200f}' // left-to-right and right-to-left marks
                | '\u{2028}'..='\u{202e}' // line and paragraph separators, embeddings, overrides
                | '\u{2066}'..='\u{2069}' // isolates
                | '\u{feff}'              // byte order mark
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor_or_turns_the_text() {
        for (text, shown) in [
            ("João Conceição ₢ 漢字 👩‍👧", "João Conceição ₢ 漢字 👩‍👧"),
            ("a\0b", r"a\u{0}b"),
            ("\x1b[31mred\x1b[0m", r"\u{1b}[31mred\u{1b}[0m"),
            ("\u{9b}2J", r"\u{9b}2J"),
            ("one\r\ntwo\tthree", r"one\u{d}\u{a}two\u{9}three"),
            ("\u{202e}gpj.exe\u{2069}", r"\u{202e}gpj.exe\u{2069}"),
            ("\u{7f}", r"\u{7f}"),
        ] {
            assert_eq!(Escaped(text).to_string(), shown);
        }
    }
}
