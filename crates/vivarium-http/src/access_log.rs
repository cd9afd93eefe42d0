//! One line and two numbers for every request.

use std::time::Duration;

use axum::extract::MatchedPath;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{Method, StatusCode};

use crate::context::RequestContext;

/// Counter of requests by `dialect`, `method`, `route` and `status` (its class, such as `2xx`).
pub const REQUESTS_METRIC: &str = "vivarium_http_requests_total";

/// Histogram of the seconds until the head of the answer, with the same labels.
pub const DURATION_METRIC: &str = "vivarium_http_request_duration_seconds";

/// The route that answered, such as `/api/runtimes/{id}`; it goes from the router to the front with the answer.
#[derive(Debug, Clone)]
pub(crate) struct Route(pub(crate) MatchedPath);

/// Notes the route on the answer.
pub(crate) async fn note_route(route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(Route(route));
    }
    response
}

/// Writes the line and counts.
pub(crate) fn record(context: &RequestContext, dialect: &'static str, response: &Response, latency: Duration) {
    let status = response.status();
    // The path alone: queries may carry secrets.
    tracing::info!(
        target: "vivarium::access",
        method = %context.method(),
        path = context.uri().path(),
        status = status.as_u16(),
        latency_micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX),
        client = %context.client(),
        "request"
    );
    let route = response.extensions().get::<Route>().map_or("unknown", |route| route.0.as_str()).to_owned();
    let labels = [
        ("dialect", dialect.to_owned()),
        ("method", method_label(context.method()).to_owned()),
        ("route", route),
        ("status", status_label(status).to_owned()),
    ];
    metrics::counter!(REQUESTS_METRIC, &labels).increment(1);
    metrics::histogram!(DURATION_METRIC, &labels).record(latency.as_secs_f64());
}

/// Invented methods share a label, so that clients cannot make up series.
fn method_label(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
}

fn status_label(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
