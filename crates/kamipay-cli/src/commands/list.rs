//! What all commands share that list something.

use clap::Args;

use crate::exit::{Exit, Failure};
use crate::listing::{Listing, Settings};
use crate::time::Asked;

/// The period and the filters of a listing, as arguments.
pub(crate) trait Query: Args {
    type What: Listing;

    /// What to list.
    fn what(&self) -> Result<Self::What, Failure>;

    /// How its period was asked for.
    fn asked(&self) -> Result<Asked, Failure>;
}

/// The arguments of a command that lists something.
#[derive(Args)]
pub(crate) struct List<Q: Query> {
    #[command(flatten)]
    pub(super) query: Q,
    #[command(flatten)]
    pub(super) settings: Settings,
}

impl<Q: Query> List<Q> {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let asked = self.query.asked()?;
        self.settings.print(self.query.what()?, &asked)?;
        Ok(Exit::Done)
    }
}
