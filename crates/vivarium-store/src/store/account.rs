//! Users and tokens.

use std::collections::BTreeSet;

use async_trait::async_trait;
use vivarium_domain::account::{PasswordHash, Role, Token, TokenHash, TokenKind, User};
use vivarium_domain::id::{EvaluationId, UserId};
use vivarium_domain::ports::{AccountStore, StoreError, StoreResult};
use vivarium_domain::time::Timestamp;

use super::{SqlStore, touched, touched_or_stale};
use crate::database::{ColumnError, Fault, Record, Statement, Value, because, statement};

macro_rules! select_users {
    ($rest:literal) => {
        concat!("SELECT id, name, full_name, password, roles, created, modified FROM users ", $rest)
    };
}

/// The statement with all columns of a user.
macro_rules! user_statement {
    ($sql:expr, $user:ident) => {
        statement!(
            $sql,
            $user.id,
            &$user.name,
            $user.name.key(),
            Value::json(&$user.full_name),
            $user.password.0.as_str(),
            Value::json(&roles_to_names(&$user.roles)),
            $user.created,
            $user.modified,
        )
    };
}

const INSERT_USER: &str = "INSERT INTO users (id, name, name_key, full_name, password, roles, created, modified) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const UPDATE_USER: &str = "UPDATE users SET name = $2, name_key = $3, full_name = $4, password = $5, roles = $6, \
     created = $7, modified = $8 WHERE id = $1";

const INSERT_TOKEN: &str = "INSERT INTO tokens (hash, kind, user_id, created, last_used, expires, evaluation) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)";

const SELECT_TOKEN: &str = "SELECT hash, kind, user_id, created, last_used, expires, evaluation FROM tokens \
     WHERE hash = $1 AND kind = $2";

const DELETE_EXPIRED: &str =
    "DELETE FROM tokens WHERE expires <= $1 OR (kind = $3 AND last_used < $2 AND evaluation IS NULL)";

#[async_trait]
impl AccountStore for SqlStore {
    async fn insert_user(&self, user: &User) -> StoreResult<()> {
        self.database.write(user_statement!(INSERT_USER, user)).await.map(drop).map_err(Fault::of_named)
    }

    async fn update_user(&self, user: &User) -> StoreResult<()> {
        let touched = self.database.write(user_statement!(UPDATE_USER, user)).await.map_err(Fault::of_named)?;
        touched_or_stale(Ok(touched))
    }

    async fn delete_user(&self, id: UserId) -> StoreResult<bool> {
        touched(self.database.write(statement!("DELETE FROM users WHERE id = $1", id)).await)
    }

    async fn user(&self, id: UserId) -> StoreResult<Option<User>> {
        self.database.first(statement!(select_users!("WHERE id = $1"), id), user).await
    }

    async fn user_by_name_key(&self, key: &str) -> StoreResult<Option<User>> {
        self.database.first(statement!(select_users!("WHERE name_key = $1"), key), user).await
    }

    async fn users(&self) -> StoreResult<Vec<User>> {
        self.database.all(statement!(select_users!("ORDER BY name_key")), user).await
    }

    async fn insert_token(&self, token: &Token) -> StoreResult<()> {
        match self.database.write(insertion(token)).await {
            // The user was deleted meanwhile.
            Err(Fault::DanglingReference) => Err(StoreError::Stale),
            outcome => Ok(outcome.map(drop)?),
        }
    }

    async fn token(&self, hash: TokenHash, kind: TokenKind) -> StoreResult<Option<Token>> {
        self.database.first(statement!(SELECT_TOKEN, &hash.0[..], kind_name(kind)), token).await
    }

    async fn touch_token(&self, hash: TokenHash, used: Timestamp) -> StoreResult<()> {
        // Requests of one session may overtake each other; the last use never goes back.
        const TOUCH: &str = "UPDATE tokens SET last_used = $2 WHERE hash = $1 AND last_used < $2";
        Ok(self.database.write(statement!(TOUCH, &hash.0[..], used)).await.map(drop)?)
    }

    async fn delete_token(&self, hash: TokenHash) -> StoreResult<bool> {
        touched(self.database.write(statement!("DELETE FROM tokens WHERE hash = $1", &hash.0[..])).await)
    }

    async fn delete_tokens_of(&self, evaluation: EvaluationId) -> StoreResult<u64> {
        Ok(self.database.write(statement!("DELETE FROM tokens WHERE evaluation = $1", evaluation)).await?)
    }

    async fn delete_expired_tokens(&self, now: Timestamp, idle_since: Timestamp) -> StoreResult<u64> {
        let session = kind_name(TokenKind::Session);
        Ok(self.database.write(statement!(DELETE_EXPIRED, now, idle_since, session)).await?)
    }
}

fn user(record: &Record) -> Result<User, ColumnError> {
    Ok(User {
        id: record.id("id")?,
        name: record.name()?,
        full_name: record.json("full_name")?,
        password: PasswordHash(record.text("password")?),
        roles: roles_from_names(&record.json::<Vec<String>>("roles")?)?,
        created: record.time("created")?,
        modified: record.time("modified")?,
    })
}

fn roles_to_names(roles: &BTreeSet<Role>) -> Vec<&'static str> {
    roles.iter().map(|role| role.as_str()).collect()
}

fn roles_from_names(names: &[String]) -> Result<BTreeSet<Role>, ColumnError> {
    names.iter().map(|name| name.parse().map_err(because("roles"))).collect()
}

fn insertion(token: &Token) -> Statement {
    let Token { hash, kind, user, created, last_used, expires, evaluation } = token;
    let kind = kind_name(*kind);
    statement!(INSERT_TOKEN, &hash.0[..], kind, *user, *created, *last_used, *expires, *evaluation)
}

fn token(record: &Record) -> Result<Token, ColumnError> {
    let hash = record.bytes("hash")?.try_into().map_err(|_| because("hash")("a hash has 32 bytes"))?;
    Ok(Token {
        hash: TokenHash(hash),
        kind: kind(&record.text("kind")?)?,
        user: record.id("user_id")?,
        created: record.time("created")?,
        last_used: record.time("last_used")?,
        expires: record.optional_time("expires")?,
        evaluation: record.optional_id("evaluation")?,
    })
}

fn kind_name(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Session => "session",
        TokenKind::Identity => "identity",
        TokenKind::Api => "api",
    }
}

fn kind(name: &str) -> Result<TokenKind, ColumnError> {
    let kinds = [TokenKind::Session, TokenKind::Identity, TokenKind::Api];
    let found = kinds.into_iter().find(|kind| kind_name(*kind) == name);
    found.ok_or_else(|| because("kind")(format!("`{name}` is not a kind of token")))
}
