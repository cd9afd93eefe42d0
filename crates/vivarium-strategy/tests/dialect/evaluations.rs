//! Evaluations of code.

use serde_json::{Value, json};
use vivarium_testkit::WorldSettings;

use crate::kit::{Client, Server, code};

async fn outcome(client: &Client<'_>, source: &str) -> Value {
    let id = client.evaluation(source).await;
    client.finished(&id).await
}

#[tokio::test]
async fn a_finished_evaluation_shows_what_it_wrote_and_returned() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let document = outcome(&client, "print hello\nerror oh\nreturn {\"a\": 1}").await;
    assert_eq!(document["status"], 3);
    assert_eq!(document["results"], json!({"stdout": "hello\n", "stderr": "oh\n", "output": "{\"a\": 1}"}));
    let silent = outcome(&client, "nothing").await;
    assert_eq!(silent["results"], json!({"stdout": "", "stderr": ""}));
}

#[tokio::test]
async fn every_way_to_end_has_its_status_and_keeps_partial_output() {
    let server = Server::new().await;
    let client = server.administrator().await;
    for (end, status) in [("fail ValueError: bad region (line 3)", 4), ("expire", 5), ("exhaust", 4)] {
        let document = outcome(&client, &format!("print begun\n{end}")).await;
        assert_eq!((&document["status"], &document["results"]["stdout"]), (&json!(status), &json!("begun\n")), "{end}");
        assert!(document["message"].is_string(), "{document}");
    }
}

#[tokio::test]
async fn results_stay_away_while_it_runs_and_a_stop_is_seen_at_once() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let id = client.evaluation("print begun\nwait for-ever").await;
    let path = format!("/scripts/evaluation/{id}");
    let hasty = client.clone().header("prefer", "wait=0");
    while hasty.get(&path).await.json()["status"] == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.get(&path).await.json(), json!({"id": id, "status": 1}));
    assert_eq!(client.delete(&path).await.status, 204);
    let document = client.get(&path).await.json();
    assert_eq!((&document["status"], &document["results"]["stdout"]), (&json!(6), &json!("begun\n")));
    assert_eq!(client.delete(&path).await.status, 204, "a second stop changes nothing");
    assert_eq!(client.get(&path).await.json(), document);
}

#[tokio::test]
async fn a_client_that_prefers_to_wait_gets_the_finished_document() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let waiting = client.clone().header("prefer", "respond-async, wait=20");
    let answer = waiting.post("/scripts/evaluation", code("print done")).await;
    assert_eq!((answer.status.as_u16(), answer.header("preference-applied")), (200, "wait=20"));
    assert_eq!((&answer.json()["status"], &answer.json()["results"]["stdout"]), (&json!(3), &json!("done\n")));
    let path = format!("/scripts/evaluation/{}", answer.json()["id"].as_str().unwrap());
    let again = waiting.get(&path).await;
    assert_eq!((again.json(), again.header("preference-applied")), (answer.json(), "wait=20"));
    assert!(!client.get(&path).await.headers.contains_key("preference-applied"));
}

#[tokio::test]
async fn a_wait_that_was_too_short_leaves_the_evaluation_running() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let hasty = client.clone().header("prefer", "wait=0");
    let answer = hasty.post("/scripts/evaluation", code("wait gate\nprint late")).await;
    assert_eq!((answer.status.as_u16(), answer.header("preference-applied")), (202, "wait=0"));
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.json(), json!({"id": id}));
    server.world.instances.open("gate");
    assert_eq!(client.finished(&id).await["results"]["stdout"], "late\n");
}

#[tokio::test]
async fn a_held_poll_answers_when_the_state_changes() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let id = client.evaluation("wait gate").await;
    let path = format!("/scripts/evaluation/{id}");
    let hasty = client.clone().header("prefer", "wait=0");
    while hasty.get(&path).await.json()["status"] != 1 {
        tokio::task::yield_now().await;
    }
    let held = client.clone().header("prefer", "wait=20");
    let (document, ()) = tokio::join!(held.get(&path), async {
        tokio::task::yield_now().await;
        server.world.instances.open("gate");
    });
    assert_eq!(document.json()["status"], 3);
}

#[tokio::test]
async fn the_first_poll_of_a_short_run_has_its_result() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let id = client.evaluation("wait gate\nprint done").await;
    let path = format!("/scripts/evaluation/{id}");
    let (polled, ()) = tokio::join!(client.get(&path), async {
        tokio::task::yield_now().await;
        server.world.instances.open("gate");
    });
    assert_eq!(polled.json()["results"]["stdout"], "done\n");
}

#[tokio::test]
async fn variables_of_every_type_reach_the_script_as_values() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let variable = |kind: u32, multiple: bool, value: &str| {
        json!({"name": "v", "type": kind, "multiple": multiple, "prompt": false, "value": value,
               "secretValueInput": true, "_sourceScript": {"name": "big", "variables": null}})
    };
    for (given, seen) in [
        (variable(1, false, "x' ; import os"), "\"x' ; import os\""),
        (variable(2, false, "42"), "42"),
        (variable(2, false, "1.5"), "1.5"),
        (variable(3, false, "2026-01-02"), "\"2026-01-02\""),
        (variable(4, false, "s3cret"), "\"s3cret\""),
        (variable(5, false, "2026-01-02 03:04:05"), "\"2026-01-02 03:04:05\""),
        (variable(0, false, "r"), "\"r\""),
        (variable(4106, false, "anna"), "\"anna\""),
        (variable(32769, true, "['select']"), "[\"select\"]"),
        (variable(1, true, "[\"it's\", 'q\"x']"), r#"["it's","q\"x"]"#),
        (variable(2, true, "[1, 2.5]"), "[1,2.5]"),
        (variable(1, true, ""), "[]"),
    ] {
        let mut body = code("show v");
        body["variables"] = json!([given]);
        let answer = client.clone().header("prefer", "wait=20").post("/scripts/evaluation", body).await;
        assert_eq!(answer.json()["results"]["stdout"], format!("{seen}\n"), "{given}");
    }
}

#[tokio::test]
async fn a_stored_secret_cannot_be_resolved_yet_and_the_answer_says_so() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let mut body = code("show v");
    let id = "37ED8E2DA4974DACA6423771EC87A66F";
    body["variables"] = json!([{"name": "v", "type": 4, "value": "", "secretValueInput": false, "id": id}]);
    let answer = client.post("/scripts/evaluation", body).await;
    assert_eq!(answer.fault(), (400, "ERR006".to_owned()));
    assert!(answer.message().contains("`variables[0].secretValueInput`"), "{}", answer.message());
    let by_id = client.post("/scripts/evaluation", json!({"id": id})).await;
    assert_eq!(by_id.fault(), (400, "ERR010".to_owned()));
}

#[tokio::test]
async fn evaluations_of_others_are_hidden() {
    let server = Server::new().await;
    let (anna, ben) = (server.user("anna", &[]).await, server.user("ben", &[]).await);
    let path = format!("/scripts/evaluation/{}", anna.evaluation("print x").await);
    assert_eq!(ben.get(&path).await.fault(), (404, "ERR004".to_owned()));
    assert_eq!(ben.delete(&path).await.fault(), (404, "ERR004".to_owned()));
    assert_eq!(ben.get(&format!("{path}/events")).await.fault(), (404, "ERR004".to_owned()));
    assert_eq!(server.administrator().await.get(&path).await.status, 200);
}

#[tokio::test]
async fn a_full_queue_is_429_with_the_time_to_wait() {
    let server = Server::with(WorldSettings { max_running: 1, max_queued: 1, ..WorldSettings::default() }).await;
    let client = server.administrator().await;
    let (first, second) = (client.evaluation("wait gate").await, client.evaluation("wait gate").await);
    let answer = client.post("/scripts/evaluation", code("print x")).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("retry-after"), "1");
    server.world.instances.open("gate");
    assert_eq!(client.finished(&first).await["status"], 3);
    assert_eq!(client.finished(&second).await["status"], 3);
}
