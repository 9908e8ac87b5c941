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
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
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

fn hide(secret: &str, text: &str) -> String {
    let mut secrets = Secrets::default();
    secrets.add(secret);
    secrets.hide(text).into_owned()
}

/// Escapes each UTF-16 unit, of all characters or of those that are not alphanumeric.
fn units(text: &str, form: impl Fn(u16) -> String, all: bool) -> String {
    let escape = |char: char| -> String {
        if char.is_ascii_alphanumeric() && !all {
            return char.to_string();
        }
        char.encode_utf16(&mut [0; 2]).iter().map(|unit| form(*unit)).collect()
    };
    text.chars().map(escape).collect()
}

/// The escapes that servers use, some of them twice.
const ESCAPES: [fn(&str) -> String; 13] = [
    |text| percent(text, true),
    |text| percent(text, false),
    |text| percent(text, false).replace("%20", "+"),
    |text| units(text, |unit| format!("%u{unit:04X}"), true),
    |text| {
        let json = serde_json::to_string(text).unwrap();
        json[1..json.len() - 1].to_owned()
    },
    |text| units(text, |unit| format!("\\u{unit:04x}"), false),
    |text| units(text, |unit| format!("\\u{unit:04X}"), true),
    |text| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;"),
    |text| text.chars().map(|char| format!("&#{};", u32::from(char))).collect(),
    |text| text.chars().map(|char| format!("&#x{:X};", u32::from(char))).collect(),
    |text| text.chars().map(|char| format!("&#{:040};", u32::from(char))).collect(),
    |text| units(text, |unit| format!("&#{unit};"), false),
    named,
];

fn named(text: &str) -> String {
    let names = "& amp ! excl \" quot # num $ dollar % percnt ' apos ( lpar ) rpar * ast + plus , comma \
                 . period / sol : colon ; semi < lt = equals > gt ? quest @ commat [ lbrack \\ bsol \
                 ] rsqb ^ Hat _ lowbar ` grave { lbrace | vert } rcub ä auml Ä Auml ß szlig ÿ yuml \
                 ÷ divide × times ç ccedil Ç Ccedil § sect Þ THORN";
    let names: Vec<&str> = names.split(' ').collect();
    let name = |char: char| match names.chunks(2).find(|it| it[0] == char.to_string()) {
        Some(name) => format!("&{};", name[1]),
        None => char.to_string(),
    };
    text.chars().map(name).collect()
}

#[test]
fn a_secret_is_hidden_in_each_escape_and_in_two_of_them() {
    for secret in [
        TOKEN,
        PASSWORD,
        "p\u{1f511}ss-w0rd",
        "correct\u{1f511}horse\u{1f511}battery",
        "pässwörd",
        "ÄÖÜ-Çedilha",
        "hunter2'x",
        "hunter%2",
        "1+2+3",
        "a b c",
        "++++",
        "C:\\new\\dir & %41%42c",
        "h\u{8}unt\u{c}er2",
        "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
        "äÄßÿ÷×çǧÞ",
    ] {
        for first in ESCAPES {
            let once = first(secret);
            assert_eq!(hide(secret, &format!("<{once}>")), "<***>", "{secret} in {once}");
            for second in ESCAPES {
                let twice = second(&once);
                assert_eq!(hide(secret, &format!("<{twice}>")), "<***>", "{secret} in {twice}");
            }
        }
    }
}

#[test]
fn a_secret_in_json_is_hidden_however_it_is_escaped() {
    for secret in ["p\u{1f511}ss-w0rd", "pässwörd", "1+2+3", TOKEN] {
        let mut secrets = Secrets::default();
        secrets.add(secret);
        for form in [ESCAPES[4], ESCAPES[5], ESCAPES[6]] {
            let json = format!("{{\"note\": \"pw {}\"}}", form(secret));
            let hidden = secrets.hider().unwrap().hide_json(&json).into_owned();
            assert_eq!(hidden, r#"{"note": "pw ***"}"#, "{json}");
        }
    }
}

/// The bytes of a secret as a request contains them: as they are, in the form of a login, in JSON.
fn sent(secret: &str) -> [String; 3] {
    let form = form_urlencoded::Serializer::new(String::new()).append_pair("", secret).finish();
    let json = serde_json::to_string(secret).unwrap();
    [secret.to_owned(), form[1..].to_owned(), json[1..json.len() - 1].to_owned()]
}

#[test]
fn a_secret_inside_a_longer_base64_text_is_hidden() {
    for secret in [TOKEN, PASSWORD, "1234", "&&&&", "hunt", "hunter", "hunter2", "p\"a\\s s"] {
        let mut secrets = Secrets::default();
        secrets.add(secret);
        for sent in sent(secret) {
            for before in ["", "u", "me", "user:", "Bearer "] {
                for after in ["", "x", "xy", "\"}"] {
                    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                        let echo = engine.encode(format!("{before}{sent}{after}"));
                        let hidden = secrets.hide(&echo);
                        let shown = hidden.replace(MASK, "");
                        let around = (before.len() + after.len()) * 4 / 3;
                        assert!(hidden.contains(MASK), "{secret} in {echo}");
                        // Of a character between two bytes, at each end.
                        assert!(shown.len() <= around + 4, "{secret} in {echo}: {hidden}");
                    }
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
fn a_short_secret_is_hidden_only_whole_and_one_under_four_bytes_never() {
    assert_eq!(hide("hunter2", "not Hunter2, and hunter3"), "not ***, and hunter3");
    assert_eq!(hide("1234", "pin=1234&x=12345"), "pin=***&x=***5");
    assert_eq!(
        hide("password1", "Incorrect username or password"),
        "Incorrect username or password"
    );
    for tiny in ["", "a", "abc", "+ +"] {
        assert_eq!(hide(tiny, "a message  about abc"), "a message  about abc", "{tiny}");
    }
    // Without white space and `+` these are under four bytes, and are found only with it.
    for (secret, echo) in [("1+2+3", "1 2%2b3"), ("a b c", "A+b%20c"), ("+ab ", "%2Bab%20")] {
        assert_eq!(hide(secret, "a message about abc and 123"), "a message about abc and 123");
        assert_eq!(hide(secret, &format!("<{echo}>")), "<***>");
    }
}

#[test]
fn the_last_24_tokens_are_hidden() {
    let mut secrets = Secrets::default();
    secrets.add("a password");
    for n in 10..40 {
        secrets.add_token(&format!("token-number-{n}"));
    }
    let seen = |secrets: &Secrets, n: u32| secrets.hide(&format!("<token-number-{n}>")) != "<***>";
    assert!((10..40).all(|n| seen(&secrets, n) == (n < 16)));
    // The same token again takes no place from another one.
    for _ in 0..30 {
        secrets.add_token("token-number-16");
    }
    assert!((10..40).all(|n| seen(&secrets, n) == (n < 16)));
    // Their total length is limited, too.
    secrets.add_token(&"long".repeat(TOKENS_LENGTH / 4 - 5));
    assert!((10..40).all(|n| seen(&secrets, n) == (n != 16)));
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
    assert_eq!(hidden, r#"{"amount": "***", "id": "***"}"#);
    for (json, expected) in [
        ("12345678", r#""***""#),
        ("[12345678,-12345678, 1.25]", r#"["***","***", 1.25]"#),
        (
            r#"{"a":0.12345678e3,"b\"":[true,null,1234567]}"#,
            r#"{"a":"***","b\"":[true,null,1234567]}"#,
        ),
    ] {
        assert_eq!(digits.hider().unwrap().hide_json(json), expected);
    }
    assert_eq!(hider.hide_json("{\"a"), "{\"a");
    assert_eq!(hider.hide_json("{\"a\\"), "{\"a\\");
}

proptest! {
    #[test]
    fn any_secret_is_hidden_in_each_escape_and_in_two_of_them(
        secret in "Q[a-fnuxÄä🔑 +%\\\\&#;0-9\"<.]{0,12}z7k!",
        first in prop::sample::select(&ESCAPES[..]),
        second in prop::sample::select(&ESCAPES[..]),
    ) {
        let once = first(&secret);
        prop_assert_eq!(hide(&secret, &format!("<{once}>")), "<***>", "{} in {}", secret, once);
        let twice = second(&once);
        prop_assert_eq!(hide(&secret, &format!("<{twice}>")), "<***>", "{} in {}", secret, twice);
    }

    #[test]
    fn no_text_panics_and_text_without_secrets_is_unchanged(
        secret in "\\PC{0,40}", text in "[ -~é…\\n]{0,60}", escapes in "[%\\\\&#xu0-9a-f;]{0,40}",
        number in "-?(0|[1-9][0-9]{0,9})([.][0-9]{1,4})?(e[+-]?[0-9])?",
    ) {
        let mut secrets = Secrets::default();
        secrets.add(&secret);
        for text in [&text, &escapes] {
            let _ = secrets.hide(text);
            if let Some(hider) = secrets.hider() {
                let json = serde_json::to_string(text).unwrap();
                let hidden = hider.hide_json(&json).into_owned();
                prop_assert!(serde_json::from_str::<String>(&hidden).is_ok(), "{}", hidden);
                let json = format!("{{{json}: [{number}, {json}, {{}}]}}");
                let hidden = hider.hide_json(&json).into_owned();
                prop_assert!(serde_json::from_str::<serde_json::Value>(&hidden).is_ok(), "{}", hidden);
                let _ = hider.hide_json(text);
            }
            prop_assert_eq!(Secrets::default().hide(text), text.as_str());
        }
        let hidden = secrets.hide(&secret).into_owned();
        prop_assert!(secret.len() < SHORTEST || hidden.contains(MASK), "{}", hidden);
    }
}
