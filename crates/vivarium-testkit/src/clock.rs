//! A clock that moves only when told.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use vivarium_domain::time::{Clock, Timestamp};

/// A clock that stands at 2026-03-01T08:00:00Z until a test moves it.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

/// 2026-03-01T08:00:00Z.
const START_MICROS: i64 = 1_772_352_000_000_000;

impl ManualClock {
    /// A clock to share.
    pub fn shared() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(START_MICROS)))
    }

    /// Lets time pass.
    pub fn advance(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}
