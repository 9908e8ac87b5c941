use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};

use crate::error::ErrorKind;

/// One request and its answer, unchanged: see [`Config::on_traffic`](crate::Config::on_traffic).
///
/// It contains the token or the password, and personal data. `Debug` shows the call alone.
#[derive(Clone)]
#[non_exhaustive]
pub struct Traffic<'a> {
    /// The call, as in `GET /v1/lots/{lot_identifier}`.
    pub call: &'static str,
    /// The request, without the headers that HTTP itself needs.
    pub request: &'a Request<Vec<u8>>,
    /// The answer, unpacked, whatever its status is; or what happened instead.
    pub outcome: Result<&'a Response<Vec<u8>>, &'a ErrorKind>,
    /// The duration.
    pub took: Duration,
}

impl fmt::Debug for Traffic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traffic").field("call", &self.call).finish_non_exhaustive()
    }
}

/// A function to call with all [`Traffic`], for a trace.
///
/// Mask before writing: the `authorization` header, secret headers of yours
/// ([`ExtraHeaders::set`](crate::ExtraHeaders::set)), the body of a login, the token in its
/// response, and personal data.
///
/// It runs on the thread of the call. It has to be quick, and must not use the client.
#[derive(Clone)]
pub struct OnTraffic(Arc<dyn Fn(&Traffic<'_>) + Send + Sync>);

impl OnTraffic {
    /// Calls `function` with each request and its answer.
    pub fn new(function: impl Fn(&Traffic<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }

    pub(crate) fn tell(&self, traffic: &Traffic<'_>) {
        (self.0)(traffic);
    }
}

impl fmt::Debug for OnTraffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnTraffic(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use kamipay_proto::lots::GetLot;

    use super::*;
    use crate::Credentials;
    use crate::client::tests::World;
    use crate::error::ConnectFault;

    #[test]
    fn every_request_is_shown_with_its_answer() {
        let answer = |status: u16, body: &str| {
            let response = Response::builder().status(status).header("x-request-id", "7");
            Ok(response.body(body.as_bytes().to_vec()).unwrap())
        };
        let world = World::with([
            answer(200, r#"{"access_token": "s3cret", "token_type": "bearer"}"#),
            Err(ErrorKind::Connect(ConnectFault::Refused)),
            answer(503, "busy"),
            answer(404, r#"{"detail": "no"}"#),
        ]);
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&seen);
        let client = world.client_with(Credentials::login("me", "pa55"), |config| {
            config.on_traffic = Some(OnTraffic::new(move |traffic| {
                assert!(!format!("{traffic:?}").contains("s3cret"), "{traffic:?}");
                let Traffic { call, request, outcome, took } = traffic;
                assert_eq!(*took, Duration::ZERO);
                let sent = String::from_utf8_lossy(request.body());
                let token = request.headers().get("authorization").is_some();
                let what = match outcome {
                    Ok(response) => format!(
                        "{} {}",
                        response.status().as_u16(),
                        String::from_utf8_lossy(response.body())
                    ),
                    Err(error) => error.to_string(),
                };
                let line = format!("{call} {} {sent} {token}: {what}", request.uri());
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }));
        });
        let lot = "9c030c8b-6d68-445b-8048-1bacd91012fa";
        client.send(&GetLot::new(lot.parse().unwrap())).unwrap_err();
        let get = format!("GET /v1/lots/{{lot_identifier}} http://localhost/v1/lots/{lot}  true");
        assert_eq!(
            *seen.lock().unwrap(),
            [
                r#"POST /auth/token http://localhost/auth/token username=me&password=pa55 false: 200 {"access_token": "s3cret", "token_type": "bearer"}"#.to_owned(),
                format!("{get}: no connection: the host refuses connections to this port"),
                format!("{get}: 503 busy"),
                format!(r#"{get}: 404 {{"detail": "no"}}"#),
            ]
        );
    }
}
