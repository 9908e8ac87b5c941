//! The commands. Each one's arguments stand with what it does, in [`crate::commands`].

use clap::{ArgMatches, Parser, Subcommand};

use crate::commands::{
    api, charges, completions, demo, login, lots, man, pay, sandbox, scan, settlements, whoami,
};
use crate::exit::Failure;
use crate::output::{self, Format};

/// List kamiPay's lots, settlements and charges completely, and follow payments
///
/// Data goes to standard output, everything else to standard error.
#[derive(Parser)]
#[command(name = "kamipay", version, after_help = AFTER_HELP, max_term_width = 100)]
#[command(arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lots: on-chain transfers that settle many payouts at once
    #[command(subcommand, arg_required_else_help = true, disable_help_subcommand = true)]
    Lots(lots::Lots),
    /// Settlements: transfers that deliver the charges that were collected
    #[command(subcommand, arg_required_else_help = true, disable_help_subcommand = true)]
    Settlements(settlements::Settlements),
    /// Charges: what was paid in
    #[command(subcommand, arg_required_else_help = true, disable_help_subcommand = true)]
    Charges(charges::Charges),
    /// Payments: what was paid out, and what its state permits
    #[command(subcommand, arg_required_else_help = true, disable_help_subcommand = true)]
    Pay(pay::Pay),
    /// Scans: a long listing in parts, for several processes or machines
    #[command(subcommand, arg_required_else_help = true, disable_help_subcommand = true)]
    Scan(scan::Scan),
    Api(api::ByHand),
    Sandbox(sandbox::Serve),
    Demo(demo::Demo),
    Login(login::Login),
    Logout(login::Logout),
    Whoami(whoami::Whoami),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Rules for all commands with such an argument, checked before anything is sent.
pub(crate) fn check(program: &ArgMatches) -> Result<(), Failure> {
    let mut command = program;
    while let Some((_, inner)) = command.subcommand() {
        command = inner;
    }
    if matches!(command.try_get_one("spreadsheet"), Ok(Some(true)))
        && !matches!(command.try_get_one("output"), Ok(Some(Format::Csv)))
    {
        return Err(Failure::usage("--spreadsheet is for CSV").tip("give --output csv, too"));
    }
    // The others answer with an exit code, or serve.
    let is_data = !matches!(
        program.subcommand_name(),
        Some("pay" | "sandbox" | "demo" | "man" | "login" | "logout")
    );
    let is_elsewhere = matches!(command.try_contains_id("out"), Ok(true));
    if is_data && !is_elsewhere && output::is_closed() {
        return Err(Failure::other("standard output is closed, so all data would be lost").tip(
            "to throw it away, redirect it to /dev/null, opened for writing alone: > /dev/null",
        ));
    }
    Ok(())
}

const AFTER_HELP: &str = "\
First steps, without an account:
  kamipay demo

Connection, stored or in variables (others on the machine can see a command line):
  kamipay login                     asks for it, and stores it in a profile
  export KAMIPAY_BASE_URL=https://api.kamipay.io
  export KAMIPAY_TOKEN=…            or KAMIPAY_USERNAME=… and KAMIPAY_PASSWORD=…

Then:
  kamipay lots list --from 2026-05-01 --to 2026-05-31
  kamipay lots list --from 2025-01-01 --to 2025-12-31 --out 2025.ndjson --resume 2025.state
  kamipay settlements get 12345
  kamipay pay status --external-id order-7
  kamipay api GET /v2/oracle -f pair=BRLUSDT -f amount=100

Exit codes:
   0  done as asked
   1  any other error
   2  usage, or an argument that a rule of the API forbids (nothing was sent)
   3  the API refused (4xx)
   4  not authenticated or not allowed (401, 403)
   5  no usable answer (network, 5xx, time)
   6  incomplete: what was printed or written is not the whole
   7  not found: the API knows no such thing (404), or no lot of the period holds the payout
  10  pay status: over, failed and returned
  11  pay status: over, canceled
  12  pay status: not over, or not known yet, or failed without a refund that shows
 130  stopped by Ctrl-C; 143: by SIGTERM

kamipay lots list --help, and the help of every command, has more examples.";
