//! Opening a database: what is made, what is kept, what is refused.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

#[path = "cases/samples.rs"]
mod samples;
mod support;

use std::os::unix::fs::PermissionsExt;

use futures::future::join_all;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use vivarium_domain::account::TokenKind;
use vivarium_domain::id::NodeId;
use vivarium_domain::ports::{AccountStore, EvaluationStore, NodeStore, RuntimeStore, StoreError};
use vivarium_domain::runtime::InstanceMode;
use vivarium_store::{DatabaseUrl, OpenError, SqlStore, StoreSettings};

use samples::{ended, node, runtime, state, token, user};
use support::{TestDatabase, finish};

/// A test on each database.
macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(&super::TestDatabase::sqlite()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let Some(database) = super::TestDatabase::postgres().await else { return };
                let handle = database.clone();
                super::finish(database, async move { super::$case(&handle).await }).await;
            })*
        }
    };
}

on_both! {
    everything_is_there_after_the_process_was_lost,
    several_may_open_a_fresh_database_at_once,
    a_newer_schema_is_refused,
    a_changed_step_is_refused,
    an_older_schema_is_brought_up_to_date,
    two_programs_see_each_others_writes,
    an_unreadable_value_is_named_by_its_column,
}

/// Runs SQL behind the back of the store.
async fn execute(database: &TestDatabase, sql: &str) {
    match database {
        TestDatabase::Sqlite { .. } => {
            let url = format!("sqlite://{}", database.file().display());
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
        TestDatabase::Postgres { server, schema } => {
            support::execute(server, format!("SET search_path TO {schema}; {sql}")).await;
        }
    }
}

async fn everything_is_there_after_the_process_was_lost(database: &TestDatabase) {
    let (anna, saved) = (user("anna"), runtime("Läufe"));
    let (session, record) = (token(anna.id, TokenKind::Session), ended(NodeId::random(), 5));
    let (here, said) = (node("a"), state(NodeId::random(), saved.id));
    let store = database.open().await;
    store.insert_user(&anna).await.unwrap();
    store.insert_token(&session).await.unwrap();
    store.insert_runtime(&saved).await.unwrap();
    store.register_node(&here).await.unwrap();
    store.put_node_state(&said).await.unwrap();
    store.insert_evaluation(&record).await.unwrap();
    // Never closed: the first store keeps its connections, as the kernel would until it has buried a killed process.
    let reopened = database.open().await;
    assert_eq!(reopened.user(anna.id).await.unwrap(), Some(anna));
    assert_eq!(reopened.token(session.hash, TokenKind::Session).await.unwrap(), Some(session));
    assert_eq!(reopened.runtimes().await.unwrap(), [saved]);
    assert_eq!(reopened.nodes().await.unwrap(), [here]);
    assert_eq!(reopened.node_states().await.unwrap(), [said]);
    assert_eq!(reopened.evaluation(record.id).await.unwrap(), Some(record));
    drop(store);
}

async fn several_may_open_a_fresh_database_at_once(database: &TestDatabase) {
    let stores = join_all((0..6).map(|_| database.try_open())).await;
    let stores: Vec<_> = stores.into_iter().map(Result::unwrap).collect();
    let anna = user("anna");
    let outcomes = join_all(stores.iter().map(|store| store.insert_user(&anna))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(StoreError::NameTaken))), "{outcomes:?}");
}

async fn a_newer_schema_is_refused(database: &TestDatabase) {
    database.open().await.close().await;
    let step = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (4711, 'from the future', TRUE, '', 0)";
    execute(database, step).await;
    let refusal = database.try_open().await.err().unwrap();
    assert!(matches!(refusal, OpenError::NewerSchema { found: 4711, .. }), "{refusal:?}");
    assert!(refusal.to_string().contains("4711") && refusal.hint().is_some(), "{refusal}");
}

async fn a_changed_step_is_refused(database: &TestDatabase) {
    database.open().await.close().await;
    execute(database, "UPDATE _sqlx_migrations SET checksum = ''").await;
    let refusal = database.try_open().await.err().unwrap();
    assert!(matches!(refusal, OpenError::Failed { .. }), "{refusal:?}");
}

async fn an_older_schema_is_brought_up_to_date(database: &TestDatabase) {
    let store = database.open().await;
    let old = runtime("from before");
    store.insert_runtime(&old).await.unwrap();
    store.close().await;
    execute(database, "ALTER TABLE runtimes DROP COLUMN instance_mode").await;
    execute(database, "ALTER TABLE nodes DROP COLUMN missing_layers").await;
    execute(database, "DROP INDEX tokens_evaluation").await;
    execute(database, "ALTER TABLE tokens DROP COLUMN evaluation").await;
    execute(database, "DELETE FROM _sqlx_migrations WHERE version > 1").await;
    let read = database.open().await.runtimes().await.unwrap();
    assert_eq!(read[0].definition.instance_mode, InstanceMode::Forked);
}

async fn two_programs_see_each_others_writes(database: &TestDatabase) {
    let (server, command_line) = (database.open().await, database.open().await);
    let people: Vec<_> = (0..40).map(|n| user(&format!("user {n}"))).collect();
    let stores = [&server, &command_line];
    let writes = people.iter().enumerate().map(|(n, person)| stores[n % 2].insert_user(person));
    assert!(join_all(writes).await.iter().all(Result::is_ok));
    assert_eq!(server.users().await.unwrap(), command_line.users().await.unwrap());
    assert_eq!(server.users().await.unwrap().len(), 40);
}

async fn an_unreadable_value_is_named_by_its_column(database: &TestDatabase) {
    let store = database.open().await;
    store.insert_user(&user("anna")).await.unwrap();
    execute(database, "UPDATE users SET roles = '[\"emperor\"]'").await;
    let Err(StoreError::Database(cause)) = store.users().await else { panic!("the user should be unreadable") };
    assert!(cause.to_string().contains("`roles`") && cause.to_string().contains("emperor"), "{cause}");
}

async fn refusal(url: DatabaseUrl) -> OpenError {
    SqlStore::open(StoreSettings { url }).await.err().unwrap()
}

#[tokio::test]
async fn nobody_else_may_read_the_file() {
    let database = TestDatabase::sqlite();
    let store = database.open().await;
    store.insert_user(&user("anna")).await.unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let file = format!("{}{suffix}", database.file().display());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_closed_store_leaves_one_file() {
    let database = TestDatabase::sqlite();
    let store = database.open().await;
    store.insert_user(&user("anna")).await.unwrap();
    store.close().await;
    assert_eq!(std::fs::read_dir(database.file().parent().unwrap()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_missing_directory_is_named() {
    let database = TestDatabase::sqlite();
    let refusal = refusal(DatabaseUrl::sqlite(database.file().join("missing/vivarium.db"))).await;
    assert!(matches!(refusal, OpenError::NoDirectory { .. }), "{refusal:?}");
}

#[tokio::test]
async fn a_directory_is_no_file() {
    let database = TestDatabase::sqlite();
    let refusal = refusal(DatabaseUrl::sqlite(database.file().parent().unwrap())).await;
    assert!(matches!(refusal, OpenError::NotWritable { .. }), "{refusal:?}");
}

#[tokio::test]
async fn another_file_is_no_database() {
    let database = TestDatabase::sqlite();
    std::fs::write(database.file(), "a letter to anna ".repeat(100)).unwrap();
    let refusal = refusal(database.url()).await;
    assert!(matches!(refusal, OpenError::NotADatabase { .. }), "{refusal:?}");
    assert!(std::fs::read_to_string(database.file()).unwrap().starts_with("a letter to anna"));
}

#[tokio::test]
async fn a_silent_server_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let refusal = refusal(format!("postgres://anna:geheim@{address}/farm").parse().unwrap()).await;
    assert!(matches!(refusal, OpenError::Unreachable { .. }), "{refusal:?}");
    assert!(!format!("{refusal:?} {refusal}").contains("geheim"));
}

#[tokio::test]
async fn a_server_refuses_unknown_databases_and_users() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let TestDatabase::Postgres { server, .. } = database.clone() else { unreachable!("it is PostgreSQL") };
    let test = async move {
        let (base, name) = server.rsplit_once('/').unwrap();
        let missing = refusal(format!("{base}/no_such_database").parse().unwrap()).await;
        assert!(matches!(missing, OpenError::NoSuchDatabase { .. }), "{missing:?}");
        let (_, host) = base.rsplit_once('@').unwrap();
        let stranger = refusal(format!("postgres://nobody_at_all:wrong@{host}/{name}").parse().unwrap()).await;
        assert!(matches!(stranger, OpenError::WrongCredentials { .. }), "{stranger:?}");
    };
    finish(database, test).await;
}
