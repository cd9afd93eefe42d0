//! The server itself (contract 2.4).

use axum::Json;
use axum::response::IntoResponse;

use crate::wire::StatusDocument;

pub(crate) async fn get() -> impl IntoResponse {
    Json(StatusDocument::current())
}
