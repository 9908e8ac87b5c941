//! `kamipay demo`

use clap::Args;

use crate::exit::{Exit, Failure};

/// See a merchant's morning: every call, against a sandbox inside the program
#[derive(Args)]
pub(crate) struct Demo {}

impl Demo {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        Ok(Exit::Done)
    }
}
