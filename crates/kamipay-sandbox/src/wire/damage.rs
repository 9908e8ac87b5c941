//! Damage to an answer, byte by byte.

use std::{fmt, time::Duration};

use http::{Response, StatusCode};

use super::{
    answer::{End, Form, Sending, Step},
    gzip::{BOMB, Bomb, deflate, gzip},
};

/// What the client gets instead of an answer, or what happens to the answer on its way.
///
/// Endless output ends when the client closes the connection or the server is dropped. It takes a
/// few KiB of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Damage {
    /// The answer stops at a place.
    Cut(Place, Ending),
    /// A part of the answer comes byte by byte, with a pause after each. In milliseconds.
    Drip(Part, u64),
    /// These bytes come instead of an answer. Then the connection is closed.
    Bytes(&'static [u8]),
    /// The answer has this status line.
    StatusLine(&'static str),
    /// The head has this many headers more.
    Headers(usize),
    /// The head has one header more, with a value of this many bytes.
    Header(usize),
    /// Output without an end.
    Endless(Endless),
    /// This many blanks are the body, with their number as `content-length`.
    Blanks(u64),
    /// The `content-length` is this text.
    Length(&'static str),
    /// There are two `content-length`s, the second one higher.
    TwoLengths,
    /// The body is one chunk. Its size is this text.
    ChunkSize(&'static str),
    /// The whole body comes in chunks, which HTTP allows.
    Chunked,
    /// The body is encoded.
    Encoded(Encoding),
}

/// Where an answer stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// Before its first byte.
    Start,
    /// Before its first byte, on a connection that served a request before. Other connections are
    /// spared.
    Reuse,
    /// In its head.
    Head,
    /// After its head, which has a `content-length`.
    BodyStart,
    /// In the middle of its body, whose head has a `content-length`.
    Body,
    /// In the size of a chunk.
    ChunkSize,
    /// In a chunk.
    Chunk,
    /// Before the empty chunk at its end.
    LastChunk,
    /// In the middle of a body without a length.
    Unframed,
    /// After a body without a length.
    UnframedEnd,
    /// After the whole answer, which does not announce it.
    End,
}

/// How an answer stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// The connection is closed.
    Close,
    /// The connection is reset.
    Reset,
    /// The connection stays open, and nothing more comes.
    Stall,
}

/// A part of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The status line and the headers.
    Head,
    /// The body.
    Body,
}

/// What does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endless {
    /// Answers with status 103.
    Informational,
    /// Blank lines before the answer.
    BlankLines,
    /// A header.
    Header,
    /// A body of blanks, without a length.
    Body,
    /// The same with status 500.
    ErrorBody,
    /// Chunks of blanks.
    Chunks,
    /// Headers after the last chunk.
    Trailers,
}

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// Not at all, though the `content-encoding` is this text.
    Claimed(&'static str),
    /// gzip with a wrong byte in the middle.
    Damaged,
    /// The first half of a body in gzip, without a length.
    Half,
    /// gzip, twice.
    Twice,
    /// deflate.
    Deflate,
    /// gzip as `transfer-encoding`.
    Transfer,
    /// 1 MB of gzip that unpacks to 1 GiB of blanks.
    Bomb,
}

impl Damage {
    /// Whether a client gets the whole answer nevertheless.
    pub(crate) fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::Chunked
                | Self::Cut(Place::End | Place::UnframedEnd, Ending::Close | Ending::Reset)
        )
    }

    pub(super) fn sending(self, response: Response<Vec<u8>>, form: Form) -> Sending {
        let Sending { steps, end } = match self {
            Self::Cut(Place::End, ending) => ending.after(Sending::of(response, form).steps),
            _ => self.steps(response.status(), response.body()),
        };
        let is_last = end == End::KeepAlive && !form.keep_alive;
        Sending { steps, end: if is_last { End::Close } else { end } }
    }

    fn steps(self, status: StatusCode, body: &[u8]) -> Sending {
        let message = |headers: &str, body: &[u8]| message(&status_line(status), headers, body);
        let sized = length(body.len());
        let keep = |message| Sending { steps: vec![Step::Send(message)], end: End::KeepAlive };
        let close = |message| Sending { steps: vec![Step::Send(message)], end: End::Close };
        match self {
            Self::Cut(place, ending) => {
                ending.after(vec![Step::Send(until(place, ending, status, body))])
            }
            Self::Drip(part, millis) => {
                let drip = |bytes| Step::Drip(bytes, Duration::from_millis(millis));
                let head = message(&sized, b"");
                let steps = match part {
                    Part::Head => vec![drip(head), Step::Send(body.to_vec())],
                    Part::Body => vec![Step::Send(head), drip(body.to_vec())],
                };
                Sending { steps, end: End::KeepAlive }
            }
            Self::Bytes(bytes) => close(bytes.to_vec()),
            Self::StatusLine(line) => close(self::message(line, &sized, body)),
            Self::Headers(count) => {
                let headers: String =
                    (1..=count).map(|n| format!("x-header-{n}: {n}\r\n")).collect();
                keep(message(&(headers + &sized), body))
            }
            Self::Header(length) => {
                keep(message(&format!("x-huge: {}\r\n{sized}", "x".repeat(length)), body))
            }
            Self::Endless(what) => what.sending(status, body),
            Self::Blanks(count) => {
                let head = message(&format!("content-length: {count}\r\n"), b"");
                let steps = vec![Step::Send(head), Step::Repeat(vec![b' '; 1024], count)];
                Sending { steps, end: End::KeepAlive }
            }
            Self::Length(text) => close(message(&format!("content-length: {text}\r\n"), body)),
            Self::TwoLengths => close(message(&(sized + &length(body.len() + 1)), body)),
            Self::ChunkSize(text) => {
                let chunk = [text.as_bytes(), b"\r\n", body, b"\r\n", LAST_CHUNK].concat();
                close(message(CHUNKED, &chunk))
            }
            Self::Chunked => keep(message(CHUNKED, &[&chunks(body)[..], LAST_CHUNK].concat())),
            Self::Encoded(encoding) => encoding.sending(status, body),
        }
    }
}

/// The bytes of an answer before a place.
fn until(place: Place, ending: Ending, status: StatusCode, body: &[u8]) -> Vec<u8> {
    let message = |headers: &str, body: &[u8]| message(&status_line(status), headers, body);
    let half = &body[..body.len() / 2];
    let sized = length(body.len());
    match place {
        Place::Start | Place::Reuse => Vec::new(),
        Place::Head => {
            let mut head = message(&sized, b"");
            // Into the middle of its last line.
            head.truncate(head.len() - 10);
            head
        }
        Place::BodyStart => message(&sized, b""),
        Place::Body => message(&sized, half),
        Place::ChunkSize => message(CHUNKED, &[&chunks(half)[..], b"1"].concat()),
        Place::Chunk => {
            message(CHUNKED, &[format!("{:x}\r\n", body.len()).as_bytes(), half].concat())
        }
        Place::LastChunk => message(CHUNKED, &chunks(body)),
        Place::Unframed => message(UNTIL_CLOSED, half),
        Place::UnframedEnd if ending == Ending::Stall => {
            message("connection: keep-alive\r\n", body)
        }
        Place::UnframedEnd => message(UNTIL_CLOSED, body),
        Place::End => message(&sized, body),
    }
}

impl Ending {
    fn after(self, mut steps: Vec<Step>) -> Sending {
        if self == Self::Stall {
            steps.push(Step::Hold);
        }
        Sending { steps, end: if self == Self::Reset { End::Reset } else { End::Close } }
    }
}

impl Endless {
    fn sending(self, status: StatusCode, body: &[u8]) -> Sending {
        let status_line = status_line(status);
        let message = |headers: &str, body: &[u8]| message(&status_line, headers, body);
        let blanks = vec![b' '; 1024];
        let (start, unit) = match self {
            Self::Informational => {
                let hint = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";
                (Vec::new(), hint.to_vec())
            }
            Self::BlankLines => (Vec::new(), b"\r\n".to_vec()),
            Self::Header => {
                (format!("{status_line}\r\nx-endless: ").into_bytes(), vec![b'x'; 1024])
            }
            Self::Body => (message(UNTIL_CLOSED, b""), blanks),
            Self::ErrorBody => {
                let line = self::status_line(StatusCode::INTERNAL_SERVER_ERROR);
                (self::message(&line, UNTIL_CLOSED, b""), blanks)
            }
            Self::Chunks => (message(CHUNKED, b""), chunk(&blanks)),
            Self::Trailers => {
                let whole = [&chunks(body)[..], b"0\r\n"].concat();
                (message(CHUNKED, &whole), b"x-trailer: x\r\n".to_vec())
            }
        };
        let steps = vec![Step::Send(start), Step::Repeat(unit, u64::MAX)];
        Sending { steps, end: End::Close }
    }
}

impl Encoding {
    fn sending(self, status: StatusCode, body: &[u8]) -> Sending {
        let message = |headers: &str, body: &[u8]| message(&status_line(status), headers, body);
        let whole = |encoding: &str, body: &[u8]| {
            let length = length(body.len());
            let bytes = message(&format!("content-encoding: {encoding}\r\n{length}"), body);
            Sending { steps: vec![Step::Send(bytes)], end: End::KeepAlive }
        };
        let unsized_body = |headers: &str, body: &[u8]| Sending {
            steps: vec![Step::Send(message(headers, body))],
            end: End::Close,
        };
        match self {
            Self::Claimed(encoding) => whole(encoding, body),
            Self::Damaged => {
                let mut packed = gzip(body);
                let middle = packed.len() / 2;
                packed[middle] ^= 0xff;
                whole("gzip", &packed)
            }
            Self::Half => {
                let packed = gzip(body);
                let headers = format!("content-encoding: gzip\r\n{UNTIL_CLOSED}");
                unsized_body(&headers, &packed[..packed.len() / 2])
            }
            Self::Twice => whole("gzip, gzip", &gzip(&gzip(body))),
            Self::Deflate => whole("deflate", &deflate(body)),
            Self::Transfer => unsized_body("transfer-encoding: gzip\r\n", &gzip(body)),
            Self::Bomb => {
                let length = BOMB.length();
                let headers = format!("content-encoding: gzip\r\ncontent-length: {length}\r\n");
                let steps = vec![
                    Step::Send(message(&headers, Bomb::HEAD)),
                    Step::Repeat(BOMB.block.clone(), BOMB.blocks_length),
                    Step::Send(BOMB.end.clone()),
                ];
                Sending { steps, end: End::KeepAlive }
            }
        }
    }
}

const CHUNKED: &str = "transfer-encoding: chunked\r\n";
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
const UNTIL_CLOSED: &str = "connection: close\r\n";

fn length(length: usize) -> String {
    format!("content-length: {length}\r\n")
}

fn status_line(status: StatusCode) -> String {
    format!("HTTP/1.1 {} {}", status.as_u16(), status.canonical_reason().unwrap_or_default())
}

fn message(status_line: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("{status_line}\r\ncontent-type: application/json\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A body in chunks, the first of them a single byte; without the empty one at the end.
fn chunks(body: &[u8]) -> Vec<u8> {
    let (first, rest) = body.split_at(body.len().min(1));
    let size = (rest.len() / 2).max(1);
    first.chunks(1).chain(rest.chunks(size)).flat_map(chunk).collect()
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(place, ending) => write!(f, "{place}, and {ending}"),
            Self::Drip(Part::Head, millis) => write!(f, "the head comes at a byte per {millis} ms"),
            Self::Drip(Part::Body, millis) => write!(f, "the body comes at a byte per {millis} ms"),
            Self::Bytes(bytes) => {
                let (start, more) = (&bytes[..bytes.len().min(40)], bytes.len() > 40);
                let dots = if more { "…" } else { "" };
                write!(f, "`{}{dots}` comes instead of an answer", start.escape_ascii())
            }
            Self::StatusLine(line) => write!(f, "the status line is `{line}`"),
            Self::Headers(count) => write!(f, "the head has {count} headers more"),
            Self::Header(length) => write!(f, "one header has {length} bytes"),
            Self::Endless(what) => write!(f, "{what} without an end"),
            Self::Blanks(count) => write!(f, "the body is {count} blanks, all with their length"),
            Self::Length(text) => write!(f, "the content-length is `{text}`"),
            Self::TwoLengths => f.write_str("there are two content-lengths"),
            Self::ChunkSize(text) => write!(f, "the size of a chunk is `{text}`"),
            Self::Chunked => f.write_str("the whole body comes in chunks, which is not a fault"),
            Self::Encoded(encoding) => write!(f, "the body is {encoding}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "no byte of the answer comes",
            Self::Reuse => "no byte of the answer comes on a connection that was used before",
            Self::Head => "part of the head comes",
            Self::BodyStart => "the head comes with a content-length, but no body",
            Self::Body => "half of the body comes",
            Self::ChunkSize => "part of the size of a chunk comes",
            Self::Chunk => "half of a chunk comes",
            Self::LastChunk => "all chunks but the empty one at the end come",
            Self::Unframed => "half of the body comes without a length",
            Self::UnframedEnd => "the whole body comes without a length",
            Self::End => "the whole answer comes",
        })
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Close => "the connection is closed",
            Self::Reset => "the connection is reset",
            Self::Stall => "the connection stays open",
        })
    }
}

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Informational => "answers with status 103",
            Self::BlankLines => "blank lines",
            Self::Header => "one header",
            Self::Body => "a body",
            Self::ErrorBody => "status 500 and a body",
            Self::Chunks => "chunks",
            Self::Trailers => "headers after the body",
        })
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claimed(encoding) => {
                write!(f, "not encoded, but its content-encoding is {encoding}")
            }
            Self::Damaged => f.write_str("gzip with a wrong byte"),
            Self::Half => f.write_str("half of a body in gzip, without a length"),
            Self::Twice => f.write_str("gzip in gzip"),
            Self::Deflate => f.write_str("encoded by deflate"),
            Self::Transfer => f.write_str("gzip by its transfer-encoding"),
            Self::Bomb => f.write_str("1 MB of gzip that unpacks to 1 GiB of blanks"),
        }
    }
}
