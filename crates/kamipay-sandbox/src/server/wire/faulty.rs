//! What each fault is in bytes.

use std::{io::Write as _, sync::LazyLock};

use flate2::{Compress, Compression, Crc, FlushCompress, write::ZlibEncoder};
use http::{StatusCode, header};

use super::{End, Form, Step, Wire, gzip};
use crate::{fault::Fault, sandbox::Outcome};

impl Wire {
    /// The answer with its fault, if it has one.
    pub(in crate::server) fn of(outcome: Outcome, form: Form) -> Self {
        let Outcome { response, fault, extra } = outcome;
        let wire = |response| Self::new(response, form);
        let Some(fault) = fault else { return wire(response) };
        if fault == Fault::ClosedAfterAnswer {
            return Self { end: End::Close, ..wire(response) };
        }
        if let Some(extra) = extra {
            let (mut first, second) = (wire(response), wire(extra));
            // Both at once, so that the second is there when the first is read.
            for step in second.steps {
                if let (Some(Step::Send(bytes)), Step::Send(more)) = (first.steps.last_mut(), step)
                {
                    bytes.extend(more);
                }
            }
            return first;
        }
        let status = response.status();
        match steps(fault, status, response.body()) {
            Some((steps, End::KeepAlive)) if !form.keep_alive => Self { steps, end: End::Close },
            Some((steps, end)) => Self { steps, end },
            None => wire(response),
        }
    }
}

const FOR_EVER: u64 = u64::MAX;

/// What is sent instead of an answer with this status and body; `None`: the answer itself.
fn steps(fault: Fault, status: StatusCode, body: &[u8]) -> Option<(Vec<Step>, End)> {
    use End::{Close, KeepAlive, Reset};
    use Step::{Drip, Hold, Repeat, Send};

    let length = body.len();
    let half = &body[..length / 2];
    let with = |headers: &str, body: &[u8]| Send([head(status, headers).as_bytes(), body].concat());
    let sized = format!("content-length: {length}\r\n");
    // A chunk that has just begun when it ends.
    let half_a_chunk = [format!("{length:x}\r\n").as_bytes(), half].concat();
    let blanks = || Repeat(vec![b' '; 1024], FOR_EVER);

    Some(match fault {
        Fault::ClosedBeforeAnswer | Fault::PooledConnectionClosed => (vec![], Close),
        Fault::ResetBeforeAnswer | Fault::PooledConnectionReset => (vec![], Reset),
        Fault::SilentServer => (vec![Hold], Close),

        Fault::TruncatedHead => (vec![cut(&head(status, &sized))], Close),
        Fault::StalledHead => (vec![cut(&head(status, &sized)), Hold], Close),
        Fault::DrippingHead => {
            let head = head(status, &sized).into_bytes();
            (vec![Drip(head), Send(body.to_vec())], KeepAlive)
        }
        Fault::Garbage => {
            let garbage = (0..=u8::MAX).rev().map(|byte| byte.wrapping_mul(167)).collect();
            (vec![Send(garbage)], Close)
        }
        Fault::SshBanner => (vec![text("SSH-2.0-OpenSSH_9.6\r\n")], Close),
        Fault::HtmlWithoutHead => {
            (vec![text("<html><body><h1>It works!</h1></body></html>\r\n")], Close)
        }
        Fault::Http2Preface => (vec![text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")], Close),
        Fault::Http2StatusLine => other_status_line("HTTP/2 200", &sized, body),
        Fault::Status000 => other_status_line("HTTP/1.1 000 Nothing", &sized, body),
        Fault::TooManyHeaders => {
            let headers: String = (1..=129).map(|n| format!("x-header-{n}: {n}\r\n")).collect();
            (vec![with(&(headers + &sized), body)], KeepAlive)
        }
        Fault::HugeHeader => {
            let header = format!("x-huge: {}\r\n", "x".repeat(100 * 1024));
            (vec![with(&(header + &sized), body)], KeepAlive)
        }
        Fault::EndlessHeader => {
            let start = format!("{}x-endless: ", status_line(status));
            (vec![text(&start), Repeat(vec![b'x'; 1024], FOR_EVER)], Close)
        }
        Fault::EndlessInformational => {
            let hint = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";
            (vec![Repeat(hint.to_vec(), FOR_EVER)], Close)
        }
        Fault::EndlessBlankLines => (vec![Repeat(b"\r\n".to_vec(), FOR_EVER)], Close),

        Fault::TruncatedBody => (vec![with(&sized, half)], Close),
        Fault::MissingBody => (vec![with(&sized, b"")], Close),
        Fault::ResetBody => (vec![with(&sized, half)], Reset),
        Fault::TruncatedChunk => (vec![with(CHUNKED, &half_a_chunk)], Close),
        Fault::TruncatedChunkSize => {
            (vec![with(CHUNKED, &[&chunks(half)[..], b"1"].concat())], Close)
        }
        Fault::MissingLastChunk => (vec![with(CHUNKED, &chunks(body))], Close),
        Fault::ResetChunk => (vec![with(CHUNKED, &half_a_chunk)], Reset),
        Fault::TruncatedUnframed => (vec![with(UNTIL_CLOSED, half)], Close),
        Fault::ResetUnframed => (vec![with(UNTIL_CLOSED, half)], Reset),
        Fault::ResetAfterDocument => (vec![with(UNTIL_CLOSED, body)], Reset),
        Fault::StalledBody => (vec![with(&sized, half), Hold], Close),
        Fault::StalledChunk => (vec![with(CHUNKED, &half_a_chunk), Hold], Close),
        Fault::DrippingBody => (vec![with(&sized, b""), Drip(body.to_vec())], KeepAlive),
        Fault::EndlessTrailers => {
            let start = with(CHUNKED, &[&chunks(body)[..], b"0\r\n"].concat());
            (vec![start, Repeat(b"x-trailer: x\r\n".to_vec(), FOR_EVER)], Close)
        }
        Fault::UnframedKeepAlive => (vec![with("connection: keep-alive\r\n", body), Hold], Close),
        Fault::Chunked => {
            (vec![with(CHUNKED, &[&chunks(body)[..], LAST_CHUNK].concat())], KeepAlive)
        }
        Fault::UntilClosed => (vec![with(UNTIL_CLOSED, body)], Close),

        Fault::ConflictingLengths => {
            let other = format!("{sized}content-length: {}\r\n", length + 1);
            (vec![with(&other, body)], Close)
        }
        Fault::NegativeLength => (vec![with("content-length: -1\r\n", body)], Close),
        Fault::HugeLength => {
            (vec![with("content-length: 99999999999999999999999\r\n", body)], Close)
        }
        Fault::BadChunkSize => {
            (vec![with(CHUNKED, &[b"some\r\n", body, b"\r\n", LAST_CHUNK].concat())], Close)
        }
        Fault::HugeChunkSize => {
            let size = b"fffffffffffffffff\r\n";
            (vec![with(CHUNKED, &[size, body, b"\r\n", LAST_CHUNK].concat())], Close)
        }
        Fault::LengthU64Max => {
            (vec![with("content-length: 18446744073709551615\r\n", b""), blanks()], Close)
        }
        Fault::LengthGigabyte => {
            let headers = format!("content-length: {GIGABYTE}\r\n");
            (vec![with(&headers, b""), Repeat(vec![b' '; 1024], GIGABYTE)], KeepAlive)
        }
        Fault::EndlessBody => (vec![with(UNTIL_CLOSED, b""), blanks()], Close),
        Fault::EndlessChunked => {
            let chunk = chunk(&[b' '; 1024]);
            (vec![with(CHUNKED, b""), Repeat(chunk, FOR_EVER)], Close)
        }

        Fault::GzipBomb => {
            let length = GZIP_HEAD.len() as u64 + BOMB.blocks_length + BOMB.end.len() as u64;
            let headers = format!("{GZIP}content-length: {length}\r\n");
            let blocks = Repeat(BOMB.block.clone(), BOMB.blocks_length);
            (vec![with(&headers, GZIP_HEAD), blocks, Send(BOMB.end.clone())], KeepAlive)
        }
        Fault::FalseGzip => (vec![with(&format!("{GZIP}{sized}"), body)], KeepAlive),
        Fault::DamagedGzip => {
            let mut packed = gzip(body);
            let middle = packed.len() / 2;
            packed[middle] ^= 0xff;
            (vec![packed_body("gzip", &packed, status)], KeepAlive)
        }
        Fault::TruncatedGzip => {
            let packed = gzip(body);
            let headers = format!("{GZIP}{UNTIL_CLOSED}");
            (vec![with(&headers, &packed[..packed.len() / 2])], Close)
        }
        Fault::GzipTwice => {
            (vec![packed_body("gzip, gzip", &gzip(&gzip(body)), status)], KeepAlive)
        }
        Fault::ContentEncodingBr => (vec![packed_body("br", body, status)], KeepAlive),
        Fault::ContentEncodingDeflate => {
            (vec![packed_body("deflate", &deflate(body), status)], KeepAlive)
        }
        Fault::TransferEncodingGzip => {
            (vec![with("transfer-encoding: gzip\r\n", &gzip(body))], Close)
        }

        Fault::InformationalOnly => (vec![text("HTTP/1.1 100 Continue\r\n\r\n")], Close),
        Fault::ServerErrorTruncated => {
            let headers = head(StatusCode::INTERNAL_SERVER_ERROR, "content-length: 1000\r\n");
            (vec![text(&(headers + r#"{"detail":"Inter"#))], Close)
        }
        Fault::ServerErrorEndless => {
            (vec![text(&head(StatusCode::INTERNAL_SERVER_ERROR, UNTIL_CLOSED)), blanks()], Close)
        }

        _ => return None,
    })
}

const CHUNKED: &str = "transfer-encoding: chunked\r\n";
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
const UNTIL_CLOSED: &str = "connection: close\r\n";
const GZIP: &str = "content-encoding: gzip\r\n";
const GIGABYTE: u64 = 1 << 30;

fn text(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

/// The beginning of a head, up to the middle of its last line.
fn cut(head: &str) -> Step {
    text(&head[..head.len() - 10])
}

fn status_line(status: StatusCode) -> String {
    format!("HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or_default())
}

fn head(status: StatusCode, headers: &str) -> String {
    let json = header::CONTENT_TYPE;
    format!("{}{json}: application/json\r\n{headers}\r\n", status_line(status))
}

fn other_status_line(line: &str, headers: &str, body: &[u8]) -> (Vec<Step>, End) {
    let head = format!("{line}\r\ncontent-type: application/json\r\n{headers}\r\n");
    (vec![Step::Send([head.as_bytes(), body].concat())], End::Close)
}

fn packed_body(coding: &str, packed: &[u8], status: StatusCode) -> Step {
    let length = packed.len();
    let headers = format!("content-encoding: {coding}\r\ncontent-length: {length}\r\n");
    Step::Send([head(status, &headers).as_bytes(), packed].concat())
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A body in chunks, the first of them a single byte; without the empty one at the end.
fn chunks(body: &[u8]) -> Vec<u8> {
    let (first, rest) = body.split_at(body.len().min(1));
    let size = (rest.len() / 2).max(1);
    let rest = rest.chunks(size).flat_map(chunk);
    first.chunks(1).flat_map(chunk).chain(rest).collect()
}

fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}

/// No name, no time, no system.
const GZIP_HEAD: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A member of gzip that is little but a block of a MiB of blanks, again and again.
struct Bomb {
    block: Vec<u8>,
    blocks_length: u64,
    end: Vec<u8>,
}

static BOMB: LazyLock<Bomb> = LazyLock::new(|| {
    const MEGABYTE: usize = 1 << 20;
    /// 2^10 blocks of a MiB.
    const DOUBLINGS: u32 = 10;

    let blanks = vec![b' '; MEGABYTE];
    let mut block = Vec::with_capacity(16 * 1024);
    // Nothing before a full flush is referred to after it, so the block can be repeated.
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
        // As short as it can be had: the first block and the end. Only the checksum is wrong.
        let start = [GZIP_HEAD, &BOMB.block, &BOMB.block, &BOMB.end].concat();
        let mut decoder = flate2::read::GzDecoder::new(&start[..]);
        let mut blanks = Vec::new();
        decoder.read_to_end(&mut blanks).unwrap_err();
        assert_eq!(blanks.len(), 2 << 20);
        assert!(blanks.iter().all(|byte| *byte == b' '));
        assert!(BOMB.block.len() < 4096, "{}", BOMB.block.len());
    }
}
