//! A server without a network, and a client of it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use vivarium_domain::account::Role;
use vivarium_http::{Front, FrontSettings, Mount};
use vivarium_strategy::{StrategyDialect, StrategyParts, router};
use vivarium_testkit::{PASSWORD, World, WorldSettings};

/// Id of the default runtime.
pub const DEFAULT_RUNTIME: &str = "0F35652CA7D041978BF0CBCB67531203";

/// Both bases that a server offers.
pub const BASES: [&str; 2] = ["/MicroStrategyLibrary/api", "/api"];

/// A server over a world.
pub struct Server {
    pub world: World,
    front: Front,
}

/// Somebody with a session, or without one.
#[derive(Clone)]
pub struct Client<'server> {
    server: &'server Server,
    token: Option<String>,
    headers: Vec<(&'static str, String)>,
}

/// An answer read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Server {
    pub async fn new() -> Self {
        Self::over(World::new().await)
    }

    pub async fn with(settings: WorldSettings) -> Self {
        Self::over(World::with(settings).await)
    }

    fn over(world: World) -> Self {
        let parts = StrategyParts {
            accounts: world.accounts.clone(),
            projects: world.projects.clone(),
            runtimes: world.runtimes.clone(),
            evaluations: world.evaluations.clone(),
            nodes: world.nodes.clone(),
            max_wait: Duration::from_secs(20),
        };
        let router = router(parts);
        let mount = |base| Mount { base, dialect: Arc::new(StrategyDialect), router: router.clone() };
        let front = Front::new(BASES.map(mount).to_vec(), Router::new(), FrontSettings::default());
        Self { world, front }
    }

    /// Somebody without a session.
    pub fn stranger(&self) -> Client<'_> {
        Client { server: self, token: None, headers: Vec::new() }
    }

    /// The administrator, logged in.
    pub async fn administrator(&self) -> Client<'_> {
        self.log_in("administrator").await
    }

    /// A new user, logged in.
    pub async fn user(&self, name: &str, roles: &[Role]) -> Client<'_> {
        self.world.add_user(name, roles).await;
        self.log_in(name).await
    }

    async fn log_in(&self, name: &str) -> Client<'_> {
        let body = json!({"loginMode": 1, "username": name, "password": PASSWORD});
        let answer = self.stranger().post("/auth/login", body).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text);
        self.stranger().token(answer.header("x-mstr-authtoken"))
    }
}

impl Client<'_> {
    /// The same with another token.
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// The same with one more header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Body::empty()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, Body::empty()).await
    }

    pub async fn post_empty(&self, path: &str) -> Answer {
        self.send(Method::POST, path, Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.json(Method::POST, path, &body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.json(Method::PUT, path, &body).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.json(Method::PATCH, path, &body).await
    }

    async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        let client = self.clone().header("content-type", "application/json");
        client.send(method, path, Body::from(body.to_string())).await
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, method: Method, path: &str, body: Body) -> Answer {
        let response = self.open(method, path, body).await;
        Answer::read(response).await
    }

    /// Sends a request and returns with the head of the answer. A path without a base gets the second one.
    pub async fn open(&self, method: Method, path: &str, body: Body) -> Response {
        let path = if BASES.iter().any(|base| path.starts_with(base)) {
            path.to_owned()
        } else {
            format!("{}{path}", BASES[1])
        };
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &self.token {
            request = request.header("X-MSTR-AuthToken", token);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        self.server.front.clone().oneshot(request.body(body).unwrap()).await.unwrap()
    }

    /// Creates a runtime and waits until it has settled.
    pub async fn runtime(&self, definition: Value) -> String {
        let answer = self.post("/runtimes", definition).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        self.server.world.settled(id.parse().unwrap()).await;
        id
    }

    /// Starts code in the default runtime; its id.
    pub async fn evaluation(&self, source: &str) -> String {
        let answer = self.post("/scripts/evaluation", code(source)).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// The finished document of an evaluation.
    pub async fn finished(&self, evaluation: &str) -> Value {
        let waiting = self.clone().header("prefer", "wait=20");
        loop {
            let document = waiting.get(&format!("/scripts/evaluation/{evaluation}")).await.json();
            if document["status"].as_u64().unwrap() > 2 {
                return document;
            }
        }
    }
}

impl Answer {
    /// Reads it to its end.
    pub async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes =
            tokio::time::timeout(Duration::from_secs(20), body.collect()).await.expect("the answer ends").unwrap();
        let text = String::from_utf8(bytes.to_bytes().to_vec()).unwrap();
        Self { status: parts.status, headers: parts.headers, text }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no header {name}: {} {}", self.status, self.text))
            .to_str()
            .unwrap()
    }

    /// Status and code of an error.
    pub fn fault(&self) -> (u16, String) {
        let document = self.json();
        assert!(document["message"].is_string() && document["ticketId"].is_string(), "{document}");
        (self.status.as_u16(), document["code"].as_str().unwrap().to_owned())
    }

    /// The message of an error.
    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap().to_owned()
    }
}

/// The body that evaluates `source` in the default runtime.
pub fn code(source: &str) -> Value {
    json!({"scriptContent": STANDARD.encode(source)})
}
