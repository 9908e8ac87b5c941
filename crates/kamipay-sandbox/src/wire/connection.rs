//! One connection: requests in, answers out, until either side ends it.

use std::{
    io,
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use http::{Method, Request, StatusCode};

use super::{
    answer::Answer,
    head::{self, Head},
    sending::{self, Form, Sending, accepts_gzip},
    socket,
};

/// Answers a request. The flag says whether its connection served a request before.
pub(super) type Service = dyn Fn(Request<Vec<u8>>, bool) -> Answer + Send + Sync;

/// The limits for clients.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connections at a time. Any more are answered 503.
    pub(crate) connections: usize,
    /// Between two requests of a connection.
    pub(crate) idle: Duration,
    /// From the first byte of a request to its last.
    pub(crate) request: Duration,
    /// From the first byte of an answer to its last.
    pub(crate) answer: Duration,
    /// The same for a answer in pieces. An endless one ends after this.
    pub(crate) pieces: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            idle: Duration::from_secs(60),
            request: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            pieces: Duration::from_secs(365 * 24 * 60 * 60),
        }
    }
}

/// Serves a connection until it ends.
pub(super) fn serve(stream: &TcpStream, service: &Service, limits: &Limits) {
    // Answers are written at once, so there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let mut connection = Connection { stream, service, limits, buffer: Vec::new() };
    match connection.run() {
        Ok(()) | Err(End::Closed) => {}
        Err(End::Refused(status)) => connection.refuse(status),
        // A shutdown would end it in order.
        Err(End::Reset) => return,
    }
    // The accepting thread may still hold the socket. The client must not wait for that.
    let _ = stream.shutdown(Shutdown::Both);
}

/// Answers a connection over the limit.
pub(super) fn turn_away(stream: &TcpStream) {
    let deadline = Instant::now() + Duration::from_millis(100);
    let _ = Sending::refusal(StatusCode::SERVICE_UNAVAILABLE).send(stream, deadline);
}

struct Connection<'a> {
    stream: &'a TcpStream,
    service: &'a Service,
    limits: &'a Limits,
    /// Bytes that are not answered yet. At most a head, a body and a read.
    buffer: Vec<u8>,
}

/// Why no more requests are read.
enum End {
    /// The client closed the connection or was silent for too long.
    Closed,
    /// The request cannot be read.
    Refused(StatusCode),
    /// The connection has to end with a reset.
    Reset,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

impl Connection<'_> {
    fn run(&mut self) -> Result<(), End> {
        let mut is_used = false;
        loop {
            let (head, deadline) = self.read_head()?;
            let body = self.read_body(&head, deadline)?;
            let form = Form {
                head_only: head.request.method() == Method::HEAD,
                gzip: accepts_gzip(head.request.headers()),
                keep_alive: head.keeps_alive,
            };
            let answer = (self.service)(head.request.map(|()| body), is_used);
            let Limits { answer: usual, pieces, .. } = *self.limits;
            let time = if answer.pieces.is_some() { pieces } else { usual };
            let sending = answer.sending(form);
            sending.send(self.stream, Instant::now() + time)?;
            match sending.end {
                sending::End::KeepAlive => is_used = true,
                sending::End::Close => return Ok(()),
                sending::End::Reset => return Err(End::Reset),
            }
        }
    }

    /// The head of the next request, and when the request has to be complete.
    fn read_head(&mut self) -> Result<(Head, Instant), End> {
        if self.buffer.is_empty() {
            let idle_until = Instant::now() + self.limits.idle;
            match self.read(idle_until) {
                Ok(0) | Err(_) => return Err(End::Closed),
                Ok(_) => {}
            }
        }
        let deadline = Instant::now() + self.limits.request;
        let mut seen = 0;
        loop {
            // Parsed only after another line, so that a client that sends byte by byte does not
            // cause a parse for each byte.
            let has_line = self.buffer[seen..].contains(&b'\n');
            let is_long = self.buffer.len() > head::MOST_TARGET;
            if has_line || is_long {
                if let Some(head) = head::parse(&self.buffer).map_err(End::Refused)? {
                    self.buffer.drain(..head.length);
                    return Ok((head, deadline));
                }
            }
            seen = self.buffer.len();
            self.read_more(deadline)?;
        }
    }

    fn read_body(&mut self, head: &Head, deadline: Instant) -> Result<Vec<u8>, End> {
        if head.expects_continue && self.buffer.len() < head.body_length {
            Sending::go_on().send(self.stream, deadline)?;
        }
        while self.buffer.len() < head.body_length {
            self.read_more(deadline)?;
        }
        Ok(self.buffer.drain(..head.body_length).collect())
    }

    /// Reads more of a request that has begun.
    fn read_more(&mut self, deadline: Instant) -> Result<(), End> {
        match self.read(deadline) {
            Ok(0) => Err(End::Refused(StatusCode::BAD_REQUEST)),
            Ok(_) => Ok(()),
            Err(error) if socket::is_timeout(&error) => {
                Err(End::Refused(StatusCode::REQUEST_TIMEOUT))
            }
            Err(_) => Err(End::Closed),
        }
    }

    fn read(&mut self, deadline: Instant) -> io::Result<usize> {
        let mut chunk = [0; 8 * 1024];
        let length = socket::read(self.stream, &mut chunk, deadline)?;
        self.buffer.extend_from_slice(&chunk[..length]);
        Ok(length)
    }

    fn refuse(&mut self, status: StatusCode) {
        let deadline = Instant::now() + self.limits.answer;
        if Sending::refusal(status).send(self.stream, deadline).is_ok() {
            self.linger();
        }
    }

    /// Reads on for a while after the last answer. Closing a socket with unread bytes resets the
    /// connection, and the client may lose the answer.
    fn linger(&self) {
        if self.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        let deadline = Instant::now() + self.limits.request;
        let mut chunk = [0; 8 * 1024];
        let mut left = MOST_TO_DISCARD;
        while let Ok(length) = socket::read(self.stream, &mut chunk, deadline) {
            left = left.saturating_sub(length);
            if length == 0 || left == 0 {
                return;
            }
        }
    }
}

/// In bytes. A client that sends more after its last answer is cut off.
const MOST_TO_DISCARD: usize = 4 * 1024 * 1024;
