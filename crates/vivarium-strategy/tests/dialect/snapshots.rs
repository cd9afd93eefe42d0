//! Each document, byte by byte; ids, dates and secrets apart.

use axum::body::Body;
use http::Method;
use serde_json::json;

use crate::kit::{Answer, DEFAULT_RUNTIME, Server, code};

/// The text with everything replaced that differs from run to run.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    let mut word = String::new();
    for character in text.chars().chain(['\0']) {
        if character.is_ascii_alphanumeric() {
            word.push(character);
            continue;
        }
        steady.push_str(replacement(&word));
        word.clear();
        if character != '\0' {
            steady.push(character);
        }
    }
    steady
}

/// Well-known ids stay; the times of the standing clock do too.
fn replacement(word: &str) -> &str {
    let well_known = [
        "0F35652CA7D041978BF0CBCB67531203",
        "54F3D26011D2896560009A8E67019608",
        "C82C6B1011D2894CC0009D9F29718E4F",
        "294DEDC011D2F1D56000D98E67019608",
    ];
    match word.len() {
        32 if well_known.contains(&word) => word,
        32 if word.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            if word.bytes().any(|byte| byte.is_ascii_lowercase()) { "<ticket>" } else { "<id>" }
        }
        52 => "<secret>",
        _ => word,
    }
}

fn shown(answer: &Answer) -> String {
    format!("{}\n{}", answer.status.as_u16(), steady(&answer.text))
}

macro_rules! snapshot {
    ($name:literal, $answer:expr) => {
        insta::assert_snapshot!($name, shown(&$answer))
    };
}

#[tokio::test]
async fn sessions_look_like_this() {
    let server = Server::new().await;
    let client = server.administrator().await;
    snapshot!("session", client.get("/sessions").await);
    snapshot!("user_info", client.get("/sessions/userInfo").await);
    snapshot!("privileges", client.get("/sessions/privileges").await);
    snapshot!("status", client.get("/status").await);
    snapshot!("api_token", client.post_empty("/auth/apiTokens").await);
}

#[tokio::test]
async fn projects_users_and_nodes_look_like_this() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let project = client.get("/projects").await.json()[0]["id"].as_str().unwrap().to_owned();
    snapshot!("projects", client.get("/projects").await);
    snapshot!("project", client.get("/projects/Vivarium").await);
    snapshot!("project_object", client.get(&format!("/objects/{project}?type=32")).await);
    snapshot!("monitored_projects", client.get("/monitors/projects").await);
    snapshot!("nodes", client.get("/monitors/iServer/nodes").await);
    snapshot!("users", client.get("/users").await);
    snapshot!("user_object", client.get("/objects/54F3D26011D2896560009A8E67019608?type=34").await);
    snapshot!("user", client.get("/users/54F3D26011D2896560009A8E67019608").await);
}

#[tokio::test]
async fn runtimes_look_like_this() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let definition = json!({
        "name": "ETL small", "description": "for nightly jobs", "whitelist": ["10.20.0.0/16"], "execTimeout": 120,
        "packages": [{"name": "numpy", "version": ">=2"}, {"name": "no-such-package"}],
        "resource": {"cpu": "0.5", "mem": 512, "disk": 1024, "procCount": 20}, "executionTarget": "x"
    });
    let created = client.post("/runtimes", definition).await;
    let id = created.json()["id"].as_str().unwrap().to_owned();
    server.world.settled(id.parse().unwrap()).await;
    snapshot!("runtime_created", created);
    snapshot!("runtime", client.get(&format!("/runtimes/{id}")).await);
    snapshot!("runtimes", client.get("/runtimes").await);
    snapshot!("runtime_object", client.get(&format!("/objects/{DEFAULT_RUNTIME}?type=80")).await);
    snapshot!("versions", client.get("/runtimes/versions").await);
    let mut orders = server.world.instances.orders();
    orders.wait_for(|orders| !orders.is_empty()).await.unwrap();
    snapshot!("runtime_pool", client.get(&format!("/runtimes/{DEFAULT_RUNTIME}/pool")).await);
}

#[tokio::test]
async fn evaluations_look_like_this() {
    let server = Server::new().await;
    let client = server.administrator().await;
    snapshot!("evaluation_accepted", client.post("/scripts/evaluation", code("wait for-ever")).await);
    let waiting = client.clone().header("prefer", "wait=20");
    snapshot!("evaluation_ready", waiting.post("/scripts/evaluation", code("print hello\nreturn 42")).await);
    snapshot!("evaluation_error", waiting.post("/scripts/evaluation", code("fail ValueError: no (line 1)")).await);
}

#[tokio::test]
async fn errors_look_like_this() {
    let server = Server::new().await;
    let (client, anna) = (server.administrator().await, server.user("anna", &[]).await);
    let default = format!("/runtimes/{DEFAULT_RUNTIME}");
    snapshot!("error_route", client.get("/nothing").await);
    snapshot!("error_method", client.delete("/status").await);
    snapshot!("error_session", server.stranger().get("/runtimes").await);
    snapshot!("error_permission", anna.patch(&default, json!({"name": "x"})).await);
    snapshot!("error_fields", client.post("/runtimes", json!({"execTimeout": "1", "whitelist": ["10.0.0.1/8"]})).await);
    snapshot!("error_json", client.send(Method::POST, "/runtimes", Body::from("{\"a\":\n}")).await);
}
