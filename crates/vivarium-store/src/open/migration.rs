//! The numbered steps of the schema.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};

use super::error::OpenError;

/// Number and purpose of each step, with its SQL for either database.
macro_rules! steps {
    ($directory:literal: $($file:literal),*) => {
        [$(($file, include_str!(concat!("../../migrations/", $directory, "/", $file, ".sql")))),*]
    };
}

const SQLITE: &[(&str, &str)] = &steps!(
    "sqlite": "0001_first_schema", "0002_instance_mode", "0003_tokens_of_evaluations", "0004_missing_layers"
);
const POSTGRES: &[(&str, &str)] = &steps!(
    "postgres": "0001_first_schema", "0002_instance_mode", "0003_tokens_of_evaluations", "0004_missing_layers"
);

pub(super) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

pub(super) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

fn migrator(steps: &'static [(&str, &str)]) -> Migrator {
    let migration = |(version, (file, sql)): (i64, &'static (&str, &str))| {
        let purpose = file.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
        Migration::new(version, purpose.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations((1..).zip(steps).map(migration).collect())
}

/// Runs what has not run yet. The caller sees to it that nobody else does so at the same time.
pub(super) async fn migrate(
    migrator: &Migrator,
    connection: &mut impl Migrate,
    database: &str,
) -> Result<(), OpenError> {
    let known = migrator.iter().map(|step| step.version).max().unwrap_or(0);
    migrator.run_direct(None, connection, false).await.map_err(|fault| match fault {
        MigrateError::VersionMissing(found) => OpenError::NewerSchema { database: database.to_owned(), found, known },
        other => OpenError::Failed { database: database.to_owned(), source: other.into() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_have_the_same_steps_numbered_without_gaps() {
        assert!(SQLITE.iter().map(|step| step.0).eq(POSTGRES.iter().map(|step| step.0)));
        for (number, (file, _)) in (1..).zip(SQLITE) {
            assert!(file.starts_with(&format!("{number:04}_")), "{file}");
        }
    }

    #[test]
    fn the_steps_differ_in_types_only() {
        let neutral = |sql: &str| sql.replace("BYTEA", "BLOB").replace("TEXT COLLATE \"C\"", "TEXT");
        let statements = |sql: &str| {
            let lines: Vec<_> = sql.lines().filter(|line| !line.starts_with("--")).map(str::to_owned).collect();
            lines
        };
        for ((file, sqlite), (_, postgres)) in SQLITE.iter().zip(POSTGRES) {
            assert_eq!(statements(sqlite), statements(&neutral(postgres)), "{file}");
        }
    }
}
