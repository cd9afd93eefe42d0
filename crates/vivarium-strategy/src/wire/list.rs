//! Wrapped lists.

use serde::Serialize;

use super::project::LoadedProject;
use super::runtime::RuntimeDocument;

/// All runtimes that the caller may browse.
#[derive(Debug, Serialize)]
pub(crate) struct RuntimeList {
    /// The runtimes, by name.
    pub(crate) runtimes: Vec<RuntimeDocument>,
}

/// Versions of the interpreters.
#[derive(Debug, Serialize)]
pub(crate) struct VersionList {
    /// The newest first.
    pub(crate) versions: Vec<String>,
}

/// Projects with their nodes.
#[derive(Debug, Serialize)]
pub(crate) struct ProjectList {
    /// The projects, the oldest first.
    pub(crate) projects: Vec<LoadedProject>,
}
