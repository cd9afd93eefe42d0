//! Projects (contract 2.6).

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use vivarium_domain::access::Caller;
use vivarium_domain::project::{Project, Projects};
use vivarium_domain::{Error, Result};
use vivarium_http::Answer;

use super::Parts;
use crate::fields::Fields;
use crate::session::Session;
use crate::wire::ProjectDocument;

pub(crate) async fn list(State(parts): Parts, session: Session, fields: Fields) -> Answer<impl IntoResponse> {
    let caller = &session.caller;
    let projects = parts.projects.list(caller).await?;
    let documents: Vec<_> = projects.into_iter().map(|project| ProjectDocument::new(project, caller)).collect();
    fields.elements(&documents)
}

pub(crate) async fn get(
    State(parts): Parts,
    session: Session,
    fields: Fields,
    Path(id_or_name): Path<String>,
) -> Answer<impl IntoResponse> {
    let project = find(&parts.projects, &session.caller, &id_or_name).await?;
    fields.object(&ProjectDocument::new(project, &session.caller))
}

/// An id wins over a name that looks like one.
async fn find(projects: &Projects, caller: &Caller, id_or_name: &str) -> Result<Project> {
    if let Ok(id) = id_or_name.parse() {
        return projects.get(caller, id).await;
    }
    let wanted = id_or_name.trim().to_lowercase();
    let found = projects.list(caller).await?.into_iter().find(|project| project.name.key() == wanted);
    found.ok_or_else(|| Error::not_found(format!("there is no project `{id_or_name}`")))
}
