//! Interpreters, environments and instances of Python.
//!
//! [`PythonEnvironments`] finds interpreters and builds immutable directories of packages with uv;
//! [`PythonInstances`] runs each evaluation in a process of its own inside the sandbox.
//!
//! What is not here: runtimes and their revisions, users, HTTP. Nothing of a script is ever trusted: its output is
//! bytes with a limit, its result a checked frame, and no path that it could have made is looked at.

mod builds;
mod environments;
mod installer;
mod instances;
mod interpreters;
mod settings;
mod source;

pub use environments::{OpenError, PythonEnvironments};
pub use instances::PythonInstances;
pub use settings::{
    BuildSettings, DiscoverySettings, HostEnvironment, InstallerSettings, PoolSettings, PythonSettings, SourceLimits,
    ZygoteSettings,
};
