//! Evaluations of this node that have not ended, kept in memory for those who wait for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

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
    /// Whether the store took the record; `None` while that is not known.
    recorded: watch::Sender<Option<bool>>,
    first: watch::Sender<FirstRecord>,
}

/// What is written first of an evaluation.
#[derive(Default)]
enum FirstRecord {
    /// Not decided yet.
    #[default]
    Open,
    /// Its end, which came before anything was written.
    End(Box<Evaluation>),
    /// That it was accepted; it is on its way.
    Accepted,
}

impl Live {
    pub(super) fn new(evaluation: Evaluation) -> Self {
        let (changes, cancel, recorded) = (watch::Sender::new(0), CancellationToken::new(), watch::Sender::new(None));
        Self {
            evaluation: Mutex::new(evaluation),
            changes,
            cancel,
            cancel_reason: OnceLock::new(),
            recorded,
            first: watch::Sender::default(),
        }
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

    /// Gives its end to whoever writes the first record. Otherwise that is on its way, and the end must come after it.
    pub(super) fn offer_end(&self, end: &Evaluation) -> bool {
        self.first.send_if_modified(|first| {
            let open = matches!(first, FirstRecord::Open);
            if open {
                *first = FirstRecord::End(Box::new(end.clone()));
            }
            open
        })
    }

    /// What to write first: its end if it comes within `patience`, else that it was accepted.
    pub(super) async fn first_record(&self, patience: Duration) -> Evaluation {
        let ended = |first: &FirstRecord| matches!(first, FirstRecord::End(_));
        let mut first = self.first.subscribe();
        // Whether it came in time is looked at below.
        let _ = tokio::time::timeout(patience, first.wait_for(ended)).await;
        match self.first.send_replace(FirstRecord::Accepted) {
            FirstRecord::End(end) => *end,
            FirstRecord::Open | FirstRecord::Accepted => self.snapshot(),
        }
    }

    pub(super) fn note_recorded(&self, recorded: bool) {
        self.recorded.send_replace(Some(recorded));
    }

    /// Waits until the store has taken or refused the record; only then it can be changed there.
    pub(super) async fn is_recorded(&self) -> bool {
        let known = self.recorded.subscribe().wait_for(Option::is_some).await.map(|known| *known);
        known.ok().flatten().unwrap_or(false)
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
