//! Reads and writes with deadlines.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

/// Reads once, before the deadline.
pub(super) fn read(
    mut stream: &TcpStream,
    chunk: &mut [u8],
    deadline: Instant,
) -> io::Result<usize> {
    loop {
        stream.set_read_timeout(Some(time_left(deadline)?))?;
        match stream.read(chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Writes everything, before the deadline.
pub(super) fn write(mut stream: &TcpStream, mut rest: &[u8], deadline: Instant) -> io::Result<()> {
    while !rest.is_empty() {
        stream.set_write_timeout(Some(time_left(deadline)?))?;
        match stream.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(sent) => rest = &rest[sent..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes something again and again until `length` bytes are sent. Memory: a few KiB.
pub(super) fn repeat(
    stream: &TcpStream,
    unit: &[u8],
    length: u64,
    deadline: Instant,
) -> io::Result<()> {
    let units = unit.repeat((REPEATED / unit.len().max(1)).max(1));
    let mut left = length;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(units.len());
        write(stream, &units[..now], deadline)?;
        left -= now as u64;
    }
    Ok(())
}

/// Bytes that [`repeat`] writes at a time.
const REPEATED: usize = 16 * 1024;

/// Writes a byte, then pauses, and so on.
pub(super) fn drip(
    stream: &TcpStream,
    bytes: &[u8],
    pause: Duration,
    deadline: Instant,
) -> io::Result<()> {
    let mut reads = true;
    for byte in bytes {
        write(stream, &[*byte], deadline)?;
        // Reading during the pause notices at once when the client closes the connection.
        let until = Instant::now() + pause;
        while reads && Instant::now() < until {
            match read(stream, &mut [0; 1024], until.min(deadline)) {
                // The client sends no more. It may still be listening.
                Ok(0) => reads = false,
                Ok(_) => {}
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(error),
            }
        }
        if !reads {
            thread::sleep(until.saturating_duration_since(Instant::now()));
        }
    }
    Ok(())
}

/// Reads until the client closes the connection.
pub(super) fn hold(stream: &TcpStream, deadline: Instant) -> io::Result<()> {
    while read(stream, &mut [0; 1024], deadline)? > 0 {}
    Ok(())
}

pub(super) fn is_timeout(error: &io::Error) -> bool {
    // Which of the two depends on the platform.
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

fn time_left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    /// A client that sends a byte now and then has no more time than a silent one.
    #[test]
    fn nothing_is_read_after_the_deadline() {
        let (mut client, stream) = pair();
        client.write_all(b"GET").unwrap();
        let error = read(&stream, &mut [0; 8], Instant::now()).unwrap_err();
        assert!(is_timeout(&error));
        let later = Instant::now() + Duration::from_secs(30);
        assert!(read(&stream, &mut [0; 8], later).unwrap() > 0);
    }

    #[test]
    fn a_client_that_does_not_read_is_given_up() {
        let (client, stream) = pair();
        let deadline = Instant::now() + Duration::from_millis(20);
        repeat(&stream, &[0], u64::MAX, deadline).unwrap_err();
        drop(client);
    }
}
