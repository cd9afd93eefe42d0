//! No route is forgotten.

use axum::body::Body;
use vivarium_strategy::{Access, table};

use crate::kit::{BASES, Server};

fn filled(path: &str) -> String {
    path.replace("{id}", "00000000000000000000000000000001")
}

#[tokio::test]
async fn every_route_but_the_public_ones_asks_for_a_session_before_anything_else() {
    let server = Server::new().await;
    for route in table().iter().filter(|route| route.access == Access::Session) {
        for client in [server.stranger(), server.stranger().token("stale"), server.stranger().token("")] {
            for base in BASES {
                let path = format!("{base}{}", filled(route.path));
                let answer = client.send(route.method.clone(), &path, Body::from("{ not json")).await;
                assert_eq!(answer.fault(), (401, "ERR009".to_owned()), "{} {path}", route.method);
            }
        }
    }
}

#[test]
fn only_three_routes_are_public() {
    let public: Vec<_> =
        table().iter().filter(|route| route.access == Access::Public).map(|route| route.path).collect();
    assert_eq!(public, ["/auth/login", "/auth/delegate", "/status"]);
}

#[tokio::test]
async fn every_route_exists_below_both_bases_and_refuses_other_methods() {
    let server = Server::new().await;
    let client = server.administrator().await;
    for route in table() {
        let answer = client.send(http::Method::TRACE, &filled(route.path), Body::empty()).await;
        assert_eq!(answer.fault(), (405, "ERR001".to_owned()), "{}", route.path);
        assert_eq!(answer.message(), "HTTP 405 Method Not Allowed");
        let allowed: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
        assert!(allowed.contains(&route.method.as_str()), "{} {} {allowed:?}", route.method, route.path);
    }
}
