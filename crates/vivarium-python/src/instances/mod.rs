//! Instances: one isolated process for one evaluation, parked before or made for it.

mod frame;
mod maker;
mod outcome;
mod output;
mod plan;
mod pool;
mod run;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use vivarium_domain::id::RuntimeId;
use vivarium_domain::ports::{Ending, InstanceEvent, Instances, ParkingOrder, PoolState, RunOutcome, RunRequest};
use vivarium_sandbox::Sandbox;

use crate::environments::PythonEnvironments;
use crate::settings::PoolSettings;
use crate::source;
use maker::{Kind, MakeError, Maker};
use pool::Pool;
use run::{Refusal, Run};

/// Runs every evaluation in an instance of its own, behind the walls of the sandbox.
pub struct PythonInstances {
    maker: Maker,
    pool: Arc<Pool>,
}

impl PythonInstances {
    /// Instances out of these environments. None is parked before somebody orders it.
    #[must_use]
    pub fn new(environments: Arc<PythonEnvironments>, sandbox: Sandbox, settings: PoolSettings) -> Self {
        let maker = Maker::new(environments, sandbox);
        Self { pool: Pool::new(maker.clone(), settings), maker }
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
        let run = Run { request: &frame, limits: &request.limits, events, cancel };
        let kind = Kind::of_request(&request);
        let _running = self.pool.running(request.runtime);
        match self.run_parked(request.runtime, &kind, run).await? {
            Some(outcome) => Ok(outcome),
            None => self.run_fresh(&kind, run).await,
        }
    }

    /// `None` where no parked instance took the script. Dead ones are passed over; after one that hung,
    /// which took its time, no other one is tried.
    async fn run_parked(&self, runtime: RuntimeId, kind: &Kind, run: Run<'_>) -> Result<Option<RunOutcome>, Ending> {
        while !run.cancel.is_cancelled()
            && let Some(made) = self.pool.take(runtime, kind)
        {
            match run.hand_over(made).await {
                Ok(taken) => {
                    self.pool.hit(runtime);
                    return Ok(Some(run.run_taken(taken).await));
                }
                Err(Refusal::Ended(ending)) => return Err(ending),
                Err(Refusal::Dead) => self.pool.broken(runtime),
                Err(Refusal::Hung) => {
                    self.pool.broken(runtime);
                    tracing::warn!(%runtime, "a parked instance hung; it was ended, and another one runs the script");
                    break;
                }
            }
        }
        self.pool.miss(runtime);
        Ok(None)
    }

    async fn run_fresh(&self, kind: &Kind, run: Run<'_>) -> Result<RunOutcome, Ending> {
        let made = tokio::select! {
            biased;
            () = run.cancel.cancelled() => return Err(Ending::Cancelled),
            made = self.maker.make(kind) => made.map_err(|error| not_started(&error))?,
        };
        Ok(run.run(made).await)
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

    fn keep_ready(&self, order: ParkingOrder) {
        self.pool.order(&order);
    }

    async fn release(&self, runtime: RuntimeId) {
        self.pool.release(runtime).await;
    }

    fn pool(&self, runtime: RuntimeId) -> PoolState {
        self.pool.state(runtime)
    }
}

/// A script that is refused before it runs fails like one that Python refuses.
fn refused(message: &str, events: &UnboundedSender<InstanceEvent>) -> Ending {
    // Nobody listens any more: the outcome says it as well.
    let _ = events.send(InstanceEvent::Stderr(format!("{message}\n").into_bytes()));
    Ending::Failed { message: message.to_owned() }
}

fn not_started(error: &MakeError) -> Ending {
    if let MakeError::Sandbox(error) = error {
        tracing::error!(%error, "an instance could not be made");
    }
    Ending::NotStarted { message: error.to_string() }
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
        warm: false,
    }
}
