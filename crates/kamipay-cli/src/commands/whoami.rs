//! `kamipay whoami`

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use serde::Serialize;

use crate::access::{Access, Secret};
use crate::clock;
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::output::{Output, Thing};
use crate::profile::Name;
use crate::table::{self, Column, text};
use crate::view::View;

/// Show the base URL and the credentials that commands use, and where they come from
///
/// Nothing is sent, and no secret is shown. `expires_at` is what a token says about itself (the claim
/// `exp` of a JWT), which is not verified; other tokens do not say. With a user name and a password, a
/// token is asked for when it is needed.
///
/// What is missing or contradicts itself is refused (exit code 2), as by all commands.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kamipay whoami
  kamipay whoami --profile sandbox --output json | jq -r .base_url")]
pub(crate) struct Whoami {
    #[command(flatten)]
    sources: Sources, // before the others: they take their values out of the matches
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

/// The flags and variables that gave the base URL and the credentials.
struct Sources {
    base_url: Vec<&'static str>,
    secret: Vec<&'static str>,
}

impl Sources {
    fn of(matches: &ArgMatches, args: &[[&'static str; 3]]) -> Vec<&'static str> {
        let source = |[id, flag, variable]: &[&'static str; 3]| match matches.value_source(id)? {
            ValueSource::CommandLine => Some(*flag),
            // An empty variable counts as absent.
            _ => std::env::var_os(variable).is_some_and(|it| !it.is_empty()).then_some(*variable),
        };
        args.iter().filter_map(source).collect()
    }
}

impl FromArgMatches for Sources {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let base_url = [["base_url", "--base-url", "KAMIPAY_BASE_URL"]];
        let secret = [
            ["token", "--token", "KAMIPAY_TOKEN"],
            ["token_file", "--token-file", "KAMIPAY_TOKEN_FILE"],
            ["username", "--username", "KAMIPAY_USERNAME"],
            ["password", "--password", "KAMIPAY_PASSWORD"],
        ];
        let [base_url, secret] = [&base_url[..], &secret].map(|args| Self::of(matches, args));
        Ok(Self { base_url, secret })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Sources {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

impl Whoami {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let access = self.connection.access()?;
        let profile = access.profile.as_ref();
        let from = |is_given: bool, sources: &[&str]| match profile {
            Some(profile) if !is_given => format!("the profile {profile}"),
            _ => sources.join(" and "),
        };
        let base_url_from = from(access.is_base_given, &self.sources.base_url);
        let credentials_from = from(access.is_secret_given, &self.sources.secret);
        let (profile, file) = match profile {
            Some(name) => (Some(name.clone()), name.path().map(|path| path.display().to_string())),
            None => (None, None),
        };
        let Access { base, secret, .. } = access;
        let secret = secret.read()?;
        let (credentials, username, expires_at) = match &secret {
            Secret::Login { username, .. } => ("login", Some(username.clone()), None),
            Secret::Token(token) => ("token", None, token.expires_at()),
            Secret::TokenFile(_) => ("token", None, None),
        };
        let now = clock::now()?;
        let identity = Identity {
            base_url: base.to_string(),
            base_url_from,
            credentials,
            credentials_from,
            username,
            expires_at: expires_at.map(|time| table::time(Some(time))),
            is_expired: expires_at.map(|time| time <= now),
            profile,
            file,
        };
        self.output.thing(&identity, &View::screen())?;
        Ok(Exit::Done)
    }
}

#[derive(Serialize)]
struct Identity {
    base_url: String,
    base_url_from: String,
    credentials: &'static str,
    credentials_from: String,
    username: Option<String>,
    expires_at: Option<String>,
    is_expired: Option<bool>,
    profile: Option<Name>,
    file: Option<String>,
}

impl Thing for Identity {
    fn columns() -> Vec<&'static str> {
        IDENTITY.iter().map(Column::name).collect()
    }

    fn table(&self, view: &View) -> String {
        table::fields_of(self, IDENTITY, view)
    }
}

const IDENTITY: &[Column] = &[
    text("base_url"),
    text("base_url_from"),
    text("credentials"),
    text("credentials_from"),
    text("username"),
    text("expires_at"),
    text("is_expired"),
    text("profile"),
    text("file"),
];
