//! Opens a PostgreSQL database.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::error::OpenError;
use super::migration;
use crate::database::Postgres;

/// How long to wait for the server to accept a connection, and for a free one of the pool.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections of one node.
const CONNECTIONS: u32 = 16;

/// A server that is set to acknowledge before it has written would lose what we acknowledge. Stricter settings stay.
const DURABLE: &str =
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

pub(super) async fn open(text: &str, url: &str) -> Result<Postgres, OpenError> {
    let options = PgConnectOptions::from_str(text).map_err(|error| fault(url, error))?;
    let options = options.application_name("vivarium");
    let mut connection = connect(&options, url).await?;
    check_encoding(&mut connection, url).await?;
    // It takes an advisory lock of the database: nodes that start together wait for each other here.
    migration::migrate(&migration::postgres(), &mut connection, url).await.map_err(|error| refine(url, error))?;
    connection.close().await.map_err(|error| fault(url, error))?;
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .min_connections(1)
        .acquire_timeout(CONNECT_TIMEOUT)
        .after_connect(|connection, _| Box::pin(async { sqlx::query(DURABLE).execute(connection).await.map(drop) }));
    Ok(Postgres::new(pool.connect_with(options).await.map_err(|error| fault(url, error))?))
}

async fn connect(options: &PgConnectOptions, url: &str) -> Result<PgConnection, OpenError> {
    match tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await {
        Ok(connected) => connected.map_err(|error| fault(url, error)),
        Err(_) => {
            let reason = format!("no answer within {} s", CONNECT_TIMEOUT.as_secs());
            Err(OpenError::Unreachable { url: url.to_owned(), reason })
        }
    }
}

async fn check_encoding(connection: &mut PgConnection, url: &str) -> Result<(), OpenError> {
    let encoding: String =
        sqlx::query_scalar("SHOW server_encoding").fetch_one(connection).await.map_err(|error| fault(url, error))?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(OpenError::WrongEncoding { url: url.to_owned(), encoding })
}

/// A step of the schema may fail for a reason that has a better error.
fn refine(url: &str, error: OpenError) -> OpenError {
    let OpenError::Failed { source, database } = error else { return error };
    match source.downcast::<sqlx::migrate::MigrateError>() {
        Ok(cause) => match *cause {
            sqlx::migrate::MigrateError::Execute(cause) | sqlx::migrate::MigrateError::ExecuteMigration(cause, _) => {
                fault(url, cause)
            }
            other => OpenError::Failed { database, source: other.into() },
        },
        Err(source) => OpenError::Failed { database, source },
    }
}

/// By PostgreSQL's error codes (its documentation, appendix A).
fn fault(url: &str, error: sqlx::Error) -> OpenError {
    let (url, source) = (url.to_owned(), error);
    match &source {
        sqlx::Error::Io(cause) => OpenError::Unreachable { url, reason: cause.to_string() },
        sqlx::Error::Database(cause) => {
            let reason = cause.message().to_owned();
            match cause.code().as_deref() {
                Some("28P01" | "28000") => OpenError::WrongCredentials { url, reason },
                Some("3D000") => OpenError::NoSuchDatabase { url, reason },
                Some("42501" | "3F000") => OpenError::MissingPrivilege { url, reason },
                Some("57P03" | "53300") => OpenError::Unreachable { url, reason },
                _ => OpenError::Failed { database: url, source: source.into() },
            }
        }
        _ => OpenError::Failed { database: url, source: source.into() },
    }
}
