//! Time and randomness, so that tests can replace them.

use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};

pub(crate) trait Clock: Debug + Send + Sync {
    /// The monotonic time, for calls, delays and tokens.
    fn now(&self) -> Instant;

    /// The time of the wall clock, for watches, which can be saved.
    fn utc(&self) -> DateTime<Utc>;

    fn sleep(&self, time: Duration);

    /// A uniformly random number.
    fn random(&self) -> u32;
}

/// The machine's clock.
#[derive(Debug)]
pub(crate) struct System {
    /// The standard library's only randomness: the keys of its hash maps.
    keys: RandomState,
    count: AtomicU64,
}

impl System {
    pub(crate) fn new() -> Self {
        Self { keys: RandomState::new(), count: AtomicU64::new(0) }
    }
}

impl Clock for System {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn utc(&self) -> DateTime<Utc> {
        SystemTime::now().into()
    }

    fn sleep(&self, time: Duration) {
        thread::sleep(time);
    }

    fn random(&self) -> u32 {
        // Good enough to spread delays. Not for secrets.
        self.keys.hash_one(self.count.fetch_add(1, Ordering::Relaxed)) as u32
    }
}

#[cfg(test)]
pub(crate) mod simulated {
    use std::sync::{Mutex, MutexGuard};

    use super::*;

    /// Time passes only when something sleeps or a test says so.
    #[derive(Debug)]
    pub(crate) struct Simulated {
        start: Instant,
        state: Mutex<State>,
    }

    #[derive(Debug)]
    struct State {
        passed: Duration,
        /// The wall clock's time at `start`.
        wall: DateTime<Utc>,
        slept: Vec<Duration>,
        random: u32,
    }

    impl Simulated {
        pub(crate) fn new() -> Self {
            let wall = DateTime::from_timestamp(1_778_772_000, 0).unwrap();
            let state = State { passed: Duration::ZERO, wall, slept: Vec::new(), random: 1 << 31 };
            Self { start: Instant::now(), state: Mutex::new(state) }
        }

        fn state(&self) -> MutexGuard<'_, State> {
            self.state.lock().unwrap()
        }

        pub(crate) fn pass(&self, time: Duration) {
            self.state().passed += time;
        }

        pub(crate) fn set_wall(&self, wall: DateTime<Utc>) {
            self.state().wall = wall;
        }

        pub(crate) fn set_random(&self, random: u32) {
            self.state().random = random;
        }

        pub(crate) fn passed(&self) -> Duration {
            self.state().passed
        }

        /// The sleeps since the last call.
        pub(crate) fn slept(&self) -> Vec<Duration> {
            std::mem::take(&mut self.state().slept)
        }
    }

    impl Clock for Simulated {
        fn now(&self) -> Instant {
            self.start + self.passed()
        }

        fn utc(&self) -> DateTime<Utc> {
            let state = self.state();
            state.wall + state.passed
        }

        fn sleep(&self, time: Duration) {
            let mut state = self.state();
            state.passed += time;
            state.slept.push(time);
        }

        fn random(&self) -> u32 {
            self.state().random
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_and_differ_from_client_to_client() {
        let clock = System::new();
        let mut quarters = [0_u32; 4];
        for _ in 0..10_000 {
            quarters[(clock.random() >> 30) as usize] += 1;
        }
        assert!(quarters.iter().all(|count| (2200..2800).contains(count)), "{quarters:?}");
        let first: Vec<u32> = (0..8).map(|_| System::new().random()).collect();
        assert!(first.iter().any(|it| *it != first[0]), "{first:?}");
    }
    #[test]
    fn a_sleep_takes_its_time() {
        let clock = System::new();
        let (begun, time) = (clock.now(), Duration::from_millis(20));
        clock.sleep(time);
        assert!(clock.now() - begun >= time);
    }
}
