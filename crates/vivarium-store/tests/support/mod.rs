//! Databases of a test's own.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use vivarium_domain::id::Guid;
use vivarium_store::{DatabaseUrl, OpenError, SqlStore, StoreSettings};

/// A database that nobody else uses.
#[derive(Clone)]
pub(crate) enum TestDatabase {
    Sqlite { directory: Arc<TempDir> },
    Postgres { server: String, schema: String },
}

impl TestDatabase {
    /// A file in a temporary directory.
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite { directory: Arc::new(tempfile::tempdir().unwrap()) }
    }

    /// A schema of its own, if there is a server to test on.
    pub(crate) async fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("VIVARIUM_TEST_POSTGRES_URL") else {
            println!("skipped: VIVARIUM_TEST_POSTGRES_URL is not set");
            return None;
        };
        let schema = format!("test_{}", Guid::random()).to_lowercase();
        execute(&server, format!("CREATE SCHEMA {schema}")).await;
        Some(Self::Postgres { server, schema })
    }

    pub(crate) fn file(&self) -> PathBuf {
        match self {
            Self::Sqlite { directory } => directory.path().join("vivarium.db"),
            Self::Postgres { .. } => panic!("PostgreSQL has no file"),
        }
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        match self {
            Self::Sqlite { .. } => DatabaseUrl::sqlite(self.file()),
            Self::Postgres { server, schema } => {
                let mark = if server.contains('?') { '&' } else { '?' };
                format!("{server}{mark}options=-c%20search_path%3D{schema}").parse().unwrap()
            }
        }
    }

    pub(crate) async fn try_open(&self) -> Result<SqlStore, OpenError> {
        SqlStore::open(StoreSettings { url: self.url() }).await
    }

    pub(crate) async fn open(&self) -> SqlStore {
        self.try_open().await.unwrap()
    }

    async fn remove(self) {
        if let Self::Postgres { server, schema } = self {
            execute(&server, format!("DROP SCHEMA {schema} CASCADE")).await;
        }
    }
}

/// Runs SQL on the server.
pub(crate) async fn execute(server: &str, sql: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Runs a test and removes its database even if it fails.
pub(crate) async fn finish(database: TestDatabase, test: impl Future<Output = ()>) {
    let outcome = AssertUnwindSafe(test).catch_unwind().await;
    database.remove().await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}
