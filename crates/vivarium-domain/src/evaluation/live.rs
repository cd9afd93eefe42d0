//! Evaluations of this node that have not ended, kept in memory for those who wait for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::model::Evaluation;
use crate::id::{EvaluationId, RuntimeId};

/// An evaluation under way.
pub(super) struct Live {
    evaluation: Mutex<Evaluation>,
    /// Counts the changes; a watcher compares.
    changes: watch::Sender<u64>,
    cancel: CancellationToken,
    cancel_reason: OnceLock<String>,
}

impl Live {
    pub(super) fn new(evaluation: Evaluation) -> Self {
        let (changes, cancel) = (watch::Sender::new(0), CancellationToken::new());
        Self { evaluation: Mutex::new(evaluation), changes, cancel, cancel_reason: OnceLock::new() }
    }

    /// Looks at it.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Evaluation) -> T) -> T {
        look(&self.lock())
    }

    /// As it is now.
    pub(super) fn snapshot(&self) -> Evaluation {
        self.lock().clone()
    }

    /// Changes it, and tells everybody who waits.
    pub(super) fn change(&self, change: impl FnOnce(&mut Evaluation)) {
        change(&mut self.lock());
        self.changes.send_modify(|count| *count += 1);
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Asks it to end. The first reason given is the one recorded.
    pub(super) fn cancel(&self, reason: &str) {
        // A later reason than the first changes nothing, so its refusal is of no interest.
        let _: Result<(), String> = self.cancel_reason.set(reason.to_owned());
        self.cancel.cancel();
    }

    pub(super) fn cancelled(&self) -> &CancellationToken {
        &self.cancel
    }

    pub(super) fn cancel_reason(&self) -> Option<&str> {
        self.cancel_reason.get().map(String::as_str)
    }

    /// Until it has ended and that is durable.
    pub(super) async fn finished(&self) {
        let mut changes = self.subscribe();
        while !self.read(|evaluation| evaluation.state.is_final()) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Evaluation> {
        self.evaluation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All evaluations of this node that are under way.
#[derive(Default)]
pub(super) struct LiveTable(Mutex<HashMap<EvaluationId, (RuntimeId, Arc<Live>)>>);

impl LiveTable {
    pub(super) fn add(&self, id: EvaluationId, runtime: RuntimeId, live: Arc<Live>) {
        self.lock().insert(id, (runtime, live));
    }

    pub(super) fn get(&self, id: EvaluationId) -> Option<Arc<Live>> {
        self.lock().get(&id).map(|(_, live)| live.clone())
    }

    pub(super) fn remove(&self, id: EvaluationId) {
        self.lock().remove(&id);
    }

    /// Those of one runtime, or all.
    pub(super) fn of(&self, runtime: Option<RuntimeId>) -> Vec<Arc<Live>> {
        let table = self.lock();
        let wanted = table.values().filter(|(id, _)| runtime.is_none_or(|runtime| *id == runtime));
        wanted.map(|(_, live)| live.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EvaluationId, (RuntimeId, Arc<Live>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
