//! The whole interface on one page.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
use vivarium_domain::account::Accounts;
use vivarium_domain::evaluation::Evaluations;
use vivarium_domain::node::Nodes;
use vivarium_domain::project::Projects;
use vivarium_domain::runtime::Runtimes;

use crate::routes::{
    authentication, evaluations, events, monitors, objects, projects, runtimes, sessions, status, users,
};
use crate::session::require_session;

/// The use cases behind the routes.
#[derive(Clone)]
pub struct StrategyParts {
    /// Sessions and users.
    pub accounts: Arc<Accounts>,
    /// Projects.
    pub projects: Arc<Projects>,
    /// Runtimes.
    pub runtimes: Arc<Runtimes>,
    /// Evaluations.
    pub evaluations: Arc<Evaluations>,
    /// Nodes.
    pub nodes: Arc<Nodes>,
    /// The longest that `Prefer: wait` makes a request wait.
    pub max_wait: Duration,
}

/// Who may call a route at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Who has a session.
    Session,
}

/// One line of the table of routes.
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path below the base, with parameters in braces.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    handler: MethodRouter<Arc<StrategyParts>>,
}

/// Every route there is. What is not in this table does not exist.
pub fn table() -> Vec<Route> {
    use Access::{Public, Session};
    vec![
        // 2: sessions
        route(Method::POST, "/auth/login", Public, authentication::log_in),
        route(Method::POST, "/auth/delegate", Public, authentication::delegate),
        route(Method::POST, "/auth/logout", Session, authentication::log_out),
        route(Method::POST, "/auth/identityToken", Session, authentication::issue_identity_token),
        route(Method::GET, "/auth/identityToken", Session, authentication::check_identity_token),
        route(Method::POST, "/auth/apiTokens", Session, authentication::issue_api_token),
        route(Method::GET, "/status", Public, status::get),
        route(Method::GET, "/sessions", Session, sessions::get),
        route(Method::PUT, "/sessions", Session, sessions::renew),
        route(Method::GET, "/sessions/userInfo", Session, sessions::user_info),
        route(Method::GET, "/sessions/privileges", Session, sessions::privileges),
        // 2.6: projects
        route(Method::GET, "/projects", Session, projects::list),
        route(Method::GET, "/projects/{id}", Session, projects::get),
        route(Method::GET, "/monitors/projects", Session, monitors::projects),
        // 3: objects, users and nodes
        route(Method::GET, "/objects/{id}", Session, objects::get),
        route(Method::PUT, "/objects/{id}", Session, objects::put),
        route(Method::DELETE, "/objects/{id}", Session, objects::delete),
        route(Method::GET, "/users", Session, users::list),
        route(Method::GET, "/users/{id}", Session, users::get),
        route(Method::GET, "/usergroups/{id}/members", Session, users::members),
        route(Method::GET, "/monitors/iServer/nodes", Session, monitors::nodes),
        // 4: runtimes
        route(Method::GET, "/runtimes", Session, runtimes::list),
        route(Method::POST, "/runtimes", Session, runtimes::create),
        route(Method::GET, "/runtimes/versions", Session, runtimes::versions),
        route(Method::GET, "/runtimes/{id}", Session, runtimes::get),
        route(Method::PATCH, "/runtimes/{id}", Session, runtimes::alter),
        route(Method::DELETE, "/runtimes/{id}", Session, runtimes::delete),
        route(Method::GET, "/runtimes/{id}/pool", Session, runtimes::pool),
        route(Method::POST, "/runtimes/{id}/stop", Session, runtimes::stop),
        route(Method::POST, "/runtimes/{id}/start", Session, runtimes::start),
        route(Method::POST, "/runtimes/{id}/synchronize", Session, runtimes::synchronize),
        // 7: evaluations
        route(Method::POST, "/scripts/evaluation", Session, evaluations::start),
        route(Method::GET, "/scripts/evaluation/{id}", Session, evaluations::get),
        route(Method::DELETE, "/scripts/evaluation/{id}", Session, evaluations::cancel),
        route(Method::GET, "/scripts/evaluation/{id}/events", Session, events::follow),
    ]
}

/// The routes of [`table`] over `parts`, without a base path. What is wrong with a request is rendered by the
/// server around it, in the words of [`crate::StrategyDialect`].
pub fn router(parts: StrategyParts) -> Router {
    let parts = Arc::new(parts);
    let add = |router: Router<Arc<StrategyParts>>, route: Route| {
        let handler = match route.access {
            Access::Public => route.handler,
            Access::Session => route.handler.route_layer(from_fn_with_state(parts.clone(), require_session)),
        };
        router.route(route.path, handler)
    };
    table().into_iter().fold(Router::new(), add).with_state(parts.clone())
}

fn route<H, T>(method: Method, path: &'static str, access: Access, handler: H) -> Route
where
    H: Handler<T, Arc<StrategyParts>>,
    T: 'static,
{
    let filter = MethodFilter::try_from(method.clone()).expect("the table names methods that axum knows");
    Route { method, path, access, handler: on(filter, handler) }
}
