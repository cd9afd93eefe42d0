//! Remembers for a short time who was proven to be who, so that not every request asks the database
//! or hashes a password. What another process changes (a user removed on the command line) shows after that time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::time::Timestamp;

/// Past this many entries the expired ones are dropped before another is added.
const SWEEP_AT: usize = 10_000;

/// Values that are good for a fixed time.
pub(super) struct Recent<K, V> {
    lifetime: Duration,
    entries: Mutex<HashMap<K, (V, Timestamp)>>,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { lifetime, entries: Mutex::default() }
    }

    pub(super) fn get(&self, key: &K, now: Timestamp) -> Option<V> {
        let entries = self.lock();
        let (value, since) = entries.get(key)?;
        (now.since(*since) < self.lifetime && *since <= now).then(|| value.clone())
    }

    pub(super) fn put(&self, key: K, value: V, now: Timestamp) {
        let mut entries = self.lock();
        if entries.len() >= SWEEP_AT {
            entries.retain(|_, (_, since)| now.since(*since) < self.lifetime);
        }
        entries.insert(key, (value, now));
    }

    pub(super) fn forget(&self, key: &K) {
        self.lock().remove(key);
    }

    pub(super) fn forget_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, (V, Timestamp)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
