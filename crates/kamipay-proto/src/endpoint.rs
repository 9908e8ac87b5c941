use http::response::Parts;
use serde::de::DeserializeOwned;

use crate::response::{self, decode_json};
use crate::{Api, BuildError, Mismatch, ResponseError, ResponseErrorKind, Secrets};

/// A call of the kamiPay API, as plain data.
///
/// Implement it for a call that this crate does not have:
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
    /// The method and the path's template, such as `GET /v1/lots/{lot_identifier}`. Errors and logs
    /// show it instead of the URL.
    const CALL: &'static str;

    /// The answer of a successful call.
    type Output: DeserializeOwned;

    /// Builds the HTTP request.
    ///
    /// # Errors
    ///
    /// If the call cannot be written as a request, or if `api` has no token.
    fn request(&self, api: &Api) -> Result<http::Request<Vec<u8>>, BuildError>;

    /// Reads the body of a 2xx response. Default: a JSON object. The statuses without a whole body
    /// (204, 205, 206) are errors.
    ///
    /// Replace it for an answer in an envelope, without a body, or in another format:
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

    /// Checks that `output` answers this call. A connection that is used for many calls can deliver
    /// another request's response, which a transport cannot detect. Default: accepts everything.
    ///
    /// # Errors
    ///
    /// If the answer echoes other values than the request has.
    fn verify(&self, output: &Self::Output) -> Result<(), Mismatch> {
        let _ = output;
        Ok(())
    }

    /// Reads the response to this call.
    ///
    /// A transport uses [`Api::parse`] instead, which also hides the token in errors.
    ///
    /// The body must be whole, and unpacked if it was compressed. A JSON body that was cut off is
    /// an error.
    ///
    /// # Errors
    ///
    /// If the API refused the call, if the body is not an `Output`, or if it answers another request.
    fn parse(
        &self,
        response: http::Response<impl AsRef<[u8]> + Into<Vec<u8>>>,
    ) -> Result<Self::Output, ResponseError> {
        response::read(self, response)
    }

    /// Hides secrets in the messages of an answer. Values are not changed. Default: does nothing.
    fn hide(&self, output: &mut Self::Output, secrets: &Secrets) {
        let _ = (output, secrets);
    }

    /// Changes an answer that followed an unusable one in the same call, if the two could contradict
    /// each other. Default: does nothing.
    #[doc(hidden)] // for transports that repeat a call
    fn distrust(&self, output: &mut Self::Output) {
        let _ = output;
    }
}
