//! Passwords: Argon2id (RFC 9106) in its PHC string form.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};

/// Longest password, in bytes; hashing longer ones would be work for whoever sends them.
pub(super) const MAX_PASSWORD_BYTES: usize = 1024;

/// An Argon2id hash in PHC string form, with its salt and costs.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PasswordHash(..)")
    }
}

/// Hashes and verifies passwords off the async threads, few at a time: each takes 19 MiB and tens of milliseconds.
#[derive(Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
    dummy: Arc<str>,
}

impl Passwords {
    /// At most `parallel` at a time.
    pub fn new(parallel: usize) -> Result<Self> {
        let dummy = hash_now("a password that nobody has")?;
        Ok(Self { permits: Arc::new(Semaphore::new(parallel)), dummy: dummy.0.into() })
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: &str) -> Result<PasswordHash> {
        let password = password.to_owned();
        off_thread(self.permit().await?, move || hash_now(&password)).await?
    }

    /// Whether `password` is the one that was hashed. Without a hash (an unknown user) it takes as long and says no,
    /// so that the time does not tell who exists. `may_go` is asked when it is its turn.
    pub async fn verify(
        &self,
        password: &str,
        hash: Option<&PasswordHash>,
        may_go: impl FnOnce() -> Result<()>,
    ) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.map_or_else(|| self.dummy.to_string(), |hash| hash.0.clone());
        let password = password.to_owned();
        let permit = self.permit().await?;
        may_go()?;
        let matches = off_thread(permit, move || verify_now(&password, &hash)).await?;
        Ok(matches && known)
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        self.permits.clone().acquire_owned().await.map_err(Error::internal)
    }
}

/// The permit is held until the work has really ended, even if nobody waits for it any more.
async fn off_thread<T: Send + 'static>(
    permit: OwnedSemaphorePermit,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let guarded = move || {
        let result = work();
        drop(permit);
        result
    };
    tokio::task::spawn_blocking(guarded).await.map_err(Error::internal)
}

fn hash_now(password: &str) -> Result<PasswordHash> {
    let hash =
        Argon2::default().hash_password(password.as_bytes()).map_err(|fault| Error::internal(fault.to_string()))?;
    Ok(PasswordHash(hash.to_string()))
}

fn verify_now(password: &str, hash: &str) -> bool {
    argon2::PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_verifies() {
        let passwords = Passwords::new(1).unwrap();
        let hash = passwords.hash("pässword").await.unwrap();
        assert!(hash.0.starts_with("$argon2id$"));
        assert!(passwords.verify("pässword", Some(&hash), || Ok(())).await.unwrap());
        assert!(!passwords.verify("password", Some(&hash), || Ok(())).await.unwrap());
        assert!(!passwords.verify("a password that nobody has", None, || Ok(())).await.unwrap());
    }
}
