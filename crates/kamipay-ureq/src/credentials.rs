use kamipay_proto::{AccessToken, IssueToken};

/// As whom to call: with a token, or with a user name and a password that one is issued for.
///
/// Its `Debug` shows neither the token nor the password.
#[derive(Clone, Debug)]
pub struct Credentials(pub(crate) Source);

#[derive(Clone, Debug)]
pub(crate) enum Source {
    Token(AccessToken),
    Login(IssueToken),
}

impl Credentials {
    /// With this token, for as long as it lives.
    pub fn token(token: AccessToken) -> Self {
        Self(Source::Token(token))
    }

    /// With a user name and a password: log in on the first call, and again as the token ends.
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
