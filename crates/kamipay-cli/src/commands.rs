//! What the commands do.

pub(crate) mod api;
pub(crate) mod charges;
pub(crate) mod completions;
pub(crate) mod demo;
mod list;
pub(crate) mod login;
pub(crate) mod lots;
pub(crate) mod man;
pub(crate) mod pay;
pub(crate) mod sandbox;
pub(crate) mod scan;
pub(crate) mod settlements;
pub(crate) mod whoami;

use crate::args::Command;
use crate::exit::{Exit, Failure};

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Lots(lots) => lots.run(),
        Command::Settlements(settlements) => settlements.run(),
        Command::Charges(charges) => charges.run(),
        Command::Pay(pay) => pay.run(),
        Command::Scan(scan) => scan.run(),
        Command::Api(call) => call.run(),
        Command::Sandbox(serve) => serve.run(),
        Command::Demo(demo) => demo.run(),
        Command::Login(login) => login.run(),
        Command::Logout(logout) => logout.run(),
        Command::Whoami(whoami) => whoami.run(),
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
    }
}

/// `1 lot`, `2 lots`.
pub(crate) fn count(n: u64, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}
