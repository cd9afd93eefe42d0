//! A store in memory with the behaviour that the ports ask for.

mod accounts;
mod evaluations;
mod nodes;
mod projects;
mod runtimes;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;
use vivarium_domain::account::{Token, TokenHash, User};
use vivarium_domain::evaluation::Evaluation;
use vivarium_domain::id::{EvaluationId, NodeId, RuntimeId, UserId};
use vivarium_domain::node::Node;
use vivarium_domain::ports::{Store, StoreError, StoreResult};
use vivarium_domain::project::Project;
use vivarium_domain::runtime::{NodeRuntimeState, Runtime};

/// Everything in maps, behind one lock. Nothing outlives the value.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
    broken: AtomicBool,
    slow: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Tables {
    users: BTreeMap<UserId, User>,
    tokens: HashMap<TokenHash, Token>,
    projects: Vec<Project>,
    runtimes: BTreeMap<RuntimeId, Runtime>,
    nodes: BTreeMap<NodeId, Node>,
    node_states: BTreeMap<(RuntimeId, NodeId), NodeRuntimeState>,
    evaluations: BTreeMap<EvaluationId, Evaluation>,
    cancel_requests: BTreeSet<EvaluationId>,
}

impl MemoryStore {
    /// An empty store to share.
    pub fn shared() -> Arc<Self> {
        Arc::default()
    }

    /// Makes every operation fail from now on, as if the database were gone; or work again.
    pub fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    /// Makes new evaluations wait on their way into the store, as if the database were slow; or lets them in.
    pub fn set_slow(&self, slow: bool) {
        self.slow.send_replace(slow);
    }

    async fn wait_while_slow(&self) {
        // The sender lives as long as `self`, so the wait ends only when it is told to.
        let _ = self.slow.subscribe().wait_for(|slow| !slow).await;
    }

    fn tables(&self) -> StoreResult<MutexGuard<'_, Tables>> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError::Database("the test broke the store".into()));
        }
        Ok(self.tables.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn ping(&self) -> StoreResult<()> {
        self.tables().map(|_| ())
    }
}
