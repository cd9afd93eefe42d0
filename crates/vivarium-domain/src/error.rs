//! The one error of the domain. Each dialect renders it in its own words and codes.

use std::time::Duration;

/// What happened in the terms of the domain.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What kind of fault an [`Error`] is; dialects choose their status code by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is malformed or one of its values is not allowed.
    InvalidInput,
    /// The presented credentials are wrong.
    BadCredentials,
    /// No session, or one that has ended.
    NoSession,
    /// The user lacks the privilege for the action.
    MissingPrivilege,
    /// The access list of the object denies the action.
    MissingPermission,
    /// There is no such object, or the user may not know that it exists.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// The object's state does not allow the action now.
    Conflict,
    /// Too many attempts or too much work at once; see [`Error::retry_after`].
    TooManyRequests,
    /// The request is understood but this server does not offer it.
    NotSupported,
    /// A part that the server needs does not answer now.
    Unavailable,
    /// A fault of the server itself.
    Internal,
}

/// One offending field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where, in the words of the request: `packages[2].version`.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub message: String,
}

impl FieldError {
    /// A fault of `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// A refused or failed action: a public sentence, and a private cause that only the log sees.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    fields: Vec<FieldError>,
    retry_after: Option<Duration>,
    #[source]
    source: Option<Source>,
}

impl Error {
    /// An error of `kind` with a sentence that the user may read.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), fields: Vec::new(), retry_after: None, source: None }
    }

    /// A malformed request or a value that is not allowed.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// One [`ErrorKind::InvalidInput`] that names every offending field.
    pub fn invalid_fields(fields: Vec<FieldError>) -> Self {
        let list: Vec<_> = fields.iter().map(|fault| format!("`{}`: {}", fault.field, fault.message)).collect();
        let mut error = Self::new(ErrorKind::InvalidInput, list.join("; "));
        error.fields = fields;
        error
    }

    /// There is no such object for this user.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// The object's state does not allow the action now.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// A fault of the server; the cause goes to the log, never to the user.
    pub fn internal(cause: impl Into<Source>) -> Self {
        let mut error = Self::new(ErrorKind::Internal, "an internal error occurred");
        error.source = Some(cause.into());
        error
    }

    /// A part that the server needs does not answer; the cause goes to the log.
    pub fn unavailable(message: impl Into<String>, cause: impl Into<Source>) -> Self {
        let mut error = Self::new(ErrorKind::Unavailable, message);
        error.source = Some(cause.into());
        error
    }

    /// Refused for now; trying again makes sense after `retry_after`.
    pub fn too_many(message: impl Into<String>, retry_after: Duration) -> Self {
        let mut error = Self::new(ErrorKind::TooManyRequests, message);
        error.retry_after = Some(retry_after);
        error
    }

    /// What kind of fault it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence for the user.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Every offending field, empty where the fault is not one of fields.
    pub fn fields(&self) -> &[FieldError] {
        &self.fields
    }

    /// When trying again makes sense, for [`ErrorKind::TooManyRequests`].
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}
