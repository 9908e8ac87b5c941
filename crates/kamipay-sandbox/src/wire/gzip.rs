//! Compressed bodies, and a bomb.

use std::{io::Write, sync::LazyLock};

use flate2::{
    Compress, Compression, Crc, FlushCompress,
    write::{GzEncoder, ZlibEncoder},
};

pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}

/// `deflate` as HTTP means it: with zlib's header.
pub(super) fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}

/// 1 MB of gzip that unpacks to 1 GiB of blanks: a block of 1 MiB, repeated.
pub(super) struct Bomb {
    pub(super) block: Vec<u8>,
    pub(super) blocks_length: u64,
    pub(super) end: Vec<u8>,
}

impl Bomb {
    /// No name, no time, no system.
    pub(super) const HEAD: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

    pub(super) fn length(&self) -> u64 {
        Self::HEAD.len() as u64 + self.blocks_length + self.end.len() as u64
    }
}

pub(super) static BOMB: LazyLock<Bomb> = LazyLock::new(|| {
    const MEGABYTE: usize = 1 << 20;
    /// 2^10 blocks of a MiB.
    const DOUBLINGS: u32 = 10;

    let blanks = vec![b' '; MEGABYTE];
    let mut block = Vec::with_capacity(16 * 1024);
    // Nothing refers to bytes before a full flush, so the block can be repeated.
    let mut compress = Compress::new(Compression::best(), false);
    let packed = compress.compress_vec(&blanks, &mut block, FlushCompress::Full);
    debug_assert!(packed.is_ok() && compress.total_in() == MEGABYTE as u64);
    let mut crc = Crc::new();
    crc.update(&blanks);
    for _ in 0..DOUBLINGS {
        let half = std::mem::replace(&mut crc, Crc::new());
        crc.combine(&half);
        crc.combine(&half);
    }
    // An empty last block, the checksum, the length modulo 2^32.
    let mut end = vec![3, 0];
    end.extend(crc.sum().to_le_bytes());
    end.extend(((MEGABYTE as u32) << DOUBLINGS).to_le_bytes());
    Bomb { blocks_length: (block.len() as u64) << DOUBLINGS, block, end }
});

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_bomb_is_one_gigabyte_of_blanks() {
        // The shortest possible: two blocks and the end. Only the checksum is wrong.
        let start = [Bomb::HEAD, &BOMB.block, &BOMB.block, &BOMB.end].concat();
        let mut decoder = flate2::read::GzDecoder::new(&start[..]);
        let mut blanks = Vec::new();
        decoder.read_to_end(&mut blanks).unwrap_err();
        assert_eq!(blanks.len(), 2 << 20);
        assert!(blanks.iter().all(|byte| *byte == b' '));
        assert!(BOMB.block.len() < 4096, "{}", BOMB.block.len());
    }
}
