//! Settings as a tree of values, each with its origin.

use std::fmt;

use serde_json::{Map, Value};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody said anything.
    Default,
    /// The TOML file.
    File,
    /// An environment variable.
    Environment(&'static str),
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File => formatter.write_str("file"),
            Self::Environment(name) => write!(formatter, "environment {name}"),
            Self::Flag(name) => write!(formatter, "flag {name}"),
        }
    }
}

/// One setting.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// `section.field`.
    pub key: String,
    /// Its value; null if it has none.
    pub value: Value,
    /// Where that comes from.
    pub origin: Origin,
}

/// All settings.
pub(super) struct Tree(Vec<Setting>);

impl Tree {
    /// From a document of sections of fields; every key that exists is in it.
    pub(super) fn of_defaults(document: &Value) -> Self {
        let sections = document.as_object().into_iter().flatten();
        let setting = |section: &str, field: &str, value: &Value| Setting {
            key: format!("{section}.{field}"),
            value: value.clone(),
            origin: Origin::Default,
        };
        let fields = sections.flat_map(|(section, fields)| {
            fields.as_object().into_iter().flatten().map(move |(field, value)| setting(section, field, value))
        });
        Self(fields.collect())
    }

    /// Lays the sections of a file over what is there.
    ///
    /// # Errors
    /// What is wrong with the first key that does not exist.
    pub(super) fn overlay(&mut self, document: Map<String, Value>) -> Result<(), String> {
        for (section, fields) in document {
            let Value::Object(fields) = fields else { return Err(self.unknown(&section)) };
            let prefix = format!("{section}.");
            if !self.0.iter().any(|setting| setting.key.starts_with(&prefix)) {
                return Err(self.unknown(&section));
            }
            for (field, value) in fields {
                let key = format!("{section}.{field}");
                if !self.set(&key, value, Origin::File) {
                    return Err(self.unknown(&key));
                }
            }
        }
        Ok(())
    }

    /// Whether there is a setting with that key, which now has that value.
    pub(super) fn set(&mut self, key: &str, value: Value, origin: Origin) -> bool {
        let Some(setting) = self.0.iter_mut().find(|setting| setting.key == key) else { return false };
        (setting.value, setting.origin) = (value, origin);
        true
    }

    /// The sections of fields again.
    pub(super) fn document(&self) -> Value {
        let mut document = Map::new();
        for setting in &self.0 {
            let Some((section, field)) = setting.key.split_once('.') else { continue };
            let fields = document.entry(section).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(fields) = fields {
                fields.insert(field.to_owned(), setting.value.clone());
            }
        }
        Value::Object(document)
    }

    pub(super) fn origin(&self, key: &str) -> Option<&Origin> {
        self.0.iter().find(|setting| key.starts_with(&setting.key)).map(|setting| &setting.origin)
    }

    pub(super) fn into_settings(self) -> Vec<Setting> {
        self.0
    }

    /// Says that there is no such key, and which may have been meant.
    fn unknown(&self, key: &str) -> String {
        let field = key.rsplit('.').next().unwrap_or(key);
        let same_field = |setting: &&Setting| setting.key.rsplit('.').next() == Some(field);
        let nearest = || self.0.iter().min_by_key(|setting| distance(&setting.key, key));
        let meant = self
            .0
            .iter()
            .find(same_field)
            .or_else(nearest)
            .filter(|setting| setting.key.ends_with(field) || distance(&setting.key, key) <= 1 + key.len() / 4);
        let advice = meant.map_or_else(String::new, |setting| format!("; did you mean `{}`", setting.key));
        format!("unknown key `{key}`{advice}")
    }
}

/// How many characters have to be added, removed or changed to make one text the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, character) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, wanted) in other.iter().enumerate() {
            let cost = diagonal + usize::from(character != *wanted);
            diagonal = row[column + 1];
            row[column + 1] = cost.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn tree() -> Tree {
        Tree::of_defaults(&json!({"server": {"listen": "a", "port": null}, "log": {"filter": "info"}}))
    }

    #[test]
    fn what_a_file_says_is_laid_over_the_defaults() {
        let mut tree = tree();
        let file = json!({"server": {"listen": "b"}});
        tree.overlay(file.as_object().unwrap().clone()).unwrap();
        assert_eq!(tree.document(), json!({"server": {"listen": "b", "port": null}, "log": {"filter": "info"}}));
        assert_eq!(tree.origin("server.listen"), Some(&Origin::File));
        assert_eq!(tree.origin("log.filter"), Some(&Origin::Default));
    }

    #[test]
    fn unknown_keys_are_named_with_their_path_and_a_guess() {
        for (file, message) in [
            (json!({"server": {"lisen": 1}}), "unknown key `server.lisen`; did you mean `server.listen`"),
            (json!({"listen": "x"}), "unknown key `listen`; did you mean `server.listen`"),
            (json!({"nonsense": {"a": 1}}), "unknown key `nonsense`"),
        ] {
            assert_eq!(tree().overlay(file.as_object().unwrap().clone()).unwrap_err(), message);
        }
    }
}
