//! The one writer of a SQLite file.
//!
//! A task owns the connection. It takes what has queued up while the last commit was on its way to the disk, runs it in
//! one transaction, and answers each caller after the commit. So many callers share one `fsync`, and a caller that is
//! dropped leaves no half transaction behind. The task ends when the store is closed or dropped.

use sqlx::{Connection, SqliteConnection};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::fault::{Closed, Fault};
use super::statement::Statement;

/// Most writes that share a transaction.
const MAX_BATCH: usize = 64;

/// Writes that may queue up before callers wait for a place.
const QUEUE: usize = 1024;

type Outcome = Result<u64, Fault>;

struct Write {
    statement: Statement,
    reply: oneshot::Sender<Outcome>,
}

/// The way to the task.
pub(super) struct Writer {
    queue: mpsc::Sender<Order>,
    task: Mutex<Option<JoinHandle<()>>>,
}

enum Order {
    Write(Write),
    Close,
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection) -> Self {
        let (queue, orders) = mpsc::channel(QUEUE);
        let task = tokio::spawn(serve(connection, orders));
        Self { queue, task: Mutex::new(Some(task)) }
    }

    pub(super) async fn write(&self, statement: Statement) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        let order = Order::Write(Write { statement, reply });
        self.queue.send(order).await.map_err(|_| Closed)?;
        outcome.await.map_err(|_| Closed)?
    }

    /// Does what is queued, then closes the connection.
    pub(super) async fn close(&self) {
        let Some(task) = self.task.lock().await.take() else { return };
        // An error of either means that the task has ended already.
        let _ = self.queue.send(Order::Close).await;
        let _ = task.await;
    }
}

async fn serve(mut connection: SqliteConnection, mut orders: mpsc::Receiver<Order>) {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    let mut open = true;
    while open && orders.recv_many(&mut batch, MAX_BATCH).await > 0 {
        open = !batch.iter().any(|order| matches!(order, Order::Close));
        let writes = batch.drain(..).filter_map(|order| match order {
            Order::Write(write) => Some(write),
            Order::Close => None,
        });
        perform(&mut connection, writes.collect()).await;
    }
    if let Err(fault) = connection.close().await {
        tracing::warn!(%fault, "cannot close the database file");
    }
}

async fn perform(connection: &mut SqliteConnection, writes: Vec<Write>) {
    let outcomes = match writes.as_slice() {
        [] => Vec::new(),
        [write] => vec![alone(connection, write).await],
        several => together(connection, several).await,
    };
    for (write, outcome) in writes.into_iter().zip(outcomes) {
        // A caller that has gone away needs no answer.
        let _ = write.reply.send(outcome);
    }
}

/// A statement outside a transaction is one of its own.
async fn alone(connection: &mut SqliteConnection, write: &Write) -> Outcome {
    let done = write.statement.query::<sqlx::Sqlite>().execute(connection).await?;
    Ok(done.rows_affected())
}

/// One transaction for all. Where one of them fails by more than a refusal (no space, say), SQLite may have undone the
/// transaction by itself: then each is tried alone, so that none suffers for another.
async fn together(connection: &mut SqliteConnection, writes: &[Write]) -> Vec<Outcome> {
    match transaction(connection, writes).await {
        Ok(Some(outcomes)) => outcomes,
        Ok(None) => {
            let mut outcomes = Vec::with_capacity(writes.len());
            for write in writes {
                outcomes.push(alone(connection, write).await);
            }
            outcomes
        }
        Err(fault) => writes.iter().map(|_| Err(fault.clone())).collect(),
    }
}

/// The outcomes of a committed transaction, or `None` if one of the writes spoiled it and nothing was written.
async fn transaction(connection: &mut SqliteConnection, writes: &[Write]) -> Result<Option<Vec<Outcome>>, Fault> {
    command(connection, "BEGIN IMMEDIATE").await?;
    let mut outcomes = Vec::with_capacity(writes.len());
    for write in writes {
        let outcome = alone(connection, write).await;
        if outcome.as_ref().is_err_and(|fault| !fault.is_refusal()) {
            undo(connection).await;
            return Ok(None);
        }
        outcomes.push(outcome);
    }
    if let Err(fault) = command(connection, "COMMIT").await {
        undo(connection).await;
        return Err(fault);
    }
    Ok(Some(outcomes))
}

/// Fails where SQLite has undone the transaction by itself, which is as well. (The library's own transactions would
/// count such a one as open for ever.)
async fn undo(connection: &mut SqliteConnection) {
    let _ = command(connection, "ROLLBACK").await;
}

async fn command(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), Fault> {
    sqlx::query(sql).execute(connection).await?;
    Ok(())
}
