//! Errors in the words of the dialect (contract 1).

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use vivarium_domain::{Error, ErrorKind};
use vivarium_http::{Dialect, Fault, Problem, RequestContext};

use crate::input::MISSING;

/// How this dialect says that something went wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct StrategyDialect;

/// A code of the REST layer (contract 1.4), always with three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    /// General problem.
    General,
    /// Authentication failed.
    Authentication,
    /// Not found.
    NotFound,
    /// Required information is missing.
    MissingInformation,
    /// Invalid input.
    Invalid,
    /// A required field is missing.
    MissingField,
    /// No session.
    Session,
    /// Not supported.
    NotSupported,
    /// A privilege is missing.
    Privilege,
    /// The name is taken.
    Exists,
    /// Unavailable.
    Unavailable,
    /// A permission is missing.
    Permission,
}

/// The engine's number for a permission that is missing; the only one with a known meaning here.
const ACCESS_DENIED: i32 = -2_147_214_568;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'problem> {
    code: &'static str,
    message: &'problem str,
    ticket_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    i_server_code: Option<i32>,
}

impl Code {
    fn as_str(self) -> &'static str {
        match self {
            Self::General => "ERR001",
            Self::Authentication => "ERR003",
            Self::NotFound => "ERR004",
            Self::MissingInformation => "ERR005",
            Self::Invalid => "ERR006",
            Self::MissingField => "ERR007",
            Self::Session => "ERR009",
            Self::NotSupported => "ERR010",
            Self::Privilege => "ERR014",
            Self::Exists => "ERR015",
            Self::Unavailable => "ERR016",
            Self::Permission => "ERR017",
        }
    }
}

impl Dialect for StrategyDialect {
    fn name(&self) -> &'static str {
        "strategy"
    }

    fn render(&self, problem: &Problem, context: &RequestContext) -> Response {
        let (status, code, message) = match problem {
            Problem::Domain(error) => domain(error),
            Problem::Transport(fault) => transport(fault),
        };
        let ticket_id = context.request_id().to_string();
        let i_server_code = (code == Code::Permission).then_some(ACCESS_DENIED);
        let body = Envelope { code: code.as_str(), message: &message, ticket_id, i_server_code };
        (status, Json(body)).into_response()
    }
}

fn domain(error: &Error) -> (StatusCode, Code, String) {
    let (status, code) = match error.kind() {
        ErrorKind::InvalidInput if only_lacks_fields(error) => (StatusCode::BAD_REQUEST, Code::MissingField),
        ErrorKind::InvalidInput => (StatusCode::BAD_REQUEST, Code::Invalid),
        ErrorKind::BadCredentials => (StatusCode::UNAUTHORIZED, Code::Authentication),
        ErrorKind::NoSession => (StatusCode::UNAUTHORIZED, Code::Session),
        ErrorKind::MissingPrivilege => (StatusCode::FORBIDDEN, Code::Privilege),
        ErrorKind::MissingPermission => (StatusCode::FORBIDDEN, Code::Permission),
        ErrorKind::NotFound => (StatusCode::NOT_FOUND, Code::NotFound),
        ErrorKind::AlreadyExists => (StatusCode::CONFLICT, Code::Exists),
        ErrorKind::Conflict => (StatusCode::CONFLICT, Code::General),
        ErrorKind::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, Code::Unavailable),
        ErrorKind::NotSupported => (StatusCode::BAD_REQUEST, Code::NotSupported),
        ErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable),
        ErrorKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, Code::General),
    };
    (status, code, error.message().to_owned())
}

fn only_lacks_fields(error: &Error) -> bool {
    !error.fields().is_empty() && error.fields().iter().all(|fault| fault.message == MISSING)
}

/// The two exact texts tell clients that this server does not know the call (contract 1.2); no other error has them.
fn transport(fault: &Fault) -> (StatusCode, Code, String) {
    let (code, message) = match fault {
        Fault::UnknownRoute => (Code::NotFound, "HTTP 404 Not Found".to_owned()),
        Fault::WrongMethod => (Code::General, "HTTP 405 Method Not Allowed".to_owned()),
        Fault::MissingBody => (Code::MissingInformation, fault.to_string()),
        Fault::TimedOut | Fault::Panicked => (Code::General, fault.to_string()),
        _ => (Code::Invalid, fault.to_string()),
    };
    (fault.status(), code, message)
}
