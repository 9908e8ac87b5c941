//! `kamipay man`

use std::path::PathBuf;
use std::{fs, io};

use clap::{Args, CommandFactory as _};

use crate::args::Cli;
use crate::exit::{Exit, Failure};

/// Write the manual pages, one for each command
///
/// The pages have the same text as `--help`: kamipay.1, kamipay-lots-list.1 and so on. DIR is created
/// if it is missing. Pages of an earlier version are replaced.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kamipay man --out ~/.local/share/man/man1
  kamipay man --out pages && man -l pages/kamipay-lots-list.1")]
pub(crate) struct Man {
    /// The folder for the pages
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Man {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        self.write().map_err(|error| {
            Failure::other(format!("--out {}: cannot write the pages: {error}", self.out.display()))
        })?;
        Ok(Exit::Done)
    }

    fn write(&self) -> io::Result<()> {
        fs::create_dir_all(&self.out)?;
        // `kamipay help` shows the pages of the others.
        clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), &self.out)
    }
}
