//! Nodes: server processes with a data directory of their own. Nodes that share a database form a farm.

use std::time::Duration;

use crate::id::NodeId;
use crate::time::Timestamp;

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
