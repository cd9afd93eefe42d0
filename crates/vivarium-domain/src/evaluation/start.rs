//! Accepting an evaluation.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::evaluations::Evaluations;
use super::live::Live;
use super::model::{Evaluation, EvaluationState, Usage};
use super::recent::Reading;
use super::variable::{GivenVariable, bind};
use crate::access::{Caller, Privilege, Rights};
use crate::error::{Error, FieldError, Result};
use crate::evaluation::BoundVariable;
use crate::id::{EvaluationId, RuntimeId};
use crate::runtime::{DEFAULT_RUNTIME_ID, Runtime, SyncState, UNENFORCED, check_rights, not_found};

/// When a client that was refused for want of a place should try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What ends within this time, while its caller waits for the end, is written to the store once.
const WRITTEN_ONCE: Duration = Duration::from_millis(10);

/// Code to run.
#[derive(Debug, Clone, PartialEq)]
pub struct StartEvaluation {
    /// The runtime; `None` means the default one.
    pub runtime: Option<RuntimeId>,
    /// The source text, with `$name` for each variable.
    pub source: String,
    /// The variables with their values.
    pub variables: Vec<GivenVariable>,
    /// Whether the caller waits for the end. Then nobody needs to know that it was accepted if it ends at once.
    pub waits: bool,
}

/// An accepted evaluation on its way to an instance.
pub(super) struct Accepted {
    pub(super) live: Arc<Live>,
    pub(super) id: EvaluationId,
    pub(super) runtime: Runtime,
    pub(super) source: String,
    pub(super) variables: Vec<BoundVariable>,
    /// Held until it has ended.
    pub(super) place: OwnedSemaphorePermit,
}

impl Evaluations {
    /// Accepts code to run. Its record is durable when this returns; the run may have begun before.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidInput`] naming every faulty field, [`crate::ErrorKind::NotFound`] and
    /// [`crate::ErrorKind::MissingPermission`] for the runtime, [`crate::ErrorKind::Conflict`] if it is stopped or has no
    /// environment, [`crate::ErrorKind::TooManyRequests`] if the queue is full.
    pub async fn start(self: &Arc<Self>, caller: &Caller, request: StartEvaluation) -> Result<EvaluationId> {
        caller.require(Privilege::ExecuteScripts)?;
        let StartEvaluation { runtime, source, variables, waits } = request;
        let variables = self.check(&source, &variables)?;
        // Before the end of the server is looked for: it waits for whoever was not refused.
        let _counted = self.tasks.token();
        let place = self.take_place()?;
        let runtime_id = runtime.unwrap_or(DEFAULT_RUNTIME_ID);
        let live = Arc::new(Live::new(self.fresh_record(caller, runtime_id)));
        let id = live.read(|evaluation| evaluation.id);
        // Before the runtime is read: whoever stops or deletes it writes first and ends what is under way then,
        // so this evaluation either sees the change or is ended by it.
        self.live.add(id, runtime_id, live.clone());
        let accepted = match self.accept(caller, &live, runtime_id).await {
            Ok(runtime) => {
                self.record(Accepted { live: live.clone(), id, runtime, source, variables, place }, waits).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = accepted {
            self.live.remove(id);
            live.change(|evaluation| evaluation.state = EvaluationState::Cancelled);
            return Err(error);
        }
        Ok(id)
    }

    async fn accept(&self, caller: &Caller, live: &Live, runtime_id: RuntimeId) -> Result<Runtime> {
        loop {
            let reading = self.recent.begin();
            let runtime = self.runtime(runtime_id, reading).await?;
            check_rights(caller, &runtime, Rights::EXECUTE)?;
            self.check_service(&runtime)?;
            self.permit(&runtime).await?;
            // A list that was shrunk meanwhile must not stay as it was read here.
            if self.recent.is_current(reading) {
                live.change(|evaluation| evaluation.revision = runtime.revision);
                return Ok(runtime);
            }
        }
    }

    async fn runtime(&self, id: RuntimeId, reading: Reading) -> Result<Runtime> {
        if let Some(runtime) = self.recent.get(id) {
            return Ok(runtime);
        }
        let runtime = self.parts.store.runtime(id).await?.ok_or_else(|| not_found(id))?;
        self.recent.keep(reading, id, runtime.clone());
        Ok(runtime)
    }

    /// The run goes on while the record is on its way to the disk: a caller who waits for the result does not wait for
    /// the one after the other. Beside the request, so that one that is broken off leaves nothing half done. A record
    /// that cannot be written ends the run.
    async fn record(self: &Arc<Self>, accepted: Accepted, waits: bool) -> Result<()> {
        let (store, live) = (self.parts.store.clone(), accepted.live.clone());
        let patience = if waits { WRITTEN_ONCE } else { Duration::ZERO };
        let recording = self.tasks.spawn(async move {
            let record = live.first_record(patience).await;
            let recorded = store.insert_evaluation(&record).await;
            if recorded.is_err() {
                live.cancel("the evaluation could not be recorded");
            }
            live.note_recorded(recorded.is_ok());
            recorded
        });
        self.tasks.spawn(self.clone().drive(accepted));
        recording.await.map_err(Error::internal)??;
        Ok(())
    }

    /// Has the whitelist as it is now enforced, for what runs already too.
    pub(crate) async fn permit(&self, runtime: &Runtime) -> Result<()> {
        let enforced = self.parts.instances.permit(runtime.id, &runtime.definition.whitelist).await;
        enforced.map_err(|reason| {
            Error::conflict(format!("the runtime `{}` cannot run: {UNENFORCED}{reason}", runtime.definition.name))
        })
    }

    fn check(&self, source: &str, variables: &[GivenVariable]) -> Result<Vec<BoundVariable>> {
        let mut faults = Vec::new();
        let most = self.parts.settings.source_bytes;
        if source.len() > most {
            faults.push(FieldError::new(
                "scriptContent",
                format!("must have at most {most} bytes, not {}", source.len()),
            ));
        }
        match bind(variables) {
            Ok(bound) if faults.is_empty() => Ok(bound),
            Ok(_) => Err(Error::invalid_fields(faults)),
            Err(more) => Err(Error::invalid_fields(faults.into_iter().chain(more).collect())),
        }
    }

    fn take_place(&self) -> Result<OwnedSemaphorePermit> {
        if self.closing.is_cancelled() {
            return Err(Error::unavailable("the server is stopping", "stopping"));
        }
        let full = |_| Error::too_many("too many evaluations are waiting on this server; try again later", RETRY_AFTER);
        self.places.clone().try_acquire_owned().map_err(full)
    }

    fn check_service(&self, runtime: &Runtime) -> Result<()> {
        let name = &runtime.definition.name;
        if runtime.stopped {
            return Err(Error::conflict(format!("the runtime `{name}` is stopped; start it first")));
        }
        let state = self.parts.node_runtimes.get(runtime.id);
        match state
            .filter(|state| state.state == SyncState::Failed && state.serving.is_none() && state.build == runtime.build)
        {
            Some(state) => Err(Error::conflict(no_environment(runtime, state.fault.as_deref()))),
            None => Ok(()),
        }
    }

    fn fresh_record(&self, caller: &Caller, runtime: RuntimeId) -> Evaluation {
        Evaluation {
            id: EvaluationId::random(),
            user: caller.id(),
            runtime,
            revision: crate::id::RevisionId::from_u128(0),
            node: self.parts.node_runtimes.node(),
            state: EvaluationState::Initiated,
            message: None,
            stdout: Vec::new(),
            stderr: Vec::new(),
            output: None,
            usage: Usage::default(),
            created: self.parts.clock.now(),
            started: None,
            finished: None,
        }
    }
}

/// Why nothing can run in `runtime`.
pub(super) fn no_environment(runtime: &Runtime, fault: Option<&str>) -> String {
    let reason = fault.unwrap_or("its packages could not be provided");
    format!("the runtime `{}` has no environment: {reason}", runtime.definition.name)
}
