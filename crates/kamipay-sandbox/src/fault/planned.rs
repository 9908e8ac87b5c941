//! The planned faults.

use super::{Calls, Fault};
use crate::schedule::Schedule;

/// Faults in the order in which they were planned.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    plans: Vec<Plan>,
}

#[derive(Debug, Clone)]
struct Plan {
    fault: Fault,
    calls: Calls,
    schedule: Schedule,
    asked: u64,
    done: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault, calls: Calls, schedule: Schedule) {
        self.plans.push(Plan { fault, calls, schedule, asked: 0, done: 0 });
    }

    /// A fault that is planned for the same calls starts again.
    pub(crate) fn replace(&mut self, fault: Fault, calls: Calls, schedule: Schedule) {
        self.plans.retain(|plan| (plan.fault, plan.calls) != (fault, calls));
        self.add(fault, calls, schedule);
    }

    pub(crate) fn clear(&mut self) {
        self.plans.clear();
    }

    /// The fault of a request: of those that are due, the one that was planned first. The others
    /// stay due.
    pub(crate) fn next(&mut self, is_login: bool, is_used_connection: bool) -> Option<Fault> {
        for plan in &mut self.plans {
            plan.asked += u64::from(plan.calls.include(is_login));
        }
        let due = self.plans.iter_mut().find(|plan| {
            plan.calls.include(is_login)
                && plan.schedule.is_due(plan.asked, plan.done)
                && (is_used_connection || !plan.fault.needs_used_connection())
        })?;
        due.done += 1;
        Some(due.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(faults: &mut Faults, calls: &str) -> String {
        let next = |call: char| {
            let fault = faults.next(call == 'l', call == 'u');
            fault.and_then(Fault::name).unwrap_or("-")
        };
        calls.chars().map(next).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn faults_happen_one_after_the_other() {
        let mut faults = Faults::default();
        faults.add(Fault::named("garbage"), Calls::Data, Schedule::times(2));
        faults.add(Fault::named("status-500"), Calls::Data, Schedule::once());
        faults.add(Fault::named("status-502"), Calls::Login, Schedule::once().from_request(2));
        assert_eq!(names(&mut faults, "ldddldl"), "- garbage garbage status-500 status-502 - -");
    }

    #[test]
    fn calls_are_counted_from_the_plan_on() {
        let mut faults = Faults::default();
        faults.next(false, false);
        faults.add(Fault::named("garbage"), Calls::All, Schedule::once().from_request(3));
        assert_eq!(names(&mut faults, "dldd"), "- - garbage -");
        faults.add(Fault::named("status-500"), Calls::All, Schedule::always());
        faults.replace(Fault::named("garbage"), Calls::All, Schedule::once());
        faults.clear();
        assert_eq!(names(&mut faults, "d"), "-");
    }

    #[test]
    fn a_fault_can_wait_for_a_used_connection() {
        let mut faults = Faults::default();
        faults.add(Fault::named("pooled-connection-reset"), Calls::Data, Schedule::once());
        assert_eq!(names(&mut faults, "dduu"), "- - pooled-connection-reset -");
    }
}
