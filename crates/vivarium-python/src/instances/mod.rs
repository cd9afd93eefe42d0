//! Instances: one isolated process for one evaluation.

mod frame;
mod outcome;
mod output;
mod plan;
mod run;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use vivarium_domain::ports::{Ending, InstanceEvent, Instances, RunOutcome, RunRequest};
use vivarium_sandbox::{Plan, Sandbox, SandboxError};

use crate::environments::{Lease, PythonEnvironments};
use crate::source;
use plan::{Parts, plan};
use run::Run;

/// Makes an instance for every run, behind the walls of the sandbox.
pub struct PythonInstances {
    environments: Arc<PythonEnvironments>,
    sandbox: Sandbox,
}

impl PythonInstances {
    /// Instances out of these environments.
    #[must_use]
    pub fn new(environments: Arc<PythonEnvironments>, sandbox: Sandbox) -> Self {
        Self { environments, sandbox }
    }

    /// The plan, and the hold on the environment that it needs for as long as it runs.
    fn plan(&self, request: &RunRequest) -> Result<(Plan, Lease), Ending> {
        let serving = &request.serving;
        let missing = |what: String| Ending::NotStarted { message: format!("{what}; hint: synchronize the runtime") };
        let interpreter = self.environments.interpreter(serving.python);
        let interpreter = interpreter.ok_or_else(|| missing(format!("no Python {} on this node", serving.python)))?;
        let lease = self.environments.lease(serving);
        let lease = lease.ok_or_else(|| missing("the environment of the runtime is not on this node".to_owned()))?;
        let parts = Parts { interpreter, packages: lease.tree(), empty: self.environments.empty_directory() };
        Ok((plan(&parts, &request.limits.resource), lease))
    }

    async fn attempt(
        &self,
        request: RunRequest,
        events: &UnboundedSender<InstanceEvent>,
        cancel: &CancellationToken,
    ) -> Result<RunOutcome, Ending> {
        let minor = request.serving.python.minor;
        let prepared = source::prepare(&request.source, &request.variables, minor);
        let prepared = prepared.map_err(|error| refused(&error.to_string(), events))?;
        let unsendable = |error: std::io::Error| Ending::NotStarted { message: error.to_string() };
        let frame = frame::request(&prepared, request.limits.result_bytes).map_err(unsendable)?;
        let (plan, _lease) = self.plan(&request)?;
        let instance = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Ending::Cancelled),
            spawned = self.sandbox.spawn(plan) => spawned.map_err(|error| not_started(&error))?,
        };
        let run = Run { request: &frame, limits: &request.limits, events, cancel };
        Ok(run.run(instance).await)
    }
}

#[async_trait]
impl Instances for PythonInstances {
    async fn run(
        &self,
        request: RunRequest,
        events: UnboundedSender<InstanceEvent>,
        cancel: CancellationToken,
    ) -> RunOutcome {
        self.attempt(request, &events, &cancel).await.unwrap_or_else(never_ran)
    }
}

/// A script that is refused before it runs fails like one that Python refuses.
fn refused(message: &str, events: &UnboundedSender<InstanceEvent>) -> Ending {
    // Nobody listens any more: the outcome says it as well.
    let _ = events.send(InstanceEvent::Stderr(format!("{message}\n").into_bytes()));
    Ending::Failed { message: message.to_owned() }
}

fn not_started(error: &SandboxError) -> Ending {
    let hint = error.remedy().map(|remedy| format!("; hint: {remedy}")).unwrap_or_default();
    tracing::error!(%error, "an instance could not be made");
    Ending::NotStarted { message: format!("the instance could not be made: {error}{hint}") }
}

fn never_ran(ending: Ending) -> RunOutcome {
    RunOutcome {
        ending,
        stdout_cut: false,
        stderr_cut: false,
        process_limit_hit: false,
        wall: Duration::ZERO,
        cpu: Duration::ZERO,
        peak_memory_bytes: 0,
    }
}
