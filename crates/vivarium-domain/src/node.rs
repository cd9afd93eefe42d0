//! Nodes: server processes with a data directory of their own. Nodes that share a database form a farm.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::access::Caller;
use crate::error::{Error, Result};
use crate::id::NodeId;
use crate::ports::{Store, StoreError};
use crate::time::{SharedClock, Timestamp};

/// How often a node says that it lives.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);

/// A node that has been silent for longer than this counts as down.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);

/// A node as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id, kept in its data directory.
    pub id: NodeId,
    /// Its name, unique in the farm.
    pub name: String,
    /// Where it listens, as `host:port`.
    pub address: String,
    /// Version of the program it runs.
    pub version: String,
    /// Names of the layers of isolation that its operator has lowered and it does not have.
    pub missing_layers: Vec<String>,
    /// When this run of the process began.
    pub started: Timestamp,
    /// When it last said that it lives.
    pub heartbeat: Timestamp,
    /// Whether it left in an orderly way.
    pub stopped: bool,
}

impl Node {
    /// Whether it is up as far as anyone can know at `now`.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        !self.stopped && now.since(self.heartbeat) <= HEARTBEAT_TIMEOUT
    }
}

/// Who this node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSettings {
    /// Its id, kept in its data directory.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// Where it listens, as `host:port`.
    pub address: String,
    /// Version of the program.
    pub version: String,
    /// Names of the layers of isolation that the operator has lowered and this node does not have.
    pub missing_layers: Vec<String>,
}

/// The use cases of nodes, and this node's sign of life.
pub struct Nodes {
    store: Arc<dyn Store>,
    clock: SharedClock,
    own: NodeSettings,
}

impl Nodes {
    /// The use cases over `store`, on the node `own`.
    pub fn new(store: Arc<dyn Store>, clock: SharedClock, own: NodeSettings) -> Self {
        Self { store, clock, own }
    }

    /// Says that this node is there.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Conflict`] if another node has the name.
    pub async fn register(&self) -> Result<()> {
        let now = self.clock.now();
        let NodeSettings { id, name, address, version, missing_layers } = self.own.clone();
        let node = Node { id, name, address, version, missing_layers, started: now, heartbeat: now, stopped: false };
        match self.store.register_node(&node).await {
            Err(StoreError::NameTaken) => Err(Error::conflict(format!(
                "another node of this database has the name `{}`; choose another one",
                self.own.name
            ))),
            other => Ok(other?),
        }
    }

    /// Keeps saying so until `shutdown`, then says goodbye.
    pub async fn run(&self, shutdown: CancellationToken) {
        while tokio::time::timeout(HEARTBEAT_INTERVAL, shutdown.cancelled()).await.is_err() {
            let beat = match self.store.heartbeat(self.own.id, self.clock.now()).await {
                // Somebody removed this node although it lives.
                Err(StoreError::Stale) => self.register().await,
                other => other.map_err(Error::from),
            };
            if let Err(error) = beat {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "cannot report that this node lives; trying again"
                );
            }
        }
        if let Err(error) = self.store.mark_node_stopped(self.own.id, self.clock.now()).await {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot report that this node stops");
        }
    }

    /// All nodes by name, each with whether it is up.
    pub async fn list(&self, _caller: &Caller) -> Result<Vec<(Node, bool)>> {
        let now = self.clock.now();
        let nodes = self.store.nodes().await?;
        Ok(nodes.into_iter().map(|node| (node.is_alive(now), node)).map(|(alive, node)| (node, alive)).collect())
    }

    /// Who this node is.
    pub fn own(&self) -> &NodeSettings {
        &self.own
    }
}
