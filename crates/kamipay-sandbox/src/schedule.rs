//! When something happens.

/// When a [`Quirk`](crate::Quirk) or a [`Fault`](crate::Fault) happens: from which request on and
/// how often.
///
/// ```
/// use kamipay_sandbox::Schedule;
///
/// Schedule::once(); // the first time that there is an occasion
/// Schedule::times(3).from_request(2); // not with the first request, then three times
/// Schedule::always();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Schedule {
    /// Counted from 1.
    from: u64,
    times: Option<u64>,
}

impl Schedule {
    /// On every occasion.
    pub const fn always() -> Self {
        Self { from: 1, times: None }
    }

    /// On the first occasion only.
    pub const fn once() -> Self {
        Self::times(1)
    }

    /// On this many occasions, then never again.
    pub const fn times(times: u64) -> Self {
        Self { from: 1, times: Some(times) }
    }

    /// Not before the `request`-th request that it could concern, counted from 1 since it was set.
    #[must_use]
    pub const fn from_request(self, request: u64) -> Self {
        Self { from: request, ..self }
    }

    /// Whether it happens with the `request`-th request, after it happened `done` times.
    pub(crate) fn is_due(self, request: u64, done: u64) -> bool {
        request >= self.from && self.times.is_none_or(|times| done < times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_and_it_ends() {
        let schedule = Schedule::times(2).from_request(3);
        assert!(!schedule.is_due(2, 0));
        assert!(schedule.is_due(3, 0) && schedule.is_due(9, 1));
        assert!(!schedule.is_due(9, 2));
        assert!(Schedule::once().is_due(1, 0) && !Schedule::once().is_due(2, 1));
        assert!(Schedule::always().is_due(u64::MAX, u64::MAX));
    }
}
