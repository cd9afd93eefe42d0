//! Opens a database and brings its schema up to date.

mod error;
mod migration;
mod postgres;
mod sqlite;

pub use error::OpenError;

use crate::database::Database;
use crate::settings::{StoreSettings, Target};

pub(crate) async fn open(settings: &StoreSettings) -> Result<Database, OpenError> {
    match &settings.url.0 {
        Target::Sqlite(path) => Ok(Database::Sqlite(sqlite::open(path).await?)),
        Target::Postgres(text) => Ok(Database::Postgres(postgres::open(text, &settings.url.to_string()).await?)),
    }
}
