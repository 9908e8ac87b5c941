//! Login, renewal and refusal of tokens: when to ask for a token, as a state machine.
//!
//! A [`Session`] decides, and a transport acts. Time is an argument: how long ago any fixed moment
//! was, by a clock that never jumps, such as `Instant::elapsed`.
//!
//! ```
//! use std::time::Duration;
//! use kamipay_proto::retry::Repeat;
//! use kamipay_proto::session::{Access, LoginFailure, Session, TokenUse};
//! use kamipay_proto::{Endpoint, IssueToken, lots::GetLot};
//! # let answers = std::cell::RefCell::new(vec![
//! #     (200, r#"{"lot_id": "9c030c8b-6d68-445b-8048-1bacd91012fa"}"#),
//! #     (200, r#"{"access_token": "new", "token_type": "bearer"}"#),
//! #     (401, "{}"),
//! #     (200, r#"{"access_token": "old", "token_type": "bearer"}"#),
//! # ]);
//! # let send = |_: http::Request<Vec<u8>>| {
//! #     let (status, body) = answers.borrow_mut().pop().unwrap();
//! #     http::Response::builder().status(status).body(body)
//! # };
//! # let now = || Duration::ZERO;
//!
//! let login = IssueToken::new("merchant@example.com", "a password");
//! let mut session = Session::new("https://api.kamipay.io".parse()?, login);
//! let call = GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse()?);
//!
//! let mut tokens = TokenUse::default(); // one for each call
//! let answer = loop {
//!     match session.token(&mut tokens, now()) {
//!         Access::Granted(token) => {
//!             let request = call.request(token.api())?;
//!             let repeat = Repeat::of(&call, &request);
//!             let response = send(request)?;
//!             // A 401 leads to one new token, and to the same call once more.
//!             if response.status() == 401 && session.unauthorized(&mut tokens, token.clone(), repeat) {
//!                 continue;
//!             }
//!             break token.api().parse(&call, response);
//!         }
//!         Access::LogIn(_) => {
//!             let response = send(session.login().request(session.api())?)?;
//!             match session.api().parse(session.login(), response) {
//!                 Ok(issued) => session.issued(&issued.access_token, now()),
//!                 Err(error) => {
//!                     let failure = LoginFailure::from(&error);
//!                     session.failed(error, failure, now());
//!                 }
//!             }
//!         }
//!         Access::Failed(error) => break Err(error), // a login failed, and there is no token
//!         Access::Busy => unreachable!("another thread logs in: wait for it, then ask again"),
//!     }
//! };
//! # assert!(answers.borrow().is_empty());
//! # let _ = answer;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # The rules
//!
//! * The first call logs in. One login serves all calls; the others wait for it.
//! * A token is renewed a minute before the end of its life, or a tenth of its life where that is
//!   less. Its life is `exp` less `iat` of the JWT. A token that is not a JWT is used until a 401.
//! * A token that is still good is used while its renewal fails. The renewal is tried again after
//!   10 seconds.
//! * A 401 leads to one renewal for each call, and to the call once more if it may arrive twice. If
//!   that renewal is refused, no call uses the token again.
//! * A refused login (a 4xx other than 408 and 429) is not made again for 5 minutes by default,
//!   because a wrong password that is sent with every call locks the account.

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::retry::{Cause, Repeat};
use crate::{AccessToken, Api, BaseUrl, IssueToken, ResponseError};

/// A token is renewed this long before the end of its life, or a tenth of it where that is less.
const RENEW_BEFORE_END: Duration = Duration::from_secs(60);

/// The next try after a renewal failed while the token is still good.
const RENEW_AGAIN: Duration = Duration::from_secs(10);

/// The token of a client that logs in. `E` is the error of a failed login.
#[derive(Clone, Debug)]
pub struct Session<E = ResponseError> {
    /// Without a token, and hiding the password and all tokens.
    anonymous: Api,
    login: IssueToken,
    hold_refusal: Duration,
    token: Option<Token>,
    issued: u64,
    /// The number of the newest token that got a 401; 0 for none.
    refused: u64,
    /// Logins that ended.
    logins: u64,
    /// The login under way, and how much it matters.
    under_way: Option<Need>,
    /// How the login that ended last failed.
    failure: Option<(E, LoginFailure)>,
    /// The API said no, and is not asked again before this time.
    refusal: Option<(E, Option<Duration>)>,
}

impl<E: Clone> Session<E> {
    /// Logs in at `base` with this user name and password.
    pub fn new(base: BaseUrl, login: IssueToken) -> Self {
        // An answer may echo the password.
        let anonymous = Api::anonymous(base).hiding(&login.password);
        Self {
            anonymous,
            login,
            hold_refusal: Duration::from_secs(5 * 60),
            token: None,
            issued: 0,
            refused: 0,
            logins: 0,
            under_way: None,
            failure: None,
            refusal: None,
        }
    }

    /// Sets how long a refused login is not made again. Default: 5 minutes.
    #[must_use]
    pub fn with_refusal_held_for(mut self, time: Duration) -> Self {
        self.hold_refusal = time;
        self
    }

    /// The login itself.
    pub fn login(&self) -> &IssueToken {
        &self.login
    }

    /// The API as the login calls it: without a token, and hiding the password and the tokens issued so
    /// far. Each login asks for it anew.
    pub fn api(&self) -> &Api {
        &self.anonymous
    }

    /// The token for a call, or what to do to get one.
    ///
    /// After [`Access::LogIn`], the caller reports the end of the login by [`issued`](Self::issued),
    /// [`failed`](Self::failed) or [`abandoned`](Self::abandoned), and then asks again.
    pub fn token(&mut self, call: &mut TokenUse, now: Duration) -> Access<E> {
        // A refused token stays usable for other calls until its renewal is refused as well.
        let by_session = if self.refusal.is_some() { self.refused } else { 0 };
        let refused = call.refused.max(by_session);
        let usable = self.token.as_ref().filter(|token| refused < token.number);
        let ended = call.login.filter(|login| login.number < self.logins);
        if let Some(login) = ended {
            call.login = None;
            match (&self.failure, usable) {
                // Lack of time in another call says nothing about this one.
                (Some((_, LoginFailure::OutOfTime)), _) if !login.is_own => {}
                (Some((error, _)), None) => return Access::Failed(error.clone()),
                (_, Some(token)) => return Access::Granted(token.clone()),
                (None, None) => {}
            }
        }
        let need = match usable {
            Some(token) if token.renew_at.is_none_or(|at| now < at) => {
                return Access::Granted(token.clone());
            }
            // Good for a little longer, and being renewed.
            Some(token) if self.under_way.is_some() => return Access::Granted(token.clone()),
            Some(_) => Need::Soon,
            None => Need::Now,
        };
        if self.under_way.is_some() {
            call.login.get_or_insert(Login { number: self.logins, is_own: false });
            return Access::Busy;
        }
        match (&self.refusal, usable) {
            (Some((_, until)), _) if until.is_some_and(|until| now >= until) => {}
            (Some(_), Some(token)) => return Access::Granted(token.clone()),
            (Some((error, _)), None) => return Access::Failed(error.clone()),
            (None, _) => {}
        }
        self.under_way = Some(need);
        call.login = Some(Login { number: self.logins, is_own: true });
        Access::LogIn(need)
    }

    /// The login brought this token.
    pub fn issued(&mut self, token: &AccessToken, now: Duration) {
        self.end_login();
        self.issued += 1;
        self.failure = None;
        self.refusal = None;
        // An answer may still echo the token before this one, and that to a login may echo both.
        self.anonymous.hide_token(token);
        let (api, renew_at) = (self.anonymous.with_token(token), renew_at(token, now));
        self.token = Some(Token { api, number: self.issued, renew_at });
    }

    /// The login failed.
    pub fn failed(&mut self, error: E, failure: LoginFailure, now: Duration) {
        let failure = match (failure, self.under_way) {
            // It had little time: a call that needs a token now can have more.
            (LoginFailure::Transient, Some(Need::Soon)) => LoginFailure::OutOfTime,
            (failure, _) => failure,
        };
        self.end_login();
        if failure == LoginFailure::Refused {
            let until = now.checked_add(self.hold_refusal); // too far is for ever
            self.refusal = Some((error.clone(), until));
        }
        self.failure = Some((error, failure));
        if let Some(token) =
            self.token.as_mut().filter(|it| it.renew_at.is_some_and(|at| at <= now))
        {
            token.renew_at = now.checked_add(RENEW_AGAIN);
        }
    }

    /// The login was given up, and its end is not known: the next call logs in.
    pub fn abandoned(&mut self) {
        self.under_way = None;
    }

    /// The API answered 401 to a call with this token. Whether to ask for [another
    /// token](Self::token) and to make the call once more.
    ///
    /// The second 401 of a call is not about the token's age, and ends the call. A call that must
    /// not arrive twice ends at the first; the next call brings another token.
    pub fn unauthorized(&mut self, call: &mut TokenUse, token: Token, repeat: Repeat) -> bool {
        self.refused = self.refused.max(token.number);
        if call.refused > 0 {
            return false;
        }
        if !repeat.is_allowed() {
            self.token.take_if(|it| it.number <= token.number);
            return false;
        }
        call.refused = token.number;
        true
    }

    fn end_login(&mut self) {
        self.under_way = None;
        self.logins += 1;
    }
}

/// The answer to "is there a token for this call?"
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each")]
pub enum Access<E = ResponseError> {
    /// Make the call with this token.
    Granted(Token),
    /// Log in first, then ask again.
    LogIn(Need),
    /// Another call logs in: wait for its end, then ask again.
    Busy,
    /// The login failed, and there is no token to use instead.
    Failed(E),
}

/// How much a login matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each")]
pub enum Need {
    /// There is no other token.
    Now,
    /// The token in use is still good for a while: do not let a call wait long for another one.
    Soon,
}

/// A token in use.
#[derive(Clone, Debug)]
pub struct Token {
    api: Api,
    /// Counts the tokens, from 1, to tell whether another call has renewed one meanwhile.
    number: u64,
    renew_at: Option<Duration>,
}

impl Token {
    /// The API with this token: build the request with it, and parse the response.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Counts the tokens of the session, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }
}

/// One call's use of tokens: which one was refused, and which login it waits for.
#[derive(Clone, Debug, Default)]
pub struct TokenUse {
    /// The number of the token that got a 401; 0 for none.
    refused: u64,
    /// The login that the call makes or waits for.
    login: Option<Login>,
}

#[derive(Clone, Copy, Debug)]
struct Login {
    /// The number of logins that had ended when this one began.
    number: u64,
    is_own: bool,
}

/// How a login failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginFailure {
    /// The API understood the login and said no. Asking again can only lock the account.
    Refused,
    /// The caller's time was up, or is too short for the API's `Retry-After`. A call with more time
    /// makes a login of its own.
    OutOfTime,
    /// Something that may have passed by the next call.
    Transient,
}

impl From<Cause> for LoginFailure {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Status(status, _)
                if status.is_client_error() && !matches!(status.as_u16(), 408 | 429) =>
            {
                Self::Refused
            }
            _ => Self::Transient,
        }
    }
}

impl From<&ResponseError> for LoginFailure {
    fn from(error: &ResponseError) -> Self {
        Cause::from(error).into()
    }
}

/// When to renew a token that was issued now. `None` where its life is not known: until a 401.
///
/// The life is the difference of two numbers in the token. `exp` alone would be compared with a
/// wall clock, and wall clocks are wrong.
fn renew_at(token: &AccessToken, now: Duration) -> Option<Duration> {
    let life = token.lifetime()?;
    now.checked_add(life - RENEW_BEFORE_END.min(life / 10))
}
