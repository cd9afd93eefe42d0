//! Interpreters, environments and instances of Python.

mod environments;
mod installer;
mod interpreters;
mod settings;

pub use environments::{OpenError, PythonEnvironments};
pub use settings::{BuildSettings, DiscoverySettings, HostEnvironment, InstallerSettings, PythonSettings};
