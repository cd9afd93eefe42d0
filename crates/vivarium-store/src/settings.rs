//! Where the database is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

/// What the store has to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// The database.
    pub url: DatabaseUrl,
}

/// The address of a database: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST:PORT/NAME`.
/// It is shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(pub(crate) Target);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Sqlite(PathBuf),
    /// The text of a URL that [`PgConnectOptions`] has understood.
    Postgres(String),
}

/// The text is not the address of a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotADatabaseUrl {
    /// It begins with nothing that is known. The text is not repeated: it may hold a password.
    #[error("a database is `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/NAME`")]
    UnknownScheme,
    /// `sqlite:` without a path.
    #[error("`sqlite:` must be followed by the path of a file")]
    NoPath,
    /// A database in memory would lose everything that was acknowledged.
    #[error("a database in memory is not supported; `sqlite:` must be followed by the path of a file")]
    InMemory,
    /// `postgres://` with something after it that makes no sense.
    #[error("not a valid PostgreSQL address: {0}")]
    Postgres(String),
}

impl DatabaseUrl {
    /// SQLite in this file.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Target::Sqlite(path.into()))
    }
}

impl FromStr for DatabaseUrl {
    type Err = NotADatabaseUrl;

    fn from_str(text: &str) -> Result<Self, NotADatabaseUrl> {
        let text = text.trim();
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            PgConnectOptions::from_str(text).map_err(|fault| NotADatabaseUrl::Postgres(fault.to_string()))?;
            return Ok(Self(Target::Postgres(text.to_owned())));
        }
        let path = text.strip_prefix("sqlite:").ok_or(NotADatabaseUrl::UnknownScheme)?;
        match path.strip_prefix("//").unwrap_or(path) {
            "" => Err(NotADatabaseUrl::NoPath),
            ":memory:" => Err(NotADatabaseUrl::InMemory),
            path => Ok(Self::sqlite(path)),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Target::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Target::Postgres(text) => match PgConnectOptions::from_str(text) {
                Ok(options) => write_server(formatter, &options),
                Err(_) => formatter.write_str("postgres://"),
            },
        }
    }
}

fn write_server(formatter: &mut fmt::Formatter<'_>, options: &PgConnectOptions) -> fmt::Result {
    let (user, host, port) = (options.get_username(), options.get_host(), options.get_port());
    let database = options.get_database().unwrap_or(user);
    match options.get_socket() {
        Some(socket) => write!(formatter, "postgres://{user}@{}:{port}/{database}", socket.display()),
        None => write!(formatter, "postgres://{user}@{host}:{port}/{database}"),
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_file_is_given_with_or_without_slashes() {
        for (text, path) in
            [("sqlite:a b.db", "a b.db"), ("sqlite:///v/x.db", "/v/x.db"), ("sqlite:/v/x.db", "/v/x.db")]
        {
            assert_eq!(text.parse(), Ok(DatabaseUrl::sqlite(path)));
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for text in ["postgres://anna:geheim@db:5433/farm", "postgresql://db:5433/farm?user=anna&password=geheim"] {
            let url: DatabaseUrl = text.parse().unwrap();
            assert_eq!(format!("{url} {url:?}"), "postgres://anna@db:5433/farm postgres://anna@db:5433/farm");
        }
    }

    #[test]
    fn what_is_no_database_is_refused() {
        assert_eq!("mysql://u:geheim@h/d".parse::<DatabaseUrl>(), Err(NotADatabaseUrl::UnknownScheme));
        assert_eq!("vivarium.db".parse::<DatabaseUrl>(), Err(NotADatabaseUrl::UnknownScheme));
        assert_eq!("sqlite:".parse::<DatabaseUrl>(), Err(NotADatabaseUrl::NoPath));
        assert_eq!("sqlite::memory:".parse::<DatabaseUrl>(), Err(NotADatabaseUrl::InMemory));
        assert!("postgres://h:port/d".parse::<DatabaseUrl>().is_err());
    }
}
