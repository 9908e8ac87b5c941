//! `kamipay api`

use std::cell::RefCell;
use std::fs;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use form_urlencoded::parse as parse_query;
use kamipay_ureq::ErrorKind;
use kamipay_ureq::proto::http::response::Parts;
use kamipay_ureq::proto::http::{Method, Request, StatusCode};
use kamipay_ureq::proto::{Api, BuildError, DecodeError, Endpoint, ResponseErrorKind, Secrets};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::fields::Fields;
use crate::output::note;
use crate::text::{Escaped, EscapedJson};

/// Make any call of the API by hand, and print its answer as it came
///
/// The call has the login, the retries and the error messages of the other commands. A GET is repeated
/// where that may help. Any other call is made once, and never again by itself: after an error it may
/// have been processed.
///
/// A successful answer is printed byte for byte, so no digit is lost. A refusal is printed with your
/// token and password replaced by `***`; the exit code is not 0. A terminal shows control characters
/// as escapes. Only `kamipay pay status` says whether a payment may be repeated: "TX not found" is not
/// a failure.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kamipay api GET /v2/oracle -f pair=BRLUSDT -f amount=100
  kamipay api GET /v1/payments/pixKeyValidation -f pix_key=+5511999999999 | jq -r .name
  kamipay api POST /v2/charge/create_dynamic_pix -F amount=10.50 -f external_id=order-7
  jq -n '{amount: 10.5}' | kamipay api POST /v2/charge/create_dynamic_pix --input -")]
pub(crate) struct ByHand {
    /// GET, POST, PUT, PATCH or DELETE
    #[arg(value_name = "METHOD", value_parser = method)]
    method: Method,
    /// The path below the base URL, such as /v2/oracle, with or without a query
    #[arg(value_name = "PATH", value_parser = |text: &str| text.parse::<Target>())]
    target: Target,
    /// A text: in the query of a GET or DELETE, else a string in the JSON body
    #[arg(long = "field", short = 'f', value_name = "KEY=VALUE", value_parser = field)]
    fields: Vec<(String, String)>,
    /// A JSON value in the JSON body, with its digits as given: 10.50, true, null, {"a": 1}
    #[arg(long = "json-field", short = 'F', value_name = "KEY=JSON", value_parser = json_field)]
    json_fields: Vec<(String, Box<RawValue>)>,
    /// The JSON body, from a file; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fields", "json_fields"])]
    input: Option<PathBuf>,
    /// Print nothing but errors on standard error
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
    #[command(flatten)]
    connection: Connection,
}

fn method(text: &str) -> Result<Method, &'static str> {
    match text.to_ascii_uppercase().as_str() {
        "GET" => Ok(Method::GET),
        "POST" => Ok(Method::POST),
        "PUT" => Ok(Method::PUT),
        "PATCH" => Ok(Method::PATCH),
        "DELETE" => Ok(Method::DELETE),
        _ => Err("it is GET, POST, PUT, PATCH or DELETE"),
    }
}

fn field(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("it is KEY=VALUE"),
    }
}

fn json_field(text: &str) -> Result<(String, Box<RawValue>), &'static str> {
    let (key, value) = field(text)?;
    let value = serde_json::from_str(&value);
    Ok((
        key,
        value.map_err(|_| "the value is not JSON: give a text with -f, and true or 1.5 here")?,
    ))
}

impl ByHand {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let call = self.call()?;
        let doing = format!("{} {}", self.method, self.target.path);
        let client = self.connection.client_for(Call::CALL, doing.clone())?;
        match client.send(&call) {
            Ok(Answer(body)) => {
                print(&body).map_err(|failure| self.unseen(failure))?;
                if self.is_about_a_payment() && !self.quiet {
                    note(
                        "this answer is shown as it came, and does not say whether to pay again: \
                         `kamipay pay status` does. \"TX not found\" is not a failure",
                    );
                }
                Ok(Exit::Done)
            }
            Err(error) => {
                if let (ErrorKind::Answer(_), Some(answer)) = (error.kind(), error.answer()) {
                    // If it cannot be printed, the refusal is still what counts.
                    let _ = print(call.hidden(answer.body()).as_bytes());
                }
                let failure = match (&self.method, self.is_about_a_payment()) {
                    (&Method::GET, false) => Failure::lookup_by_hand(&doing, &error),
                    (&Method::GET, true) => Failure::of_a_payment(&doing, &error),
                    _ => Failure::made_once(&doing, &error),
                };
                Err(failure.by_hand(error.call()))
            }
        }
    }

    /// An answer that could not be printed. It must not look as if the call had not been made.
    fn unseen(&self, failure: Failure) -> Failure {
        if self.method == Method::GET {
            return failure;
        }
        Failure::other("the call was made and accepted, but its answer could not be written")
            .tip("do not make it again")
    }

    /// Whether the API is asked for the state of payments.
    fn is_about_a_payment(&self) -> bool {
        self.target.segments.iter().any(|segment| segment.eq_ignore_ascii_case("tx_status"))
    }

    fn call(&self) -> Result<Call<'_>, Failure> {
        let is_in_query = matches!(self.method, Method::GET | Method::DELETE);
        if is_in_query && (!self.json_fields.is_empty() || self.input.is_some()) {
            return Err(Failure::usage(format!("a {} has no body", self.method))
                .tip("give -f KEY=VALUE, which is put into the query"));
        }
        let body = match &self.input {
            _ if is_in_query => Vec::new(),
            Some(file) => self.read(file)?,
            None if self.fields.is_empty() && self.json_fields.is_empty() => Vec::new(),
            None => self.body()?,
        };
        let query = if is_in_query { &self.fields[..] } else { &[] };
        Ok(Call {
            method: &self.method,
            target: &self.target,
            query,
            body,
            secrets: RefCell::default(),
        })
    }

    /// The fields as a JSON object.
    fn body(&self) -> Result<Vec<u8>, Failure> {
        let mut body = Fields::default();
        for (key, value) in &self.fields {
            body = body.with(key, value);
        }
        for (key, value) in &self.json_fields {
            body = body.with(key, value);
        }
        let mut keys: Vec<&str> = body.0.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Failure::usage(format!("the field {} is given twice", twice[0])));
        }
        serde_json::to_vec(&body).map_err(|error| Failure::usage(error.to_string()))
    }

    fn read(&self, file: &std::path::Path) -> Result<Vec<u8>, Failure> {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("--input {}: {error}", file.display()))
        };
        let mut body = Vec::new();
        let read = if file.as_os_str() == "-" {
            self.connection.check_standard_input("the body")?;
            io::stdin().lock().read_to_end(&mut body).map(drop)
        } else {
            fs::read(file).map(|bytes| body = bytes)
        };
        read.map_err(|error| wrong(&format!("it cannot be read: {error}")))?;
        match serde_json::from_slice::<IgnoredAny>(&body) {
            Ok(_) => Ok(body),
            Err(error) => Err(wrong(&format!(
                "it is not JSON: line {}, column {}",
                error.line(),
                error.column()
            ))),
        }
    }
}

/// A path below the base URL, and its query.
#[derive(Clone)]
struct Target {
    /// The path as it was given, for messages. It has no query, which may name a person.
    path: String,
    /// The unescaped parts of the path.
    segments: Vec<String>,
    query: Vec<(String, String)>,
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let Some(rest) = path.strip_prefix('/').filter(|_| !text.contains('#')) else {
            return Err("it is a path below the base URL, such as /v2/oracle".to_owned());
        };
        let segments: Option<Vec<_>> = rest.split('/').map(segment).collect();
        let segments = segments.ok_or(
            "no part of the path is empty, a dot or two, or has a slash in it: it would lead \
             somewhere else",
        )?;
        let query = parse_query(query.as_bytes()).into_owned().collect();
        Ok(Self { path: path.to_owned(), segments, query })
    }
}

/// A part of a path, which stays where it is even if a server unescapes it twice.
fn segment(text: &str) -> Option<String> {
    let mut plain = text.to_owned();
    let mut once = None;
    loop {
        let next = percent_decode_str(&plain).decode_utf8().ok()?.into_owned();
        let leads_away = matches!(next.as_str(), "" | "." | "..")
            || next.contains(|char: char| matches!(char, '/' | '\\') || char.is_control());
        if leads_away {
            return None;
        }
        once.get_or_insert_with(|| next.clone());
        if next == plain {
            return once;
        }
        plain = next;
    }
}

/// The call, as kamipay-ureq sends it.
struct Call<'a> {
    method: &'a Method,
    target: &'a Target,
    query: &'a [(String, String)],
    body: Vec<u8>,
    /// What a printed refusal must not show.
    secrets: RefCell<Secrets>,
}

/// The body of an answer.
#[derive(Deserialize)]
struct Answer(Vec<u8>);

impl Call<'_> {
    /// The text of a body without the client's secrets.
    fn hidden(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        self.secrets.borrow().hide(&text).into_owned()
    }
}

impl Endpoint for Call<'_> {
    const CALL: &'static str = "a call by hand";
    type Output = Answer;

    fn request(&self, api: &Api) -> Result<Request<Vec<u8>>, BuildError> {
        // With each attempt anew: a token may have been renewed.
        self.secrets.replace(api.secrets().clone());
        let segments: Vec<&str> = self.target.segments.iter().map(String::as_str).collect();
        let query = self.target.query.iter().chain(self.query);
        let request = query.fold(api.get(&segments), |it, (key, value)| it.query(key, value));
        let mut request = request.finish()?;
        *request.method_mut() = self.method.clone();
        request.body_mut().clone_from(&self.body);
        Ok(request)
    }

    /// Any 2xx with a whole body. JSON has to be whole, too: not every connection tells.
    fn decode(&self, head: &Parts, body: &[u8]) -> Result<Answer, ResponseErrorKind> {
        if head.status == StatusCode::PARTIAL_CONTENT {
            return Err(ResponseErrorKind::UnexpectedStatus);
        }
        let is_json =
            body.trim_ascii_start().starts_with(b"{") || body.trim_ascii_start().starts_with(b"[");
        match serde_json::from_slice::<IgnoredAny>(body) {
            Err(error) if is_json && error.is_eof() => {
                let mut cut = DecodeError::new(".", "the document ends before it is whole");
                cut.truncated = true;
                Err(cut.into())
            }
            _ => Ok(Answer(body.to_owned())),
        }
    }
}

/// Prints an answer. A terminal gets no control characters, and a line end.
fn print(body: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if !out.is_terminal() {
        out.write_all(body)?;
        return Ok(out.flush()?);
    }
    let text = String::from_utf8_lossy(body);
    for line in text.lines() {
        match serde_json::from_slice::<IgnoredAny>(body) {
            Ok(_) => writeln!(out, "{}", EscapedJson(line))?,
            Err(_) => writeln!(out, "{}", Escaped(line))?,
        }
    }
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(path: &str, fields: &[(&str, &str)]) -> Result<String, String> {
        let target: Target = path.parse()?;
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let query: Vec<_> = fields.iter().map(own).collect();
        let (method, body) = (&Method::GET, Vec::new());
        let call =
            Call { method, target: &target, query: &query, body, secrets: RefCell::default() };
        let base = "https://api.kamipay.io/base".parse().unwrap();
        let api = Api::new(base, &"token".parse().unwrap());
        Ok(call.request(&api).map_err(|error| error.to_string())?.uri().to_string())
    }

    #[test]
    fn a_path_stays_below_the_base_url() {
        for (path, uri) in [
            ("/v2/oracle", "/v2/oracle"),
            ("/v1/lots/a%20b", "/v1/lots/a%20b"),
            ("/v1/lots/a b", "/v1/lots/a%20b"),
            ("/v1/x@evil.com", "/v1/x%40evil.com"),
            ("/v1/a:b;c", "/v1/a%3Ab%3Bc"),
            ("/v1/...", "/v1/..."),
            ("/v1/100%", "/v1/100%25"),
            ("/v1/é", "/v1/%C3%A9"),
            ("/v1/lots?limit=5&x=a+b", "/v1/lots?limit=5&x=a%20b"),
            ("/v1/lots?x=../..//host", "/v1/lots?x=..%2F..%2F%2Fhost"),
        ] {
            assert_eq!(sent(path, &[]), Ok(format!("https://api.kamipay.io/base{uri}")), "{path}");
        }
        for path in [
            "",
            "/",
            "//",
            "//evil.com",
            "//evil.com/v1",
            "/v1//lots",
            "/v1/",
            "v1/lots",
            "?a=b",
            "https://evil.com/v1",
            "https:/evil.com",
            "@evil.com",
            ".evil.com",
            ":80/v1",
            "/..",
            "/v1/..",
            "/v1/../../admin",
            "/./v1",
            "/v1/.",
            "/%2e%2e/v1",
            "/v1/%2E.",
            "/%252e%252e/v1",
            "/v1/%2F",
            "/v1/a%2fb",
            "/v1/%252f",
            "/v1/a\\b",
            "/v1/..\\x",
            "/v1/%5c",
            "/v1/%255c",
            "/v1/%00",
            "/v1/a%0d%0ab",
            "/v1/a\nb",
            "/v1/%ff",
            "/v1#x",
            "/v1/lots?x#y",
        ] {
            assert!(sent(path, &[]).is_err(), "{path}");
        }
    }

    #[test]
    fn fields_are_escaped() {
        let fields = [("pix_key", "+5511999999999"), ("a&b", "c=d#e"), ("n", "")];
        let uri =
            "https://api.kamipay.io/base/v2/x?y=1&pix_key=%2B5511999999999&a%26b=c%3Dd%23e&n=";
        assert_eq!(sent("/v2/x?y=1", &fields).unwrap(), uri);
    }

    #[test]
    fn json_that_was_cut_is_not_an_answer() {
        let target: Target = "/v2/x".parse().unwrap();
        let (method, body) = (&Method::GET, Vec::new());
        let call = Call { method, target: &target, query: &[], body, secrets: RefCell::default() };
        let read = |status: u16, body: &str| {
            let response = kamipay_ureq::proto::http::Response::builder().status(status);
            call.parse(response.body(body.to_owned()).unwrap()).map(|Answer(body)| body)
        };
        for whole in ["{}", "[1]", "", "text", "5", "{not JSON}", " {\"a\": 1e400}\n", "<html>"] {
            assert_eq!(read(200, whole).unwrap(), whole.as_bytes());
        }
        for cut in ["{", "[1, 2", "{\"a\": \"b", "\n{\"a\":"] {
            let error = read(200, cut).unwrap_err();
            let ResponseErrorKind::Decode(decode) = error.kind() else { panic!("{error:?}") };
            assert!(decode.truncated, "{cut}");
        }
        assert!(read(206, "{}").is_err());
        assert_eq!(read(204, "").unwrap(), b"");
    }
}
