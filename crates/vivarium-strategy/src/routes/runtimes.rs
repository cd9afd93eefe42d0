//! Runtimes (contract 4).

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use vivarium_http::{Answer, JsonBody};

use super::Parts;
use crate::fields::Fields;
use crate::input;
use crate::path::id;
use crate::session::Session;
use crate::wire::{Created, PoolDocument, RuntimeDocument, RuntimeList, VersionList};

pub(crate) async fn list(State(parts): Parts, session: Session, fields: Fields) -> Answer<impl IntoResponse> {
    let views = parts.runtimes.list(&session.caller).await?;
    fields.wrapped_elements(&RuntimeList { runtimes: views.into_iter().map(RuntimeDocument::from).collect() })
}

pub(crate) async fn create(
    State(parts): Parts,
    session: Session,
    JsonBody(document): JsonBody,
) -> Answer<impl IntoResponse> {
    let change = input::runtime_change(&document)?;
    let id = parts.runtimes.create(&session.caller, change).await?;
    Ok((StatusCode::CREATED, Json(Created::new(id.0))))
}

pub(crate) async fn versions(State(parts): Parts, session: Session) -> Answer<impl IntoResponse> {
    Ok(Json(VersionList { versions: parts.runtimes.versions(&session.caller).await? }))
}

pub(crate) async fn get(
    State(parts): Parts,
    session: Session,
    fields: Fields,
    Path(runtime): Path<String>,
) -> Answer<impl IntoResponse> {
    let view = parts.runtimes.get(&session.caller, id(&runtime)?).await?;
    fields.object(&RuntimeDocument::from(view))
}

pub(crate) async fn pool(
    State(parts): Parts,
    session: Session,
    fields: Fields,
    Path(runtime): Path<String>,
) -> Answer<impl IntoResponse> {
    let pool = parts.runtimes.pool(&session.caller, id(&runtime)?).await?;
    fields.object(&PoolDocument::from(pool))
}

pub(crate) async fn alter(
    State(parts): Parts,
    session: Session,
    Path(runtime): Path<String>,
    JsonBody(document): JsonBody,
) -> Answer<impl IntoResponse> {
    let id = id(&runtime)?;
    let change = input::runtime_change(&document)?;
    parts.runtimes.alter(&session.caller, id, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn delete(
    State(parts): Parts,
    session: Session,
    Path(runtime): Path<String>,
) -> Answer<impl IntoResponse> {
    parts.runtimes.delete(&session.caller, id(&runtime)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn stop(
    State(parts): Parts,
    session: Session,
    Path(runtime): Path<String>,
) -> Answer<impl IntoResponse> {
    parts.runtimes.stop(&session.caller, id(&runtime)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn start(
    State(parts): Parts,
    session: Session,
    Path(runtime): Path<String>,
) -> Answer<impl IntoResponse> {
    parts.runtimes.start(&session.caller, id(&runtime)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn synchronize(
    State(parts): Parts,
    session: Session,
    Path(runtime): Path<String>,
) -> Answer<impl IntoResponse> {
    parts.runtimes.synchronize(&session.caller, id(&runtime)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
