//! Waiting for an evaluation, wherever it runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::emission::{Cursor, Emission, emissions};
use super::live::Live;
use super::model::{Evaluation, EvaluationState};
use crate::ports::Store;

/// How often the record of an evaluation that runs on another node is read.
const POLL: Duration = Duration::from_millis(250);

/// Follows one evaluation.
pub struct Watch {
    source: Source,
    seen_state: EvaluationState,
}

enum Source {
    /// It runs here.
    Live { live: Arc<Live>, changes: watch::Receiver<u64> },
    /// It has ended, or it runs on another node.
    Record { record: Box<Evaluation>, store: Arc<dyn Store> },
}

impl Watch {
    pub(super) fn live(live: Arc<Live>) -> Self {
        let changes = live.subscribe();
        let seen_state = live.read(|evaluation| evaluation.state);
        Self { source: Source::Live { live, changes }, seen_state }
    }

    pub(super) fn record(record: Evaluation, store: Arc<dyn Store>) -> Self {
        Self { seen_state: record.state, source: Source::Record { record: Box::new(record), store } }
    }

    /// The evaluation as it is now.
    pub fn evaluation(&mut self) -> Evaluation {
        let evaluation = match &mut self.source {
            Source::Live { live, changes } => {
                changes.mark_unchanged();
                live.snapshot()
            }
            Source::Record { record, .. } => record.as_ref().clone(),
        };
        self.seen_state = evaluation.state;
        evaluation
    }

    /// What came after `cursor`, and where that leads.
    pub fn emissions(&mut self, cursor: Cursor) -> (Vec<Emission>, Cursor) {
        match &mut self.source {
            Source::Live { live, changes } => {
                changes.mark_unchanged();
                live.read(|evaluation| emissions(evaluation, cursor))
            }
            Source::Record { record, .. } => emissions(record, cursor),
        }
    }

    /// Until output or state changed since it was last looked at; at once if it has ended.
    pub async fn changed(&mut self) {
        if self.state().is_final() {
            return;
        }
        match &mut self.source {
            // The sender lives as long as `live`, so an error cannot occur, and would only mean that nothing comes any more.
            Source::Live { changes, .. } => changes.changed().await.unwrap_or_default(),
            Source::Record { record, store } => reread(record, store.as_ref()).await,
        }
    }

    /// Until the state is another one than when it was last looked at.
    pub async fn state_changed(&mut self) {
        while self.state() == self.seen_state && !self.state().is_final() {
            self.changed().await;
        }
    }

    /// Until it has ended.
    pub async fn finished(&mut self) {
        while !self.state().is_final() {
            self.changed().await;
        }
    }

    fn state(&self) -> EvaluationState {
        match &self.source {
            Source::Live { live, .. } => live.read(|evaluation| evaluation.state),
            Source::Record { record, .. } => record.state,
        }
    }
}

/// Until the record says something else. A database that does not answer is asked again.
async fn reread(record: &mut Evaluation, store: &dyn Store) {
    loop {
        tokio::time::sleep(POLL).await;
        match store.evaluation(record.id).await {
            Ok(Some(fresh)) if fresh != *record => {
                *record = fresh;
                return;
            }
            Ok(Some(_)) => {}
            Ok(None) => {
                // Only ended evaluations are pruned, so this one has ended unseen.
                record.state = EvaluationState::Error;
                record.message = Some("the record of this evaluation has been removed".to_owned());
                return;
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot read an evaluation; trying again");
            }
        }
    }
}
