//! `GET /v1/lots/{lot_identifier}`: one lot with its payouts and refunds.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{KamipayRefundId, LotId, LotStatus};
use crate::{Api, BuildError, Endpoint, KamipayId, Mismatch, SumCheck, TransactionHash, sum, wire};

/// Reads one lot with its payouts and refunds.
///
/// ```
/// use kamipay_proto::{Api, Endpoint, lots::GetLot};
///
/// let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
/// let call = GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse()?);
/// assert_eq!(
///     call.request(&api)?.uri(),
///     "https://api.kamipay.io/v1/lots/9c030c8b-6d68-445b-8048-1bacd91012fa",
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GetLot {
    /// The lot to read.
    pub lot: LotIdentifier,
}

impl GetLot {
    /// Reads the lot with this identifier.
    pub fn new(lot: LotIdentifier) -> Self {
        Self { lot }
    }
}

impl Endpoint for GetLot {
    const CALL: &'static str = "GET /v1/lots/{lot_identifier}";
    type Output = LotDetail;

    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
        api.get(&["v1", "lots", self.lot.as_str()]).finish()
    }

    fn verify(&self, lot: &LotDetail) -> Result<(), Mismatch> {
        let asked = self.lot.as_str();
        let hash = lot.transaction_hash.as_ref().map(TransactionHash::as_str);
        if [Some(lot.lot_id.as_str()), hash].into_iter().flatten().any(|id| same(id, asked)) {
            return Ok(());
        }
        Err(Mismatch::new("lot_identifier", asked, &lot.lot_id))
    }
}

/// UUIDs and hashes are hexadecimal, in either case.
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// A `lot_id` or a `transaction_hash`: the API finds a lot by either.
///
/// A text that starts with `0x` (or `0X`, which is sent as `0x`) is a hash with 64 hexadecimal
/// digits. Any other text is a `lot_id`: 1 to 128 letters, digits, `-` and `_`. Today it is a UUID,
/// but it is treated as opaque.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct LotIdentifier(String);

impl LotIdentifier {
    /// The identifier as it is sent to the API.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LotIdentifier {
    type Err = InvalidLotIdentifier;

    fn from_str(text: &str) -> Result<Self, InvalidLotIdentifier> {
        if text.starts_with("0x") || text.starts_with("0X") {
            let digits = &text[2..];
            if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(InvalidLotIdentifier::Hash { length: text.chars().count() });
            }
            return Ok(Self(format!("0x{digits}")));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(1..=128).contains(&text.len()) || !text.bytes().all(plain) {
            return Err(InvalidLotIdentifier::LotId);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for LotIdentifier {
    type Error = InvalidLotIdentifier;

    fn try_from(text: String) -> Result<Self, InvalidLotIdentifier> {
        text.parse()
    }
}

impl TryFrom<&LotId> for LotIdentifier {
    type Error = InvalidLotIdentifier;

    fn try_from(id: &LotId) -> Result<Self, InvalidLotIdentifier> {
        id.as_str().parse()
    }
}

impl TryFrom<&TransactionHash> for LotIdentifier {
    type Error = InvalidLotIdentifier;

    fn try_from(hash: &TransactionHash) -> Result<Self, InvalidLotIdentifier> {
        hash.as_str().parse()
    }
}

impl From<LotIdentifier> for String {
    fn from(lot: LotIdentifier) -> Self {
        lot.0
    }
}

impl fmt::Display for LotIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that can be neither a `lot_id` nor a `transaction_hash`. Nothing was sent.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLotIdentifier {
    /// A text that starts with `0x` but is not a hash.
    #[error(
        "a transaction hash is 0x and 64 hexadecimal digits, 66 characters in all: this one has \
         {length} characters, or other characters than 0-9 and a-f"
    )]
    Hash {
        /// The number of characters.
        length: usize,
    },
    /// A text that is empty, too long, or has characters that a `lot_id` cannot have.
    #[error(
        "a lot_id is 1 to 128 letters, digits, '-' and '_', such as \
         9c030c8b-6d68-445b-8048-1bacd91012fa"
    )]
    LotId,
}

crate::error::debug_as_text!(InvalidLotIdentifier);

/// A lot with the payouts that it settled, and the refunds.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct LotDetail {
    /// The lot's identifier.
    pub lot_id: LotId,
    /// The hash of the transfer on chain; `None` until it is sent. While the lot is processing it
    /// may not be well-formed.
    pub transaction_hash: Option<TransactionHash>,
    /// The amount transferred, in USDT.
    #[serde(with = "wire::money")]
    pub usdt_amount: Decimal,
    /// When the lot was created, in UTC; `None` while it is processing.
    #[serde(default, with = "wire::timestamp::option")]
    pub created_at: Option<DateTime<Utc>>,
    /// The state of the transfer.
    pub status: LotStatus,
    /// The payouts in the lot.
    #[serde(deserialize_with = "wire::object::list")]
    pub payouts: Vec<Payout>,
    /// Refunds that occurred after the lot was settled.
    #[serde(deserialize_with = "wire::object::list")]
    pub refunds: Vec<Refund>,
}

impl LotDetail {
    /// The sum of the payouts compared with `usdt_amount`, in USDT. `None` if the sum has too many
    /// digits to be exact.
    ///
    /// ```
    /// # let json = r#"{"lot_id": "a", "transaction_hash": null, "usdt_amount": "10.00", "created_at": null,
    /// # "status": "PENDING", "refunds": [], "payouts": [{"kamipay_id": "txc_1", "amount": "9.75",
    /// # "created_at": "2026-05-14T00:00:00Z"}]}"#;
    /// # let lot: kamipay_proto::lots::LotDetail = serde_json::from_str(json)?;
    /// let check = lot.check_payouts().expect("the sum is exact");
    /// if !check.is_equal() {
    ///     println!("the payouts add up to {} USDT, the lot is {} USDT", check.sum, check.whole);
    /// }
    /// # assert_eq!(check.difference().unwrap().to_string(), "0.25");
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    pub fn check_payouts(&self) -> Option<SumCheck> {
        SumCheck::new(self.payouts.iter().map(|payout| payout.amount), self.usdt_amount)
    }

    /// The sum of the refunds, in USDT. `None` if it has too many digits to be exact.
    pub fn refunded(&self) -> Option<Decimal> {
        sum::exact(self.refunds.iter().map(|refund| refund.amount))
    }
}

/// One payout of a lot.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Payout {
    /// kamiPay's identifier of the payment.
    pub kamipay_id: KamipayId,
    /// The amount paid out, in USDT.
    #[serde(with = "wire::money")]
    pub amount: Decimal,
    /// When the payout was created, in UTC.
    #[serde(with = "wire::timestamp")]
    pub created_at: DateTime<Utc>,
}

/// One refund of a lot.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Refund {
    /// kamiPay's identifier of the refund.
    pub kamipay_refund_id: KamipayRefundId,
    /// The amount refunded, in USDT.
    #[serde(with = "wire::money")]
    pub amount: Decimal,
    /// When the refund was created, in UTC.
    #[serde(with = "wire::timestamp")]
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResponseErrorKind;

    const LOT: &str = r#"{"lot_id": "9c030c8b-6d68-445b-8048-1bacd91012fa",
        "transaction_hash": "0x812f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf",
        "usdt_amount": "10027.79968000", "created_at": "2025-05-07T19:36:52.907905Z",
        "status": "MINED", "payouts": [], "refunds": []}"#;

    fn parse(asked: &str) -> Result<LotDetail, crate::ResponseError> {
        GetLot::new(asked.parse().unwrap()).parse(http::Response::new(LOT))
    }

    #[test]
    fn a_lot_matches_both_its_identifiers_in_either_case() {
        for asked in [
            "9c030c8b-6d68-445b-8048-1bacd91012fa",
            "9C030C8B-6D68-445B-8048-1BACD91012FA",
            "0x812f8c44ee5dffe3ff057c3c83e01ed24c613140f25881bc931f0b90635f5bdf",
            "0X812F8C44EE5DFFE3FF057C3C83E01ED24C613140F25881BC931F0B90635F5BDF",
        ] {
            let lot = parse(asked).unwrap();
            assert_eq!(lot.usdt_amount.to_string(), "10027.79968000");
        }
    }

    #[test]
    fn another_lot_is_a_mismatch() {
        let error = parse("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee").unwrap_err();
        assert!(matches!(error.kind(), ResponseErrorKind::Mismatch(_)), "{error:?}");
        assert_eq!(
            error.to_string(),
            "the answer is to another question: asked for lot_identifier \
             aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee, got 9c030c8b-6d68-445b-8048-1bacd91012fa"
        );
        assert_eq!(error.body(), LOT.as_bytes());
    }

    #[test]
    fn an_identifier_is_displayed_as_given() {
        let lot: LotIdentifier = "9c030c8b-6d68-445b-8048-1bacd91012fa".parse().unwrap();
        assert_eq!(format!("{lot:>38}"), "  9c030c8b-6d68-445b-8048-1bacd91012fa");
        assert_eq!(String::from(lot), "9c030c8b-6d68-445b-8048-1bacd91012fa");
    }

    #[test]
    fn an_identifier_stays_in_its_path_segment() {
        let long = "a".repeat(129);
        for text in [
            "",
            ".",
            "..",
            "../settlements",
            "a/b",
            "a?b",
            "a#b",
            "a%2e%2e",
            "a\r\nb",
            "a\0",
            "é",
            "😀",
            " a",
            &long,
        ] {
            assert_eq!(text.parse::<LotIdentifier>(), Err(InvalidLotIdentifier::LotId), "{text:?}");
        }
        // lots.txt: "0x-prefixed, 66 characters", and an example that is not a hash
        for text in
            ["0x", "0x812f", "0xprocessing123456789012345678901234567890123456789012345678901234"]
        {
            assert!(matches!(
                text.parse::<LotIdentifier>(),
                Err(InvalidLotIdentifier::Hash { .. })
            ));
        }
    }
}
