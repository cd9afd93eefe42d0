//! What can go wrong with a request, before a dialect has found words for it.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use vivarium_domain::{Error, ErrorKind};

/// What a handler answers. Problems are rendered by the [`crate::Front`] in the words of the dialect.
pub type Answer<T = Response> = Result<T, Problem>;

/// A request that was refused or failed.
#[derive(Debug)]
pub enum Problem {
    /// A use case said no, or failed.
    Domain(Error),
    /// The request did not get as far as a use case.
    Transport(Fault),
}

/// What is wrong with a request as such. `Display` gives the sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// NUL, bad percent-encoding, no UTF-8, or two slashes in a row.
    #[error("the path of the request is not valid: {reason}")]
    BadPath {
        /// What is wrong.
        reason: String,
    },
    /// The query string is not percent-encoded UTF-8.
    #[error("the query of the request is not valid: {reason}")]
    BadQuery {
        /// What is wrong.
        reason: String,
    },
    /// Nothing is served under this path.
    #[error("there is nothing under this path")]
    UnknownRoute,
    /// The path is known, but not with this method.
    #[error("this path does not offer the method of the request")]
    WrongMethod,
    /// None of the types on offer is one that the client accepts.
    #[error("none of the media types on offer is acceptable: {}", offers.join(", "))]
    NotAcceptable {
        /// The media types on offer.
        offers: Vec<String>,
    },
    /// The time limit of a request has passed.
    #[error("the request took longer than this server allows")]
    TimedOut,
    /// The body is larger than allowed.
    #[error("the body of the request is larger than {limit} bytes")]
    BodyTooLarge {
        /// Largest body in bytes.
        limit: usize,
    },
    /// The body is of a kind that is not understood here.
    #[error("the body of the request is of an unsupported kind: {reason}")]
    UnsupportedMediaType {
        /// What is wrong and what would be right.
        reason: String,
    },
    /// There are too many headers, or they are too large.
    #[error("the headers of the request are too large: {reason}")]
    HeadersTooLarge {
        /// Which limit.
        reason: String,
    },
    /// A body is needed and none came.
    #[error("the request has no body, but one is needed")]
    MissingBody,
    /// The body did not arrive whole, or is not UTF-8.
    #[error("the body of the request cannot be read: {reason}")]
    BrokenBody {
        /// What is wrong.
        reason: String,
    },
    /// The body is not JSON.
    #[error("the body of the request is not valid JSON: {reason} at line {line} column {column}")]
    InvalidJson {
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// The body is not a form.
    #[error("the body of the request is not a valid form: {reason}")]
    InvalidForm {
        /// What is wrong.
        reason: String,
    },
    /// A handler panicked.
    #[error("an internal error occurred")]
    Panicked,
}

impl Fault {
    /// The status code that belongs to it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadPath { .. }
            | Self::BadQuery { .. }
            | Self::MissingBody
            | Self::BrokenBody { .. }
            | Self::InvalidJson { .. }
            | Self::InvalidForm { .. } => StatusCode::BAD_REQUEST,
            Self::UnknownRoute => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable { .. } => StatusCode::NOT_ACCEPTABLE,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::HeadersTooLarge { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Problem {
    /// The domain's error, where it is one.
    pub fn domain(&self) -> Option<&Error> {
        match self {
            Self::Domain(error) => Some(error),
            Self::Transport(_) => None,
        }
    }

    /// Whether its cause belongs into the log.
    pub(crate) fn is_our_fault(&self) -> bool {
        self.domain().is_some_and(|error| matches!(error.kind(), ErrorKind::Internal | ErrorKind::Unavailable))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Domain(error)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Transport(fault)
    }
}

/// A problem on its way from a handler to the front.
#[derive(Debug, Clone)]
pub(crate) struct Carried(pub(crate) Arc<Problem>);

impl IntoResponse for Problem {
    /// An empty answer that carries the problem; the [`crate::Front`] replaces it by what the dialect renders.
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Carried(Arc::new(self)));
        response
    }
}
