//! A server that gives one answer to whatever it is asked, and keeps what it was asked.

use std::time::Duration;

use chrono::DateTime;
use http::{Request, Response};

use crate::{
    fault::{self, Calls, Fault, Faults},
    sandbox::Outcome,
    schedule::Schedule,
};

/// How long "for ever" is for a probe: its client may not know when to stop.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1_200);

/// The answer, and what was asked.
#[derive(Debug)]
pub(crate) struct Probe {
    answer: Response<Vec<u8>>,
    faults: Faults,
    elsewhere: String,
    pub(super) asked: Vec<Request<Vec<u8>>>,
}

impl Probe {
    pub(crate) fn new(body: impl Into<Vec<u8>>) -> Self {
        Self {
            answer: Response::new(body.into()),
            faults: Faults::default(),
            elsewhere: String::new(),
            asked: Vec::new(),
        }
    }

    pub(crate) fn with_fault(mut self, fault: Fault, schedule: Schedule) -> Self {
        self.faults.add(fault, Calls::All, schedule);
        self
    }

    /// Where redirects lead.
    pub(crate) fn with_elsewhere(self, base_url: &str) -> Self {
        Self { elsewhere: base_url.to_owned(), ..self }
    }

    pub(super) fn exchange(&mut self, request: &Request<Vec<u8>>, is_used: bool) -> Outcome {
        self.asked.push(request.clone());
        let fault = self.faults.next(false, is_used);
        let response = fault.and_then(|fault| {
            let now = DateTime::UNIX_EPOCH;
            fault::answer(fault, &fault::Context { request, now, elsewhere: &self.elsewhere })
        });
        let response = response.unwrap_or_else(|| self.answer.clone());
        Outcome { response, fault, extra: None }
    }
}
