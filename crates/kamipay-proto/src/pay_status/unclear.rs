//! Answers that may show more than can be read. They withhold permission to pay again.
//!
//! No value is taken from such an answer: a value can hide in too many forms to search for it.

use serde_json::value::RawValue;

use crate::wire::object;
use crate::{KamipayId, ResponseError};

/// What an unusable answer means for the payment that was asked for.
pub(super) enum Unusable {
    /// It shows nothing of funds.
    Harmless,
    /// It may show that funds of the payment moved.
    MayShowFunds,
    /// It is about the payment with this identifier. That may be the same payment, if a later
    /// answer has the same identifier.
    AnotherPayment(KamipayId),
}

impl ResponseError {
    /// Whether the response may show that funds of a payment moved. It cannot be used, so nobody
    /// can tell.
    ///
    /// Exceptions: an empty body, a page without a hash or receipt, and a refusal or server error in
    /// plain text that names no hash, receipt, or state such as *done*.
    #[doc(hidden)] // for transports that repeat a call
    pub fn may_show_funds(&self) -> bool {
        let body = self.body();
        if self.is_cut_off() {
            return true;
        }
        if body.trim_ascii().is_empty() {
            return false;
        }
        match self.status().is_success() {
            true => !is_page(body),
            false => may_say_funds(body) || !is_text(body),
        }
    }
}

/// What the vendor's pages call hashes and receipts, in lower case. Each is a part of a field's name.
const NAMES: [&str; 7] = ["txid", "tx_id", "hash", "e2e", "endtoend", "end_to_end", "receipt"];

/// How deep values are looked at. Each level is read again.
const LEVELS: u32 = 16;

/// A field that this crate adds to a stored answer: an earlier answer withheld permission to pay
/// again.
pub(super) const WITHHELD: &str = "_withheld";

/// Words for a payment that was sent or paid out: the vendor's, and what others would write.
const WORDS: [&str; 6] = ["done", "mined", "paid", "completed", "settled", "confirmed"];

/// Whether a state is a word for a payment that was sent or paid out.
pub(super) fn is_paid_word(state: &str) -> bool {
    let state = state.trim_matches(|char: char| !char.is_ascii_alphabetic());
    WORDS.iter().any(|word| state.eq_ignore_ascii_case(word))
}

/// Whether a text of any form may be about funds that moved: it contains the form of a hash or
/// receipt, a field with its name, a value such as *done*, or escaped letters that could spell them.
fn may_show_funds(text: &[u8]) -> bool {
    look(text, is_before_a_value)
}

/// The same for the words of a refusal, such as "the payment is done".
fn may_say_funds(text: &[u8]) -> bool {
    let ends_a_word = |before: &[u8]| before.last().is_some_and(u8::is_ascii_alphanumeric);
    look(text, |before| !ends_a_word(before) || is_before_a_value(before))
}

fn look(text: &[u8], is_before: impl Fn(&[u8]) -> bool) -> bool {
    let mut name = Name::default();
    has(text, |last| {
        let (before, after) = (last.to_be_bytes(), *last.to_be_bytes().last().unwrap_or(&b' '));
        let before = &before[..15];
        let is_value = |word: &&str| before.strip_suffix(word.as_bytes()).is_some_and(&is_before);
        let is_name = name.ends_at(before, after) && is_after_a_name(after);
        is_name
            || before.ends_with(b"\\u00") && (b'4'..=b'7').contains(&after)
            || !after.is_ascii_alphanumeric() && WORDS.iter().any(is_value)
    })
}

/// Whether a text is the name of a hash or receipt.
fn names_funds(name: &str) -> bool {
    let mut state = Name::default();
    has(name.as_bytes(), |last| {
        let [before @ .., after] = last.to_be_bytes();
        state.ends_at(&before, after)
    })
}

/// Whether a text contains the form of a hash or receipt.
fn shows_form(text: &str) -> bool {
    has(text.as_bytes(), |_| false)
}

/// The end of a word that contains one of [`NAMES`].
#[derive(Default)]
struct Name(bool);

impl Name {
    fn ends_at(&mut self, before: &[u8], after: u8) -> bool {
        // `e2e` is also a part of hexadecimal numbers.
        let is_number = |it: Option<&u8>| it.is_some_and(u8::is_ascii_hexdigit);
        self.0 |= NAMES.iter().any(|name| {
            before.strip_suffix(name.as_bytes()).is_some_and(|before| {
                *name != "e2e" || !is_number(before.last()) && !is_number(Some(&after))
            })
        });
        let is_end = !after.is_ascii_alphanumeric() && !b"_-".contains(&after);
        is_end && std::mem::take(&mut self.0)
    }
}

/// Whether a text contains the form of a hash or a receipt. Calls `more` after each byte, with the
/// last 16 bytes in lower case; `true` ends the search.
fn has(text: &[u8], mut more: impl FnMut(u128) -> bool) -> bool {
    // UTF-16 has a zero at each ASCII letter.
    let letters = text.iter().filter(|byte| **byte != 0).map(u8::to_ascii_lowercase);
    let (mut last, mut hex, mut digits) = (u128::from_be_bytes([b' '; 16]), 0_u32, 0_u32);
    for byte in letters.chain([b' ']) {
        hex = if byte.is_ascii_hexdigit() { hex + 1 } else { 0 };
        // A Pix receipt is `E`, the bank's 8 digits, and the time in 12.
        digits = match byte {
            b'0'..=b'9' if digits > 0 => digits + 1,
            b'e' => 1,
            _ => 0,
        };
        last = (last << 8) | u128::from(byte);
        if hex == 64 || digits == 21 || more(last) {
            return true;
        }
    }
    false
}

/// Whether a value can begin after these letters: a quote, `>`, `=`, `: `, or an escape.
fn is_before_a_value(before: &[u8]) -> bool {
    matches!(
        before,
        [.., b'"' | b'\'' | b'>' | b'=' | b':' | b'\t']
            | [.., b':', b' ']
            | [.., b'\\', _]
            | [.., b'%', _, _]
    )
}

/// Whether a field's name can end before this letter: in prose, a blank or a full stop follows.
fn is_after_a_name(after: u8) -> bool {
    !matches!(after, b' ' | b'.' | b';' | b')' | b'!' | b'?')
}

/// Whether a body is a page or another document in markup that shows no funds.
fn is_page(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    body.trim_ascii_start().starts_with(b"<") && !may_show_funds(body)
}

/// Whether a body is text: what is packed or encoded is not.
fn is_text(body: &[u8]) -> bool {
    let is_odd = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace() && *byte != 0;
    !body.iter().any(is_odd)
}

/// Whether an answer shows funds outside the fields that are read.
pub(super) fn is_unclear(answer: &str) -> bool {
    let mut is_unclear = false;
    let is_object = object::entries(answer, |name, value| {
        is_unclear |= match (&*name, kind(value)) {
            ("status", Kind::Scalar) => false,
            // The API's message may contain any words, such as *done*.
            ("msg", Kind::Scalar) => shows_form(value.get()) || is_nested(value.get()),
            (WITHHELD, _) => value.get() == "true",
            ("data", Kind::Object) => data_is_unclear(value.get()),
            ("data", _) => !is_empty(value),
            (name, _) => may_be_funds(name, value, LEVELS),
        };
    });
    is_unclear || !is_object
}

fn data_is_unclear(data: &str) -> bool {
    /// The fields of a payment in the vendor's pages. Hashes and receipts are read with any type.
    const READ: [&str; 13] = [
        "address_in",
        "amount_brl",
        "amount_usdt",
        "bank_txid",
        "external_id",
        "kamipay_id",
        "name",
        "operation_id",
        "original_txid",
        "pix_key",
        "refund_txid",
        "status",
        "txid",
    ];
    let mut is_unclear = false;
    let is_object = object::entries(data, |name, value| {
        let is_read =
            READ.contains(&&*name) && (name.ends_with("txid") || kind(value) == Kind::Scalar);
        is_unclear |= !is_read && may_be_funds(&name, value, LEVELS);
    });
    is_unclear || !is_object
}

/// Whether an unknown field may be about funds: by its name, or by a name, a word, or the form of a
/// hash or receipt in its value. Values nested deeper than `levels` may be.
fn may_be_funds(name: &str, value: &RawValue, levels: u32) -> bool {
    let json = value.get();
    // `"paid": true` and `"completed_at": "2026-…"`
    let is_said = || names_a_word(name) && !matches!(json, "false" | "0");
    !is_empty(value) && (names_funds(name) || is_said() || shows_funds(value, levels))
}

/// Whether a field's name is one of [`WORDS`], alone or with the usual additions.
fn names_a_word(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("is_").unwrap_or(&name);
    let name = ["_at", "_on"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    is_paid_word(name)
}

fn shows_funds(value: &RawValue, levels: u32) -> bool {
    let json = value.get();
    let inner = levels.checked_sub(1);
    let mut shows = false;
    match kind(value) {
        Kind::Object => {
            let is_whole = object::entries(json, |name, value| {
                shows = shows
                    || names_funds(&name)
                    || inner.is_none_or(|inner| may_be_funds(&name, value, inner));
            });
            shows |= !is_whole;
        }
        Kind::List => object::each(json, |value| {
            shows = inner.is_none_or(|inner| shows_funds(value, inner));
            !shows
        }),
        Kind::Scalar => {
            let text = serde_json::from_str(json).unwrap_or_else(|_| json.to_owned());
            shows = is_paid_word(&text) || shows_form(&text) || is_nested(&text);
        }
    }
    shows
}

/// Whether a value is `null`, or a text, list or object without content.
pub(super) fn is_empty(value: &RawValue) -> bool {
    let mut dense = value.get().bytes().filter(|byte| !byte.is_ascii_whitespace());
    // The first bytes tell: no value with content begins like one of these.
    let first = [dense.next(), dense.next()].map(Option::unwrap_or_default);
    matches!(first, [b'n', _] | [b'"', b'"'] | [b'[', b']'] | [b'{', b'}'])
}

/// Whether a text contains another document that may be about funds.
fn is_nested(text: &str) -> bool {
    text.contains('{') && may_show_funds(text.as_bytes())
}

#[derive(PartialEq)]
enum Kind {
    Object,
    List,
    Scalar,
}

fn kind(value: &RawValue) -> Kind {
    match value.get().as_bytes().first() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::List,
        _ => Kind::Scalar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `e2e` in a number, and words in prose or in a script.
    const HARMLESS: [&str; 6] = [
        r#"{"message": "Unavailable", "request_id": "30e87ab5f1e2e41f8e2e"}"#,
        "<style>a {color: #e2e8f0; background: #fae2e5}</style>",
        "<script>go(location.hash);</script>",
        "too many requests for this hash bucket",
        "No receipt from the bank.",
        r#"{"request_id": "e2e41f30-87ab-4e2e-9e2e-0123456789ab"}"#,
    ];

    #[test]
    fn words_about_funds_are_found_in_any_form() {
        let utf_16: Vec<u8> = "bank_txid:".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for text in [
            &b"txid=0x1"[..],
            b"<Bank_TxId>",
            b"\"receiptNumber\": 5",
            b"pix_e2e_id: E1",
            b"status,txid\ndone,0x1",
            b"{'status': 'done'}",
            b"status=DONE",
            b"\"b\\u0061nk\"",
            &utf_16,
        ] {
            assert!(may_show_funds(text), "{text:?}");
        }
        for text in
            [&b""[..], b"abandoned", b"<html>Bad Gateway</html>", b"Jos\\u00e9", b"TX not found"]
                .into_iter()
                .chain(HARMLESS.map(str::as_bytes))
        {
            assert!(!may_show_funds(text), "{text:?}");
        }
    }

    #[test]
    fn funds_outside_the_known_fields_make_an_answer_unclear() {
        for clear in [
            r#"{"status": "failed", "msg": "TX not found"}"#,
            r#"{"status": "failed", "msg": "TX not found", "data": {}}"#,
            r#"{"status": "ok", "data": {"status": "done", "txid": ["a"], "bank_txid": 5}}"#,
            r#"{"status": "ok", "msg": "done", "trace": {"id": 1}, "data": {"fee_txid": null}}"#,
            r#"{"status": "failed", "msg": "TX not found", "request_id": "30e87ab5f1e2e41f"}"#,
            r#"{"status": "ok", "data": {"error_message": "No receipt from the bank"}}"#,
            r#"{"status": "ok", "data": {"fees": {"paid": false, "settled": 0, "done": null}}}"#,
            r#"{"status": "ok", "data": {"x": {"prepaid": true}}}"#,
        ] {
            assert!(!is_unclear(clear), "{clear}");
        }
        for unclear in [
            r#"{"status": "ok", "bank_txid": "E1", "data": {"status": "canceled"}}"#,
            r#"{"status": "failed", "Txid": "0x1"}"#,
            r#"{"status": "success", "payment": {"status": "done"}}"#,
            r#"{"status": "ok", "data": {"status": ["done"]}}"#,
            r#"{"status": "ok", "data": {"status": "x", "payment": {"txid": null}}}"#,
            r#"{"status": "failed", "data": "{\"txid\": \"0x1\"}"}"#,
            r#"{"status": "failed", "data": [{"status": "done"}]}"#,
            r#"{"status": "failed", "msg": "{\"txid\": \"0x1\"}"}"#,
            r#"{"status": "ok", "data": {"bank_t\u0078id_": "E1"}}"#,
            r#"{"status": "ok", "data": {"x": [{"y": "E0123456720260514150012345678901"}]}}"#,
            r#"{"status": "ok", "data": {"x": {"state": "Done"}}}"#,
            r#"{"_withheld": true, "status": "ok"}"#,
            r#"{"status": "ok", "data": {"status": "canceled", "x": {"paid": true}}}"#,
            r#"{"status": "ok", "data": {"is_paid": true}}"#,
            r#"{"status": "ok", "data": {"completed_at": "2026-05-14T15:00:00Z"}}"#,
            r#"{"status": "ok", "data": {"x": {"\ud800": 1, "txid": "0x1"}}}"#,
            r#"{"status": "ok", "data": {"x": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}}"#,
            "[]",
        ] {
            assert!(is_unclear(unclear), "{unclear}");
        }
    }
}
