//! T5, T6: hostile ids in every route, and what a session without roles may do, over the table of routes.

use axum::body::Body;
use vivarium_strategy::{Access, table};

use crate::kit::{BASES, Server};

const HOSTILE: [&str; 16] = [
    "..",
    "%2e%2e",
    "%252e%252e",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%252f..%252fetc%252fpasswd",
    "%2fetc%2fpasswd",
    "/etc/passwd",
    "%00",
    "00000000000000000000000000000001%00",
    "..%5c..%5cwindows",
    "%ff%fe",
    "%c0%ae%c0%ae%c0%af",
    "*",
    "-1",
    "00000000-0000-0000-0000-00000000000g",
];

#[tokio::test]
async fn no_hostile_id_is_found_or_breaks_a_route() {
    let server = Server::new().await;
    let client = server.administrator().await;
    for route in table().iter().filter(|route| route.path.contains("{id}")) {
        for (base, hostile) in BASES.iter().flat_map(|base| HOSTILE.map(|hostile| (base, hostile))) {
            let path = format!("{base}{}", route.path.replace("{id}", hostile));
            let answer = client.send(route.method.clone(), &path, Body::empty()).await;
            assert!(answer.status.is_client_error(), "{} {path}: {} {}", route.method, answer.status, answer.text);
            assert!(!answer.text.contains("root:"), "{path}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_session_without_roles_changes_nothing_on_any_route() {
    let server = Server::new().await;
    let client = server.user("nobody", &[]).await.header("content-type", "application/json");
    let before = server.administrator().await.get("/runtimes").await.text;
    let default = crate::kit::DEFAULT_RUNTIME;
    for route in table().iter().filter(|route| route.access == Access::Session) {
        if route.path.starts_with("/runtimes/{id}") && route.method != http::Method::GET {
            let path = route.path.replace("{id}", default);
            let answer = client.send(route.method.clone(), &path, Body::from("{}")).await;
            assert_eq!(answer.status.as_u16(), 403, "{} {path}: {}", route.method, answer.text);
        }
    }
    assert_eq!(server.administrator().await.get("/runtimes").await.text, before);
}
