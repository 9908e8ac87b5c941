//! A server with one answer, which records its requests.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::DateTime;
use http::{Request, Response};

use crate::{
    fault::{Calls, Context, Fault, Faults},
    schedule::Schedule,
    wire::{Answer, Limits, Listener, lock},
};

/// The time after which endless answers end: the client may not end by itself.
pub(super) const PATIENCE: Duration = Duration::from_millis(1_200);

pub(super) struct Probe {
    pub(super) base_url: String,
    pub(super) address: String,
    requests: Arc<Mutex<Vec<Request<Vec<u8>>>>>,
    _listener: Listener,
}

impl Probe {
    /// Answers each request with the body.
    pub(super) fn start(body: &[u8]) -> io::Result<Self> {
        Self::start_with(body, Faults::default(), String::new())
    }

    /// Answers with the body, but for the fault.
    pub(super) fn failing(body: &[u8], fault: Fault, schedule: Schedule) -> io::Result<Self> {
        Self::start_with(body, planned(fault, schedule), String::new())
    }

    /// Redirects each request to another host.
    pub(super) fn redirecting(fault: Fault, other_host: &str) -> io::Result<Self> {
        Self::start_with(b"", planned(fault, Schedule::always()), other_host.to_owned())
    }

    fn start_with(body: &[u8], faults: Faults, other_host: String) -> io::Result<Self> {
        let limits = Limits { idle: Duration::from_secs(3), pieces: PATIENCE, ..Limits::default() };
        let requests = Arc::<Mutex<Vec<_>>>::default();
        let (faults, body) = (Mutex::new(faults), body.to_vec());
        let listener = Listener::start(0, limits, {
            let requests = Arc::clone(&requests);
            move |request, is_used| {
                let fault = lock(&faults).next(false, is_used);
                let now = DateTime::UNIX_EPOCH;
                let context = Context { request: &request, now, other_host: &other_host };
                let response = fault.and_then(|fault| fault.response(&context));
                let response = response.unwrap_or_else(|| Response::new(body.clone()));
                lock(&requests).push(request);
                let pieces = fault.and_then(Fault::pieces);
                Answer { pieces, ..Answer::new(response) }
            }
        })?;
        let address = listener.address().to_string();
        Ok(Self { base_url: format!("http://{address}"), address, requests, _listener: listener })
    }

    /// The requests so far.
    pub(super) fn requests(&self) -> Vec<Request<Vec<u8>>> {
        lock(&self.requests).clone()
    }
}

fn planned(fault: Fault, schedule: Schedule) -> Faults {
    let mut faults = Faults::default();
    faults.add(fault, Calls::All, schedule);
    faults
}
