//! Opens a SQLite file.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::error::OpenError;
use super::migration;
use crate::database::Sqlite;

/// How long to wait for another process that writes to the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that read.
const READERS: u32 = 4;

/// Between two looks at a file that is busy.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

pub(super) async fn open(path: &Path) -> Result<Sqlite, OpenError> {
    create(path)?;
    let mut writer = connect(path).await?;
    migrate(&mut writer, path).await?;
    let pool = SqlitePoolOptions::new()
        .max_connections(READERS)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false);
    let readers = pool.connect_with(options(path).pragma("query_only", "ON")).await.map_err(|e| fault(path, e))?;
    Ok(Sqlite::new(writer, readers))
}

/// Makes the file, for nobody else to read, before SQLite would make it with the usual mode.
fn create(path: &Path) -> Result<(), OpenError> {
    let directory = directory(path);
    if !directory.is_dir() {
        return Err(OpenError::NoDirectory { path: path.to_owned(), directory });
    }
    let not_writable = |source| OpenError::NotWritable { path: path.to_owned(), source };
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        // The name of the file has to survive a loss of power too.
        Ok(_) => File::open(directory).and_then(|directory| directory.sync_all()).map_err(not_writable),
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => {
            OpenOptions::new().write(true).open(path).map(drop).map_err(not_writable)
        }
        Err(fault) => Err(not_writable(fault)),
    }
}

fn directory(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
}

/// Only the writer turns on the log: it stays on in the file. SQLite does not wait for another who is just turning it on,
/// so this does.
async fn connect(path: &Path) -> Result<SqliteConnection, OpenError> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        let connected = options(path).journal_mode(SqliteJournalMode::Wal).connect().await;
        match connected.map_err(|error| fault(path, error)) {
            Err(OpenError::Locked { .. }) if Instant::now() < deadline => tokio::time::sleep(BUSY_PAUSE).await,
            connected => return connected,
        }
    }
}

/// In one transaction that holds the file's only write lock, so that several programs may open a fresh file at once.
async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let failed = |error| fault(path, error);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    migration::migrate(&migration::sqlite(), &mut *transaction, &path.display().to_string()).await?;
    transaction.commit().await.map_err(failed)
}

/// The low byte of SQLite's codes is the kind of the error (<https://www.sqlite.org/rescode.html>).
fn fault(path: &Path, error: sqlx::Error) -> OpenError {
    const BUSY: i32 = 5;
    const READ_ONLY: i32 = 8;
    const NOT_A_DATABASE: i32 = 26;
    const CORRUPT: i32 = 11;
    let path = path.to_owned();
    let code = error.as_database_error().and_then(|fault| fault.code()?.parse::<i32>().ok());
    match code.map(|code| code & 0xff) {
        Some(BUSY) => OpenError::Locked { path },
        Some(READ_ONLY) => OpenError::NotWritable { path, source: io::Error::other(error) },
        Some(NOT_A_DATABASE | CORRUPT) => OpenError::NotADatabase { path },
        _ => OpenError::Failed { database: path.display().to_string(), source: error.into() },
    }
}
