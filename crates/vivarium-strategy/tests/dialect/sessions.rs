//! Logging in and out, sessions and tokens.

use std::time::Duration;

use axum::body::Body;
use http::Method;
use serde_json::json;
use vivarium_domain::account::Role;
use vivarium_testkit::{PASSWORD, WorldSettings};

use crate::kit::{Client, Server};

const FORM: &str = "application/x-www-form-urlencoded";

async fn post_form(client: &Client<'_>, form: &str) -> crate::kit::Answer {
    client.clone().header("content-type", FORM).send(Method::POST, "/auth/login", Body::from(form.to_owned())).await
}

#[tokio::test]
async fn both_encodings_log_in_and_a_stale_token_does_not_matter() {
    let server = Server::new().await;
    let stranger = server.stranger().token("long gone");
    let form = "loginMode=1&applicationType=76&workingSet=10&maxSearch=3&timeZone=Europe/Rome\
                &username=administrator&password=correct+horse";
    let by_form = post_form(&stranger, form).await;
    let body = json!({"loginMode": 1, "applicationType": 35, "username": "ADMINISTRATOR", "password": PASSWORD});
    let by_json = stranger.post("/auth/login", body).await;
    for answer in [by_form, by_json] {
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        assert!(!answer.headers.contains_key("set-cookie"), "the token alone is enough");
        let client = server.stranger().token(answer.header("X-MSTR-AuthToken"));
        assert_eq!(client.get("/sessions").await.json()["fullName"], "Administrator");
    }
}

#[tokio::test]
async fn wrong_credentials_are_401_and_never_say_which_part_was_wrong() {
    let server = Server::new().await;
    let wrong_password = post_form(&server.stranger(), "loginMode=1&username=administrator&password=").await;
    let wrong_user = post_form(&server.stranger(), "loginMode=1&username=nobody&password=x").await;
    assert_eq!(wrong_password.fault(), (401, "ERR003".to_owned()));
    assert_eq!(wrong_user.fault(), wrong_password.fault());
    assert_eq!(wrong_user.message(), wrong_password.message());
}

#[tokio::test]
async fn too_many_failures_are_429_with_the_time_to_wait() {
    let server = Server::with(WorldSettings { login_failures: 3, ..WorldSettings::default() }).await;
    for _ in 0..3 {
        post_form(&server.stranger(), "loginMode=1&username=administrator&password=x").await;
    }
    let answer = post_form(&server.stranger(), "loginMode=1&username=administrator&password=correct+horse").await;
    assert_eq!(answer.status, 429);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
}

#[tokio::test]
async fn an_api_token_logs_in_as_its_user() {
    let server = Server::new().await;
    let administrator = server.administrator().await;
    let anna = server.user("anna", &[]).await;
    let anna_id = anna.get("/sessions/userInfo").await.json()["id"].clone();
    let own = administrator.post_empty("/auth/apiTokens").await;
    let for_anna = administrator.post("/auth/apiTokens", json!({"userId": anna_id})).await;
    for (answer, name) in [(own, "Administrator"), (for_anna, "anna")] {
        assert_eq!(answer.status, 201);
        let token = answer.json()["apiToken"].clone();
        let body = json!({"loginMode": 4096, "applicationType": 76, "username": token});
        let session = server.stranger().post("/auth/login", body).await;
        let client = server.stranger().token(session.header("x-mstr-authtoken"));
        assert_eq!(client.get("/sessions").await.json()["fullName"], name);
    }
    let foreign = anna.post("/auth/apiTokens", json!({"userId": "54F3D26011D2896560009A8E67019608"})).await;
    assert_eq!(foreign.fault(), (403, "ERR014".to_owned()));
}

#[tokio::test]
async fn an_identity_token_opens_a_second_session_until_it_expires() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let issued = client.post_empty("/auth/identityToken").await;
    assert_eq!((issued.status.as_u16(), issued.text.as_str()), (201, ""));
    let token = issued.header("X-MSTR-IdentityToken").to_owned();
    assert_eq!(client.clone().header("x-mstr-identitytoken", &token).get("/auth/identityToken").await.status, 204);
    let bad = client.clone().header("x-mstr-identitytoken", "bad").get("/auth/identityToken").await;
    assert_eq!(bad.fault(), (401, "ERR003".to_owned()));
    let body = json!({"loginMode": "-1", "identityToken": token});
    let delegated = server.stranger().post("/auth/delegate", body.clone()).await;
    assert_eq!(delegated.status, 204);
    let second = server.stranger().token(delegated.header("x-mstr-authtoken"));
    assert_eq!(second.get("/sessions").await.status, 200);
    server.world.advance(Duration::from_secs(301)).await;
    assert_eq!(server.stranger().post("/auth/delegate", body).await.fault(), (401, "ERR003".to_owned()));
}

#[tokio::test]
async fn a_session_ends_with_its_logout_and_when_it_is_idle() {
    let server = Server::new().await;
    let (first, second) = (server.administrator().await, server.administrator().await);
    assert_eq!(first.post_empty("/auth/logout").await.status, 204);
    assert_eq!(first.post_empty("/auth/logout").await.fault(), (401, "ERR009".to_owned()));
    server.world.advance(Duration::from_secs(1000)).await;
    assert_eq!(second.send(Method::PUT, "/sessions", Body::empty()).await.status, 204);
    server.world.advance(Duration::from_secs(1000)).await;
    assert_eq!(second.get("/sessions").await.status, 200);
    server.world.advance(Duration::from_secs(1801)).await;
    assert_eq!(second.get("/sessions").await.fault(), (401, "ERR009".to_owned()));
}

#[tokio::test]
async fn the_status_is_there_with_and_without_a_token() {
    let server = Server::new().await;
    let expected = server.stranger().get("/status").await;
    assert!(expected.json()["webVersion"].as_str().unwrap().starts_with("11.6.1000."));
    for client in [server.stranger().token("stale"), server.administrator().await] {
        assert_eq!(client.get("/status").await.text, expected.text);
    }
}

#[tokio::test]
async fn privileges_follow_the_roles() {
    let server = Server::new().await;
    let names = |answer: crate::kit::Answer| {
        let list = answer.json().as_array().unwrap().clone();
        list.iter().map(|privilege| privilege["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let analyst = server.user("anna", &[]).await.get("/sessions/privileges").await;
    let monitor = server.user("max", &[Role::Monitor]).await.get("/sessions/privileges").await;
    let administrator = server.administrator().await.get("/sessions/privileges").await;
    assert_eq!(names(analyst), ["Execute scripts"]);
    assert!(names(monitor).is_empty());
    assert_eq!(names(administrator).len(), 4);
}
