//! Logging in and out, and tokens (contract 2.1, 2.5).

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, HeaderName, StatusCode};
use vivarium_domain::account::TokenSecret;
use vivarium_domain::{Error, FieldError};
use vivarium_http::{Answer, FormOrJson, JsonBody, OptionalJsonBody, RequestContext};

use super::Parts;
use crate::input::{self, MISSING};
use crate::session::{Session, opened, secret_header};
use crate::wire::ApiToken;

const IDENTITY_TOKEN: HeaderName = HeaderName::from_static("x-mstr-identitytoken");

pub(crate) async fn log_in(
    State(parts): Parts,
    context: RequestContext,
    body: FormOrJson,
) -> Answer<impl IntoResponse> {
    let credentials = input::login(body)?;
    let issued = parts.accounts.log_in(credentials, context.client()).await?;
    Ok(opened(&issued)?)
}

pub(crate) async fn delegate(
    State(parts): Parts,
    context: RequestContext,
    JsonBody(document): JsonBody,
) -> Answer<impl IntoResponse> {
    let credentials = input::delegation(&document)?;
    let issued = parts.accounts.log_in(credentials, context.client()).await?;
    Ok(opened(&issued)?)
}

pub(crate) async fn log_out(State(parts): Parts, session: Session) -> Answer<impl IntoResponse> {
    parts.accounts.log_out(&session.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn issue_identity_token(State(parts): Parts, session: Session) -> Answer<impl IntoResponse> {
    let token = parts.accounts.issue_identity_token(&session.caller).await?;
    Ok((StatusCode::CREATED, [(IDENTITY_TOKEN, secret_header(&token)?)]))
}

pub(crate) async fn check_identity_token(State(parts): Parts, headers: HeaderMap) -> Answer<impl IntoResponse> {
    let text = headers.get(IDENTITY_TOKEN).and_then(|value| value.to_str().ok());
    let missing = || Error::invalid_fields(vec![FieldError::new("X-MSTR-IdentityToken", MISSING)]);
    let token = TokenSecret::from_client(text.ok_or_else(missing)?);
    parts.accounts.check_identity_token(&token).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn issue_api_token(
    State(parts): Parts,
    session: Session,
    OptionalJsonBody(document): OptionalJsonBody,
) -> Answer<impl IntoResponse> {
    let user = input::api_token_user(document.as_ref())?;
    let token = parts.accounts.issue_api_token(&session.caller, user).await?;
    Ok((StatusCode::CREATED, Json(ApiToken { api_token: token.reveal().to_owned() })))
}
