//! What the program ends with: an exit code, and a failure's words on standard error.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use kamipay_ureq::proto::pay_status::PaymentTarget;
use kamipay_ureq::proto::scan::Reason;
use kamipay_ureq::proto::{self, InvalidRange, IssueToken, Mismatch};
use kamipay_ureq::{ConnectFault, Error, ErrorKind, ScanError, Sent, TlsFault};

use crate::text::Escaped;

/// The exit codes. Scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done as asked.
    Done = 0,
    /// Any other error.
    Other = 1,
    /// Usage, or an argument that a rule of the API forbids. Nothing was sent.
    Usage = 2,
    /// The API refused.
    Refused = 3,
    /// Not authenticated, or not allowed.
    NotAllowed = 4,
    /// No usable answer.
    NoAnswer = 5,
    /// What was printed is not the whole.
    Incomplete = 6,
    /// The API knows no such thing, or the payout is in none of the lots.
    NotFound = 7,
    /// `pay status`: over, failed and returned.
    Returned = 10,
    /// `pay status`: over, canceled.
    Canceled = 11,
    /// `pay status`: not over, or not known yet.
    NotOver = 12,
    /// Stopped by Ctrl-C: as if the signal SIGINT had ended the program.
    Interrupted = 130,
    /// The reader of standard output has gone: as if the signal SIGPIPE had ended the program.
    OutputClosed = 141,
    /// Stopped by SIGTERM.
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    tips: Vec<String>,
}

impl Failure {
    /// Any other error.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::new(Exit::Other, message)
    }

    /// An invalid argument. Nothing was sent.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// What was asked for does not exist.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, message)
    }

    /// An invalid period.
    pub(crate) fn range(error: &InvalidRange) -> Self {
        let failure = Self::usage(format!("--from and --to: {error}"));
        match error {
            InvalidRange::Order { .. } => failure.tip("give a --to that is after --from").tip(
                "a date is its start in --from and its end in --to: for one day, give it twice",
            ),
            _ => failure,
        }
    }

    /// A call without a usable answer. `doing` says in a few words what the call was for.
    pub(crate) fn call(doing: &str, error: &Error) -> Self {
        let failure = Self::new(exit_of(error), format!("{doing}: {}", error.with_causes()));
        tips(error).into_iter().fold(failure, Self::tip)
    }

    /// A call for one thing, which may not exist. Without a message, a 404 may be another server's.
    pub(crate) fn lookup(doing: &str, error: &Error) -> Self {
        let failure = Self::call(doing, error);
        let is_known_to_be_none =
            match (error.kind(), error.answer().map(proto::ResponseError::kind)) {
                (ErrorKind::Answer(_), Some(proto::ResponseErrorKind::Api(refusal))) => {
                    refusal.status.as_u16() == 404 && refusal.message.is_some()
                }
                _ => false,
            };
        if is_known_to_be_none { Self { exit: Exit::NotFound, ..failure } } else { failure }
    }

    /// A call by hand for one thing. The program does not know what the call is about.
    pub(crate) fn lookup_by_hand(doing: &str, error: &Error) -> Self {
        let failure = Self::lookup(doing, error);
        if status_of(error) != Some(404) {
            return failure;
        }
        Self { tips: Vec::new(), ..failure }
            .tip("is the path right? If it names a payment: a 404 does not mean that it failed")
    }

    /// A call by hand for the state of a payment. An answer that is an error says nothing about it.
    pub(crate) fn of_a_payment(doing: &str, error: &Error) -> Self {
        let failure = Self { tips: Vec::new(), ..Self::call(doing, error) };
        failure.tip("this says nothing about a payment: do not pay again")
    }

    /// A call that is made once. Whatever the error is, the call may have been processed.
    pub(crate) fn made_once(doing: &str, error: &Error) -> Self {
        let failure = Self::call(doing, error);
        if error.sent() == Sent::No {
            return failure.tip("nothing was sent");
        }
        let is_refused = matches!(status_of(error), Some(401 | 403));
        let tips = if is_refused { failure.tips } else { Vec::new() };
        Self { tips, ..failure }.tip(
            "it was sent once, and may have been processed: find out before you make it again (a \
             payment: kamipay pay status --external-id ID)",
        )
    }

    /// Removes the placeholder name of a call by hand from the message.
    pub(crate) fn by_hand(mut self, call: &str) -> Self {
        self.message = self.message.replacen(&format!("{call}: "), "", 1);
        self
    }

    /// A question about a payment, without a usable answer: it says nothing about the payment.
    pub(crate) fn question(payment: &PaymentTarget, error: &Error) -> Self {
        let failure = Self::call(&format!("asking for {payment}"), error);
        let tips = match status_of(innermost(error)) {
            // "It does not exist" would read as if it had failed.
            Some(404) => vec![
                "are the base URL and the account those of the payment? (KAMIPAY_BASE_URL, and \
                 KAMIPAY_TOKEN or KAMIPAY_USERNAME)"
                    .to_owned(),
            ],
            _ => failure.tips,
        };
        let failure = Self { tips: Vec::new(), ..failure };
        let failure = failure.tip("this says nothing about the payment: do not pay again");
        tips.into_iter().fold(failure, Self::tip)
    }

    /// An incomplete scan. `doing` says in a few words what the scan was for.
    pub(crate) fn scan(doing: &str, error: &ScanError) -> Self {
        match error {
            ScanError::Call(error) => Self::call(doing, error),
            ScanError::Incomplete(missing) => {
                Self::incomplete(format!("{doing}: {missing}")).tip(match missing.reason {
                    Reason::DatesIgnored => {
                        "the API seems not to look at the dates that it is asked for: tell kamiPay"
                    }
                    Reason::Repeated => {
                        "does something between here and the API answer in its place, such as a \
                         cache? Or the API does not look at the dates: tell kamiPay"
                    }
                    _ => {
                        "rows came or went while they were read, or the API counts wrong: try again \
                         in a moment, and tell kamiPay if that does not help"
                    }
                })
            }
            other => Self::other(format!("{doing}: {other}")),
        }
    }

    /// What was printed is not the whole.
    pub(crate) fn incomplete(message: impl Into<String>) -> Self {
        Self::new(Exit::Incomplete, message)
    }

    /// A wait that ended before the end of the payment was known.
    pub(crate) fn unknown(message: impl Into<String>) -> Self {
        Self::new(Exit::NotOver, message)
    }

    /// A signal that asked the program to stop.
    pub(crate) fn interrupted(exit: Exit) -> Self {
        Self::new(exit, if exit == Exit::Terminated { "by SIGTERM" } else { "by Ctrl-C" })
    }

    /// The same, with when it came.
    pub(crate) fn stopped(exit: Exit, when: impl fmt::Display) -> Self {
        Self::interrupted(exit).and(when)
    }

    /// Standard output that cannot be written to.
    pub(crate) fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::OutputClosed, String::new());
        }
        Self::other(format!("cannot write to standard output: {error}"))
            .tip("what was written is not the whole")
    }

    /// The same failure, after some rows were printed. `what` says which ones.
    pub(crate) fn after_rows(self, rows: u64, what: &str) -> Self {
        let count = format!("{rows} row{}", if rows == 1 { "" } else { "s" });
        match self.exit {
            Exit::Interrupted | Exit::Terminated => self.and(format!("after {count}")),
            _ if rows == 0 => self,
            _ => Self { exit: Exit::Incomplete, ..self }
                .tip(format!("INCOMPLETE: the {count} {what} are not the whole list")),
        }
    }

    /// The same failure, with more words about it.
    pub(crate) fn and(mut self, words: impl fmt::Display) -> Self {
        self.message = format!("{}, {words}", self.message);
        self
    }

    /// The same failure, with the place where it was.
    pub(crate) fn at(mut self, place: &str) -> Self {
        if matches!(self.exit, Exit::Interrupted | Exit::Terminated) {
            return self.and(format!("in {place}"));
        }
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Adds what to do about it.
    pub(crate) fn tip(mut self, tip: impl Into<String>) -> Self {
        self.tips.push(tip.into());
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Prints the failure on standard error, like a wrong argument.
    pub(crate) fn report(&self) {
        if self.exit == Exit::OutputClosed {
            return;
        }
        let (red, green) = (style(AnsiColor::Red), style(AnsiColor::Green));
        let head = match self.exit {
            Exit::Interrupted | Exit::Terminated => "stopped",
            Exit::NotOver => "do not pay again:",
            _ => "error:",
        };
        let mut text = format!("{red}{head}{red:#} {}\n", Escaped(&self.message));
        for tip in &self.tips {
            text.push_str(&format!("  {green}tip:{green:#} {}\n", Escaped(tip)));
        }
        if self.exit == Exit::Usage {
            text.push_str("\nFor more information, try '--help'.\n");
        }
        // If standard error cannot be written to, only the exit code is left.
        let _ = anstream::stderr().write_all(text.as_bytes());
    }

    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), tips: Vec::new() }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::output(error)
    }
}

/// Says what is wrong with an argument. The message contains the argument as it was given.
pub(crate) fn report_usage(error: &clap::Error) {
    let is_safe = |text: &str| Escaped(text).to_string() == text;
    if std::env::args_os().all(|arg| is_safe(&arg.to_string_lossy())) {
        let _ = error.print();
        return;
    }
    let text = error.render().to_string();
    let lines: String = text.lines().map(|line| format!("{}\n", Escaped(line))).collect();
    let _ = anstream::stderr().write_all(lines.as_bytes());
}

fn style(color: AnsiColor) -> Style {
    color.on_default().bold()
}

fn exit_of(error: &Error) -> Exit {
    match (error.kind(), error.answer().map(proto::ResponseError::kind)) {
        (ErrorKind::Build(_), _) => Exit::Usage,
        (_, Some(proto::ResponseErrorKind::Api(refusal))) => {
            match (refusal.status.as_u16(), is_login(innermost(error))) {
                // The web framework of the API answers a wrong password with 400, too.
                (401 | 403, _) | (400 | 422, true) => Exit::NotAllowed,
                (400..=499, _) => Exit::Refused,
                _ => Exit::NoAnswer,
            }
        }
        _ => Exit::NoAnswer,
    }
}

/// What to do about an error, if anything can be said.
fn tips(error: &Error) -> Vec<&'static str> {
    const AGAIN: &str = "ask again in a moment; nothing was changed by asking";
    const BASE: &str = "is the base URL the API's? (--base-url or KAMIPAY_BASE_URL)";
    match innermost(error).kind() {
        ErrorKind::TimeIsUp => vec!["give the command more time with --deadline"],
        ErrorKind::Timeout(_) => vec![
            AGAIN,
            "or give it more time: each attempt by --timeout, the whole command by --deadline",
        ],
        ErrorKind::Connect(ConnectFault::Refused) => {
            vec![BASE, "if it is the sandbox's: is `kamipay sandbox` still running?"]
        }
        ErrorKind::Connect(_) => {
            vec![BASE, "is this machine online? If by a proxy only: --proxy-from-env"]
        }
        ErrorKind::Tls(TlsFault::Refused) => {
            vec![BASE, "the server refused this client: kamipay sends no client certificate"]
        }
        ErrorKind::Tls(_) => vec![
            BASE,
            "does something between here and the API intercept TLS? If you trust it: --ca-file FILE",
        ],
        ErrorKind::ConnectionClosed | ErrorKind::Truncated | ErrorKind::Io(_) => vec![AGAIN],
        ErrorKind::Protocol | ErrorKind::Encoding => vec![BASE],
        ErrorKind::Answer(answer) => match answer.kind() {
            proto::ResponseErrorKind::Api(refusal) => {
                let message = refusal.message.as_deref().unwrap_or_default();
                match refusal.status.as_u16() {
                    _ if message.contains("checkout_id is required") => {
                        vec!["say which checkout with --checkout ID"]
                    }
                    400 | 401 | 422 if is_login(innermost(error)) => {
                        vec![
                            "check the user name and the password (KAMIPAY_USERNAME, \
                              KAMIPAY_PASSWORD)",
                        ]
                    }
                    401 => vec![
                        "check the token or the user name and password, and that they are for \
                         this base URL; a token also ends with time",
                        "kamipay whoami shows which credentials are used, and where they come from",
                        "if other calls work: kamiPay has to allow this one for your account",
                    ],
                    403 => vec!["kamiPay has to allow this call for your account"],
                    404 if message.is_empty() => vec![BASE],
                    404 => vec![
                        "it does not exist, or it belongs to another merchant: are the base URL \
                         and the account the right ones?",
                    ],
                    429 => vec!["the API asks for fewer calls: try again later"],
                    500..=599 => vec![AGAIN],
                    _ => vec![],
                }
            }
            proto::ResponseErrorKind::UnexpectedStatus => vec![BASE],
            proto::ResponseErrorKind::Mismatch(_) if is_nameless(error) => vec![BY_ANOTHER],
            proto::ResponseErrorKind::Mismatch(_) => vec![AGAIN],
            proto::ResponseErrorKind::Decode(_) => {
                vec![BASE, "if it is, the API has changed: is there a newer version of kamipay?"]
            }
            _ => vec![],
        },
        _ => vec![],
    }
}

/// The tip for an answer that does not contain the identifier asked for.
pub(crate) const BY_ANOTHER: &str =
    "ask by --external-id or --kamipay-id, which such an answer does contain";

/// Whether an answer is unusable because it does not contain that identifier.
pub(crate) fn is_nameless(error: &Error) -> bool {
    matches!(
        error.answer().map(proto::ResponseError::kind),
        Some(proto::ResponseErrorKind::Mismatch(Mismatch { came: None, .. }))
    )
}

/// The status of a refusal.
fn status_of(error: &Error) -> Option<u16> {
    match error.answer().map(proto::ResponseError::kind) {
        Some(proto::ResponseErrorKind::Api(refusal)) => Some(refusal.status.as_u16()),
        _ => None,
    }
}

fn is_login(error: &Error) -> bool {
    error.call() == <IssueToken as proto::Endpoint>::CALL
}

/// The login's error, where the call failed because of it.
fn innermost(error: &Error) -> &Error {
    match error.kind() {
        ErrorKind::Login(login) => innermost(login),
        _ => error,
    }
}
