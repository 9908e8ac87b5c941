//! Answers put together from pieces, as HTTP allows them or not.

use std::{fmt, time::Duration};

use http::{Response, StatusCode};

use super::{
    gzip::{BOMB, Bomb, deflate, gzip},
    sending::{End, Form, Sending, Step},
};

/// A piece of an answer on the wire. An answer that ends without [`Piece::Close`],
/// [`Piece::Reset`] or [`Piece::Hold`] leaves the connection for the next request.
///
/// Endless output ends when the client closes the connection or the server is dropped. It takes a
/// few KiB of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Piece {
    /// The whole answer, as it is without a fault.
    Answer,
    /// The head, with this framing.
    Head(Framing),
    /// A part of the head, up to the middle of a line.
    HalfHead,
    /// The next head has this status line.
    StatusLine(&'static str),
    /// The next head has this many headers more.
    Headers(usize),
    /// The next head has one header more, with a value of this many bytes.
    HugeHeader(usize),
    /// The body.
    Body,
    /// The first half of the body.
    HalfBody,
    /// The body in chunks, without the empty chunk at the end.
    Chunks,
    /// The first half of the body in chunks.
    HalfChunks,
    /// The first half of a chunk.
    HalfChunk,
    /// The empty chunk at the end.
    LastChunk,
    /// These bytes.
    Bytes(&'static [u8]),
    /// These bytes, again and again without an end.
    Endless(&'static [u8]),
    /// This many blanks.
    Blanks(u64),
    /// From here on the body is compressed by gzip. Twice is possible.
    Gzip,
    /// From here on the body is compressed by deflate.
    Deflate,
    /// From here on the byte in the middle of the body is wrong.
    WrongByte,
    /// A head and 1 MB of gzip that unpacks to 1 GiB of blanks.
    GzipBomb,
    /// The next piece comes byte by byte with a pause after each, in milliseconds.
    Drip(u64),
    /// On a connection that served a request before. Other connections are spared.
    Reused,
    /// The connection stays open and nothing comes.
    Hold,
    /// The connection is closed.
    Close,
    /// The connection is reset.
    Reset,
}

/// How a head says where its body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// By `content-length`.
    Length,
    /// By two different `content-length`s.
    TwoLengths,
    /// By `content-length`, after this `content-encoding`.
    Encoded(&'static str),
    /// By chunks.
    Chunked,
    /// By the end of the connection.
    Closed,
    /// By this header.
    Header(&'static str),
}

/// Whether a client gets the whole answer from the pieces.
pub(crate) fn is_whole_answer(pieces: &[Piece]) -> bool {
    matches!(
        pieces,
        [Piece::Answer, ..]
            | [Piece::Head(Framing::Closed), Piece::Body, Piece::Close | Piece::Reset]
            | [Piece::Head(Framing::Chunked), Piece::Chunks, Piece::LastChunk]
    )
}

/// The pieces as steps, for an answer.
pub(super) fn sending(pieces: &[Piece], response: Response<Vec<u8>>, form: Form) -> Sending {
    let status = response.status();
    let mut builder = Builder {
        status_line: status_line(status),
        more_headers: String::new(),
        body: response.body().clone(),
        pause: None,
        steps: Vec::new(),
    };
    let mut end = if form.keep_alive { End::KeepAlive } else { End::Close };
    for piece in pieces {
        match piece {
            Piece::Answer => builder.steps.extend(Sending::of(response.clone(), form).steps),
            Piece::Hold => {
                builder.steps.push(Step::Hold);
                end = End::Close;
            }
            Piece::Close => end = End::Close,
            Piece::Reset => end = End::Reset,
            piece => builder.add(*piece),
        }
    }
    Sending { steps: builder.steps, end }
}

struct Builder {
    status_line: String,
    more_headers: String,
    body: Vec<u8>,
    /// Before and after each byte of the next piece.
    pause: Option<Duration>,
    steps: Vec<Step>,
}

impl Builder {
    fn add(&mut self, piece: Piece) {
        let half = &self.body[..self.body.len() / 2];
        let bytes = match piece {
            Piece::Head(framing) => self.head(framing),
            Piece::HalfHead => {
                let mut head = self.head(Framing::Length);
                head.truncate(head.len() - 10);
                head
            }
            Piece::Body => self.body.clone(),
            Piece::HalfBody => half.to_vec(),
            Piece::Chunks => chunks(&self.body),
            Piece::HalfChunks => chunks(half),
            Piece::HalfChunk => [format!("{:x}\r\n", self.body.len()).as_bytes(), half].concat(),
            Piece::LastChunk => b"0\r\n\r\n".to_vec(),
            Piece::Bytes(bytes) => bytes.to_vec(),
            piece => return self.change(piece),
        };
        self.steps.push(match self.pause.take() {
            Some(pause) => Step::Drip(bytes, pause),
            None => Step::Send(bytes),
        });
    }

    fn change(&mut self, piece: Piece) {
        match piece {
            Piece::StatusLine(line) => self.status_line = line.to_owned(),
            Piece::Headers(count) => {
                self.more_headers = (1..=count).map(|n| format!("x-header-{n}: {n}\r\n")).collect();
            }
            Piece::HugeHeader(length) => {
                self.more_headers = format!("x-huge: {}\r\n", "x".repeat(length));
            }
            Piece::Endless(unit) => self.steps.push(Step::Repeat(unit.to_vec(), u64::MAX)),
            Piece::Blanks(count) => self.steps.push(Step::Repeat(vec![b' '; 1024], count)),
            Piece::Gzip => self.body = gzip(&self.body),
            Piece::Deflate => self.body = deflate(&self.body),
            Piece::WrongByte => {
                let middle = self.body.len() / 2;
                self.body.get_mut(middle).into_iter().for_each(|byte| *byte ^= 0xff);
            }
            Piece::GzipBomb => {
                let length = BOMB.length();
                let framing = format!("content-encoding: gzip\r\ncontent-length: {length}\r\n");
                let start = [&self.head_with(&framing), Bomb::HEAD].concat();
                self.steps.push(Step::Send(start));
                self.steps.push(Step::Repeat(BOMB.block.clone(), BOMB.blocks_length));
                self.steps.push(Step::Send(BOMB.end.clone()));
            }
            Piece::Drip(millis) => self.pause = Some(Duration::from_millis(millis)),
            _ => {}
        }
    }

    fn head(&self, framing: Framing) -> Vec<u8> {
        let length = |more: usize| format!("content-length: {}\r\n", self.body.len() + more);
        self.head_with(&match framing {
            Framing::Length => length(0),
            Framing::TwoLengths => length(0) + &length(1),
            Framing::Encoded(encoding) => format!("content-encoding: {encoding}\r\n{}", length(0)),
            Framing::Chunked => "transfer-encoding: chunked\r\n".to_owned(),
            Framing::Closed => "connection: close\r\n".to_owned(),
            Framing::Header(header) => format!("{header}\r\n"),
        })
    }

    fn head_with(&self, framing: &str) -> Vec<u8> {
        let Self { status_line, more_headers, .. } = self;
        let json = "content-type: application/json";
        format!("{status_line}\r\n{json}\r\n{more_headers}{framing}\r\n").into_bytes()
    }
}

fn status_line(status: StatusCode) -> String {
    format!("HTTP/1.1 {} {}", status.as_u16(), status.canonical_reason().unwrap_or_default())
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A body in chunks, the first of them a single byte.
fn chunks(body: &[u8]) -> Vec<u8> {
    let (first, rest) = body.split_at(body.len().min(1));
    let size = (rest.len() / 2).max(1);
    first.chunks(1).chain(rest.chunks(size)).flat_map(chunk).collect()
}

/// Reads as a part of an enumeration.
impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer => f.write_str("the whole answer"),
            Self::Head(framing) => write!(f, "a head with {framing}"),
            Self::HalfHead => f.write_str("half a head"),
            Self::StatusLine(line) => write!(f, "the status line `{line}`"),
            Self::Headers(count) => write!(f, "{count} headers more"),
            Self::HugeHeader(length) => write!(f, "a header of {length} bytes"),
            Self::Body => f.write_str("the body"),
            Self::HalfBody => f.write_str("half the body"),
            Self::Chunks => f.write_str("the body in chunks"),
            Self::HalfChunks => f.write_str("half the body in chunks"),
            Self::HalfChunk => f.write_str("half a chunk"),
            Self::LastChunk => f.write_str("the empty chunk"),
            Self::Bytes(bytes) => write!(f, "{}", Start(bytes)),
            Self::Endless(bytes) => write!(f, "{} without end", Start(bytes)),
            Self::Blanks(count) => write!(f, "{count} blanks"),
            Self::Gzip => f.write_str("gzip"),
            Self::Deflate => f.write_str("deflate"),
            Self::WrongByte => f.write_str("a wrong byte"),
            Self::GzipBomb => f.write_str("1 MB of gzip that unpacks to 1 GiB of blanks"),
            Self::Drip(millis) => write!(f, "a byte per {millis} ms"),
            Self::Reused => f.write_str("on a used connection"),
            Self::Hold => f.write_str("silence"),
            Self::Close => f.write_str("the connection closed"),
            Self::Reset => f.write_str("the connection reset"),
        }
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("a length"),
            Self::TwoLengths => f.write_str("two lengths"),
            Self::Encoded(encoding) => write!(f, "the encoding {encoding}"),
            Self::Chunked => f.write_str("chunks"),
            Self::Closed => f.write_str("no length"),
            Self::Header(header) => write!(f, "`{header}`"),
        }
    }
}

/// The first bytes.
struct Start<'a>(&'a [u8]);

impl fmt::Display for Start<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 30;
        let Self(bytes) = self;
        let dots = if bytes.len() > MOST { "…" } else { "" };
        write!(f, "`{}{dots}`", bytes[..bytes.len().min(MOST)].escape_ascii())
    }
}
