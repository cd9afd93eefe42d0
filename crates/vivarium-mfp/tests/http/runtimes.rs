//! What the list and the single runtime say.

use std::time::Duration;

use rstest::rstest;
use vivarium_domain::id::{NodeId, RuntimeId};
use vivarium_domain::node::Node;
use vivarium_domain::ports::{NodeStore, RuntimeStore};
use vivarium_domain::runtime::{NodeRuntimeState, SyncState};
use vivarium_domain::time::Clock;
use vivarium_http::OriginSettings;
use vivarium_testkit::WorldSettings;

use super::support::{Call, DEFAULT_NAME, ROOT, Server};

/// A second node that says something about a runtime.
async fn second_node(server: &Server, runtime: RuntimeId, state: SyncState, fault: Option<&str>) {
    let (store, now) = (&server.world.store, server.world.clock.now());
    let node = Node {
        id: NodeId::random(),
        name: "node-2".to_owned(),
        address: "127.0.0.2:8080".to_owned(),
        version: "0.1.0".to_owned(),
        missing_layers: Vec::new(),
        started: now,
        heartbeat: now,
        stopped: false,
    };
    store.register_node(&node).await.unwrap();
    let build = store.runtime(runtime).await.unwrap().unwrap().build;
    let fault = fault.map(str::to_owned);
    let report = NodeRuntimeState {
        node: node.id,
        runtime,
        build,
        state,
        packages: Vec::new(),
        fault,
        serving: None,
        stopped: false,
        updated: now,
    };
    store.put_node_state(&report).await.unwrap();
}

async fn status_of(server: &Server, name: &str) -> String {
    let listed = server.get("/runtimes?mode=db").await.project(name)["synchronizationStatus"].clone();
    let single = server.get(&format!("/runtimes/{name}")).await.json()["synchronizationStatus"].clone();
    assert_eq!(listed, single, "list and single runtime differ");
    listed.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn runtimes_are_sorted_by_name_without_regard_to_case() {
    let server = Server::new().await;
    for name in ["beta", "Alpha", "Ärger", "zulu", "ALPHA 2"] {
        server.add_runtime(name, &[]).await;
    }
    assert_eq!(server.get("/runtimes").await.names(), [DEFAULT_NAME, "Alpha", "ALPHA 2", "beta", "zulu", "Ärger"]);
}

#[tokio::test]
async fn a_stopped_runtime_is_listed_with_mode_db_only() {
    let server = Server::new().await;
    let id = server.add_runtime("old", &[]).await;
    assert_eq!(server.get("/runtimes").await.names(), [DEFAULT_NAME, "old"]);
    server.stop_runtime(id).await;
    for path in ["/runtimes", "/runtimes?mode=running", "/runtimes?mode=", "/runtimes?mode=running&mode=db"] {
        assert_eq!(server.get(path).await.names(), [DEFAULT_NAME], "{path}");
    }
    let all = server.get("/runtimes?mode=db").await;
    assert_eq!(all.names(), [DEFAULT_NAME, "old"]);
    assert_eq!(all.project("old")["running"], false);
    assert_eq!(all.project("old")["synchronizationStatus"], "ok");
    assert_eq!(all.project(DEFAULT_NAME)["running"], true);
    assert_eq!(server.get("/runtimes/old").await.json()["running"], false);
}

#[tokio::test]
async fn a_silent_node_runs_nothing() {
    let server = Server::new().await;
    server.world.clock.advance(Duration::from_secs(60));
    let reply = server.get("/runtimes").await;
    assert_eq!(reply.status.as_u16(), 200);
    assert!(reply.text.ends_with(r#""projects":[]}"#), "{}", reply.text);
    let xml = server.send(Call::get("/runtimes").accept("text/xml")).await;
    assert!(xml.text.ends_with("<projects/></projectconfiguration>"), "{}", xml.text);
    assert_eq!(server.get("/runtimes?mode=db").await.project(DEFAULT_NAME)["running"], false);
}

#[tokio::test]
async fn a_runtime_whose_first_environment_is_being_built_is_synchronizing() {
    let server = Server::new().await;
    server.world.environments.hold();
    let id = server.define_runtime("fresh", &["six"]).await;
    assert_eq!(status_of(&server, "fresh").await, "synchronizing");
    server.world.environments.release();
    server.world.settled(id).await;
    assert_eq!(status_of(&server, "fresh").await, "ok");
}

#[tokio::test]
async fn one_common_error_of_several_nodes_is_shown_as_it_is() {
    let server = Server::new().await;
    let id = server.add_runtime("r", &["no-such-package"]).await;
    let alone = status_of(&server, "r").await;
    assert!(alone.starts_with("VIVSE1013E: the runtime `r` failed to synchronize: "), "{alone}");
    let reason = alone.split_once("synchronize: ").unwrap().1.to_owned();
    second_node(&server, id, SyncState::Failed, Some(&reason)).await;
    assert_eq!(status_of(&server, "r").await, alone);
    assert_eq!(server.get("/runtimes?mode=db").await.project("r")["running"], true, "running goes with an error");
}

#[tokio::test]
async fn different_errors_are_summed_up() {
    let server = Server::new().await;
    let id = server.add_runtime("r", &["no-such-package"]).await;
    second_node(&server, id, SyncState::Failed, Some("no interpreter")).await;
    let status = status_of(&server, "r").await;
    assert!(status.starts_with("FWLSE3113E: ") && status.contains("`r`"), "{status}");
}

#[tokio::test]
async fn an_error_outweighs_a_node_that_is_still_at_it() {
    let server = Server::new().await;
    let id = server.add_runtime("r", &["no-such-package"]).await;
    second_node(&server, id, SyncState::Building, None).await;
    assert!(status_of(&server, "r").await.starts_with("VIVSE1013E: "));
    let fine = server.add_runtime("s", &["six"]).await;
    let (store, state) = (&server.world.store, SyncState::Building);
    let nodes = store.nodes().await.unwrap();
    let mut report = store.node_states_of(fine).await.unwrap().remove(0);
    report.node = nodes.iter().find(|node| node.name == "node-2").unwrap().id;
    report.state = state;
    store.put_node_state(&report).await.unwrap();
    assert_eq!(status_of(&server, "s").await, "synchronizing");
}

#[rstest]
#[case("plain")]
#[case("with blank")]
#[case("Läufe")]
#[case("日本語 🦆")]
#[case("100%")]
#[case("a%20b")]
#[case("why?")]
#[case("#1 & 'two' \"three\" <four>")]
#[case("a+b=c;d,e:f@g!h$i*(j)")]
#[case("{runtime}")]
#[case("e\u{301} \u{202e}rtl")]
#[tokio::test]
async fn a_link_leads_to_its_runtime(#[case] name: &str) {
    let server = Server::new().await;
    server.add_runtime(name, &[]).await;
    let reply = server.get("/runtimes").await;
    let link = reply.project(name)["link"].as_str().unwrap().to_owned();
    let path = link.strip_prefix(&format!("http://adm.example.org:9443{ROOT}")).unwrap();
    assert!(path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%/".contains(&byte)), "{path}");
    for address in [path.to_owned(), format!("{path}/"), format!("{path}?locale=de")] {
        let single = server.get(&address).await;
        assert_eq!(single.status.as_u16(), 200, "{address}: {}", single.text);
        assert_eq!(single.json()["name"], name);
    }
}

#[tokio::test]
async fn names_are_found_without_regard_to_case() {
    let server = Server::new().await;
    server.add_runtime("Größe", &[]).await;
    for path in ["/runtimes/gr%C3%B6%C3%9Fe", "/runtimes/GR%C3%96%C3%9FE", "/runtimes/Gr%c3%b6%c3%9fe"] {
        assert_eq!(server.get(path).await.json()["name"], "Größe", "{path}");
    }
}

#[tokio::test]
async fn links_follow_the_configured_proxy() {
    let origin = OriginSettings {
        scheme: Some("https".to_owned()),
        host: Some("public.example".to_owned()),
        port: Some(9443),
        ..OriginSettings::default()
    };
    let server = Server::with(WorldSettings::default(), origin).await;
    let link = server.get("/runtimes").await.project(DEFAULT_NAME)["link"].clone();
    assert_eq!(link, format!("https://public.example:9443{ROOT}/runtimes/%28Default%29%20Vivarium"));
}

#[tokio::test]
async fn links_follow_a_trusted_proxy_only() {
    let loopback = vec!["127.0.0.0/8".parse().unwrap()];
    let trusting = OriginSettings { trusted_proxies: loopback, ..OriginSettings::default() };
    for (origin, base) in
        [(trusting, "https://proxy.example"), (OriginSettings::default(), "http://adm.example.org:9443")]
    {
        let server = Server::with(WorldSettings::default(), origin).await;
        let call = Call::get("/runtimes").header("forwarded", "for=192.0.2.1;proto=https;host=proxy.example");
        let link = server.send(call).await.project(DEFAULT_NAME)["link"].as_str().unwrap().to_owned();
        assert!(link.starts_with(&format!("{base}{ROOT}/")), "{link}");
    }
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let server = Server::new().await;
    for (path, status) in [("/runtimes", 200), ("/runtimes/none", 404), ("/runtimes?mode=x", 400)] {
        let get = server.get(path).await;
        let head = server.send(Call::get(path).method("HEAD")).await;
        assert_eq!((get.status.as_u16(), head.status.as_u16()), (status, status), "{path}");
        assert_eq!(head.content_type(), get.content_type());
        assert_eq!(head.text, "", "{path}");
    }
}

#[tokio::test]
async fn expand_replaces_the_counts_by_the_things_counted() {
    let server = Server::new().await;
    let path = "/runtimes/%28Default%29%20Vivarium";
    for (query, expanded) in [("", false), ("?expand=false", false), ("?expand=", false), ("?expand=true", true)] {
        let runtime = server.get(&format!("{path}{query}")).await.json();
        assert_eq!(runtime.get("numberOfAdapters").is_none(), expanded, "{query}");
        assert_eq!(runtime.get("numberOfApplications").is_none(), expanded, "{query}");
        assert_eq!(runtime.get("adapters").is_some(), expanded, "{query}");
        assert_eq!(runtime.get("applications").is_some(), expanded, "{query}");
    }
}
