//! Runtimes as they were read a moment ago, so that not every evaluation has to read its own.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::id::RuntimeId;

/// So late may a change that another node made count here. Changes of this node count at once.
const FRESH: Duration = Duration::from_millis(500);

/// What was read lately.
pub(super) struct Recent<V> {
    state: Mutex<State<V>>,
}

struct State<V> {
    values: HashMap<RuntimeId, (V, Instant)>,
    /// Counts how often all was forgotten.
    forgotten: u64,
}

/// Says since when something is being read: what is forgotten meanwhile must not be kept.
#[derive(Clone, Copy)]
pub(super) struct Reading(u64);

impl<V: Clone> Recent<V> {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State { values: HashMap::new(), forgotten: 0 }) }
    }

    /// As it was at most half a second ago on other nodes, and is now on this one.
    pub(super) fn get(&self, id: RuntimeId) -> Option<V> {
        let state = self.lock();
        let (value, read) = state.values.get(&id)?;
        (read.elapsed() < FRESH).then(|| value.clone())
    }

    /// To be called before the store is asked.
    pub(super) fn begin(&self) -> Reading {
        Reading(self.lock().forgotten)
    }

    /// Keeps what the store said, unless something changed since it was asked.
    pub(super) fn keep(&self, reading: Reading, id: RuntimeId, value: V) {
        let mut state = self.lock();
        if state.forgotten == reading.0 {
            state.values.insert(id, (value, Instant::now()));
        }
    }

    /// Whether nothing changed since.
    pub(super) fn is_current(&self, reading: Reading) -> bool {
        self.lock().forgotten == reading.0
    }

    /// To be called when a change was written, or is known from the store, and before anything follows from it.
    pub(super) fn forget(&self) {
        let mut state = self.lock();
        state.forgotten += 1;
        state.values.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State<V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: RuntimeId = RuntimeId::from_u128(1);

    #[test]
    fn what_was_read_is_known_until_something_changes() {
        let recent = Recent::new();
        recent.keep(recent.begin(), ID, "read");
        assert_eq!(recent.get(ID), Some("read"));
        recent.forget();
        assert_eq!(recent.get(ID), None);
    }

    #[test]
    fn what_changed_while_it_was_read_is_not_kept() {
        let recent = Recent::new();
        let reading = recent.begin();
        assert!(recent.is_current(reading));
        recent.forget();
        assert!(!recent.is_current(reading));
        recent.keep(reading, ID, "old");
        assert_eq!(recent.get(ID), None);
    }
}
