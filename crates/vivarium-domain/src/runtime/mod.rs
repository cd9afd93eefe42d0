//! Runtimes: named, versioned definitions of where Python code runs.

//mod change;
mod definition;
mod model;
mod node_state;
mod package;
//mod runtimes;
mod status;
//mod synchronizer;
mod version;
mod whitelist;

//pub use change::{PackageChange, ResourceChange, RuntimeChange, Surroundings};
pub use definition::{Resource, RuntimeDefinition};
pub use model::{DEFAULT_RUNTIME_ID, DEFAULT_RUNTIME_NAME, Runtime, RuntimeView};
pub use node_state::{NodeRuntimeState, Serving, SyncState};
pub use package::{PackageReport, PackageSpec, PackageState, PackageStatus};
//pub use runtimes::{RuntimeSettings, Runtimes};
pub use status::{RuntimeStatus, overall_status, package_statuses};
//pub use synchronizer::{NodeRuntimes, Synchronizer};
pub use version::PythonVersion;
pub use whitelist::parse_block;
