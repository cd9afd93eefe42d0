//! `fields=a,b`: which keys of an answer the client wants (contract 0.3).

use std::fmt;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::IntoResponse;
use http::request::Parts;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use vivarium_domain::Error;
use vivarium_http::{Answer, Problem, QueryParameters};

/// The wanted keys; without any, everything is wanted. Names that no key has select nothing.
#[derive(Debug, Default)]
pub(crate) struct Fields(Option<Vec<String>>);

impl<S: Send + Sync> FromRequestParts<S> for Fields {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let query = QueryParameters::from_request_parts(parts, state).await?;
        Ok(Self::parse(query.get("fields").unwrap_or_default()))
    }
}

impl Fields {
    fn parse(text: &str) -> Self {
        let names: Vec<_> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Self((!names.is_empty()).then_some(names))
    }

    /// An object with the wanted of its keys.
    pub(crate) fn object(&self, document: &impl Serialize) -> Answer {
        let Some(names) = &self.0 else { return Ok(Json(document).into_response()) };
        let object: Entries = reread(document)?;
        Ok(Json(object.only(names)).into_response())
    }

    /// A list of objects, each with the wanted of its keys.
    pub(crate) fn elements(&self, list: &impl Serialize) -> Answer {
        let Some(names) = &self.0 else { return Ok(Json(list).into_response()) };
        let list: Vec<Entries> = reread(list)?;
        Ok(Json(only(list, names)).into_response())
    }

    /// An object with one list in it, whose elements get the wanted of their keys.
    pub(crate) fn wrapped_elements(&self, wrapper: &impl Serialize) -> Answer {
        let Some(names) = &self.0 else { return Ok(Json(wrapper).into_response()) };
        let Entries(lists) = reread(wrapper)?;
        let mut filtered = Vec::with_capacity(lists.len());
        for (key, list) in lists {
            let list: Vec<Entries> = reread(&list)?;
            let list = serde_json::value::to_raw_value(&only(list, names)).map_err(Error::internal)?;
            filtered.push((key, list));
        }
        Ok(Json(Entries(filtered)).into_response())
    }
}

/// The entries of an object in their order, each value as its text.
#[derive(Debug)]
struct Entries(Vec<(String, Box<RawValue>)>);

impl Entries {
    fn only(mut self, names: &[String]) -> Self {
        self.0.retain(|(key, _)| names.contains(key));
        self
    }
}

fn only(list: Vec<Entries>, names: &[String]) -> Vec<Entries> {
    list.into_iter().map(|entries| entries.only(names)).collect()
}

fn reread<T: for<'text> Deserialize<'text>>(document: &impl Serialize) -> Result<T, Error> {
    let text = serde_json::to_string(document).map_err(Error::internal)?;
    serde_json::from_str(&text).map_err(Error::internal)
}

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'text> Deserialize<'text> for Entries {
    fn deserialize<D: Deserializer<'text>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'text> Visitor<'text> for Reader {
            type Value = Entries;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<M: MapAccess<'text>>(self, mut map: M) -> Result<Entries, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn filtered(names: &str, text: &str) -> String {
        let Fields(Some(names)) = Fields::parse(names) else { return text.to_owned() };
        let entries: Entries = serde_json::from_str(text).unwrap();
        serde_json::to_string(&entries.only(&names)).unwrap()
    }

    #[test]
    fn keys_keep_their_order_and_values_stay_whole() {
        let text = r#"{"z":1,"a":{"z":null,"b":1.50},"m":[1]}"#;
        assert_eq!(filtered("a, z,unknown", text), r#"{"z":1,"a":{"z":null,"b":1.50}}"#);
        assert_eq!(filtered("unknown", text), "{}");
        assert_eq!(filtered(" , ", text), text);
    }
}
