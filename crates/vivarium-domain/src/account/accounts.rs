//! Logging in and out, and telling who a request comes from.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::attempts::LoginAttempts;
use super::password::{MAX_PASSWORD_BYTES, Passwords};
use super::recent::Recent;
use super::token::{Token, TokenKind, TokenSecret};
use super::user::User;
use crate::access::{Caller, Privilege};
use crate::error::{Error, ErrorKind, Result};
use crate::id::UserId;
use crate::name::Name;
use crate::ports::Store;
use crate::time::{SharedClock, Timestamp};

/// How long a proven identity is taken for granted without asking the database again.
const TRUST: Duration = Duration::from_secs(5);

/// How long a verified pair of name and password is taken for granted without hashing again.
const BASIC_TRUST: Duration = Duration::from_secs(60);

/// The use of a session is noted at most this often.
const TOUCH_GRAIN: Duration = Duration::from_secs(30);

/// How long tokens live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionSettings {
    /// A session ends when it was not used for so long.
    pub idle: Duration,
    /// A session ends so long after it began, whatever its use.
    pub absolute: Duration,
    /// An identity token ends so long after it was issued.
    pub identity_lifetime: Duration,
}

/// What somebody logs in with.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Login name and password.
    Password {
        /// Login name.
        name: String,
        /// Password.
        password: String,
    },
    /// An API token.
    ApiToken(TokenSecret),
    /// An identity token.
    IdentityToken(TokenSecret),
}

/// A fresh session.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// What the client presents from now on.
    pub secret: TokenSecret,
    /// Who it stands for.
    pub caller: Caller,
}

/// The use cases of logging in.
pub struct Accounts {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: SharedClock,
    pub(super) passwords: Passwords,
    attempts: LoginAttempts,
    settings: SessionSettings,
    sessions: Recent<super::TokenHash, (Caller, Token)>,
    basic: Recent<[u8; 32], ()>,
    users: Recent<String, Arc<User>>,
    /// Keys the hashes of verified name and password pairs, so that a dump of memory does not give them away.
    basic_key: TokenSecret,
}

impl Accounts {
    /// The use cases over `store`.
    pub fn new(
        store: Arc<dyn Store>,
        clock: SharedClock,
        passwords: Passwords,
        attempts: LoginAttempts,
        settings: SessionSettings,
    ) -> Self {
        let (sessions, basic, users) = (Recent::new(TRUST), Recent::new(BASIC_TRUST), Recent::new(TRUST));
        Self { store, clock, passwords, attempts, settings, sessions, basic, users, basic_key: TokenSecret::random() }
    }

    /// How long tokens live.
    pub fn session_settings(&self) -> &SessionSettings {
        &self.settings
    }

    /// Opens a session.
    ///
    /// # Errors
    /// [`ErrorKind::BadCredentials`] without saying which part was wrong, [`ErrorKind::TooManyRequests`] after too many failures.
    pub async fn log_in(&self, credentials: Credentials, address: IpAddr) -> Result<IssuedToken> {
        let caller = match credentials {
            Credentials::Password { name, password } => {
                Caller::new(self.verify_password(&name, &password, address).await?)
            }
            Credentials::ApiToken(secret) => self.redeem(&secret, TokenKind::Api, address).await?,
            Credentials::IdentityToken(secret) => self.redeem(&secret, TokenKind::Identity, address).await?,
        };
        let secret = self.issue_within(&caller, TokenKind::Session, self.settings.absolute).await?;
        Ok(IssuedToken { secret, caller })
    }

    /// Who a session stands for. Counts as a use of it.
    ///
    /// # Errors
    /// [`ErrorKind::NoSession`] if there is none or it has ended.
    pub async fn authenticate(&self, secret: &TokenSecret) -> Result<Caller> {
        let now = self.clock.now();
        let hash = secret.hash();
        if let Some((caller, token)) = self.sessions.get(&hash, now)
            && self.is_good(&token, now)
        {
            return Ok(caller);
        }
        let token = self.store.token(hash, TokenKind::Session).await?.filter(|token| self.is_good(token, now));
        let mut token = token.ok_or_else(no_session)?;
        let user = self.store.user(token.user).await?.ok_or_else(no_session)?;
        if now.since(token.last_used) >= TOUCH_GRAIN.min(self.settings.idle / 4) {
            self.store.touch_token(hash, now).await?;
            token.last_used = now;
        }
        let caller = Caller::by_token(Arc::new(user), &token);
        // What ends with an evaluation ends at once: no proof of it is kept.
        if token.evaluation.is_none() {
            self.sessions.put(hash, (caller.clone(), token), now);
        }
        Ok(caller)
    }

    /// Notes that a session is in use, to the microsecond.
    ///
    /// # Errors
    /// [`ErrorKind::NoSession`] if there is none or it has ended.
    pub async fn renew(&self, secret: &TokenSecret) -> Result<()> {
        self.authenticate(secret).await?;
        self.store.touch_token(secret.hash(), self.clock.now()).await?;
        self.sessions.forget(&secret.hash());
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`ErrorKind::NoSession`] if there is none or it has ended.
    pub async fn log_out(&self, secret: &TokenSecret) -> Result<()> {
        self.authenticate(secret).await?;
        self.sessions.forget(&secret.hash());
        if self.store.delete_token(secret.hash()).await? { Ok(()) } else { Err(no_session()) }
    }

    /// Who a pair of name and password stands for (RFC 7617), for dialects without sessions.
    ///
    /// # Errors
    /// As [`Accounts::log_in`].
    pub async fn authenticate_basic(&self, name: &str, password: &str, address: IpAddr) -> Result<Caller> {
        let now = self.clock.now();
        let key = Name::parse(name).map_or_else(|_| String::new(), |name| name.key());
        if let Some(user) = self.known_user(&key, now).await?
            && self.basic.get(&self.basic_digest(&user, password), now).is_some()
        {
            return Ok(Caller::new(user));
        }
        let user = self.verify_password(name, password, address).await?;
        self.basic.put(self.basic_digest(&user, password), (), now);
        Ok(Caller::new(user))
    }

    /// A token by which another program may open a session as the caller, for a short time.
    ///
    /// # Errors
    /// [`ErrorKind::NoSession`] if the caller's evaluation ends meanwhile.
    pub async fn issue_identity_token(&self, caller: &Caller) -> Result<TokenSecret> {
        self.issue_within(caller, TokenKind::Identity, self.settings.identity_lifetime).await
    }

    /// Whether an identity token is good.
    ///
    /// # Errors
    /// [`ErrorKind::BadCredentials`] if it is not.
    pub async fn check_identity_token(&self, secret: &TokenSecret) -> Result<()> {
        let now = self.clock.now();
        let token = self.store.token(secret.hash(), TokenKind::Identity).await?;
        token.filter(|token| self.is_good(token, now)).map(|_| ()).ok_or_else(bad_credentials)
    }

    /// A token that logs in without a password, for the caller or, with the privilege to administer, for somebody else.
    ///
    /// # Errors
    /// [`ErrorKind::MissingPermission`] for scripts, whose identity ends with them; [`ErrorKind::MissingPrivilege`] and
    /// [`ErrorKind::NotFound`] for somebody else's.
    pub async fn issue_api_token(&self, caller: &Caller, user: Option<UserId>) -> Result<TokenSecret> {
        if caller.token_of_evaluation().is_some() {
            let message = "a running script cannot make API tokens: what it is given ends with it";
            return Err(Error::new(ErrorKind::MissingPermission, message));
        }
        let user = user.unwrap_or(caller.id());
        if user != caller.id() {
            caller.require(Privilege::Administer)?;
            self.store.user(user).await?.ok_or_else(|| Error::not_found(format!("there is no user `{user}`")))?;
        }
        let secret = TokenSecret::random();
        self.store.insert_token(&secret.token(TokenKind::Api, user, self.clock.now())).await?;
        Ok(secret)
    }

    /// Removes tokens that have ended; how many.
    pub async fn delete_expired_tokens(&self) -> Result<u64> {
        let now = self.clock.now();
        Ok(self.store.delete_expired_tokens(now, now - self.settings.idle).await?)
    }

    /// Forgets what was proven before a user changed.
    pub(super) fn forget_proofs(&self) {
        self.sessions.forget_all();
        self.basic.forget_all();
        self.users.forget_all();
    }

    /// The limit is checked again right before the work, of which little goes on at a time:
    /// attempts made all at once do not get past it, and a good many right ones do.
    async fn verify_password(&self, name: &str, password: &str, address: IpAddr) -> Result<Arc<User>> {
        let key = Name::parse(name).map(|name| name.key()).map_err(|_| bad_credentials())?;
        self.attempts.check(address, &key, self.clock.now())?;
        let user = self.store.user_by_name_key(&key).await?;
        let hash = user.as_ref().map(|user| &user.password);
        let still_allowed = || self.attempts.check(address, &key, self.clock.now());
        let right =
            password.len() <= MAX_PASSWORD_BYTES && self.passwords.verify(password, hash, still_allowed).await?;
        match user {
            Some(user) if right => Ok(Arc::new(user)),
            _ => {
                self.attempts.failed(address, &key, self.clock.now());
                Err(bad_credentials())
            }
        }
    }

    /// Nobody guesses 256 bits: the limit is per address, to keep the noise down, and costs nobody else anything.
    async fn redeem(&self, secret: &TokenSecret, kind: TokenKind, address: IpAddr) -> Result<Caller> {
        let now = self.clock.now();
        let key = format!("{:?}", secret.hash());
        self.attempts.check(address, &key, now)?;
        let token = self.store.token(secret.hash(), kind).await?.filter(|token| self.is_good(token, now));
        let caller = match token {
            Some(token) => {
                let user = self.store.user(token.user).await?;
                user.map(|user| Caller::by_token(Arc::new(user), &token))
            }
            None => None,
        };
        caller.ok_or_else(|| {
            self.attempts.failed(address, &key, now);
            bad_credentials()
        })
    }

    /// A token for the caller, which lives so long; or as long as their evaluation can, if they ask by a token of one.
    async fn issue_within(&self, caller: &Caller, kind: TokenKind, lifetime: Duration) -> Result<TokenSecret> {
        let now = self.clock.now();
        let secret = TokenSecret::random();
        let parent = caller.token_of_evaluation();
        let token = Token {
            expires: parent.map_or(Some(now + lifetime), |parent| parent.expires),
            evaluation: parent.and_then(|parent| parent.evaluation),
            ..secret.token(kind, caller.id(), now)
        };
        self.store.insert_token(&token).await?;
        if let Some(parent) = parent {
            self.require_still(parent, &token).await?;
        }
        Ok(secret)
    }

    /// Whoever ends an evaluation removes all its tokens at once: either `token` with them, or `parent` is gone by now.
    async fn require_still(&self, parent: &Token, token: &Token) -> Result<()> {
        if self.store.token(parent.hash, parent.kind).await?.is_some() {
            return Ok(());
        }
        self.store.delete_token(token.hash).await?;
        Err(no_session())
    }

    fn is_good(&self, token: &Token, now: Timestamp) -> bool {
        let may_idle = token.kind == TokenKind::Session && token.evaluation.is_none();
        let idle = may_idle && now.since(token.last_used) >= self.settings.idle;
        !idle && token.expires.is_none_or(|end| now < end)
    }

    async fn known_user(&self, key: &str, now: Timestamp) -> Result<Option<Arc<User>>> {
        if let Some(user) = self.users.get(&key.to_owned(), now) {
            return Ok(Some(user));
        }
        let user = self.store.user_by_name_key(key).await?.map(Arc::new);
        if let Some(user) = &user {
            self.users.put(key.to_owned(), user.clone(), now);
        }
        Ok(user)
    }

    /// Changes with the stored hash, so that a new password makes every earlier proof worthless.
    fn basic_digest(&self, user: &User, password: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [self.basic_key.reveal(), &user.password.0, password] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }
}

fn no_session() -> Error {
    Error::new(ErrorKind::NoSession, "the session is not valid or has ended; log in again")
}

fn bad_credentials() -> Error {
    Error::new(ErrorKind::BadCredentials, "the login failed: wrong user name, password or token")
}
