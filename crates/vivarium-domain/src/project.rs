//! Projects: the containers that the Strategy dialect selects with `X-MSTR-ProjectID`.

use std::sync::Arc;

use crate::access::Caller;
use crate::error::{Error, Result};
use crate::id::ProjectId;
use crate::name::Name;
use crate::ports::{Store, StoreError};
use crate::time::{SharedClock, Timestamp};

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

/// The use cases of projects.
pub struct Projects {
    store: Arc<dyn Store>,
    clock: SharedClock,
}

impl Projects {
    /// The use cases over `store`.
    pub fn new(store: Arc<dyn Store>, clock: SharedClock) -> Self {
        Self { store, clock }
    }

    /// Makes the projects that are not there yet. None is ever removed: objects may live in it.
    pub async fn ensure(&self, names: &[Name]) -> Result<()> {
        let known: Vec<_> = self.store.projects().await?.iter().map(|project| project.name.key()).collect();
        for name in names.iter().filter(|name| !known.contains(&name.key())) {
            let now = self.clock.now();
            let project = Project {
                id: ProjectId::random(),
                name: name.clone(),
                description: String::new(),
                created: now,
                modified: now,
            };
            match self.store.insert_project(&project).await {
                // Listed twice, or another node of the farm was quicker.
                Ok(()) | Err(StoreError::NameTaken) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// All projects, the oldest first.
    pub async fn list(&self, _caller: &Caller) -> Result<Vec<Project>> {
        Ok(self.store.projects().await?)
    }

    /// A project by id.
    pub async fn get(&self, caller: &Caller, id: ProjectId) -> Result<Project> {
        let found = self.list(caller).await?.into_iter().find(|project| project.id == id);
        found.ok_or_else(|| Error::not_found(format!("there is no project `{id}`")))
    }
}
