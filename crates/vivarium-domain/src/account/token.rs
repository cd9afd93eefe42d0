//! Tokens: 256 random bits that stand for a user. Only their SHA-256 is ever stored.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::id::{EvaluationId, UserId};
use crate::time::Timestamp;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A session: `X-MSTR-AuthToken`.
    Session,
    /// Lets another program open a session as the same user, for a short time: `X-MSTR-IdentityToken`.
    Identity,
    /// Logs in without a password until it is revoked: login mode 4096.
    Api,
}

/// The secret itself: 52 characters of lower case base 32. It is never logged and never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret(String);

/// SHA-256 of a secret. A secret has 256 bits of entropy, so it needs neither salt nor stretching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// A token as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Hash of the secret; its key.
    pub hash: TokenHash,
    /// What it is good for.
    pub kind: TokenKind,
    /// Whom it stands for.
    pub user: UserId,
    /// When it was issued.
    pub created: Timestamp,
    /// When it was last used; written with a grain of some seconds.
    pub last_used: Timestamp,
    /// When it ends, whatever its use; `None` for tokens that end by revocation only.
    pub expires: Option<Timestamp>,
    /// The evaluation that it was made for, directly or by way of another token: it ends with that at the latest.
    pub evaluation: Option<EvaluationId>,
}

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl TokenSecret {
    /// A fresh one from the kernel's random source.
    ///
    /// # Panics
    /// When the kernel gives no random bytes.
    pub fn random() -> Self {
        let mut bytes = [0; 52];
        getrandom::fill(&mut bytes).expect("the kernel's random source answers");
        Self(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect())
    }

    /// What a client presents.
    pub fn from_client(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// What the client gets.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the store keeps of it: a token of no evaluation that ends by revocation only.
    pub fn token(&self, kind: TokenKind, user: UserId, created: Timestamp) -> Token {
        Token { hash: self.hash(), kind, user, created, last_used: created, expires: None, evaluation: None }
    }

    /// By what the store knows it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_url_safe_and_never_shown() {
        let secret = TokenSecret::random();
        assert_eq!(secret.reveal().len(), 52);
        assert!(secret.reveal().bytes().all(|byte| ALPHABET.contains(&byte)));
        assert_ne!(secret, TokenSecret::random());
        assert!(!format!("{secret:?}").contains(secret.reveal()));
        assert_eq!(secret.hash(), TokenSecret::from_client(secret.reveal()).hash());
    }
}
