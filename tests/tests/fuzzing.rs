//! Runs the fuzz targets without a nightly compiler, on randomly damaged seeds.

use std::path::Path;

use kamipay_tests::fuzz::{TARGETS, run, seeds};

/// A deterministic random number generator (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.below(40);
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// A seed with random damage.
    fn damage(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        const PIECES: [&str; 16] = [
            "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "9", "-", "e", ".", "null", "\u{0}", "é",
        ];
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(3) {
            let (from, to) = (self.below(bytes.len() + 1), self.below(bytes.len() + 1));
            let (from, to) = (from.min(to), from.max(to));
            match self.below(6) {
                0 => drop(bytes.drain(from..to)),
                1 => bytes.truncate(to),
                2 if from < bytes.len() => bytes[from] ^= 1 << self.below(8),
                3 => drop(bytes.splice(from..from, PIECES[self.below(16)].bytes())),
                4 => {
                    let piece = bytes[from..to].to_vec();
                    drop(bytes.splice(from..from, piece));
                }
                _ => {
                    let other = &seeds[self.below(seeds.len())];
                    let at = self.below(other.len());
                    drop(bytes.splice(from..to, other[at..].iter().copied()));
                }
            }
        }
        bytes.truncate(1 << 14);
        bytes
    }
}

#[test]
fn no_target_panics_on_damaged_seeds() {
    const ROUNDS: u64 = 1000;
    for (number, (name, _)) in (0..).zip(TARGETS) {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has nothing to begin with");
        for seed in &seeds {
            run(name, seed);
        }
        for round in 0..ROUNDS {
            let mut random = Random(number << 32 | round);
            let bytes = random.damage(&seeds);
            let told = format!("{name}, round {round}: {:?}", String::from_utf8_lossy(&bytes));
            let outcome = std::panic::catch_unwind(|| run(name, &bytes));
            assert!(outcome.is_ok(), "{told}");
            run(name, &random.bytes());
        }
    }
}

#[test]
fn every_target_has_a_libfuzzer_binary() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let names = manifest.lines().filter_map(|line| line.strip_prefix("name = \""));
    let bins: Vec<&str> = names.skip(1).map(|name| name.trim_end_matches('"')).collect();
    assert_eq!(bins, TARGETS.map(|(name, _)| name), "the package, and then a program for each");
}
