//! The routes, and the way that every request takes: who, may they, how to answer, what is asked.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use axum::{RequestPartsExt, Router};
use http::StatusCode;
use http::request::Parts;
use vivarium_domain::account::Accounts;
use vivarium_domain::runtime::Runtimes;
use vivarium_http::{RequestContext, not_acceptable};

use crate::access::{authenticate, authorize};
use crate::document::{Format, JsonLayout};
use crate::endpoint::Endpoint;
use crate::inquiry::Inquiry;
use crate::presentation::Presentation;
use crate::refusal::Failure;
use crate::runtimes;

/// What the dialect is made of.
pub struct MfpParts {
    /// Users and their passwords.
    pub accounts: Arc<Accounts>,
    /// The runtimes.
    pub runtimes: Arc<Runtimes>,
    /// The `productVersion` of every document: `8.0.0.0` is what clients of the original expect.
    pub product_version: String,
}

/// What handlers work with.
pub(crate) struct Administration {
    accounts: Arc<Accounts>,
    pub(crate) runtimes: Arc<Runtimes>,
    pub(crate) presentation: Presentation,
}

/// The routes, relative to the root of the interface, with compact JSON.
pub fn router(parts: MfpParts) -> Router {
    build(parts, JsonLayout::Compact)
}

/// The same with indented JSON, as `mfp.admin.logging.formatjson=true` of the original. Goes with
/// [`crate::PrettyMfpDialect`].
pub fn pretty_router(parts: MfpParts) -> Router {
    build(parts, JsonLayout::Pretty)
}

fn build(parts: MfpParts, layout: JsonLayout) -> Router {
    let MfpParts { accounts, runtimes, product_version } = parts;
    let presentation = Presentation { product_version, layout };
    let administration = Arc::new(Administration { accounts, runtimes, presentation });
    let routes = Endpoint::ALL.into_iter().fold(Router::new(), |router, endpoint| {
        let handler = move |State(administration): State<Arc<Administration>>, parts: Parts| {
            serve(endpoint, administration, parts)
        };
        router.route(endpoint.path(), on(filter(endpoint), handler))
    });
    routes.with_state(administration)
}

fn filter(endpoint: Endpoint) -> MethodFilter {
    MethodFilter::try_from(endpoint.method()).expect("endpoints have methods of HTTP itself")
}

async fn serve(endpoint: Endpoint, administration: Arc<Administration>, mut parts: Parts) -> Response {
    let context = match parts.extract::<RequestContext>().await {
        Ok(context) => context,
        Err(problem) => return problem.into_response(),
    };
    match answer(endpoint, &administration, &mut parts, &context).await {
        Ok(response) => response,
        Err(Failure::Refused(refusal)) => refusal.respond(&administration.presentation, &context),
        Err(Failure::Problem(problem)) => problem.into_response(),
    }
}

/// The order matters: nobody learns anything before it is clear who they are, and nothing is done whose result
/// could not be shown.
async fn answer(
    endpoint: Endpoint,
    administration: &Administration,
    parts: &mut Parts,
    context: &RequestContext,
) -> Result<Response, Failure> {
    let caller = authenticate(&administration.accounts, &parts.headers, context).await?;
    authorize(&caller, endpoint)?;
    let format = Format::negotiate(context.headers()).ok_or_else(|| not_acceptable(&Format::OFFERS))?;
    let inquiry = Inquiry::read(parts, caller, context.clone()).await?;
    let document = match endpoint {
        Endpoint::Runtimes => runtimes::list(administration, &inquiry).await?,
        Endpoint::Runtime => runtimes::detail(administration, &inquiry).await?,
    };
    Ok(administration.presentation.answer(StatusCode::OK, format, &document))
}
