//! What has to happen to evaluations beside running them: recovery, cancellation from elsewhere, retention, the end.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::accounting::count;
use super::evaluations::Evaluations;
use super::model::{Evaluation, EvaluationState, ExitReason};
use crate::error::Result;
use crate::id::NodeId;
use crate::ports::StoreError;

/// How often cancellations asked for on other nodes are looked for.
const CANCEL_POLL: Duration = Duration::from_secs(1);

/// How often old records are removed and evaluations of dead nodes are closed: every so many looks.
const LOOKS_BETWEEN_SWEEPS: u32 = 30;

impl Evaluations {
    /// Closes what this node was at when it ended without notice. To be called before it accepts anything.
    pub async fn recover(&self) -> Result<usize> {
        self.close_evaluations_of(self.parts.node_runtimes.node(), "the server restarted").await
    }

    /// Looks after evaluations until `shutdown`.
    pub async fn run_housekeeping(&self, shutdown: CancellationToken) {
        let mut look = 0;
        loop {
            let work = if look == 0 { self.sweep().await } else { Ok(()) };
            for result in [work, self.obey_cancel_requests().await] {
                if let Err(error) = result {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "cannot look after evaluations; trying again"
                    );
                }
            }
            look = (look + 1) % LOOKS_BETWEEN_SWEEPS;
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(CANCEL_POLL) => {}
            }
        }
    }

    /// Accepts nothing more, lets what is under way end within the grace time, then ends the rest.
    pub async fn shut_down(&self) {
        self.closing.cancel();
        self.tasks.close();
        if tokio::time::timeout(self.parts.settings.grace, self.tasks.wait()).await.is_ok() {
            return;
        }
        loop {
            for live in self.live.of(None) {
                live.cancel("the server was stopped");
            }
            // Again and again: one that was just being accepted may have come after the last look.
            if tokio::time::timeout(CANCEL_POLL, self.tasks.wait()).await.is_ok() {
                return;
            }
        }
    }

    async fn obey_cancel_requests(&self) -> Result<()> {
        for id in self.parts.store.cancel_requests(self.parts.node_runtimes.node()).await? {
            if let Some(live) = self.live.get(id) {
                live.cancel("cancelled through another node");
            }
        }
        Ok(())
    }

    async fn sweep(&self) -> Result<()> {
        let now = self.parts.clock.now();
        let own = self.parts.node_runtimes.node();
        for node in self.parts.store.nodes().await? {
            if node.id != own && !node.is_alive(now) {
                self.close_evaluations_of(node.id, &format!("the node `{}` went down", node.name)).await?;
            }
        }
        let removed = self.parts.store.prune_evaluations(self.parts.settings.retention, now).await?;
        if removed > 0 {
            tracing::debug!(removed, "removed old records of evaluations");
        }
        Ok(())
    }

    async fn close_evaluations_of(&self, node: NodeId, cause: &str) -> Result<usize> {
        let open = self.parts.store.open_evaluations(node).await?;
        let count = open.len();
        for record in open {
            self.close(record, cause).await?;
        }
        Ok(count)
    }

    async fn close(&self, mut record: Evaluation, cause: &str) -> Result<()> {
        let when = match record.state {
            EvaluationState::Initiated => "before this evaluation was seen to run",
            _ => "while this evaluation was running",
        };
        record.state = EvaluationState::Error;
        record.message = Some(format!("{cause} {when}"));
        record.usage.reason = Some(ExitReason::ServerRestarted);
        record.finished = Some(self.parts.clock.now());
        self.revoke(record.id).await?;
        match self.parts.store.update_evaluation(&record).await {
            Ok(()) => {
                count(&record);
                Ok(())
            }
            // It ended by itself at the last moment, or another node was quicker.
            Err(StoreError::Stale) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
