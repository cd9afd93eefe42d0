//! Interpreters, environments and instances of Python.

mod environments;
mod installer;
mod interpreters;
mod settings;
mod source;

pub use environments::{OpenError, PythonEnvironments};
pub use settings::{BuildSettings, DiscoverySettings, HostEnvironment, InstallerSettings, PythonSettings};
