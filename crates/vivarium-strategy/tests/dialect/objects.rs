//! The generic calls of objects, on runtimes.

use serde_json::json;

use crate::kit::Server;

const EVERYONE: &str = "C82C6B1011D2894CC0009D9F29718E4F";

#[tokio::test]
async fn a_put_changes_name_description_and_access_list_and_answers_with_the_object() {
    let server = Server::new().await;
    let (client, anna) = (server.administrator().await, server.user("anna", &[]).await);
    let id = client.runtime(json!({"name": "x"})).await;
    let path = format!("/objects/{id}?type=80&comments=True");
    let entry = json!({"op": "ADD", "trustee": EVERYONE, "rights": 5, "type": 1, "denied": false, "inheritable": null});
    let answer = client
        .put(&path, json!({"name": "y", "description": "d", "acl": [entry], "propagateACLToChildren": true}))
        .await;
    assert_eq!(answer.status, 200);
    let object = answer.json();
    assert_eq!(
        (&object["name"], &object["description"], &object["subtype"]),
        (&json!("y"), &json!("d"), &json!(20480))
    );
    assert_eq!(object["acl"][1]["trusteeName"], "Everyone");
    assert_eq!(client.get(&path).await.json(), object);
    assert_eq!(anna.get(&path).await.json()["acg"], 5);
    let removal = json!({"acl": [{"op": "remove", "trustee": EVERYONE}]});
    assert_eq!(client.put(&path, removal).await.status, 200);
    assert_eq!(anna.get(&path).await.fault(), (404, "ERR004".to_owned()));
}

#[tokio::test]
async fn the_inheritable_bit_is_read_out_of_the_rights() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let id = client.runtime(json!({"name": "x"})).await;
    let entry = json!({"op": "REPLACE", "trustee": EVERYONE, "rights": 536_870_912 + 197, "denied": true});
    let object = client.put(&format!("/objects/{id}?type=80"), json!({"acl": [entry]})).await.json();
    let entry = &object["acl"][1];
    assert_eq!((&entry["rights"], &entry["deny"], &entry["inheritable"]), (&json!(197), &json!(true), &json!(true)));
}

#[tokio::test]
async fn who_may_read_but_not_control_cannot_change_the_list() {
    let server = Server::new().await;
    let (client, anna) = (server.administrator().await, server.user("anna", &[]).await);
    let id = client.runtime(json!({"name": "x"})).await;
    let path = format!("/objects/{id}?type=80");
    client.put(&path, json!({"acl": [{"op": "ADD", "trustee": EVERYONE, "rights": 13}]})).await;
    let change = json!({"acl": [{"op": "ADD", "trustee": EVERYONE, "rights": 255}]});
    assert_eq!(anna.put(&path, change).await.fault(), (403, "ERR017".to_owned()));
}

#[tokio::test]
async fn a_delete_by_type_deletes_the_runtime() {
    let server = Server::new().await;
    let client = server.administrator().await;
    let id = client.runtime(json!({"name": "x"})).await;
    assert_eq!(client.delete(&format!("/objects/{id}?type=80&userComments=x")).await.status, 204);
    assert_eq!(client.get(&format!("/objects/{id}?type=80")).await.fault(), (404, "ERR004".to_owned()));
}
