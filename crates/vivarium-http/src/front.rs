//! What every request passes on its way to a route, and every answer on its way back.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};
use tracing::Instrument;

use crate::access_log;
use crate::body::{self, BodyLimit};
use crate::context::{Connection, RequestContext};
use crate::deadline::Deadline;
use crate::dialect::{Dialect, Mount, Neutral};
use crate::origin::OriginSettings;
use crate::path;
use crate::problem::{Carried, Fault, Problem};
use crate::request_id::X_REQUEST_ID;

/// The limits of a request, and what is known of the way to it.
#[derive(Debug, Clone)]
pub struct FrontSettings {
    /// Largest body in bytes.
    pub body_limit: usize,
    /// Most bytes that address and headers may have together.
    pub header_bytes: usize,
    /// Most headers.
    pub header_count: usize,
    /// Longest time until the head of the answer, unless a handler pushes it back.
    pub time_limit: Duration,
    /// How the world sees this server.
    pub origin: OriginSettings,
    /// Ends every stream of server-sent events once it is cancelled.
    pub end_of_streams: CancellationToken,
}

impl Default for FrontSettings {
    fn default() -> Self {
        Self {
            body_limit: body::DEFAULT_LIMIT,
            header_bytes: 64 * 1024,
            header_count: 100,
            time_limit: Duration::from_secs(30),
            origin: OriginSettings::default(),
            end_of_streams: CancellationToken::new(),
        }
    }
}

/// The whole HTTP interface as a service: dialects, what stands beside them, and what all requests share. Cheap to clone.
#[derive(Clone)]
pub struct Front {
    router: Router,
    mounts: Arc<[(Mount, usize)]>,
    settings: Arc<FrontSettings>,
}

impl Front {
    /// Puts the dialects at their places; `others` are routes outside every dialect.
    pub fn new(mounts: Vec<Mount>, others: Router, settings: FrontSettings) -> Self {
        let nested = mounts.iter().fold(others, |router, mount| router.nest(mount.base, mount.router.clone()));
        let router = nested
            .fallback(async || Problem::from(Fault::UnknownRoute))
            .method_not_allowed_fallback(async || Problem::from(Fault::WrongMethod))
            .layer(DefaultBodyLimit::max(settings.body_limit))
            .layer(axum::middleware::from_fn(access_log::note_route));
        let mounts = mounts.into_iter().map(|mount| (mount.clone(), mount.base.len())).collect();
        Self { router, mounts, settings: Arc::new(settings) }
    }

    fn dialect_of(&self, path: &str) -> Arc<dyn Dialect> {
        let holding = self.mounts.iter().filter(|(mount, _)| mount.holds(path));
        let nearest = holding.max_by_key(|(_, length)| *length);
        nearest.map_or_else(|| Arc::new(Neutral) as Arc<dyn Dialect>, |(mount, _)| mount.dialect.clone())
    }

    async fn answer(self, request: Request) -> Response {
        let began = Instant::now();
        let way = request.extensions().get::<Connection>().copied().unwrap_or_default();
        let origin = &self.settings.origin;
        let context = RequestContext::new(request.method(), request.uri(), request.headers(), &way, origin);
        let dialect = self.dialect_of(request.uri().path());
        let span = tracing::info_span!("request", id = %context.request_id());
        async {
            let response = self.respond(request, &context).await;
            let mut response = render(response, dialect.as_ref(), &context);
            if let Some(id) = context.request_id().header() {
                response.headers_mut().insert(X_REQUEST_ID, id);
            }
            access_log::record(&context, dialect.name(), &response, began.elapsed());
            self.end_with_server(response)
        }
        .instrument(span)
        .await
    }

    /// The answer of a route, or a problem.
    async fn respond(&self, request: Request, context: &RequestContext) -> Response {
        let request = match self.admit(request, context).await {
            Ok(request) => request,
            Err(fault) => return Problem::from(fault).into_response(),
        };
        let deadline = Deadline::after(self.settings.time_limit);
        let mut request = request;
        request.extensions_mut().insert(deadline.clone());
        let work = AssertUnwindSafe(self.router.clone().oneshot(request)).catch_unwind();
        tokio::select! {
            done = work => match done {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(panic) => panicked(panic.as_ref()),
            },
            () = deadline.passed() => Problem::from(Fault::TimedOut).into_response(),
        }
    }

    /// Refuses what no route has to see.
    async fn admit(&self, mut request: Request, context: &RequestContext) -> Result<Request, Fault> {
        let FrontSettings { body_limit, header_bytes, header_count, .. } = *self.settings;
        path::check_size(request.uri(), request.headers(), header_bytes, header_count)?;
        path::check(request.uri().path())?;
        if let Some(trimmed) = path::without_trailing_slash(request.uri()) {
            *request.uri_mut() = trimmed;
        }
        if announced_length(request.headers()).is_some_and(|length| length > body_limit as u64) {
            // Who asks before sending has not sent anything yet.
            if !request.headers().contains_key(EXPECT) {
                body::drain(request.into_body()).await;
            }
            return Err(Fault::BodyTooLarge { limit: body_limit });
        }
        request.extensions_mut().insert(BodyLimit(body_limit));
        request.extensions_mut().insert(context.clone());
        Ok(request)
    }

    /// Streams of events would go on for ever; they end with the server.
    fn end_with_server(&self, response: Response) -> Response {
        let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        if !kind.is_some_and(|kind| kind.starts_with(b"text/event-stream")) {
            return response;
        }
        let end = self.settings.end_of_streams.clone().cancelled_owned();
        response.map(|body| Body::from_stream(body.into_data_stream().take_until(end)))
    }
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("no message"), "a handler panicked");
    Problem::from(Fault::Panicked).into_response()
}

/// Replaces the carrier of a problem by the dialect's answer.
fn render(mut response: Response, dialect: &dyn Dialect, context: &RequestContext) -> Response {
    let Some(Carried(problem)) = response.extensions_mut().remove::<Carried>() else { return response };
    if problem.is_our_fault() {
        log(&problem);
    }
    let mut rendered = dialect.render(&problem, context);
    add_retry_after(&problem, rendered.headers_mut());
    if let Some(allow) = response.headers_mut().remove(ALLOW) {
        rendered.headers_mut().insert(ALLOW, allow);
    }
    std::mem::swap(rendered.extensions_mut(), response.extensions_mut());
    rendered
}

/// The header counts whole seconds, and never fewer than it takes.
fn add_retry_after(problem: &Problem, headers: &mut HeaderMap) {
    let Some(wait) = problem.domain().and_then(vivarium_domain::Error::retry_after) else { return };
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    headers.entry(RETRY_AFTER).or_insert_with(|| HeaderValue::from(seconds.max(1)));
}

/// One line with the whole chain of causes. The span has the request id, which is the ticket that the user sees.
fn log(problem: &Problem) {
    let Some(error) = problem.domain() else { return };
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        causes.push(next.to_string());
        cause = next.source();
    }
    tracing::error!(kind = ?error.kind(), cause = causes.join(": "), "{}", error.message());
}

impl Service<Request<Body>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.clone().answer(request).map(Ok).boxed()
    }
}
