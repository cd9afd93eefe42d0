//! One database, whichever it is: statements go in, records come out.

mod fault;
mod postgres;
mod record;
mod sqlite;
mod statement;
mod value;
mod writer;

use vivarium_domain::ports::StoreResult;

pub(crate) use fault::{ColumnError, Fault};
pub(crate) use postgres::Postgres;
pub(crate) use record::{Record, because};
pub(crate) use sqlite::Sqlite;
pub(crate) use statement::{Statement, highest_placeholder, statement};
pub(crate) use value::Value;

/// Turns a record into what it stands for.
pub(crate) type Reader<T> = fn(&Record) -> Result<T, ColumnError>;

/// The two databases. Statements are the same on both, apart from those in [`Dialect`].
pub(crate) enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Which SQL is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Database {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Writes; how many rows it touched. It is durable when this returns.
    pub(crate) async fn write(&self, statement: Statement) -> Result<u64, Fault> {
        match self {
            Self::Sqlite(database) => database.write(statement).await,
            Self::Postgres(database) => database.write(&statement).await,
        }
    }

    /// All records that the statement finds.
    pub(crate) async fn all<T>(&self, statement: Statement, read: Reader<T>) -> StoreResult<Vec<T>> {
        let records = match self {
            Self::Sqlite(database) => database.read(&statement).await?,
            Self::Postgres(database) => database.read(&statement).await?,
        };
        let values: Result<_, _> = records.iter().map(read).collect();
        Ok(values.map_err(Fault::from)?)
    }

    /// The first record that the statement finds.
    pub(crate) async fn first<T>(&self, statement: Statement, read: Reader<T>) -> StoreResult<Option<T>> {
        Ok(self.all(statement, read).await?.into_iter().next())
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(database) => database.close().await,
            Self::Postgres(database) => database.close().await,
        }
    }
}
