//! The server on a real socket: protocols, limits, TLS and the end.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use http::header::CONTENT_TYPE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vivarium_http::{Front, FrontSettings, JsonBody, Listener, ListenerSettings, Tls};

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    end_of_streams: CancellationToken,
    entered: Arc<Notify>,
    leave: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

async fn start(settings: ListenerSettings) -> Server {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let front_settings = FrontSettings { body_limit: 1000, ..FrontSettings::default() };
    let end_of_streams = front_settings.end_of_streams.clone();
    let held = {
        let (entered, leave) = (entered.clone(), leave.clone());
        async move || {
            entered.notify_one();
            leave.notified().await;
            "held"
        }
    };
    let events = async || {
        let first = futures::stream::iter([Ok::<_, std::io::Error>("data: 1\n\n")]);
        let stream = futures::StreamExt::chain(first, futures::stream::pending());
        ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream)).into_response()
    };
    let router = Router::new()
        .route("/hello", get(async || "hello"))
        .route("/json", post(async |JsonBody(value): JsonBody| value.to_string()))
        .route("/held", get(held))
        .route("/events", get(events));
    let listener = Listener::bind("127.0.0.1:0", settings).await.unwrap();
    let (address, stop) = (listener.address(), CancellationToken::new());
    let task = tokio::spawn(listener.serve(Front::new(Vec::new(), router, front_settings), stop.clone()));
    Server { address, stop, end_of_streams, entered, leave, task }
}

async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const HELLO: &str = "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn requests_are_answered_over_http_1() {
    let server = start(ListenerSettings::default()).await;
    let answer = exchange(server.address, HELLO).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_refused_and_the_answer_arrives() {
    let server = start(ListenerSettings::default()).await;
    let chunk = format!("3e8\r\n{}\r\n", " ".repeat(1000));
    let head = "POST /json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    let answer = exchange(server.address, &format!("{head}{}0\r\n\r\n", chunk.repeat(50))).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("larger than 1000 bytes"), "{answer}");
}

#[tokio::test]
async fn who_sends_no_request_in_time_is_dropped() {
    let settings = ListenerSettings { header_timeout: Duration::from_millis(200), ..Default::default() };
    let server = start(settings).await;
    for beginning in ["", "P", "GET /hello HTTP/1.1\r\nHos"] {
        let began = Instant::now();
        let answer = tokio::time::timeout(Duration::from_secs(10), exchange(server.address, beginning)).await.unwrap();
        assert!(!answer.contains("200 OK"), "{beginning:?}: {answer}");
        assert!(began.elapsed() >= Duration::from_millis(150), "{beginning:?}");
    }
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_their_turn() {
    let server = start(ListenerSettings { max_connections: 1, ..Default::default() }).await;
    let first = TcpStream::connect(server.address).await.unwrap();
    let second = exchange(server.address, HELLO);
    tokio::pin!(second);
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut second).await.is_err());
    drop(first);
    assert!(second.await.ends_with("hello"));
}

#[tokio::test]
async fn a_request_in_flight_ends_before_the_server_does() {
    let server = start(ListenerSettings::default()).await;
    let request = tokio::spawn(exchange(server.address, "GET /held HTTP/1.1\r\nHost: x\r\n\r\n"));
    server.entered.notified().await;
    server.stop.cancel();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.task.is_finished());
    server.leave.notify_one();
    assert!(request.await.unwrap().ends_with("held"));
    server.task.await.unwrap();
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_after_the_grace_time() {
    let server = start(ListenerSettings { grace: Duration::from_millis(100), ..Default::default() }).await;
    let request = tokio::spawn(exchange(server.address, "GET /held HTTP/1.1\r\nHost: x\r\n\r\n"));
    server.entered.notified().await;
    server.stop.cancel();
    server.task.await.unwrap();
    assert_eq!(request.await.unwrap(), "");
}

#[tokio::test]
async fn streams_of_events_end_with_the_server() {
    let server = start(ListenerSettings::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"data: 1\n\n\r\n") {
        stream.read_buf(&mut seen).await.unwrap();
    }
    server.stop.cancel();
    server.end_of_streams.cancel();
    stream.read_to_end(&mut seen).await.unwrap();
    assert!(seen.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&seen));
    server.task.await.unwrap();
}

#[test]
fn bad_certificate_files_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("certificate.pem");
    let message = |path: &Path| Tls::from_files(path, path).err().unwrap().to_string();
    assert!(message(&path).starts_with(&format!("cannot read the certificate from `{}`", path.display())));
    std::fs::write(&path, "not PEM").unwrap();
    assert!(message(&path).ends_with("there is none in the file"), "{}", message(&path));
}
