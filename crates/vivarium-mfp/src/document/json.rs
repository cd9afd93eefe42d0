//! Documents as JSON.

use serde::{Serialize, Serializer};

use super::{List, Object, Value};

/// White space in JSON: the `mfp.admin.logging.formatjson` of the original (contract 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum JsonLayout {
    /// None.
    #[default]
    Compact,
    /// Indented, for people.
    Pretty,
}

pub(super) fn write(content: &Object, layout: JsonLayout) -> Vec<u8> {
    let bytes = match layout {
        JsonLayout::Compact => serde_json::to_vec(content),
        JsonLayout::Pretty => serde_json::to_vec_pretty(content),
    };
    bytes.expect("texts, numbers, flags and maps with text keys can always be written as JSON into memory")
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

impl Serialize for List {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.items)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Object(object) => object.serialize(serializer),
            Self::List(list) => list.serialize(serializer),
        }
    }
}
