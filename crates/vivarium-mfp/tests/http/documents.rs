//! The bytes of every document.

use super::support::{Call, Server};

async fn snapshot(server: &Server, name: &str, path: &str, types: &str) {
    let reply = server.send(Call::get(path).accept(types).header("x-request-id", "ticket-1")).await;
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, reply.text);
    });
}

async fn server() -> Server {
    let server = Server::new().await;
    server.add_runtime("Täglich & <mehr> \"#1\"?", &["six"]).await;
    server.add_runtime("broken", &["no-such-package"]).await;
    let stopped = server.add_runtime("old", &[]).await;
    server.stop_runtime(stopped).await;
    server
}

#[tokio::test]
async fn the_list_of_runtimes() {
    let server = server().await;
    snapshot(&server, "runtimes.json", "/runtimes", "application/json").await;
    snapshot(&server, "runtimes.xml", "/runtimes", "application/xml").await;
    snapshot(&server, "runtimes-db.json", "/runtimes?mode=db", "application/json").await;
    snapshot(&server, "runtimes-db.xml", "/runtimes?mode=db", "text/xml").await;
}

#[tokio::test]
async fn one_runtime() {
    let server = server().await;
    snapshot(&server, "runtime.json", "/runtimes/broken", "application/json").await;
    snapshot(&server, "runtime.xml", "/runtimes/broken", "application/xml").await;
    snapshot(&server, "runtime-expanded.json", "/runtimes/old?expand=true", "application/json").await;
    snapshot(&server, "runtime-expanded.xml", "/runtimes/old?expand=true", "application/xml").await;
}

#[tokio::test]
async fn errors() {
    let server = server().await;
    snapshot(&server, "unknown.json", "/runtimes/none", "application/json").await;
    snapshot(&server, "unknown.xml", "/runtimes/none?locale=de", "application/xml").await;
    snapshot(&server, "mode.json", "/runtimes?mode=%3Call%3E", "application/json").await;
    snapshot(&server, "not-acceptable.json", "/runtimes", "image/png").await;
    server.world.store.set_broken(true);
    server.world.clock.advance(std::time::Duration::from_secs(3600));
    snapshot(&server, "internal.json", "/runtimes", "application/json").await;
    snapshot(&server, "internal.xml", "/runtimes?locale=ja", "text/xml").await;
}

#[tokio::test]
async fn json_can_be_indented() {
    let server = Server::pretty().await;
    snapshot(&server, "pretty.json", "/runtimes", "application/json").await;
    snapshot(&server, "pretty-unknown-path.json", "/nothing", "application/json").await;
}
