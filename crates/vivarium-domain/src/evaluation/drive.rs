//! The way of an accepted evaluation: environment, turn, instance, record.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::accounting::count;
use super::ending::{Verdict, cut_mark, reason, verdict};
use super::evaluations::Evaluations;
use super::live::Live;
use super::model::{Evaluation, EvaluationState, ExitReason};
use super::start::{Accepted, no_environment};
use crate::ports::{InstanceEvent, InstanceLimits, Predefined, RunOutcome, RunRequest, Store, StoreError};
use crate::runtime::{Runtime, Serving, SyncState};

/// How often the output of a running evaluation is saved, so that it outlives a killed server.
const CHECKPOINT: Duration = Duration::from_secs(1);

/// When that it runs is saved first. Most have ended by then, and are written once.
const FIRST_CHECKPOINT: Duration = Duration::from_millis(100);

/// How often, and with which pause, the end of an evaluation is written again when the database fails.
const WRITE_ATTEMPTS: u32 = 10;
const WRITE_PAUSE: Duration = Duration::from_secs(1);

impl Evaluations {
    /// Takes an accepted evaluation to its end.
    pub(super) async fn drive(self: Arc<Self>, accepted: Accepted) {
        let Accepted { live, id, runtime, source, variables, place } = accepted;
        let ended = tokio::select! {
            // What is ready to run and cancelled at once does not run.
            biased;
            () = live.cancelled().cancelled() => Err(Verdict::cancelled(live.cancel_reason().unwrap_or_default())),
            turn = self.wait_for_turn(&runtime) => turn,
        };
        let verdict = match ended {
            Err(verdict) => verdict,
            Ok((serving, pass)) => {
                let request = RunRequest {
                    evaluation: id,
                    runtime: runtime.id,
                    serving,
                    mode: runtime.definition.instance_mode,
                    source,
                    variables,
                    predefined: Predefined::default(),
                    limits: self.limits(&runtime),
                };
                let verdict = self.run_introduced(&live, request).await;
                drop(pass);
                verdict
            }
        };
        self.finish(&live, verdict).await;
        self.live.remove(id);
        drop(place);
    }

    /// Waits for an environment, then for a place among the running ones.
    async fn wait_for_turn(&self, runtime: &Runtime) -> Result<(Serving, super::gate::Pass), Verdict> {
        self.wait_for_environment(runtime).await?;
        let pass = self.gate.enter(runtime.id).await;
        // A better environment may have come meanwhile.
        let serving = self.wait_for_environment(runtime).await?;
        Ok((serving, pass))
    }

    async fn wait_for_environment(&self, runtime: &Runtime) -> Result<Serving, Verdict> {
        let mut states = self.parts.node_runtimes.watch(runtime.id);
        loop {
            if let Some(state) = states.borrow_and_update().as_ref() {
                match &state.serving {
                    Some(serving) => return Ok(serving.clone()),
                    None if state.state == SyncState::Failed && state.build == runtime.build => {
                        return Err(Verdict::error(no_environment(runtime, state.fault.as_deref())));
                    }
                    None => {}
                }
            }
            if states.changed().await.is_err() {
                return Err(Verdict::cancelled(format!("the runtime `{}` was deleted", runtime.definition.name)));
            }
        }
    }

    fn limits(&self, runtime: &Runtime) -> InstanceLimits {
        InstanceLimits {
            resource: runtime.definition.resource,
            time: Duration::from_secs(runtime.definition.time_limit_seconds.into()),
            output_bytes: self.parts.settings.output_bytes,
            result_bytes: self.parts.settings.result_bytes,
        }
    }

    /// The script can act for its user as long as it runs.
    async fn run_introduced(&self, live: &Arc<Live>, mut request: RunRequest) -> Verdict {
        let (id, user) = live.read(|evaluation| (evaluation.id, evaluation.user));
        request.predefined = match self.introduce(id, user, request.limits.time).await {
            Ok(predefined) => predefined,
            Err(verdict) => return verdict,
        };
        let verdict = self.run(live, request).await;
        self.forget_identity(id).await;
        verdict
    }

    async fn run(&self, live: &Arc<Live>, request: RunRequest) -> Verdict {
        let limits = request.limits.clone();
        let (sender, events) = mpsc::unbounded_channel();
        let instance = self.parts.instances.run(request, sender, live.cancelled().clone());
        let (outcome, ()) = tokio::join!(instance, self.follow(live, events));
        note_usage(live, &outcome);
        mark_cuts(live, &outcome, limits.output_bytes);
        verdict(&outcome, &limits, live.cancel_reason())
    }

    /// Puts what happens into the record, until the instance is gone.
    async fn follow(&self, live: &Arc<Live>, mut events: mpsc::UnboundedReceiver<InstanceEvent>) {
        let mut saving: Option<JoinHandle<()>> = None;
        let mut checkpoint = tokio::time::interval(CHECKPOINT);
        let mut unsaved = false;
        checkpoint.reset();
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    None => break,
                    Some(InstanceEvent::Started) => {
                        let now = self.parts.clock.now();
                        live.change(|evaluation| start(evaluation, now));
                        unsaved = true;
                        checkpoint.reset_after(FIRST_CHECKPOINT);
                    }
                    Some(InstanceEvent::Stdout(bytes)) => {
                        live.change(|evaluation| evaluation.stdout.extend(bytes));
                        unsaved = true;
                    }
                    Some(InstanceEvent::Stderr(bytes)) => {
                        live.change(|evaluation| evaluation.stderr.extend(bytes));
                        unsaved = true;
                    }
                },
                _ = checkpoint.tick(), if unsaved => {
                    saving = Some(self.save_in_background(live, saving));
                    unsaved = false;
                }
            }
        }
        if let Some(saving) = saving {
            join(saving).await;
        }
    }

    /// Writes the record as it is now, after the write before it.
    fn save_in_background(&self, live: &Arc<Live>, previous: Option<JoinHandle<()>>) -> JoinHandle<()> {
        let (live, store) = (live.clone(), self.parts.store.clone());
        tokio::spawn(async move {
            if let Some(previous) = previous {
                join(previous).await;
            }
            if !live.is_recorded().await {
                return;
            }
            if let Err(error) = store.update_evaluation(&live.snapshot()).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot save a running evaluation");
            }
        })
    }

    /// Writes the end down, and only then tells it.
    async fn finish(&self, live: &Live, verdict: Verdict) {
        let mut record = live.snapshot();
        record.state = verdict.state;
        record.message = verdict.message;
        record.output = verdict.output;
        // Without an instance it was cancelled while it waited, or could not start.
        record.usage.reason.get_or_insert(match record.state {
            EvaluationState::Cancelled => ExitReason::Cancelled,
            _ => ExitReason::NotStarted,
        });
        record.finished = Some(self.parts.clock.now());
        let written = live.offer_end(&record);
        if !live.is_recorded().await {
            // Nobody was told that it was accepted.
            return;
        }
        if written || write_end(self.parts.store.as_ref(), &record).await {
            count(&record);
        }
        live.change(|evaluation| *evaluation = record);
    }
}

fn start(evaluation: &mut Evaluation, now: crate::time::Timestamp) {
    evaluation.state = EvaluationState::Running;
    evaluation.started = Some(now);
    evaluation.usage.queued_micros = micros(now.since(evaluation.created));
}

fn note_usage(live: &Live, outcome: &RunOutcome) {
    live.change(|evaluation| {
        evaluation.usage.wall_micros = micros(outcome.wall);
        evaluation.usage.cpu_micros = micros(outcome.cpu);
        evaluation.usage.peak_memory_bytes = outcome.peak_memory_bytes;
        evaluation.usage.warm = outcome.warm;
        evaluation.usage.stdout_bytes = outcome.stdout_bytes;
        evaluation.usage.stderr_bytes = outcome.stderr_bytes;
        evaluation.usage.reason = Some(reason(&outcome.ending));
    });
}

fn mark_cuts(live: &Live, outcome: &RunOutcome, limit: usize) {
    live.change(|evaluation| {
        if outcome.stdout_cut {
            evaluation.stdout.extend(cut_mark(limit));
        }
        if outcome.stderr_cut {
            evaluation.stderr.extend(cut_mark(limit));
        }
    });
}

/// A database that is away for a moment does not lose a result. Whether it is the end that the store knows.
async fn write_end(store: &dyn Store, record: &Evaluation) -> bool {
    for attempt in 1..=WRITE_ATTEMPTS {
        match store.update_evaluation(record).await {
            Ok(()) => return true,
            Err(StoreError::Stale) => {
                tracing::warn!(evaluation = %record.id, "another node has closed this evaluation, or it was removed");
                return false;
            }
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                attempt,
                "cannot save the end of an evaluation"
            ),
        }
        tokio::time::sleep(WRITE_PAUSE).await;
    }
    false
}

async fn join(task: JoinHandle<()>) {
    if let Err(error) = task.await {
        tracing::error!(%error, "saving a running evaluation panicked");
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
