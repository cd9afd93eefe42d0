//! `/healthz`, `/readyz` and `/metrics`: for those who watch the server. They need no login and tell no secrets.

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use vivarium_domain::evaluation::Evaluations;

use super::measurements::Measurements;
use super::readiness::Readiness;

/// The media type of the text form that Prometheus reads.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The routes.
pub(crate) fn router(readiness: Readiness, measurements: Measurements, evaluations: Arc<Evaluations>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(async move || ready(&readiness).await))
        .route("/metrics", get(async move || ([(CONTENT_TYPE, EXPOSITION)], measurements.render(&evaluations))))
}

async fn ready(readiness: &Readiness) -> Response {
    let report = readiness.report().await;
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string(&report).unwrap_or_default();
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}
