//! PostgreSQL: a pool of connections.

use sqlx::PgPool;

use super::fault::Fault;
use super::record::Record;
use super::statement::Statement;

/// The connections to a PostgreSQL server.
pub(crate) struct Postgres {
    pool: PgPool,
}

impl Postgres {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub(super) async fn write(&self, statement: &Statement) -> Result<u64, Fault> {
        let done = statement.query::<sqlx::Postgres>().execute(&self.pool).await?;
        Ok(done.rows_affected())
    }

    pub(super) async fn read(&self, statement: &Statement) -> Result<Vec<Record>, Fault> {
        let rows = statement.query::<sqlx::Postgres>().fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(Record::Postgres).collect())
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}
