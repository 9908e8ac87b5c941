use kamipay_proto::{AccessToken, IssueToken};

/// How the client authenticates: with a token, or with a user name and a password.
///
/// `Debug` does not show the token or the password.
#[derive(Clone, Debug)]
pub struct Credentials(pub(crate) Source);

#[derive(Clone, Debug)]
pub(crate) enum Source {
    Token(AccessToken),
    Login(IssueToken),
}

impl Credentials {
    /// Uses this token until it expires: `Credentials::token(text.parse()?)`.
    pub fn token(token: AccessToken) -> Self {
        Self(Source::Token(token))
    }

    /// Logs in at the first call, and again before the token expires.
    pub fn login(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self(Source::Login(IssueToken::new(username, password)))
    }
}

impl From<AccessToken> for Credentials {
    fn from(token: AccessToken) -> Self {
        Self::token(token)
    }
}

impl From<IssueToken> for Credentials {
    fn from(login: IssueToken) -> Self {
        Self(Source::Login(login))
    }
}
