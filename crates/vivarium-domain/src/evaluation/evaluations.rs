//! The use cases of evaluations: reading, watching and cancelling them. [`super::start`] begins them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::gate::Gate;
use super::identity::Introduction;
use super::live::{Live, LiveTable};
use super::model::{Evaluation, EvaluationState};
use super::recent::Recent;
use super::watch::Watch;
use crate::access::Caller;
use crate::error::{Error, Result};
use crate::id::{EvaluationId, RuntimeId};
use crate::ports::{Instances, PoolState, Retention, Store};
use crate::runtime::{NodeRuntimes, Runtime};
use crate::time::SharedClock;

/// How long a cancellation waits for the end before it answers all the same.
const CANCEL_PATIENCE: Duration = Duration::from_secs(10);

/// What the operator decides about evaluations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvaluationSettings {
    /// Evaluations that run at once on this node.
    pub max_running: usize,
    /// Evaluations that wait at once on this node; more are refused.
    pub max_queued: usize,
    /// Bytes kept of each of standard output and standard error.
    pub output_bytes: usize,
    /// Bytes that the JSON text of a result may have.
    pub result_bytes: usize,
    /// Bytes that a source text may have.
    pub source_bytes: usize,
    /// How many records to keep, and how long.
    pub retention: Retention,
    /// How long running evaluations may go on when the server is told to stop.
    pub grace: Duration,
}

/// What the use cases of evaluations are made of.
pub struct EvaluationParts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: SharedClock,
    /// What makes instances.
    pub instances: Arc<dyn Instances>,
    /// What this node knows of its runtimes.
    pub node_runtimes: Arc<NodeRuntimes>,
    /// Introduces the server to scripts, if they may act for their users.
    pub introduction: Option<Introduction>,
    /// What the operator decides.
    pub settings: EvaluationSettings,
}

/// How many evaluations are under way on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EvaluationCounts {
    /// Those that run.
    pub running: usize,
    /// Those that wait.
    pub queued: usize,
}

/// The use cases of evaluations.
pub struct Evaluations {
    pub(super) parts: EvaluationParts,
    pub(super) live: LiveTable,
    pub(super) recent: Recent<Runtime>,
    pub(super) gate: Gate,
    /// One permit for each evaluation that may be under way, running or waiting.
    pub(super) places: Arc<Semaphore>,
    pub(super) closing: CancellationToken,
    pub(super) tasks: TaskTracker,
}

impl Evaluations {
    /// The use cases over their parts.
    pub fn new(parts: EvaluationParts) -> Self {
        let EvaluationSettings { max_running, max_queued, .. } = parts.settings;
        let (gate, places) = (Gate::new(max_running), Arc::new(Semaphore::new(max_running + max_queued)));
        let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
        Self { parts, live: LiveTable::default(), recent: Recent::new(), gate, places, closing, tasks }
    }

    /// An evaluation of the caller's own; administrators see all.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] also for those of others.
    pub async fn get(&self, caller: &Caller, id: EvaluationId) -> Result<Evaluation> {
        Ok(self.watch(caller, id).await?.evaluation())
    }

    /// Follows an evaluation.
    ///
    /// # Errors
    /// As [`Evaluations::get`].
    pub async fn watch(&self, caller: &Caller, id: EvaluationId) -> Result<Watch> {
        let missing = || {
            Error::not_found(format!(
                "no evaluation with the id `{id}` is visible to you; records are kept for a limited time"
            ))
        };
        let may_see = |evaluation: &Evaluation| evaluation.user == caller.id() || caller.is_administrator();
        if let Some(live) = self.live.get(id) {
            return if live.read(may_see) { Ok(Watch::live(live)) } else { Err(missing()) };
        }
        let record = self.parts.store.evaluation(id).await?.filter(may_see).ok_or_else(missing)?;
        Ok(Watch::record(record, self.parts.store.clone()))
    }

    /// Ends an evaluation and waits until it has ended. One that has ended already stays as it is.
    ///
    /// # Errors
    /// As [`Evaluations::get`].
    pub async fn cancel(&self, caller: &Caller, id: EvaluationId) -> Result<()> {
        let mut watch = self.watch(caller, id).await?;
        match self.live.get(id) {
            Some(live) => live.cancel(&format!("cancelled by the user `{}`", caller.user().name)),
            None if watch.evaluation().state.is_final() => return Ok(()),
            // It runs on another node, which looks for requests every second.
            None => drop(self.parts.store.request_cancel(id).await?),
        }
        if tokio::time::timeout(CANCEL_PATIENCE, watch.finished()).await.is_err() {
            tracing::warn!(evaluation = %id, "a cancelled evaluation has not ended yet");
        }
        Ok(())
    }

    /// From now on evaluations see runtimes as they are in the store. To be called when a change was written, or was read
    /// there, and before anything follows from it.
    pub(crate) fn forget_runtimes(&self) {
        self.recent.forget();
    }

    /// Ends everything of a runtime on this node, with the reason recorded, and waits until nothing of it is left:
    /// what runs, what waits, and what is parked.
    pub async fn end_runtime(&self, runtime: RuntimeId, reason: &str) {
        let affected = self.live.of(Some(runtime));
        for live in &affected {
            live.cancel(reason);
        }
        for live in affected {
            live.finished().await;
        }
        self.parts.instances.release(runtime).await;
    }

    /// The parked instances of a runtime on this node, and how many of its evaluations wait for their turn.
    pub(crate) fn pool(&self, runtime: RuntimeId) -> (PoolState, usize) {
        let is_queued = |live: &Arc<Live>| live.read(|evaluation| evaluation.state == EvaluationState::Initiated);
        let queued = self.live.of(Some(runtime)).iter().filter(|live| is_queued(live)).count();
        (self.parts.instances.pool(runtime), queued)
    }

    /// The parked instances of every runtime that this node knows, and how many evaluations wait for their turn.
    pub fn pools(&self) -> Vec<(RuntimeId, PoolState, usize)> {
        let known = self.parts.node_runtimes.known().into_iter();
        known.map(|runtime| (runtime, self.pool(runtime))).map(|(id, (state, queued))| (id, state, queued)).collect()
    }

    /// How many are under way on this node.
    pub fn counts(&self) -> EvaluationCounts {
        let mut counts = EvaluationCounts::default();
        for live in self.live.of(None) {
            match live.read(|evaluation| evaluation.state) {
                EvaluationState::Initiated => counts.queued += 1,
                EvaluationState::Running => counts.running += 1,
                _ => {}
            }
        }
        counts
    }
}
