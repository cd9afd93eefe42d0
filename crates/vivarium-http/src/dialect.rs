//! What a dialect brings along.

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use vivarium_domain::ErrorKind;

use crate::context::RequestContext;
use crate::problem::Problem;

/// The words of a dialect for what goes wrong.
pub trait Dialect: Send + Sync + 'static {
    /// Its name: a label of metrics, such as `strategy`.
    fn name(&self) -> &'static str;

    /// The answer to a request with a problem: status, headers and body in the dialect's own form.
    fn render(&self, problem: &Problem, context: &RequestContext) -> Response;
}

/// A dialect and where it lives.
#[derive(Clone)]
pub struct Mount {
    /// Start of all its paths, such as `/api`; without a slash at the end.
    pub base: &'static str,
    /// Its words for problems.
    pub dialect: Arc<dyn Dialect>,
    /// Its routes, relative to `base`.
    pub router: Router,
}

impl Mount {
    /// Whether `path` is at or below the base.
    pub(crate) fn holds(&self, path: &str) -> bool {
        path.strip_prefix(self.base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// What answers outside every dialect: a short JSON object.
#[derive(Debug, Clone, Copy)]
pub struct Neutral;

impl Dialect for Neutral {
    fn name(&self) -> &'static str {
        "none"
    }

    fn render(&self, problem: &Problem, context: &RequestContext) -> Response {
        let (status, message) = match problem {
            Problem::Transport(fault) => (fault.status(), fault.to_string()),
            Problem::Domain(error) => (status_of(error.kind()), error.message().to_owned()),
        };
        let body = json!({"status": status.as_u16(), "error": message, "requestId": context.request_id().to_string()});
        let kind = HeaderValue::from_static("application/json");
        (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
    }
}

fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
        ErrorKind::BadCredentials | ErrorKind::NoSession => StatusCode::UNAUTHORIZED,
        ErrorKind::MissingPrivilege | ErrorKind::MissingPermission => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::AlreadyExists | ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::NotSupported => StatusCode::NOT_IMPLEMENTED,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
