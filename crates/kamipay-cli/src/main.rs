//! The program `kamipay`: reconcile kamiPay's lots and settlements, and follow payments.

mod access;
mod args;
mod clock;
mod commands;
mod connection;
mod exit;
mod fields;
mod listing;
mod mask;
mod output;
mod private;
mod profile;
mod progress;
mod stop;
mod table;
mod text;
mod time;
mod trace;
mod view;
mod zone;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use self::args::Cli;
use self::exit::{Exit, Failure};

fn main() -> ExitCode {
    let parsed = Cli::command().try_get_matches();
    let outcome = match parsed.and_then(|it| Ok((Cli::from_arg_matches(&it)?, it))) {
        Ok((cli, matches)) => args::check(&matches).and_then(|()| commands::run(cli.command)),
        // Help and the version are "errors" too, for standard output.
        Err(error) if error.use_stderr() => {
            exit::report_usage(&error);
            Ok(Exit::Usage)
        }
        Err(help) => help.print().map(|()| Exit::Done).map_err(Failure::output),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.report();
            failure.exit().into()
        }
    }
}
