//! The answer of a service.

use http::Response;

use super::{
    pieces::{self, Piece},
    sending::{Form, Sending, Step},
};

/// What a service answers a request with.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response<Vec<u8>>,
    /// Follows at once, without another request.
    pub(crate) second: Option<Response<Vec<u8>>>,
    /// Replace the response on the wire.
    pub(crate) pieces: Option<&'static [Piece]>,
}

impl Answer {
    pub(crate) fn new(response: Response<Vec<u8>>) -> Self {
        Self { response, second: None, pieces: None }
    }

    pub(super) fn sending(self, form: Form) -> Sending {
        let sending = match self.pieces {
            Some(pieces) => pieces::sending(pieces, self.response, form),
            None => Sending::of(self.response, form),
        };
        let Some(second) = self.second else { return sending };
        // Sent together, so that the second is there when the client reads the first.
        let steps = sending.steps.into_iter().chain(Sending::of(second, form).steps);
        let bytes = steps.filter_map(|step| match step {
            Step::Send(bytes) => Some(bytes),
            _ => None,
        });
        Sending { steps: vec![Step::Send(bytes.flatten().collect())], end: sending.end }
    }
}
