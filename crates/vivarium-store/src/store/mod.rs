//! The ports of the domain, one file each.

mod account;
mod evaluation;
mod node;
mod project;
mod runtime;

use async_trait::async_trait;
use vivarium_domain::ports::{Store, StoreError, StoreResult};

use crate::database::{Database, Fault, statement};
use crate::open::{self, OpenError};
use crate::settings::StoreSettings;

/// The store over SQLite or PostgreSQL. Share it behind an `Arc`.
pub struct SqlStore {
    database: Database,
}

impl SqlStore {
    /// Opens the database and brings its schema up to date. It has to be called inside a Tokio runtime.
    pub async fn open(settings: StoreSettings) -> Result<Self, OpenError> {
        Ok(Self { database: open::open(&settings).await? })
    }

    /// Does what is under way and closes all connections. Every call after this fails.
    /// Whoever leaves it out loses nothing: the next to open the database finds everything acknowledged.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn ping(&self) -> StoreResult<()> {
        // A table, because SQLite would answer `SELECT 1` without looking at its file.
        self.database.first(statement!("SELECT id FROM projects LIMIT 1"), |_| Ok(())).await.map(drop)
    }
}

/// For statements that touch the one row they are about.
fn touched(outcome: Result<u64, Fault>) -> StoreResult<bool> {
    Ok(outcome? > 0)
}

/// The same where the row must be there.
fn touched_or_stale(outcome: Result<u64, Fault>) -> StoreResult<()> {
    if touched(outcome)? { Ok(()) } else { Err(StoreError::Stale) }
}
