//! Behaviour with a name.

use std::{fmt, str::FromStr};

use crate::{
    documented,
    fault::Fault,
    json::Object,
    mix::{mix, roll},
    names::UnknownScenario,
    payments::{Identifiers, ScriptedPayment, known, not_known},
    quirk::Quirk,
    reply::Reply,
    schedule::Schedule,
};

/// A behaviour that a [`Sandbox`](crate::Sandbox) takes on.
///
/// A scenario for the status of a payment adds one payment whose `external_id` is the scenario's
/// name. Its state advances by question, whichever of its identifiers the question names, and the
/// last state stays.
///
/// ```
/// use kamipay_sandbox::Scenario;
///
/// let scenario: Scenario = "not-found-then-done".parse()?;
/// assert_eq!(scenario, Scenario::NotFoundThenDone);
/// # Ok::<(), kamipay_sandbox::UnknownScenario>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scenario {
    /// Not found twice, then accepted, processing, and done.
    NotFoundThenDone,
    /// Never found.
    NotFoundForever,
    /// Accepted (HTTP 201), then processing, then done.
    AcceptedThenDone,
    /// Processing, however often one asks.
    ProcessingForever,
    /// Done from the first question on.
    Done,
    /// Failed and returned; the answer names the refund.
    FailedAndRefunded,
    /// Failed; the refund has no transaction for two questions, then it has one.
    FailedRefundPending,
    /// Canceled before it was sent.
    Canceled,
    /// In a state without a documented name, with fields without a documented name.
    UnknownState,
    /// Two checkouts are enrolled, so that pending charges need a `checkout_id`.
    SeveralCheckouts,
    /// A quirk of lists, when and as often as is usual for it.
    Quirk(Quirk),
    /// A quirk of lists that never stops. Its name ends with `-always`.
    QuirkAlways(Quirk),
    /// A fault that happens once.
    Fault(Fault),
    /// A fault that never stops. Its name ends with `-always`.
    FaultAlways(Fault),
}

/// Scenarios that are neither quirks nor faults.
const PLAIN: &[Scenario] = &[
    Scenario::NotFoundThenDone,
    Scenario::NotFoundForever,
    Scenario::AcceptedThenDone,
    Scenario::ProcessingForever,
    Scenario::Done,
    Scenario::FailedAndRefunded,
    Scenario::FailedRefundPending,
    Scenario::Canceled,
    Scenario::UnknownState,
    Scenario::SeveralCheckouts,
];

const COUNT: usize = PLAIN.len() + Quirk::ALL.len() + Fault::ALL.len();

const ALL: [Scenario; COUNT] = {
    let mut all = [Scenario::Done; COUNT];
    let mut place = 0;
    while place < COUNT {
        let after_plain = place.wrapping_sub(PLAIN.len());
        all[place] = if place < PLAIN.len() {
            PLAIN[place]
        } else if after_plain < Quirk::ALL.len() {
            Scenario::Quirk(Quirk::ALL[after_plain])
        } else {
            Scenario::Fault(Fault::ALL[after_plain - Quirk::ALL.len()])
        };
        place += 1;
    }
    all
};

impl Scenario {
    /// All scenarios, those of one [`Scenario::group`] together. Those whose names end with
    /// `-always` are left out.
    pub const ALL: &'static [Self] = &ALL;

    /// The scenario's name, which is also the `external_id` of its payment if it has one.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFoundThenDone => "not-found-then-done",
            Self::NotFoundForever => "not-found-forever",
            Self::AcceptedThenDone => "accepted-then-done",
            Self::ProcessingForever => "processing-forever",
            Self::Done => "done",
            Self::FailedAndRefunded => "failed-and-refunded",
            Self::FailedRefundPending => "failed-refund-pending",
            Self::Canceled => "canceled",
            Self::UnknownState => "unknown-state",
            Self::SeveralCheckouts => "several-checkouts",
            Self::Quirk(quirk) => quirk.as_str(),
            Self::QuirkAlways(quirk) => quirk.name_always(),
            Self::Fault(fault) => fault.as_str(),
            Self::FaultAlways(fault) => fault.name_always(),
        }
    }

    /// One line that says what the scenario does.
    pub fn description(self) -> &'static str {
        match self {
            Self::NotFoundThenDone => "a payment not found twice, then accepted, processing, done",
            Self::NotFoundForever => "a payment that is never found",
            Self::AcceptedThenDone => "a payment accepted, then processing, then done",
            Self::ProcessingForever => "a payment that stays processing",
            Self::Done => "a payment that is done",
            Self::FailedAndRefunded => "a payment that failed and was returned",
            Self::FailedRefundPending => {
                "a failed payment whose refund appears after two questions"
            }
            Self::Canceled => "a payment canceled before it was sent",
            Self::UnknownState => "a payment in a state that no page documents",
            Self::SeveralCheckouts => "two checkouts enrolled: pending charges need a checkout_id",
            Self::Quirk(quirk) | Self::QuirkAlways(quirk) => quirk.description(),
            Self::Fault(fault) | Self::FaultAlways(fault) => fault.description(),
        }
    }

    /// What it is about: `payments`, `lists`, or the [`Fault::group`], for those who print all scenarios.
    pub fn group(self) -> &'static str {
        match self {
            Self::SeveralCheckouts | Self::Quirk(_) | Self::QuirkAlways(_) => "lists",
            Self::Fault(fault) | Self::FaultAlways(fault) => fault.group(),
            _ => "payments",
        }
    }

    /// Whether the scenario adds a payment, with its name as `external_id`.
    pub fn has_payment(self) -> bool {
        self.group() == "payments"
    }

    /// The quirk of the scenario, if it is one, and when it happens.
    pub(crate) fn quirk(self) -> Option<(Quirk, Schedule)> {
        match self {
            Self::Quirk(quirk) => Some((quirk, quirk.schedule())),
            Self::QuirkAlways(quirk) => Some((quirk, Schedule::always())),
            _ => None,
        }
    }

    /// The checkouts that are enrolled, where the scenario says so.
    pub(crate) fn checkouts(self) -> Option<Vec<i64>> {
        match self {
            Self::SeveralCheckouts => Some(vec![documented::CHECKOUT, documented::CHECKOUT + 1]),
            _ => None,
        }
    }

    /// The fault of the scenario, if it is one, and when it happens.
    pub(crate) fn fault(self) -> Option<(Fault, Schedule)> {
        match self {
            Self::Fault(fault) => Some((fault, fault.schedule())),
            Self::FaultAlways(fault) => Some((fault, Schedule::always())),
            _ => None,
        }
    }

    /// The payment of the scenario, with its answers in the order of the questions.
    pub(crate) fn payment(self) -> Option<ScriptedPayment> {
        let payment = Payment::of(self.as_str());
        let answers = match self {
            Self::NotFoundThenDone => vec![
                not_known(),
                not_known(),
                payment.accepted(),
                payment.processing(),
                payment.done(),
            ],
            Self::NotFoundForever => vec![not_known()],
            Self::AcceptedThenDone => {
                vec![payment.accepted(), payment.processing(), payment.done()]
            }
            Self::ProcessingForever => vec![payment.processing()],
            Self::Done => vec![payment.done()],
            Self::FailedAndRefunded => vec![payment.failed(Refund::Sent)],
            Self::FailedRefundPending => vec![
                payment.failed(Refund::Null),
                payment.failed(Refund::Absent),
                payment.failed(Refund::Sent),
            ],
            Self::Canceled => vec![payment.canceled()],
            Self::UnknownState => vec![payment.under_review()],
            Self::SeveralCheckouts
            | Self::Quirk(_)
            | Self::QuirkAlways(_)
            | Self::Fault(_)
            | Self::FaultAlways(_) => return None,
        };
        Some(ScriptedPayment::new(payment.identifiers(), answers))
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = ALL.iter().copied().chain(always());
        let scenario = all.find(|scenario| scenario.as_str() == name);
        let names = || ALL.iter().map(|scenario| scenario.as_str());
        scenario.ok_or_else(|| UnknownScenario::new("scenario", name, names()))
    }
}

/// The scenarios whose names end with `-always`.
fn always() -> impl Iterator<Item = Scenario> {
    let quirks = Quirk::ALL.iter().copied().filter(|quirk| !quirk.is_permanent());
    let faults = Fault::ALL.iter().copied();
    quirks.map(Scenario::QuirkAlways).chain(faults.map(Scenario::FaultAlways))
}

/// What becomes of the `refund_txid` of a failed payment.
#[derive(Clone, Copy)]
enum Refund {
    Null,
    Absent,
    Sent,
}

/// A payment to João Conceição, with identifiers made from its name.
struct Payment {
    external_id: &'static str,
    seed: u64,
}

impl Payment {
    fn of(external_id: &'static str) -> Self {
        let seed = external_id.bytes().fold(0, |seed, byte| mix(seed ^ u64::from(byte)));
        Self { external_id, seed }
    }

    fn identifiers(&self) -> Identifiers {
        Identifiers {
            kamipay_id: self.kamipay_id(),
            external_id: Some(self.external_id.to_owned()),
            tx_id: Some(self.hash(1)),
            operation_id: Some(self.operation_id()),
        }
    }

    fn kamipay_id(&self) -> String {
        crate::generated::identifier::ulid(
            "txc",
            1_778_772_000_000,
            self.seed,
            mix(self.seed) as u16,
        )
    }

    fn operation_id(&self) -> String {
        (1_778_772_000_000 + self.seed % 600_000).to_string()
    }

    fn hash(&self, kind: u64) -> String {
        crate::generated::identifier::hash(roll(self.seed, kind, 0), self.seed)
    }

    fn accepted(&self) -> Reply {
        known("transaction in progress", "accepted", &self.unsent("accepted"))
    }

    fn canceled(&self) -> Reply {
        known("transaction canceled", "canceled", &self.unsent("canceled"))
    }

    fn processing(&self) -> Reply {
        known("Request ok", "processing", &self.sent("processing", None).end())
    }

    fn done(&self) -> Reply {
        known("Request ok", "done", &self.sent("done", Some(&self.bank_txid())).end())
    }

    fn under_review(&self) -> Reply {
        let data = self
            .sent("under_review", None)
            .raw("review", r#"{"reasons":["document"],"level":2,"history":[[],{"by":null}]}"#)
            .text("service_type", "prepaid");
        known("Request ok", "under_review", &data.end())
    }

    fn failed(&self, refund: Refund) -> Reply {
        let data = Object::new().text("status", "failed");
        let (msg, data) = match refund {
            Refund::Null => ("Tx Failed", data.raw("refund_txid", "null")),
            Refund::Absent => ("Tx Failed", data),
            Refund::Sent => ("Tx Failed, returned", data.text("refund_txid", &self.hash(2))),
        };
        let data = data
            .text("original_txid", &self.hash(1))
            .text("external_id", self.external_id)
            .text("kamipay_id", &self.kamipay_id());
        known(msg, "failed", &data.end())
    }

    /// Nothing was sent to the blockchain.
    fn unsent(&self, status: &str) -> String {
        Object::new()
            .text("status", status)
            .raw("txid", "null")
            .raw("amount_usdt", "null")
            .text("kamipay_id", &self.kamipay_id())
            .text("external_id", self.external_id)
            .end()
    }

    /// The payment is on the blockchain.
    fn sent(&self, status: &str, bank_txid: Option<&str>) -> Object {
        Object::new()
            .text("status", status)
            .text("operation_id", &self.operation_id())
            .text("address_in", "0x1c0acf85329f8985a46656dfa159488fedce1ab4")
            .text("txid", &self.hash(1))
            .text("amount_usdt", "25.90674")
            .text("amount_brl", "139.90")
            .maybe_text("bank_txid", bank_txid)
            .text("name", "João Conceição")
            .text("kamipay_id", &self.kamipay_id())
            .text("external_id", self.external_id)
            .text("pix_key", "joao.conceicao@example.com")
    }

    fn bank_txid(&self) -> String {
        crate::generated::identifier::bank_txid("202605141521", self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for scenario in Scenario::ALL.iter().copied().chain(always()) {
            assert_eq!(scenario.to_string().parse(), Ok(scenario));
            assert!(!scenario.description().is_empty());
            assert_eq!(scenario.payment().is_some(), scenario.has_payment());
        }
        let error = "nonsense".parse::<Scenario>().unwrap_err().to_string();
        assert!(error.starts_with(r#"there is no scenario "nonsense"; there are: not-found-"#));
    }

    #[test]
    fn payments_have_identifiers_of_their_own() {
        let mut ids: Vec<_> = Scenario::ALL
            .iter()
            .filter_map(|scenario| scenario.payment())
            .map(|payment| payment.identifiers().kamipay_id.clone())
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), PLAIN.len() - 1);
    }

    #[test]
    fn the_states_of_a_payment() {
        let mut payment = Scenario::NotFoundThenDone.payment().unwrap();
        let told: Vec<_> = (0..6)
            .map(|_| payment.answer())
            .map(|reply| format!("{} {}", reply.status.as_u16(), reply.body))
            .collect();
        insta::assert_snapshot!(told.join("\n"));
        let mut payment = Scenario::FailedRefundPending.payment().unwrap();
        let told: Vec<_> = (0..4).map(|_| payment.answer().body).collect();
        insta::assert_snapshot!(told.join("\n"));
        let told = Scenario::UnknownState.payment().unwrap().answer().body;
        insta::assert_snapshot!(told);
    }
}
