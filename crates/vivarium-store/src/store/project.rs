//! Projects.

use async_trait::async_trait;
use vivarium_domain::ports::{ProjectStore, StoreResult};
use vivarium_domain::project::Project;

use super::SqlStore;
use crate::database::{ColumnError, Fault, Record, Value, statement};

const INSERT: &str = "INSERT INTO projects (id, name, name_key, description, created, modified) \
     VALUES ($1, $2, $3, $4, $5, $6)";

const SELECT: &str = "SELECT id, name, description, created, modified FROM projects ORDER BY created, id";

#[async_trait]
impl ProjectStore for SqlStore {
    async fn insert_project(&self, project: &Project) -> StoreResult<()> {
        let Project { id, name, description, created, modified } = project;
        let statement = statement!(INSERT, *id, name, name.key(), Value::json(description), *created, *modified);
        self.database.write(statement).await.map(drop).map_err(Fault::of_named)
    }

    async fn projects(&self) -> StoreResult<Vec<Project>> {
        self.database.all(statement!(SELECT), project).await
    }
}

fn project(record: &Record) -> Result<Project, ColumnError> {
    Ok(Project {
        id: record.id("id")?,
        name: record.name()?,
        description: record.json("description")?,
        created: record.time("created")?,
        modified: record.time("modified")?,
    })
}
