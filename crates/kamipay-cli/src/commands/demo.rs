//! `kamipay demo`

use clap::Args;
use kamipay_sandbox::{Scenario, Server};
use kamipay_ureq::proto::lots::{GetLot, Lot, LotDetail, LotIdentifier, ScanLots};
use kamipay_ureq::proto::pay_status::{Chain, GetPayStatus, PaymentTarget};
use kamipay_ureq::proto::scan::Scannable;
use kamipay_ureq::proto::settlements::{
    GetSettlement, ListPendingCharges, PendingTotals, ScanSettlements, Settlement,
    SettlementDetail, SettlementStatus,
};
use kamipay_ureq::proto::{Endpoint, Period};
use kamipay_ureq::{Client, Credentials};

use super::pay::Meaning;
use super::{count, lots, sandbox, settlements};
use crate::exit::{Exit, Failure};
use crate::output::Lines;
use crate::table::{self, Column, STRONG, Table, money, number, text};
use crate::view::View;
use crate::zone::Zone;

/// See a merchant's morning, against a sandbox inside the program
///
/// It starts the sandbox on a free port of this machine, logs in, lists the lots and settlements of
/// a month, opens one of each and adds it up, looks at the pending pool, and follows payments in
/// every state. No account, no network, and nothing stays behind.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kamipay demo
  kamipay demo | less -R")]
pub(crate) struct Demo {}

impl Demo {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let sandbox = sandbox::sandbox(sandbox::SEED, &[]);
        let credentials = Credentials::login(sandbox.username(), sandbox.password());
        let username = sandbox.username();
        let server = Server::start(sandbox).map_err(|error| {
            Failure::other(format!("cannot listen on a port of 127.0.0.1: {error}"))
        })?;
        let base = server.base_url().parse().map_err(|error| {
            Failure::other(format!("the sandbox has no base URL that can be used: {error}"))
        })?;
        let mut tour = Tour {
            client: Client::new(base, credentials),
            may: Period::parse("2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z")
                .map_err(|error| Failure::range(&error))?,
            lines: Lines::new(),
            view: View { width: Some(78), zone: Zone::UTC },
            step: 0,
        };
        tour.say(&format!(
            "{STRONG}A merchant's morning with kamiPay{STRONG:#}\n\
             A sandbox is running inside this program, on {}.\n\
             What follows are real calls to it over HTTP, as to the real API.\n",
            server.base_url()
        ))?;

        let lots = tour.lots(username)?;
        let lot = tour.lot(&lots)?;
        let settlements = tour.settlements()?;
        let settlement = tour.settlement(&settlements)?;
        tour.pending()?;
        tour.payments()?;
        tour.next(server.requests().len() as u64, &lot, &settlement)?;
        Ok(Exit::Done)
    }
}

/// The statuses on the API's pages.
const KNOWN: [SettlementStatus; 5] = [
    SettlementStatus::Created,
    SettlementStatus::Processing,
    SettlementStatus::Done,
    SettlementStatus::Canceled,
    SettlementStatus::Failed,
];

struct Tour {
    client: Client,
    may: Period,
    lines: Lines,
    /// For every screen, and indented by 2.
    view: View,
    step: u8,
}

impl Tour {
    /// How many rows of a list are shown.
    const SHOWN: usize = 5;

    fn lots(&mut self, username: &str) -> Result<Vec<Lot>, Failure> {
        self.heading("Log in", "POST /auth/token")?;
        let lots = self.all(ScanLots::new(self.may))?;
        self.say(&format!(
            "  as {username}, with the first call that needs a token. It is kept in\n  \
             memory, and renewed before it ends.\n"
        ))?;

        self.heading("What was paid out in May", <ScanLots as Scannable>::Call::CALL)?;
        const COLUMNS: &[Column] =
            &[text("lot_id"), text("status"), money("usdt_amount"), text("created")];
        let mut table = Table::new(COLUMNS, &self.view);
        for lot in lots.iter().take(Self::SHOWN) {
            table.row(vec![
                lot.lot_id.to_string(),
                lot.status.to_string(),
                lot.usdt_amount.to_string(),
                table::day(lot.created_at),
            ]);
        }
        self.say(&table.render("  ").0)?;
        self.more(lots.len())?;
        Ok(lots)
    }

    /// A lot with a refund tells more than one without.
    fn lot(&mut self, lots: &[Lot]) -> Result<LotDetail, Failure> {
        let mut shown: Option<LotDetail> = None;
        for lot in lots.iter().take(20) {
            let id = LotIdentifier::try_from(&lot.lot_id)
                .map_err(|error| Failure::other(error.to_string()))?;
            let lot = self.send(&GetLot::new(id))?;
            let tells_more = lot.payouts.len() > 1 && !lot.refunds.is_empty();
            if tells_more || shown.is_none() {
                shown = Some(lot);
            }
            if tells_more {
                break;
            }
        }
        let lot = shown.ok_or_else(|| Failure::other("the sandbox has no lots"))?;

        self.heading("One lot, opened and added up", GetLot::CALL)?;
        self.say(&format!("  {} {}, {} USDT\n", lot.lot_id, lot.status, lot.usdt_amount))?;
        self.say(&indented(&lots::parts(&lot, &self.view)))?;
        Ok(lot)
    }

    fn settlements(&mut self) -> Result<Vec<Settlement>, Failure> {
        let settlements = self.all(ScanSettlements::new(self.may))?;
        self.heading("What was settled in May", <ScanSettlements as Scannable>::Call::CALL)?;
        const COLUMNS: &[Column] =
            &[number("settlement_id"), text("status"), money("amount"), text("settled")];
        let mut table = Table::new(COLUMNS, &self.view);
        for settlement in settlements.iter().take(Self::SHOWN) {
            table.row(vec![
                settlement.settlement_id.to_string(),
                table::maybe(settlement.status.as_ref().map(|status| status.as_str())),
                table::amount(settlement.amount, &settlement.currency),
                table::day(settlement.settled_at),
            ]);
        }
        self.say(&table.render("  ").0)?;
        self.more(settlements.len())?;
        let shown = settlements.iter().take(Self::SHOWN);
        let unknown = |status: &&SettlementStatus| !KNOWN.contains(status);
        if let Some(status) = shown.filter_map(|it| it.status.as_ref()).find(unknown) {
            self.say(&format!(
                "  {status} is on none of the API's pages: a status that kamipay does\n  \
                 not know is shown as it came.\n"
            ))?;
        }
        Ok(settlements)
    }

    fn settlement(&mut self, settlements: &[Settlement]) -> Result<SettlementDetail, Failure> {
        let oldest =
            settlements.first().ok_or_else(|| Failure::other("the sandbox has no settlements"))?;
        let settlement = self.send(&GetSettlement::new(oldest.settlement_id))?;
        self.heading("One settlement, opened and added up", GetSettlement::CALL)?;
        self.say(&format!(
            "  {}, {} {}\n",
            settlement.settlement_id, settlement.amount, settlement.currency
        ))?;
        self.say(&indented(&settlements::charges(&settlement, Self::SHOWN, &self.view)))?;
        Ok(settlement)
    }

    fn pending(&mut self) -> Result<(), Failure> {
        let page = self.send(&ListPendingCharges::new())?;
        let PendingTotals { count: charges, settlement_amount, .. } = page.totals;
        self.heading("What the next settlement will bring", ListPendingCharges::CALL)?;
        self.say(&format!(
            "  {} are waiting, for {settlement_amount} {} in all\n",
            count(charges, "charge"),
            page.items.first().map_or("", |charge| charge.settlement_currency.as_str()),
        ))
    }

    fn payments(&mut self) -> Result<(), Failure> {
        self.heading("Payments, and what their states permit", GetPayStatus::CALL)?;
        self.say(&format!(
            "  {STRONG}{:21}  {:12}  what it means{STRONG:#}\n",
            "external_id", "state"
        ))?;
        for (scenario, questions) in [
            (Scenario::NotFoundThenDone, 5),
            (Scenario::FailedRefundPending, 3),
            (Scenario::Canceled, 1),
            (Scenario::UnknownState, 1),
        ] {
            let payment = PaymentTarget::external_id(scenario.to_string())
                .map_err(|error| Failure::other(error.to_string()))?;
            let call = GetPayStatus::new(payment, Chain::Polygon);
            let mut last = None;
            for question in 0..questions {
                let status = self.send(&call)?;
                let may_pay_again = status.permission_to_pay_again().is_some();
                let meaning = Meaning::of(&status, may_pay_again);
                if last.replace(meaning) == Some(meaning) {
                    continue;
                }
                let name = if question == 0 { scenario.to_string() } else { String::new() };
                let (state, style) = (status.state(), meaning.style());
                self.say(&format!(
                    "  {name:21}  {style}{state:12}{style:#}  {}\n",
                    meaning.short()
                ))?;
            }
        }
        self.say(
            "\n  under_review is on none of the API's pages: a state that kamipay does not\n  \
             know is never taken for an end.\n\n  Only a payment that was canceled, or failed and was returned, may be paid\n  \
             again. \"Not found\" comes while a payment is on its way.\n",
        )
    }

    fn next(
        &mut self,
        requests: u64,
        lot: &LotDetail,
        settlement: &SettlementDetail,
    ) -> Result<(), Failure> {
        self.say(&format!(
            "
{STRONG}Now you{STRONG:#} ({} were made, and none left this machine)

  In one terminal, serve the same merchant:
    kamipay sandbox

  In another, after the two lines with `export` that it prints:
    kamipay lots list --from 2026-05-01 --to 2026-05-31
    kamipay lots get {}
    kamipay settlements get {} --output csv
    kamipay settlements pending --totals
    kamipay pay status --external-id not-found-then-done; echo \"exit code $?\"

  kamipay --help says how to connect to the real API.
",
            count(requests, "request"),
            lot.lot_id,
            settlement.settlement_id,
        ))
    }

    fn heading(&mut self, what: &str, call: &str) -> Result<(), Failure> {
        self.step += 1;
        let what = format!("{}  {what}", self.step);
        self.say(&format!("\n{STRONG}{what:42}{STRONG:#}{call:>38}\n"))
    }

    fn more(&mut self, rows: usize) -> Result<(), Failure> {
        match rows.saturating_sub(Self::SHOWN) {
            0 => Ok(()),
            more => self.say(&format!("  and {more} more, {rows} in all\n")),
        }
    }

    fn all<S: Scannable>(&self, what: S) -> Result<Vec<S::Row>, Failure> {
        let rows: Result<_, _> = self.client.scan(what).collect();
        rows.map_err(|error| Failure::scan("asking the sandbox", &error))
    }

    fn send<E: Endpoint>(&self, call: &E) -> Result<E::Output, Failure> {
        self.client.send(call).map_err(|error| Failure::call("asking the sandbox", &error))
    }

    fn say(&mut self, text: &str) -> Result<(), Failure> {
        self.lines.text(text)?;
        self.lines.flush()
    }
}

fn indented(text: &str) -> String {
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") };
    text.lines().map(line).collect()
}
