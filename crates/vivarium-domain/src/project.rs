//! Projects: the containers that the Strategy dialect selects with `X-MSTR-ProjectID`.

use crate::id::ProjectId;
use crate::name::Name;
use crate::time::Timestamp;

/// Name of the project that every server has.
pub const DEFAULT_PROJECT_NAME: &str = "Vivarium";

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name, unique on the server.
    pub name: Name,
    /// What it is for.
    pub description: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
}
