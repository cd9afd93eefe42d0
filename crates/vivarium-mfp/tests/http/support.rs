//! A server with one node, and requests to it.

use std::sync::Arc;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use vivarium_domain::id::RuntimeId;
use vivarium_domain::runtime::{PackageChange, RuntimeChange};
use vivarium_http::{Front, FrontSettings, Mount, OriginSettings};
use vivarium_mfp::{MfpDialect, MfpParts, PrettyMfpDialect, pretty_router, router};
use vivarium_testkit::{PASSWORD, World, WorldSettings};

pub(crate) const ROOT: &str = "/mfpadmin/management-apis/2.0";
pub(crate) const VERSION: &str = "8.0.0.0";
pub(crate) const DEFAULT_NAME: &str = "(Default) Vivarium";

pub(crate) struct Server {
    pub(crate) world: World,
    front: Front,
}

/// A request in the making: GET as the administrator, with a fixed `Host`.
pub(crate) struct Call {
    method: Method,
    address: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Server {
    pub(crate) async fn new() -> Self {
        Self::with(WorldSettings::default(), OriginSettings::default()).await
    }

    pub(crate) async fn with(settings: WorldSettings, origin: OriginSettings) -> Self {
        let world = World::with(settings).await;
        let dialect = Arc::new(MfpDialect { product_version: VERSION.to_owned() });
        let mount = Mount { base: ROOT, dialect, router: router(parts(&world)) };
        let front = Front::new(vec![mount], axum::Router::new(), FrontSettings { origin, ..FrontSettings::default() });
        Self { world, front }
    }

    pub(crate) async fn pretty() -> Self {
        let mut server = Self::new().await;
        let dialect = Arc::new(PrettyMfpDialect { product_version: VERSION.to_owned() });
        let mount = Mount { base: ROOT, dialect, router: pretty_router(parts(&server.world)) };
        server.front = Front::new(vec![mount], axum::Router::new(), FrontSettings::default());
        server
    }

    /// Defines a runtime and waits for the node to have done with it.
    pub(crate) async fn add_runtime(&self, name: &str, packages: &[&str]) -> RuntimeId {
        let id = self.define_runtime(name, packages).await;
        self.world.settled(id).await;
        id
    }

    pub(crate) async fn define_runtime(&self, name: &str, packages: &[&str]) -> RuntimeId {
        let package = |name: &&str| PackageChange {
            name: (*name).to_owned(),
            version: String::new(),
            description: String::new(),
        };
        let change = RuntimeChange {
            name: Some(name.to_owned()),
            packages: Some(packages.iter().map(package).collect()),
            ..RuntimeChange::default()
        };
        self.world.runtimes.create(&self.world.administrator().await, change).await.unwrap()
    }

    pub(crate) async fn stop_runtime(&self, id: RuntimeId) {
        self.world.runtimes.stop(&self.world.administrator().await, id).await.unwrap();
        self.world.settled(id).await;
    }

    pub(crate) async fn send(&self, call: Call) -> Reply {
        let mut request = Request::builder().method(call.method).uri(call.address).body(Body::from(call.body)).unwrap();
        *request.headers_mut() = call.headers;
        let response = self.front.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Reply { status: head.status, headers: head.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Call::get(path)).await
    }
}

fn parts(world: &World) -> MfpParts {
    MfpParts { accounts: world.accounts.clone(), runtimes: world.runtimes.clone(), product_version: VERSION.to_owned() }
}

pub(crate) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

impl Call {
    /// GET of a path below the root.
    pub(crate) fn get(path: &str) -> Self {
        let call =
            Self { method: Method::GET, address: format!("{ROOT}{path}"), headers: HeaderMap::new(), body: Vec::new() };
        call.header(HOST.as_str(), "adm.example.org:9443").user("administrator")
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        self.method = method.parse().unwrap();
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }

    pub(crate) fn accept(self, types: &str) -> Self {
        self.header(ACCEPT.as_str(), types)
    }

    pub(crate) fn user(self, name: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &basic(name, PASSWORD))
    }

    pub(crate) fn anonymous(mut self) -> Self {
        self.headers.remove(AUTHORIZATION);
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|fault| panic!("{fault}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn content_type(&self) -> &str {
        self.header("content-type").unwrap_or_default()
    }

    /// The `errorCode` of an error in JSON or XML.
    pub(crate) fn code(&self) -> String {
        if self.content_type().contains("json") {
            return self.json()["errorCode"].as_str().unwrap_or_default().to_owned();
        }
        let (_, rest) = self.text.split_once("errorCode=\"").unwrap_or_default();
        rest.split('"').next().unwrap_or_default().to_owned()
    }

    /// The code of the first message that says more, or nothing.
    pub(crate) fn detail(&self) -> String {
        self.json()["errors"][0]["errorCode"].as_str().unwrap_or_default().to_owned()
    }

    /// The names in a list of runtimes.
    pub(crate) fn names(&self) -> Vec<String> {
        let projects = self.json()["projects"].as_array().unwrap().clone();
        projects.iter().map(|project| project["name"].as_str().unwrap().to_owned()).collect()
    }

    /// A project of a list of runtimes.
    pub(crate) fn project(&self, name: &str) -> Value {
        let projects = self.json()["projects"].as_array().unwrap().clone();
        projects
            .into_iter()
            .find(|project| project["name"] == name)
            .unwrap_or_else(|| panic!("no {name} in {}", self.text))
    }
}
