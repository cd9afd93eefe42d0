//! The identity of a running script: a session of its user that ends with the evaluation.

use std::sync::Arc;
use std::time::Duration;

use super::ending::Verdict;
use super::evaluations::Evaluations;
use crate::account::{Token, TokenKind, TokenSecret};
use crate::id::{EvaluationId, UserId};
use crate::ports::{Predefined, StoreResult};

/// How much longer than the script the token is good at most: an instance has to come up before its time counts.
const GRACE: Duration = Duration::from_secs(60);

/// What a script finds defined, given the session it may act by.
pub type Introduction = Arc<dyn Fn(&TokenSecret) -> Predefined + Send + Sync>;

impl Evaluations {
    /// What a script of the user finds defined; nothing, and no token is made, where scripts get no identity.
    pub(super) async fn introduce(
        &self,
        id: EvaluationId,
        user: UserId,
        time: Duration,
    ) -> Result<Predefined, Verdict> {
        let Some(introduction) = &self.parts.introduction else { return Ok(Predefined::default()) };
        let secret = TokenSecret::random();
        let now = self.parts.clock.now();
        let token = Token {
            expires: Some(now + time + GRACE),
            evaluation: Some(id),
            ..secret.token(TokenKind::Session, user, now)
        };
        match self.parts.store.insert_token(&token).await {
            Ok(()) => Ok(introduction(&secret)),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot give a script its identity");
                Err(Verdict::error("cannot start an instance: the script could not be given its identity"))
            }
        }
    }

    /// Ends the identity of a script, with all that was derived from it.
    pub(super) async fn forget_identity(&self, id: EvaluationId) {
        if self.parts.introduction.is_none() {
            return;
        }
        if let Err(error) = self.revoke(id).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                evaluation = %id,
                "cannot revoke the identity of a script; it expires by itself"
            );
        }
    }

    /// Removes the tokens of an evaluation, also those of a server that ended without notice.
    pub(super) async fn revoke(&self, id: EvaluationId) -> StoreResult<()> {
        self.parts.store.delete_tokens_of(id).await.map(drop)
    }
}
