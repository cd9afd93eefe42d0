//! What this node knows of its runtimes: kept in memory for evaluations, written through to the store.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::node_state::NodeRuntimeState;
use crate::error::Result;
use crate::id::{NodeId, RuntimeId};
use crate::ports::Store;

type States = HashMap<RuntimeId, watch::Sender<Option<NodeRuntimeState>>>;

/// The state of every runtime on this node.
pub struct NodeRuntimes {
    node: NodeId,
    store: Arc<dyn Store>,
    states: Mutex<States>,
}

impl NodeRuntimes {
    /// Reads what this node reported before it ended last time.
    pub async fn load(node: NodeId, store: Arc<dyn Store>) -> Result<Self> {
        let own = store.node_states().await?.into_iter().filter(|state| state.node == node);
        let states = own.map(|state| (state.runtime, watch::Sender::new(Some(state)))).collect();
        Ok(Self { node, store, states: Mutex::new(states) })
    }

    /// The node.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// What this node says of a runtime; `None` if nothing yet.
    pub fn get(&self, runtime: RuntimeId) -> Option<NodeRuntimeState> {
        self.lock().get(&runtime).and_then(|sender| sender.borrow().clone())
    }

    /// Follows what this node says of a runtime.
    /// The channel closes when the runtime is forgotten.
    pub(crate) fn watch(&self, runtime: RuntimeId) -> watch::Receiver<Option<NodeRuntimeState>> {
        self.lock().entry(runtime).or_insert_with(|| watch::Sender::new(None)).subscribe()
    }

    /// Says something new of a runtime: to the store first, then to whoever waits.
    pub(super) async fn report(&self, state: NodeRuntimeState) -> Result<()> {
        self.store.put_node_state(&state).await?;
        let sender = self.lock().entry(state.runtime).or_insert_with(|| watch::Sender::new(None)).clone();
        sender.send_replace(Some(state));
        Ok(())
    }

    /// Forgets every runtime that is not in `known`, and returns those.
    pub(super) fn retain(&self, known: &BTreeSet<RuntimeId>) -> Vec<RuntimeId> {
        let mut states = self.lock();
        let gone: Vec<_> = states.keys().filter(|id| !known.contains(id)).copied().collect();
        for id in &gone {
            states.remove(id);
        }
        gone
    }

    /// Every runtime that this node says something of.
    pub(crate) fn known(&self) -> Vec<RuntimeId> {
        self.lock().keys().copied().collect()
    }

    /// Content addresses of the environments in service.
    pub(super) fn environments(&self) -> BTreeSet<String> {
        let states = self.lock();
        let serving = states.values().filter_map(|sender| sender.borrow().as_ref()?.serving.clone());
        serving.map(|serving| serving.environment).collect()
    }

    fn lock(&self) -> MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
