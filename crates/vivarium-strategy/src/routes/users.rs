//! Users and the members of groups (contract 3.7).

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use vivarium_domain::Error;
use vivarium_domain::access::{EVERYONE, PUBLIC_GUEST};
use vivarium_domain::id::TrusteeId;
use vivarium_http::Answer;

use super::Parts;
use crate::fields::Fields;
use crate::paging::Page;
use crate::path::id;
use crate::session::Session;
use crate::wire::{MemberDocument, UserDocument};

pub(crate) async fn list(State(parts): Parts, session: Session, page: Page) -> Answer<impl IntoResponse> {
    let users = parts.accounts.users(&session.caller).await?;
    Ok(page.of(users, |users| users.iter().map(MemberDocument::from).collect::<Vec<_>>()))
}

pub(crate) async fn get(
    State(parts): Parts,
    session: Session,
    fields: Fields,
    Path(user): Path<String>,
) -> Answer<impl IntoResponse> {
    let user = parts.accounts.user(&session.caller, id(&user)?).await?;
    fields.object(&UserDocument::new(&user, &session.caller))
}

/// The two groups there are hold everybody.
pub(crate) async fn members(
    parts: Parts,
    session: Session,
    page: Page,
    Path(group): Path<String>,
) -> Answer<impl IntoResponse> {
    let group: TrusteeId = id(&group)?;
    if group != EVERYONE && group != PUBLIC_GUEST {
        return Err(Error::not_found(format!("there is no user group `{group}`")).into());
    }
    list(parts, session, page).await
}
