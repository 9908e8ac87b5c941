use http::response::Parts;
use serde::de::DeserializeOwned;

use crate::response::{self, decode_json};
use crate::{Api, BuildError, Mismatch, ResponseError, ResponseErrorKind, Secrets};

/// One call of the kamiPay API, as plain data.
///
/// The calls of this crate implement it, and so can a call of your own that this crate does not
/// know:
///
/// ```
/// use kamipay_proto::{Api, BuildError, Endpoint};
///
/// struct Quote;
///
/// #[derive(serde::Deserialize)]
/// struct Answer { msg: String }
///
/// impl Endpoint for Quote {
///     const CALL: &'static str = "GET /v2/oracle";
///     type Output = Answer;
///
///     fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
///         api.get(&["v2", "oracle"]).query("pair", "BRLUSDT").query("amount", "100").finish()
///     }
/// }
///
/// let api = Api::new("https://api.kamipay.io".parse()?, &"token".parse()?);
/// assert_eq!(Quote.request(&api)?.uri().query(), Some("pair=BRLUSDT&amount=100"));
/// # let _ = Quote.parse(http::Response::new(r#"{"msg": "Request ok"}"#))?.msg;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait Endpoint {
    /// The method and the path's template, such as `GET /v1/lots/{lot_identifier}`: how errors and
    /// logs name the call, without what was asked.
    const CALL: &'static str;

    /// What a successful answer holds.
    type Output: DeserializeOwned;

    /// The call as an HTTP request.
    ///
    /// # Errors
    ///
    /// If the call does not fit in a request, or if it needs a token and `api` has none.
    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError>;

    /// Reads the body of a 2xx response. By default it is a JSON object, and a status that has no
    /// whole body (204, 205, 206) is an error.
    ///
    /// Replace it for a call whose answer stands in an envelope, has no body, or is not JSON:
    ///
    /// ```
    /// use http::response::Parts;
    /// use kamipay_proto::{Api, BuildError, DecodeError, Endpoint, ResponseErrorKind, decode_json};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Envelope { status: String, data: Option<Quote> }
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Quote { price: String }
    ///
    /// struct GetQuote;
    ///
    /// impl Endpoint for GetQuote {
    ///     const CALL: &'static str = "GET /v2/oracle";
    ///     type Output = Quote;
    ///
    ///     fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError> {
    ///         api.get(&["v2", "oracle"]).query("pair", "BRLUSDT").finish()
    ///     }
    ///
    ///     fn decode(&self, _head: &Parts, body: &[u8]) -> Result<Quote, ResponseErrorKind> {
    ///         let Envelope { status, data } = decode_json(body)?;
    ///         match data.filter(|_| status == "ok") {
    ///             Some(quote) => Ok(quote),
    ///             None => Err(DecodeError::new("data", "there is no quote").into()),
    ///         }
    ///     }
    /// }
    ///
    /// let quote = GetQuote.parse(http::Response::new(r#"{"status": "ok", "data": {"price": "5.1"}}"#))?;
    /// assert_eq!(quote.price, "5.1");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the body is not an `Output`.
    fn decode(&self, head: &Parts, body: &[u8]) -> Result<Self::Output, ResponseErrorKind> {
        Ok(decode_json(response::whole(head, body)?)?)
    }

    /// Whether `output` answers this call and not another: a connection that is used for many
    /// calls can deliver somebody else's answer, and no transport can notice.
    ///
    /// # Errors
    ///
    /// If what the API echoes is not what was asked.
    fn verify(&self, output: &Self::Output) -> Result<(), Mismatch> {
        let _ = output;
        Ok(())
    }

    /// Reads the answer to this call.
    ///
    /// It knows no secrets: a transport reads an answer with [`Api::parse`], which hides the token
    /// in what an error shows.
    ///
    /// The body has to be whole and decoded (gzip undone). A body that was cut is noticed, because
    /// it is not a JSON document.
    ///
    /// # Errors
    ///
    /// If the API refused, or answered something that is not an `Output`, or not the one asked for.
    fn parse(
        &self,
        response: http::Response<impl AsRef<[u8]> + Into<Vec<u8>>>,
    ) -> Result<Self::Output, ResponseError> {
        response::read(self, response)
    }

    /// Hides secrets in what an answer says about itself, where it is shown as a message is. Values
    /// are not touched. Nothing by default.
    fn hide(&self, output: &mut Self::Output, secrets: &Secrets) {
        let _ = (output, secrets);
    }
}
