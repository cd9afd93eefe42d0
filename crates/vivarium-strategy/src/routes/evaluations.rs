//! Evaluations of code (contract 7).

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use vivarium_domain::evaluation::{Evaluation, StartEvaluation, Watch};
use vivarium_domain::id::EvaluationId;
use vivarium_http::{Answer, Deadline, JsonBody, prefer_wait, preference_applied};

use super::Parts;
use crate::fields::Fields;
use crate::input;
use crate::path::id;
use crate::session::Session;
use crate::wire::{Created, EvaluationDocument};

/// How long a poll without a preference waits for the end of a run. Clients poll at once after the start and then every
/// five seconds (contract 0.8), so without this the shortest script would take them five seconds.
const SHORT_RUN: Duration = Duration::from_secs(1);

/// 202 with the id; with `Prefer: wait` the finished document with 200, if it is finished in time.
pub(crate) async fn start(
    State(parts): Parts,
    session: Session,
    deadline: Deadline,
    headers: HeaderMap,
    JsonBody(document): JsonBody,
) -> Answer<Response> {
    let wait = prefer_wait(&headers, parts.max_wait);
    let request = StartEvaluation { waits: wait.is_some(), ..input::start_evaluation(&document)? };
    let id = parts.evaluations.start(&session.caller, request).await?;
    let Some(wait) = wait else { return Ok(accepted(id)) };
    deadline.extend(wait);
    let mut watch = parts.evaluations.watch(&session.caller, id).await?;
    wait_for_end(&mut watch, wait).await;
    Ok(([preference_applied(wait)], finished_or_accepted(watch.evaluation())).into_response())
}

fn accepted(id: EvaluationId) -> Response {
    (StatusCode::ACCEPTED, Json(Created::new(id.0))).into_response()
}

fn finished_or_accepted(evaluation: Evaluation) -> Response {
    if evaluation.state.is_final() {
        Json(EvaluationDocument::from(evaluation)).into_response()
    } else {
        accepted(evaluation.id)
    }
}

/// The evaluation, held back for a short time if it has not ended; with `Prefer: wait`, held until its state changes.
pub(crate) async fn get(
    State(parts): Parts,
    session: Session,
    deadline: Deadline,
    fields: Fields,
    headers: HeaderMap,
    Path(evaluation): Path<String>,
) -> Answer<Response> {
    let mut watch = parts.evaluations.watch(&session.caller, id(&evaluation)?).await?;
    let Some(wait) = prefer_wait(&headers, parts.max_wait) else {
        wait_for_end(&mut watch, SHORT_RUN).await;
        return fields.object(&EvaluationDocument::from(watch.evaluation()));
    };
    deadline.extend(wait);
    wait_for_change(&mut watch, wait).await;
    let answer = fields.object(&EvaluationDocument::from(watch.evaluation()))?;
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

/// Until the evaluation has ended, or `most` has passed. Which of the two it was, the evaluation itself tells:
/// it may end in the very last moment.
async fn wait_for_end(watch: &mut Watch, most: Duration) {
    let _ = tokio::time::timeout(most, watch.finished()).await;
}

/// Until the state is another one, or `most` has passed. A final state never changes.
async fn wait_for_change(watch: &mut Watch, most: Duration) {
    if !watch.evaluation().state.is_final() {
        let _ = tokio::time::timeout(most, watch.state_changed()).await;
    }
}
