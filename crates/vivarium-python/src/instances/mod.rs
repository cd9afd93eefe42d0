//! Instances: one isolated process for one evaluation, parked before or made for it.

mod frame;
mod maker;
mod networks;
mod outcome;
mod output;
mod plan;
mod pool;
mod run;
mod zygotes;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ipnet::IpNet;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use vivarium_domain::id::RuntimeId;
use vivarium_domain::ports::{Ending, InstanceEvent, Instances, ParkingOrder, PoolState, RunOutcome, RunRequest};
use vivarium_sandbox::Sandbox;
use vivarium_sandbox::network::NetworkSettings;

pub(crate) use plan::{Parts, plan};

use crate::environments::PythonEnvironments;
use crate::settings::PoolSettings;
use crate::source;
use maker::{Kind, MakeError, Maker};
use networks::Networks;
use pool::Pool;
use run::{Finished, Refusal, Run, Taken};

/// How long the refill of the pool may be put off for a run that is about to end.
const REFILL_DELAY: Duration = Duration::from_millis(3);

/// Runs every evaluation in an instance of its own, behind the walls of the sandbox.
pub struct PythonInstances {
    pool: Arc<Pool>,
}

impl PythonInstances {
    /// Instances out of these environments. None is parked before somebody orders it.
    #[must_use]
    pub fn new(
        environments: Arc<PythonEnvironments>,
        sandbox: Sandbox,
        settings: PoolSettings,
        network: NetworkSettings,
    ) -> Self {
        Self { pool: Pool::new(Maker::new(environments, sandbox, Networks::new(network)), settings) }
    }

    /// Ends all zygotes; what they forked goes on, and no further ones are started. For the end of a server.
    pub fn close(&self) {
        self.pool.zygotes().close();
    }

    async fn attempt(
        &self,
        request: RunRequest,
        events: &UnboundedSender<InstanceEvent>,
        cancel: &CancellationToken,
    ) -> Result<RunOutcome, Ending> {
        let minor = request.serving.python.minor;
        let prepared = source::prepare(&request.source, &request.variables, minor);
        let mut prepared = prepared.map_err(|error| refused(&error.to_string(), events))?;
        prepared.values.extend(request.predefined.0.clone());
        let unsendable = |error: std::io::Error| Ending::NotStarted { message: error.to_string() };
        let frame = frame::request(&prepared, request.limits.result_bytes).map_err(unsendable)?;
        let run = Run { request: &frame, limits: &request.limits, events, cancel };
        let kind = Kind::of_request(&request);
        let _running = self.pool.running(request.runtime);
        let Finished { outcome, modules } = match self.run_parked(request.runtime, &kind, run).await? {
            Some(finished) => finished,
            None => self.run_on_demand(request.runtime, &kind, run).await?,
        };
        self.pool.zygotes().learn(request.runtime, &kind, modules);
        Ok(outcome)
    }

    /// `None` where no parked instance took the script. Dead ones are passed over; after one that hung,
    /// which took its time, no other one is tried.
    async fn run_parked(&self, runtime: RuntimeId, kind: &Kind, run: Run<'_>) -> Result<Option<Finished>, Ending> {
        while !run.cancel.is_cancelled()
            && let Some(mut made) = self.pool.take(runtime, kind)
        {
            if let Err(reason) = self.networks().attach(runtime, &mut made).await {
                tracing::warn!(%runtime, reason, "a parked instance could not be connected; it is ended");
                self.pool.broken(runtime);
                continue;
            }
            let attachment = made.attachment.clone();
            match run.hand_over(made).await {
                Ok(taken) => {
                    let finished = self.run_and_refill(runtime, run, taken).await;
                    return Ok(Some(finished.explained(attachment.as_deref())));
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

    /// The place in the pool is filled again when the run is over, or goes on for a while: the one who waits comes first.
    async fn run_and_refill(&self, runtime: RuntimeId, run: Run<'_>, taken: Taken) -> Finished {
        let running = run.run_taken(taken);
        tokio::pin!(running);
        let early = tokio::time::timeout(REFILL_DELAY, &mut running).await;
        self.pool.hit(runtime);
        match early {
            Ok(finished) => finished,
            Err(_) => running.await,
        }
    }

    async fn run_on_demand(&self, runtime: RuntimeId, kind: &Kind, run: Run<'_>) -> Result<Finished, Ending> {
        let made = tokio::select! {
            biased;
            () = run.cancel.cancelled() => return Err(Ending::Cancelled),
            made = self.pool.zygotes().make(runtime, kind) => made.map_err(|error| not_started(&error))?,
        };
        let attachment = made.attachment.clone();
        Ok(run.run(made).await.explained(attachment.as_deref()))
    }

    fn networks(&self) -> &Networks {
        self.pool.zygotes().networks()
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

    async fn warm_up(&self, order: ParkingOrder) {
        self.pool.zygotes().warm_up(order.runtime, &Kind::of_order(&order)).await;
    }

    async fn release(&self, runtime: RuntimeId) {
        self.pool.release(runtime).await;
        self.networks().forget(runtime).await;
    }

    async fn permit(&self, runtime: RuntimeId, whitelist: &[IpNet]) -> Result<(), String> {
        self.networks().permit(runtime, whitelist).await
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
        stdout_bytes: 0,
        stderr_bytes: 0,
        process_limit_hit: false,
        wall: Duration::ZERO,
        cpu: Duration::ZERO,
        peak_memory_bytes: 0,
        warm: false,
    }
}
