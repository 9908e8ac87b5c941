//! What goes wrong between a server and a client, by name.

use std::{fmt, str::FromStr};

use crate::{names::UnknownScenario, schedule::Schedule};

mod answer;
mod plan;

pub(crate) use self::{
    answer::{Context, answer, other_status, somebody_elses},
    plan::Faults,
};

macro_rules! faults {
    ($($group:literal { $($variant:ident $name:literal $description:literal;)+ })+) => {
        /// A fault of the network, of something between client and API, or of the API.
        ///
        /// It happens instead of the answer to a request, once unless told otherwise:
        ///
        /// ```
        /// use kamipay_sandbox::{Calls, Fault, Sandbox, Schedule};
        ///
        /// let mut sandbox = Sandbox::documented();
        /// sandbox.fail_next(Fault::TruncatedBody, 2); // the next two calls
        /// sandbox.fail_at(5, "gateway-502-html".parse()?); // the fifth call from now on
        /// sandbox.add_fault(Fault::Status503, Calls::Login, Schedule::always());
        /// # Ok::<(), kamipay_sandbox::UnknownScenario>(())
        /// ```
        ///
        /// A [`Server`](crate::Server) produces all of them on its sockets. What lasts for ever
        /// there ends when the client closes the connection or the server is dropped, and needs
        /// little memory. Without a server, those that can be said by an HTTP response are
        /// answers of [`Sandbox::handle`](crate::Sandbox::handle), and the others errors of
        /// [`Sandbox::try_handle`](crate::Sandbox::try_handle).
        ///
        /// Where a fault spoils an answer, it is the answer that would have been given.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[doc = concat!("`", $name, "`: ", $description, ".")] $variant,)+)+
        }

        impl Fault {
            /// All faults, those of one [`Fault::group`] together.
            pub const ALL: &'static [Self] = &[$($(Self::$variant),+),+];

            /// The fault's name.
            pub const fn as_str(self) -> &'static str {
                match self { $($(Self::$variant => $name),+),+ }
            }

            /// The name of the scenario in which it never stops.
            pub(crate) const fn name_always(self) -> &'static str {
                match self { $($(Self::$variant => concat!($name, "-always")),+),+ }
            }

            /// One line that says what happens.
            pub const fn description(self) -> &'static str {
                match self { $($(Self::$variant => $description),+),+ }
            }

            /// What it is about: `connections`, `heads`, …, for those who print all faults.
            pub const fn group(self) -> &'static str {
                match self { $($(Self::$variant)|+ => $group),+ }
            }
        }
    };
}

faults! {
    "connections" {
        ClosedBeforeAnswer "closed-before-answer" "the connection is closed before any byte of the answer";
        ResetBeforeAnswer "reset-before-answer" "the connection is reset before any byte of the answer";
        PooledConnectionClosed "pooled-connection-closed" "a connection that was used before is closed when the next request arrives";
        PooledConnectionReset "pooled-connection-reset" "a connection that was used before is reset when the next request arrives";
        ClosedAfterAnswer "closed-after-answer" "the connection is closed after the answer without a word of it";
        ExtraAnswer "extra-answer" "a second answer follows at once, to another request, for whoever asks next on the connection";
        StaleAnswer "stale-answer" "on a connection that was used before, the answer to another request comes first";
        AnotherAnswer "another-answer" "the answer is to another request: another identifier, another offset";
        SilentServer "silent-server" "the connection stays open and nothing comes";
    }
    "heads" {
        TruncatedHead "truncated-head" "the connection is closed in the middle of the head";
        StalledHead "stalled-head" "the head stops in the middle and the connection stays open";
        DrippingHead "dripping-head" "the head comes at a byte every 100 ms";
        Garbage "garbage" "the answer is no HTTP but random bytes";
        SshBanner "ssh-banner" "an SSH server answers";
        HtmlWithoutHead "html-without-head" "an HTML page comes without a head";
        Http2Preface "http2-preface" "the preface of HTTP/2 comes";
        Http2StatusLine "http2-status-line" "the status line is one of HTTP/2";
        Status000 "status-000" "the status is 000";
        TooManyHeaders "too-many-headers" "the head has 129 headers more";
        HugeHeader "huge-header" "one header has 100 KB";
        EndlessHeader "endless-header" "one header never ends";
        EndlessInformational "endless-informational" "answers with status 103 come without end";
        EndlessBlankLines "endless-blank-lines" "blank lines come without end";
    }
    "bodies" {
        TruncatedBody "truncated-body" "the body is shorter than its content-length, then the connection is closed";
        MissingBody "missing-body" "the body is announced by its content-length and the connection closed";
        ResetBody "reset-body" "the body is shorter than its content-length, then the connection is reset";
        TruncatedChunk "truncated-chunk" "the connection is closed in the middle of a chunk";
        TruncatedChunkSize "truncated-chunk-size" "the connection is closed in the middle of the size of a chunk";
        MissingLastChunk "missing-last-chunk" "the connection is closed before the empty chunk at the end";
        ResetChunk "reset-chunk" "the connection is reset in the middle of a chunk";
        TruncatedUnframed "truncated-unframed" "half a body comes without a length, then the connection is closed";
        ResetUnframed "reset-unframed" "half a body comes without a length, then the connection is reset";
        ResetAfterDocument "reset-after-document" "the whole body comes without a length, then the connection is reset";
        StalledBody "stalled-body" "the body stops in the middle and the connection stays open";
        StalledChunk "stalled-chunk" "a chunk stops in the middle and the connection stays open";
        DrippingBody "dripping-body" "the body comes at a byte every 100 ms";
        EndlessTrailers "endless-trailers" "headers after the body come without end";
        UnframedKeepAlive "unframed-keep-alive" "the whole body comes without a length and the connection stays open";
        Chunked "chunked" "the whole body comes in chunks, which is no fault";
        UntilClosed "until-closed" "the whole body comes without a length until the connection is closed, which is no fault";
    }
    "lengths" {
        ConflictingLengths "conflicting-lengths" "there are two content-lengths";
        NegativeLength "negative-length" "the content-length is -1";
        HugeLength "huge-length" "the content-length has 23 digits";
        BadChunkSize "bad-chunk-size" "the size of a chunk is no number";
        HugeChunkSize "huge-chunk-size" "the size of a chunk has 17 digits";
        LengthU64Max "length-u64-max" "the content-length is 2^64-1, and blanks come without end";
        LengthGigabyte "length-gigabyte" "the content-length is 1 GiB, and so many blanks come";
        EndlessBody "endless-body" "blanks come without a length and without end";
        EndlessChunked "endless-chunked" "chunks of blanks come without end";
    }
    "encodings" {
        GzipBomb "gzip-bomb" "1 MB of gzip unpacks to 1 GiB of blanks";
        FalseGzip "false-gzip" "the body is said to be gzip and is not";
        DamagedGzip "damaged-gzip" "the body is gzip with a wrong byte";
        TruncatedGzip "truncated-gzip" "half of a body in gzip comes without a length, then the connection is closed";
        GzipTwice "gzip-twice" "the body is packed twice";
        ContentEncodingBr "content-encoding-br" "the body is said to be Brotli";
        ContentEncodingDeflate "content-encoding-deflate" "the body is packed by deflate";
        TransferEncodingGzip "transfer-encoding-gzip" "the transfer-encoding is gzip, and the connection is closed at the end";
    }
    "redirects" {
        Redirect301 "redirect-301" "status 301 to another host";
        Redirect302 "redirect-302" "status 302 to another host";
        Redirect303 "redirect-303" "status 303 to another host";
        Redirect307 "redirect-307" "status 307 to another host";
        Redirect308 "redirect-308" "status 308 to another host";
        RedirectOtherPort "redirect-other-port" "status 302 to another port of the same host";
        RedirectPlainHttp "redirect-plain-http" "status 302 to http:// on the same host, whatever the client came by";
        RedirectSchemeRelative "redirect-scheme-relative" "status 302 to //elsewhere.invalid";
        RedirectNowhere "redirect-nowhere" "status 302 without a location";
        RedirectLoop "redirect-loop" "status 302 to what was asked for";
    }
    "statuses" {
        Status101 "status-101" "status 101";
        InformationalOnly "informational-only" "status 100 comes and no other, then the connection is closed";
        Status204 "status-204" "status 204, which has no body";
        Status205 "status-205" "status 205 with an empty body";
        Status206 "status-206" "status 206 with the whole body";
        Status304 "status-304" "status 304, which has no body";
        Status600 "status-600" "status 600 with the whole body";
        Status999 "status-999" "status 999 with the whole body";
        Status400 "status-400" "status 400 with JSON";
        Status400Html "status-400-html" "status 400 with HTML";
        Status400Empty "status-400-empty" "status 400 with an empty body";
        Status400Huge "status-400-huge" "status 400 with 1 MB of JSON";
        Status403 "status-403" "status 403 with JSON";
        Status403Html "status-403-html" "status 403 with HTML";
        Status403Empty "status-403-empty" "status 403 with an empty body";
        Status403Huge "status-403-huge" "status 403 with 1 MB of JSON";
        Status404 "status-404" "status 404 with JSON";
        Status404Html "status-404-html" "status 404 with HTML";
        Status404Empty "status-404-empty" "status 404 with an empty body";
        Status404Huge "status-404-huge" "status 404 with 1 MB of JSON";
        Status406 "status-406" "status 406 with JSON";
        Status406Html "status-406-html" "status 406 with HTML";
        Status406Empty "status-406-empty" "status 406 with an empty body";
        Status406Huge "status-406-huge" "status 406 with 1 MB of JSON";
        Status409 "status-409" "status 409 with JSON";
        Status409Html "status-409-html" "status 409 with HTML";
        Status409Empty "status-409-empty" "status 409 with an empty body";
        Status409Huge "status-409-huge" "status 409 with 1 MB of JSON";
        Status422 "status-422" "status 422 with JSON";
        Status422Html "status-422-html" "status 422 with HTML";
        Status422Empty "status-422-empty" "status 422 with an empty body";
        Status422Huge "status-422-huge" "status 422 with 1 MB of JSON";
        Status429 "status-429" "status 429 with JSON, without a word of when to come back";
        Status429Html "status-429-html" "status 429 with HTML";
        Status429Empty "status-429-empty" "status 429 with an empty body";
        Status429Huge "status-429-huge" "status 429 with 1 MB of JSON";
        Status500 "status-500" "status 500 with JSON";
        Status502 "status-502" "status 502 with JSON";
        Status503 "status-503" "status 503 with JSON";
        Status503RetryAfter "status-503-retry-after" "status 503, to be asked again after 7 s";
        Status504 "status-504" "status 504 with JSON";
        Gateway502Html "gateway-502-html" "status 502 with the HTML page of a proxy";
        ServerErrorTruncated "server-error-truncated" "status 500 with half a body, then the connection is closed";
        ServerErrorEndless "server-error-endless" "status 500 with a body without end";
    }
    "limits" {
        TooManyRequests "too-many-requests" "status 429, to be asked again after 7 s";
        RetryAfter1 "retry-after-1" "status 429, to be asked again after 1 s";
        RetryAfter3600 "retry-after-3600" "status 429, to be asked again after an hour";
        RetryAfterDate "retry-after-date" "status 429, to be asked again 7 s after the time in the sandbox, as a date";
        RetryAfterFarDate "retry-after-far-date" "status 429, to be asked again at the end of 2099";
        RetryAfterPastDate "retry-after-past-date" "status 429, to be asked again after a date in 1994";
        RetryAfterNegative "retry-after-negative" "status 429, to be asked again after -1 s";
        RetryAfterPlus "retry-after-plus" "status 429 with the retry-after +7";
        RetryAfterFraction "retry-after-fraction" "status 429 with the retry-after 1.5";
        RetryAfterList "retry-after-list" "status 429 with the retry-after `7, 8`";
        RetryAfterEmpty "retry-after-empty" "status 429 with an empty retry-after";
        RetryAfterOverlong "retry-after-overlong" "status 429 with a retry-after of 21 digits";
        RetryAfterForeignDigit "retry-after-foreign-digit" "status 429 with an Arabic digit as retry-after";
        RetryAfterWords "retry-after-words" "status 429 with the retry-after `soon`";
    }
    "tokens" {
        TokenExpires "token-expires" "the tokens issued so far are no longer accepted, so that the answer is a 401";
        Unauthorized "unauthorized" "status 401, whatever the token";
        Login400 "login-400" "logging in is answered with status 400";
        Login401 "login-401" "logging in is refused with status 401";
        Login403 "login-403" "logging in is answered with status 403";
        Login429 "login-429" "logging in is answered with status 429, to be asked again after 7 s";
        Login503 "login-503" "logging in is answered with status 503";
    }
    "answers" {
        EmptyBody "empty-body" "status 200 with an empty body";
        BlankBody "blank-body" "status 200 with nothing but blanks";
        CaptivePortal "captive-portal" "status 200 with the HTML page of a hotel's network";
        InvalidUtf8 "invalid-utf8" "status 200 with all bytes there are, as JSON";
    }
}

impl Fault {
    /// The calls that it concerns, unless told otherwise.
    pub const fn calls(self) -> Calls {
        match self {
            Self::Login400 | Self::Login401 | Self::Login403 | Self::Login429 | Self::Login503 => {
                Calls::Login
            }
            _ => Calls::Data,
        }
    }

    /// When it happens, unless told otherwise.
    pub const fn schedule(self) -> Schedule {
        Schedule::once()
    }

    /// Whether it needs a connection that was used before.
    pub(crate) fn needs_used_connection(self) -> bool {
        matches!(
            self,
            Self::PooledConnectionClosed | Self::PooledConnectionReset | Self::StaleAnswer
        )
    }

    /// Whether a client gets a whole response all the same.
    pub(crate) fn leaves_a_response(self) -> bool {
        matches!(self.group(), "redirects" | "limits" | "tokens" | "answers")
            || match self {
                Self::InformationalOnly | Self::ServerErrorTruncated | Self::ServerErrorEndless => {
                    false
                }
                Self::ClosedAfterAnswer
                | Self::ExtraAnswer
                | Self::AnotherAnswer
                | Self::ResetAfterDocument
                | Self::Chunked
                | Self::UntilClosed => true,
                _ => self.group() == "statuses",
            }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Fault {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let fault = Self::ALL.iter().find(|fault| fault.as_str() == name);
        let names = || Self::ALL.iter().map(|fault| fault.as_str());
        fault.copied().ok_or_else(|| UnknownScenario::new("fault", name, names()))
    }
}

/// Which calls a [`Fault`] concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Calls {
    /// All calls.
    All,
    /// All but `POST /auth/token`.
    Data,
    /// `POST /auth/token`.
    Login,
}

impl Calls {
    fn include(self, is_login: bool) -> bool {
        match self {
            Self::All => true,
            Self::Data => !is_login,
            Self::Login => is_login,
        }
    }
}

#[cfg(test)]
mod tests;
