//! Evaluations of code (contract 7).

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use vivarium_domain::evaluation::Watch;
use vivarium_http::{Answer, Deadline, JsonBody, prefer_wait, preference_applied};

use super::Parts;
use crate::fields::Fields;
use crate::input;
use crate::path::id;
use crate::session::Session;
use crate::wire::{Created, EvaluationDocument};

/// 202 with the id; with `Prefer: wait` the finished document with 200, if it is finished in time.
pub(crate) async fn start(
    State(parts): Parts,
    session: Session,
    deadline: Deadline,
    headers: HeaderMap,
    JsonBody(document): JsonBody,
) -> Answer<impl IntoResponse> {
    let id = parts.evaluations.start(&session.caller, input::start_evaluation(&document)?).await?;
    let accepted = (StatusCode::ACCEPTED, Json(Created::new(id.0)));
    let Some(wait) = prefer_wait(&headers, parts.max_wait) else { return Ok(accepted.into_response()) };
    deadline.extend(wait);
    let watch = parts.evaluations.watch(&session.caller, id).await?;
    let applied = [preference_applied(wait)];
    Ok(match finished(watch, wait).await {
        Some(document) => (applied, Json(document)).into_response(),
        None => (applied, accepted).into_response(),
    })
}

/// The evaluation as it is; with `Prefer: wait`, held until its state changes.
pub(crate) async fn get(
    State(parts): Parts,
    session: Session,
    deadline: Deadline,
    fields: Fields,
    headers: HeaderMap,
    Path(evaluation): Path<String>,
) -> Answer<Response> {
    let (caller, id) = (&session.caller, id(&evaluation)?);
    let Some(wait) = prefer_wait(&headers, parts.max_wait) else {
        return fields.object(&EvaluationDocument::from(parts.evaluations.get(caller, id).await?));
    };
    deadline.extend(wait);
    let watch = parts.evaluations.watch(caller, id).await?;
    let answer = fields.object(&changed(watch, wait).await)?;
    Ok(([preference_applied(wait)], answer).into_response())
}

pub(crate) async fn cancel(
    State(parts): Parts,
    session: Session,
    Path(evaluation): Path<String>,
) -> Answer<impl IntoResponse> {
    parts.evaluations.cancel(&session.caller, id(&evaluation)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The final document, if it comes within `wait`.
async fn finished(mut watch: Watch, wait: Duration) -> Option<EvaluationDocument> {
    // Whether the time was enough is read from the evaluation itself: it may end in the very last moment.
    let _ = tokio::time::timeout(wait, watch.finished()).await;
    let evaluation = watch.evaluation();
    evaluation.state.is_final().then(|| EvaluationDocument::from(evaluation))
}

/// The document once the state is another one, or after `wait`. A final state never changes.
async fn changed(mut watch: Watch, wait: Duration) -> EvaluationDocument {
    if !watch.evaluation().state.is_final() {
        // Changed or not, the answer is the evaluation as it is then.
        let _ = tokio::time::timeout(wait, watch.state_changed()).await;
    }
    EvaluationDocument::from(watch.evaluation())
}
