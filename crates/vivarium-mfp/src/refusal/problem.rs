//! Problems of the domain and of the transport, in the words of this dialect.

use http::StatusCode;
use vivarium_domain::{Error, ErrorKind};
use vivarium_http::{Fault, Problem, RequestContext};

use super::Refusal;
use crate::language::{Code, Message};

impl Refusal {
    /// What the client is told about a problem.
    pub(crate) fn about(problem: &Problem, context: &RequestContext) -> Self {
        match problem {
            Problem::Domain(error) => Self::of_error(error, context),
            Problem::Transport(fault) => Self::of_fault(fault, context),
        }
    }

    fn of_error(error: &Error, context: &RequestContext) -> Self {
        let reason = |status, code| Self::new(status, code).because(Message::reason(error.message()));
        match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::NotSupported => reason(StatusCode::BAD_REQUEST, Code::InvalidPayload),
            ErrorKind::BadCredentials | ErrorKind::NoSession => {
                Self::new(StatusCode::UNAUTHORIZED, Code::WrongCredentials)
            }
            ErrorKind::MissingPrivilege | ErrorKind::MissingPermission => {
                Self::of(StatusCode::FORBIDDEN, Message::reason(error.message()))
            }
            ErrorKind::NotFound => reason(StatusCode::NOT_FOUND, Code::NotFound),
            ErrorKind::AlreadyExists | ErrorKind::Conflict => reason(StatusCode::CONFLICT, Code::Conflict),
            ErrorKind::TooManyRequests => Self::of(StatusCode::TOO_MANY_REQUESTS, too_many(error)),
            ErrorKind::Unavailable => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable).because(see_log(context))
            }
            ErrorKind::Internal => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, Code::ServerError).because(see_log(context))
            }
        }
    }

    fn of_fault(fault: &Fault, context: &RequestContext) -> Self {
        let status = fault.status();
        let reason = || Message::reason(fault.to_string());
        match fault {
            Fault::BadPath { .. } | Fault::BadQuery { .. } => {
                Self::new(status, Code::InvalidParameters).because(reason())
            }
            Fault::MissingBody | Fault::BrokenBody { .. } | Fault::InvalidJson { .. } | Fault::InvalidForm { .. } => {
                Self::new(status, Code::InvalidPayload).because(reason())
            }
            Fault::UnknownRoute => {
                let path = Message::new(Code::UnknownPath).with("path", context.uri().path());
                Self::new(status, Code::NotFound).because(path)
            }
            Fault::WrongMethod => {
                Self::of(status, Message::new(Code::WrongMethod).with("method", context.method().as_str()))
            }
            Fault::NotAcceptable { offers } => {
                Self::of(status, Message::new(Code::NotAcceptable).with("types", offers.join(", ")))
            }
            Fault::Panicked => Self::new(status, Code::ServerError).because(see_log(context)),
            Fault::TimedOut
            | Fault::BodyTooLarge { .. }
            | Fault::UnsupportedMediaType { .. }
            | Fault::HeadersTooLarge { .. } => Self::of(status, reason()),
        }
    }
}

/// Whole seconds, and never fewer than it takes: the same number as in `Retry-After`.
fn too_many(error: &Error) -> Message {
    let wait = error.retry_after().unwrap_or_default();
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Message::new(Code::TooManyRequests).with("seconds", seconds.max(1).to_string())
}

fn see_log(context: &RequestContext) -> Message {
    Message::new(Code::SeeLog).with("request", context.request_id().to_string())
}
