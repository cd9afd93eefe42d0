//! The form in which nested values are stored. A database keeps it for years: renaming a field in the program must not
//! change it, so what stands here changes only together with a step of the schema.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "cases/samples.rs"]
#[expect(dead_code, reason = "the behaviour suite uses the rest")]
mod samples;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use vivarium_domain::id::{NodeId, UserId};
use vivarium_domain::ports::{AccountStore, EvaluationStore, NodeStore, RuntimeStore};
use vivarium_domain::runtime::Runtime;
use vivarium_store::{DatabaseUrl, SqlStore, StoreSettings};

use samples::{ended, runtime, state, user};

const NASTY: &str = r#""'; DROP TABLE users; -- \" \\ \u0000 %s $1 ? Grüße 🐍 "#;

async fn store(directory: &std::path::Path) -> (SqlStore, SqliteConnection) {
    let file = directory.join("vivarium.db");
    let store = SqlStore::open(StoreSettings { url: DatabaseUrl::sqlite(&file) }).await.unwrap();
    let connection = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    (store, connection)
}

async fn column(connection: &mut SqliteConnection, table: &str, column: &str) -> String {
    let sql = format!("SELECT {column} FROM {table}");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn of_a_runtime() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut connection) = store(directory.path()).await;
    let owner = UserId::from_u128(0xA);
    let acl = vivarium_domain::access::Acl(runtime("x").acl.0.split_off(1));
    store.insert_runtime(&Runtime { owner, acl, ..runtime("Äpfel") }).await.unwrap();
    let expected = [
        ("name_key", r#"äpfel"#),
        ("instance_mode", r#""fresh""#),
        ("owner", "0000000000000000000000000000000A"),
        ("whitelist", r#"["10.20.0.0/16","2001:db8::/32"]"#),
        ("resource", r#"{"cpu_millis":4294967295,"memory_mib":18446744073709551615,"disk_mib":0,"processes":1}"#),
        (
            "acl",
            r#"[{"trustee":"C82C6B1011D2894CC0009D9F29718E4F","kind":"group","rights":197,"deny":true,"inheritable":true}]"#,
        ),
    ];
    for (name, text) in expected {
        assert_eq!(column(&mut connection, "runtimes", name).await, text, "{name}");
    }
    let packages = column(&mut connection, "runtimes", "packages").await;
    assert!(
        packages.starts_with(r#"[{"name":"requests[socks]","version":">=2,<3","description":"'; DROP"#),
        "{packages}"
    );
}

#[tokio::test]
async fn of_a_state() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut connection) = store(directory.path()).await;
    let saved = runtime("x");
    store.insert_runtime(&saved).await.unwrap();
    store.put_node_state(&state(NodeId::random(), saved.id)).await.unwrap();
    let serving = r#"{"environment":"0123abcd","python":{"major":3,"minor":11,"patch":2},"complete":false}"#;
    assert_eq!(column(&mut connection, "node_runtimes", "serving").await, serving);
    assert_eq!(column(&mut connection, "node_runtimes", "state").await, r#""failed""#);
    let packages = column(&mut connection, "node_runtimes", "packages").await;
    let report = r#"[{"name":"numpy","status":"not_installed","installed_version":null,"message":"Return code: 1.\n'"#;
    assert!(packages.starts_with(report), "{packages}");
}

#[tokio::test]
async fn of_a_user_and_a_record() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut connection) = store(directory.path()).await;
    store.insert_user(&user("anna")).await.unwrap();
    store.insert_evaluation(&ended(NodeId::random(), 5)).await.unwrap();
    assert_eq!(column(&mut connection, "users", "roles").await, r#"["mfpdeployer","mfpmonitor"]"#);
    let usage =
        r#"{"queued_micros":1,"wall_micros":18446744073709551615,"cpu_micros":0,"peak_memory_bytes":1099511627776"#;
    let rest = r#""warm":true,"stdout_bytes":3,"stderr_bytes":4,"reason":"memory-limit"}"#;
    assert_eq!(column(&mut connection, "evaluations", "usage").await, format!("{usage},{rest}"));
    let message = column(&mut connection, "evaluations", "message").await;
    assert!(message.starts_with(NASTY), "{message}");
}

#[tokio::test]
async fn a_record_from_before_instances_were_parked_is_still_read() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut connection) = store(directory.path()).await;
    let record = ended(NodeId::random(), 5);
    store.insert_evaluation(&record).await.unwrap();
    let old = r#"{"queued_micros":7,"wall_micros":1,"cpu_micros":0,"peak_memory_bytes":2}"#;
    sqlx::query("UPDATE evaluations SET usage = $1").bind(old).execute(&mut connection).await.unwrap();
    let read = store.evaluation(record.id).await.unwrap().unwrap();
    assert_eq!((read.usage.queued_micros, read.usage.warm, read.usage.reason), (7, false, None));
}
