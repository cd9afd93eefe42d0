//! Evaluations as server-sent events.

use std::time::Duration;

use axum::body::Body;
use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::kit::{Client, Server};

/// One event: its name, id and data.
type Event = (String, u64, Value);

fn parse(text: &str) -> Vec<Event> {
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty() && !block.starts_with(':'));
    blocks.map(parse_event).collect()
}

fn parse_event(block: &str) -> Event {
    let line = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    (line("event:"), line("id:").parse().unwrap(), serde_json::from_str(&line("data:")).unwrap())
}

async fn events(client: &Client<'_>, id: &str) -> Vec<Event> {
    let answer = client.get(&format!("/scripts/evaluation/{id}/events")).await;
    assert_eq!(answer.header("content-type"), "text/event-stream");
    parse(&answer.text)
}

#[tokio::test]
async fn a_stream_tells_everything_once_and_ends_with_the_final_status() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let id = client.evaluation("print a\nprint ü\\n\nerror oh\nreturn 1").await;
    let events = events(&client, &id).await;
    let text = |name: &str| {
        events.iter().filter(|event| event.0 == name).map(|event| event.2.as_str().unwrap()).collect::<String>()
    };
    assert_eq!((text("stdout").as_str(), text("stderr").as_str()), ("a\nü\\n\n", "oh\n"));
    assert!(events.windows(2).all(|pair| pair[0].1 < pair[1].1), "ids increase");
    let last = events.last().unwrap();
    assert_eq!((last.0.as_str(), &last.2), ("status", &client.get(&format!("/scripts/evaluation/{id}")).await.json()));
}

#[tokio::test]
async fn a_stream_is_taken_up_where_it_broke_off() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let id = client.evaluation("print a\nerror b").await;
    client.finished(&id).await;
    let all = events(&client, &id).await;
    for (position, event) in all.iter().enumerate() {
        let resumed = client.clone().header("last-event-id", &event.1.to_string());
        let answer = resumed.get(&format!("/scripts/evaluation/{id}/events")).await;
        let is_last = position + 1 == all.len();
        assert_eq!(answer.status, if is_last { 204 } else { 200 });
        assert_eq!(parse(&answer.text), all[position + 1..]);
    }
}

#[tokio::test]
async fn output_arrives_while_the_script_runs() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let id = client.evaluation("print first\nwait gate\nprint second").await;
    let response = client.open(Method::GET, &format!("/scripts/evaluation/{id}/events"), Body::empty()).await;
    let mut body = response.into_body();
    let mut text = String::new();
    while !text.contains("first") {
        text.push_str(&next_frame(&mut body).await.expect("the stream goes on"));
    }
    assert!(!text.contains("second"));
    server.world.instances.open("gate");
    while let Some(frame) = next_frame(&mut body).await {
        text.push_str(&frame);
    }
    let events = parse(&text);
    assert!(events.iter().any(|event| event.0 == "stdout" && event.2 == json!("second\n")), "{text}");
    assert_eq!(events.last().unwrap().2["status"], 3);
}

async fn next_frame(body: &mut Body) -> Option<String> {
    let frame = tokio::time::timeout(Duration::from_secs(20), body.frame()).await.expect("the stream does not hang");
    let bytes = frame?.unwrap().into_data().unwrap();
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn a_cancelled_evaluation_ends_its_stream() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let id = client.evaluation("wait for-ever").await;
    let (events, ()) = tokio::join!(events(&client, &id), async {
        tokio::task::yield_now().await;
        client.delete(&format!("/scripts/evaluation/{id}")).await;
    });
    assert_eq!(events.last().unwrap().2["status"], 6);
}
