//! Answers that may show more than can be read. They withhold permission to pay again.
//!
//! No value is taken from such an answer: a value can hide in too many forms to search for it.

use serde_json::value::RawValue;

use crate::wire::object;

/// Whether a text of any form may be about funds that moved: it contains the name of a hash or
/// receipt, the word *done*, or escaped letters that could spell them.
pub(super) fn may_show_funds(text: &[u8]) -> bool {
    // UTF-16 has a zero at each ASCII letter.
    let letters = text.iter().filter(|byte| **byte != 0).map(u8::to_ascii_lowercase);
    let mut last = u64::from(b' ');
    for byte in letters.chain([b' ']) {
        last = (last << 8) | u64::from(byte);
        let [_, _, before, a, b, c, d, after] = last.to_be_bytes();
        let is_word = !before.is_ascii_alphabetic() && !after.is_ascii_alphabetic();
        match &[a, b, c, d] {
            b"done" if is_word => return true,
            b"\\u00" if (b'4'..=b'7').contains(&after) => return true,
            _ if [b, c, d, after] == *b"txid" => return true,
            _ => {}
        }
    }
    false
}

/// Whether a body is an HTML page: a proxy's or a captive portal's.
pub(super) fn is_page(body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    let begins = |with: &str| {
        body.get(..with.len()).is_some_and(|it| it.eq_ignore_ascii_case(with.as_bytes()))
    };
    begins("<!doctype html") || begins("<html")
}

/// Whether an answer shows funds outside the fields that are read.
pub(super) fn is_unclear(answer: &str) -> bool {
    let mut is_unclear = false;
    let is_object = object::entries(answer, |name, value| {
        is_unclear |= match (&*name, kind(value)) {
            ("status", Kind::Scalar) => false,
            // The API's message may contain any words, such as *done*.
            ("msg", Kind::Scalar) => value.get().to_ascii_lowercase().contains("txid"),
            ("data", Kind::Object) => data_is_unclear(value.get()),
            (name, _) => may_be_funds(name, value),
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
        is_unclear |= !is_read && may_be_funds(&name, value);
    });
    is_unclear || !is_object
}

/// Whether an unknown field may be about funds.
fn may_be_funds(name: &str, value: &RawValue) -> bool {
    let is_there = !matches!(value.get(), "null" | "\"\"" | "[]" | "{}");
    is_there && may_show_funds(name.as_bytes()) || may_show_funds(value.get().as_bytes())
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

    #[test]
    fn words_about_funds_are_found_in_any_form() {
        let utf_16: Vec<u8> = "bank_txid".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for text in [
            &b"txid"[..],
            b"<Bank_TxId>",
            b"{'status': 'done'}",
            b"status=DONE",
            b"\"b\\u0061nk\"",
            &utf_16,
        ] {
            assert!(may_show_funds(text), "{text:?}");
        }
        for text in
            [&b""[..], b"abandoned", b"<html>Bad Gateway</html>", b"Jos\\u00e9", b"TX not found"]
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
            "[]",
        ] {
            assert!(is_unclear(unclear), "{unclear}");
        }
    }
}
