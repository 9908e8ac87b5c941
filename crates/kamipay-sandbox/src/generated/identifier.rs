//! Identifiers as the API writes them, with 64 bits inside that can be read back.

use crate::mix::{mix, roll};

/// `txc_01jranqegkf509bq5svh03ztt8`: a prefix and a ULID, which is 48 bits of milliseconds, then
/// our 64 bits, then 16 more.
pub(crate) fn ulid(prefix: &str, millis: i64, bits: u64, rest: u16) -> String {
    let millis = u128::from(millis.unsigned_abs() & 0xffff_ffff_ffff);
    let value = (millis << 80) | (u128::from(bits) << 16) | u128::from(rest);
    let mut id = format!("{prefix}_");
    for place in (0..26).rev() {
        // Five bits select one of 32 letters.
        id.push(char::from(BASE32[((value >> (5 * place)) & 31) as usize]));
    }
    id
}

/// The 64 bits in a ULID after the prefix.
pub(crate) fn bits_of_ulid(prefix: &str, id: &str) -> Option<u64> {
    let letters = id.strip_prefix(prefix)?.strip_prefix('_')?;
    if letters.len() != 26 {
        return None;
    }
    let mut value = 0_u128;
    for letter in letters.bytes() {
        let digit = BASE32.iter().position(|known| *known == letter)?;
        value = (value << 5) | digit as u128;
    }
    Some((value >> 16) as u64)
}

/// `9c030c8b-6d68-445b-8048-1bacd91012fa`: a random UUID (version 4) but for our 64 bits.
pub(crate) fn uuid(bits: u64, seed: u64) -> String {
    let b = bits.to_be_bytes();
    let r = roll(seed, 0x1d, bits).to_be_bytes();
    let (version, variant) = (0x40 | (r[0] & 0x0f), 0x80 | (r[1] & 0x3f));
    let bytes = [
        b[0], b[1], b[2], b[3], b[4], b[5], version, b[6], variant, b[7], r[2], r[3], r[4], r[5],
        r[6], r[7],
    ];
    let mut id = String::with_capacity(36);
    for (index, byte) in bytes.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        push_hex(&mut id, byte);
    }
    id
}

pub(crate) fn bits_of_uuid(id: &str) -> Option<u64> {
    let digits: String = id.chars().filter(|letter| *letter != '-').collect();
    if digits.len() != 32 || !digits.is_ascii() {
        return None;
    }
    let byte = |index: usize| u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok();
    let mut bits = 0;
    for index in [0, 1, 2, 3, 4, 5, 7, 9] {
        bits = (bits << 8) | u64::from(byte(index)?);
    }
    Some(bits)
}

/// `0x` and 64 hexadecimal digits, the first 16 of which are our bits.
pub(crate) fn hash(bits: u64, seed: u64) -> String {
    let rest: [u64; 3] = [1, 2, 3].map(|kind| roll(seed, kind, bits));
    format!("0x{bits:016x}{:016x}{:016x}{:016x}", rest[0], rest[1], rest[2])
}

pub(crate) fn bits_of_hash(id: &str) -> Option<u64> {
    if id.len() != 66 {
        return None;
    }
    let (start, digits) = (id.get(..2)?, id.get(2..18)?);
    if !start.eq_ignore_ascii_case("0x") {
        return None;
    }
    u64::from_str_radix(digits, 16).ok()
}

/// `0x` and 40 hexadecimal digits.
pub(crate) fn address(seed: u64, kind: u64) -> String {
    let hash = hash(roll(seed, kind, 0), seed);
    hash[..42].to_owned()
}

/// `E200181832025020717363pzCRpHTszu`: the bank's number, the minute as `yyyymmddhhmm`, eleven
/// letters.
pub(crate) fn bank_txid(minute: &str, seed: u64) -> String {
    const LETTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut id = format!("E20018183{minute}");
    let mut bits = mix(seed);
    for _ in 0..11 {
        id.push(char::from(LETTERS[(bits % LETTERS.len() as u64) as usize]));
        bits /= LETTERS.len() as u64;
    }
    id
}

/// Crockford's letters, in lower case.
const BASE32: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn push_hex(text: &mut String, byte: u8) {
    for digit in [byte >> 4, byte & 0x0f] {
        text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn they_look_as_in_the_pages() {
        let id = ulid("txc", 1_744_115_063_604, 0x0123_4567_89ab_cdef, 0xffff);
        assert_eq!(id, "txc_01jranqpsm04hmasw9nf6yzzzz");
        assert_eq!(id.len(), "txc_01jranqegkf509bq5svh03ztt8".len());
        assert_eq!(uuid(1, 2).len(), 36);
        assert_eq!(hash(1, 2).len(), 66);
        assert_eq!(address(1, 2).len(), 42);
        assert_eq!(bank_txid("202502071736", 7).len(), "E200181832025020717363pzCRpHTszu".len());
    }

    proptest! {
        #[test]
        fn the_bits_read_back(bits: u64, seed: u64, millis in 0_i64..1 << 48, rest: u16) {
            prop_assert_eq!(bits_of_ulid("txc", &ulid("txc", millis, bits, rest)), Some(bits));
            prop_assert_eq!(bits_of_uuid(&uuid(bits, seed)), Some(bits));
            prop_assert_eq!(bits_of_hash(&hash(bits, seed)), Some(bits));
            prop_assert_eq!(bits_of_hash(&hash(bits, seed).to_uppercase()), Some(bits));
        }

        #[test]
        fn anything_else_has_no_bits(text: String) {
            bits_of_ulid("txc", &text);
            bits_of_ulid("txc", &format!("txc_{text}"));
            bits_of_uuid(&text);
            bits_of_hash(&text);
            bits_of_hash(&format!("0x{text}"));
        }
    }
}
