//! Projects, users and nodes.

use serde_json::json;

use crate::kit::Server;

#[tokio::test]
async fn a_project_is_found_by_id_and_by_name() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let list = client.get("/projects").await.json();
    let id = list[0]["id"].as_str().unwrap();
    for path in [id.to_owned(), id.to_lowercase(), "Vivarium".to_owned(), "vivar%69um/".to_owned()] {
        assert_eq!(client.get(&format!("/projects/{path}")).await.json(), list[0], "{path}");
    }
    let object = client.get(&format!("/objects/{id}/?type=32&comments=True")).await.json();
    assert_eq!((&object["name"], &object["type"], &object["subtype"]), (&json!("Vivarium"), &json!(32), &json!(8192)));
}

#[tokio::test]
async fn a_missing_project_never_sounds_like_a_missing_route() {
    let server = Server::new().await;
    let client = server.administrator().await;
    for path in ["/projects/HTTP%20404%20Not%20Found", "/objects/00000000000000000000000000000001?type=32"] {
        let answer = client.get(path).await;
        assert_eq!(answer.fault(), (404, "ERR004".to_owned()));
        assert_ne!(answer.message(), "HTTP 404 Not Found");
    }
}

#[tokio::test]
async fn paged_lists_carry_the_count_of_all() {
    let server = Server::new().await;
    let client = server.administrator().await;
    server.world.add_user("anna", &[]).await;
    server.world.add_user("ben", &[]).await;
    let everyone = "/usergroups/C82C6B1011D2894CC0009D9F29718E4F/members";
    for path in ["/users", everyone] {
        let page = client.get(&format!("{path}?offset=1&limit=1")).await;
        assert_eq!(page.header("x-mstr-total-count"), "3");
        assert_eq!(page.json().as_array().unwrap().len(), 1);
        assert_eq!(page.json()[0]["username"], "anna");
        assert_eq!(client.get(&format!("{path}/?limit=-1")).await.json().as_array().unwrap().len(), 3);
        assert!(client.get(&format!("{path}?offset=9")).await.json().as_array().unwrap().is_empty());
    }
    assert_eq!(client.get("/monitors/projects?offset=0&limit=1000").await.header("x-mstr-total-count"), "1");
}

#[tokio::test]
async fn a_user_is_shown_without_anything_secret() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let user = client.get("/users/54F3D26011D2896560009A8E67019608").await;
    assert_eq!(user.json()["username"], "administrator");
    assert!(!user.text.contains("argon2"));
}

#[tokio::test]
async fn nodes_are_filtered_by_name_and_project() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let project = client.get("/projects").await.json()[0]["id"].as_str().unwrap().to_owned();
    let nodes = client.get("/monitors/iServer/nodes").await.json();
    assert_eq!(nodes["nodes"][0]["status"], "running");
    assert_eq!(nodes["nodes"][0]["projects"][0]["id"], project.as_str());
    assert_eq!(client.get("/monitors/iServer/nodes?name=other").await.json(), json!({"nodes": []}));
    let other = client.get("/monitors/iServer/nodes?projects.id=00000000000000000000000000000001").await.json();
    assert_eq!(other["nodes"][0]["projects"], json!([]));
}
