//! What a running script can do with the session that it finds.

use serde_json::json;
use vivarium_testkit::{SCRIPT_TOKEN, WorldSettings};

use crate::kit::{Client, Server};

const INDEX: &str = "/scripts/evaluation";

/// Starts a script that waits; its id and the session that it finds.
async fn script(server: &Server, user: &Client<'_>) -> (String, String) {
    let id = user.evaluation(&format!("show {SCRIPT_TOKEN}\nwait gate")).await;
    let operator = server.world.administrator().await;
    let mut watch = server.world.evaluations.watch(&operator, id.parse().unwrap()).await.unwrap();
    while watch.evaluation().stdout.is_empty() {
        watch.changed().await;
    }
    (id, serde_json::from_str(&watch.evaluation().stdout_text()).unwrap())
}

#[tokio::test]
async fn a_delegated_session_ends_with_its_script_and_makes_no_api_token() {
    let server = Server::with(WorldSettings { introduces: true, ..WorldSettings::default() }).await;
    let anna = server.user("anna", &[]).await;
    let (id, token) = script(&server, &anna).await;
    let inside = server.stranger().token(&token);
    let issued = inside.post_empty("/auth/identityToken").await;
    assert_eq!(issued.status, 201, "{}", issued.text);
    let identity = issued.header("x-mstr-identitytoken").to_owned();
    let delegation = json!({"loginMode": "-1", "identityToken": identity});
    let delegated = server.stranger().post("/auth/delegate", delegation.clone()).await;
    assert_eq!(delegated.status, 204, "{}", delegated.text);
    let session = server.stranger().token(delegated.header("x-mstr-authtoken"));
    assert_eq!(session.get("/sessions/userInfo").await.json()["fullName"], "anna");
    for client in [&inside, &session] {
        let refused = client.post_empty("/auth/apiTokens").await;
        assert_eq!(refused.fault(), (403, "ERR017".to_owned()));
    }
    assert_eq!(anna.delete(&format!("{INDEX}/{id}")).await.status, 204);
    for client in [&inside, &session] {
        assert_eq!(client.get("/sessions").await.status, 401);
    }
    assert_eq!(server.stranger().post("/auth/delegate", delegation).await.status, 401);
    assert_eq!(anna.get("/sessions").await.status, 200, "the user's own session goes on");
    assert_eq!(anna.post_empty("/auth/apiTokens").await.status, 201);
}
