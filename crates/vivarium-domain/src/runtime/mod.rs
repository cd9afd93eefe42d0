//! Runtimes: named, versioned definitions of where Python code runs.

mod change;
mod definition;
mod model;
mod node_runtimes;
mod node_state;
mod operate;
mod package;
mod runtimes;
mod status;
mod synchronizer;
mod version;
mod view;
mod whitelist;

pub use change::{Capacity, PackageChange, ResourceChange, RuntimeChange, Surroundings};
pub use definition::{InstanceMode, Resource, RuntimeDefinition};
pub use model::{
    DEFAULT_RUNTIME_ID, DEFAULT_RUNTIME_NAME, NodeFault, Runtime, RuntimePool, RuntimeView, Synchronization,
};
pub use node_runtimes::NodeRuntimes;
pub use node_state::{NodeRuntimeState, Serving, SyncState};
pub use operate::{AclChange, AclOperation};
pub use package::{PackageReport, PackageSpec, PackageState, PackageStatus};
pub use runtimes::{RuntimeParts, RuntimeSettings, Runtimes};
pub(crate) use runtimes::{check_rights, not_found};
pub use status::{RuntimeStatus, overall_status, package_statuses};
pub use synchronizer::{Synchronizer, SynchronizerParts};
pub use version::PythonVersion;
pub(crate) use whitelist::UNENFORCED;
pub use whitelist::parse_block;
