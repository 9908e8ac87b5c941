//! One connection: requests in, answers out, until either side has enough.

use std::{
    io::{self, Read},
    net::{Shutdown, TcpStream},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use http::{Method, StatusCode};

use super::{
    Shared,
    head::{self, Head},
    wire::{self, Form, Wire, accepts_gzip},
};

/// Serves a connection until it ends.
pub(super) fn serve(stream: &TcpStream, shared: &Shared) {
    // Answers are written at once, so there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let mut connection = Connection { stream, shared, buffer: Vec::new() };
    match connection.run() {
        Ok(()) | Err(End::Closed) => {}
        Err(End::Refused(status)) => connection.refuse(status),
        // Shutting it down would end it in order.
        Err(End::Reset) => return,
    }
    // The accepting thread may still know the socket; the client shall not wait for that.
    let _ = stream.shutdown(Shutdown::Both);
}

/// Answers a connection that is one too many.
pub(super) fn turn_away(stream: &TcpStream) {
    let deadline = Instant::now() + Duration::from_millis(100);
    let _ = Wire::refusal(StatusCode::SERVICE_UNAVAILABLE).send(stream, deadline);
}

struct Connection<'a> {
    stream: &'a TcpStream,
    shared: &'a Shared,
    /// What came and is not yet answered. Never longer than a head and a body and a read.
    buffer: Vec<u8>,
}

/// Why no more requests are read.
enum End {
    /// Nothing to say: the client is gone, or was not heard from.
    Closed,
    /// What came is no request that can be answered.
    Refused(StatusCode),
    /// The connection is to end without order.
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
                gzip: self.shared.gzip.load(Ordering::Relaxed)
                    && accepts_gzip(head.request.headers()),
                keep_alive: head.keeps_alive,
            };
            let outcome = self.shared.answer(head.request.map(|()| body), is_used);
            let limits = self.shared.limits;
            let time = if outcome.fault.is_some() { limits.fault } else { limits.answer };
            let wire = Wire::of(outcome, form);
            wire.send(self.stream, Instant::now() + time)?;
            match wire.end {
                wire::End::KeepAlive => is_used = true,
                wire::End::Close => return Ok(()),
                wire::End::Reset => return Err(End::Reset),
            }
        }
    }

    /// The head of the next request, and when the request has to be complete.
    fn read_head(&mut self) -> Result<(Head, Instant), End> {
        if self.buffer.is_empty() {
            let idle_until = Instant::now() + self.shared.limits.idle;
            match self.read(idle_until) {
                Ok(0) | Err(_) => return Err(End::Closed),
                Ok(_) => {}
            }
        }
        let deadline = Instant::now() + self.shared.limits.request;
        let mut seen = 0;
        loop {
            // A head is looked at only when another line of it has come, so that a client who
            // sends byte by byte does not make it be read again as often.
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
            Wire::go_on().send(self.stream, deadline)?;
        }
        while self.buffer.len() < head.body_length {
            self.read_more(deadline)?;
        }
        Ok(self.buffer.drain(..head.body_length).collect())
    }

    /// More of a request that has begun.
    fn read_more(&mut self, deadline: Instant) -> Result<(), End> {
        match self.read(deadline) {
            Ok(0) => Err(End::Refused(StatusCode::BAD_REQUEST)),
            Ok(_) => Ok(()),
            Err(error) if is_timeout(&error) => Err(End::Refused(StatusCode::REQUEST_TIMEOUT)),
            Err(_) => Err(End::Closed),
        }
    }

    fn read(&mut self, deadline: Instant) -> io::Result<usize> {
        let mut chunk = [0; 8 * 1024];
        let length = read_before(self.stream, &mut chunk, deadline)?;
        self.buffer.extend_from_slice(&chunk[..length]);
        Ok(length)
    }

    fn refuse(&mut self, status: StatusCode) {
        let deadline = Instant::now() + self.shared.limits.answer;
        if Wire::refusal(status).send(self.stream, deadline).is_ok() {
            self.linger();
        }
    }

    /// Reads on for a while after the last answer. A socket closed with unread bytes resets the
    /// connection, and the client may lose the answer.
    fn linger(&self) {
        if self.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        let deadline = Instant::now() + self.shared.limits.request;
        let mut chunk = [0; 8 * 1024];
        let mut left = MOST_TO_DISCARD;
        while let Ok(length) = read_before(self.stream, &mut chunk, deadline) {
            left = left.saturating_sub(length);
            if length == 0 || left == 0 {
                return;
            }
        }
    }
}

/// In bytes, after which a client who does not stop sending is cut off.
const MOST_TO_DISCARD: usize = 4 * 1024 * 1024;

/// Reads once, before the deadline.
pub(super) fn read_before(
    mut stream: &TcpStream,
    chunk: &mut [u8],
    deadline: Instant,
) -> io::Result<usize> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

pub(super) fn is_timeout(error: &io::Error) -> bool {
    // Which of the two depends on the platform.
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        net::{Ipv4Addr, TcpListener},
    };

    use super::*;

    /// So one who sends a byte now and then has no more time than one who is silent.
    #[test]
    fn after_the_deadline_nothing_is_read() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        client.write_all(b"GET").unwrap();
        let error = read_before(&stream, &mut [0; 8], Instant::now()).unwrap_err();
        assert!(is_timeout(&error));
        let later = Instant::now() + Duration::from_secs(30);
        assert!(read_before(&stream, &mut [0; 8], later).unwrap() > 0);
    }
}
