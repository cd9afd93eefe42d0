//! Measures durable writes: inserts and updates of records of evaluations, by one caller and by sixteen at once.
//! `cargo run --release -p vivarium-store --example writes -- sqlite:/tmp/writes.db`

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vivarium_domain::evaluation::{Evaluation, EvaluationState, Usage};
use vivarium_domain::id::{EvaluationId, NodeId, RevisionId, RuntimeId, UserId};
use vivarium_domain::ports::EvaluationStore;
use vivarium_domain::time::{Clock, SystemClock};
use vivarium_store::{SqlStore, StoreSettings};

/// How long each measurement takes.
const SPAN: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let url = std::env::args().nth(1).ok_or("usage: writes DATABASE_URL")?.parse()?;
    let store = Arc::new(SqlStore::open(StoreSettings { url }).await?);
    for callers in [1, 16] {
        let began = Instant::now();
        let tasks: Vec<_> = (0..callers).map(|_| tokio::spawn(call(Arc::clone(&store)))).collect();
        let mut spans = Vec::new();
        for task in tasks {
            spans.extend(task.await??);
        }
        report(callers, began.elapsed(), spans);
    }
    store.close().await;
    Ok(())
}

/// The time that each write took.
async fn call(store: Arc<SqlStore>) -> Result<Vec<Duration>, Box<dyn Error + Send + Sync>> {
    let (mut spans, end) = (Vec::new(), Instant::now() + SPAN);
    while Instant::now() < end {
        let open = accepted();
        let began = Instant::now();
        store.insert_evaluation(&open).await?;
        spans.push(began.elapsed());
        let finished = Some(SystemClock.now());
        let ended = Evaluation { state: EvaluationState::Ready, stdout: vec![b'x'; 200], finished, ..open };
        let began = Instant::now();
        store.update_evaluation(&ended).await?;
        spans.push(began.elapsed());
    }
    Ok(spans)
}

fn accepted() -> Evaluation {
    Evaluation {
        id: EvaluationId::random(),
        user: UserId::random(),
        runtime: RuntimeId::random(),
        revision: RevisionId::random(),
        node: NodeId::random(),
        state: EvaluationState::Initiated,
        message: None,
        stdout: Vec::new(),
        stderr: Vec::new(),
        output: None,
        usage: Usage::default(),
        created: SystemClock.now(),
        started: None,
        finished: None,
    }
}

fn report(callers: usize, took: Duration, mut spans: Vec<Duration>) {
    spans.sort_unstable();
    let at = |percent: usize| spans[(spans.len() - 1) * percent / 100];
    let rate = spans.len() as f64 / took.as_secs_f64();
    println!("{callers:>2} callers: {rate:>8.0} writes/s, median {:?}, 95 % {:?}, 99 % {:?}", at(50), at(95), at(99));
}
