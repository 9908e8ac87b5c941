//! Behaviour with a name.

use std::{fmt, str::FromStr};

use crate::{
    fault::Fault,
    names::UnknownScenario,
    payments::{
        Payment,
        PaymentState::{
            self, Accepted, FailedAndRefunded, FailedRefundAbsent, FailedRefundPending, NotFound,
            Processing, Undocumented,
        },
    },
    quirk::Quirk,
    schedule::Schedule,
};

/// A behaviour for a [`Sandbox`](crate::Sandbox).
///
/// A scenario of a payment adds one payment. Its `external_id` is the scenario's name. Each
/// question for it, by any of its identifiers, advances its state. The last state stays.
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
    /// Processing, always.
    ProcessingForever,
    /// Done from the first question on.
    Done,
    /// Failed and returned. The answer names the refund.
    FailedAndRefunded,
    /// Failed. The refund has no transaction for two questions, then it has one.
    FailedRefundPending,
    /// Canceled before it was sent.
    Canceled,
    /// In a state without a documented name, with fields without a documented name.
    UnknownState,
    /// Two checkouts are enrolled, so that pending charges need a `checkout_id`.
    SeveralCheckouts,
    /// A quirk of lists. With [`Schedule::always`] in place of the quirk's own schedule its name
    /// ends with `-always`.
    Quirk(Quirk, Schedule),
    /// A fault. With [`Schedule::always`] its name ends with `-always`.
    Fault(Fault, Schedule),
}

/// A scenario of a payment, its name and its description.
const PAYMENTS: &[(Scenario, &str, &str, &[PaymentState])] = &[
    (
        Scenario::NotFoundThenDone,
        "not-found-then-done",
        "a payment not found twice, then accepted, processing, done",
        &[NotFound, NotFound, Accepted, Processing, PaymentState::Done],
    ),
    (Scenario::NotFoundForever, "not-found-forever", "a payment that is never found", &[NotFound]),
    (
        Scenario::AcceptedThenDone,
        "accepted-then-done",
        "a payment accepted, then processing, then done",
        &[Accepted, Processing, PaymentState::Done],
    ),
    (
        Scenario::ProcessingForever,
        "processing-forever",
        "a payment that stays processing",
        &[Processing],
    ),
    (Scenario::Done, "done", "a payment that is done", &[PaymentState::Done]),
    (
        Scenario::FailedAndRefunded,
        "failed-and-refunded",
        "a payment that failed and was returned",
        &[FailedAndRefunded],
    ),
    (
        Scenario::FailedRefundPending,
        "failed-refund-pending",
        "a failed payment whose refund appears after two questions",
        &[FailedRefundPending, FailedRefundAbsent, FailedAndRefunded],
    ),
    (
        Scenario::Canceled,
        "canceled",
        "a payment canceled before it was sent",
        &[PaymentState::Canceled],
    ),
    (
        Scenario::UnknownState,
        "unknown-state",
        "a payment in a state that no page documents",
        &[Undocumented],
    ),
];

const SEVERAL_CHECKOUTS: &str = "several-checkouts";
const ALWAYS: &str = "-always";

impl Scenario {
    /// All scenarios, those of one [`Scenario::group`] together. Those whose names end with
    /// `-always` are left out.
    pub fn all() -> impl Iterator<Item = Self> {
        let payments = PAYMENTS.iter().map(|(scenario, ..)| *scenario);
        payments
            .chain([Self::SeveralCheckouts])
            .chain(Quirk::ALL.iter().map(|quirk| Self::Quirk(*quirk, quirk.schedule())))
            .chain(Fault::all().map(|fault| Self::Fault(fault, Schedule::once())))
    }

    /// What the scenario does, in one line.
    pub fn description(self) -> String {
        match self {
            Self::SeveralCheckouts => {
                "two checkouts enrolled: pending charges need a checkout_id".to_owned()
            }
            Self::Quirk(quirk, _) => quirk.description().to_owned(),
            Self::Fault(fault, _) => fault.description(),
            _ => self
                .of_payment()
                .map_or_else(String::new, |(_, description, _)| description.to_owned()),
        }
    }

    /// `payments`, `lists`, or the [`Fault::group`].
    pub fn group(self) -> &'static str {
        match self {
            Self::SeveralCheckouts | Self::Quirk(..) => "lists",
            Self::Fault(fault, _) => fault.group(),
            _ => "payments",
        }
    }

    /// Whether the scenario adds a payment, with its name as `external_id`.
    pub fn has_payment(self) -> bool {
        self.of_payment().is_some()
    }

    /// The payment of the scenario.
    pub(crate) fn payment(self) -> Option<Payment> {
        let (name, _, states) = self.of_payment()?;
        Some(Payment::new(name, states.iter().copied()))
    }

    fn of_payment(self) -> Option<(&'static str, &'static str, &'static [PaymentState])> {
        let (_, name, description, states) =
            PAYMENTS.iter().find(|(scenario, ..)| *scenario == self)?;
        Some((name, description, states))
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with_schedule = |name: String, schedule, usual| {
            let is_always = schedule == Schedule::always() && schedule != usual;
            if is_always { name + ALWAYS } else { name }
        };
        match *self {
            Self::SeveralCheckouts => f.pad(SEVERAL_CHECKOUTS),
            Self::Quirk(quirk, schedule) => {
                f.pad(&with_schedule(quirk.to_string(), schedule, quirk.schedule()))
            }
            Self::Fault(fault, schedule) => {
                f.pad(&with_schedule(fault.to_string(), schedule, Schedule::once()))
            }
            _ => f.pad(self.of_payment().map_or("", |(name, ..)| name)),
        }
    }
}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let find = |name: &str| Self::all().find(|scenario| scenario.to_string() == name);
        let always = name.strip_suffix(ALWAYS).and_then(find).and_then(|scenario| match scenario {
            Self::Quirk(quirk, schedule) if schedule != Schedule::always() => {
                Some(Self::Quirk(quirk, Schedule::always()))
            }
            Self::Fault(fault, _) => Some(Self::Fault(fault, Schedule::always())),
            _ => None,
        });
        let names = || Self::all().map(|scenario| scenario.to_string());
        always.or_else(|| find(name)).ok_or_else(|| UnknownScenario::new("scenario", name, names()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for scenario in Scenario::all() {
            assert_eq!(scenario.to_string().parse(), Ok(scenario));
            assert!(!scenario.description().is_empty());
            assert_eq!(scenario.payment().is_some(), scenario.has_payment());
            let always = match scenario {
                Scenario::Quirk(quirk, _) => Scenario::Quirk(quirk, Schedule::always()),
                Scenario::Fault(fault, _) => Scenario::Fault(fault, Schedule::always()),
                _ => continue,
            };
            assert_eq!(always.to_string().parse(), Ok(always));
        }
        "done-always".parse::<Scenario>().unwrap_err();
        let error = "nonsense".parse::<Scenario>().unwrap_err().to_string();
        assert!(error.starts_with(r#"there is no scenario "nonsense"; there are: not-found-"#));
    }

    #[test]
    fn payments_have_identifiers_of_their_own() {
        let mut ids: Vec<_> = Scenario::all()
            .filter_map(Scenario::payment)
            .map(|payment| payment.kamipay_id().to_owned())
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), PAYMENTS.len());
    }

    #[test]
    fn the_states_of_a_payment() {
        let mut payment = Scenario::NotFoundThenDone.payment().unwrap().planned();
        let answers: Vec<_> = (0..6)
            .map(|_| payment.answer())
            .map(|reply| format!("{} {}", reply.status.as_u16(), reply.body))
            .collect();
        insta::assert_snapshot!(answers.join("\n"));
        let mut payment = Scenario::FailedRefundPending.payment().unwrap().planned();
        let answers: Vec<_> = (0..4).map(|_| payment.answer().body).collect();
        insta::assert_snapshot!(answers.join("\n"));
        let answers = Scenario::UnknownState.payment().unwrap().planned().answer().body;
        insta::assert_snapshot!(answers);
    }
}
