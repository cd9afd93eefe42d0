//! Records of evaluations.

use std::collections::BTreeSet;

use async_trait::async_trait;
use vivarium_domain::evaluation::Evaluation;
use vivarium_domain::id::{EvaluationId, NodeId};
use vivarium_domain::ports::{EvaluationStore, Retention, StoreError, StoreResult};
use vivarium_domain::time::Timestamp;

use super::{MemoryStore, Tables};

fn kept(tables: &Tables, retention: Retention, now: Timestamp) -> BTreeSet<EvaluationId> {
    let oldest = now - retention.age;
    let mut ended: Vec<_> = tables.evaluations.values().filter(|record| record.state.is_final()).collect();
    ended.retain(|record| record.finished.is_none_or(|finished| finished >= oldest));
    ended.sort_by_key(|record| std::cmp::Reverse(record.finished));
    let count = usize::try_from(retention.count).unwrap_or(usize::MAX);
    ended.into_iter().take(count).map(|record| record.id).collect()
}

#[async_trait]
impl EvaluationStore for MemoryStore {
    async fn insert_evaluation(&self, evaluation: &Evaluation) -> StoreResult<()> {
        self.wait_while_slow().await;
        self.tables()?.evaluations.insert(evaluation.id, evaluation.clone());
        Ok(())
    }

    async fn update_evaluation(&self, evaluation: &Evaluation) -> StoreResult<()> {
        let mut tables = self.tables()?;
        let record = tables.evaluations.get_mut(&evaluation.id).filter(|record| !record.state.is_final());
        *record.ok_or(StoreError::Stale)? = evaluation.clone();
        Ok(())
    }

    async fn evaluation(&self, id: EvaluationId) -> StoreResult<Option<Evaluation>> {
        Ok(self.tables()?.evaluations.get(&id).cloned())
    }

    async fn request_cancel(&self, id: EvaluationId) -> StoreResult<bool> {
        let mut tables = self.tables()?;
        let open = tables.evaluations.get(&id).is_some_and(|record| !record.state.is_final());
        if open {
            tables.cancel_requests.insert(id);
        }
        Ok(open)
    }

    async fn cancel_requests(&self, node: NodeId) -> StoreResult<Vec<EvaluationId>> {
        let tables = self.tables()?;
        let open = |id: &&EvaluationId| {
            tables.evaluations.get(id).is_some_and(|record| record.node == node && !record.state.is_final())
        };
        Ok(tables.cancel_requests.iter().filter(open).copied().collect())
    }

    async fn open_evaluations(&self, node: NodeId) -> StoreResult<Vec<Evaluation>> {
        let tables = self.tables()?;
        let open = |record: &&Evaluation| record.node == node && !record.state.is_final();
        Ok(tables.evaluations.values().filter(open).cloned().collect())
    }

    async fn prune_evaluations(&self, retention: Retention, now: Timestamp) -> StoreResult<u64> {
        let mut tables = self.tables()?;
        let kept = kept(&tables, retention, now);
        let before = tables.evaluations.len();
        tables.evaluations.retain(|id, record| !record.state.is_final() || kept.contains(id));
        Ok((before - tables.evaluations.len()) as u64)
    }
}
