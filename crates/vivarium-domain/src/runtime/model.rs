//! A runtime as the server keeps it, and as a caller sees it.

use super::definition::RuntimeDefinition;
use super::package::PackageState;
use super::status::RuntimeStatus;
use crate::access::{Acl, Rights, Trustee};
use crate::id::{BuildId, RevisionId, RuntimeId, UserId};
use crate::ports::PoolState;
use crate::time::Timestamp;

/// Id of the runtime that every server has.
pub const DEFAULT_RUNTIME_ID: RuntimeId = RuntimeId::from_u128(0x0F35_652C_A7D0_4197_8BF0_CBCB_6753_1203);

/// Name of the runtime that every server has.
pub const DEFAULT_RUNTIME_NAME: &str = "(Default) Vivarium";

/// A runtime as the store keeps it: one definition in its newest revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Runtime {
    /// Its id.
    pub id: RuntimeId,
    /// The revision; each save that changes something makes a new one.
    pub revision: RevisionId,
    /// What nodes have to have built.
    pub build: BuildId,
    /// What the administrator decided.
    pub definition: RuntimeDefinition,
    /// Whether an operator stopped it: it then holds no processes and refuses evaluations.
    pub stopped: bool,
    /// Who owns it.
    pub owner: UserId,
    /// Who may do what with it.
    pub acl: Acl,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
}

/// A runtime as one caller sees it, with its state over all nodes.
#[derive(Debug, Clone)]
pub struct RuntimeView {
    /// The runtime.
    pub runtime: Runtime,
    /// What the caller may do with it.
    pub rights: Rights,
    /// Its owner's name.
    pub owner_name: String,
    /// Everyone its access list is about, in the order of the list.
    pub trustees: Vec<Trustee>,
    /// Its packages in the order of the definition.
    pub packages: Vec<PackageState>,
    /// Its state over all nodes.
    pub status: RuntimeStatus,
    /// Whether it is in service: not stopped, and some live node has an environment for it.
    pub running: bool,
    /// Whether its nodes are in step.
    pub synchronization: Synchronization,
    /// Layers of isolation that its instances do without on some live node, because the operator allows it; by name.
    pub missing_layers: Vec<String>,
}

/// The instances of a runtime on the node that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimePool {
    /// What is parked, and what became of it.
    pub state: PoolState,
    /// Evaluations that wait for their turn.
    pub queued: usize,
}

/// Whether the nodes of a runtime are in step with its definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Synchronization {
    /// All of them are.
    InStep,
    /// Some node is at it, or none has reported yet.
    InProgress,
    /// Some nodes failed.
    Failed(Vec<NodeFault>),
}

/// Why a node failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFault {
    /// Name of the node.
    pub node: String,
    /// What it says.
    pub message: String,
}
