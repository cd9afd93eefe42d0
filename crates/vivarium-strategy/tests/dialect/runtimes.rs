//! Runtimes.

use serde_json::{Value, json};
use vivarium_domain::account::Role;
use vivarium_domain::id::NodeId;
use vivarium_domain::node::Node;
use vivarium_domain::ports::NodeStore;
use vivarium_domain::time::Clock;
use vivarium_testkit::WorldSettings;

use crate::kit::{DEFAULT_RUNTIME, Server};

#[tokio::test]
async fn a_runtime_comes_back_as_it_was_defined() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let definition = json!({
        "name": "Läufe <1>", "description": "d", "whitelist": ["", "10.20.0.0/16", "192.0.2.7", "2001:db8::/32"],
        "packages": [{"name": "numpy", "version": "2.1.0"}, {"name": "requests", "description": "r", "junk": 1}],
        "resource": {"cpu": "0.5", "mem": 512, "disk": 1024, "procCount": 20}, "execTimeout": 120,
        "minCachedInstances": 0, "maxCachedInstances": 3, "runtimeVersion": "3.12", "others": "o",
        "executionTarget": "x", "changeJournal": {"userComments": "why"}, "owner": null, "junk": [1]
    });
    let id = client.runtime(definition).await;
    let document = client.get(&format!("/runtimes/{id}")).await.json();
    assert_eq!(document["name"], "Läufe <1>");
    assert_eq!(document["whitelist"], json!(["10.20.0.0/16", "192.0.2.7/32", "2001:db8::/32"]));
    assert_eq!(document["resource"], json!({"cpu": "0.5", "mem": 512, "disk": 1024, "procCount": 20}));
    assert_eq!(document["packages"][0]["installedVersion"], "2.1.0");
    assert_eq!(
        document["packages"][1],
        json!({"name": "requests", "version": "", "installedVersion": "1.0.0", "description": "r", "status": "installed"})
    );
    assert_eq!((&document["status"], &document["executionTarget"]), (&json!("ready"), &json!("x")));
}

#[tokio::test]
async fn a_bad_package_says_why_and_a_correction_heals() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let id = client.runtime(json!({"name": "x", "packages": [{"name": "six"}, {"name": "no-such-package"}]})).await;
    let path = format!("/runtimes/{id}");
    let document = client.get(&path).await.json();
    assert_eq!((&document["status"], &document["packages"][0]["status"]), (&json!("error"), &json!("installed")));
    assert_eq!(document["packages"][1]["status"], "not_installed");
    assert!(document["packages"][1]["message"].as_str().unwrap().starts_with("Return code: 1."));
    let correction = json!({"name": "x", "packages": [{"name": "six"}]});
    assert_eq!(client.patch(&path, correction).await.status, 204);
    server.world.settled(id.parse().unwrap()).await;
    assert_eq!(client.get(&path).await.json()["status"], "ready");
}

#[tokio::test]
async fn a_patch_changes_only_what_it_names_and_nothing_keeps_the_version() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let id = client
        .runtime(json!({"name": "x", "description": "d", "whitelist": ["10.0.0.0/8"], "resource": {"mem": 64}}))
        .await;
    let path = format!("/runtimes/{id}");
    let before = client.get(&path).await.json();
    assert_eq!(client.patch(&path, json!({"name": "x", "description": null})).await.status, 204);
    assert_eq!(client.get(&path).await.json()["version"], before["version"]);
    let change = json!({"name": "y", "whitelist": [], "resource": {"cpu": 0.25}});
    assert_eq!(client.patch(&path, change).await.status, 204);
    let after = client.get(&path).await.json();
    assert_ne!(after["version"], before["version"]);
    assert_eq!((&after["name"], &after["description"], &after["whitelist"]), (&json!("y"), &json!("d"), &json!([])));
    assert_eq!((&after["resource"]["cpu"], &after["resource"]["mem"]), (&json!("0.25"), &json!(64)));
}

#[tokio::test]
async fn instances_are_forked_unless_the_definition_wants_them_fresh() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let id = client.runtime(json!({"name": "x"})).await;
    let path = format!("/runtimes/{id}");
    let mode = async || {
        let body = json!({"scriptContent": "bW9kZQ==", "scriptRuntimeId": id});
        let started = client.post("/scripts/evaluation", body).await.json();
        let ran = client.finished(started["id"].as_str().unwrap()).await["results"]["stdout"].clone();
        (client.get(&path).await.json()["instanceMode"].clone(), ran)
    };
    assert_eq!(mode().await, (json!("forked"), json!("forked\n")));
    assert_eq!(client.patch(&path, json!({"instanceMode": "fresh"})).await.status, 204);
    assert_eq!(mode().await, (json!("fresh"), json!("fresh\n")));
    assert_eq!(client.patch(&path, json!({"description": "y"})).await.status, 204);
    assert_eq!(mode().await.0, "fresh");
    for wrong in [json!("FRESH"), json!(""), json!(1)] {
        let refused = client.patch(&path, json!({"instanceMode": wrong})).await;
        assert_eq!(refused.fault(), (400, "ERR006".to_owned()));
        assert!(refused.message().contains("`instanceMode`"), "{}", refused.message());
    }
}

#[tokio::test]
async fn names_are_unique_without_regard_to_case_and_deletion_frees_them() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let id = client.runtime(json!({"name": "Name"})).await;
    assert_eq!(client.post("/runtimes", json!({"name": "NAME"})).await.fault(), (409, "ERR015".to_owned()));
    assert_eq!(client.delete(&format!("/runtimes/{id}?userComments=bye")).await.status, 204);
    assert_eq!(client.get(&format!("/runtimes/{id}")).await.fault(), (404, "ERR004".to_owned()));
    client.runtime(json!({"name": "NAME"})).await;
    let default = client.delete(&format!("/runtimes/{DEFAULT_RUNTIME}")).await;
    assert_eq!(default.fault(), (409, "ERR001".to_owned()));
}

#[tokio::test]
async fn fields_filter_elements_and_unknown_names_select_nothing() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let listed = client.get("/runtimes?fields=status%2Cname,nothing").await.text;
    assert_eq!(listed, r#"{"runtimes":[{"name":"(Default) Vivarium","status":"ready"}]}"#);
    assert_eq!(client.get("/runtimes?fields=nothing").await.text, r#"{"runtimes":[{}]}"#);
    let path = format!("/runtimes/{DEFAULT_RUNTIME}");
    assert_eq!(client.get(&format!("{path}?fields=type")).await.text, r#"{"type":80}"#);
    assert_eq!(client.get(&format!("{path}?fields=")).await.text, client.get(&path).await.text);
    assert_eq!(client.get("/runtimes/00000000000000000000000000000001?fields=id").await.fault().1, "ERR004");
}

#[tokio::test]
async fn every_element_of_a_list_has_the_same_keys() {
    let server = Server::new().await;
    let client = server.administrator().await;
    client.runtime(json!({"name": "a"})).await;
    client.runtime(json!({"name": "b", "whitelist": ["10.0.0.0/8"], "packages": [{"name": "six"}]})).await;
    let list = client.get("/runtimes").await.json();
    let keys = |document: &Value| document.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let elements = list["runtimes"].as_array().unwrap();
    assert_eq!(elements.len(), 3);
    assert!(elements.iter().all(|element| keys(element) == keys(&elements[0])));
}

#[tokio::test]
async fn a_stopped_runtime_refuses_work_until_it_is_started() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let id = client.runtime(json!({"name": "x"})).await;
    let body = json!({"scriptContent": "cHJpbnQ=", "scriptRuntimeId": id});
    assert_eq!(client.post_empty(&format!("/runtimes/{id}/stop")).await.status, 204);
    let refused = client.post("/scripts/evaluation", body.clone()).await;
    assert_eq!(refused.fault(), (409, "ERR001".to_owned()));
    assert!(refused.message().contains("stopped"), "{}", refused.message());
    assert_eq!(client.post_empty(&format!("/runtimes/{id}/start")).await.status, 204);
    assert_eq!(client.post_empty(&format!("/runtimes/{id}/synchronize")).await.status, 204);
    assert_eq!(client.post("/scripts/evaluation", body).await.status, 202);
}

#[tokio::test]
async fn versions_are_listed_newest_first() {
    let server = Server::new().await;
    let client = server.administrator().await;
    assert_eq!(client.get("/runtimes/versions").await.text, r#"{"versions":["3.12.4","3.11.9"]}"#);
}

#[tokio::test]
async fn access_lists_and_privileges_are_enforced() {
    let server = Server::new().await;
    let (administrator, anna) = (server.administrator().await, server.user("anna", &[]).await);
    let id = administrator.runtime(json!({"name": "closed"})).await;
    let path = format!("/runtimes/{id}");
    assert_eq!(anna.get(&path).await.fault(), (404, "ERR004".to_owned()));
    assert!(!anna.get("/runtimes").await.text.contains("closed"));
    assert_eq!(anna.post("/runtimes", json!({"name": "own"})).await.fault(), (403, "ERR014".to_owned()));
    let default = format!("/runtimes/{DEFAULT_RUNTIME}");
    assert_eq!(anna.get(&default).await.json()["acg"], 197);
    let denied = anna.patch(&default, json!({"name": "mine"})).await;
    assert_eq!(denied.fault(), (403, "ERR017".to_owned()));
    assert_eq!(denied.json()["iServerCode"], -2_147_214_568_i64);
    let deployer = server.user("dora", &[Role::Deployer]).await;
    let own = deployer.runtime(json!({"name": "own"})).await;
    assert_eq!(deployer.get(&format!("/runtimes/{own}")).await.json()["owner"]["name"], "dora");
}

#[tokio::test]
async fn one_error_names_every_fault_of_a_definition() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let definition = json!({
        "name": 5, "packages": [{"version": 1}, {"name": "a b"}], "whitelist": "x", "resource": {"mem": 1.5, "cpu": "-1"},
        "execTimeout": 0, "runtimeVersion": "2.7"
    });
    let answer = client.post("/runtimes", definition).await;
    assert_eq!(answer.fault(), (400, "ERR006".to_owned()));
    for field in [
        "`name`",
        "`packages[0].name`",
        "`packages[0].version`",
        "`packages[1].name`",
        "`whitelist`",
        "`resource.mem`",
        "`resource.cpu`",
        "`execTimeout`",
        "`runtimeVersion`",
    ] {
        assert_eq!(answer.message().matches(field).count(), 1, "{field} in {}", answer.message());
    }
}

/// An operator who lowers a demand does not do so in silence.
#[tokio::test]
async fn layers_that_a_node_does_without_are_shown() {
    for missing in [&[][..], &["cgroup-memory", "landlock"]] {
        let server = Server::with(WorldSettings { missing_layers: missing, ..WorldSettings::default() }).await;
        let client = server.administrator().await;
        let id = client.runtime(json!({"name": "x", "execTimeout": 60})).await;
        let shown = client.get(&format!("/runtimes/{id}")).await.json()["missingLayers"].clone();
        assert_eq!(shown, if missing.is_empty() { json!(null) } else { json!(missing) });
    }
}

/// Whichever node is asked tells it of all that are up.
#[tokio::test]
async fn layers_that_another_node_does_without_are_shown_while_it_lives() {
    let server = Server::with(WorldSettings { missing_layers: &["landlock"], ..WorldSettings::default() }).await;
    let client = server.administrator().await;
    let id = client.runtime(json!({"name": "x", "execTimeout": 60})).await;
    let (store, now) = (&server.world.store, server.world.clock.now());
    let other = Node {
        id: NodeId::random(),
        name: "node-2".to_owned(),
        address: "127.0.0.2:8080".to_owned(),
        version: "0.1.0".to_owned(),
        missing_layers: vec!["cgroup-memory".to_owned(), "landlock".to_owned()],
        started: now,
        heartbeat: now,
        stopped: false,
    };
    store.register_node(&other).await.unwrap();
    let shown = async || client.get(&format!("/runtimes/{id}")).await.json()["missingLayers"].clone();
    assert_eq!(shown().await, json!(["cgroup-memory", "landlock"]));
    store.mark_node_stopped(other.id, now).await.unwrap();
    assert_eq!(shown().await, json!(["landlock"]));
}
