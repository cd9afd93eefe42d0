//! The acting user of a use case.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Acl, Privilege, Rights};
use crate::account::{Role, Token, User};
use crate::error::{Error, ErrorKind, Result};
use crate::id::UserId;

/// Who is asking. Only [`crate::account::Accounts`] and tests make one, so a use case cannot be reached without a user.
#[derive(Debug, Clone)]
pub struct Caller {
    user: Arc<User>,
    privileges: BTreeSet<Privilege>,
    of_evaluation: Option<Token>,
}

impl Caller {
    /// Somebody whose identity is proven.
    pub fn new(user: Arc<User>) -> Self {
        let privileges = Privilege::of_roles(&user.roles);
        Self { user, privileges, of_evaluation: None }
    }

    /// Somebody whose identity this token has proven. One that was made for an evaluation stays with them.
    pub fn by_token(user: Arc<User>, token: &Token) -> Self {
        let of_evaluation = token.evaluation.is_some().then(|| token.clone());
        Self { of_evaluation, ..Self::new(user) }
    }

    /// The token by which they ask, if it is one of an evaluation: what they are given must not outlive it.
    pub fn token_of_evaluation(&self) -> Option<&Token> {
        self.of_evaluation.as_ref()
    }

    /// The user.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// Their id.
    pub fn id(&self) -> UserId {
        self.user.id
    }

    /// What they may do at all.
    pub fn privileges(&self) -> &BTreeSet<Privilege> {
        &self.privileges
    }

    /// Whether they hold one of `roles`.
    pub fn has_any_role(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.user.roles.contains(role))
    }

    /// Whether they may do everything.
    pub fn is_administrator(&self) -> bool {
        self.privileges.contains(&Privilege::Administer)
    }

    /// Refuses who lacks `privilege`.
    pub fn require(&self, privilege: Privilege) -> Result<()> {
        if self.privileges.contains(&privilege) {
            return Ok(());
        }
        let message = format!("user `{}` lacks the privilege `{}`", self.user.name, privilege.name());
        Err(Error::new(ErrorKind::MissingPrivilege, message))
    }

    /// What they may do with an object that has this list: the `acg` of the Strategy dialect.
    pub fn rights_on(&self, acl: &Acl) -> Rights {
        if self.is_administrator() { Rights::FULL } else { acl.rights_of(self.user.id) }
    }
}
