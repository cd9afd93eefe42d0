//! Errors in the words of the dialect.

use axum::body::Body;
use http::Method;
use serde_json::json;

use crate::kit::Server;

#[tokio::test]
async fn an_unknown_route_has_exactly_the_text_that_clients_look_for() {
    let server = Server::new().await;
    for client in [server.stranger(), server.administrator().await] {
        for path in ["/nothing", "/runtimes/a/b/c", "/", "/MicroStrategyLibrary/api/v9/x", "/scripts/history"] {
            let answer = client.get(path).await;
            assert_eq!(answer.fault(), (404, "ERR004".to_owned()), "{path}");
            assert_eq!(answer.message(), "HTTP 404 Not Found");
        }
    }
}

#[tokio::test]
async fn the_ticket_is_the_id_of_the_request() {
    let server = Server::new().await;
    let answer = server.stranger().get("/sessions").await;
    assert_eq!(answer.json()["ticketId"], answer.header("x-request-id"));
}

#[tokio::test]
async fn a_broken_store_is_500_without_its_reason() {
    let server = Server::new().await;
    let client = server.administrator().await;
    client.get("/sessions").await;
    server.world.store.set_broken(true);
    let answer = client.get("/runtimes").await;
    assert_eq!(answer.fault(), (500, "ERR001".to_owned()));
    assert!(!answer.text.contains("broke"), "{}", answer.text);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let answer = client.send(Method::POST, "/runtimes", Body::from(vec![b' '; 17 << 20])).await;
    assert_eq!(answer.fault(), (413, "ERR006".to_owned()));
}

#[tokio::test]
async fn a_missing_field_has_a_code_of_its_own() {
    let server = Server::new().await;
    let client = server.administrator().await;
    assert_eq!(client.post("/runtimes", json!({})).await.fault(), (400, "ERR007".to_owned()));
    assert_eq!(client.post("/runtimes", json!({"execTimeout": 0})).await.fault(), (400, "ERR006".to_owned()));
}
