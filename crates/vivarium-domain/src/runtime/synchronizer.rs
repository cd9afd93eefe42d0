//! Brings this node's environments in step with the definitions that the database names.
//!
//! The database is the only coordinator: this loop reads what is wanted, compares it with what this node reported last,
//! and acts on the difference. It is woken by changes made on this node and looks by itself for those made elsewhere.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::model::Runtime;
use super::node_runtimes::NodeRuntimes;
use super::node_state::{NodeRuntimeState, Serving, SyncState};
use super::package::PackageSpec;
use crate::error::Result;
use crate::evaluation::Evaluations;
use crate::id::{BuildId, RuntimeId};
use crate::ports::{EnvironmentBuild, Environments, Instances, ParkingOrder, Store};
use crate::time::SharedClock;

mod build;
mod network;
use build::BuildTask;

/// How often it looks for changes made on other nodes or on the command line.
const POLL: Duration = Duration::from_secs(2);

/// How often environments that nothing needs any more are removed.
const GARBAGE_INTERVAL: Duration = Duration::from_secs(60);

/// What a synchronizer is made of.
#[derive(Clone)]
pub struct SynchronizerParts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: SharedClock,
    /// Interpreters and environments.
    pub environments: Arc<dyn Environments>,
    /// Evaluations, which end with their runtime.
    pub evaluations: Arc<Evaluations>,
    /// Instances, of which some are kept parked.
    pub instances: Arc<dyn Instances>,
    /// What this node reports.
    pub node_runtimes: Arc<NodeRuntimes>,
    /// Wakes it.
    pub wake: Arc<Notify>,
}

/// The background work that keeps this node in step.
pub struct Synchronizer {
    parts: SynchronizerParts,
    builds: HashMap<RuntimeId, Build>,
    /// What was built last for each runtime since this process began.
    specs: HashMap<RuntimeId, (BuildId, Spec)>,
    /// Runtimes that instances were ordered for.
    kept: BTreeSet<RuntimeId>,
}

type Spec = (String, Vec<PackageSpec>);

/// A build under way.
struct Build {
    id: BuildId,
    task: JoinHandle<()>,
}

/// What a runtime needs of this node now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    Build,
    TakeOutOfService,
    PutIntoService,
}

/// The difference between what is wanted and what this node reported, as one step.
fn next_step(runtime: &Runtime, state: Option<&NodeRuntimeState>, building: Option<BuildId>) -> Step {
    let is_out = state.is_some_and(|state| state.stopped);
    let is_built = state.is_some_and(|state| state.build == runtime.build && state.state != SyncState::Building);
    match (runtime.stopped, is_out) {
        (true, true) => Step::Nothing,
        (true, false) => Step::TakeOutOfService,
        (false, true) if is_built => Step::PutIntoService,
        (false, _) if is_built || building == Some(runtime.build) => Step::Nothing,
        (false, _) => Step::Build,
    }
}

impl Synchronizer {
    /// The background work over its parts.
    pub fn new(parts: SynchronizerParts) -> Self {
        Self { parts, builds: HashMap::new(), specs: HashMap::new(), kept: BTreeSet::new() }
    }

    /// Works until `shutdown`. Builds under way are then broken off; the next start does them again.
    /// Parked instances are ended.
    pub async fn run(mut self, shutdown: CancellationToken) {
        self.drop_missing_environments().await.unwrap_or_else(|error| log(&error));
        let mut next_garbage = tokio::time::Instant::now() + GARBAGE_INTERVAL;
        loop {
            self.synchronize().await.unwrap_or_else(|error| log(&error));
            if tokio::time::Instant::now() >= next_garbage {
                self.parts.environments.collect_garbage(&self.parts.node_runtimes.environments()).await;
                next_garbage = tokio::time::Instant::now() + GARBAGE_INTERVAL;
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.parts.wake.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
        for (_, build) in self.builds.drain() {
            build.stop().await;
        }
        for runtime in self.kept {
            self.parts.instances.release(runtime).await;
        }
    }

    /// An environment that somebody removed while the server was down is built again.
    async fn drop_missing_environments(&self) -> Result<()> {
        for runtime in self.parts.store.runtimes().await? {
            let Some(state) = self.parts.node_runtimes.get(runtime.id) else { continue };
            let Some(serving) = &state.serving else { continue };
            if !self.parts.environments.exists(serving).await {
                let report = NodeRuntimeState { serving: None, state: SyncState::Building, ..state };
                self.parts.node_runtimes.report(report).await?;
            }
        }
        Ok(())
    }

    async fn synchronize(&mut self) -> Result<()> {
        let runtimes = self.parts.store.runtimes().await?;
        // Evaluations must not undo what follows from what another node changed.
        self.parts.evaluations.forget_runtimes();
        self.builds.retain(|_, build| !build.task.is_finished());
        self.forget_deleted(&runtimes.iter().map(|runtime| runtime.id).collect()).await;
        self.enforce_whitelists(&runtimes).await?;
        for runtime in &runtimes {
            let state = self.parts.node_runtimes.get(runtime.id);
            let building = self.builds.get(&runtime.id).map(|build| build.id);
            match next_step(runtime, state.as_ref(), building) {
                Step::Nothing => {}
                Step::Build => self.build(runtime.clone(), state).await,
                Step::TakeOutOfService => self.take_out_of_service(runtime, state).await?,
                Step::PutIntoService => self.put_into_service(state).await?,
            }
            if !runtime.stopped {
                self.keep_ready(runtime);
            }
        }
        Ok(())
    }

    /// Has as many instances parked as the definition wants, in the environment that serves now.
    fn keep_ready(&mut self, runtime: &Runtime) {
        let state = self.parts.node_runtimes.get(runtime.id).filter(|state| !state.stopped);
        let Some(serving) = state.and_then(|state| state.serving) else { return };
        self.kept.insert(runtime.id);
        self.parts.instances.keep_ready(parking_order(runtime, serving));
    }

    async fn forget_deleted(&mut self, known: &BTreeSet<RuntimeId>) {
        for id in self.parts.node_runtimes.retain(known) {
            self.specs.remove(&id);
            self.kept.remove(&id);
            self.stop_build(id).await;
            self.parts.evaluations.end_runtime(id, "the runtime was deleted").await;
        }
    }

    async fn build(&mut self, runtime: Runtime, state: Option<NodeRuntimeState>) {
        self.stop_build(runtime.id).await;
        let spec = (runtime.definition.python_version.clone(), runtime.definition.packages.clone());
        // The same wish under another build id is somebody who asks to try again.
        let afresh = self.specs.get(&runtime.id).is_some_and(|(id, built)| *id != runtime.build && *built == spec);
        let request = EnvironmentBuild { python_version: spec.0.clone(), packages: spec.1.clone(), afresh };
        self.specs.insert(runtime.id, (runtime.build, spec));
        let task = BuildTask::new(&self.parts, &runtime, state, request);
        let wake = self.parts.wake.clone();
        let task = tokio::spawn(async move {
            task.run().await.unwrap_or_else(|error| log(&error));
            // There may be a new environment to park instances in.
            wake.notify_one();
        });
        self.builds.insert(runtime.id, Build { id: runtime.build, task });
    }

    async fn take_out_of_service(&mut self, runtime: &Runtime, state: Option<NodeRuntimeState>) -> Result<()> {
        self.stop_build(runtime.id).await;
        self.kept.remove(&runtime.id);
        let reason = format!("the runtime `{}` was stopped", runtime.definition.name);
        self.parts.evaluations.end_runtime(runtime.id, &reason).await;
        let state = state.unwrap_or_else(|| build::first_state(&self.parts, runtime.id, runtime.build));
        self.report_stopped(state, true).await
    }

    async fn put_into_service(&self, state: Option<NodeRuntimeState>) -> Result<()> {
        match state {
            Some(state) => self.report_stopped(state, false).await,
            None => Ok(()),
        }
    }

    async fn report_stopped(&self, state: NodeRuntimeState, stopped: bool) -> Result<()> {
        let updated = self.parts.clock.now();
        self.parts.node_runtimes.report(NodeRuntimeState { stopped, updated, ..state }).await
    }

    async fn stop_build(&mut self, runtime: RuntimeId) {
        if let Some(build) = self.builds.remove(&runtime) {
            build.stop().await;
        }
    }
}

/// What is to be parked of a runtime that serves from this environment.
fn parking_order(runtime: &Runtime, serving: Serving) -> ParkingOrder {
    let definition = &runtime.definition;
    ParkingOrder {
        runtime: runtime.id,
        serving,
        mode: definition.instance_mode,
        resource: definition.resource,
        min: definition.min_cached_instances,
        max: definition.max_cached_instances,
    }
}

impl Build {
    /// Waits until it has really ended, so that it cannot report after its successor.
    async fn stop(self) {
        self.task.abort();
        if let Err(error) = self.task.await
            && error.is_panic()
        {
            tracing::error!(%error, "a build panicked");
        }
    }
}

fn log(error: &crate::Error) {
    tracing::error!(error = error as &dyn std::error::Error, "cannot synchronize; trying again");
}
