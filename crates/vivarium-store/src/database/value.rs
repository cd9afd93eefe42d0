//! Values on their way into the database.

use serde::Serialize;
use vivarium_domain::id::{BuildId, EvaluationId, NodeId, ProjectId, RevisionId, RuntimeId, UserId};
use vivarium_domain::name::Name;
use vivarium_domain::time::Timestamp;

/// A value to bind. Each kind has its own absent value, because PostgreSQL types them.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Option<String>),
    Integer(Option<i64>),
    Bytes(Option<Vec<u8>>),
}

impl Value {
    /// The JSON text of a list, a nested value or a free text.
    pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Self {
        Self::Text(Some(json(value)))
    }

    /// The same, absent where there is nothing.
    pub(crate) fn optional_json<T: Serialize>(value: Option<&T>) -> Self {
        Self::Text(value.map(json))
    }

    /// UTF-8 in a column of bytes, absent where there is nothing.
    pub(crate) fn optional_utf8(text: Option<&str>) -> Self {
        Self::Bytes(text.map(|text| text.as_bytes().to_vec()))
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("values of the store have text keys and no failing serializer")
}

macro_rules! ids {
    ($($id:ty),*) => {$(
        impl From<$id> for Value {
            fn from(id: $id) -> Self {
                Self::Text(Some(id.to_string()))
            }
        }
    )*};
}

ids!(BuildId, EvaluationId, NodeId, ProjectId, RevisionId, RuntimeId, UserId);

impl From<Option<EvaluationId>> for Value {
    fn from(id: Option<EvaluationId>) -> Self {
        Self::Text(id.map(|id| id.to_string()))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&Name> for Value {
    fn from(name: &Name) -> Self {
        name.as_str().into()
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(Some(bytes.to_vec()))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        i64::from(number).into()
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        i64::from(flag).into()
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        time.as_micros().into()
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(time: Option<Timestamp>) -> Self {
        Self::Integer(time.map(Timestamp::as_micros))
    }
}
