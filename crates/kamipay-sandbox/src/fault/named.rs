//! The faults with a name.

use super::{
    Body::{AllBytes, Answer, CaptivePortal, Empty, Html, Json, Large, Text},
    Damage::{
        self, Blanks, Bytes, Chunked, Drip, Encoded, Header, Headers, Length, StatusLine,
        TwoLengths,
    },
    Encoding::{Bomb, Claimed, Damaged, Deflate, Half, Transfer, Twice},
    Ending::{self, Close, Reset, Stall},
    Endless::{self, BlankLines, Chunks, ErrorBody, Informational, Trailers},
    Fault::{
        self, Login, OtherAnswer, Redirect, RetryAfter, RetryAfterDate, Status, TokenExpires, Wire,
    },
    Location::{Missing, OtherHost, OtherPort, PlainHttp, Same, SchemeRelative},
    Order::{After, Before, Instead},
    Part,
    Place::{
        self, Body, BodyStart, Chunk, ChunkSize, End, Head, LastChunk, Reuse, Start, Unframed,
        UnframedEnd,
    },
};

/// Group, name and fault.
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str, Fault)> {
    GROUPS
        .iter()
        .flat_map(|(group, faults)| faults.iter().map(|(name, fault)| (*group, *name, *fault)))
}

type Group = (&'static str, &'static [(&'static str, Fault)]);

const GROUPS: &[Group] = &[
    (
        "connections",
        &[
            ("closed-before-answer", cut(Start, Close)),
            ("reset-before-answer", cut(Start, Reset)),
            ("pooled-connection-closed", cut(Reuse, Close)),
            ("pooled-connection-reset", cut(Reuse, Reset)),
            ("closed-after-answer", cut(End, Close)),
            ("extra-answer", OtherAnswer(After)),
            ("stale-answer", OtherAnswer(Before)),
            ("another-answer", OtherAnswer(Instead)),
            ("silent-server", cut(Start, Stall)),
        ],
    ),
    (
        "heads",
        &[
            ("truncated-head", cut(Head, Close)),
            ("stalled-head", cut(Head, Stall)),
            ("dripping-head", Wire(Drip(Part::Head, 100))),
            ("garbage", Wire(Bytes(&GARBAGE))),
            ("ssh-banner", Wire(Bytes(b"SSH-2.0-OpenSSH_9.6\r\n"))),
            ("html-without-head", Wire(Bytes(b"<html><body><h1>It works!</h1></body></html>\r\n"))),
            ("http2-preface", Wire(Bytes(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))),
            ("http2-status-line", Wire(StatusLine("HTTP/2 200"))),
            ("status-000", Wire(StatusLine("HTTP/1.1 000 Nothing"))),
            ("too-many-headers", Wire(Headers(129))),
            ("huge-header", Wire(Header(100 * 1024))),
            ("endless-header", endless(Endless::Header)),
            ("endless-informational", endless(Informational)),
            ("endless-blank-lines", endless(BlankLines)),
        ],
    ),
    (
        "bodies",
        &[
            ("truncated-body", cut(Body, Close)),
            ("missing-body", cut(BodyStart, Close)),
            ("reset-body", cut(Body, Reset)),
            ("truncated-chunk", cut(Chunk, Close)),
            ("truncated-chunk-size", cut(ChunkSize, Close)),
            ("missing-last-chunk", cut(LastChunk, Close)),
            ("reset-chunk", cut(Chunk, Reset)),
            ("truncated-unframed", cut(Unframed, Close)),
            ("reset-unframed", cut(Unframed, Reset)),
            ("reset-after-document", cut(UnframedEnd, Reset)),
            ("stalled-body", cut(Body, Stall)),
            ("stalled-chunk", cut(Chunk, Stall)),
            ("dripping-body", Wire(Drip(Part::Body, 100))),
            ("endless-trailers", endless(Trailers)),
            ("unframed-keep-alive", cut(UnframedEnd, Stall)),
            ("chunked", Wire(Chunked)),
            ("until-closed", cut(UnframedEnd, Close)),
        ],
    ),
    (
        "lengths",
        &[
            ("conflicting-lengths", Wire(TwoLengths)),
            ("negative-length", Wire(Length("-1"))),
            ("huge-length", Wire(Length("99999999999999999999999"))),
            ("bad-chunk-size", Wire(Damage::ChunkSize("some"))),
            ("huge-chunk-size", Wire(Damage::ChunkSize("fffffffffffffffff"))),
            ("length-u64-max", Wire(Blanks(u64::MAX))),
            ("length-gigabyte", Wire(Blanks(1 << 30))),
            ("endless-body", endless(Endless::Body)),
            ("endless-chunked", endless(Chunks)),
        ],
    ),
    (
        "encodings",
        &[
            ("gzip-bomb", Wire(Encoded(Bomb))),
            ("false-gzip", Wire(Encoded(Claimed("gzip")))),
            ("damaged-gzip", Wire(Encoded(Damaged))),
            ("truncated-gzip", Wire(Encoded(Half))),
            ("gzip-twice", Wire(Encoded(Twice))),
            ("content-encoding-br", Wire(Encoded(Claimed("br")))),
            ("content-encoding-deflate", Wire(Encoded(Deflate))),
            ("transfer-encoding-gzip", Wire(Encoded(Transfer))),
        ],
    ),
    (
        "redirects",
        &[
            ("redirect-301", Redirect(301, OtherHost)),
            ("redirect-302", Redirect(302, OtherHost)),
            ("redirect-303", Redirect(303, OtherHost)),
            ("redirect-307", Redirect(307, OtherHost)),
            ("redirect-308", Redirect(308, OtherHost)),
            ("redirect-other-port", Redirect(302, OtherPort)),
            ("redirect-plain-http", Redirect(302, PlainHttp)),
            ("redirect-scheme-relative", Redirect(302, SchemeRelative)),
            ("redirect-nowhere", Redirect(302, Missing)),
            ("redirect-loop", Redirect(302, Same)),
        ],
    ),
    (
        "statuses",
        &[
            ("status-101", Status(101, Empty)),
            ("informational-only", Wire(Bytes(b"HTTP/1.1 100 Continue\r\n\r\n"))),
            ("status-204", Status(204, Empty)),
            ("status-205", Status(205, Empty)),
            ("status-206", Status(206, Answer)),
            ("status-304", Status(304, Empty)),
            ("status-600", Status(600, Answer)),
            ("status-999", Status(999, Answer)),
            ("status-400", Status(400, Json)),
            ("status-400-html", Status(400, Html)),
            ("status-400-empty", Status(400, Empty)),
            ("status-400-huge", Status(400, Large(1_000_000))),
            ("status-403", Status(403, Json)),
            ("status-403-html", Status(403, Html)),
            ("status-403-empty", Status(403, Empty)),
            ("status-403-huge", Status(403, Large(1_000_000))),
            ("status-404", Status(404, Json)),
            ("status-404-html", Status(404, Html)),
            ("status-404-empty", Status(404, Empty)),
            ("status-404-huge", Status(404, Large(1_000_000))),
            ("status-406", Status(406, Json)),
            ("status-406-html", Status(406, Html)),
            ("status-406-empty", Status(406, Empty)),
            ("status-406-huge", Status(406, Large(1_000_000))),
            ("status-409", Status(409, Json)),
            ("status-409-html", Status(409, Html)),
            ("status-409-empty", Status(409, Empty)),
            ("status-409-huge", Status(409, Large(1_000_000))),
            ("status-422", Status(422, Json)),
            ("status-422-html", Status(422, Html)),
            ("status-422-empty", Status(422, Empty)),
            ("status-422-huge", Status(422, Large(1_000_000))),
            ("status-429", Status(429, Json)),
            ("status-429-html", Status(429, Html)),
            ("status-429-empty", Status(429, Empty)),
            ("status-429-huge", Status(429, Large(1_000_000))),
            ("status-500", Status(500, Json)),
            ("status-502", Status(502, Json)),
            ("status-503", Status(503, Json)),
            ("status-503-retry-after", RetryAfter(503, "7")),
            ("status-504", Status(504, Json)),
            ("gateway-502-html", Status(502, Html)),
            ("server-error-truncated", Wire(Bytes(HALF_AN_ERROR))),
            ("server-error-endless", endless(ErrorBody)),
        ],
    ),
    (
        "limits",
        &[
            ("too-many-requests", RetryAfter(429, "7")),
            ("retry-after-1", RetryAfter(429, "1")),
            ("retry-after-3600", RetryAfter(429, "3600")),
            ("retry-after-date", RetryAfterDate(429, 7)),
            ("retry-after-far-date", RetryAfter(429, "Thu, 31 Dec 2099 23:59:59 GMT")),
            ("retry-after-past-date", RetryAfter(429, "Sun, 06 Nov 1994 08:49:37 GMT")),
            ("retry-after-negative", RetryAfter(429, "-1")),
            ("retry-after-plus", RetryAfter(429, "+7")),
            ("retry-after-fraction", RetryAfter(429, "1.5")),
            ("retry-after-list", RetryAfter(429, "7, 8")),
            ("retry-after-empty", RetryAfter(429, "")),
            ("retry-after-overlong", RetryAfter(429, "100000000000000000000")),
            ("retry-after-foreign-digit", RetryAfter(429, "\u{661}")),
            ("retry-after-words", RetryAfter(429, "soon")),
        ],
    ),
    (
        "tokens",
        &[
            ("token-expires", TokenExpires),
            ("unauthorized", Status(401, Json)),
            ("login-400", Login(400)),
            ("login-401", Login(401)),
            ("login-403", Login(403)),
            ("login-429", Login(429)),
            ("login-503", Login(503)),
        ],
    ),
    (
        "answers",
        &[
            ("empty-body", Status(200, Text(""))),
            ("blank-body", Status(200, Text(" \r\n\t "))),
            ("captive-portal", Status(200, CaptivePortal)),
            ("invalid-utf8", Status(200, AllBytes)),
        ],
    ),
];

const fn cut(place: Place, ending: Ending) -> Fault {
    Wire(Damage::Cut(place, ending))
}

const fn endless(what: Endless) -> Fault {
    Wire(Damage::Endless(what))
}

/// Each byte once, in an order that is not a text.
const GARBAGE: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut place = 0;
    while place < 256 {
        bytes[place] = (255 - place as u8).wrapping_mul(167);
        place += 1;
    }
    bytes
};

const HALF_AN_ERROR: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\n\
    content-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"detail\":\"Inter";
