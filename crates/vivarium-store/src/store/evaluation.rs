//! Records of evaluations.

use async_trait::async_trait;
use vivarium_domain::evaluation::{Evaluation, EvaluationState};
use vivarium_domain::id::{EvaluationId, NodeId};
use vivarium_domain::ports::{EvaluationStore, Retention, StoreResult};
use vivarium_domain::time::Timestamp;

use super::{SqlStore, touched, touched_or_stale};
use crate::database::{ColumnError, Dialect, Record, Statement, Value, because, statement};

/// Records that one statement removes: few, because each may hold some MB and writers wait meanwhile.
const PRUNE_BATCH: u32 = 64;

macro_rules! select_evaluations {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, runtime, revision, node, state, message, stdout, stderr, output, usage, created, \
             started, finished FROM evaluations ",
            $rest
        )
    };
}

/// The statement with all columns of a record.
macro_rules! evaluation_statement {
    ($sql:expr, $evaluation:ident) => {
        statement!(
            $sql,
            $evaluation.id,
            $evaluation.user,
            $evaluation.runtime,
            $evaluation.revision,
            $evaluation.node,
            u32::from($evaluation.state.code()),
            Value::optional_json($evaluation.message.as_ref()),
            $evaluation.stdout.as_slice(),
            $evaluation.stderr.as_slice(),
            Value::optional_utf8($evaluation.output.as_deref()),
            Value::json(&$evaluation.usage),
            $evaluation.created,
            $evaluation.started,
            $evaluation.finished,
        )
    };
}

const INSERT: &str = "INSERT INTO evaluations (id, user_id, runtime, revision, node, state, message, stdout, stderr, \
     output, usage, created, started, finished) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

// States below 2 are not final; the number stands in the text so that the partial index serves.
const UPDATE: &str = "UPDATE evaluations SET user_id = $2, runtime = $3, revision = $4, node = $5, state = $6, \
     message = $7, stdout = $8, stderr = $9, output = $10, usage = $11, created = $12, started = $13, finished = $14 \
     WHERE id = $1 AND state < 2";

const REQUEST_CANCEL: &str = "UPDATE evaluations SET cancel_requested = 1 WHERE id = $1 AND state < 2";

const CANCEL_REQUESTS: &str =
    "SELECT id FROM evaluations WHERE node = $1 AND state < 2 AND cancel_requested = 1 ORDER BY created, id";

/// The newest of the records that are too many.
const FIRST_TOO_MANY: &str = "SELECT finished, id FROM evaluations WHERE finished IS NOT NULL \
     ORDER BY finished DESC, id DESC LIMIT 1 OFFSET $1";

/// Removes the oldest records up to and with one. Nodes that prune at the same time pass over each other's rows on
/// PostgreSQL, where they would deadlock otherwise.
macro_rules! prune {
    ($lock:literal) => {
        concat!(
            "DELETE FROM evaluations WHERE id IN (SELECT id FROM evaluations WHERE finished IS NOT NULL \
             AND (finished, id) <= ($1, $2) ORDER BY finished, id LIMIT $3",
            $lock,
            ")"
        )
    };
}

#[async_trait]
impl EvaluationStore for SqlStore {
    async fn insert_evaluation(&self, evaluation: &Evaluation) -> StoreResult<()> {
        Ok(self.database.write(evaluation_statement!(INSERT, evaluation)).await.map(drop)?)
    }

    async fn update_evaluation(&self, evaluation: &Evaluation) -> StoreResult<()> {
        touched_or_stale(self.database.write(evaluation_statement!(UPDATE, evaluation)).await)
    }

    async fn evaluation(&self, id: EvaluationId) -> StoreResult<Option<Evaluation>> {
        self.database.first(statement!(select_evaluations!("WHERE id = $1"), id), evaluation).await
    }

    async fn request_cancel(&self, id: EvaluationId) -> StoreResult<bool> {
        touched(self.database.write(statement!(REQUEST_CANCEL, id)).await)
    }

    async fn cancel_requests(&self, node: NodeId) -> StoreResult<Vec<EvaluationId>> {
        self.database.all(statement!(CANCEL_REQUESTS, node), |record| record.id("id")).await
    }

    async fn open_evaluations(&self, node: NodeId) -> StoreResult<Vec<Evaluation>> {
        const OPEN: &str = select_evaluations!("WHERE node = $1 AND state < 2 ORDER BY created, id");
        self.database.all(statement!(OPEN, node), evaluation).await
    }

    async fn prune_evaluations(&self, retention: Retention, now: Timestamp) -> StoreResult<u64> {
        // No id is below the empty text: this takes what is older than the age, not what is as old.
        let mut removed = self.prune_up_to((now - retention.age).as_micros(), "").await?;
        let keep = i64::try_from(retention.count).unwrap_or(i64::MAX);
        if let Some((finished, id)) = self.database.first(statement!(FIRST_TOO_MANY, keep), too_many).await? {
            removed += self.prune_up_to(finished, &id).await?;
        }
        Ok(removed)
    }
}

impl SqlStore {
    /// In batches, so that others come in between.
    async fn prune_up_to(&self, finished: i64, id: &str) -> StoreResult<u64> {
        let mut removed = 0;
        loop {
            let batch = self.database.write(prune(self.database.dialect(), finished, id)).await?;
            removed += batch;
            if batch < u64::from(PRUNE_BATCH) {
                return Ok(removed);
            }
        }
    }
}

fn prune(dialect: Dialect, finished: i64, id: &str) -> Statement {
    match dialect {
        Dialect::Sqlite => statement!(prune!(""), finished, id, PRUNE_BATCH),
        Dialect::Postgres => statement!(prune!(" FOR UPDATE SKIP LOCKED"), finished, id, PRUNE_BATCH),
    }
}

fn too_many(record: &Record) -> Result<(i64, String), ColumnError> {
    Ok((record.integer("finished")?, record.text("id")?))
}

fn evaluation(record: &Record) -> Result<Evaluation, ColumnError> {
    Ok(Evaluation {
        id: record.id("id")?,
        user: record.id("user_id")?,
        runtime: record.id("runtime")?,
        revision: record.id("revision")?,
        node: record.id("node")?,
        state: state(record.number("state")?)?,
        message: record.optional_json("message")?,
        stdout: record.bytes("stdout")?,
        stderr: record.bytes("stderr")?,
        output: record.optional_utf8("output")?,
        usage: record.json("usage")?,
        created: record.time("created")?,
        started: record.optional_time("started")?,
        finished: record.optional_time("finished")?,
    })
}

fn state(code: u8) -> Result<EvaluationState, ColumnError> {
    EvaluationState::from_code(code).ok_or_else(|| because("state")(format!("{code} is not a state")))
}
