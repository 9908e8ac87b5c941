//! Bearer tokens: issued, checked, expired.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::mix::mix;

pub(crate) const USERNAME: &str = "merchant@example.com";
pub(crate) const PASSWORD: &str = "correct+horse=battery";
pub(crate) const FIRST_TOKEN: &str = "sandbox-token-accepted-from-the-start";

/// The tokens that are accepted.
#[derive(Clone)]
pub(crate) struct Tokens {
    life: TimeDelta,
    first_accepted: bool,
    issued: u64,
    /// With the time of their end.
    accepted: HashMap<String, DateTime<Utc>>,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        let (life, accepted) = (TimeDelta::hours(1), HashMap::new());
        Self { life, first_accepted: true, issued: 0, accepted }
    }

    pub(crate) fn set_life(&mut self, life: TimeDelta) {
        self.life = life;
    }

    pub(crate) fn issue(&mut self, now: DateTime<Utc>) -> String {
        let end = now.checked_add_signed(self.life).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let token = jwt(self.issued, now.timestamp(), end.timestamp());
        self.issued += 1;
        self.accepted.insert(token.clone(), end);
        token
    }

    pub(crate) fn expire_all(&mut self) {
        self.first_accepted = false;
        self.accepted.clear();
    }

    pub(crate) fn accept(&self, token: &str, now: DateTime<Utc>) -> bool {
        let is_accepted = |end: &DateTime<Utc>| now.timestamp() < end.timestamp();
        token == FIRST_TOKEN && self.first_accepted
            || self.accepted.get(token).is_some_and(is_accepted)
    }
}

/// A JWT with a made-up signature: its holder cannot check it.
fn jwt(number: u64, issued: i64, expires: i64) -> String {
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let claims = json!({ "sub": USERNAME, "iat": issued, "exp": expires, "jti": number });
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signature: Vec<u8> = (0..4)
        .scan(mix(number) ^ mix(issued.unsigned_abs()) ^ expires.unsigned_abs(), |state, _| {
            *state = mix(*state);
            Some(state.to_be_bytes())
        })
        .flatten()
        .collect();
    format!("{signed}.{}", encode(signature))
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_token_lives_for_an_hour() {
        let mut tokens = Tokens::new();
        let token = tokens.issue(time(1_000));
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        let expected = json!({ "sub": USERNAME, "iat": 1_000, "exp": 4_600, "jti": 0 });
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&claims).unwrap(), expected);
        assert!(tokens.accept(&token, time(4_599)));
        assert!(!tokens.accept(&token, time(4_600)));
    }

    #[test]
    fn a_token_with_another_letter_is_refused() {
        let mut tokens = Tokens::new();
        let token = tokens.issue(time(1_000));
        assert!(!tokens.accept(&format!("{token}x"), time(1_000)));
        assert!(!tokens.accept(&token[..token.len() - 1], time(1_000)));
        assert!(!tokens.accept("", time(1_000)));
        assert!(!tokens.accept("a.b.c", time(1_000)));
        // The right form, but never issued.
        assert!(!tokens.accept(&jwt(1, 1_000, 4_600), time(1_000)));
    }

    #[test]
    fn expiring_spares_the_tokens_that_come_after() {
        let mut tokens = Tokens::new();
        let before = tokens.issue(time(0));
        assert!(tokens.accept(FIRST_TOKEN, time(0)));
        tokens.expire_all();
        assert!(!tokens.accept(FIRST_TOKEN, time(0)));
        assert!(!tokens.accept(&before, time(0)));
        let after = tokens.issue(time(0));
        assert_ne!(before, after);
        assert!(tokens.accept(&after, time(0)));
    }
}
