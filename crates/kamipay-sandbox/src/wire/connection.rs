//! One connection: requests in, answers out, until either side ends it.

use std::{
    io,
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use http::{Method, StatusCode};

use super::{
    answer::{self, Form, Sending, accepts_gzip},
    head::{self, Head},
    listener::{Limits, Service, Shared},
    socket,
};

/// Serves a connection until it ends.
pub(super) fn serve(stream: &TcpStream, shared: &Shared) {
    // Answers are written at once, so there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let Shared { service, limits, .. } = shared;
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
            let is_damaged = answer.damage.is_some();
            let time = if is_damaged { self.limits.damaged } else { self.limits.answer };
            let sending = Sending::new(answer, form);
            sending.send(self.stream, Instant::now() + time)?;
            match sending.end {
                answer::End::KeepAlive => is_used = true,
                answer::End::Close => return Ok(()),
                answer::End::Reset => return Err(End::Reset),
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
