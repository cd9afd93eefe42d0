//! The session of a request: the token in `X-MSTR-AuthToken` and whom it stands for.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use vivarium_domain::access::Caller;
use vivarium_domain::account::{IssuedToken, TokenSecret};
use vivarium_domain::{Error, ErrorKind};
use vivarium_http::{Answer, Problem};

use crate::router::StrategyParts;

/// Names the session of a request, and of the answer that opened it.
pub(crate) const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-mstr-authtoken");

/// A session that has been proven.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// Whom it stands for.
    pub(crate) caller: Caller,
    /// Its token.
    pub(crate) token: TokenSecret,
}

/// Lets a request pass that has a session, and leaves the session with it.
pub(crate) async fn require_session(
    State(parts): State<Arc<StrategyParts>>,
    mut request: Request,
    next: Next,
) -> Answer<Response> {
    let token = token_of(request.headers())?;
    let caller = parts.accounts.authenticate(&token).await?;
    request.extensions_mut().insert(Session { caller, token });
    Ok(next.run(request).await)
}

fn token_of(headers: &HeaderMap) -> Result<TokenSecret, Error> {
    let text = headers.get(AUTH_TOKEN).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty());
    text.map(TokenSecret::from_client)
        .ok_or_else(|| no_session("log in first and send the token in `X-MSTR-AuthToken`"))
}

fn no_session(message: &str) -> Error {
    Error::new(ErrorKind::NoSession, message)
}

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    /// A route that forgot to ask for a session finds none.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        let session = parts.extensions.get::<Self>().cloned();
        session.ok_or_else(|| no_session("this call needs a session").into())
    }
}

/// The answer that opens a session. There is no cookie: the token alone is enough, and what browsers send by
/// themselves could be made to act for somebody without their knowledge.
pub(crate) fn opened(issued: &IssuedToken) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1]), Error> {
    Ok((StatusCode::NO_CONTENT, [(AUTH_TOKEN, secret_header(&issued.secret)?)]))
}

/// A secret as the value of a header that is never written to logs.
pub(crate) fn secret_header(secret: &TokenSecret) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(secret.reveal()).map_err(Error::internal)?;
    value.set_sensitive(true);
    Ok(value)
}
