//! A statement with its values.

use sqlx::query::Query;
use sqlx::{Database, Encode, Type};

use super::value::Value;

/// SQL with placeholders `$1` to `$n` and their values; made by [`statement!`].
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) values: Vec<Value>,
}

/// A [`Statement`] from constant SQL and its values. It does not compile unless there is one value for each placeholder:
/// SQLite would take NULL for what is missing.
macro_rules! statement {
    ($sql:expr $(, $value:expr)* $(,)?) => {{
        const SQL: &str = $sql;
        const VALUES: usize = <[&str]>::len(&[$(stringify!($value)),*]);
        const { assert!($crate::database::highest_placeholder(SQL) == VALUES, "each placeholder needs its value") };
        $crate::database::Statement { sql: SQL, values: vec![$($crate::database::Value::from($value)),*] }
    }};
}

pub(crate) use statement;

/// The largest `n` among the placeholders `$n` of `sql`.
pub(crate) const fn highest_placeholder(sql: &str) -> usize {
    let bytes = sql.as_bytes();
    let (mut highest, mut index) = (0, 0);
    while index < bytes.len() {
        let mut number = 0;
        if bytes[index] == b'$' {
            while index + 1 < bytes.len() && bytes[index + 1].is_ascii_digit() {
                number = number * 10 + (bytes[index + 1] - b'0') as usize;
                index += 1;
            }
        }
        if number > highest {
            highest = number;
        }
        index += 1;
    }
    highest
}

impl Statement {
    /// The query for either database. It is prepared once for each connection.
    pub(super) fn query<DB>(&self) -> Query<'static, DB, DB::Arguments>
    where
        DB: Database,
        Option<String>: for<'value> Encode<'value, DB> + Type<DB>,
        Option<i64>: for<'value> Encode<'value, DB> + Type<DB>,
        Option<Vec<u8>>: for<'value> Encode<'value, DB> + Type<DB>,
    {
        self.values.iter().cloned().fold(sqlx::query(self.sql), |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Integer(number) => query.bind(number),
            Value::Bytes(bytes) => query.bind(bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_placeholder_is_found_wherever_it_stands() {
        assert_eq!(highest_placeholder("SELECT 1"), 0);
        assert_eq!(highest_placeholder("SELECT $2, $11, $1"), 11);
        assert_eq!(highest_placeholder("$1"), 1);
        assert_eq!(highest_placeholder("costs $, or $$"), 0);
    }
}
