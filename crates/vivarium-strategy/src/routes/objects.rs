//! The generic calls of objects (contract 3.2, 3.3).

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use vivarium_domain::id::RuntimeId;
use vivarium_domain::runtime::RuntimeChange;
use vivarium_domain::{Error, ErrorKind, FieldError, Result};
use vivarium_http::{Answer, JsonBody, QueryParameters};

use super::Parts;
use crate::fields::Fields;
use crate::input::{self, MISSING};
use crate::path::id;
use crate::session::Session;
use crate::wire::{ObjectDocument, PROJECT_TYPE, RUNTIME_TYPE, USER_TYPE};

pub(crate) async fn get(
    State(parts): Parts,
    session: Session,
    fields: Fields,
    query: QueryParameters,
    Path(object): Path<String>,
) -> Answer<impl IntoResponse> {
    let caller = &session.caller;
    let document = match object_type(&query)? {
        RUNTIME_TYPE => ObjectDocument::from(parts.runtimes.get(caller, id(&object)?).await?),
        PROJECT_TYPE => ObjectDocument::of_project(&parts.projects.get(caller, id(&object)?).await?, caller),
        USER_TYPE => ObjectDocument::of_user(&parts.accounts.user(caller, id(&object)?).await?, caller),
        other => return Err(no_such_object(&object, other).into()),
    };
    fields.object(&document)
}

pub(crate) async fn put(
    State(parts): Parts,
    session: Session,
    fields: Fields,
    query: QueryParameters,
    Path(object): Path<String>,
    JsonBody(document): JsonBody,
) -> Answer<impl IntoResponse> {
    let runtime = runtime_id(&query, &object)?;
    let change = input::object_change(&document)?;
    if change.definition != RuntimeChange::default() {
        parts.runtimes.alter(&session.caller, runtime, change.definition).await?;
    }
    if !change.access.is_empty() {
        parts.runtimes.change_acl(&session.caller, runtime, change.access).await?;
    }
    let view = parts.runtimes.get(&session.caller, runtime).await?;
    fields.object(&ObjectDocument::from(view))
}

pub(crate) async fn delete(
    State(parts): Parts,
    session: Session,
    query: QueryParameters,
    Path(object): Path<String>,
) -> Answer<impl IntoResponse> {
    parts.runtimes.delete(&session.caller, runtime_id(&query, &object)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn object_type(query: &QueryParameters) -> Result<u32> {
    let fault = |message: &str| Error::invalid_fields(vec![FieldError::new("type", message)]);
    let text = query.get("type").ok_or_else(|| fault(MISSING))?;
    text.parse().map_err(|_| fault("must be the number of an object type, such as 80 for runtimes"))
}

/// The runtime that a changing call is about: nothing else can be changed by these calls yet.
fn runtime_id(query: &QueryParameters, object: &str) -> Result<RuntimeId> {
    match object_type(query)? {
        RUNTIME_TYPE => id(object),
        PROJECT_TYPE => Err(not_supported("projects are changed in the configuration of the server")),
        USER_TYPE => Err(not_supported("users are changed by `vivarium user` on the server")),
        other => Err(no_such_object(object, other)),
    }
}

fn not_supported(message: &str) -> Error {
    Error::new(ErrorKind::NotSupported, message)
}

fn no_such_object(object: &str, kind: u32) -> Error {
    Error::not_found(format!("no object `{object}` of type {kind} is visible to you"))
}
