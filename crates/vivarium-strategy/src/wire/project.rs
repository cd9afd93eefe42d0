//! Projects (contract 2.6).

use serde::Serialize;
use vivarium_domain::access::Caller;
use vivarium_domain::project::Project;

use super::access::Owner;
use super::date::date;
use super::object::built_in_rights;
use super::user::version_of;

/// Type code of projects.
pub(crate) const PROJECT_TYPE: u32 = 32;
/// Subtype code of projects.
pub(super) const PROJECT_SUBTYPE: u32 = 8192;
/// Every project here is always loaded.
const ACTIVE: i32 = 0;
const LOADED: &str = "loaded";

/// A project.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectDocument {
    id: String,
    name: String,
    alias: &'static str,
    description: String,
    status: i32,
    acg: u32,
    date_created: String,
    date_modified: String,
    owner: Owner,
}

/// A project with the nodes that serve it.
#[derive(Debug, Serialize)]
pub(crate) struct LoadedProject {
    id: String,
    name: String,
    alias: &'static str,
    description: String,
    status: &'static str,
    nodes: Vec<ProjectNode>,
}

/// A node that serves a project.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ProjectNode {
    name: String,
    status: &'static str,
}

/// The version of a project: its definition has no revisions, so what changes with a save is made of the time.
pub(super) fn version(project: &Project) -> String {
    version_of(project.id.0, project.modified)
}

impl ProjectDocument {
    /// A project as `caller` sees it.
    pub(crate) fn new(project: Project, caller: &Caller) -> Self {
        Self {
            id: project.id.to_string(),
            name: project.name.to_string(),
            alias: "",
            description: project.description,
            status: ACTIVE,
            acg: built_in_rights(caller).bits(),
            date_created: date(project.created),
            date_modified: date(project.modified),
            owner: Owner::administrator(),
        }
    }
}

impl LoadedProject {
    /// A project on `nodes`.
    pub(crate) fn new(project: Project, nodes: &[ProjectNode]) -> Self {
        Self {
            id: project.id.to_string(),
            name: project.name.to_string(),
            alias: "",
            description: project.description,
            status: LOADED,
            nodes: nodes.to_vec(),
        }
    }
}

impl ProjectNode {
    /// A node by name.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), status: LOADED }
    }
}
