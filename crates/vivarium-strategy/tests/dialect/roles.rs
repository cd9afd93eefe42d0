//! T6: who gets what on which route. A route that the table below does not name fails the test.

use axum::body::Body;
use http::{Method, StatusCode};
use serde_json::json;
use vivarium_domain::account::Role;
use vivarium_strategy::{Access, Route, table};

use crate::kit::{Answer, Client, DEFAULT_RUNTIME, Server, code};

/// What somebody gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gets {
    /// What was asked for.
    Served,
    /// The question itself was incomplete, and that is told.
    Asked,
    /// 401 `ERR009`.
    NoSession,
    /// 403.
    Forbidden,
    /// 404: it is somebody else's.
    Hidden,
    /// 409: allowed, but not with the default runtime, which all can see.
    Kept,
    /// Anything else, which is never right.
    Fault,
}
use Gets::{Asked, Forbidden, Hidden, Kept, Served};

/// For users without a role, with the monitor's role only, and for the administrator.
const EXPECTED: &[(&str, &str, [Gets; 3])] = &[
    ("POST", "/auth/login", [Asked; 3]),
    ("POST", "/auth/delegate", [Asked; 3]),
    ("POST", "/auth/logout", [Served; 3]),
    ("POST", "/auth/identityToken", [Served; 3]),
    ("GET", "/auth/identityToken", [Asked; 3]),
    ("POST", "/auth/apiTokens", [Forbidden, Forbidden, Served]),
    ("GET", "/status", [Served; 3]),
    ("GET", "/sessions", [Served; 3]),
    ("PUT", "/sessions", [Served; 3]),
    ("GET", "/sessions/userInfo", [Served; 3]),
    ("GET", "/sessions/privileges", [Served; 3]),
    ("GET", "/projects", [Served; 3]),
    ("GET", "/projects/{id}", [Served; 3]),
    ("GET", "/monitors/projects", [Served; 3]),
    ("GET", "/objects/{id}", [Served; 3]),
    ("PUT", "/objects/{id}", [Forbidden, Forbidden, Served]),
    ("DELETE", "/objects/{id}", [Forbidden, Forbidden, Kept]),
    ("GET", "/users", [Served; 3]),
    ("GET", "/users/{id}", [Served; 3]),
    ("GET", "/usergroups/{id}/members", [Served; 3]),
    ("GET", "/monitors/iServer/nodes", [Served; 3]),
    ("GET", "/runtimes", [Served; 3]),
    ("POST", "/runtimes", [Forbidden, Forbidden, Served]),
    ("GET", "/runtimes/versions", [Served; 3]),
    ("GET", "/runtimes/{id}", [Served; 3]),
    ("PATCH", "/runtimes/{id}", [Forbidden, Forbidden, Served]),
    ("DELETE", "/runtimes/{id}", [Forbidden, Forbidden, Kept]),
    ("GET", "/runtimes/{id}/pool", [Served; 3]),
    ("POST", "/runtimes/{id}/stop", [Forbidden, Forbidden, Served]),
    ("POST", "/runtimes/{id}/start", [Forbidden, Forbidden, Served]),
    ("POST", "/runtimes/{id}/synchronize", [Forbidden, Forbidden, Served]),
    ("POST", "/scripts/evaluation", [Served, Forbidden, Served]),
    ("GET", "/scripts/evaluation/{id}", [Hidden, Hidden, Served]),
    ("DELETE", "/scripts/evaluation/{id}", [Hidden, Hidden, Served]),
    ("GET", "/scripts/evaluation/{id}/events", [Hidden, Hidden, Served]),
];

fn expected(route: &Route) -> [Gets; 3] {
    let found = EXPECTED.iter().find(|(method, path, _)| (*method, *path) == (route.method.as_str(), route.path));
    found.unwrap_or_else(|| panic!("nobody has decided who may call {} {}", route.method, route.path)).2
}

fn seen(answer: &Answer) -> Gets {
    match answer.status {
        StatusCode::UNAUTHORIZED if answer.fault().1 == "ERR009" => Gets::NoSession,
        StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST => Asked,
        StatusCode::FORBIDDEN => Forbidden,
        StatusCode::NOT_FOUND => Hidden,
        StatusCode::CONFLICT => Kept,
        status if status.is_success() => Served,
        _ => Gets::Fault,
    }
}

/// The path of a route with something that is there, which belongs to the administrator or to all.
async fn existing(route: &Route, administrator: &Client<'_>) -> String {
    let first = async |path: &str, list: &str| {
        let document = administrator.get(path).await.json();
        let list = if list.is_empty() { &document } else { &document[list] };
        list[0]["id"].as_str().unwrap().to_owned()
    };
    let id = match route.path.split('/').nth(1).unwrap() {
        "projects" => first("/projects", "").await,
        "users" => first("/users", "").await,
        "usergroups" => "C82C6B1011D2894CC0009D9F29718E4F".to_owned(),
        "scripts" => administrator.evaluation("print(1)").await,
        _ => DEFAULT_RUNTIME.to_owned(),
    };
    let query = if route.path.starts_with("/objects") { "?type=80" } else { "" };
    format!("{}{query}", route.path.replace("{id}", &id))
}

/// A body with which the route has nothing to complain about.
async fn body(route: &Route, administrator: &Client<'_>) -> Body {
    let document = match (route.method.as_str(), route.path) {
        ("POST", "/scripts/evaluation") => code("print(1)"),
        ("POST", "/auth/apiTokens") => {
            let users = administrator.get("/users").await.json();
            let other = users.as_array().unwrap().iter().find(|user| user["username"] == "other").unwrap().clone();
            json!({"userId": other["id"]})
        }
        ("POST", "/runtimes") => json!({"name": "made by the test"}),
        ("PATCH" | "PUT", _) => json!({"description": "changed by the test"}),
        _ => return Body::empty(),
    };
    Body::from(document.to_string())
}

async fn call(route: &Route, client: &Client<'_>, administrator: &Client<'_>) -> Answer {
    let client = client.clone().header("content-type", "application/json");
    let (path, body) = (existing(route, administrator).await, body(route, administrator).await);
    let response = client.open(route.method.clone(), &path, body).await;
    // A stream of events is as good as served when it begins.
    if response.status() == StatusCode::OK && route.path.ends_with("/events") {
        return Answer { status: response.status(), headers: response.headers().clone(), text: String::new() };
    }
    Answer::read(response).await
}

/// What is wrong, for everybody in turn; the administrator comes last, as the only one who may destroy something.
async fn faults(route: &Route) -> Vec<String> {
    let server = Server::new().await;
    server.world.add_user("other", &[]).await;
    let administrator = server.administrator().await;
    let nobody = server.user("nobody", &[]).await;
    let monitor = server.user("monitor", &[Role::Monitor]).await;
    let everybody = [("nobody", nobody), ("monitor", monitor), ("administrator", administrator.clone())];
    let mut faults = Vec::new();
    for ((who, client), expected) in everybody.iter().zip(expected(route)) {
        let answer = call(route, client, &administrator).await;
        if seen(&answer) != expected {
            let (method, path, status) = (&route.method, route.path, answer.status);
            faults.push(format!("{who}, {method} {path}: {expected:?} expected, {status} {}", answer.text));
        }
    }
    faults
}

#[tokio::test]
async fn every_route_gives_each_role_what_was_decided() {
    let mut found = Vec::new();
    for route in table() {
        found.extend(faults(&route).await);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn without_a_session_only_public_routes_serve() {
    let server = Server::new().await;
    server.world.add_user("other", &[]).await;
    let (stranger, administrator) = (server.stranger(), server.administrator().await);
    for route in table() {
        let answer = call(&route, &stranger, &administrator).await;
        let expected = if route.access == Access::Public { expected(&route)[0] } else { Gets::NoSession };
        assert_eq!(seen(&answer), expected, "{} {}: {}", route.method, route.path, answer.text);
    }
}

#[test]
fn the_table_names_no_route_that_is_gone() {
    let routes = table();
    let exists = |method: &str, path: &str| {
        routes.iter().any(|route| route.method == Method::from_bytes(method.as_bytes()).unwrap() && route.path == path)
    };
    for (method, path, _) in EXPECTED {
        assert!(exists(method, path), "{method} {path}");
    }
}
