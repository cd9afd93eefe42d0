//! One build of one runtime's environment on this node, from the first report to the last.

use std::sync::Arc;

use tokio::sync::watch;

use super::{SynchronizerParts, parking_order};
use crate::error::Result;
use crate::id::{BuildId, RuntimeId};
use crate::ports::{EnvironmentBuild, EnvironmentReport, Environments, Instances};
use crate::runtime::model::Runtime;
use crate::runtime::node_runtimes::NodeRuntimes;
use crate::runtime::node_state::{NodeRuntimeState, Serving, SyncState};
use crate::runtime::package::{PackageReport, PackageStatus};
use crate::time::SharedClock;

/// A build to run.
pub(super) struct BuildTask {
    clock: SharedClock,
    environments: Arc<dyn Environments>,
    node_runtimes: Arc<NodeRuntimes>,
    instances: Arc<dyn Instances>,
    runtime: Runtime,
    state: NodeRuntimeState,
    request: EnvironmentBuild,
}

impl BuildTask {
    pub(super) fn new(
        parts: &SynchronizerParts,
        runtime: &Runtime,
        previous: Option<NodeRuntimeState>,
        request: EnvironmentBuild,
    ) -> Self {
        let installing = |name: &String| report(name, PackageStatus::Installing);
        let packages = request.packages.iter().map(|package| installing(&package.name)).collect();
        let serving = previous.and_then(|state| state.serving);
        let state = NodeRuntimeState { packages, serving, ..first_state(parts, runtime.id, runtime.build) };
        let (clock, environments) = (parts.clock.clone(), parts.environments.clone());
        let (node_runtimes, instances) = (parts.node_runtimes.clone(), parts.instances.clone());
        Self { clock, environments, node_runtimes, instances, runtime: runtime.clone(), state, request }
    }

    pub(super) async fn run(mut self) -> Result<()> {
        self.report().await?;
        let (sender, mut progress) = watch::channel(self.state.packages.clone());
        let environments = self.environments.clone();
        let request = self.request.clone();
        let build = async move {
            let sink = |packages| {
                sender.send_replace(packages);
            };
            environments.build(request, &sink).await
        };
        tokio::pin!(build);
        let outcome = loop {
            tokio::select! {
                outcome = &mut build => break outcome,
                Ok(()) = progress.changed() => {
                    self.state.packages.clone_from(&progress.borrow_and_update());
                    self.report().await?;
                }
            }
        };
        let before = self.state.serving.clone();
        self.settle(outcome);
        self.warm_up(before.as_ref()).await;
        self.report().await
    }

    /// What serves now goes on until instances of the new environment can be made as quickly.
    async fn warm_up(&self, before: Option<&Serving>) {
        if let (Some(before), Some(serving)) = (before, &self.state.serving)
            && before != serving
        {
            self.instances.warm_up(parking_order(&self.runtime, serving.clone())).await;
        }
    }

    fn settle(&mut self, outcome: EnvironmentReport) {
        let failed = outcome.fault.is_some()
            || outcome.packages.iter().any(|package| package.status != PackageStatus::Installed);
        self.state.state = if failed { SyncState::Failed } else { SyncState::Ready };
        self.state.packages = outcome.packages;
        self.state.fault = outcome.fault;
        self.state.serving = next_serving(self.state.serving.take(), outcome.serving);
    }

    async fn report(&mut self) -> Result<()> {
        self.state.updated = self.clock.now();
        self.node_runtimes.report(self.state.clone()).await
    }
}

/// The state of a runtime that this node has not built yet.
pub(super) fn first_state(parts: &SynchronizerParts, runtime: RuntimeId, build: BuildId) -> NodeRuntimeState {
    NodeRuntimeState {
        node: parts.node_runtimes.node(),
        runtime,
        build,
        state: SyncState::Building,
        packages: Vec::new(),
        fault: None,
        serving: None,
        stopped: false,
        updated: parts.clock.now(),
    }
}

/// An incomplete environment never replaces a complete one.
fn next_serving(previous: Option<Serving>, built: Option<Serving>) -> Option<Serving> {
    match (previous, built) {
        (Some(previous), Some(built)) if previous.complete && !built.complete => Some(previous),
        (_, Some(built)) => Some(built),
        (previous, None) => previous,
    }
}

fn report(name: &str, status: PackageStatus) -> PackageReport {
    PackageReport { name: name.to_owned(), status, installed_version: None, message: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::PythonVersion;

    fn serving(environment: &str, complete: bool) -> Serving {
        let python = PythonVersion { major: 3, minor: 11, patch: 7 };
        Serving { environment: environment.to_owned(), python, complete }
    }

    #[test]
    fn an_incomplete_build_replaces_only_what_was_incomplete() {
        let (old, whole, part) = (serving("old", true), serving("whole", true), serving("part", false));
        assert_eq!(next_serving(Some(old.clone()), Some(part.clone())), Some(old.clone()));
        assert_eq!(next_serving(Some(old.clone()), Some(whole.clone())), Some(whole));
        assert_eq!(next_serving(Some(serving("bad", false)), Some(part.clone())), Some(part.clone()));
        assert_eq!(next_serving(None, Some(part.clone())), Some(part));
        assert_eq!(next_serving(Some(old.clone()), None), Some(old));
    }
}
