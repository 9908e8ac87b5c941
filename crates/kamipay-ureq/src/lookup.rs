//! Looks up the host when a connection is made: feature `lazy-lookup`.
//!
//! ureq looks it up for each call, on a thread of its own, even where a connection is kept. Here
//! ureq's resolver does nothing, and the connector looks the host up: ureq calls it for a new
//! connection only. No address is kept, so that the next connection finds a host that has moved.

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use http::Uri;
use ureq::config::Config;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};
use ureq::{Agent, Error, Timeout};

use crate::error::{ConnectFault, ErrorKind};

/// An agent that looks up the host when a connection is made, or connects to `address`.
pub(crate) fn agent(config: Config, address: Option<SocketAddr>) -> Agent {
    agent_with(config, address, |host, port| Ok((host, port).to_socket_addrs()?.collect()))
}

fn agent_with(config: Config, address: Option<SocketAddr>, look_up: LookUp) -> Agent {
    let inner = DefaultConnector::default();
    Agent::with_parts(config, Lazy { inner, address, look_up }, Later)
}

/// Finds the addresses of a host's name, however long that takes.
type LookUp = fn(&str, u16) -> io::Result<Vec<SocketAddr>>;

/// Names an address in place of those that [`Lazy`] finds.
#[derive(Debug)]
struct Later;

impl Resolver for Later {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut placeholder = self.empty();
        placeholder.push(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        Ok(placeholder)
    }
}

/// Looks up the host, and has ureq connect to it.
struct Lazy {
    inner: DefaultConnector,
    /// In place of the host's. Without a proxy, each connection is to the host.
    address: Option<SocketAddr>,
    look_up: LookUp,
}

impl fmt::Debug for Lazy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lazy(..)")
    }
}

impl Connector for Lazy {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        // Without a placeholder it is for the proxy to look up the host. For the proxy's own
        // connection ureq calls this once more.
        if details.addrs.is_empty() {
            return self.inner.connect(details, chained);
        }
        let (host, port) = host_and_port(details.uri).ok_or(Error::HostNotFound)?;
        let mut addrs = details.resolver.empty();
        let mut timeout = details.timeout;
        let is_address = || host.parse::<IpAddr>().ok().map(|it| SocketAddr::new(it, port));
        if let Some(address) = self.address.or_else(is_address) {
            addrs.push(address);
        } else {
            let started = Instant::now();
            let (host, look_up) = (host.to_owned(), self.look_up);
            let found = within(look_up_timeout(details), move || look_up(&host, port))?;
            found.into_iter().take(MAX_ADDRESSES).for_each(|address| addrs.push(address));
            timeout = connect_timeout(details, started.elapsed())?;
        }
        if addrs.is_empty() {
            return Err(Error::HostNotFound);
        }
        let details = ConnectionDetails {
            uri: details.uri,
            addrs,
            config: details.config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        self.inner.connect(&details, chained)
    }
}

/// ureq has room for no more.
const MAX_ADDRESSES: usize = 16;

/// The host, without the brackets of an IPv6 address.
fn host_and_port(uri: &Uri) -> Option<(&str, u16)> {
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    Some((host, uri.port_u16().unwrap_or(default)))
}

/// The look-up's own time, within what is left for the attempt.
fn look_up_timeout(details: &ConnectionDetails<'_>) -> NextTimeout {
    let mut timeout = details.timeout;
    match details.config.timeouts().resolve {
        Some(limit) if limit <= *timeout.after => {
            timeout.after = limit.into();
            timeout.reason = Timeout::Resolve;
        }
        _ => {}
    }
    timeout
}

/// The connection's own time, within what is left for the attempt after the look-up.
fn connect_timeout(
    details: &ConnectionDetails<'_>,
    look_up: Duration,
) -> Result<NextTimeout, Error> {
    let mut timeout = details.timeout;
    let (attempt, reason) = match timeout.reason {
        // All of the attempt's time was left.
        Timeout::Connect => (details.config.timeouts().global, Timeout::Global),
        reason => (Some(*timeout.after), reason),
    };
    let left = attempt.unwrap_or(Duration::MAX).saturating_sub(look_up);
    if left.is_zero() {
        return Err(Error::Timeout(reason)); // ureq grants a second even where there is none
    }
    if left < *timeout.after {
        (timeout.after, timeout.reason) = (left.into(), reason);
    }
    Ok(timeout)
}

/// Looks up on a thread, because the system's look-up cannot be told to stop.
fn within(
    timeout: NextTimeout,
    look_up: impl FnOnce() -> io::Result<Vec<SocketAddr>> + Send + 'static,
) -> Result<Vec<SocketAddr>, Error> {
    let (sender, found) = mpsc::channel();
    let thread = thread::Builder::new().spawn(move || _ = sender.send(look_up()));
    if thread.is_err() {
        return Err(Error::Other(Box::new(ErrorKind::Connect(ConnectFault::NoThread))));
    }
    match found.recv_timeout(*timeout.after) {
        Ok(found) => Ok(found?),
        Err(RecvTimeoutError::Timeout) => Err(Error::Timeout(timeout.reason)),
        Err(RecvTimeoutError::Disconnected) => Err(Error::HostNotFound),
    }
}
