//! What is sent and what comes, for the person at the terminal and for the vendor's support.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use kamipay_ureq::{OnAttempt, OnTraffic, Traffic};
use serde_json::json;

use crate::exit::Failure;
use crate::mask::Mask;
use crate::output::note;
use crate::private;
use crate::text::Escaped;

/// `--verbose` and `--trace`.
#[derive(Args)]
#[command(next_help_heading = "For support")]
pub(crate) struct Tracing {
    /// Show each attempt on standard error: the call, status, request id, time, and what comes next
    #[arg(long, short)]
    verbose: bool,
    /// Append each request and its answer to FILE, without secrets and personal data
    ///
    /// For kamiPay's support: one JSON object per line, in a file that only you can read. Shown are
    /// statuses, messages, identifiers, hashes, amounts, currencies and times. Every other field is
    /// `***`: tokens, user names and passwords, names, Pix keys and QR codes, documents (CPF, CNPJ),
    /// bank accounts, e-mails, phones, wallet addresses, free texts, and fields that this program does
    /// not know. In what is shown, e-mails, CPFs, CNPJs, phones and tokens are replaced too, and in
    /// messages all that was hidden elsewhere. A name that stands in a message alone is not
    /// recognised: look at the file before you send it.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

impl Tracing {
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    pub(crate) fn on_attempt(&self, name: Option<(&'static str, String)>) -> Option<OnAttempt> {
        self.verbose.then(|| shown(name))
    }

    pub(crate) fn on_traffic(&self) -> Result<Option<OnTraffic>, Failure> {
        self.trace.as_deref().map(written).transpose()
    }
}

/// Shows each attempt on standard error. `name` replaces the name of a call that has none of its own.
fn shown(name: Option<(&'static str, String)>) -> OnAttempt {
    OnAttempt::new(move |attempt| {
        let mut line = attempt.to_string();
        if let Some((call, name)) = name.as_ref().filter(|(call, _)| *call == attempt.call) {
            line = line.replacen(call, name, 1);
        }
        let _ = writeln!(io::stderr(), "{}", Escaped(&line));
    })
}

/// Appends each request and its answer to a file, masked.
fn written(path: &Path) -> Result<OnTraffic, Failure> {
    let file = open(path)?;
    let (path, file) = (path.to_owned(), Mutex::new(Some(file)));
    Ok(OnTraffic::new(move |traffic| {
        let line = line(traffic, SystemTime::now().into());
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(to) = file.as_mut() else { return };
        if let Err(error) = to.write_all(line.as_bytes()) {
            *file = None; // said once
            note(&format!("--trace {}: it is not whole: {error}", path.display()));
        }
    }))
}

/// A file for this user alone.
fn open(path: &Path) -> Result<File, Failure> {
    let wrong = |why: &str| Failure::usage(format!("--trace {}: {why}", path.display()));
    let file = private::options().append(true).create(true).open(path);
    let file = file.map_err(|error| wrong(&format!("it cannot be opened: {error}")))?;
    let known = file.metadata().map_err(|error| wrong(&error.to_string()))?;
    if !known.is_file() {
        return Err(wrong("it is not a file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if known.permissions().mode() & 0o077 != 0 {
            let cure = format!("name a new file, or: chmod 600 {}", path.display());
            return Err(wrong("others can read or change it").tip(cure));
        }
    }
    Ok(file)
}

/// A line of JSON.
fn line(traffic: &Traffic<'_>, now: DateTime<Utc>) -> String {
    let Traffic { call, request, outcome, took, .. } = traffic;
    let uri = request.uri();
    let mut mask = Mask::new();
    mask.learn(request.headers(), uri.query().unwrap_or_default(), request.body());
    if let Ok(response) = outcome {
        mask.learn(response.headers(), "", response.body());
    }
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let head = json!({
        "time": now.to_rfc3339_opts(SecondsFormat::Millis, true),
        "call": call,
        "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "method": request.method().as_str(),
        "url": format!(
            "{}://{host}{}",
            uri.scheme_str().unwrap_or_default(),
            mask.target(uri.path(), uri.query())
        ),
    });
    let headers = |mask: &Mask, headers| {
        serde_json::to_string(&mask.headers(headers)).unwrap_or_else(|_| "null".to_owned())
    };
    let sent = format!(
        r#"{{"headers":{},"body":{}}}"#,
        headers(&mask, request.headers()),
        mask.body(request.body())
    );
    let came = match outcome {
        Ok(response) => format!(
            r#"{{"status":{},"headers":{},"body":{}}}"#,
            response.status().as_u16(),
            headers(&mask, response.headers()),
            mask.body(response.body())
        ),
        Err(error) => json!({ "error": error.to_string() }).to_string(),
    };
    let head = head.to_string();
    let head = head.strip_suffix('}').unwrap_or(&head);
    format!("{head},\"request\":{sent},\"answer\":{came}}}\n")
}
