//! What a node reports of a runtime.

use serde::{Deserialize, Serialize};

use super::package::PackageReport;
use super::version::PythonVersion;
use crate::id::{BuildId, NodeId, RuntimeId};
use crate::time::Timestamp;

/// How far a node is with what the definition asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncState {
    /// At it.
    Building,
    /// In step.
    Ready,
    /// A package or the interpreter could not be provided.
    Failed,
}

/// The environment that a node runs evaluations in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// Content address of the environment; what an [`crate::ports::Environments`] understands.
    pub environment: String,
    /// The interpreter it belongs to.
    pub python: PythonVersion,
    /// Whether every package of its definition is in it.
    pub complete: bool,
}

/// What one node says about one runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRuntimeState {
    /// The node.
    pub node: NodeId,
    /// The runtime.
    pub runtime: RuntimeId,
    /// The build that `state` and `packages` speak of.
    pub build: BuildId,
    /// How far it is.
    pub state: SyncState,
    /// What became of each package of that build.
    pub packages: Vec<PackageReport>,
    /// Why the state is [`SyncState::Failed`], where it is not a package's fault.
    pub fault: Option<String>,
    /// What evaluations run in meanwhile; `None` if there never was anything.
    pub serving: Option<Serving>,
    /// Whether the node has taken the runtime out of service because an operator stopped it.
    pub stopped: bool,
    /// When the node said so.
    pub updated: Timestamp,
}
