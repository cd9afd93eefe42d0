//! Limits how often somebody may try to log in.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::time::Timestamp;

/// Past this many keys the expired ones are dropped before another is added, so that guessing names costs no memory.
const SWEEP_AT: usize = 10_000;

/// Counts failed log-ins per address and per user name in a sliding window.
pub struct LoginAttempts {
    per_address: u32,
    per_user: u32,
    window: Duration,
    failures: Mutex<Failures>,
}

#[derive(Default)]
struct Failures {
    by_address: Windows<IpAddr>,
    by_user: Windows<String>,
}

impl LoginAttempts {
    /// At most so many failures within `window`.
    pub fn new(per_address: u32, per_user: u32, window: Duration) -> Self {
        Self { per_address, per_user, window, failures: Mutex::default() }
    }

    /// Refuses an attempt when there were too many failures.
    pub(super) fn check(&self, address: IpAddr, user_key: &str, now: Timestamp) -> Result<()> {
        let mut failures = self.lock();
        let wait_address = failures.by_address.wait(&address, self.per_address, self.window, now);
        let wait_user = failures.by_user.wait(&user_key.to_owned(), self.per_user, self.window, now);
        match wait_address.max(wait_user) {
            Some(wait) => Err(Error::too_many("too many failed log-ins; try again later", wait)),
            None => Ok(()),
        }
    }

    /// Counts a failure.
    pub(super) fn failed(&self, address: IpAddr, user_key: &str, now: Timestamp) {
        let mut failures = self.lock();
        failures.by_address.add(address, self.window, now);
        failures.by_user.add(user_key.to_owned(), self.window, now);
    }

    fn lock(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Windows<K>(HashMap<K, VecDeque<Timestamp>>);

impl<K> Default for Windows<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Windows<K> {
    /// How long to wait until fewer than `most` failures are left in the window; `None` if there are fewer now.
    fn wait(&mut self, key: &K, most: u32, window: Duration, now: Timestamp) -> Option<Duration> {
        let times = self.0.get_mut(key)?;
        while times.front().is_some_and(|first| now.since(*first) >= window) {
            times.pop_front();
        }
        let excess = times.len().checked_sub(most.max(1) as usize)?;
        times.get(excess).map(|time| (*time + window).since(now))
    }

    fn add(&mut self, key: K, window: Duration, now: Timestamp) {
        if self.0.len() >= SWEEP_AT {
            self.0.retain(|_, times| times.back().is_some_and(|last| now.since(*last) < window));
        }
        self.0.entry(key).or_default().push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::error::ErrorKind;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn failures_are_limited_per_user_and_the_window_moves_on() {
        let limits = LoginAttempts::new(100, 2, Duration::from_secs(60));
        limits.failed(HOME, "anna", at(0));
        limits.failed(HOME, "anna", at(10));
        let refused = limits.check(HOME, "anna", at(20)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::TooManyRequests);
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(40)));
        assert!(limits.check(HOME, "ben", at(20)).is_ok());
        assert!(limits.check(HOME, "anna", at(60)).is_ok());
    }

    #[test]
    fn failures_are_limited_per_address_whatever_the_name() {
        let limits = LoginAttempts::new(3, 100, Duration::from_secs(60));
        for name in ["a", "b", "c"] {
            limits.failed(HOME, name, at(0));
        }
        assert!(limits.check(HOME, "d", at(1)).is_err());
        assert!(limits.check(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), "d", at(1)).is_ok());
    }
}
