//! The session (contract 2.2, 2.3, 2.5).

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use vivarium_http::Answer;

use super::Parts;
use crate::session::Session;
use crate::wire::{PrivilegeDocument, SessionDocument, UserInfo};

pub(crate) async fn get(State(parts): Parts, session: Session) -> impl IntoResponse {
    Json(SessionDocument::new(&session.caller, parts.accounts.session_settings().idle))
}

pub(crate) async fn renew(State(parts): Parts, session: Session) -> Answer<impl IntoResponse> {
    parts.accounts.renew(&session.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn user_info(session: Session) -> impl IntoResponse {
    Json(UserInfo::from(&session.caller))
}

pub(crate) async fn privileges(session: Session) -> impl IntoResponse {
    let privileges: Vec<_> = session.caller.privileges().iter().map(PrivilegeDocument::from).collect();
    Json(privileges)
}
