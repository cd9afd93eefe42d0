//! Writes to SQLite that arrive together are committed together: none may suffer for another.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "cases/samples.rs"]
#[expect(dead_code, reason = "the behaviour suite uses the rest")]
mod samples;

use futures::future::join_all;
use sqlx::{Connection, SqliteConnection};
use vivarium_domain::evaluation::Evaluation;
use vivarium_domain::id::NodeId;
use vivarium_domain::ports::{EvaluationStore, StoreError};
use vivarium_store::{DatabaseUrl, SqlStore, StoreSettings};

use samples::evaluation;

/// SQLite undoes the whole transaction by itself when it finds no space; this does so for marked records.
const NO_SPACE: &str = "CREATE TRIGGER no_space BEFORE INSERT ON evaluations WHEN NEW.message IS NOT NULL \
     BEGIN SELECT RAISE(ROLLBACK, 'no space'); END";

#[tokio::test]
async fn a_write_that_undoes_the_transaction_fails_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("vivarium.db");
    let store = SqlStore::open(StoreSettings { url: DatabaseUrl::sqlite(&file) }).await.unwrap();
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    sqlx::raw_sql(NO_SPACE).execute(&mut connection).await.unwrap();
    let message = |n| (n % 10 == 3).then(|| "too large".to_owned());
    let records: Vec<_> =
        (0..200).map(|n| Evaluation { message: message(n), ..evaluation(NodeId::random()) }).collect();
    let outcomes = join_all(records.iter().map(|record| store.insert_evaluation(record))).await;
    for (record, outcome) in records.iter().zip(outcomes) {
        assert_eq!(matches!(outcome, Err(StoreError::Database(_))), record.message.is_some(), "{outcome:?}");
        assert_eq!(store.evaluation(record.id).await.unwrap().is_some(), record.message.is_none());
    }
}

#[tokio::test]
async fn a_caller_that_went_away_takes_nothing_back() {
    let directory = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::sqlite(directory.path().join("vivarium.db"));
    let store = SqlStore::open(StoreSettings { url: url.clone() }).await.unwrap();
    let record = evaluation(NodeId::random());
    let mut write = store.insert_evaluation(&record);
    assert!(futures::poll!(&mut write).is_pending());
    drop(write);
    store.close().await;
    let reopened = SqlStore::open(StoreSettings { url }).await.unwrap();
    assert_eq!(reopened.evaluation(record.id).await.unwrap(), Some(record));
}
