//! Writes the fuzzers' seeds to `tests/fuzz/corpus`, from the examples of the vendor's pages.

use std::path::Path;
use std::{fs, io};

use kamipay_tests::fuzz::{TARGETS, seeds};

fn main() -> io::Result<()> {
    for (name, _) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        fs::create_dir_all(&folder)?;
        for (n, seed) in seeds(name).iter().enumerate() {
            fs::write(folder.join(format!("example-{n}")), seed)?;
        }
    }
    Ok(())
}
