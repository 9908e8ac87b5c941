//! Accepts connections, each on a thread of its own.

use std::{
    io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use http::Request;

use super::{
    answer::Answer,
    connection::{self, Limits, Service},
};

/// Serves until it is dropped. Then it closes all connections and waits for its threads.
pub(crate) struct Listener {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// What all threads of a listener share.
struct Shared {
    service: Box<Service>,
    limits: Limits,
    stopping: AtomicBool,
}

impl Listener {
    /// Listens on a port of the loopback interface. 0 takes a free one.
    pub(crate) fn start(
        port: u16,
        limits: Limits,
        service: impl Fn(Request<Vec<u8>>, bool) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let service = Box::new(service);
        let shared = Arc::new(Shared { service, limits, stopping: AtomicBool::new(false) });
        let accepting = thread::Builder::new().name("kamipay-sandbox".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        })?;
        Ok(Self { address, shared, accepting: Some(accepting) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every thread of the listener holds it.
    #[cfg(test)]
    pub(crate) fn threads(&self) -> Weak<impl Sized + use<>> {
        Arc::downgrade(&self.shared)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections. Without file descriptors even that fails,
        // and waiting for the thread could take forever.
        let woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok();
        if let Some(accepting) = self.accepting.take().filter(|_| woken) {
            let _ = accepting.join();
        }
    }
}

/// Accepts connections until the listener stops, then closes them and waits for their threads.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut connections: Vec<(Weak<TcpStream>, JoinHandle<()>)> = Vec::new();
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = stream else {
            // Most likely too many files are open, which passes.
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
            .spawn(move || connection::serve(&stream, &*shared.service, &shared.limits));
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

/// Locks also after a panic of another holder.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
