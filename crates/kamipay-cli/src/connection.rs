//! How to reach the API: where it is, the credentials, the time.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, io};

use clap::Args;
use kamipay_ureq::proto::BaseUrl;
use kamipay_ureq::{Client, Config, Credentials, InvalidConfig};
use serde::{Deserialize, Serialize};

use crate::access::{Access, Secret};
use crate::exit::Failure;
use crate::time;
use crate::trace::Tracing;

/// How to reach the API.
#[derive(Args)]
#[command(
    next_help_heading = "Connection (better in variables: a command line can be seen by others)"
)]
pub(crate) struct Connection {
    /// Where the API is, such as `https://api.kamipay.io`
    #[arg(long, value_name = "URL", env = "KAMIPAY_BASE_URL", hide_env_values = true)]
    base_url: Option<String>,
    /// A bearer token
    #[arg(long, value_name = "TOKEN", env = "KAMIPAY_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Log in with a user name and a password, instead of a token
    #[arg(long, value_name = "NAME", env = "KAMIPAY_USERNAME", hide_env_values = true)]
    username: Option<String>,
    /// The password of --username
    #[arg(long, value_name = "PASSWORD", env = "KAMIPAY_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Read the bearer token from FILE; `-` is standard input
    ///
    /// It is read once, when the command begins.
    #[arg(long, value_name = "FILE", env = "KAMIPAY_TOKEN_FILE", hide_env_values = true)]
    token_file: Option<OsString>,
    /// The profile of `kamipay login` to use; default: `default`
    ///
    /// Flags and variables come before what is stored. Stored credentials are sent to the base URL
    /// that they were stored with, and to no other.
    #[arg(long, value_name = "NAME", env = "KAMIPAY_PROFILE", hide_env_values = true)]
    profile: Option<String>,
    /// Trust the authorities whose certificates are in FILE (PEM), instead of Mozilla's
    ///
    /// For a network whose own authority signs for the API. FILE must contain all that are trusted.
    #[arg(long, value_name = "FILE", env = "KAMIPAY_CA_FILE", hide_env_values = true)]
    ca_file: Option<OsString>,
    /// Use the proxy of the first of ALL_PROXY, HTTPS_PROXY, HTTP_PROXY, except for hosts in NO_PROXY
    #[arg(long)]
    proxy_from_env: bool,
    /// The time for one attempt: 30s, 1m30s
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time::length)]
    timeout: Duration,
    /// The time for the whole command: 10m, 1h30m; default: no limit
    #[arg(long, value_name = "TIME", value_parser = time::length)]
    deadline: Option<Duration>,
    /// Maximum attempts for one call, 1 to 100
    ///
    /// A call is repeated only where that may help (no connection, no complete answer, a 429 or 5xx),
    /// after growing delays and not before the API allows it, within the --deadline. It is safe: only
    /// calls that change nothing are repeated.
    #[arg(long, value_name = "N", default_value = "4", allow_hyphen_values = true)]
    #[arg(value_parser = attempts)]
    max_attempts: u32,
    #[command(flatten)]
    tracing: Tracing,
}

fn attempts(text: &str) -> Result<u32, &'static str> {
    let attempts = text.parse().ok().filter(|n| (1..=100).contains(n));
    attempts.ok_or("it is a number from 1 to 100")
}

impl Connection {
    /// A client, whose time begins to run.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        self.open(self.config(self.max_attempts), None)
    }

    /// A client whose messages show `name` instead of `call`.
    pub(crate) fn client_for(&self, call: &'static str, name: String) -> Result<Client, Failure> {
        self.open(self.config(self.max_attempts), Some((call, name)))
    }

    /// Whether there is no progress bar: lines about each attempt would tear it.
    pub(crate) fn hides_progress(&self, is_quiet: bool) -> bool {
        is_quiet || self.tracing.is_verbose()
    }

    /// A client without retries: a watch asks again by itself.
    pub(crate) fn client_that_asks_once(&self) -> Result<Client, Failure> {
        self.open(self.config(1), None)
    }

    /// The account whose data is read.
    pub(crate) fn account(&self) -> Result<Account, Failure> {
        let access = self.access()?;
        let username = access.secret.username().map(str::to_owned);
        Ok(Account { base_url: access.base.as_str().to_owned(), username })
    }

    fn open(
        &self,
        mut config: Config,
        name: Option<(&'static str, String)>,
    ) -> Result<Client, Failure> {
        let Access { base, secret, .. } = self.access()?;
        config.on_attempt = self.tracing.on_attempt(name);
        self.open_at(base, secret.read()?.credentials(), config)
    }

    /// A client with other credentials, to check them.
    pub(crate) fn client_at(
        &self,
        base: BaseUrl,
        credentials: Credentials,
    ) -> Result<Client, Failure> {
        let mut config = self.config(self.max_attempts);
        config.on_attempt = self.tracing.on_attempt(None);
        self.open_at(base, credentials, config)
    }

    fn open_at(
        &self,
        base: BaseUrl,
        credentials: Credentials,
        mut config: Config,
    ) -> Result<Client, Failure> {
        let ca_file = self.ca_file.as_deref().filter(|file| !file.is_empty()).map(Path::new);
        config.root_certificates_pem = ca_file.map(read).transpose()?;
        config.proxy_from_env = self.proxy_from_env;
        config.on_traffic = self.tracing.on_traffic()?;

        let client = Client::with_config(base, credentials, config).map_err(|error| {
            Failure::usage(match (&error, ca_file) {
                (InvalidConfig::Proxy { .. }, _) => format!("--proxy-from-env: {error}"),
                (_, Some(file)) => format!("--ca-file {}: {error}", file.display()),
                _ => error.to_string(),
            })
        })?;

        // A time that the clock cannot hold means no deadline.
        let end = self.deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        Ok(end.map_or_else(|| client.clone(), |end| client.until(end)))
    }

    fn config(&self, max_attempts: u32) -> Config {
        let mut config = Config::default();
        config.attempt_timeout = self.timeout;
        // At least a login, the call, a login after a 401, and the call again; all tries with their
        // delays where more are asked for.
        let more = max_attempts.saturating_sub(4);
        let time = self.timeout.saturating_mul(max_attempts.max(4));
        let delays = config.retry.max_delay.saturating_mul(more);
        config.call_timeout = config.call_timeout.max(time.saturating_add(delays));
        config.retry.max_attempts = max_attempts;
        // Enough for the tries that were asked for.
        let cost = config.retry.retry_cost_tokens.saturating_mul(max_attempts);
        config.retry.budget_tokens = config.retry.budget_tokens.max(cost);
        config.user_agent_suffix = Some(concat!("kamipay/", env!("CARGO_PKG_VERSION")).to_owned());
        config
    }

    /// The base URL and the credentials of this command.
    pub(crate) fn access(&self) -> Result<Access, Failure> {
        Access::find(self)
    }

    /// The profile that is named, if one is.
    pub(crate) fn profile(&self) -> Option<&str> {
        given(&self.profile)
    }

    /// The base URL of a flag or a variable.
    pub(crate) fn base_url(&self) -> Result<Option<BaseUrl>, Failure> {
        let wrong = |error| Failure::usage(format!("--base-url (KAMIPAY_BASE_URL): {error}"));
        given(&self.base_url).map(str::parse).transpose().map_err(wrong)
    }

    /// The user name of a flag or a variable.
    pub(crate) fn username(&self) -> Option<&str> {
        given(&self.username)
    }

    /// Whether a flag or a variable gives a token.
    pub(crate) fn has_token(&self) -> bool {
        given(&self.token).is_some() || self.token_file.as_ref().is_some_and(|it| !it.is_empty())
    }

    /// The credentials of flags and variables.
    pub(crate) fn secret(&self) -> Result<Option<Secret>, Failure> {
        let token_file = self.token_file.as_deref().filter(|file| !file.is_empty());
        let token = match (given(&self.token), token_file) {
            (Some(_), Some(_)) => {
                return Err(Failure::usage("a token and a file with a token are both given")
                    .tip("keep --token (KAMIPAY_TOKEN) or --token-file (KAMIPAY_TOKEN_FILE)"));
            }
            (Some(token), None) => Some(
                token
                    .parse()
                    .map(Secret::Token)
                    .map_err(|error| Failure::usage(format!("--token (KAMIPAY_TOKEN): {error}"))),
            ),
            (None, file) => file.map(|file| Ok(Secret::TokenFile(file.into()))),
        };
        match (token, given(&self.username), given(&self.password)) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                Err(Failure::usage("a token and a user name or password are both given").tip(
                    "keep either the token (--token, KAMIPAY_TOKEN) or the user name and password \
                 (--username and --password, KAMIPAY_USERNAME and KAMIPAY_PASSWORD)",
                ))
            }
            (Some(token), None, None) => token.map(Some),
            (None, Some(username), Some(password)) => Ok(Some(Secret::login(username, password))),
            (None, Some(_), None) => Err(Failure::usage(
                "a user name without a password: set KAMIPAY_PASSWORD, or give --password",
            )),
            (None, None, Some(_)) => Err(Failure::usage(
                "a password without a user name: set KAMIPAY_USERNAME, or give --username",
            )),
            (None, None, None) => Ok(None),
        }
    }

    /// Refuses a second reader of standard input. `what` is the first one.
    pub(crate) fn check_standard_input(&self, what: &str) -> Result<(), Failure> {
        match self.token_file.as_deref() {
            Some(file) if file == "-" => Err(Failure::usage(format!(
                "--token-file -: standard input cannot be both, the token and {what}"
            ))
            .tip("give the token in a file, or in KAMIPAY_TOKEN")),
            _ => Ok(()),
        }
    }
}

fn read(ca_file: &Path) -> Result<Vec<u8>, Failure> {
    let cannot =
        |error: io::Error| format!("--ca-file {}: it cannot be read: {error}", ca_file.display());
    fs::read(ca_file).map_err(|error| Failure::usage(cannot(error)))
}

/// The API and the user name, as far as they are known without a secret: a token does not say.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    pub(crate) base_url: String,
    pub(crate) username: Option<String>,
}

/// An empty variable counts as absent.
fn given(value: &Option<String>) -> Option<&str> {
    value.as_deref().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches as _;

    use super::*;

    #[test]
    fn there_is_time_and_budget_for_the_tries_that_were_asked_for() {
        for (args, attempts, seconds, tokens) in [
            (&["kamipay"][..], 4, 120, 100),
            (&["kamipay", "--max-attempts", "1"], 1, 120, 100),
            (&["kamipay", "--max-attempts", "1", "--timeout", "2m"], 1, 480, 100),
            (&["kamipay", "--max-attempts", "100"], 100, 3000 + 960, 1000),
        ] {
            let command = Connection::augment_args(clap::Command::new("kamipay"));
            let connection = Connection::from_arg_matches(&command.get_matches_from(args)).unwrap();
            let config = connection.config(connection.max_attempts);
            assert_eq!(config.retry.max_attempts, attempts);
            assert_eq!(config.call_timeout, Duration::from_secs(seconds), "{args:?}");
            assert_eq!(config.retry.budget_tokens, tokens, "{args:?}");
        }
    }
}
