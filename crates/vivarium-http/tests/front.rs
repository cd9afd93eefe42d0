//! What every request meets before and after its route.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;
use vivarium_domain::Error;
use vivarium_http::{
    Deadline, Dialect, Front, FrontSettings, JsonBody, Mount, OriginSettings, Problem, RequestContext,
};

/// Renders problems as `LOUD <status> <ticket>: <sentence>`.
struct Loud;

impl Dialect for Loud {
    fn name(&self) -> &'static str {
        "loud"
    }

    fn render(&self, problem: &Problem, context: &RequestContext) -> Response {
        let (status, text) = match problem {
            Problem::Transport(fault) => (fault.status(), fault.to_string()),
            Problem::Domain(error) => (StatusCode::IM_A_TEAPOT, error.message().to_owned()),
        };
        (status, format!("LOUD {}: {text}", context.request_id())).into_response()
    }
}

fn router() -> Router {
    Router::new()
        .route("/hello", get(async || "hello"))
        .route("/base", get(async |context: RequestContext| format!("{} {}", context.base_url(), context.client())))
        .route("/json", post(async |JsonBody(value): JsonBody| value.to_string()))
        .route("/slow", get(async || std::future::pending::<()>().await))
        .route("/patient", get(patient))
        .route(
            "/panic",
            get(async || {
                if true {
                    panic!("secret of the house")
                }
            }),
        )
        .route("/busy", get(async || Problem::from(Error::too_many("later", Duration::from_millis(1500)))))
        .route("/broken", get(async || Problem::from(Error::internal("password=hunter2"))))
}

async fn patient(deadline: Deadline) -> &'static str {
    deadline.extend(Duration::from_secs(60));
    tokio::time::sleep(Duration::from_secs(50)).await;
    "done"
}

fn front(settings: FrontSettings) -> Front {
    let mount = Mount { base: "/api", dialect: Arc::new(Loud), router: router() };
    Front::new(vec![mount], Router::new().route("/plain", get(async || "plain")), settings)
}

fn small() -> FrontSettings {
    FrontSettings {
        body_limit: 100,
        header_bytes: 1000,
        header_count: 10,
        time_limit: Duration::from_secs(5),
        ..FrontSettings::default()
    }
}

async fn ask(request: Request<Body>) -> (StatusCode, String, http::HeaderMap) {
    let response = front(small()).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts.status, String::from_utf8(bytes.to_vec()).unwrap(), parts.headers)
}

async fn get_path(path: &str) -> (StatusCode, String, http::HeaderMap) {
    ask(Request::get(path).header("x-request-id", "ticket").body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn an_answer_carries_the_id_of_its_request() {
    let (status, body, headers) = get_path("/api/hello").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "hello"));
    assert_eq!(headers["x-request-id"], "ticket");
    let (_, _, headers) = ask(Request::get("/api/hello").body(Body::empty()).unwrap()).await;
    assert_eq!(headers["x-request-id"].len(), 32);
}

#[tokio::test]
async fn a_slash_at_the_end_is_accepted() {
    assert_eq!(get_path("/api/hello/").await.1, "hello");
    assert_eq!(get_path("/plain/?a=b").await.1, "plain");
}

#[tokio::test]
async fn faults_below_a_dialect_are_told_in_its_words() {
    for (path, status) in [
        ("/api/nothing", StatusCode::NOT_FOUND),
        ("/api", StatusCode::NOT_FOUND),
        ("/api/hello%00", StatusCode::BAD_REQUEST),
        ("/api/%ff", StatusCode::BAD_REQUEST),
        ("/api//hello", StatusCode::BAD_REQUEST),
        ("/api/panic", StatusCode::INTERNAL_SERVER_ERROR),
        ("/api/broken", StatusCode::IM_A_TEAPOT),
    ] {
        let (got, body, _) = get_path(path).await;
        assert_eq!(got, status, "{path}");
        assert!(body.starts_with("LOUD ticket: "), "{path}: {body}");
        assert!(!body.contains("secret") && !body.contains("hunter2"), "{path}: {body}");
    }
}

#[tokio::test]
async fn a_wrong_method_names_the_right_ones() {
    let (status, body, headers) = ask(Request::delete("/api/json").body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(body.starts_with("LOUD"), "{body}");
    assert_eq!(headers["allow"], "POST");
}

#[tokio::test]
async fn faults_beside_every_dialect_are_told_in_plain_json() {
    for path in ["/", "/apix", "/nothing"] {
        let (status, body, headers) = get_path(path).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(headers["content-type"], "application/json");
        assert!(body.contains("\"requestId\":\"ticket\""), "{body}");
    }
}

#[tokio::test]
async fn large_bodies_are_refused_whether_announced_or_not() {
    let large = || vec![b' '; 101];
    let announced = Request::post("/api/json").header("content-length", "101").body(Body::from(large())).unwrap();
    let chunks = futures::stream::iter([Ok::<_, std::io::Error>(large())]);
    let chunked = Request::post("/api/json").body(Body::from_stream(chunks)).unwrap();
    for request in [announced, chunked] {
        let (status, body, _) = ask(request).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{body}");
        assert!(body.ends_with("the body of the request is larger than 100 bytes"), "{body}");
    }
}

#[tokio::test]
async fn large_and_many_headers_are_refused() {
    let large = Request::get("/api/hello").header("a", "x".repeat(1000));
    let many = (0..11).fold(Request::get("/api/hello"), |request, at| request.header(format!("a{at}"), "x"));
    for request in [large, many] {
        let (status, body, _) = ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert!(body.starts_with("LOUD"), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_holds_unless_a_handler_pushes_it_back() {
    assert_eq!(get_path("/api/slow").await.0, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(get_path("/api/patient").await.1, "done");
}

#[tokio::test]
async fn retry_after_is_in_whole_seconds_and_rounded_up() {
    assert_eq!(get_path("/api/busy").await.2["retry-after"], "2");
}

#[tokio::test]
async fn broken_json_is_told_with_its_place() {
    let request = Request::post("/api/json").body(Body::from("{\"a\":")).unwrap();
    let (status, body, _) = ask(request).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.ends_with("at line 1 column 5"), "{body}");
}

#[tokio::test]
async fn links_and_the_client_follow_trusted_proxies_only() {
    let mut settings = small();
    let request = || {
        let request = Request::get("/api/base").header("host", "inner:8080").header("x-forwarded-for", "192.0.2.1");
        request.header("x-forwarded-proto", "https").header("x-forwarded-host", "outer.example").body(Body::empty())
    };
    let body = async |settings: FrontSettings| {
        let response = front(settings).oneshot(request().unwrap()).await.unwrap();
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    };
    assert_eq!(body(settings.clone()).await, "http://inner:8080 127.0.0.1");
    settings.origin = OriginSettings { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..Default::default() };
    assert_eq!(body(settings).await, "https://outer.example 192.0.2.1");
}
