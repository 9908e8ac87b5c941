//! The sandbox on a loopback port: blocking, a thread for each connection.

use std::{
    collections::VecDeque,
    fmt, io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use http::{Method, Request, StatusCode};

use crate::{
    fault::Fault,
    sandbox::{Outcome, Sandbox},
};

mod connection;
mod head;
mod probe;
mod wire;

pub(crate) use self::{
    probe::{PATIENCE, Probe},
    wire::gzip,
};

/// A [`Sandbox`] on a port of the loopback interface (127.0.0.1).
///
/// It serves HTTP/1.1 without TLS, with connections kept alive, until it is dropped. Then it
/// closes all connections and waits for its threads.
///
/// ```
/// use std::io::{Read, Write};
///
/// use kamipay_sandbox::{Sandbox, Server};
///
/// # fn main() -> std::io::Result<()> {
/// let server = Server::start(Sandbox::documented())?;
///
/// let mut stream = std::net::TcpStream::connect(server.address())?;
/// stream.write_all(b"GET /v1/lots HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?;
///
/// assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"));
/// assert_eq!(server.requests()[0].path_and_query, "/v1/lots");
/// # Ok(())
/// # }
/// ```
pub struct Server {
    address: SocketAddr,
    base_url: String,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves on a free port.
    ///
    /// # Errors
    ///
    /// When the port cannot be had or a thread cannot be started.
    pub fn start(sandbox: Sandbox) -> io::Result<Self> {
        Self::start_on(0, sandbox)
    }

    /// Serves on a port; 0 takes a free one.
    ///
    /// # Errors
    ///
    /// When the port cannot be had, because another program has it for example, or a thread cannot
    /// be started.
    pub fn start_on(port: u16, sandbox: Sandbox) -> io::Result<Self> {
        Self::start_with(port, sandbox, Limits::default())
    }

    fn start_with(port: u16, sandbox: Sandbox, limits: Limits) -> io::Result<Self> {
        Self::start_shared(port, sandbox, limits, None)
    }

    /// Serves a probe instead of a sandbox.
    pub(crate) fn start_probe(probe: Probe) -> io::Result<Self> {
        Self::start_shared(0, Sandbox::from_rows([]), Limits::short(), Some(probe))
    }

    /// The requests that a probe was asked.
    pub(crate) fn probed(&self) -> Vec<Request<Vec<u8>>> {
        let probe = self.shared.probe.as_ref();
        probe.map_or_else(Vec::new, |probe| lock(probe).asked.clone())
    }

    fn start_shared(
        port: u16,
        sandbox: Sandbox,
        limits: Limits,
        probe: Option<Probe>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            sandbox: Mutex::new(sandbox),
            probe: probe.map(Mutex::new),
            received: Mutex::default(),
            gzip: AtomicBool::new(true),
            stopping: AtomicBool::new(false),
            limits,
        });
        let accepting = thread::Builder::new().name("kamipay-sandbox".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        })?;
        let base_url = format!("http://{address}");
        Ok(Self { address, base_url, shared, accepting: Some(accepting) })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests that were answered so far, the oldest first, without their secrets: no
    /// headers, no bodies. Of more than 10,000 the last are kept. Requests that are not HTTP are
    /// not among them.
    pub fn requests(&self) -> Vec<Received> {
        lock(&self.shared.received).iter().cloned().collect()
    }

    /// Looks at the sandbox or changes it between two requests.
    pub fn with_sandbox<T>(&self, action: impl FnOnce(&mut Sandbox) -> T) -> T {
        action(&mut lock(&self.shared.sandbox))
    }

    /// Whether answers larger than 1 KiB are compressed for clients who accept gzip, as they are
    /// by default.
    pub fn set_gzip(&self, gzip: bool) {
        self.shared.gzip.store(gzip, Ordering::Relaxed);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections. Where not even that succeeds, because file
        // descriptors are used up, waiting for the thread could take forever.
        let woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok();
        if let Some(accepting) = self.accepting.take().filter(|_| woken) {
            let _ = accepting.join();
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// A request that a [`Server`] answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// The method.
    pub method: Method,
    /// Path and query as they came, percent-encoded. Of `/auth/token` the path alone: a query may
    /// hold a password there by mistake.
    pub path_and_query: String,
    /// The status of the answer; of one that a fault spoils the status before.
    pub status: StatusCode,
    /// What went wrong.
    pub fault: Option<Fault>,
}

/// How much a client may ask for.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Connections at a time; any more are answered 503.
    connections: usize,
    /// Between two requests of a connection.
    idle: Duration,
    /// From the first byte of a request to its last.
    request: Duration,
    /// From the first byte of an answer to its last.
    answer: Duration,
    /// The same where something goes wrong. What lasts for ever lasts so long.
    fault: Duration,
}

impl Limits {
    /// For clients who may wait for ever.
    fn short() -> Self {
        Self { idle: Duration::from_secs(3), fault: PATIENCE, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            idle: Duration::from_secs(60),
            request: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            fault: Duration::from_secs(365 * 24 * 60 * 60),
        }
    }
}

/// What all threads of a server share.
struct Shared {
    sandbox: Mutex<Sandbox>,
    /// Answers in place of the sandbox.
    probe: Option<Mutex<Probe>>,
    received: Mutex<VecDeque<Received>>,
    gzip: AtomicBool,
    stopping: AtomicBool,
    limits: Limits,
}

impl Shared {
    fn answer(&self, request: Request<Vec<u8>>, is_used: bool) -> Outcome {
        let method = request.method().clone();
        let uri = request.uri();
        let path_and_query = if uri.path() == "/auth/token" {
            uri.path().to_owned()
        } else {
            uri.path_and_query().map_or_else(String::new, ToString::to_string)
        };
        let outcome = match &self.probe {
            Some(probe) => lock(probe).exchange(&request, is_used),
            None => lock(&self.sandbox).exchange(&request, is_used),
        };
        let (status, fault) = (outcome.response.status(), outcome.fault);
        let mut received = lock(&self.received);
        if received.len() == MOST_RECEIVED {
            received.pop_front();
        }
        received.push_back(Received { method, path_and_query, status, fault });
        outcome
    }
}

const MOST_RECEIVED: usize = 10_000;

/// Takes connections until the server stops, then closes them and waits for their threads.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut connections: Vec<(Weak<TcpStream>, JoinHandle<()>)> = Vec::new();
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = stream else {
            // Too many files are open, most likely: not for ever.
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        connections.retain(|(_, thread)| !thread.is_finished());
        if connections.len() >= shared.limits.connections {
            connection::turn_away(&stream);
            continue;
        }
        let stream = Arc::new(stream);
        let known = Arc::downgrade(&stream);
        let shared = Arc::clone(shared);
        let thread = thread::Builder::new()
            .name("kamipay-sandbox connection".to_owned())
            .spawn(move || connection::serve(&stream, &shared));
        if let Ok(thread) = thread {
            connections.push((known, thread));
        }
    }
    for (stream, _) in &connections {
        if let Some(stream) = stream.upgrade() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
    for (_, thread) in connections {
        let _ = thread.join();
    }
}

/// A closure of a test that panicked inside of `with_sandbox` does not stop the server.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests;
