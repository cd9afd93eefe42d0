//! Nodes, and what they report of runtimes.

use async_trait::async_trait;
use vivarium_domain::id::{NodeId, RuntimeId};
use vivarium_domain::node::Node;
use vivarium_domain::ports::{NodeStore, StoreError, StoreResult};
use vivarium_domain::runtime::NodeRuntimeState;
use vivarium_domain::time::Timestamp;

use super::MemoryStore;

#[async_trait]
impl NodeStore for MemoryStore {
    async fn register_node(&self, node: &Node) -> StoreResult<()> {
        let mut tables = self.tables()?;
        if tables.nodes.values().any(|other| other.id != node.id && other.name == node.name) {
            return Err(StoreError::NameTaken);
        }
        tables.nodes.insert(node.id, node.clone());
        Ok(())
    }

    async fn heartbeat(&self, id: NodeId, now: Timestamp) -> StoreResult<()> {
        let mut tables = self.tables()?;
        let node = tables.nodes.get_mut(&id).ok_or(StoreError::Stale)?;
        node.heartbeat = now;
        node.stopped = false;
        Ok(())
    }

    async fn mark_node_stopped(&self, id: NodeId, now: Timestamp) -> StoreResult<()> {
        if let Some(node) = self.tables()?.nodes.get_mut(&id) {
            node.heartbeat = now;
            node.stopped = true;
        }
        Ok(())
    }

    async fn nodes(&self) -> StoreResult<Vec<Node>> {
        let mut nodes: Vec<_> = self.tables()?.nodes.values().cloned().collect();
        nodes.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(nodes)
    }

    async fn put_node_state(&self, state: &NodeRuntimeState) -> StoreResult<()> {
        let mut tables = self.tables()?;
        if tables.runtimes.contains_key(&state.runtime) {
            tables.node_states.insert((state.runtime, state.node), state.clone());
        }
        Ok(())
    }

    async fn node_states(&self) -> StoreResult<Vec<NodeRuntimeState>> {
        Ok(self.tables()?.node_states.values().cloned().collect())
    }

    async fn node_states_of(&self, runtime: RuntimeId) -> StoreResult<Vec<NodeRuntimeState>> {
        let tables = self.tables()?;
        Ok(tables.node_states.values().filter(|state| state.runtime == runtime).cloned().collect())
    }
}
