//! The mixer behind everything that looks random: 64 bits in, 64 bits out, and back.

/// The finaliser of splitmix64. Every bit of the input changes about half of the output's.
pub(crate) const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The inverse of [`mix`].
pub(crate) const fn unmix(mut z: u64) -> u64 {
    z = (z ^ (z >> 31) ^ (z >> 62)).wrapping_mul(0x3196_42b2_d24d_8ec3);
    z = (z ^ (z >> 27) ^ (z >> 54)).wrapping_mul(0x96de_1b17_3f11_9089);
    z ^ (z >> 30) ^ (z >> 60)
}

/// The bits for the `index`-th thing of a kind, for a seed.
pub(crate) const fn roll(seed: u64, kind: u64, index: u64) -> u64 {
    let key = mix(seed.wrapping_add(kind.wrapping_mul(GOLDEN)));
    mix(key.wrapping_add(index.wrapping_mul(GOLDEN)))
}

/// 2^64 divided by the golden ratio: consecutive multiples of it are far apart.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values() {
        // The first output of splitmix64 with the seed 0.
        assert_eq!(mix(GOLDEN), 0xe220_a839_7b1d_cdaf);
    }

    proptest! {
        #[test]
        fn unmix_undoes_mix(value: u64) {
            prop_assert_eq!(unmix(mix(value)), value);
        }
    }
}
