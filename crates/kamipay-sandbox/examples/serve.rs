//! Serves a generated merchant until it is stopped: `cargo run --example serve -- [SEED]`.

use kamipay_sandbox::{Generated, Sandbox, Scenario, Server};

fn main() -> std::io::Result<()> {
    let seed = std::env::args().nth(1).and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let mut sandbox = Sandbox::generated(Generated::new(seed));
    for scenario in Scenario::all().filter(|scenario| scenario.has_payment()) {
        sandbox = sandbox.with_scenario(scenario);
    }
    println!("a token: {}", sandbox.token());
    let server = Server::start(sandbox)?;
    println!("{}", server.base_url());
    loop {
        std::thread::park();
    }
}
