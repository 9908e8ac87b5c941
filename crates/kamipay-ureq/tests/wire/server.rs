//! A server that follows a script for each connection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A step of a connection's script. After the last one, the server closes the connection.
pub(crate) enum Step {
    /// Read a request whole.
    Read,
    /// Write these bytes.
    Write(Vec<u8>),
    /// Write these bytes until the other side closes.
    WriteForever(Vec<u8>),
    /// Wait until the other side closes.
    Hold,
    /// Wait until the other side has read what there is.
    Pause,
    /// Close so that the other side sees a reset.
    Reset,
}

pub(crate) use Step::{Hold, Pause, Read as ReadRequest, Reset, Write as Reply, WriteForever};

/// Serves each connection by its script. A connection without a script is closed at once.
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, stop) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let thread = thread::spawn({
            let (seen, stop) = (Arc::clone(&seen), Arc::clone(&stop));
            move || {
                let mut scripts = scripts.into_iter();
                let mut open = Vec::new();
                for stream in listener.incoming() {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let (script, seen) = (scripts.next().unwrap_or_default(), Arc::clone(&seen));
                    open.push(thread::spawn(move || play(stream.unwrap(), script, &seen)));
                }
                for connection in open {
                    connection.join().unwrap();
                }
            }
        });
        Self { url, seen, stop, thread: Some(thread) }
    }

    /// One connection that reads a request, writes this, and closes.
    pub(crate) fn once(answer: impl Into<Vec<u8>>) -> Self {
        Self::start(vec![vec![ReadRequest, Reply(answer.into())]])
    }

    /// The requests so far, heads and bodies, oldest first.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn play(mut stream: TcpStream, script: Vec<Step>, seen: &Mutex<Vec<String>>) {
    for step in script {
        match step {
            ReadRequest => match read_request(&mut stream) {
                Some(request) => seen.lock().unwrap().push(request),
                None => return,
            },
            Reply(bytes) => {
                let _ = stream.write_all(&bytes); // who has heard enough may hang up
            }
            WriteForever(bytes) => while stream.write_all(&bytes).is_ok() {},
            Hold => while matches!(stream.read(&mut [0; 1024]), Ok(1..)) {},
            Pause => thread::sleep(Duration::from_millis(300)),
            Reset => {
                // Closing with bytes unread sends a reset.
                let mut byte = [0; 1];
                let _ = stream.peek(&mut byte);
                return;
            }
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    // Let the other side read all of it first: closing with bytes unread would drop the answer.
    while matches!(stream.read(&mut [0; 1024]), Ok(1..)) {}
}

pub(crate) fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1..) => head.extend(byte),
            _ => return None,
        }
    }
    let mut request = String::from_utf8(head).unwrap();
    let length = request.to_ascii_lowercase().lines().find_map(|line| {
        line.strip_prefix("content-length: ").map(|length| length.parse::<usize>().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    request.push_str(std::str::from_utf8(&body).unwrap());
    Some(request)
}
