//! An evaluation as server-sent events: an addition of this server.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, StatusCode};
use vivarium_domain::evaluation::{Cursor, Emission, Watch};
use vivarium_domain::{Error, FieldError};
use vivarium_http::Answer;

use super::Parts;
use crate::path::id;
use crate::session::Session;
use crate::wire::EvaluationDocument;

/// How often a comment shows a silent stream to be alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The stream from `Last-Event-ID` on. It ends after the final `status`; a client that has seen that one and comes
/// again gets 204, which tells an `EventSource` to come no more.
pub(crate) async fn follow(
    State(parts): Parts,
    session: Session,
    headers: HeaderMap,
    Path(evaluation): Path<String>,
) -> Answer<Response> {
    let cursor = last_event_id(&headers)?;
    let mut watch = parts.evaluations.watch(&session.caller, id(&evaluation)?).await?;
    if watch.evaluation().state.is_final() && watch.emissions(cursor).0.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive");
    let events = Sse::new(events(watch, cursor)).keep_alive(keep_alive);
    // Proxies that would collect the stream leave it alone then.
    Ok(([("x-accel-buffering", "no")], events).into_response())
}

fn last_event_id(headers: &HeaderMap) -> vivarium_domain::Result<Cursor> {
    let Some(value) = headers.get("last-event-id").filter(|value| !value.is_empty()) else {
        return Ok(Cursor::default());
    };
    let cursor = value.to_str().ok().and_then(|text| text.parse().ok());
    let fault = || FieldError::new("Last-Event-ID", "must be the id of an event of this stream");
    cursor.ok_or_else(|| Error::invalid_fields(vec![fault()]))
}

fn events(watch: Watch, cursor: Cursor) -> impl Stream<Item = Result<Event, axum::Error>> {
    stream::unfold((watch, cursor), |(mut watch, cursor)| async move {
        let (emissions, cursor) = next_emissions(&mut watch, cursor).await?;
        Some((stream::iter(emissions.into_iter().map(event)), (watch, cursor)))
    })
    .flatten()
}

/// What comes next, once there is something; `None` after the end.
async fn next_emissions(watch: &mut Watch, cursor: Cursor) -> Option<(Vec<Emission>, Cursor)> {
    loop {
        // Read first: an evaluation that is final before its emissions are read has no more to come after them.
        let is_final = watch.evaluation().state.is_final();
        let (emissions, next) = watch.emissions(cursor);
        if !emissions.is_empty() {
            return Some((emissions, next));
        }
        if is_final {
            return None;
        }
        watch.changed().await;
    }
}

fn event(emission: Emission) -> Result<Event, axum::Error> {
    let new = |name: &str, id: Cursor| Event::default().event(name).id(id.to_string());
    match emission {
        Emission::Stdout { text, id } => new("stdout", id).json_data(text),
        Emission::Stderr { text, id } => new("stderr", id).json_data(text),
        Emission::Status { evaluation, id } => new("status", id).json_data(EvaluationDocument::from(*evaluation)),
    }
}
