use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::wire;
use crate::wire::identifier::identifier;

identifier! {
    /// kamiPay's identifier of a payment (`txc_…`), or of the QR code of a charge (`dqr_…`).
    pub struct KamipayId;
}

identifier! {
    /// Your own identifier, which you gave to kamiPay with the payment or at checkout.
    ///
    /// The API writes it as a string, and sometimes as a number. A number becomes its digits.
    pub struct ExternalId or number;
}

identifier! {
    /// The bank's number of a payment or charge.
    pub struct OperationId or number;
}

identifier! {
    /// The hash of a transfer on chain, as the API sent it. It may not be well-formed.
    pub struct TransactionHash in 66;
}

impl TransactionHash {
    /// Whether this is a hash that a block explorer can find: 64 hexadecimal digits, after `0x` on
    /// Polygon and usually without it on Tron.
    ///
    /// For a transfer under way the API writes a placeholder, `0xprocessing1234…`.
    pub fn is_well_formed(&self) -> bool {
        !self.as_str().starts_with("0X") && hash_digits(self.as_str()).is_some()
    }
}

/// The 64 hexadecimal digits of a hash, without `0x` or `0X`. `None` if `text` is not a hash.
pub(crate) fn hash_digits(text: &str) -> Option<&str> {
    let digits = after_0x(text);
    (digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

/// Compares hashes in either case, with `0x` or without.
pub(crate) fn same_hash(a: &str, b: &str) -> bool {
    after_0x(a).eq_ignore_ascii_case(after_0x(b))
}

fn after_0x(hash: &str) -> &str {
    hash.strip_prefix("0x").or_else(|| hash.strip_prefix("0X")).unwrap_or(hash)
}

/// Declares an identifier type that is a whole number.
macro_rules! number_identifier {
    ($(#[$meta:meta])* pub struct $name:ident;) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// The identifier with this number.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The number.
            pub const fn number(self) -> u64 {
                self.0
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                Self(number)
            }
        }

        impl FromStr for $name {
            type Err = InvalidNumber;

            fn from_str(text: &str) -> Result<Self, InvalidNumber> {
                wire::parse_integer(text).map(Self).ok_or_else(|| InvalidNumber::of(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                wire::integer(from).map(Self)
            }
        }
    };
}

number_identifier! {
    /// kamiPay's number of a settlement.
    pub struct SettlementId;
}

number_identifier! {
    /// The number of one of your stores.
    pub struct StoreId;
}

number_identifier! {
    /// The number of one of your checkouts.
    pub struct CheckoutId;
}

/// A text that is not the number of a settlement, store or checkout.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidNumber {
    /// It has other characters than digits, or none.
    #[error("this identifier is a whole number, such as 12345")]
    Digits,
    /// It is larger than [`u64::MAX`].
    #[error("this number is too large: an identifier is at most {}", u64::MAX)]
    TooLarge,
}

impl InvalidNumber {
    fn of(text: &str) -> Self {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { Self::TooLarge } else { Self::Digits }
    }
}

crate::error::debug_as_text!(InvalidNumber);

identifier! {
    /// A currency code, as the API writes it: `BRL`, `ARS`, `USDt`.
    pub struct Currency in 16;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_for_an_external_id_becomes_its_digits() {
        // pay-status.txt, failed: `"external_id": 123456789`
        let id: ExternalId = serde_json::from_str("123456789").unwrap();
        assert_eq!(id, "123456789");
        let id: ExternalId = serde_json::from_str("123456789012345678901234567890").unwrap();
        assert_eq!(id, "123456789012345678901234567890");
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"123456789012345678901234567890\"");
        let id: ExternalId = serde_json::from_str(r#""jos\u00e9 \"1\"""#).unwrap();
        assert_eq!(id, "josé \"1\"");
        assert_eq!(serde_json::from_str::<Option<ExternalId>>("null").unwrap(), None);
        assert!(serde_json::from_str::<ExternalId>("true").is_err());
        assert!(serde_json::from_str::<KamipayId>("5").is_err());
    }

    #[test]
    fn a_placeholder_is_not_a_well_formed_hash() {
        let hash = |text: &str| TransactionHash::from(text).is_well_formed();
        assert!(hash("0x812f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf"));
        assert!(hash("812F8C44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf"));
        for text in [
            "0xprocessing123456789012345678901234567890123456789012345678901234", // lots.txt
            "txid5", // tx-status-lot.txt
            "",
            "0x",
            "0x812f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bd",
            "0x0x2f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf",
            "0X812f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf",
            " 0x812f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf",
            "0x８12f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bd", // as long in bytes
        ] {
            assert!(!hash(text), "{text}");
        }
    }

    #[test]
    fn a_hash_is_the_same_in_either_case_and_with_or_without_its_prefix() {
        assert!(same_hash("0x0a", "0X0A") && same_hash("0a", "0x0A"));
        assert!(!same_hash("0x0a", "0xa") && !same_hash("0x0x0a", "0x0a"));
    }

    #[test]
    fn a_number_is_digits_only() {
        // tx-status-lot.txt writes `"store_id": "1"`, settlements.txt `"settlement_id": 12345`
        assert_eq!(serde_json::from_str::<StoreId>("\"1\"").unwrap(), StoreId::new(1));
        assert_eq!(
            serde_json::from_str::<SettlementId>("12345").unwrap(),
            SettlementId::new(12345)
        );
        for json in ["-1", "1.0", "1e3", "\"+1\"", "\"\"", "\" 1\"", "null", "18446744073709551616"]
        {
            assert!(serde_json::from_str::<StoreId>(json).is_err(), "{json}");
        }
        assert_eq!("7".parse::<CheckoutId>().unwrap().to_string(), "7");
        for text in ["", "+7", "-7", "7 ", "٧"] {
            assert_eq!(text.parse::<CheckoutId>(), Err(InvalidNumber::Digits), "{text}");
        }
        let largest = u64::MAX.to_string();
        assert_eq!(largest.parse(), Ok(SettlementId::new(u64::MAX)));
        for text in ["18446744073709551616", "99999999999999999999", &"9".repeat(1000)] {
            assert_eq!(text.parse::<SettlementId>(), Err(InvalidNumber::TooLarge), "{text}");
        }
        assert_eq!("-99999999999999999999".parse::<StoreId>(), Err(InvalidNumber::Digits));
    }
}
