//! The sandbox on a loopback port.

use std::{
    collections::VecDeque,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http::{Method, Request, StatusCode};

use crate::{
    fault::Fault,
    reply::{Reply, X_REQUEST_ID},
    sandbox::Sandbox,
    wire::{Answer, Limits, Listener, lock},
};

/// A [`Sandbox`] on a port of the loopback interface (127.0.0.1).
///
/// It serves HTTP/1.1 without TLS and keeps connections alive. `GET /health` is answered with 200
/// and without a token; such requests are not counted and have no faults. Dropping it closes all connections
/// and waits for its threads.
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
    listener: Listener,
    base_url: String,
    served: Arc<Served>,
}

impl Server {
    /// Serves on a free port.
    ///
    /// # Errors
    ///
    /// If there is no free port, or a thread cannot be started.
    pub fn start(sandbox: Sandbox) -> io::Result<Self> {
        Self::start_on(0, sandbox)
    }

    /// Serves on a port. 0 takes a free one.
    ///
    /// # Errors
    ///
    /// If the port cannot be bound, because another program uses it for example, or a thread
    /// cannot be started.
    pub fn start_on(port: u16, sandbox: Sandbox) -> io::Result<Self> {
        Self::start_with(port, sandbox, Limits::default())
    }

    fn start_with(port: u16, sandbox: Sandbox, limits: Limits) -> io::Result<Self> {
        let served = Arc::new(Served { sandbox: Mutex::new(sandbox), requests: Mutex::default() });
        let listener = Listener::start(port, limits, {
            let served = Arc::clone(&served);
            move |request, is_used| served.answer(&request, is_used)
        })?;
        let base_url = format!("http://{}", listener.address());
        Ok(Self { listener, base_url, served })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The requests that were answered so far, oldest first: at most the last 10,000. They contain
    /// no headers and no bodies, so no secrets. Requests that are not HTTP are left out.
    pub fn requests(&self) -> Vec<Received> {
        lock(&self.served.requests).iter().cloned().collect()
    }

    /// Reads or changes the sandbox between two requests.
    pub fn with_sandbox<T>(&self, action: impl FnOnce(&mut Sandbox) -> T) -> T {
        action(&mut lock(&self.served.sandbox))
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
    /// Path and query as they came, percent-encoded. Of `/auth/token` only the path: a query may
    /// contain a password by mistake.
    pub path_and_query: String,
    /// The status of the answer, before damage on its way.
    pub status: StatusCode,
    /// The `x-request-id` of the answer.
    pub request_id: String,
    /// The fault that happened.
    pub fault: Option<Fault>,
}

struct Served {
    sandbox: Mutex<Sandbox>,
    requests: Mutex<VecDeque<Received>>,
}

impl Served {
    fn answer(&self, request: &Request<Vec<u8>>, is_used: bool) -> Answer {
        let method = request.method().clone();
        let uri = request.uri();
        if uri.path() == "/health" && matches!(method, Method::GET | Method::HEAD) {
            return Answer::new(Reply::ok(r#"{"status":"ok"}"#).into_response());
        }
        let path_and_query = if uri.path() == "/auth/token" {
            uri.path().to_owned()
        } else {
            uri.path_and_query().map_or_else(String::new, ToString::to_string)
        };
        let (answer, fault) = lock(&self.sandbox).exchange(request, is_used);
        let status = answer.response.status();
        let id = answer.response.headers().get(X_REQUEST_ID);
        let request_id = id.and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        let mut requests = lock(&self.requests);
        if requests.len() == MOST_REQUESTS {
            requests.pop_front();
        }
        requests.push_back(Received { method, path_and_query, status, request_id, fault });
        answer
    }
}

const MOST_REQUESTS: usize = 10_000;

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests;
