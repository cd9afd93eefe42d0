//! Runtimes.

use async_trait::async_trait;
use vivarium_domain::id::{RevisionId, RuntimeId};
use vivarium_domain::ports::{RuntimeStore, StoreError, StoreResult};
use vivarium_domain::runtime::Runtime;

use super::{MemoryStore, Tables};

fn name_is_taken(tables: &Tables, runtime: &Runtime) -> bool {
    let key = runtime.definition.name.key();
    tables.runtimes.values().any(|other| other.id != runtime.id && other.definition.name.key() == key)
}

#[async_trait]
impl RuntimeStore for MemoryStore {
    async fn insert_runtime(&self, runtime: &Runtime) -> StoreResult<()> {
        let mut tables = self.tables()?;
        if name_is_taken(&tables, runtime) {
            return Err(StoreError::NameTaken);
        }
        tables.runtimes.insert(runtime.id, runtime.clone());
        Ok(())
    }

    async fn update_runtime(&self, runtime: &Runtime, expected: RevisionId) -> StoreResult<()> {
        let mut tables = self.tables()?;
        if name_is_taken(&tables, runtime) {
            return Err(StoreError::NameTaken);
        }
        let current = tables.runtimes.get_mut(&runtime.id).filter(|current| current.revision == expected);
        *current.ok_or(StoreError::Stale)? = runtime.clone();
        Ok(())
    }

    async fn delete_runtime(&self, id: RuntimeId) -> StoreResult<bool> {
        let mut tables = self.tables()?;
        tables.node_states.retain(|(runtime, _), _| *runtime != id);
        Ok(tables.runtimes.remove(&id).is_some())
    }

    async fn runtime(&self, id: RuntimeId) -> StoreResult<Option<Runtime>> {
        Ok(self.tables()?.runtimes.get(&id).cloned())
    }

    async fn runtime_by_name_key(&self, key: &str) -> StoreResult<Option<Runtime>> {
        Ok(self.tables()?.runtimes.values().find(|runtime| runtime.definition.name.key() == key).cloned())
    }

    async fn runtimes(&self) -> StoreResult<Vec<Runtime>> {
        let mut runtimes: Vec<_> = self.tables()?.runtimes.values().cloned().collect();
        runtimes.sort_by_key(|runtime| runtime.definition.name.key());
        Ok(runtimes)
    }
}
