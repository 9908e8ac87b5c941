//! `kamipay login` and `kamipay logout`

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use kamipay_ureq::proto::lots::ListLots;
use kamipay_ureq::proto::{AccessToken, BaseUrl, DateRange, IssueToken};
use kamipay_ureq::{Client, Credentials};
use signal_hook::consts::SIGINT;
use signal_hook::flag;

use crate::access::Secret;
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::profile::{Name, Profile};
use crate::text::Escaped;

/// Store a base URL and credentials in a profile, after checking them
///
/// Without arguments it asks for the base URL, and for a user name and a password, or a token. What is
/// typed as a secret is not shown. Then it logs in, or lists one lot with the token; credentials that
/// are refused are not stored.
///
/// A profile is a file that only you can read (mode 0600), in the folder `kamipay/profiles` of
/// $XDG_CONFIG_HOME or ~/.config, ~/Library/Application Support on macOS, %APPDATA% on Windows, or in
/// the folder `profiles` of KAMIPAY_CONFIG_DIR. It contains the password or the token as text. The
/// system's keyring is not used.
///
/// All commands use the profile `default`, or the one of --profile (KAMIPAY_PROFILE). Flags and
/// variables come first. Stored credentials are never sent to another base URL.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kamipay login
  kamipay login --profile sandbox --base-url http://127.0.0.1:8080
  kamipay login --base-url https://api.kamipay.io --with-token < token.txt
  KAMIPAY_PASSWORD=… kamipay login --base-url https://api.kamipay.io --username me@example.com")]
pub(crate) struct Login {
    /// Store the bearer token from standard input
    #[arg(long)]
    with_token: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Login {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let connection = &self.connection;
        let name = connection.profile().map_or_else(|| Ok(Name::default()), str::parse)?;
        // A profile that cannot be read is replaced.
        let before = Profile::load(&name).ok().flatten();
        let base_url = match (connection.base_url()?, before) {
            (Some(base), _) => base,
            (None, before) if io::stdin().is_terminal() && !self.with_token => {
                ask_base_url(before.map(|before| before.base_url))?
            }
            (None, Some(before)) => before.base_url,
            (None, None) => {
                return Err(Failure::usage("no base URL: give --base-url URL")
                    .tip("kamipay login --base-url https://api.kamipay.io --with-token < FILE"));
            }
        };
        let file = name.place()?; // before anything is sent
        let secret = self.secret()?.read()?;
        let note = check(connection, &base_url, &secret)?;

        let profile = Profile { name, base_url, secret };
        profile.save(&file)?;
        let who = match profile.secret.username() {
            Some(username) => format!("as {username}"),
            None => "with a token".to_owned(),
        };
        let Profile { name, base_url, .. } = profile;
        say(&format!("logged in to {base_url} {who}"));
        say(&format!("stored in the profile {name}: {}, which only you can read", file.display()));
        if let Some(note) = note {
            say(note);
        }
        let mut winners = VARIABLES.to_vec();
        winners.retain(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        if !winners.is_empty() {
            say(&format!("{} is set, and comes before the profile", winners.join(", ")));
        }
        Ok(Exit::Done)
    }

    /// What flags, variables or standard input give, or else what is typed.
    fn secret(&self) -> Result<Secret, Failure> {
        let connection = &self.connection;
        if self.with_token && io::stdin().is_terminal() {
            return ask_token();
        }
        if self.with_token {
            return Ok(Secret::TokenFile(PathBuf::from("-")));
        }
        let is_asked = io::stdin().is_terminal();
        match (connection.secret(), connection.username()) {
            (Ok(Some(secret)), _) => Ok(secret),
            (_, Some(username)) if is_asked && !connection.has_token() => {
                Ok(Secret::login(username, &ask_secret("Password")?))
            }
            (Err(failure), _) => Err(failure),
            (Ok(None), _) if is_asked => ask_credentials(),
            (Ok(None), _) => Err(Failure::usage(
                "no credentials, and standard input is not a terminal to ask for them",
            )
            .tip("give a token on standard input: kamipay login --with-token < FILE")
            .tip("or set KAMIPAY_USERNAME and KAMIPAY_PASSWORD")),
        }
    }
}

/// Variables that come before a profile.
const VARIABLES: [&str; 5] = [
    "KAMIPAY_BASE_URL",
    "KAMIPAY_TOKEN",
    "KAMIPAY_TOKEN_FILE",
    "KAMIPAY_USERNAME",
    "KAMIPAY_PASSWORD",
];

/// Logs in, or makes one call that changes nothing. Returns what to say about it.
fn check(
    connection: &Connection,
    base: &BaseUrl,
    secret: &Secret,
) -> Result<Option<&'static str>, Failure> {
    let doing = "checking the credentials";
    let client = |credentials| connection.client_at(base.clone(), credentials);
    match secret {
        Secret::Login { username, password } => {
            // `Client` requires a token, but the login does not send it.
            let nobody: AccessToken = "none".parse().map_err(|_| Failure::other("no token"))?;
            let client: Client = client(Credentials::token(nobody))?;
            let issued = client.send(&IssueToken::new(username, password));
            issued.map(|_| None).map_err(|error| Failure::call(doing, &error))
        }
        _ => {
            let client = client(secret.clone().credentials())?;
            let day = DateRange::parse("2026-05-01T00:00:00Z", "2026-05-01T23:59:59Z")
                .map_err(|error| Failure::range(&error))?;
            match client.send(&ListLots::new(day)) {
                Ok(_) => Ok(None),
                Err(error) if is_forbidden(&error) => Ok(Some(
                    "kamiPay does not allow this account to list lots; the token was stored all \
                     the same",
                )),
                Err(error) => Err(Failure::call(doing, &error)),
            }
        }
    }
}

/// The API knows the token, and does not allow the call.
fn is_forbidden(error: &kamipay_ureq::Error) -> bool {
    error.answer().is_some_and(|answer| answer.status().as_u16() == 403)
}

fn ask_base_url(before: Option<BaseUrl>) -> Result<BaseUrl, Failure> {
    let before = before.map_or_else(|| "https://api.kamipay.io".to_owned(), |it| it.to_string());
    let typed = ask(&format!("Base URL [{before}]"))?;
    let url = if typed.is_empty() { before } else { typed };
    url.parse().map_err(|error| Failure::usage(format!("{error}")))
}

fn ask_credentials() -> Result<Secret, Failure> {
    let username = ask("User name (empty to use a token)")?;
    if !username.is_empty() {
        return Ok(Secret::login(&username, &ask_secret("Password")?));
    }
    ask_token()
}

fn ask_token() -> Result<Secret, Failure> {
    let token = ask_secret("Token")?;
    token.trim().parse().map(Secret::Token).map_err(|error| Failure::usage(format!("{error}")))
}

/// Asks on standard error: standard output may be a file.
fn ask(what: &str) -> Result<String, Failure> {
    let cannot = |error: io::Error| Failure::other(format!("cannot read an answer: {error}"));
    let mut line = String::new();
    let _ = write!(io::stderr(), "{what}: ").and_then(|()| io::stderr().flush());
    if io::stdin().read_line(&mut line).map_err(cannot)? == 0 {
        let _ = writeln!(io::stderr());
        return Err(Failure::usage("nothing was typed, and nothing was stored"));
    }
    Ok(line.trim().to_owned())
}

fn ask_secret(what: &str) -> Result<String, Failure> {
    let cannot = |error: io::Error| match error.kind() {
        io::ErrorKind::Interrupted => Failure::interrupted(Exit::Interrupted),
        _ => Failure::other(format!("cannot read a secret: {error}")),
    };
    // rpassword raises SIGINT before it repairs the terminal.
    let is_over = Arc::new(AtomicBool::new(false));
    flag::register_conditional_default(SIGINT, Arc::clone(&is_over)).map_err(cannot)?;
    let secret = rpassword::prompt_password(format!("{what} (not shown): "));
    is_over.store(true, Ordering::Relaxed);
    let secret = secret.map_err(cannot)?;
    if secret.is_empty() {
        return Err(Failure::usage("nothing was typed, and nothing was stored"));
    }
    Ok(secret)
}

fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", Escaped(text));
}

/// Remove a profile with its credentials
///
/// The file is removed. A token stays valid until its end: only kamiPay can end it earlier.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kamipay logout
  kamipay logout --profile sandbox")]
pub(crate) struct Logout {
    /// The profile to remove; default: `default`
    #[arg(long, value_name = "NAME", env = "KAMIPAY_PROFILE", hide_env_values = true)]
    profile: Option<String>,
}

impl Logout {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let named = self.profile.as_deref().filter(|name| !name.is_empty());
        let name = named.map_or_else(|| Ok(Name::default()), str::parse::<Name>)?;
        let file = name.remove()?.ok_or_else(|| {
            Failure::usage(format!("there is no profile {name}, so nothing was removed"))
        })?;
        say(&format!("removed the profile {name}: {}", file.display()));
        Ok(Exit::Done)
    }
}
