//! Records of evaluations.

use std::time::Duration;

use futures::future::join_all;
use vivarium_domain::evaluation::{Evaluation, EvaluationState};
use vivarium_domain::id::{EvaluationId, NodeId};
use vivarium_domain::ports::{Retention, Store, StoreError};

use super::samples::{at, ended, evaluation};

const FOR_EVER: Retention = Retention { age: Duration::MAX, count: u64::MAX };

pub(crate) async fn a_record_comes_back_as_it_was(store: &dyn Store) {
    let node = NodeId::random();
    for record in [evaluation(node), ended(node, 500)] {
        store.insert_evaluation(&record).await.unwrap();
        assert_eq!(store.evaluation(record.id).await.unwrap(), Some(record));
    }
    assert_eq!(store.evaluation(EvaluationId::random()).await.unwrap(), None);
}

pub(crate) async fn outputs_keep_every_byte(store: &dyn Store) {
    let all: Vec<u8> = (0..=255).cycle().take(1024).collect();
    let record = Evaluation { stdout: all.clone(), stderr: vec![0], ..ended(NodeId::random(), 1) };
    store.insert_evaluation(&record).await.unwrap();
    let read = store.evaluation(record.id).await.unwrap().unwrap();
    assert_eq!((read.stdout, read.stderr), (all, vec![0]));
}

pub(crate) async fn outputs_may_have_some_megabytes(store: &dyn Store) {
    let open = evaluation(NodeId::random());
    store.insert_evaluation(&open).await.unwrap();
    let large = Evaluation {
        stdout: (0..8 << 20).map(|n: u32| n.to_le_bytes()[1]).collect(),
        stderr: vec![b'\n'; 4 << 20],
        output: Some(format!("\"{}\"", "ü".repeat(2 << 20))),
        state: EvaluationState::Ready,
        ..open
    };
    store.update_evaluation(&large).await.unwrap();
    assert!(store.evaluation(large.id).await.unwrap() == Some(large), "a large record has changed");
}

pub(crate) async fn a_record_changes_until_it_is_final(store: &dyn Store) {
    let node = NodeId::random();
    let open = evaluation(node);
    store.insert_evaluation(&open).await.unwrap();
    let running = Evaluation { state: EvaluationState::Running, started: Some(at(150)), ..open.clone() };
    store.update_evaluation(&running).await.unwrap();
    let end = Evaluation { id: open.id, ..ended(node, 200) };
    store.update_evaluation(&end).await.unwrap();
    for late in [&running, &Evaluation { state: EvaluationState::Cancelled, ..end.clone() }] {
        let outcome = store.update_evaluation(late).await;
        assert!(matches!(outcome, Err(StoreError::Stale)), "{outcome:?}");
    }
    assert_eq!(store.evaluation(open.id).await.unwrap(), Some(end));
    let gone = store.update_evaluation(&evaluation(node)).await;
    assert!(matches!(gone, Err(StoreError::Stale)), "{gone:?}");
}

pub(crate) async fn of_many_ends_exactly_one_counts(store: &dyn Store) {
    let open = evaluation(NodeId::random());
    store.insert_evaluation(&open).await.unwrap();
    let rivals: Vec<_> = (0..16).map(|n| Evaluation { id: open.id, ..ended(open.node, n) }).collect();
    let outcomes = join_all(rivals.iter().map(|rival| store.update_evaluation(rival))).await;
    let winners: Vec<_> = rivals.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(store.evaluation(open.id).await.unwrap().as_ref(), Some(winners[0].0));
}

pub(crate) async fn open_records_are_those_of_the_node_that_are_not_final(store: &dyn Store) {
    let node = NodeId::random();
    let young = evaluation(node);
    let old = Evaluation { state: EvaluationState::Running, created: at(50), ..evaluation(node) };
    for record in [&young, &old, &ended(node, 1), &evaluation(NodeId::random())] {
        store.insert_evaluation(record).await.unwrap();
    }
    assert_eq!(store.open_evaluations(node).await.unwrap(), [old, young]);
    assert_eq!(store.open_evaluations(NodeId::random()).await.unwrap(), []);
}

pub(crate) async fn a_cancellation_can_be_asked_for_until_the_end(store: &dyn Store) {
    let node = NodeId::random();
    let (first, second) = (evaluation(node), evaluation(node));
    store.insert_evaluation(&first).await.unwrap();
    store.insert_evaluation(&second).await.unwrap();
    assert_eq!(store.cancel_requests(node).await.unwrap(), []);
    assert!(store.request_cancel(first.id).await.unwrap());
    assert!(store.request_cancel(first.id).await.unwrap());
    let running = Evaluation { state: EvaluationState::Running, ..first.clone() };
    store.update_evaluation(&running).await.unwrap();
    assert_eq!(store.cancel_requests(node).await.unwrap(), [first.id]);
    assert_eq!(store.cancel_requests(NodeId::random()).await.unwrap(), []);
    store.update_evaluation(&Evaluation { state: EvaluationState::Cancelled, ..running }).await.unwrap();
    assert_eq!(store.cancel_requests(node).await.unwrap(), []);
    assert!(!store.request_cancel(first.id).await.unwrap());
    assert!(!store.request_cancel(EvaluationId::random()).await.unwrap());
}

async fn insert_ended(store: &dyn Store, times: impl Iterator<Item = i64>) -> Vec<Evaluation> {
    let records: Vec<_> = times.map(|finished| ended(NodeId::random(), finished)).collect();
    for outcome in join_all(records.iter().map(|record| store.insert_evaluation(record))).await {
        outcome.unwrap();
    }
    records
}

async fn present(store: &dyn Store, records: &[Evaluation]) -> Vec<bool> {
    let found = records.iter().map(|record| async { store.evaluation(record.id).await.unwrap().is_some() });
    join_all(found).await
}

pub(crate) async fn old_records_are_pruned_by_age(store: &dyn Store) {
    let records = insert_ended(store, [1000, 2000, 3000].into_iter()).await;
    let retention = Retention { age: Duration::from_micros(3000), ..FOR_EVER };
    assert_eq!(store.prune_evaluations(FOR_EVER, at(5000)).await.unwrap(), 0);
    assert_eq!(store.prune_evaluations(retention, at(5000)).await.unwrap(), 1);
    assert_eq!(present(store, &records).await, [false, true, true]);
}

pub(crate) async fn records_are_pruned_by_count(store: &dyn Store) {
    let records = insert_ended(store, 1..=10).await;
    assert_eq!(store.prune_evaluations(Retention { count: 10, ..FOR_EVER }, at(99)).await.unwrap(), 0);
    assert_eq!(store.prune_evaluations(Retention { count: 3, ..FOR_EVER }, at(99)).await.unwrap(), 7);
    assert_eq!(present(store, &records[..7]).await, [false; 7]);
    assert_eq!(present(store, &records[7..]).await, [true; 3]);
    assert_eq!(store.prune_evaluations(Retention { count: 0, ..FOR_EVER }, at(99)).await.unwrap(), 3);
}

pub(crate) async fn pruning_takes_more_than_one_batch_and_leaves_open_records(store: &dyn Store) {
    insert_ended(store, (0..200).map(|n| n % 3)).await;
    let open = evaluation(NodeId::random());
    store.insert_evaluation(&open).await.unwrap();
    assert_eq!(store.prune_evaluations(Retention { count: 5, ..FOR_EVER }, at(99)).await.unwrap(), 195);
    let none = Retention { age: Duration::ZERO, count: 0 };
    assert_eq!(store.prune_evaluations(none, at(99)).await.unwrap(), 5);
    assert_eq!(store.evaluation(open.id).await.unwrap(), Some(open));
}

pub(crate) async fn pruning_on_several_nodes_at_once_removes_each_record_once(store: &dyn Store) {
    insert_ended(store, 0..300).await;
    let retention = Retention { count: 0, ..FOR_EVER };
    let removed = join_all((0..4).map(|_| store.prune_evaluations(retention, at(999)))).await;
    let removed: u64 = removed.into_iter().map(Result::unwrap).sum();
    // A node passes over what another is removing, so some may be left to the next time.
    assert_eq!(removed + store.prune_evaluations(retention, at(999)).await.unwrap(), 300);
}

pub(crate) async fn many_writers_at_once_lose_nothing(store: &dyn Store) {
    let node = NodeId::random();
    let records: Vec<_> = (0..300).map(|_| evaluation(node)).collect();
    let lives = records.iter().map(|record| async move {
        store.insert_evaluation(record).await?;
        store.update_evaluation(&Evaluation { id: record.id, ..ended(node, 7) }).await
    });
    assert!(join_all(lives).await.iter().all(Result::is_ok));
    assert_eq!(present(store, &records).await, vec![true; 300]);
    assert_eq!(store.open_evaluations(node).await.unwrap(), []);
}
