//! The store: everything that has to outlive the process.

use std::time::Duration;

use async_trait::async_trait;

use crate::account::{Token, TokenHash, TokenKind, User};
use crate::error::{Error, ErrorKind};
use crate::evaluation::Evaluation;
use crate::id::{EvaluationId, NodeId, RevisionId, RuntimeId, UserId};
use crate::node::Node;
use crate::project::Project;
use crate::runtime::{NodeRuntimeState, Runtime};
use crate::time::Timestamp;

/// Why the store did not do as told.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another row has the name already.
    #[error("the name is taken")]
    NameTaken,
    /// The row is not as the caller thought it was, or gone.
    #[error("the row has changed meanwhile")]
    Stale,
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NameTaken => Self::new(ErrorKind::AlreadyExists, "an object with that name exists already"),
            StoreError::Stale => {
                Self::conflict("the object was changed by somebody else at the same time; read it again")
            }
            StoreError::Database(_) => Self::internal(error),
        }
    }
}

/// What a store answers.
pub type StoreResult<T> = Result<T, StoreError>;

/// Users and tokens.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Adds a user; [`StoreError::NameTaken`] without regard to case.
    async fn insert_user(&self, user: &User) -> StoreResult<()>;
    /// Replaces a user; [`StoreError::Stale`] if there is none with the id.
    async fn update_user(&self, user: &User) -> StoreResult<()>;
    /// Removes a user and all their tokens; whether there was one.
    async fn delete_user(&self, id: UserId) -> StoreResult<bool>;
    /// The user with the id.
    async fn user(&self, id: UserId) -> StoreResult<Option<User>>;
    /// The user with the login name, whose key is [`crate::name::Name::key`].
    async fn user_by_name_key(&self, key: &str) -> StoreResult<Option<User>>;
    /// All users by name.
    async fn users(&self) -> StoreResult<Vec<User>>;
    /// Adds a token.
    async fn insert_token(&self, token: &Token) -> StoreResult<()>;
    /// The token of that kind with the hash.
    async fn token(&self, hash: TokenHash, kind: TokenKind) -> StoreResult<Option<Token>>;
    /// Notes that a token was used.
    async fn touch_token(&self, hash: TokenHash, used: Timestamp) -> StoreResult<()>;
    /// Removes a token; whether there was one.
    async fn delete_token(&self, hash: TokenHash) -> StoreResult<bool>;
    /// Removes all tokens that were made for an evaluation; how many.
    async fn delete_tokens_of(&self, evaluation: EvaluationId) -> StoreResult<u64>;
    /// Removes what has expired at `now`, and sessions not used since `idle_since` unless they are an evaluation's; how
    /// many.
    async fn delete_expired_tokens(&self, now: Timestamp, idle_since: Timestamp) -> StoreResult<u64>;
}

/// Projects.
#[async_trait]
pub trait ProjectStore: Send + Sync {
    /// Adds a project; [`StoreError::NameTaken`] without regard to case.
    async fn insert_project(&self, project: &Project) -> StoreResult<()>;
    /// All projects, the oldest first.
    async fn projects(&self) -> StoreResult<Vec<Project>>;
}

/// Runtimes.
#[async_trait]
pub trait RuntimeStore: Send + Sync {
    /// Adds a runtime; [`StoreError::NameTaken`] without regard to case.
    async fn insert_runtime(&self, runtime: &Runtime) -> StoreResult<()>;
    /// Replaces a runtime if it still has the revision `expected` ([`StoreError::Stale`] otherwise).
    async fn update_runtime(&self, runtime: &Runtime, expected: RevisionId) -> StoreResult<()>;
    /// Removes a runtime and what nodes said about it; whether there was one.
    async fn delete_runtime(&self, id: RuntimeId) -> StoreResult<bool>;
    /// The runtime with the id.
    async fn runtime(&self, id: RuntimeId) -> StoreResult<Option<Runtime>>;
    /// The runtime with the name, whose key is [`crate::name::Name::key`].
    async fn runtime_by_name_key(&self, key: &str) -> StoreResult<Option<Runtime>>;
    /// All runtimes, by name key.
    async fn runtimes(&self) -> StoreResult<Vec<Runtime>>;
}

/// Nodes, and what they report of runtimes.
#[async_trait]
pub trait NodeStore: Send + Sync {
    /// Registers a node or renews its registration; [`StoreError::NameTaken`] if another id has the name.
    async fn register_node(&self, node: &Node) -> StoreResult<()>;
    /// Notes that a node lives; [`StoreError::Stale`] if it is not registered any more.
    async fn heartbeat(&self, id: NodeId, now: Timestamp) -> StoreResult<()>;
    /// Notes that a node left in an orderly way.
    async fn mark_node_stopped(&self, id: NodeId, now: Timestamp) -> StoreResult<()>;
    /// All nodes, by name.
    async fn nodes(&self) -> StoreResult<Vec<Node>>;
    /// Keeps what a node says of a runtime, replacing what it said before.
    /// Nothing is kept of a runtime that has been deleted meanwhile.
    async fn put_node_state(&self, state: &NodeRuntimeState) -> StoreResult<()>;
    /// All that all nodes said of all runtimes.
    async fn node_states(&self) -> StoreResult<Vec<NodeRuntimeState>>;
    /// All that nodes said of one runtime.
    async fn node_states_of(&self, runtime: RuntimeId) -> StoreResult<Vec<NodeRuntimeState>>;
}

/// How many records of ended evaluations to keep, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Records of evaluations that ended longer ago are removed.
    pub age: Duration,
    /// Of the rest only so many of the newest are kept.
    pub count: u64,
}

/// Records of evaluations.
#[async_trait]
pub trait EvaluationStore: Send + Sync {
    /// Adds a record.
    async fn insert_evaluation(&self, evaluation: &Evaluation) -> StoreResult<()>;
    /// Replaces a record that is not final yet; [`StoreError::Stale`] if it is final or gone.
    async fn update_evaluation(&self, evaluation: &Evaluation) -> StoreResult<()>;
    /// The record with the id.
    async fn evaluation(&self, id: EvaluationId) -> StoreResult<Option<Evaluation>>;
    /// Asks the node that runs it to cancel an evaluation; whether it was not final yet.
    async fn request_cancel(&self, id: EvaluationId) -> StoreResult<bool>;
    /// The evaluations of a node that are not final and whose cancellation was asked for.
    async fn cancel_requests(&self, node: NodeId) -> StoreResult<Vec<EvaluationId>>;
    /// The records of a node that are not final: those it must have been at when it was killed.
    async fn open_evaluations(&self, node: NodeId) -> StoreResult<Vec<Evaluation>>;
    /// Removes records of ended evaluations beyond `retention`; how many.
    async fn prune_evaluations(&self, retention: Retention, now: Timestamp) -> StoreResult<u64>;
}

/// The whole store.
#[async_trait]
pub trait Store: AccountStore + ProjectStore + RuntimeStore + NodeStore + EvaluationStore {
    /// Whether the database answers.
    async fn ping(&self) -> StoreResult<()>;
}
