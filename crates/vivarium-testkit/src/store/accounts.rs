//! Users and tokens.

use async_trait::async_trait;
use vivarium_domain::account::{Token, TokenHash, TokenKind, User};
use vivarium_domain::id::{EvaluationId, UserId};
use vivarium_domain::ports::{AccountStore, StoreError, StoreResult};
use vivarium_domain::time::Timestamp;

use super::{MemoryStore, Tables};

fn name_is_taken(tables: &Tables, user: &User) -> bool {
    tables.users.values().any(|other| other.id != user.id && other.name.key() == user.name.key())
}

#[async_trait]
impl AccountStore for MemoryStore {
    async fn insert_user(&self, user: &User) -> StoreResult<()> {
        let mut tables = self.tables()?;
        if name_is_taken(&tables, user) || tables.users.contains_key(&user.id) {
            return Err(StoreError::NameTaken);
        }
        tables.users.insert(user.id, user.clone());
        Ok(())
    }

    async fn update_user(&self, user: &User) -> StoreResult<()> {
        let mut tables = self.tables()?;
        if name_is_taken(&tables, user) {
            return Err(StoreError::NameTaken);
        }
        *tables.users.get_mut(&user.id).ok_or(StoreError::Stale)? = user.clone();
        Ok(())
    }

    async fn delete_user(&self, id: UserId) -> StoreResult<bool> {
        let mut tables = self.tables()?;
        tables.tokens.retain(|_, token| token.user != id);
        Ok(tables.users.remove(&id).is_some())
    }

    async fn user(&self, id: UserId) -> StoreResult<Option<User>> {
        Ok(self.tables()?.users.get(&id).cloned())
    }

    async fn user_by_name_key(&self, key: &str) -> StoreResult<Option<User>> {
        Ok(self.tables()?.users.values().find(|user| user.name.key() == key).cloned())
    }

    async fn users(&self) -> StoreResult<Vec<User>> {
        let mut users: Vec<_> = self.tables()?.users.values().cloned().collect();
        users.sort_by_key(|user| user.name.key());
        Ok(users)
    }

    async fn insert_token(&self, token: &Token) -> StoreResult<()> {
        self.tables()?.tokens.insert(token.hash, token.clone());
        Ok(())
    }

    async fn token(&self, hash: TokenHash, kind: TokenKind) -> StoreResult<Option<Token>> {
        Ok(self.tables()?.tokens.get(&hash).filter(|token| token.kind == kind).cloned())
    }

    async fn touch_token(&self, hash: TokenHash, used: Timestamp) -> StoreResult<()> {
        if let Some(token) = self.tables()?.tokens.get_mut(&hash) {
            token.last_used = used;
        }
        Ok(())
    }

    async fn delete_token(&self, hash: TokenHash) -> StoreResult<bool> {
        Ok(self.tables()?.tokens.remove(&hash).is_some())
    }

    async fn delete_tokens_of(&self, evaluation: EvaluationId) -> StoreResult<u64> {
        let mut tables = self.tables()?;
        let before = tables.tokens.len();
        tables.tokens.retain(|_, token| token.evaluation != Some(evaluation));
        Ok((before - tables.tokens.len()) as u64)
    }

    async fn delete_expired_tokens(&self, now: Timestamp, idle_since: Timestamp) -> StoreResult<u64> {
        let mut tables = self.tables()?;
        let before = tables.tokens.len();
        tables.tokens.retain(|_, token| {
            let may_idle = token.kind == TokenKind::Session && token.evaluation.is_none();
            let idle = may_idle && token.last_used < idle_since;
            !idle && token.expires.is_none_or(|end| end > now)
        });
        Ok((before - tables.tokens.len()) as u64)
    }
}
