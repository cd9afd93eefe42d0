//! SQLite: one writer, and readers that never wait for it.

use sqlx::{SqliteConnection, SqlitePool};

use super::fault::Fault;
use super::record::Record;
use super::statement::Statement;
use super::writer::Writer;

/// The connections to a SQLite file.
pub(crate) struct Sqlite {
    readers: SqlitePool,
    writer: Writer,
}

impl Sqlite {
    /// Takes the one connection that writes and the pool of those that read.
    pub(crate) fn new(writer: SqliteConnection, readers: SqlitePool) -> Self {
        Self { readers, writer: Writer::start(writer) }
    }

    pub(super) async fn write(&self, statement: Statement) -> Result<u64, Fault> {
        self.writer.write(statement).await
    }

    pub(super) async fn read(&self, statement: &Statement) -> Result<Vec<Record>, Fault> {
        let rows = statement.query::<sqlx::Sqlite>().fetch_all(&self.readers).await?;
        Ok(rows.into_iter().map(Record::Sqlite).collect())
    }

    /// The writer goes last: the last connection to a file folds its log into it.
    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
