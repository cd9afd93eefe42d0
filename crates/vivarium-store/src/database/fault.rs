//! Why a statement failed.

use std::error::Error as StdError;
use std::sync::Arc;

use vivarium_domain::ports::StoreError;

/// A column holds what this program cannot read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the column `{column}`: {reason}")]
pub(crate) struct ColumnError {
    pub(crate) column: &'static str,
    pub(crate) reason: Box<dyn StdError + Send + Sync>,
}

/// The writer has ended: the store was closed.
#[derive(Debug, thiserror::Error)]
#[error("the store is closed")]
pub(crate) struct Closed;

/// Why a statement failed. It can be cloned, because writes that share a transaction share its failure.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// A unique index refused the row.
    Duplicate,
    /// The row refers to one that is not there.
    DanglingReference,
    /// Anything else.
    Failed(Arc<dyn StdError + Send + Sync>),
}

impl Fault {
    /// For rows whose only unique columns are their id and their name.
    pub(crate) fn of_named(self) -> StoreError {
        match self {
            Self::Duplicate => StoreError::NameTaken,
            other => other.into(),
        }
    }

    /// Whether only the one statement failed and its transaction is as good as before.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Duplicate | Self::DanglingReference)
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(refusal) if refusal.is_unique_violation() => Self::Duplicate,
            Some(refusal) if refusal.is_foreign_key_violation() => Self::DanglingReference,
            _ => Self::Failed(Arc::new(error)),
        }
    }
}

impl From<ColumnError> for Fault {
    fn from(error: ColumnError) -> Self {
        Self::Failed(Arc::new(error))
    }
}

impl From<Closed> for Fault {
    fn from(error: Closed) -> Self {
        Self::Failed(Arc::new(error))
    }
}

/// [`StoreError::Database`] wants an owned source; this is the shared one.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Shared(Arc<dyn StdError + Send + Sync>);

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Duplicate => Self::Database("a row with that key exists already".into()),
            Fault::DanglingReference => Self::Database("the row refers to one that is not there".into()),
            Fault::Failed(cause) => Self::Database(Box::new(Shared(cause))),
        }
    }
}
