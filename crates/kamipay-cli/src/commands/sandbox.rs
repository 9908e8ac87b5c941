//! `kamipay sandbox`

use std::error::Error as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use clap::Args;
use kamipay_sandbox::{Generated, Sandbox, Scenario, Server};

use crate::exit::{Exit, Failure};
use crate::output::Lines;
use crate::table::STRONG;

/// The merchant whom one meets without `--seed`.
pub(crate) const SEED: u64 = 1;

/// Serve a made-up merchant's API on this machine, to try things out
///
/// The merchant is made from a seed: 40 lots with their payouts and refunds, 12 settlements with
/// 200 charges, and 9 pending charges, all in May 2026. The same seed is the same merchant on every
/// machine. Nothing is stored, and nobody else can reach it: it listens on 127.0.0.1 only.
///
/// With --data, the merchant has the payments, lots, settlements and charges of a JSON file.
///
/// GET /health is answered without a token, for programs that wait for the sandbox. The first line on standard output is the base URL and nothing else. What to do with it comes on
/// standard error. It serves until it is stopped with Ctrl-C.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kamipay sandbox
  kamipay sandbox --port 8080 --seed 7 --scenario not-found-then-done --scenario canceled
  kamipay sandbox --year 2025 --lots 10000 --charges 1000000
  kamipay sandbox --data merchant.json
  kamipay sandbox --list-scenarios

A file for --data, with the field names of the API:
  {\"payments\": [{\"external_id\": \"order-7\", \"states\": [\"not_found\", \"done\"]}],
   \"lots\": [], \"settlements\": [], \"transactions\": [], \"pending_charges\": [],
   \"confirmed_charges\": [], \"routes\": []}

In a script:
  kamipay sandbox > url & trap \"kill $!\" EXIT
  until [ -s url ]; do sleep 0.1; done
  export KAMIPAY_BASE_URL=$(head -1 url) KAMIPAY_TOKEN=sandbox-token-accepted-from-the-start")]
pub(crate) struct Serve {
    /// The port; without it, a free one
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true)]
    #[arg(allow_hyphen_values = true)]
    port: u16,
    /// A JSON file with payments, lots, settlements and charges of your own
    ///
    /// They are the whole merchant. With --seed, --year, --lots or --charges they stand beside a
    /// merchant made from a seed. The documentation of kamipay-sandbox describes the file.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The seed of the merchant; default: 1
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    seed: Option<u64>,
    /// The year in which everything happens, in place of May 2026
    #[arg(long, value_name = "YYYY", allow_hyphen_values = true)]
    #[arg(value_parser = clap::value_parser!(i32).range(1971..=9000))]
    year: Option<i32>,
    /// How many lots, in place of 40
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    lots: Option<u64>,
    /// How many charges in settlements, in place of 200; up to 10 million
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    charges: Option<u64>,
    /// A behaviour to take on, as often as you like; default: every payment, or none with --data
    ///
    /// A payment, whose external_id is the scenario's name: not-found-then-done,
    /// not-found-forever, accepted-then-done, processing-forever, done, failed-and-refunded,
    /// failed-refund-pending, canceled, unknown-state. Checkouts: several-checkouts. Lists and
    /// answers that go wrong: see --list-scenarios.
    #[arg(long = "scenario", value_name = "NAME")]
    scenarios: Vec<Scenario>,
    /// Print the names of all scenarios, and what they do
    #[arg(long, exclusive = true)]
    list_scenarios: bool,
}

impl Serve {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        if self.list_scenarios {
            return list_scenarios();
        }
        let sandbox = self.sandbox()?;
        let payments = payments(&sandbox);
        let [from, to] = self.days(&sandbox);
        let (token, username, password) = (sandbox.token(), sandbox.username(), sandbox.password());
        let server = Server::start_on(self.port, sandbox).map_err(|error| {
            Failure::other(format!("cannot listen on port {} of 127.0.0.1: {error}", self.port))
                .tip("without --port a free one is taken")
        })?;

        let mut lines = Lines::new();
        lines.line(&format!("{}\n", server.base_url()))?;
        lines.flush()?;
        let text = format!(
            "\
{STRONG}{merchant}.{STRONG:#} Ctrl-C stops it.

In another terminal:
  export KAMIPAY_BASE_URL={url}
  export KAMIPAY_TOKEN={token}

  kamipay lots list --from {from} --to {to}
  kamipay settlements list --from {from} --to {to}
  kamipay settlements pending
{payments}
To log in instead of using the token:
  unset KAMIPAY_TOKEN
  export KAMIPAY_USERNAME={username} KAMIPAY_PASSWORD={password}
",
            merchant = self.description(),
            url = server.base_url(),
        );
        // Nobody may be reading it, which is no reason not to serve.
        let _ = anstream::stderr().write_all(text.as_bytes());
        io::stderr().flush()?;
        loop {
            std::thread::park();
        }
    }

    fn sandbox(&self) -> Result<Sandbox, Failure> {
        let sandbox = match self.has_generated() {
            true => Sandbox::generated(self.merchant()),
            false => Sandbox::empty(),
        };
        let Some(file) = &self.data else {
            return Ok(on(&self.scenarios).fold(sandbox, Sandbox::with_scenario));
        };
        let sandbox = sandbox.with_file(file).map_err(|error| {
            let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
            Failure::usage(format!("--data {error}{cause}"))
        })?;
        Ok(self.scenarios.iter().copied().fold(sandbox, Sandbox::with_scenario))
    }

    /// Whether there is a merchant made from a seed.
    fn has_generated(&self) -> bool {
        self.data.is_none()
            || self.seed.is_some()
            || self.year.is_some()
            || self.lots.is_some()
            || self.charges.is_some()
    }

    fn description(&self) -> String {
        let when = self.year.map_or_else(|| "May 2026".to_owned(), |year| year.to_string());
        let generated =
            format!("merchant made from the seed {}, in {when}", self.seed.unwrap_or(SEED));
        match &self.data {
            Some(file) if self.has_generated() => {
                format!("The data of {}, and a {generated}", file.display())
            }
            Some(file) => format!("The data of {}", file.display()),
            None => format!("A {generated}"),
        }
    }

    /// The first and the last day to list.
    fn days(&self, sandbox: &Sandbox) -> [String; 2] {
        match self.year {
            Some(year) => [format!("{year}-01-01"), format!("{year}-12-31")],
            None if self.has_generated() => ["2026-05-01", "2026-05-31"].map(str::to_owned),
            None => {
                let now = sandbox.now().date_naive();
                [now - TimeDelta::days(30), now].map(|day| day.to_string())
            }
        }
    }

    fn merchant(&self) -> Generated {
        let mut merchant = Generated::new(self.seed.unwrap_or(SEED));
        let midnight = |year| {
            NaiveDate::from_ymd_opt(year, 1, 1).map(|day| day.and_time(NaiveTime::MIN).and_utc())
        };
        let year = self.year.and_then(|year| Some((midnight(year)?, midnight(year + 1)?)));
        if let Some((start, end)) = year {
            merchant = merchant.with_period(start, end - TimeDelta::microseconds(1));
        }
        if let Some(lots) = self.lots {
            merchant = merchant.with_lots(lots);
        }
        if let Some(charges) = self.charges {
            merchant = merchant.with_charges(charges);
        }
        merchant
    }
}

/// The merchant of this seed, with these scenarios, or with those of a payment if there are none.
pub(crate) fn sandbox(seed: u64, scenarios: &[Scenario]) -> Sandbox {
    let merchant = Sandbox::generated(Generated::new(seed));
    on(scenarios).fold(merchant, Sandbox::with_scenario)
}

fn on(scenarios: &[Scenario]) -> impl Iterator<Item = Scenario> {
    let none_named = scenarios.is_empty();
    let all = Scenario::all().filter(move |scenario| none_named && scenario.has_payment());
    scenarios.iter().copied().chain(all)
}

/// How to ask for the payments that were added, if a shell reads their names as they are.
fn payments(sandbox: &Sandbox) -> String {
    let is_plain = |id: &&str| {
        !id.is_empty()
            && !id.starts_with('-')
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let ids = sandbox.external_ids().filter(is_plain).take(MOST_PAYMENTS);
    ids.map(|id| format!("  kamipay pay status --external-id {id}\n")).collect()
}

const MOST_PAYMENTS: usize = 20;

/// All scenarios with what they do, by what they are about.
fn list_scenarios() -> Result<Exit, Failure> {
    let mut text = String::new();
    let mut group = "";
    for scenario in Scenario::all() {
        if scenario.group() != group {
            let gap = if group.is_empty() { "" } else { "\n" };
            group = scenario.group();
            text.push_str(&format!("{gap}{STRONG}{group}{STRONG:#}\n"));
        }
        text.push_str(&format!("  {scenario:26}  {}\n", scenario.description()));
    }
    text.push_str("\nWith -always behind the name, what happens for a while never stops.\n");
    let mut lines = Lines::new();
    lines.text(&text)?;
    lines.flush()?;
    Ok(Exit::Done)
}
