//! A row of either database, read by column.

use std::error::Error as StdError;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Row, Sqlite, Type};
use vivarium_domain::name::Name;
use vivarium_domain::time::Timestamp;

use super::fault::ColumnError;

/// A row of either database. Every error names its column.
pub(crate) enum Record {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

type Column<T> = Result<T, ColumnError>;

impl Record {
    fn get<T>(&self, column: &'static str) -> Column<T>
    where
        T: for<'row> Decode<'row, Sqlite> + Type<Sqlite> + for<'row> Decode<'row, Postgres> + Type<Postgres>,
    {
        let value = match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        };
        value.map_err(|fault| ColumnError { column, reason: fault.into() })
    }

    pub(crate) fn text(&self, column: &'static str) -> Column<String> {
        self.get(column)
    }

    pub(crate) fn integer(&self, column: &'static str) -> Column<i64> {
        self.get(column)
    }

    pub(crate) fn bytes(&self, column: &'static str) -> Column<Vec<u8>> {
        self.get(column)
    }

    pub(crate) fn optional_utf8(&self, column: &'static str) -> Column<Option<String>> {
        let bytes: Option<Vec<u8>> = self.get(column)?;
        bytes.map(String::from_utf8).transpose().map_err(because(column))
    }

    /// A number that fits the narrower type it came from.
    pub(crate) fn number<T: TryFrom<i64, Error: StdError + Send + Sync + 'static>>(
        &self,
        column: &'static str,
    ) -> Column<T> {
        self.integer(column)?.try_into().map_err(because(column))
    }

    pub(crate) fn flag(&self, column: &'static str) -> Column<bool> {
        Ok(self.integer(column)? != 0)
    }

    pub(crate) fn time(&self, column: &'static str) -> Column<Timestamp> {
        self.integer(column).map(Timestamp::from_micros)
    }

    pub(crate) fn optional_time(&self, column: &'static str) -> Column<Option<Timestamp>> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_micros))
    }

    pub(crate) fn id<T: FromStr<Err: StdError + Send + Sync + 'static>>(&self, column: &'static str) -> Column<T> {
        self.text(column)?.parse().map_err(because(column))
    }

    pub(crate) fn optional_id<T: FromStr<Err: StdError + Send + Sync + 'static>>(
        &self,
        column: &'static str,
    ) -> Column<Option<T>> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| text.parse()).transpose().map_err(because(column))
    }

    pub(crate) fn name(&self) -> Column<Name> {
        Name::parse(&self.text("name")?).map_err(because("name"))
    }

    /// A list, a nested value or a free text.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Column<T> {
        serde_json::from_str(&self.text(column)?).map_err(because(column))
    }

    pub(crate) fn optional_json<T: DeserializeOwned>(&self, column: &'static str) -> Column<Option<T>> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(because(column))
    }
}

/// Puts the name of the column to a reason.
pub(crate) fn because<E: Into<Box<dyn StdError + Send + Sync>>>(column: &'static str) -> impl Fn(E) -> ColumnError {
    move |reason| ColumnError { column, reason: reason.into() }
}
