use kamipay_ureq::proto::confirmed_charges::ScanConfirmedCharges;
use kamipay_ureq::proto::lots::ScanLots;
use kamipay_ureq::proto::scan::ScanRow;
use kamipay_ureq::proto::scan::{ScanState, Scannable};
use kamipay_ureq::proto::settlements::{ScanPendingCharges, ScanSettlements, ScanTransactions};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::output::Record;

/// A listing of the program.
pub(crate) trait Listing:
    Scannable<Row: Record + ScanRow<Key: Send> + Send>
    + DeserializeOwned
    + PartialEq
    + Serialize
    + Send
    + 'static
{
    /// Its name in plans and saved states, and in what is said about it.
    const NAME: &'static str;
    /// The column with the time that its rows are listed by.
    const TIME: &'static str;
    /// Whether its calls have pages.
    const HAS_PAGES: bool = true;

    /// A line of a plan.
    fn plan(part: ScanState<Self>) -> Plan;
}

/// A part of a scan: a line of `kamipay scan plan`.
#[derive(Deserialize, Serialize)]
#[serde(tag = "list", rename_all = "kebab-case")]
pub(crate) enum Plan {
    Lots(ScanState<ScanLots>),
    Settlements(ScanState<ScanSettlements>),
    Transactions(ScanState<ScanTransactions>),
    PendingCharges(ScanState<ScanPendingCharges>),
    ConfirmedCharges(ScanState<ScanConfirmedCharges>),
}

impl Listing for ScanLots {
    const NAME: &'static str = "lots";
    const TIME: &'static str = "created_at";

    fn plan(part: ScanState<Self>) -> Plan {
        Plan::Lots(part)
    }
}

impl Listing for ScanSettlements {
    const NAME: &'static str = "settlements";
    const TIME: &'static str = "settled_at";

    fn plan(part: ScanState<Self>) -> Plan {
        Plan::Settlements(part)
    }
}

impl Listing for ScanTransactions {
    const NAME: &'static str = "transactions";
    const TIME: &'static str = "created_at";

    fn plan(part: ScanState<Self>) -> Plan {
        Plan::Transactions(part)
    }
}

impl Listing for ScanPendingCharges {
    const NAME: &'static str = "pending-charges";
    const TIME: &'static str = "charged_timestamp";

    fn plan(part: ScanState<Self>) -> Plan {
        Plan::PendingCharges(part)
    }
}

impl Listing for ScanConfirmedCharges {
    const NAME: &'static str = "confirmed-charges";
    const TIME: &'static str = "credit_datetime";
    const HAS_PAGES: bool = false;

    fn plan(part: ScanState<Self>) -> Plan {
        Plan::ConfirmedCharges(part)
    }
}
