//! Which base URL and credentials a command uses: flags and variables, then the profile.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use kamipay_ureq::Credentials;
use kamipay_ureq::proto::{AccessToken, BaseUrl};

use crate::connection::Connection;
use crate::exit::Failure;
use crate::profile::{Name, Profile};

/// The base URL and the credentials of a command.
pub(crate) struct Access {
    pub(crate) base: BaseUrl,
    pub(crate) secret: Secret,
    /// Whether a flag or a variable gave the base URL, and not the profile.
    pub(crate) is_base_given: bool,
    /// Whether flags or variables gave the credentials.
    pub(crate) is_secret_given: bool,
    /// The profile, if it was looked at.
    pub(crate) profile: Option<Name>,
}

/// A token, the place of one, or a user name and a password.
#[derive(Clone)]
pub(crate) enum Secret {
    Token(AccessToken),
    TokenFile(PathBuf),
    Login { username: String, password: String },
}

impl Access {
    pub(crate) fn find(connection: &Connection) -> Result<Self, Failure> {
        let (base, secret) = (connection.base_url()?, connection.secret()?);
        let (is_base_given, is_secret_given) = (base.is_some(), secret.is_some());
        let named = connection.profile();
        // A profile that is not needed is not read, unless it was asked for.
        let is_needed = named.is_some() || base.is_none() || secret.is_none();
        let profile = if is_needed { stored(named)? } else { None };
        let name = profile.as_ref().map(|profile| profile.name.clone());

        let base = match (base, &profile) {
            (Some(base), Some(profile)) if secret.is_none() && base != profile.base_url => {
                return Err(elsewhere(&base, profile));
            }
            (Some(base), _) => base,
            (None, Some(profile)) => profile.base_url.clone(),
            (None, None) => return Err(no_base_url()),
        };
        let secret = secret.or_else(|| profile.map(|profile| profile.secret));
        let secret = secret.ok_or_else(no_credentials)?;
        Ok(Self { base, secret, is_base_given, is_secret_given, profile: name })
    }
}

/// The named profile, or the default one if there is one.
fn stored(named: Option<&str>) -> Result<Option<Profile>, Failure> {
    let name = named.map_or_else(|| Ok(Name::default()), str::parse)?;
    match (Profile::load(&name)?, named) {
        (None, Some(_)) => Err(name.missing()),
        (profile, _) => Ok(profile),
    }
}

/// A stored secret stays with its base URL.
fn elsewhere(base: &BaseUrl, profile: &Profile) -> Failure {
    Failure::usage(format!(
        "the credentials of the profile {} are for {}, and are not sent to {base}",
        profile.name, profile.base_url
    ))
    .tip("leave --base-url (KAMIPAY_BASE_URL) away, or give credentials of your own for it")
    .tip(format!("to store some: kamipay login --profile NAME --base-url {base}"))
}

fn no_base_url() -> Failure {
    Failure::usage("no base URL: set KAMIPAY_BASE_URL, or give --base-url URL")
        .tip("export KAMIPAY_BASE_URL=https://api.kamipay.io")
        .tip("to store it with your credentials: kamipay login")
        .tip("to try things out without an account: kamipay sandbox, or kamipay demo")
}

fn no_credentials() -> Failure {
    Failure::usage(
        "no credentials: set KAMIPAY_TOKEN (or give --token), or set KAMIPAY_USERNAME and \
         KAMIPAY_PASSWORD (or give --username and --password)",
    )
    .tip("to store them: kamipay login")
}

impl Secret {
    pub(crate) fn login(username: &str, password: &str) -> Self {
        Self::Login { username: username.to_owned(), password: password.to_owned() }
    }

    /// The user name, if there is one: a token does not say.
    pub(crate) fn username(&self) -> Option<&str> {
        match self {
            Self::Login { username, .. } => Some(username),
            Self::Token(_) | Self::TokenFile(_) => None,
        }
    }

    /// The same, with the token itself in place of its file.
    pub(crate) fn read(self) -> Result<Self, Failure> {
        match self {
            Self::TokenFile(file) => token_in(&file).map(Self::Token),
            secret => Ok(secret),
        }
    }

    /// What a client needs. A file has to be [read](Self::read) before.
    pub(crate) fn credentials(self) -> Credentials {
        match self {
            Self::Token(token) => Credentials::token(token),
            Self::Login { username, password } => Credentials::login(username, password),
            Self::TokenFile(_) => unreachable!("`read` comes first"),
        }
    }
}

fn token_in(file: &Path) -> Result<AccessToken, Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::usage(format!("--token-file {}: {error}", file.display()))
    };
    let text = match file.to_str() {
        Some("-") => text(io::stdin().lock()),
        _ => File::open(file).and_then(text),
    };
    let text = text.map_err(|error| wrong(&format!("it cannot be read: {error}")))?;
    text.parse().map_err(|error| wrong(&error))
}

/// The text of a token, without the line end that an editor adds.
fn text(from: impl Read) -> io::Result<String> {
    const MOST: u64 = 16_384 + 3; // a longer one is refused
    let mut text = String::new();
    from.take(MOST).read_to_string(&mut text)?;
    let length = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(length);
    Ok(text)
}
