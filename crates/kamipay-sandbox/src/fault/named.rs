//! The faults with a name.

use super::{
    Body::{AllBytes, Answer, CaptivePortal, Empty, Html, Json, Large, Text},
    Fault::{
        self, Login, OtherAnswer, Redirect, RetryAfter, RetryAfterDate, Status, TokenExpires, Wire,
    },
    Framing::{Chunked, Closed, Encoded, Header, Length, TwoLengths},
    Location::{Missing, OtherHost, OtherPort, PlainHttp, Same, SchemeRelative},
    Order::{After, Before, Instead},
    Piece::{
        self, Blanks, Body, Bytes, Chunks, Close, Deflate, Drip, Endless, Gzip, GzipBomb, HalfBody,
        HalfChunk, HalfChunks, HalfHead, Head, Headers, Hold, HugeHeader, LastChunk, Reset, Reused,
        StatusLine, WrongByte,
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
            ("closed-before-answer", Wire(&[Close])),
            ("reset-before-answer", Wire(&[Reset])),
            ("pooled-connection-closed", Wire(&[Reused, Close])),
            ("pooled-connection-reset", Wire(&[Reused, Reset])),
            ("closed-after-answer", Wire(&[Piece::Answer, Close])),
            ("extra-answer", OtherAnswer(After)),
            ("stale-answer", OtherAnswer(Before)),
            ("another-answer", OtherAnswer(Instead)),
            ("silent-server", Wire(&[Hold])),
        ],
    ),
    (
        "heads",
        &[
            ("truncated-head", Wire(&[HalfHead, Close])),
            ("stalled-head", Wire(&[HalfHead, Hold])),
            ("dripping-head", Wire(&[Drip(100), Head(Length), Body])),
            ("garbage", Wire(&[Bytes(&GARBAGE), Close])),
            ("ssh-banner", Wire(&[Bytes(b"SSH-2.0-OpenSSH_9.6\r\n"), Close])),
            (
                "html-without-head",
                Wire(&[Bytes(b"<html><body><h1>It works!</h1></body></html>\r\n"), Close]),
            ),
            ("http2-preface", Wire(&[Bytes(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Close])),
            ("http2-status-line", Wire(&[StatusLine("HTTP/2 200"), Head(Length), Body, Close])),
            ("status-000", Wire(&[StatusLine("HTTP/1.1 000 Nothing"), Head(Length), Body, Close])),
            ("too-many-headers", Wire(&[Headers(129), Head(Length), Body])),
            ("huge-header", Wire(&[HugeHeader(100 * 1024), Head(Length), Body])),
            ("endless-header", Wire(&[Bytes(b"HTTP/1.1 200 OK\r\nx-endless: "), Endless(b"x")])),
            ("endless-informational", Wire(&[Endless(EARLY_HINTS)])),
            ("endless-blank-lines", Wire(&[Endless(b"\r\n")])),
        ],
    ),
    (
        "bodies",
        &[
            ("truncated-body", Wire(&[Head(Length), HalfBody, Close])),
            ("missing-body", Wire(&[Head(Length), Close])),
            ("reset-body", Wire(&[Head(Length), HalfBody, Reset])),
            ("truncated-chunk", Wire(&[Head(Chunked), HalfChunk, Close])),
            ("truncated-chunk-size", Wire(&[Head(Chunked), HalfChunks, Bytes(b"1"), Close])),
            ("missing-last-chunk", Wire(&[Head(Chunked), Chunks, Close])),
            ("reset-chunk", Wire(&[Head(Chunked), HalfChunk, Reset])),
            ("truncated-unframed", Wire(&[Head(Closed), HalfBody, Close])),
            ("reset-unframed", Wire(&[Head(Closed), HalfBody, Reset])),
            ("reset-after-document", Wire(&[Head(Closed), Body, Reset])),
            ("stalled-body", Wire(&[Head(Length), HalfBody, Hold])),
            ("stalled-chunk", Wire(&[Head(Chunked), HalfChunk, Hold])),
            ("dripping-body", Wire(&[Head(Length), Drip(100), Body])),
            (
                "endless-trailers",
                Wire(&[Head(Chunked), Chunks, Bytes(b"0\r\n"), Endless(b"x-trailer: x\r\n")]),
            ),
            ("unframed-keep-alive", Wire(&[Head(Header("connection: keep-alive")), Body, Hold])),
            ("chunked", Wire(&[Head(Chunked), Chunks, LastChunk])),
            ("until-closed", Wire(&[Head(Closed), Body, Close])),
        ],
    ),
    (
        "lengths",
        &[
            ("conflicting-lengths", Wire(&[Head(TwoLengths), Body, Close])),
            ("negative-length", Wire(&[Head(Header("content-length: -1")), Body, Close])),
            (
                "huge-length",
                Wire(&[Head(Header("content-length: 99999999999999999999999")), Body, Close]),
            ),
            (
                "bad-chunk-size",
                Wire(&[Head(Chunked), Bytes(b"some\r\n"), Body, Bytes(b"\r\n"), LastChunk, Close]),
            ),
            (
                "huge-chunk-size",
                Wire(&[
                    Head(Chunked),
                    Bytes(b"fffffffffffffffff\r\n"),
                    Body,
                    Bytes(b"\r\n"),
                    LastChunk,
                    Close,
                ]),
            ),
            (
                "length-u64-max",
                Wire(&[Head(Header("content-length: 18446744073709551615")), Blanks(u64::MAX)]),
            ),
            (
                "length-gigabyte",
                Wire(&[Head(Header("content-length: 1073741824")), Blanks(1 << 30)]),
            ),
            ("endless-body", Wire(&[Head(Closed), Endless(b" ")])),
            ("endless-chunked", Wire(&[Head(Chunked), Endless(BLANK_CHUNK)])),
        ],
    ),
    (
        "encodings",
        &[
            ("gzip-bomb", Wire(&[GzipBomb])),
            ("false-gzip", Wire(&[Head(Encoded("gzip")), Body])),
            ("damaged-gzip", Wire(&[Gzip, WrongByte, Head(Encoded("gzip")), Body])),
            (
                "truncated-gzip",
                Wire(&[
                    Gzip,
                    Head(Header("content-encoding: gzip\r\nconnection: close")),
                    HalfBody,
                    Close,
                ]),
            ),
            ("gzip-twice", Wire(&[Gzip, Gzip, Head(Encoded("gzip, gzip")), Body])),
            ("content-encoding-br", Wire(&[Head(Encoded("br")), Body])),
            ("content-encoding-deflate", Wire(&[Deflate, Head(Encoded("deflate")), Body])),
            (
                "transfer-encoding-gzip",
                Wire(&[Gzip, Head(Header("transfer-encoding: gzip")), Body, Close]),
            ),
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
            ("informational-only", Wire(&[Bytes(b"HTTP/1.1 100 Continue\r\n\r\n"), Close])),
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
            (
                "server-error-truncated",
                Wire(&[
                    Bytes(ERROR_HEAD),
                    Bytes(b"content-length: 1000\r\n\r\n{\"detail\":\"Inter"),
                    Close,
                ]),
            ),
            (
                "server-error-endless",
                Wire(&[Bytes(ERROR_HEAD), Bytes(b"connection: close\r\n\r\n"), Endless(b" ")]),
            ),
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

const EARLY_HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";
const BLANK_CHUNK: &[u8] = b"20\r\n                                \r\n";
const ERROR_HEAD: &[u8] =
    b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\n";
