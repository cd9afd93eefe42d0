//! Projects.

use async_trait::async_trait;
use vivarium_domain::ports::{ProjectStore, StoreError, StoreResult};
use vivarium_domain::project::Project;

use super::MemoryStore;

#[async_trait]
impl ProjectStore for MemoryStore {
    async fn insert_project(&self, project: &Project) -> StoreResult<()> {
        let mut tables = self.tables()?;
        if tables.projects.iter().any(|other| other.name.key() == project.name.key()) {
            return Err(StoreError::NameTaken);
        }
        tables.projects.push(project.clone());
        Ok(())
    }

    async fn projects(&self) -> StoreResult<Vec<Project>> {
        let mut projects = self.tables()?.projects.clone();
        projects.sort_by_key(|project| project.created);
        Ok(projects)
    }
}
