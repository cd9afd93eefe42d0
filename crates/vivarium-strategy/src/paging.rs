//! `offset`, `limit` and the count of all elements (contract 0.6).

use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::HeaderName;
use http::request::Parts;
use serde::Serialize;
use vivarium_domain::{Error, FieldError};
use vivarium_http::{Answer, Problem, QueryParameters};

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-mstr-total-count");

/// Which part of a list the client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    offset: usize,
    limit: usize,
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let query = QueryParameters::from_request_parts(parts, state).await?;
        let (offset, limit) = (number(&query, "offset", 0), number(&query, "limit", -1));
        let faults: Vec<_> = [&offset, &limit].into_iter().filter_map(|part| part.as_ref().err().cloned()).collect();
        match (offset, limit) {
            (Ok(offset), Ok(limit)) => Ok(Self { offset, limit }),
            _ => Err(Error::invalid_fields(faults).into()),
        }
    }
}

/// -1 means all, where it may be given.
fn number(query: &QueryParameters, name: &str, least: i64) -> Result<usize, FieldError> {
    let text = query.get(name).filter(|text| !text.is_empty());
    let number = match text {
        Some(text) => text.parse().ok().filter(|number| *number >= least),
        None => Some(least),
    };
    let fault = || FieldError::new(name, format!("must be a whole number from {least} on"));
    number.map(|number: i64| usize::try_from(number).unwrap_or(usize::MAX)).ok_or_else(fault)
}

impl Page {
    /// The wanted part of a list, wrapped, with the count of the whole.
    pub(crate) fn of<T, D: Serialize>(self, list: Vec<T>, wrap: impl FnOnce(Vec<T>) -> D) -> Response {
        let total = list.len().to_string();
        let part = list.into_iter().skip(self.offset).take(self.limit).collect();
        ([(TOTAL_COUNT, total)], Json(wrap(part))).into_response()
    }
}
