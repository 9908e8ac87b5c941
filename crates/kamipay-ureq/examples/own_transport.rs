//! Requests over a function of one's own, such as another HTTP client. Retries, the login and the
//! scan stay the client's.
//!
//! ```console
//! $ cargo run -p kamipay-ureq --example own_transport
//! ```
//!
//! The function asks a sandbox without sockets, and the network fails now and then.

use std::sync::Mutex;

use kamipay_sandbox::{Generated, Sandbox};
use kamipay_ureq::proto::http::Request;
use kamipay_ureq::proto::{Period, lots::ScanLots};
use kamipay_ureq::{
    Client, Config, Credentials, OnAttempt, TransportError, TransportFault, TransportLimits,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut sandbox = Sandbox::generated(Generated::new(7).with_lots(2000));
    sandbox.fail_at(1, "reset-before-answer".parse()?);
    sandbox.fail_at(3, "status-503".parse()?);
    let login = Credentials::login(sandbox.username(), sandbox.password());

    let http = Mutex::new(sandbox);
    let send = move |request: Request<Vec<u8>>, limits: TransportLimits| {
        // Give these limits to the HTTP client. It must not follow redirects.
        let _ = (limits.timeout, limits.connect_timeout, limits.body_limit_bytes, limits.pool);
        let mut http = http.lock().expect("no other call panicked");
        http.try_handle(request).map_err(|fault| {
            // No byte of an answer came. Where that is not known, it is `TransportFault::Lost`.
            TransportError::new(TransportFault::Unanswered, fault.to_string())
        })
    };
    let mut config = Config::default();
    config.on_attempt = Some(OnAttempt::new(|attempt| println!("{attempt}")));
    let base = "https://api.kamipay.io".parse()?;
    let client = Client::with_transport(base, login, config, send)?;

    let year = Period::parse("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")?;
    let mut lots = client.scan(ScanLots::new(year));
    for lot in &mut lots {
        lot?;
    }
    println!("{}", lots.manifest());
    assert_eq!(lots.manifest().rows, 2000);
    Ok(())
}
