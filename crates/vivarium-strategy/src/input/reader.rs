//! Reads JSON objects key by key and collects what is wrong with them.

use std::cell::RefCell;
use std::str::FromStr;

use serde_json::{Map, Value};
use vivarium_domain::{Error, FieldError, Result};

/// What is said of a field that has to be there and is not.
pub(crate) const MISSING: &str = "is required";

/// The faults found in one document.
#[derive(Debug, Default)]
pub(super) struct Faults(RefCell<Vec<FieldError>>);

impl Faults {
    /// The object that a document is.
    pub(super) fn root<'doc>(&'doc self, document: &'doc Value) -> Result<Object<'doc>> {
        let map = document.as_object().ok_or_else(|| Error::invalid("the body must be a JSON object"))?;
        Ok(Object { faults: self, map, path: String::new() })
    }

    /// Notes a fault.
    pub(super) fn add(&self, field: impl Into<String>, message: impl Into<String>) {
        self.0.borrow_mut().push(FieldError::new(field, message));
    }

    /// The faults noted.
    pub(super) fn into_list(self) -> Vec<FieldError> {
        self.0.into_inner()
    }

    /// One error that names every fault, if there is one.
    pub(super) fn check(self) -> Result<()> {
        let faults = self.into_list();
        if faults.is_empty() { Ok(()) } else { Err(Error::invalid_fields(faults)) }
    }
}

/// A JSON object somewhere in a document. A key with the value null counts as not given; other keys than those asked
/// for are nobody's business. What has the wrong type is noted as a fault and then counts as not given.
#[derive(Debug)]
pub(super) struct Object<'doc> {
    faults: &'doc Faults,
    map: &'doc Map<String, Value>,
    path: String,
}

impl<'doc> Object<'doc> {
    /// The value of a key, whatever its type.
    pub(super) fn value(&self, key: &str) -> Option<&'doc Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.typed(key, "must be a text", |value| value.as_str().map(str::to_owned))
    }

    /// A whole number of 64 bits.
    pub(super) fn integer(&self, key: &str) -> Option<i64> {
        self.typed(key, "must be a whole number", Value::as_i64)
    }

    /// A whole number, or a text of its digits, as forms send it.
    pub(super) fn digits(&self, key: &str) -> Option<i64> {
        let read = |value: &Value| value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
        self.typed(key, "must be a whole number", read)
    }

    /// A decimal number as a text; a JSON number will do.
    pub(super) fn decimal(&self, key: &str) -> Option<String> {
        self.typed(key, "must be a decimal number as a text, such as `\"0.5\"`", |value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    /// True or false.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.typed(key, "must be true or false", Value::as_bool)
    }

    /// An id.
    pub(super) fn id<T: FromStr>(&self, key: &str) -> Option<T> {
        self.typed(key, "must be an id of 32 hexadecimal digits", |value| value.as_str()?.parse().ok())
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<String>> {
        let list = self.list(key)?;
        let element = |(index, value): (usize, &Value)| {
            let text = value.as_str().map(str::to_owned);
            if text.is_none() {
                self.fault(&format!("{key}[{index}]"), "must be a text");
            }
            text
        };
        Some(list.iter().enumerate().filter_map(element).collect())
    }

    /// An object.
    pub(super) fn object(&self, key: &str) -> Option<Object<'doc>> {
        let map = self.value(key)?.as_object();
        if map.is_none() {
            self.fault(key, "must be an object");
        }
        map.map(|map| Object { faults: self.faults, map, path: format!("{}{key}.", self.path) })
    }

    /// A list of objects.
    pub(super) fn objects(&self, key: &str) -> Option<Vec<Object<'doc>>> {
        let list = self.list(key)?;
        let element = |(index, value): (usize, &'doc Value)| {
            let map = value.as_object();
            if map.is_none() {
                self.fault(&format!("{key}[{index}]"), "must be an object");
            }
            map.map(|map| Object { faults: self.faults, map, path: format!("{}{key}[{index}].", self.path) })
        };
        Some(list.iter().enumerate().filter_map(element).collect())
    }

    /// Notes that `key` has to be there, if it is not; hands `found` on.
    pub(super) fn required<T>(&self, key: &str, found: Option<T>) -> Option<T> {
        if self.value(key).is_none() {
            self.fault(key, MISSING);
        }
        found
    }

    /// Notes a fault of a key of this object.
    pub(super) fn fault(&self, key: &str, message: impl Into<String>) {
        self.faults.add(format!("{}{key}", self.path), message);
    }

    fn list(&self, key: &str) -> Option<&'doc Vec<Value>> {
        let list = self.value(key)?.as_array();
        if list.is_none() {
            self.fault(key, "must be a list");
        }
        list
    }

    fn typed<T>(&self, key: &str, expected: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let found = read(self.value(key)?);
        if found.is_none() {
            self.fault(key, expected);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn every_fault_is_noted_where_it_stands() {
        let document = json!({"name": 5, "list": {}, "items": [1, {"n": "x"}], "texts": ["a", 2], "big": 1e30});
        let faults = Faults::default();
        let root = faults.root(&document).unwrap();
        root.text("name");
        root.objects("list");
        root.objects("items").unwrap()[0].integer("n");
        assert_eq!(root.texts("texts"), Some(vec!["a".to_owned()]));
        root.integer("big");
        root.required("gone", root.text("gone"));
        let names: Vec<_> = faults.into_list().into_iter().map(|fault| fault.field).collect();
        assert_eq!(names, ["name", "list", "items[0]", "items[1].n", "texts[1]", "big", "gone"]);
    }

    #[test]
    fn null_counts_as_not_given() {
        let document = json!({"name": null, "list": null, "object": null});
        let faults = Faults::default();
        let root = faults.root(&document).unwrap();
        assert!(root.text("name").is_none() && root.texts("list").is_none() && root.object("object").is_none());
        assert!(faults.check().is_ok());
    }
}
