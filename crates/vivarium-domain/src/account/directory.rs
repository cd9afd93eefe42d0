//! The directory of users: adding, removing and listing them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::accounts::Accounts;
use super::password::MAX_PASSWORD_BYTES;
use super::token::TokenSecret;
use super::user::{ADMINISTRATOR_ID, ADMINISTRATOR_NAME, Role, User};
use crate::access::Caller;
use crate::error::{Error, ErrorKind, FieldError, Result};
use crate::id::UserId;
use crate::name::Name;
use crate::ports::StoreError;

/// A user to add.
#[derive(Clone)]
pub struct NewUser {
    /// Login name.
    pub name: String,
    /// Name to show; the login name if there is none.
    pub full_name: Option<String>,
    /// Password.
    pub password: String,
    /// Roles of the MobileFirst dialect.
    pub roles: BTreeSet<Role>,
}

impl Accounts {
    /// A user by id. Everybody may look up everybody: names show in access lists.
    pub async fn user(&self, _caller: &Caller, id: UserId) -> Result<User> {
        self.store.user(id).await?.ok_or_else(|| Error::not_found(format!("there is no user `{id}`")))
    }

    /// All users by name.
    pub async fn users(&self, _caller: &Caller) -> Result<Vec<User>> {
        self.list_users().await
    }

    /// All users by name, for the operator who holds the data directory.
    pub async fn list_users(&self) -> Result<Vec<User>> {
        Ok(self.store.users().await?)
    }

    /// Adds a user, for the operator who holds the data directory.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a name or password that is not allowed, [`ErrorKind::AlreadyExists`].
    pub async fn add_user(&self, new: NewUser) -> Result<User> {
        self.insert(UserId::random(), new).await
    }

    /// Removes a user with all their sessions and tokens, for the operator who holds the data directory.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Conflict`] for the built-in administrator.
    pub async fn remove_user(&self, name: &str) -> Result<()> {
        let key = Name::parse(name).map(|name| name.key()).unwrap_or_default();
        let missing = || Error::not_found(format!("there is no user `{name}`"));
        let user = self.store.user_by_name_key(&key).await?.ok_or_else(missing)?;
        if user.id == ADMINISTRATOR_ID {
            return Err(Error::conflict("the built-in administrator cannot be removed"));
        }
        self.forget_proofs();
        if self.store.delete_user(user.id).await? { Ok(()) } else { Err(missing()) }
    }

    /// Makes sure that the administrator exists. At the first start, with no `password` given, one is generated
    /// and returned: the only time that anybody sees it.
    pub async fn ensure_administrator(&self, password: Option<&str>) -> Result<Option<String>> {
        if self.store.user(ADMINISTRATOR_ID).await?.is_some() {
            return Ok(None);
        }
        let generated = password.is_none().then(|| TokenSecret::random().reveal()[..24].to_owned());
        let chosen = password.map(str::to_owned).or_else(|| generated.clone()).unwrap_or_default();
        let roles = BTreeSet::from([Role::Admin]);
        let new = NewUser {
            name: ADMINISTRATOR_NAME.to_owned(),
            full_name: Some("Administrator".to_owned()),
            password: chosen,
            roles,
        };
        match self.insert(ADMINISTRATOR_ID, new).await {
            Ok(_) => Ok(generated),
            // Another node of the farm was quicker: its password holds.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The administrator, on whose behalf the operator who holds the data directory acts.
    pub async fn operator(&self) -> Result<Caller> {
        let user = self.store.user(ADMINISTRATOR_ID).await?;
        let missing =
            || Error::not_found("the server was never started on this store, so there is no administrator yet");
        user.map(|user| Caller::new(Arc::new(user))).ok_or_else(missing)
    }

    async fn insert(&self, id: UserId, new: NewUser) -> Result<User> {
        let name = check(&new).map_err(Error::invalid_fields)?;
        let now = self.clock.now();
        let full_name = new.full_name.unwrap_or_else(|| name.to_string());
        let password = self.passwords.hash(&new.password).await?;
        let user = User { id, name, full_name, password, roles: new.roles, created: now, modified: now };
        match self.store.insert_user(&user).await {
            Ok(()) => Ok(user),
            Err(StoreError::NameTaken) => {
                Err(Error::new(ErrorKind::AlreadyExists, format!("a user `{}` exists already", user.name)))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A `:` would end the name in HTTP Basic (RFC 7617).
fn check(new: &NewUser) -> Result<Name, Vec<FieldError>> {
    let mut faults = Vec::new();
    let name = Name::parse(&new.name);
    match &name {
        Err(reason) => faults.push(FieldError::new("name", reason.to_string())),
        Ok(name) if name.as_str().contains(':') => faults.push(FieldError::new("name", "must not contain `:`")),
        Ok(_) => {}
    }
    if new.password.is_empty() || new.password.len() > MAX_PASSWORD_BYTES {
        faults.push(FieldError::new("password", format!("must have 1 to {MAX_PASSWORD_BYTES} bytes")));
    }
    match name {
        Ok(name) if faults.is_empty() => Ok(name),
        _ => Err(faults),
    }
}
