//! A limit on how often something may happen.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// So many at once.
const BURST: f64 = 50.0;
/// So many a second in the long run.
const RATE: f64 = 10.0;

/// A bucket of tokens, full at first.
#[derive(Debug)]
pub(super) struct Bucket(Mutex<(f64, Instant)>);

impl Default for Bucket {
    fn default() -> Self {
        Self(Mutex::new((BURST, Instant::now())))
    }
}

impl Bucket {
    /// Takes a token; `false` where there is none.
    pub(super) fn take(&self) -> bool {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, filled) = *state;
        let tokens = (tokens + now.saturating_duration_since(filled).as_secs_f64() * RATE).min(BURST);
        let enough = tokens >= 1.0;
        *state = (if enough { tokens - 1.0 } else { tokens }, now);
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn it_fills_again_with_time() {
        let bucket = Bucket::default();
        let start = Instant::now();
        assert_eq!((0..100).filter(|_| bucket.take_at(start)).count(), 50);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| bucket.take_at(later)).count(), 10);
    }
}
