//! Why a database cannot be opened, and what to do about it.

use std::io;
use std::path::PathBuf;

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory of the file is not there.
    #[error("cannot open the database `{}`: there is no directory `{}`", path.display(), directory.display())]
    NoDirectory {
        /// The file.
        path: PathBuf,
        /// Where it should be.
        directory: PathBuf,
    },
    /// The file cannot be made or written.
    #[error("cannot write the database `{}`: {source}", path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// The reason of the operating system.
        source: io::Error,
    },
    /// The file is something else.
    #[error("`{}` is not a SQLite database, or it is damaged", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// Nobody answers.
    #[error("cannot reach the database `{url}`: {reason}")]
    Unreachable {
        /// The address without its password.
        url: String,
        /// Why.
        reason: String,
    },
    /// The server refuses the user or the password.
    #[error("the database `{url}` refuses the login: {reason}")]
    WrongCredentials {
        /// The address without its password.
        url: String,
        /// In the words of the server.
        reason: String,
    },
    /// The server has no database of that name.
    #[error("the server has no database for `{url}`: {reason}")]
    NoSuchDatabase {
        /// The address without its password.
        url: String,
        /// In the words of the server.
        reason: String,
    },
    /// The user may log in, but not make or use the tables.
    #[error("the user lacks privileges in the database `{url}`: {reason}")]
    MissingPrivilege {
        /// The address without its password.
        url: String,
        /// In the words of the server.
        reason: String,
    },
    /// The database cannot hold every text.
    #[error("the database `{url}` has the encoding `{encoding}`; only `UTF8` can hold every text")]
    WrongEncoding {
        /// The address without its password.
        url: String,
        /// What it has.
        encoding: String,
    },
    /// A newer program has been here.
    #[error("the schema of the database `{database}` has version {found}; this program knows versions up to {known}")]
    NewerSchema {
        /// The path, or the address without its password.
        database: String,
        /// A version that this program does not know.
        found: i64,
        /// The newest that it knows.
        known: i64,
    },
    /// Another program holds the file.
    #[error("the database `{}` is locked by another process", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Anything else.
    #[error("cannot open the database `{database}`: {source}")]
    Failed {
        /// The path, or the address without its password.
        database: String,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl OpenError {
    /// What to do, for the line that begins with `hint:`.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoDirectory { .. } => "create the directory, or name another with `--data-dir` or `--database-url`",
            Self::NotWritable { .. } => "give the user of the server write access to the file and its directory",
            Self::NotADatabase { .. } => "restore the file from a backup, or name another file",
            Self::Unreachable { .. } => "check that the server runs, and host and port in the address",
            Self::WrongCredentials { .. } => "check user and password in the address, and the server's `pg_hba.conf`",
            Self::NoSuchDatabase { .. } => "create it with `CREATE DATABASE name ENCODING 'UTF8'`, or correct the name",
            Self::MissingPrivilege { .. } => "make the user owner of the database, or grant `CREATE` on its schema",
            Self::WrongEncoding { .. } => "create the database with `CREATE DATABASE name ENCODING 'UTF8'`",
            Self::NewerSchema { .. } => "run the program that wrote it, or a newer one",
            Self::Locked { .. } => "end the other process; several servers share PostgreSQL, not a file",
            Self::Failed { .. } => return None,
        })
    }
}
