//! Requests and answers without secrets and personal data, for a trace.
//!
//! A field is shown only if its name is known to be harmless. The API adds fields without notice, so a
//! list of what to hide would miss the next one.

use kamipay_ureq::proto::http::HeaderMap;
use kamipay_ureq::proto::{Api, BaseUrl};
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use crate::fields::Fields;

/// What stands in place of a hidden value.
const MASK: &str = "***";

/// Fields, parameters and headers with such a word in their name are hidden with all that is in them.
const PERSONAL: [&str; 31] = [
    "name",
    "document",
    "doc_",
    "cpf",
    "cnpj",
    "tax",
    "mail",
    "phone",
    "mobile",
    "key",
    "account",
    "owner",
    "holder",
    "payer",
    "payee",
    "recipient",
    "receiver",
    "sender",
    "beneficiary",
    "customer",
    "user",
    "pass",
    "token",
    "secret",
    "emv",
    "qr",
    "birth",
    "person",
    "identity",
    "device",
    "rg_",
];

/// Names of values that are shown.
const SHOWN: [&str; 44] = [
    "id",
    "status",
    "state",
    "type",
    "kind",
    "msg",
    "message",
    "detail",
    "loc",
    "code",
    "error",
    "error_code",
    "error_category",
    "error_message",
    "reason",
    "count",
    "total",
    "limit",
    "offset",
    "page",
    "amount",
    "rate",
    "price",
    "fee",
    "brl_requested",
    "usdt_credited",
    "currency",
    "chain",
    "network",
    "pair",
    "target",
    "txid",
    "tx_hash",
    "transaction_hash",
    "date",
    "timestamp",
    "expire",
    "expires_in",
    "token_type",
    "start_epoch",
    "end_epoch",
    "start",
    "end",
    "scope",
];

/// Ends of the names of values that are shown.
const SHOWN_ENDS: [&str; 12] = [
    "_id",
    "_ids",
    "txid",
    "_hash",
    "_amount",
    "_currency",
    "_at",
    "_date",
    "_datetime",
    "_timestamp",
    "_epoch",
    "_status",
];

/// Names of texts in which the API may repeat what it was sent.
const MESSAGES: [&str; 7] = ["msg", "message", "detail", "error", "error_message", "reason", "loc"];

/// Headers that are shown.
const HEADERS: [&str; 15] = [
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "cache-control",
    "date",
    "age",
    "via",
    "server",
    "retry-after",
    "x-request-id",
    "x-kong-request-id",
    "cf-ray",
    "x-cache",
    "connection",
];

/// The deepest part of a document that is shown.
const DEEPEST: usize = 32;

/// Hides secrets and personal data in one request and its answer.
pub(crate) struct Mask {
    /// Hides what was found to be secret or personal in other parts of the same exchange.
    known: Api,
    found: Vec<String>,
}

impl Mask {
    pub(crate) fn new() -> Self {
        let nowhere: BaseUrl = "http://localhost".parse().expect("a base URL");
        Self { known: Api::anonymous(nowhere), found: Vec::new() }
    }

    /// Looks for values that must not be shown anywhere.
    pub(crate) fn learn(&mut self, headers: &HeaderMap, query: &str, body: &[u8]) {
        if let Some(token) = headers.get("authorization").and_then(|it| it.to_str().ok()) {
            self.remember(token.split(' ').next_back().unwrap_or(token));
        }
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !is_shown(&name) {
                self.remember(&value);
            }
        }
        match serde_json::from_slice::<&RawValue>(body) {
            Ok(value) => {
                self.json(None, value, 0);
            }
            Err(_) => {
                self.form(body);
            }
        }
        for found in std::mem::take(&mut self.found) {
            self.known = std::mem::replace(&mut self.known, Self::new().known).hiding(&found);
        }
    }

    fn remember(&mut self, value: &str) {
        const MOST: usize = 500; // a page of rows has no message that repeats them
        if value.len() > 2 && self.found.len() < MOST {
            self.found.push(value.to_owned());
        }
    }

    /// The headers as JSON.
    pub(crate) fn headers(&self, headers: &HeaderMap) -> Fields {
        let mut shown = Fields::default();
        for (name, value) in headers {
            let value = value.to_str().ok().filter(|_| HEADERS.contains(&name.as_str()));
            shown = shown
                .with(name.as_str(), &value.map_or_else(|| MASK.to_owned(), |it| self.text(it)));
        }
        shown
    }

    /// A path and its query.
    pub(crate) fn target(&mut self, path: &str, query: Option<&str>) -> String {
        let path = percent_decode_str(path).decode_utf8_lossy();
        let parts: Vec<String> = path.split('/').map(|part| self.text(part)).collect();
        let path = parts.join("/");
        match query {
            Some(query) => format!("{path}?{}", self.pairs(query.as_bytes())),
            None => path,
        }
    }

    /// A body as JSON: a JSON document, a form, or the size of anything else.
    pub(crate) fn body(&mut self, body: &[u8]) -> String {
        if body.is_empty() {
            return "null".to_owned();
        }
        let text = match serde_json::from_slice::<&RawValue>(body) {
            Ok(value) => return self.json(None, value, 0),
            Err(_) => self.form(body),
        };
        quoted(&text.unwrap_or_else(|| format!("{MASK} ({} bytes, not JSON)", body.len())))
    }

    /// The body of the login.
    fn form(&mut self, body: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(body).ok()?;
        let is_form = text.contains('=') && !text.contains(['<', '{', '\n', ' ']);
        is_form.then(|| self.pairs(body))
    }

    fn pairs(&mut self, pairs: &[u8]) -> String {
        let mut shown = Vec::new();
        for (name, value) in form_urlencoded::parse(pairs) {
            let value = match is_shown(&name) {
                true => self.text(&value),
                false => {
                    self.remember(&value);
                    MASK.to_owned()
                }
            };
            shown.push(format!("{}={value}", self.name(&name)));
        }
        shown.join("&")
    }

    /// A JSON value with this name, or with that of the list it is in.
    fn json(&mut self, name: Option<&str>, value: &RawValue, depth: usize) -> String {
        let text = value.get();
        let is_hidden = |name| !is_shown(name);
        match text.as_bytes().first() {
            Some(b't' | b'f' | b'n') => text.to_owned(),
            _ if depth > DEEPEST => quoted(MASK),
            Some(b'{') if name.is_none_or(|name| !is_personal(name)) => {
                let fields: Fields = serde_json::from_str(text).unwrap_or_default();
                let mut shown = Vec::new();
                for (key, value) in &fields.0 {
                    let value = self.json(Some(key), value, depth + 1);
                    shown.push(format!("{}:{value}", quoted(&self.name(key))));
                }
                format!("{{{}}}", shown.join(","))
            }
            Some(b'[') if name.is_none_or(|name| !is_personal(name)) => {
                let values: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
                let shown: Vec<_> =
                    values.iter().map(|value| self.json(name, value, depth + 1)).collect();
                format!("[{}]", shown.join(","))
            }
            Some(b'"') => {
                let string: String = serde_json::from_str(text).unwrap_or_default();
                match name {
                    _ if string.is_empty() => quoted(""),
                    Some(name) if is_shown(name) && is_message(name) => {
                        quoted(&self.text(&self.known.secrets().hide(&string)))
                    }
                    Some(name) if is_shown(name) => quoted(&self.text(&string)),
                    _ => {
                        self.remember(&string);
                        quoted(MASK)
                    }
                }
            }
            _ if name.is_none_or(is_hidden) || without_numbers(text) != text => {
                self.remember(text);
                quoted(MASK)
            }
            _ => text.to_owned(),
        }
    }

    /// A name is shown if it looks like one.
    fn name(&self, name: &str) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        match name.len() <= 64 && name.bytes().all(plain) {
            true => self.text(name),
            false => MASK.to_owned(),
        }
    }

    /// A text without e-mail addresses, documents, phone numbers, tokens and QR codes.
    fn text(&self, text: &str) -> String {
        if text.starts_with("0002") && text.len() > 20 {
            return MASK.to_owned(); // the payload of a Pix QR code
        }
        let text = without_words(text);
        if is_time(&text) { text } else { without_numbers(&text) }
    }
}

fn is_personal(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name != "token_type" && PERSONAL.iter().any(|word| name.contains(word))
}

fn is_message(name: &str) -> bool {
    MESSAGES.contains(&name.to_ascii_lowercase().as_str())
}

fn is_shown(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    !is_personal(name)
        && (SHOWN.contains(&lower.as_str())
            || lower.starts_with("amount_")
            || SHOWN_ENDS.iter().any(|end| lower.ends_with(end)))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `2026-05-01T12:00:00.1234567-03:00` has digits like a document.
fn is_time(text: &str) -> bool {
    let shape = shape(text);
    let rest = shape.strip_prefix("dddd-dd-dd").map(|rest| rest.split_at(rest.len().min(1)));
    let Some((between, rest)) = rest else { return false };
    matches!(between, "a" | " ")
        && rest.starts_with("dd:dd")
        && rest.len() <= 30
        && rest.chars().all(|char| "d:.+-a".contains(char))
        && rest.matches('a').count() <= 1
}

/// A character for each byte: `d` for a digit, `a` for a letter, and itself for other ASCII.
fn shape(text: &str) -> String {
    let of = |byte: u8| match byte {
        b'0'..=b'9' => 'd',
        b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => 'a',
        other => char::from(other),
    };
    text.bytes().map(of).collect()
}

/// Hides words with an `@`, and JWTs.
fn without_words(text: &str) -> String {
    let is_part = |char: char| char.is_alphanumeric() || "._%+-@'=".contains(char);
    let (mut shown, mut word) = (String::new(), String::new());
    let end = |word: &mut String, shown: &mut String| {
        let is_hidden = word.contains('@') || word.contains("eyJ");
        shown.push_str(if is_hidden { MASK } else { word });
        word.clear();
    };
    for char in text.chars() {
        if is_part(char) {
            word.push(char);
        } else {
            end(&mut word, &mut shown);
            shown.push(char);
        }
    }
    end(&mut word, &mut shown);
    shown
}

/// CPF, CNPJ and phone numbers, with their usual punctuation. The longer ones come first.
const NUMBERS: [&str; 21] = [
    "dd.ddd.ddd/dddd-dd",
    "dd.ddd.ddd/dddddd",
    "dddddddd/dddd-dd",
    "dddddddd/dddddd",
    "dddddddddddd-dd",
    "dddddddddddddd",
    "(dd) ddddd-dddd",
    "(dd) dddd-dddd",
    "(dd)ddddd-dddd",
    "(dd)dddd-dddd",
    "(dd) ddddddddd",
    "(dd) dddddddd",
    "(dd)ddddddddd",
    "ddd.ddd.ddd-dd",
    "ddd ddd ddd dd",
    "ddd.ddd.ddd.dd",
    "dd ddddd-dddd",
    "dd ddddd dddd",
    "ddddddddd-dd",
    "ddddddddddd",
    "ddddd-dddd",
];

/// Hides documents and phone numbers.
fn without_numbers(text: &str) -> String {
    let shape = shape(text);
    let bytes = shape.as_bytes();
    let is_part = |at: usize| matches!(bytes.get(at), Some(b'd' | b'a'));
    // `140.69814800` is an amount.
    let is_fraction = |from: usize, to: usize| {
        from >= 2 && bytes[from - 1] == b'.' && bytes[from - 2] == b'd'
            || bytes.get(to) == Some(&b'.') && bytes.get(to + 1) == Some(&b'd')
    };
    let (mut shown, mut at) = (String::new(), 0);
    while at < text.len() {
        let starts = at == 0 || !is_part(at - 1);
        let length = if starts { number_at(text, &shape, at) } else { None };
        match length {
            Some(length) if !is_part(at + length) && !is_fraction(at, at + length) => {
                shown.push_str(MASK);
                at += length;
            }
            _ => {
                let char = text[at..].chars().next().unwrap_or_default();
                shown.push(char);
                at += char.len_utf8();
            }
        }
    }
    shown
}

/// The length of the document or phone number at this place.
fn number_at(text: &str, shape: &str, at: usize) -> Option<usize> {
    let rest = &shape[at..];
    if let Some(number) = rest.strip_prefix('+') {
        let length = number.find(|char| !"d ()-.".contains(char)).unwrap_or(number.len());
        let number = number[..length].trim_end_matches([' ', '(', ')', '-', '.']);
        let digits = number.matches('d').count();
        return (digits >= 8).then_some(number.len() + 1);
    }
    let digits = rest.find(|char| char != 'd').unwrap_or(rest.len());
    // With the country's number, as other digits of that length have another beginning.
    if matches!(digits, 12 | 13) && text[at..].starts_with("55") {
        return Some(digits);
    }
    let longest = NUMBERS
        .iter()
        .find(|number| rest.starts_with(**number) && !rest[number.len()..].starts_with(['d', 'a']));
    longest.map(|number| number.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(json: &str) -> String {
        let mut mask = Mask::new();
        mask.learn(&HeaderMap::new(), "", json.as_bytes());
        mask.body(json.as_bytes())
    }

    /// Some gateways write `Message`.
    #[test]
    fn what_was_hidden_is_hidden_in_a_message_of_any_case() {
        for name in ["message", "Message", "DETAIL"] {
            let json = format!(r#"{{"name":"Maria Silva","{name}":"no account of Maria Silva"}}"#);
            assert!(!masked(&json).contains("Maria"), "{}", masked(&json));
        }
    }

    #[test]
    fn no_field_of_a_person_is_shown() {
        for field in [
            "name",
            "payer_name",
            "recipient_name",
            "beneficiaryName",
            "full_name",
            "pix_key",
            "key",
            "reformated_key",
            "document",
            "payer_document",
            "cpf",
            "CPF",
            "cnpj",
            "tax_id",
            "payer_id",
            "customer_id",
            "bank_account_nr",
            "account_id",
            "branch",
            "email",
            "e_mail",
            "phone",
            "mobile_phone",
            "username",
            "password",
            "access_token",
            "refresh_token",
            "client_secret",
            "api_key",
            "emv",
            "qr_code",
            "external_data",
            "external_reference",
            "transfer_description",
            "settlement_message",
            "address_to",
            "bank",
            "input",
            "birth_date",
            "rg_id",
            "person_id",
            "value",
            "a_field_that_came_yesterday",
        ] {
            for value in [r#""Maria Q. Silva""#, "690581300", r#"["Maria Q. Silva"]"#] {
                let nested = format!(r#"{{"data":{{"items":[{{"{field}":{value}}}]}}}}"#);
                for json in [format!(r#"{{"{field}": {value}}}"#), nested] {
                    let shown = masked(&json);
                    assert!(!shown.contains("Silva") && !shown.contains("690"), "{shown}");
                    assert!(shown.contains(field) && shown.contains(MASK), "{shown}");
                }
            }
        }
        // All that is in a person, also what is harmless elsewhere.
        let shown = masked(r#"{"payer": {"id": 7, "status": "x"}, "owners": [{"id": 7}]}"#);
        assert_eq!(shown, r#"{"payer":"***","owners":"***"}"#);
        assert_eq!(masked(r#"["Maria"]"#), r#"["***"]"#);
        assert_eq!(masked(r#""Maria""#), r#""***""#);
    }

    #[test]
    fn what_support_needs_is_shown_with_its_digits() {
        let json = r#"{"status":"done","amount":140.69814800,"usdt_amount":"0.10000000000000000001","created_at":"2026-05-01T12:00:00.1234567-03:00","lot_id":"9c030c8b-6d68-445b-8048-1bacd91012fa","transaction_hash":"0x812f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf","operation_id":"1692110031865","kamipay_id":"txc_01jranqegkf509bq5svh03ztt8","total":1000,"limit":1e400,"ok":true,"more":null,"bank_txid":"E607Q5A3F-1572","amount_brl":4.10,"amount_usdt":"0.81","items":[],"nothing":{}}"#;
        assert_eq!(masked(json), json);
    }

    #[test]
    fn documents_phones_and_mails_are_found_in_any_text() {
        for personal in [
            "maria@example.com",
            "m.silva+pix@sub.example.com.br",
            "joão@exemplo.com",
            "123.456.789-09",
            "12345678909",
            "123456789-09",
            "123 456 789 09",
            "12.345.678/0001-95",
            "12345678000195",
            "12345678/0001-95",
            "+5511999999999",
            "+55 11 99999-9999",
            "+55 (11) 99999-9999",
            "+54 9 11 2345-6789",
            "5511999999999",
            "551133334444",
            "(11) 99999-9999",
            "(11)99999-9999",
            "(11) 3333-4444",
            "11 99999-9999",
            "99999-9999",
            "11999999999",
            "00020126580014br.gov.bcb.pix0136",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtYXJpYSJ9.c2ln",
        ] {
            for text in [
                personal.to_owned(),
                format!("key {personal} is not valid"),
                format!("({personal})"),
                format!("x:{personal}, y"),
                format!("<{personal}>"),
                format!("2026-05-01 {personal}"),
                format!("2026-05-01T12:00:00Z {personal}"),
            ] {
                if personal.starts_with("0002") && text != personal {
                    continue; // a QR code is a text of its own
                }
                for field in ["msg", "detail", "external_id", "status"] {
                    let value = quoted(&text);
                    let shown = masked(&format!(r#"{{"{field}": {value}}}"#));
                    let bare = personal.trim_start_matches(['+', '(']);
                    assert!(!shown.contains(&bare[..8]), "{shown}");
                }
                let shown = Mask::new().target(&format!("/v1/x/{}", text.replace('/', "")), None);
                assert!(!shown.contains("9999-9") && !shown.contains('@'), "{shown}");
            }
        }
        for harmless in [
            "TX not found",
            "140.69814800",
            "123456.78901",
            "1767225600",
            "1692110031865",
            "2026-05-01",
            "page 12 of 100",
            "txc_01jranqegkf509bq5svh03ztt8",
            "0.5",
            "3.9.1",
            "order-12345678909x",
            "1.5-2.5",
            "not a number: 12",
            "",
        ] {
            assert_eq!(
                masked(&format!(r#"{{"msg":{}}}"#, quoted(harmless))),
                format!(r#"{{"msg":{}}}"#, quoted(harmless))
            );
        }
        assert_eq!(masked(r#"{"operation_id": 12345678909}"#), r#"{"operation_id":"***"}"#);
        assert_eq!(
            masked(r#"{"maria@example.com": 1, "João S": 2}"#),
            r#"{"***":"***","***":"***"}"#
        );
    }

    #[test]
    fn a_message_does_not_repeat_what_is_hidden_elsewhere() {
        let mut mask = Mask::new();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer s3cret-of-ours".parse().unwrap());
        mask.learn(&headers, "pix_key=9c030c8b-6d68-445b-8048-1bacd91012fa&id=7", b"");
        mask.learn(&HeaderMap::new(), "", br#"{"payer_name": "Maria Silva"}"#);
        let body = br#"{"detail": "MARIA SILVA: key 9c030c8b-6d68-445b-8048-1bacd91012fa, token s3cret-of-ours"}"#;
        assert_eq!(mask.body(body), r#"{"detail":"***: key ***, token ***"}"#);
        let shown = serde_json::to_string(&mask.headers(&headers)).unwrap();
        assert_eq!(shown, r#"{"authorization":"***"}"#);
        let target = mask.target("/v1/p/a%40b.c", Some("pix_key=a&target=x&limit=5&unknown=u"));
        assert_eq!(target, "/v1/p/***?pix_key=***&target=x&limit=5&unknown=***");
    }

    #[test]
    fn other_bodies_are_not_shown() {
        let body = |body: &str| Mask::new().body(body.as_bytes());
        assert_eq!(body("username=maria&password=pa55"), r#""username=***&password=***""#);
        assert_eq!(body(""), "null");
        for other in ["<html>Maria</html>", "Maria", "{\"name\": \"Maria", "a=Maria b"] {
            assert_eq!(body(other), format!(r#""*** ({} bytes, not JSON)""#, other.len()));
        }
        let deep = format!("{}\"Maria\"{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(!body(&deep).contains("Maria"));
        let deep = format!("{}1{}", "{\"id\":".repeat(100_000), "}".repeat(100_000));
        assert!(body(&deep).len() < 1000);
    }
}
