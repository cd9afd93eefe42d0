//! What this client reads of the documents of the dialect.

use serde::Deserialize;

/// A runtime (contract 4.1).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RuntimeDocument {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state, such as `ready`.
    #[serde(default)]
    pub status: String,
    /// Its version of Python.
    #[serde(default, rename = "runtimeVersion")]
    pub python: String,
    /// Whether an operator took it out of service.
    #[serde(default)]
    pub stopped: bool,
}

impl RuntimeDocument {
    /// Whether `key`, in lower case, is its name or id.
    pub(crate) fn is_named(&self, key: &str) -> bool {
        self.id.to_lowercase() == key || self.name.to_lowercase() == key
    }
}

/// The state of an evaluation (contract 7.2).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EvaluationDocument {
    /// 0 to 6.
    pub status: u8,
    /// What the server has to say about the end.
    #[serde(default)]
    pub message: Option<String>,
}

/// The script came to its end.
pub(crate) const READY: u8 = 3;
/// The time limit has passed.
pub(crate) const EXPIRED: u8 = 5;
/// Somebody cancelled it.
pub(crate) const CANCELLED: u8 = 6;

impl EvaluationDocument {
    /// Whether it has ended.
    pub(crate) fn is_final(&self) -> bool {
        self.status >= READY
    }
}
